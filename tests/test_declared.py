"""Feeds by declaration, as docs/declared-feeds.md has them: read, or refused by name."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.errors import ConfigurationError
from crawler.parsers import PARSERS
from crawler.sources import read_configuration
from tests.declared_pages import (
    Json,
    brief,
    choice,
    configured,
    contest,
    only,
    read,
    reads,
    refusal,
    toml,
    without,
)

DOCS = Path(__file__).parents[1] / "docs"
VOTES = {"1": 1234, "2": 567}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def one(**fields: Json) -> Json:
    """A document with one contest that has these fields."""
    return {"contests": [{**contest(), **fields}]}


def chosen(*choices: Json) -> Json:
    return {"contests": [contest(*choices)]}


# Documents as feeds have them

#: The declaration of the documentation, word for word.
OF_THE_DOCS = """races = "contests"
office = { path = "title", lookup = { "Governor" = "governor", "U.S. Senate" = "senate" } }
state = { is = "FL" }
updated_at = { path = "asOf", format = "%m/%d/%Y %I:%M:%S %p" }
candidates = "choices"
candidate = { id = "id", name = "name", party = "party", votes = "total" }
"""


def test_the_example_of_the_documentation_reads_what_it_says() -> None:
    page = (DOCS / "declared-feeds.md").read_text("utf-8")
    assert all(line in page for line in OF_THE_DOCS.splitlines())
    document = {
        "county": "Example",
        "contests": [
            {
                "title": "Governor",
                "asOf": "11/03/2026 08:05:00 PM",
                "choices": [choice(1, "1,234"), choice(2, 567)],
            },
            {"title": "U.S. Senate", "choices": [choice(3, 0)]},
        ],
    }
    snapshot = read(OF_THE_DOCS, document)
    assert brief(snapshot) == [
        ("governor/fl", "us/fl", {"1": 1234, "2": 567}),
        ("senate/fl", "us/fl", {"3": 0}),
    ]
    governor, senate = snapshot.races
    assert governor.source_updated_at == utc("2026-11-04T01:05:00")  # five hours behind
    assert senate.source_updated_at is None
    assert [(t.name, t.party) for t in governor.tallies] == [("Ann Lee", "DEM"), ("Bob Ray", "REP")]


@pytest.mark.parametrize("name", ["ap-2022", "california-2022"])
def test_the_complete_examples_are_configurations(name: str) -> None:
    (source,) = read_configuration(DOCS / "examples" / f"{name}.toml").sources
    assert (source.id, source.pages) == (name, ())


def reads_of(name: str) -> str:
    return (DOCS / "examples" / f"{name}.toml").read_text("utf-8").partition("[source.reads]\n")[2]


def ap(*marks: str | None, **more: Json) -> Json:
    candidates = [
        {
            "candidateID": str(40 + n),
            "voteCount": 100 * n,
            **({} if mark is None else {"winner": mark}),
        }
        for n, mark in enumerate(marks, start=1)
    ]
    return {
        "raceID": "20221108AZ3002",
        "statePostal": "AZ",
        "lastUpdated": "2022-11-09T03:04:05.678Z",
        "eevp": 61.5,
        "precinctsReportingPct": 10,
        "candidates": candidates,
        **more,
    }


@pytest.mark.parametrize(
    ("marks", "projection", "runoff"),
    [
        ((None, None), None, set()),
        (("X", None), "41", set()),
        ((None, "X"), "42", set()),
        (("N", "N"), None, set()),
        (("R", "R", None), None, {"41", "42"}),
        (("", ""), None, set()),
    ],
)
def test_one_race_as_the_whole_document_with_its_winner_marks(
    marks: tuple[str | None, ...], projection: str | None, runoff: set[str]
) -> None:
    race = only(read(reads_of("ap-2022"), ap(*marks)))
    assert (race.race, race.place) == ("senate/az", "us/az")
    assert (race.projection, set(race.runoff)) == (projection, runoff)
    assert race.source_updated_at == utc("2022-11-09T03:04:05.678")
    assert race.expected_vote_pct == 61.5
    assert [t.votes for t in race.tallies] == [100 * n for n in range(1, len(marks) + 1)]


CALIFORNIA = {
    "raceTitle": "Governor - Statewide Results",
    "slug": "governor",
    "Reporting": "95.1% (24,312 of 25,554) precincts partially reporting",
    "ReportingTime": "November 8, 2022, 8:05 p.m.",
    "candidates": [
        {"Name": "Gavin Newsom", "Party": "Dem", "Votes": "1,234,567", "incumbent": True},
        {"Name": "Brian Dahle", "Party": "Rep", "Votes": "820,001", "incumbent": False},
    ],
}  # fmt: skip


def test_a_state_s_file_of_one_race_and_of_many() -> None:
    declaration = reads_of("california-2022")
    zone = {"timezone": '"America/Los_Angeles"'}
    alone = read(declaration, CALIFORNIA, **zone)
    assert brief(alone) == [
        ("governor/ca", "us/ca", {"gavin newsom": 1_234_567, "brian dahle": 820_001})
    ]
    assert only(alone).source_updated_at == utc("2022-11-09T04:05:00")
    special = {**CALIFORNIA, "slug": "us-senate-unexpired-term"}
    other = {**CALIFORNIA, "slug": "us-senate"}
    many = read(declaration, {"races": [special, other]}, **zone)
    assert [race.race for race in many.races] == ["senate/ca-special", "senate/ca"]


CLARITY = """<?xml version="1.0" encoding="UTF-8"?>
<!-- made on the night -->
<ElectionResult>
  <Timestamp>11/3/2026 9:32:31 PM EST</Timestamp>
  <Region>Example</Region>
  <Contest key="0001" text="Governor" voteFor="1" precinctsReported="12">
    <Choice key="1" text="Ann Lee" party="DEM" totalVotes="30">
      <VoteType name="Election Day" votes="10"><County name="Bay" votes="10"/></VoteType>
      <VoteType name="Advance" votes="20"/>
    </Choice>
    <Choice key="2" text="Bob Ray &amp; Co" party="REP" totalVotes="25"/>
  </Contest>
  <Contest key="0002" text="U.S. Senate"><Choice key="7" text="Cyd" totalVotes="0"/></Contest>
</ElectionResult>"""

OF_CLARITY = """races = "ElectionResult.Contest"
office = { path = "text", lookup = { Governor = "governor", "U.S. Senate" = "senate" } }
state = { is = "CO" }
candidates = "Choice"
candidate = { id = "key", name = "text", party = "party", votes = "totalVotes" }
"""


def test_xml_with_attributes_and_lists_of_children() -> None:
    snapshot = read(OF_CLARITY, CLARITY)
    assert brief(snapshot) == [
        ("governor/co", "us/co", {"1": 30, "2": 25}),
        ("senate/co", "us/co", {"7": 0}),
    ]
    assert [t.name for t in snapshot.races[0].tallies] == ["Ann Lee", "Bob Ray & Co"]


@pytest.mark.parametrize(
    ("votes", "found"),
    [
        ("VoteType[?name=='Advance'] | [0].votes", {"1": 20, "2": None}),
        ("VoteType[0].votes", {"1": 10, "2": None}),
        ("VoteType[0].County[0].votes", {"1": 10, "2": None}),
        ("sum(VoteType[].to_number(votes))", None),  # no VoteType in one of them
        ("sum((VoteType || `[]`)[].to_number(votes))", {"1": 30, "2": 0}),
    ],
)
def test_xml_deeper_down(votes: str, found: dict[str, int | None] | None) -> None:
    declaration = OF_CLARITY.replace('"totalVotes"', json.dumps(votes))
    document = re.sub(r"<Contest key=.0002.*</Contest>", "", CLARITY)
    snapshot = read(declaration, document)
    if found is None:
        assert "votes" in refusal(snapshot).reason
    else:
        assert brief(snapshot) == [("governor/co", "us/co", found)]


OF_TEXTS = """races = "R.Race"
office = { is = "governor" }
candidates = "C"
candidate = { name = "Name[0].text", votes = "Votes[0].text" }
"""


@pytest.mark.parametrize(
    ("inside", "found"),
    [
        ("<Name>Ann Lee</Name><Votes>1,234</Votes>", ("Ann Lee", 1234)),
        ("<Name>\n  Ann\n  Lee </Name><Votes> 5 </Votes>", ("Ann Lee", 5)),
        ("<Name><![CDATA[A & B]]></Name><Votes>5</Votes>", ("A & B", 5)),
        ("<Name>Ann <!-- no --> Lee</Name><Votes>1<!-- no -->2</Votes>", ("Ann Lee", 12)),
        ("<?go on?><Name>Ann</Name><!-- x --><Votes>5</Votes>", ("Ann", 5)),
        ("<Name>Ann&#233;</Name><Votes>5</Votes>", ("Anné", 5)),
    ],
)
def test_xml_s_own_texts(inside: str, found: tuple[str, int]) -> None:
    race = only(read(OF_TEXTS, f"<R><Race><C>{inside}</C></Race></R>"))
    assert [(t.name, t.votes) for t in race.tallies] == [found]


def test_a_number_that_is_cut_by_an_element_is_not_half_a_number() -> None:
    inside = "<Name>Ann</Name><Votes>12<b/>34</Votes>"
    snapshot = read(OF_TEXTS, f"<R><Race><C>{inside}</C></Race></R>")
    assert all(t.votes != 12 for race in snapshot.races for t in race.tallies)


OF_COUNTIES = """races = "@"
office = { path = "Contest", lookup = { Governor = "governor" } }
state = { is = "FL" }
county = "County"
candidate = { name = "Candidate", party = "Party", votes = "Votes" }
"""
ROWS = [
    ("County", "Contest", "Candidate", "Party", "Votes"),
    ("Bay", "Governor", "Ann Lee", "DEM", "1,234"),
    ("Bay", "Governor", "Bob Ray", "", "567"),
    ("Lake", "Governor", "Ann Lee", "DEM", "0"),
]
COUNTED = [
    ("governor/fl", "us/fl/bay", {"ann lee": 1234, "bob ray": 567}),
    ("governor/fl", "us/fl/lake", {"ann lee": 0}),
]


def csv(delimiter: str = ",", end: str = "\n", rows: Sequence[tuple[str, ...]] = ROWS) -> str:
    """The rows with every value quoted that needs it."""

    def value(text: str) -> str:
        needs = any(sign in text for sign in (delimiter, '"', "\n", "\r"))
        return '"' + text.replace('"', '""') + '"' if needs else text

    return end.join(delimiter.join(map(value, row)) for row in rows) + end


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["bare", "BOM"])
def test_csv_with_a_row_for_each_candidate_and_county(delimiter: str, end: str, mark: str) -> None:
    snapshot = read(OF_COUNTIES, mark + csv(delimiter, end))
    assert brief(snapshot) == COUNTED
    assert [race.place_name for race in snapshot.races] == ["Bay", "Lake"]
    assert [t.party for t in snapshot.races[0].tallies] == ["DEM", None]


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("Lee, Ann", "Lee, Ann"),
        ("Ann\nLee", "Ann Lee"),
        ('Ann "A" Lee', 'Ann "A" Lee'),
        ("=HYPERLINK(1)", "=HYPERLINK(1)"),
        ("<b>Ann</b>", "<b>Ann</b>"),
        ("{Ann", "{Ann"),
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_with_odd_names(name: str, printed: str, delimiter: str) -> None:
    text = csv(delimiter, rows=[ROWS[0], ("Bay", "Governor", name, "x", "5")])
    (tally,) = only(read(OF_COUNTIES, text)).tallies
    assert (tally.name, tally.votes) == (printed, 5)


@pytest.mark.parametrize(
    ("codec", "charset", "works"),
    [
        ("latin-1", "latin-1", True),
        ("latin-1", "ISO-8859-1", True),
        ("cp1252", "windows-1252", True),
        ("utf-8", None, True),
        ("utf-8", "utf-8", True),
        ("utf-16", "utf-16", True),
        ("latin-1", None, False),
        ("latin-1", "utf-8", False),
        ("latin-1", "no-such-charset", False),
        ("latin-1", "rot13", False),
        ("latin-1", "hex", False),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "json", "xml"])
def test_other_charsets_are_read_where_declared_and_never_guessed(
    kind: str, codec: str, charset: str | None, works: bool
) -> None:
    declaration, text = {
        "csv": (OF_COUNTIES, csv(rows=[ROWS[0], ("Bay", "Governor", "René", "x", "5")])),
        "json": (
            reads(),
            json.dumps(chosen({**choice(1, 5), "name": "René"}), ensure_ascii=False),
        ),
        "xml": (OF_TEXTS, "<R><Race><C><Name>René</Name><Votes>5</Votes></C></Race></R>"),
    }[kind]
    snapshot = read(declaration, text.encode(codec), charset=charset)
    if works:
        assert [(t.name, t.votes) for t in only(snapshot).tallies] == [("René", 5)]
    else:
        assert refusal(snapshot).part == "page"


def test_the_encoding_that_xml_itself_declares_counts() -> None:
    head = '<?xml version="1.0" encoding="ISO-8859-1"?>'
    text = f"{head}\n<R><Race><C><Name>René</Name><Votes>5</Votes></C></Race></R>"
    (tally,) = only(read(OF_TEXTS, text.encode("latin-1"))).tallies
    assert tally.name == "René"


@pytest.mark.parametrize("before", ["", "\ufeff", "\n \t", "\r\n"])
def test_what_stands_before_json_and_xml_matters_not(before: str) -> None:
    assert brief(read(reads(), before + json.dumps(one()))) == [("governor/fl", "us/fl", VOTES)]
    bare = CLARITY.partition("-->")[2]
    assert len(brief(read(OF_CLARITY, before + bare))) == 2


def test_a_list_at_the_root() -> None:
    document = [contest(), contest(title="House", district=4)]
    assert [b[:2] for b in brief(read(reads(races='"@"'), document))] == [
        ("governor/fl", "us/fl"),
        ("house/fl-04", "us/fl-04"),
    ]


def test_rows_in_json() -> None:
    rows = [
        {"race": "Governor", "who": "Ann", "n": 5},
        {"race": "Mayor", "who": "Cyd", "n": 1},
        {"race": "Governor", "who": "Bob", "n": 6},
    ]
    declaration = (
        'races = "@"\noffice = "race"\nstate = { is = "FL" }\n'
        'candidate = { name = "who", votes = "n" }\n'
    )
    assert brief(read(declaration, rows)) == [
        ("governor/fl", "us/fl", {"ann": 5, "bob": 6}),
        ("mayor/fl", "us/fl", {"cyd": 1}),
    ]


# Every key


@pytest.mark.parametrize(
    ("fields", "race", "place"),
    [
        ({}, "governor/fl", "us/fl"),
        ({"state": "fl"}, "governor/fl", "us/fl"),
        ({"state": "Florida"}, "governor/fl", "us/fl"),
        ({"state": "NEW  mexico"}, "governor/nm", "us/nm"),
        ({"state": " FL "}, "governor/fl", "us/fl"),
        ({"title": "President", "state": None}, "president", "us"),
        ({"title": "President", "state": ""}, "president", "us"),
        ({"title": "President", "state": False}, "president", "us"),
        ({"title": "U.S. Senate", "special": True}, "senate/fl-special", "us/fl"),
        ({"title": "U.S. Senate", "special": "true"}, "senate/fl-special", "us/fl"),
        ({"title": "U.S. Senate", "special": False}, "senate/fl", "us/fl"),
        ({"title": "U.S. Senate", "special": "false"}, "senate/fl", "us/fl"),
        ({"title": "U.S. Senate", "special": None}, "senate/fl", "us/fl"),
        ({"title": "House", "district": 4}, "house/fl-04", "us/fl-04"),
        ({"title": "House", "district": "4"}, "house/fl-04", "us/fl-04"),
        ({"title": "House", "district": "04"}, "house/fl-04", "us/fl-04"),
        ({"title": "House", "district": 13}, "house/fl-13", "us/fl-13"),
        ({"title": "House", "district": 13, "special": True}, "house/fl-13-special", "us/fl-13"),
        ({"title": "House", "district": 13, "county": "12001"}, "house/fl-13", "us/fl/12001"),
        ({"county": "12001"}, "governor/fl", "us/fl/12001"),
        ({"county": 12001}, "governor/fl", "us/fl/12001"),
        ({"county": 1001, "state": "AL"}, "governor/al", "us/al/01001"),  # numbers have no 0 before
        ({"county": "1001", "state": "AL"}, "governor/al", "us/al/01001"),
        ({"county": "01001", "state": "AL"}, "governor/al", "us/al/01001"),
        ({"county": "Alachua"}, "governor/fl", "us/fl/alachua"),
        ({"county": " St. Johns\n County"}, "governor/fl", "us/fl/st-johns-county"),
        ({"county": ""}, "governor/fl", "us/fl"),
        ({"contestId": "Group 2"}, "governor/fl-group-2", "us/fl"),
        ({"contestId": 7}, "governor/fl-7", "us/fl"),
        ({"contestId": None}, "governor/fl", "us/fl"),
        ({"contestId": "a", "special": True, "district": 3}, "governor/fl-03-a-special", "us/fl"),
    ],
)
def test_names_of_races_and_places(fields: Json, race: str, place: str) -> None:
    found = only(read(reads(), one(**fields)))
    assert (found.race, found.place) == (race, place)
    assert {t.candidate: t.votes for t in found.tallies} == VOTES


@pytest.mark.parametrize(
    ("key", "value", "race", "place"),
    [
        ("state", '{ is = "CA" }', "governor/ca", "us/ca"),
        ("state", '{ is = "California" }', "governor/ca", "us/ca"),
        ("state", None, "governor", "us"),
        ("county", '{ is = "12086" }', "governor/fl", "us/fl/12086"),
        ("district", '{ is = "7" }', "governor/fl-07", "us/fl"),
        ("district", "{ is = 7 }", "governor/fl-07", "us/fl"),
        ("special", "{ is = true }", "governor/fl-special", "us/fl"),
        ("special", "{ is = false }", "governor/fl", "us/fl"),
        ("id", '{ is = "runoff" }', "governor/fl-runoff", "us/fl"),
        ("office", '{ is = "mayor" }', "mayor/fl", "us/fl"),
        ("office", '"name"', "attorney-general/fl", "us/fl"),
        ("office", '{ path = "title" }', "governor/fl", "us/fl"),
        ("office", '"title || name"', "governor/fl", "us/fl"),
        ("state", '{ path = "fips", lookup = { 12 = "GA" } }', "governor/ga", "us/ga"),
        ("special", '{ path = "type", lookup = { S = "true", G = "false" } }',
         "governor/fl-special", "us/fl"),
        ("district", '"seat.number"', "governor/fl-09", "us/fl"),
    ],
)  # fmt: skip
def test_each_key_as_path_constant_and_lookup(
    key: str, value: str | None, race: str, place: str
) -> None:
    document = one(name="Attorney General", fips=12, type="S", seat={"number": "9"})
    found = only(read(reads(**{key: value}), document))
    assert (found.race, found.place) == (race, place)


@pytest.mark.parametrize(
    ("found", "votes"),
    [
        (0, 0), (5, 5), (5.0, 5), ("0", 0), ("5", 5), ("1,234", 1234), ("1234", 1234),
        (" 12 ", 12), ("300,000,000", 300_000_000), (300_000_000, 300_000_000), (3e8, 300_000_000),
        (None, None), ("", None), ("  ", None),
    ], ids=repr)  # fmt: skip
def test_votes_in_all_their_forms(found: Json, votes: int | None) -> None:
    race = only(read(reads(), chosen(choice(1, found), choice(2, 9))))
    assert [t.votes for t in race.tallies] == [votes, 9]


def test_votes_that_are_missing_are_not_published() -> None:
    race = only(read(reads(), chosen(without(choice(1, 1), "total"), choice(2, 9))))
    assert [t.votes for t in race.tallies] == [None, 9]


@pytest.mark.parametrize(
    "found",
    [
        -1, "-1", 1.5, "1.5", "5.0", 300_000_001, "300,000,001", 10**17, 1e300, True, [], {}, [5],
        {"n": 5}, "1,23", "12,34", ",123", "1,234,", "１２", "٣", "1e5", "1E5", "NaN", "inf", "+5",
        "5%", "5 votes", "-", "N/A", "1 234", "1.234", "1_000", "0x10", "1\u00a0234", "1'234",
    ], ids=repr)  # fmt: skip
def test_votes_that_are_none_refuse_their_race_alone(found: Json) -> None:
    other = contest(title="U.S. Senate")
    snapshot = read(reads(), {"contests": [contest(choice(1, 5), choice(2, found)), other]})
    assert [race.race for race in snapshot.races] == ["senate/fl"]
    (refused,) = snapshot.refusals
    assert (refused.part, refused.race, refused.place) == ("race", "governor/fl", "us/fl")
    assert refused.reason.startswith("races[0]: candidates[1]: votes: ")
    assert repr(found)[:20] in refused.reason


@pytest.mark.parametrize(
    ("found", "percent"),
    [
        (95, 95.0), (95.1, 95.1), (0, 0.0), (100, 100.0), ("95", 95.0), ("95.1", 95.1),
        ("95.1%", 95.1), ("95.1 %", 95.1), ("95.1% (24,312 of 25,554) reporting", 95.1),
        ("100% of precincts", 100.0), (None, None), ("", None), (False, None),
    ], ids=repr)  # fmt: skip
def test_percents(found: Json, percent: float | None) -> None:
    assert only(read(reads(), one(expected=found))).expected_vote_pct == percent
    of_precincts = only(read(reads(), one(reporting=found)))
    assert of_precincts.precincts_pct == percent
    assert of_precincts.expected_vote_pct is None


@pytest.mark.parametrize("key", ["expected", "reporting"])
@pytest.mark.parametrize(
    "found", [-1, 1e9, "1,000%", "95,1%", "x 95%", "%", True, [], {}, "NaN", "９５%", "-5%", "1e2"]
)
def test_what_is_no_percent_is_refused(key: str, found: Json) -> None:
    refused = refusal(read(reads(), one(**{key: found})))
    assert (refused.race, refused.place) == ("governor/fl", "us/fl")
    declared = {"expected": "expected_vote_pct", "reporting": "precincts_pct"}[key]
    assert refused.reason.startswith(f"races[0]: {declared}: ")


@pytest.mark.parametrize(
    ("declared", "found", "instant"),
    [
        ('"asOf"', "2026-11-04T01:02:03Z", "2026-11-04T01:02:03"),
        ('"asOf"', "2026-11-03T20:02:03-05:00", "2026-11-04T01:02:03"),
        ('"asOf"', "2026-11-03T20:02:03", "2026-11-04T01:02:03"),
        ('"asOf"', "2026-11-03 20:02", "2026-11-04T01:02:00"),
        ('"asOf"', "2026-07-01T12:00:00", "2026-07-01T16:00:00"),  # summer time
        ('"asOf"', "2026-11-01T00:59:00", "2026-11-01T04:59:00"),  # the hour before clocks change
        ('"asOf"', "2026-11-01T02:00:00", "2026-11-01T07:00:00"),
        ('"asOf"', None, None),
        ('"asOf"', "", None),
        ('"asOf"', False, None),  # as `counted && asOf` gives it
        ('{ path = "asOf", zone = "America/Los_Angeles" }', "2026-11-03T20:02", "2026-11-04T04:02"),
        ('{ path = "asOf", zone = "Asia/Tokyo" }', "2026-11-03T20:02Z", "2026-11-03T20:02"),
        ('{ path = "asOf", format = "epoch" }', 1793750400, "2026-11-04T00:00:00"),
        ('{ path = "asOf", format = "epoch" }', "1793750400", "2026-11-04T00:00:00"),
        ('{ path = "asOf", format = "epoch" }', 1793750400.5, "2026-11-04T00:00:00.500"),
        ('{ path = "asOf", format = "epoch_ms" }', 1793750400123, "2026-11-04T00:00:00.123"),
        ('{ path = "asOf", format = "epoch_ms" }', "1793750400000", "2026-11-04T00:00:00"),
        ('{ path = "asOf", format = "%m/%d/%Y %I:%M:%S %p" }', "11/03/2026 08:05:00 PM",
         "2026-11-04T01:05:00"),
        ('{ path = "asOf", format = "%m/%d/%Y %I:%M %p" }', "11/3/2026 8:05 a.m.",
         "2026-11-03T13:05:00"),
        ('{ path = "asOf", format = "%m/%d/%Y %I:%M %p" }', "11/3/2026 8:05 P.M.",
         "2026-11-04T01:05:00"),
        ('{ path = "asOf", format = "%m/%d/%Y %I:%M %p" }', "11/3/2026 12:05 a.m.",
         "2026-11-03T05:05:00"),
        ('{ path = "asOf", format = "%B %d, %Y, %I:%M %p", zone = "America/Los_Angeles" }',
         "November 8, 2022, 8:05 p.m.", "2022-11-09T04:05:00"),
        ('{ path = "asOf", format = "%Y-%m-%dT%H:%M:%S%z" }', "2026-11-03T20:05:00-0800",
         "2026-11-04T04:05:00"),
        ('{ path = "asOf", format = "%d.%m.%y %H:%M" }', "03.11.26 20:05", "2026-11-04T01:05:00"),
        ('{ path = "asOf", format = "%m/%d/%Y %H:%M EST" }', "11/03/2026 20:05 EST",
         "2026-11-04T01:05:00"),
        ('{ path = "asOf", lookup = { final = "2026-11-20T00:00:00Z" } }', "final",
         "2026-11-20T00:00:00"),
        ('{ is = "2026-11-04T01:02:03Z" }', None, "2026-11-04T01:02:03"),
    ], ids=repr)  # fmt: skip
def test_times(declared: str, found: Json, instant: str | None) -> None:
    race = only(read(reads(updated_at=declared), one(asOf=found)))
    assert race.source_updated_at == (None if instant is None else utc(instant))


@pytest.mark.parametrize(
    ("form", "found"),
    [
        (None, "yesterday"), (None, 5), (None, True), (None, []), (None, {}), (None, "20:05"),
        (None, "2026-13-01T00:00:00Z"), (None, "2026-02-30T00:00:00Z"), (None, "0000-01-01"),
        (None, "2026-11-03T25:00:00Z"), (None, "0001-01-01T00:00:00+14:00"),
        (None, "9999-12-31T23:59:59-14:00"), (None, "11/03/2026"),
        ("epoch", "x"), ("epoch", True), ("epoch", 10**17), ("epoch", -(10**17)), ("epoch", 1e300),
        ("epoch", "NaN"), ("epoch", "inf"), ("epoch", "１７９３７５０４００"), ("epoch", []),
        ("epoch", 1793750400000),  # milliseconds
        ("epoch_ms", 10**17), ("epoch_ms", "soon"),
        ("%m/%d/%Y %I:%M %p", "13/03/2026 08:05 PM"), ("%m/%d/%Y %I:%M %p", "11/31/2026 08:05 PM"),
        ("%m/%d/%Y %I:%M %p", "11/03/2026 18:05 PM"), ("%m/%d/%Y", "11/03/2026 EST"),
        ("%m/%d/%Y", 11032026), ("%m/%d/%Y", {}), ("%Y-%m-%d", "9999-12-31\x00"),
    ],
)  # fmt: skip
def test_times_that_are_none_refuse_their_race(form: str | None, found: Json) -> None:
    declared = '"asOf"' if form is None else f'{{ path = "asOf", format = "{form}" }}'
    refused = refusal(read(reads(updated_at=declared), one(asOf=found)))
    assert (refused.race, refused.place) == ("governor/fl", "us/fl")
    assert refused.reason.startswith("races[0]: updated_at: ")
    assert repr(found)[:15] in refused.reason


@pytest.mark.parametrize(
    ("declared", "marks", "projection", "runoff"),
    [
        ('"mark"', (True, False), "1", set()),
        ('"mark"', (False, False), None, set()),
        ('"mark"', ("true", "false"), "1", set()),
        ('"mark"', (None, None), None, set()),
        ('"mark"', ("", True), "2", set()),
        ("\"mark == 'W'\"", ("L", "W"), "2", set()),
        ("\"state == 'x' && mark\"", ("L", "W"), None, set()),
        ('{ path = "mark", lookup = { 1 = "projected", 0 = "none" } }', (0, 1), "2", set()),
        ('{ path = "mark", lookup = { true = "projected", false = "none" } }', (True, False), "1",
         set()),
        ('{ path = "mark", lookup = { X = "projected", R = "runoff" } }', ("R", "R"), None,
         {"1", "2"}),
        ('{ path = "mark", lookup = { X = "projected", R = "runoff" } }', ("X", None), "1", set()),
    ],
)  # fmt: skip
def test_winners(
    declared: str, marks: tuple[Json, Json], projection: str | None, runoff: set[str]
) -> None:
    document = chosen(choice(1, 5, mark=marks[0]), choice(2, 4, mark=marks[1]))
    race = only(read(reads({"winner": declared}), document))
    assert (race.projection, set(race.runoff)) == (projection, runoff)


@pytest.mark.parametrize(
    ("declared", "marks", "named"),
    [
        (None, ("Z", None), ["candidates[0]", "winner", "'Z'"]),
        (None, (None, "x"), ["candidates[1]", "winner", "'x'"]),
        (None, ({}, None), ["candidates[0]", "winner", "{}"]),
        (None, ("X", "X"), ["winners", "1, 2"]),
        ('"mark"', (True, True), ["winners", "1, 2"]),
        ('"mark"', ("X", None), ["winner", "'X'", "lookup"]),
        ('"mark"', (7, None), ["winner", "7"]),
        ('"mark"', ([], None), ["winner", "[]"]),
    ],
)
def test_winner_marks_that_are_unknown_or_too_many(
    declared: str | None, marks: tuple[Json, Json], named: list[str]
) -> None:
    document = chosen(choice(1, 5, mark=marks[0]), choice(2, 4, mark=marks[1]))
    declaration = reads() if declared is None else reads({"winner": declared})
    refused = refusal(read(declaration, document))
    assert (refused.race, refused.place) == ("governor/fl", "us/fl")
    assert refused.reason.startswith("races[0]: ")
    assert all(word in refused.reason for word in named)


@pytest.mark.parametrize(
    ("declared", "entry", "found"),
    [
        ({}, choice(1, 5), ("1", "Ann Lee", "DEM")),
        ({}, choice(1, 5, id=17), ("17", "Ann Lee", "DEM")),
        ({}, choice(1, 5, name="  Ann \n Lee ", party=None), ("1", "Ann Lee", None)),
        ({}, choice(1, 5, party=""), ("1", "Ann Lee", None)),
        ({"id": None}, choice(1, 5), ("ann lee", "Ann Lee", "DEM")),
        ({"id": None}, choice(1, 5, name="ANN  LEE"), ("ann lee", "ANN LEE", "DEM")),
        ({"name": None}, choice(1, 5), ("1", "1", "DEM")),
        ({"party": None}, choice(1, 5), ("1", "Ann Lee", None)),
        ({"party": '{ is = "NP" }'}, choice(1, 5), ("1", "Ann Lee", "NP")),
        ({"party": '{ path = "party", lookup = { DEM = "D" } }'}, choice(1, 5),
         ("1", "Ann Lee", "D")),
        ({"name": "\"join(' ', [first, last])\""}, choice(1, 5, first="A", last="B"),
         ("1", "A B", "DEM")),
        ({"id": '"@.ids[0]"'}, choice(1, 5, ids=["z9"]), ("z9", "Ann Lee", "DEM")),
    ],
)  # fmt: skip
def test_candidates_are_known_by_id_else_by_name(
    declared: dict[str, str | None], entry: Json, found: tuple[str, str, str | None]
) -> None:
    (tally,) = only(read(reads(declared), chosen(entry))).tallies
    assert (tally.candidate, tally.name, tally.party) == found
    assert (tally.votes, tally.electoral_votes) == (5, None)


# Half right and hostile


@pytest.mark.parametrize(
    ("fields", "key", "found"),
    [
        ({"state": "ZZ"}, "state", "'ZZ'"),
        ({"state": "Floridaa"}, "state", "'Floridaa'"),
        ({"state": 12}, "state", "12"),
        ({"state": ["FL"]}, "state", "['FL']"),
        ({"state": True}, "state", "True"),
        ({"state": None, "county": "12001"}, "state", "'state'"),
        ({"state": False, "county": "12001"}, "county", "'12001'"),
        ({"county": []}, "county", "[]"),
        ({"county": "???"}, "county", "'???'"),
        ({"title": "Mayor"}, "office", "'Mayor'"),
        ({"title": None}, "office", "title"),
        ({"title": ""}, "office", "title"),
        ({"title": {}}, "office", "{}"),
        ({"title": 5}, "office", "5"),
        ({"district": 1.5}, "district", "1.5"),
        ({"district": {}}, "district", "{}"),
        ({"special": "perhaps"}, "special", "'perhaps'"),
        ({"special": []}, "special", "[]"),
        ({"contestId": True}, "id", "True"),
        ({"contestId": []}, "id", "[]"),
        ({"contestId": "!"}, "id", "'!'"),
    ],
)
def test_what_names_no_race_is_refused_by_key_and_place_in_the_document(
    fields: Json, key: str, found: str
) -> None:
    good = contest(title="U.S. Senate")
    snapshot = read(reads(), {"contests": [good, {**contest(), **fields}]})
    assert [race.race for race in snapshot.races] == ["senate/fl"]
    (refused,) = snapshot.refusals
    assert refused.part == "race"
    assert refused.reason.startswith(f"races[1]: {key}: ")
    assert found in refused.reason


@pytest.mark.parametrize("entry", [None, 5, "x", True, [], [contest()], "", 1.5])
def test_entries_that_are_no_objects_are_refused_each(entry: Json) -> None:
    snapshot = read(reads(), {"contests": [entry, contest()]})
    assert [race.race for race in snapshot.races] == ["governor/fl"]
    (refused,) = snapshot.refusals
    assert refused.reason.startswith("races[0]: ")
    constant = reads(office='{ is = "mayor" }')
    assert read(constant, {"contests": [entry, contest()]}).refusals


@pytest.mark.parametrize("found", [None, [], {}, "x", 5, True, "missing"])
def test_candidates_that_are_no_list_refuse_their_race(found: Json) -> None:
    entry = contest(choices=found) if found != "missing" else without(contest(), "choices")
    snapshot = read(reads(), {"contests": [entry, contest(title="U.S. Senate")]})
    assert [race.race for race in snapshot.races] == ["senate/fl"]
    (refused,) = snapshot.refusals
    assert (refused.race, refused.place) == ("governor/fl", "us/fl")
    assert refused.reason.startswith("races[0]: candidates: ")
    assert "choices" in refused.reason
    if found == []:
        assert "no list" not in refused.reason  # it is one


@pytest.mark.parametrize("entry", [None, 5, "x", [], {}])
def test_a_candidate_that_is_no_object_refuses_its_race(entry: Json) -> None:
    refused = refusal(read(reads(), chosen(choice(1, 5), entry)))
    assert refused.race == "governor/fl"
    assert refused.reason.startswith("races[0]: candidates[1]: ")


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"id": None}, "id"), ({"id": ""}, "id"), ({"id": []}, "id"), ({"id": True}, "id"),
        ({"id": 1.5}, "id"), ({"name": None}, "name"), ({"name": ""}, "name"),
        ({"name": []}, "name"), ({"name": {"first": "A"}}, "name"), ({"party": {}}, "party"),
        ({"party": ["D"]}, "party"), ({"name": "A\x00nn"}, "name"), ({"id": "\x1b[1m"}, "id"),
    ],
)  # fmt: skip
def test_a_candidate_that_cannot_be_told_refuses_the_race(change: Json, key: str) -> None:
    """Without the name it would be printed otherwise, which no outlet said."""
    refused = refusal(read(reads(), chosen(choice(1, 5), {**choice(2, 6), **change})))
    assert (refused.race, refused.place) == ("governor/fl", "us/fl")
    assert refused.reason.startswith(f"races[0]: candidates[1]: {key}: ")


@pytest.mark.parametrize("second", ["1", 1, " 1 "], ids=repr)
def test_an_id_that_stands_twice_refuses_its_race(second: Json) -> None:
    refused = refusal(read(reads(), chosen(choice(1, 5), {**choice(2, 6), "id": second})))
    assert refused.race == "governor/fl"
    assert "twice" in refused.reason
    assert "'1'" in refused.reason


def test_a_name_that_stands_twice_refuses_its_race_where_there_are_no_ids() -> None:
    document = chosen(choice(1, 5), {**choice(2, 6), "name": "ann lee"})
    assert len(only(read(reads(), document)).tallies) == 2
    assert "twice" in refusal(read(reads({"id": None}), document)).reason


@pytest.mark.parametrize("third", [False, True])
def test_races_of_one_name_are_both_refused(third: bool) -> None:
    entries = [contest(), contest(choice(3, 9)), contest(title="U.S. Senate")]
    snapshot = read(reads(), {"contests": entries + [contest()] * third})
    assert [race.race for race in snapshot.races] == ["senate/fl"]
    for refused in snapshot.refusals:
        assert (refused.race, refused.place) == ("governor/fl", "us/fl")
    said = " ".join(refused.reason for refused in snapshot.refusals)
    assert "races[0]" in said
    assert "races[1]" in said
    assert re.search(r"\bid\b", said)
    apart = [{**entry, "contestId": n} for n, entry in enumerate(entries)]
    assert len(brief(read(reads(), {"contests": apart}))) == 3


def test_a_double_of_a_race_that_is_refused_is_no_way_around_it() -> None:
    bad = contest(choice(1, "x"))
    for entries in ([contest(), bad], [bad, contest()]):
        snapshot = read(reads(), {"contests": entries})
        assert snapshot.races == ()
        assert snapshot.refusals


def test_one_race_in_two_places_is_two_states_of_it() -> None:
    entries = [contest(), contest(county="Bay"), contest(county="Lake")]
    assert [b[1] for b in brief(read(reads(), {"contests": entries}))] == [
        "us/fl", "us/fl/bay", "us/fl/lake",
    ]  # fmt: skip


@pytest.mark.parametrize("found", [None, "", "missing"])
def test_votes_nowhere_in_a_file_refuse_the_file(found: str | None) -> None:
    def entry(number: int) -> Json:
        return without(choice(number, 0), "total") if found == "missing" else choice(number, found)

    document = {"contests": [contest(entry(1), entry(2)), contest(entry(3), title="U.S. Senate")]}
    refused = refusal(read(reads(), document))
    assert refused.part == "page"
    assert "total" in refused.reason
    assert "votes" in refused.reason
    document["contests"][1]["choices"][0] = choice(3, 0)
    assert len(brief(read(reads(), document))) == 2


def test_a_race_without_votes_beside_one_that_has_some_is_not_published() -> None:
    document = {"contests": [contest(choice(1, None)), contest(title="U.S. Senate")]}
    assert brief(read(reads(), document))[0] == ("governor/fl", "us/fl", {"1": None})


ROW = "County,Contest,Candidate,Party,Votes\n"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "JSON, XML or CSV"),
        ("  \n ", "JSON, XML or CSV"),
        ("\ufeff", "JSON, XML or CSV"),
        ("Service unavailable", "JSON, XML or CSV"),
        (ROW, "races"),
        (ROW + "Bay,Governor,Ann,D\n", "row 2"),
        (ROW + "Bay,Governor,Ann,D,5\nTotal: 5\n", "row 3"),
        (ROW + "Bay,Governor,Ann,D,5,6\n", "row 2"),
        (ROW + 'Bay,Governor,"Ann,D,5\n', "CSV"),
        (ROW + "Bay,Governor," + "x" * 200_000 + ",D,5\n", "CSV"),
        ("County,Contest,Votes,Party,Votes\nBay,Governor,1,D,5\n", "head"),
        ("County,,Candidate,,Votes\nBay,Governor,Ann,D,5\n", "head"),
        ('{"contests": [', "JSON"),
        (json.dumps(one())[:-1], "JSON"),
        (json.dumps(one()) + "x", "JSON"),
        ('{"contests": [], "contests": []}', "contests"),
        ('{"contests": [{"total": NaN}]}', "JSON"),
        ('{"contests": Infinity}', "JSON"),
        ('{"contests": ' + "[" * 100 + "]" * 100 + "}", "deep"),
        ("[" * 100_000, "deep"),
        ('{"a": 1' + "0" * 5000 + "}", "digits"),
        ('{"a": "\\ud800"}', "JSON"),
        ("null", ""),
        ("5", ""),
        ('"x"', ""),
        ("{}", "contests"),
        ("[]", "contests"),
        ('{"contests": null}', "contests"),
        ('{"contests": []}', "contests"),
        ('{"contests": {}}', "contests"),
        ('{"contests": "x"}', "contests"),
        ('{"contests": 5}', "contests"),
        ("<ElectionResult><Contest>", "XML"),
        ("<ElectionResult/>", "contests"),
        ("<E a='1' a='2'/>", "XML"),
        ("<E>" * 70 + "</E>" * 70, "deep"),
        ("<E>" * 100_000 + "</E>" * 100_000, "XML"),
        ("<E/><E/>", "XML"),
        ("<E>&nope;</E>", "XML"),
        ("<E>\x00</E>", "XML"),
        ("<!DOCTYPE html><html><body>Down</body></html>", "HTML"),
        ("<html><head></head><body><p>Down<br></body></html>", "HTML"),
        ("\n<HTML><body>Down</body></HTML>", "HTML"),
    ],
)  # fmt: skip
def test_what_is_no_document_is_one_refusal_of_the_page(body: str, said: str) -> None:
    for declaration in (reads(), OF_COUNTIES):
        refused = refusal(read(declaration, body))
        assert refused.part == "page"
        if declaration != OF_COUNTIES or said not in ("contests",):
            assert said in refused.reason


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE R [<!ENTITY a "5">]>',
        '<!DOCTYPE R [<!ENTITY a SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE R [<!ENTITY a SYSTEM "http://127.0.0.1:9/x">]>',
        '<!DOCTYPE R [<!ENTITY b "55"><!ENTITY a "&b;&b;">]>',
        '<!DOCTYPE R SYSTEM "http://127.0.0.1:9/x.dtd">',
        '<!DOCTYPE R [<!ENTITY % p SYSTEM "file:///etc/hostname"> %p; <!ENTITY a "5">]>',
    ],
)
def test_xml_with_a_doctype_is_refused_and_nothing_in_it_resolved(head: str) -> None:
    inside = "<C><Name>Ann</Name><Votes>&a;</Votes></C><C><Name>B</Name><Votes>1</Votes></C>"
    refused = refusal(read(OF_TEXTS, f"{head}<R><Race>{inside}</Race></R>"))
    assert refused.part == "page"
    assert "DOCTYPE" in refused.reason


def test_xml_includes_nothing() -> None:
    include = (
        '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="/etc/hostname" parse="text"/>'
    )
    inside = f"<C><Name>Ann</Name><Votes>5</Votes>{include}</C>{include}"
    race = only(read(OF_TEXTS, f"<R>{include}<Race>{inside}</Race></R>"))
    assert [(t.name, t.votes) for t in race.tallies] == [("Ann", 5)]


def test_namespaces_of_xml_do_not_matter() -> None:
    inside = "<C><e:Name>Ann</e:Name><Votes>5</Votes></C>"
    race = only(read(OF_TEXTS, f'<R xmlns="urn:x" xmlns:e="urn:y"><Race>{inside}</Race></R>'))
    assert [(t.name, t.votes) for t in race.tallies] == [("Ann", 5)]


# Rows of one race

TIMED = "County,Candidate,Votes,At,Pct\n"
OF_ROWS = """races = "@"
office = { is = "governor" }
state = { is = "FL" }
county = "County"
updated_at = "At"
expected_vote_pct = "Pct"
candidate = { name = "Candidate", votes = "Votes" }
"""


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("Bay,Ann,5,,\nBay,Bob,x,,\n", "races[1]: votes: 'x'"),
        ("Bay,Ann,5,,\nBay,Bob,6,soon,\n", "races[1]: updated_at: 'soon'"),
        ("Bay,Bob,6,soon,\nBay,Ann,5,,\n", "races[0]: updated_at: 'soon'"),
        ("Bay,Ann,5,,\nBay,Bob,6,,many\n", "races[1]: expected_vote_pct: 'many'"),
        ("Bay,Ann,5,,\nBay,,6,,\n", "races[1]: name: 'Candidate'"),
        ("Bay,Ann,5,,\nBay,Ann,6,,\n", "races[1]: "),
        ("Bay,Ann,5,,50\nBay,Bob,6,,60\n", "expected_vote_pct"),
    ],
)
def test_one_bad_row_refuses_the_whole_race_and_no_other(rows: str, said: str) -> None:
    """A race with a candidate less would say that the candidate is gone."""
    snapshot = read(OF_ROWS, TIMED + rows + "Lake,Ann,1,,\n")
    assert [race.place for race in snapshot.races] == ["us/fl/lake"]
    for refused in snapshot.refusals:
        assert (refused.race, refused.place) == ("governor/fl", "us/fl/bay")
    assert said in snapshot.refusals[0].reason


def test_the_rows_of_a_race_may_stand_apart_and_the_newest_time_counts() -> None:
    rows = "Bay,Ann,5,2026-11-04T01:00Z,\nLake,Ann,1,,\nBay,Bob,6,2026-11-04T02:00Z,\n"
    bay, lake = read(OF_ROWS, TIMED + rows).races
    assert {t.candidate: t.votes for t in bay.tallies} == {"ann": 5, "bob": 6}
    assert bay.source_updated_at == utc("2026-11-04T02:00:00")
    assert lake.source_updated_at is None


# Paths


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("abs(name)", "abs"),
        ("sum(@)", "sum"),
        ("keys(total)", "keys"),
        ("join(',', @)", "join"),
        ("max_by(@, &b)", "max_by"),
        ("sort_by(@, &x)", "sort_by"),
    ],
)
def test_a_function_that_does_not_fit_the_document_is_a_refusal(path: str, said: str) -> None:
    text = json.dumps(path)
    refused = refusal(read(reads({"votes": text}), one()))
    assert "votes" in refused.reason
    assert said in refused.reason
    for key in ("office", "state", "district", "updated_at", "expected_vote_pct", "id"):
        refused = refusal(read(reads(**{key: text}), one()))
        assert refused.reason.startswith(f"races[0]: {key}: ")
        assert said in refused.reason
    for key in ("id", "name", "party", "winner"):
        refused = refusal(read(reads({key: text}), one()))
        assert refused.race == "governor/fl"
        assert refused.reason.startswith(f"races[0]: candidates[0]: {key}: ")
    assert "candidates" in refusal(read(reads(candidates=text), one())).reason
    assert "races" in refusal(read(reads(races=text), one())).reason


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("contests[*]", 2),
        ("contests[?state=='FL']", 1),
        ("contests[:1]", 1),
        ("groups[].list[]", 2),
        ("reverse(contests)", 2),
        ("contests || [@]", 2),
        ("values(byKey)", 2),
    ],
)
def test_the_list_of_races_may_be_any_path(path: str, count: int) -> None:
    entries = [contest(), contest(state="GA")]
    document = {
        "contests": entries,
        "groups": [{"list": [entries[0]]}, {"list": [entries[1]]}],
        "byKey": {"a": entries[0], "b": entries[1]},
    }
    assert len(brief(read(reads(races=json.dumps(path)), document))) == count


# Declarations that are wrong


def fault(text: str) -> str:
    """The one line that the configuration brings, after the file's name."""
    with pytest.raises(ConfigurationError) as raised:
        configured(text)
    message = str(raised.value)
    assert "tallytrail.toml, source 1: " in message
    assert "\n" not in message
    return message.partition("source 1: ")[2]


@pytest.mark.parametrize(
    ("race", "key", "remedy"),
    [
        ({"office": None}, "reads.office", "missing"),
        ({"candidate": None}, "reads.candidate", "missing"),
        ({"candidate": '"x"'}, "reads.candidate", "table"),
        ({"candidate": "5"}, "reads.candidate", "table"),
        ({"candidates": "5"}, "reads.candidates", "path"),
        ({"races": "5"}, "reads.races", "path"),
        ({"races": '"a["'}, "reads.races", "JMESPath"),
        ({"races": '""'}, "reads.races", "JMESPath"),
        ({"races": '"nope(@)"'}, "reads.races", "nope"),
        ({"office": '""'}, "reads.office", "JMESPath"),
        ({"office": '"a b"'}, "reads.office", "JMESPath"),
        ({"office": '"a..b"'}, "reads.office", "JMESPath"),
        ({"office": '"nope(@)"'}, "reads.office", "nope"),
        ({"office": '"a && nope(@)"'}, "reads.office", "nope"),
        ({"office": '"length(@, @)"'}, "reads.office", "length"),
        ({"office": "true"}, "reads.office", "path"),
        ({"office": "[]"}, "reads.office", "path"),
        ({"office": "{}"}, "reads.office", "path or is"),
        ({"office": '{ is = "x", path = "y" }'}, "reads.office", "path or is"),
        ({"office": '{ lookup = { a = "b" } }'}, "reads.office", "path or is"),
        ({"office": '{ path = "x", other = 1 }'}, "reads.office.other", "known"),
        ({"office": "{ path = 5 }"}, "reads.office.path", "text"),
        ({"office": '{ path = "x", lookup = {} }'}, "reads.office.lookup", "table"),
        ({"office": '{ path = "x", lookup = "a" }'}, "reads.office.lookup", "table"),
        ({"office": '{ path = "x", lookup = ["a"] }'}, "reads.office.lookup", "table"),
        ({"office": '{ path = "x", lookup = { a = [] } }'}, "reads.office.lookup", "text"),
        ({"office": '{ path = "x", format = "%Y" }'}, "reads.office.format", "times"),
        ({"office": '{ path = "x", zone = "UTC" }'}, "reads.office.zone", "times"),
        ({"office": '{ is = "" }'}, "reads.office", "''"),
        ({"office": '{ is = [] }'}, "reads.office", "[]"),
        ({"office": '{ is = "???" }'}, "reads.office", "'???'"),
        ({"state": '{ is = "ZZ" }'}, "reads.state", "'ZZ'"),
        ({"special": '{ is = "perhaps" }'}, "reads.special", "'perhaps'"),
        ({"expected_vote_pct": "{ is = 500 }"}, "reads.expected_vote_pct", "500"),
        ({"updated_at": '{ is = "soon" }'}, "reads.updated_at", "'soon'"),
        ({"updated_at": '{ path = "x", format = 5 }'}, "reads.updated_at.format", "text"),
        ({"updated_at": '{ path = "x", format = "" }'}, "reads.updated_at.format", "%Y"),
        ({"updated_at": '{ path = "x", format = "soon" }'}, "reads.updated_at.format", "%Y"),
        ({"updated_at": '{ path = "x", format = "%H:%M" }'}, "reads.updated_at.format", "%Y"),
        ({"updated_at": '{ path = "x", format = "%b %d %H" }'}, "reads.updated_at.format", "%Y"),
        ({"updated_at": '{ path = "x", format = "%Q %Y" }'}, "reads.updated_at.format", "%Q"),
        ({"updated_at": '{ path = "x", format = "%Y-%m-%d %" }'}, "reads.updated_at.format", "%"),
        ({"updated_at": '{ path = "x", format = "%Y-%m-%d %H:%M %Z" }'},
         "reads.updated_at.format", "zone"),
        ({"updated_at": '{ path = "x", zone = "Mars" }'}, "reads.updated_at.zone", "'Mars'"),
        ({"updated_at": '{ path = "x", zone = 5 }'}, "reads.updated_at.zone", "5"),
        ({"updated_at": '{ path = "x", zone = "../../etc/passwd" }'}, "reads.updated_at.zone",
         "zone"),
        ({"races": '{ is = "x" }'}, "reads.races", "path"),
        ({"candidates": '{ is = "x" }'}, "reads.candidates", "path"),
        ({"races": '{ path = "x", lookup = { a = "b" } }'}, "reads.races.lookup", "texts"),
        ({"Office": '"x"'}, "reads.Office", "office"),
        ({"votes": '"x"'}, "reads.votes", "known"),
    ],
)  # fmt: skip
def test_each_fault_of_a_declaration_is_named_with_its_remedy(
    race: dict[str, str | None], key: str, remedy: str
) -> None:
    said = fault(toml(reads(**race)))
    assert said.startswith(f"{key}: ")
    assert remedy in said.removeprefix(key)


@pytest.mark.parametrize(
    ("candidate", "key", "remedy"),
    [
        ({"votes": None}, "reads.candidate.votes", "missing"),
        ({"id": None, "name": None}, "reads.candidate.name", "id"),
        ({"vote": '"x"'}, "reads.candidate.vote", "votes"),
        ({"votes": "{ is = 5 }"}, "reads.candidate.votes", "path"),
        ({"name": '{ is = "Ann" }', "id": None}, "reads.candidate.name", "path"),
        ({"id": '{ is = "1" }'}, "reads.candidate.id", "path"),
        ({"votes": '"["'}, "reads.candidate.votes", "JMESPath"),
        ({"votes": '"sum(a, b)"'}, "reads.candidate.votes", "sum"),
        ({"votes": "5"}, "reads.candidate.votes", "path"),
        ({"winner": '{ path = "w", lookup = { X = "won" } }'}, "reads.candidate.winner.lookup",
         "projected"),
        ({"winner": "{ is = true }"}, "reads.candidate.winner", "path"),
        ({"party": '{ path = "p", format = "%Y" }'}, "reads.candidate.party.format", "times"),
        ({"updated_at": '"x"'}, "reads.candidate.updated_at", "known"),
    ],
)  # fmt: skip
def test_each_fault_of_a_candidate_s_declaration_is_named(
    candidate: dict[str, str | None], key: str, remedy: str
) -> None:
    said = fault(toml(reads(candidate)))
    assert said.startswith(f"{key}: ")
    assert remedy in said.removeprefix(key)


def test_reads_must_be_there_and_be_a_table() -> None:
    assert fault(toml(None)).startswith("reads: is missing")
    assert fault(toml(None, reads="5")).startswith("reads: 5 should be a table")
    assert fault(toml("")).startswith("reads.")


@pytest.mark.parametrize("parser", ["none", *PARSERS])
def test_reads_beside_another_parser_is_a_fault_that_says_so(parser: str) -> None:
    said = fault(
        toml(reads(), parser=f'"{parser}"', pages='["https://abcnews.go.com/x/story?id=1"]')
    )
    assert said.startswith("reads: ")
    assert '"declared"' in said


@pytest.mark.parametrize("parser", ["declared", "none"])
def test_such_a_source_may_have_no_pages_and_knows_no_stories(parser: str) -> None:
    declaration = reads() if parser == "declared" else None
    (source,) = configured(toml(declaration, parser=f'"{parser}"')).sources
    assert (source.pages, source.discover, source.parser_name) == ((), (), parser)
    said = fault(toml(declaration, parser=f'"{parser}"', discover='["https://x.example/rss"]'))
    assert said.startswith("discover: ")
    said = fault(toml(declaration, parser=f'"{parser}"', feed='"https://x.example/maps"'))
    assert said.startswith("feed: ")


def test_the_name_of_the_parser_moves_with_the_declaration_and_nothing_else() -> None:
    def name(declaration: str, **source: str) -> str:
        return configured(toml(declaration, **source)).sources[0].parser.NAME

    assert name(reads()) == name(reads(), outlet='"Another"')
    assert name(reads()) == name(reads() + "# a note\n")
    others = [
        reads(state='{ is = "FL" }'),
        reads(state=None),
        reads({"votes": '"votes"'}),
        reads({"winner": '{ path = "mark", lookup = { X = "projected", R = "none" } }'}),
        reads(updated_at='{ path = "asOf", format = "epoch" }'),
        reads(updated_at='{ path = "asOf", zone = "UTC" }'),
    ]
    names = [name(reads()), *map(name, others), name(reads(), timezone='"UTC"')]
    assert len(set(names)) == len(names)


# Properties

words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=6)
anything: st.SearchStrategy[Json] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | words
    | st.sampled_from(["1,234", "FL", "Governor", "X", "2026-11-04T00:00:00Z", "12001", "95%"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
    max_leaves=4,
)
votes = st.none() | st.integers(0, 300_000_000)


@st.composite
def documents(draw: st.DrawFn) -> Json:
    """A document of different races, of which at least one candidate has votes."""
    places = draw(
        st.lists(st.sampled_from(["FL", "GA", "AZ", "NV"]), min_size=1, max_size=4, unique=True)
    )
    entries = []
    for state in places:
        numbers = draw(st.lists(st.sampled_from([1, 2, 3]), min_size=1, max_size=3, unique=True))
        choices = [choice(number, draw(votes)) for number in numbers]
        entries.append(contest(*choices, state=state, expected=draw(st.integers(0, 100))))
    entries[0]["choices"][0]["total"] = draw(st.integers(0, 300_000_000))
    return {"contests": entries}


def as_told(declaration: str, document: Json) -> Json:
    """What is read, without regard to any order, and why the rest is not, without the places."""
    snapshot = read(declaration, document)
    races = {
        (r.race, r.place): (
            {t.candidate: t for t in r.tallies},
            r.projection,
            r.runoff,
            r.source_updated_at,
            r.expected_vote_pct,
            r.precincts_pct,
        )
        for r in snapshot.races
    }
    assert len(races) == len(snapshot.races)
    return races, sorted(
        re.sub(r"\[\d+\]", "[]", f"{r.race} {r.place} {r.reason}") for r in snapshot.refusals
    )


def shuffled(value: Json, draw: st.DataObject) -> Json:
    """The value with the order of lists and keys changed."""
    if isinstance(value, dict):
        keys = draw.draw(st.permutations(list(value)))
        return {key: shuffled(value[key], draw) for key in keys}
    if isinstance(value, list):
        return [shuffled(one_, draw) for one_ in draw.draw(st.permutations(value))]
    return value


few = settings(max_examples=60, deadline=None)


@few
@given(documents(), st.data())
def test_no_order_matters(document: Json, draw: st.DataObject) -> None:
    assert as_told(reads(), document) == as_told(reads(), shuffled(document, draw))


@few
@given(documents(), st.data(), anything, words.filter(lambda w: w not in ("", "contests")))
def test_fields_that_no_path_names_do_not_matter(
    document: Json, draw: st.DataObject, value: Json, key: str
) -> None:
    named = {"title", "state", "county", "district", "special", "contestId", "asOf", "expected"}
    named |= {"reporting", "choices", "id", "name", "party", "total", "mark"}
    more = deepcopy(document)
    more[key] = value
    for entry in more["contests"]:
        targets = [entry, *entry["choices"]]
        target = draw.draw(st.sampled_from(targets))
        if key not in named:
            target[key] = value
    assert read(reads(), more) == read(reads(), document)


@few
@given(documents())
def test_numbers_as_texts_with_commas_are_the_same_numbers(document: Json) -> None:
    texts = deepcopy(document)
    floats = deepcopy(document)
    for entry, other in zip(texts["contests"], floats["contests"], strict=True):
        entry["expected"] = f"{entry['expected']}% (1 of 2) reporting"
        for one_, two in zip(entry["choices"], other["choices"], strict=True):
            total = one_["total"]
            one_["total"] = "" if total is None else f"{total:,}"
            two["total"] = None if total is None else float(total)
    assert read(reads(), texts) == read(reads(), document) == read(reads(), floats)


def figure(value: Json) -> int | None:
    """The number of votes that a value says, by the documentation; None when it says none."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,3}(,[0-9]{3})*|[0-9]+", value.strip()):
        return int(value.replace(",", ""))
    if isinstance(value, int | float) and not isinstance(value, bool) and value == int(value):
        return int(value)
    return None


RACE_FIELDS = ["title", "state", "county", "district", "special", "contestId", "asOf", "expected",
               "reporting", "choices"]  # fmt: skip
CHOICE_FIELDS = ["id", "name", "party", "total", "mark"]


@settings(max_examples=300, deadline=None)
@given(documents(), st.data(), anything)
def test_anything_in_place_of_anything_gives_no_figure_that_is_not_there(
    document: Json, draw: st.DataObject, value: Json
) -> None:
    field = draw.draw(
        st.sampled_from(["contests", "contest", "choice", *RACE_FIELDS, *CHOICE_FIELDS])
    )
    entry = draw.draw(st.sampled_from(document["contests"]))
    before = deepcopy(document)
    if field == "contests":
        document["contests"] = value
    elif field == "contest":
        document["contests"][document["contests"].index(entry)] = value
    elif field == "choice":
        entry["choices"][0] = value
    elif field in RACE_FIELDS:
        entry[field] = value
    else:
        draw.draw(st.sampled_from(entry["choices"]))[field] = value
    snapshot = read(reads(), document)
    assert snapshot.races or snapshot.refusals
    found = [
        figure(one_.get("total"))
        for contest_ in (document["contests"] if isinstance(document["contests"], list) else [])
        if isinstance(contest_, dict) and isinstance(contest_.get("choices"), list)
        for one_ in contest_["choices"]
        if isinstance(one_, dict)
    ]
    for race in snapshot.races:
        for tally in race.tallies:
            assert tally.votes is None or tally.votes in found
            assert tally.votes is None or 0 <= tally.votes <= 300_000_000
    if field in CHOICE_FIELDS:
        assert len(snapshot.races) >= len(before["contests"]) - 1 or snapshot.races == ()


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=80), st.sampled_from([None, "utf-8", "latin-1", "utf-16", "x", "idna"]))
def test_any_bytes_give_a_snapshot(body: bytes, charset: str | None) -> None:
    for declaration in (reads(), OF_COUNTIES, OF_CLARITY):
        snapshot = read(declaration, body, charset=charset)
        assert snapshot.races or snapshot.refusals


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from([(CLARITY, OF_CLARITY), (csv(), OF_COUNTIES)]))
def test_damaged_bytes_give_a_snapshot(draw: st.DataObject, good: tuple[str, str]) -> None:
    body = bytearray(good[0].encode())
    start = draw.draw(st.integers(0, len(body)))
    end = draw.draw(st.integers(start, min(len(body), start + 40)))
    body[start:end] = draw.draw(st.binary(max_size=4))
    snapshot = read(good[1], bytes(body))
    assert snapshot.races or snapshot.refusals


@few
@given(
    st.lists(
        st.tuples(st.sampled_from(["Bay", "Lake", "Leon"]), st.sampled_from(["Ann", "Bob"])),
        min_size=1,
        unique=True,
    ),
    st.data(),
)
def test_no_order_of_rows_and_columns_matters(
    keys: list[tuple[str, str]], draw: st.DataObject
) -> None:
    head = ROWS[0]
    rows: list[tuple[str, ...]] = [
        (county, "Governor", name, "x", f"{draw.draw(st.integers(0, 10**8)):,}")
        for county, name in keys
    ]
    columns = draw.draw(st.permutations(range(len(head))))
    moved = [head, *draw.draw(st.permutations(rows))]
    text = csv(";", rows=[tuple(row[column] for column in columns) for row in moved])
    told = as_told(OF_COUNTIES, csv(rows=[head, *rows]))
    assert told == as_told(OF_COUNTIES, text)
    assert told[1] == []
    assert sum(len(race[0]) for race in told[0].values()) == len(keys)


# The same file in three forms says the same


@few
@given(st.lists(votes, min_size=1, max_size=3), st.integers(0, 10**8))
def test_json_csv_and_xml_of_one_count_are_one_state(counts: list[int | None], sure: int) -> None:
    counts[0] = sure
    names = ["Ann Lee", "Bob Ray", "Cyd Fox"][: len(counts)]
    shown = ["" if count is None else str(count) for count in counts]
    rows = [("Bay", "Governor", n, "", s) for n, s in zip(names, shown, strict=True)]
    as_csv = read(OF_COUNTIES, csv(rows=[ROWS[0], *rows]))
    columns = [dict(zip(ROWS[0], row, strict=True)) for row in rows]
    as_json = read(OF_COUNTIES, columns)
    elements = "".join(
        f'<Row County="Bay" Contest="Governor" Candidate="{n}" Votes="{s}"/>'
        for n, s in zip(names, shown, strict=True)
    )
    as_xml = read(OF_COUNTIES.replace('"@"', '"Rows.Row"'), f"<Rows>{elements}</Rows>")
    assert as_csv == as_json == as_xml
    assert [t.votes for t in only(as_csv).tallies] == counts


@pytest.mark.parametrize("state", [None, "", " "])
def test_a_state_that_is_not_found_is_no_nation(state: str | None) -> None:
    found = refusal(read(reads(), {"contests": [contest(state=state)]}))
    assert "state: 'state' finds nothing" in found.reason


def test_false_is_no_state_on_purpose() -> None:
    text = reads(state="\"state != 'US' && state\"")
    races = brief(read(text, {"contests": [contest(state="US"), contest(state="GA")]}))
    assert [(race, place) for race, place, _ in races] == [
        ("governor", "us"),
        ("governor/ga", "us/ga"),
    ]
