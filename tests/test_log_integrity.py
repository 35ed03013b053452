"""The log is true, cannot be altered unseen, and outlives whatever breaks in the middle."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage import queries
from storage.queries import LogRow
from storage.receiving import Answer, Captured
from storage.records import RaceState
from storage.writing import finish, unread
from tests.trail import (
    FIRST,
    SECOND,
    THIRD,
    Banner,
    Page,
    Story,
    Trail,
    clock,
    everything,
    opened,
    sha256,
    whole,
)

ROOT = Path(__file__).parents[1]
EDITED = Story(headline="Counting ends", modified="2024-11-06T23:00:00Z")
Value = object
Facts = dict[tuple[str, str | None], Value]


@pytest.fixture
def trail(tmp_path: Path) -> Iterator[Trail]:
    with opened(tmp_path / "trail.db") as trail:
        yield trail


def full_night(trail: Trail) -> None:
    """Looks of every outcome, with changes, first sights, refusals, versions and discoveries."""
    trail.feed(2)
    trail.look(Page(1, banner=None))
    trail.look(Page(1))
    trail.feed(1, 2)
    trail.look(Page(2, banner=SECOND))
    trail.look_at(Page(2).url, Page(2, banner=SECOND).html())
    trail.not_modified(Page(2).url)
    trail.look(Page(1))  # stale
    trail.look(Page(1, banner=THIRD, story=EDITED))
    trail.look(Page(1, damage=("67,410,748", "many")))  # stale too, in its story
    trail.feed(1, 2, 3)
    trail.look(Page(3, banner=THIRD))
    trail.look_at(Page(2).url, b"<html>half")
    failure = Answer(fetched_at=trail.now, status=503, failure="HTTP 503")
    trail.read(trail.receive_answer(Page(2).url, failure))
    trail.look(Page(2, banner=THIRD.with_figures(Stein=(0, 700_000))))
    trail.look(Page(2, banner=replace(THIRD, minute=130, called=None)))
    taken = Captured(origin="git 0a1b", label="a repository", name="0a1b:page")
    page = whole(Page(3, banner=replace(THIRD, minute=135)).html(1))
    trail.read(trail.receive_answer(Page(3).url, page, capture=taken))
    moved = replace(whole(Page(2).html(1)), asked_url="https://abcnews.go.com/of/version/2")
    trail.read(trail.receive_answer(Page(2).url, moved))
    trail.receive(Page(2, banner=replace(THIRD, minute=140)))  # not yet read


@pytest.fixture(scope="module")
def night_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a full night."""
    path = tmp_path_factory.mktemp("night") / "trail.db"
    with opened(path) as trail:
        full_night(trail)
    return path


@pytest.fixture
def after_night(night_file: Path, tmp_path: Path) -> Iterator[Trail]:
    """A trail with a full night in it."""
    with opened(Path(shutil.copy(night_file, tmp_path / "night.db"))) as trail:
        yield trail


# -- what moved is one change of the right kind ----------------------------------------------


@pytest.mark.parametrize(
    ("banner", "expected"),
    [
        (
            FIRST.later(30, Harris=(223, 67_410_749)),
            ("votes_increased", "harris", 67_410_748, 67_410_749, 1),
        ),
        (
            FIRST.later(30, Trump=(294, 72_191_000)),
            ("votes_decreased", "trump", 72_191_978, 72_191_000, -978),
        ),
        (
            FIRST.later(30, Trump=(294, 0)),
            ("votes_decreased", "trump", 72_191_978, 0, -72_191_978),
        ),
        (
            FIRST.later(30, Trump=(312, 72_191_978)),
            ("electoral_votes_changed", "trump", 294, 312, 18),
        ),
        (
            FIRST.later(30, Trump=(270, 72_191_978)),
            ("electoral_votes_changed", "trump", 294, 270, -24),
        ),
        (replace(FIRST, minute=30, expected=95), ("expected_vote_changed", None, 90, 95, 5)),
        (replace(FIRST, minute=30, expected=81), ("expected_vote_changed", None, 90, 81, -9)),
        (
            replace(FIRST, minute=30, called=None),
            ("projection_retracted", "trump", "trump", None, None),
        ),
        (
            replace(FIRST, minute=30, called="Harris"),
            ("projection_changed", "harris", "trump", "harris", None),
        ),
    ],
    ids=[
        "votes rise",
        "votes fall",
        "votes fall to zero",
        "electors rise",
        "electors fall",
        "expected vote rises",
        "expected vote falls",
        "call withdrawn",
        "call changed",
    ],
)
def test_what_moved_is_one_change_with_old_new_and_delta(
    trail: Trail, banner: Banner, expected: tuple[object, ...]
) -> None:
    trail.look(Page())
    trail.look(Page(banner=banner))
    assert trail.changes() == [expected]
    for value, wanted in zip(trail.changes()[0], expected, strict=True):
        assert isinstance(value, int | float) is isinstance(wanted, int | float)


def test_candidates_in_another_order_are_nothing(trail: Trail) -> None:
    three = FIRST.with_figures(Stein=(0, 700_000))
    trail.look(Page(banner=three))
    names = list(three.figures)
    for order in ([2, 1, 0], [1, 0, 2], [1, 2, 0], [0, 2, 1]):
        figures = {names[i]: three.figures[names[i]] for i in order}
        reading = trail.look(Page(banner=replace(three, figures=figures)))
        assert (reading.outcome, reading.changes) == ("unchanged", ())
    assert trail.rows() == []


def test_names_that_change_places_above_electors_that_do_not_change_nothing(trail: Trail) -> None:
    """Electors stand apart from the names, so only the order tells whose they are."""
    lines = "<i>{}</i><i>{}</i><b>Harris</b><i>{}</i><b>Trump</b><i>{}</i><div>270 to win</div>"
    swapped = "<i>{}</i><i>{}</i><b>Trump</b><i>{}</i><b>Harris</b><i>{}</i><div>270 to win</div>"
    table = Banner().html().partition("<table>")[2].partition("270 to win</div>")[0]
    whole = f"<table>{table}270 to win</div>"
    page = Page(damage=(whole, lines.format(223, 294, "67,410,748", "72,191,978")))
    trail.look(page)
    turned = swapped.format(223, 294, "72,191,978", "67,410,748")
    reading = trail.look(replace(page, damage=(whole, turned)))
    assert trail.changes() == []
    assert ["changed places" in refusal.reason for refusal in reading.refusals] == [True]
    trail.look(
        Page(
            banner=Banner(minute=30),
            damage=(whole, lines.format(226, 294, "67,410,748", "72,191,978")),
        )
    )
    assert trail.changes() == [("electoral_votes_changed", "harris", 223, 226, 3)]


def test_a_name_that_is_spelled_otherwise_is_a_change_and_the_same_candidate(trail: Trail) -> None:
    trail.look(Page())
    figures = {"Kamala Harris": (223, 67_410_749), "Trump": (294, 72_191_978)}
    trail.look(Page(banner=Banner(minute=30, figures=figures)))
    assert trail.changes() == [
        ("candidate_renamed", "harris", "Harris", "Kamala Harris", None),
        ("votes_increased", "harris", 67_410_748, 67_410_749, 1),
    ]
    (renamed, _) = trail.rows()
    assert (renamed.field, renamed.candidate_name) == ("name", "Kamala Harris")
    trail.look(Page(banner=Banner(minute=31, figures=figures)))
    assert len(trail.changes()) == 2
    ((leader, second),) = queries.results(trail.connection)
    assert (leader.candidate_name, second.candidate_name) == ("Trump", "Kamala Harris")


def test_candidates_in_another_order_with_other_figures_are_matched_by_name(trail: Trail) -> None:
    trail.look(Page())
    figures = {"Trump": (312, 75_068_566), "Harris": (226, 71_900_392)}
    trail.look(Page(banner=replace(FIRST, minute=30, figures=figures)))
    deltas = {(row.field, row.candidate): row.delta for row in trail.rows()}
    assert deltas == {
        ("votes", "harris"): 4_489_644,
        ("votes", "trump"): 2_876_588,
        ("electoral_votes", "harris"): 3,
        ("electoral_votes", "trump"): 18,
    }


# -- random nights ---------------------------------------------------------------------------

NAMES = ("Harris", "Trump", "Stein", "Oliver")


@dataclass(frozen=True)
class Step:
    """One look of a random night."""

    page: int
    minutes: float
    banner: Banner | None
    damaged: bool


@st.composite
def banners(draw: st.DrawFn, minutes: st.SearchStrategy[int]) -> Banner:
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=2))
    figures = {
        n: (draw(st.integers(0, 134)), draw(st.sampled_from([0, 7, 999, 1_000, 77_000_000])))
        for n in names
    }
    return Banner(
        minute=draw(minutes),
        figures=figures,
        expected=draw(st.sampled_from([0, 50, 99])),
        called=draw(st.none() | st.sampled_from(names)),
    )


@st.composite
def nights(draw: st.DrawFn) -> list[Step]:
    shown = draw(st.lists(banners(st.integers(0, 5)), min_size=1, max_size=3))
    return draw(
        st.lists(
            st.builds(
                Step,
                page=st.sampled_from([1, 2]),
                minutes=st.sampled_from([1, 6, 9]),
                banner=st.sampled_from([None, *shown, *shown, *shown]),
                damaged=st.sampled_from([False] * 5 + [True]),
            ),
            min_size=2,
            max_size=9,
        )
    )


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without any look, to begin each random night from."""
    path = tmp_path_factory.mktemp("empty") / "trail.db"
    with opened(path):
        pass
    return path


def facts_of(banner: Banner) -> Facts:
    """Every value of a banner by what it is; a candidate's presence is one of them."""
    values: Facts = {("expected_vote_pct", None): banner.expected}
    if banner.called:
        values["projection", None] = banner.called.lower()
    for name, (electors, votes) in banner.figures.items():
        values |= {
            ("set", name.lower()): name.lower(),
            ("votes", name.lower()): votes,
            ("electoral_votes", name.lower()): electors,
        }
    return values


def facts_in_tables(connection: sqlite3.Connection) -> Facts:
    """The current state of the only race, from the tables alone."""
    values: Facts = {}
    keys = "JOIN candidate_key USING (candidate)"
    for row in connection.execute(f"SELECT key, votes, electoral_votes FROM tally {keys}"):
        values["set", row["key"]] = row["key"]
        values["votes", row["key"]] = row["votes"]
        values["electoral_votes", row["key"]] = row["electoral_votes"]
    for row in connection.execute(
        "SELECT expected_vote_pct, key FROM progress"
        " LEFT JOIN candidate_key ON candidate_key.candidate = projection"
    ):
        values["expected_vote_pct", None] = row["expected_vote_pct"]
        if row["key"]:
            values["projection", None] = row["key"]
    return values


def facts_of_state(state: RaceState) -> Facts:
    values: Facts = {
        ("projection", None): state.projection,
        ("expected_vote_pct", None): state.expected_vote_pct,
    }
    for tally in state.tallies:
        values["set", tally.candidate] = tally.candidate
        values["votes", tally.candidate] = tally.votes
        values["electoral_votes", tally.candidate] = tally.electoral_votes
    return {key: value for key, value in values.items() if value is not None}


def key_of(row: LogRow) -> tuple[str, str | None]:
    return (row.field, row.candidate if row.field in ("votes", "electoral_votes", "set") else None)


def folded(values: Facts, rows: Iterable[LogRow]) -> Facts:
    """The values after the rows. The old of each change must be the new of the one before."""
    result = dict(values)
    for row in rows:
        key = key_of(row)
        if row.kind == "race_added":
            assert not result
        elif row.kind == "candidate_removed":
            assert row.old == result.pop(key)
            del result["votes", row.candidate], result["electoral_votes", row.candidate]
        elif row.kind == "first":
            assert key not in result
            result[key] = row.new
            if row.field == "votes":
                result["set", row.candidate] = row.candidate
        else:
            assert row.old == result.pop(key, None)
            assert row.old != row.new
            if row.new is not None:
                result[key] = row.new
    return result


def by_look(rows: Iterable[LogRow]) -> dict[int, list[LogRow]]:
    looks: dict[int, list[LogRow]] = {}
    for row in rows:
        if row.race:
            looks.setdefault(row.fetch, []).append(row)
    return looks


@contextmanager
def night(empty: Path) -> Iterator[Trail]:
    """A trail in a copy of the empty database, in a folder that goes away."""
    with (
        tempfile.TemporaryDirectory() as folder,
        opened(Path(shutil.copy(empty, folder))) as trail,
    ):
        yield trail


@settings(max_examples=60, deadline=None)
@given(steps=nights())
def test_the_log_adds_up_to_the_current_tables(empty: Path, steps: list[Step]) -> None:
    with night(empty) as trail:
        for step in steps:
            damage = ("270 to win", "27O to win") if step.damaged and step.banner else None
            trail.look(Page(step.page, banner=step.banner, damage=damage), minutes=step.minutes)
        looks = by_look(trail.rows(first=True))
        values: Facts = {}
        for rows in looks.values():
            after = folded(values, rows)
            for row in rows:
                states = queries.race_as_of(trail.connection, row)
                assert [facts_of_state(state) for state in states] == [values, after]
                assert row.kind == "first" or row.fetch_before is not None
                assert row.fetch_before is None or row.fetch_before < row.fetch
            values = after
        assert values == facts_in_tables(trail.connection)
        ids = [row.id for row in trail.rows()]
        assert ids == list(range(1, len(ids) + 1))


def differences(old: Facts, new: Facts) -> set[tuple[str, str, str | None, Value, Value]]:
    """What a log of one page must say of two banners, one after the other, found by hand."""
    rows: set[tuple[str, str, str | None, Value, Value]] = set()
    for key in old.keys() | new.keys():
        field, candidate = key
        before, after = old.get(key), new.get(key)
        if before == after:
            continue
        if field == "set":
            kind = "candidate_added" if before is None else "candidate_removed"
        elif field == "projection":
            candidate = str(after or before)
            made = "projection_made" if before is None else "projection_changed"
            kind = "projection_retracted" if after is None else made
        elif ("set", candidate) not in old and candidate is not None:
            kind = "first"
        elif after is None:
            continue  # the candidate is gone, and the figures with them
        elif field == "votes":
            rose = isinstance(before, int) and isinstance(after, int) and after > before
            kind = "votes_increased" if rose else "votes_decreased"
        else:
            kind = {
                "electoral_votes": "electoral_votes_changed",
                "expected_vote_pct": "expected_vote_changed",
            }[field]
        rows.add((kind, field, candidate, before, after))
    return rows


def would_mislead(old: Banner, new: Banner) -> bool:
    """Whether the leader is gone, or too many candidates, or all votes: shown, not recorded yet."""
    votes = {name: votes for name, (_, votes) in old.figures.items()}
    gone = votes.keys() - new.figures.keys()
    most = max(votes.values(), default=0)
    leader_gone = any(votes[name] == most > 0 for name in gone)
    too_many = len(gone) >= 2 and len(gone) > len(votes) / 5
    at_zero = sum(votes.values()) >= 10_000 and not any(v for _, v in new.figures.values())
    return leader_gone or too_many or at_zero


@settings(max_examples=60, deadline=None)
@given(shown=st.lists(banners(st.just(0)), min_size=2, max_size=6))
def test_no_change_is_invented_and_none_is_lost(empty: Path, shown: list[Banner]) -> None:
    with night(empty) as trail:
        for minute, banner in enumerate(shown):
            trail.look(Page(banner=replace(banner, minute=minute)))
        looks = by_look(trail.rows(first=True))
        old, last_shown = shown[0], 1
        for number, new in enumerate(shown[1:], start=2):
            rows = [(r.kind, r.field, r.candidate, r.old, r.new) for r in looks.get(number, [])]
            if would_mislead(old, new):
                assert not rows
                continue
            assert set(rows) == differences(facts_of(old), facts_of(new))
            assert len(rows) == len(set(rows))
            before, old, last_shown = last_shown, new, number
            for row in looks.get(number, []):
                if row.kind == "first":
                    assert (row.fetch_before, row.delta) == (None, None)
                    continue
                assert row.fetch_before == before
                numbers = isinstance(row.old, int | float) and isinstance(row.new, int | float)
                assert row.delta == (row.new - row.old if numbers else None)  # type: ignore[operator]


@settings(max_examples=40, deadline=None)
@given(steps=nights())
def test_each_change_happened_after_the_last_good_look_at_its_old_value(
    empty: Path, steps: list[Step]
) -> None:
    """With the same candidates everywhere, so that each good look shows every value."""
    with night(empty) as trail:
        truth: dict[int, Facts] = {}
        for step in steps:
            banner = step.banner and replace(
                step.banner,
                figures={name: step.banner.figures.get(name, (1, 5)) for name in NAMES},
            )
            damage = ("270 to win", "27O to win") if step.damaged and banner else None
            reading = trail.look(
                Page(step.page, banner=banner, damage=damage), minutes=step.minutes
            )
            if banner is not None and not any(r.part == "race" for r in reading.refusals):
                truth[reading.fetch] = facts_of(banner)
        for row in trail.rows():
            if not row.race or row.kind == "race_added":
                continue
            key = key_of(row)
            assert truth[row.fetch].get(key) == row.new
            shown = [f for f in truth if f < row.fetch and truth[f].get(key) == row.old]
            assert row.fetch_before == max(shown)


# -- each change leads to its bytes ----------------------------------------------------------


def printed(row: LogRow, value: Value) -> bytes:
    """How the pages of these tests print a value."""
    if isinstance(value, int | float):
        return b"%d%%" % value if row.field == "expected_vote_pct" else f"{value:,}".encode()
    if row.field == "projection":
        return f"Projection: {str(value).title()} is President-elect".encode()
    if row.field == "set":
        return b"presidential" if row.candidate is None else str(value).title().encode()
    if row.field == "presence":
        return b"<h1>"
    if row.field == "body":
        return str(value).split("\n")[0].encode()
    return str(value).replace(".000Z", "Z").encode()


def test_each_row_leads_to_bytes_with_the_printed_hash_that_show_the_printed_figure(
    after_night: Trail,
) -> None:
    trail = after_night
    rows = trail.rows(first=True)
    assert {row.kind for row in rows} >= {
        "first",
        "race_added",
        "article_added",
        "candidate_added",
        "votes_increased",
        "headline_changed",
        "projection_retracted",
    }
    for row in rows:
        body = trail.body(row.sha256)
        assert sha256(body) == row.sha256
        if row.new is not None:
            assert printed(row, row.new) in body
        if row.kind == "first":
            continue
        assert row.sha256_before is not None
        before = trail.body(row.sha256_before)
        assert sha256(before) == row.sha256_before
        if row.old is not None:
            assert printed(row, row.old) in before


def test_bytes_are_kept_as_they_came_and_with_both_hashes(trail: Trail) -> None:
    wire, body = b"packed on the way", Page().html()
    answer = replace(whole(body), wire=wire)
    fetch = trail.receive_answer(Page().url, answer)
    (row,) = trail.table("fetch")
    assert (row["id"], row["wire_sha256"], row["wire_size"]) == (fetch, sha256(wire), len(wire))
    assert trail.body(sha256(body)) == body
    (kept,) = trail.table("body")
    assert (kept["id"], kept["size"]) == (row["body"], len(body))
    assert [tuple(pair) for pair in json.loads(row["headers"])] == list(answer.headers)


# -- the chain -------------------------------------------------------------------------------


def canonical(value: object) -> str:
    """JSON with sorted keys, without blanks, in ASCII; written out here, not asked of anybody."""
    if isinstance(value, Mapping):
        pairs = (f"{json.dumps(key)}:{canonical(value[key])}" for key in sorted(value))
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(canonical(item) for item in value) + "]"
    return json.dumps(value)


def hashes(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """Of each link, the hash that it has and the hash that it must have."""

    def rows(query: str, *values: object) -> list[dict[str, Any]]:
        cursor = connection.execute(query, values)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def lists(table: str, where: str, *values: object) -> list[list[Any]]:
        columns = ", ".join(_columns(connection, table))
        query = f"SELECT {columns} FROM {table} WHERE {where} ORDER BY id"
        return [list(row) for row in connection.execute(query, values)]

    previous = "0" * 64
    result = []
    links = rows("SELECT * FROM link ORDER BY id")
    were_read = {link["fetch"] for link in links if link["step"] == "read"}
    for link in links:
        fetch = rows("SELECT * FROM fetch WHERE id = ?", link["fetch"])[0]
        content: dict[str, object] = {"fetch": link["fetch"], "step": link["step"]}
        if link["step"] == "received":
            page = rows(
                "SELECT source.name AS source, url, family FROM page"
                " JOIN source ON source.id = source WHERE page.id = ?",
                fetch["page"],
            )[0]
            body = rows("SELECT sha256, content FROM body WHERE id = ?", fetch["body"])
            read_later = fetch["id"] in were_read
            content |= {
                "page": page,
                "asked_url": fetch["asked_url"],
                "asked_at": fetch["asked_at"],
                "fetched_at": fetch["fetched_at"],
                "status": fetch["status"],
                "headers": fetch["headers"],
                "body": body[0]["sha256"] if body else None,
                "wire_sha256": fetch["wire_sha256"],
                "wire_size": fetch["wire_size"],
                "outcome": None if read_later else fetch["outcome"],
                "reason": None if read_later else fetch["reason"],
                "parser": None if read_later else fetch["parser"],
            }
            for capture in rows("SELECT * FROM capture WHERE fetch = ?", fetch["id"]):
                content["capture"] = capture
        else:
            content |= {name: fetch[name] for name in ("outcome", "reason", "parser")}
            for table in (*CHAINED[1:], "note"):
                content[table] = lists(table, "fetch = ?", link["fetch"])
        text = canonical({"content": content, "previous": previous})
        previous = sha256(text.encode("ascii"))
        result.append((link["hash"], previous))
    return result


def broken(connection: sqlite3.Connection) -> bool:
    """Whether the chain shows that something was altered."""
    try:
        return any(has != must for has, must in hashes(connection))
    except LookupError:
        return True  # a link leads nowhere


def test_every_link_from_the_first_on_is_what_the_tables_make_it(after_night: Trail) -> None:
    trail = after_night
    pairs = hashes(trail.connection)
    fetches = trail.table("fetch")
    never_read = [f for f in fetches if f["parser"] is None]
    assert len(never_read) == 2  # the failure, and the one not yet read
    assert len(pairs) == 2 * len(fetches) - len(never_read)
    assert all(has == must for has, must in pairs)


def test_links_are_numbered_in_their_order(after_night: Trail) -> None:
    trail = after_night
    links = trail.table("link")
    assert [link["id"] for link in links] == list(range(1, len(links) + 1))


def test_every_fetch_has_its_links_in_order(after_night: Trail) -> None:
    trail = after_night
    links = [(link["fetch"], link["step"]) for link in trail.table("link")]
    expected = []
    for fetch in trail.table("fetch"):
        expected.append((fetch["id"], "received"))
        if fetch["parser"] is not None:
            expected.append((fetch["id"], "read"))
    assert links == expected


CHAINED = (
    "fetch",
    "series",
    "label",
    "entry",
    "first_sight",
    "refusal",
    "article_version",
    "discovery",
)
COVERED = (*CHAINED, "capture")


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


@pytest.mark.parametrize("table", COVERED)
def test_whoever_alters_a_row_in_spite_of_the_triggers_breaks_the_chain(
    after_night: Trail, table: str
) -> None:
    trail = after_night
    trail.close()
    with closing(sqlite3.connect(trail.path)) as plain:
        assert not broken(plain)
        for (name,) in plain.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'trigger'"
        ).fetchall():
            plain.execute(f"DROP TRIGGER {name}")
        plain.execute("PRAGMA ignore_check_constraints = ON")
        plain.commit()
        for column in _columns(plain, table):
            row = plain.execute(
                f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL"
            ).fetchone()
            value = row[0] if row else None
            other = f"{value}x" if isinstance(value, str) else (value or 0) + 1000
            plain.execute(f"UPDATE {table} SET {column} = ? WHERE {column} IS ?", (other, value))
            assert broken(plain), column
            plain.rollback()


@pytest.mark.parametrize("table", COVERED[1:])
def test_whoever_takes_a_row_away_in_spite_of_the_triggers_breaks_the_chain(
    after_night: Trail, table: str
) -> None:
    trail = after_night
    trail.connection.execute(f"DROP TRIGGER {table}_no_delete")
    trail.connection.execute("PRAGMA foreign_keys = OFF")
    trail.connection.execute(f"DELETE FROM {table} WHERE id = 1")
    assert broken(trail.connection)


# -- what is there cannot be altered ---------------------------------------------------------

APPEND_ONLY = ("body", "link", *COVERED)


@pytest.fixture
def plain(after_night: Trail) -> Iterator[sqlite3.Connection]:
    """A connection as anybody has it to the database of a full night."""
    trail = after_night
    before = everything(trail.connection)
    assert all(before[table] for table in APPEND_ONLY)
    with closing(sqlite3.connect(trail.path)) as connection:
        assert connection.execute("PRAGMA recursive_triggers").fetchone() == (0,)
        assert connection.execute("PRAGMA foreign_keys").fetchone() == (0,)
        yield connection
        connection.rollback()
    assert everything(trail.connection) == before


def refused(connection: sqlite3.Connection, statement: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match=r"append-only|never altered"):
        connection.execute(statement)


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_an_update_of_any_column_is_refused(plain: sqlite3.Connection, table: str) -> None:
    for column in _columns(plain, table):
        refused(plain, f"UPDATE {table} SET {column} = {column} WHERE id = 1")
        refused(plain, f"UPDATE OR REPLACE {table} SET {column} = {column}")
        refused(plain, f"UPDATE OR IGNORE {table} SET {column} = {column}")
    if table != "fetch":
        refused(plain, f"UPDATE {table} SET id = id + 1000")


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_a_delete_is_refused(plain: sqlite3.Connection, table: str) -> None:
    refused(plain, f"DELETE FROM {table} WHERE id = 1")
    refused(plain, f"DELETE FROM {table} WHERE id = (SELECT max(id) FROM {table})")
    refused(plain, f"DELETE FROM {table}")


@pytest.mark.parametrize("verb", ["INSERT", "INSERT OR REPLACE", "REPLACE", "INSERT OR FAIL"])
@pytest.mark.parametrize("table", APPEND_ONLY)
def test_replacing_a_row_by_its_id_is_refused(
    plain: sqlite3.Connection, table: str, verb: str
) -> None:
    for which in ("min(id)", "max(id)"):
        names = ", ".join(_columns(plain, table))
        row = f"SELECT {names} FROM {table} WHERE id = (SELECT {which} FROM {table})"
        refused(plain, f"{verb} INTO {table} ({names}) {row}")


@pytest.mark.parametrize("table", ["body", "link", "article_version", "capture"])
def test_replacing_a_row_by_its_unique_key_is_refused(
    plain: sqlite3.Connection, table: str
) -> None:
    columns = [column for column in _columns(plain, table) if column != "id"]
    names = ", ".join(columns)
    row = f"SELECT {names} FROM {table} WHERE id = 1"
    refused(plain, f"INSERT OR REPLACE INTO {table} ({names}) {row}")
    far = f"SELECT 1000000, {names} FROM {table} WHERE id = 1"
    refused(plain, f"INSERT OR REPLACE INTO {table} (id, {names}) {far}")


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_an_upsert_is_refused(plain: sqlite3.Connection, table: str) -> None:
    names = ", ".join(_columns(plain, table))
    column = _columns(plain, table)[1]
    refused(
        plain,
        f"INSERT INTO {table} ({names}) SELECT {names} FROM {table} WHERE id = 1"
        f" ON CONFLICT (id) DO UPDATE SET {column} = excluded.{column}",
    )


@pytest.mark.parametrize("identity", [0, -1, -7])
@pytest.mark.parametrize("table", APPEND_ONLY)
def test_a_row_cannot_be_slipped_in_before_the_others(
    plain: sqlite3.Connection, table: str, identity: int
) -> None:
    values = {column: column for column in _columns(plain, table)} | {"id": str(identity)}
    # Nothing but its place may be wrong with it.
    values |= {"body": {"sha256": "'new'"}, "link": {"step": "'read'", "fetch": "1000000"}}.get(
        table, {}
    )
    if table == "article_version":
        values["fetch"] = "1000000"
    row = f"SELECT {', '.join(values.values())} FROM {table} WHERE id = 1"
    refused(plain, f"INSERT INTO {table} ({', '.join(values)}) {row}")


def test_what_was_received_and_not_read_cannot_be_altered_either(
    plain: sqlite3.Connection,
) -> None:
    (fetch,) = plain.execute("SELECT id FROM fetch WHERE outcome IS NULL").fetchone()
    for column in ("id", "page", "status", "body", "wire_size"):
        refused(plain, f"UPDATE fetch SET {column} = {column} + 1 WHERE id = {fetch}")
    for column in ("fetched_at", "headers", "wire_sha256"):
        refused(plain, f"UPDATE fetch SET {column} = NULL WHERE id = {fetch}")
    refused(plain, f"UPDATE fetch SET asked_url = 'http://x/' WHERE id = {fetch}")
    refused(plain, f"DELETE FROM fetch WHERE id = {fetch}")


# -- the database is sound -------------------------------------------------------------------


def sound(connection: sqlite3.Connection) -> None:
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert [tuple(r) for r in connection.execute("PRAGMA integrity_check")] == [("ok",)]


def test_the_database_is_sound_after_a_full_night(after_night: Trail) -> None:
    trail = after_night
    sound(trail.connection)


def test_all_tables_of_ours_are_strict(trail: Trail) -> None:
    tables = {
        row["name"]: row["strict"]
        for row in trail.connection.execute(
            "SELECT name, strict FROM pragma_table_list WHERE type = 'table'"
        )
        if "sqlite_" not in row["name"]  # SQLite's own, and the migrations' bookkeeping
    }
    assert {"fetch", "entry", "tally", "body"} <= set(tables)
    assert {name for name, strict in tables.items() if not strict} == set()


def test_the_writer_s_connection_is_as_safe_as_promised(trail: Trail) -> None:
    pragmas = {"foreign_keys": 1, "journal_mode": "wal", "synchronous": 2, "trusted_schema": 0}
    found = {p: trail.connection.execute(f"PRAGMA {p}").fetchone()[0] for p in pragmas}
    assert found == pragmas


@pytest.mark.parametrize("votes", ["-1", "1.5", "'1,234'", "300000001"])
def test_no_table_takes_what_cannot_be_a_count(trail: Trail, votes: str) -> None:
    trail.look(Page())
    with pytest.raises(sqlite3.IntegrityError):
        trail.connection.execute(f"UPDATE tally SET votes = {votes}")


# -- cut off between receiving and reading ---------------------------------------------------


def looks_of_a_crash() -> list[Page]:
    return [Page(), Page(banner=SECOND), Page(2, banner=SECOND), Page(banner=THIRD, story=EDITED)]


def test_what_was_received_and_not_read_is_read_in_order_at_the_next_opportunity(
    tmp_path: Path,
) -> None:
    with opened(tmp_path / "whole.db") as undisturbed:
        for page in looks_of_a_crash():
            undisturbed.look(page)
        expected = undisturbed.rows(first=True)
    with opened(tmp_path / "cut.db") as trail:
        for page in looks_of_a_crash():
            trail.receive(page)
        assert trail.rows(first=True) == []
    with opened(tmp_path / "cut.db") as trail:
        waiting = unread(trail.connection)
        assert waiting == [1, 2, 3, 4]
        for fetch in waiting:
            trail.read(fetch)
        assert unread(trail.connection) == []
        assert trail.rows(first=True) == expected
        assert not broken(trail.connection)


@pytest.mark.xfail(strict=True, reason="crawls read in the order of receiving")
def test_reading_a_later_fetch_first_does_not_turn_the_order_of_the_log_round(
    trail: Trail,
) -> None:
    """Reading is in fetch order: either the earlier is read first, or the later has to wait."""
    trail.look(Page())
    earlier = trail.receive(Page(banner=THIRD))
    later = trail.receive(Page(2, banner=SECOND))
    try:
        trail.read(later)
    except Exception:  # whatever says that it has to wait
        assert trail.rows() == []
    trail.read(earlier)
    trail.read(later)
    assert all(
        row.fetch_before is not None and row.fetch_before < row.fetch for row in trail.rows()
    )
    assert [r.new for r in trail.rows() if r.field == "votes"] == [67_600_000]


def test_reading_twice_records_once(trail: Trail) -> None:
    trail.look(Page())
    fetch = trail.receive(Page(banner=SECOND))
    assert len(trail.read(fetch).changes) == 2
    before = everything(trail.connection)
    again = trail.read(fetch)
    assert (again.outcome, again.changes) == ("new", ())
    assert everything(trail.connection) == before


# -- broken in the middle of reading ---------------------------------------------------------


def interrupted(trail: Trail) -> int:
    """A look whose reading writes to every table, received and not yet read."""
    trail.look(Page())
    page = Page(
        banner=SECOND.with_figures(Stein=(0, 700_000)),
        story=replace(EDITED, dek=None, authors=("Bo Li",)),
    )
    return trail.receive(page)


@pytest.fixture
def undisturbed(tmp_path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that is in the database when nothing broke."""
    with opened(tmp_path / "undisturbed.db") as trail:
        assert len(trail.read(interrupted(trail)).changes) > 5
        return everything(trail.connection)


@pytest.mark.parametrize(
    "point",
    [
        "INSERT ON series",
        "INSERT ON label",
        "INSERT ON entry",
        "INSERT ON first_sight",
        "INSERT ON candidate",
        "INSERT ON tally",
        "UPDATE ON sighting",
        "UPDATE ON progress",
        "UPDATE ON article",
        "INSERT ON article_version",
        "INSERT ON link",
        "UPDATE ON fetch",
        "UPDATE ON page",
    ],
)
def test_a_write_that_fails_leaves_no_trace_but_the_received_fetch(
    trail: Trail, undisturbed: dict[str, list[tuple[Any, ...]]], point: str
) -> None:
    fetch = interrupted(trail)
    before = everything(trail.connection)
    trail.connection.execute(
        f"CREATE TEMP TRIGGER fault AFTER {point} BEGIN SELECT RAISE(ABORT, 'broken'); END"
    )
    with pytest.raises(sqlite3.IntegrityError, match="broken"):
        trail.read(fetch)
    assert everything(trail.connection) == before
    assert unread(trail.connection) == [fetch]
    trail.connection.execute("DROP TRIGGER fault")
    trail.read(fetch)
    assert everything(trail.connection) == undisturbed


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_exception_after_the_last_write_leaves_no_trace_but_the_received_fetch(
    trail: Trail,
    undisturbed: dict[str, list[tuple[Any, ...]]],
    monkeypatch: pytest.MonkeyPatch,
    error: type[BaseException],
) -> None:
    fetch = interrupted(trail)
    before = everything(trail.connection)

    def finished_and_broken(*args: Any, **more: Any) -> None:
        finish(*args, **more)
        raise error("broken")

    with monkeypatch.context() as patch:
        patch.setattr("crawler.reading.finish", finished_and_broken)
        with pytest.raises(error, match="broken"):
            trail.read(fetch)
    assert everything(trail.connection) == before
    trail.read(fetch)
    assert everything(trail.connection) == undisturbed


#: Reads a fetch in copies of a database, in a process of its own each: the n-th kills itself before
#: its n-th statement. The first copy, number 0, is read without harm.
KILLED = """
import os, shutil, signal, sys
from crawler.reading import read
from storage.database import open_for_writing
from pathlib import Path

database, fetch = Path(sys.argv[1]), int(sys.argv[2])

def at_work(path, last):
    connection = open_for_writing(path)
    statements = 0
    def trace(statement):
        nonlocal statements
        statements += 1
        if statements == last:
            os.kill(os.getpid(), signal.SIGKILL)
    connection.set_trace_callback(trace)
    read(connection, fetch)
    connection.set_trace_callback(None)
    connection.close()
    return statements

def copied(last):
    return Path(shutil.copy(database, database.with_name(f"killed-{last}.db")))

statements = at_work(copied(0), 0)
children = []
for last in range(1, statements + 1):
    path = copied(last)
    child = os.fork()
    if child == 0:
        at_work(path, last)
        os._exit(0)  # it should not have come to this
    children.append(child)
ends = {os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children}
sys.exit(ends != {-signal.SIGKILL})
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL here")
def test_killed_before_any_statement_of_reading_it_leaves_no_trace_and_reads_again_once(
    tmp_path: Path, undisturbed: dict[str, list[tuple[Any, ...]]]
) -> None:
    path = tmp_path / "trail.db"
    with opened(path) as trail:
        fetch = interrupted(trail)
        before = everything(trail.connection)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), str(fetch)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    copies = sorted(tmp_path.glob("killed-*.db"), key=lambda p: int(p.stem.split("-")[1]))
    assert len(copies) > 50, "reading takes more statements than that"
    for number, copy in enumerate(copies):
        with opened(copy) as trail:
            if number:
                assert everything(trail.connection) == before
                assert unread(trail.connection) == [fetch]
                trail.read(fetch)
            assert everything(trail.connection) == undisturbed
            if number % 20 == 0:
                assert not broken(trail.connection)
                sound(trail.connection)


def test_the_builder_s_clock_is_the_one_that_the_log_tells(trail: Trail) -> None:
    assert [clock(m) for m in (0, 21, 300, 301 + 12 * 60)] == [
        "Nov. 6, 7:00 PM ET",
        "Nov. 6, 7:21 PM ET",
        "Nov. 7, 12:00 AM ET",
        "Nov. 7, 12:01 PM ET",
    ]
    trail.look(Page(banner=replace(FIRST, minute=301 + 12 * 60)))
    times = {row.source_updated_at for row in trail.rows(first=True) if row.race}
    assert times == {"2024-11-07T17:01:00.000Z"}
