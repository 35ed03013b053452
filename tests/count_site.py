"""A site whose count goes on, what the log must say of it, and how crawls of it are run.

What the log must say comes from the figures that the pages are made of: nothing here asks the
code under test.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = {
    # Not what the calling shell names, and no byte code, whose writing is none of the log's.
    **{name: value for name, value in os.environ.items() if not name.startswith("TALLYTRAIL")},
    "PYTHONPATH": str(ROOT),
    "PYTHONDONTWRITEBYTECODE": "1",
    "NO_COLOR": "1",
}
TALLYTRAIL = (sys.executable, "-m", "crawler.cli")

#: (story, stage): what one body shows.
Shown = tuple[int, int]
#: (look, story, field, candidate, kind, old, new): one row of the log; look counts from 1.
Row = tuple[int, int | None, str, str | None, str, Any, Any]


def race_at(stage: int) -> dict[tuple[str, str | None], Any]:
    """The figures of one stage: the count goes up, but down by a little at every fifth stage."""
    corrected = 5_000 if stage % 5 == 0 else 0
    return {
        ("votes", "harris"): 67_000_000 + 1_013 * stage - corrected,
        ("votes", "trump"): 71_000_000 + 1_009 * stage,
        ("electoral_votes", "harris"): 226,
        ("electoral_votes", "trump"): 312,
        ("expected_vote_pct", None): 50 + stage // 8,
        ("projection", "trump"): "trump" if stage >= 3 else None,
    }


def story_at(story: int, stage: int) -> dict[str, str]:
    """The texts of one story at one stage."""
    return {
        "headline": f"Count {story} goes on after edition {stage // 3} went to print",
        "dek": f"Clerks of county {story} explain what is left.",
        "body": f"LONDON -- The clerks counted all night.\n\nBatch {stage // 4} came at noon.",
    }


def page_of(story: int, stage: int, furniture: str = "") -> bytes:
    """The page of a story with the results banner above it; the furniture belongs to neither."""
    race, texts = race_at(stage), story_at(story, stage)
    hours, minutes = divmod(stage, 60)
    call = "Projection: Trump is President-elect"
    paragraphs = "".join(f"<p>{text}</p>" for text in texts["body"].split("\n\n"))
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8">
<title>{texts["headline"]} - ABC News</title></head><body class="page-prism-story">
<div class="k"><div>Your Voice Your Vote 2024</div><div><div>Live results</div>
<div>Updated: Nov. 12, {1 + hours}:{minutes:02} PM ET</div></div>
<div>National Election Results: presidential</div>
{f"<div>{call}</div>" if race["projection", "trump"] else ""}
<div><div><div>Harris</div><div>226</div><div>{race["votes", "harris"]:,}</div></div>
<div>270 to win</div>
<div><div>Trump</div><div>312</div><div>{race["votes", "trump"]:,}</div></div></div>
<div>Expected vote reporting: {race["expected_vote_pct", None]}%</div></div>
<main class="FITT_Article_main__body"><div data-testid="prism-headline">
<h1><span>{texts["headline"]}</span></h1><p>{texts["dek"]}</p></div>
<div data-testid="prism-byline"><div>November 11, 2024, 4:22 AM</div></div>
<div data-testid="prism-article-body">{paragraphs}</div></main>{furniture}</body></html>
""".encode()


def path_of(story: int) -> str:
    return f"/Politics/count-goes-on/story?id={115_800_000 + story}"


def expected_log(shown: Sequence[Shown]) -> tuple[Counter[Row], Counter[Row]]:
    """The changes and the first sights of these looks, read in this order.

    A banner older than one that was read before is stale, and no change.
    """
    changes: Counter[Row] = Counter()
    firsts: Counter[Row] = Counter()
    newest: int | None = None
    stories: dict[int, int] = {}
    for look, (story, stage) in enumerate(shown, start=1):
        race, texts = race_at(stage), story_at(story, stage)
        if newest is None:
            for (field, candidate), new in race.items():
                if new is not None:
                    firsts[look, None, field, candidate, "first", None, new] += 1
        elif stage > newest:
            for (field, candidate), new in race.items():
                old = race_at(newest)[field, candidate]
                if new != old:
                    kind = _kind(field, old, new)
                    changes[look, None, field, candidate, kind, old, new] += 1
        newest = max(stage, newest or stage)
        for field, text in texts.items():
            if story not in stories:
                firsts[look, story, field, None, "first", None, text] += 1
            elif (before := story_at(story, stories[story])[field]) != text:
                changes[look, story, field, None, f"{field}_changed", before, text] += 1
        stories[story] = stage
    return changes, firsts


def _kind(field: str, old: Any, new: Any) -> str:
    if field == "votes":
        return "votes_increased" if new > old else "votes_decreased"
    return {"expected_vote_pct": "expected_vote_changed", "projection": "projection_made"}[field]


def reading(database: Path) -> sqlite3.Connection:
    """The database as it is. Looking leaves no files behind, unless a crawl had left some."""
    whole = not database.with_name(f"{database.name}-wal").exists()
    mode = "mode=ro&immutable=1" if whole else "mode=ro"
    connection = sqlite3.connect(f"{database.as_uri()}?{mode}", uri=True)
    connection.row_factory = sqlite3.Row
    return connection


def shown_by(database: Path, bodies: dict[str, Shown]) -> list[Shown]:
    """What the received bodies show, in the order in which they were read."""
    with contextlib.closing(reading(database)) as connection:
        return [
            bodies[row["sha256"]]
            for row in connection.execute(
                "SELECT sha256 FROM link JOIN fetch ON fetch.id = link.fetch"
                " JOIN body ON body.id = fetch.body WHERE step = 'read' ORDER BY link.id"
            )
        ]


_ROWS = """
SELECT (SELECT count(*) FROM link AS earlier WHERE earlier.step = 'read'
          AND earlier.id <= link.id AND earlier.fetch IN (SELECT id FROM fetch WHERE body NOTNULL)
       ) AS look,
       article.key AS article, field, candidate_key.key AS candidate, {kind} AS kind, {old} AS old,
       new
  FROM {table} AS entry
  JOIN link ON link.fetch = entry.fetch AND link.step = 'read'
  LEFT JOIN article ON article.id = entry.article
  LEFT JOIN candidate_key ON candidate_key.candidate = entry.candidate
"""


def recorded_log(database: Path) -> tuple[Counter[Row], Counter[Row]]:
    """The changes and the first sights in the database; first sights of other texts left out."""

    def rows(table: str, kind: str, old: str) -> Counter[Row]:
        query = _ROWS.format(table=table, kind=kind, old=old)
        return Counter(
            (
                row["look"],
                row["article"] and int(row["article"]) - 115_800_000,
                row["field"],
                row["candidate"],
                row["kind"],
                row["old"],
                row["new"],
            )
            for row in connection.execute(query)
        )

    with contextlib.closing(reading(database)) as connection:
        changes = rows("change", "entry.kind", "entry.old")
        firsts = rows("first_sight", "'first'", "NULL")
    known = {"headline", "dek", "body"}
    return changes, Counter({r: n for r, n in firsts.items() if r[1] is None or r[2] in known})


def faults_of(database: Path, shown: Sequence[Shown]) -> Counter[str]:
    """How many rows of the log were lost, doubled and invented, given what the looks showed."""
    found: Counter[str] = Counter(lost=0, doubled=0, invented=0)
    for wanted, recorded in zip(expected_log(shown), recorded_log(database), strict=True):
        found["lost"] += (wanted - recorded).total()
        for row, count in (recorded - wanted).items():
            found["doubled" if row in wanted else "invented"] += count
    return found


NO_FAULTS = Counter(lost=0, doubled=0, invented=0)


def assert_sound(database: Path) -> None:
    """SQLite finds no damage, every fetch was read once, and the chain follows from the rows."""
    with contextlib.closing(reading(database)) as connection:
        assert [r[0] for r in connection.execute("PRAGMA integrity_check")] == ["ok"]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("SELECT 1 FROM fetch WHERE outcome IS NULL").fetchall() == []
        _assert_chained(connection)


def _assert_chained(connection: sqlite3.Connection) -> None:
    previous = "0" * 64
    steps: dict[int, list[str]] = {}
    for link in connection.execute("SELECT * FROM link ORDER BY id"):
        fetch = dict(
            connection.execute("SELECT * FROM fetch WHERE id = ?", (link["fetch"],)).fetchone()
        )
        steps.setdefault(link["fetch"], []).append(link["step"])
        content = (_received if link["step"] == "received" else _read)(connection, fetch)
        content |= {"fetch": link["fetch"], "step": link["step"]}
        text = json.dumps(
            {"content": content, "previous": previous}, sort_keys=True, separators=(",", ":")
        )
        previous = hashlib.sha256(text.encode("ascii")).hexdigest()
        assert link["hash"] == previous, f"{link['step']} of fetch {link['fetch']}"
    whole = {
        row["id"]: ["received"] if row["outcome"] == "failed" else ["received", "read"]
        for row in connection.execute("SELECT id, outcome FROM fetch")
    }
    assert steps == whole


def _received(connection: sqlite3.Connection, fetch: dict[str, Any]) -> dict[str, Any]:
    page = connection.execute(
        "SELECT source.name AS source, url, family FROM page JOIN source ON source.id = source"
        " WHERE page.id = ?",
        (fetch["page"],),
    ).fetchone()
    body = connection.execute("SELECT sha256 FROM body WHERE id IS ?", (fetch["body"],)).fetchone()
    came = ("asked_url", "asked_at", "fetched_at", "status", "headers", "wire_sha256", "wire_size")
    done = fetch["outcome"] if fetch["outcome"] == "failed" else None
    return {
        **{name: fetch[name] for name in came},
        "page": dict(page),
        "body": body and body["sha256"],
        "outcome": done,
        "reason": fetch["reason"] if done else None,
        "parser": fetch["parser"] if done else None,
    }


def _read(connection: sqlite3.Connection, fetch: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {name: fetch[name] for name in ("outcome", "reason", "parser")}
    for table in (
        "series",
        "label",
        "entry",
        "first_sight",
        "refusal",
        "article_version",
        "discovery",
        "note",
    ):
        names = ", ".join(r["name"] for r in connection.execute(f"PRAGMA table_info({table})"))
        rows = connection.execute(
            f"SELECT {names} FROM {table} WHERE fetch = ? ORDER BY id", (fetch["id"],)
        )
        content[table] = [list(row) for row in rows]
    return content


class CountSite:
    """The running site. Every answer of a story is another stage, unless it stands still."""

    def __init__(self, *, stories: int = 1, standing: bool = False) -> None:
        self.stage = 1
        self.standing = standing
        self.stories = range(1, stories + 1)
        self.furniture = ""
        #: Stories whose banner came without its title.
        self.damaged: frozenset[int] = frozenset()
        #: By SHA-256 of the body: what was sent for it.
        self.bodies: dict[str, Shown] = {}
        #: In order of sending.
        self.sent: list[Shown] = []
        #: While cleared, answers wait.
        self.answering = threading.Event()
        self.answering.set()
        self.asked = threading.Event()
        self._lock = threading.Lock()
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = site.body_for(self.path)
                with contextlib.suppress(ConnectionError):  # whoever asked was killed
                    self.send_response(404 if body is None else 200)
                    self.send_header("Content-Type", "text/html; charset=utf-8")
                    self.send_header("Content-Length", str(len(body or b"")))
                    self.end_headers()
                    self.wfile.write(body or b"")

            def log_message(self, format: str, *args: object) -> None:
                """Nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request: Any, client_address: Any) -> None:
                """Nothing: whoever asked was killed."""

        self._server = Server(("127.0.0.1", 0), Handler)

    def body_for(self, path: str) -> bytes | None:
        story = next((s for s in self.stories if path == path_of(s)), None)
        if story is None:
            return None
        self.asked.set()
        self.answering.wait(60)
        with self._lock:
            shown = (story, self.stage)
            self.stage += not self.standing
            body = page_of(*shown, furniture=self.furniture)
            if story in self.damaged:
                body = body.replace(b"Your Voice Your Vote", b"")
            self.bodies[hashlib.sha256(body).hexdigest()] = shown
            self.sent.append(shown)
        return body

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @contextlib.contextmanager
    def serving(self) -> Iterator[CountSite]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.answering.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()


class CountDesk:
    """A folder with a configuration for a site, and its database."""

    def __init__(self, folder: Path, site: CountSite, every: str = "5m") -> None:
        self.folder = folder
        self.database = folder / "t.db"
        self.configuration = folder / "t.toml"
        self.site = site
        pages = json.dumps([site.address + path_of(story) for story in site.stories])
        self.configuration.write_text(
            f'contact = "desk@localhost"\nevery = "{every}"\ndelay = 0\n[[source]]\nid = "abc"\n'
            f'outlet = "ABC News"\nparser = "abc"\nelection_date = 2024-11-05\npages = {pages}\n',
            "utf-8",
        )

    @property
    def files(self) -> list[str]:
        return ["--config", str(self.configuration), "--db", str(self.database)]

    def command(self, *before: str) -> list[str]:
        return [*before, *TALLYTRAIL, "crawl", *self.files]

    def crawl(self, *before: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run one crawl to its end; `before` are the words of a command that runs it."""
        return subprocess.run(
            self.command(*before),
            cwd=ROOT,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def start(self) -> subprocess.Popen[str]:
        """Start one crawl, and leave it running."""
        return subprocess.Popen(
            self.command(),
            cwd=ROOT,
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def state(self) -> dict[str, bytes]:
        """The database's own files, byte by byte."""
        return {p.name: p.read_bytes() for p in self.folder.glob("t.db*") if p.suffix != ".lock"}

    def assert_nothing_is_left_over(self) -> None:
        """No temporary file, and nobody holds the lock."""
        assert {p.name for p in self.folder.iterdir()} <= {"t.db", "t.db.lock", "t.toml"}
        lock = self.folder / "t.db.lock"
        if lock.exists():
            with lock.open() as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises when it is taken

    def assert_log_is_true(self) -> None:
        """The log says what the received bodies say, no more and no less, and is sound."""
        assert_sound(self.database)
        shown = shown_by(self.database, self.site.bodies)
        assert faults_of(self.database, shown) == NO_FAULTS


def assert_fine(run: subprocess.CompletedProcess[str]) -> None:
    """Exit code 0, and not a word."""
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def lines(run: subprocess.CompletedProcess[str]) -> list[str]:
    """What the run said on stderr; it must not have said anything on stdout."""
    assert run.stdout == ""
    return run.stderr.splitlines()
