"""Reading HTML: one tree a page, its visible texts, blanks folded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bs4 import BeautifulSoup, CData, Tag
from bs4.dammit import EncodingDetector
from bs4.element import NavigableString, PageElement

from crawler.errors import NotUnderstood

_BLANKS = re.compile(r"[\s\u200b\u2060\ufeff]+")
_HALVES = re.compile("[\ud800-\udfff]")
_NOT_SHOWN = ("head", "noscript", "template", "textarea", "select")
_TEXTS = (NavigableString, CData)


def fold(text: str) -> str:
    """The text with every run of white space, no-break and zero-width ones too, as one blank."""
    # Half a character, which JSON can spell, has no bytes to be kept as.
    return _BLANKS.sub(" ", _HALVES.sub("\ufffd", text)).strip()


def page_tree(body: bytes, charset: str | None) -> BeautifulSoup:
    """The page as a tree.

    charset: what the answer's header said; believed after UTF-8 and before what the page says.
    Raises NotUnderstood when the bytes are in none of them: a text full of replacement characters
    would read as an edit. Never raises for bad HTML: check that what is looked for is there.
    """
    declared = EncodingDetector.find_declared_encoding(body, is_html=True)
    for encoding in ("utf-8-sig", charset, declared):
        try:
            return BeautifulSoup(body.decode(encoding or "utf-8-sig"), "lxml")
        except (UnicodeDecodeError, LookupError):
            continue
    told = charset or declared or "utf-8"
    raise NotUnderstood(f"the page is not in the charset that it declares ({told})")


def shown_texts(tree: Tag) -> Iterator[NavigableString]:
    """The texts a reader sees, in document order; without scripts, styles, comments, templates."""
    waiting: list[PageElement] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Tag):
            if node.name not in _NOT_SHOWN:
                waiting.extend(reversed(node.contents))
        # Comments, scripts and styles are subclasses of their own.
        elif isinstance(node, NavigableString) and type(node) in _TEXTS and fold(node):
            yield node


def text_of(element: Tag) -> str:
    """All text below the element, as one line; a line break is a blank."""
    parts = []
    for node in element.descendants:
        if isinstance(node, Tag):
            if node.name == "br":
                parts.append(" ")
        elif type(node) in _TEXTS:
            parts.append(str(node))
    return fold("".join(parts))


def path_of(nodes: Sequence[PageElement]) -> str:
    """The smallest element that holds all of them, such as "body > div.abc > section"."""
    parents = [list(node.parents) for node in nodes]
    shared = next(e for e in parents[0] if all(any(e is p for p in ps) for ps in parents))
    path = [shared, *shared.parents]
    return " > ".join(_named(element) for element in reversed(path) if element.name != "[document]")


def _named(element: Tag) -> str:
    kinds = element.get_attribute_list("class")
    return ".".join([element.name, *(str(kind) for kind in kinds if kind)])
