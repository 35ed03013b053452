"""Histories that others recorded, by fifteen lines of declaration: the log equals one worked out
apart, row for row."""

from __future__ import annotations

import json
import subprocess
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.desk import BIN, ROOT

DATA = ROOT.parent / "shared" / "data"
EXAMPLES = ROOT / "docs" / "examples"

pytestmark = [pytest.mark.data, pytest.mark.timeout(600)]

#: kind, race, candidate, field, old, new, the outlet's time
Row = tuple[str, str, str | None, str, object, object, str | None]


@dataclass
class Shown:
    """One race as one capture shows it."""

    race: str
    updated: datetime
    votes: dict[str, int]
    percents: dict[str, float | None] = field(default_factory=dict)
    called: str | None = None


def text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def worked_out(captures: Iterator[list[Shown]]) -> list[tuple[int, Row]]:
    """The log that these captures, one look each, must give. An older copy says nothing."""
    rows: list[tuple[int, Row]] = []
    stands: dict[str, Shown] = {}
    for look, shown in enumerate(captures, start=1):
        for now in shown:
            before = stands.get(now.race)
            if before is not None and now.updated < before.updated:
                continue
            stands[now.race] = now
            if before is not None:
                rows += [(look, row) for row in moved(before, now)]
    return sorted(rows, key=repr)


def moved(before: Shown, now: Shown) -> Iterator[Row]:
    def row(kind: str, who: str | None, name: str, old: object, new: object) -> Row:
        return (kind, now.race, who, name, old, new, text(now.updated))

    if before.called is None and now.called is not None:
        yield row("projection_made", now.called, "projection", None, now.called)
    elif before.called is not None and now.called is None:
        yield row("projection_retracted", before.called, "projection", before.called, None)
    elif before.called != now.called:
        yield row("projection_changed", now.called, "projection", before.called, now.called)
    assert before.votes.keys() == now.votes.keys(), "nobody joins or leaves these races"
    for who, votes in now.votes.items():
        old = before.votes[who]
        if votes != old:
            kind = "votes_increased" if votes > old else "votes_decreased"
            yield row(kind, who, "votes", old, votes)
    for name, kind in (
        ("expected_vote_pct", "expected_vote_changed"),
        ("precincts", "precincts_changed"),
    ):
        if before.percents.get(name) != now.percents.get(name):
            yield row(kind, None, name, before.percents.get(name), now.percents.get(name))


class Imported:
    """What the command made of a history."""

    def __init__(self, folder: Path, path: Path, example: str) -> None:
        self.database = folder / "t.db"
        self.words = [
            "--config", str(EXAMPLES / f"{example}.toml"), "--db", str(self.database),
        ]  # fmt: skip
        self.path, self.source = path, example
        self.told = self.again()

    def again(self) -> subprocess.CompletedProcess[str]:
        words = ["import", str(self.path), "--source", self.source, *self.words]
        return subprocess.run(
            [BIN / "tallytrail", *words], capture_output=True, text=True, check=False
        )

    def changes(self) -> list[dict[str, Any]]:
        words = ["changes", "--format", "jsonl", "--db", str(self.database)]
        done = subprocess.run(
            [BIN / "tallytrail", *words], capture_output=True, text=True, check=True
        )
        return [json.loads(line) for line in done.stdout.splitlines()]

    def log(self) -> list[tuple[int, Row]]:
        names = ("kind", "race", "candidate", "field", "old", "new", "source_updated_at")
        found = [(r["fetch"], tuple(r[name] for name in names)) for r in self.changes()]
        return sorted(found, key=repr)


@pytest.fixture(scope="module")
def ap(tmp_path_factory: pytest.TempPathFactory) -> Imported:
    return Imported(tmp_path_factory.mktemp("ap"), DATA / "ap-2022-raw.bundle", "ap-2022")


@pytest.fixture(scope="module")
def california(tmp_path_factory: pytest.TempPathFactory) -> Imported:
    folder = tmp_path_factory.mktemp("california")
    return Imported(folder, DATA / "california-2022-raw.tar.xz", "california-2022")


@pytest.mark.parametrize("example", ["ap-2022", "california-2022"])
def test_an_example_has_at_most_fifteen_lines(example: str) -> None:
    assert len((EXAMPLES / f"{example}.toml").read_text().splitlines()) <= 15


OFFICES = {
    "20221108AK2010": "governor/ak",
    "20221108CA6123": "governor/ca",
    "20221108AZ3002": "senate/az",
    "20221108NV30323": "senate/nv",
    "20221108PA39002": "senate/pa",
    "20221108WI50885": "senate/wi",
}


def ap_versions(folder: Path) -> Iterator[list[Shown]]:
    """Every version of the six files, as git has them."""
    subprocess.run(["git", "clone", "-q", DATA / "ap-2022-raw.bundle", folder], check=True)
    log = subprocess.run(
        ["git", "log", "--reverse", "--format=commit %H", "--name-only"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    wanted, commit = [], ""
    for line in log.splitlines():
        if line.startswith("commit "):
            commit = line.split()[1]
        elif line:
            wanted.append(f"{commit}:{line}")
    blobs = subprocess.run(
        ["git", "cat-file", "--batch"],
        cwd=folder,
        input="\n".join(wanted).encode(),
        capture_output=True,
        check=True,
    ).stdout
    at = 0
    for _ in wanted:
        head, _, _ = blobs[at : at + 200].partition(b"\n")
        size = int(head.split()[2])
        start = at + len(head) + 1
        yield [ap_race(json.loads(blobs[start : start + size]))]
        at = start + size + 1


def ap_race(facts: dict[str, Any]) -> Shown:
    marks = {c["candidateID"]: c.get("winner") for c in facts["candidates"]}
    called = [who for who, mark in marks.items() if mark == "X"]
    return Shown(
        race=OFFICES[facts["raceID"]],
        updated=datetime.fromisoformat(facts["lastUpdated"]),
        votes={c["candidateID"]: c["voteCount"] for c in facts["candidates"]},
        percents={
            "expected_vote_pct": facts["eevp"],
            "precincts": facts["precinctsReportingPct"],
        },
        called=called[0] if called else None,
    )


def test_the_log_of_ap_s_history_is_the_one_worked_out_apart(ap: Imported, tmp_path: Path) -> None:
    expected = worked_out(ap_versions(tmp_path / "ap"))
    assert ap.log() == expected
    kinds = Counter(row[0] for _, row in expected)
    assert kinds["votes_decreased"] > 20
    assert kinds["projection_made"] == 6
    assert kinds["precincts_changed"] > 100


def test_an_import_again_changes_nothing(ap: Imported) -> None:
    before = ap.database.read_bytes()
    assert ap.again().returncode == ap.told.returncode
    assert ap.database.read_bytes() == before


def test_read_anew_it_is_the_same(ap: Imported, tmp_path: Path) -> None:
    words = ["reparse", "--out", str(tmp_path / "anew.db"), *ap.words]
    done = subprocess.run([BIN / "tallytrail", *words], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1:] == [
        f"{len(ap.changes()):,} changes are in both readings: what the world did",
        "0 in the earlier one only, 0 in today's only: what our reading changed",
    ]


def captures_of_california() -> Iterator[list[Shown]]:
    """Every capture of the tar, in the order of the times by which they are named."""
    found = []
    with tarfile.open(DATA / "california-2022-raw.tar.xz") as tar:
        for member in tar:
            if member.isfile():
                file = tar.extractfile(member)
                assert file is not None
                name = Path(member.name)
                found.append((datetime.fromisoformat(name.stem), name.parent.name, file.read()))
    for _, office, body in sorted(found):
        facts = json.loads(body)
        if office == "ballot-measures":
            yield []
        elif office == "us-rep":
            yield [
                of_california(race, "house/ca-" + slug(race["raceTitle"]))
                for race in facts["races"]
            ]
        else:
            race = {"governor": "governor/ca", "us-senate": "senate/ca"}.get(
                office, "senate/ca-special"
            )
            yield [of_california(facts, race)]


def slug(title: str) -> str:
    words = "".join(c if c.isalnum() else " " for c in title.lower()).split()
    return "-".join(words)


def of_california(facts: dict[str, Any], race: str) -> Shown:
    plain = facts["ReportingTime"].replace("a.m.", "AM").replace("p.m.", "PM")
    moment = datetime.strptime(plain, "%B %d, %Y, %I:%M %p")  # noqa: DTZ007 - Pacific, below
    return Shown(
        race=race,
        updated=moment.replace(tzinfo=ZoneInfo("America/Los_Angeles")),
        votes={c["Name"].lower(): int(c["Votes"].replace(",", "")) for c in facts["candidates"]},
    )


def test_the_log_of_california_s_captures_is_the_one_worked_out_apart(california: Imported) -> None:
    assert california.log() == worked_out(captures_of_california())


def test_162_captures_of_a_governor_are_twelve_contents(california: Imported) -> None:
    rows = [r for r in california.changes() if r["race"] == "governor/ca"]
    assert len({r["fetch"] for r in rows}) == 11  # after the first
    assert {r["kind"] for r in rows} == {"votes_increased"}


def test_no_count_falls_after_the_night_and_both_contests_of_the_same_two_are_apart(
    california: Imported,
) -> None:
    rows = california.changes()
    assert not [r for r in rows if r["kind"] == "votes_decreased"]
    of_padilla = {
        race: [r["new"] for r in rows if r["race"] == race and r["candidate"] == "alex padilla"]
        for race in ("senate/ca", "senate/ca-special")
    }
    assert of_padilla["senate/ca"][-1] == 6_606_586
    assert of_padilla["senate/ca-special"][-1] == 6_544_329


def test_what_no_declaration_fits_is_told_and_the_rest_goes_on(california: Imported) -> None:
    assert california.told.returncode == 1
    assert "'ballot-measures' is not in its lookup" in california.told.stderr
