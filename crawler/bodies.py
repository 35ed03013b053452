"""From wire bytes to a body: whole, unpacked strictly, or refused.

Scrapy's own decompression returns as much of a cut gzip stream as it can and ignores a wrong
checksum, by design: half a page would be read as a page. Pure.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from crawler.errors import NotWhole

#: The only packing that we offer to take; one strict unpacker serves.
ACCEPT_ENCODING = "gzip"
#: Unpacked bytes, at most. The largest real results document is half of it.
LARGEST = 16 * 1024 * 1024


def unpacked(wire: bytes, *, encoding: str, flags: Iterable[str], length: str | None) -> bytes:
    """The body that the site sent.

    encoding: the Content-Encoding header, "" without one. flags: Scrapy's marks on the answer.
    length: the Content-Length header. Raises NotWhole when anything is missing, wrong or left
    over, or when the body is larger than LARGEST.
    """
    for flag in flags:
        if flag in ("dataloss", "partial"):
            raise NotWhole(f"the connection ended before the body did ({flag})")
    if length is not None and length.isdecimal() and int(length) != len(wire):
        raise NotWhole(f"{len(wire)} bytes came, Content-Length says {length}")
    packing = encoding.strip().lower()
    if packing in ("", "identity"):
        if len(wire) > LARGEST:
            raise NotWhole(f"the body has more than {LARGEST} bytes")
        return wire
    if packing not in ("gzip", "x-gzip"):
        raise NotWhole(f'the body is packed as "{encoding}", which we did not offer to take')
    return _gunzipped(wire)


def _gunzipped(wire: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        body = unpacker.decompress(wire, LARGEST + 1)
    except zlib.error as error:
        raise NotWhole(f"the gzip body is damaged: {error}") from error
    if len(body) > LARGEST:
        raise NotWhole(f"the gzip body unpacks to more than {LARGEST} bytes")
    if not unpacker.eof:
        raise NotWhole("the gzip body is cut off before its end")
    if unpacker.unused_data:
        raise NotWhole(f"{len(unpacker.unused_data)} bytes follow the end of the gzip body")
    return body
