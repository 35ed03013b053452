"""Figures derived from tallies. One definition each; never stored; None when undefined."""

from __future__ import annotations

from collections.abc import Iterable

from storage.records import Tally


def ranked(tallies: Iterable[Tally]) -> list[Tally]:
    """Leader first; candidates without published votes last; equal votes by candidate key."""
    return sorted(
        tallies,
        key=lambda t: (t.votes is None, -(t.votes if t.votes is not None else 0), t.candidate),
    )


def leaders(tallies: Iterable[Tally]) -> frozenset[str]:
    """The candidates with the most votes: one, several when tied, none before the first vote."""
    counted = [t for t in tallies if t.votes]
    most = max((t.votes for t in counted if t.votes is not None), default=0)
    return frozenset(t.candidate for t in counted if t.votes == most)


def margin(tallies: Iterable[Tally]) -> int | None:
    """Votes between the first and the second. None unless at least two have published votes."""
    votes = sorted((t.votes for t in tallies if t.votes is not None), reverse=True)
    return votes[0] - votes[1] if len(votes) > 1 else None
