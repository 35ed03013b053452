"""Governors and senators of 2022 as the Associated Press sent them, in the shape of ABC's files.

The outlet's clock runs backwards twice in it: such a version is an older copy, and no change.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.feed_pages import Person, StateRace, as_body, governor_file, senate_file
from tests.replaying import Expected

DATA = Path(__file__).parents[2] / "shared" / "data"

FILES = ["senate.json", "governor.json"]
_OFFICES = {"S": ("senate", "senate.json"), "G": ("governor", "governor.json")}


@dataclass(frozen=True)
class _Version:
    """One race at one moment. votes: by candidate id. called: the winner."""

    updated: datetime
    pct: float
    votes: dict[str, int]
    called: str | None


def _version(row: dict[str, str]) -> _Version:
    votes, called = {}, None
    for one in row["candidates"].split():
        key, number, *mark = one.split(":")
        votes[key] = int(number)
        if mark == ["X"]:
            called = key
    return _Version(
        datetime.fromisoformat(row["last_updated"]).astimezone(UTC),
        float(row["expected_vote_pct"]),
        votes,
        called,
    )


def _race(facts: dict[str, Any], version: _Version) -> StateRace:
    people = []
    for key, number in version.votes.items():
        who = facts["candidates"][key]
        people.append(
            Person(
                int(key),
                who["first"] or "",
                who["last"],
                str(who["party"]),
                number,
                winner=key == version.called,
            )
        )
    return StateRace(
        facts["statePostal"].lower(), tuple(people), pct=version.pct, updated=version.updated
    )


def races_of_2022(
    most: int | None = None,
) -> tuple[list[tuple[str, Callable[[], bytes]]], Expected]:
    """The versions, and the log that they must give. most: only so many versions."""
    with gzip.open(DATA / "ap-2022-governor-senate-meta.json.gz", "rt", encoding="utf-8") as file:
        meta: dict[str, dict[str, Any]] = json.load(file)
    with gzip.open(DATA / "ap-2022-governor-senate.csv.gz", "rt", encoding="utf-8") as file:
        # In the order in which they were fetched; those of one moment as they stand.
        rows = sorted(csv.DictReader(file), key=lambda row: row["fetched_at"])[:most]
    shown: dict[str, dict[str, _Version]] = {file: {} for file in FILES}
    newest: dict[str, datetime] = {}
    seen: set[str] = set()
    versions: list[tuple[str, Callable[[], bytes]]] = []
    expected = Expected()
    for number, row in enumerate(rows):
        race, version = row["race"], _version(row)
        facts = meta[race]
        office, name = _OFFICES[facts["officeID"]]
        shown[name][race] = version
        make = senate_file if office == "senate" else governor_file
        versions.append((name, _body(make, meta, dict(shown[name]))))
        first = name not in seen  # what a file shows when it is first looked at is no news
        seen.add(name)
        if race in newest and version.updated < newest[race]:
            continue
        newest[race] = version.updated
        state = facts["statePostal"].lower()
        expected.show(
            0 if first else number,
            f"{office}/{state}",
            f"us/{state}",
            version.updated.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            version.votes,
            version.pct,
            frozenset() if version.called is None else frozenset({version.called}),
        )
    return versions, expected


def _body(
    make: Callable[..., dict[str, Any]], meta: dict[str, dict[str, Any]], races: dict[str, _Version]
) -> Callable[[], bytes]:
    return lambda: as_body(make(*(_race(meta[race], v) for race, v in races.items())))
