"""Addresses of our pages and of Datasette's own."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote


class Urls:
    """Addresses within this Datasette, wherever it is mounted."""

    def __init__(self, datasette: Any, database: str) -> None:
        self._datasette, self._database = datasette, database

    def home(self) -> str:
        return str(self._datasette.urls.instance())

    def table(self, name: str) -> str:
        return str(self._datasette.urls.table(self._database, name))

    def database(self) -> str:
        return str(self._datasette.urls.database(self._database))

    def row(self, table: str, number: int) -> str:
        return f"{self.table(table)}/{number}"

    def query(self, name: str, **values: str) -> str:
        address = str(self._datasette.urls.query(self._database, name))
        pairs = "&".join(f"{key}={quote(value, safe='')}" for key, value in values.items())
        return f"{address}?{pairs}" if pairs else address

    def change(self, number: int) -> str:
        return str(self._datasette.urls.path(f"-/change/{number}"))

    def body(self, sha256: str) -> str:
        return str(self._datasette.urls.path(f"-/body/{sha256}"))
