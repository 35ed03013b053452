"""Clarity ENR: what is read from its files, and one election followed over its versions."""

from __future__ import annotations

import copy
import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.parsers import PARSERS
from crawler.parsers.clarity import Clarity
from crawler.sources import read_configuration
from storage.records import RaceState, Snapshot, instant_text
from tests.desk import Desk, Site

BASE = "https://results.enr.clarityelections.com/GA/105369"
SUMMARY = f"{BASE}/{{version}}/json/en/summary.json"
COUNTY = "https://results.enr.clarityelections.com/GA/Ben_Hill/105371"
CLARITY = Clarity()

Json = Any


def contest(
    key: str,
    title: str,
    votes: Sequence[tuple[str, object]],
    *,
    winners: Sequence[int] = (),
    seats: int = 1,
    reporting: tuple[int, int] = (40, 159),
) -> Json:
    """One contest as its readers report it, with the fields that nothing here reads."""
    return {
        "CATKEY": "C_0",
        "C": title,
        "K": key,
        "VF": seats,
        "PR": reporting[0],
        "TP": reporting[1],
        "T": 0,
        "CH": [name for name, _ in votes],
        "P": ["NP"] * len(votes),
        "PCT": [12.5] * len(votes),
        "V": [number for _, number in votes],
        "W": [int(at in winners) for at in range(len(votes))],
    }


def summary() -> Json:
    return [
        contest("5000", "President of the  United States", [("Ada Able", 500), ("Bo Best", 400)]),
        contest("10000", "US Senate (Able)", [("Cy Cole", 300), ("Di Dunn", 310)], winners=[1]),
        contest("10100", "US Senate (Best) - Special", [("Ed East", 30), ("Flo Fox", 31)]),
        contest("20013", "U.S. House, District 13", [("Gus Gray", 7), ("Hal Hill", 8)]),
        contest("30000", "Sheriff", [("Ina Ives", "1,234"), ("Jo Joy", "99")], winners=[0]),
        contest("40000", "City Council", [("Kit", 5), ("Lou", 6), ("Moe", 7)], seats=2),
        contest("50000", "Amendment 1", [("Yes", 10), ("No", 11)]),
    ]


def parsed(document: Json, url: str = SUMMARY) -> Snapshot:
    return raw(json.dumps(document).encode(), url)


def raw(body: bytes, url: str = SUMMARY, family: str = "feed") -> Snapshot:
    return PARSERS["clarity"].parse(
        family,
        body,
        url=url,
        charset=None,
        election_date=date(2020, 11, 3),
        fetched_at=datetime(2020, 11, 4, tzinfo=UTC),
    )


def race(document: Json, slug: str, url: str = SUMMARY) -> RaceState:
    (found,) = [race for race in parsed(document, url).races if race.race == slug]
    return found


def only_reason(document: Json) -> str:
    (refusal,) = parsed(document).refusals
    return refusal.reason


# -- addresses -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        BASE,
        f"{BASE}/",
        f"{BASE}/web.345435/#/summary",
        f"{BASE}/web.345435/#/detail/5000?v=1",
        f"{BASE}#/summary",
        f"{BASE}/current_ver.txt",
        f"{BASE}/271066/json/en/summary.json",
        f"{BASE}/271066/Web01/en/summary.html",
        BASE.replace(".com/", ".com//"),
    ],
)
def test_an_election_is_known_by_whatever_address_people_have_of_it(url: str) -> None:
    assert CLARITY.looked_at(url) == f"{BASE}/current_ver.txt"


def test_other_hosts_and_counties_have_the_same_paths() -> None:
    for url in ("https://www.enr-scvotes.org/SC/106502", COUNTY, "http://x.example:8080/IA/126082"):
        file = CLARITY.looked_at(f"{url}/")
        assert file == f"{url}/current_ver.txt"
        assert CLARITY.family_of(file) == "version"
        behind = CLARITY.versioned(file)
        assert behind == f"{url}/{{version}}/json/en/summary.json"
        assert CLARITY.family_of(behind) == "feed"
    assert CLARITY.versioned(SUMMARY) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://results.enr.clarityelections.com/",
        "https://results.enr.clarityelections.com/GA/",
        "https://results.enr.clarityelections.com/GA/Appling/",
        "https://results.enr.clarityelections.com/WRC/Winnebago/107127/",
        "https://results.enr.clarityelections.com/ZZ/107127/",
        "https://results.enr.clarityelections.com/GA/___/107127/",
        "ftp://x.example/GA/105369/",
    ],
)
def test_what_names_no_election_of_a_state_has_no_reader(url: str) -> None:
    assert CLARITY.looked_at(url) == url
    assert CLARITY.family_of(url) is None
    assert parsed(summary(), url).refusals[0].part == "page"


# -- versions --------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"271066", b"271066\n", b" 7 ", b"999999999999"])
def test_a_version_is_a_number_and_shows_nothing(body: bytes) -> None:
    assert CLARITY.version(body) == body.strip().decode()
    assert raw(body, f"{BASE}/current_ver.txt", "version") == Snapshot()


@pytest.mark.parametrize(
    "body",
    [b"", b"\n", b"<html>", b"-5", b"0", b"007", b"1.5", b"1e3", b"1 2", b"9" * 13, b"9" * 9999,
     "\u0661\u0662".encode(), b"\xff\xfe", b'"271066"', b"../1"],
)  # fmt: skip
def test_what_is_no_number_is_no_version(body: bytes) -> None:
    assert CLARITY.version(body) is None
    (refusal,) = raw(body, f"{BASE}/current_ver.txt", "version").refusals
    assert refusal.part == "page"
    assert "the version is no number" in refusal.reason
    assert len(refusal.reason) < 200


# -- races -----------------------------------------------------------------------------------


def test_races_are_named_by_office_or_else_by_key() -> None:
    snapshot = parsed(summary())
    assert snapshot.refusals == ()
    assert [(r.race, r.place, r.title) for r in snapshot.races] == [
        ("president", "us/ga", "President of the United States"),
        ("senate/ga", "us/ga", "US Senate (Able)"),
        ("senate/ga-special", "us/ga", "US Senate (Best) - Special"),
        ("house/ga-13", "us/ga-13", "U.S. House, District 13"),
        ("contest/ga-105369-30000", "us/ga", "Sheriff"),
        ("contest/ga-105369-40000", "us/ga", "City Council"),
        ("contest/ga-105369-50000", "us/ga", "Amendment 1"),
    ]


def test_a_county_is_the_place_and_the_state_is_the_states() -> None:
    url = f"{COUNTY}/{{version}}/json/en/summary.json"
    snapshot = parsed(summary(), url)
    assert {race.place for race in snapshot.races} == {"us/ga/ben-hill"}
    assert {race.place_name for race in snapshot.races} == {"Ben Hill"}
    slugs = [race.race for race in snapshot.races]
    assert slugs[:4] == ["president", "senate/ga", "senate/ga-special", "house/ga-13"]
    assert slugs[4] == "contest/ga-105371-30000"


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("President", "president"),
        ("US President", "president"),
        ("For President of the US", "president"),
        ("President / Vice President", "president"),
        ("President and Vice President of the United States", "president"),
        ("Governor", "governor/ga"),
        ("Governor/Lt. Governor", "governor/ga"),
        ("UNITED STATES SENATOR", "senate/ga"),
        ("U.S. Senate - Special Election", "senate/ga-special"),
        ("US House of Representatives District 7", "house/ga-07"),
        ("United States Representative, 2nd District", "house/ga-02"),
        ("Representative in Congress, 12th Congressional District", "house/ga-12"),
        ("Lieutenant Governor", None),
        ("State Senate District 5", None),
        ("State House District 5", None),
        ("President of the County Board", None),
        ("Governor's Council", None),
        ("US Senate - Rep", None),
        ("US House District 113", None),
        ("", None),
        ("\u202e", None),
    ],
)
def test_the_table_of_titles(title: str, slug: str | None) -> None:
    (found,) = parsed([contest("7", title, [("A", 1)])]).races
    assert found.race == (slug or "contest/ga-105369-7")


def test_two_contests_of_one_office_are_told_apart_by_their_keys() -> None:
    document = [
        contest("1", "Governor (Dem)", [("A", 1)]),
        contest("2", "Governor (Rep)", [("B", 2)]),
        contest("3", "US Senate", [("C", 3)]),
    ]
    slugs = ["contest/ga-105369-1", "contest/ga-105369-2", "senate/ga"]
    assert [race.race for race in parsed(document).races] == slugs
    # Also while one of them is refused: the other must not take the name of the office.
    del document[0]["V"]
    snapshot = parsed(document)
    assert [race.race for race in snapshot.races] == slugs[1:]
    assert snapshot.refusals[0].race == slugs[0]


def test_a_title_that_changes_changes_no_race() -> None:
    before, after = summary(), summary()
    after[4]["C"], after[6]["C"] = "Sheriff (unexpired term)", ""
    after[0]["C"] = "US President"
    assert parsed(before).races == parsed(after).races


# -- figures ---------------------------------------------------------------------------------


def test_figures_flags_and_precincts() -> None:
    senate = race(summary(), "senate/ga")
    assert [(t.candidate, t.name, t.votes, t.party) for t in senate.tallies] == [
        ("cy cole", "Cy Cole", 300, "NP"),
        ("di dunn", "Di Dunn", 310, "NP"),
    ]
    assert senate.projection == "di dunn"
    assert senate.precincts_pct == 25.16
    assert senate.expected_vote_pct is None
    assert senate.source_updated_at is None
    sheriff = race(summary(), "contest/ga-105369-30000")
    assert [t.votes for t in sheriff.tallies] == [1234, 99]
    amendment = race(summary(), "contest/ga-105369-50000")
    assert [t.kind for t in amendment.tallies] == ["option", "option"]


def test_flags_are_no_call_where_several_win() -> None:
    document = summary()
    for flags in ([1, 0, 0], [1, 1, 0]):
        document[5]["W"] = flags
        assert race(document, "contest/ga-105369-40000").projection is None
    document[4]["W"] = [1, 1]
    assert only_reason(document) == "[4].W: 2 winners of one seat"


def test_precincts_that_are_not_told() -> None:
    document = summary()
    document[0]["TP"] = document[0]["PR"] = None
    assert race(document, "president").precincts_pct is None
    document[0]["TP"] = document[0]["PR"] = "0"
    assert race(document, "president").precincts_pct is None
    document[0]["PR"] = "159"
    document[0]["TP"] = "159"
    assert race(document, "president").precincts_pct == 100


# -- refusals --------------------------------------------------------------------------------

REQUIRED = ("K", "VF", "CH", "P", "V", "W")


def _remove(entry: Json, name: str) -> None:
    del entry[name]


def _rename(entry: Json, name: str) -> None:
    entry[name.lower()] = entry.pop(name)


def _as(value: Json) -> Callable[[Json, str], None]:
    def retype(entry: Json, name: str) -> None:
        entry[name] = value

    retype.__name__ = f"as {value!r}"
    return retype


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize(
    "damage",
    [_remove, _rename, *map(_as, (None, True, 1.5, -1, "x y", {}, [], [[]], [None, None]))],
)
def test_a_required_field_that_is_not_as_reported_refuses_its_contest_alone(
    name: str, damage: Callable[[Json, str], None]
) -> None:
    document = summary()
    damage(document[0], name)
    if name == "P" and document[0].get("P") == [None, None]:
        assert parsed(document).refusals == ()  # no party is no fault
        return
    snapshot = parsed(document)
    (refusal,) = snapshot.refusals
    assert refusal.reason.startswith("[0]")
    assert name in refusal.reason
    assert (refusal.part, refusal.race, refusal.place) == ("race", "president", "us/ga")
    assert len(snapshot.races) == 6


@pytest.mark.parametrize("damage", [_remove, _rename, *map(_as, (None, 5, ["x"]))])
def test_without_a_title_no_contest_can_be_told_from_the_others(
    damage: Callable[[Json, str], None],
) -> None:
    document = summary()
    damage(document[3], "C")
    snapshot = parsed(document)
    assert snapshot.races == ()
    assert snapshot.refusals[0].part == "page"
    assert snapshot.refusals[0].reason.startswith("[3].C: ")


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("V", [500], "[0]: its lists differ in length: CH has 2, P has 2, V has 1, W has 2"),
        ("V", [500, -1], "[0].V[1]: -1 is not between 0 and 300,000,000"),
        ("V", [500, 300_000_001], "[0].V[1]: 300000001 is not between 0 and 300,000,000"),
        ("V", [500, None], "[0].V[1]: None is no number"),
        ("V", [500, 4.5], "[0].V[1]: 4.5 is no number"),
        ("V", [500, "49%"], "[0].V[1]: '49%' is no number"),
        ("V", [500, "1,23"], "[0].V[1]: '1,23' is no number"),
        ("V", [500, True], "[0].V[1]: True is no number"),
        ("CH", ["Ada Able", "ada  able"], "[0].CH[1]: 'ada able' stands twice"),
        ("CH", ["Ada Able", " "], "[0].CH[1]: ' ' is no name"),
        ("CH", ["Ada Able", "\u0000"], "[0].CH[1]: '\\x00' is no name"),
        ("W", [0, 2], "[0].W[1]: 2 is neither 0 nor 1"),
        ("W", [0, None], "[0].W[1]: None is neither 0 nor 1"),
        ("W", [0, [1]], "[0].W[1]: [1] is neither 0 nor 1"),
        ("PR", None, "[0].PR: None is no number"),
        ("TP", "many", "[0].TP: 'many' is no number"),
        ("PR", 1000, "[0].PR: 1000 of 159 precincts"),
        ("K", "a b", "[0].K: 'a b' is no key"),
    ],
)
def test_what_is_refused_is_named_with_its_path(field: str, value: Json, reason: str) -> None:
    document = summary()
    document[0][field] = value
    assert only_reason(document) == reason


def test_keys_that_differ_in_case_only_are_one() -> None:
    document = summary()[4:6]
    document[0]["K"], document[1]["K"] = "A1", "a1"
    assert [r.reason for r in parsed(document).refusals] == [
        "[0].K: a1 stands 2 times",
        "[1].K: a1 stands 2 times",
    ]


def test_a_key_that_stands_twice_refuses_both() -> None:
    document = summary()
    document[6]["K"] = 30000  # a number is the same key as its text
    refusals = parsed(document).refusals
    assert [r.reason for r in refusals] == [
        "[4].K: 30000 stands 2 times",
        "[6].K: 30000 stands 2 times",
    ]
    assert {r.race for r in refusals} == {"contest/ga-105369-30000"}


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b"null", b"<html></html>", b'[{"C": "x"}', b'[{"C":"x","C":"y"}]', b"[1]",
     b"[NaN]", b"\xef\xbb\xbf[]"],
)  # fmt: skip
def test_what_is_no_list_of_contests_is_refused_as_a_page(body: bytes) -> None:
    (refusal,) = raw(body).refusals
    assert refusal.part == "page"


# -- any history of damage -------------------------------------------------------------------


@given(st.permutations(range(7)))
def test_the_order_of_contests_changes_nothing(order: list[int]) -> None:
    document = summary()
    turned = parsed([document[at] for at in order])
    assert {race.race: race for race in turned.races} == {
        race.race: race for race in parsed(document).races
    }


@given(st.permutations(range(3)))
def test_the_order_of_choices_changes_no_figure(order: list[int]) -> None:
    document = [summary()[5]]
    before = {t.candidate: t for t in race(document, "contest/ga-105369-40000").tallies}
    for name in ("CH", "P", "V", "W"):
        document[0][name] = [document[0][name][at] for at in order]
    after = {t.candidate: t for t in race(document, "contest/ga-105369-40000").tallies}
    assert before == after


ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("CHKVW", max_size=2), inner)
    ),
    max_leaves=8,
)


def _paths(value: Json, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found: list[tuple[Any, ...]] = [at]
    for name, entry in inner:
        if isinstance(entry, dict | list):
            found += _paths(entry, (*at, name))
        else:
            found.append((*at, name))
    return found


@given(st.sampled_from(_paths(summary())), ANY_JSON)
def test_any_value_anywhere_gives_a_snapshot_and_invents_no_race(
    path: tuple[Any, ...], value: Json
) -> None:
    document = copy.deepcopy(summary())
    if path:
        place = document
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = value
    else:
        document = value
    snapshot = parsed(document)
    assert snapshot.races or snapshot.refusals
    known = {race.race: race for race in parsed(summary()).races}
    untouched = [race for at, race in enumerate(known.values()) if path and at != path[0]]
    if (
        path
        and not any(r.part == "page" for r in snapshot.refusals)
        and path[1:]
        not in (
            ("C",),
            ("K",),
            (),
        )
    ):
        assert [race for race in snapshot.races if race in untouched] == untouched


# -- configuration ---------------------------------------------------------------------------


def configured(desk: Desk, *pages: str, more: str = "", delay: float = 0) -> None:
    (desk.folder / "tallytrail.toml").write_text(
        f'contact = "desk@example.com"\ndelay = {delay}\n[[source]]\nid = "ga"\n'
        'outlet = "Georgia"\nparser = "clarity"\nelection_date = 2020-11-03\n'
        f'timezone = "America/New_York"\npages = {json.dumps(pages)}\n{more}',
        "utf-8",
    )


def test_what_the_configuration_names(desk: Desk) -> None:
    configured(desk, f"{BASE}/", f"{BASE}/web.1/#/summary", f"{COUNTY}/", delay=1)
    (source,) = read_configuration(desk.folder / "tallytrail.toml").sources
    assert [(p.url, p.family, p.knowledge) for p in source.pages] == [
        (f"{BASE}/current_ver.txt", "version", "reported"),
        (f"{COUNTY}/current_ver.txt", "version", "reported"),
    ]
    assert [(p.url, p.family, p.knowledge) for p in source.versioned.values()] == [
        (SUMMARY, "feed", "reported"),
        (f"{COUNTY}/{{version}}/json/en/summary.json", "feed", "reported"),
    ]
    assert source.families == {"version", "feed"}
    assert source.versioned[f"{BASE}/current_ver.txt"].at("7").asked_url == SUMMARY.replace(
        "{version}", "7"
    )
    assert desk.run("check").stdout.splitlines()[-1] == ("  a full look: 4 requests, at least 4 s")


@pytest.mark.parametrize(
    ("page", "more", "fault"),
    [
        ("https://x.example/", "", "has no reader for https://x.example/"),
        (BASE, 'discover = ["https://x.example/rss"]\n', "reads no stories"),
        (BASE, 'feed = "https://x.example/maps"\n', "feed: is not a key"),
        (BASE, 'states = ["ga"]\n', "states: is not a key"),
    ],
)
def test_what_a_configuration_cannot_mean(desk: Desk, page: str, more: str, fault: str) -> None:
    configured(desk, page, more=more)
    done = desk.run("check")
    assert done.returncode == 2
    assert fault in done.stderr


# -- one election over its versions, over HTTP -----------------------------------------------

PATH = "/GA/105369"
FILE = f"{PATH}/current_ver.txt"


def of(version: int) -> str:
    return f"{PATH}/{version}/json/en/summary.json"


class Election:
    """An election on the site, at a version, and the desk that follows it."""

    def __init__(self, desk: Desk, site: Site) -> None:
        self.desk, self.site = desk, site
        self._seen = 0
        configured(desk, f"{site.url}{PATH}/web.345435/#/summary")

    def publish(self, version: int, document: Json) -> None:
        self.site.answers[FILE] = 200, {"Content-Type": "text/plain"}, str(version).encode()
        self.site.answers[of(version)] = 200, {}, json.dumps(document).encode()

    def crawl(self, code: int = 0) -> list[str]:
        """What a crawl says; exit code as given."""
        return self.desk.crawl(code).splitlines()

    def asked(self) -> list[str]:
        """The paths asked for since this was called last, without robots.txt."""
        new = [path for _, path, _ in self.site.requests[self._seen :] if path != "/robots.txt"]
        self._seen = len(self.site.requests)
        return new

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.desk.folder / "tallytrail.db")) as connection:
            rows = connection.execute(sql, values).fetchall()
            connection.commit()
            return rows


@pytest.fixture
def election(desk: Desk, site: Site) -> Election:
    return Election(desk, site)


def test_versions_1_1_2_not_ready_and_3(election: Election, site: Site) -> None:
    count = summary()
    election.publish(101, count)
    assert election.crawl() == []
    assert election.asked() == [FILE, of(101)]
    assert election.crawl() == []
    assert election.asked() == [FILE]

    count[0]["V"] = [520, 400]
    count[1]["W"] = [0, 0]
    election.publish(102, count)
    assert election.crawl() == []
    assert election.asked() == [FILE, of(102)]
    assert [(r["kind"], r["race"], r["old"], r["new"]) for r in election.desk.rows()] == [
        ("votes_increased", "president", 500, 520),
        ("projection_retracted", "senate/ga", "di dunn", None),
    ]

    count[0]["V"] = [530, 405]
    election.publish(103, count)
    ready = site.answers[of(103)]
    site.answers[of(103)] = 202, {}, b""
    (line,) = election.crawl(code=1)
    assert line == (
        f"tallytrail: ga: {site.url}{PATH}/{{version}}/json/en/summary.json: HTTP 202, the site has"
        " not got it ready yet; nothing was recorded, a later crawl asks again"
    )
    assert election.asked() == [FILE, of(103)]  # once
    assert election.desk.run("status").returncode == 1
    site.answers[of(103)] = ready
    assert election.crawl() == []
    assert election.asked() == [FILE, of(103)]
    assert election.desk.run("status").returncode == 0
    assert election.crawl() == []
    assert election.asked() == [FILE]

    pages = json.loads(election.desk.run("status", "--format", "json").stdout)["pages"]
    assert [page["watched"] for page in pages] == [True, True]  # the summary was not asked for
    rows = election.desk.rows()[2:]
    assert [(r["kind"], r["candidate"], r["delta"]) for r in rows] == [
        ("votes_increased", "ada able", 10),
        ("votes_increased", "bo best", 5),
    ]
    # One page over all versions, whose looks say what was asked for.
    page = f"{site.url}{PATH}/{{version}}/json/en/summary.json"
    assert {row["url"] for row in election.desk.rows()} == {page}
    assert election.query("SELECT url, family, knowledge, mark FROM page ORDER BY id") == [
        (f"{site.url}{FILE}", "version", "reported", None),
        (page, "feed", "reported", "103"),
    ]
    looks = election.query(
        "SELECT url, asked_url, status, outcome FROM fetch JOIN page ON"
        " page.id = page WHERE family = 'feed' ORDER BY fetch.id"
    )
    assert looks == [
        (page, f"{site.url}{of(101)}", 200, "new"),
        (page, f"{site.url}{of(102)}", 200, "new"),
        (page, f"{site.url}{of(103)}", 202, "failed"),
        (page, f"{site.url}{of(103)}", 200, "new"),
    ]
    versions = election.query(
        "SELECT outcome, body.sha256 IS NOT NULL, asked_url FROM fetch JOIN page ON page.id = page"
        " LEFT JOIN body ON body.id = body WHERE family = 'version' ORDER BY fetch.id"
    )
    assert versions == [("unchanged", 1, None)] * 6


def test_the_log_calls_a_race_by_its_title(election: Election) -> None:
    count = summary()
    election.publish(1, count)
    election.crawl()
    count[4]["V"], count[4]["C"] = ["1,300", "99"], "SHERIFF"
    election.publish(2, count)
    assert election.crawl() == []
    printed = election.desk.run("changes").stdout
    assert "Sheriff · Georgia" in printed
    assert "1,300" in printed
    assert "Sheriff · Georgia" in election.desk.run("results").stdout
    assert election.query("SELECT slug, title FROM race WHERE office = 'contest' LIMIT 1") == [
        ("contest/ga-105369-30000", "Sheriff")
    ]


@pytest.mark.parametrize("body", [b"<html>Back soon</html>", b"9" * 5000, b"-3", b"", b"\n"])
def test_a_version_file_that_holds_no_version_is_told_and_nothing_is_asked(
    election: Election, site: Site, body: bytes
) -> None:
    election.publish(1, summary())
    election.crawl()
    election.asked()
    site.answers[FILE] = 200, {}, body
    (line,) = election.crawl(code=1)
    assert f"{site.url}{FILE}: " in line
    assert "refused, its bytes are kept" in line
    assert election.asked() == [FILE]
    assert election.desk.run("status").returncode == 1
    count = summary()
    count[0]["V"] = [501, 400]
    election.publish(2, count)
    assert election.crawl() == []
    assert election.asked() == [FILE, of(2)]


def test_a_version_file_that_does_not_come_asks_for_nothing(election: Election, site: Site) -> None:
    for status in (202, 404, 500):
        site.answers[FILE] = status, {}, b"17"
        (line,) = election.crawl(code=1)
        assert f"HTTP {status}" in line
        assert election.asked() == [FILE]


def test_a_refused_summary_is_asked_for_again_at_the_same_version(election: Election) -> None:
    count = summary()
    del count[2]["V"]
    election.publish(1, count)
    (line,) = election.crawl(code=1)
    assert "senate/ga-special us/ga: [2].V: None is no list; refused" in line
    election.asked()
    election.publish(1, summary())
    assert election.crawl() == []
    assert election.asked() == [FILE, of(1)]
    assert election.crawl() == []
    assert election.asked() == [FILE]


def test_what_waits_to_be_confirmed_is_asked_for_again_at_the_same_version(
    election: Election,
) -> None:
    count = summary()
    count[0]["V"] = [50_000, 40_000]
    election.publish(1, count)
    election.crawl()
    count[0]["V"] = [0, 0]
    election.publish(2, count)
    (line,) = election.crawl(code=1)
    assert "unconfirmed" in line
    election.asked()
    election.crawl()
    assert election.asked() == [FILE, of(2)]
    assert election.desk.rows() == []


def test_after_an_hour_the_summary_is_asked_for_although_the_version_stands(
    election: Election, site: Site
) -> None:
    election.publish(1, summary())
    site.answers[of(1)] = 200, {"ETag": '"one"'}, json.dumps(summary()).encode()
    election.crawl()
    election.asked()
    earlier = instant_text(datetime.now(UTC) - timedelta(minutes=61))
    ((trigger,),) = election.query("SELECT sql FROM sqlite_master WHERE name = 'fetch_read_once'")
    election.query("DROP TRIGGER fetch_read_once")
    election.query("UPDATE fetch SET fetched_at = ?", earlier)
    election.query(trigger)
    assert election.crawl() == []
    assert election.asked() == [FILE, of(1)]
    assert site.requests[-1][2]["if-none-match"] == '"one"'


def test_no_version_is_asked_for_by_what_another_is_known_by(
    election: Election, site: Site
) -> None:
    """A server with coarse validators would say that the new file has not changed."""
    headers = {"ETag": '"same"', "Last-Modified": "Tue, 03 Nov 2020 20:00:00 GMT"}
    for version in (1, 2):
        election.publish(version, summary())
        site.answers[of(version)] = 200, headers, json.dumps(summary()).encode()
        election.crawl()
        assert site.requests[-1][1] == of(version)
        assert not {"if-none-match", "if-modified-since"} & set(site.requests[-1][2])


def test_an_older_version_that_comes_back_is_not_believed_at_once(election: Election) -> None:
    count = summary()
    election.publish(1, count)
    election.crawl()
    newer = summary()
    newer[0]["V"] = [600, 400]
    election.publish(2, newer)
    election.crawl()
    election.publish(1, count)
    (line,) = election.crawl(code=1)
    assert "unconfirmed" in line
    assert [r["kind"] for r in election.desk.rows()] == ["votes_increased"]
    election.publish(2, newer)
    election.crawl()
    assert [r["kind"] for r in election.desk.rows()] == ["votes_increased"]


def test_robots_txt_is_obeyed(election: Election, site: Site) -> None:
    election.publish(1, summary())
    site.answers["/robots.txt"] = 200, {}, b"User-agent: *\nDisallow: /GA/105369/1/\n"
    (line,) = election.crawl(code=1)
    assert "{version}/json/en/summary.json: robots.txt disallows it" in line
    assert election.asked() == [FILE]
    site.answers["/robots.txt"] = 200, {}, b"User-agent: *\nDisallow: /\n"
    (line,) = election.crawl(code=1)
    assert "current_ver.txt: robots.txt disallows it" in line
    assert election.asked() == []


def test_the_delay_is_kept_between_the_two_files(election: Election, site: Site) -> None:
    configured(election.desk, f"{site.url}{PATH}/", delay=0.5)
    election.publish(1, summary())
    election.crawl()
    first, second = (at for at, path, _ in site.requests if path != "/robots.txt")
    assert second - first >= 0.5


def test_two_elections_of_one_source_do_not_mix(election: Election, site: Site) -> None:
    configured(election.desk, f"{site.url}{PATH}/", f"{site.url}/GA/Ben_Hill/105371/")
    election.publish(1, summary())
    site.answers["/GA/Ben_Hill/105371/current_ver.txt"] = 200, {}, b"9"
    there = "/GA/Ben_Hill/105371/9/json/en/summary.json"
    site.answers[there] = 200, {}, json.dumps(summary()).encode()
    assert election.crawl() == []
    assert sorted(election.asked()) == sorted(
        [FILE, "/GA/Ben_Hill/105371/current_ver.txt", of(1), there]
    )
    assert election.query(
        "SELECT count(*), count(DISTINCT race) FROM progress JOIN place ON place.id = place"
        " WHERE level = 'county'"
    ) == [(7, 7)]
    assert election.query("SELECT name FROM place WHERE code = 'us/ga/ben-hill'") == [("Ben Hill",)]


def test_check_says_how_the_files_are_known(election: Election, site: Site) -> None:
    election.publish(7, summary())
    done = election.desk.run("check", f"{site.url}{PATH}/")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1:] == [
        "  version, known from what others have read in it, read by clarity 1, 1 bytes",
        f"version 7; check {site.url}{of(7)}",
    ]
    done = election.desk.run("check", f"{site.url}{of(7)}")
    assert done.returncode == 0
    assert "feed, known from what others have read in it, read by clarity 1" in done.stdout
    assert "contest/ga-105369-30000 us/ga   Sheriff" in done.stdout
    saved = election.desk.folder / "summary.json"
    saved.write_bytes(json.dumps(summary()).encode())
    done = election.desk.run("check", str(saved), "--url", f"{BASE}/7/json/en/summary.json")
    assert done.returncode == 0, done.stderr


def test_what_was_received_is_read_anew_to_the_same(election: Election, site: Site) -> None:
    count = summary()
    election.publish(1, count)
    election.crawl()
    count[0]["V"] = [520, 400]
    election.publish(2, count)
    election.crawl()
    done = election.desk.run("reparse", "--out", "anew.db")
    assert done.returncode == 0, done.stderr
    with closing(sqlite3.connect(election.desk.folder / "anew.db")) as connection:
        asked = connection.execute("SELECT asked_url FROM fetch ORDER BY id").fetchall()
        (changes,) = connection.execute("SELECT count(*) FROM change").fetchone()
    assert [url for (url,) in asked] == [None, f"{site.url}{of(1)}", None, f"{site.url}{of(2)}"]
    assert changes == 1
