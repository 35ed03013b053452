"""Datasette's hooks: limits of a connection, our pages, and links in its own tables."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from datasette import hookimpl
from datasette.utils.asgi import NotFound, Response
from markupsafe import Markup

from storage.browse.site import change_page, landing_page
from storage.browse.urls import Urls
from storage.evidence import body_named
from storage.moments import moment
from storage.records import instant_text

__all__ = ["prepare_connection", "register_routes", "render_cell"]

#: Bytes of a text or blob that a question may make, at most. Bodies have 16 MiB.
LARGEST = 32 * 1024 * 1024
#: Nothing is loaded, run or sent from our pages. Datasette's own bring scripts of theirs.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'"

_SHA256 = re.compile(r"[0-9a-f]{64}")


@hookimpl
def prepare_connection(conn: sqlite3.Connection, database: str) -> None:
    """A reader writes nothing and fills no memory; `instant` reads the times in our questions."""
    if database.startswith("_"):  # Datasette's own bookkeeping
        return
    conn.execute("PRAGMA query_only = ON")
    conn.execute("PRAGMA trusted_schema = OFF")
    conn.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST)
    conn.create_function("instant", 2, _instant)


def _instant(text: str | None, otherwise: str) -> str:
    """The time that somebody typed, in the one text form; `otherwise` when nothing was typed.

    Raises ValueError, which ends the question, for what is no time: an empty answer would be taken
    for "nothing changed".
    """
    return instant_text(moment(text.strip(), datetime.now(UTC))) if text else otherwise


@hookimpl
def register_routes() -> list[tuple[str, Callable[..., Any]]]:
    """Our pages: the first one, one for each change, and the bytes."""
    return [
        (r"^/$", landing),
        (r"^/-/change/(?P<number>[0-9]{1,18})$", change),
        (r"^/-/body/(?P<sha256>[0-9a-f]{64})$", body),
    ]


async def landing(datasette: Any, request: Any) -> Response:
    """What this is, how fresh it is, and the questions."""
    database = await _database(datasette, request)
    urls = Urls(datasette, database.name)
    return _page(await database.execute_fn(lambda conn: landing_page(conn, urls)))


async def change(datasette: Any, request: Any) -> Response:
    """One change with both states, its looks and its place in the chain."""
    database = await _database(datasette, request)
    number = int(request.url_vars["number"])
    urls = Urls(datasette, database.name)
    html = await database.execute_fn(lambda conn: change_page(conn, number, urls))
    if html is None:
        raise NotFound(f"There is no change {number}")
    return _page(html)


async def body(datasette: Any, request: Any) -> Response:
    """The unpacked bytes, to be saved: never shown as a page of ours, whatever they are."""
    database = await _database(datasette, request)
    sha256 = request.url_vars["sha256"]
    content = await database.execute_fn(lambda conn: body_named(conn, sha256))
    if content is None:
        raise NotFound(f"There is no body {sha256}")
    return Response(
        content,
        content_type="application/octet-stream",
        headers={
            "Content-Disposition": f'attachment; filename="{sha256}.bin"',
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'",
        },
    )


async def _database(datasette: Any, request: Any) -> Any:
    """The one database of ours, if whoever asks may see it."""
    name = next(name for name in datasette.databases if not name.startswith("_"))
    await datasette.ensure_permissions(request.actor, [("view-database", name), "view-instance"])
    return datasette.databases[name]


def _page(html: str) -> Response:
    return Response.html(html, headers={"Content-Security-Policy": POLICY})


#: Columns of views and questions that hold the id of a look.
LOOKS = ("fetch", "fetch_before")


@hookimpl
def render_cell(
    row: Any, value: Any, column: str, table: str | None, database: str, datasette: Any
) -> Markup | None:
    """Links from views and questions to changes, looks, stories and bytes."""
    urls = Urls(datasette, database)
    in_words = table is None or table in ("change_log", "first_sight_log", "projection_log")
    if column == "content" and table == "body":
        return _link(urls.body(row["sha256"]), "save the bytes")
    if isinstance(value, str) and column.startswith("sha256") and _SHA256.fullmatch(value):
        return _link(urls.body(value), value)
    if isinstance(value, int):
        if column == "change" or (column == "id" and table in ("change_log", "projection_log")):
            return _link(urls.change(value), f"{value:,}")
        if in_words and column in LOOKS:
            return _link(urls.row("fetch", value), str(value))
    if isinstance(value, str) and in_words and column == "article":
        return _link(urls.query("story_versions", article=value), value)
    return None


def _link(address: str, text: str) -> Markup:
    return Markup('<a href="{}">{}</a>').format(address, text)
