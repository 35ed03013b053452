"""How a crawl behaves towards a site: what it asks for, how soon, and whom it names."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from itertools import pairwise
from pathlib import Path

import pytest

from tests import site as web
from tests.site import ROBOTS, Bureau, Site, path_of, story, told, wait_for


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        yield site


@pytest.fixture
def bureau(tmp_path: Path) -> Bureau:
    return Bureau(tmp_path)


def slowly(seconds: float, then: web.Answer) -> web.Answer:
    def send(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(seconds)
        then(handler)

    return send


def test_one_disallowed_story_among_eight_that_wait_for_robots_txt_is_never_asked_for(
    site: Site, bureau: Bureau
) -> None:
    rules = f"User-agent: *\nDisallow: {path_of(6)}\n".encode()
    for number in range(1, 9):
        site.shows(number)
    bureau.configure(*(site.url + path_of(number) for number in range(1, 9)))
    site.answers[ROBOTS] = slowly(0.4, web.answer(rules))
    (line,) = bureau.crawl(code=1)
    assert f"{site.url}{path_of(6)}: robots.txt disallows it" in line
    expected = [ROBOTS, *(path_of(number) for number in range(1, 9) if number != 6)]
    assert sorted(request.path for request in site.requests) == sorted(expected)
    assert site.requests[0].path == ROBOTS
    failed = [f for f in bureau.fetches() if f["outcome"] == "failed"]
    assert told(failed, "url", "status", "body") == [(site.url + path_of(6), None, None)]
    assert "robots.txt" in failed[0]["reason"]


def test_rules_for_us_by_name_and_for_feeds_are_obeyed(site: Site, bureau: Bureau) -> None:
    rules = b"User-agent: *\nDisallow:\n\nUser-agent: TallyTrail\nDisallow: /feed\n"
    site.answers |= {ROBOTS: web.answer(rules), "/feed": web.answer(web.rss())}
    site.shows(1)
    bureau.configure(site.url + path_of(1), discover=[site.url + "/feed"])
    (line,) = bureau.crawl(code=1)
    assert f"{site.url}/feed: robots.txt" in line
    assert sorted(request.path for request in site.requests) == [path_of(1), ROBOTS]


def test_requests_keep_the_delay_name_us_offer_gzip_and_never_send_a_cookie_back(
    site: Site, bureau: Bureau
) -> None:
    """Two crawls at a site that sets a cookie with each answer; robots.txt counts as well."""
    cookie = {"Set-Cookie": "visitor=42; Path=/"}
    links = web.rss(site.url + path_of(2))
    site.answers |= {
        ROBOTS: web.answer(b"User-agent: *\nDisallow:\n", headers=cookie),
        "/feed": web.answer(links, headers=cookie),
    }
    for number in (1, 2):
        site.answers[path_of(number)] = web.answer(story(number), headers=cookie)
    bureau.configure(site.url + path_of(1), discover=[site.url + "/feed"], delay=0.3)
    bureau.quiet_crawl()
    bureau.quiet_crawl()
    assert len(site.requests) == 8
    gaps = [later.at - earlier.at for earlier, later in pairwise(site.requests)]
    assert min(gaps) >= 0.285, gaps
    for request in site.requests:
        agent = request.headers["user-agent"]
        assert agent.startswith("TallyTrail/")
        assert web.CONTACT in agent
        assert "cookie" not in request.headers
        if request.path != ROBOTS:
            assert request.headers["accept-encoding"] == "gzip"


def test_a_request_that_gets_no_answer_is_not_sent_again_at_once(
    site: Site, bureau: Bureau
) -> None:
    site.shows(1)
    site.answers[path_of(2)] = web.says(b"")  # hangs up on a connection that had served before
    bureau.configure(site.url + path_of(1), site.url + path_of(2), delay=0.3)
    (line,) = bureau.crawl(code=1)
    assert path_of(2) in line
    gaps = [later.at - earlier.at for earlier, later in pairwise(site.requests)]
    assert min(gaps) >= 0.285, gaps
    assert site.asked(path_of(2)) == 1


def sockets_of(process: int) -> set[str]:
    """The inodes of the sockets that a process holds."""
    found = set()
    for link in Path(f"/proc/{process}/fd").iterdir():
        try:
            inode = re.fullmatch(r"socket:\[(\d+)\]", str(link.readlink()))
        except FileNotFoundError:  # closed meanwhile
            continue
        if inode:
            found.add(inode[1])
    return found


def connections_of(process: int) -> list[tuple[str, str]]:
    """The TCP and UDP sockets of a process: remote port (hexadecimal) and state."""
    own = sockets_of(process)
    found = []
    for table in ("tcp", "tcp6", "udp", "udp6"):
        path = Path(f"/proc/{process}/net/{table}")
        lines = path.read_text("ascii").splitlines()[1:] if path.exists() else []
        for fields in map(str.split, lines):
            if fields[9] in own:
                found.append((fields[2].rpartition(":")[2], fields[3]))
    return found


@pytest.mark.skipif(not Path("/proc/self/net/tcp").exists(), reason="there is no /proc here")
def test_a_crawl_opens_no_port_and_talks_to_the_site_alone(site: Site, bureau: Bureau) -> None:
    released = threading.Event()
    site.answers[path_of(1)] = web.when_released(released, web.answer(story(1)))
    bureau.configure(site.url + path_of(1))
    crawl = bureau.start("crawl")
    wait_for(lambda: site.asked(path_of(1)))
    time.sleep(0.1)
    found = connections_of(crawl.pid)
    released.set()
    assert crawl.communicate(timeout=20) == ("", "")
    assert found, "the connection to the site is seen"
    established, port = "01", f"{int(site.host.rpartition(':')[2]):04X}"
    assert set(found) == {(port, established)}
