"""The list of models, with as many columns as fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

from rnnlm_tui.formatting import (
    format_bytes,
    format_percent,
    format_perplexity,
    local_time,
    sanitize,
)
from rnnlm_tui.results import ENOUGH_WORDS, TRAINING, figures_of
from rnnlm_tui.store.library import Entry
from rnnlm_tui.tui.models.card import ACTIVE, mark, state

FEW = "?"
"""In place of a share that was measured on too few words to tell."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its title, its text for a model, its maximum width in cells, its alignment."""

    title: str
    text: Callable[[Entry], str]
    max_width: int = 40
    align_right: bool = False


def _figures(entry: Entry) -> str:
    if entry.card is None:
        return ""
    lines, figures = figures_of(entry.card)
    if figures is None:
        return "   - · -"
    perplexity, top1 = format_perplexity(figures.perplexity), format_percent(figures.top1)
    text = f"{perplexity:>4} · {top1}"  # as wide as 12.3, so that the points are in a column
    # Figures on the training lines say nothing about other lines.
    return f"{text} (train)" if lines == TRAINING else text


def _saved(entry: Entry) -> str:
    if state(entry) or entry.card is None:
        return state(entry)
    return sanitize(local_time(entry.card.updated))[:10]


def _keys_saved(entry: Entry) -> str:
    if (evaluation := entry.evaluation) is None:
        return ""
    if evaluation.words < ENOUGH_WORDS:
        return FEW
    return format_percent(evaluation.keystroke_savings)


def compact(count: int) -> str:
    """Formats a number in at most five characters, such as 5.76M."""
    for limit, unit in ((1_000, ""), (1_000_000, "k"), (1_000_000_000, "M")):
        if count < limit:
            return f"{count * 1000 / limit:.3g}{unit}" if unit else str(count)
    return f"{count / 1e9:.3g}G"


COLUMNS: Mapping[str, Column] = {
    "marks": Column("", mark),
    "name": Column("name", lambda one: sanitize(one.name), max_width=30),
    "preset": Column("preset", lambda one: one.card.config.preset if one.card else ""),
    "corpus": Column("corpus", lambda one: sanitize(one.card.corpus.name) if one.card else "",
                     max_width=20),
    "vocabulary": Column("words", lambda one: f"{one.card.words_known:,}" if one.card else "",
                         align_right=True),
    "parameters": Column("params", lambda one: compact(one.card.parameters) if one.card else "",
                         align_right=True),
    "saves": Column("keys saved", _keys_saved, align_right=True),
    "figures": Column("perplexity · top-1", _figures),
    "size": Column("size", lambda one: format_bytes(one.size_bytes), align_right=True),
    "saved": Column("saved", _saved),
}  # fmt: skip
LEFT_OUT = ("parameters", "vocabulary", "size", "figures", "preset", "corpus")
"""The columns that a narrow list leaves out, in this order. The card shows them all."""
SHORTEST_NAME = 12
GAP = 2
"""Cells between two columns."""


def fitting_widths(rows: Sequence[Mapping[str, str]], width: int) -> dict[str, int]:
    """Returns the columns that fit into `width` cells, GAP apart, with their widths."""
    widths = {"marks": 2}
    for key, column in list(COLUMNS.items())[1:]:
        longest = max([len(column.title), *(cell_len(row[key]) for row in rows)])
        widths[key] = min(longest, column.max_width)
    name = widths["name"]
    spare = max(0, name - SHORTEST_NAME)
    missing = sum(widths.values()) + GAP * (len(widths) - 1) - width
    for left_out in LEFT_OUT:
        if missing > spare:
            missing -= widths.pop(left_out) + GAP
    return widths | {"name": name - max(0, min(missing, spare))}


def cut_within(text: str, width: int) -> str:
    """Shortens a text to `width` cells in the middle, since names often differ at their ends."""
    if cell_len(text) <= width:
        return text
    end = width // 3
    return f"{set_cell_size(text, width - end - 1)}…{set_cell_size(text[::-1], end)[::-1]}"


def _cells(row: Mapping[str, str], widths: Mapping[str, int]) -> Iterator[Text]:
    for key, width in widths.items():
        text = cut_within(row[key], width)
        yield Text(text.rjust(width) if COLUMNS[key].align_right else text)


class ModelTable(DataTable[Text], inherit_bindings=False):
    """Lists the models, one per row. The row keys are their names."""

    DEFAULT_CSS = """
    ModelTable {
        height: 1fr;
        scrollbar-size-vertical: 1;
        scrollbar-gutter: stable;
        overflow-x: hidden;
        background: $background;
        &:focus { background-tint: $foreground 0%; }
        &:nocolor > .datatable--cursor { text-style: reverse; }
    }
    """
    # Enter is bound on the screen, so that a keymap can change it. Home and End move by rows.
    BINDINGS: ClassVar[list[BindingType]] = [
        *(b for b in DataTable.BINDINGS
          if isinstance(b, Binding) and b.key not in ("enter", "home", "end")),
        Binding("home", "scroll_top", "First", show=False),
        Binding("end", "scroll_bottom", "Last", show=False),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__(cursor_type="row", cell_padding=0)
        self._rows: dict[str, dict[str, str]] = {}
        self._drawn: object = None

    def show(self, entries: Sequence[Entry], active: str | None, selected: str | None) -> None:
        """Lists these models, and selects `selected` if it is among them."""
        self._rows = {}
        for entry in entries:
            texts = {key: column.text(entry) for key, column in COLUMNS.items()}
            texts["marks"] = (ACTIVE if entry.name == active else "") + texts["marks"]
            self._rows[entry.name] = texts
        self._draw(selected)

    @property
    def selected(self) -> str | None:
        if not self.is_valid_row_index(self.cursor_row):
            return None
        return self.coordinate_to_cell_key(self.cursor_coordinate).row_key.value

    def on_resize(self) -> None:
        self._draw(self.selected)

    def _draw(self, selected: str | None) -> None:
        widths = fitting_widths([*self._rows.values()], self.scrollable_content_region.width)
        if (self._rows, widths) != self._drawn:
            self._drawn = self._rows, widths
            row_before = self.cursor_row
            self.clear(columns=True)
            last = list(widths)[-1]
            for key, width in widths.items():
                gap = 0 if key == last else GAP
                title = COLUMNS[key].title.rjust(width * COLUMNS[key].align_right)
                self.add_column(Text(title, "bold"), width=width + gap, key=key)
            for name, texts in self._rows.items():
                self.add_row(*_cells(texts, widths), key=name)
            self.move_cursor(row=max(0, min(row_before, self.row_count - 1)), animate=False)
        if selected in self._rows and selected != self.selected:
            self.move_cursor(row=self.get_row_index(selected), animate=False)
