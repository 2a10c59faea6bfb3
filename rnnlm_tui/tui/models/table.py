"""The list of models: as many columns as there is space for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

from rnnlm_tui.formatting import format_bytes, format_percent, format_perplexity
from rnnlm_tui.store.evaluations import figures_of
from rnnlm_tui.tui.models.facts import (
    ACTIVE,
    DAMAGED,
    TRAINING,
    UNFINISHED,
    Listed,
    date_text,
    foreign,
)

HEADERS: Mapping[str, str] = {
    "marks": "",
    "name": "name",
    "preset": "preset",
    "corpus": "corpus",
    "vocabulary": "words",
    "parameters": "params",
    "figures": "perplexity · top-1",
    "saves": "keys saved",
    "size": "size",
    "saved": "saved",
}
TO_THE_RIGHT = frozenset({"marks", "vocabulary", "parameters", "saves", "size"})
GAP = 1
FLEXIBLE: Mapping[str, tuple[int, int]] = {"corpus": (8, 20), "name": (12, 30)}
"""The columns that may be cut, with their least and greatest widths."""
LEFT_OUT = ("parameters", "vocabulary", "size", "saves", "corpus", "preset")
"""What goes where there is too little space, in this order; all of it stands on the card."""


@dataclass(frozen=True, slots=True)
class Row:
    """A model in the list: its texts by column."""

    name: str
    cells: Mapping[str, str]


def row_of(listed: Listed, loaded_model: str | None) -> Row:
    """The texts of a model; `loaded_model` is the model that suggests now."""
    marks = ACTIVE if listed.name == loaded_model else ""
    if listed.is_training:
        marks += TRAINING
    elif listed.damaged is not None:
        marks += DAMAGED
    elif listed.entry is None:
        marks += UNFINISHED
    cells = dict.fromkeys(HEADERS, "")
    cells |= {
        "marks": marks,
        "name": foreign(listed.name),
        "size": format_bytes(listed.size_bytes),
        "saved": listed.state,
    }
    if (card := listed.card) is None:
        return Row(listed.name, cells)
    cells |= {
        "preset": card.config.preset,
        "corpus": foreign(card.corpus.get("name", "")),
        "vocabulary": f"{card.words_known:,}",
        "parameters": in_short(card.parameters),
        "saved": listed.state or date_text(card.updated, "%Y-%m-%d")[:10],
    }
    if listed.evaluation is not None:
        cells["saves"] = format_percent(listed.evaluation.keystroke_savings)
    if (figures := figures_of(card, listed.evaluation)) is not None:
        measured = f"{format_perplexity(figures.perplexity)} · {format_percent(figures.top1)}"
        # What was measured in training says nothing of other lines, and is not to look as if.
        cells["figures"] = measured if figures.unseen else f"{measured} (train)"
    return Row(listed.name, cells)


def in_short(count: int) -> str:
    """A number in at most five characters: 5.76M."""
    for limit, unit in ((1_000, ""), (1_000_000, "k"), (1_000_000_000, "M")):
        if count < limit:
            return f"{count * 1000 / limit:.3g}{unit}" if unit else str(count)
    return f"{count / 1e9:.3g}G"


def natural_widths(rows: Sequence[Row]) -> dict[str, int]:
    """The width of each column that cuts nothing short of what FLEXIBLE allows."""
    widths = {}
    for key, header in HEADERS.items():
        width = max([len(header), *(cell_len(row.cells[key]) for row in rows)])
        widths[key] = min(width, FLEXIBLE[key][1]) if key in FLEXIBLE else width
    return widths | {"marks": 2}


def fitted(natural: Mapping[str, int], width: int) -> dict[str, int]:
    """The widths of the columns that fit into `width`; what is left over is spread over them."""
    widths = dict(natural)
    for gone in ("", *LEFT_OUT):
        widths = {key: natural[key] for key in widths if key != gone}
        spare = width - sum(widths.values()) - GAP * (len(widths) - 1)
        for key, (least, _) in FLEXIBLE.items():
            if key in widths and spare < 0:
                cut = min(-spare, max(0, widths[key] - least))
                widths[key] -= cut
                spare += cut
        if spare >= 0:
            share = spare // (len(widths) - 1)
            return {key: w + (share if key != "marks" else 0) for key, w in widths.items()}
    return widths


def cell(key: str, text: str, width: int, style: str = "") -> Text:
    """A text of just so many columns, and the gap to the next column."""
    if key == "name":
        text = cut_within(text, width)
    made = Text(text, style=style, no_wrap=True, overflow="ellipsis", end="")
    made.truncate(width, overflow="ellipsis")
    missing = max(0, width - made.cell_len)
    made.pad_left(missing) if key in TO_THE_RIGHT else made.pad_right(missing)
    made.pad_right(gap_after(key))
    return made


def cut_within(name: str, width: int) -> str:
    """A name in `width` columns, cut within: names differ at their ends mostly, as story-2 does."""
    if cell_len(name) <= width:
        return name
    end = width // 3
    return f"{set_cell_size(name, width - end - 1)}…{set_cell_size(name[::-1], end)[::-1]}"


def gap_after(key: str) -> int:
    """The columns between this column and the next one."""
    return 0 if key == "saved" else GAP


class ModelTable(DataTable[Text], inherit_bindings=False):
    """The models, one a row; the row keys are their names."""

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
    # Without Enter, which is the screen's, so that a keymap can give it another key.
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            binding
            for binding in DataTable.BINDINGS
            if isinstance(binding, Binding) and binding.key not in ("enter", "home", "end")
        ),
        Binding("home", "scroll_top", "First", show=False),
        Binding("end", "scroll_bottom", "Last", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(cursor_type="row", cell_padding=0, zebra_stripes=False)
        self._models: list[Row] = []
        self._drawn: tuple[list[Row], dict[str, int]] | None = None

    def show(self, listed: Sequence[Listed], loaded_model: str | None, keep: str | None) -> None:
        """Lists these models, with the row of the model `keep` highlighted, where it is there."""
        self._models = [row_of(one, loaded_model) for one in listed]
        self._draw(keep)

    @property
    def current(self) -> str | None:
        """The name of the highlighted model."""
        if not self.is_valid_row_index(self.cursor_row):
            return None
        return self.coordinate_to_cell_key(self.cursor_coordinate).row_key.value

    def on_resize(self) -> None:
        """Chooses the columns for the new width."""
        self._draw(self.current)

    def _draw(self, keep: str | None) -> None:
        widths = fitted(natural_widths(self._models), self.scrollable_content_region.width)
        if (self._models, widths) != self._drawn:
            self._drawn = self._models, widths
            row_before = self.cursor_row
            self.clear(columns=True)
            for key, width in widths.items():
                header = cell(key, HEADERS[key], width, "bold")
                self.add_column(header, width=width + gap_after(key), key=key)
            for row in self._models:
                self.add_row(
                    *(cell(key, row.cells[key], width) for key, width in widths.items()),
                    key=row.name,
                )
            self.move_cursor(row=max(0, min(row_before, self.row_count - 1)), animate=False)
        if keep is not None and any(row.name == keep for row in self._models):
            self.move_cursor(row=self.get_row_index(keep), animate=False)
