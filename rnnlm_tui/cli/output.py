"""What every mode prints with: JSON lines, tables, and text that fits the terminal."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rnnlm_tui.events import json_safe
from rnnlm_tui.formatting import escape

Row = Sequence[str]


def print_json(data: Mapping[str, Any]) -> None:
    """One object on one line of stdout."""
    print(escape(json.dumps(json_safe(data), ensure_ascii=False, allow_nan=False)), flush=True)


def prints_unicode() -> bool:
    """Whether stdout can take a block character."""
    return sys.stdout.encoding.lower().startswith("utf")


def columns() -> float:
    """The columns of the terminal that stdout is; infinite if it is none."""
    try:
        return (
            os.get_terminal_size(sys.stdout.fileno()).columns
            if sys.stdout.isatty()
            else float("inf")
        )
    except OSError:
        return float("inf")


def print_fitted(lines: Iterable[str]) -> None:
    """Prints the lines, those that are too long for the terminal on several."""
    width = columns()
    for line in lines:
        if len(line) <= width:
            print(line)
        else:
            print(textwrap.fill(line, int(width), subsequent_indent="    "))
    sys.stdout.flush()


def table(rows: Sequence[Row], *, names_in_columns: bool = False) -> list[str]:
    """Aligned columns below the heads in the first row, numbers to the right. If they do not fit
    the terminal, a block of lines for each thing instead, whose name is in the first column, or in
    the first row if `names_in_columns`."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    are_numbers = [all(map(_is_number, column)) for column in zip(*rows[1:], strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if is_number else cell.ljust(width)
            for cell, width, is_number in zip(row, widths, are_numbers, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    if max(map(len, lines)) <= columns():
        return lines
    return list(_blocks(list(zip(*rows, strict=True)) if names_in_columns else rows))


def _is_number(cell: str) -> bool:
    return cell == "" or cell[0].isdigit() or cell[0] in "-<("


def _blocks(rows: Sequence[Row]) -> Iterator[str]:
    """Each row but the first as a line with its name and a line for each other cell."""
    heads = [head.strip() for head in rows[0]]
    for name, *cells in rows[1:]:
        yield name
        yield from (
            f"  {head}: {cell}" for head, cell in zip(heads[1:], cells, strict=True) if cell
        )
