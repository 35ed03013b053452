"""What a document has, by its structure alone: for people who declare a feed. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from crawler.errors import NotUnderstood
from crawler.parsers.declaration import Declaration, Value

#: A name that JMESPath takes without quotes.
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = re.compile(r"[0-9]{1,3}(,[0-9]{3})*|[0-9]+(\.[0-9]+)?")

# By which names feeds call what is declared, the best first.
_NAMES = {
    "name": "name fullname displayname candidatename choice text title lastname",
    "id": "id candidateid key polid choiceid",
    "party": "party partyname partyabbreviation partyid",
    "votes": "votes votecount totalvotes votestotal total votesnum votenum count",
    "winner": "winner iswinner won win called elected",
    "office": "office officename officeid racetitle title racename contest name",
    "state": "state statepostal stateabbreviation stateabb statecode statename",
    "county": "county countyfips fips fipscode countyname",
    "district": "district districtnumber seatnum",
    "updated_at": "updatedat lastupdated updated timestamp reportingtime asof time",
    "expected_vote_pct": "eevp expectedvotepct expectedvote percentreporting",
    "precincts_pct": "precinctsreportingpct precinctspct precinctpct reporting",
}
_OF_CANDIDATE = ("id", "name", "party", "votes", "winner")
_OF_RACE = (
    "office",
    "state",
    "county",
    "district",
    "updated_at",
    "expected_vote_pct",
    "precincts_pct",
)


def leaves(root: Any) -> dict[str, list[Any]]:
    """All values that are no list or object, by path; `[]` stands for the places in a list."""
    found: dict[str, list[Any]] = {}
    _add_leaves("", root, found)
    return found


def _add_leaves(path: str, value: Any, found: dict[str, list[Any]]) -> None:
    if isinstance(value, dict):
        for name, item in value.items():
            _add_leaves(_below(path, name), item, found)
    elif isinstance(value, list):
        for item in value:
            _add_leaves(f"{path}[]", item, found)
    else:
        found.setdefault(path, []).append(value)


def _below(path: str, name: str) -> str:
    quoted = name if _PLAIN.fullmatch(name) else f'"{name}"'
    return f"{path}.{quoted}" if path else quoted


def unused(declared: Declaration, root: Any) -> dict[str, Any]:
    """The leaves that no declared path names, with the first value of each.

    All of them where the list of races is not found: the other paths start in it.
    """
    names = set()
    values: list[Value] = [*declared.race.values(), *declared.candidate.values()]
    for value in [*values, *([declared.races] if declared.races else [])]:
        if value.path is not None:
            names |= set(_fields(value.path.parsed))
    if declared.races is not None and not _listed(_raw(declared.races, root)):
        names = set()
    return {
        path: told[0]
        for path, told in leaves(root).items()
        if not names & {part.strip('"') for part in re.split(r"\[\]\.?|\.", path)[-1:]}
    }


def _fields(node: Mapping[str, Any]) -> Iterator[str]:
    if node.get("type") == "field":
        yield str(node["value"])
    for child in node.get("children", ()):
        if isinstance(child, dict):
            yield from _fields(child)


def noise(roots: Sequence[Any]) -> list[str]:
    """The leaves that are another value in each of several documents of one page."""
    if len(roots) < 2:
        return []
    each = [leaves(root) for root in roots]
    common = [path for path in each[0] if all(path in told for told in each)]
    return [path for path in common if all(a[path] != b[path] for a, b in pairwise(each))]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A key of a declaration, the path that may be meant, and a value that it finds."""

    key: str
    path: str
    example: Any


def suggestions(root: Any) -> list[Suggestion]:
    """What a declaration of the document may look like; empty when it has no list of candidates."""
    best: tuple[int, list[Suggestion]] = (0, [])
    for path, entries in [("", [root]), *_lists("", root)]:
        for inner, candidates in _inner_lists(entries):
            told = _suggested(_OF_CANDIDATE, candidates, "candidate.")
            keys = {s.key for s in told}
            if "candidate.votes" not in keys or not keys & {"candidate.name", "candidate.id"}:
                continue
            first = [Suggestion("races", path, f"{len(entries)} entries")] if path else []
            race = _suggested(_OF_RACE, entries, "")
            listed = [Suggestion("candidates", inner, f"{len(candidates)} candidates")]
            all_told = [*first, *race, *(listed if inner else []), *told]
            if len(all_told) > best[0]:
                best = (len(all_told), all_told)
    return best[1]


def _lists(path: str, value: Any) -> Iterator[tuple[str, list[Any]]]:
    """Every list of objects below the value, with its path from the root."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _lists(_below(path, name), item)
    elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        yield path or "@", value


def _inner_lists(entries: Sequence[Any]) -> Iterator[tuple[str, list[Any]]]:
    """Lists of objects in the entries, by path, with all that stands in them; and the entries."""
    found: dict[str, list[Any]] = {}
    for entry in entries:
        if isinstance(entry, dict):
            for name, item in entry.items():
                for path, items in _lists(_below("", name), item):
                    found.setdefault(path, []).extend(items)
    yield from found.items()
    if len(entries) > 1:
        yield "", list(entries)


def _suggested(keys: Iterable[str], entries: Sequence[Any], prefix: str) -> list[Suggestion]:
    names = {
        _folded(name): name
        for entry in reversed(entries[:50])
        if isinstance(entry, dict)
        for name in entry
    }
    told = []
    for key in keys:
        for wanted in _NAMES[key].split():
            name = names.get(wanted)
            if name is None:
                continue
            values = [e.get(name) for e in entries if isinstance(e, dict)]
            plain = [v for v in values if v is not None and not isinstance(v, (list, dict))]
            example = plain[0] if plain else None
            if example is None or (key == "votes" and not _is_number(example)):
                continue
            told.append(Suggestion(f"{prefix}{key}", _below("", name), example))
            break
    return told


def _folded(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return _NUMBER.fullmatch(value.strip()) is not None
    return isinstance(value, (int, float)) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class Hit:
    """Of a declared key: its path, in how many of how many places it finds something, and what.

    examples: some of the different values.
    """

    key: str
    path: str
    hits: int
    places: int
    examples: tuple[Any, ...]


def found(declared: Declaration, root: Any) -> list[Hit]:
    """What each declared path finds."""
    entries = [root] if declared.races is None else _listed(_raw(declared.races, root))
    candidates: list[Any] = []
    for entry in entries:
        inner = declared.race.get("candidates")
        candidates += [entry] if inner is None else _listed(_raw(inner, entry))
    return [
        *_hits("", declared.race, entries),
        *_hits("candidate.", declared.candidate, candidates),
    ]


def _raw(value: Value, place: Any) -> object:
    """What the path finds; None too where it does not fit, which the reading itself says."""
    try:
        return value.raw(place)
    except NotUnderstood:
        return None


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


#: Different values of a key that are shown.
_EXAMPLES = 4


def _hits(prefix: str, values: Mapping[str, Value], places: Sequence[Any]) -> Iterator[Hit]:
    for key, value in values.items():
        told = (_raw(value, place) for place in places)
        hits = [h for h in told if h not in (None, False, "")]
        different = tuple({repr(hit): hit for hit in hits}.values())
        yield Hit(f"{prefix}{key}", value.text, len(hits), len(places), different[:_EXAMPLES])
