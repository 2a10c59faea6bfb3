"""Dialogs: one or some of several options, a text, a path. Each names its keys in the lower border,
where they can be clicked; Esc cancels it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from rich.segment import Segment
from textual import events, on
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import ModalScreen, Screen
from textual.strip import Strip
from textual.style import Style
from textual.widget import Widget
from textual.widgets import Input, SelectionList, Static

from rnnlm_tui.config import check_value
from rnnlm_tui.errors import UsageError
from rnnlm_tui.formatting import sanitize
from rnnlm_tui.tui.widgets.base_screen import TooSmall
from rnnlm_tui.tui.widgets.inputs import PathInput, SafeInput, expanded
from rnnlm_tui.tui.widgets.lists import RowList

if TYPE_CHECKING:
    from rnnlm_tui.tui.app import RnnlmApp

Answer = TypeVar("Answer")
T = TypeVar("T")
Check = Callable[[str], str | None]
"""Returns a sentence that says what is wrong with a text, or None."""
TYPE_AHEAD_S = 0.5
"""A key pressed within this time after a dialog opens was meant for the screen below it."""
WIDTHS = [(0, "-narrow"), (60, "-normal")]
HEIGHTS = [(0, "-short"), (16, "-low"), (20, "-high")]


def own_bindings(kind: type[DOMNode]) -> list[Binding]:
    """Returns the bindings with an id that a class itself declares."""
    declared = vars(kind).get("BINDINGS", ())
    return [b for b in declared if isinstance(b, Binding) and b.id is not None]


def keys_line(dialog: Screen[Answer], others: Sequence[Binding] = ()) -> Content:
    """Returns the keys for the lower border of a dialog: `others` and those that it declares, such
    as "Enter accept · Esc cancel". A click on one of its own does what the key does."""
    app = cast("RnnlmApp", dialog.app)
    own = [b for kind in type(dialog).__mro__ for b in own_bindings(kind) if b.show]
    keys = list[Content]()
    for binding in (*others, *own):
        key = Content(f"{app.shown_keys(binding)[0]} {binding.description.lower()}")
        click = Style.from_meta({"@click": f"screen.{binding.action}"})
        keys.append(key.stylize(click) if binding in own else key)
    return Content(" · ").join(keys)


class Modal(ModalScreen[Answer | None], Generic[Answer]):
    """A modal screen that ignores keys typed ahead and is dismissed only once."""

    _opened_s = float("inf")

    def on_mount(self) -> None:
        self._opened_s = time.monotonic()

    def on_key(self, event: events.Key) -> None:
        """Drops keys typed ahead, except Esc. Letters for an input do not come here."""
        if time.monotonic() < self._opened_s + TYPE_AHEAD_S and event.key != "escape":
            event.stop()

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        """Closes this screen. A second call, which would close the screen below, does nothing."""
        return super().dismiss(result) if self.is_current else AwaitComplete()


class Dialog(Modal[Answer]):
    """A box with a title, a text (both without markup) and the widgets for the answer.

    In a window that is too small, a line replaces it and only Esc works.
    """

    DEFAULT_CSS = """
    Dialog {
        align: center middle;
        & > .dialog-box {
            width: 64; max-width: 100%; height: auto; max-height: 100%; padding: 0 1;
            border: round $primary; border-subtitle-color: $text-muted; background: $surface;
        }
        &.-danger > .dialog-box { border: round $error; }
        &.-narrow, &.-short {
            align: left top;
            background: $background; /* covers the same line of the screen below */
            .dialog-box { display: none; }
            TooSmall { display: block; }
        }
        ToastRack { dock: top; align: right top; margin: 0; max-height: 3; }
        Toast { padding: 0 1; margin: 0; }
        .dialog-title { text-style: bold; height: auto; max-height: 2; }
        .dialog-words { height: auto; max-height: 6; margin-top: 1; scrollbar-size-vertical: 1; }
        .dialog-text { height: auto; }
        .dialog-problem { height: auto; max-height: 2; min-height: 1; color: $text-error; }
        .dialog-box > Input { margin-top: 1; }
        &.-low .dialog-words { margin-top: 0; max-height: 3; }
    }
    """
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    AUTO_FOCUS = "Input, OptionList"
    OTHER_KEYS: ClassVar[Sequence[Binding]] = ()
    """Keys of a widget in the dialog that its lower border names too."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", id="dialog.cancel", tooltip="Change nothing"),
    ]

    def __init__(self, title: str, text: str, *answers: Widget) -> None:
        super().__init__()
        self._title, self._answers = sanitize(title), answers
        self._text = "\n".join(sanitize(line) for line in text.split("\n"))

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog-box") as box:
            box.border_subtitle = keys_line(self, self.OTHER_KEYS)
            yield Static(self._title, classes="dialog-title", markup=False)
            if self._text:
                with VerticalScroll(classes="dialog-words", can_focus=False):
                    yield Static(self._text, classes="dialog-text", markup=False)
            yield from self._answers
        yield TooSmall()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only Esc works if the dialog does not fit the window."""
        return action == "cancel" or not (self.has_class("-narrow") or self.has_class("-short"))

    def on_resize(self) -> None:
        """Restores the focus, which is lost while the window is too small."""
        self.call_after_refresh(self._restore_focus)

    def _restore_focus(self) -> None:
        if self.focused is None and self.app.app_focus:
            self.query(self.AUTO_FOCUS).focus()

    def action_cancel(self) -> None:
        self.dismiss(None)


class Choice(Dialog[str]):
    """Asks for one of several options, each an id, a label and an explanation; returns the id.

    The first row is highlighted; the row without an id cancels. Arrows and Enter, digits and clicks
    choose.
    """

    DEFAULT_CSS = """
    Choice OptionList, ChooseSeveral OptionList {
        height: auto; max-height: 12; margin-top: 1; border: none; padding: 0;
        background: $surface; scrollbar-size-vertical: 1;
        &:focus { border: none; background-tint: $foreground 0%; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Choose", id="choice.choose", tooltip="Choose the marked row"),
        *(Binding(str(n), f"pick({n})", f"Row {n}", id=f"choice.{n}", show=False,
                  tooltip=f"Choose row {n}")
          for n in range(1, 10)),
    ]  # fmt: skip

    def __init__(
        self, title: str, text: str, options: Sequence[tuple[str, str, str]], cancel: str = "Cancel"
    ) -> None:
        """`cancel` is the label of the last row; "" if there is none."""
        options = [*options, ("", cancel, "")] if cancel else options
        self._ids = [id_ for id_, _, _ in options]
        rows = (_row(number, *labels) for number, (_, *labels) in enumerate(options, 1))
        self._rows = RowList(*rows, markup=False)
        super().__init__(title, text, self._rows)

    def on_mount(self) -> None:
        self._rows.highlighted = 0

    def action_choose(self) -> None:
        self._rows.action_select()

    def action_pick(self, number: int) -> None:
        if number <= len(self._ids):
            self.dismiss(self._ids[number - 1] or None)

    @on(RowList.OptionSelected)
    def _selected(self, event: RowList.OptionSelected) -> None:
        self.action_pick(event.option_index + 1)


def _row(number: int, label: str, explanation: str) -> Content:
    # No colours: in an ansi theme the text colour is not readable on the highlighted row.
    first = Content.assemble(f"{number} ", (sanitize(label), "bold"))
    return first + f"\n  {sanitize(explanation)}" if explanation else first


class Confirm(Choice):
    """Asks whether to do something; returns "yes" or None. The first row changes nothing, and no
    letter means yes: text typed ahead must not answer."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+y", "dismiss('yes')", "Yes", id="confirm.yes", tooltip="Do it"),
    ]

    def __init__(self, title: str, text: str, yes: str = "Delete", danger: bool = True) -> None:
        """`danger` makes the border red."""
        super().__init__(title, text, (("", "Cancel", ""), ("yes", yes, "")), cancel="")
        self.set_class(danger, "-danger")


class CheckList(SelectionList[T]):
    """Rows of which each can be chosen, which its glyph shows, not only a colour."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "select", "Choose", id="list.select", show=False,
                tooltip="Choose the marked row; or leave it out"),
        Binding("enter", "screen.accept", "Accept", id="list.accept", show=False,
                tooltip="Accept the chosen rows"),
    ]  # fmt: skip

    def render_line(self, y: int) -> Strip:
        strip, row = super().render_line(y), self.scroll_offset.y + y
        if row >= self.option_count or self.get_option_at_index(row).value in self.selected:
            return strip
        left, cross, *rest = strip
        return Strip([left, Segment(" ", cross.style), *rest])


class ChooseSeveral(Dialog[list[T]]):
    """Asks for some of several options, each an id and a label, at first those `chosen`; returns
    the ids. Space and clicks choose."""

    OTHER_KEYS = own_bindings(CheckList)

    def __init__(
        self, title: str, options: Sequence[tuple[T, str]], chosen: Collection[T] = ()
    ) -> None:
        rows = [(Content(sanitize(label)), id_, id_ in chosen) for id_, label in options]
        self._list = CheckList[T](*rows)
        super().__init__(title, "", self._list)

    def action_accept(self) -> None:
        self.dismiss(self._list.selected)


class AskText(Dialog[str]):
    """Asks for a line of text that `check` finds nothing wrong with."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "accept", "Accept", id="text.accept", tooltip="Accept the text"),
    ]

    def __init__(
        self,
        title: str,
        text: str,
        value: str = "",
        *,
        check: Check,
        problem: str = "",
        field: type[SafeInput] = SafeInput,
    ) -> None:
        """`problem` is shown until the text changes."""
        self._value, self._check, self._problem = value, check, problem
        self._field = field(value)
        self._note = Static("", classes="dialog-problem", markup=False)
        super().__init__(title, text, self._field, self._note)

    @property
    def answer(self) -> str:
        """The answer as it is typed now."""
        return self._field.value

    @on(Input.Changed)
    def _changed(self) -> None:
        is_untouched = self._field.value == self._value
        self._show(self._problem if is_untouched else self._check(self.answer))

    def _show(self, problem: str | None) -> None:
        self._note.update(Content(sanitize(problem or "")))

    @on(Input.Submitted)
    def action_accept(self) -> None:
        if problem := self._check(self.answer):
            self._show(problem)
        else:
            self.dismiss(self.answer)


def number_check(kind: object) -> Check:
    """Returns a check for a number of this type, with its range."""

    def check(text: str) -> str | None:
        try:
            check_value(text.strip(), "the number", kind)
        except UsageError as error:
            return error.hint
        return None

    return check


class AskPath(AskText):
    """Asks for the path of a file; returns it with `~` expanded.

    The file must exist or, with `for_new_file`, its folder. `check` gets paths for which this is
    true.
    """

    OTHER_KEYS = own_bindings(PathInput)[:1]

    def __init__(
        self,
        title: str,
        text: str,
        value: str = "",
        *,
        check: Check = lambda path: None,
        for_new_file: bool = False,
        problem: str = "",
    ) -> None:
        def check_path(path: str) -> str | None:
            return path_problem(path, for_new_file) or check(path)

        super().__init__(title, text, value, check=check_path, problem=problem, field=PathInput)

    @property
    def answer(self) -> str:
        return expanded(self._field.value)


def path_problem(path: str, for_new_file: bool) -> str | None:
    """Returns what is wrong with the path of a file, or None. Reads the disk."""
    if not path:
        return "enter the path of a file"
    try:
        if Path(path).is_dir():
            return "this is a folder; add the name of a file"
        if not for_new_file:
            return None if Path(path).is_file() else "there is no such file"
        folder = Path(path) if path.endswith(("/", os.sep)) else Path(path).parent
        return None if folder.is_dir() else f"there is no folder {folder}"
    except OSError:  # too long, or no permission
        return "this path cannot be read"
