"""JSON of which the same document comes again and again: what stands as it was is not decoded.

Most entries of a long list are, to the byte, what they were at the look before. In a body they are
replaced by a mark, and what is left of it is decoded as strictly as ever. Where the entries stand
is a guess; that every mark is found decoded, in its place, proves it. Without that proof the whole
body is decoded.
"""

from __future__ import annotations

import re
from json import JSONDecoder
from typing import Any, Generic, NamedTuple, TypeVar

from crawler.errors import NotUnderstood
from crawler.parsers.strict_json import LARGEST, strict_json

# A whole number has one spelling only, and no float is equal to this one. It does not end as it
# begins, so that no two of it overlap. Without the brackets, many in a row would look like one
# number that is too long, and all numbers would be looked at.
_DIGITS = b"718281828459045235"
_MARK = b"[" + _DIGITS + b"]"
_MARKED = [int(_DIGITS)]

_SPACE = b" \t\n\r"
_BETWEEN = re.compile(r"[ \t\n\r:,]*")
#: Bytes at the beginning of an entry by which it is found again. They hold what never moves.
_HEAD = 32
#: Entries that are not found again, at most; with more of them, the list is another one.
_MOST_MISSING = 3

_value_at = JSONDecoder().raw_decode

#: What a reader keeps with an entry.
Said = TypeVar("Said")


class Entry(Generic[Said]):
    """An element of a list of entries.

    raw: its bytes; empty while they are not known. said: what the reader keeps with it, for as long
    as its bytes stay the same; None until the reader sets it.
    """

    __slots__ = ("_decoded", "raw", "said")

    def __init__(self, raw: bytes, decoded: object) -> None:
        self.raw = raw
        self.said: Said | None = None
        self._decoded: tuple[Any, ...] = (decoded,)

    def value(self) -> Any:
        """The value that it holds."""
        if not self._decoded:
            self._decoded = (strict_json(self.raw),)
        return self._decoded[0]

    def forget_value(self) -> None:
        """Keep the bytes alone: decoded, they take several times the room."""
        self._decoded = ()


class _Place(NamedTuple, Generic[Said]):
    """Where an entry seems to stand in a body. known: it as it was before, if its bytes did not
    change; None if they did."""

    start: int
    end: int
    known: Entry[Said] | None


class Entries(Generic[Said]):
    """The entries of one document, as they were at the look before.

    names: of lists, each in the objects of the one before: with ("races", "counties") the counties
    of all races are the entries.
    """

    def __init__(self, *names: str) -> None:
        self._names = names
        self._seen = False
        self._entries: list[Entry[Said]] = []

    def read(self, body: bytes) -> object:
        """The value that the bytes hold, with an Entry in the place of each entry.

        Raises NotUnderstood as strict_json does.
        """
        # Many are looked at once only, and where entries stand takes a while to find.
        if self._seen and len(body) <= LARGEST:
            for find in (self._where_they_were, self._where_they_are):
                places = find(body)
                root = self._marked(body, places) if places else None
                if root is not None:
                    return root
        root = strict_json(body)
        self._seen = True
        self._entries = []
        for elements in _lists(root, self._names):
            elements[:] = [Entry(b"", value) for value in elements]
        return root

    def forget_values(self) -> None:
        """Keep of the entries the bytes alone, and what the reader keeps with them."""
        for entry in self._entries:
            entry.forget_value()

    def _where_they_were(self, body: bytes) -> list[_Place[Said]]:
        """The entries, if they stand in the order of before; else they are not found."""
        starts: list[int] = []
        known: list[Entry[Said] | None] = []
        at = missing = 0
        for entry in self._entries:
            head = entry.raw[:_HEAD]
            start = body.find(head, at)
            if start < 0:
                missing += 1
                if missing > _MOST_MISSING:
                    return []
                continue
            same = body.startswith(entry.raw, start)
            starts.append(start)
            known.append(entry if same else None)
            at = start + len(entry.raw if same else head)
        afters = [*starts[1:], len(body)]
        try:
            return [
                _Place(start, start + len(entry.raw) if entry else _end(body, start, after), entry)
                for start, after, entry in zip(starts, afters, known, strict=False)
            ]
        except (ValueError, RecursionError):
            return []

    def _where_they_are(self, body: bytes) -> list[_Place[Said]]:
        """The entries, wherever they stand; none when the bytes are no JSON."""
        text = body.decode("latin-1")  # one character for each byte
        spans: list[tuple[int, int]] = []
        try:
            _find(text, 0, self._names, spans)
        except (ValueError, RecursionError):
            return []
        known = {entry.raw: entry for entry in self._entries}
        # One that stands in two places may say something else in each.
        return [_Place(start, end, known.pop(body[start:end], None)) for start, end in spans]

    def _marked(self, body: bytes, places: list[_Place[Said]]) -> object | None:
        """The value, if the entries stand in these places; None if that cannot be shown.

        A known entry becomes a mark, another one is put between two. Let every mark be an element
        of a list of entries, in this order, with one value between the two of each unknown one.
        Then, in the place of a mark, the known entry's bytes are as good a value, and they make
        this body.
        """
        parts, marks, at = [], 0, 0
        for start, end, known in places:
            parts.append(body[at:start])
            if known is not None:
                parts.append(_MARK)
                marks += 1
            else:
                parts += (_MARK, b",", body[start:end], b",", _MARK)
                marks += 2
            at = end
        parts.append(body[at:])
        marked = b"".join(parts)
        # The body must have none of its own.
        if marked.count(_DIGITS) != marks:
            return None
        try:
            root = strict_json(marked)
        except NotUnderstood:
            return None
        entries: list[Entry[Said]] = []
        expected = iter(places)
        for elements in _lists(root, self._names):
            first = len(entries)
            rest = iter(elements)
            for element in rest:
                place = next(expected, None)
                if place is None or element != _MARKED:
                    return None
                entry = place.known
                if entry is None:
                    entry = Entry(body[place.start : place.end], next(rest, None))
                    if next(rest, None) != _MARKED:
                        return None
                entries.append(entry)
            elements[:] = entries[first:]
        if next(expected, None) is not None:
            return None
        self._entries = entries
        return root


def _lists(root: object, names: tuple[str, ...]) -> list[list[Any]]:
    """The lists of entries, in the order in which they stand in the document."""
    around: list[Any] = [root]
    lists: list[list[Any]] = []
    for name in names:
        lists = [
            fields[name]
            for fields in around
            if type(fields) is dict and type(fields.get(name)) is list
        ]
        around = [element for elements in lists for element in elements]
    return lists


def _end(body: bytes, start: int, after: int) -> int:
    """Where the entry ends that seems to start there. after: where the next one starts.

    Raises ValueError or RecursionError when what starts there is no JSON.
    """
    piece = body[start:after].rstrip(_SPACE)
    if piece.endswith(b","):
        return start + len(piece[:-1].rstrip(_SPACE))
    # The last of its list: anything may stand behind it.
    return start + _value_at(piece.decode("latin-1"))[1]


def _find(text: str, at: int, names: tuple[str, ...], spans: list[tuple[int, int]]) -> int:
    """Add the spans of the entries in the value that starts there. Returns where it ends.

    Raises ValueError or RecursionError when it is no JSON, as far as that is noticed.
    """
    at = _next(text, at)
    if not names:
        end = _value_at(text, at)[1]
        spans.append((at, end))
        return end
    if text[at : at + 1] != "{":
        return _value_at(text, at)[1]
    at = _next(text, at + 1)
    while text[at : at + 1] != "}":
        name, at = _value_at(text, at)
        at = _next(text, at)
        if name == names[0] and text[at : at + 1] == "[":
            at = _next(text, at + 1)
            while text[at : at + 1] != "]":
                at = _next(text, _find(text, at, names[1:], spans))
            at += 1
        else:
            at = _value_at(text, at)[1]
        at = _next(text, at)
    return at + 1


def _next(text: str, at: int) -> int:
    """Where the next value starts, or the list or object ends."""
    between = _BETWEEN.match(text, at)
    assert between is not None
    return between.end()
