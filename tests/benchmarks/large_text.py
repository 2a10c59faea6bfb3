"""What large texts cost: words a second that are read and encoded, n-grams counted, and memory.

    python -m tests.benchmarks.large_text [--words N ...] [--keep FOLDER]

The texts, of 1 and 10 million words by default, are sampled from the n-grams of the English that
ships, so that their statistics are a language's; each unknown word is one of a made-up million, of
which few are frequent. `--words 100000000` takes some 0.6 GB of disk for the text, 1.2 GB for its
numbers, and an hour. With `--keep` a text is made once and stays.

Each line is a training by the command line, in processes of its own: by `ngram` with the
tokenizers `whitespace` and `prose`, whole, and by a `gru` that is stopped soon. The memory is the
most that the command and its processes held together; what is mapped from files counts as far as
it was in memory.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from rnnlm_tui.config import NgramConfig
from rnnlm_tui.store.model_file import installed_english, open_stored
from rnnlm_tui.text.prose import capitalize
from rnnlm_tui.text.prose_tokens import is_mark, usual_spaces
from rnnlm_tui.text.vocabulary import BEGIN_ID, END_ID, UNKNOWN_ID

ORDER, STREAMS, STEPS = NgramConfig().order, 4_000, 500
MADE_UP = 1_000_000
LOOK_S, STEPS_S = 1.0, 20.0
"""A look takes 30 ms of a core."""
MIB = 1 << 20
Ids = NDArray[np.int64]


class NgramSampler:
    """Samples many texts at once from an n-gram model. A word is drawn from those listed after the
    longest context, or else from the context without its first word."""

    def __init__(self, seed: int = 0) -> None:
        """Loads the n-grams of the English that ships."""
        english = installed_english()
        assert english is not None
        with open_stored(english) as stored:
            arrays, self.vocabulary = stored.weights("ngrams"), stored.vocabulary()
        self._rng, self._total = np.random.default_rng(seed), self.vocabulary.total_words
        self._alone = np.cumsum(arrays["probability.1"].astype(np.float64))
        self._children = [arrays[f"children.{k}"].astype(np.int64) for k in range(2, ORDER + 1)]
        self._words = [arrays[f"word.{k}"].astype(np.int64) for k in range(2, ORDER + 1)]
        shares = (arrays[f"probability.{k}"].astype(np.float64) for k in range(2, ORDER + 1))
        self._sums = [np.concatenate(([0.0], np.cumsum(share))) for share in shares]
        self._keys = []
        for children, words in zip(self._children, self._words, strict=True):
            parents = np.repeat(np.arange(len(children) - 1), np.diff(children))
            self._keys.append(parents * self._total + words)
        # [order - 1, streams]: the node of the last k words, -1 if it is not there.
        self._nodes = np.full((ORDER - 1, STREAMS), -1)
        self._nodes[0] = BEGIN_ID

    def sample(self, steps: int) -> Ids:
        """The next words of all texts [streams, steps]."""
        found = np.empty((STREAMS, steps), np.int64)
        for step in range(steps):
            found[:, step] = words = self._next()
            self._go_on(np.where(words == END_ID, BEGIN_ID, words))
        return found

    def _next(self) -> Ids:
        words, open_ = np.zeros(STREAMS, np.int64), np.ones(STREAMS, bool)
        for level in reversed(range(ORDER - 1)):
            some = np.flatnonzero(open_ & (self._nodes[level] >= 0))
            nodes, sums = self._nodes[level, some], self._sums[level]
            begin, end = (self._children[level][nodes + more] for more in (0, 1))
            drawn = sums[begin] + self._rng.random(len(some))
            is_listed = drawn < sums[end]
            place = np.searchsorted(sums, drawn[is_listed], side="right") - 1
            words[some[is_listed]] = self._words[level][np.minimum(place, end[is_listed] - 1)]
            open_[some[is_listed]] = False
        rest = np.flatnonzero(open_)
        drawn = self._rng.random(len(rest)) * self._alone[-1]
        words[rest] = np.minimum(np.searchsorted(self._alone, drawn), self._total - 1)
        return words

    def _go_on(self, words: Ids) -> None:
        before = self._nodes.copy()
        self._nodes[0] = words
        for level in range(ORDER - 2):
            keys = before[level] * self._total + words
            place = np.minimum(np.searchsorted(self._keys[level], keys), len(self._keys[level]) - 1)
            is_there = (before[level] >= 0) & (self._keys[level][place] == keys)
            self._nodes[level + 1] = np.where(is_there & (words != BEGIN_ID), place, -1)


class Speller:
    """Writes ids as text, with the usual spaces around marks and capitals after full stops."""

    def __init__(self, sampler: NgramSampler, seed: int = 1) -> None:
        vocabulary = sampler.vocabulary
        self._rng = np.random.default_rng(seed)
        spelled = ["", "", "", "\n\n", *vocabulary.words]
        self._total = len(spelled)
        spaces = [(False, False)] * 4 + [usual_spaces(word) for word in vocabulary.words]
        self._before, self._after = (np.array(side) for side in zip(*spaces, strict=True))
        self._before[UNKNOWN_ID] = self._after[UNKNOWN_ID] = True
        ends = (".", "!", "?")
        self._ends = np.array([i == END_ID or word in ends for i, word in enumerate(spelled)])
        capital = [w if is_mark(w or ".") else capitalize(w) for w in spelled]
        self._pieces = np.array(
            [*spelled, *(f" {w}" for w in spelled), *capital, *(f" {w}" for w in capital)], object
        )

    def write(self, ids: Ids) -> tuple[str, int]:
        """The text of ids, and its number of words between white space."""
        before = np.concatenate(([END_ID], ids[:-1]))
        has_space = self._before[ids] & self._after[before]
        pieces = self._pieces[ids + self._total * (has_space + 2 * self._ends[before])]
        unknown = np.flatnonzero(ids == UNKNOWN_ID)
        numbers = (self._rng.pareto(0.7, len(unknown)) * 50).astype(np.int64) % MADE_UP
        pieces[unknown] = [f" {_made_up(number)}" for number in numbers.tolist()]
        return "".join(pieces), int(has_space.sum() + (ids == END_ID).sum())


def _made_up(number: int) -> str:
    """A different word for each number."""
    syllables = ""
    while True:
        number, rest = divmod(number, 75)
        syllables += "bdfghklmnprstvz"[rest // 5] + "aeiou"[rest % 5]
        if number == 0:
            return syllables


def make_text(path: Path, words: int) -> None:
    """Writes a text with about this number of words."""
    sampler = NgramSampler()
    speller, written = Speller(sampler), 0
    with path.open("w", encoding="utf-8") as file:
        while written < words:
            ids = sampler.sample(STEPS)
            ids[:, -1] = END_ID
            for some in np.array_split(ids, 20):
                text, count = speller.write(some.ravel())
                file.write(text)
                written += count
                if written >= words:
                    return


@dataclass
class Measured:
    """What a training did: the seconds until the first event of each kind, and the peak memory in
    bytes before and after it began to train."""

    at: dict[str, float] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    peaks: list[int] = field(default_factory=lambda: [0, 0])


def measure(arguments: Sequence[str], stop_after_s: float | None = None) -> Measured:
    """Runs the command line's `--train` with these arguments."""
    command = [sys.executable, "-m", "rnnlm_tui", "--train", *arguments, "--json"]
    began, found = time.perf_counter(), Measured()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    watcher = threading.Thread(target=_watch, args=(process, found), daemon=True)
    watcher.start()
    assert process.stdout is not None
    for line in process.stdout:
        event = json.loads(line)
        now = time.perf_counter() - began
        name = event["event"]
        found.at.setdefault(name, now)
        found.at[f"last {name}"] = now
        found.events.append(event)
        if stop_after_s is not None and now - found.at.get("progress", now) > stop_after_s:
            process.terminate()
            stop_after_s = None
    process.wait()
    watcher.join()
    return found


def _watch(process: subprocess.Popen[str], found: Measured) -> None:
    parent = psutil.Process(process.pid)
    while process.poll() is None:
        held = 0
        with suppress(psutil.NoSuchProcess):
            for each in (parent, *parent.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    held += each.memory_info().rss
        part = int("started" in found.at)
        found.peaks[part] = max(found.peaks[part], held)
        time.sleep(LOOK_S)


def report(path: Path, words: int, data: Path) -> Iterator[str]:
    """The lines of output for a text."""
    shared = [str(path), "--data-dir", str(data), "--force", "--mixture", "off"]
    for tokenizer in ("whitespace", "prose"):
        run = measure([*shared, "--name=n", "--preset=ngram", f"--tokenizer={tokenizer}"])
        begun = run.at["started"]
        counted = run.at["last progress"] - begun
        yield (
            f"{words:13,} words, {tokenizer:10}: read and encoded in {begun:6.1f} s,"
            f" {words / begun:11,.0f} words/s, {run.peaks[0] / MIB:6,.0f} MiB; n-grams counted in"
            f" {counted:6.1f} s, {run.peaks[1] / MIB:6,.0f} MiB"
        )
    run = measure([*shared, "--name=g", "--preset=gru"], STEPS_S)
    started = next(event for event in run.events if event["event"] == "started")
    yield (
        f"{words:13,} words, gru       : trains after {run.at['progress']:6.1f} s with"
        f" {started['parameters']:,} parameters, {run.peaks[0] / MIB:6,.0f} MiB before and"
        f" {run.peaks[1] / MIB:6,.0f} MiB while it trains"
    )


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--words", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for words in asked.words:
            path = folder / f"text-{words}.txt"
            if not path.exists():
                began = time.perf_counter()
                make_text(path, words)
                size, took = path.stat().st_size / 1e6, time.perf_counter() - began
                print(f"{words:13,} words sampled in {took:.0f} s, {size:,.0f} MB", flush=True)
            for line in report(path, words, Path(temporary)):
                print(line, flush=True)


if __name__ == "__main__":
    main()
