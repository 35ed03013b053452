"""Which kind of history is at a place, by what it is and not by what it is called."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crawler.captures.files import UNPACKING, folder_history, is_tar, tar_history, unpacking
from crawler.captures.history import History, NoHistory

_KINDS = (
    "a git repository or bundle, a folder or tar archive of files named by time, a WARC file, or"
    " a TallyTrail database"
)
#: Bytes by which a file is known.
_HEAD = 512


@contextmanager
def opened(path: Path, source: str) -> Iterator[History]:
    """The history at that place. source: which one of a database is meant. Raises NoHistory."""
    from crawler.captures import database, git

    if not path.exists():
        raise NoHistory(f"{path} does not exist; name {_KINDS}")
    if path.is_dir():
        if git.is_repository(path):
            with git.git_history(path) as history:
                yield history
        else:
            yield folder_history(path)
        return
    if not path.is_file():
        raise NoHistory(f"{path} is no file; name {_KINDS}")
    head, unpacked = _beginning(path)
    if git.is_bundle(head):
        with git.git_history(path) as history:
            yield history
    elif database.is_database(head):
        with database.database_history(path, source) as looks:
            yield looks
    elif unpacked.startswith(b"WARC/"):
        from crawler.captures.warc import warc_history

        with warc_history(path) as responses:
            yield responses
    elif is_tar(unpacked):
        with tar_history(path) as members:
            yield members
    else:
        raise NoHistory(f"{path} is no history that can be read; name {_KINDS}")


def _beginning(path: Path) -> tuple[bytes, bytes]:
    """How the file begins, as it is and unpacked; as much as can be read of it."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
            file.seek(0)
            try:
                with unpacking(file, head) as unpacked:
                    return head, unpacked.read(_HEAD)
            except UNPACKING:
                return head, b""
    except OSError as error:
        raise NoHistory(f"{path}: {error.strerror}; check who may read it") from error
