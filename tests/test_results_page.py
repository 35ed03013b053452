"""The results page: its banner, the layout of 2020, and tables of votes by state.

No markup of 2024 is known: the pages here are made from the captured texts of the banner, and
from the classes that two scrapers used in 2020. The tables are what such a page may have.
"""

from __future__ import annotations

import time
from datetime import UTC, date, datetime

import pytest

from crawler.parsers import abc
from storage.places import STATES
from storage.records import RaceState, Snapshot

URL = "https://abcnews.go.com/Elections/2024-us-presidential-election-results-live-map"
URL_2020 = "https://abcnews.go.com/Elections/2020-us-presidential-election-results-live-map"
LINES = (
    "Your Voice Your Vote 2024", "Live results", "Updated: Nov. 12, 6:00 PM ET",
    "National Election Results: presidential", "Projection: Trump is President-elect",
    "226", "312", "226", "312", "Harris", "71,900,392", "270 to win", "Trump", "75,068,566",
    "Expected vote reporting: 95%",
)  # fmt: skip
BANNER = "".join(f"<div>{line}</div>" for line in LINES)
ROWS = (("Florida", "4,683,038", "6,110,125"), ("Ga.", "2,548,017", "2,663,117"))
FIGURES = {
    "us/fl": {"harris": 4_683_038, "trump": 6_110_125},
    "us/ga": {"harris": 2_548_017, "trump": 2_663_117},
}


def table(header: str, *rows: tuple[str, ...], more: str = "") -> str:
    body = "".join(f"<tr>{''.join(f'<td>{c}</td>' for c in row)}</tr>" for row in rows)
    return f"<table>{header}{body}{more}</table>"


def head(*cells: str) -> str:
    return f"<tr>{''.join(f'<th>{cell}</th>' for cell in cells)}</tr>"


NAMED = head("State", "Harris", "Trump")


def read(content: str, url: str = URL, day: date = date(2024, 11, 5)) -> Snapshot:
    body = f"<!doctype html><html><body>{content}</body></html>".encode()
    return abc.parse(
        abc.RESULTS_PAGE,
        body,
        url=url,
        charset="utf-8",
        election_date=day,
        fetched_at=datetime(day.year, 11, 14, 12, tzinfo=UTC),
    )


def votes(snapshot: Snapshot) -> dict[str, dict[str, int | None]]:
    """The votes by place, without the nation."""
    places = [race.place for race in snapshot.races]
    assert len(set(places)) == len(places)
    assert {race.race for race in snapshot.races} <= {"president"}
    return {
        race.place: {t.candidate: t.votes for t in race.tallies}
        for race in snapshot.races
        if race.place != "us"
    }


def refused(snapshot: Snapshot) -> dict[str | None, str]:
    assert {(r.part, r.race) for r in snapshot.refusals} <= {("race", "president")}
    return {refusal.place: refusal.reason for refusal in snapshot.refusals}


def nation(snapshot: Snapshot) -> RaceState:
    (race,) = [race for race in snapshot.races if race.place == "us"]
    return race


def assert_read(content: str) -> None:
    snapshot = read(BANNER + content)
    assert refused(snapshot) == {}
    assert nation(snapshot) == nation(read(BANNER))
    assert votes(snapshot) == FIGURES


# Tables of states


def test_the_states_stand_beside_the_banner_and_have_no_time_of_their_own() -> None:
    snapshot = read(BANNER + table(NAMED, *ROWS))
    assert snapshot.refusals == ()
    assert votes(snapshot) == FIGURES
    assert nation(snapshot).source_updated_at == datetime(2024, 11, 12, 23, tzinfo=UTC)
    florida = next(race for race in snapshot.races if race.place == "us/fl")
    assert florida == RaceState(
        race="president", place="us/fl", source_updated_at=None, tallies=florida.tallies
    )
    assert [(t.name, t.electoral_votes) for t in florida.tallies] == [
        ("Harris", None), ("Trump", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "header",
    [
        head("State", "HARRIS", "TRUMP"),
        head("State", "Kamala Harris (D)", "Donald J. Trump (R)"),
        head("", "Harris votes", "Trump votes"),
        head("State", "Democrat", "Republican"),
        head("State", "Dem.", "Rep."),
        head("State", "Democratic", "GOP"),
        head("State", "Harris<br>Democrat", "Trump<br>Republican"),
        f"<caption>2024 presidential results</caption>{NAMED}",
        "<tr><th colspan=3>Race to the White House</th></tr>" + NAMED,
        f"<thead>{NAMED}</thead>",
        "<tr><td>State</td><td>Harris</td><td>Trump</td></tr>",
        "<tr><th rowspan=2>State</th><th colspan=2>Votes</th></tr><tr><th>Harris<th>Trump</tr>",
    ],
)
def test_headers(header: str) -> None:
    assert_read(table(header, *ROWS))


def test_the_order_of_columns_is_the_headers() -> None:
    rows = [(right, "x", left, state) for state, left, right in ROWS]
    content = table(head("Trump", "Polls close", "Harris", "State"), *rows)
    assert votes(read(BANNER + content)) == {}  # rows begin with a state, or there are none
    wide = [(state, "8 PM ET", right, "30", left) for state, left, right in ROWS]
    header = head("State", "Polls close", "Trump", "Electoral votes", "Harris")
    assert_read(table(header, *wide))


@pytest.mark.parametrize("at", ["before", "after"])
def test_the_table_is_no_part_of_the_banner(at: str) -> None:
    rows = [(state, "95%", left, right) for state, left, right in ROWS]
    states = table(head("State", "Expected vote reporting", "Harris", "Trump"), *rows)
    snapshot = read(states + BANNER if at == "before" else BANNER + states)
    assert (votes(snapshot), refused(snapshot)) == (FIGURES, {})
    assert nation(snapshot).expected_vote_pct == 95


SPANNED = (
    "<tr><th rowspan=2>State</th><th colspan=2>Harris</th><th colspan=2>Trump</th></tr>"
    "<tr><th>{}</th><th>{}</th><th>{}</th><th>{}</th></tr>"
)


@pytest.mark.parametrize("share", ["%", "Pct.", "Share of votes", "Lead", "Electoral votes"])
def test_what_stands_beside_the_votes_is_left_out(share: str) -> None:
    rows = [(state, "43", left, "56", right) for state, left, right in ROWS]
    assert_read(table(SPANNED.format(share, "Votes", share, "Votes"), *rows))
    rows = [(state, left, "43.0%", right, "56.1%") for state, left, right in ROWS]
    assert_read(table(SPANNED.format("Votes", share, "Total votes", share), *rows))


def test_a_percent_beside_a_count_below_one_header_is_told_by_its_sign() -> None:
    header = "<tr><th>State<th colspan=2>Harris<th colspan=2>Trump</tr>"
    rows = [(state, left, "43.0%", right, "56.1%") for state, left, right in ROWS]
    assert_read(table(header, *rows))
    rows = [(state, left, "30", right, "0") for state, left, right in ROWS]
    snapshot = read(BANNER + table(header, *rows))
    assert votes(snapshot) == {}
    assert refused(snapshot).keys() == {"us/fl", "us/ga"}
    assert "4,683,038 | 30" in refused(snapshot)["us/fl"]


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (head("State", "Harris", "Trump", "Trump"), "cells"),
        (head("State", "Harris and Trump", "x"), "cannot be told"),
        (head("State", "Harris ballots", "Trump ballots"), "cannot be told"),
        (head("State", "Harris votes", "Trump %"), "Trump has no column of votes"),
        (head("State", "Republican Harris", "Democrat Trump"), "not the party"),
        ("<tr><th>State<th colspan=99>Harris<th>Trump</tr>", "spans"),
        ("<tr><th>State<th colspan=-1>Harris<th>Trump</tr>", "spans"),
        ("<tr><th rowspan=3>State<th>Harris<th>Trump</tr>", "spans"),
    ],
)
def test_a_header_that_cannot_be_told_is_refused(header: str, reason: str) -> None:
    snapshot = read(BANNER + table(header, *ROWS))
    assert nation(snapshot) == nation(read(BANNER))
    assert votes(snapshot) == {}
    said = refused(snapshot)
    assert said
    for text in said.values():
        assert text.startswith("state table: ")
        assert any(word in text for word in reason.split("|"))


def test_of_two_columns_the_one_that_says_votes_is_taken() -> None:
    rows = [(state, "30", left, "0", right) for state, left, right in ROWS]
    assert_read(table(head("State", "Harris", "Harris votes", "Trump", "Trump votes"), *rows))


def test_a_column_twice_is_refused() -> None:
    rows = [(state, left, right, right) for state, left, right in ROWS]
    header = head("State", "Harris votes", "Trump votes", "Votes of Trump")
    (text,) = refused(read(BANNER + table(header, *rows))).values()
    assert text.startswith("state table: ")


@pytest.mark.parametrize(
    ("state", "place"),
    [
        ("Florida", "us/fl"), ("FLORIDA", "us/fl"), ("FL", "us/fl"), ("Fla.", "us/fl"),
        ("Florida*", "us/fl"), ("<a href='/x'>Florida</a><sup>2</sup>", "us/fl"),
        ("<b>Florida</b> <i>Fla.</i>", "us/fl"), ("Florida<br>30 electoral votes", "us/fl"),
        ("D.C.", "us/dc"), ("Washington, D.C.", "us/dc"), ("Washington", "us/wa"),
        ("W.Va.", "us/wv"), ("West&nbsp;Virginia", "us/wv"), ("N.H.", "us/nh"), ("OR", "us/or"),
    ],
)  # fmt: skip
def test_names_of_states(state: str, place: str) -> None:
    snapshot = read(BANNER + table(NAMED, (state, "4,683,038", "6,110,125")))
    assert refused(snapshot) == {}
    assert votes(snapshot) == {place: FIGURES["us/fl"]}


@pytest.mark.parametrize("state", ["or", "Guam", "Florida (early)", "Florida Georgia", "1"])
def test_a_row_of_figures_without_a_state_is_named_and_the_others_are_read(state: str) -> None:
    snapshot = read(BANNER + table(NAMED, *ROWS, (state, "1,000", "2,000")))
    assert votes(snapshot) == FIGURES
    assert list(refused(snapshot)) == [None]
    assert f'"{state}"' in refused(snapshot)[None]


@pytest.mark.parametrize(
    "row",
    [
        ("Total", "7,231,055", "8,773,242"),
        ("United States", "71,900,392", "75,068,566"),
        ("TOTALS:", "1", "2"),
        ("Maine 2nd District", "170,000", "210,000"),
        ("NE-02", "160,000", "150,000"),
        ("* Georgia counts on",),
        ("", "", ""),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_other_rows_are_no_states(row: tuple[str, ...], first: bool) -> None:
    assert_read(table(NAMED, *((row, *ROWS) if first else (*ROWS, row))))


def test_a_header_again_between_the_rows() -> None:
    assert_read(table(NAMED, ROWS[0], ("State", "Harris", "Trump"), ROWS[1]))


@pytest.mark.parametrize(
    "cell", ["", "—", "N/A", "1.234.567", "1,23", "-5", "+1,200", "51.2%", "51.2", "300,000,001",
             "1,234 1,235", "1e6", "１２３", "<table><tr><td>1</td></tr></table>"]
)  # fmt: skip
def test_a_cell_that_is_no_count_refuses_its_row_alone(cell: str) -> None:
    snapshot = read(BANNER + table(NAMED, *ROWS, ("Ohio", "2,533,699", cell)))
    assert votes(snapshot) == FIGURES
    assert list(refused(snapshot)) == ["us/oh"]
    assert "Ohio" in refused(snapshot)["us/oh"]
    assert "Trump" in refused(snapshot)["us/oh"]
    if cell and "<" not in cell:
        assert cell in refused(snapshot)["us/oh"]


def test_a_footnote_is_no_digit() -> None:
    rows = [(s, f"{left}<sup>2</sup>", f"{right}*") for s, left, right in ROWS]
    assert_read(table(NAMED, *rows))
    assert_read(table(NAMED, *[(s, f"{le} votes", f"<b>{r}</b> (56%)") for s, le, r in ROWS]))


def test_a_state_that_has_published_nothing_has_no_votes_and_not_zero() -> None:
    snapshot = read(BANNER + table(NAMED, *ROWS, ("Alaska", "—", "")))
    assert refused(snapshot) == {}
    assert votes(snapshot) == FIGURES | {"us/ak": {"harris": None, "trump": None}}


@pytest.mark.parametrize(
    "row",
    [
        "<tr><td>Ohio<td>2,533,699</tr>",
        "<tr><td>Ohio<td>2,533,699<td>3,180,116<td>7</tr>",
        "<tr><td>Ohio<td colspan=2>2,533,699</tr>",
        "<tr><td>Ohio<td>2,533,699<td rowspan=2>3,180,116</tr>",
    ],
)
def test_a_row_of_another_width_is_refused_alone(row: str) -> None:
    snapshot = read(BANNER + table(NAMED, *ROWS, more=row))
    assert votes(snapshot) == FIGURES
    assert list(refused(snapshot)) == ["us/oh"]


def test_a_state_twice_must_say_the_same() -> None:
    assert_read(table(NAMED, *ROWS, ("FL", *ROWS[0][1:])))
    assert_read(table(NAMED, *ROWS) + table(NAMED, ROWS[0]))
    for again in (
        table(NAMED, *ROWS, ("Georgia", "2,548,017", "2,663,118")),
        table(NAMED, *ROWS) + table(NAMED, ("Georgia", "2,548,017", "2,663,118")),
    ):
        snapshot = read(BANNER + again)
        assert votes(snapshot) == {"us/fl": FIGURES["us/fl"]}
        assert "Georgia stands twice" in refused(snapshot)["us/ga"]


def test_all_states() -> None:
    rows = [(name, f"{1000 + i:,}", f"{2000 + i:,}") for i, name in enumerate(STATES.values())]
    snapshot = read(BANNER + table(NAMED, *rows))
    assert refused(snapshot) == {}
    assert votes(snapshot) == {
        f"us/{code}": {"harris": 1000 + i, "trump": 2000 + i} for i, code in enumerate(STATES)
    }


@pytest.mark.parametrize("numbers", [("47", "49"), ("0", "30"), ("0", "0"), ("1", "538")])
def test_small_numbers_that_nobody_calls_votes_are_not_taken_for_votes(
    numbers: tuple[str, str],
) -> None:
    """Polls and electors are small; the first precincts are, too."""
    snapshot = read(BANNER + table(NAMED, ("Florida", *numbers)))
    assert votes(snapshot) == {}
    assert "may be votes, electoral votes or percents" in refused(snapshot)[None]
    for said in (
        table(head("State", "Harris votes", "Trump votes"), ("Florida", *numbers)),
        table(NAMED, ("Florida", *(f"{n} votes" for n in numbers))),
    ):
        known = votes(read(BANNER + said))["us/fl"]
        assert known == {"harris": int(numbers[0]), "trump": int(numbers[1])}


@pytest.mark.parametrize(
    "other",
    [
        table(head("Poll", "Sample", "Harris", "Trump"), ("Ipsos", "1,200", "49%", "47%")),
        table(head("State", "Harris", "Trump"), ("Florida", "43%", "56%")),
        table(head("State", "Harris odds", "Trump odds"), ("Florida", "900", "-1200")),
        table(head("State", "Harris lead", "Trump lead"), ("Florida", "", "1,427,087")),
        table(head("State", "Electoral votes", "Polls close"), ("Florida", "30", "8 PM")),
        table(head("Issue", "Harris", "Trump"), ("Taxes", "raise some", "cut them")),
        table(head("State", "Biden", "Trump"), ("Florida", "5,297,045", "5,668,731")),
        table(head("County", "Harris", "Trump"), ("Washington", "4,000", "8,000")),
        "<h2>Senate results</h2>"
        + table(head("State", "Democrat", "Republican"), ("Florida", "4,603,077", "5,977,706")),
        "<h2>Results of 2020</h2>"
        + table(head("State", "Democrat", "Republican"), ("Florida", "5,297,045", "5,668,731")),
        "<noscript>" + table(NAMED, ("Florida", "1,000", "2,000")) + "</noscript>",
        "<table><tr><td>Follow us</td></tr></table><table></table>",
    ],
)  # fmt: skip
@pytest.mark.parametrize("first", [True, False])
def test_other_tables_are_left_out(other: str, first: bool) -> None:
    states = f"<h2>Results by state</h2>{table(NAMED, *ROWS)}"
    assert_read(other + states if first else states + other)
    snapshot = read(BANNER + other)
    assert (votes(snapshot), refused(snapshot)) == ({}, {})


@pytest.mark.parametrize(
    "content",
    [
        table(NAMED, ("Miami", "400,000", "500,000"), ("Tampa", "300,000", "310,000")),
        table(NAMED, ("Polk", "40,000", "50,000"), ("Clay", "4,000", "8,000"),
              ("Washington", "3,000", "9,000")),
        table(head("State", "Harris votes", "Trump votes"), ("Sunshine State", "x", "y")),
        "<h1>Presidential, Senate and House results</h1>"
        + table(head("State", "Democrat", "Republican"), *ROWS),
    ],
)  # fmt: skip
def test_a_table_that_looks_like_results_and_cannot_be_placed_is_refused(content: str) -> None:
    snapshot = read(BANNER + content)
    assert votes(snapshot) == {}
    assert nation(snapshot) == nation(read(BANNER))
    assert refused(snapshot)[None].startswith("state table: ")


def test_party_words_need_two_candidates_and_an_icon_that_agrees() -> None:
    parties = table(head("State", "Democrat", "Republican"), *ROWS)
    call = "Projection: Trump is President-elect"
    for icon, known in (("republicans", True), ("democrats", False)):
        marked = BANNER.replace(call, f'<img alt="{icon} icon" src="x"> {call}')
        snapshot = read(marked + parties)
        assert votes(snapshot) == (FIGURES if known else {})
        assert bool(refused(snapshot)) is not known
    three = BANNER.replace("<div>270 to win", "<div>Stein</div><div>700,000</div><div>270 to win")
    three = three.replace(
        "<div>226</div><div>312</div>", "<div>226</div><div>0</div><div>312</div>"
    )
    snapshot = read(three + parties)
    assert len(nation(snapshot).tallies) == 3
    assert votes(snapshot) == {}
    assert "candidate" in refused(snapshot)[None]
    assert votes(read(three + table(NAMED, *ROWS))) == FIGURES


@pytest.mark.parametrize(
    ("url", "what"),
    [
        (URL.replace("us-presidential", "us-senate"), "presidential"),
        (URL_2020, "2020"),
    ],
)
def test_a_table_on_the_page_of_another_election_is_refused(url: str, what: str) -> None:
    snapshot = read(BANNER + table(head("State", "Democrat", "Republican"), *ROWS), url)
    assert nation(snapshot) == nation(read(BANNER))
    assert votes(snapshot) == {}
    assert what in refused(snapshot)[None]


def test_a_table_without_a_banner_is_refused() -> None:
    for banner in ("", BANNER.replace("270 to win", "269 to win")):
        snapshot = read(banner + table(NAMED, *ROWS))
        assert snapshot.races == ()
        assert "no banner" in refused(snapshot)[None]
        assert ("us" in refused(snapshot)) is bool(banner)


def test_nothing_at_all_is_a_refused_page() -> None:
    for content in ("<h1>Results</h1>", "<table><tr><td>x</table>", "<div class=Candidate>x</div>"):
        (refusal,) = read(content).refusals
        assert (refusal.part, refusal.reason[:16]) == ("page", "no results found")


@pytest.mark.parametrize(
    "content",
    [
        table(NAMED, *[("Florida", "1,000", "2,000")] * 9_000),
        table(NAMED, *[("x", "1,000", "2,000")] * 9_000),
        table(head("State", *["Harris", "Trump"] * 10_000), *ROWS),
        (NAMED.join(["<table>"] * 2_000)) + "<tr><td>Florida<td>1,000<td>2,000",
        table(NAMED, ("Florida", "<sup>1</sup>" * 9_000 + "1,000", "<b></b>" * 9_000 + "2,000")),
        "<h2>x</h2><table><tr><td>Ohio</table>" * 8_000,
        "<tr><td rowspan=999 colspan=999>" * 9_000 + NAMED,
    ],
)
def test_hostile_tables_are_read_in_seconds(content: str) -> None:
    begun = time.perf_counter()
    snapshot = read(BANNER + content)
    assert time.perf_counter() - begun < 20
    assert len(snapshot.refusals) <= 60
    assert all(len(refusal.reason) < 500 for refusal in snapshot.refusals)


# The layout of 2020


def dated(
    left: tuple[str, str, str] = ("Biden", "306", "81,283,501 votes"),
    right: tuple[str, str, str] = ("Trump", "232", "74,223,975 votes"),
) -> str:
    people = "".join(
        f'<div class="Candidate Candidate--{party}{turned and f" Candidate--{turned}"}">'
        f'<div class="Candidate__Name">{name}</div><div class="Candidate__Votes">{electors}</div>'
        f'</div><div class="PopVote PopVote--{party}s{turned and f" PopVote--{turned}"}">'
        f"{popular}</div>"
        for party, turned, (name, electors, popular) in (
            ("democrat", "", left),
            ("republican", "rightAligned", right),
        )
    )
    return f'<div class="BalanceOfPowerContainer"><div class="BalanceOfPower">{people}</div></div>'


DAY_2020 = date(2020, 11, 3)


def test_the_layout_of_2020() -> None:
    snapshot = read(dated(), URL_2020, DAY_2020)
    assert snapshot.refusals == ()
    race = nation(snapshot)
    assert [(t.candidate, t.name, t.electoral_votes, t.votes) for t in race.tallies] == [
        ("biden", "Biden", 306, 81_283_501),
        ("trump", "Trump", 232, 74_223_975),
    ]
    assert (race.source_updated_at, race.expected_vote_pct, race.projection) == (None, None, None)
    assert read(dated() * 2, URL_2020, DAY_2020) == snapshot


def test_the_layout_of_2020_tells_the_parties_of_a_state_table() -> None:
    rows = (("Florida", "5,668,731", "5,297,045"),)
    content = dated() + table(head("State", "Rep.", "Dem."), *rows)
    snapshot = read(content, URL_2020, DAY_2020)
    assert votes(snapshot) == {"us/fl": {"biden": 5_297_045, "trump": 5_668_731}}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (dated(("Biden", "306", "81,283,501 balls")), "81,283,501 balls"),
        (dated(("Biden", "306", "51.3%")), "51.3%"),
        (dated(("Biden", "", "81,283,501 votes")), "electoral votes of Biden"),
        (dated(("Biden", "307", "81,283,501 votes")), "539"),
        (dated(("", "306", "81,283,501 votes")), "name"),
        (dated().replace("PopVote--democrats", "PopVote--greens"), "Biden has no popular vote"),
        (dated().replace("Candidate--democrat", "x"), "party"),
        (dated() + dated(("Biden", "290", "81,283,501 votes")), "differ"),
    ],
)
def test_the_layout_of_2020_is_whole_or_refused(content: str, reason: str) -> None:
    snapshot = read(content, URL_2020, DAY_2020)
    assert snapshot.races == ()
    assert list(refused(snapshot)) == ["us"]
    assert reason in refused(snapshot)["us"]


def test_the_layout_of_2020_has_no_date_but_its_address() -> None:
    snapshot = read(dated(), URL_2020)
    assert snapshot.races == ()
    assert "2020" in refused(snapshot)["us"]


SAME = dated(("Harris", "226", "71,900,392 votes"), ("Trump", "312", "75,068,566 votes"))
OTHER = dated(("Harris", "226", "71,900,392 votes"), ("Trump", "312", "75,068,567 votes"))


def test_where_both_layouts_agree_the_banner_tells_the_race() -> None:
    assert read(BANNER + "<hr>" + SAME) == read(BANNER)


def test_two_layouts_that_contradict_each_other_refuse_the_race_alone() -> None:
    snapshot = read(BANNER + OTHER + table(NAMED, *ROWS))
    assert votes(snapshot) == FIGURES
    assert [race for race in snapshot.races if race.place == "us"] == []
    assert list(refused(snapshot)) == ["us"]
    assert "75,068,566" in refused(snapshot)["us"]
    assert "75,068,567" in refused(snapshot)["us"]


def test_a_banner_that_is_refused_is_not_replaced_by_the_other_layout() -> None:
    snapshot = read(BANNER.replace("270 to win", "269 to win") + SAME)
    assert snapshot.races == ()
    assert "269" in refused(snapshot)["us"]
