"""What `tallytrail crawl` runs: results and articles in one crawler, each page asked for once."""

from __future__ import annotations

from collections.abc import Iterable

from crawler.sources import ConfiguredPage, Source
from crawler.spiders.pages import PageSpider


class EverythingSpider(PageSpider):
    """All configured pages, then the feeds and the stories that they name."""

    name = "everything"

    def first_pages(self, source: Source) -> Iterable[ConfiguredPage]:
        return (*source.pages, *source.discover)
