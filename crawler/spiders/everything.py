"""What `tallytrail crawl` runs: results and articles in one crawler, each page asked for once."""

from __future__ import annotations

from crawler.spiders.pages import PageSpider


class EverythingSpider(PageSpider):
    """All configured pages with all that they lead to."""

    name = "everything"
