"""Nothing leaves the configured hosts, certificates are checked, nothing is carried from one host
to another: promises D3, D4 and D5, over real HTTP.

The canaries listen where nobody is configured to go: one connection to them is a failure.
"""

from __future__ import annotations

import ipaddress
import re
import shutil
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from scrapy.resolver import dnscache
from twisted.internet import reactor
from twisted.internet.error import DNSLookupError
from twisted.python.failure import Failure

from crawler.manners import PublicResolver
from tests.faulty_site import (
    FAULT,
    Desk,
    Ended,
    FaultySite,
    Route,
    answer,
    feed,
    head,
    serving,
    story,
    story_path,
)

XML = "application/rss+xml; charset=utf-8"
TOKEN = "planted-9f2c61d4"


def targets(home: str, away: int, near: int, file: Path) -> dict[str, str]:
    """Addresses that are not `home`. away: port on 127.0.0.2; near: another one on 127.0.0.1."""
    local = file.as_posix()
    return {
        "another host": f"http://127.0.0.2:{away}",
        "no scheme": f"//127.0.0.2:{away}",
        "a user": f"http://a@127.0.0.2:{away}",
        "a user with a password": f"http://a:b@127.0.0.2:{away}",
        "our host as the user": f"http://{home}@127.0.0.2:{away}",
        "our host as the user, encoded": f"http://{home.replace(':', '%3A')}%2F@127.0.0.2:{away}",
        "our host before a backslash": f"http://{home}\\@127.0.0.2:{away}",
        "our host before a fragment": f"http://127.0.0.2:{away}#@{home}",
        "our host before a question mark": f"http://127.0.0.2:{away}?@{home}",
        "our host in front": f"http://{home}.127.0.0.2:{away}",
        "our name in front": f"http://127.0.0.1.nip.example:{away}",
        "decimal": f"http://2130706434:{away}",
        "hexadecimal": f"http://0x7f000002:{away}",
        "hexadecimal parts": f"http://0x7f.0.0.0x2:{away}",
        "octal": f"http://0177.0.0.02:{away}",
        "short": f"http://127.2:{away}",
        "IPv6-mapped": f"http://[::ffff:127.0.0.2]:{away}",
        "IPv6-mapped in hex": f"http://[::ffff:7f00:2]:{away}",
        "IPv6 loopback": f"http://[::1]:{near}",
        "upper case": f"HTTP://127.0.0.2:{away}",
        "trailing dot": f"http://127.0.0.2.:{away}",
        "our host with a trailing dot": f"http://{home.replace(':', '.:')}",
        "encoded": f"http://%31%32%37.0.0.2:{away}",
        "encoded dots": f"http://127%2E0%2E0%2E2:{away}",
        "wide dots": f"http://127。0。0。2:{away}",
        "circled digits": f"http://①②⑦.⓪.⓪.②:{away}",
        "another port": f"http://127.0.0.1:{near}",
        "no port": "http://127.0.0.1",
        "localhost": f"http://localhost:{near}",
        "this machine's name": f"http://{socket.gethostname()}:{near}",
        "nowhere": f"http://0.0.0.0:{near}",
        "zero": f"http://0:{near}",
        "https": f"https://127.0.0.2:{away}",
        "https to our own": f"https://{home}",
        "the metadata address": "http://169.254.169.254/latest/meta-data",
        "the metadata address in decimal": "http://2852039166/latest/meta-data",
        "a tab in the scheme": f"ht\ttp://127.0.0.2:{away}",
        "blanks in front": f"  http://127.0.0.2:{away}",
        "backslashes": f"http:\\\\127.0.0.2:{away}",
        "one slash": f"http:/127.0.0.2:{away}",
        "three slashes": f"http:///127.0.0.2:{away}",
        "a NUL": f"http://127.0.0.2:{away}%00@{home}",
        "a file": f"file://{local}",
        "a file on localhost": f"file://localhost{local}",
        "a path": local,
        "upper-case file": f"FILE://{local}",
        "ftp": f"ftp://127.0.0.2:{away}",
        "data": "data:text/html,<h1>hello</h1>",
        "gopher": f"gopher://127.0.0.2:{away}",
        "javascript": f"javascript:fetch('http://127.0.0.2:{away}')",
        "a web socket": f"ws://127.0.0.2:{away}",
        "dict": f"dict://127.0.0.2:{away}",
        "s3": "s3://bucket",
        "view-source": f"view-source:http://127.0.0.2:{away}",
        "feed": f"feed://127.0.0.2:{away}",
        "blob": f"blob:http://127.0.0.2:{away}",
    }


def marked(body: bytes, url: str) -> bytes:
    """The story page with the address in all the places where a page may name one."""
    to, plain = escape(url), url.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
    head_ = (
        f'<base href="{to}/"><meta http-equiv="refresh" content="0;url={to}">'
        f'<link rel="canonical" href="{to}"><link rel="amphtml" href="{to}">'
        f'<link rel="preload" as="image" href="{to}"><link rel="dns-prefetch" href="{to}">'
        f'<link rel="stylesheet" href="{to}"><meta property="og:url" content="{to}">'
        f'<meta property="og:image" content="{to}">'
        f'<script src="{to}"></script><script type="application/ld+json">{{"@type": "NewsArticle",'
        f'"url": "{plain}", "mainEntityOfPage": "{plain}", "image": "{plain}"}}</script>'
        f'<script>window[\'__abcnews__\']={{"page":{{"content":{{"story":{{"story":{{'
        f'"url": "{plain}", "metadata": {{"canonicalUrl": "{plain}"}}}}}}}}}}}};</script>'
    )
    more = f'<iframe src="{to}"></iframe><img src="{to}"><a href="{to}">more</a>'
    canonical = re.sub(rb"<link rel=.canonical.[^>]*>|<meta property=.og:url.[^>]*>", b"", body)
    return canonical.replace(b"</head>", head_.encode() + b"</head>").replace(
        b"</main>", more.encode() + b"</main>"
    )


def header(url: str) -> str:
    """The address as its bytes stand in a response head."""
    return url.encode().decode("latin-1")


@dataclass
class Out:
    """Two crawls of a site that does all it can to lead elsewhere."""

    desk: Desk
    first: Ended
    second: Ended
    canaries: list[FaultySite]
    allowed: list[FaultySite]
    forms: int
    trace: str | None
    planted: Path


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Out]:
    folder = tmp_path_factory.mktemp("out")
    site, away, near = FaultySite(), FaultySite("127.0.0.2"), FaultySite()
    planted = folder / "planted.html"
    planted.write_bytes(story(site, 1).replace(b"Dana Ortiz", TOKEN.encode()))
    to = targets(site.netloc, away.port, near.port, planted)
    pages, links, discover = [], [], []
    after: dict[str, Route] = {}
    number = 0

    def path(how: Route, then: Route | None = None) -> str:
        nonlocal number
        number += 1
        site.routes[story_path(number)] = how
        if then is not None:
            after[story_path(number)] = then
        return site.address + story_path(number)

    def page(url: str) -> Route:
        return answer(
            marked(story(site, number + 1), url),
            ("Refresh", f"0; url={header(url)}"),
            ("Link", f"<{header(url)}>; rel=preload"),
            ("Content-Location", header(url)),
            ("Alt-Svc", f'h2="127.0.0.2:{away.port}"'),
        )

    for n, url in enumerate(to.values()):
        there = header(url) + story_path(5000 + n)
        status = (301, 302, 303, 307, 308)[n % 5]
        moved = [head(status, [("Location", there), ("Content-Length", "0")])]
        pages.append(path(moved))
        pages.append(path(page(url)))
        # First an error, then the redirect: Scrapy's own retries lost the host list there.
        pages.append(path(answer(b"", status=503), then=moved))
        links.append(path(moved))
        links.append(url + story_path(6000 + n))
    forms = 5 * len(to)
    for status, name in ((305, "Location"), (300, "Location"), (201, "Location"), (200, "Refresh")):
        pages.append(path([head(status, [(name, f"{away.address}/"), ("Content-Length", "0")])]))
        forms += 1
    # XML has its own ways of asking for more.
    there = f"{away.address}/x"
    feeds = [
        f'<!DOCTYPE rss SYSTEM "{there}">',
        f'<!DOCTYPE rss PUBLIC "-//N//DTD" "{there}">',
        f'<!DOCTYPE rss [<!ENTITY e SYSTEM "{there}">]>',
        f'<!DOCTYPE rss [<!ENTITY % e SYSTEM "{there}"> %e;]>',
        f'<!DOCTYPE rss [<!ENTITY e SYSTEM "file://{planted}">]>',
        f'<!DOCTYPE rss [<!ENTITY % e SYSTEM "file://{planted}"> %e;]>',
        f'<?xml-stylesheet href="{there}" type="text/xsl"?>',
    ]
    include = (
        f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{there}"/>'
        f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file://{planted}"'
        ' parse="text"/>'
    )
    for n, prolog in enumerate(feeds):
        named = "&e;" if "ENTITY e" in prolog else "x"
        site.routes[f"/feed-{n}"] = answer(
            f'<?xml version="1.0"?>{prolog}<rss version="2.0" xml:base="{there}"><channel>'
            f"<title>{named}</title>{include}<item><link>{named}</link></item></channel></rss>"
            .encode(),
            kind=XML,
        )  # fmt: skip
        discover.append(f"{site.address}/feed-{n}")
        forms += 1
    site.routes["/feed"] = answer(feed(*links), kind=XML)
    discover.append(f"{site.address}/feed")
    # robots.txt leads away too.
    robots = [FaultySite(f"127.0.2.{n + 1}") for n in range(4)]
    for n, (other, url) in enumerate(
        zip(robots, (away.address, near.address, f"file://{planted}", "//127.0.0.2"), strict=True)
    ):
        other.routes["/robots.txt"] = [head(301 + n % 2, [("Location", f"{url}/robots.txt")])]
        other.routes[story_path(8000 + n)] = answer(story(other, 8000 + n))
        pages.append(other.address + story_path(8000 + n))
        forms += 1
    # And the environment: who runs it as cron does may have proxies there.
    proxies = {
        name: away.address
        for word in ("http_proxy", "https_proxy", "all_proxy")
        for name in (word, word.upper())
    }
    desk = Desk(folder, pages=pages, discover=discover, environment=proxies)
    traced = folder / "trace"
    before: list[str] = []
    if shutil.which("strace"):
        before = ["strace", "-f", "-qq", "-s", "300", "-e", "trace=connect,openat,open"]
        before += ["-o", str(traced)]
    with serving(site, away, near, *robots):
        first = desk.crawl(before=before)
        site.routes |= after
        second = desk.crawl()
        yield Out(
            desk,
            first,
            second,
            [away, near],
            [site, *robots],
            forms,
            traced.read_text("utf-8", "replace") if traced.exists() else None,
            planted,
        )


def test_there_are_forty_forms_and_more(out: Out) -> None:
    assert out.forms >= 40
    # They were really offered: all pages were asked for, and every link was read.
    assert len(out.allowed[0].paths()) >= out.forms


def test_the_canaries_hear_nothing(out: Out) -> None:
    assert [(c.netloc, c.connections, c.asked) for c in out.canaries] == [
        (c.netloc, 0, []) for c in out.canaries
    ]


def test_all_that_leads_elsewhere_is_told(out: Out) -> None:
    assert (out.first.code, out.second.code) == (1, 1)
    assert all(line.startswith("tallytrail: ") for line in [*out.first.lines, *out.second.lines])
    moved = [r for r in out.desk.last_looks().values() if r["status"] in (301, 302, 303, 307, 308)]
    assert len(moved) == 3 * (out.forms - 15) // 5
    for look in moved:
        assert "moved to" in look["reason"]
        told = out.second.about(look["url"])
        assert len(told) == 1
        assert FAULT.fullmatch(told[0])


def test_a_robots_txt_elsewhere_is_none(out: Out) -> None:
    for n, other in enumerate(out.allowed[1:]):
        assert other.paths() == []
        assert len(out.second.about(other.address + story_path(8000 + n))) == 1


def test_no_local_file_gets_in(out: Out) -> None:
    assert out.desk.database.exists()
    kept = b"".join(
        str(row).encode() for table in ("fetch", "discovery", "article", "page", "first_sight")
        for row in out.desk.rows(f"SELECT * FROM {table}")
    )  # fmt: skip
    assert TOKEN.encode() not in kept
    assert TOKEN not in out.first.err + out.second.err


def test_the_kernel_saw_no_connection_elsewhere_and_no_file(out: Out) -> None:
    if out.trace is None:
        pytest.skip("strace is not installed: what the kernel saw was not looked at")
    assert str(out.planted) not in re.sub(r"execve.*", "", out.trace)
    allowed = {(site.host, site.port) for site in out.allowed}
    found = re.findall(
        r'connect\(\d+, \{sa_family=AF_INET, sin_port=htons\((\d+)\),'
        r' sin_addr=inet_addr\("([0-9.]+)"\)',
        out.trace,
    )  # fmt: skip
    assert found
    assert {(host, int(port)) for port, host in found} <= allowed
    assert "sa_family=AF_INET6" not in out.trace


# -- names -----------------------------------------------------------------------------------


def test_a_configured_name_of_a_private_address_is_refused(tmp_path: Path) -> None:
    name = socket.gethostname()
    try:
        address = socket.gethostbyname(name)
    except OSError:
        pytest.skip("this machine's name leads nowhere")
    if not ipaddress.ip_address(address).is_loopback:
        pytest.skip("this machine's name leads to no loopback address")
    site = FaultySite(address)
    url = f"http://{name}:{site.port}{story_path(1)}"
    desk = Desk(tmp_path, pages=[url], delay=0.01)
    with serving(site):
        site.routes[story_path(1)] = answer(story(site, 1))
        ended = desk.crawl()
    assert site.connections == 0
    assert ended.code == 1
    assert len(ended.lines) == 1
    assert FAULT.fullmatch(ended.lines[0])
    assert "no public address" in ended.lines[0]
    assert desk.last_looks()[url]["outcome"] == "failed"


def resolved(name: str, address: str) -> object:
    """What our resolver makes of a name that leads to the address."""
    dnscache[name] = address
    found: list[object] = []
    try:
        PublicResolver(reactor, 10, 5.0).getHostByName(name).addBoth(found.append)
    finally:
        del dnscache[name]
    return found[0]


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1", "172.16.0.1", "192.168.1.1", "127.0.0.1", "127.0.0.2", "169.254.169.254",
        "0.0.0.0",  # noqa: S104 - nothing is bound to it
        "100.64.0.1", "198.18.0.1", "192.0.2.1", "240.0.0.1", "255.255.255.255",
    ],
)  # fmt: skip
def test_no_name_leads_to_a_private_address(address: str) -> None:
    found = resolved("results.example.org", address)
    assert isinstance(found, Failure)
    assert isinstance(found.value, DNSLookupError)


def test_a_name_leads_to_a_public_address() -> None:
    assert resolved("results.example.org", "93.184.216.34") == "93.184.216.34"


# -- certificates ----------------------------------------------------------------------------


class Authority:
    """An authority of our own, which only those who name its file trust."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        built = self._builder(self.name, self.name, self.key, days=(-1, 1))
        self.file = folder / "authority.pem"
        self.file.write_bytes(
            built.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
        )

    def _builder(
        self,
        subject: x509.Name,
        issuer: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        days: tuple[int, int],
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=days[0]))
            .not_valid_after(now + timedelta(days=days[1]))
        )

    def context(
        self, name: str, *, days: tuple[int, int] = (-1, 1), trusted: bool = True
    ) -> ssl.SSLContext:
        """A server's context with a certificate for the name; signed by itself if not trusted."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = self._builder(subject, self.name if trusted else subject, key, days)
        san = x509.SubjectAlternativeName([x509.DNSName(name)])
        signed = builder.add_extension(san, critical=False).sign(
            self.key if trusted else key, hashes.SHA256()
        )
        self.count += 1
        file = self.folder / f"server-{self.count}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + signed.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


@dataclass
class Certified:
    desk: Desk
    ended: Ended
    sites: dict[str, FaultySite]


CERTIFICATES: dict[str, Callable[[Authority], ssl.SSLContext]] = {
    "right": lambda a: a.context("localhost"),
    "signed by itself": lambda a: a.context("localhost", trusted=False),
    "another name": lambda a: a.context("results.example.org"),
    "expired": lambda a: a.context("localhost", days=(-9, -1)),
    "not valid yet": lambda a: a.context("localhost", days=(1, 9)),
}


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Certified]:
    folder = tmp_path_factory.mktemp("certified")
    authority = Authority(folder)
    sites = {
        name: FaultySite(tls=make(authority), name="localhost")
        for name, make in CERTIFICATES.items()
    }
    pages = []
    for number, site in enumerate(sites.values()):
        site.routes[story_path(number)] = answer(story(site, number))
        pages.append(site.address + story_path(number))
    desk = Desk(folder, pages=pages, environment={"SSL_CERT_FILE": str(authority.file)})
    with serving(*sites.values()):
        yield Certified(desk, desk.crawl(), sites)


@pytest.mark.parametrize("name", list(CERTIFICATES))
def test_only_a_right_certificate_is_taken(certified: Certified, name: str) -> None:
    site = certified.sites[name]
    (url,) = [u for u in certified.desk.pages if u.startswith(site.address)]
    look = certified.desk.last_looks()[url]
    told = certified.ended.about(url)
    if name == "right":
        assert (look["outcome"], told) == ("new", [])
        return
    assert site.asked == []  # not even robots.txt was asked for
    assert look["outcome"] == "failed"
    assert look["body"] is None
    assert re.search("certificate|verif", look["reason"], re.IGNORECASE)
    assert len(told) == 1
    assert FAULT.fullmatch(told[0])


def test_a_bad_certificate_needs_a_look_and_changes_nothing(certified: Certified) -> None:
    assert certified.ended.code == 1
    assert certified.desk.changes() == []


# -- what is carried along -------------------------------------------------------------------


def test_nothing_is_carried_from_one_host_to_another(tmp_path: Path) -> None:
    site, other = FaultySite(), FaultySite("127.0.0.5")
    cookie = ("Set-Cookie", f"sid={TOKEN}; Path=/")
    asks = ("WWW-Authenticate", 'Basic realm="x"')
    here, there = site.address + story_path(1), other.address + story_path(2)
    site.routes["/robots.txt"] = answer(b"", cookie, kind="text/plain")
    site.routes[story_path(1)] = answer(story(site, 1), cookie)
    site.routes[story_path(3)] = answer(b"", cookie, asks, status=401)
    site.routes["/feed"] = answer(feed(there + "&from=feed"), cookie, kind=XML)
    other.routes[story_path(2) + "&from=feed"] = answer(story(other, 2), cookie)
    other.routes[story_path(4)] = answer(story(other, 4), cookie)
    desk = Desk(
        tmp_path,
        pages=[here, site.address + story_path(3), other.address + story_path(4)],
        discover=[f"{site.address}/feed"],
    )
    with serving(site, other):
        desk.crawl()
        desk.crawl()
    requests = [*site.asked, *other.asked]
    assert other.paths().count(story_path(2) + "&from=feed") == 2
    for asked in requests:
        assert "cookie" not in asked.headers
        assert "authorization" not in asked.headers
        assert "proxy-authorization" not in asked.headers
        assert TOKEN not in str(asked.headers)
    referred = [a.headers["referer"] for a in other.asked if "referer" in a.headers]
    assert referred == []
