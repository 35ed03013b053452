"""Moves that are recorded like any other, and that somebody should look at. Pure.

The figures are chosen so that the count of an ordinary night has hardly any: of 8,110 updates of
2024 that moved votes 179 had a decrease, and 14 of these were large.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from storage.records import Change, RaceState

#: `large_decrease`: a candidate's votes fell by more than this share and more than so many.
LARGE_SHARE = 0.01
LARGE_VOTES = 500
#: `swap`: two candidates moved by this much or more, the one up and the other down.
SWAP_VOTES = 100
#: `decimal_shift`: a candidate's votes were multiplied or divided by about ten, while the others'
#: stood still; smaller counts do that by themselves.
SHIFT = (8, 12)
SHIFT_VOTES = 100
#: `one_sided`: one candidate takes this share of a batch of more than so many votes.
ONE_SIDED_SHARE = 0.99
ONE_SIDED_VOTES = 20_000
#: `over_expected`: expected votes are estimates, and counts pass them by a little now and then.
OVER_EXPECTED_PCT = 102
#: Parts and their sum differ by more than this share of the sum.
SUMS_SHARE = 0.005


def flag_anomalies(rows: Sequence[Change], old: RaceState, new: RaceState) -> list[Change]:
    """The rows of one look at one race in one place, with flags for what is unusual."""
    moves = {
        row.candidate: row.delta
        for row in rows
        if row.field == "votes" and isinstance(row.delta, int) and row.candidate is not None
    }
    whole = bool(moves) and _same_published(old, new)
    swapped = _swapped(moves) if whole else ()
    shifted = _shifted(moves, old) if whole else ()
    one_sided = _one_sided(moves, old) if whole else ()
    flagged = []
    for row in rows:
        flags: tuple[str, ...] = ()
        if row.field == "votes" and row.candidate in moves:
            flags = tuple(
                flag
                for flag, holds in (
                    ("large_decrease", _large_decrease(row)),
                    ("swap", row.candidate in swapped),
                    ("decimal_shift", row.candidate in shifted),
                    ("one_sided", row.candidate in one_sided),
                )
                if holds
            )
        elif row.field == "expected_vote_pct" and isinstance(row.new, int | float):
            flags = ("over_expected",) if row.new > OVER_EXPECTED_PCT else ()
        flagged.append(replace(row, flags=row.flags + flags) if flags else row)
    return flagged


def _same_published(old: RaceState, new: RaceState) -> bool:
    """Whether both show votes of the same candidates: only then the moves are all there is."""
    return _published(old) == _published(new)


def _published(state: RaceState) -> set[tuple[str, bool]]:
    return {(t.candidate, t.votes is not None) for t in state.tallies}


def _large_decrease(row: Change) -> bool:
    if not isinstance(row.delta, int) or not isinstance(row.old, int):
        return False
    return -row.delta > LARGE_VOTES and -row.delta > LARGE_SHARE * row.old


def _swapped(moves: dict[str, int]) -> tuple[str, ...]:
    """Both candidates of an exchange: nobody else moved, and the total did not."""
    if len(moves) != 2:
        return ()
    a, b = moves.values()
    return tuple(moves) if a == -b and abs(a) >= SWAP_VOTES else ()


def _shifted(moves: dict[str, int], old: RaceState) -> tuple[str, ...]:
    """The one candidate whose count looks like one digit more or less."""
    counted = {t.candidate: t.votes for t in old.tallies if t.votes}
    if len(moves) != 1 or len(counted) < 2:
        return ()
    ((candidate, delta),) = moves.items()
    if candidate not in counted:
        return ()  # the first votes are no multiple of anything
    before = counted[candidate]
    small, large = sorted((before, before + delta))
    if small >= SHIFT_VOTES and SHIFT[0] * small <= large <= SHIFT[1] * small:
        return (candidate,)
    return ()


def _one_sided(moves: dict[str, int], old: RaceState) -> tuple[str, ...]:
    """The one who takes nearly all of a large batch, in a race where others have votes."""
    batch = sum(moves.values())
    if batch <= ONE_SIDED_VOTES or sum(bool(t.votes) for t in old.tallies) < 2:
        return ()
    if any(delta < 0 for delta in moves.values()):
        return ()  # a correction, and no batch
    return tuple(c for c, delta in moves.items() if delta >= ONE_SIDED_SHARE * batch)


def sums_that_differ(state: RaceState, parts: Sequence[RaceState]) -> str:
    """Whose votes in the parts do not add up to those in the whole, with both figures; or empty.

    Only candidates whom every part shows with votes are compared: county lists may leave out the
    small ones.
    """
    if not parts:
        return ""
    sums = _sums(parts)
    said = []
    for tally in state.tallies:
        total = sums.get(tally.candidate)
        if total is None or tally.votes is None:
            continue
        if abs(total - tally.votes) > SUMS_SHARE * max(total, tally.votes):
            said.append(f"{tally.name} has {tally.votes:,}, the parts together {total:,}")
    return "; ".join(said)


def _sums(parts: Iterable[RaceState]) -> dict[str, int]:
    """The votes of each candidate whom all parts show with votes."""
    sums: dict[str, int] | None = None
    for part in parts:
        votes = {t.candidate: t.votes for t in part.tallies if t.votes is not None}
        if sums is None:
            sums = votes
        else:
            sums = {c: total + votes[c] for c, total in sums.items() if c in votes}
    return sums or {}
