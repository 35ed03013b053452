"""Numbers, dates and times as outlets print them. Strict: what does not fit is None, never 0."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

EASTERN = ZoneInfo("America/New_York")

#: strptime's month names follow the machine's locale and dateutil drops "ET" in silence, so the
#: two date forms that pages print are read with a table of our own. AP style shortens all months
#: but March to July.
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("january", "jan"),
            ("february", "feb"),
            ("march", "mar"),
            ("april", "apr"),
            ("may",),
            ("june", "jun"),
            ("july", "jul"),
            ("august", "aug"),
            ("september", "sept", "sep"),
            ("october", "oct"),
            ("november", "nov"),
            ("december", "dec"),
        ),
        start=1,
    )
    for name in names
}

_CLOCK = r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2}) ?(?P<half>[AaPp])\.?[Mm]\.?"
_MONTH_DAY = r"(?P<month>[A-Za-z]+)\.? (?P<day>[0-9]{1,2})"
_YEARLESS = re.compile(rf"{_MONTH_DAY}, {_CLOCK} (?P<zone>ET|EST|EDT)")
_DATED = re.compile(rf"{_MONTH_DAY}, (?P<year>[0-9]{{4}}), {_CLOCK}(?: (?P<zone>ET|EST|EDT))?")

_LONGEST_COUNT = 24
_COUNT = re.compile(r"[0-9]{1,3}(,[0-9]{3})*|[0-9]+")
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]+)?) ?%")

#: How far before its election a results page's year-less date may lie.
EARLIEST = timedelta(days=60)


def count(text: str) -> int | None:
    """A count of votes or electors: ASCII digits, thousands commas in place or none at all.

    None when the text is anything else; "1_000" and other digits, which int() takes, are.
    """
    if len(text) > _LONGEST_COUNT or not _COUNT.fullmatch(text):
        return None
    return int(text.replace(",", ""))


def percent(text: str) -> float | None:
    """A percent with its sign, as 0-100 (up to 999.9). None when the text is anything else."""
    match = _PERCENT.fullmatch(text)
    return float(match[1]) if match else None


def _clock(match: re.Match[str], year: int) -> datetime | None:
    month = _MONTHS.get(match["month"].lower())
    hour = int(match["hour"])
    if month is None or not 1 <= hour <= 12:
        return None
    hour = hour % 12 + (12 if match["half"].lower() == "p" else 0)
    try:
        # fold=0: of the hour that comes twice, the first. The page does not tell them apart.
        local = datetime(year, month, int(match["day"]), hour, int(match["minute"]), tzinfo=EASTERN)
    except ValueError:
        return None
    try:
        return local.astimezone(UTC)
    except OverflowError:
        return None


def eastern_without_year(text: str, election_date: date) -> datetime | None:
    """ "Nov. 12, 6:00 PM ET" as an instant: the first such date from EARLIEST before the election.

    ET, EST and EDT all mean US Eastern as in force that day. None when the text does not fit.
    """
    match = _YEARLESS.fullmatch(text)
    if match is None:
        return None
    earliest = election_date - EARLIEST
    for year in (earliest.year, earliest.year + 1):
        moment = _clock(match, year)
        if moment is not None and moment.astimezone(EASTERN).date() >= earliest:
            return moment
    return None


def eastern(text: str) -> datetime | None:
    """ "November 11, 2024, 4:22 AM" as an instant, Eastern. None when the text does not fit."""
    match = _DATED.fullmatch(text)
    return _clock(match, int(match["year"])) if match else None


def machine_time(value: object) -> datetime | None:
    """An ISO or RFC 822 time with its zone, as page data carry it. None for anything else."""
    if not isinstance(value, str):
        return None
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(value.strip())
            if moment.tzinfo is not None:
                return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return None
