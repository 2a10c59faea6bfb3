"""From a key press to the new suggestion on the screen, through a pseudo-terminal.

    python -m tests.benchmarks.typing [--keys 600] [--words 50000] [--training] [--model NAME]
        [--data-dir FOLDER]

Types lines of the sonnets into the installed app at 80x24, a key at a time at the pace of a fast
typist, and measures the time from each key to the arrival of the output after which the list shows
the words and shares that the engine gives for the new line, asked beforehand, and the line shows
their ghost. Keys after which the list stays as it was are left out. The open text has --words words
already. With --training it does the same again while the lesson's model trains, as the app trains
one. Prints the memory of the app at the end too.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import time
from itertools import cycle, islice
from pathlib import Path

from rnnlm_tui.accepting import LINES_ABOVE, LISTED
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.text.reading import read_text
from rnnlm_tui.tui.preferences import Preferences
from rnnlm_tui.tui.widgets.bars import in_percent
from rnnlm_tui.tui.writing.candidates import spelled
from rnnlm_tui.tui.writing.ghost import Suggested
from rnnlm_tui.tui.writing.predictor import LoadedModel, Question, answer_to, learn, read_below
from tests.benchmarks.app_in_terminal import (
    Rows,
    app,
    lesson_in_training,
    listed,
    own_folders,
    resident_mb,
    the_model,
    write_texts,
)
from tests.helpers.terminal import Chunk, Terminal

QUIET_S = 0.05
"""Output has come to rest when none has come for this long."""
PAUSES_S = (0.0, 0.1)
"""Between that rest and the next key, drawn evenly."""
PATIENCE_S = 10.0
EARLIER_S = 15.0
"""The app has read earlier lines by then."""
COLUMNS = 80


class Typist:
    """Types into the app, and keeps how long it took to answer."""

    def __init__(self, terminal: Terminal, loaded: LoadedModel, sent: list[str]) -> None:
        """`sent` are the lines of the open text, to which it adds its own."""
        self._terminal, self._loaded = terminal, loaded
        self._random = random.Random(1)
        self._sent = sent
        self.letters_ms: list[float] = []
        """From a key to its letter on the screen."""
        self.suggestions_ms: list[float] = []
        """From a key to the new suggestion on the screen."""

    def type_line(self, line: str) -> None:
        """Types the line and sends it."""
        for end in range(1, len(line) + 1):
            self._press(line[:end])
        learn(self._loaded, line, tuple(self._sent[-LINES_ABOVE:]))
        self._sent.append(line)
        empty = self._expected("")[0]
        self._terminal.send("\r")
        self._terminal.wait_for(lambda: listed(self._terminal) == empty)

    def _press(self, line: str) -> None:
        """Presses the last key of the line."""
        before = listed(self._terminal)
        rows, shown = self._expected(line)
        self._paint_until_quiet(self._random.uniform(*PAUSES_S))
        self._terminal.chunks.clear()
        began = time.perf_counter()
        self._terminal.send(line[-1])
        echoed = answered = None
        while answered is None:
            assert time.perf_counter() - began < PATIENCE_S, f"no {rows}:\n{self._terminal.text}"
            for chunk in self._until_quiet(QUIET_S):
                self._terminal.paint(chunk)
                text = self._terminal.text
                if echoed is None and f"│ {line}" in text:
                    echoed = chunk.time
                if answered is None and listed(self._terminal) == rows and f"│ {shown}" in text:
                    answered = chunk.time
        self.letters_ms.append(1000 * ((echoed or answered) - began))
        if rows != before:
            self.suggestions_ms.append(1000 * (answered - began))

    def _expected(self, line: str) -> tuple[Rows, str]:
        """The words that the engine gives, and the line with its ghost, or without where the ghost
        may wrap."""
        above = tuple(self._sent[-LINES_ABOVE:])
        found = answer_to(Question(self._loaded, line, len(line), above)).suggestions
        best = found.candidates[:LISTED]
        rows = [(spelled(c, found.prefix), in_percent(c.probability)) for c in best]
        suggested = Suggested(Preferences())
        suggested.show(found, line)
        ghosted = line[:-1] if suggested.replaces_space(line) else line
        ghosted += suggested.ghost(line, line)
        return tuple(rows), ghosted if len(ghosted) < COLUMNS - 6 else line

    def _until_quiet(self, quiet_s: float) -> list[Chunk]:
        """What comes, taken in without painting it: that takes time in which more comes."""
        chunks = []
        while chunk := self._terminal.receive(quiet_s):
            chunks.append(chunk)
        return chunks

    def _paint_until_quiet(self, quiet_s: float) -> None:
        for chunk in self._until_quiet(quiet_s):
            self._terminal.paint(chunk)


def measured(
    terminal: Terminal, loaded: LoadedModel, sent: list[str], lines: list[str], keys: int
) -> Typist:
    """A typist who has typed lines until there are that many figures."""
    typist = Typist(terminal, loaded, sent)
    for line in lines:
        if len(typist.suggestions_ms) < keys:
            typist.type_line(line)
    return typist


def paragraphs(lines: list[str], words: int) -> list[str]:
    """Paragraphs of these lines, until they have as many words."""
    found, count, each = list[str](), 0, cycle(lines)
    while count < words:
        found.append(" ".join(islice(each, 8)))
        count += len(found[-1].split())
    return found


def report(label: str, typist: Typist) -> str:
    """A row of the table."""
    cuts = statistics.quantiles(typist.suggestions_ms, n=100)
    letters = statistics.quantiles(typist.letters_ms, n=100)
    return (
        f"{label:9}{len(typist.suggestions_ms):6,}{cuts[49]:8.1f}{cuts[94]:8.1f}{cuts[98]:8.1f}"
        f"{letters[49]:10.1f}{letters[94]:8.1f}   {os.getloadavg()[0]:4.1f}"
    )


def main() -> None:
    """Prints the table and the memory."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--keys", type=int, default=600)
    parser.add_argument("--words", type=int, default=0)
    parser.add_argument("--training", action="store_true")
    parser.add_argument("--model", help="the newest by default")
    parser.add_argument("--data-dir", type=Path)
    options = parser.parse_args()
    library, name = the_model(options.model, options.data_dir)
    loaded = LoadedModel(name, *library.open(name))
    lines = list(read_text([bundled_corpus()]))[1::7]
    sent = paragraphs(lines, options.words)
    print("milliseconds from a key to: its suggestion                its letter")
    print("           keys     p50     p95     p99       p50     p95   load")
    with own_folders(library, name) as env:
        write_texts(env, sent)
        with app(env, name, COLUMNS) as terminal:
            terminal.wait_for(lambda: listed(terminal))
            if earlier := sent[:-LINES_ABOVE]:
                loaded.contexts = read_below(loaded.model, earlier, ())
                time.sleep(EARLIER_S)
            print(report("idle", measured(terminal, loaded, sent, lines, options.keys)), flush=True)
            if options.training:
                with lesson_in_training() as reports:
                    typist = measured(terminal, loaded, sent, lines, options.keys)
                    done = reports()
                print(report("training", typist))
                print(f"the training has reported {done} times meanwhile", flush=True)
            print(f"memory of the app {resident_mb(terminal):.0f} MB")


if __name__ == "__main__":
    main()
