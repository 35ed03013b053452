"""The log as an Atom feed: one entry a change, which never changes. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from feedgen.feed import FeedGenerator

from storage.records import instant
from storage.reports.edits import counted
from storage.reports.pages import render, web_address
from storage.reports.printable import printable
from storage.reports.told import ToldChange, ToldLook

#: Entries of the feed, at most.
MOST = 1_000


def atom(
    looks: Sequence[ToldLook], links: Mapping[int, str], *, first: str, coverage: str
) -> bytes:
    """The feed, newest entry first; looks: newest first.

    links: of each look that brought a change, the hash of the link that seals it. An entry's id is
    made of that hash and the change's own number: the same at every build, and of no other change
    of any database.
    first: hash of the database's first link, which tells this feed from those of others.
    """
    feed = FeedGenerator()
    feed.id(uuid.uuid5(_uuid(first), "feed").urn)
    feed.title("Election results: every change")
    feed.subtitle(printable(f"The latest {counted(MOST, 'change')}. {coverage}."))
    feed.author(name="TallyTrail")
    feed.generator("TallyTrail")
    newest = max((instant(r.row.seen_at) for look in looks for r in look.rows), default=None)
    feed.updated(newest or datetime.fromtimestamp(0, UTC))
    for look in looks:
        for change in look.rows:
            _entry(feed, look, change, links[change.row.recorded_by])
    xml: bytes = feed.atom_str(pretty=True)
    return xml


def _uuid(sha256: str) -> uuid.UUID:
    return uuid.UUID(sha256[:32])


def _entry(feed: FeedGenerator, look: ToldLook, change: ToldChange, link: str) -> None:
    entry = feed.add_entry(order="append")
    entry.id(uuid.uuid5(_uuid(link), str(change.id)).urn)
    entry.title(printable(f"{change.sentence} · {look.title}"))
    entry.updated(instant(change.row.seen_at))
    entry.published(instant(change.row.seen_at))
    entry.content(render("entry.html", look=look, change=change, link=link), type="html")
    address = web_address(look.url)
    if address:
        entry.link(href=printable(address), rel="via")
