"""A site on loopback that answers badly on purpose and logs what it was asked; and crawls of it.

Plain sockets: what goes over the wire is what the test wrote, byte for byte.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

from crawler.demo.site import STAGES, Stage, page

ROOT = Path(__file__).parents[1]
HTML = "text/html; charset=utf-8"
#: What every page showed at the last good look, and what it would show if it were whole now.
OLD, NEW = STAGES[1], STAGES[2]

Header = tuple[str, str]
#: Bytes to send, or seconds to wait.
Pieces = Iterable[bytes | float]


@dataclass
class Asked:
    """One request: when it came and when its answer had gone, by the monotonic clock."""

    at: float
    path: str
    headers: dict[str, str]  # by lower-case name
    ended: float | None = None


Route = Callable[[Asked], Pieces] | Sequence[bytes | float]


class FaultySite:
    """One listener. `routes` may be altered while it serves; a path without one is a 404."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
        name: str | None = None,
    ) -> None:
        self.routes: dict[str, Route] = {"/robots.txt": answer(b"", kind="text/plain")}
        self.asked: list[Asked] = []
        self.connections = 0
        self._tls, self._name = tls, name
        self._socket = socket.create_server((host, 0), backlog=256)
        self.host, self.port = self._socket.getsockname()[:2]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def netloc(self) -> str:
        return f"{self._name or self.host}:{self.port}"

    @property
    def address(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self.netloc}"

    def paths(self) -> list[str]:
        """What was asked for, in order, robots.txt left out."""
        return [a.path for a in self.asked if a.path != "/robots.txt"]

    def gaps(self) -> list[float]:
        """Seconds from each request to the next one, robots.txt too."""
        return [b.at - a.at for a, b in pairwise(self.asked)]

    def close(self) -> None:
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        # The other side may leave at any time; that is its answer to some of ours.
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection:
                head = b""
                while b"\r\n\r\n" not in head:
                    some = connection.recv(65536)
                    if not some or some[0] == 0x16:  # TLS, where none is spoken
                        return
                    head += some
                first, *lines = head.decode("latin-1").split("\r\n\r\n")[0].split("\r\n")
                headers = dict(line.split(": ", 1) for line in lines)
                asked = Asked(
                    at=time.monotonic(),
                    path=first.split(" ")[1],
                    headers={name.lower(): value for name, value in headers.items()},
                )
                self.asked.append(asked)
                route = self.routes.get(asked.path, answer(b"not here", status=404))
                try:
                    for piece in route(asked) if callable(route) else route:
                        if isinstance(piece, bytes):
                            connection.sendall(piece)
                        else:
                            time.sleep(piece)
                finally:
                    asked.ended = time.monotonic()
        except OSError:
            connection.close()


@contextmanager
def serving(*sites: FaultySite) -> Iterator[None]:
    """Closes the sites at the end; they answer from the moment they are made."""
    try:
        yield
    finally:
        for site in sites:
            site.close()


# -- answers ---------------------------------------------------------------------------------


def head(status: int = 200, headers: Iterable[Header] = ()) -> bytes:
    """A response head. The connection is closed after every answer."""
    lines = [f"HTTP/1.1 {status} Said", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "\r\n"]).encode("latin-1")


def answer(
    body: bytes = b"", *headers: Header, status: int = 200, kind: str | None = HTML
) -> list[bytes | float]:
    """A whole, well-framed answer."""
    about = [("Content-Type", kind)] if kind else []
    return [head(status, [*about, ("Content-Length", str(len(body))), *headers]), body]


def cut(body: bytes, at: int, framing: str, kind: str = HTML) -> list[bytes | float]:
    """The first `at` bytes of a body.

    framing: `clean`, with the length that it has; `close`, without one, and the connection
    closed; `short`, with the length of the whole; `noend`, chunked without the last chunk.
    """
    some = body[:at]
    if framing == "clean":
        return answer(some, kind=kind)
    about = [("Content-Type", kind)]
    if framing == "close":
        return [head(200, about), some]
    if framing == "short":
        return [head(200, [*about, ("Content-Length", str(len(body)))]), some]
    return [head(200, [*about, ("Transfer-Encoding", "chunked")]), chunk(some)]


FRAMINGS = ("clean", "close", "short", "noend")


def chunk(some: bytes) -> bytes:
    """One chunk of a chunked body; without bytes the last one."""
    return b"%x\r\n%s\r\n" % (len(some), some)


def packed(wire: bytes, encoding: str = "gzip") -> list[bytes | float]:
    """An answer that says that its body is packed."""
    return answer(wire, ("Content-Encoding", encoding))


def bomb(size: int) -> bytes:
    """A gzip stream that unpacks to `size` blanks, made without having them all at once."""
    block = b" " * (1 << 20)
    count = size // len(block)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    first = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    end = packer.flush(zlib.Z_FINISH)
    crc = 0
    for _ in range(count):
        crc = zlib.crc32(block, crc)
    trailer = crc.to_bytes(4, "little") + (count * len(block) % 2**32).to_bytes(4, "little")
    return gzip.compress(b"")[:10] + first * count + end + trailer


# -- pages -----------------------------------------------------------------------------------


def story_path(number: int) -> str:
    return f"/Politics/slug-{number}/story?id={number}"


def story(site: FaultySite, number: int, stage: Stage = OLD, *, banner: bool = True) -> bytes:
    """A story page with results banner, or without."""
    body = page(stage, site.address + story_path(number))
    if not banner:
        begin = body.index(b"<div class=", body.index(b"<body"))
        body = body[:begin] + body[body.index(b"<main") :]
    return body


def replaced(body: bytes, *pairs: tuple[str, str]) -> bytes:
    """The page with texts replaced, each of which must stand in it."""
    for old, new in pairs:
        assert old.encode() in body, old
        body = body.replace(old.encode(), new.encode())
    return body


def feed(*links: str) -> bytes:
    """An RSS feed that names these addresses."""
    items = "".join(f"<item><title>T</title><link>{escape(url)}</link></item>" for url in links)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0"><channel><title>F</title>'
        f"<link>https://abcnews.go.com/</link><description>D</description>{items}</channel></rss>"
    ).encode()


# -- crawls ----------------------------------------------------------------------------------

_IMPATIENT = (
    "import sys, crawler.settings as s; s.DOWNLOAD_TIMEOUT = {}; import crawler.cli as c; c.main()"
)


@dataclass
class Ended:
    """How a crawl ended. peak: its largest resident size, in bytes."""

    code: int
    out: str
    err: str
    seconds: float
    peak: int

    @property
    def lines(self) -> list[str]:
        return self.err.splitlines()

    def about(self, text: str) -> list[str]:
        """The lines of stderr with this text, an address maybe, not followed by more of it."""
        return [x for x in self.lines if re.search(re.escape(text) + r"(?![0-9A-Za-z])", x)]


@dataclass
class Desk:
    """A configuration, its database, and crawls with them."""

    folder: Path
    pages: Sequence[str] = ()
    discover: Sequence[str] = ()
    delay: float = 0
    every: str = "5m"
    environment: Mapping[str, str] = field(default_factory=dict)
    arguments: Sequence[str] = ()

    @property
    def database(self) -> Path:
        return self.folder / "tallytrail.db"

    @property
    def configuration(self) -> Path:
        return self.folder / "tallytrail.toml"

    def configure(self) -> None:
        self.configuration.write_text(
            f'contact = "desk@example.org"\nevery = "{self.every}"\ndelay = {self.delay}\n'
            '[[source]]\nid = "abc-2024"\noutlet = "ABC News"\nparser = "abc"\n'
            f"election_date = 2024-11-05\npages = {json.dumps(list(self.pages))}\n"
            f"discover = {json.dumps(list(self.discover))}\n",
            encoding="utf-8",
        )

    def start(
        self, *, spider: str | None = None, patience: int | None = None, before: Sequence[str] = ()
    ) -> subprocess.Popen[bytes]:
        """Start a crawl. patience: seconds for one answer, instead of our own settings'.

        spider: `scrapy crawl` of that one. before: a command that runs it, such as strace.
        """
        self.configure()
        run = ["-c", _IMPATIENT.format(patience)] if patience else ["-m", "crawler.cli"]
        command = [*run, "crawl", *self.arguments]
        if spider is not None:
            command = ["-m", "scrapy", "crawl", spider]
        environment = {
            **{k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")},
            "PYTHONPATH": str(ROOT),
            "TALLYTRAIL_CONFIG": str(self.configuration),
            "TALLYTRAIL_DB": str(self.database),
            **self.environment,
        }
        with (self.folder / "out").open("wb") as out, (self.folder / "err").open("wb") as err:
            return subprocess.Popen(
                [*before, sys.executable, *command],
                cwd=ROOT,
                env=environment,
                stdout=out,
                stderr=err,
                stdin=subprocess.DEVNULL,
            )

    def finish(self, process: subprocess.Popen[bytes], within: float = 60) -> Ended:
        """Wait for a crawl. One that has not ended by then is killed, and the test fails."""
        begun = time.monotonic()
        peak = 0
        while process.poll() is None:
            peak = max(peak, _peak_of(process.pid))
            if time.monotonic() - begun > within:
                process.kill()
                process.wait()
                told = (self.folder / "err").read_text("utf-8")
                raise AssertionError(f"the crawl had not ended after {within:g} s; it said: {told}")
            time.sleep(0.01)
        return Ended(
            code=process.returncode,
            out=(self.folder / "out").read_text("utf-8"),
            err=(self.folder / "err").read_text("utf-8"),
            seconds=time.monotonic() - begun,
            peak=peak,
        )

    def crawl(
        self,
        *,
        spider: str | None = None,
        patience: int | None = None,
        before: Sequence[str] = (),
        within: float = 60,
    ) -> Ended:
        return self.finish(self.start(spider=spider, patience=patience, before=before), within)

    def rows(self, question: str, *values: object) -> list[dict[str, Any]]:
        """What the database answers."""
        with closing(sqlite3.connect(self.database)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(question, values)]

    def last_looks(self) -> dict[str, dict[str, Any]]:
        """The latest fetch of each page, by address; `body` is the SHA-256 of what was kept."""
        rows = self.rows(
            "SELECT page.url, fetch.id, fetch.status, fetch.outcome, fetch.reason,"
            " fetch.wire_sha256, body.sha256 AS body FROM fetch JOIN page ON page.id = fetch.page"
            " LEFT JOIN body ON body.id = fetch.body ORDER BY fetch.id"
        )
        return {row["url"]: row for row in rows}

    def changes(self) -> list[dict[str, Any]]:
        """The log, each row with the address of the page that it came from."""
        return self.rows(
            "SELECT change.*, page.url FROM change JOIN fetch ON fetch.id = change.fetch"
            " JOIN page ON page.id = fetch.page ORDER BY change.id"
        )

    def tallies(self) -> dict[str, tuple[int | None, int | None]]:
        """Votes and electoral votes by name, as they stand."""
        rows = self.rows(
            "SELECT name, votes, electoral_votes FROM tally"
            " JOIN candidate ON candidate.id = tally.candidate"
        )
        return {row["name"]: (row["votes"], row["electoral_votes"]) for row in rows}


def _peak_of(pid: int) -> int:
    """The most memory that the process had so far, in bytes; 0 when it is gone.

    Not what wait4 gives: that counts the memory of the tests too, which started the process.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
    except OSError:
        return 0
    return next((int(s.split()[1]) * 1024 for s in status.splitlines() if "VmHWM" in s), 0)


def tallies_of(stage: Stage) -> dict[str, tuple[int | None, int | None]]:
    """What `Desk.tallies` says when the stage was recorded."""
    names = ("Harris", "Trump")
    return {n: (v, e) for n, v, e in zip(names, stage.votes, stage.electors, strict=True)}


#: A line of ours: what it is about, what is wrong; and what becomes of it or what to do.
FAULT = re.compile(r"tallytrail: abc-2024: https?://\S+: .+; .+")
