"""What a page shows and nobody should believe at once."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.doubts import CONFIRMED_AFTER, Doubt, doubt, falls_to_zero
from storage.records import RaceState
from tests.builders import NOON, counted, race, race_states, tally

ELECTION_DAY = datetime(2024, 11, 5, tzinfo=ZoneInfo("America/New_York"))
SECOND = timedelta(seconds=1)
NOBODY: Set[str] = frozenset()


def doubted(
    new: RaceState,
    current: RaceState | None = None,
    *,
    now: datetime = NOON,
    many: bool = False,
    gone: Set[str] = NOBODY,
) -> Doubt | None:
    return doubt(new, current, election_day=ELECTION_DAY, now=now, many_at_zero=many, gone=gone)


def reason(found: Doubt | None) -> str:
    assert found is not None
    return found.reason


def without(state: RaceState, *candidates: str) -> RaceState:
    return replace(state, tallies=tuple(t for t in state.tallies if t.candidate not in candidates))


def test_what_is_doubted_is_believed_after_five_minutes() -> None:
    assert timedelta(minutes=5) == CONFIRMED_AFTER


@given(race_states())
def test_a_state_after_which_nothing_vanished_is_believed(state: RaceState) -> None:
    state = replace(state, tallies=tuple(replace(t, electoral_votes=0) for t in state.tallies))
    assert doubted(state) is None
    assert doubted(state, state) is None


@given(st.integers(1, 300_000_000), st.integers(1, 300_000_000), st.booleans())
def test_votes_that_fall_to_anything_but_zero_are_believed(
    before: int, after: int, many: bool
) -> None:
    now = counted(harris=after, trump=0)
    assert doubted(now, counted(harris=before, trump=before), many=many) is None


@given(race_states(), st.none() | race_states(), st.booleans())
def test_every_doubt_has_a_reason(new: RaceState, current: RaceState | None, many: bool) -> None:
    before = NOBODY if current is None else {t.candidate for t in current.tallies}
    found = doubted(new, current, many=many, gone=before - {t.candidate for t in new.tallies})
    assert found is None or found.reason.strip()


# The page's own mark.


def test_the_page_s_own_mark_is_the_reason_and_time_never_heals_it() -> None:
    marked = replace(counted(harris=5), doubt="the page says that it is a test")
    for current in (None, counted(harris=5)):
        found = doubted(marked, current)
        assert reason(found) == "the page says that it is a test"
        assert found is not None
        assert found.confirmed_after is None


def test_the_page_s_own_mark_comes_before_a_doubt_that_time_heals() -> None:
    marked = replace(counted(harris=0), doubt="a test")
    found = doubted(marked, counted(harris=50_000))
    assert found == Doubt(kind="mark", reason="a test", confirmed_after=None)


# Before the election (R10).


@pytest.mark.parametrize("current", [None, counted(harris=0, trump=0)])
def test_votes_before_the_day_are_named_and_time_never_heals_them(
    current: RaceState | None,
) -> None:
    early = race(tally("harris", 12_000), tally("trump", 345), updated=ELECTION_DAY - SECOND)
    found = doubted(early, current)
    assert "12,345 votes" in reason(found)
    assert found is not None
    assert found.confirmed_after is None


def test_one_vote_is_enough_before_the_day_and_none_is_not() -> None:
    early = ELECTION_DAY - SECOND
    assert doubted(race(tally("harris", 1), updated=early)) is not None
    assert doubted(race(tally("harris", 0), updated=early)) is None
    assert doubted(race(tally("harris", None), updated=early)) is None
    assert doubted(race(updated=early)) is None


def test_a_call_before_the_day_is_doubted() -> None:
    early = ELECTION_DAY - SECOND
    called = race(tally("harris", 0), projection="harris", updated=early)
    assert "projection" in reason(doubted(called))
    assert doubted(replace(called, projection=None, runoff=frozenset({"harris"}))) is not None
    assert doubted(replace(called, source_updated_at=ELECTION_DAY)) is None


@pytest.mark.parametrize(("seconds", "believed"), [(-1, False), (0, True), (1, True)])
def test_the_day_begins_at_midnight_in_the_source_s_zone(seconds: int, believed: bool) -> None:
    moment = datetime.fromisoformat("2024-11-05T05:00:00+00:00") + seconds * SECOND
    assert (doubted(race(tally("harris", 3), updated=moment)) is None) is believed
    by_our_clock = race(tally("harris", 3), updated=None)
    assert (doubted(by_our_clock, now=moment) is None) is believed


def test_our_clock_counts_only_where_the_source_has_none() -> None:
    before, after = ELECTION_DAY - SECOND, ELECTION_DAY + SECOND
    assert doubted(race(tally("harris", 3), updated=before), now=after) is not None
    assert doubted(race(tally("harris", 3), updated=after), now=before) is None


def test_random_results_of_a_rehearsal_nine_days_early_are_doubted() -> None:
    rehearsal = race(
        tally("harris", 3_293_712),
        tally("trump", 2_997_793),
        projection="harris",
        expected=100,
        updated=datetime.fromisoformat("2024-10-27T18:00:00-04:00"),
    )
    assert "6,291,505 votes" in reason(doubted(rehearsal))


# Electors (R5).


def with_electors(harris: int | None, trump: int | None, seats: int | None) -> RaceState:
    return replace(race(tally("harris", 5, harris), tally("trump", 6, trump)), seats=seats)


@pytest.mark.parametrize(
    ("harris", "trump", "seats", "believed"),
    [
        (226, 312, None, True),
        (226, 313, None, False),
        (0, 538, 538, True),
        (539, None, None, False),
        (0, 30, 30, True),
        (0, 31, 30, False),
        (15, 16, 30, False),
        (None, None, 30, True),
        (None, 30, 30, True),
        (0, 0, 0, True),
        (0, 1, 0, False),
    ],
)
def test_no_more_electors_are_given_than_there_are(
    harris: int | None, trump: int | None, seats: int | None, believed: bool
) -> None:
    found = doubted(with_electors(harris, trump, seats))
    assert (found is None) is believed
    assert found is None or found.confirmed_after == CONFIRMED_AFTER


def test_too_many_electors_are_named_with_how_many_there_are() -> None:
    nation = reason(doubted(with_electors(227, 312, None)))
    assert "539" in nation
    assert "538" in nation
    florida = reason(doubted(with_electors(1, 30, 30)))
    assert "31" in florida
    assert "30" in florida.replace("31", "")


@given(st.integers(0, 600), st.integers(0, 600), st.none() | st.integers(0, 538))
def test_electors_are_doubted_just_where_they_are_too_many(
    harris: int, trump: int, seats: int | None
) -> None:
    most = 538 if seats is None else seats
    found = doubted(with_electors(harris, trump, seats))
    assert (found is not None) == (harris + trump > most)


@pytest.mark.parametrize("given", [(3, 1), (2, 0), (0, 0), (3, 0), (4, 0)])
def test_maine_may_split_its_electors_and_give_them_one_by_one(given: tuple[int, int]) -> None:
    maine = replace(with_electors(*given, 4), place="us/me", projection="harris")
    assert doubted(maine) is None


@pytest.mark.parametrize(
    ("given", "believed"), [(0, True), (1, False), (15, False), (29, False), (30, True)]
)
def test_a_place_that_is_called_gives_all_of_its_electors(given: int, believed: bool) -> None:
    called = replace(with_electors(0, given, 30), place="us/fl", projection="trump")
    found = doubted(called)
    assert (found is None) is believed
    assert found is None or found.confirmed_after == CONFIRMED_AFTER
    assert doubted(replace(called, projection=None)) is None
    for split in ("us", "us/me", "us/ne"):
        assert doubted(replace(called, place=split)) is None


def test_electors_that_are_not_given_yet_do_not_speak_against_a_call() -> None:
    assert doubted(replace(with_electors(0, 0, 30), projection="trump")) is None
    assert doubted(replace(with_electors(None, None, 30), projection="trump")) is None


def test_a_call_of_the_nation_gives_nobody_all_electors() -> None:
    nation = replace(with_electors(223, 294, 538), projection="trump")
    assert doubted(nation) is None


# Falls to zero (R8).


@pytest.mark.parametrize(("before", "believed"), [(9_999, True), (10_000, False), (10_001, False)])
def test_a_fall_to_zero_is_doubted_from_10_000_votes_on(before: int, believed: bool) -> None:
    stood = counted(harris=before - 400, trump=400)
    found = doubted(counted(harris=0, trump=0), stood)
    assert (found is None) is believed
    assert found is None or found.confirmed_after == CONFIRMED_AFTER


@pytest.mark.parametrize("before", [1, 9_999, 10_000])
def test_any_fall_to_zero_is_doubted_when_many_fall_at_once(before: int) -> None:
    zero = counted(harris=0, trump=0)
    assert doubted(zero, counted(harris=before, trump=0), many=True) is not None


def test_a_fall_together_with_others_says_so() -> None:
    zero, stood = counted(harris=0, trump=0), counted(harris=12_000, trump=345)
    assert "other races" in reason(doubted(zero, stood, many=True))
    assert "other races" not in reason(doubted(zero, stood))


def test_a_race_that_had_no_votes_does_not_fall_with_many() -> None:
    zero = counted(harris=0, trump=0)
    for current in (zero, counted(harris=None), race(), None):
        assert doubted(zero, current, many=True) is None
    assert doubted(counted(harris=8, trump=0), counted(harris=9, trump=0), many=True) is None


def test_a_fall_to_zero_names_both_totals() -> None:
    found = reason(doubted(counted(harris=0, trump=0), counted(harris=12_000, trump=345)))
    assert "12,345" in found
    assert "0 votes now" in found


def test_a_house_race_of_florida_that_stood_at_zero_for_a_minute_is_doubted() -> None:
    stood = counted(stein=181_000, trump=119_000)
    found = doubted(counted(stein=0, trump=0), stood, many=True)
    assert "300,000" in reason(found)


def test_a_new_race_at_zero_is_believed() -> None:
    assert doubted(counted(harris=0, trump=0)) is None


@pytest.mark.parametrize(
    ("new", "current", "falls"),
    [
        (counted(harris=0, trump=0), counted(harris=1, trump=0), True),
        (counted(harris=0, trump=None), counted(harris=1, trump=None), True),
        (counted(harris=0, trump=1), counted(harris=1, trump=0), False),
        (counted(harris=0), counted(harris=0), False),
        (counted(harris=0), counted(harris=None), False),
        (counted(harris=None), counted(harris=5), False),  # withdrawn is not zero
        (race(), counted(harris=5), False),
        (counted(harris=0), race(), False),
        (counted(harris=0), None, False),
    ],
)
def test_a_race_falls_to_zero_where_it_had_votes_and_has_none(
    new: RaceState, current: RaceState | None, falls: bool
) -> None:
    assert falls_to_zero(new, current) is falls


# Candidates who vanish (R9).

SIX = counted(a=60, b=50, c=40, d=30, e=20, f=10)
NINE = counted(**{f"c{n}": 100 - n for n in range(9)})
ELEVEN = counted(**{f"c{n}": 100 - n for n in range(11)})
TEN = counted(**{f"c{n}": 100 - n for n in range(10)})


@pytest.mark.parametrize(
    ("current", "gone", "believed"),
    [
        (SIX, {"a"}, False),  # the leader
        (SIX, {"f"}, True),  # one of six
        (SIX, {"e", "f"}, False),  # two of six: a third
        (NINE, {"c7", "c8"}, False),  # 22%
        (TEN, {"c8", "c9"}, True),  # 20%, not more
        (TEN, {"c7", "c8", "c9"}, False),
        (ELEVEN, {"c9", "c10"}, True),
        (ELEVEN, {"c8", "c9", "c10"}, False),
        (counted(harris=9, trump=5, stein=1), {"stein"}, True),  # a third, but only one
        (counted(harris=9, trump=5), {"trump"}, True),
    ],
)
def test_who_may_vanish_at_once(current: RaceState, gone: set[str], believed: bool) -> None:
    found = doubted(without(current, *gone), current, gone=gone)
    assert (found is None) is believed
    assert found is None or found.confirmed_after == CONFIRMED_AFTER


def test_a_race_without_any_candidate_left_is_doubted() -> None:
    for current in (counted(harris=None), counted(harris=0), counted(harris=9, trump=5)):
        gone = {t.candidate for t in current.tallies}
        assert "Harris" in reason(doubted(race(), current, gone=gone))


def test_one_of_two_who_lead_together_is_a_leader() -> None:
    current = counted(harris=9, trump=9, stein=1)
    assert doubted(without(current, "harris"), current, gone={"harris"}) is not None


def test_before_the_first_vote_nobody_leads() -> None:
    current = counted(harris=0, trump=0, stein=0)
    assert doubted(without(current, "harris"), current, gone={"harris"}) is None


def test_whom_the_page_never_showed_cannot_vanish_from_it() -> None:
    assert doubted(without(SIX, "a", "e", "f"), SIX, gone=frozenset()) is None


def test_who_vanished_is_named() -> None:
    current = counted(harris=9, trump=5, stein=1)
    assert "Harris" in reason(doubted(without(current, "harris"), current, gone={"harris"}))
    both = reason(doubted(without(current, "stein", "trump"), current, gone={"stein", "trump"}))
    assert "Stein" in both
    assert "Trump" in both
    assert "2 of 3" in both


def test_a_set_of_candidates_replaced_by_another_at_zero_is_doubted() -> None:
    stood = counted(harris=128_000, stein=70_000, trump=60_000)
    other = counted(oliver=0)
    assert doubted(other, stood, gone={"harris", "stein", "trump"}) is not None


@given(st.integers(2, 40), st.data())
def test_candidates_behind_the_leader_are_doubted_just_where_too_many_go(
    number: int, data: st.DataObject
) -> None:
    current = counted(**{f"c{n}": 1000 - n for n in range(number)})
    gone = data.draw(st.sets(st.integers(1, number - 1)))
    names = {f"c{n}" for n in gone}
    found = doubted(without(current, *names), current, gone=names)
    assert (found is not None) == (len(gone) >= 2 and 5 * len(gone) > number)
