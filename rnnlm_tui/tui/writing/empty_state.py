"""How to begin, for somebody who has not written a line yet."""

from __future__ import annotations

from textual.widgets import Static

NO_MODEL = """\
No model can be used, not even those that come with the program: install it again, or train a \
model on a text of yours (F3). You can write meanwhile."""
WELCOME = """\
Type a line. Tab takes a word of the grey text after the cursor, → takes all, Esc hides it. \
Enter sends the line.

F3 trains a model on your own text. F1 shows all keys."""


class EmptyState(Static):
    """A few sentences above the transcript, which make room as soon as they are not needed."""

    DEFAULT_CSS = """
    EmptyState { height: auto; max-width: 76; padding: 1 2; color: $text-muted; }
    """

    def show(self, *, has_lines: bool, has_models: bool) -> None:
        """Shows what helps now; `has_lines`: something was written already."""
        self.update(WELCOME if has_models else NO_MODEL)
        self.display = not (has_lines and has_models)
