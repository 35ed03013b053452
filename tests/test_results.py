"""A whole election in `results`, `changes` and the report: many races, states and counties."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from bs4 import BeautifulSoup
from click.testing import CliRunner, Result

from crawler.cli import main
from storage.places import (
    STATES,
    in_order,
    level_of,
    parent_of,
    place_in_office,
    place_title,
    race_title,
    state_code,
)
from storage.queries import Unconfirmed, unconfirmed
from storage.receiving import Answer
from storage.records import RaceState
from storage.reports.wording import unconfirmed_words
from tests.night import ELECTORAL, LAST_CLOSE, MAPS, SENATE, TEN_PM, candidates, shows, state, two
from tests.trail import Trail, opened

HOUSE, GOVERNOR = f"{MAPS}house.json", f"{MAPS}governor.json"
ARIZONA, GEORGIA_FILE = f"{MAPS}states/az/senate.json", f"{MAPS}states/ga/electoral.json"

NATION = state("us", two(30_000_000, 31_000_000), pct=50)
MAINE = state("us/me", two(400_000, 350_000), pct=80, called="64984")
MAINE_2 = state("us/me-02", two(180_000, 200_000), name="District 2", called="64984")
GEORGIA = state("us/ga", two(2_500_000, 2_600_000), pct=95, called="8639")
ALASKA = state("us/ak", two(0, 0), pct=0, status="SCHEDULED")
OHIO = state("us/oh", two(None, None))
TEXAS = state("us/tx", two(3_000_000, 3_000_000), pct=60)
PRESIDENT = (NATION, TEXAS, GEORGIA, MAINE, MAINE_2, OHIO, ALASKA)

GALLEGO = candidates(("70010", "Gallego", 900_000), ("70011", "Lake", 850_000))
SENATE_AZ = state("us/az", GALLEGO, race="senate/az", pct=70)
MARICOPA = state("us/az/04013", GALLEGO, race="senate/az", name="Maricopa County", status=None)
PIMA = state("us/az/04019", GALLEGO, race="senate/az", name="Pima County", status=None)
WARNOCK = candidates(("70005", "Warnock", 1_900_000), ("70006", "Walker", 1_890_000))
SENATE_GA = state("us/ga", WARNOCK, race="senate/ga-special", pct=98, runoff=("70005", "70006"))
HOUSE_CA = state(
    "us/ca-13", candidates(("71", "Gray", 100_000), ("72", "Duarte", 99_000)), race="house/ca-13"
)
GOVERNOR_NC = state(
    "us/nc", candidates(("81", "Stein", 500_000), ("82", "Robinson", 400_000)), race="governor/nc"
)


@pytest.fixture
def trail(tmp_path: Path) -> Iterator[Trail]:
    """The first looks at 10 PM, each file in an order of its own."""
    with opened(tmp_path / "night.db") as trail:
        trail.now = TEN_PM
        shows(trail, GOVERNOR, GOVERNOR_NC)
        shows(trail, HOUSE, HOUSE_CA)
        shows(trail, ARIZONA, PIMA, SENATE_AZ, MARICOPA)
        shows(trail, SENATE, SENATE_GA)
        shows(trail, ELECTORAL, *PRESIDENT)
        yield trail


def run(trail: Trail, *words: str) -> Result:
    done = CliRunner().invoke(main, [*words, "--db", str(trail.path)])
    assert done.exit_code == 0, done.output
    return done


def lines(trail: Trail, *words: str) -> list[str]:
    return run(trail, *words).stdout.splitlines()


def objects(trail: Trail, *words: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in lines(trail, *words, "--format", "jsonl")]


def cells(line: str) -> list[str]:
    return re.split(r" {3,}", line.strip())


def line_of(text: list[str], start: str) -> list[str]:
    (line,) = [line for line in text if line.startswith(f"  {start}  ")]
    return cells(line)


def later(*races: RaceState, minutes: int = 1) -> list[RaceState]:
    """The same with the outlet's clock so much later."""
    return [replace(r, source_updated_at=TEN_PM + timedelta(minutes=minutes)) for r in races]


# -- in what order, and which ----------------------------------------------------------------


def test_offices_come_in_their_order_and_in_them_the_nation_then_states_by_name(
    trail: Trail,
) -> None:
    rows = objects(trail, "results")
    assert list(dict.fromkeys((row["race"], row["place"]) for row in rows)) == [
        ("president", "us"),
        ("president", "us/ak"),
        ("president", "us/ga"),
        ("president", "us/me"),
        ("president", "us/me-02"),
        ("president", "us/oh"),
        ("president", "us/tx"),
        ("senate/az", "us/az"),
        ("senate/ga-special", "us/ga"),
        ("house/ca-13", "us/ca-13"),
        ("governor/nc", "us/nc"),
    ]


@pytest.mark.parametrize("words", [["results"], ["changes", "--first"]])
@pytest.mark.parametrize("form", ["text", "csv", "jsonl"])
def test_counties_are_there_only_when_asked_for(trail: Trail, words: list[str], form: str) -> None:
    without = run(trail, *words, "--format", form).stdout
    with_them = run(trail, *words, "--counties", "--format", form).stdout
    for county in ("Maricopa", "Pima") if form == "text" else ("us/az/04013", "us/az/04019"):
        assert county not in without
        assert county in with_them


@pytest.mark.parametrize(
    ("words", "places"),
    [
        (["--race", "senate/az"], {"us/az"}),
        (["--race", "Senate/AZ", "--counties"], {"us/az", "us/az/04013", "us/az/04019"}),
        (["--race", "senate"], {"us/az", "us/ga"}),
        (["--race", "president", "--state", "ME"], {"us/me", "us/me-02"}),
        (["--state", "az"], {"us/az"}),
        (["--state", "AZ", "--counties"], {"us/az", "us/az/04013", "us/az/04019"}),
        (["--state", "north  carolina"], {"us/nc"}),
        (["--state", "CA"], {"us/ca-13"}),
        (["--race", "senate", "--state", "GA"], {"us/ga"}),
        (["--race", "house", "--state", "GA"], set()),
    ],
)
def test_a_race_an_office_and_a_state_narrow_results_and_changes(
    trail: Trail, words: list[str], places: set[str]
) -> None:
    assert {row["place"] for row in objects(trail, "results", *words)} == places
    assert {row["place"] for row in objects(trail, "changes", "--first", *words)} == places


@pytest.mark.parametrize("command", ["results", "changes"])
def test_what_was_never_seen_is_said_with_what_was(trail: Trail, command: str) -> None:
    done = run(trail, command, "--state", "Wyoming")
    assert done.stderr == (
        "tallytrail: no state 'WY' was ever seen; there is AK, AZ, CA, GA, ME, NC, OH, TX\n"
    )
    done = run(trail, command, "--race", "senate/wy")
    assert "no race 'senate/wy' was ever seen; there is governor/nc, house/ca-13" in done.stderr
    assert run(trail, command, "--race", "senate", "--state", "Arizona").stderr == ""


def test_coverage_of_a_state_is_that_of_its_pages(trail: Trail) -> None:
    assert lines(trail, "changes", "--state", "AZ")[-1].startswith("Coverage: 1 look at 1 page, ")
    assert lines(trail, "changes", "--state", "GA")[-1].startswith("Coverage: 2 looks at 2 pages, ")


# -- how they read ---------------------------------------------------------------------------


def test_many_have_a_line_each(trail: Trail) -> None:
    text = lines(trail, "results")
    assert [line.split("   ")[0] for line in text if not line.startswith((" ", "Cov"))][::2] == [
        "President",
        "Senate",
        "House",
        "Governor",
    ]
    status = "POLLS_CLOSED"
    expected = {
        "United States": ["Trump", "31,000,000", "+1,000,000", "50% in", status],
        "Georgia": ["Trump", "2,600,000", "+100,000", "95% in", "projected", status],
        "Maine": ["Harris", "400,000", "+50,000", "80% in", "projected", status],
        "Maine 2nd district": ["Trump", "200,000", "+20,000", "projected: Harris", status],
        "Alaska": ["no votes", "0% in", "SCHEDULED"],
        "Ohio": ["votes not published", status],
        "Texas": ["tied", "3,000,000", "60% in", status],
        "Georgia, special": [
            "Warnock", "1,900,000", "+10,000", "98% in", "to a runoff: Warnock, Walker", status,
        ],
        "CA-13": ["Gray", "100,000", "+1,000", status],
    }  # fmt: skip
    assert {place: line_of(text, place)[1:] for place in expected} == expected


def test_electors_stand_in_the_line(trail: Trail) -> None:
    harris, trump = NATION.tallies
    electors = (replace(harris, electoral_votes=226), replace(trump, electoral_votes=312))
    shows(trail, ELECTORAL, *later(replace(NATION, tallies=electors), *PRESIDENT[1:]))
    line = line_of(lines(trail, "results"), "United States")
    assert line[1:5] == ["Trump", "31,000,000", "+1,000,000", "312 EV"]


def test_a_few_are_shown_in_full(trail: Trail) -> None:
    assert lines(trail, "results", "--race", "senate/ga-special")[:4] == [
        "5 Nov 2024 10:00 PM EST   Senate special · Georgia   ABC News"
        "   (last look 5 Nov 2024 10:04 PM EST)",
        "  Warnock   1,900,000   to a runoff",
        "  Walker    1,890,000   to a runoff",
        "  Warnock leads by 10,000 · 98% of expected vote in · status POLLS_CLOSED",
    ]
    heads = [x for x in lines(trail, "results", "--state", "az", "--counties") if "ABC News" in x]
    assert [re.split(" {3}", head)[1] for head in heads] == [
        "Senate · Arizona",
        "Senate · Maricopa County, Arizona",
        "Senate · Pima County, Arizona",
    ]


def test_csv_has_the_new_columns_behind_the_old_ones(trail: Trail) -> None:
    table = run(trail, "results", "--race", "senate/ga-special", "--format", "csv").stdout
    first = next(csv.DictReader(io.StringIO(table)))
    assert list(first)[-6:] == [
        "runoff", "party", "status", "last_close_at", "unconfirmed_since", "precincts_pct",
    ]  # fmt: skip
    assert list(first)[:6] == [
        "source", "outlet", "election_date", "race", "place", "candidate",
    ]  # fmt: skip
    assert (first["runoff"], first["status"]) == ("True", "POLLS_CLOSED")
    assert first["last_close_at"] == "2024-11-06T01:00:00.000Z"


@pytest.mark.parametrize(
    ("race", "place", "title"),
    [
        ("president", "us", "President · United States"),
        ("president", "us/fl", "President · Florida"),
        ("president", "us/me-01", "President · Maine 1st district"),
        ("president", "us/ne-03", "President · Nebraska 3rd district"),
        ("president", "us/fl/12001", "President · Alachua County, Florida"),
        ("senate/az", "us/az", "Senate · Arizona"),
        ("senate/ne-special", "us/ne", "Senate special · Nebraska"),
        ("senate/ga-special-runoff", "us/ga", "Senate special runoff · Georgia"),
        ("house/ca-13", "us/ca-13", "House CA-13"),
        ("house/ak-al", "us/ak-al", "House AK-AL"),
        ("house/ca-13", "us/ca/06019", "House CA-13 · Fresno County, California"),
        ("governor/nc", "us/nc", "Governor · North Carolina"),
    ],
)
def test_races_and_places_have_their_usual_names(race: str, place: str, title: str) -> None:
    names = {
        "us": "United States",
        "us/fl": "Florida",
        "us/fl/12001": "Alachua County",
        "us/ca/06019": "Fresno County",
    }
    assert race_title(race, place, names) == title


def test_a_race_with_a_title_of_its_own_is_called_by_it() -> None:
    names = {"us/ga": "us/ga", "contest/ga-105369-7": "Sheriff"}
    assert race_title("contest/ga-105369-7", "us/ga", names) == "Sheriff · Georgia"
    assert place_in_office("contest/ga-105369-7", "us/ga", names) == "Sheriff · Georgia"


@pytest.mark.parametrize(
    ("number", "said"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (13, "13th"),
     (21, "21st"), (22, "22nd"), (52, "52nd")],
)  # fmt: skip
def test_districts_are_counted_as_people_say_it(number: int, said: str) -> None:
    assert place_title(f"us/ca-{number:02}", {}) == f"California {said} district"


def test_a_hyphen_in_the_name_of_a_county_makes_it_no_district() -> None:
    assert (level_of("us/ga/ben-hill"), parent_of("us/ga/ben-hill")) == ("county", "us/ga")
    assert (level_of("us/me-02"), parent_of("us/me-02")) == ("district", "us/me")


def test_there_are_fifty_states_and_dc() -> None:
    assert len(STATES) == len(set(STATES.values())) == 51
    assert [state_code(name) for name in STATES.values()] == list(STATES)
    assert state_code("XX") == "xx"


def test_districts_stand_in_the_order_of_their_numbers() -> None:
    codes = ["us/ca-10", "us/ca-02", "us/al-07"]
    ordered = sorted(codes, key=lambda code: in_order(f"house/{code[3:]}", code, {}))
    assert ordered == ["us/al-07", "us/ca-02", "us/ca-10"]


# -- unconfirmed -----------------------------------------------------------------------------

FALLEN = replace(GEORGIA, tallies=two(0, 0))
UNCONFIRMED = (
    "UNCONFIRMED since 5 Nov 2024 10:06 PM EST: President · Georgia: 0 votes now, 5,100,000 before"
)


def without(*places: str) -> list[RaceState]:
    return [race for race in PRESIDENT if race.place not in places]


def test_what_is_not_believed_stands_at_the_head_at_once(trail: Trail) -> None:
    shows(trail, ELECTORAL, *later(FALLEN, *without("us/ga")))
    for command in ("results", "changes"):
        assert lines(trail, command)[0] == UNCONFIRMED
        assert lines(trail, command, "--state", "GA", "--race", "president")[0] == UNCONFIRMED
        assert UNCONFIRMED not in run(trail, command, "--state", "ME").stdout
    assert line_of(lines(trail, "results"), "Georgia")[1:3] == ["Trump", "2,600,000"]
    assert line_of(lines(trail, "results"), "Georgia")[-1] == "UNCONFIRMED"
    since = {
        (row["race"], row["place"]): row["unconfirmed_since"] for row in objects(trail, "results")
    }
    assert since["president", "us/ga"] == "2024-11-06T03:06:00.000Z"
    assert {value for key, value in since.items() if key != ("president", "us/ga")} == {None}
    assert objects(trail, "changes") == []


def test_a_guessed_file_that_was_never_there_is_no_trouble(trail: Trail) -> None:
    missing = Answer(fetched_at=trail.now, status=404, failure="HTTP 404")
    urls = [f"{MAPS}states/ny/{name}.json" for name in ("house", "electoral")]
    for url in urls:
        trail.receive_answer(url, missing, family="feed")
    trail.connection.execute("UPDATE page SET knowledge = 'guessed' WHERE url = ?", urls[:1])
    found = unconfirmed(trail.connection)
    assert [(part.verdict, part.url) for part in found] == [("failed", urls[1])]
    shows(trail, urls[0], HOUSE_CA)
    trail.receive_answer(urls[0], missing, family="feed")
    assert {part.url for part in unconfirmed(trail.connection)} == set(urls)


def test_a_test_of_the_outlet_is_shown_and_is_no_result(tmp_path: Path) -> None:
    with opened(tmp_path / "test.db") as trail:
        trail.now = TEN_PM
        shows(trail, SENATE, replace(SENATE_AZ, doubt="the page is marked as a test"))
        text = lines(trail, "results")
    assert text[:3] == [
        "UNCONFIRMED since 5 Nov 2024 10:01 PM EST: Senate · Arizona:"
        " 1,750,000 votes now, no results before (the page is marked as a test)",
        "",
        "No results yet.",
    ]


def test_the_same_votes_in_other_hands_are_told_one_by_one() -> None:
    swapped = Unconfirmed(
        part="race",
        verdict="unconfirmed",
        reason="it went back",
        url=SENATE,
        seen_at="2024-11-06T03:01:00.000Z",
        source="abc-2024",
        race="senate/az",
        place="us/az",
        votes=1_750_000,
        votes_before=1_750_000,
        tallies=[("Gallego", 850_000), ("Lake", 900_000), ("Quintana", None)],
    )
    told = unconfirmed_words(swapped, ZoneInfo("America/New_York"), {})
    assert told == (
        "since 5 Nov 2024 10:01 PM EST: Senate · Arizona:"
        " Gallego 850,000, Lake 900,000, Quintana now (it went back)"
    )


def test_what_was_never_believed_is_a_note(trail: Trail) -> None:
    shows(trail, ELECTORAL, *later(FALLEN, *without("us/ga")))
    shows(trail, ELECTORAL, *later(*PRESIDENT, minutes=2))
    assert "UNCONFIRMED" not in run(trail, "results").stdout
    text = lines(trail, "changes")
    start = text.index("Notes, which are no changes:")
    assert text[start + 1].startswith(
        "  Values that were not believed, and were gone before they were confirmed:"
        " President · Georgia: 0 votes now, 5,100,000 before (5 Nov 2024 10:06 PM EST"
    )
    for words in (["--state", "ME"], ["--since", "2024-11-07"], ["--kind", "race_added"]):
        assert "Notes" not in run(trail, "changes", *words).stdout
    assert "Notes" in run(trail, "changes", "--state", "GA").stdout


def test_what_is_believed_later_says_when_and_is_found_by_then(trail: Trail) -> None:
    shows(trail, ELECTORAL, *later(FALLEN, *without("us/ga")))
    shows(trail, ELECTORAL, *later(FALLEN, *without("us/ga")), minutes=6)
    text = lines(trail, "changes")
    (head,) = [line for line in text if "President · Georgia" in line]
    assert head.endswith("(seen 10:06:00 PM, last look before 10:05:00 PM, confirmed at 10:12 PM)")
    rows = objects(trail, "changes", "--since", "2024-11-06T03:10Z")
    assert [(r["kind"], r["seen_at"][11:16], r["confirmed_at"][11:16]) for r in rows] == [  # type: ignore[index]
        ("votes_decreased", "03:06", "03:12"),
        ("votes_decreased", "03:06", "03:12"),
    ]
    assert {row["confirmed_by"] for row in rows} == {7}
    assert {row["fetch"] for row in rows} == {6}
    assert objects(trail, "changes", "--since", "2024-11-06T03:13Z") == []


def test_a_race_that_is_gone_is_unconfirmed_then_removed(trail: Trail) -> None:
    shows(trail, ELECTORAL, *later(*without("us/tx")))
    assert lines(trail, "results")[0].startswith(
        "UNCONFIRMED since 5 Nov 2024 10:06 PM EST: President · Texas:"
        " not shown now, 6,000,000 votes before"
    )
    shows(trail, ELECTORAL, *later(*without("us/tx")), minutes=6)
    text = lines(trail, "changes")
    at = next(i for i, line in enumerate(text) if "President · Texas" in line)
    assert text[at + 1] == "  RACE REMOVED: the page no longer shows it   #1"
    assert text[at + 2] == ""
    assert "Texas" not in run(trail, "results").stdout


def test_many_that_are_unconfirmed_do_not_fill_the_screen(tmp_path: Path) -> None:
    all_states = [state(f"us/{code}", two(50_000, 60_000)) for code in STATES]
    with opened(tmp_path / "all.db") as trail:
        trail.now = TEN_PM
        shows(trail, ELECTORAL, *all_states)
        shows(trail, ELECTORAL, *later(*(replace(s, tallies=two(0, 0)) for s in all_states)))
        text = lines(trail, "changes")
    assert sum(line.startswith("UNCONFIRMED since") for line in text) == 10
    assert "and 41 more UNCONFIRMED; --race and --state narrow them" in text


# -- a look that moves much ------------------------------------------------------------------


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Trail]:
    """One look at which 51 states move: the later in the alphabet of codes, the more."""
    with opened(tmp_path / "busy.db") as trail:
        trail.now = TEN_PM
        codes = sorted(STATES)
        before = [state(f"us/{code}", two(500_000, 400_000), pct=50) for code in codes]
        after = [
            state(
                f"us/{code}",
                two(500_000 + 100 * n, 400_000),
                pct=50,
                status="FINAL" if code in ("tx", "ut", "vt", "va", "wa", "wi") else "POLLS_CLOSED",
            )
            for n, code in enumerate(codes, start=1)
        ]
        after[3] = replace(after[3], projection="64984")
        after[5] = replace(after[5], tallies=two(499_990, 400_000))
        before[7] = replace(before[7], projection="8639")
        shows(trail, ELECTORAL, *before)
        shows(trail, ELECTORAL, *later(*after))
        yield trail


def test_calls_and_falls_come_first_then_the_largest_moves(busy: Trail) -> None:
    codes = sorted(STATES)
    text = lines(busy, "changes")
    assert text[0].startswith("5 Nov 2024 10:01 PM EST   51 results moved   ABC News   (seen 10:02")
    called, fell, retracted = (STATES[codes[n]] for n in (3, 5, 7))
    assert re.fullmatch(rf"  PROJECTION RETRACTED: Trump · President · {retracted}   #\d+", text[1])
    assert re.fullmatch(rf"  PROJECTED: Harris · President · {called}   #\d+", text[2])
    assert text[3].startswith(f"  Harris: votes fell to 499,990 (-10) · President · {fell}")
    assert text[4].startswith("  status: FINAL, was POLLS_CLOSED · President · Texas; ")
    assert " and 1 more   #" in text[4]
    moves = [cells(line) for line in text[5:] if line.startswith("  President · ")]
    # The two with a call, then the 15 that moved most.
    assert [move[0].removeprefix("President · ") for move in moves] == [
        called,
        retracted,
        *(STATES[code] for code in codes[:-16:-1]),
    ]
    assert moves[2][1:3] == ["Harris +5,100", "Harris leads by 105,100 (+5,100) · 50% in"]
    assert "  and 33 results more that moved by less" in text


def test_every_change_of_a_busy_look_is_in_the_machine_formats(busy: Trail) -> None:
    rows = objects(busy, "changes")
    assert len(rows) == 51 + 2 + 6
    assert len(objects(busy, "changes", "--kind", "status_changed")) == 6


def test_text_shows_the_last_twenty_looks(tmp_path: Path) -> None:
    with opened(tmp_path / "long.db") as trail:
        trail.now = TEN_PM
        for n in range(26):
            shows(trail, ELECTORAL, *later(state("us/ga", two(10 + n, 20)), minutes=n))
        text = lines(trail, "changes")
    assert text[0] == "The last 20 of 25 looks; --since or --format jsonl show the others."
    assert sum("President · Georgia" in line for line in text) == 20


def test_places_in_a_runoff_are_told_as_such(trail: Trail) -> None:
    third = (*WARNOCK, *candidates(("70007", "Oliver", 80_000)))
    shows(trail, SENATE, *later(replace(SENATE_GA, tallies=third)))
    shows(trail, SENATE, *later(replace(SENATE_GA, tallies=third, runoff=frozenset()), minutes=2))
    shows(trail, SENATE, *later(replace(SENATE_GA, tallies=third), minutes=3))
    text = [re.sub(" +#.*", "", line).strip() for line in lines(trail, "changes")]
    assert "candidate added: Oliver" in text
    told = [line for line in text if "RUNOFF" in line]
    assert [line.partition(":")[0] for line in told] == [
        *["PLACE IN THE RUNOFF RETRACTED"] * 2,
        *["TO A RUNOFF"] * 2,
    ]
    assert {line.partition(": ")[2] for line in told} == {"Warnock", "Walker"}


def test_a_closing_that_moves_is_told_by_the_outlets_clock(trail: Trail) -> None:
    moved = replace(GEORGIA, last_close_at=LAST_CLOSE + timedelta(minutes=40))
    shows(trail, ELECTORAL, *later(moved, *without("us/ga")))
    text = run(trail, "changes").stdout
    assert "Last polls close 5 Nov 2024 8:40 PM EST, was 5 Nov 2024 8:00 PM EST   #1" in text


# -- the report ------------------------------------------------------------------------------


@pytest.fixture
def folder(trail: Trail, tmp_path: Path) -> Path:
    """The report of a night on which a county moved and Georgia fell to zero."""
    more = candidates(("70010", "Gallego", 900_900), ("70011", "Lake", 850_000))
    shows(trail, ARIZONA, *later(PIMA, SENATE_AZ, replace(MARICOPA, tallies=more)))
    shows(trail, ARIZONA, *later(PIMA, replace(SENATE_AZ, tallies=more), MARICOPA, minutes=2))
    shows(trail, ELECTORAL, *later(FALLEN, *without("us/ga")), unknown=["states[].foo"])
    run(trail, "report", "--out", str(tmp_path / "out"))
    return tmp_path / "out"


def test_counties_are_in_the_files_for_machines_only(folder: Path) -> None:
    with (folder / "changes.csv").open(newline="") as file:
        places = [row["place"] for row in csv.DictReader(file)]
    rows = [json.loads(line) for line in (folder / "changes.jsonl").read_text().splitlines()]
    assert places == [row["place"] for row in rows] == ["us/az/04013", "us/az", "us/az/04013"]
    for name in ("index.html", "changes.md", "changes.atom"):
        text = (folder / name).read_text("utf-8")
        assert "Maricopa" not in text
        assert "900,900" in text


def test_the_page_has_sections_by_office_and_what_is_unconfirmed_and_noted(folder: Path) -> None:
    page = BeautifulSoup((folder / "index.html").read_text("utf-8"), "lxml")
    (alarm,) = page.select(".alarms li")
    assert alarm.get_text().lower() == UNCONFIRMED.lower().replace("10:06", "10:08")
    now = page.select_one("section[aria-labelledby=now]")
    assert now is not None
    assert [h.get_text() for h in now.select("h3")] == ["President", "Senate", "House", "Governor"]
    details = now.select("details")
    assert [d.select_one("summary").get_text() for d in details] == [  # type: ignore[union-attr]
        "6 results, 3 of them called"
    ]
    rows = [[c.get_text(" ", strip=True) for c in tr.select("th, td")] for tr in details[0]("tr")]
    assert rows[2] == [
        "Georgia unconfirmed", "Trump", "2,600,000", "100,000", "95%", "projected", "POLLS_CLOSED",
    ]  # fmt: skip
    captions = [c.get_text(" ", strip=True) for c in now.select("caption")]
    assert captions[0].startswith("President · United States")
    assert any(caption.startswith("Senate special · Georgia") for caption in captions)
    assert "states[].foo" in page.get_text()
    markdown = (folder / "changes.md").read_text("utf-8")
    assert "0 votes now, 5,100,000 before" in markdown
    assert "| Maine 2nd district | Trump | 200,000 | 20,000 |  | projected\\: Harris |" in markdown


def test_what_is_believed_later_is_an_entry_sealed_by_the_look_that_confirmed_it(
    trail: Trail, tmp_path: Path
) -> None:
    shows(trail, ELECTORAL, *later(FALLEN, *without("us/ga")))
    shows(trail, ELECTORAL, *later(FALLEN, *without("us/ga")), minutes=6)
    run(trail, "report", "--out", str(tmp_path / "out"))
    feed = (tmp_path / "out" / "changes.atom").read_text("utf-8")
    (seal,) = [x["hash"] for x in trail.table("link") if (x["fetch"], x["step"]) == (7, "read")]
    assert feed.count("<entry>") == feed.count(f"sealed by {seal}") == 2
    page = (tmp_path / "out" / "index.html").read_text("utf-8")
    assert page.count("confirmed at 10:12 PM") == 3  # two alarms and their look


def test_a_page_about_three_thousand_counties_stays_small(tmp_path: Path) -> None:
    counties = [
        state(f"us/fl/{n:05}", two(1_000, 900), name=f"County {n}", status=None)
        for n in range(3_143)
    ]
    with opened(tmp_path / "counties.db") as trail:
        trail.now = TEN_PM
        shows(trail, ELECTORAL, state("us/fl", two(10_000, 9_000)), *counties)
        moved = [replace(county, tallies=two(1_100, 900)) for county in counties]
        shows(trail, ELECTORAL, *later(state("us/fl", two(10_100, 9_000)), *moved))
        run(trail, "report", "--out", str(tmp_path / "out"))
        assert len(lines(trail, "changes")) < 10
    assert (tmp_path / "out" / "index.html").stat().st_size < 20_000
    assert (tmp_path / "out" / "changes.jsonl").read_text().count("\n") == 3_144
