"""A WARC file as a history: its HTTP responses, each with its address, time, status and headers."""

from __future__ import annotations

import base64
import hashlib
import io
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from warcio.archiveiterator import WARCIterator
from warcio.exceptions import ArchiveLoadFailed
from warcio.statusandheaders import StatusAndHeadersParser, StatusAndHeadersParserException

from crawler.answers import checked
from crawler.bodies import LARGEST
from crawler.captures.files import UNPACKING, PieceByPiece, unpacking
from crawler.captures.history import (
    Capture,
    Damaged,
    Earlier,
    NotToBeHad,
    Wanted,
    Which,
    instant_of,
    nothing_earlier,
    too_large,
)
from crawler.captures.shelf import Place, Shelf
from storage.receiving import Answer

#: Bytes of a record's HTTP headers, at most, on top of its body.
_HEADERS = 1024 * 1024
#: What is said of records that are no captures.
_OTHERS = "records are no HTTP responses"
_SIGNATURE = b"WARC/"


def is_warc(head: bytes) -> bool:
    """Whether an unpacked file that begins so is a WARC file."""
    return head.startswith(_SIGNATURE)


@contextmanager
def warc_history(path: Path) -> Iterator[WarcHistory]:
    """The file's history; what it has put aside is gone afterwards."""
    shelf = Shelf()
    try:
        yield WarcHistory(path, shelf)
    finally:
        shelf.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    """One capture. place: where its payload is; its size when it is too large, None without one.

    refers: the record whose payload it has: id, address, time, digest. fault: why the payload
    cannot be believed; None otherwise.
    """

    which: Which
    at: datetime
    status: int | None
    headers: tuple[tuple[str, str], ...]
    place: Place | int | None
    refers: tuple[str | None, str | None, datetime | None, str | None] | None = None
    fault: str | None = None


@dataclass(slots=True)
class _Found:
    """The captures so far, and where to find those that others refer to."""

    records: dict[str, _Record] = field(default_factory=dict)
    by_place: dict[tuple[str, datetime], str] = field(default_factory=dict)
    by_digest: dict[str, str] = field(default_factory=dict)


class WarcHistory:
    """The responses of one file. They wait on a shelf for their time."""

    addressed = True
    of_files = False

    def __init__(self, path: Path, shelf: Shelf) -> None:
        self._path = path
        self._shelf = shelf
        self._found = _Found()
        self.label = path.resolve().name
        self.origin = f"warc {self.label.removesuffix('.gz').removesuffix('.warc')}"
        self.others: Counter[str] = Counter()
        self.earlier: Earlier = nothing_earlier

    def reached(self, names: Iterable[str]) -> frozenset[str]:  # noqa: ARG002 - as histories have it
        """None: times say the order."""
        return frozenset()

    def captures(self, wanted: Wanted) -> Iterator[Capture]:
        """All of the file's, oldest first."""
        damage = None
        try:
            self._read(wanted)
        except Damaged as error:
            damage = error
        for record in sorted(self._found.records.values(), key=lambda record: record.at):
            yield Capture(which=record.which, at=record.at, answer=_Payload(self, record))
        if damage is not None:
            raise damage

    def _read(self, wanted: Wanted) -> None:
        # Headers with odd addresses are the parser's business to warn of, not ours.
        logging.getLogger("warcio").setLevel(logging.CRITICAL)
        with self._path.open("rb") as packed:
            head = packed.read(8)
            packed.seek(0)
            try:
                with unpacking(packed, head) as file:
                    self._records(file, wanted)
            except (ArchiveLoadFailed, StatusAndHeadersParserException, *UNPACKING) as error:
                raise Damaged(
                    f"{self._path}: the file is damaged or cut off: {error}; get it anew"
                ) from error

    def _records(self, file: IO[bytes], wanted: Wanted) -> None:
        records = WARCIterator(PieceByPiece(file), no_record_parse=True)
        while True:
            with redirect_stderr(io.StringIO()):
                record = next(records, None)
            # The record before was longer or shorter than its head says.
            if records.err_count:
                raise ArchiveLoadFailed("a record has another length than its head says")
            if record is None:
                return
            self._take(record, wanted)

    def _take(self, record: Any, wanted: Wanted) -> None:
        told = record.rec_headers.get_header
        kind, url = record.rec_type, told("WARC-Target-URI")
        name = (told("WARC-Record-ID") or "").strip("<>")
        if kind not in ("response", "revisit") or not name or not _is_web(url):
            self.others[_OTHERS] += 1
            return
        which = Which(page=url, name=name, at=instant_of(told("WARC-Date") or ""))
        if not wanted(which) or which.at is None:
            return
        block = record.raw_stream.read(LARGEST + _HEADERS)
        if record.length is None or len(block) < min(record.length, LARGEST + _HEADERS):
            raise EOFError(f"record {name} is not whole")
        status, headers, payload = _parsed(block)
        if status is None and kind == "response":
            self.others[_OTHERS] += 1
            return
        found = _Record(which=which, at=which.at, status=status, headers=headers, place=None)
        if kind == "revisit":
            refers = (
                (told("WARC-Refers-To") or "").strip("<>") or None,
                told("WARC-Refers-To-Target-URI"),
                instant_of(told("WARC-Refers-To-Date") or ""),
                told("WARC-Payload-Digest"),
            )
            found = replace(found, refers=refers)
        else:
            body = _dechunked(headers, payload)
            place: Place | int
            if record.length > len(block) or len(body or payload) > LARGEST:
                place = record.length
            else:
                place = self._shelf.put(payload if body is None else body)
            found = replace(found, place=place, fault=_fault(told, block, whole=body is not None))
            self._found.by_place[url, which.at] = name
            if told("WARC-Payload-Digest"):
                self._found.by_digest[told("WARC-Payload-Digest")] = name
        self._found.records[name] = found

    def answer(self, record: _Record) -> Answer:
        """The record's answer. Raises NotToBeHad when what it refers to is not there."""
        if record.refers is not None:
            return self._revisit(record)
        if record.status is not None and isinstance(record.place, tuple):
            wire = self._shelf.get(record.place)
            answer = checked(record.which.page, record.status, record.headers, wire, at=record.at)
            if record.fault is not None and record.status == 200:
                return replace(answer, body=None, failure=record.fault, refused=True)
            return answer
        size = record.place if isinstance(record.place, int) else 0
        return replace(too_large(size, record.at), status=record.status, headers=record.headers)

    def _revisit(self, record: _Record) -> Answer:
        assert record.refers is not None
        identity, url, at, digest = record.refers
        names = [
            identity,
            None if url is None or at is None else self._found.by_place.get((url, at)),
            None if digest is None else self._found.by_digest.get(digest),
        ]
        known = next((self._found.records[n] for n in names if n in self._found.records), None)
        if known is not None and known.refers is None:
            answer: Answer | None = self.answer(known)
        else:
            answer = self.earlier(identity, url, at)
        if answer is None:
            raise NotToBeHad(
                f"{self._path}: record {record.which.name} has the body of another one, which is"
                " neither here nor in the database; import the file that has it first"
            )
        # "Not modified" is what the site said; the bytes that it meant are those of the other.
        status = answer.status if record.status in (None, 304) else record.status
        headers = record.headers or answer.headers
        return replace(answer, fetched_at=record.at, status=status, headers=headers, asked_at=None)


@dataclass(frozen=True, slots=True)
class _Payload:
    history: WarcHistory
    record: _Record

    def __call__(self) -> Answer:
        return self.history.answer(self.record)


def _is_web(url: str | None) -> bool:
    return url is not None and url.lower().startswith(("http://", "https://"))


def _parsed(block: bytes) -> tuple[int | None, tuple[tuple[str, str], ...], bytes]:
    """Status, headers and payload of an HTTP answer; no status where it is none."""
    stream = io.BytesIO(block)
    try:
        head = StatusAndHeadersParser(["HTTP/"], verify=False).parse(stream)
        status = int(head.get_statuscode())
    except (StatusAndHeadersParserException, EOFError, ValueError):
        return None, (), b""
    if not block.startswith(b"HTTP/") or not 100 <= status <= 999:
        return None, (), b""
    return status, tuple((name, value) for name, value in head.headers), stream.read()


def _dechunked(headers: Iterable[tuple[str, str]], payload: bytes) -> bytes | None:
    """The payload without its transfer coding; None when that is not whole.

    Many archives keep payloads without it, and leave the header as it was.
    """
    coded = any(
        name.lower() == "transfer-encoding" and "chunked" in value.lower()
        for name, value in headers
    )
    end = payload.find(b"\r\n")
    if not coded or end < 0 or _size(payload[:end]) is None:
        return payload
    pieces: list[bytes] = []
    start = 0
    while (end := payload.find(b"\r\n", start)) >= 0:
        size = _size(payload[start:end])
        if size is None:
            return None
        if size == 0:
            return b"".join(pieces)
        piece = payload[end + 2 : end + 2 + size]
        start = end + 2 + size + 2
        if len(piece) != size or payload[start - 2 : start] != b"\r\n":
            return None
        pieces.append(piece)
    return None


def _size(line: bytes) -> int | None:
    """The size of a chunk, as the line before it says; None where it says none."""
    number = line.partition(b";")[0].strip()
    try:
        return int(number, 16) if number[:1].isalnum() and len(number) < 9 else None
    except ValueError:
        return None


def _fault(told: Callable[[str], str | None], block: bytes, *, whole: bool) -> str | None:
    """Why the record's bytes cannot be those that the site sent."""
    cut = told("WARC-Truncated")
    if cut:
        return f"the capture was cut off when it was made ({cut})"
    digest = told("WARC-Block-Digest")
    if digest and not _fits(digest, block):
        return "the capture is damaged: its bytes are not those of its digest"
    return None if whole else "the chunked body is cut off before its end"


def _fits(digest: str, block: bytes) -> bool:
    """Whether the digest is that of the block; also where nobody here can tell."""
    name, _, value = digest.partition(":")
    algorithm = name.lower().replace("-", "")
    if algorithm not in ("md5", "sha1", "sha256", "sha512"):
        return True
    real = hashlib.new(algorithm, block, usedforsecurity=False)
    if value.lower() == real.hexdigest():
        return True
    try:
        wanted = base64.b32decode(value.upper() + "=" * (-len(value) % 8))
    except ValueError:
        return False
    return wanted == real.digest()
