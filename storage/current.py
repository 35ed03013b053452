"""The current state that the next look is compared with: races, stories, and what pages showed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from storage.chain import canonical
from storage.records import Article, RaceState, Tally, instant, instant_text
from storage.writing import Look, insert, key_of

#: Whose keys a candidate's are, until a source's own ids are known.
LAST_NAME = "last_name"

_NATION = {"us": "United States"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What one page last showed of a race or story, from which look to which. `state` is JSON.

    candidates: whom the page's accepted looks at a race have shown, in the order of the last; a
        stale one says nothing.
    """

    state: str
    first_fetch: int
    last_fetch: int
    candidates: tuple[str, ...]


def race_json(state: RaceState) -> str:
    """The state as canonical JSON: equal states, whatever their order, are equal texts."""
    facts = asdict(state)
    del facts["electors_by_order"]  # of the layout, not of the count
    facts["source_updated_at"] = state.source_updated_at and instant_text(state.source_updated_at)
    facts["tallies"] = sorted(facts["tallies"], key=lambda t: str(t["candidate"]))
    return canonical(facts).decode("ascii")


def race_from_json(text: str) -> RaceState:
    """The state that `race_json` wrote."""
    facts = json.loads(text)
    updated = facts["source_updated_at"]
    facts["source_updated_at"] = updated and instant(updated)
    facts["tallies"] = tuple(Tally(**t) for t in facts["tallies"])
    return RaceState(**facts)


def article_json(article: Article) -> str:
    """What the page says of the story, as canonical JSON."""
    readings = {name: dict(told) for name, told in article.readings.items()}
    return canonical({"id": article.id, "readings": readings}).decode("ascii")


def article_from_json(text: str) -> Article:
    """The story that `article_json` wrote, without address and section, which it leaves out."""
    return Article(url="", section=None, **json.loads(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentRace:
    """The state of a race in a place, the look that brought it and the latest that showed it."""

    progress: int
    state: RaceState
    fetch: int
    shown_by: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentArticle:
    """A story as it stands, the look that brought it and the latest that showed it."""

    id: int
    article: Article
    fetch: int
    shown_by: int


def race_id(connection: sqlite3.Connection, look: Look, slug: str) -> int:
    """The race's id in the look's election, added if new."""
    return key_of(connection, "race", {"election": look.election, "slug": slug})


def place_id(connection: sqlite3.Connection, code: str) -> int:
    """The place's id, added if new. Only the nation is known so far."""
    return key_of(connection, "place", {"code": code, "level": "nation", "name": _NATION[code]})


def candidate_id(connection: sqlite3.Connection, race: int, key: str, name: str) -> int:
    """The candidate whom the key means in this race, added if new."""
    found = connection.execute(
        "SELECT candidate FROM candidate_key WHERE race = ? AND scheme = ? AND key = ?",
        (race, LAST_NAME, key),
    ).fetchone()
    if found:
        return int(found["candidate"])
    candidate = insert(connection, "candidate", {"race": race, "name": name})
    row = {"candidate": candidate, "race": race, "scheme": LAST_NAME, "key": key}
    insert(connection, "candidate_key", row)
    return candidate


def load_race(
    connection: sqlite3.Connection, look: Look, race: int, place: int, state: RaceState
) -> CurrentRace | None:
    """The current state of the same race and place at the look's source; None before the first."""
    row = connection.execute(
        """
        SELECT progress.*, candidate_key.key AS called FROM progress
          LEFT JOIN candidate_key ON candidate_key.candidate = progress.projection
         WHERE source = ? AND progress.race = ? AND place = ?
        """,
        (look.source, race, place),
    ).fetchone()
    if row is None:
        return None
    tallies = connection.execute(
        """
        SELECT candidate_key.key AS candidate, candidate.name, votes, electoral_votes FROM tally
          JOIN candidate ON candidate.id = tally.candidate
          JOIN candidate_key ON candidate_key.candidate = tally.candidate
         WHERE source = ? AND tally.race = ? AND place = ? ORDER BY tally.id
        """,
        (look.source, race, place),
    )
    updated = row["source_updated_at"]
    return CurrentRace(
        progress=row["id"],
        state=RaceState(
            race=state.race,
            place=state.place,
            source_updated_at=updated and instant(updated),
            tallies=tuple(Tally(**dict(t)) for t in tallies),
            projection=row["called"],
            expected_vote_pct=row["expected_vote_pct"],
        ),
        fetch=row["fetch"],
        shown_by=row["shown_by"],
    )


def save_race(
    connection: sqlite3.Connection,
    look: Look,
    race: int,
    place: int,
    state: RaceState,
    *,
    before: RaceState | None,
) -> None:
    """Make `state` the current one, in place of `before`."""
    ids = {t.candidate: candidate_id(connection, race, t.candidate, t.name) for t in state.tallies}
    where = {"source": look.source, "race": race, "place": place}
    called = None if state.projection is None else ids[state.projection]
    # After the first look it stays as it is, unless the call moves.
    seen_first = int(called is not None) if before is None else None
    updated = state.source_updated_at and instant_text(state.source_updated_at)
    connection.execute(
        """
        INSERT INTO progress (source, race, place, expected_vote_pct, projection,
                              projection_seen_first, source_updated_at, fetch, shown_by)
        VALUES (:source, :race, :place, :pct, :called, coalesce(:seen_first, 0), :updated,
                :fetch, :fetch)
        ON CONFLICT (source, race, place) DO UPDATE SET
            expected_vote_pct = :pct,
            projection_seen_first = projection_seen_first AND projection IS :called,
            projection = :called, source_updated_at = :updated, fetch = :fetch, shown_by = :fetch
        """,
        {
            **where,
            "pct": state.expected_vote_pct,
            "called": called,
            "seen_first": seen_first,
            "updated": updated,
            "fetch": look.fetch,
        },
    )
    names = {t.candidate: t.name for t in before.tallies} if before else {}
    for tally in state.tallies:
        if names.get(tally.candidate, tally.name) != tally.name:
            renamed = (tally.name, ids[tally.candidate])
            connection.execute("UPDATE candidate SET name = ? WHERE id = ?", renamed)
        connection.execute(
            """
            INSERT INTO tally (source, race, place, candidate, votes, electoral_votes)
            VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (source, race, place, candidate)
            DO UPDATE SET votes = excluded.votes, electoral_votes = excluded.electoral_votes
            """,
            (*where.values(), ids[tally.candidate], tally.votes, tally.electoral_votes),
        )
    for tally in before.tallies if before else ():
        if tally.candidate not in ids:
            gone = candidate_id(connection, race, tally.candidate, tally.name)
            connection.execute(
                "DELETE FROM tally WHERE source = ? AND race = ? AND place = ? AND candidate = ?",
                (*where.values(), gone),
            )


def race_still_shown(
    connection: sqlite3.Connection, look: Look, current: CurrentRace, updated: datetime | None
) -> None:
    """The look shows the current state: it is the latest to do so. Its clock may have moved on."""
    before = current.state.source_updated_at
    newest = max((t for t in (before, updated) if t is not None), default=None)
    connection.execute(
        "UPDATE progress SET shown_by = ?, source_updated_at = ? WHERE id = ?",
        (look.fetch, newest and instant_text(newest), current.progress),
    )


def load_article(connection: sqlite3.Connection, look: Look, key: str) -> CurrentArticle | None:
    """The story as it stands at the look's source; None when it was never read."""
    row = connection.execute(
        "SELECT * FROM article WHERE source = ? AND key = ?", (look.source, key)
    ).fetchone()
    if row is None:
        return None
    article = Article(
        id=row["key"],
        url=row["url"],
        section=row["section"],
        readings=json.loads(row["readings"]),
    )
    return CurrentArticle(
        id=row["id"], article=article, fetch=row["fetch"], shown_by=row["shown_by"]
    )


def article_still_shown(
    connection: sqlite3.Connection, look: Look, current: CurrentArticle
) -> None:
    """The look shows the story as it stands: it is the latest to do so."""
    connection.execute("UPDATE article SET shown_by = ? WHERE id = ?", (look.fetch, current.id))


def save_article(
    connection: sqlite3.Connection, look: Look, article: Article, *, edited: bool
) -> int:
    """Make `article` the current one, as a new version when it was edited. Returns its id."""
    readings: Mapping[str, object] = {n: dict(told) for n, told in article.readings.items()}
    row = connection.execute(
        """
        INSERT INTO article (source, key, url, headline, section, readings, fetch, shown_by)
        VALUES (:source, :key, :url, :headline, :section, :readings, :fetch, :fetch)
        ON CONFLICT (source, key) DO UPDATE SET
            url = :url, headline = :headline, section = :section, readings = :readings,
            fetch = iif(:edited, :fetch, fetch), shown_by = :fetch
        RETURNING id
        """,
        {
            "source": look.source,
            "key": article.id,
            "url": article.url,
            "headline": article.value("headline"),
            "section": article.section,
            "readings": canonical(readings).decode("ascii"),
            "fetch": look.fetch,
            "edited": edited,
        },
    ).fetchone()
    return int(row["id"])


def load_sighting(connection: sqlite3.Connection, look: Look, part: str) -> Sighting | None:
    """What the look's page last showed of the part; None when it never did."""
    row = connection.execute(
        "SELECT state, first_fetch, last_fetch, candidates FROM sighting"
        " WHERE page = ? AND part = ?",
        (look.page, part),
    ).fetchone()
    if row is None:
        return None
    candidates = tuple(json.loads(row["candidates"]))
    return Sighting(**{**dict(row), "candidates": candidates})


def save_sighting(
    connection: sqlite3.Connection,
    look: Look,
    part: str,
    state: str,
    verdict: str,
    candidates: Iterable[str] = (),
) -> None:
    """The page shows this state now: one look more of it, or the first."""
    connection.execute(
        """
        INSERT INTO sighting (page, part, state, candidates, verdict, first_fetch, last_fetch)
        VALUES (:page, :part, :state, :candidates, :verdict, :fetch, :fetch)
        ON CONFLICT (page, part) DO UPDATE SET
            first_fetch = iif(state = :state, first_fetch, :fetch),
            last_fetch = :fetch, verdict = :verdict, state = :state, candidates = :candidates
        """,
        {
            "page": look.page,
            "part": part,
            "state": state,
            "candidates": json.dumps(list(candidates)),
            "verdict": verdict,
            "fetch": look.fetch,
        },
    )


def settled_sightings(connection: sqlite3.Connection, look: Look) -> list[tuple[str, str]]:
    """Part and state of all that the body of the page's settled look shows.

    A part that the page showed once, and that was gone from that body, is not among them.
    """
    return [
        (row["part"], row["state"])
        for row in connection.execute(
            "SELECT part, state FROM sighting JOIN page ON page.id = sighting.page"
            " WHERE page.id = ? AND last_fetch >= page.settled_fetch",
            (look.page,),
        )
    ]


def races_shown(connection: sqlite3.Connection, look: Look, fetch: int | None) -> list[RaceState]:
    """The races that the look's page showed at the given look."""
    rows = connection.execute(
        "SELECT state FROM sighting WHERE page = ? AND last_fetch = ? AND part LIKE 'race %'",
        (look.page, fetch),
    )
    return [race_from_json(row["state"]) for row in rows]
