"""The Inside screen: what the model does with a line, stage by stage."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input, OptionList

from rnnlm_tui.formatting import shorten
from rnnlm_tui.tui.inside.drawing import (
    influence_rows,
    influence_title,
    next_title,
    sentence_rows,
    stage_rows,
    suggestion_rows,
)
from rnnlm_tui.tui.inside.explainer import Explained, Explainer
from rnnlm_tui.tui.inside.line import Line, LineRow
from rnnlm_tui.tui.inside.panes import Pane, StageList
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
        Binding("t", "type", "type a line", id="inside.type",
                tooltip="Type a line of your own; Enter explains it"),
        Binding("escape", "leave_line", "done", id="inside.leave_line",
                tooltip="End the typing; a half-typed word stays half typed"),
    ]  # fmt: skip
    DEFAULT_CSS = """
    InsideScreen {
        #typed { height: 1; border: none; padding: 0 1; }
        #panes { height: 1fr; }
        StageList { width: 28; height: 1fr; }
        #stage { width: 1fr; height: 1fr; }
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
        """What was written on the Autocomplete screen when it was last taken from there."""
        self._explainer = Explainer()
        self._explained: Explained | None = None
        self._row, self._stages = LineRow(), StageList()
        self._stage, self._influence, self._next = (
            Pane(id=id_) for id_ in ("stage", "influence", "next")
        )
        self._typed = SafeInput(id="typed", compact=True, select_on_focus=False)
        self._typed.display = False

    def compose(self) -> ComposeResult:
        yield Header()
        yield self._row
        yield self._typed
        with Horizontal(id="panes"):
            yield self._stages
            yield self._stage
        yield self._influence
        yield self._next
        yield KeyBar()
        yield TooSmall()

    def on_unmount(self) -> None:
        self._explainer.close()

    def on_screen_resume(self) -> None:
        """Takes the line on the Autocomplete screen if that has changed."""
        written = self.app.written
        if written != self._written:
            self._written = written
            text, above = written
            self._line = Line(text.replace("\t", " ") or EXAMPLE, above)
            self._typed.value = self._line.text
        self.ask()

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
        found = explained.found if explained else None
        self._stages.show(found.parts if found else ())
        self._show_stage(why_not)
        for pane, is_full, title, rows in (
            (self._influence, found and found.words, influence_title, influence_rows),
            (self._next, found and found.suggestions, next_title, suggestion_rows),
        ):
            notes = " ".join(found.notes) if found else ""
            draw = partial(rows, found) if found and is_full else partial(sentence_rows, notes)
            pane.show(title(found) if found and is_full and found.suggestions else "", draw)

    @on(OptionList.OptionHighlighted)
    def _show_highlighted(self) -> None:
        self._show_stage()

    @on(OptionList.OptionSelected)
    def _unfold(self) -> None:
        self._stages.unfold()

    def _show_stage(self, why_not: str = "") -> None:
        if (place := self._stages.chosen) is None:
            self._stage.show("", partial(sentence_rows, why_not))
            return
        stage, sentence = place.stage, place.stage.sentence
        if stage.name == "embedding" and self._explained and self._explained.neighbours:
            alike = ", ".join(f"{shorten(w)} {cos:.2f}" for w, cos in self._explained.neighbours)
            sentence += f' The row of "{shorten(self._explained.word)}" is most like: {alike}.'
        shape = " x ".join(f"{size:,}" for size in stage.values.shape if size)
        title = f"{stage.name}: {shape}" if shape else stage.name
        self._stage.show(title, partial(stage_rows, stage, sentence))

    # Moving

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hides keys that do nothing now."""
        if action == "leave_line":
            return self._typed.display
        return super().check_action(action, parameters)

    def action_move(self, words: int) -> None:
        self.action_move_to(self._line.read + words)

    def action_move_to(self, word: int) -> None:
        """Explains the line up to the word with this number."""
        if self._line.move_to(word):
            self.ask()

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
            self._line = Line(event.value)
            self.ask()
