"""Compares the seconds an epoch of the lesson's own code in tf.keras and of this program, in turn.

    pip install -e '.[bench]'
    python -m tests.benchmarks.lesson_epoch [--epochs 6] [--turns 2] [--threads N]

Each turn starts a fresh process of either side, which trains the lesson's network on the sonnets
with the lesson's recipe (batches of 32, Adam, categorical cross-entropy). The first epoch of each
process is left out, since it includes preparations. Our side is the real command: each epoch
includes the sample and the saving of the model and of the training's state. The slowest epoch is
shown next to the median, because subnormal numbers slow an epoch down from the second one on.
Without tf.keras only our side is measured.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise

import numpy as np

from rnnlm_tui.events import Saved, from_json_line
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.threads import usable_cores
from tests.benchmarks.prose import prepare_text


def train_in_keras(epochs: int, threads: int) -> None:
    """Trains in tf.keras as the lesson does; prints the time at the end of each epoch."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf
    import tf_keras as keras

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    keras.utils.set_random_seed(0)
    prepared = prepare_text(bundled_corpus(), "lesson")
    which = np.arange(prepared.predictions)
    features, labels = prepared.train.windows(which, prepared.window)
    total = prepared.vocabulary.total_words
    targets = keras.utils.to_categorical(labels, num_classes=total)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Embedding(total, 100, input_length=prepared.window),
            layers.Bidirectional(layers.SimpleRNN(150, return_sequences=True)),
            layers.Dropout(0.2),
            layers.SimpleRNN(100),
            layers.Dense(
                total // 2, activation="relu", kernel_regularizer=keras.regularizers.l2(0.01)
            ),
            layers.Dense(total, activation="softmax"),
        ]
    )
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    for _ in range(epochs):
        model.fit(features, targets, batch_size=32, epochs=1, verbose=0)
        print(time.perf_counter(), flush=True)


def seconds_of_epochs(side: str, epochs: int, threads: int | None) -> list[float]:
    """The seconds of each epoch after the first, in a new process of this side."""
    program = "rnnlm_tui" if side == "ours" else "tests.benchmarks.lesson_epoch"
    command = [sys.executable, "-m", program, f"--epochs={epochs}"]
    command += [f"--threads={threads}"] if threads else []
    with tempfile.TemporaryDirectory() as folder:
        command += ["--train", "--json", "--data-dir", folder] if side == "ours" else ["--keras"]
        printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    lines = printed.splitlines()
    if side == "ours":
        events = map(from_json_line, lines)
        ends = [event.time for event in events if isinstance(event, Saved)]
    else:
        ends = [*map(float, lines)]
    return [after - before for before, after in pairwise(ends)]


def main() -> None:
    """Prints the medians."""
    parser = argparse.ArgumentParser(description="the lesson in tf.keras and in this program")
    parser.add_argument("--epochs", type=int, default=6, help="epochs a turn, the first left out")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--threads", type=int, help="of both; else all, and those that we choose")
    parser.add_argument("--keras", action="store_true", help="the lesson's own code alone")
    options = parser.parse_args()
    if options.keras:
        train_in_keras(options.epochs, options.threads or usable_cores())
        return
    sides = ["tf.keras", "ours"]
    if importlib.util.find_spec("tf_keras") is None:
        print("tf.keras is not installed: pip install -e '.[bench]'", file=sys.stderr)
        sides = ["ours"]
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(options.turns):
        for side in sides:
            seconds[side] += seconds_of_epochs(side, options.epochs, options.threads)
    for side, found in seconds.items():
        print(f"{side}: {statistics.median(found):.2f} s an epoch (slowest {max(found):.2f} s)")


if __name__ == "__main__":
    main()
