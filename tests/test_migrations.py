"""A database that is up to date is opened without what would bring it up to date."""

from __future__ import annotations

import hashlib
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlite_utils import Database

from storage.database import (
    MIGRATIONS,
    SCHEMA,
    DatabaseError,
    open_for_reading,
    open_for_writing,
)
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


def test_a_file_with_the_tables_of_another_version_is_told_and_never_written(
    tmp_path: Path,
) -> None:
    path = tmp_path / "t.db"
    open_for_writing(path).close()
    plain = sqlite3.connect(path)
    plain.execute("PRAGMA user_version = 1")
    plain.close()
    before = path.read_bytes()
    for opened in (open_for_writing, open_for_reading):
        with pytest.raises(DatabaseError, match="made by another version") as caught:
            opened(path)
        assert str(path) in str(caught.value)
    assert path.read_bytes() == before


def test_whoever_changes_the_tables_raises_their_number(tmp_path: Path) -> None:
    """Then this digest and `storage.database.SCHEMA` go with each other."""
    connection = open_for_writing(tmp_path / "t.db")
    rows = connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
    text = "\n".join(row["sql"] for row in rows)
    connection.close()
    assert (SCHEMA, hashlib.sha256(text.encode()).hexdigest()[:12]) == (4, "b428ca3dd092")
