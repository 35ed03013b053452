"""Names, headlines, addresses and reasons that mean harm do nothing in any output: E1 to E5.

What is expected comes from the hostile texts and from the same pages over harmless ones, never from
the program.
"""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from bs4 import BeautifulSoup
from lxml import etree
from markdown_it import MarkdownIt
from playwright.sync_api import Dialog

from storage.database import immediate
from storage.receiving import Answer
from tests.desk import BIN
from tests.served import Served, browsing, serving
from tests.trail import FIRST, Page, Story, Trail, opened

ATOM = "{http://www.w3.org/2005/Atom}"

MARKUP = (
    "<script>window.pwned=1</script>",
    '<img src=x onerror="window.pwned=1">',
    '"><svg onload=window.pwned=1>',
    "' onmouseover='window.pwned=1",
    "</title></style></textarea><script>window.pwned=1</script>",
    "<iframe src=http://evil.example/></iframe><base href=http://evil.example/>",
    "{{7*191}} {% raw %} ${7*191} #{7*191}",
    "javascript:window.pwned=1",
)
FORMULAS = ("=1+1", "+1", "-1+cmd|' /C calc'!A0", "@SUM(1)", "\t=2", "\r=3", " =4+1", "＝5", "－6")
TERMINAL = (
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b2J \x7f \x08 \u202eturned\u202c \u2066x\u2069 \ufffe"
)
MARKDOWN = (
    "[x](javascript:alert(1)) ![i](http://evil.example/i.png) **bold** _it_ `code` <b>b</b>",
    "# heading",
    "- item",
    "1. item",
    "| a | b |",
    "http://evil.example www.evil.example a@evil.example <http://evil.example>",
    "&lt;b&gt; &amp; \\ ~~s~~",
)
SQL = "'; DROP TABLE change; -- \" %27"
PATHS = "../../../etc/passwd"
HOSTILE = (*MARKUP, *FORMULAS, *MARKDOWN, SQL, PATHS, TERMINAL)

#: Characters that must reach nobody's terminal: C0 but line end and tab, DEL, C1, direction marks.
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Told:
    """A database, its report, and the texts that went in."""

    database: Path
    out: Path
    texts: tuple[str, ...]


def told(folder: Path, texts: tuple[str, ...]) -> Told:
    """A log into which the texts came by every way: story, candidate, outlet, address, reason."""
    folder.mkdir()
    with opened(folder / "night.db") as trail:
        trail.look(Page())
        for number, text in enumerate(texts):
            minute = f"2024-11-06T23:{number:02}:00Z"
            story = Story(text, text, (text,), (text, "Same."), modified=minute)
            trail.look(Page(story=story))
        trail.look(Page(banner=FIRST.later(30, Harris=(226, 67_400_000))))
        trail.look(Page(banner=FIRST.later(40, Harris=(226, 67_400_005))))
        everywhere = " ".join(texts)
        answer = Answer(fetched_at=trail.now, status=500, failure=f"HTTP 500 {everywhere}")
        trail.receive_answer(Page(2).url, answer)
        _into_the_tables(trail, everywhere)
    words: list[str | Path] = ["--db", trail.path, "--out", folder / "out"]
    subprocess.run([BIN / "tallytrail", "report", *words], check=True)
    return Told(trail.path, folder / "out", texts)


def _into_the_tables(trail: Trail, text: str) -> None:
    """What no page of the tests can bring: names and addresses of every kind."""
    with immediate(trail.connection):
        trail.connection.execute("UPDATE outlet SET name = ?", (text,))
        trail.connection.execute("UPDATE candidate SET name = name || ?", (text,))
        trail.connection.execute("UPDATE place SET name = ?", (text,))
        trail.connection.execute(
            "UPDATE page SET url = 'javascript:window.pwned=1//' || id || ?", (text,)
        )


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return told(tmp_path_factory.mktemp("hostile") / "it", HOSTILE)


@pytest.fixture(scope="module")
def harmless(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return told(
        tmp_path_factory.mktemp("harmless") / "it", tuple(f"text {n}" for n in range(len(HOSTILE)))
    )


@pytest.fixture(scope="module")
def served(hostile: Told) -> Iterator[Served]:
    with serving(hostile.database) as served:
        yield served


@pytest.fixture(scope="module")
def served_harmless(harmless: Told) -> Iterator[Served]:
    with serving(harmless.database) as served:
        yield served


def made_of(html: str) -> tuple[set[str], set[tuple[str, str]]]:
    """The elements of a page, and the attributes of each."""
    page = BeautifulSoup(html, "lxml")
    return (
        {tag.name for tag in page.find_all(True)},
        {(tag.name, name) for tag in page.find_all(True) for name in tag.attrs},
    )


PAGES = ["/", "/-/change/2", "/-/change/3", "/night/change_log", "/night/story_versions",
         "/night/unconfirmed", "/night/what_changed", "/night/candidate", "/night/page",
         "/night/article_version/9", "/night/coverage"]  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_made_of_what_they_are_made_of_with_harmless_texts(
    served: Served, served_harmless: Served, path: str
) -> None:
    elements, attributes = made_of(served.text(path))
    known, usual = made_of(served_harmless.text(path))
    # A look whose time moved, or an address that is none, may leave an element out.
    assert elements - known == set()
    assert attributes - usual == set()
    assert re.findall(r"\b1337\b", served.text(path)) == []


def test_the_report_is_made_of_what_it_is_made_of_with_harmless_texts(
    hostile: Told, harmless: Told
) -> None:
    texts = [(told.out / "index.html").read_text("utf-8") for told in (hostile, harmless)]
    (elements, attributes), (known, usual) = map(made_of, texts)
    assert elements - known == set()
    assert attributes - usual == set()
    assert "script" not in elements


@pytest.mark.parametrize("path", PAGES)
def test_no_link_is_anything_but_one_of_the_web(served: Served, path: str) -> None:
    page = BeautifulSoup(served.text(path), "lxml")
    links = [
        str(tag.get(name)) for name in ("href", "src", "action") for tag in page.select(f"[{name}]")
    ]
    assert [link for link in links if not re.match(r"https?://|/|#|\?|\.|[a-z_]+\.", link)] == []
    assert [link for link in links if "evil.example" in link and "?" not in link] == []


def test_in_a_browser_nothing_runs_and_nobody_is_asked(hostile: Told, served: Served) -> None:
    with browsing() as browser:
        page = browser.new_page(bypass_csp=True)  # the texts alone have to be harmless
        asked: list[str] = []
        dialogs: list[str] = []

        def dismissed(dialog: Dialog) -> None:
            dialogs.append(dialog.message)
            dialog.dismiss()

        page.on("request", lambda request: asked.append(request.url))
        page.on("dialog", dismissed)
        report = (hostile.out / "index.html").as_uri()
        for address in (report, *(f"{served.url}{path}" for path in PAGES)):
            page.goto(address)
            for summary in page.locator("summary").all():
                if summary.is_visible():
                    summary.click()
            assert page.evaluate("window.pwned") is None, address
        assert [a for a in asked if not a.startswith(("file://", served.url))] == []
        assert dialogs == []
        # They are not harmless by themselves.
        page.set_content("".join(HOSTILE[:3]))
        page.wait_for_function("window.pwned === 1")


def test_the_feed_is_xml_and_its_entries_hold_no_live_markup(hostile: Told) -> None:
    feed = etree.parse(hostile.out / "changes.atom", etree.XMLParser(recover=False))
    entries = feed.findall(f"{ATOM}entry")
    assert len({e.findtext(f"{ATOM}id") for e in entries}) == len(entries) > len(HOSTILE)
    for entry in entries:
        assert not FORBIDDEN.search(entry.findtext(f"{ATOM}title") or "")
        elements, attributes = made_of(entry.findtext(f"{ATOM}content") or "")
        assert elements <= {"html", "body", "p", "div", "del", "ins", "small"}
        assert attributes <= {("div", "class")}
        assert entry.findall(f"{ATOM}link") == []  # every address there is would run a script


def test_no_cell_is_a_formula_and_a_number_stays_one(hostile: Told) -> None:
    with (hostile.out / "changes.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    numeric = {"delta", "old", "new"}
    for row in rows:
        for name, cell in row.items():
            if name in numeric and re.fullmatch(r"-?[0-9.]+", cell):
                continue
            assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))
            assert not cell.startswith(("\t", "\r", "\n"))
            assert not FORBIDDEN.search(cell)
    assert [r["delta"] for r in rows if r["kind"] == "votes_decreased"] == ["-10748"]


def test_raw_is_the_explicit_opposite(hostile: Told, tmp_path: Path) -> None:
    words: list[str | Path] = ["--db", hostile.database, "--out", tmp_path / "raw"]
    subprocess.run([BIN / "tallytrail", "report", "--raw", *words], check=True)
    with (tmp_path / "raw" / "changes.csv").open(newline="", encoding="utf-8") as file:
        raw = {row["new"] for row in csv.DictReader(file) if row["field"] == "headline"}
    assert {"=1+1", "+1", "@SUM(1)"} <= raw
    objects = (hostile.out / "changes.jsonl").read_text("ascii").splitlines()
    assert raw == {o["new"] for o in map(json.loads, objects) if o["field"] == "headline"}


@pytest.mark.parametrize("flavour", ["commonmark", "js-default"])
def test_markdown_renders_to_nothing_that_is_not_ours(
    hostile: Told, harmless: Told, flavour: str
) -> None:
    def counts(told: Told) -> Counter[str]:
        text = (told.out / "changes.md").read_text("utf-8")
        html = MarkdownIt(flavour).enable("table").render(text)
        return Counter(tag.name for tag in BeautifulSoup(html, "lxml").find_all(True))

    assert counts(hostile) == counts(harmless)
    assert not {"a", "img", "script", "b", "svg"} & counts(hostile).keys()


@pytest.mark.parametrize(
    "words",
    [
        ["changes"],
        ["changes", "--first"],
        ["changes", "--format", "jsonl"],
        ["results"],
        ["changes", "--race", TERMINAL],
        ["changes", "--article", TERMINAL],
    ],
    ids=["text", "first", "jsonl", "results", "race", "article"],
)
def test_nothing_moves_a_terminal(hostile: Told, words: list[str]) -> None:
    done = subprocess.run(
        [BIN / "tallytrail", *words, "--db", hostile.database], capture_output=True, check=True
    )
    for said in (done.stdout, done.stderr):
        assert not FORBIDDEN.search(said.decode("utf-8"))


def test_nothing_moves_the_terminal_of_whoever_serves(served: Served) -> None:
    for question in ("what_changed?since=", "state_as_of?moment="):
        assert served.get(f"/night/{question}{quote(TERMINAL)}")[0] == 400
    assert not FORBIDDEN.search(served.log())


@pytest.mark.parametrize(
    "words",
    [["changes", "--since", TERMINAL], ["changes", "--db", f"{TERMINAL}.db"],
     ["report", "--out", "x", "--db", f"{TERMINAL}.db"], ["serve", "--db", f"{TERMINAL}.db"]],
    ids=["since", "changes", "report", "serve"],
)  # fmt: skip
def test_no_word_of_the_command_line_moves_a_terminal(words: list[str]) -> None:
    words = [word.replace("\x00", "") for word in words]
    done = subprocess.run([BIN / "tallytrail", *words], capture_output=True, check=False)
    assert done.returncode == 2
    assert not FORBIDDEN.search(done.stderr.decode("utf-8"))


def test_nothing_moves_the_terminal_of_a_reader_of_the_files(hostile: Told) -> None:
    for name in os.listdir(hostile.out):
        assert not FORBIDDEN.search((hostile.out / name).read_text("utf-8")), name


def test_the_tables_are_what_they_were_and_no_file_is_anywhere_else(
    hostile: Told, harmless: Told, served: Served
) -> None:
    counts = [
        {name: len(served.rows(f"{name}?_size=max")) for name in ("change", "fetch", "refusal")}
    ]
    with opened(harmless.database) as trail:
        assert counts[0] == {name: len(trail.table(name)) for name in counts[0]}
    assert sorted(p.name for p in hostile.database.parent.iterdir() if p.is_dir()) == ["out"]
    assert len(os.listdir(hostile.out)) == 5
