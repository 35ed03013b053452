"""Times as people type them: in options, and in the forms of the saved questions. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from storage.reports.printable import printable

_BACK = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def moment(text: str, now: datetime) -> datetime:
    """The instant that is meant, in UTC.

    text: an ISO date or time, UTC unless it names its zone, or a time back from `now` such as
    `24h` (s, m, h, d). Raises ValueError, with the text in its message, for anything else.
    """
    back = _BACK.fullmatch(text)
    try:
        if back:
            return now - timedelta(**{_UNITS[back[2]]: int(back[1])})
        meant = datetime.fromisoformat(text)
        return (meant if meant.tzinfo else meant.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f'"{printable(text)}" is neither a time like 2024-11-05T23:07Z nor one like 24h'
        ) from error
