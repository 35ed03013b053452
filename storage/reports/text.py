"""The log and the tallies as text, as one wants them at 11 pm.

Pure: rows come in, lines go out. Every text that came from elsewhere passes `printable`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from zoneinfo import ZoneInfo

from storage.figures import ranked
from storage.places import place_in_office, race_title
from storage.queries import Coverage, LogRow, NoteRow, ResultRow, Unconfirmed
from storage.records import PERCENTS, Tally, instant
from storage.reports.edits import counted, paragraph_edits, paragraphs, summary
from storage.reports.looks import Look
from storage.reports.printable import printable
from storage.reports.wording import (
    NEWS,
    ROUTINE,
    call_words,
    coverage_words,
    flag_words,
    is_alarm,
    local_time,
    note_words,
    seen_words,
    sentence,
    standing,
    standing_now,
    unconfirmed_words,
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


#: A cell that is a figure, such as "1,200", "-8,538", "312 EV", "96% in".
_FIGURE = re.compile(r"[+-]?[0-9][0-9,.]*(%| EV|% in|% of precincts)?")


def _table(lines: Sequence[Sequence[str]], *, wide: bool = False) -> list[str]:
    """Cells in columns: the first and the last to the left, figures between them to the right.

    A column without any text is left out. wide: only columns of nothing but figures go right.
    """
    columns = [column for column in zip(*lines, strict=True) if any(column)]
    aligned = []
    for number, column in enumerate(columns):
        width = max(map(len, column))
        left = number == 0 or not any(c.isdigit() for cell in column for c in cell)
        if wide:
            left = not all(_FIGURE.fullmatch(cell) for cell in column if cell)
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
    before, after = look.before, look.after
    assert before is not None
    assert after is not None
    head = _head(look, printable(look.title), paint)
    urgent = [_event(r, look, paint) for r in look.rows if r.kind in (*NEWS, *ROUTINE)]
    if any(r.kind == "race_removed" for r in look.rows):
        return [head, *urgent]
    names = ranked(after.tallies)
    moved = {t.candidate: [r for r in look.rows if r.candidate == t.candidate] for t in names}
    fell = [t for t in names if any(r.kind == "votes_decreased" for r in moved[t.candidate])]
    shown = (*fell, *(t for t in names if t not in fell))
    table = _table(
        [_tally_cells(t, moved[t.candidate], after.projection == t.candidate) for t in shown]
    )
    ids = [_ids([r for r in moved[t.candidate] if r.field in _FIGURES]) for t in shown]
    percents = [r for r in look.rows if r.kind in _PERCENTS]
    now = standing(before, after, moved={r.kind: _flags(r) for r in percents})
    standing_lines = [f"  {printable(now)}"] if now else []
    lines = _with_ids([*table, *standing_lines], [*ids, *(_ids(percents) for _ in standing_lines)])
    for index in range(len(fell)):
        lines[index] = paint("alarm", lines[index])
    return [head, *urgent, *lines]


_FIGURES = ("votes", "electoral_votes")
_PERCENTS = frozenset(percent.kind for percent in PERCENTS)


def _event(row: LogRow, look: Look, paint: Paint, where: str = "") -> str:
    """Something that is news by itself. where: of which race, behind it."""
    style = "alarm" if is_alarm(row) else "bold"
    return paint(style, f"  {_event_text(row, look)}{where}{_flags(row)}   {_ids([row])}")


def _event_text(row: LogRow, look: Look) -> str:
    states = [state for state in (look.before, look.after) if state is not None]
    names = {t.candidate: t.name for state in states for t in state.tallies}
    who = printable(str(row.candidate_name))
    old = printable(names.get(str(row.old), str(row.old)))
    runoff = "runoff" in row.flags
    return {
        "projection_made": f"{'TO A RUNOFF' if runoff else 'PROJECTED'}: {who}",
        "projection_retracted": (
            f"{'PLACE IN THE RUNOFF' if runoff else 'PROJECTION'} RETRACTED: {who}"
        ),
        "projection_changed": f"PROJECTION CHANGED: {who}, was {old}",
        "candidate_added": f"candidate added: {who}",
        "candidate_removed": f"candidate removed: {who}",
        "candidate_renamed": f"candidate renamed: {printable(str(row.new))}, was {old}",
        "race_added": "race added",
        "race_removed": "RACE REMOVED: the page no longer shows it",
        "status_changed": f"status: {printable(str(row.new))}, was {printable(str(row.old))}",
        "poll_closing_changed": printable(sentence(replace(row, flags=()), look.zone, names)),
    }[row.kind]


def _flags(*rows: LogRow) -> str:
    return "".join(f" [{flag}]" for row in rows for flag in flag_words(row.flags))


def many_looks_text(
    moved: Sequence[Look],
    in_all: int,
    *,
    routine: Sequence[tuple[str, LogRow]],
    left_out: int,
    paint: Paint = plain,
) -> list[str]:
    """One look that moved many races and places, a line each, below what is news or an alarm.

    moved: those to show, in the order of their lines. in_all: how many it moved; left_out: how many
    of them moved by less and are not shown. routine: rows of ROUTINE of all of them, with titles.
    """
    urgent: list[tuple[int, int | float, str]] = []
    cells, ids = [], []
    for look in moved:
        where = f" · {printable(look.title)}" if look.title else ""
        names = {t.candidate: t.name for s in (look.before, look.after) if s for t in s.tallies}
        for row in look.rows:
            if row.kind in NEWS:
                urgent.append((NEWS.index(row.kind), 0, _event(row, look, paint, where)))
            elif is_alarm(row):
                told = printable(sentence(replace(row, flags=()), look.zone, names))
                text = f"  {told}{where}{_flags(row)}   {_ids([row])}"
                urgent.append((len(NEWS), row.delta or 0, paint("alarm", text)))
        rows = [r for r in look.rows if r.kind not in (*NEWS, *ROUTINE) and not is_alarm(r)]
        if rows and look.before is not None and look.after is not None:
            kinds = {r.kind: "" for r in rows}
            now = standing(look.before, look.after, moved=kinds, counted_in=" in")
            cells.append([printable(look.title), _moves(rows), printable(now)])
            ids.append(_span_of_ids(rows))
        elif rows:
            story = f'Story {rows[0].article} "{printable(look.headline or "")}"'
            cells.append([story, counted(len(rows), "change"), ""])
            ids.append(_span_of_ids(rows))
    urgent.sort(key=lambda line: line[:2])
    all_first = all(row.kind == "first" for look in moved for row in look.rows)
    what = f"{counted(in_all, 'result')} {'seen first' if all_first else 'moved'}"
    lines = [
        _head(moved[0], what, paint),
        *(text for _, _, text in urgent),
        *_routine_lines(routine, moved[0], paint),
        *_with_ids(_left_table(cells), ids),
    ]
    if left_out:
        how = "seen first" if all_first else "that moved by less"
        lines.append(f"  and {counted(left_out, 'result')} more {how}")
    return lines


#: Places of one line that are named.
MOST_NAMED = 5


def _routine_lines(
    routine: Sequence[tuple[str, LogRow]], look: Look, paint: Paint
) -> Iterator[str]:
    """What befell many races alike, a line each: "status: POLLS_CLOSED, was POLLS_OPEN"."""
    alike: dict[tuple[object, ...], list[tuple[str, LogRow]]] = {}
    for title, row in routine:
        values = (row.old, row.new) if row.field != "set" else ()
        alike.setdefault((row.kind, *values), []).append((title, row))
    for same in alike.values():
        named = "; ".join(printable(title) for title, _ in same[:MOST_NAMED])
        more = len(same) - MOST_NAMED
        where = f" · {named}{f' and {more:,} more' if more > 0 else ''}"
        text = _event_text(same[0][1], look)
        yield f"  {paint('bold', text)}{where}   {_span_of_ids([row for _, row in same])}"


def _moves(rows: Sequence[LogRow]) -> str:
    """ "Trump +20,000, Harris +18,000", the two largest; flags behind."""
    votes = [r for r in rows if r.field == "votes" and r.delta is not None]
    votes.sort(key=lambda r: -abs(r.delta or 0))
    told = [f"{printable(str(r.candidate_name))} {r.delta:+,}" for r in votes[:2]]
    told += [
        f"{printable(str(r.candidate_name))} {r.new:,} electoral votes"
        for r in rows
        if r.field == "electoral_votes" and isinstance(r.new, int)
    ]
    return ", ".join(told) + _flags(*rows)


def _span_of_ids(rows: Sequence[LogRow]) -> str:
    """ "#17", "#17 #20", "#17-#21": where they follow each other, the first and the last."""
    ids = [row.id for row in rows if row.id is not None]
    if len(ids) > 2 and ids == list(range(ids[0], ids[0] + len(ids))):
        return f"#{ids[0]}-#{ids[-1]}"
    return _ids(rows)


def _left_table(lines: Sequence[Sequence[str]]) -> list[str]:
    """Texts in columns, all to the left."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  "
        + "   ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def _tally_cells(tally: Tally, rows: Sequence[LogRow], projected: bool) -> list[str]:
    votes = next((r for r in rows if r.field == "votes"), None)
    electors = next((r for r in rows if r.field == "electoral_votes" and r.kind != "first"), None)
    notes = ["projected"] if projected else []
    if votes is not None and votes.kind == "votes_decreased":
        notes.append("votes fell")
    if votes is not None:
        notes += flag_words(votes.flags)
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
    title = printable(race_title(top.race, top.place, places))
    when = f"{local_time(instant(top.source_updated_at), zone)}   " if top.source_updated_at else ""
    head = f"{when}{title}"
    table = _table(
        [
            [
                printable(r.candidate_name),
                "votes not published" if r.votes is None else f"{r.votes:,}",
                "" if r.electoral_votes is None else f"{r.electoral_votes} EV",
                "projected" if r.projected else "to a runoff" if r.runoff else "",
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


def many_results_text(
    groups: Sequence[Sequence[ResultRow]],
    zones: Mapping[str, ZoneInfo],
    places: Mapping[str, str],
    paint: Paint = plain,
) -> Iterator[str]:
    """Many races and places, a line each, by office; groups: in their order, leaders first."""
    for (source, office), block in groupby(
        groups, key=lambda rows: (rows[0].source, rows[0].race.partition("/")[0])
    ):
        members = list(block)
        top = max((rows[0] for rows in members), key=lambda row: row.last_look)
        looked = local_time(instant(top.last_look), zones[source])
        title = printable(office.capitalize())
        yield f"{paint('bold', title)}   {printable(top.outlet)}   (last look {looked})"
        yield from _table([_result_cells(rows, places) for rows in members], wide=True)
        yield ""


def _result_cells(rows: Sequence[ResultRow], places: Mapping[str, str]) -> list[str]:
    """Place, leader, votes, margin, electors, both percents, call, status."""
    top = rows[0]
    if top.votes is None:
        leads, votes, ahead = "votes not published", "", ""
    elif not top.votes:
        leads, votes, ahead = "no votes", "", ""
    else:
        leads = "tied" if top.margin == 0 else top.candidate_name
        votes = f"{top.votes:,}"
        ahead = "" if top.margin is None or top.margin == 0 else f"+{top.margin:,}"
    pct = "" if top.expected_vote_pct is None else f"{top.expected_vote_pct:g}% in"
    precincts = "" if top.precincts_pct is None else f"{top.precincts_pct:g}% of precincts"
    return [
        printable(place_in_office(top.race, top.place, places)),
        printable(leads),
        votes,
        ahead,
        f"{top.electoral_votes} EV" if top.electoral_votes else "",
        pct,
        precincts,
        printable(call_words(rows)),
        printable(top.status or ""),
        "UNCONFIRMED" if top.unconfirmed_since else "",
    ]


#: Values that wait to be confirmed, told one by one.
MOST_UNCONFIRMED = 10


def unconfirmed_text(
    waiting: Sequence[Unconfirmed],
    zones: Mapping[str, ZoneInfo],
    places: Mapping[str, str],
    paint: Paint = plain,
) -> list[str]:
    """What pages show and the log does not have yet, a line each, the oldest first."""
    lines = [
        f"UNCONFIRMED {printable(unconfirmed_words(part, zones[part.source], places))}"
        for part in waiting[:MOST_UNCONFIRMED]
    ]
    more = len(waiting) - len(lines)
    if more > 0:
        lines.append(f"and {more:,} more UNCONFIRMED; --race and --state narrow them")
    return [paint("alarm", line) for line in lines]


def notes_text(
    notes: Sequence[NoteRow], in_all: int, zone: ZoneInfo, places: Mapping[str, str]
) -> list[str]:
    """Notes about pages, a line each, the latest last."""
    left_out = in_all - len(notes)
    more = f" (the last {len(notes)} of {in_all:,})" if left_out else ""
    return [
        f"Notes, which are no changes{more}:",
        *(f"  {printable(note_words(note, zone, places))}" for note in notes),
    ]


def coverage_text(coverage: Coverage, zone: ZoneInfo | None) -> str:
    """One line: how closely it was watched."""
    return f"Coverage: {coverage_words(coverage, zone)}"
