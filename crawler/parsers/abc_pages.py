"""ABC News' pages: stories, results pages and the feeds that name stories.

Apart from `crawler.parsers.abc`, which loads it when a page is there to be read: BeautifulSoup
takes longer to load than many files of the results feed to read, and most crawls have only these.
"""

from __future__ import annotations

import re
from datetime import date, datetime

from bs4 import BeautifulSoup
from bs4.element import NavigableString

from crawler.errors import NotUnderstood
from crawler.parsers.abc_banner import find_banners, parse_banners
from crawler.parsers.abc_results import results_of, take_tables
from crawler.parsers.abc_story import left_out, parse_story
from crawler.parsers.abc_urls import story_id
from crawler.parsers.markup import page_tree, path_of
from crawler.parsers.rss import parse_rss
from storage.records import Link, RaceState, Refusal, Snapshot, refused_page

#: Bytes of a page, at most. Real stories have a tenth of it; a tree of the page takes up to a
#: hundred times the room, and that much must fit into memory.
LARGEST_PAGE = 1_500_000
#: Opening and closing tags of a page, at most. Real stories have some 5,000.
MOST_TAGS = 50_000
_OPENED = re.compile(rb"<html[\s>]")
#: Comments may follow the end tag.
_END = re.compile(rb"</html>\s*(?:<!--[^>]*-->\s*)*\Z")


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


def _whole_tree(body: bytes, charset: str | None) -> BeautifulSoup:
    """The tree of one whole page. Raises NotUnderstood, of most faults before any parsing."""
    fault = _too_large(body) or _not_whole(body)
    if fault:
        raise NotUnderstood(fault)
    return page_tree(body, charset)


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


def read_discovery(body: bytes) -> Snapshot:
    """The stories that a feed names."""
    try:
        addresses = parse_rss(body)
    except NotUnderstood as error:
        return refused_page(str(error))
    stories: dict[str, Link] = {}
    for address in addresses:
        article = story_id(address)
        if article is not None:
            stories.setdefault(article, Link(article=article, url=address))
    if not stories:
        return refused_page(
            f"the feed names no story: none of its {len(addresses)} addresses is one of a story"
        )
    return Snapshot(links=tuple(stories.values()))


def read_results_page(
    body: bytes, url: str, charset: str | None, election_date: date, fetched_at: datetime
) -> Snapshot:
    """The banner, the tables of states, or the layout of 2020."""
    try:
        tree = _whole_tree(body, charset)
    except NotUnderstood as error:
        return refused_page(str(error))
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
        return refused_page("no results found: there is no banner on the page")
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


def read_story(
    body: bytes, url: str, charset: str | None, election_date: date, fetched_at: datetime
) -> Snapshot:
    """The story, and the banner that may stand on its page."""
    try:
        tree = _whole_tree(body, charset)
    except NotUnderstood as error:
        return refused_page(str(error))
    races, refusals, furniture = _banner(tree, election_date, fetched_at)
    # A banner is no part of the story, wherever it stands and whether it was understood or not.
    try:
        article = parse_story(tree, url, furniture)
    except NotUnderstood as error:
        article = None
        refusals = (*refusals, Refusal(part="article", reason=f"story: {error}"))
    return Snapshot(races=races, article=article, refusals=refusals)
