"""W2: the files of all states with their counties, 3,143 counties with five candidates, 8 MB.

Made up from one seed. A snapshot is the 51 files together. In each, one county in ten moves.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta

from tests.bench import shape
from tests.bench.shape import STATES, Json
from tests.bench.tape import Shot

SNAPSHOTS = 12
_SEED = 12
_EACH = 314
_SHARES = (0.48, 0.49, 0.012, 0.01, 0.008)


def snapshots() -> Iterator[Shot]:
    """Every file of every snapshot, in order. In the first all counties stand half counted."""
    chance = random.Random(_SEED)
    fips = [f"{s.fips}{2 * n + 1:03}" for s in STATES for n in range(s.counties)]
    final = {county: int(chance.lognormvariate(9.5, 1.4)) + 400 for county in fips}
    share = dict.fromkeys(fips, 0.5)
    moved_at = dict.fromkeys(fips, shape.START)
    votes = {county: [int(final[county] * part / 2) for part in _SHARES] for county in fips}
    for snapshot in range(SNAPSHOTS):
        now = shape.START + timedelta(minutes=2 * snapshot)
        for county in chance.sample(fips, _EACH) if snapshot else ():
            share[county] += 0.01
            moved_at[county] = now
            for place, part in enumerate(_SHARES):
                more = final[county] * part * 0.01 * chance.uniform(0.8, 1.2)
                votes[county][place] += int(more) or (chance.random() < 0.2)
        for state in STATES:
            url = f"{shape.BASE}/states/{state.code.lower()}/electoral.json"
            mine = [county for county in fips if county[:2] == state.fips]
            document = _document(state, mine, votes, share, moved_at, now)
            yield Shot(snapshot, now + timedelta(seconds=30), url, shape.packed(document))


def _document(
    state: shape.State,
    fips: list[str],
    votes: dict[str, list[int]],
    share: dict[str, float],
    moved_at: dict[str, datetime],
    now: datetime,
) -> Json:
    sums = [sum(column) for column in zip(*(votes[county] for county in fips), strict=True)]
    expected = round(100 * sum(share[county] for county in fips) / len(fips), 1)
    race = {
        **state.head(),
        "abbreviation": f"{state.code}-P-",
        "exitPolls": True,
        "competitive": False,
        "candidates": [
            shape.candidate(place, sums[place], sum(sums), electors=0)
            for place in range(len(_SHARES))
        ],
        "counties": [
            {
                "fips": county,
                "displayName": f"County {county}",
                "candidates": [
                    shape.candidate(place, votes[county][place], sum(votes[county]))
                    for place in range(len(_SHARES))
                ],
                "order": order,
                "reporting": shape.percent("in", round(100 * share[county], 1), threshold=75),
                "lastUpdated": shape.updated(moved_at[county]),
            }
            for order, county in enumerate(fips, 1)
        ],
        **shape.race_end(max(moved_at[county] for county in fips), expected, "in"),
        "party": "all",
    }
    return {
        "_generated": shape.instant(now),
        **state.head(),
        "exitPolls": True,
        "otherStateResults": {"senate": False, "electoral": True, "house": False},
        "races": [race],
    }


def checked() -> tuple[Shot, ...]:
    """All files, after a check that they are what the figures are about.

    Raises ValueError when they are not.
    """
    shots = tuple(snapshots())
    moved = changed_votes(shots)
    size = sum(len(shot.body) for shot in shots if shot.snapshot == 0)
    mean = sum(moved) / len(moved)
    facts = {
        "3,143 counties": sum(state.counties for state in STATES) == 3_143,
        f"8 MB in a snapshot ({size:,} bytes)": 7_500_000 < size < 8_500_000,
        f"1,290 changed votes of counties in each ({mean:.0f})": abs(mean - 1_290) < 50,
    }
    wrong = [fact for fact, holds in facts.items() if not holds]
    if wrong:
        raise ValueError(f"W2 is not what it should be: {'; '.join(wrong)}")
    return shots


def changed_votes(shots: tuple[Shot, ...]) -> list[int]:
    """The vote values of counties that are new in each snapshot but the first."""
    before: dict[tuple[str, int], int] = {}
    moved = [0] * SNAPSHOTS
    for shot in shots:
        for key, value in shape.votes_of(json.loads(shot.body)).items():
            if key[0].isdecimal() and key in before and before[key] != value:
                moved[shot.snapshot] += 1
            before[key] = value
    return moved[1:]
