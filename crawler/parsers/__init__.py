"""Parsers, by the name that a source gives in the configuration.

A parser is a module with NAME, HOSTS, TIMEZONE, `family_of(url)`, `story_id(url)` and
`parse(family, body, ...)`, all pure: no requests, no files, no database, no clock.
"""

from __future__ import annotations

from types import ModuleType

from crawler.parsers import abc

PARSERS: dict[str, ModuleType] = {"abc": abc}
