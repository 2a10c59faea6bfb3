"""The state of a training in resume.safetensors, apart from its tensors."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, NotRequired, TypedDict

import numpy as np
from msgspec import Meta, Struct, to_builtins
from numpy.typing import NDArray

from rnnlm_tui.config import CausalTrainConfig, Config, TextConfig
from rnnlm_tui.errors import ModelError, UsageError
from rnnlm_tui.event_types import Count, Epoch, EpochFigures, Figure, ShortText, json_safe
from rnnlm_tui.store.card import FORMAT, Ancestor, Base, RunSettings, check_format, config_of_card
from rnnlm_tui.store.files import RESUME, convert_json, parse_json
from rnnlm_tui.store.model_file import Word, checked_vocabulary
from rnnlm_tui.store.tensors import read_arrays
from rnnlm_tui.text.sources import check_names
from rnnlm_tui.text.tokenizer import Conventions
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS

FACTS = "run"
"""The byte tensor that holds the rest of the state as JSON."""


class GeneratorState(TypedDict):
    """The state of a numpy random generator, whose integers have 128 bits."""

    bit_generator: ShortText
    state: dict[str, int]
    has_uint32: Count
    uinteger: Count


class TextOrigin(TypedDict):
    """Where the text of a run can be read again, and what the run takes from other models.

    `created` is when the run began, by which its model is known. A run that started from a model,
    the last of `ancestors`, has the `words`, the `window` and the `conventions` that it trains
    with; `blocked_words` are words that this model never suggests and the text lacks. `seed_line`
    is continued after each epoch. `base` is the base model of the mixture. An update has
    `old_loss`, the loss of the model to replace in nats per character as written, None if no lines
    are held out.
    """

    created: NotRequired[ShortText]
    sources: NotRequired[list[str]]
    sha256: NotRequired[ShortText | None]
    encoding: NotRequired[ShortText | None]
    seed_line: NotRequired[str]
    words: NotRequired[list[Word] | None]
    window: NotRequired[Annotated[int, Meta(ge=1, le=1024)]]
    conventions: NotRequired[Conventions]
    ancestors: NotRequired[list[Ancestor]]
    blocked_words: NotRequired[list[Word]]
    base: NotRequired[Base | None]
    old_loss: NotRequired[Figure | None]


@dataclass(slots=True)
class EpochTotals:
    """Running totals of an epoch: sums in nats, divided by `examples` or `steps` at the end. Hits
    are counted over `words`, without the ends of lines."""

    nll: Figure = 0.0
    penalty: Figure = 0.0
    correct: Count = 0
    words: Count = 0
    examples: Count = 0
    steps: Count = 0


@dataclass(slots=True)
class Position:
    """The progress of a run: all of its state that is not a tensor.

    `epoch` is the one being trained, of which `sums.steps` steps are done; `dropout` is the state
    of the generator of its masks, None at its start. `best_epoch` is None before the first save.
    `new_loss` is what an update has reached, to compare with `old_loss`.
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
        """Raises ValueError if the best epoch was not trained yet."""
        if self.best_epoch is not None and self.best_epoch >= self.epoch:
            raise ValueError("the best epoch is not a finished one")

    def patience_exhausted(self, train: TextConfig) -> bool:
        """Whether early stopping has run out of patience with the held-out loss."""
        return isinstance(train, CausalTrainConfig) and train.patience_exhausted(
            self.epoch - 1, self.best_epoch
        )


class _StateFile(Struct):
    """The JSON in resume.safetensors."""

    config: RunSettings
    corpus: TextOrigin
    position: Position


def encode_facts(config: Config, corpus: TextOrigin, position: Position) -> NDArray[np.uint8]:
    """The JSON of a state as a byte tensor, since it may be too large for the header."""
    facts = {
        "config": config.to_json(),
        "corpus": to_builtins(corpus),
        "position": asdict(position),
    }
    raw = json.dumps(json_safe({"format": FORMAT, **facts})).encode()
    return np.frombuffer(raw, dtype=np.uint8)


def decode_facts(raw: NDArray[Any] | None) -> tuple[Config, TextOrigin, Position]:
    """The reverse of `encode_facts`, checked. Raises ModelError."""
    if raw is None:
        raise ModelError(f"{RESUME} is not the state of a run")
    data = parse_json(raw.tobytes(), RESUME)
    check_format(data, RESUME)
    file = convert_json(data, _StateFile, RESUME)
    words = file.corpus.get("words")
    if words is not None and "window" not in file.corpus:
        raise ModelError(f"{RESUME} is damaged: it has words and no window")
    try:
        if file.position.dropout is not None:
            np.random.default_rng().bit_generator.state = file.position.dropout
        checked_vocabulary(words or (), SPECIAL_TOKENS)
        check_names(file.corpus.get("sources", ()), file.corpus.get("encoding"))
    except (TypeError, ValueError, LookupError, OverflowError, UsageError) as error:
        raise ModelError(f"{RESUME} is damaged: {error}") from error
    return config_of_card(file.config, RESUME), file.corpus, file.position


@dataclass(frozen=True, slots=True)
class RunStatus:
    """The settings of a saved run, and the number of epochs done."""

    config: Config
    epochs_done: int


def read_run_status(folder: Path) -> RunStatus:
    """The progress of the run in `folder`. Raises ModelError if its state is unreadable."""
    config, _, position = decode_facts(read_arrays(folder / RESUME, only=FACTS).get(FACTS))
    return RunStatus(config, position.epoch - 1)
