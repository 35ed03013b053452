"""ABC News as a source: which pages it has and which function reads each."""

from __future__ import annotations

import re
from datetime import date, datetime
from urllib.parse import urlsplit

from bs4 import BeautifulSoup
from bs4.element import NavigableString

from crawler.errors import NotUnderstood
from crawler.parsers.abc_banner import find_banners, parse_banners
from crawler.parsers.abc_feed import (
    OFFICES,
    STATES,
    Memory,
    feed_file,
    feed_url,
    marks,
    other_offices,
    parse_feed,
)
from crawler.parsers.abc_results import results_of, take_tables
from crawler.parsers.abc_story import left_out, parse_story
from crawler.parsers.abc_urls import HOSTS, story_id
from crawler.parsers.markup import page_tree, path_of
from crawler.parsers.rss import parse_rss
from storage.records import Link, RaceState, Refusal, Snapshot

__all__ = [
    "DISCOVERY",
    "FEED",
    "HOSTS",
    "NAME",
    "OFFICES",
    "RESULTS",
    "RESULTS_PAGE",
    "STATES",
    "STORY",
    "TIMEZONE",
    "Memory",
    "canonical",
    "closed",
    "family_of",
    "feed_file",
    "feed_url",
    "foreign",
    "links",
    "marks",
    "other_offices",
    "parse",
    "placed",
    "story_id",
]

#: Goes into every fetch row. The number rises whenever the same bytes may read otherwise.
NAME = "abc 2"
TIMEZONE = "America/New_York"

FEED = "feed"
RESULTS_PAGE = "results_page"
STORY = "story"
DISCOVERY = "discovery"

#: The families of which the figures are wanted first.
RESULTS = (FEED, RESULTS_PAGE)

#: What no page, and what no file of the feed, is declared as. Servers that know no better say
#: octet-stream, or text/plain of JSON.
_NEITHER = ("application/pdf", "image/", "video/", "audio/")
_FOREIGN = {
    STORY: ("text/plain", "application/json", *_NEITHER),
    RESULTS_PAGE: ("text/plain", "application/json", *_NEITHER),
    FEED: ("text/html", "application/xhtml+xml", *_NEITHER),
}

_RESULTS_PATH = re.compile(r"/elections/[^/]*-results-live-map/?\Z", re.IGNORECASE)

#: Bytes of a page, at most. Real stories have a tenth of it; a tree of the page takes up to a
#: hundred times the room, and that much must fit into memory.
LARGEST_PAGE = 1_500_000
#: Opening and closing tags of a page, at most. Real stories have some 5,000.
MOST_TAGS = 50_000
_OPENED = re.compile(rb"<html[\s>]")
#: Comments may follow the end tag.
_END = re.compile(rb"</html>\s*(?:<!--[^>]*-->\s*)*\Z")


def family_of(url: str) -> str | None:
    """The family of a page to look at; None when no parser here reads such an address."""
    if feed_file(url) is not None:
        return FEED
    if _RESULTS_PATH.match(_path(url)):
        return RESULTS_PAGE
    return STORY if story_id(url) else None


def closed(url: str) -> str | None:
    """Why a page at such an address is never asked for; None when it may be."""
    if _path(url).lower().startswith("/widgets/"):
        return "the site's robots.txt disallows /widgets/; use the feed, which has the same figures"
    return None


def foreign(family: str, declared: str) -> bool:
    """Whether an answer of that type (without parameters) is no page of the family at all."""
    return declared.startswith(_FOREIGN.get(family, ()))


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:  # "http://[" is no address
        return ""


def parse(
    family: str,
    body: bytes,
    *,
    url: str,
    charset: str | None,
    election_date: date,
    fetched_at: datetime,
    memory: Memory | None = None,
) -> Snapshot:
    """All that one body says. Parts that do not fit are refusals in the snapshot.

    charset: from the Content-Type header, None without one. fetched_at: our clock. memory: of the
    looks before at the same page; it saves time and changes nothing else.
    """
    if family == DISCOVERY:
        return _discovery(body)
    if family == FEED:
        return _feed(body, url, memory)
    if family == RESULTS_PAGE:
        return _results_page(body, url, charset, election_date, fetched_at)
    return _story(body, url, charset, election_date, fetched_at)


def placed(body: bytes, charset: str | None) -> tuple[list[str], list[str]]:
    """Where on a page that `parse` has read each banner stands, and what it took for no text.

    The places are paths of elements; the texts stand in the article, as they are printed.
    """
    tree = page_tree(body, charset)
    banners = find_banners(tree)
    return [path_of(texts) for texts in banners], left_out(tree, _nodes(banners))


def canonical(body: bytes) -> str | None:
    """The address that a saved page names as its own; None when it names none, or is no page."""
    if _too_large(body):
        return None
    try:
        link = page_tree(body, None).select_one("link[rel=canonical]")
    except NotUnderstood:
        return None
    href = link.get("href") if link else None
    return href if isinstance(href, str) else None


def _nodes(banners: list[list[NavigableString]]) -> frozenset[int]:
    return frozenset(id(node) for texts in banners for node in texts)


def links(body: bytes) -> tuple[Link, ...]:
    """The stories that a discovery page names; none when it cannot be read, which `parse` says."""
    return _discovery(body).links or ()


def _refused(reason: str) -> Snapshot:
    return Snapshot(refusals=(Refusal(part="page", reason=reason),))


def _not_a_page(body: bytes) -> str:
    """Why these bytes are not one whole page; empty when they are. Before any parsing."""
    return _too_large(body) or _not_whole(body)


def _too_large(body: bytes) -> str:
    if len(body) > LARGEST_PAGE:
        return f"the page has {len(body):,} bytes; no page here has more than {LARGEST_PAGE:,}"
    if body.count(b"<") > MOST_TAGS:
        return f"the page has more than {MOST_TAGS:,} tags; no page here has"
    return ""


def _not_whole(body: bytes) -> str:
    # Cut off behind a CDN that counted what it had, half a page arrives with the right length, and
    # maybe with an error page behind it. Its story would read as an edit.
    lower = body.lower()
    if not _OPENED.search(lower) and not _END.search(lower):
        return "it is no page: there is neither <html> nor </html> in it"
    if not _END.search(lower) or lower.count(b"</html>") < len(_OPENED.findall(lower)):
        return "the page ends before </html>"
    return ""


def _discovery(body: bytes) -> Snapshot:
    try:
        addresses = parse_rss(body)
    except NotUnderstood as error:
        return _refused(str(error))
    stories: dict[str, Link] = {}
    for address in addresses:
        article = story_id(address)
        if article is not None:
            stories.setdefault(article, Link(article=article, url=address))
    if not stories:
        return _refused(
            f"the feed names no story: none of its {len(addresses)} addresses is one of a story"
        )
    return Snapshot(links=tuple(stories.values()))


def _feed(body: bytes, url: str, memory: Memory | None) -> Snapshot:
    file = feed_file(url)
    if file is None:
        return _refused("the address is none of a file of the feed")
    if body.lstrip()[:1] == b"<":
        return _refused("a page came in place of the feed's file")
    try:
        return parse_feed(file, body, memory)
    except NotUnderstood as error:
        return _refused(str(error))


def _results_page(
    body: bytes, url: str, charset: str | None, election_date: date, fetched_at: datetime
) -> Snapshot:
    fault = _not_a_page(body)
    if fault:
        return _refused(fault)
    try:
        tree = page_tree(body, charset)
    except NotUnderstood as error:
        return _refused(str(error))
    tables = take_tables(tree)
    shown, refusals, texts = _banner(tree, election_date, fetched_at)
    races, more = results_of(
        tree,
        tables,
        banner=shown[0] if shown else None,
        refused=bool(refusals),
        texts=texts,
        url=url,
        election_date=election_date,
    )
    refusals = (*refusals, *more)
    if not races and not refusals:
        return _refused("no results found: there is no banner on the page")
    return Snapshot(races=races, refusals=refusals)


def _banner(
    tree: BeautifulSoup, election_date: date, fetched_at: datetime
) -> tuple[tuple[RaceState, ...], tuple[Refusal, ...], frozenset[int]]:
    """The race that the page's banner shows, what of it is refused, and the nodes of its texts."""
    banners = find_banners(tree)
    races: tuple[RaceState, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    if banners:
        try:
            races = (parse_banners(banners, election_date=election_date, fetched_at=fetched_at),)
        except NotUnderstood as error:
            reason = f"results banner: {error}"
            refusals = (Refusal(part="race", race="president", place="us", reason=reason),)
    return races, refusals, _nodes(banners)


def _story(
    body: bytes, url: str, charset: str | None, election_date: date, fetched_at: datetime
) -> Snapshot:
    fault = _not_a_page(body)
    if fault:
        return _refused(fault)
    try:
        tree = page_tree(body, charset)
    except NotUnderstood as error:
        return _refused(str(error))
    races, refusals, furniture = _banner(tree, election_date, fetched_at)
    # A banner is no part of the story, wherever it stands and whether it was understood or not.
    try:
        article = parse_story(tree, url, furniture)
    except NotUnderstood as error:
        article = None
        refusals = (*refusals, Refusal(part="article", reason=f"story: {error}"))
    return Snapshot(races=races, article=article, refusals=refusals)
