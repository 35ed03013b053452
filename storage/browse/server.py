"""Datasette over a database of ours: its configuration, and how it is started."""

from __future__ import annotations

import json
import re
import shlex
import socket
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

METADATA = Path(__file__).with_name("metadata.yaml")

#: Datasette's settings, fit for a public instance; each with its default.
SETTINGS: Mapping[str, str] = {
    "sql_time_limit_ms": "1000",  # 1000, said again: anybody may ask any question
    "facet_time_limit_ms": "1000",  # 200: the kinds of a million changes take half a second
    "max_returned_rows": "1000",  # 1000, said again
    "allow_download": "off",  # on: gives the whole file away, while it is written to
    "max_csv_mb": "20",  # 100
    "suggest_facets": "off",  # on: looks through a million rows for each column of each page
    "truncate_cells_html": "50000",  # 2048: a story's text is what is asked for
    "default_cache_ttl": "0",  # 5: a page that is seconds old says "no change" on election night
}

#: What Datasette finds in the folder of plugins: our hooks, from the package that is installed.
PLUGIN = """\
\"\"\"TallyTrail's pages in Datasette; needs TallyTrail in the same environment.\"\"\"

from storage.browse.hooks import *  # noqa: F403 - Datasette looks for the hooks by name
"""


def metadata(database: str) -> dict[str, Any]:
    """Datasette's metadata, for a database that it calls by this name."""
    import yaml

    parts = yaml.safe_load(METADATA.read_text("utf-8"))
    queries = {name: {**query, "hide_sql": True} for name, query in parts["queries"].items()}
    tables = {**parts["tables"], "_sqlite_migrations": {"hidden": True}}
    return {
        "title": "TallyTrail",
        "description": parts["description"],
        "databases": {database: {"tables": tables, "queries": queries}},
    }


def cannot_serve(database: Path) -> str | None:
    """Why Datasette cannot open the file, and the remedy; None when it can."""
    if re.search("[#?%]", str(database)) or database.name.startswith("_"):
        return (
            'Datasette opens no file with "#", "?" or "%" in its path or "_" before its name;'
            " rename it, or give it another name with a link"
        )
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            connection.execute("SELECT 1 FROM sqlite_schema")
    except sqlite3.OperationalError as error:
        return f"{error}; its folder must be one that you may write in, or serve a copy of it"
    return None


def write_configuration(folder: Path, database: Path) -> None:
    """Write what Datasette needs into the folder: metadata.json and plugins/tallytrail.py.

    Raises OSError when the folder cannot be written.
    """
    plugins = folder / "plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    document = json.dumps(metadata(database.stem), indent=1, ensure_ascii=False)
    (folder / "metadata.json").write_text(f"{document}\n", "utf-8")
    (plugins / "tallytrail.py").write_text(PLUGIN, "utf-8")


def arguments(folder: Path, database: Path) -> list[str]:
    """The words after `datasette serve` that serve the database with a folder's configuration."""
    settings = [word for pair in SETTINGS.items() for word in ("--setting", *pair)]
    configuration = ["--metadata", str(folder / "metadata.json")]
    return [str(database), *configuration, "--plugins-dir", str(folder / "plugins"), *settings]


def command_line(folder: Path, database: Path) -> str:
    """What `tallytrail serve` does, as a command for those who run Datasette themselves."""
    return shlex.join(["datasette", "serve", *arguments(folder.absolute(), database.absolute())])


def serve(folder: Path, database: Path, *, port: int, open_browser: bool) -> None:
    """Serve the live file on loopback until a signal ends it.

    Datasette opens it read-only and never as immutable: then it would not see what is written.
    """
    from datasette.cli import cli

    words = ["serve", *arguments(folder, database), "--host", "127.0.0.1", "--port", str(port)]
    cli.main(
        [*words, *(["--open"] if open_browser else [])],
        prog_name="tallytrail serve",
        standalone_mode=False,
    )


def is_free(port: int) -> bool:
    """Whether nobody listens on this port of ours."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
