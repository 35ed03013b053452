"""Values of feeds that promise no types: a number may be a text, and a text a number."""

from __future__ import annotations

import re
import unicodedata

from crawler.errors import NotUnderstood
from crawler.parsers.values import count

#: More than all who may vote.
MOST_VOTES = 300_000_000
#: Percents that are no fault of ours to read: real ones have passed 100.
MOST_PERCENT = 200
#: What no name has.
CONTROL = re.compile(r"[\x00-\x1f\x7f]")

#: Characters of a value that a message quotes, at most.
_QUOTED = 80
_APART = re.compile(r"[^a-z0-9]+")


def votes(name: str, told: object) -> int | None:
    """A count of votes: a whole number, or a text with commas; None for null.

    Raises NotUnderstood, with the name of the field, for anything else.
    """
    found = told
    if isinstance(found, str):
        found = count(found)
        if found is None:
            raise NotUnderstood(f"{name}: {quoted(told)} is no number")
    if found is None:
        return None
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    if isinstance(found, bool) or not isinstance(found, int):
        inside = f"; name one of {', '.join(told)}" if isinstance(told, dict) and told else ""
        raise NotUnderstood(f"{name}: {quoted(told)} is no number{inside[:_QUOTED]}")
    if not 0 <= found <= MOST_VOTES:
        raise NotUnderstood(f"{name}: {quoted(told)} is not between 0 and {MOST_VOTES:,}")
    return found


def slugged(name: str, text: str | None) -> str:
    """The text as a part of a race's name: lower case, with hyphens; empty for None.

    Raises NotUnderstood, with the name of the field, when nothing of it would be left.
    """
    if text is None:
        return ""
    parted = unicodedata.normalize("NFKD", text.lower())  # so that é is an e, and an accent
    plain = "".join(sign for sign in parted if not unicodedata.combining(sign))
    found = _APART.sub("-", plain).strip("-")
    if not found:
        raise NotUnderstood(f"{name}: {quoted(text)} has neither letters nor digits")
    return found


def quoted(value: object) -> str:
    """The value as a message shows it."""
    return repr(value)[:_QUOTED]
