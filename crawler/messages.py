"""What a command says on stderr, and its exit codes."""

from __future__ import annotations

import sys

from storage.reports.printable import printable

FINE, LOOK_AT_IT, USAGE, TRY_LATER = 0, 1, 2, 75


def say(text: str) -> None:
    """One line on stderr, from us, whatever characters the text brings from elsewhere."""
    print(f"tallytrail: {printable(text)}", file=sys.stderr)
