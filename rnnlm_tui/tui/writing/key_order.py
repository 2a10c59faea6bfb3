"""Keys that take effect in the order in which they were pressed, however quickly they come."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
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


def unbind(widget: Widget, keys: Iterable[str]) -> None:
    """Takes keys away from bindings that `widget` has from Textual, which have no id."""
    bindings = widget._bindings.key_to_bindings
    for key in bindings.keys() & set(keys):
        if not any(binding.id for binding in bindings[key]):
            del bindings[key]


class AnswerGate(asyncio.Event):
    """Clear while an answer is to come. A key that needs the answer waits within its action, and
    its widget takes no other key until then."""

    def __init__(self) -> None:
        super().__init__()
        self.set()
        self.is_waited_at = False

    async def is_passed(self) -> bool:
        """Waits for the answer, at most a second; returns whether there is one."""
        self.is_waited_at = True
        with suppress(TimeoutError):
            await asyncio.wait_for(self.wait(), LONGEST_WAIT_S)
        self.is_waited_at = False
        return self.is_set()
