"""What is kept in memory of a file saves time, and changes nothing of what is read."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from crawler.errors import NotUnderstood
from crawler.parsers.abc_feed import FeedFile, Memory, feed_file, parse_feed
from storage.records import Snapshot
from tests.feed_pages import (
    County,
    Person,
    StateRace,
    as_body,
    national_electoral,
    senate_file,
    state_file,
)

MAPS = "https://assets-cdn.abcnews.com/elections/national/2024/general/v1/maps"
HARRIS = Person(64984, "Kamala", "Harris", "democrats", 100)
TRUMP = Person(8639, "Donald", "Trump", "republicans", 90)


def _race(code: str, harris: int, trump: int, **more: Any) -> StateRace:
    people = (replace(HARRIS, votes=harris), replace(TRUMP, votes=trump))
    return StateRace(code, people, **more)


def _nation(votes: dict[str, int]) -> dict[str, Any]:
    return national_electoral(HARRIS, TRUMP, *(_race(c, n, n + 1) for c, n in votes.items()))


def _senate(votes: dict[str, int]) -> dict[str, Any]:
    return senate_file(*(_race(c, n, n + 1) for c, n in votes.items()))


def _florida(votes: dict[str, int]) -> dict[str, Any]:
    counties = tuple(
        County(f"12{2 * at + 1:03}", f"County {code}", {64984: n, 8639: n + 1})
        for at, (code, n) in enumerate(votes.items())
    )
    return state_file(_race("fl", 100, 90, counties=counties))


def _all_of(snapshot: Snapshot) -> object:
    """Everything in it, with what equality of races leaves out."""
    beside = [(r.place_name, r.doubt) for r in snapshot.races]
    return snapshot, beside


def _read(file: FeedFile, body: bytes, memory: Memory | None) -> object:
    try:
        return _all_of(parse_feed(file, body, memory))
    except NotUnderstood as error:
        return str(error)


def _damaged(payload: dict[str, Any], luck: random.Random) -> dict[str, Any]:
    """The payload, now and then with something about it that is not as at the look before."""
    entries = payload["states"] if "states" in payload else payload["races"][0]["counties"]
    entry = luck.choice(entries)
    what = luck.randrange(9)
    if what == 0:
        payload["test"] = True
    elif what == 1:
        entry["shade"] = "dark"
    elif what == 2:
        entry["candidates"][0]["statistics"]["votes"]["doubleValue"] = "12"
    elif what == 3:
        entries.append(entry)
    elif what == 4:
        luck.shuffle(entries)
    elif what == 5:
        entry["displayName"] = f"{entry['displayName']} again"
    elif what == 6:
        entry["candidates"].reverse()
    return payload


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("electoral.json", _nation),
        ("senate.json", _senate),
        ("states/fl/electoral.json", _florida),
    ],
)
def test_what_is_read_does_not_depend_on_what_was_read_before(name: str, make: Any) -> None:
    file = feed_file(f"{MAPS}/{name}")
    assert file is not None
    luck = random.Random(11)
    memory = Memory()
    votes = dict.fromkeys(("fl", "ga", "me", "ne", "pa"), 50)
    read = []
    for _ in range(300):
        for code in votes:
            votes[code] += luck.choice((0, 0, 0, 1))
        body = as_body(_damaged(make(votes), luck))
        read.append(_read(file, body, memory))
        assert read[-1] == _read(file, body, None)
    assert sum(one != other for one, other in pairwise(read)) > 100
