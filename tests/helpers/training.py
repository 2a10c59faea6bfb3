"""Small runs for the tests of training."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from msgspec import structs

from rnnlm_tui.config import make_config
from rnnlm_tui.events import EpochEnded, Event, Progress
from rnnlm_tui.store.files import RESUME
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.model_file import open_stored
from rnnlm_tui.store.run_files import RunFacts, read_state
from rnnlm_tui.text.reading import arrange_lines, no_report, read_corpus
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.job import Job
from rnnlm_tui.training.learner import Learner, NgramLearner
from rnnlm_tui.training.network_learner import NetworkLearner, settings_of_torch
from rnnlm_tui.training.plan import plan
from rnnlm_tui.training.request import TrainingRequest
from rnnlm_tui.training.run import Run
from rnnlm_tui.training.start import prepare_resumed, prepare_start
from tests.helpers.commands import VERSES

SMALL: dict[str, dict[str, Any]] = {
    "lesson": {"embedding_size": 6, "bidirectional_size": 5, "recurrent_size": 4, "batch_size": 4},
    "causal": {
        **{"embedding_size": 6, "hidden_size": 5, "dropout": 0.3, "batch_size": 3, "bptt": 4},
        **{"held_out": 0.0, "mixture": "off"},
    },
    "ngram": {"mixture": "off"},
}
ON_ONE_THREAD = {"threads": 1, "device": "cpu"}
RUNS = count()


def small_job(
    preset: str,
    folder: Path,
    text: str = VERSES,
    **settings: Any,
) -> Job:
    """The job of a small run on this text. It trains the model `small` of a library in this folder,
    and continues from the state of an earlier run, if there is one."""
    library = Library(folder)
    run_folder = library.runs.folder("small")
    run_folder.mkdir(parents=True, exist_ok=True)
    path = folder.with_name(f"{folder.name}.txt")
    path.write_text(text)
    sizes = SMALL.get(preset, SMALL["causal"])
    config = make_config(preset, [{} if preset == "ngram" else ON_ONE_THREAD, sizes, settings])
    lines = arrange_lines(read_corpus([path]), config.lines)
    if (run_folder / RESUME).exists():
        facts, state = read_state(run_folder)
        prepared, _ = prepare_resumed(facts.config, facts.window, state, lines, no_report)
        facts = structs.replace(facts, config=config)
        return Job(name="small", library=library, facts=facts, prepared=prepared, state=state)
    prepared = prepare_start(None, lines, config, no_report).prepared
    facts = RunFacts(
        config=config,
        created=f"run {next(RUNS)}",
        sources=[str(path)],
        encoding=None,
        sha256=prepared.corpus.sha256,
        seed_line="",
        window=prepared.window,
    )
    return Job(name="small", library=library, facts=facts, prepared=prepared)


def made(library: Library, *sources: Path, **request: Any) -> Job:
    """The job of a training request. Also makes the folder of its run."""
    if sources:
        request["sources"] = tuple(map(str, sources))
    job = plan(library, TrainingRequest(**request)).prepare(no_report)
    job.folder.mkdir(parents=True, exist_ok=True)
    return job


def model_of(folder: Path) -> Path:
    """The file of the model of a small run in this folder."""
    return Library(folder).path("small")


def run(
    job: Job, control: Control | None = None, clock: Callable[[], float] | None = None
) -> Iterator[Event]:
    """The events of the run."""
    control, is_counted = control or Control("the cat"), job.config.preset == "ngram"
    with settings_of_torch():
        learner: Learner = NgramLearner(job) if is_counted else NetworkLearner(job)
        yield from Run(job, control, learner, clock=clock or time.monotonic).events()


def ticking() -> Callable[[], float]:
    """A clock that advances a second at each reading, so that every step reports its progress."""
    ticks = count()
    return lambda: float(next(ticks))


def run_stopped_at(job: Job, epoch: int, step: int) -> list[Event]:
    """The events of a run that is stopped after this step of this epoch."""
    control, events = Control("the cat"), []
    for event in run(job, control, clock=ticking()):
        events.append(event)
        if isinstance(event, Progress) and (event.epoch, event.step) == (epoch, step):
            control.stop()
    return events


@contextmanager
def stopped_after(epoch: int = 1) -> Iterator[None]:
    """Stops trainings by a command in this process after this epoch, as ctrl+c does."""
    real = Run.events

    def events(run: Run) -> Iterator[Event]:
        for event in real(run):
            yield event
            if isinstance(event, EpochEnded) and event.epoch == epoch:
                signal.raise_signal(signal.SIGINT)

    with mock.patch.object(Run, "events", events):
        yield


def same_weights(first: Path, second: Path) -> bool:
    """True if the models of two runs have exactly the same network."""
    networks = []
    for folder in (first, second):
        with open_stored(model_of(folder)) as stored:
            networks.append(stored.network())
    one, two = networks
    return one.keys() == two.keys() and all(np.array_equal(one[k], two[k]) for k in one)
