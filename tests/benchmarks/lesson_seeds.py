"""The losses that the lesson ends with, of several seeds: in tf.keras, and in this program.

    pip install -e '.[bench]'
    python -m tests.benchmarks.lesson_seeds [--seeds 8] [--epochs 60] [--lines 400]

Trains the lesson's network on the first lines of the sonnets, since 130 epochs of all of them take
half an hour a seed. The training loss of an epoch, with the L2 term, jumps by 0.1 from one epoch to
the next, so a run counts with the median of its last 20. Prints each run, then the median and the
range of each side. Without tf.keras only ours is measured.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from rnnlm_tui.paths import bundled_corpus
from tests.benchmarks.lesson_epoch import lesson_in_keras

LAST = 20
"""Epochs whose median loss is that of a run."""


def our_losses(text: str, seed: int, epochs: int) -> list[float]:
    """The losses of the real command."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["--train", text, "--preset", "lesson", "--json", "--name", "bench"]
        arguments += ["--data-dir", folder, "--seed", str(seed), "--epochs", str(epochs)]
        command = [sys.executable, "-m", "rnnlm_tui", *arguments, "--threads", "1"]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    events = map(json.loads, lines.splitlines())
    trained = [event["train"] for event in events if event["event"] == "epoch"]
    return [losses["loss"] + losses["penalty"] for losses in trained]


def their_losses(text: str, seed: int, epochs: int) -> list[float]:
    """The losses of the lesson's own code, in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.lesson_seeds", "--keras-only", text]
    arguments = ["--first-seed", str(seed), "--epochs", str(epochs)]
    found = subprocess.run([*command, *arguments], check=True, stdout=subprocess.PIPE, text=True)
    losses: list[float] = json.loads(found.stdout)
    return losses


def main() -> None:
    """Prints each run, and the range of each side."""
    parser = argparse.ArgumentParser(description="the lesson's last losses, by seed")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--lines", type=int, default=400)
    parser.add_argument("--keras-only", metavar="TEXT", help="one seed of the lesson's own code")
    options = parser.parse_args()
    if options.keras_only:
        model, features, targets = lesson_in_keras(1, options.keras_only, options.first_seed)
        trained = model.fit(
            features, targets, batch_size=32, epochs=options.epochs, verbose=0
        ).history
        print(json.dumps(trained["loss"]))
        return
    sides = {"ours": our_losses}
    if importlib.util.find_spec("tf_keras") is None:
        print("tf.keras is not installed: pip install -e '.[bench]'", file=sys.stderr)
    else:
        sides["tf.keras"] = their_losses
    ends: dict[str, list[float]] = {side: [] for side in sides}
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "lines.txt"
        lines = bundled_corpus().read_text("utf-8").splitlines()[: options.lines]
        text.write_text("\n".join(lines), "utf-8")
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            for side, losses_of in sides.items():
                losses = losses_of(str(text), seed, options.epochs)
                ends[side].append(statistics.median(losses[-LAST:]))
                print(
                    f"seed {seed}: {side} {ends[side][-1]:.3f} (last {losses[-1]:.3f})", flush=True
                )
    for side, found in ends.items():
        spread = f"{min(found):.3f} to {max(found):.3f}"
        print(f"{side}: median {statistics.median(found):.3f}, {spread} over {len(found)} seeds")


if __name__ == "__main__":
    main()
