"""Prints JSON lines, tables and text that fits the terminal on stdout, progress bars on stderr."""

from __future__ import annotations

import os
import re
import sys
import textwrap
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rnnlm_tui.event_types import json_text

NUMBER = re.compile(r"$|[\d<(-]")
"""How the cells of a column of numbers begin, empty ones included."""
BAR_WIDTH = 20
SHORTEST_BAR = 6


def print_json(data: Mapping[str, Any]) -> None:
    """Prints an object on one line of stdout."""
    print(json_text(data), flush=True)


def prints_unicode() -> bool:
    """Whether stdout can print block characters."""
    return sys.stdout.encoding.lower().startswith("utf")


def columns() -> int:
    """The width of the terminal; practically unlimited if stdout is not one."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80
    except OSError:
        return 1_000_000


def print_fitted(lines: Iterable[str]) -> None:
    """Prints lines, wrapped to the width of the terminal."""
    width = columns()
    for line in lines:
        fits = len(line) <= width
        print(line if fits else textwrap.fill(line, width, subsequent_indent="    "))
    sys.stdout.flush()


def _cells_of(text: str) -> int:
    """The columns of a terminal that a text takes: two for each wide letter, none for a mark."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    marks = sum(unicodedata.category(c) in ("Mn", "Me") for c in text)
    return len(text) + wide - marks


def table(rows: Sequence[Sequence[str]], *, names_in_columns: bool = False) -> list[str]:
    """Formats rows, the first of which has the headers, in aligned columns, with numbers to the
    right. If they do not fit the terminal, returns a block of lines per item instead; the names of
    the items are in the first column, or in the first row if `names_in_columns`."""
    by_column = [*zip(*rows, strict=True)]
    widths = [max(map(_cells_of, column)) for column in by_column]
    are_numbers = [all(map(NUMBER.match, cells)) for _, *cells in by_column]
    lines = []
    for row in rows:
        cells = []
        for cell, width, is_number in zip(row, widths, are_numbers, strict=True):
            space = " " * (width - _cells_of(cell))
            cells.append(f"{space}{cell}" if is_number else f"{cell}{space}")
        lines.append("  ".join(cells).rstrip())
    if max(map(_cells_of, lines)) <= columns():
        return lines
    (_, *heads), *things = zip(*rows, strict=True) if names_in_columns else rows
    blocks = []
    for name, *cells in things:
        labelled = zip(heads, cells, strict=True)
        blocks += [name, *(f"  {head.strip()}: {cell}" for head, cell in labelled if cell)]
    return blocks


def has_bar() -> bool:
    """Whether stderr can redraw a line."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def line_width() -> int:
    """The usable columns: one fewer than the terminal has, since it may wrap after the last one. 79
    if the size is unknown."""
    try:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
    except OSError:
        columns = 0
    return columns - 1 if columns > 1 else 79


def bar_line(label: str, done: int, of: int, extras: Sequence[str] = (), end: str = "") -> str:
    """A line with a progress bar that fits the terminal. Between the bar and the `end`, which is
    always shown, come the counts and as many of the `extras` as fit."""
    after = ""
    room = line_width() - len(f"{label} []  {end}")
    for extra in (f"{done:,}/{of:,}", *extras):
        if len(f"{after} {extra} ") > room - SHORTEST_BAR:
            break
        after += f"{' ' if after else ''} {extra}"
    width = max(SHORTEST_BAR, min(BAR_WIDTH, room - len(after)))
    filled = round(width * done / of)
    return f"{label} [{'#' * filled}{'.' * (width - filled)}]{after}  {end}".rstrip()


def wrapped(parts: Iterable[str]) -> str:
    """The parts on as many lines of the terminal as needed. Parts are not broken."""
    text = "  ".join(part.replace(" ", "\u00a0") for part in parts)
    lines = textwrap.wrap(text, line_width(), subsequent_indent="  ", break_on_hyphens=False)
    return "\n".join(lines).replace("\u00a0", " ")


def draw(line: str) -> None:
    """Replaces the line drawn before. An empty line clears it."""
    print(f"\r{line[: line_width()]}\x1b[K", end="", file=sys.stderr, flush=True)
