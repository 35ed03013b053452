"""The final counties of 2024, in the feed's shape, come out as they went in: through every step."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crawler.parsers.abc_feed import feed_file, parse_feed
from storage.receiving import Answer
from tests.feed_pages import STATES, County, Person, StateRace, as_body, state_file
from tests.trail import Trail, opened

pytestmark = pytest.mark.data

SOURCE = Path(__file__).parents[2] / "shared" / "data" / "president-2024-final-by-county.csv.gz"
MAPS = "https://assets-cdn.abcnews.com/elections/national/2024/general/v1/maps"
CODES = {name: code for code, (_, name, _, _) in STATES.items()}
#: After the last row of the file.
UPDATED = datetime(2024, 11, 11, 12, 0, tzinfo=UTC)

#: By place: votes by candidate id, and the percent of the expected vote.
Facts = dict[str, tuple[dict[str, int], float]]


def _states() -> dict[str, list[dict[str, str]]]:
    """The rows of the states that have counties, by postal code; the state's own row first."""
    rows: dict[str, list[dict[str, str]]] = defaultdict(list)
    with gzip.open(SOURCE, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            rows[CODES[row["state"]]].append(row)
    return {
        code: sorted(found, key=lambda row: row["level"] != "state")
        for code, found in rows.items()
        if any(row["level"] == "county" for row in found)
    }


STATES_WITH_COUNTIES = _states() if SOURCE.exists() else {"": []}


def _votes(row: dict[str, str]) -> dict[int, int]:
    return {64984: int(row["votes_harris_k_total"]), 8639: int(row["votes_trump_d_total"])}


def _file(code: str, rows: list[dict[str, str]]) -> tuple[bytes, Facts]:
    """The state's file, with county codes of our own, and what it must say."""
    state, *parts = rows
    facts: Facts = {}
    counties = []
    for number, row in enumerate((r for r in parts if r["level"] == "county"), start=1):
        fips = f"{STATES[code][0]}{2 * number - 1:03}"
        counties.append(County(fips, row["county"], _votes(row), float(row["eevp"]), UPDATED))
        votes = {str(key): number for key, number in _votes(row).items()}
        facts[f"us/{code}/{fips}"] = votes, float(row["eevp"])
    votes_of_state = _votes(state)
    people = (
        Person(64984, "Kamala", "Harris", "democrats", votes_of_state[64984]),
        Person(8639, "Donald", "Trump", "republicans", votes_of_state[8639]),
    )
    race = StateRace(code, people, tuple(counties), pct=float(state["eevp"]), updated=UPDATED)
    facts[f"us/{code}"] = (
        {str(key): number for key, number in votes_of_state.items()},
        float(state["eevp"]),
    )
    return as_body(state_file(race)), facts


def test_there_are_forty_four_states_with_counties() -> None:
    assert len(STATES_WITH_COUNTIES) == 44


@pytest.mark.parametrize("code", STATES_WITH_COUNTIES)
def test_a_states_file_gives_exactly_those_figures(code: str, tmp_path: Path) -> None:
    body, facts = _file(code, STATES_WITH_COUNTIES[code])
    url = f"{MAPS}/states/{code}/electoral.json"
    file = feed_file(url)
    assert file is not None
    snapshot = parse_feed(file, body)
    assert (snapshot.refusals, snapshot.unknown) == ((), ())
    read = {
        race.place: ({t.candidate: t.votes for t in race.tallies}, race.expected_vote_pct)
        for race in snapshot.races
    }
    assert read == facts
    with opened(tmp_path / "trail.db") as trail:
        _look(trail, url, body)
        rows = trail.connection.execute(
            "SELECT place, candidate, votes, expected_vote_pct FROM results"
        ).fetchall()
    kept: Facts = {}
    for row in rows:
        votes, _ = kept.setdefault(row["place"], ({}, row["expected_vote_pct"]))
        votes[row["candidate"]] = row["votes"]
    assert kept == facts


def _look(trail: Trail, url: str, body: bytes) -> None:
    headers = [("Content-Type", "application/json")]
    answer = Answer(fetched_at=trail.now, status=200, headers=headers, wire=body, body=body)
    trail.read(trail.receive_answer(url, answer, family="feed"))
