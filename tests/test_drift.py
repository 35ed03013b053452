"""A page that we no longer understand is loud, and costs nothing that was known: promise F1.

Every piece that the parsers need is renamed or dropped in turn, on pages over real HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.faulty_site import (
    FAULT,
    NEW,
    OLD,
    Desk,
    Ended,
    FaultySite,
    answer,
    replaced,
    serving,
    story,
    story_path,
    tallies_of,
)

Edit = Callable[[bytes], bytes]


def swap(*pairs: tuple[str, str]) -> Edit:
    return lambda body: replaced(body, *pairs)


def sub(pattern: str, new: str = "") -> Edit:
    def edit(body: bytes) -> bytes:
        text, count = re.subn(pattern, new, body.decode(), flags=re.DOTALL)
        assert count, pattern
        return text.encode()

    return edit


def both(*edits: Edit) -> Edit:
    def edit(body: bytes) -> bytes:
        for one in edits:
            body = one(body)
        return body

    return edit


UPDATED = f"Updated: {NEW.updated}"
EXPECTED = f"Expected vote reporting: {NEW.expected}%"
RESULTS = "National Election Results: presidential"
HARRIS, TRUMP = (f"{votes:,}" for votes in NEW.votes)
ELECTORS = f"<div><span>{NEW.electors[0]}</span><span>{NEW.electors[1]}</span></div>"

#: A piece of the banner gone or renamed -> what the message must name.
BANNER: dict[str, tuple[Edit, str]] = {
    "title dropped": (swap(("Your Voice Your Vote 2024", "")), "Your Voice Your Vote"),
    "title renamed": (
        swap(("Your Voice Your Vote 2024", "Election Night 2024")), "Your Voice Your Vote"
    ),
    "year dropped": (swap(("Your Vote 2024", "Your Vote")), "Your Voice Your Vote"),
    "year of another election": (swap(("Your Vote 2024", "Your Vote 2020")), "2020"),
    "Updated dropped": (swap((UPDATED, "")), "Updated"),
    "Updated renamed": (swap(("Updated: ", "As of: ")), "Updated"),
    "time dropped": (swap((UPDATED, "Updated:")), "Updated"),
    "time as a timestamp": (swap((UPDATED, "Updated: 1731454800")), "Updated"),
    "time without its zone": (swap((" PM ET", " PM")), "Updated"),
    "results dropped": (swap((RESULTS, "")), "National Election Results"),
    "results renamed": (swap((RESULTS, "US Election: presidential")), "National Election Results"),
    "race dropped": (swap((RESULTS, "National Election Results:")), "race"),
    "race renamed": (swap((RESULTS, "National Election Results: top of ticket")), "race"),
    "to win dropped": (swap(("270 to win", "")), "to win"),
    "to win renamed": (swap(("270 to win", "270 needed")), "to win"),
    "expected dropped": (swap((EXPECTED, "")), "Expected vote"),
    "expected renamed": (swap(("Expected vote reporting", "Votes counted")), "Expected vote"),
    "percent dropped": (swap((EXPECTED, "Expected vote reporting:")), "expected vote"),
    "percent in words": (swap((EXPECTED, "Expected vote reporting: most")), "expected vote"),
    "projection renamed": (swap(("Projection: Trump is", "Projection: winner")), "projection"),
    "a name dropped": (swap(("<span>Harris</span>", "")), "name"),
    "the other name dropped": (swap(("<span>Trump</span>", "")), "name|Trump"),
    "both names dropped": (
        swap(("<span>Harris</span>", ""), ("<span>Trump</span>", "")), "name"
    ),
    "a name as a dash": (swap(("<span>Harris</span>", "<span>—</span>")), "—|name"),
    "one name twice": (swap(("<span>Harris</span>", "<span>Trump</span>")), "twice"),
    "votes dropped": (swap((f"<span>{HARRIS}</span>", "")), "Harris|votes"),
    "all votes dropped": (
        swap((f"<span>{HARRIS}</span>", ""), (f"<span>{TRUMP}</span>", "")), "Harris|votes"
    ),
    "votes empty": (swap((HARRIS, " ")), "Harris|votes"),
    "votes as a dash": (swap((HARRIS, "--")), "Harris"),
    "votes not available": (swap((HARRIS, "N/A")), "Harris|N/A"),
    "votes in words": (swap((HARRIS, "72.2 million")), "Harris"),
    "votes with another unit": (swap((HARRIS, "72,168K")), "Harris"),
    "votes as a percent": (swap((HARRIS, "48.4%")), "Harris"),
    "votes as null": (swap((HARRIS, "null")), "Harris|null"),
    "votes as NaN": (swap((HARRIS, "NaN")), "Harris|NaN"),
    "votes below zero": (swap((HARRIS, "-72,168,538")), "Harris"),
    "electoral votes dropped": (swap((ELECTORS, "")), "votes|electoral"),
    "one electoral vote dropped": (
        swap((f"<span>{NEW.electors[0]}</span>", "")), "votes|electoral"
    ),
    "electoral votes in words": (
        swap((f"<span>{NEW.electors[0]}</span>", "<span>many</span>")), "many|electoral|names"
    ),
    "all numbers dropped": (
        both(swap((ELECTORS, "")), swap((HARRIS, ""), (TRUMP, ""))), "votes"
    ),
    "only the title, the time and the names left": (
        both(swap((RESULTS, ""), ("270 to win", ""), (ELECTORS, ""), (HARRIS, ""), (TRUMP, ""))),
        "results",
    ),
    "only the expected vote left": (
        both(swap((RESULTS, ""), ("270 to win", ""), (UPDATED, ""))), "results"
    ),
    "only the label left": (
        both(swap((EXPECTED, ""), ("270 to win", ""), (UPDATED, ""))), "results"
    ),
}  # fmt: skip

HEAD_LINES = both(
    sub(r'<meta property="og:title"[^>]*>'), sub(r'"headline": "[^"]*", ')
)  # fmt: skip
ARTICLE_BODY = 'data-testid="prism-article-body"'
MAIN = 'class="FITT_Article_main__body"'

#: A piece of the story gone or renamed -> what the message must name.
STORY: dict[str, tuple[Edit, str]] = {
    "headline dropped": (both(HEAD_LINES, sub(r"<h1>.*?</h1>")), "headline"),
    "headline renamed": (
        both(
            swap(("og:title", "og:titel"), ('"headline":', '"head":')),
            swap(("<h1>", "<h4>"), ("</h1>", "</h4>")),
        ), "headline",
    ),
    "headline empty": (both(HEAD_LINES, sub(r"<h1>.*?</h1>", "<h1> </h1>")), "headline"),
    "body dropped": (sub(rf"<div {ARTICLE_BODY}>.*</div>\s*(?=</main>)"), "body"),
    "body empty": (sub(rf"(<div {ARTICLE_BODY}>).*?(<div><div data)", r"\1\2"), "body"),
    "body container renamed": (swap((ARTICLE_BODY, 'data-testid="prism-text"')), "body"),
    "both containers renamed": (
        swap((ARTICLE_BODY, 'data-testid="prism-text"'), (MAIN, 'class="q"')), "body"
    ),
    "paragraphs renamed": (
        sub(r"<p>((?:A week|Most of|County).*?)</p>", r"<div>\1</div>"), "body"
    ),
    "id of another story": (sub(r"story\?id=\d+", "story?id=424242"), "424242"),
    "redesigned": (
        sub(
            r"<head>.*</body>",
            '<head><title>News</title></head><body><div class="z"><h2>Why</h2><div>One</div></div>'
            "</body>",
        ), "headline|body",
    ),
}  # fmt: skip

#: Only optional fields gone: nothing to refuse.
OPTIONAL: dict[str, Edit] = {
    "no canonical": sub(r'<link rel="canonical"[^>]*>'),
    "no OpenGraph": sub(r'<meta property="og:[^>]*>'),
    "no JSON-LD": sub(r'<script type="application/ld\+json".*?</script>'),
    "broken JSON-LD": swap(('"@context": "https://schema.org",', '"@context": oops,')),
    "no byline": both(
        sub(r'<div data-testid="prism-byline">.*?</div>\s*<div>November[^<]*</div></div>'),
        sub(r', "author": \[[^\]]*\]'),
    ),
    "no times": both(
        sub(r'"datePublished": "[^"]*",\s*"dateModified": "[^"]*", '),
        sub(r"<div>November[^<]*</div>"),
    ),
    "no line below the headline": sub(r"<p>Clerks explain[^<]*</p>"),
    "other classes and elements around it": both(
        sub(r'class="[^"]*"', 'class="q7"'), sub(r"<main ", "<main data-new='1' ")
    ),
    "unknown pieces more": sub(
        "</main>", '<section data-testid="prism-poll"><h3>Poll</h3><p>Yes?</p></section></main>'
    ),
}  # fmt: skip


@dataclass
class Drift:
    desk: Desk
    ended: Ended
    urls: dict[str, str]
    tallies: dict[str, tuple[int | None, int | None]]
    again: Ended


@pytest.fixture(scope="module")
def drift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drift]:
    site = FaultySite()
    urls: dict[str, str] = {}
    then: dict[str, bytes] = {}
    edits = {
        **{f"banner, {k}": v[0] for k, v in BANNER.items()},
        **{f"story, {k}": v[0] for k, v in STORY.items()},
        **{f"optional, {k}": v for k, v in OPTIONAL.items()},
    }
    for number, (name, edit) in enumerate(edits.items()):
        path = story_path(number)
        urls[name] = site.address + path
        banner = name.startswith("banner, ")
        site.routes[path] = answer(story(site, number, OLD, banner=banner))
        # What remains of a banner is newer: taken by mistake, it would show. A story is what it
        # was: any edit of it is made up.
        then[path] = edit(story(site, number, NEW if banner else OLD, banner=banner))
    desk = Desk(tmp_path_factory.mktemp("drift"), pages=list(urls.values()))
    with serving(site):
        first = desk.crawl()
        assert (first.code, first.err) == (0, "")
        assert desk.tallies() == tallies_of(OLD)
        for path, body in then.items():
            site.routes[path] = answer(body)
        ended = desk.crawl()
        yield Drift(desk, ended, urls, desk.tallies(), desk.crawl())


def check_told(drift: Drift, name: str, part: str, words: str) -> None:
    url = drift.urls[name]
    told = drift.ended.about(url)
    assert len(told) == 1
    assert FAULT.fullmatch(told[0])
    assert part in told[0]
    assert re.search(words, told[0].split(url)[1])


@pytest.mark.parametrize("name", list(BANNER))
def test_a_banner_with_a_piece_gone_is_refused(drift: Drift, name: str) -> None:
    check_told(drift, f"banner, {name}", "results", BANNER[name][1])
    url = drift.urls[f"banner, {name}"]
    mine = [c for c in drift.desk.changes() if c["url"] == url]
    assert [c["kind"] for c in mine if c["race"] is not None] == []
    # The story on the same page is a part of its own.
    assert {c["kind"] for c in mine} == {
        "headline_changed",
        "body_changed",
        "modified_time_changed",
    }


@pytest.mark.parametrize("name", list(STORY))
def test_a_story_with_a_piece_gone_is_refused(drift: Drift, name: str) -> None:
    url = drift.urls[f"story, {name}"]
    mine = [(c["kind"], c["new"]) for c in drift.desk.changes() if c["url"] == url]
    assert mine == []
    check_told(drift, f"story, {name}", "story", STORY[name][1])


@pytest.mark.parametrize("name", list(OPTIONAL))
def test_optional_pieces_gone_are_no_refusal(drift: Drift, name: str) -> None:
    url = drift.urls[f"optional, {name}"]
    assert drift.ended.about(url) == []
    assert drift.desk.last_looks()[url]["outcome"] in ("new", "unchanged")
    kinds = {c["kind"] for c in drift.desk.changes() if c["url"] == url}
    times = {"published_time_changed", "modified_time_changed"}
    assert kinds <= {"dek_changed", "byline_changed", *times}


def test_drift_needs_a_look_for_as_long_as_it_lasts(drift: Drift) -> None:
    assert (drift.ended.code, drift.again.code) == (1, 1)
    # A damaged banner is told at every look; one that is gone altogether only once.
    for name in BANNER:
        if not name.startswith("only "):
            assert len(drift.again.about(drift.urls[f"banner, {name}"])) == 1, name


def test_the_last_good_figures_stay(drift: Drift) -> None:
    assert drift.tallies == tallies_of(OLD)
    assert drift.desk.tallies() == tallies_of(OLD)
    assert [c for c in drift.desk.changes() if c["race"] is not None] == []
    assert drift.desk.rows("SELECT * FROM progress WHERE expected_vote_pct IS NOT 95.0") == []


def test_the_bytes_are_kept(drift: Drift) -> None:
    looks = drift.desk.last_looks()
    assert [url for url in drift.urls.values() if looks[url]["body"] is None] == []
