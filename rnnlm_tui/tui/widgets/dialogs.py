"""Dialogs that ask for one or some of several rows, a text, or a path."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Sequence
from functools import partial
from math import inf
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static

from rnnlm_tui.config import check_value
from rnnlm_tui.errors import UsageError
from rnnlm_tui.formatting import sanitize
from rnnlm_tui.tui.widgets.base_screen import HEIGHTS, KeepsFocus, TooSmall
from rnnlm_tui.tui.widgets.inputs import PathInput, SafeInput, expand_home
from rnnlm_tui.tui.widgets.key_bar import KeyBar

AnswerType = TypeVar("AnswerType")
Check = Callable[[str], str | None]
"""Returns what is wrong with a text, or None."""
TYPE_AHEAD_S = 0.5
"""Seconds after the opening of a dialog during which answers are ignored, since their keys were
pressed for the screen below."""
DIALOG_WIDTHS = [(0, "-narrow"), (60, "-normal"), (120, "-wide")]


class Dialog(KeepsFocus[AnswerType | None], ModalScreen[AnswerType | None], Generic[AnswerType]):
    """A box with a title, a text, the widgets for the answer, and the keys. Title and text are not
    markup.

    In a window that is too small, `TooSmall` replaces the box and only Esc works.
    """

    DEFAULT_CSS = """
    Dialog {
        align: center middle;
        & > .dialog-box {
            width: 64; max-width: 100%; height: auto; max-height: 100%; padding: 0 1;
            border: round $primary; background: $surface;
        }
        &.-narrow, &.-short {
            align: left top;
            background: $background; /* covers the same line of the screen below */
            .dialog-box { display: none; }
            TooSmall { display: block; }
        }
        .dialog-title { text-style: bold; height: auto; max-height: 2; }
        .dialog-words { height: auto; max-height: 6; margin-top: 1; scrollbar-size-vertical: 1; }
        .dialog-problem { height: auto; max-height: 2; min-height: 1; color: $warn; }
        .dialog-box > Input { margin-top: 1; padding: 0 1; background: $surface; }
        .dialog-box > Input { border: round $foreground 30%; }
        .dialog-box > Input:focus { border: round $border; background-tint: $foreground 0%; }
        &.-low .dialog-words { margin-top: 0; max-height: 3; }
        OptionList {
            height: auto; max-height: 50vh; margin-top: 1; border: none; padding: 0;
            background: $surface; scrollbar-size-vertical: 1;
            &:focus { border: none; background-tint: $foreground 0%; }
        }
        KeyBar { margin-top: 1; padding: 0; }
        &.-low KeyBar { margin-top: 0; }
    }
    """
    HORIZONTAL_BREAKPOINTS = DIALOG_WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    AUTO_FOCUS = "Input, OptionList"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "cancel", id="dialog.cancel", tooltip="Change nothing"),
    ]
    _opened_s = -inf
    """The monotonic time when the dialog was opened."""

    def __init__(self, title: str, text: str, *answers: Widget) -> None:
        super().__init__()
        self._title, self._answers = sanitize(title), answers
        self._text = "\n".join(sanitize(line) for line in text.split("\n"))

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog-box"):
            yield Static(self._title, classes="dialog-title", markup=False)
            if self._text:
                with VerticalScroll(classes="dialog-words", can_focus=False):
                    yield Static(self._text, markup=False)
            yield from self._answers
            yield KeyBar()
        yield TooSmall()

    def on_mount(self) -> None:
        self._opened_s = time.monotonic()

    @property
    def _fits(self) -> bool:
        """True if the window is large enough for this dialog."""
        return not (self.has_class("-narrow") or self.has_class("-short"))

    @property
    def is_typed_ahead(self) -> bool:
        """True if an answer that comes now was typed before this dialog opened."""
        return time.monotonic() < self._opened_s + TYPE_AHEAD_S

    def dismiss(self, result: AnswerType | None = None) -> AwaitComplete:
        """Closes this dialog, unless the answer was typed ahead, or is given unseen in a window
        that is too small. Does nothing if it is already closed: Textual would close the screen
        below."""
        is_answer = not self.is_typed_ahead and (result is None or self._fits)
        return super().dismiss(result) if self.is_current and is_answer else AwaitComplete()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disables all keys but Esc if the dialog does not fit the window."""
        return action == "cancel" or self._fits

    def after_keys(self, act: Callable[[], object]) -> None:
        """Calls `act` once the keys that were typed before are handled. Unlike a priority key, they
        go through the queues of the focused widget and all that it is in. So does the call."""
        for pump in reversed((self.focused or self).ancestors_with_self):
            act = partial(pump.call_later, act)
        act()

    def action_cancel(self) -> None:
        self._opened_s = -inf  # Esc is always meant
        self.dismiss(None)


class Choice(Dialog[str]):
    """Asks for one of several options, each an id, a label and an explanation. Returns the id, or
    None if the user cancels: by Esc, or by a row whose id is "".

    The first row is highlighted. The user chooses by arrows and Enter, by digits or by clicks.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "choose", id="choice.choose", priority=True,
                tooltip="Choose the highlighted row"),
        *(Binding(str(n), f"pick({n})", f"row {n}", id=f"choice.{n}", show=False,
                  tooltip=f"Choose row {n}")
          for n in range(1, 10)),
    ]  # fmt: skip

    def __init__(
        self, title: str, text: str, options: Sequence[tuple[str, str, str]], cancel: str = "Cancel"
    ) -> None:
        """`cancel` is the label of a last row that cancels; with "" no such row is added."""
        options = [*options, ("", cancel, "")] if cancel else options
        self._ids = [id_ for id_, _, _ in options]
        rows = (_option_row(number, *labels) for number, (_, *labels) in enumerate(options, 1))
        self._rows = OptionList(*rows, markup=False)
        super().__init__(title, text, self._rows)

    def on_mount(self) -> None:
        self._rows.highlighted = 0

    def action_choose(self) -> None:
        self.after_keys(self._rows.action_select)

    def action_pick(self, number: int) -> None:
        if number <= len(self._ids):
            self.dismiss(self._ids[number - 1] or None)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.action_pick(event.option_index + 1)


def _option_row(number: int, label: str, explanation: str) -> Content:
    # No colours: in an ansi theme the text colour is not readable on the highlighted row.
    first = Content.assemble(f"{number} ", (sanitize(label), "bold"))
    return first + f"\n  {sanitize(explanation)}" if explanation else first


class Confirm(Choice):
    """Asks whether to do something. Returns "yes" or None. The first row cancels, and no letter
    means yes, so that text typed ahead changes nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+y", "dismiss('yes')", "yes", id="confirm.yes", tooltip="Do it"),
    ]

    def __init__(self, title: str, text: str, yes: str = "Delete") -> None:
        super().__init__(title, text, (("", "Cancel", ""), ("yes", yes, "")), cancel="")


class ChooseSeveral(Dialog[list[int]]):
    """Asks for some of several options, each an id and a label. Returns the ids of those that are
    ticked. At first these are the `chosen` ones; Space and clicks tick or untick a row."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "choose", "choose", id="several.choose",
                tooltip="Tick the highlighted row; or untick it"),
        Binding("enter", "accept", "accept", id="several.accept", priority=True,
                tooltip="Accept the ticked rows"),
    ]  # fmt: skip

    def __init__(
        self, title: str, options: Sequence[tuple[int, str]], chosen: Collection[int] = ()
    ) -> None:
        self._options = options
        self._ticked = {id_ for id_, _ in options if id_ in chosen}
        self._rows = OptionList(*map(self._row, options), markup=False)
        super().__init__(title, "", self._rows)

    def _row(self, option: tuple[int, str]) -> str:
        id_, label = option
        return f"{'[x]' if id_ in self._ticked else '[ ]'} {sanitize(label)}"

    @on(OptionList.OptionSelected)
    def action_choose(self) -> None:
        if (index := self._rows.highlighted) is not None:
            option = self._options[index]
            self._ticked ^= {option[0]}
            self._rows.replace_option_prompt_at_index(index, self._row(option))

    def action_accept(self) -> None:
        self.after_keys(self._accept)

    def _accept(self) -> None:
        self.dismiss([id_ for id_, _ in self._options if id_ in self._ticked])


class AskText(Dialog[str]):
    """Asks for a line of text. It can be accepted if `check` finds nothing wrong with it."""

    FIELD: ClassVar[type[SafeInput]] = SafeInput
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "accept", "accept", id="text.accept", priority=True,
                tooltip="Accept the text"),
    ]  # fmt: skip

    def __init__(
        self, title: str, text: str, value: str = "", *, check: Check, problem: str = ""
    ) -> None:
        """`value` is the text at first, and `problem` what to show until it changes."""
        self._value, self._check, self._problem = value, check, problem
        self._field = self.FIELD(value)
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

    def action_accept(self) -> None:
        self.after_keys(self._accept)

    def _accept(self) -> None:
        if problem := self._check(self.answer):
            self._show(problem)
        else:
            self.dismiss(self.answer)


class AskPath(AskText):
    """Asks for the path of a file that exists, or, with `for_new_file`, whose folder exists.
    Returns it with `~` expanded."""

    FIELD = PathInput

    def __init__(
        self,
        title: str,
        text: str,
        value: str = "",
        *,
        for_new_file: bool = False,
        check: Check = lambda path: None,
        problem: str = "",
    ) -> None:
        """`check` finds what else is wrong with a path."""

        def check_all(path: str) -> str | None:
            return path_problem(path, for_new_file) or check(path)

        super().__init__(title, text, value, check=check_all, problem=problem)

    @property
    def answer(self) -> str:
        return expand_home(self._field.value)


def number_check(kind: object) -> Check:
    """Returns a check that a text is a number of this type, which includes its range."""

    def check(text: str) -> str | None:
        try:
            check_value(text.strip(), "the number", kind)
        except UsageError as error:
            return error.hint
        return None

    return check


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
        return None if folder.is_dir() else f"make the folder {folder} first"
    except OSError:  # too long, or no permission
        return "this path cannot be read"
