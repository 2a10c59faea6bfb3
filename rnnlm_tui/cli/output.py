"""Prints JSON, tables and wrapped text on stdout, progress bars on stderr."""

from __future__ import annotations

import os
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TextIO

from rnnlm_tui.events import json_text
from rnnlm_tui.formatting import cells_of, fitted

NUMBER = re.compile(r"$|[\d<(-]")
"""Matches a cell that may stand in a column of numbers: an empty one, or one that starts so."""
SHORTEST_BAR = 4
"""The fewest columns of a progress bar."""
LONGEST_BAR = 20
"""The most columns of a progress bar."""
UNDRAWN = 3
"""Columns at the right edge in which nothing is drawn. They leave room for the ^C of ctrl+c: if it
wrapped the line, the line could not be redrawn."""


def print_json(data: Mapping[str, Any]) -> None:
    """Prints an object on one line of stdout."""
    print(json_text(data), flush=True)


def prints_unicode() -> bool:
    """True if stdout can print block characters."""
    return sys.stdout.encoding.lower().startswith("utf")


def width_of(stream: TextIO, otherwise: int) -> int:
    """Returns the width of the terminal that a stream goes to, `otherwise` if it is no terminal."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except OSError:
        return otherwise


def print_fitted(lines: Iterable[str], stream: TextIO | None = None) -> None:
    """Prints lines on stdout or another stream, wrapped at the width of the terminal."""
    stream = stream or sys.stdout
    width = width_of(stream, 1_000_000)
    # Long words stay whole: a path can be copied.
    fill = partial(textwrap.fill, break_long_words=False, break_on_hyphens=False)
    for line in lines:
        fits = len(line) <= width
        print(line if fits else fill(line, width, subsequent_indent="    "), file=stream)
    stream.flush()


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Formats rows in columns, the first row being the heads. Columns of numbers are aligned at the
    right, others at the left."""
    by_column = [*zip(*rows, strict=True)]
    widths = [max(map(cells_of, column)) for column in by_column]
    are_numbers = [all(map(NUMBER.match, cells)) for _, *cells in by_column]
    lines = []
    for row in rows:
        cells = []
        for cell, width, is_number in zip(row, widths, are_numbers, strict=True):
            space = " " * (width - cells_of(cell))
            cells.append(f"{space}{cell}" if is_number else f"{cell}{space}")
        lines.append("  ".join(cells).rstrip())
    return lines


def has_bar() -> bool:
    """True if stderr can redraw a line."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def draw_bar(label: str, share: float, *facts: str) -> None:
    """Draws a progress bar before some facts. Its length depends on the room that they leave."""
    rest = "".join(f"  {fact}" for fact in facts if fact)
    room = width_of(sys.stderr, 80) - UNDRAWN - cells_of(label) - len(" []") - len(rest)
    size = max(SHORTEST_BAR, min(LONGEST_BAR, room))
    filled = round(size * share)
    draw(f"{label} [{'#' * filled}{'.' * (size - filled)}]{rest}")


def draw(line: str) -> None:
    """Draws a line over the one drawn before, cut to the terminal. An empty line clears it. Does
    nothing if stderr cannot redraw a line."""
    if has_bar():
        shown = fitted(line, width_of(sys.stderr, 80) - UNDRAWN + 1).rstrip()
        print(f"\r{shown}\x1b[K", end="", file=sys.stderr, flush=True)
