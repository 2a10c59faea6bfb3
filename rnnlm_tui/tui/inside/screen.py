"""The Inside screen: what the model does with a line, stage by stage."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ClassVar

import numpy as np
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input, OptionList

from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.lm.layers import untrained
from rnnlm_tui.lm.lesson import LessonModel
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.lm.stages import Stage
from rnnlm_tui.store.library import OpenedModel
from rnnlm_tui.suggesting.explain import Explanation, beside_untrained, explain
from rnnlm_tui.suggesting.generate import continue_text, generate_words
from rnnlm_tui.tui.inside.line import ExplainedLine, LineInput, LineRow
from rnnlm_tui.tui.inside.panes import Pane, StageList
from rnnlm_tui.tui.widgets.base_screen import AppScreen
from rnnlm_tui.wording.explain_rows import (
    StyledRow,
    influence_rows,
    influence_title,
    layer_rows,
    next_title,
    stage_rows,
    stage_sentence,
    stage_title,
    suggestion_rows,
)

INSIDE_HEIGHTS = [(0, "-short"), (16, "-low"), (22, "-high"), (32, "-tall")]
EXAMPLE_WORDS = 7
"""Words of the line that the model makes up as an example. A longer line often has the end of a
sentence in it."""
EXAMPLE_TEMPERATURE = 0.5
"""The temperature at which these words are drawn. A higher one often ends the sentence, a lower one
repeats words."""
HIDE_FIGURES_AFTER_S = 0.2
"""Seconds without an explanation after which the figures of the line before are hidden."""


class InsideScreen(AppScreen):
    """Explains the line on the Autocomplete screen, or one that is typed here.

    A thread explains the line. Of several lines in a row only the last one is shown. Nothing is
    computed while another screen is shown.
    """

    VERTICAL_BREAKPOINTS = INSIDE_HEIGHTS
    AUTO_FOCUS = ""  # the list gets the focus when it is shown: while hidden it would lose it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", "word", key_display="←→", id="inside.word_before",
                tooltip="Explain up to the word before"),
        Binding("right", "move(1)", "word", show=False, id="inside.next_word",
                tooltip="Explain up to the next word"),
        Binding("u", "compare", "untrained", id="inside.untrained",
                tooltip="Show the lesson's network untrained; beside the trained one, or hide it"),
        # It has priority, so that the letters typed right after it go into the field.
        Binding("t", "type", "type a line", id="inside.type", priority=True,
                tooltip="Type a line of your own; Enter explains it"),
    ]  # fmt: skip
    DEFAULT_CSS = """
    InsideScreen {
        #typed { height: 1; border: none; padding: 0 1; }
        #panes { height: 1fr; }
        StageList { width: 30; height: 1fr; }
        #stage { width: 1fr; height: 1fr; }
        #influence { height: 3; }
        #next { height: 5; }
        &.-low #influence { display: none; }
        &.-low #next { height: 4; }
        &.-tall #next { height: 7; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._line = ExplainedLine("")
        self._written: tuple[str, tuple[str, ...]] | None = None
        """The line on the Autocomplete screen, and the lines above it, when they were last seen."""
        self._example_by: str | None = None
        """The name of the model that has made up the line, or "" if the line is still to be made
        up. Another model makes up another line. None if the user wrote the line."""
        self._thread = ThreadPoolExecutor(1, "explain")
        """A single thread, since only one at a time may use the contexts."""
        self._contexts: Contexts | None = None
        self._contexts_of_list: Contexts | None = None
        """The contexts of the list on the Autocomplete screen, from which `_contexts` are made."""
        self._explanation: Explanation | None = None
        """The explanation that is shown."""
        self._compares = False
        """True if the untrained network is to be shown beside the trained one."""
        self._untrained: LessonModel | None = None
        """The model before its training; None while it is not shown."""
        self._compared: Mapping[str, Stage] = {}
        """The stages of the trained model, with the untrained one's beside them, by their names."""
        self._row, self._stages = LineRow(), StageList()
        self._stage = Pane("stage")
        self._influence = Pane("influence")
        self._next = Pane("next")
        self._figures = self._stages, self._influence, self._next
        """The widgets that are hidden while there is no explanation."""
        for widget in self._figures:
            widget.visible = False
        self._typed = LineInput(id="typed", compact=True)  # focus selects its text
        self._typed.display = False

    def compose_body(self) -> ComposeResult:
        yield self._row
        yield self._typed
        with Horizontal(id="panes"):
            yield self._stages
            yield self._stage
        yield self._influence
        yield self._next

    def on_unmount(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def on_screen_resume(self) -> None:
        """Takes the line on the Autocomplete screen if it has changed."""
        written = self.app.line_being_written
        if written != self._written:
            self._written = written
            text, above = written
            self._line = ExplainedLine(text.replace("\t", " "), above)
            self._example_by = None if self._line.text else ""
            self._hide_figures()
            if self._typed.display:
                self.action_leave_line()
        self.ask()

    # The explanation

    def ask(self, *, same_line: bool = False) -> None:
        """Explains the line with the active model, if this screen is shown. If that takes long, the
        figures of the line before are hidden meanwhile. With `same_line` they stay."""
        if self.is_mounted and self.is_active:
            self._row.show(self._line)
            self._ask(same_line)

    @work(group="explain", exclusive=True)
    async def _ask(self, same_line: bool) -> None:
        """Explains the line and shows the explanation. A later call cancels this one."""
        if (opened := self.app.opened_model) is None:
            train = self.app.shown_key("app.train", "f3")
            no_model = f"There is no model: {train} trains one."
            self._show(None, no_model if self.app.has_no_models else "The model is being loaded.")
            return
        if not self._stages.visible:
            self._show(None, "reading the model ...")
        in_thread = partial(asyncio.get_running_loop().run_in_executor, self._thread)
        if self._example_by not in (None, opened.name):
            example = await in_thread(example_line, opened.model)
            self._line = ExplainedLine(example, label="an example: ")
            self._example_by = opened.name
            self._row.show(self._line)
        # With `same_line` the timer stays paused, so that it hides nothing.
        late = self.set_timer(HIDE_FIGURES_AFTER_S, self._hide_figures, pause=same_line)
        try:
            explanation, self._compared = await in_thread(self._explain, opened, self._line)
        finally:
            late.stop()
        if self.app.is_running:
            self._show(explanation)

    def _hide_figures(self) -> None:
        """Hides the figures, which are of another line, but not the list of the stages."""
        if self._explanation is None:
            return
        self._explanation = None
        self._influence.visible = self._next.visible = False
        self._stage.show("", "reading the line ...")

    def _explain(
        self, opened: OpenedModel, line: ExplainedLine
    ) -> tuple[Explanation, dict[str, Stage]]:
        """Explains a line, and compares the stages with those of the untrained network if that is
        wanted. For the thread only."""
        model = opened.model
        if self._contexts is None or self._contexts_of_list is not opened.contexts:
            self._contexts_of_list = opened.contexts
            self._contexts = opened.contexts.for_other_thread()
            self._untrained = None
        explanation = explain(model, line.text_read, line.above, self._contexts)
        if not (self._compares and isinstance(model, LessonModel)):
            self._untrained = None
            return explanation, {}
        self._untrained = self._untrained or untrained(model, opened.card.config)
        return explanation, beside_untrained(explanation, self._untrained)

    def _show(self, found: Explanation | None, why_not: str = "") -> None:
        """Shows an explanation, or why there is none."""
        self._explanation = found
        for widget in self._figures:
            widget.visible = found is not None
        self._stages.show(found.parts_and_mixture if found else ())
        if found is None:
            self._stage.show("", why_not)
            return
        if self.focused is None:
            self.set_focus(self._stages)
        self._show_stage()
        notes = " ".join(found.notes)
        if found.words and found.suggestions:
            rows = partial(influence_rows, found)
            self._influence.show(influence_title(found), "", rows)
        else:
            self._influence.show("", notes)
        if found.suggestions:
            self._next.show(next_title(found), "", partial(suggestion_rows, found))
        else:
            self._next.show("", notes)

    @on(OptionList.OptionHighlighted)
    def _show_stage(self) -> None:
        if (stage := self._stages.chosen) is not None and self._explanation is not None:
            compared = self._compared.get(stage.name, stage)  # its shape is not the layer's
            sentence = stage_sentence(self._explanation, compared)
            draw, draw_head = partial(self._draw, compared), partial(layer_rows, stage)
            self._stage.show(stage_title(stage), sentence, draw, draw_head)
        self.refresh_bindings()

    def _draw(self, stage: Stage, width: int, height: int) -> Iterator[StyledRow]:
        return stage_rows(stage, width, height, in_colours=not self.app.native_ansi_color)

    # Moving

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hides the keys that do nothing now."""
        if action == "type":
            return not self._typed.display
        if action == "compare":
            opened = self.app.opened_model
            return opened is not None and isinstance(opened.model, LessonModel)
        return super().check_action(action, parameters)

    def action_move(self, words: int) -> None:
        self.action_move_to(self._line.words_read + words)

    def action_move_to(self, word: int) -> None:
        """Explains the line up to the word with this number."""
        if self._line.move_to(word):
            self.ask()

    def action_compare(self) -> None:
        self._compares = not self._compares
        self.ask(same_line=True)

    # Typing

    def action_type(self) -> None:
        self._typed.value = self._line.text
        self._row.display, self._typed.display = False, True
        self.set_focus(self._typed)

    def action_complete_line(self) -> None:
        """Ends the typing. A space after the last word makes it complete."""
        self._typed.value = f"{self._typed.value.rstrip()} ".lstrip()
        self.action_leave_line()

    def action_leave_line(self) -> None:
        self._row.display, self._typed.display = True, False
        self.set_focus(self._stages)

    @on(Input.Changed)
    def _explain_typed(self, event: Input.Changed) -> None:
        if event.value != self._line.text:
            self._line = ExplainedLine(event.value)
            self._example_by = None
            self.ask()


def example_line(model: LanguageModel) -> str:
    """Returns a line that the model makes up, always the same one."""
    rng = np.random.default_rng(0)
    words = generate_words(model, "", EXAMPLE_WORDS, EXAMPLE_TEMPERATURE, rng=rng)
    return f"{continue_text(model.tokenizer, '', words)} " if words else ""
