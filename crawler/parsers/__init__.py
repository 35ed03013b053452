"""Parsers, by the name that a source gives in the configuration.

All are pure: no requests, no files, no database, no clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Protocol

from crawler.parsers import abc
from crawler.parsers.clarity import Clarity
from storage.records import Link, Snapshot


class Parser(Protocol):
    """Which pages an outlet has, and what each says: a module, or an object with a declaration."""

    @property
    def NAME(self) -> str:
        """Name and version; another one whenever the same bytes may read otherwise."""

    @property
    def HOSTS(self) -> frozenset[str]:
        """The hosts of the outlet: where one is configured, all may be asked."""

    @property
    def TIMEZONE(self) -> str:
        """The zone of the outlet's clock, where the configuration gives none."""

    @property
    def FEED(self) -> str:
        """The family of results feeds."""

    @property
    def RESULTS_PAGE(self) -> str:
        """The family of results pages."""

    @property
    def STORY(self) -> str:
        """The family of stories."""

    @property
    def DISCOVERY(self) -> str:
        """The family of pages that name stories."""

    @property
    def RESULTS(self) -> Sequence[str]:
        """The families of which the figures are wanted first."""

    @property
    def OFFICES(self) -> tuple[str, ...]:
        """The offices that a feed by template has."""

    @property
    def STATES(self) -> Mapping[str, str]:
        """The states that a feed by template has, by postal code."""

    def Memory(self) -> Any:
        """What `parse` keeps of the looks before at one page."""

    def family_of(self, url: str, /) -> str | None:
        """The family of the page there; None when this parser reads no such page."""

    def looked_at(self, url: str, /) -> str:
        """The address that crawls look at where the configuration has this one."""

    def versioned(self, url: str, /) -> str | None:
        """The page of which the file there tells the version; None when it is no such file.

        Its address has `{version}` in it.
        """

    def version(self, body: bytes, /) -> str | None:
        """The version that such a file tells; None when it tells none."""

    def closed(self, url: str, /) -> str | None:
        """Why a page there is never asked for; None when it may be."""

    def foreign(self, family: str, declared: str, /) -> bool:
        """Whether an answer of that type is no page of the family at all."""

    def story_id(self, url: str, /) -> str | None:
        """The outlet's id of the story there; None when there is none."""

    def feed_file(self, url: str, /) -> Any:
        """The file of a feed by template that is there; None when it is none."""

    def feed_url(self, base: str, office: str, state: str | None = None, /) -> str:
        """The address of a file of a feed by template."""

    def marks(self, file: Any, body: bytes, /) -> dict[str, str]:
        """For each state of a national file what moves whenever its entry there does."""

    def other_offices(self, body: bytes, /) -> frozenset[str]:
        """The offices of which a state's file says that it has results too."""

    def canonical(self, body: bytes, /) -> str | None:
        """The address that a saved page names as its own; None when it names none."""

    def placed(self, body: bytes, charset: str | None, /) -> tuple[list[str], list[str]]:
        """Where on a page each banner stands, and which texts were left out."""

    def links(self, body: bytes, /) -> tuple[Link, ...]:
        """The stories that a discovery page names."""

    def parse(
        self,
        family: str,
        body: bytes,
        /,
        *,
        url: str,
        charset: str | None,
        election_date: date,
        fetched_at: datetime,
        memory: Any = None,
    ) -> Snapshot:
        """All that one body says. Parts that do not fit are refusals in the snapshot."""


PARSERS: dict[str, Parser] = {"abc": abc, "clarity": Clarity()}
