"""The real command against a real site on loopback."""

from __future__ import annotations

import gzip
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from tests.desk import BIN, ROOT, Answer, Desk, Site, banner, path_of, story


def test_a_fine_crawl_says_nothing_and_a_change_is_in_the_log(desk: Desk, site: Site) -> None:
    desk.configure([1])
    site.answers[path_of(1)] = 200, {}, story(1, banner=banner(67_410_748))
    assert desk.crawl() == ""
    assert desk.rows() == []
    newer = banner(67_410_750, "Nov. 6, 8:00 PM ET")
    site.answers[path_of(1)] = 200, {}, story(1, banner=newer)
    assert desk.crawl() == ""
    (row,) = desk.rows()
    assert (row["kind"], row["candidate"], row["delta"]) == ("votes_increased", "harris", 2)
    assert row["source_updated_at"] == "2024-11-07T01:00:00.000Z"
    assert row["url"] == site.url + path_of(1)
    assert (row["fetch_before"], row["fetch"]) == (1, 2)
    assert desk.crawl() == ""
    assert len(desk.rows()) == 1


def test_what_fails_is_told_in_a_line_and_stops_nothing_else(desk: Desk, site: Site) -> None:
    packed = gzip.compress(story(6))
    site.answers |= {
        path_of(1): (200, {}, story(1, banner=banner(67_410_748))),
        path_of(2): (500, {}, b"broken"),
        path_of(3): (301, {"Location": "https://elsewhere.example/"}, b""),
        path_of(4): (200, {}, b""),
        path_of(5): (200, {"Content-Length": "9999", "Connection": "close"}, story(5)),
        path_of(6): (200, {"Content-Encoding": "gzip"}, packed[:-9]),
        path_of(7): (200, {}, b"<html><head><title>Access Denied</title></head></html>"),
        path_of(8): (200, {}, story(8)),
    }
    desk.configure([1, 2, 3, 4, 5, 6, 7, 8, 9], delay=0.05)
    told = desk.crawl(code=1)
    lines = told.splitlines()
    assert all(line.startswith("tallytrail: abc: http://127.0.0.1") for line in lines)
    for number, words in {
        2: "HTTP 500",
        3: "moved to another host, https://elsewhere.example/",
        4: "empty body",
        5: "dataloss",
        6: "cut off",
        7: "Access Denied",
        9: "HTTP 404",
    }.items():
        (line,) = [line for line in lines if f"{path_of(number)}:" in line]
        assert words in line
    assert len(lines) == 7
    # In the order of the configuration.
    assert [(f["outcome"], f["body"] is not None) for f in desk.fetches()] == [
        ("new", True),
        ("failed", True),
        ("failed", False),
        ("refused", False),
        ("refused", True),
        ("refused", True),
        ("refused", True),
        ("new", True),
        ("failed", True),
    ]
    assert desk.rows() == []


def test_a_host_that_is_gone_is_told_in_one_line(desk: Desk, site: Site) -> None:
    desk.configure([1])
    site.close()
    (line,) = desk.crawl(code=1).splitlines()
    assert "refused" in line
    (fetch,) = desk.fetches()
    assert (fetch["status"], fetch["outcome"]) == (None, "failed")


def test_gzip_is_unpacked_and_both_hashes_kept(desk: Desk, site: Site) -> None:
    from storage.archive import digest

    desk.configure([1])
    body = story(1)
    packed = gzip.compress(body)
    site.answers[path_of(1)] = 200, {"Content-Encoding": "gzip"}, packed
    desk.crawl()
    (fetch,) = desk.fetches()
    assert (fetch["wire_sha256"], fetch["wire_size"]) == (digest(packed), len(packed))
    (row, *_) = desk.rows("--first")
    assert row["sha256"] == digest(body)


def test_not_modified_counts_as_a_look(desk: Desk, site: Site) -> None:
    desk.configure([1])
    tag = '"one"'

    def answer(headers: dict[str, str]) -> Answer:
        if headers.get("if-none-match") == tag:
            return 304, {"ETag": tag}, b""
        return 200, {"ETag": tag}, story(1, banner=banner(67_410_748))

    site.answers[path_of(1)] = answer
    for _ in range(3):
        desk.crawl()
    site.answers[path_of(1)] = (
        200,
        {"ETag": '"two"'},
        story(1, banner=banner(67_410_750, "Nov. 6, 8:00 PM ET")),
    )
    desk.crawl()
    (row,) = desk.rows()
    assert [f["status"] for f in desk.fetches()] == [200, 304, 304, 200]
    assert row["fetch_before"] == 3
    assert row["sha256_before"] != row["sha256"]


def rss(*numbers: int, extra: str = "", host: str = "") -> bytes:
    items = "".join(
        f"<item><title><![CDATA[ S]]></title><link><![CDATA[ {host}{path_of(n)}]]></link></item>"
        for n in numbers
    )
    return (
        '<?xml version="1.0"?><rss version="2.0"><channel><title>t</title>'
        f"{items}{extra}</channel></rss>"
    ).encode()


def test_stories_of_a_feed_are_followed_once_and_a_newcomer_is_added(
    desk: Desk, site: Site
) -> None:
    for number in (1, 2, 3):
        site.answers[path_of(number)] = 200, {}, story(number)
    away = "<item><link>http://127.0.0.2:9/Politics/s/story?id=77</link></item>"
    video = f"<item><link>{site.url}/US/video/clip-88</link></item>"
    site.answers["/feed"] = 200, {}, rss(1, 2, 2, host=site.url, extra=away + video)
    desk.configure([1], discover=("/feed",))
    desk.crawl()
    assert [site.asked(path_of(n)) for n in (1, 2)] == [1, 1]
    assert sorted(path for _, path, _ in site.requests) == sorted(
        ["/robots.txt", "/feed", path_of(1), path_of(2)]
    )
    site.answers["/feed"] = 200, {}, rss(3, 2, host=site.url)
    desk.crawl()
    assert [(row["kind"], row["article"]) for row in desk.rows()] == [("article_added", "3")]


def test_eight_waiting_for_robots_txt_are_all_judged(desk: Desk, site: Site) -> None:
    def slowly(_headers: dict[str, str]) -> Answer:
        time.sleep(0.4)
        return 200, {}, b"User-agent: *\nDisallow: /Politics/s/story?id=5\n"

    site.answers["/robots.txt"] = slowly
    for number in range(1, 9):
        site.answers[path_of(number)] = 200, {}, story(number)
    desk.configure(list(range(1, 9)))
    (line,) = desk.crawl(code=1).splitlines()
    assert path_of(5) in line
    assert "robots.txt" in line
    assert [site.asked(path_of(n)) for n in range(1, 9)] == [1, 1, 1, 1, 0, 1, 1, 1]


def test_requests_keep_their_distance_and_name_us(desk: Desk, site: Site) -> None:
    for number in (1, 2, 3):
        site.answers[path_of(number)] = 200, {"Set-Cookie": "a=b"}, story(number)
    desk.configure([1, 2, 3], delay=0.3)
    desk.crawl()
    times = [moment for moment, _, _ in site.requests]
    assert min(b - a for a, b in pairwise(times)) >= 0.285
    for _, _, headers in site.requests:
        assert "TallyTrail" in headers["user-agent"]
        assert "desk@example.com" in headers["user-agent"]
        assert "cookie" not in headers


def test_a_second_crawl_leaves_the_first_alone_and_a_killed_one_frees_the_lock(
    desk: Desk, site: Site
) -> None:
    going = threading.Event()

    def hang(_headers: dict[str, str]) -> Answer:
        going.wait(20)
        return 200, {}, story(1)

    site.answers[path_of(1)] = hang
    desk.configure([1])
    first = desk.start("crawl")
    desk.wait_for(lambda: site.asked(path_of(1)) == 1)
    (line,) = desk.crawl().splitlines()
    assert "another crawl" in line
    first.kill()
    first.communicate()
    going.set()
    site.answers[path_of(1)] = 200, {}, story(1)
    assert desk.crawl() == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_keeps_what_came(
    desk: Desk, site: Site, number: signal.Signals
) -> None:
    going = threading.Event()

    def hang(_headers: dict[str, str]) -> Answer:
        going.wait(3)
        return 200, {}, story(2)

    site.answers |= {path_of(1): (200, {}, story(1)), path_of(2): hang}
    desk.configure([1, 2, 3], delay=0.05)
    crawl = desk.start("crawl")
    desk.wait_for(lambda: site.asked(path_of(2)) == 1)
    crawl.send_signal(number)
    time.sleep(0.3)
    going.set()
    crawl.communicate(timeout=20)
    assert crawl.returncode == 128 + number
    assert desk.fetches()[0]["outcome"] == "new"
    assert site.asked(path_of(3)) == 0


def test_a_locked_database_is_a_case_for_later(desk: Desk, site: Site) -> None:
    desk.configure([1])
    site.answers[path_of(1)] = 200, {}, story(1)
    desk.crawl()
    with closing(sqlite3.connect(desk.folder / "tallytrail.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        (line,) = desk.crawl(code=75).splitlines()
    assert "tallytrail.db" in line
    assert "later" in line


def test_a_file_that_is_no_database_is_left_as_it_is(desk: Desk) -> None:
    desk.configure([1])
    path = desk.folder / "tallytrail.db"
    path.write_bytes(b"precious notes" * 100)
    (line,) = desk.crawl(code=1).splitlines()
    assert "tallytrail.db" in line
    assert path.read_bytes() == b"precious notes" * 100


def test_what_was_received_and_not_read_is_read_first(desk: Desk, site: Site) -> None:
    from datetime import UTC, datetime

    from storage.database import open_for_writing
    from storage.receiving import Answer as Received
    from storage.receiving import receive

    desk.configure([1])
    site.answers[path_of(1)] = 200, {}, story(1, banner=banner(67_410_748))
    desk.crawl()
    body = story(1, banner=banner(67_410_750, "Nov. 6, 8:00 PM ET"))
    connection = open_for_writing(desk.folder / "tallytrail.db")
    answer = Received(fetched_at=datetime.now(UTC), status=200, wire=body, body=body)
    url = site.url + path_of(1)
    receive(connection, source="abc", url=url, family="story", answer=answer)
    connection.close()
    site.answers[path_of(1)] = 200, {}, story(1, banner=banner(67_410_760, "Nov. 6, 8:05 PM ET"))
    desk.crawl()
    assert [(row["delta"], row["fetch"]) for row in desk.rows()] == [(2, 2), (10, 3)]


@pytest.mark.parametrize("spider", ["results", "articles"])
def test_scrapy_crawl_works_from_the_checkout_on_the_same_files(
    desk: Desk, site: Site, spider: str
) -> None:
    desk.configure([1, 2], delay=0.05)
    site.answers[path_of(1)] = 200, {}, story(1, banner=banner(67_410_748))
    environment = os.environ | {
        "TALLYTRAIL_CONFIG": str(desk.folder / "tallytrail.toml"),
        "TALLYTRAIL_DB": str(desk.folder / "tallytrail.db"),
    }
    done = subprocess.run(
        [BIN / "scrapy", "crawl", spider],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    (line,) = done.stderr.splitlines()
    assert "HTTP 404" in line
    assert (done.returncode, done.stdout) == (1, "")
    assert [f["outcome"] for f in desk.fetches()] == ["new", "failed"]


def test_scrapy_lists_the_spiders() -> None:
    done = subprocess.run(
        [BIN / "scrapy", "list"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert {"results", "articles"} <= set(done.stdout.split())


def test_demo_shows_the_published_figures_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "tallytrail.toml").write_text("mine")
    done = subprocess.run(
        [BIN / "tallytrail", "demo"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert (tmp_path / "tallytrail.toml").read_text() == "mine"
    assert "+4,489,644" in done.stdout
    listed = subprocess.run(
        [
            BIN / "tallytrail",
            "changes",
            "--format",
            "jsonl",
            "--db",
            "tallytrail-demo/tallytrail.db",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    rows = [json.loads(line) for line in listed.stdout.splitlines()]
    assert [
        (r["fetch"], r["kind"], r["candidate"], r["old"], r["new"], r["delta"])
        for r in rows
        if r["race"]
    ] == [
        (2, "votes_increased", "trump", 72_191_978, 75_068_566, 2_876_588),
        (2, "electoral_votes_changed", "trump", 294, 312, 18),
        (2, "votes_increased", "harris", 67_410_748, 71_900_392, 4_489_644),
        (2, "electoral_votes_changed", "harris", 223, 226, 3),
        (2, "expected_vote_changed", None, 90, 95, 5),
        (3, "votes_increased", "trump", 75_068_566, 75_337_035, 268_469),
        (3, "votes_increased", "harris", 71_900_392, 72_168_538, 268_146),
        (3, "expected_vote_changed", None, 95, 96, 1),
    ]
    assert [(r["fetch"], r["kind"]) for r in rows if r["article"]] == [
        (3, "headline_changed"),
        (3, "body_changed"),
        (3, "modified_time_changed"),
    ]


def test_demo_leaves_a_folder_of_somebody_elses_alone(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    done = subprocess.run(
        [BIN / "tallytrail", "demo", "--dir", tmp_path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]


def test_init_writes_once(desk: Desk) -> None:
    assert desk.run("init", "--contact", "desk@example.com").returncode == 0
    text = (desk.folder / "tallytrail.toml").read_text("utf-8")
    assert "desk@example.com" in text
    again = desk.run("init")
    assert again.returncode == 2
    assert (desk.folder / "tallytrail.toml").read_text("utf-8") == text


def test_an_example_contact_is_no_contact(desk: Desk) -> None:
    desk.run("init")
    done = desk.run("crawl")
    assert done.returncode == 2
    assert "contact" in done.stderr


@pytest.mark.parametrize("words", [["changes"], ["results"], ["--help"], ["changes", "--help"]])
def test_reading_the_log_does_not_load_the_crawler(
    desk: Desk, site: Site, words: list[str]
) -> None:
    desk.configure([1])
    site.answers[path_of(1)] = 200, {}, story(1, banner=banner(67_410_748))
    desk.crawl()
    code = (
        "import sys\nfrom crawler.cli import main\ntry:\n    main(sys.argv[1:])\nfinally:\n"
        "    heavy = {'scrapy', 'twisted', 'sqlite_utils', 'bs4', 'rich'} & set(sys.modules)\n"
        "    assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=desk.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_crawl_loads_no_second_web_library_and_nothing_of_the_reports(
    desk: Desk, site: Site
) -> None:
    desk.configure([1])
    site.answers[path_of(1)] = 200, {}, story(1, banner=banner(67_410_748))
    desk.crawl()  # makes the tables, through sqlite-utils
    site.answers[path_of(1)] = 200, {}, story(1, banner=banner(67_410_750))
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *desk.command("crawl")],
        cwd=desk.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.split("\n")}
    assert {"scrapy", "bs4"} <= loaded
    assert loaded.isdisjoint(
        {"aiohttp", "requests", "urllib3", "tldextract", "itemadapter"}
        | {"sqlite_utils", "jinja2", "feedgen", "rich", "datasette", "difflib"}
    )


def test_the_same_log_in_every_surrounding(desk: Desk, site: Site) -> None:
    desk.configure([1])
    site.answers[path_of(1)] = 200, {}, story(1, banner=banner(67_410_748))
    desk.crawl()
    printed = {
        desk.run("changes", "--first", "--format", form, env=os.environ | more).stdout
        for form in ("jsonl",)
        for more in (
            {"TZ": "Asia/Kolkata", "LANG": "C"},
            {"TZ": "America/New_York", "PYTHONHASHSEED": "1"},
            {"TZ": "UTC", "LC_ALL": "C.UTF-8", "NO_COLOR": "1"},
        )
    }
    assert len(printed) == 1
    assert printed.pop().count("\n") == 7


def test_head_of_a_long_log_is_no_error(desk: Desk, site: Site) -> None:
    desk.configure([1])
    site.answers[path_of(1)] = 200, {}, story(1, banner=banner(67_410_748))
    desk.crawl()
    done = subprocess.run(
        ["sh", "-c", '"$0" changes --first --format jsonl | head -1', BIN / "tallytrail"],
        cwd=desk.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1


def test_a_table_that_is_gone_ends_the_crawl_and_is_not_the_site_s_fault(
    desk: Desk, site: Site
) -> None:
    site.answers[path_of(1)] = lambda _: (200, {"Content-Type": "text/html"}, story(1))
    desk.configure([1])
    assert desk.run("crawl").returncode == 0
    plain = sqlite3.connect(desk.folder / "tallytrail.db")
    plain.execute("ALTER TABLE article_sighting RENAME TO taken_away")
    plain.close()
    done = desk.run("crawl")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "tallytrail.db" in line
    assert "article_sighting" in line
    assert "no answer" not in line
