"""Imports go one way, and the pure modules stay pure."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PURE = ("records", "figures", "verdicts", "diff", "chain")


def imported(path: Path) -> set[str]:
    """The modules that a file imports anywhere, also inside functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("path", files("storage"), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_storage_never_imports_the_crawler(path: Path) -> None:
    assert not {name for name in imported(path) if name.split(".")[0] == "crawler"}


@pytest.mark.parametrize("module", PURE)
def test_pure_modules_import_the_standard_library_and_each_other_only(module: str) -> None:
    for name in imported(ROOT / "storage" / f"{module}.py"):
        top, _, rest = name.partition(".")
        if top == "storage":
            assert rest.split(".")[0] in PURE
        else:
            assert top in sys.stdlib_module_names
            assert top not in {"sqlite3", "os", "pathlib", "time", "socket", "subprocess"}


@pytest.mark.parametrize("path", files("crawler/parsers"), ids=lambda p: p.name)
def test_parsers_reach_for_nothing_outside_the_page(path: Path) -> None:
    forbidden = {"scrapy", "sqlite3", "os", "pathlib", "time", "socket", "requests", "subprocess"}
    assert not {name for name in imported(path) if name.split(".")[0] in forbidden}
    assert "now(" not in path.read_text("utf-8")


def test_nothing_here_has_a_fault_like_those_that_are_looked_for(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("def f():\n    from crawler.parsers import abc\n")
    assert "crawler.parsers.abc" in imported(bad)
