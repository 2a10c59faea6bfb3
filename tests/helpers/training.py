"""Small runs for the tests of training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from rnnlm_tui.config import make_config
from rnnlm_tui.event_types import EpochEnded, Event, Progress
from rnnlm_tui.lm.registry import prepare_corpus
from rnnlm_tui.store.model_file import open_stored
from rnnlm_tui.store.run_state import TextOrigin
from rnnlm_tui.text.corpus import read_corpus
from rnnlm_tui.training import trainer
from rnnlm_tui.training.checkpoint import Checkpoint
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.ngram_trainer import train as train_ngram
from rnnlm_tui.training.run import TrainingRun
from rnnlm_tui.training.trainer import Trainer, train
from tests.helpers.commands import VERSES

SMALL: dict[str, dict[str, Any]] = {
    "lesson": {"embedding_size": 6, "bidirectional_size": 5, "recurrent_size": 4, "batch_size": 4},
    "causal": {
        "embedding_size": 6,
        "hidden_size": 5,
        "dropout": 0.3,
        "batch_size": 3,
        "bptt": 4,
        "held_out": 0.0,
        "mixture": "off",
    },
    "ngram": {"mixture": "off"},
}
ON_ONE_THREAD = {"threads": 1, "device": "cpu"}
RUNS = count()


def small_run(
    preset: str, folder: Path, state: Checkpoint | None = None, text: str = VERSES, **settings: Any
) -> TrainingRun:
    """A small run on this text in this folder, whose model is beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder.with_name(f"{folder.name}.txt")
    path.write_text(text)
    sizes = SMALL.get(preset, SMALL["causal"])
    config = make_config(preset, [{} if preset == "ngram" else ON_ONE_THREAD, sizes, settings])
    corpus = read_corpus([path])
    prepared = prepare_corpus(corpus, config)
    created = state.corpus["created"] if state else f"run {next(RUNS)}"
    origin: TextOrigin = {"created": created, "sources": [str(path)]}
    return TrainingRun("small", model_of(folder), folder, config, prepared, origin, state)


def model_of(folder: Path) -> Path:
    """The file of the model of a small run in this folder."""
    return folder.with_name(f"{folder.name}.safetensors")


def run(small: TrainingRun, control: Control | None = None) -> list[Event]:
    """All events of the run."""
    trained = train_ngram if small.config.preset == "ngram" else train
    return list(trained(small, control or Control("the cat")))


def run_stopped_at(small: TrainingRun, epoch: int, step: int) -> list[Event]:
    """The events of a run that is stopped after this step."""
    ticks, control, events = iter(range(10**9)), Control("the cat"), []
    # The clock advances a second at each reading, so that every step reports its progress.
    for event in Trainer(small, control, clock=lambda: float(next(ticks))).events():
        events.append(event)
        if isinstance(event, Progress) and (event.epoch, event.step) == (epoch, step):
            control.stop()
    return events


@contextmanager
def stopped_after(epoch: int = 1) -> Iterator[None]:
    """Trainings of networks in this process stop after this epoch, as with ctrl+c."""
    real = trainer.train

    def train(run: TrainingRun, control: Control) -> Iterator[Event]:
        for event in real(run, control):
            yield event
            if isinstance(event, EpochEnded) and event.epoch == epoch:
                control.stop()

    with mock.patch.object(trainer, "train", train):
        yield


def same_weights(first: Path, second: Path) -> bool:
    """Whether the models of two runs have exactly the same network."""
    networks = []
    for folder in (first, second):
        with open_stored(model_of(folder)) as stored:
            networks.append(stored.weights("network"))
    one, two = networks
    return one.keys() == two.keys() and all(np.array_equal(one[k], two[k]) for k in one)
