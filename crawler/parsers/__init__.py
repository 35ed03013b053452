"""Parsers, by the name that a source gives in the configuration.

A parser is a module with NAME, HOSTS, TIMEZONE, the names of its families, `family_of(url)`,
`closed(url)`, `foreign(family, declared)`, `story_id(url)` and `parse(family, body, ...)`; and of
the outlet's results feed OFFICES, STATES, `feed_file`, `feed_url`, `marks` and `other_offices`. All
are pure: no requests, no files, no database, no clock.
"""

from __future__ import annotations

from types import ModuleType

from crawler.parsers import abc

PARSERS: dict[str, ModuleType] = {"abc": abc}
