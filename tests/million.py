"""A database with a million changes: a night of counties, as the tables hold it."""

from __future__ import annotations

import random
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

from storage.database import immediate
from tests.trail import FIRST, Banner, Page, Trail, instant_of

#: Looks, and changes at each.
LOOKS, EACH = 2_000, 500
START = datetime(2024, 11, 6, tzinfo=UTC)


def million(path: Path, *, looks: int = LOOKS) -> None:
    """Write `looks` times EACH changes of votes in counties, a few of them decreases or calls.

    Rows are written as recording writes them, but without their bodies: every look has the same.
    """
    trail = Trail(path)
    trail.look(Page())
    trail.look(Page(banner=Banner(minute=30, figures=FIRST.figures, expected=91)))
    connection = trail.connection
    with immediate(connection):
        places = _places(connection)
        candidates = [row["id"] for row in connection.execute("SELECT id FROM candidate")]
        subjects = [(place, candidate) for place in places for candidate in candidates]
        votes = dict.fromkeys(subjects, 100)
        series = {
            subject: connection.execute(
                "INSERT INTO series (source, race, place, candidate, field, fetch)"
                " VALUES (1, 1, ?, ?, 'votes', 1)",
                subject,
            ).lastrowid
            for subject in subjects
        }
        labels = {
            kind: connection.execute(
                "INSERT INTO label (kind, flags, fetch) VALUES (?, '[]', 1)", (kind,)
            ).lastrowid
            for kind in ("votes_increased", "votes_decreased")
        }
        connection.executemany(
            "INSERT INTO first_sight (source, race, place, candidate, field, new, fetch)"
            " VALUES (1, 1, ?, ?, 'votes', 100, 1)",
            subjects,
        )
        connection.executemany(
            "INSERT INTO tally (source, race, place, candidate, votes) VALUES (1, 1, ?, ?, 100)",
            subjects,
        )
    chance = random.Random(11)
    first = connection.execute("SELECT max(id) + 1 FROM fetch").fetchone()[0]
    with immediate(connection):
        for number in range(looks):
            moment = START + timedelta(seconds=30 * number)
            at = instant_of(moment)
            connection.execute(
                "INSERT INTO fetch (page, fetched_at, status, headers, body, outcome, parser)"
                " VALUES (1, ?, 200, '[]', 1, 'new', 'abc 1')",
                (at,),
            )
            fetch = first + number
            connection.execute(
                "INSERT INTO link (fetch, step, hash) VALUES (?, 'read', ?)",
                (fetch, f"{fetch:064x}"),
            )
            rows = []
            for place, candidate in chance.sample(subjects, EACH):
                old = votes[place, candidate]
                delta = chance.randint(1, 900) if chance.random() < 0.97 else -chance.randint(1, 50)
                votes[place, candidate] = old + delta
                label = labels["votes_increased" if delta > 0 else "votes_decreased"]
                of, updated = series[place, candidate], round(moment.timestamp() * 1000)
                rows.append((of, label, old, old + delta, fetch - 1, fetch, updated))
            connection.executemany(
                "INSERT INTO entry (series, label, old, new, before_fetch, fetch,"
                " source_updated_ms) VALUES (?, ?, ?, ?, ?, ?, ?)",
                rows,
            )
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    trail.close()


def _places(connection: sqlite3.Connection) -> list[int]:
    connection.executemany(
        "INSERT INTO place (code, level, name) VALUES (?, 'county', ?)",
        [(f"us/fl/{number:05}", f"County {number}") for number in range(3_143)],
    )
    return [row["id"] for row in connection.execute("SELECT id FROM place WHERE level = 'county'")]
