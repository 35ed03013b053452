"""A real page of 12 November 2024, whose text alone was kept, rebuilt as HTML."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from html import escape
from pathlib import Path

import pytest

from crawler.parsers import abc
from storage.records import Snapshot

pytestmark = pytest.mark.data

SEED = Path(__file__).parents[2] / "shared" / "seeds" / "abc-story-2024-11-12.txt"
URL = "https://abcnews.go.com/International/russia-prepares-counteroffensive/story?id=115724508"


def blocks() -> list[list[str]]:
    """The page's lines, grouped as its blank lines group them."""
    return [group.splitlines() for group in re.split(r"\n\s*\n", SEED.read_text("utf-8").strip())]


def parts() -> tuple[list[str], str, str, str, list[list[str]]]:
    """The banner's lines, headline, dek, date, and the blocks of the body."""
    groups = blocks()
    end = next(i for i, g in enumerate(groups) if g[-1].startswith("Expected vote reporting"))
    banner = [line for group in groups[: end + 1] for line in group]
    (headline,), (dek,), (dated,) = groups[end + 1 : end + 4]
    return banner, headline, dek, dated, groups[end + 4 :]


def is_caption(block: list[str]) -> bool:
    """A caption is the only thing on the page with a second line: its credit."""
    return len(block) == 2 and block[1] == "AP"


def rebuilt() -> bytes:
    """The page in the outlet's layout of 2024, with its text and nothing else."""
    banner, headline, dek, dated, body = parts()
    icon = "republicans icon "
    furniture = "".join(
        f'<div class="a"><span>{escape(line.removeprefix(icon))}</span></div>' for line in banner
    )
    pieces = []
    for block in body:
        if is_caption(block):
            caption, credit = map(escape, block)
            pieces.append(
                '<div data-testid="prism-inline-image"><figure><img alt=""><figcaption>'
                f"<p>{caption}</p><span>{credit}</span></figcaption></figure></div>"
            )
        else:
            pieces.append(f"<p>{escape(block[0])}</p>")
    return (
        f"<!doctype html><html><head><title>{escape(headline)} - ABC News</title></head><body>"
        f'<div class="b">{furniture}</div><main class="FITT_Article_main__body">'
        f'<div data-testid="prism-headline"><h1><span>{escape(headline)}</span></h1>'
        f"<p>{escape(dek)}</p></div>"
        f'<div data-testid="prism-byline"><div>{escape(dated)}</div></div>'
        f'<div data-testid="prism-article-body">{"".join(pieces)}</div></main></body></html>'
    ).encode()


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return abc.parse(
        abc.STORY,
        rebuilt(),
        url=URL,
        charset="utf-8",
        election_date=date(2024, 11, 5),
        fetched_at=datetime(2024, 11, 12, 23, 5, tzinfo=UTC),
    )


def test_nothing_on_it_is_refused(snapshot: Snapshot) -> None:
    assert snapshot.refusals == ()


def test_banner(snapshot: Snapshot) -> None:
    (race,) = snapshot.races
    assert (race.race, race.place, race.projection) == ("president", "us", "trump")
    assert race.source_updated_at == datetime(2024, 11, 12, 23, 0, tzinfo=UTC)
    assert race.expected_vote_pct == 95
    assert {t.candidate: (t.name, t.electoral_votes, t.votes) for t in race.tallies} == {
        "harris": ("Harris", 226, 71_900_392),
        "trump": ("Trump", 312, 75_068_566),
    }


def test_head_of_the_story(snapshot: Snapshot) -> None:
    article = snapshot.article
    assert article is not None
    _, headline, dek, _, _ = parts()
    assert article.id == "115724508"
    assert article.value("headline") == headline
    assert article.value("dek") == dek
    assert article.value("published_at") == "2024-11-11T09:22:00.000Z"


def test_the_twelve_paragraphs_and_nothing_else(snapshot: Snapshot) -> None:
    article = snapshot.article
    assert article is not None
    text = article.value("body")
    assert text is not None
    *body, credits = [b for b in parts()[4] if not is_caption(b)]
    assert credits[0].endswith("contributed to this report.")
    assert len(body) == 12
    assert text.split("\n\n") == [line for (line,) in body]
