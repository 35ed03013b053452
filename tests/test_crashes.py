"""Nothing is lost when things break: kills, overlapping crawls, full disks, damaged files.

The same at every kill point, and the long series, are in tests/deep (make test-deep).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from tests.count_site import (
    ENVIRONMENT,
    NO_FAULTS,
    ROOT,
    CountDesk,
    CountSite,
    assert_fine,
    assert_sound,
    expected_log,
    faults_of,
    lines,
    page_of,
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
    give_the_sign,
    kill_crawls,
    killed_at,
    moved_to_a_small_disk,
    need,
    start_at_a_sign,
)


@pytest.fixture
def site() -> Iterator[CountSite]:
    """A site of one story, which moves on at every look."""
    with CountSite().serving() as site:
        yield site


@pytest.fixture
def desk(tmp_path: Path, site: CountSite) -> CountDesk:
    """A desk that has yet to look at it."""
    return CountDesk(tmp_path, site)


@pytest.fixture(scope="module")
def looked_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CountDesk]:
    with first_looks(tmp_path_factory.mktemp("first")) as desk:
        yield desk


@pytest.fixture
def crawled(tmp_path: Path, looked_once: CountDesk) -> CountDesk:
    """A desk that has looked once at a site of two stories, which stands still at stage 1."""
    return copied(looked_once, tmp_path)


# What the log must say.


def test_the_expected_log_is_what_a_reader_of_the_pages_would_write() -> None:
    shown = [(1, 1), (1, 3), (1, 2), (2, 3), (1, 5)]
    changes, firsts = expected_log(shown)
    assert sorted(changes, key=str) == sorted(
        [
            (2, None, "votes", "harris", "votes_increased", 67_001_013, 67_003_039),
            (2, None, "votes", "trump", "votes_increased", 71_001_009, 71_003_027),
            (2, None, "projection", "trump", "projection_made", None, "trump"),
            (
                2, 1, "headline", None, "headline_changed",
                "Count 1 goes on after edition 0 went to print",
                "Count 1 goes on after edition 1 went to print",
            ),
            (
                3, 1, "headline", None, "headline_changed",
                "Count 1 goes on after edition 1 went to print",
                "Count 1 goes on after edition 0 went to print",
            ),
            (5, None, "votes", "harris", "votes_decreased", 67_003_039, 67_000_065),
            (5, None, "votes", "trump", "votes_increased", 71_003_027, 71_005_045),
            (
                5, 1, "headline", None, "headline_changed",
                "Count 1 goes on after edition 0 went to print",
                "Count 1 goes on after edition 1 went to print",
            ),
            (
                5, 1, "body", None, "body_changed",
                "LONDON -- The clerks counted all night.\n\nBatch 0 came at noon.",
                "LONDON -- The clerks counted all night.\n\nBatch 1 came at noon.",
            ),
        ],
        key=str,
    )  # fmt: skip
    assert {row[0] for row in firsts if row[1] is None} == {1}
    assert {row[0] for row in firsts if row[1] == 2} == {4}
    assert b"67,000,065" in page_of(1, 5)
    assert b"Projection" not in page_of(1, 2)


# Kills.


def test_a_kill_at_any_write_loses_doubles_and_invents_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    need("strace")
    looks = Looks(tmp_path / "t.db", 1, (1, 2, 3, 5))
    assert looks.read(looks=1) == 0
    shutil.copy(looks.database, tmp_path / "one-look.db")
    points = 0
    found = NO_FAULTS.copy()
    for number in range(9, 1000, 25):
        looks.clear()
        shutil.copy(tmp_path / "one-look.db", looks.database)
        if looks.read(*killed_at("pwrite64", number)) == 0:
            break
        points += 1
        assert looks.read() == 0
        found.update(looks.faults())
    with capsys.disabled():
        print(f"\n{points} kill points: {dict(found)}")
    assert points >= 5
    assert found == NO_FAULTS


def test_crawls_killed_at_random_moments_leave_a_true_log(
    desk: CountDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    kill_crawls(desk, 6, capsys)


# Overlaps.


def test_of_twenty_starts_at_once_one_works_and_the_others_leave_quickly(
    desk: CountDesk, site: CountSite
) -> None:
    site.answering.clear()
    words = ["crawl", *desk.files]
    crawls = [start_at_a_sign("crawler.cli", "main()", words) for _ in range(20)]
    give_the_sign(crawls)
    began = time.monotonic()
    ended: list[tuple[float, int, str, str]] = []

    def wait_for(crawl: subprocess.Popen[str]) -> None:
        out, err = crawl.communicate()
        ended.append((time.monotonic() - began, crawl.returncode, out, err))

    threads = [threading.Thread(target=wait_for, args=(crawl,)) for crawl in crawls]
    for thread in threads:
        thread.start()
    while len(ended) < 19 and time.monotonic() - began < 30:
        time.sleep(0.01)
    left = list(ended)
    site.answering.set()
    for thread in threads:
        thread.join()
    line = f"tallytrail: another crawl is at work on {desk.database}; this one leaves it alone\n"
    assert [run[1:] for run in left] == [(0, "", line)] * 19
    # Two processors share what each of the nineteen takes.
    assert max(run[0] for run in left) <= 2.0
    assert [run[1:] for run in ended[19:]] == [(0, "", "")]
    assert site.sent == [(1, 1)]
    desk.assert_log_is_true()


def test_a_lock_held_too_long_is_told_and_freed_by_killing_its_holder(
    desk: CountDesk, site: CountSite, tmp_path: Path
) -> None:
    (tmp_path / "impatient").mkdir()
    impatient = CountDesk(tmp_path / "impatient", site, every="1s")
    impatient.database = desk.database
    assert_fine(desk.crawl())

    before = datetime.now(UTC) - timedelta(seconds=1)
    site.asked.clear()
    site.answering.clear()
    holder = desk.start()
    assert site.asked.wait(30)
    asked = datetime.now(UTC)

    run = desk.crawl()
    assert (run.returncode, len(lines(run))) == (0, 1)
    time.sleep(max(0.0, 3.1 - (datetime.now(UTC) - asked).total_seconds()))
    run = impatient.crawl()
    assert run.returncode == 75
    (line,) = lines(run)
    assert str(desk.database) in line
    told = re.search(r"since (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)Z", line)
    assert told, line
    assert before <= datetime.fromisoformat(f"{told[1]}+00:00") <= asked

    holder.kill()
    holder.communicate()
    site.answering.set()
    began = time.monotonic()
    assert_fine(desk.crawl())
    assert time.monotonic() - began < 5
    desk.assert_log_is_true()


def test_a_crawl_that_has_just_taken_the_lock_is_not_taken_for_the_one_before_it(
    crawled: CountDesk,
) -> None:
    """The crawl before began an hour ago; the one at work has not noted its start yet."""
    path = crawled.folder / "t.db.lock"
    path.touch()
    hour_ago = time.time() - 3600
    os.utime(path, (hour_ago, hour_ago))
    with path.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        noting = threading.Timer(0.6, os.utime, (path,))
        noting.start()
        run = crawled.crawl()
        noting.join()
    assert (run.returncode, len(lines(run))) == (0, 1), run.stderr
    assert crawled.site.sent == []


def test_a_lock_held_for_too_long_by_whatever_holds_it_is_told(crawled: CountDesk) -> None:
    """A crawl that was stopped before it could note anything, or another program."""
    path = crawled.folder / "t.db.lock"
    path.touch()
    long_ago = time.time() - 20 * 60
    os.utime(path, (long_ago, long_ago))
    with path.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run = crawled.crawl()
    (line,) = lines(run)
    assert run.returncode == 75
    assert f"{datetime.fromtimestamp(long_ago, UTC):%Y-%m-%d %H:%M:%SZ}" in line


def test_two_at_work_on_one_database_without_a_lock_double_and_lose_nothing(
    tmp_path: Path,
) -> None:
    database = tmp_path / "t.db"
    # Each shows every other stage of one count: what one of them brings is news to the other.
    both = [Looks(database, story, range(story, 60, 2)) for story in (1, 2)]
    # The schema is there, as it is when two crawls of a running installation overlap.
    assert both[0].read(looks=0) == 0
    processes = [looks.start() for looks in both]
    give_the_sign(processes)
    assert [(p.communicate()[1], p.returncode) for p in processes] == [("", 0)] * 2
    assert_sound(database)
    shown = shown_by(database, both[0].bodies | both[1].bodies)
    assert sum(a[0] != b[0] for a, b in pairwise(shown)) >= 4, "they did not overlap"
    assert sorted(shown) == sorted(both[0].shown + both[1].shown)
    assert faults_of(database, shown) == NO_FAULTS


# Full and failing disks.


@pytest.mark.parametrize("number", [10, 30])
def test_a_disk_that_is_full_is_told_in_one_line_and_loses_nothing(
    crawled: CountDesk, number: int
) -> None:
    need("strace")
    run, _ = fail_writes(crawled, number, "ENOSPC")
    assert_told(run, crawled, 75, DISK_FULL)


def test_a_disk_that_fails_is_told_in_one_line_and_loses_nothing(crawled: CountDesk) -> None:
    need("strace")
    run, _ = fail_writes(crawled, 40, "EIO")
    assert_told(run, crawled, 1, DISK_FAILS)


def test_with_room_again_on_a_full_disk_the_next_crawl_records_what_is_on_the_site(
    crawled: CountDesk,
) -> None:
    need("unshare", "nsenter")
    fill_disk(crawled, 60)


def test_the_log_can_be_read_on_a_full_disk(crawled: CountDesk) -> None:
    need("unshare", "nsenter")
    words = [sys.executable, "-m", "crawler.cli", "results", "--format", "jsonl", "--db"]
    with moved_to_a_small_disk(crawled) as (disk, desk):
        disk.run("cat /dev/zero > ballast 2> /dev/null || true")
        run = subprocess.run(
            [*disk.inside, *words, str(desk.database)],
            cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert (run.returncode, run.stderr) == (0, "")
    assert "67001013" in run.stdout


# Databases that cannot be written.


def test_a_folder_that_cannot_be_written_is_told(crawled: CountDesk) -> None:
    before = crawled.state()
    if os.geteuid() == 0:  # root may write anywhere but on a read-only mount
        need("unshare")
        mount = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
        run = crawled.crawl("unshare", "-rm", "sh", "-c", mount, str(crawled.folder))
    else:
        crawled.folder.chmod(0o555)
        try:
            run = crawled.crawl()
        finally:
            crawled.folder.chmod(0o755)
    assert_told(run, crawled, 1, r"check")
    assert crawled.state() == before
    assert crawled.site.sent == []


def test_a_database_locked_by_another_process_is_told_within_seven_seconds(
    crawled: CountDesk,
) -> None:
    with contextlib.closing(sqlite3.connect(crawled.database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        run = crawled.crawl()
        assert time.monotonic() - began <= 7
    assert_told(run, crawled, 75, r"another process.*try again later")
    assert crawled.site.sent == []


@pytest.mark.parametrize("damage", ["garbage", "cut in half", "garbage in the middle"])
def test_a_damaged_database_is_told_and_never_overwritten(crawled: CountDesk, damage: str) -> None:
    good = crawled.database.read_bytes()
    noise = random.Random(3).randbytes(len(good))
    spoilt = {
        "garbage": noise,
        "cut in half": good[: len(good) // 2],
        "garbage in the middle": good[:8192] + noise[8192:-8192] + good[-8192:],
    }[damage]
    crawled.database.write_bytes(spoilt)
    run = crawled.crawl()
    assert_told(run, crawled, 1, r"restore|copy")
    assert crawled.state() == {"t.db": spoilt}
    assert crawled.site.sent == []


def test_a_database_of_a_newer_version_is_told_and_left_alone(crawled: CountDesk) -> None:
    with contextlib.closing(sqlite3.connect(crawled.database)) as connection:
        connection.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
            " VALUES ('tallytrail', 'of_next_year', '2030-01-01 00:00:00+00:00')"
        )
        connection.commit()
    before = crawled.state()
    assert_told(crawled.crawl(), crawled, 2, r"upgrade")
    assert crawled.state() == before
    assert crawled.site.sent == []


def test_a_database_of_another_program_is_told_and_left_alone(crawled: CountDesk) -> None:
    crawled.database.unlink()
    with contextlib.closing(sqlite3.connect(crawled.database)) as connection:
        connection.execute("CREATE TABLE bookmark (url TEXT)")
        connection.commit()
    before = crawled.state()
    run = crawled.crawl()
    assert run.returncode in (1, 2), "it was taken for ours"
    assert str(crawled.database) in run.stderr
    assert crawled.state() == before
    assert crawled.site.sent == []


def test_with_the_write_ahead_log_deleted_the_log_is_true_of_what_is_left(tmp_path: Path) -> None:
    with CountSite(stories=2).serving() as site:
        delete_write_ahead_log(CountDesk(tmp_path, site), "t.db-wal")


def test_a_missing_folder_is_told_and_not_made(desk: CountDesk, site: CountSite) -> None:
    desk.database = desk.folder / "gone" / "t.db"
    run = desk.crawl()
    assert run.returncode in (1, 2)
    (line,) = lines(run)
    assert str(desk.database) in line
    assert "create" in line
    assert not desk.database.parent.exists()
    assert site.sent == []


def test_a_folder_in_place_of_the_database_is_told(desk: CountDesk, site: CountSite) -> None:
    desk.database.mkdir()
    run = desk.crawl()
    assert run.returncode == 2
    assert f"'{desk.database}' is a directory" in lines(run)[-1]
    assert list(desk.database.iterdir()) == []
    assert site.sent == []


def test_an_empty_file_becomes_a_database(desk: CountDesk) -> None:
    desk.database.touch()
    assert_fine(desk.crawl())
    desk.assert_log_is_true()


# Memory.

_PEAK = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


def test_a_story_page_of_megabytes_is_read_within_256_megabytes(
    desk: CountDesk, site: CountSite, capsys: pytest.CaptureFixture[str]
) -> None:
    item = f'<li class="item"><a href="/US/x">{"Another story. " * 5} {{}}</a></li>'
    site.furniture = "".join(item.format(number) for number in range(11_500))
    assert len(page_of(1, 1, site.furniture)) > 1_400_000
    began = time.monotonic()
    run = desk.crawl(sys.executable, "-c", _PEAK)
    assert (run.returncode, run.stderr) == (0, "")
    peak = int(run.stdout) / 1024
    with capsys.disabled():
        print(f"\n{peak:.0f} MB at most, {time.monotonic() - began:.1f} s")
    assert peak <= 256
    desk.assert_log_is_true()


_LARGE = """
import subprocess, sys
held = b"x" * (400 * 1024 * 1024)
sys.exit(subprocess.call(sys.argv[1:]))
"""


def test_the_memory_of_whoever_starts_the_crawl_is_not_ours(desk: CountDesk) -> None:
    assert_fine(desk.crawl(sys.executable, "-c", _LARGE))
    desk.assert_log_is_true()
