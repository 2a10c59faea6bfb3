"""Events out of a stream of bytes that may hold anything: from a child's stdout, or a history file.

Whoever shows a run must not fall over a number that is a string, a line without end, or an event of
a later program, so everything is checked here, once.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Any, get_args

from rnnlm_tui.events import EpochEnded, Event, FinishReason, from_json_line

LONGEST_LINE = 1 << 20
"""Bytes. The longest event is an epoch whose seed line is a whole paragraph: some kilobytes."""
TRAIN_FIGURES = ("loss", "penalty", "accuracy", "perplexity")
HELD_OUT_FIGURES = ("loss", "perplexity", "top1", "top5")


def read_event(line: bytes) -> Event:
    """The event that a line holds, each field of its type. A number that is missing, since JSON has
    none that is not finite, is NaN. Raises ValueError for all else."""
    try:
        event = from_json_line(line.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    fields = dataclasses.fields(event)
    try:
        checked = {f.name: CHECKS[str(f.type)](getattr(event, f.name)) for f in fields}
    except (TypeError, OverflowError) as error:
        raise ValueError(str(error)) from error
    event = dataclasses.replace(event, **checked)
    if isinstance(event, EpochEnded):
        _must_have(event.train, TRAIN_FIGURES)
        _must_have(event.held_out, HELD_OUT_FIGURES)
        _must_have(event.sample, ("seed", "text"))
    return event


class EventLines:
    """Cuts what is read, in pieces of any size, into events; drops the lines that hold none."""

    def __init__(self) -> None:
        self._rest = b""
        self._skipping = False
        self.dropped: list[str] = []
        """The first line that was dropped, or its beginning: what a log wants to know."""

    def feed(self, piece: bytes) -> Iterator[Event]:
        """The events whose lines end in this piece."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            if self._skipping:  # the end of a line that was too long
                self._skipping = False
            elif line.strip():
                yield from self._event(line)
        if len(self._rest) > LONGEST_LINE:
            if not self._skipping:
                self._drop(self._rest)
            self._rest, self._skipping = b"", True

    def end(self) -> Iterator[Event]:
        """The event of a last line that has no newline."""
        rest, self._rest = self._rest, b""
        if rest.strip() and not self._skipping:
            yield from self._event(rest)

    def _event(self, line: bytes) -> Iterator[Event]:
        try:
            yield read_event(line)
        except ValueError:
            self._drop(line)

    def _drop(self, line: bytes) -> None:
        if not self.dropped:
            self.dropped.append(line[:200].decode("utf-8", "replace"))


def _must_have(figures: dict[str, Any] | None, names: tuple[str, ...]) -> None:
    if figures is not None and not figures.keys() >= set(names):
        raise ValueError(f"not all of {', '.join(names)}")


def _number(value: object) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("not a number")
    return float(value)


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 63:
        raise TypeError("not a count")
    return value


def _of(kind: type) -> Callable[[object], Any]:
    def check(value: object) -> Any:
        if not isinstance(value, kind):
            raise TypeError(f"not of the type {kind.__name__}")
        return value

    return check


def _all(check: Callable[[object], Any]) -> Callable[[object], dict[str, Any]]:
    """A check of a dictionary with values that all pass `check`."""

    def check_all(value: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise TypeError("not an object")
        return {key: check(item) for key, item in value.items()}

    return check_all


def _optional(check: Callable[[object], Any]) -> Callable[[object], Any]:
    return lambda value: None if value is None else check(value)


def _finish_reason(value: object) -> Any:
    if value not in get_args(FinishReason):
        raise TypeError("not a reason to finish")
    return value


CHECKS: dict[str, Callable[[object], Any]] = {
    "bool": _of(bool),
    "int": _count,
    "int | None": _optional(_count),
    "float": _number,
    "str": _of(str),
    "dict[str, Any]": _of(dict),
    "dict[str, str]": _all(_of(str)),
    "dict[str, float]": _all(_number),
    "dict[str, float] | None": _optional(_all(_number)),
    "FinishReason": _finish_reason,
}
"""What a field of an event must be, by its annotation."""
