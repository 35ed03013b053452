"""The long half of promises D1, D2, D6 and D7: `make test-deep` runs it."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from tests.faulty_site import (
    NEW,
    OLD,
    Asked,
    Desk,
    FaultySite,
    Pieces,
    Route,
    answer,
    bomb,
    cut,
    feed,
    head,
    packed,
    serving,
    story,
    story_path,
    tallies_of,
)

pytestmark = [pytest.mark.deep, pytest.mark.timeout(600)]

MEGABYTE = 1 << 20
EDITED = {"headline_changed", "body_changed", "modified_time_changed"}


def test_a_page_cut_at_every_byte_is_refused(tmp_path: Path) -> None:
    site = FaultySite()
    whole = story(site, 1, NEW)
    ends = range(1, whole.index(b"</html>") + len(b"</html>"))
    for number in ends:
        site.routes[story_path(number)] = answer(story(site, number, OLD))
    desk = Desk(tmp_path, pages=[site.address + story_path(n) for n in ends])
    with serving(site):
        assert desk.crawl(within=300).code == 0
        for number in ends:
            new = story(site, number, NEW)
            site.routes[story_path(number)] = cut(new, number, "clean")
        ended = desk.crawl(within=300)
    assert ended.code == 1
    looks = desk.last_looks()
    assert {n for n in ends if looks[site.address + story_path(n)]["outcome"] != "refused"} == set()
    assert desk.changes() == []
    assert desk.tallies() == tallies_of(OLD)


def test_a_thousand_requests_none_disallowed_and_none_early(tmp_path: Path) -> None:
    delay = 0.03
    site = FaultySite()
    rule = b"User-agent: *\nDisallow: /Politics/slug-2\n"
    site.routes["/robots.txt"] = [0.3, *answer(rule, kind="text/plain")]
    allowed = [story_path(10_000 + n) for n in range(500)]
    disallowed = [story_path(20_000 + n) for n in range(500)]
    for path in (*allowed, *disallowed):
        site.routes[path] = answer(story(site, int(path.split("=")[1]), banner=False))
    both = [path for pair in zip(allowed, disallowed, strict=True) for path in pair]
    half = len(both) // 2
    site.routes["/feed"] = answer(feed(*(site.address + path for path in both[half:])))
    desk = Desk(
        tmp_path,
        pages=[site.address + path for path in both[:half]],
        discover=[f"{site.address}/feed"],
        delay=delay,
    )
    with serving(site):
        ended = desk.crawl(within=300)
    assert ended.code == 1
    assert len(desk.last_looks()) == 1001
    assert sorted(site.paths()) == sorted([*allowed, "/feed"])
    early = [b.at - a.at for a, b in pairwise(site.asked) if b.at - a.at < delay * 0.95]
    assert early == []
    assert [a.path for a, b in pairwise(site.asked) if (a.ended or b.at) > b.at] == []


def _soup(piece: bytes) -> Callable[[bytes], Route]:
    def made(body: bytes) -> Route:
        room = 1_480_000 - len(body)
        return answer(body.replace(b"</main>", piece * (room // len(piece)) + b"</main>"))

    return made


@pytest.mark.parametrize(
    "made",
    [
        lambda _: packed(bomb(300 * MEGABYTE)),
        lambda _: packed(bomb(1024 * MEGABYTE)),
        lambda _: packed(gzip.compress(gzip.compress(bomb(1024 * MEGABYTE)))),
        lambda body: answer(body + b" " * (15 * MEGABYTE)),
        lambda body: packed(gzip.compress(body + b"<p>" * 5_000_000)),
        _soup(b"<li>x"),
        _soup(b"<p>"),
        _soup(b"<b>"),
        _soup(b"<br>"),
        _soup(b"<li a=1 b=2 c=3 d=4 e=5 f>x"),
        _soup(b"x &amp; y " * 10),
    ],
    ids=[
        "bomb-300M",
        "bomb-1G",
        "bomb-in-bombs",
        "15M",
        "tags-packed",
        "li",
        "p",
        "b",
        "br",
        "attributes",
        "text",
    ],
)
def test_one_page_does_not_take_the_memory_of_the_run(
    tmp_path: Path, made: Callable[[bytes], Route]
) -> None:
    site = FaultySite()
    paths = [story_path(n) for n in (1, 2, 3)]
    for n, path in enumerate(paths, start=1):
        site.routes[path] = answer(story(site, n, OLD, banner=False))
    desk = Desk(tmp_path, pages=[site.address + path for path in paths])
    with serving(site):
        assert desk.crawl().code == 0
        site.routes[paths[0]] = made(story(site, 1, OLD, banner=False))
        for n in (2, 3):
            site.routes[paths[n - 1]] = answer(story(site, n, NEW, banner=False))
        ended = desk.crawl(within=120)
    changed = {(c["url"], c["kind"]) for c in desk.changes()}
    assert changed == {(site.address + path, kind) for path in paths[1:] for kind in EDITED}
    assert ended.seconds <= 90
    assert ended.peak <= 256 * MEGABYTE


def _drip(body: bytes) -> Pieces:
    for byte in body:
        yield bytes([byte])
        yield 0.05


def _slow_body(body: bytes) -> Pieces:
    yield head(200, [("Content-Length", str(len(body)))])
    yield from _drip(body)


def test_slow_hosts_hold_no_run(tmp_path: Path) -> None:
    """With the real time limits: each fault on a host of its own, and six pages of one host."""
    slow: dict[str, Callable[[bytes], Route]] = {
        "head": lambda body: lambda _: _drip(head(200) + body),
        "body": lambda body: lambda _: _slow_body(body),
        "nothing": lambda _: [200.0],
        "no body": lambda _: [head(200, [("Content-Length", "5000")]), 200.0],
    }
    fine = FaultySite()
    fine.routes[story_path(99)] = answer(story(fine, 99, OLD, banner=False))
    sites = [FaultySite(f"127.0.5.{n + 1}") for n in range(len(slow) + 1)]
    pages = []
    for n, (site, made) in enumerate(zip(sites, slow.values(), strict=False)):
        site.routes[story_path(n)] = made(story(site, n))
        pages.append(site.address + story_path(n))
    for n in range(10, 16):
        sites[-1].routes[story_path(n)] = [200.0]
        pages.append(sites[-1].address + story_path(n))
    desk = Desk(tmp_path, pages=[*pages, fine.address + story_path(99)])
    with serving(fine, *sites):
        ended = desk.crawl(within=200)
    looks = desk.last_looks()
    assert ended.code == 1
    assert looks[fine.address + story_path(99)]["outcome"] == "new"
    assert [url for url in pages if looks[url]["outcome"] != "failed"] == []
    assert [url for url in pages if len(ended.about(url)) != 1] == []
    assert ended.seconds <= 90


def test_a_crawl_delay_of_an_hour_holds_no_run(tmp_path: Path) -> None:
    site, fine = FaultySite(), FaultySite("127.0.0.8")
    site.routes["/robots.txt"] = answer(
        b"User-agent: *\nCrawl-delay: 3600\n", kind="text/plain"
    )  # fmt: skip
    for n in (1, 2):
        site.routes[story_path(n)] = answer(story(site, n))
    fine.routes[story_path(3)] = answer(story(fine, 3))
    desk = Desk(
        tmp_path,
        pages=[*(site.address + story_path(n) for n in (1, 2)), fine.address + story_path(3)],
    )
    with serving(site, fine):
        ended = desk.crawl(within=120)
    assert ended.code == 1
    assert ended.seconds <= 90
    assert len(site.asked) <= 2
    assert desk.last_looks()[fine.address + story_path(3)]["outcome"] == "new"
    assert len(ended.about(site.address + story_path(2))) == 1


def test_an_etag_that_stands_still_over_thirteen_crawls(tmp_path: Path) -> None:
    site = FaultySite()
    shown = [story(site, 1, OLD)]

    def route(asked: Asked) -> Pieces:
        if asked.headers.get("if-none-match") == '"fixed"':
            return [head(304, [("ETag", '"fixed"')])]
        return answer(shown[0], ("ETag", '"fixed"'))

    site.routes[story_path(1)] = route
    desk = Desk(tmp_path, pages=[site.address + story_path(1)])
    begun = time.monotonic()
    with serving(site):
        assert desk.crawl().code == 0
        shown[0] = story(site, 1, NEW)
        for _ in range(12):
            assert desk.crawl().code == 0
    assert time.monotonic() - begun < 120
    assert desk.tallies() == tallies_of(NEW)
    asked = [a for a in site.asked if a.path != "/robots.txt"]
    assert ["if-none-match" in a.headers for a in asked] == [False] + [True] * 11 + [False]
