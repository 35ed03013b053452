"""`tallytrail import` of files named by the time of the look, in folders and in tar archives."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from crawler.captures.history import time_named
from crawler.importing import import_history
from tests.histories import (
    GOVERNOR,
    SENATE,
    Desk,
    Shown,
    by_hand,
    expected,
    minute,
    night,
    tables,
    votes,
    without_origin,
)

PACIFIC = timezone(timedelta(hours=-8))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "desk")


def name_of(shown: Shown) -> str:
    return f"{shown.path}/{shown.at.astimezone(PACIFIC).isoformat()}.json"


def folder(place: Path, shown: Iterable[Shown]) -> Path:
    for one in shown:
        path = place / name_of(one)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(one.body)
    return place


def tar(place: Path, members: Iterable[tuple[str, bytes]], mode: str = "w") -> Path:
    with tarfile.open(place, mode) as archive:  # type: ignore[call-overload]
        for name, body in members:
            member = tarfile.TarInfo(name)
            member.size = len(body)
            archive.addfile(member, io.BytesIO(body))
    return place


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("2022-11-10T10:05:13.579022-08:00.json", datetime(2022, 11, 10, 18, 5, 13, 579022, UTC)),
        ("20221110T100513Z", datetime(2022, 11, 10, 10, 5, 13, 0, UTC)),
        ("20221110T100513.5+0130.html", datetime(2022, 11, 10, 8, 35, 13, 500000, UTC)),
        ("2022-11-10T10:05Z.json", datetime(2022, 11, 10, 10, 5, 0, 0, UTC)),
        ("2022-11-10T10:05:13.json", None),
        ("2022-13-10T10:05:13Z.json", None),
        ("2022-11-10.json", None),
        ("x2022-11-10T10:05:13Z.json", None),
        ("2022-11-10T10:05:13Z.json.gz", None),
        ("0001-01-01T00:00:00+14:00.json", None),
        ("2022-11-10T10:05:13Z\n", None),
        ("٢٠٢٢-11-10T10:05:13Z.json", None),
        ("index.html", None),
        ("", None),
    ],
)
def test_a_file_is_named_by_a_time_with_its_zone_or_is_no_capture(
    name: str, at: datetime | None
) -> None:
    assert time_named(name) == at


@pytest.mark.parametrize("ending", ["", ".gz", ".xz", ".bz2"])
def test_the_log_is_that_of_the_same_bodies_in_order_of_time(
    desk: Desk, tmp_path: Path, ending: str
) -> None:
    """Archives have one folder after the other; the log goes by time."""
    shown = night(7)
    by_page = sorted(shown, key=lambda one: (one.path, -one.at.timestamp()))
    place = tar(
        tmp_path / f"c.tar{ending}",
        [(f"./{name_of(one)}", one.body) for one in by_page],
        f"w:{ending[1:]}",
    )
    done = desk.imports(place)
    assert done.out == "7 captures, 7 imported: 7 new; 5 changes (#1 to #5)\n"
    by_hand(tmp_path / "hand.db", shown)
    assert without_origin(desk.tables()) == without_origin(tables(tmp_path / "hand.db"))
    assert desk.captures() == expected(shown)
    before = desk.tables()
    place.rename(tmp_path / "desk" / place.name)
    assert desk.imports(place.name).out == ""
    assert desk.tables() == before


def test_a_folder_is_read_as_its_archive_is_and_may_grow(desk: Desk, tmp_path: Path) -> None:
    shown = night(8)
    folder(tmp_path / "c", shown[:5])
    desk.imports(tmp_path / "c")
    assert desk.captures() == expected(shown[:5])
    (capture, *_) = desk.rows("SELECT origin, label, name FROM capture ORDER BY id")
    assert capture == {
        "origin": "files c",
        "label": "c",
        "name": "maps/senate.json/2024-11-05T18%3A00%3A00-08%3A00.json",
    }
    folder(tmp_path / "c", shown)
    assert desk.imports(tmp_path / "c").out.startswith("8 captures, 3 imported")
    tar(tmp_path / "c.tar.gz", [(name_of(one), one.body) for one in shown], "w:gz")
    assert desk.imports(tmp_path / "c.tar.gz").out == ""
    by_hand(tmp_path / "hand.db", shown)
    assert without_origin(desk.tables()) == without_origin(tables(tmp_path / "hand.db"))


def test_a_file_that_is_put_in_later_before_others_is_told_and_left_out(
    desk: Desk, tmp_path: Path
) -> None:
    shown = [Shown(SENATE, minute(n), votes(SENATE, n, at=n)) for n in range(3)]
    folder(tmp_path / "c", [shown[0], shown[2]])
    desk.imports(tmp_path / "c")
    folder(tmp_path / "c", [shown[1]])
    done = desk.run(tmp_path / "c")
    assert done.code == 1
    assert "1 older than its last look" in done.told[0]
    assert desk.captures() == expected([shown[0], shown[2]])


def test_what_is_no_capture_is_counted_in_one_line(desk: Desk, tmp_path: Path) -> None:
    place = folder(tmp_path / "c", night(2))
    for name in ("README.md", "maps/index.html", "maps/senate.json/latest.json"):
        (place / name).write_text("x")
    done = desk.run(place)
    assert done.code == 0
    assert done.told == [
        "tallytrail: c: files are not named by a time, such as 2022-11-10T10:05:13-08:00.json;"
        " left out: 3"
    ]
    assert len(desk.captures()) == 2


def test_links_and_pipes_on_disk_are_left_out(desk: Desk, tmp_path: Path) -> None:
    shown = night(1)
    place = folder(tmp_path / "c", shown)
    outside = tmp_path / "outside"
    outside.mkdir()
    secret = outside / "2024-11-06T02:30:00Z.json"
    secret.write_bytes(votes(SENATE, 9))
    (place / SENATE / "2024-11-06T02:31:00Z.json").symlink_to(secret)
    (place / "maps" / "governor.json").symlink_to(outside, target_is_directory=True)
    os.mkfifo(place / SENATE / "2024-11-06T02:32:00Z.json")
    desk.imports(place)
    assert desk.captures() == expected(shown)


def test_links_and_devices_of_an_archive_are_left_out_and_nothing_is_unpacked(
    desk: Desk, tmp_path: Path
) -> None:
    body = votes(SENATE, 5)
    place = tmp_path / "c.tar"
    with tarfile.open(place, "w") as archive:
        for number, kind in enumerate(
            [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE]
        ):
            member = tarfile.TarInfo(f"{SENATE}/2024-11-06T02:1{number}:00Z.json")
            member.type = kind
            member.linkname = "/etc/passwd"
            archive.addfile(member)
        for name in (f"/{SENATE}/20241106T020000Z", f"../../{SENATE}/20241106T020100Z"):
            member = tarfile.TarInfo(name)
            member.size = len(body)
            archive.addfile(member, io.BytesIO(body))
    before = sorted(tmp_path.rglob("*"))
    done = desk.run(place)
    assert done.code == 0
    assert [path for path in sorted(tmp_path.rglob("*")) if path not in before] == [
        desk.database, Path(f"{desk.database}.lock"),
    ]  # fmt: skip
    # The first is the page's; of the second path no configured address is the end.
    assert desk.captures() == expected([Shown(SENATE, minute(0), body)])
    assert '../../maps/senate.json: parser "abc" has no reader' in done.told[0]


def test_the_later_of_two_members_of_one_name_counts_as_when_it_is_unpacked(
    desk: Desk, tmp_path: Path
) -> None:
    name = f"{SENATE}/20241106T020000Z.json"
    place = tar(tmp_path / "c.tar", [(name, b"{"), (name, votes(SENATE, 5))])
    desk.imports(place)
    assert desk.captures() == expected([Shown(SENATE, minute(0), votes(SENATE, 5))])


@pytest.mark.parametrize("ending", ["", ".gz", ".xz", ".bz2"])
def test_of_an_archive_that_is_cut_off_what_came_before_is_imported(
    desk: Desk, tmp_path: Path, ending: str
) -> None:
    shown = [
        Shown(SENATE, minute(n), votes(SENATE, n, at=n) + os.urandom(60_000).hex().encode())
        for n in range(12)
    ]
    members = [(name_of(one), one.body) for one in shown]
    place = tar(tmp_path / f"c.tar{ending}", members, f"w:{ending[1:]}")
    whole = place.read_bytes()
    place.write_bytes(whole[: len(whole) * 3 // 4])
    done = desk.run(place)
    assert done.code == 1
    (line,) = [line for line in done.told if "damaged or cut off" in line]
    assert str(place) in line
    came = desk.captures()
    assert 0 < len(came) < 12
    assert came == expected(shown[: len(came)])
    place.write_bytes(whole)
    desk.run(place)
    assert desk.captures() == expected(shown)


def test_a_damaged_head_is_not_taken_for_the_end_of_the_archive(desk: Desk, tmp_path: Path) -> None:
    shown = [Shown(SENATE, minute(n), votes(SENATE, n, at=n)) for n in range(4)]
    place = tar(tmp_path / "c.tar", [(name_of(one), one.body) for one in shown])
    whole = bytearray(place.read_bytes())
    at = whole.index(name_of(shown[2]).encode())
    whole[at] ^= 1
    place.write_bytes(whole)
    done = desk.run(place)
    assert done.code == 1
    assert "damaged" in done.told[-1]
    assert desk.captures() == expected(shown[:2])
    # So it is where the end is missing at the border of a member.
    place.write_bytes(
        tar(tmp_path / "d.tar", [(name_of(shown[0]), b"x" * 512)]).read_bytes()[:1024]
    )
    assert desk.run(place).code == 1


def test_the_sum_at_the_end_of_a_packed_archive_is_looked_at(desk: Desk, tmp_path: Path) -> None:
    place = tar(tmp_path / "c.tar.gz", [(name_of(one), one.body) for one in night(2)], "w:gz")
    whole = bytearray(place.read_bytes())
    whole[-6] ^= 1  # of the checksum
    place.write_bytes(whole)
    assert desk.run(place).code == 1


def test_a_name_without_end_takes_no_memory(desk: Desk, tmp_path: Path) -> None:
    place = tmp_path / "c.tar.gz"
    with tarfile.open(place, "w:gz") as archive:
        member = tarfile.TarInfo("././@LongLink")
        member.type = tarfile.GNUTYPE_LONGNAME
        member.size = 50 * 1024 * 1024
        archive.addfile(member, io.BytesIO(bytes(member.size)))
    done = desk.run(place)
    assert done.code == 1
    assert "a name of 52,428,800 bytes" in done.told[-1]


def test_bodies_that_are_too_large_or_empty_are_looks_that_failed(
    desk: Desk, tmp_path: Path
) -> None:
    large = Shown(SENATE, minute(0), bytes(16 * 1024 * 1024 + 1))
    shown = [large, Shown(SENATE, minute(1), b""), Shown(SENATE, minute(2), votes(SENATE, 1))]
    done = desk.run(tar(tmp_path / "c.tar.gz", [(name_of(s), s.body) for s in shown], "w:gz"))
    assert done.code == 1
    assert "16,777,217 bytes" in done.told[0]
    disk = Desk(tmp_path / "other")
    assert disk.run(folder(tmp_path / "c", shown)).told == done.told
    for one in (desk, disk):
        rows = one.rows("SELECT outcome FROM fetch ORDER BY id")
        assert [row["outcome"] for row in rows] == ["failed", "refused", "new"]


def test_a_file_that_cannot_be_read_is_told_and_those_after_it_are_imported(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = night(4)
    place = folder(tmp_path / "c", shown)
    closed = place / name_of(shown[1])
    opens = os.open

    def refuses(path: Path, flags: int) -> int:
        if path == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return opens(path, flags)

    monkeypatch.setattr("crawler.captures.files.os.open", refuses)
    code = import_history(
        place,
        "abc",
        configuration=desk.folder / "tallytrail.toml",
        database=desk.database,
        show=print,
    )
    (line,) = capsys.readouterr().err.splitlines()
    assert code == 1
    assert line == f"tallytrail: {closed}: Permission denied; check who may read it; left out"
    assert desk.captures() == expected([shown[0], shown[2], shown[3]])


def test_names_that_nobody_expects_stay_texts(desk: Desk, tmp_path: Path) -> None:
    place = tmp_path / "c"
    for number, name in enumerate([b"a\nb", b"\xff'\"", b"%2e%2e", b"x" * 250]):
        inner = os.path.join(os.fsencode(place), name)
        os.makedirs(inner)
        with open(os.path.join(inner, b"2024-11-06T02:0%d:00Z.json" % number), "wb") as file:
            file.write(votes(SENATE, number))
    done = desk.run(place)
    assert done.code == 1
    assert sorted(line.partition(": parser")[0] for line in done.told[:-1]) == [
        "tallytrail: abc: %252e%252e",
        "tallytrail: abc: %FF%27%22",
        "tallytrail: abc: a%0Ab",
        f"tallytrail: abc: {'x' * 250}",
    ]


def test_two_pages_of_one_moment_keep_their_order_from_import_to_import(
    desk: Desk, tmp_path: Path
) -> None:
    shown = [
        Shown(path, minute(n), votes(path, n, at=n))
        for n in range(3)
        for path in (GOVERNOR, SENATE)
    ]
    desk.imports(folder(tmp_path / "c", shown))
    assert desk.captures() == expected(shown)
