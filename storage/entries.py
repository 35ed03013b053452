"""What one look brings into the log: its rows, as they are written and then chained."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from storage.records import Change, Refusal
from storage.writing import RECORDED, Look


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whose rows these are: a race in a place, or an article; ids in the database.

    candidates: ids by the keys that the rows have.
    """

    race: int | None = None
    place: int | None = None
    article: int | None = None
    source_updated_at: str | None = None
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
    source_updated_at: str | None
    positions: frozenset[int]


class Entries:
    """The rows of one look, in order.

    changes: ids in the log. refusals: parts not accepted. notes: what is said once. rows: every
    row by table, as the database has it. said_something: some part says what the page did not say
    before. accepted: at least one part was accepted. unsettled: something on the page waits to be
    confirmed, so that the same bytes are read again.
    """

    def __init__(self, connection: sqlite3.Connection, look: Look) -> None:
        self.connection = connection
        self.look = look
        self._next: dict[str, int] = {}
        self.changes: list[int] = []
        self.refusals: list[Refusal] = []
        self.notes: list[Note] = []
        self.rows: dict[str, list[dict[str, object]]] = {table: [] for table in RECORDED}
        self.said_something = False
        self.accepted = False
        self.unsettled = False

    @property
    def good(self) -> bool:
        """Something of the look was accepted, or there was nothing to refuse in it."""
        return self.accepted or all(r.verdict != "rejected" for r in self.refusals)

    def add(self, table: str, row: dict[str, object]) -> int:
        """One row more, written by `flush`; every column of the table but the id is in it."""
        if table not in self._next:
            (last,) = self.connection.execute(
                f"SELECT coalesce(max(id), 0) FROM {table}"  # noqa: S608 - names are ours
            ).fetchone()
            self._next[table] = last + 1
        number = self._next[table]
        self._next[table] += 1
        self.rows[table].append({"id": number, **row})
        return number

    def flush(self) -> None:
        """Write the rows. One statement a table: a night has looks that bring thousands."""
        for table, rows in self.rows.items():
            if rows:
                columns = rows[0].keys()
                values = ", ".join(f":{column}" for column in columns)
                self.connection.executemany(
                    f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values})",  # noqa: S608
                    rows,
                )

    def refuse(self, refusal: Refusal) -> None:
        """A part of the look was not accepted."""
        self.add(
            "refusal",
            {
                "fetch": self.look.fetch,
                "part": refusal.part,
                "race": refusal.race,
                "place": refusal.place,
                "verdict": refusal.verdict,
                "reason": refusal.reason,
            },
        )
        self.refusals.append(refusal)

    def note(self, note: Note, race: int | None = None, place: int | None = None) -> None:
        """Say something once of the look's page."""
        self.add(
            "note",
            {
                "kind": note.kind,
                "page": self.look.page,
                "race": race,
                "place": place,
                "text": note.text,
                "first_fetch": note.first_fetch,
                "last_fetch": note.last_fetch,
                "fetch": self.look.fetch,
            },
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
        for position, change in enumerate(rows):
            row: dict[str, object] = {
                "source": self.look.source,
                "race": subject.race,
                "place": subject.place,
                "candidate": (subject.candidates or {}).get(change.candidate or ""),
                "article": subject.article,
                "flags": _flags(change.flags),
                "field": change.field,
                "new": change.new,
                "fetch": self.look.fetch,
                "source_updated_at": subject.source_updated_at,
            }
            if change.kind == "first":
                self.add("first_sight", row)
            else:
                row |= {
                    "kind": change.kind,
                    "old": change.old,
                    "delta": change.delta,
                    "before_fetch": before,
                    "confirmed_by": None,
                }
                if confirmed is not None and position in confirmed.positions:
                    row |= {
                        "fetch": confirmed.fetch,
                        "confirmed_by": self.look.fetch,
                        "source_updated_at": confirmed.source_updated_at,
                    }
                self.changes.append(self.add("change", row))


def _flags(flags: Sequence[str]) -> str:
    return json.dumps(flags) if flags else "[]"
