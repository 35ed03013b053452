"""What the log keeps as numbers, put together again by the view `change`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.database import immediate
from tests.trail import FIRST, Banner, Page, Trail

AGAIN = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def trail(tmp_path: Path) -> Iterator[Trail]:
    """A log with one look at which the expected vote rose."""
    trail = Trail(tmp_path / "t.db")
    trail.look(Page())
    trail.look(Page(banner=Banner(minute=30, figures=FIRST.figures, expected=91)))
    yield trail
    trail.close()


def _put_together(
    connection: sqlite3.Connection, column: str, columns: str, rows: Sequence[tuple[object, ...]]
) -> list[object]:
    """The column of `change` for each of these entries, which are in the log no more afterwards."""
    marks = ", ".join("?" * len(columns.split(",")))
    (last,) = connection.execute("SELECT max(id) FROM entry").fetchone()
    try:
        with immediate(connection):
            connection.executemany(
                f"INSERT INTO entry (series, label, before_fetch, fetch, {columns})"
                f" VALUES (1, 1, 1, 2, {marks})",
                rows,
            )
            found = connection.execute(
                f"SELECT {column} FROM change WHERE id > ? ORDER BY id", (last,)
            ).fetchall()
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        return [row[0] for row in found]


INSTANTS = st.datetimes(
    datetime(1971, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    datetime(2199, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(st.lists(INSTANTS, min_size=1, max_size=500))
@AGAIN
def test_the_outlet_s_time_comes_back_to_the_millisecond(
    trail: Trail, moments: list[datetime]
) -> None:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    kept = [((m - epoch) // timedelta(milliseconds=1),) for m in moments]
    texts = _put_together(trail.connection, "source_updated_at", "source_updated_ms", kept)
    assert texts == [f"{m:%Y-%m-%dT%H:%M:%S}.{m.microsecond // 1000:03}Z" for m in moments]


COUNTS = st.integers(0, 300_000_000)
PERCENTS = st.decimals(0, 200, places=2)


@given(st.lists(st.tuples(COUNTS, COUNTS), min_size=1), st.lists(st.tuples(PERCENTS, PERCENTS)))
@AGAIN
def test_what_moved_is_the_difference_of_what_is_printed(
    trail: Trail, counts: list[tuple[int, int]], percents: list[tuple[Decimal, Decimal]]
) -> None:
    kept = [*counts, *((float(old), float(new)) for old, new in percents)]
    deltas = _put_together(trail.connection, "delta", "old, new", kept)
    whole, rest = deltas[: len(counts)], deltas[len(counts) :]
    assert whole == [new - old for old, new in counts]
    assert all(type(delta) is int for delta in whole)
    assert rest == [float(new - old) for old, new in percents]


@pytest.mark.parametrize(
    ("old", "new"),
    [(None, 5), (5, None), (None, None), ("trump", "harris"), (None, "trump"), ("10", "9")],
)
def test_what_is_no_pair_of_numbers_has_no_difference(
    trail: Trail, old: object, new: object
) -> None:
    assert _put_together(trail.connection, "delta", "old, new", [(old, new)]) == [None]


def test_what_is_said_again_is_kept_once(trail: Trail) -> None:
    for minute, expected in ((35, 92), (40, 93), (45, 94)):
        banner = Banner(minute=minute, figures=FIRST.figures, expected=expected)
        assert len(trail.look(Page(banner=banner)).changes) == 1
    tables = {name: len(trail.table(name)) for name in ("entry", "series", "label")}
    assert tables == {"entry": 4, "series": 1, "label": 1}


def test_what_is_said_again_is_kept_once_by_several_writers(tmp_path: Path) -> None:
    for minute, expected in ((30, 91), (35, 92), (40, 93)):
        trail = Trail(tmp_path / "t.db")
        if expected == 91:
            trail.look(Page())
        banner = Banner(minute=minute, figures=FIRST.figures, expected=expected)
        assert len(trail.look(Page(banner=banner)).changes) == 1
        tables = {name: len(trail.table(name)) for name in ("series", "label")}
        assert tables == {"series": 1, "label": 1}
        trail.close()
