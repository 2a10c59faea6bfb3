"""What the transcript is made of. No textual here."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Copied:
    """The words from `start` on, `length` of them, are copied from the text that the model was
    trained on: they occur there first in the line with this number, from 1."""

    start: int
    length: int
    line_number: int


@dataclass(frozen=True, slots=True)
class Continuation:
    """How a model continued a line. `sampled`: drawn by chance, not the likeliest. `copied`: the
    spans of its words that are copied."""

    text: str
    model: str
    sampled: bool
    copied: tuple[Copied, ...] = ()


@dataclass(slots=True, eq=False)
class Turn:
    """A line of the user's and its continuations. `model` is the name of the one that suggested
    when the line was sent, None for none. `number` is its key in the database, None until it is
    stored; it is used in the database's thread alone."""

    line: str
    continuations: list[Continuation] = field(default_factory=list)
    number: int | None = None
    model: str | None = None
