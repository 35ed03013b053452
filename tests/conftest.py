"""What every test run tells: which tests it left out, and why."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

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
