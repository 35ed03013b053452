"""`tallytrail crawl`, the installed command, against a site that answers well or badly."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import sqlite3
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from storage.archive import body_of
from tests import site as web
from tests.site import Bureau, Figures, Site, path_of, sha256, story, told, wait_for

FIRST = Figures(67_410_748, 72_191_978)
SECOND = Figures(67_410_800, 72_192_000, updated="Nov. 6, 8:00 PM ET")
THIRD = Figures(67_410_950, 72_192_500, updated="Nov. 6, 9:00 PM ET")
#: Figures that must never be believed: they stand on damaged pages only.
WILD = Figures(1, 2, updated="Nov. 7, 9:00 AM ET", electors=(0, 538), called=None)


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        yield site


@pytest.fixture
def bureau(tmp_path: Path) -> Bureau:
    return Bureau(tmp_path)


# What is said when all is well


def test_a_fine_crawl_is_silent_and_exits_0_also_when_nothing_changed(
    site: Site, bureau: Bureau
) -> None:
    bureau.configure(site.url + path_of(1))
    site.shows(1, FIRST)
    bureau.quiet_crawl()
    bureau.quiet_crawl()
    assert [f["outcome"] for f in bureau.fetches()] == ["new", "unchanged"]
    assert bureau.rows() == []


def on_a_terminal(words: list[str | Path], folder: Path) -> tuple[int, list[str]]:
    """The exit code of a command, and the lines that a terminal shows when it has ended."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    with subprocess.Popen(
        words,
        cwd=folder,
        env=web.environment(TERM="xterm"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        output = b""
        while True:
            try:
                chunk = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            if not chunk:
                break
            output += chunk
        os.close(ours)
    return process.returncode, _screen(output.decode())


def _screen(output: str) -> list[str]:
    """What stays on the screen; only the few controls that a progress bar uses are known."""
    lines, row, column = [""], 0, 0
    for token in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|[\s\S]", output):
        if token == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif token == "\r":
            column = 0
        elif token.startswith("\x1b["):
            if token[-1] == "A":
                row = max(0, row - int(token[2:-1] or 1))
            elif token[-1] == "K":
                lines[row] = "" if token == "\x1b[2K" else lines[row][:column]
            else:
                assert token[-1] in "mhl", f"an unknown control: {token!r}"
        else:
            lines[row] = lines[row][:column].ljust(column) + token + lines[row][column + 1 :]
            column += 1
    return [line for line in lines if line.strip()]


def test_on_a_terminal_a_fine_crawl_leaves_one_line(site: Site, bureau: Bureau) -> None:
    bureau.configure(site.url + path_of(1), site.url + path_of(2))
    site.shows(1, FIRST)
    site.shows(2)
    bureau.quiet_crawl()
    site.shows(1, SECOND)
    code, lines = on_a_terminal([web.TALLYTRAIL, "crawl"], bureau.folder)
    assert code == 0
    (line,) = lines
    assert line.startswith("tallytrail: 2 looks")
    assert re.search(r"1 new, 1 unchanged; 2 changes \(#1 to #2\)$", line)


# What goes wrong at a page


@dataclass(frozen=True)
class Fault:
    """A bad answer, and what must come of it.

    wire: the bytes of the body that came. said: a pattern of the reason.
    """

    answer: web.Answer
    outcome: str
    said: str
    status: int | None = 200
    wire: bytes | None = None


def _faults() -> dict[str, Fault]:
    page = story(77, WILD, headline="Must never be read")
    half = page[: len(page) // 2]
    zipped = web.zipped(page)
    cut = zipped[:-30]
    wrong_sum = zipped[:-8] + bytes(4) + zipped[-4:]
    return {
        "not found": Fault(web.answer(page, 404), "failed", "HTTP 404", 404, page),
        "server error": Fault(web.answer(page, 500), "failed", "HTTP 500", 500, page),
        "forbidden": Fault(web.answer(page, 403), "failed", "HTTP 403", 403, page),
        "moved": Fault(
            web.answer(page, 301, {"Location": path_of(9000)}),
            "failed",
            r"HTTP 301, moved to http://127\S+/Politics/the-count/story\?id=9000",
            301,
            page,
        ),
        "empty": Fault(web.answer(b""), "refused", "empty"),
        "no content": Fault(web.says(b"HTTP/1.1 204 No\r\n\r\n"), "failed", "HTTP 204", 204),
        "hang-up in mid-body": Fault(
            web.hangs_up(half, len(page)), "refused", "ended before the body", wire=half
        ),
        "hang-up in mid-chunk": Fault(
            web.hangs_up_in_chunks(half), "refused", "ended before the body", wire=half
        ),
        "end in mid-page without a length": Fault(
            web.ends_without_length(half), "refused", "ended|</html>", wire=half
        ),
        "reset in mid-body": Fault(
            web.breaks_off(half, len(page)), "refused", "ended before the body", wire=half
        ),
        "gzip cut off": Fault(web.packed(cut), "refused", "cut off", wire=cut),
        "gzip with a wrong checksum": Fault(
            web.packed(wrong_sum), "refused", "damaged", wire=wrong_sum
        ),
        "gzip that is none": Fault(web.packed(page), "refused", "damaged", wire=page),
        "packed as was not offered": Fault(web.packed(page, "br"), "refused", "br", wire=page),
        "no answer at all": Fault(web.says(b""), "failed", "no answer", None),
        "no HTTP": Fault(web.says(b"\x00\x01\x02 nonsense\r\n\r\n"), "failed", "no answer", None),
        "a page of a guard": Fault(
            web.answer(b"<html><title>Access Denied</title></html>"),
            "refused",
            "Access Denied",
            wire=b"<html><title>Access Denied</title></html>",
        ),
    }


FAULTS = _faults()
#: The pages of the bad crawl: a fine one, the faulty ones, a fine one again.
FINE_PAGES = (100, 199)
PAGE_OF = {name: number for number, name in enumerate(FAULTS, start=101)}
CLOSED = 300


@dataclass
class BadCrawl:
    """Three crawls: all was well, much was bad, all is well again."""

    bureau: Bureau
    site: Site
    url: str
    closed: str
    lines: list[str]
    asked: list[str]
    fetches: dict[str, dict[str, Any]]
    after: list[str]


@pytest.fixture(scope="module")
def bad_crawl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BadCrawl]:
    bureau = Bureau(tmp_path_factory.mktemp("bad"))
    with Site() as site, Site() as other:
        numbers = (FINE_PAGES[0], *PAGE_OF.values(), FINE_PAGES[1])
        for number in numbers:
            site.shows(number, FIRST)
        other.shows(CLOSED, FIRST)
        closed = other.url + path_of(CLOSED)
        bureau.configure(*(site.url + path_of(number) for number in numbers), closed)
        bureau.quiet_crawl()
        seen = len(bureau.fetches())
        asked = len(site.requests)

        other.close()
        site.shows(FINE_PAGES[0], SECOND)
        site.shows(FINE_PAGES[1], SECOND, headline="Another headline")
        for name, fault in FAULTS.items():
            site.answers[path_of(PAGE_OF[name])] = fault.answer
        lines = bureau.crawl(code=1)
        fetches = {f["url"]: f for f in bureau.fetches()[seen:]}
        assert len(fetches) == len(bureau.fetches()) - seen == len(numbers) + 1
        during = [request.path for request in site.requests[asked:]]

        site.shows(FINE_PAGES[1], SECOND, headline="Another headline")
        for name in FAULTS:
            site.shows(PAGE_OF[name], SECOND)
        site.shows(FINE_PAGES[0], SECOND)
        bureau.configure(*(site.url + path_of(number) for number in numbers))
        after = bureau.crawl()
        yield BadCrawl(bureau, site, site.url, closed, lines, during, fetches, after)


@pytest.mark.parametrize("name", FAULTS)
def test_a_bad_answer_is_told_in_one_line_and_kept_with_its_bytes(
    bad_crawl: BadCrawl, name: str
) -> None:
    fault, url = FAULTS[name], bad_crawl.url + path_of(PAGE_OF[name])
    fetch = bad_crawl.fetches[url]
    wire = fault.wire and sha256(fault.wire)
    assert (fetch["status"], fetch["outcome"]) == (fault.status, fault.outcome)
    assert re.search(fault.said, fetch["reason"])
    assert (fetch["wire_sha256"], fetch["sha256"]) == (wire, wire)
    if fault.wire is not None:
        with closing(sqlite3.connect(bad_crawl.bureau.database)) as connection:
            connection.row_factory = sqlite3.Row
            assert body_of(connection, fetch["body"]) == fault.wire
    (line,) = [line for line in bad_crawl.lines if f"{url}:" in line]
    assert line.startswith(f"tallytrail: abc-2024: {url}: {fetch['reason']}")
    remedy = line.partition(fetch["reason"])[2]
    assert re.search(r"asks again|kept as fetch \d+", remedy)


def test_a_refused_connection_is_told_in_one_line_with_its_page(bad_crawl: BadCrawl) -> None:
    fetch = bad_crawl.fetches[bad_crawl.closed]
    assert (fetch["status"], fetch["outcome"], fetch["body"]) == (None, "failed", None)
    assert "refused" in fetch["reason"]
    (line,) = [line for line in bad_crawl.lines if f"{bad_crawl.closed}:" in line]
    assert fetch["reason"] in line
    assert "asks again" in line


def test_nothing_but_the_faults_is_told(bad_crawl: BadCrawl) -> None:
    assert len(bad_crawl.lines) == len(FAULTS) + 1, "\n".join(bad_crawl.lines)
    assert bad_crawl.after == []


def test_each_page_is_asked_for_once_whatever_it_answers_and_a_redirect_is_not_followed(
    bad_crawl: BadCrawl,
) -> None:
    pages = [path for path in bad_crawl.asked if path != web.ROBOTS]
    assert sorted(pages) == sorted(map(path_of, (*FINE_PAGES, *PAGE_OF.values())))


def test_the_other_pages_of_a_bad_crawl_are_recorded_and_no_change_is_invented(
    bad_crawl: BadCrawl,
) -> None:
    first, last = (bad_crawl.url + path_of(number) for number in FINE_PAGES)
    rows = told(
        bad_crawl.bureau.rows(), "kind", "candidate", "article", "old", "new", "url", "fetch"
    )
    one, two = bad_crawl.fetches[first]["id"], bad_crawl.fetches[last]["id"]
    assert sorted(rows, key=str) == [
        ("headline_changed", None, "199", "Story number 199", "Another headline", last, two),
        ("votes_increased", "harris", None, 67_410_748, 67_410_800, first, one),
        ("votes_increased", "trump", None, 72_191_978, 72_192_000, first, one),
    ]


# The bytes


def test_gzip_is_kept_unpacked_with_the_hashes_of_both_forms(site: Site, bureau: Bureau) -> None:
    page = story(1, FIRST)
    wire = web.zipped(page)
    site.answers[path_of(1)] = web.packed(wire)
    bureau.configure(site.url + path_of(1))
    bureau.quiet_crawl()
    (fetch,) = bureau.fetches()
    assert (fetch["wire_sha256"], fetch["wire_size"]) == (sha256(wire), len(wire))
    assert fetch["sha256"] == sha256(page)
    assert {row["sha256"] for row in bureau.rows("--first")} == {sha256(page)}
    with closing(sqlite3.connect(bureau.database)) as connection:
        connection.row_factory = sqlite3.Row
        assert body_of(connection, fetch["body"]) == page


# Asking whether it has changed


def test_conditional_requests_count_as_looks_and_stop_after_a_refused_one(
    site: Site, bureau: Bureau
) -> None:
    """Page 1 is fine all along, page 2 once damaged, page 3 once failing; all have ETags."""

    def shows(number: int, tag: str, body: bytes) -> None:
        site.answers[path_of(number)] = web.tagged(tag, body)

    def asked_with(number: int) -> list[str | None]:
        return [headers.get("if-none-match") for headers in site.headers_of(number)]

    bureau.configure(*(site.url + path_of(number) for number in (1, 2, 3)))
    shows(1, '"a"', story(1, FIRST))
    shows(2, '"b"', story(2, FIRST))
    shows(3, '"c"', story(3))
    bureau.quiet_crawl()
    bureau.quiet_crawl()
    not_modified = bureau.fetches(site.url + path_of(1))[-1]
    assert (not_modified["status"], not_modified["outcome"]) == (304, "unchanged")
    assert bureau.rows() == []

    shows(1, '"a2"', story(1, headline="Page 1 has lost its banner for a new headline"))
    damaged = story(2, SECOND).replace(b"67,410,800", b"67,410,8OO")
    shows(2, '"b2"', damaged)
    site.answers[path_of(3)] = web.answer(b"", 500)
    assert len(bureau.crawl(code=1)) >= 2
    shows(1, '"a3"', story(1, SECOND, headline="Page 1 has lost its banner for a new headline"))
    shows(2, '"b3"', story(2, SECOND))
    shows(3, '"c"', story(3))
    bureau.quiet_crawl()

    assert asked_with(2) == [None, '"b"', '"b"', None]
    assert asked_with(3) == [None, '"c"', '"c"', None]
    assert asked_with(1)[:3] == [None, '"a"', '"a"']
    (headline,) = bureau.rows("--kind", "headline_changed")
    assert headline["fetch_before"] == not_modified["id"]
    assert headline["seen_after"] == not_modified["asked_at"]
    assert headline["sha256_before"] == not_modified["sha256"] == bureau.fetches()[0]["sha256"]
    votes = bureau.rows("--race", "president")
    assert sorted(told(votes, "kind", "candidate", "delta")) == [
        ("votes_increased", "harris", 52),
        ("votes_increased", "trump", 22),
    ]


# Which pages are asked for


def test_a_story_is_asked_for_once_however_often_it_is_named(site: Site, bureau: Bureau) -> None:
    other = path_of(1, slug="an-older-slug")
    site.shows(1, FIRST)
    site.answers[other] = site.answers[path_of(1)]
    wire = "/US/wireStory/the-count-goes-on-1"
    site.answers["/feed"] = web.answer(web.rss(site.url + path_of(1), site.url + other))
    site.answers["/feed2"] = web.answer(web.rss(site.url + wire, site.url + path_of(1)))
    bureau.configure(
        site.url + path_of(1), site.url + other, discover=[site.url + "/feed", site.url + "/feed2"]
    )
    bureau.quiet_crawl()
    assert [request.path for request in site.requests].count(path_of(1)) == 1
    assert sorted(r.path for r in site.requests) == sorted(
        [web.ROBOTS, path_of(1), "/feed", "/feed2"]
    )


def test_a_feed_leads_to_stories_on_configured_hosts_only_and_a_newcomer_is_a_change(
    site: Site, bureau: Bureau
) -> None:
    for number in (1, 2, 3, 4):
        site.shows(number)
    with Site() as foreign, web.Ear() as ear:
        links = [
            site.url + path_of(2),
            site.url + "/US/video/a-clip-60",
            site.url + "/Politics/live-updates/election-night/?id=61",
            site.url + "/Politics/live-updates/election-night/?id=62&entryId=63",
            foreign.url + path_of(64),
            f"http://{ear.host}{path_of(65)}",
            site.url + "/about",
            "ftp://" + site.host + path_of(66),
            "//" + site.host + path_of(67),
            "",
            site.url + path_of(3) + "#comments",
        ]
        site.answers["/feed"] = web.answer(web.rss(*links))
        bureau.configure(site.url + path_of(1), discover=[site.url + "/feed"])
        bureau.quiet_crawl()
        followed = {r.path for r in site.requests} - {web.ROBOTS, "/feed"}
        assert followed == {path_of(1), path_of(2), path_of(3)}
        assert bureau.rows() == []
        site.answers["/feed"] = web.answer(web.rss(site.url + path_of(4), *links))
        bureau.quiet_crawl()
        assert foreign.requests == []
        assert ear.heard == []
    rows = bureau.rows()
    assert told(rows, "kind", "article", "field", "old", "race") == [
        ("article_added", "4", "presence", None, None)
    ]
    feed = bureau.fetches(site.url + "/feed")
    assert rows[0]["fetch_before"] == feed[0]["id"]
    assert rows[0]["seen_after"] == feed[0]["asked_at"]


def test_a_host_that_is_configured_with_https_is_never_asked_in_plain_http(
    site: Site, bureau: Bureau
) -> None:
    with web.Ear() as ear:
        site.answers["/feed"] = web.answer(web.rss(f"http://{ear.host}{path_of(2)}"))
        bureau.configure(f"https://{ear.host}{path_of(1)}", discover=[site.url + "/feed"])
        lines = bureau.crawl(code=1)
        assert ear.heard, "it is asked over https"
        assert [heard for heard in ear.heard if heard[:1] != b"\x16"] == []  # a TLS handshake
    assert sorted(line.split(": ")[2] for line in lines) == [
        f"https://{ear.host}{path_of(n)}" for n in (1, 2)
    ]


# Configuration


@pytest.mark.parametrize(
    ("old", "new", "key", "remedy"),
    [
        (f'contact = "{web.CONTACT}"', "", "contact", "add it"),
        (web.CONTACT, "you@example.org", "contact", "your own"),
        (web.CONTACT, "nobody", "contact", "your own"),
        ('id = "abc-2024"', "", "id", "add it"),
        ('outlet = "ABC News"', "", "outlet", "add it"),
        ('parser = "abc"', "", "parser", "add it"),
        ('parser = "abc"', 'parser = "nbc"', "parser", "abc"),
        ("election_date = 2024-11-05", "", "election_date", "add it"),
        ("2024-11-05", '"5 November"', "election_date", "a date"),
        ("delay = 0", 'delay = "quick"', "delay", "a number"),
        ("delay = 0", "delay = -1", "delay", "not be below 0"),
        ("http://127.0.0.1", "https://abcnews.go.com", "delay", "abcnews.go.com"),
        ("delay = 0", 'delay = 0\nevery = "5 minutes"', "every", '"5m"'),
        ("delay = 0", "delya = 0", "delya", "spelling"),
        ('parser = "abc"', 'parser = "abc"\ntimezone = "EST5"', "timezone", "New_York"),
        ("/Politics/the-count/story?id=1", "/about", "pages", "/about"),
        ("[[source]]", "[source]", "source", "a list"),
        (f'pages = ["http://127.0.0.1:9{path_of(1)}"]', "pages = []", "pages", "at least one"),
        ("[[source]]", "[[source", "tallytrail.toml", "TOML"),
    ],
)
def test_a_faulty_configuration_is_one_line_with_file_key_and_remedy(
    bureau: Bureau, old: str, new: str, key: str, remedy: str
) -> None:
    # `schedule` reads the configuration as `crawl` does, and is there ten times as fast.
    bureau.configure("http://127.0.0.1:9" + path_of(1))
    text = bureau.configuration.read_text("utf-8")
    assert old in text
    bureau.configuration.write_text(text.replace(old, new), "utf-8")
    done = bureau.run("schedule")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("tallytrail: tallytrail.toml")
    assert key in line
    assert remedy in line


@pytest.mark.parametrize(
    ("text", "key"), [(None, "init"), ('contact = "you@example.org"\n', "contact")]
)
def test_a_crawl_without_a_usable_configuration_ends_with_2_and_makes_no_database(
    bureau: Bureau, text: str | None, key: str
) -> None:
    if text is not None:
        bureau.configuration.write_text(text, "utf-8")
    (line,) = bureau.crawl(code=2)
    assert "tallytrail.toml" in line
    assert key in line
    assert not bureau.database.exists()


def test_what_init_writes_is_refused_until_it_has_a_contact(bureau: Bureau) -> None:
    assert bureau.run("init").returncode == 0
    (line,) = bureau.crawl(code=2)
    assert "tallytrail.toml" in line
    assert "contact" in line


# Others at work


def test_a_locked_database_ends_a_crawl_with_75_and_nothing_is_lost(
    site: Site, bureau: Bureau, tmp_path: Path
) -> None:
    """One crawl finds the lock when it begins, another one when its page has come."""
    begins, mid = bureau, Bureau(tmp_path / "mid")
    mid.folder.mkdir()
    released = threading.Event()
    site.shows(1, FIRST)
    site.answers[path_of(2)] = web.when_released(released, web.answer(story(2, FIRST)))
    begins.configure(site.url + path_of(1))
    begins.quiet_crawl()
    mid.configure(site.url + path_of(2))
    second = mid.start("crawl")
    wait_for(lambda: site.asked(path_of(2)))
    with (
        closing(sqlite3.connect(begins.database, isolation_level=None)) as one,
        closing(sqlite3.connect(mid.database, isolation_level=None)) as two,
    ):
        one.execute("BEGIN EXCLUSIVE")
        two.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        first = begins.start("crawl")
        released.set()
        took = []
        for crawl in (first, second):
            out, err = crawl.communicate(timeout=20)
            took.append(time.monotonic() - began)
            assert (crawl.returncode, out) == (75, "")
            (line,) = err.splitlines()
            assert "tallytrail.db" in line
            assert "locked" in line
            assert "later" in line
    assert [f["outcome"] for f in begins.fetches()] == ["new"]
    begins.quiet_crawl()
    mid.quiet_crawl()
    assert mid.fetches()[-1]["outcome"] == "new"
    assert max(took) < 7


def test_a_second_crawl_leaves_at_once_and_kill_9_of_the_first_frees_the_lock(
    site: Site, bureau: Bureau
) -> None:
    released = threading.Event()
    bureau.configure(*(site.url + path_of(number) for number in (1, 2, 3)))
    site.shows(1, FIRST)
    site.answers[path_of(2)] = web.when_released(released, web.answer(story(2, WILD)))
    site.shows(3)
    first = bureau.start("crawl")
    wait_for(lambda: site.asked(path_of(2)))

    began = time.monotonic()
    bureau.run("--version")
    start_up = time.monotonic() - began
    began = time.monotonic()
    (line,) = bureau.crawl()
    assert time.monotonic() - began < start_up + 2
    assert "another crawl is at work" in line

    first.kill()
    first.communicate()
    released.set()
    assert first.returncode == -signal.SIGKILL
    # What had come is kept, and the next crawl goes on from it.
    assert told(bureau.fetches(), "url", "outcome") == [(site.url + path_of(1), "new")]
    site.shows(1, SECOND)
    site.shows(2, SECOND)
    bureau.quiet_crawl()
    rows = bureau.rows()
    assert {(r["kind"], r["candidate"], r["delta"], r["fetch_before"]) for r in rows} == {
        ("votes_increased", "harris", 52, 1),
        ("votes_increased", "trump", 22, 1),
    }
    assert len(rows) == 2
    assert [f["outcome"] for f in bureau.fetches()[1:]] == ["new", "new", "new"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_a_crawl_that_keeps_what_came_and_the_next_one_goes_on(
    site: Site, bureau: Bureau, number: signal.Signals, code: int
) -> None:
    released = threading.Event()
    bureau.configure(*(site.url + path_of(number) for number in (1, 2, 3)))
    site.shows(1, FIRST)
    site.answers[path_of(2)] = web.when_released(released, web.answer(story(2)))
    site.shows(3)
    crawl = bureau.start("crawl")
    wait_for(lambda: site.asked(path_of(2)))
    crawl.send_signal(number)
    time.sleep(0.3)
    released.set()
    out, err = crawl.communicate(timeout=20)
    assert (crawl.returncode, out) == (code, ""), err
    assert "Traceback" not in err
    assert site.asked(path_of(3)) == 0
    kept = bureau.fetches()
    assert told(kept[:1], "url", "outcome") == [(site.url + path_of(1), "new")]
    assert all(f["outcome"] == "new" for f in kept)
    site.shows(1, SECOND)
    bureau.quiet_crawl()
    rows = bureau.rows()
    assert sorted(told(rows, "kind", "delta", "fetch_before")) == [
        ("votes_increased", 22, 1),
        ("votes_increased", 52, 1),
    ]


def lock_is_taken(bureau: Bureau) -> bool:
    return bureau.database.with_name("tallytrail.db.lock").exists()


def run_is_noted(bureau: Bureau) -> bool:
    try:
        return bool(bureau.query("SELECT 1 FROM run WHERE ended_at IS NULL"))
    except sqlite3.OperationalError:  # there is no table yet
        return False


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("moment", [lock_is_taken, run_is_noted])
def test_a_signal_while_a_crawl_starts_gives_the_same_exit_code_and_no_traceback(
    site: Site,
    bureau: Bureau,
    number: signal.Signals,
    code: int,
    moment: Callable[[Bureau], bool],
) -> None:
    bureau.configure(site.url + path_of(1))
    site.shows(1, FIRST)
    crawl = bureau.start("crawl")
    wait_for(lambda: moment(bureau))
    crawl.send_signal(number)
    _, err = crawl.communicate(timeout=20)
    # A shell shows a process that the signal itself has ended as 128 + the signal's number.
    assert crawl.returncode in (code, -number), err
    assert "Traceback" not in err


def test_what_was_received_and_not_read_is_read_first_by_the_next_crawl(
    site: Site, bureau: Bureau
) -> None:
    bureau.configure(site.url + path_of(1))
    site.shows(1, FIRST)
    bureau.quiet_crawl()
    # A database that takes what is received, and nothing of what is read from it.
    with closing(sqlite3.connect(bureau.database, isolation_level=None)) as connection:
        connection.execute(
            "CREATE TRIGGER unreadable BEFORE INSERT ON link WHEN NEW.step = 'read'"
            " BEGIN SELECT RAISE(ABORT, 'not now'); END"
        )
        site.shows(1, SECOND)
        assert bureau.run("crawl").returncode != 0
        assert [f["outcome"] for f in bureau.fetches()] == ["new", None]
        assert bureau.rows() == []
        connection.execute("DROP TRIGGER unreadable")
    site.shows(1, THIRD)
    bureau.quiet_crawl()
    rows = bureau.rows()
    assert sorted(told(rows, "fetch", "fetch_before", "candidate", "delta")) == [
        (2, 1, "harris", 52),
        (2, 1, "trump", 22),
        (3, 2, "harris", 150),
        (3, 2, "trump", 500),
    ]
    assert [f["outcome"] for f in bureau.fetches()] == ["new"] * 3


def test_every_request_has_a_connection_of_its_own(site: Site, bureau: Bureau) -> None:
    """A kept one may be closed by the site just as it is used again: a failure for nothing."""
    bureau.configure(site.url + path_of(1), site.url + path_of(2))
    site.shows(1, FIRST)
    site.shows(2, FIRST)
    bureau.quiet_crawl()
    assert [request.path for request in site.requests] == ["/robots.txt", path_of(1), path_of(2)]
    assert {request.headers["connection"] for request in site.requests} == {"close"}
