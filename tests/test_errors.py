"""Errors: each front end names settings in its own way."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rnnlm_tui.errors import CorpusError, UsageError, flag_of, label_of
from rnnlm_tui.events import Failed, failed


@pytest.mark.parametrize(
    ("name_of", "batch", "start"),
    [
        (str, "batch_size", "start_from"),
        (flag_of, "--batch-size", "--from"),
        (label_of, '"batch size"', '"start from"'),
    ],
)
def test_a_setting_is_named_as_the_front_end_names_it(
    name_of: Callable[[str], str], batch: str, start: str
) -> None:
    error = CorpusError("{batch_size} is 0", 'such as {"id": 7}, or {start_from}')
    told = (f"{batch} is 0", f'such as {{"id": 7}}, or {start}')
    assert error.worded(name_of) == told
    if name_of is str:
        assert (error.message, error.hint) == told and str(error) == error.message
        assert error.__notes__ == [error.hint]  # a traceback shows them


def test_an_error_keeps_its_kind_and_its_names_in_an_event() -> None:
    error = UsageError("{batch_size} is 0", "raise {held_out}", field="batch_size")
    said = ('"batch size" is 0', 'raise "held out"')
    assert error.sentence() == f'{said[0]}. Raise "held out"'
    assert failed(error, 1.5) == Failed(1.5, "usage", *said, "batch_size")
