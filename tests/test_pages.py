"""Every page in tests/pages reads as the file beside it says."""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from crawler.parsers import abc
from storage.records import ARTICLE_FIELDS, Article, RaceState, Refusal, Snapshot

PAGES = Path(__file__).parent / "pages" / "abc_story"
NAMES = sorted(
    {path.stem for path in PAGES.glob("*.html")} | {p.stem for p in PAGES.glob("*.json")}
)


def read(name: str) -> tuple[Snapshot, dict[str, Any]]:
    expected = json.loads((PAGES / f"{name}.json").read_text("utf-8"))
    snapshot = abc.parse(
        abc.STORY,
        (PAGES / f"{name}.html").read_bytes(),
        url=expected["url"],
        charset="utf-8",
        election_date=date.fromisoformat(expected["election_date"]),
        fetched_at=datetime.fromisoformat(expected["fetched_at"]),
    )
    return snapshot, expected


def refusal(snapshot: Snapshot, part: str) -> Refusal | None:
    return next((r for r in snapshot.refusals if r.part == part), None)


def banner_facts(race: RaceState) -> dict[str, Any]:
    assert race.source_updated_at is not None
    return {
        "source_updated_at": race.source_updated_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "projection": race.projection,
        "expected_vote_pct": race.expected_vote_pct,
        "tallies": {
            t.candidate: {"name": t.name, "electoral_votes": t.electoral_votes, "votes": t.votes}
            for t in race.tallies
        },
    }


def article_facts(article: Article) -> dict[str, Any]:
    facts: dict[str, Any] = {name: article.value(name) for name in ARTICLE_FIELDS}
    for name in ("published_at", "modified_at"):
        facts[name] = facts[name] and facts[name].replace(".000Z", "Z")
    facts["byline"] = facts["byline"].split("; ") if facts["byline"] else []
    facts["paragraphs"] = facts.pop("body").split("\n\n")
    return facts | {"id": article.id, "url": article.url, "section": article.section}


def test_there_are_pages() -> None:
    assert len(NAMES) > 60


@pytest.mark.parametrize("name", NAMES)
def test_banner(name: str) -> None:
    snapshot, expected = read(name)
    refused = refusal(snapshot, "race")
    wanted = expected["banner"]
    if wanted is None:
        assert (snapshot.races, refused) == ((), None)
    elif "refused" in wanted:
        assert snapshot.races == ()
        assert refused is not None
        assert re.search(wanted["refused"], refused.reason, re.IGNORECASE)
    else:
        assert refused is None
        (race,) = snapshot.races
        assert (race.race, race.place) == ("president", "us")
        assert banner_facts(race) == wanted


@pytest.mark.parametrize("name", NAMES)
def test_article(name: str) -> None:
    snapshot, expected = read(name)
    refused = refusal(snapshot, "article")
    wanted = expected["article"]
    if "refused" in wanted:
        assert snapshot.article is None
        assert refused is not None
        assert re.search(wanted["refused"], refused.reason, re.IGNORECASE)
    else:
        assert refused is None
        assert snapshot.article is not None
        facts = article_facts(snapshot.article)
        assert {key: facts[key] for key in wanted} == wanted
