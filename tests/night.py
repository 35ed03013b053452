"""An election night as a results feed tells it, recorded from states of ours without a parser."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from storage.current import current_races
from storage.database import immediate
from storage.entries import Entries
from storage.places import STATES
from storage.recording import record_snapshot
from storage.records import RaceState, Snapshot, Tally
from storage.writing import finish, look
from tests.trail import Trail, whole

MAPS = "https://assets-cdn.abcnews.com/elections/national/2024/general/v1/maps/"
ELECTORAL = f"{MAPS}electoral.json"
SENATE = f"{MAPS}senate.json"

#: 10 PM Eastern on election day.
TEN_PM = datetime(2024, 11, 6, 3, 0, tzinfo=UTC)
LAST_CLOSE = datetime(2024, 11, 6, 1, 0, tzinfo=UTC)


def candidates(*figures: tuple[str, str, int | None]) -> tuple[Tally, ...]:
    """Tallies of these ids, names and votes."""
    return tuple(
        Tally(candidate=key, name=name, votes=votes, last_name=name.lower().split()[-1])
        for key, name, votes in figures
    )


def two(harris: int | None, trump: int | None) -> tuple[Tally, ...]:
    return candidates(("64984", "Harris", harris), ("8639", "Trump", trump))


def state(
    place: str,
    tallies: Sequence[Tally],
    *,
    race: str = "president",
    name: str | None = None,
    pct: float | None = None,
    called: str | None = None,
    runoff: Sequence[str] = (),
    status: str | None = "POLLS_CLOSED",
    updated: datetime = TEN_PM,
) -> RaceState:
    """A race in a place. name: of the place; of a state, the one that it has."""
    code = place.partition("/")[2]
    return RaceState(
        race=race,
        place=place,
        place_name=name or STATES.get(code) or ("United States" if place == "us" else None),
        source_updated_at=updated,
        tallies=tuple(tallies),
        projection=called,
        runoff=frozenset(runoff),
        expected_vote_pct=pct,
        status=status,
        last_close_at=LAST_CLOSE,
    )


def shows(
    trail: Trail, url: str, *races: RaceState, minutes: float = 1, unknown: Sequence[str] = ()
) -> Entries:
    """One look at a page of the feed that shows these races."""
    trail.now += timedelta(minutes=minutes)
    body = json.dumps([str(races), trail.now.isoformat()]).encode()
    fetch = trail.receive_answer(url, whole(body), minutes=0, family="feed")
    with immediate(trail.connection):
        about = look(trail.connection, fetch)
        snapshot = Snapshot(races=races, id_scheme="ap", unknown=tuple(unknown))
        entries = record_snapshot(trail.connection, about, snapshot, "abc 1")
        if entries.good:
            current_races(trail.connection).saw(about.page, about.fetch)
        finish(
            trail.connection,
            about,
            outcome="new" if entries.good else "refused",
            reason=None if entries.good else "; ".join(r.reason for r in entries.refusals),
            parser="abc 1",
            settled=not entries.refusals,
            rows=entries.rows,
        )
    return entries
