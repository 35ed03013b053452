"""One run of a spider: configuration, database, what to tell, and the exit code.

`tallytrail crawl` and `scrapy crawl` both end up in `crawl` here.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scrapy import signals
from scrapy.crawler import AsyncCrawlerProcess, Crawler, CrawlerProcessBase
from scrapy.exceptions import IgnoreRequest, NotConfigured
from scrapy.settings import Settings

from crawler.messages import FINE, LOOK_AT_IT, TRY_LATER, say
from crawler.opening import register, with_database
from crawler.parsers import Parser
from crawler.reading import has_parser, read
from crawler.scheduling import stories_within
from crawler.sources import Configuration, ConfiguredPage, least_seconds
from crawler.telling import NOTED, faults
from storage.archive import body_of
from storage.database import explained, immediate
from storage.hosts import crawl_delays, holds, remember_hold, remember_robots, robots_since
from storage.pages import (
    MISSING,
    absence,
    guesses_that_answered,
    keep_knowledge,
    keep_mark,
    knowledge_of,
    last_asked,
    latest_body,
    mark_of,
    page_of,
    passed_over,
    validated_fetch,
)
from storage.receiving import Answer, receive
from storage.runs import end_run, previous_run, start_run
from storage.writing import look, unread

#: For so long a national file is believed that a state's own file has not moved.
LONGEST_TRUST = timedelta(hours=1)
#: Of so many looks at a page, at least one asks for all of it.
UNCONDITIONAL = 12
#: How often a guessed page that is not there is asked for again.
ASK_ABSENT_EVERY = timedelta(days=1)


class Ended(IgnoreRequest):
    """The crawl ends before the request was sent: there is no look to record."""


class Run:
    """What the parts of one crawl share: its configuration, its database, what came of it."""

    def __init__(
        self, configuration: Configuration, database: Path, connection: sqlite3.Connection
    ) -> None:
        self.configuration = configuration
        self.database = database
        self.connection = connection
        self.parsers = {source.id: source.parser for source in configuration.sources}
        self._holds = holds(connection)
        self.slow_hosts: dict[
            str, float
        ] = {}  # seconds, where one run cannot wait for a second page
        self.previous_end, self.previous_killed = previous_run(connection)
        self.outcomes: Counter[str] = Counter()
        self._newly_absent: dict[str, list[str]] = {}
        self.changes: list[int] = []
        self.exit_code = FINE
        self.left_over = 0  # stories, for which there was no time
        self.broken = False  # the database cannot be written: nothing more can be received
        self.on_read: Callable[[], None] = lambda: None
        self.stop: Callable[[], None] = lambda: None

    def validators(self, page: ConfiguredPage) -> dict[str, str]:
        """The headers that ask the site whether the page has changed; none to ask for all of it.

        The ETag if there is one, else Last-Modified. All of the page is asked for after a look
        that was not accepted in full, after a new version of the parser, and at every
        UNCONDITIONAL-th look: sites are wrong about "not modified" now and then, and one whose
        Last-Modified counts whole seconds is wrong of a page that it replaced within one.
        """
        known = page_of(self.connection, page.source, page.url)
        settled = None if known is None else validated_fetch(self.connection, known)
        if settled is None or settled["parser"] != self._parser(page).NAME:
            return {}
        if settled["asked_url"] != page.asked_url:
            return {}  # what another version is known by says nothing of this one
        if settled["since"] >= UNCONDITIONAL - 1:
            return {}
        headers = {name.lower(): value for name, value in json.loads(settled["headers"])}
        if "etag" in headers:
            return {"If-None-Match": headers["etag"]}
        if "last-modified" in headers:
            return {"If-Modified-Since": headers["last-modified"]}
        return {}

    def full_look(self) -> frozenset[tuple[str, str]]:
        """Source and address of all results, with the guessed files that are known to be there."""
        guessed = {
            (source.id, page.url)
            for source in self.configuration.sources
            for office in (source.feed.offices if source.feed is not None else ())
            for page in source.state_files(office).values()
        }
        there = guessed & guesses_that_answered(self.connection)
        return self.configuration.full_look | there

    @property
    def delay(self) -> float:
        """Seconds between two requests to one host, the configured ones or what sites ask for."""
        return longest_delay(self.configuration, self.connection)

    @property
    def stories(self) -> int | None:
        """How many stories this run looks at; None for all of them."""
        feeds = sum(len(source.discover) for source in self.configuration.sources)
        return stories_within(self.configuration.every, self.delay, len(self.full_look()) + feeds)

    def is_absent(self, page: ConfiguredPage) -> bool:
        """Whether the page is a guess that is not there, by what the last day has told."""
        if page.knowledge != "guessed":
            return False
        known = page_of(self.connection, page.source, page.url)
        missing = None if known is None else absence(self.connection, known)
        return missing is not None and datetime.now(UTC) - missing.last < ASK_ABSENT_EVERY

    def has_moved(self, page: ConfiguredPage, mark: str) -> bool:
        """Whether a page is to be asked for, now that this is its mark: what the national file
        gives for a state's own, or the version.

        It is too when not all of its last look was accepted (something waits to be confirmed), an
        older parser read it, or it was not asked for in an hour: a county may be corrected while
        the national file stands still.
        """
        known = page_of(self.connection, page.source, page.url)
        settled = None if known is None else validated_fetch(self.connection, known)
        if known is None or settled is None or settled["parser"] != self._parser(page).NAME:
            return True
        looked = self.looked_at(known)
        if looked is None or datetime.now(UTC) - looked > LONGEST_TRUST:
            return True
        return mark_of(self.connection, known) != mark

    def looked_at(self, page: int) -> datetime | None:
        """When the page's last look was; None before the first."""
        last = last_asked(self.connection, page)
        return look(self.connection, last).fetched_at if last else None

    def keep_mark(self, page: ConfiguredPage, mark: str) -> None:
        """A page was received while this was its mark."""
        known = page_of(self.connection, page.source, page.url)
        if known is not None and mark_of(self.connection, known) != mark:
            with suppress(Ended), self._stopping(), immediate(self.connection):
                keep_mark(self.connection, known, mark)

    def other_offices(self, page: ConfiguredPage) -> frozenset[str]:
        """The offices of which the state has results, by the latest body of its own file."""
        known = page_of(self.connection, page.source, page.url)
        body = None if known is None else latest_body(self.connection, known)
        offices: frozenset[str] = self._parser(page).other_offices(body or b"")
        return offices

    def _parser(self, page: ConfiguredPage) -> Parser:
        return self.parsers[page.source]

    def may_ask(self, scheme: str, netloc: str) -> bool:
        """Whether the configuration allows requests there."""
        return self.configuration.may_ask(scheme, netloc)

    def held(self, host: str) -> datetime | None:
        """Until when the host asked to be left alone; None when it did not, or that is over."""
        until = self._holds.get(host)
        return until if until is not None and until > datetime.now(UTC) else None

    def hold(self, host: str, until: datetime) -> None:
        """The host asks to be left alone: nothing is sent to it until then, in later runs too."""
        self._holds[host] = max(until, self._holds.get(host, until))
        with self._stopping(), immediate(self.connection):
            remember_hold(self.connection, host, self._holds[host])

    def remember_robots(self, netloc: str, body: bytes, delay: float | None) -> None:
        """Keep the host's robots.txt, for when it cannot be had, and the Crawl-delay in it."""
        with self._stopping(), immediate(self.connection):
            remember_robots(self.connection, netloc, body, delay, datetime.now(UTC))

    def robots_of(self, netloc: str) -> bytes | None:
        """The host's robots.txt as kept within the last 24 hours; None without one."""
        return robots_since(self.connection, netloc, datetime.now(UTC) - timedelta(hours=24))

    def pause(self) -> float:
        """Seconds to wait before the first request, for its distance to the run before."""
        return pause_after(
            self.configuration, self.connection, self.previous_end, self.previous_killed
        )

    def turn(self, page: ConfiguredPage) -> tuple[bool, int]:
        """What orders pages: first those that the last run passed over, the longest ago first."""
        known = page_of(self.connection, page.source, page.url)
        waiting = None if known is None else passed_over(self.connection, known)
        return waiting is None, waiting or 0

    def last_asked(self, page: ConfiguredPage) -> int:
        """The last fetch at which the site was asked for the page; 0 when it never was."""
        known = page_of(self.connection, page.source, page.url)
        return 0 if known is None else last_asked(self.connection, known)

    def is_whole(self, fetch: int) -> bool:
        """Whether what came can be read."""
        return look(self.connection, fetch).outcome not in ("refused", "failed")

    def receive(self, page: ConfiguredPage, answer: Answer) -> int:
        """Commit the answer. Returns the fetch's id.

        Where the database cannot be written, that is told, the run stops, and Ended is raised.
        """
        with self._stopping():
            fetch = receive(
                self.connection,
                source=page.source,
                url=page.url,
                family=page.family,
                answer=answer,
                parser=self._parser(page).NAME,
            )
            if page.knowledge is not None:
                self._keep_knowledge(look(self.connection, fetch).page, page.knowledge)
        return fetch

    def _keep_knowledge(self, page: int, knowledge: str) -> None:
        if knowledge_of(self.connection, page) != knowledge:
            with immediate(self.connection):
                keep_knowledge(self.connection, page, knowledge)

    def read(self, fetch: int) -> None:
        """Read the fetch into the log and tell what must be told.

        What has no parser yet is left as it is.
        """
        if not has_parser(self.connection, fetch, self.parsers):
            self.outcomes["kept"] += 1
            self.on_read()
            return
        try:
            with self._stopping():
                reading = read(self.connection, fetch, self.parsers)
        except Ended:
            return
        self.changes += reading.changes
        about = look(self.connection, fetch)
        missing = absence(self.connection, about.page) if about.status in MISSING else None
        if missing is None:
            self.outcomes[reading.outcome] += 1
            for fault in faults(reading):
                self.tell(fault)
        else:
            self.outcomes["absent"] += 1
            if missing.looks == 1:
                self._newly_absent.setdefault(reading.source, []).append(reading.url)
        for note in reading.notes:
            words, exit_code = NOTED[note.kind]
            self.tell(f"{reading.source}: {reading.url}: {note.text}: {words}", exit_code)
        self.on_read()

    def tell_absent(self) -> None:
        """Say once, at the end of the crawl, which guesses are not there: it may be a hundred."""
        for source, urls in self._newly_absent.items():
            what = "a guessed address that is not there"
            if len(urls) > 1:
                what = f"and {len(urls) - 1} more guessed addresses are not there"
            self.tell(f"{source}: {urls[0]}: {what}; asked again daily", FINE)

    def body_of(self, fetch: int) -> bytes | None:
        """The body of a fetch; None when it has none."""
        body = look(self.connection, fetch).body
        return None if body is None else body_of(self.connection, body)

    def tell(self, fault: str, exit_code: int = LOOK_AT_IT) -> None:
        """One line on stderr, and the exit code that goes with it."""
        say(fault)
        self.exit_code = max(self.exit_code, exit_code)

    @contextmanager
    def _stopping(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            known = explained(self.database, error)
            if known is None and not isinstance(error, sqlite3.OperationalError):
                raise
            if not self.broken:
                kept = "what was received before is kept, and read by the next crawl"
                later = known is not None and known.try_later
                what = known or f"{self.database}: {error}; it does not fit this version"
                self.tell(f"{what}; {kept}", TRY_LATER if later else LOOK_AT_IT)
            self.broken = True
            self.stop()
            raise Ended("the database cannot be written") from error


def pause_after(
    configuration: Configuration,
    connection: sqlite3.Connection,
    ended: datetime | None,
    killed: bool,
) -> float:
    """Seconds to wait before the next request to any host, after a run that ended then.

    ended: None when there was none, or it was killed.
    """
    delay = longest_delay(configuration, connection)
    passed = delay if ended is None else (datetime.now(UTC) - ended).total_seconds()
    if killed:
        passed = 0.0  # nobody knows when its last request was
    return min(max(0.0, delay - passed), delay)


def longest_delay(configuration: Configuration, connection: sqlite3.Connection) -> float:
    """Seconds between two requests to whichever configured host wants the most."""
    names = {host for source in configuration.sources for host in source.hosts}
    return max([configuration.delay, *crawl_delays(connection, names)])


def run_of(crawler: Crawler) -> Run:
    """The run that the crawler's spider belongs to. Raises NotConfigured in `scrapy shell`."""
    run = getattr(crawler.spider, "run", None)
    if not isinstance(run, Run):
        raise NotConfigured("only crawls started by TallyTrail are received and read")
    return run


def crawl(
    spider: str,
    *,
    configuration: Path,
    database: Path,
    process: CrawlerProcessBase | None = None,
) -> int:
    """Run one spider and return the exit code; the caller holds the lock. Messages: stderr."""
    return with_database(
        configuration,
        database,
        lambda config, connection: _crawl(spider, Run(config, database, connection), process),
    )


def _crawl(spider: str, run: Run, process: CrawlerProcessBase | None) -> int:
    with immediate(run.connection):
        start_run(run.connection, spider, datetime.now(UTC))
        for source in run.configuration.sources:
            register(run.connection, source)
    try:
        return _run_spider(spider, run, process)
    finally:
        with suppress(sqlite3.Error):  # what went wrong with it is told already
            run.connection.execute("PRAGMA busy_timeout = 0")
            end_run(run.connection, datetime.now(UTC))


def _run_spider(spider: str, run: Run, process: CrawlerProcessBase | None) -> int:
    for fetch in unread(run.connection):  # a run before this one was cut off
        if has_parser(run.connection, fetch, run.parsers):
            run.read(fetch)
    if run.broken:
        return run.exit_code
    if process is None:
        settings = Settings()
        settings.setmodule("crawler.settings", priority="project")
        process = AsyncCrawlerProcess(settings)
    quiet_robots()
    crawler: Crawler = process.create_crawler(spider)
    crawler.settings.setdict(run_settings(run.configuration), priority="cmdline")
    ended = _Ending(crawler, run)
    process.crawl(crawler, run=run)
    with _progress(crawler, run):
        process.start()
    run.tell_absent()
    return ended.exit_code()


def quiet_robots() -> None:
    """Call it after the process was made, which sets the levels anew.

    A host that does not answer for robots.txt does not answer for its pages either, and that is
    told in one line; Scrapy would print a traceback for the first.
    """
    logging.getLogger("scrapy.downloadermiddlewares.robotstxt").setLevel(logging.CRITICAL)


def run_settings(configuration: Configuration) -> dict[str, Any]:
    """What the configuration decides of Scrapy's settings."""
    agent = f"TallyTrail/{version('tallytrail')} (audit trail of election results; contact"
    return {
        "USER_AGENT": f"{agent}: {configuration.contact})",
        # Without any delay Scrapy sends all that waits at once, whatever the concurrency.
        "DOWNLOAD_DELAY": max(configuration.delay, 0.001),
    }


class _Ending:
    """How a crawl ended: by itself, by a signal, or by a fault of ours."""

    def __init__(self, crawler: Crawler, run: Run) -> None:
        self.crawler, self.run = crawler, run
        self.reason = "shutdown"
        self.signal: signal.Signals | None = None
        crawler.signals.connect(self.opened, signal=signals.spider_opened)
        crawler.signals.connect(self.closed, signal=signals.spider_closed)

    def opened(self) -> None:
        loop = asyncio.get_running_loop()

        def stop() -> None:
            loop.call_soon(self._stop)

        self.run.stop = stop
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.signalled, number)

    def signalled(self, number: signal.Signals) -> None:
        # The first asks to end after the page at hand; a second ends at once, as is usual.
        asyncio.get_running_loop().remove_signal_handler(number)
        signal.signal(number, signal.SIG_DFL)
        self.signal = number
        self._stop()

    def _stop(self) -> None:
        # Scrapy would first send all requests that wait for their turn at a host.
        engine = self.crawler.engine
        for slot in engine.downloader.slots.values() if engine is not None else ():
            while slot.queue:
                slot.queue.popleft()[1].errback(Ended("the crawl was ended"))
        self._stopping = asyncio.ensure_future(self.crawler.stop_async())

    def closed(self, reason: str) -> None:
        self.reason = reason

    def exit_code(self) -> int:
        if self.signal is not None:
            return 128 + self.signal
        errors = self.crawler.stats.get_value("log_count/ERROR", 0) if self.crawler.stats else 1
        if self.run.broken:
            return self.run.exit_code
        if self.reason != "finished" or errors:
            return max(self.run.exit_code, LOOK_AT_IT)
        return self.run.exit_code


@contextmanager
def _progress(crawler: Crawler, run: Run) -> Iterator[None]:
    """On a terminal: a bar while the crawl goes on, and one line at its end."""
    if not sys.stderr.isatty():
        yield
        return
    wanted = run.full_look()
    if wanted:
        seconds = least_seconds(wanted, run.delay)
        say(f"a full look: {len(wanted)} requests, at least {seconds:.0f} s")
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True, soft_wrap=True), transient=True) as bar:
        pages = bar.add_task("looking", total=0)

        def scheduled() -> None:
            bar.update(pages, total=(bar.tasks[0].total or 0) + 1)

        run.on_read = lambda: bar.advance(pages)
        crawler.signals.connect(scheduled, signal=signals.request_scheduled)
        yield
    looks = ", ".join(f"{count} {outcome}" for outcome, count in sorted(run.outcomes.items()))
    ids = f" (#{min(run.changes)} to #{max(run.changes)})" if run.changes else ""
    say(f"{run.outcomes.total()} looks: {looks or 'none'}; {len(run.changes)} changes{ids}")
    if run.left_over:
        say(f"{run.left_over} stories are left for the next crawl: results come first")
