"""`tallytrail check` on feeds by declaration: what is found, what is not used, what looks wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from crawler.cli import main
from crawler.parsers.structure import leaves, noise, suggestions

PEOPLE = [
    {"Name": "Ana Ruiz", "Party": "Dem", "Votes": "1,200", "Share": "60.0"},
    {"Name": "Bo Li", "Party": "Rep", "Votes": "800", "Share": "40.0"},
]
FEED: dict[str, Any] = {
    "saved": "2026-11-04T01:00:00Z",
    "contests": [
        {"title": "Governor", "asOf": "11/03/2026 8:05 p.m.", "choices": PEOPLE, "code": 7},
        {"title": "Treasurer", "asOf": "11/03/2026 8:05 p.m.", "choices": PEOPLE, "code": 9},
    ],
}
READS = """[source.reads]
races = "contests"
office = "title"
state = { is = "FL" }
updated_at = { path = "asOf", format = "%m/%d/%Y %I:%M %p" }
candidates = "choices"
candidate = { name = "Name", party = "Party", votes = "Votes" }
"""


def checked(folder: Path, *documents: Any, reads: str = READS, parser: str = "declared") -> Result:
    """What `check` says of the documents, the first of which is read."""
    (folder / "t.toml").write_text(
        'contact = "desk@example.com"\n[[source]]\nid = "county"\noutlet = "A County"\n'
        f'parser = "{parser}"\nelection_date = 2026-11-03\ntimezone = "America/New_York"\n{reads}'
    )
    words = []
    for number, document in enumerate(documents):
        path = folder / f"{number}.json"
        path.write_text(json.dumps(document))
        words.append(str(path))
    return CliRunner().invoke(main, ["check", "--config", str(folder / "t.toml"), *words])


def test_it_says_what_each_path_finds_and_what_none_uses(tmp_path: Path) -> None:
    result = checked(tmp_path, FEED)
    assert result.exit_code == 0
    assert "governor/fl us/fl   updated 3 Nov 2026 8:05 PM EST" in result.output
    assert "    Ana Ruiz: 1,200 votes\n" in result.output
    assert "found     office = title: in 2 of 2, such as 'Governor', 'Treasurer'\n" in result.output
    assert "found     candidate.votes = Votes: in 4 of 4, such as '1,200', '800'\n" in result.output
    unused = [line for line in result.output.splitlines() if line.startswith("not used")]
    assert unused == [
        "not used  saved, such as '2026-11-04T01:00:00Z'",
        "not used  contests[].choices[].Share, such as '60.0'",
        "not used  contests[].code, such as 7",
    ]


def test_a_path_that_finds_nothing_stands_out_and_is_refused(tmp_path: Path) -> None:
    result = checked(tmp_path, FEED, reads=READS.replace('votes = "Votes"', 'votes = "votes"'))
    assert result.exit_code == 1
    assert "NOTHING   candidate.votes = votes: in 0 of 4\n" in result.output
    assert (
        "REFUSED  page: candidate.votes: 'votes' finds nothing in 4 candidates\n" in result.output
    )
    assert "not used  contests[].choices[].Votes, such as '1,200'\n" in result.output


def test_with_a_wrong_list_of_races_all_fields_are_shown(tmp_path: Path) -> None:
    result = checked(tmp_path, FEED, reads=READS.replace('"contests"', '"races"'))
    assert "REFUSED  page: races: 'races' finds nothing\n" in result.output
    assert "not used  contests[].choices[].Votes, such as '1,200'\n" in result.output
    assert "not used  contests[].title, such as 'Governor'\n" in result.output


def test_what_only_a_later_file_shows_is_refused_by_its_name(tmp_path: Path) -> None:
    marked = READS.replace('votes = "Votes" }', 'votes = "Votes", winner = "Mark" }')
    later = json.loads(json.dumps(FEED).replace('"Share": "60.0"', '"Mark": "W"'))
    result = checked(tmp_path, FEED, later, reads=marked)
    assert result.exit_code == 1
    assert f"REFUSED  {tmp_path / '1.json'}: race governor/fl us/fl: " in result.output
    assert "'W' may mean anything" in result.output


def test_marks_are_shown_as_they_differ(tmp_path: Path) -> None:
    marked = READS.replace('votes = "Votes" }', 'votes = "Votes", winner = "Party" }')
    result = checked(tmp_path, FEED, reads=marked)
    assert "found     candidate.winner = Party: in 4 of 4, such as 'Dem', 'Rep'\n" in result.output


def test_a_time_in_another_unit_is_refused_and_not_believed_never(tmp_path: Path) -> None:
    feed = json.loads(json.dumps(FEED).replace('"11/03/2026 8:05 p.m."', "1793754300"))
    wrong = READS.replace('format = "%m/%d/%Y %I:%M %p"', 'format = "epoch_ms"')
    result = checked(tmp_path, feed, reads=wrong)
    assert result.exit_code == 1
    assert "updated_at reads as 21 January 1970, long before the election" in result.output
    none = READS.replace(', format = "%m/%d/%Y %I:%M %p"', "")
    assert 'declare format = "epoch"' in checked(tmp_path, feed, reads=none).output


def test_where_nothing_can_be_suggested_the_fields_are_named(tmp_path: Path) -> None:
    odd = {"b": [{"i": [{"lbl": "Ana", "t": {"n": "1,200"}}]}]}
    result = checked(tmp_path, odd, reads="", parser="none")
    assert "  b[].i[].t.n, such as '1,200'\n" in result.output


def test_fields_that_move_at_every_look_are_named(tmp_path: Path) -> None:
    later = [{**FEED, "saved": f"2026-11-04T01:0{n}:00Z"} for n in (1, 2)]
    later[1] = json.loads(json.dumps(later[1]).replace("1,200", "1,300"))
    result = checked(tmp_path, FEED, *later)
    assert "other values in each of 3 files: saved\n" in result.output


def test_what_looks_like_a_test_is_doubted(tmp_path: Path) -> None:
    early = json.loads(json.dumps(FEED).replace("11/03/2026", "10/20/2026"))
    result = checked(tmp_path, early)
    assert (
        "doubted   governor/fl us/fl: 2,000 votes before the day of the election\n" in result.output
    )


def test_parts_that_do_not_add_up_are_named(tmp_path: Path) -> None:
    rows = [
        {"office": "Governor", "county": county, "Name": "Ana Ruiz", "Votes": votes}
        for county, votes in ((None, 1_000), ("12001", 400), ("12003", 100))
    ]
    reads = """[source.reads]
races = "@"
office = "office"
state = { is = "FL" }
county = "county"
candidate = { name = "Name", votes = "Votes" }
"""
    result = checked(tmp_path, rows, reads=reads)
    assert (
        "sums      governor/fl us/fl: Ana Ruiz has 1,000, the parts together 500\n" in result.output
    )


def test_without_a_declaration_one_is_suggested(tmp_path: Path) -> None:
    result = checked(tmp_path, FEED, reads="", parser="none")
    assert result.exit_code == 0
    told = [line.split("   #")[0].strip() for line in result.output.splitlines() if " = " in line]
    assert told == [
        'races = "contests"',
        'office = "title"',
        'updated_at = "asOf"',
        'candidates = "choices"',
        'candidate.name = "Name"',
        'candidate.party = "Party"',
        'candidate.votes = "Votes"',
    ]
    assert "kept, and read when the source has a parser" in result.output


def test_what_is_suggested_reads_the_document(tmp_path: Path) -> None:
    suggested = checked(tmp_path, FEED, reads="", parser="none").output
    lines = [line.strip() for line in suggested.splitlines() if " = " in line]
    lines = [line for line in lines if not line.startswith("updated_at")]  # it needs a format
    result = checked(tmp_path, FEED, reads="[source.reads]\n" + "\n".join(lines))
    assert result.exit_code == 0, result.output
    assert "    Ana Ruiz: 1,200 votes\n" in result.output


@pytest.mark.parametrize("document", [{}, [], {"a": [1, 2]}, {"a": {"b": []}}, [[]]])
def test_nothing_is_suggested_of_what_has_no_candidates(document: Any) -> None:
    assert suggestions(document) == []


def test_leaves_are_told_by_path_with_lists_as_one() -> None:
    document = {"a": [{"b": 1, "c-d": None}, {"b": 2}], "e": {"f": [3, [4]]}}
    assert leaves(document) == {
        "a[].b": [1, 2],
        'a[]."c-d"': [None],
        "e.f[]": [3],
        "e.f[][]": [4],
    }


def test_what_moves_between_some_files_only_is_no_noise() -> None:
    assert noise([{"a": 1, "b": 1, "c": 1}, {"a": 2, "b": 1, "c": 2}, {"a": 3, "b": 2}]) == ["a"]
    assert noise([{"a": 1}]) == []


def test_where_an_object_stands_in_place_of_a_number_its_names_are_told(tmp_path: Path) -> None:
    nested = json.loads(json.dumps(FEED).replace('"1,200"', '{"n": "1,200", "pc": 60}'))
    result = checked(tmp_path, nested)
    assert "is no number; name one of n, pc" in result.output


@pytest.mark.parametrize(
    ("wrong", "right"), [("[[source]]", "[source]"), ("[source.reads]", "[reads]")]
)
def test_a_table_in_the_wrong_brackets_is_told_how_to_write_it(
    tmp_path: Path, wrong: str, right: str
) -> None:
    checked(tmp_path, FEED)
    path = tmp_path / "t.toml"
    path.write_text(path.read_text().replace(wrong, right))
    result = CliRunner().invoke(main, ["check", "--config", str(path), str(tmp_path / "0.json")])
    assert result.exit_code == 2
    assert f"write {wrong}" in result.output
