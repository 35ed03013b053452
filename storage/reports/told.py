"""The log in words, as the reports that are no tables of figures show it: HTML, Markdown, Atom."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from storage import queries
from storage.queries import LogRow, ResultRow
from storage.records import instant
from storage.reports.edits import Edit, paragraph_edits, paragraphs
from storage.reports.looks import Look, grouped, looks
from storage.reports.wording import (
    Told,
    local_time,
    race_title,
    seen_words,
    sentence,
    standing,
    standing_now,
    told,
)

#: Fields whose values are sentences rather than figures.
LONG = ("headline", "dek", "byline")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldChange:
    """One change in words.

    when: the outlet's clock. seen: between which looks. edits: the edited paragraphs of a story's
    text. long: its values are sentences.
    """

    row: LogRow
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
        title = race_title(row.race or "", look.place_name)
        moved = any(r.kind == "expected_vote_changed" for r in look.rows)
        stands = standing(look.before, look.after, expected_moved=moved)
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
class ToldRace:
    """A race in a place as it stands now.

    when: the outlet's clock, empty where it gave none. shown: our clock at the latest look that
    showed it.
    """

    title: str
    outlet: str
    when: str
    shown: str
    standing: str
    rows: Sequence[ResultRow]


def told_races(connection: sqlite3.Connection) -> list[ToldRace]:
    """Every race as it stands now."""
    zones = {name: ZoneInfo(zone) for name, zone in queries.timezones(connection).items()}
    places = queries.place_names(connection)
    return [
        ToldRace(
            title=race_title(rows[0].race, places[rows[0].place]),
            outlet=rows[0].outlet,
            when=local_time(instant(updated), zones[rows[0].source])
            if (updated := rows[0].source_updated_at)
            else "",
            shown=local_time(instant(rows[0].last_look), zones[rows[0].source]),
            standing=standing_now(rows),
            rows=rows,
        )
        for rows in queries.results(connection)
    ]
