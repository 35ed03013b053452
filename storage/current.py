"""How the races stand, for the next look to be compared with: in the file, and in memory.

What stands in memory belongs to the connection that writes (`storage.database.Writer`), which
forgets it when a transaction was rolled back or somebody else has written. So a crawl that looks at
fifty states a minute loads them once, and one that starts from cron loads what its pages show.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Literal, NamedTuple

from storage.chain import canonical
from storage.database import Writer
from storage.places import level_of, parent_of
from storage.records import RaceState, Tally, instant, instant_text
from storage.writing import Look, insert

#: Whose keys a candidate's are, until a source's own ids are known.
LAST_NAME = "last_name"

SightingVerdict = Literal["accepted", "stale", "unconfirmed", "witness", "removed"]


class Ambiguous(Exception):
    """A page does not tell which of the known candidates it means. The message names them."""


@dataclass(slots=True, kw_only=True)
class Sighting:
    """What one page shows of one race in one place.

    text: the state as `race_json` writes it, with the page's own keys. verdict: what was made of
    it. current: it is how the race stands. candidates: whom the page's accepted looks have shown,
    in the order of the last; ids. first_fetch: the look that showed it first, without a break
    since. last_fetch: None while the page's latest good look shows it. known_fetch: the first look
    at which the page ever showed the race. doubt_fetch: the first look of a run that is not
    believed, or that contradicts the family that leads; doubt_kind: why; doubt_text: what that
    first look showed, None where the race was missing.
    """

    page: int
    race: int
    place: int
    text: str
    verdict: SightingVerdict
    current: bool
    candidates: tuple[int, ...]
    first_fetch: int
    known_fetch: int
    last_fetch: int | None = None
    doubt_kind: str | None = None
    doubt_fetch: int | None = None
    doubt_text: str | None = None
    shown: RaceState | None = None

    @property
    def state(self) -> RaceState:
        """The state that the page shows. `shown` keeps it from being read out of the text."""
        if self.shown is None:
            self.shown = race_from_json(self.text)
        return self.shown

    @property
    def open(self) -> bool:
        """Whether the page's latest good look shows it."""
        return self.last_fetch is None


@dataclass(slots=True, kw_only=True)
class CurrentRace:
    """How a race stands in a place.

    ids: of the candidates in it, by key. family: of the pages that lead it. fetch: the look that
    brought this state. shown_by: the last look that showed it at a page which shows something
    else since; see `CurrentRaces.shown_by`. called_at_first: the call was there at our first look.
    sums_differ: at how many looks in a row its parts did not add up to it.
    """

    state: RaceState
    ids: Mapping[str, int]
    family: str
    fetch: int
    shown_by: int
    called_at_first: bool
    sums_differ: int = 0


@dataclass(slots=True, kw_only=True)
class Candidate:
    """A candidate of one race.

    key: the one that outsiders know, the source's own id where there is one. schemes: whose keys
    the candidate has.
    """

    id: int
    name: str
    last_name: str
    key: str
    schemes: set[str] = field(default_factory=set)


class Candidates:
    """All that ever stood in one race."""

    def __init__(self) -> None:
        self.by_id: dict[int, Candidate] = {}
        self._by_scheme: dict[tuple[str, str], Candidate] = {}

    def add(self, candidate: Candidate) -> None:
        """One who was not known before."""
        self.by_id[candidate.id] = candidate

    def known(self, scheme: str, key: str) -> Candidate | None:
        """The candidate with that key of the scheme."""
        return self._by_scheme.get((scheme, key))

    def join(self, candidate: Candidate, scheme: str, key: str) -> bool:
        """The candidate has this key too. True when outsiders know the candidate by it now."""
        candidate.schemes.add(scheme)
        self._by_scheme[scheme, key] = candidate
        if scheme == LAST_NAME or candidate.key == key:
            return False
        candidate.key = key
        return True

    def named(self, last_name: str) -> list[Candidate]:
        """Those with that last name, in lower case."""
        return [c for c in self.by_id.values() if c.last_name == last_name]


def race_json(state: RaceState) -> str:
    """The state as canonical JSON: equal states, whatever their order, are equal texts."""
    updated, close = state.source_updated_at, state.last_close_at
    facts: dict[str, object] = {
        "race": state.race,
        "place": state.place,
        "tallies": [_facts(t) for t in sorted(state.tallies, key=attrgetter("candidate"))],
        "projection": state.projection,
        "expected_vote_pct": state.expected_vote_pct,
        "status": state.status,
        "seats": state.seats,
        "source_updated_at": updated and instant_text(updated),
        "last_close_at": close and instant_text(close),
    }
    if state.precincts_pct is not None:  # most sources publish none
        facts["precincts_pct"] = state.precincts_pct
    if state.runoff:
        facts["runoff"] = sorted(state.runoff)
    return canonical(facts).decode("ascii")


def _facts(tally: Tally) -> dict[str, object]:
    facts: dict[str, object] = {
        "candidate": tally.candidate,
        "name": tally.name,
        "votes": tally.votes,
    }
    if tally.electoral_votes is not None:
        facts["electoral_votes"] = tally.electoral_votes
    if tally.last_name is not None:
        facts["last_name"] = tally.last_name
    if tally.party is not None:
        facts["party"] = tally.party
    if tally.kind != "person":
        facts["kind"] = tally.kind
    return facts


def race_from_json(text: str) -> RaceState:
    """The state that `race_json` wrote."""
    facts = json.loads(text)
    for name in ("source_updated_at", "last_close_at"):
        facts[name] = facts[name] and instant(facts[name])
    facts["tallies"] = tuple(Tally(**t) for t in facts["tallies"])
    facts["runoff"] = frozenset(facts.get("runoff", ()))
    return RaceState(**facts)


class CurrentRaces:
    """The races of all sources as they stand. Get it with `current_races`, inside a transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._race_ids: dict[tuple[int, str], int] = {}
        self._place_ids: dict[str, int] = {}
        self._candidates: dict[int, Candidates] = {}
        self._races: dict[tuple[int, int, int], CurrentRace | None] = {}
        self._seen: dict[tuple[int, int, int], Sighting] = {}
        self._pages: dict[int, dict[tuple[int, int], Sighting]] = {}
        self._elsewhere: dict[tuple[int, int, int], dict[int, Sighting]] = {}
        self._good: dict[int, int | None] = {}
        # The keys of rows that this connection has written, by table.
        self._written: dict[str, set[tuple[object, ...]]] = defaultdict(set)
        # What is to be written at the end of the look.
        self._moved_races: dict[tuple[int, int, int], CurrentRace] = {}
        self._moved_tallies: list[tuple[object, ...]] = []
        self._moved_sightings: dict[tuple[int, int, int], Sighting] = {}

    def race_id(self, look: Look, slug: str, title: str | None = None) -> int:
        """The race's id in the look's election, added if new, with the title that it has then."""
        key = (look.election, slug)
        if key not in self._race_ids:
            row = self.connection.execute(
                "SELECT id FROM race WHERE election = ? AND slug = ?", key
            ).fetchone()
            if row is None:
                office = slug.partition("/")[0]
                facts = {
                    "election": look.election,
                    "slug": slug,
                    "office": office,
                    "title": title,
                }
                self._race_ids[key] = insert(self.connection, "race", facts)
            else:
                self._race_ids[key] = row["id"]
        return self._race_ids[key]

    def place_id(self, code: str, name: str | None) -> int:
        """The place's id, added with its parents if new."""
        if code not in self._place_ids:
            row = self.connection.execute("SELECT id FROM place WHERE code = ?", (code,)).fetchone()
            if row is None:
                parent = parent_of(code)
                facts = {
                    "code": code,
                    "level": level_of(code),
                    "name": name or ("United States" if code == "us" else code),
                    "parent": parent and self.place_id(parent, None),
                }
                self._place_ids[code] = insert(self.connection, "place", facts)
            else:
                self._place_ids[code] = row["id"]
                if name is not None:
                    # A county's file comes before its state's name is known, and the reverse.
                    self.connection.execute(
                        "UPDATE place SET name = ? WHERE id = ? AND name = code", (name, row["id"])
                    )
        return self._place_ids[code]

    def candidates(self, race: int) -> Candidates:
        """All that ever stood in the race."""
        if race not in self._candidates:
            found = Candidates()
            for row in self.connection.execute(
                "SELECT id, name, last_name FROM candidate WHERE race = ? ORDER BY id", (race,)
            ):
                found.add(Candidate(key=row["last_name"], **dict(row)))
            for row in self.connection.execute(
                "SELECT candidate, scheme, key FROM candidate_key WHERE race = ? ORDER BY id",
                (race,),
            ):
                found.join(found.by_id[row["candidate"]], row["scheme"], row["key"])
            self._candidates[race] = found
        return self._candidates[race]

    def identified(
        self, race: int, state: RaceState, scheme: str | None
    ) -> tuple[RaceState, dict[str, int]]:
        """The state with the candidates' keys as outsiders know them; and their ids by these keys.

        scheme: whose the page's ids are. Candidates not known are added; one who was known by last
        name only is joined with the one id that fits. Raises Ambiguous.
        """
        ids: dict[str, int] = {}
        keys: dict[str, str] = {}
        for tally in state.tallies:
            candidate = self._candidate(race, tally, state, scheme)
            if candidate.key in ids:
                raise Ambiguous(f"{tally.name} and another candidate here are both {candidate.key}")
            ids[candidate.key] = candidate.id
            keys[tally.candidate] = candidate.key
        if ids.keys() == keys.keys():
            return state, ids
        return (
            replace(
                state,
                tallies=tuple(replace(t, candidate=keys[t.candidate]) for t in state.tallies),
                projection=state.projection and keys[state.projection],
                runoff=frozenset(keys[c] for c in state.runoff),
            ),
            ids,
        )

    def _candidate(
        self, race: int, tally: Tally, state: RaceState, scheme: str | None
    ) -> Candidate:
        known = self.candidates(race)
        if tally.last_name is None or scheme is None:
            return self._by_last_name(race, tally)
        found = known.known(scheme, tally.candidate)
        if found is not None:
            return found
        namesakes = [c for c in known.named(tally.last_name) if scheme not in c.schemes]
        if namesakes and sum(t.last_name == tally.last_name for t in state.tallies) > 1:
            raise Ambiguous(
                f"several candidates here are named {tally.last_name},"
                f" and {namesakes[0].name} was known by that name alone"
            )
        found = namesakes[0] if namesakes else self._added(race, tally, tally.last_name)
        self._join(race, found, scheme, tally.candidate)
        return found

    def _by_last_name(self, race: int, tally: Tally) -> Candidate:
        last_name = tally.candidate
        namesakes = self.candidates(race).named(last_name)
        if len(namesakes) > 1:
            listed = ", ".join(f"{c.name} ({c.key})" for c in namesakes)
            raise Ambiguous(f"the page says {tally.name}, and several are known: {listed}")
        found = namesakes[0] if namesakes else self._added(race, tally, last_name)
        if LAST_NAME not in found.schemes:
            self._join(race, found, LAST_NAME, last_name)
        return found

    def _join(self, race: int, candidate: Candidate, scheme: str, key: str) -> None:
        row = {"candidate": candidate.id, "race": race, "scheme": scheme, "key": key}
        insert(self.connection, "candidate_key", row)
        if self.candidates(race).join(candidate, scheme, key):
            # Whatever stands in memory names the candidate by the key before.
            self.flush()
            self._races.clear()

    def _added(self, race: int, tally: Tally, last_name: str) -> Candidate:
        facts = {
            "race": race,
            "name": tally.name,
            "last_name": last_name,
            "party": tally.party,
            "kind": tally.kind,
        }
        number = insert(self.connection, "candidate", facts)
        candidate = Candidate(id=number, name=tally.name, last_name=last_name, key=last_name)
        self.candidates(race).add(candidate)
        return candidate

    def keys_of(self, race: int, ids: Iterable[int]) -> list[str]:
        """The keys by which outsiders know these candidates, in the same order."""
        by_id = self.candidates(race).by_id
        return [by_id[i].key for i in ids]

    def race(self, look: Look, race: int, place: int) -> CurrentRace | None:
        """How the race stands in the place at the look's source; None before the first look."""
        key = (look.source, race, place)
        if key not in self._races:
            self._races[key] = self._load_race(look, race, place)
        return self._races[key]

    def _load_race(self, look: Look, race: int, place: int) -> CurrentRace | None:
        row = self.connection.execute(
            "SELECT progress.*, slug, code FROM progress JOIN race ON race.id = progress.race"
            " JOIN place ON place.id = place"
            " WHERE source = ? AND progress.race = ? AND place = ?",
            (look.source, race, place),
        ).fetchone()
        if row is None:
            return None
        known = self.candidates(race).by_id
        tallies, ids, runoff = [], {}, set()
        for tally in self.connection.execute(
            "SELECT * FROM tally WHERE source = ? AND race = ? AND place = ? ORDER BY id",
            (look.source, race, place),
        ):
            one = known[tally["candidate"]]
            ids[one.key] = one.id
            tallies.append(
                Tally(
                    candidate=one.key,
                    name=one.name,
                    votes=tally["votes"],
                    electoral_votes=tally["electoral_votes"],
                )
            )
            if tally["runoff"]:
                runoff.add(one.key)
        updated, close = row["source_updated_at"], row["last_close_at"]
        return CurrentRace(
            state=RaceState(
                race=row["slug"],
                place=row["code"],
                source_updated_at=updated and instant(updated),
                tallies=tuple(tallies),
                projection=row["projection"] and known[row["projection"]].key,
                expected_vote_pct=row["expected_vote_pct"],
                precincts_pct=row["precincts_pct"],
                runoff=frozenset(runoff),
                status=row["status"],
                last_close_at=close and instant(close),
                seats=row["seats"],
            ),
            ids=ids,
            family=row["family"],
            fetch=row["fetch"],
            shown_by=row["shown_by"],
            called_at_first=bool(row["projection_seen_first"]),
            sums_differ=row["sums_differ"],
        )

    def save_race(
        self,
        look: Look,
        race: int,
        place: int,
        state: RaceState,
        ids: Mapping[str, int],
        before: CurrentRace | None,
    ) -> None:
        """Make `state`, which the look has brought, the one that stands, in place of `before`."""
        where = (look.source, race, place)
        old = {t.candidate: t for t in before.state.tallies} if before else {}
        was_runoff = before.state.runoff if before else frozenset()
        for tally in state.tallies:
            stood = old.pop(tally.candidate, None)
            runs_off = tally.candidate in state.runoff
            if (
                stood is None
                or stood.votes != tally.votes
                or stood.electoral_votes != tally.electoral_votes
                or runs_off != (tally.candidate in was_runoff)
            ):
                self._moved_tallies.append(
                    (*where, ids[tally.candidate], tally.votes, tally.electoral_votes, runs_off)
                )
            if stood is None or stood.name != tally.name:
                self._spell(race, ids[tally.candidate], tally.name)
        for gone in old:
            key = (*where, before.ids[gone] if before else 0)
            self._written[_TALLY.name].discard(key)
            self.connection.execute(
                "DELETE FROM tally WHERE source = ? AND race = ? AND place = ? AND candidate = ?",
                key,
            )
        called = state.projection is not None
        if before is not None:  # it stays as it was at first, unless the call moves
            called = before.called_at_first and before.state.projection == state.projection
        self._races[where] = self._moved_races[where] = CurrentRace(
            state=state,
            ids={t.candidate: ids[t.candidate] for t in state.tallies},
            family=look.family,
            fetch=look.fetch,
            shown_by=look.fetch,
            called_at_first=called,
            sums_differ=before.sums_differ if before else 0,
        )

    def _spell(self, race: int, candidate: int, name: str) -> None:
        known = self.candidates(race).by_id[candidate]
        if known.name != name:
            known.name = name
            self.connection.execute("UPDATE candidate SET name = ? WHERE id = ?", (name, candidate))

    def remove_race(self, look: Look, race: int, place: int) -> None:
        """The race is no longer shown anywhere: it does not stand any more."""
        self.flush()
        where = (look.source, race, place)
        for table in (_TALLY.name, _PROGRESS.name):
            written = self._written[table]
            written -= {key for key in written if key[:3] == where}
            self.connection.execute(
                f"DELETE FROM {table} WHERE source = ? AND race = ? AND place = ?",  # noqa: S608
                where,
            )
        self._races[where] = None

    def flush(self) -> None:
        """Write what has moved. What is read from the file elsewhere is true after it."""
        if self._moved_races:
            self._write(_PROGRESS, [_progress(w, now) for w, now in self._moved_races.items()])
            self._moved_races.clear()
        if self._moved_tallies:
            self._write(_TALLY, self._moved_tallies)
            self._moved_tallies.clear()
        if self._moved_sightings:
            self._write(_SIGHTING, [_row(s) for s in self._moved_sightings.values()])
            self._moved_sightings.clear()

    def _write(self, table: _Table, rows: Sequence[tuple[object, ...]]) -> None:
        """Write the rows. What this connection has written before is there, and only moves: that
        takes two thirds of the time."""
        written, keys = self._written[table.name], table.keys
        moved = [row[keys:] + row[:keys] for row in rows if row[:keys] in written]
        if moved:
            cursor = self.connection.executemany(table.update, moved)
            assert cursor.rowcount == len(moved), f"rows of {table.name} are gone"
        if len(moved) < len(rows):
            others = [row for row in rows if row[:keys] not in written]
            self.connection.executemany(table.upsert, others)
            written.update(row[:keys] for row in others)

    def source_says(
        self, look: Look, race: int, place: int, now: CurrentRace, updated: datetime | None
    ) -> None:
        """The outlet's own time for the state that stands is this, if that is newer."""
        before = now.state.source_updated_at
        if updated is not None and (before is None or updated > before):
            now.state = replace(now.state, source_updated_at=updated)
            self._moved_races[look.source, race, place] = now

    def count_sums(self, look: Look, race: int, place: int, now: CurrentRace, looks: int) -> None:
        """The parts have not added up to the race at so many looks in a row."""
        if now.sums_differ != looks:
            now.sums_differ = looks
            self._moved_races[look.source, race, place] = now

    def page(self, look: Look) -> dict[tuple[int, int], Sighting]:
        """What the look's page shows, by race and place, as of the looks before it."""
        self._good[look.page] = look.good
        return self._of_page(look.page)

    def _of_page(self, page: int) -> dict[tuple[int, int], Sighting]:
        if page not in self._pages:
            rows = self.connection.execute(
                "SELECT * FROM sighting WHERE page = ? ORDER BY id", (page,)
            )
            self._pages[page] = {(r["race"], r["place"]): self._sighting(r) for r in rows}
        return self._pages[page]

    def _sighting(self, row: sqlite3.Row) -> Sighting:
        """The sighting of the row, which may have moved since it was written."""
        key = (row["page"], row["race"], row["place"])
        if key not in self._seen:
            self._seen[key] = _sighting(row)
        return self._seen[key]

    def saw(self, page: int, fetch: int) -> None:
        """The look is good: what its page shows, it shows as of this look."""
        self._good[page] = fetch

    def stands(self, page: int) -> bool:
        """Whether the page shows no race otherwise than it stands."""
        return all(s.current for s in self._of_page(page).values() if s.open)

    def _sightings(self, look: Look, race: int, place: int) -> dict[int, Sighting]:
        """What the source's pages show of the race in the place, by page."""
        key = (look.source, race, place)
        if key not in self._elsewhere:
            found: dict[int, Sighting] = {}
            for row in self.connection.execute(
                "SELECT sighting.*, good_fetch FROM sighting JOIN page ON page.id = sighting.page"
                " WHERE race = ? AND place = ? AND page.source = ?",
                (race, place, look.source),
            ):
                found[row["page"]] = self._sighting(row)
                self._good.setdefault(row["page"], row["good_fetch"])
            self._elsewhere[key] = found
        return self._elsewhere[key]

    def shown_by(self, look: Look, race: int, place: int, now: CurrentRace) -> int:
        """The latest look, at any page of the source, that showed the race as it stands."""
        shown = [
            s.last_fetch or self._good[page] or s.first_fetch
            for page, s in self._sightings(look, race, place).items()
            if s.current
        ]
        return max([now.shown_by, *shown])

    def shown_elsewhere(self, look: Look, race: int, place: int) -> bool:
        """Whether another page of the look's family shows the race in the place too."""
        others = [
            page
            for page, sighting in self._sightings(look, race, place).items()
            if page != look.page and sighting.open
        ]
        (pages,) = self.connection.execute(
            "SELECT count(*) FROM page WHERE family = ? AND id IN (SELECT value FROM json_each(?))",
            (look.family, json.dumps(others)),
        ).fetchone()
        return bool(pages)

    def see(self, look: Look, seen: Sighting) -> None:
        """The look's page shows this state now; `seen` is as if it showed it for the first time."""
        page = self.page(look)
        key = (seen.race, seen.place)
        before = page.get(key)
        unbroken = before is not None and before.open and before.text == seen.text
        if before is not None:
            if before.current and not (unbroken and seen.current):
                self._shown_until(look, before)
            if unbroken:
                seen.first_fetch = before.first_fetch
            seen.known_fetch = before.known_fetch
        page[key] = seen
        self._seen[look.page, *key] = self._moved_sightings[look.page, *key] = seen
        elsewhere = self._elsewhere.get((look.source, *key))
        if elsewhere is not None:
            elsewhere[look.page] = seen

    def close(self, look: Look, sighting: Sighting) -> None:
        """The look is good and does not show what the page had shown: that ended with the last."""
        if sighting.open:
            sighting.last_fetch = look.good or sighting.first_fetch
            self._moved_sightings[sighting.page, sighting.race, sighting.place] = sighting

    def miss(
        self, look: Look, sighting: Sighting, verdict: SightingVerdict, since: int | None = None
    ) -> None:
        """The look does not show the race any more: since when, if that is not believed yet."""
        self.close(look, sighting)
        sighting.doubt_kind = None if since is None else "missing"
        sighting.doubt_fetch, sighting.doubt_text = since, None
        sighting.verdict = verdict
        sighting.current &= since is not None
        self._moved_sightings[sighting.page, sighting.race, sighting.place] = sighting

    def others_outdated(self, look: Look, race: int, place: int) -> None:
        """The race has moved on by this look: what other pages show is not how it stands."""
        for page, sighting in self._sightings(look, race, place).items():
            if page != look.page and sighting.current:
                sighting.current = False
                self._moved_sightings[page, race, place] = sighting

    def _shown_until(self, look: Look, before: Sighting) -> None:
        now = self.race(look, before.race, before.place)
        shown = before.last_fetch or look.good or before.first_fetch
        if now is not None and shown > now.shown_by:
            now.shown_by = shown
            self._moved_races[look.source, before.race, before.place] = now


class _Table(NamedTuple):
    """A table of the current state. keys: how many of the first columns tell its rows apart.

    upsert: writes a row, in place of the one with the same keys. update: the same where there is
    one; its values come first, then the keys.
    """

    name: str
    keys: int
    upsert: str
    update: str


def _table(name: str, keys: str, values: str) -> _Table:
    of_keys, of_values = keys.split(), values.split()
    columns = [*of_keys, *of_values]
    moved = ", ".join(f"{column} = excluded.{column}" for column in of_values)
    return _Table(
        name,
        len(of_keys),
        f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608
        f" ON CONFLICT ({', '.join(of_keys)}) DO UPDATE SET {moved}",
        f"UPDATE {name} SET {', '.join(f'{column} = ?' for column in of_values)}"  # noqa: S608
        f" WHERE {' AND '.join(f'{column} = ?' for column in of_keys)}",
    )


_PROGRESS = _table(
    "progress",
    "source race place",
    "expected_vote_pct precincts_pct projection projection_seen_first status last_close_at seats"
    " source_updated_at family fetch shown_by sums_differ",
)
_SIGHTING = _table(
    "sighting",
    "page race place",
    "state candidates verdict current first_fetch last_fetch known_fetch"
    " doubt_kind doubt_fetch doubt_state",
)
_TALLY = _table("tally", "source race place candidate", "votes electoral_votes runoff")


def _progress(where: tuple[int, int, int], now: CurrentRace) -> tuple[object, ...]:
    state = now.state
    return (
        *where,
        state.expected_vote_pct,
        state.precincts_pct,
        None if state.projection is None else now.ids[state.projection],
        now.called_at_first,
        state.status,
        None if state.last_close_at is None else instant_text(state.last_close_at),
        state.seats,
        None if state.source_updated_at is None else instant_text(state.source_updated_at),
        now.family,
        now.fetch,
        now.shown_by,
        now.sums_differ,
    )


@lru_cache(maxsize=4096)  # counties have the candidates of their state
def _ids_text(ids: tuple[int, ...]) -> str:
    return json.dumps(ids)


def _row(sighting: Sighting) -> tuple[object, ...]:
    return (
        sighting.page,
        sighting.race,
        sighting.place,
        sighting.text,
        _ids_text(sighting.candidates),
        sighting.verdict,
        sighting.current,
        sighting.first_fetch,
        sighting.last_fetch,
        sighting.known_fetch,
        sighting.doubt_kind,
        sighting.doubt_fetch,
        sighting.doubt_text,
    )


def _sighting(row: sqlite3.Row) -> Sighting:
    return Sighting(
        page=row["page"],
        race=row["race"],
        place=row["place"],
        text=row["state"],
        verdict=row["verdict"],
        current=bool(row["current"]),
        candidates=tuple(json.loads(row["candidates"])),
        first_fetch=row["first_fetch"],
        last_fetch=row["last_fetch"],
        known_fetch=row["known_fetch"],
        doubt_kind=row["doubt_kind"],
        doubt_fetch=row["doubt_fetch"],
        doubt_text=row["doubt_state"],
    )


def current_races(connection: sqlite3.Connection) -> CurrentRaces:
    """How the races stand, from memory where the connection has it."""
    if not isinstance(connection, Writer):
        return CurrentRaces(connection)
    kept = connection.kept.get(CurrentRaces)
    if kept is None:
        kept = connection.kept[CurrentRaces] = CurrentRaces(connection)
    assert isinstance(kept, CurrentRaces)
    return kept
