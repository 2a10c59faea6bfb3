"""Errors: each front end names settings in its own way."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rnnlm_tui.errors import CorpusError, RnnlmError, UsageError, flag_of, label_of
from rnnlm_tui.event_types import Failed, failed


@pytest.mark.parametrize(
    ("name_of", "batch", "start", "cursor"),
    [
        (str, "batch_size", "start_from", "cursor"),
        (flag_of, "--batch-size", "--from", "--cursor"),
        (label_of, '"batch size"', '"start from"', '"cursor"'),
    ],
)
def test_a_setting_is_named_as_the_front_end_names_it(
    name_of: Callable[[str], str], batch: str, start: str, cursor: str
) -> None:
    error = CorpusError(
        "it {is} {cursor}", "give {batch_size} 8, or {start_from} {n}", field="cursor"
    )
    told = (f"it {{is}} {cursor}", f"give {batch} 8, or {start} {{n}}")  # others are no names
    assert error.worded(name_of) == told
    if name_of is str:
        assert (error.message, error.hint) == told and str(error) == error.message


def test_an_error_keeps_its_kind_and_its_names_within_a_longer_message() -> None:
    error = UsageError("{batch_size} is 0", "ask", field="batch_size")
    longer = error.within("{message} (in a.toml)")
    assert type(longer) is UsageError and (longer.field, longer.hint) == ("batch_size", "ask")
    assert longer.worded(flag_of)[0] == "--batch-size is 0 (in a.toml)"


def test_the_app_and_events_say_it_in_the_words_of_the_app() -> None:
    assert RnnlmError("it is a folder").sentence() == "it is a folder"
    error = CorpusError("no", "raise {held_out}", field="held_out")
    assert error.sentence() == 'no. Raise "held out"'
    assert failed(error, 1.5) == Failed(1.5, "corpus", "no", 'raise "held out"', "held_out")
