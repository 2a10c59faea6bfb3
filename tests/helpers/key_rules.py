"""Evaluations with other keys than those of the default settings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from unittest import mock

from rnnlm_tui import evaluate
from rnnlm_tui.accepting import Accept, DigitSetting, Listed, accepting_digits, ways_to_accept
from rnnlm_tui.text.tokenizer import Insertion


@contextmanager
def writer_with(
    digits: DigitSetting, *, has_second: bool = True, has_alt: bool = False
) -> Iterator[None]:
    """Evaluates a writer with this setting of the digits, who presses shift+Tab if `has_second`,
    and alt and a digit if `has_alt`."""

    def ways(
        found: Listed, before: str, ghost: Sequence[Insertion], *, is_empty: bool
    ) -> Iterator[Accept]:
        for accept in ways_to_accept(found, before, ghost, digits, is_empty=is_empty):
            key = accept.keys[0]
            if (has_second or key != "shift+tab") and (has_alt or not key.startswith("alt+")):
                yield accept

    def taken(found: Listed, before: str) -> str:
        return accepting_digits(found, before, digits)

    with mock.patch.multiple(evaluate, ways_to_accept=ways, accepting_digits=taken):
        yield
