"""The private members of Textual that the app needs, each because there is no public way.

All were needed with Textual 8.2.8. No other module uses one. A test lists them, and fails if the
installed Textual lacks one.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import cast

from rich.console import RenderableType
from textual import events
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual._wrap import compute_wrap_offsets
from textual.app import App
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import TextArea

# The parts of a Select, without which a subclass cannot replace its list.
from textual.widgets._select import SelectCurrent, SelectOverlay
from textual.widgets.text_area import WrappedDocument

__all__ = ["HookedApp", "HookedTextArea", "SelectCurrent", "SelectOverlay", "build_mode",
           "read_alt_digits", "unbind", "wrap_last_line"]  # fmt: skip


ALT_DIGITS = Enum("ALT_DIGITS", [(f"alt_{digit}", f"alt+{digit}") for digit in range(10)])  # type: ignore[misc]
"""Keys as Textual's table of what terminals send has them."""


class HookedApp(App[None]):
    """An app that is told when a screen was painted, and that words its crashes."""

    def painted(self, screen: Screen[object]) -> None:
        """Called after each paint of a screen."""

    def crash_report(self, error: Exception) -> Exception | None:
        """Returns what is printed in place of this error: an exception with a method `__rich__`.
        None if the app goes on."""
        raise NotImplementedError

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """`call_after_refresh` would be too early: Textual paints nothing for 50 ms after a switch
        to another mode, while `_batch_count` is not 0."""
        super()._display(screen, renderable)
        if renderable is not None and not self._batch_count:
            self.painted(screen)

    def _handle_exception(self, error: Exception) -> None:
        """Textual prints a traceback of a hundred lines with the values of all variables, which may
        have lines of the user."""
        if (report := self.crash_report(error)) is not None:
            super()._handle_exception(report)


class HookedTextArea(TextArea):
    """A text area that does not choose its own size."""

    def fit(self, *, has_new_width: bool) -> None:
        """Called when the text was changed or wrapped, to set `virtual_size`."""
        raise NotImplementedError

    def _refresh_size(self) -> None:
        """A size set after this would be the second one of each key, and each lays out the whole
        screen again."""
        self.fit(has_new_width=False)

    def _rewrap_and_refresh_virtual_size(self) -> None:
        super()._rewrap_and_refresh_virtual_size()
        self.fit(has_new_width=True)


async def build_mode(app: App[None], mode: str) -> None:
    """Builds the screen of a mode that was not shown yet, as the first switch to it would. The
    switch would be visible."""
    if mode in app._screen_stacks:
        return
    await app._init_mode(mode)
    screen = app._screen_stacks[mode][0]
    screen.post_message(events.ScreenSuspend())
    # Otherwise all its widgets would be styled again when it is shown.
    screen._css_update_count = app._css_update_count


def read_alt_digits() -> None:
    """Reads alt and a digit as that key. Textual takes what terminals send for it as the character
    that Option and the digit give on a Mac, such as ™ or £, which others type on purpose."""
    table = cast(dict[str, tuple[Enum]], ANSI_SEQUENCES_KEYS)
    table |= {f"\x1b{key.name[-1]}": (key,) for key in ALT_DIGITS}


def unbind(widget: Widget, keys: Iterable[str]) -> None:
    """Removes keys from the bindings that a widget inherits from Textual, which have no id. A
    keymap changes only bindings that have one."""
    bindings = widget._bindings.key_to_bindings
    for key in bindings.keys() & set(keys):
        if not any(binding.id for binding in bindings[key]):
            del bindings[key]


def wrap_last_line(wrapped: WrappedDocument, suggestion: str) -> None:
    """Wraps the last line of a document together with the suggestion after it, which a TextArea
    cuts off at the end of the row."""
    last = wrapped.document.line_count - 1
    line = wrapped.document.get_line(last) + suggestion
    width, tab = wrapped._width, wrapped._tab_width
    breaks = compute_wrap_offsets(line, width, tab) if width else []
    first = wrapped._line_index_to_offsets[last][0]
    wrapped._wrap_offsets[last] = breaks
    wrapped._line_index_to_offsets[last] = [first + row for row in range(len(breaks) + 1)]
    wrapped._offset_to_line_info[first:] = [(last, row) for row in range(len(breaks) + 1)]
