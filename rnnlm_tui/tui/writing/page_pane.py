"""The page in its frame, below a few sentences on how to begin."""

from __future__ import annotations

from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from rnnlm_tui.formatting import plural, sanitize
from rnnlm_tui.session.tables import TextFile
from rnnlm_tui.tui.writing.page import Page

NO_MODEL = """\
No model can be used, not even the built-in ones: install the program again, or train a model on \
your own text (F3). You can write in the meantime."""
WELCOME = """\
While you write here, a model suggests the next words. It runs on your machine, and nothing that \
you write leaves it.

Type a few words, such as: I am looking forw
Tab takes the grey word, alt+1 to alt+5 a word of the list, Enter keeps the line.
F3 learns from your own texts, to suggest what you would write; F1 shows all keys."""


class PagePane(Vertical):
    """The page; the help above it disappears once it is not needed."""

    DEFAULT_CSS = """
    PagePane {
        border: round $foreground 30%; border-title-color: $text-muted;
        &:ansi { border: round ansi_bright_black; }
        &:focus-within { border: round $border; border-title-color: $foreground; }
        #how-to-begin { height: auto; max-width: 76; padding: 1 2; color: $text-muted; }
    }
    """

    def __init__(self, page: Page) -> None:
        super().__init__()
        self._page = page

    def compose(self) -> ComposeResult:
        yield Static(id="how-to-begin")
        yield self._page

    def update(self, *, has_models: bool, is_stored: bool) -> None:
        """Shows the title of the text, and how to begin if it has no lines or there is no model."""
        text = self._page.text
        facts = [text.title if is_stored else f"NOT STORED, F5 saves it: {text.title}"]
        if text.turns:
            facts.append(plural(text.text.words, "word"))
        if (file := text.text.file) is not None:
            facts.append(file_state(file, is_saved=text.text.is_saved))
        self.border_title = Content(" · ".join(facts))
        help_text = self.query_one("#how-to-begin", Static)
        help_text.update(WELCOME if has_models else NO_MODEL)
        help_text.display = not (text.turns and has_models)


def file_state(file: TextFile, *, is_saved: bool) -> str:
    """Says in which file a text is, and whether that has all of it."""
    name = sanitize(Path(file.path).name)
    return f"saved to {name}" if is_saved else f"not saved to {name} yet"
