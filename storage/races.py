"""Recording the races of one look: which are believed, what has changed, what goes into the log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from storage.anomalies import flag_anomalies, sums_that_differ
from storage.current import (
    Ambiguous,
    CurrentRace,
    Sighting,
    SightingVerdict,
    current_races,
    race_from_json,
    race_json,
)
from storage.diff import compare_race, first_of_race, merged_race
from storage.doubts import CONFIRMED_AFTER, FALLS_AT_ONCE, Doubt, doubt, falls_to_zero
from storage.entries import Confirmed, Entries, Note, Subject
from storage.persistence import persistence
from storage.places import level_of, parent_of
from storage.records import (
    PERCENTS,
    Change,
    RaceState,
    Refusal,
    Snapshot,
    Verdict,
    instant,
    instant_text,
    percents_of,
)
from storage.verdicts import judge_race

#: The families of pages that carry results. One leads each tally, the first that shows it; the
#: others are witnesses.
LEADS = ("feed", "results_page", "story")

#: An outlet's time further ahead of our clock than this is none.
AHEAD = timedelta(minutes=10)

#: A page whose own clock says nothing and that shows an earlier body again is believed after this
#: long (rule R7: nearly all such returns are genuine).
RETURN_CONFIRMED_AFTER = timedelta(minutes=2)

#: A witness contradicts the family that leads when it shows, at so many looks in a row and for so
#: long, what that family has not shown for as long.
WITNESS_LOOKS = 3
WITNESS_TIME = timedelta(minutes=15)

#: A note is made when a race's parts have not added up to it at more than so many looks.
SUMS_LOOKS = 3

#: What is flagged when it moves before the last polls have closed.
_COUNTED = ("votes", "electoral_votes", *(percent.field for percent in PERCENTS), "projection")


@dataclass(slots=True, kw_only=True)
class _Shown:
    """A race that the look shows otherwise than the page's look before.

    state: as printed, with the page's own keys. sighting: what the page showed before.
    """

    state: RaceState
    race: int
    place: int
    sighting: Sighting | None
    _text: str | None = None

    @property
    def text(self) -> str:
        """The state as `race_json` writes it."""
        if self._text is None:
            self._text = race_json(self.state)
        return self._text

    @property
    def repeats(self) -> bool:
        """The page's look before showed the very same."""
        sighting = self.sighting
        return sighting is not None and sighting.open and sighting.text == self.text


class RacesOfLook:
    """The races of one snapshot, to be recorded."""

    def __init__(self, entries: Entries, snapshot: Snapshot, parser: str) -> None:
        self.entries = entries
        self.look = entries.look
        self.current = current_races(entries.connection)
        self.snapshot = snapshot
        self.parser = parser
        self._shown: set[tuple[int, int]] = set()
        self._rejected: set[tuple[int, int]] = set()
        self._closings = {
            race.place: race.last_close_at for race in snapshot.races if race.last_close_at
        }
        zone = ZoneInfo(self.look.timezone)
        self._election_day = datetime.combine(self.look.election_date, time(), zone)
        self._many_at_zero = False
        self._older_copy = False
        self._wrong_clocks: set[tuple[str, str]] = set()

    def record(self) -> None:
        """Record every race that the page shows."""
        page = self.current.page(self.look)
        moved = []
        for state in self.snapshot.races:
            race = self.current.race_id(self.look, state.race, state.title)
            place = self.current.place_id(state.place, state.place_name)
            self._shown.add((race, place))
            sighting = page.get((race, place))
            if (
                sighting is not None
                and sighting.current
                and sighting.open
                and (sighting.shown is state or sighting.state == state)
            ):
                self.entries.accepted = True
            else:
                printed = self._with_our_clocks(state)
                moved.append(_Shown(state=printed, race=race, place=place, sighting=sighting))
        falls = 0
        for shown in moved:
            now = self.current.race(self.look, shown.race, shown.place)
            falls += now is not None and falls_to_zero(shown.state, now.state)
        self._many_at_zero = falls >= FALLS_AT_ONCE
        # Those with a clock first: where it runs backwards, the whole body is an older copy.
        for shown in sorted(moved, key=lambda shown: shown.state.source_updated_at is None):
            self._record(shown)
        if self.look.family == "feed":  # a page's table may leave states out
            self._check_sums()

    def _with_our_clocks(self, state: RaceState) -> RaceState:
        """The state with times as the file keeps them, and without one that cannot be.

        A time ahead of ours would make everything after it look like an older copy.
        """
        updated = state.source_updated_at
        if updated is not None and updated > self.look.fetched_at + AHEAD:
            self._wrong_clocks.add((state.race, state.place))
            state = replace(state, source_updated_at=None)
        return _in_milliseconds(state)

    def _clock_is_wrong(self, shown: _Shown) -> bool:
        return (shown.state.race, shown.state.place) in self._wrong_clocks

    def _record(self, shown: _Shown) -> None:
        if not shown.repeats:
            self.entries.said_something = True
        try:
            state, ids = self.current.identified(shown.race, shown.state, self.snapshot.id_scheme)
        except Ambiguous as conflict:
            self._reject(shown, str(conflict))
            return
        now = self.current.race(self.look, shown.race, shown.place)
        if now is not None and self._led_by_another(now.family):
            self._witness(shown, state, now)
        elif now is None or now.family != self.look.family:
            self._record_first(shown, state, ids, now)
        else:
            self._record_again(shown, state, ids, now)

    def _led_by_another(self, family: str) -> bool:
        """Whether pages of that family lead, and the look's page is their witness."""
        configured = self.look.families
        if family == self.look.family or (configured and family not in configured):
            return False
        return _rank(family) < _rank(self.look.family)

    def _record_first(
        self, shown: _Shown, state: RaceState, ids: Mapping[str, int], now: CurrentRace | None
    ) -> None:
        """A race not known before, or one whose lead this page's family takes over from another."""
        doubted = self._doubt(shown, state, None if now is None else now.state, frozenset())
        if doubted is not None and not self._confirmed(doubted, shown.sighting):
            self._leave_unconfirmed(shown, doubted)
            return
        self._close_doubt(shown, promoted=doubted is not None)
        before = None if now is not None else self._last_look_without(shown)
        added = [] if before is None else [Change(kind="race_added", field="set", new=state.race)]
        self.current.save_race(self.look, shown.race, shown.place, state, ids, now)
        self.current.others_outdated(self.look, shown.race, shown.place)
        self._accept(shown, ids)
        self.entries.record(_subject(shown, state, ids), [*added, *first_of_race(state)], before)

    def _record_again(
        self, shown: _Shown, state: RaceState, ids: Mapping[str, int], now: CurrentRace
    ) -> None:
        look, sighting = self.look, shown.sighting
        told = None if sighting is None else sighting.state
        order = self.current.keys_of(shown.race, sighting.candidates) if sighting else []
        on_page = frozenset(order)
        learned = not order or look.good_parser != self.parser
        state, old = _completed(shown.state, state, now.state, told)
        returned = self._returned_to(shown, old, ids) if learned else frozenset()
        rows = compare_race(old, state, on_page, learned=learned, returned=returned)
        if not rows and _is_older(state, sighting):
            # An older copy says nothing of the newer state that is doubted.
            self._older_copy = self.entries.accepted = self.entries.unsettled = True
            return
        if not rows:
            self.current.source_says(look, shown.race, shown.place, now, state.source_updated_at)
            # What was not believed here may have been confirmed on another page.
            held = 0 if sighting is None else sighting.doubt_fetch or 0
            self._close_doubt(shown, promoted=now.fetch > held)
            self._accept(shown, ids)
            return
        shown_by = self.current.shown_by(look, shown.race, shown.place, now)
        since = shown.sighting.first_fetch if shown.sighting and shown.repeats else None
        lasted = persistence(self.entries.connection, look, since, now.fetch, shown_by)
        judgement = judge_race(state, old, lasted, look.fetched_at, order)
        if judgement.verdict == "rejected":
            self._reject(shown, judgement.reason)
            return
        if judgement.verdict == "stale":
            self._older_copy = True
        if judgement.verdict == "stale" or (
            state.source_updated_at is None and self._older_copy and not judgement.flags
        ):
            reason = judgement.reason or "other races on the page are older than was seen before"
            self._refuse(shown, "stale", reason)
            if sighting is None or sighting.verdict != "unconfirmed":
                self._see(shown, "stale")  # an older copy says nothing of what is doubted
            return
        doubted = self._doubt(shown, state, old, on_page - ids.keys())
        if doubted is not None and not self._confirmed(doubted, sighting):
            self._leave_unconfirmed(shown, doubted)
            return
        confirmed: Confirmed | None = None
        if doubted is not None and sighting is not None:
            confirmed = self._shown_first(shown, rows, old, on_page, sighting, shown_by)
        self._close_doubt(shown, promoted=doubted is not None)
        merged = merged_race(old, state, on_page)
        flags = judgement.flags + (("source_clock",) if self._clock_is_wrong(shown) else ())
        rows = flag_anomalies(rows, old, merged)
        rows = _flagged(rows, flags, early=self._before_last_close(state, now))
        known = {**now.ids, **ids}
        self.current.save_race(look, shown.race, shown.place, merged, known, now)
        self.current.others_outdated(look, shown.race, shown.place)
        self._accept(shown, ids)
        self.entries.record(_subject(shown, state, known), rows, shown_by, confirmed)

    def _returned_to(self, shown: _Shown, old: RaceState, ids: Mapping[str, int]) -> frozenset[str]:
        """The candidates whom the race does not have, and had before they were removed."""
        absent = ids.keys() - {t.candidate for t in old.tallies}
        return frozenset(
            key
            for key in absent
            if self.entries.connection.execute(
                "SELECT 1 FROM change WHERE source = ? AND race = ? AND place = ?"
                " AND candidate = ? AND field = 'set' LIMIT 1",
                (self.look.source, shown.race, shown.place, ids[key]),
            ).fetchone()
        )

    def _doubt(
        self, shown: _Shown, state: RaceState, current: RaceState | None, gone: Set[str]
    ) -> Doubt | None:
        sighting = shown.sighting
        # A zero that was doubted beside others is doubted until it is confirmed by itself.
        at_zero = sighting is not None and sighting.doubt_kind == "zero"
        found = doubt(
            state,
            current,
            election_day=self._election_day,
            now=self.look.fetched_at,
            many_at_zero=self._many_at_zero or at_zero,
            gone=gone,
        )
        if found is None and current is not None and state.source_updated_at is None:
            return self._returned()
        return found

    def _returned(self) -> Doubt | None:
        """Rule R7: no clock of the outlet's tells an old copy of the page from a true return."""
        look = self.look
        row = self.entries.connection.execute(
            "SELECT max(id) AS id FROM fetch WHERE page = ?1 AND body = ?2 AND id < ?3"
            " AND EXISTS (SELECT 1 FROM fetch AS other WHERE other.page = ?1"
            "  AND other.body <> ?2 AND other.id > fetch.id AND other.id < ?3)",
            (look.page, look.body, look.fetch),
        ).fetchone()
        if row["id"] is None:
            return None
        reason = "the page shows what it had shown before, and gives no time of its own"
        return Doubt(kind="returned", reason=reason, confirmed_after=RETURN_CONFIRMED_AFTER)

    def _confirmed(self, doubted: Doubt, sighting: Sighting | None) -> bool:
        """Whether the page has shown for long enough what is not believed at once."""
        if doubted.confirmed_after is None or sighting is None or sighting.doubt_fetch is None:
            return False
        if sighting.verdict != "unconfirmed" or sighting.doubt_kind != doubted.kind:
            return False
        return self.look.fetched_at - self._fetched_at(sighting.doubt_fetch) >= (
            doubted.confirmed_after
        )

    def _fetched_at(self, fetch: int) -> datetime:
        row = self.entries.connection.execute(
            "SELECT fetched_at FROM fetch WHERE id = ?", (fetch,)
        ).fetchone()
        return instant(row["fetched_at"])

    def _leave_unconfirmed(self, shown: _Shown, doubted: Doubt) -> None:
        """The state is not believed yet: it is shown as such, and the log waits. Told once."""
        sighting = shown.sighting
        goes_on = (
            sighting is not None
            and sighting.verdict == "unconfirmed"
            and sighting.doubt_kind == doubted.kind
        )
        if sighting is not None and goes_on and sighting.doubt_fetch is not None:
            since = (sighting.doubt_fetch, sighting.doubt_text)
        else:
            self._close_doubt(shown)
            since = (self.look.fetch, shown.text)
            self._refuse(shown, "unconfirmed", doubted.reason)
        self.entries.unsettled = True
        self._see(shown, "unconfirmed", kind=doubted.kind, doubt=since)

    def _close_doubt(self, shown: _Shown, *, promoted: bool = False) -> None:
        """What was not believed is gone, or is believed now. Before the sighting is replaced."""
        if shown.sighting is not None and not promoted:
            self._note_transient(shown.sighting)

    def _note_transient(self, sighting: Sighting) -> None:
        """Say from when to when the page showed what was not believed; if it did."""
        if sighting.verdict != "unconfirmed":
            return
        slug, place = sighting.state.race, sighting.state.place
        first = sighting.doubt_fetch or sighting.first_fetch
        last = sighting.last_fetch if sighting.doubt_text is not None else None
        reason = self.entries.connection.execute(
            "SELECT reason FROM refusal WHERE fetch = ? AND verdict = 'unconfirmed'"
            " AND race = ? AND place = ?",
            (first, slug, place),
        ).fetchone()
        self.entries.note(
            Note(
                kind="transient",
                text=f"{slug} {place}: "
                + (reason["reason"] if reason else "values that were not believed"),
                first_fetch=first,
                last_fetch=max(first, last or self.look.good or first),
            ),
            sighting.race,
            sighting.place,
        )

    def _shown_first(
        self,
        shown: _Shown,
        rows: list[Change],
        old: RaceState,
        on_page: Set[str],
        sighting: Sighting,
        shown_by: int,
    ) -> Confirmed | None:
        """Which of the rows the first look of the doubt showed already."""
        if sighting.doubt_fetch is None or sighting.doubt_text is None:
            return None
        if sighting.doubt_fetch <= shown_by:
            return None  # another page still showed the old values after it
        doubted, _ = self.current.identified(
            shown.race, race_from_json(sighting.doubt_text), self.snapshot.id_scheme
        )
        then = {(row.field, row.candidate, row.new) for row in compare_race(old, doubted, on_page)}
        return Confirmed(
            fetch=sighting.doubt_fetch,
            source_updated_at=doubted.source_updated_at,
            positions=frozenset(
                position
                for position, row in enumerate(rows)
                if (row.field, row.candidate, row.new) in then
            ),
        )

    def _before_last_close(self, state: RaceState, now: CurrentRace) -> bool:
        close = state.last_close_at or now.state.last_close_at
        place: str | None = state.place
        while close is None and place is not None:
            place = parent_of(place)
            close = self._closings.get(place or "")
        moment = state.source_updated_at or self.look.fetched_at
        return close is not None and moment < close

    def _accept(self, shown: _Shown, ids: Mapping[str, int]) -> None:
        self.entries.accepted = True
        self._see(shown, "accepted", candidates=tuple(ids.values()))

    def _see(
        self,
        shown: _Shown,
        verdict: SightingVerdict,
        *,
        candidates: tuple[int, ...] | None = None,
        kind: str | None = None,
        doubt: tuple[int, str | None] = (0, None),
    ) -> None:
        """Keep what the page shows. candidates: None where the look does not tell whom it has."""
        if candidates is None:
            candidates = shown.sighting.candidates if shown.sighting else ()
        self.current.see(
            self.look,
            Sighting(
                page=self.look.page,
                race=shown.race,
                place=shown.place,
                text=shown.text,
                verdict=verdict,
                current=verdict == "accepted",
                candidates=candidates,
                first_fetch=self.look.fetch,
                known_fetch=self.look.fetch,
                doubt_kind=kind,
                doubt_fetch=doubt[0] or None,
                doubt_text=doubt[1],
                shown=shown.state,
            ),
        )

    def _reject(self, shown: _Shown, reason: str) -> None:
        self._rejected.add((shown.race, shown.place))
        self._refuse(shown, "rejected", reason)

    def _refuse(self, shown: _Shown, verdict: Verdict, reason: str) -> None:
        self.entries.refuse(
            Refusal(
                part="race",
                race=shown.state.race,
                place=shown.state.place,
                verdict=verdict,
                reason=reason,
            )
        )

    def _last_look_without(self, shown: _Shown) -> int | None:
        """The latest earlier look at the page that this very parser read, and saw no such race in.

        A look of which the race was refused does not count: it was there. Nor does one by another
        parser, which may not have known how to see it. None without such a look, and where the
        page has shown the race all along.
        """
        state, sighting = shown.state, shown.sighting
        if self.look.good is None:
            return None
        if sighting is not None and sighting.verdict == "removed":
            return self.look.good
        known = self.look.fetch if sighting is None else sighting.known_fetch
        row = self.entries.connection.execute(
            "SELECT max(id) AS id FROM fetch WHERE page = ? AND id < ? AND parser = ?"
            " AND outcome IN ('new', 'unchanged')"
            " AND NOT EXISTS (SELECT 1 FROM refusal WHERE refusal.fetch = fetch.id"
            "  AND part = 'race' AND (race IS NULL OR race = ?) AND (place IS NULL OR place = ?))",
            (self.look.page, known, self.parser, state.race, state.place),
        ).fetchone()
        return None if row["id"] is None else int(row["id"])

    def _witness(self, shown: _Shown, state: RaceState, now: CurrentRace) -> None:
        """A page that does not lead this race: what it shows is compared, and never recorded."""
        self.entries.accepted = True
        self._close_doubt(shown)
        sighting = shown.sighting
        contradiction = self._contradiction(shown, state, now)
        since = 0
        if contradiction:
            goes_on = sighting is not None and sighting.open and sighting.verdict == "witness"
            if sighting is not None and goes_on and sighting.doubt_fetch:
                since = sighting.doubt_fetch
            else:
                since = self.look.fetch
            self._note_contradiction(shown, since, contradiction)
            self.entries.unsettled = True
        self._see(shown, "witness", doubt=(since, None))

    def _contradiction(self, shown: _Shown, state: RaceState, now: CurrentRace) -> str:
        """What the witness shows that the family that leads has not shown of late; else empty."""
        differing: list[tuple[str, str | None, object, object]] = []
        for tally in state.tallies:
            leads = now.state.tally(tally.candidate)
            if leads is None:
                continue
            differing += [
                ("votes", tally.candidate, tally.votes, leads.votes),
                (
                    "electoral_votes",
                    tally.candidate,
                    tally.electoral_votes,
                    leads.electoral_votes,
                ),
            ]
        differing.append(("projection", None, state.projection, now.state.projection))
        recent = instant_text(self.look.fetched_at - WITNESS_TIME)
        said = []
        for name, key, here, there in differing:
            if here == there or here is None or (there is None and name != "projection"):
                continue
            candidate = None if key is None else now.ids[key]
            late = self.entries.connection.execute(
                "SELECT 1 FROM change JOIN fetch ON fetch.id = change.fetch"
                " WHERE source = ? AND race = ? AND place = ? AND field = ?"
                " AND (candidate = ? OR ?5 IS NULL) AND ? IN (old, new) AND fetched_at >= ?",
                (self.look.source, shown.race, shown.place, name, candidate, here, recent),
            ).fetchone()
            if late is None:
                who = f" of {key}" if key is not None else ""
                said.append(f"{name}{who}: {here} here, {there} there")
        return "; ".join(said)

    def _note_contradiction(self, shown: _Shown, since: int, contradiction: str) -> None:
        connection, look = self.entries.connection, self.look
        told = connection.execute(
            "SELECT 1 FROM note WHERE kind = 'witness_disagrees' AND page = ? AND race = ?"
            " AND place = ? AND first_fetch = ?",
            (look.page, shown.race, shown.place, since),
        ).fetchone()
        if told is not None or look.fetched_at - self._fetched_at(since) < WITNESS_TIME:
            return
        (looks,) = connection.execute(
            "SELECT count(*) FROM fetch WHERE page = ? AND id >= ? AND id < ?"
            " AND outcome IN ('new', 'unchanged')",
            (look.page, since, look.fetch),
        ).fetchone()
        if looks + 1 >= WITNESS_LOOKS:
            self.entries.note(
                Note(
                    kind="witness_disagrees",
                    text=f"{shown.state.race} {shown.state.place}: {contradiction}",
                    first_fetch=since,
                    last_fetch=look.fetch,
                ),
                shown.race,
                shown.place,
            )

    def _check_sums(self) -> None:
        """Rule K7: note a race to which its parts do not add up at several looks in a row."""
        by_race: dict[str, dict[str, RaceState]] = defaultdict(dict)
        for state in self.snapshot.races:
            by_race[state.race][state.place] = state
        for slug, places in by_race.items():
            parts: dict[str, list[RaceState]] = defaultdict(list)
            for place, state in places.items():
                parent = parent_of(place)
                if parent in places and level_of(place) != "district":
                    parts[parent].append(state)
            for place, states in parts.items():
                self._count_sums(slug, place, sums_that_differ(places[place], states))

    def _count_sums(self, slug: str, place: str, differ: str) -> None:
        race = self.current.race_id(self.look, slug)
        where = self.current.place_id(place, None)
        now = self.current.race(self.look, race, where)
        if now is None:
            return
        looks = now.sums_differ + 1 if differ else 0
        self.current.count_sums(self.look, race, where, now, looks)
        if looks == SUMS_LOOKS + 1:
            self.entries.note(
                Note(
                    kind="sums_differ",
                    text=f"{slug} {place}: {differ}",
                    first_fetch=self.look.fetch,
                    last_fetch=self.look.fetch,
                ),
                race,
                where,
            )

    def record_missing(self) -> None:
        """What the page showed and does not show any more. Call it after all else was recorded."""
        refused = [r for r in self.snapshot.refusals if r.part != "article"]
        unclear = any(r.race is None or r.place is None for r in refused)
        named = {(r.race, r.place) for r in refused}
        page = self.current.page(self.look)
        missing = [page[key] for key in sorted(page.keys() - self._shown)]
        for sighting in missing:
            if (sighting.open or sighting.current or _is_missing(sighting)) and not unclear:
                slug, place = sighting.state.race, sighting.state.place
                if (slug, place) not in named:
                    self._record_missing(sighting, slug, place, told=bool(refused))
        if self.entries.good:
            for sighting in missing:
                self.current.close(self.look, sighting)
            for key in self._rejected:
                rejected = self.current.page(self.look).get(key)
                if rejected is not None:
                    self.current.close(self.look, rejected)

    def _record_missing(self, sighting: Sighting, slug: str, place: str, *, told: bool) -> None:
        if self.look.family != "feed":
            if not sighting.open:
                return
            # Told once: the tallies stay, because a story that drops its banner says nothing of
            # the count.
            if not self.snapshot.races and not told:
                reason = f"the page's last look showed results ({slug}), this one shows none"
                self.entries.refuse(Refusal(part="race", race=slug, place=place, reason=reason))
            return
        look, since = self.look, sighting.doubt_fetch
        if look.good_parser != self.parser:
            # Another reading of the page may have another name for it: nothing was taken away.
            self._forget(sighting)
            return
        if not _is_missing(sighting):
            self.entries.said_something = True
            self._note_transient(sighting)
        now = self.current.race(look, sighting.race, sighting.place)
        stands = now is not None and now.family == look.family
        elsewhere = self.current.shown_elsewhere(look, sighting.race, sighting.place)
        if now is None or not stands or elsewhere:
            if sighting.verdict == "unconfirmed":
                self.current.miss(look, sighting, "stale")
            return
        if not _is_missing(sighting) or since is None:
            reason = f"the page no longer shows {slug} in {place}, which its last look showed"
            self.entries.refuse(
                Refusal(part="race", race=slug, place=place, verdict="unconfirmed", reason=reason)
            )
            self.current.miss(look, sighting, "unconfirmed", look.fetch)
            self.entries.unsettled = True
        elif look.fetched_at - self._fetched_at(since) < CONFIRMED_AFTER:
            self.entries.unsettled = True
        else:
            shown_by = self.current.shown_by(look, sighting.race, sighting.place, now)
            self.current.remove_race(look, sighting.race, sighting.place)
            self.current.miss(look, sighting, "removed")
            self.entries.said_something = True
            self.entries.record(
                Subject(race=sighting.race, place=sighting.place),
                [Change(kind="race_removed", field="set", old=slug)],
                shown_by,
                Confirmed(fetch=since, source_updated_at=None, positions=frozenset({0}))
                if since > shown_by
                else None,
            )

    def _forget(self, sighting: Sighting) -> None:
        """The race stands no more by this page, and nothing is said of it."""
        look = self.look
        now = self.current.race(look, sighting.race, sighting.place)
        elsewhere = self.current.shown_elsewhere(look, sighting.race, sighting.place)
        self.current.miss(look, sighting, "stale")
        if now is not None and now.family == look.family and not elsewhere:
            self.current.remove_race(look, sighting.race, sighting.place)


def _flagged(rows: list[Change], flags: tuple[str, ...], *, early: bool) -> list[Change]:
    """The rows with these flags, and those of the count with the one for before the last close."""
    if not flags and not early:
        return rows
    counted = (*flags, "before_last_close") if early else flags
    return [
        row._replace(flags=row.flags + (counted if row.field in _COUNTED else flags))
        for row in rows
    ]


def _is_missing(sighting: Sighting) -> bool:
    """The page's looks do not show the race any more, which is not believed yet."""
    return sighting.verdict == "unconfirmed" and sighting.doubt_text is None


def _is_older(state: RaceState, sighting: Sighting | None) -> bool:
    """Whether the outlet's clock says that this was before what the page showed and is doubted."""
    if sighting is None or sighting.verdict != "unconfirmed" or sighting.doubt_text is None:
        return False
    doubted, updated = sighting.state.source_updated_at, state.source_updated_at
    return doubted is not None and updated is not None and updated < doubted


def _in_milliseconds(state: RaceState) -> RaceState:
    """The state with times as the file keeps them."""
    updated, close = state.source_updated_at, state.last_close_at
    if not any(t is not None and t.microsecond % 1000 for t in (updated, close)):
        return state
    return replace(
        state,
        source_updated_at=None if updated is None else instant(instant_text(updated)),
        last_close_at=None if close is None else instant(instant_text(close)),
    )


def _rank(family: str) -> int:
    return LEADS.index(family) if family in LEADS else len(LEADS)


def _subject(shown: _Shown, state: RaceState, ids: Mapping[str, int]) -> Subject:
    return Subject(
        race=shown.race,
        place=shown.place,
        source_updated_at=state.source_updated_at,
        candidates=ids,
    )


def _completed(
    printed: RaceState, state: RaceState, current: RaceState, told: RaceState | None
) -> tuple[RaceState, RaceState]:
    """The look's state and the current one, made comparable.

    Two pages of an outlet tell different things of one race. What this page has never told is
    taken to be as it stands, and a name is another only where this very page had spelled it
    otherwise. printed: as the page has it, with the page's own keys. told: what it showed before.
    """
    before = {} if told is None else {t.candidate: t for t in told.tallies}
    stands = {t.candidate: t for t in current.tallies}
    tallies = list(state.tallies)
    names: dict[str, str] = {}
    for position, (own, tally) in enumerate(zip(printed.tallies, state.tallies, strict=True)):
        stood = stands.get(tally.candidate)
        if stood is None:
            continue
        last = before.get(own.candidate)
        if last is not None and last.name != own.name:
            names[tally.candidate] = last.name
        elif tally.name != stood.name:
            tallies[position] = tally = replace(tally, name=stood.name)
        if tally.votes is None and stood.votes is not None and (last is None or last.votes is None):
            tallies[position] = tally = replace(tally, votes=stood.votes)
        if (
            tally.electoral_votes is None
            and stood.electoral_votes is not None
            and (last is None or last.electoral_votes is None)
        ):
            tallies[position] = replace(tally, electoral_votes=stood.electoral_votes)
    untold: dict[str, Any] = {}
    if percents_of(state) != percents_of(current):
        for name, _, _, _, of in PERCENTS:
            never_told = of(state) is None and (told is None or of(told) is None)
            if never_told and of(current) is not None:
                untold[name] = of(current)
    if untold or any(a is not b for a, b in zip(tallies, state.tallies, strict=True)):
        state = replace(state, tallies=tuple(tallies), **untold)
    if names:
        current = replace(
            current,
            tallies=tuple(replace(t, name=names.get(t.candidate, t.name)) for t in current.tallies),
        )
    return state, current
