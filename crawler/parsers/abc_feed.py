"""ABC's JSON results feed: which files it has, and what each says.

A national file has an entry for each state, a state's own file has its races with their counties.
The one real payload is a state's file for president, of before the count; see `FeedFile` for how
well each of the others is known. Only what a change row needs is required. What does not fit
refuses the smallest part that holds it, with its JSON path; fields that are not known are named.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

from crawler.errors import NotUnderstood
from crawler.parsers.abc_feed_values import (
    CANDIDATE,
    MOST_ELECTORS,
    MOST_VOTES,
    NUMBER,
    REPORTING,
    STATUS,
    TIME,
    Fields,
    candidates_in,
    flag_in,
    id_of,
    last_word,
    list_in,
    must_flag_in,
    note,
    note_in,
    number_in,
    object_in,
    percent_in,
    quoted,
    tallies_in,
    text_in,
    time_in,
    whole_in,
)
from crawler.parsers.strict_json import strict_json
from crawler.parsers.unchanged_json import Entries, Entry
from storage.records import RaceState, Refusal, Snapshot, Tally

OFFICES = ("president", "senate", "house", "governor")

#: The states that vote and DC, by postal code: what the FIPS codes of their counties begin with.
STATES: Mapping[str, str] = MappingProxyType(
    {
        "al": "01", "ak": "02", "az": "04", "ar": "05", "ca": "06", "co": "08", "ct": "09",
        "de": "10", "dc": "11", "fl": "12", "ga": "13", "hi": "15", "id": "16", "il": "17",
        "in": "18", "ia": "19", "ks": "20", "ky": "21", "la": "22", "me": "23", "md": "24",
        "ma": "25", "mi": "26", "mn": "27", "ms": "28", "mo": "29", "mt": "30", "ne": "31",
        "nv": "32", "nh": "33", "nj": "34", "nm": "35", "ny": "36", "nc": "37", "nd": "38",
        "oh": "39", "ok": "40", "or": "41", "pa": "42", "ri": "44", "sc": "45", "sd": "46",
        "tn": "47", "tx": "48", "ut": "49", "vt": "50", "va": "51", "wa": "53", "wv": "54",
        "wi": "55", "wy": "56",
    }
)  # fmt: skip

Knowledge = Literal["captured", "reported", "guessed"]

#: The electors that make a president.
NEEDED = 270

_FILES = {"president": "electoral", "senate": "senate", "house": "house", "governor": "governor"}
_OFFICE_OF = {name: office for office, name in _FILES.items()}
_PATH = re.compile(r"/maps/(?:states/([a-z]{2})/)?([a-z]+)\.json")

#: The lists of what a file has many of, and of which most stay as they are between two looks.
_STATES = ("states",)
_COUNTIES = ("races", "counties")

# What is known of each kind of object, used or left out on purpose. A mark of a test was never
# seen; these are the names that one might have.
_TEST_MARKS = frozenset({"test", "isTest", "_test", "testData", "isTestData"})
#: What says which race it is, and how its count stands.
_RACE = _TEST_MARKS | {
    "id", "name", "displayName", "abbreviation", "type", "special", "runoff",
    "candidates", "lastUpdated", "status", "reporting", "pollClosingDate",
    "availableElectoralVotes",
    # Left out: not of the count, or not of this count (`party` is the primary's).
    "shortDisplayName", "absenteeReporting", "incumbent", "exitPolls", "competitive", "party",
}  # fmt: skip
_RACE_WITH_COUNTIES = _RACE | {"counties"}
_ENTRY = _RACE | {"fips", "electoralDistricts", "congressionalDistricts", "races"}
_DISTRICT = _RACE | {"code"}
_COUNTY = frozenset({"fips", "displayName", "candidates", "reporting", "lastUpdated", "order"})
_NATION = _TEST_MARKS | {
    "_generated", "displayName", "shortDisplayName", "exitPolls", "lastUpdated", "summary",
    "states",
}  # fmt: skip
_STATE_FILE = _TEST_MARKS | {
    "_generated", "id", "fips", "name", "abbreviation", "displayName", "shortDisplayName",
    "availableElectoralVotes", "exitPolls", "otherStateResults", "races",
}  # fmt: skip
_OTHER_RESULTS = frozenset(_OFFICE_OF)
_SUMMARY = frozenset(
    {
        "displayText", "total", "needed", "democrats", "republicans", "other", "lastUpdated",
        "reporting",
    }
)  # fmt: skip
_PARTIES = ("democrats", "republicans")
_PARTY = frozenset({"candidate", "total", "votes", "winner"})
_OTHER = frozenset({"total"})
#: The parts of a race, or of a state with several, that are objects.
_BESIDE = {
    "lastUpdated": TIME,
    "pollClosingDate": TIME,
    "status": STATUS,
    "reporting": REPORTING,
    "absenteeReporting": REPORTING,
    "incumbent": frozenset({"party"}),
}

_OWN_TEXTS = ("name", "displayName", "shortDisplayName", "abbreviation", "type")

_STATE_CODE = re.compile(r"[A-Za-z]{2}")
_FIPS = re.compile(r"[0-9]{2}")
_SORTED = json.JSONEncoder(sort_keys=True)
_COUNTY_FIPS = re.compile(r"[0-9]{5}")
_TEST = re.compile(r"(?<![a-z])test(?![a-z])", re.IGNORECASE)
_TEST_PRINTED = re.compile(r"\bTEST\b")
_SPECIAL = re.compile(r"(?<![a-z])special(?![a-z])", re.IGNORECASE)
_RUNOFF = re.compile(r"(?<![a-z])run-?off(?![a-z])", re.IGNORECASE)
#: "District 2", "CD2", "Congressional District 02", "ME-02", "2nd District", "2nd Congressional
#: District".
_NUMBERED = re.compile(
    r"(?<![a-z])(?:(?:district|dist\.?|cd)[ -]?|[a-z]{2}-)([0-9]{1,2})(?![0-9])"
    r"|(?<![0-9])([0-9]{1,2})(?:st|nd|rd|th) (?:cong(?:ressional|\.) )?(?:dist|cd)",
    re.IGNORECASE,
)
_DISTRICT_WORD = re.compile(r"(?<![a-z])district(?! of columbia)(?![a-z])", re.IGNORECASE)
_AT_LARGE = re.compile(r"(?<![a-z])at[ -]large(?![a-z])", re.IGNORECASE)
_DIGITS = re.compile(r"[0-9]+")
#: The number of a seat that is the whole state's.
_WHOLE_STATE = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFile:
    """One file of the feed, by its address.

    office: one of OFFICES. state: postal code in lower case; None for a national file.
    knowledge: how its shape is known. captured: from a real payload. reported: from those who read
    it. guessed: from its neighbours; it may not exist.
    """

    office: str
    state: str | None
    knowledge: Knowledge


def feed_file(url: str) -> FeedFile | None:
    """The file at this address, whatever host, year and version; None when it is none of them."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    # The last /maps/ is the feed's, wherever a host keeps it.
    match = _PATH.fullmatch(parts.path, max(parts.path.rfind("/maps/"), 0))
    if match is None or parts.scheme not in ("http", "https") or not parts.netloc:
        return None
    state, name = match[1], match[2]
    office = _OFFICE_OF.get(name)
    if office is None or (state is not None and state not in STATES):
        return None
    return FeedFile(office=office, state=state, knowledge=_knowledge(office, state))


def _knowledge(office: str, state: str | None) -> Knowledge:
    if state is not None:
        return "captured" if office == "president" else "guessed"
    return "guessed" if office == "governor" else "reported"


def feed_url(base: str, office: str, state: str | None = None) -> str:
    """The address of a file. base: what ends with `/maps`. state: postal code in lower case."""
    folder = "" if state is None else f"states/{state}/"
    return f"{base.rstrip('/')}/{folder}{_FILES[office]}.json"


class _Said(NamedTuple):
    """What an entry says, in which there is nothing to refuse and nothing unknown.

    code: its state's, as _abbreviation has it, or its county's FIPS code.
    """

    code: str
    races: tuple[RaceState, ...]


class Memory:
    """What entries of a file said at the look before: those that stand as they were are not read.

    On a night of counting most of them do. What is read does not depend on it.
    """

    def __init__(self) -> None:
        self._of: dict[FeedFile, Entries[_Said]] = {}

    def entries(self, file: FeedFile) -> Entries[_Said]:
        """The entries of the file: of a national one its states, of a state's its counties."""
        if file not in self._of:
            self._of[file] = Entries(*(_STATES if file.state is None else _COUNTIES))
        return self._of[file]


def parse_feed(file: FeedFile, body: bytes, memory: Memory | None = None) -> Snapshot:
    """All that one file says: the races of the nation, the states, their districts and counties.

    memory: of the looks before at the same file; it saves time and changes nothing else.
    Raises NotUnderstood when nothing in it can be read: it is no strict JSON, or lists no states
    or races.
    """
    entries = (memory or Memory()).entries(file)
    try:
        reading = _Reading(file, _root(file, entries.read(body)))
        if file.state is None:
            reading.read_national()
        else:
            reading.read_state(file.state)
        return reading.snapshot()
    finally:
        entries.forget_values()


def marks(file: FeedFile, body: bytes) -> dict[str, str]:
    """For each state of a national file a short text that moves whenever its entry there does.

    The order of keys, candidates and entries does not move it. Empty for a state's own file, and
    when the file cannot be read.
    """
    if file.state is not None:
        return {}
    try:
        entries = list_in(_root(file, strict_json(body)), "states")
    except NotUnderstood:
        return {}
    told: dict[str, list[str]] = {}
    for entry in entries:
        code = entry.get("abbreviation") if type(entry) is dict else None
        if type(code) is str and code.lower() in STATES:
            told.setdefault(code.lower(), []).append(_canonical(entry))
    return {
        code: hashlib.sha256("\n".join(sorted(texts)).encode()).hexdigest()[:16]
        for code, texts in told.items()
    }


def other_offices(body: bytes) -> frozenset[str]:
    """The offices of which a state's file for president says that the state has results too.

    Empty when it cannot be read.
    """
    try:
        root = strict_json(body)
    except NotUnderstood:
        return frozenset()
    others = root.get("otherStateResults") if isinstance(root, dict) else None
    if not isinstance(others, dict):
        return frozenset()
    return frozenset(office for name, office in _OFFICE_OF.items() if others.get(name) is True)


def _root(file: FeedFile, root: object) -> Fields:
    if not isinstance(root, dict):
        raise NotUnderstood(f"the file is not an object: {quoted(root)}")
    try:
        list_in(root, "states" if file.state is None else "races")
    except NotUnderstood as error:
        raise NotUnderstood(f"no results: {str(error).removeprefix('.')}") from None
    return root


def _canonical(value: Fields) -> str:
    """The object as a text in which the order of keys and of list items does not show."""
    return _SORTED.encode(
        {
            key: sorted(_canonical(i) if type(i) is dict else _SORTED.encode(i) for i in item)
            if type(item) is list
            else item
            for key, item in value.items()
        }
    )


@dataclass(frozen=True, slots=True)
class _State:
    """A state as a file names it. code: postal code in lower case. name: as printed, or None.
    fips: what its counties' codes begin with; None for one that neither we nor the file knows."""

    code: str
    fips: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class _Contest:
    """One race in one place that a file has, and where it stands there.

    path: its JSON path. where: the same without indices. fields: all that the file says of it.
    above: the object around it. place_name: as printed.
    """

    race: str
    place: str
    path: str
    where: str
    fields: Fields
    above: Fields
    place_name: str | None
    known: frozenset[str]


class _Reading:
    """What was read of one file so far."""

    def __init__(self, file: FeedFile, root: Fields) -> None:
        self._office = file.office
        self._root = root
        self._national = file.state is None
        self._races: list[RaceState] = []
        self._refusals: list[Refusal] = []
        self._unknown: set[str] = set()
        self._doubt = _test_mark(root)

    def snapshot(self) -> Snapshot:
        return Snapshot(
            races=tuple(self._races),
            refusals=tuple(self._refusals),
            id_scheme="ap",
            unknown=tuple(sorted(self._unknown)),
        )

    def _refuse(self, reason: str, race: str | None, place: str | None) -> None:
        self._refusals.append(Refusal(part="race", reason=reason, race=race, place=place))

    # National files

    def read_national(self) -> None:
        note(self._unknown, self._root, _NATION, "")
        note_in(self._root, "lastUpdated", TIME, "", self._unknown)
        entries: list[Entry[_Said]] = self._root["states"]
        codes = [_code_of_state(entry) for entry in entries]
        times = Counter(codes)
        together: list[_Contest] = []  # of states that have several entries
        for at, (code, entry) in enumerate(zip(codes, entries, strict=True)):
            if times[code] > 1 or self._doubt is not None:
                together += self._of_state(entry.value(), f"states[{at}]")
                continue
            if entry.said is None:
                self._races += self._said_of_state(code, entry, f"states[{at}]")
            else:
                self._races += entry.said.races
        for contest in self._apart(together):
            self._take(contest)
        if not self._races and not self._refusals:
            lists = "congressionalDistricts" if self._office == "house" else "candidates"
            raise NotUnderstood(f"none of the {len(entries)} states has {lists}")
        if self._office == "president":
            self._read_nation()

    def _said_of_state(self, code: str, entry: Entry[_Said], path: str) -> tuple[RaceState, ...]:
        """What a state's entry says, kept with it if there is nothing amiss."""
        first, refusals = len(self._races), len(self._refusals)
        # Apart, since what is unknown here may be unknown in other entries too.
        unknown, self._unknown = self._unknown, set()
        for contest in self._apart(self._of_state(entry.value(), path)):
            self._take(contest)
        said = tuple(self._races[first:])
        del self._races[first:]
        if len(self._refusals) == refusals and not self._unknown:
            entry.said = _Said(code, said)
        self._unknown |= unknown
        return said

    def _of_state(self, entry: Any, path: str) -> list[_Contest]:
        try:
            _must_be_object(entry)
            if not entry.keys() <= _ENTRY:
                note(self._unknown, entry, _ENTRY, "states[]")
            state = _state(entry)
        except NotUnderstood as error:
            self._refuse(f"{path}{error}", self._race_of_nation(), None)
            return []
        return self._of_entry(entry, state, path)

    def _race_of_nation(self) -> str | None:
        return "president" if self._office == "president" else None

    def _of_entry(self, entry: Fields, state: _State, path: str) -> list[_Contest]:
        """The contests of a state's entry in a national file."""
        place = f"us/{state.code}"
        try:
            if self._office == "president":
                whole = _Contest(
                    "president", place, path, "states[]", entry, entry, state.name, _ENTRY
                )
                return [whole, *self._districts(entry, state, path, "electoralDistricts")]
            if self._office == "house":
                self._note_beside(entry, "states[]")
                return self._districts(entry, state, path, "congressionalDistricts")
            return list(self._contests(entry, state, path))
        except NotUnderstood as error:
            race = "president" if self._office == "president" else f"{self._office}/{state.code}"
            self._refuse(f"{path}{error}", race, place)
            return []

    def _contests(self, entry: Fields, state: _State, path: str) -> Iterator[_Contest]:
        """The races of a state for one office, of which one list was once two (Nebraska 2024).

        Raises NotUnderstood where what tells them apart cannot be read.
        """
        place = f"us/{state.code}"
        if "races" in entry:
            for at, fields in enumerate(list_in(entry, "races")):
                here = f"{path}.races[{at}]"
                try:
                    race = f"{self._office}/{state.code}{_suffix(fields)}"
                except NotUnderstood as error:
                    self._refuse(f"{here}{error}", f"{self._office}/{state.code}", place)
                    continue
                yield _Contest(
                    race, place, here, "states[].races[]", fields, entry, state.name, _RACE
                )
        elif "candidates" in entry:
            for label, fields in _split(entry):
                yield _Contest(
                    f"{self._office}/{state.code}{_suffix(fields)}",
                    place, f"{path}{label}", "states[]", fields, entry, state.name, _ENTRY,
                )  # fmt: skip

    def _districts(self, entry: Fields, state: _State, path: str, name: str) -> list[_Contest]:
        """The districts of a state; those of electors only when they have candidates."""
        if name not in entry:
            return []
        house = self._office == "house"
        race = None if house else "president"
        # The state's own race for president stands apart from those of its districts.
        around = f"us/{state.code}" if house else None
        contests = []
        try:
            districts = list_in(entry, name)
        except NotUnderstood as error:
            if not house and entry[name] in (None, []):
                return []
            self._refuse(f"{path}{error}", race, around)
            return []
        for at, fields in enumerate(districts):
            here, where = f"{path}.{name}[{at}]", f"states[].{name}[]"
            try:
                _must_be_object(fields)
                if not fields.keys() <= _DISTRICT:
                    note(self._unknown, fields, _DISTRICT, where)
                if not house and fields.get("candidates") in (None, []):
                    continue
                code = _district_code(_seat(fields, state, alone=len(districts) == 1))
                slug = f"house/{state.code}-{code}{_suffix(fields)}" if house else "president"
                printed = text_in(fields, "displayName")
            except NotUnderstood as error:
                self._refuse(f"{here}{error}", race, around)
                continue
            place = f"us/{state.code}-{code}"
            contests.append(_Contest(slug, place, here, where, fields, entry, printed, _DISTRICT))
        return contests

    # State files

    def read_state(self, code: str) -> None:
        note(self._unknown, self._root, _STATE_FILE, "")
        note_in(self._root, "otherStateResults", _OTHER_RESULTS, "", self._unknown)
        try:
            state = _state(self._root)
            if state.code != code:
                raise NotUnderstood(f".abbreviation is {state.code!r}, but the file is of {code!r}")
        except NotUnderstood as error:
            race = "president" if self._office == "president" else None
            self._refuse(str(error).removeprefix("."), race, f"us/{code}")
            return
        contests = []
        races = self._root["races"]
        for at, fields in enumerate(races):
            path = f"races[{at}]"
            try:
                contests.append(self._of_race(fields, state, path, alone=len(races) == 1))
            except NotUnderstood as error:
                # Which it is of several is not known.
                race = "president" if self._office == "president" else None
                self._refuse(f"{path}{error}", race, f"us/{code}" if len(races) == 1 else None)
        for contest in self._apart(contests):
            self._take(contest)
            # Those of a district of electors are parts of the counties that the state has.
            if contest.race != "president" or contest.place == f"us/{code}":
                self._read_counties(contest, state)

    def _of_race(self, fields: Fields, state: _State, path: str, *, alone: bool) -> _Contest:
        _must_be_object(fields)
        if not fields.keys() <= _RACE_WITH_COUNTIES:
            note(self._unknown, fields, _RACE_WITH_COUNTIES, "races[]")
        place, name = f"us/{state.code}", state.name
        race = "president" if self._office == "president" else f"{self._office}/{state.code}"
        if self._office == "house":
            code = _district_code(_seat(fields, state, alone=alone))
            place, race, name = f"{place}-{code}", f"{race}-{code}", text_in(fields, "displayName")
        elif self._office == "president":
            number = _district_in_texts(fields)
            if number is not None:
                place = f"{place}-{_district_code(number)}"
                name = text_in(fields, "displayName")
        if race != "president":  # nobody is president by a special election
            race += _suffix(fields)
        return _Contest(race, place, path, "races[]", fields, self._root, name, _RACE_WITH_COUNTIES)

    def _read_counties(self, contest: _Contest, state: _State) -> None:
        fields, race = contest.fields, contest.race
        if "counties" not in fields:
            return
        counties = fields["counties"]
        if type(counties) is not list:
            reason = f"{contest.path}.counties is not a list: {quoted(counties)}"
            self._refuse(reason, race, None)
            return
        where = f"{contest.where}.counties[]"
        doubt = self._doubt_of(fields)
        codes = [_code_of_county(entry) for entry in counties]
        times = Counter(codes)
        for at, (code, entry) in enumerate(zip(codes, counties, strict=True)):
            said = entry.said
            if said is not None and times[code] == 1:
                (there,) = said.races
                if there.race == race and there.doubt == doubt:
                    self._races.append(there)
                    continue
            place = None
            beyond: set[str] = set()  # what is unknown in this one
            try:
                county = entry.value()
                _must_be_object(county)
                if not county.keys() <= _COUNTY:
                    note(beyond, county, _COUNTY, where)
                fips = _county_fips(county, state)
                place = f"us/{state.code}/{fips}"
                if times[fips] > 1:
                    raise NotUnderstood(f".fips is that of {times[fips]} counties: {fips}")
                there = RaceState(
                    race=race,
                    place=place,
                    source_updated_at=time_in(county, "lastUpdated", where, beyond),
                    tallies=tallies_in(county, where, beyond, electors=False, counted=True),
                    expected_vote_pct=percent_in(county, "reporting", REPORTING, where, beyond),
                    place_name=text_in(county, "displayName"),
                    doubt=doubt,
                )
                if not beyond:
                    entry.said = _Said(fips, (there,))
                self._races.append(there)
            except NotUnderstood as error:
                self._refuse(f"{contest.path}.counties[{at}]{error}", race, place)
            self._unknown |= beyond

    # Both

    def _apart(self, contests: list[_Contest]) -> list[_Contest]:
        """The contests but those that cannot be told apart, which are refused."""
        same: dict[tuple[str, str], list[_Contest]] = {}
        for contest in contests:
            same.setdefault((contest.race, contest.place), []).append(contest)
        apart = []
        for (race, place), found in same.items():
            if len(found) == 1:
                apart += found
                continue
            names = [f"{c.path} (id {quoted(c.fields.get('id'))})" for c in found]
            more = f" and {len(names) - 4} more" if len(names) > 4 else ""
            reason = f"{' and '.join(names[:4])}{more} cannot be told apart: {race} in {place}"
            self._refuse(reason, race, place)
        return apart

    def _take(self, contest: _Contest) -> None:
        """Take the contest's own figures, or refuse them."""
        try:
            self._races.append(self._race_state(contest))
        except NotUnderstood as error:
            self._refuse(f"{contest.path}{error}", contest.race, contest.place)

    def _race_state(self, contest: _Contest) -> RaceState:
        fields, where, unknown = contest.fields, contest.where, self._unknown
        if not fields.keys() <= contest.known:
            note(unknown, fields, contest.known, where)
        self._note_beside(fields, where)
        electors = contest.race == "president"
        seats = None
        if electors:
            seats = whole_in(fields, "availableElectoralVotes", MOST_ELECTORS)
            if seats is None and "-" not in contest.place:
                seats = whole_in(contest.above, "availableElectoralVotes", MOST_ELECTORS)
        closing, closing_where = fields, where
        if fields.get("pollClosingDate") is None and contest.above is not fields:
            closing, closing_where = contest.above, "states[]" if self._national else ""
        status = object_in(fields, "status", STATUS, where, unknown) or {}
        if self._national and self._office in ("senate", "governor"):
            _must_be_one_race(fields)
        tallies = tallies_in(fields, where, unknown, electors=electors, counted=not self._national)
        winner, runoff = _called(fields)
        return RaceState(
            race=contest.race,
            place=contest.place,
            source_updated_at=time_in(fields, "lastUpdated", where, unknown),
            tallies=tallies,
            projection=winner,
            expected_vote_pct=percent_in(fields, "reporting", REPORTING, where, unknown),
            runoff=runoff,
            status=_below("status", status, "value"),
            last_close_at=time_in(closing, "pollClosingDate", closing_where, unknown),
            seats=seats,
            place_name=contest.place_name,
            doubt=self._doubt_of(fields),
        )

    def _note_beside(self, fields: Fields, where: str) -> None:
        """Name what is not known in the parts that stand beside the candidates."""
        for name, known in _BESIDE.items():
            note_in(fields, name, known, where, self._unknown)

    def _doubt_of(self, fields: Fields) -> str | None:
        return self._doubt or _test_mark(fields)

    # The nation

    def _read_nation(self) -> None:
        try:
            summary = object_in(self._root, "summary", _SUMMARY, "", self._unknown)
            if summary is None:
                raise NotUnderstood(".summary is missing")
            self._races.insert(0, self._nation(summary))
        except NotUnderstood as error:
            self._refuse(str(error).removeprefix("."), "president", "us")

    def _nation(self, summary: Fields) -> RaceState:
        unknown = self._unknown
        people = _people(self._races)
        tallies = []
        winners = []
        try:
            for name in _PARTIES:
                party = object_in(summary, name, _PARTY, "summary", unknown)
                if party is None:
                    raise NotUnderstood(f".{name} is missing")
                try:
                    tally, won = _party(party, name, people, unknown)
                except NotUnderstood as error:
                    raise NotUnderstood(f".{name}{error}") from None
                tallies.append(tally)
                winners += [tally.candidate] * won
            if tallies[0].candidate == tallies[1].candidate:
                raise NotUnderstood(f" has {tallies[0].name} for both parties")
            if len(winners) > 1:
                raise NotUnderstood(f" has two winners: {' and '.join(t.name for t in tallies)}")
            expected = percent_in(summary, "reporting", REPORTING, "summary", unknown)
            updated = time_in(summary, "lastUpdated", "summary", unknown)
            doubts = [d for d in (self._doubt_of(self._root), _needed(summary, unknown)) if d]
            self._note_rest(summary)
        except NotUnderstood as error:
            raise NotUnderstood(f".summary{error}") from None
        return RaceState(
            race="president",
            place="us",
            source_updated_at=updated or time_in(self._root, "lastUpdated", "", unknown),
            tallies=tuple(tallies),
            projection=winners[0] if winners else None,
            expected_vote_pct=expected,
            place_name=text_in(self._root, "displayName"),
            doubt="; ".join(doubts) or None,
        )

    def _note_rest(self, summary: Fields) -> None:
        """Name what is not known in the parts that are not kept."""
        note_in(summary, "total", NUMBER, "summary", self._unknown)
        note_in(summary, "other", _OTHER, "summary", self._unknown)
        other = summary.get("other")
        if type(other) is dict:
            note_in(other, "total", NUMBER, "summary.other", self._unknown)


def _people(races: Iterable[RaceState]) -> dict[str, Tally]:
    """The candidates of the states by id, each as in the state that spells the name first."""
    people: dict[str, Tally] = {}
    for race in races:
        for tally in race.tallies:
            known = people.setdefault(tally.candidate, tally)
            if known.name != tally.name and _spelling(tally) < _spelling(known):
                people[tally.candidate] = tally
    return people


def _spelling(tally: Tally) -> tuple[str, str, str]:
    return tally.name, tally.last_name or "", tally.party or ""


def _party(
    party: Fields, name: str, people: Mapping[str, Tally], unknown: set[str]
) -> tuple[Tally, bool]:
    """The tally of a party's candidate in the nation, and whether the outlet calls it."""
    where = f"summary.{name}"
    person = _person(party, name, people, unknown)
    for figure in ("votes", "total"):
        if figure not in party:
            raise NotUnderstood(f".{figure} is missing")
    tally = Tally(
        candidate=person.candidate,
        name=person.name,
        votes=number_in(party, "votes", MOST_VOTES, where, unknown),
        electoral_votes=number_in(party, "total", MOST_ELECTORS, where, unknown),
        last_name=person.last_name,
        party=person.party,
        kind=person.kind,
    )
    return tally, must_flag_in(party, "winner")


def _person(party: Fields, name: str, people: Mapping[str, Tally], unknown: set[str]) -> Tally:
    """Who a party's `candidate` is, which may be an id, a name, or an object with either."""
    found = party.get("candidate")
    if found is None:
        raise NotUnderstood(".candidate is missing")
    if type(found) is dict:
        if not found.keys() <= CANDIDATE:
            note(unknown, found, CANDIDATE, f"summary.{name}.candidate")
        try:
            text = text_in(found, "displayName") or text_in(found, "lastName")
            key = id_of(found) if "id" in found else None
            last = text_in(found, "lastName")
        except NotUnderstood as error:
            raise NotUnderstood(f".candidate{error}") from None
        if key is not None:
            if key in people:
                return people[key]
            if text is None:
                raise NotUnderstood(f".candidate.id stands in no state: {key}")
            return Tally(
                candidate=key,
                name=text,
                votes=None,
                last_name=(last or last_word(text)).lower(),
                party=name,
            )
        if text is None:
            raise NotUnderstood(".candidate has neither id nor name")
        return _named(text, name, people)
    if type(found) is int or (type(found) is str and found.isdecimal()):
        if str(found) not in people:
            raise NotUnderstood(f".candidate stands in no state: {found}")
        return people[str(found)]
    if type(found) is not str or not found.strip():
        raise NotUnderstood(f".candidate is no id or name: {quoted(found)}")
    return _named(found, name, people)


def _named(text: str, party: str, people: Mapping[str, Tally]) -> Tally:
    """The one candidate of the party with this name, full, short or last; else a last name."""
    lower = text.strip().lower()
    named = [
        person
        for person in people.values()
        if lower in (person.name.lower(), person.last_name, _short(person))
    ]
    fits = [person for person in named if person.party in (None, party)]
    if len(fits) == 1:
        return fits[0]
    if named and not fits:
        raise NotUnderstood(f".candidate stands for {named[0].party}: {quoted(text)}")
    return Tally(candidate=last_word(lower), name=text, votes=None, party=party)


def _short(person: Tally) -> str:
    """ "k. harris", as the feed abbreviates names."""
    return f"{person.name[:1]}. {person.last_name}".lower()


def _needed(summary: Fields, unknown: set[str]) -> str | None:
    """What speaks against a summary by which another number of electors makes a president."""
    needed = number_in(summary, "needed", MOST_ELECTORS, "summary", unknown)
    if needed is None or needed == NEEDED:
        return None
    return f"summary.needed is {needed}, not {NEEDED}"


def _state(entry: Fields) -> _State:
    """The state that an object names. Raises NotUnderstood when it names none, or two."""
    code = entry.get("abbreviation")
    if type(code) is not str or not _STATE_CODE.fullmatch(code):
        missing = f"is no state: {quoted(code)}" if "abbreviation" in entry else "is missing"
        raise NotUnderstood(f".abbreviation {missing}")
    fips = entry.get("fips")
    ours = STATES.get(code.lower())
    if fips is None:
        fips = ours
    elif type(fips) is not str or not _FIPS.fullmatch(fips):
        raise NotUnderstood(f".fips is not a text of two digits: {quoted(fips)}")
    elif ours is not None and fips != ours:
        raise NotUnderstood(f".fips is of another state than {quoted(code)}: {quoted(fips)}")
    return _State(code.lower(), fips, text_in(entry, "displayName"))


def _county_fips(county: Fields, state: _State) -> str:
    fips = county.get("fips")
    if type(fips) is not str or not _COUNTY_FIPS.fullmatch(fips):
        missing = (
            f"is not a text of five digits: {quoted(fips)}" if "fips" in county else "is missing"
        )
        raise NotUnderstood(f".fips {missing}")
    if state.fips is None or not fips.startswith(state.fips):
        raise NotUnderstood(f".fips is of another state than {state.code!r}: {fips!r}")
    return fips


def _abbreviation(entry: object) -> str:
    """The postal code of a state's entry, in lower case; empty when it has none."""
    code = entry.get("abbreviation") if type(entry) is dict else None
    return code.lower() if type(code) is str else ""


def _code_of_state(entry: Entry[_Said]) -> str:
    return _abbreviation(entry.value()) if entry.said is None else entry.said.code


def _code_of_county(entry: Entry[_Said]) -> str | None:
    """The FIPS code of a county's entry; None when it has none."""
    if entry.said is not None:
        return entry.said.code
    county = entry.value()
    code = county.get("fips") if type(county) is dict else None
    return code if type(code) is str else None


def _must_be_object(found: object) -> None:
    if type(found) is not dict:
        raise NotUnderstood(f" is not an object: {quoted(found)}")


def _below(name: str, fields: Fields, field: str) -> str | None:
    """A text of the object of this name."""
    try:
        return text_in(fields, field)
    except NotUnderstood as error:
        raise NotUnderstood(f".{name}{error}") from None


def _own_texts(fields: Fields) -> list[str]:
    """The texts in which a race says which it is."""
    texts = (text_in(fields, name) for name in _OWN_TEXTS)
    return [text for text in texts if text is not None]


def _suffix(fields: object) -> str:
    """`-special` or `-runoff`, where the race says that it is one."""
    _must_be_object(fields)
    assert isinstance(fields, dict)
    texts = "\n".join(_own_texts(fields))
    special = flag_in(fields, "special") or _SPECIAL.search(texts)
    runoff = flag_in(fields, "runoff") or _RUNOFF.search(texts)
    return ("-special" if special else "") + ("-runoff" if runoff else "")


def _district_in_texts(fields: Fields) -> int | None:
    """The number of the district that a race's texts name; None for the whole state's."""
    texts = _own_texts(fields)
    numbers = {int(m[1] or m[2]) for text in texts for m in _NUMBERED.finditer(text)}
    if len(numbers) > 1:
        raise NotUnderstood(f" names several districts: {quoted(texts[0])}")
    if numbers:
        return numbers.pop()
    for text in texts:
        if _DISTRICT_WORD.search(text) and not _AT_LARGE.search(text):
            raise NotUnderstood(f" is of a district without a number: {quoted(text)}")
    return None


def _seat(fields: Fields, state: _State, *, alone: bool) -> int:
    """The number of a House district, 1 to 99, or _WHOLE_STATE.

    From its texts or code, which must agree, else from its id, which may be anything.
    alone: the state has no other district.
    """
    texts = _own_texts(fields)
    told = {int(m[1] or m[2]) for text in texts for m in _NUMBERED.finditer(text)}
    at_large = any(_AT_LARGE.search(text) for text in texts)
    if at_large:
        told.add(_WHOLE_STATE)
    printed = text_in(fields, "displayName")
    if not told and printed is not None:
        told = {int(digits) for digits in _DIGITS.findall(printed)}
    if fields.get("code") is not None:
        coded = _numbers_of_code(fields["code"], state)
        told |= coded - {1} if at_large else coded  # the only seat may be counted as the first
    if not told:
        number = fields.get("id")
        if type(number) is int and 0 <= number <= 99:
            told = {number}
        elif alone and printed is not None and printed == state.name:
            told = {_WHOLE_STATE}
    if len(told) != 1 or max(told) > 99:
        numbers = ", ".join(map(str, sorted(told))) or "none"
        raise NotUnderstood(f".displayName, code and id give no one district: {numbers}")
    return told.pop()


def _numbers_of_code(code: object, state: _State) -> set[int]:
    """The district in a code: 13, "13", "CA-13", "0613" with the state's FIPS code, "AL"."""
    if type(code) is int:
        return {code} if code >= 0 else set()
    if type(code) is not str:
        raise NotUnderstood(f".code is neither a number nor a text: {quoted(code)}")
    digits = _DIGITS.findall(code)
    if len(digits) == 1:
        number: str = digits[0]
        if len(number) == 4 and state.fips is not None and number.startswith(state.fips):
            number = number[2:]
        return {int(number)}
    if code.lower().removeprefix(state.code).strip(" -") == "al":
        return {_WHOLE_STATE}
    return set()


def _district_code(number: int) -> str:
    return "al" if number == _WHOLE_STATE else f"{number:02}"


def _split(entry: Fields) -> list[tuple[str, Fields]]:
    """The races in a state's one list of candidates, as far as these carry what tells them apart.

    Each with a label for its path.
    """
    groups: dict[tuple[bool, str], list[Fields]] = {}
    for at, candidate in enumerate(candidates_in(entry)):
        try:
            special = flag_in(candidate, "special")
        except NotUnderstood as error:
            raise NotUnderstood(f".candidates[{at}]{error}") from None
        race = candidate.get("raceId")
        if race is not None and type(race) not in (int, str):
            raise NotUnderstood(f".candidates[{at}].raceId is no id: {quoted(race)}")
        groups.setdefault((special, "" if race is None else str(race)), []).append(candidate)
    if len(groups) == 1:
        ((special, _),) = groups
        return [("", {**entry, "special": True} if special else entry)]
    return [
        (
            f" (those with special {str(special).lower()}, raceId {quoted(race)})",
            {**entry, "candidates": candidates, "special": special},
        )
        for (special, race), candidates in groups.items()
    ]


def _must_be_one_race(fields: Fields) -> None:
    """Raise NotUnderstood when a list of candidates looks like those of two races.

    Merged, the votes of one race would be compared with those of another.
    """
    candidates = list(candidates_in(fields))
    ids = Counter(c["id"] for c in candidates if type(c.get("id")) is int)
    signs = {
        "two incumbents": [c for c in candidates if c.get("incumbent") is True],
        "two winners": [
            c for c in candidates if c.get("winner") is True and c.get("runoff") is not True
        ],
        "a candidate twice": [
            c for c in candidates if type(c.get("id")) is int and ids[c["id"]] > 1
        ],
    }
    for sign, who in signs.items():
        if len(who) > 1:
            names = " and ".join(str(c.get("displayName"))[:80] for c in who[:4])
            raise NotUnderstood(f".candidates looks like two races in one list: {sign}, {names}")


def _called(fields: Fields) -> tuple[str | None, frozenset[str]]:
    """The candidate whom the outlet calls the winner, and those whom it sends to a runoff."""
    winners, runoff = [], []
    for at, candidate in enumerate(candidates_in(fields)):
        try:
            if must_flag_in(candidate, "winner"):
                winners.append((id_of(candidate), candidate.get("displayName")))
            if flag_in(candidate, "runoff"):
                runoff.append(id_of(candidate))
        except NotUnderstood as error:
            raise NotUnderstood(f".candidates[{at}]{error}") from None
    if len(winners) > 1:
        names = " and ".join(f"{quoted(name)} ({key})" for key, name in winners[:4])
        raise NotUnderstood(f".candidates has {len(winners)} winners: {names}")
    return (winners[0][0] if winners else None), frozenset(runoff)


def _test_mark(fields: Fields) -> str | None:
    """The mark by which an object says that it is a test; None without one."""
    for name in sorted(_TEST_MARKS & fields.keys()):
        if fields[name] is not None and fields[name] is not False:
            return f"it is marked as a test: {name} is {quoted(fields[name])}"
    status = fields.get("status")
    if type(status) is dict:
        for name in ("type", "value"):
            text = status.get(name)
            if type(text) is str and _says_test(text):
                return f"it is marked as a test: status.{name} is {quoted(text)}"
    printed = fields.get("displayName")
    if type(printed) is str and _TEST_PRINTED.search(printed):
        return f"it is marked as a test: displayName is {quoted(printed)}"
    return None


@lru_cache(maxsize=256)
def _says_test(text: str) -> bool:
    return _TEST.search(text) is not None
