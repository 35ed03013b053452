"""ABC News as a source: which pages it has and which function reads each."""

from __future__ import annotations

import re
from datetime import date, datetime
from urllib.parse import urlsplit

from crawler.errors import NotUnderstood
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
from crawler.parsers.abc_urls import HOSTS, story_id
from storage.records import Link, Snapshot, refused_page

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
    "looked_at",
    "marks",
    "other_offices",
    "parse",
    "placed",
    "story_id",
    "version",
    "versioned",
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


def family_of(url: str) -> str | None:
    """The family of a page to look at; None when no parser here reads such an address."""
    if feed_file(url) is not None:
        return FEED
    if _RESULTS_PATH.match(_path(url)):
        return RESULTS_PAGE
    return STORY if story_id(url) else None


def looked_at(url: str) -> str:
    """The address that crawls look at where the configuration has this one: the same."""
    return url


def versioned(_url: str) -> None:
    """None: no file here tells the version of another."""


def version(_body: bytes) -> None:
    """None."""


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
    if family == FEED:
        return _feed(body, url, memory)
    from crawler.parsers import abc_pages

    if family == DISCOVERY:
        return abc_pages.read_discovery(body)
    if family == RESULTS_PAGE:
        return abc_pages.read_results_page(body, url, charset, election_date, fetched_at)
    return abc_pages.read_story(body, url, charset, election_date, fetched_at)


def placed(body: bytes, charset: str | None) -> tuple[list[str], list[str]]:
    """Where on a page that `parse` has read each banner stands, and what it took for no text.

    The places are paths of elements; the texts stand in the article, as they are printed.
    """
    from crawler.parsers import abc_pages

    return abc_pages.placed(body, charset)


def canonical(body: bytes) -> str | None:
    """The address that a saved page names as its own; None when it names none, or is no page."""
    from crawler.parsers import abc_pages

    return abc_pages.canonical(body)


def links(body: bytes) -> tuple[Link, ...]:
    """The stories that a discovery page names; none when it cannot be read, which `parse` says."""
    from crawler.parsers import abc_pages

    return abc_pages.read_discovery(body).links or ()


def _feed(body: bytes, url: str, memory: Memory | None) -> Snapshot:
    file = feed_file(url)
    if file is None:
        return refused_page("the address is none of a file of the feed")
    if body.lstrip()[:1] == b"<":
        return refused_page("a page came in place of the feed's file")
    try:
        return parse_feed(file, body, memory)
    except NotUnderstood as error:
        return refused_page(str(error))
