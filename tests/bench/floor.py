"""The least that an equally strict program has to do: no archive, no chain, no history of looks.

A receipt and the changed rows, each in a transaction that is on disk when it ends.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crawler.parsers.strict_json import strict_json
from tests.bench.tape import Shot

Key = tuple[str, int | None, str]


def connected(path: Path) -> sqlite3.Connection:
    """A database that is as safe as ours, with a table of receipts."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(
        "CREATE TABLE receipt (id INTEGER PRIMARY KEY, url TEXT, seen_at TEXT, sha256 TEXT)"
    )
    return connection


def receipt(connection: sqlite3.Connection, shot: Shot) -> int | None:
    """Put down that the body came. Returns the receipt's id."""
    connection.execute("BEGIN IMMEDIATE")
    cursor = connection.execute(
        "INSERT INTO receipt (url, seen_at, sha256) VALUES (?, ?, ?)",
        (shot.url, shot.seen_at.isoformat(), hashlib.sha256(shot.body).hexdigest()),
    )
    connection.execute("COMMIT")
    return cursor.lastrowid


class Floor:
    """The state in memory, and a bare table of changes."""

    def __init__(self, path: Path) -> None:
        self.connection = connected(path)
        self.connection.execute(
            "CREATE TABLE change (id INTEGER PRIMARY KEY, receipt INTEGER, place TEXT,"
            " candidate INTEGER, field TEXT, old, new)"
        )
        self.state: dict[Key, Any] = {}

    def take(self, shot: Shot) -> int:
        number = receipt(self.connection, shot)
        now = dict(_values(strict_json(shot.body)))
        before = self.state
        rows = [
            (number, *key, before.get(key), value)
            for key, value in now.items()
            if key not in before or before[key] != value
        ]
        known = sum(row[4] is not None for row in rows)
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany(
            "INSERT INTO change (receipt, place, candidate, field, old, new)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            rows,
        )
        self.connection.execute("COMMIT")
        before.update(now)
        return known

    def close(self) -> None:
        self.connection.close()


opened = Floor


def _values(document: Any) -> Iterator[tuple[Key, Any]]:
    """Every value that our own log follows."""
    if "states" in document:
        summary = document["summary"]
        yield ("us", None, "expected"), _number(summary["reporting"]["value"], 200)
        for party in ("democrats", "republicans"):
            side = summary[party]
            if side["winner"] is True:
                yield ("us", None, "projection"), side["candidate"]
            yield (f"us {party}", None, "votes"), _whole(side["votes"]["value"])
            yield (f"us {party}", None, "electors"), _whole(side["total"]["value"])
        for state in document["states"]:
            yield from _race(state["abbreviation"], state)
        return
    for race in document["races"]:
        yield from _race(document["abbreviation"], race)
        for county in race["counties"]:
            place = county["fips"]
            yield (place, None, "expected"), _number(county["reporting"]["doubleValue"], 200)
            for candidate in county["candidates"]:
                votes = candidate["statistics"]["votes"]["doubleValue"]
                yield (place, _whole(candidate["id"]), "votes"), _whole(votes)


def _race(place: str, race: Any) -> Iterator[tuple[Key, Any]]:
    yield (place, None, "status"), race["status"]["value"]
    yield (place, None, "last_close"), race["pollClosingDate"]["value"]
    yield (place, None, "expected"), _number(race["reporting"]["doubleValue"], 200)
    winner = None
    for candidate in race["candidates"]:
        who = _whole(candidate["id"])
        statistics = candidate["statistics"]
        yield (place, who, "votes"), _whole(statistics["votes"]["doubleValue"])
        yield (place, who, "electors"), _whole(statistics["electoralVotes"]["doubleValue"])
        if candidate["winner"] is True:
            winner = who
    yield (place, None, "projection"), winner


def _whole(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= 300_000_000:
        raise ValueError(f"{value!r} is no count")
    return value


def _number(value: Any, most: float) -> float:
    if type(value) not in (int, float) or not 0 <= value <= most:
        raise ValueError(f"{value!r} is no percent")
    return float(value)
