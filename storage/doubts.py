"""What a page may show and nobody should believe at once. Pure.

A doubted state is shown as unconfirmed right away and enters the log only when it lasts. Everything
else that is merely unlikely is recorded, with a flag (`storage.anomalies`).
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from storage.figures import leaders
from storage.records import RaceState

#: A doubted state is believed when a look at least this much later still shows it. Twelve House
#: races of Florida stood at zero for 42 to 83 seconds in 2022.
CONFIRMED_AFTER = timedelta(minutes=5)

#: A race with fewer votes may fall to zero by a small correction.
FALL_FROM = 10_000
#: When so many races of one page fall to zero at once, how many votes they had does not matter.
FALLS_AT_ONCE = 5
#: Of two or more candidates, at most this share goes at once without a doubt.
GONE_SHARE = 0.2
#: All electors of the United States.
ELECTORS = 538
#: Where a call does not give all electors to one candidate: the nation, and the two states that
#: give some of them by district.
SPLIT = ("us", "us/me", "us/ne")


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """Why a state is not believed. confirmed_after: it is when it lasts so long; None: never.

    kind: of the doubt; one of another kind has to last for itself.
    """

    kind: Literal["mark", "early", "electors", "zero", "gone", "returned", "missing"]
    reason: str
    confirmed_after: timedelta | None = CONFIRMED_AFTER


def votes_of(state: RaceState) -> int | None:
    """All published votes of the race there; None when none are published."""
    published = [t.votes for t in state.tallies if t.votes is not None]
    return sum(published) if published else None


def falls_to_zero(new: RaceState, current: RaceState | None) -> bool:
    """Whether a race that had votes has none now."""
    return current is not None and votes_of(new) == 0 and bool(votes_of(current))


def doubt(
    new: RaceState,
    current: RaceState | None,
    *,
    election_day: datetime,
    now: datetime,
    many_at_zero: bool,
    gone: Set[str],
) -> Doubt | None:
    """Why the state is not to be believed yet; None when it is.

    current: how the race stands, None when it was not known. election_day: when that day begins at
    the source. now: our clock. many_at_zero: FALLS_AT_ONCE or more races of this page fall to zero.
    gone: the candidates whom the page had shown and does not show any more.
    """
    if new.doubt is not None:
        return Doubt(kind="mark", reason=new.doubt, confirmed_after=None)
    early = _before_election(new, election_day, now)
    if early:
        return Doubt(kind="early", reason=early, confirmed_after=None)
    reason = _electors(new)
    if reason:
        return Doubt(kind="electors", reason=reason)
    if current is None:
        return None
    reason = _zero(new, current, many_at_zero)
    if reason:
        return Doubt(kind="zero", reason=reason)
    reason = _vanished(new, current, gone)
    return Doubt(kind="gone", reason=reason) if reason else None


def _before_election(new: RaceState, election_day: datetime, now: datetime) -> str:
    """Rule R10: tests are published days before an election, and look like results."""
    moment = now if new.source_updated_at is None else new.source_updated_at
    if moment >= election_day:
        return ""
    votes = votes_of(new)
    if votes:
        return f"{votes:,} votes before the day of the election"
    if new.projection is not None or new.runoff:
        return "a projection before the day of the election"
    return ""


def _electors(new: RaceState) -> str:
    """Rule R5: electors that cannot be."""
    # One who has none published has not been given any.
    given = sum(t.electoral_votes for t in new.tallies if t.electoral_votes is not None)
    if given > ELECTORS:
        return f"{given} electoral votes, there are {ELECTORS}"
    if new.seats is not None and given > new.seats:
        return f"{given} electoral votes, the place has {new.seats}"
    called = new.projection is not None and new.place not in SPLIT
    if called and new.seats is not None and 0 < given < new.seats:
        return f"the place is called, with {given} of its {new.seats} electoral votes"
    return ""


def _zero(new: RaceState, current: RaceState, many_at_zero: bool) -> str:
    """Rule R8: counts that fall to zero come back within minutes, nearly always."""
    if not falls_to_zero(new, current):
        return ""
    before = votes_of(current) or 0
    if before < FALL_FROM and not many_at_zero:
        return ""
    more = ", as in other races on the page" if many_at_zero else ""
    return f"0 votes now, {before:,} before{more}"


def _vanished(new: RaceState, current: RaceState, gone: Set[str]) -> str:
    """Rule R9: the leader is gone, all are, or too many at once."""
    if not gone:
        return ""
    shown = {t.candidate: t.name for t in current.tallies}
    who = ", ".join(sorted(shown.get(candidate, candidate) for candidate in gone))
    if not new.tallies:
        return f"no candidate is left: {who} are gone"
    if leaders(current.tallies) & gone:
        return f"the leader is gone: {who}"
    if len(gone) >= 2 and len(gone) > GONE_SHARE * len(shown):
        return f"{len(gone)} of {len(shown)} candidates are gone: {who}"
    return ""
