"""Nothing is lost when things break: at every single point, and many times over.

Takes minutes: make test-deep. The fast part is tests/test_crashes.py.
"""

from __future__ import annotations

import contextlib
import os
import pty
import re
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.count_site import (
    ENVIRONMENT,
    NO_FAULTS,
    ROOT,
    CountDesk,
    CountSite,
    assert_fine,
    lines,
    shown_by,
)
from tests.crashing import (
    DISK_FAILS,
    DISK_FULL,
    Looks,
    assert_told,
    copied,
    delete_write_ahead_log,
    fail_writes,
    fill_disk,
    first_looks,
    kill_crawls,
    killed_at,
    need,
)

pytestmark = [pytest.mark.deep, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def looked_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CountDesk]:
    with first_looks(tmp_path_factory.mktemp("first")) as desk:
        yield desk


@pytest.fixture
def crawled(tmp_path: Path, looked_once: CountDesk) -> CountDesk:
    """A desk that has looked once at a site of two stories, which stands still at stage 1."""
    return copied(looked_once, tmp_path)


@pytest.mark.parametrize(
    "call", ["pwrite64", "write", "fdatasync", "fsync", "ftruncate", "unlink", "rename"]
)
def test_a_kill_at_every_call_loses_doubles_and_invents_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], call: str
) -> None:
    """Reading four bodies into a new database, killed at each call; then one whole run."""
    need("strace")
    looks = Looks(tmp_path / "t.db", 1, (1, 2, 3, 5))
    points = 0
    found = NO_FAULTS.copy()
    while True:
        looks.clear()
        if looks.read(*killed_at(call, points + 1)) == 0:
            break
        points += 1
        assert looks.read() == 0
        found.update(looks.faults())
    assert looks.faults() == NO_FAULTS
    with capsys.disabled():
        print(f"\n{call}: {points} kill points: {dict(found)}")
    assert found == NO_FAULTS
    if call in ("pwrite64", "fdatasync", "unlink"):  # by which SQLite writes
        assert points


def test_150_crawls_killed_at_random_moments_leave_a_true_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with CountSite().serving() as site:
        kill_crawls(CountDesk(tmp_path, site), 150, capsys)


@pytest.mark.parametrize(
    ("error", "code", "remedy"), [("ENOSPC", 75, DISK_FULL), ("EIO", 1, DISK_FAILS)]
)
def test_a_disk_that_fails_from_any_write_on_is_told_in_one_line_and_loses_nothing(
    tmp_path: Path,
    looked_once: CountDesk,
    capsys: pytest.CaptureFixture[str],
    error: str,
    code: int,
    remedy: str,
) -> None:
    need("strace")
    desk = copied(looked_once, tmp_path)
    desk.site.stage = 5
    log = tmp_path / "calls"
    desk.crawl("strace", "-f", "-qq", "-o", str(log), "-e", "trace=pwrite64")
    writes = log.read_text("utf-8").count("pwrite64(")
    assert writes > 20
    wrong: list[str] = []
    for number in range(1, writes + 1):
        for path in tmp_path.glob("*.db*"):
            path.unlink()
        desk = copied(looked_once, tmp_path)
        run, had_read = fail_writes(desk, number, error)
        if run.returncode == 0:  # it failed where nothing depended on it any more
            assert lines(run) == []
            assert {(1, 5), (2, 5)} <= set(had_read)
            continue
        try:
            assert_told(run, desk, code, remedy)
        except (AssertionError, ValueError):
            said = run.stderr.splitlines()
            wrong.append(f"write {number}: exit {run.returncode}, {len(said)} lines: {said[:1]}")
    with capsys.disabled():
        print(f"\n{error} from each of {writes} writes on: 0 lost, {len(wrong)} told wrongly")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("kilobytes", [0, 4, 16, 32, 48, 64, 96, 128, 160, 200])
def test_with_room_again_on_a_full_disk_the_next_crawl_records_what_is_on_the_site(
    crawled: CountDesk, kilobytes: int
) -> None:
    need("unshare", "nsenter")
    fill_disk(crawled, kilobytes)


def test_a_database_locked_in_the_middle_of_a_crawl_is_told_in_one_line(
    tmp_path: Path,
) -> None:
    with CountSite().serving() as site:
        desk = CountDesk(tmp_path, site)
        assert_fine(desk.crawl())
        site.asked.clear()
        site.answering.clear()
        crawl = desk.start()
        assert site.asked.wait(30)
        with contextlib.closing(sqlite3.connect(desk.database, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            site.answering.set()
            began = time.monotonic()
            out, err = crawl.communicate(timeout=60)
            took = time.monotonic() - began
        assert_fine(desk.crawl())
        desk.assert_log_is_true()
        run = subprocess.CompletedProcess(crawl.args, crawl.returncode, out, err)
        assert_told(run, desk, 75, r"another process|try again")
        assert took <= 7


@pytest.mark.parametrize("names", [(), ("t.db-wal",), ("t.db-wal", "t.db-shm"), ("t.db-shm",)])
def test_with_files_of_a_killed_crawl_deleted_the_log_is_true_of_what_is_left(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    with CountSite(stories=2).serving() as site:
        delete_write_ahead_log(CountDesk(tmp_path, site), *names)


def test_what_a_terminal_is_told_is_on_the_disk_before(crawled: CountDesk, tmp_path: Path) -> None:
    need("strace")
    crawled.site.stage = 5
    crawled.site.damaged = frozenset({2})
    log = tmp_path / "calls"
    terminal, end = pty.openpty()
    crawl = subprocess.Popen(
        crawled.command(
            "strace", "-f", "-y", "-s", "400", "-qq", "-o", str(log),
            "-e", "trace=pwrite64,fdatasync,write",
        ),
        cwd=ROOT, env={**ENVIRONMENT, "TERM": "xterm", "COLUMNS": "200"}, stderr=end,
    )  # fmt: skip
    os.close(end)
    with contextlib.suppress(OSError):  # a terminal without a process at it
        while os.read(terminal, 4096):
            pass
    os.close(terminal)
    assert crawl.wait(60) == 1
    told = []
    on_disk = True
    synced = 0
    for line in log.read_text("utf-8").splitlines():
        wal = re.search(r"(pwrite64|fdatasync)\(\d+<[^>]*t\.db-wal>", line)
        if wal:
            on_disk = wal[1] == "fdatasync" and line.endswith("= 0")
            synced += on_disk
        elif re.search(r'write\(2<[^>]*>, "', line) and "tallytrail: " in line:
            assert on_disk, line
            told.append((line, synced))
    refused, summary = told
    assert "its bytes are kept as fetch" in refused[0]
    assert "2 looks" in summary[0]
    assert "changes (#" in summary[0]
    # The start of the run, robots.txt, and two looks, each received and read.
    assert summary[1] >= 5
    assert shown_by(crawled.database, crawled.site.bodies)[2:]
