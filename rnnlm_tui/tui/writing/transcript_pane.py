"""The transcript in its frame, below a few sentences on how to begin."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from rnnlm_tui.formatting import plural
from rnnlm_tui.tui.writing.transcript_view import TranscriptView

NO_MODEL = """\
No model can be used, not even the built-in ones: install the program again, or train a model on \
your own text (F3). You can write in the meantime."""
WELCOME = """\
Type a line. Tab takes a word of the grey text after the cursor, → takes all, Esc hides it. \
In a half-typed word, 1 to 5 take that word of the list. Enter sends the line.

F3 trains a model on your own text. F1 shows all keys."""


class TranscriptPane(Vertical):
    """The transcript; the help above it disappears once it is not needed."""

    DEFAULT_CSS = """
    TranscriptPane {
        border: round $foreground 30%; border-title-color: $text-muted;
        &:ansi { border: round ansi_bright_black; }
        &:focus-within { border: round $border; border-title-color: $foreground; }
        #how-to-begin { height: auto; max-width: 76; padding: 1 2; color: $text-muted; }
    }
    """

    def __init__(self, view: TranscriptView) -> None:
        super().__init__()
        self._view = view

    def compose(self) -> ComposeResult:
        yield Static(id="how-to-begin")
        yield self._view

    def update(self, *, has_models: bool) -> None:
        """Shows the number of lines, and how to begin if there is no line or no model."""
        count = self._view.transcript.count
        self.border_title = plural(count, "line") if count else "transcript"
        help_text = self.query_one("#how-to-begin", Static)
        help_text.update(WELCOME if has_models else NO_MODEL)
        help_text.display = not (count and has_models)
