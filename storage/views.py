"""The views: the log and the tallies in words, for everybody who asks the database itself.

Our own queries read them too, so that a figure is defined once. What each column means stands in
`storage/browse/metadata.yaml`. What few ask for is looked up by sub-queries: SQLite leaves out
those whose columns are not wanted, but counts through every join.
"""

from __future__ import annotations

#: A candidate's key as outsiders know it: the source's own id where there is one.
KEY = (
    "(SELECT key FROM candidate_key WHERE candidate_key.candidate = candidate.id"
    " ORDER BY scheme = 'last_name' LIMIT 1)"
)


#: An instant as the log's other times are written; it is kept as milliseconds since 1970.
_UPDATED = "strftime('%Y-%m-%dT%H:%M:%fZ', source_updated_ms / 1000.0, 'unixepoch')"

_CHANGE = f"""
CREATE VIEW change AS
SELECT entry.id, label.kind, label.flags, series.source, series.race, series.place,
       series.candidate, series.article, series.field, entry.old, entry.new, entry.delta,
       entry.before_fetch, entry.fetch, entry.confirmed_by, {_UPDATED} AS source_updated_at,
       entry.series
  FROM entry
  LEFT JOIN series ON series.id = entry.series
  LEFT JOIN label ON label.id = entry.label
"""  # noqa: S608 - names are ours


def _log(table: str, own: str, before: str, confirmed: str) -> str:
    """The columns of the log over one of its tables. own: the first of them, to seen_after."""
    return f"""
SELECT {own}, look.fetched_at AS seen_at, entry.source_updated_at,
       (SELECT url FROM page WHERE page.id = look.page) AS url, {before} AS fetch_before,
       (SELECT sha256 FROM body WHERE body.id = before.body) AS sha256_before, entry.fetch,
       (SELECT sha256 FROM body WHERE body.id = look.body) AS sha256,
       (SELECT fetched_at FROM fetch WHERE fetch.id = {confirmed}) AS confirmed_at,
       {confirmed} AS confirmed_by
  FROM {table} AS entry
  LEFT JOIN source ON source.id = entry.source
  LEFT JOIN fetch AS look ON look.id = entry.fetch
  LEFT JOIN fetch AS before ON before.id = {before}
  LEFT JOIN candidate ON candidate.id = entry.candidate
"""  # noqa: S608 - names are ours


def of_field(*fields: str) -> str:
    """A condition on `change`: about one of these, of which there are few changes."""
    names = ", ".join(f"'{field}'" for field in fields)
    return f"series IN (SELECT id FROM series WHERE field IN ({names}))"  # noqa: S608 - ours


def _series_of(row: str, field: str, candidate: str) -> str:
    """What changes of that field of the candidate are about, in the race and place of the row."""
    return f"""(SELECT id FROM series WHERE series.source = {row}.source
                   AND series.race = {row}.race AND series.place = {row}.place
                   AND series.candidate = {candidate} AND series.field = '{field}')"""  # noqa: S608


def name_as_of(row: str, look: str) -> str:
    """The name of the row's candidate as the outlet printed it at that look.

    A later rename has the old one.
    """
    names = _series_of(row, "name", f"{row}.candidate")
    return f"""coalesce((SELECT old FROM entry AS renamed WHERE renamed.series = {names}
             AND renamed.fetch > {look} ORDER BY renamed.fetch LIMIT 1),
             candidate.name)"""  # noqa: S608 - names are ours


# The + keeps SQLite from going from one series to the next where `field = 'votes'` is asked for:
# nearly all changes are of votes, and a look at each in the order of the log is five times faster.
_ABOUT = f"""source.name AS source,
       (SELECT name FROM outlet WHERE outlet.id = source.outlet) AS outlet,
       (SELECT date FROM election WHERE election.id = source.election) AS election_date,
       (SELECT slug FROM race WHERE race.id = entry.race) AS race,
       (SELECT code FROM place WHERE place.id = entry.place) AS place, {KEY} AS candidate,
       {name_as_of("entry", "entry.fetch")} AS candidate_name,
       (SELECT key FROM article WHERE article.id = entry.article) AS article,
       +entry.field AS field"""  # noqa: S608 - names are ours

_CHANGE_LOG = "CREATE VIEW change_log AS" + _log(
    "change",
    f"entry.id, entry.kind, entry.flags, {_ABOUT},"
    " entry.old, entry.new, entry.delta,"
    # From when it was asked on, the site may have shown the new value.
    " coalesce(before.asked_at, before.fetched_at) AS seen_after",
    "entry.before_fetch",
    "entry.confirmed_by",
)

_FIRST_SIGHT_LOG = "CREATE VIEW first_sight_log AS" + _log(
    "first_sight",
    f"entry.id, 'first' AS kind, entry.flags, {_ABOUT},"
    " NULL AS old, entry.new, NULL AS delta, NULL AS seen_after",
    "NULL",
    "NULL",
)

_RESULTS = f"""
CREATE VIEW results AS
SELECT source.name AS source, outlet.name AS outlet, election.date AS election_date,
       race.slug AS race, place.code AS place, {KEY} AS candidate,
       candidate.name AS candidate_name, tally.votes,
       tally.votes - (
           SELECT max(other.votes) FROM tally AS other
            WHERE other.source = tally.source AND other.race = tally.race
              AND other.place = tally.place AND other.candidate <> tally.candidate
       ) AS margin,
       tally.electoral_votes, progress.projection IS tally.candidate AS projected,
       progress.projection_seen_first AND progress.projection IS tally.candidate
           AS called_before_first_look,
       progress.expected_vote_pct, progress.precincts_pct, progress.source_updated_at,
       brought.fetched_at AS seen_at, shown.fetched_at AS last_look, tally.runoff,
       candidate.party, progress.status,
       progress.last_close_at, (
           SELECT min(doubted.fetched_at) FROM sighting
             JOIN page ON page.id = sighting.page
             JOIN fetch AS doubted ON doubted.id = sighting.doubt_fetch
            WHERE sighting.race = progress.race AND sighting.place = progress.place
              AND sighting.verdict = 'unconfirmed' AND page.source = progress.source
       ) AS unconfirmed_since
  FROM progress
  JOIN tally USING (source, race, place)
  LEFT JOIN source ON source.id = progress.source
  LEFT JOIN outlet ON outlet.id = source.outlet
  LEFT JOIN election ON election.id = source.election
  LEFT JOIN race ON race.id = progress.race
  LEFT JOIN place ON place.id = progress.place
  LEFT JOIN candidate ON candidate.id = tally.candidate
  LEFT JOIN fetch AS brought ON brought.id = progress.fetch
  LEFT JOIN fetch AS shown ON shown.id = max(progress.shown_by, coalesce((
           SELECT max(coalesce(sighting.last_fetch, page.good_fetch, sighting.first_fetch))
             FROM sighting JOIN page ON page.id = sighting.page
            WHERE sighting.race = progress.race AND sighting.place = progress.place
              AND sighting.current AND page.source = progress.source), 0))
 ORDER BY progress.id, tally.votes IS NULL, tally.votes DESC, candidate
"""  # noqa: S608 - names are ours


def _votes_as_of(candidate: str) -> str:
    """The candidate's votes as of the look `call.fetch`, from the log; NULL when not published.

    The last row that set them counts; of one look, a change comes after a first sight.
    """
    where = f"""source = call.source AND race = call.race AND place = call.place
                    AND candidate = {candidate} AND field = 'votes' AND fetch <= call.fetch"""
    last = "ORDER BY fetch DESC LIMIT 1"
    return f"""(SELECT new FROM (
               SELECT * FROM (SELECT new, fetch, 1 AS changed FROM entry
                  WHERE series = {_series_of("call", "votes", candidate)}
                    AND fetch <= call.fetch {last})
               UNION ALL
               SELECT * FROM (SELECT new, fetch, 0 FROM first_sight WHERE {where} {last})
           ) ORDER BY fetch DESC, changed DESC LIMIT 1)"""  # noqa: S608 - names are ours


def _listed(candidate: str) -> str:
    """Whether the candidate was not taken off by the look `call.fetch`."""
    return f"""(SELECT kind FROM entry JOIN label ON label.id = entry.label
                 WHERE series = {_series_of("call", "set", candidate)}
                   AND entry.fetch <= call.fetch ORDER BY entry.fetch DESC LIMIT 1
           ) IS NOT 'candidate_removed'"""  # noqa: S608 - names are ours


_PROJECTION_LOG = f"""
CREATE VIEW projection_log AS
WITH call AS (
    SELECT id, kind, flags, source, race, place, candidate, old, new, before_fetch, fetch,
           source_updated_at FROM change WHERE {of_field("projection")}
    UNION ALL
    SELECT NULL, 'first', flags, source, race, place, candidate, NULL, new, NULL, fetch,
           source_updated_at FROM first_sight WHERE field = 'projection'
)
SELECT call.id, call.kind, call.flags, source.name AS source, outlet.name AS outlet,
       race.slug AS race, place.code AS place, call.old, call.new,
       candidate.name AS candidate_name, {_votes_as_of("call.candidate")} AS votes,
       {_votes_as_of("call.candidate")} - (
           SELECT max({_votes_as_of("other.id")}) FROM candidate AS other
            WHERE other.race = call.race AND other.id <> call.candidate AND {_listed("other.id")}
       ) AS margin,
       coalesce(before.asked_at, before.fetched_at) AS seen_after,
       look.fetched_at AS seen_at, call.source_updated_at,
       page.url, call.fetch, body.sha256
  FROM call
  LEFT JOIN source ON source.id = call.source
  LEFT JOIN outlet ON outlet.id = source.outlet
  LEFT JOIN race ON race.id = call.race
  LEFT JOIN place ON place.id = call.place
  LEFT JOIN candidate ON candidate.id = call.candidate
  LEFT JOIN fetch AS look ON look.id = call.fetch
  LEFT JOIN fetch AS before ON before.id = call.before_fetch
  LEFT JOIN page ON page.id = look.page
  LEFT JOIN body ON body.id = look.body
 ORDER BY call.fetch, call.id
"""  # noqa: S608 - names are ours


def _seconds(later: str, earlier: str) -> str:
    return f"round((julianday({later}) - julianday({earlier})) * 86400, 1)"


_CALL_LEDGER = f"""
CREATE VIEW call_ledger AS
WITH moved AS (
    SELECT change.id, change.source, change.race, change.place, change.candidate, kind, new, fetch,
           coalesce(before.asked_at, before.fetched_at) AS seen_after, look.fetched_at AS seen_at
      FROM change
      JOIN fetch AS look ON look.id = change.fetch
      JOIN fetch AS before ON before.id = change.before_fetch
     WHERE {of_field("projection")} AND flags NOT LIKE '%"runoff"%'
), call AS (
    SELECT * FROM moved WHERE new IS NOT NULL
    UNION ALL
    SELECT NULL, source, race, place, candidate, 'first', new, fetch, NULL, look.fetched_at
      FROM first_sight JOIN fetch AS look ON look.id = first_sight.fetch
     WHERE field = 'projection' AND flags NOT LIKE '%"runoff"%'
), ledger AS (
    SELECT call.*, first_value(seen_after) OVER race_of AS first_after,
           first_value(seen_at) OVER race_of AS first_at,
           row_number() OVER race_of AS number,
           (SELECT min(id) FROM moved WHERE moved.source = call.source AND moved.race = call.race
               AND moved.place = call.place AND moved.fetch > call.fetch) AS ended
      FROM call
    WINDOW race_of AS (PARTITION BY call.race, call.place ORDER BY seen_at, call.id)
)
SELECT election.date AS election_date, race.slug AS race, place.code AS place,
       outlet.name AS outlet, source.name AS source, candidate.name AS candidate_name,
       ledger.kind, ledger.id AS change, ledger.seen_after, ledger.seen_at,
       iif(number = 1, 0, max(0, {_seconds("ledger.seen_after", "ledger.first_at")}))
           AS lag_seconds_least,
       iif(number = 1, 0, {_seconds("ledger.seen_at", "ledger.first_after")}) AS lag_seconds_most,
       ended.kind AS ended_by, ended.id AS ended_change, ended.seen_after AS ended_after,
       ended.seen_at AS ended_at
  FROM ledger
  JOIN source ON source.id = ledger.source
  JOIN outlet ON outlet.id = source.outlet
  JOIN race ON race.id = ledger.race
  JOIN election ON election.id = race.election
  JOIN place ON place.id = ledger.place
  LEFT JOIN candidate ON candidate.id = ledger.candidate
  LEFT JOIN moved AS ended ON ended.id = ledger.ended
 ORDER BY race.slug, place.code, ledger.seen_at, ledger.id
"""  # noqa: S608 - names are ours

#: Looks between which nobody can say what a page showed: those accepted in full, and the last of
#: each page, so that a silence that goes on counts too.
GOOD = """outcome IN ('new', 'unchanged') AND NOT EXISTS (
           SELECT 1 FROM refusal WHERE refusal.fetch = fetch.id AND verdict = 'rejected')
       OR fetch.id = (SELECT max(last.id) FROM fetch AS last WHERE last.page = fetch.page)"""

_COVERAGE = f"""
CREATE VIEW coverage AS
WITH good AS (
    SELECT page, fetched_at, lag(fetched_at) OVER (PARTITION BY page ORDER BY id) AS before
      FROM fetch WHERE {GOOD}
), gap AS (
    SELECT page, before AS began, fetched_at AS ended,
           max((julianday(fetched_at) - julianday(before)) * 86400) AS seconds
      FROM good WHERE before IS NOT NULL GROUP BY page
)
SELECT source.name AS source, page.url, page.family, count(fetch.id) AS looks,
       count(*) FILTER (WHERE outcome = 'new') AS new,
       count(*) FILTER (WHERE outcome = 'unchanged') AS unchanged,
       count(*) FILTER (WHERE outcome IN ('new', 'unchanged') AND EXISTS (
           SELECT 1 FROM refusal WHERE refusal.fetch = fetch.id AND verdict = 'rejected'
       )) AS refused_in_part,
       count(*) FILTER (WHERE outcome = 'refused') AS refused,
       count(*) FILTER (WHERE outcome = 'failed') AS failed,
       count(*) FILTER (WHERE fetch.id IS NOT NULL AND outcome IS NULL) AS unread,
       min(fetched_at) AS first_look, max(fetched_at) AS last_look,
       max(fetched_at) FILTER (WHERE outcome IN ('new', 'unchanged')) AS last_good_look,
       round(gap.seconds, 1) AS longest_gap_seconds, gap.began AS longest_gap_began,
       gap.ended AS longest_gap_ended
  FROM page
  LEFT JOIN source ON source.id = page.source
  LEFT JOIN fetch ON fetch.page = page.id
  LEFT JOIN gap ON gap.page = page.id
 GROUP BY page.id
"""  # noqa: S608 - names are ours

_UNCONFIRMED = """
CREATE VIEW unconfirmed AS
SELECT refusal.id, refusal.verdict, refusal.part, refusal.race, refusal.place, refusal.reason,
       source.name AS source, page.url, look.fetched_at AS seen_at, refusal.fetch, body.sha256,
       NULL AS votes_before, NULL AS state
  FROM page
  JOIN refusal ON refusal.fetch = (SELECT max(id) FROM fetch WHERE fetch.page = page.id)
   AND refusal.verdict <> 'unconfirmed'
  JOIN fetch AS look ON look.id = refusal.fetch
  LEFT JOIN source ON source.id = page.source
  LEFT JOIN body ON body.id = look.body
UNION ALL
SELECT refusal.id, refusal.verdict, refusal.part, refusal.race, refusal.place, refusal.reason,
       source.name, page.url, look.fetched_at, refusal.fetch, body.sha256,
       (SELECT sum(votes) FROM tally WHERE tally.source = page.source
           AND tally.race = sighting.race AND tally.place = sighting.place),
       iif(sighting.doubt_state IS NULL, NULL, sighting.state)
  FROM sighting
  JOIN race ON race.id = sighting.race
  JOIN place ON place.id = sighting.place
  JOIN refusal ON refusal.fetch = sighting.doubt_fetch AND refusal.verdict = 'unconfirmed'
   AND refusal.race = race.slug AND refusal.place = place.code
  JOIN page ON page.id = sighting.page
  JOIN fetch AS look ON look.id = sighting.doubt_fetch
  LEFT JOIN source ON source.id = page.source
  LEFT JOIN body ON body.id = look.body
 WHERE sighting.verdict = 'unconfirmed'
UNION ALL
SELECT NULL, look.outcome, 'page', NULL, NULL, look.reason, source.name, page.url,
       look.fetched_at, look.id, body.sha256, NULL, NULL
  FROM page
  JOIN fetch AS look ON look.id = (SELECT max(id) FROM fetch WHERE fetch.page = page.id)
  LEFT JOIN source ON source.id = page.source
  LEFT JOIN body ON body.id = look.body
 WHERE (look.outcome = 'failed' OR (look.outcome = 'refused'
   AND NOT EXISTS (SELECT 1 FROM refusal WHERE refusal.fetch = look.id)))
   -- a guess that was never there is absent, and no trouble; see storage.writing.absence
   AND NOT (page.knowledge IS 'guessed' AND look.status IN (403, 404, 410)
   AND NOT EXISTS (SELECT 1 FROM fetch AS had WHERE had.page = page.id AND had.status = 200))
"""

#: Every view, in an order in which they can be created.
VIEWS = (
    _CHANGE,
    _CHANGE_LOG,
    _FIRST_SIGHT_LOG,
    _RESULTS,
    _PROJECTION_LOG,
    _CALL_LEDGER,
    _COVERAGE,
    _UNCONFIRMED,
)
