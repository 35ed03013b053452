"""The text reports, put together from what the queries give."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from zoneinfo import ZoneInfo

from storage import queries
from storage.queries import Filter, LogRow, ResultRow
from storage.reports.text import LookAt, Paint, coverage_text, look_text, results_text

#: Looks shown as text; machine formats give all.
LOOKS = 20


def log_text(
    connection: sqlite3.Connection, wanted: Filter, rows: Iterable[LogRow], paint: Paint
) -> Iterator[str]:
    """The last LOOKS looks that changed something, newest last, and the coverage."""
    zones = {name: ZoneInfo(zone) for name, zone in queries.timezones(connection).items()}
    places = queries.place_names(connection)
    # The first sight of a part and the changes to another one may share a fetch.
    groups = groupby(rows, key=lambda r: (r.fetch, r.source, r.race, r.place, r.article))
    total, last = 0, deque[list[LogRow]](maxlen=LOOKS)
    for _, group in groups:
        total += 1
        last.append(list(group))
    if total > len(last):
        yield f"The last {len(last)} of {total} looks; --since or --format jsonl show the others."
        yield ""
    for group_rows in last:
        yield from look_text(_look(connection, group_rows, zones, places), paint)
        yield ""
    if not last:
        yield "No changes."
        yield ""
    zone = next(iter(zones.values()), None)
    yield coverage_text(queries.coverage(connection, wanted), zone)


def _look(
    connection: sqlite3.Connection,
    rows: Sequence[LogRow],
    zones: dict[str, ZoneInfo],
    places: dict[str, str],
) -> LookAt:
    row = rows[0]
    zone = zones[row.source]
    if row.race is None:
        return LookAt(rows=rows, zone=zone, headline=queries.article_headline(connection, row))
    before, after = queries.race_as_of(connection, row)
    name = places[row.place or ""]
    return LookAt(rows=rows, zone=zone, place_name=name, before=before, after=after)


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
