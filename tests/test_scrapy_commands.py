"""`scrapy list` and `scrapy crawl` from the checkout: same lock, exit codes and database."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import site as web
from tests.site import ROBOTS, Bureau, Done, Figures, Site, path_of, story, wait_for


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        yield site


@pytest.fixture
def bureau(tmp_path: Path) -> Bureau:
    return Bureau(tmp_path)


def scrapy(bureau: Bureau, *words: str) -> Done:
    """Run scrapy in the checkout, on the bureau's files."""
    return web.run(
        [web.SCRAPY, *words],
        web.ROOT,
        TALLYTRAIL_CONFIG=str(bureau.configuration),
        TALLYTRAIL_DB=str(bureau.database),
    )


def test_scrapy_list_names_both_spiders(bureau: Bureau) -> None:
    done = scrapy(bureau, "list")
    assert (done.returncode, done.stderr) == (0, "")
    assert {"articles", "results"} <= set(done.stdout.split())


def test_results_looks_at_configured_stories_and_articles_at_those_of_the_feeds_too(
    site: Site, bureau: Bureau
) -> None:
    for number in (1, 2):
        site.shows(number, Figures(67_410_748, 72_191_978))
    site.answers["/feed"] = web.answer(web.rss(site.url + path_of(2)))
    bureau.configure(site.url + path_of(1), discover=[site.url + "/feed"])

    done = scrapy(bureau, "crawl", "results")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sorted(r.path for r in site.requests) == [path_of(1), ROBOTS]

    site.requests.clear()
    site.shows(1, Figures(67_410_750, 72_191_978, updated="Nov. 6, 8:00 PM ET"))
    done = scrapy(bureau, "crawl", "articles")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sorted(r.path for r in site.requests) == sorted(
        ["/feed", path_of(1), path_of(2), ROBOTS]
    )
    # The same database, and one page read whole by either spider.
    (row,) = bureau.rows()
    assert (row["kind"], row["candidate"], row["delta"]) == ("votes_increased", "harris", 2)
    assert (row["fetch_before"], row["fetch"]) == (1, 2)
    assert [f["outcome"] for f in bureau.fetches()] == ["new"] * 4


def test_scrapy_crawl_leaves_a_crawl_at_work_alone_and_so_does_the_reverse(
    site: Site, bureau: Bureau
) -> None:
    released = threading.Event()
    site.answers[path_of(1)] = web.when_released(released, web.answer(b"", 500))
    bureau.configure(site.url + path_of(1))
    first = bureau.start("crawl")
    wait_for(lambda: site.asked(path_of(1)))
    done = scrapy(bureau, "crawl", "results")
    (line,) = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (0, "")
    assert "another crawl is at work" in line
    assert site.asked(path_of(1)) == 1
    released.set()
    first.communicate(timeout=20)
    assert first.returncode == 1

    # The lock is free again; what fails is told as `tallytrail crawl` tells it.
    done = scrapy(bureau, "crawl", "results")
    (line,) = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (1, "")
    assert line.startswith(f"tallytrail: abc-2024: {site.url}{path_of(1)}: HTTP 500")


def test_scrapy_crawl_takes_configuration_errors_as_we_do(bureau: Bureau) -> None:
    bureau.configuration.write_text(f'contact = "{web.CONTACT}"\n', "utf-8")
    done = scrapy(bureau, "crawl", "results")
    (line,) = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (2, "")
    assert line.startswith(f"tallytrail: {bureau.configuration}: source")
    assert not bureau.database.exists()


def test_scrapy_crawl_of_no_such_spider_is_a_usage_error_without_a_traceback(
    site: Site, bureau: Bureau
) -> None:
    site.answers[path_of(1)] = web.answer(story(1))
    bureau.configure(site.url + path_of(1))
    done = scrapy(bureau, "crawl", "no-such-spider")
    assert done.returncode == 2
    assert "no-such-spider" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
