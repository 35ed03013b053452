"""An answer comes in: its bytes are kept, and chained, before anybody tries to understand them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from storage.archive import digest, keep, remembered
from storage.current import current_races
from storage.database import immediate
from storage.pages import page_of, validated_fetch
from storage.records import instant_text
from storage.writing import insert, kept_by, link, settle, unsettle


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back for one request, checked on the wire.

    status, headers: None and empty when there was no answer at all. wire: the body as it came,
    packed or not. body: the unpacked body; None when it could not be unpacked, when there is
    none, or when the answer is a 304 (unless whoever recorded it tells which bytes it stands for).
    failure: why there is nothing to read; None otherwise.
    refused: the failure lies in the body (its bytes are kept), not in the way to it.
    conditional: the request asked whether the page has changed. asked_at: when it was sent, None
    when that is not known; fetched_at is when the answer was here. packed: digest and size of
    the body as it came, where these are all that is known of it. asked_url: the address that was
    asked for, where a page's moves with its version; None where it is the page's own.
    """

    fetched_at: datetime
    status: int | None = None
    headers: Sequence[tuple[str, str]] = ()
    wire: bytes | None = None
    body: bytes | None = None
    failure: str | None = None
    refused: bool = False
    conditional: bool = False
    asked_at: datetime | None = None
    packed: tuple[str, int] | None = None
    asked_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """Which capture of a history that somebody else has recorded a fetch was taken from.

    origin: what the history is known by, wherever it lies. label: what people call it, and whose
    it is. name: of the capture within its history.
    """

    origin: str
    label: str
    name: str


def receive(
    connection: sqlite3.Connection,
    *,
    source: str,
    url: str,
    family: str,
    answer: Answer,
    parser: str | None = None,
    capture: Captured | None = None,
) -> int:
    """Commit one fetch with its bytes, before anybody reads it. Returns its id.

    The source must have been registered. A 304 gets the body that the page's validators stood
    for; without one it is a failed fetch. parser: the name and version of the one that is to read
    it. Bytes that it has read at the page's last look say what they said: such a fetch is
    unchanged at once. capture: where it was taken from, if it is an import.
    """
    with immediate(connection):
        page = _page(connection, source, url, family)
        body, sha256, failure = _body(connection, page, answer)
        wire_sha256, wire_size = _wire(answer, sha256)
        outcome = None
        if failure:
            outcome = "refused" if answer.refused else "failed"
        elif parser is not None and _read_before(connection, page, body, parser):
            outcome = "unchanged"
        row: dict[str, object] = {
            "page": page,
            "asked_url": answer.asked_url,
            "asked_at": answer.asked_at and instant_text(answer.asked_at),
            "fetched_at": instant_text(answer.fetched_at),
            "status": answer.status,
            "headers": json.dumps(answer.headers),
            "body": body,
            "wire_sha256": wire_sha256,
            "wire_size": wire_size,
            "outcome": outcome,
            "reason": failure,
            "parser": parser if outcome == "unchanged" else None,
        }
        fetch = insert(connection, "fetch", row)
        if failure:
            unsettle(connection, page)
        elif outcome:
            settle(connection, page, fetch, settled=answer.status != 304, good=True)
            current_races(connection).saw(page, fetch)
        # An error page between two looks is no base for the next, and no end of a chain either.
        if answer.status == 200 and body is not None and outcome != "unchanged":
            connection.execute("UPDATE page SET latest_body = ? WHERE id = ?", (body, page))
        where = {"source": source, "url": url, "family": family}
        content: dict[str, object] = {**row, "page": where, "body": sha256}
        if capture is not None:
            content["capture"] = _capture(connection, page, fetch, capture)
        link(connection, fetch, "received", content)
    return fetch


def _wire(answer: Answer, sha256: str | None) -> tuple[str | None, int | None]:
    """Digest and size of the body as it came; None where there was none, or nobody knows.

    sha256: of the body. What came unpacked is the body itself; the body of a 304 came at another
    look.
    """
    if answer.wire is None:
        return answer.packed or (None, None)
    is_body = answer.status != 304 and _content(answer) == answer.wire
    return sha256 if sha256 and is_body else digest(answer.wire), len(answer.wire)


def _capture(
    connection: sqlite3.Connection, page: int, fetch: int, capture: Captured
) -> dict[str, object]:
    """The row that says where the fetch was taken from, added; as its link covers it."""
    row: dict[str, object] = {
        "page": page,
        "origin": capture.origin,
        "label": capture.label,
        "name": capture.name,
        "fetch": fetch,
    }
    return {"id": insert(connection, "capture", row), **row}


def _read_before(connection: sqlite3.Connection, page: int, body: int | None, parser: str) -> bool:
    """Whether the parser has read the body at the page's last look, and would find nothing new.

    Not while a fetch of the source waits to be read: nothing is read before it.
    """
    kept = kept_by(connection)
    if page not in kept.settled:
        kept.settled[page] = _settled_in_file(connection, page)
    if body is None or kept.settled[page] != (body, parser):
        return False
    if page not in kept.standing:
        story = connection.execute(
            "SELECT 1 FROM article_sighting WHERE page = ? LIMIT 1", (page,)
        ).fetchone()
        if story or not current_races(connection).stands(page):
            return False
        kept.standing.add(page)
    waits = connection.execute(
        "SELECT 1 FROM fetch JOIN page ON page.id = page WHERE outcome IS NULL"
        " AND source = (SELECT source FROM page WHERE id = ?) LIMIT 1",
        (page,),
    ).fetchone()
    return waits is None


def _settled_in_file(connection: sqlite3.Connection, page: int) -> tuple[int | None, str | None]:
    """The body of the page's last look if all of it was accepted, and the parser that read it."""
    row = connection.execute(
        "SELECT body, parser FROM fetch WHERE id = (SELECT settled_fetch FROM page WHERE id = ?)",
        (page,),
    ).fetchone()
    return (row["body"], row["parser"]) if row else (None, None)


def _page(connection: sqlite3.Connection, source: str, url: str, family: str) -> int:
    pages = kept_by(connection).pages
    if (source, url) not in pages:
        pages[source, url] = _page_in_file(connection, source, url, family)
    return pages[source, url]


def _page_in_file(connection: sqlite3.Connection, source: str, url: str, family: str) -> int:
    """The id of the page, added if it is not there."""
    found = page_of(connection, source, url)
    if found is not None:
        return found
    number = connection.execute("SELECT id FROM source WHERE name = ?", (source,)).fetchone()["id"]
    return insert(connection, "page", {"source": number, "url": url, "family": family})


def _body(
    connection: sqlite3.Connection, page: int, answer: Answer
) -> tuple[int | None, str | None, str | None]:
    """The body's id and digest, and why there is nothing to read, if so."""
    if answer.status == 304 and answer.failure is None and answer.body is None:
        settled = validated_fetch(connection, page)
        if settled is None or not answer.conditional:
            reason = "HTTP 304, but the site was not asked whether the page has changed"
            return None, None, reason
        return int(settled["body"]), settled["sha256"], None
    content = _content(answer)
    if not content:
        return None, None, answer.failure
    kept = kept_by(connection)
    sha256 = kept.latest.get(page)
    # Equal bytes have equal digests, and to compare them takes a tenth of the time.
    if sha256 is None or remembered(connection, sha256) != content:
        sha256 = kept.latest[page] = digest(content)
    return keep(connection, page, content, sha256), sha256, answer.failure


def _content(answer: Answer) -> bytes | None:
    # What could not be unpacked is kept as it came: it is the evidence of the refusal.
    return answer.body if answer.body is not None else answer.wire
