"""tallytrail.toml -> Configuration. Every error names the file, the key and the remedy."""

from __future__ import annotations

import math
import re
import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from crawler.errors import ConfigurationError
from crawler.parsers import PARSERS, Parser
from crawler.parsers.clarity import VERSION
from crawler.parsers.results_only import ResultsOnly

#: What `init` writes before the user has put in an address of their own.
PLACEHOLDER = "you@example.org"

#: The parser of a feed that the configuration describes, and of one that is only kept.
DECLARED = "declared"
NONE = "none"

_DURATION = re.compile(r"([0-9]+)([smh])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours"}
_SOURCE_ID = re.compile(r"[a-z0-9][a-z0-9._-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredPage:
    """A page to look at. knowledge: how a file of a feed is known; None for other pages.

    asked_url: the address to ask for, where the page's own has VERSION in it; None for others.
    """

    source: str
    url: str
    family: str
    knowledge: str | None = None
    asked_url: str | None = None

    def at(self, version: str) -> ConfiguredPage:
        """The page as it is to be asked for at that version."""
        return replace(self, asked_url=self.url.replace(VERSION, version))


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """The results feed of a source, of which its national files are among the source's pages.

    base: address of its folder, without a slash at the end. states: postal codes of those whose
    files are followed. offices: those whose files are. follow_all: every state's file is asked for
    at every crawl, moved or not.
    """

    base: str
    states: tuple[str, ...]
    offices: tuple[str, ...]
    follow_all: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One outlet's coverage of one election, as configured.

    parser: what reads its pages; parser_name: as the configuration has it. pages: files of the
    feed, results pages and stories. discover: pages that name further stories. named_hosts: the
    hosts (with port) of both. hosts: where pages may be asked for: these, and the outlet's other
    hosts where one of its own is named. plain_hosts: named with plain http.
    """

    id: str
    outlet: str
    parser_name: str
    parser: Parser
    election_date: date
    timezone: str
    pages: tuple[ConfiguredPage, ...]
    discover: tuple[ConfiguredPage, ...]
    feed: Feed | None
    named_hosts: frozenset[str]
    hosts: frozenset[str]
    plain_hosts: frozenset[str]

    @property
    def results(self) -> tuple[ConfiguredPage, ...]:
        """The pages that are there for their figures, and come before all others."""
        return tuple(page for page in self.pages if page.family in self.parser.RESULTS)

    @property
    def others(self) -> tuple[ConfiguredPage, ...]:
        """The configured stories."""
        return tuple(page for page in self.pages if page.family not in self.parser.RESULTS)

    @property
    def families(self) -> frozenset[str]:
        """The families of the pages that crawls look at for what they show."""
        named = {self.parser.STORY} if self.discover else set()
        pages = (*self.pages, *self.versioned.values())
        return frozenset({page.family for page in pages} | named)

    @property
    def versioned(self) -> dict[str, ConfiguredPage]:
        """The pages whose addresses move, by the address of the file that tells their version."""
        behind = {page.url: self.parser.versioned(page.url) for page in self.pages}
        return {
            file: _page(self.parser, self.id, url)
            for file, url in behind.items()
            if url is not None
        }

    def state_files(self, office: str) -> dict[str, ConfiguredPage]:
        """The states' files of that office, by postal code in fixed order; none without a feed."""
        feed = self.feed
        if feed is None or office not in feed.offices:
            return {}
        return {
            state: _page(self.parser, self.id, self.parser.feed_url(feed.base, office, state))
            for state in feed.states
        }

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

    @property
    def full_look(self) -> frozenset[tuple[str, str]]:
        """Source and address of all that is there for its figures and is known to exist.

        The states' files of other offices are guesses, and come on top where they have answered.
        """
        return frozenset(
            (source.id, page.url)
            for source in self.sources
            for page in (
                *source.results,
                *source.versioned.values(),
                *source.state_files("president").values(),
            )
        )

    def may_ask(self, scheme: str, netloc: str) -> bool:
        """Whether requests may go there; over plain http only where an address here says so."""
        if scheme == "http":
            return any(netloc in source.plain_hosts for source in self.sources)
        return scheme == "https" and any(netloc in source.hosts for source in self.sources)


def least_seconds(pages: Iterable[tuple[str, str]], delay: float) -> float:
    """What looking at these takes at least: hosts are asked side by side, each with its delay.

    pages: source and address.
    """
    hosts = Counter(urlsplit(url).netloc for _, url in pages)
    return max(hosts.values(), default=0) * delay


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
    if isinstance(table.left.get("source"), dict):
        table.fail("source", "should be a list: write [[source]], in two brackets")
    if "reads" in table.left:
        table.fail("reads", "write [source.reads], below its [[source]]")
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
        least = "be above 0" if remote else "not be below 0"
        table.fail("delay", f"must {least}{at}")
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
    names = (*PARSERS, DECLARED, NONE)
    if name not in names:
        table.fail("parser", f'"{name}" is none of {", ".join(names)}')
    outlet = table.text("outlet")
    election_date = table.take("election_date", (date,))
    timezone = table.text("timezone", PARSERS[name].TIMEZONE if name in PARSERS else "UTC")
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        table.fail("timezone", f'"{timezone}" is no IANA time zone, such as "America/New_York"')
    if name != DECLARED and "reads" in table.left:
        table.fail("reads", f'is for parser = "{DECLARED}"; take it out, or change the parser')
    parser = _parser(table, name, identity, zone)
    if isinstance(parser, ResultsOnly) and "discover" in table.left:
        table.fail("discover", f'parser "{name}" reads no stories; take it out')
    feed = _feed(table, parser, election_date.year) if parser.OFFICES else None
    pages = _addresses(table, "pages")
    discover = _addresses(table, "discover")
    table.done()
    # Of others, a history may be all there is: `import` names the pages itself.
    if name in PARSERS and feed is None and not pages and not discover:
        table.fail(
            "pages", "there is none, and no discover or feed either; name at least one address"
        )
    for url in pages:
        closed = parser.closed(url)
        if closed is not None:
            table.fail("pages", f"{url} cannot be looked at: {closed}")
        if parser.family_of(parser.looked_at(url)) is None:
            table.fail("pages", f'parser "{name}" has no reader for {url}; take it out')
    pages = list(dict.fromkeys(parser.looked_at(url) for url in pages))
    if feed is not None:
        national = [parser.feed_url(feed.base, office) for office in feed.offices]
        pages = list(dict.fromkeys([*national, *pages]))
    named = {urlsplit(url).netloc for url in (*pages, *discover)}
    return Source(
        id=identity,
        outlet=outlet,
        parser_name=name,
        parser=parser,
        election_date=election_date,
        timezone=timezone,
        pages=tuple(_page(parser, identity, url) for url in pages),
        discover=tuple(
            ConfiguredPage(source=identity, url=url, family=parser.DISCOVERY) for url in discover
        ),
        feed=feed,
        named_hosts=frozenset(named),
        hosts=frozenset(named | (parser.HOSTS if named & parser.HOSTS else set())),
        plain_hosts=frozenset(
            urlsplit(url).netloc for url in (*pages, *discover) if urlsplit(url).scheme == "http"
        ),
    )


def _parser(table: _Table, name: str, source: str, zone: ZoneInfo) -> Parser:
    if name in PARSERS:
        return PARSERS[name]
    if name == NONE:
        from crawler.parsers.unread import Unread

        return Unread()
    from crawler.parsers.declaration import DeclarationError, declaration
    from crawler.parsers.declared import Declared

    reads = table.take("reads", (dict,))
    try:
        return Declared(declaration(reads, zone), source)
    except DeclarationError as error:
        table.fail(f"reads.{error.key}", error.remedy)


def _page(parser: Parser, source: str, url: str) -> ConfiguredPage:
    file, family = parser.feed_file(url), parser.family_of(url)
    assert family is not None  # one without is no page of the parser's
    return ConfiguredPage(
        source=source,
        url=url,
        family=family,
        knowledge=None if file is None else file.knowledge,
    )


def _feed(table: _Table, parser: Parser, year: int) -> Feed | None:
    """The feed; None when none is configured. year: of the election."""
    if "feed" not in table.left:
        for key in ("states", "offices", "follow_all"):
            if key in table.left:
                table.fail(key, "says which files of a feed are followed; add feed, or take it out")
        return None
    (base,) = _checked(table, "feed", [table.text("feed")])
    base = base.rstrip("/")
    file = parser.feed_file(parser.feed_url(base, parser.OFFICES[0]))
    if file is None or file.state is not None:
        table.fail("feed", f"{base} must end in /maps: the folder that has electoral.json")
    states = table.take("states", (str, list), "all")
    if states == "all":
        states = list(parser.STATES)
    if isinstance(states, str):
        table.fail("states", f'{states!r} should be "all", or a list: ["fl", "ga"]')
    chosen = _among(table, "states", states, tuple(parser.STATES), "is no postal code of a state")
    offices = table.take("offices", (list,), _known_offices(parser, base, year))
    wanted = _among(table, "offices", offices, parser.OFFICES, "is no office that the feed has")
    if not wanted:
        table.fail("offices", f"there is none; name some of {', '.join(parser.OFFICES)}")
    return Feed(base=base, states=chosen, offices=wanted, follow_all=table.flag("follow_all"))


def _known_offices(parser: Parser, base: str, year: int) -> list[str]:
    """Those whose national file is no guess: others must be asked for by name.

    Presidents are elected in years that four divides.
    """
    return [
        office
        for office in parser.OFFICES
        if (year % 4 == 0 or office != "president")
        and parser.feed_file(parser.feed_url(base, office)).knowledge != "guessed"
    ]


def _among(
    table: _Table, key: str, named: list[object], known: tuple[str, ...], fault: str
) -> tuple[str, ...]:
    """Which of `known` are named, in any case and order."""
    found = set()
    for name in named:
        code = name.strip().lower() if isinstance(name, str) else None
        if code not in known:
            table.fail(key, f"{name!r} {fault}; there are {', '.join(known)}")
        found.add(code)
    return tuple(one for one in known if one in found)


def _addresses(table: _Table, key: str) -> list[str]:
    return _checked(table, key, table.take(key, (list,), []))


def _checked(table: _Table, key: str, addresses: list[str]) -> list[str]:
    """The addresses, each once. Fails when one of them is none."""
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
            wanted = " or ".join(dict.fromkeys(_WORDS[kind] for kind in types))
            self.fail(key, f"{value!r} should be {wanted}")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        value: str = self.take(key, (str,), default)
        if not value.strip():
            self.fail(key, "is empty; fill it in")
        return value

    def flag(self, key: str) -> bool:
        """Whether it is true; false where the key is missing."""
        value = self.left.pop(key, False)
        if not isinstance(value, bool):
            self.fail(key, f"{value!r} should be true or false")
        return value

    def done(self) -> None:
        for key in self.left:
            self.fail(key, "is not a key that is known here; check its spelling")


_WORDS = {
    str: "a text",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "a table",
    date: "a date",
}
