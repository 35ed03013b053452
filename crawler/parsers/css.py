"""The few CSS selectors that pages are read with: `article.story h1, [data-testid=headline] > p`.

They find what BeautifulSoup's own find. Those compile every form of selector there is before they
read the first, which takes longer than all else that is done with a page.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from bs4 import BeautifulSoup, Tag

_STEP = re.compile(r'([a-z][a-z0-9]*)?((?:\.[\w-]+|\[[\w-]+\*?=(?:[\w-]+|"[^"\]]+")\])*)')
_HOOK = re.compile(r'\.(?P<kind>[\w-]+)|\[(?P<name>[\w-]+)(?P<part>\*?)="?(?P<value>[^"\]]+)')
#: Attributes whose values HTML compares in any case; of all that it names, the one in use here.
_ANY_CASE = frozenset({"rel"})


class _Step(NamedTuple):
    """What one element has to be. inside: the number of the step that an element around it has to
    be, which is its parent if `is_child`. last: the selector means this element.

    values: name and value of attributes, and whether a part of the value is enough.
    """

    name: str
    kinds: frozenset[str]
    values: tuple[tuple[str, str, bool], ...]
    inside: int | None
    is_child: bool
    last: bool


def first(tree: Tag, selector: str) -> Tag | None:
    """The first element below `tree` that the selector means; what is around `tree` is not seen.

    Knows names, `.class`, `[name=value]` and `[name*=value]`, one inside another, and commas.
    Raises ValueError for other selectors. What a `template` holds is not on the page.
    """
    steps = _steps(selector)
    none: frozenset[int] = frozenset()
    # From the top down, with the steps that are met above: looking upwards from each element would
    # take hours in a page of forty thousand elements inside each other.
    waiting = [(element, none, none) for element in _children(tree)]
    while waiting:
        element, around, parent = waiting.pop()
        met = frozenset(
            number
            for number, step in enumerate(steps)
            if (step.inside is None or step.inside in (parent if step.is_child else around))
            and _is(element, step)
        )
        if any(steps[number].last for number in met):
            return element
        if element.name != "template":
            around = around | met if met else around
            waiting += [(child, around, met) for child in _children(element)]
    return None


def is_within(element: Tag, selector: str) -> bool:
    """Whether the selector, of single elements, means the element or one that it stands in."""
    steps = _steps(selector)
    if not all(step.last for step in steps):
        raise ValueError(f"not single elements: {selector!r}")
    around: Tag | None = element
    while around is not None and not isinstance(around, BeautifulSoup):
        if any(_is(around, step) for step in steps):
            return True
        around = around.parent
        if around is not None and around.name == "template":
            return False
    return False


@lru_cache
def _steps(selector: str) -> tuple[_Step, ...]:
    steps: list[_Step] = []
    for words in selector.split(","):
        inside: int | None = None
        is_child = False
        for word in words.split():
            if word == ">" and inside is not None and not is_child:
                is_child = True
                continue
            match = _STEP.fullmatch(word)
            if match is None:
                raise _unknown(selector)
            hooks = list(_HOOK.finditer(match[2]))
            values = tuple(
                (hook["name"], _as_compared(hook["name"], hook["value"]), bool(hook["part"]))
                for hook in hooks
                if hook["name"]
            )
            kinds = frozenset(hook["kind"] for hook in hooks if hook["kind"])
            steps.append(_Step(match[1] or "", kinds, values, inside, is_child, last=False))
            inside, is_child = len(steps) - 1, False
        if inside is None or is_child:
            raise _unknown(selector)
        steps[-1] = steps[-1]._replace(last=True)
    return tuple(steps)


def _unknown(selector: str) -> ValueError:
    return ValueError(f"not a selector that is known here: {selector!r}")


def _children(element: Tag) -> list[Tag]:
    """The last one first."""
    return [node for node in reversed(element.contents) if isinstance(node, Tag)]


def _is(element: Tag, step: _Step) -> bool:
    if step.name and step.name != element.name:
        return False
    if step.kinds and not step.kinds.issubset(element.get_attribute_list("class")):
        return False
    for name, wanted, part in step.values:
        value = element.get(name)
        if value is None:
            return False
        told = _as_compared(name, value if isinstance(value, str) else " ".join(value))
        if not (wanted in told if part else wanted == told):
            return False
    return True


def _as_compared(name: str, value: str) -> str:
    return value.lower() if name in _ANY_CASE else value
