"""Training events: what a run reports, one JSON object a line.

They are the contract between training and everything that watches it: the command line, the
terminal app, scripts, and the history file in a model's folder. Losses are in nats a word, times in
seconds since the run started. A number that is not finite is null in JSON and NaN here.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Annotated, Any, Literal, NotRequired, TypeAlias, TypedDict

import msgspec
from msgspec import Meta, Struct

EVENT_VERSION = 1
Count: TypeAlias = Annotated[int, Meta(ge=0, le=1 << 53)]
Epoch: TypeAlias = Annotated[int, Meta(ge=1, le=1 << 53)]
Figure: TypeAlias = Annotated[float, Meta(ge=-1e308, le=1e308)]
"""A measured number. One that is too large for a float is null in JSON."""
ShortText: TypeAlias = Annotated[str, Meta(max_length=1024)]


class CorpusFacts(TypedDict):
    """The text that a model was trained on."""

    name: ShortText
    sha256: ShortText
    lines: Count
    words: Count


class TrainFigures(TypedDict):
    """The figures of an epoch on the lines that it was trained on; losses in nats."""

    loss: Figure
    accuracy: Figure
    penalty: NotRequired[Figure | None]
    perplexity: NotRequired[Figure | None]


class HeldOutFigures(TypedDict, total=False):
    """The figures of an epoch on the lines held out."""

    loss: Figure | None
    perplexity: Figure | None
    top1: Figure | None
    top5: Figure | None


class EpochFigures(TypedDict):
    """The figures of an epoch; `held_out` is None if no line was held out. `steps`: it was stopped
    after so many. Epoch 0 are the n-grams that a network's training begins with."""

    epoch: Count
    train: TrainFigures
    held_out: HeldOutFigures | None
    steps: NotRequired[Count]


FinishReason: TypeAlias = Literal["completed", "early_stop", "stopped", "diverged"]
Number: TypeAlias = float
if not TYPE_CHECKING:
    Number = Figure | None  # null is decoded as None, and made NaN before anybody sees it


class _Event(Struct, frozen=True, tag_field="event"):
    """The fields that all events have."""

    time: Number

    @property
    def event(self) -> str:
        """The name of the kind of event."""
        return event_name(type(self))


class Preparing(_Event, frozen=True, tag="preparing"):
    """How far a phase is that takes some time for a large text, before the training begins or
    before its first epoch: `done` of `of` bytes of the text, or lengths of n-grams; at most ten a
    second. `eta_s` is the time left for this phase."""

    phase: ShortText
    done: Count
    of: Count
    eta_s: Number


class Started(_Event, frozen=True, tag="started"):
    """The run begins; `epochs_done` is above 0 if it resumes from a saved epoch.

    `parameters` is 0 for an n-gram model, whose number is known at the end. `memory_bytes` and
    `estimated_s` are estimates for the rest of the run, the second as `--summary` makes it.
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
    """How far the epoch is; at most ten a second.

    `loss` and `accuracy` are those of the epoch so far, without the penalty, and NaN while n-grams
    are counted. `eta_s` is the time left for all epochs, without pauses. `threads` are those that
    the next step computes with; None for n-grams, and for a run of an older program.
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
    perplexity, top1 and top5, and is None if no line is held out. `best` tells whether its weights
    are the ones kept. `sample` has the seed line and the text that continues it.
    """

    epoch: Count
    train: dict[str, Number]
    held_out: dict[str, Number] | None
    best: bool
    sample: dict[str, str]
    elapsed_s: Number


class Saved(_Event, frozen=True, tag="saved"):
    """The run is saved up to this epoch; `best`: the weights of the epoch are the model now."""

    epoch: Count
    path: str
    best: bool


class Paused(_Event, frozen=True, tag="paused"):
    """The run waits, and why."""

    reason: str


class Resumed(_Event, frozen=True, tag="resumed"):
    """The run goes on after a pause, and why."""

    reason: str


class Warned(_Event, frozen=True, tag="warning"):
    """Something that the user should know, in a sentence."""

    message: str


class UpdateFigures(TypedDict):
    """What became of the update of a model: the losses of the model before and after on the same
    held-out lines, in nats a character as written; None if nothing is held out."""

    replaced: bool
    old_loss: Figure | None
    new_loss: Figure | None


class Finished(_Event, frozen=True, tag="finished"):
    """The run is over and saved.

    `best_epoch` is None if no epoch was ever saved. `metrics` are the figures of the epoch that is
    kept (epoch, train, held_out), and empty if there is none. `update` is None for a run that is no
    update.
    """

    reason: FinishReason
    best_epoch: Count | None
    metrics: dict[str, Any]
    path: str
    elapsed_s: Number
    update: UpdateFigures | None = None


class Failed(_Event, frozen=True, tag="failed"):
    """The run could not start or go on; `kind` is that of the error."""

    kind: str
    message: str
    hint: str


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
"""What the objects within an epoch's event must hold."""
NULLABLE = ("held_out", "best_epoch", "update", "threads")
"""The fields that may be None."""


def event_name(kind: type[_Event]) -> str:
    """The name of a kind of event in JSON, such as "epoch"."""
    return str(kind.__struct_config__.tag)


def to_json_line(event: Event) -> str:
    """One line of JSON, without its newline."""
    fields = {"v": EVENT_VERSION, "event": event.event, **msgspec.structs.asdict(event)}
    return json.dumps(json_safe(fields), ensure_ascii=False, allow_nan=False)


def from_json_line(line: str | bytes) -> Event:
    """The reverse of `to_json_line`; unknown fields, as of a later program, are ignored.

    Raises ValueError for what is not an event of this version, whatever the bytes are.
    """
    try:
        data = json.loads(line)  # unlike msgspec, it takes the lone surrogates of a path's bytes
        if not isinstance(data, dict) or data.get("v") != EVENT_VERSION:
            raise ValueError("not an event of this version")
        return _with_nan(msgspec.convert(data, Event))
    except (msgspec.ValidationError, RecursionError) as error:
        raise ValueError(f"not an event: {error}") from error


def _with_nan(event: Event) -> Event:
    """The event with NaN for each number that is null. Raises ValueError if one is missing."""
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
    """`value` with null in place of every number that is not finite, which JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: json_safe(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_safe(item) for item in value]
    return value
