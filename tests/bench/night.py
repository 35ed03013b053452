"""W1: the national file through a night, a snapshot for every minute in which a state moved.

Made up from one seed. The size and pace are those of the real night of 2024: 51 states with three
candidates, 1,250 snapshots, about 26,500 changed vote values.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from tests.bench import shape
from tests.bench.shape import STATES, Json
from tests.bench.tape import Shot

SNAPSHOTS = 1_250
URL = f"{shape.BASE}/electoral.json"
_SEED = 5
#: How often states move: at the height of their own count, and in the long tail.
_BURST, _TAIL = 0.342, 0.072


class _Count(NamedTuple):
    """How one state counts: votes in the end by candidate, the middle of its count and how long
    it takes (in snapshots), and the share counted at which it is called."""

    final: tuple[int, int, int]
    middle: float
    length: float
    called_at: float

    def counted(self, snapshot: int) -> float:
        """The share of the votes that is counted: a burst, and what comes in the days after."""
        return 0.85 * self.burst(snapshot) + 0.15 * snapshot / SNAPSHOTS

    def burst(self, snapshot: int) -> float:
        """The share of the night's own count, an S-curve."""
        return 1 / (1 + math.exp((self.middle - snapshot) / self.length))


def _counts(chance: random.Random) -> list[_Count]:
    counts = []
    for state in STATES:
        total = state.electors * chance.randint(240_000, 320_000)
        third = int(total * chance.uniform(0.004, 0.02))
        first = int((total - third) * chance.uniform(0.36, 0.64))
        counts.append(
            _Count(
                (first, total - third - first, third),
                middle=chance.choice((140, 210, 290, 360)) + chance.uniform(-40, 120),
                length=chance.uniform(30, 110),
                called_at=chance.uniform(0.35, 0.97),
            )
        )
    return counts


def snapshots() -> Iterator[Shot]:
    """Every snapshot in order. The first stands at zero."""
    chance = random.Random(_SEED)
    counts = _counts(chance)
    votes = [[0, 0, 0] for _ in STATES]
    winners: list[int | None] = [None] * len(STATES)
    moved_at = [shape.START] * len(STATES)
    for snapshot in range(SNAPSHOTS):
        now = shape.START + timedelta(minutes=snapshot)
        for index in _moving(chance, counts, snapshot):
            count = counts[index]
            for place, final in enumerate(count.final):
                # No batch is like the other, and the small ones may have none for a candidate.
                share = count.counted(snapshot) * chance.uniform(0.97, 1.0)
                least = votes[index][place] + chance.randint(0, 9)
                votes[index][place] = max(least, int(final * share))
            leader = max(range(3), key=votes[index].__getitem__)
            wins = leader == max(range(3), key=count.final.__getitem__)
            if wins and count.counted(snapshot) >= count.called_at:
                winners[index] = leader
            moved_at[index] = now
        document = _document(snapshot, counts, votes, winners, moved_at)
        yield Shot(snapshot, now + timedelta(seconds=30), URL, shape.packed(document))


def _moving(chance: random.Random, counts: list[_Count], snapshot: int) -> list[int]:
    """The states that move, at least one but in the first snapshot."""
    if snapshot == 0:
        return []
    moving = []
    for index, count in enumerate(counts):
        share = count.burst(snapshot)
        if share > 0.004 and chance.random() < _TAIL + _BURST * 4 * share * (1 - share):
            moving.append(index)
    return moving or [max(range(len(counts)), key=lambda i: counts[i].burst(snapshot))]


def _document(
    snapshot: int,
    counts: list[_Count],
    votes: list[list[int]],
    winners: list[int | None],
    moved_at: list[datetime],
) -> Json:
    states = []
    for index, state in enumerate(STATES):
        total = sum(votes[index])
        won = winners[index]
        expected = round(100 * total / sum(counts[index].final), 1)
        states.append(
            {
                **state.head(),
                "candidates": [
                    shape.candidate(
                        place,
                        votes[index][place],
                        total,
                        electors=state.electors if won == place else 0,
                        winner=won == place,
                    )
                    for place in range(3)
                ],
                **shape.race_end(moved_at[index], expected, "of Expected Vote Reporting"),
            }
        )
    newest = max(moved_at)
    every = sum(sum(count.final) for count in counts)
    now = sum(map(sum, votes))
    return {
        "_generated": shape.instant(shape.START + timedelta(minutes=snapshot, seconds=20)),
        "displayName": "National Election Results",
        "shortDisplayName": "National",
        "exitPolls": True,
        "lastUpdated": shape.updated(newest),
        "summary": {
            "displayText": "National Election Results: presidential",
            "total": {"displayValue": "538", "value": 538},
            "needed": {"displayText": "270 to win", "displayValue": "270", "value": 270},
            "democrats": _side(0, votes, winners),
            "republicans": _side(1, votes, winners),
            "other": {"total": {"displayValue": "0", "value": 0}},
            "lastUpdated": shape.updated(newest),
            "reporting": {
                "displayText": "of Expected Vote Reporting",
                "displayValue": f"{100 * now / every:.0f}%",
                "value": round(100 * now / every),
            },
        },
        "states": states,
    }


def _side(place: int, votes: list[list[int]], winners: list[int | None]) -> Json:
    electors = sum(s.electors for s, won in zip(STATES, winners, strict=True) if won == place)
    total = sum(state[place] for state in votes)
    return {
        "candidate": " ".join(shape.CANDIDATES[place][1:3]),
        "total": {"displayValue": str(electors), "value": electors},
        "votes": {"displayValue": f"{total:,}", "value": total},
        "winner": electors >= 270,
    }


@lru_cache
def checked() -> tuple[Shot, ...]:
    """All snapshots, after a check that they are what the figures are about.

    Raises ValueError when they are not.
    """
    shots = tuple(snapshots())
    moved = changed_votes(shots)
    sizes = [len(shot.body) for shot in shots]
    facts = {
        "1,250 snapshots": len(shots) == SNAPSHOTS,
        "something moves in each but the first": 0 not in moved[1:],
        f"26,500 changed votes ({sum(moved):,})": abs(sum(moved) - 26_500) < 500,
        f"123 KiB ({sum(sizes) // len(sizes):,} bytes)": 0.95
        < sum(sizes) / len(sizes) / 125_952
        < 1.05,
    }
    wrong = [fact for fact, holds in facts.items() if not holds]
    if wrong:
        raise ValueError(f"W1 is not what it should be: {'; '.join(wrong)}")
    return shots


def changed_votes(shots: tuple[Shot, ...]) -> list[int]:
    """The vote values that are new in each snapshot; 0 for the first."""
    before = shape.votes_of(json.loads(shots[0].body))
    moved = [0]
    for shot in shots[1:]:
        now = shape.votes_of(json.loads(shot.body))
        moved.append(sum(before[key] != value for key, value in now.items()))
        before = now
    return moved
