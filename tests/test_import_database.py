"""`tallytrail import` of another TallyTrail database."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from storage.receiving import Answer
from tests.histories import Desk, tables
from tests.test_log_integrity import full_night, hashes
from tests.trail import START, Page, opened, whole

STORIES = [Page(number).url for number in (1, 2, 3)]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path / "desk", STORIES)
    text = (desk.folder / "tallytrail.toml").read_text("utf-8")
    (desk.folder / "tallytrail.toml").write_text(
        text.replace('"abc"\n', '"abc-2024"\n', 1), "utf-8"
    )
    return desk


def run(desk: Desk, path: Path, *more: str) -> tuple[int, list[str]]:
    done = desk.run(path, "--source", "abc-2024", *more)
    return done.code, done.told


@pytest.fixture(scope="module")
def night_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("night") / "night.db"
    with opened(path) as trail:
        full_night(trail)
    return path


def evidence(database: Path) -> list[tuple[object, ...]]:
    """Of each look what came and what came of it, in order."""
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(
            "SELECT url, family, asked_at, fetched_at, status, headers, sha256, wire_sha256,"
            " wire_size, outcome, reason, fetch.parser FROM fetch JOIN page ON page.id = fetch.page"
            " LEFT JOIN body ON body.id = fetch.body ORDER BY fetch.id"
        ).fetchall()


def test_every_look_comes_over_with_its_bytes_headers_times_and_status(
    desk: Desk, night_file: Path
) -> None:
    """Also those that failed, were refused, not modified, or not read yet; and feeds of stories."""
    code, told = run(desk, night_file)
    assert code == 1
    assert all("Traceback" not in line for line in told)
    before, after = evidence(night_file), evidence(desk.database)
    assert {row[4] for row in before} >= {200, 304, 503}
    # The last one was not read over there.
    assert [row[:9] for row in after] == [row[:9] for row in before]
    assert [row[9:] for row in after[:-1]] == [row[9:] for row in before[:-1]]
    assert (before[-1][9], after[-1][9]) == (None, "new")
    log = "change", "first_sight", "article_version", "discovery", "refusal", "note"
    theirs, ours = tables(night_file), tables(desk.database)
    for name in log[1:]:
        mine = [row for row in ours[name] if row["fetch"] != len(after)]
        assert mine == theirs[name], name
    names = [row["name"] for row in ours["capture"]]
    assert names == [str(row["id"]) for row in theirs["fetch"]]
    assert {row["origin"] for row in ours["capture"]} == {f"database {theirs['link'][0]['hash']}"}
    with closing(sqlite3.connect(desk.database)) as connection:
        assert all(has == must for has, must in hashes(connection))


def test_importing_again_changes_nothing_and_a_database_that_has_grown_adds_to_it(
    desk: Desk, night_file: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copy(night_file, tmp_path / "copy.db"))
    run(desk, night_file)
    before = desk.tables()
    assert run(desk, copy) == (0, [])
    assert desk.tables() == before
    with opened(copy) as trail:
        trail.now = START + timedelta(hours=2)
        trail.look(Page(1, banner=None))
    assert run(desk, copy)[0] in (0, 1)
    assert evidence(desk.database)[-1][:9] == evidence(copy)[-1][:9]
    assert len(evidence(desk.database)) == len(evidence(copy))


def test_the_time_of_the_request_is_kept(desk: Desk, tmp_path: Path) -> None:
    asked = datetime.fromisoformat("2024-11-14T12:00:30+00:00")
    with opened(tmp_path / "one.db") as trail:
        answer = whole(Page(1).html())
        trail.read(
            trail.receive_answer(
                Page(1).url,
                replace(answer, asked_at=asked, headers=[("ETag", '"x"')]),
            )
        )
    run(desk, tmp_path / "one.db")
    (row,) = desk.rows("SELECT asked_at, fetched_at, headers FROM fetch")
    assert row == {
        "asked_at": "2024-11-14T12:00:30.000Z",
        "fetched_at": "2024-11-14T12:01:00.000Z",
        "headers": '[["ETag", "\\"x\\""]]',
    }


def test_a_look_without_an_answer_stays_one(desk: Desk, tmp_path: Path) -> None:
    with opened(tmp_path / "one.db") as trail:
        failure = Answer(fetched_at=trail.now, failure="no answer: timeout")
        trail.read(trail.receive_answer(Page(1).url, failure))
    code, told = run(desk, tmp_path / "one.db")
    assert code == 1
    assert "no answer: timeout; nothing was recorded, the history has it so" in told[0]
    assert evidence(desk.database) == evidence(tmp_path / "one.db")


def test_the_only_source_is_meant_where_none_has_the_id(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "one.db"
    with opened(path) as trail:
        trail.look(Page(1))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE source SET name = 'other'")
        connection.commit()
    assert run(desk, path)[0] == 0
    assert len(evidence(desk.database)) == 1
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "INSERT INTO source SELECT 7, 'third', outlet, election, parser, timezone, families"
            " FROM source"
        )
        connection.commit()
    code, (line,) = run(desk, path, "--db", "x.db")
    assert code == 2
    assert "'abc-2024'; there is other, third" in line
    assert not (desk.folder / "x.db").exists()


def test_a_database_is_not_imported_into_itself(desk: Desk) -> None:
    with opened(desk.database) as trail:
        trail.look(Page(1))
    before = desk.tables()
    code, (line,) = run(desk, desk.database)
    assert code == 2
    assert "itself" in line
    assert desk.tables() == before


def test_a_database_that_is_damaged_or_another_program_s_is_told(
    desk: Desk, night_file: Path, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE t (x)")
    code, (line,) = run(desk, tmp_path / "other.db")
    assert code == 2
    assert "not a TallyTrail database" in line
    copy = Path(shutil.copy(night_file, tmp_path / "copy.db"))
    with closing(sqlite3.connect(copy)) as connection:
        for trigger in ("body_no_update", "fetch_read_once"):
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("UPDATE body SET content = x'00' WHERE id = 5")
        connection.commit()
    code, told = run(desk, copy)
    assert code == 1
    assert "body 5 is damaged" in told[-1] or "damaged" in told[-1]
    reached = len(evidence(desk.database))
    assert 0 < reached < len(evidence(night_file))
    assert [r[:9] for r in evidence(desk.database)] == [
        r[:9] for r in evidence(night_file)[:reached]
    ]


def test_headers_that_are_none_and_bodies_that_are_missing_are_no_tracebacks(
    desk: Desk, tmp_path: Path
) -> None:
    for number, change in enumerate(
        ["headers = '{'", "headers = '[1]'", "headers = NULL", "body = NULL", "fetched_at = 'x'"]
    ):
        path = tmp_path / f"{number}.db"
        with opened(path) as trail:
            trail.look(Page(1))
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("DROP TRIGGER fetch_read_once")
            connection.execute("PRAGMA ignore_check_constraints = ON")
            connection.execute(f"UPDATE fetch SET {change}")
            connection.commit()
        code, told = run(desk, path, "--db", f"{number}.db")
        assert code == 1, change
        assert len(told) == 1, told
