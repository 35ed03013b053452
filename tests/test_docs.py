"""What the documents list is what there is."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

from crawler.cli import EXIT_CODES, main
from crawler.sources import read_configuration
from storage.queries import COLUMNS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
DESIGN = (ROOT / "docs" / "design.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def without_looks(text: str) -> list[str]:
    """The lines without our own clock, which is another one at every run."""
    return [re.sub(r"\(seen [^)]*\)", "(seen)", line) for line in text.splitlines() if line]


def test_the_excerpt_of_the_log_is_what_the_demo_prints(tmp_path: Path) -> None:
    tallytrail = Path(sys.executable).parent / "tallytrail"
    printed = subprocess.run(
        [tallytrail, "demo", "--dir", tmp_path / "demo"], capture_output=True, text=True, check=True
    ).stdout
    (excerpt,) = blocks("text")
    lines = without_looks(excerpt)
    shown = without_looks(printed)
    start = shown.index(lines[0])
    assert shown[start : start + len(lines)] == lines


@pytest.mark.parametrize(
    "line", [line for block in blocks("sh") for line in block.splitlines() if "tallytrail" in line]
)
def test_commands_and_options_of_the_readme_exist(line: str) -> None:
    words = line.partition("#")[0].split()
    command = main.commands[words[1]]
    known = {name for param in command.params for name in param.opts}
    assert {word for word in words if word.startswith("--")} <= known


def test_options_in_the_prose_exist() -> None:
    known = {n for c in main.commands.values() for p in c.params for n in p.opts} | {"--help"}
    assert set(re.findall(r"`[^`]*?(--[a-z]+)", README)) <= known


def test_every_command_has_an_example_and_stands_in_the_readme() -> None:
    for name, command in main.commands.items():
        context = click.Context(command, info_name=name)
        assert f"tallytrail {name}" in command.get_help(context).partition("Example:")[2]
        assert re.search(rf"(tallytrail|make) {name}\b", README)


def test_exit_codes_are_the_same_in_readme_and_help() -> None:
    table = dict(re.findall(r"^\| ([0-9, ]+) \| (.*) \|$", README, re.MULTILINE))
    listed = dict(re.findall(r"^  ([0-9, ]*[0-9]) +(.*)$", EXIT_CODES, re.MULTILINE))
    assert table == listed
    assert set(table) == {"0", "1", "2", "75", "130, 143"}


def test_the_configuration_in_the_readme_is_read(tmp_path: Path) -> None:
    (text,) = blocks("toml")
    tomllib.loads(text)
    path = tmp_path / "tallytrail.toml"
    path.write_text(text, "utf-8")
    (source,) = read_configuration(path).sources
    assert [page.family for page in (*source.pages, *source.discover)] == ["story", "discovery"]


def test_every_table_stands_in_the_design(tmp_path: Path) -> None:
    from storage.database import open_for_writing

    connection = open_for_writing(tmp_path / "t.db")
    names = {
        row["name"]
        for row in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND substr(name, 1, 1) <> '_'"
        )
    }
    connection.close()
    tables = DESIGN.partition("## Tables")[2]
    assert names == {name for name in re.findall(r"`([a-z_]+)`", tables) if name in names}


def test_files_that_the_design_names_exist() -> None:
    for name in re.findall(r"`((?:crawler|storage)/[a-z_/]+(?:\.py)?)`", DESIGN):
        assert (ROOT / name).exists(), name


def test_change_rows_have_the_documented_columns() -> None:
    assert COLUMNS == (
        "id", "kind", "flags", "source", "outlet", "election_date", "race", "place", "candidate",
        "candidate_name", "article", "field", "old", "new", "delta", "seen_after", "seen_at",
        "source_updated_at", "url", "fetch_before", "sha256_before", "fetch", "sha256",
    )  # fmt: skip


def test_every_test_that_the_promises_name_exists() -> None:
    promises = (ROOT / "docs" / "promises.md").read_text("utf-8")
    named = set(re.findall(r"`(tests/[a-z_/]+\.py)`", promises))
    assert len(named) > 8
    for name in named:
        assert (ROOT / name).exists(), name
