"""The hash chain: what was recorded cannot be altered, dropped or slipped in unseen."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.chain import GENESIS, canonical, link_hash

CONTENT: dict[str, Any] = {
    "page": "https://abcnews.go.com/US/s/story?id=1",
    "status": 200,
    "body": "c" * 64,
    "headers": [["ETag", '"a"'], ["Date", "Tue, 12 Nov 2024 23:00:00 GMT"]],
    "votes": None,
}

scalars = st.none() | st.booleans() | st.integers() | st.text()
contents = st.dictionaries(st.text(), scalars | st.lists(scalars), max_size=6)


def chain(rows: list[dict[str, Any]]) -> list[str]:
    """The hash of every link, each over the one before."""
    hashes = [GENESIS]
    for row in rows:
        hashes.append(link_hash(hashes[-1], row))
    return hashes


def test_the_bytes_that_are_hashed_are_written_down_here() -> None:
    assert canonical({"b": [1, None, True], "a": "é\n"}) == b'{"a":"\\u00e9\\n","b":[1,null,true]}'


def test_a_link_is_sha256_over_the_link_before_and_the_content() -> None:
    written = b'{"content":{"status":200},"previous":"' + b"0" * 64 + b'"}'
    assert link_hash(GENESIS, {"status": 200}) == hashlib.sha256(written).hexdigest()


def test_the_first_link_follows_64_zeros() -> None:
    assert GENESIS == "0" * 64


@given(contents)
def test_the_order_of_columns_says_nothing(content: dict[str, Any]) -> None:
    turned = dict(reversed(content.items()))
    assert link_hash(GENESIS, turned) == link_hash(GENESIS, content)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("status", 304),
        ("status", "200"),
        ("status", None),
        ("votes", 0),  # None is not published, and not 0
        ("votes", ""),
        ("votes", False),
        ("page", "https://abcnews.go.com/US/s/story?id=2"),
        ("headers", [["Date", "Tue, 12 Nov 2024 23:00:00 GMT"], ["ETag", '"a"']]),
        ("headers", []),
    ],
)
def test_any_altered_value_shows(name: str, other: object) -> None:
    assert link_hash(GENESIS, {**CONTENT, name: other}) != link_hash(GENESIS, CONTENT)


@pytest.mark.parametrize("name", CONTENT)
def test_a_dropped_column_shows(name: str) -> None:
    less = {key: value for key, value in CONTENT.items() if key != name}
    assert link_hash(GENESIS, less) != link_hash(GENESIS, CONTENT)


@given(contents, contents)
def test_two_contents_share_a_hash_only_when_they_are_equal(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    # repr, since Python takes True for 1
    equal = repr(sorted(one.items())) == repr(sorted(other.items()))
    assert (link_hash(GENESIS, one) == link_hash(GENESIS, other)) == equal


@given(st.lists(contents, min_size=2, max_size=6), st.data())
def test_a_change_to_any_row_changes_the_head(
    rows: list[dict[str, Any]], data: st.DataObject
) -> None:
    head = chain(rows)[-1]
    at = data.draw(st.integers(0, len(rows) - 1))
    altered = {**rows[at], "slipped in": 1}
    assert chain([*rows[:at], altered, *rows[at + 1 :]])[-1] != head
    assert chain(rows[:at] + rows[at + 1 :])[-1] != head
    assert chain([*rows[:at], rows[at], *rows[at:]])[-1] != head


def test_rows_in_another_order_give_another_head() -> None:
    one, other = {"fetch": 1}, {"fetch": 2}
    assert chain([one, other])[-1] != chain([other, one])[-1]


def test_a_content_cannot_pass_for_the_link_before_it() -> None:
    inner = link_hash(GENESIS, CONTENT)
    assert link_hash(inner, {}) != link_hash(GENESIS, {"previous": inner, "content": {}})


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_cannot_say_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical({"value": number})


@pytest.mark.parametrize("value", [b"bytes", object(), {1, 2}])
def test_a_value_that_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        canonical({"value": value})
