"""The Inside screen: what the model does with a line, stage by stage."""

from __future__ import annotations

from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input, OptionList

from rnnlm_tui.formatting import shorten
from rnnlm_tui.tui.inside.drawing import guess_sentence, influence_rows, suggestion_rows
from rnnlm_tui.tui.inside.explainer import Explained, Explainer
from rnnlm_tui.tui.inside.line import Line, LineRow
from rnnlm_tui.tui.inside.picture import Drawn, Picture
from rnnlm_tui.tui.inside.stage_list import StageList
from rnnlm_tui.tui.widgets.base_screen import AppScreen, TooSmall
from rnnlm_tui.tui.widgets.header import Header
from rnnlm_tui.tui.widgets.inputs import SafeInput
from rnnlm_tui.tui.widgets.key_bar import KeyBar

HEIGHTS = [(0, "-short"), (16, "-low"), (22, "-medium"), (32, "-tall")]
"""Rows of the window from which each class holds."""
EXAMPLE = "shall I compare thee to a "
"""The line that is explained before one was written."""


class InsideScreen(AppScreen):
    """Explains the line on the Autocomplete screen, or one that is typed here.

    A line is explained in a thread; only the latest question is answered. Nothing is computed while
    another screen is shown.
    """

    VERTICAL_BREAKPOINTS = HEIGHTS
    AUTO_FOCUS = "#stages"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", "word", key_display="←→", id="inside.word_before",
                tooltip="Explain up to the word before"),
        Binding("right", "move(1)", "word", show=False, id="inside.next_word",
                tooltip="Explain up to the next word"),
        Binding("up", "stage(-1)", "stage", key_display="↑↓", id="inside.stage_before",
                tooltip="Show the stage before"),
        Binding("down", "stage(1)", "stage", show=False, id="inside.next_stage",
                tooltip="Show the next stage"),
        Binding("enter", "type", "line", id="inside.type",
                tooltip="Type a line of your own; Enter again explains it"),
        Binding("escape", "leave_line", "done", id="inside.leave_line",
                tooltip="End the typing; a half-typed word stays half typed"),
        Binding("m", "next_part", "part", id="inside.part",
                tooltip="Show the next part; its stages, if the model is a mixture"),
    ]  # fmt: skip
    DEFAULT_CSS = """
    InsideScreen {
        #typed { height: 1; border: none; padding: 0 1; }
        #panes { height: 1fr; }
        StageList { width: 28; height: 1fr; }
        Picture { width: 1fr; height: 1fr; }
        #influence { height: 3; }
        #next { height: 5; }
        &.-low #influence { display: none; }
        &.-low #next { height: 4; }
        &.-tall #influence { height: 4; }
        &.-tall #next { height: 7; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._line = Line("")
        self._written: tuple[str, tuple[str, ...]] | None = None
        """What was written on the Autocomplete screen when it was last taken from there. None if it
        is to be taken again."""
        self._is_own = False
        """Whether the line was typed here."""
        self._told_of: str | None = None
        """The training that was told of."""
        self._explainer = Explainer()
        self._explained: Explained | None = None
        self._stages, self._picture, self._row = StageList(), Picture(), LineRow()
        self._typed = SafeInput(id="typed", compact=True, select_on_focus=False)
        self._typed.display = False
        self._influence = Drawn(influence_rows, "influence")
        self._next = Drawn(suggestion_rows, "next")

    def compose(self) -> ComposeResult:
        yield Header()
        yield self._row
        yield self._typed
        with Horizontal(id="panes"):
            yield self._stages
            yield self._picture
        yield self._influence
        yield self._next
        yield KeyBar()
        yield TooSmall()

    def on_mount(self) -> None:
        self.app.mode_change_signal.subscribe(self, self._mode_changed)
        self.ask()

    def on_unmount(self) -> None:
        self._explainer.close()

    def on_screen_resume(self) -> None:
        """Takes the line on the Autocomplete screen if it has changed, or if another line was typed
        here before that screen was shown."""
        written = self.app.written
        if written != self._written:
            self._written, self._is_own = written, False
            text, above = written
            self._line = Line(text.replace("\t", " ") or EXAMPLE, above)
            self._typed.value = self._line.text
        self.ask()
        name = self.app.trained_name
        if name not in (None, self._told_of, self.app.active_name):
            self._told_of = name
            self.app.notify_user(f"{name} is in training: F3, i looks at it")

    def _mode_changed(self, mode: str) -> None:
        if mode == "autocomplete" and self._is_own:
            self._written = None

    # The explanation

    def ask(self) -> None:
        """Explains the line with the active model, if this screen is shown."""
        if self.is_mounted and self.is_active:
            self._row.show(self._line)
            self._ask()

    @work(group="explain", exclusive=True)
    async def _ask(self) -> None:
        """Asks for an explanation. A later question cancels this one."""
        loaded_model, line = self.app.loaded_model, self._line
        if loaded_model is None:
            no_model = "There is no model: F3 trains one." if self.app.has_no_models else ""
            self._show(None, no_model or "The model is being loaded.")
            return
        if self._explained is None:
            self._show(None, "reading the model ...")
        explained = await self._explainer.explain(loaded_model.model, line.text_read, line.above)
        if self.app.is_running:
            self._show(explained)

    def _show(self, explained: Explained | None, why_not: str = "") -> None:
        self._explained = explained
        self._stages.show(explained.found.parts if explained else ())
        self._show_stage(why_not)
        found = explained.found if explained else None
        notes = " ".join(found.notes) if found else ""
        first = shorten(found.suggestions[0].word) if found and found.suggestions else ""
        self._influence.show(
            f'probability of "{first}" if a word is left out' if first else "words",
            found,
            notes if found and not found.words else "",
        )
        title = "next word"
        if found and found.prefix:
            begins = f'that begins with "{shorten(found.prefix)}"'
            title = f"{title} {begins}: still being typed, a space ends it"
        elif found and (guess := guess_sentence(found)):
            title = f"{title} · {guess}"
        self._next.show(title, found, "" if first else notes)

    @on(OptionList.OptionHighlighted)
    def _show_highlighted(self) -> None:
        self._show_stage()

    def _show_stage(self, why_not: str = "") -> None:
        chosen = self._stages.chosen
        self._picture.show(chosen[1] if chosen else None, self._explained, why_not)
        self.refresh_bindings()

    # Moving

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hides keys that do nothing now."""
        if action == "leave_line":
            return self._typed.display
        if action == "next_part":
            return self._explained is not None and len(self._explained.found.parts) > 1
        return super().check_action(action, parameters)

    def action_move(self, words: int) -> None:
        self.action_move_to(self._line.read + words)

    def action_move_to(self, word: int) -> None:
        """Explains the line up to the word with this number."""
        if self._line.move_to(word):
            self.ask()

    def action_stage(self, down: int) -> None:
        if down > 0:
            self._stages.action_cursor_down()
        else:
            self._stages.action_cursor_up()

    def action_next_part(self) -> None:
        self._stages.next_part()

    # Typing

    def action_type(self) -> None:
        """Begins to type a line."""
        self._row.display, self._typed.display = False, True
        self.set_focus(self._typed)
        self._typed.action_end()

    @on(Input.Submitted)
    def _complete_line(self) -> None:
        """Ends the typing. The last word is complete then."""
        self._typed.value = f"{self._typed.value.rstrip()} ".lstrip()
        self.action_leave_line()

    def action_leave_line(self) -> None:
        self._row.display, self._typed.display = True, False
        self.set_focus(self._stages)

    @on(Input.Changed)
    def _explain_typed(self, event: Input.Changed) -> None:
        if event.value != self._line.text:
            self._line, self._is_own = Line(event.value), True
            self.ask()
