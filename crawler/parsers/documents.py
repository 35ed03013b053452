"""JSON, CSV and XML as one kind of document, so that one path language serves for all.

A CSV file is a list of objects, one a row, by the names in its head. An XML element is an object:
its attributes and its child elements by name, children always as lists, its own text as `text`.
"""

from __future__ import annotations

import csv
import io
import re
from typing import Any

from crawler.errors import NotUnderstood
from crawler.parsers.strict_json import DEEPEST, LARGEST, strict_json

#: The name under which an element's own text stands.
TEXT = "text"
_DELIMITERS = ",;\t|"
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_HTML = re.compile(rb"<(!doctype\s+html|html)\b", re.IGNORECASE)
_XML_HEAD = re.compile(rb"<\?xml\b[^>]*\?>")


def document(body: bytes, charset: str | None) -> Any:
    """What the bytes hold, by what they begin with. charset: as declared; None for UTF-8.

    Raises NotUnderstood when they are none of the three, or not whole.
    """
    if len(body) > LARGEST:
        raise NotUnderstood(
            f"the body has {len(body):,} bytes; none may have more than {LARGEST:,}"
        )
    if body.startswith(_UTF16_MARKS):
        head = _XML_HEAD  # its encoding is gone with the next line
        body, charset = head.sub(b"", _text(body, "utf-16").encode(), count=1), None
    bare = body.removeprefix(_UTF8_MARK).lstrip()
    if bare[:1] in (b"{", b"["):
        return strict_json(_utf8(bare, charset))
    if _HTML.match(bare):
        raise NotUnderstood("the body is an HTML page, no JSON, XML or CSV")
    if bare[:1] == b"<":
        head_told = _XML_HEAD.match(bare)
        told = head_told is not None and b"encoding" in head_told[0]
        return _xml(bare if told else _utf8(bare, charset))
    return _csv(_text(body, charset))


def _utf8(body: bytes, charset: str | None) -> bytes:
    """The body in UTF-8, which it is in where it can be, whatever the server declares."""
    try:
        body.decode()
    except UnicodeDecodeError:
        return _text(body, charset).encode()
    return body


def _text(body: bytes, charset: str | None) -> str:
    try:
        return body.decode(charset or "utf-8").removeprefix("\ufeff")
    except (UnicodeError, LookupError, ValueError) as error:
        raise NotUnderstood(f"the body is no text: {error!s:.200}") from None


def _csv(text: str) -> list[dict[str, str]]:
    head = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=head.count)
    if head.count(delimiter) == 0:
        raise NotUnderstood("the body is no JSON, XML or CSV")
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise NotUnderstood(f"the body is no CSV: {error}") from None
    names = [name.strip() for name in rows[0]]
    if len(set(names)) != len(names) or "" in names:
        raise NotUnderstood("the CSV's head has a name twice, or an empty one")
    found = []
    for number, row in enumerate(rows[1:], start=2):
        if not row:
            continue
        if len(row) != len(names):
            raise NotUnderstood(f"row {number} of the CSV has {len(row)} of {len(names)} values")
        found.append(dict(zip(names, row, strict=True)))
    return found


def _xml(body: bytes) -> Any:
    from lxml import etree

    # No entity is resolved, nothing is fetched, and no tree is deeper than JSON may be.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        told = " ".join(str(error).split())
        raise NotUnderstood(f"the body is no XML: {told:.200}") from None
    if root.getroottree().docinfo.doctype:
        raise NotUnderstood("the XML has a DOCTYPE, which no results need")
    return {_name(str(root.tag)): _element(root, 1)}


def _element(element: Any, depth: int) -> dict[str, Any]:
    if depth > DEEPEST:
        raise NotUnderstood(f"the XML nests more than {DEEPEST} levels deep")
    found: dict[str, Any] = {_name(name): value for name, value in element.attrib.items()}
    text = element.text or ""
    children: dict[str, list[Any]] = {}
    for child in element:
        if isinstance(child.tag, str):
            children.setdefault(_name(child.tag), []).append(_element(child, depth + 1))
            text += " "  # 12<b/>34 is not 1234; a comment parts nothing
        text += child.tail or ""
    if text.strip():
        found[TEXT] = text.strip()
    return {**found, **children}


def _name(tag: str) -> str:
    """Without its namespace."""
    return tag.rpartition("}")[2]
