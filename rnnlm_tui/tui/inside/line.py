"""The line that the Inside screen explains, up to one of its words, and the field to type it."""

from __future__ import annotations

import re
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.style import Style
from textual.widget import Widget

from rnnlm_tui.formatting import shorten
from rnnlm_tui.tui.widgets.inputs import SafeInput

LINE_START = "(start)"
"""Stands before the first word, and is marked while no word is read."""
CUT = "… "
"""Stands for the words at the start that do not fit."""


class ExplainedLine:
    """A line, of which the model reads the first `words_read` words: at first all of them."""

    def __init__(self, text: str, above: tuple[str, ...] = (), label: str = "") -> None:
        """`above` are the lines above this one. `label` is shown in front of it."""
        self.text, self.above, self.label = text, above, label
        self._spans = [found.span() for found in re.finditer(r"\S+", text)]
        self.words_read = self.word_count = len(self._spans)

    def move_to(self, number: int) -> bool:
        """Reads the line up to the word with this number. Returns whether that is a change."""
        before = self.words_read
        self.words_read = min(self.word_count, max(0, number))
        return self.words_read != before

    @property
    def text_read(self) -> str:
        """The text up to the last word that is read. A space follows that word, unless it is the
        last one of the line, which may be half typed."""
        if self.words_read == self.word_count:
            return self.text
        if self.words_read == 0:
            return ""
        _, end = self._spans[self.words_read - 1]
        return f"{self.text[:end]} "

    def word(self, number: int) -> str:
        """Returns the word with this number, counted from 1, or LINE_START for 0."""
        return self.text[slice(*self._spans[number - 1])] if number else LINE_START


class LineRow(Widget):
    """Shows the words of a line. The last word that is read is in reverse, and in brackets if there
    are few colours. The words after it are dim. A click chooses a word."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    LineRow {
        height: 1;
        padding: 0 1;
        link-style: none;
        link-color: $foreground;
        link-background: transparent;
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._line = ExplainedLine("")

    def show(self, line: ExplainedLine) -> None:
        self._line = line
        self.refresh()

    def render(self) -> Content:
        line, label = self._line, Content(self._line.label).stylize("dim italic")
        width = self.content_size.width - label.cell_length
        # The last word that is read is shown, with as many words before it as fit.
        first = line.words_read
        room = width - len(CUT) - self._word(first).cell_length
        while first > 0:
            room -= self._word(first - 1).cell_length
            if room < 0:
                break
            first -= 1
        last = min(line.word_count, line.words_read + width)  # more words never fit
        words = Content("").join(map(self._word, range(first, last + 1)))
        return label + Content.assemble(CUT if first else "", words).truncate(width, ellipsis=True)

    def _word(self, number: int) -> Content:
        """Returns a word in its style, between brackets or else spaces: its width never changes."""
        word, read = shorten(self._line.word(number)), self._line.words_read
        if number == read:
            left, right = "[]" if self.app.native_ansi_color else "  "
            text = Content.styled(f"{left}{word}{right}", "bold reverse")
        else:
            text = Content.styled(f" {word} ", "dim" if number > read else "")
        return text.stylize(Style.from_meta({"@click": f"screen.move_to({number})"}))


class LineInput(SafeInput):
    """The field in which a line is typed. Its keys wait for the letters typed before them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.complete_line", "explain", id="inside.complete_line",
                tooltip="Explain the line that is typed; its last word is complete"),
        Binding("escape", "screen.leave_line", "done", id="inside.leave_line",
                tooltip="End the typing; a half-typed word stays half typed"),
    ]  # fmt: skip
