"""Keys that take effect in the order in which they were pressed, however quickly they come."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from textual.widget import Widget

LONGEST_WAIT_S = 1.0
"""How long a key waits for an answer that it needs, with those after it."""


async def run_own_binding(widget: Widget, key: str) -> bool:
    """Does at once what `widget` has bound to the key; returns whether there is something.

    Textual runs a binding only when the key has bubbled up to the app, and letters that are typed
    quickly after it would overtake it.
    """
    active = widget.screen.active_bindings.get(key)
    if active is None or active.node is not widget or not active.enabled:
        return False
    return await widget.app.run_action(active.binding.action, widget)


class AnswerGate:
    """Closed while an answer is to come. A key that needs the answer waits at it within its
    action, and the widget takes no other key until then."""

    def __init__(self) -> None:
        self._is_open = asyncio.Event()
        self._is_open.set()
        self.is_waited_at = False

    @property
    def is_open(self) -> bool:
        """Whether there is an answer, or none will come."""
        return self._is_open.is_set()

    def close(self) -> None:
        """An answer is to come."""
        self._is_open.clear()

    def open(self) -> None:
        """The answer is there, or none will come."""
        self._is_open.set()

    async def wait(self) -> bool:
        """Returns as soon as the gate is open, or after a second; whether it is open."""
        self.is_waited_at = True
        with suppress(TimeoutError):
            await asyncio.wait_for(self._is_open.wait(), LONGEST_WAIT_S)
        self.is_waited_at = False
        return self.is_open
