"""JSON without any leeway: what two readers could take for different things is refused.

Usual decoders keep the last of two equal keys in silence, take NaN, and count without bounds.
"""

from __future__ import annotations

import gc
import math
import re

import jiter

from crawler.errors import NotUnderstood

#: Bytes of a body, at most. The largest real one has a fortieth of it.
LARGEST = 16 * 1024 * 1024
#: Brackets within brackets, at most. Real bodies have ten.
DEEPEST = 64
#: Digits of a whole number, at most: what fits into 64 bits whatever they are.
LONGEST_INTEGER = 18

_BOM = b"\xef\xbb\xbf"

#: A body's bare shape: brackets, quotes, digits and exponents, each kind as one byte; all else is
#: dropped. It has a fifth of the length, and searches in it cost next to nothing.
_SHAPE = bytes.maketrans(b"{}[]123456789E", b"()()000000000e")
_SHAPELESS = bytes(byte for byte in range(256) if byte not in b'{}[]"0123456789eE')

_STRING_ESCAPES = re.compile(rb"\\.", re.DOTALL)
_NUMBER = re.compile(rb"-?([0-9]+)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


def strict_json(body: bytes) -> object:
    """The value that the bytes hold.

    Raises NotUnderstood for anything but one JSON value in UTF-8 without a byte order mark: also
    for equal keys in one object, NaN and infinities (a number too large for a float is one), half
    a surrogate pair, and bodies, nesting or whole numbers beyond the limits above.
    """
    if len(body) > LARGEST:
        raise NotUnderstood(f"the body has {len(body):,} bytes; no feed has more than {LARGEST:,}")
    if body.startswith(_BOM):
        raise NotUnderstood("the body begins with a byte order mark, which JSON has not")
    # Before decoding: long integers take a time that grows with the square of their length.
    _within_limits(body)
    try:
        return _decoded(body)
    except ValueError as error:
        raise NotUnderstood(f"the body is no strict JSON: {error!s:.200}") from None


def _decoded(body: bytes) -> object:
    # None of what the decoder makes can be garbage yet, and Python would look for it, among all
    # that is kept, every few hundred objects.
    collecting = gc.isenabled()
    gc.disable()
    try:
        value: object = jiter.from_json(
            body, catch_duplicate_keys=True, allow_inf_nan=False, cache_mode="all"
        )
    finally:
        if collecting:
            gc.enable()
    return value


def _within_limits(body: bytes) -> None:
    """Raise NotUnderstood when nesting or a number is beyond the limits.

    The quick look errs on one side only: what it lets pass is within them. What it doubts (strings
    may hold brackets and long numbers) is looked at exactly.
    """
    shape = body.translate(_SHAPE, _SHAPELESS)
    # A float is infinite from 308 digits on, of which the whole part has 18 at most here.
    if b"0" * (LONGEST_INTEGER + 1) in shape or b"0e000" in shape:
        _check_numbers(_outside_strings(body))
    brackets = shape.translate(None, b"0e")
    if b'\\"' in body or not _is_shallow(brackets):
        _check_depth(_outside_strings(body).translate(_SHAPE, _SHAPELESS + b'"0123456789eE'))


def _is_shallow(brackets: bytes) -> bool:
    """Whether brackets and quotes alone prove that nesting is within the limit.

    No quote may be escaped. Strings without brackets are empty here. When taking them away leaves
    no quote, none held a bracket: the quotes before the first that did, with its own opening one,
    would be odd in number, and one of them would be left.
    """
    return _depth_left(brackets.replace(b'""', b"")) == b""


def _depth_left(brackets: bytes) -> bytes:
    """What is left when pairs of brackets are taken away, the innermost first, DEEPEST times."""
    for _ in range(DEEPEST):
        fewer = brackets.replace(b"()", b"")
        if len(fewer) == len(brackets):
            break
        brackets = fewer
    return brackets


def _check_depth(brackets: bytes) -> None:
    left = _depth_left(brackets)
    # Unbalanced ones are the decoder's to refuse, which recurses no deeper than 200.
    if b"()" in left or left.count(b"(") > DEEPEST:
        raise NotUnderstood(f"the body nests more than {DEEPEST} levels deep")


def _check_numbers(outside: bytes) -> None:
    for match in _NUMBER.finditer(outside):
        if len(match[1]) > LONGEST_INTEGER:
            raise NotUnderstood(
                f"a number has more than {LONGEST_INTEGER} digits: {match[0][:40].decode()}"
            )
        if not math.isfinite(float(match[0])):
            raise NotUnderstood(f"a number is too large: {match[0][:40].decode()}")


def _outside_strings(body: bytes) -> bytes:
    """The body with all of its strings emptied."""
    if b"\\" in body:
        body = _STRING_ESCAPES.sub(b"", body)
    return b'""'.join(body.split(b'"')[::2])
