"""tallytrail.toml -> Configuration. Every error names the file, the key and the remedy."""

from __future__ import annotations

import math
import re
import tomllib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from crawler.errors import ConfigurationError
from crawler.parsers import PARSERS

#: What `init` writes before the user has put in an address of their own.
PLACEHOLDER = "you@example.org"

_DURATION = re.compile(r"([0-9]+)([smh])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours"}
_SOURCE_ID = re.compile(r"[a-z0-9][a-z0-9._-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredPage:
    """A page to look at in every crawl."""

    source: str
    url: str
    family: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One outlet's coverage of one election, as configured.

    pages: results pages and stories. discover: pages that name further stories.
    named_hosts: the hosts (with port) of both. hosts: where pages may be asked for: these, and
    the outlet's other hosts where one of its own is named. plain_hosts: named with plain http.
    """

    id: str
    outlet: str
    parser: str
    election_date: date
    timezone: str
    pages: tuple[ConfiguredPage, ...]
    discover: tuple[ConfiguredPage, ...]
    named_hosts: frozenset[str]
    hosts: frozenset[str]
    plain_hosts: frozenset[str]

    def followed(self, url: str) -> str | None:
        """The address to ask for when a discovery page names `url`; None when it must not be.

        Plain http is asked for only from hosts that the configuration names so; elsewhere the
        same page is asked for over https.
        """
        try:
            parts = urlsplit(url)
        except ValueError:  # "http://[" is no address
            return None
        if parts.scheme not in ("http", "https") or parts.netloc not in self.hosts:
            return None
        if parts.scheme == "http" and parts.netloc not in self.plain_hosts:
            parts = parts._replace(scheme="https")
        return parts._replace(fragment="").geturl()


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """The whole of tallytrail.toml. every: between two crawls. delay: seconds, least, per host."""

    path: Path
    contact: str
    every: timedelta
    delay: float
    sources: tuple[Source, ...]

    def may_ask(self, scheme: str, netloc: str) -> bool:
        """Whether requests may go there; over plain http only where an address here says so."""
        if scheme == "http":
            return any(netloc in source.plain_hosts for source in self.sources)
        return scheme == "https" and any(netloc in source.hosts for source in self.sources)


def read_configuration(path: Path) -> Configuration:
    """Read and check the file. Raises ConfigurationError."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"{path} does not exist; 'tallytrail init' writes one, --config names another"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path} is not valid TOML: {error}") from error
    table = _Table(str(path), document)
    contact = table.text("contact").strip()
    if contact == PLACEHOLDER or not re.search("@|://", contact):
        table.fail("contact", "put in your own mail or web address: sites see whom to write to")
    every = table.text("every", "5m")
    duration = _DURATION.fullmatch(every)
    if duration is None or int(duration[1]) == 0 or len(duration[1]) > 6:
        table.fail("every", f'"{every}" is no duration; write "90s", "5m" or "1h"')
    delay = table.take("delay", (int, float), 1.0)
    if not math.isfinite(delay):
        table.fail("delay", f"{delay} is no number of seconds")
    entries = table.take("source", (list,), [])
    table.done()
    if not entries:
        table.fail("source", "there is none; add a [[source]] table")
    sources = tuple(
        _source(_Table(f"{path}, source {number}", entry))
        for number, entry in enumerate(entries, start=1)
    )
    names = [source.id for source in sources]
    if len(set(names)) != len(names):
        table.fail("source.id", f"one stands twice among {', '.join(names)}; rename it")
    remote = sorted(host for s in sources for host in s.named_hosts if not _is_loopback(host))
    if delay < 0 or (delay == 0 and remote):
        at = f": {remote[0]} is not this machine" if remote else ""
        table.fail("delay", f"must be above 0{at}")
    return Configuration(
        path=path,
        contact=contact,
        every=timedelta(**{_UNITS[duration[2]]: int(duration[1])}),
        delay=float(delay),
        sources=sources,
    )


def _source(table: _Table) -> Source:
    identity = table.text("id")
    if not _SOURCE_ID.fullmatch(identity):
        table.fail("id", f'"{identity}" must be lower-case letters, digits, ".", "_", "-"')
    name = table.text("parser")
    if name not in PARSERS:
        table.fail("parser", f'"{name}" is none of {", ".join(PARSERS)}')
    parser = PARSERS[name]
    outlet = table.text("outlet")
    election_date = table.take("election_date", (date,))
    timezone = table.text("timezone", parser.TIMEZONE)
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        table.fail("timezone", f'"{timezone}" is no IANA time zone, such as "America/New_York"')
    pages = _addresses(table, "pages")
    discover = _addresses(table, "discover")
    table.done()
    if not pages and not discover:
        table.fail("pages", "there is none, and no discover either; name at least one address")
    for url in pages:
        if parser.family_of(url) is None:
            table.fail("pages", f'parser "{name}" has no reader for {url}; take it out')
    named = {urlsplit(url).netloc for url in (*pages, *discover)}
    return Source(
        id=identity,
        outlet=outlet,
        parser=name,
        election_date=election_date,
        timezone=timezone,
        pages=tuple(
            ConfiguredPage(source=identity, url=url, family=parser.family_of(url)) for url in pages
        ),
        discover=tuple(
            ConfiguredPage(source=identity, url=url, family=parser.DISCOVERY) for url in discover
        ),
        named_hosts=frozenset(named),
        hosts=frozenset(named | (parser.HOSTS if named & parser.HOSTS else set())),
        plain_hosts=frozenset(
            urlsplit(url).netloc for url in (*pages, *discover) if urlsplit(url).scheme == "http"
        ),
    )


def _addresses(table: _Table, key: str) -> list[str]:
    addresses = table.take(key, (list,), [])
    for url in addresses:
        try:
            parts = urlsplit(url if isinstance(url, str) else "")
            fits = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:  # brackets that are no address, a port that is no number
            fits = False
        if not fits:
            table.fail(key, f"{url!r} is no http or https address")
    return list(dict.fromkeys(addresses))


def _is_loopback(netloc: str) -> bool:
    host = urlsplit(f"//{netloc}").hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Table:
    """One table of the file: keys are taken out, and what is left at the end is an error."""

    def __init__(self, where: str, entries: object) -> None:
        self.where = where
        if not isinstance(entries, dict):
            raise ConfigurationError(f"{where}: must be a table; write [[source]]")
        self.left: dict[str, Any] = dict(entries)

    def fail(self, key: str, remedy: str) -> NoReturn:
        raise ConfigurationError(f"{self.where}: {key}: {remedy}")

    def take(self, key: str, types: tuple[type, ...], default: object = None) -> Any:
        """The value; the default where the key is missing, an error where there is no default."""
        value = self.left.pop(key, default)
        if value is None:
            self.fail(key, "is missing; add it")
        if not isinstance(value, types) or isinstance(value, bool | datetime):
            wanted = " or ".join(_WORDS[kind] for kind in types)
            self.fail(key, f"{value!r} should be {wanted}")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        value: str = self.take(key, (str,), default)
        if not value.strip():
            self.fail(key, "is empty; fill it in")
        return value

    def done(self) -> None:
        for key in self.left:
            self.fail(key, "is not a key that is known here; check its spelling")


_WORDS = {str: "a text", int: "a number", float: "a number", list: "a list", date: "a date"}
