"""Prints JSON, tables and wrapped text on stdout, progress bars on stderr."""

from __future__ import annotations

import os
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TextIO

from rnnlm_tui.events import json_text
from rnnlm_tui.formatting import cells_of, fitted, sanitize

NUMBER = re.compile(r"$|[\d<(-]")
"""Matches the start of a cell in a column of numbers, such as "12", "<1%", "(3)", "-" or ""."""
FREE_COLUMNS = 3
"""Columns at the right edge in which nothing is drawn. The terminal writes ^C there if ctrl+c is
pressed. Without this room the line would wrap, and could not be redrawn."""


def print_json(data: Mapping[str, Any]) -> None:
    """Prints an object on one line of stdout."""
    print(json_text(data), flush=True)


def width_of(stream: TextIO, otherwise: int) -> int:
    """Returns the columns of the terminal that a stream goes to, `otherwise` without a terminal."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except OSError:
        return otherwise


def print_wrapped(lines: Iterable[str], stream: TextIO | None = None) -> None:
    """Prints lines on stdout or another stream, wrapped at the width of the terminal."""
    stream = stream or sys.stdout
    width = width_of(stream, 1_000_000)
    # Long words stay whole, so that a path can be copied.
    fill = partial(textwrap.fill, break_long_words=False, break_on_hyphens=False)
    for line in lines:
        fits = len(line) <= width
        print(line if fits else fill(line, width, subsequent_indent="    "), file=stream)
    stream.flush()


def fact_lines(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Formats facts, each as a label and a text, with a blank line above a heading."""
    for label, text in rows:
        if label and not text:
            yield ""
        yield f"{sanitize(label):14}  {sanitize(text)}".rstrip()


def table_lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """Formats rows as a table; the first row has the heads. Columns of numbers are aligned at the
    right, others at the left."""
    columns = [*zip(*rows, strict=True)]
    widths = [max(map(cells_of, column)) for column in columns]
    are_numbers = [all(map(NUMBER.match, cells)) for _, *cells in columns]
    lines = list[str]()
    for row in rows:
        cells = list[str]()
        for cell, width, is_number in zip(row, widths, are_numbers, strict=True):
            space = " " * (width - cells_of(cell))
            cells.append(f"{space}{cell}" if is_number else f"{cell}{space}")
        lines.append("  ".join(cells).rstrip())
    return lines


def has_bar() -> bool:
    """True if stderr can redraw a line."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def draw_bar(label: str, share: float, *facts: str) -> None:
    """Draws a progress bar between a label and some facts. It is as long as they leave room for.
    `share` is the filled part, from 0 to 1."""
    end = "".join(f"  {fact}" for fact in facts if fact)
    room = width_of(sys.stderr, 80) - FREE_COLUMNS - cells_of(f"{label} []{end}")
    size = max(4, min(room, 20))
    filled = round(size * share)
    draw(f"{label} [{'#' * filled}{'.' * (size - filled)}]{end}")


def draw(line: str) -> None:
    """Draws a line over the one drawn before, cut to the terminal. An empty line clears that one.
    Does nothing if stderr cannot redraw a line."""
    if has_bar():
        width = width_of(sys.stderr, 80) - FREE_COLUMNS
        shown = fitted(line, width + 1).rstrip()  # `fitted` adds a blank column
        print(f"\r{shown}\x1b[K", end="", file=sys.stderr, flush=True)
