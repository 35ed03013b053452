"""sqlite-utils' upsert_all into a table that sqlite-history watches with triggers.

It keeps neither bodies nor looks, and stamps rows with the clock of the machine.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from tests.bench.tape import Shot


def rows(body: bytes) -> list[dict[str, Any]]:
    """One row for each candidate in each state; the same as git_history.CONVERT gives."""
    return [
        {
            "state": state["abbreviation"],
            "candidate": who["id"],
            "name": who["displayName"],
            "votes": who["statistics"]["votes"]["value"],
            "electors": who["statistics"]["electoralVotes"]["value"],
            "winner": who["winner"],
            "expected": state["reporting"]["value"],
            "updated": state["lastUpdated"]["value"],
        }
        for state in json.loads(body)["states"]
        for who in state["candidates"]
    ]


class Upserts:
    """A table of the last state, and what sqlite-history makes of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = Database(path)
        self.watched = False

    def take(self, shot: Shot) -> int:
        self.database.table("tally").upsert_all(rows(shot.body), pk=("state", "candidate"))
        if not self.watched:  # there must be a table before it can be watched
            command = [sys.executable, "-m", "sqlite_history", str(self.path), "tally"]
            subprocess.run(command, check=True)
            self.watched = True
        return 0

    def close(self) -> None:
        self.database.close()


opened = Upserts
