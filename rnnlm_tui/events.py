"""The events of a training, one JSON object per line.

They are the contract between trainings and their observers: the command line, the terminal app,
scripts, and the history file in the folder of a run. Losses are in nats per word, times in seconds
since the start of the run. Numbers that are not finite are null.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache, reduce
from operator import or_
from typing import Annotated, Any, Generic, Literal, TypeAlias, TypedDict, TypeVar

import msgspec
from msgspec import Meta, Struct, structs

from rnnlm_tui.config import Config, Share
from rnnlm_tui.errors import RnnlmError, label_of

EVENT_VERSION = 1
Count: TypeAlias = Annotated[int, Meta(ge=0, le=1 << 53)]
"""A whole number that a 64-bit float holds exactly, since some readers of JSON have no others."""
Epoch: TypeAlias = Annotated[int, Meta(ge=1, le=1 << 53)]
"""The number of an epoch, counted from 1."""
Figure: TypeAlias = Annotated[float, Meta(ge=-1e308, le=1e308)]
"""A measured number, which is finite."""
ShortText: TypeAlias = Annotated[str, Meta(max_length=1024)]
Savings: TypeAlias = Annotated[float, Meta(ge=-1, le=1)]
"""A share of keys saved. It is below 0 if the writer presses more keys than without suggestions,
for instance to type spaces again after accepted words."""
T = TypeVar("T")
U = TypeVar("U")
FinishReason: TypeAlias = Literal["completed", "early_stop", "stopped", "diverged"]


class ByWriter(Struct, Generic[T], frozen=True):
    """A figure for each of the three writers of `Writer` in suggesting/accepting.py. One reads the
    list after every key, one reads it at times, and one looks at the cursor alone."""

    attentive: T
    glancing: T
    at_cursor: T

    def map(self, change: Callable[[T], U]) -> ByWriter[U]:
        """Returns the three figures changed by a function."""
        return ByWriter(change(self.attentive), change(self.glancing), change(self.at_cursor))


class CorpusFacts(Struct, frozen=True):
    """The text that a model was trained on."""

    name: ShortText
    sha256: ShortText
    lines: Count
    words: Count


class Metrics(Struct, frozen=True, omit_defaults=True):
    """The figures of a model on lines. A figure that was not measured is None.

    Training lines have a loss, penalty, accuracy and perplexity, and held-out lines a loss,
    perplexity, top1 and top5. A number that is not finite is null in JSON, and is read as None.
    """

    loss: Figure | None = None
    penalty: Figure | None = None
    accuracy: Figure | None = None
    perplexity: Figure | None = None
    top1: Figure | None = None
    top5: Figure | None = None


class EpochFigures(Struct, frozen=True, omit_defaults=True):
    """The metrics of an epoch. `held_out` is None if no lines are held out."""

    epoch: Count
    train: Metrics
    held_out: Metrics | None


class UpdateFigures(Struct, frozen=True):
    """The result of an update. The figures are None if nothing was measured.

    Attributes:
        replaced: True if the new model replaced the old one.
        old_loss: The loss of the old model's suggestions on the held-out lines, in nats per
            character (see `suggestion_loss` in suggesting/evaluate.py).
        new_loss: The same loss of the new model, on the same lines.
        old_savings: The shares of keys that the old model saves on these lines.
    """

    replaced: bool
    old_loss: Figure | None = None
    new_loss: Figure | None = None
    old_savings: ByWriter[Savings] | None = None


class BaseSavings(Struct, frozen=True):
    """The name of the base of a mixture, and the shares of keys that the base saves alone on the
    lines on which the mixture was measured."""

    name: ShortText
    keystroke_savings: ByWriter[Savings]


class Evaluation(Struct, frozen=True):
    """The metrics of a whole model on some lines. A mean of no words is None.

    Attributes:
        predicted: The number of words and ends of lines that the model predicts.
        loss: The mean loss of these, in nats.
        perplexity: exp(loss).
        oov_share: The share of unknown words among `words`.
        top1: The share of `words` that are the first suggestion.
        top5: The share of `words` that are among the first five suggestions.
        characters: The presses of keys that the lines take without suggestions.
        keys: The presses of each writer with suggestions, or None if they were not counted.
        keystroke_savings: The shares of keys that are saved: 1 - keys / characters.
        savings_intervals: The 95 % intervals of these, or None for a text that is too short.
        base: The shares of keys that the base of a mixture saves.
        nats_per_character: A loss that is comparable among models with different vocabularies. They
            must predict every word, as all but the lesson do.
    """

    lines: Count
    words: Count
    predicted: Count
    loss: Annotated[float, Meta(ge=0, le=1000)] | None
    perplexity: Annotated[float, Meta(ge=1, le=1e308)] | None
    oov_share: Share | None
    top1: Share | None
    top5: Share | None
    characters: Count
    keys: ByWriter[Count] | None
    keystroke_savings: ByWriter[Savings] | None
    savings_intervals: ByWriter[tuple[Savings, Savings]] | None
    base: BaseSavings | None = None
    nats_per_character: Figure | None = None


class LearnedWords(Struct, frozen=True):
    """The words that a text has several times and that the base does not know. `first` are the most
    frequent ones, and `count` is the number of all. A name of several words counts as one."""

    first: list[ShortText]
    count: Count


class Comparison(Struct, frozen=True):
    """The evaluations of a new model and of the model in use, whose `name` is given. Both are of
    the same held-out lines, which neither model has learned."""

    name: ShortText
    in_use: Evaluation
    new: Evaluation


class NextWord(Struct, frozen=True):
    """A word that may follow a seed line."""

    word: str
    probability: Share


class SampleText(TypedDict):
    """The continuation of a seed line. `text` is the line with its continuation. `next` are the
    five likeliest words right after the line, fewer if the model knows fewer."""

    seed: str
    text: str
    next: list[NextWord]


class Event(Struct, frozen=True, tag_field="event"):
    """The base of all events. `time` is in seconds since the run began."""

    time: Figure

    @property
    def event(self) -> str:
        """The name of the kind of event."""
        return str(type(self).__struct_config__.tag)

    def __repr__(self) -> str:
        """Shows two levels of fields, with numbers rounded and without those that are None."""
        return _fields_text(self)


def _fields_text(value: Any, depth: int = 0) -> str:
    if not isinstance(value, Struct):
        return f"{value:.4g}" if isinstance(value, float) else repr(value)
    fields = ((name, own) for name, own in structs.asdict(value).items() if own is not None)
    inner = ", ".join(f"{name}={_fields_text(own, depth + 1)}" for name, own in fields)
    return f"{type(value).__name__}({inner if depth < 2 else '...'})"


MEASURING = "measuring"
"""The phase after the last epoch in which the new model is measured."""
COMPARING = "comparing"
"""The phase after MEASURING in which other models are measured on the same lines."""


class Preparing(Event, frozen=True, tag="preparing"):
    """The progress of a phase before the first epoch or after the last one. At most ten a second.

    `done` and `of` count bytes, lines, lengths of n-grams or models. `eta_s` is the time left for
    this phase.
    """

    phase: ShortText
    done: Count
    of: Count
    eta_s: Figure | None


class Started(Event, frozen=True, tag="started"):
    """The run begins. `epochs_done` is above 0 if it was resumed.

    `parameters` is 0 for an n-gram model, whose n-grams are not counted yet. `memory_bytes` is an
    estimate, as in `--summary`.
    """

    name: str
    preset: str
    config: Config
    seed: Count
    corpus: CorpusFacts
    total_words: Count
    window: Count
    examples: Count
    held_out_lines: Count
    parameters: Count
    memory_bytes: Count
    epochs_done: Count
    device: str
    threads: Count
    versions: dict[str, str]
    is_update: bool = False


class Progress(Event, frozen=True, tag="progress"):
    """The progress of an epoch. At most ten a second.

    `loss` and `accuracy` are those of the epoch so far, without the penalty; None while n-grams are
    counted. `eta_s` is the time left for all epochs, without pauses. `threads` is the number of
    threads of the next step; None for n-grams.
    """

    epoch: Epoch
    epochs: Epoch
    step: Count
    steps: Count
    loss: Figure | None
    accuracy: Figure | None
    examples_per_s: Figure
    elapsed_s: Figure
    eta_s: Figure | None
    threads: Count | None = None

    @property
    def share(self) -> float:
        """The finished share of the run, from 0 to 1."""
        return min(1.0, (self.epoch - 1 + self.step / max(1, self.steps)) / self.epochs)


class EpochEnded(Event, frozen=True, tag="epoch"):
    """An epoch has ended.

    `train` and `held_out` are metrics of the network alone, or of the n-grams of an n-gram model.
    `held_out` is None if no lines are held out. If `best`, the weights of the epoch are kept.
    `keystroke_savings` are the shares of keys that the whole model saves on some of the held-out
    lines, or None if they were measured a short while ago.
    """

    epoch: Epoch
    train: Metrics
    held_out: Metrics | None
    best: bool
    sample: SampleText
    elapsed_s: Figure
    keystroke_savings: ByWriter[Savings] | None = None

    @property
    def row(self) -> dict[str, float]:
        """The numbers by name, such as `train_loss`. Those that were not measured are left out."""
        row: dict[str, Any] = {"epoch": self.epoch, "best": self.best, "elapsed_s": self.elapsed_s}
        metrics = {"train": self.train, "held_out": self.held_out}
        for name, part in {**metrics, "keys_saved": self.keystroke_savings}.items():
            figures = {} if part is None else structs.asdict(part)
            row |= {f"{name}_{key}": value for key, value in figures.items()}
        return {name: value for name, value in row.items() if value is not None}


class Saved(Event, frozen=True, tag="saved"):
    """The run is saved up to this epoch. If `best`, its weights are those of the model."""

    epoch: Count
    path: str
    best: bool


class Paused(Event, frozen=True, tag="paused"):
    """The run is paused, for this reason."""

    reason: str


class Resumed(Event, frozen=True, tag="resumed"):
    """The run continues after a pause, for this reason."""

    reason: str


class Warned(Event, frozen=True, tag="warning"):
    """A warning for the user, as a sentence."""

    message: str


class Finished(Event, frozen=True, tag="finished"):
    """The run has ended and is saved.

    Attributes:
        best_epoch: The epoch whose weights are kept, or None if no epoch was saved.
        metrics: The metrics of that epoch, as in `EpochEnded`. If only n-grams were saved, they
            have the epoch 0 and no figures. None if nothing was saved.
        update: The result of an update, or None for another run.
        evaluation: The metrics of the whole model, or None if it was not measured.
        learned: The words that are new to the base. None for a model that has no base, and for an
            update that was not kept.
        comparison: The comparison by which the app decides whether to use the model. None for a
            model that it never uses by itself: one of the lesson or of the sonnets, an update, one
            whose network has not ended its first epoch, and one of a text without held-out
            lines that are new to the model in use.
    """

    reason: FinishReason
    best_epoch: Count | None
    metrics: EpochFigures | None
    path: str
    elapsed_s: Figure
    update: UpdateFigures | None = None
    evaluation: Evaluation | None = None
    learned: LearnedWords | None = None
    comparison: Comparison | None = None


class Failed(Event, frozen=True, tag="failed"):
    """The run could not start or continue. The fields are those of the `RnnlmError`."""

    kind: str
    message: str
    hint: str
    field: str | None = None


def failed(error: RnnlmError, seconds: float) -> Failed:
    """Returns the event for an error `seconds` after the start, in the words of the app."""
    return Failed(seconds, error.kind, *error.worded(label_of), error.field)


def to_json(event: Event) -> dict[str, Any]:
    """Returns an event as an object of JSON."""
    return {"v": EVENT_VERSION, **msgspec.to_builtins(event)}


def to_json_line(event: Event) -> str:
    """Returns an event as a line of JSON, without a newline."""
    return json_text(to_json(event))


def from_json_line(line: str | bytes) -> Event:
    """Reads a line that `to_json_line` wrote. Ignores unknown fields. Raises ValueError for
    anything that is not an event."""
    return _decoder().decode(line)


@cache
def _decoder() -> msgspec.json.Decoder[Event]:
    """Returns the decoder of any event. It is made on first use, when all events are declared."""
    return msgspec.json.Decoder(reduce(or_, Event.__subclasses__()))


def json_text(value: Any) -> str:
    """Returns a value as JSON on one line. Structs become objects, and numbers that are not finite
    become null. Question marks replace bytes of paths and arguments that are not UTF-8. Characters
    that could control a terminal are escaped."""
    raw = json.dumps(value, default=msgspec.to_builtins, ensure_ascii=False)
    # The second pass reads NaN and Infinity as null.
    finite = json.loads(raw.encode(errors="replace"), parse_constant=lambda _: None)
    text = json.dumps(finite, ensure_ascii=False)
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
