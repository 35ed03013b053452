"""A local site with one story page, in ABC News' shape of November 2024.

The figures are those that ABC's results banner showed on 6 and 12 November 2024. The story is
made up. Whatever a real page moves at every look moves here too: nonces, ad ids, related links,
build stamps.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

STORY_PATH = "/Politics/count-goes-week-after-election-day/story?id=115800001"


@dataclass(frozen=True, slots=True)
class Stage:
    """What the page says at one time: the banner's figures, and the story's text."""

    updated: str
    electors: tuple[int, int]  # Harris, Trump
    votes: tuple[int, int]
    expected: int
    headline: str
    modified: str
    paragraphs: tuple[str, ...]


_TEXT = (
    "A week after Election Day, clerks across the country are still counting ballots, and the"
    " totals that readers see move every few hours.",
    "Most of what remains was cast by mail. Some states take ballots that arrive days after the"
    " election if they were posted in time, and each of their signatures is checked by hand.",
    "County offices said they would publish new figures twice a day until the count is certified.",
)
_EDITED = (
    _TEXT[0],
    "Most of what remains was cast by mail. Some states take ballots that arrive up to a week"
    " after the election if they were posted in time, and each of their signatures is checked by"
    " hand.",
    _TEXT[2],
    "A total can also go down: when a county finds that a batch was entered twice, it corrects the"
    " figure, and every page that shows it follows.",
)
_HEADLINE = "Why the count goes on a week after Election Day"

STAGES = (
    Stage(
        "Nov. 6, 7:21 PM ET", (223, 294), (67_410_748, 72_191_978), 90,
        _HEADLINE, "2024-11-06T22:05:00Z", _TEXT,
    ),
    Stage(
        "Nov. 12, 6:00 PM ET", (226, 312), (71_900_392, 75_068_566), 95,
        _HEADLINE, "2024-11-06T22:05:00Z", _TEXT,
    ),
    Stage(
        "Nov. 12, 7:40 PM ET", (226, 312), (72_168_538, 75_337_035), 96,
        "Why the vote count goes on, and why totals can fall", "2024-11-13T00:31:00Z", _EDITED,
    ),
)  # fmt: skip

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{headline} - ABC News</title>
<link rel="canonical" href="{url}">
<meta property="og:title" content="{headline}"><meta property="og:url" content="{url}">
<script type="application/ld+json" nonce="{nonce}">{{"@context": "https://schema.org",
"@type": "NewsArticle", "headline": "{headline}", "datePublished": "2024-11-06T21:30:00Z",
"dateModified": "{modified}", "author": [{{"@type": "Person", "name": "Dana Ortiz"}}]}}</script>
</head><body class="page-prism-story" data-build="{nonce}">
<div class="x{nonce}"><div><div>Your Voice Your Vote 2024</div><div>Live results</div>
<div>Updated: {updated}</div></div><h2>National Election Results: presidential</h2>
<div><img src="/r.svg" alt="republicans icon">Projection: Trump is President-elect</div>
<div><span>{electors[0]}</span><span>{electors[1]}</span></div>
<div><span>{electors[0]}</span><span>{electors[1]}</span></div>
<div><div><span>Harris</span><span>{votes[0]:,}</span></div><div>270 to win</div>
<div><span>Trump</span><span>{votes[1]:,}</span></div></div>
<div>Expected vote reporting: {expected}%</div></div>
<main class="FITT_Article_main__body"><div data-testid="prism-headline"><h1><span>{headline}</span>
</h1><p>Clerks explain what is left and why it takes time.</p></div>
<div data-testid="prism-byline"><div>By<span><a href="/author/dana_ortiz">Dana Ortiz</a></span>
</div><div>November 6, 2024, 4:30 PM</div></div>
<div data-testid="prism-article-body">{paragraphs}
<div><div data-testid="prism-ad-wrapper" id="ad-{nonce}"></div></div>
<div data-testid="prism-collection"><h2>Popular Reads</h2><p>Another story, {nonce}</p></div>
</div></main></body></html>
"""


def page(stage: Stage, url: str) -> bytes:
    """The story page at this stage, with furniture that is never the same twice."""
    paragraphs = [f"<p>{escape(text)}</p>" for text in stage.paragraphs]
    return _PAGE.format(
        url=escape(url),
        nonce=secrets.token_hex(8),
        headline=escape(stage.headline),
        modified=stage.modified,
        updated=stage.updated,
        electors=stage.electors,
        votes=stage.votes,
        expected=stage.expected,
        paragraphs="\n".join(paragraphs),
    ).encode()


class Site:
    """The running site. `stage` chooses what it shows next."""

    def __init__(self) -> None:
        self.stage = STAGES[0]
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == STORY_PATH:
                    self._answer(200, "text/html; charset=utf-8", page(site.stage, site.story_url))
                elif self.path == "/robots.txt":
                    self._answer(200, "text/plain", b"User-agent: *\nDisallow: /widgets/\n")
                else:
                    self._answer(404, "text/plain", b"not here\n")

            def _answer(self, status: int, kind: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Nothing: the demo's own output is what is to be read."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def address(self) -> str:
        """http://127.0.0.1 with the port that was free."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def story_url(self) -> str:
        """Where the story is."""
        return self.address + STORY_PATH

    @contextmanager
    def serving(self) -> Iterator[Site]:
        """The site answers inside the block."""
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()
