"""ABC's results feed: what is read of each file, and what each departure from its shape refuses."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import NotUnderstood
from crawler.parsers.abc_feed import (
    OFFICES,
    STATES,
    FeedFile,
    feed_file,
    feed_url,
    marks,
    other_offices,
    parse_feed,
)
from storage.records import RaceState, Snapshot, Tally

BASE = "https://assets-cdn.abcnews.com/elections/national/2024/general/v1/maps"
UPDATED = datetime(2024, 11, 6, 3, 15, 20, 125000, tzinfo=UTC)
CLOSES = datetime(2024, 11, 6, 1, 0, tzinfo=UTC)

Json = dict[str, Any]


def the_file(office: str, state: str | None = None) -> FeedFile:
    file = feed_file(feed_url(BASE, office, state))
    assert file is not None
    return file


FL, ME, NE = (the_file("president", state) for state in ("fl", "me", "ne"))
NATION, SENATE, HOUSE = the_file("president"), the_file("senate"), the_file("house")


def read(file: FeedFile, payload: Json) -> Snapshot:
    return parse_feed(file, json.dumps(payload).encode())


def by_place(snapshot: Snapshot) -> dict[tuple[str, str], RaceState]:
    return {(race.race, race.place): race for race in snapshot.races}


def refused(snapshot: Snapshot) -> dict[tuple[str | None, str | None], str]:
    return {(refusal.race, refusal.place): refusal.reason for refusal in snapshot.refusals}


# Payloads with all fields that the feed is known to have.


def number(value: float | None, text: str = "x") -> Json:
    shown = "" if value is None else f"{value:,}"
    return {"displayText": text, "displayValue": shown, "doubleValue": value, "value": value}


def moment(text: str) -> Json:
    return {"value": text, "displayValue": "November 5, 10:15:20PM ET"}


def candidate(
    id: int, name: str, party: str, votes: int | None, electors: int = 0, **more: Any
) -> Json:
    first, _, last = name.partition(" ")
    return {
        "id": id, "displayName": name, "shortDisplayName": f"{name[0]}. {last}",
        "firstName": first, "lastName": last, "party": party, "major": True, "incumbent": False,
        "winner": False, "runoff": False, "participated": True, "dropped": False,
        "aggregate": False, "order": 1, "partyOrder": 1,
        "statistics": {
            "votes": number(votes), "percent": number(48.5), "electoralVotes": number(electors),
        },
        **more,
    }  # fmt: skip


def harris(votes: int | None, electors: int = 0, **more: Any) -> Json:
    return candidate(64984, "Kamala Harris", "democrats", votes, electors, **more)


def trump(votes: int | None, electors: int = 0, **more: Any) -> Json:
    return candidate(8639, "Donald Trump", "republicans", votes, electors, **more)


def de_la_cruz(votes: int | None) -> Json:
    return candidate(20078288, "Claudia De la Cruz", "others", votes)


def race(id: int, name: str, *candidates: Json, seats: int = 30, **more: Any) -> Json:
    return {
        "id": id, "name": name.upper(), "abbreviation": "FLO-P-", "displayName": name,
        "shortDisplayName": "Fla. All", "availableElectoralVotes": seats, "exitPolls": True,
        "competitive": False, "party": "all", "incumbent": {"party": "democrats"},
        "status": {"type": "in", "value": "POLLS_OPEN"},
        "pollClosingDate": {
            "value": "2024-11-06T01:00:00Z", "displayValue": "8 PM ET",
            "displayText": "Polls close at 8 PM ET",
        },
        "lastUpdated": moment("2024-11-06T03:15:20.125Z"),
        "reporting": {"threshold": 75, **number(97.25)},
        "absenteeReporting": number(0),
        "candidates": list(candidates),
        **more,
    }  # fmt: skip


def county(fips: str, name: str, *candidates: Json) -> Json:
    for one in candidates:
        del one["statistics"]["electoralVotes"]
    return {
        "fips": fips, "displayName": name, "candidates": list(candidates), "order": 1,
        "reporting": {"threshold": 75, **number(99)},
        "lastUpdated": moment("2024-11-06T02:00:00Z"),
    }  # fmt: skip


def state_file(code: str, fips: str, name: str, *races: Json) -> Json:
    return {
        "_generated": "2024-11-06T03:16:00.000Z", "id": 10, "fips": fips, "name": name.upper(),
        "abbreviation": code.upper(), "displayName": name, "shortDisplayName": name[:3],
        "availableElectoralVotes": 30, "exitPolls": True,
        "otherStateResults": {"senate": True, "electoral": True, "house": False},
        "races": list(races),
    }  # fmt: skip


def florida() -> Json:
    return state_file(
        "fl", "12", "Florida",
        race(
            10, "Florida", harris(4_683_038), trump(6_110_125, 30, winner=True), de_la_cruz(None),
            counties=[
                county("12001", "Alachua County", harris(84_698), trump(54_930)),
                county("12003", "Baker County", harris(1_820), trump(12_830)),
            ],
        ),
    )  # fmt: skip


def entry(code: str, fips: str, name: str, *candidates: Json, **more: Any) -> Json:
    fields = race(10, name, *candidates, **more)
    del fields["party"], fields["competitive"], fields["exitPolls"]
    return {**fields, "abbreviation": code.upper(), "fips": fips}


def nation() -> Json:
    party = {"votes": number(0), "total": number(0), "winner": False}
    return {
        "displayName": "United States", "shortDisplayName": "U.S.", "exitPolls": True,
        "lastUpdated": moment("2024-11-06T03:00:00Z"),
        "summary": {
            "displayText": "x", "total": number(538), "needed": number(270, "270 to win"),
            "democrats": {
                **party, "candidate": "Harris", "votes": number(71_900_392), "total": number(226),
            },
            "republicans": {
                **party, "candidate": "Trump", "votes": number(75_068_566), "total": number(312),
                "winner": True,
            },
            "other": {"total": number(0)},
            "lastUpdated": moment("2024-11-06T03:15:20.125Z"),
            "reporting": number(95),
        },
        "states": [
            entry("FL", "12", "Florida", harris(4_683_038), trump(6_110_125, 30, winner=True)),
            entry(
                "ME", "23", "Maine", harris(435_652, 3), trump(377_977, 1), seats=4,
                electoralDistricts=[
                    {"id": 1, "code": "01", "displayName": "1st District"},
                    {
                        **race(2, "2nd District", harris(173_100), trump(212_725, 1), seats=1),
                        "code": "02",
                    },
                ],
            ),
        ],
    }  # fmt: skip


def senate() -> Json:
    return {
        "states": [
            entry("FL", "12", "Florida", candidate(1, "Rick Scott", "republicans", 5)),
            {k: v for k, v in entry("AL", "01", "Alabama").items() if k != "candidates"},
        ]
    }


def house() -> Json:
    def district(number: int, name: str, votes: int) -> Json:
        fields = race(number, name, candidate(1, "Ann Ash", "democrats", votes))
        del fields["abbreviation"], fields["name"], fields["availableElectoralVotes"]
        return fields

    california = entry("CA", "06", "California")
    alaska = entry("AK", "02", "Alaska")
    del california["candidates"], alaska["candidates"]
    california["congressionalDistricts"] = [
        district(3, "District 3", 33), district(13, "District 13", 1313),
    ]  # fmt: skip
    alaska["congressionalDistricts"] = [district(0, "At-Large", 7)]
    return {"states": [california, alaska, {**entry("DC", "11", "D.C."), "candidates": []}]}


# Addresses


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("electoral.json", FeedFile(office="president", state=None, knowledge="reported")),
        ("senate.json", FeedFile(office="senate", state=None, knowledge="reported")),
        ("house.json", FeedFile(office="house", state=None, knowledge="reported")),
        ("governor.json", FeedFile(office="governor", state=None, knowledge="guessed")),
        (
            "states/fl/electoral.json",
            FeedFile(office="president", state="fl", knowledge="captured"),
        ),
        ("states/dc/house.json", FeedFile(office="house", state="dc", knowledge="guessed")),
        ("states/ne/senate.json", FeedFile(office="senate", state="ne", knowledge="guessed")),
        ("states/ut/governor.json", FeedFile(office="governor", state="ut", knowledge="guessed")),
    ],
)
def test_each_file_is_known_by_its_address(path: str, expected: FeedFile) -> None:
    assert feed_file(f"{BASE}/{path}") == expected
    assert feed_file(f"http://127.0.0.1:8000/2026/midterm/v9/maps/{path}?t=1") == expected


@pytest.mark.parametrize(
    "url",
    [
        "", "http://[", f"{BASE}/", f"{BASE}/states/fl/", f"{BASE}/states/zz/senate.json",
        f"{BASE}/states/FL/senate.json", f"{BASE}/mayor.json", f"{BASE}/president.json",
        f"{BASE}/electoral.json/", f"{BASE}/x/electoral.json", f"{BASE}/electoral.json.bak",
        "https://abcnews.go.com/electoral.json", "/maps/electoral.json",
        "https://abcnews.go.com/US/slug/story?id=1", "ftp://a.example/maps/electoral.json",
    ],
)  # fmt: skip
def test_other_addresses_are_no_file(url: str) -> None:
    assert feed_file(url) is None


@given(st.sampled_from(OFFICES), st.none() | st.sampled_from(sorted(STATES)))
def test_an_address_is_that_of_its_file(office: str, state: str | None) -> None:
    file = feed_file(feed_url(f"{BASE}/", office, state))
    assert file is not None
    assert (file.office, file.state) == (office, state)


def test_the_states() -> None:
    assert len(STATES) == len(set(STATES.values())) == 51


# What is read


def test_a_states_file() -> None:
    snapshot = read(FL, florida())
    assert (snapshot.refusals, snapshot.unknown, snapshot.id_scheme) == ((), (), "ap")
    races = by_place(snapshot)
    assert races["president", "us/fl"] == RaceState(
        race="president",
        place="us/fl",
        source_updated_at=UPDATED,
        tallies=(
            Tally(
                candidate="64984", name="Kamala Harris", votes=4_683_038, electoral_votes=0,
                last_name="harris", party="democrats",
            ),
            Tally(
                candidate="8639", name="Donald Trump", votes=6_110_125, electoral_votes=30,
                last_name="trump", party="republicans",
            ),
            Tally(
                candidate="20078288", name="Claudia De la Cruz", votes=None, electoral_votes=0,
                last_name="de la cruz", party="others",
            ),
        ),
        projection="8639",
        expected_vote_pct=97.25,
        status="POLLS_OPEN",
        last_close_at=CLOSES,
        seats=30,
    )  # fmt: skip
    assert races["president", "us/fl"].place_name == "Florida"
    assert races["president", "us/fl/12003"] == RaceState(
        race="president",
        place="us/fl/12003",
        source_updated_at=datetime(2024, 11, 6, 2, 0, tzinfo=UTC),
        tallies=(
            Tally(
                candidate="64984", name="Kamala Harris", votes=1_820,
                last_name="harris", party="democrats",
            ),
            Tally(
                candidate="8639", name="Donald Trump", votes=12_830,
                last_name="trump", party="republicans",
            ),
        ),
        expected_vote_pct=99,
    )  # fmt: skip
    assert set(races) == {("president", f"us/fl{c}") for c in ("", "/12001", "/12003")}


def test_the_national_file() -> None:
    snapshot = read(NATION, nation())
    assert (snapshot.refusals, snapshot.unknown) == ((), ())
    races = by_place(snapshot)
    assert {place for _, place in races} == {"us", "us/fl", "us/me", "us/me-02"}
    assert races["president", "us"] == RaceState(
        race="president",
        place="us",
        source_updated_at=UPDATED,
        tallies=(
            Tally(
                candidate="64984", name="Kamala Harris", votes=71_900_392, electoral_votes=226,
                last_name="harris", party="democrats",
            ),
            Tally(
                candidate="8639", name="Donald Trump", votes=75_068_566, electoral_votes=312,
                last_name="trump", party="republicans",
            ),
        ),
        projection="8639",
        expected_vote_pct=95,
    )  # fmt: skip
    assert races["president", "us"].doubt is None
    assert races["president", "us/fl"].projection == "8639"
    district = races["president", "us/me-02"]
    assert (district.seats, district.place_name) == (1, "2nd District")
    assert [t.votes for t in district.tallies] == [173_100, 212_725]
    assert races["president", "us/me"].seats == 4


def test_the_senate_file() -> None:
    races = by_place(read(SENATE, senate()))
    assert set(races) == {("senate/fl", "us/fl")}
    state = races["senate/fl", "us/fl"]
    assert [(t.candidate, t.votes, t.electoral_votes) for t in state.tallies] == [("1", 5, None)]
    assert state.seats is None
    assert read(SENATE, senate()).refusals == ()
    governor = read(the_file("governor"), senate())
    assert set(by_place(governor)) == {("governor/fl", "us/fl")}


def test_the_house_file() -> None:
    snapshot = read(HOUSE, house())
    assert (snapshot.refusals, snapshot.unknown) == ((), ())
    assert {key: r.tallies[0].votes for key, r in by_place(snapshot).items()} == {
        ("house/ca-03", "us/ca-03"): 33,
        ("house/ca-13", "us/ca-13"): 1313,
        ("house/ak-al", "us/ak-al"): 7,
    }


@pytest.mark.parametrize(
    ("fields", "district"),
    [
        ({"displayName": "California 13", "id": 7}, "13"),
        ({"displayName": "13th Congressional District"}, "13"),
        ({"displayName": "CD-13", "code": "CA-13"}, "13"),
        ({"displayName": "13", "code": 13}, "13"),
        ({"displayName": "Central Valley", "code": "0613"}, "13"),
        ({"displayName": "Central Valley", "id": 13}, "13"),
        ({"displayName": "At Large", "code": "01"}, "al"),
        ({"displayName": "The state", "code": "AL"}, "al"),
        ({"displayName": "The state", "code": "00"}, "al"),
        ({"displayName": "California", "id": 4711}, "al"),
        ({"displayName": "District 13", "code": "12"}, None),
        ({"displayName": "District 13 and 14"}, "13"),
        ({"displayName": "Central Valley", "id": 4711}, None),
        ({"displayName": "District 131"}, None),
        ({}, None),
    ],
)
def test_a_districts_number(fields: Json, district: str | None) -> None:
    payload = house()
    del payload["states"][1:]
    one = payload["states"][0]["congressionalDistricts"][:1]
    del one[0]["displayName"], one[0]["id"], one[0]["shortDisplayName"]
    one[0].update(fields)
    payload["states"][0]["congressionalDistricts"] = one
    snapshot = read(HOUSE, payload)
    if district is None:
        assert snapshot.races == ()
        assert "give no one district" in snapshot.refusals[0].reason
    else:
        assert set(by_place(snapshot)) == {(f"house/ca-{district}", f"us/ca-{district}")}


@pytest.mark.parametrize(
    "name",
    ["Maine District 2", "MAINE CD2", "Maine CD-02", "Maine 2nd District", "ME-02",
     "Maine - 2nd Congressional District", "Congressional District 2"],
)  # fmt: skip
def test_districts_of_electors_are_told_by_their_texts(name: str) -> None:
    counted = county("23001", "Androscoggin County", harris(1), trump(2))
    part = county("23001", "Androscoggin County", harris(1), trump(1))
    payload = state_file(
        "me", "23", "Maine",
        race(1, "Maine", harris(435_652), trump(377_977), counties=[counted]),
        race(2, name, harris(173_100), trump(212_725), seats=1, counties=[part]),
    )  # fmt: skip
    snapshot = read(ME, payload)
    assert snapshot.refusals == ()
    votes = {race.place: [t.votes for t in race.tallies] for race in snapshot.races}
    assert votes == {
        "us/me": [435_652, 377_977],
        "us/me/23001": [1, 2],
        "us/me-02": [173_100, 212_725],
    }


def test_races_that_cannot_be_told_apart_are_both_refused() -> None:
    payload = state_file("me", "23", "Maine", race(71, "Maine", trump(1)), race(72, "M", trump(2)))
    snapshot = read(ME, payload)
    assert snapshot.races == ()
    (reason,) = refused(snapshot).values()
    assert "(id 71)" in reason
    assert "(id 72)" in reason


def test_a_house_file_of_a_state() -> None:
    one = candidate(1, "Ann Ash", "democrats", 9)
    counties = [county("06037", "Los Angeles County", candidate(1, "Ann Ash", "democrats", 4))]
    payload = state_file("ca", "06", "California", race(5, "District 30", one, counties=counties))
    races = by_place(read(the_file("house", "ca"), payload))
    assert set(races) == {("house/ca-30", "us/ca-30"), ("house/ca-30", "us/ca/06037")}


@pytest.mark.parametrize(
    ("fields", "slug"),
    [
        ({}, "senate/ne"),
        ({"displayName": "Nebraska Special"}, "senate/ne-special"),
        ({"type": "SPECIAL_ELECTION"}, "senate/ne-special"),
        ({"special": True}, "senate/ne-special"),
        ({"name": "NEBRASKA RUNOFF"}, "senate/ne-runoff"),
        ({"abbreviation": "NE Special Run-off"}, "senate/ne-special-runoff"),
        ({"runoff": True}, "senate/ne-runoff"),
        ({"displayName": "Especially Nebraska", "special": False}, "senate/ne"),
    ],
)
def test_specials_and_runoffs_have_a_slug_of_their_own(fields: Json, slug: str) -> None:
    one = candidate(1, "Dan Osborn", "independents", 5)
    payload = state_file("ne", "31", "Nebraska", {**race(1, "Nebraska", one), **fields})
    assert {key for key, _ in by_place(read(the_file("senate", "ne"), payload))} == {slug}


# Two races in one list


def nebraska(*candidates: Json, **more: Any) -> Json:
    return {"states": [entry("NE", "31", "Nebraska", *candidates, **more)]}


def ricketts(**more: Any) -> Json:
    return candidate(11, "Pete Ricketts", "republicans", 580_000, **more)


def fischer(**more: Any) -> Json:
    return candidate(12, "Deb Fischer", "republicans", 499_000, **more)


def osborn(**more: Any) -> Json:
    return candidate(13, "Dan Osborn", "independents", 436_000, **more)


@pytest.mark.parametrize(
    ("candidates", "named"),
    [
        ([ricketts(incumbent=True), fischer(incumbent=True), osborn()], "two incumbents"),
        ([ricketts(winner=True), fischer(winner=True), osborn()], "two winners"),
        ([ricketts(), ricketts()], "a candidate twice, Pete Ricketts and Pete Ricketts"),
    ],
)
def test_two_races_in_one_list_are_refused(candidates: list[Json], named: str) -> None:
    snapshot = read(SENATE, nebraska(*candidates))
    assert snapshot.races == ()
    reason = refused(snapshot)["senate/ne", "us/ne"]
    assert reason.startswith("states[0].candidates looks like two races in one list")
    assert named in reason


def test_two_races_that_carry_what_tells_them_apart_are_read() -> None:
    marked = nebraska(ricketts(special=True), fischer(special=False), osborn())
    nested = nebraska()
    del nested["states"][0]["candidates"]
    nested["states"][0]["races"] = [
        race(1, "Nebraska Special", ricketts()), race(2, "Nebraska", fischer(), osborn()),
    ]  # fmt: skip
    for payload in (marked, nested):
        snapshot = read(SENATE, payload)
        assert snapshot.refusals == ()
        assert {
            (race.race, race.place): {t.candidate for t in race.tallies} for race in snapshot.races
        } == {("senate/ne-special", "us/ne"): {"11"}, ("senate/ne", "us/ne"): {"12", "13"}}


def test_two_races_told_apart_by_ids_that_say_no_more_are_refused() -> None:
    snapshot = read(SENATE, nebraska(ricketts(raceId=71), fischer(raceId=72)))
    assert snapshot.races == ()
    reason = refused(snapshot)["senate/ne", "us/ne"]
    assert "71" in reason
    assert "72" in reason


def test_the_same_people_in_two_races_are_kept_apart() -> None:
    schiff = candidate(21, "Adam Schiff", "democrats", 9_036_252)
    special = candidate(21, "Adam Schiff", "democrats", 8_837_051)
    payload = state_file(
        "ca", "06", "California",
        race(1, "California", schiff), race(2, "California Special", special),
    )  # fmt: skip
    votes = {
        race.race: race.tallies[0].votes for race in read(the_file("senate", "ca"), payload).races
    }
    assert votes == {"senate/ca": 9_036_252, "senate/ca-special": 8_837_051}


# The nation's summary


@pytest.mark.parametrize(
    "told",
    [
        64984, "Harris", "HARRIS", "Kamala Harris", {"id": 64984}, {"lastName": "Harris"},
        {"id": 64984, "displayName": "K. Harris"}, {"displayName": "Kamala Harris"},
    ],
)  # fmt: skip
def test_a_partys_candidate_is_found_among_the_states(told: object) -> None:
    payload = nation()
    payload["summary"]["democrats"]["candidate"] = told
    assert by_place(read(NATION, payload)) == by_place(read(NATION, nation()))


@pytest.mark.parametrize("others", [[], [candidate(5, "Ann Harris", "democrats", 1)]])
def test_a_name_that_none_or_several_have_is_the_key(others: list[Json]) -> None:
    payload = nation()
    payload["summary"]["democrats"]["candidate"] = "Harris" if others else "Tim Walz"
    payload["states"][0]["candidates"] += others
    tally = by_place(read(NATION, payload))["president", "us"].tallies[0]
    assert (tally.candidate, tally.last_name) == ("harris" if others else "walz", None)


def test_a_namesake_of_another_party_is_not_meant() -> None:
    payload = nation()
    payload["states"][0]["candidates"].append(candidate(5, "Ann Harris", "others", 1))
    assert by_place(read(NATION, payload))["president", "us"].tallies[0].candidate == "64984"


@pytest.mark.parametrize("told", [None, "", 5, True, [], {}, {"id": "x"}, {"id": 5}])
def test_a_party_without_a_candidate_refuses_the_nation_alone(told: object) -> None:
    payload = nation()
    payload["summary"]["democrats"]["candidate"] = told
    snapshot = read(NATION, payload)
    assert refused(snapshot)["president", "us"].startswith("summary.democrats.candidate")
    assert {place for _, place in by_place(snapshot)} == {"us/fl", "us/me", "us/me-02"}


def test_another_number_of_electors_to_win_is_doubted() -> None:
    payload = nation()
    payload["summary"]["needed"] = number(269)
    races = by_place(read(NATION, payload))
    assert races["president", "us"].doubt == "summary.needed is 269, not 270"
    assert races["president", "us/fl"].doubt is None


def test_two_winners_of_the_nation_are_refused() -> None:
    payload = nation()
    payload["summary"]["democrats"]["winner"] = True
    assert "two winners" in refused(read(NATION, payload))["president", "us"]


def test_the_nation_has_the_files_time_where_the_summary_has_none() -> None:
    payload = nation()
    del payload["summary"]["lastUpdated"]
    found = by_place(read(NATION, payload))["president", "us"].source_updated_at
    assert found == datetime(2024, 11, 6, 3, 0, tzinfo=UTC)


# Numbers, flags, times


@pytest.mark.parametrize(
    ("votes", "expected"),
    [
        ({"doubleValue": 5, "value": 5, "displayValue": "5"}, 5),
        ({"doubleValue": 5.0, "value": 5}, 5),
        ({"doubleValue": 5}, 5),
        ({"value": 5, "displayValue": "7"}, 5),
        ({"doubleValue": None, "value": 5}, 5),
        ({"displayValue": "1,234,567"}, 1_234_567),
        ({"displayValue": "1234567"}, 1_234_567),
        ({"doubleValue": 0, "value": 0}, 0),
        ({"doubleValue": 300_000_000}, 300_000_000),
        ({"doubleValue": None, "value": None, "displayValue": ""}, None),
        ({"displayValue": " ", "displayText": "Total Votes"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_votes_are_read(votes: object, expected: int | None) -> None:
    payload = florida()
    payload["races"][0]["candidates"][0]["statistics"]["votes"] = votes
    snapshot = read(FL, payload)
    assert snapshot.refusals == ()
    assert by_place(snapshot)["president", "us/fl"].tallies[0].votes == expected


@pytest.mark.parametrize(
    ("votes", "found"),
    [
        ({"doubleValue": -1, "value": -1}, "-1"),
        ({"doubleValue": 5.5}, "5.5"),
        ({"doubleValue": 300_000_001}, "300000001"),
        ({"doubleValue": True, "value": 1}, "True"),
        ({"doubleValue": "5"}, "'5'"),
        ({"value": [5]}, "a list of 1"),
        ({"displayValue": "1_000"}, "'1_000'"),
        ({"displayValue": "١٢٣"}, "'١٢٣'"),
        ({"displayValue": "12,34"}, "'12,34'"),
        ({"displayValue": 5}, "5"),
        ({"number": 5}, "none of displayValue, doubleValue, value"),
        (5, "5"),
        ("5", "'5'"),
    ],
)
def test_other_votes_refuse_the_race_in_that_place(votes: object, found: str) -> None:
    payload = florida()
    payload["races"][0]["candidates"][1]["statistics"]["votes"] = votes
    snapshot = read(FL, payload)
    reason = refused(snapshot)["president", "us/fl"]
    assert reason.startswith("races[0].candidates[1].statistics.votes")
    assert found in reason
    assert {place for _, place in by_place(snapshot)} == {"us/fl/12001", "us/fl/12003"}
    payload = florida()
    payload["races"][0]["counties"][1]["candidates"][0]["statistics"]["votes"] = votes
    snapshot = read(FL, payload)
    reason = refused(snapshot)["president", "us/fl/12003"]
    assert reason.startswith("races[0].counties[1].candidates[0].statistics.votes")
    assert {place for _, place in by_place(snapshot)} == {"us/fl", "us/fl/12001"}


@pytest.mark.parametrize(
    ("reporting", "expected"),
    [
        ({"doubleValue": 97.25, "value": 97, "displayValue": "97%"}, 97.25),
        ({"value": 97}, 97),
        ({"displayValue": "97%"}, 97),
        ({"displayValue": "97.5"}, 97.5),
        ({"doubleValue": 109}, 109),
        ({"doubleValue": None}, None),
        (None, None),
    ],
)
def test_percents_are_read(reporting: object, expected: float | None) -> None:
    payload = florida()
    payload["races"][0]["reporting"] = reporting
    assert by_place(read(FL, payload))["president", "us/fl"].expected_vote_pct == expected


#: A change of the state's race, and what the reason for its refusal says.
WRONG: list[tuple[Callable[[Json], Any], str]] = [
    (lambda r: r.update(reporting={"doubleValue": -1}), "reporting.doubleValue"),
    (lambda r: r.update(reporting={"doubleValue": 201}), "reporting.doubleValue"),
    (lambda r: r.update(reporting={"displayValue": "most"}), "'most'"),
    (lambda r: r.update(reporting=97), "reporting is not an object: 97"),
    (lambda r: r["candidates"][0]["statistics"]["percent"].update(doubleValue=201), "percent"),
    (lambda r: r["candidates"][0]["statistics"].update(electoralVotes=number(539)), "539"),
    (lambda r: r["candidates"][0]["statistics"].update(electoralVotes=number(-1)), "-1"),
    (lambda r: r.update(availableElectoralVotes=539), "availableElectoralVotes"),
    (lambda r: r.update(availableElectoralVotes="30"), "'30'"),
    (lambda r: r["candidates"][0].update(winner=True), "2 winners: 'Kamala Harris' (64984)"),
    (lambda r: r["candidates"][0].update(winner="true"), "candidates[0].winner"),
    (lambda r: r["candidates"][0].update(runoff=1), "candidates[0].runoff"),
    (lambda r: r["candidates"][0].update(aggregate="no"), "candidates[0].aggregate"),
    (lambda r: r["candidates"][0].update(id=8639), "more than once: 8639"),
    (lambda r: r["candidates"][0].update(displayName=5), "candidates[0].displayName"),
    (lambda r: r["candidates"][0].update(party=5), "candidates[0].party"),
    (lambda r: r["candidates"].append(5), "candidates[3] is not an object: 5"),
    (lambda r: r["lastUpdated"].update(value="November 6"), "'November 6'"),
    (lambda r: r["lastUpdated"].update(value="2024-11-06T03:15:20"), "lastUpdated.value"),
    (lambda r: r["lastUpdated"].update(value="2024-11-06"), "lastUpdated.value"),
    (lambda r: r["lastUpdated"].update(value="2024-13-06T03:15:20Z"), "lastUpdated.value"),
    (lambda r: r["lastUpdated"].update(value="0001-01-01T00:00:00+10:00"), "lastUpdated.value"),
    (lambda r: r["lastUpdated"].update(value=1730862920), "lastUpdated.value"),
    (lambda r: r["pollClosingDate"].update(value="8 PM ET"), "pollClosingDate.value"),
    (lambda r: r["status"].update(value=5), "status.value is not a text: 5"),
    (lambda r: r.update(status="POLLS_OPEN"), "status is not an object"),
    (lambda r: r.update(candidates=[]), "candidates is empty"),
    (lambda r: r.update(candidates={}), "candidates is not a list"),
]


@pytest.mark.parametrize(("change", "named"), WRONG, ids=map(str, range(len(WRONG))))
def test_a_wrong_value_refuses_the_race_in_that_place(
    change: Callable[[Json], Any], named: str
) -> None:
    payload = florida()
    change(payload["races"][0])
    snapshot = read(FL, payload)
    reason = refused(snapshot)["president", "us/fl"]
    assert reason.startswith("races[0].")
    assert named in reason
    assert {place for _, place in by_place(snapshot)} == {"us/fl/12001", "us/fl/12003"}


@pytest.mark.parametrize(
    "text",
    ["2024-11-06T03:15:20.125Z", "2024-11-05T22:15:20.125-05:00", "2024-11-06T03:15:20.125+0000"],
)
def test_times_have_any_zone(text: str) -> None:
    payload = florida()
    payload["races"][0]["lastUpdated"]["value"] = text
    assert by_place(read(FL, payload))["president", "us/fl"].source_updated_at == UPDATED


def test_a_runoff_is_read_and_is_no_call() -> None:
    payload = senate()
    payload["states"][0]["candidates"] = [ricketts(runoff=True), osborn(runoff=True), fischer()]
    state = by_place(read(SENATE, payload))["senate/fl", "us/fl"]
    assert (set(state.runoff), state.projection) == ({"11", "13"}, None)


def test_winners_of_counties_mean_nothing() -> None:
    payload = florida()
    for one in payload["races"][0]["counties"][0]["candidates"]:
        one["winner"] = one["runoff"] = True
    assert by_place(read(FL, payload)) == by_place(read(FL, florida()))


@pytest.mark.parametrize(
    ("name", "aggregate", "kind"),
    [
        ("Write-ins", True, "aggregate"),
        ("Others", True, "aggregate"),
        ("Write-in", False, "write_in"),
        ("Scattered WRITE INS", False, "write_in"),
        ("None of these candidate", False, "person"),
        ("Sprite-inson", False, "person"),
    ],
)
def test_the_kind_of_who_gets_votes(name: str, aggregate: bool, kind: str) -> None:
    payload = florida()
    payload["races"][0]["candidates"][0].update(displayName=name, aggregate=aggregate)
    assert by_place(read(FL, payload))["president", "us/fl"].tallies[0].kind == kind


def test_names_have_other_sources() -> None:
    payload = florida()
    first, second = payload["races"][0]["candidates"][:2]
    del first["displayName"], second["lastName"]
    assert [
        (t.name, t.last_name) for t in by_place(read(FL, payload))["president", "us/fl"].tallies[:2]
    ] == [("Kamala Harris", "harris"), ("Donald Trump", "trump")]
    del first["lastName"]
    first["firstName"] = ""
    assert "candidates[0].displayName" in refused(read(FL, payload))["president", "us/fl"]


# Statistics of national files


def test_where_no_candidate_has_statistics_the_votes_are_not_published() -> None:
    payload = nation()
    for one in payload["states"][0]["candidates"]:
        del one["statistics"]
    state = by_place(read(NATION, payload))["president", "us/fl"]
    assert [(t.votes, t.electoral_votes) for t in state.tallies] == [(None, None)] * 2
    assert state.projection == "8639"


@pytest.mark.parametrize("statistics", [None, {}])
def test_where_only_some_have_them_the_race_is_refused(statistics: Json | None) -> None:
    payload = nation()
    payload["states"][0]["candidates"][1]["statistics"] = statistics
    reason = refused(read(NATION, payload))["president", "us/fl"]
    assert reason.startswith("states[0].candidates[1].statistics")
    assert "missing" in reason


# Places


@pytest.mark.parametrize(
    "fips", ["13001", "1200", "120011", 12001, None, "12O01", "１２００１", ["12001"]]
)
def test_a_county_of_another_state_or_none_is_refused_alone(fips: object) -> None:
    payload = florida()
    payload["races"][0]["counties"][0]["fips"] = fips
    snapshot = read(FL, payload)
    assert {place for _, place in by_place(snapshot)} == {"us/fl", "us/fl/12003"}
    assert refused(snapshot)["president", None].startswith("races[0].counties[0].fips")


def test_a_county_that_no_table_has_is_read() -> None:
    payload = florida()
    payload["races"][0]["counties"][0]["fips"] = "12999"
    assert ("president", "us/fl/12999") in by_place(read(FL, payload))


def test_two_counties_of_one_code_are_both_refused() -> None:
    payload = florida()
    payload["races"][0]["counties"][0]["fips"] = "12003"
    snapshot = read(FL, payload)
    assert {place for _, place in by_place(snapshot)} == {"us/fl"}
    assert "12003" in refused(snapshot)["president", "us/fl/12003"]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"abbreviation": "GA"}, "fips"),
        ({"abbreviation": "GA", "fips": "13"}, "'ga', but the file is of 'fl'"),
        ({"fips": "13"}, "fips is of another state"),
        ({"fips": 12}, "fips is not a text of two digits: 12"),
        ({"abbreviation": "FLA"}, "'FLA'"),
        ({"abbreviation": None}, "None"),
    ],
)
def test_another_states_file_is_refused(fields: Json, named: str) -> None:
    snapshot = read(FL, {**florida(), **fields})
    assert snapshot.races == ()
    assert named in refused(snapshot)["president", "us/fl"]


def test_two_entries_of_one_state_are_both_refused() -> None:
    payload = nation()
    payload["states"].append(copy.deepcopy(payload["states"][0]))
    snapshot = read(NATION, payload)
    assert ("president", "us/fl") not in by_place(snapshot)
    assert "states[0]" in refused(snapshot)["president", "us/fl"]
    assert "states[2]" in refused(snapshot)["president", "us/fl"]


# Test marks


@pytest.mark.parametrize("mark", ["test", "isTest", "_test", "testData", "isTestData"])
def test_marks_of_a_test_put_its_races_in_doubt(mark: str) -> None:
    for file, payload in ((FL, florida()), (NATION, nation()), (SENATE, senate())):
        doubts = [race.doubt for race in read(file, {**payload, mark: True}).races]
        assert all(doubt and mark in doubt for doubt in doubts)
        assert not any(race.doubt for race in read(file, {**payload, mark: False}).races)
        assert mark not in read(file, {**payload, mark: True}).unknown
    payload = nation()
    payload["states"][0][mark] = True
    assert {race.place for race in read(NATION, payload).races if race.doubt} == {"us/fl"}


@pytest.mark.parametrize(
    ("status", "doubted"),
    [
        ({"type": "test", "value": "SCHEDULED"}, True),
        ({"type": "in", "value": "TEST_DATA"}, True),
        ({"type": "in", "value": "CONTESTED"}, False),
    ],
)
def test_so_does_a_status_of_a_test(status: Json, doubted: bool) -> None:
    payload = florida()
    payload["races"][0]["status"] = status
    assert all(bool(race.doubt) is doubted for race in read(FL, payload).races)
    assert by_place(read(FL, payload))["president", "us/fl"].status == status["value"]


# Nothing but the order changes


def shuffled(value: Any, source: random.Random) -> Any:
    """The same with the keys of each object and the items of each list in another order."""
    if isinstance(value, dict):
        items = [(key, shuffled(item, source)) for key, item in value.items()]
        source.shuffle(items)
        return dict(items)
    if isinstance(value, list):
        items = [shuffled(item, source) for item in value]
        source.shuffle(items)
        return items
    return value


def said(snapshot: Snapshot) -> set[RaceState]:
    return {
        replace(race, tallies=tuple(sorted(race.tallies, key=lambda tally: tally.candidate)))
        for race in snapshot.races
    }


FILES: list[tuple[FeedFile, Callable[[], Json]]] = [
    (FL, florida), (NATION, nation), (SENATE, senate), (HOUSE, house),
]  # fmt: skip


@given(st.sampled_from(FILES), st.randoms(use_true_random=False))
def test_order_changes_nothing(
    case: tuple[FeedFile, Callable[[], Json]], source: random.Random
) -> None:
    file, build = case
    other = shuffled(build(), source)
    assert said(read(file, other)) == said(read(file, build()))
    assert read(file, other).refusals == ()
    body = json.dumps(build()).encode()
    assert marks(file, json.dumps(other).encode()) == marks(file, body)


# Each field in turn


def holder(payload: Json, path: str) -> tuple[Any, str]:
    """The object that has the field of the path, and the field's name."""
    *steps, name = path.replace("]", "").replace("[", ".").split(".")
    found: Any = payload
    for step in steps:
        found = found[int(step)] if step.isdigit() else found[step]
    return found, name


DISTRICT = "states[0].congressionalDistricts[0]"
REQUIRED = [
    (FL, florida, "abbreviation", "president", "us/fl"),
    (FL, florida, "races[0].candidates", "president", "us/fl"),
    (FL, florida, "races[0].candidates[0].id", "president", "us/fl"),
    (FL, florida, "races[0].candidates[0].statistics", "president", "us/fl"),
    (FL, florida, "races[0].candidates[0].statistics.votes", "president", "us/fl"),
    (FL, florida, "races[0].counties[1].fips", "president", None),
    (FL, florida, "races[0].counties[1].candidates", "president", "us/fl/12003"),
    (FL, florida, "races[0].counties[1].candidates[0].id", "president", "us/fl/12003"),
    (FL, florida, "races[0].counties[1].candidates[0].statistics", "president", "us/fl/12003"),
    (NATION, nation, "summary", "president", "us"),
    (NATION, nation, "summary.democrats", "president", "us"),
    (NATION, nation, "summary.democrats.candidate", "president", "us"),
    (NATION, nation, "summary.democrats.votes", "president", "us"),
    (NATION, nation, "states[0].abbreviation", "president", None),
    (NATION, nation, "states[0].candidates", "president", "us/fl"),
    (NATION, nation, "states[0].candidates[1].id", "president", "us/fl"),
    (NATION, nation, "states[0].candidates[1].statistics", "president", "us/fl"),
    (NATION, nation, "states[0].candidates[1].statistics.votes", "president", "us/fl"),
    (SENATE, senate, "states[0].abbreviation", None, None),
    (SENATE, senate, "states[0].candidates[0].id", "senate/fl", "us/fl"),
    (SENATE, senate, "states[0].candidates[0].statistics.votes", "senate/fl", "us/fl"),
    (HOUSE, house, f"{DISTRICT}.candidates", "house/ca-03", "us/ca-03"),
    (HOUSE, house, f"{DISTRICT}.candidates[0].id", "house/ca-03", "us/ca-03"),
]  # fmt: skip


@pytest.mark.parametrize("how", ["removed", "renamed", "retyped"])
@pytest.mark.parametrize(("file", "build", "path", "slug", "place"), REQUIRED)
def test_a_required_field_is_missed_loudly(
    file: FeedFile,
    build: Callable[[], Json],
    path: str,
    slug: str | None,
    place: str | None,
    how: str,
) -> None:
    payload = build()
    fields, name = holder(payload, path)
    value = fields.pop(name)
    if how == "renamed":
        fields[f"{name}X"] = value
    if how == "retyped":
        fields[name] = 7.5
    snapshot = read(file, payload)
    assert set(refused(snapshot)) == {(slug, place)}
    (refusal,) = snapshot.refusals
    assert refusal.reason.startswith(path)
    assert "7.5" in refusal.reason if how == "retyped" else "missing" in refusal.reason
    # All else stays, and nothing is read otherwise. A retyped field's holder may be unknown too.
    kept, whole = by_place(snapshot), by_place(read(file, build()))
    if path != "abbreviation":
        assert len(kept) == len(whole) - 1
    assert all(whole[key] == race for key, race in kept.items())
    assert any(f"{name}X" in path for path in snapshot.unknown) is (how == "renamed")


#: Fields that are kept, each with what it gives.
KEPT = {
    "races[].lastUpdated": "source_updated_at",
    "races[].pollClosingDate": "last_close_at",
    "races[].status": "status",
    "races[].reporting": "expected_vote_pct",
    "races[].candidates[].statistics.electoralVotes": "tallies",
    "races[].candidates[].party": "tallies",
    "races[].counties[].lastUpdated": "source_updated_at",
    "races[].counties[].reporting": "expected_vote_pct",
    "races[].counties[].candidates[].party": "tallies",
}
NEEDED = {path for file, _, path, *_ in REQUIRED if file is FL} | {
    "races",
    "races[0].counties",
    "races[0].counties[0].fips",
    "races[0].counties[0].candidates",
}


def paths(value: Any, path: str = "") -> list[str]:
    """The paths of all fields of a payload, of lists those of their first two items."""
    found = []
    if isinstance(value, dict):
        for name, item in value.items():
            here = f"{path}.{name}".removeprefix(".")
            found += [here, *paths(item, here)]
    elif isinstance(value, list):
        for at, item in enumerate(value[:2]):
            found += paths(item, f"{path}[{at}]")
    return found


def is_required(path: str) -> bool:
    if re.fullmatch(r"races\[.\]\.candidates\[.\]\.winner", path):
        return True  # without it, a call would seem taken back
    return path in NEEDED or path.endswith((".id", ".statistics", ".votes", ".fips", ".candidates"))


@pytest.mark.parametrize(
    "path",
    [path for path in paths(florida()) if path == "id" or path == "fips" or not is_required(path)],
)
def test_an_optional_field_that_is_removed_changes_nothing_else(path: str) -> None:
    payload = florida()
    fields, name = holder(payload, path)
    del fields[name]
    snapshot = read(FL, payload)
    assert (snapshot.refusals, snapshot.unknown) == ((), ())
    whole, kept = by_place(read(FL, florida())), by_place(snapshot)
    assert whole.keys() == kept.keys()
    field = KEPT.get(re.sub(r"[0-9]", "", path.removesuffix(".value")))
    counties = {"counties[0]": "us/fl/12001", "counties[1]": "us/fl/12003"}
    where = next((place for county, place in counties.items() if county in path), "us/fl")
    for key, race in kept.items():
        if race != whole[key]:
            assert field is not None
            assert key == ("president", where)
            assert replace(race, **{field: getattr(whole[key], field)}) == whole[key]
            if field != "tallies":
                assert getattr(race, field) is None


@pytest.mark.parametrize(("file", "build"), FILES)
def test_each_unknown_field_is_named_once(file: FeedFile, build: Callable[[], Json]) -> None:
    def with_unknown(value: Any, path: str, named: set[str]) -> Any:
        if isinstance(value, list):
            return [with_unknown(item, f"{path}[]", named) for item in value]
        if not isinstance(value, dict):
            return value
        named.add(f"{path}.novel".removeprefix("."))
        inner = {
            k: with_unknown(v, f"{path}.{k}".removeprefix("."), named) for k, v in value.items()
        }
        return {**inner, "novel": {"novel": 1}}  # fmt: skip

    payload, expected = build(), set[str]()
    if file is HOUSE:
        payload["states"].pop()  # DC has no district
    snapshot = read(file, with_unknown(payload, "", expected))
    if file in (SENATE, HOUSE):
        # Of states without a race and around districts the entry alone is looked at.
        expected = {p for p in expected if p in snapshot.unknown or p.count(".") < 2}
        assert "states[].novel" in expected
    assert snapshot.unknown == tuple(sorted(expected))
    assert snapshot.refusals == ()
    assert said(snapshot) == said(read(file, build()))


# Nothing readable


@pytest.mark.parametrize(
    "body",
    [b"", b"<html></html>", b"[]", b"null", b"{}", b'{"states": []}', b'{"races": []}',
     b'{"states": {}, "races": {}}', b'{"states": null, "races": null}',
     b'{"states": [1], "races": [1], "states": [1]}'],
)  # fmt: skip
def test_a_file_without_results_is_not_understood(body: bytes) -> None:
    for file in (FL, NATION, SENATE, HOUSE):
        with pytest.raises(NotUnderstood):
            parse_feed(file, body)
        assert marks(file, body) == {}
    assert other_offices(body) == frozenset()


@pytest.mark.parametrize("value", [None, True, 7.5, "x", [], {}, [[]], [None], {"a": [1]}])
@pytest.mark.parametrize(("file", "build"), FILES)
def test_no_value_breaks_the_parser_or_makes_a_vote(
    file: FeedFile, build: Callable[[], Json], value: object
) -> None:
    whole = by_place(read(file, build()))
    for path in paths(build()):
        payload = build()
        fields, name = holder(payload, path)
        fields[name] = value
        if path in ("states", "races") and value in ([], {}, None, True, 7.5, "x", {"a": [1]}):
            with pytest.raises(NotUnderstood):
                read(file, payload)
            continue
        for key, race in by_place(read(file, payload)).items():
            if key in whole:
                before = {tally.votes for tally in whole[key].tallies}
                assert {tally.votes for tally in race.tallies} <= before | {None}


# Marks


def test_a_mark_moves_with_its_state_alone() -> None:
    before = marks(NATION, json.dumps(nation()).encode())
    assert set(before) == {"fl", "me"}
    payload = nation()
    payload["states"][1]["candidates"][0]["statistics"]["votes"]["value"] += 1
    payload["summary"]["democrats"]["votes"]["value"] += 1
    after = marks(NATION, json.dumps(payload).encode())
    assert after["fl"] == before["fl"]
    assert after["me"] != before["me"]
    assert all(len(text) <= 64 for text in after.values())


@pytest.mark.parametrize("path", [p for p in paths(nation()) if p.startswith("states[1].")])
def test_whatever_moves_in_an_entry_moves_its_mark(path: str) -> None:
    payload = nation()
    fields, name = holder(payload, path)
    fields[name] = "another"
    if path == "states[1].abbreviation":
        return
    before = marks(NATION, json.dumps(nation()).encode())
    after = marks(NATION, json.dumps(payload).encode())
    assert (after["fl"] == before["fl"], after["me"] == before["me"]) == (True, False)


def test_a_states_own_file_has_no_marks() -> None:
    assert marks(FL, json.dumps(florida()).encode()) == {}


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ({"senate": True, "electoral": True, "house": False}, {"president", "senate"}),
        ({"senate": "true", "house": 1, "governor": True}, {"governor"}),
        ({}, set()),
        (None, set()),
        ([], set()),
    ],
)
def test_other_offices(others: object, expected: set[str]) -> None:
    payload = {**florida(), "otherStateResults": others}
    assert other_offices(json.dumps(payload).encode()) == expected
