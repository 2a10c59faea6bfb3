"""What counting costs: the sonnets, a million words, and one distribution.

    python -m tests.benchmarks.ngram [--words N]

The text of a million words is made up: words by Zipf's law, every second one drawn from the few
that follow the word before it, in lines of 8. The command line trains in a process of its own, held
to one core where the system can; its peak memory is that of the whole process. The distribution is
timed on a model of the same text with 10,000 words, at contexts of held-out lines.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from rnnlm_tui.config import make_config
from rnnlm_tui.lm.ngram import NgramModel
from rnnlm_tui.lm.registry import prepare_corpus
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.text.corpus import read_corpus
from rnnlm_tui.text.prepare import PreparedLines
from rnnlm_tui.text.tokenizers import TOKENIZERS
from tests.helpers.ngrams import arrays_of

LINE_WORDS, FOLLOWERS, SPELLINGS = 8, 40, 30_000
ORDER, DISTRIBUTIONS, DISTRIBUTION_WORDS = 5, 3_000, 10_000


def made_up_text(words: int) -> str:
    """A text with this number of words."""
    rng = np.random.default_rng(0)
    weights = 1 / (np.arange(SPELLINGS) + 2.7)
    drawn = rng.choice(SPELLINGS, words, p=weights / weights.sum())
    choice = rng.zipf(1.4, words) % FOLLOWERS
    follows = rng.random(words) < 0.5
    ids = drawn.tolist()
    for i in range(1, words):
        if follows[i]:
            ids[i] = (ids[i - 1] * 7919 + int(choice[i]) ** 2 * 104_729) % SPELLINGS // 3
    spelled = [f"w{i}" for i in ids]
    lines = (spelled[i : i + LINE_WORDS] for i in range(0, words, LINE_WORDS))
    return "\n".join(map(" ".join, lines))


def prepared(path: Path, max_vocabulary: int | None = None) -> PreparedLines:
    """The text as the preset has it by default."""
    corpus = read_corpus([path])
    settings = {"order": ORDER, "max_vocabulary": max_vocabulary}
    text = prepare_corpus(corpus, make_config("ngram", [settings]))
    assert isinstance(text, PreparedLines)
    return text


def time_counting(path: Path) -> str:
    """Seconds of counting and estimating alone, and of the whole command; its peak memory."""
    text = prepared(path)
    began = time.process_time()
    arrays = arrays_of(text, ORDER)
    counting = time.process_time() - began
    sequences = sum(len(array) for name, array in arrays.items() if name.startswith("probability"))
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "rnnlm_tui", "--train", str(path), "--preset=ngram"]
        command += ["--on=none"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.perf_counter()
        subprocess.run([*command, "--quiet", "--data-dir", folder], check=True)
        wall = time.perf_counter() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    user = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    different = len(text.vocabulary.words)
    return (
        f"{text.tokens:9,} tokens, {different:6,} different, {sequences:9,} sequences:"
        f" counted in {counting:.2f} s of a core; the whole command {wall:.2f} s, {user:.2f} s of a"
        f" core, at most {after.ru_maxrss / 1024:.0f} MiB"
    )


def time_distributions(path: Path) -> str:
    """Milliseconds of a distribution over all words."""
    text = prepared(path, DISTRIBUTION_WORDS)
    model = NgramModel(ORDER, text.vocabulary, TOKENIZERS["lesson"], arrays_of(text, ORDER))
    times = []
    for context, _ in text.held_out.first(DISTRIBUTIONS):
        began = time.perf_counter()
        model.next_word_probabilities(context)
        times.append(1000 * (time.perf_counter() - began))
    cuts = statistics.quantiles(times, n=100)
    return (
        f"a distribution over {text.vocabulary.total_words:,} ids: p50 {cuts[49]:.3f} ms,"
        f" p95 {cuts[94]:.3f} ms, at most {max(times):.3f} ms"
    )


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--words", type=int, default=1_000_000)
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print("the sonnets    ", time_counting(bundled_corpus()))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made-up.txt"
        path.write_text(made_up_text(options.words))
        print("made-up text   ", time_counting(path))
        print(time_distributions(path))


if __name__ == "__main__":
    main()
