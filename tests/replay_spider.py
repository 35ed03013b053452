"""A crawler process that looks at its configured pages again and again, in a given order.

Run as a program, with the order as JSON: the position of the page of each look. All else is the
product's own: requests, politeness, receiving, reading.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from scrapy.crawler import AsyncCrawlerProcess
from scrapy.settings import Settings

from crawler.running import Run, crawl
from crawler.sources import ConfiguredPage, Source
from crawler.spiders.results import ResultsSpider


class ReplaySpider(ResultsSpider):
    name = "replay"
    order: tuple[int, ...] = ()

    def __init__(self, run: Run, **kwargs: Any) -> None:
        super().__init__(run, **kwargs)
        self._steps = (self._at(position) for position in self.order)

    def _at(self, position: int) -> Callable[[], Iterator[tuple[Source, ConfiguredPage]]]:
        def step() -> Iterator[tuple[Source, ConfiguredPage]]:
            self._asked.clear()
            (source,) = self.run.configuration.sources
            yield source, source.results[position]

        return step


def main(order: Path) -> int:
    ReplaySpider.order = tuple(json.loads(order.read_text("utf-8")))
    settings = Settings()
    settings.setmodule("crawler.settings", priority="project")
    settings.set("SPIDER_MODULES", ["tests.replay_spider"], priority="cmdline")
    settings.set("CLOSESPIDER_TIMEOUT", 0, priority="cmdline")
    return crawl(
        "replay",
        configuration=Path("tallytrail.toml"),
        database=Path("tallytrail.db"),
        process=AsyncCrawlerProcess(settings),
    )


if __name__ == "__main__":
    from tests.replay_spider import main as run  # the spider's module, not this program

    sys.exit(run(Path(sys.argv[1])))
