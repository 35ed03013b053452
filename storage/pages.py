"""What is known of a page besides what it shows: its looks so far, whether it is there at all."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from storage.archive import body_of
from storage.records import instant


def page_of(connection: sqlite3.Connection, source: str, url: str) -> int | None:
    """The page's id; None when it was never looked at."""
    found = connection.execute(
        "SELECT page.id FROM page JOIN source ON source.id = page.source"
        " WHERE source.name = ? AND page.url = ?",
        (source, url),
    ).fetchone()
    return int(found["id"]) if found else None


#: How the reason ends of a look at which the site was not asked, as it had wished.
NOT_ASKED = "it was not asked for"


def last_asked(connection: sqlite3.Connection, page: int) -> int:
    """The page's last fetch at which its site was asked for it; 0 without one."""
    row = connection.execute(
        "SELECT id FROM fetch WHERE page = ? AND coalesce(reason, '') NOT LIKE '%' || ?"
        " ORDER BY id DESC LIMIT 1",
        (page, NOT_ASKED),
    ).fetchone()
    return 0 if row is None else int(row["id"])


def keep_knowledge(connection: sqlite3.Connection, page: int, knowledge: str) -> None:
    """Keep how the page is known, a file of a feed: captured, reported or guessed."""
    connection.execute("UPDATE page SET knowledge = ? WHERE id = ?", (knowledge, page))


def knowledge_of(connection: sqlite3.Connection, page: int) -> str | None:
    """What `keep_knowledge` has kept; None when it never did."""
    row = connection.execute("SELECT knowledge FROM page WHERE id = ?", (page,)).fetchone()
    knowledge: str | None = row["knowledge"]
    return knowledge


def keep_mark(connection: sqlite3.Connection, page: int, mark: str) -> None:
    """Keep which state of the national file the page, a state's file, was last received for."""
    connection.execute("UPDATE page SET mark = ? WHERE id = ?", (mark, page))


def mark_of(connection: sqlite3.Connection, page: int) -> str | None:
    """What `keep_mark` has kept; None when it never did."""
    row = connection.execute("SELECT mark FROM page WHERE id = ?", (page,)).fetchone()
    mark: str | None = row["mark"]
    return mark


def latest_body(connection: sqlite3.Connection, page: int) -> bytes | None:
    """The unpacked bytes that the page has sent last; None when it never sent any."""
    row = connection.execute(
        "SELECT latest_body FROM page WHERE id = ? AND latest_body IS NOT NULL", (page,)
    ).fetchone()
    return None if row is None else body_of(connection, row["latest_body"])


#: Answers by which a site says that there is no such page. Stores of files say 403 of what they
#: do not have.
MISSING = (403, 404, 410)


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """A guessed page that is not there. looks: how many have said so. last: when the last did."""

    looks: int
    last: datetime


def absence(connection: sqlite3.Connection, page: int) -> Absence | None:
    """How it is known that the page is not there.

    None when it is not a guess, has answered with a body once, or was never said to be missing.
    """
    row = connection.execute(
        f"""
        SELECT count(*) AS looks, max(fetched_at) AS last FROM fetch JOIN page ON page.id = page
         WHERE page = ?1 AND knowledge = 'guessed' AND status IN {MISSING}
           AND NOT EXISTS (SELECT 1 FROM fetch WHERE page = ?1 AND status = 200)
        """,  # noqa: S608 - numbers of ours
        (page,),
    ).fetchone()
    if not row["looks"]:
        return None
    return Absence(looks=row["looks"], last=instant(row["last"]))


def guesses_that_answered(connection: sqlite3.Connection) -> frozenset[tuple[str, str]]:
    """Source and address of the guessed pages that are there."""
    rows = connection.execute(
        "SELECT source.name, url FROM page JOIN source ON source.id = page.source"
        " WHERE knowledge = 'guessed'"
        " AND EXISTS (SELECT 1 FROM fetch WHERE page = page.id AND status = 200)"
    )
    return frozenset((row["name"], row["url"]) for row in rows)


def passed_over(connection: sqlite3.Connection, page: int) -> int | None:
    """The page's last fetch that was answered, 0 without one, if the last run did not ask for it.

    None when the last run did.
    """
    row = connection.execute(
        "SELECT reason, (SELECT coalesce(max(id), 0) FROM fetch WHERE page = ?1"
        " AND status IS NOT NULL) AS answered FROM fetch WHERE page = ?1 ORDER BY id DESC LIMIT 1",
        (page,),
    ).fetchone()
    asked = row is None or not (row["reason"] or "").endswith(NOT_ASKED)
    return None if asked else int(row["answered"])


def validated_fetch(connection: sqlite3.Connection, page: int) -> sqlite3.Row | None:
    """The page's last look with a body of which all was accepted; None without one.

    Columns: body, sha256, headers, parser, asked_url (NULL: the page's own address), since (how
    many looks ago it was).
    """
    row: sqlite3.Row | None = connection.execute(
        "SELECT fetch.body, body.sha256, fetch.headers, fetch.parser, fetch.asked_url,"
        " (SELECT count(*) FROM fetch AS later WHERE later.page = page.id AND later.id > fetch.id)"
        " AS since FROM page"
        " JOIN fetch ON fetch.id = page.settled_fetch"
        " LEFT JOIN body ON body.id = fetch.body WHERE page.id = ?",
        (page,),
    ).fetchone()
    return row
