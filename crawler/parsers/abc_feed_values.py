"""The values in ABC's results feed: numbers, times, texts, and candidates with their votes.

Nothing is read leniently: absent and null mean "not published", a value of a type or range that is
not known raises NotUnderstood. Messages begin with the path of the field below the object that was
given (`.votes.value is negative: -5`), so that the caller puts its own path before them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from crawler.errors import NotUnderstood
from crawler.parsers.values import count, percent
from storage.records import CandidateKind, Tally

Fields = dict[str, Any]

MOST_VOTES = 300_000_000
MOST_ELECTORS = 538
#: The expected vote is an estimate: real counts have passed 100 percent of it.
MOST_PERCENT = 200

# What is known of each kind of object, used or left out on purpose.
_FORMS = frozenset({"doubleValue", "value", "displayValue"})
NUMBER = _FORMS | {"displayText"}
REPORTING = NUMBER | {"threshold"}
TIME = frozenset({"value", "displayValue", "displayText"})
STATUS = frozenset({"type", "value"})
STATISTICS = frozenset({"votes", "percent", "electoralVotes"})
CANDIDATE = frozenset(
    {
        "id", "displayName", "firstName", "lastName", "party", "aggregate", "statistics",
        "winner", "runoff", "incumbent", "special", "raceId",
        # Left out: spelled otherwise, or how the page shows the candidate.
        "shortDisplayName", "major", "participated", "dropped", "order", "partyOrder",
    }
)  # fmt: skip

_LONGEST_QUOTE = 80
_BARE_PERCENT = re.compile(r"[0-9]+(\.[0-9]+)?")
_WRITE_IN = re.compile(r"\bwrite[ -]?ins?\b", re.IGNORECASE)
_ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:?[0-9]{2})"
)


def quoted(value: object) -> str:
    """What was found, short enough for a message."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, str):
        return repr(value[:_LONGEST_QUOTE])
    return f"{value!s:.{_LONGEST_QUOTE}}"


def note(unknown: set[str], fields: Fields, known: frozenset[str], where: str) -> None:
    """Note the paths of the fields that are not known. where: the object's own path."""
    for name in fields.keys() - known:
        unknown.add(f"{where}.{name:.{_LONGEST_QUOTE}}".removeprefix("."))


def object_in(
    fields: Fields, name: str, known: frozenset[str], where: str, unknown: set[str]
) -> Fields | None:
    """The object of this name; None when it is absent or null."""
    found = fields.get(name)
    if found is None:
        return None
    if type(found) is not dict:
        raise NotUnderstood(f".{name} is not an object: {quoted(found)}")
    if not found.keys() <= known:
        note(unknown, found, known, f"{where}.{name}")
    return found


def note_in(
    fields: Fields, name: str, known: frozenset[str], where: str, unknown: set[str]
) -> None:
    """Note what is not known of an object that is left out, whatever else it holds."""
    found = fields.get(name)
    if type(found) is dict and not found.keys() <= known:
        note(unknown, found, known, f"{where}.{name}")


def list_in(fields: Fields, name: str) -> list[Any]:
    """The list of this name, which must be there and not be empty."""
    if name not in fields:
        raise NotUnderstood(f".{name} is missing")
    found = fields[name]
    if type(found) is not list:
        raise NotUnderstood(f".{name} is not a list: {quoted(found)}")
    if not found:
        raise NotUnderstood(f".{name} is empty")
    return found


def text_in(fields: Fields, name: str) -> str | None:
    """The text of this name; None when it is absent, null or blank."""
    found = fields.get(name)
    if found is None:
        return None
    if type(found) is not str:
        raise NotUnderstood(f".{name} is not a text: {quoted(found)}")
    return found if found and not found.isspace() else None


def flag_in(fields: Fields, name: str) -> bool:
    """The flag of this name; False when it is absent or null."""
    found = fields.get(name)
    if found is None:
        return False
    if type(found) is not bool:
        raise NotUnderstood(f".{name} is neither true nor false: {quoted(found)}")
    return found


def must_flag_in(fields: Fields, name: str) -> bool:
    """The flag of this name, which must be there: without it, a call would seem taken back."""
    found = fields.get(name)
    if type(found) is not bool:
        missing = f"is neither true nor false: {quoted(found)}" if name in fields else "is missing"
        raise NotUnderstood(f".{name} {missing}")
    return found


def time_in(fields: Fields, name: str, where: str, unknown: set[str]) -> datetime | None:
    """The instant of this name, from its `value` alone: what is displayed has no year."""
    found = object_in(fields, name, TIME, where, unknown)
    text = None if found is None else found.get("value")
    if text is None:
        return None
    try:
        # fromisoformat reads dates without a time, weeks and more.
        if type(text) is str and _ISO.fullmatch(text):
            return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise NotUnderstood(f".{name}.value is no time with a zone: {quoted(text)}")


def whole_in(fields: Fields, name: str, most: int) -> int | None:
    """The bare whole number of this name, 0 to `most`; None when it is absent or null."""
    found = fields.get(name)
    return None if found is None else _whole(found, f".{name}", most)


def number_in(fields: Fields, name: str, most: int, where: str, unknown: set[str]) -> int | None:
    """The whole number that the object of this name carries; None when it is not published."""
    found = object_in(fields, name, NUMBER, where, unknown)
    if found is None:
        return None
    double, value = found.get("doubleValue"), found.get("value")
    # What nearly all are like; all else is looked at closely.
    if type(double) is int and double == value and 0 <= double <= most and type(value) is int:
        return double
    if double is not None:
        return _whole(double, f".{name}.doubleValue", most)
    if value is not None:
        return _whole(value, f".{name}.value", most)
    text = _displayed(found, name)
    if text is None:
        return None
    shown = count(text)
    if shown is None:
        raise NotUnderstood(f".{name}.displayValue cannot be read: {quoted(text)}")
    return _whole(shown, f".{name}.displayValue", most)


def percent_in(
    fields: Fields, name: str, known: frozenset[str], where: str, unknown: set[str]
) -> float | None:
    """The percent that the object of this name carries; None when it is not published."""
    found = object_in(fields, name, known, where, unknown)
    if found is None:
        return None
    # `value` may be rounded.
    for field in ("doubleValue", "value"):
        number = found.get(field)
        if number is not None:
            if type(number) not in (int, float):
                raise NotUnderstood(f".{name}.{field} is not a number: {quoted(number)}")
            return _within(number, f".{name}.{field}")
    text = _displayed(found, name)
    if text is None:
        return None
    shown = percent(f"{text}%" if _BARE_PERCENT.fullmatch(text) else text)
    if shown is None:
        raise NotUnderstood(f".{name}.displayValue cannot be read: {quoted(text)}")
    return _within(shown, f".{name}.displayValue")


def _whole(number: object, path: str, most: int) -> int:
    if type(number) is float and number.is_integer():
        number = int(number)
    if type(number) is not int:
        raise NotUnderstood(f"{path} is not a whole number: {quoted(number)}")
    if number < 0:
        raise NotUnderstood(f"{path} is negative: {number}")
    if number > most:
        raise NotUnderstood(f"{path} is above {most:,}: {number}")
    return number


def _within(number: float, path: str) -> float:
    """The number as a float. Raises NotUnderstood when no percent can be so low or high."""
    if not 0 <= number <= MOST_PERCENT:
        raise NotUnderstood(f"{path} is not between 0 and {MOST_PERCENT}: {number}")
    return float(number)


def _displayed(found: Fields, name: str) -> str | None:
    """The number's text, where it has no other form; None when nothing is published."""
    # Renamed, a number would look like one that is not published.
    if not found.keys() <= REPORTING and not found.keys() & _FORMS:
        raise NotUnderstood(f".{name} has none of {', '.join(sorted(_FORMS))}")
    try:
        text = text_in(found, "displayValue")
    except NotUnderstood as error:
        raise NotUnderstood(f".{name}{error}") from None
    return None if text is None else text.strip()


def tallies_in(
    fields: Fields, where: str, unknown: set[str], *, electors: bool, counted: bool
) -> tuple[Tally, ...]:
    """The tallies of `candidates`. where: the path of the object that has the list.

    electors: it is a race of electors. counted: each candidate must have statistics; else they may
    be missing, but from all together.
    """
    tallies = []
    without = []
    where = f"{where}.candidates[]"
    figures_where = f"{where}.statistics"
    for at, candidate in enumerate(candidates_in(fields)):
        try:
            if not candidate.keys() <= CANDIDATE:
                note(unknown, candidate, CANDIDATE, where)
            statistics = object_in(candidate, "statistics", STATISTICS, where, unknown)
            if statistics is None:
                without.append(at)
                votes = electoral_votes = None
            else:
                votes, electoral_votes = _figures(statistics, figures_where, unknown, electors)
            tallies.append(_tally(candidate, votes, electoral_votes))
        except NotUnderstood as error:
            raise NotUnderstood(f".candidates[{at}]{error}") from None
    if without and (counted or len(without) < len(tallies)):
        raise NotUnderstood(f".candidates[{without[0]}].statistics is missing")
    keys = {tally.candidate for tally in tallies}
    if len(keys) < len(tallies):
        twice = [key for key in sorted(keys) if sum(t.candidate == key for t in tallies) > 1]
        raise NotUnderstood(f".candidates has an id more than once: {', '.join(twice[:4])}")
    return tuple(tallies)


def candidates_in(fields: Fields) -> Iterator[Fields]:
    """The candidates, one by one, each of which must be an object."""
    for at, candidate in enumerate(list_in(fields, "candidates")):
        if type(candidate) is not dict:
            raise NotUnderstood(f".candidates[{at}] is not an object: {quoted(candidate)}")
        yield candidate


def _figures(
    statistics: Fields, where: str, unknown: set[str], electors: bool
) -> tuple[int | None, int | None]:
    """Votes and electoral votes. The percent is not kept, but none may be beyond all bounds."""
    try:
        if "votes" not in statistics:
            raise NotUnderstood(".votes is missing")
        votes = number_in(statistics, "votes", MOST_VOTES, where, unknown)
        share = statistics.get("percent")
        if type(share) is dict:
            if not share.keys() <= NUMBER:
                note(unknown, share, NUMBER, f"{where}.percent")
            double = share.get("doubleValue")
            if isinstance(double, (int, float)):
                _within(double, ".percent.doubleValue")
        if not electors:
            return votes, None
        return votes, number_in(statistics, "electoralVotes", MOST_ELECTORS, where, unknown)
    except NotUnderstood as error:
        raise NotUnderstood(f".statistics{error}") from None


class _Person(NamedTuple):
    """Who stands, which is the same at every look."""

    candidate: str
    name: str
    last_name: str
    party: str | None
    kind: CandidateKind


def _tally(candidate: Fields, votes: int | None, electoral_votes: int | None) -> Tally:
    get = candidate.get
    try:
        person = _person(*map(get, _PERSON))
    except (TypeError, NotUnderstood):  # also a list or an object, which no cache takes
        person = _read_person(candidate)  # and which says what is wrong with it
    return Tally(
        candidate=person.candidate,
        name=person.name,
        votes=votes,
        electoral_votes=electoral_votes,
        last_name=person.last_name,
        party=person.party,
        kind=person.kind,
    )


_PERSON = ("id", "displayName", "firstName", "lastName", "party", "aggregate")


@lru_cache(maxsize=16384, typed=True)
def _person(*values: object) -> _Person:
    return _read_person(
        {name: value for name, value in zip(_PERSON, values, strict=True) if value is not None}
    )


def _read_person(candidate: Fields) -> _Person:
    name = text_in(candidate, "displayName") or _full_name(candidate)
    return _Person(
        candidate=id_of(candidate),
        name=name,
        last_name=(text_in(candidate, "lastName") or last_word(name)).lower(),
        party=text_in(candidate, "party"),
        kind="aggregate" if flag_in(candidate, "aggregate") else _kind(name),
    )


def id_of(candidate: Fields) -> str:
    """The candidate's id, a whole number from 1 on, as text."""
    found = candidate.get("id")
    if type(found) is str and len(found) < 19:
        found = count(found)
    if type(found) is not int or found < 1:
        missing = "missing" if "id" not in candidate else f"no id: {quoted(found)}"
        raise NotUnderstood(f".id is {missing}")
    return str(found)


def _full_name(candidate: Fields) -> str:
    words = (text_in(candidate, "firstName"), text_in(candidate, "lastName"))
    name = " ".join(word.strip() for word in words if word is not None)
    if not name:
        raise NotUnderstood(".displayName is missing, and firstName and lastName are")
    return name


def last_word(name: str) -> str:
    """The last word of a name, which is the last name of most."""
    return name.split()[-1]


@lru_cache(maxsize=4096)
def _kind(name: str) -> CandidateKind:
    return "write_in" if _WRITE_IN.search(name) else "person"
