"""A results feed that a declaration describes: any JSON, CSV or XML, without code of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from crawler.errors import NotUnderstood
from crawler.parsers.declaration import Declaration, Value
from crawler.parsers.documents import document
from crawler.parsers.results_only import ResultsOnly
from crawler.parsers.values import count
from storage.places import STATES, state_code
from storage.records import RaceState, Refusal, Snapshot, Tally, refused_page

_MOST_VOTES = 300_000_000
_MOST_PERCENT = 200
_PERCENT = re.compile(r"\s*([0-9]{1,3}(?:\.[0-9]+)?)\s*(?:%.*)?", re.DOTALL)
_APART = re.compile(r"[^a-z0-9]+")
_HALF_DAY = re.compile(r"\b([ap])\.m\.(?![a-z])", re.IGNORECASE)
_FIPS = re.compile(r"[0-9]{5}")
#: Bytes of a value that a message quotes, at most.
_QUOTED = 80
#: Entries of the same kind of fault that are named, at most.
_NAMED = 4


class Declared(ResultsOnly):
    """The parser of one source, by its declaration. scheme: whose the candidates' ids are."""

    def __init__(self, declaration: Declaration, scheme: str) -> None:
        self.declaration = declaration
        self.scheme = scheme

    @property
    def NAME(self) -> str:
        """Another one for each declaration: the same bytes may read otherwise."""
        return self.declaration.name

    def parse(
        self, _family: str, body: bytes, /, *, charset: str | None, **_context: Any
    ) -> Snapshot:
        """All that one body says by the declaration."""
        try:
            return read_document(self.declaration, document(body, charset), self.scheme)
        except NotUnderstood as error:
            return refused_page(str(error))


@dataclass(frozen=True, slots=True)
class _Row:
    """A candidate of one race in one place. path: where the race stands in the document."""

    path: str
    race: str
    place: str
    place_name: str | None
    facts: tuple[datetime | None, float | None, float | None]
    candidates: tuple[Any, ...]


def read_document(declared: Declaration, root: Any, scheme: str) -> Snapshot:
    """What the document says. scheme: see Declared.

    Raises NotUnderstood when nothing in it can be read.
    """
    entries = _entries(declared, root)
    refusals: list[Refusal] = []
    races: dict[tuple[str, str], list[_Row]] = {}
    for at, entry in enumerate(entries):
        path = "" if declared.races is None else f"races[{at}]: "
        try:
            row = _row(declared, entry, path)
        except NotUnderstood as error:
            refusals.append(Refusal(part="race", reason=f"{path}{error}"))
            continue
        races.setdefault((row.race, row.place), []).append(row)
    _must_find_votes(declared, [row for rows in races.values() for row in rows])
    states = []
    for (race, place), rows in races.items():
        try:
            states.append(_state(declared, rows))
        except NotUnderstood as error:
            refusals.append(Refusal(part="race", reason=str(error), race=race, place=place))
    return Snapshot(
        races=tuple(states),
        refusals=tuple(refusals),
        id_scheme=scheme if "id" in declared.candidate else None,
    )


def _entries(declared: Declaration, root: Any) -> list[Any]:
    if declared.races is None:
        return [root]
    found = declared.races.raw(root)
    if found is None or found == []:
        raise NotUnderstood(f"races: {declared.races.text!r} finds nothing")
    if not isinstance(found, list):
        raise NotUnderstood(f"races: {declared.races.text!r} finds no list: {_quoted(found)}")
    return found


def _must_find_votes(declared: Declaration, rows: list[_Row]) -> None:
    """Raise NotUnderstood when no candidate at all has votes: the path is taken to be wrong."""
    votes = declared.candidate["votes"]
    candidates = [candidate for row in rows for candidate in row.candidates]
    if candidates and all(votes.raw(candidate) is None for candidate in candidates):
        raise NotUnderstood(
            f"candidate.votes: {votes.text!r} finds nothing in {len(candidates)} candidates"
        )


def _row(declared: Declaration, entry: Any, path: str) -> _Row:
    race = declared.race
    office = _slug("office", _text(race, "office", entry))
    if not office:
        raise NotUnderstood(f"office: {race['office'].text!r} finds nothing")
    state = _state_of(race, entry)
    district = _district(race, entry)
    slug = office if office == "president" or state is None else f"{office}/{state}"
    place, name = "us" if state is None else f"us/{state}", None
    if district is not None:
        slug += f"-{district}"
        if office in ("house", "president") and state is not None:
            place = f"us/{state}-{district}"
    own = _slug("id", _text(race, "id", entry))
    if own:
        slug += f"/{own}" if slug == office else f"-{own}"
    if _flag(race, "special", entry):
        slug += "-special"
    county = _text(race, "county", entry)
    if county is not None:
        if state is None:
            raise NotUnderstood(f"county: {_quoted(county)} is in no state")
        code = county if _FIPS.fullmatch(county) else _slug("county", county)
        place, name = f"us/{state}/{code}", None if code == county else county
    facts = (
        _time(race, "updated_at", entry),
        _percent(race, "expected_vote_pct", entry),
        _percent(race, "precincts_pct", entry),
    )
    candidates: Any = [entry]
    if "candidates" in race:
        candidates = race["candidates"].raw(entry)
        if not isinstance(candidates, list) or not candidates:
            text = race["candidates"].text
            raise NotUnderstood(f"candidates: {text!r} finds no list: {_quoted(candidates)}")
    return _Row(path, slug, place, name, facts, tuple(candidates))


def _state(declared: Declaration, rows: list[_Row]) -> RaceState:
    first = rows[0]
    if "candidates" in declared.race and len(rows) > 1:
        which = " and ".join(row.path.rstrip(": ") for row in rows[:_NAMED])
        raise NotUnderstood(
            f"{which} cannot be told apart: {first.race} in {first.place}; declare what differs"
            " (id, district or special)"
        )
    tallies: list[Tally] = []
    called: list[str] = []
    runoff: set[str] = set()
    for row in rows:
        for at, candidate in enumerate(row.candidates):
            try:
                tally = _tally(declared, candidate)
                mark = _winner(declared, candidate)
            except NotUnderstood as error:
                one = "" if "candidates" not in declared.race else f"candidates[{at}]: "
                raise NotUnderstood(f"{row.path}{one}{error}") from None
            if any(t.candidate == tally.candidate for t in tallies):
                raise NotUnderstood(f"{row.path}the candidate {tally.candidate!r} stands twice")
            tallies.append(tally)
            if mark == "projected":
                called.append(tally.candidate)
            elif mark == "runoff":
                runoff.add(tally.candidate)
    if len(called) > 1:
        raise NotUnderstood(f"{first.path}{len(called)} winners: {', '.join(called[:_NAMED])}")
    facts = {row.facts for row in rows}
    updated = max((f[0] for f in facts if f[0] is not None), default=None)
    return RaceState(
        race=first.race,
        place=first.place,
        place_name=first.place_name,
        source_updated_at=updated,
        tallies=tuple(tallies),
        projection=called[0] if called else None,
        runoff=frozenset(runoff),
        expected_vote_pct=_one(first.path, "expected_vote_pct", {f[1] for f in facts}),
        precincts_pct=_one(first.path, "precincts_pct", {f[2] for f in facts}),
    )


def _one(path: str, name: str, values: set[float | None]) -> float | None:
    told = values - {None}
    if len(told) > 1:
        raise NotUnderstood(f"{path}{name} differs between the rows of one race")
    return told.pop() if told else None


def _tally(declared: Declaration, entry: Any) -> Tally:
    values = declared.candidate
    own = _text(values, "id", entry)
    name = _text(values, "name", entry)
    if own is None and "id" in values:
        raise NotUnderstood(f"id: {values['id'].text!r} finds nothing")
    if own is None and name is None:
        raise NotUnderstood(f"name: {values['name'].text!r} finds nothing")
    name = name or own or ""
    return Tally(
        candidate=own or " ".join(name.lower().split()),
        name=name,
        votes=_votes(values, entry),
        last_name=None if own is None else name.lower().split()[-1],
        party=_text(values, "party", entry),
    )


def _found(values: Mapping[str, Value], name: str, entry: Any) -> object:
    """What is declared for the name, through its lookup; None when nothing is."""
    value = values.get(name)
    if value is None:
        return None
    found = value.raw(entry)
    if isinstance(found, str):
        found = found.strip() or None
    if found is None or value.lookup is None:
        return found
    key = str(found).lower() if isinstance(found, bool) else str(found)
    if key not in value.lookup:
        raise NotUnderstood(f"{name}: {_quoted(found)} is not in its lookup")
    return value.lookup[key]


def _text(values: Mapping[str, Value], name: str, entry: Any) -> str | None:
    found = _found(values, name, entry)
    if found is None or found is False:  # what `a && b` gives when there is no a
        return None
    if isinstance(found, bool) or not isinstance(found, (str, int)):
        raise NotUnderstood(f"{name}: {_quoted(found)} is no text")
    return " ".join(str(found).split()) or None


def _flag(values: Mapping[str, Value], name: str, entry: Any) -> bool:
    found = _found(values, name, entry)
    if found in (None, False, 0, "", "false", "False", "FALSE", "0", "N", "n", "no", "No"):
        return False
    if found in (True, 1, "true", "True", "TRUE", "1", "Y", "y", "yes", "Yes"):
        return True
    raise NotUnderstood(f"{name}: {_quoted(found)} is neither true nor false; give it a lookup")


def _votes(values: Mapping[str, Value], entry: Any) -> int | None:
    found = _found(values, "votes", entry)
    if isinstance(found, str):
        number = count(found)
        if number is None:
            raise NotUnderstood(f"votes: {_quoted(found)} is no number")
        found = number
    if found is None:
        return None
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    if isinstance(found, bool) or not isinstance(found, int):
        raise NotUnderstood(f"votes: {_quoted(found)} is no number")
    if not 0 <= found <= _MOST_VOTES:
        raise NotUnderstood(f"votes: {found} is not between 0 and {_MOST_VOTES:,}")
    return found


def _percent(values: Mapping[str, Value], name: str, entry: Any) -> float | None:
    found = _found(values, name, entry)
    if isinstance(found, str):
        match = _PERCENT.fullmatch(found)
        if match is None:
            raise NotUnderstood(f"{name}: {_quoted(found)} is no percent")
        found = float(match[1])
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise NotUnderstood(f"{name}: {_quoted(found)} is no percent")
    if not 0 <= found <= _MOST_PERCENT:
        raise NotUnderstood(f"{name}: {found} is not between 0 and {_MOST_PERCENT}")
    return float(found)


def _winner(declared: Declaration, entry: Any) -> str | None:
    """`projected`, `runoff`, or None."""
    found = _found(declared.candidate, "winner", entry)
    if found in ("projected", "runoff"):
        return str(found)
    if found in (None, False, 0, "", "false", "none"):
        return None
    if found in (True, 1, "true"):
        return "projected"
    raise NotUnderstood(
        f'winner: {_quoted(found)} may mean anything; lookup = {{ {found} = "projected" }}'
    )


def _time(values: Mapping[str, Value], name: str, entry: Any) -> datetime | None:
    found = _found(values, name, entry)
    if found is None:
        return None
    value = values[name]
    moment: datetime | None = None
    try:
        if value.format in ("epoch", "epoch_ms"):
            if not isinstance(found, bool) and isinstance(found, (int, float, str)):
                seconds = float(found) / (1000 if value.format == "epoch_ms" else 1)
                return datetime.fromtimestamp(seconds, UTC)
        elif isinstance(found, str) and value.format is None:
            moment = datetime.fromisoformat(found)
        elif isinstance(found, str) and value.format is not None:
            plain = _HALF_DAY.sub(r"\1m", found)
            moment = datetime.strptime(plain, value.format)  # noqa: DTZ007 - the zone comes next
    except (ValueError, OverflowError, OSError):
        pass
    if moment is None:
        form = value.format or "ISO 8601"
        raise NotUnderstood(f"{name}: {_quoted(found)} is no time of the form {form}")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=value.zone)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise NotUnderstood(f"{name}: {_quoted(found)} is out of all bounds") from None


def _state_of(values: Mapping[str, Value], entry: Any) -> str | None:
    text = _text(values, "state", entry)
    if text is None:
        return None
    code = state_code(text)
    if code not in STATES:
        raise NotUnderstood(f"state: {_quoted(text)} is no state")
    return code


def _district(values: Mapping[str, Value], entry: Any) -> str | None:
    text = _text(values, "district", entry)
    if text is None:
        return None
    return f"{int(text):02}" if text.isdecimal() and len(text) < 4 else _slug("district", text)


def _slug(name: str, text: str | None) -> str:
    """The text as a part of a race's name: lower case, with hyphens."""
    if text is None:
        return ""
    slug = _APART.sub("-", text.lower()).strip("-")
    if not slug:
        raise NotUnderstood(f"{name}: {_quoted(text)} has neither letters nor digits")
    return slug


def _quoted(value: object) -> str:
    return repr(value)[:_QUOTED]
