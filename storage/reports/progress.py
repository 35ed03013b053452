"""A bar while a long log is written, on a terminal only."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from storage.queries import LogRow
from storage.reports.build import Progress


@contextmanager
def counted_on_a_terminal(connection: sqlite3.Connection) -> Iterator[Progress]:
    """Wraps the rows of the log; nothing where nobody watches."""
    if not sys.stderr.isatty():
        yield iter
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    total = connection.execute("SELECT count(*) FROM entry").fetchone()[0]
    with Bar(console=Console(stderr=True), transient=True) as bar:

        def counted(rows: Iterable[LogRow]) -> Iterable[LogRow]:
            return bar.track(rows, total=total, description="changes")

        yield counted
