"""HTML for notebooks, legible on light and dark pages: tables, words, the history of a training."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from rnnlm_tui.events import EpochEnded
from rnnlm_tui.formatting import plural, shorten

BLUE = "64, 132, 244"
"""The red, green and blue of a text that is likelier or better."""
ORANGE = "242, 140, 40"
"""The red, green and blue of a text that is less likely or worse."""


def table(title: str, rows: Iterable[Sequence[str]], heads: Sequence[str] = ()) -> str:
    """Returns a table below a title. The title is text; heads and cells are HTML."""
    cell = "<td style='text-align: left'>"
    lines = [cell + cell.join(f"<b>{each}</b>" for each in heads)] if heads else []
    lines += (cell + cell.join(row) for row in rows)  # HTML needs no end tags here
    return (
        f"<b>{escape(title)}</b><div style='max-height: 30em; overflow: auto'>"
        f"<table style='color: inherit'><tr>{'<tr>'.join(lines)}</table></div>"
    )


def heat(text: str, share: float) -> str:
    """Returns a text on a coloured background: blue for a `share` above 0, orange below 0. The
    colour is strongest at 1 and -1."""
    colour = f"rgba({BLUE if share > 0 else ORANGE}, {min(abs(share), 1) * 0.6:.2f})"
    style = f"background: {colour}; padding: 1px 4px; border-radius: 3px"
    return f"<span style='{style}'>{escape(shorten(text))}</span>"


class History(list[dict[str, float]]):
    """The epochs of a training: a list of dictionaries of numbers, which `pandas.DataFrame` takes.

    `train_loss` and other `train_` numbers are the `Metrics` of the training lines, `held_out_`
    numbers are those of the held-out lines. `best` says whether the epoch was the best so far, and
    `elapsed_s` is the time since the start. Numbers that were not measured are missing.
    """

    def __init__(self, epochs: Iterable[EpochEnded] = ()) -> None:
        super().__init__(epoch.row for epoch in epochs)

    def __repr__(self) -> str:
        last = ", ".join(f"{name} {value:.4g}" for name, value in self[-1].items()) if self else ""
        more = f"; the last: {last}" if last else ""
        return f"<History of {plural(len(self), 'epoch')}{more}>"

    def _repr_html_(self) -> str:
        """Returns a table. A perplexity is blue below that of the first epoch, orange above it."""
        names = [*dict.fromkeys(name for row in self for name in row)]
        first = self[0] if self else {}

        def cell(name: str, value: float) -> str:
            share = 1 - value / (first.get(name) or 1) if "perplexity" in name else 0
            return heat(f"{value:.4g}", share)

        rows = ([cell(name, row[name]) if name in row else "" for name in names] for row in self)
        return table(plural(len(self), "epoch"), rows, [name.replace("_", " ") for name in names])
