"""Measures how soon the installed app starts and answers a key, in a pseudo-terminal of 80x24.

    python -m tests.benchmarks.typing [--starts 20] [--keys 600] [--texts 1000] [--words 50000]
        [--training] [--model NAME] [--data-dir FOLDER]

First it starts the app with --texts texts of 400 words. It measures the time from the start of the
process to the output that paints the header, and to the output that paints the first suggestions.
The first start is not counted, because it compiles and reads the files from the disk.

Then it types lines of the sonnets into a text that has --words words already, a key at a time at
the pace of a fast typist. The time of a key ends when the output arrives after which the list shows
the words and shares that the engine gives for the new line. The engine is asked beforehand. Keys
that leave the list unchanged are left out. With --training it types again while the lesson's model
trains. At the end it prints the memory of the app.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import statistics
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import psutil

from rnnlm_tui.events import Progress
from rnnlm_tui.formatting import format_whole_percent
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.session.database import connect
from rnnlm_tui.session.tables import Text, Turn, add_turn
from rnnlm_tui.store.library import Library, OpenedModel
from rnnlm_tui.suggesting.accepting import LINES_ABOVE, LISTED
from rnnlm_tui.text.reading import read_corpus
from rnnlm_tui.tui.writing.candidates import spelled
from rnnlm_tui.tui.writing.predictor import Question, answer_to, read_contexts
from tests.benchmarks.options import parse
from tests.helpers.commands import running
from tests.helpers.terminal import Chunk, Terminal

WORD = re.compile(r"[▸ ][\d ] (\S+) +(<?\d+%) ")
"""A word of the list: its mark, its digit if it has one, the word and the percent."""
Rows = tuple[tuple[str, str], ...]
Environment = dict[str, str | None]
EARLIER_LINE = "the tide had turned when we came to the sea"
QUIET_S = 0.05
"""Seconds without output after which the app is at rest."""
PAUSES_S = (0.0, 0.1)
"""The least and most seconds between that rest and the next key, drawn evenly."""
PATIENCE_S = 10.0
"""The most seconds from a key to its list."""
EARLIER_S = 15.0
"""Seconds in which the app reads the earlier lines of a long text."""


@contextmanager
def own_folders(library: Library, name: str) -> Iterator[Environment]:
    """An environment with fresh folders for data, settings and logs, and a link to the model. The
    user's texts are not touched."""
    with tempfile.TemporaryDirectory() as folder:
        models = Path(folder) / "data" / "models"
        models.mkdir(parents=True)
        path = library.path(name).resolve()
        (models / path.name).symlink_to(path)
        kinds = ("data", "config", "log")
        env = {f"RNNLM_{kind.upper()}_DIR": str(Path(folder) / kind) for kind in kinds}
        # As it is for a user: Python keeps what it has compiled.
        yield {**env, "PYTHONDONTWRITEBYTECODE": None}


def app(env: Environment, name: str) -> Terminal:
    """The installed app with this model."""
    return Terminal([sys.executable, "-m", "rnnlm_tui", name], env=env)


def write_texts(env: Environment, *lines: Sequence[str]) -> None:
    """Stores texts with these lines. The last text opens at the start."""
    path = Path(env["RNNLM_DATA_DIR"] or "") / "session" / "session.db"
    with closing(connect(path)) as connection, connection:
        connection.execute("BEGIN")
        for of_text in lines:
            text = Text()
            for line in of_text:
                add_turn(connection, text, Turn(line))
        connection.execute("UPDATE text SET pid = NULL")  # else they are open in this process


def listed(terminal: Terminal) -> Rows:
    """The best words below the line and their shares. An empty text shows an example above it."""
    rows = terminal.screen.display
    below = max((y for y, row in enumerate(rows) if row[0] == "╰"), default=len(rows))
    return tuple(found for row in rows[below:] for found in WORD.findall(row))


def seconds_of_start(env: Environment, name: str) -> tuple[float, float]:
    """Seconds to the first picture and to the first suggestion."""
    with app(env, name) as terminal:
        terminal.wait_for("Autocomplete")
        picture = terminal.chunks[-1].time
        terminal.wait_for(lambda: listed(terminal))
        return picture - terminal.started, terminal.chunks[-1].time - terminal.started


def show_starts(library: Library, name: str, count: int, texts: int) -> None:
    """Prints the figures of `count` starts with this number of texts."""
    with own_folders(library, name) as env:
        write_texts(env, *([EARLIER_LINE] * 40 for _ in range(texts)))
        starts = [seconds_of_start(env, name) for _ in range(count + 1)][1:]
    for label, times in zip(("picture", "suggestion"), zip(*starts, strict=True), strict=True):
        middle = statistics.median(times)
        print(f"first {label:11} median {middle:.3f} s, slowest {max(times):.3f} s", flush=True)


class KeyTimer:
    """Types into the app, and measures how long it takes to answer."""

    def __init__(self, terminal: Terminal, loaded: OpenedModel, sent: list[str]) -> None:
        """`sent` are the lines of the open text, to which it adds its own."""
        self._terminal, self._loaded, self._sent = terminal, loaded, sent
        self._random = random.Random(1)

    def milliseconds(self, lines: list[str], keys: int) -> list[float]:
        """Types and sends lines until the list has changed after `keys` keys. Returns the
        milliseconds of these keys."""
        found = list[float]()
        for line in lines:
            for end in range(1, len(line) + 1):
                found += self._press(line[:end])
            self._sent.append(line)
            empty = self._expected("")
            self._terminal.send("\r")
            self._terminal.wait_for(partial(self._shows, "", empty))
            if len(found) >= keys:
                break
        return found

    def _press(self, line: str) -> list[float]:
        """Presses the last key of the line. Returns its milliseconds, or [] if the list stays."""
        rows = self._expected(line)
        deque(self._painted_until_quiet(self._random.uniform(*PAUSES_S)), maxlen=0)
        before = listed(self._terminal)
        self._terminal.chunks.clear()
        began = time.perf_counter()
        self._terminal.send(line[-1])
        while True:
            assert time.perf_counter() - began < PATIENCE_S, f"no {rows}:\n{self._terminal.text}"
            answered = None
            for chunk in self._painted_until_quiet(QUIET_S):
                if answered is None and self._shows(line, rows):
                    answered = chunk.time
            if answered is not None:
                return [1000 * (answered - began)] if rows != before else []

    def _shows(self, line: str, rows: Rows) -> bool:
        """True if the screen has this list and this line. A ghost may hide its last space."""
        return listed(self._terminal) == rows and f"│ {line.rstrip()}" in self._terminal.text

    def _expected(self, line: str) -> Rows:
        """The words that the engine gives."""
        above = tuple(self._sent[-LINES_ABOVE:])
        found = answer_to(Question(self._loaded, line, len(line), above)).suggestions
        best = found.candidates[:LISTED]
        return tuple((spelled(c, found.prefix), format_whole_percent(c.probability)) for c in best)

    def _painted_until_quiet(self, quiet_s: float) -> Iterator[Chunk]:
        """Yields the output once it is painted. All output is received before any is painted,
        because more comes while it is painted."""
        chunks = []
        while chunk := self._terminal.receive(quiet_s):
            chunks.append(chunk)
        for chunk in chunks:
            self._terminal.paint(chunk)
            yield chunk


def paragraphs(lines: list[str], words: int) -> list[str]:
    """Paragraphs of these lines with at least `words` words in all."""
    found, count, each = list[str](), 0, cycle(lines)
    while count < words:
        found.append(" ".join(islice(each, 8)))
        count += len(found[-1].split())
    return found


def show(label: str, times: list[float]) -> None:
    """Prints a row of the table."""
    cuts = statistics.quantiles(times, n=100)
    row = f"{label:9}{len(times):6,}{cuts[49]:8.1f}{cuts[94]:8.1f}{cuts[98]:8.1f}"
    print(f"{row}   {os.getloadavg()[0]:4.1f}", flush=True)


def main() -> None:
    """Prints the tables and the memory."""
    parser = argparse.ArgumentParser(description="how soon the app starts, and answers a key")
    parser.add_argument("--starts", type=int, default=20)
    parser.add_argument("--keys", type=int, default=600)
    parser.add_argument("--texts", type=int, default=0, help="at a start")
    parser.add_argument("--words", type=int, default=0, help="of the text typed into")
    parser.add_argument("--training", action="store_true")
    asked, library = parse(parser)
    loaded = library.open(asked.model)
    lines = list(read_corpus([bundled_corpus()]))[1::7]
    sent = paragraphs(lines, asked.words)
    show_starts(library, asked.model, asked.starts, asked.texts)
    print("milliseconds from a key to its suggestion")
    print("           keys     p50     p95     p99   load")
    with own_folders(library, asked.model) as env:
        write_texts(env, sent)
        with app(env, asked.model) as terminal, tempfile.TemporaryDirectory() as folder:
            timer = KeyTimer(terminal, loaded, sent)
            terminal.wait_for(lambda: listed(terminal))
            if earlier := sent[:-LINES_ABOVE]:
                loaded.contexts = read_contexts(loaded, earlier, ())
                time.sleep(EARLIER_S)
            show("idle", timer.milliseconds(lines, asked.keys))
            if asked.training:
                lesson = ("--train", "--epochs=100", "--json", "--data-dir", folder)
                with running(*lesson) as training:
                    training.event(Progress)
                    show("training", timer.milliseconds(lines, asked.keys))
                    assert training.process.poll() is None, "the training has ended"
            resident = psutil.Process(terminal.pid).memory_info().rss
            print(f"memory of the app {resident / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
