"""A model's card, model.json: what the model is, and the names of its other files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from rnnlm_tui.config import RunConfig
from rnnlm_tui.errors import ModelError, UsageError
from rnnlm_tui.lm.registry import ARCHITECTURES
from rnnlm_tui.store.files import LARGEST_JSON, MODEL, VOCABULARIES, WEIGHTS, read_json
from rnnlm_tui.text.tokenizer import TOKENIZERS

T = TypeVar("T")
FORMAT = 2


def with_min_count(config: dict[str, Any]) -> dict[str, Any]:
    """A run's settings of format 1, which kept every word, in those of format 2."""
    return {**config, "train": {**config["train"], "min_count": 1}}


def _from_format_1(data: dict[str, Any]) -> dict[str, Any]:
    """Format 1 knew the lesson's network alone: no further sizes, no rarest words left out."""
    return {**data, "format": 2, "sizes": [], "config": with_min_count(data["config"])}


MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_format_1}
"""For each older format, the function that turns its model.json into the next format's."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What model.json says. `metrics` are those of the epoch whose weights are kept, `history` one
    entry an epoch; times are ISO 8601 in UTC. `sizes` are those of its architecture."""

    config: RunConfig
    tokenizer: str
    total_words: int
    window: int
    parameters: int
    vocabulary: str
    weights: str
    corpus: dict[str, Any]
    metrics: dict[str, Any]
    epochs_done: int
    created: str
    updated: str
    versions: dict[str, str] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    @property
    def words_known(self) -> int:
        """The words of the vocabulary, without padding and special tokens."""
        return self.total_words - 1 - len(ARCHITECTURES[self.config.preset].special_tokens)

    def to_json(self) -> dict[str, Any]:
        """The contents of model.json."""
        return {"format": FORMAT, "preset": self.config.preset, **asdict(self)}


CARD_TYPES: Mapping[str, type] = {
    "tokenizer": str,
    "total_words": int,
    "window": int,
    "parameters": int,
    "vocabulary": str,
    "weights": str,
    "corpus": dict,
    "metrics": dict,
    "epochs_done": int,
    "created": str,
    "updated": str,
    "versions": dict,
    "history": list,
    "sizes": list,
}


def parse_card(data: Any) -> ModelCard:
    """The card in the parsed contents of a model.json. Raises ModelError for anything else."""
    if not isinstance(data, dict) or type(data.get("format")) is not int:
        raise ModelError("model.json is not a model's card")
    version = data["format"]
    if version > FORMAT:
        raise ModelError(
            f"the model has format {version}, this program reads up to format {FORMAT}",
            "update the program",
        )
    while version < FORMAT:
        if version not in MIGRATIONS:
            raise ModelError(f"the model has format {version}, which never was")
        try:
            data = MIGRATIONS[version](data)
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            raise ModelError(f"model.json is not a card of format {version}") from error
        version += 1
    for name, kind in CARD_TYPES.items():
        if type(data.get(name)) is not kind:
            raise ModelError(f"model.json: {name} is missing or of the wrong type")
    for name, allowed in (("weights", WEIGHTS), ("vocabulary", VOCABULARIES)):
        if not allowed.fullmatch(data[name]):
            raise ModelError(f"model.json: the name of the {name} is not allowed")
    if data["tokenizer"] not in TOKENIZERS:
        raise ModelError("model.json: an unknown tokenizer")
    _check_numbers(data)
    try:
        config = RunConfig.from_json(data.get("config"))
    except UsageError as error:
        raise ModelError(f"model.json: {error.message}") from error
    card = ModelCard(config=config, **{name: data[name] for name in CARD_TYPES})
    _check_sizes(card)
    return card


def _check_sizes(card: ModelCard) -> None:
    """Checks what the size of the weights follows from. Raises ModelError."""
    architecture, sizes = ARCHITECTURES[card.config.preset], card.config.model
    if card.window < architecture.smallest_window:
        raise ModelError("model.json: window is out of range")
    if not all(type(size) is int for size in card.sizes):
        raise ModelError("model.json: sizes are not numbers")
    try:
        architecture.check_sizes(sizes, card.total_words, card.sizes)
    except ValueError as error:
        raise ModelError(f"model.json: {error}") from error
    if card.parameters != architecture.parameters(sizes, card.total_words, card.sizes):
        raise ModelError(
            f"model.json: the number of parameters is not that of its {architecture.name}"
        )


def _check_numbers(data: dict[str, Any]) -> None:
    """Checks what is counted and measured on a card. Raises ModelError."""
    for name, low, high in (
        ("window", 0, 1024),
        ("total_words", 2, LARGEST_JSON),
        ("epochs_done", 0, LARGEST_JSON),
    ):
        if not low <= data[name] <= high:
            raise ModelError(f"model.json: {name} is out of range")
    measured = [*data["history"], *([data["metrics"]] if data["metrics"] else [])]
    if not all(map(is_epoch, measured)):
        raise ModelError("model.json: the figures of an epoch are missing or make no sense")


def is_epoch(figures: object) -> bool:
    """Whether these are the figures of an epoch: its number, its `train` and `held_out` parts."""
    if not isinstance(figures, dict) or type(figures.get("epoch")) is not int:
        return False
    train, held_out = figures.get("train"), figures.get("held_out")
    if not isinstance(train, dict) or not isinstance(held_out, dict | None):
        return False
    # A perplexity that is too large for a float is null in JSON.
    optional = [*train.values(), *(held_out or {}).values()]
    return (
        1 <= figures["epoch"] <= LARGEST_JSON
        and all(_is_number(train.get(name)) for name in ("loss", "accuracy"))
        and all(value is None or _is_number(value) for value in optional)
    )


def _is_number(value: object) -> bool:
    """Whether this is a number that a float can hold."""
    return type(value) in (int, float) and abs(value) <= sys.float_info.max  # type: ignore[arg-type]


def read_card(folder: Path) -> ModelCard:
    """The card of the model in `folder`, checked. Raises ModelError."""
    return parse_card(read_json(folder / MODEL))


def with_card(folder: Path, use: Callable[[ModelCard], T]) -> T:
    """Calls `use` with the card, again where a training has put a new card in place meanwhile: the
    weights that the older one names may be gone by then, and `use` raises ModelError."""
    card = read_card(folder)
    while True:
        try:
            return use(card)
        except ModelError:
            newer = read_card(folder)
            if newer == card:
                raise
            card = newer
