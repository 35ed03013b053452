"""ABC News' presidential results page, beyond its banner: the layout of 2020, and state tables.

The page of 2024 was captured as text only, so a table is known by what stands in it, never by its
classes: candidates of the banner above the columns, states before the rows. Whether a number is a
count of votes has to be said by the page (the word "votes") or by its size; percents, leads and
electoral votes are left out, and what could be either is refused.

The states have no time of their own. The banner's is that of the national figures, and in the
outlet's feed the two differ.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date
from itertools import islice, takewhile
from typing import TypeVar

from bs4 import Tag
from bs4.element import NavigableString

from crawler.errors import NotUnderstood
from crawler.parsers.abc_banner import (
    ELECTORS,
    MOST_VOTES,
    PROJECTION,
    SUFFIXES,
    VOTES,
    last_name,
)
from crawler.parsers.markup import fold, shown_texts, text_of
from crawler.parsers.values import count, percent
from storage.places import STATES
from storage.records import RaceState, Refusal, Tally

T = TypeVar("T")
RACE = "president"
_ADDRESS = re.compile(r"/elections/(?:([0-9]{4})-)?[^/]*presiden", re.IGNORECASE)

_AP = {
    "al": "Ala.", "az": "Ariz.", "ar": "Ark.", "ca": "Calif.", "co": "Colo.", "ct": "Conn.",
    "de": "Del.", "dc": "D.C.", "fl": "Fla.", "ga": "Ga.", "il": "Ill.", "in": "Ind.",
    "ks": "Kan.", "ky": "Ky.", "la": "La.", "md": "Md.", "ma": "Mass.", "mi": "Mich.",
    "mn": "Minn.", "ms": "Miss.", "mo": "Mo.", "mt": "Mont.", "ne": "Neb.", "nv": "Nev.",
    "nh": "N.H.", "nj": "N.J.", "nm": "N.M.", "ny": "N.Y.", "nc": "N.C.", "nd": "N.D.",
    "ok": "Okla.", "or": "Ore.", "pa": "Pa.", "ri": "R.I.", "sc": "S.C.", "sd": "S.D.",
    "tn": "Tenn.", "vt": "Vt.", "va": "Va.", "wa": "Wash.", "wv": "W.Va.", "wi": "Wis.",
    "wy": "Wyo.",
}  # fmt: skip
_STATES = {
    **{name.lower(): code for code, name in STATES.items()},
    **{short.lower(): code for code, short in _AP.items()},
    **{f"washington{comma} {dc}": "dc" for comma in (",", "") for dc in ("d.c.", "dc")},
}
_TOTALS = frozenset(
    {"total", "totals", "united states", "u.s.", "us", "usa", "nation", "national", "nationwide",
     "national total", "u.s. total", "all states"}
)  # fmt: skip
#: Maine and Nebraska give electors by district, which is a place of its own.
_DISTRICT = re.compile(r"(maine|me|nebraska|neb\.?|ne)\b.*[0-9].*", re.IGNORECASE)
#: Electors, as they may stand behind a state's name.
_SEATS = re.compile(r"\(?[0-9]{1,2} (electoral votes|electors|evs?)\)?", re.IGNORECASE)
_MARKS = "*†‡§¹²³ "
_DASHES = frozenset({"-", "–", "—", "--"})

_WORD = re.compile(r"[^\W_]+(?:[-.'’][^\W_]+)*|%")
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")
_PARTIES = {
    **dict.fromkeys(("democrat", "democrats", "democratic", "dem", "dems"), "democrat"),
    **dict.fromkeys(("republican", "republicans", "rep", "reps", "gop"), "republican"),
}
_LETTERS = {"d": "democrat", "r": "republican"}
_OF_VOTES = frozenset({"votes", "vote", "total", "popular", "count", "counted"})
_OF_PERSONS = frozenset({"i", "inc", "incumbent", *SUFFIXES})
_NOT_VOTES = frozenset(
    {"%", "pct", "percent", "percentage", "share", "lead", "leads", "leading", "margin", "swing",
     "change", "shift", "ahead", "behind", "electoral", "electors", "ev", "evs", "odds", "chance",
     "chances", "forecast", "expected", "early", "absentee", "mail", "poll", "polls", "since"}
)  # fmt: skip
_OTHER_RACE = re.compile(
    r"\b(senate|senators?|(?<!white )house|governors?|gubernatorial|congress\w*|primary|primaries"
    r"|caucus\w*)\b",
    re.IGNORECASE,
)
_THIS_RACE = re.compile(r"\bpresiden", re.IGNORECASE)
_OTHER_PLACE = re.compile(r"\b(county|counties|parish|city|town)\b", re.IGNORECASE)
_ICON = re.compile(r"(democrat|republican)s? icon(?: (.*))?", re.IGNORECASE)

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_HIDDEN = ("head", "noscript", "template", "textarea", "select")
_MOST_COLUMNS = 60
#: A cell with more texts than this holds no single number and no name of a state.
_MOST_PIECES = 8
_LONGEST_QUOTE = 80


@dataclass(slots=True)
class Table:
    """A table's own rows, without those of tables in it. about: heading above it, and caption."""

    element: Tag
    about: str
    rows: list[list[Tag]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Column:
    """What the header says of a column. votes: it says so; left_out: it says something else."""

    candidate: str
    votes: bool
    left_out: bool


@dataclass(frozen=True, slots=True)
class _Cell:
    """What stands below a candidate. votes: a count, None for anything else; text: as printed."""

    text: str
    votes: int | None
    marked: bool = False
    percent: bool = False

    @property
    def blank(self) -> bool:
        return not self.text or self.text in _DASHES


def take_tables(tree: Tag) -> list[Table]:
    """The page's tables in its order. Those with rows of states leave the tree.

    Call it before looking for the banner: a table's texts are no part of it, and its header may
    look like a landmark.
    """
    tables: dict[int, Table] = {}
    heading = ""
    for element in tree.find_all((*_HEADINGS, "table", "tr", "caption")):
        if element.name in _HEADINGS:
            heading = text_of(element)
        elif element.name == "table":
            if not any(parent.name in _HIDDEN for parent in element.parents):
                tables[id(element)] = Table(element, heading)
        elif (table := tables.get(id(element.find_parent("table")))) is not None:
            if element.name == "caption":
                table.about += f" {text_of(element)}"
            else:
                table.rows.append(element.find_all(("td", "th"), recursive=False))
    found = list(tables.values())
    for table in found:
        if any(_state(row) for row in table.rows):
            table.element.extract()
    return found


def results_of(
    tree: Tag,
    tables: Sequence[Table],
    *,
    banner: RaceState | None,
    refused: bool,
    texts: Set[int],
    url: str,
    election_date: date,
) -> tuple[tuple[RaceState, ...], tuple[Refusal, ...]]:
    """All races that the page shows, and what of them is refused.

    banner: the race that its banner shows; None without one, or where it is refused. texts: the
    nodes of the banner's texts.
    """
    races: list[RaceState] = [] if banner is None else [banner]
    refusals: list[Refusal] = []
    address = _ADDRESS.search(url)
    fault = _other_election(address, election_date)
    known, parties = banner, None if banner is None else _by_order(tree, banner)
    if address is not None and not refused:
        try:
            dated = _dated(tree)
        except NotUnderstood as error:
            # What cannot be read contradicts nothing.
            dated = None
            if banner is None:
                refusals.append(_refusal("us", f"results of 2020's layout: {error}"))
        if dated is not None:
            race, by_class = dated
            if banner is None and fault:
                refusals.append(_refusal("us", f"results of 2020's layout: {fault}"))
            elif banner is None:
                races, known, parties = [race], race, by_class
            elif difference := _difference(banner, race):
                races, refusals = [], [_refusal("us", f"results banner: {difference}")]
                same = {t.candidate for t in banner.tallies} == {t.candidate for t in race.tallies}
                known, parties = (banner, by_class) if same else (None, None)
            else:
                parties = by_class
    states, more = _states(tables, known, parties, texts, fault, election_date.year)
    return (*races, *states), (*refusals, *more)


def _refusal(place: str | None, reason: str) -> Refusal:
    return Refusal(part="race", race=RACE, place=place, reason=reason)


def _other_election(address: re.Match[str] | None, election_date: date) -> str:
    """Why the page is not of this presidential election, by its address; empty when it may be."""
    if address is None:
        return "the page's address does not say that it is of the presidential race"
    if address[1] is not None and int(address[1]) != election_date.year:
        return f"the page's address says {address[1]}, the election's year is {election_date.year}"
    return ""


# The layout of 2020


def _dated(tree: Tag) -> tuple[RaceState, Mapping[str, str]] | None:
    """The race by the classes of 2020, and its candidates by party; None without that layout.

    The layout may stand on the page more than once. Raises NotUnderstood when a part of it is
    missing, cannot be read or differs from its copy.
    """
    if tree.select_one(".BalanceOfPower, .BalanceOfPowerContainer") is None:
        return None
    people = [(_party(e, "Candidate"), e) for e in tree.find_all(class_="Candidate")]
    popular = [(_party(e, "PopVote"), e) for e in tree.find_all(class_="PopVote")]
    if not people and not popular:
        return None
    votes: dict[str, int] = {}
    for party, element in popular:
        text = text_of(element)
        marked = VOTES.fullmatch(text)
        _once(votes, party, _whole(marked[1] if marked else text, f"popular vote of {party}s"))
    tallies: dict[str, Tally] = {}
    for party, element in people:
        name, electors = (
            " / ".join(text_of(part) for part in element.find_all(class_=f"Candidate__{what}"))
            for what in ("Name", "Votes")
        )
        if not name:
            raise NotUnderstood(f"the name of the {party}s' candidate is missing")
        if party not in votes:
            raise NotUnderstood(f"{name} has no popular vote")
        tally = Tally(
            candidate=last_name(name),
            name=name,
            votes=votes[party],
            electoral_votes=_whole(electors, f"electoral votes of {name}"),
        )
        _once(tallies, party, tally)
    if len({t.candidate for t in tallies.values()}) < 2 or tallies.keys() != votes.keys():
        shown = ", ".join(t.name for t in tallies.values()) or "none"
        raise NotUnderstood(f"names of candidates are missing, found: {shown}")
    electors_given = sum(t.electoral_votes for t in tallies.values() if t.electoral_votes)
    if electors_given > ELECTORS:
        raise NotUnderstood(f"electoral votes add up to {electors_given}, over {ELECTORS}")
    race = RaceState(race=RACE, place="us", source_updated_at=None, tallies=tuple(tallies.values()))
    return race, {party: tally.candidate for party, tally in tallies.items()}


def _party(element: Tag, what: str) -> str:
    """The party in a class such as "Candidate--democrat", in the singular."""
    kinds = [str(kind) for kind in element.get_attribute_list("class") if kind]
    found = {
        kind.removeprefix(f"{what}--").removesuffix("s")
        for kind in kinds
        if kind.startswith(f"{what}--") and kind != f"{what}--rightAligned"
    }
    if len(found) != 1:
        raise NotUnderstood(f"no single party in the classes of a {what}: {' '.join(kinds)[:80]}")
    return found.pop()


def _whole(text: str, what: str) -> int:
    value = count(text)
    if value is None or value > MOST_VOTES:
        found = f'cannot be read: "{text[:_LONGEST_QUOTE]}"' if text else "is missing"
        raise NotUnderstood(f"{what}: {found}")
    return value


def _once(known: dict[str, T], party: str, value: T) -> None:
    if known.setdefault(party, value) != value:
        raise NotUnderstood(f"two copies of the {party}s' figures differ")


def _difference(banner: RaceState, dated: RaceState) -> str:
    """In what the two layouts of one page contradict each other; empty when they agree."""
    shown = [
        {t.candidate: (t.electoral_votes, t.votes) for t in race.tallies}
        for race in (banner, dated)
    ]
    if shown[0] == shown[1]:
        return ""
    said = [
        ", ".join(f"{t.name} {t.electoral_votes} / {t.votes:,}" for t in race.tallies)
        for race in (banner, dated)
    ]
    return f"it says {said[0]}, and the layout of 2020 on the same page says {said[1]}"


# Tables of states


def _by_order(tree: Tag, banner: RaceState) -> Mapping[str, str]:
    """The banner's two candidates by party: Democrat then Republican, as its numbers stand.

    Empty where there are more, or where the party's icon beside the projection says otherwise.
    """
    if len(banner.tallies) != 2:
        return {}
    first, second = (tally.candidate for tally in banner.tallies)
    parties = {"democrat": first, "republican": second}
    party = _party_of_projection(tree)
    if party is not None and banner.projection is not None and parties[party] != banner.projection:
        return {}
    return parties


def _party_of_projection(tree: Tag) -> str | None:
    """The party whose icon stands before the projection; None without one."""
    party = None
    for node in tree.descendants:
        if isinstance(node, Tag):
            icon = _ICON.fullmatch(fold(str(node.get("alt") or ""))) if node.name == "img" else None
            party = icon[1].lower() if icon else party
        elif type(node) is NavigableString and (line := fold(node)):
            icon = _ICON.fullmatch(line)
            if icon:
                party, line = icon[1].lower(), icon[2] or ""
            if line and PROJECTION.fullmatch(line) and party:
                return party
            party = party if icon and not line else None
    return None


def _states(
    tables: Sequence[Table],
    banner: RaceState | None,
    parties: Mapping[str, str] | None,
    texts: Set[int],
    fault: str,
    year: int,
) -> tuple[list[RaceState], list[Refusal]]:
    """The races that the tables show by state. A state that is shown twice must be the same."""
    shown: dict[str, RaceState] = {}
    refused: dict[str, str] = {}
    whole: list[str] = []
    for table in tables:
        try:
            if banner is None:
                _no_candidates(table)
                continue
            reader = _Reader(table, banner, parties or {}, year)
            if not reader.has_results or _holds(table, texts):
                continue
            if fault:
                raise NotUnderstood(fault)
            races, faults = reader.read()
        except NotUnderstood as error:
            whole.append(str(error))
            continue
        for race in races:
            if shown.setdefault(race.place, race) != race:
                faults.setdefault(race.place, "stands twice with different figures")
        for place, reason in faults.items():
            if place:
                reason = f"{STATES[place.removeprefix('us/')]} {reason}"
            refused.setdefault(place, reason)
    refusals = [_refusal(None, f"state table: {reason}") for reason in dict.fromkeys(whole)]
    refusals += [
        _refusal(place or None, f"state table: {reason}") for place, reason in refused.items()
    ]
    return [race for place, race in shown.items() if place not in refused], refusals


def _no_candidates(table: Table) -> None:
    """Raises NotUnderstood for a table of counts by state when nobody says whose they are."""
    for row in table.rows:
        if _state(row) and any(_has_number(cell) for cell in row[1:]):
            raise NotUnderstood("no banner could be read that tells whose votes these are")


class _Reader:
    """Reads one table for a banner's candidates."""

    def __init__(
        self, table: Table, banner: RaceState, parties: Mapping[str, str], year: int
    ) -> None:
        self._names = {tally.candidate: tally.name for tally in banner.tallies}
        self._parties = parties
        self._year = str(year)
        rows = [row for row in table.rows if any(_pieces(cell) for cell in row)]
        self._header, titles, self._body = _parts(rows)
        self._about = " ".join([table.about, *(" ".join(_pieces(cell)) for cell in titles)])
        words = [_words(" ".join(_pieces(cell))) for row in self._header for cell in row]
        self._mentioned = {who for found in words for who in self._whom(found)}
        self._by_name = any(word in self._names for found in words for word in found)
        self._other_race = _OTHER_RACE.search(self._about) is not None

    @property
    def has_results(self) -> bool:
        """Whether two candidates stand above its columns, and it is of this race and by state."""
        if len(self._mentioned) < 2 or (self._other_race and not _THIS_RACE.search(self._about)):
            return False
        years = _YEAR.findall(self._about)
        if years and self._year not in years:
            return False
        return not any(_OTHER_PLACE.search(" ".join(_pieces(row[0]))) for row in self._header)

    def read(self) -> tuple[list[RaceState], dict[str, str]]:
        """The races by state, and what is wrong with others, by place; "" for no state's rows.

        Raises NotUnderstood when the table as a whole cannot be told.
        """
        if self._other_race and not self._by_name:
            raise NotUnderstood(f'what race it is of cannot be told: "{self._about[:80]}"')
        columns = self._columns()
        owned = self._owned(columns)
        if not owned:
            return [], {}  # percents, leads, electors
        used = [at for ats in owned.values() for at in ats]
        rows: list[tuple[str, dict[str, list[_Cell]]]] = []
        faults: dict[str, str] = {}
        strange: list[str] = []
        for row in self._body:
            state = _state(row)
            if state is not None:
                place = f"us/{state}"
                fault = _misfit(row, len(columns))
                if fault:
                    faults.setdefault(place, fault)
                    continue
                cells = {who: [_cell(row[at]) for at in ats] for who, ats in owned.items()}
                rows.append((place, cells))
            elif any(_cell(row[at]).votes is not None for at in used if at < len(row)):
                first = " ".join(_pieces(row[0])).rstrip(_MARKS + ":")
                if first.lower() not in _TOTALS and not _DISTRICT.fullmatch(first):
                    strange.append(first)
        if len(strange) > len(rows) + len(faults):
            raise NotUnderstood(f"rows of figures do not begin with a state: {_some(strange)}")
        labelled = all(c is not None and c.votes for c in (columns[at] for at in used))
        every = [cell for _, cells in rows for own in cells.values() for cell in own]
        if not rows and not faults:
            if self._body and labelled:
                raise NotUnderstood("no row begins with a state")
            return [], {}
        if not labelled:
            if all(cell.percent or cell.blank for cell in every) and not faults:
                return [], {}  # percents only
            largest = max((cell.votes for cell in every if cell.votes is not None), default=0)
            if every and largest <= ELECTORS and not any(cell.marked for cell in every):
                raise NotUnderstood(
                    "its numbers may be votes, electoral votes or percents: the header does not"
                    f" say, and the largest is {largest}"
                )
        if strange:
            faults[""] = f"a row of figures does not begin with a state: {_some(strange)}"
        return self._races(rows, faults), faults

    def _races(
        self, rows: Sequence[tuple[str, dict[str, list[_Cell]]]], faults: dict[str, str]
    ) -> list[RaceState]:
        """One race a row. A row that does not fit goes into `faults`."""
        races: list[RaceState] = []
        for place, cells in rows:
            try:
                nothing = all(cell.blank for own in cells.values() for cell in own)
                tallies = tuple(
                    Tally(candidate=who, name=name, votes=None if nothing else _votes(name, own))
                    for who, own in cells.items()
                    for name in (self._names[who],)
                )
            except NotUnderstood as error:
                faults.setdefault(place, str(error))
                continue
            races.append(RaceState(race=RACE, place=place, source_updated_at=None, tallies=tallies))
        return races

    def _whom(self, words: Sequence[str]) -> set[str]:
        """The candidates whom a header cell names, by name or by party."""
        named = {word for word in words if word in self._names}
        by_party = {_PARTIES[word] for word in words if word in _PARTIES}
        by_party |= {_LETTERS[word] for word in words if named and word in _LETTERS}
        return named or {self._parties.get(party, party) for party in by_party}

    def _columns(self) -> list[_Column | None]:
        """What stands below which candidate; None for columns of none. Raises NotUnderstood."""
        return [self._column(cells) for cells in _grid(self._header)]

    def _column(self, cells: Sequence[str]) -> _Column | None:
        who: set[str] = set()
        votes = left_out = False
        unknown = ""
        for text in cells:
            words = _words(text)
            named = self._whom(words)
            who |= named
            left_out |= any(
                word in _NOT_VOTES or (_YEAR.fullmatch(word) and word != self._year)
                for word in words
            )
            votes |= "votes" in words
            if self._contradicts(words):
                raise NotUnderstood(f'"{text[:_LONGEST_QUOTE]}" is not the party of the banner')
            if named and any(word in self._names for word in words):
                # A first name may stand before the last name.
                at = max(i for i, word in enumerate(words) if word in self._names)
                words = [word for word in words[at + 1 :] if word not in _LETTERS]
            strange = [word for word in words if not self._is_known(word)]
            unknown = unknown or (text if strange else "")
        if left_out or not who:
            return _Column("", False, True) if who else None
        if len(who) > 1 or unknown:
            above = " / ".join(text for text in cells if text)[:_LONGEST_QUOTE]
            raise NotUnderstood(f'what stands below "{above}" cannot be told')
        (candidate,) = who
        if candidate not in self._names:
            raise NotUnderstood(f"who the {candidate}s' candidate is cannot be told")
        return _Column(candidate, votes, False)

    def _is_known(self, word: str) -> bool:
        return word in _OF_VOTES or word in _OF_PERSONS or word in _PARTIES or word == self._year

    def _contradicts(self, words: Sequence[str]) -> bool:
        """Whether a name stands beside a party that is another candidate's."""
        named = {word for word in words if word in self._names}
        parties = {(_PARTIES | _LETTERS)[w] for w in words if w in _PARTIES or w in _LETTERS}
        return bool(named) and any(
            party in self._parties and self._parties[party] not in named for party in parties
        )

    def _owned(self, columns: Sequence[_Column | None]) -> dict[str, list[int]]:
        """The columns with votes by candidate; none when no column has any.

        Raises NotUnderstood when a candidate has two, or none where others have one.
        """
        owned: dict[str, list[int]] = {}
        for at, column in enumerate(columns):
            if column is not None and not column.left_out:
                owned.setdefault(column.candidate, []).append(at)
        for who, ats in owned.items():
            labelled = [at for at in ats if (c := columns[at]) is not None and c.votes]
            if len(labelled) > 1:
                raise NotUnderstood(f"{self._names[who]} has two columns of votes")
            owned[who] = labelled or ats
        for who in sorted(self._mentioned - owned.keys()) if owned else ():
            raise NotUnderstood(f"{self._names.get(who, who)} has no column of votes")
        return owned


def _words(text: str) -> list[str]:
    return [word.replace("’", "'") for word in _WORD.findall(text.lower())]


def _pieces(cell: Tag) -> list[str]:
    """The texts of a cell, without footnotes' marks."""
    if cell.find("table") is not None:
        return ["(a table)"]
    shown = (node for node in shown_texts(cell) if not _is_footnote(node, cell))
    texts = (fold(node).strip(_MARKS) for node in islice(shown, _MOST_PIECES + 1))
    return [text for text in texts if text]


def _is_footnote(node: NavigableString, cell: Tag) -> bool:
    return any(e.name == "sup" for e in takewhile(lambda e: e is not cell, node.parents))


def _holds(table: Table, texts: Set[int]) -> bool:
    """Whether some of these texts stand in the table's own cells."""
    own = (cell for row in table.rows for cell in row if cell.find("table") is None)
    return any(id(node) in texts for cell in own for node in shown_texts(cell))


def _state(row: Sequence[Tag]) -> str | None:
    """The postal code in lower case of the state that a row begins with; None for other rows."""
    pieces = [p for p in _pieces(row[0]) if not _SEATS.fullmatch(p)] if row else []
    codes = {_state_named(piece) for piece in pieces}
    return codes.pop() if len(codes) == 1 else None


def _state_named(text: str) -> str | None:
    code = text.lower()
    # In lower case most codes are words ("in", "or").
    return code if code in STATES and text.isupper() else _STATES.get(code)


def _parts(rows: Sequence[list[Tag]]) -> tuple[list[list[Tag]], list[Tag], list[list[Tag]]]:
    """The rows of the header, the cells of titles among them, and all rows below."""
    header: list[list[Tag]] = []
    titles: list[Tag] = []
    for at, row in enumerate(rows):
        first = " ".join(_pieces(row[0])).lower().rstrip(_MARKS + ":")
        if _state(row) or first in _TOTALS:
            return header, titles, list(rows[at:])
        if len(row) == 1:
            titles += row
        elif all(cell.name == "th" or _is_in_head(cell) for cell in row):
            header.append(row)
        elif not header and not any(_has_number(cell) for cell in row):
            return [row], titles, list(rows[at + 1 :])  # without a header's elements: one row
        else:
            return header, titles, list(rows[at:])
    return header, titles, []


def _is_in_head(cell: Tag) -> bool:
    return any(parent.name == "thead" for parent in islice(cell.parents, 2))


def _has_number(cell: Tag) -> bool:
    """Whether a count or a percent is in the cell; a year is none."""
    return any(
        percent(piece) is not None or (count(piece) is not None and not _YEAR.fullmatch(piece))
        for piece in (_bare(piece) for piece in _pieces(cell))
    )


def _bare(piece: str) -> str:
    marked = VOTES.fullmatch(piece)
    return (marked[1] if marked else piece).removeprefix("(").removesuffix(")")


def _cell(cell: Tag) -> _Cell:
    """One count, beside which percents and the word "votes" may stand; or only percents."""
    pieces = _pieces(cell)
    text = " ".join(pieces)[:_LONGEST_QUOTE]
    marked = any(VOTES.fullmatch(p) or p.lower() == "votes" for p in pieces)
    numbers = [_bare(piece) for piece in pieces if piece.lower() != "votes"]
    others = [number for number in numbers if percent(number) is None]
    votes = count(others[0]) if len(others) == 1 else None
    return _Cell(
        text=text,
        votes=votes if votes is not None and votes <= MOST_VOTES else None,
        marked=marked and votes is not None,
        percent=bool(numbers) and not others,
    )


def _votes(name: str, cells: Sequence[_Cell]) -> int:
    """The one count among the cells below a candidate. Raises NotUnderstood otherwise."""
    counts = [cell.votes for cell in cells if cell.votes is not None]
    if len(counts) == 1 and all(cell.votes is not None or cell.percent for cell in cells):
        return counts[0]
    found = " | ".join(cell.text for cell in cells)[:_LONGEST_QUOTE]
    raise NotUnderstood(f'has votes of {name} that cannot be read: "{found}"')


def _misfit(row: Sequence[Tag], width: int) -> str:
    """Why the row's cells cannot be given to columns; empty when they can."""
    if any((_span(cell, "colspan"), _span(cell, "rowspan")) != (1, 1) for cell in row):
        return "has a cell that spans others"
    if len(row) != width:
        found = " | ".join(" ".join(_pieces(cell)) for cell in row[: _MOST_PIECES + 1])
        return f'has {len(row)} cells, the header has {width}: "{found[:_LONGEST_QUOTE]}"'
    return ""


def _span(cell: Tag, name: str) -> int | None:
    """How many columns or rows a cell takes; None for what is no such number."""
    value = str(cell.get(name, "1")).strip()
    return int(value) if re.fullmatch(r"[0-9]{1,3}", value, re.ASCII) else None


def _grid(header: Sequence[Sequence[Tag]]) -> list[list[str]]:
    """The texts above each column, from top to bottom. Raises NotUnderstood for odd spans."""
    taken: dict[tuple[int, int], str] = {}
    for down, row in enumerate(header):
        across = 0
        for cell in row:
            while (down, across) in taken:
                across += 1
            wide, high = _span(cell, "colspan"), _span(cell, "rowspan")
            if not wide or not high or across + wide > _MOST_COLUMNS or down + high > len(header):
                raise NotUnderstood("a cell of the header spans what the header does not have")
            text = " ".join(_pieces(cell))
            for x in range(across, across + wide):
                for y in range(down, down + high):
                    if (y, x) in taken:
                        raise NotUnderstood("two cells of the header stand in one place")
                    taken[y, x] = text
    width = 1 + max((x for _, x in taken), default=-1)
    if len(taken) != width * len(header):
        raise NotUnderstood("the rows of the header have different numbers of cells")
    return [[taken[y, x] for y in range(len(header))] for x in range(width)]


def _some(texts: Sequence[str]) -> str:
    shown = ", ".join(f'"{text[:30]}"' for text in texts[:3])
    return shown if len(texts) <= 3 else f"{shown} and {len(texts) - 3} more"
