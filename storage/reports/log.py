"""The text reports, put together from what the queries give."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from zoneinfo import ZoneInfo

from storage import queries
from storage.queries import Filter, LogRow, ResultRow
from storage.reports.looks import grouped, looks
from storage.reports.text import Paint, coverage_text, look_text, results_text

#: Looks shown as text; machine formats give all.
LOOKS = 20


def log_text(
    connection: sqlite3.Connection, wanted: Filter, rows: Iterable[LogRow], paint: Paint
) -> Iterator[str]:
    """The last LOOKS looks that changed something, newest last, and the coverage."""
    total, last = 0, deque[list[LogRow]](maxlen=LOOKS)
    for group in grouped(rows):
        total += 1
        last.append(group)
    if total > len(last):
        yield f"The last {len(last)} of {total} looks; --since or --format jsonl show the others."
        yield ""
    for look in looks(connection, last):
        yield from look_text(look, paint)
        yield ""
    if not last:
        yield "No changes."
        yield ""
    zones = queries.timezones(connection)
    zone = ZoneInfo(next(iter(zones.values()))) if zones else None
    yield coverage_text(queries.coverage(connection, wanted), zone)


def standing_text(
    connection: sqlite3.Connection, groups: Sequence[Sequence[ResultRow]], paint: Paint
) -> Iterator[str]:
    """Every race as it stands, and the coverage."""
    zones = {name: ZoneInfo(zone) for name, zone in queries.timezones(connection).items()}
    places = queries.place_names(connection)
    for rows in groups:
        yield from results_text(rows, zones, places, paint)
        yield ""
    if not groups:
        yield "No results yet."
        yield ""
    yield coverage_text(queries.coverage(connection, Filter()), next(iter(zones.values()), None))
