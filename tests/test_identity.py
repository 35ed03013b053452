"""Who is who: ids of the feed, last names of a banner, candidates and races that come and go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.records import RaceState, Refusal, instant_text
from tests.snapshots import (
    FLORIDA,
    NATIONAL,
    STORY,
    Watch,
    banner,
    by_id,
    by_name,
    feed_race,
    minute,
    watched,
)

STEIN = by_id("31116", "Stein", 500)


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    with watched(tmp_path) as watch:
        yield watch


def shuffled(state: RaceState, seed: int = 1) -> RaceState:
    tallies = list(state.tallies)
    Random(seed).shuffle(tallies)
    return replace(state, tallies=tuple(reversed(tallies)))


# Candidates of one page.


def test_the_order_of_candidates_and_races_means_nothing(watch: Watch) -> None:
    nation = feed_race(5_000, 6_000, STEIN)
    florida = feed_race(50, 60, STEIN, place="us/fl")
    watch.look(NATIONAL, nation, florida, at=0)
    first = watch.first_sights()
    looked = watch.look(NATIONAL, shuffled(florida), shuffled(nation), at=1)
    assert (looked.outcome, looked.refusals) == ("unchanged", ())
    assert watch.changes() == []
    assert watch.first_sights() == first
    moved = feed_race(5_001, 6_000, STEIN, updated=2)
    watch.look(NATIONAL, florida, shuffled(moved), at=2)
    assert watch.changes() == [("votes_increased", "64984", 5_000, 5_001)]


def test_candidates_come_and_go_by_id(watch: Watch) -> None:
    watch.look(NATIONAL, feed_race(5_000, 6_000), at=0)
    watch.look(NATIONAL, shuffled(feed_race(5_000, 6_000, STEIN, updated=1)), at=1)
    assert watch.changes() == [("candidate_added", "31116", None, "31116")]
    assert ("votes", "31116", 500) in watch.first_sights()
    watch.look(NATIONAL, feed_race(5_000, 6_000, updated=2), at=2)
    assert watch.changes()[1:] == [("candidate_removed", "31116", "31116", None)]
    assert watch.votes() == {"8639": 6_000, "64984": 5_000}
    watch.look(NATIONAL, feed_race(5_000, 6_000, replace(STEIN, votes=600), updated=3), at=3)
    assert watch.changes()[2:] == [("candidate_added", "31116", None, "31116")]
    assert watch.votes()["31116"] == 600
    before = [row["fetch_before"] for row in watch.log()]
    assert before == [1, 2, 3]


def test_a_candidate_who_is_spelled_otherwise_is_renamed_once(watch: Watch) -> None:
    watch.look(NATIONAL, feed_race(5_000, 6_000, STEIN), at=0)
    renamed = replace(STEIN, name="Jill Stein", last_name="stein")
    state = feed_race(5_000, 6_000, renamed, updated=1)
    watch.look(NATIONAL, shuffled(state), at=1)
    watch.look(NATIONAL, state, at=2)
    watch.look(NATIONAL, replace(state, source_updated_at=minute(3)), at=3)
    assert watch.changes() == [("candidate_renamed", "31116", "Stein", "Jill Stein")]


def test_a_new_last_name_with_the_same_id_is_the_same_candidate(watch: Watch) -> None:
    watch.look(NATIONAL, feed_race(5_000, 6_000, STEIN), at=0)
    married = by_id("31116", "Stein-Smith", 501)
    watch.look(NATIONAL, feed_race(5_000, 6_000, married, updated=1), at=1)
    assert sorted(watch.changes()) == [
        ("candidate_renamed", "31116", "Stein", "Stein-Smith"),
        ("votes_increased", "31116", 500, 501),
    ]


def test_the_same_name_with_another_id_is_another_candidate(watch: Watch) -> None:
    watch.look(NATIONAL, feed_race(5_000, 6_000, STEIN), at=0)
    watch.look(NATIONAL, feed_race(5_000, 6_000, by_id("99", "Stein", 500), updated=1), at=1)
    assert watch.changes() == [
        ("candidate_removed", "31116", "31116", None),
        ("candidate_added", "99", None, "99"),
    ]


def test_the_same_people_in_two_races_are_kept_apart(watch: Watch) -> None:
    full = feed_race(5_000, 6_000, race="senate/ca", place="us/ca")
    special = feed_race(4_000, 7_000, race="senate/ca-special", place="us/ca")
    watch.look(NATIONAL, full, special, at=0)
    watch.look(NATIONAL, special, replace(full, tallies=feed_race(5_001, 6_000).tallies), at=1)
    assert watch.changes() == [("votes_increased", "64984", 5_000, 5_001)]
    assert watch.votes("senate/ca-special", "us/ca") == {"8639": 7_000, "64984": 4_000}


# Two pages of the feed.


def test_what_one_page_leaves_out_is_no_change(watch: Watch) -> None:
    full = feed_race(
        5_000,
        6_000,
        place="us/fl",
        status="POLLS_CLOSED",
        seats=30,
        last_close_at=minute(-120),
        expected_vote_pct=90.0,
    )
    full = replace(
        full,
        tallies=tuple(
            replace(t, electoral_votes=e) for t, e in zip(full.tallies, (0, 30), strict=True)
        ),
    )
    bare = feed_race(5_000, 6_000, place="us/fl")
    watch.look(NATIONAL, full, at=0)
    watch.look(FLORIDA, bare, at=1)
    watch.look(NATIONAL, full, at=2)
    watch.look(FLORIDA, replace(bare, source_updated_at=minute(3)), at=3)
    watch.look(NATIONAL, replace(full, source_updated_at=minute(4)), at=4)
    assert watch.changes() == []
    moved = feed_race(5_001, 6_000, place="us/fl", updated=5)
    watch.look(FLORIDA, moved, at=5)
    assert watch.changes() == [("votes_increased", "64984", 5_000, 5_001)]
    (row,) = [r for r in watch.rows("SELECT * FROM results") if r["candidate"] == "8639"]
    assert (row["electoral_votes"], row["status"], row["expected_vote_pct"]) == (
        30,
        "POLLS_CLOSED",
        90.0,
    )


def test_another_spelling_on_another_page_is_no_rename(watch: Watch) -> None:
    watch.look(NATIONAL, feed_race(5_000, 6_000, STEIN, place="us/fl"), at=0)
    jill = replace(STEIN, name="Jill Stein")
    for turn in range(1, 4):
        at = 2 * turn
        watch.look(FLORIDA, feed_race(5_000, 6_000 + at, jill, place="us/fl", updated=at), at=at)
        at += 1
        watch.look(NATIONAL, feed_race(5_000, 6_000 + at, STEIN, place="us/fl", updated=at), at=at)
    assert {kind for kind, *_ in watch.changes()} == {"votes_increased"}


def test_the_newest_time_wins_and_an_older_look_is_no_decrease(watch: Watch) -> None:
    watch.look(NATIONAL, feed_race(50, 60, place="us/fl", updated=0), at=0)
    watch.look(FLORIDA, feed_race(70, 80, place="us/fl", updated=2), at=3)
    lagging = watch.look(NATIONAL, feed_race(60, 70, place="us/fl", updated=1), at=4)
    assert lagging.verdicts == ["stale"]
    assert watch.votes(place="us/fl") == {"8639": 80, "64984": 70}
    assert {kind for kind, *_ in watch.changes()} == {"votes_increased"}


def test_two_pages_of_one_minute_that_differ_do_not_flip_the_log(watch: Watch) -> None:
    watch.look(NATIONAL, feed_race(50, 60, place="us/fl"), at=0)
    watch.look(FLORIDA, feed_race(55, 60, place="us/fl"), at=1)
    assert watch.changes() == [("votes_increased", "64984", 50, 55)]
    for turn in range(2, 12, 2):
        looked = watch.look(NATIONAL, feed_race(50, 60, place="us/fl"), at=turn)
        assert looked.verdicts == ["stale"]
        watch.look(FLORIDA, feed_race(55, 60, place="us/fl"), at=turn + 1)
    assert len(watch.changes()) == 1


def test_an_old_state_that_lasts_on_one_page_alone_is_a_rollback(watch: Watch) -> None:
    watch.look(NATIONAL, feed_race(50, 60, updated=0), at=0)
    watch.look(NATIONAL, feed_race(55, 60, updated=5), at=5)
    for at in (6, 13, 20):
        assert watch.look(NATIONAL, feed_race(50, 60, updated=0), at=at).verdicts == ["stale"]
    assert watch.look(NATIONAL, feed_race(50, 60, updated=0), at=21).verdicts == []
    assert watch.changes()[1:] == [("votes_decreased", "64984", 55, 50)]
    assert "rollback" in watch.flags()["votes_decreased", "64984"]


def test_a_page_without_a_time_does_not_make_the_outlet_s_clock_forgotten(watch: Watch) -> None:
    watch.look(NATIONAL, feed_race(50, 60, place="us/fl", updated=10), at=10)
    watch.look(FLORIDA, feed_race(55, 60, place="us/fl", updated=None), at=11)
    old = watch.look(NATIONAL, feed_race(40, 60, place="us/fl", updated=5), at=12)
    assert old.verdicts == ["stale"], "the page itself had shown a newer time"
    assert [kind for kind, *_ in watch.changes()] == ["votes_increased"]


def test_times_finer_than_a_millisecond_are_the_same_in_memory_and_in_the_file(
    watch: Watch,
) -> None:
    fine = minute(0) + timedelta(microseconds=123_456)
    first = replace(feed_race(50, 60, place="us/fl"), source_updated_at=fine)
    second = replace(feed_race(55, 60, place="us/fl"), source_updated_at=fine)
    watch.look(NATIONAL, first, at=0)
    watch.look(FLORIDA, second, at=1)
    watch.look(NATIONAL, first, at=2)
    assert len(watch.changes()) == 1


def test_the_hour_that_comes_twice_in_autumn_has_two_texts() -> None:
    zone = ZoneInfo("America/New_York")
    first = datetime(2024, 11, 3, 1, 30, tzinfo=zone)
    assert instant_text(first) == "2024-11-03T05:30:00.000Z"
    assert instant_text(first.replace(fold=1)) == "2024-11-03T06:30:00.000Z"


def test_a_candidate_whom_another_page_alone_shows_is_not_removed(watch: Watch) -> None:
    watch.look(NATIONAL, feed_race(50, 60, place="us/fl"), at=0)
    watch.look(FLORIDA, feed_race(50, 60, STEIN, place="us/fl", updated=1), at=1)
    watch.look(NATIONAL, feed_race(51, 60, place="us/fl", updated=2), at=2)
    assert [c for c in watch.changes() if c[0].startswith("candidate")] == []
    assert watch.votes(place="us/fl")["31116"] == 500


def test_a_page_loaded_after_the_other_is_the_same_in_memory_and_in_the_file(
    tmp_path: Path,
) -> None:
    # Opened anew when both pages are known, and kept from then on: they are loaded one by one.
    with watched(tmp_path, now_and_then=lambda number: number == 3) as watch:
        shown = feed_race(50, 60, place="us/fl")
        watch.look(NATIONAL, shown, at=0)
        watch.look(FLORIDA, shown, at=1)
        old = watch.look(NATIONAL, feed_race(40, 60, place="us/fl", updated=-5), at=2)
        assert old.verdicts == ["stale"]
        watch.look(FLORIDA, shown, at=3)
        watch.look(NATIONAL, feed_race(55, 60, place="us/fl", updated=4), at=4)
        assert watch.look(FLORIDA, shown, at=5).verdicts == ["stale"]


def test_a_race_dropped_by_both_pages_is_removed_whoever_loaded_them(tmp_path: Path) -> None:
    with watched(tmp_path, now_and_then=lambda number: number == 3) as watch:
        gone, stays = feed_race(50, 60, place="us/fl"), feed_race(7, 8, place="us/ga")
        watch.look(NATIONAL, gone, stays, at=0)
        watch.look(FLORIDA, gone, stays, at=1)
        watch.look(NATIONAL, stays, at=2)  # the other page is asked for in the file
        watch.look(FLORIDA, stays, at=3)
        watch.look(NATIONAL, stays, at=4)
        watch.look(FLORIDA, stays, at=8)
        assert watch.changes() == [("race_removed", None, "president", None)]


# Races of one page that come and go.

GEORGIA = feed_race(7, 8, race="senate/ga", place="us/ga")


def test_a_race_that_a_page_drops_is_unconfirmed_then_removed_then_added(watch: Watch) -> None:
    florida = feed_race(50, 60, place="us/fl")
    watch.look(NATIONAL, florida, GEORGIA, at=0)
    dropped = watch.look(NATIONAL, GEORGIA, at=1)
    assert dropped.verdicts == ["unconfirmed"]
    assert [(race, place) for race, place, _ in watch.unconfirmed()] == [("president", "us/fl")]
    assert watch.look(NATIONAL, GEORGIA, at=5.9).verdicts == []
    assert watch.changes() == []
    assert watch.votes(place="us/fl") == {"8639": 60, "64984": 50}
    watch.look(NATIONAL, GEORGIA, at=6)
    (row,) = watch.log()
    assert (row["kind"], row["place"], row["old"], row["new"]) == (
        "race_removed",
        "us/fl",
        "president",
        None,
    )
    assert (row["fetch_before"], row["fetch"], row["confirmed_by"]) == (1, 2, 4)
    assert watch.unconfirmed() == []
    assert watch.votes(place="us/fl") == {}
    watch.look(NATIONAL, GEORGIA, at=20)
    assert len(watch.changes()) == 1
    watch.look(NATIONAL, florida, GEORGIA, at=21)
    added = watch.log()[-1]
    assert (added["kind"], added["fetch_before"], added["fetch"]) == ("race_added", 5, 6)
    assert watch.votes(place="us/fl") == {"8639": 60, "64984": 50}
    assert watch.notes() == []


def test_a_race_that_comes_back_in_time_was_never_gone(watch: Watch) -> None:
    florida = feed_race(50, 60, place="us/fl")
    watch.look(NATIONAL, florida, GEORGIA, at=0)
    watch.look(NATIONAL, GEORGIA, at=1)
    watch.look(NATIONAL, GEORGIA, at=3)
    watch.look(NATIONAL, florida, GEORGIA, at=4)
    assert watch.changes() == []
    assert watch.notes() == [("transient", 2, 3)]
    assert watch.unconfirmed() == []
    watch.look(NATIONAL, florida, GEORGIA, at=30)
    assert len(watch.notes()) == 1


def test_a_race_is_not_removed_while_another_page_shows_it(watch: Watch) -> None:
    florida = feed_race(50, 60, place="us/fl")
    watch.look(NATIONAL, florida, GEORGIA, at=0)
    watch.look(FLORIDA, florida, at=1)
    for at in (2, 8, 20):
        assert watch.look(NATIONAL, GEORGIA, at=at).verdicts == []
        watch.look(FLORIDA, florida, at=at + 1)
    assert watch.changes() == []
    assert watch.votes(place="us/fl") == {"8639": 60, "64984": 50}


def test_a_race_is_not_removed_while_another_page_shows_it_as_it_was(watch: Watch) -> None:
    """The other page lags: what it shows is stale, and the race is there."""
    watch.look(NATIONAL, feed_race(50, 60, place="us/fl"), GEORGIA, at=0)
    watch.look(NATIONAL, feed_race(55, 60, place="us/fl", updated=1), GEORGIA, at=1)
    lagging = feed_race(50, 60, place="us/fl")
    watch.look(FLORIDA, lagging, at=2)
    for at in (3, 9):
        watch.look(NATIONAL, GEORGIA, at=at)
        watch.look(FLORIDA, lagging, at=at + 1)
    assert [c for c in watch.changes() if c[0].startswith("race_")] == []


def test_a_race_missing_here_that_another_page_takes_up_is_no_longer_doubted(
    watch: Watch,
) -> None:
    florida = feed_race(50, 60, place="us/fl")
    watch.look(NATIONAL, florida, GEORGIA, at=0)
    watch.look(NATIONAL, GEORGIA, at=1)
    watch.look(FLORIDA, florida, at=2)
    watch.look(NATIONAL, GEORGIA, at=3)
    watch.look(NATIONAL, GEORGIA, at=9)
    assert watch.changes() == []
    assert watch.unconfirmed() == []


def test_a_race_that_vanishes_after_it_was_refused_is_missed(watch: Watch) -> None:
    florida = feed_race(50, 60, place="us/fl")
    refused = Refusal(part="race", reason="no votes", race="president", place="us/fl")
    watch.look(NATIONAL, florida, GEORGIA, at=0)
    watch.look(NATIONAL, GEORGIA, at=1, refusals=[refused])
    assert watch.look(NATIONAL, GEORGIA, at=2).verdicts == ["unconfirmed"]
    watch.look(NATIONAL, GEORGIA, at=8)
    assert [kind for kind, *_ in watch.changes()] == ["race_removed"]


def test_a_race_that_vanishes_after_an_unclear_refusal_is_missed(watch: Watch) -> None:
    florida = feed_race(50, 60, place="us/fl")
    unclear = Refusal(part="race", reason="a race without a state")
    watch.look(NATIONAL, florida, GEORGIA, at=0)
    assert watch.look(NATIONAL, GEORGIA, at=1, refusals=[unclear]).verdicts == ["rejected"]
    assert watch.look(NATIONAL, GEORGIA, at=2).verdicts == ["unconfirmed"]
    watch.look(NATIONAL, GEORGIA, at=8)
    assert [kind for kind, *_ in watch.changes()] == ["race_removed"]


def test_a_feed_that_never_led_a_race_does_not_remove_it(watch: Watch) -> None:
    watch.look(STORY, banner(5_000, 6_000), at=0)
    marked = feed_race(1, 2, updated=1, doubt="the page says that it is a test")
    assert watch.look(NATIONAL, marked, GEORGIA, at=1).verdicts == ["unconfirmed"]
    for at in (2, 5, 9, 20):
        watch.look(NATIONAL, GEORGIA, at=at)
    assert set(watch.votes().values()) == {6_000, 5_000}
    assert watch.changes() == []


# From last names to ids.


def test_a_feed_joins_the_banner_s_names_with_its_ids_and_nothing_has_changed(
    watch: Watch,
) -> None:
    watch.look(STORY, banner(5_000, 6_000, projection="trump"), at=0)
    watch.look(STORY, banner(5_100, 6_000, projection="trump", updated=1), at=1)
    assert watch.changes() == [("votes_increased", "harris", 5_000, 5_100)]
    looked = watch.look(NATIONAL, feed_race(5_200, 6_100, updated=2, projection="8639"), at=2)
    assert looked.changes == 0
    assert watch.votes() == {"8639": 6_100, "64984": 5_200}
    assert [(field, who) for field, who, _ in watch.first_sights()[-3:]] == [
        ("projection", "8639"),
        ("votes", "8639"),
        ("votes", "64984"),
    ]
    assert watch.rows("SELECT count(*) AS number FROM candidate") == [{"number": 2}]
    # The log speaks of the id from now on, also of what was before.
    assert watch.changes() == [("votes_increased", "64984", 5_000, 5_100)]
    watch.look(NATIONAL, feed_race(5_300, 6_100, updated=3, projection="8639"), at=3)
    assert watch.changes()[1:] == [("votes_increased", "64984", 5_200, 5_300)]


def test_a_feed_first_and_a_banner_later_are_joined_too(watch: Watch) -> None:
    watch.look(NATIONAL, feed_race(5_000, 6_000), at=0)
    assert watch.look(STORY, banner(4_000, 5_000), at=1).changes == 0
    assert watch.votes() == {"8639": 6_000, "64984": 5_000}
    assert watch.rows("SELECT count(*) AS number FROM candidate") == [{"number": 2}]


def test_a_banner_that_may_mean_either_of_two_is_refused(watch: Watch) -> None:
    watch.look(NATIONAL, feed_race(5_000, 6_000, by_id("7", "Ann Harris", 40)), at=0)
    looked = watch.look(STORY, banner(5_000, 6_000), at=1)
    assert looked.verdicts == ["rejected"]
    assert "Harris" in looked.refusals[0].reason
    assert watch.votes() == {"8639": 6_000, "64984": 5_000, "7": 40}
    assert watch.changes() == []
    watch.look(NATIONAL, feed_race(5_001, 6_000, by_id("7", "Ann Harris", 40), updated=2), at=2)
    assert watch.changes() == [("votes_increased", "64984", 5_000, 5_001)]


def test_a_feed_whose_names_do_not_tell_whom_the_banner_meant_is_refused_and_joins_nobody(
    watch: Watch,
) -> None:
    watch.look(STORY, banner(5_000, 6_000), at=0)
    two = feed_race(5_000, 6_000, by_id("7", "Ann Harris", 40), updated=1)
    looked = watch.look(NATIONAL, two, at=1)
    assert looked.verdicts == ["rejected"]
    assert watch.changes() == []
    assert sorted(watch.votes().values(), key=str) == [5_000, 6_000]


def test_a_candidate_of_the_banner_whom_the_feed_lacks_is_not_reported_as_removed(
    watch: Watch,
) -> None:
    watch.look(STORY, banner(5_000, 6_000, by_name("Kennedy", 70)), at=0)
    assert watch.look(NATIONAL, feed_race(5_000, 6_000, updated=1), at=1).changes == 0
    assert watch.votes() == {"8639": 6_000, "64984": 5_000}


# Runoffs.


def test_runoff_calls_are_made_and_taken_back_one_by_one(watch: Watch) -> None:
    race = feed_race(5_000, 6_000, STEIN, race="senate/ga", place="us/ga")
    both = frozenset({"8639", "64984"})
    watch.look(NATIONAL, race, at=0)
    watch.look(NATIONAL, replace(race, runoff=both, source_updated_at=minute(1)), at=1)
    assert watch.changes() == [
        ("projection_made", "64984", None, "64984"),
        ("projection_made", "8639", None, "8639"),
    ]
    assert watch.flags()["projection_made", "8639"] == ["runoff"]
    other = frozenset({"8639", "31116"})
    watch.look(NATIONAL, replace(race, runoff=other, source_updated_at=minute(2)), at=2)
    assert watch.changes()[2:] == [
        ("projection_made", "31116", None, "31116"),
        ("projection_retracted", "64984", "64984", None),
    ]
    watch.look(NATIONAL, replace(race, runoff=other, source_updated_at=minute(3)), at=3)
    assert len(watch.changes()) == 4
    watch.look(NATIONAL, replace(race, source_updated_at=minute(4)), at=4)
    assert [c[:2] for c in watch.changes()[4:]] == [
        ("projection_retracted", "31116"),
        ("projection_retracted", "8639"),
    ]


def test_a_runoff_that_was_there_at_first_is_no_news(watch: Watch) -> None:
    both = frozenset({"8639", "64984"})
    race = feed_race(5_000, 6_000, race="senate/ga", place="us/ga", runoff=both)
    watch.look(NATIONAL, race, at=0)
    watch.look(NATIONAL, replace(race, source_updated_at=minute(1)), at=1)
    assert watch.changes() == []
    calls = [(who, new) for field, who, new in watch.first_sights() if field == "projection"]
    assert calls == [("64984", "64984"), ("8639", "8639")]


# Notes of one page.


def test_fields_that_nobody_knows_are_named_once(watch: Watch) -> None:
    race = feed_race(5_000, 6_000)
    first = watch.look(NATIONAL, race, at=0, unknown=["races[].foo", "races[].bar"])
    assert first.notes == ("unknown_field", "unknown_field")
    assert watch.look(NATIONAL, race, at=1, unknown=["races[].foo"]).notes == ()
    assert watch.look(FLORIDA, race, at=2, unknown=["races[].foo", "other"]).notes == (
        "unknown_field",
    )
    assert watch.look(STORY, banner(5_000, 6_000), at=3, unknown=["races[].foo"]).notes == (
        "unknown_field",
    )


def sums(at: float, fl: int, county: int) -> tuple[RaceState, RaceState, RaceState]:
    state = feed_race(fl, 6_000, place="us/fl", updated=at)
    one = feed_race(county, 3_000, place="us/fl/12001", updated=at)
    return state, one, feed_race(1_000, 3_000, place="us/fl/12003", updated=at)


def test_parts_that_do_not_add_up_are_noted_once_after_more_than_three_looks(
    watch: Watch,
) -> None:
    for at in range(12):
        watch.look(FLORIDA, *sums(at, 5_000 + at, 1_000), at=at)
        assert len(watch.notes("sums_differ")) == (1 if at >= 3 else 0)
    assert len(watch.notes()) == 1


def test_parts_that_add_up_again_are_counted_anew(watch: Watch) -> None:
    for at in range(12):
        good = at % 4 == 3
        watch.look(FLORIDA, *sums(at, 5_000 + at, 4_000 + at if good else 1_000), at=at)
    assert watch.notes() == []


def test_parts_that_never_add_up_are_noted_though_nothing_moves(watch: Watch) -> None:
    for at in range(8):
        watch.look(FLORIDA, *sums(0, 5_000, 1_000), at=at)
    assert len(watch.notes("sums_differ")) == 1


def test_parts_are_counted_alike_in_memory_and_in_the_file(watch: Watch) -> None:
    for at in range(3):
        races = [replace(r, tallies=tuple(reversed(r.tallies))) for r in sums(0, 5_000, 1_000)]
        watch.look(FLORIDA, *races, at=at)


def test_races_that_vanish_together_are_told_in_one_order(watch: Watch) -> None:
    # Florida is known first, and the second page shows Alabama first.
    watch.look(NATIONAL, feed_race(50, 60, place="us/fl"), at=0)
    alabama, florida = feed_race(1, 2, place="us/al"), feed_race(50, 60, place="us/fl", updated=1)
    watch.look(FLORIDA, alabama, florida, at=1)
    watch.look(NATIONAL, GEORGIA, at=2)
    watch.look(FLORIDA, GEORGIA, at=3)
    watch.look(FLORIDA, GEORGIA, at=9)
    assert [kind for kind, *_ in watch.changes()] == ["race_added", *["race_removed"] * 2]


# Any sequence of looks.

_COUNTS = st.sampled_from([0, 1, 40, 9_999, 20_000, 30_000])


@st.composite
def _races(draw: st.DrawFn, at: int) -> tuple[RaceState, ...]:
    races = []
    for place in draw(st.sampled_from([("us/fl",), ("us/fl", "us/ga"), ("us/ga",), ()])):
        updated = draw(st.sampled_from([None, at, at, at - 1, at - 3, 0]))
        stein = (replace(STEIN, votes=draw(_COUNTS)),) if draw(st.booleans()) else ()
        state = feed_race(draw(_COUNTS), draw(_COUNTS), *stein, place=place, updated=updated)
        state = replace(state, projection=draw(st.sampled_from([None, None, "8639"])))
        state = replace(state, expected_vote_pct=draw(st.sampled_from([None, 50.0, 60.5])))
        state = replace(state, precincts_pct=draw(st.sampled_from([None, 44.4, 50.0])))
        races.append(replace(state, tallies=tuple(draw(st.permutations(state.tallies)))))
    return tuple(draw(st.permutations(races)))


@st.composite
def _nights(draw: st.DrawFn) -> list[tuple[str, int, tuple[RaceState, ...]]]:
    night: list[tuple[str, int, tuple[RaceState, ...]]] = []
    last: dict[str, tuple[RaceState, ...]] = {}
    at = 0
    for _ in range(draw(st.integers(2, 9))):
        at += draw(st.sampled_from([1, 2, 6]))
        url = draw(st.sampled_from([NATIONAL, FLORIDA]))
        again = url in last and draw(st.booleans())
        last[url] = last[url] if again else draw(_races(at))
        night.append((url, at, last[url]))
    return night


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(night=_nights(), reopened=st.sets(st.integers(2, 9)))
def test_any_night_leaves_a_log_without_gaps_that_memory_does_not_change(
    tmp_path_factory: pytest.TempPathFactory,
    night: list[tuple[str, int, tuple[RaceState, ...]]],
    reopened: set[int],
) -> None:
    folder = tmp_path_factory.mktemp("night")
    with watched(folder, now_and_then=lambda number: number in reopened) as watch:
        for url, at, races in night:
            watch.look(url, *races, at=at)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(night=_nights())
def test_every_change_lies_between_two_looks_in_order(
    tmp_path_factory: pytest.TempPathFactory,
    night: list[tuple[str, int, tuple[RaceState, ...]]],
) -> None:
    with watched(tmp_path_factory.mktemp("order")) as watch:
        for url, at, races in night:
            watch.look(url, *races, at=at)
        for row in watch.log():
            assert row["fetch_before"] < row["fetch"] <= (row["confirmed_by"] or row["fetch"])
