"""Small questions over a screen: yes or no, one of several, a text, a path. Esc cancels each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets._toast import ToastRack
from textual.widgets.option_list import Option

from rnnlm_tui.formatting import sanitize
from rnnlm_tui.tui.widgets.base_screen import TOO_SMALL
from rnnlm_tui.tui.widgets.path_input import PathInput, expanded
from rnnlm_tui.tui.widgets.safe_inputs import SafeInput

Result = TypeVar("Result")
Check = Callable[[str], str | None]
"""Gives the sentence that says what is wrong with a text, or None."""
CANCEL = "cancel"
WIDTHS = [(0, "-narrow"), (60, "-normal")]
HEIGHTS = [(0, "-short"), (16, "-low"), (20, "-high")]
UNSHOWN = "\ufffd"
"""Stands in the line for what could steer the terminal. A file may bear it in its name too."""


class DialogBox(Vertical):
    """What a dialog consists of. It tells its screen when it has another size."""

    def on_resize(self) -> None:
        """Leaves the space above it to toasts."""
        if isinstance(self.screen, Dialog):
            self.screen.fit_toasts()


class Dialog(ModalScreen[Result], Generic[Result]):
    """A box in the middle of the screen with a title and a text, in either of which markup means
    nothing. `compose_answer` adds what answers the question.

    In a window too small for it one line stands in its place, and no key answers but Esc.
    """

    DEFAULT_CSS = """
    Dialog {
        align: center middle;
        & > .dialog-box {
            width: 64;
            max-width: 100%;
            height: auto;
            max-height: 100%;
            padding: 0 1;
            border: round $primary;
            background: $surface;
        }
        &.-danger > .dialog-box { border: round $error; }
        #too-small { display: none; width: auto; color: $text-warning; }
        &.-narrow, &.-short {
            align: left top;
            background: $background; /* over the same line of the screen beneath */
            .dialog-box { display: none; }
            #too-small { display: block; }
        }
        ToastRack { dock: top; align: right top; margin: 0; }
        Toast { padding: 0 1; margin: 0; }
        .dialog-title { text-style: bold; height: auto; max-height: 2; }
        .dialog-words { height: auto; max-height: 6; margin-top: 1; scrollbar-size-vertical: 1; }
        .dialog-text { height: auto; }
        .dialog-buttons {
            height: auto;
            align-horizontal: right;
            margin-top: 1;
            Button { margin-left: 2; }
        }
        .dialog-problem { height: auto; max-height: 2; min-height: 1; color: $text-error; }
        .dialog-buttons.-tight { margin-top: 0; }
        .dialog-box > Input, PathInput { margin-top: 1; }
        &.-low {
            .dialog-words { margin-top: 0; max-height: 3; }
            PathInput OptionList { max-height: 3; }
        }
    }
    """
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    AUTO_FOCUS = "Input, OptionList"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", id="dialog.cancel", tooltip="Change nothing"),
    ]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title = sanitize(title)
        # Each line by itself: a newline in the text is the program's own.
        self._text = "\n".join(sanitize(line) for line in text.split("\n"))

    def compose(self) -> ComposeResult:
        """Title, text, and the answer's widgets."""
        with DialogBox(classes="dialog-box"):
            yield Static(self._title, classes="dialog-title", markup=False)
            if self._text:
                with VerticalScroll(classes="dialog-words", can_focus=False):
                    yield Static(self._text, classes="dialog-text", markup=False)
            yield from self.compose_answer()
        yield Static(TOO_SMALL, id="too-small", markup=False)

    def compose_answer(self) -> ComposeResult:
        """What answers the question; for subclasses."""
        yield from ()

    @property
    def _is_too_small(self) -> bool:
        return self.has_class("-narrow") or self.has_class("-short")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What is not seen is not answered."""
        return action == "cancel" or not self._is_too_small

    def on_resize(self) -> None:
        """A window too small takes the focus away; a larger one gives it back."""
        self.call_after_refresh(self._give_focus_back)
        self.fit_toasts()

    def fit_toasts(self) -> None:
        """Keeps toasts above the box: they would cover its buttons and what is typed. They get as
        many rows as there are; the newest one has them, and none is shown where there are none."""
        self.call_after_refresh(self._fit_toasts)

    def _fit_toasts(self) -> None:
        space = self.query_one(DialogBox).region.y
        for rack in self.query(ToastRack):
            rack.styles.max_height = space

    def _give_focus_back(self) -> None:
        widgets = self.query(str(self.AUTO_FOCUS)) if self.focused is None else ()
        if widget := next((widget for widget in widgets if widget.focusable), None):
            widget.focus()

    def action_cancel(self) -> None:
        """Closes without an answer."""
        self.dismiss(None)


class Confirm(Dialog[bool]):
    """Yes or no; the focus is on no, and Esc is no. `danger` puts a red border round it."""

    # From the first moment: an Enter typed ahead must not say yes.
    AUTO_FOCUS = "#no"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes", id="confirm.yes", tooltip="Do it"),
        Binding("n", "answer(False)", "No", id="confirm.no", tooltip="Change nothing"),
        Binding(
            "left",
            "app.focus_previous",
            "Other button",
            id="confirm.left",
            show=False,
            tooltip="Go to the other button",
        ),
        Binding(
            "right",
            "app.focus_next",
            "Other button",
            id="confirm.right",
            show=False,
            tooltip="Go to the other button",
        ),
    ]

    def __init__(
        self, title: str, text: str, yes: str = "Delete", no: str = "Cancel", danger: bool = True
    ) -> None:
        super().__init__(title, text)
        self._yes, self._no = yes, no
        self.set_class(danger, "-danger")

    def compose_answer(self) -> ComposeResult:
        """The two buttons."""
        with Horizontal(classes="dialog-buttons"):
            danger = self.has_class("-danger")
            yield Button(Content(self._yes), id="yes", variant="error" if danger else "primary")
            yield Button(Content(self._no), id="no")

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        """Answers."""
        self.dismiss(yes)

    def action_cancel(self) -> None:
        """Answers no."""
        self.dismiss(False)


class Choice(Dialog[str | None]):
    """One of several ways, each with its id, its label and what it means.

    A last row cancels, unless one of the options has the id "cancel". The answer is None then. The
    choice begins on the row that cancels; arrows and Enter, digits and clicks choose.
    """

    DEFAULT_CSS = """
    Choice OptionList {
        height: auto;
        max-height: 12;
        margin-top: 1;
        border: none;
        padding: 0;
        background: $surface;
        scrollbar-size-vertical: 1;
        &:focus { border: none; background-tint: $foreground 0%; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            str(number),
            f"pick({number})",
            f"Row {number}",
            id=f"choice.{number}",
            show=False,
            tooltip=f"Take row {number}",
        )
        for number in range(1, 10)
    ]

    def __init__(self, title: str, text: str, options: Sequence[tuple[str, str, str]]) -> None:
        super().__init__(title, text)
        cancel = [] if any(id_ == CANCEL for id_, _, _ in options) else [(CANCEL, "Cancel", "")]
        self._options = [*options, *cancel]

    def compose_answer(self) -> ComposeResult:
        """The rows."""
        yield OptionList(
            *(
                Option(_choice_row(number, label, explanation), id=id_)
                for number, (id_, label, explanation) in enumerate(self._options, 1)
            ),
            markup=False,
        )

    def on_mount(self) -> None:
        """Begins on the row that cancels."""
        rows = self.query_one(OptionList)
        rows.highlighted = [id_ for id_, _, _ in self._options].index(CANCEL)

    def action_pick(self, number: int) -> None:
        """Takes a row by its number, from 1."""
        if number <= len(self._options):
            self._answer(number - 1)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self._answer(event.option_index)

    def _answer(self, index: int) -> None:
        id_ = self._options[index][0]
        self.dismiss(None if id_ == CANCEL else id_)


def _choice_row(number: int, label: str, explanation: str) -> Content:
    """A row of a Choice: its number and label, and below them what it means."""
    first = Content.assemble((f"{number} ", "$text-muted"), (sanitize(label), "bold"))
    if not explanation:
        return first
    return first + Content.styled(f"\n  {sanitize(explanation)}", "$text-muted")


class AskText(Dialog[str | None]):
    """Asks for a line of text; `check` says what is wrong with it, at every key."""

    def __init__(
        self, title: str, text: str, value: str = "", *, check: Check, placeholder: str = ""
    ) -> None:
        super().__init__(title, text)
        self._value, self._check, self._placeholder = value, check, placeholder
        self._is_typed = False

    def compose_answer(self) -> ComposeResult:
        """The line, what is wrong with it, and the buttons."""
        yield SafeInput(self._value, placeholder=self._placeholder)
        yield from _problem_and_buttons()

    def on_mount(self) -> None:
        """Looks at the text it begins with, and complains of nothing: nobody has typed yet."""
        self.query_one("#ok", Button).disabled = self._check(self._value) is not None

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        self._is_typed = self._is_typed or event.value != self._value
        if self._is_typed:
            _show_problem(self, self._check(event.value))

    @on(Input.Submitted)
    @on(Button.Pressed, "#ok")
    def action_accept(self) -> None:
        """Closes with the text, where nothing is wrong with it."""
        value = self.query_one(Input).value
        if (problem := self._check(value)) is None:
            self.dismiss(value)
        else:
            _show_problem(self, problem)

    @on(Button.Pressed, "#cancel")
    def _cancelled(self) -> None:
        self.action_cancel()


class AskPath(Dialog[str | None]):
    """Asks for the path of a file, completed from the disk; gives it with `~` written out.

    `for_new_file`: its folder must be there, and the file may be. Otherwise the file must be there.
    `check` gets the path with `~` written out, after that, and in a thread: it may read files.
    `problem` is what was wrong with `value` when it was used, until another path stands there.
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
        super().__init__(title, text)
        self._problem = problem
        self._value, self._check, self._for_new_file = value, check, for_new_file
        self._accepting = self._is_typed = False

    def compose_answer(self) -> ComposeResult:
        """The line with its entries, what is wrong with it, and the buttons."""
        yield PathInput(self._value, select_on_focus=True)
        yield from _problem_and_buttons()

    def on_mount(self) -> None:
        """Looks at the path it begins with, and complains of nothing new: nobody has typed yet."""
        _show_problem(self, self._problem or None)
        self._check_it(self._value)

    @on(PathInput.Changed)
    def _changed(self, event: PathInput.Changed) -> None:
        self._accepting = False
        self._is_typed = self._is_typed or event.value != self._value
        self._check_it(event.value)

    @on(PathInput.Submitted)
    @on(Button.Pressed, "#ok")
    def action_accept(self) -> None:
        """Closes with the path, as soon as it is known that nothing is wrong with it."""
        self._accepting = True
        self._check_it(self.query_one(PathInput).value)

    @on(Button.Pressed, "#cancel")
    def _cancelled(self) -> None:
        self.action_cancel()

    @work(group="path-check", exclusive=True)
    async def _check_it(self, value: str) -> None:
        path = expanded(value)
        problem = await asyncio.to_thread(self._problem_with, path)
        if value != self.query_one(PathInput).value:
            return
        if self._is_typed or self._accepting:
            _show_problem(self, problem)
        else:
            self.query_one("#ok", Button).disabled = problem is not None
        if self._accepting and problem is None:
            self.dismiss(path)
        self._accepting = False

    def _problem_with(self, path: str) -> str | None:
        if not path:
            return "give the path of a file"
        try:
            if UNSHOWN in path and not Path(path).exists():
                return "the path holds characters that cannot be shown: rename it, or take another"
            return _problem_of_kind(Path(path), self._for_new_file) or self._check(path)
        except OSError:  # too long, or behind a closed door
            return "this path cannot be looked at"


def _problem_of_kind(path: Path, for_new_file: bool) -> str | None:
    """What is wrong with a path, as far as files and folders go. Raises OSError."""
    if path.is_dir():
        return "this is a folder: add the name of a file"
    if for_new_file:
        return None if path.parent.is_dir() else f"there is no folder {path.parent}"
    return None if path.is_file() else "there is no such file"


def _problem_and_buttons() -> ComposeResult:
    yield Static("", classes="dialog-problem", markup=False)
    with Horizontal(classes="dialog-buttons -tight"):
        yield Button("OK", id="ok", variant="primary")
        yield Button("Cancel", id="cancel")


def _show_problem(dialog: Dialog[str | None], problem: str | None) -> None:
    dialog.query_one(".dialog-problem", Static).update(Content(sanitize(problem or "")))
    dialog.query_one("#ok", Button).disabled = problem is not None
