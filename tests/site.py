"""A site on loopback that can misbehave, story pages built from figures, and a bureau that runs
the installed commands against it."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import json
import os
import socket
import socketserver
import sqlite3
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TALLYTRAIL = Path(sys.executable).parent / "tallytrail"
SCRAPY = Path(sys.executable).parent / "scrapy"
ROBOTS = "/robots.txt"
CONTACT = "night-desk@paper.example"

_moving = itertools.count(1)


# Pages


@dataclass(frozen=True)
class Figures:
    """What the results banner shows: votes and electoral votes of Harris and Trump."""

    harris: int
    trump: int
    updated: str = "Nov. 6, 7:00 PM ET"
    electors: tuple[int, int] = (223, 294)
    expected: int = 90
    called: str | None = "Trump"

    def html(self) -> str:
        call = f"<li>Projection: {self.called} is President-elect</li>" if self.called else ""
        return (
            f"<ol class=k{next(_moving)}><li>Your Voice Your Vote 2024</li><li>Live results</li>"
            f"<li>Updated: {self.updated}</li><li>National Election Results: presidential</li>"
            f"{call}<li>{self.electors[0]}</li><li>{self.electors[1]}</li>"
            f"<li>Harris</li><li>{self.harris:,}</li><li>270 to win</li>"
            f"<li>Trump</li><li>{self.trump:,}</li>"
            f"<li>Expected vote reporting: {self.expected}%</li></ol>"
        )


def story(
    number: int,
    figures: Figures | None = None,
    *,
    headline: str | None = None,
    text: Sequence[str] = ("Clerks count on.", "More tomorrow."),
) -> bytes:
    """A story page; its build stamp and its related links are never the same twice."""
    moving = next(_moving)
    paragraphs = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in text)
    return (
        f'<!doctype html><html lang=en data-build="{moving}"><head><meta charset=utf-8>'
        f"<title>page</title></head><body>{figures.html() if figures else ''}"
        '<main class="FITT_Article_main__body"><div data-testid="prism-headline"><h1><span>'
        f"{escape(headline or f'Story number {number}')}</span></h1></div>"
        f'<div data-testid="prism-article-body">{paragraphs}'
        '<div data-testid="prism-collection"><h2>Popular Reads</h2>'
        f"<p>Another one, {moving}</p></div></div></main></body></html>\n"
    ).encode()


def path_of(number: int, slug: str = "the-count") -> str:
    """The path of a story's page. The slug means nothing."""
    return f"/Politics/{slug}/story?id={number}"


def rss(*links: str) -> bytes:
    """A feed as ABC's are: each link is CDATA with a blank before it."""
    items = "".join(
        f"<item><title><![CDATA[ A title]]></title><link><![CDATA[ {link}]]></link></item>"
        for link in links
    )
    head = '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel><title>f</title>'
    return f"{head}{items}</channel></rss>".encode()


# Answers


Answer = Callable[[BaseHTTPRequestHandler], None]


def answer(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """The usual: a status, a few headers, all of the body."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in (headers or {}).items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return send


def zipped(body: bytes) -> bytes:
    """The same gzip bytes for the same body, whenever."""
    return gzip.compress(body, mtime=0)


def packed(wire: bytes, encoding: str = "gzip") -> Answer:
    """An answer that says that these bytes are packed."""
    return answer(wire, headers={"Content-Encoding": encoding})


def hangs_up(body: bytes, announced: int) -> Answer:
    """Announces more bytes than come before it hangs up."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(announced))
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True

    return send


def hangs_up_in_chunks(body: bytes) -> Answer:
    """Hangs up where another chunk is due."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(body), body))
        handler.close_connection = True

    return send


def ends_without_length(body: bytes) -> Answer:
    """Tells no length: the end of the connection is the end of the body."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True

    return send


def breaks_off(body: bytes, announced: int) -> Answer:
    """The connection is reset when a part of the body has come."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        hangs_up(body, announced)(handler)
        time.sleep(0.2)  # what has come is read before the reset throws it away
        linger = struct.pack("ii", 1, 0)
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        os.close(handler.connection.detach())

    return send


def says(raw: bytes) -> Answer:
    """These bytes in place of an answer, then the end of the connection."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(raw)
        handler.close_connection = True

    return send


def when_released(released: threading.Event, then: Answer) -> Answer:
    """Nothing until the test says so."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        released.wait(30)
        then(handler)

    return send


def tagged(tag: str, body: bytes) -> Answer:
    """200 with an ETag, or 304 to who names it."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        if handler.headers.get("If-None-Match") == tag:
            handler.send_response(304)
            handler.send_header("ETag", tag)
            handler.end_headers()
        else:
            answer(body, headers={"ETag": tag})(handler)

    return send


@dataclass(frozen=True)
class Request:
    """One request as the site saw it. at: seconds on a clock that never jumps."""

    at: float
    path: str
    headers: Mapping[str, str]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exc_info()[1], OSError):  # a crawl that ends hangs up on us
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Site:
    """A site whose answers the test sets, by path; it keeps every request."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {ROBOTS: answer(b"User-agent: *\nDisallow:\n")}
        self.requests: list[Request] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                site.requests.append(Request(time.monotonic(), self.path, headers))
                site.answers.get(self.path, answer(b"not here", 404))(self)

            def log_message(self, format: str, *args: object) -> None:
                """Keeps the tests' output quiet."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def shows(self, number: int, figures: Figures | None = None, **words: Any) -> None:
        """The story's page answers, and says this."""
        self.answers[path_of(number)] = answer(story(number, figures, **words))

    def asked(self, path: str) -> int:
        """How often the path was asked for."""
        return sum(request.path == path for request in self.requests)

    def headers_of(self, number: int) -> list[Mapping[str, str]]:
        """The headers of each request for the story, in order."""
        return [request.headers for request in self.requests if request.path == path_of(number)]

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """From now on connections are refused."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()


class Ear(socketserver.ThreadingTCPServer):
    """A port that keeps the first bytes of whoever connects, and hangs up."""

    daemon_threads = True

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        heard = self.heard

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                self.request.settimeout(2)
                heard.append(self.request.recv(1000))

        super().__init__(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def server_close(self) -> None:
        self.shutdown()
        self._thread.join()
        super().server_close()


# Commands


Done = subprocess.CompletedProcess[str]


def environment(**more: str) -> dict[str, str]:
    """The environment without what would lead the commands elsewhere, and with what is given."""
    ours = ("TALLYTRAIL_", "NO_COLOR", "COLUMNS", "SCRAPY_", "FORCE_COLOR")
    return {n: v for n, v in os.environ.items() if not n.startswith(ours)} | more


class Bureau:
    """A folder with a configuration and a database, and the installed commands run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "tallytrail.db"
        self.configuration = folder / "tallytrail.toml"

    def configure(
        self, *pages: str, discover: Sequence[str] = (), delay: float = 0, more: str = ""
    ) -> None:
        """Write the configuration. pages, discover: addresses. more: lines before the source."""
        self.configuration.write_text(
            f'contact = "{CONTACT}"\ndelay = {delay}\n{more}\n[[source]]\nid = "abc-2024"\n'
            'outlet = "ABC News"\nparser = "abc"\nelection_date = 2024-11-05\n'
            f"pages = {json.dumps(pages)}\ndiscover = {json.dumps(discover)}\n",
            "utf-8",
        )

    def run(self, *words: str | Path, **more: str) -> Done:
        """Run `tallytrail` to its end. more: environment variables."""
        return run([TALLYTRAIL, *words], self.folder, **more)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start `tallytrail`."""
        return subprocess.Popen(
            [TALLYTRAIL, *words],
            cwd=self.folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def crawl(self, code: int = 0) -> list[str]:
        """Crawl; the exit code must be the given one, and stdout empty. Returns stderr's lines."""
        done = self.run("crawl")
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        return done.stderr.splitlines()

    def quiet_crawl(self) -> None:
        """Crawl; nothing may be said."""
        assert self.crawl() == []

    def rows(self, *words: str) -> list[dict[str, Any]]:
        """What `changes --format jsonl` prints."""
        done = self.run("changes", "--format", "jsonl", *words)
        assert (done.returncode, done.stderr) == (0, "")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def fetches(self, url: str | None = None) -> list[dict[str, Any]]:
        """The fetches, with the hash of each one's body. url: only this page's."""
        return self.query(
            "SELECT fetch.*, page.url, body.sha256 FROM fetch JOIN page ON page.id = page"
            " LEFT JOIN body ON body.id = body WHERE ?1 IS NULL OR page.url = ?1 ORDER BY fetch.id",
            url,
        )

    def query(self, sql: str, *values: object) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self.database)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(sql, values)]


def run(words: Sequence[str | Path], folder: Path, **more: str) -> Done:
    """Run a command to its end in the folder, with nobody at the keyboard."""
    return subprocess.run(
        words,
        cwd=folder,
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def wait_for(what: Callable[[], object], seconds: float = 20) -> None:
    """Wait until it is so."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def told(rows: Sequence[Mapping[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    """These columns of the rows."""
    return [tuple(row[name] for name in names) for row in rows]
