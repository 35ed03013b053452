"""`tallytrail check`: what the parsers read from one page, and where. Writes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from crawler.errors import ConfigurationError
from crawler.parsers import PARSERS
from crawler.reading import charset_of
from crawler.sources import Configuration, Source
from storage.records import ARTICLE_FIELDS, ORIGINS, Article, RaceState, Snapshot, instant
from storage.reports.printable import printable
from storage.reports.text import local_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page to check: its address, the body, and what its header says of the charset."""

    url: str
    body: bytes
    charset: str | None = None


def page_from_file(path: Path, url: str | None) -> Page:
    """The page that a file holds; its address is `url`, else the canonical one in it.

    Raises ConfigurationError when the file cannot be read, or names no address.
    """
    from crawler.parsers.markup import page_tree

    try:
        body = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; check the name") from error
    if url is None:
        link = page_tree(body, None).select_one("link[rel=canonical]")
        href = link.get("href") if link else None
        if not isinstance(href, str):
            raise ConfigurationError(f"{path} names no address of its own; say --url ADDRESS")
        url = href
    return Page(url=url, body=body)


def page_from_site(url: str, configuration: Configuration) -> Page:
    """Ask the site for the page, as politely as a crawl does; nothing is kept.

    Raises ConfigurationError, with the reason, when it does not come whole.
    """
    import scrapy
    from scrapy.crawler import AsyncCrawlerProcess
    from scrapy.http import Response
    from scrapy.settings import Settings

    from crawler.bodies import ACCEPT_ENCODING
    from crawler.middlewares import answer_of
    from crawler.running import run_settings

    answers: list[Response] = []
    failures: list[str] = []

    class OnePage(scrapy.Spider):
        name = "check"

        async def start(self) -> AsyncIterator[scrapy.Request]:
            yield scrapy.Request(
                url,
                callback=answers.append,
                errback=lambda failure: failures.append(str(failure.value)),
                headers={"Accept-Encoding": ACCEPT_ENCODING},
                meta={"handle_httpstatus_all": True},
            )

    settings = Settings()
    settings.setmodule("crawler.settings", priority="project")
    settings.setdict(run_settings(configuration), priority="cmdline")
    process = AsyncCrawlerProcess(settings)
    process.crawl(OnePage)
    process.start()
    if not answers:
        raise ConfigurationError(f"{url}: {'; '.join(failures) or 'no answer'}")
    answer = answer_of(answers[0])
    if answer.failure is not None or answer.body is None:
        raise ConfigurationError(f"{url}: {answer.failure}")
    return Page(url=url, body=answer.body, charset=charset_of(answer.headers))


def source_of(configuration: Configuration, url: str) -> Source:
    """The source that looks at the address. Raises ConfigurationError when none does."""
    host = urlsplit(url).netloc
    for source in configuration.sources:
        if host in source.hosts:
            return source
    if len(configuration.sources) == 1:
        return configuration.sources[0]
    names = ", ".join(s.id for s in configuration.sources)
    raise ConfigurationError(f"{url}: no source looks at {host}; there are {names}")


def checked(page: Page, source: Source) -> tuple[list[str], bool]:
    """What is read, found, ignored and refused, as lines; and whether nothing is refused."""
    parser = PARSERS[source.parser]
    family = parser.family_of(page.url)
    if family is None:
        in_feeds = any(page.url == feed.url for feed in source.discover)
        family = parser.DISCOVERY if in_feeds or page.body.lstrip()[:5] == b"<?xml" else None
    if family is None:
        return [f"{printable(page.url)}: parser {source.parser} reads no such page"], False
    now = datetime.now(UTC)
    snapshot: Snapshot = parser.parse(
        family,
        page.body,
        url=page.url,
        charset=page.charset,
        election_date=source.election_date,
        fetched_at=now,
    )
    zone = ZoneInfo(source.timezone)
    lines = [
        f"{printable(page.url)}",
        f"  {family}, read by {parser.NAME}, {len(page.body):,} bytes",
    ]
    for race in snapshot.races:
        lines += _race_lines(race, zone)
    if not snapshot.races and family == parser.STORY:
        lines.append("results banner: none on the page" if not _refused(snapshot, "race") else "")
    if snapshot.article is not None:
        lines += _article_lines(snapshot.article, zone)
    if snapshot.links is not None:
        lines.append(f"stories named: {len(snapshot.links)}")
        lines += [f"  {link.article}  {printable(link.url)}" for link in snapshot.links]
    for ignored in parser.ignored(family, page.body, page.charset):
        lines.append(f"ignored: {printable(ignored)[:100]}")
    for refusal in snapshot.refusals:
        lines.append(f"REFUSED  {refusal.part}: {printable(refusal.reason)}")
    return [line for line in lines if line], not snapshot.refusals


def _refused(snapshot: Snapshot, part: str) -> bool:
    return any(r.part == part for r in snapshot.refusals)


def _race_lines(race: RaceState, zone: ZoneInfo) -> Iterator[str]:
    yield f"results banner: {race.race}, {race.place}"
    if race.source_updated_at is not None:
        yield f"  updated     {local_time(race.source_updated_at, zone)}"
    for tally in race.tallies:
        called = "   projected" if race.projection == tally.candidate else ""
        yield (
            f"  {printable(tally.name):<11} {tally.votes:,} votes,"
            f" {tally.electoral_votes} electoral votes{called}"
        )
    yield f"  expected    {race.expected_vote_pct:g}% of the expected vote"


def _article_lines(article: Article, zone: ZoneInfo) -> Iterator[str]:
    yield f"story {article.id}: {printable(article.url)}"
    for name in ARTICLE_FIELDS:
        reading = article.readings.get(name, {})
        told = [origin for origin in ORIGINS if reading.get(origin) is not None]
        if not told:
            yield f"  {name:<13} (none)"
            continue
        text = str(reading[told[0]])
        if name.endswith("_at"):
            shown = local_time(instant(text), zone)
        elif name == "body":
            shown = f"{len(text.split(chr(10) * 2))} paragraphs, {len(text):,} characters"
        else:
            shown = f'"{printable(text)}"'
        others = [
            origin if reading[origin] == text else f"{origin} (differs)" for origin in told[1:]
        ]
        also = f"; also {', '.join(others)}" if others else ""
        yield f"  {name:<13} {shown}   from {told[0]}{also}"
