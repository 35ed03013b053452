"""Figures derived from tallies: one definition each, and None where they cannot be computed."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.figures import leaders, margin, ranked
from storage.records import Tally
from tests.builders import counted, race_states, tally

Votes = dict[str, int | None]


def tallies(votes: Votes) -> Sequence[Tally]:
    return counted(**votes).tallies


@pytest.mark.parametrize(
    ("votes", "order"),
    [
        ({"harris": 5, "trump": 9}, ["trump", "harris"]),
        ({"stein": None, "harris": 5, "trump": 9}, ["trump", "harris", "stein"]),
        ({"harris": None, "stein": 0}, ["stein", "harris"]),  # None stands below 0, it is not 0
        ({"trump": 5, "harris": 5}, ["harris", "trump"]),  # equal votes: by key, in every look
        ({"trump": None, "harris": None}, ["harris", "trump"]),
        ({}, []),
    ],
)
def test_the_leader_stands_first_and_the_unpublished_last(votes: Votes, order: list[str]) -> None:
    assert [t.candidate for t in ranked(tallies(votes))] == order


@pytest.mark.parametrize(
    ("votes", "first"),
    [
        ({"harris": 72_168_538, "trump": 75_337_035}, {"trump"}),
        ({"harris": 5, "trump": 5, "stein": 1}, {"harris", "trump"}),
        ({"harris": 5, "trump": None}, {"harris"}),
        ({"harris": 0, "trump": 0}, set()),
        ({"harris": 0, "trump": None}, set()),
        ({"harris": None}, set()),
        ({}, set()),
    ],
)
def test_who_leads(votes: Votes, first: set[str]) -> None:
    assert leaders(tallies(votes)) == first


@pytest.mark.parametrize(
    ("votes", "apart"),
    [
        ({"harris": 72_168_538, "trump": 75_337_035}, 3_168_497),
        ({"harris": 71_900_392, "trump": 75_068_566}, 3_168_174),
        ({"harris": 5, "trump": 9, "stein": 8}, 1),
        ({"harris": 5, "trump": 5}, 0),
        ({"harris": 5, "trump": 0}, 5),
    ],
)
def test_the_margin_is_between_first_and_second(votes: Votes, apart: int) -> None:
    assert margin(tallies(votes)) == apart


@pytest.mark.parametrize(
    "votes", [{}, {"harris": 5}, {"harris": 5, "trump": None}, {"harris": None, "trump": None}]
)
def test_a_margin_that_cannot_be_computed_is_none_and_not_zero(votes: Votes) -> None:
    assert margin(tallies(votes)) is None


@given(race_states().map(lambda state: state.tallies), st.randoms(use_true_random=False))
def test_the_order_of_the_page_changes_no_figure(
    shown: tuple[Tally, ...], chance: random.Random
) -> None:
    shuffled = list(shown)
    chance.shuffle(shuffled)
    assert ranked(shuffled) == ranked(shown)
    assert leaders(shuffled) == leaders(shown)
    assert margin(shuffled) == margin(shown)


@given(race_states().map(lambda state: state.tallies))
def test_nobody_has_more_votes_than_a_leader(shown: tuple[Tally, ...]) -> None:
    published = {t.candidate: t.votes for t in shown if t.votes is not None}
    first = leaders(shown)
    for candidate in first:
        assert published[candidate] == max(published.values()) > 0
    if first:
        assert first == {c for c, n in published.items() if n == max(published.values())}
    else:
        assert not any(published.values())


@given(race_states().map(lambda state: state.tallies))
def test_a_candidate_without_published_votes_moves_no_figure(shown: tuple[Tally, ...]) -> None:
    more = (*shown, tally("write-ins", None))
    assert leaders(more) == leaders(shown)
    assert margin(more) == margin(shown)


@given(race_states().map(lambda state: state.tallies))
def test_there_is_no_margin_exactly_where_several_lead(shown: tuple[Tally, ...]) -> None:
    if leaders(shown):
        assert (margin(shown) == 0) == (len(leaders(shown)) > 1)
