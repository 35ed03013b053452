"""What is printed: at 11 pm, on a terminal, from texts that strangers wrote."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.places import race_title
from storage.queries import Coverage, LogRow, NoteRow, ResultRow, Unconfirmed
from storage.records import RaceState
from storage.reports.looks import Look
from storage.reports.machine import csv_lines, json_lines, spreadsheet_safe
from storage.reports.printable import printable
from storage.reports.text import (
    coverage_text,
    look_text,
    many_looks_text,
    many_results_text,
    notes_text,
    results_text,
    unconfirmed_text,
)
from storage.reports.wording import duration, local_time
from tests.builders import log_row, race, tally

EASTERN = ZoneInfo("America/New_York")

#: The second and third state of the count that ABC published.
SECOND = race(
    tally("harris", 71_900_392, 226),
    tally("trump", 75_068_566, 312),
    projection="trump",
    expected=95,
)
THIRD = race(
    tally("harris", 72_168_538, 226),
    tally("trump", 75_337_035, 312),
    projection="trump",
    expected=96,
)
HEAD = (
    "12 Nov 2024 7:40 PM EST   President · United States   ABC News"
    "   (seen 7:45 PM, last look before 6:05 PM)"
)

#: What a hostile page may put into any of its texts.
HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07\x9b31m\u202eTrump\u2066\u200f\u061c"
    "\r\n\x00\x7f\u2028\u2029\u0085\ufeff"
)
BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def look(before: RaceState, after: RaceState, *rows: LogRow) -> list[str]:
    return look_text(
        Look(
            rows=rows,
            zone=EASTERN,
            title="President · United States",
            before=before,
            after=after,
        )
    )


def story(*rows: LogRow, headline: str = "Clerks count on") -> list[str]:
    return look_text(Look(rows=rows, zone=EASTERN, headline=headline))


def votes(number: int, candidate: str, old: int, new: int, **values: Any) -> LogRow:
    return log_row(
        id=number,
        kind="votes_increased" if new > old else "votes_decreased",
        candidate=candidate,
        candidate_name=candidate.title(),
        field="votes",
        old=old,
        new=new,
        delta=new - old,
        **values,
    )


def electors(number: int, candidate: str, old: int, new: int) -> LogRow:
    return log_row(
        id=number,
        kind="electoral_votes_changed",
        candidate=candidate,
        candidate_name=candidate.title(),
        field="electoral_votes",
        old=old,
        new=new,
        delta=new - old,
    )


def expected(number: int, old: float | None, new: float) -> LogRow:
    return log_row(
        id=number,
        kind="expected_vote_changed",
        field="expected_vote_pct",
        old=old,
        new=new,
        delta=None if old is None else new - old,
    )


def call(number: int, kind: str, candidate: str, old: str | None, new: str | None) -> LogRow:
    return log_row(
        id=number,
        kind=kind,
        candidate=candidate,
        candidate_name=candidate.title(),
        field="projection",
        old=old,
        new=new,
    )


def edit(number: int, field: str, old: str | None, new: str | None, **values: Any) -> LogRow:
    kinds = {"published_at": "published_time_changed", "modified_at": "modified_time_changed"}
    return log_row(
        id=number,
        kind=kinds.get(field, f"{field}_changed"),
        race=None,
        place=None,
        article="115724508",
        field=field,
        old=old,
        new=new,
        **values,
    )


def cells(line: str) -> list[str]:
    return re.split(r" {3,}", line.strip())


def without_ids(line: str) -> str:
    return re.sub(r" +#[0-9 #]+$", "", line)


def ids(line: str) -> list[str]:
    return re.findall(r"#[0-9]+", line)


def harmless(lines: Sequence[str]) -> None:
    """Fails where a line would do anything on a terminal but stand there."""
    for line in lines:
        assert not [c for c in line if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")]
        assert not BIDI & set(line)


# Results

THIRD_LOOK = (
    votes(6, "trump", 75_068_566, 75_337_035),
    votes(7, "harris", 71_900_392, 72_168_538),
    expected(8, 95, 96),
)


def test_a_look_at_results_reads_as_the_design_shows_it() -> None:
    lines = look(SECOND, THIRD, *THIRD_LOOK)
    assert [without_ids(line) for line in lines] == [
        HEAD,
        "  Trump    75,337,035   +268,469   312 EV   projected",
        "  Harris   72,168,538   +268,146   226 EV",
        "  Trump leads by 3,168,497 (+323) · 96% of expected vote in, was 95%",
    ]
    assert [ids(line) for line in lines] == [[], ["#6"], ["#7"], ["#8"]]


def test_the_ids_of_a_look_stand_in_one_column() -> None:
    lines = look(SECOND, THIRD, *THIRD_LOOK)
    assert len({line.index("#") for line in lines[1:]}) == 1


def test_electors_that_moved_stand_beside_what_they_were() -> None:
    first = race(
        tally("harris", 67_410_748, 223),
        tally("trump", 72_191_978, 294),
        projection="trump",
        expected=90,
    )
    lines = look(
        first,
        SECOND,
        votes(1, "trump", 72_191_978, 75_068_566, seen_at="2024-11-12T23:05:00.000Z"),
        electors(2, "trump", 294, 312),
        votes(3, "harris", 67_410_748, 71_900_392),
        electors(4, "harris", 223, 226),
        expected(5, 90, 95),
    )
    assert [without_ids(line) for line in lines[1:]] == [
        "  Trump    75,068,566   +2,876,588   312 EV   was 294   projected",
        "  Harris   71,900,392   +4,489,644   226 EV   was 223",
        # 75,068,566 - 71,900,392, and 72,191,978 - 67,410,748 = 4,781,230 before
        "  Trump leads by 3,168,174 (-1,613,056) · 95% of expected vote in, was 90%",
    ]
    assert [ids(line) for line in lines[1:]] == [["#1", "#2"], ["#3", "#4"], ["#5"]]


def test_a_decrease_is_shown_first_although_the_other_leads() -> None:
    fallen = race(
        tally("harris", 72_160_000, 226),
        tally("trump", 75_337_035, 312),
        projection="trump",
        expected=96,
    )
    lines = look(THIRD, fallen, votes(9, "harris", 72_168_538, 72_160_000))
    assert lines[0] == HEAD
    assert [cells(line) for line in lines[1:]] == [
        ["Harris", "72,160,000", "-8,538", "226 EV", "votes fell", "#9"],
        ["Trump", "75,337,035", "312 EV", "projected"],
        ["Trump leads by 3,177,035 (+8,538) · 96% of expected vote in"],
    ]


def test_a_projection_taken_back_stands_above_all_figures() -> None:
    uncalled = replace(THIRD, projection=None)
    lines = look(
        SECOND,
        uncalled,
        *THIRD_LOOK,
        call(10, "projection_retracted", "trump", "trump", None),
    )
    assert lines[:2] == [HEAD, "  PROJECTION RETRACTED: Trump   #10"]
    assert [cells(line)[:3] for line in lines[2:4]] == [
        ["Trump", "75,337,035", "+268,469"],
        ["Harris", "72,168,538", "+268,146"],
    ]
    assert not [line for line in lines if "projected" in line]


@pytest.mark.parametrize(
    ("kind", "candidate", "old", "new", "line"),
    [
        ("projection_made", "trump", None, "trump", "  PROJECTED: Trump   #11"),
        (
            "projection_changed",
            "trump",
            "harris",
            "trump",
            "  PROJECTION CHANGED: Trump, was Harris   #11",
        ),
    ],
)
def test_a_call_stands_above_all_figures(
    kind: str, candidate: str, old: str | None, new: str | None, line: str
) -> None:
    before = replace(THIRD, projection=old)
    assert look(before, THIRD, call(11, kind, candidate, old, new))[1] == line


def test_the_look_that_turned_the_lead_says_so() -> None:
    before, after = (race(tally("harris", 50), tally("trump", n)) for n in (40, 60))
    lines = look(before, after, votes(1, "trump", 40, 60, flags=("lead_change",)))
    assert cells(lines[1]) == ["Trump", "60", "+20", "lead change", "#1"]
    assert lines[-1] == "  Trump leads by 10"  # compared with nobody: another one led before


def test_votes_that_are_not_published_are_not_printed_as_zero() -> None:
    state = race(tally("stein", None), tally("trump", 5))
    lines = look(race(tally("stein", None), tally("trump", 4)), state, votes(1, "trump", 4, 5))
    assert [cells(line) for line in lines[1:]] == [
        ["Trump", "5", "+1", "#1"],
        ["Stein", "votes not published"],
    ]


def test_hostile_names_move_no_cursor_and_turn_no_line() -> None:
    state = race(
        replace(tally("trump", 5), name=HOSTILE),
        replace(tally("harris", 4), name=HOSTILE),
        projection="trump",
    )
    lines = look_text(
        Look(
            rows=[
                votes(1, "trump", 4, 5, outlet=HOSTILE),
                replace(
                    call(2, "projection_changed", "trump", "harris", "trump"),
                    candidate_name=HOSTILE,
                ),
            ],
            zone=EASTERN,
            title=race_title(f"president/{HOSTILE}", HOSTILE, {HOSTILE: HOSTILE}),
            before=replace(state, projection="harris"),
            after=state,
        )
    )
    assert len(lines) == 5  # head, call, two candidates, standing
    harmless(lines)


# When


@pytest.mark.parametrize(
    ("seen_after", "seen_at", "said"),
    [
        # The outlet's own time is 12 November, 7:40 PM.
        ("2024-11-12T23:05", "2024-11-13T00:45", "seen 7:45 PM, last look before 6:05 PM"),
        ("2024-11-13T00:40", "2024-11-13T00:45", "seen 7:45 PM, last look before 7:40 PM"),
        (
            "2024-11-13T00:44:19",
            "2024-11-13T00:45:20",
            "seen 7:45:20 PM, last look before 7:44:19 PM",
        ),
        (
            "2024-11-13T00:44:59",
            "2024-11-13T00:45:00",
            "seen 7:45:00 PM, last look before 7:44:59 PM",
        ),
        (
            "2024-11-11T23:05",
            "2024-11-13T00:45",
            "seen 7:45 PM, last look before 11 Nov 2024 6:05 PM",
        ),
        (
            "2024-11-12T23:05",
            "2024-11-13T12:45",
            "seen 13 Nov 2024 7:45 AM, last look before 12 Nov 2024 6:05 PM",
        ),
        (
            "2024-11-13T05:05",
            "2024-11-13T12:45",
            "seen 13 Nov 2024 7:45 AM, last look before 12:05 AM",
        ),
    ],
)
def test_seconds_are_shown_where_looks_are_close_and_the_day_where_it_differs(
    seen_after: str, seen_at: str, said: str
) -> None:
    rows = (replace(row, seen_after=f"{seen_after}Z", seen_at=f"{seen_at}Z") for row in THIRD_LOOK)
    lines = look(SECOND, THIRD, *rows)
    assert lines[0].endswith(f"   ({said})")


def test_looks_an_hour_apart_are_not_close_in_the_hour_that_comes_twice() -> None:
    row = votes(
        1,
        "trump",
        4,
        5,
        source_updated_at="2024-11-03T06:31:00.000Z",
        seen_after="2024-11-03T05:30:20.000Z",  # 1:30:20 AM EDT
        seen_at="2024-11-03T06:31:20.000Z",  # 1:31:20 AM EST
    )
    (head, *_) = look(race(tally("trump", 4)), race(tally("trump", 5)), row)
    assert "seen 1:31 AM" in head


def test_without_the_outlets_time_the_head_has_ours() -> None:
    rows = (replace(row, source_updated_at=None) for row in THIRD_LOOK)
    assert look(SECOND, THIRD, *rows)[0].startswith("12 Nov 2024 7:45 PM EST   President")


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        (datetime(2024, 11, 13, 0, 40, tzinfo=UTC), "12 Nov 2024 7:40 PM EST"),
        (datetime(2024, 11, 1, 22, 0, tzinfo=UTC), "1 Nov 2024 6:00 PM EDT"),
        (datetime(2024, 11, 6, 5, 5, tzinfo=UTC), "6 Nov 2024 12:05 AM EST"),
        (datetime(2024, 11, 6, 17, 5, tzinfo=UTC), "6 Nov 2024 12:05 PM EST"),
    ],
)
def test_a_time_has_its_zone_as_in_force_that_day(moment: datetime, said: str) -> None:
    assert local_time(moment, EASTERN) == said


# Stories


def test_an_edited_story_says_what_it_was() -> None:
    lines = story(
        edit(12, "headline", "Clerks count", "Clerks count on"),
        edit(13, "dek", None, "It takes time."),
        edit(14, "byline", "Ana Ruiz", "Ana Ruiz; Bo Li"),
        edit(15, "modified_at", "2024-11-12T23:00:00.000Z", "2024-11-13T00:38:00.000Z"),
    )
    assert lines == [
        '12 Nov 2024 7:40 PM EST   Story 115724508 "Clerks count on"   ABC News'
        "   (seen 7:45 PM, last look before 6:05 PM)",
        '  headline   "Clerks count on"   #12',
        '             was "Clerks count"',
        '  dek        "It takes time."   #13',
        "             was (none)",
        "  byline     Ana Ruiz; Bo Li   #14",
        "             was Ana Ruiz",
        "  modified   12 Nov 2024 7:38 PM EST   #15",
        "             was 12 Nov 2024 6:00 PM EST",
    ]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            ["One.", "Two.", "Three."],
            ["One.", "Two, or so.", "Three."],
            ["  text       1 paragraph reworded   #16", "   - Two.", "   + Two, or so."],
        ),
        (
            ["One.", "Three."],
            ["One.", "Two.", "Three.", "Four."],
            ["  text       2 paragraphs added   #16", "   + Two.", "   + Four."],
        ),
        (
            ["One.", "Two.", "Three."],
            ["One.", "Three."],
            ["  text       1 paragraph removed   #16", "   - Two."],
        ),
    ],
)
def test_an_edited_text_shows_the_paragraphs_that_moved(
    old: list[str], new: list[str], told: list[str]
) -> None:
    assert story(edit(16, "body", "\n\n".join(old), "\n\n".join(new)))[1:] == told


def test_an_edit_far_into_a_long_paragraph_is_in_the_excerpt() -> None:
    start = "Clerks count on through the night. " * 20
    lines = story(edit(17, "body", f"{start}It was 41 then.", f"{start}It was 42 then."))
    assert "41" in lines[-2]
    assert "42" in lines[-1]
    assert max(map(len, lines[-2:])) < 120


def test_a_text_rewritten_throughout_does_not_flood_the_screen() -> None:
    old, new = ("\n\n".join(f"{word} {n}." for n in range(60)) for word in ("Old", "New"))
    assert len(story(edit(18, "body", old, new))) < 15


def test_hostile_stories_move_no_cursor_and_turn_no_line() -> None:
    lines = story(
        edit(1, "headline", HOSTILE, HOSTILE + "x", outlet=HOSTILE),
        edit(2, "dek", HOSTILE, None),
        edit(3, "byline", HOSTILE, HOSTILE + "x"),
        edit(4, "body", f"One {HOSTILE}.\n\nTwo", f"One {HOSTILE}!\n\nTwo\n\n{HOSTILE}"),
        headline=HOSTILE,
    )
    harmless(lines)


# The tallies now


def result(candidate: str, number: int | None, **values: Any) -> ResultRow:
    row = ResultRow(
        source="abc-2024",
        outlet="ABC News",
        election_date="2024-11-05",
        race="president",
        place="us",
        candidate=candidate,
        candidate_name=candidate.title(),
        votes=number,
        margin=None,
        electoral_votes=None,
        projected=False,
        called_before_first_look=False,
        expected_vote_pct=None,
        source_updated_at="2024-11-13T00:40:00.000Z",
        seen_at="2024-11-13T00:45:00.000Z",
        last_look="2024-11-13T01:05:00.000Z",
    )
    return replace(row, **values)


def standing(*rows: ResultRow) -> list[str]:
    return results_text(rows, {"abc-2024": EASTERN}, {"us": "United States"})


def test_the_tallies_now_have_the_leader_first_and_the_margin() -> None:
    lines = standing(
        result(
            "trump",
            75_337_035,
            margin=3_168_497,
            electoral_votes=312,
            projected=True,
            called_before_first_look=True,
            expected_vote_pct=96,
        ),
        result("harris", 72_168_538, margin=-3_168_497, electoral_votes=226, expected_vote_pct=96),
    )
    assert lines == [
        "12 Nov 2024 7:40 PM EST   President · United States   ABC News"
        "   (last look 12 Nov 2024 8:05 PM EST)",
        "  Trump    75,337,035   312 EV   projected   (called before our first look)",
        "  Harris   72,168,538   226 EV",
        "  Trump leads by 3,168,497 · 96% of expected vote in",
    ]


def test_equal_votes_are_a_tie() -> None:
    assert standing(result("harris", 5, margin=0), result("trump", 5, margin=0))[-1] == "  tied"


def test_nobody_leads_and_nobody_is_tied_before_the_first_vote() -> None:
    lines = standing(
        result("harris", 0, margin=0, expected_vote_pct=0),
        result("trump", 0, margin=0, expected_vote_pct=0),
    )
    assert lines[-1] == "  0% of expected vote in"


def test_results_that_are_not_published_are_not_printed_as_zero() -> None:
    lines = standing(result("trump", 5), result("stein", None))
    assert [cells(line) for line in lines[1:]] == [["Trump", "5"], ["Stein", "votes not published"]]


def test_hostile_results_move_no_cursor_and_turn_no_line() -> None:
    hostile = result("trump", 5, candidate_name=HOSTILE, outlet=HOSTILE, margin=1)
    harmless(results_text([hostile], {"abc-2024": EASTERN}, {"us": HOSTILE}))


def test_hostile_lines_of_many_move_no_cursor_and_turn_no_line() -> None:
    zones, places = {"abc-2024": EASTERN}, {"us": HOSTILE, HOSTILE: HOSTILE}
    one = result(
        "trump", 5, candidate_name=HOSTILE, outlet=HOSTILE, margin=1, status=HOSTILE, runoff=True
    )
    other = replace(one, race=f"senate/{HOSTILE}", place=HOSTILE, projected=True)
    harmless(list(many_results_text([[one], [other]], zones, places)))
    doubt = Unconfirmed(
        part="race",
        verdict="unconfirmed",
        reason=HOSTILE,
        url=HOSTILE,
        seen_at="2024-11-13T00:45:00.000Z",
        source="abc-2024",
        race=f"senate/{HOSTILE}",
        place=HOSTILE,
        votes=1,
        votes_before=1,
        tallies=[(HOSTILE, 1)],
    )
    harmless(unconfirmed_text([doubt, replace(doubt, race=None)], zones, places))
    note = NoteRow(
        kind="unknown_field",
        text=HOSTILE,
        source="abc-2024",
        race=None,
        place=None,
        url=HOSTILE,
        since="2024-11-13T00:45:00.000Z",
        until="2024-11-13T00:46:00.000Z",
        seen_at="2024-11-13T00:46:00.000Z",
    )
    harmless(notes_text([note], 2, EASTERN, places))
    state = race(replace(tally("trump", 5), name=HOSTILE), expected=1)
    rows = [
        votes(1, "trump", 4, 5, flags=("one_sided",)),
        call(2, "projection_changed", "trump", "harris", "trump"),
        log_row(id=3, kind="status_changed", field="status", old=HOSTILE, new=HOSTILE),
    ]
    rows = [replace(row, candidate_name=HOSTILE, outlet=HOSTILE) for row in rows]
    moved = Look(rows=rows, zone=EASTERN, title=HOSTILE, before=state, after=state)
    lines = many_looks_text([moved], 9, routine=[(HOSTILE, rows[2])], left_out=8)
    assert len(lines) == 5  # head, call, status, move, what is left out
    harmless(lines)


# Coverage


def test_the_coverage_says_how_closely_it_was_watched() -> None:
    text = coverage_text(
        Coverage(
            looks=412,
            pages=3,
            refused=2,
            failed=1,
            partly_refused=0,
            without=0,
            first=datetime(2024, 11, 6, 0, 0, tzinfo=UTC),
            last=datetime(2024, 11, 6, 7, 0, tzinfo=UTC),
            longest_gap=timedelta(seconds=61),
        ),
        EASTERN,
    )
    assert text == (
        "Coverage: 412 looks at 3 pages, 5 Nov 2024 7:00 PM EST to 6 Nov 2024 2:00 AM EST,"
        " longest gap 61 s, 2 refused, 1 failed"
    )


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (4.2, "4.2 s"),
        (61, "61 s"),
        (300, "5 min"),
        (3_599, "1 h"),
        (6_000, "1 h 40 min"),
        (86_400, "24 h"),
        (183_600, "2 d 3 h"),
    ],
)
def test_a_duration_has_two_units_at_most(seconds: float, said: str) -> None:
    assert duration(timedelta(seconds=seconds)) == said


# Text from elsewhere


@given(st.text())
def test_printable_text_holds_no_control_and_no_direction_mark(text: str) -> None:
    harmless([printable(text)])
    assert len(printable(text)) == len(text)


@given(st.text(st.characters(categories=["L", "N", "P", "S"])))
def test_what_is_harmless_is_printed_as_it_is(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize("character", [*map(chr, range(32)), *map(chr, range(0x7F, 0xA0)), *BIDI])
def test_every_control_and_direction_mark_is_taken_out(character: str) -> None:
    assert printable(f"a{character}b") in ("a b", "a\ufffdb")


# For machines

COLUMNS = ["id", "kind", "flags", "old", "delta"]
values = st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
machine_rows = st.lists(st.fixed_dictionaries(dict.fromkeys(COLUMNS, values)), max_size=5)


@given(machine_rows)
def test_json_lines_are_one_object_a_line_in_ascii(rows: list[dict[str, object]]) -> None:
    lines = list(json_lines(rows))
    assert [json.loads(line) for line in lines] == rows
    for line in lines:
        assert line.endswith("\n")
        assert line[:-1].isascii()
        assert line[:-1].isprintable()


def test_numbers_are_numbers_and_none_is_null_in_json() -> None:
    (line,) = json_lines([{"old": None, "new": 5, "delta": None, "pct": 95.5, "flags": ["a", "b"]}])
    assert line == '{"old": null, "new": 5, "delta": null, "pct": 95.5, "flags": ["a", "b"]}\n'


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_is_no_number_is_not_written_as_one(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        list(json_lines([{"new": number}]))


@given(st.lists(st.fixed_dictionaries(dict.fromkeys(COLUMNS, st.text())), max_size=5))
def test_csv_comes_back_as_it_was(rows: list[dict[str, object]]) -> None:
    text = "".join(csv_lines(COLUMNS, rows))
    head, *back = csv.reader(io.StringIO(text, newline=""))
    assert head == COLUMNS
    assert [dict(zip(COLUMNS, line, strict=True)) for line in back] == rows


def test_csv_has_nothing_for_none_zero_for_zero_and_blanks_between_flags() -> None:
    row = {"id": 1, "kind": "first", "flags": ("rollback", "lead_change"), "old": None, "delta": 0}
    assert list(csv_lines(COLUMNS, [row])) == [
        "id,kind,flags,old,delta\n",
        "1,first,rollback lead_change,,0\n",
    ]


@pytest.mark.parametrize(
    "text",
    ["=1", "+1", "-1", "@a", "\t=1", "\r1", "\n1", " =1", "\u00a0+1", "＝1", "＋1", "－1", "＠1"],
)
def test_what_a_spreadsheet_would_compute_gets_an_apostrophe(text: str) -> None:
    assert spreadsheet_safe(text).startswith("'")
    assert spreadsheet_safe(text).strip("'").strip() == text.strip()


@pytest.mark.parametrize("text", ["", "Trump", "a=1", "1-2", "'=1", "Café – 5"])
def test_any_other_text_stays_as_it_is(text: str) -> None:
    assert spreadsheet_safe(text) == text
