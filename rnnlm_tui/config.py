"""Settings: the sizes and the training of models, and the presets.

A setting is a field of a Struct, annotated with its range and its help. Flags, TOML files, the form
of the app and the cards of models are all read by these annotations, so a new setting or preset is
declared once. A card has all settings of its preset.

This module has no `from __future__ import annotations`, since evaluating the strings would double
the time of its import.
"""

import math
from collections.abc import Mapping, Sequence
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    NamedTuple,
    TypeAlias,
    TypeVar,
    get_args,
    get_origin,
)

import msgspec
from msgspec import Meta, Struct, structs
from msgspec.structs import FieldInfo

from rnnlm_tui.errors import UsageError, did_you_mean, os_reason

if TYPE_CHECKING:
    from pathlib import Path

Setting: TypeAlias = int | float | str | None
T = TypeVar("T", bound=Struct)
QUERY_SETTINGS = ("model", "top", "words", "temperature", "seed")
"""The options that TOML files may set for modes that ask a model."""
LESSON_PRESET = "lesson"
"""The default preset for the sonnets."""
OWN_TEXT_PRESET = "gru"
"""The default preset for the user's texts."""
LONGEST_CONTEXT = 3000
"""The most words of context that a model reads if no state of them is kept. `english` reads this
many in 0.4 s."""

Amount: TypeAlias = Annotated[int, Meta(ge=1, le=10_000_000)]
EpochCount: TypeAlias = Annotated[int, Meta(ge=1, le=1_000_000)]
Units: TypeAlias = Annotated[int, Meta(ge=1, le=4096)]
BatchSize: TypeAlias = Annotated[int, Meta(ge=1, le=65536)]
Length: TypeAlias = Annotated[int, Meta(ge=1, le=1024)]
Seed: TypeAlias = Annotated[int, Meta(ge=0, le=2**32 - 1)]
Temperature: TypeAlias = Annotated[float, Meta(ge=0, le=100)]
Share: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
HeldOut: TypeAlias = Annotated[
    float, Meta(ge=0, le=0.5), "share of the lines held out of training, to measure on"
]
Dropout: TypeAlias = Annotated[float, Meta(ge=0, lt=1), "share of units dropped between the layers"]
StepSize: TypeAlias = Annotated[float, Meta(gt=0, le=1e30)]
EmbeddingSize: TypeAlias = Annotated[Units, "size of the word embeddings"]
Device: TypeAlias = Annotated[
    Literal["auto", "cpu", "cuda", "mps"], "device to compute on; auto takes the fastest one"
]
Threads: TypeAlias = Annotated[
    Annotated[int, Meta(ge=1, le=1024)] | None,
    "number of threads; a fixed one gives the same bits each time; by default the fastest",
]
Order: TypeAlias = Annotated[
    int, Meta(ge=1, le=6), "words of the longest n-grams, the predicted one included"
]


class LessonConfig(Struct, frozen=True):
    """The sizes of the lesson's network. Its relu layer has half as many units as there are ids."""

    embedding_size: EmbeddingSize = 100
    bidirectional_size: Annotated[Units, "units of the bidirectional layer, per direction"] = 150
    recurrent_size: Annotated[Units, "units of the second recurrent layer"] = 100
    dropout: Dropout = 0.2
    l2: Annotated[float, Meta(ge=0, le=10), "L2 penalty on the relu layer's kernel"] = 0.01
    max_window: Annotated[Length, "context window in words; smaller if all lines are shorter"] = 64


class NgramConfig(Struct, frozen=True):
    """The size of an n-gram model."""

    order: Order = 5


class CausalConfig(Struct, frozen=True):
    """The sizes of a causal network, and of the n-grams that are mixed with it."""

    embedding_size: EmbeddingSize = 256
    hidden_size: Annotated[Units, "units of a recurrent layer"] = 256
    layers: Annotated[int, Meta(ge=1, le=8), "recurrent layers"] = 1
    dropout: Dropout = 0.6
    softmax: Annotated[
        Literal["auto", "full", "adaptive"],
        "output layer: full, or adaptive with smaller embeddings for rare words; auto is adaptive"
        " from 20,000 words on",
    ] = "auto"
    order: Order = 5


class TextConfig(Struct, frozen=True):
    """The preparation of a corpus, for all presets."""

    held_out: HeldOut = 0.0
    max_vocabulary: Annotated[
        Annotated[int, Meta(ge=2, le=10_000_000)] | None,
        "keep this many words, the most frequent ones",
    ] = None
    seed: Annotated[Seed, "the same seed gives the same model"] = 0


class LessonTrainConfig(TextConfig, frozen=True):
    """The preparation of a corpus for the lesson's network, and its training."""

    epochs: Annotated[EpochCount, "passes over the corpus"] = 130
    batch_size: Annotated[BatchSize, "examples per step"] = 32
    learning_rate: Annotated[StepSize, "step size of Adam"] = 1e-3
    device: Device = "auto"
    threads: Threads = None


class LineTextConfig(TextConfig, frozen=True):
    """The preparation of a corpus for models of whole lines. By default a tenth is held out."""

    held_out: HeldOut = 0.1
    tokenizer: Annotated[
        Literal["prose", "lesson", "whitespace"],
        "how lines are split into words: with capitals and punctuation, as in the lesson, or at"
        " spaces",
    ] = "prose"
    lines: Annotated[
        Literal["auto", "paragraphs", "each"],
        "what a line is: a paragraph, joined where it is wrapped, or each line of the file",
    ] = "auto"
    mixture: Annotated[
        Literal["on", "off"],
        "mix the network with n-grams and a cache of recent words, or use the model alone",
    ] = "on"


class CausalTrainConfig(LineTextConfig, frozen=True):
    """The preparation of a corpus for a causal network, and its training."""

    epochs: Annotated[EpochCount, "passes over the corpus, at most"] = 15
    batch_size: Annotated[BatchSize, "text streams per batch"] = 16
    bptt: Annotated[Length, "words per stream and step"] = 16
    optimizer: Annotated[
        Literal["adamw", "sgd"],
        "AdamW, which learns fast from nothing, or plain steps, by which a network forgets little",
    ] = "adamw"
    learning_rate: Annotated[StepSize, "peak step size; it falls to 0 by the last epoch"] = 3e-3
    warmup: Annotated[Share, "share of all steps in which the step size rises"] = 0.02
    weight_decay: Annotated[
        float, Meta(ge=0, le=100), "each step subtracts this times the step size times a weight"
    ] = 0.1
    grad_clip: Annotated[
        float,
        Meta(ge=0, le=1e30),
        "largest gradient norm; larger gradients are scaled down; 0 for no limit",
    ] = 1.0
    precision: Annotated[
        Literal["float32", "bf16"],
        "number format of matrix products; bf16 is faster if the processor supports it",
    ] = "float32"
    unk_rate: Annotated[
        Share,
        "how often a word that occurs once is read as unknown, so that unknown words are learned",
    ] = 0.5
    patience: Annotated[
        EpochCount, "epochs without a better held-out loss before the training stops"
    ] = 5
    device: Device = "auto"
    threads: Threads = None


ModelConfig: TypeAlias = LessonConfig | NgramConfig | CausalConfig
"""The sizes of a model of any preset."""
NetworkTrainConfig: TypeAlias = LessonTrainConfig | CausalTrainConfig
"""The training of a network of any preset."""

SIZES = {"small": 100_000, "middle": 4_000_000, "large": math.inf}
"""The sizes of corpora, each with its largest number of words. The sonnets have 17,700 words, the
Penn Treebank and Shakespeare's plays about a million."""
MIDDLE_DEFAULTS: Mapping[str, Setting] = {
    "dropout": 0.4,
    "batch_size": 32,
    "bptt": 35,
    "epochs": 8,
    "learning_rate": 4e-3,
}
"""The defaults for middle corpora. With the epochs of each preset, two cores train on about a
million words in at most 31 minutes on a quiet machine, 43 on a busy one."""
LARGE_DEFAULTS: Mapping[str, Setting] = {
    "hidden_size": 512,
    "dropout": 0.2,
    "batch_size": 64,
    "epochs": 4,
    "max_vocabulary": 30_000,
}
"""The defaults that large corpora change. They are extrapolated, not measured."""
DEFAULTS_WITH_PARENT: Mapping[str, Setting] = {
    "epochs": 2,
    "batch_size": 8,
    "bptt": 25,
    "optimizer": "sgd",
    "learning_rate": 0.3,
    "warmup": 0.0,
    "weight_decay": 0.0,
    "grad_clip": 5.0,
    "unk_rate": 0.0,
}
"""The defaults of a causal network that starts from the weights of a parent: its base, the model of
`--from`, or the model that it updates. An update takes one epoch. AdamW changes rare words as much
as frequent ones: when the network of `english` has learned 30,000 words of a novel, it predicts the
words after them worse than before, by 0.17 nats a word. With these settings, better by 0.12. Three
epochs of 0.15 save the same keys and take half as long again."""
DEFAULT_RATES: Mapping[str, float] = {"adamw": 1e-3, "sgd": 0.3}
"""The learning rate if only the optimizer is changed. With the rate of plain steps, AdamW destroys
a network."""
MAX_FROM_BASE = 1_000_000
"""The most words of a text for which the network starts from that of the base by default. A longer
text teaches its language by itself, and gets a network of a size that suits it."""


def size_of(words: int) -> str:
    """Returns the size of a corpus: small, middle or large."""
    return next(size for size, most in SIZES.items() if words <= most)


def _by_size(**middle: Setting) -> dict[str, Mapping[str, Setting]]:
    """Returns the defaults of a causal preset by size. `middle` replaces some MIDDLE_DEFAULTS."""
    defaults = {**MIDDLE_DEFAULTS, **middle}
    return {"middle": defaults, "large": {**defaults, **LARGE_DEFAULTS}}


class Preset(NamedTuple):
    """The defaults of a preset. `by_size` has those that depend on the size of the corpus, and
    `with_parent` those of a training that starts from a model. `cell` is the kind of the recurrent
    layers of a causal network: "rnn", "gru" or "lstm"; "" for other models."""

    summary: str
    model: ModelConfig
    train: TextConfig
    cell: str = ""
    by_size: Mapping[str, Mapping[str, Setting]] = {}
    with_parent: Mapping[str, Setting] = DEFAULTS_WITH_PARENT


if TYPE_CHECKING:
    _Model: TypeAlias = ModelConfig
    _Train: TypeAlias = TextConfig
else:
    # In JSON only the preset tells the types of these settings, so `Config` converts them itself.
    _Model = _Train = Any


class Config(Struct, frozen=True):
    """The settings of a run: everything that determines it except the corpus."""

    preset: str
    model: _Model
    train: _Train

    def __post_init__(self) -> None:
        """Converts settings that are read from JSON. Raises ValueError for an unknown preset, and
        for settings that are not those of the preset."""
        if self.preset not in PRESETS:
            raise ValueError(f"no preset is called {self.preset!r}")
        preset = PRESETS[self.preset]
        structs.force_setattr(self, "model", msgspec.convert(self.model, type(preset.model)))
        structs.force_setattr(self, "train", msgspec.convert(self.train, type(preset.train)))

    @property
    def cell(self) -> str:
        """The kind of the recurrent layers of a causal network."""
        return PRESETS[self.preset].cell

    @property
    def is_lesson(self) -> bool:
        """True for the lesson's network."""
        return isinstance(self.model, LessonConfig)

    @property
    def has_network(self) -> bool:
        """True for a network, alone or mixed with n-grams; False for an n-gram model."""
        return not isinstance(self.model, NgramConfig)

    @property
    def tokenizer(self) -> str:
        """The name of the tokenizer. The lesson always has its own."""
        return self.train.tokenizer if isinstance(self.train, LineTextConfig) else "lesson"

    @property
    def lines(self) -> str:
        """The kind of the lines of the corpus. The lesson takes lines as they are."""
        return self.train.lines if isinstance(self.train, LineTextConfig) else "each"

    @property
    def is_mixed(self) -> bool:
        return isinstance(self.train, LineTextConfig) and self.train.mixture == "on"

    @property
    def epochs(self) -> int:
        """The number of epochs, 1 for an n-gram model."""
        return self.train.epochs if isinstance(self.train, NetworkTrainConfig) else 1

    def window(self, longest: int) -> int:
        """Returns the most words of context that a new model reads. `longest` is the number of the
        words in the longest line of its text. The lesson reads at most those before the last."""
        match self.model:
            case LessonConfig(max_window=most):
                return max(1, min(longest - 1, most))
            case NgramConfig(order=order):
                return order - 1
        return LONGEST_CONTEXT

    @property
    def network_train(self) -> NetworkTrainConfig:
        """The training settings of a network. Raises TypeError for other presets."""
        if not isinstance(self.train, NetworkTrainConfig):
            raise TypeError(f"the preset {self.preset} is not a network")
        return self.train

    @property
    def settings(self) -> dict[str, Any]:
        """The settings by name, those of the training first."""
        return {**structs.asdict(self.train), **structs.asdict(self.model)}


PRESETS: Mapping[str, Preset] = {
    "lesson": Preset(
        "the lesson, to the letter", LessonConfig(), LessonTrainConfig(), with_parent={"epochs": 3}
    ),
    "ngram": Preset("n-grams, ready in seconds", NgramConfig(), LineTextConfig(), with_parent={}),
    "rnn": Preset(
        "tanh layers, small and quick",
        CausalConfig(),
        CausalTrainConfig(),
        "rnn",
        _by_size(learning_rate=2e-3, epochs=12),
    ),
    "gru": Preset(
        "GRU layers, learns fastest", CausalConfig(), CausalTrainConfig(), "gru", _by_size()
    ),
    "lstm": Preset(
        "LSTM layers, for large texts",
        CausalConfig(),
        CausalTrainConfig(epochs=25),
        "lstm",
        _by_size(hidden_size=512, epochs=9),
    ),
}
"""The presets by name."""
PRESET_SETTINGS: Mapping[str, Mapping[str, FieldInfo]] = {
    name: {each.name: each for part in (own.model, own.train) for each in structs.fields(part)}
    for name, own in PRESETS.items()
}
"""The settings of each preset by name, those of the model first."""
ALL_SETTINGS = {name: spec for each in PRESET_SETTINGS.values() for name, spec in each.items()}
TRAINING_TYPES = {
    "preset": Literal[*PRESETS],
    **{name: spec.type for name, spec in ALL_SETTINGS.items()},
}
"""The types of all values that a TOML file may set for a training, by name."""


def preset_named(name: object) -> Preset:
    """Returns the preset of this name. Raises UsageError."""
    if not isinstance(name, str) or name not in PRESETS:
        hint = f"presets: {', '.join(PRESETS)}"
        raise UsageError(f"no preset is called {name!r}", hint, field="preset")
    return PRESETS[name]


def make_config(
    preset_name: str, layers: Sequence[Mapping[str, Any]], words: int | None = None
) -> Config:
    """Returns the settings of a run: the preset's defaults, overridden by each layer in turn.

    Some defaults depend on `words`, the size of the corpus. A layer that changes the optimizer and
    no learning rate gets one of `DEFAULT_RATES`. Raises UsageError for a setting that the
    preset does not have, and for a value out of its range.
    """
    preset = preset_named(preset_name)
    known = PRESET_SETTINGS[preset_name]
    values = dict[str, Any]()
    for layer in (preset.by_size.get(size_of(words or 0), {}), *layers):
        optimizer_before = values.get("optimizer", "adamw")
        for name, value in layer.items():
            if name not in known:
                having = ", ".join(each for each, own in PRESET_SETTINGS.items() if name in own)
                raise UsageError(
                    f"the preset {preset_name} has no setting {{{name}}}",
                    f"presets that have it: {having}" if having else did_you_mean(name, known),
                    field=name,
                )
            values[name] = check_value(value, name, known[name].type)
        optimizer = values.get("optimizer", "adamw")
        if optimizer != optimizer_before and "learning_rate" not in layer:
            values["learning_rate"] = DEFAULT_RATES[optimizer]

    def filled(part: T) -> T:
        return structs.replace(part, **{n: values[n] for n in values if hasattr(part, n)})

    return Config(preset_name, filled(preset.model), filled(preset.train))


def check_value(value: Any, name: str, kind: Any, source: str = "", *, strict: bool = False) -> Any:
    """Returns the value of the setting, option or argument `name` as a value of its type. Text
    becomes a number unless `strict`. Raises UsageError, which says what the value must be, and
    names the `source` that has the wrong one."""
    if not strict and split_annotation(kind)[0] is float and str(value).startswith("."):
        value = f"0{value}"  # as people type a rate, but msgspec does not read .1
    try:
        return msgspec.convert(value, kind, strict=strict)
    except (msgspec.ValidationError, UnicodeEncodeError):  # the latter for lone surrogates
        shown = repr(value) if isinstance(value, str | float) else str(value).lower()
        hint = f"it must be {rule_of(kind)}"
        where = f" ({source})" if source else ""
        raise UsageError(f"{{{name}}} is {shown}{where}", hint, field=name) from None


def split_annotation(kind: Any) -> tuple[Any, Meta | None]:
    """Returns a type without annotations and `| None`, and its range, or None without one."""
    notes = list[Any]()
    while get_origin(kind) is Annotated or type(None) in get_args(kind):
        kind, *more = get_args(kind)  # in a union, None is the last
        notes += more
    return kind, next((note for note in notes if isinstance(note, Meta)), None)


def help_of(setting: FieldInfo) -> str:
    """Returns the help of a setting, the last annotation of its type."""
    return str(get_args(setting.type)[-1])


def rule_of(kind: Any) -> str:
    """Returns what a value must be, such as "a number, 0 or more and at most 1"."""
    base, bounds = split_annotation(kind)
    if bounds is not None:
        return f"a {'whole number' if base is int else 'number'}, {range_words(bounds)}"
    if get_origin(base) is tuple:
        return "a list of texts in quotes"
    return " or ".join(get_args(base)) or "text in quotes"


def range_words(bounds: Meta) -> str:
    """Returns a range in words, such as "0 or more and at most 1"."""
    low = f"above {bounds.gt:,.12g}" if bounds.gt is not None else f"{bounds.ge:,.12g} or more"
    if bounds.lt is not None:
        return f"{low} and below {bounds.lt:,.12g}"
    return low if bounds.le is None else f"{low} and at most {bounds.le:,.12g}"


def read_toml(path: "Path") -> dict[str, Any]:
    """Reads a TOML file. Raises UsageError."""
    import tomllib  # 2 ms

    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {os_reason(error)}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text: byte {error.start} is wrong") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from error


def settings_from_toml(path: "Path", kinds: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings of a TOML file that `kinds` has a type for. Ignores those that other
    modes have. Raises UsageError for an unknown setting, and for a wrong value."""
    data = read_toml(path)
    known = (*TRAINING_TYPES, *QUERY_SETTINGS)
    for name in data:
        if name not in known:
            hint = did_you_mean(name, known) or "rnnlm-tui --train --help lists the settings"
            raise UsageError(f"{path}: no setting is called {name}", hint)
    return {
        name: check_value(value, name, kinds[name], f"in {path}")
        for name, value in data.items()
        if name in kinds
    }
