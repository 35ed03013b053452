"""The `tallytrail` command. Each subcommand imports what it needs inside itself: reading the log
must not pay for the crawler."""

from __future__ import annotations

import atexit
import errno
import gc
import os
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crawler.messages import say
from storage.moments import moment
from storage.records import KINDS

if TYPE_CHECKING:
    from crawler.sources import Configuration
    from storage.queries import Filter

EXIT_CODES = """
\b
Exit codes:
  0    fine; also when nothing changed, or another crawl is at work
  1    look at it: stderr says what was refused or failed
  2    usage or configuration
  75   try again later: database locked, disk full, lock held for more than three times `every`
  130, 143   ended by a signal; everything finished so far is kept
"""


class _Moment(click.ParamType[datetime]):
    """An ISO date or time, UTC unless it names its zone, or a duration back from now."""

    name = "time"

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,  # noqa: ARG002 - click gives it
        ctx: click.Context | None,  # noqa: ARG002 - click gives it
    ) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return moment(value, datetime.now(UTC))
        except ValueError as error:
            self.fail(str(error))


_DATABASE = click.option(
    "--db",
    "database",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="TALLYTRAIL_DB",
    default="tallytrail.db",
    show_default=True,
    help="The database. [env: TALLYTRAIL_DB]",
)
_CONFIGURATION = click.option(
    "--config",
    "configuration",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="TALLYTRAIL_CONFIG",
    default="tallytrail.toml",
    show_default=True,
    help="The configuration. [env: TALLYTRAIL_CONFIG]",
)
_FORMAT = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "jsonl", "csv"]),
    default="text",
    show_default=True,
    help="Text to read, or one row a line for machines, with texts as they came.",
)
_RACE = click.option(
    "--race", help="Only this race, such as senate/az, or all of an office: senate, president."
)
_STATE = click.option("--state", help="Only this state, by postal code or name: AZ, Arizona.")
_COUNTIES = click.option(
    "--counties", is_flag=True, help="Counties too, in every format; they are left out otherwise."
)


@click.group(epilog=EXIT_CODES)
@click.version_option(package_name="tallytrail")
def main() -> None:
    """An audit trail for election results.

    Crawls an outlet's results pages and stories and records every change to tallies,
    projections and texts, with the bytes that prove it.

    \b
    Example:
      tallytrail init --contact you@yourdesk.org
      tallytrail crawl
      tallytrail changes --since 24h
    """
    # Python looks through all that is loaded for garbage when it ends. That takes a sixth of a
    # crawl, and finds nothing that has to be tidied up: files and locks are closed by then.
    atexit.register(gc.freeze)


@main.command()
@_CONFIGURATION
@click.option("--contact", help="Your mail or web address, for the sites that are read.")
def init(configuration: Path, contact: str | None) -> None:
    """Write a configuration to start from.

    \b
    Example:
      tallytrail init --contact you@yourdesk.org
    """
    from crawler.starting import write_configuration

    try:
        written = write_configuration(configuration, contact)
    except OSError as error:
        say(f"{configuration}: {error.strerror}; name another place")
        sys.exit(2)
    if not written:
        say(f"{configuration} is there already; it is left as it is")
        sys.exit(2)
    first = "Look through it" if contact else "Put your own address into `contact`"
    click.echo(f"Wrote {configuration}. {first}, then run: tallytrail crawl", err=True)


@main.command()
@_CONFIGURATION
@_DATABASE
def crawl(configuration: Path, database: Path) -> None:
    """Look at every page once, and record what changed.

    Silent when all is well and nobody watches, so that cron mails only what matters.

    \b
    Example:
      tallytrail crawl --config tallytrail.toml --db tallytrail.db
    """
    from crawler.overlap import alone

    def work() -> int:
        # What is loaded is no garbage: until it is all there, looking for some takes 30 ms.
        gc.disable()
        from crawler.running import crawl as run

        gc.freeze()
        gc.enable()
        return run("everything", configuration=configuration, database=database)

    try:
        sys.exit(alone(database, configuration, work))
    except KeyboardInterrupt:  # before the crawl itself listens to signals
        sys.exit(130)


@main.command("import")
@_CONFIGURATION
@_DATABASE
@click.option("--source", required=True, help="The source whose history it is, by its id.")
@click.option("--by", help="Whose captures these are; kept with each of them.")
@click.argument("path", type=click.Path(path_type=Path))
def import_(configuration: Path, database: Path, source: str, by: str | None, path: Path) -> None:
    """Take a history that somebody else has recorded into the database.

    PATH is a git repository or a bundle of one (each version of each file is a look, at the time of
    its commit); a folder or tar archive of files named by the time of the look, in one folder a
    page; a WARC file; or another TallyTrail database. Nothing is asked of any site.

    A second import adds what is new. What is older than the last look at its page is left out.

    \b
    Example:
      tallytrail import ap-2022.git --source abc-2024 --by "Ana Ruiz"
      tallytrail import captures.tar.xz --source abc-2024 --db history.db
    """
    from crawler.overlap import alone

    def work() -> int:
        gc.disable()
        from crawler.importing import import_history

        gc.freeze()
        gc.enable()
        _end_by_signals()
        return import_history(
            path, source, configuration=configuration, database=database, by=by, show=click.echo
        )

    try:
        sys.exit(alone(database, configuration, work))
    except KeyboardInterrupt:  # before the import itself listens to signals
        sys.exit(130)


@main.command()
@_CONFIGURATION
@_DATABASE
@click.option("--url", help="The address that a FILE was saved from, if the page does not tell.")
@click.argument("pages", metavar="[PAGE] [FILE]...", nargs=-1)
def check(configuration: Path, database: Path, url: str | None, pages: tuple[str, ...]) -> None:
    """What is read from a page, an address or a saved file. Writes nothing.

    Without PAGE: what crawls ask for by the configuration, and how long a full look takes. More
    FILEs of the same page, saved at other times, show which fields of a declared feed always move.

    An address is asked for under the rules of a crawl, at configured hosts only. Exit code 1: the
    page does not come, or something on it is refused.

    \b
    Example:
      tallytrail check "https://abcnews.go.com/Politics/SLUG/story?id=123456789"
      tallytrail check saved-page.html
      tallytrail check summary-1.json summary-2.json
      tallytrail check
    """
    from crawler.checking import (
        checked,
        checked_configuration,
        page_from_file,
        page_from_site,
        source_of,
    )

    config = _configuration(configuration)
    if not pages:
        for line in checked_configuration(config):
            click.echo(line)
        return
    with _told():
        page, *files = pages
        if "://" in page:
            source = source_of(config, page)
            if source.parser.family_of(page) is None:
                page = source.parser.looked_at(page)
            found = page_from_site(page, config, database)
        else:
            found = page_from_file(Path(page), url, config)
            source = source_of(config, found.url)
        others = [
            replace(page_from_file(Path(file), found.url, config), url=file) for file in files
        ]
    lines, fine = checked(found, source, others)
    for line in lines:
        click.echo(line)
    sys.exit(0 if fine else 1)


@main.command()
@_CONFIGURATION
@_DATABASE
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Text to read, or one JSON object.",
)
def status(configuration: Path, database: Path, form: str) -> None:
    """How every page is doing. Exit code 1 when something needs a look.

    \b
    Example:
      tallytrail status
      tallytrail status --format json
    """
    from zoneinfo import ZoneInfo

    from storage import queries
    from storage.reports.status import status_json, status_text
    from storage.status import page_statuses

    config = _configuration(configuration)
    configured = [
        (p.source, p.url, p.family) for s in config.sources for p in (*s.pages, *s.discover)
    ]
    families = {(source.id, family) for source in config.sources for family in source.families}
    now = datetime.now(UTC)
    needs_a_look = False

    def lines(connection: sqlite3.Connection) -> Iterable[str]:
        nonlocal needs_a_look
        pages = page_statuses(
            connection, now=now, every=config.every, configured=configured, families=families
        )
        needs_a_look = any(page.troubles for page in pages)
        if form == "json":
            return [status_json(pages, now=now) + "\n"]
        zones = {name: ZoneInfo(zone) for name, zone in queries.timezones(connection).items()}
        shown = status_text(pages, now=now, zones=zones, paint=_paint())
        return [f"{line}\n" for line in shown]

    _print(database, lines)
    sys.exit(1 if needs_a_look else 0)


@main.command()
@_CONFIGURATION
@_DATABASE
@click.option(
    "--out",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of the report.  [default: beside the database]",
)
def schedule(configuration: Path, database: Path, folder: Path | None) -> None:
    """Print the crontab line that runs the crawl, and makes the report after it.

    \b
    Example:
      (crontab -l; tallytrail schedule) | crontab -
    """
    from crawler.scheduling import crontab_line, too_often

    config = _configuration(configuration)
    fault = too_often(config)
    if fault is not None:
        say(fault)
    with _told():
        click.echo(crontab_line(config, database, folder))


@main.command()
@_DATABASE
@_FORMAT
@click.option(
    "--since",
    type=_Moment(),
    help="Seen, or confirmed, at or after this time: 2024-11-05T23:07Z, or 24h.",
)
@click.option(
    "--until",
    type=_Moment(),
    help="Seen, or confirmed, at or before it. Times without a zone are UTC.",
)
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice([*KINDS]),
    metavar="KIND",
    help="Only this kind of change, such as votes_decreased. May be repeated.",
)
@_RACE
@_STATE
@_COUNTIES
@click.option("--article", help="Only the story with this numeric id.")
@click.option("--first", is_flag=True, help="First sights too: they are no changes.")
def changes(
    database: Path,
    form: str,
    since: datetime | None,
    until: datetime | None,
    kinds: tuple[str, ...],
    race: str | None,
    state: str | None,
    counties: bool,
    article: str | None,
    first: bool,
) -> None:
    """The change log.

    As text newest last, and the last 20 looks; for machines all of it, oldest first. The text
    begins with what is not confirmed yet. A look that moved many races has a line for each: calls
    and decreases first, then the 15 largest moves.

    \b
    Example:
      tallytrail changes --since 24h --kind votes_decreased
      tallytrail changes --race senate --state AZ --counties
      tallytrail changes --format jsonl --race president
    """
    from storage import queries

    wanted = _filter(race, state, counties)
    wanted = replace(wanted, since=since, until=until, kinds=kinds, article=article, first=first)

    def lines(connection: sqlite3.Connection) -> Iterable[str]:
        _warn_if_unseen(connection, wanted)
        if form != "text":
            rows = queries.log(connection, wanted)
            return _machine(form, queries.COLUMNS, map(queries.as_dict, rows))
        from storage.reports.log import log_text

        return (f"{line}\n" for line in log_text(connection, wanted, _paint()))

    _print(database, lines)


@main.command()
@_DATABASE
@_FORMAT
@_RACE
@_STATE
@_COUNTIES
def results(database: Path, form: str, race: str | None, state: str | None, counties: bool) -> None:
    """The tallies now, leader first.

    President first, then Senate, House and governors; in each the states by name. As text, up to 5
    races and places are shown in full, more with a line each: leader, votes, how far ahead,
    electors, percent of the expected vote, call. What is not confirmed yet stands at the head.

    \b
    Example:
      tallytrail results
      tallytrail results --race senate/az --counties
      tallytrail results --state "North Carolina"
      tallytrail results --format csv --race president
    """
    from storage import queries

    wanted = _filter(race, state, counties)

    def lines(connection: sqlite3.Connection) -> Iterable[str]:
        _warn_if_unseen(connection, wanted)
        groups = queries.results(connection, wanted)
        if form != "text":
            rows = (queries.as_dict(row) for group in groups for row in group)
            return _machine(form, queries.RESULT_COLUMNS, rows)
        from storage.reports.log import standing_text

        return (f"{line}\n" for line in standing_text(connection, wanted, groups, _paint()))

    _print(database, lines)


@main.command()
@_DATABASE
@click.option(
    "--out",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The folder of the report; its files are made anew.",
)
@click.option("--raw", is_flag=True, help="Cells of the CSV as they came, formulas and all.")
def report(database: Path, folder: Path, raw: bool) -> None:
    """Write the change log as a folder of files: HTML, Markdown, CSV, JSON lines, Atom.

    index.html opens from disk and asks nobody for anything. Changes in counties are in the CSV and
    the JSON lines only, which have everything. The CSV is made for spreadsheets: a
    text that begins like a formula gets an apostrophe in front.

    \b
    Example:
      tallytrail report --out public/changes
    """
    from storage.reports.build import build
    from storage.reports.progress import counted_on_a_terminal

    def work(connection: sqlite3.Connection) -> Iterable[str]:
        _end_by_signals()
        try:
            with counted_on_a_terminal(connection) as progress:
                total = build(connection, folder, raw=raw, progress=progress)
        except OSError as error:
            later = error.errno in (errno.ENOSPC, errno.EDQUOT)
            where = error.filename or folder
            remedy = "make room on the disk" if later else "check the folder"
            say(f"{where}: {error.strerror}; {remedy}")
            sys.exit(75 if later else 1)
        if sys.stderr.isatty():
            say(f"{total:,} changes; open {folder / 'index.html'}")
        return ()

    _print(database, work)


@main.command()
@_CONFIGURATION
@_DATABASE
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The new database; must not be there.",
)
def reparse(configuration: Path, database: Path, out: Path) -> None:
    """Read everything that was received anew, by today's parsers, into a new database.

    The database stays as it is. What is in both logs is what the world did; each change that only
    one of them has (- the earlier reading, + today's) is what our reading changed. Exit code 1:
    today's parsers refuse whole looks.

    \b
    Example:
      tallytrail reparse --out read-anew.db
    """
    from crawler.reparsing import reparse as read_anew
    from crawler.reparsing import told

    config = _configuration(configuration)
    refused = 0

    def work(connection: sqlite3.Connection) -> Iterable[str]:
        nonlocal refused
        with _told(), _looks_on_a_terminal() as on_look:
            done = read_anew(config, connection, out, on_look)
        refused = done.refused
        return (f"{line}\n" for line in told(done, connection, out))

    _print(database, work)
    sys.exit(1 if refused else 0)


@contextmanager
def _looks_on_a_terminal() -> Iterator[Callable[[int, int], None]]:
    """What tells how many looks are done, and of how many; in silence where nobody watches."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("looks")
        yield lambda done, total: progress.update(task, completed=done, total=total)


@main.command()
@_DATABASE
@click.option("--port", type=click.IntRange(1, 65535), default=8001, show_default=True)
@click.option("--open", "open_browser", is_flag=True, help="Open it in a browser.")
@click.option(
    "--config-only",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Only write Datasette's configuration there, and print the command that uses it.",
)
def serve(database: Path, port: int, open_browser: bool, folder: Path | None) -> None:
    """Browse the live database with Datasette, on this machine only. Nothing can be written.

    \b
    Example:
      tallytrail serve --open
      tallytrail serve --config-only datasette-files
    """
    from importlib.util import find_spec
    from tempfile import TemporaryDirectory

    from storage.browse import server

    if find_spec("datasette") is None:
        missing = "Datasette is missing; install TallyTrail with its extra: pip install '.[browse]'"
        say(missing)
        sys.exit(2)
    _print(database, lambda _: ())  # there is one, and it can be read
    trouble = server.cannot_serve(database)
    if trouble is not None:
        say(f"{database}: {trouble}")
        sys.exit(1)
    _end_by_signals()
    try:
        if folder is not None:
            server.write_configuration(folder, database)
            click.echo(server.command_line(folder, database))
            return
        if not server.is_free(port):
            say(f"port {port} is in use; name another with --port")
            sys.exit(2)
        with TemporaryDirectory(prefix="tallytrail-") as files:
            server.write_configuration(Path(files), database)
            server.serve(Path(files), database, port=port, open_browser=open_browser)
    except OSError as error:
        say(f"{error.filename}: {error.strerror}; check the folder")
        sys.exit(1)


@main.command()
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default="tallytrail-demo",
    show_default=True,
    help="Where the demo works; emptied of an earlier demo first.",
)
def demo(folder: Path) -> None:
    """Crawl a small local site, and show the log.

    The figures are those that ABC News published on 6 and 12 November 2024; the story around
    them is made up. Needs no network.

    \b
    Example:
      tallytrail demo
    """
    from crawler.demo.show import run_demo

    sys.exit(run_demo(folder))


def _end_by_signals() -> None:
    """A signal ends the command with its own exit code, after it has tidied up."""
    import signal

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))


def _configuration(path: Path) -> Configuration:
    from crawler.sources import read_configuration

    with _told():
        return read_configuration(path)


@contextmanager
def _told() -> Iterator[None]:
    """An error of ours is one line, and its exit code."""
    from crawler.errors import Busy, ConfigurationError, NotHad
    from crawler.messages import LOOK_AT_IT, TRY_LATER, USAGE

    codes = {ConfigurationError: USAGE, NotHad: LOOK_AT_IT, Busy: TRY_LATER}
    try:
        yield
    except tuple(codes) as error:
        say(str(error))
        sys.exit(codes[type(error)])


def _filter(race: str | None, state: str | None, counties: bool) -> Filter:
    """What the options mean: races and states in any case, states by name too."""
    from storage.places import state_code
    from storage.queries import Filter

    return Filter(race=race and race.lower(), state=state and state_code(state), counties=counties)


#: Races that are named to somebody who asked for one that was never seen.
_MOST_NAMED = 12


def _warn_if_unseen(connection: sqlite3.Connection, wanted: Filter) -> None:
    """ "No changes" of what was never seen, or is spelled otherwise, says nothing."""
    from storage import queries

    if wanted.race is not None:
        seen = queries.races(connection)
        offices = {slug.partition("/")[0] for slug in seen}
        if wanted.race not in offices.union(seen):
            more = len(seen) - _MOST_NAMED
            named = ", ".join(seen[:_MOST_NAMED]) or "none yet"
            there = f"{named} and {more:,} more" if more > 0 else named
            say(f"no race {wanted.race!r} was ever seen; there is {there}")
    if wanted.state is not None and wanted.state not in (states := queries.states(connection)):
        there = ", ".join(code.upper() for code in states) or "none yet"
        say(f"no state {wanted.state.upper()!r} was ever seen; there is {there}")
    if wanted.article is not None and not queries.has_article(connection, wanted.article):
        say(f"no story {wanted.article!r} was ever seen")


def _machine(form: str, columns: Iterable[str], rows: Iterable[Any]) -> Iterable[str]:
    from storage.reports.machine import csv_lines, json_lines

    return json_lines(rows) if form == "jsonl" else csv_lines(tuple(columns), rows)


def _print(database: Path, lines: Callable[[sqlite3.Connection], Iterable[str]]) -> None:
    """Print what the database answers, or why it cannot."""
    from storage.database import DatabaseError, explained, open_for_reading

    try:
        connection = open_for_reading(database)
        for line in lines(connection):
            sys.stdout.write(line)
        sys.stdout.flush()
    except DatabaseError as error:
        say(str(error))
        sys.exit(75 if error.try_later else 1 if error.damaged else 2)
    except sqlite3.DatabaseError as error:
        known = explained(database, error)
        if known is None:
            raise
        say(str(known))
        sys.exit(75 if known.try_later else 1)
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _paint() -> Callable[[str, str], str]:
    """Bold and red on a terminal that wants them; nothing elsewhere."""
    from storage.reports.text import plain

    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return plain
    styles: dict[str, dict[str, Any]] = {"bold": {"bold": True}, "alarm": {"fg": "red"}}
    return lambda style, text: click.style(text, **styles[style])


if __name__ == "__main__":
    main()
