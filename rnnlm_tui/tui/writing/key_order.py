"""Makes keys take effect in the order in which they were pressed, however fast."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from textual.widget import Widget

LONGEST_WAIT_S = 1.0
"""How long a key waits for the answer that it needs; later keys wait behind it."""


async def run_own_binding(widget: Widget, key: str) -> bool:
    """Runs the binding of `widget` for a key at once; returns whether there is one.

    Textual runs a binding only when the key has bubbled up to the app; letters typed quickly after
    it would overtake it.
    """
    active = widget.screen.active_bindings.get(key)
    if active is None or active.node is not widget or not active.enabled:
        return False
    return await widget.app.run_action(active.binding.action, widget)


class AnswerGate(asyncio.Event):
    """Cleared while an answer is pending. A key that needs the answer waits in its action; its
    widget handles no other key until then."""

    def __init__(self) -> None:
        super().__init__()
        self.set()

    async def is_passed(self) -> bool:
        """Waits up to a second for the answer; returns whether it has come."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.wait(), LONGEST_WAIT_S)
        return self.is_set()
