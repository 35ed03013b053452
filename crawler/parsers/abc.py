"""ABC News as a source: which pages it has and which function reads each."""

from __future__ import annotations

import re
from datetime import date, datetime

from bs4.element import NavigableString

from crawler.errors import NotUnderstood
from crawler.parsers.abc_banner import find_banners, parse_banners
from crawler.parsers.abc_story import left_out, parse_story
from crawler.parsers.abc_urls import HOSTS, story_id
from crawler.parsers.markup import page_tree, path_of
from crawler.parsers.rss import parse_rss
from storage.records import Link, RaceState, Refusal, Snapshot

__all__ = [
    "DISCOVERY",
    "FOREIGN_TYPES",
    "HOSTS",
    "NAME",
    "STORY",
    "TIMEZONE",
    "canonical",
    "family_of",
    "links",
    "parse",
    "placed",
    "story_id",
]

#: Goes into every fetch row. The number rises whenever the same bytes may read otherwise.
NAME = "abc 1"
TIMEZONE = "America/New_York"

STORY = "story"
DISCOVERY = "discovery"

#: What no story page is declared as. Servers that know no better say octet-stream.
FOREIGN_TYPES = ("text/plain", "application/json", "application/pdf", "image/", "video/", "audio/")

#: Bytes of a story page, at most. Real ones have a tenth of it; a tree of the page takes up to a
#: hundred times the room, and that much must fit into memory.
LARGEST_STORY = 1_500_000
#: Opening and closing tags of a story page, at most. Real ones have some 5,000.
MOST_TAGS = 50_000
_OPENED = re.compile(rb"<html[\s>]")
#: Comments may follow the end tag.
_END = re.compile(rb"</html>\s*(?:<!--[^>]*-->\s*)*\Z")


def family_of(url: str) -> str | None:
    """The family of a page to look at; None when no parser here reads such an address."""
    return STORY if story_id(url) else None


def parse(
    family: str,
    body: bytes,
    *,
    url: str,
    charset: str | None,
    election_date: date,
    fetched_at: datetime,
) -> Snapshot:
    """All that one body says. Parts that do not fit are refusals in the snapshot.

    charset: from the Content-Type header, None without one. fetched_at: our clock.
    """
    if family == DISCOVERY:
        return _discovery(body)
    return _story(body, url, charset, election_date, fetched_at)


def placed(body: bytes, charset: str | None) -> tuple[list[str], list[str]]:
    """Where on a story page that `parse` has read each banner stands, and what it took for no text.

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
    """Why these bytes are not one whole story page; empty when they are. Before any parsing."""
    return _too_large(body) or _not_whole(body)


def _too_large(body: bytes) -> str:
    if len(body) > LARGEST_STORY:
        return f"the page has {len(body):,} bytes; no story has more than {LARGEST_STORY:,}"
    if body.count(b"<") > MOST_TAGS:
        return f"the page has more than {MOST_TAGS:,} tags; no story has"
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
    refusals = []
    races: tuple[RaceState, ...] = ()
    banners = find_banners(tree)
    if banners:
        try:
            races = (parse_banners(banners, election_date=election_date, fetched_at=fetched_at),)
        except NotUnderstood as error:
            reason = f"results banner: {error}"
            refusals.append(Refusal(part="race", race="president", place="us", reason=reason))
    # A banner is no part of the story, wherever it stands and whether it was understood or not.
    try:
        article = parse_story(tree, url, _nodes(banners))
    except NotUnderstood as error:
        article = None
        refusals.append(Refusal(part="article", reason=f"story: {error}"))
    return Snapshot(races=races, article=article, refusals=tuple(refusals))
