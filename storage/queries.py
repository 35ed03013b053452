"""The read side: what the tables say, as rows. Standard library only, for a quick start."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from storage.records import ALARMING, RaceState, Tally, Value, instant, instant_text
from storage.views import KEY, name_as_of


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """One change, or one first sight (kind `first`, no id), with what proves it.

    The fields are the columns of `changes --format jsonl` and `csv`, in this order.
    id: place in the log; None for a first sight. candidate: the source's id, else the last name
    in lower case. article: the outlet's numeric id. seen_after: our clock at the latest look that
    still showed `old`; seen_at: at the first that showed `new`. source_updated_at: the outlet's
    own time. fetch, sha256: the look and the body that show `new`; fetch_before, sha256_before:
    those that show `old`.
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


COLUMNS = tuple(LogRow.__dataclass_fields__)
_COLUMNS = ", ".join(COLUMNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which rows of the log to give; None and () mean all. since, until: seen_at, inclusive."""

    since: datetime | None = None
    until: datetime | None = None
    kinds: Sequence[str] = ()
    race: str | None = None
    article: str | None = None
    first: bool = False


def log(connection: sqlite3.Connection, wanted: Filter) -> Iterator[LogRow]:
    """The log, oldest look first. With `first`, of one look changes come before first sights."""
    values: dict[str, object] = {}
    conditions = ["1"]
    span = []
    for name, sign, moment in (("since", ">=", wanted.since), ("until", "<=", wanted.until)):
        if moment is not None:
            span.append(f"fetched_at {sign} :{name}")
            values[name] = instant_text(moment)
    if span:
        within = " AND ".join(span)
        conditions.append(f"fetch IN (SELECT id FROM fetch WHERE {within})")  # noqa: S608
    for name, value in (("race", wanted.race), ("article", wanted.article)):
        if value is not None:
            conditions.append(f"{name} = :{name}")
            values[name] = value
    if wanted.kinds:
        conditions.append("kind IN (SELECT value FROM json_each(:kinds))")
        values["kinds"] = json.dumps(list(wanted.kinds))
    where = " AND ".join(conditions)
    if wanted.first:
        # As sub-queries of their own, so that the columns of the order may be expressions.
        sql = f"""
        SELECT {_COLUMNS} FROM (
            SELECT {_COLUMNS}, id AS position, 0 AS first FROM change_log WHERE {where}
            UNION ALL
            SELECT {_COLUMNS.replace("id,", "NULL AS id,", 1)}, id, 1 FROM first_sight_log
             WHERE {where}
        ) ORDER BY fetch, first, position
        """  # noqa: S608 - names and conditions are ours
    else:
        sql = f"SELECT {_COLUMNS} FROM change_log WHERE {where} ORDER BY id"  # noqa: S608
    for row in connection.execute(sql, values):
        yield _log_row(row)


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
        WITH entry AS (
            SELECT source, race, place, candidate, field, new, fetch, 1 AS changed FROM change
            UNION ALL
            SELECT source, race, place, candidate, field, new, fetch, 0 FROM first_sight
        )
        SELECT field, {name_as_of("?4")} AS name, {KEY} AS candidate, new,
               max(fetch * 2 + changed) AS last
          FROM entry LEFT JOIN candidate ON candidate.id = entry.candidate
         WHERE entry.source = ?1 AND entry.race = ?2 AND entry.place = ?3 AND fetch <= ?4
         GROUP BY field, iif(field = 'projection', NULL, entry.candidate)
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
        expected_vote_pct=_number(values.get(("expected_vote_pct", None))),
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
    projected: the outlet calls the candidate the winner. called_before_first_look: it did so
    before we looked. seen_at: our clock at the look that brought this state; last_look: at the
    latest that showed it.
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


RESULT_COLUMNS = tuple(ResultRow.__dataclass_fields__)


def results(connection: sqlite3.Connection, race: str | None = None) -> list[list[ResultRow]]:
    """The tallies now, a list for each race and place, leader first. race: only this slug."""
    groups: dict[tuple[str, str, str], list[ResultRow]] = {}
    for row in connection.execute(
        "SELECT * FROM results WHERE :race IS NULL OR race = :race", {"race": race}
    ):
        truths = {name: bool(row[name]) for name in ("projected", "called_before_first_look")}
        key = (row["source"], row["race"], row["place"])
        groups.setdefault(key, []).append(ResultRow(**{**dict(row), **truths}))
    return list(groups.values())


def change(connection: sqlite3.Connection, number: int) -> LogRow | None:
    """The change with this id; None when there is none."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM change_log WHERE id = ?",  # noqa: S608 - names are ours
        (number,),
    ).fetchone()
    return row and _log_row(row)


_KINDS = ", ".join(f"'{kind}'" for kind in ALARMING)
_ALARMS = f"SELECT id FROM change WHERE delta < 0 OR kind IN ({_KINDS})"  # noqa: S608


def alarms(connection: sqlite3.Connection, most: int) -> tuple[list[LogRow], int]:
    """The latest changes by which something went down, was taken back or vanished; and how many.

    Oldest first, at most so many.
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
    """What a page shows at its last look and the log does not have; see the view."""

    part: str
    verdict: str
    reason: str
    url: str
    seen_at: str


def unconfirmed(connection: sqlite3.Connection) -> list[Unconfirmed]:
    """What the last look at each page brought that was not accepted."""
    rows = connection.execute("SELECT part, verdict, reason, url, seen_at FROM unconfirmed")
    return [Unconfirmed(**dict(row)) for row in rows]


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

    Over all pages; with a race or a story, over those that ever showed it.
    """
    values = {
        "since": wanted.since and instant_text(wanted.since),
        "until": wanted.until and instant_text(wanted.until),
        "race": wanted.race,
        "article": wanted.article,
        "part": "race" if wanted.race else "article" if wanted.article else None,
    }
    looks = """
        WITH shown AS (
            SELECT page, max(last_fetch) AS last FROM sighting
             WHERE part = 'article ' || :article OR instr(part, 'race ' || :race || ' ') = 1
             GROUP BY page
        ), look AS (
            SELECT fetch.id, fetch.page, fetched_at,
                   iif(outcome IN ('new', 'unchanged') AND id > last, 'without', outcome)
                       AS outcome,
                   EXISTS (SELECT 1 FROM refusal WHERE refusal.fetch = fetch.id
                              AND verdict = 'rejected' AND (:part IS NULL OR part = :part)
                   ) AS refused
              FROM fetch LEFT JOIN shown ON shown.page = fetch.page
             WHERE (:part IS NULL OR shown.page IS NOT NULL)
               AND (:since IS NULL OR fetched_at >= :since)
               AND (:until IS NULL OR fetched_at <= :until)
        )"""
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


def has_article(connection: sqlite3.Connection, key: str) -> bool:
    """Whether the story was ever seen; its key is the outlet's numeric id."""
    return connection.execute("SELECT 1 FROM article WHERE key = ?", (key,)).fetchone() is not None


def timezones(connection: sqlite3.Connection) -> dict[str, str]:
    """The IANA zone of each source's clock, by the source's name."""
    return {r["name"]: r["timezone"] for r in connection.execute("SELECT * FROM source")}


def place_names(connection: sqlite3.Connection) -> dict[str, str]:
    """The name of each place, by its code."""
    return {r["code"]: r["name"] for r in connection.execute("SELECT code, name FROM place")}


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
        """
        SELECT (SELECT count(*) FROM change) AS changes,
               (SELECT count(*) FROM change WHERE delta < 0) AS falls,
               (SELECT count(*) FROM change WHERE kind = 'candidate_removed') AS removals,
               (SELECT count(*) FROM change WHERE kind IN ('projection_made',
                   'projection_retracted', 'projection_changed'))
               + (SELECT count(*) FROM first_sight WHERE field = 'projection') AS projections,
               (SELECT count(*) FROM change WHERE flags LIKE '%lead_change%') AS lead_changes,
               (SELECT count(DISTINCT article || ' ' || fetch) FROM change
                 WHERE article IS NOT NULL AND kind <> 'article_added') AS edits,
               (SELECT count(*) FROM article) AS stories,
               (SELECT fetched_at FROM fetch
                 WHERE id = (SELECT fetch FROM change ORDER BY id DESC LIMIT 1)) AS newest_change,
               (SELECT fetched_at FROM fetch WHERE outcome IN ('new', 'unchanged')
                 ORDER BY id DESC LIMIT 1) AS last_good_look
        """
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
