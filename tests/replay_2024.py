"""The count of 2024 as one outlet showed it, as versions of a national file, with what was planted.

A third candidate who leaves, a state that is at zero for one look, and a runoff: no presidential
race has one, but the feed could show it.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.feed_pages import Person, StateRace, as_body, national_electoral
from tests.replaying import Expected

SOURCE = Path(__file__).parents[2] / "shared" / "data" / "president-2024-timeline.csv.gz"

HARRIS, TRUMP, STEIN = "64984", "8639", "895"
FILE = "electoral.json"

#: What is planted: the version at which it comes, and the state.
LEAVES = (60, "ky")
ZERO = (120, "fl")
RUNOFF = (90, "la")


@dataclass(frozen=True)
class State:
    """What the file shows of one state."""

    updated: datetime
    harris: int
    trump: int
    pct: float


def _people(code: str, version: int, state: State) -> tuple[Person, ...]:
    zero = (version, code) == ZERO
    runoff = code == RUNOFF[1] and version >= RUNOFF[0]
    people = [
        Person(64984, "Kamala", "Harris", "democrats", 0 if zero else state.harris, runoff=runoff),
        Person(8639, "Donald", "Trump", "republicans", 0 if zero else state.trump, runoff=runoff),
    ]
    if code != LEAVES[1] or version < LEAVES[0]:
        people.append(Person(895, "Jill", "Stein", "others", 0 if zero else 3))
    return tuple(people)


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def timeline(most: int | None = None) -> tuple[list[tuple[str, Callable[[], bytes]]], Expected]:
    """The versions, and the log that they must give. most: only so many versions."""
    with gzip.open(SOURCE, "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    instants = sorted({row["seen_at"] for row in rows})[:most]
    by_instant: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        by_instant.setdefault(row["seen_at"], []).append(row)
    states: dict[str, State] = {}
    versions: list[tuple[str, Callable[[], bytes]]] = []
    expected = Expected()
    for version, instant in enumerate(instants):
        moment = datetime.fromisoformat(instant).astimezone(UTC)
        for row in by_instant[instant]:
            states[row["state"].lower()] = State(
                moment,
                int(row["harris_votes"]),
                int(row["trump_votes"]),
                float(row["pct_reported"]),
            )
        shown = dict(states)
        versions.append((FILE, lambda v=version, s=shown, m=moment: _body(v, s, m)))  # type: ignore[misc]
        sums = {
            HARRIS: sum(s.harris for s in shown.values()),
            TRUMP: sum(s.trump for s in shown.values()),
        }
        expected.show(version, "president", "us", _text(moment), sums, 50.0)
        for code, state in shown.items():
            if (version, code) == ZERO:
                continue  # shown as unconfirmed, and gone at the next look
            people = _people(code, version, state)
            expected.show(
                version,
                "president",
                f"us/{code}",
                _text(state.updated),
                {str(p.id): p.votes or 0 for p in people},
                state.pct,
                frozenset(str(p.id) for p in people if p.runoff),
            )
    return versions, expected


def _body(version: int, states: dict[str, State], moment: datetime) -> bytes:
    harris = Person(64984, "Kamala", "Harris", "democrats", sum(s.harris for s in states.values()))
    trump = Person(8639, "Donald", "Trump", "republicans", sum(s.trump for s in states.values()))
    races = [
        StateRace(code, _people(code, version, s), pct=s.pct, updated=s.updated)
        for code, s in states.items()
    ]
    return as_body(national_electoral(harris, trump, *races, pct=50, updated=moment))
