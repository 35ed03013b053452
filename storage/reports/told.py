"""The log in words, as the reports that are no tables of figures show it: HTML, Markdown, Atom."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from zoneinfo import ZoneInfo

from storage import queries
from storage.places import place_in_office, race_title
from storage.queries import Filter, LogRow, ResultRow
from storage.records import instant
from storage.reports.edits import Edit, counted, paragraph_edits, paragraphs
from storage.reports.looks import Look, grouped, looks
from storage.reports.wording import (
    Told,
    call_words,
    local_time,
    note_words,
    seen_words,
    sentence,
    standing,
    standing_now,
    told,
    unconfirmed_words,
)

#: Fields whose values are sentences rather than figures.
LONG = ("headline", "dek", "byline")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldChange:
    """One change in words.

    title: the race and its place, or the story. when: the outlet's clock. seen: between which
    looks. edits: the edited paragraphs of a story's
    text. long: its values are sentences.
    """

    row: LogRow
    title: str
    kind: str
    told: Told
    sentence: str
    when: str
    seen: str
    edits: Sequence[Edit]
    long: bool

    @property
    def id(self) -> int | None:
        return self.row.id


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldLook:
    """What one look brought of one race or story, in words.

    when: the outlet's clock, or that it gave no time. standing: who leads; empty for stories.
    """

    title: str
    when: str
    seen: str
    outlet: str
    url: str
    standing: str
    sha256: str
    sha256_before: str | None
    rows: Sequence[ToldChange]


def told_looks(connection: sqlite3.Connection, rows: Iterable[LogRow]) -> Iterator[ToldLook]:
    """These rows of the log, look by look, in their order."""
    for look in looks(connection, grouped(rows)):
        yield told_look(look)


def told_look(look: Look) -> ToldLook:
    """One look in words."""
    row = look.rows[0]
    moment = instant(row.source_updated_at) if row.source_updated_at else instant(row.seen_at)
    states = [state for state in (look.before, look.after) if state is not None]
    names = {tally.candidate: tally.name for state in states for tally in state.tallies}
    if look.before is None or look.after is None:
        title, stands = f'Story {row.article} "{look.headline or ""}"', ""
    else:
        title = look.title
        stands = standing(look.before, look.after, moved={r.kind: "" for r in look.rows})
    ours = instant(row.seen_at).astimezone(look.zone)
    seen = f"{seen_words(row, look.zone, moment)} {ours:%Z}"
    clock = "the outlet gave no time"
    if row.source_updated_at:
        clock = f"{local_time(moment, look.zone)} by the outlet's clock"
    return ToldLook(
        title=title,
        when=clock,
        seen=seen,
        outlet=row.outlet,
        url=row.url,
        standing=stands,
        sha256=row.sha256,
        sha256_before=row.sha256_before,
        rows=[
            ToldChange(
                row=r,
                title=title,
                kind=r.kind.replace("_", " "),
                told=told(r, look.zone, names),
                sentence=sentence(r, look.zone, names),
                when=clock,
                seen=seen,
                edits=paragraph_edits(paragraphs(r.old), paragraphs(r.new))
                if r.field == "body"
                else [],
                long=r.field in LONG,
            )
            for r in look.rows
            if r.kind != "first"
        ],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldUnconfirmed:
    """What pages show and the log does not have. waits: values that may be confirmed yet.

    others: other parts of pages, that were refused, or not read at all.
    """

    waits: Sequence[str]
    others: Sequence[str]


def told_unconfirmed(connection: sqlite3.Connection) -> ToldUnconfirmed:
    """What pages show and the log does not have. Of counties, only how many."""
    zones = {name: ZoneInfo(zone) for name, zone in queries.timezones(connection).items()}
    places = queries.place_names(connection)
    parts = queries.unconfirmed(connection, Filter(counties=False))
    others = [
        f"{part.part} of {part.url}, {part.verdict}: {part.reason}"
        for part in parts
        if not part.waits
    ]
    counties = len(queries.unconfirmed(connection)) - len(parts)
    if counties:
        others.append(f"results of {counted(counties, 'county', 'counties')}")
    return ToldUnconfirmed(
        waits=[
            f"Unconfirmed {unconfirmed_words(part, zones[part.source], places)}"
            for part in parts
            if part.waits
        ],
        others=others,
    )


def told_notes(connection: sqlite3.Connection, most: int) -> tuple[list[str], int]:
    """The latest notes, newest first, at most so many; and how many there are. Without counties."""
    zones = {name: ZoneInfo(zone) for name, zone in queries.timezones(connection).items()}
    places = queries.place_names(connection)
    notes, total = queries.notes(connection, Filter(counties=False), most)
    return [note_words(note, zones[note.source], places) for note in reversed(notes)], total


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldRace:
    """A race in a place as it stands now.

    title: with its office. place: without. when: the outlet's clock, empty where it gave none.
    shown: our clock at the latest look that showed it. standing: who leads by how much. call: whom
    the outlet calls, or sends to a runoff; empty without a call. unconfirmed: a page shows
    something else, which is not believed yet.
    """

    title: str
    place: str
    outlet: str
    when: str
    shown: str
    standing: str
    call: str
    unconfirmed: bool
    rows: Sequence[ResultRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldOffice:
    """The races for one office as they stand now.

    shown: those to show in full. others: those to show on demand. called: how many of the others
    are called.
    """

    title: str
    shown: Sequence[ToldRace]
    others: Sequence[ToldRace]
    called: int


#: Races for one office that are shown in full; of more, only the nation's.
IN_FULL = 5


def told_offices(connection: sqlite3.Connection) -> list[ToldOffice]:
    """Every race as it stands now, by office, without counties."""
    zones = {name: ZoneInfo(zone) for name, zone in queries.timezones(connection).items()}
    places = queries.place_names(connection)
    told = [
        _told_race(rows, zones[rows[0].source], places)
        for rows in queries.results(connection, Filter(counties=False))
    ]
    offices = []
    for office, block in groupby(told, key=lambda race: race.rows[0].race.partition("/")[0]):
        races = list(block)
        few = len(races) <= IN_FULL
        others = [race for race in races if not few and race.rows[0].place != "us"]
        offices.append(
            ToldOffice(
                title=office.capitalize(),
                shown=[race for race in races if few or race.rows[0].place == "us"],
                others=others,
                called=sum(bool(race.call) for race in others),
            )
        )
    return offices


def _told_race(rows: Sequence[ResultRow], zone: ZoneInfo, places: Mapping[str, str]) -> ToldRace:
    top = rows[0]
    updated = top.source_updated_at
    return ToldRace(
        title=race_title(top.race, top.place, places),
        place=place_in_office(top.race, top.place, places),
        outlet=top.outlet,
        when=local_time(instant(updated), zone) if updated else "",
        shown=local_time(instant(top.last_look), zone),
        standing=standing_now(rows),
        call=call_words(rows),
        unconfirmed=top.unconfirmed_since is not None,
        rows=rows,
    )
