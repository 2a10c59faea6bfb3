"""A progress bar on stderr, if it is a terminal."""

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
