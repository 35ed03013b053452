"""Histories that others recorded of a real election night, imported whole."""

from __future__ import annotations

import subprocess
import tarfile
from collections import Counter
from pathlib import Path

import pytest

from crawler.importing import import_history
from crawler.parsers import abc
from storage.records import Snapshot
from tests.histories import Desk

DATA = Path(__file__).parents[2] / "shared" / "data"

pytestmark = [pytest.mark.data, pytest.mark.timeout(300)]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """With a parser that takes every file, and finds nothing in it."""
    known = abc.family_of

    def family_of(url: str) -> str | None:
        return "feed" if url.startswith("import:") else known(url)

    def parse(*_: object, **__: object) -> Snapshot:
        return Snapshot(races=())

    monkeypatch.setattr(abc, "family_of", family_of)
    monkeypatch.setattr(abc, "parse", parse)
    return Desk(tmp_path / "desk")


def imported(desk: Desk, path: Path) -> int:
    return import_history(
        path,
        "abc",
        configuration=desk.folder / "tallytrail.toml",
        database=desk.database,
        show=lambda _: None,
    )


def test_every_version_of_a_repository_is_a_look_at_its_time(desk: Desk, tmp_path: Path) -> None:
    bundle = DATA / "ap-2022-raw.bundle"
    subprocess.run(["git", "clone", "-q", "--bare", bundle, tmp_path / "clone"], check=True)
    log = subprocess.run(
        ["git", "log", "--reverse", "--format=%cI", "--name-only"],
        cwd=tmp_path / "clone",
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert imported(desk, bundle) == 0
    captures = desk.captures()
    assert len(captures) == 4_862
    told = [
        (f"import:{path}", at.replace("+00:00", ".000Z"))
        for at, path in zip(log[::2], log[1::2], strict=True)
    ]
    assert [capture[:2] for capture in captures] == told
    before = desk.tables()
    assert imported(desk, tmp_path / "clone") == 0
    assert desk.tables() == before


def test_every_member_of_an_archive_is_a_look_at_its_time(desk: Desk) -> None:
    archive = DATA / "california-2022-raw.tar.xz"
    assert imported(desk, archive) == 0
    captures = desk.captures()
    with tarfile.open(archive) as members:
        names = [name.rpartition("/") for name in members.getnames()]
    assert len(captures) == 810
    assert Counter(url for url, *_ in captures) == Counter(f"import:{page}" for page, *_ in names)
    assert len({url for url, *_ in captures}) == 5
    times = [at for _, at, _ in captures]
    assert times == sorted(times)
    before = desk.tables()
    assert imported(desk, archive) == 0
    assert desk.tables() == before
