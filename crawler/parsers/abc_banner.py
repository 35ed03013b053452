"""ABC News' live results banner of 2024, which stood above the headline of every story.

Its markup was never captured, only its text, so it is found by its landmarks: short texts of
their own, whatever the elements around them.

    Your Voice Your Vote 2024 / Live results / Updated: Nov. 12, 6:00 PM ET
    National Election Results: presidential / Projection: Trump is President-elect
    226 / 312 / 226 / 312 / Harris / 71,900,392 / 270 to win / Trump / 75,068,566
    Expected vote reporting: 95%

Electoral votes stand Democrat then Republican, as the names do. Nothing in it is guessed: what
does not fit, or fits in two ways, refuses the banner as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar

from bs4 import Tag
from bs4.element import NavigableString

from crawler.errors import NotUnderstood
from crawler.parsers.markup import fold, shown_texts, text_of
from crawler.parsers.values import count, eastern_without_year, percent
from storage.records import RaceState, Tally

# Layouts may print a text in capitals.
TITLE = re.compile(r"Your Voice,? Your Vote ([0-9]{4})", re.IGNORECASE)
UPDATED = re.compile(r"Updated: ?(.*)", re.IGNORECASE)
LABEL = re.compile(r"National Election Results: ?(.*)", re.IGNORECASE)
PROJECTION = re.compile(r"(?:[a-z]+ icon )?Projection: ?(.*)", re.IGNORECASE)
WINNER = re.compile(r"(.+) is President-elect", re.IGNORECASE)
NEEDED = re.compile(r"(?:([^ ]+) )?to win", re.IGNORECASE)
EXPECTED = re.compile(r"Expected vote reporting:? ?(.*)", re.IGNORECASE)
FURNITURE = re.compile(
    r"Live results|(democrats|republicans|independents|others) icon", re.IGNORECASE
)
VOTES = re.compile(r"(.+) votes", re.IGNORECASE)
T = TypeVar("T")
NAME = re.compile(r"[^\W\d_][^\W\d_ .'’-]*(?:[ .'’-]+[^\W\d_]+)*\.?")

#: What may follow a last name.
SUFFIXES = ("jr", "sr", "ii", "iii", "iv")

#: Race slug by the word after "National Election Results:"; others were never seen.
RACES = {"presidential": "president"}
ELECTORS = 538
MAJORITY = 270
MOST_VOTES = 300_000_000

#: Elements that hold a sentence, or a banner's text of its own.
BLOCKS = ("p", "li", "blockquote", "figcaption")
#: Longer paragraphs are prose: what looks like a landmark in them is part of a sentence.
LONGEST_LANDMARK = 80
#: A landmark's value may be spread over this many texts ("270" / "to win").
SPREAD = 5
#: The outlet's clock may run ahead of ours by this much.
SKEW = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class _Number:
    """A number as it stands in the banner. marked: "votes" follows it. at: place in the order."""

    value: int
    marked: bool
    at: int
    node: NavigableString


@dataclass(frozen=True, slots=True)
class _Name:
    """A candidate's name as printed. at: place in the order."""

    text: str
    at: int
    node: NavigableString

    @property
    def key(self) -> str:
        return last_name(self.text)


def last_name(name: str) -> str:
    """The last name in lower case: "Robert F. Kennedy Jr." is "kennedy"."""
    words = name.lower().split()
    while len(words) > 1 and words[-1].strip(".,") in SUFFIXES:
        words.pop()
    return words[-1].strip(",")


#: The landmarks that only a banner has; two of them near each other are one, damaged or not.
LANDMARKS = {
    "National Election Results": LABEL,
    "Updated": UPDATED,
    "to win": NEEDED,
    "Expected vote reporting": EXPECTED,
}
#: No more texts than this lie between two landmarks of one banner.
GAP = 20


def find_banners(tree: Tag) -> list[list[NavigableString]]:
    """The texts of each run of landmarks on the page, whole or damaged; none without a banner."""
    texts = list(_outside_prose(tree))
    lines = [fold(node) for node in texts]
    runs: list[list[int]] = []
    for at in (i for i in range(len(lines)) if _belongs(lines, i)):
        if runs and at - runs[-1][-1] <= GAP:
            runs[-1].append(at)
        else:
            runs.append([at])
    whole = [
        texts[run[0] : _end(lines, run[-1])]
        for run in runs
        if _is_banner({_kind(lines, at) for at in run})
    ]
    return whole + [[node] for node, line in zip(texts, lines, strict=True) if _run_together(line)]


def _belongs(lines: Sequence[str], at: int) -> bool:
    return _kind(lines, at) is not None or _is_call(lines, at)


def _is_banner(kinds: Set[str | None]) -> bool:
    """Two landmarks are one, damaged or not. The title is the name of all of ABC's coverage."""
    return len(kinds & LANDMARKS.keys()) >= 2 or {"title", "Updated"} <= kinds


def _kind(lines: Sequence[str], at: int) -> str | None:
    """Which landmark begins here, or the title; None where neither does."""
    return _landmark(lines[at]) or ("title" if _title(lines, at) else None)


def _is_call(lines: Sequence[str], at: int) -> bool:
    """A projection of a President-elect, maybe spread over texts."""
    if not PROJECTION.fullmatch(lines[at]):
        return False
    joined = (" ".join(lines[at:end]) for end in range(at + 1, min(at + SPREAD, len(lines)) + 1))
    return any(
        match is not None and WINNER.fullmatch(match[1])
        for match in map(PROJECTION.fullmatch, joined)
    )


def _landmark(line: str) -> str | None:
    return next((name for name, mark in LANDMARKS.items() if mark.fullmatch(line)), None)


def _run_together(line: str) -> bool:
    """A whole banner in one text: its figures cannot be told apart."""
    return LABEL.search(line) is not None and EXPECTED.search(line) is not None


def _end(lines: Sequence[str], last: int) -> int:
    """Where the last landmark of a run ends: its value may stand in the texts behind it."""
    if not EXPECTED.fullmatch(lines[last]):
        return last + 1
    try:
        return _expected_vote(lines, last)[1]
    except NotUnderstood:
        return last + 1


def parse_banners(
    banners: Sequence[Sequence[NavigableString]], *, election_date: date, fetched_at: datetime
) -> RaceState:
    """The race that the page's banners show: one, or several that say the same.

    Raises NotUnderstood when one of them does not fit, or two differ.
    """
    races = [
        _race(banner[start:end], election_date=election_date, fetched_at=fetched_at)
        for banner in banners
        for start, end in _segments([fold(node) for node in banner])
    ]
    if any(race != races[0] for race in races[1:]):
        raise NotUnderstood("the page has two banners with different figures")
    return races[0]


def _title(lines: Sequence[str], at: int) -> int | None:
    """The year of the title that begins here, maybe spread over texts; None where none does."""
    for end in range(at + 1, min(at + SPREAD, len(lines)) + 1):
        match = TITLE.fullmatch(" ".join(lines[at:end]))
        if match:
            return int(match[1])
    return None


def _outside_prose(tree: Tag) -> Iterator[NavigableString]:
    """The shown texts but those of sentences: what looks like a landmark in one is none."""
    known: dict[int, bool] = {}
    for node in shown_texts(tree):
        block = node.find_parent(BLOCKS)
        if block is not None and id(block) not in known:
            known[id(block)] = _is_prose(block)
        if block is None or not known[id(block)]:
            yield node


def _is_prose(block: Tag) -> bool:
    line = text_of(block)
    if _run_together(line):
        return False
    short = len(line) <= LONGEST_LANDMARK
    if short and (_landmark(line) or PROJECTION.fullmatch(line)):
        return False
    marks = {_landmark(fold(text)) for text in shown_texts(block)} - {None}
    # Nobody writes all of a banner's landmarks into one sentence.
    return len(marks) < len(LANDMARKS) if marks else not short


def _segments(lines: Sequence[str]) -> list[tuple[int, int]]:
    """Where each banner of a run begins and ends. Raises NotUnderstood where one is not whole."""
    if any(_run_together(line) for line in lines):
        raise NotUnderstood("the banner's landmarks stand in one text, which cannot be taken apart")
    for name, mark in LANDMARKS.items():
        if not any(mark.fullmatch(line) for line in lines):
            raise NotUnderstood(f'"{name}" is missing from the banner')
    segments = []
    begin = 0
    for last in (i for i, line in enumerate(lines) if EXPECTED.fullmatch(line)):
        label = next((i for i in range(begin, last) if LABEL.fullmatch(lines[i])), None)
        if label is None:
            raise NotUnderstood('"National Election Results" is missing before the expected vote')
        titles = [i for i in range(begin, label) if _title(lines, i)]
        if not titles:
            raise NotUnderstood('the title "Your Voice Your Vote" with its year is missing')
        _, begin = _expected_vote(lines, last)
        segments.append((titles[-1], begin))
    for at in range(len(lines)):
        # Left out, it would look as if the call had been taken back.
        if _is_call(lines, at) and not any(start <= at < end for start, end in segments):
            raise NotUnderstood("a projection stands outside the banner, not within it")
    return segments


def _value(
    what: str, mark: re.Pattern[str], lines: Sequence[str], at: int, fits: Callable[[str], T | None]
) -> tuple[T, int]:
    """The value behind a landmark, in its own text or the next ones, and where it ends.

    Raises NotUnderstood, with what was found, when no run of texts fits.
    """
    match = mark.fullmatch(lines[at])
    assert match is not None
    text, end = match[1], at + 1
    found = text
    while True:
        value = fits(text) if text else None
        if value is not None:
            return value, end
        if end >= len(lines) or end > at + SPREAD:
            break
        text = f"{text} {lines[end]}".strip()
        found = found or lines[end]
        end += 1
    raise NotUnderstood(f'{what} cannot be read: "{found[:80]}"' if found else f"{what} is missing")


def _expected_vote(lines: Sequence[str], at: int) -> tuple[float, int]:
    def fits(text: str) -> float | None:
        pct = percent(text)
        return pct if pct is not None and pct <= 200 else None

    return _value("the expected vote", EXPECTED, lines, at, fits)


def _race(
    texts: Sequence[NavigableString], *, election_date: date, fetched_at: datetime
) -> RaceState:
    """The race that one banner shows. Raises NotUnderstood when it does not fit."""
    lines = [fold(node) for node in texts]
    year = _title(lines, 0)
    if year != election_date.year:
        raise NotUnderstood(f"the title's year is {year}, the election's is {election_date.year}")
    label = next(i for i, line in enumerate(lines) if LABEL.fullmatch(line))
    race, begin = _value("the race", LABEL, lines, label, lambda text: RACES.get(text.lower()))
    figures = _Figures(texts, lines)
    for above in (i for i in range(label) if PROJECTION.fullmatch(lines[i])):
        figures.take(above)
    while begin < len(lines):
        begin = figures.take(begin)
    if not figures.needed:
        raise NotUnderstood('"to win" is missing from the banner')
    tallies, by_order = _tallies(figures.names, figures.numbers)
    return RaceState(
        race=race,
        place="us",
        source_updated_at=_updated(lines, election_date, fetched_at),
        tallies=tallies,
        projection=_called(figures.winner, figures.names),
        expected_vote_pct=figures.expected,
        electors_by_order=by_order,
    )


class _Figures:
    """What stands in a banner behind its label, collected text by text."""

    def __init__(self, texts: Sequence[NavigableString], lines: Sequence[str]) -> None:
        self._texts, self._lines = texts, lines
        self.names: list[_Name] = []
        self.numbers: list[_Number] = []
        self.winner: str | None = None
        self.expected: float | None = None
        self.needed = False

    def take(self, at: int) -> int:
        """Take what begins at `at`, and tell where the next begins. Raises NotUnderstood."""
        line = self._lines[at]
        if EXPECTED.fullmatch(line):
            self.expected, end = _expected_vote(self._lines, at)
        elif PROJECTION.fullmatch(line):
            if self.winner is not None:
                raise NotUnderstood("there are two projections")
            self.winner, end = _value("the projection", PROJECTION, self._lines, at, _winner)
        elif at + 1 < len(self._lines) and self._lines[at + 1].lower() == "to win":
            end = self._take_needed(line, at + 2)
        elif match := NEEDED.fullmatch(line):
            end = self._take_needed(match[1] or "nothing", at + 1)
        elif any(character.isdigit() for character in line):
            end = self._take_number(line, at)
        else:
            end = self._take_word(line, at)
        return end

    def _take_needed(self, text: str, end: int) -> int:
        if text != str(MAJORITY):
            raise NotUnderstood(f'"to win" should say {MAJORITY}: "{text[:80]}"')
        self.needed = True
        return end

    def _take_number(self, line: str, at: int) -> int:
        marked = VOTES.fullmatch(line)
        value = count(marked[1] if marked else line)
        if value is None or value > MOST_VOTES:
            beside = f"the number beside {self.names[-1].text}" if self.names else "electoral votes"
            raise NotUnderstood(f'{beside} cannot be read: "{line[:80]}"')
        follows = at + 1 < len(self._lines) and self._lines[at + 1].lower() == "votes"
        self.numbers.append(_Number(value, bool(marked) or follows, at, self._texts[at]))
        return at + (2 if follows else 1)

    def _take_word(self, line: str, at: int) -> int:
        if FURNITURE.fullmatch(line):
            return at + 1
        if not NAME.fullmatch(line) or line.lower() == "votes":
            where = f" beside {self.names[-1].text}" if self.names else ""
            raise NotUnderstood(f'unexpected text{where}: "{line[:80]}"')
        self.names.append(_Name(line, at, self._texts[at]))
        return at + 1


def _updated(lines: Sequence[str], election_date: date, fetched_at: datetime) -> datetime:
    found = [i for i, line in enumerate(lines) if UPDATED.fullmatch(line)]
    if len(found) != 1:
        what = "stands twice in" if found else "is missing from"
        raise NotUnderstood(f'"Updated" {what} the banner')

    def fits(text: str) -> datetime | None:
        return eastern_without_year(text, election_date)

    moment, _ = _value("Updated", UPDATED, lines, found[0], fits)
    if moment > fetched_at + SKEW:
        raise NotUnderstood(
            f"Updated is {moment:%Y-%m-%d %H:%MZ}, later than our look at"
            f" {fetched_at:%Y-%m-%d %H:%MZ}"
        )
    return moment


def _winner(text: str) -> str | None:
    match = WINNER.fullmatch(text)
    return match[1] if match else None


def _called(winner: str | None, names: Sequence[_Name]) -> str | None:
    if winner is None:
        return None
    key = last_name(winner)
    if key not in {name.key for name in names}:
        raise NotUnderstood(f'the projection is for "{winner}", who is not on the banner')
    return key


def _tallies(names: Sequence[_Name], numbers: Sequence[_Number]) -> tuple[tuple[Tally, ...], bool]:
    """The tallies, and whether the electoral votes stand before all names, apart from them."""
    if len(names) < 2:
        shown = ", ".join(n.text for n in names) or "none"
        raise NotUnderstood(f"names of candidates are missing, found: {shown}")
    if len({name.key for name in names}) != len(names):
        raise NotUnderstood(f"a name stands twice: {', '.join(n.text for n in names)}")
    pairs = _by_order(names, numbers) or _by_element(names, numbers)
    electors = [pair[0].value for pair in pairs]
    if sum(electors) > ELECTORS:
        raise NotUnderstood(f"electoral votes add up to {sum(electors)}, over {ELECTORS}")
    tallies = tuple(
        Tally(candidate=n.key, name=n.text, votes=votes.value, electoral_votes=electors.value)
        for n, (electors, votes) in zip(names, pairs, strict=True)
    )
    return tallies, all(electors.at < names[0].at for electors, _ in pairs)


_Pairs = list[tuple[_Number, _Number]]  # electoral votes, votes; in the order of the names


def _by_order(names: Sequence[_Name], numbers: Sequence[_Number]) -> _Pairs | None:
    """The pairs where the order of the texts alone tells them; None where it does not."""
    leading = [n for n in numbers if n.at < names[0].at]
    followed = [
        [n for n in numbers if name.at < n.at and (end is None or n.at < end)]
        for name, end in zip(names, [*(x.at for x in names[1:]), None], strict=True)
    ]
    return _pairs(leading, followed, names)


def _by_element(names: Sequence[_Name], numbers: Sequence[_Number]) -> _Pairs:
    """The pairs where the elements tell which number belongs to which name.

    Raises NotUnderstood where they do not.
    """
    owned: list[list[_Number]] = [[] for _ in names]
    loose: list[_Number] = []
    for number in numbers:
        owner = _owner(number, names)
        (loose if owner is None else owned[owner]).append(number)
    # The layout of 2020: electors with the names, then the popular vote, in the same order.
    if (
        all(len(own) == 1 for own in owned)
        and len(loose) == len(names)
        and all(n.at > name.at for n in loose for name in names)
    ):
        votes_by_size = any(n.value > ELECTORS for n in loose) and not any(
            own[0].marked or own[0].value > ELECTORS for own in owned
        )
        if all(n.marked for n in loose) or votes_by_size:
            return [(own[0], votes) for own, votes in zip(owned, loose, strict=True)]
    elif all(n.at < name.at for n in loose for name in names):
        pairs = _pairs(loose, owned, names)
        if pairs is not None:
            return pairs
    for name, own in zip(names, owned, strict=True):
        if not own:
            raise NotUnderstood(f"{name.text} has no votes")
    shown = ", ".join(f"{n.value:,}" for n in numbers)
    raise NotUnderstood(
        f"cannot tell whose votes and electoral votes these are: {shown}"
        f" ({', '.join(n.text for n in names)})"
    )


def _owner(number: _Number, names: Sequence[_Name]) -> int | None:
    """The only name in the smallest element around the number that holds a name at all."""
    for element in number.node.parents:
        inside = [i for i, name in enumerate(names) if element in name.node.parents]
        if inside:
            return inside[0] if len(inside) == 1 else None
    return None


def _pairs(
    leading: Sequence[_Number], owned: Sequence[Sequence[_Number]], names: Sequence[_Name]
) -> _Pairs | None:
    """Electors before the names, once or twice, and one number a name; or two numbers a name."""
    if all(len(own) == 1 for own in owned) and len(leading) in (len(names), 2 * len(names)):
        first, again = leading[: len(names)], leading[len(names) :]
        if again and [n.value for n in first] != [n.value for n in again]:
            raise NotUnderstood(
                "the electoral votes stand twice and disagree: "
                + ", ".join(str(n.value) for n in leading)
            )
        if any(n.marked for n in first):
            return None
        if not again and first[0].value and len({n.value for n in first}) == 1:
            # A tie, or what is left when one candidate's number is missing both times.
            raise NotUnderstood(
                f"whose electoral votes {first[0].value} are cannot be told, or a number is missing"
            )
        return [(e, own[0]) for e, own in zip(first, owned, strict=True)]
    if not leading and all(len(own) == 2 for own in owned):
        return _two_each(owned, names)
    return None


def _two_each(owned: Sequence[Sequence[_Number]], names: Sequence[_Name]) -> _Pairs:
    """Two numbers beside each name: the marked or the larger one is the votes, in one order."""
    orders = set()
    for first, second in owned:
        if first.marked != second.marked:
            orders.add(first.marked)
        elif (first.value > ELECTORS) != (second.value > ELECTORS):
            orders.add(first.value > ELECTORS)
    same = all(first.value == second.value for first, second in owned)
    if len(orders) != 1 and not same:
        raise NotUnderstood(
            "cannot tell votes from electoral votes beside " + " and ".join(n.text for n in names)
        )
    votes_first = orders == {True}
    return [(own[1], own[0]) if votes_first else (own[0], own[1]) for own in owned]
