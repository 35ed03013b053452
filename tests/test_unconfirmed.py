"""Values that are not believed at once: shown, and in the log only when they last."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from storage.records import RaceState
from tests.snapshots import (
    FLORIDA,
    NATIONAL,
    STORY,
    Watch,
    banner,
    by_id,
    feed_race,
    minute,
    text_of,
    watched,
)

STEIN = by_id("31116", "Stein", 5_000)
#: A race that never moves, so that pages are never without any.
GEORGIA = feed_race(7, 8, race="senate/ga", place="us/ga")


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    with watched(tmp_path) as watch:
        yield watch


def state(updated: float, **votes: int) -> RaceState:
    """A race with these votes of Trump, Harris and others."""
    others = [
        by_id(str(1_000 + n), name.title(), number)
        for n, (name, number) in enumerate(votes.items())
        if name not in ("harris", "trump")
    ]
    return feed_race(votes["harris"], votes["trump"], *others, updated=updated)


# A fall to zero.


def test_a_fall_to_zero_is_shown_at_once_and_recorded_when_it_lasts(watch: Watch) -> None:
    watch.look(NATIONAL, feed_race(181_000, 119_000), GEORGIA, at=0)
    watch.look(NATIONAL, feed_race(181_000, 119_000), GEORGIA, at=1)
    fallen = watch.look(NATIONAL, feed_race(0, 0, updated=2), GEORGIA, at=2)
    assert (fallen.verdicts, fallen.changes) == (["unconfirmed"], 0)
    ((race, place, reason),) = watch.unconfirmed()
    assert (race, place) == ("president", "us")
    assert "300,000" in reason
    (row,) = watch.rows("SELECT * FROM unconfirmed")
    assert (row["votes_before"], row["seen_at"], row["fetch"]) == (300_000, text_of(minute(2)), 3)
    assert watch.votes() == {"64984": 181_000, "8639": 119_000}
    results = watch.rows("SELECT unconfirmed_since FROM results WHERE place = 'us'")
    assert {r["unconfirmed_since"] for r in results} == {text_of(minute(2))}
    again = watch.look(NATIONAL, feed_race(0, 0, updated=4), GEORGIA, at=6.9)
    assert (again.verdicts, again.changes) == ([], 0)  # told once
    assert len(watch.unconfirmed()) == 1
    assert watch.changes() == []
    last = watch.look(NATIONAL, feed_race(0, 0, updated=6), GEORGIA, at=7)
    assert last.verdicts == []
    assert sorted(watch.changes()) == [
        ("votes_decreased", "64984", 181_000, 0),
        ("votes_decreased", "8639", 119_000, 0),
    ]
    for row in watch.log():
        assert (row["fetch_before"], row["fetch"], row["confirmed_by"]) == (2, 3, 5)
        assert row["seen_after"] == text_of(minute(1))
        assert row["seen_at"] == text_of(minute(2))
        assert row["confirmed_at"] == text_of(minute(7))
    assert watch.votes() == {"64984": 0, "8639": 0}
    assert watch.unconfirmed() == []
    assert watch.notes() == []
    watch.look(NATIONAL, feed_race(0, 0, updated=8), GEORGIA, at=20)
    assert len(watch.changes()) == 2


def test_the_outlet_s_time_of_a_confirmed_change_is_that_of_the_look_that_showed_it(
    watch: Watch,
) -> None:
    watch.look(NATIONAL, feed_race(181_000, 119_000), at=0)
    watch.look(NATIONAL, feed_race(0, 0, updated=2), at=2)
    watch.look(NATIONAL, feed_race(0, 0, updated=7), at=7)
    assert {row["source_updated_at"] for row in watch.log()} == {text_of(minute(2))}


@pytest.mark.parametrize("seconds", [42, 83])
def test_florida_2022_twelve_races_that_come_back_are_transient(watch: Watch, seconds: int) -> None:
    def races(updated: float, *, zero: bool) -> list[RaceState]:
        a, b = (0, 0) if zero else (160_000, 140_000)
        return [
            feed_race(a, b, race=f"house/fl-{n:02}", place=f"us/fl-{n:02}", updated=updated)
            for n in range(1, 13)
        ]

    watch.look(NATIONAL, *races(0, zero=False), at=0)
    fallen = watch.look(NATIONAL, *races(1, zero=True), at=1)
    assert fallen.verdicts == ["unconfirmed"] * 12
    assert len(watch.unconfirmed()) == 12
    watch.look(NATIONAL, *races(3, zero=False), at=1 + seconds / 60)
    assert watch.changes() == []
    assert watch.unconfirmed() == []
    assert watch.notes() == [("transient", 2, 2)] * 12


def test_votes_that_come_back_otherwise_are_compared_with_what_was_before_the_zero(
    watch: Watch,
) -> None:
    watch.look(NATIONAL, feed_race(181_000, 119_000), at=0)
    watch.look(NATIONAL, feed_race(0, 0, updated=1), at=1)
    watch.look(NATIONAL, feed_race(0, 0, updated=2), at=2)
    watch.look(NATIONAL, feed_race(181_500, 119_000, updated=3), at=3)
    assert watch.changes() == [("votes_increased", "64984", 181_000, 181_500)]
    (row,) = watch.log()
    assert (row["fetch_before"], row["fetch"], row["confirmed_by"]) == (1, 4, None)
    assert watch.notes() == [("transient", 2, 3)]


def test_a_zero_that_comes_and_goes_starts_anew_each_time(watch: Watch) -> None:
    watch.look(NATIONAL, feed_race(181_000, 119_000), at=0)
    for start in (1, 5, 9):
        assert watch.look(NATIONAL, feed_race(0, 0, updated=start), at=start).verdicts == [
            "unconfirmed"
        ]
        watch.look(NATIONAL, feed_race(181_000, 119_000, updated=start + 1), at=start + 3)
    assert watch.changes() == []
    assert watch.notes() == [("transient", 2, 2), ("transient", 4, 4), ("transient", 6, 6)]


def test_small_races_fall_to_zero_at_once_unless_five_do(watch: Watch) -> None:
    def races(updated: float, zeros: int) -> list[RaceState]:
        return [
            feed_race(
                0 if n < zeros else 40, 0 if n < zeros else 50, place=f"us/{code}", updated=updated
            )
            for n, code in enumerate(("al", "ak", "az", "ar", "ca", "co"))
        ]

    watch.look(NATIONAL, *races(0, 0), at=0)
    assert watch.look(NATIONAL, *races(1, 5), at=1).verdicts == ["unconfirmed"] * 5
    watch.look(NATIONAL, *races(2, 0), at=2)
    assert watch.changes() == []
    assert watch.look(NATIONAL, *races(3, 4), at=3).verdicts == []
    assert len(watch.changes()) == 8


def test_races_that_stay_at_zero_when_the_others_return_are_not_called_transient(
    watch: Watch,
) -> None:
    codes = ("al", "ak", "az", "ar", "ca")

    def races(updated: float, zeros: int) -> list[RaceState]:
        return [
            feed_race(0 if n < zeros else 40, 0 if n < zeros else 50, place=f"us/{code}",
                      updated=updated)
            for n, code in enumerate(codes)
        ]  # fmt: skip

    watch.look(NATIONAL, *races(0, 0), at=0)
    watch.look(NATIONAL, *races(1, 5), at=1)
    watch.look(NATIONAL, *races(2, 2), at=2)
    watch.look(NATIONAL, *races(3, 2), at=9)
    fell = {row["place"] for row in watch.log()}
    assert fell == {"us/al", "us/ak"}
    notes = watch.rows("SELECT code FROM note JOIN place ON place.id = note.place")
    assert {r["code"] for r in notes} == {"us/az", "us/ar", "us/ca"}


def test_a_zero_is_not_dated_before_a_look_that_still_showed_votes(watch: Watch) -> None:
    """The other page shows the votes while this one is at zero."""
    shown = feed_race(181_000, 119_000, place="us/fl")
    watch.look(NATIONAL, shown, at=0)
    watch.look(FLORIDA, shown, at=1)
    watch.look(NATIONAL, feed_race(0, 0, place="us/fl", updated=2), at=2)
    watch.look(FLORIDA, shown, at=3)
    watch.look(NATIONAL, feed_race(0, 0, place="us/fl", updated=7), at=7)
    watch.look(NATIONAL, feed_race(0, 0, place="us/fl", updated=9), at=9)
    assert len(watch.log()) == 2
    for row in watch.log():
        assert row["fetch_before"] < row["fetch"]


def test_a_zero_is_not_dated_before_the_votes_that_it_takes_away(watch: Watch) -> None:
    """Another page moves the race on while this one is at zero: the zero comes after that."""
    watch.look(NATIONAL, feed_race(181_000, 119_000, place="us/fl"), at=0)
    watch.look(FLORIDA, feed_race(181_000, 119_000, place="us/fl"), at=1)
    watch.look(NATIONAL, feed_race(0, 0, place="us/fl", updated=2), at=2)
    watch.look(FLORIDA, feed_race(190_000, 119_000, place="us/fl", updated=3), at=3)
    for at in (7, 9, 13):
        watch.look(NATIONAL, feed_race(0, 0, place="us/fl", updated=at), at=at)
    harris = [row for row in watch.log() if row["candidate"] == "64984"]
    assert [row["new"] for row in harris] == [190_000, 0]
    assert harris[0]["fetch"] < harris[1]["fetch"], "the value as of a look goes by its id"
    assert all(row["fetch_before"] < row["fetch"] for row in harris)


def test_a_zero_that_two_pages_show_is_confirmed_for_both(watch: Watch) -> None:
    for url, at in ((NATIONAL, 0), (FLORIDA, 1)):
        watch.look(url, feed_race(181_000, 119_000, place="us/fl"), at=at)
    zero = feed_race(0, 0, place="us/fl", updated=2)
    for url, at in ((NATIONAL, 2), (FLORIDA, 3), (NATIONAL, 7), (FLORIDA, 8)):
        watch.look(url, zero, at=at)
    assert len(watch.changes()) == 2
    assert {row["fetch"] for row in watch.log()} == {3}
    assert watch.unconfirmed() == []
    assert watch.notes() == [], "no page showed anything else again"


def test_the_same_bytes_confirm_a_zero_too(watch: Watch) -> None:
    watch.look(NATIONAL, feed_race(181_000, 119_000), at=0, body=b"votes")
    zero = feed_race(0, 0, updated=1)
    for at in (1, 3, 6, 7):
        watch.look(NATIONAL, zero, at=at, body=b"zero")
    assert {(r["fetch"], r["confirmed_by"]) for r in watch.log()} == {(2, 4)}


def test_the_same_bytes_confirm_that_a_race_is_gone(watch: Watch) -> None:
    watch.look(NATIONAL, feed_race(5, 6), GEORGIA, at=0, body=b"two races")
    for at in (1, 3, 6, 7):
        watch.look(NATIONAL, GEORGIA, at=at, body=b"one race")
    assert [(r["kind"], r["fetch"], r["confirmed_by"]) for r in watch.log()] == [
        ("race_removed", 2, 4)
    ]


def test_only_what_the_first_look_showed_is_dated_by_it(
    watch: Watch,
) -> None:
    watch.look(NATIONAL, feed_race(181_000, 119_000, expected_vote_pct=90.0), at=0)
    watch.look(NATIONAL, feed_race(0, 0, updated=1, expected_vote_pct=0.0), at=1)
    watch.look(NATIONAL, feed_race(0, 0, updated=6, expected_vote_pct=1.0), at=6)
    dated = {(r["field"], r["new"]): (r["fetch"], r["confirmed_by"]) for r in watch.log()}
    assert dated == {("votes", 0): (2, 3), ("expected_vote_pct", 1.0): (3, None)}


# One doubt after another.


def test_a_zero_is_not_believed_because_the_race_was_missing_before(watch: Watch) -> None:
    watch.look(NATIONAL, feed_race(181_000, 119_000), GEORGIA, at=0)
    watch.look(NATIONAL, GEORGIA, at=1)
    back = watch.look(NATIONAL, feed_race(0, 0, updated=6), GEORGIA, at=6)
    assert back.verdicts == ["unconfirmed"]
    assert watch.changes() == []
    assert "0 votes" in watch.unconfirmed()[0][2]


def test_a_zero_after_a_missing_race_is_shown_as_a_zero(watch: Watch) -> None:
    watch.look(NATIONAL, feed_race(181_000, 119_000), GEORGIA, at=0)
    watch.look(NATIONAL, GEORGIA, at=1)
    watch.look(NATIONAL, feed_race(0, 0, updated=3), GEORGIA, at=3)
    assert ["0 votes" in reason for _, _, reason in watch.unconfirmed()] == [True]
    watch.look(NATIONAL, feed_race(0, 0, updated=6), GEORGIA, at=6)
    assert watch.changes() == [], "it was at zero for three minutes"
    watch.look(NATIONAL, feed_race(0, 0, updated=8), GEORGIA, at=8)
    assert len(watch.changes()) == 2


def test_a_zero_is_not_believed_because_candidates_were_missing_before(watch: Watch) -> None:
    watch.look(NATIONAL, feed_race(181_000, 119_000, STEIN), at=0)
    gone = feed_race(181_000, 119_000, updated=1)
    watch.look(NATIONAL, replace(gone, tallies=gone.tallies[1:]), at=1)
    watch.look(NATIONAL, feed_race(0, 0, replace(STEIN, votes=0), updated=5), at=5)
    watch.look(NATIONAL, feed_race(0, 0, replace(STEIN, votes=0), updated=6), at=6)
    assert watch.changes() == [], "it was at zero for one minute"


def test_a_page_s_mark_of_a_test_does_not_confirm_a_zero_that_follows_it(watch: Watch) -> None:
    watch.look(NATIONAL, feed_race(181_000, 119_000, updated=0), at=0)
    watch.look(NATIONAL, feed_race(1, 2, updated=1, doubt="a mark of a test"), at=1)
    zero = watch.look(NATIONAL, feed_race(0, 0, updated=10), at=10)
    assert zero.changes == 0
    assert watch.changes() == []


def test_a_zero_whose_race_then_goes_missing_is_closed_as_transient(watch: Watch) -> None:
    watch.look(NATIONAL, feed_race(181_000, 119_000), GEORGIA, at=0)
    watch.look(NATIONAL, feed_race(0, 0, updated=1), GEORGIA, at=1)
    watch.look(NATIONAL, GEORGIA, at=2)
    watch.look(NATIONAL, feed_race(181_000, 119_000, updated=3), GEORGIA, at=3)
    assert watch.changes() == []
    assert watch.notes() == [("transient", 2, 2), ("transient", 3, 3)]


# Candidates who vanish.


def test_a_leader_who_vanishes_and_returns_was_never_gone(watch: Watch) -> None:
    full = feed_race(5_000, 6_000, STEIN)
    watch.look(NATIONAL, full, at=0)
    led = replace(full, source_updated_at=minute(1), tallies=(full.tallies[0], full.tallies[2]))
    looked = watch.look(NATIONAL, led, at=1)
    assert looked.verdicts == ["unconfirmed"]
    assert "Trump" in looked.refusals[0].reason
    watch.look(NATIONAL, replace(full, source_updated_at=minute(2)), at=3)
    assert watch.changes() == []
    assert watch.notes() == [("transient", 2, 2)]


def test_a_leader_who_stays_away_is_removed(watch: Watch) -> None:
    full = feed_race(5_000, 6_000, STEIN)
    watch.look(NATIONAL, full, at=0)
    led = replace(full, source_updated_at=minute(1), tallies=(full.tallies[0], full.tallies[2]))
    watch.look(NATIONAL, led, at=1)
    watch.look(NATIONAL, led, at=6)
    (row,) = watch.log()
    assert (row["kind"], row["candidate"]) == ("candidate_removed", "8639")
    assert (row["fetch_before"], row["fetch"], row["confirmed_by"]) == (1, 2, 3)


def test_three_of_eight_who_go_at_once_are_doubted_and_one_is_not(watch: Watch) -> None:
    others = [by_id(str(n), f"Candidate{n}", 10 + n) for n in range(6)]
    watch.look(NATIONAL, feed_race(500, 600, *others), at=0)
    three = watch.look(NATIONAL, feed_race(500, 600, *others[3:], updated=1), at=1)
    assert three.verdicts == ["unconfirmed"]
    watch.look(NATIONAL, feed_race(500, 600, *others, updated=2), at=2)
    one = watch.look(NATIONAL, feed_race(500, 600, *others[1:], updated=3), at=3)
    assert one.verdicts == []
    assert watch.changes() == [("candidate_removed", "0", "0", None)]


def test_alaska_2022_a_set_of_candidates_replaced_by_zeros_is_transient(watch: Watch) -> None:
    peltola = by_id("1", "Peltola", 128_553)
    palin, begich = by_id("2", "Palin", 67_732), by_id("3", "Begich", 61_431)
    house = replace(
        feed_race(0, 0, race="house/ak-01", place="us/ak"), tallies=(peltola, palin, begich)
    )
    watch.look(NATIONAL, house, at=0)
    others = (by_id("4", "Peltola", 0), by_id("5", "Palin", 0))
    replaced = replace(house, tallies=others, source_updated_at=minute(1))
    assert watch.look(NATIONAL, replaced, at=1).verdicts == ["unconfirmed"]
    watch.look(NATIONAL, replace(house, source_updated_at=minute(2)), at=1 + 106 / 60)
    assert watch.changes() == []
    assert watch.notes() == [("transient", 2, 2)]


# Pages without a clock (R7).


def test_an_old_body_again_waits_two_minutes_where_no_time_is_given(watch: Watch) -> None:
    first, second = feed_race(50, 60, updated=None), feed_race(55, 60, updated=None)
    watch.look(NATIONAL, first, at=0, body=b"A")
    watch.look(NATIONAL, second, at=1, body=b"B")
    assert watch.look(NATIONAL, first, at=2, body=b"A").verdicts == ["unconfirmed"]
    assert watch.look(NATIONAL, first, at=3.9, body=b"A").changes == 0
    watch.look(NATIONAL, first, at=4, body=b"A")
    assert watch.changes() == [
        ("votes_increased", "64984", 50, 55),
        ("votes_decreased", "64984", 55, 50),
    ]
    row = watch.log()[-1]
    assert (row["fetch_before"], row["fetch"], row["confirmed_by"]) == (2, 3, 5)


def test_two_copies_that_alternate_never_enter_the_log(watch: Watch) -> None:
    first, second = feed_race(50, 60, updated=None), feed_race(55, 60, updated=None)
    watch.look(NATIONAL, first, at=0, body=b"A")
    for at in range(1, 12, 2):
        watch.look(NATIONAL, second, at=at, body=b"B")
        watch.look(NATIONAL, first, at=at + 40 / 60, body=b"A")
    assert watch.changes() == [("votes_increased", "64984", 50, 55)]


def test_an_old_body_with_a_new_time_of_the_race_is_believed_at_once(watch: Watch) -> None:
    watch.look(NATIONAL, feed_race(50, 60, updated=0), at=0, body=b"A")
    watch.look(NATIONAL, feed_race(55, 60, updated=1), at=1, body=b"B")
    watch.look(NATIONAL, feed_race(50, 60, updated=2), at=2, body=b"C")
    assert [kind for kind, *_ in watch.changes()] == ["votes_increased", "votes_decreased"]


# Before the election (R10).

#: Minutes from 10 PM of the day back to its midnight in New York.
MIDNIGHT = -22 * 60


def test_test_values_are_never_believed_and_real_ones_at_once(watch: Watch) -> None:
    zero = feed_race(0, 0, updated=MIDNIGHT - 9_000)
    watch.look(NATIONAL, zero, at=MIDNIGHT - 9_000)
    for days in (8, 5, 1):
        at = MIDNIGHT - days * 1_000
        test = feed_race(3_293_712, 2_997_793, updated=at, projection="64984")
        looked = watch.look(NATIONAL, test, at=at)
        assert looked.verdicts == (["unconfirmed"] if days == 8 else [])
        assert looked.changes == 0
    assert watch.votes() == {"8639": 0, "64984": 0}
    watch.look(NATIONAL, feed_race(3, 3, updated=MIDNIGHT), at=MIDNIGHT)
    assert sorted(watch.changes()) == [
        ("votes_increased", "64984", 0, 3),
        ("votes_increased", "8639", 0, 3),
    ]
    assert [row["confirmed_by"] for row in watch.log()] == [None, None]
    assert watch.notes() == [("transient", 2, 4)]
    assert watch.unconfirmed() == []


def test_the_last_minute_of_the_day_before_is_too_early(watch: Watch) -> None:
    watch.look(NATIONAL, feed_race(0, 0, updated=MIDNIGHT - 60), at=MIDNIGHT - 60)
    early = feed_race(3, 3, updated=MIDNIGHT - 1)
    assert watch.look(NATIONAL, early, at=MIDNIGHT - 1).verdicts == ["unconfirmed"]
    watch.look(NATIONAL, early, at=MIDNIGHT + 500)  # an old copy on the day itself
    assert watch.changes() == []


def test_test_values_at_the_first_look_are_no_first_sights(watch: Watch) -> None:
    at = MIDNIGHT - 1_000
    test = feed_race(3_293_712, 2_997_793, updated=at)
    assert watch.look(NATIONAL, test, at=at).verdicts == ["unconfirmed"]
    watch.look(NATIONAL, test, at=at + 60)
    assert watch.first_sights() == []
    assert watch.votes() == {}
    assert [(race, place) for race, place, _ in watch.unconfirmed()] == [("president", "us")]


def test_a_race_whose_first_values_were_tests_was_not_added_later(watch: Watch) -> None:
    """The page showed the race at every look: nothing was added to it."""
    for at in (MIDNIGHT - 1_000, MIDNIGHT - 900, MIDNIGHT - 800):
        watch.look(NATIONAL, feed_race(3_293_712, 2_997_793, updated=at), GEORGIA, at=at)
    watch.look(NATIONAL, feed_race(3, 3, updated=MIDNIGHT), GEORGIA, at=MIDNIGHT)
    assert watch.changes() == []
    assert ("votes", "64984", 3) in watch.first_sights()


def test_test_values_of_a_race_that_goes_again_are_closed(watch: Watch) -> None:
    at = MIDNIGHT - 1_000
    georgia = replace(
        GEORGIA,
        source_updated_at=minute(at),
        tallies=tuple(replace(t, votes=0) for t in GEORGIA.tallies),
    )
    watch.look(NATIONAL, feed_race(3_293_712, 2_997_793, updated=at), georgia, at=at)
    watch.look(NATIONAL, georgia, at=at + 10)
    watch.look(NATIONAL, georgia, at=at + 20)
    assert watch.changes() == []
    assert watch.unconfirmed() == []
    assert watch.notes() == [("transient", 1, 1)]


def test_the_page_s_own_mark_is_believed_for_as_long_as_it_stands(watch: Watch) -> None:
    watch.look(NATIONAL, feed_race(5, 6), at=0)
    for at in range(1, 30, 4):
        marked = feed_race(500, 600, updated=at, doubt="the page says that it is a test")
        watch.look(NATIONAL, marked, at=at)
    assert watch.changes() == []
    assert [reason for *_, reason in watch.unconfirmed()] == ["the page says that it is a test"]
    watch.look(NATIONAL, feed_race(500, 600, updated=31), at=31)
    assert len(watch.changes()) == 2


# A first look that is doubted.


def test_too_many_electors_at_first_are_believed_when_they_last(watch: Watch) -> None:
    def nation(updated: float) -> RaceState:
        one, two = feed_race(5_000, 6_000).tallies
        return replace(
            feed_race(0, 0, updated=updated),
            tallies=(replace(one, electoral_votes=227), replace(two, electoral_votes=312)),
        )

    assert watch.look(NATIONAL, nation(0), GEORGIA, at=0).verdicts == ["unconfirmed"]
    watch.look(NATIONAL, nation(1), GEORGIA, at=1)
    assert watch.first_sights() == [("votes", "8639", 8), ("votes", "64984", 7)]
    watch.look(NATIONAL, nation(5), GEORGIA, at=5)
    assert ("electoral_votes", "8639", 312) in watch.first_sights()
    assert watch.changes() == [], "the race was on the page from the first look on"


def test_a_race_that_was_added_and_doubted_was_added_before_the_doubt(watch: Watch) -> None:
    def nation(updated: float) -> RaceState:
        one, two = feed_race(5_000, 6_000).tallies
        return replace(
            feed_race(0, 0, updated=updated),
            tallies=(replace(one, electoral_votes=227), replace(two, electoral_votes=312)),
        )

    watch.look(NATIONAL, GEORGIA, at=0)
    for at in (1, 3, 6):
        watch.look(NATIONAL, nation(at), GEORGIA, at=at)
    (row,) = watch.log()
    assert row["kind"] == "race_added"
    assert row["fetch_before"] == 1, "only the first look did not show it"


# The feed takes over from a banner.


def test_a_feed_at_zero_does_not_silently_replace_a_banner_s_votes(watch: Watch) -> None:
    watch.look(STORY, banner(67_410_748, 72_191_978), at=0)
    assert watch.look(NATIONAL, feed_race(0, 0, updated=1), at=1).verdicts == ["unconfirmed"]
    assert set(watch.votes().values()) == {67_410_748, 72_191_978}


def test_a_doubt_of_a_banner_is_closed_when_a_feed_takes_over(watch: Watch) -> None:
    watch.look(STORY, banner(67_410_748, 72_191_978), at=0)
    watch.look(STORY, banner(0, 0, updated=1), at=1)
    watch.look(NATIONAL, feed_race(67_410_748, 72_191_978, updated=2), at=2)
    watch.look(STORY, banner(67_410_748, 72_191_978, updated=3), at=3)
    assert watch.changes() == []
    assert watch.unconfirmed() == []
    assert watch.notes() == [("transient", 2, 2)]


# Before the last polls have closed.


def test_what_moves_before_the_last_close_is_flagged_in_the_counties_too(watch: Watch) -> None:
    def look(at: float, votes: int) -> None:
        watch.look(
            FLORIDA,
            feed_race(votes, 60, place="us/fl", updated=at, last_close_at=minute(10)),
            feed_race(votes - 20, 20, place="us/fl/12001", updated=at),
            at=at,
        )

    look(0, 50)
    look(9, 55)
    flags = {(row["place"], row["flags"]) for row in watch.log()}
    assert flags == {
        ("us/fl", '["before_last_close"]'),
        ("us/fl/12001", '["before_last_close"]'),
    }
    look(10, 57)
    assert {row["flags"] for row in watch.log()[2:]} == {"[]"}


# The real events of past elections that are recorded at once, with the flag of their rule. Where
# only a total is known, the shares of the candidates are made up.

EVENTS: list[tuple[str, Sequence[tuple[RaceState, dict[str, set[str]]]]]] = [
    (
        "Nebraska 2020",
        [
            (state(0, harris=362_038, trump=544_150, jorgensen=20_000), {}),
            (
                state(1, harris=338_193, trump=579_968, jorgensen=20_000),
                {"64984": {"large_decrease"}},
            ),
            (
                state(2, harris=367_930, trump=550_231, jorgensen=20_000),
                {"64984": {"swap"}, "8639": {"swap", "large_decrease"}},
            ),
        ],
    ),
    (
        "Iowa 2020",
        [
            (state(0, harris=740_000, trump=750_000), {}),
            (
                state(1, harris=732_329, trump=757_671),
                {"64984": {"swap", "large_decrease"}, "8639": {"swap"}},
            ),
        ],
    ),
    (
        "New York 2020",
        [
            (state(0, harris=4_235_992, trump=2_934_143), {}),
            (
                state(1, harris=3_699_332, trump=2_850_352),
                {"64984": {"large_decrease"}, "8639": {"large_decrease"}},
            ),
        ],
    ),
    (
        "West Virginia 2020",
        [
            (replace(state(0, harris=250_000, trump=600_000), expected_vote_pct=101.0), {}),
            (
                replace(state(1, harris=255_000, trump=609_488), expected_vote_pct=108.8),
                {"": {"over_expected"}},
            ),
            (
                replace(state(2, harris=233_000, trump=553_188), expected_vote_pct=98.9),
                {"64984": {"large_decrease"}, "8639": {"large_decrease"}},
            ),
        ],
    ),
    (
        "Colorado 2020",
        [
            (replace(state(0, harris=1_780_000, trump=1_340_000), expected_vote_pct=100.6), {}),
            (
                replace(state(1, harris=1_880_000, trump=1_414_002), expected_vote_pct=106.3),
                {"": {"over_expected"}},
            ),
        ],
    ),
    (
        "Pennsylvania 2020, a batch for one",
        [
            (state(0, harris=2_900_000, trump=3_100_000), {}),
            (state(1, harris=2_923_277, trump=3_100_000), {"64984": {"one_sided"}}),
        ],
    ),
    (
        "Pennsylvania 2020, up and down",
        [
            (state(0, harris=711_586, trump=400_000), {}),
            (
                state(1, harris=560_000, trump=311_782),
                {"64984": {"large_decrease"}, "8639": {"large_decrease"}},
            ),
            (
                state(2, harris=500_000, trump=274_021),
                {"64984": {"large_decrease"}, "8639": {"large_decrease"}},
            ),
            (state(3, harris=788_475, trump=500_000), {}),
            (
                state(4, harris=439_443, trump=300_000),
                {"64984": {"large_decrease"}, "8639": {"large_decrease"}},
            ),
        ],
    ),
    (
        "Shiawassee 2020",
        [
            (state(0, harris=15_371, trump=23_149), {}),
            (state(1, harris=153_710, trump=23_149), {"64984": {"decimal_shift", "one_sided"}}),
            (
                state(2, harris=15_371, trump=23_149),
                {"64984": {"decimal_shift", "large_decrease"}},
            ),
        ],
    ),
    (
        "Antrim 2020",
        [
            (state(0, harris=6_000, trump=3_000), {}),
            (
                state(1, harris=3_000, trump=6_000),
                {"64984": {"swap", "large_decrease"}, "8639": {"swap"}},
            ),
        ],
    ),
    (
        "New Mexico 2024",
        [
            (state(0, harris=77_141, trump=77_142), {}),
            (
                state(1, harris=3_827, trump=10_674),
                {"64984": {"large_decrease"}, "8639": {"large_decrease"}},
            ),
            (state(2, harris=41_194, trump=38_740), {}),
        ],
    ),
    (
        "Oregon 2024",
        [
            (state(0, harris=877_582, trump=700_000), {}),
            (
                state(1, harris=800_000, trump=630_513),
                {"64984": {"large_decrease"}, "8639": {"large_decrease"}},
            ),
            (state(2, harris=879_716, trump=700_000), {}),
        ],
    ),
    (
        "Michigan 2024",
        [
            (state(0, harris=2_707_538, trump=2_800_000), {}),
            (
                state(1, harris=2_583_853, trump=2_670_000),
                {"64984": {"large_decrease"}, "8639": {"large_decrease"}},
            ),
        ],
    ),
]


@pytest.mark.parametrize("looks", [e[1] for e in EVENTS], ids=[e[0] for e in EVENTS])
def test_real_events_are_recorded_at_once_and_flagged_by_their_rule(
    watch: Watch, looks: Sequence[tuple[RaceState, dict[str, set[str]]]]
) -> None:
    known = 0
    for at, (race, flagged) in enumerate(looks):
        looked = watch.look(NATIONAL, race, at=at)
        assert looked.verdicts == []
        rows = watch.log()[known:]
        known += len(rows)
        assert bool(rows) == (at > 0)
        found: dict[str, set[str]] = {}
        for row in rows:
            flags = set(json.loads(row["flags"])) - {"lead_change"}
            if flags:
                found.setdefault(row["candidate"] or "", set()).update(flags)
        assert found == flagged
    assert watch.notes() == []


def test_arizona_2022_a_clock_that_runs_backwards_is_stale(watch: Watch) -> None:
    # 08:04:00, 07:59:42, 08:04:00 by the outlet's clock.
    watch.look(NATIONAL, feed_race(113_407, 90_000, updated=4), at=5)
    old = watch.look(NATIONAL, feed_race(108_330, 89_000, updated=-0.3), at=6)
    assert old.verdicts == ["stale"]
    watch.look(NATIONAL, feed_race(113_407, 90_000, updated=4), at=7)
    assert watch.changes() == []
    assert watch.votes() == {"64984": 113_407, "8639": 90_000}


def test_alabama_2022_a_call_that_is_gone_for_one_version_is_told_twice(watch: Watch) -> None:
    race = feed_race(400_000, 900_000, race="senate/al", place="us/al", projection="8639")
    watch.look(NATIONAL, race, at=0)
    watch.look(NATIONAL, replace(race, projection=None, source_updated_at=minute(1)), at=1)
    watch.look(NATIONAL, replace(race, source_updated_at=minute(2)), at=2)
    assert watch.changes() == [
        ("projection_retracted", "8639", "8639", None),
        ("projection_made", "8639", None, "8639"),
    ]


# The outlet's clock.


def test_a_time_ahead_of_ours_freezes_nothing(watch: Watch) -> None:
    watch.look(NATIONAL, feed_race(50, 60, updated=0), at=0)
    watch.look(NATIONAL, feed_race(51, 61, updated=24 * 60), at=1)
    watch.look(NATIONAL, feed_race(52, 62, updated=2), at=2)
    assert [(kind, new) for kind, _, _, new in watch.changes()] == [
        ("votes_increased", 61),
        ("votes_increased", 51),
        ("votes_increased", 62),
        ("votes_increased", 52),
    ]


def test_an_older_copy_of_the_page_is_one_for_races_without_a_time_too(watch: Watch) -> None:
    timeless = replace(GEORGIA, source_updated_at=None)
    older = replace(timeless, tallies=tuple(replace(t, votes=1) for t in timeless.tallies))
    watch.look(NATIONAL, feed_race(50, 60, updated=0), older, at=0)
    watch.look(NATIONAL, feed_race(51, 61, updated=1), timeless, at=1)
    for at in (2, 4, 6):
        watch.look(NATIONAL, feed_race(50, 60, updated=0), older, at=at)
    assert not [change for change in watch.changes() if change[0] == "votes_decreased"]


def test_an_older_copy_says_nothing_of_a_zero_that_waits(watch: Watch) -> None:
    watch.look(NATIONAL, feed_race(50_000, 60_000, updated=0), at=0)
    watch.look(NATIONAL, feed_race(0, 0, updated=1), at=1)
    watch.look(NATIONAL, feed_race(50_000, 60_000, updated=0), at=3)
    watch.look(NATIONAL, feed_race(0, 0, updated=1), at=7)
    assert [(kind, new) for kind, _, _, new in watch.changes()] == [
        ("votes_decreased", 0),
        ("votes_decreased", 0),
    ]
    assert watch.notes() == []
