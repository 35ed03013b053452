"""ABC News' addresses: what a page is, and which story it shows, from its URL alone."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

#: The outlet moved from the first to the second by 2026; the last has its feeds. All are one site.
HOSTS = frozenset({"abcnews.go.com", "abcnews.com", "www.abcnews.com", "feeds.abcnews.com"})

_WIRE = re.compile(r"/wireStory/(?:[^/]*-)?([0-9]+)/?$")
_ID = re.compile(r"[0-9]+")


def story_id(url: str | None) -> str | None:
    """The numeric id of the story that the address names; None when it is not a story's.

    Slugs change and mean nothing. Videos and live blogs share the id space and are no stories.
    """
    if url is None:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:  # "http://[" is no address
        return None
    wire = _WIRE.search(parts.path)
    if wire:
        return wire[1]
    if parts.path.rstrip("/").endswith("/story"):
        ids = parse_qs(parts.query).get("id", [])
        if len(ids) == 1 and _ID.fullmatch(ids[0]):
            return ids[0]
    return None
