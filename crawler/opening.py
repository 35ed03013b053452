"""What every writing command begins with: the configuration is read, the database is opened."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

from crawler.errors import ConfigurationError
from crawler.messages import LOOK_AT_IT, TRY_LATER, USAGE, say
from crawler.sources import Configuration, Source, read_configuration
from storage.database import DatabaseError, explained, open_for_writing
from storage.writing import register_source


def with_database(
    configuration: Path,
    database: Path,
    work: Callable[[Configuration, sqlite3.Connection], int],
) -> int:
    """What `work` returns, an exit code, or the one of the error that kept it from its work.

    The caller holds the lock. Messages: stderr.
    """
    try:
        config = read_configuration(configuration)
        with closing(open_for_writing(database)) as connection:
            return work(config, connection)
    except ConfigurationError as error:
        say(str(error))
        return USAGE
    except DatabaseError as error:
        say(str(error))
        return TRY_LATER if error.try_later else LOOK_AT_IT if error.damaged else USAGE
    except sqlite3.DatabaseError as error:
        known = explained(database, error)
        if known is None:
            raise
        say(str(known))
        return TRY_LATER if known.try_later else LOOK_AT_IT


def register(
    connection: sqlite3.Connection, source: Source, families: Iterable[str] | None = None
) -> None:
    """Bring the source's row up to date, inside the caller's transaction.

    families: those that may lead its tallies; None for those of its configured pages.
    """
    register_source(
        connection,
        name=source.id,
        outlet=source.outlet,
        election_date=source.election_date,
        parser=source.parser_name,
        timezone=source.timezone,
        families=sorted(source.families if families is None else families),
    )
