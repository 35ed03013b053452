"""The status of every page, as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, tzinfo

from storage.records import instant_text
from storage.reports.printable import printable
from storage.reports.text import Paint, plain
from storage.reports.wording import duration, local_time
from storage.status import PageStatus


def status_text(
    pages: Sequence[PageStatus],
    *,
    now: datetime,
    zones: Mapping[str, tzinfo],
    paint: Paint = plain,
) -> list[str]:
    """What needs a look first, then every page with its looks."""
    lines = []
    for page in pages:
        zone = zones.get(page.source, UTC)
        for trouble in page.troubles:
            began = f"since {local_time(trouble.since, zone)} ({duration(now - trouble.since)})"
            where = printable(f"{page.source}: {page.url}")
            text = f"{trouble.part}, {began}: {printable(trouble.reason)}"
            lines += [paint("alarm", f"LOOK AT IT  {where}"), f"  {text}"]
    if lines:
        lines.append("")
    for page in pages:
        zone = zones.get(page.source, UTC)
        told = ", ".join(f"{count} {outcome}" for outcome, count in page.outcomes.items())
        unwatched = "" if page.watched else ", no longer looked at"
        lines += [
            f"{printable(page.url)}   ({page.family}, {printable(page.source)}{unwatched})",
            f"  last look {_ago(page.last_look, now, zone)}"
            f" · last accepted {_ago(page.last_accepted, now, zone)}"
            f" · last change {_ago(page.last_change, now, zone)}",
            f"  last 24 h: {told or 'no looks'}",
        ]
    if not pages:
        lines.append("No page was looked at yet.")
    return lines


def _ago(moment: datetime | None, now: datetime, zone: tzinfo) -> str:
    if moment is None:
        return "never"
    return f"{local_time(moment, zone)} ({duration(now - moment)} ago)"


def status_json(pages: Sequence[PageStatus], *, now: datetime) -> str:
    """One object: `now`, `needs_a_look`, and `pages` with the fields of PageStatus."""
    document = {
        "now": now,
        "needs_a_look": any(page.troubles for page in pages),
        "pages": [asdict(page) for page in pages],
    }
    return json.dumps(document, default=instant_text, indent=2)
