"""Recording one look: each part of its snapshot is judged, compared and written, on its own.

Runs inside the caller's transaction, so that a look is in the log as a whole or not at all.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from storage.current import CurrentRace, current_races
from storage.entries import Entries, Note
from storage.races import WITNESS_TIME, RacesOfLook
from storage.records import Snapshot, instant
from storage.stories import confirm_stories, record_article, record_links
from storage.writing import Look


def record_snapshot(
    connection: sqlite3.Connection, look: Look, snapshot: Snapshot, parser: str
) -> Entries:
    """Judge, compare and write all parts of a snapshot. `parser` is the one that read it."""
    entries = Entries(connection, look)
    races = RacesOfLook(entries, snapshot, parser)
    races.record()
    if snapshot.article is not None:
        record_article(entries, snapshot.article)
    if snapshot.links is not None:
        record_links(entries, snapshot.links)
    for refusal in snapshot.refusals:
        entries.refuse(refusal)
    races.record_missing()
    _note_unknown(entries, snapshot.unknown)
    entries.flush()
    current_races(connection).flush()
    return entries


def _note_unknown(entries: Entries, paths: Iterable[str]) -> None:
    """Name fields that no parser knows, once for each family of pages of the source."""
    look = entries.look
    for path in paths:
        known = entries.connection.execute(
            "SELECT 1 FROM note JOIN page ON page.id = note.page"
            " WHERE note.kind = 'unknown_field' AND text = ? AND source = ? AND family = ?",
            (path, look.source, look.family),
        ).fetchone()
        if known is None:
            entries.note(
                Note(
                    kind="unknown_field",
                    text=path,
                    first_fetch=look.fetch,
                    last_fetch=look.fetch,
                )
            )


def _settled_after(connection: sqlite3.Connection, look: Look, race: CurrentRace) -> bool:
    """Whether the page was compared when what it may lag behind had stood for long enough."""
    times = {
        row["id"]: instant(row["fetched_at"])
        for row in connection.execute(
            "SELECT id, fetched_at FROM fetch WHERE id IN (?, ?)", (look.good, race.fetch)
        )
    }
    return look.good is not None and times[look.good] - times[race.fetch] >= WITNESS_TIME


def confirm_page(connection: sqlite3.Connection, look: Look) -> bool:
    """The page is what it was: what it shows of the current state is shown again.

    False, and nothing written, when another page has moved some of it on since, or a page that
    leads: then the look must be judged like any other.
    """
    now = current_races(connection)
    for sighting in now.page(look).values():
        if not sighting.open:
            continue
        if sighting.verdict == "witness":
            race = now.race(look, sighting.race, sighting.place)
            if sighting.doubt_fetch or race is None or not _settled_after(connection, look, race):
                return False
        elif not sighting.current:
            return False
    return confirm_stories(connection, look)
