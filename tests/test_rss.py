"""RSS: the addresses that a feed names, and no harm from one that means harm."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import NotUnderstood
from crawler.parsers import abc
from crawler.parsers.abc_urls import story_id
from crawler.parsers.rss import parse_rss

ONE = "https://abcnews.go.com/Politics/one/story?id=115724508"
TWO = "https://abcnews.go.com/International/wireStory/two-115702077"

#: As the outlet's feeds are described: CDATA, a leading blank in titles, thumbnails, a video first.
FEED = f"""<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/"><channel>
<title>ABC News: Top Stories</title><link>http://abcnews.go.com/</link>
<image><url>https://abcnews.go.com/logo.png</url><link>https://abcnews.go.com/image</link></image>
<item><title><![CDATA[ LIVE:  ABC News Live]]></title>
<link><![CDATA[https://abcnews.go.com/Live/video/abcnews-live-41463246]]></link>
<pubDate>Wed, 13 Jun 2018 12:00:00 -0400</pubDate></item>
<item><title><![CDATA[ One]]></title><link><![CDATA[{ONE}]]></link>
<media:thumbnail url="https://i.abcnewsfe.com/a.jpg" width="384" height="216"/>
<media:thumbnail url="https://i.abcnewsfe.com/b.jpg" width="640" height="360"/>
<description><![CDATA[<a href="https://elsewhere.example/story?id=9">more</a>]]></description></item>
<item><title><![CDATA[ Two]]></title><link>
  {TWO}
</link><category>International</category></item>
</channel></rss>
"""


def feed(items: str, before: str = "") -> bytes:
    return f'{before}<rss version="2.0"><channel>{items}</channel></rss>'.encode()


def test_a_feed_gives_the_links_of_its_items_in_its_order() -> None:
    assert parse_rss(FEED.encode()) == (
        "https://abcnews.go.com/Live/video/abcnews-live-41463246",
        ONE,
        TWO,
    )


def test_only_stories_of_the_feed_are_followed() -> None:
    assert [story_id(link) for link in parse_rss(FEED.encode())] == [None, "115724508", "115702077"]


def test_an_item_without_a_link_is_passed_over_and_stops_nothing() -> None:
    items = (
        f"<item><title>No link</title></item><item><link/></item><item><link>{ONE}</link></item>"
    )
    assert parse_rss(feed(items)) == (ONE,)


def test_an_ampersand_of_an_address_is_one_character() -> None:
    assert parse_rss(feed(f"<item><link>{ONE}&amp;cid=rss</link></item>")) == (f"{ONE}&cid=rss",)


def test_a_feed_without_items_names_nothing_and_is_no_fault() -> None:
    assert parse_rss(feed("<title>Quiet night</title>")) == ()


@pytest.mark.parametrize("encoding", ["UTF-8", "ISO-8859-1", "UTF-16"])
def test_the_encoding_is_the_one_that_the_feed_declares(encoding: str) -> None:
    link = "https://abcnews.go.com/US/caf\u00e9/story?id=5"
    text = f'<?xml version="1.0" encoding="{encoding}"?>' + feed(
        f"<item><link>{link}</link></item>"
    ).decode("utf-8")
    assert parse_rss(text.encode(encoding)) == (link,)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"   \n", id="blank"),
        pytest.param(b"Access Denied", id="text"),
        pytest.param(b"<html><body><p>Access Denied<br></body></html>", id="HTML"),
        pytest.param(b"<html><body><p>Access Denied</p></body></html>", id="XHTML"),
        pytest.param(b'{"items": []}', id="JSON"),
        pytest.param(b'<feed xmlns="http://www.w3.org/2005/Atom"><entry/></feed>', id="Atom"),
        pytest.param(b"<urlset><url><loc>https://a.example/</loc></url></urlset>", id="sitemap"),
        pytest.param(b"<rss/>", id="no channel"),
        pytest.param(b"<tv><channel><item/></channel></tv>", id="another root"),
        pytest.param(gzip.compress(FEED.encode(), mtime=0), id="gzip"),
        pytest.param(FEED.encode() + b"<rss/>", id="two documents"),
        pytest.param(feed("<item><link>&undefined;</link></item>"), id="unknown entity"),
        pytest.param(b'<?xml version="1.0" encoding="no-such"?><rss/>', id="unknown encoding"),
    ],
)
def test_what_is_no_feed_is_refused(body: bytes) -> None:
    with pytest.raises(NotUnderstood):
        parse_rss(body)


@pytest.mark.parametrize("cut", range(len(FEED.rstrip().encode())))
def test_a_feed_cut_anywhere_is_refused_and_never_half_read(cut: int) -> None:
    with pytest.raises(NotUnderstood):
        parse_rss(FEED.encode()[:cut])


@given(st.binary() | st.binary().map(lambda noise: feed("<item><link>") + noise))
def test_no_bytes_make_anything_but_links_or_a_refusal(body: bytes) -> None:
    try:
        links = parse_rss(body)
    except NotUnderstood:
        return
    assert all(link.strip() for link in links)


def test_a_feed_cannot_read_files(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the secret")
    doctype = f'<!DOCTYPE rss [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'
    try:
        links = parse_rss(feed("<item><link>https://a.example/&x;</link></item>", doctype))
    except NotUnderstood:
        return
    assert "the secret" not in "".join(links)


def test_a_feed_cannot_blow_itself_up() -> None:
    entities = '<!ENTITY a0 "lol">' + "".join(
        f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10)
    )
    try:
        links = parse_rss(feed("<item><link>&a9;</link></item>", f"<!DOCTYPE rss [{entities}]>"))
    except NotUnderstood:
        return
    assert "lol" not in "".join(links)


@pytest.mark.parametrize("address", ["http://[", "https://[::1/story?id=1", "//[x]/story?id=1"])
def test_an_address_that_is_none_does_not_cost_the_feed_its_other_stories(address: str) -> None:
    items = f"<item><link>{address}</link></item><item><link>{ONE}</link></item>"
    assert [link.article for link in abc.links(feed(items))] == ["115724508"]
