"""What proves a change: its looks, the bytes, the states of its story, its place in the chain."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass

from storage.archive import body_of
from storage.chain import GENESIS
from storage.queries import LogRow


def chain_head(connection: sqlite3.Connection) -> str:
    """The chain's last link as `id:hash`; "0:" and zeros before the first."""
    row = connection.execute("SELECT id, hash FROM link ORDER BY id DESC LIMIT 1").fetchone()
    return f"{row['id']}:{row['hash']}" if row else f"0:{GENESIS}"


def first_link(connection: sqlite3.Connection) -> str:
    """Hash of the chain's first link, of which no other database has the like; zeros before it."""
    row = connection.execute("SELECT hash FROM link WHERE id = 1").fetchone()
    return str(row["hash"]) if row else GENESIS


def reading_links(connection: sqlite3.Connection, fetches: Collection[int]) -> dict[int, str]:
    """Of each of these looks, the hash of the link that seals what was read in it."""
    rows = connection.execute(
        "SELECT fetch, hash FROM link WHERE step = 'read'"
        " AND fetch IN (SELECT value FROM json_each(?))",
        (json.dumps(list(fetches)),),
    )
    return {row["fetch"]: row["hash"] for row in rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleState:
    """A version of a story. body: paragraphs joined by empty lines. None: not published."""

    headline: str | None
    dek: str | None
    byline: str | None
    body: str | None
    published_at: str | None
    modified_at: str | None


def article_states(
    connection: sqlite3.Connection, row: LogRow
) -> tuple[ArticleState | None, ArticleState]:
    """The story of the row before and after its look; None before when it was new then."""
    found = connection.execute(
        "SELECT version.headline, dek, byline, body, published_at, modified_at"
        "  FROM article_version AS version JOIN article ON article.id = version.article"
        "  JOIN source ON source.id = article.source"
        " WHERE source.name = ? AND article.key = ? AND version.fetch <= ?"
        " ORDER BY version.id DESC LIMIT 2",
        (row.source, row.article, row.fetch),
    ).fetchall()
    after, *before = (ArticleState(**dict(version)) for version in found)
    return (before[0] if before else None), after


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchFacts:
    """One look as evidence: when, what the server answered, and the bytes. url: as asked for."""

    id: int
    fetched_at: str
    status: int | None
    outcome: str | None
    url: str
    sha256: str | None
    size: int | None


def fetch_facts(connection: sqlite3.Connection, fetch: int) -> FetchFacts:
    """The look with this id, which there is."""
    row = connection.execute(
        "SELECT fetch.id, fetched_at, status, outcome, coalesce(asked_url, url) AS url,"
        " sha256, size FROM fetch"
        " JOIN page ON page.id = fetch.page LEFT JOIN body ON body.id = fetch.body"
        " WHERE fetch.id = ?",
        (fetch,),
    ).fetchone()
    return FetchFacts(**dict(row))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainLink:
    """One link of the chain; id is its place in it."""

    id: int
    step: str
    hash: str


def links_of(connection: sqlite3.Connection, fetch: int) -> list[ChainLink]:
    """The links that seal a look: when it was received, and what was read in it."""
    rows = connection.execute(
        "SELECT id, step, hash FROM link WHERE fetch = ? ORDER BY id", (fetch,)
    )
    return [ChainLink(**dict(row)) for row in rows]


def story_on_page(connection: sqlite3.Connection, row: LogRow) -> tuple[str, str | None] | None:
    """Id and headline of the story on the row's page; None when there is none."""
    found = connection.execute(
        "SELECT article.key, article.headline FROM article_sighting AS sighting"
        "  JOIN page ON page.id = sighting.page JOIN source ON source.id = page.source"
        "  JOIN article ON article.source = source.id AND article.key = article_key"
        " WHERE source.name = ? AND page.url = ? ORDER BY last_fetch DESC LIMIT 1",
        (row.source, row.url),
    ).fetchone()
    return (found["key"], found["headline"]) if found else None


def body_named(connection: sqlite3.Connection, sha256: str) -> bytes | None:
    """The unpacked bytes with this hash; None when there are none.

    Raises what `storage.archive.body_of` raises when they are damaged.
    """
    row = connection.execute("SELECT id FROM body WHERE sha256 = ?", (sha256,)).fetchone()
    return None if row is None else body_of(connection, row["id"])
