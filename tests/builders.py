"""States, stories and log rows for tests, with values for what a test does not care for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from storage.queries import LogRow
from storage.records import Article, RaceState, Tally

#: The outlet's time of a state where a test names no other.
NOON = datetime(2024, 11, 6, 12, 0, tzinfo=UTC)

CANDIDATES = ("harris", "oliver", "stein", "trump")


def tally(candidate: str, votes: int | None, electors: int | None = None) -> Tally:
    return Tally(candidate=candidate, name=candidate.title(), votes=votes, electoral_votes=electors)


def race(
    *tallies: Tally,
    updated: datetime | None = NOON,
    projection: str | None = None,
    expected: float | None = None,
    precincts: float | None = None,
) -> RaceState:
    return RaceState(
        race="president",
        place="us",
        source_updated_at=updated,
        tallies=tallies,
        projection=projection,
        expected_vote_pct=expected,
        precincts_pct=precincts,
    )


def counted(**votes: int | None) -> RaceState:
    """A race with these votes and nothing else."""
    return race(*(tally(candidate, number) for candidate, number in votes.items()))


def story(**readings: dict[str, str | None]) -> Article:
    """A story of which only the given fields are known, by the origins that tell them."""
    return Article(
        id="115724508", url="https://abcnews.go.com/story?id=1", section=None, readings=readings
    )


def log_row(**values: Any) -> LogRow:
    """A row of the log about a race of ABC News; `values` are the columns that matter."""
    row = LogRow(
        id=1,
        kind="votes_increased",
        flags=(),
        source="abc-2024",
        outlet="ABC News",
        election_date="2024-11-05",
        race="president",
        place="us",
        candidate=None,
        candidate_name=None,
        article=None,
        field="votes",
        old=None,
        new=None,
        delta=None,
        seen_after="2024-11-12T23:05:00.000Z",
        seen_at="2024-11-13T00:45:00.000Z",
        source_updated_at="2024-11-13T00:40:00.000Z",
        url="https://abcnews.go.com/US/slug/story?id=115724508",
        fetch_before=2,
        sha256_before="a" * 64,
        fetch=3,
        sha256="b" * 64,
    )
    return replace(row, **values)


#: Votes as published or not; small ones too, so that ties and equal values are common.
votes = st.none() | st.integers(0, 4) | st.integers(0, 300_000_000)
electors = st.none() | st.integers(0, 538)
#: Of the expected vote, of precincts: real ones have passed 100.
percents = st.none() | st.integers(0, 1010).map(lambda tenths: tenths / 10)


@st.composite
def race_states(draw: st.DrawFn) -> RaceState:
    """Any state of the race: candidates in any order, each figure published or not."""
    candidates = draw(st.lists(st.sampled_from(CANDIDATES), unique=True))
    return race(
        *(tally(c, draw(votes), draw(electors)) for c in candidates),
        projection=draw(st.sampled_from([None, *candidates])),
        expected=draw(percents),
        precincts=draw(percents),
    )
