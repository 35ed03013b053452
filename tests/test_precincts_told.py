"""The percent of precincts that report, as people and machines are told of it."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock, patch

import pytest
from bs4 import BeautifulSoup
from click.testing import CliRunner
from lxml import etree

from crawler.checking import Page, checked
from crawler.cli import main
from crawler.sources import read_configuration
from storage.browse.site import change_page
from storage.browse.urls import Urls
from storage.places import STATES
from storage.records import RaceState, Snapshot
from storage.reports.build import build
from tests.night import ELECTORAL, SENATE, TEN_PM, candidates, shows, state, two
from tests.trail import Trail, opened

#: Addresses as Datasette has them; which ones they are does not matter here.
URLS = Urls(MagicMock(), "night")
ATOM = "{http://www.w3.org/2005/Atom}"


def georgia(minute: int, expected: float | None, precincts: float | None) -> RaceState:
    return replace(
        state("us/ga", two(2_500_000, 2_600_000), pct=expected),
        source_updated_at=TEN_PM + timedelta(minutes=minute),
        precincts_pct=precincts,
    )


@pytest.fixture
def trail(tmp_path: Path) -> Iterator[Trail]:
    """Precincts rise, then fall while more of the expected vote is in."""
    with opened(tmp_path / "night.db") as trail:
        trail.now = TEN_PM
        shows(trail, ELECTORAL, georgia(0, 90, 44))
        shows(trail, ELECTORAL, georgia(1, 90, 45.2))
        shows(trail, ELECTORAL, georgia(2, 91, 40.1))
        yield trail


def run(trail: Trail, *words: str) -> str:
    done = CliRunner().invoke(main, [*words, "--db", str(trail.path)])
    assert done.exit_code == 0, done.output
    return done.stdout


def lines(trail: Trail, *words: str) -> list[str]:
    return run(trail, *words).splitlines()


def without_ids(line: str) -> str:
    return re.sub(r" +#[0-9 #]+$", "", line)


# The log.


def test_a_look_says_what_each_percent_was(trail: Trail) -> None:
    told = [line for line in lines(trail, "changes") if "leads by" in line]
    assert [without_ids(line) for line in told] == [
        "  Trump leads by 100,000 · 90% of expected vote in · precincts reporting 45.2%, was 44%",
        "  Trump leads by 100,000 · 91% of expected vote in, was 90%"
        " · precincts reporting 40.1%, was 45.2%",
    ]
    assert [re.findall("#[0-9]+", line) for line in told] == [["#1"], ["#2", "#3"]]


def test_a_flag_stands_behind_the_percent_that_has_it(tmp_path: Path) -> None:
    with opened(tmp_path / "flags.db") as trail:
        trail.now = TEN_PM
        shows(trail, ELECTORAL, georgia(0, 101, 99))
        shows(trail, ELECTORAL, georgia(1, 103, 104))
        (line,) = [line for line in lines(trail, "changes") if "leads by" in line]
    assert without_ids(line) == (
        "  Trump leads by 100,000 · 103% of expected vote in, was 101% [over expected]"
        " · precincts reporting 104%, was 99%"
    )


def test_a_kind_of_their_own_finds_them(trail: Trail) -> None:
    rows = [
        json.loads(line)
        for line in lines(trail, "changes", "--kind", "precincts_changed", "--format", "jsonl")
    ]
    assert [(r["field"], r["old"], r["new"], r["delta"], r["candidate"]) for r in rows] == [
        ("precincts", 44, 45.2, 1.2, None),
        ("precincts", 45.2, 40.1, -5.1, None),
    ]
    others = lines(trail, "changes", "--kind", "expected_vote_changed", "--format", "jsonl")
    assert [json.loads(line)["new"] for line in others] == [91]


def test_of_many_that_move_at_once_a_fall_stands_on_top(tmp_path: Path) -> None:
    places = [f"us/{code}" for code in STATES]

    def all_states(minute: int, precincts: float, fallen: float) -> list[RaceState]:
        return [
            replace(
                state(place, two(500 + minute, 600 + minute), pct=50),
                source_updated_at=TEN_PM + timedelta(minutes=minute),
                precincts_pct=fallen if place == "us/ga" else precincts,
            )
            for place in places
        ]

    with opened(tmp_path / "many.db") as trail:
        trail.now = TEN_PM
        shows(trail, ELECTORAL, *all_states(0, 10, 10))
        shows(trail, ELECTORAL, *all_states(1, 12.5, 9))
        text = lines(trail, "changes")
    head = next(n for n, line in enumerate(text) if "51 results moved" in line)
    assert without_ids(text[head + 1]) == (
        "  precincts reporting down to 9%, was 10% · President · Georgia"
    )
    alabama = next(line for line in text if "President · Alabama" in line)
    assert "Trump leads by 100 · 50% in · precincts reporting 12.5%, was 10%" in alabama


# The tallies now.


def test_results_have_both_percents(trail: Trail) -> None:
    assert lines(trail, "results")[3] == (
        "  Trump leads by 100,000 · 91% of expected vote in · 40.1% of precincts reporting"
        " · status POLLS_CLOSED"
    )


@pytest.mark.parametrize("precincts", [0.0, None])
def test_precincts_that_are_not_published_are_not_printed_as_zero(
    tmp_path: Path, precincts: float | None
) -> None:
    with opened(tmp_path / "none.db") as trail:
        trail.now = TEN_PM
        shows(trail, ELECTORAL, georgia(0, None, precincts))
        text = run(trail, "results")
    assert ("0% of precincts reporting" in text) == (precincts is not None)
    assert ("precincts" in text) == (precincts is not None)


def test_results_of_many_have_a_column_of_precincts(trail: Trail) -> None:
    senate = [
        replace(
            state(
                f"us/{code}", candidates(("1", "Ray", 5), ("2", "Poe", 4)), race=f"senate/{code}"
            ),
            precincts_pct=percent,
        )
        for code, percent in (("az", 7.5), ("fl", 100.3), ("nv", None), ("pa", 0), ("tx", 1))
    ]
    shows(trail, SENATE, *senate)
    text = lines(trail, "results")
    told = {
        name: [cell for cell in re.split(" {3,}", line.strip()) if "precincts" in cell]
        for line in text
        for name in ("Arizona", "Florida", "Nevada", "Pennsylvania", "Texas", "Georgia")
        if line.startswith(f"  {name} ")
    }
    assert told == {
        "Arizona": ["7.5% of precincts"],
        "Florida": ["100.3% of precincts"],
        "Nevada": [],
        "Pennsylvania": ["0% of precincts"],
        "Texas": ["1% of precincts"],
        "Georgia": ["40.1% of precincts"],
    }
    ends = {line.index("% of precincts") for line in text if line[:5] in ("  Ari", "  Flo")}
    assert len(ends) == 1, "figures stand to the right of their column"


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_machines_have_precincts_as_the_last_column(trail: Trail, form: str) -> None:
    text = run(trail, "results", "--format", form)
    row: dict[str, Any]
    if form == "csv":
        row = next(csv.DictReader(io.StringIO(text)))
        assert row["precincts_pct"] == "40.1"
    else:
        row = json.loads(text.splitlines()[0])
        assert row["precincts_pct"] == 40.1
    assert list(row)[-2:] == ["unconfirmed_since", "precincts_pct"]
    assert float(row["expected_vote_pct"]) == 91


# The report, and the page of a change.


@pytest.fixture
def published(trail: Trail) -> Path:
    out = trail.path.parent / "public"
    build(trail.connection, out, raw=False)
    return out


RISE = "precincts reporting 45.2%, was 44%"
FALL = "precincts reporting down to 40.1%, was 45.2%"


def test_the_report_s_page_tells_both_and_the_fall_as_an_alarm(published: Path) -> None:
    page = BeautifulSoup((published / "index.html").read_text("utf-8"), "lxml")
    text = page.get_text(" ", strip=True)
    alarms = [li.get_text(" ", strip=True) for li in page.select(".alarms li")]
    assert [FALL in alarm for alarm in alarms] == [True]
    assert "91% of expected vote in · 40.1% of precincts reporting" in text
    rows = [
        [cell.get_text(" ", strip=True) for cell in tr.find_all(["td", "th"])]
        for tr in page.select("tr[id]")
    ]
    changed = [row for row in rows if any("precincts changed" in cell for cell in row)]
    assert [(row.count("45.2%"), "44%" in row, "40.1%" in row) for row in changed] == [
        (1, False, True),
        (1, True, False),
    ]
    assert ["-5.1 points" in row for row in changed] == [True, False]
    assert ["+1.2 points" in row for row in changed] == [False, True]


def test_the_report_s_markdown_tells_both(published: Path) -> None:
    text = (published / "changes.md").read_text("utf-8").replace("\\", "")
    assert f"- #1 {RISE}\n" in text
    assert f"- #3 **{FALL}**\n" in text
    assert "91% of expected vote in · 40.1% of precincts reporting" in text
    assert FALL in text.partition("## The tallies now")[0]


def test_the_report_s_feed_tells_both(published: Path) -> None:
    feed = etree.parse(published / "changes.atom")
    titles = [entry.findtext(f"{ATOM}title") for entry in feed.iter(f"{ATOM}entry")]
    assert f"{RISE} · President · Georgia" in titles
    assert f"{FALL} · President · Georgia" in titles


@pytest.mark.parametrize("percent", [7.5, None])
def test_the_table_of_many_has_precincts_where_some_are_published(
    tmp_path: Path, percent: float | None
) -> None:
    with opened(tmp_path / "many.db") as trail:
        trail.now = TEN_PM
        codes = ("az", "fl", "nv", "pa", "tx", "ga")
        races = [state(f"us/{code}", two(500, 600), pct=50) for code in codes]
        shows(trail, ELECTORAL, replace(races[0], precincts_pct=percent), *races[1:])
        build(trail.connection, tmp_path / "out", raw=False)
    page = BeautifulSoup((tmp_path / "out" / "index.html").read_text("utf-8"), "lxml")
    (table,) = page.select("details table")
    heads = [th.get_text(strip=True) for th in table.select("thead th")]
    cells = {
        str(tr.th and tr.th.get_text(strip=True)): [td.get_text(strip=True) for td in tr("td")]
        for tr in table.select("tbody tr")
    }
    markdown = (tmp_path / "out" / "changes.md").read_text("utf-8")
    (head,) = [line for line in markdown.splitlines() if line.startswith("| where |")]
    (arizona,) = [line for line in markdown.splitlines() if line.startswith("| Arizona |")]
    (florida,) = [line for line in markdown.splitlines() if line.startswith("| Florida |")]
    assert {len(heads)} == {1 + len(row) for row in cells.values()}
    assert head.count("|") == arizona.count("|") == florida.count("|")
    if percent is None:
        assert "recincts" not in "".join(heads) + head
    else:
        at = heads.index("Precincts reporting")
        assert heads[at - 1] == "Expected vote in"
        assert [cells[name][at - 1] for name in ("Arizona", "Florida")] == ["7.5%", ""]
        assert [cells[name][at - 2] for name in ("Arizona", "Florida")] == ["50%", "50%"]
        assert "| expected vote in | precincts reporting | call |" in head
        assert "| 50% | 7\\.5% |" in arizona
        assert "| 50% |  |" in florida


def test_the_page_of_a_change_has_both_percents_before_and_after(trail: Trail) -> None:
    html = change_page(trail.connection, 3, URLS)
    assert html is not None
    sides = BeautifulSoup(html, "lxml").select(".sides > div")
    shown = [
        {str(tr.th and tr.th.get_text(" ", strip=True)): tr("td")[0].get_text() for tr in rows}
        for rows in (side.select("tbody tr") for side in sides)
    ]
    assert [side["Expected vote in moved"] for side in shown] == ["90%", "91%"]
    assert [side["Precincts reporting moved"] for side in shown] == ["45.2%", "40.1%"]
    other = change_page(trail.connection, 1, URLS)
    assert other is not None
    moved = [tr.th and tr.th.get_text(" ", strip=True) for tr in _moved(other)]
    assert moved == ["Precincts reporting moved"] * 2


def _moved(html: str) -> Any:
    return BeautifulSoup(html, "lxml").select("tr.moved")


def test_the_page_of_a_change_has_no_line_of_precincts_where_there_are_none(
    tmp_path: Path,
) -> None:
    with opened(tmp_path / "none.db") as trail:
        trail.now = TEN_PM
        shows(trail, ELECTORAL, georgia(0, 90, None))
        shows(trail, ELECTORAL, georgia(1, 91, None))
        html = change_page(trail.connection, 1, URLS)
    assert html is not None
    assert "Expected vote in" in html
    assert "recincts" not in html


# One page that is checked.


@pytest.mark.parametrize("address", ["feed", "story"])
@pytest.mark.parametrize("precincts", [0.0, 45.2, None])
def test_check_says_what_is_read(tmp_path: Path, address: str, precincts: float | None) -> None:
    path = tmp_path / "tallytrail.toml"
    path.write_text(
        'contact = "desk@example.com"\n[[source]]\nid = "abc"\noutlet = "ABC News"\n'
        'parser = "abc"\nelection_date = 2024-11-05\n'
        'pages = ["https://abcnews.go.com/US/s/story?id=1"]\n',
        "utf-8",
    )
    (source,) = read_configuration(path).sources
    url = ELECTORAL if address == "feed" else source.pages[0].url
    snapshot = Snapshot(races=(georgia(0, 90, precincts),))
    with patch("crawler.checking.snapshot_of", return_value=snapshot):
        told, good = checked(Page(url=url, body=b"<html></html>"), source)
    assert good
    text = "\n".join(told)
    assert "90% of the expected vote" in text
    assert ("of precincts reporting" in text) == (precincts is not None)
    if precincts is not None:
        assert f"{precincts:g}% of precincts reporting" in text
