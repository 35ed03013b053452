"""Clarity ENR: the official results of many states and counties, one election an address.

A small file, `current_ver.txt`, has the number of the version that is current, and the results
stand at an address with that number in it. The page of the results is followed as one over all
versions; its own address has VERSION where the number goes.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import unquote

from crawler.errors import NotUnderstood
from crawler.parsers.loose_values import CONTROL, MOST_PERCENT, quoted, slugged, votes
from crawler.parsers.results_only import ResultsOnly
from crawler.parsers.strict_json import strict_json
from storage.places import STATES
from storage.records import CandidateKind, RaceState, Refusal, Snapshot, Tally, refused_page

#: What stands in a page's address where the version goes.
VERSION = "{version}"

_ELECTION = re.compile(
    r"(?P<site>https?://[^/?#]+)/+(?P<state>[A-Za-z]{2})"
    r"(?:/(?P<county>[^/?#]*[^/?#0-9][^/?#]*))?/(?P<number>[0-9]{1,9})"
    r"(?:/(?P<file>[^?#]*))?(?:[?#].*)?"
)
_VERSION_FILE = "current_ver.txt"
_SUMMARY = re.compile(r"(?:[0-9]+|\{version\})/json/en/summary\.json")
_NUMBER = re.compile(rb"[1-9][0-9]{0,11}")
_KEY = re.compile(r"[0-9A-Za-z_]{1,40}")

#: As a title reads without dots, marks, and what stands in brackets. What is not here is known by
#: its key: a race that is named wrongly would be joined with another one.
_US = "(?:us|united states)"
_OFFICES = {
    "president": re.compile(
        rf"(?:{_US} )?president(?: of the {_US}(?: of america)?)?"
        rf"(?: (?:and )?vice president(?: of the {_US}(?: of america)?)?)?"
    ),
    "governor": re.compile(r"governor(?: (?:and )?(?:lt|lieutenant) governor)?"),
    "senate": re.compile(rf"{_US} senat(?:e|or)(?P<special> special(?: election)?)?"),
    "house": re.compile(
        rf"(?:{_US} (?:house(?: of representatives)?|representative|congress)|"
        rf"(?:{_US} )?representative in congress)"
        r" (?:(?:congressional )?(?:district|dist)(?: no)? 0*(?P<after>[0-9]{1,2})|"
        r"0*(?P<before>[0-9]{1,2})(?:st|nd|rd|th)? (?:congressional )?district)"
    ),
}

#: Choices that are no people.
_KINDS: dict[str, CandidateKind] = {
    "yes": "option",
    "no": "option",
    "for": "option",
    "against": "option",
    "write-in": "write_in",
    "write in": "write_in",
    "write-ins": "write_in",
}
#: The arrays of a contest that have one entry for each choice.
_ARRAYS = ("CH", "P", "V", "W")


class _File(NamedTuple):
    """A file of an election. knowledge: what others have read in such files is all that we know."""

    knowledge: str = "reported"


class Clarity(ResultsOnly):
    """The parser of every Clarity site; which election and place it is stands in the address."""

    NAME = "clarity 1"
    VERSION_FILE = "version"
    RESULTS = (VERSION_FILE, ResultsOnly.FEED)

    def family_of(self, url: str, /) -> str | None:
        """`version` or `feed`; None for all else, also for an election's own address."""
        election = _election(url)
        if election is None:
            return None
        if election.file == _VERSION_FILE:
            return self.VERSION_FILE
        return self.FEED if _SUMMARY.fullmatch(election.file) else None

    def looked_at(self, url: str, /) -> str:
        """The version file of the election that the address names, however people have it."""
        election = _election(url)
        return url if election is None else f"{election.base}/{_VERSION_FILE}"

    def versioned(self, url: str, /) -> str | None:
        """The summary of the election of which this is the version file."""
        election = _election(url)
        if election is None or election.file != _VERSION_FILE:
            return None
        return f"{election.base}/{VERSION}/json/en/summary.json"

    def version(self, body: bytes, /) -> str | None:
        """The number in a version file."""
        found = _NUMBER.fullmatch(body.strip())
        return None if found is None else found[0].decode("ascii")

    def feed_file(self, url: str, /) -> _File | None:
        """Any file of an election that is read here."""
        return None if self.family_of(url) is None else _File()

    def parse(self, family: str, body: bytes, /, *, url: str, **_context: Any) -> Snapshot:
        """What a version file (nothing) or a summary says."""
        if family == self.VERSION_FILE:
            if self.version(body) is None:
                return refused_page(f"the version is no number: {quoted(body[:200])}")
            return Snapshot()
        election = _election(url)
        if election is None:
            return refused_page("the address names no election")
        try:
            return _summary(strict_json(body), election)
        except NotUnderstood as error:
            return refused_page(str(error))


@dataclass(frozen=True, slots=True)
class _Election:
    """base: its address, without a slash at the end. state: postal code in lower case. county: as
    the address has it, None for a state's. file: the rest of the address."""

    base: str
    state: str
    county: str | None
    number: str
    file: str

    @property
    def place(self) -> str:
        state = f"us/{self.state}"
        return state if self.county is None else f"{state}/{slugged('county', self.county)}"

    @property
    def place_name(self) -> str | None:
        return None if self.county is None else " ".join(self.county.replace("_", " ").split())


def _election(url: str) -> _Election | None:
    match = _ELECTION.fullmatch(url)
    if match is None or match["state"].lower() not in STATES:
        return None
    county = None if match["county"] is None else unquote(match["county"])
    try:
        slugged("county", county)
    except NotUnderstood:
        return None
    words = (match["site"], match["state"], match["county"], match["number"])
    return _Election(
        base="/".join(word for word in words if word is not None),
        state=match["state"].lower(),
        county=county,
        number=match["number"],
        file=match["file"] or "",
    )


@dataclass(frozen=True, slots=True)
class _Contest:
    """path: where it stands. key: None when it cannot be read. race, place: by title and address,
    or by key."""

    path: str
    entry: dict[str, Any]
    key: str | None
    title: str
    race: str | None
    place: str


def _summary(root: object, election: _Election) -> Snapshot:
    """Raises NotUnderstood when it cannot be told which contests there are."""
    if not isinstance(root, list) or not root:
        raise NotUnderstood(f"it is no list of contests: {quoted(root)}")
    contests = _contests(root, election)
    keys = Counter(contest.key for contest in contests)
    races, refusals = [], []
    for contest in contests:
        try:
            if contest.key is None:
                raise NotUnderstood(_no_key(contest.entry))
            if keys[contest.key] > 1:
                raise NotUnderstood(f".K: {contest.key} stands {keys[contest.key]} times")
            races.append(_state(contest, election))
        except NotUnderstood as error:
            reason = f"{contest.path}{error}"
            place = None if contest.race is None else contest.place
            refusals.append(Refusal(part="race", reason=reason, race=contest.race, place=place))
    return Snapshot(races=tuple(races), refusals=tuple(refusals))


def _contests(root: list[Any], election: _Election) -> list[_Contest]:
    """All contests, each with its race.

    An office names a race where one contest alone has it. So no title may be missing: without it
    nobody could tell whether another contest is alone.
    """
    titles = []
    for at, entry in enumerate(root):
        if not isinstance(entry, dict):
            raise NotUnderstood(f"[{at}] is no contest: {quoted(entry)}")
        if not isinstance(entry.get("C"), str):
            raise NotUnderstood(f"[{at}].C: {quoted(entry.get('C'))} is no title")
        titles.append(" ".join(entry["C"].split()))
    named = [_office(title, election) for title in titles]
    alone = Counter(named)
    contests = []
    for at, (entry, title, office) in enumerate(zip(root, titles, named, strict=True)):
        key = _key(entry)
        race, place = None, election.place
        if office is not None and alone[office] == 1:
            race, place = office
        elif key is not None:
            # Keys are an election's own: the next county may have the same ones.
            race = f"contest/{election.state}-{election.number}-{key}"
        contests.append(_Contest(f"[{at}]", entry, key, title, race, place))
    return contests


def _office(title: str, election: _Election) -> tuple[str, str] | None:
    """Race and place of a contest whose title names an office; None for all others."""
    plain = re.sub(r"\([^()]*\)", " ", title.lower().replace(".", ""))
    words = " ".join(re.sub(r"[-,/:]", " ", plain).split()).removeprefix("for ")
    for office, pattern in _OFFICES.items():
        match = pattern.fullmatch(words)
        if match is None:
            continue
        if office == "president":
            return office, election.place
        if office != "house":
            special = "-special" if "special" in match.groupdict() and match["special"] else ""
            return f"{office}/{election.state}{special}", election.place
        district = f"{election.state}-{int(match['after'] or match['before']):02}"
        place = f"us/{district}" if election.county is None else election.place
        return f"house/{district}", place
    return None


def _key(entry: dict[str, Any]) -> str | None:
    key = entry.get("K")
    text = str(key) if isinstance(key, (str, int)) and not isinstance(key, bool) else ""
    return text.lower() if _KEY.fullmatch(text) else None


def _no_key(entry: dict[str, Any]) -> str:
    return f".K: {quoted(entry.get('K'))} is no key"


def _state(contest: _Contest, election: _Election) -> RaceState:
    entry = contest.entry
    assert contest.race is not None  # it has a key
    names, parties, counts, flags = _choices(entry)
    tallies: list[Tally] = []
    called = []
    for at, name in enumerate(names):
        printed = _name(f".CH[{at}]", name)
        key = printed.lower()
        if any(tally.candidate == key for tally in tallies):
            raise NotUnderstood(f".CH[{at}]: {quoted(printed)} stands twice")
        tallies.append(
            Tally(
                candidate=key,
                name=printed,
                votes=_count(f".V[{at}]", counts[at]),
                party=_party(f".P[{at}]", parties[at]),
                kind=_KINDS.get(key, "person"),
            )
        )
        if _flag(f".W[{at}]", flags[at]):
            called.append(key)
    # A flag of several is no call: with three seats, the second would take back the first.
    seats = _count(".VF", entry.get("VF"))
    if seats == 1 and len(called) > 1:
        raise NotUnderstood(f".W: {len(called)} winners of one seat")
    return RaceState(
        race=contest.race,
        place=contest.place,
        place_name=election.place_name,
        title=contest.title or None,
        source_updated_at=None,
        tallies=tuple(tallies),
        projection=called[0] if called and seats == 1 else None,
        precincts_pct=_precincts(entry),
    )


def _choices(entry: dict[str, Any]) -> list[list[Any]]:
    """The arrays, which are there and of one length."""
    found = []
    for name in _ARRAYS:
        array = entry.get(name)
        if not isinstance(array, list):
            raise NotUnderstood(f".{name}: {quoted(array)} is no list")
        found.append(array)
    lengths = [len(array) for array in found]
    if len(set(lengths)) > 1:
        told = ", ".join(f"{n} has {length}" for n, length in zip(_ARRAYS, lengths, strict=True))
        raise NotUnderstood(f": its lists differ in length: {told}")
    if not found[0]:
        raise NotUnderstood(".CH: there are no choices")
    return found


def _precincts(entry: dict[str, Any]) -> float | None:
    """Percent of precincts that report; None when neither number is there, or there are none."""
    if entry.get("PR") is None and entry.get("TP") is None:
        return None
    reporting, total = _count(".PR", entry.get("PR")), _count(".TP", entry.get("TP"))
    if total == 0:
        return None
    percent = round(100 * reporting / total, 2)
    if percent > MOST_PERCENT:
        raise NotUnderstood(f".PR: {reporting} of {total} precincts")
    return percent


def _count(path: str, value: object) -> int:
    found = votes(path, value)
    if found is None:
        raise NotUnderstood(f"{path}: None is no number")
    return found


def _name(path: str, value: object) -> str:
    name = " ".join(value.split()) if isinstance(value, str) else ""
    if not name or CONTROL.search(name):
        raise NotUnderstood(f"{path}: {quoted(value)} is no name")
    return name


def _party(path: str, value: object) -> str | None:
    if value is None or value == "":
        return None
    return _name(path, value)


def _flag(path: str, value: object) -> bool:
    if value in (0, "0", ""):
        return False
    if value in (1, "1"):
        return True
    raise NotUnderstood(f"{path}: {quoted(value)} is neither 0 nor 1")
