"""The least that Scrapy can be asked to do: one page, and nothing with it."""

from __future__ import annotations

from typing import Any

import scrapy
from scrapy.http import Response


class Bare(scrapy.Spider):
    """`scrapy runspider bare_spider.py -a url=...`"""

    name = "bare"

    def __init__(self, url: str, **settings: Any) -> None:
        super().__init__(**settings)
        self.start_urls = [url]

    def parse(self, response: Response) -> None:
        """Nothing."""
