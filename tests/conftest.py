"""Fixtures, and what every test run tells: which tests it left out, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.desk import Desk, Site

_LEFT_OUT = pytest.StashKey[int]()


@pytest.hookimpl
def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    if items:
        stash = items[0].config.stash
        data = sum(item.get_closest_marker("data") is not None for item in items)
        stash[_LEFT_OUT] = stash.get(_LEFT_OUT, 0) + data


@pytest.hookimpl
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    left_out = config.stash.get(_LEFT_OUT, 0)
    skipped = len(terminalreporter.stats.get("skipped", []))
    terminalreporter.write_line(f"Skipped: {skipped} tests (reasons above, if any).")
    if left_out:
        terminalreporter.write_line(
            f"Left out: {left_out} tests that need the real figures (make test-data runs them)."
        )


@pytest.fixture
def site() -> Iterator[Site]:
    """A site that knows no page yet."""
    site = Site()
    yield site
    site.close()


@pytest.fixture
def desk(tmp_path: Path, site: Site) -> Desk:
    """A desk that looks at the site, in a folder of its own."""
    return Desk(tmp_path, site)
