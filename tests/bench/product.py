"""This project without its crawler: every body received, archived, chained, read, recorded."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from crawler.parsers import PARSERS
from crawler.reading import read
from storage.database import immediate, open_for_writing
from storage.receiving import Answer, receive
from storage.writing import register_source
from tests.bench.tape import Shot

SOURCE = "abc-2024"


class Product:
    """A database with one source, as a crawl would fill it."""

    def __init__(self, path: Path) -> None:
        self.connection = open_for_writing(path)
        with immediate(self.connection):
            register_source(
                self.connection,
                name=SOURCE,
                outlet="ABC News",
                election_date=date(2024, 11, 5),
                parser="abc",
                timezone="America/New_York",
                families=("feed",),
            )

    def take(self, shot: Shot) -> int:
        fetch = receive(
            self.connection,
            source=SOURCE,
            url=shot.url,
            family="feed",
            answer=Answer(
                fetched_at=shot.seen_at,
                status=200,
                headers=[("Content-Type", "application/json")],
                wire=shot.body,
                body=shot.body,
            ),
            parser=PARSERS["abc"].NAME,
        )
        reading = read(self.connection, fetch)
        if reading.refusals or reading.reason:
            raise ValueError(f"{shot.url}: refused: {reading.reason or reading.refusals[0]}")
        return len(reading.changes)

    def close(self) -> None:
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.connection.close()


opened = Product
