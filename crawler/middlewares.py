"""Every answer is received, whole and committed, before anybody reads it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urljoin, urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response

from crawler.bodies import ACCEPT_ENCODING, unpacked
from crawler.errors import NotWhole
from crawler.manners import BUSY, NotAsked, reason_of
from crawler.running import Ended, Run, run_of
from crawler.sources import ConfiguredPage
from storage.pages import NOT_ASKED
from storage.receiving import Answer


class ReceiveMiddleware:
    """Asks conditionally, checks the answer on the wire, and commits it with `receive`.

    Returns the answer with its unpacked body, for spiders to find links in. A request without a
    page in its meta (robots.txt) passes untouched. The id of the fetch goes into the request's
    meta as `fetch`.
    """

    def __init__(self, run: Run) -> None:
        self.run = run

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> ReceiveMiddleware:
        return cls(run_of(crawler))

    def process_request(self, request: Request) -> None:
        page: ConfiguredPage | None = request.meta.get("page")
        if page is None:
            return
        request.headers["Accept-Encoding"] = ACCEPT_ENCODING
        for name, value in self.run.validators(page).items():
            request.headers[name] = value

    def process_response(self, request: Request, response: Response) -> Response:
        page: ConfiguredPage | None = request.meta.get("page")
        if page is None:
            return response
        conditional = bool({b"If-None-Match", b"If-Modified-Since"} & set(request.headers))
        answer = replace(
            answer_of(response),
            conditional=conditional,
            asked_at=request.meta.get("asked_at"),
            asked_url=page.asked_url,
        )
        request.meta["fetch"] = self.run.receive(page, answer)
        body = answer.body if answer.status != 304 else self.run.body_of(request.meta["fetch"])
        return response.replace(body=body or b"")

    def process_exception(self, request: Request, exception: Exception) -> None:
        page: ConfiguredPage | None = request.meta.get("page")
        if page is None or isinstance(exception, Ended):
            return
        if isinstance(exception, NotAsked):
            reason = f"{exception}; {NOT_ASKED}"
        else:
            reason = f"no answer: {reason_of(exception)}"
        # There is no answer, so no spider and no pipeline will have it read and told.
        answer = Answer(fetched_at=datetime.now(UTC), failure=reason, asked_url=page.asked_url)
        self.run.read(self.run.receive(page, answer))


def answer_of(response: Response) -> Answer:
    """The answer as it is to be kept: checked on the wire, unpacked, or refused."""
    now = datetime.now(UTC)
    headers = [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, values in response.headers.items()
        for value in values
    ]
    known = {name.lower(): value for name, value in headers}
    body = None
    failure = None
    refused = False
    if response.status != 304:
        try:
            body = unpacked(
                response.body,
                encoding=known.get("content-encoding", ""),
                flags=response.flags,
                length=known.get("content-length"),
            )
        except NotWhole as error:
            failure, refused = str(error), True
    if response.status not in (200, 304):
        failure, refused = _status_failure(response.status, known, response.url), False
    elif response.status == 200 and body == b"":
        failure, refused = "HTTP 200 with an empty body", True
    return Answer(
        fetched_at=now,
        status=response.status,
        headers=headers,
        wire=response.body or None,
        body=body,
        failure=failure,
        refused=refused,
    )


def _status_failure(status: int, headers: dict[str, str], url: str) -> str:
    """What the status says, and the remedy where there is one."""
    to = headers.get("location")
    if 300 <= status < 400 and to:
        return f"HTTP {status}, {_moved(url, to)}"
    remedies = {
        202: ", the site has not got it ready yet",
        404: ", there is no such page; check its address",
        410: ", the page was taken away; check its address",
        401: ", the site wants a password; look at the page in a browser",
        403: ", the site refuses us; look at the page in a browser, and write to the outlet",
    }
    wait = headers.get("retry-after")
    patience = f", asked too much: Retry-After {wait[:40]}" if status in BUSY and wait else ""
    return f"HTTP {status}{remedies.get(status, patience)}"


def _moved(url: str, to: str) -> str:
    try:
        target = urljoin(url, to)
        parts = urlsplit(target)
    except ValueError:  # brackets that are no address
        return f"moved to {to}, which is no address; look at the page in a browser"
    if target == url:
        return "moved to itself; look at the page in a browser"
    if parts.scheme not in ("http", "https"):
        return f"moved to {target}, which is no page; look at the page in a browser"
    if parts.netloc != urlsplit(url).netloc:
        return f"moved to another host, {target}; if you trust it, put it into the configuration"
    return f"moved to {target}; put that address into the configuration"
