"""The Inside screen: what the model does with a line, stage by stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from rnnlm_tui.formatting import shorten
from rnnlm_tui.tui.inside.drawing import influence_rows, suggestion_rows
from rnnlm_tui.tui.inside.explainer import Explained, Explainer
from rnnlm_tui.tui.inside.host import InsideHost
from rnnlm_tui.tui.inside.line import Line, LineRow
from rnnlm_tui.tui.inside.picture import FRAME, Drawn, Picture
from rnnlm_tui.tui.widgets.base_screen import AppScreen, TooSmall
from rnnlm_tui.tui.widgets.header import Header
from rnnlm_tui.tui.widgets.inputs import SafeInput
from rnnlm_tui.tui.widgets.key_bar import KeyBar
from rnnlm_tui.tui.widgets.lists import RowList

if TYPE_CHECKING:
    from rnnlm_tui.explain import Part
    from rnnlm_tui.lm.stages import Stage

STEP_S = 1.5
"""How long each step is shown when a line or the stages are played."""
EXAMPLE = "shall I compare thee to a "
"""The line that is explained before one was written."""
NAME, SHAPE = 17, 8
"""Columns of the name and of the shape of a stage in the list."""


class StageList(RowList, inherit_bindings=False):
    """The stages of all parts of the model, under the names of the parts if there are several. Its
    keys are those of the screen."""

    DEFAULT_CSS = f"""
    StageList {FRAME}
    StageList {{ padding: 0; scrollbar-size-vertical: 1; max-height: 100%; }}
    StageList:focus {{ background-tint: transparent; }}
    """

    def __init__(self) -> None:
        super().__init__(id="stages", markup=False)
        self.border_title = Content("stages").pad(1, 1)
        self._places: list[tuple[Part, Stage] | None] = []
        """What each row shows; None for the name of a part."""

    @property
    def chosen(self) -> tuple[Part, Stage] | None:
        row = self.highlighted
        return self._places[row] if row is not None and row < len(self._places) else None

    def show(self, parts: tuple[Part, ...]) -> None:
        """Lists the stages of these parts. The chosen one stays chosen if it is still there."""
        chosen = self.chosen
        self._places, options = [], []
        for part in parts:
            if len(parts) > 1:
                self._places.append(None)
                title = Content.styled(f"{part.name} {part.weight:.0%}", "bold")
                options.append(Option(title, disabled=True))
            for stage in part.stages:
                self._places.append((part, stage))
                shape = "x".join(f"{size}" for size in stage.values.shape)
                options.append(Option(f"{shorten(stage.name, NAME):{NAME}}{shape:>{SHAPE}}"))
        self.set_options(options)
        names = [place and (place[0].name, place[1].name) for place in self._places]
        before = chosen and (chosen[0].name, chosen[1].name)
        first = next((row for row, name in enumerate(names) if name), None)
        self.highlighted = names.index(before) if before in names and before else first

    def next_part(self) -> None:
        """Chooses the first stage of the next part, after the last part that of the first one."""
        starts = [row + 1 for row, place in enumerate(self._places) if place is None]
        row = self.highlighted or 0
        self.highlighted = next((start for start in starts if start > row), min(starts, default=0))

    @property
    def is_at_end(self) -> bool:
        return self.highlighted in (None, len(self._places) - 1)


class InsideScreen(AppScreen[InsideHost]):
    """Explains the line on the Autocomplete screen, or one that is typed here.

    A line is explained in a thread; only the latest question is answered. Nothing is computed while
    another screen is shown.
    """

    AUTO_FOCUS = "#stages"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", "word", id="inside.word_before",
                tooltip="Explain the line up to the word before"),
        Binding("right", "move(1)", "word", id="inside.next_word",
                tooltip="Explain the line up to the next word"),
        Binding("up", "stage(-1)", "stage", id="inside.stage_before",
                tooltip="Show the stage before"),
        Binding("down", "stage(1)", "stage", id="inside.next_stage",
                tooltip="Show the next stage"),
        Binding("m", "next_part", "part", id="inside.part",
                tooltip="Show the stages of the next part of a mixture"),
        Binding("tab", "other_pane", "cells", id="inside.cells",
                tooltip="Move between the stages and the cells, where the arrow keys point at one"),
        Binding("enter", "type", "your line", id="inside.type", priority=True,
                tooltip="Type a line of your own; Enter again explains it"),
        Binding("space", "play('words')", "play words", id="inside.play_words",
                tooltip="Play the line word by word, or stop"),
        Binding("p", "play('stages')", "play stages", id="inside.play_stages",
                tooltip="Play the stages one by one, or stop"),
    ]  # fmt: skip
    DEFAULT_CSS = """
    InsideScreen {
        #typed { display: none; height: 1; border: none; padding: 0 1; }
        &.-typing #typed { display: block; }
        &.-typing LineRow { display: none; }
        #panes { height: 1fr; }
        StageList { width: 28; height: 1fr; }
        Picture { width: 1fr; height: 1fr; }
        #influence { height: 3; }
        #next { height: 5; }
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
        self._is_waiting = False
        self._played = ""
        """What is being played: "words", "stages" or ""."""
        self._stages, self._picture, self._row = StageList(), Picture(), LineRow()
        self._typed = SafeInput(id="typed", compact=True, select_on_focus=False)
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
        self.set_interval(STEP_S, self._step)
        self.ask()

    def on_unmount(self) -> None:
        self._explainer.close()

    def on_screen_resume(self) -> None:
        """Takes the line on the Autocomplete screen if it has changed."""
        written = self.host.written
        if written != self._written:
            self._written = written
            text, above = written
            self._line = Line(text.replace("\t", " ") or EXAMPLE, above)
            self._typed.value = self._line.text
        self.ask()

    def on_screen_suspend(self) -> None:
        self._played = ""

    # The explanation

    def ask(self) -> None:
        """Explains the line with the active model, if this screen is shown."""
        if self.is_mounted and self.is_active:
            self._show_line()
            self._ask()

    def _show_line(self) -> None:
        self._row.show(self._line, "▶ " if self._played else "")

    @work(group="explain", exclusive=True)
    async def _ask(self) -> None:
        """Asks for an explanation. A later question cancels this one."""
        loaded_model, line = self.host.loaded_model, self._line
        if loaded_model is None:
            no_model = "There is no model: F3 trains one." if self.host.has_no_models else ""
            self._is_waiting = False
            self._show(None, no_model or "The model is being loaded.")
            return
        self._is_waiting = True
        explained = await self._explainer.explain(loaded_model.model, line.text_read, line.above)
        self._is_waiting = False
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
            f'how the probability of "{first}" changes without each word' if first else "words",
            found,
            notes if found and not found.words else "",
        )
        begins = f' that begins with "{shorten(found.prefix)}"' if found and found.prefix else ""
        self._next.show(f"next word{begins}", found, "" if first else notes)

    @on(OptionList.OptionHighlighted)
    def _show_highlighted(self) -> None:
        self._show_stage()

    def _show_stage(self, why_not: str = "") -> None:
        chosen = self._stages.chosen
        self._picture.show(chosen[1] if chosen else None, self._explained, why_not)
        self.refresh_bindings()

    # Moving

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hides the key of the parts if there is only one."""
        if action == "next_part":
            return self._explained is not None and len(self._explained.found.parts) > 1
        return super().check_action(action, parameters)

    def action_move(self, words: int) -> None:
        self.action_move_to(self._line.read + words)

    def action_move_to(self, word: int) -> None:
        """Explains the line up to the word with this number."""
        self._played = ""
        self._line.move_to(word)
        self.ask()

    def action_stage(self, down: int) -> None:
        self._played = ""
        if down > 0:
            self._stages.action_cursor_down()
        else:
            self._stages.action_cursor_up()

    def action_next_part(self) -> None:
        self._stages.next_part()

    def action_other_pane(self) -> None:
        (self._picture if self._stages.has_focus else self._stages).focus()

    # Playing

    def action_play(self, what: str) -> None:
        """Plays the words or the stages from the beginning, or stops."""
        self._played = "" if self._played else what
        if self._played == "words":
            self._line.move_to(0)
            self.ask()
        elif self._played == "stages":
            self._stages.action_first()
        self._show_line()

    def _step(self) -> None:
        """Shows the next step of what is played, once the last one was shown."""
        if not self._played or self._is_waiting:
            return
        if self._played == "words" and self._line.move_to(self._line.read + 1):
            self.ask()
        elif self._played == "stages" and not self._stages.is_at_end:
            self._stages.action_cursor_down()
        else:
            self._played = ""
            self._show_line()

    # Typing

    def action_type(self) -> None:
        """Begins to type a line, or ends it. Its last word is complete then."""
        self._played = ""
        is_typing = not self.has_class("-typing")
        self.set_class(is_typing, "-typing")
        if is_typing:
            self._typed.focus()
            self._typed.action_end()
        else:
            self._stages.focus()
            self._typed.value = f"{self._typed.value.rstrip()} ".lstrip()
        self._show_line()

    @on(Input.Changed)
    def _explain_typed(self, event: Input.Changed) -> None:
        if event.value != self._line.text:
            self._line = Line(event.value)
            self.ask()
