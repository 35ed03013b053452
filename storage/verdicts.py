"""Whether a part of a look is believed. Pure: facts come in, a verdict with its reason goes out.

A decrease is never a reason to refuse: counts really fall, about once in thirty updates. What is
refused is what cannot be a tally; what is set aside as stale is what the outlet's own clock says
is older than what it has shown already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from storage.records import (
    PERCENTS,
    Article,
    RaceState,
    Verdict,
    instant,
    instant_text,
    percents_of,
)

#: An older state is taken as a rollback by the outlet, no longer as a stale copy, when one page
#: has shown it for this many looks and this long without the newer state being seen anywhere.
ROLLBACK_LOOKS = 3
ROLLBACK_TIME = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Persistence:
    """How long one page has shown the very state that is judged, since the current was last seen.

    looks: consecutive looks at the page, this one included. since: our clock at the first of
    them. repeated: the page had shown the state already before the current state was recorded.
    """

    looks: int
    since: datetime
    repeated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """verdict: accepted, stale or rejected. reason: empty when accepted. flags: for its changes."""

    verdict: Verdict
    reason: str = ""
    flags: tuple[str, ...] = ()


ACCEPTED = Judgement(verdict="accepted")


def judge_race(
    new: RaceState,
    current: RaceState,
    persistence: Persistence,
    now: datetime,
    order: Sequence[str] = (),
) -> Judgement:
    """Judge a race whose figures differ from the current ones. `now` is the look's fetched_at.

    order: the candidates as the page's last accepted look had them, empty before the first.
    """
    fault = withdrawn(new, current) or exchanged(new, current, order)
    if fault:
        return Judgement(verdict="rejected", reason=fault)
    return _judge_time(new.source_updated_at, current.source_updated_at, persistence, now)


def judge_article(
    new: Article, current: Article, persistence: Persistence, now: datetime
) -> Judgement:
    """Judge a story whose text differs from the current one, by its modified time."""
    return _judge_time(
        _time(new.value("modified_at")), _time(current.value("modified_at")), persistence, now
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else instant(text)


def _judge_time(
    new: datetime | None, current: datetime | None, persistence: Persistence, now: datetime
) -> Judgement:
    if new is None or current is None or new > current:
        return ACCEPTED
    if new == current and not persistence.repeated:
        return ACCEPTED  # the outlet's clock is coarse: two states may share a minute
    if persistence.looks >= ROLLBACK_LOOKS and now - persistence.since >= ROLLBACK_TIME:
        return Judgement(verdict="accepted", flags=("rollback",))
    return Judgement(
        verdict="stale",
        reason=f"the page says {instant_text(new)}, {instant_text(current)} was seen before",
    )


def withdrawn(new: RaceState, current: RaceState) -> str:
    """Name the figures that were published before and are missing now; empty when there are none.

    A number that vanishes says nothing of the count, and must never be read as zero.
    """
    missing = []
    stands = {tally.candidate: tally for tally in current.tallies}
    for tally in new.tallies:
        before = stands.get(tally.candidate)
        if before is None:
            continue
        if tally.votes is None and before.votes is not None:
            missing.append(f"votes of {tally.name} (were {before.votes:,})")
        if tally.electoral_votes is None and before.electoral_votes is not None:
            missing.append(f"electoral votes of {tally.name} (were {before.electoral_votes})")
    if percents_of(new) != percents_of(current):
        for percent in PERCENTS:
            stood = percent.of(current)
            if stood is not None and percent.of(new) is None:
                missing.append(f"{percent.called} (was {stood:g}%)")
    return "no longer published: " + ", ".join(missing) if missing else ""


def exchanged(new: RaceState, current: RaceState, order: Sequence[str]) -> str:
    """Name the two whose electoral votes were exchanged as their names were; empty otherwise.

    Where electoral votes stand apart from the names, only the order of both tells whose they are.
    Names that change places above numbers that do not are no change of the count. Where the names
    stand as before, or each has its number beside it, an exchange is the outlet's own correction.
    """
    if not new.electors_by_order:
        return ""
    moved = [
        (before, after)
        for after in new.tallies
        if (before := current.tally(after.candidate)) is not None
        and before.electoral_votes != after.electoral_votes
    ]
    if len(moved) != 2:
        return ""
    (a, a_now), (b, b_now) = moved
    if (a.electoral_votes, b.electoral_votes) != (b_now.electoral_votes, a_now.electoral_votes):
        return ""
    if [c for c in order if c in (a.candidate, b.candidate)] == [a.candidate, b.candidate]:
        return ""
    return (
        f"{a_now.name} and {b_now.name} have changed places, and their electoral votes"
        f" ({a.electoral_votes} and {b.electoral_votes}) have not"
    )
