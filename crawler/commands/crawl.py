"""`scrapy crawl results` and `scrapy crawl articles`, from the checkout."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from scrapy.commands import crawl
from scrapy.exceptions import UsageError

from crawler.overlap import alone
from crawler.running import crawl as run_crawl


class Command(crawl.Command):
    """Scrapy's command, under the same lock, configuration and exit codes as `tallytrail crawl`."""

    def run(self, args: list[str], opts: argparse.Namespace) -> None:  # noqa: ARG002 - Scrapy gives it
        if len(args) != 1:
            raise UsageError("name one spider, as in: scrapy crawl results")
        assert self.crawler_process is not None
        spiders = self.crawler_process.spider_loader.list()
        if args[0] not in spiders:
            raise UsageError(f"there is no spider {args[0]}; there are {', '.join(spiders)}")
        configuration = Path(os.environ.get("TALLYTRAIL_CONFIG", "tallytrail.toml"))
        database = Path(os.environ.get("TALLYTRAIL_DB", "tallytrail.db"))

        def work() -> int:
            return run_crawl(
                args[0],
                configuration=configuration,
                database=database,
                process=self.crawler_process,
            )

        self.exitcode = alone(database, configuration, work)
