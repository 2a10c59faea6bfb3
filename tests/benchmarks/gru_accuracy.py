"""How soon a GRU reaches the training accuracy that the lesson's own code ends with.

    python -m tests.benchmarks.gru_accuracy [--threads N] [--epochs N] [--keras]

Trains the preset `gru` on the sonnets with nothing held out, no dropout and every word known, in
this process, as `--train` does. After each epoch the accuracy is measured on the lesson's own
pairs: every word of a line but its first, and no end of a line. The clock is stopped meanwhile.

The lesson's code in tf.keras took 1920 s (32 minutes: 130 epochs on 2 cores, as measured once) to
59.4 %. `--keras` times one of its epochs here, in a child process, and compares with 130 of those.
It needs the extra `bench`.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import time
from dataclasses import dataclass

import numpy as np
import torch

from rnnlm_tui.config import make_config
from rnnlm_tui.lm.registry import prepare_corpus
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.text.corpus import read_corpus
from rnnlm_tui.text.prepare import PreparedLines
from rnnlm_tui.text.vocabulary import PADDING
from rnnlm_tui.training.learner import HeldOutTotals, Learner
from tests.benchmarks.lesson_epoch import their_epochs

LESSON_ACCURACY, LESSON_SECONDS, LESSON_EPOCHS = 0.594, 1920, 130
"""What the lesson's own code ends with, and when: measured once, on 2 cores."""


@dataclass(frozen=True, slots=True)
class Reached:
    """Seconds of training, seconds of all cores together, and epochs."""

    seconds: float
    core_seconds: float
    epochs: int


def pairs_right(learner: Learner, lines: PreparedLines) -> float:
    """The share of the lesson's pairs that the network predicts, reading the text as streams."""
    begin, end = lines.vocabulary.begin_id or 0, lines.vocabulary.end_id or 0
    found = HeldOutTotals()
    learner.begin_epoch()
    for read, answers in learner.batches.epoch(0):
        others = read.eq(begin) | answers.eq(end)
        for logits in learner.network.logits(read, answers.masked_fill(others, PADDING)):
            found.add(logits, torch.tensor(lines.vocabulary.excluded_ids))
    return found.top1 / found.predictions


def train(threads: int, epochs: int) -> Reached | None:
    """Trains until the accuracy is that of the lesson, or `epochs` are over."""
    corpus = read_corpus([bundled_corpus()])
    settings = {"held_out": 0, "dropout": 0, "unk_rate": 0, "epochs": epochs}
    config = make_config("gru", [settings, {"threads": threads}], corpus.words)
    lines = prepare_corpus(corpus, config)
    assert isinstance(lines, PreparedLines)
    learner, spent, of_cores = Learner(config, lines), 0.0, 0.0
    for epoch in range(1, epochs + 1):
        began, cores_began = time.perf_counter(), time.process_time()
        steps = learner.batches.steps
        learner.begin_epoch()
        rng, right, count = np.random.default_rng((0, epoch, 1)), 0, 0
        for step, batch in enumerate(learner.batches.epoch(epoch)):
            loss = learner.step(*batch, rng, (epoch - 1 + step / steps) / epochs)
            right, count = right + int(loss.hits), count + loss.words
        spent += time.perf_counter() - began
        of_cores += time.process_time() - cores_began
        accuracy = pairs_right(learner, lines)
        print(
            f"epoch {epoch:2}  {spent:5.1f} s  {accuracy:.1%} of the lesson's pairs"
            f" ({right / count:.1%} of all words while training)",
            flush=True,
        )
        if accuracy >= LESSON_ACCURACY:
            return Reached(spent, of_cores, epoch)
    return None


def main() -> int:
    """Prints each epoch and how many times sooner the accuracy was reached."""
    parser = argparse.ArgumentParser(description="a GRU's time to the lesson's accuracy")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--keras", action="store_true", help="time an epoch of the lesson's code")
    options = parser.parse_args()
    if options.keras and importlib.util.find_spec("tf_keras") is None:
        print("tf.keras is not installed: pip install -e '.[bench]'", file=sys.stderr)
        return 2
    torch.set_num_threads(options.threads)
    reached = train(options.threads, options.epochs)
    if reached is None:
        print(f"{LESSON_ACCURACY:.1%} was not reached in {options.epochs} epochs")
        return 1
    print(
        f"{LESSON_ACCURACY:.1%} after {reached.seconds:.1f} s, {reached.epochs} epochs,"
        f" {options.threads} threads ({reached.core_seconds:.1f} s of a core, which a busy machine"
        f" makes no longer): {LESSON_SECONDS / reached.seconds:.0f} times sooner than the"
        f" {LESSON_SECONDS} s that the lesson's code was measured to take"
    )
    if options.keras:
        (epoch,) = their_epochs(2, options.threads)
        theirs = epoch * LESSON_EPOCHS
        print(
            f"tf.keras here: {epoch:.1f} s an epoch, {theirs:.0f} s for {LESSON_EPOCHS} of them:"
            f" {theirs / reached.seconds:.0f} times sooner"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
