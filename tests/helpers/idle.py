"""Waiting until an event loop has nothing to do."""

from __future__ import annotations

import asyncio
import selectors
from typing import Any

_waiting: list[asyncio.Future[None]] = []


class IdleSelector(selectors.DefaultSelector):
    """The selector of an event loop, which the loop asks to wait once no callback is ready and no
    timer is due. It first resumes the tasks that wait for this moment."""

    def select(self, timeout: float | None = None) -> list[Any]:
        loop = asyncio.get_running_loop() if timeout != 0 and _waiting else None
        for future in [each for each in _waiting if each.get_loop() is loop]:
            _waiting.remove(future)
            future.set_result(None)
            timeout = 0
        return super().select(timeout)


selectors.DefaultSelector = IdleSelector  # type: ignore[misc]  # of every event loop from now on


async def loop_idle() -> None:
    """Returns once the event loop of this task has nothing to do but to wait for time, files or
    threads: all messages of an app are handled, and those that they caused, too."""
    future = asyncio.get_running_loop().create_future()
    _waiting.append(future)
    await future
