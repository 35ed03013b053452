"""When crawls began and ended: the next one keeps its distance."""

from __future__ import annotations

import sqlite3
from datetime import datetime

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
