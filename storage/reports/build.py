"""The report: the change log as a folder of files, made anew from the tables."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import TextIO
from zoneinfo import ZoneInfo

from storage import evidence, queries
from storage.queries import Filter, LogRow
from storage.reports.atom import MOST, atom
from storage.reports.machine import csv_line, csv_lines, json_line
from storage.reports.markdown import log_markdown
from storage.reports.pages import render
from storage.reports.told import told_looks, told_notes, told_offices, told_unconfirmed
from storage.reports.wording import coverage_words

#: The latest alarms that the page lists on top.
MOST_ALARMS = 20

#: The latest notes that it lists.
MOST_NOTES = 50

Progress = Callable[[Iterable[LogRow]], Iterable[LogRow]]


def build(
    connection: sqlite3.Connection, folder: Path, *, raw: bool, progress: Progress = iter
) -> int:
    """Write the files of the report, and return how many changes they tell of.

    CSV and JSON lines have every change; the page, Markdown and the feed leave counties out.

    raw: cells of the CSV as they came, not made harmless for spreadsheets. progress: wraps the
    rows while they are written. A reader of the folder sees each file whole, the old one or the
    new; a second report waits for the first. Raises OSError when the folder cannot be written; the
    old files stay then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        connection.execute("BEGIN")  # one state of the log for all files
        try:
            last = deque[LogRow](maxlen=MOST)
            total, told = _machine_files(connection, folder, last, raw, progress)
            _told_files(connection, folder, list(last), told)
        finally:
            connection.execute("ROLLBACK")
    return total


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait for another report in the same folder. The folder itself is locked: no file is left."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _machine_files(
    connection: sqlite3.Connection,
    folder: Path,
    last: deque[LogRow],
    raw: bool,
    progress: Progress,
) -> tuple[int, int]:
    """How many changes they have, and how many of them are not of counties, the last of which are
    put into `last`."""
    total = told = 0
    with _whole(folder / "changes.csv") as table, _whole(folder / "changes.jsonl") as objects:
        table.writelines(csv_lines(queries.COLUMNS, ()))
        for row in progress(queries.log(connection, Filter())):
            total += 1
            if not row.of_county:
                told += 1
                last.append(row)
            cells = queries.as_dict(row)
            table.write(csv_line(queries.COLUMNS, cells, safe=not raw))
            objects.write(json_line(cells))
    return total, told


def _told_files(
    connection: sqlite3.Connection, folder: Path, rows: list[LogRow], total: int
) -> None:
    zones = list(queries.timezones(connection).values())
    zone = ZoneInfo(zones[0]) if zones else None
    coverage = coverage_words(queries.coverage(connection, Filter()), zone)
    looks = list(told_looks(connection, rows))[::-1]
    offices = told_offices(connection)
    notes, notes_in_all = told_notes(connection, MOST_NOTES)
    head = evidence.chain_head(connection)
    left_out = total - len(rows)
    rows_of_alarms, alarms_in_all = queries.alarms(connection, MOST_ALARMS)
    alarms = [c for look in told_looks(connection, rows_of_alarms) for c in look.rows][::-1]
    unconfirmed = told_unconfirmed(connection)
    page = render(
        "log.html",
        coverage=coverage,
        unconfirmed=unconfirmed,
        alarms=alarms,
        alarms_left_out=alarms_in_all - len(alarms),
        last_id=total,
        offices=offices,
        notes=notes,
        notes_left_out=notes_in_all - len(notes),
        looks=looks,
        shown=len(rows),
        left_out=left_out,
        head=head,
    )
    links = evidence.reading_links(connection, {row.recorded_by for row in rows})
    first = evidence.first_link(connection)
    lines = log_markdown(
        looks,
        offices,
        notes=notes,
        alarms=alarms,
        unconfirmed=unconfirmed,
        coverage=coverage,
        head=head,
        left_out=left_out,
    )
    for name, text in (
        ("index.html", page),
        ("changes.md", "\n".join(chain(lines, [""]))),
        ("changes.atom", atom(looks, links, first=first, coverage=coverage).decode("utf-8")),
    ):
        with _whole(folder / name) as file:
            file.write(text)


@contextmanager
def _whole(path: Path) -> Iterator[TextIO]:
    """A file that takes the place of the one there when it is complete, and on disk."""
    draft = path.with_name(f".{path.name}.new")
    try:
        with draft.open("w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
