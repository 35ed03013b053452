"""What the documents list is what there is."""

from __future__ import annotations

import os
import re
import socket
import sqlite3
import subprocess
import sys
import time
import tomllib
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import click
import pytest

from crawler.cli import EXIT_CODES, main
from crawler.sources import read_configuration
from storage.queries import COLUMNS
from tests.desk import BIN, Desk, Site, banner, path_of, story
from tests.histories import NINE_PM, Repository

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
    words = re.split(r"[ ();|]+", line.partition("#")[0])
    command = main.commands[words[words.index("tallytrail") + 1]]
    known = {name for param in command.params for name in param.opts}
    assert {word for word in words if word.startswith("--")} <= known


def test_the_commands_of_the_readme_work_one_after_the_other(
    tmp_path: Path, site: Site, desk: Desk
) -> None:
    """As a new user would type them, but for the addresses, which are of a site of the test's."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, does in (("crontab", f'[ "$1" = - ] && cat > {tmp_path}/crontab; true'), ("www", "")):
        (tools / name).write_text(f"#!/bin/sh\n{does}\n")
        (tools / name).chmod(0o755)
    environment = {
        "PATH": f"{BIN}:{tools}:{os.environ['PATH']}",
        "BROWSER": str(tools / "www"),
        "HOME": str(tmp_path),
    }
    site.answers[path_of(1)] = 200, {}, story(1, banner=banner(67_410_748))
    (tmp_path / "saved-page.html").write_bytes(
        story(1, banner=banner(67_410_748)).replace(
            b"</title>",
            b'</title><link rel="canonical" href="https://abcnews.go.com/x/story?id=1">',
        )
    )
    history = Repository(tmp_path / "captures")
    for number in (67_410_748, 67_500_000):
        body = story(1, banner=banner(number))
        history.commit({path_of(1).removeprefix("/"): body}, NINE_PM + timedelta(days=2))
    lines = [
        line.partition("#")[0].strip() for block in blocks("sh") for line in block.splitlines()
    ]
    done = []
    for line in (line.partition("#")[0].strip() for line in lines):
        if line.startswith(("pip", "make")) or not line:  # the tests themselves rest on these
            continue
        if " serve" in line:
            _serves(line, tmp_path, environment)
        else:
            run = subprocess.run(
                ["sh", "-c", line],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert run.returncode == 0, (line, run.stderr)
            assert "Traceback" not in run.stderr
        if " init" in line:
            desk.configure([1])
            configured = (tmp_path / "tallytrail.toml").read_text("utf-8")
            (tmp_path / "tallytrail.toml").write_text(configured.replace('"abc"', '"abc-2024"', 1))
        done.append(line)
    assert len(done) == 11
    assert "tallytrail crawl" in (tmp_path / "crontab").read_text()
    assert (tmp_path / "public" / "index.html").exists()
    with closing(sqlite3.connect(tmp_path / "history.db")) as connection:
        captures = connection.execute(
            "SELECT label, outcome FROM capture JOIN fetch ON fetch.id = fetch"
        )
        assert captures.fetchall() == [("Ana Ruiz: captures", "new")] * 2


def _serves(line: str, folder: Path, environment: dict[str, str]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        ["sh", "-c", f"exec {line} --port {port}"],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 30
        while True:
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, line
            assert time.monotonic() < until
            time.sleep(0.1)
    finally:
        process.terminate()
        process.wait()


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
    assert [page.family for page in (*source.pages, *source.discover)] == [
        *["feed"] * 3,
        "story",
        "discovery",
    ]


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
        "confirmed_at", "confirmed_by",
    )  # fmt: skip


def test_every_test_that_the_promises_name_exists() -> None:
    promises = (ROOT / "docs" / "promises.md").read_text("utf-8")
    named = set(re.findall(r"`(tests/[a-z_/]+\.py)`", promises))
    assert len(named) > 8
    for name in named:
        assert (ROOT / name).exists(), name
