"""Whole real counts, over HTTP: the log equals, row for row, one that was worked out apart."""

from __future__ import annotations

import pytest

from tests.desk import Desk, Site
from tests.replay_2022 import FILES, races_of_2022
from tests.replay_2024 import FILE, timeline
from tests.replaying import Replay
from tests.test_replay_data import check_planted

pytestmark = [pytest.mark.deep, pytest.mark.timeout(1800)]


def test_the_count_of_2024_in_one_process(desk: Desk, site: Site) -> None:
    versions, expected = timeline()
    replay = Replay(desk, site, "2024-11-05", [FILE], versions)
    replay.in_one_process(900)
    assert replay.log() == expected.log()
    replay.check_moments()
    check_planted(replay)


def test_a_hundred_looks_of_2024_by_the_real_command(desk: Desk, site: Site) -> None:
    versions, expected = timeline(100)
    replay = Replay(desk, site, "2024-11-05", [FILE], versions)
    replay.in_many_processes()
    assert replay.log() == expected.log()
    replay.check_moments()


def test_senators_and_governors_of_2022_in_one_process(desk: Desk, site: Site) -> None:
    versions, expected = races_of_2022()
    replay = Replay(desk, site, "2022-11-08", FILES, versions)
    replay.in_one_process(1700)
    assert replay.log() == expected.log()
    replay.check_moments()
    kinds = [row["kind"] for row in replay.rows()]
    assert kinds.count("votes_decreased") > 300
    assert kinds.count("projection_made") >= 35
