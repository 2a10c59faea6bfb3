"""The top row: a tab for each screen, the running training, and the active model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.style import Style
from textual.widget import Widget

from rnnlm_tui._version import APP_NAME
from rnnlm_tui.formatting import sanitize

if TYPE_CHECKING:
    from textual import getters

    from rnnlm_tui.tui.app import RnnlmApp

ScreenName: TypeAlias = Literal["autocomplete", "train", "models", "inside"]
"""The name of a screen."""
TABS: tuple[tuple[ScreenName, str, str], ...] = (
    ("autocomplete", "f2", "Autocomplete"),
    ("train", "f3", "Train"),
    ("models", "f4", "Models"),
    ("inside", "f10", "Inside"),
)
ROOMY_WIDTH = 100
"""The width from which on the row has room for the name of the program, in cells."""


class Header(Widget):
    """The top row. A click on a tab shows its screen."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "Header { height: 1; background: $panel; }"

    _text = ""
    """The text at the right."""

    if TYPE_CHECKING:
        app = getters.app(RnnlmApp)

    def on_mount(self) -> None:
        self.update()
        self.set_interval(1.0, self.update)

    def on_click(self, event: events.Click) -> None:
        if mode := event.style.meta.get("mode"):
            self.app.show_mode(mode)

    def update(self) -> None:
        """Shows the app's text at the right, cut if it does not fit."""
        text = self.app.header_text()
        if text != self._text:
            self._text = text
            self.refresh()

    def render(self) -> Content:
        has_room = self.size.width >= ROOMY_WIDTH
        parts = [Content.styled(f" {APP_NAME} ", "bold $ghost")] if has_room else []
        for mode, key, label in TABS:
            shown_key = self.app.shown_keys(Binding(key, "", id=f"app.{mode}"))[0]
            # Brackets mark the current tab without colours.
            is_current = mode == self.app.current_mode
            tab = Content(f"[{label}]" if is_current else f" {label} ")
            tab = tab.stylize("bold" if is_current else "")
            tab = tab.stylize(Style.from_meta({"mode": mode}))
            parts += [Content(f" {shown_key}"), tab]
        left = Content("").join(parts)
        space = max(0, self.size.width - left.cell_length - 1)
        right = Content(sanitize(self._text)).truncate(max(0, space - 1), ellipsis=True)
        gap = " " * (space - right.cell_length)
        return left + gap + right.stylize("$quiet")
