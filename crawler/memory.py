"""The memory limit of a crawl."""

from __future__ import annotations

from pathlib import Path

from scrapy.extensions.memusage import MemoryUsage

_STATUS = Path("/proc/self/status")


class MemoryLimit(MemoryUsage):
    """Scrapy's own, but it counts this program's memory only.

    Scrapy takes `ru_maxrss`, in which Linux also counts what the process held before it became
    this program: whatever started us. A crawl started by a scheduler of 300 MB would end as too
    large before its first request.
    """

    def get_virtual_size(self) -> int:
        """The most memory that was in use at once, in bytes."""
        try:
            status = _STATUS.read_text("ascii", "replace")
        except OSError:  # no Linux: there ru_maxrss is not handed down
            return super().get_virtual_size()
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(peak.split()[1]) * 1024
