"""What an identical body must cost: its SHA-256, and one row in one transaction."""

from __future__ import annotations

from pathlib import Path

from tests.bench.floor import connected, receipt
from tests.bench.tape import Shot


class Receipts:
    """A database of receipts."""

    def __init__(self, path: Path) -> None:
        self.connection = connected(path)

    def take(self, shot: Shot) -> int:
        receipt(self.connection, shot)
        return 0

    def close(self) -> None:
        self.connection.close()


opened = Receipts
