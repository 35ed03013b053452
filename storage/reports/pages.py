"""HTML from templates. Texts from elsewhere are escaped and printable, whatever a template does."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from storage.reports.edits import counted, words
from storage.reports.printable import printable

TEMPLATES = Path(__file__).parent / "templates"


@cache
def environment() -> Environment:
    """The one environment of all pages of ours."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["web"] = web_address
    made.globals |= {"words": words, "counted": counted}
    return made


def render(template: str, **values: Any) -> str:
    """The page that the template makes of the values."""
    return environment().get_template(template).render(**values)


def _printable(value: object) -> object:
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def web_address(url: str) -> str:
    """The address, if it is one of the web; empty for `javascript:` and the like."""
    try:
        return url if urlsplit(url).scheme in ("http", "https") else ""
    except ValueError:  # brackets that are no address
        return ""
