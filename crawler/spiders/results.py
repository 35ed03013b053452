"""Looks at the pages that carry results."""

from __future__ import annotations

from collections.abc import Iterable

from crawler.sources import ConfiguredPage, Source
from crawler.spiders.pages import PageSpider


class ResultsSpider(PageSpider):
    """The configured pages that carry results: so far stories, for their banner."""

    name = "results"

    def first_pages(self, source: Source) -> Iterable[ConfiguredPage]:
        return source.pages
