"""One change in words, for every report that is no table of figures. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from storage.figures import leaders, margin
from storage.queries import Coverage, LogRow, ResultRow
from storage.records import ALARMING, RaceState, instant
from storage.reports.edits import counted, paragraph_edits, paragraphs, summary


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One change in words. Texts that came from elsewhere stand in them as they came.

    who: the candidate, "count" for a race's own figures; empty for stories. old, new, delta:
    formatted, empty when there is none. alarm: it goes down, is taken back or vanishes.
    """

    who: str
    old: str
    new: str
    delta: str
    flags: tuple[str, ...]
    alarm: bool


def told(row: LogRow, zone: ZoneInfo, names: Mapping[str, str]) -> Told:
    """The change in words. names: of the race's candidates by key, for projections."""
    who = "" if row.race is None else row.candidate_name or "count"
    old, new = (_value(row.field, value, zone, names) for value in (row.old, row.new))
    if row.field == "body":
        old, new = "", summary(paragraph_edits(paragraphs(row.old), paragraphs(row.new)))
    delta = ""
    if row.delta is not None:
        points = f"{row.delta:+g} point{'' if abs(row.delta) == 1 else 's'}"
        delta = points if row.field == "expected_vote_pct" else f"{row.delta:+,}"
    return Told(
        who=who,
        old=old,
        new=new,
        delta=delta,
        flags=tuple(flag.replace("_", " ") for flag in row.flags),
        alarm=row.kind in ALARMING or (row.delta is not None and row.delta < 0),
    )


def _value(field: str, value: object, zone: ZoneInfo, names: Mapping[str, str]) -> str:
    if value is None:
        return "" if field in ("set", "presence") else "none"
    if field == "expected_vote_pct":
        return f"{value:g}%" if isinstance(value, int | float) else str(value)
    if field in ("published_at", "modified_at"):
        return local_time(instant(str(value)), zone)
    if field in ("projection", "set"):
        return names.get(str(value), str(value))
    return f"{value:,}" if isinstance(value, int) else str(value)


def sentence(row: LogRow, zone: ZoneInfo, names: Mapping[str, str]) -> str:
    """The change in one line, such as "Trump: 75,337,035 votes (+268,469)"."""
    t = told(row, zone, names)
    flags = "".join(f" [{flag}]" for flag in t.flags)
    fell = "down to " if row.delta is not None and row.delta < 0 else ""
    text = {
        "votes_increased": f"{t.who}: {t.new} votes ({t.delta or 'first published'})",
        "votes_decreased": f"{t.who}: votes fell to {t.new} ({t.delta})",
        "electoral_votes_changed": f"{t.who}: {fell}{t.new} electoral votes, was {t.old}",
        "expected_vote_changed": f"{fell}{t.new} of the expected vote in, was {t.old}",
        "projection_made": f"Projected: {t.new}",
        "projection_retracted": f"Projection retracted: {t.old}",
        "projection_changed": f"Projection changed: {t.new}, was {t.old}",
        "candidate_added": f"Candidate added: {t.new}",
        "candidate_removed": f"Candidate removed: {t.old}",
        "candidate_renamed": f"Candidate renamed: {t.new}, was {t.old}",
        "race_added": "Race added",
        "article_added": "Story added",
        "headline_changed": _edited("Headline", row, '"'),
        "dek_changed": _edited("Dek", row, '"'),
        "byline_changed": _edited("Byline", row, ""),
        "body_changed": f"Text edited: {t.new}",
        "published_time_changed": f"Publication time moved: {t.new}, was {t.old}",
        "modified_time_changed": f"Time of last change moved: {t.new}, was {t.old}",
    }[row.kind]
    return f"{text}{flags}"


def _edited(what: str, row: LogRow, quote: str) -> str:
    if row.old is None:
        return f"{what} added: {quote}{row.new}{quote}"
    if row.new is None:
        return f"{what} dropped: it was {quote}{row.old}{quote}"
    return f"{what} edited: {quote}{row.new}{quote}, was {quote}{row.old}{quote}"


def race_title(race: str, place_name: str) -> str:
    """ "President · United States"."""
    office, _, rest = race.partition("/")
    words = f"{office.capitalize()} {rest}".strip()
    return f"{words} · {place_name}"


def local_time(moment: datetime, zone: tzinfo) -> str:
    """ "12 Nov 2024 7:40 PM EST": the outlet's clock, with its zone as in force that day."""
    local = moment.astimezone(zone)
    return f"{local.day} {local:%b %Y} {clock(local)} {local:%Z}"


def clock(local: datetime, *, seconds: bool = False) -> str:
    """ "7:40 PM", "7:40:03 PM"."""
    return local.strftime("%I:%M:%S %p" if seconds else "%I:%M %p").lstrip("0")


def seen_words(row: LogRow, zone: ZoneInfo, shown: datetime | None) -> str:
    """ "seen 7:45 PM, last look before 6:05 PM"; with its day where that is not the one `shown`."""
    seen = instant(row.seen_at).astimezone(zone)
    before = instant(row.seen_after).astimezone(zone) if row.seen_after else None
    # Between times of one zone, Python does not count the hour that comes twice.
    close = row.seen_after is not None and (
        instant(row.seen_at) - instant(row.seen_after) < timedelta(minutes=2)
    )
    text = clock(seen, seconds=close)
    if shown is None or seen.date() != shown.astimezone(zone).date():
        text = f"{seen.day} {seen:%b %Y} {text}"
    if before is None:
        return f"seen {text}"
    earlier = clock(before, seconds=close)
    if before.date() != seen.date():
        earlier = f"{before.day} {before:%b %Y} {earlier}"
    return f"seen {text}, last look before {earlier}"


def standing(before: RaceState, after: RaceState, *, expected_moved: bool) -> str:
    """Who leads by how much, and how far the count is; empty when there is nothing to say."""
    parts = []
    lead, now, then = leaders(after.tallies), margin(after.tallies), margin(before.tallies)
    if len(lead) == 1 and now is not None:
        (leader,) = lead
        name = next(t.name for t in after.tallies if t.candidate == leader)
        same = then is not None and lead == leaders(before.tallies)
        moved = f" ({now - then:+,})" if same and then is not None and now != then else ""
        parts.append(f"{name} leads by {now:,}{moved}")
    elif len(lead) > 1:
        parts.append("tied")
    if after.expected_vote_pct is not None:
        pct = before.expected_vote_pct
        was = f", was {pct:g}%" if expected_moved and pct is not None else ""
        parts.append(f"{after.expected_vote_pct:g}% of expected vote in{was}")
    return " · ".join(parts)


def standing_now(rows: Sequence[ResultRow]) -> str:
    """Who leads a race in a place by how much, and how far the count is; rows: leader first."""
    top, parts = rows[0], []
    if top.margin:
        parts.append(f"{top.candidate_name} leads by {top.margin:,}")
    elif top.margin == 0 and top.votes:
        parts.append("tied")
    if top.expected_vote_pct is not None:
        parts.append(f"{top.expected_vote_pct:g}% of expected vote in")
    return " · ".join(parts)


def coverage_words(coverage: Coverage, zone: ZoneInfo | None) -> str:
    """How closely it was watched, such as "412 looks at 1 page, …, longest gap 61 s, 2 refused"."""
    if coverage.first is None or coverage.last is None or zone is None:
        return "no looks in this span"
    gap = "" if coverage.longest_gap is None else f", longest gap {duration(coverage.longest_gap)}"
    parts = f", {coverage.partly_refused:,} refused in part" if coverage.partly_refused else ""
    without = f", {coverage.without:,} that no longer showed it" if coverage.without else ""
    return (
        f"{counted(coverage.looks, 'look')} at {counted(coverage.pages, 'page')},"
        f" {local_time(coverage.first, zone)} to {local_time(coverage.last, zone)}{gap},"
        f" {coverage.refused:,} refused{parts}, {coverage.failed:,} failed{without}"
    )


def duration(span: timedelta) -> str:
    """ "4.2 s", "61 s", "5 min", "1 h 40 min", "2 d 3 h": two units at most."""
    seconds = span.total_seconds()
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"
