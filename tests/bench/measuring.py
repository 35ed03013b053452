"""Samples, CPU seconds of whole processes, and the ratios of interleaved rounds."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a contender's process told. cpu: seconds. taken: bodies. rows: changes recorded.

    peak: the most memory that the process held, in kB; None where the kernel does not tell.
    """

    cpu: float
    taken: int
    rows: int
    peak: int | None


def contend(name: str, tape: Path, database: Path, **options: int) -> Cost:
    """Let a contender take bodies into the database; see tests.bench.contender for the options.

    A database that is there is gone on with.
    """
    words = [sys.executable, "-m", "tests.bench.contender", name, str(tape), str(database)]
    for option, value in options.items():
        words += [f"--{option}", str(value)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no word"]
        raise RuntimeError(f"{name}: {last[0]}")
    return Cost(**json.loads(done.stdout))


def clocked(words: Sequence[str | Path], folder: Path, *, runs: int = 1) -> float:
    """CPU seconds, user and system, of the command and its children; the mean of the runs."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(runs):
        done = subprocess.run(words, cwd=folder, capture_output=True, check=False, env=_installed())
        if done.returncode:
            told = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no word"]
            raise RuntimeError(f"{words[0]} ended with {done.returncode}: {told[0]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / runs


def _installed() -> dict[str, str]:
    """The environment of a program that is installed: its modules are compiled once."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True, slots=True)
class Rounds:
    """Samples of two contenders, taken in turn. Each in the same unit."""

    ours: Sequence[float]
    theirs: Sequence[float]

    def ratios(self, *, theirs_to_ours: bool = False) -> list[float]:
        """The ratio within each round: ours to theirs, unless it is asked for the other way."""
        pairs = zip(self.ours, self.theirs, strict=True)
        return [theirs / ours if theirs_to_ours else ours / theirs for ours, theirs in pairs]

    def figures(self, unit: str, places: int = 2) -> str:
        """The medians of both."""
        ours, theirs = statistics.median(self.ours), statistics.median(self.theirs)
        return f"{ours:,.{places}f} against {theirs:,.{places}f} {unit}"


def interleaved(
    rounds: int, ours: Callable[[], float], theirs: Callable[[], float], tick: Callable[[], None]
) -> Rounds:
    """Sample one after the other, round by round. tick: called after each round."""
    samples: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        samples[0].append(ours())
        samples[1].append(theirs())
        tick()
    return Rounds(*samples)
