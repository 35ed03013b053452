"""RSS 2.0: the addresses that a feed names."""

from __future__ import annotations

from lxml import etree

from crawler.errors import NotUnderstood
from crawler.parsers.markup import fold


def parse_rss(body: bytes) -> tuple[str, ...]:
    """The item links, in the feed's order. An item without a link is passed over.

    Raises NotUnderstood when the body is not well-formed XML or no RSS channel.
    """
    # No entities, no DTD, no network: a feed needs none of them, an attack needs all.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(body.lstrip(), parser)
    except etree.XMLSyntaxError as error:
        raise NotUnderstood(f"the feed is not well-formed XML: {error}") from error
    channel = root.find("channel")
    if root.tag != "rss" or channel is None:
        raise NotUnderstood(f"the feed is no RSS: its root is <{root.tag!s}>")
    links = (fold(item.findtext("link") or "") for item in channel.iter("item"))
    return tuple(link for link in links if link)
