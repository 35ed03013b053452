"""The log look by look: what one fetch brought of one race or story, with its context."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from zoneinfo import ZoneInfo

from storage import queries
from storage.queries import LogRow
from storage.records import RaceState


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The rows of one look at one race in a place, or at one story.

    before, after: the race's state around the look; None for stories. headline: the story's.
    """

    rows: Sequence[LogRow]
    zone: ZoneInfo
    place_name: str = ""
    before: RaceState | None = None
    after: RaceState | None = None
    headline: str | None = None


def grouped(rows: Iterable[LogRow]) -> Iterator[list[LogRow]]:
    """The rows of a log by look, and within it by race and place, or story.

    The first sight of a part and the changes to another one may share a fetch.
    """
    for _, group in groupby(rows, key=lambda r: (r.fetch, r.source, r.race, r.place, r.article)):
        yield list(group)


def looks(connection: sqlite3.Connection, groups: Iterable[Sequence[LogRow]]) -> Iterator[Look]:
    """Each group of rows with its context, from the log."""
    zones = {name: ZoneInfo(zone) for name, zone in queries.timezones(connection).items()}
    places = queries.place_names(connection)
    for rows in groups:
        row = rows[0]
        zone = zones[row.source]
        if row.race is None:
            headline = queries.article_headline(connection, row)
            yield Look(rows=rows, zone=zone, headline=headline)
        else:
            before, after = queries.race_as_of(connection, row)
            name = places[row.place or ""]
            yield Look(rows=rows, zone=zone, place_name=name, before=before, after=after)
