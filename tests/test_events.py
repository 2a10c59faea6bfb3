"""Events and their JSON lines."""

from __future__ import annotations

import json
import math

import pytest

from rnnlm_tui.events import EVENTS, Failed, Progress, Warned, from_json_line, to_json_line


def test_a_line_has_version_event_and_time() -> None:
    line = to_json_line(Warned(1.5, "two\nlines"))
    assert "\n" not in line
    assert json.loads(line) == {
        "v": 1,
        "event": "warning",
        "time": 1.5,
        "message": "two\nlines",
    }


def test_a_number_that_is_not_finite_becomes_null() -> None:
    progress = Progress(0.0, 1, 2, 3, 4, math.nan, 0.5, math.inf, 1.0, 2.0)
    data = json.loads(to_json_line(progress))
    assert (data["loss"], data["examples_per_s"], data["accuracy"]) == (None, None, 0.5)


def test_every_kind_of_event_has_a_name_of_its_own() -> None:
    assert sorted(EVENTS) == sorted(
        [
            "started",
            "progress",
            "epoch",
            "saved",
            "paused",
            "resumed",
            "warning",
            "finished",
            "failed",
        ]
    )


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[]",
        "{}",
        "not json",
        '{"v": 2, "event": "warning", "time": 0, "message": ""}',
        '{"v": 1, "event": "unheard of", "time": 0}',
        '{"v": 1, "event": "warning", "time": 0}',
    ],
)
def test_what_is_not_an_event_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_json_line(line)


def test_a_field_of_a_later_program_is_left_out() -> None:
    line = '{"v": 1, "event": "warning", "time": 0.5, "message": "m", "more": 1}'
    assert from_json_line(line) == Warned(0.5, "m")


def test_a_failure_carries_its_hint() -> None:
    event = Failed(0.1, "corpus", "no such file", "give a file")
    assert from_json_line(to_json_line(event)) == event
