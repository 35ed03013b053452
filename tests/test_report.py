"""`tallytrail report`: a folder of files from the same rows as `changes`."""

from __future__ import annotations

import csv
import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from lxml import etree

from tests.crashing import need
from tests.desk import BIN, Desk, Site, banner, path_of, story
from tests.trail import FIRST, Banner, Page, Story, Trail, opened

ATOM = "{http://www.w3.org/2005/Atom}"
FILES = ["changes.atom", "changes.csv", "changes.jsonl", "changes.md", "index.html"]


@pytest.fixture
def trail(tmp_path: Path) -> Iterator[Trail]:
    """A night with a decrease, a retraction, an edited story, and a banner that was damaged."""
    with opened(tmp_path / "night.db") as trail:
        trail.look(Page())
        trail.look(Page(banner=FIRST.later(30, Harris=(226, 67_500_000))))
        trail.look(Page(banner=FIRST.later(40, Harris=(226, 67_499_000))))
        trail.look(
            Page(
                banner=Banner(
                    minute=50,
                    figures={"Harris": (226, 67_499_000), "Trump": (294, 72_191_978)},
                    called=None,
                ),
                story=Story(
                    headline="Counting is over",
                    paragraphs=("Clerks counted on.", "Mail ballots take time."),
                    modified="2024-11-06T23:00:00Z",
                ),
            )
        )
        yield trail


def report(database: Path, out: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / "tallytrail", "report", "--db", database, "--out", out, *words],
        capture_output=True,
        text=True,
        check=False,
    )


def written(trail: Trail, *words: str) -> Path:
    out = trail.path.parent / "out"
    done = report(trail.path, out, *words)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return out


def log_of(trail: Trail) -> list[dict[str, object]]:
    done = subprocess.run(
        [BIN / "tallytrail", "changes", "--db", trail.path, "--format", "jsonl"],
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_it_writes_five_files_and_nothing_else(trail: Trail) -> None:
    assert sorted(os.listdir(written(trail))) == FILES


def test_json_lines_and_csv_are_the_rows_of_changes(trail: Trail) -> None:
    out, rows = written(trail), log_of(trail)
    assert len(rows) == 7
    assert [json.loads(x) for x in (out / "changes.jsonl").read_text().splitlines()] == rows
    with (out / "changes.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["id"] for row in table] == [str(row["id"]) for row in rows]
    assert [row["delta"] for row in table if row["kind"] == "votes_decreased"] == ["-1000"]


def test_the_page_has_every_change_newest_first_and_the_alarms_on_top(trail: Trail) -> None:
    page = BeautifulSoup((written(trail) / "index.html").read_text("utf-8"), "lxml")
    ids = [int(tr["id"].removeprefix("change-")) for tr in page.select("tr[id]")]  # type: ignore[union-attr]
    assert sorted(ids) == list(range(1, 8))
    assert ids.index(6) < ids.index(1)
    alarms = page.select_one(".alarms")
    assert alarms is not None
    told = [li.get_text(" ", strip=True) for li in alarms.select("li")]
    assert len(told) == 2
    assert "Projection retracted: Trump" in told[0]
    assert "Harris: votes fell to 67,499,000 (-1,000)" in told[1]
    for link in page.select('a[href^="#"]'):
        assert page.find(id=str(link["href"])[1:]) is not None


def test_the_page_says_so_when_nothing_went_down(tmp_path: Path) -> None:
    with opened(tmp_path / "calm.db") as trail:
        trail.look(Page())
        trail.look(Page(banner=FIRST.later(30, Harris=(226, 67_500_000))))
        page = (written(trail) / "index.html").read_text("utf-8")
    assert "No figure went down" in page
    assert 'class="alarms"' not in page


def test_the_page_says_what_is_not_read(trail: Trail) -> None:
    trail.look(Page(damage=("67,410,748 votes", "? votes")))
    page = BeautifulSoup((written(trail) / "index.html").read_text("utf-8"), "lxml")
    assert "Not believed, or not read" in page.get_text()
    assert any("Harris" in li.get_text() for li in page.select(".alarms li"))


def test_the_page_asks_nobody_for_anything(trail: Trail) -> None:
    page = BeautifulSoup((written(trail) / "index.html").read_text("utf-8"), "lxml")
    assert page.find_all(["script", "img", "iframe", "object", "embed", "form", "base"]) == []
    policy = page.find("meta", attrs={"http-equiv": "Content-Security-Policy"})
    assert policy is not None
    assert "default-src 'none'" in str(policy["content"])
    loaded = [str(link["href"]) for link in page.find_all("link")]
    assert loaded == ["changes.atom"]


def test_every_report_has_the_head_of_the_chain(trail: Trail) -> None:
    out = written(trail)
    last = trail.table("link")[-1]
    for name in ("index.html", "changes.md"):
        assert f"{last['id']}:{last['hash']}" in (out / name).read_text("utf-8")


def entries(out: Path) -> list[etree._Element]:
    return etree.parse(out / "changes.atom", etree.XMLParser(recover=False)).findall(f"{ATOM}entry")


def test_the_feed_has_one_entry_a_change_newest_first(trail: Trail) -> None:
    titles = [str(entry.findtext(f"{ATOM}title")) for entry in entries(written(trail))]
    assert len(titles) == 7
    assert sum("retracted" in title for title in titles) == 1
    assert "President · United States" in titles[-1]
    seen = [str(entry.findtext(f"{ATOM}updated")) for entry in entries(written(trail))]
    assert seen == sorted(seen, reverse=True)


def test_entries_never_change_and_new_ones_are_added(trail: Trail) -> None:
    def told() -> dict[str, bytes]:
        made = entries(written(trail))
        return {str(e.findtext(f"{ATOM}id")): etree.tostring(e) for e in made}

    before = told()
    assert len(before) == 7
    assert told() == before
    trail.look(Page(banner=FIRST.later(60, Harris=(226, 67_499_000))))  # called again
    after = told()
    assert len(after) > 7
    assert {number: after[number] for number in before} == before


def test_ids_of_another_database_with_the_same_rows_are_others(tmp_path: Path) -> None:
    ids = []
    for name, minutes in (("a.db", 1), ("b.db", 2)):
        with opened(tmp_path / name) as trail:
            trail.look(Page(), minutes=minutes)
            trail.look(Page(banner=FIRST.later(30, Harris=(226, 67_500_000))))
            ids.append({str(e.findtext(f"{ATOM}id")) for e in entries(written(trail))})
    assert len(ids[0]) == len(ids[1]) > 0
    assert not ids[0] & ids[1]


def test_the_same_log_makes_the_same_bytes(trail: Trail) -> None:
    out = written(trail)
    first = {name: (out / name).read_bytes() for name in FILES}
    written(trail)
    assert {name: (out / name).read_bytes() for name in FILES} == first


def test_a_text_that_looks_like_a_formula_is_harmless_unless_asked_for(trail: Trail) -> None:
    formula = '=HYPERLINK("http://x.example")'
    trail.look(Page(story=Story(headline=formula, modified="2024-11-06T23:30:00Z")))

    def headlines() -> list[str]:
        with (trail.path.parent / "out" / "changes.csv").open(newline="") as file:
            return [r["new"] for r in csv.DictReader(file) if r["field"] == "headline"]

    written(trail)
    assert headlines()[-1] == f"'{formula}"
    written(trail, "--raw")
    assert headlines()[-1] == formula


def test_an_empty_database_makes_an_empty_report(tmp_path: Path) -> None:
    with opened(tmp_path / "empty.db") as trail:
        out = written(trail)
        assert "No changes yet" in (out / "index.html").read_text("utf-8")
        assert entries(out) == []


def test_other_files_in_the_folder_stay(trail: Trail) -> None:
    out = written(trail)
    (out / "CNAME").write_text("results.example")
    written(trail)
    assert (out / "CNAME").read_text() == "results.example"


def test_without_a_database_it_says_so_and_makes_no_folder(tmp_path: Path) -> None:
    done = report(tmp_path / "none.db", tmp_path / "out")
    assert (done.returncode, done.stdout) == (2, "")
    assert "does not exist" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_file_in_place_of_the_folder_is_told(trail: Trail, tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    done = report(trail.path, tmp_path / "taken")
    assert (done.returncode, done.stdout) == (2, "")
    assert "taken" in done.stderr
    below = report(trail.path, tmp_path / "taken" / "below")
    assert (below.returncode, below.stdout) == (1, "")
    (line,) = below.stderr.splitlines()
    assert "taken" in line


def test_on_a_full_disk_the_old_report_stays(trail: Trail, tmp_path: Path) -> None:
    need("unshare")
    out = tmp_path / "small"
    out.mkdir()
    script = (
        f"mount -t tmpfs -o size=64k tmpfs {out} && cp {tmp_path}/keep/* {out}/ &&"
        f" head -c 200000 /dev/zero > {out}/ballast;"
        f" {BIN}/tallytrail report --db {trail.path} --out {out}; code=$?;"
        f" cmp {out}/index.html {tmp_path}/keep/index.html && ls -A {out} >&2; exit $code"
    )
    assert report(trail.path, tmp_path / "keep").returncode == 0
    trail.look(Page(banner=FIRST.later(60, Harris=(230, 67_600_000))))
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 75, done.stderr
    assert "make room" in done.stderr
    assert sorted(done.stderr.split()[-6:]) == ["ballast", *FILES]


def test_two_at_once_write_whole_files(trail: Trail) -> None:
    out = trail.path.parent / "out"
    command: list[str | Path] = [BIN / "tallytrail", "report", "--db", trail.path, "--out", out]
    at_work = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(4)]
    assert [(p.communicate()[1], p.returncode) for p in at_work] == [(b"", 0)] * 4
    assert sorted(os.listdir(out)) == FILES
    together = {name: (out / name).read_bytes() for name in FILES}
    written(trail)
    assert {name: (out / name).read_bytes() for name in FILES} == together


def test_a_time_that_the_outlet_did_not_give_is_not_made_up(tmp_path: Path) -> None:
    with opened(tmp_path / "timeless.db") as trail:
        bare = Story(published=None, modified=None)
        trail.look(Page(banner=None, story=bare))
        trail.look(Page(banner=None, story=replace(bare, headline="Counting is over")))
        out = written(trail)
    for name in ("index.html", "changes.md", "changes.atom"):
        text = (out / name).read_text("utf-8")
        assert "by the outlet" not in text
        assert "the outlet gave no time" in text


def test_what_fell_is_told_whatever_it_is(tmp_path: Path) -> None:
    with opened(tmp_path / "falls.db") as trail:
        trail.look(Page())
        trail.look(Page(banner=replace(FIRST.later(30, Trump=(280, 72_191_978)), expected=85)))
        out = written(trail)
    page = BeautifulSoup((out / "index.html").read_text("utf-8"), "lxml")
    alarms = [li.get_text(" ", strip=True) for li in page.select(".alarms li")]
    assert any("Trump: down to 280 electoral votes, was 294" in alarm for alarm in alarms)
    assert any("down to 85% of the expected vote in, was 90%" in alarm for alarm in alarms)
    assert "down to 85" in (out / "changes.md").read_text("utf-8").partition("## The tallies")[0]


def test_a_rename_does_not_touch_the_entries_before_it(trail: Trail) -> None:
    before = {str(e.findtext(f"{ATOM}id")): etree.tostring(e) for e in entries(written(trail))}
    figures = {"Kamala Harris": (226, 67_499_000), "Trump": (294, 72_191_978)}
    trail.look(Page(banner=Banner(minute=70, figures=figures, called=None)))
    after = {str(e.findtext(f"{ATOM}id")): etree.tostring(e) for e in entries(written(trail))}
    assert len(after) > len(before)
    assert {number: after[number] for number in before} == before


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_no_draft(
    trail: Trail, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    handle = os.open(out, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)  # it waits for its turn
    process = subprocess.Popen([BIN / "tallytrail", "report", "--db", trail.path, "--out", out])
    time.sleep(1.5)
    process.send_signal(number)
    assert process.wait(10) == code
    os.close(handle)
    assert list(out.iterdir()) == []


def test_it_reads_while_a_crawl_writes(trail: Trail) -> None:
    trail.connection.execute("BEGIN IMMEDIATE")
    written(trail)
    trail.connection.execute("ROLLBACK")


def test_the_crontab_line_makes_the_report_also_after_a_crawl_with_a_fault(
    desk: Desk, site: Site
) -> None:
    desk.configure([1, 2], delay=0.05)
    site.answers[path_of(1)] = 200, {}, story(1, banner=banner(67_410_748))
    _, _, command = desk.run("schedule", "--out", "public").stdout.partition("* * * * ")
    done = subprocess.run(
        ["/bin/sh", "-c", command.replace("\\%", "%")],
        cwd="/",
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "HTTP 404" in done.stdout
    page = (desk.folder / "public" / "index.html").read_text("utf-8")
    assert "72,191,978" in page
    assert "HTTP 404" in page
