"""What came over the wire becomes an answer: checked, unpacked, or refused. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from urllib.parse import urljoin, urlsplit

from crawler.bodies import unpacked
from crawler.errors import NotWhole
from storage.receiving import Answer

#: Answers by which a site says that it is asked too much.
BUSY = (429, 503)


def checked(
    url: str,
    status: int,
    headers: Sequence[tuple[str, str]],
    wire: bytes,
    *,
    at: datetime,
    flags: Iterable[str] = (),
) -> Answer:
    """The answer as it is to be kept: whole and unpacked, or with the reason why it is not.

    wire: the body as it came. at: when it was here. flags: the downloader's marks on it.
    """
    known = {name.lower(): value for name, value in headers}
    body = None
    failure = None
    refused = False
    if status != 304:
        try:
            body = unpacked(
                wire,
                encoding=known.get("content-encoding", ""),
                flags=flags,
                length=known.get("content-length"),
            )
        except NotWhole as error:
            failure, refused = str(error), True
    if status not in (200, 304):
        failure, refused = _status_failure(status, known, url), False
    elif status == 200 and body == b"":
        failure, refused = "HTTP 200 with an empty body", True
    return Answer(
        fetched_at=at,
        status=status,
        headers=headers,
        wire=wire or None,
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
