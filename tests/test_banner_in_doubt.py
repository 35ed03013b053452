"""Banners that could be read in two ways: refused by name, or read in the one way that holds.

Each is made from the lines of a real banner, of 12 November 2024, by moving or dropping some.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

import pytest

from crawler.parsers import abc
from storage.records import RaceState, Snapshot

HEAD = (
    "Your Voice Your Vote 2024",
    "Live results",
    "Updated: Nov. 12, 6:00 PM ET",
    "National Election Results: presidential",
)
CALL = "republicans icon Projection: Trump is President-elect"
PAIR = ("226", "312")
COUNT = ("Harris", "71,900,392", "270 to win", "Trump", "75,068,566")
EXPECTED = "Expected vote reporting: 95%"
REAL = (*HEAD, CALL, *PAIR, *PAIR, *COUNT, EXPECTED)
FIGURES = {"harris": (226, 71_900_392), "trump": (312, 75_068_566)}


def read(*lines: str, before: str = "", after: str = "", markup: str = "<div>{}</div>") -> Snapshot:
    banner = "".join(markup.format(line) for line in lines)
    return read_html(before + banner + after)


def read_html(banner: str) -> Snapshot:
    page = (
        f"<!doctype html><html><body>{banner}<main><div data-testid='prism-headline'><h1>"
        "<span>Clerks count on</span></h1></div><div data-testid='prism-article-body'>"
        "<p>It takes time.</p></div></main></body></html>"
    )
    snapshot = abc.parse(
        abc.STORY,
        page.encode(),
        url="https://abcnews.go.com/Politics/x/story?id=115724508",
        charset="utf-8",
        election_date=date(2024, 11, 5),
        fetched_at=datetime(2024, 11, 13, 12, tzinfo=UTC),
    )
    assert snapshot.article is not None
    assert snapshot.article.value("headline") == "Clerks count on"
    assert snapshot.article.value("body") == "It takes time."
    return snapshot


def race_of(snapshot: Snapshot) -> RaceState:
    assert snapshot.refusals == ()
    (race,) = snapshot.races
    return race


def figures(race: RaceState) -> dict[str, tuple[int | None, int | None]]:
    return {t.candidate: (t.electoral_votes, t.votes) for t in race.tallies}


def reason(snapshot: Snapshot) -> str:
    assert snapshot.races == ()
    (refusal,) = snapshot.refusals
    assert (refusal.part, refusal.race) == ("race", "president")
    return refusal.reason


def without(lines: Sequence[str], *dropped: str) -> list[str]:
    return [line for line in lines if line not in dropped]


def test_the_real_lines_read_as_they_say() -> None:
    race = race_of(read(*REAL))
    assert figures(race) == FIGURES
    assert race.projection == "trump"


@pytest.mark.parametrize("missing", PAIR)
@pytest.mark.parametrize("call", [(CALL,), ()], ids=["called", "not called"])
def test_a_number_missing_from_both_pairs_is_not_made_up(missing: str, call: tuple[str]) -> None:
    """What is left, the same number twice, looks like a pair."""
    left = without((*HEAD, *call, *PAIR, *PAIR, *COUNT, EXPECTED), missing)
    assert "electoral votes" in reason(read(*left))


def test_a_tie_that_stands_twice_is_no_half_pair() -> None:
    race = race_of(read(*HEAD, *("269",) * 4, *COUNT, EXPECTED))
    assert figures(race) == {"harris": (269, 71_900_392), "trump": (269, 75_068_566)}


def test_before_the_first_elector_a_pair_of_zeros_is_a_pair() -> None:
    race = race_of(read(*HEAD, "0", "0", *COUNT, EXPECTED))
    assert {electors for electors, _ in figures(race).values()} == {0}


@pytest.mark.parametrize("at", range(1, len(HEAD) + 1))
def test_the_call_may_stand_anywhere_within_the_banner(at: int) -> None:
    lines = without(REAL, CALL)
    race = race_of(read(*lines[:at], CALL, *lines[at:]))
    assert race.projection == "trump"
    assert figures(race) == FIGURES


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_call_beside_the_banner_is_not_dropped_without_a_word(where: str) -> None:
    """Without it the banner would say that the call was taken back."""
    snapshot = read(*without(REAL, CALL), **{where: f"<div>{CALL}</div>"})
    assert "projection" in reason(snapshot).lower()


def test_a_headline_about_a_projection_is_none_of_the_banner_s() -> None:
    race = race_of(read(*REAL, after="<h2>Projection: Democrats will keep the seat</h2>"))
    assert race.projection == "trump"


LAYOUT_2020 = (
    '<div><div class="Candidate"><b>Harris</b><i>{}</i></div><div>270 to win</div>'
    '<div class="Candidate"><b>Trump</b><i>{}</i></div></div>'
    "<div><div>{}</div><div>{}</div></div>"
)


def layout_2020(*numbers: str) -> str:
    head = "".join(f"<div>{line}</div>" for line in HEAD)
    return f"{head}{LAYOUT_2020.format(*numbers)}<div>{EXPECTED}</div>"


@pytest.mark.parametrize("suffix", ["", " votes"])
def test_popular_votes_below_the_names_with_and_without_the_word(suffix: str) -> None:
    votes = [f"{number}{suffix}" for number in ("71,900,392", "75,068,566")]
    assert figures(race_of(read_html(layout_2020("226", "312", *votes)))) == FIGURES


def test_small_counts_below_the_names_are_not_taken_for_electors() -> None:
    """3 and 8 electors, 120 and 90 votes: nothing but the word could tell which is which."""
    assert "votes" in reason(read_html(layout_2020("3", "8", "120", "90")))
    told = race_of(read_html(layout_2020("3", "8", "120 votes", "90 votes")))
    assert figures(told) == {"harris": (3, 120), "trump": (8, 90)}


def test_landmarks_in_capitals_are_landmarks() -> None:
    keep = (*PAIR, *COUNT[:2], *COUNT[3:])
    lines = [line if line in keep else line.upper() for line in REAL if line != CALL]
    assert figures(race_of(read(*lines))) == FIGURES


def test_a_title_with_one_landmark_left_is_a_damaged_banner() -> None:
    left = without(REAL, HEAD[3], "270 to win", EXPECTED)
    assert "missing" in reason(read(*left))


def test_the_title_alone_is_no_banner() -> None:
    """It is also the name under which ABC covers the election."""
    snapshot = read(HEAD[0])
    assert (snapshot.races, snapshot.refusals) == ((), ())


@pytest.mark.parametrize("element", ["div", "pre", "p"])
def test_a_banner_run_together_into_one_text_is_refused(element: str) -> None:
    joined = "\n".join(REAL)
    assert "landmarks" in reason(read_html(f"<{element}>{joined}</{element}>"))


@pytest.mark.parametrize("suffix", [" Jr.", " Sr.", " III"])
def test_a_suffix_is_no_last_name(suffix: str) -> None:
    lines = [f"Robert Kennedy{suffix}" if line == "Harris" else line for line in REAL]
    race = race_of(read(*lines))
    assert {t.candidate: t.name for t in race.tallies} == {
        "kennedy": f"Robert Kennedy{suffix}",
        "trump": "Trump",
    }
