"""Another TallyTrail database as a history: every look of one of its sources, as it was kept."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import zstandard

from crawler.bodies import LARGEST
from crawler.captures.history import (
    Capture,
    Damaged,
    Earlier,
    NoHistory,
    Wanted,
    Which,
    instant_of,
    nothing_earlier,
    too_large,
)
from storage.archive import body_of
from storage.database import DatabaseError, open_for_reading
from storage.receiving import Answer

_SIGNATURE = b"SQLite format 3\0"


def is_database(head: bytes) -> bool:
    """Whether a file that begins so is one of SQLite's."""
    return head.startswith(_SIGNATURE)


@contextmanager
def database_history(path: Path, source: str) -> Iterator[DatabaseHistory]:
    """The history of the source with that id, else of the only one. Raises NoHistory."""
    try:
        connection = open_for_reading(path)
    except DatabaseError as error:
        raise NoHistory(str(error)) from error
    with closing(connection):
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute("BEGIN")  # one state of it, whoever writes meanwhile
        try:
            history = DatabaseHistory(path, connection, source)
        except (sqlite3.DatabaseError, IndexError) as error:
            raise NoHistory(f"{path}: {error}; it cannot be read as a database of ours") from error
        yield history


class DatabaseHistory:
    """The looks of one source."""

    addressed = True
    of_files = False
    others: Mapping[str, int] = {}

    def __init__(self, path: Path, connection: sqlite3.Connection, source: str) -> None:
        self.earlier: Earlier = nothing_earlier
        self._path = path
        self._connection = connection
        names = {row["name"]: row["id"] for row in connection.execute("SELECT * FROM source")}
        if source not in names and len(names) != 1:
            there = ", ".join(sorted(names)) or "none"
            raise NoHistory(f"{path}: it has no source {source!r}; there is {there}")
        self._source = names.get(source) or next(iter(names.values()))
        first = connection.execute("SELECT hash FROM link ORDER BY id LIMIT 1").fetchone()
        if first is None:
            raise NoHistory(f"{path}: nothing was ever looked at")
        self.origin = f"database {first['hash']}"
        self.label = path.resolve().name

    def reached(self, names: Iterable[str]) -> frozenset[str]:
        """All: a database goes by its ids, never by clocks."""
        return frozenset(names)

    def captures(self, wanted: Wanted) -> Iterator[Capture]:
        """Looks in the order of their ids."""
        rows = self._connection.execute(
            "SELECT fetch.*, page.url, page.family FROM fetch JOIN page ON page.id = fetch.page"
            " WHERE page.source = ? ORDER BY fetch.id",
            (self._source,),
        )
        try:
            for row in rows:
                which = Which(
                    page=str(row["url"]),
                    name=str(row["id"]),
                    at=instant_of(str(row["fetched_at"])),
                    family=row["family"],
                )
                if wanted(which):
                    assert which.at is not None
                    yield Capture(which=which, at=which.at, answer=_Look(self, row, which.at))
        except sqlite3.DatabaseError as error:
            raise Damaged(f"{self._path}: {error}; restore a copy of it") from error

    def answer(self, row: sqlite3.Row, at: datetime) -> Answer:
        """The answer as it was kept. Raises Damaged."""
        try:
            body = None if row["body"] is None else body_of(self._connection, row["body"])
            headers = tuple((str(name), str(value)) for name, value in json.loads(row["headers"]))
            _check(row)
        except (*_UNREADABLE, sqlite3.DatabaseError) as error:
            raise Damaged(
                f"{self._path}: fetch {row['id']}: {error}; restore a copy of it"
            ) from error
        if body is not None and len(body) > LARGEST:
            answer = too_large(len(body), at)
            return replace(answer, status=row["status"], headers=headers)
        # Read or not, what was kept is what came; only what had nothing to read has failed.
        failed = row["outcome"] in ("refused", "failed") and row["parser"] is None
        packed = row["wire_sha256"] and (row["wire_sha256"], row["wire_size"])
        return Answer(
            fetched_at=at,
            status=row["status"],
            headers=headers,
            body=body,
            packed=packed,
            failure=row["reason"] if failed else None,
            refused=failed and row["outcome"] == "refused",
            asked_at=None if row["asked_at"] is None else instant_of(row["asked_at"]),
        )


#: What is raised where a row holds what it cannot.
_UNREADABLE = (LookupError, ValueError, TypeError, zstandard.ZstdError)
#: The columns that are taken as they are, and what may stand in them besides nothing.
_TAKEN = {"status": int, "wire_sha256": str, "wire_size": int, "reason": str}


def _check(row: sqlite3.Row) -> None:
    """Raise TypeError where a column holds what no database of ours has there."""
    for column, kind in _TAKEN.items():
        if row[column] is not None and type(row[column]) is not kind:
            raise TypeError(f"{column} is {row[column]!r}")


@dataclass(frozen=True, slots=True)
class _Look:
    history: DatabaseHistory
    row: sqlite3.Row
    at: datetime

    def __call__(self) -> Answer:
        return self.history.answer(self.row, self.at)
