"""The hash chain: every fetch is linked to all that was recorded before it. Pure.

A fetch gets two links, one when it is received and one when it is read. A link's hash covers its
whole content and the hash of the link before, so a row that was altered, removed or slipped in
later shows, provided the last hash (the head) is known from elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

#: What the first link names as the one before it.
GENESIS = "0" * 64

_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
)


def canonical(content: object) -> bytes:
    """The one byte form of a content: JSON, keys sorted, no blanks, ASCII.

    Raises ValueError for NaN and infinities, TypeError for what JSON cannot hold.
    """
    return _ENCODER.encode(content).encode("ascii")


def link_hash(previous: str, content: Mapping[str, object]) -> str:
    """SHA-256, as lower-case hex, over the previous link's hash and this link's content."""
    return hashlib.sha256(canonical({"previous": previous, "content": content})).hexdigest()
