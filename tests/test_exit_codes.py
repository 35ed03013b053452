"""What cron sees: one test a row of the exit codes (promise F2), of the real program."""

from __future__ import annotations

import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.faulty_site import (
    NEW,
    OLD,
    Desk,
    FaultySite,
    answer,
    replaced,
    serving,
    story,
    story_path,
    tallies_of,
)


@pytest.fixture
def site() -> Iterator[FaultySite]:
    site = FaultySite()
    for number in (1, 2, 3):
        site.routes[story_path(number)] = answer(story(site, number, OLD))
    with serving(site):
        yield site


@pytest.fixture
def desk(site: FaultySite, tmp_path: Path) -> Desk:
    return Desk(tmp_path, pages=[site.address + story_path(n) for n in (1, 2, 3)])


def until(happened: Callable[[], bool], within: float = 15) -> None:
    deadline = time.monotonic() + within
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_0_new_unchanged_changed_and_stale(site: FaultySite, desk: Desk) -> None:
    for stage in (OLD, OLD, NEW, OLD):
        # A page that goes back in time is set aside; that alone needs no look.
        for number in (1, 2, 3):
            site.routes[story_path(number)] = answer(story(site, number, stage))
        ended = desk.crawl()
        assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert desk.tallies() == tallies_of(NEW)


def test_0_another_crawl_is_at_work(site: FaultySite, desk: Desk) -> None:
    site.routes[story_path(1)] = [2.5, *answer(story(site, 1))]
    first = desk.start()
    until(lambda: site.paths() != [])
    second = Desk(desk.folder / "second", pages=desk.pages)
    second.folder.mkdir()
    before = len(site.asked)
    second.environment = {"TALLYTRAIL_DB": str(desk.database)}
    ended = second.crawl()
    assert (ended.code, ended.out) == (0, "")
    assert len(ended.lines) == 1
    assert ended.seconds < 2
    assert len(site.asked) == before
    assert desk.finish(first).code == 0


@pytest.mark.parametrize("bad", ["failed", "refused page", "refused part", "no host"])
def test_1_look_at_it(site: FaultySite, desk: Desk, bad: str) -> None:
    gone = FaultySite("127.0.0.7")
    gone.close()
    if bad == "failed":
        site.routes[story_path(1)] = answer(b"", status=404)
    elif bad == "refused page":
        site.routes[story_path(1)] = answer(story(site, 1)[:500])
    elif bad == "refused part":
        page = replaced(story(site, 1), ("270 to win", ""))
        site.routes[story_path(1)] = answer(page)
    else:
        desk.pages = [gone.address + story_path(9), *desk.pages]
    ended = desk.crawl()
    assert (ended.code, ended.out) == (1, "")
    assert len(ended.lines) == 1
    assert ended.lines[0].startswith("tallytrail: abc-2024: http://127.0.0.")
    assert len(desk.last_looks()) == len(desk.pages)


def test_1_a_damaged_database_is_told_and_left_alone(desk: Desk) -> None:
    garbage = b"this is no database, " * 400
    desk.database.write_bytes(garbage)
    ended = desk.crawl()
    assert (ended.code, ended.out) == (1, "")
    assert len(ended.lines) == 1
    assert str(desk.database) in ended.lines[0]
    assert desk.database.read_bytes() == garbage


@pytest.mark.parametrize(
    "name",
    [
        "no file",
        "no TOML",
        "an unknown key",
        "an unknown parser",
        "no contact",
        "an address that nobody reads",
    ],
)
def test_2_configuration(site: FaultySite, desk: Desk, name: str) -> None:
    desk.configure()
    text = desk.configuration.read_text("utf-8")
    broken = {
        "no TOML": "contact = ",
        "an unknown key": 'colour = "red"\n' + text,
        "an unknown parser": text.replace('parser = "abc"', 'parser = "xyz"'),
        "no contact": text.replace("contact", "# contact"),
        "an address that nobody reads": text.replace("/Politics/slug-1/story?id=1", "/elsewhere"),
    }
    other = desk.folder / "other.toml"
    if name in broken:
        other.write_text(broken[name], encoding="utf-8")
    desk.environment = {"TALLYTRAIL_CONFIG": str(other)}
    ended = desk.crawl()
    assert (ended.code, ended.out) == (2, "")
    assert len(ended.lines) == 1
    assert ended.lines[0].startswith("tallytrail: ")
    assert str(other) in ended.lines[0]
    assert site.asked == []
    assert not desk.database.exists()


def test_2_usage(desk: Desk) -> None:
    desk.arguments = ["--colour", "red"]
    ended = desk.crawl()
    assert (ended.code, ended.out) == (2, "")
    assert "--colour" in ended.err


def test_75_the_database_is_locked(site: FaultySite, desk: Desk) -> None:
    assert desk.crawl().code == 0
    before = len(site.asked)
    with closing(sqlite3.connect(desk.database, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        ended = desk.crawl()
        connection.execute("ROLLBACK")
    assert (ended.code, ended.out) == (75, "")
    assert len(ended.lines) == 1
    assert str(desk.database) in ended.lines[0]
    # The busy timeout, a second, and the start of Python.
    assert ended.seconds < 5 + 1 + 1
    assert len(site.asked) == before
    assert desk.crawl().code == 0


def test_75_another_crawl_is_at_work_for_too_long(site: FaultySite, desk: Desk) -> None:
    desk.every = "1s"
    site.routes[story_path(1)] = [6.0, *answer(story(site, 1))]
    first = desk.start()
    until(lambda: site.paths() != [])
    time.sleep(3.2)
    second = Desk(desk.folder / "second", pages=desk.pages, every="1s")
    second.folder.mkdir()
    second.environment = {"TALLYTRAIL_DB": str(desk.database)}
    ended = second.crawl()
    assert (ended.code, ended.out) == (75, "")
    assert len(ended.lines) == 1
    held = Path(f"{desk.database}.lock").stat().st_mtime
    assert f"{datetime.fromtimestamp(held, UTC):%Y-%m-%d %H:%M:%SZ}" in ended.lines[0]
    assert desk.finish(first).code == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_128_and_the_signal(
    site: FaultySite, desk: Desk, number: signal.Signals, code: int
) -> None:
    site.routes[story_path(2)] = [1.5, *answer(story(site, 2))]
    desk.delay = 0.1
    run = desk.start()
    until(lambda: story_path(2) in site.paths())
    run.send_signal(number)
    ended = desk.finish(run, within=15)
    assert (ended.code, ended.out) == (code, "")
    # What was finished is kept, and nothing more is asked for.
    looks = desk.last_looks()
    assert looks[site.address + story_path(1)]["outcome"] == "new"
    assert story_path(3) not in site.paths()
    assert desk.tallies() == tallies_of(OLD)
    site.routes[story_path(2)] = answer(story(site, 2))
    assert desk.crawl().code == 0
    assert desk.changes() == []
