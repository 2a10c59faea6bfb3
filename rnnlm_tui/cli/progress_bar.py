"""A progress bar on stderr, where that is a terminal."""

from __future__ import annotations

import os
import sys

BAR_WIDTH = 20


def has_bar() -> bool:
    """Whether stderr can redraw a line."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def bar_width() -> int:
    """The columns that a bar may take; the last stays free, since a terminal may break the line
    after it. 79 for a terminal that does not know its size, or is gone."""
    try:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
    except OSError:
        columns = 0
    return columns - 1 if columns > 1 else 79


def bar(done: int, of: int) -> str:
    """The bar itself."""
    filled = round(BAR_WIDTH * done / of)
    return f"[{'#' * filled}{'.' * (BAR_WIDTH - filled)}]"


def draw(line: str) -> None:
    """Puts `line` in place of the one that was drawn before; an empty one clears it."""
    print(f"\r{line[: bar_width()]}\x1b[K", end="", file=sys.stderr, flush=True)
