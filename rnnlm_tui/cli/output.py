"""Prints JSON lines, tables and text that fits the terminal on stdout, progress bars on stderr."""

from __future__ import annotations

import os
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from rnnlm_tui.event_types import json_text
from rnnlm_tui.formatting import cells_of

NUMBER = re.compile(r"$|[\d<(-]")
"""How the cells of a column of numbers begin, empty ones included."""
BAR_WIDTH = 20


def print_json(data: Mapping[str, Any]) -> None:
    """Prints an object on one line of stdout."""
    print(json_text(data), flush=True)


def prints_unicode() -> bool:
    """Whether stdout can print block characters."""
    return sys.stdout.encoding.lower().startswith("utf")


def columns(stream: TextIO, otherwise: int) -> int:
    """The width of the terminal that a stream goes to; `otherwise` if it is none."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except OSError:
        return otherwise


def print_fitted(lines: Iterable[str]) -> None:
    """Prints lines, wrapped to the width of the terminal."""
    width = columns(sys.stdout, 1_000_000)
    for line in lines:
        fits = len(line) <= width
        print(line if fits else textwrap.fill(line, width, subsequent_indent="    "))
    sys.stdout.flush()


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Formats rows, the first of which has the headers, in aligned columns, with numbers to the
    right."""
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
    """Whether stderr can redraw a line."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def bar_line(label: str, done: int, of: int, *facts: str) -> str:
    """A line with a progress bar, the counts, and facts, the most important ones first."""
    filled = round(BAR_WIDTH * done / max(1, of))
    bar = f"{'#' * filled}{'.' * (BAR_WIDTH - filled)}"
    return "  ".join(filter(None, (f"{label} [{bar}] {done:,}/{of:,}", *facts)))


def draw(line: str) -> None:
    """Replaces the line drawn before, where stderr can, by as much of this one as fits. An empty
    line clears it."""
    if has_bar():
        width = columns(sys.stderr, 80) - 1  # a terminal may wrap after its last column
        print(f"\r{line[:width]}\x1b[K", end="", file=sys.stderr, flush=True)
