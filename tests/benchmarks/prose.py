"""The tokenizer `prose`: how fast it reads a text, in how much memory, and what comes back.

    python -m tests.benchmarks.prose FILE [FILE ...] [--words 1000000]

Prints the seconds and the memory that a million words take to be read, learned from, cut and
encoded (the first so many words of the files, repeated if they are fewer), and the share of tokens
of the last tenth of the lines, of which nothing was learned, that are written back as they were.
"""

from __future__ import annotations

import argparse
import difflib
import resource
import sys
import time
from dataclasses import replace
from itertools import accumulate, cycle, takewhile
from pathlib import Path

from rnnlm_tui.config import make_config
from rnnlm_tui.lm.registry import prepare_corpus
from rnnlm_tui.text.corpus import Corpus, read_corpus
from rnnlm_tui.text.prose_learning import learn_prose
from rnnlm_tui.text.prose_tokens import fold

MEBI = 1 << 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--words", type=int, default=1_000_000)
    asked = parser.parse_args()
    before = peak_memory()
    began = time.perf_counter()
    corpus = read_corpus(asked.files)
    corpus = first_words(corpus, asked.words)
    read = time.perf_counter()
    prepared = prepare_corpus(corpus, make_config("ngram", []))
    ended = time.perf_counter()
    used = (peak_memory() - before) / MEBI
    print(f"{corpus.words:,} words, {prepared.tokens:,} tokens")
    print(f"read {read - began:.2f} s, learn, cut and encode {ended - read:.2f} s, {used:.0f} MiB")
    print(f"come back as written: {round_trip(corpus):.2%} of the tokens")


def first_words(corpus: Corpus, words: int) -> Corpus:
    """The lines up to this number of words, repeated if they have fewer."""
    counts = accumulate(len(line.split()) for line in cycle(corpus.lines))
    lines = zip(cycle(corpus.lines), takewhile(lambda count: count < words, counts), strict=False)
    return replace(corpus, lines=tuple(line for line, _ in lines))


def round_trip(corpus: Corpus) -> float:
    """The share of the tokens of the last lines that are written back as they were."""
    lines = list(corpus.lines)
    cut = len(lines) * 9 // 10
    tokenizer = learn_prose(lines[:cut])
    total = wrong = 0
    for line in lines[cut:]:
        tokens = tokenizer.words(line)
        written, back = fold(line).split(), tokenizer.join(tokens).split()
        total += len(tokens)
        if tokens and written != back:
            found = difflib.SequenceMatcher(None, written, back, autojunk=False).get_opcodes()
            wrong += sum(max(b - a, d - c) for kind, a, b, c, d in found if kind != "equal")
    return 1 - wrong / max(1, total)


def peak_memory() -> int:
    """The most bytes that this process has held."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


if __name__ == "__main__":
    main()
