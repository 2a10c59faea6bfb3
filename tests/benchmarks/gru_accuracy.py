"""How soon a GRU reaches the training accuracy that the lesson's own code ends with.

    python -m tests.benchmarks.gru_accuracy [--threads N] [--epochs 30]

Trains the preset `gru` on the sonnets with nothing held out, no dropout and every word known. After
each epoch, while the clock is stopped, the accuracy is measured on the lesson's pairs: every word
of a line but its first. The lesson's code in tf.keras took 32 minutes to 59.4 %: 130 epochs on 2
cores, as measured once.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import rnnlm_tui
from rnnlm_tui.evaluate import score
from rnnlm_tui.event_types import Saved, Started
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.store.library import Library
from rnnlm_tui.text.reading import read_text

LESSON_ACCURACY, LESSON_SECONDS = 0.594, 1920
ALONE = {"on": "none", "mixture": "off", "held_out": 0, "dropout": 0, "unk_rate": 0}


def share_right(folder: str, text: Path) -> float:
    """The share of the lesson's pairs that the network predicts."""
    model = Library(Path(folder)).open("gru")[1]
    lines = score(model, read_text([text]), counts_keys=False)
    ranks = [word.rank for line in lines for word in line.words[1:]]
    return ranks.count(1) / len(ranks)


def main() -> None:
    """Prints each epoch and how many times sooner the accuracy was reached."""
    parser = argparse.ArgumentParser(description="a GRU's time to the lesson's accuracy")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--epochs", type=int, default=30)
    options = {**ALONE, **vars(parser.parse_args()), "preset": "gru", "name": "gru"}
    text, spent, accuracy, began = bundled_corpus(), 0.0, 0.0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        for event in rnnlm_tui.events(text, data_dir=folder, **options):
            if isinstance(event, Saved):
                spent += time.perf_counter() - began
                accuracy = share_right(folder, text)
                print(f"epoch {event.epoch:2}  {spent:5.1f} s  {accuracy:.1%}", flush=True)
            if accuracy >= LESSON_ACCURACY:
                print(f"{LESSON_SECONDS / spent:.0f} times sooner than the lesson's code")
                break
            if isinstance(event, (Started, Saved)):
                began = time.perf_counter()


if __name__ == "__main__":
    main()
