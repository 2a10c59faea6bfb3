"""A model's card, model.json: what the model is, and the names of its other files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypedDict, TypeVar

from msgspec import Meta, Struct

from rnnlm_tui.config import (
    CausalConfig,
    NgramConfig,
    RunConfig,
)
from rnnlm_tui.errors import ModelError, UsageError
from rnnlm_tui.events import CorpusFacts, Count, EpochFigures, Figure, ShortText
from rnnlm_tui.lm.mixture import LABELS, ComponentName
from rnnlm_tui.lm.model import Architecture
from rnnlm_tui.lm.ngram import NgramArchitecture
from rnnlm_tui.lm.registry import ARCHITECTURES
from rnnlm_tui.store.files import (
    LINES,
    MODEL,
    NGRAMS,
    VOCABULARIES,
    WEIGHTS,
    convert_json,
    parse_json,
    read_file,
)
from rnnlm_tui.text.tokenizer import TOKENIZER_NAMES, Conventions

T = TypeVar("T")
FORMAT = 4
"""Of model.json and resume.safetensors. A program reads every format up to its own, and ignores
fields that it does not know."""
MOST_ANCESTORS = 64
MOST_UNSUGGESTED = 10_000
Checksum: TypeAlias = Annotated[str, Meta(pattern=r"\A[0-9a-f]{8}\Z")]
Setting: TypeAlias = Annotated[int, Meta(ge=-(1 << 62), le=1 << 62)] | Figure | ShortText | None


class RunSettings(TypedDict):
    """A run's settings in JSON, under the names of the format that they were written in."""

    preset: ShortText
    model: dict[str, Setting]
    train: dict[str, Setting]


class NgramFile(TypedDict):
    """The n-grams that are mixed with a network: their file, and the sizes of that model."""

    file: Annotated[str, Meta(pattern=rf"\A{NGRAMS.pattern}\Z")]
    order: Annotated[int, Meta(ge=1, le=6)]
    sizes: list[Count]


class Base(TypedDict):
    """A model of the library that another is built on; `checksum` is that of its weights."""

    name: ShortText
    created: ShortText
    checksum: Checksum | None


class Mixture(TypedDict):
    """What a model is mixed of: the weight of each component, and what the components are made of
    besides the model's own weights. The cache is made of what is written."""

    weights: dict[ComponentName, Annotated[float, Meta(ge=0, le=1)]]
    ngrams: NgramFile | None
    base: Base | None


class Ancestor(TypedDict):
    """A model that a training started from."""

    name: ShortText
    created: ShortText
    corpus: CorpusFacts


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class _CardFields:
    """What model.json and `ModelCard` have in common."""

    tokenizer: ShortText
    conventions: Conventions = field(default_factory=Conventions)
    total_words: Annotated[int, Meta(ge=2, le=1 << 26)]
    window: Annotated[int, Meta(ge=0, le=1024)]
    parameters: Count
    vocabulary: Annotated[str, Meta(pattern=rf"\A{VOCABULARIES.pattern}\Z")]
    weights: Annotated[str, Meta(pattern=rf"\A{WEIGHTS.pattern}\Z")]
    corpus: CorpusFacts
    metrics: EpochFigures
    epochs_done: Count
    created: ShortText
    updated: ShortText
    versions: dict[str, ShortText] = field(default_factory=dict)
    history: list[EpochFigures] = field(default_factory=list)
    sizes: list[Count] = field(default_factory=list)
    lines: Annotated[str, Meta(pattern=rf"\A{LINES.pattern}\Z")] | None = None
    ancestors: Annotated[list[Ancestor], Meta(max_length=MOST_ANCESTORS)] = field(
        default_factory=list
    )
    checksums: dict[ShortText, Checksum] = field(default_factory=dict)
    about: ShortText = ""
    unsuggested: Annotated[list[ShortText], Meta(max_length=MOST_UNSUGGESTED)] = field(
        default_factory=list
    )
    mixture: Mixture | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard(_CardFields):
    """What model.json says. `metrics` are those of the epoch whose weights are kept, `history` has
    one entry an epoch; times are ISO 8601 in UTC. `sizes` are further numbers of its architecture.
    `lines` names the file of the lines that it was trained on, `ancestors` are the models that it
    started from, the oldest first, and `checksums` are those of its files by name; there are none
    before format 3. `about` tells of a model that ships where its text comes from, `unsuggested`
    are words that it knows and never suggests. `mixture` is None for one that predicts alone."""

    config: RunConfig

    @property
    def words_known(self) -> int:
        """The words of the vocabulary, without padding and special tokens."""
        return self.total_words - 1 - len(ARCHITECTURES[self.config.preset].special_tokens)

    @property
    def mixed_of(self) -> str | None:
        """The components of a mixed model with their weights, in words."""
        if self.mixture is None:
            return None
        labels, base = dict(LABELS), self.mixture["base"]
        if base:
            labels["base"] = f"{base['name']}, which it is built on,"
        weights = self.mixture["weights"].items()
        return ", ".join(f"{labels[name]} {weight:.0%}" for name, weight in weights)

    @property
    def files(self) -> tuple[str, ...]:
        """The names of the files that hold the model, besides its card."""
        return (self.vocabulary, *self.weight_files, *filter(None, [self.lines]))

    @property
    def weight_files(self) -> dict[str, Architecture[Any]]:
        """The files of weights by name, each with what its arrays are those of."""
        ngrams = self.mixture and self.mixture["ngrams"]
        if not ngrams:
            return {self.weights: self.architecture}
        config = RunConfig("ngram", NgramConfig(ngrams["order"]), self.config.train)
        architecture = NgramArchitecture(config, self.total_words, 0, ngrams["sizes"])
        return {self.weights: self.architecture, ngrams["file"]: architecture}

    @property
    def architecture(self) -> Architecture[Any]:
        """The architecture of the model, with its sizes."""
        kind = ARCHITECTURES[self.config.preset]
        return kind(self.config, self.total_words, self.window, self.sizes)

    def to_json(self) -> dict[str, Any]:
        """The contents of model.json."""
        return {"format": FORMAT, "preset": self.config.preset, **asdict(self)}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class _CardFile(_CardFields):
    """The contents of model.json."""

    config: RunSettings


class _Format(Struct):
    """What every format of model.json and of a run's state says."""

    format: Annotated[int, Meta(ge=-(1 << 53), le=1 << 53)] = 1  # states of format 1 do not say it


def check_format(data: object, label: str) -> int:
    """The format of a parsed model.json or run's state. Raises ModelError if it cannot be read."""
    version = convert_json(data, _Format, label).format
    if version > FORMAT:
        raise ModelError(
            f"{label} has format {version}, this program reads up to format {FORMAT}",
            "update the program",
        )
    if version < 1:
        raise ModelError(f"{label}: unknown model format {version}")
    return version


def run_config(version: int, settings: RunSettings, label: str) -> RunConfig:
    """The settings of a file of this format. Raises ModelError if they make no sense.

    Format 1 kept every word, and format 2 has other names for some settings, which are read
    everywhere.
    """
    if version == 1:
        settings = {**settings, "train": {**settings["train"], "min_count": 1}}
    try:
        return RunConfig.from_json(settings)
    except UsageError as error:
        raise ModelError(f"{label}: {error.message}") from error


def parse_card(raw: bytes) -> ModelCard:
    """The card in the bytes of a model.json. Raises ModelError for anything else."""
    data = parse_json(raw, MODEL)
    version = check_format(data, MODEL)
    file = convert_json(data, _CardFile, MODEL)
    fields = {name: getattr(file, name) for name in _CardFields.__dataclass_fields__}
    card = ModelCard(config=run_config(version, file.config, MODEL), **fields)
    if card.tokenizer not in TOKENIZER_NAMES:
        raise ModelError(f"{MODEL}: unknown tokenizer {card.tokenizer[:80]!r}")
    architecture = card.architecture
    if card.window < architecture.smallest_window:
        raise ModelError(f"{MODEL}: window is out of range")
    try:
        _check_mixture(card)
        for each in card.weight_files.values():
            each.check_sizes()
    except ValueError as error:
        raise ModelError(f"{MODEL}: {error}") from error
    if card.parameters != architecture.parameters:
        raise ModelError(
            f"{MODEL}: the number of parameters is not that of its {architecture.name}"
        )
    return card


def _check_mixture(card: ModelCard) -> None:
    """Raises ValueError for a mixture of other components than the model has."""
    if (mixture := card.mixture) is None:
        return
    match card.config.model:
        case CausalConfig():
            has = {"network", "ngrams"} if mixture["ngrams"] else {"network"}
        case NgramConfig() if not mixture["ngrams"]:
            has = {"ngrams"}
        case _:
            raise ValueError("this kind of model cannot be mixed so")
    if mixture["base"]:
        has.add("base")
    if {*mixture["weights"]} - {"cache"} != has or sum(mixture["weights"].values()) <= 0:
        raise ValueError("the weights of the mixture are not those of its components")


def read_card(folder: Path) -> ModelCard:
    """The card of the model in `folder`, checked. Raises ModelError."""
    return parse_card(read_file(folder / MODEL))


def base_of(name: str, card: ModelCard) -> Base:
    """The model `name` as the card of another describes it that is built on it."""
    return Base(name=name, created=card.created, checksum=card.checksums.get(card.weights))


def with_card(folder: Path, use: Callable[[ModelCard], T]) -> T:
    """Calls `use` with the card, again if a training has put a new card in place meanwhile: the
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
