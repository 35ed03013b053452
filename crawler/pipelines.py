"""The one pipeline: a received page is read into the log."""

from __future__ import annotations

from scrapy.crawler import Crawler

from crawler.running import Run, run_of
from crawler.spiders.pages import ReceivedPage


class ReadPipeline:
    """Reads each page as it comes. What came of it is told by the run."""

    def __init__(self, run: Run) -> None:
        self.run = run

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> ReadPipeline:
        return cls(run_of(crawler))

    def process_item(self, item: ReceivedPage) -> ReceivedPage:
        self.run.read(item.fetch)
        return item
