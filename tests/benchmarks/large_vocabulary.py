"""A vocabulary of 250,000 words: the memory of its training, and the time of a suggestion.

    python -m tests.benchmarks.large_vocabulary [--total 250000] [--words 1500000] [--keys 2000]

Makes a text of `--words` words with `--total` different ones, drawn by Zipf's law; trains the
default `gru` alone on it for a few seconds, and prints its peak memory next to the estimate of the
data card. Then types lines of the text into the engine key by key.
"""

from __future__ import annotations

import argparse
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

import psutil

from rnnlm_tui.event_types import Progress, Started, from_json_line
from rnnlm_tui.formatting import format_bytes
from rnnlm_tui.threads import use_one_thread

use_one_thread()  # as every query does, before numpy is loaded

import numpy as np

from rnnlm_tui.config import CausalConfig, make_config
from rnnlm_tui.lm.causal import WINDOW, CausalModel, causal_shapes
from rnnlm_tui.text.tokenizer import Conventions
from rnnlm_tui.text.tokenizers import make_tokenizer
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS, Vocabulary
from tests.benchmarks.suggestion import time_keys
from tests.helpers.networks import normal_weights

SYLLABLES = [a + b for a in "bcdfghjklmnprstvwz" for b in ("a", "e", "i", "o", "u", "an", "er")]
LINE_WORDS = 12
MEASURED_S = 15.0


def spelled(number: int) -> str:
    """A word for each number, frequent ones short."""
    word = ""
    while number or not word:
        number, rest = divmod(number, len(SYLLABLES))
        word = SYLLABLES[rest] + word
    return word


def drawn_lines(words: list[str], count: int) -> list[str]:
    """Lines with `count` words: each of `words` once, the rest drawn by Zipf's law."""
    rng, weights = np.random.default_rng(0), 1 / (np.arange(len(words)) + 2.7)
    drawn = rng.choice(len(words), count - len(words), p=weights / weights.sum())
    ids = rng.permutation(np.concatenate([np.arange(len(words)), drawn]))
    text = [words[i] for i in ids]
    return [" ".join(text[i : i + LINE_WORDS]) for i in range(0, count, LINE_WORDS)]


def memory(text: Path, total: int) -> tuple[int, int, float]:
    """The memory that the training announces, its peak memory, and its words a second."""
    train = ["--train", str(text), "--preset=gru", "--mixture=off", "--on=none", "--name=large"]
    sizes = [f"--max-vocabulary={total}", "--held-out=0.01", "--json", f"--data-dir={text.parent}"]
    command = [sys.executable, "-m", "rnnlm_tui", *train, *sizes]
    told, peak, speeds, began = 0, 0, list[float](), None
    with subprocess.Popen(command, encoding="utf-8", stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for line in process.stdout:
            event = from_json_line(line)
            if isinstance(event, Started):
                told = event.memory_bytes
            if isinstance(event, Progress):
                began = began or time.monotonic()
                peak = max(peak, psutil.Process(process.pid).memory_info().rss)
                speeds.append(event.examples_per_s)
                if time.monotonic() - began > MEASURED_S:
                    break
        process.send_signal(signal.SIGKILL)
    return told, peak, statistics.median(speeds)


def milliseconds(words: list[str], lines: list[str], keys: int) -> list[float]:
    """The times of `keys` suggestions by a network of random weights, one for each key."""
    config = make_config("gru", [], len(lines) * LINE_WORDS).model
    assert isinstance(config, CausalConfig)
    vocabulary = Vocabulary(words, SPECIAL_TOKENS)
    weights = normal_weights(causal_shapes("gru", config, vocabulary.total_words), 0.05)
    tokenizer = make_tokenizer("prose", Conventions(), vocabulary)
    model = CausalModel("gru", config, vocabulary, tokenizer, WINDOW, weights)
    return [milliseconds for _, milliseconds in islice(time_keys(model, lines), keys)]


def main() -> None:
    """Prints both figures."""
    parser = argparse.ArgumentParser(description="a large vocabulary")
    parser.add_argument("--total", type=int, default=250_000)
    parser.add_argument("--words", type=int, default=1_500_000)
    parser.add_argument("--keys", type=int, default=2_000)
    options = parser.parse_args()
    words = [spelled(number) for number in range(options.total)]
    lines = drawn_lines(words, options.words)
    times = milliseconds(words, lines, options.keys)
    cuts = statistics.quantiles(times[1:], n=100)
    print(f"{options.total:,} words: a suggestion p50 {cuts[49]:.2f}, p95 {cuts[94]:.2f} ms,")
    print(f"the first {times[0]:.0f} ms")
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "large.txt"
        text.write_text("\n".join(lines))
        told, peak, speed = memory(text, options.total)
    print(f"training: {format_bytes(told)} told, {format_bytes(peak)} used, {speed:,.0f} words/s")


if __name__ == "__main__":
    main()
