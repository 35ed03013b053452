"""A database that is up to date is opened without what would bring it up to date."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sqlite_utils import Database

from storage.database import MIGRATIONS
from storage.schema import migrations

OPENS = """
import sys
from pathlib import Path
from storage.database import open_for_writing
open_for_writing(Path(sys.argv[1])).close()
print("sqlite_utils" in sys.modules)
"""


def test_the_names_are_those_of_the_schema() -> None:
    assert tuple(m.name for m in migrations.pending(Database(memory=True))) == MIGRATIONS


def test_sqlite_utils_is_loaded_to_make_a_database_and_not_to_open_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPENS, str(tmp_path / "t.db")]
    said = [
        subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        for _ in range(2)
    ]
    assert said == ["True", "False"]
