"""read(fetch): the one path from a body to the log, for crawls and after a crash."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from email.message import Message

from crawler.parsers import PARSERS, Parser
from crawler.parsers.unread import Unread
from storage.archive import body_of
from storage.current import current_races
from storage.database import Writer, immediate
from storage.entries import Entries, Note
from storage.recording import confirm_page, record_snapshot
from storage.records import Outcome, Refusal, Snapshot, refused_page
from storage.writing import Look, finish, look


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What came of one fetch. changes: ids in the log. refusals: parts not accepted. notes: what
    is said once of the page.

    reason: why the whole fetch was refused or has failed; None otherwise.
    """

    fetch: int
    url: str
    source: str
    outcome: Outcome
    reason: str | None = None
    changes: Sequence[int] = ()
    refusals: Sequence[Refusal] = ()
    notes: Sequence[Note] = ()


def has_parser(connection: sqlite3.Connection, fetch: int, parsers: Mapping[str, Parser]) -> bool:
    """Whether the fetch can be read now; parsers: see `read`. One without waits for its parser."""
    about = look(connection, fetch)
    parser = parsers.get(about.source_name) or PARSERS.get(about.parser)
    return parser is not None and not isinstance(parser, Unread)


def read(
    connection: sqlite3.Connection, fetch: int, parsers: Mapping[str, Parser] | None = None
) -> Reading:
    """Parse, judge, compare and record one received fetch, in one transaction.

    parsers: of the sources, by their ids; of one that is not among them, the parser of the name
    that it was registered with.
    A fetch that was read before, or had nothing to read, is left alone. A parser that stumbles
    over a page refuses the page: one bad capture must not stop the history.
    """
    known = _known(connection, fetch)
    if known is not None:
        return known
    with immediate(connection):
        about = look(connection, fetch)
        if about.outcome is not None:  # another process has read it
            return _reading(about, about.outcome, about.reason, Entries(connection, about))
        parser = (parsers or {}).get(about.source_name) or PARSERS[about.parser]
        # The same bytes say the same, unless a newer parser reads more in them.
        same = about.body == about.settled and about.settled_parser == parser.NAME
        if same and confirm_page(connection, about):
            entries = Entries(connection, about)
            outcome: Outcome = "unchanged"
        else:
            snapshot = _parsed(connection, about, parser)
            entries = record_snapshot(connection, about, snapshot, parser.NAME)
            outcome = _outcome(entries)
        if entries.good:
            current_races(connection).saw(about.page, about.fetch)
        reason = "; ".join(r.reason for r in entries.refusals) if outcome == "refused" else None
        finish(
            connection,
            about,
            outcome=outcome,
            reason=reason,
            parser=parser.NAME,
            settled=not entries.refusals and not entries.unsettled,
            rows=entries.rows,
        )
    return _reading(about, outcome, reason, entries)


def _known(connection: sqlite3.Connection, fetch: int) -> Reading | None:
    """What came of the fetch, if it was read before; None when it waits to be read."""
    row = connection.execute(
        "SELECT outcome, reason, url, source.name FROM fetch JOIN page ON page.id = fetch.page"
        " JOIN source ON source.id = page.source WHERE fetch.id = ? AND outcome IS NOT NULL",
        (fetch,),
    ).fetchone()
    if row is None:
        return None
    return Reading(
        fetch=fetch,
        url=row["url"],
        source=row["name"],
        outcome=row["outcome"],
        reason=row["reason"],
    )


def _outcome(entries: Entries) -> Outcome:
    if not entries.good:
        return "refused"
    return "new" if entries.said_something else "unchanged"


def _reading(about: Look, outcome: Outcome, reason: str | None, entries: Entries) -> Reading:
    return Reading(
        fetch=about.fetch,
        url=about.url,
        source=about.source_name,
        outcome=outcome,
        reason=reason,
        changes=tuple(entries.changes),
        refusals=tuple(entries.refusals),
        notes=tuple(entries.notes),
    )


def _parsed(connection: sqlite3.Connection, about: Look, parser: Parser) -> Snapshot:
    assert about.body is not None  # without one, receive() has set the outcome
    return snapshot_of(
        parser,
        about.family,
        body_of(connection, about.body),
        memory=_memory(connection, about, parser),
        url=about.url,
        headers=about.headers,
        election_date=about.election_date,
        fetched_at=about.fetched_at,
    )


class _Memories(dict[int, object]):
    """What the parsers keep in memory, by page."""


def _memory(connection: sqlite3.Connection, about: Look, parser: Parser) -> object:
    """The parser's memory of the look's page, for as long as the connection lives."""
    if not isinstance(connection, Writer):
        return None
    memories: dict[int, object] = connection.kept.setdefault(_Memories, _Memories())
    if about.page not in memories:
        memories[about.page] = parser.Memory()
    return memories[about.page]


def snapshot_of(
    parser: Parser,
    family: str,
    body: bytes,
    *,
    url: str,
    headers: Sequence[tuple[str, str]],
    election_date: date,
    fetched_at: datetime,
    memory: object = None,
) -> Snapshot:
    """What the parser reads in the body of an answer with these headers.

    memory: the parser's own, of the looks before at the same page.
    """
    declared = _content_type(headers).get_content_type()
    if parser.foreign(family, declared):
        what = family.replace("_", " ")
        reason = f"the answer's type is {declared}, which no {what} has"
        return refused_page(reason)
    try:
        snapshot: Snapshot = parser.parse(
            family,
            body,
            url=url,
            charset=charset_of(headers),
            election_date=election_date,
            fetched_at=fetched_at,
            memory=memory,
        )
    except Exception as error:  # whatever it is, it is a fault of this page alone
        reason = f"the parser failed, which is a bug: {type(error).__name__}: {error}"
        return refused_page(reason)
    return snapshot


def charset_of(headers: Sequence[tuple[str, str]]) -> str | None:
    """The charset of an answer's Content-Type header; None without one."""
    charset = _content_type(headers).get_param("charset")
    return charset if isinstance(charset, str) else None


def _content_type(headers: Sequence[tuple[str, str]]) -> Message:
    message = Message()
    message.set_default_type("application/octet-stream")
    for name, value in headers:
        if name.lower() == "content-type":
            message["Content-Type"] = value
    return message
