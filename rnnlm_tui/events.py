"""Training events: what a run says of itself, one JSON object a line.

They are the contract between training and everything that watches it: the command line, the
terminal app, scripts, and the history file in a model's folder. Losses are in nats a word, times in
seconds since the run started.
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, NotRequired, TypeAlias, TypedDict

from msgspec import Meta

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
    after so many."""

    epoch: Epoch
    train: TrainFigures
    held_out: HeldOutFigures | None
    steps: NotRequired[Count]


@dataclass(frozen=True, slots=True)
class Started:
    """The run begins. `epochs_done` is above 0 where it goes on from a saved epoch.

    `parameters` is 0 for counts, whose number is known at the end. `memory_bytes` and `estimated_s`
    are estimates for the whole run, the second from a short calibration on this machine.
    """

    event: ClassVar[str] = "started"
    time: float
    name: str
    preset: str
    config: dict[str, Any]
    seed: int
    corpus: dict[str, Any]
    total_words: int
    window: int
    examples: int
    held_out_lines: int
    parameters: int
    memory_bytes: int
    estimated_s: float
    epochs_done: int
    device: str
    threads: int
    versions: dict[str, str]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the epoch is; at most ten a second. `loss` and `accuracy` are those of the epoch so
    far, the penalty apart, and no numbers while words are counted; `eta_s` is the time left for all
    epochs, pauses left out."""

    event: ClassVar[str] = "progress"
    time: float
    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    accuracy: float
    examples_per_s: float
    elapsed_s: float
    eta_s: float


@dataclass(frozen=True, slots=True)
class EpochEnded:
    """An epoch is through. `train` has loss, penalty, accuracy, perplexity; `held_out` has loss,
    perplexity, top1, top5, or is None where no line is held out. `best`: its weights are the ones
    kept. `sample` is the seed line and its continuation."""

    event: ClassVar[str] = "epoch"
    time: float
    epoch: int
    train: dict[str, float]
    held_out: dict[str, float] | None
    best: bool
    sample: dict[str, str]
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class Saved:
    """The run is saved as far as this epoch; `best`: the weights of the epoch are the model now."""

    event: ClassVar[str] = "saved"
    time: float
    epoch: int
    path: str
    best: bool


@dataclass(frozen=True, slots=True)
class Paused:
    """The run waits, and why."""

    event: ClassVar[str] = "paused"
    time: float
    reason: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """The run goes on after a pause, and why."""

    event: ClassVar[str] = "resumed"
    time: float
    reason: str


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that the user should know, in a sentence."""

    event: ClassVar[str] = "warning"
    time: float
    message: str


FinishReason: TypeAlias = Literal["completed", "early_stop", "stopped", "diverged"]


@dataclass(frozen=True, slots=True)
class Finished:
    """The run is over and saved. `best_epoch` is None where no epoch was ever saved."""

    event: ClassVar[str] = "finished"
    time: float
    reason: FinishReason
    best_epoch: int | None
    metrics: dict[str, Any]
    path: str
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class Failed:
    """The run could not start or go on; `kind` is that of the error."""

    event: ClassVar[str] = "failed"
    time: float
    kind: str
    message: str
    hint: str


Event: TypeAlias = (
    Started | Progress | EpochEnded | Saved | Paused | Resumed | Warned | Finished | Failed
)
EVENTS: dict[str, type[Event]] = {
    kind.event: kind
    for kind in (
        Started,
        Progress,
        EpochEnded,
        Saved,
        Paused,
        Resumed,
        Warned,
        Finished,
        Failed,
    )
}


def to_json_line(event: Event) -> str:
    """One line of JSON, without its newline. A number that is not finite becomes null."""
    fields = {"v": EVENT_VERSION, "event": event.event, **dataclasses.asdict(event)}
    return json.dumps(json_safe(fields), ensure_ascii=False, allow_nan=False)


def from_json_line(line: str) -> Event:
    """The reverse of `to_json_line`; fields of a later program are left out.

    Raises ValueError for what is not an event.
    """
    data = json.loads(line)
    if not isinstance(data, dict) or data.pop("v", None) != EVENT_VERSION:
        raise ValueError("not an event of this version")
    kind = EVENTS.get(data.pop("event", ""))
    if kind is None:
        raise ValueError("an unknown event")
    known = {field.name for field in dataclasses.fields(kind)}
    try:
        return kind(**{name: value for name, value in data.items() if name in known})
    except TypeError as error:
        raise ValueError(f"an event with other fields: {error}") from error


def json_safe(value: Any) -> Any:
    """`value` with null in place of every number that is not finite, which JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: json_safe(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_safe(item) for item in value]
    return value
