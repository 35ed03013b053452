"""A million changes: pages and questions end within the second that Datasette gives their SQL."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.browse.server import metadata
from tests.desk import BIN
from tests.million import EACH, LOOKS, million
from tests.served import Served, serving

pytestmark = [pytest.mark.deep, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("million") / "big.db"
    million(path)
    return path


@pytest.fixture(scope="module")
def served(database: Path) -> Iterator[Served]:
    with serving(database) as served:
        yield served


ALL = metadata("big")["databases"]["big"]
PATHS = [
    "/",
    "/-/change/500000",
    "/big",
    "/big/change_log?_sort_desc=id",
    "/big/change_log?kind=votes_decreased",
    "/big/change?_facet=kind",
    "/big/what_changed?since=2024-11-06T03:00Z&until=2024-11-06T03:30Z",
    "/big/state_as_of?moment=2024-11-06T08:00Z",
    *(f"/big/{name}" for name in (*ALL["tables"], *ALL["queries"])),
]


@pytest.mark.parametrize("path", PATHS)
def test_it_opens_and_no_sql_of_it_is_cut_off(served: Served, path: str) -> None:
    began = time.monotonic()
    text = served.text(path)
    print(f"{path}: {time.monotonic() - began:.2f} s")
    assert "timed out" not in text
    assert "Interrupted" not in text


def test_the_report_tells_of_all_of_them(database: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    began = time.monotonic()
    subprocess.run([BIN / "tallytrail", "report", "--db", database, "--out", out], check=True)
    print(f"report: {time.monotonic() - began:.0f} s")
    with (out / "changes.jsonl").open() as file:
        assert sum(1 for _ in file) == LOOKS * EACH + 1
    assert (out / "index.html").stat().st_size < 5_000_000
