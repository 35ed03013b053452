"""ABC News' story pages: one article, read from each of the page's origins alone.

Origins: `state`, the page's own data in `window['__abcnews__']`; `jsonld`, its NewsArticle;
`markup`, what the reader sees, in the layouts of 2024 and after, 2022, 2020 and 2017;
`opengraph`. Class names are hashed and change within months; only the stable hooks are used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from urllib.parse import urljoin, urlsplit

from bs4 import BeautifulSoup, Tag

from crawler.errors import NotUnderstood
from crawler.parsers.abc_urls import story_id
from crawler.parsers.markup import fold, shown_texts, text_of
from crawler.parsers.values import eastern, machine_time
from storage.records import ARTICLE_FIELDS, Article, instant_text

#: What a reading may tell; a field that an origin leaves out is None.
Reading = dict[str, str | None]

_STATE = re.compile(r"""window\[(['"])__abcnews__\1\]\s*=\s*""")
_NEWS_ARTICLE = {"NewsArticle", "ReportageNewsArticle", "AnalysisNewsArticle"}
_SITE = re.compile(r"\s*[-|] ABC News$")
_OUTLET = "ABC News"
_RELATED = re.compile(r"(RELATED|PHOTOS?|VIDEOS?)\b ?:", re.IGNORECASE)
_SEPARATOR = re.compile(r"[_*\s—-]+")
_CREDITS = re.compile(r"contributed to this (report|story|article)\.?['\"”’]?$", re.IGNORECASE)
#: Furniture inside an article that is not its text.
_NOT_BODY = (
    "[data-testid=prism-ad-wrapper], [data-testid=prism-collection],"
    " [data-testid=prism-inline-image], figure, figcaption, aside, .MobileContentPromo, .taboola,"
    " .FITT_Article_main__sidebar"
)
_HEADLINES = (
    "[data-testid=prism-headline] h1",
    "[class*=Article_main__body] h1",
    "article.Article__Wrapper h1",
    "article header h1",
)
_DEK_2024 = "[data-testid=prism-headline] > p"


def parse_story(tree: BeautifulSoup, url: str, banner: Set[int]) -> Article:
    """The article that the page at `url` shows.

    banner: ids of text nodes that are not part of it.
    Raises NotUnderstood when the page holds no story, another story than the address names, or
    lacks a headline or a body.
    """
    wanted = story_id(url)
    found = {
        "state": _from_state(tree),
        "jsonld": _from_jsonld(tree),
        "markup": _from_markup(tree, banner),
        "opengraph": _from_opengraph(tree),
    }
    canonical = _canonical(tree, url, found["state"])
    shown = {i for i in (story_id(canonical), found["state"] and found["state"].get("id")) if i}
    if wanted is not None and shown - {wanted}:
        raise NotUnderstood(
            f"the page is story {', '.join(sorted(shown - {wanted}))}, asked for was {wanted}"
        )
    identity = wanted or next(iter(shown), None)
    if identity is None:
        raise NotUnderstood("the page names no story id")
    origins = {origin: reading for origin, reading in found.items() if reading is not None}
    article = Article(
        id=identity,
        url=canonical,
        section=_section(origins, canonical),
        readings={
            name: {origin: told[name] for origin, told in origins.items() if name in told}
            for name in ARTICLE_FIELDS
        },
    )
    for name in ("headline", "body"):
        if article.value(name) is None:
            title = fold(tree.title.get_text()) if tree.title else ""
            raise NotUnderstood(f'no {name} found; the page\'s title is "{title[:80]}"')
    return article


def _section(origins: Mapping[str, Reading], url: str) -> str | None:
    told = next((r["section"] for r in origins.values() if r.get("section")), None)
    path = [part for part in urlsplit(url).path.split("/") if part and part != "amp"]
    return told or (path[0] if len(path) > 1 else None)


def _canonical(tree: BeautifulSoup, url: str, state: Reading | None) -> str:
    link = tree.select_one("link[rel=canonical]")
    told = [
        link.get("href") if link else None,
        _meta(tree, "og:url"),
        state.get("url") if state else None,
    ]
    for address in told:
        if isinstance(address, str) and urlsplit(urljoin(url, address)).scheme in ("http", "https"):
            return urljoin(url, address)
    return url


def _text(value: object) -> str | None:
    return fold(value) or None if isinstance(value, str) else None


def _time(value: object) -> str | None:
    moment = machine_time(value)
    return instant_text(moment) if moment else None


def _names(names: Iterable[str | None]) -> str | None:
    return "; ".join(n for n in names if n and n != _OUTLET) or None


def _paragraphs(lines: Iterable[str]) -> str | None:
    """The body's paragraphs, without separators, related links and the closing credits."""
    kept = [
        line
        for line in lines
        if line and not _SEPARATOR.fullmatch(line) and not _RELATED.match(line)
    ]
    while kept and _CREDITS.search(kept[-1]):
        kept.pop()
    return "\n\n".join(kept) or None


#: What may hold a sentence of a reader's.
_TEXTS = ("p", "li", "h2", "h3", "h4", "figcaption", "td")


def left_out(tree: BeautifulSoup, banner: Set[int]) -> list[str]:
    """Texts inside the article that are not taken for it: paragraphs, subheads, items of lists."""
    headline = next((h for h in (tree.select_one(s) for s in _HEADLINES) if h is not None), None)
    taken = set((_markup_body(tree, headline, banner) or "").split("\n\n"))
    dek = _markup_dek(tree, headline)
    place = tree.select_one(
        "[class*=Article_main__body], [data-testid=prism-article-body], article"
    )
    texts = [] if place is None else [text_of(p) for p in place.find_all(_TEXTS)]
    known = taken | {dek, text_of(headline) if headline is not None else None}
    return [text for text in dict.fromkeys(texts) if text and text not in known]


# -- window['__abcnews__'] -------------------------------------------------------------------


def _from_state(tree: BeautifulSoup) -> Reading | None:
    page = _path(_state(tree), "page", "content", "story")
    story = _path(page, "story")
    if not isinstance(story, dict):
        shown = _path(page, "everscroll")  # 2019 to about 2021
        story = shown[0] if isinstance(shown, list) and shown else None
    if not isinstance(story, dict):
        return None
    metadata = story.get("metadata")
    told = metadata if isinstance(metadata, dict) else {}
    identity = story.get("id")
    return {
        "id": str(identity) if isinstance(identity, int | str) and identity else None,
        "url": _text(told.get("canonicalUrl")) or _text(story.get("url")),
        "section": _text(story.get("articleSection")) or _text(story.get("section")),
        "headline": _text(story.get("headline")) or _text(story.get("title")),
        "dek": _text(story.get("description")),
        "byline": _state_byline(story),
        "published_at": _time(story.get("publishedDate")) or _time(told.get("timestamp")),
        "modified_at": _time(story.get("modifiedDate")) or _time(told.get("dateModified")),
        "body": _state_body(page, story),
    }


def _state(tree: BeautifulSoup) -> object:
    for script in tree.find_all("script"):
        code = script.string or ""
        match = _STATE.search(code)
        if match is None:
            continue
        try:
            # Other code stands before and after, and strings may hold "};": no regular
            # expression finds the end.
            return json.JSONDecoder().raw_decode(code, match.end())[0]
        except (ValueError, RecursionError):
            continue
    return None


def _path(value: object, *keys: str) -> object:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _state_byline(story: Mapping[str, object]) -> str | None:
    contributors = story.get("contributors")
    if isinstance(contributors, list) and contributors:
        return _names(_text(_path(c, "name")) for c in contributors)
    authors = _text(story.get("authorsStr"))
    return _names(re.split(r", and |, | and ", authors)) if authors else None


def _state_body(page: object, story: Mapping[str, object]) -> str | None:
    components = _path(page, "data", "mainComponents")
    for component in components if isinstance(components, list) else ():
        if _path(component, "name") != "Body":
            continue
        blocks = _path(component, "props", "body")
        nodes = blocks[0] if isinstance(blocks, list) and blocks else None
        if isinstance(nodes, dict):
            nodes = nodes.get("content")
        if isinstance(nodes, list):
            return _paragraphs(
                fold("".join(_node_texts(n))) for n in nodes if _path(n, "type") == "p"
            )
    body = story.get("body")
    if not isinstance(body, str):
        return None
    inner = BeautifulSoup(body, "lxml")
    return _paragraphs(_body_lines(inner.find_all("p"), frozenset())) or _text(inner.get_text())


def _node_texts(node: object) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        if node.get("type") == "br":
            yield " "
        content = node.get("content")
        for inner in content if isinstance(content, list) else [content]:
            yield from _node_texts(inner)


# -- JSON-LD ---------------------------------------------------------------------------------


def _from_jsonld(tree: BeautifulSoup) -> Reading | None:
    article = next(
        (n for n in _jsonld_nodes(tree) if _types(n) & _NEWS_ARTICLE),
        None,
    )
    if article is None:
        return None
    reading: Reading = {
        "section": _text(article.get("articleSection")),
        "headline": _text(article.get("headline")),
        "dek": _text(article.get("description")),
        "byline": _jsonld_byline(article.get("author")),
        "published_at": _time(article.get("datePublished")),
        "modified_at": _time(article.get("dateModified")),
    }
    text = article.get("articleBody")
    if isinstance(text, str):
        reading["body"] = _paragraphs(fold(line) for line in re.split(r"\n+", text))
    return reading


def _jsonld_nodes(tree: BeautifulSoup) -> Iterator[dict[str, object]]:
    for script in tree.find_all("script", type="application/ld+json"):
        try:
            document = json.loads(script.string or "")
        except (ValueError, RecursionError):
            continue  # several scripts are usual, and some of them broken
        for node in document if isinstance(document, list) else [document]:
            if not isinstance(node, dict):
                continue
            yield node
            graph = node.get("@graph")
            yield from (
                n for n in (graph if isinstance(graph, list) else ()) if isinstance(n, dict)
            )


def _types(node: Mapping[str, object]) -> set[str]:
    kind = node.get("@type")
    return {k for k in (kind if isinstance(kind, list) else [kind]) if isinstance(k, str)}


def _jsonld_byline(author: object) -> str | None:
    people = author if isinstance(author, list) else [author]
    return _names(_text(_path(p, "name")) if isinstance(p, dict) else _text(p) for p in people)


# -- what the reader sees --------------------------------------------------------------------


def _from_markup(tree: BeautifulSoup, banner: Set[int]) -> Reading | None:
    headline = next((h for h in (tree.select_one(s) for s in _HEADLINES) if h is not None), None)
    body = _markup_body(tree, headline, banner)
    if headline is None and body is None:
        return None
    byline, published = _markup_byline(tree)
    return {
        "headline": text_of(headline) or None if headline else None,
        "dek": _markup_dek(tree, headline),
        "byline": byline,
        "published_at": published,
        "body": body,
    }


def _markup_dek(tree: BeautifulSoup, headline: Tag | None) -> str | None:
    dek = tree.select_one(_DEK_2024) or _dek_2022(headline)
    return text_of(dek) or None if dek else None


def _dek_2022(headline: Tag | None) -> Tag | None:
    """The paragraph right after the headline, in the layouts that mark nothing."""
    if headline is None or headline.find_parent(attrs={"data-testid": "prism-headline"}):
        return None
    following = headline.find_next_sibling()
    return following if following is not None and following.name == "p" else None


def _markup_body(tree: BeautifulSoup, headline: Tag | None, banner: Set[int]) -> str | None:
    marked = tree.select_one("[data-testid=prism-article-body]")
    if marked is not None:
        return _paragraphs(_body_lines(marked.find_all("p", recursive=False), banner))
    if tree.select_one("[data-testid=prism-headline]") is not None:
        return None  # the layout of 2024 without its body: what the older ones take is not it
    dek = _dek_2022(headline)
    for container in (
        "[class*=Article_main__body]",
        "section.Article__Content.story",
        ".article-copy",
    ):
        place = tree.select_one(container)
        if place is not None:
            paragraphs = [p for p in place.find_all("p") if p is not dek]
            return _paragraphs(_body_lines(paragraphs, banner))
    return None


def _body_lines(paragraphs: Iterable[Tag], banner: Set[int]) -> Iterator[str]:
    for paragraph in paragraphs:
        if any(id(node) in banner for node in shown_texts(paragraph)):
            continue
        if paragraph.css.closest(_NOT_BODY) is not None:
            continue
        strong = paragraph.find(["strong", "b"])
        if strong is not None and _RELATED.match(text_of(strong)):
            continue
        yield text_of(paragraph)


def _markup_byline(tree: BeautifulSoup) -> tuple[str | None, str | None]:
    """Names and time of publication as printed below the headline."""
    line = tree.select_one("[data-testid=prism-byline], .ShareByline")
    if line is not None:
        texts = [fold(node) for node in shown_texts(line)]
    else:
        dated = tree.select_one(".Byline__Meta--publishDate, .article-meta .timestamp")
        if dated is None:
            return None, None
        # Until 2018 the outlet's name stood before the time: "ABC News - Mar 3, 2017, 9:01 AM ET".
        texts = re.split(r" [\u2014\u2013-] ", text_of(dated))[-1:]
    moments = [(text, eastern(text)) for text in texts]
    published = next((m for _, m in reversed(moments) if m is not None), None)
    names: list[str] = []
    for text, moment in moments if line is not None else ():
        if moment is None:
            # "By" may be glued to the first name; separators stand in spans of their own.
            bare = re.sub(r"^By(?=[A-Z ]|$)", "", text).strip(" ,")
            names += re.split(r",? and |, ", re.sub(r"^and( |$)", "", bare))
    return _names(n.strip() for n in names), instant_text(published) if published else None


# -- OpenGraph -------------------------------------------------------------------------------


def _meta(tree: BeautifulSoup, name: str) -> str | None:
    tag = tree.select_one(f'meta[property="{name}"], meta[name="{name}"]')
    return _text(tag.get("content")) if tag else None


def _from_opengraph(tree: BeautifulSoup) -> Reading | None:
    title = _meta(tree, "og:title")
    if title is None:
        return None
    return {"headline": _SITE.sub("", title) or None, "dek": _meta(tree, "og:description")}
