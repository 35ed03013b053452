"""One contender in a process of its own: takes snapshots from a tape, and tells what they cost.

    python -m tests.bench.contender NAME TAPE DATABASE --warm 1 --end 300

NAME is a module here with a function `opened`. Start-up, imports, the opening of the database and
the first snapshots (--warm) are outside the clock; reading the tape is inside.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from tests.bench import tape
from tests.bench.tape import Shot


class Contender(Protocol):
    """What takes in one body after another."""

    def take(self, shot: Shot) -> int:
        """Take it in for good. Returns the rows of changes that it recorded."""

    def close(self) -> None:
        """Close the database."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("tape", type=Path)
    parser.add_argument("database", type=Path)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--warm", type=int, default=0, help="snapshots before the clock starts")
    parser.add_argument("--end", type=int, help="the snapshot to stop at")
    parser.add_argument("--again", type=int, default=0, help="clock the last one, so many times")
    given = parser.parse_args()
    contender: Contender = importlib.import_module(f"tests.bench.{given.name}").opened(
        given.database
    )
    start = given.first + given.warm
    shot = None
    for shot in tape.read(given.tape, given.first, start):
        contender.take(shot)
    shots: Iterable[Shot] = tape.read(given.tape, start, given.end)
    if given.again:
        assert shot is not None, "--again needs --warm"
        shots = [
            replace(shot, seen_at=shot.seen_at + timedelta(minutes=number))
            for number in range(1, given.again + 1)
        ]
    gc.collect()
    begun = time.process_time()
    rows, taken = 0, 0
    for shot in shots:
        rows += contender.take(shot)
        taken += 1
    seconds = time.process_time() - begun
    contender.close()
    print(json.dumps({"cpu": seconds, "taken": taken, "rows": rows, "peak": _peak()}))


def _peak() -> int | None:
    """The most memory that this process ever held, in kB; None where the kernel does not tell."""
    try:
        status = Path("/proc/self/status").read_text("utf-8")
    except FileNotFoundError:
        return None
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
