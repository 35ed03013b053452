"""Receives and reads bodies as looks at one page, and goes on where it was cut off.

Run by tests as a process of its own: read_looks.py DATABASE URL BODY ...
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from crawler.reading import read
from storage.database import immediate, open_for_writing
from storage.pages import page_of
from storage.receiving import Answer, receive
from storage.writing import (
    register_source,
    unread,
)

#: Seconds: about what a request takes. Without it, whoever writes first never lets the other in.
PAUSE = 0.02
BEGAN = datetime(2024, 11, 13, 12, 0, tzinfo=UTC)


def main(database: str, url: str, *bodies: str) -> None:
    connection = open_for_writing(Path(database))
    with immediate(connection):
        register_source(
            connection,
            name="abc",
            outlet="ABC News",
            election_date=date(2024, 11, 5),
            parser="abc",
            timezone="America/New_York",
        )
    for fetch in unread(connection):
        read(connection, fetch)
    page = page_of(connection, "abc", url)
    (received,) = connection.execute(
        "SELECT count(*) FROM fetch WHERE page IS ?", (page,)
    ).fetchone()
    for number in range(received, len(bodies)):
        body = Path(bodies[number]).read_bytes()
        answer = Answer(
            fetched_at=BEGAN + timedelta(minutes=number),
            status=200,
            headers=[("Content-Type", "text/html; charset=utf-8")],
            wire=body,
            body=body,
        )
        time.sleep(PAUSE)
        fetch = receive(connection, source="abc", url=url, family="story", answer=answer)
        read(connection, fetch)
    connection.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
