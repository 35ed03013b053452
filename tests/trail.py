"""Pages of our own making, and a database that looks at them through `receive` and `read`.

The pages are built here from figures and text, apart from any page that the program itself makes.
Everything that a real page moves at every look (nonces, ad ids, related links, build stamps) moves
in them too, in the same way in every trail, so that two trails that look alike are equal.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, timezone
from html import escape
from pathlib import Path
from typing import Any

import zstandard

from crawler.parsers import PARSERS
from crawler.reading import Reading, read
from storage import queries
from storage.database import immediate, open_for_writing
from storage.queries import Filter, LogRow
from storage.receiving import Answer, Captured, receive
from storage.writing import register_source

#: The first look comes a minute later, a week after all that the banners say.
START = datetime(2024, 11, 14, 12, 0, tzinfo=UTC)
#: Minute 0 of the banners' clock, where Eastern time is five hours behind.
BANNER_START = datetime(2024, 11, 6, 19, 0, tzinfo=timezone(timedelta(hours=-5)))

FEED = "https://abcnews.go.com/abcnews/topstories"
OTHER_FEED = "https://abcnews.go.com/abcnews/politicsheadlines"

Brief = tuple[str, str | None, object, object, object]


def clock(minute: int) -> str:
    """The banner's time, so many minutes after 7 PM on November 6, as it prints it."""
    moment = BANNER_START + timedelta(minutes=minute)
    half = "AM" if moment.hour < 12 else "PM"
    return f"Nov. {moment.day}, {moment.hour % 12 or 12}:{moment.minute:02} {half} ET"


def instant_of(moment: datetime) -> str:
    """The one text form of an instant in the database and in all machine formats."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Banner:
    """The results banner: electoral votes and votes by name, in the order in which it has them."""

    minute: int = 21
    figures: Mapping[str, tuple[int, int]] = field(
        default_factory=lambda: {"Harris": (223, 67_410_748), "Trump": (294, 72_191_978)}
    )
    expected: int = 90
    called: str | None = "Trump"

    def html(self) -> str:
        names = "".join(
            f"<tr><th>{escape(name)}</th><td>{electors}</td><td>{votes:,} votes</td></tr>"
            for name, (electors, votes) in self.figures.items()
        )
        call = f"<div>Projection: {self.called} is President-elect</div>" if self.called else ""
        return (
            "<div><div>Your Voice Your Vote 2024</div><div>Live results</div>"
            f"<div>Updated: {clock(self.minute)}</div>"
            f"<div>National Election Results: presidential</div>{call}"
            f"<table>{names}</table><div>270 to win</div>"
            f"<div>Expected vote reporting: {self.expected}%</div></div>"
        )

    def with_figures(self, **figures: tuple[int, int]) -> Banner:
        """The same banner with other figures of these candidates, who may be new to it."""
        return replace(self, figures={**self.figures, **figures})

    def without(self, name: str) -> Banner:
        """The same banner without this candidate."""
        return replace(self, figures={n: f for n, f in self.figures.items() if n != name})

    def later(self, minute: int, **figures: tuple[int, int]) -> Banner:
        """The banner at a later minute of its clock."""
        return replace(self.with_figures(**figures), minute=minute)


FIRST = Banner()
#: The next that the outlet published.
SECOND = FIRST.later(60, Harris=(226, 67_500_000))
THIRD = SECOND.later(120, Harris=(226, 67_600_000))


@dataclass(frozen=True)
class Story:
    """What a story says. None: the page leaves it out."""

    headline: str = "Counting goes on"
    dek: str | None = "Clerks explain what is left."
    authors: tuple[str, ...] = ("Ana Ruiz",)
    paragraphs: tuple[str, ...] = ("Clerks count on.", "Mail ballots take time.")
    published: str | None = "2024-11-06T21:30:00Z"
    modified: str | None = "2024-11-06T22:00:00Z"
    #: whether the page carries its data for search engines, which alone tell authors and times
    data: bool = True


@dataclass(frozen=True)
class Page:
    """A story page. damage: a text of its HTML and what stands there instead."""

    number: int = 1
    banner: Banner | None = FIRST
    story: Story = Story()
    damage: tuple[str, str] | None = None

    @property
    def url(self) -> str:
        return f"https://abcnews.go.com/Politics/counting/story?id={1_000_000 + self.number}"

    @property
    def key(self) -> str:
        """The outlet's id of the story."""
        return str(1_000_000 + self.number)

    def html(self, moving: int = 0) -> bytes:
        """The page; what moves at every look follows from the number `moving`."""
        story = self.story
        data: dict[str, Any] = {"@type": "NewsArticle", "headline": story.headline}
        data["author"] = [{"@type": "Person", "name": name} for name in story.authors]
        if story.published is not None:
            data["datePublished"] = story.published
        if story.modified is not None:
            data["dateModified"] = story.modified
        told = json.dumps(data).replace("</", r"<\/")  # a text must not end the script
        script = f'<script type="application/ld+json" nonce="n{moving}">{told}</script>'
        paragraphs = "".join(f"<p>{escape(text)}</p>" for text in story.paragraphs)
        dek = f"<p>{escape(story.dek)}</p>" if story.dek is not None else ""
        html = (
            f'<!doctype html><html data-build="b{moving}"><head><meta charset="utf-8">'
            f"<title>{escape(story.headline)}</title>"
            f'<link rel="canonical" href="{escape(self.url)}">{script if story.data else ""}'
            f'<script nonce="n{moving}">window.stamp = {moving};</script></head>'
            f'<body class="c{moving}">{self.banner.html() if self.banner else ""}'
            '<main class="FITT_Article_main__body"><div data-testid="prism-headline">'
            f"<h1><span>{escape(story.headline)}</span></h1>{dek}</div>"
            f'<div data-testid="prism-article-body">{paragraphs}'
            f'<div data-testid="prism-ad-wrapper" id="ad{moving}"><p>Buy {moving} of it</p></div>'
            '<div data-testid="prism-collection"><h2>Popular Reads</h2>'
            f'<p><a href="/story?id={9_000_000 + moving}">Read {moving}</a></p></div>'
            f"</div></main></body></html><!-- built {moving} -->"
        )
        if self.damage is not None:
            assert html.count(self.damage[0]) >= 1, "the damage must hit something"
            html = html.replace(*self.damage)
        return html.encode()


def rss(*numbers: int) -> bytes:
    """A feed that names the stories with these numbers."""
    items = "".join(f"<item><link>{escape(Page(n).url)}</link></item>" for n in numbers)
    return f'<?xml version="1.0"?><rss version="2.0"><channel>{items}</channel></rss>'.encode()


class Trail:
    """A database with one source. Looks come a minute apart, unless a test says otherwise."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = open_for_writing(path)
        self.now = START
        self._moving = 0
        with immediate(self.connection):
            register_source(
                self.connection,
                name="abc-2024",
                outlet="ABC News",
                election_date=date(2024, 11, 5),
                parser="abc",
                timezone="America/New_York",
            )

    def receive_answer(
        self,
        url: str,
        answer: Answer,
        *,
        minutes: float = 1,
        family: str = "story",
        capture: Captured | None = None,
    ) -> int:
        """One look's answer is received and not yet read."""
        self.now += timedelta(minutes=minutes)
        return receive(
            self.connection,
            source="abc-2024",
            url=url,
            family=family,
            answer=replace(answer, fetched_at=self.now),
            parser=PARSERS["abc"].NAME,
            capture=capture,
        )

    def receive(self, page: Page, *, minutes: float = 1) -> int:
        """The page is received, with furniture that is new at every look, and not yet read."""
        self._moving += 1
        return self.receive_answer(page.url, whole(page.html(self._moving)), minutes=minutes)

    def read(self, fetch: int) -> Reading:
        return read(self.connection, fetch)

    def look(self, page: Page, *, minutes: float = 1) -> Reading:
        """One look at the page, whose furniture has moved since the last."""
        return self.read(self.receive(page, minutes=minutes))

    def look_at(
        self, url: str, body: bytes, *, minutes: float = 1, family: str = "story"
    ) -> Reading:
        """One look at these very bytes."""
        return self.read(self.receive_answer(url, whole(body), minutes=minutes, family=family))

    def not_modified(self, url: str, *, minutes: float = 1, family: str = "story") -> Reading:
        """One look that is answered with 304."""
        answer = Answer(fetched_at=self.now, status=304, conditional=True)
        return self.read(self.receive_answer(url, answer, minutes=minutes, family=family))

    def feed(self, *numbers: int, url: str = FEED) -> Reading:
        """One look at a feed that names the stories with these numbers."""
        return self.look_at(url, rss(*numbers), family="discovery")

    def rows(self, *, first: bool = False) -> list[LogRow]:
        """The log, oldest look first."""
        return list(queries.log(self.connection, Filter(first=first)))

    def changes(self) -> list[Brief]:
        """The log in short: kind, candidate, old, new, delta."""
        return [(r.kind, r.candidate, r.old, r.new, r.delta) for r in self.rows()]

    def kinds(self) -> list[str]:
        return [row.kind for row in self.rows()]

    def first_sights(self) -> dict[tuple[str, str | None], object]:
        """The first sights of races, by field and candidate."""
        return {
            (r.field, r.candidate): r.new
            for r in self.rows(first=True)
            if r.kind == "first" and r.race
        }

    def table(self, name: str) -> list[dict[str, Any]]:
        return [dict(row) for row in self.connection.execute(f"SELECT * FROM {name} ORDER BY id")]

    def tallies(self) -> dict[str | None, tuple[int | None, int | None]]:
        """Electoral votes and votes as they stand, by candidate."""
        return {
            row.candidate: (row.electoral_votes, row.votes)
            for group in queries.results(self.connection)
            for row in group
        }

    def body(self, digest: str) -> bytes:
        """The bytes that the database keeps under this digest."""
        frames = self.connection.execute(
            "WITH RECURSIVE chain AS (SELECT * FROM body WHERE sha256 = ? UNION ALL"
            " SELECT body.* FROM body JOIN chain ON body.id = chain.base)"
            " SELECT content FROM chain ORDER BY id",
            (digest,),
        ).fetchall()
        assert frames, f"there is no body {digest}"
        content = None
        for (frame,) in frames:
            base = content and zstandard.ZstdCompressionDict(
                content, dict_type=zstandard.DICT_TYPE_RAWCONTENT
            )
            content = zstandard.ZstdDecompressor(dict_data=base).decompress(frame)
        assert content is not None
        return content

    def close(self) -> None:
        self.connection.close()


def whole(body: bytes) -> Answer:
    """An answer with a whole body and status 200."""
    headers = [("Content-Type", "text/html; charset=utf-8"), ("ETag", f'"{sha256(body)[:8]}"')]
    return Answer(fetched_at=START, status=200, headers=headers, wire=body, body=body)


@contextmanager
def opened(path: Path) -> Iterator[Trail]:
    """A trail in this file, closed at the end."""
    trail = Trail(path)
    try:
        yield trail
    finally:
        trail.close()


def everything(connection: sqlite3.Connection) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables."""
    names = [
        row[0]
        for row in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '%sqlite%'"
        )
    ]
    return {
        name: [tuple(r) for r in connection.execute(f"SELECT * FROM {name} ORDER BY id")]
        for name in names
    }
