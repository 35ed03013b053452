"""One change in words, for every report that is no table of figures. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from storage.figures import leaders, margin
from storage.places import race_title
from storage.queries import Coverage, LogRow, NoteRow, ResultRow, Unconfirmed
from storage.records import (
    ALARMING,
    EXPECTED_VOTE,
    NOTES,
    PERCENTS,
    PRECINCTS,
    RaceState,
    instant,
)
from storage.reports.edits import counted, paragraph_edits, paragraphs, summary

#: Fields whose values are percents, and whose differences are points.
_PERCENTS = frozenset(percent.field for percent in PERCENTS)


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
        delta = points if row.field in _PERCENTS else f"{row.delta:+,}"
    return Told(
        who=who,
        old=old,
        new=new,
        delta=delta,
        flags=flag_words(row.flags),
        alarm=is_alarm(row),
    )


def flag_words(flags: Sequence[str]) -> tuple[str, ...]:
    """The flags as words: "before last close". `runoff` is told in the sentence itself."""
    return tuple(flag.replace("_", " ") for flag in flags if flag != "runoff")


def is_alarm(row: LogRow) -> bool:
    """It goes down, is taken back or vanishes."""
    return row.kind in ALARMING or (row.delta is not None and row.delta < 0)


#: Kinds that are news by themselves, however many votes moved; the first to be told come first.
NEWS = (
    "projection_retracted",
    "projection_changed",
    "race_removed",
    "candidate_removed",
    "projection_made",
    "candidate_added",
    "candidate_renamed",
)
#: Kinds that come for many races at once, and say little of each.
ROUTINE = ("race_added", "status_changed", "poll_closing_changed")


def size_of_move(rows: Sequence[LogRow]) -> int | None:
    """By how many votes these rows of one look moved a race; None where they have news or alarm."""
    if any(row.kind in NEWS or is_alarm(row) or row.race is None for row in rows):
        return None
    return sum(abs(int(row.delta)) for row in rows if row.field == "votes" and row.delta)


def _value(field: str, value: object, zone: ZoneInfo, names: Mapping[str, str]) -> str:
    if value is None:
        return "" if field in ("set", "presence") else "none"
    if field in _PERCENTS:
        return f"{value:g}%" if isinstance(value, int | float) else str(value)
    if field in ("published_at", "modified_at", "poll_closing"):
        return local_time(instant(str(value)), zone)
    if field in ("projection", "set"):
        return names.get(str(value), str(value))
    return f"{value:,}" if isinstance(value, int) else str(value)


def sentence(row: LogRow, zone: ZoneInfo, names: Mapping[str, str]) -> str:
    """The change in one line, such as "Trump: 75,337,035 votes (+268,469)"."""
    t = told(row, zone, names)
    flags = "".join(f" [{flag}]" for flag in t.flags)
    runoff = "runoff" in row.flags
    fell = "down to " if row.delta is not None and row.delta < 0 else ""
    text = {
        "votes_increased": f"{t.who}: {t.new} votes ({t.delta or 'first published'})",
        "votes_decreased": f"{t.who}: votes fell to {t.new} ({t.delta})",
        "electoral_votes_changed": f"{t.who}: {fell}{t.new} electoral votes, was {t.old}",
        "expected_vote_changed": f"{fell}{t.new} of the expected vote in, was {t.old}",
        "precincts_changed": f"precincts reporting {fell}{t.new}, was {t.old}",
        "status_changed": f"Status: {t.new}, was {t.old}",
        "poll_closing_changed": f"Last polls close {t.new}, was {t.old}",
        "projection_made": f"{'To a runoff' if runoff else 'Projected'}: {t.new}",
        "projection_retracted": (
            f"{'Place in the runoff' if runoff else 'Projection'} retracted: {t.old}"
        ),
        "projection_changed": f"Projection changed: {t.new}, was {t.old}",
        "candidate_added": f"Candidate added: {t.new}",
        "candidate_removed": f"Candidate removed: {t.old}",
        "candidate_renamed": f"Candidate renamed: {t.new}, was {t.old}",
        "race_added": "Race added",
        "race_removed": "Race removed",
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


def local_time(moment: datetime, zone: tzinfo) -> str:
    """ "12 Nov 2024 7:40 PM EST": the outlet's clock, with its zone as in force that day."""
    local = moment.astimezone(zone)
    return f"{local.day} {local:%b %Y} {clock(local)} {local:%Z}"


def clock(local: datetime, *, seconds: bool = False) -> str:
    """ "7:40 PM", "7:40:03 PM"."""
    return local.strftime("%I:%M:%S %p" if seconds else "%I:%M %p").lstrip("0")


def seen_words(row: LogRow, zone: ZoneInfo, shown: datetime | None) -> str:
    """ "seen 7:45 PM, last look before 6:05 PM"; with its day where that is not the one `shown`.

    With ", confirmed at 7:51 PM" where it was not believed at once.
    """
    seen = instant(row.seen_at).astimezone(zone)
    before = instant(row.seen_after).astimezone(zone) if row.seen_after else None
    # Between times of one zone, Python does not count the hour that comes twice.
    close = row.seen_after is not None and (
        instant(row.seen_at) - instant(row.seen_after) < timedelta(minutes=2)
    )
    text = clock(seen, seconds=close)
    if shown is None or seen.date() != shown.astimezone(zone).date():
        text = f"{seen.day} {seen:%b %Y} {text}"
    words = f"seen {text}"
    if before is not None:
        earlier = clock(before, seconds=close)
        if before.date() != seen.date():
            earlier = f"{before.day} {before:%b %Y} {earlier}"
        words += f", last look before {earlier}"
    if row.confirmed_at is not None:
        later = instant(row.confirmed_at).astimezone(zone)
        day = "" if later.date() == seen.date() else f"{later.day} {later:%b %Y} "
        words += f", confirmed at {day}{clock(later)}"
    return words


def standing(
    before: RaceState,
    after: RaceState,
    *,
    moved: Mapping[str, str],
    counted_in: str = " of expected vote in",
) -> str:
    """Who leads by how much, and how far the count is; empty when there is nothing to say.

    moved: by the kinds of the look's changes, the flags to show behind a percent that moved.
    counted_in: what follows the percent of the expected vote.
    """
    parts = []
    lead, now, then = leaders(after.tallies), margin(after.tallies), margin(before.tallies)
    if len(lead) == 1 and now is not None:
        (leader,) = lead
        name = next(t.name for t in after.tallies if t.candidate == leader)
        same = then is not None and lead == leaders(before.tallies)
        more = f" ({now - then:+,})" if same and then is not None and now != then else ""
        parts.append(f"{name} leads by {now:,}{more}")
    elif len(lead) > 1:
        parts.append("tied")
    for percent, told_before, told_behind in (
        (EXPECTED_VOTE, "", counted_in),
        (PRECINCTS, "precincts reporting ", ""),
    ):
        pct, stood = percent.of(after), percent.of(before)
        if pct is not None:
            was = f", was {stood:g}%" if percent.kind in moved and stood is not None else ""
            flags = moved.get(percent.kind, "")
            parts.append(f"{told_before}{pct:g}%{told_behind}{was}{flags}")
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
    if top.precincts_pct is not None:
        parts.append(f"{top.precincts_pct:g}% of precincts reporting")
    if top.status is not None:
        parts.append(f"status {top.status}")
    return " · ".join(parts)


def call_words(rows: Sequence[ResultRow]) -> str:
    """ "projected", when that is the leader; "projected: Lake", "to a runoff: Warnock, Walker"."""
    called = [row for row in rows if row.projected]
    runoff = [row.candidate_name for row in rows if row.runoff]
    if called:
        return "projected" if called[0] is rows[0] else f"projected: {called[0].candidate_name}"
    return f"to a runoff: {', '.join(runoff)}" if runoff else ""


def unconfirmed_words(part: Unconfirmed, zone: tzinfo, places: Mapping[str, str]) -> str:
    """What a page shows and the log does not have, since when, and why.

    Such as "since 5 Nov 2024 10:42 PM EST: President · Georgia: 0 votes now, 312,345 before (…)".
    """
    since = f"since {local_time(instant(part.seen_at), zone)}"
    if part.race is None or part.place is None:
        return f"{since}: {part.part} of {part.url}: {part.reason}"
    before = part.votes_before
    was = "no results before" if before is None else f"{before:,} before"
    if part.votes is None and not part.tallies:
        shown = f"not shown now, {was if before is None else f'{before:,} votes before'}"
    elif part.votes is None or part.votes != before:
        shown = f"{'no' if part.votes is None else f'{part.votes:,}'} votes now, {was}"
    else:
        figures = [f"{n} {v:,}" if v is not None else n for n, v in part.tallies[:4]]
        shown = f"{', '.join(figures)} now"
    why = "" if part.reason == shown else f" ({part.reason})"
    return f"{since}: {race_title(part.race, part.place, places)}: {shown}{why}"


def note_words(note: NoteRow, zone: tzinfo, places: Mapping[str, str]) -> str:
    """The note, with what its kind says, whose it is and how long it was so."""

    about = note.url
    if note.race is not None and note.place is not None:
        about = race_title(note.race, note.place, places)
    since, until = (local_time(instant(time), zone) for time in (note.since, note.until))
    span = since if since == until else f"{since} to {until}"
    text = note.text.removeprefix(f"{note.race} {note.place}: ")
    return f"{NOTES[note.kind].capitalize()}: {about}: {text} ({span})"


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
