"""A progress bar on stderr, if that is a terminal."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Iterable, Sequence

BAR_WIDTH = 20
SHORTEST_BAR = 6


def has_bar() -> bool:
    """Whether stderr can redraw a line."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def line_width() -> int:
    """The columns of a line; the last of the terminal stays free, since it may break the line after
    it. 79 for a terminal that does not know its size, or is gone."""
    try:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
    except OSError:
        columns = 0
    return columns - 1 if columns > 1 else 79


def bar_line(label: str, done: int, of: int, extras: Sequence[str] = (), end: str = "") -> str:
    """A line with a bar in it that fits the terminal: the counts and as many of the `extras` as fit
    between the bar and the `end`, which is always there."""
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
    """The parts on one line of the terminal, or on several; a part is never broken."""
    text = "  ".join(part.replace(" ", "\u00a0") for part in parts)
    lines = textwrap.wrap(text, line_width(), subsequent_indent="  ", break_on_hyphens=False)
    return "\n".join(lines).replace("\u00a0", " ")


def draw(line: str) -> None:
    """Puts `line` in place of the one that was drawn before; an empty one clears it."""
    print(f"\r{line[: line_width()]}\x1b[K", end="", file=sys.stderr, flush=True)
