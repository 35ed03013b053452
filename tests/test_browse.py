"""`tallytrail serve`: Datasette over the live database, read-only and within limits."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shlex
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.error import URLError
from urllib.parse import quote

import pytest
from bs4 import BeautifulSoup

from storage.browse.server import metadata
from storage.database import open_for_writing
from storage.evidence import chain_head
from storage.receiving import Answer
from tests import night
from tests.desk import BIN
from tests.served import Served, serving
from tests.trail import FIRST, START, Banner, Page, Story, Trail, instant_of, opened

QUESTIONS = sorted(metadata("x")["databases"]["x"]["queries"])


@pytest.fixture(scope="module")
def trail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trail]:
    """A night: a rise, two falls, a call taken back, an edited story, a damaged banner."""
    with opened(tmp_path_factory.mktemp("browse") / "night.db") as trail:
        page = Page()
        trail.look(page)
        trail.look(Page(banner=FIRST.later(30, Harris=(226, 67_500_000))))
        # Harris loses what Trump gains; then Trump loses some, and has it back five minutes later.
        trail.look(Page(banner=FIRST.later(40, Harris=(226, 67_499_000), Trump=(294, 72_192_978))))
        trail.look(Page(banner=FIRST.later(50, Harris=(226, 67_499_000), Trump=(294, 72_192_878))))
        trail.look(
            Page(banner=FIRST.later(60, Harris=(226, 67_499_000), Trump=(294, 72_193_000))),
            minutes=5,
        )
        late = {"Harris": (226, 67_499_000), "Trump": (294, 72_193_000)}
        trail.look(
            Page(
                banner=Banner(minute=70, figures=late, called=None),
                story=Story(
                    headline="Counting is over",
                    paragraphs=("Clerks counted on.", "Mail ballots take time."),
                    modified="2024-11-06T23:00:00Z",
                ),
            )
        )
        yield trail


@pytest.fixture(scope="module")
def served(trail: Trail) -> Iterator[Served]:
    with serving(trail.path) as served:
        yield served


# -- what is described -----------------------------------------------------------------------


def test_every_table_view_and_column_is_described_and_nothing_else(tmp_path: Path) -> None:
    connection = open_for_writing(tmp_path / "t.db")
    there = {
        row["name"]: {c["name"] for c in connection.execute(f"PRAGMA table_xinfo({row['name']})")}
        for row in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')"
            " AND name NOT LIKE '%sqlite_%'"
        )
    }
    connection.close()
    tables = metadata("t")["databases"]["t"]["tables"]
    assert tables.pop("_sqlite_migrations") == {"hidden": True}
    assert {name: set(table["columns"]) for name, table in tables.items()} == there
    for name, table in tables.items():
        assert table["description"].endswith("."), name
        assert all(table["columns"].values()), name


def test_what_points_somewhere_is_a_key_of_one_column_with_a_label(tmp_path: Path) -> None:
    connection = open_for_writing(tmp_path / "t.db")
    tables = metadata("t")["databases"]["t"]["tables"]
    tables.pop("_sqlite_migrations")
    targets = set()
    for name in tables:
        for key in connection.execute(f"PRAGMA foreign_key_list({name})"):
            assert key["to"] == "id"
            targets.add(key["table"])
    connection.close()
    assert {"fetch", "candidate", "race", "place", "source", "body", "page"} <= targets
    labelled = {n for n, t in tables.items() if "label_column" in t or "name" in t["columns"]}
    assert targets - labelled == set()


def test_what_is_faceted_or_sorted_has_an_index(tmp_path: Path) -> None:
    connection = open_for_writing(tmp_path / "t.db")
    for name, table in metadata("t")["databases"]["t"]["tables"].items():
        leading = {
            connection.execute(f"PRAGMA index_info({index['name']})").fetchone()["name"]
            for index in connection.execute(f"PRAGMA index_list({name})")
        }
        wanted = {*table.get("facets", ()), table.get("sort_desc", "id")} - {"id"}
        assert wanted <= leading, (name, wanted, leading)
    connection.close()


# -- pages -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(metadata("x")["databases"]["x"]["tables"]))
def test_every_table_and_view_opens(served: Served, name: str) -> None:
    assert name in served.text(f"/night/{name}")


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_has_an_answer(served: Served, question: str) -> None:
    assert "SQL" in served.text(f"/night/{question}")
    assert isinstance(served.rows(question), list)


def test_the_first_page_tells_what_it_is_how_fresh_and_what_can_be_asked(
    served: Served, trail: Trail
) -> None:
    page = BeautifulSoup(served.text("/"), "lxml")
    text = page.get_text(" ", strip=True)
    assert "audit trail" in text
    assert "Last look: 14 Nov 2024 7:10 AM EST" in text
    assert chain_head(trail.connection) in text
    linked = {re.sub(r".*/night/|\?.*", "", str(a["href"])) for a in page.select("li a")}
    assert set(QUESTIONS) <= linked
    for a in page.select("a[href^='/']"):
        assert served.get(str(a["href"]))[0] == 200, a


def test_every_decrease_is_told_with_what_is_known_of_it(served: Served) -> None:
    rows = served.rows("decreases")
    assert [(r["candidate_name"], r["delta"], r["known"]) for r in rows] == [
        ("Harris", -1000, "others gained as much at the same look"),
        ("Trump", -100, "cause not known; as high again at back_at"),
    ]
    assert rows[1]["back_at"] is not None
    assert rows[0]["back_at"] is None
    assert rows[0]["percent"] == round(-100 * 1000 / 67_500_000, 3)


def test_calls_come_in_their_order_with_the_margin_at_that_moment(served: Served) -> None:
    rows = served.rows("projections")
    assert [(r["kind"], r["candidate_name"], r["margin"], r["votes"]) for r in rows] == [
        ("first", "Trump", 72_191_978 - 67_410_748, 72_191_978),
        ("projection_retracted", "Trump", 72_193_000 - 67_499_000, 72_193_000),
    ]


def test_the_biggest_moves_are_the_biggest(served: Served) -> None:
    deltas = [row["delta"] for row in served.rows("biggest_moves")]
    assert deltas == [89_252, 1000, -1000, 122, -100]


def test_what_changed_between_two_times_takes_times_as_people_type_them(
    served: Served, trail: Trail
) -> None:
    moments = [row["seen_at"] for row in served.rows("what_changed")]
    assert moments == sorted(moments)
    assert len(moments) == len(trail.rows())
    second = sorted(set(moments))[1]
    minute = quote(f"{second[:16]}Z")
    assert [r["seen_at"] for r in served.rows(f"what_changed?since={minute}&until={minute}")] == [
        m for m in moments if m == second
    ]
    assert served.rows("what_changed?since=24h") == []
    status, _, _ = served.get("/night/what_changed?since=yesterday")
    assert status == 400  # never an empty answer


def test_the_count_at_a_moment_is_what_was_shown_then(served: Served) -> None:
    for minutes, harris, trump in (
        (1, 67_410_748, 72_191_978),
        (2, 67_500_000, 72_191_978),
        (4.5, 67_499_000, 72_192_878),
        (600, 67_499_000, 72_193_000),
    ):
        moment = instant_of(START + timedelta(minutes=minutes))
        rows = served.rows(f"state_as_of?moment={quote(moment)}")
        called = 1 if minutes < 10 else 0
        assert [(r["candidate_name"], r["votes"], r["projected"]) for r in rows] == [
            ("Trump", trump, called),
            ("Harris", harris, 0),
        ], minutes
    assert served.rows("state_as_of?moment=2024-11-01") == []
    assert served.rows("state_as_of?place=us/fl") == []


def test_the_versions_of_a_story_say_what_it_said_before(served: Served) -> None:
    first, second = served.rows(f"story_versions?article={Page().key}")
    assert (first["what"], first["headline"]) == ("first seen", "Counting goes on")
    assert second["headline"] == "Counting is over"
    assert "headline_changed" in second["what"]
    assert first["body"].startswith("Clerks count on.")


def test_the_longest_silence_is_the_longest(served: Served) -> None:
    longest, *others = served.rows("longest_silence")
    assert longest["seconds"] == 300
    assert {row["seconds"] for row in others} == {60}


def test_a_silence_that_goes_on_counts_and_so_does_a_banner_that_cannot_be_read(
    tmp_path: Path,
) -> None:
    with opened(tmp_path / "silent.db") as trail:
        trail.look(Page())
        trail.look(Page(damage=("67,410,748 votes", "? votes")), minutes=30)
        trail.look(Page(), minutes=30)
        failed = Answer(fetched_at=trail.now, status=503, failure="HTTP 503")
        for _ in range(3):
            trail.receive_answer(Page().url, failed, minutes=60)
        with serving(trail.path) as served:
            longest, damaged = served.rows("longest_silence")
            (page,) = served.rows("coverage")
            text = BeautifulSoup(served.text("/"), "lxml").get_text(" ", strip=True)
    assert (longest["seconds"], longest["looks_not_accepted"]) == (3 * 3600, 2)
    assert longest["first_reason"] == "HTTP 503"
    assert (damaged["seconds"], damaged["looks_not_accepted"]) == (3600, 1)
    assert "Harris" in damaged["first_reason"]
    assert (page["looks"], page["refused_in_part"], page["failed"]) == (6, 1, 3)
    assert page["longest_gap_seconds"] == 3 * 3600
    assert "longest gap 3 h" in text
    assert "the last that was accepted: 14 Nov 2024 8:01 AM EST" in text


def test_electors_percents_and_candidates_go_down_too(tmp_path: Path) -> None:
    with opened(tmp_path / "falls.db") as trail:
        three = FIRST.with_figures(Stein=(0, 700_000))
        trail.look(Page(banner=three))
        trail.look(
            Page(
                banner=Banner(
                    minute=30,
                    figures={"Harris": (223, 67_410_748), "Trump": (280, 72_191_978)},
                    expected=85,
                )
            )
        )
        with serving(trail.path) as served:
            rows = served.rows("decreases")
            assert "No: none" not in served.text("/")
    assert [(r["candidate_name"], r["field"], r["delta"]) for r in rows] == [
        ("Stein", "set", None),
        ("Trump", "electoral_votes", -14),
        (None, "expected_vote_pct", -5),
    ]
    assert rows[0]["known"] == "the candidate was taken off"


def test_the_margin_at_a_call_leaves_out_who_was_taken_off(tmp_path: Path) -> None:
    with opened(tmp_path / "margin.db") as trail:
        both = {"Harris": (223, 67_410_748), "Trump": (294, 72_191_978)}
        trail.look(Page(banner=Banner(figures={**both, "Stein": (0, 90_000_000)}, called=None)))
        gone = Page(banner=Banner(minute=30, figures=both, called=None))
        trail.look(gone)
        trail.look(gone, minutes=6)  # so many votes do not go before that lasts
        trail.look(Page(banner=Banner(minute=40, figures=both)))
        with serving(trail.path) as served:
            (row,) = served.rows("projections")
    assert (row["kind"], row["margin"]) == ("projection_made", 72_191_978 - 67_410_748)


def test_a_name_stands_as_it_was_printed_at_the_time(tmp_path: Path) -> None:
    with opened(tmp_path / "names.db") as trail:
        trail.look(Page())
        trail.look(Page(banner=FIRST.later(30, Harris=(223, 67_500_000))))
        before = trail.rows()
        figures = {"Kamala Harris": (223, 67_500_000), "Trump": (294, 72_191_978)}
        trail.look(Page(banner=Banner(minute=40, figures=figures)))
        assert trail.rows()[: len(before)] == before
        assert [row.candidate_name for row in trail.rows()] == ["Harris", "Kamala Harris"]


def test_a_change_page_has_both_states_the_looks_the_clock_and_the_chain(
    served: Served, trail: Trail
) -> None:
    (row,) = [r for r in trail.rows() if r.kind == "votes_decreased" and r.candidate == "harris"]
    page = BeautifulSoup(served.text(f"/-/change/{row.id}"), "lxml")
    before, after = (side.get_text(" ", strip=True) for side in page.select(".sides > div"))
    assert "67,500,000" in before
    assert "67,499,000" not in before
    assert "67,499,000" in after
    moved = [tr.th.get_text(" ", strip=True) for tr in page.select("tr.moved") if tr.th]
    assert moved == ["Trump, projected moved", "Harris moved"] * 2
    text = page.get_text(" ", strip=True)
    assert str(row.source_updated_at) in text
    for look in (row.fetch_before, row.fetch):
        assert page.select(f'a[href="/night/fetch/{look}"]')
    links = [r for r in trail.table("link") if r["fetch"] == row.fetch]
    assert len(links) == 2
    assert all(link["hash"] in text for link in links)
    assert page.select(f'a[href="/night/story_versions?article={Page().key}"]')


def test_a_change_page_of_a_story_marks_the_words_that_moved(served: Served, trail: Trail) -> None:
    (row,) = [r for r in trail.rows() if r.kind == "body_changed"]
    page = BeautifulSoup(served.text(f"/-/change/{row.id}"), "lxml")
    assert [d.get_text().strip() for d in page.select("del")] == ["count"]
    assert [i.get_text().strip() for i in page.select("ins")] == ["counted"]
    assert "Counting goes on" in page.select(".sides > div")[0].get_text()
    assert "Counting is over" in page.select(".sides > div")[1].get_text()


def test_there_is_no_page_for_a_change_that_is_not_there(served: Served) -> None:
    assert served.get("/-/change/999999")[0] == 404
    assert served.get(f"/-/body/{'0' * 64}")[0] == 404


def test_a_body_is_saved_and_never_shown(served: Served, trail: Trail) -> None:
    row = trail.rows()[-1]
    status, headers, body = served.get(f"/-/body/{row.sha256}")
    assert status == 200
    assert hashlib.sha256(body).hexdigest() == row.sha256
    assert body == trail.body(row.sha256)
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"].startswith("attachment")
    assert headers["x-content-type-options"] == "nosniff"
    for path in ("/night/body", "/night/change_log", "/night/what_changed"):
        assert f'href="/-/body/{row.sha256}"' in served.text(path)
    assert b"prism-article-body" not in served.get("/night/body")[2]


# -- a results feed ---------------------------------------------------------------------------

WARNOCK = night.candidates(("70005", "Warnock", 1_900_000), ("70006", "Walker", 1_890_000))
SENATE_GA = night.state("us/ga", WARNOCK, race="senate/ga-special", pct=98)
COUNTY = night.state("us/ga/13121", WARNOCK, race="senate/ga-special", name="Fulton County")
GEORGIA = night.state("us/ga", night.two(2_500_000, 2_600_000), pct=95)
NATION = night.state("us", night.two(30_000_000, 31_000_000), pct=50)


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A runoff is called; a state loses a tenth, then falls to zero, which nobody believes."""
    with opened(tmp_path_factory.mktemp("feed") / "feed.db") as trail:
        trail.now = night.TEN_PM
        night.shows(trail, night.SENATE, SENATE_GA, COUNTY)
        night.shows(trail, night.ELECTORAL, NATION, GEORGIA, unknown=["states[].foo"])
        late = night.TEN_PM + timedelta(minutes=5)
        runoff = frozenset(t.candidate for t in WARNOCK)
        called = replace(SENATE_GA, runoff=runoff, source_updated_at=late)
        night.shows(trail, night.SENATE, called, COUNTY)
        fallen = replace(GEORGIA, tallies=night.two(2_250_000, 2_600_000), source_updated_at=late)
        night.shows(trail, night.ELECTORAL, NATION, fallen)
        zero = replace(GEORGIA, tallies=night.two(0, 0), source_updated_at=late)
        night.shows(trail, night.ELECTORAL, NATION, zero)
        with serving(trail.path) as served:
            yield served


def test_each_state_stands_as_the_outlet_shows_it_without_counties(feed: Served) -> None:
    rows = feed.rows("results_now")
    assert [(r["race"], r["place"], r["candidate_name"], r["votes"]) for r in rows] == [
        ("president", "United States", "Trump", 31_000_000),
        ("president", "United States", "Harris", 30_000_000),
        ("president", "Georgia", "Trump", 2_600_000),
        ("president", "Georgia", "Harris", 2_250_000),
        ("senate/ga-special", "Georgia", "Warnock", 1_900_000),
        ("senate/ga-special", "Georgia", "Walker", 1_890_000),
    ]
    assert [row["runoff"] for row in rows] == [0, 0, 0, 0, 1, 1]
    assert {row["status"] for row in rows} == {"POLLS_CLOSED"}
    assert len(feed.rows("results_now?race=senate")) == 2
    assert len(feed.rows("results_now?race=president&state=GA")) == 2
    assert feed.rows("results_now?state=AZ") == []


def test_what_is_unconfirmed_is_on_the_first_page_and_has_its_question(feed: Served) -> None:
    (row,) = feed.rows("where_unconfirmed")
    assert (row["race"], row["place"], row["verdict"]) == ("president", "us/ga", "unconfirmed")
    assert (row["votes"], row["votes_before"]) == (0, 4_850_000)
    page = BeautifulSoup(feed.text("/"), "lxml")
    (told,) = [li.get_text() for li in page.select(".alarms li")]
    assert "President · Georgia: 0 votes now, 4,850,000 before" in told
    text = page.get_text(" ", strip=True)
    assert "Where is it unconfirmed? 1 result or page now." in text
    assert "A field that the parser does not know" in text
    assert "states[].foo" in text
    assert "Fulton" not in text


def test_moves_that_are_flagged_are_told_with_their_flags(feed: Served) -> None:
    rows = feed.rows("suspect_moves")
    assert [(r["candidate_name"], r["delta"], r["percent"]) for r in rows] == [
        ("Harris", -250_000, -10.0)
    ]
    assert "large_decrease" in rows[0]["flags"]


def test_a_place_in_a_runoff_is_a_call_and_no_projection(feed: Served) -> None:
    rows = feed.rows("projections")
    assert {(r["kind"], r["candidate_name"]) for r in rows} == {
        ("projection_made", "Warnock"),
        ("projection_made", "Walker"),
    }
    assert {row["flags"] for row in rows} == {'["runoff"]'}
    assert {row["projected"] for row in feed.rows("state_as_of?place=us/ga")} == {0}


# -- limits ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "delete from change",
        "update tally set votes = 0",
        "insert into outlet (name) values ('x')",
        "drop table change",
        "pragma writable_schema = on",
        "pragma query_only = off",
        "attach 'x.db' as x",
        "vacuum into 'x.db'",
        "with x as (select 1) delete from change",
    ],
)
def test_nothing_can_be_written(served: Served, trail: Trail, sql: str) -> None:
    before = trail.path.read_bytes(), trail.table("change")
    status, _, body = served.get(f"/night?sql={quote(sql)}")
    assert status == 400, body[:300]
    assert (trail.path.read_bytes(), trail.table("change")) == before


@pytest.mark.parametrize("path", ["/night.db", "/-/auth-token"])
def test_nothing_is_given_away(served: Served, path: str) -> None:
    assert served.get(path)[0] in (403, 404)


def test_a_question_without_end_is_ended(served: Served) -> None:
    endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select sum(i) from n"
    began = time.monotonic()
    status, _, body = served.get(f"/night?sql={quote(endless)}")
    assert status == 400
    assert b"Interrupted" in body
    assert time.monotonic() - began < 5


def test_a_question_fills_no_memory(served: Served) -> None:
    status, _, body = served.get(f"/night?sql={quote('select length(zeroblob(500000000))')}")
    assert status == 400
    assert b"too big" in body
    series = quote(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000)"
        " select i from n"
    )
    assert len(served.text(f"/night.json?sql={series}&_shape=arrays").split("[")) < 1100


def test_it_answers_while_twenty_crawls_commit(tmp_path: Path) -> None:
    with opened(tmp_path / "live.db") as trail:
        trail.look(Page())
        with serving(trail.path) as served:
            failures: list[str] = []
            seen: list[int] = []
            done = threading.Event()

            def read() -> None:
                while not done.is_set():
                    for path in ("/", "/live/change_log", "/live/decreases", "/-/change/1"):
                        status, _, body = served.get(path)
                        if status != 200 and not (status == 404 and not seen):
                            failures.append(f"{path}: {status} {body[:200]!r}")
                    seen.append(len(served.rows("what_changed")))

            readers = [threading.Thread(target=read) for _ in range(2)]
            for number in range(1, 21):
                trail.look(Page(banner=FIRST.later(30 + number, Harris=(226, 67_500_000 + number))))
                if number == 1:
                    for reader in readers:
                        reader.start()
                time.sleep(0.1)
            done.set()
            for reader in readers:
                reader.join()
            assert failures == []
            # It is the live file: the last change is there as soon as it is committed.
            assert len(served.rows("what_changed")) == len(trail.rows()) >= 20


# -- the command -----------------------------------------------------------------------------


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / "tallytrail", "serve", *words],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_the_configuration_alone_serves_anybody_s_datasette(trail: Trail, tmp_path: Path) -> None:
    done = run("--db", trail.path, "--config-only", tmp_path / "files")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("datasette serve ")
    assert sorted(p.name for p in (tmp_path / "files").iterdir()) == ["metadata.json", "plugins"]
    datasette, *words = shlex.split(done.stdout)
    page = subprocess.run(
        [BIN / datasette, *words, "--get", "/"], capture_output=True, text=True, check=True
    ).stdout
    assert "Did any count go down, and why?" in page


def test_without_a_database_it_says_so(tmp_path: Path) -> None:
    done = run("--db", tmp_path / "none.db")
    assert (done.returncode, done.stdout) == (2, "")
    assert "does not exist" in done.stderr


@pytest.mark.parametrize("name", ["a#1.db", "a?.db", "a%41.db", "_a.db"])
def test_a_name_that_datasette_cannot_open_is_told_and_no_file_made(
    tmp_path: Path, name: str
) -> None:
    with opened(tmp_path / name) as trail:
        trail.look(Page())
    done = run("--db", tmp_path / name)
    assert (done.returncode, done.stdout) == (1, "")
    assert "rename it" in done.stderr
    assert [p for p in tmp_path.iterdir() if not p.name.startswith(name)] == []


@pytest.mark.parametrize("name", ["my night 2024.db", "a.b.db", "it's.db"])
def test_other_names_are_served(tmp_path: Path, name: str) -> None:
    with opened(tmp_path / name) as trail:
        trail.look(Page())
        with serving(trail.path) as served:
            assert "Trump leads" in served.text("/")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)]
)
def test_a_signal_ends_it_and_leaves_nothing_behind(
    trail: Trail, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [BIN / "tallytrail", "serve", "--db", trail.path, "--port", str(port)],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    served = Served(trail.path, port)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with contextlib.suppress(URLError):
            served.get("/-/versions.json")
            break
        time.sleep(0.1)
    process.send_signal(number)
    assert process.wait(20) == code
    assert list(tmp_path.iterdir()) == []


def test_a_port_in_use_is_told(trail: Trail) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("--db", trail.path, "--port", str(port))
    assert (done.returncode, done.stdout) == (2, "")
    assert str(port) in done.stderr
    assert "--port" in done.stderr


def test_a_damaged_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "bad.db").write_bytes(b"SQLite format 3\0" + b"nonsense" * 500)
    done = run("--db", tmp_path / "bad.db")
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1


def test_it_listens_on_this_machine_only(served: Served) -> None:
    port = int(served.url.rpartition(":")[2])
    listening = Path("/proc/net/tcp").read_text().splitlines()[1:]
    addresses = {line.split()[1] for line in listening if line.split()[3] == "0A"}
    mine = {a.split(":")[0] for a in addresses if int(a.split(":")[1], 16) == port}
    assert mine == {"0100007F"}


def test_the_file_is_opened_for_reading_only(served: Served, trail: Trail) -> None:
    """So that no way round the limits of a connection leads to a write."""
    served.text("/night/change_log")
    process = Path(f"/proc/{served.pid}")
    opened_as = [
        re.search(r"flags:\s*(\d+)", (process / "fdinfo" / link.name).read_text())
        for link in (process / "fd").iterdir()
        if link.resolve() == trail.path.resolve()
    ]
    assert opened_as
    assert {int(flags[1], 8) & os.O_ACCMODE for flags in opened_as if flags} == {os.O_RDONLY}
