"""A database served by the real command, and a real browser to look at it with."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.desk import BIN

CHROMIUM = Path("/usr/bin/chromium")
#: A browser that asks nobody for anything of its own accord.
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


class Served:
    """`tallytrail serve` at work on a database."""

    def __init__(
        self, database: Path, port: int, said: IO[bytes] | None = None, pid: int | None = None
    ) -> None:
        self._said, self.pid = said, pid
        self.url = f"http://127.0.0.1:{port}"
        self.name = database.stem

    def get(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers by lower-case name, and body."""
        try:
            with urlopen(f"{self.url}{path}", timeout=30) as answer:
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return answer.status, headers, answer.read()
        except HTTPError as error:
            with error:
                return error.code, {}, error.read()

    def log(self) -> str:
        """What the server has printed so far."""
        assert self._said is not None
        return _text(self._said)

    def text(self, path: str) -> str:
        """The page, which is there."""
        status, _, body = self.get(path)
        assert status == 200, (path, status, body[:500])
        return body.decode()

    def rows(self, query: str) -> list[dict[str, Any]]:
        """The answer to a saved question, or a table, by column name."""
        sign = "&" if "?" in query else "?"
        path, _, values = query.partition("?")
        found: list[dict[str, Any]] = json.loads(
            self.text(f"/{self.name}/{path}.json?{values}{sign if values else ''}_shape=objects")
        )["rows"]
        return found


def _text(file: IO[bytes]) -> str:
    return os.pread(file.fileno(), 10_000_000, 0).decode()


@contextmanager
def serving(database: Path) -> Iterator[Served]:
    """Serve the database until the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # A pipe that nobody empties would stop it one day.
    said = TemporaryFile()  # noqa: SIM115 - closed at the end
    process = subprocess.Popen(
        [BIN / "tallytrail", "serve", "--db", database, "--port", str(port)],
        stdout=said,
        stderr=said,
    )
    try:
        served = Served(database, port, said, process.pid)
        end = time.monotonic() + 30
        while True:
            assert process.poll() is None, _text(said)
            try:
                served.get("/-/versions.json")
                break
            except URLError:
                assert time.monotonic() < end, "it does not answer"
                time.sleep(0.1)
        yield served
    finally:
        process.terminate()
        process.wait()
        said.close()


@contextmanager
def browsing() -> Iterator[Browser]:
    """Chromium. Skips the test, aloud, where it is not installed."""
    if not CHROMIUM.exists():
        pytest.skip("needs Chromium: apt-get install chromium")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(CHROMIUM), args=list(QUIET))
        yield browser
        browser.close()
