"""The model card: what a model is, as JSON in the header of its file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, TypeAlias, TypedDict

from msgspec import Meta, Struct

from rnnlm_tui.config import CausalConfig, Config, NgramConfig
from rnnlm_tui.errors import ModelError, UsageError
from rnnlm_tui.evaluate import Evaluation
from rnnlm_tui.event_types import (
    BaseSavings,
    CorpusFacts,
    Count,
    EpochFigures,
    Figure,
    ShortText,
    json_safe,
)
from rnnlm_tui.lm.mixture import LABELS, ComponentName
from rnnlm_tui.lm.model import Architecture
from rnnlm_tui.lm.ngram import NgramArchitecture
from rnnlm_tui.lm.registry import ARCHITECTURES
from rnnlm_tui.store.files import convert_json, parse_json
from rnnlm_tui.text.tokenizers import TOKENIZER_NAMES

FORMAT = 1
"""The format of a model's file and of the state of a run."""
LABEL = "its card"
ENGLISH = "english"
"""The model that ships, on which models of English texts are built. They only name it."""
MAX_ANCESTORS = 64
MAX_BLOCKED_WORDS = 10_000
MAX_EPOCHS = 10_000
"""The most epochs whose figures are on a card, the last ones."""
MAX_BASES = 8
"""The most models that a model may be built on: one on another, and so on."""
Setting: TypeAlias = Annotated[int, Meta(ge=-(1 << 62), le=1 << 62)] | Figure | ShortText | None


class RunSettings(TypedDict):
    """A run's settings in JSON."""

    preset: ShortText
    model: dict[str, Setting]
    train: dict[str, Setting]


class NgramSizes(TypedDict):
    """The n-grams that a network is mixed with: the longest ones, and how many of each length."""

    order: Annotated[int, Meta(ge=1, le=6)]
    sizes: list[Count]


class Base(TypedDict):
    """The model that another one is built on, and when that was created."""

    name: ShortText
    created: ShortText


class Mixture(TypedDict):
    """The mixture weights of a model, and the sources of the components that are not its own. The
    cache needs none: it is made from the context."""

    weights: dict[ComponentName, Annotated[float, Meta(ge=0, le=1)]]
    ngrams: NgramSizes | None
    base: Base | None


class Ancestor(TypedDict):
    """A model that a training started from."""

    name: ShortText
    created: ShortText
    corpus: CorpusFacts


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class _CardFields:
    """The fields that have the same form in JSON and in `ModelCard`."""

    tokenizer: ShortText
    total_words: Annotated[int, Meta(ge=2, le=1 << 26)]
    window: Annotated[int, Meta(ge=0, le=1024)]
    parameters: Count
    corpus: CorpusFacts
    metrics: EpochFigures | None
    epochs_done: Count
    created: ShortText
    updated: ShortText
    versions: dict[str, ShortText] = field(default_factory=dict)
    history: Annotated[list[EpochFigures], Meta(max_length=MAX_EPOCHS)] = field(
        default_factory=list
    )
    sizes: list[Count] = field(default_factory=list)
    ancestors: Annotated[list[Ancestor], Meta(max_length=MAX_ANCESTORS)] = field(
        default_factory=list
    )
    about: ShortText = ""
    blocked_words: Annotated[list[ShortText], Meta(max_length=MAX_BLOCKED_WORDS)] = field(
        default_factory=list
    )
    mixture: Mixture | None = None
    evaluation: Evaluation | None = None
    base_alone: BaseSavings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard(_CardFields):
    """What a model is.

    `metrics` are those of the epoch whose weights are kept, None while a network has none and only
    its n-grams predict; `history` has one entry per epoch. Times are ISO 8601 in UTC; `created` is
    when its training began. `sizes` are the `Architecture.sizes`. `ancestors` are the models that
    it started from, oldest first. `about` says where the text of a built-in model comes from.
    `blocked_words` are known words that are never suggested. `mixture` is None for a model that is
    not mixed. `evaluation` are the metrics on its held-out lines, None if they were not measured,
    and `base_alone` what its base alone saves on them. `base` is the card of the base model if the
    file holds that; it only names the English that ships.
    """

    config: Config
    base: ModelCard | None = None

    @property
    def words_known(self) -> int:
        """The size of the vocabulary without padding and special tokens."""
        return self.total_words - 1 - len(ARCHITECTURES[self.config.preset].special_tokens)

    @property
    def mixture_text(self) -> str | None:
        """The components of a mixed model and their weights as text; None if it is not mixed."""
        if self.mixture is None:
            return None
        labels, base = dict(LABELS), self.mixture["base"]
        if base:
            labels["base"] = f"its base {base['name']}"
        mixture_weights = self.mixture["weights"].items()
        return ", ".join(f"{labels[name]} {weight:.0%}" for name, weight in mixture_weights)

    @property
    def base_named(self) -> Base | None:
        """The model that it is built on; None if there is none."""
        return self.mixture and self.mixture["base"]

    @property
    def bases(self) -> int:
        """How many models are in its file as bases, one below the other."""
        return 0 if self.base is None else 1 + self.base.bases

    @property
    def parts(self) -> dict[ComponentName, Architecture[Any]]:
        """The parts of the model that are tensors, each with its architecture."""
        if isinstance(self.config.model, NgramConfig):
            return {"ngrams": self.architecture}
        parts: dict[ComponentName, Architecture[Any]] = {}
        if self.metrics is not None:
            parts["network"] = self.architecture
        if self.mixture and (ngrams := self.mixture["ngrams"]):
            config = Config("ngram", NgramConfig(ngrams["order"]), self.config.train)
            parts["ngrams"] = NgramArchitecture(config, self.total_words, 0, ngrams["sizes"])
        return parts

    @property
    def architecture(self) -> Architecture[Any]:
        return ARCHITECTURES[self.config.preset](
            self.config, self.total_words, self.window, self.sizes
        )

    def to_json(self) -> str:
        return json.dumps(json_safe({"format": FORMAT, **asdict(self)}), allow_nan=False)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class _CardJson(_CardFields):
    """A card in JSON."""

    config: RunSettings
    base: dict[str, Any] | None = None


class _Format(Struct):
    """The field that cards and states of runs of all formats have."""

    format: Annotated[int, Meta(ge=-(1 << 53), le=1 << 53)]


def check_format(data: object, label: str) -> None:
    """Raises ModelError if parsed JSON has a format that this program does not read."""
    version = convert_json(data, _Format, label).format
    if version > FORMAT:
        raise ModelError(
            f"{label} has format {version}, this program reads format {FORMAT}",
            "update the program",
        )
    if version < 1:
        raise ModelError(f"{label}: unknown format {version}")


def config_of_card(settings: RunSettings, label: str) -> Config:
    """The settings in a file. Raises ModelError if they are invalid."""
    try:
        return Config.from_json(settings)
    except UsageError as error:
        raise ModelError(f"{label}: {error.message}") from error


def parse_card(raw: bytes) -> ModelCard:
    """Parses and checks the JSON of a card. Raises ModelError."""
    data = parse_json(raw, LABEL)
    check_format(data, LABEL)
    return _card_of(data, MAX_BASES)


def _card_of(data: object, most_bases: int) -> ModelCard:
    """The card of parsed JSON, which may have so many bases, one below the other."""
    parsed = convert_json(data, _CardJson, LABEL)
    base = None
    if parsed.base is not None:
        if most_bases == 0:
            raise ModelError(f"{LABEL}: it is built on more than {MAX_BASES} models")
        base = _card_of(parsed.base, most_bases - 1)
    fields = {name: getattr(parsed, name) for name in _CardFields.__dataclass_fields__}
    card = ModelCard(config=config_of_card(parsed.config, LABEL), base=base, **fields)
    if card.tokenizer not in TOKENIZER_NAMES:
        raise ModelError(f"{LABEL}: unknown tokenizer {card.tokenizer[:80]!r}")
    architecture = card.architecture
    if card.window < architecture.smallest_window:
        raise ModelError(f"{LABEL}: window is out of range")
    try:
        _check_parts(card)
        for part in card.parts.values():
            part.check_sizes()
    except ValueError as error:
        raise ModelError(f"{LABEL}: {error}") from error
    if card.parameters != architecture.parameters:
        raise ModelError(
            f"{LABEL}: the number of parameters is not that of its {architecture.name}"
        )
    return card


def _check_parts(card: ModelCard) -> None:
    """Raises ValueError if the model has nothing to predict with, or if its mixture does not fit
    its parts."""
    parts, mixture = {*card.parts}, card.mixture
    if not parts or (card.metrics is None and card.config.preset == "ngram"):
        raise ValueError("it has no figures of the epoch that is kept")
    if card.base is not None and card.base_named is None:
        raise ValueError("it has the card of a base model that it does not name")
    if card.base is None and card.base_named and card.base_named["name"] != ENGLISH:
        raise ValueError("it does not have the base model that it names")
    if mixture is None:
        return
    is_ngram = isinstance(card.config.model, NgramConfig)
    if not is_ngram and not isinstance(card.config.model, CausalConfig):
        raise ValueError("this kind of model cannot be mixed")
    if is_ngram and mixture["ngrams"]:
        raise ValueError("an n-gram model is not mixed with other n-grams")
    if mixture["base"]:
        parts.add("base")
    if {*mixture["weights"]} - {"cache"} != parts or sum(mixture["weights"].values()) <= 0:
        raise ValueError("the weights of the mixture are not those of its components")
