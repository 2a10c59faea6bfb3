"""Events and their JSON lines."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from msgspec.structs import replace

from rnnlm_tui.events import (
    EpochFigures,
    Event,
    Failed,
    Metrics,
    Paused,
    Preparing,
    Resumed,
    Saved,
    UpdateFigures,
    Warned,
    from_json_line,
    to_json_line,
)
from tests.helpers.events import ended, finished, measured, progress, started

EVENTS: dict[str, Event] = {
    "preparing": Preparing(0.5, "reading", 1, 2, None),
    "started": started(),
    "progress": progress(1),
    "epoch": ended(1, held_out=4.0, perplexity=54.6),
    "saved": Saved(1.0, 1, "models/b", True),
    "paused": Paused(1.0, "requested"),
    "resumed": Resumed(1.5, "requested"),
    "warning": Warned(1.5, "two\nlines"),
    "finished": replace(
        finished("stopped", None, EpochFigures(3, Metrics(loss=2.0), None)),
        update=UpdateFigures(replaced=False, old_loss=1.25),
        evaluation=measured(900, 0.57),
    ),
    "failed": Failed(0.1, "corpus", "no such file", "give a file"),
}


@pytest.mark.parametrize(("name", "event"), EVENTS.items(), ids=EVENTS)
def test_every_event_is_read_as_it_was_written(name: str, event: Event) -> None:
    line = to_json_line(event)
    assert from_json_line(line) == event
    data = json.loads(line)
    assert list(data)[:3] == ["v", "event", "time"]
    assert (data["v"], data["event"], event.event) == (1, name, name)
    later = {**data, "more": [1, {"of": "a later program"}]}
    assert from_json_line(json.dumps(later)) == event


def test_a_number_that_is_not_finite_is_null_in_json_and_none_when_it_is_read() -> None:
    line = to_json_line(replace(progress(1), loss=math.nan, eta_s=math.inf))
    assert (json.loads(line)["loss"], json.loads(line)["eta_s"]) == (None, None)
    assert from_json_line(line) == replace(progress(1), loss=None, eta_s=None)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Ça va \u200d", "Ça va \u200d"),
        ("a\x1b[31mb\x9b\n\x00\u202e", "a\x1b[31mb\x9b\n\x00\u202e"),
        ("caf\udce9", "caf?"),  # a path that is not UTF-8
    ],
)
def test_foreign_text_in_json_cannot_steer_a_terminal(text: str, read: str) -> None:
    line = to_json_line(Warned(1.0, text))
    assert line.isprintable() and json.loads(line)["message"] == read
    assert from_json_line(line.encode()) == Warned(1.0, read)


@pytest.mark.parametrize(
    "change", [{"step": -1}, {"eta_s": 10**400}, {"event": "nosuch"}, {"event": "started"}]
)
def test_a_line_without_an_event_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"step|eta_s|nosuch|missing"):
        from_json_line(json.dumps(json.loads(to_json_line(progress(1))) | change))
