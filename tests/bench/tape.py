"""Bodies on disk, in the order in which they are looked at: what every contender reads.

One file holds all bytes, so that a contender's process has no more in memory than one body.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Shot:
    """One answer: when it was had, at which address, its bytes.

    snapshot: the number of the look at the whole, from 0; W2 has 51 bodies in each.
    """

    snapshot: int
    seen_at: datetime
    url: str
    body: bytes


def write(folder: Path, shots: Iterable[Shot]) -> None:
    """Write the bodies, and where each of them stands."""
    folder.mkdir(parents=True, exist_ok=True)
    index: list[tuple[int, float, str, int]] = []
    with (folder / "bodies").open("wb") as file:
        for shot in shots:
            file.write(shot.body)
            index.append((shot.snapshot, shot.seen_at.timestamp(), shot.url, len(shot.body)))
    (folder / "index.json").write_text(json.dumps(index), "utf-8")


def read(folder: Path, first: int = 0, end: int | None = None) -> Iterator[Shot]:
    """The bodies of the snapshots from `first` to before `end` (None: all), one at a time."""
    index = json.loads((folder / "index.json").read_text("utf-8"))
    with (folder / "bodies").open("rb") as file:
        for snapshot, moment, url, size in index:
            if end is not None and snapshot >= end:
                return
            if snapshot < first:
                file.seek(size, 1)
                continue
            yield Shot(snapshot, datetime.fromtimestamp(moment, UTC), url, file.read(size))
