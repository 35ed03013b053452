"""Bodies as they are kept: each one once, as a zstd frame that `zstd -d` restores too.

A page hardly moves from one look to the next, so its last body serves as the dictionary of the next
one, which takes a few hundred bytes instead of thousands. `base` names that body, `depth` counts
the frames on which one rests. A keyframe has no base and needs no other.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections import OrderedDict

import zstandard

from storage.database import Writer

#: zstd's own default; level 9 saves 5% more of a story page and takes twice the time.
LEVEL = 3
#: Bytes of a body, at most; no more than this was ever taken in.
LARGEST = 64 * 1024 * 1024
#: Bytes of a base, at most: `zstd -D` takes no more.
LARGEST_BASE = 32 * 1024 * 1024
#: How many frames may rest on one another above a keyframe: so much is lost with a damaged one.
DEEPEST = 50
#: Bytes of unpacked bodies that a writer keeps in memory, at most.
REMEMBERED = 32 * 1024 * 1024

#: How trained dictionaries begin. `zstd -D` would take a body that begins so for one.
_TRAINED = bytes.fromhex("37a430ec")


def digest(content: bytes) -> str:
    """The key of a body or of wire bytes: SHA-256 as lower-case hex."""
    return hashlib.sha256(content).hexdigest()


def pack(content: bytes, base: bytes | None = None) -> bytes:
    """One zstd frame with its checksum and the unpacked size in its head.

    base: the dictionary, without which the frame cannot be unpacked; None for a keyframe.
    """
    if base is None:
        return zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compress(content)
    # The level's own window would lose sight of a large base on the way (5 times the size), and so
    # do tables of less than an entry for 8 bytes. Its own strategy takes a fifth more time for
    # 126 kB and 4 times as much for 7 MB; matches of less than 7 bytes are not worth the search.
    largest = max(len(content), len(base))
    parameters = zstandard.ZstdCompressionParameters.from_level(
        LEVEL,
        source_size=len(content),
        dict_size=len(base),
        strategy=zstandard.STRATEGY_FAST,
        min_match=7,
        window_log=max((len(content) - 1).bit_length(), zstandard.WINDOWLOG_MIN),
        hash_log=min(max(((largest - 1) // 4).bit_length(), zstandard.HASHLOG_MIN), 22),
        write_checksum=True,
    )
    compressor = zstandard.ZstdCompressor(
        compression_params=parameters, dict_data=_dictionary(base)
    )
    return compressor.compress(content)


def unpack(frame: bytes, base: bytes | None = None) -> bytes:
    """The body that `pack` was given, with the same base.

    Raises zstandard.ZstdError when the frame is damaged or the base is another.
    """
    if not 0 <= zstandard.frame_content_size(frame) <= LARGEST:
        raise zstandard.ZstdError("the frame's head is damaged")  # it would ask for all memory
    dictionary = None if base is None else _dictionary(base)
    return zstandard.ZstdDecompressor(dict_data=dictionary).decompress(frame)


def _dictionary(base: bytes) -> zstandard.ZstdCompressionDict:
    return zstandard.ZstdCompressionDict(base, dict_type=zstandard.DICT_TYPE_RAWCONTENT)


class Recent:
    """The bodies last seen, unpacked. They go by their hash, so none is ever taken for another."""

    def __init__(self) -> None:
        self._bodies: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0

    def get(self, sha256: str) -> bytes | None:
        """The body with this hash; None when it is not remembered."""
        return self._bodies.get(sha256)

    def add(self, sha256: str, content: bytes) -> None:
        """Remember it as the last one, and forget the first ones when they are too many bytes."""
        if sha256 in self._bodies:
            self._bodies.move_to_end(sha256)
            return
        self._bodies[sha256] = content
        self._size += len(content)
        while self._size > REMEMBERED:
            self.drop(next(iter(self._bodies)))

    def drop(self, sha256: str) -> None:
        """Forget it, if it is remembered."""
        self._size -= len(self._bodies.pop(sha256, b""))


def _recent(connection: sqlite3.Connection) -> Recent:
    """What a writer remembers; nothing for a reader."""
    if not isinstance(connection, Writer):
        return Recent()
    recent: Recent = connection.kept.setdefault(Recent, Recent())
    return recent


def remembered(connection: sqlite3.Connection, sha256: str) -> bytes | None:
    """The unpacked bytes with this digest, where the writer has them in memory."""
    return _recent(connection).get(sha256)


def keep(connection: sqlite3.Connection, page: int, content: bytes, sha256: str) -> int:
    """The id of the body with these bytes, which the page has just shown; added if it is new.

    sha256: their digest. Belongs into the transaction that adds the fetch, before it does.
    """
    recent = _recent(connection)
    found = connection.execute("SELECT id FROM body WHERE sha256 = ?", (sha256,)).fetchone()
    if found:
        recent.add(sha256, content)
        return int(found["id"])
    before = connection.execute(
        "SELECT id, sha256, size, depth FROM body"
        " WHERE id = (SELECT latest_body FROM page WHERE id = ?)",
        (page,),
    ).fetchone()
    frame = None if before is None else _delta(connection, content, before)
    if before is not None:
        recent.drop(before["sha256"])
    recent.add(sha256, content)
    cursor = connection.execute(
        "INSERT INTO body (sha256, size, base, depth, content) VALUES (?, ?, ?, ?, ?)",
        (sha256, len(content), before["id"], before["depth"] + 1, frame)
        if frame is not None
        else (sha256, len(content), None, 0, pack(content)),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def _delta(connection: sqlite3.Connection, content: bytes, before: sqlite3.Row) -> bytes | None:
    """The frame of the content on the body before it; None where a keyframe has to stand."""
    if before["depth"] >= DEEPEST or before["size"] > LARGEST_BASE:
        return None
    try:
        base = body_of(connection, before["id"])
    except (LookupError, zstandard.ZstdError):
        return None  # whoever reads that body is told; what comes now must not be lost with it
    if base.startswith(_TRAINED):
        return None
    frame = pack(content, base)
    # Hardly a page packs to a fiftieth by itself, so this one is small enough unasked.
    if len(frame) <= len(content) // 64:
        return frame
    # A frame that needs no other is worth a quarter more bytes.
    return frame if len(frame) * 5 <= len(pack(content)) * 4 else None


def body_of(connection: sqlite3.Connection, body: int) -> bytes:
    """The unpacked bytes.

    Raises LookupError when there is no such body, or none on which it rests; zstandard.ZstdError
    when a frame is damaged, or what comes out is not what was kept.
    """
    recent = _recent(connection)
    row = _row(connection, body)
    sha256 = row["sha256"]
    content = recent.get(sha256)
    frames = []
    while content is None:
        frames.append(row)
        if row["base"] is None:
            break
        if len(frames) > DEEPEST:
            raise LookupError(f"body {body} rests on more than {DEEPEST} others: it is damaged")
        row = _row(connection, row["base"])
        content = recent.get(row["sha256"])
    for row in reversed(frames):
        try:
            content = unpack(row["content"], content)
        except zstandard.ZstdError as error:
            raise zstandard.ZstdError(f"body {row['id']} is damaged: {error}") from error
    assert content is not None
    if frames and digest(content) != sha256:
        raise zstandard.ZstdError(f"body {body} is damaged: its SHA-256 is another")
    recent.add(sha256, content)
    return content


def _row(connection: sqlite3.Connection, body: int) -> sqlite3.Row:
    row: sqlite3.Row | None = connection.execute(
        "SELECT id, sha256, base, content FROM body WHERE id = ?", (body,)
    ).fetchone()
    if row is None:
        raise LookupError(f"there is no body {body}")
    return row
