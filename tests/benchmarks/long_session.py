"""Eight hours of typing in a few minutes: does the app's memory or its latency grow?

    python -m tests.benchmarks.long_session [--keys 50000] [--model NAME] [--data-dir FOLDER]

Sends a mix of everything one does while writing (letters, accepts of a word and of the whole ghost,
corrections, words chosen in the list, lines sent, lines recalled, undo, other continuations) to the
installed app in a pseudo-terminal, each key as soon as the app has painted
something for the one before. Ten times on the way it lets the app rest and measures its memory,
and for some letters the time to the first and to the last output of each: the letter and its
suggestion.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.text.corpus import read_corpus
from tests.benchmarks.app_in_terminal import app, listed, own_folders, resident_mb, the_model
from tests.helpers.terminal import Terminal

STATIONS = 10
PROBED = "tell me what the thing is, my love, that thou so often hast "
QUIET_S = 0.05
MAX_WAIT_S = 0.03
"""Some keys change nothing on the screen; then the next one is sent."""
PATIENCE_S = 10.0
TAB, ENTER, BACKSPACE = "\t", "\r", "\x7f"
UP, DOWN, RIGHT = "\x1b[A", "\x1b[B", "\x1b[C"
UNDO, REDO, ANOTHER, CUT_LINE = "\x1a", "\x19", "\x12", "\x15"


@dataclass(frozen=True, slots=True)
class Station:
    """Figures after `keys` keys. Milliseconds are medians."""

    keys: int
    resident_mb: float
    letter_ms: float
    suggestion_ms: float


def strokes(lines: Sequence[str], rng: random.Random) -> Iterator[str]:
    """An endless stream of keys, line after line."""
    while True:
        for word in rng.choice(lines).split():
            yield from word
            yield from _after_a_word(rng)
        yield ENTER
        if rng.random() < 0.1:
            yield ANOTHER
        if rng.random() < 0.1:
            yield from (UP, UP, DOWN, CUT_LINE)


def _after_a_word(rng: random.Random) -> Iterator[str]:
    yield " "
    match rng.randrange(12):
        case 0 | 1:
            yield TAB
        case 2:
            yield RIGHT
        case 3:
            yield from (DOWN, DOWN, str(rng.randint(1, 5)))
        case 4:
            yield from (DOWN, ENTER)
        case 5:
            yield from BACKSPACE * rng.randint(1, 6)
        case 6:
            yield from (TAB, UNDO, REDO)


def send(terminal: Terminal, key: str) -> None:
    """Presses the key, and waits until something is painted."""
    terminal.chunks.clear()
    terminal.send(key)
    terminal.receive(MAX_WAIT_S)


def rest(terminal: Terminal) -> None:
    """Reads output until no more arrives."""
    while terminal.receive(QUIET_S):
        pass


def station(terminal: Terminal, keys: int) -> Station:
    """Measures; the line is empty before and after."""
    letters, suggestions = [], []
    rest(terminal)
    send(terminal, CUT_LINE)
    for letter in PROBED:
        rest(terminal)
        terminal.chunks.clear()
        began = time.perf_counter()
        terminal.send(letter)
        assert terminal.receive(PATIENCE_S), f"no answer to {letter!r}"
        rest(terminal)
        letters.append(1000 * (terminal.chunks[0].time - began))
        suggestions.append(1000 * (terminal.chunks[-1].time - began))
    rest(terminal)
    send(terminal, CUT_LINE)
    middle = statistics.median
    return Station(keys, resident_mb(terminal), middle(letters), middle(suggestions))


def row(figures: Station) -> str:
    """A row of the table."""
    return (
        f"{figures.keys:7,}{figures.resident_mb:8.1f}"
        f"{figures.letter_ms:9.1f}{figures.suggestion_ms:13.1f}{os.getloadavg()[0]:7.1f}"
    )


def growth(stations: list[Station]) -> str:
    """The last quarter compared with the first, without the first station."""
    quarter = max(1, len(stations) // 4)
    first, last = stations[1 : 1 + quarter], stations[-quarter:]

    def grown(name: str) -> float:
        before, after = ([float(getattr(s, name)) for s in part] for part in (first, last))
        return statistics.mean(after) - statistics.mean(before)

    return (
        f"last quarter against the first: {grown('resident_mb'):+.1f} MB,"
        f" letter {grown('letter_ms'):+.1f} ms, suggestion {grown('suggestion_ms'):+.1f} ms"
    )


def main() -> None:
    """Prints a row for each station, and the growth."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--keys", type=int, default=50_000)
    parser.add_argument("--model", help="the newest by default")
    parser.add_argument("--data-dir", type=Path)
    options = parser.parse_args()
    library, name = the_model(options.model, options.data_dir)
    lines = list(read_corpus([bundled_corpus()]).lines)
    keys = strokes(lines, random.Random(1))
    each = options.keys // STATIONS
    print("   keys      MB   letter   suggestion   load   (medians, ms)")
    with own_folders(library, name) as env, app(env, name) as terminal:
        terminal.wait_for(lambda: listed(terminal))
        stations = [station(terminal, 0)]
        print(row(stations[0]), flush=True)
        for done in range(1, STATIONS + 1):
            for key in islice(keys, each):
                send(terminal, key)
            stations.append(station(terminal, done * each))
            print(row(stations[-1]), flush=True)
    print(growth(stations))


if __name__ == "__main__":
    main()
