"""Rows for machines: JSON lines and CSV, the same columns in the same order."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence


def json_lines(rows: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """One object a line, in ASCII: no character of a headline reaches a terminal as it is."""
    for row in rows:
        yield json.dumps(row, allow_nan=False) + "\n"


def csv_lines(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """A head line, then a line a row. None is empty; flags are separated by blanks."""
    yield _csv_line(columns)
    for row in rows:
        yield _csv_line([_cell(row[name]) for name in columns])


def _cell(value: object) -> object:
    return " ".join(value) if isinstance(value, list | tuple) else value


def _csv_line(cells: Sequence[object]) -> str:
    buffer = io.StringIO(newline="")
    # With the standard's own line end, so that a lone "\r" in a cell is quoted too.
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue().removesuffix("\r\n") + "\n"
