"""What was edited in a text of paragraphs. Pure.

difflib is loaded where texts are compared: most of those that read the log have no use for it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

#: Beyond so many words on a side, an edited paragraph is shown whole: finding which words moved
#: takes time that grows with the square of their number.
MOST_WORDS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One paragraph that was edited. old: None when it was added. new: None when removed."""

    old: str | None
    new: str | None


def paragraphs(text: object) -> list[str]:
    """The paragraphs of a story's text as the log holds it; none of None."""
    return [] if text is None else str(text).split("\n\n")


def paragraph_edits(old: Sequence[str], new: Sequence[str]) -> list[Edit]:
    """The paragraphs that differ, in the order of the text."""
    from difflib import SequenceMatcher

    edits: list[Edit] = []
    for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        both = min(j - i, m - k)
        edits += [
            Edit(old=a, new=b) for a, b in zip(old[i : i + both], new[k : k + both], strict=True)
        ]
        edits += [Edit(old=a, new=None) for a in old[i + both : j]]
        edits += [Edit(old=None, new=b) for b in new[k + both : m]]
    return edits


def summary(edits: Sequence[Edit]) -> str:
    """ "1 paragraph added, 2 paragraphs reworded"."""
    counts = Counter(
        "added" if e.old is None else "removed" if e.new is None else "reworded" for e in edits
    )
    return ", ".join(
        f"{counted(counts[what], 'paragraph')} {what}"
        for what in ("added", "removed", "reworded")
        if counts[what]
    )


def counted(count: int, noun: str, several: str = "") -> str:
    """ "1 paragraph", "1,200 looks", "2 stories"."""
    return f"{count:,} {noun if count == 1 else several or f'{noun}s'}"


def words(old: str, new: str) -> tuple[list[tuple[str, bool]], list[tuple[str, bool]]]:
    """Both texts in pieces, each with whether it is in one of them only; together the whole text.

    Words keep the blanks behind them: with blanks as words of their own, difflib takes seconds for
    a thousand of them.
    """
    from difflib import SequenceMatcher

    a, b = _tokens(old), _tokens(new)
    if max(len(a), len(b)) > MOST_WORDS:
        return [(old, True)], [(new, True)]
    before: list[tuple[str, bool]] = []
    after: list[tuple[str, bool]] = []
    for tag, i, j, k, m in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if i < j:
            before.append(("".join(a[i:j]), tag != "equal"))
        if k < m:
            after.append(("".join(b[k:m]), tag != "equal"))
    return before, after


def _tokens(text: str) -> list[str]:
    return re.findall(r"\S+\s*|\s+", text)
