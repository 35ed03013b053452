"""What is there at a first look is no change; what joins or leaves later is one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from crawler.parsers import abc, abc_banner, abc_pages, abc_story
from storage import queries
from tests.trail import FEED, FIRST, OTHER_FEED, SECOND, Page, Story, Trail, instant_of, opened

PLAIN = Page(banner=None)
UNCALLED = replace(FIRST, called=None)
THREE = FIRST.with_figures(Stein=(0, 700_000))
FIRST_VALUES: dict[tuple[str, str | None], object] = {
    ("projection", "trump"): "trump",
    ("votes", "harris"): 67_410_748,
    ("electoral_votes", "harris"): 223,
    ("votes", "trump"): 72_191_978,
    ("electoral_votes", "trump"): 294,
    ("expected_vote_pct", None): 90,
}


@pytest.fixture
def trail(tmp_path: Path) -> Iterator[Trail]:
    with opened(tmp_path / "trail.db") as trail:
        yield trail


# -- the first look at a page ----------------------------------------------------------------


def test_at_the_first_look_everything_is_first_and_nothing_a_change(trail: Trail) -> None:
    reading = trail.look(Page())
    assert (reading.outcome, reading.changes, reading.refusals) == ("new", (), ())
    assert trail.rows() == []
    assert trail.first_sights() == FIRST_VALUES
    story = {r.field: r.new for r in trail.rows(first=True) if r.article == Page().key}
    assert story == {
        "headline": "Counting goes on",
        "dek": "Clerks explain what is left.",
        "byline": "Ana Ruiz",
        "body": "Clerks count on.\n\nMail ballots take time.",
        "published_at": "2024-11-06T21:30:00.000Z",
        "modified_at": "2024-11-06T22:00:00.000Z",
    }


def test_first_sights_have_no_id_no_old_no_delta_and_no_look_before(trail: Trail) -> None:
    trail.look(Page())
    rows = trail.rows(first=True)
    assert len(rows) == 12
    for row in rows:
        assert (row.id, row.kind, row.old, row.delta) == (None, "first", None, None)
        assert (row.seen_after, row.fetch_before, row.sha256_before) == (None, None, None)
        assert (row.fetch, row.seen_at) == (1, instant_of(trail.now))


def test_first_sights_take_no_id_of_the_log(trail: Trail) -> None:
    trail.look(Page())
    trail.look(Page(banner=SECOND))
    assert [row.id for row in trail.rows()] == [1, 2]


def test_the_first_look_at_a_second_page_brings_its_story_first_and_no_change(
    trail: Trail,
) -> None:
    trail.look(Page(1))
    assert trail.look(Page(2)).changes == ()
    assert trail.first_sights() == FIRST_VALUES
    assert {r.article for r in trail.rows(first=True) if r.article} == {Page(1).key, Page(2).key}


# -- races -----------------------------------------------------------------------------------


def test_a_race_that_joins_a_page_read_before_without_it_is_added_with_first_values(
    trail: Trail,
) -> None:
    trail.look(PLAIN)
    trail.look(PLAIN)
    trail.look(Page())
    (row,) = trail.rows()
    assert (row.kind, row.field, row.race, row.place) == ("race_added", "set", "president", "us")
    assert (row.old, row.new, row.delta) == (None, "president", None)
    assert (row.fetch_before, row.fetch) == (2, 3)
    assert trail.first_sights() == FIRST_VALUES


def test_a_race_is_added_after_the_last_look_without_it_a_304_too(trail: Trail) -> None:
    body = PLAIN.html()
    trail.look_at(PLAIN.url, body)
    trail.look_at(PLAIN.url, body)
    trail.not_modified(PLAIN.url)
    trail.look(Page())
    (row,) = trail.rows()
    assert (row.kind, row.fetch_before, row.fetch) == ("race_added", 3, 4)


def test_a_race_is_not_added_when_the_earlier_banner_was_refused(trail: Trail) -> None:
    reading = trail.look(Page(damage=("67,410,748", "many")))
    assert [r.verdict for r in reading.refusals] == ["rejected"]
    trail.look(Page())
    assert trail.rows() == []
    assert trail.first_sights() == FIRST_VALUES


def test_a_race_refused_at_its_first_look_is_added_after_the_look_without_it(trail: Trail) -> None:
    trail.look(PLAIN)
    trail.look(Page(damage=("67,410,748", "many")))
    trail.look(Page())
    (row,) = trail.rows()
    assert (row.kind, row.fetch_before, row.fetch) == ("race_added", 1, 3)


def test_a_race_is_not_added_when_an_older_parser_read_the_page_without_it(
    trail: Trail, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(abc, "NAME", "abc 0")
        older.setattr(abc_pages, "find_banners", lambda _tree: [])
        trail.look(Page())
    trail.look(Page())
    assert trail.rows() == []
    assert trail.first_sights() == FIRST_VALUES


def test_a_race_is_not_added_when_only_a_refused_page_came_before(trail: Trail) -> None:
    assert trail.look_at(Page().url, b"<html><p>Half a pa").outcome == "refused"
    trail.look(Page())
    assert trail.rows() == []


def test_a_race_known_from_another_page_is_not_added_again(trail: Trail) -> None:
    trail.look(Page(2, banner=None))
    trail.look(Page(1))
    trail.look(Page(2))
    assert trail.rows() == []


# -- candidates ------------------------------------------------------------------------------


def test_a_candidate_who_joins_is_added_with_first_values(trail: Trail) -> None:
    trail.look(Page())
    trail.look(Page(banner=replace(THREE, minute=30)))
    (row,) = trail.rows()
    assert (row.kind, row.field, row.candidate) == ("candidate_added", "set", "stein")
    assert (row.old, row.new, row.delta) == (None, "stein", None)
    assert (row.fetch_before, row.fetch) == (1, 2)
    assert trail.first_sights() == FIRST_VALUES | {
        ("votes", "stein"): 700_000,
        ("electoral_votes", "stein"): 0,
    }


def test_a_candidate_whom_the_same_page_had_shown_is_removed(trail: Trail) -> None:
    trail.look(Page(banner=THREE))
    trail.look(Page(banner=replace(FIRST, minute=30)))
    (row,) = trail.rows()
    assert (row.kind, row.candidate, row.old, row.new) == (
        "candidate_removed",
        "stein",
        "stein",
        None,
    )
    assert set(trail.tallies()) == {"harris", "trump"}


def test_a_candidate_is_not_removed_by_a_page_that_never_showed_them(trail: Trail) -> None:
    trail.look(Page(1, banner=THREE))
    for minute in (30, 31, 32):
        trail.look(Page(2, banner=replace(FIRST, minute=minute)))
    assert trail.rows() == []
    assert trail.tallies()["stein"] == (0, 700_000)


def test_a_page_that_never_showed_a_candidate_moves_the_others(trail: Trail) -> None:
    trail.look(Page(1, banner=THREE))
    trail.look(Page(2, banner=FIRST.later(30, Trump=(294, 72_191_979))))
    assert trail.changes() == [("votes_increased", "trump", 72_191_978, 72_191_979, 1)]
    assert trail.tallies()["stein"] == (0, 700_000)


def test_a_candidate_is_removed_also_when_a_stale_look_without_them_came_between(
    trail: Trail,
) -> None:
    trail.look(Page(banner=replace(THREE, minute=60)))
    stale = trail.look(Page(banner=replace(FIRST, minute=30)))
    assert [r.verdict for r in stale.refusals] == ["stale"]
    trail.look(Page(banner=replace(FIRST, minute=90)))
    assert trail.kinds() == ["candidate_removed"]
    assert set(trail.tallies()) == {"harris", "trump"}


def test_a_candidate_who_returns_is_added_again_with_first_values(trail: Trail) -> None:
    trail.look(Page(banner=THREE))
    trail.look(Page(banner=replace(FIRST, minute=30)))
    trail.look(Page(banner=FIRST.later(40, Stein=(0, 650_000))))
    assert trail.kinds() == ["candidate_removed", "candidate_added"]
    stein = [(r.kind, r.field, r.new) for r in trail.rows(first=True) if r.candidate == "stein"]
    assert stein[-3:] == [
        ("candidate_added", "set", "stein"),
        ("first", "votes", 650_000),
        ("first", "electoral_votes", 0),
    ]


# -- calls -----------------------------------------------------------------------------------


def test_a_call_on_a_known_race_is_a_projection_made(trail: Trail) -> None:
    trail.look(Page(banner=UNCALLED))
    trail.look(Page(banner=replace(FIRST, minute=30)))
    (row,) = trail.rows()
    assert (row.kind, row.field, row.candidate) == ("projection_made", "projection", "trump")
    assert (row.old, row.new, row.delta) == (None, "trump", None)


def test_a_call_on_a_known_race_is_made_also_at_the_first_look_at_another_page(
    trail: Trail,
) -> None:
    trail.look(Page(1, banner=UNCALLED))
    trail.look(Page(2, banner=replace(FIRST, minute=30)))
    (row,) = trail.rows()
    assert (row.kind, row.new, row.fetch_before, row.fetch) == ("projection_made", "trump", 1, 2)


def test_a_call_together_with_a_new_candidate_is_a_projection_made(trail: Trail) -> None:
    trail.look(Page(banner=UNCALLED))
    trail.look(Page(banner=replace(THREE, minute=30, called="Stein")))
    assert sorted(trail.kinds()) == ["candidate_added", "projection_made"]


def called(trail: Trail) -> dict[str, tuple[bool, bool]]:
    """Who is called the winner, and whether that was so before the first look."""
    ((*rows,),) = queries.results(trail.connection)
    return {r.candidate: (r.projected, r.called_before_first_look) for r in rows}


def test_a_race_first_seen_called_is_first_and_listed_as_called_before_our_first_look(
    trail: Trail,
) -> None:
    trail.look(Page())
    trail.look(Page(banner=SECOND))
    assert "projection_made" not in trail.kinds()
    assert trail.first_sights()["projection", "trump"] == "trump"
    assert called(trail) == {"trump": (True, True), "harris": (False, False)}


def test_a_call_that_we_saw_being_made_is_not_listed_as_made_before(trail: Trail) -> None:
    trail.look(Page(banner=UNCALLED))
    assert called(trail) == {"trump": (False, False), "harris": (False, False)}
    trail.look(Page(banner=replace(FIRST, minute=30)))
    assert called(trail) == {"trump": (True, False), "harris": (False, False)}


def test_a_first_call_that_was_withdrawn_and_made_anew_is_not_listed_as_made_before(
    trail: Trail,
) -> None:
    trail.look(Page())
    trail.look(Page(banner=replace(UNCALLED, minute=30)))
    assert called(trail) == {"trump": (False, False), "harris": (False, False)}
    trail.look(Page(banner=replace(FIRST, minute=40)))
    assert called(trail)["trump"] == (True, False)


# -- a parser that has learned something new -------------------------------------------------


def _without_call(_winner: object, _names: object) -> None:
    return None


@pytest.mark.parametrize("moving", [False, True], ids=["same bytes", "other furniture"])
@pytest.mark.xfail(
    strict=True,
    reason="each parser has one version so far: the second brings the re-reading of old bodies",
)
def test_a_call_that_an_older_parser_could_not_read_is_first(
    trail: Trail, monkeypatch: pytest.MonkeyPatch, moving: bool
) -> None:
    with monkeypatch.context() as older:
        older.setattr(abc, "NAME", "abc 0")
        older.setattr(abc_banner, "_called", _without_call)
        trail.look_at(Page().url, Page().html())
    assert "projection" not in {field for field, _ in trail.first_sights()}
    trail.look_at(Page().url, Page().html(7 if moving else 0))
    assert trail.changes() == []
    assert trail.first_sights()["projection", "trump"] == "trump"
    assert called(trail)["trump"] == (True, True)


@pytest.mark.parametrize("moving", [False, True], ids=["same bytes", "other furniture"])
@pytest.mark.xfail(
    strict=True,
    reason="each parser has one version so far: the second brings the re-reading of old bodies",
)
def test_text_that_an_older_parser_took_for_the_story_s_is_no_edit(
    trail: Trail, monkeypatch: pytest.MonkeyPatch, moving: bool
) -> None:
    credits_line = "ABC News' Ana Ruiz contributed to this report."
    page = Page(story=Story(paragraphs=("Clerks count on.", credits_line)))
    with monkeypatch.context() as older:
        older.setattr(abc, "NAME", "abc 0")
        older.setattr(abc_story, "_CREDITS", re.compile("(?!)"))
        trail.look_at(page.url, page.html())
    seen = {r.field: r.new for r in trail.rows(first=True)}
    assert credits_line in str(seen["body"])
    trail.look_at(page.url, page.html(7 if moving else 0))
    assert trail.changes() == []


# -- stories ---------------------------------------------------------------------------------


def test_a_story_is_added_when_the_feed_had_been_looked_at_without_it(trail: Trail) -> None:
    trail.feed(2)
    trail.feed(2)
    trail.feed(2, 1)
    trail.look(PLAIN)
    (row,) = trail.rows()
    assert (row.kind, row.field, row.article) == ("article_added", "presence", PLAIN.key)
    assert (row.old, row.delta) == (None, None)
    assert row.fetch_before == 2
    first = {r.field for r in trail.rows(first=True) if r.kind == "first" and r.article}
    assert first == {"headline", "dek", "byline", "body", "published_at", "modified_at"}


def test_a_feed_answered_with_304_was_looked_at_without_the_story(trail: Trail) -> None:
    trail.feed(2)
    assert trail.not_modified(FEED, family="discovery").outcome == "unchanged"
    trail.feed(1, 2)
    trail.look(PLAIN)
    assert [(r.kind, r.fetch_before) for r in trail.rows()] == [("article_added", 2)]


def test_a_story_that_the_feed_s_first_look_named_is_not_added(trail: Trail) -> None:
    trail.feed(1)
    trail.feed(1, 2)
    trail.look(PLAIN)
    assert trail.rows() == []


def test_a_story_is_not_added_when_the_feed_s_earlier_look_was_refused(trail: Trail) -> None:
    assert trail.look_at(OTHER_FEED, b"<rss><channel>", family="discovery").outcome == "refused"
    trail.feed(1, url=OTHER_FEED)
    trail.look(PLAIN)
    assert trail.rows() == []


def test_a_story_that_no_feed_names_is_not_added(trail: Trail) -> None:
    trail.feed(2)
    trail.feed(2)
    trail.look(PLAIN)
    assert trail.rows() == []


def test_a_story_known_before_a_feed_named_it_is_not_added(trail: Trail) -> None:
    trail.look(PLAIN)
    trail.feed(2)
    trail.feed(1, 2)
    trail.look(PLAIN)
    assert trail.rows() == []


def test_a_story_is_added_once_however_often_feeds_drop_and_name_it(trail: Trail) -> None:
    trail.feed(2)
    for _ in range(3):
        trail.feed(1, 2)
        trail.look(PLAIN)
        trail.feed(2)
    assert trail.kinds() == ["article_added"]


def test_a_story_added_with_a_banner_known_elsewhere_adds_no_race(trail: Trail) -> None:
    trail.look(Page(2))
    trail.feed(2)
    trail.feed(1, 2)
    trail.look(Page(1))
    assert trail.kinds() == ["article_added"]
