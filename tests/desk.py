"""A site on loopback whose answers a test sets, and a desk that crawls it with the real command."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent

Answer = tuple[int, dict[str, str], bytes]


class Site:
    """A site whose answers the test sets; it keeps every request with its time and headers."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer | Callable[[dict[str, str]], Answer]] = {}
        self.requests: list[tuple[float, str, dict[str, str]]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                site.requests.append((time.monotonic(), self.path, headers))
                found = site.answers.get(self.path, (404, {}, b"nothing here"))
                status, extra, body = found(headers) if callable(found) else found
                self.send_response(status)
                for name, value in extra.items():
                    self.send_header(name, value)
                if "Content-Length" not in extra:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                if "Connection" in extra:
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:
                """Keeps the tests' output quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def asked(self, path: str) -> int:
        return sum(asked == path for _, asked, _ in self.requests)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def story(number: int, *, text: str = "Clerks count on.", banner: str = "") -> bytes:
    return (
        f"<html><head><title>t</title></head><body>{banner}<main class="
        '"FITT_Article_main__body"><div data-testid="prism-headline"><h1><span>'
        f"Story {number}</span></h1></div><div data-testid="
        f'"prism-article-body"><p>{text}</p></div></main></body></html>'
    ).encode()


def banner(harris: int, updated: str = "Nov. 6, 7:21 PM ET") -> str:
    lines = (
        "Your Voice Your Vote 2024|Live results|Updated: " + updated + "|National Election"
        f" Results: presidential|223|294|Harris|{harris:,}|270 to win|Trump|72,191,978|Expected"
        " vote reporting: 90%"
    )
    return "".join(f"<div>{line}</div>" for line in lines.split("|"))


def path_of(number: int) -> str:
    return f"/Politics/s/story?id={number}"


class Desk:
    """A folder with a configuration and a database, and the command run in it."""

    def __init__(self, folder: Path, site: Site) -> None:
        self.folder, self.site = folder, site

    def configure(
        self, pages: list[int], *, discover: tuple[str, ...] = (), delay: float = 0, more: str = ""
    ) -> None:
        urls = [self.site.url + path_of(number) for number in pages]
        (self.folder / "tallytrail.toml").write_text(
            f'contact = "desk@example.com"\ndelay = {delay}\n{more}[[source]]\nid = "abc"\n'
            'outlet = "ABC News"\nparser = "abc"\nelection_date = 2024-11-05\n'
            f"pages = {json.dumps(urls)}\n"
            f"discover = {json.dumps([self.site.url + path for path in discover])}\n",
            "utf-8",
        )

    def command(self, *words: str) -> list[str]:
        return [str(BIN / "tallytrail"), *words]

    def run(self, *words: str, **settings: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **settings,
        )

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*words), cwd=self.folder, stderr=subprocess.PIPE, text=True
        )

    def crawl(self, code: int = 0) -> str:
        done = self.run("crawl")
        assert (done.stdout, done.returncode) == ("", code), done.stderr
        return done.stderr

    def rows(self, *words: str) -> list[dict[str, Any]]:
        done = self.run("changes", "--format", "jsonl", *words)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def fetches(self) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self.folder / "tallytrail.db")) as connection:
            connection.row_factory = sqlite3.Row
            rows = connection.execute("SELECT * FROM fetch ORDER BY id").fetchall()
            return [dict(row) for row in rows]

    def wait_for(self, what: Callable[[], bool]) -> None:
        end = time.monotonic() + 20
        while not what():
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.02)
