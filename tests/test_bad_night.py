"""What goes wrong on a bad night, and what a desk is told of it."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest

from crawler.manners import held_until
from tests.desk import ROOT, Answer, Desk, Site, banner, path_of, story

ROBOTS = "/robots.txt"


def test_results_that_vanish_are_told_once_and_the_tallies_stay(desk: Desk, site: Site) -> None:
    desk.configure([1])
    site.answers[path_of(1)] = 200, {}, story(1, banner=banner(67_410_748))
    desk.crawl()
    site.answers[path_of(1)] = 200, {}, story(1)
    (line,) = desk.crawl(code=1).splitlines()
    assert "showed results (president)" in line
    assert desk.crawl() == ""
    assert desk.rows() == []
    assert "67,410,748" in desk.run("results").stdout
    site.answers[path_of(1)] = 200, {}, story(1, banner=banner(67_410_750, "Nov. 6, 8:00 PM ET"))
    assert desk.crawl() == ""
    assert [(row["delta"], row["fetch_before"]) for row in desk.rows()] == [(2, 1)]


def test_half_a_page_with_the_right_length_is_no_edit(desk: Desk, site: Site) -> None:
    desk.configure([1])
    whole = story(1, text="One.</p><p>Two.</p><p>Three.")
    site.answers[path_of(1)] = 200, {}, whole
    desk.crawl()
    for share in (0.3, 0.6, 0.8, 0.9, 0.99):
        site.answers[path_of(1)] = 200, {}, whole[: int(len(whole) * share)]
        (line,) = desk.crawl(code=1).splitlines()
        assert "</html>" in line
    assert desk.rows() == []


@pytest.mark.parametrize("status", [500, 503, 429])
def test_without_robots_txt_nothing_is_asked(desk: Desk, site: Site, status: int) -> None:
    desk.configure([1, 2])
    site.answers |= {ROBOTS: (status, {}, b""), path_of(1): (200, {}, story(1))}
    lines = desk.crawl(code=1).splitlines()
    assert len(lines) == 2
    assert all("robots.txt of 127.0.0.1" in line and str(status) in line for line in lines)
    assert {path for _, path, _ in site.requests} == {ROBOTS}


def test_a_copy_of_robots_txt_serves_for_a_day(desk: Desk, site: Site) -> None:
    desk.configure([1, 2], delay=0.05)
    rules = b"User-agent: *\nDisallow: /Politics/s/story?id=2\n"
    site.answers |= {ROBOTS: (200, {}, rules), path_of(1): (200, {}, story(1))}
    desk.crawl(code=1)
    site.answers[ROBOTS] = 503, {}, b""
    (line,) = desk.crawl(code=1).splitlines()
    assert "robots.txt disallows it" in line
    assert (site.asked(path_of(1)), site.asked(path_of(2))) == (2, 0)
    yesterday = (datetime.now(UTC) - timedelta(hours=25)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    with closing(sqlite3.connect(desk.folder / "tallytrail.db")) as connection, connection:
        connection.execute("UPDATE host SET robots_at = ?", (yesterday,))
    assert len(desk.crawl(code=1).splitlines()) == 2
    assert site.asked(path_of(1)) == 2


def test_crawl_delay_is_honoured(desk: Desk, site: Site) -> None:
    desk.configure([1, 2], delay=0.05)
    site.answers |= {ROBOTS: (200, {}, b"User-agent: *\nCrawl-delay: 1\n")}
    site.answers |= {path_of(n): (200, {}, story(n)) for n in (1, 2)}
    desk.crawl()
    times = [moment for moment, path, _ in site.requests if path != ROBOTS]
    assert times[1] - times[0] >= 1


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_site_that_asks_to_wait_is_left_alone_by_later_runs_too(
    desk: Desk, site: Site, form: str
) -> None:
    desk.configure([1, 2], delay=0.05)
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=5), usegmt=True)
    wait = "5" if form == "seconds" else later
    site.answers |= {path_of(1): (429, {"Retry-After": wait}, b""), path_of(2): (200, {}, story(2))}
    began = time.monotonic()
    first, second = sorted(desk.crawl(code=1).splitlines())
    assert "HTTP 429" in first
    assert "asked for no requests until" in second
    asked = len(site.requests)
    desk.crawl(code=1)
    assert len(site.requests) == asked
    site.answers[path_of(1)] = 200, {}, story(1)
    time.sleep(max(0.0, 9 - (time.monotonic() - began)))
    assert desk.crawl() == ""


@pytest.mark.parametrize(
    ("status", "told", "seconds"),
    [
        (429, "120", 120),
        (503, " 7 ", 7),
        (429, "999999999999", 24 * 3600),
        (429, "Wed, 06 Nov 2024 12:01:00 GMT", 60),
        (429, "Wed, 06 Nov 2030 12:01:00 GMT", 24 * 3600),
        (429, "soon", None),
        (429, "-5", None),
        (429, "", None),
        (200, "120", None),
    ],
)
def test_retry_after(status: int, told: str, seconds: int | None) -> None:
    now = datetime(2024, 11, 6, 12, tzinfo=UTC)
    until = held_until(status, {"retry-after": told}, now)
    assert until == (None if seconds is None else now + timedelta(seconds=seconds))


def test_two_runs_keep_their_distance(desk: Desk, site: Site) -> None:
    desk.configure([1, 2], delay=1.5)
    site.answers |= {path_of(n): (200, {}, story(n)) for n in (1, 2)}
    desk.crawl()
    desk.crawl()
    times = [moment for moment, _, _ in site.requests]
    assert len(times) == 6
    assert min(b - a for a, b in pairwise(times)) >= 1.5


def test_a_name_that_leads_to_a_private_address_is_not_followed(desk: Desk, site: Site) -> None:
    name = socket.gethostname()
    desk.configure([1], delay=0.05)
    path = desk.folder / "tallytrail.toml"
    path.write_text(path.read_text("utf-8").replace("127.0.0.1", name), "utf-8")
    (line,) = desk.crawl(code=1).splitlines()
    assert "no public address" in line or "DNS" in line
    assert site.requests == []


def test_every_twelfth_look_asks_for_the_whole_page(desk: Desk, site: Site) -> None:
    """A site whose ETag stands still must not hide a change for ever."""
    desk.configure([1])

    def sleepy(headers: dict[str, str]) -> Answer:
        if "if-none-match" in headers:
            return 304, {"ETag": '"same"'}, b""
        return 200, {"ETag": '"same"'}, story(1, text=f"Text {len(site.requests)}.")

    site.answers[path_of(1)] = sleepy
    for _ in range(13):
        desk.crawl()
    assert [f["status"] for f in desk.fetches()] == [200, *[304] * 11, 200]
    assert [row["kind"] for row in desk.rows()] == ["body_changed"]


def test_last_modified_serves_where_there_is_no_etag(desk: Desk, site: Site) -> None:
    desk.configure([1])
    changed = "Wed, 06 Nov 2024 22:00:00 GMT"
    site.answers[path_of(1)] = 200, {"Last-Modified": changed}, story(1)
    desk.crawl()
    desk.crawl()
    assert site.requests[-1][2].get("if-modified-since") == changed


def test_a_lock_held_too_long_is_told_with_its_time(desk: Desk, site: Site) -> None:
    desk.configure([1], more='every = "1s"\n')

    def hang(_headers: dict[str, str]) -> Answer:
        time.sleep(8)
        return 200, {}, story(1)

    site.answers[path_of(1)] = hang
    first = desk.start("crawl")
    desk.wait_for(lambda: site.asked(path_of(1)) == 1)
    assert "leaves it alone" in desk.crawl()
    time.sleep(3)
    (line,) = desk.crawl(code=75).splitlines()
    assert f"since {datetime.now(UTC):%Y-%m-%d}" in line
    first.communicate(timeout=20)
    assert first.returncode == 0
    assert desk.run("crawl").returncode == 0


def test_status_tells_what_is_refused_and_since_when(desk: Desk, site: Site) -> None:
    desk.configure([1, 2], delay=0.05)
    fine = story(1, banner=banner(67_410_748))
    site.answers |= {path_of(1): (200, {}, fine), path_of(2): (200, {}, story(2))}
    desk.crawl()
    assert desk.run("status").returncode == 0
    for _ in range(2):
        site.answers[path_of(1)] = 200, {}, fine.replace(b"67,410,748", b"")
        site.answers[path_of(2)] = 500, {}, b""
        desk.crawl(code=1)
    done = desk.run("status", "--format", "json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["needs_a_look"] is True
    one, two = told["pages"]
    assert one["outcomes"] == {"new": 1, "refused in part": 2}
    assert two["outcomes"] == {"failed": 2, "new": 1}
    fetched = [f["fetched_at"] for f in desk.fetches()]
    ((race,), (page,)) = one["troubles"], two["troubles"]
    assert (race["part"], race["since"]) == ("race", fetched[2])
    assert "Harris" in race["reason"]
    assert (page["part"], page["since"]) == ("page", fetched[3])
    assert two["last_accepted"] == fetched[1]
    text = desk.run("status")
    assert text.returncode == 1
    assert "HTTP 500" in text.stdout


def test_status_leaves_pages_alone_that_nobody_looks_at_any_more(desk: Desk, site: Site) -> None:
    desk.configure([1, 2], delay=0.05)
    site.answers[path_of(1)] = 200, {}, story(1)
    desk.crawl(code=1)
    assert "HTTP 404" in desk.run("status").stdout
    desk.configure([1])
    desk.crawl()
    done = desk.run("status")
    assert done.returncode == 0
    assert "no longer looked at" in done.stdout
    assert "HTTP 404" not in done.stdout


def test_status_knows_of_configured_pages_that_were_never_looked_at(desk: Desk, site: Site) -> None:
    desk.configure([1])
    site.answers[path_of(1)] = 200, {}, story(1)
    desk.crawl()
    desk.configure([1, 2])
    done = desk.run("status", "--format", "json")
    assert done.returncode == 1
    one, two = json.loads(done.stdout)["pages"]
    assert (one["url"], one["troubles"]) == (site.url + path_of(1), [])
    assert (two["url"], two["last_look"]) == (site.url + path_of(2), None)
    assert "never" in two["troubles"][0]["reason"]
    assert path_of(2) in desk.run("status").stdout


def test_a_feed_that_names_no_story_any_more_is_loud(desk: Desk, site: Site) -> None:
    item = f"<item><link>{site.url}{path_of(1)}</link></item>"
    rss = '<?xml version="1.0"?><rss version="2.0"><channel>{}</channel></rss>'
    desk.configure([], discover=("/feed",), delay=0.05)
    site.answers |= {"/feed": (200, {}, rss.format(item).encode()), path_of(1): (200, {}, story(1))}
    desk.crawl()
    for gone in ("", item.replace("story?id=", "news/")):
        site.answers["/feed"] = 200, {}, rss.format(gone).encode()
        assert "names no story" in desk.crawl(code=1)
        assert desk.run("status").returncode == 1


def test_a_site_that_lets_us_wait_is_given_up_after_three(desk: Desk, site: Site) -> None:
    """A third is on its way by the time that the second has waited in vain."""
    code = (
        "import sys, crawler.settings as s; s.DOWNLOAD_TIMEOUT = 1;"
        " sys.argv[0] = 'tallytrail'; import crawler.cli as c; c.main()"
    )
    desk.configure([1, 2, 3, 4, 5, 6, 7], delay=0.05)

    enough = threading.Event()

    def hang(_: dict[str, str]) -> Answer:
        enough.wait(30)
        return 200, {}, b""

    site.answers |= {path_of(number): hang for number in range(1, 8)}
    done = subprocess.run(
        [sys.executable, "-c", code, "crawl"],
        cwd=desk.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    enough.set()
    assert done.returncode == 1
    assert sum("takes too long" in line for line in done.stderr.splitlines()) == 3
    assert sum("wait in vain" in line for line in done.stderr.splitlines()) == 4
    assert len(done.stderr.splitlines()) == 7
    assert len(site.requests) == 1 + 3


def test_where_a_host_allows_one_page_a_run_each_has_its_turn(desk: Desk, site: Site) -> None:
    desk.configure([1, 2, 3], delay=0.05)
    site.answers[ROBOTS] = 200, {}, b"User-agent: *\nCrawl-delay: 3600\n"
    site.answers |= {path_of(number): (200, {}, story(number)) for number in (1, 2, 3)}
    for _ in range(6):
        desk.crawl(code=1)  # two were passed over
        with closing(sqlite3.connect(desk.folder / "tallytrail.db")) as connection:
            connection.execute("UPDATE host SET held_until = '2024-11-06T00:00:00.000Z'")
            connection.commit()
    pages = [path for _, path, _ in site.requests if path != ROBOTS]
    assert pages == [path_of(number) for number in (1, 2, 3, 1, 2, 3)]


def test_status_hears_silence(desk: Desk, site: Site) -> None:
    desk.configure([1], more='every = "1s"\n')
    site.answers[path_of(1)] = 200, {}, story(1)
    desk.crawl()
    assert desk.run("status").returncode == 0
    time.sleep(3.1)
    done = desk.run("status")
    assert done.returncode == 1
    assert "cron" in done.stdout


def test_check_says_what_is_read_and_writes_nothing(desk: Desk, site: Site) -> None:
    desk.configure([1])
    damaged = story(1, banner=banner(67_410_748)).replace(b"67,410,748", b"")
    site.answers |= {path_of(1): (200, {}, story(1, banner=banner(67_410_748)))}
    done = desk.run("check", site.url + path_of(1))
    assert (done.returncode, done.stderr) == (0, "")
    assert "67,410,748 votes" in done.stdout
    assert '"Story 1"   from markup' in done.stdout
    (desk.folder / "page.html").write_bytes(damaged)
    refused = desk.run("check", "page.html", "--url", site.url + path_of(1))
    assert refused.returncode == 1
    assert "REFUSED" in refused.stdout
    assert "Harris" in refused.stdout
    assert desk.run("check", "no-such-page.html").returncode == 2
    site.answers[ROBOTS] = 200, {}, b"User-agent: *\nDisallow: /\n"
    disallowed = desk.run("check", site.url + path_of(1))
    assert disallowed.returncode == 1
    assert "robots.txt" in disallowed.stderr
    names = sorted(path.name for path in desk.folder.iterdir())
    assert names == ["page.html", "tallytrail.toml"]


def test_the_crontab_line_works_as_cron_runs_it(desk: Desk, site: Site) -> None:
    desk.configure([1])
    site.answers[path_of(1)] = 200, {}, story(1)
    printed = desk.run("schedule").stdout
    fields, command = printed[: len("*/5 * * * * ")], printed[len("*/5 * * * * ") :]
    assert fields == "*/5 * * * * "

    def as_cron() -> subprocess.CompletedProcess[str]:
        bare = {"HOME": "/", "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "LOGNAME": "nobody"}
        if "PYTHONPATH" in os.environ:
            bare["PYTHONPATH"] = os.environ["PYTHONPATH"]
        return subprocess.run(
            ["/bin/sh", "-c", command.replace("\\%", "%")],
            cwd="/",
            env=bare,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    done = as_cron()
    assert (done.stdout, done.stderr) == ("", "")
    assert [f["outcome"] for f in desk.fetches()] == ["new"]
    site.answers[path_of(1)] = 500, {}, b""
    assert "HTTP 500" in as_cron().stdout
    assert "HTTP 500" in (desk.folder / "tallytrail.db.log").read_text("utf-8")


@pytest.mark.parametrize(
    ("every", "fields"),
    [
        ("60s", "* * * * *"),
        ("1m", "* * * * *"),
        ("15m", "*/15 * * * *"),
        ("1h", "0 */1 * * *"),
        ("6h", "0 */6 * * *"),
        ("24h", "0 0 * * *"),
        ("7m", None),
        ("90s", None),
        ("5h", None),
    ],
)
def test_every_as_cron_counts_it(desk: Desk, every: str, fields: str | None) -> None:
    desk.configure([1], more=f'every = "{every}"\n')
    done = desk.run("schedule")
    if fields is None:
        assert done.returncode == 2
        assert "every" in done.stderr
    else:
        assert done.stdout.startswith(f"{fields} /")
