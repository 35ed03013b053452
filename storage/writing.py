"""The one writer: sources and pages are registered, fetches received and marked as read.

Everything here runs inside a transaction of `storage.database.immediate`, which the caller opens,
but `receive`, which is a transaction of its own: what came over the wire is on disk, and chained,
before anybody tries to understand it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType

from storage.archive import digest, keep
from storage.chain import GENESIS, link_hash
from storage.database import Writer, immediate
from storage.pages import page_of, validated_fetch
from storage.records import Outcome, instant_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back for one request, checked on the wire.

    status, headers: None and empty when there was no answer at all. wire: the body as it came,
    packed or not. body: the unpacked body; None when it could not be unpacked, when there is
    none, or when the answer is a 304. failure: why there is nothing to read; None otherwise.
    refused: the failure lies in the body (its bytes are kept), not in the way to it.
    conditional: the request asked whether the page has changed. asked_at: when it was sent, None
    when that is not known; fetched_at is when the answer was here.
    """

    fetched_at: datetime
    status: int | None = None
    headers: Sequence[tuple[str, str]] = ()
    wire: bytes | None = None
    body: bytes | None = None
    failure: str | None = None
    refused: bool = False
    conditional: bool = False
    asked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One fetch as reading it needs it: who, where, when, and what is known of its page.

    settled: the body that the page's last look held, if all of it was accepted, by the parser
    named in settled_parser; None otherwise. good: the latest look before this one of which
    something was accepted, read by good_parser. families: of the pages that the source has
    configured, empty when that is not known.
    """

    fetch: int
    page: int
    url: str
    family: str
    source: int
    source_name: str
    parser: str
    election: int
    election_date: date
    timezone: str
    fetched_at: datetime
    status: int | None
    headers: Sequence[tuple[str, str]]
    body: int | None
    outcome: Outcome | None
    reason: str | None
    settled: int | None
    settled_parser: str | None
    good: int | None
    good_parser: str | None
    families: tuple[str, ...]


def insert(connection: sqlite3.Connection, table: str, row: Mapping[str, object]) -> int:
    """Add one row and return its id.

    sqlite-utils' insert was looked at: it asks SQLite for the schema and opens a savepoint at
    every call, which is several times the cost of the row.
    """
    columns = ", ".join(row)
    marks = ", ".join("?" * len(row))
    cursor = connection.execute(
        f"INSERT INTO {table} ({columns}) VALUES ({marks})",  # noqa: S608 - names are ours
        tuple(row.values()),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def key_of(connection: sqlite3.Connection, table: str, row: Mapping[str, object]) -> int:
    """The id of the row with these values, added if it is not there."""
    where = " AND ".join(f"{column} IS ?" for column in row)
    found = connection.execute(
        f"SELECT id FROM {table} WHERE {where}",  # noqa: S608 - names are ours
        tuple(row.values()),
    ).fetchone()
    return int(found["id"]) if found else insert(connection, table, row)


def register_source(
    connection: sqlite3.Connection,
    *,
    name: str,
    outlet: str,
    election_date: date,
    parser: str,
    timezone: str,
    families: Sequence[str] = (),
) -> int:
    """Add the source, or bring its row up to date with the configuration.

    families: of the pages that it has configured. One that is not among them leads no tally.
    """
    facts = {
        "outlet": key_of(connection, "outlet", {"name": outlet}),
        "election": key_of(connection, "election", {"date": election_date.isoformat()}),
        "parser": parser,
        "timezone": timezone,
        "families": json.dumps(sorted(families)),
    }
    found = connection.execute("SELECT id FROM source WHERE name = ?", (name,)).fetchone()
    if not found:
        return insert(connection, "source", {"name": name, **facts})
    connection.execute(
        "UPDATE source SET outlet = ?, election = ?, parser = ?, timezone = ?, families = ?"
        " WHERE id = ?",
        (*facts.values(), found["id"]),
    )
    return int(found["id"])


def receive(
    connection: sqlite3.Connection, *, source: str, url: str, family: str, answer: Answer
) -> int:
    """Commit one fetch with its bytes, before anybody reads it. Returns its id.

    The source must have been registered. A 304 gets the body that the page's validators stood
    for; without one it is a failed fetch.
    """
    with immediate(connection):
        page = _page(connection, source, url, family)
        wire_sha256 = None if answer.wire is None else digest(answer.wire)
        body, sha256, failure = _body(connection, page, answer, wire_sha256)
        row: dict[str, object] = {
            "page": page,
            "asked_at": answer.asked_at and instant_text(answer.asked_at),
            "fetched_at": instant_text(answer.fetched_at),
            "status": answer.status,
            "headers": json.dumps(answer.headers),
            "body": body,
            "wire_sha256": wire_sha256,
            "wire_size": None if answer.wire is None else len(answer.wire),
            "outcome": failure and ("refused" if answer.refused else "failed"),
            "reason": failure,
        }
        fetch = insert(connection, "fetch", row)
        if failure:
            _unsettle(connection, page)
        where = {"source": source, "url": url, "family": family}
        came = {**row, "page": where, "body": sha256}
        link(connection, fetch, "received", came)
    return fetch


class _Kept:
    """What a writer need not ask the file for at every look."""

    def __init__(self) -> None:
        self.pages: dict[tuple[str, str], int] = {}
        self.last_link: str | None = None


def _kept(connection: sqlite3.Connection) -> _Kept:
    if not isinstance(connection, Writer):
        return _Kept()
    kept: _Kept = connection.kept.setdefault(_Kept, _Kept())
    return kept


def _page(connection: sqlite3.Connection, source: str, url: str, family: str) -> int:
    pages = _kept(connection).pages
    if (source, url) not in pages:
        pages[source, url] = _page_in_file(connection, source, url, family)
    return pages[source, url]


def _page_in_file(connection: sqlite3.Connection, source: str, url: str, family: str) -> int:
    """The id of the page, added if it is not there."""
    found = page_of(connection, source, url)
    if found is not None:
        return found
    number = connection.execute("SELECT id FROM source WHERE name = ?", (source,)).fetchone()["id"]
    return insert(connection, "page", {"source": number, "url": url, "family": family})


def _body(
    connection: sqlite3.Connection, page: int, answer: Answer, wire_sha256: str | None
) -> tuple[int | None, str | None, str | None]:
    """The body's id and digest, and why there is nothing to read, if so."""
    if answer.status == 304 and answer.failure is None:
        settled = validated_fetch(connection, page)
        if settled is None or not answer.conditional:
            reason = "HTTP 304, but the site was not asked whether the page has changed"
            return None, None, reason
        return int(settled["body"]), settled["sha256"], None
    # What could not be unpacked is kept as it came: it is the evidence of the refusal.
    content = answer.body if answer.body is not None else answer.wire
    if not content:
        return None, None, answer.failure
    # What came unpacked is the body itself: one digest serves for both.
    known = wire_sha256 if content == answer.wire else None
    sha256 = known or digest(content)
    return keep(connection, page, content, sha256), sha256, answer.failure


def _unsettle(connection: sqlite3.Connection, page: int) -> None:
    # After a failure the site is asked for the whole page again, not whether it has changed.
    connection.execute("UPDATE page SET settled_fetch = NULL WHERE id = ?", (page,))


def link(
    connection: sqlite3.Connection, fetch: int, step: str, content: Mapping[str, object]
) -> None:
    """Chain one step of a fetch, with everything that it recorded, to the step before it."""
    kept = _kept(connection)
    previous = kept.last_link
    if previous is None:
        last = connection.execute("SELECT hash FROM link ORDER BY id DESC LIMIT 1").fetchone()
        previous = last["hash"] if last else GENESIS
    row = {"fetch": fetch, "step": step}
    kept.last_link = link_hash(previous, {**row, **content})
    insert(connection, "link", {**row, "hash": kept.last_link})


def unread(connection: sqlite3.Connection) -> list[int]:
    """The fetches that were received and not yet read, oldest first."""
    return [
        int(row["id"])
        for row in connection.execute("SELECT id FROM fetch WHERE outcome IS NULL ORDER BY id")
    ]


def look(connection: sqlite3.Connection, fetch: int) -> Look:
    """The fetch with what its reading needs. Raises LookupError for an unknown id."""
    row = connection.execute(
        """
        SELECT fetch.id AS fetch, page.id AS page, page.url, page.family, source.id AS source,
               source.name AS source_name, source.parser, election.id AS election,
               election.date AS election_date, source.timezone, fetch.fetched_at, fetch.status,
               fetch.headers, fetch.body, fetch.outcome, fetch.reason, settled.body AS settled,
               settled.parser AS settled_parser, good.id AS good, good.parser AS good_parser,
               source.families
          FROM fetch
          JOIN page ON page.id = fetch.page
          JOIN source ON source.id = page.source
          JOIN election ON election.id = source.election
          LEFT JOIN fetch AS settled ON settled.id = page.settled_fetch
          LEFT JOIN fetch AS good ON good.id = page.good_fetch
         WHERE fetch.id = ?
        """,
        (fetch,),
    ).fetchone()
    if row is None:
        raise LookupError(f"there is no fetch {fetch}")
    facts = dict(row)
    facts["election_date"] = date.fromisoformat(facts["election_date"])
    facts["fetched_at"] = datetime.fromisoformat(facts["fetched_at"])
    facts["families"] = tuple(json.loads(facts["families"]))
    facts["headers"] = [tuple(pair) for pair in json.loads(facts["headers"])]
    return Look(**facts)


def finish(
    connection: sqlite3.Connection,
    look: Look,
    *,
    outcome: Outcome,
    reason: str | None,
    parser: str,
    settled: bool,
    rows: Mapping[str, Sequence[Sequence[object]]],
) -> None:
    """Mark the fetch as read and chain what was recorded from it.

    settled: all of the body was accepted, so that the next look may ask whether it has changed.
    rows: what it brought into the log, as `recorded` gives it.
    """
    connection.execute(
        "UPDATE fetch SET outcome = ?, reason = ?, parser = ? WHERE id = ?",
        (outcome, reason, parser, look.fetch),
    )
    good = outcome in ("new", "unchanged")
    if not settled:
        _unsettle(connection, look.page)
    # A 304 leaves the validators of the look that it confirms.
    connection.execute(
        "UPDATE page SET settled_fetch = iif(?1, ?2, settled_fetch),"
        " good_fetch = iif(?3, ?2, good_fetch) WHERE id = ?4",
        (settled and look.status != 304, look.fetch, good, look.page),
    )
    content = {"outcome": outcome, "reason": reason, "parser": parser}
    link(connection, look.fetch, "read", {**content, **rows})


#: The tables whose rows a fetch brings into the log when it is read, in an order in which they
#: can be written; and their columns, in the order in which a link covers them.
RECORDED: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "series": ("id", "source", "race", "place", "candidate", "article", "field", "fetch"),
        "label": ("id", "kind", "flags", "fetch"),
        "entry": (
            "id", "series", "label", "old", "new", "before_fetch", "fetch", "confirmed_by",
            "source_updated_ms",
        ),
        "first_sight": (
            "id", "source", "race", "place", "candidate", "article", "flags", "field", "new",
            "fetch", "source_updated_at",
        ),
        "refusal": ("id", "fetch", "part", "race", "place", "verdict", "reason"),
        "article_version": (
            "id", "article", "fetch", "headline", "dek", "byline", "body", "published_at",
            "modified_at",
        ),
        "discovery": ("id", "page", "article_key", "url", "fetch", "before_fetch"),
        "note": (
            "id", "kind", "page", "race", "place", "text", "first_fetch", "last_fetch", "fetch",
        ),
    }
)  # fmt: skip
