"""A run's state on disk, so that it can go on exactly, and the model that it leaves."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from rnnlm_tui import model_files
from rnnlm_tui.config import RunConfig
from rnnlm_tui.errors import ModelError, RnnlmError, StorageError, reason
from rnnlm_tui.events import Event, Progress, Saved, Started, json_safe, to_json_line
from rnnlm_tui.model_files import HISTORY, MODEL, RESUME, ModelCard

FACTS = "run"
PROGRESS_EVERY_S = 1.0
"""The history file gets a progress event a second: 0.7 MB an hour."""


@dataclass(slots=True)
class Sums:
    """The figures of an epoch so far: sums in nats, divided by `examples` and `steps` once."""

    nll: float = 0.0
    penalty: float = 0.0
    correct: int = 0
    examples: int = 0
    steps: int = 0


@dataclass(slots=True)
class Position:
    """Where a run stands: all that is not a tensor.

    `epoch` is the one to go on with, `sums.steps` of its steps are done; `dropout` is the state of
    the generator of its masks, None at its start. `best_epoch` is None before the first save.
    """

    epoch: int = 1
    sums: Sums = field(default_factory=Sums)
    dropout: dict[str, Any] | None = None
    updates: int = 0
    learning_rate: float = 0.0
    recoveries: int = 0
    elapsed_s: float = 0.0
    best_epoch: int | None = None
    best_loss: float | None = None
    history: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RunState:
    """What resume.safetensors holds: the settings, where the corpus was read from, the position,
    the weights (as a saved model names them) and the optimizer's moments by parameter."""

    config: RunConfig
    corpus: dict[str, Any]
    position: Position
    weights: dict[str, NDArray[np.float32]]
    moments: dict[str, NDArray[np.float32]]


class Checkpoints:
    """The folder of one model, as its training writes it. The caller holds the model's lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fresh = True
        """True until this run has put its own model in place."""

    def save_model(
        self,
        card: ModelCard,
        words: tuple[str, ...],
        weights: Mapping[str, NDArray[np.float32]] | None,
    ) -> None:
        """Puts a model in place: first its words and weights under new names, then its card.

        `weights` None keeps the weights and their metrics, and writes the rest of the card. Raises
        StorageError; the model that was there stays whole then.
        """
        previous = self._previous_card()
        number = 1 + max(map(_number, self.folder.glob("weights-*.safetensors")), default=0)
        if self.fresh:
            vocabulary = "vocabulary.json" if previous is None else f"vocabulary-{number}.json"
            model_files.write_json(self.folder / vocabulary, {"words": words})
            card = replace(card, vocabulary=vocabulary, created=now())
        elif previous is not None:
            card = replace(card, vocabulary=previous.vocabulary, created=previous.created)
        if weights is not None:
            card = replace(card, weights=f"weights-{number}.safetensors")
            model_files.write_tensors(self.folder / card.weights, weights)
        elif previous is not None:
            card = replace(card, weights=previous.weights, metrics=previous.metrics)
        model_files.write_json(self.folder / MODEL, replace(card, updated=now()).to_json())
        self.fresh = False
        model_files.remove_leftovers(self.folder, card)

    def _previous_card(self) -> ModelCard | None:
        try:
            return model_files.read_card(self.folder)
        except ModelError:
            return None

    def best_weights(self) -> dict[str, NDArray[np.float32]]:
        """The weights of the model that this run has put in place."""
        card = model_files.read_card(self.folder)
        return model_files.read_tensors(
            self.folder / card.weights, model_files.expected_shapes(card)
        )

    def metrics(self) -> dict[str, Any]:
        """The figures of the model that this run has put in place; empty before."""
        card = None if self.fresh else self._previous_card()
        return card.metrics if card else {}

    def save_state(self, state: RunState) -> None:
        """Writes resume.safetensors. Raises StorageError."""
        facts = {
            "config": state.config.to_json(),
            "corpus": state.corpus,
            "position": asdict(state.position),
        }
        tensors = {f"weight.{name}": tensor for name, tensor in state.weights.items()}
        tensors |= {f"moment.{name}": tensor for name, tensor in state.moments.items()}
        # Facts grow with the epochs, and a header may not, so they are a tensor of bytes.
        run = np.frombuffer(json.dumps(json_safe(facts)).encode(), dtype=np.uint8)
        model_files.write_tensors(self.folder / RESUME, {**tensors, FACTS: run})


def _number(path: Path) -> int:
    digits = path.name.removeprefix("weights-").removesuffix(".safetensors")
    return int(digits) if digits.isdecimal() else 0


def now() -> str:
    """The time in UTC, as cards have it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def load_state(folder: Path, name: str) -> RunState:
    """The state of the run in `folder`. Raises ModelError where there is none to go on with."""
    path = folder / RESUME
    if not path.exists():
        raise ModelError(f"there is no run of {name} to go on with", "train it without --resume")
    model_files.check_header_size(path)
    try:
        with safe_open(path, framework="numpy") as file:
            tensors = {key: file.get_tensor(key) for key in list(file.keys())}
        facts = model_files.parse_json(tensors.pop(FACTS).tobytes(), RESUME)
        position = Position(**facts["position"])
        position.sums = Sums(**facts["position"]["sums"])
        config = RunConfig.from_json(facts["config"])
        corpus = dict(facts["corpus"])
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RnnlmError) as error:
        raise ModelError(
            f"the state of the run of {name} is damaged: {error}", "train it anew with --force"
        ) from error
    return RunState(config, corpus, position, _part(tensors, "weight."), _part(tensors, "moment."))


def _part(tensors: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def record(events: Iterable[Event], folder: Path) -> Iterator[Event]:
    """Passes events on, each written to the folder's history before.

    A run that starts anew drops the history of the run before it once it has saved a model of its
    own. Raises StorageError.
    """
    path = folder / HISTORY
    started_at, last_progress = 0, -PROGRESS_EVERY_S
    for event in events:
        if isinstance(event, Started):
            size = _mended_size(path)
            started_at = size if event.epochs_done == 0 else 0
        if isinstance(event, Progress):
            if event.time - last_progress < PROGRESS_EVERY_S:
                yield event
                continue
            last_progress = event.time
        _append(path, to_json_line(event) + "\n")
        if isinstance(event, Saved) and started_at > 0:
            kept = path.read_bytes()[started_at:]
            model_files.write_file(path, partial(_write_bytes, raw=kept))
            started_at = 0
        yield event


def _append(path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise StorageError(f"could not write {path}: {reason(error)}") from error


def _write_bytes(path: Path, raw: bytes) -> None:
    path.write_bytes(raw)


def _mended_size(path: Path) -> int:
    """The size of the file, a last line that a killed run left half written cut off."""
    if not path.exists():
        return 0
    raw = path.read_bytes()
    whole = raw.rfind(b"\n") + 1
    if whole < len(raw):
        model_files.write_file(path, partial(_write_bytes, raw=raw[:whole]))
    return whole
