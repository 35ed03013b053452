"""The log and the tallies as text, as one wants them at 11 pm.

Pure: rows come in, lines go out. Every text that came from elsewhere passes `printable`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from zoneinfo import ZoneInfo

from storage.figures import ranked
from storage.queries import Coverage, LogRow, ResultRow
from storage.records import RaceState, Tally, instant
from storage.reports.edits import counted, paragraph_edits, paragraphs, summary
from storage.reports.looks import Look
from storage.reports.printable import printable
from storage.reports.wording import (
    coverage_words,
    local_time,
    race_title,
    seen_words,
    standing,
    standing_now,
)

#: Marks a text: `bold` for what names things, `alarm` for what goes down or is taken back.
Paint = Callable[[str, str], str]

#: Widest excerpt of a paragraph, in characters.
EXCERPT = 100
#: Most paragraphs shown of one edit.
PARAGRAPHS = 6

_LABELS = {
    "headline": "headline",
    "dek": "dek",
    "byline": "byline",
    "published_at": "published",
    "modified_at": "modified",
}


def plain(style: str, text: str) -> str:  # noqa: ARG001 - a Paint takes both
    """Paint for pipes and NO_COLOR: nothing."""
    return text


def _ids(rows: Sequence[LogRow]) -> str:
    return " ".join(f"#{row.id}" for row in rows if row.id is not None)


def _table(lines: Sequence[Sequence[str]]) -> list[str]:
    """Cells in columns: the first and the last to the left, figures between them to the right.

    A column without any text is left out.
    """
    columns = [column for column in zip(*lines, strict=True) if any(column)]
    aligned = []
    for number, column in enumerate(columns):
        width = max(map(len, column))
        left = number == 0 or not any(c.isdigit() for cell in column for c in cell)
        aligned.append([cell.ljust(width) if left else cell.rjust(width) for cell in column])
    return ["  " + "   ".join(row).rstrip() for row in zip(*aligned, strict=True)]


def _with_ids(lines: Sequence[str], ids: Sequence[str]) -> list[str]:
    """The lines with their ids in one column behind the longest."""
    width = max(map(len, lines), default=0)
    return [f"{line.ljust(width)}   {i}" if i else line for line, i in zip(lines, ids, strict=True)]


def look_text(look: Look, paint: Paint = plain) -> list[str]:
    """One look as lines, a head and what moved."""
    if look.after is not None:
        return _race_look(look, paint)
    return _story_look(look, paint)


def _head(look: Look, what: str, paint: Paint) -> str:
    row = look.rows[0]
    moment = instant(row.source_updated_at) if row.source_updated_at else instant(row.seen_at)
    seen = seen_words(next((r for r in look.rows if r.seen_after), row), look.zone, moment)
    when = local_time(moment, look.zone)
    return f"{paint('bold', f'{when}   {what}')}   {printable(row.outlet)}   ({seen})"


def _race_look(look: Look, paint: Paint) -> list[str]:
    row = look.rows[0]
    before, after = look.before, look.after
    assert before is not None
    assert after is not None
    head = _head(look, printable(race_title(row.race or "", look.place_name)), paint)
    urgent = [_event(r, before, after, paint) for r in look.rows if r.kind in _EVENTS]
    names = ranked(after.tallies)
    moved = {t.candidate: [r for r in look.rows if r.candidate == t.candidate] for t in names}
    fell = [t for t in names if any(r.kind == "votes_decreased" for r in moved[t.candidate])]
    shown = (*fell, *(t for t in names if t not in fell))
    table = _table(
        [_tally_cells(t, moved[t.candidate], after.projection == t.candidate) for t in shown]
    )
    ids = [_ids([r for r in moved[t.candidate] if r.field in _FIGURES]) for t in shown]
    expected = [r for r in look.rows if r.kind == "expected_vote_changed"]
    now = standing(before, after, expected_moved=bool(expected))
    standing_lines = [f"  {printable(now)}"] if now else []
    lines = _with_ids([*table, *standing_lines], [*ids, *(_ids(expected) for _ in standing_lines)])
    for index in range(len(fell)):
        lines[index] = paint("alarm", lines[index])
    return [head, *urgent, *lines]


_FIGURES = ("votes", "electoral_votes")
_EVENTS = {
    "projection_made",
    "projection_retracted",
    "projection_changed",
    "candidate_added",
    "candidate_removed",
    "candidate_renamed",
    "race_added",
}


def _event(row: LogRow, before: RaceState, after: RaceState, paint: Paint) -> str:
    names = {t.candidate: t.name for state in (before, after) for t in state.tallies}
    who = printable(str(row.candidate_name))
    old = printable(names.get(str(row.old), str(row.old)))
    text, style = {
        "projection_made": (f"PROJECTED: {who}", "bold"),
        "projection_retracted": (f"PROJECTION RETRACTED: {who}", "alarm"),
        "projection_changed": (f"PROJECTION CHANGED: {who}, was {old}", "alarm"),
        "candidate_added": (f"candidate added: {who}", "bold"),
        "candidate_removed": (f"candidate removed: {who}", "alarm"),
        "candidate_renamed": (f"candidate renamed: {printable(str(row.new))}, was {old}", "bold"),
        "race_added": ("race added", "bold"),
    }[row.kind]
    return paint(style, f"  {text}{_flags(row)}   {_ids([row])}")


def _flags(row: LogRow) -> str:
    return "".join(f" [{flag.replace('_', ' ')}]" for flag in row.flags)


def _tally_cells(tally: Tally, rows: Sequence[LogRow], projected: bool) -> list[str]:
    votes = next((r for r in rows if r.field == "votes"), None)
    electors = next((r for r in rows if r.field == "electoral_votes" and r.kind != "first"), None)
    notes = ["projected"] if projected else []
    if votes is not None and votes.kind == "votes_decreased":
        notes.append("votes fell")
    if votes is not None:
        notes += [flag.replace("_", " ") for flag in votes.flags]
    return [
        printable(tally.name),
        "votes not published" if tally.votes is None else f"{tally.votes:,}",
        "" if votes is None or votes.delta is None else f"{votes.delta:+,}",
        "" if tally.electoral_votes is None else f"{tally.electoral_votes} EV",
        "" if electors is None or electors.old is None else f"was {electors.old}",
        ", ".join(notes),
    ]


def _story_look(look: Look, paint: Paint) -> list[str]:
    row = look.rows[0]
    title = f'Story {row.article} "{printable(look.headline or "")}"'
    lines = [_head(look, title, paint)]
    for change in look.rows:
        if change.kind == "article_added":
            lines.append(f"  story added   {_ids([change])}")
        elif change.field == "body":
            lines += _body_edit(change)
        elif change.field in _LABELS:
            lines += _field_edit(change, look.zone)
    return lines


def _field_edit(row: LogRow, zone: ZoneInfo) -> list[str]:
    label = _LABELS[row.field]
    old, new = (_field_value(row.field, value, zone) for value in (row.old, row.new))
    ids = f"   {_ids([row])}" if row.id is not None else ""
    if row.kind == "first":
        return [f"  {label:<10} {new}"]
    return [f"  {label:<10} {new}{_flags(row)}{ids}", f"  {'':<10} was {old}"]


def _field_value(field: str, value: object, zone: ZoneInfo) -> str:
    if value is None:
        return "(none)"
    if field in ("published_at", "modified_at"):
        return local_time(instant(str(value)), zone)
    return printable(str(value)) if field == "byline" else f'"{printable(str(value))}"'


def _body_edit(row: LogRow) -> list[str]:
    old, new = paragraphs(row.old), paragraphs(row.new)
    if row.kind == "first":
        return [f"  {'text':<10} {counted(len(new), 'paragraph')}"]
    edits = paragraph_edits(old, new)
    shown: list[str] = []
    for edit in edits:
        start = _first_difference(edit.old, edit.new) if edit.old and edit.new else 0
        shown += [f"   - {_excerpt(edit.old, start)}"] if edit.old is not None else []
        shown += [f"   + {_excerpt(edit.new, start)}"] if edit.new is not None else []
    more = len(shown) - PARAGRAPHS
    if more > 0:
        shown = [
            *shown[:PARAGRAPHS],
            f"     and {more} more lines; --format jsonl has the whole text",
        ]
    return [f"  {'text':<10} {summary(edits)}{_flags(row)}   {_ids([row])}", *shown]


def _first_difference(a: str, b: str) -> int:
    return next(
        (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )


def _excerpt(text: str, around: int) -> str:
    """At most EXCERPT characters, beginning a little before `around`."""
    start = max(0, min(around - 30, len(text) - EXCERPT))
    cut = text[start : start + EXCERPT]
    return ("…" if start else "") + printable(cut) + ("…" if start + EXCERPT < len(text) else "")


def results_text(
    rows: Sequence[ResultRow],
    zones: Mapping[str, ZoneInfo],
    places: Mapping[str, str],
    paint: Paint = plain,
) -> list[str]:
    """One race in a place as it stands, leader first."""
    top = rows[0]
    zone = zones[top.source]
    title = printable(race_title(top.race, places[top.place]))
    when = f"{local_time(instant(top.source_updated_at), zone)}   " if top.source_updated_at else ""
    head = f"{when}{title}"
    table = _table(
        [
            [
                printable(r.candidate_name),
                "votes not published" if r.votes is None else f"{r.votes:,}",
                "" if r.electoral_votes is None else f"{r.electoral_votes} EV",
                "projected" if r.projected else "",
                "(called before our first look)" if r.called_before_first_look else "",
            ]
            for r in rows
        ]
    )
    now = standing_now(rows)
    looked = local_time(instant(top.last_look), zone)
    return [
        f"{paint('bold', head)}   {printable(top.outlet)}   (last look {looked})",
        *table,
        *([f"  {printable(now)}"] if now else []),
    ]


def coverage_text(coverage: Coverage, zone: ZoneInfo | None) -> str:
    """One line: how closely it was watched."""
    return f"Coverage: {coverage_words(coverage, zone)}"
