"""Payloads of ABC's results feed, of our own making, in the shape in which the outlet sends them.

A test states plain facts (who, how many votes, where); the functions here dress them with every
field that the feed is known to have, also those that nobody reads. The state file has the shape of
the one real payload; the national presidential file that of types made from a real one; of the
Senate, House and governor files only some fields are known, and the rest is taken over from those.

Votes of None are written as figures that are not published. The figures of the count are never
taken from the code under test.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

#: What the feed says while a test does not care when it was said.
UPDATED = datetime(2024, 11, 6, 3, 15, 20, 125000, tzinfo=UTC)
CLOSES = datetime(2024, 11, 6, 1, 0, tzinfo=UTC)
GENERATED = "2024-11-06T03:16:00.000Z"

EASTERN = ZoneInfo("America/New_York")

Json = dict[str, Any]

#: State by postal code: county FIPS prefix, name, name in AP style, electors of 2024. In order of
#: name, as the outlet's own ids are: Florida is the tenth.
STATES: Mapping[str, tuple[str, str, str, int]] = {
    "al": ("01", "Alabama", "Ala.", 9),
    "ak": ("02", "Alaska", "Alaska", 3),
    "az": ("04", "Arizona", "Ariz.", 11),
    "ar": ("05", "Arkansas", "Ark.", 6),
    "ca": ("06", "California", "Calif.", 54),
    "co": ("08", "Colorado", "Colo.", 10),
    "ct": ("09", "Connecticut", "Conn.", 7),
    "de": ("10", "Delaware", "Del.", 3),
    "dc": ("11", "District of Columbia", "D.C.", 3),
    "fl": ("12", "Florida", "Fla.", 30),
    "ga": ("13", "Georgia", "Ga.", 16),
    "hi": ("15", "Hawaii", "Hawaii", 4),
    "id": ("16", "Idaho", "Idaho", 4),
    "il": ("17", "Illinois", "Ill.", 19),
    "in": ("18", "Indiana", "Ind.", 11),
    "ia": ("19", "Iowa", "Iowa", 6),
    "ks": ("20", "Kansas", "Kan.", 6),
    "ky": ("21", "Kentucky", "Ky.", 8),
    "la": ("22", "Louisiana", "La.", 8),
    "me": ("23", "Maine", "Maine", 4),
    "md": ("24", "Maryland", "Md.", 10),
    "ma": ("25", "Massachusetts", "Mass.", 11),
    "mi": ("26", "Michigan", "Mich.", 15),
    "mn": ("27", "Minnesota", "Minn.", 10),
    "ms": ("28", "Mississippi", "Miss.", 6),
    "mo": ("29", "Missouri", "Mo.", 10),
    "mt": ("30", "Montana", "Mont.", 4),
    "ne": ("31", "Nebraska", "Neb.", 5),
    "nv": ("32", "Nevada", "Nev.", 6),
    "nh": ("33", "New Hampshire", "N.H.", 4),
    "nj": ("34", "New Jersey", "N.J.", 14),
    "nm": ("35", "New Mexico", "N.M.", 5),
    "ny": ("36", "New York", "N.Y.", 28),
    "nc": ("37", "North Carolina", "N.C.", 16),
    "nd": ("38", "North Dakota", "N.D.", 3),
    "oh": ("39", "Ohio", "Ohio", 17),
    "ok": ("40", "Oklahoma", "Okla.", 7),
    "or": ("41", "Oregon", "Ore.", 8),
    "pa": ("42", "Pennsylvania", "Pa.", 19),
    "ri": ("44", "Rhode Island", "R.I.", 4),
    "sc": ("45", "South Carolina", "S.C.", 9),
    "sd": ("46", "South Dakota", "S.D.", 3),
    "tn": ("47", "Tennessee", "Tenn.", 11),
    "tx": ("48", "Texas", "Texas", 40),
    "ut": ("49", "Utah", "Utah", 6),
    "vt": ("50", "Vermont", "Vt.", 3),
    "va": ("51", "Virginia", "Va.", 13),
    "wa": ("53", "Washington", "Wash.", 12),
    "wv": ("54", "West Virginia", "W.Va.", 4),
    "wi": ("55", "Wisconsin", "Wis.", 10),
    "wy": ("56", "Wyoming", "Wyo.", 3),
}
STATE_IDS = {code: number for number, code in enumerate(STATES, start=1)}

MAJOR = ("democrats", "republicans")


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever gets votes in a race. electoral: electors won; it has no place outside a president's
    race. aggregate: a line that stands for many, as Write-ins do."""

    id: int
    first: str
    last: str
    party: str = "others"
    votes: int | None = 0
    electoral: int = 0
    winner: bool = False
    runoff: bool = False
    incumbent: bool = False
    aggregate: bool = False

    @property
    def name(self) -> str:
        return f"{self.first} {self.last}".strip()


@dataclass(frozen=True, slots=True)
class County:
    """A county, with the votes of those whom it lists, by candidate id."""

    fips: str
    name: str
    votes: Mapping[int, int | None]
    pct: float | None = 0
    updated: datetime = UPDATED


@dataclass(frozen=True, slots=True)
class District:
    """A congressional district of a state: its race for the House, or for an elector of its own.
    number: 0 where the whole state is the district."""

    number: int
    people: tuple[Person, ...] = ()
    pct: float | None = 0


@dataclass(frozen=True, slots=True)
class StateRace:
    """One race in one state. No people: the state has no such race.

    title: what follows the state's name in the race's ("Special", "District 2"). districts: in
    national files only. counties: in state files only.
    """

    code: str
    people: tuple[Person, ...] = ()
    counties: tuple[County, ...] = ()
    districts: tuple[District, ...] = ()
    title: str = ""
    pct: float | None = 0
    updated: datetime = UPDATED
    closes: datetime = CLOSES
    status: tuple[str, str] = ("in", "POLLS_OPEN")


@lru_cache(maxsize=4096)
def _iso(moment: datetime) -> str:
    precision = "milliseconds" if moment.microsecond else "seconds"
    return moment.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")


@lru_cache(maxsize=4096)
def _printed(moment: datetime) -> str:
    local = moment.astimezone(EASTERN)
    half = "AM" if local.hour < 12 else "PM"
    clock = f"{local.hour % 12 or 12}:{local.minute:02}:{local.second:02}{half}"
    return f"{local.strftime('%B')} {local.day}, {clock} ET"


def _updated(moment: datetime) -> Json:
    return {"value": _iso(moment), "displayValue": _printed(moment)}


def _closing(moment: datetime) -> Json:
    local = moment.astimezone(EASTERN)
    minutes = f":{local.minute:02}" if local.minute else ""
    hour = f"{local.hour % 12 or 12}{minutes} {'AM' if local.hour < 12 else 'PM'} ET"
    return {
        "value": _iso(moment),
        "displayValue": hour,
        "displayText": f"Polls close at {hour}",
    }


def _count(text: str, number: int | None) -> Json:
    shown = "" if number is None else f"{number:,}"
    return {"displayText": text, "displayValue": shown, "doubleValue": number, "value": number}


def _percent(text: str, pct: float | None) -> Json:
    """The whole percent is shown; only `doubleValue` has its decimals."""
    whole = None if pct is None else round(pct)
    shown = "" if whole is None else f"{whole}%"
    return {"displayText": text, "displayValue": shown, "doubleValue": pct, "value": whole}


def _reporting(pct: float | None, text: str = "in") -> Json:
    return {"threshold": 75, **_percent(text, pct)}


def _absentee() -> Json:
    return _percent("Total Estimated To Be Early/Absentee:", 0)


def _share(votes: int | None, total: int) -> float | None:
    if votes is None:
        return None
    return round(100 * votes / total, 1) if total else 0


def _candidates(
    people: Sequence[Person], votes: Mapping[int, int | None], *, electors: bool
) -> list[Json]:
    """The people who are in `votes`, sorted by id as the feed sorts them."""
    total = sum(number or 0 for number in votes.values())
    parties = {"democrats": 0, "republicans": 1}
    ranked = sorted(people, key=lambda p: (p.aggregate, parties.get(p.party, 2), p.last))
    orders = {person.id: order for order, person in enumerate(ranked, start=1)}
    rows = []
    for person in sorted(people, key=lambda p: p.id):
        if person.id not in votes:
            continue
        number = votes[person.id]
        statistics = {
            "votes": _count("Total Votes", number),
            "percent": _percent("Pct.", _share(number, total)),
        }
        if electors:
            statistics["electoralVotes"] = _count("Electoral Votes", person.electoral)
        rows.append(
            {
                "id": person.id,
                "displayName": person.name,
                "shortDisplayName": f"{person.first[:1]}. {person.last}"
                if person.first
                else person.last,
                "firstName": person.first,
                "lastName": person.last,
                "party": person.party,
                "major": person.party in MAJOR,
                "incumbent": person.incumbent,
                "winner": person.winner,
                "runoff": person.runoff,
                "participated": True,
                "dropped": False,
                "aggregate": person.aggregate,
                "order": orders[person.id],
                "partyOrder": orders[person.id],
                "statistics": statistics,
            }
        )
    return rows


def _in_race(people: Sequence[Person], *, electors: bool) -> list[Json]:
    return _candidates(people, {p.id: p.votes for p in people}, electors=electors)


def _in_county(people: Sequence[Person], county: County) -> list[Json]:
    """A winner of the race is none of the county: the flag is there, and false."""
    rows = _candidates(people, county.votes, electors=False)
    for row in rows:
        row["winner"] = row["runoff"] = False
    return rows


def _counties(race: StateRace) -> list[Json]:
    names = sorted(county.name for county in race.counties)
    orders = {name: order for order, name in enumerate(names, start=1)}
    return [
        {
            "fips": county.fips,
            "displayName": county.name,
            "candidates": _in_county(race.people, county),
            "order": orders[county.name],
            "reporting": _reporting(county.pct),
            "lastUpdated": _updated(county.updated),
        }
        for county in race.counties
    ]


def _state(code: str) -> Json:
    fips, name, short, _ = STATES[code]
    return {
        "id": STATE_IDS[code],
        "fips": fips,
        "name": name.upper(),
        "abbreviation": code.upper(),
        "displayName": name,
        "shortDisplayName": short,
    }


#: The letter of an office in a race's abbreviation ("FLO-P-"). Only P was ever seen.
LETTERS = {"president": "P", "senate": "S", "house": "H", "governor": "G"}


def state_file(*races: StateRace, office: str = "president") -> Json:
    """The file of one state: `states/fl/electoral.json` and, of other offices, its like.

    All races are of one state; there is one entry for each, with its counties. Of the other
    offices no such file was ever seen.
    """
    code = races[0].code
    assert {race.code for race in races} == {code}, "a state file has one state"
    _, name, short, electors = STATES[code]
    number = STATE_IDS[code]
    electing = office == "president"
    seats = {"availableElectoralVotes": electors} if electing else {}
    entries = []
    for at, race in enumerate(races):
        title = f" {race.title}" if race.title else ""
        seats_here = {"availableElectoralVotes": 1} if electing and race.title else seats
        entries.append(
            {
                "id": number if not at else 100 * number + at,
                "name": f"{name}{title}".upper(),
                "abbreviation": f"{name[:3].upper()}-{LETTERS[office]}-",
                "displayName": f"{name}{title}",
                "shortDisplayName": f"{short}{title or ' All'}",
                **seats_here,
                "exitPolls": True,
                "competitive": False,
                "candidates": _in_race(race.people, electors=electing),
                "counties": _counties(race),
                "lastUpdated": _updated(race.updated),
                "pollClosingDate": _closing(race.closes),
                "status": {"type": race.status[0], "value": race.status[1]},
                "reporting": _reporting(race.pct),
                "absenteeReporting": _absentee(),
                "incumbent": {"party": "democrats"},
                "party": "all",
            }
        )
    return {
        **_state(code),
        **seats,
        "exitPolls": True,
        "otherStateResults": {"senate": True, "electoral": True, "house": True},
        "races": entries,
    }


def _entry(race: StateRace) -> Json:
    """A state in a national file, without its candidates."""
    return {
        **_state(race.code),
        "lastUpdated": _updated(race.updated),
        "pollClosingDate": _closing(race.closes),
        "status": {"type": race.status[0], "value": race.status[1]},
        "reporting": _reporting(race.pct, "of Expected Vote Reporting"),
        "absenteeReporting": _absentee(),
        "incumbent": {"party": "democrats"},
    }


def _national(title: str, short: str, updated: datetime) -> Json:
    return {
        "displayName": title,
        "shortDisplayName": short,
        "exitPolls": True,
        "lastUpdated": _updated(updated),
    }


def _total(number: int) -> Json:
    return {"displayValue": f"{number:,}", "value": number}


def _side(person: Person) -> Json:
    return {
        "candidate": person.last,
        "total": _total(person.electoral),
        "votes": _total(person.votes or 0),
        "winner": person.winner,
    }


def national_electoral(
    democrat: Person,
    republican: Person,
    *races: StateRace,
    pct: int = 0,
    updated: datetime = UPDATED,
) -> Json:
    """`electoral.json`: the nation's sums, as `democrat` and `republican` state them, and states.

    The sums are facts of their own: the outlet does not add them up in the same instant. In which
    form `summary.democrats.candidate` names somebody is not known; here it is the last name.
    """
    states = []
    for race in races:
        entry = {
            **_entry(race),
            "availableElectoralVotes": STATES[race.code][3],
            "candidates": _in_race(race.people, electors=True),
        }
        if race.districts:
            entry["electoralDistricts"] = [
                {**_district(race.code, d, electors=True), "availableElectoralVotes": 1}
                for d in race.districts
            ]
        states.append(entry)
    return {
        **_national("United States", "U.S.", updated),
        "summary": {
            "displayText": "Electoral votes",
            "total": _total(538),
            "needed": {"displayText": "270 to win", "displayValue": "270", "value": 270},
            "democrats": _side(democrat),
            "republicans": _side(republican),
            "other": {"total": _total(0)},
            "lastUpdated": _updated(updated),
            "reporting": {
                "displayText": "Expected vote reporting:",
                "displayValue": f"{pct}%",
                "value": pct,
            },
        },
        "states": states,
    }


def _district(code: str, district: District, *, electors: bool) -> Json:
    """A district of a national file. Only that it has a name is known; its code is a guess."""
    name, short = STATES[code][1:3]
    number = district.number
    title = f"District {number}" if number else "At Large"
    row: Json = {
        "id": 1000 * STATE_IDS[code] + number,
        "code": str(number) if number else "AL",
        "name": f"{name} {title}".upper(),
        "abbreviation": f"{code.upper()}-{number:02}" if number else f"{code.upper()}-AL",
        "displayName": title,
        "shortDisplayName": f"{short} {title}",
        "incumbent": {"party": "democrats"},
    }
    if district.people:
        row["candidates"] = _in_race(district.people, electors=electors)
        row["reporting"] = _reporting(district.pct)
    return row


def _offices(title: str, races: Sequence[StateRace]) -> Json:
    states = []
    for race in races:
        entry = _entry(race)
        if race.people:
            entry["candidates"] = _in_race(race.people, electors=False)
        states.append(entry)
    return {**_national(title, title, UPDATED), "states": states}


def senate_file(*races: StateRace) -> Json:
    """`senate.json`: a state without a race has no list of candidates."""
    return _offices("Senate", races)


def governor_file(*races: StateRace) -> Json:
    """`governor.json`, which was never seen, in the shape of the Senate's."""
    return _offices("Governor", races)


def house_file(*states: StateRace) -> Json:
    """`house.json`: a state without districts (DC) has no list of them."""
    rows = []
    for state in states:
        row = _entry(state)
        if state.districts:
            row["congressionalDistricts"] = [
                {
                    **_district(state.code, district, electors=False),
                    "status": {"type": state.status[0], "value": state.status[1]},
                    "lastUpdated": _updated(state.updated),
                }
                for district in state.districts
            ]
        rows.append(row)
    return {**_national("House", "House", UPDATED), "states": rows}


def as_body(payload: Json, *, generated: str = GENERATED) -> bytes:
    """The payload as the site sends it: one line, with the stamp of its making."""
    stamped = {"_generated": generated, **payload}
    return json.dumps(stamped, separators=(",", ":"), ensure_ascii=False).encode()
