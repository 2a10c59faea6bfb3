"""Errors: each front end names settings in its own way, and another process's error is the same."""

from __future__ import annotations

import pytest

from rnnlm_tui.config import make_config
from rnnlm_tui.errors import (
    CorpusError,
    Name,
    RnnlmError,
    Sentence,
    UsageError,
    error_of_kind,
    flag_of,
    label_of,
)
from rnnlm_tui.event_types import Failed, failed


def test_a_setting_is_named_as_the_front_end_names_it() -> None:
    hint = Sentence("give a smaller {batch_size}, such as {size}, or {other}", size=8, other="{n}")
    error = CorpusError("the text {is} short", hint)
    assert error.message == str(error) == "the text {is} short", "braces of a text are no names"
    assert error.hint == "give a smaller batch_size, such as 8, or {n}"
    assert error.worded(flag_of)[1] == "give a smaller --batch-size, such as 8, or {n}"
    assert error.worded(label_of)[1] == 'give a smaller "batch size", such as 8, or {n}'


def test_an_error_of_a_setting_has_its_field() -> None:
    with pytest.raises(UsageError) as raised:
        make_config("gru", [{"held_out": 2}])
    error = raised.value
    assert (error.kind, error.field, error.message) == ("usage", "held_out", "held_out is 2")
    assert error.worded(flag_of)[0] == "--held-out is 2"


def test_an_error_keeps_its_kind_and_its_names_within_a_longer_message() -> None:
    error = UsageError(Sentence("{name} is 0", name=Name("batch_size")), "ask", field="batch_size")
    longer = error.within("{message} (in {file})", file="{a}.toml")
    assert type(longer) is UsageError and (longer.field, longer.hint) == ("batch_size", "ask")
    assert longer.worded(flag_of)[0] == "--batch-size is 0 (in {a}.toml)"


def test_a_sentence_for_the_app_ends_with_the_hint() -> None:
    assert RnnlmError("it is a folder").sentence() == "it is a folder"
    error = RnnlmError("it is a folder", Sentence("give a {file}"))
    assert error.sentence() == 'it is a folder. Give a "file"'


@pytest.mark.parametrize("kind", [CorpusError, UsageError, RnnlmError])
def test_the_error_of_another_process_is_the_same(kind: type[RnnlmError]) -> None:
    event = failed(kind("no", Sentence("raise {held_out}"), field="held_out"), 1.5)
    assert event == Failed(1.5, kind.kind, "no", 'raise "held out"', "held_out")
    same = error_of_kind(event.kind, event.message, event.hint, event.field)
    assert type(same) is kind
    assert (same.message, same.hint, same.field) == ("no", 'raise "held out"', "held_out")


def test_a_kind_that_is_not_known_is_a_failure() -> None:
    assert type(error_of_kind("new", "no", "")) is RnnlmError
