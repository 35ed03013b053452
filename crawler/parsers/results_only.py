"""What a parser says that knows results feeds at configured addresses, and nothing else."""
# ruff: noqa: ARG002 - see crawler.parsers.Parser for what each is asked

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from storage.records import Link


class ResultsOnly:
    """No stories, no pages for readers, no feed by template."""

    HOSTS: frozenset[str] = frozenset()
    TIMEZONE = "UTC"
    FEED, RESULTS_PAGE, STORY, DISCOVERY = "feed", "results_page", "story", "discovery"
    RESULTS: Sequence[str] = (FEED,)
    OFFICES: tuple[str, ...] = ()
    STATES: Mapping[str, str] = MappingProxyType({})

    def Memory(self) -> None:
        """Nothing is kept."""

    def family_of(self, url: str, /) -> str | None:
        """Every address is a feed's."""
        return self.FEED

    def looked_at(self, url: str, /) -> str:
        """That very address."""
        return url

    def versioned(self, url: str, /) -> str | None:
        """None."""
        return None

    def version(self, body: bytes, /) -> str | None:
        """None."""
        return None

    def closed(self, url: str, /) -> str | None:
        """All may be asked for, where robots.txt allows it."""
        return None

    def foreign(self, family: str, declared: str, /) -> bool:
        """Servers call results anything; pictures and films are none."""
        return declared.startswith(("application/pdf", "image/", "video/", "audio/"))

    def story_id(self, url: str, /) -> str | None:
        """None."""
        return None

    def feed_file(self, url: str, /) -> Any:
        """None."""
        return None

    def feed_url(self, base: str, office: str, state: str | None = None, /) -> str:
        """The folder itself."""
        return base

    def marks(self, file: Any, body: bytes, /) -> dict[str, str]:
        """None."""
        return {}

    def other_offices(self, body: bytes, /) -> frozenset[str]:
        """None."""
        return frozenset()

    def canonical(self, body: bytes, /) -> str | None:
        """None: results name no address."""
        return None

    def placed(self, body: bytes, charset: str | None, /) -> tuple[list[str], list[str]]:
        """None."""
        return [], []

    def links(self, body: bytes, /) -> tuple[Link, ...]:
        """None."""
        return ()
