"""The crontab line that runs the crawl, and then makes the report."""

from __future__ import annotations

import shlex
import sys
from datetime import timedelta
from pathlib import Path

from crawler.errors import ConfigurationError
from crawler.sources import Configuration, least_seconds


def stories_within(every: timedelta, delay: float, results: int) -> int | None:
    """How many stories a crawl looks at, when a full look at the results needs `results` requests.

    At least one. None for all of them: without a pause they take no time worth counting.
    """
    if not delay:
        return None
    return max(1, int(every.total_seconds() / delay) - results)


def too_often(configuration: Configuration) -> str | None:
    """What is wrong when a full look at the results takes longer than the time between two crawls.

    None when it does not, or no results are configured.
    """
    requests = len(configuration.full_look)
    seconds = least_seconds(configuration.full_look, configuration.delay)
    if seconds <= configuration.every.total_seconds():
        return None
    return (
        f"{configuration.path}: a full look at the results needs {requests} requests and at least"
        f" {seconds:.0f} s, more than `every`; crawl less often, or follow fewer states or offices"
    )


def crontab_line(configuration: Configuration, database: Path, report: Path | None) -> str:
    """One line for `crontab -e`: absolute paths only, so that it needs no environment of ours.

    What the crawl says goes into a log beside the database and to cron, which mails it; it says
    nothing when all is well. Crawls never overlap: each takes the database's lock. After each
    crawl, however it ended, the report is made anew in the folder `report`, by default one beside
    the database.
    Raises ConfigurationError when cron cannot count `every`.
    """
    tallytrail = str(Path(sys.executable).with_name("tallytrail"))
    database = database.absolute()
    out = report.absolute() if report else database.with_name(f"{database.stem}-report")
    files = ["--db", str(database)]
    crawl = [tallytrail, "crawl", "--config", str(configuration.path.absolute()), *files]
    write = [tallytrail, "report", *files, "--out", str(out)]
    log = database.with_name(f"{database.name}.log")
    told = f"2>&1 | tee -a {shlex.quote(str(log))}"
    words = f"{shlex.join(crawl)} {told}; {shlex.join(write)} {told}"
    # cron reads an unescaped % as the end of the line.
    escaped = words.replace("%", r"\%")
    return f"{_when(configuration)} {escaped}"


def _when(configuration: Configuration) -> str:
    """The five fields. cron counts whole minutes, from the full hour or midnight on."""
    minutes, rest = divmod(configuration.every, timedelta(minutes=1))
    if not rest:
        if 60 % minutes == 0 and minutes < 60:
            return "* * * * *" if minutes == 1 else f"*/{minutes} * * * *"
        hours, odd = divmod(minutes, 60)
        if not odd and 24 % hours == 0:
            return "0 0 * * *" if hours == 24 else f"0 */{hours} * * *"
    raise ConfigurationError(
        f"{configuration.path}: every: cron cannot count it; use minutes that divide 60 (1m, 5m,"
        " 15m) or hours that divide 24"
    )
