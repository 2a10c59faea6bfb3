"""Seconds an epoch: the lesson's own code in tf.keras, and this program, in turn.

    pip install -e '.[bench]'
    python -m tests.benchmarks.lesson_epoch [--epochs 6] [--turns 2] [--threads N]

Each turn starts a fresh process of either side, which trains the lesson's network on the sonnets
with the lesson's recipe (batches of 32, Adam, categorical cross-entropy). The first epoch of each
process is left out, since both sides prepare themselves in it. Ours is the real command and its
epochs include the sample, the model's save and the state's save after each. A process runs at
least six epochs and the slowest is shown next to the median, because subnormal numbers slow an
epoch down from the second one on. Without tf.keras only ours is measured.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

from rnnlm_tui.formatting import plural
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.threads import usable_cores

FEWEST_EPOCHS = 6
"""With fewer the slow epochs that subnormal numbers cause would not show."""


def lesson_in_keras(threads: int, text: str | None = None, seed: int = 0) -> tuple[Any, Any, Any]:
    """The lesson's network in tf.keras, its features and its targets, of the sonnets by default."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import numpy as np
    import tensorflow as tf
    import tf_keras as keras

    from rnnlm_tui.config import make_config
    from rnnlm_tui.lm.registry import prepare_corpus
    from rnnlm_tui.text.corpus import read_corpus
    from rnnlm_tui.text.prepare import PreparedPrefixes

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    keras.utils.set_random_seed(seed)
    corpus = read_corpus([text or bundled_corpus()])
    prepared = prepare_corpus(corpus, make_config("lesson", []))
    assert isinstance(prepared, PreparedPrefixes)
    features, labels = prepared.examples.batch(np.arange(len(prepared.examples)))
    total = prepared.vocabulary.total_words
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
    return model, features, keras.utils.to_categorical(labels, num_classes=total)


def keras_epochs(epochs: int, threads: int) -> None:
    """Trains in tf.keras as the lesson does; prints a line of JSON an epoch."""
    model, features, targets = lesson_in_keras(threads)
    for epoch in range(1, epochs + 1):
        start = time.perf_counter()
        result = model.fit(features, targets, batch_size=32, epochs=1, verbose=0).history
        seconds = time.perf_counter() - start
        facts = {"epoch": epoch, "seconds": seconds, "accuracy": result["accuracy"][0]}
        print(json.dumps({**facts, "loss": result["loss"][0]}), flush=True)


def our_epochs(epochs: int, threads: int | None) -> list[float]:
    """Seconds of each epoch of the real command after the first."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["--train", "--json", "--name", "bench", "--data-dir", folder]
        arguments += ["--epochs", str(epochs)]
        arguments += ["--threads", str(threads)] if threads else []
        command = [sys.executable, "-m", "rnnlm_tui", *arguments]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    saved = [e["time"] for e in map(json.loads, lines.splitlines()) if e["event"] == "saved"]
    return [after - before for before, after in itertools.pairwise(saved)]


def their_epochs(epochs: int, threads: int | None) -> list[float]:
    """Seconds of each epoch of the lesson's own code after the first."""
    arguments = ["--keras-only", "--epochs", str(epochs)]
    arguments += ["--threads", str(threads)] if threads else []
    command = [sys.executable, "-m", "tests.benchmarks.lesson_epoch", *arguments]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line)["seconds"] for line in lines.splitlines()[1:]]


def summarized(name: str, seconds: list[float]) -> str:
    """The median and the slowest of these epochs."""
    median, slowest = statistics.median(seconds), max(seconds)
    return f"{name} {median:.2f} s (slowest {slowest:.2f} s)"


def main() -> int:
    """Prints each turn, the medians and their ratio."""
    parser = argparse.ArgumentParser(description="the lesson in tf.keras and in this program")
    parser.add_argument("--epochs", type=int, default=6, help="epochs a turn, the first left out")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--threads", type=int, help="of both; else all, and those that we choose")
    parser.add_argument("--keras-only", action="store_true", help="the lesson's own code alone")
    options = parser.parse_args()
    if options.epochs < FEWEST_EPOCHS:
        parser.error(f"--epochs must be {FEWEST_EPOCHS} or more")
    if options.keras_only:
        keras_epochs(options.epochs, options.threads or usable_cores())
        return 0
    sides = {"ours": our_epochs}
    if importlib.util.find_spec("tf_keras") is None:
        print("tf.keras is not installed: pip install -e '.[bench]'", file=sys.stderr)
    else:
        sides = {"tf.keras": their_epochs, **sides}
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    for turn in range(1, options.turns + 1):
        for side, run in sides.items():
            found = run(options.epochs, options.threads)
            seconds[side] += found
            print(f"turn {turn}: an epoch of {summarized(side, found)}", flush=True)
    threads = plural(options.threads or usable_cores(), "thread")
    print(f"in all, {'' if options.threads else 'up to '}{threads}, an epoch of:")
    print("\n".join(f"  {summarized(side, found)}" for side, found in seconds.items()))
    if "tf.keras" in seconds:
        ratio = statistics.median(seconds["tf.keras"]) / statistics.median(seconds["ours"])
        print(f"  {ratio:.2f} times as fast")
    return 0


if __name__ == "__main__":
    sys.exit(main())
