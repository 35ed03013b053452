"""Opening the database: one file, WAL, strict tables, append-only log.

The writer goes through sqlite-utils, whose migrations make the schema. The read side opens the
same file read-only with the standard library alone, because importing sqlite-utils costs more
than a whole `tallytrail changes`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

#: What may stand in a database that has no tables of ours yet: sqlite-utils' own, and SQLite's.
_OWN = ("_sqlite_migrations", "idx__sqlite_migrations", "sqlite_")

#: The migrations of storage/schema.py, in their order.
MIGRATIONS = ("first_schema",)

#: Rises with every change of the first migration: until 0.1.0 it may change, and a file that was
#: made before cannot be used. In the file it is `user_version`.
SCHEMA = 4

#: How long a write waits for another process, in milliseconds.
BUSY_TIMEOUT = 5000


class Writer(sqlite3.Connection):
    """A connection for writing, with what is kept in memory of the file between transactions.

    kept: by the type of what is kept. `immediate` empties it when a transaction was rolled back
    and when another connection has written, so what stands in it is always as committed.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kept: dict[type, Any] = {}
        self.version = -1


class DatabaseError(Exception):
    """The database cannot be used; the message names the file and the remedy.

    Raised by the functions that open it. try_later: it will go by itself. damaged: the file, its
    folder or its disk has to be looked at; otherwise another file was meant.
    """

    def __init__(self, message: str, *, try_later: bool = False, damaged: bool = False) -> None:
        super().__init__(message)
        self.try_later = try_later
        self.damaged = damaged


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open or create the database and bring its schema up to date.

    The connection is in autocommit mode: whoever writes does it inside `immediate`.
    Raises DatabaseError when the file is no database, is from a newer version, is locked, or its
    folder is missing.
    """
    if not path.parent.is_dir():
        raise DatabaseError(f"{path}: the folder {path.parent} does not exist; create it")
    with _explained(path):
        connection = sqlite3.connect(
            path, isolation_level=None, timeout=BUSY_TIMEOUT / 1000, factory=Writer
        )
        try:
            _prepare(connection, path)
        except BaseException:
            # Left to itself it might stay open, and its files of shared memory stay behind.
            connection.close()
            raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.row_factory = sqlite3.Row
    tables = {row["name"] for row in connection.execute("SELECT name FROM sqlite_schema")}
    if "fetch" not in tables and any(not name.startswith(_OWN) for name in tables):
        raise DatabaseError(f"{path} is another program's database; name another with --db")
    for pragma in (
        "foreign_keys = ON",
        "trusted_schema = OFF",
        "cell_size_check = ON",
        "journal_mode = WAL",
        "synchronous = FULL",
    ):
        connection.execute(f"PRAGMA {pragma}")
    if "fetch" in tables:
        _must_fit(connection, path)
    applied = _applied(connection) if "_sqlite_migrations" in tables else set()
    if applied - {*MIGRATIONS}:
        raise DatabaseError(f"{path} was written by a newer TallyTrail; upgrade this one")
    if applied != {*MIGRATIONS}:
        _migrate(connection)


def _must_fit(connection: sqlite3.Connection, path: Path) -> None:
    (schema,) = connection.execute("PRAGMA user_version").fetchone()
    if schema != SCHEMA:
        raise DatabaseError(
            f"{path} was made by another version of TallyTrail, with other tables; go on with a new"
            " file (--db), and keep this one with the version that made it"
        )


def _applied(connection: sqlite3.Connection) -> set[str]:
    """The migrations of ours that the file has had."""
    rows = connection.execute(
        "SELECT name FROM _sqlite_migrations WHERE migration_set = 'tallytrail'"
    )
    return {row["name"] for row in rows}


def _migrate(connection: sqlite3.Connection) -> None:
    # It takes as long to load as three pages to read, and most crawls have no use for it.
    from sqlite_utils import Database

    from storage.schema import migrations

    migrations.apply(Database(connection))


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open an existing database read-only. Raises DatabaseError when there is none to read."""
    if not path.exists():
        raise DatabaseError(
            f"{path} does not exist; 'tallytrail crawl' makes it, --db names another one"
        )
    with _explained(path):
        connection, tables = _read_only(path)
        if "fetch" not in tables or "change" not in tables:
            raise DatabaseError(f"{path} is not a TallyTrail database; --db names another one")
        _must_fit(connection, path)
    return connection


def _read_only(path: Path) -> tuple[sqlite3.Connection, set[str]]:
    """The connection, and the tables that are there."""
    address = f"{path.resolve().as_uri()}?mode=ro"
    log = path.with_name(f"{path.name}-wal")
    # On a full or read-only disk SQLite cannot make the files through which it shares a database
    # in WAL mode. Where nothing waits in that log, the file alone is all there is.
    for more in ("", "&immutable=1"):
        connection = sqlite3.connect(f"{address}{more}", uri=True, timeout=BUSY_TIMEOUT / 1000)
        connection.row_factory = sqlite3.Row
        try:
            rows = connection.execute("SELECT name FROM sqlite_schema").fetchall()
        except sqlite3.OperationalError:
            connection.close()
            if more or (log.exists() and log.stat().st_size):
                raise
            continue
        break
    return connection, {row["name"] for row in rows}


@contextmanager
def immediate(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction that takes the write lock at once, so that what it reads stays true.

    sqlite-utils' `atomic()` begins deferred: two writers that read first then fail with "database
    is locked" without waiting (measured with 4.2.1).
    """
    connection.execute("BEGIN IMMEDIATE")
    if isinstance(connection, Writer):
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if version != connection.version:
            connection.kept.clear()
            connection.version = version
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if isinstance(connection, Writer):
            connection.kept.clear()
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        known = explained(path, error)
        if known is None:
            raise
        raise known from error


def explained(path: Path, error: sqlite3.DatabaseError) -> DatabaseError | None:
    """What happened to the file, and the remedy; None for what is no fault of the file's."""
    code = error.sqlite_errorcode & 0xFF  # without the detail that extended codes add
    remedy = _REMEDIES.get(code)
    if remedy is None:
        return None
    later = code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL)
    return DatabaseError(f"{path}: {error}; {remedy}", try_later=later, damaged=not later)


_DAMAGED = "nothing was written to it; restore a copy or name another with --db"
_REMEDIES = {
    sqlite3.SQLITE_BUSY: "another process is writing; try again later",
    sqlite3.SQLITE_LOCKED: "another process is writing; try again later",
    sqlite3.SQLITE_FULL: "make room on the disk, then try again",
    sqlite3.SQLITE_READONLY: "check who may write the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "check that the file and its folder can be read and written",
    sqlite3.SQLITE_PERM: "check who may read the file",
    sqlite3.SQLITE_IOERR: "the disk fails; check it",
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
}
