"""The read side: what the tables say, as rows. Standard library only, for a quick start."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from storage.places import in_order
from storage.records import (
    ALARMING,
    EXPECTED_VOTE,
    PRECINCTS,
    RaceState,
    Tally,
    Value,
    instant,
    instant_text,
)
from storage.views import KEY, name_as_of, of_field


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """One change, or one first sight (kind `first`, no id), with what proves it.

    The fields are the columns of `changes --format jsonl` and `csv`, in this order.
    id: place in the log; None for a first sight. candidate: the source's id, else the last name
    in lower case. article: the outlet's numeric id. seen_after: our clock at the latest look that
    still showed `old`; seen_at: at the first that showed `new`. source_updated_at: the outlet's
    own time. fetch, sha256: the look and the body that show `new`; fetch_before, sha256_before:
    those that show `old`. confirmed_at, confirmed_by: the later look at which a value was believed
    that was not believed at once; None for all others.
    """

    id: int | None
    kind: str
    flags: Sequence[str]
    source: str
    outlet: str
    election_date: str
    race: str | None
    place: str | None
    candidate: str | None
    candidate_name: str | None
    article: str | None
    field: str
    old: Value
    new: Value
    delta: int | float | None
    seen_after: str | None
    seen_at: str
    source_updated_at: str | None
    url: str
    fetch_before: int | None
    sha256_before: str | None
    fetch: int
    sha256: str
    confirmed_at: str | None = None
    confirmed_by: int | None = None

    @property
    def recorded_by(self) -> int:
        """The look at which the row came into the log."""
        return self.confirmed_by or self.fetch

    @property
    def of_county(self) -> bool:
        """Whether it is about a race in a county."""
        return self.place is not None and self.place.count("/") == 2


COLUMNS = tuple(LogRow.__dataclass_fields__)
_COLUMNS = ", ".join(COLUMNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which rows to give; None and () mean all.

    since, until: seen, or confirmed, in this span, ends included. race: a slug, or an office, which
    stands for all its races. state: postal code in lower case, with its districts. counties: rows
    of counties too. article: the outlet's numeric id. first: first sights too.
    """

    since: datetime | None = None
    until: datetime | None = None
    kinds: Sequence[str] = ()
    race: str | None = None
    state: str | None = None
    counties: bool = True
    article: str | None = None
    first: bool = False


_COUNTIES = "level = 'county'"


def _where_in(wanted: Filter, race: str, place: str, *, words: bool = False) -> list[str]:
    """Conditions on the two columns; they hold ids, or slug and code. Values: `_values_in`."""
    slug, code = ("slug", "code") if words else ("id", "id")
    conditions = []
    if wanted.race is not None:
        races = f"SELECT {slug} FROM race WHERE slug = :race OR office = :race"  # noqa: S608
        conditions.append(f"{race} IN ({races})")
    if wanted.state is not None:
        parts = "" if wanted.counties else f" AND NOT {_COUNTIES}"
        places = (
            f"SELECT {code} FROM place WHERE (code = 'us/' || :state"  # noqa: S608
            f" OR code GLOB 'us/' || :state || '[-/]*'){parts}"
        )
        conditions.append(f"{place} IN ({places})")
    elif not wanted.counties:
        counties = f"SELECT {code} FROM place WHERE {_COUNTIES}"  # noqa: S608 - names are ours
        conditions.append(f"({place} IS NULL OR {place} NOT IN ({counties}))")
    return conditions


def _values_in(wanted: Filter) -> dict[str, object]:
    return {"race": wanted.race, "state": wanted.state}


def _span(wanted: Filter, column: str = "fetched_at") -> tuple[str, dict[str, object]]:
    """A condition on a time; empty without one."""
    parts: list[str] = []
    values: dict[str, object] = {}
    for name, sign, moment in (("since", ">=", wanted.since), ("until", "<=", wanted.until)):
        if moment is not None:
            parts.append(f"{column} {sign} :{name}")
            values[name] = instant_text(moment)
    return " AND ".join(parts), values


def _picks(wanted: Filter, table: str) -> tuple[str, dict[str, object]]:
    """Which rows of `change` or `first_sight` are wanted; the table is called `picked`.

    On its own columns, so that a million rows of counties are passed over without a join.
    """
    conditions, values = _where_in(wanted, "picked.race", "picked.place"), _values_in(wanted)
    span, times = _span(wanted)
    if span:
        fetches = f"SELECT id FROM fetch WHERE {span}"  # noqa: S608 - no text of a user's
        confirmed = f" OR picked.confirmed_by IN ({fetches})" if table == "change" else ""
        conditions.append(f"(picked.fetch IN ({fetches}){confirmed})")
        values |= times
    if wanted.article is not None:
        conditions.append("picked.article IN (SELECT id FROM article WHERE key = :article)")
        values["article"] = wanted.article
    if wanted.kinds and table == "change":
        conditions.append("picked.kind IN (SELECT value FROM json_each(:kinds))")
        values["kinds"] = json.dumps(list(wanted.kinds))
    return " AND ".join(conditions) or "1", values


#: The look at which a row of `change` came into the log.
_RECORDED_BY = "coalesce(picked.confirmed_by, picked.fetch)"


def log(
    connection: sqlite3.Connection, wanted: Filter, *, from_look: int | None = None
) -> Iterator[LogRow]:
    """The log in the order in which it was written; from_look: what this look brought, or later.

    With `first`, of one look changes come before first sights.
    """
    where, values = _picks(wanted, "change")
    values["look"] = from_look
    late = f" AND {_RECORDED_BY} >= :look" if from_look else ""
    change = (
        f"FROM change AS picked CROSS JOIN change_log ON change_log.id = picked.id"
        f" WHERE {where}{late}"
    )
    own = ", ".join(f"change_log.{name}" for name in COLUMNS)
    if wanted.first and not wanted.kinds:
        # As sub-queries of their own, so that the columns of the order may be expressions.
        where, others = _picks(wanted, "first_sight")
        values |= others
        late = " AND picked.fetch >= :look" if from_look else ""
        sights = ", ".join(f"first_sight_log.{name}" for name in COLUMNS[1:])
        sql = f"""
        SELECT {_COLUMNS} FROM (
            SELECT {own}, {_RECORDED_BY} AS look, picked.id AS position, 0 AS first {change}
            UNION ALL
            SELECT NULL, {sights}, picked.fetch, picked.id, 1
              FROM first_sight AS picked
             CROSS JOIN first_sight_log ON first_sight_log.id = picked.id WHERE {where}{late}
        ) ORDER BY look, first, position
        """  # noqa: S608 - names and conditions are ours
    else:
        sql = f"SELECT {own} {change} ORDER BY picked.id"
    for row in connection.execute(sql, values):
        yield _log_row(row)


def last_looks(
    connection: sqlite3.Connection, wanted: Filter, most: int
) -> tuple[Iterator[LogRow], int, int]:
    """The rows of the last looks that brought any, at most so many; how many; and of how many."""
    where, values = _picks(wanted, "change")
    looks = f"SELECT {_RECORDED_BY} AS look FROM change AS picked WHERE {where}"  # noqa: S608
    if wanted.first and not wanted.kinds:
        where, others = _picks(wanted, "first_sight")
        looks += f" UNION SELECT picked.fetch FROM first_sight AS picked WHERE {where}"  # noqa: S608
        values |= others
    found = connection.execute(
        f"SELECT DISTINCT look FROM ({looks}) ORDER BY look DESC",  # noqa: S608
        values,
    ).fetchall()
    if not found:
        return iter(()), 0, 0
    shown = found[:most]
    rows = log(connection, wanted, from_look=shown[-1]["look"])
    return rows, len(shown), len(found)


def _log_row(row: sqlite3.Row) -> LogRow:
    # Nearly all have no flags, and a log may have a million rows.
    flags = [] if row["flags"] == "[]" else json.loads(row["flags"])
    return LogRow(**{**dict(row), "flags": flags})


def race_as_of(connection: sqlite3.Connection, row: LogRow) -> tuple[RaceState, RaceState]:
    """The state of a results row's race and place before and after its look, from the log."""
    key = connection.execute(
        "SELECT source.id AS source, race.id AS race, place.id AS place FROM source"
        " JOIN race ON race.election = source.election JOIN place"
        " WHERE source.name = ? AND race.slug = ? AND place.code = ?",
        (row.source, row.race, row.place),
    ).fetchone()
    before = _fold(connection, key, row.fetch - 1, row)
    return before, _fold(connection, key, row.fetch, row)


def _fold(connection: sqlite3.Connection, key: sqlite3.Row, fetch: int, row: LogRow) -> RaceState:
    """What the log adds up to after the given fetch: for each value, the last row that set it."""
    last = connection.execute(
        f"""
        WITH told AS (
            SELECT source, race, place, candidate, field, new, fetch, flags, 1 AS changed
              FROM change
            UNION ALL
            SELECT source, race, place, candidate, field, new, fetch, flags, 0 FROM first_sight
        )
        SELECT field, {name_as_of("told", "?4")} AS name, {KEY} AS candidate, new,
               max(fetch * 2 + changed) AS last
          FROM told LEFT JOIN candidate ON candidate.id = told.candidate
         WHERE told.source = ?1 AND told.race = ?2 AND told.place = ?3 AND fetch <= ?4
           AND flags NOT LIKE '%"runoff"%'
         GROUP BY field, iif(field = 'projection', NULL, told.candidate)
        """,  # noqa: S608 - no text of a user's
        (key["source"], key["race"], key["place"], fetch),
    ).fetchall()
    values: dict[tuple[str, str | None], Value] = {}
    names: dict[str, str] = {}
    for entry in last:
        values[entry["field"], entry["candidate"]] = entry["new"]
        if entry["candidate"] is not None:
            names[entry["candidate"]] = entry["name"]
    gone = {c for (field, c), new in values.items() if field == "set" and new is None}
    return RaceState(
        race=row.race or "",
        place=row.place or "",
        source_updated_at=None,
        tallies=tuple(
            Tally(
                candidate=candidate,
                name=name,
                votes=_whole(values.get(("votes", candidate))),
                electoral_votes=_whole(values.get(("electoral_votes", candidate))),
            )
            for candidate, name in names.items()
            if candidate not in gone
        ),
        projection=next((str(v) for (f, _), v in values.items() if f == "projection" and v), None),
        expected_vote_pct=_number(values.get((EXPECTED_VOTE.field, None))),
        precincts_pct=_number(values.get((PRECINCTS.field, None))),
    )


def _whole(value: Value) -> int | None:
    return value if isinstance(value, int) else None


def _number(value: Value) -> float | None:
    return value if isinstance(value, int | float) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRow:
    """The tally of one candidate as it stands now.

    The fields are the columns of `results --format jsonl` and `csv`, in this order.
    margin: votes minus those of the best other candidate; None unless both are published.
    expected_vote_pct, precincts_pct: percents of the expected vote that is counted, and of the
    precincts that report; None when not published.
    projected: the outlet calls the candidate the winner. called_before_first_look: it did so
    before we looked. seen_at: our clock at the look that brought this state; last_look: at the
    latest that showed it. runoff: the outlet sends the candidate to a runoff. party, status: as
    printed. last_close_at: when the last polls close. unconfirmed_since: our clock at the look
    since which a page shows something else of the race there, which is not believed yet; None when
    none does.
    """

    source: str
    outlet: str
    election_date: str
    race: str
    place: str
    candidate: str
    candidate_name: str
    votes: int | None
    margin: int | None
    electoral_votes: int | None
    projected: bool
    called_before_first_look: bool
    expected_vote_pct: float | None
    source_updated_at: str | None
    seen_at: str
    last_look: str
    runoff: bool = False
    party: str | None = None
    status: str | None = None
    last_close_at: str | None = None
    unconfirmed_since: str | None = None
    precincts_pct: float | None = None


RESULT_COLUMNS = tuple(ResultRow.__dataclass_fields__)
_TRUTHS = ("projected", "called_before_first_look", "runoff")


def results(connection: sqlite3.Connection, wanted: Filter | None = None) -> list[list[ResultRow]]:
    """The tallies now, a list for each race and place, leader first, in the order of `in_order`.

    wanted: only its race, state and counties count.
    """
    wanted = wanted or Filter()
    where = " AND ".join(_where_in(wanted, "race", "place", words=True)) or "1"
    sql = f"SELECT {', '.join(RESULT_COLUMNS)} FROM results WHERE {where}"  # noqa: S608
    groups: dict[tuple[str, str, str], list[ResultRow]] = {}
    for row in connection.execute(sql, _values_in(wanted)):
        truths = {name: bool(row[name]) for name in _TRUTHS}
        key = (row["source"], row["race"], row["place"])
        groups.setdefault(key, []).append(ResultRow(**{**dict(row), **truths}))
    names = place_names(connection)
    return sorted(groups.values(), key=lambda rows: in_order(rows[0].race, rows[0].place, names))


def change(connection: sqlite3.Connection, number: int) -> LogRow | None:
    """The change with this id; None when there is none."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM change_log WHERE id = ?",  # noqa: S608 - names are ours
        (number,),
    ).fetchone()
    return row and _log_row(row)


_KINDS = ", ".join(f"'{kind}'" for kind in ALARMING)
_OF_STATES = f"(place IS NULL OR place NOT IN (SELECT id FROM place WHERE {_COUNTIES}))"  # noqa: S608
_ALARMS = f"""SELECT id FROM change WHERE delta < 0 AND {_OF_STATES}
   UNION SELECT id FROM change
    WHERE {of_field("projection", "set")} AND kind IN ({_KINDS}) AND {_OF_STATES}"""  # noqa: S608


def alarms(connection: sqlite3.Connection, most: int) -> tuple[list[LogRow], int]:
    """The latest changes by which something went down, was taken back or vanished; and how many.

    Oldest first, at most so many. Without counties.
    """
    latest = f"{_ALARMS} ORDER BY id DESC LIMIT ?"
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM change_log WHERE id IN ({latest}) ORDER BY id",  # noqa: S608
        (most,),
    )
    (total,) = connection.execute(f"SELECT count(*) FROM ({_ALARMS})").fetchone()  # noqa: S608
    return [_log_row(row) for row in rows], total


@dataclass(frozen=True, slots=True, kw_only=True)
class Unconfirmed:
    """What a page shows and the log does not have; see the view.

    seen_at: our clock at the look that showed it first. votes: of all candidates, as the page shows
    them; None when it shows none. votes_before: as the log has them. tallies: name and votes, as
    the page shows them.
    """

    part: str
    verdict: str
    reason: str
    url: str
    seen_at: str
    source: str
    race: str | None
    place: str | None
    votes: int | None = None
    votes_before: int | None = None
    tallies: Sequence[tuple[str, int | None]] = ()

    @property
    def waits(self) -> bool:
        """Whether looks to come may confirm it."""
        return self.verdict == "unconfirmed"


def unconfirmed(connection: sqlite3.Connection, wanted: Filter | None = None) -> list[Unconfirmed]:
    """What pages show now that was not accepted, the oldest first.

    wanted: only its race, state and counties count.
    """
    wanted = wanted or Filter()
    where = " AND ".join(_where_in(wanted, "race", "place", words=True)) or "1"
    rows = connection.execute(
        "SELECT part, verdict, reason, url, seen_at, source, race, place, votes_before,"  # noqa: S608
        f" state FROM unconfirmed WHERE {where} ORDER BY seen_at, fetch, race, place",
        _values_in(wanted),
    )
    found = []
    for row in rows:
        facts = dict(row)
        state = json.loads(facts.pop("state") or "{}")
        tallies = [(t["name"], t["votes"]) for t in state.get("tallies", ())]
        published = [votes for _, votes in tallies if votes is not None]
        votes = sum(published) if published else None
        found.append(Unconfirmed(**facts, votes=votes, tallies=tallies))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteRow:
    """Something that was said of a page and is no change. kind: one of storage.records.NOTES.

    seen_at: our clock at the look that brought the note. since, until: at the first and the last
    look that it is about. race, place: None for a note about a page as a whole.
    """

    kind: str
    text: str
    source: str
    race: str | None
    place: str | None
    url: str
    since: str
    until: str
    seen_at: str


def notes(connection: sqlite3.Connection, wanted: Filter, most: int) -> tuple[list[NoteRow], int]:
    """The latest notes, oldest first, at most so many; and how many there are.

    wanted: its span, race, state and counties. A note about a page is of no race and no state.
    """
    conditions, values = _where_in(wanted, "picked.race", "picked.place"), _values_in(wanted)
    span, times = _span(wanted, "look.fetched_at")
    where = " AND ".join([*conditions, *([span] if span else [])]) or "1"
    tables = f"""FROM note AS picked
              JOIN page ON page.id = picked.page
              JOIN source ON source.id = page.source
              JOIN fetch AS look ON look.id = picked.fetch
              JOIN fetch AS began ON began.id = picked.first_fetch
              JOIN fetch AS ended ON ended.id = picked.last_fetch
              LEFT JOIN race ON race.id = picked.race
              LEFT JOIN place ON place.id = picked.place
             WHERE {where}"""
    values |= times
    (total,) = connection.execute(f"SELECT count(*) {tables}", values).fetchone()
    rows = connection.execute(
        "SELECT picked.kind, text, source.name AS source, slug AS race, code AS place, url,"
        " began.fetched_at AS since, ended.fetched_at AS until, look.fetched_at AS seen_at"
        f" {tables} ORDER BY picked.id DESC LIMIT :most",
        {**values, "most": most},
    ).fetchall()
    return [NoteRow(**dict(row)) for row in reversed(rows)], total


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How closely it was watched: what an answer of "nothing vanished" rests on.

    looks: fetches, of which refused and failed. partly_refused: accepted, but for a part.
    without: accepted looks that no longer showed the race or story that is asked for.
    pages: addresses looked at. longest_gap: between two looks at one page that were accepted in
    full, or from such a one to the page's last look; None when no page had two.
    """

    looks: int
    pages: int
    refused: int
    failed: int
    partly_refused: int
    without: int
    first: datetime | None
    last: datetime | None
    longest_gap: timedelta | None


def coverage(connection: sqlite3.Connection, wanted: Filter) -> Coverage:
    """The coverage of the filter's span of time.

    Over all pages; with a race, a state or a story, over those that ever showed it.
    """
    conditions, values = _where_in(wanted, "picked.race", "picked.place"), _values_in(wanted)
    of_a_race = wanted.race is not None or wanted.state is not None
    where = " AND ".join(conditions) if of_a_race else "0"
    values |= {
        "since": wanted.since and instant_text(wanted.since),
        "until": wanted.until and instant_text(wanted.until),
        "article": wanted.article,
        "part": "race" if of_a_race else "article" if wanted.article else None,
    }
    looks = f"""
        WITH shown AS (
            SELECT page, max(coalesce(last_fetch, good_fetch)) AS last
              FROM sighting AS picked JOIN page ON page.id = page WHERE {where} GROUP BY page
            UNION ALL
            SELECT page, max(last_fetch) FROM article_sighting
             WHERE article_key = :article GROUP BY page
        ), look AS (
            SELECT fetch.id, fetch.page, fetched_at,
                   iif(outcome IN ('new', 'unchanged') AND id > last, 'without', outcome)
                       AS outcome,
                   EXISTS (SELECT 1 FROM refusal WHERE refusal.fetch = fetch.id
                              AND verdict = 'rejected' AND (:part IS NULL OR part = :part)
                   ) AS refused
              FROM fetch LEFT JOIN shown ON shown.page = fetch.page
             WHERE (:part IS NULL OR shown.page IS NOT NULL)
               -- what was never there was never missed
               AND fetch.page NOT IN (
                   SELECT id FROM page WHERE knowledge = 'guessed' AND NOT EXISTS (
                       SELECT 1 FROM fetch AS had WHERE had.page = page.id AND had.status = 200))
               AND (:since IS NULL OR fetched_at >= :since)
               AND (:until IS NULL OR fetched_at <= :until)
        )"""  # noqa: S608 - no text of a user's
    row = connection.execute(
        f"""{looks}
        SELECT count(*) AS looks, count(DISTINCT page) AS pages,
               count(*) FILTER (WHERE outcome = 'refused') AS refused,
               count(*) FILTER (WHERE outcome = 'failed') AS failed,
               count(*) FILTER (
                   WHERE outcome IN ('new', 'unchanged', 'without') AND refused
               ) AS partly_refused,
               count(*) FILTER (WHERE outcome = 'without' AND NOT refused) AS without,
               min(fetched_at) AS first, max(fetched_at) AS last
          FROM look
        """,  # noqa: S608 - no text of a user's
        values,
    ).fetchone()
    gap = connection.execute(
        f"""{looks}
        SELECT max(gap) AS longest FROM (
            SELECT julianday(fetched_at) - lag(julianday(fetched_at))
                   OVER (PARTITION BY page ORDER BY id) AS gap
              FROM look WHERE outcome IN ('new', 'unchanged') AND NOT refused
                 OR id IN (SELECT max(id) FROM look GROUP BY page))
        """,  # noqa: S608 - no text of a user's
        values,
    ).fetchone()["longest"]
    facts = dict(row)
    for name in ("first", "last"):
        facts[name] = facts[name] and instant(facts[name])
    return Coverage(
        **facts,
        longest_gap=None if gap is None else timedelta(milliseconds=round(gap * 86_400_000)),
    )


def races(connection: sqlite3.Connection) -> list[str]:
    """The slugs of all races that were ever seen."""
    return [r["slug"] for r in connection.execute("SELECT DISTINCT slug FROM race ORDER BY slug")]


def states(connection: sqlite3.Connection) -> list[str]:
    """The postal codes, in lower case, of all states of which something was ever seen."""
    rows = connection.execute(
        "SELECT DISTINCT substr(code, 4, 2) AS state FROM place WHERE level <> 'nation' ORDER BY 1"
    )
    return [row["state"] for row in rows]


def has_article(connection: sqlite3.Connection, key: str) -> bool:
    """Whether the story was ever seen; its key is the outlet's numeric id."""
    return connection.execute("SELECT 1 FROM article WHERE key = ?", (key,)).fetchone() is not None


def timezones(connection: sqlite3.Connection) -> dict[str, str]:
    """The IANA zone of each source's clock, by the source's name."""
    return {r["name"]: r["timezone"] for r in connection.execute("SELECT * FROM source")}


def place_names(connection: sqlite3.Connection) -> dict[str, str]:
    """The name of each place, by its code, and of each race that has a title, by its slug."""
    rows = connection.execute(
        "SELECT code, name FROM place"
        " UNION ALL SELECT slug, title FROM race WHERE title IS NOT NULL"
    )
    return {r["code"]: r["name"] for r in rows}


def article_headline(connection: sqlite3.Connection, row: LogRow) -> str | None:
    """The story's headline as of the row's look."""
    found = connection.execute(
        "SELECT article_version.headline FROM article_version JOIN article ON article.id = article"
        " JOIN source ON source.id = article.source"
        " WHERE source.name = ? AND key = ? AND article_version.fetch <= ?"
        " ORDER BY article_version.fetch DESC LIMIT 1",
        (row.source, row.article, row.fetch),
    ).fetchone()
    return found["headline"] if found else None


def as_dict(row: LogRow | ResultRow) -> dict[str, object]:
    """The row by column name."""
    return {name: getattr(row, name) for name in row.__dataclass_fields__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """How much there is in the log.

    falls: of votes, electoral votes and percents. removals: candidates taken off. edits: looks that
    brought an edited story. newest_change: our clock at the latest; None without one.
    last_good_look: our clock at the latest look that was accepted.
    """

    changes: int
    falls: int
    removals: int
    projections: int
    lead_changes: int
    edits: int
    stories: int
    newest_change: str | None
    last_good_look: str | None


def glance(connection: sqlite3.Connection) -> Glance:
    """How much there is in the log. projections: with those there when we first looked."""
    row = connection.execute(
        f"""
        SELECT (SELECT count(*) FROM entry) AS changes,
               (SELECT count(*) FROM entry WHERE delta < 0) AS falls,
               (SELECT count(*) FROM change WHERE {of_field("set")}
                   AND kind = 'candidate_removed') AS removals,
               (SELECT count(*) FROM change WHERE {of_field("projection")})
               + (SELECT count(*) FROM first_sight WHERE field = 'projection') AS projections,
               (SELECT count(*) FROM change WHERE flags LIKE '%lead_change%') AS lead_changes,
               (SELECT count(DISTINCT article || ' ' || fetch) FROM change
                 WHERE series IN (SELECT id FROM series WHERE article IS NOT NULL)
                   AND kind <> 'article_added') AS edits,
               (SELECT count(*) FROM article) AS stories,
               (SELECT fetched_at FROM fetch
                 WHERE id = (SELECT fetch FROM entry ORDER BY id DESC LIMIT 1)) AS newest_change,
               (SELECT fetched_at FROM fetch WHERE outcome IN ('new', 'unchanged')
                 ORDER BY id DESC LIMIT 1) AS last_good_look
        """  # noqa: S608 - names are ours
    ).fetchone()
    return Glance(**dict(row))


def changes_of_look(connection: sqlite3.Connection, row: LogRow) -> list[LogRow]:
    """All changes that the row's look brought of the same race in the same place, or story."""
    found = connection.execute(
        f"SELECT {_COLUMNS} FROM change_log WHERE fetch = ? AND race IS ? AND place IS ?"  # noqa: S608
        " AND article IS ? ORDER BY id",
        (row.fetch, row.race, row.place, row.article),
    )
    return [_log_row(r) for r in found]
