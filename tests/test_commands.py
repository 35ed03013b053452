"""`init`, `changes`, `results` and `--help`, the installed commands, on a database that a crawl has
made."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests import site as web
from tests.site import Bureau, Figures, Site, path_of, told

#: The change record, as the interface says it.
COLUMNS = re.findall(
    r"\w+",
    "id, kind, flags, source, outlet, election_date, race, place, candidate, candidate_name,"
    " article, field, old, new, delta, seen_after, seen_at, source_updated_at, url, fetch_before,"
    " sha256_before, fetch, sha256, confirmed_at, confirmed_by",
)
COMMANDS = (
    "init", "check", "crawl", "import", "changes", "results", "status", "report", "serve",
    "schedule", "demo",
)  # fmt: skip

ONE = Figures(67_410_748, 72_191_978)
TWO = Figures(67_500_000, 72_200_000, updated="Nov. 6, 8:00 PM ET", electors=(226, 294))
#: Trump's votes fall, the projection is withdrawn.
THREE = replace(TWO, trump=72_199_000, updated="Nov. 6, 9:00 PM ET", called=None)


@pytest.fixture(scope="module")
def bureau(tmp_path_factory: pytest.TempPathFactory) -> Bureau:
    """Three looks: a story with a banner, one without that is edited, one that joins the feed."""
    bureau = Bureau(tmp_path_factory.mktemp("bureau"))
    with Site() as site:

        def feed(*numbers: int) -> None:
            links = web.rss(*(site.url + path_of(number) for number in numbers))
            site.answers["/feed"] = web.answer(links)

        for number in (102, 103):
            site.shows(number)
        bureau.configure(site.url + path_of(101), discover=[site.url + "/feed"])
        feed(102)
        site.shows(101, ONE)
        bureau.quiet_crawl()
        site.shows(101, TWO)
        site.shows(102, headline='The "count", explained: ¿cuándo?', text=("One.", "Two, really."))
        bureau.quiet_crawl()
        site.shows(101, THREE)
        feed(103, 102)
        bureau.quiet_crawl()
    bureau.configuration.unlink()  # reading the log needs none
    return bureau


def csv_rows(bureau: Bureau, *words: str) -> list[dict[str, str]]:
    done = bureau.run(*words, "--format", "csv")
    assert (done.returncode, done.stderr) == (0, "")
    return list(csv.DictReader(io.StringIO(done.stdout)))


def summary(rows: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return sorted(told(rows, "kind", "candidate", "article", "delta"), key=str)


ALL = [
    ("article_added", None, "103", None),
    ("body_changed", None, "102", None),
    ("electoral_votes_changed", "harris", None, 3),
    ("headline_changed", None, "102", None),
    ("projection_retracted", "trump", None, None),
    ("votes_decreased", "trump", None, -1_000),
    ("votes_increased", "harris", None, 89_252),
    ("votes_increased", "trump", None, 8_022),
]


# changes


def test_jsonl_has_every_change_once_oldest_first_in_the_documented_columns(
    bureau: Bureau,
) -> None:
    rows = bureau.rows()
    assert summary(rows) == ALL
    assert [list(row) for row in rows] == [COLUMNS] * len(rows)
    assert [row["id"] for row in rows] == list(range(1, len(ALL) + 1))
    assert [row["seen_at"] for row in rows] == sorted(row["seen_at"] for row in rows)


def test_in_jsonl_numbers_are_numbers_and_what_is_not_is_null(bureau: Bureau) -> None:
    by_kind = {(row["kind"], row["candidate"]): row for row in bureau.rows()}
    votes = by_kind["votes_decreased", "trump"]
    assert told([votes], "old", "new", "delta") == [(72_200_000, 72_199_000, -1_000)]
    assert {type(votes[name]) for name in ("id", "old", "new", "delta", "fetch")} == {int}
    assert (votes["article"], votes["race"], votes["place"]) == (None, "president", "us")
    call = by_kind["projection_retracted", "trump"]
    assert told([call], "field", "old", "new", "delta") == [("projection", "trump", None, None)]
    headline = by_kind["headline_changed", None]
    assert headline["new"] == 'The "count", explained: ¿cuándo?'
    assert told([headline], "race", "place", "candidate", "candidate_name", "delta") == [
        (None, None, None, None, None)
    ]
    assert headline["article"] == "102"
    for row in bureau.rows():
        assert isinstance(row["flags"], list)
        assert (row["source"], row["outlet"]) == ("abc-2024", "ABC News")
        assert row["election_date"] == "2024-11-05"
        assert re.fullmatch(r"[0-9a-f]{64}", row["sha256"])
        for name in ("seen_after", "seen_at"):
            assert datetime.fromisoformat(row[name]).utcoffset() == timedelta(0)
            assert row[name].endswith("Z")


def test_csv_has_the_same_columns_and_rows_as_jsonl(bureau: Bureau) -> None:
    rows = csv_rows(bureau, "changes", "--first")
    assert list(rows[0]) == COLUMNS

    def cell(value: object) -> str:
        if isinstance(value, list):
            return " ".join(value)
        return "" if value is None else str(value)

    expected = [{n: cell(v) for n, v in row.items()} for row in bureau.rows("--first")]
    assert rows == expected


def test_first_sights_are_rows_of_their_own_kind_without_id_old_and_delta(bureau: Bureau) -> None:
    rows = bureau.rows("--first")
    first = [row for row in rows if row["kind"] == "first"]
    assert [row for row in rows if row["kind"] != "first"] == bureau.rows()
    assert {(row["id"], row["old"], row["delta"], row["fetch_before"]) for row in first} == {
        (None, None, None, None)
    }
    assert {row["seen_after"] for row in first} == {None}
    seen = {(row["candidate"], row["field"], row["new"]) for row in first if row["race"]}
    assert seen >= {
        ("harris", "votes", 67_410_748),
        ("trump", "votes", 72_191_978),
        ("harris", "electoral_votes", 223),
        ("trump", "electoral_votes", 294),
        (None, "expected_vote_pct", 90),
        ("trump", "projection", "trump"),
    }
    assert {row["article"] for row in first if row["field"] == "headline"} == {"101", "102", "103"}
    assert [row["fetch"] for row in rows] == sorted(row["fetch"] for row in rows)
    assert bureau.rows("--first", "--kind", "votes_decreased") == bureau.rows(
        "--kind", "votes_decreased"
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--kind", "votes_decreased"], {"votes_decreased"}),
        (
            ["--kind", "votes_decreased", "--kind", "article_added"],
            {"votes_decreased", "article_added"},
        ),
        (["--kind", "votes_increased", "--article", "102"], set()),
        (
            ["--race", "president"],
            {
                "votes_decreased",
                "votes_increased",
                "electoral_votes_changed",
                "projection_retracted",
            },
        ),
        (["--article", "102"], {"headline_changed", "body_changed"}),
        (["--article", "103"], {"article_added"}),
        (["--since", "24h"], {kind for kind, *_ in ALL}),
        (["--since", "2099-01-01"], set()),
        (["--until", "24h"], set()),
        (["--until", "2099-01-01T00:00+01:00"], {kind for kind, *_ in ALL}),
    ],
)
def test_options_narrow_the_log(bureau: Bureau, words: list[str], expected: set[str]) -> None:
    assert {row["kind"] for row in bureau.rows(*words)} == expected


def test_since_and_until_mean_seen_at_and_include_it(bureau: Bureau) -> None:
    rows = bureau.rows()
    moments = sorted({row["seen_at"] for row in rows})
    assert len(moments) >= 3
    middle = moments[1]
    assert bureau.rows("--since", middle) == [r for r in rows if r["seen_at"] >= middle]
    assert bureau.rows("--until", middle) == [r for r in rows if r["seen_at"] <= middle]
    assert bureau.rows("--since", middle, "--until", middle) == [
        r for r in rows if r["seen_at"] == middle
    ]
    # The same instant, told by another clock.
    kolkata = datetime.fromisoformat(middle) + timedelta(hours=5, minutes=30)
    told_there = kolkata.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+05:30"
    assert bureau.rows("--since", told_there) == bureau.rows("--since", middle)


@pytest.mark.parametrize(
    "words",
    [
        ["--kind", "votes_vanished"],
        ["--since", "yesterday"],
        ["--until", "2024-13-45"],
        ["--format", "xml"],
        ["--nonsense"],
    ],
)
def test_a_word_that_is_not_known_is_a_usage_error_that_names_it(
    bureau: Bureau, words: list[str]
) -> None:
    done = bureau.run("changes", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert words[-1] in done.stderr
    assert "Traceback" not in done.stderr


def test_text_has_the_newest_look_last_and_its_coverage(bureau: Bureau) -> None:
    done = bureau.run("changes")
    assert (done.returncode, done.stderr) == (0, "")
    blocks = done.stdout.rstrip("\n").split("\n\n")
    assert "89,252" in blocks[0]
    assert re.match(r"Coverage: 10 looks at 4 pages\b.*\b0 refused, 0 failed$", blocks[-1])
    assert sorted(map(int, re.findall(r"#(\d+)\b", done.stdout))) == list(range(1, len(ALL) + 1))
    (block,) = [block for block in blocks if "72,199,000" in block]
    lines = block.splitlines()
    # What is taken back comes first, then the votes that fell.
    assert "RETRACTED" in lines[1]
    assert re.search(r"Trump +72,199,000 +-1,000 ", lines[2])
    assert "Harris" in lines[3]
    assert "\x1b" not in done.stdout


def test_text_of_an_empty_selection_says_so_and_how_closely_it_was_watched(
    bureau: Bureau,
) -> None:
    done = bureau.run("changes", "--until", "24h")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "No changes.\n\nCoverage: no looks in this span\n"
    done = bureau.run("changes", "--race", "president", "--kind", "projection_changed")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("No changes.")
    assert re.search(r"Coverage: \d looks at \d pages?, ", done.stdout)


@pytest.mark.parametrize(
    "words", [["changes", "--race", "senate/az"], ["results", "--race", "presidential"],
              ["changes", "--article", "999"]],
)  # fmt: skip
def test_what_was_never_seen_is_said_to_be_so(bureau: Bureau, words: list[str]) -> None:
    """ "No changes" could be an answer to a slip of the pen."""
    done = bureau.run(*words)
    assert done.returncode == 0
    assert "Coverage: " in done.stdout
    assert words[-1] in done.stderr
    assert "ever seen" in done.stderr
    if "--race" in words:
        assert "president" in done.stderr.replace("presidential", "")
    assert bureau.run(*words, "--format", "csv").stdout.count("\n") == 1


def test_the_coverage_of_a_story_is_that_of_its_page(bureau: Bureau) -> None:
    coverage = bureau.run("changes", "--article", "102").stdout.splitlines()[-1]
    assert coverage.startswith("Coverage: ")
    assert " at 1 page, " in coverage


@pytest.mark.parametrize("form", ["text", "jsonl", "csv"])
def test_a_reader_that_has_seen_enough_causes_no_traceback(bureau: Bureau, form: str) -> None:
    command = f'for n in 1 2 3 4 5; do "{web.TALLYTRAIL}" changes --first --format {form}; done'
    for words in (f"{command} | head -1", f'"{web.TALLYTRAIL}" changes --format {form} | true'):
        done = web.run(["bash", "-c", words], bureau.folder)
        assert done.stderr == ""
        assert len(done.stdout.splitlines()) <= 1


# results


def test_results_text_has_the_leader_first_with_the_margin(bureau: Bureau) -> None:
    done = bureau.run("results")
    assert (done.returncode, done.stderr) == (0, "")
    head, first, second, leads, *_ = done.stdout.splitlines()
    assert "6 Nov 2024 9:00 PM EST" in head
    assert "President" in head
    assert re.match(r" +Trump +72,199,000 +294 EV", first)
    assert re.match(r" +Harris +67,500,000 +226 EV", second)
    assert "Trump leads by 4,699,000" in leads
    assert "90% of expected vote in" in leads
    assert "projected" not in done.stdout
    assert done.stdout.splitlines()[-1].startswith("Coverage: ")


def test_results_for_machines_have_the_same_columns_leader_first(bureau: Bureau) -> None:
    done = bureau.run("results", "--format", "jsonl", "--race", "president")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert told(rows, "candidate", "votes", "margin", "electoral_votes", "projected") == [
        ("trump", 72_199_000, 4_699_000, 294, False),
        ("harris", 67_500_000, -4_699_000, 226, False),
    ]
    assert {type(row["votes"]) for row in rows} == {int}
    as_csv = csv_rows(bureau, "results")
    assert [list(row) for row in as_csv] == [list(row) for row in rows]
    assert [row["votes"] for row in as_csv] == ["72199000", "67500000"]
    assert bureau.run("results", "--format", "jsonl", "--race", "senate/az").stdout == ""


# What all of them share


@pytest.mark.parametrize("command", ["changes", "results"])
def test_without_a_database_the_remedy_is_told_and_none_is_made(
    tmp_path: Path, command: str
) -> None:
    bureau = Bureau(tmp_path)
    done = bureau.run(command)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert "tallytrail.db" in line
    assert "--db" in line
    assert list(tmp_path.iterdir()) == []


def test_the_database_is_named_by_option_or_environment(bureau: Bureau, tmp_path: Path) -> None:
    elsewhere = Bureau(tmp_path)
    expected = bureau.run("changes", "--format", "jsonl").stdout
    words = ("changes", "--format", "jsonl")
    assert elsewhere.run(*words, "--db", bureau.database).stdout == expected
    assert elsewhere.run(*words, TALLYTRAIL_DB=str(bureau.database)).stdout == expected


def test_the_machine_forms_are_the_same_in_every_surrounding(bureau: Bureau) -> None:
    surroundings: list[dict[str, str]] = [
        {"TZ": "Asia/Kolkata", "LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0"},
        {"TZ": "America/New_York", "PYTHONHASHSEED": "1"},
        {"TZ": "UTC", "PYTHONHASHSEED": "7", "LC_ALL": "C.UTF-8"},
    ]
    for words in (("changes", "--first", "--format", "jsonl"), ("results", "--format", "jsonl")):
        done = [bureau.run(*words, **surrounding) for surrounding in surroundings]
        assert {d.returncode for d in done} == {0}
        assert done[0].stdout
        assert {d.stdout for d in done} == {done[0].stdout}


@pytest.mark.parametrize("locale", ["C", "POSIX"])
def test_names_outside_ascii_are_printed_in_the_plainest_locale_too(
    bureau: Bureau, locale: str
) -> None:
    done = bureau.run("changes", LANG=locale, LC_ALL=locale)
    assert (done.returncode, done.stderr) == (0, "")
    assert "¿cuándo?" in done.stdout
    assert done.stdout == bureau.run("changes", LC_ALL="C.UTF-8").stdout


#: What takes long to load, and only a crawl, a report or a browser needs.
HEAVY = {
    "scrapy", "twisted", "asyncio", "filelock", "bs4", "soupsieve", "lxml", "jiter", "zstandard",
    "sqlite_utils", "jinja2", "feedgen", "rich", "datasette", "email", "logging",
}  # fmt: skip


@pytest.mark.parametrize(
    "words",
    [
        ["changes"],
        ["changes", "--format", "jsonl"],
        ["results"],
        ["--help"],
        ["changes", "--help"],
        ["crawl", "--help"],
    ],
)
def test_reading_the_log_loads_nothing_of_the_crawler(bureau: Bureau, words: list[str]) -> None:
    # -X importtime lists every module that is loaded, on stderr.
    done = web.run([sys.executable, "-X", "importtime", web.TALLYTRAIL, *words], bureau.folder)
    assert done.returncode == 0
    loaded = {
        line.rpartition("|")[2].strip().partition(".")[0]
        for line in done.stderr.splitlines()
        if line.startswith("import time:")
    }
    assert "click" in loaded
    assert loaded.isdisjoint(HEAVY)


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help_has_an_example(bureau: Bureau, command: str | None) -> None:
    done = bureau.run(*([command] if command else []), "--help")
    assert (done.returncode, done.stderr) == (0, "")
    _, found, example = done.stdout.partition("Example:")
    assert found
    assert re.search(rf"^ +.*tallytrail {command or ''}", example, re.MULTILINE)


def test_help_names_every_command_and_the_exit_codes(bureau: Bureau) -> None:
    done = bureau.run("--help")
    listed = re.findall(r"^  ([a-z]+)  ", done.stdout.partition("Commands:")[2], re.MULTILINE)
    assert set(COMMANDS) <= set(listed)
    assert re.search(r"\b0\b.*\b1\b.*\b2\b.*\b75\b.*\b130, 143\b", done.stdout, re.DOTALL)


# init


def test_init_writes_a_configuration_once_and_never_over_one(tmp_path: Path) -> None:
    bureau = Bureau(tmp_path)
    done = bureau.run("init", "--contact", web.CONTACT)
    assert (done.returncode, done.stdout) == (0, "")
    text = bureau.configuration.read_text("utf-8")
    assert web.CONTACT in text
    again = bureau.run("init", "--contact", "somebody-else@paper.example")
    assert (again.returncode, again.stdout) == (2, "")
    (line,) = again.stderr.splitlines()
    assert "tallytrail.toml" in line
    assert bureau.configuration.read_text("utf-8") == text
    # What it writes is a configuration that the other commands take.
    done = bureau.run("schedule")
    assert (done.returncode, done.stderr) == (0, "")


def test_init_writes_where_it_is_told_and_nowhere_else(tmp_path: Path) -> None:
    bureau = Bureau(tmp_path)
    assert bureau.run("init", "--config", "desk.toml").returncode == 0
    assert bureau.run("init", TALLYTRAIL_CONFIG="night.toml").returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["desk.toml", "night.toml"]


def test_init_into_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    done = Bureau(tmp_path).run("init", "--config", "no-such-folder/tallytrail.toml")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert "no-such-folder" in line
