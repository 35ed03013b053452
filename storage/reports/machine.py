"""Rows for machines: JSON lines and CSV, the same columns in the same order."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from storage.reports.printable import printable_lines


def json_lines(rows: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """One object a line, in ASCII: no character of a headline reaches a terminal as it is."""
    return map(json_line, rows)


def json_line(row: Mapping[str, object]) -> str:
    """The row as one object on one line."""
    return json.dumps(row, allow_nan=False) + "\n"


def csv_lines(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """A head line, then a line a row. None is empty; flags are separated by blanks."""
    yield _csv_line(columns)
    for row in rows:
        yield csv_line(columns, row)


def csv_line(columns: Sequence[str], row: Mapping[str, object], *, safe: bool = False) -> str:
    """The row as one line. safe: for spreadsheets, see `spreadsheet_safe`."""
    cells = [_cell(row[name]) for name in columns]
    if safe:
        cells = [spreadsheet_safe(cell) if isinstance(cell, str) else cell for cell in cells]
    return _csv_line(cells)


#: What makes a spreadsheet compute a cell, in the width of East Asian keyboards too.
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # noqa: RUF001 - these very characters


def spreadsheet_safe(text: str) -> str:
    """The text as a spreadsheet may have it: an apostrophe before what looks like a formula.

    Without control characters; line ends stay. Numbers never come here: -5 stays a number.
    """
    shown = printable_lines(text)
    formula = text.startswith(_FORMULA) or shown.lstrip().startswith(_FORMULA)
    return f"'{shown}" if formula else shown


def _cell(value: object) -> object:
    return " ".join(value) if isinstance(value, list | tuple) else value


def _csv_line(cells: Sequence[object]) -> str:
    buffer = io.StringIO(newline="")
    # With the standard's own line end, so that a lone "\r" in a cell is quoted too.
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue().removesuffix("\r\n") + "\n"
