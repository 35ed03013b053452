"""Stories: each edit is one typed change, and what is no edit is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from storage import queries
from tests.trail import SECOND, Page, Story, Trail, opened

LATER = "2024-11-06T23:00:00Z"
STORY = Story()


@pytest.fixture
def trail(tmp_path: Path) -> Iterator[Trail]:
    with opened(tmp_path / "trail.db") as trail:
        yield trail


def page(**edits: object) -> Page:
    """The page with an edited story."""
    return Page(story=replace(STORY, **edits))  # type: ignore[arg-type]


BODY = "Clerks count on.\n\nMail ballots take time."
DEK = "Clerks explain what is left."
EDITS = {
    "headline": (page(headline="It ends"), "headline_changed", "Counting goes on", "It ends"),
    "dek": (page(dek="It is over."), "dek_changed", DEK, "It is over."),
    "dek dropped": (page(dek=None), "dek_changed", DEK, None),
    "byline": (
        page(authors=("Ana Ruiz", "Bo Li")),
        "byline_changed",
        "Ana Ruiz",
        "Ana Ruiz; Bo Li",
    ),
    "body": (page(paragraphs=("Clerks rest.",)), "body_changed", BODY, "Clerks rest."),
    "body turned round": (
        page(paragraphs=STORY.paragraphs[::-1]),
        "body_changed",
        BODY,
        "Mail ballots take time.\n\nClerks count on.",
    ),
    "published_at": (
        page(published="2024-11-06T21:45:00Z"),
        "published_time_changed",
        "2024-11-06T21:30:00.000Z",
        "2024-11-06T21:45:00.000Z",
    ),
    "modified_at": (
        page(modified=LATER),
        "modified_time_changed",
        "2024-11-06T22:00:00.000Z",
        "2024-11-06T23:00:00.000Z",
    ),
}


@pytest.mark.parametrize("what", EDITS)
def test_each_edit_is_one_change_of_its_kind(trail: Trail, what: str) -> None:
    edited, kind, old, new = EDITS[what]
    trail.look(Page())
    trail.look(edited)
    (row,) = trail.rows()
    assert (row.kind, row.field, row.old, row.new) == (kind, what.split()[0], old, new)
    assert (row.article, row.race, row.place, row.candidate) == (Page().key, None, None, None)
    assert (row.delta, row.fetch_before, row.fetch, row.url) == (None, 1, 2, Page().url)


def test_a_dek_that_joins_a_story_without_one_is_a_change_without_old(trail: Trail) -> None:
    trail.look(page(dek=None))
    trail.look(Page())
    (row,) = trail.rows()
    assert (row.kind, row.old, row.new) == ("dek_changed", None, "Clerks explain what is left.")


def test_several_edits_of_one_look_are_several_changes(trail: Trail) -> None:
    trail.look(Page())
    trail.look(page(headline="Counting ends", paragraphs=("Over.",), modified=LATER))
    assert trail.kinds() == ["headline_changed", "body_changed", "modified_time_changed"]
    assert {row.source_updated_at for row in trail.rows()} == {"2024-11-06T23:00:00.000Z"}


@pytest.mark.parametrize(
    "damage",
    [
        ("Clerks count on.", "Clerks\n   count\u00a0on."),
        ("<p>Clerks count on.</p>", "<p>Clerks <b>count</b> on.<!-- x --></p>"),
        ("<p>Clerks count on.</p>", "<p>Clerks count on.</p><figure><p>A caption</p></figure>"),
        ("<p>Clerks count on.</p>", "<p>Clerks count on.</p><p>RELATED: Another story</p>"),
        ("</main>", "<aside><p>Newsletters</p></aside></main>"),
        ("2024-11-06T22:00:00Z", "2024-11-06T17:00:00-05:00"),
    ],
    ids=["blanks", "markup", "caption", "related link", "aside", "another zone"],
)
def test_what_does_not_change_the_story_is_no_change(trail: Trail, damage: tuple[str, str]) -> None:
    trail.look(Page())
    trail.look(Page(damage=damage))
    assert trail.rows() == []


def test_an_edit_that_is_taken_back_is_two_changes(trail: Trail) -> None:
    for headline in ("One", "Two", "One"):
        trail.look(page(headline=headline, modified=None))
    assert [(r.old, r.new) for r in trail.rows()] == [("One", "Two"), ("Two", "One")]


def test_the_story_and_the_banner_of_one_page_change_on_their_own(trail: Trail) -> None:
    trail.look(Page())
    trail.look(Page(banner=SECOND))
    trail.look(Page(banner=SECOND, story=replace(STORY, headline="Counting ends")))
    assert [(row.race is None, row.fetch) for row in trail.rows()] == [
        (False, 2),
        (False, 2),
        (True, 3),
    ]


def test_a_banner_in_the_midst_of_the_story_is_no_text_of_it(trail: Trail) -> None:
    trail.look(Page(banner=None))
    inside = Page(banner=None, damage=("<p>Mail", SECOND.html() + "<p>Mail"))
    trail.look(inside)
    assert trail.kinds() == ["race_added"]
    moved = SECOND.later(90, Harris=(226, 68_000_000))
    trail.look(Page(banner=None, damage=("<p>Mail", moved.html() + "<p>Mail")))
    assert trail.kinds() == ["race_added", "votes_increased"]


def test_the_same_story_under_another_slug_is_the_same_story(trail: Trail) -> None:
    trail.look(Page())
    url = Page().url.replace("counting", "the-count-goes-on")
    edited = page(headline="Counting ends")
    trail.look_at(url, edited.html())
    (row,) = trail.rows()
    assert (row.kind, row.fetch_before, row.fetch, row.url) == ("headline_changed", 1, 2, url)
    assert len(trail.table("article")) == 1


def test_two_stories_do_not_mix(trail: Trail) -> None:
    trail.look(Page(1))
    trail.look(Page(2, story=replace(STORY, headline="Another story")))
    trail.look(Page(1))
    trail.look(Page(2, story=replace(STORY, headline="Another headline")))
    assert [(r.article, r.old) for r in trail.rows()] == [(Page(2).key, "Another story")]


def test_another_story_at_the_address_is_refused_and_is_no_edit(trail: Trail) -> None:
    trail.look(Page(1, banner=None))
    other = Page(2, banner=None, story=replace(STORY, headline="Another story"))
    reading = trail.look_at(Page(1).url, other.html())
    assert reading.outcome == "refused"
    assert Page(2).key in str(reading.reason)
    assert trail.rows() == []
    assert len(trail.table("article")) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"<html><head><title>Sign in</title></head><body><p>Sign in to go on.</p></body></html>",
        b"<html><head><title>502 Bad Gateway</title></head><body></body></html>",
        b"",
        b"\x00\xff" * 500 + b"</html>",
    ],
    ids=["paywall", "error page", "nothing", "not a page"],
)
def test_a_page_without_the_story_is_refused_and_is_no_edit(trail: Trail, body: bytes) -> None:
    trail.look(Page(banner=None))
    if body:
        reading = trail.look_at(Page().url, body)
        assert reading.outcome == "refused"
        assert reading.reason
        assert len(trail.table("refusal")) == 1
    trail.look(Page(banner=None))
    assert trail.rows() == []


def test_an_origin_that_comes_and_goes_is_no_edit(trail: Trail) -> None:
    for data in (True, False, True, False):
        trail.look(page(data=data))
    assert trail.rows() == []


def test_what_a_new_origin_alone_tells_is_first(trail: Trail) -> None:
    trail.look(page(data=False))
    trail.look(Page())
    assert trail.rows() == []
    late = {r.field: r.new for r in trail.rows(first=True) if r.fetch == 2}
    assert late == {
        "byline": "Ana Ruiz",
        "published_at": "2024-11-06T21:30:00.000Z",
        "modified_at": "2024-11-06T22:00:00.000Z",
    }


# -- versions --------------------------------------------------------------------------------


def test_each_edit_makes_a_version_and_a_look_without_one_does_not(trail: Trail) -> None:
    for headline in ("One", "One", "Two", "Two", "Three"):
        trail.look(page(headline=headline))
    versions = trail.table("article_version")
    assert [(v["fetch"], v["headline"]) for v in versions] == [(1, "One"), (3, "Two"), (5, "Three")]
    assert all(v["body"] == "Clerks count on.\n\nMail ballots take time." for v in versions)


def test_a_version_holds_what_the_page_says(trail: Trail) -> None:
    trail.look(Page())
    (version,) = trail.table("article_version")
    del version["id"]
    assert version == {
        "article": trail.table("article")[0]["id"],
        "fetch": 1,
        "headline": "Counting goes on",
        "dek": "Clerks explain what is left.",
        "byline": "Ana Ruiz",
        "body": "Clerks count on.\n\nMail ballots take time.",
        "published_at": "2024-11-06T21:30:00.000Z",
        "modified_at": "2024-11-06T22:00:00.000Z",
    }


def test_a_row_names_the_headline_as_of_its_look(trail: Trail) -> None:
    for headline in ("One", "Two", "Three"):
        trail.look(page(headline=headline))
    names = [queries.article_headline(trail.connection, row) for row in trail.rows()]
    assert names == ["Two", "Three"]


# -- the story's own clock -------------------------------------------------------------------


@pytest.fixture
def ahead(trail: Trail) -> Trail:
    """Looks 1 and 2: the story, then its edit of an hour later."""
    trail.look(Page())
    trail.look(page(headline="Counting ends", modified=LATER))
    return trail


def test_an_older_copy_of_a_story_is_stale_and_no_change(ahead: Trail) -> None:
    reading = ahead.look(Page())
    assert [(r.part, r.verdict) for r in reading.refusals] == [("article", "stale")]
    assert ahead.kinds() == ["headline_changed", "modified_time_changed"]
    ahead.look(page(headline="Counting ends", modified=LATER))
    assert len(ahead.rows()) == 2


def test_an_older_copy_of_a_story_does_not_move_seen_after(ahead: Trail) -> None:
    ahead.look(Page())
    ahead.look(page(headline="It is over", modified="2024-11-06T23:30:00Z"))
    assert {(r.fetch_before, r.fetch) for r in ahead.rows()[2:]} == {(2, 4)}


def test_the_banner_over_an_older_copy_of_a_story_is_recorded(ahead: Trail) -> None:
    ahead.look(Page(banner=SECOND))
    assert [row.kind for row in ahead.rows() if row.race] == [
        "votes_increased",
        "electoral_votes_changed",
    ]


@pytest.mark.parametrize(
    ("gaps", "expected"),
    [((1, 600), False), ((1, 7, 7), False), ((1, 7, 8), True)],
    ids=["two looks", "14 minutes", "three looks and 15 minutes"],
)
def test_an_older_story_that_stays_is_a_rollback(
    ahead: Trail, gaps: tuple[float, ...], expected: bool
) -> None:
    for gap in gaps:
        ahead.look(Page(), minutes=gap)
    back = ahead.rows()[2:]
    assert bool(back) is expected
    assert all("rollback" in row.flags for row in back)
    assert all(row.fetch_before == 2 for row in back)


def test_an_edit_that_leaves_the_modified_time_is_recorded(trail: Trail) -> None:
    trail.look(Page())
    trail.look(page(headline="Counting ends"))
    assert trail.kinds() == ["headline_changed"]


# -- what must not stop the history ----------------------------------------------------------


@pytest.mark.parametrize(
    "damage",
    [
        ('"headline": "Counting goes on"', '"headline": "Counting \\ud800 goes on"'),
        ('"name": "Ana Ruiz"', '"name": "Ana \\udfff"'),
        ('"headline": "Counting goes on"', '"headline": "Counting \\u0000 goes on"'),
        ("2024-11-06T22:00:00Z", "0001-01-01T00:00:00+14:00"),
        ("2024-11-06T22:00:00Z", "9999-12-31T23:59:59-12:00"),
        ("2024-11-06T22:00:00Z", "Wed, 06 Nov 99999 22:00:00 GMT"),
    ],
    ids=["half a character", "half a name", "NUL", "year 1", "year 9999", "year 99999"],
)
def test_odd_text_in_a_story_stops_neither_the_history_nor_the_results(
    trail: Trail, damage: tuple[str, str]
) -> None:
    trail.look(Page())
    trail.look(Page(banner=SECOND, damage=damage))
    assert [row.kind for row in trail.rows() if row.race] == [
        "votes_increased",
        "electoral_votes_changed",
    ]
    assert all(fetch["outcome"] is not None for fetch in trail.table("fetch"))
