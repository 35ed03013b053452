"""A git history of a declared feed: what a table of current rows would lose stands in the log."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.desk import BIN

NIGHT = datetime(2026, 11, 4, 1, tzinfo=UTC)
CONFIGURATION = """contact = "desk@example.com"
[[source]]
id = "county"
outlet = "A County"
parser = "declared"
election_date = 2026-11-03
[source.reads]
races = "contests"
office = "office"
state = { is = "FL" }
expected_vote_pct = "expected"
candidates = "people"
candidate = { id = "id", name = "name", votes = "votes" }
"""


def contest(office: str, people: Mapping[str, int | None], **more: Any) -> dict[str, Any]:
    listed = [{"id": name[0], "name": name, "votes": votes} for name, votes in people.items()]
    return {"office": office, "people": listed, **more}


def imported(folder: Path, versions: Sequence[bytes]) -> tuple[list[dict[str, Any]], str]:
    """The log after an import of these versions, ten minutes apart, and what was said."""
    repository = folder / "scraped"
    repository.mkdir()
    git = ["git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    for number, body in enumerate(versions):
        (repository / "results.json").write_bytes(body)
        moment = (NIGHT + timedelta(minutes=10 * number)).isoformat()
        times = {"GIT_COMMITTER_DATE": moment, "GIT_AUTHOR_DATE": moment}
        subprocess.run([*git, "add", "-A"], check=True)
        subprocess.run(
            [*git, "commit", "-q", "--allow-empty", "-m", "look"],
            env={**os.environ, **times},
            check=True,
        )
    (folder / "t.toml").write_text(CONFIGURATION)
    words: list[str | Path] = ["--config", folder / "t.toml", "--db", folder / "t.db"]
    told = subprocess.run(
        [BIN / "tallytrail", "import", repository, "--source", "county", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in told.stderr
    done = subprocess.run(
        [BIN / "tallytrail", "changes", "--format", "jsonl", "--db", folder / "t.db"],
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()], told.stderr


def document(*contests: dict[str, Any]) -> bytes:
    return json.dumps({"contests": contests}).encode()


def test_removals_and_values_that_were_not_published_are_recorded(tmp_path: Path) -> None:
    rows, said = imported(
        tmp_path,
        [
            document(contest("governor", {"Ana": 100, "Bo": None, "Cy": 5})),
            document(contest("governor", {"Ana": 100, "Bo": 7, "Cy": 5})),
            document(contest("governor", {"Ana": 120, "Bo": 7})),
        ],
    )
    assert said == ""
    assert [(r["kind"], r["candidate_name"], r["old"], r["new"], r["delta"]) for r in rows] == [
        ("votes_increased", "Bo", None, 7, None),
        ("candidate_removed", "Cy", "C", None, None),
        ("votes_increased", "Ana", 100, 120, 20),
    ]
    assert [r["seen_at"] for r in rows] == [
        "2026-11-04T01:10:00.000Z",
        "2026-11-04T01:20:00.000Z",
        "2026-11-04T01:20:00.000Z",
    ]


def test_a_path_that_stops_matching_in_mid_history_is_told_and_the_rest_goes_on(
    tmp_path: Path,
) -> None:
    ana = {"Ana": 100, "Bo": 90}
    good = document(contest("governor", ana), contest("treasurer", ana))
    rows, said = imported(
        tmp_path,
        [
            good,
            good.replace(b'"votes"', b'"total"'),
            document(contest("governor", {"Ana": 101, "Bo": 90}), {"office": "treasurer"}),
            document(
                contest("governor", {"Ana": 102, "Bo": 90}),
                contest("treasurer", {"Ana": 103, "Bo": 90}),
            ),
        ],
    )
    assert [(r["race"], r["old"], r["new"], r["seen_after"][11:16]) for r in rows] == [
        ("governor/fl", 100, 101, "01:00"),
        ("governor/fl", 101, 102, "01:20"),
        ("treasurer/fl", 100, 103, "01:00"),
    ]
    lines = said.splitlines()
    assert len(lines) == 2
    assert "candidate.votes: 'votes' finds nothing in 4 candidates" in lines[0]
    assert "treasurer/fl us/fl" in lines[1]
    assert (
        "candidates: 'people' finds no list: None; refused, its bytes are kept as fetch 3"
        in lines[1]
    )


def test_an_id_that_repeats_refuses_its_race_alone(tmp_path: Path) -> None:
    ana = {"Ana": 100, "Bo": 90}
    twice = contest("treasurer", {"Ana": 100, "Ada": 90})
    rows, said = imported(
        tmp_path,
        [
            document(contest("governor", ana), contest("treasurer", ana)),
            document(contest("governor", {"Ana": 101, "Bo": 90}), twice),
        ],
    )
    assert [(r["race"], r["new"]) for r in rows] == [("governor/fl", 101)]
    (line,) = said.splitlines()
    assert "treasurer/fl us/fl" in line
    assert "races[1]" in line
    assert "'A'" in line


def test_what_else_a_repository_holds_is_no_look(tmp_path: Path) -> None:
    repository = tmp_path / "scraped"
    (repository / "2026").mkdir(parents=True)
    git = ["git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    (repository / "README.md").write_text("We scrape.")
    (repository / "2026" / "results.json").write_bytes(document(contest("governor", {"Ana": 1})))
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "look"], check=True)
    (tmp_path / "t.toml").write_text(CONFIGURATION)
    words = ["--source", "county", "--config", tmp_path / "t.toml", "--db", tmp_path / "t.db"]
    told = subprocess.run(
        [BIN / "tallytrail", "import", repository, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    assert "README.md" in told.stderr
    assert "left out: 1" in told.stderr
