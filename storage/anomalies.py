"""Moves that are recorded like any other, and that somebody should look at. Pure.

The figures are chosen so that the count of an ordinary night has hardly any: of 8,110 updates of
2024 that moved votes 179 had a decrease, and 14 of these were large.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from storage.records import Change, RaceState, Value

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
    swapped, shifted, one_sided = _swapped(moves), _shifted(moves, old), _one_sided(moves, old)
    if (swapped or shifted or one_sided) and not _same_published(old, new):
        swapped = shifted = one_sided = ()
    flagged = []
    for row in rows:
        flags: list[str] = []
        if row.field == "votes" and row.candidate in moves:
            if _large_decrease(row):
                flags.append("large_decrease")
            if row.candidate in swapped:
                flags.append("swap")
            if row.candidate in shifted:
                flags.append("decimal_shift")
            if row.candidate in one_sided:
                flags.append("one_sided")
        elif row.field == "expected_vote_pct" and _is_over(row.new):
            flags.append("over_expected")
        flagged.append(row._replace(flags=(*row.flags, *flags)) if flags else row)
    return flagged


def _is_over(value: Value) -> bool:
    return isinstance(value, int | float) and value > OVER_EXPECTED_PCT


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


def _sums(parts: Sequence[RaceState]) -> dict[str, int]:
    """The votes of each candidate whom all parts show with votes."""
    sums: dict[str, int] = defaultdict(int)
    shown_by: dict[str, int] = defaultdict(int)
    for part in parts:
        for tally in part.tallies:
            if tally.votes is not None:
                sums[tally.candidate] += tally.votes
                shown_by[tally.candidate] += 1
    return {c: total for c, total in sums.items() if shown_by[c] == len(parts)}
