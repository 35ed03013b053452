"""Outlets side by side: who called a race first, and what became of each call."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from crawler.parsers.declaration import declaration
from crawler.parsers.declared import Declared
from crawler.reading import read
from storage.database import immediate, open_for_writing
from storage.receiving import Answer, receive
from storage.writing import register_source

READS = {
    "office": {"is": "senate"},
    "state": {"is": "AZ"},
    "candidates": "people",
    "candidate": {"name": "name", "votes": "votes", "winner": "won"},
}
PARSER = Declared(declaration(READS, ZoneInfo("UTC")), "own")
NIGHT = datetime(2024, 11, 6, 4, tzinfo=UTC)


class Desk:
    """Several outlets in one database."""

    def __init__(self, path: Path, *outlets: str) -> None:
        self.connection = open_for_writing(path)
        with immediate(self.connection):
            for outlet in outlets:
                register_source(
                    self.connection,
                    name=outlet.lower(),
                    outlet=outlet,
                    election_date=date(2024, 11, 5),
                    parser="declared",
                    timezone="UTC",
                )

    def look(self, outlet: str, minute: float, called: str | None, votes: int = 10) -> None:
        people = [
            {"name": name, "votes": votes, "won": name == called}
            for name in ("Ruben Gallego", "Kari Lake")
        ]
        body = json.dumps({"people": people}).encode()
        fetch = receive(
            self.connection,
            source=outlet.lower(),
            url=f"https://{outlet.lower()}.example/az",
            family="feed",
            answer=Answer(
                fetched_at=NIGHT + timedelta(minutes=minute), status=200, wire=body, body=body
            ),
        )
        reading = read(self.connection, fetch, {outlet.lower(): PARSER})
        assert not reading.refusals

    def ledger(self, *columns: str) -> list[tuple[Any, ...]]:
        rows = self.connection.execute(f"SELECT {', '.join(columns)} FROM call_ledger")
        return [tuple(row) for row in rows]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "t.db", "North", "South")
    yield desk
    desk.connection.close()


def test_the_first_caller_is_named_and_how_far_the_other_may_have_been_behind(desk: Desk) -> None:
    for minute, north, south in (
        (0, None, None),
        (10, "Ruben Gallego", None),
        (20, "Ruben Gallego", "Ruben Gallego"),
    ):
        desk.look("North", minute, north, votes=10 + minute)
        desk.look("South", minute + 1, south, votes=10 + minute)
    assert desk.ledger("outlet", "candidate_name", "kind", "seen_after", "seen_at") == [
        (
            "North",
            "Ruben Gallego",
            "projection_made",
            "2024-11-06T04:00:00.000Z",
            "2024-11-06T04:10:00.000Z",
        ),
        (
            "South",
            "Ruben Gallego",
            "projection_made",
            "2024-11-06T04:11:00.000Z",
            "2024-11-06T04:21:00.000Z",
        ),
    ]
    # North between 0 and 10, South between 11 and 21: 1 to 21 minutes apart.
    assert desk.ledger("lag_seconds_least", "lag_seconds_most") == [(0, 0), (60.0, 1260.0)]
    assert (
        desk.ledger("race", "place", "election_date", "ended_by")
        == [("senate/az", "us/az", "2024-11-05", None)] * 2
    )


def test_calls_that_may_have_been_made_in_either_order_are_not_put_into_one(desk: Desk) -> None:
    desk.look("North", 0, None)
    desk.look("South", 1, None)
    desk.look("South", 9, "Kari Lake")
    desk.look("North", 10, "Kari Lake")
    assert desk.ledger("outlet", "lag_seconds_least", "lag_seconds_most") == [
        ("South", 0, 0),
        ("North", 0, 540.0),
    ]


def test_a_call_that_was_taken_back_or_changed_says_when(desk: Desk) -> None:
    desk.look("North", 0, None)
    desk.look("North", 5, "Kari Lake")
    desk.look("North", 10, "Ruben Gallego")
    desk.look("North", 15, None, votes=11)
    assert desk.ledger("candidate_name", "kind", "ended_by", "ended_after", "ended_at") == [
        (
            "Kari Lake",
            "projection_made",
            "projection_changed",
            "2024-11-06T04:05:00.000Z",
            "2024-11-06T04:10:00.000Z",
        ),
        (
            "Ruben Gallego",
            "projection_changed",
            "projection_retracted",
            "2024-11-06T04:10:00.000Z",
            "2024-11-06T04:15:00.000Z",
        ),
    ]


def test_a_call_that_was_there_at_our_first_look_has_no_known_lag(desk: Desk) -> None:
    desk.look("North", 0, None)
    desk.look("North", 5, "Kari Lake")
    desk.look("South", 7, "Kari Lake")
    assert desk.ledger("outlet", "kind", "lag_seconds_least", "lag_seconds_most") == [
        ("North", "projection_made", 0, 0),
        ("South", "first", None, 420.0),
    ]


def test_the_ledger_is_of_all_races_and_tells_sources_apart(desk: Desk) -> None:
    desk.look("North", 0, "Kari Lake")
    desk.look("South", 1, "Ruben Gallego")
    assert desk.ledger("source", "candidate_name") == [
        ("north", "Kari Lake"),
        ("south", "Ruben Gallego"),
    ]


def test_the_ledger_is_empty_without_a_call(desk: Desk) -> None:
    desk.look("North", 0, None)
    assert desk.ledger("race") == []
