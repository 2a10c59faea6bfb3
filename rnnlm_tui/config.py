"""Settings: the sizes of models, how they are trained, and the presets.

A setting is a field of a frozen dataclass whose metadata hold its range and its help. Flags,
RNNLM_... variables and TOML files are all read by these fields, so a new setting or preset is
declared once. Saved models contain all settings of their preset.
"""

from __future__ import annotations

import dataclasses
import math
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from rnnlm_tui.errors import NAMES, Name, Sentence, UsageError, os_reason

if TYPE_CHECKING:
    from pathlib import Path

Setting: TypeAlias = int | float | str | None
LARGEST_TOML, LONGEST_TOML_LINE = 64 << 10, 1000
"""Bytes of a TOML file and characters of its longest line. The time and the memory that `tomllib`
takes grow with the square of the names in a dotted key: within these limits 1 s and 80 MB."""
ENVIRONMENT_PREFIX = "RNNLM_"
QUERY_SETTINGS = ("model", "top", "words", "temperature")
"""Options of the modes that ask a model, which variables and TOML files may set too."""
MACHINE_SETTINGS = ("threads", "device")
"""Settings of where to compute, ignored by presets that do not have them."""
LESSON_PRESET, OWN_TEXT_PRESET = "lesson", "gru"
"""The default presets, for the sonnets and for the user's texts."""
OTHER_VARIABLES = (
    *("RNNLM_DATA_DIR", "RNNLM_CONFIG_DIR", "RNNLM_LOG_DIR", "RNNLM_BUILT_IN_DIR"),
    *("RNNLM_PRESET", "RNNLM_GOLDEN", "RNNLM_ONE_THREAD"),
)


@dataclass(frozen=True, slots=True)
class Range:
    """The range of a number. `open_low` and `open_high` exclude the ends."""

    low: float
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False

    def __contains__(self, value: float) -> bool:
        above = value > self.low if self.open_low else value >= self.low
        below = value < self.high if self.open_high else value <= self.high
        return above and below and math.isfinite(value)

    def __str__(self) -> str:
        low = f"above {self.low:,.12g}" if self.open_low else f"{self.low:,.12g} or more"
        if math.isinf(self.high):
            return low
        high = f"below {self.high:,.12g}" if self.open_high else f"at most {self.high:,.12g}"
        return f"{low} and {high}"


MILLIONS = Range(1, 1_000_000)
UNITS = Range(1, 4096)
SHARE = Range(0, 1)
HELD_OUT = Range(0, 0.5)
DROPOUT = Range(0, 1, open_high=True)
STEP_SIZE = Range(0, 1e30, open_low=True)


def setting(
    default: Setting,
    help_text: str,
    bounds: Range | None = None,
    *,
    choices: tuple[str, ...] = (),
) -> Any:
    """A dataclass field with a default, a help text, and a range or choices.

    A setting whose default is None is an optional whole number.
    """
    meta = {
        "help": help_text,
        "bounds": bounds,
        "choices": choices,
        "kind": "int" if default is None else type(default).__name__,
        "optional": default is None,
    }
    return field(default=default, metadata=meta)


@dataclass(frozen=True, slots=True)
class LessonConfig:
    """The sizes of the lesson's network. The relu layer has half as many units as the vocabulary
    has ids."""

    embedding_size: int = setting(100, "size of the word embeddings", UNITS)
    bidirectional_size: int = setting(150, "units of the bidirectional layer, per direction", UNITS)
    recurrent_size: int = setting(100, "units of the second recurrent layer", UNITS)
    dropout: float = setting(0.2, "share of units dropped between the layers", DROPOUT)
    l2: float = setting(0.01, "L2 penalty on the relu layer's kernel", Range(0, 10))
    max_window: int = setting(
        64,
        "context window in words; smaller if all lines are shorter",
        Range(1, 1024),
    )


@dataclass(frozen=True, slots=True)
class NgramConfig:
    """The size of an n-gram model."""

    order: int = setting(5, "words of the longest n-grams, the predicted one included", Range(1, 6))


@dataclass(frozen=True, slots=True)
class CausalConfig:
    """The sizes of a causal network."""

    embedding_size: int = setting(256, "size of the word embeddings", UNITS)
    hidden_size: int = setting(256, "units of a recurrent layer", UNITS)
    layers: int = setting(1, "recurrent layers", Range(1, 8))
    dropout: float = setting(0.6, "share of units dropped between the layers", DROPOUT)
    softmax: str = setting(
        "auto",
        "output layer: full, or with smaller embeddings for rare words; auto from 20,000 words on",
        choices=("auto", "full", "adaptive"),
    )


@dataclass(frozen=True, repr=False, eq=False)
class NetworkTrainConfig:
    """How a network is trained. The defaults are the lesson's."""

    epochs: int = setting(130, "passes over the corpus", MILLIONS)
    batch_size: int = setting(32, "examples per step", Range(1, 65536))
    learning_rate: float = setting(1e-3, "step size of Adam", STEP_SIZE)
    device: str = setting(
        "auto",
        "device to compute on; auto takes the fastest one",
        choices=("auto", "cpu", "cuda", "mps"),
    )
    threads: int | None = setting(
        None,
        "number of threads, at most one per core: the same seed then gives the same bits; by"
        " default the fastest number, chosen while it trains, and results may differ in the last"
        " digits",
        Range(1, 1024),
    )


@dataclass(frozen=True, repr=False, eq=False)
class TextConfig:
    """How a corpus is prepared, for all presets."""

    held_out: float = setting(
        0.0, "share of the lines held out of training, to measure on", HELD_OUT
    )
    max_vocabulary: int | None = setting(
        None, "keep this many words, the most frequent ones", Range(2, 10_000_000)
    )
    min_count: int = setting(1, "ignore words that occur fewer times than this", MILLIONS)
    seed: int = setting(0, "the same seed gives the same model", Range(0, 2**32 - 1))


@dataclass(frozen=True)
class LineTextConfig(TextConfig):
    """How a corpus is prepared for models of whole lines. By default a tenth is held out."""

    held_out: float = setting(
        0.1, "share of the lines held out of training, to measure on", HELD_OUT
    )
    tokenizer: str = setting(
        "prose",
        "how lines are split into words: with capitals and punctuation, as in the lesson, or at"
        " white space only",
        choices=("prose", "lesson", "whitespace"),
    )
    lines: str = setting(
        "auto",
        "what a line is: a paragraph, joined where it is wrapped, or each line of the file",
        choices=("auto", "paragraphs", "each"),
    )
    mixture: str = setting(
        "on",
        "mix the network with n-grams and a cache of recent words, or use the model alone",
        choices=("on", "off"),
    )
    max_ngrams: int | None = setting(
        None,
        "keep this many n-grams of two or more words, the most important ones",
        Range(1, 2_000_000_000),
    )


@dataclass(frozen=True)
class TrainConfig(TextConfig, NetworkTrainConfig):
    """How the lesson's network is trained, and its corpus prepared."""


@dataclass(frozen=True)
class CausalTrainConfig(LineTextConfig, NetworkTrainConfig):
    """How a causal network is trained, and its corpus prepared."""

    epochs: int = setting(15, "passes over the corpus, at most", MILLIONS)
    batch_size: int = setting(16, "text streams, or lines, per batch", Range(1, 65536))
    bptt: int = setting(16, "words per stream and step; longer lines are cut", Range(1, 1024))
    learning_rate: float = setting(
        3e-3, "peak step size of AdamW; it falls to 0 by the last epoch", STEP_SIZE
    )
    warmup: float = setting(0.02, "share of all steps in which the step size rises", SHARE)
    weight_decay: float = setting(
        0.1, "share of a weight, times the step size, subtracted each step", Range(0, 100)
    )
    grad_clip: float = setting(
        1.0,
        "largest gradient norm; larger gradients are scaled down; 0 for no limit",
        Range(0, 1e30),
    )
    precision: str = setting(
        "float32",
        "number format of matrix products; bf16 is faster if the processor supports it",
        choices=("float32", "bf16"),
    )
    unk_rate: float = setting(
        0.5,
        "how often a word that occurs once is read as unknown, so that unknown words are learned",
        SHARE,
    )
    patience: int = setting(
        5, "epochs without a better held-out loss before the training stops", MILLIONS
    )
    min_epochs: int = setting(1, "fewest epochs before it may stop early", MILLIONS)

    def patience_exhausted(self, epochs_done: int, best_epoch: int | None) -> bool:
        """Whether early stopping has run out of patience with the held-out loss."""
        return epochs_done >= max(self.min_epochs, (best_epoch or 0) + self.patience)


ModelConfig: TypeAlias = LessonConfig | NgramConfig | CausalConfig
"""The sizes of a model of any preset."""


@dataclass(frozen=True, slots=True)
class Scale:
    """A size of corpora, up to `most_words` words, and the defaults that differ for it."""

    name: str
    most_words: float
    settings: Mapping[str, Setting]


@dataclass(frozen=True, slots=True)
class Preset:
    """A named kind of model with default sizes and training settings.

    `scales`, from small to large, hold the defaults that depend on the size of the corpus.
    """

    name: str
    summary: str
    model: ModelConfig
    train: TextConfig
    scales: tuple[Scale, ...] = ()

    def scale_of(self, words: int) -> Scale | None:
        """The scale of a corpus with so many words; None if the preset has no scales."""
        return next((scale for scale in self.scales if words <= scale.most_words), None)


SMALL_CORPUS, MIDDLE_CORPUS = 100_000, 4_000_000
"""Most words of a small and a middle corpus. The sonnets have 17,700, the Penn Treebank and
Shakespeare's plays about a million."""


def causal_preset(
    cell: str, summary: str, train: CausalTrainConfig | None = None, **middle: Setting
) -> Preset:
    """The preset of a kind of recurrent layer. `train` overrides the training settings for a small
    corpus, `middle` the defaults for a corpus of about a million words."""
    of_middle = {**MIDDLE_DEFAULTS, **middle}
    return Preset(
        name=cell,
        summary=summary,
        model=CausalConfig(),
        train=train or CausalTrainConfig(),
        scales=(
            Scale("small", SMALL_CORPUS, {}),
            Scale("middle", MIDDLE_CORPUS, of_middle),
            Scale("large", math.inf, {**of_middle, **LARGE_DEFAULTS}),
        ),
    )


MIDDLE_DEFAULTS: Mapping[str, Setting] = {
    "dropout": 0.4,
    "batch_size": 32,
    "bptt": 35,
    "epochs": 8,
    "learning_rate": 4e-3,
}
"""A training on about a million words takes two cores at most 31 minutes on a quiet machine, 43 on
a busy one, with the epochs of each preset."""
LARGE_DEFAULTS: Mapping[str, Setting] = {
    "hidden_size": 512,
    "dropout": 0.2,
    "batch_size": 64,
    "epochs": 4,
    "max_vocabulary": 30_000,
}
"""What differs from a middle corpus; extrapolated, not measured."""


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        preset.name: preset
        for preset in (
            Preset(
                name="lesson",
                summary="the lesson, to the letter",
                model=LessonConfig(),
                train=TrainConfig(),
            ),
            Preset(
                name="ngram",
                summary="n-grams, ready in seconds",
                model=NgramConfig(),
                train=LineTextConfig(),
            ),
            causal_preset(
                "rnn",
                "tanh layers, small and quick",
                learning_rate=2e-3,
                epochs=12,
            ),
            causal_preset("gru", "GRU layers, learns fastest"),
            causal_preset(
                "lstm",
                "LSTM layers, for large texts",
                CausalTrainConfig(epochs=25),
                hidden_size=512,
                epochs=9,
            ),
        )
    }
)


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that determines a training run except the corpus."""

    preset: str
    model: ModelConfig
    train: TextConfig

    @property
    def tokenizer(self) -> str:
        """The name of the tokenizer. The lesson always has its own."""
        return self.train.tokenizer if isinstance(self.train, LineTextConfig) else "lesson"

    @property
    def lines(self) -> str:
        """What a line of the corpus is. The lesson takes lines as they are."""
        return self.train.lines if isinstance(self.train, LineTextConfig) else "each"

    @property
    def is_mixed(self) -> bool:
        """Whether the model is a mixture."""
        return isinstance(self.train, LineTextConfig) and self.train.mixture == "on"

    @property
    def epochs(self) -> int:
        """The number of epochs; 1 for an n-gram model."""
        return self.train.epochs if isinstance(self.train, NetworkTrainConfig) else 1

    @property
    def network_train(self) -> NetworkTrainConfig:
        """The training settings of a network. Raises TypeError for other presets."""
        if not isinstance(self.train, NetworkTrainConfig):
            raise TypeError(f"the preset {self.preset} is not a network")
        return self.train

    def to_json(self) -> dict[str, Any]:
        """A dictionary for events and cards."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Config:
        """The reverse of `to_json`. Raises UsageError."""
        fields = settings_of(preset_named(data["preset"]))
        settings = data["model"] | data["train"]
        if missing := fields.keys() - settings.keys():
            raise UsageError(f"settings are missing: {', '.join(sorted(missing))}")
        return make_config(data["preset"], [settings])


def preset_named(name: object) -> Preset:
    """The preset of this name. Raises UsageError."""
    if not isinstance(name, str) or name not in PRESETS:
        raise UsageError(f"no preset is called {name!r}", f"presets: {', '.join(PRESETS)}")
    return PRESETS[name]


def settings_of(preset: Preset) -> dict[str, dataclasses.Field[Any]]:
    """The settings of a preset, those of the model first, by name."""
    parts = dataclasses.fields(preset.model), dataclasses.fields(preset.train)
    return {spec.name: spec for part in parts for spec in part}


def all_settings() -> dict[str, dataclasses.Field[Any]]:
    """Every setting of every preset, by name."""
    found: dict[str, dataclasses.Field[Any]] = {}
    for preset in PRESETS.values():
        found |= settings_of(preset)
    return found


NAMES.update(all_settings())


def make_config(
    preset_name: str, layers: Sequence[Mapping[str, Any]], words: int | None = None
) -> Config:
    """The settings of a run: the preset's defaults, overridden by each layer in turn.

    Some defaults depend on `words`, the size of the corpus. Raises UsageError for a setting that
    the preset does not have, and for a value out of range, naming the range.
    """
    preset = preset_named(preset_name)
    known = settings_of(preset)
    scale = None if words is None else preset.scale_of(words)
    model, train = preset.model, preset.train
    for layer in [scale.settings if scale else {}, *layers]:
        for name, value in layer.items():
            if name not in known:
                having = [each.name for each in PRESETS.values() if name in settings_of(each)]
                hint = f"presets that have it: {', '.join(having)}" if having else ""
                raise UsageError(
                    Sentence(
                        "the preset {preset} has no setting {name}",
                        preset=preset.name,
                        name=Name(name),
                    ),
                    hint or did_you_mean(name, known),
                    field=name,
                )
            checked: Any = {name: check_setting(known[name], value)}
            if hasattr(model, name):
                model = dataclasses.replace(model, **checked)
            else:
                train = dataclasses.replace(train, **checked)
    return Config(preset.name, model, train)


def check_setting(spec: dataclasses.Field[Any], value: Any) -> Setting:
    """Converts `value` to the type of a setting. Raises UsageError if it is out of range."""
    meta = spec.metadata
    if value is None and meta["optional"]:
        return None
    if meta["kind"] == "str":
        if value not in meta["choices"]:
            raise wrong_value(spec.name, value, f"it must be {' or '.join(meta['choices'])}")
        return str(value)
    return parse_number(value, spec.name, meta["bounds"], whole=meta["kind"] == "int")


def parse_number(value: Any, name: str, bounds: Range, *, whole: bool) -> int | float:
    """Converts and checks the value of the setting, option or argument `name`. Raises UsageError,
    naming the range."""
    try:
        number = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if number not in bounds or (whole and number != int(number)):
        kind = "whole number" if whole else "number"
        raise wrong_value(name, value, f"it must be a {kind}, {bounds}")
    return int(number) if whole else number


def wrong_value(name: str, value: object, hint: str) -> UsageError:
    """The error for a value that a setting or option cannot have."""
    message = Sentence("{name} is {value}", name=Name(name), value=_shown(value))
    return UsageError(message, hint, field=name)


def _shown(value: object) -> str:
    """An invalid value as the user wrote it: text in quotes, other values as in TOML."""
    if isinstance(value, str | float):
        return repr(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def variable_of(setting_name: str) -> str:
    """The environment variable of a setting, such as RNNLM_BATCH_SIZE."""
    return ENVIRONMENT_PREFIX + setting_name.upper()


def print_warning(message: str) -> None:
    """Prints a warning on standard error."""
    print(f"warning: {message}", file=sys.stderr)


def did_you_mean(name: str, known: Iterable[str], dashes: str = "") -> str:
    """A question for a mistyped name; empty if no known name is like it. `dashes` begin a flag."""
    import difflib  # 3 ms

    near = difflib.get_close_matches(name, known, 1)
    return f"did you mean {dashes}{near[0]}?" if near else ""


def settings_from_environment() -> dict[str, str]:
    """The settings of a training in RNNLM_... variables, such as RNNLM_EPOCHS=30."""
    values = ((name, os.environ.get(variable_of(name))) for name in all_settings())
    return {name: value for name, value in values if value}


def warn_of_unknown_variables() -> None:
    """Warns of unknown RNNLM_... variables, such as a mistyped RNNLM_EPOCH."""
    known = [*map(variable_of, (*all_settings(), *QUERY_SETTINGS)), *OTHER_VARIABLES]
    for variable in sorted(os.environ):
        if variable.startswith(ENVIRONMENT_PREFIX) and variable not in known:
            meant = did_you_mean(variable, known)
            print_warning(f"{variable} is not a setting" + (f"; {meant}" if meant else ""))


def read_toml(path: Path) -> dict[str, Any]:
    """The contents of a TOML file. Raises UsageError, also if it is too large for settings."""
    import tomllib  # 2 ms

    try:
        if path.exists() and not path.is_file():  # a pipe or a device may never end
            raise UsageError(f"{path} is not a regular file", "give a TOML file")
        with path.open("rb") as file:
            raw = file.read(LARGEST_TOML + 1)
        if len(raw) > LARGEST_TOML:
            raise UsageError(
                f"{path} is too large for settings: more than {LARGEST_TOML >> 10} kB",
                "give a TOML file",
            )
        text = raw.decode()
        for number, line in enumerate(text.split("\n"), start=1):
            if len(line) > LONGEST_TOML_LINE:
                raise UsageError(
                    f"line {number} of {path} is too long for settings: more than"
                    f" {LONGEST_TOML_LINE:,} characters",
                    "give a TOML file",
                )
        return tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {os_reason(error)}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text: byte {error.start} is wrong") from error
    except (ValueError, RecursionError) as error:  # TOMLDecodeError is a ValueError
        raise UsageError(f"{path} is not valid TOML: {error}") from error


def settings_from_toml(path: Path) -> dict[str, Any]:
    """The settings of a TOML file: `preset`, and any setting of a training or of a mode that asks
    a model, by name. Raises UsageError."""
    data, known = read_toml(path), ("preset", *all_settings(), *QUERY_SETTINGS)
    for name in data:
        if name not in known:
            hint = did_you_mean(name, known) or "rnnlm-tui --train --help lists the settings"
            raise UsageError(f"{path}: no setting is called {name}", hint)
    return data
