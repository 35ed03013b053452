"""`tallytrail demo`: three real crawls of the local site, then the log that they made."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

from crawler.demo.site import STAGES, Site

CONFIGURATION = """\
# {mark}
contact = "demo@localhost"
delay = 0
[[source]]
id = "abc-demo"
outlet = "ABC News"
parser = "abc"
election_date = 2024-11-05
pages = ["{url}"]
"""

#: In the first line of a demo's configuration; a folder without it is not ours to write in.
MARK = "tallytrail demo"
FILES = ("tallytrail.toml", "tallytrail.db", "tallytrail.db-wal", "tallytrail.db-shm")


def run_demo(folder: Path) -> int:
    """Run the demo in its own folder. Returns the exit code."""
    configuration, database = folder / "tallytrail.toml", folder / "tallytrail.db"
    if not _is_free(folder):
        click.echo(f"tallytrail: {folder} holds other files; name another with --dir", err=True)
        return 2
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        (folder / name).unlink(missing_ok=True)
    command = [sys.executable, "-m", "crawler.cli"]
    files = ["--config", str(configuration), "--db", str(database)]
    with Site().serving() as site:
        configuration.write_text(CONFIGURATION.format(mark=MARK, url=site.story_url), "utf-8")
        for number, stage in enumerate(STAGES, start=1):
            site.stage = stage
            click.echo(
                f"Look {number} of {len(STAGES)}: the page says {stage.updated} ...", err=True
            )
            code = subprocess.run([*command, "crawl", *files], check=False).returncode
            if code:
                return code
    for title, words in (("The change log", "changes"), ("The tallies now", "results")):
        click.echo(f"\n{title}: tallytrail {words} --db {database}\n")
        sys.stdout.flush()
        subprocess.run([*command, words, "--db", str(database)], check=True)
    click.echo(_NEXT.format(database=database))
    return 0


_NEXT = """
Try next:
  tallytrail changes --db {database} --first           what the first look saw
  tallytrail changes --db {database} --format jsonl    every row, with the hashes of its bytes
  tallytrail serve --db {database} --open              the same in a browser
  tallytrail report --db {database} --out changes      the same as files to publish
  tallytrail init --contact YOU@YOURDESK.ORG           a configuration of your own
"""


def _is_free(folder: Path) -> bool:
    """The folder is empty or missing, or holds an earlier demo."""
    try:
        first = (folder / "tallytrail.toml").read_text("utf-8").partition("\n")[0]
    except FileNotFoundError:
        return not folder.exists() or not any(folder.iterdir())
    return first == f"# {MARK}"
