"""The one writer: sources are registered, fetches marked as read, and every step is chained.

Everything here runs inside a transaction of `storage.database.immediate`, which the caller opens.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from storage.chain import GENESIS, link_hash
from storage.database import Writer
from storage.records import Outcome


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
    cursor = connection.execute(inserting(table, tuple(row)), tuple(row.values()))
    assert cursor.lastrowid is not None
    return cursor.lastrowid


@lru_cache
def inserting(table: str, columns: Sequence[str]) -> str:
    """The statement that adds a row with these columns."""
    marks = ", ".join("?" * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - ours


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
    kept_by(connection).abouts.clear()
    connection.execute(
        "UPDATE source SET outlet = ?, election = ?, parser = ?, timezone = ?, families = ?"
        " WHERE id = ?",
        (*facts.values(), found["id"]),
    )
    return int(found["id"])


class Kept:
    """What a writer need not ask the file for at every look.

    pages: ids by source and address. latest: by page, the digest of the body that it has sent
    last. abouts: by page, what a Look has of it and its source.
    settled: by page, the body of its last look if all of it was accepted, and the parser that
    read it. standing: those of these pages that show no story, and no race otherwise than it
    stands.
    """

    def __init__(self) -> None:
        self.pages: dict[tuple[str, str], int] = {}
        self.latest: dict[int, str] = {}
        self.abouts: dict[int, dict[str, Any]] = {}
        self.settled: dict[int, tuple[int | None, str | None]] = {}
        self.standing: set[int] = set()
        self.last_link: str | None = None


def kept_by(connection: sqlite3.Connection) -> Kept:
    """What the writer has kept; nothing for a reader."""
    if not isinstance(connection, Writer):
        return Kept()
    kept: Kept = connection.kept.setdefault(Kept, Kept())
    return kept


def unsettle(connection: sqlite3.Connection, page: int) -> None:
    """After a failure the site is asked for the whole page again, not whether it has changed."""
    kept_by(connection).settled.pop(page, None)
    connection.execute("UPDATE page SET settled_fetch = NULL WHERE id = ?", (page,))


def settle(
    connection: sqlite3.Connection, page: int, fetch: int, *, settled: bool, good: bool
) -> None:
    """Make the fetch the page's last of which all, and of which something, was accepted."""
    connection.execute(
        "UPDATE page SET settled_fetch = iif(?1, ?2, settled_fetch),"
        " good_fetch = iif(?3, ?2, good_fetch) WHERE id = ?4",
        (settled, fetch, good, page),
    )


def link(
    connection: sqlite3.Connection, fetch: int, step: str, content: Mapping[str, object]
) -> None:
    """Chain one step of a fetch, with everything that it recorded, to the step before it."""
    kept = kept_by(connection)
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
        SELECT fetch.id AS fetch, fetch.page, fetch.fetched_at, fetch.status, fetch.headers,
               fetch.body, fetch.outcome, fetch.reason, settled.body AS settled,
               settled.parser AS settled_parser, good.id AS good, good.parser AS good_parser
          FROM fetch
          JOIN page ON page.id = fetch.page
          LEFT JOIN fetch AS settled ON settled.id = page.settled_fetch
          LEFT JOIN fetch AS good ON good.id = page.good_fetch
         WHERE fetch.id = ?
        """,
        (fetch,),
    ).fetchone()
    if row is None:
        raise LookupError(f"there is no fetch {fetch}")
    facts = dict(row)
    facts["fetched_at"] = datetime.fromisoformat(facts["fetched_at"])
    facts["headers"] = [tuple(pair) for pair in json.loads(facts["headers"])]
    abouts = kept_by(connection).abouts
    if row["page"] not in abouts:
        abouts[row["page"]] = _about(connection, row["page"])
    return Look(**abouts[row["page"]], **facts)


def _about(connection: sqlite3.Connection, page: int) -> dict[str, Any]:
    """What a Look has of its page and source, as they are configured."""
    row = connection.execute(
        """
        SELECT page.url, page.family, source.id AS source, source.name AS source_name,
               source.parser, election.id AS election, election.date AS election_date,
               source.timezone, source.families
          FROM page
          JOIN source ON source.id = page.source
          JOIN election ON election.id = source.election
         WHERE page.id = ?
        """,
        (page,),
    ).fetchone()
    facts = dict(row)
    facts["election_date"] = date.fromisoformat(facts["election_date"])
    facts["families"] = tuple(json.loads(facts["families"]))
    return facts


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
    kept = kept_by(connection)
    kept.standing.clear()
    if settled:
        kept.settled[look.page] = (look.body, parser)
    else:
        unsettle(connection, look.page)
    # A 304 leaves the validators of the look that it confirms.
    new = settled and look.status != 304
    good = outcome in ("new", "unchanged")
    settle(connection, look.page, look.fetch, settled=new, good=good)
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
