"""What a declared feed says where: paths into its documents, as the configuration has them.

Paths are JMESPath, in JSON, CSV and XML alike; see `crawler.parsers.documents`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import jmespath
from jmespath.exceptions import JMESPathError

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


class DeclarationError(Exception):
    """What is wrong with a declaration. key: where; remedy: what to write instead."""

    def __init__(self, key: str, remedy: str) -> None:
        super().__init__(f"{key}: {remedy}")
        self.key = key
        self.remedy = remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """Where a value stands, and what is made of it.

    path: None for a constant. is_: the constant. lookup: what texts mean; one that is not among
    them is refused. format: of a time, as strptime has it, or `epoch`, `epoch_ms`; None for ISO
    8601. zone: of a time that has none of its own.
    """

    text: str
    path: Any = None
    is_: object = None
    lookup: Mapping[str, object] | None = None
    format: str | None = None
    zone: ZoneInfo | None = None

    def raw(self, entry: object) -> object:
        """What the path finds in the entry; None when that is nothing."""
        return self.is_ if self.path is None else self.path.search(entry)


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
    if not isinstance(of_candidate, dict):
        raise DeclarationError("candidate", "is missing; say where its name and votes are")
    race = _values("", left, RACE, zone)
    candidate = _values("candidate.", of_candidate, CANDIDATE, zone)
    for key, known, found in (("office", "", race), ("votes", "candidate.", candidate)):
        if key not in found:
            raise DeclarationError(f"{known}{key}", "is missing; say where it is")
    if "name" not in candidate and "id" not in candidate:
        raise DeclarationError("candidate.name", "is missing, and so is id; say where one is")
    text = json.dumps(table, sort_keys=True, default=str)
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
            remedy = f"is not a key that is known here; there are {', '.join(known)}"
            raise DeclarationError(f"{prefix}{key}", remedy)
    return {key: _value(f"{prefix}{key}", told, zone) for key, told in table.items()}


def _value(key: str, told: object, zone: ZoneInfo) -> Value:
    if isinstance(told, str):
        return Value(text=told, path=_path(key, told), zone=zone)
    if not isinstance(told, dict):
        raise DeclarationError(key, f"{told!r} should be a path, or a table with path or is")
    left = dict(told)
    path, constant, lookup = left.pop("path", None), left.pop("is", None), left.pop("lookup", None)
    form, own_zone = left.pop("format", None), left.pop("zone", None)
    for other in left:
        raise DeclarationError(f"{key}.{other}", "is not a key that is known here")
    if (path is None) == (constant is None):
        raise DeclarationError(key, "needs either path or is")
    if lookup is not None and (not isinstance(lookup, dict) or not lookup):
        raise DeclarationError(f"{key}.lookup", 'should be a table: { X = "projected" }')
    if (form is not None or own_zone is not None) and key not in _DATED:
        raise DeclarationError(f"{key}.format", "is for times")
    if form is not None and not isinstance(form, str):
        raise DeclarationError(f"{key}.format", f"{form!r} should be a text")
    if own_zone is not None:
        try:
            zone = ZoneInfo(own_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError, TypeError):
            raise DeclarationError(f"{key}.zone", f"{own_zone!r} is no IANA time zone") from None
    if path is not None and not isinstance(path, str):
        raise DeclarationError(f"{key}.path", f"{path!r} should be a text")
    return Value(
        text=f"{constant!r}" if path is None else path,
        path=None if path is None else _path(key, path),
        is_=constant,
        lookup=lookup,
        format=form,
        zone=zone,
    )


def _path(key: str, text: str) -> Any:
    try:
        return jmespath.compile(text)
    except (JMESPathError, ValueError) as error:
        told = " ".join(str(error).split())
        raise DeclarationError(key, f"{text!r} is no JMESPath: {told:.200}") from None
