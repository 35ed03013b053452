"""Bodies that are put aside until their turn comes: archives keep them by page, not by time."""

from __future__ import annotations

from tempfile import SpooledTemporaryFile

import zstandard

#: Bytes of packed bodies that stay in memory; more of them go into a file without a name.
IN_MEMORY = 32 * 1024 * 1024

Place = tuple[int, int]


class Shelf:
    """Takes bodies and gives them back. What is on it is packed, and gone when it is closed."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed by close
        self._end = 0

    def put(self, body: bytes) -> Place:
        """Where the body stands from now on."""
        frame = zstandard.ZstdCompressor(level=1).compress(body)
        self._file.seek(self._end)
        self._file.write(frame)
        place = (self._end, len(frame))
        self._end += len(frame)
        return place

    def get(self, place: Place) -> bytes:
        """The body that was put there."""
        start, size = place
        self._file.seek(start)
        return zstandard.ZstdDecompressor().decompress(self._file.read(size))

    def close(self) -> None:
        self._file.close()
