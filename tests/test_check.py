"""`tallytrail check`: what one runs at six in the evening, on pages good and bad."""

from __future__ import annotations

import fcntl
import subprocess
import time
from pathlib import Path

import pytest

from tests.desk import Desk, Site, banner, path_of, story

BANNER = banner(67_410_748)
GOOD = story(1, banner=BANNER)


@pytest.fixture
def checked(desk: Desk, site: Site) -> Desk:
    desk.configure([1])
    site.answers[path_of(1)] = 200, {}, GOOD
    return desk


def one_line(done: subprocess.CompletedProcess[str], code: int) -> str:
    """What it said on stderr, which is one line of ours, with this exit code."""
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("tallytrail: ")
    return line


def test_it_says_where_the_banner_stands(checked: Desk, site: Site) -> None:
    inside = f'<section class="x y">{BANNER}</section>'
    moved = GOOD.replace(BANNER.encode(), inside.encode())
    (checked.folder / "page.html").write_bytes(moved)
    done = checked.run("check", "page.html", "--url", site.url + path_of(1))
    assert done.returncode == 0
    assert "found in    html > body > section.x.y" in done.stdout


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (GOOD.decode().encode("utf-16"), "REFUSED"),
        (GOOD.replace(b"Clerks", b"Clerks caf\xe9"), "charset"),
        (b"\x1f\x8b\x08\x00nothing that unpacks", "REFUSED"),
        (bytes(range(256)) * 20, "REFUSED"),
        (b"", "REFUSED"),
        (GOOD.replace(b"</body>", b"<p>" * 3_500_000 + b"</body>"), "bytes"),
        (GOOD.replace(b"</body>", b"<p>" * 60_000 + b"</body>"), "tags"),
        (GOOD[: len(GOOD) // 2], "</html>"),
        (b'{"races": []}', "no page"),
    ],
    ids=["utf-16", "latin-1", "gzip", "binary", "empty", "bytes", "tags", "half", "JSON"],
)
def test_a_page_that_a_crawl_refuses_is_refused_here_too(
    checked: Desk, site: Site, body: bytes, said: str
) -> None:
    (checked.folder / "page.html").write_bytes(body)
    began = time.monotonic()
    done = checked.run("check", "page.html", "--url", site.url + path_of(1))
    assert (done.returncode, done.stderr) == (1, "")
    assert said in done.stdout
    assert "none on the page" not in done.stdout
    assert time.monotonic() - began < 10
    if not body.startswith(b"<html"):
        line = one_line(checked.run("check", "page.html"), 2)
        assert "--url" in line


@pytest.mark.parametrize("kind", ["text/plain", "application/json"])
def test_the_declared_type_counts_as_it_does_for_a_crawl(
    checked: Desk, site: Site, kind: str
) -> None:
    site.answers[path_of(1)] = 200, {"Content-Type": kind}, GOOD
    done = checked.run("check", site.url + path_of(1))
    assert (done.returncode, done.stderr) == (1, "")
    assert kind in done.stdout
    assert "67,410,748" not in done.stdout


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((404, {}, b"gone"), "HTTP 404"),
        ((503, {"Retry-After": "600"}, b""), "Retry-After 600"),
        ((301, {"Location": "/elsewhere"}, b""), "moved to http"),
        ((200, {}, b""), "empty"),
        ((200, {"Content-Length": "9999", "Connection": "close"}, GOOD), "dataloss"),
        ((304, {}, b""), "304"),
    ],
    ids=["404", "503", "301", "empty", "cut", "304"],
)
def test_a_page_that_does_not_come_is_one_line_and_1(
    checked: Desk, site: Site, answer: tuple[int, dict[str, str], bytes], said: str
) -> None:
    site.answers[path_of(1)] = answer
    assert said in one_line(checked.run("check", site.url + path_of(1)), 1)


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.2:{port}{path}",
        "http://169.254.169.254{path}",
        "http://localhost:{port}{path}",
        "http://127.0.0.1:{port}@elsewhere.example{path}",
        "ftp://127.0.0.1:{port}{path}",
        "file:///etc/passwd",
        "http://[{path}",
        "http://127.0.0.1:99999{path}",
        "gopher://127.0.0.1:{port}{path}",
    ],
)
def test_nothing_is_asked_of_hosts_that_are_not_configured(
    checked: Desk, site: Site, address: str
) -> None:
    url = address.format(port=site.url.rpartition(":")[2], path=path_of(1))
    one_line(checked.run("check", url), 2)
    assert site.requests == []


def test_a_site_that_asked_for_patience_is_not_asked(checked: Desk, site: Site) -> None:
    site.answers[path_of(1)] = 429, {"Retry-After": "600"}, b""
    checked.crawl(code=1)
    asked = len(site.requests)
    assert "no requests until" in one_line(checked.run("check", site.url + path_of(1)), 1)
    assert len(site.requests) == asked


def test_it_does_not_come_between_two_requests_of_a_crawl(checked: Desk, site: Site) -> None:
    checked.crawl()
    with (checked.folder / "tallytrail.db.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        asked = len(site.requests)
        assert "at work" in one_line(checked.run("check", site.url + path_of(1)), 75)
    assert len(site.requests) == asked


def test_it_keeps_its_distance_from_the_last_crawl(checked: Desk, site: Site) -> None:
    checked.configure([1], delay=3)
    checked.crawl()
    last = site.requests[-1][0]
    assert checked.run("check", site.url + path_of(1)).returncode == 0
    assert site.requests[-2][0] - last >= 0.95 * 3


def test_the_database_is_left_as_it_is(checked: Desk, site: Site) -> None:
    checked.crawl()
    before = checked.fetches()
    assert checked.run("check", site.url + path_of(1)).returncode == 0
    assert checked.fetches() == before


def test_texts_of_the_article_that_are_not_taken_are_named(checked: Desk, tmp_path: Path) -> None:
    more = b"<h2>What is next</h2><ul><li>Canvass on Friday.</li></ul></div></main>"
    (tmp_path / "page.html").write_bytes(GOOD.replace(b"</div></main>", more))
    address = "https://abcnews.go.com/x/story?id=1"
    said = checked.run("check", str(tmp_path / "page.html"), "--url", address).stdout
    assert "ignored: What is next\n" in said
    assert "ignored: Canvass on Friday.\n" in said
    assert "ignored: Clerks" not in said
    assert "ignored: Story 1" not in said


def test_a_file_names_its_own_address(checked: Desk, tmp_path: Path) -> None:
    link = '<link rel="canonical" href="https://abcnews.go.com/x/story?id=1">'
    page = GOOD.decode().replace("</title>", f"</title>{link}")
    (tmp_path / "page.html").write_text(page, "utf-8")
    done = checked.run("check", str(tmp_path / "page.html"))
    assert done.returncode == 0
    assert done.stdout.startswith("https://abcnews.go.com/x/story?id=1\n")
