"""What came, copied into a new database, so that it can be read anew: evidence without any log."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator

from storage.database import immediate
from storage.writing import insert, link

#: Rows that are written in one transaction while nothing is read.
_AT_ONCE = 500

#: What looks are of, in an order in which it can be written. Ids stay what they are.
_BEFORE = {
    "outlet": "id, name",
    "election": "id, date",
    "source": "id, name, outlet, election, parser, timezone, families",
    "body": "id, sha256, size, base, depth, content",
    "page": "id, source, url, family, knowledge",
}
_FETCH = (
    "id, page, asked_url, asked_at, fetched_at, status, headers, body, wire_sha256, wire_size,"
    " outcome, reason, parser"
)


def copy_what_was_asked_for(old: sqlite3.Connection, new: sqlite3.Connection) -> None:
    """Copy sources, pages and bodies; `new` has none of them yet."""
    for table, columns in _BEFORE.items():
        marks = ", ".join("?" * len(columns.split(",")))
        rows = old.execute(f"SELECT {columns} FROM {table} ORDER BY id")  # noqa: S608 - ours
        while some := rows.fetchmany(_AT_ONCE):
            with immediate(new):
                insert = f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608 - ours
                new.executemany(insert, some)


def copy_looks(old: sqlite3.Connection, new: sqlite3.Connection) -> Iterator[tuple[int, bool]]:
    """Receive each look of `old` again, oldest first: its id, and whether it is to be read.

    What there was nothing to read in keeps its outcome; all else has none until it is read.
    """
    looks = old.execute(
        f"SELECT {_FETCH}, EXISTS (SELECT 1 FROM link WHERE link.fetch = fetch.id"  # noqa: S608
        " AND step = 'read') AS was_read FROM fetch ORDER BY id"
    )
    pages = {
        row["id"]: {"source": row["name"], "url": row["url"], "family": row["family"]}
        for row in old.execute(
            "SELECT page.id, source.name, url, family FROM page JOIN source ON source.id = source"
        )
    }
    for row in looks:
        facts = dict(row)
        readable = facts.pop("was_read") or facts["outcome"] in (None, "unchanged")
        if readable:
            facts |= {"outcome": None, "reason": None, "parser": None}
        with immediate(new):
            fetch = insert(new, "fetch", facts)
            if facts["status"] == 200 and facts["body"] is not None:
                page = (facts["body"], facts["page"])
                new.execute("UPDATE page SET latest_body = ? WHERE id = ?", page)
            body = new.execute("SELECT sha256 FROM body WHERE id IS ?", (facts["body"],)).fetchone()
            came = {name: value for name, value in facts.items() if name != "id"}
            came |= {"page": pages[facts["page"]], "body": body and body["sha256"]}
            capture = old.execute("SELECT * FROM capture WHERE fetch = ?", (fetch,)).fetchone()
            if capture is not None:
                insert(new, "capture", dict(capture))
                came["capture"] = dict(capture)
            link(new, fetch, "received", came)
        yield fetch, readable


#: The columns of a change that do not depend on how things are numbered.
_SAID = (
    "kind", "source", "race", "place", "candidate", "article", "field", "old", "new", "flags",
    "fetch_before", "fetch", "confirmed_by",
)  # fmt: skip


def said(connection: sqlite3.Connection) -> Iterator[tuple[str, int]]:
    """What each change says, as text, and its place in the log."""
    for row in connection.execute(
        f"SELECT id, {', '.join(_SAID)} FROM change_log ORDER BY id"  # noqa: S608 - names are ours
    ):
        yield json.dumps(list(row)[1:]), row["id"]
