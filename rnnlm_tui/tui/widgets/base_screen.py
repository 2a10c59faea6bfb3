"""The frame of the four screens: the header, the row of keys, and the notice of a small window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from textual import events, on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.content import Content
from textual.message_pump import MessagePump
from textual.screen import Screen, ScreenResultType
from textual.style import Style
from textual.widget import Widget

from rnnlm_tui._version import APP_NAME
from rnnlm_tui.formatting import sanitize
from rnnlm_tui.tui.widgets.key_bar import KeyBar

if TYPE_CHECKING:
    from textual import getters

    from rnnlm_tui.tui.app import RnnlmApp

ScreenName: TypeAlias = Literal["autocomplete", "train", "models", "inside"]
"""The name of a screen, which is also the name of its mode in Textual."""
TABS: tuple[tuple[ScreenName, str, str], ...] = (
    ("autocomplete", "f2", "Autocomplete"),
    ("train", "f3", "Train"),
    ("models", "f4", "Models"),
    ("inside", "f10", "Inside"),
)
"""The name, the default key and the label of each screen."""
ROOMY_WIDTH = 100
"""The width in cells from which on the header shows the name of the program."""
SCREEN_WIDTHS = [(0, "-narrow"), (60, "-normal"), (110, "-wide")]
HEIGHTS = [(0, "-short"), (16, "-low"), (20, "-high")]
"""The classes of screens and of dialogs by the size of the window."""


class OfApp(MessagePump):
    """A mixin that tells type checkers that the app of a widget or screen is a RnnlmApp."""

    if TYPE_CHECKING:
        app = getters.app(RnnlmApp)


class Header(OfApp, Widget):
    """The top row: a tab for each screen, and what the app tells: the running training, the active
    model, the keys saved. A click on a tab shows its screen."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "Header { height: 1; background: $surface; }"

    _texts: tuple[str, ...] = ("",)
    """What the app tells, in several lengths. The first one that fits is shown."""

    def on_mount(self) -> None:
        self.update()
        self.set_interval(1.0, self.update)

    def on_click(self, event: events.Click) -> None:
        if name := event.style.meta.get("screen"):
            self.app.show_mode(name)

    def update(self) -> None:
        """Asks the app for the texts again."""
        texts = tuple(self.app.header_texts())
        if texts != self._texts:
            self._texts = texts
            self.refresh()

    def render(self) -> Content:
        has_room = self.size.width >= ROOMY_WIDTH
        row = Content.styled(f" {APP_NAME}  ", "bold") if has_room else Content("")
        for name, key, label in TABS:
            shown_key = self.app.shown_key(f"app.{name}", key)
            is_current = name == self.app.current_mode
            tab = Content.assemble(f" {label} ", (shown_key, "" if is_current else "$quiet"), " ")
            if is_current and self.app.no_color:
                tab = Content(f"[{tab.plain.strip()}]")
            tab = tab.stylize("bold reverse $ghost" if is_current else "")
            row += tab.stylize(Style.from_meta({"screen": name})) + (" " if has_room else "")
        space = max(0, self.size.width - row.cell_length - 2)  # a blank before and after the text
        texts = [Content(sanitize(text)) for text in self._texts]
        text = next((each for each in texts if each.cell_length <= space), texts[-1])
        text = text.truncate(space, ellipsis=True)
        return row + " " * (space + 1 - text.cell_length) + text.stylize("$quiet")


class TooSmall(OfApp, Widget):
    """Replaces a screen or a dialog that does not fit in the window."""

    DEFAULT_CSS = """
    TooSmall { display: none; width: auto; height: auto; color: $warn; }
    """

    def render(self) -> Content:
        quits = self.app.shown_key("app.quit", "ctrl+q")
        return Content(f"please enlarge to 60 x 16 ({quits} quits)")


class KeepsFocus(Screen[ScreenResultType]):
    """A screen that restores the focus, which is lost while the window is too small."""

    _last_focus: Widget | None = None

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self._last_focus = event.widget

    def on_resize(self) -> None:
        self.call_after_refresh(self._restore_focus)

    def _restore_focus(self) -> None:
        if self.focused is None and self.app.app_focus:  # the window has the focus
            if self._last_focus is None and self.AUTO_FOCUS:
                self.query(self.AUTO_FOCUS).focus()
            elif self._last_focus is not None and self._last_focus.focusable:
                self._last_focus.focus()


class AppScreen(OfApp, KeepsFocus[None]):
    """A screen of the app. Subclasses compose its body."""

    HORIZONTAL_BREAKPOINTS = SCREEN_WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    DEFAULT_CSS = """
    AppScreen {
        &.-narrow > *, &.-short > * { display: none; }
        &.-narrow > TooSmall, &.-short > TooSmall { display: block; }
        &.-narrow > ToastRack, &.-short > ToastRack { display: block; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self.header = Header()

    def compose(self) -> ComposeResult:
        yield self.header
        yield from self.compose_body()
        yield KeyBar()
        yield TooSmall()

    def compose_body(self) -> ComposeResult:
        """Yields the widgets between the header and the row of keys."""
        raise NotImplementedError

    @on(events.ScreenResume)
    def _show_again(self, event: events.ScreenResume) -> None:
        """Updates the header at once: its text may have changed behind another screen.

        Keeps Textual from styling all widgets again, which takes 0.1 s on the Train screen. When
        the theme changes, the app styles all of them anyway.
        """
        event.refresh_styles = False
        if self.header.is_mounted:
            self.header.update()

    def action_copy_text(self) -> None:
        """Copies the text selected by the mouse. If there is none, the app answers the key."""
        if not self.get_selected_text():
            raise SkipAction
        super().action_copy_text()
