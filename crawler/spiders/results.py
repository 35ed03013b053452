"""Looks at the pages that carry results."""

from __future__ import annotations

from crawler.spiders.pages import PageSpider


class ResultsSpider(PageSpider):
    """Files of the feed and results pages, then the configured stories, for their banner."""

    name = "results"
    for_named = False
