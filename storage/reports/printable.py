"""Text from elsewhere, made safe to print: no escape codes, no hidden direction marks."""

from __future__ import annotations

import unicodedata


def printable(text: str) -> str:
    """The text as one line without control, format or direction characters.

    Each becomes U+FFFD, blanks of every kind become a plain one: an outlet's headline must not
    be able to move the cursor, colour the terminal or turn the line around.
    """
    # Python's own test tells the same, for nearly every text there is, and at once.
    return text if text.isprintable() else "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character.isspace():
        return " "
    # Cc, Cf, Cs, Co, Cn: control, format (bidi marks among them), surrogate, private, unassigned.
    return "\ufffd" if unicodedata.category(character).startswith("C") else character


def printable_lines(text: str) -> str:
    """The text made printable line by line: line ends stay."""
    return "\n".join(printable(line) for line in text.split("\n"))
