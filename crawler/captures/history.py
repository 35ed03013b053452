"""What every form of a history gives: captures, each with its page, its name and its time."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import quote_from_bytes

from crawler.answers import checked
from crawler.bodies import LARGEST
from storage.receiving import Answer


class NoHistory(Exception):
    """There is nothing to import at that place. The message says why, and what to do."""


class Damaged(Exception):
    """The history cannot be read any further. What came before was whole."""


class NotToBeHad(Exception):
    """One capture cannot be had; those after it can. The message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Which capture it is, before anybody takes its body.

    page: the path of what was captured, as `quoted` writes it, or its address. name: of the capture
    within its history, wherever that lies. at: when it was captured; None when its history has no
    time for it that could be. family: what the history holds the page for; None if it does not say.
    """

    page: str
    name: str
    at: datetime | None
    family: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """A capture that is wanted. answer: takes its body; raises Damaged and NotToBeHad."""

    which: Which
    at: datetime
    answer: Callable[[], Answer]


Wanted = Callable[[Which], bool]
#: Looks up what an earlier import took, by name, address and time of a capture; None if none did.
Earlier = Callable[[str | None, str | None, datetime | None], Answer | None]


def nothing_earlier(*_: object) -> None:
    """An `Earlier` that knows of no import."""


class History(Protocol):
    """A history that is open for reading.

    origin: what it is known by, wherever it lies on this machine. label: what people call it.
    addressed: its pages are addresses, not paths. of_files: its pages are files, among which there
    may be some that hold no results; in folders of captures the folder is the page. others: what
    it has besides captures, by how it is told, and how often; right when all captures were taken.
    earlier: for captures that have the bytes of another one; set it before they are taken.
    """

    origin: str
    label: str
    addressed: bool
    of_files: bool
    earlier: Earlier

    @property
    def others(self) -> Mapping[str, int]: ...

    def reached(self, names: Iterable[str]) -> frozenset[str]:
        """Which of these captures stand in an order of its own; none where times order them."""
        ...

    def captures(self, wanted: Wanted) -> Iterator[Capture]:
        """The wanted ones in their order. Asks of each capture once.

        Raises Damaged after those that are whole.
        """
        ...


def quoted(path: bytes) -> str:
    """A path as part of an address: percent-encoded, so that it is ASCII and no byte is lost."""
    return quote_from_bytes(path, safe="/")


def plain_answer(body: bytes, at: datetime) -> Answer:
    """The answer of a file that holds what a page showed at that time."""
    return checked("", 200, (), body, at=at)


def too_large(size: int, at: datetime) -> Answer:
    """The answer of a capture that is larger than any page is read."""
    reason = f"the body has {size:,} bytes, more than the {LARGEST:,} that are read"
    return Answer(fetched_at=at, status=200, failure=reason)


def no_room(error: BaseException) -> bool:
    """Whether it failed for want of room on the disk, which goes by itself."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


_TIME = re.compile(
    r"(\d{4}-?\d\d-?\d\dT\d\d:?\d\d(?::?\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d(?::?\d\d)?))"
    r"(?:\.[A-Za-z0-9]{1,10})?",
    re.ASCII,
)


def time_named(name: str) -> datetime | None:
    """The time that a file is named by, before its ending; None when it is named otherwise.

    ISO 8601 with a zone, with or without dashes and colons.
    """
    match = _TIME.fullmatch(name)
    return None if match is None else instant_of(match[1])


def instant_of(text: str) -> datetime | None:
    """The instant that an ISO 8601 text with a zone means; None when it means none."""
    try:
        moment = datetime.fromisoformat(text)
        return None if moment.utcoffset() is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):  # in another zone it may lie before the year 1
        return None
