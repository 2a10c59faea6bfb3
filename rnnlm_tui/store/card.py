"""The model card, model.json: describes the model and names its other files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypedDict, TypeVar

from msgspec import Meta, Struct

from rnnlm_tui.config import CausalConfig, NgramConfig, RunConfig
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
from rnnlm_tui.text.tokenizer import Conventions
from rnnlm_tui.text.tokenizers import TOKENIZER_NAMES

T = TypeVar("T")
FORMAT = 4
"""Format of model.json and resume.safetensors. A program reads all formats up to its own and
ignores unknown fields."""
MOST_ANCESTORS = 64
MOST_UNSUGGESTED = 10_000
Checksum: TypeAlias = Annotated[str, Meta(pattern=r"\A[0-9a-f]{8}\Z")]
Setting: TypeAlias = Annotated[int, Meta(ge=-(1 << 62), le=1 << 62)] | Figure | ShortText | None


class RunSettings(TypedDict):
    """A run's settings in JSON, with the names of the format that they were written in."""

    preset: ShortText
    model: dict[str, Setting]
    train: dict[str, Setting]


class NgramFile(TypedDict):
    """The n-grams mixed with a network: their file, and the sizes of the n-gram model."""

    file: Annotated[str, Meta(pattern=rf"\A{NGRAMS.pattern}\Z")]
    order: Annotated[int, Meta(ge=1, le=6)]
    sizes: list[Count]


class Base(TypedDict):
    """The model of the library that another one is built on, and the checksum of its weights."""

    name: ShortText
    created: ShortText
    checksum: Checksum | None


class Mixture(TypedDict):
    """The components of a mixed model: their weights, and the sources of those that are not the
    model's own. The cache needs none: it is made from the context."""

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
    """The fields that model.json and `ModelCard` share."""

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
    """The contents of model.json.

    `metrics` are those of the epoch whose weights are kept; `history` has one entry per epoch.
    Times are ISO 8601 in UTC. `sizes` are the `Architecture.sizes`. `lines` names the file with the
    hashes of the training lines. `ancestors` are the models that it started from, oldest first.
    `checksums` are by file name, and empty before format 3. `about` says where the text of a
    built-in model comes from. `unsuggested` are known words that are never suggested. `mixture` is
    None for a model that is not mixed.
    """

    config: RunConfig

    @property
    def words_known(self) -> int:
        """The size of the vocabulary without padding and special tokens."""
        return self.total_words - 1 - len(ARCHITECTURES[self.config.preset].special_tokens)

    @property
    def mixed_of(self) -> str | None:
        """The components of a mixed model and their weights as text; None if it is not mixed."""
        if self.mixture is None:
            return None
        labels, base = dict(LABELS), self.mixture["base"]
        if base:
            labels["base"] = f"its base {base['name']}"
        weights = self.mixture["weights"].items()
        return ", ".join(f"{labels[name]} {weight:.0%}" for name, weight in weights)

    @property
    def files(self) -> tuple[str, ...]:
        """The names of the model's files, without the card."""
        return (self.vocabulary, *self.weight_files, *filter(None, [self.lines]))

    @property
    def weight_files(self) -> dict[str, Architecture[Any]]:
        """The weights files by name, each with its architecture."""
        ngrams = self.mixture and self.mixture["ngrams"]
        if not ngrams:
            return {self.weights: self.architecture}
        config = RunConfig("ngram", NgramConfig(ngrams["order"]), self.config.train)
        architecture = NgramArchitecture(config, self.total_words, 0, ngrams["sizes"])
        return {self.weights: self.architecture, ngrams["file"]: architecture}

    @property
    def architecture(self) -> Architecture[Any]:
        """The architecture of the model, with its sizes."""
        return ARCHITECTURES[self.config.preset](
            self.config, self.total_words, self.window, self.sizes
        )

    def to_json(self) -> dict[str, Any]:
        """The contents of model.json."""
        return {"format": FORMAT, "preset": self.config.preset, **asdict(self)}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class _CardFile(_CardFields):
    """The contents of model.json."""

    config: RunSettings


class _Format(Struct):
    """The field that all formats of model.json and of a run's state have."""

    format: Annotated[int, Meta(ge=-(1 << 53), le=1 << 53)] = 1  # absent in states of format 1


def check_format(data: object, label: str) -> int:
    """The format of a parsed model.json or run state. Raises ModelError if it is not supported."""
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
    """The settings in a file of this format. Raises ModelError if they are invalid.

    Format 1 had no `min_count` and kept every word. Format 2 has old names for some settings, which
    `RunConfig.from_json` accepts.
    """
    if version == 1:
        settings = {**settings, "train": {**settings["train"], "min_count": 1}}
    try:
        return RunConfig.from_json(settings)
    except UsageError as error:
        raise ModelError(f"{label}: {error.message}") from error


def parse_card(raw: bytes) -> ModelCard:
    """Parses and checks a model.json. Raises ModelError."""
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
    """Raises ValueError if the mixture does not fit the components of the model."""
    if (mixture := card.mixture) is None:
        return
    match card.config.model:
        case CausalConfig():
            has = {"network", "ngrams"} if mixture["ngrams"] else {"network"}
        case NgramConfig() if not mixture["ngrams"]:
            has = {"ngrams"}
        case _:
            raise ValueError("this kind of model cannot be mixed")
    if mixture["base"]:
        has.add("base")
    if {*mixture["weights"]} - {"cache"} != has or sum(mixture["weights"].values()) <= 0:
        raise ValueError("the weights of the mixture are not those of its components")


def read_card(folder: Path) -> ModelCard:
    """The checked card of the model in `folder`. Raises ModelError."""
    return parse_card(read_file(folder / MODEL))


def base_of(name: str, card: ModelCard) -> Base:
    """How the card of a model that is built on the model `name` refers to it."""
    return Base(name=name, created=card.created, checksum=card.checksums.get(card.weights))


def with_card(folder: Path, use: Callable[[ModelCard], T]) -> T:
    """Calls `use` with the card. If that raises ModelError and a training has replaced the card
    meanwhile, and maybe deleted the weights that the old one names, tries again with the new."""
    card = read_card(folder)
    while True:
        try:
            return use(card)
        except ModelError:
            newer = read_card(folder)
            if newer == card:
                raise
            card = newer
