"""What the spiders share: they ask for pages and follow what these name, and do nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import scrapy
from scrapy.crawler import Crawler
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.parsers.clarity import VERSION
from crawler.running import Ended, Run
from crawler.sources import ConfiguredPage, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedPage:
    """The one item a page: the id of its fetch, received and waiting to be read."""

    fetch: int


_Wanted = tuple[Source, ConfiguredPage]
_Step = Callable[[], Iterator[_Wanted]]
_Yielded = ReceivedPage | scrapy.Request


class PageSpider(scrapy.Spider):
    """Looks at what is there for its figures first, then at stories; each page once.

    A step begins when the last answer of the step before is there: results never wait for stories,
    and the stories of a crawl fit into the time that is left.
    """

    #: Files of feeds and results pages; the stories that feeds name. All spiders look at the
    #: configured stories.
    for_results = True
    for_named = True

    def __init__(self, run: Run, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.run = run
        self._asked: set[tuple[str, str]] = set()
        self._open = 0  # requests of the step
        #: By source and address of a state's file, or of a page with versions.
        self._marks: dict[tuple[str, str], str] = {}
        self._named: list[_Wanted] = []
        self._room = run.stories  # for so many stories; None: for all
        results = (self._national, self._states, self._other_offices) if self.for_results else ()
        named = (self._named_stories,) if self.for_named else ()
        self._steps: Iterator[_Step] = iter((*results, self._configured, *named))

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> PageSpider:
        if "run" not in kwargs:
            raise RuntimeError("start this spider with 'scrapy crawl' or 'tallytrail crawl'")
        return super().from_crawler(crawler, *args, **kwargs)

    async def start(self) -> AsyncIterator[scrapy.Request]:
        await asyncio.sleep(self.run.pause())
        for request in self._next():
            yield request

    def received(self, response: Response, source: Source) -> Iterator[_Yielded]:
        """The page is received: have it read, and follow what it names."""
        fetch: int = response.meta["fetch"]
        whole = response.status in (200, 304) and self.run.is_whole(fetch)  # before it is read
        yield ReceivedPage(fetch=fetch)
        try:
            if whole:
                self._follow(source, response.meta["page"], response.body)
        finally:
            self._open -= 1
            yield from self._next()

    def not_received(self, failure: Failure) -> Iterator[_Yielded]:
        """The failed fetch is in the database, and told, already."""
        self._open -= 1
        if isinstance(failure.value, Ended):
            self._steps = iter(())
        yield from self._next()

    def _next(self) -> list[scrapy.Request]:
        """The requests of the next step that has any; none while one of the last is open."""
        requests: list[scrapy.Request] = []
        while not self._open:
            step = next(self._steps, None)
            if step is None:
                break
            for source, page in step():
                requests += self._requests(source, page)
            self._open = len(requests)
        return requests

    def _requests(self, source: Source, page: ConfiguredPage) -> Iterator[scrapy.Request]:
        parser = source.parser
        # A story has many addresses.
        key = (source.id, parser.story_id(page.url) or page.url)
        if key in self._asked or self.run.is_absent(page):
            return
        if page.family == parser.STORY and self._room is not None:
            if self._room == 0:
                self.run.left_over += 1
                return
            self._room -= 1
        self._asked.add(key)
        yield scrapy.Request(
            page.asked_url or page.url,
            callback=self.received,
            errback=self.not_received,
            cb_kwargs={"source": source},
            meta={"page": page, "handle_httpstatus_all": True},
            dont_filter=True,
        )

    def _follow(self, source: Source, page: ConfiguredPage, body: bytes) -> None:
        parser = source.parser
        if page.family == parser.DISCOVERY:
            urls = (source.followed(link.url) for link in parser.links(body))
            self._named += [
                (source, replace(page, url=url, family=parser.STORY)) for url in urls if url
            ]
        behind, version = source.versioned.get(page.url), parser.version(body)
        if behind is not None and version is not None:
            self._marks[source.id, behind.url] = version
        if page.family != parser.FEED:
            return
        mark = self._marks.get((source.id, page.url))
        if mark is not None:
            self.run.keep_mark(page, mark)
        file = parser.feed_file(page.url)
        if source.feed is not None and page.url == parser.feed_url(source.feed.base, file.office):
            marks = parser.marks(file, body)
            for state, of_state in source.state_files(file.office).items():
                if state in marks:
                    self._marks[source.id, of_state.url] = marks[state]

    # The steps. A host may allow one page a run: then each has its turn.

    def _national(self) -> Iterator[_Wanted]:
        """The feeds' national files, and other configured pages that have the figures."""
        for source in self.run.configuration.sources:
            yield from self._in_turn(source, source.results)

    def _states(self) -> Iterator[_Wanted]:
        """The states' own files, and pages with versions, of those that have moved."""
        for source in self.run.configuration.sources:
            files = [*source.state_files("president").values(), *source.versioned.values()]
            moved = [self._marked(source, p) for p in files if self._has_moved(source, p)]
            yield from self._in_turn(source, moved)

    def _other_offices(self) -> Iterator[_Wanted]:
        """The states' files of other offices, where the state's own file says that it has some."""
        for source in self.run.configuration.sources:
            electoral = source.state_files("president")
            has: dict[str, frozenset[str]] = {}
            pages = []
            for office in source.feed.offices if source.feed is not None else ():
                if office == "president":
                    continue
                for state, page in source.state_files(office).items():
                    if state not in electoral or not self._has_moved(source, page):
                        continue
                    if state not in has:
                        has[state] = self.run.other_offices(electoral[state])
                    if office in has[state]:
                        pages.append(page)
            yield from self._in_turn(source, pages)

    def _configured(self) -> Iterator[_Wanted]:
        """The configured stories, and the feeds that name further ones."""
        yield from self._stories_in_turn(
            [
                (source, page)
                for source in self.run.configuration.sources
                for page in (*source.others, *(source.discover if self.for_named else ()))
            ]
        )

    def _named_stories(self) -> Iterator[_Wanted]:
        if self._room == 0:
            self._room = 1  # or the configured ones would leave no room for them, ever
        yield from self._stories_in_turn(self._named)

    def _in_turn(self, source: Source, pages: Iterable[ConfiguredPage]) -> Iterator[_Wanted]:
        for page in sorted(pages, key=self.run.turn):
            yield source, page

    def _stories_in_turn(self, wanted: Sequence[_Wanted]) -> list[_Wanted]:
        """Where there is no time for all, those that were not asked for the longest come first."""
        if self._room is None or len(wanted) <= self._room:
            return sorted(wanted, key=lambda one: self.run.turn(one[1]))
        return sorted(wanted, key=lambda one: self.run.last_asked(one[1]))

    def _marked(self, source: Source, page: ConfiguredPage) -> ConfiguredPage:
        """The page as it is to be asked for, now that its mark is known."""
        return page.at(self._marks[source.id, page.url]) if VERSION in page.url else page

    def _has_moved(self, source: Source, page: ConfiguredPage) -> bool:
        """Whether the national file says so; every state has where all are followed."""
        if self.run.is_absent(page):
            return False
        if source.feed is not None and source.feed.follow_all:
            return True
        mark = self._marks.get((source.id, page.url))
        return mark is not None and self.run.has_moved(page, mark)
