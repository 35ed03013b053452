"""Looks at stories: the configured ones, and those that the configured feeds name."""

from __future__ import annotations

from crawler.spiders.pages import PageSpider


class ArticlesSpider(PageSpider):
    """The configured stories and the feeds, then the stories that these name."""

    name = "articles"
    for_results = False
