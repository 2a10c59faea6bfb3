"""What it costs to count the n-grams of the sonnets and of a long text.

    python -m tests.benchmarks.ngram [--words 10000000]

The long text is made up: words by Zipf's law, every second one drawn from the few that follow the
word before it, in lines of 8. Seconds are those of one core.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np

from rnnlm_tui.paths import bundled_corpus
from tests.benchmarks.prose import prepare_text
from tests.helpers.ngrams import arrays_of

LINE_WORDS, FOLLOWERS, SPELLINGS, ORDER = 8, 40, 30_000, 5


def made_up_text(words: int) -> str:
    """A text with this number of words."""
    rng = np.random.default_rng(0)
    weights = 1 / (np.arange(SPELLINGS) + 2.7)
    ids = rng.choice(SPELLINGS, words, p=weights / weights.sum()).tolist()
    choices = (rng.zipf(1.4, words) % FOLLOWERS).tolist()
    for i in (np.flatnonzero(rng.random(words - 1) < 0.5) + 1).tolist():
        ids[i] = (ids[i - 1] * 7919 + choices[i] ** 2 * 104_729) % SPELLINGS // 3
    spelled = [f"w{i}" for i in ids]
    lines = (spelled[i : i + LINE_WORDS] for i in range(0, words, LINE_WORDS))
    return "\n".join(map(" ".join, lines))


def time_counting(path: Path) -> str:
    """Seconds of counting and estimating, and the memory that this takes beside the text."""
    text = prepare_text(path, "ngram")
    tracemalloc.start()
    began = time.process_time()
    arrays = arrays_of(text, ORDER)
    seconds = time.process_time() - began
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    found = sum(len(array) for name, array in arrays.items() if name.startswith("share"))
    return f"{text.text.words:,} words, {found:,} n-grams: {seconds:.2f} s, {used / 1e6:.0f} MB"


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description="what it costs to count n-grams")
    parser.add_argument("--words", type=int, default=10_000_000)
    options = parser.parse_args()
    print("the sonnets: ", time_counting(bundled_corpus()), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made-up.txt"
        path.write_text(made_up_text(options.words))
        print("made-up text:", time_counting(path))


if __name__ == "__main__":
    main()
