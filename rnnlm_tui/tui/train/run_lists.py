"""The lists of a run: epochs, continuations of the seed line, notes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.widgets import Static

from rnnlm_tui.event_types import EpochEnded
from rnnlm_tui.formatting import format_duration
from rnnlm_tui.results import HELD_OUT, EpochFigure, epoch_figures
from rnnlm_tui.tui.runs.notes import Note
from rnnlm_tui.tui.runs.wording import continuation
from rnnlm_tui.tui.widgets.chart import BEST_MARK

BEST_STYLE = "$text-success bold"
SAMPLE_INDENT, NOTE_INDENT = 8, 10
"""The width of the mark and the epoch before a sample, of the time and the glyph before a note."""
NOTE_GLYPHS = {"information": "·", "warning": "!", "error": "✗"}
NOTE_STYLES = {"information": "$foreground", "warning": "$text-warning", "error": "$text-error"}
NO_HEAD = Content("")
MAX_EPOCHS = 200
"""The number of epochs listed, the last ones; the curve shows all."""
FRAME = """
    {
        height: 1fr;
        padding: 0 1;
        border: none;
        border-top: solid $foreground 20%;
        border-title-color: $text-muted;
        scrollbar-size: 1 1;
        background: transparent;
        &:focus { border: none; border-top: solid $border; }
        &:focus { border-title-color: $foreground; border-title-style: bold; }
    }
"""
"""The CSS of a list with a title in a rule above it."""


def rule_title(title: str) -> Content:
    """Returns the padded title of a top border; Textual pads it only if there are corners."""
    return Content(title).pad(1, 1)


class TextList(VerticalScroll):
    """A titled list of wrapped lines that stays at its end unless it is scrolled up."""

    DEFAULT_CSS = f"""
    TextList {FRAME}
    TextList Static {{ height: auto; }}
    TextList#epochs Static {{ text-wrap: nowrap; text-overflow: ellipsis; }}
    TextList .head {{ dock: top; display: none; height: 1; color: $text-muted; }}
    TextList#epochs .head {{ display: block; }}
    """

    def __init__(self, empty: str, id: str, indent: int = 0) -> None:
        """`indent` is that of the second and later rows of a line, in cells."""
        super().__init__(id=id)
        self._title = Content("")
        self._empty = Content.styled(empty, "dim")
        self._text = Static(self._empty, classes="lines", markup=False)
        self._head = Static(classes="head", markup=False)
        self._lines: Sequence[Content] = ()
        self._indent, self._follows = indent, True
        self._sizes = (Size(), Size())
        """The sizes when it was scrolled last, of the list and of its lines."""

    def compose(self) -> ComposeResult:
        yield self._head
        yield self._text

    def show(self, title: Content, lines: Sequence[Content], head: Content = NO_HEAD) -> None:
        """Shows these lines, in the list of epochs below a `head` that does not scroll; redraws
        only if their text has changed. Scrolls to the end unless the list is scrolled up."""
        self._head.update(head, layout=False)
        if (title, lines) == (self._title, self._lines):
            return
        self.border_title = self._title = title
        follows = self._follows or self.scroll_offset.y >= self.max_scroll_y
        self._lines = lines
        self._draw()
        if follows:
            self.scroll_end(animate=False)

    def _draw(self) -> None:
        if self._indent and not self.content_size.width:
            return  # it has no size yet: wrapped without an indent, the rows would change again
        width = self.content_size.width - self.styles.scrollbar_size_vertical
        rows = [row for line in self._lines for row in _hanging(line, self._indent, width)]
        self._text.update(Content("\n").join(rows) if rows else self._empty)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Notes whether the user has left the end, or is there again. New lines and new sizes move
        the end away or the list up, which is no scrolling by the user."""
        super().watch_scroll_y(old_value, new_value)
        sizes, self._sizes = self._sizes, (self.size, self.virtual_size)
        if new_value >= self.max_scroll_y:
            self._follows = True
        elif new_value < old_value and sizes == self._sizes:
            self._follows = False

    def watch_virtual_size(self) -> None:
        """Stays at the end when the lines have got their size, after they were scrolled to."""
        if self._follows:
            self.scroll_end(animate=False)

    def on_resize(self) -> None:
        """Stays at the end. Textual's anchor would show a short list at the bottom."""
        if self._indent:
            self._draw()
        if self._follows:
            self.scroll_end(animate=False)


def _hanging(line: Content, indent: int, width: int) -> list[Content]:
    """Wraps a line, with its later rows indented; not at all without an indent."""
    if not 0 < indent < width:
        return [line]
    label, text = line.divide([indent])
    first, *later = text.wrap(width - indent)
    return [label + first, *(Content(" " * indent) + row for row in later)]


def epoch_table(
    epochs: Sequence[EpochEnded], best: int | None, part: str, *, has_few: bool = False
) -> tuple[Content, Sequence[Content], Content]:
    """Returns a title, a row per epoch, and the names of the figures; none without epochs. The
    title says that the figures are those of this part of the model, and on which lines they were
    measured; `has_few`: too few are held out to tell. The best epoch is marked."""
    shown = epochs[-MAX_EPOCHS:]
    if not shown:
        return rule_title("epochs"), (), NO_HEAD
    figures = [EpochFigure("", "epoch", ""), *epoch_figures(shown[-1])]
    rows = [[f"{e.epoch}", *(cell.text for cell in epoch_figures(e))] for e in shown]
    columns = zip((cell.name for cell in figures), *rows, strict=False)
    widths = [max(map(len, column)) for column in columns]

    def line(cells: Iterable[str], is_best: bool = False) -> Content:
        padded = (f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=False))
        mark, style = (BEST_MARK, BEST_STYLE) if is_best else (" ", "")
        return Content.styled("  ".join((mark, *padded)), style)

    marked = (ended.epoch == best for ended in shown)
    title, starts = f" {part}", accumulate((width + 2 for width in widths), initial=3)
    for start, before, cell in zip(starts, [figures[0], *figures], figures, strict=False):
        if cell.lines != before.lines:
            title = f"{title}  ".ljust(start) + cell.lines
    if has_few and title.endswith(HELD_OUT):
        title += ", too few to tell"
    head = line(cell.name for cell in figures)
    return Content(title).pad_right(1), list(map(line, rows, marked)), head


def sample_lines(epochs: Sequence[EpochEnded], best: int | None) -> list[Content]:
    """Returns a continuation per epoch, after its number. The best epoch is marked."""
    lines = []
    for ended in epochs[-MAX_EPOCHS:]:
        is_best = ended.epoch == best
        mark, style = (BEST_MARK, BEST_STYLE) if is_best else (" ", "")
        text = continuation(ended.sample["seed"], ended.sample["text"])
        lines.append(Content.styled(f"{mark}{ended.epoch:>5}  {text}", style))
    return lines


def note_lines(notes: Sequence[Note]) -> list[Content]:
    return [
        Content.assemble(
            (f"{format_duration(note.time, roughly=True):>7} {NOTE_GLYPHS[note.severity]} ", "dim"),
            (note.text, NOTE_STYLES[note.severity]),
        )
        for note in notes
    ]
