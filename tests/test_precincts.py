"""Two percents of one race: of the expected vote, and of the precincts that report.

Whatever is true of how the one is tracked is true of the other, and neither is taken for the other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage import queries
from storage.current import race_from_json, race_json
from storage.records import RaceState
from tests.builders import race, race_states, tally
from tests.snapshots import FLORIDA, NATIONAL, STORY, TEN_PM, Watch, banner, feed_race, watched

EXPECTED = ("expected_vote_pct", "expected_vote_pct", "expected_vote_changed")
PRECINCTS = ("precincts_pct", "precincts", "precincts_changed")

#: As it is called in a state and in tables, in the log, and the kind of its changes.
each_percent = pytest.mark.parametrize(("name", "field", "kind"), [EXPECTED, PRECINCTS])


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    with watched(tmp_path) as watch:
        yield watch


def moves(watch: Watch) -> list[tuple[str, str, object, object, object]]:
    return [(r["kind"], r["field"], r["old"], r["new"], r["delta"]) for r in watch.log()]


def standing(watch: Watch, place: str = "us") -> tuple[object, object]:
    """Both percents as they stand."""
    (row,) = watch.rows(
        "SELECT DISTINCT expected_vote_pct, precincts_pct FROM results WHERE place = ?", place
    )
    return row["expected_vote_pct"], row["precincts_pct"]


def told(name: str, percent: float | None) -> dict[str, Any]:
    """This percent for a state."""
    return {name: percent}


def at_ten(number: float, **more: Any) -> RaceState:
    """The race with votes that never move, at a minute of the outlet's clock."""
    return feed_race(50_000, 60_000, updated=number, **more)


# Of one page.


def test_precincts_are_first_seen_then_rise_fall_and_pass_100(watch: Watch) -> None:
    for number, percent in enumerate((44.4, 45.2, 45.2, 44.0, 0.0, 100.3)):
        watch.look(NATIONAL, at_ten(number, precincts_pct=percent), at=number)
    assert ("precincts", None, 44.4) in watch.first_sights()
    assert moves(watch) == [
        ("precincts_changed", "precincts", 44.4, 45.2, 0.8),
        ("precincts_changed", "precincts", 45.2, 44.0, -1.2),
        ("precincts_changed", "precincts", 44.0, 0.0, -44.0),
        ("precincts_changed", "precincts", 0.0, 100.3, 100.3),
    ]
    looks = [(r["fetch_before"], r["fetch"]) for r in watch.log()]
    assert looks == [
        (1, 2),
        (3, 4),
        (4, 5),
        (5, 6),
    ]
    assert standing(watch) == (None, 100.3)
    assert watch.flags() == {}


def test_the_two_percents_of_a_look_are_two_changes(watch: Watch) -> None:
    watch.look(NATIONAL, at_ten(0, expected_vote_pct=44.0, precincts_pct=90.0), at=0)
    watch.look(NATIONAL, at_ten(1, expected_vote_pct=90.0, precincts_pct=44.0), at=1)
    assert moves(watch) == [
        ("expected_vote_changed", "expected_vote_pct", 44.0, 90.0, 46.0),
        ("precincts_changed", "precincts", 90.0, 44.0, -46.0),
    ]
    assert standing(watch) == (90.0, 44.0)


@each_percent
def test_a_percent_published_later_is_a_change_without_old(
    watch: Watch, name: str, field: str, kind: str
) -> None:
    watch.look(NATIONAL, at_ten(0), at=0)
    watch.look(NATIONAL, at_ten(1, **told(name, 44.4)), at=1)
    assert moves(watch) == [(kind, field, None, 44.4, None)]


@each_percent
def test_a_percent_that_vanishes_refuses_the_race_and_is_no_zero(
    watch: Watch, name: str, field: str, kind: str
) -> None:
    watch.look(NATIONAL, at_ten(0, expected_vote_pct=90.0, precincts_pct=44.4), at=0)
    left = {"expected_vote_pct": 90.0, "precincts_pct": 44.4, **told(name, None)}
    gone = feed_race(50_001, 60_000, updated=1, **left)
    looked = watch.look(NATIONAL, gone, at=1)
    assert looked.verdicts == ["rejected"]
    words = {
        "expected_vote_pct": "no longer published: expected vote (was 90%)",
        "precincts": "no longer published: precincts reporting (was 44.4%)",
    }
    assert looked.refusals[0].reason == words[field]
    assert moves(watch) == []
    assert standing(watch) == (90.0, 44.4)
    watch.look(NATIONAL, at_ten(2, **{**left, **told(name, 44.5)}), at=2)
    before = {"expected_vote_pct": (90.0, -45.5), "precincts_pct": (44.4, 0.1)}
    old, delta = before[name]
    assert moves(watch) == [(kind, field, old, 44.5, delta)]


@each_percent
def test_a_percent_that_moves_before_the_last_polls_close_is_flagged(
    watch: Watch, name: str, field: str, kind: str
) -> None:
    close = TEN_PM + timedelta(minutes=30)
    watch.look(NATIONAL, at_ten(0, last_close_at=close, **told(name, 1.0)), at=0)
    watch.look(NATIONAL, at_ten(1, last_close_at=close, **told(name, 2.0)), at=1)
    watch.look(NATIONAL, at_ten(31, last_close_at=close, **told(name, 3.0)), at=31)
    assert [(r["kind"], r["field"], json.loads(r["flags"])) for r in watch.log()] == [
        (kind, field, ["before_last_close"]),
        (kind, field, []),
    ]


# Of several pages.


@each_percent
def test_a_percent_that_a_page_never_told_is_not_taken_back_by_it(
    watch: Watch, name: str, field: str, kind: str
) -> None:
    watch.look(NATIONAL, at_ten(0, place="us/fl", **told(name, 44.4)), at=0)
    for number in (1, 2):  # the second time it is known what this page tells
        looked = watch.look(FLORIDA, at_ten(number, place="us/fl"), at=number)
        assert looked.verdicts == []
    assert moves(watch) == []
    assert sorted(standing(watch, "us/fl"), key=str) == [44.4, None]
    watch.look(FLORIDA, at_ten(3, place="us/fl", **told(name, 50.0)), at=3)
    assert moves(watch) == [(kind, field, 44.4, 50.0, 5.6)]
    assert watch.look(FLORIDA, at_ten(4, place="us/fl"), at=4).verdicts == ["rejected"]


@each_percent
def test_another_percent_on_a_witness_contradicts_nothing(
    watch: Watch, name: str, field: str, kind: str
) -> None:
    watch.look(NATIONAL, at_ten(0, **told(name, 44.4)), at=0)
    for number in (1, 10, 20, 30):
        looked = watch.look(STORY, banner(50_000, 60_000, updated=0, **told(name, 99.0)), at=number)
        assert (looked.verdicts, looked.notes) == ([], ())
    assert [row for row in watch.log() if (row["kind"], row["field"]) == (kind, field)] == []


# What waits to be confirmed.


@each_percent
def test_only_the_percent_that_the_first_look_showed_is_dated_by_it(
    watch: Watch, name: str, field: str, kind: str
) -> None:
    watch.look(NATIONAL, feed_race(181_000, 119_000, **told(name, 90.0)), at=0)
    watch.look(NATIONAL, feed_race(0, 0, updated=1, **told(name, 0.0)), at=1)
    assert moves(watch) == []
    assert 90.0 in standing(watch)
    watch.look(NATIONAL, feed_race(0, 0, updated=6, **told(name, 1.0)), at=6)
    dated = {
        (r["kind"], r["field"], r["new"]): (r["fetch"], r["confirmed_by"]) for r in watch.log()
    }
    assert dated == {("votes_decreased", "votes", 0): (2, 3), (kind, field, 1.0): (3, None)}


def test_precincts_of_a_state_that_is_never_confirmed_are_in_no_log(watch: Watch) -> None:
    watch.look(NATIONAL, feed_race(181_000, 119_000, precincts_pct=90.0), at=0)
    watch.look(NATIONAL, feed_race(0, 0, updated=1, precincts_pct=0.0), at=1)
    (row,) = watch.rows("SELECT state FROM unconfirmed")
    assert json.loads(row["state"])["precincts_pct"] == 0.0
    watch.look(NATIONAL, feed_race(181_000, 119_000, updated=2, precincts_pct=90.0), at=2)
    assert moves(watch) == []
    assert watch.notes() == [("transient", 2, 2)]


# Any sequence.

_percents = st.sampled_from([None, 0.0, 44.4, 45.2, 90.0, 100.3])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    looks=st.lists(st.tuples(_percents, _percents), min_size=2, max_size=8),
    reopened=st.sets(st.integers(2, 8)),
)
def test_any_percents_lead_from_one_to_the_next(
    tmp_path_factory: pytest.TempPathFactory,
    looks: list[tuple[float | None, float | None]],
    reopened: set[int],
) -> None:
    first, *others = looks
    now, rows = first, []
    around = {}
    for fetch, seen in enumerate(others, start=2):
        if any(new is None and old is not None for old, new in zip(now, seen, strict=True)):
            continue  # the race is refused as a whole
        rows += [
            (kind, field, old, new, None if old is None or new is None else round(new - old, 6))
            for (_, field, kind), old, new in zip((EXPECTED, PRECINCTS), now, seen, strict=True)
            if old != new
        ]
        around[fetch] = now, seen
        now = seen
    folder = tmp_path_factory.mktemp("percents")
    with watched(folder, now_and_then=lambda number: number in reopened) as watch:
        for number, (expected, precincts) in enumerate(looks):
            shown = at_ten(number, expected_vote_pct=expected, precincts_pct=precincts)
            watch.look(NATIONAL, shown, at=number)
        assert moves(watch) == rows
        assert standing(watch) == now
        connection = watch.desks[0].connection
        for row in queries.log(connection, queries.Filter()):
            then = tuple(
                (state.expected_vote_pct, state.precincts_pct)
                for state in queries.race_as_of(connection, row)
            )
            assert then == around[row.fetch], "the log adds up to what was shown around the look"


# As text.


def test_a_state_without_precincts_is_the_same_text_as_ever() -> None:
    assert race_json(race(tally("trump", 5), expected=90.5)) == (
        '{"expected_vote_pct":90.5,"last_close_at":null,"place":"us","projection":null,'
        '"race":"president","seats":null,"source_updated_at":"2024-11-06T12:00:00.000Z",'
        '"status":null,"tallies":[{"candidate":"trump","name":"Trump","votes":5}]}'
    )


def test_a_state_with_precincts_says_so() -> None:
    state = race(expected=90.5, precincts=0.0)
    assert json.loads(race_json(state))["precincts_pct"] == 0.0
    assert race_json(state) != race_json(race(expected=90.5))


@given(race_states())
def test_a_state_comes_back_from_its_text(state: RaceState) -> None:
    back = race_from_json(race_json(state))
    assert (back.expected_vote_pct, back.precincts_pct) == (
        state.expected_vote_pct,
        state.precincts_pct,
    )
    assert race_json(back) == race_json(state)
