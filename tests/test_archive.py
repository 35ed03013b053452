"""The archive: each body on the page's body before it, back exactly, and with zstd alone.

What the program keeps is restored here by `zstd` on the command line, or compared with the bytes
that went in.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from storage import archive, receiving
from storage.archive import DEEPEST, LARGEST_BASE, body_of, keep, pack, unpack
from storage.database import immediate, open_for_reading
from storage.evidence import body_named
from storage.receiving import Answer
from tests.trail import Page, Trail, instant_of, opened, sha256, whole

URL = "https://abcnews.go.com/a-feed.json"
OTHER = "https://abcnews.go.com/another-feed.json"

PROMISES = (Path(__file__).parents[1] / "docs" / "promises.md").read_text(encoding="utf-8")

#: A body and all on which it rests, out of the database and unpacked, without this project.
RESTORE = "set -eu\n" + PROMISES.split("```sh\n")[1].split("```")[0]


def needed(*programs: str) -> None:
    """Leave the test out, aloud, where a program is missing that proves what others can do."""
    missing = " ".join(program for program in programs if shutil.which(program) is None)
    if missing:
        pytest.skip(f"needs {missing} (apt-get install {missing})")


def zstd(folder: Path, frame: bytes, base: bytes | None = None) -> bytes:
    """What `zstd -d`, with -D where there is a base, makes of the frame."""
    needed("zstd")
    (folder / "frame.zst").write_bytes(frame)
    command = ["zstd", "-q", "-f", "-d"]
    if base is not None:
        (folder / "base").write_bytes(base)
        command += ["-D", "base"]
    subprocess.run([*command, "frame.zst", "-o", "content"], cwd=folder, check=True)
    return (folder / "content").read_bytes()


class Night:
    """A national file of 51 states with three candidates, of which a few move at each look."""

    def __init__(self, places: int = 51) -> None:
        self.chance = random.Random(7)
        self.votes = [[self.chance.randrange(4_000_000) for _ in range(3)] for _ in range(places)]

    def next(self, moving: int = 7) -> bytes:
        for state in self.chance.sample(self.votes, moving):
            for place in range(3):
                state[place] += self.chance.randrange(1, 5_000)
        return json.dumps([self._state(number) for number in range(len(self.votes))]).encode()

    def _state(self, number: int) -> dict[str, object]:
        return {
            "id": number,
            "displayName": f"State {number}",
            "candidates": [
                {
                    "id": 8639 + place,
                    "incumbent": False,
                    "statistics": {"votes": {"displayValue": f"{votes:,}", "value": votes}},
                    "order": place,
                }
                for place, votes in enumerate(self.votes[number])
            ],
        }


@pytest.fixture
def trail(tmp_path: Path) -> Iterator[Trail]:
    with opened(tmp_path / "trail.db") as trail:
        yield trail


def took(trail: Trail, body: bytes, url: str = URL, status: int = 200) -> int:
    """The id of the body of one look, which is received and not read."""
    failure = None if status == 200 else f"HTTP {status}"
    answer = Answer(
        fetched_at=datetime(2024, 11, 6, tzinfo=UTC),
        status=status,
        wire=body,
        body=body,
        failure=failure,
    )
    fetch = trail.receive_answer(url, answer, family="feed")
    (body_id,) = trail.connection.execute(
        "SELECT body FROM fetch WHERE id = ?", (fetch,)
    ).fetchone()
    return int(body_id)


def kept(trail: Trail) -> list[tuple[int, int | None, int]]:
    """Of each body its id, its base, and how many it rests on."""
    return [(row["id"], row["base"], row["depth"]) for row in trail.table("body")]


def forget(trail: Trail) -> None:
    """As a new process would begin."""
    trail.connection.kept.clear()  # type: ignore[attr-defined]  # it is a Writer


def tampered(trail: Trail, *statements: str) -> None:
    """Alter bodies as a damaged disk would, past the triggers."""
    forget(trail)
    connection = trail.connection
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("PRAGMA ignore_check_constraints = ON")
    for trigger in ("body_no_update", "body_no_delete"):
        connection.execute(f"DROP TRIGGER {trigger}")
    for statement in statements:
        assert connection.execute(statement).rowcount == 1
    connection.execute("PRAGMA ignore_check_constraints = OFF")
    connection.execute("PRAGMA foreign_keys = ON")


# -- what is kept, and how -------------------------------------------------------------------


def test_every_body_of_a_night_comes_back(trail: Trail) -> None:
    night = Night()
    bodies = [night.next() for _ in range(2 * 51 + 9)]
    assert [took(trail, body) for body in bodies] == list(range(1, 112))
    assert [body_of(trail.connection, n) for n in range(1, 112)] == bodies
    with closing(open_for_reading(trail.path)) as reader:
        assert [body_of(reader, n) for n in range(1, 112)] == bodies
        assert [body_named(reader, sha256(body)) for body in bodies] == bodies
        assert body_named(reader, sha256(b"never kept")) is None
    assert [trail.body(sha256(body)) for body in bodies] == bodies


def test_each_rests_on_the_one_before_and_a_keyframe_comes_after_50(trail: Trail) -> None:
    night = Night()
    for _ in range(2 * 51 + 9):
        took(trail, night.next())
    expected = [(n, None if n % 51 == 1 else n - 1, (n - 1) % 51) for n in range(1, 112)]
    assert kept(trail) == expected


def test_a_process_that_just_started_goes_on_with_the_chain(trail: Trail) -> None:
    night = Night()
    bodies = [night.next() for _ in range(60)]
    for body in bodies:
        forget(trail)
        took(trail, body)
    assert kept(trail)[-1] == (60, 59, 8)
    forget(trail)
    assert [body_of(trail.connection, n) for n in range(1, 61)] == bodies


def test_a_look_at_which_little_moved_takes_little(trail: Trail) -> None:
    night = Night()
    for _ in range(20):
        took(trail, night.next())
    first, *others = (len(row["content"]) for row in trail.table("body"))
    assert max(others) < first / 5


def test_a_body_that_shares_nothing_with_the_one_before_is_a_keyframe(trail: Trail) -> None:
    chance = random.Random(1)
    for _ in range(3):
        took(trail, chance.randbytes(5_000))
    assert kept(trail) == [(1, None, 0), (2, None, 0), (3, None, 0)]


@pytest.mark.parametrize(("new", "base"), [(4_300, None), (3_700, 1)])
def test_a_delta_that_saves_less_than_a_fifth_is_not_worth_its_base(
    trail: Trail, new: int, base: int | None
) -> None:
    chance = random.Random(1)
    old = chance.randbytes(5_000)
    took(trail, old)
    took(trail, old[new:] + chance.randbytes(new))
    assert kept(trail)[1][1] == base


def test_pages_do_not_share_their_chains(trail: Trail) -> None:
    night, other = Night(), Night(places=20)
    for _ in range(3):
        took(trail, night.next())
        took(trail, other.next(), OTHER)
    assert [base for _, base, _ in kept(trail)] == [None, None, 1, 2, 3, 4]


def test_a_page_that_shows_an_older_body_goes_on_from_that_one(trail: Trail) -> None:
    night = Night()
    first, second, third = night.next(), night.next(), night.next()
    assert [took(trail, body) for body in (first, second, first, third)] == [1, 2, 1, 3]
    assert kept(trail) == [(1, None, 0), (2, 1, 1), (3, 1, 1)]
    forget(trail)
    assert body_of(trail.connection, 3) == third


def test_a_body_that_two_pages_show_is_kept_once_and_is_a_base_for_both(trail: Trail) -> None:
    night = Night()
    both, mine, theirs = night.next(), night.next(), night.next()
    assert took(trail, both) == took(trail, both, OTHER) == 1
    took(trail, mine)
    took(trail, theirs, OTHER)
    assert kept(trail) == [(1, None, 0), (2, 1, 1), (3, 1, 1)]
    assert body_of(trail.connection, 3) == theirs


def test_an_error_page_between_two_looks_does_not_end_the_chain(trail: Trail) -> None:
    night = Night()
    first, second = night.next(), night.next()
    took(trail, first)
    took(trail, b"<html>Service unavailable</html>", status=503)
    took(trail, second)
    assert kept(trail)[-1] == (3, 1, 1)
    assert body_of(trail.connection, 3) == second


@pytest.mark.parametrize(("places", "size"), [(10_000, 4_000_000), (25_000, 10_000_000)])
def test_a_body_larger_than_the_tables_of_the_level_is_small_on_its_base(
    trail: Trail, tmp_path: Path, places: int, size: int
) -> None:
    night = Night(places)
    first, second = night.next(), night.next()
    assert len(first) > size
    took(trail, first)
    took(trail, second)
    plain, delta = (row["content"] for row in trail.table("body"))
    assert kept(trail)[1] == (2, 1, 1)
    assert len(delta) < len(plain) / 20
    assert zstd(tmp_path, delta, first) == second
    forget(trail)
    assert body_of(trail.connection, 2) == second


def test_the_schema_refuses_a_body_that_rests_on_itself_or_on_a_later_one(trail: Trail) -> None:
    took(trail, b"a body")
    insert = "INSERT INTO body (sha256, size, base, depth, content) VALUES ('x', 1, ?, ?, x'00')"
    for base, depth in ((2, 1), (3, 1), (1, 0), (None, 1)):
        with pytest.raises(sqlite3.IntegrityError):
            trail.connection.execute(insert, (base, depth))
    trail.connection.execute(insert, (1, 1))


# -- by zstd alone ---------------------------------------------------------------------------


def test_a_body_is_restored_by_sqlite_and_zstd_alone(trail: Trail, tmp_path: Path) -> None:
    needed("sqlite3", "zstd", "sha256sum")
    night = Night()
    bodies = [night.next() for _ in range(55)]
    for body in bodies:
        took(trail, body)
    # The keyframe, the last on it, the next keyframe, the next on that one.
    for number in (1, 51, 52, 53):
        folder = tmp_path / str(number)
        folder.mkdir()
        wanted = sha256(bodies[number - 1])
        done = subprocess.run(
            ["sh", "-c", RESTORE],
            cwd=folder,
            env={**os.environ, "DATABASE": str(trail.path), "SHA256": wanted},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.splitlines()[-1] == f"{wanted}  {number:09}"
        assert (folder / f"{number:09}").read_bytes() == bodies[number - 1]


@pytest.mark.parametrize("size", [1, 7, 8, 9, 300])
def test_zstd_restores_from_a_base_of_any_size(tmp_path: Path, size: int) -> None:
    content = random.Random(size).randbytes(size)
    for base in (b"x", content, content[:-1] + b"!", 40 * content):
        assert zstd(tmp_path, pack(content + b"?", base), base) == content + b"?"


def test_zstd_takes_the_largest_base_and_no_larger(trail: Trail, tmp_path: Path) -> None:
    needed("zstd")
    base = random.Random(3).randbytes(1024) * (LARGEST_BASE // 1024)
    content = b"new" + base[: 40 * 1024 * 1024] + base[: 2 * 1024 * 1024]
    assert zstd(tmp_path, pack(content, base), base) == content
    with pytest.raises(subprocess.CalledProcessError):
        zstd(tmp_path, pack(content, base + b"!"), base + b"!")
    took(trail, base + b"!")
    took(trail, content)
    assert kept(trail) == [(1, None, 0), (2, None, 0)]


def test_a_body_that_zstd_would_take_for_a_trained_dictionary_is_no_base(
    trail: Trail, tmp_path: Path
) -> None:
    trained = bytes.fromhex("37a430ec") + Night().next()
    content = trained[:-1] + b"!"
    with pytest.raises(subprocess.CalledProcessError):
        zstd(tmp_path, pack(content, trained), trained)
    took(trail, trained)
    took(trail, content)
    assert kept(trail) == [(1, None, 0), (2, None, 0)]


@given(st.binary(), st.binary(min_size=1))
def test_a_body_comes_back_from_any_base(content: bytes, base: bytes) -> None:
    assert unpack(pack(content, base), base) == content
    assert unpack(pack(base + content, base), base) == base + content


@pytest.mark.parametrize("places", [10, 3_000])
def test_a_frame_says_its_size_has_a_checksum_and_asks_for_no_more_memory(places: int) -> None:
    night = Night(places)
    base, content = night.next(), night.next()
    for frame in (pack(content), pack(content, base)):
        parameters = zstandard.get_frame_parameters(frame)
        assert parameters.content_size == len(content)
        assert parameters.has_checksum
        assert parameters.window_size <= max(len(content), 1024)


# -- what a process remembers ----------------------------------------------------------------


@pytest.fixture
def unpacked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the frames that were unpacked."""
    sizes: list[int] = []

    def watched(frame: bytes, base: bytes | None = None) -> bytes:
        sizes.append(len(frame))
        return unpack(frame, base)

    monkeypatch.setattr(archive, "unpack", watched)
    return sizes


def test_looks_at_a_page_one_after_the_other_unpack_nothing(
    trail: Trail, unpacked: list[int]
) -> None:
    night = Night()
    bodies = [night.next() for _ in range(60)]
    for body in (*bodies, bodies[0], bodies[-1]):
        assert body_of(trail.connection, took(trail, body)) == body
    trail.look(Page(1))
    assert unpacked == []


def test_a_process_that_just_started_unpacks_a_chain_once(
    trail: Trail, unpacked: list[int]
) -> None:
    night = Night()
    for _ in range(10):
        took(trail, night.next())
    forget(trail)
    took(trail, night.next())
    assert len(unpacked) == 10
    took(trail, night.next())
    assert len(unpacked) == 10
    forget(trail)
    body_of(trail.connection, 12)
    took(trail, night.next())
    assert len(unpacked) == 22


def test_a_reader_remembers_nothing(trail: Trail, unpacked: list[int]) -> None:
    took(trail, b"a body")
    with closing(open_for_reading(trail.path)) as reader:
        assert body_of(reader, 1) == body_of(reader, 1) == b"a body"
    assert len(unpacked) == 2


def test_only_the_last_body_of_a_page_is_remembered(trail: Trail, unpacked: list[int]) -> None:
    night = Night()
    for _ in range(3):
        took(trail, night.next())
    body_of(trail.connection, 3)
    assert unpacked == []
    body_of(trail.connection, 1)
    assert len(unpacked) == 1


def test_what_is_remembered_is_bounded(
    trail: Trail, unpacked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "REMEMBERED", 2_500)
    bodies = [bytes([n]) * 1_000 for n in range(4)]
    for n, body in enumerate(bodies):
        took(trail, body, f"{URL}?{n}")
    for number in (4, 3):
        body_of(trail.connection, number)
    assert unpacked == []
    for number in (2, 1):
        assert body_of(trail.connection, number) == bodies[number - 1]
    assert len(unpacked) == 2
    took(trail, bytes(3_000))  # more than all of the room: it is kept, and not remembered
    assert body_of(trail.connection, 5) == bytes(3_000)
    assert len(unpacked) == 3


def rolled_back(trail: Trail, body: bytes) -> None:
    with suppress(KeyboardInterrupt), immediate(trail.connection):
        keep(trail.connection, 1, body, sha256(body))
        raise KeyboardInterrupt


def rolled_back_by_sqlite(trail: Trail, body: bytes) -> None:
    # As when a commit fails: nobody tells what is kept in memory.
    trail.connection.execute("BEGIN IMMEDIATE")
    keep(trail.connection, 1, body, sha256(body))
    trail.connection.execute("ROLLBACK")


@pytest.mark.parametrize("undone", [rolled_back, rolled_back_by_sqlite])
def test_a_body_of_a_transaction_that_was_rolled_back_is_never_taken_for_another(
    trail: Trail, undone: Callable[[Trail, bytes], None]
) -> None:
    night = Night()
    first, lost, second, third = (night.next() for _ in range(4))
    took(trail, first)
    undone(trail, lost)
    assert kept(trail) == [(1, None, 0)]
    assert took(trail, second) == 2  # the id that the lost one had
    assert body_of(trail.connection, 2) == second
    took(trail, third)
    assert took(trail, lost) == 4
    forget(trail)
    assert [body_of(trail.connection, n) for n in (1, 2, 3, 4)] == [first, second, third, lost]


def test_two_writers_by_turns_go_on_with_one_chain(trail: Trail) -> None:
    night = Night()
    bodies = [night.next() for _ in range(8)]
    with opened(trail.path) as other:
        for body in bodies:
            took(trail, body)
            trail, other = other, trail
        forget(trail)
        assert [body_of(trail.connection, n) for n in range(1, 9)] == bodies
        assert kept(trail)[-1] == (8, 7, 7)


# -- damage ----------------------------------------------------------------------------------


@pytest.fixture
def chain(trail: Trail) -> list[bytes]:
    """Three bodies of one page, each on the one before."""
    night = Night()
    bodies = [night.next() for _ in range(3)]
    for body in bodies:
        took(trail, body)
    assert kept(trail) == [(1, None, 0), (2, 1, 1), (3, 2, 2)]
    return bodies


HALF = "UPDATE body SET content = substr(content, 1, length(content) / 2) WHERE id = {}"


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.usefixtures("chain")
def test_a_damaged_frame_is_named_with_every_body_that_rests_on_it(
    trail: Trail, number: int
) -> None:
    tampered(trail, HALF.format(number))
    for body in range(number, 4):
        with pytest.raises(zstandard.ZstdError, match=f"body {number} is damaged"):
            body_of(trail.connection, body)
    for body in range(1, number):
        body_of(trail.connection, body)


@pytest.mark.usefixtures("chain")
def test_a_missing_base_is_named(trail: Trail) -> None:
    tampered(trail, "DELETE FROM body WHERE id = 2")
    with pytest.raises(LookupError, match="no body 2"):
        body_of(trail.connection, 3)
    with pytest.raises(LookupError, match="no body 9"):
        body_of(trail.connection, 9)


@pytest.mark.usefixtures("chain")
def test_another_base_never_gives_another_body(trail: Trail) -> None:
    tampered(trail, "UPDATE body SET base = 1 WHERE id = 3")
    with pytest.raises(zstandard.ZstdError, match="body 3 is damaged"):
        body_of(trail.connection, 3)


@pytest.mark.usefixtures("chain")
def test_a_frame_in_the_place_of_another_is_damage(trail: Trail) -> None:
    tampered(
        trail,
        "UPDATE body SET content = (SELECT content FROM body WHERE id = 1), base = NULL, depth = 0"
        " WHERE id = 3",
    )
    with pytest.raises(zstandard.ZstdError, match="body 3 is damaged"):
        body_of(trail.connection, 3)


@pytest.mark.usefixtures("chain")
def test_a_chain_that_leads_to_itself_is_damage(trail: Trail) -> None:
    tampered(trail, "UPDATE body SET base = 3 WHERE id = 2")
    with pytest.raises(LookupError, match="damaged"):
        body_of(trail.connection, 3)


def test_a_head_that_asks_for_all_memory_is_damage() -> None:
    base = Night().next()
    frame = pack(base + b"!", base)
    # Descriptor: one segment, a size of 8 bytes, a checksum (RFC 8878, 3.1.1.1.1).
    wrong = frame[:4] + bytes([0b11100100]) + (2**62).to_bytes(8, "little") + frame[9:]
    with pytest.raises(zstandard.ZstdError, match="head"):
        unpack(wrong, base)


@given(st.data())
def test_a_flipped_bit_in_a_delta_never_gives_another_body(data: st.DataObject) -> None:
    night = Night(places=5)
    base, content = night.next(5), night.next(5)
    frame = bytearray(pack(content, base))
    bit = data.draw(st.integers(0, 8 * len(frame) - 1))
    frame[bit // 8] ^= 1 << bit % 8
    with suppress(zstandard.ZstdError):
        assert unpack(bytes(frame), base) == content


@pytest.mark.parametrize(
    "damage", [HALF.format(1), HALF.format(3), "DELETE FROM body WHERE id = 2"]
)
@pytest.mark.usefixtures("chain")
def test_what_comes_after_a_damaged_body_is_kept_without_it(trail: Trail, damage: str) -> None:
    tampered(trail, damage)
    night = Night()
    later = [night.next(20) for _ in range(2)]
    for body in later:
        took(trail, body)
    assert kept(trail)[-2:] == [(4, None, 0), (5, 4, 1)]
    forget(trail)
    assert [body_of(trail.connection, n) for n in (4, 5)] == later


# -- with many looks -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "outcome", "reason"),
    [
        pytest.param(304, 1, "unchanged", None, id="not modified"),
        pytest.param(None, None, "failed", "no answer", id="failures"),
        pytest.param(200, None, "refused", "empty", id="empty answers"),
        pytest.param(200, 1, "unchanged", None, id="the same bytes"),
    ],
)
def test_the_body_before_is_found_at_once_after_many_looks_without_a_new_one(
    trail: Trail, status: int | None, body: int | None, outcome: str, reason: str | None
) -> None:
    night = Night()
    took(trail, night.next())
    few = steps(trail, night.next())
    insert = (
        "INSERT INTO fetch (page, fetched_at, status, headers, body, outcome, reason)"
        " VALUES (1, ?, ?, '[]', ?, ?, ?)"
    )
    row = (instant_of(trail.now), status, body, outcome, reason)
    with immediate(trail.connection):
        trail.connection.executemany(insert, [row] * 20_000)
    many = steps(trail, night.next())
    assert kept(trail)[-1][1] is not None
    assert many <= few + 50


def steps(trail: Trail, body: bytes) -> int:
    """How many steps SQLite's machine takes to keep the body."""
    count = 0

    def step() -> None:
        nonlocal count
        count += 1

    trail.connection.set_progress_handler(step, 1)
    with immediate(trail.connection):
        keep(trail.connection, 1, body, sha256(body))
    trail.connection.set_progress_handler(None, 1)
    return count


def test_a_chain_is_never_deeper_than_said(trail: Trail) -> None:
    night = Night()
    for _ in range(DEEPEST + 2):
        took(trail, night.next())
    assert max(depth for _, _, depth in kept(trail)) == DEEPEST == 50


def test_a_story_that_is_read_at_every_look_is_kept_in_deltas(trail: Trail) -> None:
    for n in range(1, 5):
        trail.look_at(Page(1).url, Page(1).html(n))
    assert [base for _, base, _ in kept(trail)] == [None, 1, 2, 3]
    assert whole(Page(1).html(4)).body == body_of(trail.connection, 4)


def test_what_came_unpacked_is_hashed_once(trail: Trail, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[bytes] = []

    def watched(content: bytes) -> str:
        hashed.append(content)
        return sha256(content)

    for module in (archive, receiving):
        monkeypatch.setattr(module, "digest", watched)
    took(trail, b"a body")
    assert hashed == [b"a body"]
    answer = Answer(
        fetched_at=datetime(2024, 11, 6, tzinfo=UTC), status=200, wire=b"packed", body=b"unpacked"
    )
    trail.receive_answer(URL, answer, family="feed")
    assert sorted(hashed) == [b"a body", b"packed", b"unpacked"]
    for row, body in zip(trail.table("body"), (b"a body", b"unpacked"), strict=True):
        assert row["sha256"] == sha256(body)
    wires = [row["wire_sha256"] for row in trail.table("fetch")]
    assert wires == [sha256(b"a body"), sha256(b"packed")]


BODIES = st.sampled_from([b"one", b"two", b"", b"one "])


@given(
    st.lists(
        st.tuples(
            st.sampled_from([URL, f"{URL}?2"]),
            BODIES,
            st.none() | BODIES,
            st.sampled_from([200, 304, 404]),
            st.booleans(),
        ),
        max_size=12,
    )
)
@settings(max_examples=60, deadline=None)
def test_digests_are_those_of_the_bytes_whatever_came_before(
    looks: list[tuple[str, bytes, bytes | None, int, bool]],
) -> None:
    with TemporaryDirectory() as folder, opened(Path(folder) / "t.db") as trail:
        for url, wire, body, status, conditional in looks:
            answer = Answer(
                fetched_at=datetime(2024, 11, 6, tzinfo=UTC),
                status=status,
                wire=wire or None,
                body=None if status == 304 else body,
                failure=None if status in (200, 304) else f"HTTP {status}",
                conditional=conditional,
            )
            fetch = trail.receive_answer(url, answer, family="feed")
            if status == 200 and (wire or body):
                trail.connection.execute(
                    "UPDATE page SET settled_fetch = ?1"
                    " WHERE id = (SELECT page FROM fetch WHERE id = ?1 AND body IS NOT NULL)",
                    (fetch,),
                )
        fetches = trail.connection.execute(
            "SELECT fetch.*, sha256 FROM fetch LEFT JOIN body ON body.id = body ORDER BY fetch.id"
        ).fetchall()
        for (_, wire, body, status, _), row in zip(looks, fetches, strict=True):
            assert row["wire_sha256"] == (sha256(wire) if wire else None)
            content = wire if body is None else body
            if status != 304:
                assert row["sha256"] == (sha256(content) if content else None)
