"""What is recorded like any other move, and somebody should look at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.anomalies import flag_anomalies, sums_that_differ
from storage.diff import compare_race
from storage.records import Change, RaceState, Tally
from tests.builders import CANDIDATES, counted, race, race_states, tally

ALL = frozenset(CANDIDATES)


def looked(old: RaceState, new: RaceState) -> list[Change]:
    return flag_anomalies(compare_race(old, new, ALL), old, new)


def flags(old: RaceState, new: RaceState) -> dict[str | None, set[str]]:
    """The flags by candidate (None: the race's own rows), without those of the comparison."""
    found: dict[str | None, set[str]] = {}
    for row in looked(old, new):
        own = set(row.flags) - {"lead_change"}
        if own:
            found.setdefault(row.candidate, set()).update(own)
    return found


def plain(rows: Iterable[Change]) -> list[Change]:
    return [row._replace(flags=()) for row in rows]


@given(race_states(), race_states())
def test_rows_are_never_dropped_moved_or_changed_but_for_flags(
    old: RaceState, new: RaceState
) -> None:
    rows = compare_race(old, new, ALL, ("rollback",))
    after = flag_anomalies(rows, old, new)
    assert plain(after) == plain(rows)
    for row, before in zip(after, rows, strict=True):
        assert row.flags[: len(before.flags)] == before.flags


@given(
    st.lists(st.integers(0, 20_000_000), min_size=4, max_size=4),
    st.lists(st.integers(0, 4_000), min_size=4, max_size=4),
)
def test_small_increases_of_several_candidates_have_no_flags(
    before: list[int], more: list[int]
) -> None:
    before = [2_000 + number for number in before]  # too many for 4,000 to be ten times as much
    old = counted(**dict(zip(CANDIDATES, before, strict=True)))
    after = [number + plus for number, plus in zip(before, more, strict=True)]
    assert flags(old, counted(**dict(zip(CANDIDATES, after, strict=True)))) == {}


@given(race_states())
def test_first_sights_of_votes_are_no_anomaly(state: RaceState) -> None:
    state = replace(state, expected_vote_pct=None)
    hidden = replace(state, tallies=tuple(replace(t, votes=None) for t in state.tallies))
    assert flags(race(), state) == {}
    assert flags(hidden, state) == {}


def test_votes_that_are_not_published_any_more_are_no_decrease() -> None:
    assert flags(counted(harris=50_000, trump=9), counted(harris=None, trump=9)) == {}


# Large decreases (K1).


@pytest.mark.parametrize(
    ("before", "after", "flagged"),
    [
        (10_000, 9_500, False),  # 500, not more
        (10_000, 9_499, True),
        (100_000, 99_000, False),  # 1%, not more
        (100_000, 98_999, True),
        (1_000_000, 990_001, False),
        (1_000_000, 989_999, True),
        (501, 0, True),
        (500, 0, False),
        (100_000, 101_500, False),
    ],
)
def test_a_large_decrease_is_more_than_one_percent_and_more_than_500(
    before: int, after: int, flagged: bool
) -> None:
    old = counted(harris=before, trump=60_000, stein=7)
    new = counted(harris=after, trump=60_001, stein=8)
    assert flags(old, new) == ({"harris": {"large_decrease"}} if flagged else {})


@given(st.integers(0, 300_000_000), st.integers(0, 300_000_000))
def test_a_decrease_is_large_just_where_the_rule_says_so(before: int, after: int) -> None:
    old, new = counted(harris=before, trump=9), counted(harris=after, trump=8)
    fell = before - after
    found = "large_decrease" in flags(old, new).get("harris", set())
    assert found == (fell > 500 and 100 * fell > before)


# Swaps (K2).


@pytest.mark.parametrize("amount", [99, 100, 101])
def test_a_swap_is_of_100_votes_or_more_and_on_both_rows(amount: int) -> None:
    old = counted(harris=50_000, stein=900, trump=60_000)
    new = counted(harris=50_000 + amount, stein=900, trump=60_000 - amount)
    assert flags(old, new) == ({"harris": {"swap"}, "trump": {"swap"}} if amount >= 100 else {})


@pytest.mark.parametrize(
    "new",
    [
        counted(harris=50_300, stein=900, trump=59_701),  # one vote is new
        counted(harris=50_300, stein=901, trump=59_700),  # somebody else moved
        counted(harris=50_300, stein=900, trump=60_300),  # both rose
        counted(harris=49_700, stein=900, trump=59_700),  # both fell
        counted(harris=50_300, oliver=0, stein=900, trump=59_700),  # somebody joined
        counted(harris=50_300, trump=59_700),  # somebody left
    ],
)
def test_no_swap_where_the_rest_moves_too(new: RaceState) -> None:
    assert flags(counted(harris=50_000, stein=900, trump=60_000), new) == {}


def test_a_swap_may_stand_beside_electors_and_expected_votes_that_move() -> None:
    old = race(tally("harris", 9_000, 0), tally("trump", 8_000, 10), expected=90)
    new = race(tally("harris", 8_800, 10), tally("trump", 8_200, 0), expected=91)
    rows = {(r.candidate, r.field): r.flags for r in looked(old, new)}
    assert "swap" in rows["harris", "votes"]
    assert "swap" in rows["trump", "votes"]
    assert rows["harris", "electoral_votes"] == ()
    assert rows[None, "expected_vote_pct"] == ()


# A digit too many (K3).


@pytest.mark.parametrize(
    ("few", "many", "flagged"),
    [
        (1_000, 7_999, False),
        (1_000, 8_000, True),
        (1_000, 10_000, True),
        (1_000, 12_000, True),
        (1_000, 12_001, False),
        (100, 1_000, True),
        (99, 990, False),
        (0, 5_000, False),
    ],
)
def test_a_shift_is_8_to_12_times_as_much_or_as_little(few: int, many: int, flagged: bool) -> None:
    less, more = counted(harris=few, trump=700), counted(harris=many, trump=700)
    assert ("decimal_shift" in flags(less, more).get("harris", set())) is flagged
    assert ("decimal_shift" in flags(more, less).get("harris", set())) is flagged


def test_no_shift_where_another_moves_too_or_is_alone() -> None:
    for new in (counted(harris=10_000, trump=701), counted(harris=10_000, trump=700, stein=0)):
        assert flags(counted(harris=1_000, trump=700), new) == {}
    assert flags(counted(harris=1_000), counted(harris=10_000)) == {}
    assert flags(counted(harris=1_000, trump=0), counted(harris=10_000, trump=0)) == {}


# Batches for one (K3).


@pytest.mark.parametrize(
    ("harris", "trump", "flagged"),
    [
        (20_000, 0, False),  # not more than 20,000
        (20_001, 0, True),
        (99_000, 1_000, True),  # 99%
        (98_999, 1_001, False),
        (20_001, 202, True),
        (20_001, 203, False),
    ],
)
def test_a_one_sided_batch_gives_99_percent_of_more_than_20_000_to_one(
    harris: int, trump: int, flagged: bool
) -> None:
    old = counted(harris=500_000, trump=600_000, stein=7)
    new = counted(harris=500_000 + harris, trump=600_000 + trump, stein=7)
    assert flags(old, new) == ({"harris": {"one_sided"}} if flagged else {})


def test_nothing_is_one_sided_where_only_one_has_votes() -> None:
    for others in (0, None):
        old = counted(harris=500_000, trump=others)
        assert flags(old, counted(harris=530_000, trump=others)) == {}


def test_a_correction_that_takes_from_another_is_no_one_sided_batch() -> None:
    old = counted(harris=500_000, trump=600_000, stein=7)
    assert flags(old, counted(harris=530_000, trump=599_600, stein=7)) == {}


def test_nothing_but_a_large_decrease_is_told_where_votes_were_not_published_before() -> None:
    old = counted(harris=500_000, stein=7_000, trump=None)
    assert flags(old, counted(harris=530_000, stein=7_000, trump=40_000)) == {}
    assert flags(old, counted(harris=500_300, stein=6_700, trump=40_000)) == {}
    assert flags(old, counted(harris=500_000, stein=70_000, trump=40_000)) == {}
    fallen = flags(old, counted(harris=490_000, stein=7_000, trump=40_000))
    assert fallen == {"harris": {"large_decrease"}}


# More than expected (K4).


@pytest.mark.parametrize(
    ("before", "after", "flagged"),
    [
        (99.0, 102.0, False),
        (99.0, 102.1, True),
        (109.0, 108.0, True),
        (109.0, 102.0, False),
        (103.0, 103.0, False),  # it did not move
    ],
)
def test_expected_votes_are_flagged_above_102_percent_where_they_move(
    before: float, after: float, flagged: bool
) -> None:
    old = race(tally("harris", 5), expected=before)
    new = race(tally("harris", 6), expected=after)
    assert flags(old, new) == ({None: {"over_expected"}} if flagged else {})


def test_precincts_are_never_more_than_was_expected() -> None:
    old = race(tally("harris", 5), precincts=99.0)
    assert flags(old, race(tally("harris", 6), precincts=108.0)) == {}


# Real events, with the figures that were published then; where only a total is known, the shares
# of the candidates are made up.


def test_nebraska_2020_one_falls_and_then_two_exchange_what_they_have() -> None:
    first = counted(harris=362_038, trump=544_150, stein=22_047)
    second = counted(harris=338_193, trump=579_968, stein=22_047)
    third = counted(harris=367_930, trump=550_231, stein=22_047)
    assert flags(first, second) == {"harris": {"large_decrease"}}
    assert flags(second, third) == {
        "harris": {"swap"},
        "trump": {"swap", "large_decrease"},
    }


def test_iowa_2020_two_exchange_7_671_votes() -> None:
    old = counted(harris=757_671, trump=760_000, stein=20_000)
    new = counted(harris=750_000, trump=767_671, stein=20_000)
    assert flags(old, new) == {"harris": {"swap", "large_decrease"}, "trump": {"swap"}}


def test_new_york_2020_both_fall() -> None:
    old = counted(harris=4_235_992, trump=2_934_143)
    new = counted(harris=3_699_332, trump=2_850_352)
    assert flags(old, new) == {"harris": {"large_decrease"}, "trump": {"large_decrease"}}


def test_west_virginia_2020_stands_over_what_is_expected_and_falls_back() -> None:
    # 864,488 of 794,652 expected; then 786,188.
    usual = race(tally("harris", 230_000), tally("trump", 540_000), expected=97)
    over = race(tally("harris", 259_346), tally("trump", 605_142), expected=108.8)
    back = race(tally("harris", 235_856), tally("trump", 550_332), expected=98.9)
    assert flags(usual, over) == {None: {"over_expected"}}
    assert flags(over, back) == {"harris": {"large_decrease"}, "trump": {"large_decrease"}}


def test_colorado_2020_passes_what_is_expected_by_194_002() -> None:
    # 3,294,002 of 3,100,000 expected.
    old = race(tally("harris", 1_780_000), tally("trump", 1_340_000), expected=100.6)
    new = race(tally("harris", 1_880_000), tally("trump", 1_414_002), expected=106.3)
    assert flags(old, new) == {None: {"over_expected"}}


def test_pennsylvania_2020_one_takes_a_whole_batch() -> None:
    old = counted(harris=2_900_000, trump=3_100_000, stein=70_000)
    new = counted(harris=2_923_277, trump=3_100_000, stein=70_000)
    assert flags(old, new) == {"harris": {"one_sided"}}


def test_pennsylvania_2020_each_step_down_of_five_totals_is_flagged() -> None:
    totals = [1_111_586, 871_782, 774_021, 1_288_475, 739_443]
    states = [counted(harris=t * 7 // 10, trump=t - t * 7 // 10) for t in totals]
    both = {"harris": {"large_decrease"}, "trump": {"large_decrease"}}
    steps = [flags(a, b) for a, b in pairwise(states)]
    assert steps == [both, both, {}, both]


def test_shiawassee_2020_a_digit_too_many_comes_and_goes() -> None:
    right = counted(harris=15_371, trump=23_149, stein=400)
    wrong = counted(harris=153_710, trump=23_149, stein=400)
    assert "decimal_shift" in flags(right, wrong)["harris"]
    assert flags(wrong, right) == {"harris": {"decimal_shift", "large_decrease"}}


def test_antrim_2020_two_candidates_are_transposed() -> None:
    wrong = counted(harris=6_000, trump=3_000, stein=200)
    right = counted(harris=3_000, trump=6_000, stein=200)
    assert flags(wrong, right) == {"harris": {"swap", "large_decrease"}, "trump": {"swap"}}


def test_new_mexico_2024_falls_to_a_twentieth() -> None:
    first = counted(harris=77_141, trump=77_142)
    second = counted(harris=3_827, trump=10_674)
    third = counted(harris=41_194, trump=38_740)
    assert flags(first, second) == {"harris": {"large_decrease"}, "trump": {"large_decrease"}}
    assert flags(second, third) == {}


def test_oregon_2024_dips_for_four_minutes() -> None:
    first = counted(harris=891_000, trump=686_582)
    second = counted(harris=808_000, trump=622_513)
    third = counted(harris=892_000, trump=687_716)
    assert flags(first, second) == {"harris": {"large_decrease"}, "trump": {"large_decrease"}}
    assert flags(second, third) == {}


def test_michigan_2024_falls_by_a_twentieth() -> None:
    old = counted(harris=2_660_000, trump=2_847_538)
    new = counted(harris=2_535_000, trump=2_718_853)
    assert flags(old, new) == {"harris": {"large_decrease"}, "trump": {"large_decrease"}}


# Parts and their sum (K7).


def test_parts_that_add_up_say_nothing() -> None:
    parts = [counted(harris=300, trump=200), counted(harris=700, trump=1_800)]
    assert sums_that_differ(counted(harris=1_000, trump=2_000), parts) == ""


@pytest.mark.parametrize(
    ("parts", "differs"),
    [(199_000, False), (198_999, True), (201_000, False), (201_100, True)],
)
def test_a_sum_may_differ_by_half_a_percent(parts: int, differs: bool) -> None:
    said = sums_that_differ(
        counted(harris=200_000), [counted(harris=100_000), counted(harris=parts - 100_000)]
    )
    assert (said != "") is differs


def test_who_differs_is_named_with_both_figures_and_nobody_else_is() -> None:
    whole = counted(harris=200_000, trump=300_000)
    said = sums_that_differ(
        whole, [counted(harris=50_000, trump=100_000), counted(harris=60_000, trump=200_000)]
    )
    assert "Harris" in said
    assert "200,000" in said
    assert "110,000" in said
    assert "Trump" not in said


def test_all_who_differ_are_named() -> None:
    said = sums_that_differ(counted(harris=900, trump=800), [counted(harris=500, trump=400)])
    assert "Harris" in said
    assert "Trump" in said


def test_votes_without_any_in_the_whole_differ() -> None:
    assert "5,000" in sums_that_differ(counted(harris=0), [counted(harris=5_000)])
    assert "5,000" in sums_that_differ(counted(harris=5_000), [counted(harris=0)])
    assert sums_that_differ(counted(harris=0), [counted(harris=0)]) == ""


def test_aggregates_add_up_like_anybody() -> None:
    others = Tally(candidate="others", name="Others", votes=5_000, kind="aggregate")
    said = sums_that_differ(race(others), [race(replace(others, votes=4_000))])
    assert "Others" in said


@pytest.mark.parametrize(
    ("whole", "parts"),
    [
        (counted(harris=5_000), []),
        (counted(harris=None), [counted(harris=5_000)]),
        (counted(harris=5_000), [counted(harris=None)]),
        (counted(harris=5_000), [counted(harris=2_000), counted(harris=None)]),
        (counted(harris=5_000), [counted(harris=2_000), counted()]),
        (counted(), [counted(harris=5_000)]),
    ],
)
def test_nothing_is_said_where_it_cannot_be_told(whole: RaceState, parts: list[RaceState]) -> None:
    assert sums_that_differ(whole, parts) == ""


def test_candidates_whom_counties_leave_out_are_not_compared() -> None:
    whole = counted(harris=4_000, stein=900, trump=6_000)
    counties = [counted(harris=1_000, trump=2_000), counted(harris=3_000, trump=4_000)]
    assert sums_that_differ(whole, counties) == ""
    short = [counties[0], counted(harris=2_000, trump=4_000)]
    assert "Harris" in sums_that_differ(whole, short)


@given(
    st.lists(st.lists(st.integers(0, 5_000_000), min_size=4, max_size=4), min_size=1, max_size=9)
)
def test_a_whole_that_is_the_sum_of_its_parts_never_differs(parts: list[list[int]]) -> None:
    totals = [sum(part[n] for part in parts) for n in range(len(CANDIDATES))]
    states = [counted(**dict(zip(CANDIDATES, part, strict=True))) for part in parts]
    assert sums_that_differ(counted(**dict(zip(CANDIDATES, totals, strict=True))), states) == ""
