"""A part of the real count of 2024, over HTTP: the log equals one that was worked out apart."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from tests.desk import Desk, Site
from tests.replay_2024 import FILE, HARRIS, LEAVES, TRUMP, ZERO, timeline
from tests.replaying import Replay

pytestmark = [pytest.mark.data, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def part() -> int:
    """The first evening: what is planted lies within it."""
    return 260


def test_the_first_evening_gives_the_log_row_for_row(desk: Desk, site: Site, part: int) -> None:
    versions, expected = timeline(part)
    replay = Replay(desk, site, "2024-11-05", [FILE], versions)
    replay.in_one_process(240)
    assert replay.log() == expected.log()
    replay.check_moments()
    check_planted(replay)


def check_planted(replay: Replay) -> None:
    """What was planted is in the log, or is not, as it must be."""
    rows = replay.rows()
    (left,) = [row for row in rows if row["kind"] == "candidate_removed"]
    assert (left["place"], left["fetch"]) == (f"us/{LEAVES[1]}", LEAVES[0] + 1)
    runoff = [row for row in rows if "runoff" in row["flags"]]
    assert {(row["kind"], row["candidate"]) for row in runoff} == {
        ("projection_made", HARRIS),
        ("projection_made", TRUMP),
    }
    with closing(sqlite3.connect(replay.desk.folder / "tallytrail.db")) as connection:
        notes = connection.execute(
            "SELECT code, first_fetch, last_fetch FROM note JOIN place ON place.id = place"
            " WHERE kind = 'transient'"
        ).fetchall()
    assert notes == [(f"us/{ZERO[1]}", ZERO[0] + 1, ZERO[0] + 1)]
    # Kentucky's first readings had changed places, and the next look put that right.
    swapped = [row for row in rows if "swap" in row["flags"] and row["place"] != "us"]
    assert {(r["place"], r["candidate"], r["old"], r["new"]) for r in swapped} >= {
        ("us/ky", HARRIS, 24_838, 13_889),
        ("us/ky", TRUMP, 13_889, 24_838),
    }
    assert {row["place"] for row in swapped if row["fetch"] < LEAVES[0]} == {"us/ky"}
