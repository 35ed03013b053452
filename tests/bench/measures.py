"""What is measured, and what must come out."""

from __future__ import annotations

import shutil
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.bench import counties, git_history, growth, night, one_race, tape
from tests.bench.measuring import ROOT, clocked, contend, interleaved
from tests.desk import BIN, Answer, Desk, Site, banner, path_of, story

#: git-history costs the same for each snapshot: its rounds take a part of the night.
PART = 300
BODIES_OF_W2 = 51
REPEATS = 400

Tick = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """values: one for each round. figures: the medians of what they are made of. note: what a
    reader has to know besides."""

    values: Sequence[float]
    figures: str
    note: str = ""


class Workshop:
    """A folder for everything, and what several measures need, made when first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fresh(self, name: str = "fresh") -> Path:
        """The path of a database that is not there."""
        for file in self.folder.glob(f"{name}.db*"):
            file.unlink()
        return self.folder / f"{name}.db"

    def copied(self, original: Path) -> Path:
        """A copy of a database that no process has open."""
        path = self.fresh("copy")
        shutil.copyfile(original, path)
        return path

    @cached_property
    def w1(self) -> Path:
        tape.write(self.folder / "w1", night.checked())
        return self.folder / "w1"

    @cached_property
    def w2(self) -> Path:
        tape.write(self.folder / "w2", counties.checked())
        return self.folder / "w2"

    @cached_property
    def part(self) -> int:
        """Where the PART of the night begins that moves as much a snapshot as the whole does."""
        moved = night.changed_votes(night.checked())
        mean = sum(moved) / len(moved)
        starts = range(night.SNAPSHOTS - PART)
        return min(starts, key=lambda s: abs(sum(moved[s + 1 : s + PART]) / (PART - 1) - mean))

    def repository(self, first: int, end: int) -> Path:
        """A packed repository of these snapshots of W1."""
        folder = self.folder / f"repository-{first}-{end}"
        if not folder.exists():
            git_history.repository(folder, tape.read(self.w1, first, end))
        return folder

    @cached_property
    def desk(self) -> Desk:
        """A desk that has looked at its one page once."""
        folder = self.folder / "desk"
        folder.mkdir(exist_ok=True)
        desk = Desk(folder, _site())
        desk.configure([1])
        desk.crawl()
        return desk


def _site() -> Site:
    """A site with one story, whose banner shows more votes at each look."""
    site = Site()

    def answer(_: dict[str, str]) -> Answer:
        votes = 67_410_748 + site.asked(path_of(1))
        return 200, {"Content-Type": "text/html"}, story(1, banner=banner(votes))

    site.answers[path_of(1)] = answer
    return site


def w1_against_git_history(shop: Workshop, rounds: int, tick: Tick) -> Outcome:
    first, end = shop.part, shop.part + PART
    repository = shop.repository(first, end)

    def ours() -> float:
        cost = contend("product", shop.w1, shop.fresh(), first=first, end=end)
        return 1000 * cost.cpu / cost.taken

    def theirs() -> float:
        start_up = clocked([git_history.COMMAND, "--version"], shop.folder)
        whole = clocked(git_history.words(shop.fresh(), repository), shop.folder)
        return 1000 * (whole - start_up) / PART

    both = interleaved(rounds, ours, theirs, tick)
    note = (
        f"{PART} snapshots of W1 that move as much as the whole; start-up of neither is counted;"
        " git-history gets no national sums"
    )
    return Outcome(both.ratios(theirs_to_ours=True), both.figures("ms a snapshot"), note)


def _w1_against(name: str, shop: Workshop, rounds: int, tick: Tick) -> tuple[Outcome, set[int]]:
    rows: dict[str, set[int]] = {}

    def cost_of(contender: str) -> float:
        cost = contend(contender, shop.w1, shop.fresh())
        rows.setdefault(contender, set()).add(cost.rows)
        return 1000 * cost.cpu / cost.taken

    both = interleaved(rounds, lambda: cost_of("product"), lambda: cost_of(name), tick)
    outcome = Outcome(both.ratios(), both.figures("ms a snapshot"))
    return outcome, rows["product"] | rows[name]


def w1_against_floor(shop: Workshop, rounds: int, tick: Tick) -> Outcome:
    outcome, rows = _w1_against("floor", shop, rounds, tick)
    note = f"changes recorded, ours and the floor's: {' and '.join(f'{n:,}' for n in sorted(rows))}"
    return Outcome(outcome.values, outcome.figures, note)


def w1_against_upserts(shop: Workshop, rounds: int, tick: Tick) -> Outcome:
    outcome, _ = _w1_against("upserts", shop, rounds, tick)
    note = "it keeps neither bodies nor looks, and gets no national sums"
    return Outcome(outcome.values, outcome.figures, note)


def w2_against_floor(shop: Workshop, rounds: int, tick: Tick) -> Outcome:
    rows = {}

    def cost_of(contender: str) -> float:
        cost = contend(contender, shop.w2, shop.fresh(), warm=2)
        looks = cost.taken / BODIES_OF_W2
        rows[contender] = cost.rows / looks
        return 1000 * cost.cpu / looks

    both = interleaved(rounds, lambda: cost_of("product"), lambda: cost_of("floor"), tick)
    note = (
        f"a snapshot is {BODIES_OF_W2} state files; changes in each, ours and the floor's:"
        f" {rows['product']:,.0f} and {rows['floor']:,.0f}"
    )
    return Outcome(both.ratios(), both.figures("ms a snapshot", 0), note)


def growth_to_100_000(shop: Workshop, rounds: int, tick: Tick) -> Outcome:
    first, held, clocked_looks, warm = 200, 100, 100, 10
    young, old = shop.fresh("young"), shop.fresh("old")
    contend("product", shop.w1, young, first=first, end=first + held)
    shutil.copyfile(young, old)
    copies = (100_000 - held) // growth.BLOCK
    growth.lay_again(old, copies)
    rows = []

    def cost_of(database: Path) -> float:
        start, end = first + held, first + held + warm + clocked_looks
        copy = shop.copied(database)
        cost = contend("product", shop.w1, copy, first=start, warm=warm, end=end)
        rows.append(cost.rows / cost.taken)
        return 1000 * cost.cpu / cost.taken

    both = interleaved(rounds, lambda: cost_of(old), lambda: cost_of(young), tick)
    size = f"{old.stat().st_size / 1e6:,.0f} MB"
    note = (
        f"the rows of snapshots 51 to 100 were laid again {copies:,} times by SQL, through all"
        f" triggers and indexes ({size}); then {clocked_looks} more snapshots,"
        f" {statistics.mean(rows):.0f} changes in each"
    )
    return Outcome(both.ratios(), both.figures("ms a snapshot"), note)


def identical_body(shop: Workshop, rounds: int, tick: Tick) -> Outcome:
    def cost_of(contender: str) -> float:
        cost = contend(
            contender, shop.w1, shop.fresh(), first=shop.part, warm=5, end=0, again=REPEATS
        )
        return 1e6 * cost.cpu / cost.taken

    both = interleaved(rounds, lambda: cost_of("product"), lambda: cost_of("receipt"), tick)
    return Outcome(both.ratios(), both.figures("us a look", 0))


def size_of_w1(shop: Workshop, _: int, tick: Tick) -> Outcome:
    database = shop.fresh()
    contend("product", shop.w1, database)
    ours = database.stat().st_size
    repository = shop.repository(0, night.SNAPSHOTS)
    theirs = shop.fresh("theirs")
    clocked(git_history.words(theirs, repository), shop.folder)
    packs, rows = git_history.packed_size(repository), theirs.stat().st_size
    tick()
    figures = f"{ours / 1e6:.2f} against {packs / 1e6:.2f} + {rows / 1e6:.2f} MB"
    return Outcome([ours / (packs + rows)], figures, "once: it does not vary")


def crawl_of_one_page(shop: Workshop, rounds: int, tick: Tick) -> Outcome:
    desk = shop.desk
    url = desk.site.url + path_of(1)
    spider = ROOT / "tests/bench/bare_spider.py"
    bare: list[str | Path] = [
        BIN / "scrapy", "runspider", spider, "-a", f"url={url}", "--nolog",
        "-s", "ROBOTSTXT_OBEY=True", "-s", "DOWNLOAD_DELAY=0",
    ]  # fmt: skip
    original = shop.copied(desk.folder / "tallytrail.db")

    def ours() -> float:
        _remove(desk.folder)
        shutil.copyfile(original, desk.folder / "tallytrail.db")
        return 1000 * clocked(desk.command("crawl"), desk.folder)

    both = interleaved(rounds, ours, lambda: 1000 * clocked(bare, shop.folder), tick)
    note = "new processes; the database has seen the page once, and its votes rose since"
    return Outcome(both.ratios(), both.figures("ms", 0), note)


def _remove(folder: Path) -> None:
    for file in folder.glob("tallytrail.db*"):
        file.unlink()


def _start_up(word: str, folder: Path, rounds: int, tick: Tick) -> Outcome:
    bare = [sys.executable, "-c", "import json,hashlib,sqlite3,argparse"]
    both = interleaved(
        rounds,
        lambda: 1000 * clocked([BIN / "tallytrail", word], folder, runs=5),
        lambda: 1000 * clocked(bare, folder, runs=5),
        tick,
    )
    return Outcome(both.ratios(), both.figures("ms", 0), "new processes, five in each round")


def changes(shop: Workshop, rounds: int, tick: Tick) -> Outcome:
    return _start_up("changes", shop.desk.folder, rounds, tick)


def help_text(shop: Workshop, rounds: int, tick: Tick) -> Outcome:
    return _start_up("--help", shop.folder, rounds, tick)


def import_of_a_history(shop: Workshop, rounds: int, tick: Tick) -> Outcome:
    repository = shop.folder / "one-race"
    git_history.repository(repository, one_race.versions())
    configuration = shop.folder / "one-race.toml"
    configuration.write_text(one_race.CONFIGURATION, "utf-8")

    def ours() -> float:
        words: list[str | Path] = [
            BIN / "tallytrail", "import", repository, "--source", "one-race",
            "--config", configuration, "--db", shop.fresh(),
        ]  # fmt: skip
        return clocked(words, shop.folder)

    def theirs() -> float:
        words = git_history.words(shop.fresh(), repository, ("candidate",), one_race.CONVERT)
        return clocked(words, shop.folder)

    both = interleaved(rounds, ours, theirs, tick)
    note = (
        f"whole processes; {one_race.VERSIONS:,} versions of one file; git-history keeps no bytes"
    )
    return Outcome(both.ratios(), both.figures("s"), note)


def _memory(bodies: Path, shop: Workshop, rounds: int, tick: Tick) -> Outcome:
    peaks = []
    for _ in range(rounds):
        peak = contend("product", bodies, shop.fresh()).peak
        if peak is None:
            raise RuntimeError("this system does not tell a process's peak (VmHWM)")
        peaks.append(peak * 1024 / 1e6)
        tick()
    return Outcome(peaks, "", "VmHWM of a fresh process")


def memory_w1(shop: Workshop, rounds: int, tick: Tick) -> Outcome:
    return _memory(shop.w1, shop, min(rounds, 3), tick)


def memory_w2(shop: Workshop, rounds: int, tick: Tick) -> Outcome:
    return _memory(shop.w2, shop, min(rounds, 3), tick)


@dataclass(frozen=True, slots=True)
class Measure:
    """text: what is compared. must, aim: bounds of the median; None where there is none.

    least: the bounds are lower ones. unit: of the values.
    """

    name: str
    text: str
    run: Callable[[Workshop, int, Tick], Outcome]
    must: float | None = None
    aim: float | None = None
    least: bool = False
    unit: str = "x"

    def holds(self, value: float, bound: float | None) -> bool | None:
        """Whether the value is within the bound; None when there is no bound."""
        if bound is None:
            return None
        return value >= bound if self.least else value <= bound


MEASURES = (
    Measure(
        "w1-git-history", "W1, archive included, against git-history", w1_against_git_history,
        12, 20, least=True, unit="x less",
    ),
    Measure("w1-floor", "W1 against the floor", w1_against_floor, 2.0, 1.2),
    Measure(
        "w1-upserts", "W1 against sqlite-utils upserts with sqlite-history", w1_against_upserts
    ),
    Measure("w2-floor", "W2 snapshot against the floor", w2_against_floor, 2.0, 1.2),
    Measure(
        "growth", "a snapshot with 100,000 snapshots stored, against 100", growth_to_100_000,
        1.15, 1.05,
    ),
    Measure(
        "identical", "identical body, against sha256 + a one-row transaction", identical_body,
        2.0, 1.3,
    ),
    Measure(
        "size", "database with all bodies of W1, against packed git + git-history's database",
        size_of_w1, 0.65, 0.35,
    ),
    Measure(
        "crawl", "one crawl of one page, against a bare `scrapy runspider`", crawl_of_one_page,
        1.25, 1.1,
    ),
    Measure(
        "import", "import of a git history, against git-history", import_of_a_history, 1.0,
    ),
    Measure("changes", "`changes` against bare standard-library start-up", changes, 3.0, 2.0),
    Measure("help", "`--help` against bare standard-library start-up", help_text, 3.0, 2.0),
    Measure(
        "memory-w1", "memory of reading W1 without the crawler", memory_w1, 60, 40, unit=" MB"
    ),
    Measure(
        "memory-w2", "memory of reading W2 without the crawler", memory_w2, 110, 70, unit=" MB"
    ),
)  # fmt: skip
