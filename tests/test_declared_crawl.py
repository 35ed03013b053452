"""A feed by declaration over real HTTP: what is logged, kept, read later, and checked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.declared_pages import choice, contest, reads
from tests.desk import Desk, Site

PAGE = "/2024/summary.json"
Row = tuple[str, str, str, str | None, object, object]


class Feed:
    """One page of contests, and a desk that looks at it."""

    def __init__(self, desk: Desk, site: Site) -> None:
        self.desk, self.site = desk, site

    def configure(self, declaration: str | None, parser: str = "declared") -> None:
        below = "" if declaration is None else f"[source.reads]\n{declaration}"
        (self.desk.folder / "tallytrail.toml").write_text(
            'contact = "desk@example.com"\ndelay = 0\n[[source]]\nid = "county"\n'
            f'outlet = "Example County"\nparser = "{parser}"\nelection_date = 2024-11-05\n'
            f'timezone = "America/New_York"\npages = ["{self.site.url}{PAGE}"]\n{below}',
            "utf-8",
        )

    def tell(self, minute: int, *contests: Any, **more: Any) -> None:
        """What the page says from now on, at that minute of the outlet's clock."""
        moment = f"2024-11-06T01:{minute:02}:00Z"
        told = {"contests": [{"asOf": moment, **entry} for entry in contests], **more}
        self.site.answers[PAGE] = (
            200,
            {"Content-Type": "application/json"},
            json.dumps(told).encode(),
        )

    def look(self, minute: int, *contests: Any, **more: Any) -> str:
        """One crawl that finds nothing to complain about; its outcome."""
        self.tell(minute, *contests, **more)
        assert self.desk.crawl() == ""
        return str(self.desk.fetches()[-1]["outcome"])

    def rows(self, *words: str) -> list[Row]:
        return [
            (r["kind"], r["race"], r["field"], r["candidate"], r["old"], r["new"])
            for r in self.desk.rows(*words)
        ]


@pytest.fixture
def feed(desk: Desk, site: Site) -> Feed:
    return Feed(desk, site)


def votes(one: int, two: int, mark: str | None = None, **more: Any) -> Any:
    return contest(choice(1, f"{one:,}", mark=mark), choice(2, two), **more)


RACE = "governor/fl"
NIGHT = [
    (1, votes(1000, 900), "a"),
    (2, votes(1200, 900, expected=55), "b"),
    (3, votes(1200, 890, "X", expected=55), "c"),
    (3, votes(1200, 890, "X", expected=55), "d"),
    (4, votes(1200, 890, expected="55% (5 of 9)"), "e"),
]
#: What these looks show, by hand.
MOVED: list[Row] = [
    ("votes_increased", RACE, "votes", "1", 1000, 1200),
    ("expected_vote_changed", RACE, "expected_vote_pct", None, None, 55.0),
    ("votes_decreased", RACE, "votes", "2", 900, 890),
    ("projection_made", RACE, "projection", "1", None, "1"),
    ("projection_retracted", RACE, "projection", "1", "1", None),
]


def told(rows: list[Row]) -> list[tuple[str, str | None, object, object]]:
    return sorted((r[0], r[3] if "votes" in r[2] else None, r[4], r[5]) for r in rows)


def test_a_night_is_first_sights_increases_a_fall_and_a_call_taken_back(feed: Feed) -> None:
    feed.configure(reads())
    outcomes = [feed.look(minute, entry, build=build) for minute, entry, build in NIGHT]
    assert outcomes == ["new", "new", "new", "unchanged", "new"]
    assert told(feed.rows()) == told(MOVED)
    first = {(r[2], r[3]): r[5] for r in feed.rows("--first") if r[0] == "first"}
    assert (first["votes", "1"], first["votes", "2"]) == (1000, 900)
    assert feed.desk.run("status").returncode == 0


def test_what_was_kept_without_a_parser_is_read_as_if_it_had_been_read_at_once(
    feed: Feed, tmp_path_factory: pytest.TempPathFactory
) -> None:
    at_once = Feed(Desk(tmp_path_factory.mktemp("other"), feed.site), feed.site)
    at_once.configure(reads())
    feed.configure(None, parser="none")
    for number, (minute, entry, build) in enumerate(NIGHT):
        feed.tell(minute, entry, build=build)
        if number == 3:  # the first that a parser is given before
            assert feed.rows("--first") == []
            assert [fetch["outcome"] for fetch in feed.desk.fetches()] == [None] * 3
            feed.configure(reads())
        assert feed.desk.crawl() == ""
        assert at_once.desk.crawl() == ""
    assert feed.rows("--first") == at_once.rows("--first")
    assert told(feed.rows()) == told(MOVED)
    outcomes = [[f["outcome"] for f in one.desk.fetches()] for one in (feed, at_once)]
    assert outcomes[0] == outcomes[1] == ["new", "new", "new", "unchanged", "new"]


def test_a_declaration_that_learns_more_reads_the_same_bytes_anew_and_invents_nothing(
    feed: Feed,
) -> None:
    two = [votes(1000, 900), votes(50, 40, title="House", district=4)]
    narrow = reads(races="\"contests[?title=='Governor']\"", expected_vote_pct=None)
    feed.configure(narrow)
    assert feed.look(1, *two) == "new"
    feed.configure(reads())
    assert feed.look(1, *two) == "new"
    assert feed.rows() == []
    seen = {(r[1], r[3]): r[5] for r in feed.rows("--first") if (r[0], r[2]) == ("first", "votes")}
    assert seen == {
        ("governor/fl", "1"): 1000,
        ("governor/fl", "2"): 900,
        ("house/fl-04", "1"): 50,
        ("house/fl-04", "2"): 40,
    }
    assert feed.look(2, *two) in ("new", "unchanged")
    assert feed.rows() == []


@pytest.mark.parametrize("ids_first", [False, True])
def test_a_declaration_that_names_ids_later_or_no_more_keeps_the_candidates(
    feed: Feed, ids_first: bool
) -> None:
    with_ids, without_ids = reads(), reads({"id": None})
    feed.configure(with_ids if ids_first else without_ids)
    feed.look(1, votes(1000, 900))
    feed.configure(without_ids if ids_first else with_ids)
    feed.look(2, votes(1000, 950))
    rows = feed.rows()
    assert [(r[0], r[4], r[5]) for r in rows] == [("votes_increased", 900, 950)]


def test_a_race_that_cannot_be_read_is_told_and_no_candidate_leaves(feed: Feed) -> None:
    feed.configure(reads())
    feed.look(1, votes(1000, 900))
    feed.tell(2, contest(choice(1, 1100), choice(2, "n/a")))
    said = feed.desk.crawl(code=1)
    assert "races[0]: candidates[1]: votes: 'n/a'" in said
    feed.tell(2, contest(choice(1, 1100), choice(2, 950), asOf="soon"))
    assert "races[0]: updated_at: 'soon'" in feed.desk.crawl(code=1)
    assert feed.rows() == []
    feed.look(3, votes(1100, 950))
    assert sorted(r[0] for r in feed.rows()) == ["votes_increased", "votes_increased"]


def test_check_shows_what_is_read_and_what_is_refused(feed: Feed, site: Site) -> None:
    feed.configure(reads())
    page = feed.desk.folder / "summary.json"
    page.write_text(json.dumps({"contests": [votes(1234, 567)]}), "utf-8")
    done = feed.desk.run("check", str(page), "--url", site.url + PAGE)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Ann Lee: 1,234 votes" in done.stdout
    assert "governor/fl us/fl" in done.stdout
    assert "REFUSED" not in done.stdout
    bad = contest(choice(3, "many"), title="U.S. Senate")
    page.write_text(json.dumps({"contests": [votes(1234, 567), bad]}), "utf-8")
    done = feed.desk.run("check", str(page), "--url", site.url + PAGE)
    assert (done.returncode, done.stderr) == (1, "")
    assert "Ann Lee: 1,234 votes" in done.stdout
    assert "REFUSED  race senate/fl us/fl: races[1]: candidates[0]: votes: 'many'" in done.stdout
    assert not (feed.desk.folder / "tallytrail.db").exists()
    feed.configure(reads({"votes": '"abs(name)"'}))  # fits no candidate
    done = feed.desk.run("check", str(page), "--url", site.url + PAGE)
    assert (done.returncode, done.stderr) == (1, "")
    assert "REFUSED" in done.stdout
    feed.configure(reads({"votes": '"nope(@)"'}))
    done = feed.desk.run("check", str(page), "--url", site.url + PAGE)
    assert done.returncode == 2
    assert "reads.candidate.votes" in done.stderr
