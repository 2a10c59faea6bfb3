"""Measures the time and memory to read, cut and number prose, and to count its n-grams.

    python -m tests.benchmarks.prose FILE [FILE ...] [--words 10000000]

The text is that of the files, repeated up to the number of words, for a `gru` with the default
settings. Seconds are those of one core. Memory is the peak, without that of the program itself.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

from rnnlm_tui.config import NgramConfig, make_config
from rnnlm_tui.lm.ngram import ngram_counts
from rnnlm_tui.text.prepare import Prepared
from rnnlm_tui.text.reading import arrange_lines, read_corpus
from rnnlm_tui.training.start import prepare_start
from tests.helpers.texts import arrays_of


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description="how fast prose is read, cut and numbered")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--words", type=int, default=10_000_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "text.txt"
        repeat(asked.files, asked.words, path)
        before, began = peak_memory(), time.process_time()
        found = prepare_text(path, "gru")
        seconds, used = time.process_time() - began, peak_memory() - before
    words, numbered = found.corpus.words, found.train.words + found.held_out.words
    print(f"{words:,} words, {numbered:,} words and marks")
    print(f"{seconds:.1f} s, {words / seconds / 1e6:.2f} million words a second")
    print(f"{used / 1e6:.0f} MB, {used / words:.1f} bytes a word")
    began = time.process_time()
    ngrams = sum(ngram_counts(arrays_of(found, NgramConfig().order)))
    seconds, used = time.process_time() - began, peak_memory() - before
    print(f"{ngrams:,} n-grams: {seconds:.1f} s, {used / 1e6:.0f} MB with the text")


def repeat(files: list[Path], words: int, path: Path) -> None:
    """Writes the files to one file, as often as it takes for about this number of words."""
    text = "\n\n".join(file.read_text("utf-8") for file in files) + "\n\n"
    times = -(-words // len(text.split()))
    with path.open("w", encoding="utf-8") as file:
        for _ in range(times):
            file.write(text)


def prepare_text(path: Path, preset: str, **settings: object) -> Prepared:
    """Prepares the text of a file for a model that starts from nothing."""
    text = read_corpus([path])
    config = make_config(preset, [settings], text.words)
    return prepare_start(None, arrange_lines(text, config.lines), config, lambda *of: None).prepared


def peak_memory() -> int:
    """The most bytes that this process has held."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


if __name__ == "__main__":
    main()
