"""Small runs for the tests of training."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from rnnlm_tui.config import make_run_config
from rnnlm_tui.events import (
    Event,
)
from rnnlm_tui.lm.registry import prepare_corpus
from rnnlm_tui.text.corpus import read_corpus
from rnnlm_tui.training.checkpoint import RunState
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.run import TrainingRun
from rnnlm_tui.training.trainer import train

SMALL = {
    "embedding_size": 6,
    "bidirectional_size": 5,
    "recurrent_size": 4,
    "threads": 1,
    "device": "cpu",
    "batch_size": 4,
}


def job(
    corpus_file: Path, folder: Path, state: RunState | None = None, **settings: Any
) -> TrainingRun:
    """A small run on this corpus into this folder."""
    config = make_run_config("lesson", [SMALL, settings])
    corpus = read_corpus([corpus_file], None, io.BytesIO())
    prepared = prepare_corpus(corpus, config)
    folder.mkdir(parents=True, exist_ok=True)
    return TrainingRun("small", folder, config, prepared, {"sources": [str(corpus_file)]}, state)


def run(small: TrainingRun, control: Control | None = None) -> list[Event]:
    """All events of the run."""
    return list(train(small, control or Control("the cat")))


def counting_job(corpus_file: Path, folder: Path, **settings: Any) -> TrainingRun:
    """A run of the preset on this corpus into this folder."""
    config = make_run_config("ngram", [settings])
    corpus = read_corpus([corpus_file], None, io.BytesIO())
    prepared = prepare_corpus(corpus, config)
    folder.mkdir(parents=True, exist_ok=True)
    return TrainingRun("counts", folder, config, prepared, {"sources": [str(corpus_file)]})
