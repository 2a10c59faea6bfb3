"""Lists of a run: the figures of its epochs, the seed line continued, the notes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text
from textual.containers import VerticalScroll
from textual.content import Content
from textual.coordinate import Coordinate
from textual.widgets import DataTable, Static

from rnnlm_tui.events import EpochEnded
from rnnlm_tui.formatting import format_duration
from rnnlm_tui.tui.runs.notes import Note
from rnnlm_tui.tui.runs.wording import continuation, epoch_row

BEST_MARK = "^"
"""The curve's mark of the best epoch, in the table and in the list of samples too."""
NOTE_GLYPHS = {"information": "·", "warning": "!", "error": "✗"}
NOTE_STYLES = {"information": "$foreground", "warning": "$text-warning", "error": "$text-error"}
MOST_SAMPLES = 200

FRAME = """
    {
        height: 1fr;
        padding: 0 1;
        border-top: solid $foreground 20%;
        border-title-color: $text-muted;
        scrollbar-size: 1 1;
        background: transparent;
        &:focus { border-top: solid $border; border-title-color: $foreground; }
        &:focus { border-title-style: bold; }
    }
"""


class EpochTable(DataTable[Text]):
    """One row an epoch, the best one marked."""

    DEFAULT_CSS = f"EpochTable {FRAME}"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id, cursor_type="row", cell_padding=1)
        self.border_title = Content("epochs")
        self._shown: list[EpochEnded] = []
        self._best: int | None = None

    def show(self, epochs: Sequence[EpochEnded], best: int | None) -> None:
        """Shows these epochs; `best` is the one that is kept."""
        shown = self._shown
        names = ["", *(name for name, _ in (epoch_row(epochs[-1]) if epochs else ()))]
        if list(epochs[: len(shown)]) != shown or len(names) != len(self.columns):
            self.clear(columns=True)
            self.add_columns(*(Text(name, justify="right") for name in names))
            shown = []
        follows = self.cursor_row >= len(shown) - 1
        for ended in epochs[len(shown) :]:
            self.add_row(*_cells(ended, best), key=str(ended.epoch))
        if best != self._best:
            self._mark({self._best, best} & {each.epoch for each in shown}, best)
        self._shown, self._best = list(epochs), best
        if follows and epochs:
            self.move_cursor(row=len(epochs) - 1)

    def _mark(self, changed: set[int | None], best: int | None) -> None:
        for ended in self._shown:
            if ended.epoch in changed:
                row = self.get_row_index(str(ended.epoch))
                for column, cell in enumerate(_cells(ended, best)):
                    self.update_cell_at(Coordinate(row, column), cell)


def _cells(ended: EpochEnded, best: int | None) -> Iterator[Text]:
    """The cells of a row; that of the best epoch is marked and bold."""
    is_best = ended.epoch == best
    style = "bold" if is_best else ""
    yield Text(BEST_MARK if is_best else " ", style)
    for _, cell in epoch_row(ended):
        yield Text(cell, style, justify="right")


class TextList(VerticalScroll):
    """Lines that are wrapped to the width; it stays at the end unless it was scrolled up."""

    DEFAULT_CSS = f"""
    TextList {FRAME}
    TextList Static {{ height: auto; }}
    #samples Static {{ text-wrap: nowrap; text-overflow: ellipsis; }}
    """

    def __init__(self, title: str, empty: str, id: str | None = None) -> None:
        super().__init__(id=id)
        self.border_title = Content(title)
        self._text = Static(Content.styled(empty, "dim"), markup=False)
        self._empty = empty

    def on_mount(self) -> None:
        """Shows the text, and follows its end."""
        self.mount(self._text)
        self.anchor()

    def show(self, lines: Sequence[Content]) -> None:
        """Shows these lines."""
        empty = Content.styled(self._empty, "dim")
        self._text.update(Content("\n").join(lines) if lines else empty)


def sample_lines(epochs: Sequence[EpochEnded], best: int | None) -> list[Content]:
    """The continuations, each with its epoch in front; that of the best epoch is marked."""
    lines = []
    for ended in epochs[-MOST_SAMPLES:]:
        is_best = ended.epoch == best
        mark, style = (BEST_MARK, "$text-success bold") if is_best else (" ", "$foreground")
        text = continuation(ended.sample["seed"], ended.sample["text"])
        lines.append(Content.styled(f"{mark}{ended.epoch:>5}  {text}", style))
    return lines


def note_lines(notes: Sequence[Note]) -> list[Content]:
    """The notes, each with its time in front."""
    return [
        Content.assemble(
            (f"{format_duration(note.time, roughly=True):>7} {NOTE_GLYPHS[note.severity]} ", "dim"),
            (note.text, NOTE_STYLES[note.severity]),
        )
        for note in notes
    ]
