"""A whole feed by template, over real HTTP: what is asked for, in which order, and what is said."""

from __future__ import annotations

import json
import os
import pty
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.records import instant_text
from tests.desk import Desk, Site, banner, path_of, story
from tests.feed_pages import (
    County,
    District,
    Json,
    Person,
    StateRace,
    as_body,
    governor_file,
    house_file,
    national_electoral,
    senate_file,
    state_file,
)

MAPS = "/elections/national/2024/general/v1/maps"
ELECTORAL = f"{MAPS}/electoral.json"
SENATE = f"{MAPS}/senate.json"
HOUSE = f"{MAPS}/house.json"
GOVERNOR = f"{MAPS}/governor.json"
RESULTS_PAGE = "/Elections/2024-us-presidential-election-results-live-map"
LATER = datetime(2024, 11, 6, 4, 0, tzinfo=UTC)

HARRIS = Person(64984, "Kamala", "Harris", "democrats", 500)
TRUMP = Person(8639, "Donald", "Trump", "republicans", 400)
SCOTT = Person(60001, "Rick", "Scott", "republicans", 70)
POWELL = Person(60002, "Debbie", "Powell", "democrats", 60)


def of_state(state: str, office: str = "electoral") -> str:
    return f"{MAPS}/states/{state}/{office}.json"


class Election:
    """The count as the site tells it: votes of Harris in each state, 400 of Trump everywhere."""

    def __init__(self, site: Site, *states: str) -> None:
        self.site = site
        self.others: dict[str, bool] = {}
        self.votes = dict.fromkeys(states, 500)
        self.updated = dict.fromkeys(states, LATER - timedelta(hours=1))
        self.tell()

    def moves(self, state: str, votes: int) -> None:
        self.votes[state] = votes
        self.updated[state] += timedelta(minutes=1)
        self.tell()

    def race(self, state: str) -> StateRace:
        people = (replace(HARRIS, votes=self.votes[state]), TRUMP)
        fips = {"fl": "12001", "ga": "13001", "wy": "56001"}[state]
        county = County(fips, "First County", {64984: self.votes[state], 8639: 400})
        return StateRace(state, people, (county,), updated=self.updated[state])

    def national(self) -> Json:
        sums = replace(HARRIS, votes=sum(self.votes.values())), replace(TRUMP, votes=1200)
        updated = max(self.updated.values())
        return national_electoral(*sums, *map(self.race, self.votes), updated=updated)

    def state(self, state: str) -> Json:
        others = {"senate": False, "electoral": True, "house": False, **self.others}
        return {**state_file(self.race(state)), "otherStateResults": others}

    def tell(self) -> None:
        answers = self.site.answers
        answers[ELECTORAL] = 200, {}, as_body(self.national())
        for state in self.votes:
            answers[of_state(state)] = 200, {}, as_body(self.state(state))


class Feed:
    """A desk that follows the site's feed."""

    def __init__(self, desk: Desk, site: Site) -> None:
        self.desk, self.site = desk, site
        self._seen = 0

    def configure(
        self,
        *lines: str,
        pages: tuple[str, ...] = (),
        discover: tuple[str, ...] = (),
        top: str = "",
    ) -> None:
        addresses = [self.site.url + path for path in pages]
        feeds = [self.site.url + path for path in discover]
        self.text = (
            f'contact = "desk@example.com"\n{top or "delay = 0"}\n[[source]]\nid = "abc"\n'
            'outlet = "ABC News"\nparser = "abc"\nelection_date = 2024-11-05\n'
            f'feed = "{self.site.url}{MAPS}"\n'
            f"pages = {json.dumps(addresses)}\ndiscover = {json.dumps(feeds)}\n"
            + "".join(f"{line}\n" for line in lines)
        )
        (self.desk.folder / "tallytrail.toml").write_text(self.text, "utf-8")

    def crawl(self, code: int = 0) -> list[str]:
        """The lines that a crawl says."""
        return self.desk.crawl(code).splitlines()

    def asked(self) -> list[str]:
        """The paths that were asked for since this was called last, without robots.txt."""
        new = [path for _, path, _ in self.site.requests[self._seen :] if path != "/robots.txt"]
        self._seen = len(self.site.requests)
        return new

    def query(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.desk.folder / "tallytrail.db")) as connection:
            rows = connection.execute(sql, values).fetchall()
            connection.commit()
            return rows

    def pages(self) -> dict[str, tuple[object, ...]]:
        """Family, knowledge and mark of each page, by path."""
        rows = self.query("SELECT url, family, knowledge, mark FROM page")
        return {str(url).removeprefix(self.site.url): tuple(rest) for url, *rest in rows}


@pytest.fixture
def feed(desk: Desk, site: Site) -> Feed:
    return Feed(desk, site)


THREE = 'states = ["wy", "FL", "ga"]'
PRESIDENT = 'offices = ["president"]'


@pytest.fixture
def election(feed: Feed, site: Site) -> Election:
    feed.configure(THREE, PRESIDENT)
    return Election(site, "fl", "ga", "wy")


# From the template to requests


@pytest.mark.usefixtures("election")
def test_the_national_file_comes_first_then_the_states_in_a_fixed_order(
    feed: Feed,
) -> None:
    assert feed.crawl() == []
    assert feed.asked() == [ELECTORAL, of_state("fl"), of_state("ga"), of_state("wy")]
    known = feed.pages()
    assert known[ELECTORAL] == ("feed", "reported", None)
    family, knowledge, mark = known[of_state("fl")]
    assert (family, knowledge) == ("feed", "captured")
    assert mark
    assert feed.query("SELECT families FROM source") == [('["feed"]',)]


def test_only_states_that_have_moved_are_asked_for_again(feed: Feed, election: Election) -> None:
    feed.crawl()
    feed.asked()
    assert feed.crawl() == []
    assert feed.asked() == [ELECTORAL]
    election.moves("ga", 512)
    assert feed.crawl() == []
    assert feed.asked() == [ELECTORAL, of_state("ga")]
    rows = feed.desk.rows("--counties", "--kind", "votes_increased")
    assert sorted((row["place"], row["delta"]) for row in rows) == [
        ("us", 12),
        ("us/ga", 12),
        ("us/ga/13001", 12),
    ]


def test_a_national_file_that_is_not_modified_tells_what_is_still_to_be_asked(
    feed: Feed, election: Election, site: Site
) -> None:
    body = as_body(election.national())

    def national(headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        same = headers.get("if-none-match") == '"a"'
        return (304, {"ETag": '"a"'}, b"") if same else (200, {"ETag": '"a"'}, body)

    site.answers[ELECTORAL] = national
    site.answers[of_state("ga")] = 500, {}, b""
    feed.crawl(code=1)
    feed.asked()
    election.votes["ga"] = 500
    site.answers[of_state("ga")] = 200, {}, as_body(election.state("ga"))
    assert feed.crawl() == []
    assert feed.asked() == [ELECTORAL, of_state("ga")]
    assert feed.query("SELECT status FROM fetch ORDER BY id DESC LIMIT 2") == [(200,), (304,)]


def test_a_state_that_failed_is_asked_again_although_it_has_not_moved_since(
    feed: Feed, election: Election, site: Site
) -> None:
    feed.crawl()
    election.moves("wy", 530)
    site.answers[of_state("wy")] = 503, {}, b""
    (line,) = feed.crawl(code=1)
    assert "HTTP 503" in line
    site.answers[of_state("wy")] = 200, {}, as_body(election.state("wy"))[:-40]
    (line,) = feed.crawl(code=1)
    assert "refused" in line
    election.tell()
    feed.asked()
    assert feed.crawl() == []
    assert feed.asked() == [ELECTORAL, of_state("wy")]
    assert feed.crawl() == []
    assert feed.asked() == [ELECTORAL]


@pytest.mark.usefixtures("election")
def test_no_state_is_asked_for_when_the_national_file_does_not_come(feed: Feed, site: Site) -> None:
    site.answers[ELECTORAL] = 500, {}, b""
    feed.crawl(code=1)
    assert feed.asked() == [ELECTORAL]


@pytest.mark.usefixtures("election")
def test_follow_all_asks_for_every_state_at_every_crawl(feed: Feed) -> None:
    feed.configure(THREE, PRESIDENT, "follow_all = true")
    feed.crawl()
    feed.asked()
    assert feed.crawl() == []
    assert feed.asked() == [ELECTORAL, of_state("fl"), of_state("ga"), of_state("wy")]


@pytest.mark.usefixtures("election")
def test_a_file_that_is_a_page_too_is_asked_for_once(feed: Feed) -> None:
    feed.configure(THREE, PRESIDENT, pages=(of_state("ga"),))
    feed.crawl()
    assert feed.asked() == [ELECTORAL, of_state("ga"), of_state("fl"), of_state("wy")]
    feed.crawl()
    assert feed.asked() == [ELECTORAL, of_state("ga")]


def test_pages_alone_may_name_files_of_a_feed(desk: Desk, site: Site, feed: Feed) -> None:
    Election(site, "fl")
    desk.configure([])
    path = desk.folder / "tallytrail.toml"
    url = site.url + of_state("fl")
    path.write_text(path.read_text("utf-8").replace("pages = []", f'pages = ["{url}"]'), "utf-8")
    assert feed.crawl() == []
    assert feed.asked() == [of_state("fl")]


def test_a_page_in_place_of_a_file_is_refused(feed: Feed, election: Election, site: Site) -> None:
    feed.crawl()
    site.answers[ELECTORAL] = 200, {}, b"<html><body>Back soon</body></html>"
    (line,) = feed.crawl(code=1)
    assert "a page came in place" in line
    site.answers[ELECTORAL] = 200, {"Content-Type": "text/html"}, as_body(election.national())
    (line,) = feed.crawl(code=1)
    assert "text/html" in line
    for kind in ("application/json", "text/plain", "application/octet-stream"):
        site.answers[ELECTORAL] = 200, {"Content-Type": kind}, as_body(election.national())
        assert feed.crawl() == []


# Other offices


@pytest.fixture
def offices(feed: Feed, election: Election, site: Site) -> Election:
    """Florida has results for the Senate, in a file that is there; Georgia's is not there."""
    feed.configure('states = ["fl", "ga"]', 'offices = ["senate", "president"]')
    races = [StateRace(state, (SCOTT, POWELL)) for state in ("fl", "ga")]
    site.answers[SENATE] = 200, {}, as_body(senate_file(*races))
    site.answers[of_state("fl", "senate")] = 200, {}, as_body(state_file(races[0], office="senate"))
    election.others = {"senate": True}
    election.tell()
    return election


def test_files_of_other_offices_are_asked_for_where_the_states_own_file_has_them(
    feed: Feed, offices: Election, site: Site
) -> None:
    offices.others = {"senate": False}
    site.answers[of_state("ga")] = 200, {}, as_body(offices.state("ga"))
    feed.crawl()
    assert feed.asked() == [
        ELECTORAL,
        SENATE,
        of_state("fl"),
        of_state("ga"),
        of_state("fl", "senate"),
    ]
    races = [StateRace(s, (replace(SCOTT, votes=99), POWELL)) for s in ("fl", "ga")]
    site.answers[SENATE] = 200, {}, as_body(senate_file(*races))
    feed.crawl()
    # What an earlier crawl was told of the state still holds.
    assert feed.asked() == [ELECTORAL, SENATE, of_state("fl", "senate")]


def made_a_day_earlier(feed: Feed, path: str) -> None:
    """As if the looks at the page were more than a day old."""
    long_ago = instant_text(datetime.now(UTC) - timedelta(days=1, minutes=1))
    (sql,) = feed.query("SELECT sql FROM sqlite_master WHERE name = 'fetch_read_once'")[0]
    feed.query("DROP TRIGGER fetch_read_once")
    feed.query(
        "UPDATE fetch SET fetched_at = ? WHERE page = (SELECT id FROM page WHERE url = ?)",
        long_ago,
        feed.site.url + path,
    )
    feed.query(str(sql))


@pytest.mark.parametrize("status", [403, 404, 410])
@pytest.mark.usefixtures("offices")
def test_a_guess_that_is_not_there_is_said_once_and_asked_for_daily(
    feed: Feed, site: Site, status: int
) -> None:
    guess = of_state("ga", "senate")
    site.answers[guess] = status, {}, b"not here"
    (line,) = feed.crawl()
    assert line == (
        f"tallytrail: abc: {site.url}{guess}: a guessed address that is not there;"
        " asked again daily"
    )
    assert guess in feed.asked()
    assert feed.desk.run("status").returncode == 0
    assert feed.crawl() == []
    assert guess not in feed.asked()
    made_a_day_earlier(feed, guess)
    assert feed.crawl() == []
    assert guess in feed.asked()
    assert feed.crawl() == []
    assert guess not in feed.asked()


@pytest.mark.usefixtures("offices")
def test_a_guess_that_was_there_once_fails_as_usual(feed: Feed, site: Site) -> None:
    guess = of_state("fl", "senate")
    feed.crawl()
    races = [StateRace(s, (replace(SCOTT, votes=99), POWELL)) for s in ("fl", "ga")]
    site.answers[SENATE] = 200, {}, as_body(senate_file(*races))
    site.answers[guess] = 404, {}, b""
    (line,) = feed.crawl(code=1)
    assert f"{guess}: HTTP 404" in line
    assert "guess" not in line


@pytest.mark.usefixtures("election")
def test_a_reported_file_that_is_not_there_is_a_failure(feed: Feed) -> None:
    feed.configure(THREE, 'offices = ["president", "senate"]')
    (line,) = feed.crawl(code=1)
    assert f"{SENATE}: HTTP 404" in line


@pytest.mark.usefixtures("election")
def test_governors_are_followed_on_request_only(feed: Feed, site: Site) -> None:
    feed.configure("states = []")
    site.answers[SENATE] = 200, {}, as_body(senate_file(StateRace("fl", (SCOTT, POWELL))))
    house = StateRace("fl", districts=(District(1, (SCOTT, POWELL)),))
    site.answers[HOUSE] = 200, {}, as_body(house_file(house))
    assert feed.crawl() == []
    assert feed.asked() == [ELECTORAL, SENATE, HOUSE]
    feed.configure("states = []", 'offices = ["Governor"]')
    (line,) = feed.crawl()
    assert feed.asked() == [GOVERNOR]
    assert "guessed address" in line
    assert feed.desk.run("status").returncode == 0
    made_a_day_earlier(feed, GOVERNOR)
    site.answers[GOVERNOR] = 200, {}, as_body(governor_file(StateRace("fl", (SCOTT, POWELL))))
    assert feed.crawl() == []


# Results before stories, and stories in the time that is left


def rss(*numbers: int) -> bytes:
    links = "".join(f"<item><link>{{}}{path_of(n)}</link></item>" for n in numbers)
    return f"<?xml version='1.0'?><rss><channel>{links}</channel></rss>".encode()


def with_stories(site: Site, *numbers: int) -> None:
    for number in numbers:
        site.answers[path_of(number)] = 200, {}, story(number)
    site.answers["/rss"] = 200, {}, rss(*numbers).replace(b"{}", site.url.encode())


@pytest.mark.usefixtures("election")
def test_results_come_before_stories(feed: Feed, site: Site) -> None:
    with_stories(site, 1, 2)
    lines = banner(67_410_748)
    site.answers[RESULTS_PAGE] = 200, {}, f"<html><body>{lines}</body></html>".encode()
    feed.configure(THREE, PRESIDENT, pages=(path_of(1), RESULTS_PAGE), discover=("/rss",))
    feed.crawl()
    assert feed.asked() == [
        ELECTORAL,
        RESULTS_PAGE,
        of_state("fl"),
        of_state("ga"),
        of_state("wy"),
        path_of(1),
        "/rss",
        path_of(2),
    ]
    assert feed.query("SELECT families FROM source") == [('["feed", "results_page", "story"]',)]


@pytest.mark.usefixtures("election")
def test_stories_have_what_time_the_results_leave_and_the_others_come_first_next_time(
    feed: Feed, site: Site
) -> None:
    """Five stories; a crawl may last for 7 requests, of which 4 are for results and 1 for RSS."""
    with_stories(site, 1, 2, 3, 4, 5)
    top = 'every = "7s"\ndelay = 1'
    feed.configure('states = ["fl", "ga", "wy"]', PRESIDENT, discover=("/rss",), top=top)
    said = []
    looked = []
    for _ in range(3):
        said += feed.crawl()
        looked.append([path for path in feed.asked() if "story" in path])
    assert looked == [
        [path_of(1), path_of(2)],
        [path_of(3), path_of(4)],
        [path_of(5), path_of(1)],
    ]
    assert said == []  # on a terminal only


@pytest.mark.usefixtures("election")
def test_there_is_time_for_one_story_always(feed: Feed, site: Site) -> None:
    with_stories(site, 1, 2)
    feed.configure(THREE, PRESIDENT, discover=("/rss",), top='every = "1s"\ndelay = 0.5')
    looked = []
    for _ in range(2):
        feed.crawl()
        looked += [path for path in feed.asked() if "story" in path]
    assert looked == [path_of(1), path_of(2)]


def on_a_terminal(desk: Desk) -> str:
    ours, theirs = pty.openpty()
    words = desk.command("crawl")
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "200"}
    with subprocess.Popen(
        words, cwd=desk.folder, stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    ):
        os.close(theirs)
        return b"".join(_all(ours)).decode()


def _all(ours: int) -> Iterator[bytes]:
    while True:
        try:
            chunk = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        if not chunk:
            break
        yield chunk
    os.close(ours)


@pytest.mark.usefixtures("election")
def test_a_terminal_is_told_what_a_full_look_needs_and_what_is_left_over(
    feed: Feed, site: Site
) -> None:
    with_stories(site, 1, 2, 3)
    feed.configure(THREE, PRESIDENT, discover=("/rss",), top='every = "1s"\ndelay = 0.5')
    said = on_a_terminal(feed.desk)
    assert "a full look: 4 requests, at least 2 s" in said
    assert "2 stories are left for the next crawl" in said


@pytest.mark.usefixtures("offices")
def test_files_of_other_offices_count_once_they_have_answered(
    feed: Feed,
) -> None:
    assert "a full look: 4 requests, at least 0 s" in on_a_terminal(feed.desk)
    assert "a full look: 5 requests, at least 0 s" in on_a_terminal(feed.desk)


# What is told


def test_what_is_not_believed_is_told_once_and_asked_for_until_it_is(
    feed: Feed, election: Election, site: Site
) -> None:
    election.votes = dict.fromkeys(election.votes, 50_000)
    election.tell()
    feed.crawl()
    election.moves("fl", 50_001)
    zeros = (replace(HARRIS, votes=0), replace(TRUMP, votes=0))
    later = election.updated["fl"] + timedelta(minutes=1)
    zero = StateRace("fl", zeros, election.race("fl").counties, updated=later)
    site.answers[of_state("fl")] = 200, {}, as_body(state_file(zero))
    (line,) = feed.crawl(code=1)
    assert line == (
        f"tallytrail: abc: {site.url}{of_state('fl')}: president us/fl: 0 votes now, 50,401"
        " before; shown as unconfirmed until a later look confirms it"
    )
    feed.asked()
    assert feed.crawl() == []
    assert feed.asked() == [ELECTORAL, of_state("fl")]  # the national file stands still


def test_a_field_that_is_not_known_is_told_once_and_no_fault(
    feed: Feed, election: Election, site: Site
) -> None:
    payload = election.state("fl")
    payload["races"][0]["shade"] = "blue"
    site.answers[of_state("fl")] = 200, {}, as_body(payload)
    (line,) = feed.crawl()
    assert line.startswith(f"tallytrail: abc: {site.url}{of_state('fl')}: races[].shade: ")
    election.votes["fl"] = 501
    election.updated["fl"] += timedelta(minutes=1)
    site.answers[ELECTORAL] = 200, {}, as_body(election.national())
    payload = election.state("fl")
    payload["races"][0]["shade"] = "red"
    site.answers[of_state("fl")] = 200, {}, as_body(payload)
    assert feed.crawl() == []


# Results pages


@pytest.mark.parametrize("end", ["", "/"])
def test_a_results_page_shows_its_banner_and_no_story(
    desk: Desk, site: Site, feed: Feed, end: str
) -> None:
    path = f"{RESULTS_PAGE}{end}"
    site.answers[path] = 200, {}, f"<html><body>{banner(67_410_748)}</body></html>".encode()
    feed.configure(pages=(path,))
    text = feed.text.replace(f'feed = "{site.url}{MAPS}"\n', "")
    (desk.folder / "tallytrail.toml").write_text(text, "utf-8")
    assert feed.crawl() == []
    assert feed.query("SELECT count(*) FROM article") == [(0,)]
    assert feed.query("SELECT votes FROM tally ORDER BY votes") == [(67_410_748,), (72_191_978,)]
    site.answers[path] = 200, {}, b"<html><body><h1>Results</h1></body></html>"
    (line,) = feed.crawl(code=1)
    assert "no results found" in line


# check


def test_check_reads_a_file_of_the_feed_and_writes_nothing(
    feed: Feed, election: Election, site: Site
) -> None:
    payload = election.state("fl")
    payload["races"][0]["shade"] = "blue"
    del payload["races"][0]["counties"][0]["fips"]
    site.answers[of_state("fl")] = 200, {}, as_body(payload)
    done = feed.desk.run("check", site.url + of_state("fl"))
    assert done.returncode == 1
    assert "feed, a real one was captured, read by abc 2" in done.stdout
    assert "president: races 1; places: 1 states" in done.stdout
    assert "Kamala Harris: 500 votes" in done.stdout
    assert "unknown field: races[].shade" in done.stdout
    assert "REFUSED  race president" in done.stdout
    assert "fips is missing" in done.stdout
    assert not (feed.desk.folder / "tallytrail.db").exists()
    national = feed.desk.run("check", site.url + ELECTORAL)
    assert national.returncode == 0
    assert "president: races 1; places: 1 nation, 3 states" in national.stdout


def test_check_reads_a_results_page(desk: Desk, feed: Feed, site: Site, tmp_path: Path) -> None:
    feed.configure()
    page = tmp_path / "page.html"
    page.write_text(f"<html><body>{banner(67_410_748)}</body></html>", "utf-8")
    done = desk.run("check", str(page), "--url", site.url + RESULTS_PAGE)
    assert done.returncode == 0
    assert "results_page, read by abc 2" in done.stdout
    assert "67,410,748 votes" in done.stdout
    assert "found in    html > body" in done.stdout
