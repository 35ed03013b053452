"""How long a page has shown what it shows: what stale looks and rollbacks are told apart by."""

from __future__ import annotations

import sqlite3

from storage.records import instant
from storage.verdicts import Persistence
from storage.writing import Look


def persistence(
    connection: sqlite3.Connection, look: Look, since: int | None, brought_by: int, shown_by: int
) -> Persistence:
    """How long the look's page has shown this very state, since the current one was last seen.

    since: the first of the looks that showed it without a break; None when this is the first.
    brought_by, shown_by: the looks that brought the current state, and that showed it last.
    """
    if since is None:
        return Persistence(looks=1, since=look.fetched_at, repeated=False)
    row = connection.execute(
        "SELECT count(*) AS looks, min(fetched_at) AS since FROM fetch"
        " WHERE page = ? AND id >= ? AND id > ? AND id < ? AND outcome IN ('new', 'unchanged')",
        (look.page, since, shown_by, look.fetch),
    ).fetchone()
    return Persistence(
        looks=row["looks"] + 1,
        since=instant(row["since"]) if row["since"] else look.fetched_at,
        repeated=since < brought_by,
    )
