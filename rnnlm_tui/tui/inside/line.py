"""The line that is explained, up to one of its words."""

from __future__ import annotations

import re

from textual.content import Content
from textual.style import Style
from textual.widget import Widget

from rnnlm_tui.formatting import shorten

WORD = re.compile(r"\S+")
START = "(start)"
CUT = "… "


class ExplainedLine:
    """A line, and how many of its words are read."""

    def __init__(self, text: str, above: tuple[str, ...] = (), label: str = "") -> None:
        """`above` are the lines above it; the `label` is shown before it. All words are read at
        first."""
        self.text, self.above, self.label = text, above, label
        self._places = [found.span() for found in WORD.finditer(text)]
        self.read = self.count = len(self._places)

    def move_to(self, read: int) -> bool:
        """Reads this many words, or as many as there are. Returns whether that is a change."""
        before, self.read = self.read, min(self.count, max(0, read))
        return self.read != before

    @property
    def text_read(self) -> str:
        """The text up to the last word that is read. Only the last word of the line may be half
        typed; after others there is a space."""
        if self.read == self.count:
            return self.text
        return f"{self.text[: self._places[self.read - 1][1]]} " if self.read else ""

    def word(self, number: int) -> str:
        """A word by its number, from 1; what stands before the first word is number 0."""
        return self.text[slice(*self._places[number - 1])] if number else START


class LineRow(Widget):
    """Shows the words of a line. Brackets mark the last word that is read; those after it are dim.
    A click chooses a word."""

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
        line, width = self._line, self.content_size.width
        label = Content(line.label).stylize("dim italic")
        width -= label.cell_length
        first, room = line.read, width - len(CUT) - self._word(line.read).cell_length
        while first and (room := room - self._word(first - 1).cell_length) >= 0:
            first -= 1
        shown = range(first, min(line.count, line.read + width) + 1)  # a word takes 3 cells
        words = Content("").join(map(self._word, shown))
        return label + Content.assemble(CUT if first else "", words).truncate(width, ellipsis=True)

    def _word(self, number: int) -> Content:
        """A word, as wide whether it is chosen or not."""
        word, read = shorten(self._line.word(number)), self._line.read
        text = Content(f"[{word}]" if number == read else f" {word} ")
        text = text.stylize("bold reverse" if number == read else "dim" if number > read else "")
        return text.stylize(Style.from_meta({"@click": f"screen.move_to({number})"}))
