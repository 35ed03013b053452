"""A results feed that a declaration describes: any JSON, CSV or XML, without code of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from crawler.errors import NotUnderstood
from crawler.parsers.declaration import Declaration, DeclarationError, Value
from crawler.parsers.documents import document
from crawler.parsers.loose_values import CONTROL, MOST_PERCENT, quoted, slugged, votes
from crawler.parsers.results_only import ResultsOnly
from storage.places import STATES, state_code
from storage.records import RaceState, Refusal, Snapshot, Tally, refused_page

_PERCENT = re.compile(r"\s*([0-9]{1,3}(?:\.[0-9]+)?)\s*(?:%.*)?", re.DOTALL)
_HALF_DAY = re.compile(r"\b([ap])\.m\.(?![a-z])", re.IGNORECASE)
#: A county's code; numbers, and spreadsheets, drop its first zero.
_FIPS = re.compile(r"[0-9]{4,5}")
_EPOCH = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,9})?")
#: Entries of the same kind of fault that are named, at most.
_NAMED = 4
#: No results are of longer before their election. A format that does not fit reads 1970.
_EARLIEST = timedelta(days=5 * 366)


class Declared(ResultsOnly):
    """The parser of one source, by its declaration. scheme: whose the candidates' ids are.

    Raises DeclarationError for constants and lookups that mean nothing.
    """

    def __init__(self, declaration: Declaration, scheme: str) -> None:
        _check_constants(declaration)
        self.declaration = declaration
        self.scheme = scheme

    @property
    def NAME(self) -> str:
        """Another one for each declaration: the same bytes may read otherwise."""
        return self.declaration.name

    def parse(
        self,
        _family: str,
        body: bytes,
        /,
        *,
        charset: str | None,
        election_date: date,
        **_context: Any,
    ) -> Snapshot:
        """All that one body says by the declaration."""
        try:
            snapshot = read_document(self.declaration, document(body, charset), self.scheme)
        except NotUnderstood as error:
            return refused_page(str(error))
        return _with_likely_times(snapshot, election_date)


def _with_likely_times(snapshot: Snapshot, election_date: date) -> Snapshot:
    """Without the races of which the time is of long before the election.

    Whose format is wrong would have them wait for ever: nothing of before an election is believed.
    """
    likely, refusals = [], list(snapshot.refusals)
    for race in snapshot.races:
        updated = race.source_updated_at
        if updated is None or updated.date() >= election_date - _EARLIEST:
            likely.append(race)
            continue
        reason = (
            f"updated_at reads as {updated:%-d %B %Y}, long before the election; see its format"
        )
        refusals.append(Refusal(part="race", reason=reason, race=race.race, place=race.place))
    return replace(snapshot, races=tuple(likely), refusals=tuple(refusals))


@dataclass(frozen=True, slots=True)
class _Row:
    """An entry of one race in one place. path: where it stands in the document.

    fault: why the race cannot be read, whatever its other entries say.
    """

    path: str
    race: str
    place: str
    place_name: str | None
    facts: tuple[datetime | None, float | None, float | None] = (None, None, None)
    candidates: tuple[Any, ...] = ()
    fault: str | None = None


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
        raise NotUnderstood(f"races: {declared.races.text!r} finds no list: {quoted(found)}")
    return found


def _must_find_votes(declared: Declaration, rows: list[_Row]) -> None:
    """Raise NotUnderstood when no candidate at all has votes: the path is taken to be wrong."""
    value = declared.candidate["votes"]
    candidates = [candidate for row in rows for candidate in row.candidates]
    if candidates and all(_has_none(value, candidate) for candidate in candidates):
        raise NotUnderstood(
            f"candidate.votes: {value.text!r} finds nothing in {len(candidates)} candidates"
        )


def _is_missing(value: Value | None, entry: Any) -> bool:
    """Whether a path finds nothing there; `false` is a value that is none on purpose."""
    return value is not None and value.raw(entry) is not False and _has_none(value, entry)


def _has_none(value: Value, entry: Any) -> bool:
    try:
        found = value.raw(entry)
    except NotUnderstood:  # its own race is refused for that
        return False
    return found is None or found is False or (isinstance(found, str) and not found.strip())


def _row(declared: Declaration, entry: Any, path: str) -> _Row:
    """Raises NotUnderstood when it cannot be told which race the entry is of."""
    race = declared.race
    if not isinstance(entry, (dict, list)):
        raise NotUnderstood(f"{quoted(entry)} is no race")
    office = slugged("office", _text(race, "office", entry))
    if not office:
        raise NotUnderstood(f"office: {race['office'].text!r} finds nothing")
    state = _state_of(race, entry)
    if state is None and office != "president" and _is_missing(race.get("state"), entry):
        raise NotUnderstood(f"state: {race['state'].text!r} finds nothing")
    district = _district(race, entry)
    slug = office if office == "president" or state is None else f"{office}/{state}"
    place, name = "us" if state is None else f"us/{state}", None
    if district is not None:
        slug += f"-{district}"
        if office in ("house", "president") and state is not None:
            place = f"us/{state}-{district}"
    own = slugged("id", _text(race, "id", entry))
    if own:
        slug += f"/{own}" if slug == office else f"-{own}"
    if _flag(race, "special", entry):
        slug += "-special"
    county = _text(race, "county", entry)
    if county is not None:
        if state is None:
            raise NotUnderstood(f"county: {quoted(county)} is in no state")
        is_code = _FIPS.fullmatch(county) is not None
        code = county.zfill(5) if is_code else slugged("county", county)
        place, name = f"us/{state}/{code}", None if is_code or code == county else county
    try:
        facts = (
            _time(race, "updated_at", entry),
            _percent(race, "expected_vote_pct", entry),
            _percent(race, "precincts_pct", entry),
        )
        return _Row(path, slug, place, name, facts, _candidates(race, entry))
    except NotUnderstood as error:
        # With one row less, the race would seem to have lost a candidate.
        return _Row(path, slug, place, name, fault=str(error))


def _candidates(race: Mapping[str, Value], entry: Any) -> tuple[Any, ...]:
    if "candidates" not in race:
        return (entry,)
    value = race["candidates"]
    found = value.raw(entry)
    if not isinstance(found, list):
        raise NotUnderstood(f"candidates: {value.text!r} finds no list: {quoted(found)}")
    if not found:
        raise NotUnderstood(f"candidates: {value.text!r} finds an empty list")
    return tuple(found)


def _state(declared: Declaration, rows: list[_Row]) -> RaceState:
    first = rows[0]
    if "candidates" in declared.race and len(rows) > 1:
        which = " and ".join(row.path.rstrip(": ") for row in rows[:_NAMED])
        raise NotUnderstood(
            f"{which} cannot be told apart: {first.race} in {first.place}; declare what differs"
            " (state, county, district, special or id)"
        )
    tallies: list[Tally] = []
    called: list[str] = []
    runoff: set[str] = set()
    for row in rows:
        if row.fault is not None:
            raise NotUnderstood(f"{row.path}{row.fault}")
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
    if name is None and "name" in values:
        # To print the id instead would be a new name, which nobody gave.
        raise NotUnderstood(f"name: {values['name'].text!r} finds nothing")
    name = name or own or ""
    known_as = " ".join(name.lower().split())
    return Tally(
        candidate=own or known_as,
        name=name,
        votes=votes("votes", _found(values, "votes", entry)),
        # By which a declaration without ids would know them: one may learn of ids, or forget.
        last_name=None if own is None else known_as,
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
    if found is False and (value.lookup is None or "false" not in value.lookup):
        return None  # what `a && b` gives when there is no a
    if found is None or value.lookup is None:
        return found
    key = str(found).lower() if isinstance(found, bool) else str(found)
    if key not in value.lookup:
        raise NotUnderstood(f"{name}: {quoted(found)} is not in its lookup")
    return value.lookup[key]


def _text(values: Mapping[str, Value], name: str, entry: Any) -> str | None:
    found = _found(values, name, entry)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, (str, int)):
        raise NotUnderstood(f"{name}: {quoted(found)} is no text")
    text = " ".join(str(found).split())
    if CONTROL.search(text):
        raise NotUnderstood(f"{name}: {quoted(text)} has a control character")
    return text or None


def _flag(values: Mapping[str, Value], name: str, entry: Any) -> bool:
    found = _found(values, name, entry)
    if found in (None, False, 0, "", "false", "False", "FALSE", "0", "N", "n", "no", "No"):
        return False
    if found in (True, 1, "true", "True", "TRUE", "1", "Y", "y", "yes", "Yes"):
        return True
    raise NotUnderstood(f"{name}: {quoted(found)} is neither true nor false; give it a lookup")


def _percent(values: Mapping[str, Value], name: str, entry: Any) -> float | None:
    found = _found(values, name, entry)
    if isinstance(found, str):
        match = _PERCENT.fullmatch(found)
        if match is None:
            raise NotUnderstood(f"{name}: {quoted(found)} is no percent")
        found = float(match[1])
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise NotUnderstood(f"{name}: {quoted(found)} is no percent")
    if not 0 <= found <= MOST_PERCENT:
        raise NotUnderstood(f"{name}: {found} is not between 0 and {MOST_PERCENT}")
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
        f'winner: {quoted(found)} may mean anything; lookup = {{ {found} = "projected" }}'
    )


def _time(values: Mapping[str, Value], name: str, entry: Any) -> datetime | None:
    found = _found(values, name, entry)
    if found is None:
        return None
    value = values[name]
    moment: datetime | None = None
    try:
        if value.format in ("epoch", "epoch_ms"):
            if not isinstance(found, bool) and _EPOCH.fullmatch(f"{found}"):
                seconds = float(f"{found}") / (1000 if value.format == "epoch_ms" else 1)
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
        hint = '; declare format = "epoch"' if isinstance(found, int | float) else ""
        raise NotUnderstood(f"{name}: {quoted(found)} is no time of the form {form}{hint}")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=value.zone)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise NotUnderstood(f"{name}: {quoted(found)} is out of all bounds") from None


def _state_of(values: Mapping[str, Value], entry: Any) -> str | None:
    text = _text(values, "state", entry)
    if text is None:
        return None
    code = state_code(text)
    if code not in STATES:
        raise NotUnderstood(f"state: {quoted(text)} is no state")
    return code


def _district(values: Mapping[str, Value], entry: Any) -> str | None:
    text = _text(values, "district", entry)
    if text is None:
        return None
    return f"{int(text):02}" if text.isdecimal() and len(text) < 4 else slugged("district", text)


def _check_constants(declared: Declaration) -> None:
    """Raise DeclarationError for a constant, or a meaning in a lookup, that would be refused."""
    for key, value in declared.race.items():
        if value.path is None:
            _check_constant(declared.race, key, None)
        elif value.lookup is not None:
            for meaning in value.lookup.values():
                told = replace(value, path=None, is_=meaning, lookup=None)
                _check_constant({key: told}, key, ".lookup")


def _check_constant(values: Mapping[str, Value], key: str, below: str | None) -> None:
    try:
        if key == "updated_at":
            _time(values, key, None)
        elif key in ("expected_vote_pct", "precincts_pct"):
            _percent(values, key, None)
        elif key == "special":
            _flag(values, key, None)
        elif key == "state":
            _state_of(values, None)
        elif key == "district":
            _district(values, None)
        elif not slugged(key, _text(values, key, None)) and key == "office":
            raise NotUnderstood(f"office: {values[key].is_!r} names no office")
    except NotUnderstood as error:
        told = str(error).removeprefix(f"{key}: ")
        raise DeclarationError(f"{key}{below or ''}", f"{told}; mend it") from None
