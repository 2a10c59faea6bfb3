"""The state of a training as resume.safetensors holds it, without its tensors."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, NotRequired, TypedDict

import numpy as np
from msgspec import Meta, Struct, to_builtins
from numpy.typing import NDArray

from rnnlm_tui.config import CausalTrainConfig, NetworkTrainConfig, RunConfig, TextConfig
from rnnlm_tui.errors import ModelError
from rnnlm_tui.events import Count, Epoch, EpochFigures, Figure, ShortText, json_safe
from rnnlm_tui.store.card import FORMAT, Ancestor, Base, RunSettings, check_format, run_config
from rnnlm_tui.store.files import RESUME, convert_json, parse_json
from rnnlm_tui.store.load import Word, checked_vocabulary
from rnnlm_tui.store.weights import read_arrays
from rnnlm_tui.text.tokenizer import Conventions
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS

FACTS = "run"
"""The tensor of bytes that holds all that is not a tensor."""


class GeneratorState(TypedDict):
    """The state of a numpy generator, whose numbers have 128 bits."""

    bit_generator: ShortText
    state: dict[str, int]
    has_uint32: Count
    uinteger: Count


class TextOrigin(TypedDict):
    """Where the text of a run can be read again, by its hash. `words`, `window` and `conventions`
    are those of the model that the run started from, which `ancestors` end with; `unsuggested` are
    words that it never suggests and that the text does not have. `seed_line` is what it continues
    after each epoch. `base` is the model that it is built on. An update has `old_loss`, that of the
    model to replace in nats a character as written, None if nothing is held out."""

    sources: NotRequired[list[str]]
    sha256: NotRequired[ShortText | None]
    encoding: NotRequired[ShortText | None]
    seed_line: NotRequired[str]
    words: NotRequired[list[Word] | None]
    window: NotRequired[Annotated[int, Meta(ge=1, le=1024)]]
    conventions: NotRequired[Conventions]
    ancestors: NotRequired[list[Ancestor]]
    unsuggested: NotRequired[list[Word]]
    base: NotRequired[Base | None]
    old_loss: NotRequired[Figure | None]


@dataclass(slots=True)
class EpochTotals:
    """The figures of an epoch so far: sums in nats, divided by `examples` and `steps` once. Hits
    are counted over `words`, without the ends of lines."""

    nll: Figure = 0.0
    penalty: Figure = 0.0
    correct: Count = 0
    words: Count = 0
    examples: Count = 0
    steps: Count = 0


@dataclass(slots=True)
class Position:
    """How far a run has come: all of its state that is not a tensor.

    `epoch` is the next one to train, `sums.steps` of its steps are done; `dropout` is the state of
    the generator of its masks, None at its start. `best_epoch` is None before the first save.
    `new_loss` is to an update's `old_loss` what it has reached.
    """

    epoch: Epoch = 1
    sums: EpochTotals = field(default_factory=EpochTotals)
    dropout: GeneratorState | None = None
    updates: Count = 0
    learning_rate: Figure = 0.0
    recoveries: Count = 0
    elapsed_s: Figure = 0.0
    best_epoch: Epoch | None = None
    best_loss: Figure | None = None
    new_loss: Figure | None = None
    history: list[EpochFigures] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Raises ValueError if the best epoch is none of those trained."""
        if self.best_epoch is not None and self.best_epoch > self.epoch:
            raise ValueError("the best epoch is later than the last")

    def patience_exhausted(self, train: TextConfig) -> bool:
        """Whether the held-out loss has not improved for as long as the run waits for it."""
        if not isinstance(train, CausalTrainConfig) or not self.history:
            return False
        return train.patience_exhausted(self.history[-1]["epoch"], self.best_epoch)


class _StateFile(Struct):
    """What is not a tensor in resume.safetensors."""

    config: RunSettings
    corpus: TextOrigin
    position: Position


def encode_facts(config: RunConfig, corpus: TextOrigin, position: Position) -> NDArray[np.uint8]:
    """The facts as a tensor of JSON bytes, since they outgrow a header."""
    facts = {
        "config": config.to_json(),
        "corpus": to_builtins(corpus),
        "position": asdict(position),
    }
    raw = json.dumps(json_safe({"format": FORMAT, **facts})).encode()
    return np.frombuffer(raw, dtype=np.uint8)


def decode_facts(raw: NDArray[Any] | None) -> tuple[RunConfig, TextOrigin, Position]:
    """The facts in a tensor of bytes. Raises ModelError."""
    if raw is None:
        raise ModelError(f"{RESUME} is not the state of a run")
    data = parse_json(raw.tobytes(), RESUME)
    version = check_format(data, RESUME)
    file = convert_json(data, _StateFile, RESUME)
    words = file.corpus.get("words")
    if words is not None and "window" not in file.corpus:
        raise ModelError(f"{RESUME} is damaged: it has words and no window")
    try:
        if file.position.dropout is not None:
            np.random.default_rng().bit_generator.state = file.position.dropout
        checked_vocabulary(words or (), SPECIAL_TOKENS)
    except (TypeError, ValueError, LookupError, OverflowError) as error:
        raise ModelError(f"{RESUME} is damaged: {error}") from error
    return run_config(version, file.config, RESUME), file.corpus, file.position


@dataclass(frozen=True, slots=True)
class RunStatus:
    """The settings of a saved run, the epochs that it has done, and the best of them, None before
    the first save."""

    config: RunConfig
    epochs_done: int
    best_epoch: int | None

    @property
    def patience_exhausted(self) -> bool:
        """Whether its held-out loss has not improved for as long as it waits for that."""
        train = self.config.train
        if not isinstance(train, CausalTrainConfig):
            return False
        return train.patience_exhausted(self.epochs_done, self.best_epoch)

    @property
    def is_finished(self) -> bool:
        """Whether it has come to its end, and goes on only with other settings."""
        return self.epochs_done >= self.config.epochs or self.patience_exhausted

    @property
    def can_extend(self) -> bool:
        """Whether it can be given more epochs; counting is done in one."""
        return isinstance(self.config.train, NetworkTrainConfig)


def read_run_status(folder: Path) -> RunStatus:
    """How far the run in `folder` has come. Raises ModelError if its state cannot be read."""
    config, _, position = decode_facts(read_arrays(folder / RESUME, only=FACTS).get(FACTS))
    return RunStatus(config, position.epoch - 1, position.best_epoch)
