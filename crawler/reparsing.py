"""`tallytrail reparse`: everything received, read anew by today's parsers, in a file of its own."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from crawler.errors import ConfigurationError
from crawler.opening import register
from crawler.parsers import Parser
from crawler.reading import has_parser, read
from crawler.sources import Configuration
from storage.copying import copy_looks, copy_what_was_asked_for, said
from storage.database import immediate, open_for_reading, open_for_writing
from storage.queries import LogRow, change
from storage.reports.printable import printable


@dataclass(frozen=True, slots=True, kw_only=True)
class Reparsed:
    """What two readings of the same bytes have in common, and what only one of them has.

    same: changes in both: what the world did. only_before, only_now: ids in either log of what our
    reading changed. refused: looks that today's parsers refuse as a whole. unread: looks for which
    there is no parser.
    """

    looks: int
    same: int
    only_before: tuple[int, ...]
    only_now: tuple[int, ...]
    refused: int
    unread: int


def reparse(
    configuration: Configuration,
    old: sqlite3.Connection,
    out: Path,
    on_look: Callable[[int, int], None] = lambda _done, _total: None,
) -> Reparsed:
    """Read all that the `old` database has received into `out`, a new file.

    on_look: told how many looks are done, and of how many. Raises ConfigurationError where `out` is
    there already, and DatabaseError.
    """
    if out.exists():
        raise ConfigurationError(f"{out} is there already; name a new file with --out")
    parsers = {source.id: source.parser for source in configuration.sources}
    outcomes: Counter[str] = Counter()
    old.execute("BEGIN")  # one state of the file, whatever is written meanwhile
    with closing(open_for_writing(out)) as new:
        (total,) = old.execute("SELECT count(*) FROM fetch").fetchone()
        copy_what_was_asked_for(old, new)
        with immediate(new):
            for source in configuration.sources:
                register(new, source)
        for done, (fetch, readable) in enumerate(copy_looks(old, new), start=1):
            if readable:
                outcomes[_read(new, fetch, parsers)] += 1
            on_look(done, total)
        before, now = dict(said(old)), dict(said(new))
    return Reparsed(
        looks=total,
        same=len(before.keys() & now.keys()),
        only_before=tuple(before[text] for text in before.keys() - now.keys()),
        only_now=tuple(now[text] for text in now.keys() - before.keys()),
        refused=outcomes["refused"],
        unread=outcomes["unread"],
    )


def told(done: Reparsed, old: sqlite3.Connection, out: Path) -> Iterator[str]:
    """The result in words, with each change that only one of the readings has."""
    yield f"{done.looks:,} looks, read anew into {out}"
    if done.unread:
        yield f"{done.unread:,} of them have no parser yet"
    if done.refused:
        yield f"{done.refused:,} of them are refused as a whole; 'tallytrail status --db {out}'"
    yield f"{done.same:,} changes are in both readings: what the world did"
    before, now = len(done.only_before), len(done.only_now)
    yield (f"{before:,} in the earlier one only, {now:,} in today's only: what our reading changed")
    with closing(open_for_reading(out)) as new:
        for sign, log, ids in (("-", old, done.only_before), ("+", new, done.only_now)):
            for number in sorted(ids):
                row = change(log, number)
                assert row is not None
                yield f"{sign} {_line(row)}"


def _line(row: LogRow) -> str:
    what = " ".join(filter(None, (row.race, row.place, row.article, row.candidate_name, row.field)))
    return printable(f"#{row.id} {row.seen_at} {row.kind} {what}: {row.old} -> {row.new}")[:300]


def _read(connection: sqlite3.Connection, fetch: int, parsers: Mapping[str, Parser]) -> str:
    if not has_parser(connection, fetch, parsers):
        return "unread"
    return read(connection, fetch, parsers).outcome
