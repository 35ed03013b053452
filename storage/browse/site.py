"""Our own pages in Datasette: the first one, and one for each change. Reads the tables only."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from storage import evidence, queries
from storage.browse.urls import Urls
from storage.evidence import ArticleState, FetchFacts
from storage.figures import ranked
from storage.queries import Filter, LogRow
from storage.records import EXPECTED_VOTE, PRECINCTS, RaceState, instant
from storage.reports.edits import Edit, counted, paragraph_edits, paragraphs
from storage.reports.looks import looks
from storage.reports.pages import render
from storage.reports.told import told_look, told_notes, told_offices, told_unconfirmed
from storage.reports.wording import coverage_words, duration, local_time

#: The latest notes on the first page.
MOST_NOTES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A saved question: its address, what it asks, and what is known of the answer at a glance."""

    address: str
    title: str
    glance: str


def landing_page(connection: sqlite3.Connection, urls: Urls) -> str:
    """What this is, how fresh it is, and the questions with their answers at a glance."""
    zones = list(queries.timezones(connection).values())
    zone = ZoneInfo(zones[0]) if zones else None
    coverage = queries.coverage(connection, Filter())
    glance = queries.glance(connection)
    last = coverage.last and zone and local_time(coverage.last, zone)
    good = glance.last_good_look
    notes, notes_in_all = told_notes(connection, MOST_NOTES)
    return render(
        "landing.html",
        urls=urls,
        coverage=coverage_words(coverage, zone),
        last_look=last or "never",
        last_good_look=local_time(instant(good), zone) if good and zone else "none yet",
        newest=glance.newest_change and zone and local_time(instant(glance.newest_change), zone),
        changes=glance.changes,
        head=evidence.chain_head(connection),
        unconfirmed=told_unconfirmed(connection),
        offices=told_offices(connection),
        notes=notes,
        notes_left_out=notes_in_all - len(notes),
        questions=_questions(
            urls, glance, coverage, zone, doubts=len(queries.unconfirmed(connection))
        ),
    )


def _questions(
    urls: Urls,
    glance: queries.Glance,
    coverage: queries.Coverage,
    zone: ZoneInfo | None,
    *,
    doubts: int,
) -> list[Question]:
    span = {}
    if coverage.first is not None and coverage.last is not None:
        span = {
            "since": f"{coverage.first:%Y-%m-%dT%H:%M:%SZ}",
            "until": "",
        }
    gap = coverage.longest_gap
    silent = "" if gap is None else f"The longest gap was {duration(gap)}."
    watched = coverage_words(coverage, zone)
    lead = counted(glance.lead_changes, "time")
    asked: list[tuple[str, dict[str, str], str, str]] = [
        (
            "decreases",
            {},
            "Did any count go down, and why?",
            f"{counted(glance.falls, 'fall')} of votes, electors or percents,"
            f" {counted(glance.removals, 'candidate')} taken off."
            if glance.falls or glance.removals
            else f"No: none was seen to, in {watched}.",
        ),
        (
            "projections",
            {},
            "When was each race projected, and by how much was the leader ahead?",
            f"{counted(glance.projections, 'row')}, with what stood there at our first look.",
        ),
        (
            "who_called_first",
            {},
            "Who called each race first, and by how much did others lag?",
            "All outlets side by side.",
        ),
        (
            "results_now",
            {"race": "", "state": ""},
            "How does each state stand?",
            "The tallies now, of a race, an office or a state.",
        ),
        (
            "where_unconfirmed",
            {},
            "Where is it unconfirmed?",
            f"{counted(doubts, 'result or page', 'results or pages')} now."
            if doubts
            else "Nowhere.",
        ),
        ("suspect_moves", {}, "Which moves look wrong?", "The 200 largest that are flagged."),
        (
            "story_versions",
            {"article": ""},
            "What did a story say before it was edited?",
            f"{counted(glance.edits, 'edit')} of {counted(glance.stories, 'story', 'stories')}.",
        ),
        (
            "what_changed",
            span,
            "What changed between two times?",
            f"{counted(glance.changes, 'change')} since the first look; choose your hours.",
        ),
        ("biggest_moves", span, "What were the biggest moves?", "The 100 largest, up or down."),
        (
            "lead_changes",
            {},
            "When did the lead change?",
            f"It was seen to change {lead}." if glance.lead_changes else "It was never seen to.",
        ),
        ("longest_silence", {}, "What was the longest silence?", silent),
        (
            "state_as_of",
            {"moment": "", "place": ""},
            "What was the count at a given moment?",
            "The tallies as they stood then.",
        ),
    ]
    return [
        Question(address=urls.query(name, **values), title=title, glance=known)
        for name, values, title, known in asked
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a state: what it is about, its values, and whether it moved at this look."""

    name: str
    values: Sequence[str]
    moved: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """The state that one of the two looks showed, with the look itself."""

    title: str
    look: FetchFacts | None
    lines: Sequence[Line]


def change_page(connection: sqlite3.Connection, number: int, urls: Urls) -> str | None:
    """One change: both states side by side, its looks, the outlet's clock, the chain, its story.

    None when there is no such change.
    """
    row = queries.change(connection, number)
    if row is None:
        return None
    rows = queries.changes_of_look(connection, row)
    (look,) = looks(connection, [rows])
    told = told_look(look)
    edits: Sequence[Edit] = ()
    texts: tuple[Sequence[str], Sequence[str]] = ((), ())
    if look.before is not None and look.after is not None:
        before, after = look.before, look.after
        sides = (_race_lines(before, after), _race_lines(after, before))
        columns = ["Votes", "Electoral votes"]
    else:
        old, new = evidence.article_states(connection, row)
        sides = (_article_lines(old, new), _article_lines(new, old))
        columns = ["Text"]
        texts = (paragraphs(old.body if old else None), paragraphs(new.body))
        edits = paragraph_edits(*texts)
    first = None if row.fetch_before is None else evidence.fetch_facts(connection, row.fetch_before)
    return render(
        "change.html",
        urls=urls,
        row=row,
        told=next(change for change in told.rows if change.id == number),
        look=told,
        columns=columns,
        sides=(
            Side(title="Before", look=first, lines=sides[0]),
            Side(
                title="After",
                look=evidence.fetch_facts(connection, row.fetch),
                lines=sides[1],
            ),
        ),
        edits=edits,
        texts=zip(("before", "after"), texts, strict=True),
        clock=_clock(row, look.zone),
        links=evidence.links_of(connection, row.recorded_by),
        head=evidence.chain_head(connection),
        story=evidence.story_on_page(connection, row),
        others=[change for change in told.rows if change.id != number],
    )


def _clock(row: LogRow, zone: ZoneInfo) -> str:
    if row.source_updated_at is None:
        return "the outlet gave no time"
    return f"{local_time(instant(row.source_updated_at), zone)} ({row.source_updated_at})"


def _race_lines(state: RaceState, other: RaceState) -> list[Line]:
    lines = []
    for tally in ranked(state.tallies):
        there = other.tally(tally.candidate)
        called = ", projected" if state.projection == tally.candidate else ""
        moved = there is None or (there.votes, there.electoral_votes) != (
            tally.votes,
            tally.electoral_votes,
        )
        call_moved = (state.projection == tally.candidate) != (other.projection == tally.candidate)
        lines.append(
            Line(
                name=f"{tally.name}{called}",
                values=[_number(tally.votes), _number(tally.electoral_votes)],
                moved=moved or call_moved,
            )
        )
    for percent, name in ((EXPECTED_VOTE, "Expected vote in"), (PRECINCTS, "Precincts reporting")):
        value, there_too = percent.of(state), percent.of(other)
        if percent is PRECINCTS and value is None and there_too is None:
            continue  # most sources publish none
        shown = "not published" if value is None else f"{value:g}%"
        lines.append(Line(name=name, values=[shown, ""], moved=value != there_too))
    return lines


def _number(value: int | None) -> str:
    return "not published" if value is None else f"{value:,}"


def _article_lines(state: ArticleState | None, other: ArticleState | None) -> list[Line]:
    names = ("headline", "dek", "byline", "published_at", "modified_at")
    return [
        Line(
            name=name.replace("_", " "),
            values=[value if (value := getattr(state, name, None)) is not None else "none"],
            moved=getattr(state, name, None) != getattr(other, name, None),
        )
        for name in names
    ]
