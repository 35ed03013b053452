"""One crawl at a time on a database, by a kernel lock that a dead holder frees.

Apart from the crawl itself, so that who finds the lock taken leaves before Scrapy is loaded.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from crawler.errors import Busy, ConfigurationError
from crawler.messages import FINE, LOOK_AT_IT, TRY_LATER, USAGE, say

#: A lock held for more than this many times `every` is worth a look.
PATIENCE = 3


def alone(database: Path, configuration: Path, crawl: Callable[[], int]) -> int:
    """Run `crawl` while holding the database's lock, and return its exit code.

    When another crawl holds it: FINE, or TRY_LATER when it has done so for too long.
    """
    if not database.absolute().parent.is_dir():
        say(f"{database}: its folder does not exist; create it")
        return USAGE
    lock = _lock(database)
    try:
        with FileLock(lock, timeout=0):
            os.utime(lock)  # says since when it is held
            return crawl()
    except Timeout:
        return _taken(database, configuration)
    except OSError as error:
        say(f"{error}; check the file and its folder")
        return LOOK_AT_IT


def _lock(database: Path) -> Path:
    return Path(f"{database}.lock")


@contextmanager
def between_crawls(database: Path) -> Iterator[None]:
    """Keep crawls away for as long as this lasts. Raises Busy when one is at work.

    Makes no file: without a lock file there never was a crawl.
    """
    lock = _lock(database)
    if not lock.exists():
        yield
        return
    try:
        with FileLock(lock, timeout=0):
            os.utime(lock)
            yield
    except Timeout as error:
        raise Busy(f"a crawl is at work on {database}; try again when it is over") from error


def _held_since(database: Path) -> datetime:
    """Since when the lock is held; now, when it has gone in the meantime."""
    try:
        return datetime.fromtimestamp(_lock(database).stat().st_mtime, UTC)
    except OSError:
        return datetime.now(UTC)


def _taken(database: Path, configuration: Path) -> int:
    from crawler.sources import read_configuration

    try:
        patience = PATIENCE * read_configuration(configuration).every
    except ConfigurationError as error:
        say(str(error))
        return USAGE
    since = _held_since(database)
    if datetime.now(UTC) - since > patience:
        time.sleep(1)  # whoever has just taken it has yet to say since when
        since = _held_since(database)
    if datetime.now(UTC) - since <= patience:
        say(f"another crawl is at work on {database}; this one leaves it alone")
        return FINE
    say(
        f"another crawl has been at work on {database} since {since:%Y-%m-%d %H:%M:%SZ}, more than"
        f" {PATIENCE} times as long as `every`; look what holds it up, or end that process"
    )
    return TRY_LATER
