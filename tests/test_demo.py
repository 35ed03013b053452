"""`tallytrail demo`, the installed command: what a newcomer sees first."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import site as web
from tests.site import Done, told

OWN = {"tallytrail.toml": "# mine\n", "tallytrail.db": "my own database\n"}

#: What ABC's banner showed at the three looks, and what of it moved: issued figures, typed here.
RESULTS_AT_THE_SECOND_LOOK = {
    ("votes_increased", "harris", "votes", 67_410_748, 71_900_392, 4_489_644),
    ("votes_increased", "trump", "votes", 72_191_978, 75_068_566, 2_876_588),
    ("electoral_votes_changed", "harris", "electoral_votes", 223, 226, 3),
    ("electoral_votes_changed", "trump", "electoral_votes", 294, 312, 18),
    ("expected_vote_changed", None, "expected_vote_pct", 90, 95, 5),
}
RESULTS_AT_THE_THIRD_LOOK = {
    ("votes_increased", "harris", "votes", 71_900_392, 72_168_538, 268_146),
    ("votes_increased", "trump", "votes", 75_068_566, 75_337_035, 268_469),
    ("expected_vote_changed", None, "expected_vote_pct", 95, 96, 1),
}


@dataclass
class Demo:
    """A folder in which somebody works already, and the demo run there twice."""

    folder: Path
    first: Done
    second: Done
    seconds: float
    rows: list[dict[str, Any]]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("newcomer")
    for name, text in OWN.items():
        (folder / name).write_text(text, "utf-8")
    began = time.monotonic()
    first = web.run([web.TALLYTRAIL, "demo"], folder)
    seconds = time.monotonic() - began
    second = web.run([web.TALLYTRAIL, "demo"], folder)
    database = "tallytrail-demo/tallytrail.db"
    log = web.run([web.TALLYTRAIL, "changes", "--format", "jsonl", "--db", database], folder).stdout
    return Demo(folder, first, second, seconds, [json.loads(line) for line in log.splitlines()])


def values(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return told(rows, "kind", "candidate", "field", "old", "new", "delta")


def test_the_demo_works_in_less_than_ten_seconds(demo: Demo) -> None:
    assert demo.first.returncode == 0, demo.first.stderr
    assert demo.seconds < 10


def test_the_log_has_5_results_changes_at_the_second_look_and_3_at_the_third(demo: Demo) -> None:
    by_look = {
        fetch: values([row for row in demo.rows if row["race"] and row["fetch"] == fetch])
        for fetch in (1, 2, 3)
    }
    assert [len(by_look[fetch]) for fetch in (1, 2, 3)] == [0, 5, 3]
    assert set(by_look[2]) == RESULTS_AT_THE_SECOND_LOOK
    assert set(by_look[3]) == RESULTS_AT_THE_THIRD_LOOK
    assert {(row["race"], row["place"]) for row in demo.rows if row["race"]} == {
        ("president", "us")
    }


def test_each_change_names_the_look_before_and_the_outlets_own_time(demo: Demo) -> None:
    results = [row for row in demo.rows if row["race"]]
    assert {(r["fetch_before"], r["fetch"], r["source_updated_at"]) for r in results} == {
        (1, 2, "2024-11-12T23:00:00.000Z"),
        (2, 3, "2024-11-13T00:40:00.000Z"),
    }
    assert all(row["sha256_before"] != row["sha256"] for row in demo.rows)


def test_besides_the_results_the_log_has_the_storys_typed_edits_and_nothing_else(
    demo: Demo,
) -> None:
    edits = [row for row in demo.rows if not row["race"]]
    assert len(demo.rows) == 8 + len(edits)
    assert sorted(row["kind"] for row in edits) == [
        "body_changed",
        "headline_changed",
        "modified_time_changed",
    ]
    assert {(row["fetch_before"], row["fetch"], row["candidate"]) for row in edits} == {
        (2, 3, None)
    }
    by_kind = {row["kind"]: row for row in edits}
    assert by_kind["headline_changed"]["old"] == "Why the count goes on a week after Election Day"
    assert "totals can fall" in by_kind["headline_changed"]["new"]
    assert "A total can also go down" in by_kind["body_changed"]["new"]
    assert "A total can also go down" not in by_kind["body_changed"]["old"]
    assert by_kind["modified_time_changed"]["new"] == "2024-11-13T00:31:00.000Z"
    assert [row["id"] for row in demo.rows] == list(range(1, len(demo.rows) + 1))


def test_the_text_shows_the_same_changes_once_each(demo: Demo) -> None:
    text, _, tallies = demo.first.stdout.partition("The tallies now")
    for figures in (
        ("Harris", "71,900,392", "+4,489,644", "226 EV", "was 223"),
        ("Trump", "75,068,566", "+2,876,588", "312 EV", "was 294"),
        ("Harris", "72,168,538", "+268,146", "226 EV"),
        ("Trump", "75,337,035", "+268,469", "312 EV"),
    ):
        (line,) = [line for line in text.splitlines() if figures[1] in line]
        assert re.search(".*".join(map(re.escape, figures)), line)
    assert "95% of expected vote in, was 90%" in text
    assert "96% of expected vote in, was 95%" in text
    assert '"Why the vote count goes on, and why totals can fall"' in text
    assert "12 Nov 2024 6:00 PM EST" in text
    assert "12 Nov 2024 7:40 PM EST" in text
    assert re.search(r"Coverage: 3 looks at 1 page\b.*\b0 refused, 0 failed", text)
    assert sorted(map(int, re.findall(r"#(\d+)\b", text))) == [row["id"] for row in demo.rows]
    assert re.search(r"Trump +75,337,035 .*\n +Harris +72,168,538 ", tallies)
    assert "3,168,497" in tallies


def test_the_demo_ends_with_commands_that_work(demo: Demo) -> None:
    _, _, after = demo.first.stdout.partition("Try next:")
    commands = re.findall(r"^  (tallytrail changes .*?)(?:   .*)?$", after, re.MULTILINE)
    assert len(commands) >= 2
    for command in commands:
        done = web.run([web.TALLYTRAIL, *command.split()[1:]], demo.folder)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout


def test_the_demo_may_be_run_again_and_shows_the_same(demo: Demo) -> None:
    def told_by(text: str) -> list[str]:
        return [
            re.sub(r"[(]seen .*?[)]|[(]last .*?[)]|^Coverage.*", "", t) for t in text.split("\n")
        ]

    assert demo.second.returncode == 0, demo.second.stderr
    assert told_by(demo.second.stdout) == told_by(demo.first.stdout)


def test_the_demo_stays_in_its_own_folder(demo: Demo) -> None:
    assert {p.name for p in demo.folder.iterdir()} == {*OWN, "tallytrail-demo"}
    assert {name: (demo.folder / name).read_text("utf-8") for name in OWN} == OWN


@pytest.mark.parametrize("name", ["notes.txt", "tallytrail.toml", "tallytrail.db"])
def test_the_demo_refuses_a_folder_with_other_files(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / name).write_text("mine", "utf-8")
    done = web.run([web.TALLYTRAIL, "demo", "--dir", folder], tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert str(folder) in line
    assert "--dir" in line
    assert [(p.name, p.read_text("utf-8")) for p in folder.iterdir()] == [(name, "mine")]
