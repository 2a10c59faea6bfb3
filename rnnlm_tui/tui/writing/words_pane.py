"""The rows under the line: the best words, the accuracy of the model, and a row of figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from rnnlm_tui.formatting import sanitize
from rnnlm_tui.tui.writing.candidates import BestWords, in_percent

if TYPE_CHECKING:
    from rnnlm_tui.suggest import Suggestions
    from rnnlm_tui.tui.preferences import Preferences
    from rnnlm_tui.tui.writing.keystrokes import Keystrokes


class FixedText(Static):
    """A Static that repaints only itself when its text changes. Its CSS must fix its size.

    A Static lays out the whole screen again, which takes 3 ms per key press.
    """

    def __init__(self, id: str) -> None:
        super().__init__("", id=id, markup=False)

    def show(self, text: str) -> None:
        if text != self.content:
            self.update(text, layout=False)


class WordsPane(Vertical):
    """All that is shown between the line and the keys."""

    DEFAULT_CSS = """
    WordsPane {
        height: auto;
        #accuracy, #figures { height: 1; padding: 0 2; color: $text-muted; }
        #accuracy { height: auto; max-height: 2; }
    }
    """

    def compose(self) -> ComposeResult:
        yield BestWords()
        yield Static("", id="accuracy", markup=False)
        yield FixedText("figures")

    def show(self, found: Suggestions | None, choice: int | None, note: str) -> None:
        """Shows the best words. `choice` is the index of the chosen one. Without words, `note` says
        why."""
        self.query_one(BestWords).show(found, choice, note)

    def show_accuracy(self, sentence: str) -> None:
        self.query_one("#accuracy", Static).update(sentence)

    def show_figures(
        self, keystrokes: Keystrokes, took_s: float | None, preferences: Preferences
    ) -> None:
        """Shows the keys saved, the time of the last answer and, if there is room, which features
        are switched on."""
        figures = str(keystrokes) if took_s is None else f"{keystrokes} · {took_s * 1000:.1f} ms"
        ghost = f"≥{in_percent(preferences.ghost_from)}" if preferences.ghost else "off"
        switches = f"ghost {ghost} · continue lines {'on' if preferences.continue_lines else 'off'}"
        room = self.size.width - 4 - len(figures)
        figures += switches.rjust(room) if len(switches) < room else ""
        self.query_one("#figures", FixedText).show(figures)


def note_on(found: Suggestions) -> str:
    """Says what the model does not know; "" if there is nothing to say."""
    if found.prefix and not found.candidates:
        return f"no known word begins with {sanitize(found.prefix)}"
    return f"unknown: {sanitize(', '.join(found.unknown))}" if found.unknown else ""
