"""Looks made of snapshots written by hand: no page is parsed.

Every look is recorded in three databases at once: by a writer that stays open, by one that is
opened anew for every look, and by one that is opened anew now and then. What is kept in memory must
never differ from what is loaded, so after every look the three must hold the same.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, cast
from unittest.mock import patch

from crawler.parsers import PARSERS
from crawler.reading import read
from storage.database import immediate, open_for_writing
from storage.receiving import Answer, receive
from storage.records import Outcome, RaceState, Refusal, Snapshot, Tally
from storage.writing import register_source

#: Minute 0 of all tests: 10 PM Eastern on election day, by our clock.
TEN_PM = datetime(2024, 11, 6, 3, 0, tzinfo=UTC)

MAPS = "https://assets-cdn.abcnews.com/elections/national/2024/general/v1/maps/"
NATIONAL = f"{MAPS}electoral.json"
FLORIDA = f"{MAPS}states/fl/electoral.json"
STORY = "https://abcnews.go.com/Politics/counting/story?id=1000001"
OTHER_STORY = "https://abcnews.go.com/Politics/recap/story?id=1000002"

PARSER = "abc 1"

Brief = tuple[str, str | None, object, object]


def minute(number: float) -> datetime:
    """So many minutes after 10 PM."""
    return TEN_PM + timedelta(minutes=number)


def text_of(moment: datetime) -> str:
    """The form in which the database has an instant."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def by_id(key: str, name: str, votes: int | None, electors: int | None = None) -> Tally:
    """A candidate of the feed, where each has an id."""
    return Tally(
        candidate=key,
        name=name,
        votes=votes,
        electoral_votes=electors,
        last_name=name.lower().split()[-1],
    )


def by_name(name: str, votes: int | None, electors: int | None = None) -> Tally:
    """A candidate of a banner, which has last names only."""
    return Tally(candidate=name.lower(), name=name, votes=votes, electoral_votes=electors)


def feed_race(
    harris: int | None,
    trump: int | None,
    *others: Tally,
    updated: float | None = 0,
    race: str = "president",
    place: str = "us",
    **more: Any,
) -> RaceState:
    """A race of the feed with these votes, and the minute of the outlet's own clock."""
    return RaceState(
        race=race,
        place=place,
        source_updated_at=None if updated is None else minute(updated),
        tallies=(by_id("64984", "Harris", harris), by_id("8639", "Trump", trump), *others),
        **more,
    )


def banner(
    harris: int | None,
    trump: int | None,
    *others: Tally,
    updated: float | None = 0,
    **more: Any,
) -> RaceState:
    """The president's race in the nation as a banner has it."""
    return RaceState(
        race="president",
        place="us",
        source_updated_at=None if updated is None else minute(updated),
        tallies=(by_name("Harris", harris), by_name("Trump", trump), *others),
        **more,
    )


def family_of(url: str) -> str:
    return "feed" if url.startswith(MAPS) else "story"


@dataclass(frozen=True)
class Looked:
    """What came of a look."""

    fetch: int
    outcome: Outcome
    refusals: tuple[Refusal, ...]
    changes: int
    notes: tuple[str, ...]

    @property
    def verdicts(self) -> list[str]:
        return [refusal.verdict for refusal in self.refusals]


class _Given:
    """A parser that reads what the test has written."""

    def __init__(self, name: str, snapshot: Snapshot) -> None:
        self.NAME = name
        self.snapshot = snapshot

    def foreign(self, family: str, declared: str) -> bool:  # noqa: ARG002 - as a parser has it
        return False

    def parse(self, *_: object, **__: object) -> Snapshot:
        return self.snapshot

    def Memory(self) -> None:
        return None


class Desk:
    """One database; `anew` says at which of its looks the connection is a new one."""

    def __init__(self, path: Path, anew: Callable[[int], bool]) -> None:
        self.path = path
        self.anew = anew
        self.looks = 0
        self.connection = self._opened()

    def _opened(self) -> sqlite3.Connection:
        connection = open_for_writing(self.path)
        connection.execute("PRAGMA synchronous = OFF")
        return connection

    def configure(self, families: Sequence[str]) -> None:
        with immediate(self.connection):
            register_source(
                self.connection,
                name="abc-2024",
                outlet="ABC News",
                election_date=date(2024, 11, 5),
                parser="abc",
                timezone="America/New_York",
                families=families,
            )

    def read(self, url: str, snapshot: Snapshot, answer: Answer, parser: str) -> Looked:
        """Receive and read one look, as the crawler does, at bytes that say `snapshot`."""
        self.looks += 1
        if self.anew(self.looks):
            self.connection.close()
            self.connection = self._opened()
        connection = self.connection
        fetch = receive(
            connection,
            source="abc-2024",
            url=url,
            family=family_of(url),
            answer=answer,
            parser=parser,
        )
        with patch.dict(PARSERS, {"abc": cast(ModuleType, _Given(parser, snapshot))}):
            reading = read(connection, fetch)
        return Looked(
            fetch,
            reading.outcome,
            tuple(reading.refusals),
            len(reading.changes),
            tuple(note.kind for note in reading.notes),
        )

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        return [dict(row) for row in self.connection.execute(query, values)]

    def everything(self) -> dict[str, list[object]]:
        """All that the database holds of looks, without the ids of what is no log."""
        found: dict[str, list[object]] = {}
        for table in ("change", "first_sight", "refusal", "note", "fetch", "page"):
            found[table] = list(self.rows(f"SELECT * FROM {table} ORDER BY id"))
        for table in ("candidate", "candidate_key", "sighting", "tally", "progress"):
            rows = self.rows(f"SELECT * FROM {table}")
            texts = [json.dumps({k: v for k, v in r.items() if k != "id"}) for r in rows]
            found[table] = [json.loads(text) for text in sorted(texts)]
        found["link"] = list(self.rows("SELECT * FROM link ORDER BY id"))
        return found


class Watch:
    """The three databases, with one source; each look is made in all of them."""

    def __init__(
        self,
        folder: Path,
        families: Sequence[str] = ("feed", "story"),
        now_and_then: Callable[[int], bool] = lambda number: number % 3 == 0,
    ) -> None:
        kept = Desk(folder / "kept.db", lambda _: False)
        anew = Desk(folder / "anew.db", lambda _: True)
        mixed = Desk(folder / "mixed.db", now_and_then)
        self.desks = (kept, anew, mixed)
        self._moving = 0
        self.configure(families)

    def configure(self, families: Sequence[str]) -> None:
        """The source has pages of these families."""
        for desk in self.desks:
            desk.configure(families)

    def look(
        self,
        url: str,
        *races: RaceState,
        at: float,
        refusals: Sequence[Refusal] = (),
        unknown: Sequence[str] = (),
        body: bytes | None = None,
        parser: str = PARSER,
    ) -> Looked:
        """One look, so many minutes after 10 PM. body: its bytes; None for new ones."""
        self._moving += 1
        content = f"<html>{self._moving}</html>".encode() if body is None else body
        answer = Answer(fetched_at=minute(at), status=200, wire=content, body=content)
        snapshot = Snapshot(
            races=races,
            refusals=tuple(refusals),
            id_scheme="ap" if family_of(url) == "feed" else None,
            unknown=tuple(unknown),
        )
        first, *others = [desk.read(url, snapshot, answer, parser) for desk in self.desks]
        held = self.desks[0].everything()
        for desk, looked in zip(self.desks[1:], others, strict=True):
            assert looked == first, f"{desk.path.stem} differs from what is kept in memory"
            for table, rows in desk.everything().items():
                assert rows == held[table], f"{table} of {desk.path.stem} differs"
        return first

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        return self.desks[0].rows(query, *values)

    def log(self) -> list[dict[str, Any]]:
        """The log in words, in the order in which it was written."""
        return self.rows("SELECT * FROM change_log ORDER BY id")

    def changes(self) -> list[Brief]:
        """The log in short: kind, candidate, old, new."""
        return [(r["kind"], r["candidate"], r["old"], r["new"]) for r in self.log()]

    def flags(self) -> dict[tuple[str, str | None], list[str]]:
        """The flags of the log's rows that have any, by kind and candidate."""
        return {
            (r["kind"], r["candidate"]): json.loads(r["flags"])
            for r in self.log()
            if r["flags"] != "[]"
        }

    def first_sights(self) -> list[tuple[str, str | None, object]]:
        """Field, candidate and value, in the order in which they were written."""
        return [
            (r["field"], r["candidate"], r["new"])
            for r in self.rows("SELECT * FROM first_sight_log ORDER BY id")
        ]

    def votes(self, race: str = "president", place: str = "us") -> dict[str, int | None]:
        """The votes as they stand, by candidate."""
        return {
            r["candidate"]: r["votes"]
            for r in self.rows("SELECT * FROM results WHERE race = ? AND place = ?", race, place)
        }

    def notes(self, kind: str | None = None) -> list[tuple[str, int, int]]:
        """Kind, first and last look of each note."""
        return [
            (r["kind"], r["first_fetch"], r["last_fetch"])
            for r in self.rows("SELECT * FROM note ORDER BY id")
            if kind in (None, r["kind"])
        ]

    def unconfirmed(self) -> list[tuple[str, str, str]]:
        """Race, place and reason of what is shown as unconfirmed now."""
        return [
            (r["race"], r["place"], r["reason"])
            for r in self.rows("SELECT * FROM unconfirmed ORDER BY race, place")
            if r["verdict"] == "unconfirmed"
        ]

    def check(self) -> None:
        """What holds of every log, whatever was looked at."""
        for desk in self.desks:
            links = list(hashes(desk))
            assert links
            assert [is_ for is_, _ in links] == [must for _, must in links], "the chain is broken"
        self.check_continuity()

    def check_continuity(self) -> None:
        """Old of each change is what the log said of that value before."""
        said: dict[tuple[object, ...], object] = {}
        for row in self.in_order():
            where = (row["race"], row["place"])
            key = (*where, row["candidate"], row["field"])
            if row["field"] == "set":
                if row["kind"] == "race_removed":
                    said = {k: v for k, v in said.items() if k[:2] != where}
                elif row["kind"] == "candidate_removed":
                    said = {k: v for k, v in said.items() if k[:3] != key[:3]}
                continue
            if row["field"] == "projection" and "runoff" not in row["flags"]:
                key = (*where, None, "projection")  # a call is the race's, whoever it is for
            elif row["field"] == "projection":
                key = (*where, row["candidate"], "runoff")
            if row["kind"] != "first" and row["field"] != "name":
                assert said.get(key) == row["old"], (
                    f"{row['kind']} of {key} from {row['old']}, the log said {said.get(key)}"
                )
            said[key] = row["new"]

    def in_order(self) -> Iterable[dict[str, Any]]:
        """First sights and changes by the look at which they were believed."""
        rows = self.rows(
            "SELECT *, coalesce(confirmed_by, fetch) AS look, 1 AS changed FROM change_log"
        )
        rows += self.rows("SELECT *, fetch AS look, 0 AS changed FROM first_sight_log")
        return sorted(rows, key=lambda r: (r["look"], r["changed"], r["id"] or 0))

    def close(self) -> None:
        for desk in self.desks:
            desk.connection.close()


@contextmanager
def watched(folder: Path, **more: Any) -> Iterator[Watch]:
    """Three databases in the folder; afterwards what holds of every log is checked."""
    watch = Watch(folder, **more)
    try:
        yield watch
        watch.check()
    finally:
        watch.close()


def _canonical(value: object) -> str:
    """JSON with sorted keys, without blanks, in ASCII; written out here, not asked of anybody."""
    if isinstance(value, Mapping):
        pairs = (f"{json.dumps(key)}:{_canonical(value[key])}" for key in sorted(value))
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_canonical(item) for item in value) + "]"
    return json.dumps(value)


def hashes(desk: Desk) -> Iterator[tuple[str, str]]:
    """Of each link, the hash that it has and the hash that it must have."""
    previous = "0" * 64
    read = {x["fetch"] for x in desk.rows("SELECT fetch FROM link WHERE step = 'read'")}
    for link in desk.rows("SELECT * FROM link ORDER BY id"):
        (fetch,) = desk.rows("SELECT * FROM fetch WHERE id = ?", link["fetch"])
        content: dict[str, object] = {"fetch": link["fetch"], "step": link["step"]}
        if link["step"] == "received":
            (page,) = desk.rows(
                "SELECT source.name AS source, url, family FROM page"
                " JOIN source ON source.id = source WHERE page.id = ?",
                fetch["page"],
            )
            (body,) = desk.rows("SELECT sha256 FROM body WHERE id = ?", fetch["body"])
            # What was read before is done with when it is received.
            later = {"outcome": None, "reason": None, "parser": None}
            later = later if link["fetch"] in read else {}
            came = {k: v for k, v in fetch.items() if k != "id"}
            content |= {**came, **later, "page": page, "body": body["sha256"]}
        else:
            content |= {name: fetch[name] for name in ("outcome", "reason", "parser")}
            for table in (
                "series",
                "label",
                "entry",
                "first_sight",
                "refusal",
                "article_version",
                "discovery",
                "note",
            ):
                info = desk.rows(f"PRAGMA table_info({table})")
                columns = ", ".join(column["name"] for column in info)
                where = "coalesce(confirmed_by, fetch)" if table == "entry" else "fetch"
                rows = desk.rows(
                    f"SELECT {columns} FROM {table} WHERE {where} = ? ORDER BY id", link["fetch"]
                )
                content[table] = [list(row.values()) for row in rows]
        text = _canonical({"content": content, "previous": previous})
        previous = hashlib.sha256(text.encode("ascii")).hexdigest()
        yield link["hash"], previous
