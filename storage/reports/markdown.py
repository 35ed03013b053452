"""The log as Markdown. Pure: what is told comes in, lines go out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from storage.reports.edits import counted
from storage.reports.printable import printable
from storage.reports.told import ToldChange, ToldLook, ToldOffice, ToldRace, ToldUnconfirmed

#: Not those that mean nothing in Markdown anywhere: , ; ' " % $ ? { } ^
_PUNCTUATION = re.compile(r"([-!&()*+./:<=>@\[\\\]_`|~#])")


def literal(text: str) -> str:
    """The text so that Markdown shows it as it is: no link, no emphasis, no HTML, no address."""
    return _PUNCTUATION.sub(r"\\\1", printable(text))


def log_markdown(
    looks: Sequence[ToldLook],
    offices: Sequence[ToldOffice],
    *,
    notes: Sequence[str],
    alarms: Sequence[ToldChange],
    unconfirmed: ToldUnconfirmed,
    coverage: str,
    head: str,
    left_out: int,
) -> Iterator[str]:
    """What has to be looked at, the tallies now, and the looks in the order given."""
    yield "# Election results: the change log\n"
    yield f"{literal(coverage)}.\n"
    if unconfirmed.waits or unconfirmed.others:
        yield "## Not believed, or not read\n"
        for line in unconfirmed.waits:
            yield f"- **{literal(line)}**"
        for line in unconfirmed.others:
            yield f"- {literal(line)}"
        yield ""
    if alarms:
        yield "## Went down, was taken back or vanished\n"
        for change in alarms:
            told = f"{change.sentence} · {change.title} ({change.when}; {change.seen})"
            yield f"- \\#{change.id} {literal(told)}"
        yield ""
    yield "## The tallies now\n"
    for office in offices:
        for race in office.shown:
            yield from _race(race)
        if office.others:
            yield from _others(office)
    if not offices:
        yield "No results yet.\n"
    if notes:
        yield "## Notes, which are no changes\n"
        for note in notes:
            yield f"- {literal(note)}"
        yield ""
    yield "## The log, newest first\n"
    if left_out:
        yield f"{left_out:,} earlier changes are in changes.csv and changes.jsonl.\n"
    for look in looks:
        yield from _look(look)
    if not looks:
        yield "No changes yet.\n"
    yield f"Head of the chain: `{head}`"


def _race(race: ToldRace) -> Iterator[str]:
    when = f", {race.when}" if race.when else ""
    shown = f"{race.outlet}{when}, last shown {race.shown}"
    yield f"### {literal(race.title)}\n\n{literal(shown)}\n"
    yield "| candidate | votes | electoral votes | projection |\n| --- | ---: | ---: | --- |"
    for row in race.rows:
        votes = "not published" if row.votes is None else f"{row.votes:,}"
        electors = "" if row.electoral_votes is None else str(row.electoral_votes)
        call = "projected" if row.projected else "to a runoff" if row.runoff else ""
        first = ", before our first look" if row.called_before_first_look else ""
        yield f"| {literal(row.candidate_name)} | {votes} | {electors} | {call}{first} |"
    yield f"\n{literal(race.standing)}\n"


def _others(office: ToldOffice) -> Iterator[str]:
    results = counted(len(office.others), "result")
    yield f"### {literal(office.title)}: {results}, {office.called} of them called\n"
    precincts = any(race.rows[0].precincts_pct is not None for race in office.others)
    more, line = (" precincts reporting |", " ---: |") if precincts else ("", "")
    yield f"| where | leader | votes | ahead by | expected vote in |{more} call |"
    yield f"| --- | --- | ---: | ---: | ---: |{line} --- |"
    for race in office.others:
        top = race.rows[0]
        leader = top.candidate_name if top.votes else ""
        votes = "not published" if top.votes is None else f"{top.votes:,}"
        ahead = f"{top.margin:,}" if top.margin else ""
        told = (top.expected_vote_pct, *([top.precincts_pct] if precincts else []))
        percents = ("" if pct is None else f"{pct:g}%" for pct in told)
        doubt = " (unconfirmed)" if race.unconfirmed else ""
        cells = (f"{race.place}{doubt}", leader, votes, ahead, *percents, race.call)
        yield f"| {' | '.join(map(literal, cells))} |"
    yield ""


def _look(look: ToldLook) -> Iterator[str]:
    yield f"### {literal(look.title)}\n"
    told = f"{look.when}; {look.seen}; {look.outlet}"
    yield f"{literal(told)}\n"
    for change in look.rows:
        yield from _change(change)
    if look.standing:
        yield f"\n{literal(look.standing)}"
    yield f"\nSHA-256 `{look.sha256}`" + (
        f", before that `{look.sha256_before}`\n" if look.sha256_before else "\n"
    )


def _change(change: ToldChange) -> Iterator[str]:
    text = literal(change.sentence.strip())
    yield f"- \\#{change.id} {f'**{text}**' if change.told.alarm else text}"
    for edit in change.edits:
        if edit.old is not None:
            yield f"  - before: {literal(edit.old)}"
        if edit.new is not None:
            yield f"  - after: {literal(edit.new)}"
