"""`tallytrail reparse`: what the world did, apart from what our reading changed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from crawler.cli import main
from crawler.reading import read
from crawler.sources import read_configuration
from storage.database import immediate, open_for_reading, open_for_writing
from storage.queries import Filter, log
from storage.receiving import Answer, receive
from storage.writing import register_source
from tests.test_log_integrity import hashes
from tests.trail import SECOND, THIRD, Page, Trail

NIGHT = datetime(2026, 11, 4, 1, tzinfo=UTC)
READS = {
    "office": {"is": "governor"},
    "state": {"is": "FL"},
    "candidates": "choices",
    "candidate": {"name": "Name", "votes": "Votes"},
}


def configured(folder: Path, reads: dict[str, Any] | None, name: str = "t.toml") -> Path:
    """A configuration of one source; without `reads` it has no parser."""
    path = folder / name
    path.write_text(
        'contact = "desk@example.com"\n[[source]]\nid = "county"\noutlet = "A County"\n'
        f'parser = "{"none" if reads is None else "declared"}"\nelection_date = 2026-11-03\n'
        + ("" if reads is None else f"reads = {_toml(reads)}\n")
    )
    return path


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items()) + " }"
    return json.dumps(value)


def received(database: Path, configuration: Path, *bodies: bytes | None) -> None:
    """Each of these came a minute after the one before, and was read; None: no answer came."""
    (source,) = read_configuration(configuration).sources
    connection = open_for_writing(database)
    with immediate(connection):
        register_source(
            connection,
            name=source.id,
            outlet=source.outlet,
            election_date=source.election_date,
            parser=source.parser_name,
            timezone=source.timezone,
        )
    for minute, body in enumerate(bodies):
        answer = Answer(fetched_at=NIGHT + timedelta(minutes=minute), failure="no answer")
        if body is not None:
            at = NIGHT + timedelta(minutes=minute)
            answer = Answer(fetched_at=at, status=200, wire=body, body=body)
        fetch = receive(
            connection,
            source=source.id,
            url="https://county.example/results.json",
            family="feed",
            answer=answer,
            parser=source.parser.NAME,
        )
        if source.parser_name != "none":
            read(connection, fetch, {source.id: source.parser})
    connection.close()


def document(ana: int, bo: int, **more: Any) -> bytes:
    people = [{"Name": "Ana Ruiz", "Votes": ana}, {"Name": "Bo Li", "Votes": bo}]
    return json.dumps({"choices": people, **more}).encode()


def reparsed(configuration: Path, database: Path, out: Path) -> Result:
    words = ["--config", configuration, "--db", database, "--out", out]
    return CliRunner().invoke(main, ["reparse", *map(str, words)])


def said(database: Path) -> list[tuple[Any, ...]]:
    connection = open_for_reading(database)
    try:
        return [
            (r.kind, r.race, r.candidate_name, r.field, r.old, r.new, r.fetch_before, r.fetch)
            for r in log(connection, Filter(first=True))
        ]
    finally:
        connection.close()


def test_the_same_reading_finds_the_same(tmp_path: Path) -> None:
    configuration, database, out = configured(tmp_path, READS), tmp_path / "t.db", tmp_path / "n.db"
    bodies = [document(1, 2), document(3, 2), document(3, 2), None, document(2, 5), b"no results"]
    received(database, configuration, *bodies)
    before = database.read_bytes()
    result = reparsed(configuration, database, out)
    assert result.output.splitlines() == [
        f"6 looks, read anew into {out}",
        f"1 of them are refused as a whole; 'tallytrail status --db {out}'",
        "3 changes are in both readings: what the world did",
        "0 in the earlier one only, 0 in today's only: what our reading changed",
    ]
    assert result.exit_code == 1
    assert database.read_bytes() == before
    assert said(out) == said(database)
    assert len(said(out)) == 5  # two first sights


def test_a_declaration_that_reads_more_tells_what_is_new(tmp_path: Path) -> None:
    configuration, database, out = configured(tmp_path, READS), tmp_path / "t.db", tmp_path / "n.db"
    bodies = [document(1, 2, eevp=10), document(3, 2, eevp=20), document(4, 2, eevp=20)]
    received(database, configuration, *bodies)
    more = configured(tmp_path, {**READS, "expected_vote_pct": "eevp"}, "more.toml")
    result = reparsed(more, database, out)
    assert result.exit_code == 0
    assert result.output.splitlines()[1:] == [
        "2 changes are in both readings: what the world did",
        "0 in the earlier one only, 1 in today's only: what our reading changed",
        "+ #2 2026-11-04T01:01:00.000Z expected_vote_changed governor/fl us/fl expected_vote_pct:"
        " 10.0 -> 20.0",
    ]


def test_a_declaration_that_was_wrong_tells_what_it_had_invented(tmp_path: Path) -> None:
    database, out = tmp_path / "t.db", tmp_path / "n.db"
    wrong = {**READS, "candidate": {"name": "Name", "votes": "Order"}}
    people = [[{"Name": "Ana Ruiz", "Votes": 10 * n, "Order": n} for n in (k,)] for k in (1, 2)]
    bodies = [json.dumps({"choices": p}).encode() for p in people]
    received(database, configured(tmp_path, wrong, "wrong.toml"), *bodies)
    result = reparsed(configured(tmp_path, READS), database, out)
    assert result.output.splitlines()[1:] == [
        "0 changes are in both readings: what the world did",
        "1 in the earlier one only, 1 in today's only: what our reading changed",
        "- #1 2026-11-04T01:01:00.000Z votes_increased governor/fl us/fl Ana Ruiz votes: 1 -> 2",
        "+ #1 2026-11-04T01:01:00.000Z votes_increased governor/fl us/fl Ana Ruiz votes: 10 -> 20",
    ]


def test_what_had_no_parser_is_read_when_it_has_one(tmp_path: Path) -> None:
    database, out = tmp_path / "t.db", tmp_path / "n.db"
    none = configured(tmp_path, None, "none.toml")
    received(database, none, document(1, 2), document(3, 2))
    assert "2 of them have no parser yet" in reparsed(none, database, tmp_path / "still.db").output
    result = reparsed(configured(tmp_path, READS), database, out)
    assert "0 in the earlier one only, 1 in today's only" in result.output
    assert [row[:6] for row in said(out)][-1] == (
        "votes_increased",
        "governor/fl",
        "Ana Ruiz",
        "votes",
        1,
        3,
    )


def test_stories_and_banners_are_read_anew_and_their_bytes_are_all_there(tmp_path: Path) -> None:
    database, out = tmp_path / "t.db", tmp_path / "n.db"
    trail = Trail(database)
    for page in (Page(), Page(banner=SECOND), Page(2, banner=SECOND), Page(banner=THIRD)):
        trail.look(page)
    trail.look_at("https://abcnews.go.com/story?id=3", b"<html>half a page")
    trail.close()
    configuration = tmp_path / "t.toml"
    configuration.write_text(
        'contact = "desk@example.com"\n[[source]]\nid = "abc-2024"\noutlet = "ABC News"\n'
        'parser = "abc"\nelection_date = 2024-11-05\n'
        'pages = ["https://abcnews.go.com/story?id=1000001"]\n'
    )
    assert reparsed(configuration, database, out).exit_code == 1  # half a page is refused
    assert said(out) == said(database)
    old, new = open_for_reading(database), open_for_reading(out)
    query = "SELECT sha256, content, base FROM body ORDER BY id"
    assert [tuple(r) for r in old.execute(query)] == [tuple(r) for r in new.execute(query)]
    assert all(has == must for has, must in hashes(new))
    assert new.execute("PRAGMA foreign_key_check").fetchall() == []
    old.close()
    new.close()


def test_whose_captures_they_were_is_kept(tmp_path: Path) -> None:
    configuration, database, out = configured(tmp_path, READS), tmp_path / "t.db", tmp_path / "n.db"
    folder = tmp_path / "history" / "county"
    folder.mkdir(parents=True)
    for minute, ana in enumerate((1, 4)):
        (folder / f"2026-11-04T01:0{minute}:00+00:00.json").write_bytes(document(ana, 2))
    words = ["--source", "county", "--config", configuration, "--db", database, "--by", "A Desk"]
    done = CliRunner().invoke(main, ["import", *map(str, (folder.parent, *words))])
    assert done.exit_code == 0, done.output
    assert reparsed(configuration, database, out).exit_code == 0
    assert said(out) == said(database)
    old, new = open_for_reading(database), open_for_reading(out)
    captures = [tuple(row) for row in old.execute("SELECT * FROM capture ORDER BY id")]
    assert len(captures) == 2
    assert [tuple(row) for row in new.execute("SELECT * FROM capture ORDER BY id")] == captures
    assert all(has == must for has, must in hashes(new))
    old.close()
    new.close()


def test_a_file_that_is_there_is_never_written_to(tmp_path: Path) -> None:
    configuration, database, out = configured(tmp_path, READS), tmp_path / "t.db", tmp_path / "n.db"
    received(database, configuration, document(1, 2))
    out.write_text("mine")
    result = reparsed(configuration, database, out)
    assert result.exit_code == 2
    assert f"{out} is there already" in result.output
    assert out.read_text() == "mine"


@pytest.mark.parametrize("content", [None, b"", b"no database at all" * 100])
def test_what_is_no_database_is_told(tmp_path: Path, content: bytes | None) -> None:
    database, out = tmp_path / "t.db", tmp_path / "n.db"
    if content is not None:
        database.write_bytes(content)
    result = reparsed(configured(tmp_path, READS), database, out)
    assert result.exit_code in (1, 2)
    assert "t.db" in result.output
    assert "Traceback" not in result.output
    assert not out.exists()


def test_a_declaration_that_names_races_otherwise_says_nothing_of_the_outlet(
    tmp_path: Path,
) -> None:
    """The race of the old name is no longer tracked; the page has not taken it away."""
    database = tmp_path / "t.db"
    named = {**READS, "office": {"is": "gov"}}
    received(database, configured(tmp_path, named, "old.toml"), document(1, 2))
    configuration = configured(tmp_path, READS)
    bodies = [document(n, 2) for n in range(3, 12)]
    received(database, configuration, document(2, 2), *bodies)
    connection = open_for_reading(database)
    kinds = {row[0] for row in said(database)}
    assert "race_removed" not in kinds
    reasons = [row["reason"] for row in connection.execute("SELECT reason FROM refusal")]
    assert reasons == []
    races = {row["race"] for row in connection.execute("SELECT race FROM results")}
    assert races == {"governor/fl"}
    connection.close()
