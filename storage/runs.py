"""When crawls began: whoever finds the lock taken can say since when."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from pathlib import Path

from storage.database import DatabaseError, open_for_reading
from storage.records import instant, instant_text
from storage.writing import insert


def start_run(connection: sqlite3.Connection, spider: str, now: datetime) -> None:
    """Note that a crawl begins. The caller holds the lock and a transaction."""
    insert(connection, "run", {"spider": spider, "started_at": instant_text(now)})


def end_run(connection: sqlite3.Connection, now: datetime) -> None:
    """Note that the crawl that began last is over."""
    connection.execute(
        "UPDATE run SET ended_at = ? WHERE id = (SELECT max(id) FROM run) AND ended_at IS NULL",
        (instant_text(now),),
    )


def previous_run(connection: sqlite3.Connection) -> tuple[datetime | None, bool]:
    """When the last run ended, None when it was killed or there was none; whether it was killed."""
    row = connection.execute("SELECT ended_at FROM run ORDER BY id DESC LIMIT 1").fetchone()
    if row is None:
        return None, False
    return (instant(row["ended_at"]), False) if row["ended_at"] else (None, True)


def crawling_since(database: Path) -> datetime | None:
    """When the crawl that holds the lock began; None when it has not said so yet."""
    try:
        connection = open_for_reading(database)
    except DatabaseError:
        return None
    try:
        row = connection.execute(
            "SELECT started_at FROM run WHERE ended_at IS NULL AND id = (SELECT max(id) FROM run)"
        ).fetchone()
    except sqlite3.DatabaseError:
        return None
    finally:
        connection.close()
    return None if row is None else instant(row["started_at"])
