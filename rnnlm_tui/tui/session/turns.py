"""The elements of the transcript. Does not import textual."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Copied:
    """A span of `length` words from index `start` that is copied from the training text of the
    model, where it first occurs in line `line_number`, from 1."""

    start: int
    length: int
    line_number: int


@dataclass(frozen=True, slots=True)
class Continuation:
    """The continuation of a line by a model. `sampled` is false if it is the likeliest one."""

    text: str
    model: str
    sampled: bool
    copied: tuple[Copied, ...] = ()


@dataclass(slots=True, eq=False)
class Turn:
    """A line of the user and its continuations. `model` is the name of the model that was active
    when the line was sent, or None. `number` is the key in the database, None until it is stored;
    only the database's thread uses it."""

    line: str
    continuations: list[Continuation] = field(default_factory=list)
    number: int | None = None
    model: str | None = None
