"""`tallytrail import` of git repositories: what each version of each file showed, and when."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

import tests.desk
from tests.desk import Site, banner, path_of, story
from tests.histories import (
    GOVERNOR,
    MAPS,
    SENATE,
    Desk,
    Repository,
    Shown,
    by_hand,
    expected,
    minute,
    night,
    tables,
    votes,
    without_origin,
)
from tests.test_log_integrity import hashes

ROOT = Path(__file__).parents[1]
OLD_MAPS = MAPS.replace("2024", "2022")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "desk")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "captures")


# -- the same log as by hand -----------------------------------------------------------------


def test_the_log_is_that_of_the_same_bodies_received_and_read_at_the_same_times(
    desk: Desk, repository: Repository, tmp_path: Path
) -> None:
    shown = night()
    repository.record(shown)
    done = desk.run(repository.folder)
    assert (done.code, done.told) == (0, [])
    # The first look at each page is no change, and each of the others has moved one candidate.
    assert done.out == "6 captures, 6 imported: 6 new; 4 changes (#1 to #4)\n"
    by_hand(tmp_path / "hand.db", shown)
    assert without_origin(desk.tables()) == without_origin(tables(tmp_path / "hand.db"))
    assert desk.captures() == expected(shown)
    assert {
        (r["asked_at"], r["status"], r["headers"]) for r in desk.rows("SELECT * FROM fetch")
    } == {(None, 200, "[]")}
    assert desk.rows("SELECT * FROM run") == []


def test_each_look_says_whose_capture_it_is_and_the_chain_covers_it(
    desk: Desk, repository: Repository
) -> None:
    commits = repository.record(night(3))
    desk.run(repository.folder, "--by", "Ana Ruiz")
    captures = desk.rows("SELECT origin, label, name, fetch FROM capture ORDER BY id")
    assert captures == [
        {
            "origin": f"git {commits[0]}",
            "label": "Ana Ruiz: captures",
            "name": f"{commit}:{path}",
            "fetch": number,
        }
        for number, (commit, path) in enumerate(
            zip(commits, (SENATE, GOVERNOR, SENATE), strict=True), start=1
        )
    ]
    with closing(sqlite3.connect(desk.database)) as connection:
        pairs = hashes(connection)
        assert len(pairs) == 6
        assert all(has == must for has, must in pairs)
        for column in ("page", "origin", "label", "name"):
            connection.execute("DROP TRIGGER IF EXISTS capture_no_update")
            connection.execute(f"UPDATE capture SET {column} = {column} || '1' WHERE id = 2")
            assert any(has != must for has, must in hashes(connection)), column
            connection.rollback()


def test_importing_twice_changes_nothing_wherever_the_repository_lies(
    desk: Desk, repository: Repository, tmp_path: Path
) -> None:
    repository.record(night())
    desk.run(repository.folder)
    before = desk.tables()
    done = desk.run(repository.folder, "--by", "Somebody else")
    assert (done.code, done.out, done.told) == (0, "", [])
    shutil.move(repository.folder, tmp_path / "elsewhere")
    desk.imports(tmp_path / "elsewhere")
    subprocess.run(
        ["git", "clone", "-q", "--bare", tmp_path / "elsewhere", tmp_path / "bare.git"], check=True
    )
    desk.imports(tmp_path / "bare.git")
    assert desk.tables() == before


def test_a_history_that_has_grown_brings_what_is_new(
    desk: Desk, repository: Repository, tmp_path: Path
) -> None:
    shown = night(9)
    repository.record(shown[:4])
    desk.run(repository.folder)
    repository.record(shown[4:])
    done = desk.run(repository.folder)
    assert done.out == "9 captures, 5 imported: 5 new; 5 changes (#3 to #7)\n"
    by_hand(tmp_path / "hand.db", shown)
    assert without_origin(desk.tables()) == without_origin(tables(tmp_path / "hand.db"))


# -- bundles, bare repositories, work trees --------------------------------------------------


def test_a_bundle_a_bare_repository_and_a_second_work_tree_are_the_same_history(
    desk: Desk, repository: Repository, tmp_path: Path
) -> None:
    shown = night()
    repository.record(shown)
    repository.git("bundle", "create", "-q", str(tmp_path / "captures.bundle"), "HEAD", "main")
    repository.git("worktree", "add", "-q", "--detach", str(tmp_path / "tree"), "HEAD")
    subprocess.run(
        ["git", "clone", "-q", "--bare", repository.folder, tmp_path / "bare"], check=True
    )
    desk.run(tmp_path / "captures.bundle")
    assert desk.captures() == expected(shown)
    for place in ("captures.bundle", "tree", "bare", "captures/.git"):
        desk.imports(tmp_path / place)
    assert desk.captures() == expected(shown)


def test_hashes_may_be_of_the_longer_kind(desk: Desk, tmp_path: Path) -> None:
    repository = Repository(tmp_path / "long", "--object-format=sha256")
    shown = night(3)
    repository.record(shown)
    assert desk.run(repository.folder).told == []
    repository.git("bundle", "create", "-q", str(tmp_path / "long.bundle"), "HEAD")
    desk.imports(tmp_path / "long.bundle")
    assert desk.captures() == expected(shown)


def test_objects_may_lie_in_another_repository(desk: Desk, tmp_path: Path) -> None:
    first = Repository(tmp_path / "first")
    shown = night(3)
    first.record(shown)
    subprocess.run(
        ["git", "clone", "-q", "--shared", first.folder, tmp_path / "second"], check=True
    )
    assert desk.run(tmp_path / "second").told == []
    assert desk.captures() == expected(shown)


# -- what is a look, and in which order ------------------------------------------------------


def test_a_deleted_file_is_no_look_and_one_that_comes_again_is(
    desk: Desk, repository: Repository
) -> None:
    body = votes(SENATE, 1_000)
    repository.commit({SENATE: body}, minute(0))
    repository.commit({SENATE: None}, minute(1))
    repository.commit({SENATE: body}, minute(2))
    repository.commit({SENATE: votes(SENATE, 900, at=3)}, minute(3))
    assert (
        desk.run(repository.folder).out
        == "3 captures, 3 imported: 2 new, 1 unchanged; 1 changes (#1 to #1)\n"
    )
    assert desk.captures() == expected(
        [
            Shown(SENATE, minute(0), body),
            Shown(SENATE, minute(2), body),
            Shown(SENATE, minute(3), votes(SENATE, 900, at=3)),
        ]
    )
    (change,) = desk.rows("SELECT * FROM change_log")
    assert (change["kind"], change["delta"], change["seen_after"]) == (
        "votes_decreased", -100, "2024-11-06T02:02:00.000Z",
    )  # fmt: skip


def test_two_files_of_one_commit_are_two_looks_and_a_new_mode_alone_is_none(
    desk: Desk, repository: Repository
) -> None:
    both: dict[str | bytes, bytes | None] = {SENATE: votes(SENATE, 1), GOVERNOR: votes(GOVERNOR, 2)}
    repository.commit(both, minute(0))
    (repository.folder / SENATE).chmod(0o755)
    repository.commit({}, minute(1))
    repository.commit({}, minute(2))  # an empty one
    (repository.folder / SENATE).chmod(0o644)
    repository.commit({SENATE: votes(SENATE, 3, at=3)}, minute(3))
    desk.run(repository.folder)
    assert desk.captures() == expected(
        [
            Shown(GOVERNOR, minute(0), votes(GOVERNOR, 2)),
            Shown(SENATE, minute(0), votes(SENATE, 1)),
            Shown(SENATE, minute(3), votes(SENATE, 3, at=3)),
        ]
    )


def test_where_the_committers_clock_ran_backwards_the_history_says_the_order(
    desk: Desk, repository: Repository
) -> None:
    """Each look has its commit's own time; what it showed before what is told by the history."""
    shown = [
        Shown(SENATE, minute(at), votes(SENATE, number, at=n))
        for n, (at, number) in enumerate([(10, 100), (4, 200), (20, 300), (7, 400)])
    ]
    repository.record(shown[:2])
    desk.run(repository.folder)
    repository.record(shown[2:])
    desk.run(repository.folder)
    desk.imports(repository.folder)
    assert desk.captures() == expected(shown)
    log = desk.rows("SELECT old, new FROM change_log ORDER BY id")
    assert [(row["old"], row["new"]) for row in log] == [(100, 200), (200, 300), (300, 400)]


def test_of_a_merge_the_branch_that_it_was_merged_into_counts(
    desk: Desk, repository: Repository
) -> None:
    first = Shown(SENATE, minute(0), votes(SENATE, 100))
    repository.record([first])
    repository.git("checkout", "-q", "-b", "side")
    side = Shown(SENATE, minute(1), votes(SENATE, 900, at=1))
    repository.record([side, Shown(SENATE, minute(2), votes(SENATE, 950, at=2))])
    repository.git("checkout", "-q", "main")
    second = Shown(SENATE, minute(3), votes(SENATE, 200, at=3))
    repository.record([second])
    repository.git("merge", "-q", "--no-ff", "-s", "ours", "-m", "m", "side", at=minute(4))
    repository.git("checkout", "-q", "-b", "more")
    repository.record([Shown(GOVERNOR, minute(5), votes(GOVERNOR, 6, at=5))])
    repository.git("checkout", "-q", "main")
    repository.git("merge", "-q", "--no-ff", "-m", "m", "more", at=minute(6))
    desk.run(repository.folder)
    # The first merge kept the branch as it was; the second brought another's file into it.
    merged = Shown(GOVERNOR, minute(6), votes(GOVERNOR, 6, at=5))
    assert desk.captures() == expected([first, second, merged])


def test_links_and_submodules_are_no_looks(
    desk: Desk, repository: Repository, tmp_path: Path
) -> None:
    other = Repository(tmp_path / "other")
    other.record(night(1))
    secret = tmp_path / "secret"
    secret.write_bytes(votes(SENATE, 5))
    (repository.folder / "maps").mkdir()
    (repository.folder / SENATE).symlink_to(secret)
    repository.git(
        "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other.folder), "sub"
    )
    repository.commit({}, minute(0))
    (repository.folder / SENATE).unlink()
    shown = Shown(SENATE, minute(1), votes(SENATE, 7))
    repository.record([shown])
    desk.run(repository.folder)
    assert desk.captures() == expected([shown])


def test_files_that_no_parser_reads_are_told_once_a_page_and_left_out(
    desk: Desk, repository: Repository
) -> None:
    for number in range(3):
        repository.commit(
            {"README.md": b"%d" % number, SENATE: votes(SENATE, number)}, minute(number)
        )
    repository.commit({f"notes/{n}.txt": b"x" for n in range(9)}, minute(4))
    done = desk.run(repository.folder)
    assert done.code == 0
    assert len(desk.captures()) == 3
    assert done.told[0] == (
        'tallytrail: abc: README.md: parser "abc" has no reader for it; left out: 3'
    )
    assert len(done.told) == 6
    assert done.told[-1] == "tallytrail: and 5 more pages have no reader, and are left out"


# -- names that nobody expects ---------------------------------------------------------------

HOSTILE = [
    b"a\nb/maps/senate.json",
    b"a\tb 'c\" d/maps/senate.json",
    b"\xff\xfe/maps/senate.json",
    "Käse/maps/senate.json".encode(),
    b":100644 100644/maps/senate.json",
    b"-n/maps/senate.json",
    b"%2e%2e/maps/senate.json",
    b"../" * 0 + b"x" * 200 + b"/" + b"y" * 200 + b"/maps/senate.json",
]


def test_no_name_of_a_file_is_taken_for_anything_else(repository: Repository) -> None:
    from crawler.captures.history import Which
    from crawler.captures.opening import opened

    for number, name in enumerate(HOSTILE):
        repository.commit({name: votes(SENATE, number)}, minute(number))
    asked: list[Which] = []

    def wanted(which: Which) -> bool:
        asked.append(which)
        return True

    with opened(repository.folder, "abc") as history:
        bodies = [capture.answer().body for capture in history.captures(wanted)]
    assert bodies == [votes(SENATE, number) for number in range(len(HOSTILE))]
    # Every byte of a name comes back from the address.
    from urllib.parse import unquote_to_bytes

    assert [unquote_to_bytes(which.page) for which in asked] == HOSTILE
    for which in asked:
        assert which.page.isascii()
        assert which.page.isprintable()
        assert " " not in which.page


def test_a_path_with_dots_stays_a_text(desk: Desk, repository: Repository, tmp_path: Path) -> None:
    """git itself makes no such tree, but it can be given one."""
    blob = repository.git("hash-object", "-w", "--stdin", given=votes(SENATE, 5))
    inner = repository.git("mktree", given=f"100644 blob {blob}\tpasswd\n".encode())
    raw = b"40000 ..\0" + bytes.fromhex(inner)
    tree = repository.git("hash-object", "-w", "-t", "tree", "--literally", "--stdin", given=raw)
    commit = repository.git("commit-tree", tree, "-m", "x", at=minute(0))
    repository.git("update-ref", "refs/heads/main", commit)
    done = desk.run(repository.folder)
    # Nothing at all was imported, and whoever waits for it should know.
    assert done.code == 1
    assert done.told == [
        'tallytrail: abc: ../passwd: parser "abc" has no reader for it; left out: 1',
        "tallytrail: captures: no capture in it is of a page that is read here; look at the"
        " source's parser and pages",
    ]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["captures", "desk"]


def test_two_paths_that_end_in_one_address_are_one_page(desk: Desk, repository: Repository) -> None:
    for number in range(4):
        path = SENATE if number % 2 else f"v1/{SENATE}"
        repository.commit({path: votes(SENATE, number, at=number)}, minute(number))
        assert desk.run(repository.folder).code == 0
    assert [at for _, at, _ in desk.captures()] == [f"2024-11-06T02:0{n}:00.000Z" for n in range(4)]


def test_a_tree_that_has_a_name_twice_is_no_traceback(desk: Desk, repository: Repository) -> None:
    one, two = (
        repository.git("hash-object", "-w", "--stdin", given=votes(SENATE, n)) for n in (1, 2)
    )
    raw = b"".join(b"100644 senate.json\0" + bytes.fromhex(blob) for blob in (one, two))
    inner = repository.git("hash-object", "-w", "-t", "tree", "--literally", "--stdin", given=raw)
    tree = repository.git("mktree", given=f"040000 tree {inner}\tmaps\n".encode())
    commit = repository.git("commit-tree", tree, "-m", "x", at=minute(0))
    repository.git("update-ref", "refs/heads/main", commit)
    assert desk.run(repository.folder).code == 0
    assert len(desk.captures()) == 1


@pytest.mark.parametrize(
    ("path", "pages", "address"),
    [
        ("maps/senate.json", None, f"{MAPS}/senate.json"),
        ("v1/maps/senate.json", None, f"{MAPS}/senate.json"),
        ("other/maps/senate.json", None, None),
        ("aps/senate.json", None, None),
        ("senate.json", None, f"{MAPS}/senate.json"),
        (
            "senate.json",
            [f"{MAPS}/senate.json", f"{MAPS.replace('2024', '2022')}/senate.json"],
            None,
        ),
        (
            "2022/general/v1/maps/senate.json",
            [f"{MAPS}/senate.json", f"{MAPS.replace('2024', '2022')}/senate.json"],
            f"{MAPS.replace('2024', '2022')}/senate.json",
        ),
    ],
)
def test_a_path_is_the_one_configured_page_whose_address_ends_with_it(
    tmp_path: Path, repository: Repository, path: str, pages: list[str] | None, address: str | None
) -> None:
    desk = Desk(tmp_path / "desk", pages)
    repository.commit({path: votes(SENATE, 5)}, minute(0))
    desk.run(repository.folder)
    assert [url for url, *_ in desk.captures()] == ([] if address is None else [address])


def test_the_files_of_states_are_pages_of_a_feed(tmp_path: Path, repository: Repository) -> None:
    desk = Desk(tmp_path / "desk", [])
    desk.configure([], f'feed = "{MAPS}"', 'states = ["fl"]')
    repository.commit({"maps/states/fl/electoral.json": b"{}"}, minute(0))
    repository.commit({"maps/states/ga/electoral.json": b"{}"}, minute(0))
    done = desk.run(repository.folder)
    assert done.code == 1  # it says nothing
    assert [url for url, *_ in desk.captures()] == [f"{MAPS}/states/fl/electoral.json"]


def test_what_no_page_is_configured_for_has_an_address_of_its_own(
    desk: Desk, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a parser has it that reads every file."""
    from crawler import importing
    from crawler.parsers import abc

    known = abc.family_of

    def family_of(url: str) -> str | None:
        return "feed" if url.startswith("import:") else known(url)

    monkeypatch.setattr(abc, "family_of", family_of)
    repository.commit({"a b/\xe9?#.json": b"[1]"}, minute(0))
    printed: list[str] = []
    code = importing.import_history(
        repository.folder,
        "abc",
        configuration=desk.folder / "tallytrail.toml",
        database=desk.database,
        show=printed.append,
    )
    assert code == 1  # ABC's parser refuses it by its address, and that is told
    assert [url for url, *_ in desk.captures()] == ["import:a%20b/%C3%A9%3F%23.json"]


def test_a_crawl_goes_on_where_the_history_ends(
    tmp_path: Path, site: Site, repository: Repository
) -> None:
    newsroom = tests.desk.Desk(tmp_path, site)
    newsroom.configure([1])
    at = minute(24 * 60)
    path = path_of(1).removeprefix("/")
    repository.commit({path: story(1, banner=banner(67_410_748))}, at)
    done = newsroom.run("import", str(repository.folder), "--source", "abc")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    site.answers[path_of(1)] = 200, {}, story(1, banner=banner(67_500_000, "Nov. 6, 9:00 PM ET"))
    newsroom.crawl()
    (row,) = newsroom.rows()
    assert (row["kind"], row["delta"]) == ("votes_increased", 89_252)
    assert row["seen_after"] == "2024-11-07T02:00:00.000Z"
    # What the repository holds from before the crawl is no news any more.
    repository.commit({path: story(1, banner=banner(67_450_000))}, minute(25 * 60))
    done = newsroom.run("import", str(repository.folder), "--source", "abc")
    assert (done.returncode, done.stdout) == (1, "")
    assert "1 older than its last look" in done.stderr
    assert newsroom.rows() == [row]


# -- what is there already -------------------------------------------------------------------


def test_captures_older_than_a_look_of_a_crawl_are_left_out_and_told(
    desk: Desk, repository: Repository
) -> None:
    shown = night(6)
    by_hand(desk.database, [shown[3]])
    before = desk.tables()
    repository.record([s for s in shown if s.path == GOVERNOR and s != shown[3]])
    done = desk.run(repository.folder)
    assert done.code == 1
    assert done.told == [
        f"tallytrail: abc: {MAPS}/governor.json: 1 older than its last look in the database, of"
        " 2024-11-06 02:03:00Z: left out; import the history into a fresh database, named with --db"
    ]
    assert desk.captures() == expected([shown[5]])
    after = desk.tables()
    assert after["fetch"][:1] == before["fetch"]
    again = desk.run(repository.folder)
    assert (again.code, again.told) == (1, [done.told[0].replace("02:03", "02:05")])
    assert desk.tables() == after
    assert desk.run(repository.folder, "--db", "fresh.db").code == 0


def test_another_history_of_the_same_page_must_be_later(
    desk: Desk, repository: Repository, tmp_path: Path
) -> None:
    shown = night(6)
    repository.record(shown[:4])
    desk.run(repository.folder)
    other = Repository(tmp_path / "other")
    other.record([shown[1], *shown[4:]])
    assert desk.run(other.folder).code == 1
    assert desk.captures() == expected(shown)


def test_a_history_that_was_rewritten_adds_nothing_in_the_middle(
    desk: Desk, repository: Repository
) -> None:
    shown = [Shown(SENATE, minute(n), votes(SENATE, n, at=n)) for n in range(4)]
    root = repository.record(shown)[0]
    desk.run(repository.folder)
    repository.git("reset", "-q", "--hard", root)
    changed = [Shown(SENATE, minute(n), votes(SENATE, 50 + n, at=n)) for n in (1, 2, 5)]
    repository.record(changed)
    done = desk.run(repository.folder)
    assert done.code == 1
    assert "2 older than its last look" in done.told[0]
    assert desk.captures() == expected([*shown, changed[2]])


def test_what_the_history_has_before_the_last_import_of_a_page_is_not_put_after_it(
    desk: Desk, repository: Repository
) -> None:
    """A path may become a page's by another configuration, with versions of long ago."""
    long = f"2024/general/v1/{SENATE}"
    desk.configure([f"{MAPS}/senate.json", f"{OLD_MAPS}/senate.json"])
    repository.record([Shown(SENATE, minute(9), votes(SENATE, 1))])
    repository.record([Shown(long, minute(1), votes(SENATE, 2, at=1))])
    desk.run(repository.folder)  # the short path might be of both
    assert len(desk.captures()) == 1
    desk.configure([f"{MAPS}/senate.json"])
    repository.record([Shown(SENATE, minute(2), votes(SENATE, 3, at=2))])
    done = desk.run(repository.folder)
    assert done.code == 1
    assert "1 older than its last look" in done.told[0]
    assert [at for _, at, _ in desk.captures()] == [
        "2024-11-06T02:01:00.000Z", "2024-11-06T02:02:00.000Z",
    ]  # fmt: skip


# -- ends in the middle ----------------------------------------------------------------------


def test_after_a_kill_the_next_import_goes_on_and_the_log_is_the_same(
    desk: Desk, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # who is killed cannot tidy up
    shown = night(60)
    repository.record(shown)
    by_hand(tmp_path / "hand.db", shown)
    kills = 0
    for wait in (0.3, 0.32, 0.34, 0.36, 0.4):
        process = subprocess.Popen(
            desk.command(repository.folder), cwd=desk.folder, stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and process.poll() is None:
            if desk.database.exists() and len(_fetches(desk)) > 10 * (kills + 1):
                break
            time.sleep(0.002)
        time.sleep(wait / 100)
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
    assert kills >= 2
    assert desk.run(repository.folder).code == 0
    assert without_origin(desk.tables()) == without_origin(tables(tmp_path / "hand.db"))


def _fetches(desk: Desk) -> list[object]:
    try:
        return list(desk.rows("SELECT id FROM fetch"))
    except sqlite3.OperationalError:  # not made yet
        return []


def test_what_was_received_and_not_read_is_read_first(
    desk: Desk, repository: Repository, tmp_path: Path
) -> None:
    shown = night(6)
    repository.record(shown)
    desk.run(repository.folder)
    fresh = Desk(tmp_path / "fresh")
    # A database that takes what is received, and nothing of what is read from it.
    fresh.run(repository.folder, "--db", "none.db")
    with closing(sqlite3.connect(fresh.folder / "none.db")) as connection:
        connection.execute("DELETE FROM source WHERE 0")
    by_hand(fresh.database, [])
    with closing(sqlite3.connect(fresh.database)) as connection:
        connection.execute(
            "CREATE TRIGGER stop BEFORE INSERT ON link WHEN NEW.step = 'read'"
            " BEGIN SELECT RAISE(ABORT, 'stop'); END"
        )
    process = subprocess.run(
        fresh.command(repository.folder), cwd=fresh.folder, capture_output=True, check=False
    )
    assert process.returncode != 0
    assert [row["outcome"] for row in fresh.rows("SELECT outcome FROM fetch")] == [None]
    with closing(sqlite3.connect(fresh.database)) as connection:
        connection.execute("DROP TRIGGER stop")
    assert fresh.run(repository.folder).code == 0
    assert fresh.tables() == desk.tables()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_and_keeps_what_is_finished(
    desk: Desk, repository: Repository, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    shown = night(300)
    fast_import(repository, shown)
    process = subprocess.Popen(
        desk.command(repository.folder), cwd=desk.folder, stderr=subprocess.PIPE, text=True
    )
    while not (desk.database.exists() and len(_fetches(desk)) > 5):
        time.sleep(0.005)
        assert process.poll() is None
    process.send_signal(number)
    assert process.stderr is not None
    with process.stderr as said:
        assert said.read() == ""
    assert process.wait(timeout=20) == code
    assert 5 < len(_fetches(desk)) < 300
    assert desk.run(repository.folder).code == 0
    by_hand(tmp_path / "hand.db", shown)
    assert without_origin(desk.tables()) == without_origin(tables(tmp_path / "hand.db"))


def fast_import(repository: Repository, shown: list[Shown]) -> None:
    """Commits without a process each."""
    lines = []
    for one in shown:
        stamp = int(one.at.timestamp())
        lines.append(
            f"commit refs/heads/main\ncommitter c <c@example.org> {stamp} +0000\ndata 0\n".encode()
            + f"M 100644 inline {one.path}\ndata {len(one.body)}\n".encode()
            + one.body
            + b"\n"
        )
    repository.git("fast-import", "--quiet", "--done", given=b"".join(lines) + b"done\n")


# -- what cannot be imported -----------------------------------------------------------------


def told(desk: Desk, path: Path, code: int, *words: str) -> None:
    done = desk.run(path)
    assert (done.code, done.out) == (code, "")
    assert len(done.told) == 1, done.told
    assert done.told[0].startswith("tallytrail: ")
    for word in (str(path), *words):
        assert word in done.told[0]


def test_what_is_no_history_is_told_and_makes_no_database(
    desk: Desk, tmp_path: Path, repository: Repository
) -> None:
    told(desk, tmp_path / "nothing", 2, "does not exist")
    told(desk, repository.folder, 2, "no commits")
    (tmp_path / "text").write_text("hello")
    told(desk, tmp_path / "text", 2, "git repository")
    (tmp_path / "empty").write_bytes(b"")
    told(desk, tmp_path / "empty", 2)
    assert not desk.database.exists()


def test_a_source_that_is_not_configured_is_told(desk: Desk, repository: Repository) -> None:
    repository.record(night(1))
    done = desk.run(repository.folder, "--source", "xyz")
    assert (done.code, done.out) == (2, "")
    assert "'xyz'" in done.told[0]
    assert "abc" in done.told[0]
    assert not desk.database.exists()


def test_a_shallow_clone_is_told(desk: Desk, repository: Repository, tmp_path: Path) -> None:
    repository.record(night(4))
    subprocess.run(
        ["git", "clone", "-q", "--depth", "2", f"file://{repository.folder}", tmp_path / "shallow"],
        check=True,
    )
    told(desk, tmp_path / "shallow", 2, "unshallow")


def test_a_damaged_bundle_is_told(
    desk: Desk, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    repository.record(night(4))
    bundle = tmp_path / "b.bundle"
    repository.git("bundle", "create", "-q", str(bundle), "HEAD", "main")
    whole = bundle.read_bytes()
    bundle.write_bytes(whole[: len(whole) // 2])
    told(desk, bundle, 1, "damaged")
    bundle.write_bytes(whole[:-30] + b"x" * 30)
    told(desk, bundle, 1, "damaged")
    assert not desk.database.exists()
    repository.git("bundle", "create", "-q", str(bundle), "HEAD~1..main")
    told(desk, bundle, 1, "not whole")  # it rests on what is elsewhere
    assert list(tmp_path.glob("tallytrail-*")) == []


def test_a_repository_that_is_damaged_in_the_middle_gives_what_came_before(
    desk: Desk, repository: Repository
) -> None:
    shown = [Shown(SENATE, minute(n), votes(SENATE, n, at=n)) for n in range(6)]
    repository.record(shown)
    blob = repository.git("rev-parse", f"HEAD~2:{SENATE}")
    place = repository.folder / ".git" / "objects" / blob[:2] / blob[2:]
    place.chmod(0o644)
    place.write_bytes(place.read_bytes()[:-20])
    done = desk.run(repository.folder)
    assert (done.code, len(done.told)) == (1, 1)
    assert "git fsck" in done.told[0]
    assert str(repository.folder) in done.told[0]
    assert desk.captures() == expected(shown[:3])
    # Another content under that name is seen too.
    place.unlink()
    other = repository.git("hash-object", "-w", "--stdin", given=b"{}")
    shutil.copy(repository.folder / ".git" / "objects" / other[:2] / other[2:], place)
    assert desk.run(repository.folder).code == 1
    assert desk.captures() == expected(shown[:3])
    place.unlink()
    repository.git("hash-object", "-w", "--stdin", given=shown[3].body)
    assert desk.run(repository.folder).code == 0
    assert desk.captures() == expected(shown)


def test_a_tree_that_is_missing_ends_it_with_a_line(desk: Desk, repository: Repository) -> None:
    shown = [Shown(SENATE, minute(n), votes(SENATE, n, at=n)) for n in range(5)]
    repository.record(shown)
    tree = repository.git("rev-parse", "HEAD~1^{tree}")
    (repository.folder / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    done = desk.run(repository.folder)
    assert (done.code, len(done.told)) == (1, 1)
    assert desk.captures() == expected(shown[:3])


def test_bodies_without_end_and_without_anything_are_looks_that_failed(
    desk: Desk, repository: Repository
) -> None:
    large = 16 * 1024 * 1024 + 1
    repository.commit({SENATE: b" " * large}, minute(0))
    repository.commit({SENATE: b""}, minute(1))
    last = votes(SENATE, 5)
    repository.commit({SENATE: last}, minute(2))
    done = desk.run(repository.folder)
    assert done.code == 1
    assert len(done.told) == 2
    assert "16,777,217 bytes" in done.told[0]
    assert "empty" in done.told[1]
    outcomes = desk.rows("SELECT outcome, body FROM fetch ORDER BY id")
    assert [(row["outcome"], row["body"] is None) for row in outcomes] == [
        ("failed", True), ("refused", True), ("new", False),
    ]  # fmt: skip
    assert desk.run(repository.folder).code == 0


def test_a_commit_of_a_time_that_cannot_be_is_left_out(desk: Desk, repository: Repository) -> None:
    def commit(stamp: str, number: int) -> None:
        blob = repository.git("hash-object", "-w", "--stdin", given=votes(SENATE, number))
        inner = repository.git("mktree", given=f"100644 blob {blob}\tsenate.json\n".encode())
        tree = repository.git("mktree", given=f"040000 tree {inner}\tmaps\n".encode())
        parent = f"parent {repository.git('rev-parse', 'HEAD')}\n"
        raw = f"tree {tree}\n{parent}author a <a> 1 +0000\ncommitter c <c> {stamp} +0000\n\nx\n"
        made = repository.git(
            "hash-object", "-w", "-t", "commit", "--literally", "--stdin", given=raw.encode()
        )
        repository.git("update-ref", "refs/heads/main", made)

    repository.record([Shown(SENATE, minute(0), votes(SENATE, 0))])
    commit("99999999999999", 1)
    commit("4102444800", 2)  # 2100
    commit("nonsense", 3)
    commit(str(int(minute(5).timestamp())), 4)
    done = desk.run(repository.folder)
    assert done.code == 1
    assert {line for line in done.told if "no capture can be of that time" in line} == {*done.told}
    assert len(done.told) in (2, 3)  # git itself may take nonsense for the first of all seconds
    assert desk.captures()[-1] == expected([Shown(SENATE, minute(5), votes(SENATE, 4))])[0]


# -- nothing of a stranger's runs ------------------------------------------------------------


def test_nothing_that_a_repository_brings_is_run(
    desk: Desk, repository: Repository, tmp_path: Path
) -> None:
    shown = night(3)
    mark = tmp_path / "ran"
    evil = tmp_path / "evil"
    evil.write_text(f'#!/bin/sh\necho "$0 $@" >> {mark}\n')
    evil.chmod(0o755)
    repository.record(shown[:1])
    repository.commit({".gitattributes": b"* filter=evil diff=evil\n"}, minute(0))
    repository.record(shown[1:2])
    # A signature would be looked at with gpg.program.
    head, _, rest = repository.git("cat-file", "commit", "HEAD").partition("\n\n")
    signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----"
    signed = f"{head}\n{signature}\n\n{rest}\n".encode()
    commit = repository.git("hash-object", "-w", "-t", "commit", "--stdin", given=signed)
    repository.git("reset", "-q", "--hard", commit)
    repository.record(shown[2:])
    (repository.folder / ".git" / "hooks").mkdir(exist_ok=True)
    for name in ("post-checkout", "reference-transaction", "pre-auto-gc", "fsmonitor-watchman"):
        shutil.copy(evil, repository.folder / ".git" / "hooks" / name)
    for key, value in {
        "log.showSignature": "true",
        "gpg.program": str(evil),
        "core.fsmonitor": str(evil),
        "core.pager": str(evil),
        "pager.log": "true",
        "core.sshCommand": str(evil),
        "core.hooksPath": str(tmp_path),
        "diff.external": str(evil),
        "diff.evil.command": str(evil),
        "diff.evil.textconv": str(evil),
        "filter.evil.smudge": str(evil),
        "filter.evil.clean": str(evil),
        "alias.log": f"!{evil}",
        "extensions.partialClone": "origin",
        "remote.origin.url": str(repository.folder),
        "remote.origin.uploadpack": str(evil),
        "remote.origin.promisor": "true",
        "protocol.ext.allow": "always",
        "uploadpack.packObjectsHook": str(evil),
        "core.alternateRefsCommand": str(evil),
        "trace2.normalTarget": str(mark),
    }.items():
        repository.git("config", key, value)
    # A file that is missing would be fetched from the partial clone's origin.
    blob = repository.git("-c", "core.fsmonitor=false", "rev-parse", f"HEAD:{shown[2].path}")
    (repository.folder / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    mark.unlink(missing_ok=True)
    for words in (["log", "--raw"], ["cat-file", "-p", blob]):  # how it would go without any care
        subprocess.run(
            ["git", *words],
            cwd=repository.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=20,
            check=False,
        )
        assert mark.exists(), words
        mark.unlink()
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        f"[core]\n\tfsmonitor = {evil}\n[log]\n\tshowSignature = true\n[gpg]\n\tprogram = {evil}\n"
    )
    done = desk.run(
        repository.folder,
        HOME=str(home),
        GIT_DIR="/nonexistent",
        GIT_EXTERNAL_DIFF=str(evil),
        GIT_SSH_COMMAND=str(evil),
    )
    assert done.code == 1
    assert not mark.exists(), mark.read_text()
    assert desk.captures() == expected(shown[:2])


def test_replacements_are_not_what_was_committed(desk: Desk, repository: Repository) -> None:
    shown = [Shown(SENATE, minute(n), votes(SENATE, n, at=n)) for n in range(2)]
    repository.record(shown)
    old = repository.git("rev-parse", f"HEAD:{SENATE}")
    new = repository.git("hash-object", "-w", "--stdin", given=votes(SENATE, 99))
    repository.git("replace", old, new)
    desk.run(repository.folder)
    assert desk.captures() == expected(shown)


@pytest.mark.skipif(os.geteuid() != 0, reason="NOT TESTED: only root can give a file away")
def test_a_repository_of_somebody_elses_is_read_all_the_same(
    desk: Desk, repository: Repository
) -> None:
    """None of its configuration is used, which is what git warns of."""
    repository.record(night(2))
    for path in (repository.folder, *repository.folder.rglob("*")):
        os.chown(path, 12345, 12345)
    assert desk.run(repository.folder).told == []
    assert len(desk.captures()) == 2


def test_a_folder_within_a_repository_is_a_folder(repository: Repository, desk: Desk) -> None:
    repository.record(night(2))
    done = desk.run(repository.folder / "maps")
    assert desk.captures() == []
    assert done.code == 1
    assert "not named by a time" in done.told[0]


# -- bounded ---------------------------------------------------------------------------------


def test_nothing_of_scrapy_is_loaded_and_nothing_is_asked(
    desk: Desk, repository: Repository
) -> None:
    import sys

    repository.record(night(2))
    program = (
        "import sys, socket\n"
        "def no(*_): raise AssertionError('asked')\n"
        "socket.socket.connect = socket.getaddrinfo = no\n"
        "from crawler.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: print(end.code, [m for m in sys.modules"
        " if m.startswith(('scrapy', 'twisted', 'warcio'))])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *desk.command(repository.folder)[1:]],
        cwd=desk.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "0 []"
