"""What a newcomer is promised, checked through receive and read on a real database."""

from __future__ import annotations

import hashlib
import json
import random
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from crawler.reading import Reading, read
from storage import queries
from storage.database import immediate, open_for_writing
from storage.queries import Filter, LogRow
from storage.receiving import Answer, receive
from storage.writing import register_source

URL = "https://abcnews.go.com/Politics/the-count/story?id=115800001"
START = datetime(2024, 11, 7, 1, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Page:
    """A story page with a banner; None for what the page leaves out."""

    updated: str = "Nov. 6, 7:21 PM ET"
    harris: tuple[int, int] = (67_410_748, 223)  # votes, electoral votes
    trump: tuple[int, int] = (72_191_978, 294)
    expected: int = 90
    projection: str | None = "Trump"
    trump_first: bool = False
    headline: str = "The count"
    text: str = "Clerks count on."
    modified: str = "2024-11-06T22:00:00Z"
    banner: bool = True
    damage: tuple[str, str] = ("", "")

    def html(self) -> bytes:
        noise = random.Random().random()
        names = [("Harris", *self.harris), ("Trump", *self.trump)]
        if self.trump_first:
            names.reverse()
        (first, votes, electors), (second, votes2, electors2) = names
        call = f"<p>Projection: {self.projection} is President-elect</p>" if self.projection else ""
        banner = (
            f'<section class="x{noise}"><p>Your Voice Your Vote 2024</p><p>Live results</p>'
            f"<p>Updated: {self.updated}</p><p>National Election Results: presidential</p>{call}"
            f"<b>{electors}</b><b>{electors2}</b><i>{first}</i><b>{votes:,}</b><i>270 to win</i>"
            f"<i>{second}</i><b>{votes2:,}</b><p>Expected vote reporting: {self.expected}%</p>"
            "</section>"
        )
        return (
            (
                f'<html data-build="{noise}"><head><title>t</title>'
                f'<link rel="canonical" href="{URL}">'
                f'<script type="application/ld+json">{{"@type": "NewsArticle", "dateModified":'
                f' "{self.modified}"}}</script></head><body>{banner if self.banner else ""}'
                '<main class="FITT_Article_main__body"><div data-testid="prism-headline"><h1><span>'
                f"{self.headline}</span></h1></div>"
                f'<div data-testid="prism-article-body"><p>{self.text}</p><div><div data-testid='
                f'"prism-ad-wrapper" id="ad{noise}"><p>ad {noise}</p></div></div>'
                f'<div data-testid="prism-collection"><p>Related {noise}</p></div></div></main>'
                "</body></html>"
            )
            .replace(*self.damage)
            .encode()
        )


class Trail:
    """A database with one source; looks come a minute apart."""

    def __init__(self, path: Path) -> None:
        self.connection = open_for_writing(path)
        self.now = START
        with immediate(self.connection):
            register_source(
                self.connection,
                name="abc",
                outlet="ABC News",
                election_date=date(2024, 11, 5),
                parser="abc",
                timezone="America/New_York",
            )

    def look(self, page: Page, url: str = URL) -> Reading:
        self.now += timedelta(minutes=1)
        body = page.html()
        answer = Answer(fetched_at=self.now, status=200, wire=body, body=body)
        return read(
            self.connection,
            receive(self.connection, source="abc", url=url, family="story", answer=answer),
        )

    def changes(self) -> list[LogRow]:
        return list(queries.log(self.connection, Filter()))

    def kinds(self) -> list[tuple[str, str | None]]:
        return [(row.kind, row.candidate) for row in self.changes()]


@pytest.fixture
def trail(tmp_path: Path) -> Iterator[Trail]:
    trail = Trail(tmp_path / "trail.db")
    yield trail
    trail.connection.close()


def test_fifty_looks_at_moving_furniture_are_no_change_and_count_as_looks(trail: Trail) -> None:
    for _ in range(50):
        assert trail.look(Page()).changes == ()
    fiftieth = trail.now
    trail.look(Page(updated="Nov. 6, 9:00 PM ET", harris=(67_410_749, 223)))
    (row,) = trail.changes()
    assert (row.kind, row.old, row.new, row.delta) == ("votes_increased", 67410748, 67410749, 1)
    assert row.fetch_before == 50
    assert row.seen_after == fiftieth.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    outcomes = trail.connection.execute("SELECT outcome, count(*) FROM fetch GROUP BY 1").fetchall()
    assert {tuple(row) for row in outcomes} == {("new", 2), ("unchanged", 49)}


def test_votes_that_fall_are_a_decrease(trail: Trail) -> None:
    trail.look(Page())
    trail.look(Page(updated="Nov. 6, 8:00 PM ET", trump=(72_191_000, 294)))
    (row,) = trail.changes()
    assert (row.kind, row.candidate, row.delta) == ("votes_decreased", "trump", -978)


def test_a_withdrawn_projection_is_retracted_and_a_new_one_made(trail: Trail) -> None:
    trail.look(Page())
    trail.look(Page(updated="Nov. 6, 8:00 PM ET", projection=None))
    trail.look(Page(updated="Nov. 6, 8:05 PM ET", projection="Harris"))
    trail.look(Page(updated="Nov. 6, 8:10 PM ET", projection="Trump"))
    assert [(r.kind, r.old, r.new) for r in trail.changes()] == [
        ("projection_retracted", "trump", None),
        ("projection_made", None, "harris"),
        ("projection_changed", "harris", "trump"),
    ]


def test_candidates_in_another_order_are_no_change(trail: Trail) -> None:
    trail.look(Page())
    assert trail.look(Page(trump_first=True)).outcome == "unchanged"
    assert trail.kinds() == []


def test_an_older_banner_over_an_edited_story_gives_the_edit_alone(trail: Trail) -> None:
    trail.look(Page(updated="Nov. 6, 8:00 PM ET", harris=(67_500_000, 223)))
    reading = trail.look(Page(text="Clerks still count.", modified="2024-11-06T23:00:00Z"))
    assert trail.kinds() == [("body_changed", None), ("modified_time_changed", None)]
    assert [(r.part, r.verdict) for r in reading.refusals] == [("race", "stale")]


def test_a_damaged_banner_is_refused_by_name_and_the_story_recorded(trail: Trail) -> None:
    trail.look(Page())
    damaged = Page(text="An edit.", modified="2024-11-06T23:00:00Z", damage=("67,410,748", ""))
    reading = trail.look(damaged)
    ((part, reason),) = [(r.part, r.reason) for r in reading.refusals]
    assert part == "race"
    assert "Harris" in reason
    assert trail.kinds() == [("body_changed", None), ("modified_time_changed", None)]
    ((leader, second),) = queries.results(trail.connection)
    assert (leader.votes, second.votes) == (72_191_978, 67_410_748)
    trail.look(Page(updated="Nov. 6, 8:00 PM ET", harris=(67_410_750, 223)))
    assert trail.changes()[-1].delta == 2


def test_a_part_that_left_the_page_is_not_shown_again_by_an_unchanged_look(trail: Trail) -> None:
    trail.look(Page())
    without = Page(banner=False).html()
    for _ in range(3):
        trail.now += timedelta(minutes=1)
        answer = Answer(fetched_at=trail.now, status=200, wire=without, body=without)
        fetch = receive(trail.connection, source="abc", url=URL, family="story", answer=answer)
        read(trail.connection, fetch)
    trail.look(Page(updated="Nov. 6, 8:00 PM ET", harris=(67_410_750, 223)))
    assert [row.fetch_before for row in trail.changes()] == [1]


def test_every_change_leads_to_bytes_that_show_it(trail: Trail) -> None:
    trail.look(Page())
    trail.look(Page(updated="Nov. 6, 8:00 PM ET", harris=(67_410_750, 223)))
    (row,) = trail.changes()
    from storage.archive import body_of, digest
    from storage.writing import look

    body_id = look(trail.connection, row.fetch).body
    assert body_id is not None
    body = body_of(trail.connection, body_id)
    assert digest(body) == row.sha256
    assert b"67,410,750" in body


def test_a_lead_that_turns_is_flagged_on_the_row_that_turned_it(trail: Trail) -> None:
    trail.look(Page())
    trail.look(Page(updated="Nov. 6, 8:00 PM ET", harris=(72_191_979, 223), expected=91))
    flags = {(r.kind, r.candidate): r.flags for r in trail.changes()}
    assert flags == {
        ("votes_increased", "harris"): ["lead_change", "one_sided"],
        ("expected_vote_changed", None): [],
    }


def test_a_race_that_joins_a_page_is_added_and_its_values_are_first(trail: Trail) -> None:
    trail.look(Page(banner=False))
    trail.look(Page())
    assert trail.kinds() == [("race_added", None)]
    first = [r for r in queries.log(trail.connection, Filter(first=True)) if r.race]
    assert {(r.field, r.candidate): r.new for r in first if r.kind == "first"} == {
        ("projection", "trump"): "trump",
        ("votes", "trump"): 72_191_978,
        ("electoral_votes", "trump"): 294,
        ("votes", "harris"): 67_410_748,
        ("electoral_votes", "harris"): 223,
        ("expected_vote_pct", None): 90,
    }
    assert all(r.id is None and r.old is None and r.delta is None for r in first[1:])


def test_two_stories_with_the_same_banner_tell_one_tale(trail: Trail) -> None:
    other = URL.replace("115800001", "115800002")
    as_other = ("115800001", "115800002")
    trail.look(Page())
    trail.look(Page(damage=as_other), url=other)
    newer = Page(updated="Nov. 6, 8:00 PM ET", harris=(67_410_750, 223))
    trail.look(newer)
    trail.look(Page(damage=as_other), url=other)  # its cache still has the older banner
    trail.look(replace(newer, damage=as_other), url=other)
    (row,) = trail.changes()
    assert (row.delta, row.fetch_before, row.fetch) == (2, 2, 3)


def test_the_log_cannot_be_altered(trail: Trail) -> None:
    trail.look(Page())
    trail.look(Page(updated="Nov. 6, 8:00 PM ET", harris=(67_410_750, 223)))
    path = trail.connection.execute("PRAGMA database_list").fetchone()["file"]
    plain = sqlite3.connect(path)
    for table in (
        "entry",
        "series",
        "label",
        "first_sight",
        "body",
        "link",
        "fetch",
        "article_version",
    ):
        for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET id = id + 100"):
            with pytest.raises(sqlite3.IntegrityError):
                plain.execute(statement)
    plain.close()


PAGES = Path(__file__).parent / "pages" / "abc_story"


def look_at_file(trail: Trail, path: Path) -> Reading:
    """A look at a recorded page, at its own address and time."""
    facts = json.loads(path.with_suffix(".json").read_text("utf-8"))
    body = path.read_bytes()
    fetched_at = datetime.fromisoformat(facts["fetched_at"])
    answer = Answer(fetched_at=fetched_at, status=200, wire=body, body=body)
    fetch = receive(trail.connection, source="abc", url=facts["url"], family="story", answer=answer)
    return read(trail.connection, fetch)


def test_the_same_figures_in_four_markups_are_no_change(trail: Trail) -> None:
    names = [
        f"banner-{markup}-{electors}"
        for markup in ("hashed-divs", "bop-2020", "table", "bare-spans")
        for electors in ("pair-once", "pair-twice", "own-name")
    ]
    for name in names:
        assert look_at_file(trail, PAGES / f"{name}.html").refusals == ()
    assert [row for row in trail.changes() if row.race] == []
    ((leader, second),) = queries.results(trail.connection)
    assert (leader.votes, leader.electoral_votes) == (75_068_566, 312)
    assert (second.votes, second.electoral_votes) == (71_900_392, 226)


@pytest.mark.parametrize("path", sorted(PAGES.glob("bad-*.html")), ids=lambda path: path.stem)
def test_a_damaged_banner_leaves_tallies_alone_and_its_story_is_recorded(
    trail: Trail, path: Path
) -> None:
    look_at_file(trail, PAGES / "banner-table-pair-once.html")
    before = [queries.as_dict(row) for row in queries.results(trail.connection)[0]]
    story = json.loads(path.with_suffix(".json").read_text("utf-8"))["article"]
    reading = look_at_file(trail, path)
    assert [(r.part, r.verdict) for r in reading.refusals] == [("race", "rejected")]
    assert reading.outcome in ("new", "unchanged")  # some tell the same story
    assert [queries.as_dict(row) for row in queries.results(trail.connection)[0]] == before
    row = trail.connection.execute(
        "SELECT article_version.headline FROM article_version JOIN article"
        " ON article.id = article WHERE key = ?",
        (story["id"],),
    ).fetchone()
    assert row["headline"] == story["headline"]
    assert trail.changes() == []


def test_every_link_covers_what_came_and_what_was_recorded(trail: Trail) -> None:
    """The chain, computed anew from the tables as the design describes it."""
    trail.look(Page(banner=False))
    trail.look(Page())
    trail.look(Page(updated="Nov. 6, 8:00 PM ET", harris=(67_410_750, 223), text="Edited."))
    trail.look(Page(damage=("67,410,748", "")))

    def rows(table: str, where: str, value: object) -> list[dict[str, object]]:
        query = f"SELECT * FROM {table} WHERE {where} = ? ORDER BY id"
        return [dict(row) for row in trail.connection.execute(query, (value,))]

    def lists(table: str, columns: str, fetch: int) -> list[list[object]]:
        query = f"SELECT {columns} FROM {table} WHERE fetch = ? ORDER BY id"
        return [list(row) for row in trail.connection.execute(query, (fetch,))]

    previous = "0" * 64
    links = trail.connection.execute("SELECT * FROM link ORDER BY id").fetchall()
    assert [(link["fetch"], link["step"]) for link in links] == [
        (fetch, step) for fetch in (1, 2, 3, 4) for step in ("received", "read")
    ]
    for link in links:
        (fetch,) = rows("fetch", "id", link["fetch"])
        content: dict[str, object] = {"fetch": link["fetch"], "step": link["step"]}
        read_facts = {name: fetch.pop(name) for name in ("outcome", "reason", "parser")}
        if link["step"] == "received":
            (body,) = rows("body", "id", fetch["body"])
            content |= fetch | {
                "outcome": None,
                "reason": None,
                "parser": None,
                "page": {"source": "abc", "url": URL, "family": "story"},
                "body": body["sha256"],
            }
            del content["id"]
        else:
            content |= read_facts
            for table in (
                "series",
                "label",
                "first_sight",
                "refusal",
                "article_version",
                "discovery",
                "note",
            ):
                content[table] = lists(table, "*", link["fetch"])
            entry = "id, series, label, old, new, before_fetch, fetch, confirmed_by"
            content["entry"] = lists("entry", f"{entry}, source_updated_ms", link["fetch"])
        text = json.dumps({"previous": previous, "content": content}, sort_keys=True)
        compact = json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
        previous = hashlib.sha256(compact.encode("ascii")).hexdigest()
        assert link["hash"] == previous
