"""Recording stories and the links of discovery pages, and how the stories stand."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from storage.chain import canonical
from storage.diff import compare_article, first_of_article
from storage.entries import Entries, Subject
from storage.persistence import persistence
from storage.records import ARTICLE_FIELDS, Article, Change, Link, Refusal, instant
from storage.verdicts import judge_article
from storage.writing import Look


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentArticle:
    """A story as it stands, the look that brought it and the latest that showed it."""

    id: int
    article: Article
    fetch: int
    shown_by: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sighting:
    """What one page last showed of a story, from which look to which. `state` is JSON."""

    state: str
    verdict: str
    first_fetch: int
    last_fetch: int


def record_article(entries: Entries, new: Article) -> None:
    """Judge, compare and write the story of a look."""
    connection, look = entries.connection, entries.look
    state = _article_json(new)
    now = _load_article(connection, look, new.id)
    sighting = _load_sighting(connection, look, new.id)
    entries.said_something |= sighting is None or sighting.state != state
    verdict = "accepted"
    if now is None:
        article = _save_article(connection, look, new, edited=True)
        before = _discovered_after(connection, look, new.id)
        added = (
            []
            if before is None
            else [Change(kind="article_added", field="presence", new="present")]
        )
        _write_article(entries, article, new, [*added, *first_of_article(new)], before)
    else:
        rows, merged = compare_article(now.article, new)
        edited = any(row.kind != "first" for row in rows)
        reason = ""
        if edited:
            unbroken = sighting is not None and sighting.last_fetch == look.good
            since = (
                sighting.first_fetch
                if sighting is not None and sighting.state == state and unbroken
                else None
            )
            lasted = persistence(connection, look, since, now.fetch, now.shown_by)
            judgement = judge_article(new, now.article, lasted, look.fetched_at)
            verdict, reason = judgement.verdict, judgement.reason
            rows = [row._replace(flags=row.flags + judgement.flags) for row in rows]
        if verdict == "accepted":
            _save_article(connection, look, merged, edited=edited)
            _write_article(entries, now.id, merged, rows, now.shown_by)
        else:
            entries.refuse(Refusal(part="article", verdict="stale", reason=reason))
    entries.accepted |= verdict == "accepted"
    _save_sighting(connection, look, new.id, state, verdict)


def record_links(entries: Entries, links: Iterable[Link]) -> None:
    """Write the stories that a discovery page names and did not name before."""
    look = entries.look
    known = {
        row["article_key"]
        for row in entries.connection.execute(
            "SELECT article_key FROM discovery WHERE page = ?", (look.page,)
        )
    }
    for link in links:
        if link.article in known:
            continue
        known.add(link.article)
        entries.add("discovery", look.page, link.article, link.url, look.fetch, look.good)
        entries.said_something = True
    entries.accepted = True


def confirm_stories(connection: sqlite3.Connection, look: Look) -> bool:
    """The page is what it was: the story that it shows is shown again as it stands.

    False, and nothing written, when another page has moved it on since.
    """
    shown = [
        (row["article_key"], row["state"])
        for row in connection.execute(
            "SELECT article_key, state FROM article_sighting"
            " JOIN page ON page.id = article_sighting.page"
            " WHERE page.id = ? AND last_fetch >= page.settled_fetch",
            (look.page,),
        )
    ]
    standing = [(state, _load_article(connection, look, key)) for key, state in shown]
    if any(
        now is None or compare_article(now.article, _article_from_json(state))[0]
        for state, now in standing
    ):
        return False
    for state, now in standing:
        if now is not None:
            _save_sighting(connection, look, now.article.id, state, "accepted")
            connection.execute("UPDATE article SET shown_by = ? WHERE id = ?", (look.fetch, now.id))
    return True


def _article_json(article: Article) -> str:
    """What the page says of the story, as canonical JSON."""
    readings = {name: dict(told) for name, told in article.readings.items()}
    return canonical({"id": article.id, "readings": readings}).decode("ascii")


def _article_from_json(text: str) -> Article:
    """The story that `_article_json` wrote, without address and section, which it leaves out."""
    return Article(url="", section=None, **json.loads(text))


def _write_article(
    entries: Entries, article: int, state: Article, rows: Sequence[Change], before: int | None
) -> None:
    if not rows:
        return
    version = [state.value(name) for name in ARTICLE_FIELDS]
    entries.add("article_version", article, entries.look.fetch, *version)
    modified = state.value("modified_at")
    updated = None if modified is None else instant(modified)
    subject = Subject(article=article, source_updated_at=updated)
    entries.record(subject, rows, before)


def _load_article(connection: sqlite3.Connection, look: Look, key: str) -> CurrentArticle | None:
    """The story as it stands at the look's source; None when it was never read."""
    row = connection.execute(
        "SELECT * FROM article WHERE source = ? AND key = ?", (look.source, key)
    ).fetchone()
    if row is None:
        return None
    article = Article(
        id=row["key"],
        url=row["url"],
        section=row["section"],
        readings=json.loads(row["readings"]),
    )
    return CurrentArticle(
        id=row["id"], article=article, fetch=row["fetch"], shown_by=row["shown_by"]
    )


def _save_article(
    connection: sqlite3.Connection, look: Look, article: Article, *, edited: bool
) -> int:
    """Make `article` the current one, as a new version when it was edited. Returns its id."""
    readings: Mapping[str, object] = {n: dict(told) for n, told in article.readings.items()}
    row = connection.execute(
        """
        INSERT INTO article (source, key, url, headline, section, readings, fetch, shown_by)
        VALUES (:source, :key, :url, :headline, :section, :readings, :fetch, :fetch)
        ON CONFLICT (source, key) DO UPDATE SET
            url = :url, headline = :headline, section = :section, readings = :readings,
            fetch = iif(:edited, :fetch, fetch), shown_by = :fetch
        RETURNING id
        """,
        {
            "source": look.source,
            "key": article.id,
            "url": article.url,
            "headline": article.value("headline"),
            "section": article.section,
            "readings": canonical(readings).decode("ascii"),
            "fetch": look.fetch,
            "edited": edited,
        },
    ).fetchone()
    return int(row["id"])


def _load_sighting(connection: sqlite3.Connection, look: Look, key: str) -> _Sighting | None:
    row = connection.execute(
        "SELECT state, verdict, first_fetch, last_fetch FROM article_sighting"
        " WHERE page = ? AND article_key = ?",
        (look.page, key),
    ).fetchone()
    return None if row is None else _Sighting(**dict(row))


def _save_sighting(
    connection: sqlite3.Connection, look: Look, key: str, state: str, verdict: str
) -> None:
    """The page shows this state now: one look more of it, or the first."""
    connection.execute(
        """
        INSERT INTO article_sighting (page, article_key, state, verdict, first_fetch, last_fetch)
        VALUES (:page, :key, :state, :verdict, :fetch, :fetch)
        ON CONFLICT (page, article_key) DO UPDATE SET
            first_fetch = iif(state = :state, first_fetch, :fetch),
            last_fetch = :fetch, verdict = :verdict, state = :state
        """,
        {
            "page": look.page,
            "key": key,
            "state": state,
            "verdict": verdict,
            "fetch": look.fetch,
        },
    )


def _discovered_after(connection: sqlite3.Connection, look: Look, key: str) -> int | None:
    """The last look at a discovery page that did not name the story yet, if one did later.

    None when no discovery page names the story, or one named it when it was first looked at.
    """
    row = connection.execute(
        "SELECT max(before_fetch) AS before_fetch, count(*) AS pages, count(before_fetch) AS later"
        " FROM discovery JOIN page ON page.id = discovery.page"
        " WHERE page.source = ? AND article_key = ?",
        (look.source, key),
    ).fetchone()
    if row["pages"] == 0 or row["later"] < row["pages"]:
        return None
    return int(row["before_fetch"])
