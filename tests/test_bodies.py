"""Bodies: whole and exactly what the site sent, or refused; kept so that they come back."""

from __future__ import annotations

import gzip
import hashlib
import struct
import zlib
from collections.abc import Iterable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from crawler.bodies import LARGEST, unpacked
from crawler.errors import NotWhole
from storage.archive import digest, pack, unpack

BODY = b"<html>" + b"".join(b"<p>%d</p>" % n for n in range(40)) + b"</html>"
PACKED = gzip.compress(BODY, mtime=0)
#: Where the packed data begin, and the checksum and length after them (RFC 1952).
HEADER, TRAILER = 10, len(PACKED) - 8


def received(
    wire: bytes,
    encoding: str = "gzip",
    *,
    flags: Iterable[str] = (),
    length: str | None = None,
) -> bytes:
    return unpacked(wire, encoding=encoding, flags=flags, length=length)


def flipped(wire: bytes, at: int, bit: int = 0) -> bytes:
    return wire[:at] + bytes([wire[at] ^ 1 << bit]) + wire[at + 1 :]


@given(st.binary())
def test_a_plain_body_is_what_came(body: bytes) -> None:
    assert received(body, "") == body
    assert received(body, "identity", length=str(len(body))) == body


@given(st.binary(), st.integers(0, 9))
def test_a_gzip_body_is_what_was_packed(body: bytes, level: int) -> None:
    wire = gzip.compress(body, level)
    assert received(wire, length=str(len(wire))) == body


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", " gzip ", "x-gzip"])
def test_gzip_has_several_spellings(encoding: str) -> None:
    assert received(PACKED, encoding) == BODY


@pytest.mark.parametrize("cut", range(len(PACKED)))
def test_a_gzip_body_cut_at_any_byte_is_refused(cut: int) -> None:
    with pytest.raises(NotWhole):
        received(PACKED[:cut])


@pytest.mark.parametrize("at", range(TRAILER, len(PACKED)))
def test_a_flipped_bit_in_the_trailer_is_refused(at: int) -> None:
    for bit in range(8):
        with pytest.raises(NotWhole):
            received(flipped(PACKED, at, bit))


@pytest.mark.parametrize("at", range(HEADER, TRAILER))
def test_a_flipped_bit_in_the_data_never_gives_another_body(at: int) -> None:
    for bit in range(8):
        try:
            body = received(flipped(PACKED, at, bit))
        except NotWhole:
            continue
        assert body == BODY


def test_a_trailer_with_the_right_checksum_and_a_wrong_length_is_refused() -> None:
    wrong = PACKED[:TRAILER] + struct.pack("<II", zlib.crc32(BODY), len(BODY) + 1)
    with pytest.raises(NotWhole):
        received(wrong)


@pytest.mark.parametrize(
    "wire",
    [
        pytest.param(PACKED + b"\0", id="a zero byte after the end"),
        pytest.param(PACKED + b"<!-- -->", id="text after the end"),
        pytest.param(PACKED + PACKED, id="two members"),
        pytest.param(PACKED + gzip.compress(b""), id="a second, empty member"),
        pytest.param(PACKED + PACKED[:5], id="half a second member"),
        pytest.param(b"\n" + PACKED, id="a byte before the start"),
        pytest.param(BODY, id="not packed at all"),
        pytest.param(b"", id="nothing"),
        pytest.param(zlib.compress(BODY), id="zlib"),
        pytest.param(PACKED[HEADER:TRAILER], id="deflate"),
        pytest.param(gzip.compress(PACKED)[:-1], id="packed twice and cut"),
    ],
)
def test_what_is_not_one_whole_gzip_member_is_refused(wire: bytes) -> None:
    with pytest.raises(NotWhole):
        received(wire)


@pytest.mark.parametrize(
    "encoding", ["br", "deflate", "zstd", "compress", "gzip, gzip", "gzip;q=1"]
)
def test_a_packing_that_we_did_not_offer_to_take_is_refused_and_named(encoding: str) -> None:
    with pytest.raises(NotWhole, match=encoding):
        received(PACKED, encoding)


@pytest.mark.parametrize("flag", ["dataloss", "partial"])
@pytest.mark.parametrize(("wire", "encoding"), [(BODY, ""), (PACKED, "gzip")])
def test_a_connection_that_ended_early_is_refused_whatever_came(
    wire: bytes, encoding: str, flag: str
) -> None:
    with pytest.raises(NotWhole, match=flag):
        received(wire, encoding, flags=["cached", flag])


@pytest.mark.parametrize("more", [-1, 1, 1000])
@pytest.mark.parametrize(("wire", "encoding"), [(BODY, ""), (PACKED, "gzip")])
def test_another_number_of_bytes_than_announced_is_refused(
    wire: bytes, encoding: str, more: int
) -> None:
    with pytest.raises(NotWhole, match="Content-Length"):
        received(wire, encoding, length=str(len(wire) + more))


def test_the_announced_length_is_that_of_the_packed_bytes() -> None:
    assert received(PACKED, length=str(len(PACKED))) == BODY
    with pytest.raises(NotWhole, match="Content-Length"):
        received(PACKED, length=str(len(BODY)))


def test_a_body_may_be_as_large_as_the_limit_and_no_larger() -> None:
    largest = bytes(LARGEST)
    assert received(gzip.compress(largest)) == largest
    assert received(largest, "") == largest
    with pytest.raises(NotWhole, match="more than"):
        received(gzip.compress(largest + b"\0"))
    with pytest.raises(NotWhole, match="more than"):
        received(largest + b"\0", "")


# As it is kept


@given(st.binary())
def test_a_kept_body_comes_back_as_it_was(body: bytes) -> None:
    assert unpack(pack(body)) == body


def test_a_kept_body_says_its_size_and_has_a_checksum() -> None:
    parameters = zstandard.get_frame_parameters(pack(BODY))
    assert parameters.content_size == len(BODY)
    assert parameters.has_checksum


@pytest.mark.parametrize("cut", range(len(pack(BODY))))
def test_a_kept_body_cut_at_any_byte_is_an_error(cut: int) -> None:
    with pytest.raises(zstandard.ZstdError):
        unpack(pack(BODY)[:cut])


@pytest.mark.parametrize("at", range(len(pack(BODY))))
def test_a_kept_body_with_a_flipped_bit_never_comes_back_as_another(at: int) -> None:
    for bit in range(8):
        try:
            body = unpack(flipped(pack(BODY), at, bit))
        except zstandard.ZstdError:
            continue
        assert body == BODY


@given(st.binary())
def test_the_key_of_a_body_is_its_sha256(body: bytes) -> None:
    assert digest(body) == hashlib.sha256(body).hexdigest()
