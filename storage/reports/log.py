"""The text reports, put together from what the queries give."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

from storage import queries
from storage.places import in_order, race_title
from storage.queries import Filter, LogRow, ResultRow
from storage.reports.looks import by_look, looks
from storage.reports.text import (
    Paint,
    coverage_text,
    look_text,
    many_looks_text,
    many_results_text,
    notes_text,
    results_text,
    unconfirmed_text,
)
from storage.reports.wording import ROUTINE, size_of_move

#: Looks shown as text; machine formats give all.
LOOKS = 20
#: Races and places of one look that are shown in full.
IN_FULL = 3
#: Races and places of one look that are shown at all, the largest moves first, beside those that
#: have news.
MOST_MOVES = 15
#: Races and places that `results` shows in full.
RESULTS_IN_FULL = 5
#: Notes shown.
MOST_NOTES = 10


def log_text(connection: sqlite3.Connection, wanted: Filter, paint: Paint) -> Iterator[str]:
    """What waits to be confirmed, the last LOOKS looks that changed something, newest last, notes,
    and the coverage."""
    zone = _zone(connection)
    if wanted.article is None:
        yield from _unconfirmed(connection, wanted, paint)
    rows, shown, total = queries.last_looks(connection, wanted, LOOKS)
    if total > shown:
        yield f"The last {shown} of {total:,} looks; --since or --format jsonl show the others."
        yield ""
    for groups in by_look(rows):
        if len(groups) <= IN_FULL:
            for look in looks(connection, groups):
                yield from look_text(look, paint)
                yield ""
        else:
            yield from _many(connection, groups, paint)
            yield ""
    if not total:
        yield "No changes."
        yield ""
    if zone is not None and wanted.article is None and not wanted.kinds:
        notes, all_notes = queries.notes(connection, wanted, MOST_NOTES)
        if notes:
            places = queries.place_names(connection)
            yield from notes_text(notes, all_notes, zone, places)
            yield ""
    yield coverage_text(queries.coverage(connection, wanted), zone)


def _many(
    connection: sqlite3.Connection, groups: Sequence[Sequence[LogRow]], paint: Paint
) -> Iterator[str]:
    """One look that moved many races and places: those with news, and the largest moves."""
    places = queries.place_names(connection)
    moves = sorted(
        groups, key=lambda rows: in_order(rows[0].race or "", rows[0].place or "", places)
    )
    news = [rows for rows in moves if size_of_move(rows) is None]
    moves = [rows for rows in moves if size_of_move(rows) is not None]
    moves.sort(key=lambda rows: -(size_of_move(rows) or 0))
    routine = [
        (race_title(row.race or "", row.place or "", places), row)
        for rows in groups
        for row in rows
        if row.kind in ROUTINE
    ]
    left_out = sum(any(row.field == "votes" for row in rows) for rows in moves[MOST_MOVES:])
    yield from many_looks_text(
        list(looks(connection, [*news, *moves[:MOST_MOVES]])),
        len(groups),
        routine=routine,
        left_out=left_out,
        paint=paint,
    )


def _zone(connection: sqlite3.Connection) -> ZoneInfo | None:
    zones = queries.timezones(connection)
    return ZoneInfo(next(iter(zones.values()))) if zones else None


def _unconfirmed(connection: sqlite3.Connection, wanted: Filter, paint: Paint) -> Iterator[str]:
    waiting = [part for part in queries.unconfirmed(connection, wanted) if part.waits]
    if waiting:
        zones = {name: ZoneInfo(zone) for name, zone in queries.timezones(connection).items()}
        places = queries.place_names(connection)
        yield from unconfirmed_text(waiting, zones, places, paint)
        yield ""


def standing_text(
    connection: sqlite3.Connection,
    wanted: Filter,
    groups: Sequence[Sequence[ResultRow]],
    paint: Paint,
) -> Iterator[str]:
    """What waits to be confirmed, the races as they stand, and the coverage."""
    zones = {name: ZoneInfo(zone) for name, zone in queries.timezones(connection).items()}
    places = queries.place_names(connection)
    yield from _unconfirmed(connection, wanted, paint)
    if len(groups) > RESULTS_IN_FULL:
        yield from many_results_text(groups, zones, places, paint)
    else:
        for rows in groups:
            yield from results_text(rows, zones, places, paint)
            yield ""
    if not groups:
        yield "No results yet."
        yield ""
    yield coverage_text(queries.coverage(connection, Filter()), next(iter(zones.values()), None))
