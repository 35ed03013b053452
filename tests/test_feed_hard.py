"""ABC's results feed, read from the reference alone: what must be read, and what must be refused.

The payloads come from plain facts (`tests/feed_pages.py`) and so do the expected values. Where the
reference leaves open what is right, the test says "our decision".
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.errors import NotUnderstood
from crawler.parsers.abc_feed import FeedFile, feed_file, marks, other_offices, parse_feed
from storage.records import RaceState
from tests.feed_pages import (
    CLOSES,
    GENERATED,
    UPDATED,
    County,
    District,
    Json,
    Person,
    StateRace,
    as_body,
    governor_file,
    house_file,
    national_electoral,
    senate_file,
    state_file,
)

BASE = "https://assets-cdn.abcnews.com/elections/national/2024/general/v1/maps/"
SEED = Path(__file__).parents[2] / "shared" / "data" / "abc" / "fl-electoral-2024-10-26.json"

Key = tuple[str, str]


def the_file(path: str) -> FeedFile:
    found = feed_file(BASE + path)
    assert found is not None, path
    return found


def called(file: FeedFile) -> str:
    """A file in the name of a test."""
    return f"{file.state or 'us'} {file.office}"


FL = the_file("states/fl/electoral.json")
ELECTORAL = the_file("electoral.json")
SENATE = the_file("senate.json")
HOUSE = the_file("house.json")
GOVERNOR = the_file("governor.json")

HARRIS = Person(64984, "Kamala", "Harris", "democrats", 4_683_038)
TRUMP = Person(8639, "Donald", "Trump", "republicans", 6_110_125, 30, winner=True)
STEIN = Person(895, "Jill", "Stein", "others", 43_155)
DE_LA_CRUZ = Person(20078288, "Claudia", "De la Cruz", "others", 12_118)
WRITE_INS = Person(21303, "", "Write-ins", "others", 999, aggregate=True)
PEOPLE = (HARRIS, TRUMP, STEIN, DE_LA_CRUZ, WRITE_INS)

ALACHUA = County("12001", "Alachua County", {64984: 84_698, 8639: 54_930}, pct=95.5)
BAKER = County("12003", "Baker County", {64984: 1_820, 8639: 12_830}, pct=99)
DESOTO = County("12027", "DeSoto County", {64984: 3_216, 8639: 8_937}, pct=99)
FLORIDA = StateRace("fl", PEOPLE, (ALACHUA, BAKER, DESOTO), pct=97.25)

#: The nation's sums are facts of their own, not those of the two states.
NATION_D = replace(HARRIS, votes=71_900_392, electoral=226)
NATION_R = replace(TRUMP, votes=75_068_566, electoral=312)
GEORGIA = StateRace(
    "ga",
    (
        replace(HARRIS, votes=2_548_017),
        replace(TRUMP, votes=2_663_117, electoral=16),
        replace(STEIN, votes=18_229),
    ),
    pct=99,
)
MAINE = StateRace(
    "me",
    (
        replace(HARRIS, votes=435_652, electoral=2, winner=True),
        replace(TRUMP, votes=377_977, electoral=1, winner=False),
    ),
    districts=(
        District(1, (replace(HARRIS, votes=265_000, electoral=1, winner=True),), pct=88),
        District(2, (replace(TRUMP, votes=201_234, electoral=1),), pct=77.5),
    ),
)
NEBRASKA = StateRace(
    "ne",
    (replace(HARRIS, votes=369_995), replace(TRUMP, votes=564_816, electoral=4)),
    districts=(District(1), District(2), District(3)),  # as seen: without candidates
)

RICKETTS = Person(60001, "Pete", "Ricketts", "republicans", 582_000, incumbent=True)
LOVE = Person(60002, "Preston", "Love", "democrats", 344_000)
FISCHER = Person(60003, "Deb", "Fischer", "republicans", 499_000, incumbent=True)
OSBORN = Person(60004, "Dan", "Osborn", "independents", 436_000)
SCHIFF = Person(70001, "Adam", "Schiff", "democrats", 9_036_252, winner=True)
GARVEY = Person(70002, "Steve", "Garvey", "republicans", 6_312_594)
SCOTT = Person(70003, "Rick", "Scott", "republicans", 5_977_706, incumbent=True)
MUCARSEL = Person(70004, "Debbie", "Mucarsel-Powell", "democrats", 4_603_077)
WARNOCK = Person(70005, "Raphael", "Warnock", "democrats", 1_820_633, incumbent=True)
WALKER = Person(70006, "Herschel", "Walker", "republicans", 1_721_244)
GRAY = Person(70007, "Adam", "Gray", "democrats", 105_554)
DUARTE = Person(70008, "John", "Duarte", "republicans", 105_367, incumbent=True)
BEGICH = Person(70009, "Nick", "Begich", "republicans", 159_550)
PELTOLA = Person(70010, "Mary", "Peltola", "democrats", 152_828)

CALIFORNIA_HOUSE = StateRace(
    "ca",
    districts=(
        District(13, (GRAY, DUARTE), pct=97),
        District(2, (replace(GRAY, id=70011, last="Huffman", votes=272_883),)),
    ),
)
ALASKA_HOUSE = StateRace("ak", districts=(District(0, (BEGICH, PELTOLA), pct=91.5),))


def florida() -> Json:
    return state_file(FLORIDA)


def nation() -> Json:
    return national_electoral(NATION_D, NATION_R, FLORIDA, GEORGIA, MAINE, NEBRASKA, pct=95)


def senate() -> Json:
    return senate_file(
        StateRace("fl", (SCOTT, MUCARSEL), pct=97),
        StateRace("ca", (SCHIFF, GARVEY), pct=55.5),
        StateRace("dc"),
    )


def house() -> Json:
    return house_file(CALIFORNIA_HOUSE, ALASKA_HOUSE, StateRace("dc"))


@dataclass(frozen=True)
class Result:
    """What was made of a body: the races accepted, and why others were not."""

    races: dict[Key, RaceState]
    reasons: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def figures(self) -> dict[Key, dict[str, tuple[int | None, int | None]]]:
        return {key: figures(state) for key, state in self.races.items()}

    @property
    def votes(self) -> dict[Key, dict[str, int | None]]:
        return {k: {t.candidate: t.votes for t in s.tallies} for k, s in self.races.items()}


def figures(state: RaceState) -> dict[str, tuple[int | None, int | None]]:
    """Votes and electoral votes by candidate, who must be in it once."""
    found = {t.candidate: (t.votes, t.electoral_votes) for t in state.tallies}
    assert len(found) == len(state.tallies)
    return found


def read_bytes(file: FeedFile, body: bytes) -> Result:
    """A body that is refused as a whole has no races and one reason."""
    try:
        snapshot = parse_feed(file, body)
    except NotUnderstood as error:
        return Result({}, (str(error),), ())
    races = {(s.race, s.place): s for s in snapshot.races}
    assert len(races) == len(snapshot.races), "a race in a place is given once"
    refused = {(r.race, r.place) for r in snapshot.refusals}
    assert not refused & races.keys(), "what is refused is not accepted too"
    assert snapshot.races or snapshot.refusals
    assert snapshot.article is None
    assert snapshot.links is None
    reasons = tuple(r.reason for r in snapshot.refusals)
    assert all(reasons), "a refusal has a reason"
    return Result(races, reasons, snapshot.unknown)


def read(file: FeedFile, payload: Json) -> Result:
    return read_bytes(file, as_body(payload))


def clean(file: FeedFile, payload: Json) -> Result:
    """A payload in which nothing is wrong."""
    result = read(file, payload)
    assert result.reasons == ()
    assert result.unknown == ()
    return result


def facts(*people: Person, electors: bool = True) -> dict[str, tuple[int | None, int | None]]:
    return {str(p.id): (p.votes, p.electoral if electors else None) for p in people}


def county_facts(county: County) -> dict[str, tuple[int | None, int | None]]:
    return {str(candidate): (votes, None) for candidate, votes in county.votes.items()}


# -- the builder -----------------------------------------------------------------------------


@pytest.mark.data
def test_the_builder_gives_the_one_real_payload_to_the_letter() -> None:
    real = json.loads(SEED.read_bytes())
    stamp = real.pop("_generated")
    people = (
        Person(64984, "Kamala", "Harris", "democrats"),
        Person(8639, "Donald", "Trump", "republicans"),
        Person(20078288, "Claudia", "De la Cruz"),
        Person(20076636, "Chase", "Oliver"),
        Person(20078864, "Peter", "Sonski"),
        Person(895, "Jill", "Stein"),
        Person(61513, "Randall", "Terry"),
        Person(21303, "", "Write-ins", aggregate=True),
    )
    midnight = datetime(2024, 10, 25, 4, tzinfo=UTC)
    counties = tuple(
        County(c["fips"], c["displayName"], {8639: 0, 64984: 0}, updated=midnight)
        for c in real["races"][0]["counties"]
    )
    updated = datetime(2024, 10, 21, 19, 11, 5, 183000, tzinfo=UTC)
    race = StateRace("fl", people, counties, updated=updated, status=("pre", "SCHEDULED"))
    assert state_file(race) == real
    assert json.loads(as_body(state_file(race), generated=stamp)) == {**real, "_generated": stamp}


@pytest.mark.data
def test_the_real_payload_has_eight_candidates_sixty_seven_counties_and_no_fault() -> None:
    result = read_bytes(FL, SEED.read_bytes())
    assert result.reasons == result.unknown == ()
    state = result.races["president", "us/fl"]
    ids = {"895", "8639", "21303", "61513", "64984", "20076636", "20078288", "20078864"}
    assert figures(state) == dict.fromkeys(ids, (0, 0))
    assert state.last_close_at == datetime(2024, 11, 6, 1, tzinfo=UTC)
    assert state.source_updated_at == datetime(2024, 10, 21, 19, 11, 5, 183000, tzinfo=UTC)
    assert (state.status, state.seats, state.projection) == ("SCHEDULED", 30, None)
    assert (state.expected_vote_pct, state.doubt, state.runoff) == (0, None, frozenset())
    places = {place for _, place in result.races} - {"us/fl"}
    assert len(places) == 67
    assert all(place.startswith("us/fl/12") for place in places)
    for place in places:
        county = figures(result.races["president", place])
        assert county == {"8639": (0, None), "64984": (0, None)}


def test_the_builder_prints_figures_as_the_outlet_does() -> None:
    candidate = florida()["races"][0]["candidates"][1]
    assert candidate["lastName"] == "Trump"
    assert candidate["statistics"] == {
        "votes": {
            "displayText": "Total Votes",
            "displayValue": "6,110,125",
            "doubleValue": 6_110_125,
            "value": 6_110_125,
        },
        "percent": {
            "displayText": "Pct.",
            "displayValue": "56%",
            "doubleValue": 56.3,
            "value": 56,
        },
        "electoralVotes": {
            "displayText": "Electoral Votes",
            "displayValue": "30",
            "doubleValue": 30,
            "value": 30,
        },
    }
    assert florida()["races"][0]["lastUpdated"] == {
        "value": "2024-11-06T03:15:20.125Z",
        "displayValue": "November 5, 10:15:20PM ET",
    }


# -- which file an address is ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "office", "state", "knowledge"),
    [
        ("electoral.json", "president", None, "reported"),
        ("senate.json", "senate", None, "reported"),
        ("house.json", "house", None, "reported"),
        ("governor.json", "governor", None, "guessed"),
        ("states/fl/electoral.json", "president", "fl", "captured"),
        ("states/ne/senate.json", "senate", "ne", "guessed"),
        ("states/ca/house.json", "house", "ca", "guessed"),
        ("states/nc/governor.json", "governor", "nc", "guessed"),
    ],
)
@pytest.mark.parametrize(
    "base",
    [
        BASE,
        BASE.replace("2024", "2026"),  # another year is configuration
        "http://127.0.0.1:8017/elections/national/2024/general/v1/maps/",
    ],
)
def test_an_address_tells_office_state_and_how_the_file_is_known(
    base: str, path: str, office: str, state: str | None, knowledge: str
) -> None:
    found = feed_file(base + path)
    assert found is not None
    assert (found.office, found.state, found.knowledge) == (office, state, knowledge)


@pytest.mark.parametrize(
    "url",
    [
        "https://abcnews.go.com/US/slug/story?id=115724508",
        "https://abcnews.go.com/abcnews/topstories",
        BASE,
        BASE + "mayor.json",
        BASE + "electoral.html",
        BASE + "states/fl/mayor.json",
        BASE + "states/florida/electoral.json",
        BASE + "states/fl/12001/electoral.json",
        BASE + "states//electoral.json",
        "https://abcnews.go.com/US/electoral.json/story?id=115724508",
        "not an address",
        "",
    ],
)
def test_other_addresses_are_no_feed_file(url: str) -> None:
    assert feed_file(url) is None


# -- figures ---------------------------------------------------------------------------------


def test_a_state_file_gives_the_state_and_each_county() -> None:
    result = clean(FL, florida())
    assert result.figures == {
        ("president", "us/fl"): facts(*PEOPLE),
        ("president", "us/fl/12001"): county_facts(ALACHUA),
        ("president", "us/fl/12003"): county_facts(BAKER),
        ("president", "us/fl/12027"): county_facts(DESOTO),
    }


def test_what_stands_beside_the_figures_of_a_state() -> None:
    state = clean(FL, florida()).races["president", "us/fl"]
    assert state.source_updated_at == UPDATED
    assert state.last_close_at == CLOSES
    assert state.expected_vote_pct == 97.25
    assert state.status == "POLLS_OPEN"
    assert state.seats == 30
    assert state.projection == "8639"
    assert state.runoff == frozenset()
    assert state.place_name == "Florida"
    assert state.doubt is None
    assert state.electors_by_order is False


def test_what_stands_beside_the_figures_of_a_county() -> None:
    county = clean(FL, florida()).races["president", "us/fl/12001"]
    assert county.source_updated_at == UPDATED
    assert county.expected_vote_pct == 95.5
    assert county.place_name == "Alachua County"
    assert (county.status, county.projection, county.doubt) == (None, None, None)


def test_names_parties_and_kinds() -> None:
    state = clean(FL, florida()).races["president", "us/fl"]
    told = {t.candidate: (t.name, t.last_name, t.party, t.kind) for t in state.tallies}
    assert told == {
        "64984": ("Kamala Harris", "harris", "democrats", "person"),
        "8639": ("Donald Trump", "trump", "republicans", "person"),
        "895": ("Jill Stein", "stein", "others", "person"),
        "20078288": ("Claudia De la Cruz", "de la cruz", "others", "person"),
        "21303": ("Write-ins", "write-ins", "others", "aggregate"),
    }


@pytest.mark.parametrize(
    ("file", "payload"),
    [(FL, florida()), (ELECTORAL, nation()), (SENATE, senate()), (HOUSE, house())],
    ids=["state", "nation", "senate", "house"],
)
def test_ids_are_the_associated_press_s(file: FeedFile, payload: Json) -> None:
    assert parse_feed(file, as_body(payload)).id_scheme == "ap"


def test_the_national_file_gives_nation_states_and_districts_that_have_candidates() -> None:
    result = clean(ELECTORAL, nation())
    assert result.figures == {
        ("president", "us"): facts(NATION_D, NATION_R),
        ("president", "us/fl"): facts(*PEOPLE),
        ("president", "us/ga"): facts(*GEORGIA.people),
        ("president", "us/me"): facts(*MAINE.people),
        ("president", "us/me-01"): facts(*MAINE.districts[0].people),
        ("president", "us/me-02"): facts(*MAINE.districts[1].people),
        ("president", "us/ne"): facts(*NEBRASKA.people),
    }
    seats = {place: s.seats for (_, place), s in result.races.items() if place != "us"}
    assert seats == {
        "us/fl": 30,
        "us/ga": 16,
        "us/me": 4,
        "us/me-01": 1,
        "us/me-02": 1,
        "us/ne": 5,
    }
    calls = {place: s.projection for (_, place), s in result.races.items()}
    assert calls == {
        "us": "8639",
        "us/fl": "8639",
        "us/ga": "8639",
        "us/me": "64984",
        "us/me-01": "64984",
        "us/me-02": "8639",
        "us/ne": "8639",
    }
    assert result.races["president", "us/me-02"].expected_vote_pct == 77.5


def test_what_stands_beside_the_figures_of_the_nation() -> None:
    later = UPDATED + timedelta(minutes=7)
    payload = national_electoral(NATION_D, NATION_R, FLORIDA, pct=95, updated=later)
    result = clean(ELECTORAL, payload)
    state = result.races["president", "us"]
    assert state.source_updated_at == later
    assert state.expected_vote_pct == 95
    assert state.doubt is None
    assert state.electors_by_order is False
    assert result.races["president", "us/fl"].source_updated_at == UPDATED


def test_each_state_has_a_closing_and_a_clock_of_its_own() -> None:
    later = CLOSES + timedelta(hours=3)
    georgia = replace(GEORGIA, closes=later, updated=UPDATED - timedelta(seconds=1))
    result = clean(ELECTORAL, national_electoral(NATION_D, NATION_R, FLORIDA, georgia))
    clocks = {p: (s.last_close_at, s.source_updated_at) for (_, p), s in result.races.items()}
    assert clocks["us/fl"] == (CLOSES, UPDATED)
    assert clocks["us/ga"] == (later, UPDATED - timedelta(seconds=1))
    assert clocks["us"] == (None, UPDATED)


def test_the_nation_s_own_clock_goes_before_the_file_s() -> None:
    payload = nation()
    payload["lastUpdated"]["value"] = "2024-11-06T05:00:00Z"
    assert clean(ELECTORAL, payload).races["president", "us"].source_updated_at == UPDATED


def test_maine_s_districts_in_the_state_file() -> None:
    """Our decision: a race's name that ends in "District 2" tells the district."""
    second = replace(MAINE, title="District 2", people=MAINE.districts[1].people, districts=())
    first = replace(second, title="District 1", people=MAINE.districts[0].people)
    result = clean(
        the_file("states/me/electoral.json"),
        state_file(replace(MAINE, districts=()), first, second),
    )
    assert result.figures == {
        ("president", "us/me"): facts(*MAINE.people),
        ("president", "us/me-01"): facts(*MAINE.districts[0].people),
        ("president", "us/me-02"): facts(*MAINE.districts[1].people),
    }
    seats = {place: s.seats for (_, place), s in result.races.items()}
    assert seats == {"us/me": 4, "us/me-01": 1, "us/me-02": 1}


def test_senate_races_and_states_without_one() -> None:
    result = clean(SENATE, senate())
    assert result.figures == {
        ("senate/fl", "us/fl"): facts(SCOTT, MUCARSEL, electors=False),
        ("senate/ca", "us/ca"): facts(SCHIFF, GARVEY, electors=False),
    }
    assert result.races["senate/ca", "us/ca"].projection == "70001"
    assert result.races["senate/ca", "us/ca"].expected_vote_pct == 55.5
    assert result.races["senate/fl", "us/fl"].projection is None


def test_governors() -> None:
    result = clean(GOVERNOR, governor_file(StateRace("nc", (GRAY, DUARTE)), StateRace("fl")))
    assert result.figures == {("governor/nc", "us/nc"): facts(GRAY, DUARTE, electors=False)}


def test_a_governor_s_state_file_has_counties() -> None:
    county = County("37001", "Alamance County", {GRAY.id: 41_000, DUARTE.id: 40_000})
    race = StateRace("nc", (GRAY, DUARTE), (county,))
    result = clean(the_file("states/nc/governor.json"), state_file(race, office="governor"))
    assert result.figures == {
        ("governor/nc", "us/nc"): facts(GRAY, DUARTE, electors=False),
        ("governor/nc", "us/nc/37001"): county_facts(county),
    }


def test_house_districts_and_a_state_that_is_one() -> None:
    result = clean(HOUSE, house())
    assert result.figures == {
        ("house/ca-13", "us/ca-13"): facts(GRAY, DUARTE, electors=False),
        ("house/ca-02", "us/ca-02"): facts(*CALIFORNIA_HOUSE.districts[1].people, electors=False),
        ("house/ak-al", "us/ak-al"): facts(BEGICH, PELTOLA, electors=False),
    }
    assert result.races["house/ak-al", "us/ak-al"].expected_vote_pct == 91.5


def test_the_house_s_state_file() -> None:
    """Our decision, of a file never seen: one race a district, named "California District 13"."""
    races = [
        StateRace("ca", d.people, title=f"District {d.number}") for d in CALIFORNIA_HOUSE.districts
    ]
    result = clean(the_file("states/ca/house.json"), state_file(*races, office="house"))
    assert result.figures == {
        ("house/ca-13", "us/ca-13"): facts(GRAY, DUARTE, electors=False),
        ("house/ca-02", "us/ca-02"): facts(*CALIFORNIA_HOUSE.districts[1].people, electors=False),
    }


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("District 13", "house/ca-13"),
        ("13th District", "house/ca-13"),
        ("13th Congressional District", "house/ca-13"),
        ("California District 13", "house/ca-13"),
        ("District 2", "house/ca-02"),
        ("2nd District", "house/ca-02"),
        ("At Large", "house/ca-al"),
        ("At-Large District", "house/ca-al"),
    ],
)
def test_a_district_by_its_name_alone(name: str, slug: str) -> None:
    """Only that a district has a name and candidates was reported. Our decision: its forms."""
    payload = house_file(replace(CALIFORNIA_HOUSE, districts=CALIFORNIA_HOUSE.districts[:1]))
    row = payload["states"][0]["congressionalDistricts"][0]
    for field in ("id", "code", "name", "abbreviation", "shortDisplayName"):
        del row[field]
    row["displayName"] = name
    result = clean(HOUSE, payload)
    assert result.figures == {
        (slug, "us/" + slug.removeprefix("house/")): facts(GRAY, DUARTE, electors=False)
    }


@pytest.mark.parametrize(("title", "suffix"), [("Special", "special"), ("Runoff", "runoff")])
def test_specials_and_runoffs_have_slugs_of_their_own(title: str, suffix: str) -> None:
    """Our decision, of a file never seen: the race's name ends in the word."""
    race = StateRace("ga", (WARNOCK, WALKER), title=title)
    result = clean(the_file("states/ga/senate.json"), state_file(race, office="senate"))
    assert result.figures == {
        (f"senate/ga-{suffix}", "us/ga"): facts(WARNOCK, WALKER, electors=False)
    }


def test_two_senate_races_of_one_state_file_are_kept_apart() -> None:
    races = (
        StateRace("ne", (FISCHER, OSBORN)),
        StateRace("ne", (RICKETTS, LOVE), title="Special"),
    )
    file = the_file("states/ne/senate.json")
    for order in (races, races[::-1]):
        result = clean(file, state_file(*order, office="senate"))
        assert result.figures == {
            ("senate/ne", "us/ne"): facts(FISCHER, OSBORN, electors=False),
            ("senate/ne-special", "us/ne"): facts(RICKETTS, LOVE, electors=False),
        }


def test_the_same_two_people_in_two_races_of_one_state_are_kept_apart() -> None:
    special = (replace(SCHIFF, votes=8_837_051), replace(GARVEY, votes=6_173_900, winner=False))
    county = County("06001", "Alameda County", {SCHIFF.id: 500_001, GARVEY.id: 140_002})
    other = replace(county, votes={SCHIFF.id: 490_003, GARVEY.id: 139_004})
    payload = state_file(
        StateRace("ca", (SCHIFF, GARVEY), (county,)),
        StateRace("ca", special, (other,), title="Special"),
        office="senate",
    )
    result = clean(the_file("states/ca/senate.json"), payload)
    assert result.figures == {
        ("senate/ca", "us/ca"): facts(SCHIFF, GARVEY, electors=False),
        ("senate/ca-special", "us/ca"): facts(*special, electors=False),
        ("senate/ca", "us/ca/06001"): county_facts(county),
        ("senate/ca-special", "us/ca/06001"): county_facts(other),
    }


@pytest.mark.parametrize("office", ["senate", "president"])
def test_two_races_that_cannot_be_told_apart_are_both_refused(office: str) -> None:
    """Our decision: neither is taken for the other, and nothing is merged."""
    race = StateRace("ca", (SCHIFF, GARVEY))
    other = replace(race, people=(replace(SCHIFF, votes=1), GARVEY))
    file = the_file(f"states/ca/{'electoral' if office == 'president' else office}.json")
    result = read(file, state_file(race, other, office=office))
    assert result.races == {}
    assert result.reasons


def test_nebraska_s_list_of_two_races_is_refused_and_both_incumbents_are_named() -> None:
    payload = senate_file(
        StateRace("ne", (RICKETTS, LOVE, FISCHER, OSBORN)),
        StateRace("fl", (SCOTT, MUCARSEL)),
    )
    result = read(SENATE, payload)
    assert result.votes == {("senate/fl", "us/fl"): {"70003": 5_977_706, "70004": 4_603_077}}
    assert len(result.reasons) == 1
    assert "Ricketts" in result.reasons[0]
    assert "Fischer" in result.reasons[0]


def test_a_refused_list_of_two_races_names_its_place() -> None:
    payload = senate_file(
        StateRace("ne", (RICKETTS, LOVE, FISCHER, OSBORN)),
        StateRace("fl", (SCOTT, MUCARSEL)),
    )
    (refusal,) = parse_feed(SENATE, as_body(payload)).refusals
    assert (refusal.part, refusal.place, refusal.verdict) == ("race", "us/ne", "rejected")
    assert refusal.race is not None
    assert refusal.race.startswith("senate/ne")


def test_counties_that_no_table_knows_are_read() -> None:
    odd = County("12999", "New County", {64984: 5, 8639: 6})
    result = clean(FL, state_file(replace(FLORIDA, counties=(odd,))))
    assert result.figures["president", "us/fl/12999"] == county_facts(odd)


def test_a_state_without_counties_is_read() -> None:
    assert clean(FL, state_file(replace(FLORIDA, counties=()))).figures == {
        ("president", "us/fl"): facts(*PEOPLE)
    }


# -- how a number is read --------------------------------------------------------------------


def with_votes(votes: object) -> Json:
    """Florida, where Harris's votes in the state are this object."""
    payload = florida()
    (harris,) = (c for c in payload["races"][0]["candidates"] if c["id"] == 64984)
    harris["statistics"]["votes"] = votes
    return payload


COUNTIES = {("president", f"us/fl/{c.fips}") for c in (ALACHUA, BAKER, DESOTO)}
STATE = ("president", "us/fl")


def only_the_state_is_refused(payload: Json, *named: str) -> None:
    result = read(FL, payload)
    assert set(result.races) == COUNTIES
    assert result.reasons
    for word in named:
        assert any(word in reason for reason in result.reasons), (word, result.reasons)


@pytest.mark.parametrize(
    ("votes", "expected"),
    [
        ({"doubleValue": 5, "value": 6, "displayValue": "7"}, 5),
        ({"doubleValue": 0, "value": 6, "displayValue": "7"}, 0),  # published, and falsy
        ({"doubleValue": None, "value": 6, "displayValue": "7"}, 6),
        ({"value": 6, "displayValue": "7"}, 6),
        ({"value": 0, "displayValue": "7"}, 0),
        ({"doubleValue": None, "value": None, "displayValue": "1,234,567"}, 1_234_567),
        ({"displayValue": "1234567"}, 1_234_567),
        ({"displayValue": "0"}, 0),
        ({"doubleValue": 5.0}, 5),
        ({"doubleValue": 300_000_000}, 300_000_000),
        ({"doubleValue": None, "value": None, "displayValue": None}, None),
        ({"doubleValue": None, "value": None, "displayValue": ""}, None),
        ({"displayValue": ""}, None),
        ({"displayText": "Total Votes"}, None),
    ],
)
def test_votes_are_the_first_figure_that_is_published(votes: Json, expected: int | None) -> None:
    result = read(FL, with_votes(votes))
    assert result.reasons == ()
    assert result.votes[STATE]["64984"] == expected
    assert result.votes[STATE]["8639"] == 6_110_125


def test_votes_that_are_whole_are_integers() -> None:
    state = read(FL, with_votes({"doubleValue": 5.0})).races[STATE]
    tally = state.tally("64984")
    assert tally is not None
    assert type(tally.votes) is int


@pytest.mark.parametrize("votes", [None, {}])
def test_an_empty_object_of_votes_is_not_published(votes: object) -> None:
    """Our decision: the field is there and says nothing, which is no zero."""
    result = read(FL, with_votes(votes))
    assert result.reasons == ()
    assert result.votes[STATE]["64984"] is None


def test_figures_of_nobody_are_not_published_everywhere() -> None:
    people = tuple(replace(p, votes=None) for p in PEOPLE)
    county = County("12001", "Alachua County", {64984: None, 8639: None}, pct=None)
    race = StateRace("fl", people, (county,), pct=None)
    result = clean(FL, state_file(race))
    assert result.votes == {
        STATE: dict.fromkeys((str(p.id) for p in people), None),
        ("president", "us/fl/12001"): {"64984": None, "8639": None},
    }
    assert [s.expected_vote_pct for s in result.races.values()] == [None, None]


@pytest.mark.parametrize(
    "votes",
    [
        {"doubleValue": -1},
        {"value": -1},
        {"displayValue": "-1"},
        {"doubleValue": 5.5},
        {"displayValue": "5.5"},
        {"doubleValue": 300_000_001},
        {"displayValue": "300,000,001"},
        {"doubleValue": 10**17},
        {"doubleValue": 1e300},
        {"doubleValue": 0.1},
        {"doubleValue": -0.5},
        {"doubleValue": True, "value": 5},
        {"doubleValue": False, "value": 5},
        {"value": True},
        {"displayValue": True},
    ],
    ids=repr,
)
def test_votes_that_cannot_be_refuse_that_race_alone(votes: Json) -> None:
    only_the_state_is_refused(with_votes(votes), "votes")


@pytest.mark.parametrize(
    "text",
    [
        "1_000",
        "١٢٣",
        "１２３",
        "1,00",
        "12,34,567",
        "1.000",
        "1e3",
        "0x10",
        "12 345",
        "+5",
        "about 5",
        "N/A",
        "--",
        "5 votes",
        "²",
        "9" * 5000,
    ],
    ids=lambda text: text[:12],
)
@pytest.mark.parametrize("field", ["doubleValue", "value", "displayValue"])
def test_texts_that_are_no_count_refuse_that_race_alone(field: str, text: str) -> None:
    """Our decision: an unreadable figure is told loudly. It is a count in no case."""
    only_the_state_is_refused(with_votes({field: text}), "votes")


@pytest.mark.parametrize("votes", [7, "7", True, [7], "x"], ids=repr)
def test_votes_of_another_type_refuse_that_race_alone(votes: object) -> None:
    only_the_state_is_refused(with_votes(votes), "votes")


@pytest.mark.parametrize(("pct", "expected"), [(0, 0), (109, 109), (200, 200), (97.25, 97.25)])
def test_percents_up_to_200_are_read(pct: float, expected: float) -> None:
    result = clean(FL, state_file(replace(FLORIDA, pct=pct)))
    assert result.races[STATE].expected_vote_pct == expected


@pytest.mark.parametrize("pct", [-1, -0.5, 201, 200.5, 10_000])
def test_percents_below_0_or_above_200_refuse_that_race_alone(pct: float) -> None:
    only_the_state_is_refused(state_file(replace(FLORIDA, pct=pct)), "reporting")


def test_a_percent_that_cannot_be_in_one_county_refuses_that_county_alone() -> None:
    race = replace(FLORIDA, counties=(replace(ALACHUA, pct=201), BAKER, DESOTO))
    result = read(FL, state_file(race))
    assert set(result.races) == {STATE, *COUNTIES} - {("president", "us/fl/12001")}
    assert "reporting" in result.reasons[0]


@pytest.mark.parametrize(
    ("reporting", "expected"),
    [
        ({"doubleValue": 95.3, "value": 95, "displayValue": "95%"}, 95.3),
        ({"value": 95, "displayValue": "96%"}, 95),
        ({"displayValue": "96%"}, 96),
        ({"displayValue": "96.5%"}, 96.5),
        ({"doubleValue": 0, "value": 95}, 0),
        ({"displayValue": ""}, None),
        ({"doubleValue": None, "value": None, "displayValue": None}, None),
    ],
)
def test_the_expected_vote_is_read_like_votes(reporting: Json, expected: float | None) -> None:
    payload = florida()
    payload["races"][0]["reporting"] = reporting
    result = read(FL, payload)
    assert result.reasons == ()
    assert result.races[STATE].expected_vote_pct == expected


def test_electors_above_all_that_there_are_refuse_that_race_alone() -> None:
    people = (HARRIS, replace(TRUMP, electoral=539))
    only_the_state_is_refused(state_file(replace(FLORIDA, people=people)), "electoralVotes")


# -- strict JSON -----------------------------------------------------------------------------

BODY = as_body(state_file(replace(FLORIDA, counties=(ALACHUA,))))


def put(field: str) -> bytes:
    """Florida, with this text as a first field."""
    return b"{" + field.encode() + b"," + BODY[1:]


def hit(old: str, new: str) -> bytes:
    """Florida, with this text in place of that one, which must be there."""
    assert old.encode() in BODY
    return BODY.replace(old.encode(), new.encode(), 1)


def nested(depth: int) -> str:
    """A field that makes the document so deep, its outermost object counted."""
    return '"deep":' + "[" * (depth - 1) + "]" * (depth - 1)


def test_the_body_that_is_damaged_below_is_good_itself() -> None:
    result = read_bytes(FL, BODY)
    assert set(result.races) == {STATE, ("president", "us/fl/12001")}
    assert result.reasons == result.unknown == ()


DAMAGED = {
    "NaN in an unknown field": put('"x":NaN'),
    "Infinity": put('"x":Infinity'),
    "-Infinity": put('"x":-Infinity'),
    "NaN as votes": hit('"doubleValue":4683038', '"doubleValue":NaN'),
    "a number beyond all floats": put('"x":1e400'),
    "votes beyond all floats": hit('"doubleValue":4683038', '"doubleValue":1e400'),
    "duplicate key at the top": put('"races":[]'),
    "duplicate key in a race": hit('"competitive":false', '"competitive":false,"party":"all"'),
    "duplicate key in a candidate": hit('"lastName":"Harris"', '"lastName":"Harris","id":64984'),
    "duplicate votes": hit('"value":4683038', '"value":4683038,"doubleValue":0'),
    "duplicate key with equal values": hit('"value":4683038', '"value":4683038,"value":4683038'),
    "duplicate key spelled with an escape": hit(
        '"value":4683038', '"value":4683038,"\\u0076alue":0'
    ),
    "duplicate key in an unknown field": put('"x":[{"y":{"z":1,"z":1}}]'),
    "BOM": b"\xef\xbb\xbf" + BODY,
    "UTF-16": BODY.decode().encode("utf-16"),
    "UTF-16 without BOM": BODY.decode().encode("utf-16-le"),
    "UTF-32": BODY.decode().encode("utf-32"),
    "Latin-1": hit("Jill", "Jiłl").replace("ł".encode(), b"\xe9"),
    "overlong UTF-8": hit("Jill", "Ji@ll").replace(b"Ji@", b"Ji\xc0\x80"),
    "surrogate in UTF-8": hit("Jill", "Ji@ll").replace(b"Ji@", b"Ji\xed\xa0\x80"),
    "lone high surrogate": hit("Jill", "Ji\\ud800ll"),
    "lone low surrogate": hit("Jill", "Ji\\udc00ll"),
    "surrogates in the wrong order": hit("Jill", "Ji\\ude00\\ud83dll"),
    "lone surrogate in an unknown field": put('"x":"\\uD800"'),
    "lone surrogate in a key": put('"\\ud800":1'),
    "depth 65": put(nested(65)),
    "depth 65 in objects": put('"deep":' + '{"x":' * 64 + "1" + "}" * 64),
    "depth 100,000": put(nested(100_000)),
    "depth 100,000, never closed": b"[" * 100_000,
    "integer of 19 digits": put('"x":1234567890123456789'),
    "negative integer of 19 digits": put('"x":-1234567890123456789'),
    "integer of 5,000 digits": put('"x":' + "9" * 5000),
    "19 digits as an id": hit('"id":64984', '"id":1234567890123456789'),
    "19 digits as votes": hit('"doubleValue":4683038', '"doubleValue":1000000000000000000'),
    "trailing text": BODY + b"x",
    "two documents": BODY + b"\n" + BODY,
    "trailing NUL": BODY + b"\0",
    "leading NUL": b"\0" + BODY,
    "trailing comma": BODY[:-1] + b",}",
    "a comment": b"/* */" + BODY,
    "single quotes": put("'x':1"),
    "a key without quotes": put("x:1"),
    "leading zero": put('"x":012'),
    "plus sign": put('"x":+1'),
    "a bare point": put('"x":1.'),
    "hexadecimal": put('"x":0x10'),
    "underscore": hit('"doubleValue":4683038', '"doubleValue":4_683_038'),
    "Arabic digits": hit('"doubleValue":4683038', '"doubleValue":٤٦'),
    "a raw line end in a text": hit("Jill", "Ji\nll"),
    "a raw NUL in a text": hit("Jill", "Ji\0ll"),
    "an unknown escape": hit("Jill", "Ji\\xll"),
    "no-break space between tokens": BODY.replace(b",", b"\xc2\xa0,", 1),
    "JSONP": b"callback(" + BODY + b")",
    "above 16 MiB": BODY + b" " * (16 * 1024 * 1024),
}


@pytest.mark.parametrize("body", DAMAGED.values(), ids=DAMAGED.keys())
def test_what_is_not_strict_json_is_refused_as_a_whole(body: bytes) -> None:
    with pytest.raises(NotUnderstood) as error:
        parse_feed(FL, body)
    assert 0 < len(str(error.value)) < 1000


SOUND = {
    "white space at both ends": b" \r\n\t" + BODY + b"\r\n",
    "depth 64": put(nested(64)),
    "brackets in a text": put('"x":"' + "[{" * 100 + '"'),
    "brackets in a text behind an escaped quote": put('"x":"\\"' + "[" * 100 + '"'),
    "brackets in a text behind an escaped backslash": put('"x":"\\\\","y":"' + "[" * 100 + '"'),
    "brackets beside each other": put('"x":[' + ",".join(["[]"] * 1000) + "]"),
    "integer of 18 digits": put('"x":123456789012345678'),
    "negative integer of 18 digits": put('"x":-123456789012345678'),
    "19 digits in a text": put('"x":"1234567890123456789"'),
    "NaN in a text": put('"x":"NaN Infinity"'),
    "many digits behind a point": put('"x":0.1234567890123456789012'),
    "the same key in two objects": put('"x":[{"y":1},{"y":1}],"y":1'),
    "a pair of surrogates": put('"x":"\\ud83d\\ude00"'),
    "a backslash before what looks like a surrogate": put('"x":"\\\\ud800"'),
}


@pytest.mark.parametrize("body", SOUND.values(), ids=SOUND.keys())
def test_odd_but_sound_json_says_the_same(body: bytes) -> None:
    assert read_bytes(FL, body).races == read_bytes(FL, BODY).races


@pytest.mark.parametrize("cut", [len(BODY) * part // 21 for part in range(1, 21)])
def test_half_a_document_is_refused_as_a_whole(cut: int) -> None:
    with pytest.raises(NotUnderstood):
        parse_feed(FL, BODY[:cut])


@pytest.mark.parametrize("file", [FL, ELECTORAL, SENATE, HOUSE, GOVERNOR], ids=called)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"<!DOCTYPE html><html><head><title>Access Denied</title></head><body></body></html>",
        b"Service Unavailable",
        b'{"error":"not found","status":404}',
        b'{"_generated":"2024-11-06T03:16:00.000Z"}',
        b"{}",
        b"null",
        b"[]",
        b"[{}]",
        b"7",
        b"true",
        b'"races"',
        b'{"states":null}',
        b'{"races":null}',
        b'{"races":[]}',
        b'{"states":[]}',
        b'{"states":{},"races":{}}',
    ],
    ids=lambda body: body.decode()[:24],
)
def test_what_has_nothing_readable_in_it_is_refused_as_a_whole(file: FeedFile, body: bytes) -> None:
    with pytest.raises(NotUnderstood):
        parse_feed(file, body)


@pytest.mark.parametrize("file", [FL, ELECTORAL, SENATE, HOUSE, GOVERNOR], ids=called)
@pytest.mark.parametrize("entry", [None, 7, "x", [], {}], ids=repr)
def test_entries_with_nothing_readable_in_them_are_refused(file: FeedFile, entry: object) -> None:
    result = read(file, {"states": [entry], "races": [entry]})
    assert result.races == {}
    assert result.reasons


@pytest.mark.parametrize(
    ("file", "payload"),
    [(SENATE, senate()), (HOUSE, house()), (GOVERNOR, senate())],
    ids=["senate", "house", "governor"],
)
def test_an_empty_list_of_states_is_refused_by_name(file: FeedFile, payload: Json) -> None:
    with pytest.raises(NotUnderstood, match="states"):
        parse_feed(file, as_body({**payload, "states": []}))


@pytest.mark.parametrize("states", [None, True, 7, "x", {}, [], "absent", "renamed"], ids=repr)
def test_states_that_are_gone_beside_a_good_summary_are_told(states: object) -> None:
    """Our decision: the nation may be read, but the states are not gone in silence."""
    payload = {**nation(), "states": states}
    if states in ("absent", "renamed"):
        del payload["states"]
    if states == "renamed":
        payload["statesNew"] = nation()["states"]
    result = read(ELECTORAL, payload)
    assert set(result.races) <= {("president", "us")}
    assert any("states" in reason for reason in result.reasons)
    for state in result.races.values():  # nobody is there to tell the ids of two last names
        assert sorted(t.votes or 0 for t in state.tallies) == [71_900_392, 75_068_566]


@pytest.mark.parametrize(
    ("file", "payload", "field"),
    [
        (SENATE, senate(), "candidates"),
        (GOVERNOR, senate(), "candidates"),
        (HOUSE, house(), "congressionalDistricts"),
    ],
    ids=["senate", "governor", "house"],
)
def test_states_of_which_none_has_a_race_are_refused(
    file: FeedFile, payload: Json, field: str
) -> None:
    """A renamed list of candidates must not look like a country without races."""
    for row in payload["states"]:
        if field in row:
            row["renamed"] = row.pop(field)
    result = read(file, payload)
    assert result.races == {}
    assert any(field in reason for reason in result.reasons)


def test_a_file_of_another_family_is_refused() -> None:
    for file, payload in ((FL, nation()), (SENATE, florida()), (HOUSE, florida())):
        with pytest.raises(NotUnderstood):
            parse_feed(file, as_body(payload))


@pytest.mark.parametrize(
    ("file", "payload"), [(SENATE, house()), (HOUSE, senate())], ids=["senate", "house"]
)
def test_a_national_file_of_another_office_gives_no_race(file: FeedFile, payload: Json) -> None:
    """Our decision: where the shapes differ enough to tell, nothing is taken for something else."""
    result = read(file, payload)
    assert result.races == {}
    assert result.reasons


# -- what cannot be --------------------------------------------------------------------------


def the_race(payload: Json) -> Json:
    race: Json = payload["races"][0]
    return race


def test_a_candidate_twice_in_a_race_refuses_that_race_alone() -> None:
    payload = florida()
    rows = the_race(payload)["candidates"]
    rows.append(copy.deepcopy(rows[1]))
    only_the_state_is_refused(payload, str(rows[1]["id"]))


def test_one_id_for_two_names_refuses_that_race_alone() -> None:
    payload = florida()
    the_race(payload)["candidates"][0]["id"] = 64984
    only_the_state_is_refused(payload, "64984")


def test_an_id_once_as_a_number_and_once_as_a_text_is_the_same_id() -> None:
    payload = florida()
    the_race(payload)["candidates"][0]["id"] = "64984"
    only_the_state_is_refused(payload)


def test_a_candidate_twice_in_a_county_refuses_that_county_alone() -> None:
    payload = florida()
    rows = the_race(payload)["counties"][0]["candidates"]
    rows.append(copy.deepcopy(rows[0]))
    result = read(FL, payload)
    assert set(result.races) == {STATE, *COUNTIES} - {("president", "us/fl/12001")}


@pytest.mark.parametrize(
    "fips",
    ["13001", "1201", "120011", "12O01", "١٢٠٠١", "１２００１", "", " 12001", "12-01", 12001, None],
    ids=repr,
)
def test_a_county_of_another_state_or_malformed_is_refused_alone(fips: object) -> None:
    payload = florida()
    the_race(payload)["counties"][0]["fips"] = fips
    result = read(FL, payload)
    assert set(result.races) == {STATE, *COUNTIES} - {("president", "us/fl/12001")}
    assert any("fips" in reason for reason in result.reasons)
    if fips:
        assert any(str(fips).strip() in reason for reason in result.reasons)


def test_a_county_twice_is_refused_alone() -> None:
    """Our decision: two entries of one place contradict each other, whichever comes first."""
    payload = florida()
    rows = the_race(payload)["counties"]
    rows[1]["fips"] = rows[0]["fips"]
    result = read(FL, payload)
    assert set(result.races) == {STATE, ("president", "us/fl/12027")}
    assert any("12001" in reason for reason in result.reasons)


def test_a_state_twice_is_refused_alone() -> None:
    """Our decision, for the same reason."""
    payload = nation()
    payload["states"].append(copy.deepcopy(payload["states"][0]))
    result = read(ELECTORAL, payload)
    assert ("president", "us/fl") not in result.races
    assert ("president", "us/ga") in result.races
    assert any("FL" in reason or "us/fl" in reason for reason in result.reasons)


def test_a_district_twice_is_refused_alone() -> None:
    """Our decision, for the same reason."""
    payload = house()
    rows = payload["states"][0]["congressionalDistricts"]
    rows.append(copy.deepcopy(rows[0]))
    result = read(HOUSE, payload)
    assert set(result.races) == {("house/ca-02", "us/ca-02"), ("house/ak-al", "us/ak-al")}
    assert result.reasons


def test_a_district_whose_code_and_name_differ_is_refused_alone() -> None:
    """Our decision: a conflict is told, never guessed away."""
    payload = house()
    payload["states"][0]["congressionalDistricts"][0]["displayName"] = "District 14"
    result = read(HOUSE, payload)
    assert set(result.races) == {("house/ca-02", "us/ca-02"), ("house/ak-al", "us/ak-al")}
    assert result.reasons


@pytest.mark.parametrize(
    "code", ["F1", "", "F", "FLA", "F L", "ＦＬ", None, 10, True, ["FL"]], ids=repr
)
def test_a_malformed_state_code_refuses_that_state_alone(code: object) -> None:
    payload = nation()
    payload["states"][0]["abbreviation"] = code
    result = read(ELECTORAL, payload)
    expected = {"us", "us/ga", "us/me", "us/me-01", "us/me-02", "us/ne"}
    assert {place for _, place in result.races} == expected
    assert any("abbreviation" in reason for reason in result.reasons)


def test_the_file_of_another_state_than_its_address_says_is_refused() -> None:
    result = read(the_file("states/ga/electoral.json"), florida())
    assert result.races == {}
    assert any("FL" in reason or "fl" in reason for reason in result.reasons)


# -- calls -----------------------------------------------------------------------------------


def test_two_winners_refuse_that_race_alone() -> None:
    people = (replace(HARRIS, winner=True), TRUMP)
    only_the_state_is_refused(state_file(replace(FLORIDA, people=people)), "winner")


def test_two_winners_of_the_nation_refuse_it_alone() -> None:
    payload = national_electoral(replace(NATION_D, winner=True), NATION_R, FLORIDA)
    result = read(ELECTORAL, payload)
    assert set(result.races) == {STATE}
    assert any("winner" in reason for reason in result.reasons)


@pytest.mark.parametrize("winner", ["true", "false", "", 1, 0, [], {}], ids=repr)
def test_a_winner_that_is_not_true_or_false_refuses_that_race_alone(winner: object) -> None:
    payload = florida()
    the_race(payload)["candidates"][0]["winner"] = winner
    only_the_state_is_refused(payload, "winner")


@pytest.mark.parametrize("winner", ["true", 1, []], ids=repr)
def test_a_winner_of_the_nation_that_is_not_true_or_false_refuses_it_alone(
    winner: object,
) -> None:
    payload = nation()
    payload["summary"]["democrats"]["winner"] = winner
    result = read(ELECTORAL, payload)
    assert ("president", "us") not in result.races
    assert STATE in result.races
    assert any("winner" in reason for reason in result.reasons)


@pytest.mark.parametrize("runoff", ["true", 1], ids=repr)
def test_a_runoff_that_is_not_true_or_false_is_no_runoff(runoff: object) -> None:
    """Our decision: refused by name, like a winner."""
    payload = florida()
    the_race(payload)["candidates"][0]["runoff"] = runoff
    only_the_state_is_refused(payload, "runoff")


def test_the_winner_of_a_county_is_ignored() -> None:
    payload = florida()
    for county in the_race(payload)["counties"]:
        for candidate in county["candidates"]:
            candidate["winner"] = True
    result = clean(FL, payload)
    assert set(result.races) == {STATE, *COUNTIES}
    assert {result.races[key].projection for key in COUNTIES} == {None}


def test_nobody_is_called() -> None:
    people = tuple(replace(p, winner=False) for p in PEOPLE)
    result = clean(FL, state_file(replace(FLORIDA, people=people)))
    assert result.races[STATE].projection is None


def test_a_runoff_of_two() -> None:
    people = (replace(WARNOCK, runoff=True), replace(WALKER, runoff=True), STEIN)
    result = clean(SENATE, senate_file(StateRace("ga", people)))
    state = result.races["senate/ga", "us/ga"]
    assert state.runoff == {"70005", "70006"}
    assert state.projection is None
    assert len(state.tallies) == 3


def test_a_candidate_who_leaves_is_not_in_the_state() -> None:
    people = tuple(p for p in PEOPLE if p is not STEIN)
    result = clean(FL, state_file(replace(FLORIDA, people=people)))
    assert result.figures[STATE] == facts(*people)


@pytest.mark.parametrize(
    "status",
    [
        ("pre", "SCHEDULED"),
        ("in", "POLLS_CLOSED"),
        ("post", "FINAL"),
        ("recount", "RECOUNT – see «note»"),
        ("", "x" * 200),
    ],
)
def test_status_values_are_kept_as_printed(status: tuple[str, str]) -> None:
    result = clean(FL, state_file(replace(FLORIDA, status=status)))
    assert result.races[STATE].status == status[1]


def test_a_source_s_clock_may_stand_in_any_zone_and_precision() -> None:
    for text, moment in (
        ("2024-11-06T01:00:00Z", datetime(2024, 11, 6, 1, tzinfo=UTC)),
        ("2024-11-06T01:00:00.5Z", datetime(2024, 11, 6, 1, 0, 0, 500_000, tzinfo=UTC)),
        ("2024-11-05T20:00:00-05:00", datetime(2024, 11, 6, 1, tzinfo=UTC)),
    ):
        payload = florida()
        the_race(payload)["lastUpdated"]["value"] = text
        assert clean(FL, payload).races[STATE].source_updated_at == moment


@pytest.mark.parametrize("text", ["soon", "2024-11-06T01:00:00", "", 1730854800, True, "8 PM ET"])
@pytest.mark.parametrize("field", ["lastUpdated", "pollClosingDate"])
def test_a_time_that_cannot_be_read_is_never_another_time(field: str, text: object) -> None:
    payload = florida()
    the_race(payload)[field]["value"] = text
    result = read(FL, payload)
    state = result.races.get(STATE)
    told = "source_updated_at" if field == "lastUpdated" else "last_close_at"
    assert state is None or getattr(state, told) is None
    assert state is not None or any(field in reason for reason in result.reasons)


# -- the nation's two candidates -------------------------------------------------------------


@pytest.mark.parametrize(
    "who",
    [
        64984,
        "64984",
        "Harris",
        "HARRIS",
        "Kamala Harris",
        "K. Harris",
        {"id": 64984, "displayName": "Kamala Harris"},
        {"id": 64984},
        {"displayName": "Kamala Harris", "lastName": "Harris"},
        {"lastName": "Harris"},
    ],
    ids=repr,
)
def test_whoever_stands_for_a_party_is_the_candidate_of_the_states(who: object) -> None:
    """In which form the summary names somebody is not known: all that can be told is taken."""
    payload = nation()
    payload["summary"]["democrats"]["candidate"] = who
    result = read(ELECTORAL, payload)
    assert result.reasons == ()
    state = result.races["president", "us"]
    assert figures(state) == facts(NATION_D, NATION_R)
    tally = state.tally("64984")
    assert tally is not None
    assert (tally.last_name, tally.name.split()[-1]) == ("harris", "Harris")


@pytest.mark.parametrize("who", ["", None, True, [], {}, 1.5, {"party": "democrats"}], ids=repr)
def test_a_party_without_a_candidate_refuses_the_nation_alone(who: object) -> None:
    payload = nation()
    payload["summary"]["democrats"]["candidate"] = who
    result = read(ELECTORAL, payload)
    assert ("president", "us") not in result.races
    assert STATE in result.races
    assert any("candidate" in reason for reason in result.reasons)


def test_one_candidate_for_both_parties_refuses_the_nation_alone() -> None:
    payload = nation()
    payload["summary"]["democrats"]["candidate"] = "Trump"
    result = read(ELECTORAL, payload)
    assert ("president", "us") not in result.races
    assert STATE in result.races


def test_a_last_name_that_fits_two_candidates_is_not_guessed() -> None:
    """Our decision: a namesake of another party does not take the votes."""
    namesake = Person(99, "Ann", "Harris", "others", 12)
    payload = national_electoral(
        NATION_D, NATION_R, replace(FLORIDA, people=(*PEOPLE, namesake)), GEORGIA
    )
    result = read(ELECTORAL, payload)
    state = result.races.get(("president", "us"))
    assert state is None or figures(state) == facts(NATION_D, NATION_R)


@pytest.mark.parametrize(
    "needed",
    [
        {"displayText": "271 to win", "displayValue": "271", "value": 271},
        {"displayText": "0 to win", "displayValue": "0", "value": 0},
    ],
)
def test_another_majority_gives_doubt_on_the_nation(needed: Json) -> None:
    payload = nation()
    payload["summary"]["needed"] = needed
    result = read(ELECTORAL, payload)
    assert figures(result.races["president", "us"]) == facts(NATION_D, NATION_R)
    doubt = result.races["president", "us"].doubt
    assert doubt is not None
    assert str(needed["value"]) in doubt


@pytest.mark.parametrize(
    ("field", "value"), [("test", True), ("isTest", True), ("displayName", "TEST Florida")]
)
def test_marks_of_a_test_give_doubt_on_all_races(field: str, value: object) -> None:
    """Our decision: no mark was ever seen; a flag or a word of its own is one."""
    payload = {**florida(), field: value}
    result = read(FL, payload)
    assert set(result.races) == {STATE, *COUNTIES}
    assert all(state.doubt for state in result.races.values())


@pytest.mark.parametrize(
    ("field", "value"), [("displayName", "Florida - TEST DATA"), ("status", {"value": "TEST"})]
)
def test_marks_of_a_test_on_a_race_give_doubt_on_it(field: str, value: object) -> None:
    """Our decision, likewise."""
    payload = florida()
    the_race(payload)[field] = value
    assert read(FL, payload).races[STATE].doubt


def test_names_that_only_contain_the_word_give_no_doubt() -> None:
    people = (
        replace(HARRIS, first="Tess", last="Testa"),
        replace(TRUMP, first="Al", last="Contest"),
    )
    payload = {**state_file(replace(FLORIDA, people=people)), "test": False}
    assert read(FL, payload).races[STATE].doubt is None


# -- unknown fields --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "make", "path"),
    [
        (FL, florida, "foo"),
        (FL, florida, "otherStateResults.foo"),
        (FL, florida, "races[].foo"),
        (FL, florida, "races[].reporting.foo"),
        (FL, florida, "races[].candidates[].foo"),
        (FL, florida, "races[].candidates[].statistics.foo"),
        (FL, florida, "races[].candidates[].statistics.votes.foo"),
        (FL, florida, "races[].counties[].foo"),
        (FL, florida, "races[].counties[].candidates[].foo"),
        (FL, florida, "races[].counties[].lastUpdated.foo"),
        (ELECTORAL, nation, "foo"),
        (ELECTORAL, nation, "summary.foo"),
        (ELECTORAL, nation, "summary.democrats.foo"),
        (ELECTORAL, nation, "summary.republicans.votes.foo"),
        (ELECTORAL, nation, "states[].foo"),
        (ELECTORAL, nation, "states[].candidates[].foo"),
        (ELECTORAL, nation, "states[].electoralDistricts[].foo"),
        (SENATE, senate, "states[].candidates[].statistics.foo"),
        (HOUSE, house, "states[].congressionalDistricts[].foo"),
        (HOUSE, house, "states[].congressionalDistricts[].candidates[].foo"),
    ],
)
@pytest.mark.parametrize("value", [None, 7, {"bar": [1]}, [{"bar": 1}]], ids=repr)
def test_unknown_fields_are_named_by_their_path(
    file: FeedFile, make: Callable[[], Json], path: str, value: object
) -> None:
    payload = make()
    for holder in list(holders(payload, path)):
        holder["foo"] = value
    result = read(file, payload)
    assert result.unknown == (path,)  # once, however many there are
    assert result.reasons == ()
    assert result.races == read(file, make()).races


def holders(value: Any, path: str) -> Iterator[Json]:
    """The objects that have the path's last field, or may have it."""
    head, _, rest = path.partition(".")
    if not rest:
        yield value
    elif head.endswith("[]"):
        for item in value.get(head[:-2], []):
            yield from holders(item, rest)
    elif head in value:
        yield from holders(value[head], rest)


def test_a_path_has_no_part_of_the_text_of_a_key_that_is_hostile() -> None:
    """Our decision: odd keys do no harm and are told in some form."""
    payload = florida()
    for key in ("", "a.b", "a[]", "\x1b[31m", "x" * 10_000, "😀"):
        the_race(payload)[key] = 1
    result = read(FL, payload)
    assert result.reasons == ()
    assert result.unknown
    assert result.races == read(FL, florida()).races


# -- every field in turn ---------------------------------------------------------------------

MAKERS: dict[str, tuple[FeedFile, Callable[[], Json]]] = {
    "state": (FL, florida),
    "nation": (ELECTORAL, nation),
    "senate": (SENATE, senate),
    "house": (HOUSE, house),
}

#: Without these a race must be refused. `statistics` is optional in the national file alone.
CANDIDATE = ("id", "winner", "statistics.votes")
REQUIRED = {
    "state": [
        "races",
        "races[].candidates",
        *(f"races[].candidates[].{field}" for field in CANDIDATE),
        "races[].candidates[].statistics",
        "races[].counties[].fips",
        "races[].counties[].candidates",
        "races[].counties[].candidates[].id",
        "races[].counties[].candidates[].statistics",
        "races[].counties[].candidates[].statistics.votes",
    ],
    "nation": [
        "states[].abbreviation",
        "states[].candidates",
        *(f"states[].candidates[].{field}" for field in CANDIDATE),
        "summary",
        *(
            f"summary.{party}{field}"
            for party in ("democrats", "republicans")
            for field in ("", ".candidate", ".total", ".votes", ".winner")
        ),
    ],
    "senate": [
        "states",
        "states[].abbreviation",
        *(f"states[].candidates[].{field}" for field in CANDIDATE),
        "states[].candidates[].statistics",
    ],
    "house": [
        "states",
        "states[].abbreviation",
        "states[].congressionalDistricts[].candidates",
        *(f"states[].congressionalDistricts[].candidates[].{field}" for field in CANDIDATE),
        "states[].congressionalDistricts[].candidates[].statistics",
    ],
}

#: Fields by which a state, race, district or candidate is told from others, electors, and lists
#: that may be absent: whether a payload without one can still be read is left open here. No
#: figure may become another one in any case.
OPEN = {
    "state": {
        "fips",
        "abbreviation",
        "races[].id",
        "races[].name",
        "races[].abbreviation",
        "races[].displayName",
        "races[].counties",
        "races[].candidates[].displayName",
        "races[].candidates[].runoff",
        "races[].candidates[].aggregate",
        "races[].counties[].candidates[].displayName",
    },
    "nation": {
        "states",  # has a test of its own
        "summary.needed",
        "states[].fips",
        "states[].candidates[].statistics",
        "states[].candidates[].displayName",
        "states[].candidates[].lastName",
        "states[].candidates[].runoff",
        "states[].candidates[].aggregate",
        "states[].electoralDistricts",
        "states[].electoralDistricts[].id",
        "states[].electoralDistricts[].code",
        "states[].electoralDistricts[].name",
        "states[].electoralDistricts[].abbreviation",
        "states[].electoralDistricts[].displayName",
        "states[].electoralDistricts[].candidates",
        "states[].electoralDistricts[].candidates[].id",
        "states[].electoralDistricts[].candidates[].winner",
        "states[].electoralDistricts[].candidates[].displayName",
        "states[].electoralDistricts[].candidates[].runoff",
        "states[].electoralDistricts[].candidates[].aggregate",
        "states[].electoralDistricts[].candidates[].statistics",
        "states[].electoralDistricts[].candidates[].statistics.votes",
    },
    "senate": {
        "states[].fips",
        "states[].candidates",
        "states[].candidates[].displayName",
        "states[].candidates[].runoff",
        "states[].candidates[].aggregate",
    },
    "house": {
        "states[].fips",
        "states[].congressionalDistricts",
        "states[].congressionalDistricts[].id",
        "states[].congressionalDistricts[].code",
        "states[].congressionalDistricts[].name",
        "states[].congressionalDistricts[].abbreviation",
        "states[].congressionalDistricts[].displayName",
        "states[].congressionalDistricts[].candidates[].displayName",
        "states[].congressionalDistricts[].candidates[].runoff",
        "states[].congressionalDistricts[].candidates[].aggregate",
    },
}


def paths(value: Any, prefix: str = "") -> Iterator[str]:
    """The normalized path of each field, in the order in which they are met; some twice."""
    if isinstance(value, dict):
        for key, inner in value.items():
            path = f"{prefix}.{key}" if prefix else key
            yield path
            yield from paths(inner, path)
    elif isinstance(value, list):
        for item in value:
            yield from paths(item, f"{prefix}[]")


def all_paths(name: str) -> list[str]:
    return sorted(set(paths(MAKERS[name][1]())))


def first_holder(payload: Json, path: str) -> tuple[Json, str]:
    """The first object that has the path's field, and the field."""
    field = path.rpartition(".")[2]
    holder = next(h for h in holders(payload, path) if field in h)
    return holder, field


def lost(name: str, path: str) -> set[Key]:
    """The races that hang on the first field of this path."""
    if path in ("races", "states"):
        return set(sound(name).races)
    if path.startswith("summary"):
        return {("president", "us")}
    if name == "state":
        return {("president", "us/fl/12001")} if "counties" in path else {STATE}
    if name == "nation":
        return {STATE}
    if name == "senate":
        return {("senate/fl", "us/fl")}
    if path == "states[].abbreviation":
        return {("house/ca-13", "us/ca-13"), ("house/ca-02", "us/ca-02")}
    return {("house/ca-13", "us/ca-13")}


@cache
def sound(name: str) -> Result:
    """What the undamaged payload says."""
    return clean(*_made(name))


def _made(name: str) -> tuple[FeedFile, Json]:
    file, make = MAKERS[name]
    return file, make()


def check_nothing_invented(name: str, result: Result) -> None:
    """What is accepted says what the sound payload says, or leaves a figure unpublished."""
    for key, state in result.races.items():
        was = sound(name).races.get(key)
        assert was is not None, f"{key} is invented"
        before, after = figures(was), figures(state)
        assert before.keys() == after.keys(), f"candidates of {key} left or came"
        for candidate, (votes, electors) in after.items():
            assert votes in (before[candidate][0], None)
            assert electors in (before[candidate][1], None)
        assert state.projection == was.projection
        assert state.runoff == was.runoff
        expected = was.expected_vote_pct
        assert state.expected_vote_pct in (expected, expected and round(expected), None)
        assert state.status in (was.status, None)
        assert state.seats in (was.seats, None)
        assert state.source_updated_at in (was.source_updated_at, None)
        assert state.last_close_at in (was.last_close_at, None)


def check_refused(name: str, path: str, payload: Json) -> None:
    result = read(MAKERS[name][0], payload)
    check_nothing_invented(name, result)
    assert sound(name).races.keys() - result.races.keys() == lost(name, path)
    field = path.rpartition(".")[2]
    assert any(field in reason for reason in result.reasons), (field, result.reasons)


REQUIRED_CASES = [(name, path) for name, fields in REQUIRED.items() for path in fields]


@pytest.mark.parametrize(("name", "path"), REQUIRED_CASES)
def test_a_required_field_that_is_removed_is_refused_by_name(name: str, path: str) -> None:
    payload = MAKERS[name][1]()
    holder, field = first_holder(payload, path)
    del holder[field]
    check_refused(name, path, payload)


@pytest.mark.parametrize(("name", "path"), REQUIRED_CASES)
def test_a_required_field_that_is_renamed_is_refused_by_name(name: str, path: str) -> None:
    payload = MAKERS[name][1]()
    holder, field = first_holder(payload, path)
    holder[field + "New"] = holder.pop(field)
    check_refused(name, path, payload)


#: Values of another type than each required field's own.
WRONG: dict[str, list[object]] = {
    "races": [None, True, 7, "x", {}, []],
    "states": [None, True, 7, "x", {}, []],
    "candidates": [None, True, 7, "x", {}, [], [None], ["x"]],
    "id": [None, True, 1.5, "", [], {}],
    "winner": [7, "true", "x", [], {}],
    "statistics": [True, 7, "x", [7]],
    "votes": [True, 7, "x", [7]],
    "total": [True, 7, "x", [7]],
    "fips": [None, True, 12001, [], {}],
    "abbreviation": [None, True, 7, [], {}],
    "summary": [None, True, 7, "x", []],
    "democrats": [None, True, 7, "x", []],
    "republicans": [None, True, 7, "x", []],
    "candidate": [None, True, 1.5, [], {}],
}


@pytest.mark.parametrize(("name", "path"), REQUIRED_CASES)
def test_a_required_field_of_another_type_is_refused_by_name(name: str, path: str) -> None:
    for wrong in WRONG[path.rpartition(".")[2]]:
        payload = MAKERS[name][1]()
        holder, field = first_holder(payload, path)
        holder[field] = wrong
        check_refused(name, path, payload)


def test_a_required_field_that_is_gone_everywhere_leaves_nothing() -> None:
    for path in ("id", "winner", "statistics.votes"):
        payload = senate()
        for holder in list(holders(payload, f"states[].candidates[].{path}")):
            holder.pop(path.rpartition(".")[2])
        result = read(SENATE, payload)
        assert result.races == {}
        assert any(path.rpartition(".")[2] in reason for reason in result.reasons)


#: So are the clocks that lost their value and kept its print.
CLOCKS = ("lastUpdated.value", "pollClosingDate.value")

OPTIONAL_CASES = [
    (name, path)
    for name in MAKERS
    for path in all_paths(name)
    if path not in REQUIRED[name] and path not in OPEN[name] and not path.endswith(CLOCKS)
]


@pytest.mark.parametrize(("name", "path"), OPTIONAL_CASES)
def test_an_optional_field_may_vanish(name: str, path: str) -> None:
    payload = MAKERS[name][1]()
    holder, field = first_holder(payload, path)
    del holder[field]
    result = read(MAKERS[name][0], payload)
    assert result.reasons == ()
    assert result.unknown == ()
    check_nothing_invented(name, result)
    assert result.votes == sound(name).votes


@pytest.mark.parametrize(("name", "path"), OPTIONAL_CASES)
def test_an_optional_field_that_is_renamed_is_told_by_its_path(name: str, path: str) -> None:
    payload = MAKERS[name][1]()
    holder, field = first_holder(payload, path)
    holder[field + "New"] = holder.pop(field)
    result = read(MAKERS[name][0], payload)
    assert result.reasons == ()
    assert result.unknown == (f"{path}New",)
    check_nothing_invented(name, result)
    assert result.votes == sound(name).votes


ALL_CASES = [
    (name, path)
    for name in MAKERS
    for path in all_paths(name)
    if (name, path) != ("nation", "states")  # has a test of its own
]


@pytest.mark.parametrize(("name", "path"), ALL_CASES)
def test_no_damage_to_any_field_invents_anything(name: str, path: str) -> None:
    """Whatever the field, and whatever takes its place: refused, or what it was."""
    for wrong in (None, True, [], {}, "zzz", [None], {"value": None}, -7):
        payload = MAKERS[name][1]()
        holder, field = first_holder(payload, path)
        was = holder[field]
        if type(was) is type(wrong) and not isinstance(was, dict | list):
            continue  # another fact of the same kind is no damage
        if path.endswith("displayValue") and wrong == -7:
            continue
        holder[field] = wrong
        check_nothing_invented(name, read(MAKERS[name][0], payload))


# -- order and dress -------------------------------------------------------------------------


def shuffled(value: Any, random_order: random.Random) -> Any:
    """The same lists and objects in another order."""
    if isinstance(value, dict):
        rows = [(key, shuffled(inner, random_order)) for key, inner in value.items()]
        random_order.shuffle(rows)
        return dict(rows)
    if isinstance(value, list):
        items = [shuffled(item, random_order) for item in value]
        random_order.shuffle(items)
        return items
    return value


def unordered(state: RaceState) -> RaceState:
    return replace(state, tallies=tuple(sorted(state.tallies, key=lambda t: t.candidate)))


def same(one: Result, other: Result) -> bool:
    return (
        {k: unordered(s) for k, s in one.races.items()}
        == {k: unordered(s) for k, s in other.races.items()}
        and sorted(one.unknown) == sorted(other.unknown)
        and len(one.reasons) == len(other.reasons)
    )


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(sorted(MAKERS)), st.randoms(use_true_random=False))
def test_the_order_of_everything_says_nothing(name: str, order: random.Random) -> None:
    file, payload = _made(name)
    assert same(read(file, shuffled(payload, order)), clean(file, payload))


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False))
def test_what_is_refused_is_refused_in_any_order(order: random.Random) -> None:
    payload = nation()
    payload["states"][1]["candidates"][0]["statistics"]["votes"]["doubleValue"] = -1
    payload["states"].append(copy.deepcopy(payload["states"][0]))
    payload["foo"] = payload["states"][2]["bar"] = 1
    first = read(ELECTORAL, payload)
    assert len(first.reasons) >= 2
    assert same(read(ELECTORAL, shuffled(payload, order)), first)


@pytest.mark.parametrize("name", MAKERS)
def test_the_dress_of_the_json_says_nothing(name: str) -> None:
    file, payload = _made(name)
    expected = clean(file, payload)
    pretty = json.dumps(payload, indent=2).replace("\n", "\r\n")
    escaped = json.dumps(payload).replace("a", "\\u0061").replace("f\\u0061lse", "false")
    assert json.loads(escaped) == payload
    for text in (pretty, escaped):
        assert read_bytes(file, text.encode()) == expected
    assert read_bytes(file, as_body(payload, generated="2030-01-01T00:00:00.000Z")) == expected


counts = st.none() | st.integers(0, 3) | st.integers(0, 300_000_000)
percents = st.none() | st.integers(0, 2000).map(lambda tenths: tenths / 10)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_figures_come_back_as_they_went_in(data: st.DataObject) -> None:
    ids = data.draw(
        st.lists(st.integers(1, 99_999_999), min_size=1, max_size=6, unique=True), "ids"
    )
    called = data.draw(st.none() | st.sampled_from(ids))
    people = tuple(
        Person(
            number,
            f"First{number}",
            f"Last{number}",
            data.draw(st.sampled_from(["democrats", "republicans", "independents", "others"])),
            data.draw(counts),
            winner=number == called,
            aggregate=data.draw(st.booleans()),
        )
        for number in ids
    )
    counties = tuple(
        County(
            f"13{number:03}",
            f"County {number}",
            {candidate: data.draw(counts) for candidate in ids[: data.draw(st.integers(1, 6))]},
            pct=data.draw(percents),
        )
        for number in data.draw(st.lists(st.integers(1, 999), max_size=4, unique=True))
    )
    pct = data.draw(percents)
    race = StateRace("ga", people, counties, pct=pct)
    state = clean(the_file("states/ga/electoral.json"), state_file(race))
    assert state.figures == {
        ("president", "us/ga"): facts(*people),
        **{("president", f"us/ga/{c.fips}"): county_facts(c) for c in counties},
    }
    whole = state.races["president", "us/ga"]
    assert whole.projection == (None if called is None else str(called))
    assert whole.expected_vote_pct == pct
    for county in counties:
        key = ("president", f"us/ga/{county.fips}")
        assert state.races[key].expected_vote_pct == county.pct
    governors = clean(GOVERNOR, governor_file(replace(race, counties=())))
    assert governors.figures == {("governor/ga", "us/ga"): facts(*people, electors=False)}


# -- real events, in the feed's shape --------------------------------------------------------


@pytest.mark.parametrize(
    "series",
    [
        # Nebraska 2020: moved between the two, total unmoved
        [(362_038, 544_150), (338_193, 579_968), (367_930, 550_231)],
        # New Mexico 2024: nearly all taken back
        [(77_141, 77_142), (3_827, 10_674), (41_194, 38_740)],
        # Florida House 2022: to zero and back
        [(300_123, 300_456), (0, 0), (300_123, 300_456)],
        # Shiawassee 2020: ten times as many
        [(15_371, 12_000), (153_710, 12_000), (15_371, 12_000)],
    ],
)
def test_what_is_unlikely_is_read_all_the_same(series: list[tuple[int, int]]) -> None:
    for harris, trump in series:
        people = (replace(HARRIS, votes=harris), replace(TRUMP, votes=trump))
        result = clean(ELECTORAL, national_electoral(*people, StateRace("ne", people)))
        assert result.votes["president", "us/ne"] == {"64984": harris, "8639": trump}
        assert result.votes["president", "us"] == {"64984": harris, "8639": trump}


# -- marks -----------------------------------------------------------------------------------


def leaves(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each object or list with a key of it under which a plain value stands."""
    rows = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(rows):
        if isinstance(inner, dict | list):
            yield from leaves(inner)
        else:
            yield value, key


def moved(value: object) -> object:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    return f"{value or ''}x"


NATIONAL = {name: MAKERS[name] for name in ("nation", "senate", "house")}


@pytest.mark.parametrize("name", NATIONAL)
def test_a_mark_moves_with_its_state_s_entry_alone(name: str) -> None:
    file, make = NATIONAL[name]
    before = marks(file, as_body(make()))
    codes = [row["abbreviation"].lower() for row in make()["states"]]
    assert sorted(before) == sorted(codes)
    assert len(set(before.values())) == len(codes)
    for at, code in enumerate(codes):
        count = sum(1 for _ in leaves(make()["states"][at]))
        for number in range(count):
            payload = make()
            holder, key = list(leaves(payload["states"][at]))[number]
            if key == "abbreviation" and holder is payload["states"][at]:
                continue
            holder[key] = moved(holder[key])
            after = marks(file, as_body(payload))
            assert {c for c in codes if before[c] != after.get(c)} == {code}, key


@pytest.mark.parametrize("name", NATIONAL)
def test_a_mark_does_not_move_with_what_is_outside_of_the_entry(name: str) -> None:
    file, make = NATIONAL[name]
    before = marks(file, as_body(make(), generated=GENERATED))
    payload = make()
    payload["lastUpdated"]["value"] = "2024-11-06T09:00:00Z"
    payload["foo"] = 1
    if name == "nation":
        payload["summary"]["democrats"]["votes"]["value"] += 1
    assert marks(file, as_body(payload, generated="2030-01-01T00:00:00.000Z")) == before


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(sorted(NATIONAL)), st.randoms(use_true_random=False))
def test_a_mark_does_not_move_with_any_order(name: str, order: random.Random) -> None:
    file, make = NATIONAL[name]
    assert marks(file, as_body(shuffled(make(), order))) == marks(file, as_body(make()))


def test_a_mark_moves_when_a_candidate_leaves_or_two_exchange_their_votes() -> None:
    before = marks(SENATE, as_body(senate()))
    payload = senate()
    payload["states"][0]["candidates"].pop()
    assert marks(SENATE, as_body(payload))["fl"] != before["fl"]
    payload = senate()
    one, two = payload["states"][0]["candidates"]
    one["statistics"], two["statistics"] = two["statistics"], one["statistics"]
    assert marks(SENATE, as_body(payload))["fl"] != before["fl"]


def test_a_mark_moves_with_a_field_that_the_parser_does_not_know() -> None:
    """Our decision: what we do not know may be what moved."""
    payload = senate()
    payload["states"][0]["foo"] = 1
    assert marks(SENATE, as_body(payload))["fl"] != marks(SENATE, as_body(senate()))["fl"]


# -- other offices ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"senate": True, "electoral": True, "house": True}, {"senate", "president", "house"}),
        ({"senate": False, "electoral": True, "house": False}, {"president"}),
        ({"senate": True}, {"senate"}),
        ({"governor": True, "senate": False}, {"governor"}),
        ({"senate": "true", "house": 1, "electoral": None}, set()),
        ({"senate": True, "dogcatcher": True}, {"senate"}),
        ({}, set()),
        (None, set()),
        ([], set()),
    ],
    ids=repr,
)
def test_other_offices_are_those_whose_flag_is_true(flags: object, expected: set[str]) -> None:
    """Our decision: a flag of another type, or of an office unknown to us, says nothing."""
    payload = {**florida(), "otherStateResults": flags}
    assert other_offices(as_body(payload)) == expected


def test_no_other_offices_where_the_field_is_absent() -> None:
    payload = florida()
    del payload["otherStateResults"]
    assert other_offices(as_body(payload)) == frozenset()
