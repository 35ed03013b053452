"""Histories as others record them, made by the tests, and a desk that imports them."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from crawler.parsers import PARSERS
from crawler.reading import read
from storage.database import immediate, open_for_writing
from storage.receiving import Answer, receive
from storage.writing import register_source
from tests.desk import BIN
from tests.feed_pages import Person, StateRace, as_body, governor_file, senate_file

MAPS = "https://feed.example.org/elections/national/2024/general/v1/maps"
SENATE, GOVERNOR = "maps/senate.json", "maps/governor.json"
NINE_PM = datetime(2024, 11, 6, 2, 0, tzinfo=UTC)


def minute(number: float) -> datetime:
    """So many minutes after 9 PM Eastern on election day."""
    return NINE_PM + timedelta(minutes=number)


def votes(path: str, number: int, *, at: int = 0) -> bytes:
    """The file at that path with so many votes for the first of two candidates.

    at: the minute of the outlet's own clock.
    """
    people = (Person(1, "Ana", "Ruiz", votes=number), Person(2, "Bo", "Lee", votes=2_000))
    race = StateRace("az", people, pct=50, updated=minute(at))
    return as_body((senate_file if path == SENATE else governor_file)(race))


@dataclass(frozen=True)
class Shown:
    """What a page showed at a time. path: below the feed's folder."""

    path: str
    at: datetime
    body: bytes


def night(minutes: int = 6) -> list[Shown]:
    """Two pages that move in turn, a minute apart."""
    paths = [SENATE, GOVERNOR]
    return [
        Shown(paths[n % 2], minute(n), votes(paths[n % 2], 1_000 + 10 * n, at=n))
        for n in range(minutes)
    ]


class Repository:
    """A git repository of the test's, with a clock of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "-q", "-b", "main", *options)

    def git(self, *words: str | bytes, at: datetime = NINE_PM, given: bytes | None = None) -> str:
        stamp = f"{int(at.timestamp())} +0000"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org",
            "GIT_COMMITTER_NAME": "c", "GIT_COMMITTER_EMAIL": "c@example.org",
            # The two differ in all histories here, so that the wrong one would show.
            "GIT_AUTHOR_DATE": "1000000000 +0000", "GIT_COMMITTER_DATE": stamp,
        }  # fmt: skip
        done = subprocess.run(
            ["git", *words],
            cwd=self.folder,
            env=environment,
            input=given,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.decode("utf-8", "replace").strip()

    def commit(self, files: Mapping[str | bytes, bytes | None], at: datetime) -> str:
        """Commit files with these contents; None deletes one. Returns the commit's hash."""
        for name, content in files.items():
            path = os.path.join(os.fsencode(self.folder), os.fsencode(name))
            if content is None:
                os.unlink(path)
                continue
            os.makedirs(os.path.dirname(path), exist_ok=True)
            Path(os.fsdecode(path)).write_bytes(content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "capture", at=at)
        return self.git("rev-parse", "HEAD")

    def record(self, shown: Iterable[Shown]) -> list[str]:
        """A commit for each."""
        return [self.commit({one.path: one.body}, one.at) for one in shown]


class Desk:
    """A folder with a configuration and a database, into which histories are imported."""

    def __init__(self, folder: Path, pages: Sequence[str] | None = None) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.database = folder / "tallytrail.db"
        self.configure([f"{MAPS}/senate.json", f"{MAPS}/governor.json"] if pages is None else pages)

    def configure(self, pages: Sequence[str], *more: str) -> None:
        (self.folder / "tallytrail.toml").write_text(
            "\n".join(
                [
                    'contact = "desk@example.org"\n[[source]]\nid = "abc"\noutlet = "ABC News"',
                    'parser = "abc"\nelection_date = 2024-11-05',
                    f"pages = {json.dumps(list(pages))}",
                    *more,
                ]
            ),
            "utf-8",
        )

    def command(self, path: Path | str, *more: str) -> list[str]:
        return [str(BIN / "tallytrail"), "import", str(path), "--source", "abc", *more]

    def run(self, path: Path | str, *more: str, **environment: str) -> Done:
        done = subprocess.run(
            self.command(path, *more),
            cwd=self.folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=100,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr.splitlines())

    def imports(self, path: Path | str, *more: str) -> Done:
        """An import of which nothing may be told but what it brought."""
        done = self.run(path, *more)
        assert (done.code, done.told) == (0, [])
        return done

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self.database)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query, values)]

    def captures(self) -> list[tuple[str, str, str]]:
        """Address, time and SHA-256 of each imported look, in the order of the log."""
        rows = self.rows(
            "SELECT url, fetched_at, sha256 FROM capture JOIN fetch ON fetch.id = capture.fetch"
            " JOIN page ON page.id = fetch.page LEFT JOIN body ON body.id = body ORDER BY fetch.id"
        )
        return [(row["url"], row["fetched_at"], row["sha256"]) for row in rows]

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        return tables(self.database)


@dataclass(frozen=True)
class Done:
    """How a command ended: exit code, stdout, and the lines of stderr."""

    code: int
    out: str
    told: list[str]


def tables(database: Path) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables."""
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        names = [
            row["name"]
            for row in connection.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '%sqlite%'"
            )
        ]
        return {
            name: [dict(row) for row in connection.execute(f"SELECT * FROM {name} ORDER BY id")]
            for name in names
        }


def by_hand(database: Path, shown: Iterable[Shown], families: Sequence[str] = ("feed",)) -> None:
    """The same bodies received and read at the same times, without any import."""
    with closing(open_for_writing(database)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        with immediate(connection):
            register_source(
                connection,
                name="abc",
                outlet="ABC News",
                election_date=date(2024, 11, 5),
                parser="abc",
                timezone="America/New_York",
                families=families,
            )
        for one in shown:
            fetch = receive(
                connection,
                source="abc",
                url=MAPS.removesuffix("maps") + one.path,
                family="feed",
                answer=Answer(fetched_at=one.at, status=200, wire=one.body, body=one.body),
                parser=PARSERS["abc"].NAME,
            )
            read(connection, fetch)


def without_origin(found: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Tables without what an import adds: whose captures they are, and so the chain's hashes."""
    left = {name: rows for name, rows in found.items() if name != "capture"}
    drop = {"link": {"hash"}, "page": {"knowledge"}}
    return {
        name: [{k: v for k, v in row.items() if k not in drop.get(name, ())} for row in rows]
        for name, rows in left.items()
    }


def expected(shown: Iterable[Shown]) -> list[tuple[str, str, str]]:
    """What `Desk.captures` must give of these looks."""
    return [
        (
            MAPS.removesuffix("maps") + one.path,
            one.at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{one.at.microsecond // 1000:03}Z",
            hashlib.sha256(one.body).hexdigest(),
        )
        for one in shown
    ]
