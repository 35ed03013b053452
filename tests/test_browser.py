"""What a person sees in a real browser: answers by clicking only, on a wide screen and a phone."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.desk import BIN
from tests.served import Served, browsing, serving

GRAVE = {"serious", "critical"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a demo, with its report in `report`."""
    folder = tmp_path_factory.mktemp("browser") / "demo"
    subprocess.run([BIN / "tallytrail", "demo", "--dir", folder], capture_output=True, check=True)
    subprocess.run(
        [
            BIN / "tallytrail",
            "report",
            "--db",
            folder / "tallytrail.db",
            "--out",
            folder / "report",
        ],
        check=True,
    )
    return folder


@pytest.fixture(scope="module")
def served(demo: Path) -> Iterator[Served]:
    with serving(demo / "tallytrail.db") as served:
        yield served


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1100, "height": 900})
    yield page
    page.close()


def asked(page: Page) -> list[str]:
    """Every address that the page asks for, from now on."""
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    return addresses


def test_did_any_count_go_down(page: Page, served: Served) -> None:
    page.goto(served.url)
    line = page.locator("li", has_text="Did any count go down, and why?")
    assert "No: none was seen to, in 3 looks at 1 page" in line.inner_text()
    line.get_by_role("link").click()
    page.get_by_text("how closely it was watched").wait_for()
    assert "0 results" in page.content()
    assert "how closely it was watched" in page.inner_text("body")


def test_when_was_the_presidency_projected_and_by_how_much_was_the_leader_ahead(
    page: Page, served: Served
) -> None:
    page.goto(served.url)
    page.get_by_role("link", name="When was each race projected").click()
    row = page.locator("table.rows-and-columns tbody tr")
    row.first.wait_for()
    assert row.count() == 1
    cells = row.locator("td").all_inner_texts()
    assert {"first", "Trump", "president", str(72_191_978 - 67_410_748)} <= set(cells)
    assert "nobody can say from this log when they were made" in page.inner_text("body")


def test_what_did_the_story_say_before_it_was_edited(page: Page, served: Served) -> None:
    page.goto(served.url)
    page.get_by_role("link", name="What did a story say before it was edited?").click()
    rows = page.locator("table.rows-and-columns tbody tr")
    rows.first.wait_for()
    assert rows.count() == 2
    rows.nth(1).get_by_role("link").first.click()
    page.locator(".sides").wait_for()
    before, after = page.locator(".sides > div").all_inner_texts()
    assert "Why the count goes on a week after Election Day" in before
    assert "Why the vote count goes on, and why totals can fall" in after
    assert page.locator("del").all_inner_texts() == ["days "]
    assert page.locator("ins").first.inner_text() == "up to a week "
    with page.expect_download() as download:
        page.get_by_role("link", name="Save").first.click()
    assert Path(download.value.path()).read_bytes().lower().startswith(b"<!doctype html>")


def test_from_the_log_to_a_change_and_its_bytes_and_back(page: Page, served: Served) -> None:
    page.goto(served.url)
    page.get_by_role("link", name="The change log").click()
    page.locator("td.col-id a").last.click()
    page.get_by_text("Evidence").wait_for()
    assert "Trump: 75,068,566 votes (+2,876,588)" in page.inner_text("h1")
    page.get_by_role("link", name="TallyTrail").click()
    page.get_by_role("heading", name="Questions").wait_for()
    assert page.url.rstrip("/") == served.url


@pytest.mark.parametrize("width", [1100, 360])
@pytest.mark.parametrize("what", ["/", "/-/change/1", "/-/change/10", "report"])
def test_no_grave_fault_for_those_who_do_not_see_and_no_page_wider_than_a_phone(
    page: Page, served: Served, demo: Path, what: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    report = (demo / "report" / "index.html").as_uri()
    page.goto(report if what == "report" else f"{served.url}{what}")
    found = Axe().run(page)
    faults = [f["id"] for f in found.response["violations"] if f["impact"] in GRAVE]
    assert faults == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_report_opens_from_disk_and_asks_nobody_for_anything(page: Page, demo: Path) -> None:
    addresses = asked(page)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((demo / "report" / "index.html").as_uri())
    page.locator("summary").first.click()
    assert page.locator("ins").first.is_visible()
    page.locator('th a[href="#change-9"]').click()
    assert page.url.endswith("#change-9")
    assert [a for a in addresses if not a.startswith("file:")] == []
    assert errors == []


def test_pages_of_ours_ask_only_this_server(page: Page, served: Served) -> None:
    addresses = asked(page)
    for path in ("/", "/-/change/1", "/tallytrail/change_log", "/tallytrail/story_versions"):
        page.goto(f"{served.url}{path}")
    assert [a for a in addresses if not a.startswith(served.url)] == []
