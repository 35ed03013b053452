"""`parser = "none"`: bytes are kept tonight, and read when a parser is given."""

from __future__ import annotations

from typing import Any

from crawler.parsers.results_only import ResultsOnly
from storage.records import Snapshot, refused_page


class Unread(ResultsOnly):
    """The parser of a source that has none yet: what comes is left unread."""

    NAME = "none"

    def parse(self, _family: str, _body: bytes, /, **_context: Any) -> Snapshot:
        """Never called by a crawl; `check` says what it is told here."""
        return refused_page("the source has no parser yet: its bytes are kept, and read later")
