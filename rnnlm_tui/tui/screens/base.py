"""What the three screens have in common: the header, the keys, and how they use the space."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from textual import events
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from rnnlm_tui.tui.widgets.header import Header
from rnnlm_tui.tui.widgets.key_bar import KeyBar

if TYPE_CHECKING:
    from rnnlm_tui.tui.app import RnnlmApp

WIDTHS = [(0, "-narrow"), (60, "-normal"), (110, "-wide")]
HEIGHTS = [(0, "-short"), (16, "-medium"), (32, "-tall")]
TOO_SMALL = "please enlarge to 60 x 16 (^Q quits)"


class AppScreen(Screen[None]):
    """A screen of the app: its body between the header and the keys, one line where it is small."""

    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    DEFAULT_CSS = """
    AppScreen {
        #too-small { display: none; color: $text-warning; }
        &.-narrow > *, &.-short > * { display: none; }
        &.-narrow > #too-small, &.-short > #too-small { display: block; }
        &.-narrow > ToastRack, &.-short > ToastRack { display: block; }
        /* Below, they would cover the line being written, its list and the keys. */
        ToastRack { dock: top; align: right top; margin-top: 1; margin-bottom: 0; }
    }
    """

    _had_focus: Widget | None = None

    @property
    def host(self) -> RnnlmApp:
        """The app."""
        return cast("RnnlmApp", self.app)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Remembers who has the focus."""
        self._had_focus = event.widget

    def on_resize(self) -> None:
        """A window too small takes the focus away; a larger one gives it back."""
        self.call_after_refresh(self._give_focus_back)

    def _give_focus_back(self) -> None:
        widget = self._had_focus
        if self.focused is None and widget is not None and widget.focusable:
            widget.focus()

    def compose(self) -> ComposeResult:
        """The header, the body, the keys."""
        yield Header()
        yield from self.compose_body()
        yield KeyBar()
        yield Static(TOO_SMALL, id="too-small", markup=False)

    def compose_body(self) -> Iterable[Widget]:
        """What stands between the header and the keys."""
        raise NotImplementedError
