"""What the three screens have in common: the header, the keys, and how they use the space."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from textual import events
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input, Static, TextArea
from textual.widgets._toast import ToastRack

from rnnlm_tui.tui.widgets.header import Header
from rnnlm_tui.tui.widgets.key_bar import KeyBar

if TYPE_CHECKING:
    from rnnlm_tui.tui.widgets.host import Host

WIDTHS = [(0, "-narrow"), (60, "-normal"), (110, "-wide")]
HEIGHTS = [(0, "-short"), (16, "-medium"), (32, "-tall")]
TOASTS_SHARE = 0.4
"""How much of the screen's height toasts may take."""
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
        Toast { padding: 0 1; margin: 0 0 1 0; }
    }
    """

    _had_focus: Widget | None = None

    @property
    def host(self) -> Host:
        """The app."""
        return cast("Host", self.app)

    def on_screen_resume(self) -> None:
        """Shows in the header what has changed while another screen was shown."""
        for header in self.query(Header):
            header.show_facts(self.host.facts())

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Remembers who has the focus."""
        self._had_focus = event.widget
        self.call_after_refresh(self.place_toasts)  # once it is scrolled to

    def on_resize(self) -> None:
        """A window too small takes the focus away; a larger one gives it back."""
        self.call_after_refresh(self._give_focus_back)
        self.call_after_refresh(self.place_toasts)

    def place_toasts(self) -> None:
        """Has toasts come where the field in hand is not: above what is typed into, or below."""
        field, height = self.focused, self.size.height
        is_above = field is not None and field.region.y < height // 2
        below = is_above and field is not None and self.has_space_below(field)
        self.set_class(below, "-toasts-below")
        most = int(TOASTS_SHARE * height)
        if isinstance(field, Input | TextArea):
            most = max(1, min(most, field.region.y - 1))
        for rack in self.query(ToastRack):
            rack.styles.max_height = None if below else most

    def has_space_below(self, field: Widget) -> bool:
        """Whether toasts may come below this field, which has the focus; for subclasses."""
        return False

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
