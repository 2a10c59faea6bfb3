"""The line for words to find in the open text."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType

from rnnlm_tui.session.tables import Turn
from rnnlm_tui.tui.widgets.inputs import SafeInput
from rnnlm_tui.tui.widgets.textual_private import unbind
from rnnlm_tui.tui.writing.page import Page


class FindLine(SafeInput):
    """Finds what is typed in it on the page. It is hidden until `begin`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.edit_marked", "edit", id="find.edit",
                tooltip="Edit the line that was found"),
        Binding("down", "step(1)", "next", id="find.next", tooltip="Find the next match"),
        Binding("up", "step(-1)", "previous", id="find.previous",
                tooltip="Find the previous match"),
        Binding("escape", "screen.go_back", "end", id="find.end",
                tooltip="End finding; go back to the line being written"),
    ]  # fmt: skip
    DEFAULT_CSS = """
    FindLine {
        display: none; height: 3; padding: 0 1; background: $background;
        &, &:focus { border: round $border; }
        border-title-color: $foreground; border-subtitle-color: $quiet;
        &.-shown { display: block; }
    }
    """

    def __init__(self, page: Page) -> None:
        super().__init__()
        self._page = page

    def on_mount(self) -> None:
        unbind(self, ("ctrl+f",))
        self.cursor_blink = False
        self.border_title = "find"

    def begin(self, words: str = "", turn: Turn | None = None) -> None:
        """Shows the line with these words, or else those of the last time. Selects the words and
        finds them, first in `turn` if that is given. Does nothing if the window is too small."""
        if not self._page.size:
            return
        self.add_class("-shown")
        with self.prevent(SafeInput.Changed):
            self.value = words or self.value
        self.focus()
        self.action_select_all()
        self.border_subtitle = self._page.find(self.value, turn)

    @on(SafeInput.Changed)
    def _find_typed(self) -> None:
        if self.has_class("-shown"):
            self.border_subtitle = self._page.find(self.value)

    def action_step(self, by: int) -> None:
        self.border_subtitle = self._page.find_next(by)

    def on_blur(self) -> None:
        """Hides the line and ends finding. Does nothing if the whole window has lost the focus, or
        if this line has it again, since a search has opened another text."""
        if self.app.app_focus and self.screen.focused is not self:
            self.remove_class("-shown")
            self._page.end_finding()
