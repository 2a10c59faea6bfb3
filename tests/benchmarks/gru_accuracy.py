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
import sys
import tempfile
import time
from pathlib import Path

from rnnlm_tui.evaluate import score
from rnnlm_tui.store.library import Library
from rnnlm_tui.training.job import Job
from rnnlm_tui.training.learner import Learner
from rnnlm_tui.training.network_learner import NetworkLearner, settings_of_torch
from rnnlm_tui.training.plan import TrainingRequest, plan

LESSON_ACCURACY, LESSON_SECONDS = 0.594, 1920


def share_right(job: Job, learner: Learner) -> float:
    """The share of the lesson's pairs that the network predicts."""
    model = job.load_network(learner.network() or {})
    lines = score(model, job.prepared.text, counts_keys=False)
    ranks = [word.rank for line in lines for word in line.words[1:]]
    return ranks.count(1) / len(ranks)


def main() -> int:
    """Prints each epoch and how many times sooner the accuracy was reached."""
    parser = argparse.ArgumentParser(description="a GRU's time to the lesson's accuracy")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--epochs", type=int, default=30)
    options = parser.parse_args()
    settings = {"held_out": 0, "dropout": 0, "unk_rate": 0, **vars(options)}
    request = TrainingRequest(preset="gru", base="none", settings=settings)
    with tempfile.TemporaryDirectory() as folder, settings_of_torch():
        job = plan(Library(Path(folder)), request).prepare(lambda *of: None)
        learner, spent = NetworkLearner(job), 0.0
        for epoch in range(1, options.epochs + 1):
            began = time.perf_counter()
            learner.begin(epoch, 0)
            for step in range(learner.steps):
                learner.step((epoch - 1 + step / learner.steps) / options.epochs)
            spent += time.perf_counter() - began
            accuracy = share_right(job, learner)
            print(f"epoch {epoch:2}  {spent:5.1f} s  {accuracy:.1%}", flush=True)
            if accuracy >= LESSON_ACCURACY:
                print(f"{LESSON_SECONDS / spent:.0f} times sooner than the lesson's code")
                return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
