"""`seen_after` is the latest look, accepted or unchanged, that still showed the old value."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from storage import queries
from storage.queries import Filter, LogRow
from storage.receiving import Answer
from tests.trail import FIRST, SECOND, START, THIRD, Page, Story, Trail, instant_of, opened, sha256

THREE = FIRST.with_figures(Stein=(0, 700_000))


@pytest.fixture
def trail(tmp_path: Path) -> Iterator[Trail]:
    with opened(tmp_path / "trail.db") as trail:
        yield trail


def before_and_after(rows: list[LogRow]) -> set[tuple[int | None, int]]:
    """The looks between which each change happened."""
    return {(row.fetch_before, row.fetch) for row in rows}


# -- fifty looks at a page that says the same ------------------------------------------------


def _moving(trail: Trail) -> None:
    trail.look(Page())


def _identical(trail: Trail) -> None:
    trail.look_at(Page().url, Page().html())


def _not_modified(trail: Trail) -> None:
    if trail.table("fetch"):
        trail.not_modified(Page().url)
    else:
        trail.look(Page())


def _in_turn(trail: Trail) -> None:
    ways = (_moving, _not_modified, _identical, _identical, _not_modified)
    ways[len(trail.table("fetch")) % len(ways)](trail)


@pytest.mark.parametrize(
    "look", [_moving, _identical, _not_modified, _in_turn], ids=lambda way: way.__name__.strip("_")
)
def test_fifty_looks_at_an_unchanged_page_are_fifty_fetches_and_the_last_is_seen_after(
    trail: Trail, look: Callable[[Trail], None]
) -> None:
    for _ in range(50):
        look(trail)
    fiftieth = trail.now
    assert trail.rows() == []
    fetches = trail.table("fetch")
    assert [f["id"] for f in fetches] == list(range(1, 51))
    assert [f["outcome"] for f in fetches] == ["new"] + ["unchanged"] * 49
    trail.look(Page(banner=SECOND, story=Story(headline="Counting ends")))
    assert sorted(trail.kinds()) == [
        "electoral_votes_changed",
        "headline_changed",
        "votes_increased",
    ]
    shown = trail.connection.execute(
        "SELECT sha256 FROM body JOIN fetch ON fetch.body = body.id WHERE fetch.id = 50"
    ).fetchone()["sha256"]
    for row in trail.rows():
        assert (row.fetch_before, row.fetch) == (50, 51)
        assert row.seen_after == instant_of(fiftieth) == instant_of(START + timedelta(minutes=50))
        assert row.seen_at == instant_of(fiftieth + timedelta(minutes=1))
        assert row.sha256_before == shown


def test_moving_furniture_moves_the_bytes(trail: Trail) -> None:
    for _ in range(50):
        trail.look(Page())
    assert len(trail.table("body")) == 50


def test_identical_bytes_are_kept_once(trail: Trail) -> None:
    for _ in range(50):
        trail.look_at(Page().url, Page().html())
    (body,) = trail.table("body")
    assert body["sha256"] == sha256(Page().html())


def test_a_304_leads_to_the_bytes_that_it_confirms(trail: Trail) -> None:
    trail.look_at(Page().url, Page().html())
    trail.not_modified(Page().url)
    trail.look(Page(banner=SECOND))
    for row in trail.rows():
        assert (row.fetch_before, row.sha256_before) == (2, sha256(Page().html()))


# -- other pages with the same banner --------------------------------------------------------


def test_a_look_at_another_story_with_the_same_banner_shows_the_old_value(trail: Trail) -> None:
    trail.look(Page(1))
    trail.look(Page(2))
    trail.look(Page(1, banner=SECOND))
    assert before_and_after(trail.rows()) == {(2, 3)}


@pytest.mark.parametrize("again", ["identical", "304"])
def test_an_unchanged_look_at_another_story_shows_the_old_value(trail: Trail, again: str) -> None:
    trail.look_at(Page(2).url, Page(2).html())
    trail.look(Page(1))
    if again == "304":
        trail.not_modified(Page(2).url)
    else:
        trail.look_at(Page(2).url, Page(2).html())
    trail.look(Page(1, banner=SECOND))
    assert before_and_after(trail.rows()) == {(3, 4)}


def test_the_banner_on_another_story_says_nothing_of_this_story_s_text(trail: Trail) -> None:
    trail.look(Page(1))
    trail.look(Page(2))
    trail.look(Page(1, story=Story(headline="Counting ends")))
    (row,) = trail.rows()
    assert (row.kind, row.fetch_before) == ("headline_changed", 1)


def test_a_page_without_a_banner_does_not_show_the_old_value(trail: Trail) -> None:
    trail.look(Page(1))
    trail.look(Page(2, banner=None))
    trail.look(Page(1, banner=SECOND))
    assert before_and_after(trail.rows()) == {(1, 3)}


def test_an_unchanged_page_whose_banner_is_gone_does_not_show_the_old_value(trail: Trail) -> None:
    without = Page(1, banner=None).html()
    trail.look(Page(1))
    for _ in range(3):
        trail.look_at(Page(1).url, without)
    trail.not_modified(Page(1).url)
    trail.look(Page(1, banner=SECOND))
    assert before_and_after(trail.rows()) == {(1, 6)}


def test_the_same_figures_with_a_later_time_show_the_old_value(trail: Trail) -> None:
    trail.look(Page())
    assert trail.look(Page(banner=replace(FIRST, minute=40))).changes == ()
    trail.look(Page(banner=SECOND))
    assert before_and_after(trail.rows()) == {(2, 3)}


# -- what does not show the old value --------------------------------------------------------


def test_an_older_banner_on_another_page_does_not_move_seen_after(trail: Trail) -> None:
    trail.look(Page(1))
    trail.look(Page(1, banner=SECOND))
    trail.look(Page(2, banner=FIRST))
    trail.look(Page(1, banner=THIRD))
    assert before_and_after(trail.rows()) == {(1, 2), (2, 4)}


@pytest.mark.parametrize("again", ["identical", "304"])
def test_an_unchanged_page_that_the_count_has_left_behind_does_not_move_seen_after(
    trail: Trail, again: str
) -> None:
    trail.look_at(Page(2).url, Page(2).html())
    trail.look(Page(1, banner=SECOND))
    if again == "304":
        assert trail.not_modified(Page(2).url).outcome == "unchanged"
    else:
        assert trail.look_at(Page(2).url, Page(2).html()).outcome == "unchanged"
    trail.look(Page(1, banner=THIRD))
    assert before_and_after(trail.rows()) == {(1, 2), (2, 4)}


def test_a_refused_page_does_not_count(trail: Trail) -> None:
    trail.look(Page())
    assert trail.look_at(Page().url, Page().html().replace(b"</html>", b"")).outcome == "refused"
    trail.look(Page(banner=SECOND, story=Story(headline="Counting ends")))
    assert before_and_after(trail.rows()) == {(1, 3)}


def test_a_body_refused_on_the_wire_does_not_count(trail: Trail) -> None:
    trail.look(Page())
    answer = Answer(
        fetched_at=trail.now,
        status=200,
        wire=Page().html(),
        failure="the body is not whole",
        refused=True,
    )
    assert trail.read(trail.receive_answer(Page().url, answer)).outcome == "refused"
    trail.look(Page(banner=SECOND))
    assert before_and_after(trail.rows()) == {(1, 3)}


@pytest.mark.parametrize("status", [None, 404, 503])
def test_a_failed_look_does_not_count(trail: Trail, status: int | None) -> None:
    trail.look(Page())
    answer = Answer(fetched_at=trail.now, status=status, failure="nothing came")
    assert trail.read(trail.receive_answer(Page().url, answer)).outcome == "failed"
    trail.look(Page(banner=SECOND))
    assert before_and_after(trail.rows()) == {(1, 3)}


def test_a_304_after_a_failure_stands_for_nothing(trail: Trail) -> None:
    trail.look(Page())
    failure = Answer(fetched_at=trail.now, status=503, failure="HTTP 503")
    trail.read(trail.receive_answer(Page().url, failure))
    assert trail.not_modified(Page().url).outcome == "failed"
    trail.look(Page(banner=SECOND))
    assert before_and_after(trail.rows()) == {(1, 4)}


def test_a_refused_banner_does_not_count_though_its_story_does(trail: Trail) -> None:
    trail.look(Page())
    trail.look(Page(damage=("67,410,748", "many")))
    trail.look(Page(banner=SECOND, story=Story(headline="Counting ends")))
    looks = {row.kind: (row.fetch_before, row.fetch) for row in trail.rows()}
    assert looks == {
        "votes_increased": (1, 3),
        "electoral_votes_changed": (1, 3),
        "headline_changed": (2, 3),
    }


def test_a_refused_story_does_not_count_though_its_banner_does(trail: Trail) -> None:
    trail.look(Page())
    refused = trail.look(Page(damage=("id=1000001", "id=1000009")))
    assert [r.part for r in refused.refusals] == ["article"]
    trail.look(Page(banner=SECOND, story=Story(headline="Counting ends")))
    looks = {row.kind: (row.fetch_before, row.fetch) for row in trail.rows()}
    assert looks == {
        "votes_increased": (2, 3),
        "electoral_votes_changed": (2, 3),
        "headline_changed": (1, 3),
    }


@pytest.mark.xfail(strict=True, reason="seen_after is kept for a race as a whole")
def test_a_look_that_did_not_show_a_candidate_did_not_show_their_old_votes(trail: Trail) -> None:
    trail.look(Page(1, banner=THREE))
    trail.look(Page(2, banner=replace(FIRST, minute=30)))
    trail.look(Page(1, banner=THREE.later(40, Stein=(0, 700_001))))
    (row,) = trail.rows()
    assert (row.kind, row.candidate, row.old) == ("votes_increased", "stein", 700_000)
    assert (row.fetch_before, row.fetch) == (1, 3)


@pytest.mark.xfail(strict=True, reason="seen_after is kept for a race as a whole")
def test_a_look_that_did_not_show_a_candidate_was_not_the_last_to_show_them(trail: Trail) -> None:
    trail.look(Page(1, banner=THREE))
    trail.look(Page(2, banner=replace(FIRST, minute=30)))
    trail.look(Page(1, banner=replace(FIRST, minute=40)))
    (row,) = trail.rows()
    assert (row.kind, row.fetch_before, row.fetch) == ("candidate_removed", 1, 3)


@pytest.mark.xfail(strict=True, reason="seen_after is kept for a story as a whole")
def test_a_look_without_the_story_s_times_did_not_show_the_old_time(trail: Trail) -> None:
    later = "2024-11-06T23:00:00Z"
    trail.look(Page())
    assert trail.look(Page(story=Story(data=False))).changes == ()
    trail.look(Page(story=Story(modified=later)))
    (row,) = trail.rows()
    assert row.kind == "modified_time_changed"
    assert (row.fetch_before, row.fetch) == (1, 3)


# -- each change on its own ------------------------------------------------------------------


def test_a_value_that_stood_still_while_another_moved_was_shown_by_that_look(trail: Trail) -> None:
    trail.look(Page())
    trail.look(Page(banner=FIRST.later(30, Harris=(223, 67_410_749))))
    trail.look(Page(banner=FIRST.later(40, Harris=(223, 67_410_749), Trump=(294, 72_191_979))))
    rows = {row.candidate: (row.fetch_before, row.fetch) for row in trail.rows()}
    assert rows == {"harris": (1, 2), "trump": (2, 3)}


def test_order_is_by_look_also_when_our_clock_steps_back(trail: Trail) -> None:
    trail.look(Page())
    trail.look(Page(banner=SECOND), minutes=-60)
    trail.look(Page(banner=THIRD))
    assert before_and_after(trail.rows()) == {(1, 2), (2, 3)}
    assert [row.id for row in trail.rows()] == [1, 2, 3]
    first = trail.rows()[0]
    assert first.seen_after is not None
    assert first.seen_after > first.seen_at


def test_the_outlet_s_own_time_stands_beside_ours(trail: Trail) -> None:
    trail.look(Page())
    trail.look(Page(banner=SECOND))
    assert {row.source_updated_at for row in trail.rows()} == {"2024-11-07T01:00:00.000Z"}


def test_looks_that_no_longer_show_a_race_are_not_its_coverage(trail: Trail) -> None:
    """ "Nothing moved in five looks" would be said of a banner that has been gone for three."""
    trail.look(Page(1))
    trail.look(Page(2, banner=None))
    trail.look(Page(1))
    for _ in range(3):
        trail.look(Page(1, banner=None))
    trail.look(Page(1, banner=None, damage=("Counting", "Clerks")))
    cover = queries.coverage(trail.connection, Filter(race="president"))
    assert (cover.looks, cover.pages, cover.without) == (6, 1, 3)
    assert cover.partly_refused == 1  # its vanishing was told once
    assert cover.longest_gap == timedelta(minutes=4)  # from its last showing on
    everything = queries.coverage(trail.connection, Filter())
    assert (everything.looks, everything.pages, everything.without) == (7, 2, 0)
    nothing = queries.coverage(trail.connection, Filter(race="senate/az"))
    assert (nothing.looks, nothing.first) == (0, None)
