"""Git scraping: the snapshots as commits of a repository, read by git-history.

The repository is made at once and packed as `git gc` packs loose objects; that is not timed.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.bench.tape import Shot

#: The body of a function of `content`: one row for each candidate in each state.
CONVERT = """
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
    for state in json.loads(content)["states"]
    for who in state["candidates"]
]
"""
#: The file that has a version for each body.
FILE = "electoral.json"
COMMAND = Path(sys.executable).with_name("git-history")


def repository(folder: Path, shots: Iterable[Shot]) -> None:
    """Make a repository with a commit for each body, packed."""
    folder.mkdir()
    git = ["git", "-C", str(folder)]
    subprocess.run([*git, "init", "--quiet", "--initial-branch=main"], check=True)
    with subprocess.Popen(
        [*git, "fast-import", "--quiet", "--depth=0"], stdin=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        for number, shot in enumerate(shots, 1):
            when = int(shot.seen_at.timestamp())
            process.stdin.write(
                b"commit refs/heads/main\n"
                b"mark :%d\ncommitter bench <bench@example.org> %d +0000\n"
                b"data 4\nlook\n%s"
                b"M 100644 inline %s\ndata %d\n%s\n"
                % (
                    number,
                    when,
                    b"from :%d\n" % (number - 1) if number > 1 else b"",
                    FILE.encode(),
                    len(shot.body),
                    shot.body,
                )
            )
    if process.returncode:
        raise RuntimeError("git fast-import failed")
    subprocess.run([*git, "repack", "-a", "-d", "-f", "--quiet"], check=True)
    subprocess.run([*git, "gc", "--quiet"], check=True)
    subprocess.run([*git, "reset", "--quiet", "--hard"], check=True)


def words(
    database: Path,
    folder: Path,
    keys: Sequence[str] = ("state", "candidate"),
    convert: str = CONVERT,
) -> list[str]:
    """The command that reads the repository into the database. keys: of the rows of convert."""
    ids = [word for key in keys for word in ("--id", key)]
    return [
        str(COMMAND), "file", str(database), FILE, "--repo", str(folder), *ids,
        "--import", "json", "--convert", convert.strip(), "--silent",
    ]  # fmt: skip


def packed_size(folder: Path) -> int:
    """The bytes of the repository's packs with their indexes."""
    return sum(file.stat().st_size for file in (folder / ".git/objects/pack").iterdir())
