"""What one look brings into the log: its rows, as they are written and then chained."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from storage.database import Writer
from storage.records import Change, Refusal, instant_text
from storage.writing import RECORDED, Look, inserting

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whose rows these are: a race in a place, or an article; ids in the database.

    source_updated_at: the outlet's own time. candidates: ids by the keys that the rows have.
    """

    race: int | None = None
    place: int | None = None
    article: int | None = None
    source_updated_at: datetime | None = None
    candidates: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something that is said once of a page and is no change.

    kind: one of `storage.records.NOTES`. first_fetch, last_fetch: from which look to which.
    """

    kind: str
    text: str
    first_fetch: int
    last_fetch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """A look that showed values first which are believed only now.

    source_updated_at: the outlet's own time then. positions: of the rows that it showed.
    """

    fetch: int
    source_updated_at: datetime | None
    positions: frozenset[int]


class _Known:
    """What a writer knows of the log's tables: their last ids, and the ids of what is written once.

    series: by source, race, place, candidate, article and field. labels: by kind and flags.
    """

    def __init__(self) -> None:
        self.last: dict[str, int] = {}
        self.series: dict[tuple[object, ...], int] = {}
        self.labels: dict[tuple[str, Sequence[str]], int] = {}


def _known(connection: sqlite3.Connection) -> _Known:
    if not isinstance(connection, Writer):
        return _Known()
    known: _Known = connection.kept.setdefault(_Known, _Known())
    return known


class Entries:
    """The rows of one look, in order.

    changes: ids in the log. refusals: parts not accepted. notes: what is said once. rows: every
    row by table, with the columns that RECORDED names. said_something: some part says what the
    page did not say before. accepted: at least one part was accepted. unsettled: something on the
    page waits to be confirmed, so that the same bytes are read again.
    """

    def __init__(self, connection: sqlite3.Connection, look: Look) -> None:
        self.connection = connection
        self.look = look
        self._known = _known(connection)
        self.changes: list[int] = []
        self.refusals: list[Refusal] = []
        self.notes: list[Note] = []
        self.rows: dict[str, list[tuple[object, ...]]] = {table: [] for table in RECORDED}
        self.said_something = False
        self.accepted = False
        self.unsettled = False

    @property
    def good(self) -> bool:
        """Something of the look was accepted, or there was nothing to refuse in it."""
        return self.accepted or all(r.verdict != "rejected" for r in self.refusals)

    def add(self, table: str, *values: object) -> int:
        """One row more, written by `flush`: the columns of RECORDED after the id, in order."""
        last = self._known.last
        if table not in last:
            (last[table],) = self.connection.execute(
                f"SELECT coalesce(max(id), 0) FROM {table}"  # noqa: S608 - names are ours
            ).fetchone()
        last[table] = number = last[table] + 1
        self.rows[table].append((number, *values))
        return number

    def flush(self) -> None:
        """Write the rows. One statement a table: a night has looks that bring thousands."""
        for table, rows in self.rows.items():
            if rows:
                self.connection.executemany(inserting(table, RECORDED[table]), rows)

    def refuse(self, refusal: Refusal) -> None:
        """A part of the look was not accepted."""
        self.add(
            "refusal",
            self.look.fetch,
            refusal.part,
            refusal.race,
            refusal.place,
            refusal.verdict,
            refusal.reason,
        )
        self.refusals.append(refusal)

    def note(self, note: Note, race: int | None = None, place: int | None = None) -> None:
        """Say something once of the look's page."""
        self.add(
            "note",
            note.kind,
            self.look.page,
            race,
            place,
            note.text,
            note.first_fetch,
            note.last_fetch,
            self.look.fetch,
        )
        self.notes.append(note)

    def record(
        self,
        subject: Subject,
        rows: Iterable[Change],
        before: int | None,
        confirmed: Confirmed | None = None,
    ) -> None:
        """Write changes and first sights. before: the last look that showed the old values."""
        look = self.look.fetch
        updated = subject.source_updated_at
        for position, change in enumerate(rows):
            of = (
                self.look.source,
                subject.race,
                subject.place,
                (subject.candidates or {}).get(change.candidate or ""),
                subject.article,
            )
            if change.kind == "first":
                said = updated and instant_text(updated)
                flags = _flags(change.flags)
                self.add("first_sight", *of, flags, change.field, change.new, look, said)
                continue
            shown, confirmed_by, said_at = look, None, updated
            if confirmed is not None and position in confirmed.positions:
                shown, confirmed_by = confirmed.fetch, look
                said_at = confirmed.source_updated_at
            number = self.add(
                "entry",
                self._series((*of, change.field)),
                self._label(change),
                change.old,
                change.new,
                before,
                shown,
                confirmed_by,
                None if said_at is None else _milliseconds(said_at),
            )
            self.changes.append(number)

    def _series(self, of: tuple[object, ...]) -> int:
        series = self._known.series
        if of not in series:
            found = self.connection.execute(
                "SELECT id FROM series WHERE source = ? AND race IS ? AND place IS ?"
                " AND candidate IS ? AND article IS ? AND field = ?",
                of,
            ).fetchone()
            series[of] = found["id"] if found else self.add("series", *of, self.look.fetch)
        return series[of]

    def _label(self, change: Change) -> int:
        labels, label = self._known.labels, (change.kind, change.flags)
        if label not in labels:
            words = (change.kind, _flags(change.flags))
            found = self.connection.execute(
                "SELECT id FROM label WHERE kind = ? AND flags = ?", words
            ).fetchone()
            labels[label] = found["id"] if found else self.add("label", *words, self.look.fetch)
        return labels[label]


@lru_cache(maxsize=4096)  # a look that moves fifty races has few different times
def _milliseconds(moment: datetime) -> int:
    """Since 1970."""
    return (moment - _EPOCH) // _MILLISECOND


def _flags(flags: Sequence[str]) -> str:
    return json.dumps(flags) if flags else "[]"
