"""One crawl at a time on a database, by a kernel lock that a dead holder frees.

Apart from the crawl itself, so that who finds the lock taken leaves before Scrapy is loaded.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from crawler.errors import ConfigurationError
from crawler.messages import FINE, LOOK_AT_IT, TRY_LATER, USAGE, say
from storage.runs import crawling_since

#: A lock held for more than this many times `every` is worth a look.
PATIENCE = 3


def alone(database: Path, configuration: Path, crawl: Callable[[], int]) -> int:
    """Run `crawl` while holding the database's lock, and return its exit code.

    When another crawl holds it: FINE, or TRY_LATER when it has done so for too long.
    """
    if not database.absolute().parent.is_dir():
        say(f"{database}: its folder does not exist; create it")
        return LOOK_AT_IT
    try:
        with FileLock(f"{database}.lock", timeout=0):
            return crawl()
    except Timeout:
        return _taken(database, configuration)
    except OSError as error:
        say(f"{error}; check the file and its folder")
        return LOOK_AT_IT


def _taken(database: Path, configuration: Path) -> int:
    from crawler.sources import read_configuration

    try:
        patience = PATIENCE * read_configuration(configuration).every
    except ConfigurationError as error:
        say(str(error))
        return USAGE
    since = crawling_since(database)
    if since is not None and datetime.now(UTC) - since > patience:
        # Whoever has just taken the lock after a crash has yet to say since when.
        time.sleep(1)
        since = crawling_since(database)
    if since is None or datetime.now(UTC) - since <= patience:
        say(f"another crawl is at work on {database}; this one leaves it alone")
        return FINE
    say(
        f"another crawl has been at work on {database} since {since:%Y-%m-%d %H:%M:%SZ}, more than"
        f" {PATIENCE} times as long as `every`; look what holds it up, or end that process"
    )
    return TRY_LATER
