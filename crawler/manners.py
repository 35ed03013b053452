"""How we behave towards sites: whom we ask, what robots.txt allows, and how soon we ask again."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import ClassVar

from scrapy import Request, signals
from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import DownloadCancelledError, DownloadTimeoutError, IgnoreRequest
from scrapy.http import Response
from scrapy.resolver import CachingThreadedResolver
from scrapy.robotstxt import RobotParser
from scrapy.utils.httpobj import urlparse_cached
from scrapy.utils.misc import build_from_crawler
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, DNSLookupError

from crawler.answers import BUSY
from crawler.bodies import unpacked
from crawler.errors import NotWhole
from crawler.running import Run, run_of

#: A site may ask for no more patience than this at once.
LONGEST_HOLD = timedelta(hours=24)
#: Seconds that a run waits between two requests because robots.txt asks for it (Crawl-delay). Who
#: asks for longer is asked for one page, and then left alone for that time.
LONGEST_PAUSE = 60.0
#: A host that has let so many requests running wait in vain is not asked again in this run, but for
#: the one that is on its way by then.
PATIENCE = 2


class NotAsked(IgnoreRequest):
    """The request was not sent. The message says why."""


class RobotsUnknown(Exception):
    """robots.txt could not be had. The message says why."""


def held_until(status: int, headers: Mapping[str, str], answered: datetime) -> datetime | None:
    """Until when the site asks to be left alone; None when it does not.

    headers: by lower-case name. Retry-After is seconds or an HTTP date (RFC 9110, 10.2.3); what
    is neither is ignored. At most LONGEST_HOLD after the answer.
    """
    told = headers.get("retry-after", "").strip()
    if status not in BUSY or not told:
        return None
    if told.isascii() and told.isdecimal():
        # Python refuses to read numbers of thousands of digits.
        seconds = LONGEST_HOLD.total_seconds() if len(told) > 9 else int(told)
        return answered + min(timedelta(seconds=seconds), LONGEST_HOLD)
    try:
        until = parsedate_to_datetime(told)
        until = (until if until.tzinfo else until.replace(tzinfo=UTC)).astimezone(UTC)
    except ValueError:
        return None
    except OverflowError:  # the last hours of the year 9999
        return answered + LONGEST_HOLD
    return min(until, answered + LONGEST_HOLD)


class PoliteMiddleware:
    """Sends nothing to a host that is not configured, or that asked to be left alone.

    The pause between two requests to one host counts from the end of the first answer: a slow
    connection must not bring the second request close behind the first.
    """

    def __init__(self, crawler: Crawler, run: Run) -> None:
        self.crawler, self.run = crawler, run
        self._in_vain: Counter[str] = Counter()  # requests running, by host
        crawler.signals.connect(self.answered, signal=signals.response_downloaded)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> PoliteMiddleware:
        return cls(crawler, run_of(crawler))

    def process_request(self, request: Request) -> None:
        url = urlparse_cached(request)
        if not self.run.may_ask(url.scheme, url.netloc):
            raise NotAsked(f"{url.scheme}://{url.netloc} is not in the configuration")
        until = self.run.held(url.hostname or "")
        if until is not None:
            raise _held(until)
        if self._in_vain[url.netloc] >= PATIENCE:
            raise _waited_in_vain(url.netloc)

    def process_exception(self, request: Request, exception: Exception) -> None:
        if not isinstance(exception, DownloadTimeoutError):  # others cost the run no time
            return
        netloc = urlparse_cached(request).netloc
        self._in_vain[netloc] += 1
        if self._in_vain[netloc] == PATIENCE:
            self._give_up(request, _waited_in_vain(netloc))

    def _give_up(self, request: Request, reason: NotAsked) -> None:
        """Requests to the same host that were let through already, and wait for their turn."""
        assert self.crawler.engine is not None
        downloader = self.crawler.engine.downloader
        slot = downloader.slots.get(downloader.get_slot_key(request))
        while slot is not None and slot.queue:
            slot.queue.popleft()[1].errback(reason)

    def answered(self, request: Request, response: Response) -> None:
        assert self.crawler.engine is not None
        downloader = self.crawler.engine.downloader
        slot = downloader.slots.get(downloader.get_slot_key(request))
        if slot is None:
            return
        slot.lastseen = time.monotonic()
        del self._in_vain[urlparse_cached(request).netloc]
        headers = {
            name.decode("latin-1").lower(): values[-1].decode("latin-1")
            for name, values in response.headers.items()
        }
        now = datetime.now(UTC)
        host = urlparse_cached(request).hostname or ""
        until = held_until(response.status, headers, now)
        if until is None and host in self.run.slow_hosts and "page" in request.meta:
            wait = timedelta(seconds=self.run.slow_hosts[host])
            until = now + min(wait, LONGEST_HOLD)
        if until is not None and until > now:
            self.run.hold(host, until)
            self._give_up(request, _held(until))


def _held(until: datetime) -> NotAsked:
    return NotAsked(f"the site asked for no requests until {until:%Y-%m-%d %H:%M:%SZ}")


def _waited_in_vain(netloc: str) -> NotAsked:
    return NotAsked(f"{netloc} has let {PATIENCE} requests running wait in vain")


class RobotsMiddleware(RobotsTxtMiddleware):
    """Scrapy's own, with three differences (it reaches into what 2.19 keeps to itself).

    Every request is judged, also those that wait for robots.txt: since 2.14 several coroutines
    await one Deferred there, whose result the first consumes, and the others get None, which
    means allowed; a task can be awaited by many, and wakes them in order. A robots.txt that cannot
    be had (no answer, 5xx, moved) disallows everything, as RFC 9309 wants, unless a copy of the
    last 24 hours is at hand. Crawl-delay is honoured.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        run = getattr(crawler.spider, "run", None)
        self.run: Run | None = run  # `tallytrail check` has none: it remembers nothing
        self._rules: dict[str, asyncio.Future[RobotParser | None]] = {}
        self._unknown: dict[str, str] = {}

    async def robot_parser(self, request: Request) -> RobotParser | None:
        """The host's rules; None when it has none. Raises NotAsked when they cannot be had."""
        netloc = urlparse_cached(request).netloc
        if netloc not in self._rules:
            self._rules[netloc] = asyncio.ensure_future(self._rules_of(netloc, request))
        return await asyncio.shield(self._rules[netloc])

    async def _rules_of(self, netloc: str, request: Request) -> RobotParser | None:
        parser = await super().robot_parser(request)
        if netloc not in self._unknown:
            return parser
        kept = self.run.robots_of(netloc) if self.run is not None else None
        if kept is None:
            raise NotAsked(f"robots.txt of {netloc} could not be had: {self._unknown[netloc]}")
        return build_from_crawler(self._parserimpl, self.crawler, kept)

    def process_request_2(self, rp: RobotParser | None, request: Request) -> None:
        try:
            super().process_request_2(rp, request)
        except IgnoreRequest as error:
            raise NotAsked("robots.txt disallows it") from error

    async def _parse_robots(self, response: Response, netloc: str, request: Request) -> None:
        if response.status >= 500 or response.status in (429, *range(300, 400)):
            to = (response.headers.get("Location") or b"").decode("latin-1")
            raise RobotsUnknown(f"HTTP {response.status}{f', moved to {to}' if to else ''}")
        body = _robots_body(response) if response.status == 200 else b""
        kept = self.run.robots_of(netloc) if self.run is not None else None
        if kept and body.lstrip()[:1] == b"<":
            raise RobotsUnknown("a page came in place of it")
        await super()._parse_robots(Response(request.url, body=body), netloc, request)
        rules = self._parsers[netloc]
        assert rules is not None
        assert not isinstance(rules, Deferred)
        delay = rules.crawl_delay(self._default_useragent)
        if delay is not None and delay > LONGEST_PAUSE:
            if self.run is not None:
                self.run.slow_hosts[urlparse_cached(request).hostname or ""] = delay
            delay = None
        if self.run is not None:
            self.run.remember_robots(netloc, body, delay)
        assert self.crawler.engine is not None
        downloader = self.crawler.engine.downloader
        key = downloader.get_slot_key(request)
        if delay is not None and key in downloader.slots:
            longest = max(delay, downloader.slots[key].delay)
            downloader.slots[key].delay = longest
            # A slot that was idle for a minute is made anew from these.
            downloader.per_slot_settings[key] = {"delay": longest}

    def _robots_error(self, exc: Exception, netloc: str) -> None:
        super()._robots_error(exc, netloc)
        self._unknown[netloc] = reason_of(exc)


def _robots_body(response: Response) -> bytes:
    """The rules as the site sent them. Raises RobotsUnknown when they did not come whole."""
    encoding = (response.headers.get("Content-Encoding") or b"").decode("latin-1")
    length = response.headers.get("Content-Length")
    try:
        return unpacked(
            response.body,
            encoding=encoding,
            flags=response.flags,
            length=None if length is None else length.decode("latin-1"),
        )
    except NotWhole as error:
        raise RobotsUnknown(str(error)) from error


def reason_of(error: BaseException) -> str:
    """Why there is no answer, in the words of what failed first."""
    for name, address in PublicResolver.refused.items():
        if name in str(error):
            return f"{name} leads to {address}, which is no public address"
    if isinstance(error, DownloadTimeoutError):
        return "it takes too long"
    if isinstance(error, DownloadCancelledError):
        return "it is larger than any page that we take in"
    inner = [
        getattr(failure, "value", failure)
        for cause in _causes(error)
        for failure in getattr(cause, "reasons", ())
    ]
    for value in inner:
        if "VerificationError" in type(value).__name__ or "certificate" in str(value):
            return f"its certificate is not valid: {value}"
    if any(isinstance(value, ConnectionDone) for value in inner):
        return "the site closed the connection"
    told = next((value for value in inner if str(value)), error)
    return str(told).rstrip(".") or type(told).__name__


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


class PublicResolver(CachingThreadedResolver):
    """Names must lead to public addresses: a name of the configuration's, or one that its owner
    has turned since, is no way into the network of whoever runs the crawl. `localhost`, and
    addresses that stand in the configuration as numbers, are as they are.
    """

    refused: ClassVar[dict[str, str]] = {}  # private addresses, by the name that led to them

    def getHostByName(self, name: str, timeout: Sequence[int] = ()) -> Deferred[str]:
        found = super().getHostByName(name, timeout)
        if name != "localhost" and not _is_address(name):
            found.addCallback(_public, name)
        return found


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _public(address: str, name: str) -> str:
    if not ip_address(address).is_global:
        PublicResolver.refused[name] = address
        raise DNSLookupError(f"{name} leads to {address}, which is no public address")
    return address


class OnceHandler(HTTP11DownloadHandler):
    """One connection a request, which is sent once.

    A connection that is kept may be closed by the site at the moment of the second request. Whether
    that was asked twice, or failed for nothing, would be a matter of luck; whether and when it is
    asked again is for the next crawl to say.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._pool.persistent = False

    async def download_request(self, request: Request) -> Response:
        """Ask, and note when: what the site shows may move while the answer is on its way."""
        request.meta["asked_at"] = datetime.now(UTC)
        return await super().download_request(request)
