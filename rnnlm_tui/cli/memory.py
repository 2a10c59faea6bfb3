"""How much memory there is to take."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
"""Where Linux says how much memory a container may take."""


def free_memory() -> int:
    """The bytes that a new process may take: what is free, or what a container leaves of it."""
    import psutil  # 30 ms, which most commands need not wait for

    free: int = psutil.virtual_memory().available
    limit, used = (CGROUP / "memory.max", CGROUP / "memory.current")
    with suppress(OSError, ValueError):  # no container, or one without a limit ("max")
        free = min(free, max(0, int(limit.read_text()) - int(used.read_text())))
    return free
