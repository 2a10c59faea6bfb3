"""The top row: a tab for each screen, the running training, the active model, the keys saved."""

from __future__ import annotations

from typing import Literal, TypeAlias

from textual import events
from textual.content import Content
from textual.style import Style
from textual.widget import Widget

from rnnlm_tui._version import APP_NAME
from rnnlm_tui.formatting import sanitize
from rnnlm_tui.tui.widgets.terminal import OfApp

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


class Header(OfApp, Widget):
    """The top row. A click on a tab shows its screen."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "Header { height: 1; background: $surface; }"

    _texts: tuple[str, ...] = ("",)
    """The texts for the right, the fullest first."""

    def on_mount(self) -> None:
        self.update()
        self.set_interval(1.0, self.update)

    def on_click(self, event: events.Click) -> None:
        if mode := event.style.meta.get("mode"):
            self.app.show_mode(mode)

    def update(self) -> None:
        """Shows at the right what the app tells."""
        texts = tuple(self.app.header_texts())
        if texts != self._texts:
            self._texts = texts
            self.refresh()

    def render(self) -> Content:
        has_room = self.size.width >= ROOMY_WIDTH
        row = Content.styled(f" {APP_NAME}  ", "bold") if has_room else Content("")
        for mode, key, label in TABS:
            shown_key = self.app.shown_key(f"app.{mode}", key)
            is_current = mode == self.app.current_mode
            tab = Content.assemble(f" {label} ", (shown_key, "" if is_current else "$quiet"), " ")
            if is_current and self.app.no_color:
                tab = Content(f"[{tab.plain.strip()}]")
            tab = tab.stylize("bold reverse $ghost" if is_current else "")
            row += tab.stylize(Style.from_meta({"mode": mode})) + (" " if has_room else "")
        space = max(0, self.size.width - row.cell_length - 2)
        texts = [Content(sanitize(text)) for text in self._texts]
        text = next((each for each in texts if each.cell_length <= space), texts[-1])
        text = text.truncate(space, ellipsis=True)
        return row + " " * (space + 1 - text.cell_length) + text.stylize("$quiet")
