"""The few errors of the crawling side, named by what the caller should do."""

from __future__ import annotations


class ConfigurationError(Exception):
    """The user must mend the configuration. The message names file, key and remedy. Exit code 2."""


class NotHad(Exception):
    """A page could not be had from its site. The message says why, and what to do. Exit code 1."""


class Busy(Exception):
    """Another crawl is at work. The message says so; try again later. Exit code 75."""


class NotUnderstood(Exception):
    """A part of a page does not fit. Raised by parsers; the part is refused with this reason.

    The message names the field and quotes what was found there.
    """


class NotWhole(Exception):
    """A body did not arrive as the site sent it. The fetch is refused with this reason."""
