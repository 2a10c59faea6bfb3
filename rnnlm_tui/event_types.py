"""The events of a training, one JSON object per line.

They are the contract between trainings and their observers: the command line, the terminal app,
scripts, and the history file in the folder of a run. Losses are in nats per word, times in seconds
since the start of the run. A number that is not finite is null in JSON and NaN here.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Annotated, Any, Literal, NotRequired, TypeAlias, TypedDict

import msgspec
from msgspec import Meta, Struct

from rnnlm_tui.errors import RnnlmError, label_of

EVENT_VERSION = 1
Count: TypeAlias = Annotated[int, Meta(ge=0, le=1 << 53)]
Epoch: TypeAlias = Annotated[int, Meta(ge=1, le=1 << 53)]
Figure: TypeAlias = Annotated[float, Meta(ge=-1e308, le=1e308)]
"""A measured number. JSON has null for one that is not finite."""
ShortText: TypeAlias = Annotated[str, Meta(max_length=1024)]
Savings: TypeAlias = Annotated[float, Meta(ge=-1, le=1)]
"""A share of keys saved; below 0 where suggestions cost keys."""


class CorpusFacts(TypedDict):
    """The text that a model was trained on."""

    name: ShortText
    sha256: ShortText
    lines: Count
    words: Count


class TrainFigures(TypedDict):
    """The metrics of an epoch on the training lines. None for a number that is not finite."""

    loss: Figure
    accuracy: Figure
    penalty: Figure | None
    perplexity: Figure | None


class HeldOutFigures(TypedDict):
    """The metrics of an epoch on the held-out lines. None for a number that is not finite."""

    loss: Figure | None
    perplexity: Figure | None
    top1: Figure | None
    top5: Figure | None


class EpochFigures(TypedDict):
    """The metrics of an epoch. `held_out` is None if no lines are held out. `steps` is set if the
    epoch was stopped after so many steps."""

    epoch: Count
    train: TrainFigures
    held_out: HeldOutFigures | None
    steps: NotRequired[Count]


FinishReason: TypeAlias = Literal["completed", "early_stop", "stopped", "diverged"]
Number: TypeAlias = float
if not TYPE_CHECKING:
    Number = Figure | None  # null is decoded as None, which `from_json_line` replaces by NaN


class _Event(Struct, frozen=True, tag_field="event"):
    """The base of all events."""

    time: Number

    @property
    def event(self) -> str:
        """The name of the kind of event."""
        return event_name(type(self))


class Preparing(_Event, frozen=True, tag="preparing"):
    """The progress of a phase before the first epoch or after the last one: `done` of `of` bytes of
    the text, lengths of n-grams, or models measured. At most ten a second. `eta_s` is the time left
    for this phase."""

    phase: ShortText
    done: Count
    of: Count
    eta_s: Number


class Started(_Event, frozen=True, tag="started"):
    """The run begins. `epochs_done` is above 0 if it was resumed.

    `parameters` is 0 for an n-gram model, which is counted only later. `memory_bytes` and
    `estimated_s` are estimates for the rest of the run, as in `--summary`.
    """

    name: str
    preset: str
    config: dict[str, Any]
    seed: Count
    corpus: CorpusFacts
    total_words: Count
    window: Count
    examples: Count
    held_out_lines: Count
    parameters: Count
    memory_bytes: Count
    estimated_s: Number
    epochs_done: Count
    device: str
    threads: Count
    versions: dict[str, str]


class Progress(_Event, frozen=True, tag="progress"):
    """The progress of the epoch. At most ten a second.

    `loss` and `accuracy` are those of the epoch so far, without the penalty; NaN while n-grams are
    counted. `eta_s` is the time left for all epochs, without pauses. `threads` is the number of
    threads of the next step; None for n-grams.
    """

    epoch: Count
    epochs: Count
    step: Count
    steps: Count
    loss: Number
    accuracy: Number
    examples_per_s: Number
    elapsed_s: Number
    eta_s: Number
    threads: Count | None = None


class EpochEnded(_Event, frozen=True, tag="epoch"):
    """An epoch has ended. `train` has loss, penalty, accuracy and perplexity; `held_out` has loss,
    perplexity, top1 and top5, or is None if no lines are held out. They are those of the network
    (of an n-gram model: the n-grams) alone, also in the training of a mixture. `best` tells whether
    its weights are kept. `sample` has the seed line and its continuation."""

    epoch: Count
    train: dict[str, Number]
    held_out: dict[str, Number] | None
    best: bool
    sample: dict[str, str]
    elapsed_s: Number


class Saved(_Event, frozen=True, tag="saved"):
    """The run is saved up to this epoch. If `best`, the model has the weights of the epoch."""

    epoch: Count
    path: str
    best: bool


class Paused(_Event, frozen=True, tag="paused"):
    """The run is paused, for this reason."""

    reason: str


class Resumed(_Event, frozen=True, tag="resumed"):
    """The run continues after a pause, for this reason."""

    reason: str


class Warned(_Event, frozen=True, tag="warning"):
    """A warning for the user, as a sentence."""

    message: str


class UpdateFigures(TypedDict):
    """The result of the update of a model: the losses of the old and the new model on the same
    held-out lines, in nats per character as written. None if no lines are held out."""

    replaced: bool
    old_loss: Figure | None
    new_loss: Figure | None


class BaseSavings(TypedDict):
    """The share of keys that the base of a mixture saves alone, on the lines that the mixture was
    measured on."""

    name: ShortText
    keystroke_savings: Savings


class EndFigures(TypedDict):
    """The metrics of the saved model, as it suggests, on held-out lines with this number of words.

    `base` is None for a model without a base. `before` is the share of keys that the model which an
    update has replaced saves on the same lines, None if it was not measured.
    """

    words: Count
    keystroke_savings: Savings | None
    perplexity: Figure | None
    base: BaseSavings | None
    before: Savings | None


class Finished(_Event, frozen=True, tag="finished"):
    """The run has ended and is saved.

    `best_epoch` is None if no epoch was saved. `metrics` are those of the kept epoch (epoch, train,
    held_out), empty if there is none: of a mixture they measure the network alone. If only its
    n-grams were saved, they are the epoch 0 and nothing else. `update` is None for a run that is
    not an update, `evaluation` if nothing was measured.
    """

    reason: FinishReason
    best_epoch: Count | None
    metrics: dict[str, Any]
    path: str
    elapsed_s: Number
    update: UpdateFigures | None = None
    evaluation: EndFigures | None = None


class Failed(_Event, frozen=True, tag="failed"):
    """The run could not start or continue. `kind` is that of the error, `field` the setting or
    option that is wrong, if it is one."""

    kind: str
    message: str
    hint: str
    field: str | None = None


Event: TypeAlias = (
    Preparing
    | Started
    | Progress
    | EpochEnded
    | Saved
    | Paused
    | Resumed
    | Warned
    | Finished
    | Failed
)
REQUIRED = {
    "train": ("loss", "penalty", "accuracy", "perplexity"),
    "held_out": ("loss", "perplexity", "top1", "top5"),
    "sample": ("seed", "text"),
}
"""Keys that the objects in an `EpochEnded` must have."""
NULLABLE = ("held_out", "best_epoch", "update", "evaluation", "threads", "field")
"""Fields that may be None."""


def failed(error: RnnlmError, seconds: float) -> Failed:
    """The event for an error, so many seconds after the start, in the words of the app."""
    return Failed(seconds, error.kind, *error.worded(label_of), error.field)


def event_name(kind: type[_Event]) -> str:
    """The name of a kind of event in JSON, such as "epoch"."""
    return str(kind.__struct_config__.tag)


def to_json_line(event: Event) -> str:
    """The event as a line of JSON, without a newline."""
    fields = {"v": EVENT_VERSION, "event": event.event, **msgspec.structs.asdict(event)}
    return json.dumps(json_safe(fields), ensure_ascii=False, allow_nan=False)


def from_json_line(line: str | bytes) -> Event:
    """The reverse of `to_json_line`. Ignores unknown fields.

    Raises ValueError for anything that is not an event of this version.
    """
    try:
        data = json.loads(line)  # unlike msgspec, it accepts the lone surrogates of paths
        if not isinstance(data, dict) or data.get("v") != EVENT_VERSION:
            raise ValueError("not an event of this version")
        return _with_nan(msgspec.convert(data, Event))
    except (msgspec.ValidationError, RecursionError) as error:
        raise ValueError(f"not an event: {error}") from error


def _with_nan(event: Event) -> Event:
    """Replaces null numbers by NaN. Raises ValueError if one is missing."""
    if isinstance(event, EpochEnded):
        for part, keys in REQUIRED.items():
            held = getattr(event, part)
            if held is not None and not held.keys() >= {*keys}:
                raise ValueError(f"not all of {', '.join(keys)}")
        for figures in (event.train, event.held_out or {}):
            figures.update({key: math.nan for key, value in figures.items() if value is None})
    missing = {
        name: math.nan
        for name, value in msgspec.structs.asdict(event).items()
        if value is None and name not in NULLABLE
    }
    return msgspec.structs.replace(event, **missing) if missing else event


def json_safe(value: Any) -> Any:
    """`value` with None for all numbers that are not finite, which JSON cannot represent."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: json_safe(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_safe(item) for item in value]
    return value
