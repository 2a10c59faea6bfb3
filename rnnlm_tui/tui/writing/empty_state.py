"""How to begin, for somebody who has no model yet or has not written a line."""

from __future__ import annotations

from typing import cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static

from rnnlm_tui.formatting import sanitize
from rnnlm_tui.tui.writing.host import WritingHost

NO_MODEL = """\
There is no model yet that could suggest anything.

Train a first one on Shakespeare's sonnets, which takes about a minute, or a model of your own on \
a text of yours. You can write meanwhile."""
IN_TRAINING = "{} is in training: F3 shows it. It suggests words after its first epoch."
WELCOME = """\
Type a line. Tab takes a word of the grey text after the cursor, → takes all, Esc hides it. \
Enter sends the line.

F3 trains a model on your own text. F1 shows all keys."""


class EmptyState(Vertical):
    """A few sentences above the transcript, which make room as soon as they are not needed."""

    DEFAULT_CSS = """
    EmptyState {
        height: auto;
        padding: 1 2;
        Static { max-width: 72; height: auto; }
        &.-welcome Static { color: $text-muted; }
        Horizontal { height: auto; }
        Button { margin: 1 1 0 0; }
        &.-low { padding: 0 2; Button { margin: 0 1 0 0; } }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._text = Static(WELCOME, markup=False)
        self._buttons = Horizontal(
            Button("Train on the sonnets", id="first-model", variant="primary"),
            Button("Train on my text", id="own-model"),
        )

    def compose(self) -> ComposeResult:
        yield self._text
        yield self._buttons

    def show(self, *, has_lines: bool) -> None:
        """Shows what helps now; `has_lines`: something was written already."""
        host = cast(WritingHost, self.app)
        name, has_model = host.trained_name, not host.has_no_models
        text = NO_MODEL if name is None else IN_TRAINING.format(sanitize(name))
        self._text.update(WELCOME if has_model else text)
        self._text.display = name is not None or not has_lines
        self._buttons.display = not has_model and name is None
        self.set_class(has_model, "-welcome")
        self.set_class(has_lines, "-low")
        self.display = not (has_model and has_lines)

    @on(Button.Pressed, "#first-model")
    def _train_first_model(self) -> None:
        cast(WritingHost, self.app).train_first_model()
        self.screen.focus_next("LineEditor")

    @on(Button.Pressed, "#own-model")
    def _train_own_model(self) -> None:
        cast(WritingHost, self.app).show_mode("train")
