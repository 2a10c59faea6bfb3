"""A run's state on disk, so that it can go on exactly, and the model that it leaves."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from rnnlm_tui.config import CausalTrainConfig, NetworkTrainConfig, RunConfig, TextConfig
from rnnlm_tui.errors import ModelError, StorageError, os_reason
from rnnlm_tui.events import json_safe
from rnnlm_tui.lm.registry import ARCHITECTURES
from rnnlm_tui.store import files
from rnnlm_tui.store.card import FORMAT, ModelCard, is_epoch, read_card
from rnnlm_tui.store.files import MODEL, RESUME, VOCABULARIES, WEIGHTS
from rnnlm_tui.store.load import parse_words
from rnnlm_tui.store.run_state import DAMAGE, FACTS, checked_config
from rnnlm_tui.store.weights import check_header_size, is_usable, read_weights, write_tensors
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS

LAST_NUMBER = 999_999_999
"""The largest that the names of weights and vocabularies can hold."""


@dataclass(slots=True)
class EpochTotals:
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
    sums: EpochTotals = field(default_factory=EpochTotals)
    dropout: dict[str, Any] | None = None
    updates: int = 0
    learning_rate: float = 0.0
    recoveries: int = 0
    elapsed_s: float = 0.0
    best_epoch: int | None = None
    best_loss: float | None = None
    history: list[dict[str, Any]] = field(default_factory=list)

    def patience_exhausted(self, train: TextConfig) -> bool:
        """Whether the held-out loss has not been better for as long as a run waits for it."""
        if not isinstance(train, CausalTrainConfig) or not self.history:
            return False
        return train.patience_exhausted(self.history[-1]["epoch"], self.best_epoch)


@dataclass(frozen=True, slots=True)
class RunState:
    """What resume.safetensors holds: the settings, where the corpus was read from, the position,
    the weights (as a saved model names them), the optimizer's moments by parameter, and the state
    in which the next batch finds the network, empty at the start of an epoch."""

    config: RunConfig
    corpus: dict[str, Any]
    position: Position
    weights: dict[str, NDArray[np.float32]]
    moments: dict[str, NDArray[np.float32]]
    hidden_state: dict[str, NDArray[np.float32]] = field(default_factory=dict)


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
        weights: Mapping[str, NDArray[Any]] | None,
    ) -> None:
        """Puts a model in place: first its words and weights under new names, then its card.

        `weights` None keeps the weights and their metrics, and writes the rest of the card. Raises
        StorageError, the model that was there stays whole then; ModelError where there are no
        weights to keep.
        """
        previous = self._previous_card()
        try:
            self._put_in_place(card, words, weights, previous)
        finally:
            in_place = self._previous_card()
            if in_place is not None:
                files.remove_leftovers(self.folder, (in_place.weights, in_place.vocabulary))

    def _put_in_place(
        self,
        card: ModelCard,
        words: tuple[str, ...],
        weights: Mapping[str, NDArray[Any]] | None,
        previous: ModelCard | None,
    ) -> None:
        number = _next_number(previous)
        if self.fresh or previous is None:
            vocabulary = "vocabulary.json" if previous is None else f"vocabulary-{number}.json"
            special_tokens = ARCHITECTURES[card.config.preset].special_tokens
            files.write_json(self.folder / vocabulary, {"specials": special_tokens, "words": words})
            card = replace(card, vocabulary=vocabulary, created=now())
        else:
            card = replace(card, vocabulary=previous.vocabulary, created=previous.created)
        if weights is not None:
            card = replace(card, weights=f"weights-{number}.safetensors")
            write_tensors(self.folder / card.weights, weights)
        elif previous is not None:
            card = replace(card, weights=previous.weights, metrics=previous.metrics)
        else:
            raise ModelError(
                f"the model in {self.folder} is gone or damaged, and with it the best epoch",
                "train it anew with --force",
            )
        files.write_json(self.folder / MODEL, replace(card, updated=now()).to_json())
        self.fresh = False

    def _previous_card(self) -> ModelCard | None:
        try:
            return read_card(self.folder)
        except ModelError:
            return None

    def best_weights(self) -> dict[str, NDArray[Any]]:
        """The weights of the model that this run has put in place."""
        card = read_card(self.folder)
        return read_weights(self.folder, card)

    def metrics(self) -> dict[str, Any]:
        """The figures of the model that this run has put in place; empty before."""
        card = None if self.fresh else self._previous_card()
        return card.metrics if card else {}

    def drop_state(self) -> None:
        """Removes resume.safetensors, of a run that can never go on. Raises StorageError."""
        try:
            (self.folder / RESUME).unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(
                f"could not remove {self.folder / RESUME}: {os_reason(error)}"
            ) from error

    def save_state(self, state: RunState) -> None:
        """Writes resume.safetensors. Raises StorageError."""
        facts = {
            "format": FORMAT,
            "config": state.config.to_json(),
            "corpus": state.corpus,
            "position": asdict(state.position),
        }
        tensors = {f"weight.{name}": tensor for name, tensor in state.weights.items()}
        tensors |= {f"moment.{name}": tensor for name, tensor in state.moments.items()}
        tensors |= {f"carried.{name}": tensor for name, tensor in state.hidden_state.items()}
        # Facts grow with the epochs, and a header may not, so they are a tensor of bytes.
        run = np.frombuffer(json.dumps(json_safe(facts)).encode(), dtype=np.uint8)
        write_tensors(self.folder / RESUME, {**tensors, FACTS: run})


def _next_number(previous: ModelCard | None) -> int:
    """A number for new files, none of which the card in place names."""
    if previous is None:
        return 1
    names = (WEIGHTS.fullmatch(previous.weights), VOCABULARIES.fullmatch(previous.vocabulary))
    used = {int(name[1] or 0) for name in names if name}
    following = max(used) + 1
    return following if following <= LAST_NUMBER else min({1, 2, 3} - used)


def now() -> str:
    """The time in UTC, as cards have it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def load_state(folder: Path, name: str) -> RunState:
    """The state of the run in `folder`. Raises ModelError where there is none to go on with."""
    path = folder / RESUME
    if not path.exists():
        raise ModelError(f"there is no run of {name} to go on with", "train it without --resume")
    try:
        check_header_size(path)
        with safe_open(path, framework="numpy") as file:
            tensors = {key: file.get_tensor(key) for key in list(file.keys())}
        facts = files.parse_json(tensors.pop(FACTS).tobytes(), RESUME)
        state = RunState(
            checked_config(facts),
            _checked_origin(facts["corpus"]),
            _checked_position(facts["position"]),
            _part(tensors, "weight."),
            _part(tensors, "moment."),
            _part(tensors, "carried."),
        )
        _check_tensors(state)
    except DAMAGE as error:
        raise ModelError(
            f"the state of the run of {name} is damaged: {error}", "train it anew with --force"
        ) from error
    return state


def _checked_position(data: Any) -> Position:
    """The position in parsed JSON. Raises one of DAMAGE."""
    position = Position(**data)
    position.sums = sums = EpochTotals(**data["sums"])
    counts = (position.epoch, position.updates, position.recoveries)
    for count in (*counts, sums.correct, sums.examples, sums.steps):
        if type(count) is not int or not 0 <= count < 1 << 63:
            raise ValueError("a count makes no sense")
    for number in (position.learning_rate, position.elapsed_s, sums.nll, sums.penalty):
        if type(number) not in (int, float) or not math.isfinite(number):
            raise ValueError("a figure is not a number")
    best, loss, dropout = position.best_epoch, position.best_loss, position.dropout
    if position.epoch < 1:
        raise ValueError("the epoch makes no sense")
    if best is not None and (type(best) is not int or not 1 <= best <= position.epoch):
        raise ValueError("the best epoch makes no sense")
    if loss is not None and (type(loss) not in (int, float) or not math.isfinite(loss)):
        raise ValueError("the best loss makes no sense")
    if type(position.history) is not list or not all(map(is_epoch, position.history)):
        raise ValueError("the figures of an epoch make no sense")
    if dropout is not None:
        np.random.default_rng().bit_generator.state = dropout
    return position


def _checked_origin(data: Any) -> dict[str, Any]:
    """Where the corpus was read from, in parsed JSON. Raises one of DAMAGE."""
    origin: dict[str, Any] = dict(data)
    sources = origin.get("sources", [])
    if type(sources) is not list or not all(isinstance(source, str) for source in sources):
        raise ValueError("the names of the corpus make no sense")
    if not all(isinstance(origin.get(key), str | None) for key in ("sha256", "encoding")):
        raise ValueError("the hash or the encoding of the corpus makes no sense")
    if origin.get("words") is not None:
        parse_words(origin["words"], SPECIAL_TOKENS)
        if type(origin["window"]) is not int or not 1 <= origin["window"] <= 1024:
            raise ValueError("the window makes no sense")
    return origin


def _check_tensors(state: RunState) -> None:
    """Raises ValueError for tensors, and a step size, that no run of this program saves."""
    if isinstance(state.config.train, NetworkTrainConfig) and state.position.learning_rate <= 0:
        raise ValueError("the learning rate makes no sense")
    for tensor in state.weights.values():
        if tensor.dtype != np.float32 or not is_usable(tensor):
            raise ValueError("a weight is not of usable float32 numbers")
    for tensor in (*state.moments.values(), *state.hidden_state.values()):
        if tensor.dtype != np.float32 or not np.isfinite(tensor).all():
            raise ValueError("a running mean is not of usable float32 numbers")


def _part(tensors: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
