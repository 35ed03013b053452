"""A database that has long been at it: rows of its last looks, laid again and again."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

#: The looks at the end of the database that are laid again.
BLOCK = 50


def lay_again(path: Path, copies: int) -> None:
    """Lay the rows of the last BLOCK looks `copies` times behind them, with ids moved on.

    The database must hold one body for each look, each other than the ones before. The rows go
    through the same triggers and indexes as any others; what the rows say repeats itself, and the
    chain's hashes are copies. The state that the next look is compared with stays, but for the
    looks that it names, which become the last ones.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        _lay(connection, copies)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _lay(connection: sqlite3.Connection, copies: int) -> None:
    tables = _column(connection, "SELECT name FROM sqlite_schema WHERE type = 'table'")
    guarded = _column(
        connection, "SELECT tbl_name FROM sqlite_schema WHERE name LIKE '%_no_delete'"
    )
    (first,) = connection.execute(f"SELECT max(id) - {BLOCK - 1} FROM fetch").fetchone()
    block = {
        "fetch": f"id >= {first}",
        "body": f"id IN (SELECT body FROM fetch WHERE id >= {first})",
    }
    # What changes are about is written once: what is laid again is about the same.
    for table in guarded - block.keys() - {"series", "label"}:
        if "fetch" in _names(connection, table):
            block[table] = f"fetch >= {first}"
    ranges = {
        table: connection.execute(f"SELECT min(id), max(id) FROM {table} WHERE {where}").fetchone()
        for table, where in block.items()
    }
    ranges = {table: (low, high) for table, (low, high) in ranges.items() if low is not None}
    steps = {table: high - low + 1 for table, (low, high) in ranges.items()}
    if steps["fetch"] != BLOCK or steps["body"] != BLOCK:
        raise ValueError(f"{BLOCK} looks with a body each are needed, not {steps}")
    statements = []
    for table, (low, high) in ranges.items():
        targets = _targets(connection, table)
        values = []
        for name in _names(connection, table):
            target = table if name == "id" else targets.get(name)
            if name == "sha256":  # a body's key: it must be another
                values.append(f"printf('%064x', id + {BLOCK} * :copy)")
            elif target in steps:
                # What the block refers to before itself, such as a dictionary, stays that.
                moved = f"{name} + {steps[target]} * :copy"
                values.append(f"iif({name} >= {ranges[target][0]}, {moved}, {name})")
            else:
                values.append(name)
        statements.append(
            f"INSERT INTO {table} SELECT {', '.join(values)} FROM {table}"
            f" WHERE id BETWEEN {low} AND {high} ORDER BY id"
        )
    for copy in range(1, copies + 1):
        for statement in statements:
            connection.execute(statement, {"copy": copy})
    for table in tables - guarded:
        for name, target in _targets(connection, table).items():
            if target in steps:
                connection.execute(
                    f"UPDATE {table} SET {name} = {name} + ? WHERE {name} >= ?",
                    (steps[target] * copies, ranges[target][0]),
                )


def _column(connection: sqlite3.Connection, query: str) -> set[str]:
    return {row[0] for row in connection.execute(query)}


def _names(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def _targets(connection: sqlite3.Connection, table: str) -> dict[str, str]:
    """The tables that the columns refer to."""
    return {row[3]: row[2] for row in connection.execute(f"PRAGMA foreign_key_list({table})")}
