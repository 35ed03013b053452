"""The pure rules: comparing, judging, reading numbers and times, whole bodies, configuration."""

from __future__ import annotations

import gzip
import random
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.bodies import unpacked
from crawler.errors import ConfigurationError, NotWhole
from crawler.parsers.abc_urls import story_id
from crawler.parsers.values import count, eastern, eastern_without_year, machine_time, percent
from crawler.sources import read_configuration
from storage.diff import compare_article, compare_race, first_of_race
from storage.records import Article, Change, RaceState, Tally
from storage.reports.printable import printable
from storage.verdicts import Persistence, judge_race

NAMES = ("harris", "trump", "stein", "oliver")

counts = st.none() | st.integers(0, 300_000_000)
percents = st.none() | st.integers(0, 1010).map(lambda n: n / 10)


@st.composite
def states(draw: st.DrawFn, least: int = 0) -> RaceState:
    candidates = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=least))
    tallies = tuple(
        Tally(
            candidate=c,
            name=c.title(),
            votes=draw(counts),
            electoral_votes=draw(st.none() | st.integers(0, 538)),
        )
        for c in candidates
    )
    return RaceState(
        race="president",
        place="us",
        source_updated_at=None,
        tallies=tallies,
        projection=draw(st.none() | st.sampled_from(candidates)) if candidates else None,
        expected_vote_pct=draw(percents),
        precincts_pct=draw(percents),
    )


def facts(state: RaceState) -> dict[tuple[str, str | None], object]:
    """Every value of a state by what it is; a candidate's presence is one of them."""
    values: dict[tuple[str, str | None], object] = {
        ("projection", None): state.projection,
        ("expected_vote_pct", None): state.expected_vote_pct,
        ("precincts", None): state.precincts_pct,
    }
    for t in state.tallies:
        values["set", t.candidate] = True
        values["votes", t.candidate] = t.votes
        values["electoral_votes", t.candidate] = t.electoral_votes
    return {key: value for key, value in values.items() if value is not None}


def applied(
    values: Mapping[tuple[str, str | None], object], rows: list[Change]
) -> dict[tuple[str, str | None], object]:
    """The values after the rows, by what each row says, checked against what it says of before."""
    result = dict(values)
    for row in rows:
        whose = row.candidate if row.field in ("votes", "electoral_votes", "set") else None
        key = (row.field, whose)
        if row.kind == "candidate_removed":
            for field in ("set", "votes", "electoral_votes"):
                result.pop((field, whose), None)
            continue
        if row.kind == "candidate_added":
            assert key not in result
            result[key] = True
            continue
        if row.kind != "first":
            assert result.get(key) == row.old
        result.pop(key, None)
        if row.new is not None:
            result[key] = row.new
    return result


@given(states())
def test_a_state_does_not_differ_from_itself(state: RaceState) -> None:
    assert compare_race(state, state, frozenset(NAMES)) == []


@given(states(), st.randoms())
def test_the_order_of_candidates_says_nothing(state: RaceState, chance: random.Random) -> None:
    from dataclasses import replace

    shuffled = list(state.tallies)
    chance.shuffle(shuffled)
    assert compare_race(state, replace(state, tallies=tuple(shuffled)), frozenset(NAMES)) == []


@given(states(), states())
def test_the_changes_lead_from_the_old_state_to_the_new(old: RaceState, new: RaceState) -> None:
    rows = compare_race(old, new, frozenset(NAMES))
    assert applied(facts(old), rows) == facts(new)


@given(states())
def test_first_sights_are_all_there_is_to_see(state: RaceState) -> None:
    seen = {
        (r.field, r.candidate if r.field != "projection" else None): r.new
        for r in first_of_race(state)
    }
    assert seen == {key: value for key, value in facts(state).items() if key[0] != "set"}
    assert all(row.kind == "first" and row.old is None for row in first_of_race(state))


@given(states(), states())
def test_kinds_and_deltas_of_votes_follow_from_old_and_new(old: RaceState, new: RaceState) -> None:
    for row in compare_race(old, new, frozenset(NAMES)):
        if row.field != "votes" or row.kind == "first":
            continue
        assert row.old != row.new
        if isinstance(row.old, int) and isinstance(row.new, int):
            assert row.delta == row.new - row.old
            assert row.kind == ("votes_increased" if row.new > row.old else "votes_decreased")
        else:
            assert (row.kind, row.delta) == ("votes_increased", None)


@given(states(least=2), states(least=2))
def test_a_turned_lead_is_flagged_once_and_only_then(old: RaceState, new: RaceState) -> None:
    def top(state: RaceState) -> set[str]:
        most = max((t.votes or 0 for t in state.tallies), default=0)
        return {t.candidate for t in state.tallies if t.votes == most and most}

    rows = compare_race(old, new, frozenset(NAMES))
    flagged = [r for r in rows if "lead_change" in r.flags]
    turned = top(old) and top(new) and top(old) != top(new)
    assert len(flagged) == bool(turned)


def test_a_candidate_whom_this_page_never_showed_is_not_removed_by_it() -> None:
    def state(*names: str) -> RaceState:
        tallies = tuple(Tally(candidate=n, name=n, votes=1) for n in names)
        return RaceState(race="r", place="us", source_updated_at=None, tallies=tallies)

    assert compare_race(state("a", "b"), state("a"), frozenset({"a"})) == []
    (row,) = compare_race(state("a", "b"), state("a"), frozenset({"a", "b"}))
    assert (row.kind, row.candidate) == ("candidate_removed", "b")


NOON = datetime(2024, 11, 6, 12, tzinfo=UTC)


def at(minute: int, votes: int | None = 5) -> RaceState:
    tally = Tally(candidate="a", name="A", votes=votes)
    updated = NOON + timedelta(minutes=minute)
    return RaceState(race="r", place="us", source_updated_at=updated, tallies=(tally,))


@pytest.mark.parametrize(
    ("looks", "minutes", "repeated", "new", "verdict", "flags"),
    [
        (1, 0, False, at(1, 4), "accepted", ()),
        (1, 0, False, at(0, 4), "accepted", ()),  # the same minute, other figures
        (2, 1, True, at(0, 4), "stale", ()),  # the same minute, but shown before the newer state
        (1, 0, False, at(-1, 4), "stale", ()),
        (2, 60, False, at(-1, 4), "stale", ()),
        (3, 14, False, at(-1, 4), "stale", ()),
        (3, 15, False, at(-1, 4), "accepted", ("rollback",)),
        (9, 60, False, at(5, None), "rejected", ()),  # a number that vanishes is no count
    ],
)
def test_verdicts(
    looks: int, minutes: int, repeated: bool, new: RaceState, verdict: str, flags: tuple[str, ...]
) -> None:
    now = NOON + timedelta(hours=2)
    since = now - timedelta(minutes=minutes)
    persistence = Persistence(looks=looks, since=since, repeated=repeated)
    judgement = judge_race(new, at(0), persistence, now)
    assert (judgement.verdict, judgement.flags) == (verdict, flags)


def story(**fields: dict[str, str | None]) -> Article:
    return Article(id="1", url="u", section=None, readings=fields)


def test_an_origin_that_comes_or_goes_is_no_edit() -> None:
    both = story(headline={"state": "Long headline", "markup": "Headline"})
    state, markup = (story(headline={o: both.readings["headline"][o]}) for o in ("state", "markup"))
    seen = both
    for look in (markup, state, both, state, markup):
        rows, seen = compare_article(seen, look)
        assert rows == []
    rows, _ = compare_article(seen, story(headline={"markup": "Other headline"}))
    assert [(r.old, r.new) for r in rows] == [("Headline", "Other headline")]


def test_a_value_of_a_new_origin_alone_is_a_first_sight() -> None:
    rows, seen = compare_article(
        story(dek={"markup": None}), story(dek={"markup": None, "jsonld": "A dek"})
    )
    assert [(r.kind, r.new) for r in rows] == [("first", "A dek")]
    rows, _ = compare_article(seen, story(dek={"markup": None, "jsonld": "Another"}))
    assert [(r.kind, r.old, r.new) for r in rows] == [("dek_changed", "A dek", "Another")]


def test_a_dek_added_where_there_was_none_and_dropped_again() -> None:
    none, one = story(dek={"markup": None}), story(dek={"markup": "A dek"})
    rows, seen = compare_article(none, one)
    assert [(r.kind, r.old, r.new) for r in rows] == [("dek_changed", None, "A dek")]
    rows, _ = compare_article(seen, none)
    assert [(r.kind, r.old, r.new) for r in rows] == [("dek_changed", "A dek", None)]


texts = st.none() | st.sampled_from(["a", "b"])
readings = st.dictionaries(st.sampled_from(["state", "jsonld", "markup", "opengraph"]), texts)


@given(st.lists(readings, min_size=1, max_size=6))
def test_no_field_changes_twice_to_what_it_is(looks: list[dict[str, str | None]]) -> None:
    seen = story(headline=looks[0])
    for reading in looks[1:]:
        before = seen
        rows, seen = compare_article(before, story(headline=reading))
        assert all(row.old != row.new for row in rows)
        again, _ = compare_article(seen, story(headline=reading))
        assert again == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("71,900,392", 71_900_392),
        ("71900392", 71_900_392),
        *((bad, None) for bad in ("71,900,39", "71.900.392", "1_000", "١٢", "-5", "+5", "1e6", "")),
        *((bad, None) for bad in (",5", "5,", "1,0000", "7l,900,392", " 5", "5 ", "N/A")),
    ],
)
def test_counts(text: str, value: int | None) -> None:
    assert count(text) == value


@given(st.integers(0, 10**12))
def test_a_count_with_its_commas_is_that_count(number: int) -> None:
    assert count(f"{number:,}") == number == count(str(number))


@pytest.mark.parametrize(
    ("text", "value"), [("95%", 95), ("95 %", 95), ("95.5%", 95.5), ("<1%", None), ("95", None)]
)
def test_percents(text: str, value: float | None) -> None:
    assert percent(text) == value


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("Nov. 12, 6:00 PM ET", "2024-11-12T23:00"),
        ("Nov. 1, 6:00 PM ET", "2024-11-01T22:00"),  # daylight saving ends on the 3rd
        ("Nov. 3, 1:30 AM ET", "2024-11-03T05:30"),  # of the hour that comes twice, the first
        ("Sept. 6, 12:05 AM ET", "2024-09-06T04:05"),  # 60 days before
        ("Sept. 5, 12:05 AM ET", "2025-09-05T04:05"),
        ("March 10, 12:05 PM EDT", "2025-03-10T16:05"),
        ("Jan. 6, 1:00 p.m. EST", "2025-01-06T18:00"),
        ("Feb. 29, 1:00 PM ET", None),  # neither 2024 after the 6th of September, nor 2025
        ("Nov. 31, 6:00 PM ET", None),
        ("Nov. 12, 13:00 PM ET", None),
        ("Nov. 12, 6:00 PM", None),
        ("Nov. 12, 6:00 PM CT", None),
        ("12 Nov., 6:00 PM ET", None),
    ],
)
def test_times_without_a_year(text: str, instant: str | None) -> None:
    moment = eastern_without_year(text, date(2024, 11, 5))
    assert moment == (datetime.fromisoformat(instant).replace(tzinfo=UTC) if instant else None)


def test_other_times() -> None:
    assert eastern("November 11, 2024, 4:22 AM") == datetime(2024, 11, 11, 9, 22, tzinfo=UTC)
    assert eastern("Mar 3, 2017, 9:01 AM ET") == datetime(2017, 3, 3, 14, 1, tzinfo=UTC)
    assert eastern("4 hours ago") is None
    assert machine_time("2024-11-06T22:00:00Z") == datetime(2024, 11, 6, 22, tzinfo=UTC)
    assert machine_time("Wed, 06 Nov 2024 17:00:00 -0500") == datetime(2024, 11, 6, 22, tzinfo=UTC)
    assert machine_time("2024-11-06T22:00:00") is None
    assert machine_time(1730930400) is None


PACKED = gzip.compress(b"<html>" + bytes(range(256)) * 4 + b"</html>", mtime=0)


def test_a_whole_gzip_body_is_unpacked() -> None:
    assert unpacked(PACKED, encoding="gzip", flags=[], length=None).startswith(b"<html>")


@pytest.mark.parametrize("cut", range(len(PACKED)))
def test_a_gzip_body_cut_anywhere_is_refused(cut: int) -> None:
    with pytest.raises(NotWhole):
        unpacked(PACKED[:cut], encoding="gzip", flags=[], length=None)


@pytest.mark.parametrize("at", range(-8, 0))
def test_a_gzip_body_with_a_wrong_trailer_is_refused(at: int) -> None:
    wrong = bytearray(PACKED)
    wrong[at] ^= 1
    with pytest.raises(NotWhole):
        unpacked(bytes(wrong), encoding="gzip", flags=[], length=None)


@pytest.mark.parametrize(
    ("wire", "encoding", "flags", "length"),
    [
        (PACKED + b"x", "gzip", [], None),
        (PACKED + PACKED, "gzip", [], None),
        (b"plain", "gzip", [], None),
        (PACKED, "br", [], None),
        (PACKED, "gzip, gzip", [], None),
        (b"half", "", ["dataloss"], None),
        (b"half", "", ["partial"], None),
        (b"half", "", [], "8"),
        (gzip.compress(bytes(17 * 1024 * 1024)), "gzip", [], None),
    ],
)
def test_what_is_not_whole_or_not_asked_for_is_refused(
    wire: bytes, encoding: str, flags: list[str], length: str | None
) -> None:
    with pytest.raises(NotWhole):
        unpacked(wire, encoding=encoding, flags=flags, length=length)


@given(st.text())
def test_nothing_printed_moves_a_cursor_or_turns_a_line(text: str) -> None:
    shown = printable(text)
    assert all(c == " " or (c.isprintable() or c == "\ufffd") for c in shown)
    assert len(shown) == len(text)


@pytest.mark.parametrize(
    ("url", "identity"),
    [
        ("https://abcnews.go.com/US/some-slug/story?id=123", "123"),
        ("https://abcnews.com/amp/US/some-slug/story?id=123&cid=x", "123"),
        ("https://abcnews.go.com/US/wireStory/some-slug-456", "456"),
        ("https://abcnews.go.com/US/wireStory/456/", "456"),
        ("https://abcnews.go.com/US/video/clip-789", None),
        ("https://abcnews.go.com/US/live-updates/slug/?id=123", None),
        ("https://abcnews.go.com/US/some-slug/story?id=12x", None),
        ("https://abcnews.go.com/US/some-slug/story?id=1&id=2", None),
        (None, None),
    ],
)
def test_story_ids(url: str | None, identity: str | None) -> None:
    assert story_id(url) == identity


GOOD = """\
contact = "desk@example.com"
[[source]]
id = "abc"
outlet = "ABC News"
parser = "abc"
election_date = 2024-11-05
pages = ["https://abcnews.go.com/US/s/story?id=1"]
"""


def configured(tmp_path: Path, text: str) -> str:
    """What is wrong with the configuration; empty when nothing is."""
    path = tmp_path / "tallytrail.toml"
    path.write_text(text, "utf-8")
    try:
        read_configuration(path)
    except ConfigurationError as error:
        return str(error).removeprefix(str(path))
    return ""


def test_a_good_configuration_is_read(tmp_path: Path) -> None:
    assert configured(tmp_path, GOOD) == ""


@pytest.mark.parametrize("key", ["contact", "id", "outlet", "parser", "election_date", "pages"])
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    lines = [line for line in GOOD.splitlines() if not line.startswith(key)]
    assert f"{key}:" in configured(tmp_path, "\n".join(lines))


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("contact =", "contakt =", "contact"),
        ("[[source]]", "dellay = 1\n[[source]]", "dellay"),
        ("[[source]]", 'every = "soon"\n[[source]]', "every"),
        ("[[source]]", 'every = "0m"\n[[source]]', "every"),
        ("[[source]]", "delay = 0\n[[source]]", "delay"),
        ("[[source]]", "delay = -1\n[[source]]", "delay"),
        ("[[source]]", 'delay = "1"\n[[source]]', "delay"),
        ("desk@example.com", "you@example.org", "contact"),
        ("desk@example.com", "", "contact"),
        ('parser = "abc"', 'parser = "abd"', "parser"),
        ("2024-11-05", '"2024-11-05"', "election_date"),
        ("2024-11-05", "2024-11-05T00:00:00", "election_date"),
        ('parser = "abc"', 'parser = "abc"\ntimezone = "Mars"', "timezone"),
        ("story?id=1", "live-updates/x/?id=1", "pages"),
        ("https://abcnews", "ftp://abcnews", "pages"),
        ('id = "abc"', 'id = "A B"', "id"),
        ("[[source]]", "[source]", "source"),
        (GOOD, GOOD + GOOD.partition("\n")[2], "source.id"),
        (GOOD, "contact = ", "TOML"),
    ],
)
def test_a_wrong_configuration_names_the_key(
    tmp_path: Path, old: str, new: str, named: str
) -> None:
    assert old in GOOD
    assert named in configured(tmp_path, GOOD.replace(old, new))


@pytest.mark.parametrize(
    ("link", "asked"),
    [
        ("https://abcnews.go.com/US/a/story?id=2#top", "https://abcnews.go.com/US/a/story?id=2"),
        ("http://abcnews.go.com/US/a/story?id=2", "https://abcnews.go.com/US/a/story?id=2"),
        ("https://abcnews.com/US/a/story?id=2", "https://abcnews.com/US/a/story?id=2"),
        ("https://elsewhere.example/US/a/story?id=2", None),
        ("https://abcnews.go.com:8443/US/a/story?id=2", None),
        ("https://abcnews.go.com@elsewhere.example/story?id=2", None),
        ("ftp://abcnews.go.com/story?id=2", None),
        ("file:///etc/passwd", None),
        ("//abcnews.go.com/story?id=2", None),
    ],
)
def test_links_of_a_feed_lead_to_the_outlet_over_https_only(
    tmp_path: Path, link: str, asked: str | None
) -> None:
    path = tmp_path / "tallytrail.toml"
    path.write_text(GOOD, "utf-8")
    (source,) = read_configuration(path).sources
    assert source.followed(link) == asked
