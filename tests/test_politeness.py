"""robots.txt, pauses and Retry-After: promises D6, D7 and D8, by what a site sees arrive."""

from __future__ import annotations

import gzip
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path

import pytest

from tests.faulty_site import (
    FAULT,
    Asked,
    Desk,
    Ended,
    FaultySite,
    Pieces,
    Route,
    answer,
    cut,
    feed,
    head,
    serving,
    story,
    story_path,
)

#: The rule that most of the sites have: one of their two stories is not for robots.
RULE = b"User-agent: *\nDisallow: /Politics/slug-7"
TEXT = "text/plain; charset=utf-8"
#: Clocks and threads: a request may seem to come this much early.
TOLERANCE = 0.95


def robots(body: bytes, status: int = 200) -> Route:
    return answer(body, status=status, kind=TEXT)


def slowly(seconds: float, route: Route) -> Route:
    assert not callable(route)
    return [seconds, *route]


def _endless(_: Asked) -> Pieces:
    yield head(200, [("Content-Type", TEXT)]) + RULE + b"\n"
    for _n in range(2000):
        yield b"# nothing\n" * 6000


HTML_PAGE = b"<!doctype html><html><body><h1>Please enable cookies</h1></body></html>"

#: name -> robots.txt, and whether the allowed and the disallowed story may be asked for then;
#: None: either is right.
FIRST: dict[str, tuple[Route, bool | None, bool | None]] = {
    "a rule": (robots(RULE), True, False),
    "a rule, told slowly": (slowly(0.5, robots(RULE)), True, False),
    "a rule for us": (
        robots(
            RULE.replace(b"*", b"TallyTrail") + b"\n\nUser-agent: *\nAllow: /\n"
        ), True, False,
    ),
    "a rule for others": (
        robots(RULE + b"\n\nUser-agent: TallyTrail\nAllow: /\n"), True, True
    ),
    "all others out": (
        robots(b"User-agent: *\nDisallow: /\n\n" + RULE.replace(b"*", b"tallytrail")), True, False
    ),
    "everybody out": (robots(b"User-agent: *\nDisallow: /\n"), False, False),
    "a pattern": (robots(b"User-agent: *\nDisallow: /*/slug-7*id=\n"), True, False),
    "a BOM before the rule": (robots(b"\xef\xbb\xbf" + RULE), True, False),
    "old line ends": (robots(RULE.replace(b"\n", b"\r")), True, False),
    "600 KB behind the rule": (robots(RULE + b"\n" + b"# nothing\n" * 60_000), True, False),
    "no end behind the rule": (_endless, None, False),
    "nothing in it": (robots(b""), True, True),
    "404": (robots(b"no", 404), True, True),
    "410": (robots(b"no", 410), True, True),
    "403": (robots(b"no", 403), True, True),
    "an HTML page": (robots(HTML_PAGE), None, None),
    "500": (robots(b"no", 500), False, False),
    "503": (robots(b"no", 503), False, False),
    "599": (robots(b"no", 599), False, False),
    "429": (robots(b"no", 429), False, False),
    "closed at once": ([], False, False),
    "no answer": ([9.0], False, False),
    "cut off before the rule": (
        cut(b"# for robots\n" * 9 + RULE, 50, "short", TEXT), None, False
    ),
    "cut off without a length": (
        cut(b"# for robots\n" * 9 + RULE, 50, "noend", TEXT), None, False
    ),
    "packed, though nobody asked": (
        answer(gzip.compress(RULE), ("Content-Encoding", "gzip"), kind=TEXT), None, False
    ),
}  # fmt: skip

#: The same for a second run, after one with the rule.
THEN: dict[str, tuple[Route, bool | None, bool | None]] = {
    "then 500": (robots(b"no", 500), True, False),
    "then 503, an HTML page": (robots(HTML_PAGE, 503), True, False),
    "then no answer": ([9.0], True, False),
    "then closed at once": ([], True, False),
    "then moved": ([head(302, [("Location", "/"), ("Content-Length", "0")])], None, False),
    "then an HTML page": (robots(HTML_PAGE), None, False),
    "then cut off": (cut(b"# for robots\n" * 9 + RULE, 50, "short", TEXT), None, False),
    "then nobody out": (robots(b"User-agent: *\nDisallow:\n"), True, True),
    "then 404": (robots(b"no", 404), True, True),
    "then everybody out": (robots(b"User-agent: *\nDisallow: /\n"), False, False),
}


@dataclass
class Scenes:
    """The long scenes. They mostly wait, so they are played at the same time."""

    town: Future[Town]
    paced: Future[Paced]
    patient: Future[Patient]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenes]:
    folder = tmp_path_factory.mktemp
    with ThreadPoolExecutor(3) as stage:
        yield Scenes(
            stage.submit(play_town, folder("town")),
            stage.submit(play_paced, folder("paced")),
            stage.submit(play_patient, folder("patient")),
        )


@dataclass
class Town:
    """A crawl of many hosts, each with its own robots.txt, and two stories each."""

    desk: Desk
    sites: dict[str, FaultySite]
    runs: list[Ended] = field(default_factory=list)
    #: For each run: what each host was asked for, in order.
    asked: list[dict[str, list[str]]] = field(default_factory=list)

    def crawl(self) -> None:
        before = {name: len(site.asked) for name, site in self.sites.items()}
        self.runs.append(self.desk.crawl(patience=2, within=30))
        self.asked.append({
            name: [a.path for a in site.asked[before[name] :]] for name, site in self.sites.items()
        })  # fmt: skip


def allowed(n: int) -> str:
    return story_path(1000 + n)


def disallowed(n: int) -> str:
    return story_path(7000 + n)


@pytest.fixture(scope="module")
def town(scenes: Scenes) -> Town:
    return scenes.town.result()


def play_town(folder: Path) -> Town:
    names = [*FIRST, *THEN]
    sites = {name: FaultySite(f"127.0.3.{n + 1}") for n, name in enumerate(names)}
    pages = []
    for n, (name, site) in enumerate(sites.items()):
        site.routes["/robots.txt"] = FIRST[name][0] if name in FIRST else robots(RULE)
        # The disallowed one twice over: several wait for robots.txt at once.
        for path in (allowed(n), disallowed(n)):
            site.routes[path] = answer(story(site, n))
            pages.append(site.address + path)
    town = Town(Desk(folder, pages=pages), sites)
    with serving(*sites.values()):
        town.crawl()
        for name, (route, _, _) in THEN.items():
            sites[name].routes["/robots.txt"] = route
        town.crawl()
    return town


def check_robots(town: Town, run: int, name: str, may: bool | None, must_not: bool | None) -> None:
    n = list(town.sites).index(name)
    asked = town.asked[run][name]
    assert asked[0] == "/robots.txt"
    assert asked.count("/robots.txt") == 1
    for path, expected in ((allowed(n), may), (disallowed(n), must_not)):
        if expected is not None:
            assert (path in asked) is expected
        told = town.runs[run].about(town.sites[name].address + path)
        if path not in asked:
            assert len(told) == 1
            assert "robots.txt" in told[0]
            assert FAULT.fullmatch(told[0])


@pytest.mark.parametrize("name", list(FIRST))
def test_robots_txt_is_obeyed(town: Town, name: str) -> None:
    check_robots(town, 0, name, *FIRST[name][1:])


@pytest.mark.parametrize("name", list(THEN))
def test_robots_txt_is_remembered_for_when_it_cannot_be_had(town: Town, name: str) -> None:
    check_robots(town, 0, name, True, False)
    check_robots(town, 1, name, *THEN[name][1:])


def test_pages_that_are_not_asked_for_need_a_look(town: Town) -> None:
    assert [run.code for run in town.runs] == [1, 1]
    assert all(line.startswith("tallytrail: ") for run in town.runs for line in run.lines)


def test_a_robots_txt_of_yesterday_is_too_old(tmp_path: Path) -> None:
    site = FaultySite()
    site.routes |= {"/robots.txt": robots(RULE), story_path(1): answer(story(site, 1))}
    desk = Desk(tmp_path, pages=[site.address + story_path(1)])
    with serving(site):
        assert desk.crawl().code == 0
        site.routes["/robots.txt"] = robots(b"no", 500)
        for hours, code, asked in ((23, 0, 2), (25, 1, 2)):
            then = datetime.now(UTC) - timedelta(hours=hours)
            with closing(sqlite3.connect(desk.database)) as connection, connection:
                connection.execute(
                    "UPDATE host SET robots_at = ?", (f"{then:%Y-%m-%dT%H:%M:%S}.000Z",)
                )
            ended = desk.crawl()
            assert (ended.code, len(site.paths())) == (code, asked)


def test_eight_requests_that_wait_for_robots_txt_are_judged(tmp_path: Path) -> None:
    site = FaultySite()
    site.routes["/robots.txt"] = slowly(0.7, robots(RULE))
    paths = [path for n in range(4) for path in (disallowed(n), allowed(n))]
    for path in paths:
        site.routes[path] = answer(story(site, 1))
    site.routes["/feed"] = answer(feed(*(site.address + disallowed(n) for n in range(4, 9))))
    desk = Desk(
        tmp_path, pages=[site.address + p for p in paths], discover=[f"{site.address}/feed"]
    )
    with serving(site):
        ended = desk.crawl()
    assert sorted(site.paths()) == sorted([*(allowed(n) for n in range(4)), "/feed"])
    assert ended.code == 1


def check_pauses(site: FaultySite, least: float) -> None:
    """No request came early, and none before the one before it was answered."""
    assert len(site.asked) >= 2
    early = [
        (round(b.at - a.at, 3), a.path, b.path)
        for a, b in pairwise(site.asked)
        if b.at - a.at < least * TOLERANCE
    ]
    assert early == []
    open_at_once = [(a.path, b.path) for a, b in pairwise(site.asked) if (a.ended or b.at) > b.at]
    assert open_at_once == []


@pytest.mark.parametrize("runs", [1, 2])
def test_crawl_delay_is_obeyed(tmp_path: Path, runs: int) -> None:
    site = FaultySite()
    site.routes["/robots.txt"] = robots(b"User-agent: *\nCrawl-delay: 1.5\n")
    site.routes[story_path(1)] = answer(story(site, 1))
    desk = Desk(tmp_path, pages=[site.address + story_path(1)])
    with serving(site):
        for _ in range(runs):
            desk.crawl(within=15)
    check_pauses(site, 1.5)


@dataclass
class Paced:
    site: FaultySite
    other: FaultySite
    runs: list[Ended]
    begun: list[int]
    pages: list[str]


DELAY = 0.25


@pytest.fixture(scope="module")
def paced(scenes: Scenes) -> Paced:
    return scenes.paced.result()


def play_paced(folder: Path) -> Paced:
    """A crawl, then at once each spider by itself, of a host with all kinds of answers."""
    site, other = FaultySite(), FaultySite("127.0.0.6")
    etag = ("ETag", '"one"')
    modified = ("Last-Modified", "Wed, 06 Nov 2024 22:05:00 GMT")

    def conditional(body: bytes, header: tuple[str, str], asks: str) -> Route:
        def route(asked: Asked) -> Pieces:
            if asked.headers.get(asks) == header[1]:
                return [head(304, [header])]
            return answer(body, header)

        return route

    site.routes |= {
        story_path(1): conditional(story(site, 1), etag, "if-none-match"),
        story_path(2): conditional(story(site, 2), modified, "if-modified-since"),
        story_path(3): slowly(0.5, answer(story(site, 3))),
        story_path(4): [],
        story_path(5): answer(story(site, 5), etag, modified),
        "/feed": answer(feed(*(site.address + story_path(n) for n in (6, 7, 1))), etag),
        story_path(6): answer(b"", status=500),
        story_path(7): answer(story(site, 7)),
    }
    other.routes[story_path(8)] = answer(story(other, 8))
    pages = [story_path(n) for n in range(1, 6)]
    desk = Desk(
        folder,
        pages=[*(site.address + p for p in pages), other.address + story_path(8)],
        discover=[f"{site.address}/feed"],
        delay=DELAY,
    )
    runs, begun = [], []
    with serving(site, other):
        for spider in (None, "results", "articles"):
            begun.append(len(site.asked))
            runs.append(desk.crawl(spider=spider, within=20))
    return Paced(site, other, runs, begun, pages)


def test_pauses_are_kept_in_a_run_between_runs_and_between_spiders(paced: Paced) -> None:
    assert [run.code for run in paced.runs] == [1, 1, 1]
    check_pauses(paced.site, DELAY)
    check_pauses(paced.other, DELAY)


def test_each_page_is_asked_for_at_most_once_a_run(paced: Paced) -> None:
    ends = [*paced.begun[1:], len(paced.site.asked)]
    for begin, end in zip(paced.begun, ends, strict=True):
        asked = [a.path for a in paced.site.asked[begin:end]]
        assert len(asked) == len(set(asked))
    everything = [a.path for a in paced.site.asked[: ends[0]]]
    extra = ["/robots.txt", "/feed", story_path(6), story_path(7)]
    assert sorted(everything) == sorted([*paced.pages, *extra])


def test_we_say_who_we_are_and_ask_whether_it_has_changed(paced: Paced) -> None:
    for asked in [*paced.site.asked, *paced.other.asked]:
        assert asked.headers["user-agent"].startswith("TallyTrail/")
        assert "desk@example.org" in asked.headers["user-agent"]
    last = {a.path: a.headers for a in paced.site.asked}
    assert last[story_path(1)]["if-none-match"] == '"one"'
    assert last[story_path(2)]["if-modified-since"] == "Wed, 06 Nov 2024 22:05:00 GMT"
    # Where a site gives both, the tag is what counts.
    assert last[story_path(5)]["if-none-match"] == '"one"'
    assert "if-modified-since" not in last[story_path(5)]
    assert last["/feed"]["if-none-match"] == '"one"'


@pytest.mark.parametrize("where", ["/robots.txt", story_path(1)])
def test_the_pause_is_kept_after_a_run_that_was_killed(tmp_path: Path, where: str) -> None:
    site = FaultySite()
    site.routes[story_path(1)] = answer(story(site, 1))
    site.routes[where] = slowly(5, site.routes[where])
    desk = Desk(tmp_path, pages=[site.address + story_path(1)], delay=3.0)
    with serving(site):
        run = desk.start()
        deadline = time.monotonic() + 15
        while where not in [a.path for a in site.asked] and time.monotonic() < deadline:
            time.sleep(0.01)
        run.kill()
        run.wait()
        assert where in [a.path for a in site.asked]
        site.routes[where] = answer(b"", status=404)
        killed_at = len(site.asked)
        again = desk.start()
        while len(site.asked) == killed_at and time.monotonic() < deadline:
            time.sleep(0.01)
        again.kill()
        again.wait()
    assert site.gaps()[killed_at - 1] >= 3.0 * TOLERANCE


# -- Retry-After -----------------------------------------------------------------------------

WAIT = 3


def _later(seconds: int) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


def _date(seconds: int, status: int) -> Route:
    return lambda _: answer(b"busy", ("Retry-After", _later(seconds)), status=status)


#: name -> the path that answers so, what it answers, and whether that holds off the others.
BUSY: dict[str, tuple[str, Route, bool]] = {
    "429, seconds": (
        story_path(1), answer(b"busy", ("Retry-After", str(WAIT)), status=429), True
    ),
    "503, seconds": (
        story_path(1), answer(b"busy", ("Retry-After", str(WAIT)), status=503), True
    ),
    "429, a date": (story_path(1), _date(WAIT + 1, 429), True),
    "503, a date": (story_path(1), _date(WAIT + 1, 503), True),
    "429 in the midst": (
        story_path(4), answer(b"busy", ("Retry-After", str(WAIT)), status=429), True
    ),
    "429, told slowly": (
        story_path(1), [0.5, *answer(b"busy", ("Retry-After", str(WAIT)), status=429)], True
    ),
    "503 for robots.txt": (
        "/robots.txt", answer(b"busy", ("Retry-After", str(WAIT)), status=503), True
    ),
    "429, for ever": (
        story_path(1), answer(b"busy", ("Retry-After", "9" * 400), status=429), True
    ),
    "429, a date past": (story_path(1), _date(-60, 429), False),
    "429, nonsense": (
        story_path(1), answer(b"busy", ("Retry-After", "soon\u00b2"), status=429), False
    ),
    "429, below zero": (
        story_path(1), answer(b"busy", ("Retry-After", "-5"), status=429), False
    ),
    "429 without a time": (story_path(1), answer(b"busy", status=429), False),
}  # fmt: skip


@dataclass
class Patient:
    desk: Desk
    sites: dict[str, FaultySite]
    runs: list[Ended]
    until: list[dict[str, int]]  # how many requests each site had had after each run


@pytest.fixture(scope="module")
def patient(scenes: Scenes) -> Patient:
    return scenes.patient.result()


def play_patient(folder: Path) -> Patient:
    """Two runs while the sites are busy, and one when the time is over."""
    sites = {name: FaultySite(f"127.0.4.{n + 1}") for n, name in enumerate(BUSY)}
    pages = []
    for name, site in sites.items():
        for number in range(1, 9):
            # Eight stories each; their numbers are the same, so each host is a host by itself.
            site.routes[story_path(number)] = answer(story(site, number))
        path, route, _ = BUSY[name]
        site.routes[path] = route
    for n, site in enumerate(sites.values()):
        for number in range(1, 9):
            path = story_path(number)
            own = path.replace("id=", f"id={n + 1}00")
            site.routes[own] = site.routes.pop(path)
            pages.append(site.address + own)
    desk = Desk(folder, pages=pages, delay=0.05)
    runs, until = [], []
    with serving(*sites.values()):
        for pause in (0, 0, WAIT + 2):
            time.sleep(pause)
            if pause:
                for n, (name, site) in enumerate(sites.items()):
                    path = BUSY[name][0].replace("id=", f"id={n + 1}00")
                    site.routes[path] = answer(b"" if path == "/robots.txt" else story(site, 1))
            runs.append(desk.crawl())
            until.append({name: len(site.asked) for name, site in sites.items()})
    return Patient(desk, sites, runs, until)


@pytest.mark.parametrize("name", [name for name in BUSY if BUSY[name][2]])
def test_a_busy_site_is_left_alone_until_the_time_is_over(patient: Patient, name: str) -> None:
    site = patient.sites[name]
    number = list(BUSY).index(name) + 1
    busy = BUSY[name][0].replace("id=", f"id={number}00")
    at = next(n for n, a in enumerate(site.asked) if a.path == busy)
    told_at = site.asked[at].ended
    assert told_at is not None
    early = [
        (a.path, round(a.at - told_at, 2))
        for a in site.asked[at + 1 :]
        if a.at < told_at + WAIT * TOLERANCE
    ]
    assert early == []
    # The second run asked for nothing at all, not for robots.txt either.
    assert patient.until[1][name] == patient.until[0][name]
    for path in (p for p in site.routes if p != "/robots.txt" and p != busy):
        url = site.address + path
        told = patient.runs[1].about(url)
        assert len(told) == 1
        assert FAULT.fullmatch(told[0])
    asked_then = patient.until[2][name] > patient.until[1][name]
    assert asked_then is (name != "429, for ever")


@pytest.mark.parametrize("name", [name for name in BUSY if not BUSY[name][2]])
def test_a_busy_site_that_names_no_time_is_asked_for_its_other_pages(
    patient: Patient, name: str
) -> None:
    # robots.txt and eight stories in each run.
    assert [patient.until[n][name] for n in range(3)] == [9, 18, 27]


def test_busy_sites_need_a_look(patient: Patient) -> None:
    assert [run.code for run in patient.runs[:2]] == [1, 1]
    assert all(run.seconds < 10 for run in patient.runs)
    assert all(line.startswith("tallytrail: ") for run in patient.runs for line in run.lines)
