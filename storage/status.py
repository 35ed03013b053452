"""How every page is doing: when it was last looked at, what came of it, what needs a look."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from storage.pages import absence
from storage.records import instant, instant_text

#: A page without an accepted look for this many times `every` is silent.
SILENCE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that needs a look. since: our clock at the first look that showed it."""

    part: str
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PageStatus:
    """One page. The last three are None when there never was one.

    outcomes: fetches of the last 24 hours by outcome; unread ones as `received`, accepted ones of
    which a part was refused as `refused in part`. watched: crawls look at it, if only when its
    national file says that it has moved. troubles: what is refused or failing now, and silence;
    none when it is not watched, or is a guess that is not there.
    """

    source: str
    url: str
    family: str
    last_look: datetime | None
    last_accepted: datetime | None
    last_change: datetime | None
    outcomes: Mapping[str, int]
    watched: bool
    troubles: Sequence[Trouble]


_PAGES = """
SELECT page.id, source.name AS source, url, family, mark,
       (SELECT max(fetched_at) FROM fetch WHERE page = page.id)
           >= (SELECT max(started_at) FROM run) AS in_last_run,
       (SELECT max(fetched_at) FROM fetch WHERE page = page.id) AS last_look,
       (SELECT max(fetched_at) FROM fetch WHERE page = page.id
           AND outcome IN ('new', 'unchanged')) AS last_accepted,
       (SELECT max(fetched_at) FROM fetch JOIN entry ON entry.fetch = fetch.id
         WHERE page = page.id) AS last_change
  FROM page JOIN source ON source.id = page.source ORDER BY page.id
"""


def page_statuses(
    connection: sqlite3.Connection,
    *,
    now: datetime,
    every: timedelta,
    configured: Sequence[tuple[str, str, str]],
    families: Collection[tuple[str, str]] = (),
) -> list[PageStatus]:
    """Every page that was ever looked at, oldest first, then those that never were.

    every: how often crawls should come. configured: source, address and family of the pages that
    every crawl looks at; others are watched for as long as a feed names them, files of a results
    feed for as long as one of its family is configured. families: source and family of what is
    followed besides those.
    """
    statuses = []
    unseen = dict.fromkeys(configured)
    addresses = {url for _, url, _ in configured}
    followed_families = {*families, *((source, family) for source, _, family in configured)}
    for row in connection.execute(_PAGES).fetchall():
        unseen.pop((row["source"], row["url"], row["family"]), None)
        accepted = row["last_accepted"] and instant(row["last_accepted"])
        looked = row["last_look"] and instant(row["last_look"])
        followed = row["mark"] is not None and (row["source"], row["family"]) in followed_families
        watched = row["url"] in addresses or bool(row["in_last_run"]) or followed
        there = absence(connection, row["id"]) is None
        troubles = _refusals(connection, row["id"]) if watched and there else []
        if row["url"] in addresses and not troubles and there:
            troubles = _silence(connection, row["id"], accepted, now, every)
        statuses.append(
            PageStatus(
                source=row["source"],
                url=row["url"],
                family=row["family"],
                last_look=looked,
                last_accepted=accepted,
                last_change=row["last_change"] and instant(row["last_change"]),
                outcomes=_outcomes(connection, row["id"], now - timedelta(hours=24)),
                watched=watched,
                troubles=troubles,
            )
        )
    return statuses + [_never_looked_at(*page, now) for page in unseen]


def _never_looked_at(source: str, url: str, family: str, now: datetime) -> PageStatus:
    return PageStatus(
        source=source,
        url=url,
        family=family,
        last_look=None,
        last_accepted=None,
        last_change=None,
        outcomes={},
        watched=True,
        troubles=[Trouble(part="page", reason="never looked at: run the crawl", since=now)],
    )


def _refusals(connection: sqlite3.Connection, page: int) -> list[Trouble]:
    """What the page's last look brought of refusals and failures, each since it began."""
    last = connection.execute(
        "SELECT fetch.id, outcome, reason, fetched_at, source.parser FROM fetch"
        " JOIN page ON page.id = fetch.page JOIN source ON source.id = page.source"
        " WHERE page = ? ORDER BY fetch.id DESC LIMIT 1",
        (page,),
    ).fetchone()
    if last is None or (last["outcome"] is None and last["parser"] == "none"):
        return []  # what has no parser is kept, and no more is asked of it
    if last["outcome"] is None:
        when = instant(last["fetched_at"])
        return [Trouble(part="page", reason="received, not read yet: run the crawl", since=when)]
    if last["outcome"] in ("failed", "refused"):
        since = _began(connection, page, "outcome IN ('new', 'unchanged')", ())
        return [Trouble(part="page", reason=last["reason"], since=since)]
    parts = connection.execute(
        "SELECT part, reason FROM refusal WHERE fetch = ? AND verdict = 'rejected' ORDER BY id",
        (last["id"],),
    )
    return [
        Trouble(
            part=row["part"],
            reason=row["reason"],
            since=_began(
                connection,
                page,
                "outcome IN ('new', 'unchanged') AND NOT EXISTS (SELECT 1 FROM refusal WHERE"
                " refusal.fetch = fetch.id AND verdict = 'rejected' AND part = ?)",
                (row["part"],),
            ),
        )
        for row in parts
    ]


def _began(
    connection: sqlite3.Connection, page: int, good: str, values: Sequence[object]
) -> datetime:
    """When the unbroken run of looks that are not `good`, up to the last one, began."""
    row = connection.execute(
        f"""
        SELECT min(fetched_at) AS began FROM fetch WHERE page = ? AND id >
               (SELECT coalesce(max(id), 0) FROM fetch WHERE page = ? AND {good})
        """,  # noqa: S608 - no text of a user's
        (page, page, *values),
    ).fetchone()
    return instant(row["began"])


def _silence(
    connection: sqlite3.Connection,
    page: int,
    accepted: datetime | None,
    now: datetime,
    every: timedelta,
) -> list[Trouble]:
    if accepted is not None and now - accepted <= SILENCE * every:
        return []
    first = connection.execute(
        "SELECT min(fetched_at) AS first FROM fetch WHERE page = ?", (page,)
    ).fetchone()["first"]
    since = accepted or (instant(first) if first else now)
    return [Trouble(part="page", reason="no accepted look: does cron still run?", since=since)]


def _outcomes(connection: sqlite3.Connection, page: int, since: datetime) -> dict[str, int]:
    return {
        row["outcome"]: row["looks"]
        for row in connection.execute(
            "SELECT iif(outcome IN ('new', 'unchanged') AND EXISTS (SELECT 1 FROM refusal"
            " WHERE refusal.fetch = fetch.id AND verdict = 'rejected'), 'refused in part',"
            " coalesce(outcome, 'received')) AS outcome, count(*) AS looks FROM fetch"
            " WHERE page = ? AND fetched_at >= ? GROUP BY 1 ORDER BY 1",
            (page, instant_text(since)),
        )
    }
