"""What is believed at once, what is set aside as old, and what cannot be a tally at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.records import Article, RaceState, instant_text
from storage.verdicts import Persistence, judge_article, judge_race, withdrawn
from tests.builders import NOON, counted, race, race_states, story, tally

NOW = NOON + timedelta(hours=3)
CURRENT = counted(harris=5, trump=9)
MINUTE = timedelta(minutes=1)


def shown(looks: int = 1, minutes: float = 0, *, repeated: bool = False) -> Persistence:
    """So many looks at one page, the first of them so many minutes ago."""
    return Persistence(looks=looks, since=NOW - minutes * MINUTE, repeated=repeated)


def at(minutes: float | None, state: RaceState = CURRENT) -> RaceState:
    """The state, by the outlet's clock so many minutes after noon."""
    return replace(state, source_updated_at=None if minutes is None else NOON + minutes * MINUTE)


def modified(minutes: float | None) -> Article:
    text = None if minutes is None else instant_text(NOON + minutes * MINUTE)
    return story(headline={"markup": "H"}, modified_at={"jsonld": text})


persistences = st.builds(shown, st.integers(1, 9), st.integers(0, 120), repeated=st.booleans())


def test_a_newer_state_is_accepted() -> None:
    judgement = judge_race(at(1, counted(harris=6, trump=9)), at(0), shown(), NOW)
    assert (judgement.verdict, judgement.reason, judgement.flags) == ("accepted", "", ())


@given(st.integers(0, 300_000_000), st.integers(0, 300_000_000), persistences)
def test_votes_that_fall_are_never_a_reason_to_refuse(
    harris: int, trump: int, persistence: Persistence
) -> None:
    most = counted(harris=300_000_000, trump=300_000_000)
    less = counted(harris=harris, trump=trump)
    judgement = judge_race(at(1, less), at(0, most), persistence, NOW)
    assert (judgement.verdict, judgement.flags) == ("accepted", ())


@pytest.mark.parametrize(
    ("looks", "minutes", "verdict", "flags"),
    [
        (1, 0, "stale", ()),
        (2, 15, "stale", ()),
        (2, 600, "stale", ()),
        (3, 14.99, "stale", ()),
        (90, 14.99, "stale", ()),
        (3, 15, "accepted", ("rollback",)),
        (4, 20, "accepted", ("rollback",)),
    ],
)
def test_an_older_state_is_a_rollback_after_three_looks_and_15_minutes(
    looks: int, minutes: float, verdict: str, flags: tuple[str, ...]
) -> None:
    older = at(-1, counted(harris=4, trump=9))
    judgement = judge_race(older, at(0), shown(looks, minutes), NOW)
    assert (judgement.verdict, judgement.flags) == (verdict, flags)
    story_judgement = judge_article(modified(-1), modified(0), shown(looks, minutes), NOW)
    assert (story_judgement.verdict, story_judgement.flags) == (verdict, flags)


def test_a_stale_state_names_both_times() -> None:
    judgement = judge_race(at(-10), at(0), shown(), NOW)
    assert "2024-11-06T11:50:00.000Z" in judgement.reason
    assert "2024-11-06T12:00:00.000Z" in judgement.reason


def test_two_states_may_share_a_minute_of_a_coarse_clock() -> None:
    assert judge_race(at(0), at(0), shown(), NOW).verdict == "accepted"


def test_a_state_of_the_same_minute_that_a_page_merely_repeats_is_stale() -> None:
    assert judge_race(at(0), at(0), shown(2, 5, repeated=True), NOW).verdict == "stale"


@given(persistences, st.sampled_from([(None, 0), (0, None), (None, None)]))
def test_without_two_clocks_nothing_is_stale(
    persistence: Persistence, times: tuple[int | None, int | None]
) -> None:
    new, current = times
    assert judge_race(at(new), at(current), persistence, NOW).verdict == "accepted"
    assert judge_article(modified(new), modified(current), persistence, NOW).verdict == "accepted"


@given(st.integers(-100, 100), persistences)
def test_only_what_is_not_newer_is_ever_stale_and_never_rejected(
    minutes: int, persistence: Persistence
) -> None:
    verdict = judge_race(at(minutes), at(0), persistence, NOW).verdict
    assert verdict in (["accepted"] if minutes > 0 else ["accepted", "stale"])


@given(st.integers(-100, 0), persistences, st.integers(0, 9), st.integers(0, 60))
def test_what_was_accepted_stays_so_when_it_is_shown_for_longer(
    minutes: int, persistence: Persistence, looks: int, more: int
) -> None:
    longer = replace(
        persistence, looks=persistence.looks + looks, since=persistence.since - more * MINUTE
    )
    if judge_race(at(minutes), at(0), persistence, NOW).verdict == "accepted":
        assert judge_race(at(minutes), at(0), longer, NOW).verdict == "accepted"


GONE = [
    pytest.param(
        race(tally("harris", None, 226), expected=95, precincts=45.2),
        "votes of Harris (were 71,900,392)",
        id="votes",
    ),
    pytest.param(
        race(tally("harris", 71_900_392), expected=95, precincts=45.2),
        "electoral votes of Harris (were 226)",
        id="electoral votes",
    ),
    pytest.param(
        race(tally("harris", 71_900_392, 226), precincts=45.2),
        "no longer published: expected vote (was 95%)",
        id="expected vote",
    ),
    pytest.param(
        race(tally("harris", 71_900_392, 226), expected=95),
        "no longer published: precincts reporting (was 45.2%)",
        id="precincts",
    ),
]
BEFORE = race(tally("harris", 71_900_392, 226), expected=95, precincts=45.2)


@pytest.mark.parametrize(("new", "named"), GONE)
@pytest.mark.parametrize("minutes", [-60, 0, 60, None])
def test_a_number_that_vanishes_refuses_its_race_and_is_named(
    new: RaceState, named: str, minutes: int | None
) -> None:
    for persistence in (shown(), shown(9, 120)):
        judgement = judge_race(at(minutes, new), BEFORE, persistence, NOW)
        assert judgement.verdict == "rejected"
        assert named in judgement.reason


@pytest.mark.parametrize(
    ("new", "current"),
    [
        (counted(harris=0), counted(harris=None)),  # published for the first time
        (counted(harris=0), counted(harris=5)),
        (counted(harris=None), counted(harris=None)),
        (counted(trump=9), counted(harris=5, trump=9)),  # gone is not withdrawn
        (counted(harris=None, trump=9), counted(trump=9)),
        (counted(trump=9), replace(counted(trump=9), projection="trump")),
    ],
)
def test_nothing_is_withdrawn_where_no_published_number_is_missing(
    new: RaceState, current: RaceState
) -> None:
    assert withdrawn(new, current) == ""
    assert judge_race(at(1, new), at(0, current), shown(), NOW).verdict == "accepted"


@given(race_states())
def test_a_state_withdraws_nothing_from_itself(state: RaceState) -> None:
    assert withdrawn(state, state) == ""


@given(race_states(), race_states(), persistences)
def test_every_judgement_but_an_accepted_one_has_a_reason(
    new: RaceState, current: RaceState, persistence: Persistence
) -> None:
    judgement = judge_race(new, current, persistence, NOW)
    assert (judgement.verdict == "accepted") == (judgement.reason == "")
    assert judgement.verdict == "accepted" or judgement.flags == ()


def test_the_clocks_zone_says_nothing() -> None:
    elsewhere = datetime.fromisoformat("2024-11-06T07:01:00-05:00")  # a minute after NOON
    newer = replace(CURRENT, source_updated_at=elsewhere)
    assert judge_race(newer, at(0), shown(), NOW).verdict == "accepted"
    assert judge_race(at(0), newer, shown(), NOW).verdict == "stale"


# Electoral votes that stand apart from the names.

IN_ORDER = race(tally("harris", 100, 226), tally("trump", 120, 312))
SWAPPED = race(tally("trump", 120, 226), tally("harris", 100, 312))


def judged(new: RaceState, order: tuple[str, ...], *, apart: bool = True) -> tuple[str, str]:
    new = replace(new, electors_by_order=apart)
    judgement = judge_race(at(1, new), at(0, IN_ORDER), shown(), NOW, order)
    return judgement.verdict, judgement.reason


@pytest.mark.parametrize("order", [("harris", "trump"), ("harris", "stein", "trump"), ()])
def test_names_that_change_places_do_not_exchange_their_electors(order: tuple[str, ...]) -> None:
    verdict, reason = judged(SWAPPED, order)
    assert verdict == "rejected"
    assert "changed places" in reason
    assert "226" in reason


def test_electors_beside_their_own_names_may_be_exchanged() -> None:
    assert judged(SWAPPED, ("harris", "trump"), apart=False)[0] == "accepted"


def test_an_exchange_below_names_that_stand_as_before_is_the_outlet_s_correction() -> None:
    assert judged(SWAPPED, ("trump", "harris"))[0] == "accepted"


def test_electors_that_move_otherwise_are_no_exchange() -> None:
    one = race(tally("trump", 120, 226), tally("harris", 100, 311))
    assert judged(one, ("harris", "trump"))[0] == "accepted"
    same = race(tally("trump", 130, 312), tally("harris", 100, 226))
    assert judged(same, ("harris", "trump"))[0] == "accepted"
