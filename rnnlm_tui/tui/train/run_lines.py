"""Lines of a run: the figures of its epochs, the seed line continued, the notes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

from rnnlm_tui.events import EpochEnded
from rnnlm_tui.formatting import format_duration
from rnnlm_tui.tui.runs.state import Note, Sample
from rnnlm_tui.tui.runs.wording import continued, table_header, table_row

BEST_MARK = "^"
"""The curve's mark of the best epoch, in the table and in the list of samples too."""
NOTE_GLYPHS = {"information": "·", "warning": "!", "error": "✗"}
NOTE_STYLES = {"information": "$foreground", "warning": "$text-warning", "error": "$text-error"}
MOST_SAMPLES = 200


@lru_cache(maxsize=2048)
def wrapped(text: str, width: int) -> tuple[str, ...]:
    """The text in lines of at most `width` columns, wide characters counted as two."""
    return tuple(line.plain.rstrip() for line in Content(text).wrap(max(1, width)))


class Lines(ScrollView, can_focus=True):
    """Lines of text, the newest last; it stays at the end unless it was scrolled up.

    Drawn line by line, so that a long run costs no more than what is seen of it.
    """

    DEFAULT_CSS = """
    Lines {
        height: 1fr;
        padding: 0 1;
        border-top: solid $foreground 20%;
        border-title-color: $text-muted;
        scrollbar-size-vertical: 1;
        scrollbar-gutter: stable;
        overflow-x: hidden;
        &:focus { border-top: solid $border; border-title-color: $foreground; }
        &:focus { border-title-style: bold; }
    }
    """

    def __init__(self, title: str, empty: str, id: str | None = None) -> None:
        super().__init__(id=id)
        self._empty = empty
        self._end = 0
        """How far it is scrolled where the last line is the lowest."""
        self.border_title = Content(title)

    def count(self) -> int:
        """How many lines there are."""
        raise NotImplementedError

    def line(self, index: int) -> Content:
        """One of them."""
        raise NotImplementedError

    def head(self) -> Content | None:
        """A line that stays above those that scroll."""
        return None

    def renew(self) -> None:
        """Draws the lines again, and follows the last one."""
        space = self.scrollable_content_region
        if not space.area:  # it is not shown yet, or in no space at all
            return
        was_at_end = self.scroll_offset.y >= self._end
        rows = self.count() + (self.head() is not None)
        self.virtual_size = Size(space.width, rows)
        self._end = max(0, rows - space.height)
        if was_at_end:
            self.scroll_to(y=self._end, animate=False, force=True)
        self.refresh()

    def on_resize(self) -> None:
        """Fits the lines to the new size."""
        self.renew()

    def render_line(self, y: int) -> Strip:
        """A row: the head, or a line."""
        width = self.scrollable_content_region.width
        if width < 1:
            return Strip.blank(0)
        head = self.head()
        index = y + self.scroll_offset.y - (head is not None)
        if not self.count() and y == 0:
            content = Content.styled(self._empty, "dim")
        elif head is not None and y == 0:
            content = head
        elif 0 <= index < self.count():
            content = self.line(index)
        else:
            return Strip.blank(width, self.rich_style)
        shown = content.truncate(width, ellipsis=True)
        return Visual.to_strips(self, shown, width, 1, self.visual_style, pad=True)[0]


class EpochTable(Lines):
    """The figures of every epoch; in little space those of the best and of the last."""

    SHORT = 5

    def __init__(self, id: str | None = None) -> None:
        super().__init__("epochs", "the figures come after the first epoch", id)
        self._epochs: Sequence[EpochEnded] = ()
        self._best: int | None = None

    def show(self, epochs: Sequence[EpochEnded], best: int | None) -> None:
        """Shows these epochs; `best` is the one that is kept."""
        self._epochs, self._best = list(epochs), best
        self.renew()

    def _shown(self) -> Sequence[EpochEnded]:
        rows = self.scrollable_content_region.height - 1
        if rows >= self.SHORT:
            return self._epochs
        last = list(self._epochs[-max(1, rows) :])
        best = next((e for e in self._epochs if e.epoch == self._best), None)
        if best is not None and best not in last:
            last[0] = best
        return last

    def count(self) -> int:
        """One line an epoch."""
        return len(self._shown())

    def head(self) -> Content | None:
        """The names of the figures."""
        if not self._epochs:
            return None
        return Content.styled(f"  {table_header(self._epochs[-1].held_out is not None)}", "dim")

    def line(self, index: int) -> Content:
        """The figures of an epoch; the best is marked."""
        ended = self._shown()[index]
        if ended.epoch == self._best:
            row = f"{BEST_MARK} {table_row(ended)}"
            has_space = len(row) + 6 <= self.scrollable_content_region.width
            return Content.styled(f"{row}  best" if has_space else row, "$text-success bold")
        return Content(f"  {table_row(ended)}")


class WrappedLines(Lines):
    """Lines made of texts that are wrapped to the width."""

    def __init__(self, title: str, empty: str, id: str | None = None) -> None:
        super().__init__(title, empty, id)
        self._made: list[Content] = []
        self._make: Callable[[int], list[Content]] = lambda width: []

    def show(self, make: Callable[[int], list[Content]]) -> None:
        """`make` gives the lines for a width."""
        self._make = make
        self.renew()

    def renew(self) -> None:
        """Wraps the texts, and draws them."""
        self._made = self._make(max(10, self.scrollable_content_region.width))
        super().renew()

    def count(self) -> int:
        """The lines after the wrapping."""
        return len(self._made)

    def line(self, index: int) -> Content:
        """One of them."""
        return self._made[index]


def sample_lines(samples: Sequence[Sample], width: int) -> list[Content]:
    """The continuations, each behind its epoch."""
    lines: list[Content] = []
    for sample in samples[-MOST_SAMPLES:]:
        mark = BEST_MARK if sample.best else " "
        style = "$text-success bold" if sample.best else "$foreground"
        indent = f"{mark}{sample.epoch:>5}  "
        texts = wrapped(continued(sample.seed, sample.text), width - len(indent))
        for number, text in enumerate(texts):
            start = indent if number == 0 else " " * len(indent)
            muted = "dim" if not sample.best else style
            lines.append(Content.assemble((start, muted), (text, style)))
    return lines


def note_lines(notes: Sequence[Note], width: int) -> list[Content]:
    """The notes, each behind its time."""
    lines: list[Content] = []
    for note in notes:
        glyph = NOTE_GLYPHS[note.severity]
        indent = f"{format_duration(note.time, roughly=True):>7} {glyph} "
        texts = wrapped(note.text, width - len(indent))
        for number, text in enumerate(texts):
            start = indent if number == 0 else " " * len(indent)
            lines.append(Content.assemble((start, "dim"), (text, NOTE_STYLES[note.severity])))
    return lines
