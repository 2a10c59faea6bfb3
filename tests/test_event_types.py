"""Events and their JSON lines."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlm_tui.event_types import (
    EndFigures,
    EpochEnded,
    Event,
    Failed,
    Finished,
    Paused,
    Progress,
    Resumed,
    Saved,
    UpdateFigures,
    Warned,
    from_json_line,
    to_json_line,
)
from tests.helpers.events import ended, progress, started

FINISHED = Finished(9.0, "stopped", None, {"epoch": 3, "held_out": None}, "models/poems", 9.0)
UPDATED: UpdateFigures = {"replaced": False, "old_loss": 1.25, "new_loss": None}
MEASURED: EndFigures = {
    "words": 900,
    "keystroke_savings": 0.58,
    "perplexity": None,
    "base": {"name": "english", "keystroke_savings": 0.57},
    "before": None,
}
EVENTS: dict[str, Event] = {
    "started": started(),
    "progress": progress(1),
    "epoch": ended(1, held_out=4.0, perplexity=54.6),
    "saved": Saved(1.0, 1, "models/poems", True),
    "paused": Paused(1.0, "requested"),
    "resumed": Resumed(1.5, "requested"),
    "warning": Warned(1.5, "two\nlines"),
    "finished": msgspec.structs.replace(FINISHED, update=UPDATED, evaluation=MEASURED),
    "failed": Failed(0.1, "corpus", "no such file", "give a file"),
}


@pytest.mark.parametrize(("name", "event"), EVENTS.items(), ids=EVENTS)
def test_every_event_is_read_as_it_was_written(name: str, event: Event) -> None:
    line = to_json_line(event)
    assert "\n" not in line
    assert from_json_line(line) == from_json_line(line.encode()) == event
    data = json.loads(line)
    assert list(data)[:3] == ["v", "event", "time"]
    assert (data["v"], data["event"], event.event) == (1, name, name)
    later = {**data, "more": [1, {"of": "a later program"}]}
    assert from_json_line(json.dumps(later)) == event


def test_a_number_that_is_not_finite_is_null_and_comes_back_as_nan() -> None:
    event = msgspec.structs.replace(progress(1), loss=math.nan, examples_per_s=math.inf)
    line = to_json_line(event)
    data = json.loads(line)
    assert (data["loss"], data["examples_per_s"], data["accuracy"]) == (None, None, event.accuracy)
    again = from_json_line(line)
    assert isinstance(again, Progress)
    assert math.isnan(again.loss)
    assert math.isnan(again.examples_per_s)
    epoch = from_json_line(to_json_line(ended(1, held_out=math.inf)))
    assert isinstance(epoch, EpochEnded)
    assert epoch.held_out is not None
    assert math.isnan(epoch.held_out["loss"])


def test_progress_of_an_older_program_does_not_say_its_threads() -> None:
    data = json.loads(to_json_line(progress(1)))
    assert data.pop("threads") == 2
    older = from_json_line(json.dumps(data))
    assert isinstance(older, Progress)
    assert older.threads is None
    assert from_json_line(to_json_line(older)) == older


def changed(name: str, **fields: Any) -> bytes:
    return json.dumps(json.loads(to_json_line(EVENTS[name])) | fields).encode()


NO_EVENTS = [
    b"",
    b"Traceback (most recent call last):",
    b"\xff\xfe",
    b"[]",
    b"{}",
    b"7",
    b"[" * 100_000,
    b'{"v": 1, "event": "warning", "time": 0, "message": "", "x":' + b"[" * 100_000,
    b'{"v": 1, "event": "warning", "time": 0}',
    changed("progress", v=2),
    changed("progress", v=10**400),
    changed("progress", event="later"),
    changed("progress", step="1"),
    changed("progress", step=True),
    changed("progress", step=-1),
    changed("progress", epoch=10**30),
    changed("progress", threads=-1),
    changed("progress", eta_s="soon"),
    changed("progress", eta_s=10**400),
    changed("started", corpus={"name": "x", "sha256": "", "lines": 10**400, "words": 1}),
    changed("started", total_words=None),
    changed("epoch", train={}),
    changed("epoch", train=None),
    changed("epoch", train={"loss": "low"}),
    changed("epoch", held_out={"loss": 1.0}),
    changed("epoch", sample={}),
    changed("epoch", sample=["the", "cat"]),
    changed("epoch", best=1),
    changed("finished", reason="bored"),
    changed("finished", metrics=None),
    changed("finished", evaluation={**MEASURED, "keystroke_savings": 1.5}),
    changed("finished", evaluation={"words": 900}),
    changed("saved", path=None),
]


@pytest.mark.parametrize("line", NO_EVENTS, ids=range(len(NO_EVENTS)))
def test_a_line_without_an_event_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_json_line(line)


@settings(deadline=None, max_examples=300, derandomize=True)
@given(st.data())
def test_hostile_bytes_are_refused_or_an_event(data: st.DataObject) -> None:
    line = bytearray(to_json_line(data.draw(st.sampled_from([*EVENTS.values()]))).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(line) - 1))
        line[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=5))
    try:
        event = from_json_line(bytes(line))
    except ValueError:
        return
    assert from_json_line(to_json_line(event)).event == event.event
