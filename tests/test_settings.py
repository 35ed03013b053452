"""What of Scrapy's own is on in a crawl, and that nothing else is even loaded."""

from __future__ import annotations

from typing import Any

import pytest
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.settings import Settings, default_settings
from scrapy.spiders import Spider
from scrapy.statscollectors import StatsCollector
from scrapy.utils.misc import build_from_crawler, load_object

from crawler import settings as ours

REPLACED = {
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware",
    "scrapy.extensions.memusage.MemoryUsage",
}
#: They count for a log that is not kept.
STATISTICS = {"scrapy.extensions.corestats.CoreStats", "scrapy.extensions.logstats.LogStats"}


def base(module: Any) -> dict[str, int]:
    return {**module.DOWNLOADER_MIDDLEWARES_BASE, **module.EXTENSIONS_BASE}


def test_what_is_on_stands_where_scrapy_has_it() -> None:
    assert base(ours).items() <= base(default_settings).items()


@pytest.mark.parametrize("name", sorted({*base(default_settings)} - {*base(ours)}))
def test_what_is_left_out_is_replaced_or_switched_off(name: str) -> None:
    if name in REPLACED | STATISTICS:
        return
    settings = Settings()
    settings.setmodule(ours, priority="project")
    crawler = Crawler(Spider, settings)
    crawler.stats = StatsCollector(crawler)
    with pytest.raises(NotConfigured):
        build_from_crawler(load_object(name), crawler)
