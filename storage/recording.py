"""Recording one look: each part of its snapshot is judged, compared and written, on its own.

Runs inside the caller's transaction, so that a look is in the log as a whole or not at all.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from storage import current
from storage.diff import (
    compare_article,
    compare_race,
    first_of_article,
    first_of_race,
    merged_race,
)
from storage.records import (
    ARTICLE_FIELDS,
    Article,
    Change,
    Link,
    RaceState,
    Refusal,
    Snapshot,
    Verdict,
    instant,
    instant_text,
)
from storage.verdicts import Persistence, judge_article, judge_race
from storage.writing import Look, insert


@dataclass(slots=True)
class Record:
    """What one look wrote.

    changes: ids in the log. refusals: parts not accepted. said_something: some part says what the
    page did not say before. accepted: at least one part was accepted.
    """

    changes: list[int] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    said_something: bool = False
    accepted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """Whose rows these are: a race in a place, or an article; ids in the database."""

    race: int | None = None
    place: int | None = None
    article: int | None = None
    source_updated_at: str | None = None


def record_snapshot(
    connection: sqlite3.Connection, look: Look, snapshot: Snapshot, parser: str
) -> Record:
    """Judge, compare and write all parts of a snapshot. `parser` is the one that read it."""
    record = Record()
    for race in snapshot.races:
        _record_race(connection, look, race, parser, record)
    if snapshot.article is not None:
        _record_article(connection, look, snapshot.article, record)
    if snapshot.links is not None:
        _record_links(connection, look, snapshot.links, record)
    refusals = (*snapshot.refusals, *_vanished(connection, look, snapshot))
    for refusal in refusals:
        _refuse(connection, look, refusal, record)
    return record


def _vanished(connection: sqlite3.Connection, look: Look, snapshot: Snapshot) -> list[Refusal]:
    """Races that the page's last good look showed and that this one says nothing of.

    Told once: the look after this one compares with a look that did not show them either. The
    last tallies stay, because a page that drops its results says nothing of the count.
    """
    if snapshot.races or any(r.part != "article" for r in snapshot.refusals):
        return []
    last = _last_good_look(connection, look)
    return [
        Refusal(
            part="race",
            race=race.race,
            place=race.place,
            reason=f"the page's last look showed results ({race.race}), this one shows none",
        )
        for race in current.races_shown(connection, look, last)
    ]


def confirm_page(connection: sqlite3.Connection, look: Look) -> bool:
    """The page is what it was: what it shows of the current state is shown again.

    False, and nothing written, when another page has moved some of it on since: then the look
    must be judged like any other.
    """
    parts = current.settled_sightings(connection, look)
    if not all(_is_current(connection, look, part, state) for part, state in parts):
        return False
    for part, state in parts:
        sighting = current.load_sighting(connection, look, part)
        candidates = sighting.candidates if sighting is not None else ()
        current.save_sighting(connection, look, part, state, "accepted", candidates)
        if part.startswith("race "):
            shown = current.race_from_json(state)
            race = current.load_race(connection, look, *_race_ids(connection, look, shown), shown)
            if race is not None:
                current.race_still_shown(connection, look, race, shown.source_updated_at)
        else:
            article = current.load_article(connection, look, current.article_from_json(state).id)
            if article is not None:
                current.article_still_shown(connection, look, article)
    return True


def _is_current(connection: sqlite3.Connection, look: Look, part: str, state: str) -> bool:
    """Whether what the page shows of this part is how the part stands now."""
    if part.startswith("race "):
        shown = current.race_from_json(state)
        race = current.load_race(connection, look, *_race_ids(connection, look, shown), shown)
        return race is not None and not compare_race(race.state, shown, frozenset())
    told = current.article_from_json(state)
    article = current.load_article(connection, look, told.id)
    return article is not None and not compare_article(article.article, told)[0]


def _race_ids(connection: sqlite3.Connection, look: Look, state: RaceState) -> tuple[int, int]:
    return (
        current.race_id(connection, look, state.race),
        current.place_id(connection, state.place),
    )


def _record_race(
    connection: sqlite3.Connection, look: Look, new: RaceState, parser: str, record: Record
) -> None:
    part, state = f"race {new.race} {new.place}", current.race_json(new)
    race, place = _race_ids(connection, look, new)
    subject = _Subject(
        race=race,
        place=place,
        source_updated_at=instant_text(new.source_updated_at) if new.source_updated_at else None,
    )
    now = current.load_race(connection, look, race, place, new)
    sighting = current.load_sighting(connection, look, part)
    record.said_something |= sighting is None or sighting.state != state
    order = () if sighting is None else sighting.candidates
    shown = frozenset(order)
    verdict: Verdict = "accepted"
    if now is None:
        current.save_race(connection, look, race, place, new, before=None)
        before = _last_look_without_race(connection, look, parser)
        added = [] if before is None else [Change(kind="race_added", field="set", new=new.race)]
        _write(connection, look, subject, [*added, *first_of_race(new)], before, record)
    elif not compare_race(now.state, new, shown):
        current.race_still_shown(connection, look, now, new.source_updated_at)
    else:
        persistence = _persistence(connection, look, sighting, state, now.fetch, now.shown_by)
        judgement = judge_race(new, now.state, persistence, look.fetched_at, order)
        if judgement.verdict == "accepted":
            merged = merged_race(now.state, new, shown)
            current.save_race(connection, look, race, place, merged, before=now.state)
            rows = compare_race(now.state, new, shown, judgement.flags)
            _write(connection, look, subject, rows, now.shown_by, record)
        else:
            verdict = judgement.verdict
            refusal = Refusal(
                part="race",
                race=new.race,
                place=new.place,
                verdict=verdict,
                reason=judgement.reason,
            )
            _refuse(connection, look, refusal, record)
    if verdict != "rejected":
        record.accepted |= verdict == "accepted"
        if verdict == "accepted":
            order = tuple(tally.candidate for tally in new.tallies)
        current.save_sighting(connection, look, part, state, verdict, order)


def _record_article(
    connection: sqlite3.Connection, look: Look, new: Article, record: Record
) -> None:
    part, state = f"article {new.id}", current.article_json(new)
    now = current.load_article(connection, look, new.id)
    sighting = current.load_sighting(connection, look, part)
    record.said_something |= sighting is None or sighting.state != state
    verdict: Verdict = "accepted"
    if now is None:
        article = current.save_article(connection, look, new, edited=True)
        before = _discovered_after(connection, look, new.id)
        added = (
            []
            if before is None
            else [Change(kind="article_added", field="presence", new="present")]
        )
        rows = [*added, *first_of_article(new)]
        _write_article(connection, look, article, new, rows, before, record)
    else:
        rows, merged = compare_article(now.article, new)
        edited = any(row.kind != "first" for row in rows)
        if edited:
            persistence = _persistence(connection, look, sighting, state, now.fetch, now.shown_by)
            judgement = judge_article(new, now.article, persistence, look.fetched_at)
            verdict = judgement.verdict
            rows = [replace(row, flags=row.flags + judgement.flags) for row in rows]
        if verdict == "accepted":
            current.save_article(connection, look, merged, edited=edited)
            _write_article(connection, look, now.id, merged, rows, now.shown_by, record)
        else:
            refusal = Refusal(part="article", verdict=verdict, reason=judgement.reason)
            _refuse(connection, look, refusal, record)
    record.accepted |= verdict == "accepted"
    current.save_sighting(connection, look, part, state, verdict)


def _record_links(
    connection: sqlite3.Connection, look: Look, links: Iterable[Link], record: Record
) -> None:
    before = _last_good_look(connection, look)
    known = {
        row["article_key"]
        for row in connection.execute(
            "SELECT article_key FROM discovery WHERE page = ?", (look.page,)
        )
    }
    for link in links:
        if link.article in known:
            continue
        known.add(link.article)
        row = {
            "page": look.page,
            "article_key": link.article,
            "url": link.url,
            "fetch": look.fetch,
            "before_fetch": before,
        }
        insert(connection, "discovery", row)
        record.said_something = True
    record.accepted = True


def _refuse(connection: sqlite3.Connection, look: Look, refusal: Refusal, record: Record) -> None:
    row = {
        "fetch": look.fetch,
        "part": refusal.part,
        "race": refusal.race,
        "place": refusal.place,
        "verdict": refusal.verdict,
        "reason": refusal.reason,
    }
    insert(connection, "refusal", row)
    record.refusals.append(refusal)


def _write_article(
    connection: sqlite3.Connection,
    look: Look,
    article: int,
    state: Article,
    rows: Sequence[Change],
    before: int | None,
    record: Record,
) -> None:
    if not rows:
        return
    version = {name: state.value(name) for name in ARTICLE_FIELDS}
    insert(connection, "article_version", {"article": article, "fetch": look.fetch, **version})
    subject = _Subject(article=article, source_updated_at=version["modified_at"])
    _write(connection, look, subject, rows, before, record)


def _write(
    connection: sqlite3.Connection,
    look: Look,
    subject: _Subject,
    rows: Iterable[Change],
    before: int | None,
    record: Record,
) -> None:
    for change in rows:
        row: dict[str, object] = {
            "source": look.source,
            "race": subject.race,
            "place": subject.place,
            "candidate": _candidate(connection, subject, change),
            "article": subject.article,
            "field": change.field,
            "new": change.new,
            "fetch": look.fetch,
            "source_updated_at": subject.source_updated_at,
        }
        if change.kind == "first":
            insert(connection, "first_sight", row)
        else:
            row |= {
                "kind": change.kind,
                "flags": json.dumps(change.flags),
                "old": change.old,
                "delta": change.delta,
                "before_fetch": before,
            }
            record.changes.append(insert(connection, "change", row))


def _candidate(connection: sqlite3.Connection, subject: _Subject, change: Change) -> int | None:
    if change.candidate is None or subject.race is None:
        return None
    # Every candidate of a look was added with its state, or stood in the state before.
    return current.candidate_id(connection, subject.race, change.candidate, change.candidate)


def _persistence(
    connection: sqlite3.Connection,
    look: Look,
    sighting: current.Sighting | None,
    state: str,
    brought_by: int,
    shown_by: int,
) -> Persistence:
    """How long the look's page has shown `state`, since the current state was last seen.

    brought_by, shown_by: the looks that brought the current state, and that showed it last.
    """
    unbroken = sighting is not None and sighting.last_fetch == _last_good_look(connection, look)
    if sighting is None or sighting.state != state or not unbroken:
        return Persistence(looks=1, since=look.fetched_at, repeated=False)
    row = connection.execute(
        "SELECT count(*) AS looks, min(fetched_at) AS since FROM fetch"
        " WHERE page = ? AND id >= ? AND id > ? AND id < ? AND outcome IN ('new', 'unchanged')",
        (look.page, sighting.first_fetch, shown_by, look.fetch),
    ).fetchone()
    return Persistence(
        looks=row["looks"] + 1,
        since=instant(row["since"]) if row["since"] else look.fetched_at,
        repeated=sighting.first_fetch < brought_by,
    )


def _last_good_look(connection: sqlite3.Connection, look: Look) -> int | None:
    """The latest earlier look at the page that was accepted or unchanged; None without one."""
    row = connection.execute(
        "SELECT max(id) AS id FROM fetch WHERE page = ? AND id < ?"
        " AND outcome IN ('new', 'unchanged')",
        (look.page, look.fetch),
    ).fetchone()
    return None if row["id"] is None else int(row["id"])


def _last_look_without_race(connection: sqlite3.Connection, look: Look, parser: str) -> int | None:
    """The latest earlier look at the page that this very parser read, and saw no race in.

    A look whose race was refused does not count: the race was there. Nor does one by another
    parser, which may not have known how to see it. None without such a look.
    """
    row = connection.execute(
        "SELECT max(id) AS id FROM fetch WHERE page = ? AND id < ? AND parser = ?"
        " AND outcome IN ('new', 'unchanged')"
        " AND NOT EXISTS (SELECT 1 FROM refusal WHERE refusal.fetch = fetch.id AND part = 'race')",
        (look.page, look.fetch, parser),
    ).fetchone()
    return None if row["id"] is None else int(row["id"])


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
