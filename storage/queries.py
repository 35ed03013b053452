"""The read side: what the tables say, as rows. Standard library only, for a quick start."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from storage.figures import ranked
from storage.records import RaceState, Tally, Value, instant, instant_text


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

#: A candidate's key as outsiders know it: the source's own id where there is one.
_KEY = (
    "(SELECT key FROM candidate_key WHERE candidate_key.candidate = candidate.id"
    " ORDER BY scheme = 'last_name' LIMIT 1)"
)

_LOG = f"""
WITH entry AS (
    SELECT id, kind, flags, source, race, place, candidate, article, field, old, new, delta,
           source_updated_at, before_fetch, fetch, id AS place_in_look FROM change
    UNION ALL
    SELECT NULL, 'first', '[]', source, race, place, candidate, article, field, NULL, new, NULL,
           source_updated_at, NULL, fetch, id FROM first_sight WHERE :first
)
SELECT entry.id, kind, flags, source.name AS source, outlet.name AS outlet,
       election.date AS election_date, race.slug AS race, place.code AS place,
       {_KEY} AS candidate, candidate.name AS candidate_name, article.key AS article, field,
       old, new, delta, before.fetched_at AS seen_after, look.fetched_at AS seen_at,
       entry.source_updated_at, page.url, before.id AS fetch_before,
       body_before.sha256 AS sha256_before, look.id AS fetch, body.sha256
  FROM entry
  JOIN source ON source.id = entry.source
  JOIN outlet ON outlet.id = source.outlet
  JOIN election ON election.id = source.election
  JOIN fetch AS look ON look.id = entry.fetch
  JOIN page ON page.id = look.page
  JOIN body ON body.id = look.body
  LEFT JOIN fetch AS before ON before.id = entry.before_fetch
  LEFT JOIN body AS body_before ON body_before.id = before.body
  LEFT JOIN race ON race.id = entry.race
  LEFT JOIN place ON place.id = entry.place
  LEFT JOIN candidate ON candidate.id = entry.candidate
  LEFT JOIN article ON article.id = entry.article
 WHERE (:since IS NULL OR look.fetched_at >= :since)
   AND (:until IS NULL OR look.fetched_at <= :until)
   AND (:kinds = '[]' OR kind IN (SELECT value FROM json_each(:kinds)))
   AND (:race IS NULL OR race.slug = :race)
   AND (:article IS NULL OR article.key = :article)
 ORDER BY look.id, entry.id IS NULL, place_in_look
"""  # noqa: S608 - no text of a user's


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
    """The log, oldest look first."""
    rows = connection.execute(
        _LOG,
        {
            "first": wanted.first,
            "since": wanted.since and instant_text(wanted.since),
            "until": wanted.until and instant_text(wanted.until),
            "kinds": json.dumps(list(wanted.kinds)),
            "race": wanted.race,
            "article": wanted.article,
        },
    )
    for row in rows:
        yield LogRow(**{**dict(row), "flags": json.loads(row["flags"])})


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
        SELECT field, candidate.name, {_KEY} AS candidate, new, max(fetch * 2 + changed) AS last
          FROM entry LEFT JOIN candidate ON candidate.id = entry.candidate
         WHERE entry.source = ? AND entry.race = ? AND entry.place = ? AND fetch <= ?
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

_RESULTS = f"""
SELECT source.name AS source, outlet.name AS outlet, election.date AS election_date,
       race.slug AS race, place.code AS place, {_KEY} AS candidate,
       candidate.name AS candidate_name, votes, electoral_votes,
       progress.projection IS candidate.id AS projected,
       projection_seen_first AND progress.projection IS candidate.id AS called_before_first_look,
       expected_vote_pct, progress.source_updated_at, brought.fetched_at AS seen_at,
       shown.fetched_at AS last_look
  FROM progress
  JOIN tally USING (source, race, place)
  JOIN source ON source.id = progress.source
  JOIN outlet ON outlet.id = source.outlet
  JOIN election ON election.id = source.election
  JOIN race ON race.id = progress.race
  JOIN place ON place.id = progress.place
  JOIN candidate ON candidate.id = tally.candidate
  JOIN fetch AS brought ON brought.id = progress.fetch
  JOIN fetch AS shown ON shown.id = progress.shown_by
 WHERE :race IS NULL OR race.slug = :race
 ORDER BY progress.id, tally.id
"""  # noqa: S608 - no text of a user's


def results(connection: sqlite3.Connection, race: str | None = None) -> list[list[ResultRow]]:
    """The tallies now, a list for each race and place, leader first. race: only this slug."""
    groups: dict[tuple[str, str, str], list[sqlite3.Row]] = {}
    for row in connection.execute(_RESULTS, {"race": race}):
        groups.setdefault((row["source"], row["race"], row["place"]), []).append(row)
    return [_ranked_results(rows) for rows in groups.values()]


def _ranked_results(rows: Sequence[sqlite3.Row]) -> list[ResultRow]:
    by_key = {row["candidate"]: dict(row) for row in rows}
    tallies = ranked(
        Tally(candidate=key, name=row["candidate_name"], votes=row["votes"])
        for key, row in by_key.items()
    )
    result = []
    for tally in tallies:
        others = [t.votes for t in tallies if t is not tally and t.votes is not None]
        row = by_key[tally.candidate]
        row["margin"] = tally.votes - max(others) if tally.votes is not None and others else None
        for name in ("projected", "called_before_first_look"):
            row[name] = bool(row[name])
        result.append(ResultRow(**row))
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How closely it was watched: what an answer of "nothing vanished" rests on.

    looks: fetches, of which refused and failed. partly_refused: accepted, but for a part.
    pages: addresses looked at. longest_gap: between two good looks at one page; None when no
    page had two.
    """

    looks: int
    pages: int
    refused: int
    failed: int
    partly_refused: int
    first: datetime | None
    last: datetime | None
    longest_gap: timedelta | None


def coverage(connection: sqlite3.Connection, wanted: Filter) -> Coverage:
    """The coverage of the filter's span of time, over all pages."""
    span = {
        "since": wanted.since and instant_text(wanted.since),
        "until": wanted.until and instant_text(wanted.until),
    }
    within = "(:since IS NULL OR fetched_at >= :since) AND (:until IS NULL OR fetched_at <= :until)"
    row = connection.execute(
        f"""
        SELECT count(*) AS looks, count(DISTINCT page) AS pages,
               count(*) FILTER (WHERE outcome = 'refused') AS refused,
               count(*) FILTER (WHERE outcome = 'failed') AS failed,
               count(*) FILTER (WHERE outcome IN ('new', 'unchanged') AND EXISTS (
                   SELECT 1 FROM refusal WHERE refusal.fetch = fetch.id AND verdict = 'rejected'
               )) AS partly_refused,
               min(fetched_at) AS first, max(fetched_at) AS last
          FROM fetch WHERE {within}
        """,  # noqa: S608 - no text of a user's
        span,
    ).fetchone()
    gap = connection.execute(
        f"""
        SELECT max(gap) AS longest FROM (
            SELECT julianday(fetched_at) - lag(julianday(fetched_at))
                   OVER (PARTITION BY page ORDER BY id) AS gap
              FROM fetch WHERE outcome IN ('new', 'unchanged') AND {within})
        """,  # noqa: S608 - no text of a user's
        span,
    ).fetchone()["longest"]
    facts = dict(row)
    for name in ("first", "last"):
        facts[name] = facts[name] and instant(facts[name])
    return Coverage(
        **facts,
        longest_gap=None if gap is None else timedelta(milliseconds=round(gap * 86_400_000)),
    )


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
    return asdict(row)
