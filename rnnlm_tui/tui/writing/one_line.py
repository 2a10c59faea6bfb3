"""A TextArea of one line, which does what its keys say in the order in which they came."""

from __future__ import annotations

import math
from collections.abc import Iterable

from rich.cells import cell_len
from textual import events
from textual.geometry import Offset, Region, Size
from textual.widgets import TextArea
from textual.widgets.text_area import Selection

from rnnlm_tui.formatting import sanitize

SIZE_STEP = 16
"""Cells."""
OVERSHADOWED = ("f6", "f7")
"""A TextArea selects with them what ctrl+a and the shift key select too; the app needs them."""


class OneLine(TextArea):
    """One line, however it comes in; a suggestion stands at the cursor, and is kept in sight."""

    def __init__(self) -> None:
        super().__init__(soft_wrap=False, highlight_cursor_line=False, tab_behavior="focus")
        self.give_up(OVERSHADOWED)
        self.cursor_blink = False
        self.match_cursor_bracket = False

    @property
    def line(self) -> str:
        """The line as written."""
        return self.document.get_line(0)

    @property
    def cursor(self) -> int:
        """The characters before the cursor."""
        return self.cursor_location[1]

    @property
    def is_at_end(self) -> bool:
        """Whether the cursor stands at the end of the line, with nothing selected."""
        return self.selection.is_empty and self.cursor == len(self.line)

    @property
    def word_number(self) -> int:
        """The number of the word at the cursor, a new one after each space."""
        before = self.line[: self.cursor]
        return len(before.split()) + (not before or before[-1].isspace())

    def _refresh_size(self) -> None:
        """Makes room for the ghost beside the text, which alone would end at the cursor. It grows
        in steps, for a new size is a new layout of the whole screen."""
        width = cell_len(self.line) + 1 + cell_len(self.suggestion)
        steps = math.ceil((width - self.content_size.width) / SIZE_STEP)
        self.virtual_size = Size(self.content_size.width + SIZE_STEP * max(0, steps), 1)

    def watch_suggestion(self) -> None:
        """Scrolls a long line so that its ghost is seen."""
        if self.is_mounted:
            self._refresh_size()
            self.scroll_cursor_visible()

    def scroll_cursor_visible(self, center: bool = False, animate: bool = False) -> Offset:
        """Keeps the cursor and the ghost behind it in the field."""
        self._recompute_cursor_offset()  # type: ignore[no-untyped-call]
        x, y = self._cursor_offset
        width = min(2 + cell_len(self.suggestion), max(1, self.content_size.width - 1))
        region = Region(x, y, width, 1)
        return self.scroll_to_region(region, animate=False, force=True, center=center)

    def give_up(self, keys: Iterable[str]) -> None:
        """Leaves keys to others that a TextArea has taken for itself."""
        bindings = self._bindings.key_to_bindings
        for key in bindings.keys() & set(keys):
            if not any(binding.id for binding in bindings[key]):
                del bindings[key]

    def on_resize(self) -> None:
        """Fits into the new width."""
        self._refresh_size()
        self.scroll_cursor_visible()

    async def _on_key(self, event: events.Key) -> None:
        character = event.character
        # Not `event.is_printable`, which leaves out joiners and the spaces of other languages.
        if character and sanitize(character) == character:
            event.prevent_default().stop()
            if not self._takes(character):
                self._replace_via_keyboard(character, *self.selection)
            return
        if await self._run_own_binding(event.key):
            event.prevent_default().stop()
        elif event.key == "enter":  # bound to nothing: a TextArea would begin a new line
            event.prevent_default()

    async def _run_own_binding(self, key: str) -> bool:
        """Does what the key is bound to here and now. A binding is else run only once the key has
        bubbled up to the app, and letters typed quickly after it would overtake it."""
        active = self.screen.active_bindings.get(key)
        if active is None or active.node is not self or not active.enabled:
            return False
        return await self.app.run_action(active.binding.action, self)

    def _takes(self, character: str) -> bool:
        """Whether the character is more than a letter to put in, and is dealt with."""
        return False

    async def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default().stop()
        self._paste(event.text)

    def action_paste(self) -> None:
        """What this app has copied; the terminal's own paste comes as an event."""
        self._paste(self.app.clipboard)

    def _paste(self, text: str) -> None:
        self._put_in(one_line(text))

    def _put_in(self, text: str, place: Selection | None = None) -> None:
        """Puts text that is not typed in the place of something, by default of what is selected,
        as one step to undo."""
        self.history.checkpoint()
        self.replace(text, *(place or self.selection), maintain_selection_offset=False)
        self.history.checkpoint()

    def set_line(self, line: str) -> None:
        """Puts this line in place of what is written, which undo brings back."""
        self._put_in(one_line(line), Selection((0, 0), self.document.end))


def one_line(text: str) -> str:
    """Foreign text as it may stand in the line: in one line, and with nothing that could steer the
    terminal."""
    return sanitize(" ".join(text.splitlines()).replace("\t", " "))
