"""Entries whose bytes stayed the same are not decoded, and nothing that is read depends on it."""

from __future__ import annotations

import json
import random
import re
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crawler.errors import NotUnderstood
from crawler.parsers import unchanged_json
from crawler.parsers.abc_feed import FeedFile, Memory, feed_file, parse_feed
from crawler.parsers.strict_json import LARGEST, strict_json
from crawler.parsers.unchanged_json import Entries, Entry, _Place
from tests.feed_pages import (
    County,
    District,
    Person,
    StateRace,
    as_body,
    house_file,
    national_electoral,
    senate_file,
    state_file,
)

MARK = b"[718281828459045235]"


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The length of each text that is decoded, in the order in which that is done."""
    lengths: list[int] = []

    def counted(body: bytes) -> object:
        lengths.append(len(body))
        return strict_json(body)

    monkeypatch.setattr(unchanged_json, "strict_json", counted)
    return lengths


# Documents of any kind.


def bare(value: object) -> object:
    """The value with that of each entry in its place."""
    if isinstance(value, Entry):
        return bare(value.value())
    if isinstance(value, dict):
        return {key: bare(item) for key, item in value.items()}
    if isinstance(value, list):
        return [bare(item) for item in value]
    return value


def told(read: Callable[[bytes], object], body: bytes) -> str:
    """All that can be seen of what is read: also types, the order of keys, or the error."""
    try:
        return repr(bare(read(body)))
    except NotUnderstood as error:
        return f"refused: {error}"


def check(names: Iterable[str], bodies: Iterable[bytes]) -> None:
    """Reading the bodies one after another gives what reading each alone gives."""
    entries: Entries[int] = Entries(*names)
    for body in bodies:
        assert told(entries.read, body) == told(strict_json, body)
        entries.forget_values()


#: What misleads one who looks for entries.
MISLEADING = [
    b"", b" ", b"\n", b",", b":", b"[", b"]", b"{", b"}", b'"', b"\\", b"0", b"1", b"-", b"e5",
    b".5", b"null", b"NaN", b"\xff", b"\xc3\xa9", b"\xef\xbb\xbf", b"{}", b"[]", b"{},", b",{}",
    b'{"id":1}', b',{"id":2,"a":[1,{"b":2}]}', b'"list":[', b'"list":[],', b',"list":[1]', b'"[{',
    b'","list":["', b"718281828459045235", MARK, MARK + b",", b"," + MARK, b'"' + MARK + b'"',
    b"718281828459045235.0", b'{"a":1,"a":2}', b"[" * 62 + b"]" * 62, b"1234567890123456789",
]  # fmt: skip

small = st.sampled_from(
    [
        b'{"id":1,"name":"a","people":[{"id":7,"votes":3}]}',
        b'{"id":2,"name":"b","people":[{"id":7,"votes":30}]}',
        b'{"id":3,"name":"\\"list\\":[{","people":[]}',
        b'{"people":[{"id":7}],"id":4}',
        '{"id":5,"name":"é{}[]\\"\\\\"}'.encode(),
        b'{ "id" : 6 }', b"{}", b"[5,6]", b"[7,8]", b"12", b"1", b"true", b'""', b'"x"', b"null",
        b"[" * 62 + b"]" * 62, b"[" * 60 + b"]" * 60, MARK,
    ]
)  # fmt: skip
lists = st.builds(
    lambda gap, elements: b"[" + gap.join(elements) + b"]",
    st.sampled_from([b",", b", ", b" ,\n  "]),
    st.lists(small, max_size=6),
)


def flat(before: bytes, found: bytes, after: bytes) -> bytes:
    return b'{"before":' + before + b',"list":' + found + b',"after":' + after + b"}"


def deep(before: bytes, found: list[bytes], after: bytes) -> bytes:
    races = b",".join(b'{"list":' + b + b',"id":1}' for b in found)
    return b'{"outer":[' + races + b"," + before + b'],"list":' + after + b"}"


bodies_flat = st.builds(flat, small | lists, lists, small)
bodies_deep = st.builds(deep, small | lists, st.lists(lists, min_size=1, max_size=3), small)

#: A place, how many bytes are taken out there, what is put in, and from where more is copied.
edits = st.tuples(
    st.floats(0, 1),
    st.sampled_from([0, 0, 0, 1, 2, 10, 10_000]),
    st.sampled_from(MISLEADING),
    st.none() | st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
Edit = tuple[float, int, bytes, tuple[float, float] | None]


def edited(body: bytes, edit: Edit) -> bytes:
    place, out, put, copied = edit
    at = round(place * len(body))
    more = b""
    if copied is not None:
        first, last = sorted(round(share * len(body)) for share in copied)
        more = body[first:last]
    return body[:at] + put + more + body[at + out :]


def history(bodies: list[bytes], changes: list[tuple[bool, Edit]]) -> Iterator[bytes]:
    """Each body twice, then changed once and again, some for good."""
    for body in bodies:
        yield body
        yield body
        for for_good, edit in changes:
            after = edited(body, edit)
            yield after
            if for_good:
                body = after


changes = st.lists(st.tuples(st.booleans(), edits), max_size=8)


@settings(max_examples=300)
@given(st.lists(bodies_flat, min_size=1, max_size=4), changes)
def test_a_list_is_read_as_if_it_had_never_been_seen(
    bodies: list[bytes], edits: list[tuple[bool, Edit]]
) -> None:
    check(["list"], history(bodies, edits))


@settings(max_examples=300)
@given(st.lists(bodies_deep, min_size=1, max_size=4), changes)
def test_lists_in_lists_are_read_as_if_they_had_never_been_seen(
    bodies: list[bytes], edits: list[tuple[bool, Edit]]
) -> None:
    check(["outer", "list"], history(bodies, edits))


@given(st.binary(max_size=60), bodies_flat)
@example(b"", b'{"list":[1]}')
@example(b"[" * 100_000, b'{"list":[1]}')
@example(b'{"list":' + b"[" * 100_000, b'{"list":[1]}')
@example(b'{"list":[1,' + b'{"a":' * 100_000, b'{"list":[1,2]}')
@example(b'{"list":[' + b"9" * 5000 + b"]}", b'{"list":[9]}')
def test_whatever_the_bytes_are(body: bytes, before: bytes) -> None:
    check(["list"], [before, before, body, before])


LONG = b'{"id":1,"name":"a long one, of which the head alone is compared","votes":3}'
OTHER = b'{"id":2,"name":"a long one, of which the head alone is compared","votes":5}'


@pytest.mark.parametrize(
    "body",
    [
        # Known bytes that are no value there, with a mark that is another's.
        b'{"note":"[5,6]","list":[' + MARK + b",[7,8]]}",
        b'{"note":[[5,6]],"list":[' + MARK + b",[7,8]]}",
        b'{"list":[[7,8]],"note":"[5,6]","more":' + MARK + b"}",
        b'{"list":[[5,6]],"note":"[7,8]"}',
        b'{"list":[[5,6]],"note":[7,8]}',
        b'{"list":["[5,6]",[7,8]]}',
        b'{"list":["\\[5,6]",[7,8]]}',
        b'{"list":["\\\\[5,6]",[7,8]]}',
        b'{"list":[[[5,6]],[7,8]]}',
        b'{"list":[[5,6][7,8]]}',
        b'{"list":[[5,6],,[7,8]]}',
        b'{"list":[[5,6],[7,8],]}',
        b'{"list":[,[5,6],[7,8]]}',
        b'{"list":[[5,6],[7,8]1]}',
        b'{"list":[-[5,6],[7,8]]}',
        b'{"list":[[5,6],1,[7,8]]}',
        b'{"list":[1,[5,6],[7,8]]}',
        b'{"list":[[5,6],[7,8],1]}',
        b'{"list":[[7,8],[5,6]]}',
        b'{"list":[[5,6],[5,6]]}',
        b'{"list":[[5,6],[7,8]],"list":[]}',
        b'{"list":[[5,6],[7,8]],"list":[[5,6],[7,8]]}',
        b'{"list":[[5,6],[7,8]],"l\\u0069st":[]}',
        b'{"l\\u0069st":[[5,6],[7,8]]}',
        b'{"list":{"list":[[5,6],[7,8]]}}',
        b'{"inner":{"list":[[5,6],[7,8]]}}',
        b'[{"list":[[5,6],[7,8]]}]',
        b"[[5,6],[7,8]]",
        b'{"list":[]}',
        b'{"list":null}',
        b"{}",
        b'\xef\xbb\xbf{"list":[[5,6],[7,8]]}',
        b'{"list":[[5,6],[7,8]]} 1',
        b'{"list":[[5,6],[7,8]]}\x00',
        b'{"a":1,"a":2,"list":[[5,6],[7,8]]}',
        b'{"a":NaN,"list":[[5,6],[7,8]]}',
        b'{"a":1234567890123456789,"list":[[5,6],[7,8]]}',
        b'{"a":"\xff","list":[[5,6],[7,8]]}',
    ],
)
def test_known_bytes_in_odd_places(body: bytes) -> None:
    before = b'{"list":[[5,6],[7,8]]}'
    check(["list"], [before, before, body, body, before])


@pytest.mark.parametrize(
    "changed",
    [
        LONG.replace(b"3", b"4"),
        LONG.replace(b"3", b"3.0"),
        LONG.replace(b"3", b"true"),
        LONG.replace(b"3", b'3,"id":1'),
        LONG.replace(b"3", b'3,"more":NaN'),
        LONG.replace(b"3", b"1234567890123456789"),
        LONG.replace(b"3", b"[" * 61 + b"]" * 61),
        LONG.replace(b"3", b"[" * 62 + b"]" * 62),
        LONG.replace(b"3", b"[" * 100_000),
        LONG.replace(b"3", b'"\xff"'),
        LONG.replace(b"3", OTHER),
        LONG.replace(b"3", b"[" + OTHER + b"]"),
        LONG.replace(b"3", b'"' + OTHER + b'"'),
        LONG.replace(b"3", json.dumps(OTHER.decode()).encode()),
        LONG.replace(b"3", b'3},{"id":4'),
        LONG.replace(b"3", b"3}]"),
        LONG + b"," + LONG.replace(b"3", b"4"),
        LONG + b"\n",
        LONG + b"}",
        LONG[:-1],
        LONG[:40],
        LONG.replace(b"3", MARK),
        LONG.replace(b"3", b'3},{"votes":' + MARK),
        LONG.replace(b"3", b"3}," + MARK + b',{"votes":3'),
        b"",
    ],
)
@pytest.mark.parametrize("between", [b",", b" , ", b",1,", b",," + b" "])
def test_an_entry_that_changed(changed: bytes, between: bytes) -> None:
    before = b'{"list":[' + LONG + b"," + OTHER + b"," + LONG + b"]}"
    first = b'{"list":[' + changed + between + OTHER + b"," + LONG + b"]}"
    last = b'{"list":[' + LONG + between + OTHER + b"," + changed + b"]}"
    check(["list"], [before, before, first, first, before, last, last, before])


def test_a_body_beyond_the_limit_is_refused_though_its_entries_are_known() -> None:
    body = b'{"list":["' + b"x" * (LARGEST - 200) + b'"]}'
    spaces = b" " * (LARGEST - len(body))
    check(["list"], [body, body, body, body + spaces, body + spaces + b" ", body])


def test_nesting_is_that_of_the_whole() -> None:
    entry = b"[" * 62 + b"]" * 62
    before = b'{"list":[' + entry + b",1]}"
    assert isinstance(strict_json(before), dict)
    check(["list"], [before, before, b'{"list":[[' + entry + b"],1]}", before])


@settings(max_examples=300)
@given(bodies_flat, bodies_flat, st.lists(st.floats(0, 1), max_size=8))
def test_a_wrong_guess_where_entries_stand_is_noticed(
    before: bytes, body: bytes, shares: list[float]
) -> None:
    entries: Entries[int] = Entries("list")
    for _ in range(2):
        entries.read(before)
    known = {entry.raw: entry for entry in entries._entries}
    # Where a value may begin or end, and elsewhere.
    ends = [at for at, byte in enumerate(body) if byte in b',:[]{}" '] or [0]
    cuts = sorted(ends[int(share * (len(ends) - 1))] + (share > 0.5) for share in shares)
    places = [
        _Place(start, end, known.get(body[start:end]))
        for start, end in zip(cuts[::2], cuts[1::2], strict=False)
    ]
    # Those that are known, wherever they occur, seem to stand there too.
    for raw, entry in known.items():
        for found in re.finditer(re.escape(raw), body) if raw else ():
            if not any(p.start < found.end() and found.start() < p.end for p in places):
                places.append(_Place(found.start(), found.end(), entry))
    places.sort(key=lambda place: place[:2])
    root = entries._marked(body, places)
    assert root is None or repr(bare(root)) == repr(strict_json(body))


@pytest.mark.parametrize("piece", [b"1,2", b'1,2],"more":[3', b'"],"more":["'])
def test_what_is_not_one_value_is_no_entry(piece: bytes) -> None:
    body = b'{"list":[' + piece + b",4]}"
    at = body.index(piece)
    entries: Entries[int] = Entries("list")
    assert entries._marked(body, [_Place(at, at + len(piece), None)]) is None


def test_a_value_is_decoded_once_a_look(decoded: list[int]) -> None:
    entries: Entries[int] = Entries("list")
    for _ in range(3):
        root: Any = entries.read(b'{"list":[[1,2]]}')
        entries.forget_values()
    decoded.clear()
    assert [root["list"][0].value() for _ in range(2)] == [[1, 2]] * 2
    assert decoded == [len(b"[1,2]")]


def test_one_fact_is_kept_with_each_entry_until_its_bytes_change() -> None:
    entries: Entries[str] = Entries("list")

    def look(body: bytes) -> list[str | None]:
        root: Any = entries.read(body)
        said = [entry.said for entry in root["list"]]
        for entry in root["list"]:
            entry.said = repr(entry.value())
        entries.forget_values()
        return said

    assert look(b'{"list":[1,"a",[2]]}') == [None, None, None]
    assert look(b'{"list":[1,"a",[2]]}') == [None, None, None]
    assert look(b'{"list":[1 , "a",\n[2] ]}') == ["1", "'a'", "[2]"]
    assert look(b'{"list":[1,"b",[2]]}') == ["1", None, "[2]"]
    assert look(b'{"list":[0,1,"b",[2]]}') == [None, "1", "'b'", "[2]"]
    assert look(b'{"list":[[2],0]}') == ["[2]", "0"]
    with pytest.raises(NotUnderstood):
        look(b'{"list":[[2],0')
    assert look(b'{"list":[[2],0,0]}') == ["[2]", "0", None]


# The feed.

MAPS = "https://assets-cdn.abcnews.com/elections/national/2024/general/v1/maps"
CODES = ("fl", "ga", "me", "ne", "pa", "tx")
PEOPLE = (
    Person(64984, "Kamala", "Harris", "democrats", 100),
    Person(8639, "Donald", "Trump", "republicans", 90),
)


def _race(code: str, votes: int, **more: Any) -> StateRace:
    people = tuple(replace(person, votes=votes + at) for at, person in enumerate(PEOPLE))
    return StateRace(code, people, **more)


def _nation(votes: dict[str, int]) -> dict[str, Any]:
    return national_electoral(*PEOPLE, *(_race(code, n) for code, n in votes.items()))


def _senate(votes: dict[str, int]) -> dict[str, Any]:
    return senate_file(*(_race(code, n) for code, n in votes.items()))


def _house(votes: dict[str, int]) -> dict[str, Any]:
    return house_file(
        *(
            StateRace(code, districts=tuple(District(d, _race(code, n).people) for d in (1, 2)))
            for code, n in votes.items()
        )
    )


def _counties(votes: dict[str, int], first: int) -> tuple[County, ...]:
    return tuple(
        County(f"12{2 * at + first:03}", f"County {code}", {64984: n, 8639: n + 1})
        for at, (code, n) in enumerate(votes.items())
    )


def _florida(votes: dict[str, int]) -> dict[str, Any]:
    return state_file(_race("fl", 100, counties=_counties(votes, 1)))


def _florida_senate(votes: dict[str, int]) -> dict[str, Any]:
    """Two races with the same counties, of which some are the same to the byte."""
    return state_file(
        _race("fl", 100, counties=_counties(votes, 1)),
        _race("fl", 100, counties=_counties(dict.fromkeys(votes, 50), 1), title="Special"),
        office="senate",
    )


FILES = [
    ("electoral.json", _nation),
    ("senate.json", _senate),
    ("house.json", _house),
    ("states/fl/electoral.json", _florida),
    ("states/fl/senate.json", _florida_senate),
]
feeds = pytest.mark.parametrize(("name", "make"), FILES)


def _file(name: str) -> FeedFile:
    file = feed_file(f"{MAPS}/{name}")
    assert file is not None
    return file


def _read(file: FeedFile, body: bytes, memory: Memory | None) -> str:
    """All that is read, to the type, with what equality of races leaves out."""
    try:
        return repr(parse_feed(file, body, memory))
    except NotUnderstood as error:
        return f"refused: {error}"


def _entries_of(payload: dict[str, Any], luck: random.Random) -> list[Any]:
    if "states" in payload:
        return payload["states"]  # type: ignore[no-any-return]
    return luck.choice(payload["races"])["counties"]  # type: ignore[no-any-return]


def _damaged(payload: dict[str, Any], luck: random.Random) -> None:
    entries = _entries_of(payload, luck)
    at = luck.randrange(len(entries))
    entry = entries[at]
    if not isinstance(entry, dict) or "fips" not in entry:
        return
    people = entry.get("candidates") or [{}]
    what = luck.randrange(20)
    if what == 0:
        luck.choice([payload, *payload.get("races", [])])["test"] = True
    elif what == 1:
        luck.choice([entry, people[0]])["shade"] = "dark"
    elif what == 2:
        people[0]["winner"] = luck.choice([1, 0, None, True, 1.0])
    elif what == 3:
        entries.insert(luck.randrange(len(entries)), entry)
    elif what == 4:
        luck.shuffle(entries)
    elif what == 5:
        del entries[at]
    elif what == 6:
        entries[at] = luck.choice([None, 1, [], {}, "states", [entry], [718281828459045235]])
    elif what == 7:
        entries[at] = dict(reversed(entry.items()))
    elif what == 8:
        entry["fips"] = luck.choice(["12001", "12003", 12, None])
    elif what == 9:
        entry["abbreviation"] = luck.choice(["GA", "ga", "TX", None, 1])
    elif what == 10:
        entry["displayName"] = luck.choice(['"states":[{', '"counties":[{"fips"', "TEST", "[718]"])
    elif what == 11:
        entries.append({**entry, "fips": "12099", "abbreviation": "VT"})
    elif what == 12:
        payload["lastUpdated"] = luck.choice([None, {"value": "?"}, entry])
    elif what == 13 and "races" in payload:
        payload["races"].reverse()
    elif what == 14 and "races" in payload:
        luck.choice(payload["races"])["displayName"] = "Florida Runoff"


def _torn(body: bytes, luck: random.Random) -> bytes:
    edit: Edit = (
        luck.random(),
        luck.choice([0, 0, 1, 10, 100_000]),
        luck.choice(MISLEADING),
        luck.choice([None, (luck.random(), luck.random())]),
    )
    return edited(body, edit)


@feeds
def test_a_feed_is_read_as_if_it_had_never_been_seen(
    name: str, make: Callable[[dict[str, int]], dict[str, Any]]
) -> None:
    file, luck, memory = _file(name), random.Random(name), Memory()
    votes = dict.fromkeys(CODES, 50)
    read = set()
    damage = 0
    for number in range(600):
        for code in votes:
            votes[code] += luck.choice((0, 0, 0, 0, 1))
        payload = make(votes)
        # Damage may last for some looks.
        damage = luck.choice((damage, damage, number))
        fate = random.Random(damage)
        for _ in range(fate.choice((0, 0, 1, 1, 2))):
            _damaged(payload, fate)
        body = as_body(payload)
        if luck.random() < 0.2:
            body = json.dumps(payload, indent=luck.choice((None, 1, 4))).encode()
        if luck.random() < 0.25:
            body = _torn(body, luck)
        found = _read(file, body, memory)
        assert found == _read(file, body, None)
        read.add(found)
    assert len(read) > 300


@feeds
def test_what_did_not_change_is_not_decoded(
    decoded: list[int], name: str, make: Callable[[dict[str, int]], dict[str, Any]]
) -> None:
    file, memory = _file(name), Memory()
    votes = {code: 50 + at for at, code in enumerate(CODES)}

    def look(change: Callable[[dict[str, Any]], object] | None = None) -> list[float]:
        """What is decoded, as shares of the body."""
        payload = make(votes)
        if change is not None:
            change(payload)
        body = as_body(payload)
        decoded.clear()
        found = _read(file, body, memory)
        shares = [length / len(body) for length in decoded]
        assert found == _read(file, body, None)
        assert "refusals=()" in found
        return shares

    def entries(payload: dict[str, Any]) -> list[Any]:
        return payload["states" if "states" in payload else "races"]  # type: ignore[no-any-return]

    (rest,) = [share for _ in range(3) for share in look()][-1:]
    assert rest < (0.8 if "races" in make(votes) else 0.4)
    for code in ("fl", "ga", "tx"):  # the first, one between and the last
        votes[code] += 1
        (share,) = look()
        assert rest < share < rest + 0.25
        assert look() == [rest]
    if "states" in make(votes):
        (share,) = look(lambda payload: entries(payload).pop(2))
        assert share < rest + 0.1
        # Found by another way, and decoded alone.
        assert look()[-1] < rest + 0.25
        assert look() == [rest]


@pytest.mark.parametrize(("name", "make"), [FILES[1], FILES[3]])
def test_what_is_unknown_in_two_entries_is_named_when_it_is_left_in_one(
    name: str, make: Callable[[dict[str, int]], dict[str, Any]]
) -> None:
    file, memory = _file(name), Memory()
    payload = make(dict.fromkeys(CODES, 50))
    entries = payload["states"] if "states" in payload else payload["races"][0]["counties"]
    for entry in entries[:2]:
        entry["candidates"][0]["shade"] = "dark"
    for _ in range(3):
        (unknown,) = parse_feed(file, as_body(payload), memory).unknown
    del entries[0]["candidates"][0]["shade"]
    for _ in range(2):
        assert parse_feed(file, as_body(payload), memory).unknown == (unknown,)
    del entries[1]["candidates"][0]["shade"]
    assert parse_feed(file, as_body(payload), memory).unknown == ()


def test_a_number_is_no_flag_though_the_flag_was_seen_before() -> None:
    file, memory = _file("senate.json"), Memory()
    payload = _senate(dict.fromkeys(CODES, 50))
    for winner, refusals in ((False, 0), (False, 0), (False, 0), (0, 1), (False, 0)):
        payload["states"][1]["candidates"][0]["winner"] = winner
        assert len(parse_feed(file, as_body(payload), memory).refusals) == refusals


def test_two_files_do_not_share_what_is_kept() -> None:
    memory = Memory()
    votes = dict.fromkeys(CODES, 50)
    for _ in range(3):
        for name, make in FILES:
            body = as_body(make(votes))
            assert _read(_file(name), body, memory) == _read(_file(name), body, None)


@feeds
def test_what_is_kept_has_not_much_more_than_the_size_of_the_body(
    name: str, make: Callable[[dict[str, int]], dict[str, Any]]
) -> None:
    file = _file(name)
    payload = make(dict.fromkeys(CODES, 50))
    # Nothing that is unknown is kept as read.
    for entry in payload["states"] if "states" in payload else payload["races"][0]["counties"]:
        entry["shade"] = ["dark"] * 3000
    body = as_body(payload)
    parse_feed(file, body, Memory())
    tracemalloc.start()
    try:
        memory = Memory()
        for _ in range(4):
            parse_feed(file, body, memory)
        assert tracemalloc.get_traced_memory()[0] < 1.5 * len(body)
    finally:
        tracemalloc.stop()
