"""`tallytrail import` of WARC files: responses with address, time, status and headers."""

from __future__ import annotations

import gzip
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from tests.histories import (
    MAPS,
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

URL = f"{MAPS}/senate.json"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "desk")


def date_of(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Warc:
    """A WARC file that the test writes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("wb")
        self._writer = WARCWriter(self._file, gzip=path.suffix == ".gz")
        # Its own temporary files are never closed, of which Python warns.
        self._writer._create_temp_file = io.BytesIO
        self._number = 0

    def add(
        self,
        kind: str,
        url: str,
        at: datetime,
        payload: bytes = b"",
        *,
        status: str = "200 OK",
        headers: Sequence[tuple[str, str]] = (),
        http: bool = True,
        **more: str,
    ) -> str:
        """One record. Returns its id."""
        self._number += 1
        name = f"urn:uuid:00000000-0000-0000-0000-{self._number:012}"
        told = {"WARC-Record-ID": f"<{name}>", "WARC-Date": date_of(at)}
        told |= {key.replace("_", "-"): value for key, value in more.items()}
        given: dict[str, Any] = {}
        if http:
            given["http_headers"] = StatusAndHeaders(status, list(headers), protocol="HTTP/1.1")
        record = self._writer.create_warc_record(
            url, kind, payload=io.BytesIO(payload), warc_headers_dict=told, **given
        )
        self._writer.write_record(record)
        return name

    def response(self, url: str, at: datetime, payload: bytes, **more: Any) -> str:
        return self.add("response", url, at, payload, **more)

    def close(self) -> Path:
        self._file.close()
        return self.path


def address(shown: Shown) -> str:
    return MAPS.removesuffix("maps") + shown.path


@pytest.mark.parametrize("name", ["c.warc", "c.warc.gz"])
def test_the_log_is_that_of_the_same_bodies_in_order_of_time(
    desk: Desk, tmp_path: Path, name: str
) -> None:
    shown = night()
    warc = Warc(tmp_path / name)
    warc.add("warcinfo", "", minute(0), b"software: a test\r\n", http=False)
    for one in reversed(shown):
        headers = [("Content-Type", "application/json")]
        warc.add("request", address(one), one.at, status="GET / HTTP/1.1", headers=[("A", "b")])
        warc.response(address(one), one.at, one.body, headers=headers)
        warc.response("https://elsewhere.example.org/x.png", one.at, b"png")
    warc.add("metadata", URL, minute(0), b"x", http=False)
    warc.add("resource", URL, minute(0), b"x", http=False)
    warc.add("response", "dns:feed.example.org", minute(0), b"1.2.3.4", http=False)
    path = warc.close()
    done = desk.run(path)
    assert (done.code, done.told) == (
        0,
        [
            f"tallytrail: {name}: captures of addresses that are not read; left out: 6",
            f"tallytrail: {name}: records are no HTTP responses; left out: 10",
        ],
    )
    assert done.out == "6 captures, 6 imported: 6 new; 4 changes (#1 to #4)\n"
    assert desk.captures() == expected(shown)
    by_hand(tmp_path / "hand.db", shown)
    mine, theirs = without_origin(desk.tables()), without_origin(tables(tmp_path / "hand.db"))
    assert {r.pop("headers") for r in mine["fetch"]} == {'[["Content-Type", "application/json"]]'}
    assert {r.pop("headers") for r in theirs["fetch"]} == {"[]"}
    assert mine == theirs
    before = desk.tables()
    assert desk.run(path).code == 0
    assert desk.tables() == before
    (capture, *_) = before["capture"]
    assert (capture["origin"], capture["label"]) == ("warc c", name)
    assert capture["name"].startswith("urn:uuid:")


def test_packed_and_chunked_payloads_are_unpacked_and_kept_with_their_wire(
    desk: Desk, tmp_path: Path
) -> None:
    body = votes(SENATE, 5)
    packed = gzip.compress(body)
    chunked = b"".join(
        b"%x\r\n%s\r\n" % (len(packed[n : n + 100]), packed[n : n + 100])
        for n in range(0, len(packed), 100)
    )
    both = [("Content-Encoding", "gzip"), ("Transfer-Encoding", "chunked")]
    warc = Warc(tmp_path / "c.warc.gz")
    warc.response(URL, minute(0), packed, headers=both[:1])
    warc.response(URL, minute(1), chunked + b"0\r\n\r\n", headers=both)
    warc.response(URL, minute(2), packed, headers=both)  # kept without its coding
    warc.response(URL, minute(3), chunked, headers=both)  # cut off
    warc.response(URL, minute(4), packed[:-9], headers=both[:1])
    done = desk.run(warc.close())
    assert done.code == 1
    assert len(done.told) == 2
    rows = desk.rows("SELECT outcome, wire_size, reason FROM fetch ORDER BY id")
    assert [row["outcome"] for row in rows] == [
        "new",
        "unchanged",
        "unchanged",
        "refused",
        "refused",
    ]
    assert [row["wire_size"] for row in rows[:3]] == [len(packed)] * 3
    assert "cut off" in rows[3]["reason"]
    assert "cut off" in rows[4]["reason"]


def test_other_statuses_are_looks_that_failed(desk: Desk, tmp_path: Path) -> None:
    warc = Warc(tmp_path / "c.warc")
    warc.response(URL, minute(0), b"gone", status="404 Not Found")
    warc.response(URL, minute(1), b"", status="304 Not Modified")
    warc.response(URL, minute(2), b"", status="503")
    warc.response(URL, minute(3), b"nonsense", status="abc")
    done = desk.run(warc.close())
    assert done.code == 1
    rows = desk.rows("SELECT status, outcome FROM fetch ORDER BY id")
    assert rows == [{"status": s, "outcome": "failed"} for s in (404, 304, 503)]


def test_a_revisit_has_the_body_of_the_record_that_it_refers_to(desk: Desk, tmp_path: Path) -> None:
    one, two = votes(SENATE, 5), votes(SENATE, 6, at=2)
    warc = Warc(tmp_path / "c.warc")
    first = warc.response(URL, minute(0), one, headers=[("ETag", "1")])
    warc.response(URL, minute(2), two)
    same = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
    unchanged = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"
    warc.add("revisit", URL, minute(1), http=False, WARC_Profile=same, WARC_Refers_To=f"<{first}>")
    warc.add(
        "revisit", URL, minute(3), WARC_Profile=unchanged, status="304 Not Modified",
        headers=[("ETag", "2")], WARC_Refers_To_Target_URI=URL,
        WARC_Refers_To_Date=date_of(minute(2)),
    )  # fmt: skip
    warc.add("revisit", URL, minute(4), WARC_Profile=same, WARC_Refers_To="<urn:uuid:nobody>")
    done = desk.run(warc.close())
    assert done.code == 1
    assert len(done.told) == 1
    assert "neither here nor in the database" in done.told[0]
    assert desk.captures() == expected(
        Shown(SENATE, minute(n), body) for n, body in enumerate((one, one, two, two))
    )
    rows = desk.rows("SELECT status, headers, outcome FROM fetch ORDER BY id")
    assert [tuple(row.values()) for row in rows] == [
        (200, '[["ETag", "1"]]', "new"),
        (200, '[["ETag", "1"]]', "unchanged"),
        (200, "[]", "new"),
        (200, '[["ETag", "2"]]', "unchanged"),
    ]


def test_a_revisit_may_refer_to_what_was_imported_before(desk: Desk, tmp_path: Path) -> None:
    body = votes(SENATE, 5)
    old = Warc(tmp_path / "1.warc")
    first = old.response(URL, minute(0), body)
    desk.imports(old.close())
    new = Warc(tmp_path / "2.warc")
    new.add("revisit", URL, minute(1), http=False, WARC_Refers_To=f"<{first}>")
    new._number = 7
    new.add(
        "revisit", URL, minute(2), http=False, WARC_Refers_To_Target_URI=URL,
        WARC_Refers_To_Date=date_of(minute(0)),
    )  # fmt: skip
    desk.imports(new.close())
    assert desk.captures() == expected(Shown(SENATE, minute(n), body) for n in range(3))


def test_what_does_not_fit_its_digest_is_refused(desk: Desk, tmp_path: Path) -> None:
    warc = Warc(tmp_path / "c.warc")
    warc.response(URL, minute(0), votes(SENATE, 5))
    warc.response(URL, minute(1), votes(SENATE, 6, at=1))
    path = warc.close()
    whole = path.read_bytes()
    at = whole.index(b'"_generated"')
    path.write_bytes(whole[:at] + b'"_Generated"' + whole[at + 12 :])
    done = desk.run(path)
    assert done.code == 1
    assert "digest" in done.told[0]
    rows = desk.rows("SELECT outcome, body FROM fetch ORDER BY id")
    assert [(row["outcome"], row["body"] is not None) for row in rows] == [
        ("refused", True), ("new", True),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["c.warc", "c.warc.gz"])
def test_of_a_file_that_is_cut_off_what_came_before_is_imported(
    desk: Desk, tmp_path: Path, name: str
) -> None:
    shown = [Shown(SENATE, minute(n), votes(SENATE, n, at=n)) for n in range(8)]
    warc = Warc(tmp_path / name)
    for one in shown:
        warc.response(URL, one.at, one.body)
    path = warc.close()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 7 // 10])
    done = desk.run(path)
    assert (done.code, len(done.told)) == (1, 1)
    assert "damaged or cut off" in done.told[0]
    came = desk.captures()
    assert 0 < len(came) < 8
    assert came == expected(shown[: len(came)])
    path.write_bytes(whole)
    assert desk.run(path).code == 0
    assert desk.captures() == expected(shown)


def test_damage_of_every_byte_ends_with_a_line_and_no_traceback(tmp_path: Path) -> None:
    from crawler.captures.history import Damaged, NotToBeHad
    from crawler.captures.opening import opened

    warc = Warc(tmp_path / "c.warc")
    for number in range(3):
        warc.response(URL, minute(number), b"{}", headers=[("Transfer-Encoding", "chunked")])
    path = warc.close()
    whole = path.read_bytes()
    for at in range(12, len(whole), 3):
        for byte in (b"\0", b"\xff", b"\n"):
            path.write_bytes(whole[:at] + byte + whole[at + 1 :])
            with opened(path, "abc") as history:
                try:
                    for capture in history.captures(lambda which: which.at is not None):
                        capture.answer()
                except (Damaged, NotToBeHad):
                    pass


def test_a_body_that_is_too_large_is_a_look_that_failed(desk: Desk, tmp_path: Path) -> None:
    warc = Warc(tmp_path / "c.warc.gz")
    warc.response(URL, minute(0), bytes(20 * 1024 * 1024))
    warc.response(URL, minute(1), votes(SENATE, 5))
    done = desk.run(warc.close())
    assert (done.code, len(done.told)) == (1, 1)
    assert "more than the 16,777,216 that are read" in done.told[0]
    rows = desk.rows("SELECT outcome FROM fetch ORDER BY id")
    assert [row["outcome"] for row in rows] == ["failed", "new"]
