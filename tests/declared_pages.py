"""Declarations and documents of our own making, as feeds of many kinds have them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from crawler.sources import Configuration, read_configuration
from storage.records import RaceState, Refusal, Snapshot

Json = Any
Brief = tuple[str, str, dict[str, int | None]]

SOURCE = {
    "id": '"county-2026"',
    "outlet": '"Example County"',
    "parser": '"declared"',
    "election_date": "2026-11-03",
    "timezone": '"America/New_York"',
}
#: A declaration that names every key.
RACE = {
    "races": '"contests"',
    "office": '{ path = "title", lookup = { Governor = "governor", House = "house",'
    ' "U.S. Senate" = "senate", President = "president" } }',
    "state": '"state"',
    "county": '"county"',
    "district": '"district"',
    "special": '"special"',
    "id": '"contestId"',
    "updated_at": '"asOf"',
    "expected_vote_pct": '"expected"',
    "precincts_pct": '"reporting"',
    "candidates": '"choices"',
}
CANDIDATE = {
    "id": '"id"',
    "name": '"name"',
    "party": '"party"',
    "votes": '"total"',
    "winner": '{ path = "mark", lookup = { X = "projected", R = "runoff", N = "none" } }',
}


def table(values: dict[str, str | None]) -> str:
    return "".join(f"{key} = {value}\n" for key, value in values.items() if value is not None)


def reads(of_candidate: dict[str, str | None] | None = None, /, **race: str | None) -> str:
    """The declaration with these values, in TOML; None leaves a key out."""
    chosen = {**CANDIDATE, **(of_candidate or {})}
    inline = ", ".join(f"{key} = {value}" for key, value in chosen.items() if value is not None)
    return table({**RACE, "candidate": f"{{ {inline} }}", **race})


def toml(declaration: str | None, **source: str | None) -> str:
    """A configuration; declaration: what stands under [source.reads], None for no such table."""
    head = 'contact = "desk@example.com"\n[[source]]\n' + table({**SOURCE, **source})
    return head if declaration is None else f"{head}[source.reads]\n{declaration}"


@lru_cache(maxsize=256)  # properties read many documents by one declaration
def configured(text: str) -> Configuration:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "tallytrail.toml"
        path.write_text(text, "utf-8")
        return read_configuration(path)


def read(
    declaration: str, document: Json, *, charset: str | None = None, **source: str
) -> Snapshot:
    """What the declaration makes of the document: bytes, a text, or a value to be sent as JSON."""
    if not isinstance(document, bytes):
        text = document if isinstance(document, str) else json.dumps(document)
        document = text.encode()
    parser = configured(toml(declaration, **source)).sources[0].parser
    return parser.parse(
        "feed",
        document,
        charset=charset,
        url="https://results.example.com/summary.json",
        election_date=date(2026, 11, 3),
        fetched_at=datetime(2026, 11, 4, 5, tzinfo=UTC),
    )


def brief(snapshot: Snapshot) -> list[Brief]:
    """Race, place and votes by candidate, of a snapshot of which nothing is refused."""
    assert snapshot.refusals == ()
    return [
        (race.race, race.place, {t.candidate: t.votes for t in race.tallies})
        for race in snapshot.races
    ]


def only(snapshot: Snapshot) -> RaceState:
    """The one race."""
    assert snapshot.refusals == ()
    (race,) = snapshot.races
    return race


def refusal(snapshot: Snapshot) -> Refusal:
    """The one refusal, where nothing else is there; its reason is one line for people."""
    assert snapshot.races == ()
    (found,) = snapshot.refusals
    assert found.reason
    assert "\n" not in found.reason
    assert len(found.reason) < 500
    return found


def choice(number: int, total: Json, **more: Json) -> Json:
    name, party = {1: ("Ann Lee", "DEM"), 2: ("Bob Ray", "REP"), 3: ("Cyd Fox", "IND")}[number]
    return {"id": str(number), "name": name, "party": party, "total": total, **more}


def contest(*choices: Json, title: str = "Governor", state: Json = "FL", **more: Json) -> Json:
    """A contest as `reads()` has it; with a choice of 1,234 and one of 567 where none is given."""
    given = list(choices) or [choice(1, 1234), choice(2, 567)]
    return {"title": title, "state": state, "choices": given, **more}


def without(entry: Json, *keys: str) -> Json:
    return {key: value for key, value in entry.items() if key not in keys}
