"""How things are broken on purpose (kills, full disks, deleted files), and what holds then."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.count_site import (
    ENVIRONMENT,
    NO_FAULTS,
    ROOT,
    CountDesk,
    CountSite,
    Shown,
    assert_fine,
    assert_sound,
    faults_of,
    lines,
    page_of,
    path_of,
    reading,
    shown_by,
)


def need(*programs: str) -> None:
    """Skip, and say so, where one of the programs is missing or may not do its work here."""
    trials = {
        "strace": ["strace", "-f", "-o", os.devnull, "-e", "trace=fsync", "true"],
        "unshare": ["unshare", "-rm", "sh", "-c", "mount -t tmpfs tmpfs /mnt"],
        "nsenter": ["nsenter", "--version"],
    }
    for program in programs:
        try:
            trial = subprocess.run(trials[program], capture_output=True, text=True, check=False)
        except FileNotFoundError:
            pytest.skip(f"NOT TESTED: {program} is missing here; install it (apt: {_APT[program]})")
        if trial.returncode:
            pytest.skip(f"NOT TESTED: {program} may not work here: {trial.stderr.strip()}")


_APT = {"strace": "strace", "unshare": "util-linux", "nsenter": "util-linux"}


def killed_at(call: str, number: int) -> list[str]:
    """The words before a command that is killed as it makes this call for the given time."""
    # Without --seccomp-bpf: with it, strace 6.1 injects errors but no signals.
    return [
        "strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={call}",
        "-e", f"inject={call}:signal=KILL:when={number}",
    ]  # fmt: skip


def writes_fail_from(number: int, error: str) -> list[str]:
    """The words before a command whose writes all fail from the given one on."""
    return [
        "strace", "-f", "--seccomp-bpf", "-qq", "-o", os.devnull, "-e", "trace=pwrite64",
        "-e", f"inject=pwrite64:error={error}:when={number}+",
    ]  # fmt: skip


class Looks:
    """Looks at one story, to be received and read by a process that can be killed."""

    def __init__(self, database: Path, story: int, stages: Iterable[int]) -> None:
        self.database = database
        self.shown = [(story, stage) for stage in stages]
        self.bodies: dict[str, Shown] = {}
        url = f"https://abcnews.go.com{path_of(story)}"
        self.command = [sys.executable, str(ROOT / "tests" / "read_looks.py"), str(database), url]
        for shown in self.shown:
            body = page_of(*shown)
            self.bodies[hashlib.sha256(body).hexdigest()] = shown
            path = database.with_name(f"story-{story}-{shown[1]}.html")
            path.write_bytes(body)
            self.command.append(str(path))

    def read(self, *before: str, looks: int | None = None) -> int:
        """Receive and read what is left of the first looks, or of all. Returns the exit code."""
        command = self.command if looks is None else self.command[: 4 + looks]
        run = subprocess.run([*before, *command], cwd=ROOT, env=ENVIRONMENT, check=False)
        return run.returncode

    def start(self) -> subprocess.Popen[str]:
        """Start to receive and read all of them, once a line comes on stdin."""
        return start_at_a_sign("tests.read_looks", "main(*sys.argv[1:])", self.command[2:])

    def clear(self) -> None:
        for path in self.database.parent.glob(f"{self.database.name}*"):
            path.unlink()

    def faults(self) -> Counter[str]:
        """What is wrong with the log of all the looks; the database is sound besides."""
        assert_sound(self.database)
        assert shown_by(self.database, self.bodies) == self.shown
        return faults_of(self.database, self.shown)


class SmallDisk:
    """A disk of its own, of a few hundred kilobytes, for the commands that run `inside`."""

    def __init__(self, folder: Path, size: str) -> None:
        script = f'mount -t tmpfs -o size={size} tmpfs "$0" && echo mounted && exec sleep 600'
        self.folder = folder
        self._holder = subprocess.Popen(
            ["unshare", "-rm", "sh", "-c", script, str(folder)], stdout=subprocess.PIPE, text=True
        )
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == "mounted\n"
        self.inside = (
            "nsenter", "--target", str(self._holder.pid), "--user", "--mount",
            "--preserve-credentials", "--",
        )  # fmt: skip

    def run(self, script: str) -> str:
        """What a shell script in the disk's folder prints."""
        command = [*self.inside, "sh", "-c", f'cd "$0" && {script}', str(self.folder)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def free(self) -> int:
        """Bytes."""
        blocks, size = self.run('stat -f -c "%a %S" .').split()
        return int(blocks) * int(size)

    def close(self) -> None:
        self._holder.kill()
        self._holder.communicate()


def start_at_a_sign(module: str, call: str, words: Sequence[str]) -> subprocess.Popen[str]:
    """Start a call of the module's main, up to where all is imported; see `give_the_sign`."""
    script = (
        f"import sys, crawler.overlap, crawler.sources\nfrom {module} import main\n"
        f"print('ready', flush=True)\nsys.stdin.readline()\n{call}"
    )
    return subprocess.Popen(
        [sys.executable, "-c", script, *words],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def give_the_sign(processes: Sequence[subprocess.Popen[str]]) -> None:
    """Wait until all are ready, and let them go at once."""
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()


@contextlib.contextmanager
def first_looks(folder: Path) -> Iterator[CountDesk]:
    """A desk that has looked once at a site of two stories, which stands still at stage 1."""
    with CountSite(stories=2, standing=True).serving() as site:
        desk = CountDesk(folder, site)
        assert_fine(desk.crawl())
        yield desk


def copied(desk: CountDesk, folder: Path) -> CountDesk:
    """The same first looks in another folder; the site is at stage 1 again."""
    desk.site.stage, desk.site.furniture, desk.site.damaged = 1, "", frozenset()
    desk.site.sent.clear()
    shutil.copy(desk.database, folder / "t.db")
    return CountDesk(folder, desk.site)


def kill_crawls(desk: CountDesk, times: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Kill so many crawls, with a whole crawl after each, and compare the log with the site."""
    began = time.monotonic()
    assert_fine(desk.crawl())
    usual = time.monotonic() - began
    seed = time.time_ns()
    rng = random.Random(seed)
    killed = cut_off = 0
    for _ in range(times):
        crawl = desk.start()
        with contextlib.suppress(subprocess.TimeoutExpired):
            crawl.wait(rng.uniform(0, usual))
        crawl.kill()
        crawl.communicate()
        killed += crawl.returncode == -9
        cut_off += (desk.folder / "t.db-wal").exists()
        assert_fine(desk.crawl())
        desk.assert_nothing_is_left_over()
        assert shown_by(desk.database, desk.site.bodies)[-1] == desk.site.sent[-1]
    shown = shown_by(desk.database, desk.site.bodies)
    found = faults_of(desk.database, shown)
    with capsys.disabled():
        print(
            f"\n{killed} of {times} crawls killed, {cut_off} while the database was open,"
            f" {len(shown)} looks read: {dict(found)}; seed {seed}"
        )
    assert killed
    assert found == NO_FAULTS
    assert_sound(desk.database)


def assert_told(
    run: subprocess.CompletedProcess[str], desk: CountDesk, code: int, remedy: str
) -> None:
    """The exit code, and one line that names the file and the remedy."""
    assert run.returncode == code, run.stderr
    (line,) = lines(run)
    assert line.startswith("tallytrail: ")
    assert str(desk.database) in line
    assert re.search(remedy, line, re.IGNORECASE), line


DISK_FULL = r"make room|free (some )?space"
DISK_FAILS = r"check (it|the disk)"


def assert_kept_to_the_last_commit(before: Path, desk: CountDesk) -> None:
    """After writing failed: no damage, and every look that stood in the log stands there still."""
    with (
        contextlib.closing(reading(desk.database)) as connection,
        contextlib.closing(reading(before)) as earlier,
    ):
        assert [r[0] for r in connection.execute("PRAGMA integrity_check")] == ["ok"]
        links = "SELECT id, hash FROM link ORDER BY id"
        kept = [tuple(row) for row in earlier.execute(links)]
        assert [tuple(row) for row in connection.execute(links)][: len(kept)] == kept


def fail_writes(
    desk: CountDesk, number: int, error: str
) -> tuple[subprocess.CompletedProcess[str], list[Shown]]:
    """Crawl with all writes failing from one on, after the site moved on; then crawl whole.

    Returns the first run, and what it had read.
    """
    before = desk.folder / "before.db"
    shutil.copy(desk.database, before)
    desk.site.stage = 5
    run = desk.crawl(*writes_fail_from(number, error))
    assert_kept_to_the_last_commit(before, desk)
    had_read = shown_by(desk.database, desk.site.bodies)
    assert_fine(desk.crawl())
    assert {(1, 5), (2, 5)} <= set(shown_by(desk.database, desk.site.bodies))
    desk.assert_log_is_true()
    return run, had_read


@contextlib.contextmanager
def moved_to_a_small_disk(outside: CountDesk) -> Iterator[tuple[SmallDisk, CountDesk]]:
    """The desk's database, copied to a disk of one megabyte."""
    folder = outside.folder / "disk"
    folder.mkdir()
    disk = SmallDisk(folder, "1m")
    try:
        desk = CountDesk(folder, outside.site)
        desk.configuration = outside.configuration
        disk.run(f"cp {outside.database} t.db")
        yield disk, desk
    finally:
        disk.close()


def fill_disk(outside: CountDesk, kilobytes: int) -> None:
    """Crawl after the site moved on, with only so much room on the disk; then with more."""
    with moved_to_a_small_disk(outside) as (disk, desk):
        disk.run(f"head -c {disk.free() - 1024 * kilobytes} /dev/zero > ballast")
        # Noise does not pack: each of the two bodies takes 60 kilobytes.
        desk.site.stage = 5
        desk.site.furniture = f"<!-- {random.Random(5).randbytes(60_000).hex()} -->"
        run = desk.crawl(*disk.inside)
        disk.run("rm ballast")
        assert_fine(desk.crawl(*disk.inside))
        disk.run(f"cp t.db {outside.database}")
    assert {(1, 5), (2, 5)} <= set(shown_by(outside.database, outside.site.bodies))
    outside.assert_log_is_true()
    assert_told(run, desk, 75, DISK_FULL)


def delete_write_ahead_log(desk: CountDesk, *names: str) -> None:
    """Delete files of a database whose crawl was killed, and crawl again."""
    assert_fine(desk.crawl())
    desk.site.asked.clear()
    crawl = desk.start()
    while len(desk.site.sent) < 4:
        time.sleep(0.01)
    crawl.kill()
    crawl.communicate()
    for name in names:
        (desk.folder / name).unlink()
    assert_fine(desk.crawl())
    desk.assert_nothing_is_left_over()
    shown = shown_by(desk.database, desk.site.bodies)
    assert sorted(story for story, _ in shown[-2:]) == [1, 2]
    assert min(stage for _, stage in shown[-2:]) > 3
    desk.assert_log_is_true()
