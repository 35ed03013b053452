"""The log look by look: what one fetch brought of one race or story, with its context."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from zoneinfo import ZoneInfo

from storage import queries
from storage.places import race_title
from storage.queries import LogRow
from storage.records import RaceState


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The rows of one look at one race in a place, or at one story.

    title: the race and the place; empty for stories. before, after: the race's state around the
    look; None for stories. headline: the story's.
    """

    rows: Sequence[LogRow]
    zone: ZoneInfo
    title: str = ""
    before: RaceState | None = None
    after: RaceState | None = None
    headline: str | None = None


def by_look(rows: Iterable[LogRow]) -> Iterator[list[list[LogRow]]]:
    """The rows of a log by the look that showed them first, and within it by what they are about.

    A look may confirm what an earlier one had shown already: that is a look of its own.
    """
    for _, brought in groupby(rows, key=lambda row: row.recorded_by):
        looks: dict[int, dict[tuple[object, ...], list[LogRow]]] = {}
        for row in brought:
            subject = (row.source, row.race, row.place, row.article)
            looks.setdefault(row.fetch, {}).setdefault(subject, []).append(row)
        for _, groups in sorted(looks.items()):
            yield list(groups.values())


def grouped(rows: Iterable[LogRow]) -> Iterator[list[LogRow]]:
    """The groups of `by_look`, one after the other."""
    for groups in by_look(rows):
        yield from groups


def looks(connection: sqlite3.Connection, groups: Iterable[Sequence[LogRow]]) -> Iterator[Look]:
    """Each group of rows with its context, from the log."""
    zones = {name: ZoneInfo(zone) for name, zone in queries.timezones(connection).items()}
    places = queries.place_names(connection)
    for rows in groups:
        row = rows[0]
        zone = zones[row.source]
        if row.race is None or row.place is None:
            headline = queries.article_headline(connection, row)
            yield Look(rows=rows, zone=zone, headline=headline)
        else:
            before, after = queries.race_as_of(connection, row)
            title = race_title(row.race, row.place, places)
            yield Look(rows=rows, zone=zone, title=title, before=before, after=after)
