"""Makes keys take effect in the order in which they were pressed, however fast."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from textual.widget import Widget

LONGEST_WAIT_S = 1.0
"""How long a key waits for the answer that it needs; later keys wait behind it."""


async def run_own_binding(widget: Widget, key: str) -> bool:
    """Runs the binding of `widget` or its screen for a key at once; returns whether there is one.

    Textual runs a binding only when the key has bubbled up to the app; letters typed quickly after
    it would overtake it.
    """
    active = widget.screen.active_bindings.get(key)
    if active is None or active.node not in (widget, widget.screen) or not active.enabled:
        return False
    return await widget.app.run_action(active.binding.action, active.node)


class AnswerGate(asyncio.Event):
    """Cleared while an answer, or another text, is pending. A key that needs it waits; its widget
    handles no other key until then."""

    def __init__(self) -> None:
        super().__init__()
        self.set()

    async def is_passed(self) -> bool:
        """Waits up to a second; returns whether what was pending has come."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.wait(), LONGEST_WAIT_S)
        return self.is_set()
