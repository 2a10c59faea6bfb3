"""Small questions over a screen: yes or no, one of several, a text, a path. Esc cancels each."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button, Input, OptionList, Static

from rnnlm_tui.formatting import sanitize
from rnnlm_tui.tui.widgets.base_screen import TooSmall
from rnnlm_tui.tui.widgets.path_input import PathInput, expanded
from rnnlm_tui.tui.widgets.safe_inputs import SafeInput

Answer = TypeVar("Answer")
Check = Callable[[str], str | None]
"""Returns a sentence that says what is wrong with a text, or None."""
TYPE_AHEAD_S = 0.5
"""A key pressed so soon after a dialog opens was meant for the screen below it."""
WIDTHS = [(0, "-narrow"), (60, "-normal")]
HEIGHTS = [(0, "-short"), (16, "-low"), (20, "-high")]
REPLACED = "\ufffd"
"""What an input shows in place of a control character. File names may hold both."""


class Modal(ModalScreen[Answer | None], Generic[Answer]):
    """A screen over another one that is safe from keys typed ahead and from keys that repeat."""

    _opened_s = float("inf")

    def on_mount(self) -> None:
        """Notes the time, for `on_key`."""
        self._opened_s = time.monotonic()

    def on_key(self, event: events.Key) -> None:
        """Drops keys that were typed ahead, except Esc. Letters for an input do not reach this."""
        if time.monotonic() < self._opened_s + TYPE_AHEAD_S and event.key != "escape":
            event.stop()

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        """Closes this screen, once: a second call would close the screen below it."""
        return super().dismiss(result) if self.is_current else AwaitComplete()


class Dialog(Modal[Answer]):
    """A box with a title, a text (neither is markup) and the widgets that answer it.

    In a window that is too small one line replaces it, and only Esc works.
    """

    DEFAULT_CSS = """
    Dialog {
        align: center middle;
        & > .dialog-box {
            width: 64; max-width: 100%; height: auto; max-height: 100%; padding: 0 1;
            border: round $primary; background: $surface;
        }
        &.-danger > .dialog-box { border: round $error; }
        &.-narrow, &.-short {
            align: left top;
            background: $background; /* over the same line of the screen beneath */
            .dialog-box { display: none; }
            TooSmall { display: block; }
        }
        ToastRack { dock: top; align: right top; margin: 0; max-height: 3; }
        Toast { padding: 0 1; margin: 0; }
        .dialog-title { text-style: bold; height: auto; max-height: 2; }
        .dialog-words { height: auto; max-height: 6; margin-top: 1; scrollbar-size-vertical: 1; }
        .dialog-text { height: auto; }
        .dialog-buttons { height: auto; align-horizontal: right; margin-top: 1; }
        .dialog-buttons Button { margin-left: 2; }
        .dialog-problem { height: auto; max-height: 2; min-height: 1; color: $text-error; }
        .dialog-buttons.-tight { margin-top: 0; }
        .dialog-box > Input { margin-top: 1; }
        &.-low .dialog-words { margin-top: 0; max-height: 3; }
    }
    """
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    AUTO_FOCUS = "Input, OptionList"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", id="dialog.cancel", tooltip="Change nothing"),
    ]

    def __init__(self, title: str, text: str, *answers: Widget) -> None:
        super().__init__()
        self._title, self._answers = sanitize(title), answers
        self._text = "\n".join(sanitize(line) for line in text.split("\n"))

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog-box"):
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
        """Restores the focus, which a window too small has taken away."""
        self.call_after_refresh(self._restore_focus)

    def _restore_focus(self) -> None:
        widgets = self.query(str(self.AUTO_FOCUS)) if self.focused is None else ()
        if widget := next((widget for widget in widgets if widget.focusable), None):
            widget.focus()

    def action_cancel(self) -> None:
        self.dismiss(None)


class Confirm(Dialog[bool]):
    """Yes or no; begins on no. No plain letter means yes: text typed ahead must not answer."""

    AUTO_FOCUS = "#no"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+y", "answer(True)", "Yes", id="confirm.yes", tooltip="Do it"),
        Binding("n", "answer(False)", "No", id="confirm.no", tooltip="Change nothing"),
        Binding("left", "app.focus_previous", "Other button", id="confirm.left", show=False,
                tooltip="Go to the other button"),
        Binding("right", "app.focus_next", "Other button", id="confirm.right", show=False,
                tooltip="Go to the other button"),
    ]  # fmt: skip

    def __init__(
        self, title: str, text: str, yes: str = "Delete", no: str = "Cancel", danger: bool = True
    ) -> None:
        """`danger` makes the border and the button red."""
        buttons = Horizontal(
            Button(Content(yes), id="yes", variant="error" if danger else "primary"),
            Button(Content(no), id="no"),
            classes="dialog-buttons",
        )
        super().__init__(title, text, buttons)
        self.set_class(danger, "-danger")

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)


class Choice(Dialog[str]):
    """One of several options, each an id, a label and an explanation; answers with the id.

    The last row cancels, and is highlighted at first. Arrows and Enter, digits and clicks choose.
    """

    DEFAULT_CSS = """
    Choice OptionList {
        height: auto; max-height: 12; margin-top: 1; border: none; padding: 0;
        background: $surface; scrollbar-size-vertical: 1;
        &:focus { border: none; background-tint: $foreground 0%; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(str(n), f"pick({n})", f"Row {n}", id=f"choice.{n}", show=False,
                tooltip=f"Take row {n}")
        for n in range(1, 10)
    ]  # fmt: skip

    def __init__(
        self, title: str, text: str, options: Sequence[tuple[str, str, str]], cancel: str = "Cancel"
    ) -> None:
        """`cancel` is the label of the last row."""
        self._ids = [id_ for id_, _, _ in options]
        rows = OptionList(
            *(
                _option(number, label, explanation)
                for number, (_, label, explanation) in enumerate([*options, ("", cancel, "")], 1)
            ),
            markup=False,
        )
        super().__init__(title, text, rows)

    def on_mount(self) -> None:
        """Begins on the row that cancels."""
        self.query_one(OptionList).highlighted = len(self._ids)

    def action_pick(self, number: int) -> None:
        if number <= len(self._ids) + 1:
            self._answer(number - 1)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self._answer(event.option_index)

    def _answer(self, index: int) -> None:
        self.dismiss(self._ids[index] if index < len(self._ids) else None)


def _option(number: int, label: str, explanation: str) -> Content:
    # No colours: the terminal's own text colour cannot be read on the row that is highlighted.
    first = Content.assemble(f"{number} ", (sanitize(label), "bold"))
    return first + f"\n  {sanitize(explanation)}" if explanation else first


class AskText(Dialog[str]):
    """Asks for a line of text. `check` says what is wrong with it, and runs in a thread."""

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
        self._accepting = False
        self._field = field(value)
        # Kept, since a check may come back when the dialog and all in it are gone.
        self._ok = Button("OK", id="ok", variant="primary")
        self._note = Static("", classes="dialog-problem", markup=False)
        buttons = Horizontal(
            self._ok, Button("Cancel", id="cancel"), classes="dialog-buttons -tight"
        )
        super().__init__(title, text, self._field, self._note, buttons)

    def answer_of(self, text: str) -> str:
        """The answer that a text stands for, which `check` gets too."""
        return text

    @on(Input.Changed)
    def _changed(self) -> None:
        self._accepting = False
        self._check_text(self._field.value)

    @on(Input.Submitted)
    @on(Button.Pressed, "#ok")
    def action_accept(self) -> None:
        self._accepting = True
        self._check_text(self._field.value)

    @on(Button.Pressed, "#cancel")
    def _cancelled(self) -> None:
        self.action_cancel()

    @work(group="check", exclusive=True)
    async def _check_text(self, text: str) -> None:
        answer = self.answer_of(text)
        problem = await asyncio.to_thread(self._check, answer)
        if text != self._field.value:
            return
        if self._accepting and problem is None:
            self.dismiss(answer)
            return
        is_untouched = text == self._value and not self._accepting
        self._ok.disabled = problem is not None
        shown = self._problem if is_untouched else problem
        self._note.update(Content(sanitize(shown or "")))


class AskPath(AskText):
    """Asks for the path of a file, with `~` written out in the answer.

    `for_new_file`: its folder must exist, and the file may. Otherwise the file must exist. `check`
    gets a path that has passed this.
    """

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

    def answer_of(self, text: str) -> str:
        """The path with `~` written out."""
        return expanded(text)


def path_problem(path: str, for_new_file: bool) -> str | None:
    """What is wrong with a path to a file; reads the disk."""
    if not path:
        return "enter the path of a file"
    try:
        if REPLACED in path and not Path(path).exists():
            return "the path holds characters that cannot be shown; rename it or choose another"
        if Path(path).is_dir():
            return "this is a folder; add the name of a file"
        if not for_new_file:
            return None if Path(path).is_file() else "there is no such file"
        folder = Path(path) if path.endswith(("/", os.sep)) else Path(path).parent
        return None if folder.is_dir() else f"there is no folder {folder}"
    except OSError:  # too long, or no permission
        return "this path cannot be read"
