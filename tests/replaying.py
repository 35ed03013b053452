"""A site that shows one version of its files after the other, and crawls of it.

The moment at which each version appears is noted by the site itself.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from tests.desk import ROOT, Answer, Desk, Site

MAPS = "/elections/national/v1/maps"

#: file, race, place, candidate, field, old, new, delta, the outlet's time
Row = tuple[str, str, str, str | None, str, object, object, object, str | None]


class Replay:
    """Versions of a site's files. Each look at the file of a version is shown that version.

    files: their names below MAPS. versions: the file of each, and what makes its body.
    """

    def __init__(
        self,
        desk: Desk,
        site: Site,
        election: str,
        files: Sequence[str],
        versions: Sequence[tuple[str, Callable[[], bytes]]],
    ) -> None:
        self.desk, self.site = desk, site
        self.files, self.versions = files, versions
        self.appeared: list[datetime] = []
        self._luck = random.Random(7)
        self._appear()
        for file in files:
            site.answers[f"{MAPS}/{file}"] = self._show
        pages = [f"{site.url}{MAPS}/{file}" for file in files]
        (desk.folder / "tallytrail.toml").write_text(
            f'contact = "desk@example.com"\ndelay = 0\n[[source]]\nid = "abc"\n'
            f'outlet = "ABC News"\nparser = "abc"\nelection_date = {election}\n'
            f"pages = {json.dumps(pages)}\n",
            "utf-8",
        )
        self._shown = 0

    def _appear(self) -> None:
        self.appeared.append(datetime.now(UTC))

    def _show(self, _: dict[str, str]) -> Answer:
        number = self._shown
        self._shown += 1
        if number == len(self.appeared):
            self._appear()  # the version appears while the request is on its way
        body = self.versions[number][1]()
        if self._luck.random() < 0.5 and number + 1 < len(self.versions):
            self._appear()  # the next one appears while this answer is on its way
        return 200, {"Content-Type": "application/json"}, body

    def in_one_process(self, seconds: float) -> None:
        """One crawler looks at all versions."""
        order = self.desk.folder / "order.json"
        order.write_text(json.dumps([self.files.index(file) for file, _ in self.versions]))
        done = subprocess.run(
            [sys.executable, "-m", "tests.replay_spider", str(order)],
            cwd=self.desk.folder,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        self.said = done.stderr
        assert "Traceback" not in done.stderr, done.stderr[-2000:]
        assert self._shown == len(self.versions), done.stderr[-2000:]

    def in_many_processes(self) -> None:
        """The real command looks at each version."""
        self.said = ""
        for _ in self.versions:
            done = self.desk.run("crawl")
            assert "Traceback" not in done.stderr
            self.said += done.stderr

    def log(self) -> list[tuple[int, Row]]:
        """The log, with the number of the version that brought each row."""
        return sorted(
            (
                (
                    row["fetch"] - 1,
                    (
                        row["kind"],
                        row["race"],
                        row["place"],
                        row["candidate"],
                        row["field"],
                        row["old"],
                        row["new"],
                        row["delta"],
                        row["source_updated_at"],
                    ),
                )
                for row in self.rows()
            ),
            key=repr,
        )

    def rows(self) -> list[dict[str, Any]]:
        """The log as the command gives it."""
        return self.desk.rows("--counties")

    def check_moments(self) -> None:
        """Each version appeared between the last look without it and the first with it."""
        for row in self.rows():
            appeared = self.appeared[row["fetch"] - 1]
            moment = appeared.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            assert row["seen_after"] <= moment <= row["seen_at"], row


class Expected:
    """The log as it must be, worked out from the facts alone."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, Row]] = []
        self._state: dict[tuple[str, str], dict[Any, object]] = {}

    def show(
        self,
        version: int,
        race: str,
        place: str,
        updated: str,
        votes: dict[str, int],
        pct: float,
        calls: frozenset[str] = frozenset(),
    ) -> None:
        """The version shows this. A race that is new after the first version is `race_added`."""

        def row(kind: str, who: str | None, field: str, old: object, new: object) -> None:
            delta = None
            if isinstance(old, int | float) and isinstance(new, int | float):
                delta = round(new - old, 6)
            told = (kind, race, place, who, field, old, new, delta, updated)
            self.rows.append((version, told))

        before = self._state.get((race, place))
        now: dict[Any, object] = {("votes", who): number for who, number in votes.items()}
        now |= {"pct": pct, "calls": calls}
        self._state[race, place] = now
        if before is None:
            if version:
                row("race_added", None, "set", None, race)
            return
        for who in sorted(key[1] for key in before if isinstance(key, tuple)):
            if who not in votes:
                row("candidate_removed", who, "set", who, None)
        for who, number in votes.items():
            old = before.get(("votes", who))
            if old is None:
                row("candidate_added", who, "set", None, who)
            elif isinstance(old, int) and old != number:
                kind = "votes_increased" if number > old else "votes_decreased"
                row(kind, who, "votes", old, number)
        if before["pct"] != pct:
            row("expected_vote_changed", None, "expected_vote_pct", before["pct"], pct)
        was = before["calls"]
        assert isinstance(was, frozenset)
        if len(was) == 1 and len(calls) == 1 and was != calls:
            (old_call,), (new_call,) = was, calls
            row("projection_changed", new_call, "projection", old_call, new_call)
            return
        for who in calls - was:
            row("projection_made", who, "projection", None, who)
        for who in was - calls:
            row("projection_retracted", who, "projection", who, None)

    def log(self) -> list[tuple[int, Row]]:
        """The rows in the order of `Replay.log`."""
        return sorted(self.rows, key=repr)
