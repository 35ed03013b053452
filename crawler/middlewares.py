"""Every answer is received, whole and committed, before anybody reads it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response

from crawler.answers import checked
from crawler.bodies import ACCEPT_ENCODING
from crawler.manners import NotAsked, reason_of
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
    return checked(
        response.url, response.status, headers, response.body, at=now, flags=response.flags
    )
