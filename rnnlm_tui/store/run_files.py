"""The folder of a run: the state that it resumes from, its history, and the files of its text.

resume.safetensors   a run that is not finished, in one file, so that its parts always fit:
    run              the `RunFacts`, as JSON
    vocabulary, conventions
                     as in a model's file
    lines.known, lines.unseen
                     as in the file of the model that the run started from
    lines.held_out   True for each line of the text that is held out
    network.*        the weights, in float32
    moment.*         Adam's moments of each parameter
    carried.*        the hidden states within an epoch, in order of the layers
run.json             the files that the saved model learned
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct, field, json
from numpy.typing import NDArray

from rnnlm_tui.config import Config
from rnnlm_tui.errors import ModelError
from rnnlm_tui.events import Count, Epoch, EpochEnded, Figure, Progress, ShortText, from_json_line
from rnnlm_tui.store import files
from rnnlm_tui.store.card import FORMAT, Ancestor, Window, parse_versioned
from rnnlm_tui.store.files import HISTORY, RESUME, RUN_JSON
from rnnlm_tui.store.tensors import open_tensors, write_tensors

FACTS, HELD_OUT = "run", "lines.held_out"
"""The names of two tensors of resume.safetensors."""
Tensors = dict[str, NDArray[Any]]


class Totals(Struct):
    """Sums over the finished steps of an epoch."""

    predictions: Figure = 0.0
    nll: Figure = 0.0
    """The losses of the predictions, in nats."""
    penalty: Figure = 0.0
    hits: Figure = 0.0
    """The number of right predictions, which only the lesson counts."""

    def add(self, predictions: float, nll: float, penalty: float, hits: float) -> None:
        self.predictions += predictions
        self.nll += nll
        self.penalty += penalty
        self.hits += hits


class Position(Struct):
    """The progress of a run: `step` steps of `epoch` are done, and `totals` are their sums."""

    epoch: Epoch = 1
    step: Count = 0
    totals: Totals = field(default_factory=Totals)
    best_epoch: Epoch | None = None
    best_loss: Figure | None = None
    elapsed_s: Figure = 0.0


class RunFacts(Struct, kw_only=True):
    """What a run is made of, and how far it is, as it is saved to be resumed.

    Attributes:
        created: The time when the training began. It identifies the new model.
        sources: The files of the text; none for the sonnets.
        sha256: The hash of the text.
        seed_line: The line that is continued after each epoch. An order to the run can replace it.
        ancestors: The ancestors of the parent, and the parent.
        blocked_words: The words that the parent never suggests and that the text does not have.
        base: The name of the built-in model to mix with, or None.
        known_to_base: The share of the text's words that are frequent in the language of the base.
            None if the mixture always keeps the base.
        is_update: True if the new model replaces the one of this name, provided it is better.
    """

    format: int = FORMAT
    config: Config
    created: ShortText
    sources: list[str]
    encoding: ShortText | None
    sha256: ShortText
    seed_line: str
    window: Window
    ancestors: list[Ancestor] = []
    blocked_words: list[ShortText] = []
    base: ShortText | None = None
    known_to_base: Figure | None = None
    is_update: bool = False
    position: Position = field(default_factory=Position)


class ModelSources(Struct):
    """The contents of run.json. The bundled text has no sources."""

    sources: list[str] = []
    encoding: str | None = None


def write_state(folder: Path, facts: RunFacts, tensors: Tensors) -> None:
    """Writes resume.safetensors. Raises StorageError."""
    raw = np.frombuffer(json.encode(facts), np.uint8)
    write_tensors(folder / RESUME, {**tensors, FACTS: raw}, {})


def read_facts(folder: Path) -> RunFacts:
    """Returns the facts of the run in `folder`, without its tensors. Raises ModelError."""
    with open_tensors(folder / RESUME) as file:
        return _facts_in(file)


def read_state(folder: Path) -> tuple[RunFacts, Tensors]:
    """Returns the facts of the run in `folder`, and its tensors. Raises ModelError."""
    with open_tensors(folder / RESUME) as file:
        names = file.keys()
        tensors = {name: file.get_tensor(name) for name in names if name != FACTS}
        return _facts_in(file), tensors


def _facts_in(file: Any) -> RunFacts:
    """Returns the facts in an open file. Raises ModelError."""
    return parse_versioned(file.get_tensor(FACTS).tobytes(), RunFacts, "its record")


def write_sources(folder: Path, sources: list[str], encoding: str | None) -> None:
    """Stores the sources of a model's text, which its file does not have. Raises StorageError."""
    files.write_json(folder / RUN_JSON, ModelSources(sources, encoding))


def read_sources(folder: Path) -> ModelSources:
    """Reads run.json. Returns no sources if that fails. The bundled text has none either. The hash
    of a text tells the two cases apart."""
    with suppress(OSError, ModelError):
        return files.parse_json(files.read_bytes(folder / RUN_JSON), ModelSources, RUN_JSON)
    return ModelSources()


def read_epochs(folder: Path) -> list[EpochEnded]:
    """Returns the epochs in the history of a run, a repeated one as it was the last time."""
    events = read_history(folder)
    return [*{event.epoch: event for event in events if isinstance(event, EpochEnded)}.values()]


def read_history(folder: Path, detailed: int = 0) -> Iterator[Progress | EpochEnded]:
    """Yields the epochs in the history of a run, and the progress in the first `detailed` ones."""
    ended = 0
    with suppress(OSError), files.open_file(folder / HISTORY) as lines:
        for line in lines:
            # Epochs have a field "train". The progress of an hour would take 0.1 s to parse.
            if b'"train"' in line or (ended < detailed and b'"progress"' in line):
                with suppress(ValueError):
                    event = from_json_line(line)
                    ended += isinstance(event, EpochEnded)
                    if isinstance(event, Progress | EpochEnded):
                        yield event
