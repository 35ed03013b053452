"""The diff module: what changed between two states of a race or of a story. Pure.

Comparison is three-valued: None is "not published", so None -> 5 is a change and None -> 0 is one
too, while None -> None is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import replace
from datetime import datetime

from storage.figures import leaders, ranked
from storage.records import (
    ARTICLE_FIELDS,
    ORIGINS,
    PERCENTS,
    Article,
    Change,
    RaceState,
    Tally,
    first_told,
    instant_text,
    percents_of,
)

#: The kind of change for each field of an article.
ARTICLE_KINDS = {
    "headline": "headline_changed",
    "dek": "dek_changed",
    "byline": "byline_changed",
    "body": "body_changed",
    "published_at": "published_time_changed",
    "modified_at": "modified_time_changed",
}


def _first(field: str, new: int | float | str | None, candidate: str | None = None) -> list[Change]:
    if new is None:
        return []
    return [Change(kind="first", field=field, candidate=candidate, new=new)]


def _first_of_tally(tally: Tally) -> list[Change]:
    return _first("votes", tally.votes, tally.candidate) + _first(
        "electoral_votes", tally.electoral_votes, tally.candidate
    )


def first_of_race(new: RaceState) -> list[Change]:
    """The first sights of a race not known before: one row for each published value."""
    rows = _first("projection", new.projection, new.projection)
    for candidate in sorted(new.runoff):
        rows += [r._replace(flags=("runoff",)) for r in _first("projection", candidate, candidate)]
    for tally in ranked(new.tallies):
        rows += _first_of_tally(tally)
    for percent in PERCENTS:
        rows += _first(percent.field, percent.of(new))
    return rows + _first("status", new.status) + _first("poll_closing", _instant(new.last_close_at))


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else instant_text(moment)


def _number_change(
    kind: str,
    field: str,
    old: int | float | None,
    new: int | float | None,
    candidate: str | None = None,
) -> list[Change]:
    if old == new:
        return []
    delta = None if old is None or new is None else new - old
    if isinstance(delta, float):
        delta = round(delta, 6)  # percents are decimals: 95.3 - 95.2 must not print 0.0999...
    return [Change(kind=kind, field=field, candidate=candidate, old=old, new=new, delta=delta)]


def _projection_change(old: str | None, new: str | None) -> list[Change]:
    if old == new:
        return []
    if old is None:
        kind = "projection_made"
    elif new is None:
        kind = "projection_retracted"
    else:
        kind = "projection_changed"
    return [Change(kind=kind, field="projection", candidate=new or old, old=old, new=new)]


def _runoff_changes(old: RaceState, new: RaceState) -> list[Change]:
    # A runoff is a call for several: a row for each of them.
    made = [
        Change(kind="projection_made", field="projection", candidate=c, new=c, flags=("runoff",))
        for c in sorted(new.runoff - old.runoff)
    ]
    return made + [
        Change(
            kind="projection_retracted", field="projection", candidate=c, old=c, flags=("runoff",)
        )
        for c in sorted(old.runoff - new.runoff)
    ]


def _text_change(kind: str, field: str, old: str | None, new: str | None) -> list[Change]:
    # None is "this page does not say": two pages of an outlet tell different things of a race.
    if old == new or new is None:
        return []
    return [Change(kind=kind, field=field, old=old, new=new)]


def _as_first(row: Change) -> Change:
    """A value that was not known before and is no news; a call always is."""
    if row.old is not None or row.new is None or row.field in ("projection", "set"):
        return row
    return Change(kind="first", field=row.field, candidate=row.candidate, new=row.new)


def _rename(old: Tally, new: Tally) -> list[Change]:
    if old.name == new.name:
        return []
    return [
        Change(
            kind="candidate_renamed",
            field="name",
            candidate=new.candidate,
            old=old.name,
            new=new.name,
        )
    ]


def _tally_changes(old: Tally, new: Tally) -> list[Change]:
    fell = old.votes is not None and new.votes is not None and new.votes < old.votes
    return _number_change(
        "votes_decreased" if fell else "votes_increased",
        "votes",
        old.votes,
        new.votes,
        new.candidate,
    ) + _number_change(
        "electoral_votes_changed",
        "electoral_votes",
        old.electoral_votes,
        new.electoral_votes,
        new.candidate,
    )


def compare_race(
    old: RaceState,
    new: RaceState,
    shown: Set[str],
    flags: tuple[str, ...] = (),
    *,
    learned: bool = False,
    returned: Set[str] = frozenset(),
) -> list[Change]:
    """The changes from `old`, the current state, to `new`, an accepted look.

    shown: the candidates whom the same page had shown; only these can have been removed.
    flags: put on every change of this look.
    learned: the page tells of the race for the first time, or its parser reads more in it than
        the one before: candidates and values that were not known are first sights.
    returned: candidates who had been removed before; these are no first sights.
    Calls first, then candidates, then figures with the leader first. A candidate who joins brings
    rows of kind `first` for the values.
    """
    rows = _projection_change(old.projection, new.projection)
    if old.runoff != new.runoff:
        rows += _runoff_changes(old, new)
    there = {tally.candidate for tally in new.tallies}
    gone = [t for t in old.tallies if t.candidate in shown and t.candidate not in there]
    for tally in ranked(gone):
        rows.append(
            Change(
                kind="candidate_removed",
                field="set",
                candidate=tally.candidate,
                old=tally.candidate,
            )
        )
    stood = {tally.candidate: tally for tally in old.tallies}
    for tally in ranked(new.tallies):
        before = stood.get(tally.candidate)
        if before is None:
            if not learned or tally.candidate in returned:
                rows.append(
                    Change(
                        kind="candidate_added",
                        field="set",
                        candidate=tally.candidate,
                        new=tally.candidate,
                    )
                )
            rows += _first_of_tally(tally)
        elif before != tally:
            rows += _rename(before, tally) + _tally_changes(before, tally)
    then, now = percents_of(old), percents_of(new)
    if then != now:
        for percent, was, is_now in zip(PERCENTS, then, now, strict=True):
            rows += _number_change(percent.kind, percent.field, was, is_now)
    rows += _text_change("status_changed", "status", old.status, new.status)
    if old.last_close_at != new.last_close_at:
        before_close, close = _instant(old.last_close_at), _instant(new.last_close_at)
        rows += _text_change("poll_closing_changed", "poll_closing", before_close, close)
    if learned:
        rows = [_as_first(row) for row in rows]
    kept = [t for t in old.tallies if t.candidate not in shown and t.candidate not in there]
    return _flagged(rows, leaders(old.tallies), leaders((*new.tallies, *kept)), flags)


def _flagged(
    rows: list[Change], before: frozenset[str], after: frozenset[str], flags: tuple[str, ...]
) -> list[Change]:
    turner = _turner(rows, before, after) if before and after and before != after else None
    if turner is None and not flags:
        return rows
    return [
        row._replace(flags=row.flags + flags + (("lead_change",) if row is turner else ()))
        for row in rows
    ]


def _turner(rows: list[Change], before: Set[str], after: Set[str]) -> Change | None:
    """The row that turned the lead: the new leader's votes, else what befell the old one's."""

    def first(field: str, who: Set[str]) -> Change | None:
        moved = (r for r in rows if r.field == field and r.kind != "first" and r.candidate in who)
        return next(moved, None)

    return (
        first("votes", after)
        or first("set", after - before)
        or first("votes", before)
        or first("set", before)
    )


def merged_race(old: RaceState, new: RaceState, shown: Set[str]) -> RaceState:
    """The current state after `new` was accepted.

    A candidate whom another page shows and this one never did stays, and so does what this one
    does not tell.
    """
    kept = tuple(
        t for t in old.tallies if t.candidate not in shown and new.tally(t.candidate) is None
    )
    told = new.status is not None and new.last_close_at is not None and new.seats is not None
    if told and not kept and new.source_updated_at is not None:
        return new
    return replace(
        new,
        source_updated_at=new.source_updated_at or old.source_updated_at,
        tallies=new.tallies + kept,
        status=old.status if new.status is None else new.status,
        last_close_at=old.last_close_at if new.last_close_at is None else new.last_close_at,
        seats=old.seats if new.seats is None else new.seats,
    )


def first_of_article(new: Article) -> list[Change]:
    """The first sights of a story not known before: one row for each field that it has."""
    return [row for name in ARTICLE_FIELDS for row in _first(name, new.value(name))]


def compare_article(old: Article, new: Article) -> tuple[list[Change], Article]:
    """The changes from `old` to `new`, and the story to compare the next look with.

    A field is compared within one origin, the first that has it in both: the same headline may be
    spelled differently in a page's data and in its markup, and either may be missing from one
    look. A value that only a newly seen origin tells is a first sight, not an edit.
    """
    rows: list[Change] = []
    readings: dict[str, Mapping[str, str | None]] = {}
    for name in ARTICLE_FIELDS:
        before, after = old.readings.get(name, {}), new.readings.get(name, {})
        change = _article_change(name, before, after)
        # What other origins said before an edit is outdated by it.
        readings[name] = after if change else {**before, **_told(before, after)}
        if change:
            rows.append(change)
        elif first_told(readings[name]) != first_told(before):
            rows += _first(name, first_told(readings[name]))
    return rows, replace(new, section=new.section or old.section, readings=readings)


def _told(
    before: Mapping[str, str | None], after: Mapping[str, str | None]
) -> dict[str, str | None]:
    """What `after` adds: an origin that fell silent does not unsay what it told."""
    return {o: v for o, v in after.items() if v is not None or before.get(o) is None}


def _article_change(
    name: str, before: Mapping[str, str | None], after: Mapping[str, str | None]
) -> Change | None:
    kind = ARTICLE_KINDS[name]
    for origin in ORIGINS:
        old, new = before.get(origin), after.get(origin)
        if old is not None and new is not None:
            return None if old == new else Change(kind=kind, field=name, old=old, new=new)
    old, new = first_told(before), first_told(after)
    if old is None and any(o in before and v is not None for o, v in after.items()):
        return Change(kind=kind, field=name, new=new)
    if new is None and any(o in after and v is not None for o, v in before.items()):
        return Change(kind=kind, field=name, old=old)
    return None  # no origin is in both: nothing can be said of an edit
