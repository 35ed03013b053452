"""What is remembered of a host from one run to the next: its wishes and its robots.txt."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from datetime import datetime

from storage.records import instant, instant_text


def holds(connection: sqlite3.Connection) -> dict[str, datetime]:
    """Until when each host asked to be left alone, past times too."""
    rows = connection.execute("SELECT name, held_until FROM host WHERE held_until IS NOT NULL")
    return {row["name"]: instant(row["held_until"]) for row in rows}


def remember_hold(connection: sqlite3.Connection, host: str, until: datetime) -> None:
    """The host asked to be left alone until then."""
    connection.execute(
        "INSERT INTO host (name, held_until) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET held_until = excluded.held_until",
        (host, instant_text(until)),
    )


def remember_robots(
    connection: sqlite3.Connection,
    netloc: str,
    body: bytes,
    delay: float | None,
    now: datetime,
) -> None:
    """The host's robots.txt as it came, empty when it has none; delay: its Crawl-delay."""
    connection.execute(
        "INSERT INTO host (name, robots, crawl_delay, robots_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE SET robots = excluded.robots,"
        " crawl_delay = excluded.crawl_delay, robots_at = excluded.robots_at",
        (netloc, body, delay, instant_text(now)),
    )


def robots_since(connection: sqlite3.Connection, netloc: str, since: datetime) -> bytes | None:
    """The host's robots.txt, if it came after `since`; None otherwise."""
    row = connection.execute(
        "SELECT robots FROM host WHERE name = ? AND robots_at >= ?", (netloc, instant_text(since))
    ).fetchone()
    return None if row is None else bytes(row["robots"])


def crawl_delays(connection: sqlite3.Connection, netlocs: Collection[str]) -> list[float]:
    """The Crawl-delays, in seconds, that these hosts last asked for."""
    rows = connection.execute("SELECT name, crawl_delay FROM host WHERE crawl_delay IS NOT NULL")
    return [row["crawl_delay"] for row in rows if row["name"] in netlocs]
