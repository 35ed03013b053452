"""What the spiders share: they ask for pages and follow links, and do nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import scrapy
from scrapy.crawler import Crawler
from scrapy.http import Response

from crawler.parsers import PARSERS
from crawler.running import Run
from crawler.sources import ConfiguredPage, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedPage:
    """The one item a page: the id of its fetch, received and waiting to be read."""

    fetch: int


class PageSpider(scrapy.Spider):
    """Looks at the pages that `first_pages` chooses; each story once, whatever its address."""

    def __init__(self, run: Run, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.run = run
        self._stories: set[tuple[str, str]] = set()

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> PageSpider:
        if "run" not in kwargs:
            raise RuntimeError("start this spider with 'scrapy crawl' or 'tallytrail crawl'")
        return super().from_crawler(crawler, *args, **kwargs)

    def first_pages(self, source: Source) -> Iterable[ConfiguredPage]:
        """The configured pages of the source that this spider is for."""
        raise NotImplementedError

    async def start(self) -> AsyncIterator[scrapy.Request]:
        await asyncio.sleep(self.run.pause())
        for source in self.run.configuration.sources:
            # A host may allow one page a run: then each has its turn.
            for page in sorted(self.first_pages(source), key=self.run.turn):
                for request in self._requests(source, page):
                    yield request

    def _requests(self, source: Source, page: ConfiguredPage) -> Iterator[scrapy.Request]:
        story = PARSERS[source.parser].story_id(page.url)
        if story is not None:
            if (source.id, story) in self._stories:
                return
            self._stories.add((source.id, story))
        yield scrapy.Request(
            page.url,
            callback=self.received,
            errback=self.not_received,
            cb_kwargs={"source": source},
            meta={"page": page, "handle_httpstatus_all": True},
            dont_filter=True,
        )

    def received(
        self, response: Response, source: Source
    ) -> Iterator[ReceivedPage | scrapy.Request]:
        """The page is received: have it read, and follow the stories that it names."""
        yield ReceivedPage(fetch=response.meta["fetch"])
        page: ConfiguredPage = response.meta["page"]
        parser = PARSERS[source.parser]
        if page.family != parser.DISCOVERY or response.status not in (200, 304):
            return
        for link in parser.links(response.body):
            url = source.followed(link.url)
            if url is not None:
                yield from self._requests(source, replace(page, url=url, family=parser.STORY))

    def not_received(self, failure: object) -> None:
        """The failed fetch is in the database, and told, already."""
