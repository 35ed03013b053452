"""A history that somebody else has recorded is taken into the database, by the way of a crawl.

Each capture is received, which commits and chains its bytes, and then read. Nothing is asked of
any site.
"""

from __future__ import annotations

import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote_to_bytes

from crawler.captures.history import (
    Capture,
    Damaged,
    History,
    NoHistory,
    NotToBeHad,
    Which,
    no_room,
    quoted,
)
from crawler.captures.opening import opened
from crawler.errors import ConfigurationError
from crawler.messages import FINE, LOOK_AT_IT, TRY_LATER, USAGE, say
from crawler.opening import register, with_database
from crawler.parsers import Parser
from crawler.parsers.results_only import ResultsOnly
from crawler.reading import Reading, has_parser, read
from crawler.sources import Configuration, ConfiguredPage, Source, read_configuration
from crawler.telling import MOST_TOLD, NOTED, PARTS, faults, part_faults
from storage.archive import body_of
from storage.database import immediate
from storage.pages import MISSING, absence, keep_knowledge, knowledge_of, page_of
from storage.receiving import Answer, Captured, receive
from storage.records import instant, instant_text
from storage.writing import look, unread

#: A capture of later than this from now was not taken when it says.
_AHEAD = timedelta(minutes=10)


def import_history(
    path: Path,
    source: str,
    *,
    configuration: Path,
    database: Path,
    by: str | None = None,
    show: Callable[[str], None],
) -> int:
    """Take the history at that place into the database and return the exit code.

    The caller holds the lock. source: its id in the configuration. by: whose captures these are;
    None where nobody says. show: prints the line that sums it up. Messages: stderr.
    """
    try:
        chosen = _source(read_configuration(configuration), source)
        if database.exists() and path.exists() and path.samefile(database):
            raise NoHistory(f"{path} is the database itself; name another history, or --db")
        with opened(path, source) as history:

            def work(config: Configuration, connection: sqlite3.Connection) -> int:
                parsers = {source.id: source.parser for source in config.sources}
                return _Import(connection, chosen, history, by, parsers).run(show)

            return with_database(configuration, database, work)
    except (ConfigurationError, NoHistory) as error:
        say(str(error))
        return USAGE
    except Damaged as error:
        say(str(error))
        return LOOK_AT_IT
    except OSError as error:
        if not no_room(error):
            raise
        say(f"{path}: {error.strerror}; make room on the disk, then import it again")
        return TRY_LATER


def _source(configuration: Configuration, identity: str) -> Source:
    for source in configuration.sources:
        if source.id == identity:
            return source
    there = ", ".join(source.id for source in configuration.sources)
    raise ConfigurationError(
        f"{configuration.path}: no source has the id {identity!r}; there is {there}"
    )


@dataclass(slots=True, kw_only=True)
class _Page:
    """A page of the database that captures are of, and what it held before this import.

    last: the name of its last capture from this history, last_at: its time; None without one.
    ordered: the history itself tells what stands after it, and `passed` when that has come.
    others_at: when it was last looked at by anybody else. older: captures that cannot be put into
    the log in their place.
    """

    url: str
    family: str
    knowledge: str | None
    id: int | None
    last: str | None = None
    last_at: str | None = None
    ordered: bool = False
    passed: bool = False
    others_at: str | None = None
    older: int = 0

    def is_new(self, at: str) -> bool:
        """Whether a capture of that time, which is not known yet, comes after all that is."""
        if self.others_at is not None and at < self.others_at:
            return False
        if self.ordered:
            return self.passed
        return self.last_at is None or at >= self.last_at


class _Teller:
    """Says what is wrong: one line each, and of many of one kind the first ones."""

    def __init__(self) -> None:
        self.exit_code = FINE
        self._told: Counter[str] = Counter()

    def tell(self, line: str, kind: str, exit_code: int = LOOK_AT_IT) -> None:
        """kind: what more of them are called."""
        self.exit_code = max(self.exit_code, exit_code)
        self._told[kind] += 1
        if self._told[kind] <= MOST_TOLD:
            say(line)

    def end(self) -> None:
        """Say how many more there are of what was not told."""
        for kind, count in self._told.items():
            if count > MOST_TOLD:
                say(f"and {count - MOST_TOLD:,} more {kind}")


@dataclass(slots=True)
class _Came:
    """What came of an import. seen: captures of pages that can be read. imported: those that were.

    looks: by what came of them, also of those that a run before this one had left unread. changes:
    how many; first and last: their ids.
    """

    seen: int = 0
    imported: int = 0
    looks: Counter[str] = field(default_factory=Counter)
    changes: int = 0
    first: int | None = None
    last: int | None = None


class _Import:
    """One import of one history."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        source: Source,
        history: History,
        by: str | None,
        parsers: Mapping[str, Parser],
    ) -> None:
        self.connection = connection
        self.source = source
        self.history = history
        self.label = history.label if by is None else f"{by}: {history.label}"
        self.parser = source.parser
        self.parsers = parsers
        self.teller = _Teller()
        self.came = _Came()
        self._addresses = _Addresses(_configured(source))
        self._pages: dict[str, _Page | None] = {}
        self._by_url: dict[str, _Page] = {}
        self._without_reader: Counter[str] = Counter()
        self._reached: frozenset[str] = frozenset()
        self._on_capture: Callable[[], None] = lambda: None
        history.earlier = self._earlier

    def run(self, show: Callable[[str], None]) -> int:
        """Import what is new, and return the exit code."""
        self._register()
        self._reached = self.history.reached(self._last_names())
        for fetch in unread(self.connection):  # a run before this one was cut off
            if has_parser(self.connection, fetch, self.parsers):
                self._read(fetch)
        try:
            with _progress() as self._on_capture:
                for capture in self.history.captures(self._wanted):
                    self._take(capture)
        except Damaged as error:
            self.teller.tell(f"{error}; what came before it was imported", "damages")
        self._tell_what_was_left_out()
        self.teller.end()
        self._sum_up(show)
        return self.teller.exit_code

    def _register(self) -> None:
        """The source as configured. Families that were imported may lead its tallies too.

        Where nothing is configured all may, which an empty list says.
        """
        rows = self.connection.execute(
            "SELECT DISTINCT page.family FROM capture JOIN page ON page.id = capture.page"
            " JOIN source ON source.id = page.source WHERE source.name = ?",
            (self.source.id,),
        )
        self._families = self.source.families and self.source.families | {
            row["family"] for row in rows
        }
        with immediate(self.connection):
            register(self.connection, self.source, self._families)

    def _last_names(self) -> list[str]:
        """The last capture of each page that came from this history."""
        rows = self.connection.execute(
            "SELECT name FROM capture WHERE id IN (SELECT max(capture.id) FROM capture"
            " JOIN page ON page.id = capture.page JOIN source ON source.id = page.source"
            " WHERE origin = ? AND source.name = ? GROUP BY page)",
            (self.history.origin, self.source.id),
        )
        return [row["name"] for row in rows]

    # -- which captures --

    def _wanted(self, which: Which) -> bool:
        """Whether the capture is to be imported. Counts it in any case."""
        page = self._page(which)
        if page is None:
            # Addresses that nobody reads may be a whole web; paths are those of one history.
            self._without_reader["" if self.history.addressed else which.page] += 1
            return False
        self.came.seen += 1
        self._on_capture()
        if which.at is None or which.at > datetime.now(UTC) + _AHEAD:
            self.teller.tell(
                f"{self._where(page.url)}: {which.name}: no capture can be of that time; left out",
                "captures of times that cannot be are left out",
            )
            return False
        if self._is_known(page, which.name):
            page.passed = page.passed or which.name == page.last
            return False
        if page.is_new(instant_text(which.at)):
            return True
        page.older += 1
        return False

    def _is_known(self, page: _Page, name: str) -> bool:
        row = self.connection.execute(
            "SELECT 1 FROM capture WHERE page = ? AND origin = ? AND name = ?",
            (page.id, self.history.origin, name),
        ).fetchone()
        return row is not None

    def _page(self, which: Which) -> _Page | None:
        """The page that the capture is of; None when no parser here reads it."""
        if which.page in self._pages:
            return self._pages[which.page]
        page = self._found(which)
        if page is not None or not self.history.addressed:
            self._pages[which.page] = page
        return page

    def _found(self, which: Which) -> _Page | None:
        configured = self._addresses.of(which.page, whole=self.history.addressed)
        family: str | None
        if configured is not None:
            url, family = configured.url, configured.family
        else:
            url = which.page if self.history.addressed else f"import:{which.page}"
            family = self.parser.family_of(url)
            takes_all = isinstance(self.parser, ResultsOnly)  # any address is a feed's to it
            if takes_all and self.history.of_files and not _holds_data(which.page):
                family = None
            if family is None and which.family == self.parser.DISCOVERY:
                family = which.family  # no address tells that it is one
        if family is None:
            return None
        if url in self._by_url:  # two paths of a history may end in one address
            return self._by_url[url]
        known = page_of(self.connection, self.source.id, url)
        knowledge = None if configured is None else configured.knowledge
        page = _Page(url=url, family=family, knowledge=knowledge, id=known)
        self._by_url[url] = page
        if known is not None:
            self._recall(page)
        return page

    def _recall(self, page: _Page) -> None:
        """What the database has of the page, from this history and from elsewhere."""
        origin = self.history.origin
        ours = self.connection.execute(
            "SELECT name, (SELECT max(fetched_at) FROM fetch JOIN capture ON fetch = fetch.id"
            " WHERE capture.page = ?1 AND origin = ?2) AS at FROM capture"
            " WHERE page = ?1 AND origin = ?2 ORDER BY id DESC LIMIT 1",
            (page.id, origin),
        ).fetchone()
        if ours is not None:
            page.last, page.last_at = ours["name"], ours["at"]
            page.ordered = page.last in self._reached
        page.others_at = self.connection.execute(
            "SELECT max(fetched_at) AS at FROM fetch WHERE page = ?1 AND NOT EXISTS (SELECT 1"
            " FROM capture WHERE capture.fetch = fetch.id AND origin = ?2)",
            (page.id, origin),
        ).fetchone()["at"]

    # -- receiving and reading --

    def _take(self, capture: Capture) -> None:
        page = self._page(capture.which)
        assert page is not None
        try:
            answer = capture.answer()
        except NotToBeHad as error:
            self.teller.tell(f"{error}; left out", "captures cannot be had, and are left out")
            return
        if answer.failure is None and answer.body is None and answer.status != 304:
            answer = replace(answer, failure="there is no body", refused=True)
        if self._families and page.family not in self._families:
            self._families |= {page.family}
            with immediate(self.connection):
                register(self.connection, self.source, self._families)
        fetch = receive(
            self.connection,
            source=self.source.id,
            url=page.url,
            family=page.family,
            answer=answer,
            parser=self.parser.NAME,
            capture=Captured(origin=self.history.origin, label=self.label, name=capture.which.name),
        )
        if page.id is None:
            page.id = page_of(self.connection, self.source.id, page.url)
            assert page.id is not None
        if page.knowledge is not None and knowledge_of(self.connection, page.id) != page.knowledge:
            with immediate(self.connection):
                keep_knowledge(self.connection, page.id, page.knowledge)
        self.came.imported += 1
        self._read(fetch)

    def _read(self, fetch: int) -> None:
        if not has_parser(self.connection, fetch, self.parsers):
            self.came.looks["kept"] += 1
            return
        reading = read(self.connection, fetch, self.parsers)
        if reading.changes:
            self.came.changes += len(reading.changes)
            self.came.first = self.came.first or min(reading.changes)
            self.came.last = max(reading.changes)
        if self._is_absent(reading):
            self.came.looks["absent"] += 1
            return
        self.came.looks[reading.outcome] += 1
        if reading.outcome in ("failed", "refused"):
            (line,) = faults(reading, "the history has it so")
            self.teller.tell(line, f"looks have {_ENDED[reading.outcome]}")
        else:
            for verdict in PARTS:
                for line in part_faults(reading, verdict):
                    self.teller.tell(line, f"parts of looks are {verdict}")
        for note in reading.notes:
            words, exit_code = NOTED[note.kind]
            line = f"{self._where(reading.url)}: {note.text}: {words}"
            self.teller.tell(line, f"notes of the kind {note.kind}", exit_code)

    def _is_absent(self, reading: Reading) -> bool:
        """Whether it says no more than that a guessed page is not there."""
        if reading.outcome != "failed":
            return False
        about = look(self.connection, reading.fetch)
        return about.status in MISSING and absence(self.connection, about.page) is not None

    def _earlier(self, name: str | None, url: str | None, at: datetime | None) -> Answer | None:
        """The answer of a capture that was imported before; None when it was not."""
        moment = None if at is None else instant_text(at)
        row = self.connection.execute(
            "SELECT fetch.* FROM capture JOIN fetch ON fetch.id = capture.fetch"
            " JOIN page ON page.id = fetch.page JOIN source ON source.id = page.source"
            " WHERE source.name = ?1 AND fetch.body IS NOT NULL AND fetch.status = 200"
            " AND (capture.name = ?2 OR page.url = ?3 AND fetch.fetched_at = ?4)"
            " ORDER BY capture.name = ?2 DESC, fetch.id LIMIT 1",
            (self.source.id, name, url, moment),
        ).fetchone()
        if row is None:
            return None
        about = look(self.connection, row["id"])
        return Answer(
            fetched_at=about.fetched_at,
            status=about.status,
            headers=about.headers,
            body=body_of(self.connection, row["body"]),
        )

    # -- telling --

    def _where(self, url: str) -> str:
        return f"{self.source.id}: {url}"

    def _tell_what_was_left_out(self) -> None:
        for page in self._by_url.values():
            if page.older:
                last = instant(max(filter(None, (page.others_at, page.last_at))))
                self.teller.tell(
                    f"{self._where(page.url)}: {page.older:,} older than its last look in the"
                    f" database, of {last:%Y-%m-%d %H:%M:%SZ}: left out; import the history into a"
                    " fresh database, named with --db",
                    "pages have captures that are older, and left out",
                )
        if self.history.addressed:
            count = self._without_reader.total()
            if count:
                what = f"captures of addresses that are not read; left out: {count:,}"
                self.teller.tell(f"{self.history.label}: {what}", "", FINE)
        else:
            for path, count in self._without_reader.items():
                self.teller.tell(
                    f'{self._where(path)}: parser "{self.source.parser_name}" has no reader for it;'
                    f" left out: {count:,}",
                    "pages have no reader, and are left out",
                    FINE,
                )
        for what, count in self.history.others.items():
            self.teller.tell(f"{self.history.label}: {what}; left out: {count:,}", what, FINE)
        if not self.came.seen and self.teller.exit_code == FINE:
            none = "no capture in it is of a page that is read here; look at the source's parser"
            self.teller.tell(f"{self.history.label}: {none} and pages", "")

    def _sum_up(self, show: Callable[[str], None]) -> None:
        """One line, in the words of a crawl; none when nobody watches and nothing changed."""
        came = self.came
        if not came.changes and not _is_watched():
            return
        looks = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(came.looks.items()))
        ids = f" (#{came.first} to #{came.last})" if came.changes else ""
        show(
            f"{came.seen:,} captures, {came.imported:,} imported: {looks or 'none'};"
            f" {came.changes:,} changes{ids}"
        )


#: How names of files end that may hold results; repositories have others besides.
_DATA = (".json", ".csv", ".tsv", ".xml", ".txt")


def _holds_data(file: str) -> bool:
    name = file.rpartition("/")[2].lower()
    return name.endswith(_DATA) or "." not in name


_ENDED = {"failed": "failed", "refused": "been refused"}


def _configured(source: Source) -> Iterator[ConfiguredPage]:
    """Every page that the configuration names, the files of states among them."""
    yield from source.pages
    yield from source.discover
    if source.feed is not None:
        for office in source.feed.offices:
            yield from source.state_files(office).values()


class _Addresses:
    """Finds the configured page that a path or address means."""

    def __init__(self, pages: Iterable[ConfiguredPage]) -> None:
        self._by_url = {page.url: page for page in pages}
        self._segments = {url: _segments(url.partition("://")[2]) for url in self._by_url}

    def of(self, path: str, *, whole: bool) -> ConfiguredPage | None:
        """The one page with this address, or whose address ends with this path; else None."""
        if whole:
            return self._by_url.get(path)
        wanted = path.split("/")
        found = [
            url for url, segments in self._segments.items() if segments[-len(wanted) :] == wanted
        ]
        return self._by_url[found[0]] if len(found) == 1 else None


def _segments(path: str) -> list[str]:
    """The segments of an address in the form in which paths are written."""
    return [quoted(unquote_to_bytes(segment)) for segment in path.split("/")]


def _is_watched() -> bool:
    return sys.stderr.isatty() or sys.stdout.isatty()


@contextmanager
def _progress() -> Iterator[Callable[[], None]]:
    """On a terminal: how many captures were looked through so far. Gives what counts one."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.completed:,} captures"), TimeElapsedColumn())
    console = Console(stderr=True, soft_wrap=True)
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("importing", total=None)
        yield lambda: bar.advance(task)
