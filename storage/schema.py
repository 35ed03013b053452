"""The schema, as migrations. What each column means stands in storage/browse/metadata.yaml.

NULL is "not published" or "not known", never zero. Until 0.1.0 the first migration may change.
"""

from __future__ import annotations

import sqlite3

from sqlite_utils import Database, Migrations

from storage.database import SCHEMA
from storage.views import VIEWS

migrations = Migrations("tallytrail")

#: The one text form of an instant; see storage.records.instant_text.
_INSTANT = "GLOB '{0}{0}-{1}-{1}T{1}:{1}:{1}.{1}[0-9]Z'".format("[0-9][0-9]", "[0-9][0-9]")

#: No row comes before the first of a table to which rows are only added.
_FROM_ONE = 'CONSTRAINT "append-only" CHECK (id > 0)'

_TABLES = f"""
CREATE TABLE outlet (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE election (
    id INTEGER PRIMARY KEY,
    date TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE source (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    outlet INTEGER NOT NULL REFERENCES outlet(id),
    election INTEGER NOT NULL REFERENCES election(id),
    parser TEXT NOT NULL,
    timezone TEXT NOT NULL,
    families TEXT NOT NULL
) STRICT;

CREATE TABLE body (
    id INTEGER PRIMARY KEY {_FROM_ONE},
    sha256 TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    -- NULL: the frame needs no other
    base INTEGER REFERENCES body(id) CHECK (base < id),
    depth INTEGER NOT NULL CHECK ((depth = 0) = (base IS NULL)),
    content BLOB NOT NULL
) STRICT;

CREATE TABLE page (
    id INTEGER PRIMARY KEY,
    source INTEGER NOT NULL REFERENCES source(id),
    url TEXT NOT NULL,
    family TEXT NOT NULL,
    -- NULL: no file of a feed
    knowledge TEXT CHECK (knowledge IN ('captured', 'reported', 'guessed')),
    mark TEXT,
    latest_body INTEGER REFERENCES body(id),
    settled_fetch INTEGER REFERENCES fetch(id),
    good_fetch INTEGER REFERENCES fetch(id),
    UNIQUE (source, url)
) STRICT;

CREATE TABLE fetch (
    id INTEGER PRIMARY KEY {_FROM_ONE},
    page INTEGER NOT NULL REFERENCES page(id),
    -- NULL: the page's own
    asked_url TEXT,
    asked_at TEXT CHECK (asked_at {_INSTANT}),
    fetched_at TEXT NOT NULL CHECK (fetched_at {_INSTANT}),
    status INTEGER,
    headers TEXT,
    body INTEGER REFERENCES body(id),
    wire_sha256 TEXT,
    wire_size INTEGER,
    -- NULL: received, not yet read
    outcome TEXT CHECK (outcome IN ('new', 'unchanged', 'refused', 'failed')),
    reason TEXT,
    parser TEXT,
    CHECK ((outcome IN ('refused', 'failed')) = (reason IS NOT NULL) OR outcome IS NULL)
) STRICT;

CREATE TABLE host (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    held_until TEXT CHECK (held_until {_INSTANT}),
    robots BLOB,
    crawl_delay REAL,
    robots_at TEXT CHECK (robots_at {_INSTANT})
) STRICT;

CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    spider TEXT NOT NULL,
    started_at TEXT NOT NULL CHECK (started_at {_INSTANT}),
    ended_at TEXT CHECK (ended_at {_INSTANT})  -- NULL: at work, or killed
) STRICT;

CREATE TABLE link (
    id INTEGER PRIMARY KEY {_FROM_ONE},
    fetch INTEGER NOT NULL REFERENCES fetch(id),
    step TEXT NOT NULL CHECK (step IN ('received', 'read')),
    hash TEXT NOT NULL,
    UNIQUE (fetch, step)
) STRICT;

CREATE TABLE capture (
    id INTEGER PRIMARY KEY {_FROM_ONE},
    page INTEGER NOT NULL REFERENCES page(id),
    origin TEXT NOT NULL,
    label TEXT NOT NULL,
    name TEXT NOT NULL,
    fetch INTEGER NOT NULL UNIQUE REFERENCES fetch(id),
    UNIQUE (page, origin, name)
) STRICT;

CREATE TABLE place (
    id INTEGER PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    level TEXT NOT NULL CHECK (level IN ('nation', 'state', 'district', 'county')),
    name TEXT NOT NULL,
    parent INTEGER REFERENCES place(id)
) STRICT;

CREATE TABLE race (
    id INTEGER PRIMARY KEY,
    election INTEGER NOT NULL REFERENCES election(id),
    slug TEXT NOT NULL,
    office TEXT NOT NULL,
    -- NULL: the slug says it
    title TEXT,
    UNIQUE (election, slug)
) STRICT;

CREATE TABLE candidate (
    id INTEGER PRIMARY KEY,
    race INTEGER NOT NULL REFERENCES race(id),
    name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    party TEXT,
    kind TEXT NOT NULL CHECK (kind IN ('person', 'option', 'write_in', 'aggregate'))
) STRICT;

CREATE TABLE candidate_key (
    id INTEGER PRIMARY KEY,
    candidate INTEGER NOT NULL REFERENCES candidate(id),
    race INTEGER NOT NULL REFERENCES race(id),
    scheme TEXT NOT NULL,
    key TEXT NOT NULL,
    UNIQUE (race, scheme, key)
) STRICT;

CREATE TABLE tally (
    id INTEGER PRIMARY KEY,
    source INTEGER NOT NULL REFERENCES source(id),
    race INTEGER NOT NULL REFERENCES race(id),
    place INTEGER NOT NULL REFERENCES place(id),
    candidate INTEGER NOT NULL REFERENCES candidate(id),
    votes INTEGER CHECK (votes BETWEEN 0 AND 300000000),
    electoral_votes INTEGER CHECK (electoral_votes BETWEEN 0 AND 538),
    runoff INTEGER NOT NULL DEFAULT 0 CHECK (runoff IN (0, 1)),
    UNIQUE (source, race, place, candidate)
) STRICT;

CREATE TABLE progress (
    id INTEGER PRIMARY KEY,
    source INTEGER NOT NULL REFERENCES source(id),
    race INTEGER NOT NULL REFERENCES race(id),
    place INTEGER NOT NULL REFERENCES place(id),
    expected_vote_pct REAL CHECK (expected_vote_pct BETWEEN 0 AND 200),
    precincts_pct REAL CHECK (precincts_pct BETWEEN 0 AND 200),
    projection INTEGER REFERENCES candidate(id),
    projection_seen_first INTEGER NOT NULL DEFAULT 0 CHECK (projection_seen_first IN (0, 1)),
    status TEXT,
    last_close_at TEXT CHECK (last_close_at {_INSTANT}),
    seats INTEGER,
    source_updated_at TEXT CHECK (source_updated_at {_INSTANT}),
    family TEXT NOT NULL,
    fetch INTEGER NOT NULL REFERENCES fetch(id),
    -- the last look that showed it at a page which shows something else since
    shown_by INTEGER NOT NULL REFERENCES fetch(id),
    sums_differ INTEGER NOT NULL DEFAULT 0,
    UNIQUE (source, race, place)
) STRICT;

CREATE TABLE article (
    id INTEGER PRIMARY KEY,
    source INTEGER NOT NULL REFERENCES source(id),
    key TEXT NOT NULL,
    url TEXT NOT NULL,
    headline TEXT,
    section TEXT,
    readings TEXT NOT NULL,
    fetch INTEGER NOT NULL REFERENCES fetch(id),
    shown_by INTEGER NOT NULL REFERENCES fetch(id),
    UNIQUE (source, key)
) STRICT;

CREATE TABLE article_version (
    id INTEGER PRIMARY KEY {_FROM_ONE},
    article INTEGER NOT NULL REFERENCES article(id),
    fetch INTEGER NOT NULL REFERENCES fetch(id),
    headline TEXT,
    dek TEXT,
    byline TEXT,
    body TEXT,
    published_at TEXT CHECK (published_at {_INSTANT}),
    modified_at TEXT CHECK (modified_at {_INSTANT}),
    UNIQUE (article, fetch)
) STRICT;

CREATE TABLE discovery (
    id INTEGER PRIMARY KEY {_FROM_ONE},
    page INTEGER NOT NULL REFERENCES page(id),
    article_key TEXT NOT NULL,
    url TEXT NOT NULL,
    fetch INTEGER NOT NULL REFERENCES fetch(id),
    before_fetch INTEGER REFERENCES fetch(id),
    UNIQUE (page, article_key)
) STRICT;

CREATE TABLE sighting (
    id INTEGER PRIMARY KEY,
    page INTEGER NOT NULL REFERENCES page(id),
    race INTEGER NOT NULL REFERENCES race(id),
    place INTEGER NOT NULL REFERENCES place(id),
    state TEXT NOT NULL,
    candidates TEXT NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('accepted', 'stale', 'unconfirmed', 'witness',
        'removed')),
    -- whether it is how the race stands
    current INTEGER NOT NULL CHECK (current IN (0, 1)),
    first_fetch INTEGER NOT NULL REFERENCES fetch(id),
    -- NULL: the page's latest good look still shows it
    last_fetch INTEGER REFERENCES fetch(id),
    -- the first at which the page ever showed the race
    known_fetch INTEGER NOT NULL REFERENCES fetch(id),
    doubt_kind TEXT,
    doubt_fetch INTEGER REFERENCES fetch(id),
    doubt_state TEXT,
    UNIQUE (page, race, place)
) STRICT;

CREATE TABLE article_sighting (
    id INTEGER PRIMARY KEY,
    page INTEGER NOT NULL REFERENCES page(id),
    article_key TEXT NOT NULL,
    state TEXT NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('accepted', 'stale')),
    first_fetch INTEGER NOT NULL REFERENCES fetch(id),
    last_fetch INTEGER NOT NULL REFERENCES fetch(id),
    UNIQUE (page, article_key)
) STRICT;

CREATE TABLE note (
    id INTEGER PRIMARY KEY {_FROM_ONE},
    kind TEXT NOT NULL CHECK (kind IN ('transient', 'witness_disagrees', 'sums_differ',
        'unknown_field')),
    page INTEGER NOT NULL REFERENCES page(id),
    race INTEGER REFERENCES race(id),
    place INTEGER REFERENCES place(id),
    text TEXT NOT NULL,
    first_fetch INTEGER NOT NULL REFERENCES fetch(id),
    last_fetch INTEGER NOT NULL REFERENCES fetch(id),
    fetch INTEGER NOT NULL REFERENCES fetch(id)
) STRICT;

CREATE TABLE refusal (
    id INTEGER PRIMARY KEY {_FROM_ONE},
    fetch INTEGER NOT NULL REFERENCES fetch(id),
    part TEXT NOT NULL CHECK (part IN ('page', 'race', 'article')),
    race TEXT,
    place TEXT,
    verdict TEXT NOT NULL CHECK (verdict IN ('rejected', 'stale', 'unconfirmed')),
    reason TEXT NOT NULL
) STRICT;

-- What changes are about and what they say. A night has a million changes of a few thousand
-- series: `entry` has them by number, and the view `change` puts them together again.
CREATE TABLE series (
    id INTEGER PRIMARY KEY {_FROM_ONE},
    source INTEGER NOT NULL REFERENCES source(id),
    race INTEGER REFERENCES race(id),
    place INTEGER REFERENCES place(id),
    candidate INTEGER REFERENCES candidate(id),
    article INTEGER REFERENCES article(id),
    field TEXT NOT NULL,
    -- the look that brought it
    fetch INTEGER NOT NULL REFERENCES fetch(id),
    CHECK ((race IS NULL) = (place IS NULL) AND (race IS NULL) <> (article IS NULL))
) STRICT;

CREATE TABLE label (
    id INTEGER PRIMARY KEY {_FROM_ONE},
    kind TEXT NOT NULL,
    flags TEXT NOT NULL,
    fetch INTEGER NOT NULL REFERENCES fetch(id)
) STRICT;

CREATE TABLE entry (
    id INTEGER PRIMARY KEY {_FROM_ONE},
    series INTEGER NOT NULL REFERENCES series(id),
    label INTEGER NOT NULL REFERENCES label(id),
    old ANY,
    new ANY,
    before_fetch INTEGER NOT NULL REFERENCES fetch(id),
    fetch INTEGER NOT NULL REFERENCES fetch(id),
    -- the look at which it was believed, where that is a later one
    confirmed_by INTEGER REFERENCES fetch(id),
    source_updated_ms INTEGER,
    -- percents are decimals: 95.3 - 95.2 must not be 0.0999...
    delta ANY AS (CASE WHEN typeof(old) = 'integer' AND typeof(new) = 'integer' THEN new - old
        WHEN typeof(old) IN ('integer', 'real') AND typeof(new) IN ('integer', 'real')
        THEN round(new - old, 6) END) VIRTUAL
) STRICT;

CREATE TABLE first_sight (
    id INTEGER PRIMARY KEY {_FROM_ONE},
    source INTEGER NOT NULL REFERENCES source(id),
    race INTEGER REFERENCES race(id),
    place INTEGER REFERENCES place(id),
    candidate INTEGER REFERENCES candidate(id),
    article INTEGER REFERENCES article(id),
    flags TEXT NOT NULL DEFAULT '[]',
    field TEXT NOT NULL,
    new ANY NOT NULL,
    fetch INTEGER NOT NULL REFERENCES fetch(id),
    source_updated_at TEXT CHECK (source_updated_at {_INSTANT}),
    CHECK ((race IS NULL) = (place IS NULL) AND (race IS NULL) <> (article IS NULL))
) STRICT;

CREATE INDEX fetch_page ON fetch(page);
CREATE INDEX fetch_fetched_at ON fetch(fetched_at);
CREATE INDEX fetch_unread ON fetch(id) WHERE outcome IS NULL;
CREATE INDEX series_of ON series(source, race, place, candidate, field);
CREATE INDEX series_article ON series(article) WHERE article IS NOT NULL;
CREATE INDEX entry_fetch ON entry(fetch);
CREATE INDEX entry_confirmed_by ON entry(confirmed_by) WHERE confirmed_by IS NOT NULL;
CREATE INDEX entry_fall ON entry(id) WHERE delta < 0;
-- The value as of a look is one seek.
CREATE INDEX entry_series ON entry(series, fetch);
CREATE INDEX first_sight_fetch ON first_sight(fetch);
CREATE INDEX first_sight_of ON first_sight(source, race, place, candidate, field, fetch);
CREATE INDEX page_family ON page(family);
CREATE INDEX article_section ON article(section);
CREATE INDEX refusal_fetch ON refusal(fetch);
CREATE INDEX refusal_part ON refusal(part);
CREATE INDEX refusal_verdict ON refusal(verdict);
CREATE INDEX article_version_fetch ON article_version(fetch);
CREATE INDEX discovery_fetch ON discovery(fetch);
CREATE INDEX tally_candidate ON tally(candidate);
CREATE INDEX note_fetch ON note(fetch);
CREATE INDEX note_kind ON note(kind);
CREATE INDEX sighting_of ON sighting(race, place);
CREATE INDEX candidate_race ON candidate(race);
CREATE INDEX candidate_key_candidate ON candidate_key(candidate);
CREATE INDEX article_version_article ON article_version(article);
"""

#: The log and what proves it: rows are added, never altered or taken away. Each with the condition
#: under which a new row would collide with one that is there, besides that of its id.
APPEND_ONLY = {
    "body": "sha256 = NEW.sha256",
    "link": "fetch = NEW.fetch AND step = NEW.step",
    "capture": "fetch = NEW.fetch OR page = NEW.page AND origin = NEW.origin AND name = NEW.name",
    "article_version": "article = NEW.article AND fetch = NEW.fetch",
    "discovery": "page = NEW.page AND article_key = NEW.article_key",
    "series": None,
    "label": None,
    "entry": None,
    "first_sight": None,
    "refusal": None,
    "note": None,
}


def _append_only(table: str, collision: str | None) -> str:
    # Without the INSERT trigger a plain connection could still REPLACE a row: SQLite fires no
    # DELETE trigger for it unless recursive_triggers is on. In a BEFORE trigger the id is -1
    # while SQLite has yet to choose it.
    known = f"EXISTS (SELECT 1 FROM {table} WHERE {collision}) OR " if collision else ""  # noqa: S608
    return f"""
CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;
CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;
CREATE TRIGGER {table}_in_order BEFORE INSERT ON {table}
WHEN {known}NEW.id <= (SELECT max(id) FROM {table}) AND NEW.id <> -1
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;
"""  # noqa: S608 - names and conditions are ours


# A fetch is written when it is received; reading it sets outcome, reason and parser, once.
_FETCH_TRIGGERS = """
CREATE TRIGGER fetch_read_once BEFORE UPDATE ON fetch
WHEN OLD.outcome IS NOT NULL OR NEW.id IS NOT OLD.id OR NEW.page IS NOT OLD.page
  OR NEW.asked_url IS NOT OLD.asked_url OR NEW.asked_at IS NOT OLD.asked_at
  OR NEW.fetched_at IS NOT OLD.fetched_at OR NEW.status IS NOT OLD.status
  OR NEW.headers IS NOT OLD.headers OR NEW.body IS NOT OLD.body
  OR NEW.wire_sha256 IS NOT OLD.wire_sha256 OR NEW.wire_size IS NOT OLD.wire_size
BEGIN SELECT RAISE(ABORT, 'a fetch is read once and never altered'); END;
CREATE TRIGGER fetch_no_delete BEFORE DELETE ON fetch
BEGIN SELECT RAISE(ABORT, 'fetch is append-only'); END;
CREATE TRIGGER fetch_in_order BEFORE INSERT ON fetch
WHEN NEW.id <= (SELECT max(id) FROM fetch) AND NEW.id <> -1
BEGIN SELECT RAISE(ABORT, 'fetch is append-only'); END;
"""


@migrations()
def first_schema(db: Database) -> None:
    """Everything from a fetch to the log."""
    script = _TABLES + "".join(_append_only(*t) for t in APPEND_ONLY.items()) + _FETCH_TRIGGERS
    # executescript() would commit sqlite-utils' transaction; one statement at a time does not.
    for statement in (*_statements(script), *VIEWS, f"PRAGMA user_version = {SCHEMA}"):
        db.execute(statement)


def _statements(script: str) -> list[str]:
    statements, pending = [], ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            statements.append(pending.strip())
            pending = ""
    return statements
