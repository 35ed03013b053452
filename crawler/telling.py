"""What is told of a reading: the lines, and the exit codes that they bring."""

from __future__ import annotations

from crawler.messages import FINE, LOOK_AT_IT
from crawler.reading import Reading
from storage.records import Refusal, Verdict

#: Of so many faults of one kind a page's look tells; a page may have thousands of counties.
MOST_TOLD = 5

#: What is added to a note, and the exit code that it brings.
NOTED = {
    "transient": ("not believed, and gone before it was confirmed", FINE),
    "witness_disagrees": (
        "it differs lastingly from the pages that lead; look at both",
        LOOK_AT_IT,
    ),
    "sums_differ": ("the parts of the race do not add up to it; look at the page", LOOK_AT_IT),
    "unknown_field": ("a field that is not known here; it was left out", FINE),
}


def faults(reading: Reading, later: str = "a later crawl asks again") -> list[str]:
    """The lines to tell of a reading: what, where, remedy. None when all is well.

    A stale look is no fault. later: what comes of a look that brought nothing to read.
    """
    where = f"{reading.source}: {reading.url}"
    if reading.outcome == "failed":
        return [f"{where}: {reading.reason}; nothing was recorded, {later}"]
    if reading.outcome == "refused":
        return [
            f"{where}: {reading.reason}; refused, its bytes are kept as fetch {reading.fetch},"
            " what was known before stays"
        ]
    told = []
    for verdict in PARTS:
        lines = part_faults(reading, verdict)
        told += lines[:MOST_TOLD]
        if len(lines) > MOST_TOLD:
            more = len(lines) - MOST_TOLD
            told.append(f"{where}: and {more:,} more {verdict}; 'tallytrail status' has them")
    return told


#: The verdicts on a part of a page that are told.
PARTS: tuple[Verdict, ...] = ("rejected", "unconfirmed")


def part_faults(reading: Reading, verdict: Verdict) -> list[str]:
    """The lines to tell of the parts of a page on which the verdict is that."""
    what = {
        "rejected": f"refused, its bytes are kept as fetch {reading.fetch}, the rest of the page"
        " was recorded",
        "unconfirmed": "shown as unconfirmed until a later look confirms it",
    }[verdict]
    return [
        f"{reading.source}: {reading.url}: {_named(refusal)}{refusal.reason}; {what}"
        for refusal in reading.refusals
        if refusal.verdict == verdict
    ]


def _named(refusal: Refusal) -> str:
    """Which race in which place it is about, as far as that is known."""
    words = " ".join(word for word in (refusal.race, refusal.place) if word)
    return f"{words}: " if words and refusal.part == "race" else ""
