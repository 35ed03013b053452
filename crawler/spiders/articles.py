"""Looks at stories: the configured ones, and those that the configured feeds name."""

from __future__ import annotations

from collections.abc import Iterable

from crawler.parsers import PARSERS
from crawler.sources import ConfiguredPage, Source
from crawler.spiders.pages import PageSpider


class ArticlesSpider(PageSpider):
    """The configured stories first, then the feeds and the stories that they name."""

    name = "articles"

    def first_pages(self, source: Source) -> Iterable[ConfiguredPage]:
        story = PARSERS[source.parser].STORY
        return (*(page for page in source.pages if page.family == story), *source.discover)
