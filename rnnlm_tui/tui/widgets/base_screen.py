"""The base class of the four screens."""

from __future__ import annotations

from textual import events, on
from textual.actions import SkipAction
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from rnnlm_tui.tui.widgets.header import Header
from rnnlm_tui.tui.widgets.terminal import OfApp

SCREEN_WIDTHS = [(0, "-narrow"), (60, "-normal"), (110, "-wide")]
SCREEN_HEIGHTS = [(0, "-short"), (16, "-medium"), (32, "-tall")]


class TooSmall(Static):
    """Shown in place of a screen or a dialog for which the window is too small."""

    DEFAULT_CSS = """
    TooSmall { display: none; width: auto; color: $warn; }
    """

    def __init__(self) -> None:
        super().__init__("please enlarge to 60 x 16 (ctrl+q quits)", id="too-small", markup=False)


class AppScreen(OfApp, Screen[None]):
    """A screen of the app. Its `compose` yields a Header, a body, a KeyBar and a TooSmall."""

    HORIZONTAL_BREAKPOINTS = SCREEN_WIDTHS
    VERTICAL_BREAKPOINTS = SCREEN_HEIGHTS
    DEFAULT_CSS = """
    AppScreen {
        &.-narrow > *, &.-short > * { display: none; }
        &.-narrow > TooSmall, &.-short > TooSmall { display: block; }
        &.-narrow > ToastRack, &.-short > ToastRack { display: block; }
    }
    """

    _last_focus: Widget | None = None

    @on(events.ScreenResume)
    def _show_again(self, event: events.ScreenResume) -> None:
        """Updates the header, whose text may have changed while another screen was shown. Stops
        Textual from styling all widgets again, which takes 0.1 s on the Train screen; the app does
        that when the theme changes."""
        event.refresh_styles = False
        for header in self.query(Header):
            header.update()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self._last_focus = event.widget

    def on_resize(self) -> None:
        """Restores the focus, which is lost while the window is too small."""
        self.call_after_refresh(self._restore_focus)

    def action_copy_text(self) -> None:
        """Copies the text selected by the mouse. If there is none, the app answers the key."""
        if not self.get_selected_text():
            raise SkipAction
        super().action_copy_text()

    def _restore_focus(self) -> None:
        widget = self._last_focus
        if self.focused is None and widget is not None and widget.focusable:
            widget.focus()
