"""JSON that two readers could take for different things is refused; all other is read as it is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import NotUnderstood
from crawler.parsers.strict_json import LARGEST, strict_json

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18) + 1, 10**18 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


@given(values, st.booleans(), st.sampled_from([None, 1]))
def test_what_is_json_is_read_as_it_is(value: object, ascii_only: bool, indent: int | None) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    assert strict_json(body) == value


#: What the standard library reads and we do not.
OURS_ALONE = ("duplicate key", "18 digits", "too large", "surrogate", "hex escape")


@given(st.binary(max_size=40) | st.text('[]{}",:\\u0189deE+-. ', max_size=40).map(str.encode))
def test_what_is_read_is_what_the_standard_library_reads(body: bytes) -> None:
    try:
        expected = json.loads(body.decode("utf-8"), parse_constant=lambda _: 1 / 0)
    except (ValueError, ZeroDivisionError):
        expected = "no JSON"
    try:
        found = strict_json(body)
    except NotUnderstood as error:
        reason = str(error)
        found = expected if any(words in reason for words in OURS_ALONE) else "no JSON"
    assert found == expected


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b'{"votes": 1, "votes": 2}', 'duplicate key "votes"'),
        (b'{"votes": 1, "v\\u006ftes": 2}', 'duplicate key "votes"'),
        (b'[{"a": {"b": 1, "c": 2, "b": 1}}]', 'duplicate key "b"'),
        (b'\xef\xbb\xbf{"a": 1}', "byte order mark"),
        (b'{"a": 1} {"a": 1}', "trailing"),
        (b'{"a": 1}\x00', "trailing"),
        (b'{"a": NaN}', "line 1 column 7"),
        (b'{"a": Infinity}', "line 1 column 7"),
        (b'{"a": -Infinity}', "line 1 column 8"),
        (b'{"a": 1e400}', "too large: 1e400"),
        (b'{"a": -1E+400}', "too large: -1E+400"),
        (b'{"a": 1e0400}', "too large: 1e0400"),
        (b'{"a": 100000000000000000e292}', "too large"),
        (b'{"a": 1234567890123456789}', "18 digits: 1234567890123456789"),
        (b'{"a": -1234567890123456789}', "18 digits: -1234567890123456789"),
        (b'{"a": 1234567890123456789.5}', "18 digits"),
        (b'{"a": "\\ud800"}', "hex escape"),
        (b'{"a": "\\udc00\\ud800"}', "surrogate"),
        (b'{"\\ud800": 1}', "hex escape"),
        (b'{"a": "\xff"}', "unicode"),
        (b'{"\xc0\x80": 1}', "unicode"),
        (b'{"a": "\xed\xa0\x80"}', "unicode"),
        (b'{"a": 1,}', "comma"),
        (b'{"a": 01}', "number"),
        (b'{"a": "1\n2"}', "control character"),
        ('{"a": ١}'.encode(), "expected value"),
        (b"{'a': 1}", "key must be a string"),
        (b'{"a": 1', "EOF"),
        (b"", "EOF"),
    ],
)
def test_each_leeway_is_refused_by_name(body: bytes, named: str) -> None:
    with pytest.raises(NotUnderstood) as refused:
        strict_json(body)
    assert named in str(refused.value)


@pytest.mark.parametrize(
    "body",
    [
        b"-0",
        b"999999999999999999",
        b"-999999999999999999",
        b"0.12345678901234567890123",
        b"1e-400",
        b"1.7976931348623157e308",
        b'"1234567890123456789012345"',
        b'"1e400 \\" 1e400"',
        b'["\\\\", 123456789012345678, "\\"12345678901234567890"]',
        '"\\ud83d\\ude00 né"'.encode(),
    ],
)
def test_what_only_looks_like_one_is_read(body: bytes) -> None:
    assert strict_json(body) == json.loads(body)


def nested(depth: int, inside: str = "") -> bytes:
    """Lists and objects in turn, so deep; `inside` stands before what each list holds."""
    text = "1"
    for level in range(depth):
        text = f'{{"a": {text}}}' if level % 2 else f"[{inside}{text}]"
    return text.encode()


#: Brackets in strings, by which a mere count of brackets would be misled.
MISLEADING = ["", '"]}", ', '"[{", ', '"\\"]", ', '"\\\\", "]", ', '"", "", ', '"[]", ']


@pytest.mark.parametrize("inside", MISLEADING)
def test_nesting_is_counted_outside_of_strings(inside: str) -> None:
    assert strict_json(nested(64, inside)) == json.loads(nested(64, inside))
    for depth in (65, 66, 150, 100_000):
        with pytest.raises(NotUnderstood, match="64 levels"):
            strict_json(nested(depth, inside) if depth < 1000 else b"[" * depth + b"]" * depth)


def test_brackets_in_strings_are_no_nesting() -> None:
    assert strict_json(b'["' + b"[" * 1000 + b'"]') == ["[" * 1000]


def test_a_body_beyond_the_limit_is_refused_unread() -> None:
    whole = b'"' + b"x" * (LARGEST - 2) + b'"'
    assert strict_json(whole) == "x" * (LARGEST - 2)
    with pytest.raises(NotUnderstood, match="16,777,217 bytes"):
        strict_json(whole + b" ")


def test_a_message_is_short_whatever_was_found() -> None:
    key = "k" * 100_000
    with pytest.raises(NotUnderstood) as refused:
        strict_json(f'{{"{key}": 1, "{key}": 2}}'.encode())
    assert len(str(refused.value)) < 300
