"""`tallytrail check`: what the parsers read from one page, and where. Writes nothing."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from time import sleep
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from crawler.errors import ConfigurationError, NotHad, NotUnderstood
from crawler.overlap import between_crawls
from crawler.parsers import PARSERS, Parser
from crawler.parsers.clarity import VERSION
from crawler.parsers.declared import Declared
from crawler.parsers.documents import document
from crawler.parsers.structure import found, leaves, noise, suggestions, unused
from crawler.parsers.unread import Unread
from crawler.reading import charset_of, snapshot_of
from crawler.scheduling import too_often
from crawler.sources import Configuration, Source, least_seconds
from storage.anomalies import sums_that_differ
from storage.database import DatabaseError, open_for_reading
from storage.doubts import doubt
from storage.hosts import holds
from storage.places import level_of, parent_of
from storage.receiving import Answer
from storage.records import ARTICLE_FIELDS, ORIGINS, Article, RaceState, Snapshot, Tally, instant
from storage.reports.printable import printable
from storage.reports.wording import local_time
from storage.runs import previous_run


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page to check: its address, the body, and the headers that came with it."""

    url: str
    body: bytes
    headers: Sequence[tuple[str, str]] = ()


def page_from_file(path: Path, url: str | None, configuration: Configuration) -> Page:
    """The page that a file holds; its address is `url`, else the canonical one in it.

    Where the only source has a declared feed, a file needs no address.
    Raises ConfigurationError when the file cannot be read, or names no address.
    """
    try:
        body = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; check the name") from error
    (first, *others) = configuration.sources
    if url is None and not others and first.parser_name not in PARSERS:
        return Page(url=path.name, body=body)
    named = url or next(filter(None, (p.canonical(body) for p in PARSERS.values())), None)
    if named is None:
        raise ConfigurationError(f"{path} names no address of its own; say --url ADDRESS")
    return Page(url=named, body=body)


def page_from_site(url: str, configuration: Configuration, database: Path) -> Page:
    """Ask the site for the page, under the rules of a crawl and not during one; nothing is kept.

    database: where crawls have noted when they ended and what sites asked for; may not exist.
    Raises ConfigurationError where nothing may be asked, NotHad when the page does not come whole,
    Busy while a crawl is at work.
    """
    try:
        parts = urlsplit(url)
        allowed = configuration.may_ask(parts.scheme, parts.netloc) and parts.port != 0
    except ValueError as error:  # brackets that are no address, a port that is no number
        raise ConfigurationError(f"{url} is no address; check it") from error
    if not allowed:
        raise ConfigurationError(
            f"{url}: {parts.scheme}://{parts.netloc} is not in {configuration.path}; put the page"
            " into it, or save the page and check the file"
        )
    with between_crawls(database):
        _wait_for_our_turn(configuration, database, parts.hostname or "")
        answer = _asked(url, configuration)
    if answer.failure is not None or answer.body is None:
        raise NotHad(f"{url}: {answer.failure or 'HTTP 304, though nothing was said of a copy'}")
    return Page(url=url, body=answer.body, headers=answer.headers)


def _wait_for_our_turn(configuration: Configuration, database: Path, host: str) -> None:
    """Keep the distance from the last crawl. Raises NotHad when the host wants to be left alone."""
    if not database.exists():
        return
    from crawler.running import pause_after

    try:
        with closing(open_for_reading(database)) as connection:
            until = holds(connection).get(host)
            pause = pause_after(configuration, connection, *previous_run(connection))
    except (DatabaseError, sqlite3.DatabaseError) as error:
        raise NotHad(f"{database}: {error}; what sites have asked for cannot be known") from error
    if until is not None and until > datetime.now(UTC):
        raise NotHad(f"{host} asked for no requests until {until:%Y-%m-%d %H:%M:%SZ}; wait for it")
    sleep(pause)


def _asked(url: str, configuration: Configuration) -> Answer:
    import scrapy
    from scrapy.crawler import AsyncCrawlerProcess
    from scrapy.http import Response
    from scrapy.settings import Settings

    from crawler.bodies import ACCEPT_ENCODING
    from crawler.manners import reason_of
    from crawler.middlewares import answer_of
    from crawler.running import quiet_robots, run_settings

    answers: list[Response] = []
    failures: list[str] = []

    class OnePage(scrapy.Spider):
        name = "check"

        async def start(self) -> AsyncIterator[scrapy.Request]:
            yield scrapy.Request(
                url,
                callback=answers.append,
                errback=lambda failure: failures.append(reason_of(failure.value or failure)),
                headers={"Accept-Encoding": ACCEPT_ENCODING},
                meta={"handle_httpstatus_all": True},
            )

    settings = Settings()
    settings.setmodule("crawler.settings", priority="project")
    settings.setdict(run_settings(configuration), priority="cmdline")
    process = AsyncCrawlerProcess(settings)
    quiet_robots()
    process.crawl(OnePage)
    process.start()
    if not answers:
        raise NotHad(f"{url}: {'; '.join(failures) or 'no answer'}; look at it in a browser")
    return answer_of(answers[0])


def checked_configuration(configuration: Configuration) -> list[str]:
    """What crawls ask for by the configuration, and whether that fits between two of them."""
    lines = [str(configuration.path)]
    for source in configuration.sources:
        feed = source.feed
        if feed is not None:
            followed = "all" if feed.follow_all else "those that moved"
            lines.append(f"  {source.id}: feed {feed.base}")
            lines.append(f"    offices {', '.join(feed.offices)}")
            lines.append(f"    files of {len(feed.states)} states, {followed}")
        lines.append(f"  {source.id}: {len(source.pages)} pages, {len(source.discover)} discover")
    requests = len(configuration.full_look)
    seconds = least_seconds(configuration.full_look, configuration.delay)
    if requests:
        lines.append(f"  a full look: {requests} requests, at least {seconds:.0f} s")
    fault = too_often(configuration)
    return lines if fault is None else [*lines, fault]


#: How a file of a feed is known.
_KNOWN = {
    "captured": ", a real one was captured",
    "reported": ", known from what others have read in it",
    "guessed": ", a guess: nobody has seen one",
}


def _known(url: str, parser: Parser) -> str:
    file = parser.feed_file(url)
    return "" if file is None else _KNOWN[file.knowledge]


def source_of(configuration: Configuration, url: str) -> Source:
    """The source that looks at the address. Raises ConfigurationError when none does."""
    try:
        host = urlsplit(url).netloc
    except ValueError as error:  # brackets that are no address
        raise ConfigurationError(f"{url} is no address; check it") from error
    for source in configuration.sources:
        if host in source.hosts:
            return source
    if len(configuration.sources) == 1:
        return configuration.sources[0]
    names = ", ".join(s.id for s in configuration.sources)
    raise ConfigurationError(f"{url}: no source looks at {host}; there are {names}")


def checked(page: Page, source: Source, others: Sequence[Page] = ()) -> tuple[list[str], bool]:
    """What is read, found, ignored and refused, as lines; and whether nothing is refused.

    others: the same page at other looks, by which fields that always move are told.
    """
    parser = source.parser
    family = parser.family_of(page.url)
    if family is None:
        in_feeds = any(page.url == feed.url for feed in source.discover)
        family = parser.DISCOVERY if in_feeds or page.body.lstrip()[:5] == b"<?xml" else None
    if family is None:
        return [f"{printable(page.url)}: parser {source.parser_name} reads no such page"], False
    snapshot = _snapshot(page, source, family)
    zone = ZoneInfo(source.timezone)
    lines = [
        f"{printable(page.url)}",
        f"  {family}{_known(page.url, parser)}, read by {parser.NAME}, {len(page.body):,} bytes",
    ]
    behind, version = parser.versioned(page.url), parser.version(page.body)
    if behind is not None and version is not None:
        lines.append(f"version {version}; check {printable(behind.replace(VERSION, version))}")
    places: list[str] = []
    ignored: list[str] = []
    is_page = family in (parser.STORY, parser.RESULTS_PAGE) and not _refused(snapshot, "page")
    if is_page:
        places, texts = parser.placed(page.body, charset_of(page.headers))
        ignored = texts if family == parser.STORY else []
    if family == parser.FEED:
        lines += _feed_lines(snapshot, zone)
    else:
        for race in snapshot.races:
            lines += _race_lines(race, zone)
    if is_page and not places:
        lines.append("results banner: none on the page")
    lines += [f"  found in    {printable(place)}" for place in places]
    if snapshot.article is not None:
        lines += _article_lines(snapshot.article, zone)
    if snapshot.links is not None:
        lines.append(f"stories named: {len(snapshot.links)}")
        lines += [f"  {link.article}  {printable(link.url)}" for link in snapshot.links]
    if isinstance(parser, Declared | Unread):
        lines += list(_declared_lines(parser, [page, *others], snapshot, source))
    lines += [f"ignored: {printable(text)[:100]}" for text in ignored]
    lines += [f"unknown field: {printable(path)}" for path in snapshot.unknown]
    if isinstance(parser, Unread):
        return [*lines, "kept, and read when the source has a parser"], True
    refused = [(page, refusal) for refusal in snapshot.refusals]
    refused += [(other, r) for other in others for r in _snapshot(other, source, family).refusals]
    for where, refusal in refused:
        which = " ".join(filter(None, (refusal.part, refusal.race, refusal.place)))
        file = "" if where is page else f"{printable(where.url)}: "
        lines.append(f"REFUSED  {file}{which}: {printable(refusal.reason)}")
    return lines, not refused


def _snapshot(page: Page, source: Source, family: str) -> Snapshot:
    return snapshot_of(
        source.parser,
        family,
        page.body,
        url=page.url,
        headers=page.headers,
        election_date=source.election_date,
        fetched_at=datetime.now(UTC),
    )


#: Lines of one kind at most; a feed may have hundreds of fields.
_MOST = 40


def _declared_lines(
    parser: Declared | Unread, pages: Sequence[Page], snapshot: Snapshot, source: Source
) -> Iterator[str]:
    """What each declared path finds, what none uses, and what looks wrong in what was read."""
    roots = []
    for page in pages:
        try:
            roots.append(document(page.body, charset_of(page.headers)))
        except NotUnderstood as error:
            yield f"no document: {printable(page.url)}: {printable(str(error))}"
            return
    if isinstance(parser, Declared):
        for hit in found(parser.declaration, roots[0]):
            what = f", such as {', '.join(map(_shown, hit.examples))}" if hit.examples else ""
            where = f"{printable(hit.path)}: in {hit.hits:,} of {hit.places:,}{what}"
            yield f"{'found' if hit.hits else 'NOTHING':<8}  {hit.key} = {where}"
        left = unused(parser.declaration, roots[0])
        for path, example in list(left.items())[:_MOST]:
            yield f"not used  {printable(path)}, such as {_shown(example)}"
        if len(left) > _MOST:
            yield f"not used  and {len(left) - _MOST} more"
        yield from _doubtful(snapshot, source)
    else:
        told = suggestions(roots[0])
        if told:
            yield "a declaration may begin so; look at each line:"
        else:
            yield "nothing can be suggested, by the names of its fields; they are:"
            fields = list(leaves(roots[0]).items())
            for path, values in fields[:_MOST]:
                yield f"  {printable(path)}, such as {_shown(values[0])}"
            if len(fields) > _MOST:
                yield f"  and {len(fields) - _MOST} more"
        for line in told:
            yield f"  {line.key} = {json.dumps(line.path)}   # {_shown(line.example)}"
    moving = noise(roots)
    if len(roots) > 1:
        yield f"other values in each of {len(roots)} files: {', '.join(moving) or 'none'}"


def _shown(value: object) -> str:
    return printable(repr(value)[:60])


def _doubtful(snapshot: Snapshot, source: Source) -> Iterator[str]:
    """What looks like a test, and parts that do not add up to their whole."""
    day = datetime.combine(source.election_date, time(), ZoneInfo(source.timezone))
    for race in snapshot.races:
        why = doubt(
            race,
            None,
            election_day=day,
            now=datetime.now(UTC),
            many_at_zero=False,
            gone=frozenset(),
        )
        if why is not None:
            yield f"doubted   {printable(f'{race.race} {race.place}: {why.reason}')}"
    by_race: dict[str, dict[str, RaceState]] = {}
    for race in snapshot.races:
        by_race.setdefault(race.race, {})[race.place] = race
    for places in by_race.values():
        for place, whole in places.items():
            parts = [s for code, s in places.items() if parent_of(code) == place]
            differ = sums_that_differ(whole, parts)
            if differ:
                yield f"sums      {printable(f'{whole.race} {place}: {differ}')}"


def _refused(snapshot: Snapshot, part: str) -> bool:
    return any(r.part == part for r in snapshot.refusals)


def _race_lines(race: RaceState, zone: ZoneInfo) -> Iterator[str]:
    yield f"results banner: {race.race}, {race.place}"
    if race.source_updated_at is not None:
        yield f"  updated     {local_time(race.source_updated_at, zone)}"
    for tally in race.tallies:
        called = "   projected" if race.projection == tally.candidate else ""
        yield f"  {printable(tally.name):<11} {_figures(tally)}{called}"
    yield from (f"  {name:<11} {told}" for name, told in _percents(race))


def _percents(race: RaceState) -> Iterator[tuple[str, str]]:
    """How far the count is: what each percent is of, and the percent in words."""
    if race.expected_vote_pct is not None:
        yield "expected", f"{race.expected_vote_pct:g}% of the expected vote"
    if race.precincts_pct is not None:
        yield "precincts", f"{race.precincts_pct:g}% of precincts reporting"


def _figures(tally: Tally) -> str:
    votes = "votes not published" if tally.votes is None else f"{tally.votes:,} votes"
    if tally.electoral_votes is None:
        return votes
    return f"{votes}, {tally.electoral_votes} electoral votes"


#: Races and places of one office that are shown with their figures.
_SHOWN = 5


def _feed_lines(snapshot: Snapshot, zone: ZoneInfo) -> Iterator[str]:
    """What a file of the feed has, by office: races, places, and some of the figures."""
    offices: dict[str, list[RaceState]] = {}
    for race in snapshot.races:
        offices.setdefault(race.race.partition("/")[0], []).append(race)
    for office, races in offices.items():
        levels = Counter(level_of(race.place) for race in races)
        places = ", ".join(f"{levels[level]} {name}" for level, name in _LEVELS if levels[level])
        yield f"{printable(office)}: races {len({r.race for r in races})}; places: {places}"
        for race in races[:_SHOWN]:
            yield from _place_lines(race, zone)
        if len(races) > _SHOWN:
            yield f"  and {len(races) - _SHOWN:,} more"


_LEVELS = (
    ("nation", "nation"),
    ("state", "states"),
    ("district", "districts"),
    ("county", "counties"),
)


def _place_lines(race: RaceState, zone: ZoneInfo) -> Iterator[str]:
    where = f"{race.race} {race.place}"
    facts = []
    if race.source_updated_at is not None:
        facts.append(f"updated {local_time(race.source_updated_at, zone)}")
    if race.last_close_at is not None:
        facts.append(f"last polls close {local_time(race.last_close_at, zone)}")
    facts += [told for _, told in _percents(race)]
    if race.status is not None:
        facts.append(race.status)
    if race.title is not None:
        facts.insert(0, race.title)
    yield f"  {printable(where)}   {printable(', '.join(facts))}"
    ranked = sorted(race.tallies, key=lambda t: -1 if t.votes is None else t.votes, reverse=True)
    for tally in ranked[:2]:
        called = "   projected" if race.projection == tally.candidate else ""
        yield f"    {printable(tally.name)}: {_figures(tally)}{called}"
    if len(ranked) > 2:
        yield f"    and {len(ranked) - 2} more candidates"


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
