"""Two families of pages: one leads the race, and the other is a witness."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from storage.records import RaceState
from tests.snapshots import (
    NATIONAL,
    OTHER_STORY,
    STORY,
    Watch,
    banner,
    by_id,
    feed_race,
    minute,
    watched,
)

GEORGIA = feed_race(7, 8, race="senate/ga", place="us/ga")


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    with watched(tmp_path) as watch:
        yield watch


def test_a_feed_leads_from_its_first_look_on(watch: Watch) -> None:
    watch.look(STORY, banner(5_000, 6_000), at=0)
    watch.look(NATIONAL, feed_race(5_500, 6_500, updated=1), at=1)
    for at in range(2, 12, 2):
        witness = watch.look(STORY, banner(5_000 + at, 6_000 - at, updated=at), at=at)
        assert (witness.verdicts, witness.changes) == ([], 0)
        watch.look(NATIONAL, feed_race(5_500 + at, 6_500, updated=at), at=at + 1)
    assert {(kind, who) for kind, who, *_ in watch.changes()} == {("votes_increased", "64984")}
    assert len(watch.changes()) == 5
    assert watch.votes() == {"8639": 6_500, "64984": 5_510}


def test_a_banner_that_was_never_first_is_never_in_the_log(watch: Watch) -> None:
    watch.look(NATIONAL, feed_race(5_000, 6_000), at=0)
    before = watch.first_sights()
    watch.look(STORY, banner(1, 2, projection="trump"), at=1)
    watch.look(STORY, banner(0, 0, updated=2), at=2)
    watch.look(STORY, banner(10, 20, updated=3, projection="harris"), at=3)
    assert watch.changes() == []
    assert watch.first_sights() == before
    assert watch.unconfirmed() == []


def test_a_zero_on_a_witness_is_nothing_to_confirm(watch: Watch) -> None:
    watch.look(NATIONAL, feed_race(5_000_000, 6_000_000), at=0)
    for at in (1, 4, 8):
        assert watch.look(STORY, banner(0, 0, updated=at), at=at).verdicts == []
    assert watch.changes() == []


def test_a_lasting_disagreement_is_noted_once_after_three_looks_and_15_minutes(
    watch: Watch,
) -> None:
    watch.look(NATIONAL, feed_race(5_000, 6_000), at=0)
    assert watch.look(STORY, banner(4_000, 6_000), at=1).notes == ()
    assert watch.look(STORY, banner(4_000, 6_000), at=9).notes == ()
    assert watch.look(STORY, banner(4_000, 6_000), at=15.9).notes == ()
    assert watch.look(STORY, banner(4_000, 6_000), at=16).notes == ("witness_disagrees",)
    for at in (17, 30, 60):
        assert watch.look(STORY, banner(4_000, 6_000, updated=at), at=at).notes == ()
    (note,) = watch.rows("SELECT * FROM note")
    assert (note["first_fetch"], note["last_fetch"], note["fetch"]) == (2, 5, 5)
    assert "4000" in note["text"].replace(",", "")
    assert "5000" in note["text"].replace(",", "")


def test_two_looks_however_far_apart_are_no_lasting_disagreement(watch: Watch) -> None:
    watch.look(NATIONAL, feed_race(5_000, 6_000), at=0)
    watch.look(STORY, banner(4_000, 6_000), at=1)
    assert watch.look(STORY, banner(4_000, 6_000), at=120).notes == ()
    assert watch.look(STORY, banner(4_000, 6_000), at=121).notes == ("witness_disagrees",)


def test_a_disagreement_that_ends_is_counted_anew(watch: Watch) -> None:
    watch.look(NATIONAL, feed_race(5_000, 6_000), at=0)
    for at in range(1, 60, 5):
        agrees = at % 15 == 11
        watch.look(STORY, banner(5_000 if agrees else 4_000, 6_000, updated=at), at=at)
    assert watch.notes() == []


def test_a_banner_that_lags_by_minutes_does_not_disagree(watch: Watch) -> None:
    for step in range(24):
        at = 2 * step
        watch.look(NATIONAL, feed_race(5_000 + 10 * step, 6_000, updated=at), at=at)
        late = max(step - 4, 0)  # eight minutes behind
        watch.look(STORY, banner(5_000 + 10 * late, 6_000, updated=2 * late), at=at + 1)
    assert watch.notes() == []


def test_a_banner_that_stands_still_disagrees_once(watch: Watch) -> None:
    for step in range(24):
        at = 2 * step
        watch.look(NATIONAL, feed_race(5_000 + 10 * step, 6_000, updated=at), at=at)
        watch.look(STORY, banner(5_000, 6_000), at=at + 1)
    assert [kind for kind, *_ in watch.notes()] == ["witness_disagrees"]


def test_a_banner_that_stands_still_byte_for_byte_disagrees_too(watch: Watch) -> None:
    """The last move of the feed is still fresh when the banner is looked at for the first time."""
    watch.look(NATIONAL, feed_race(5_000, 6_000), at=0)
    watch.look(STORY, banner(5_000, 6_000), at=1, body=b"<html>banner</html>")
    watch.look(NATIONAL, feed_race(5_500, 6_000, updated=2), at=2)
    for at in range(3, 90, 5):
        watch.look(STORY, banner(5_000, 6_000), at=at, body=b"<html>banner</html>")
    assert [kind for kind, *_ in watch.notes()] == ["witness_disagrees"]


def test_a_call_that_the_feed_does_not_make_is_a_disagreement(watch: Watch) -> None:
    watch.look(NATIONAL, feed_race(5_000, 6_000), at=0)
    for at in (1, 8, 16):
        watch.look(STORY, banner(5_000, 6_000, projection="trump", updated=at), at=at)
    (note,) = watch.rows("SELECT * FROM note")
    assert note["kind"] == "witness_disagrees"
    assert "projection" in note["text"]
    assert watch.changes() == []


def test_what_a_banner_leaves_out_is_no_disagreement(watch: Watch) -> None:
    stein = by_id("31116", "Stein", 500)
    watch.look(NATIONAL, feed_race(5_000, 6_000, stein, projection="8639"), at=0)
    for at in (1, 8, 16, 30):
        watch.look(STORY, banner(5_000, 6_000, updated=at), at=at)
    assert watch.notes() == []


def test_each_page_that_disagrees_is_noted(watch: Watch) -> None:
    watch.look(NATIONAL, feed_race(5_000, 6_000), at=0)
    for at in (1, 8, 17):
        watch.look(STORY, banner(4_000, 6_000, updated=at), at=at)
        watch.look(OTHER_STORY, banner(4_500, 6_000, updated=at), at=at)
    assert [kind for kind, *_ in watch.notes()] == ["witness_disagrees"] * 2


def test_a_witness_never_dates_a_change_of_the_feed(watch: Watch) -> None:
    """A banner that shows the old value later than the feed did is no look of the feed's."""
    watch.look(NATIONAL, feed_race(5_000, 6_000), at=0)
    watch.look(STORY, banner(5_000, 6_000), at=1)
    watch.look(NATIONAL, feed_race(5_100, 6_000, updated=2), at=2)
    (row,) = watch.log()
    assert (row["fetch_before"], row["fetch"]) == (1, 3)


# Who leads.


def test_a_family_that_is_no_longer_configured_hands_the_lead_back(watch: Watch) -> None:
    watch.look(STORY, banner(5_000, 6_000), at=0)
    watch.look(NATIONAL, feed_race(5_100, 6_100, updated=1), at=1)
    watch.configure(["story"])
    back = watch.look(STORY, banner(5_200, 6_200, updated=10), at=10)
    assert back.changes == 0
    assert watch.votes() == {"8639": 6_200, "64984": 5_200}
    watch.look(STORY, banner(5_300, 6_200, updated=11), at=11)
    assert watch.changes() == [("votes_increased", "64984", 5_200, 5_300)]
    watch.configure(["feed", "story"])
    watch.look(NATIONAL, feed_race(5_400, 6_300, updated=12), at=12)
    assert len(watch.changes()) == 1
    assert watch.votes() == {"8639": 6_300, "64984": 5_400}
    assert watch.look(STORY, banner(1, 2, updated=13), at=13).changes == 0


def test_a_page_that_does_not_lead_stays_so_where_nothing_is_configured(tmp_path: Path) -> None:
    with watched(tmp_path, families=()) as watch:
        watch.look(NATIONAL, feed_race(5_000, 6_000), at=0)
        watch.look(STORY, banner(1, 2), at=1)
        assert watch.votes() == {"8639": 6_000, "64984": 5_000}


def test_a_feed_that_was_doubted_at_first_leaves_the_lead_to_the_banner(watch: Watch) -> None:
    watch.look(STORY, banner(5_000, 6_000), at=0)
    marked = feed_race(1, 2, updated=1, doubt="the page says that it is a test")
    assert watch.look(NATIONAL, marked, at=1).verdicts == ["unconfirmed"]
    watch.look(STORY, banner(5_100, 6_000, updated=2), at=2)
    # The ids are known from now on, whatever is made of the figures.
    assert [(kind, old, new) for kind, _, old, new in watch.changes()] == [
        ("votes_increased", 5_000, 5_100)
    ]
    watch.look(NATIONAL, feed_race(5_200, 6_000, updated=3), at=3)
    assert len(watch.changes()) == 1
    assert watch.votes() == {"8639": 6_000, "64984": 5_200}


def removed(watch: Watch) -> None:
    """A race that the feed showed, and a banner too, and that the feed no longer has."""
    watch.look(NATIONAL, feed_race(5_000, 6_000), GEORGIA, at=0)
    for at in (1, 2):
        watch.look(STORY, banner(5_000, 6_000, updated=0), at=at)
    watch.look(NATIONAL, GEORGIA, at=3)
    watch.look(NATIONAL, GEORGIA, at=9)
    assert watch.changes() == [("race_removed", None, "president", None)]


def test_a_banner_that_goes_on_when_the_feed_drops_the_race_adds_nothing(watch: Watch) -> None:
    removed(watch)
    watch.look(STORY, banner(5_000, 6_000, updated=0), at=10)
    assert [kind for kind, *_ in watch.changes()] == ["race_removed"], "it never left that page"


def test_a_banner_takes_over_from_a_feed_that_dropped_the_race(watch: Watch) -> None:
    removed(watch)
    watch.look(STORY, banner(5_100, 6_000, updated=10), at=10)
    watch.look(STORY, banner(5_200, 6_000, updated=11), at=11)
    assert watch.changes()[-1] == ("votes_increased", "64984", 5_100, 5_200)


def test_calls_by_last_name_are_joined_too(watch: Watch) -> None:
    watch.look(NATIONAL, feed_race(5_000, 6_000, projection="8639"), at=0)
    for at in (1, 8, 17):
        watch.look(STORY, banner(5_000, 6_000, projection="trump", updated=at), at=at)
    assert watch.notes() == []


def test_counties_have_no_witness(watch: Watch) -> None:
    county = feed_race(50, 60, place="us/fl/12001")
    watch.look(STORY, banner(5_000, 6_000), at=0)
    watch.look(NATIONAL, feed_race(5_000, 6_000, updated=1), county, at=1)
    moved = replace(county, source_updated_at=minute(2), tallies=feed_race(51, 60).tallies)
    watch.look(NATIONAL, feed_race(5_000, 6_000, updated=2), moved, at=2)
    (row,) = watch.log()
    assert (row["place"], row["old"], row["new"]) == ("us/fl/12001", 50, 51)


def states(at: float) -> RaceState:
    return feed_race(5_000 + round(at), 6_000, updated=at)


def test_many_looks_of_both_families_leave_one_log_of_the_feed(watch: Watch) -> None:
    watch.look(STORY, banner(5_000, 6_000), at=0)
    for at in range(1, 20):
        watch.look(NATIONAL, states(at), at=at)
        watch.look(STORY, banner(5_000 + at - 1, 6_000, updated=at - 1), at=at + 0.5)
    assert [new for *_, new in watch.changes()] == [5_000 + at for at in range(2, 20)]
    assert {row["url"] for row in watch.log()} == {NATIONAL}
