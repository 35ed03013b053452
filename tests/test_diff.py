"""The diff module: every change between two looks is a row, and what is no change is none."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.diff import (
    compare_article,
    compare_race,
    first_of_article,
    first_of_race,
    merged_race,
)
from storage.records import ARTICLE_FIELDS, KINDS, ORIGINS, Article, Change, RaceState
from tests.builders import CANDIDATES, counted, electors, race, race_states, story, tally

#: A page that had shown every candidate, so that each can be removed.
ALL = frozenset(CANDIDATES)

#: The three states of the count that ABC published, of 6 and 12 November 2024.
FIRST = race(
    tally("harris", 67_410_748, 223),
    tally("trump", 72_191_978, 294),
    projection="trump",
    expected=90,
)
SECOND = race(
    tally("harris", 71_900_392, 226),
    tally("trump", 75_068_566, 312),
    projection="trump",
    expected=95,
)
THIRD = race(
    tally("harris", 72_168_538, 226),
    tally("trump", 75_337_035, 312),
    projection="trump",
    expected=96,
)

Facts = dict[tuple[str, str | None], object]


def brief(rows: Iterable[Change]) -> list[tuple[str, str | None, object, object, object]]:
    return [(row.kind, row.candidate, row.old, row.new, row.delta) for row in rows]


def facts(state: RaceState) -> Facts:
    """All that a state says: who is in it, and every value that is published."""
    said: Facts = {("projection", None): state.projection}
    said["expected_vote_pct", None] = state.expected_vote_pct
    said["precincts", None] = state.precincts_pct
    for shown in state.tallies:
        said["set", shown.candidate] = shown.candidate
        said["votes", shown.candidate] = shown.votes
        said["electoral_votes", shown.candidate] = shown.electoral_votes
    return {key: value for key, value in said.items() if value is not None}


def applied(said: Facts, rows: Iterable[Change]) -> Facts:
    """What is said after the rows. Fails when a row's `old` is not what was said before."""
    after = dict(said)
    for row in rows:
        key = (row.field, None if row.field == "projection" else row.candidate)
        assert after.get(key) == row.old
        if row.kind == "candidate_removed":
            after = {k: v for k, v in after.items() if k[1] != row.candidate}
        elif row.new is None:
            del after[key]
        else:
            after[key] = row.new
    return after


def single_leader(state: RaceState) -> str | None:
    """Who alone has the most votes; None before the first vote and in a tie."""
    votes = {t.candidate: t.votes for t in state.tallies if t.votes}
    first = [c for c, number in votes.items() if number == max(votes.values())]
    return first[0] if len(first) == 1 else None


def flagged(rows: Iterable[Change]) -> list[Change]:
    return [row for row in rows if "lead_change" in row.flags]


@st.composite
def looks_at_the_same_candidates(draw: st.DrawFn) -> tuple[RaceState, RaceState]:
    """Two states with the same candidates, in which no published number is withdrawn."""
    numbers = st.integers(0, 4) | st.integers(0, 300_000_000)
    old, new = [], []
    for candidate in draw(st.lists(st.sampled_from(CANDIDATES), unique=True)):
        before = draw(st.none() | numbers)
        after = draw(numbers if before is not None else st.none() | numbers)
        old.append(tally(candidate, before, draw(electors)))
        new.append(tally(candidate, after, draw(electors)))
    return race(*old), race(*draw(st.permutations(new)))


def test_the_second_state_that_abc_published_is_five_changes() -> None:
    assert brief(compare_race(FIRST, SECOND, ALL)) == [
        ("votes_increased", "trump", 72_191_978, 75_068_566, 2_876_588),
        ("electoral_votes_changed", "trump", 294, 312, 18),
        ("votes_increased", "harris", 67_410_748, 71_900_392, 4_489_644),
        ("electoral_votes_changed", "harris", 223, 226, 3),
        ("expected_vote_changed", None, 90, 95, 5),
    ]


def test_the_third_state_that_abc_published_is_three_changes() -> None:
    assert brief(compare_race(SECOND, THIRD, ALL)) == [
        ("votes_increased", "trump", 75_068_566, 75_337_035, 268_469),
        ("votes_increased", "harris", 71_900_392, 72_168_538, 268_146),
        ("expected_vote_changed", None, 95, 96, 1),
    ]


@given(race_states())
def test_a_state_does_not_differ_from_itself(state: RaceState) -> None:
    assert compare_race(state, state, ALL) == []


@given(race_states(), race_states())
def test_the_changes_applied_to_the_old_state_give_the_new(old: RaceState, new: RaceState) -> None:
    assert applied(facts(old), compare_race(old, new, ALL)) == facts(new)


@given(race_states(), race_states(), st.randoms(use_true_random=False))
def test_the_order_of_candidates_never_matters(
    old: RaceState, new: RaceState, chance: random.Random
) -> None:
    def shuffled(state: RaceState) -> RaceState:
        return replace(state, tallies=tuple(chance.sample(state.tallies, len(state.tallies))))

    assert compare_race(shuffled(old), shuffled(new), ALL) == compare_race(old, new, ALL)


@given(race_states(), race_states())
def test_the_way_back_is_the_way_there_with_every_delta_turned(
    old: RaceState, new: RaceState
) -> None:
    def deltas(rows: list[Change]) -> dict[tuple[str, str | None], float]:
        return {(r.field, r.candidate): r.delta for r in rows if r.delta is not None}

    there, back = compare_race(old, new, ALL), compare_race(new, old, ALL)
    assert deltas(back) == {key: -delta for key, delta in deltas(there).items()}


@given(looks_at_the_same_candidates())
def test_every_votes_change_has_the_delta_of_new_and_old(
    looks: tuple[RaceState, RaceState],
) -> None:
    old, new = ({t.candidate: t.votes for t in state.tallies} for state in looks)
    rows = {r.candidate: r for r in compare_race(*looks, ALL) if r.field == "votes"}
    assert rows.keys() == {c for c in new if old[c] != new[c]}
    for candidate, row in rows.items():
        assert candidate is not None
        before, after = old[candidate], new[candidate]
        assert (row.old, row.new) == (before, after)
        assert after is not None
        if before is None:
            assert (row.kind, row.delta) == ("votes_increased", None)
        else:
            assert row.delta == after - before
            assert row.kind == ("votes_increased" if after > before else "votes_decreased")


@pytest.mark.parametrize(
    ("old", "new", "rows"),
    [
        (None, 5, [("votes_increased", "trump", None, 5, None)]),
        (None, 0, [("votes_increased", "trump", None, 0, None)]),
        (0, 5, [("votes_increased", "trump", 0, 5, 5)]),
        (5, 0, [("votes_decreased", "trump", 5, 0, -5)]),
        (None, None, []),
        (0, 0, []),
    ],
)
def test_a_number_not_published_is_never_read_as_zero(
    old: int | None, new: int | None, rows: list[object]
) -> None:
    assert brief(compare_race(counted(trump=old), counted(trump=new), ALL)) == rows


@pytest.mark.parametrize(
    ("old", "new", "delta"),
    [(None, 0, None), (None, 95, None), (0, 0.1, 0.1), (95.2, 95.3, 0.1), (101, 99, -2)],
)
def test_the_expected_vote_moves_by_a_printable_delta(
    old: float | None, new: float, delta: float | None
) -> None:
    rows = compare_race(race(expected=old), race(expected=new), ALL)
    assert brief(rows) == [("expected_vote_changed", None, old, new, delta)]


@pytest.mark.parametrize(
    ("old", "new", "delta"),
    [
        (None, 0, None),
        (None, 44.5, None),
        (0, 0.1, 0.1),
        (95.2, 95.3, 0.1),
        (100.1, 99.9, -0.2),
        (45.2, 0, -45.2),
    ],
)
def test_precincts_move_by_a_printable_delta(
    old: float | None, new: float, delta: float | None
) -> None:
    rows = compare_race(race(precincts=old), race(precincts=new), ALL)
    assert brief(rows) == [("precincts_changed", None, old, new, delta)]
    assert rows[0].field == "precincts"


def test_precincts_and_the_expected_vote_move_by_themselves() -> None:
    both = race(expected=90, precincts=44)
    assert brief(compare_race(both, race(expected=91, precincts=44), ALL)) == [
        ("expected_vote_changed", None, 90, 91, 1)
    ]
    assert brief(compare_race(both, race(expected=90, precincts=43), ALL)) == [
        ("precincts_changed", None, 44, 43, -1)
    ]
    assert brief(compare_race(both, race(expected=44, precincts=90), ALL)) == [
        ("expected_vote_changed", None, 90, 44, -46),
        ("precincts_changed", None, 44, 90, 46),
    ]


def test_precincts_first_seen_are_a_first_sight_of_their_own() -> None:
    assert [
        (r.field, r.candidate, r.new) for r in first_of_race(race(expected=1, precincts=0))
    ] == [
        ("expected_vote_pct", None, 1),
        ("precincts", None, 0),
    ]


def test_precincts_that_a_page_learns_to_tell_are_no_news() -> None:
    rows = compare_race(race(expected=1), race(expected=1, precincts=5), ALL, learned=True)
    assert rows == [Change(kind="first", field="precincts", new=5)]


@pytest.mark.parametrize(
    ("old", "new", "row"),
    [
        (None, "trump", ("projection_made", "trump")),
        ("trump", None, ("projection_retracted", "trump")),
        ("trump", "harris", ("projection_changed", "harris")),
    ],
)
def test_a_call_is_made_taken_back_or_changed(
    old: str | None, new: str | None, row: tuple[str, str]
) -> None:
    figures = counted(harris=1, trump=2)
    changes = compare_race(replace(figures, projection=old), replace(figures, projection=new), ALL)
    assert brief(changes) == [(*row, old, new, None)]
    assert changes[0].field == "projection"


def test_a_call_stands_before_the_figures_of_its_look_and_the_leader_before_the_others() -> None:
    rows = compare_race(
        race(tally("harris", 1), tally("trump", 1), expected=1),
        race(tally("harris", 2), tally("trump", 3), expected=2, projection="trump"),
        ALL,
    )
    assert [(row.field, row.candidate) for row in rows] == [
        ("projection", "trump"),
        ("votes", "trump"),
        ("votes", "harris"),
        ("expected_vote_pct", None),
    ]


def test_a_candidate_who_joins_brings_first_sights_and_no_invented_increase() -> None:
    rows = compare_race(
        counted(trump=5), race(tally("trump", 5), tally("stein", 3), tally("oliver", None)), ALL
    )
    assert brief(rows) == [
        ("candidate_added", "stein", None, "stein", None),
        ("first", "stein", None, 3, None),
        ("candidate_added", "oliver", None, "oliver", None),
    ]


def test_a_candidate_is_removed_only_where_the_same_page_had_shown_the_candidate() -> None:
    old, new = counted(harris=1, stein=3, trump=5), counted(harris=1, trump=5)
    assert compare_race(old, new, {"harris", "trump"}) == []
    assert brief(compare_race(old, new, ALL)) == [
        ("candidate_removed", "stein", "stein", None, None)
    ]


@given(looks_at_the_same_candidates())
def test_the_lead_change_is_flagged_exactly_when_another_candidate_leads_alone(
    looks: tuple[RaceState, RaceState],
) -> None:
    before, after = (single_leader(state) for state in looks)
    flags = flagged(compare_race(*looks, ALL))
    if before and after:  # ties: below
        assert len(flags) == (before != after)
    assert all(row.field == "votes" and row.candidate for row in flags)


@pytest.mark.parametrize(
    ("old", "new", "bearer"),
    [
        ({"harris": 5, "trump": 4}, {"harris": 5, "trump": 6}, "trump"),
        ({"harris": 5, "trump": 4}, {"harris": 3, "trump": 4}, "harris"),
        ({"harris": 5, "trump": 4}, {"harris": 6, "trump": 7}, "trump"),
        ({"harris": 5, "trump": None}, {"harris": 5, "trump": 6}, "trump"),
        ({"harris": 5, "stein": 1, "trump": 4}, {"harris": 5, "stein": 2, "trump": 6}, "trump"),
    ],
)
def test_the_flag_stands_on_the_change_that_turned_the_lead(
    old: Mapping[str, int | None], new: Mapping[str, int | None], bearer: str
) -> None:
    rows = compare_race(counted(**old), counted(**new), ALL)
    assert [row.candidate for row in flagged(rows)] == [bearer]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"harris": 0, "trump": 0}, {"harris": 5, "trump": 4}),
        ({"harris": None, "trump": None}, {"harris": 5, "trump": 4}),
        ({"harris": 5, "trump": 4}, {"harris": 50, "trump": 49}),
    ],
)
def test_who_leads_first_or_still_has_turned_nothing(
    old: Mapping[str, int | None], new: Mapping[str, int | None]
) -> None:
    assert flagged(compare_race(counted(**old), counted(**new), ALL)) == []


def test_a_lead_that_turns_by_way_of_a_tie_is_flagged_on_the_way() -> None:
    ahead, tie, behind = (counted(harris=5, trump=n) for n in (4, 5, 6))
    rows = compare_race(ahead, tie, ALL) + compare_race(tie, behind, ALL)
    assert flagged(rows)


def test_a_leader_who_is_removed_turns_the_lead() -> None:
    (row,) = compare_race(counted(harris=5, trump=4), counted(trump=4), ALL)
    assert (row.kind, row.flags) == ("candidate_removed", ("lead_change",))


def test_a_candidate_who_joins_in_the_lead_turns_it() -> None:
    rows = compare_race(counted(harris=5), counted(harris=5, trump=6), ALL)
    (row,) = (row for row in rows if row.kind == "candidate_added")
    assert row.flags == ("lead_change",)


def test_a_page_that_never_showed_the_leader_does_not_turn_the_lead() -> None:
    rows = compare_race(
        counted(harris=9, stein=1, trump=5), counted(stein=2, trump=6), {"stein", "trump"}
    )
    assert [(row.kind, row.flags) for row in rows] == [
        ("votes_increased", ()),
        ("votes_increased", ()),
    ]


def test_the_flags_of_a_look_stand_on_all_its_changes() -> None:
    old = race(tally("harris", 5), tally("trump", 4), expected=1)
    new = race(tally("harris", 5), tally("trump", 6), expected=2, projection="trump")
    rows = compare_race(old, new, ALL, ("rollback",))
    assert [(row.field, row.flags) for row in rows] == [
        ("projection", ("rollback",)),
        ("votes", ("rollback", "lead_change")),
        ("expected_vote_pct", ("rollback",)),
    ]


@given(race_states(), race_states())
def test_every_kind_is_a_known_word(old: RaceState, new: RaceState) -> None:
    assert {row.kind for row in compare_race(old, new, ALL)} <= {*KINDS, "first"}


@given(race_states())
def test_a_race_first_seen_is_first_throughout(state: RaceState) -> None:
    rows = first_of_race(state)
    assert {(row.kind, row.old, row.delta, row.flags) for row in rows} <= {
        ("first", None, None, ())
    }
    seen = {(r.field, None if r.field == "projection" else r.candidate): r.new for r in rows}
    assert len(seen) == len(rows)
    assert seen == {key: value for key, value in facts(state).items() if key[0] != "set"}


@given(race_states(), race_states(), st.sets(st.sampled_from(CANDIDATES)))
def test_the_next_look_is_compared_with_the_new_state_and_whom_the_page_never_showed(
    old: RaceState, new: RaceState, shown: set[str]
) -> None:
    merged = merged_race(old, new, shown)
    assert applied(facts(old), compare_race(old, new, shown)) == facts(merged)
    assert compare_race(merged, new, shown) == []
    kept = {t.candidate for t in merged.tallies} - {t.candidate for t in new.tallies}
    assert kept == {t.candidate for t in old.tallies} - shown - {t.candidate for t in new.tallies}


# Stories

Reading = dict[str, str | None]
Truth = dict[str, Reading]

texts = st.none() | st.sampled_from(["One text", "The same text, otherwise spelled", "2024"])
truths = st.fixed_dictionaries(
    {name: st.fixed_dictionaries(dict.fromkeys(ORIGINS, texts)) for name in ARTICLE_FIELDS}
)
origins = st.sets(st.sampled_from(ORIGINS))


def shown_by(truth: Truth, shown: set[str]) -> Article:
    """The story as a look says it that has these origins only."""
    return story(
        **{name: {o: v for o, v in told.items() if o in shown} for name, told in truth.items()}
    )


def changed(rows: Iterable[Change]) -> list[Change]:
    return [row for row in rows if row.kind != "first"]


@given(truths, origins)
def test_a_story_does_not_differ_from_itself(truth: Truth, shown: set[str]) -> None:
    article = shown_by(truth, shown)
    rows, merged = compare_article(article, article)
    assert rows == []
    assert merged == article


@given(truths, st.lists(origins, min_size=2, max_size=8))
def test_an_origin_that_comes_or_goes_never_gives_a_change(
    truth: Truth, looks: list[set[str]]
) -> None:
    current = shown_by(truth, looks[0])
    for shown in looks[1:]:
        rows, current = compare_article(current, shown_by(truth, shown))
        assert changed(rows) == []


@given(truths, origins, origins, st.sampled_from(ARTICLE_FIELDS), st.data())
def test_an_edit_that_an_origin_shows_in_both_looks_is_one_change(
    truth: Truth, before: set[str], after: set[str], name: str, data: st.DataObject
) -> None:
    origin = data.draw(st.sampled_from(ORIGINS))
    before_edit: Truth = {**truth, name: dict.fromkeys(ORIGINS, "Before")}
    after_edit: Truth = {**truth, name: {o: f"After, in {o}" for o in ORIGINS}}
    rows, _ = compare_article(
        shown_by(before_edit, before | {origin}), shown_by(after_edit, after | {origin})
    )
    (row,) = changed(rows)
    seen = [o for o in ORIGINS if o in (before | {origin}) & (after | {origin})]
    assert (row.field, row.old, row.new) == (name, "Before", f"After, in {seen[0]}")


@given(truths, origins, st.lists(origins, max_size=5), st.sampled_from(ARTICLE_FIELDS), st.data())
def test_an_edit_is_told_once_however_its_origins_catch_up(
    truth: Truth, before: set[str], later: list[set[str]], name: str, data: st.DataObject
) -> None:
    origin = data.draw(st.sampled_from(ORIGINS))
    before_edit: Truth = {**truth, name: dict.fromkeys(ORIGINS, "Before")}
    after_edit: Truth = {**truth, name: dict.fromkeys(ORIGINS, "After")}
    current = shown_by(before_edit, before | {origin})
    told = []
    for shown in [{origin}, *later]:
        rows, current = compare_article(current, shown_by(after_edit, shown))
        told += changed(rows)
    assert [(row.field, row.old, row.new) for row in told] == [(name, "Before", "After")]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("headline", "headline_changed"),
        ("dek", "dek_changed"),
        ("byline", "byline_changed"),
        ("body", "body_changed"),
        ("published_at", "published_time_changed"),
        ("modified_at", "modified_time_changed"),
    ],
)
def test_each_field_of_a_story_has_its_own_kind(name: str, kind: str) -> None:
    before: Truth = {name: {"markup": "a"}}
    after: Truth = {name: {"markup": "b"}}
    rows, _ = compare_article(story(**before), story(**after))
    assert rows == [Change(kind=kind, field=name, old="a", new="b")]


def test_a_line_dropped_by_its_origin_is_a_change_and_so_is_its_return() -> None:
    with_dek, without = story(dek={"markup": "A dek"}), story(dek={"markup": None})
    rows, current = compare_article(with_dek, without)
    assert [(r.kind, r.old, r.new) for r in rows] == [("dek_changed", "A dek", None)]
    rows, _ = compare_article(current, with_dek)
    assert [(r.kind, r.old, r.new) for r in rows] == [("dek_changed", None, "A dek")]


def test_an_origin_that_leaves_a_field_empty_hides_no_edit_in_another() -> None:
    rows, _ = compare_article(
        story(headline={"state": None, "markup": "Before"}),
        story(headline={"state": None, "markup": "After"}),
    )
    assert [(r.kind, r.old, r.new) for r in rows] == [("headline_changed", "Before", "After")]


def test_an_edit_during_the_silence_of_an_origin_is_not_lost() -> None:
    _, current = compare_article(
        story(headline={"state": "Before", "markup": "Spelled otherwise"}),
        story(headline={"state": None, "markup": "Spelled otherwise"}),
    )
    rows, _ = compare_article(current, story(headline={"state": "After"}))
    assert [(r.kind, r.old, r.new) for r in rows] == [("headline_changed", "Before", "After")]


def test_a_value_that_only_a_new_origin_tells_is_a_first_sight() -> None:
    rows, _ = compare_article(
        story(headline={"markup": "H"}, dek={"markup": None}),
        story(headline={"markup": "H"}, dek={"markup": None, "jsonld": "A dek"}),
    )
    assert rows == [Change(kind="first", field="dek", new="A dek")]


def test_a_story_first_seen_is_first_in_every_field_that_it_has() -> None:
    article = story(
        headline={"markup": "H", "state": "The whole headline"},
        dek={"markup": None},
        body={"markup": "One.\n\nTwo."},
    )
    assert first_of_article(article) == [
        Change(kind="first", field="headline", new="The whole headline"),
        Change(kind="first", field="body", new="One.\n\nTwo."),
    ]


def test_a_section_once_known_is_kept_through_a_look_without_it() -> None:
    known = replace(story(), section="Politics")
    _, current = compare_article(known, story())
    assert current.section == "Politics"
