"""The one real payload of the feed: Florida's own file for president, of before the count."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from crawler.parsers.abc_feed import feed_file, other_offices, parse_feed
from storage.records import RaceState

pytestmark = pytest.mark.data

SEED = Path(__file__).parents[2] / "shared" / "data" / "abc" / "fl-electoral-2024-10-26.json"
URL = "https://assets-cdn.abcnews.com/elections/national/2024/general/v1/maps/states/fl/electoral.json"


@pytest.fixture(scope="module")
def races() -> dict[str, RaceState]:
    file = feed_file(URL)
    assert file is not None
    assert file.knowledge == "captured"
    snapshot = parse_feed(file, SEED.read_bytes())
    assert (snapshot.refusals, snapshot.unknown, snapshot.id_scheme) == ((), (), "ap")
    assert {race.race for race in snapshot.races} == {"president"}
    return {race.place: race for race in snapshot.races}


def test_the_state(races: dict[str, RaceState]) -> None:
    state = races["us/fl"]
    assert {t.candidate: (t.name, t.last_name, t.party, t.kind) for t in state.tallies} == {
        "895": ("Jill Stein", "stein", "others", "person"),
        "8639": ("Donald Trump", "trump", "republicans", "person"),
        "21303": ("Write-ins", "write-ins", "others", "aggregate"),
        "61513": ("Randall Terry", "terry", "others", "person"),
        "64984": ("Kamala Harris", "harris", "democrats", "person"),
        "20076636": ("Chase Oliver", "oliver", "others", "person"),
        "20078288": ("Claudia De la Cruz", "de la cruz", "others", "person"),
        "20078864": ("Peter Sonski", "sonski", "others", "person"),
    }
    assert {(t.votes, t.electoral_votes) for t in state.tallies} == {(0, 0)}
    assert state.last_close_at == datetime(2024, 11, 6, 1, 0, tzinfo=UTC)
    assert state.source_updated_at == datetime(2024, 10, 21, 19, 11, 5, 183000, tzinfo=UTC)
    assert (state.status, state.seats, state.expected_vote_pct) == ("SCHEDULED", 30, 0)
    assert (state.projection, state.runoff, state.doubt) == (None, frozenset(), None)
    assert state.place_name == "Florida"


def test_the_counties(races: dict[str, RaceState]) -> None:
    counties = {place: race for place, race in races.items() if place != "us/fl"}
    assert len(counties) == 67
    assert all(place.startswith("us/fl/12") for place in counties)
    assert {t.candidate for race in counties.values() for t in race.tallies} == {"8639", "64984"}
    assert {len(race.tallies) for race in counties.values()} == {2}
    assert counties["us/fl/12001"].place_name == "Alachua County"
    placeholder = datetime(2024, 10, 25, 4, 0, tzinfo=UTC)
    assert counties["us/fl/12001"].source_updated_at == placeholder


def test_the_other_offices() -> None:
    assert other_offices(SEED.read_bytes()) == {"president", "senate", "house"}
