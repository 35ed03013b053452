"""Our selectors mean what BeautifulSoup's own mean."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crawler.parsers import abc_story
from crawler.parsers.css import first, is_within

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "tests/pages/abc_story").glob("*.html"))


def literals() -> set[str]:
    """The selectors that stand in calls."""
    found = set()
    for path in (ROOT / "crawler/parsers").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                where = node.args[1] if node.func.id in ("first", "is_within") else None
                if isinstance(where, ast.Constant) and isinstance(where.value, str):
                    found.add(where.value)
    return found


USED = (
    *sorted(literals()),
    *abc_story._HEADLINES,
    abc_story._NOT_BODY,
    abc_story._DEK_2024,
    "section.Article__Content.story",
    'meta[property="og:title"], meta[name="og:title"]',
)


def agree(tree: BeautifulSoup, selector: str) -> None:
    found = tree.select_one(selector)
    assert first(tree, selector) is found
    if " " in selector.replace(", ", ","):
        return
    for element in tree.find_all(True):
        within = element.css.closest(selector) is not None
        assert is_within(element, selector) is within


def test_selectors_are_found_in_calls() -> None:
    assert {"link[rel=canonical]", ".BalanceOfPower, .BalanceOfPowerContainer"} <= literals()


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.stem)
def test_they_find_the_same_on_real_pages(path: Path) -> None:
    tree = BeautifulSoup(path.read_bytes(), "lxml")
    for selector in USED:
        found = tree.select_one(selector)
        assert first(tree, selector) is found
    for paragraph in tree.find_all("p"):
        within = paragraph.css.closest(abc_story._NOT_BODY) is not None
        assert is_within(paragraph, abc_story._NOT_BODY) is within


NAMES = ("p", "h1", "article", "template", "link", "DIV", "iframe")
VALUES = ("a", "b", "a b", "A", " b  a ", "ab", "", "canonical", "Canonical", "KELVIN \u212a")
ATTRIBUTES = ("class", "rel", "data-testid", "Class", "property")
tags = st.tuples(
    st.sampled_from(NAMES),
    st.dictionaries(st.sampled_from(ATTRIBUTES), st.sampled_from(VALUES), max_size=3),
)


def opened_and_closed(tag: tuple[str, dict[str, str]], inner: list[str]) -> str:
    name, attributes = tag
    told = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f"<{name}{told}>x{''.join(inner)}y</{name}>"


leaves = st.builds(opened_and_closed, tags, st.just([]))
trees = st.recursive(
    leaves, lambda inner: st.builds(opened_and_closed, tags, st.lists(inner, max_size=3))
)
hooks = st.sampled_from(
    ["", ".a", ".b", ".a.b", "[class*=a]", "[class=ab]", "[rel=canonical]", "[data-testid=a]",
     "[rel=Canonical]", '[property="b"]', '[class="a"]', "[data-testid*=b]"]
)  # fmt: skip
steps = st.tuples(st.sampled_from(("", "p", "h1", "article", "template", "div")), hooks)
compounds = steps.map("".join).filter(bool)
chains = st.lists(compounds, min_size=1, max_size=3).flatmap(
    lambda parts: st.lists(
        st.sampled_from((" ", " > ")), min_size=len(parts) - 1, max_size=len(parts) - 1
    ).map(lambda signs: parts[0] + "".join(map("".join, zip(signs, parts[1:], strict=True))))
)
selectors = st.lists(chains, min_size=1, max_size=3).map(", ".join)


@given(st.lists(trees, min_size=1, max_size=3).map("".join), selectors)
@example('<article><template class="a"><p></p></template></article>', ".a p")
@settings(max_examples=300, deadline=None)
def test_they_find_the_same_in_any_tree(text: str, selector: str) -> None:
    agree(BeautifulSoup(f"<html><body>{text}</body></html>", "lxml"), selector)


@pytest.mark.parametrize(
    "selector",
    ["", "p,", "> p", "p >", "p > > a", "p + p", "p ~ p", "*", "#id", "p:first-child", "[a^=b]",
     "[a]", "[a='b']", "P", "p[a=b c]", "[a=b i]"],
)  # fmt: skip
def test_others_are_refused(selector: str) -> None:
    with pytest.raises(ValueError, match="not a selector that is known here"):
        first(BeautifulSoup("<p></p>", "lxml"), selector)


def test_within_takes_single_elements() -> None:
    with pytest.raises(ValueError, match="not single elements"):
        is_within(BeautifulSoup("<p></p>", "lxml"), "article p")


def test_what_is_searched_is_not_found_itself() -> None:
    outer = BeautifulSoup('<p class="a"><b class="a">x</b></p>', "lxml").p
    assert isinstance(outer, Tag)
    found = first(outer, ".a")
    assert found is not None
    assert found.name == "b"
    assert is_within(outer, ".a")


def test_forty_thousand_elements_inside_each_other_are_looked_through_once() -> None:
    deep = BeautifulSoup("<article><h1>" * 20_000, "lxml")
    assert first(deep, "article header h1") is None
