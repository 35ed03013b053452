"""What a body says, in TallyTrail's own words: frozen records without any behaviour.

Votes and electoral votes are whole numbers or None. **None means "not published" and is never 0.**
Times are aware UTC datetimes. A record never carries our own facts about a look (when it was
fetched, by whom): those belong to the fetch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

Verdict = Literal["accepted", "stale", "unconfirmed", "rejected"]
Outcome = Literal["new", "unchanged", "refused", "failed"]
Value = int | float | str | None
CandidateKind = Literal["person", "option", "write_in", "aggregate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The votes of one candidate in one place of one race, as shown now.

    candidate: the source's own id (`"8639"`), else the last name in lower case (`"trump"`).
    name: the candidate's name as printed.
    votes: counted votes, 0 to 300 million; None when not published.
    electoral_votes: electors won, 0 to 538; None when not published or not a race of electors.
    last_name: in lower case, where `candidate` is the source's own id; pages without ids are
        joined by it. None where `candidate` is the last name itself.
    party: as the source prints it; None when not published.
    kind: what gets the votes.
    """

    candidate: str
    name: str
    votes: int | None
    electoral_votes: int | None = None
    last_name: str | None = None
    party: str | None = None
    kind: CandidateKind = "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class RaceState:
    """One race in one place, as one body shows it.

    race: slug (`president`, `senate/az`). place: code (`us`, `us/fl`, `us/fl/12001`, `us/me-02`).
    place_name: as printed; None when not published.
    title: of the race, as printed, where its slug has no words for it; titles change, slugs do not.
    source_updated_at: the outlet's own time for these figures; None when it gives none.
    tallies: in the page's order, which means nothing; matched by candidate only.
    projection: the candidate whom the outlet calls the winner; None when it has made no call.
    expected_vote_pct: percent of the expected vote that is counted, 0 to 100 (real ones have
        passed 100); None when not published.
    precincts_pct: percent of the precincts that report, as the source publishes it, 0 to 100 (real
        ones have passed 100 a little); None when not published. It is no estimate, and says
        nothing of the expected vote: a precinct that reports may have votes left to count.
        Both percents are floats, whole ones too: the file gives them back as 45.0.
    runoff: the candidates whom the outlet sends to a runoff.
    status: of the race, as the source prints it; None when not published.
    last_close_at: when the last polls close there; None when not published.
    seats: the electors that the place has to give; None when not published.
    doubt: what on the page speaks against believing it yet (a mark of a test); None otherwise.
    electors_by_order: the electoral votes stand apart from the names, so that only the order of
        both tells whose they are.
    """

    race: str
    place: str
    source_updated_at: datetime | None
    tallies: tuple[Tally, ...]
    projection: str | None = None
    expected_vote_pct: float | None = None
    precincts_pct: float | None = None
    runoff: frozenset[str] = frozenset()
    status: str | None = None
    last_close_at: datetime | None = None
    seats: int | None = None
    place_name: str | None = field(default=None, compare=False)
    title: str | None = field(default=None, compare=False)
    doubt: str | None = field(default=None, compare=False)
    electors_by_order: bool = field(default=False, compare=False)

    def tally(self, candidate: str) -> Tally | None:
        """The candidate's tally, or None when the candidate is not in this state."""
        return next((t for t in self.tallies if t.candidate == candidate), None)


class Percent(NamedTuple):
    """A percent that says how far the count of a race in a place is; each moves by itself.

    name: in RaceState and in tables. field, kind: of its changes. called: in messages. of: its
    value in whatever has it by its name; None when not published.
    """

    name: str
    field: str
    kind: str
    called: str
    of: Callable[[Any], float | None]


def _percent(name: str, field: str, kind: str, called: str) -> Percent:
    return Percent(name, field, kind, called, attrgetter(name))


EXPECTED_VOTE = _percent(
    "expected_vote_pct", "expected_vote_pct", "expected_vote_changed", "expected vote"
)
PRECINCTS = _percent("precincts_pct", "precincts", "precincts_changed", "precincts reporting")

#: All of them, in the order in which they are told.
PERCENTS = (EXPECTED_VOTE, PRECINCTS)

#: The values of all of them in a state. Nearly always they are as before, which is told at once.
percents_of: Callable[[RaceState], tuple[float | None, ...]] = attrgetter(
    *(percent.name for percent in PERCENTS)
)


#: The parts of an article that are compared, each alone.
ARTICLE_FIELDS = ("headline", "dek", "byline", "body", "published_at", "modified_at")

#: Where on a page a field may stand, the one to believe first: the page's own data, JSON-LD, what
#: the reader sees, OpenGraph.
ORIGINS = ("state", "jsonld", "markup", "opengraph")


def first_told(reading: Mapping[str, str | None]) -> str | None:
    """The value of the first of ORIGINS that has one; None when none has."""
    return next((reading[o] for o in ORIGINS if reading.get(o) is not None), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """One story, as one body shows it.

    id: the outlet's numeric id, as text. url: canonical. section: None when unknown.
    readings: for each of ARTICLE_FIELDS, what each of ORIGINS says; None where the origin is on
        the page and leaves it empty; no key where it is absent or never tells that field.
        Kept apart because an origin that comes or goes between two looks must not look like an
        edit of the story. Bylines are names joined by "; ", bodies are paragraphs joined by an
        empty line, times have the text form of `instant_text`.
    """

    id: str
    url: str
    section: str | None
    readings: Mapping[str, Mapping[str, str | None]]

    def value(self, name: str) -> str | None:
        """The field as the first origin that has it tells it; None when no origin does."""
        return first_told(self.readings.get(name, {}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A part of a page that could not be accepted.

    part: `race`, `article`, or `page` when nothing on it could be read.
    race, place: codes, when part is `race` and they are known.
    reason: what is wrong, naming the field and the text that was found.
    """

    part: Literal["page", "race", "article"]
    reason: str
    verdict: Verdict = "rejected"
    race: str | None = None
    place: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A story that a discovery page names: the outlet's numeric id, and the address given."""

    article: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All that one body says. Each part stands alone: a refused race does not touch the article.

    links: only on discovery pages, in the page's order; None on other pages.
    id_scheme: whose ids the candidates' keys are (`ap`), where they are ids.
    unknown: JSON paths (`races[].candidates[].foo`) of fields that the parser does not know.
    """

    races: tuple[RaceState, ...] = ()
    article: Article | None = None
    refusals: tuple[Refusal, ...] = ()
    links: tuple[Link, ...] | None = None
    id_scheme: str | None = None
    unknown: tuple[str, ...] = ()


class Change(NamedTuple):
    """One row of the log: what moved, from what to what.

    kind: one of KINDS, or `first` for a first sight, which is no change. field: what moved.
    candidate: None for a race's own figures and for articles. old, new: None when there was or is
    no value. delta: new - old, None where either is None or they are not numbers.
    """

    kind: str
    field: str
    candidate: str | None = None
    old: Value = None
    new: Value = None
    delta: int | float | None = None
    flags: tuple[str, ...] = ()


#: Every kind that this version records, with what it says. `changes --kind` takes these words.
KINDS: Mapping[str, str] = MappingProxyType(
    {
        "votes_increased": "a candidate's votes rose, or were published for the first time",
        "votes_decreased": "a candidate's votes fell",
        "electoral_votes_changed": "the electors won by a candidate moved",
        "expected_vote_changed": "the percent of the expected vote that is counted moved",
        "precincts_changed": "the percent of precincts that report moved",
        "status_changed": "the outlet gives the race another status",
        "poll_closing_changed": "the outlet gives another time for the last polls to close",
        "projection_made": "the outlet called the race",
        "projection_retracted": "the outlet took its call back",
        "projection_changed": "the outlet called the race for somebody else",
        "candidate_added": "a candidate appeared in a race already known",
        "candidate_removed": "a page no longer shows a candidate whom it had shown",
        "candidate_renamed": "the outlet spells a candidate's name otherwise",
        "race_added": "a race appeared on a page already looked at",
        "race_removed": "a page no longer shows a race that it had shown",
        "article_added": "a story appeared on a discovery page already looked at",
        "headline_changed": "the story's headline was edited",
        "dek_changed": "the line below the headline was edited, added or dropped",
        "byline_changed": "the named authors changed",
        "body_changed": "the story's paragraphs were edited",
        "published_time_changed": "the outlet moved the story's publication time",
        "modified_time_changed": "the outlet moved the story's time of last change",
    }
)


def refused_page(reason: str) -> Snapshot:
    """What a body says of which nothing could be read."""
    return Snapshot(refusals=(Refusal(part="page", reason=reason),))


#: The kinds of notes, which are no changes, with what they say.
NOTES: Mapping[str, str] = MappingProxyType(
    {
        "transient": "values that were not believed, and were gone before they were confirmed",
        "witness_disagrees": "a page shows lastingly something else than the pages that lead",
        "sums_differ": "the parts of a race do not add up to it",
        "unknown_field": "a field that the parser does not know",
    }
)

#: Kinds by which something is taken back or vanishes. With what goes down (a delta below 0) they
#: are the first that a desk has to look at.
ALARMING = (
    "projection_retracted",
    "projection_changed",
    "candidate_removed",
    "race_removed",
)


def instant_text(moment: datetime) -> str:
    """The one text form of an instant: UTC, milliseconds, `Z`; text order is time order.

    Raises ValueError for a naive datetime.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone")
    return _utc_text(moment if moment.tzinfo is UTC else moment.astimezone(UTC))


@lru_cache(maxsize=4096)  # a look that moves fifty races has few different times
def _utc_text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instant(text: str) -> datetime:
    """The instant that `instant_text` wrote. Raises ValueError for any text without a zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment.astimezone(UTC)
