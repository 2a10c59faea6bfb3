"""Waiting for runs of the app."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from rnnlm_tui.tui.runs.child import (
    TrainingProcess,
)
from rnnlm_tui.tui.runs.watcher import WatchedRun

PATIENCE_S = 30.0


async def until(condition: Callable[[], object], timeout: float = PATIENCE_S) -> None:
    """Returns once the condition holds; fails after `timeout` seconds."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "timed out"
        await asyncio.sleep(0.01)


async def over(run: TrainingProcess | WatchedRun) -> None:
    """Waits for the end of the run."""
    async with asyncio.timeout(PATIENCE_S):
        await run.wait()
