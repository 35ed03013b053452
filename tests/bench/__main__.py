"""`make bench`: this project beside its alternatives and the floor.

It prints and never fails: a bound that is not held is printed as LOST, and what could not be
measured says why.
"""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
import sys
import tempfile
from datetime import date
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.bench.measures import MEASURES, Measure, Outcome, Workshop

COLUMNS = ("measure", "must", "measured", "verdict", "medians")
_MEMORY = Path("/dev/shm")
Row = tuple[str, ...]


@click.command()
@click.option(
    "--only",
    "names",
    multiple=True,
    type=click.Choice([measure.name for measure in MEASURES]),
    metavar="NAME",
    help=f"Only this measure; may be repeated: {', '.join(m.name for m in MEASURES)}.",
)
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True)
@click.option("--markdown", is_flag=True, help="The table as the README has it.")
def main(names: tuple[str, ...], rounds: int, markdown: bool) -> None:
    """Measure CPU, user and system, in interleaved rounds, and print one table."""
    chosen = [m for m in MEASURES if not names or m.name in names]
    within = _MEMORY if os.access(_MEMORY, os.W_OK) else Path(tempfile.gettempdir())
    rows: list[Row] = []
    notes: list[str] = []
    with (
        tempfile.TemporaryDirectory(prefix="tallytrail-bench-", dir=within) as folder,
        _bar() as bar,
    ):
        shop = Workshop(Path(folder))
        for measure in chosen:
            task = bar.add_task(measure.name, total=None)
            try:
                outcome = measure.run(shop, rounds, lambda task=task: bar.advance(task))  # type: ignore[misc]
            except Exception as error:  # one that cannot be measured must not cost the others
                rows.append(_row(measure, None))
                why = (str(error).strip() or type(error).__name__).splitlines()[-1]
                notes.append(f"{measure.name}: not measured: {why}")
            else:
                rows.append(_row(measure, outcome))
                if outcome.note:
                    notes.append(f"{measure.name}: {outcome.note}")
            bar.update(task, total=rounds, completed=rounds)
    head = [
        f"{date.today():%d %B %Y}, {_machine()}, databases in {within}"  # noqa: DTZ011 - for people
        f"{' (tmpfs)' if within == _MEMORY else ''}",
        f"CPU time; the median of {rounds} interleaved rounds, and the least and the most of them.",
    ]
    _print(head, rows, notes, markdown=markdown)


def _bar() -> Progress:
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console, disable=not console.is_terminal)


def _row(measure: Measure, outcome: Outcome | None) -> Row:
    bound = "-"
    if measure.must is not None:
        bound = f"{'>=' if measure.least else '<='} {measure.must:g}{measure.unit}"
    if outcome is None:
        return measure.text, bound, "-", "not measured", "-"
    middle = statistics.median(outcome.values)
    places = 0 if measure.unit == " MB" else 1 if measure.least else 2
    measured = f"{middle:.{places}f}{measure.unit}"
    if len(outcome.values) > 1:
        measured += f" ({min(outcome.values):.{places}f}-{max(outcome.values):.{places}f})"
    verdict = {None: "-", True: "held", False: "LOST"}[measure.holds(middle, measure.must)]
    if measure.holds(middle, measure.aim):
        verdict = "held, and the aim"
    return measure.text, bound, measured, verdict, outcome.figures


def _machine() -> str:
    model = platform.processor() or platform.machine()
    if (cpu := Path("/proc/cpuinfo")).exists():
        named = [line for line in cpu.read_text("utf-8").splitlines() if "model name" in line]
        model = named[0].partition(":")[2].strip() if named else model
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    python, sqlite = platform.python_version(), sqlite3.sqlite_version
    return f"{model}, {cores} cores, Python {python}, SQLite {sqlite}"


def _print(head: list[str], rows: list[Row], notes: list[str], *, markdown: bool) -> None:
    if markdown:
        lines = [*head, "", "| " + " | ".join(COLUMNS) + " |", "| --- " * len(COLUMNS) + "|"]
        lines += ["| " + " | ".join(row) + " |" for row in rows]
        click.echo("\n".join([*lines, "", *(f"- {note}" for note in notes)]))
        return
    console = Console(width=None if sys.stdout.isatty() else 160)
    table = Table(*COLUMNS)
    for row in rows:
        style = "red" if row[3] == "LOST" else ""
        table.add_row(*map(escape, row), style=style)
    for line in head:
        console.print(line, highlight=False, markup=False)
    console.print(table)
    for note in notes:
        console.print(f"- {note}", highlight=False, markup=False)


if __name__ == "__main__":
    main()
