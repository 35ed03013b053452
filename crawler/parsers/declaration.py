"""What a declared feed says where: paths into its documents, as the configuration has them.

Paths are JMESPath, in JSON, CSV and XML alike; see `crawler.parsers.documents`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions

from crawler.errors import NotUnderstood

#: What may be declared of a race, and what each is. Only the first is required.
RACE: Mapping[str, str] = MappingProxyType(
    {
        "office": "president, senate, house, governor or any other word",
        "state": "postal code or name; none for the nation",
        "county": "FIPS code or name, where the figures are those of a county",
        "district": "number of the seat",
        "special": "true for a special election",
        "id": "what tells races apart that have all else in common",
        "updated_at": "the outlet's own time of these figures",
        "expected_vote_pct": "percent of the expected vote that is counted",
        "precincts_pct": "percent of precincts that report",
        "candidates": "the list of candidates; without it each entry is one candidate's row",
    }
)
#: The same of a candidate. The last two are required.
CANDIDATE: Mapping[str, str] = MappingProxyType(
    {
        "id": "the outlet's own id",
        "party": "as printed",
        "winner": "true, or a mark that lookup turns into projected or runoff",
        "name": "as printed",
        "votes": "a number, or a text with commas",
    }
)
_DATED = frozenset({"updated_at"})
#: What makes no sense as a constant: lists, and what tells one candidate from another.
_FOUND = frozenset(
    {"races", "candidates"} | {f"candidate.{key}" for key in ("id", "name", "votes", "winner")}
)
_LISTS = frozenset({"races", "candidates"})
#: What a mark may mean.
MARKS = ("projected", "runoff", "none")
_EPOCHS = ("epoch", "epoch_ms")
_DIRECTIVES = "aAbBcdfHIjmMpSuUwWxXyYzGV"
_YEARS, _DAYS = frozenset("yYcxG"), frozenset("dcxju")
#: Another one whenever the same declaration may read the same bytes otherwise.
_VERSION = 1


class DeclarationError(Exception):
    """What is wrong with a declaration. key: where; remedy: what to write instead."""

    def __init__(self, key: str, remedy: str) -> None:
        super().__init__(f"{key}: {remedy}")
        self.key = key
        self.remedy = remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """Where a value stands, and what is made of it.

    key: what it is. path: None for a constant. is_: the constant. lookup: what texts mean; one
    that is not among them is refused. format: of a time, as strptime has it, or `epoch`,
    `epoch_ms`; None for ISO 8601. zone: of a time that has none of its own.
    """

    key: str
    text: str
    path: Any = None
    is_: object = None
    lookup: Mapping[str, object] | None = None
    format: str | None = None
    zone: ZoneInfo | None = None

    def raw(self, entry: object) -> object:
        """What the path finds in the entry; None when that is nothing.

        Raises NotUnderstood where a function of the path does not fit what is there.
        """
        if self.path is None:
            return self.is_
        try:
            found: object = self.path.search(entry)
        except (JMESPathError, TypeError, ValueError, AttributeError) as error:
            told = " ".join(str(error).split())
            raise NotUnderstood(f"{self.key}: {self.text!r} does not fit: {told:.200}") from None
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """races: the list of entries; None where the document is one. race, candidate: values by name.

    name: another one for each declaration.
    """

    name: str
    races: Value | None
    race: Mapping[str, Value]
    candidate: Mapping[str, Value]


def declaration(table: Mapping[str, Any], zone: ZoneInfo) -> Declaration:
    """The declaration that the table holds. zone: of times that have none.

    Raises DeclarationError.
    """
    left = dict(table)
    races = left.pop("races", None)
    of_candidate = left.pop("candidate", None)
    if of_candidate is None:
        raise DeclarationError("candidate", "is missing; say where its name and votes are")
    if not isinstance(of_candidate, dict):
        remedy = f'{of_candidate!r} should be a table: {{ name = "name", votes = "votes" }}'
        raise DeclarationError("candidate", remedy)
    race = _values("", left, RACE, zone)
    candidate = _values("candidate.", of_candidate, CANDIDATE, zone)
    for key, known, found in (("office", "", race), ("votes", "candidate.", candidate)):
        if key not in found:
            raise DeclarationError(f"{known}{key}", "is missing; say where it is")
    if "name" not in candidate and "id" not in candidate:
        raise DeclarationError("candidate.name", "is missing, and so is id; say where one is")
    text = json.dumps([_VERSION, zone.key, table], sort_keys=True, default=str)
    return Declaration(
        name=f"declared {hashlib.sha256(text.encode()).hexdigest()[:8]}",
        races=None if races is None else _value("races", races, zone),
        race=race,
        candidate=candidate,
    )


def _values(
    prefix: str, table: Mapping[str, Any], known: Mapping[str, str], zone: ZoneInfo
) -> dict[str, Value]:
    for key in table:
        if key not in known:
            names = [*known] if prefix else ["races", *known, "candidate"]
            remedy = f"is not a key that is known here; there are {', '.join(names)}"
            raise DeclarationError(f"{prefix}{key}", remedy)
    return {key: _value(f"{prefix}{key}", told, zone) for key, told in table.items()}


def _value(key: str, told: object, zone: ZoneInfo) -> Value:
    name = key.rpartition(".")[2]
    if isinstance(told, str):
        return Value(key=name, text=told, path=_path(key, told), zone=zone)
    if not isinstance(told, dict):
        raise DeclarationError(key, f"{told!r} should be a path, or a table with path or is")
    left = dict(told)
    path, constant, lookup = left.pop("path", None), left.pop("is", None), left.pop("lookup", None)
    form, own_zone = left.pop("format", None), left.pop("zone", None)
    for other in left:
        raise DeclarationError(f"{key}.{other}", "is not a key that is known here")
    if (path is None) == (constant is None):
        raise DeclarationError(key, "needs either path or is")
    if path is None and key in _FOUND:
        raise DeclarationError(key, "cannot always be the same; give it a path")
    if lookup is not None:
        _check_lookup(key, lookup)
    for other, given in (("format", form), ("zone", own_zone)):
        if given is not None and key not in _DATED:
            raise DeclarationError(f"{key}.{other}", "is for times; take it out")
    if form is not None:
        _check_format(f"{key}.format", form)
    if own_zone is not None:
        try:
            zone = ZoneInfo(own_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError, TypeError):
            raise DeclarationError(f"{key}.zone", f"{own_zone!r} is no IANA time zone") from None
    if path is not None and not isinstance(path, str):
        raise DeclarationError(f"{key}.path", f"{path!r} should be a text")
    return Value(
        key=name,
        text=f"{constant!r}" if path is None else path,
        path=None if path is None else _path(key, path),
        is_=constant,
        lookup=lookup,
        format=form,
        zone=zone,
    )


def _check_lookup(key: str, lookup: object) -> None:
    if key in _LISTS:
        raise DeclarationError(f"{key}.lookup", "is for texts; take the lookup out")
    if not isinstance(lookup, dict) or not lookup:
        raise DeclarationError(f"{key}.lookup", 'should be a table: { X = "projected" }')
    for mark, meaning in lookup.items():
        if key == "candidate.winner" and meaning not in MARKS:
            remedy = f"{mark} = {meaning!r} should be one of {', '.join(MARKS)}"
            raise DeclarationError(f"{key}.lookup", remedy)
        if not isinstance(meaning, (str, int)):
            raise DeclarationError(f"{key}.lookup", f"{mark} = {meaning!r} should be a text")


def _check_format(key: str, form: object) -> None:
    """Raise DeclarationError for what `strptime` would misread, on this machine or on another."""
    if not isinstance(form, str):
        raise DeclarationError(key, f"{form!r} should be a text")
    if form in _EPOCHS:
        return
    named = re.findall(r"%(.?)", form.replace("%%", ""), re.DOTALL)
    if "Z" in named:
        remedy = "%Z would be dropped in silence; write the letters out, and name their zone"
        raise DeclarationError(key, remedy)
    for directive in named:
        if not directive or directive not in _DIRECTIVES:
            raise DeclarationError(key, f"%{directive} is no directive of strptime")
    if not _YEARS.intersection(named) or not _DAYS.intersection(named):
        remedy = f"{form!r} has no whole date; it needs %Y, %m and %d, or epoch or epoch_ms"
        raise DeclarationError(key, remedy)


def _path(key: str, text: str) -> Any:
    try:
        path = jmespath.compile(text)
    except (JMESPathError, ValueError) as error:
        told = " ".join(str(error).split())
        raise DeclarationError(key, f"{text!r} is no JMESPath: {told:.200}") from None
    for name, given in _calls(path.parsed):
        # The library would say so only when it comes to a document.
        function = Functions.FUNCTION_TABLE.get(name)
        if function is None:
            names = ", ".join(sorted(Functions.FUNCTION_TABLE))
            raise DeclarationError(key, f"{text!r} is no JMESPath: no {name}(); there are {names}")
        taken = function["signature"]
        more = bool(taken) and bool(taken[-1].get("variadic"))
        if given < len(taken) or (given > len(taken) and not more):
            told = f"{name}() takes {len(taken)} arguments, not {given}"
            raise DeclarationError(key, f"{text!r} is no JMESPath: {told}")
    return path


def _calls(node: object) -> Iterator[tuple[str, int]]:
    """The functions that a parsed path calls, with the number of arguments."""
    if isinstance(node, dict):
        children = node.get("children", [])
        if node.get("type") == "function_expression":
            yield node["value"], len(children)
        for child in children:
            yield from _calls(child)
