"""Events and their JSON lines."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from rnnlm_tui.event_types import (
    BaseSavings,
    EndFigures,
    EpochEnded,
    EpochFigures,
    Event,
    Failed,
    Finished,
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
from tests.helpers.events import ended, progress, started

KEPT = EpochFigures(3, Metrics(loss=2.0), None)
UPDATED = UpdateFigures(replaced=False, old_loss=1.25, new_loss=None)
MEASURED = EndFigures(900, 0.58, None, BaseSavings("english", 0.57), before=None)
EVENTS: dict[str, Event] = {
    "preparing": Preparing(0.5, "reading", 1, 2, None),
    "started": started(),
    "progress": progress(1),
    "epoch": ended(1, held_out=4.0, perplexity=54.6),
    "saved": Saved(1.0, 1, "models/b\udce9", True),  # a path that is not UTF-8
    "paused": Paused(1.0, "requested"),
    "resumed": Resumed(1.5, "requested"),
    "warning": Warned(1.5, "two\nlines"),
    "finished": Finished(9.0, "stopped", None, KEPT, "models/poems", 9.0, UPDATED, MEASURED),
    "failed": Failed(0.1, "corpus", "no such file", "give a file"),
}


@pytest.mark.parametrize(("name", "event"), EVENTS.items(), ids=EVENTS)
def test_every_event_is_read_as_it_was_written(name: str, event: Event) -> None:
    line = to_json_line(event)
    assert "\n" not in line
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
    line = to_json_line(ended(1, held_out=math.inf, perplexity=math.nan))
    held_out = {"loss": None, "perplexity": None, "top1": 0.1, "top5": 0.2}
    assert json.loads(line)["held_out"] == held_out
    epoch = from_json_line(line)
    assert isinstance(epoch, EpochEnded) and epoch.held_out == Metrics(top1=0.1, top5=0.2)


def changed(name: str, **fields: Any) -> bytes:
    return json.dumps(json.loads(to_json_line(EVENTS[name])) | fields).encode()


NO_EVENTS = [
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"v": 1, "event": "warning", "time": 0}',
    changed("progress", v=2),
    changed("progress", step=-1),
    changed("progress", eta_s=10**400),
    changed("started", config={"preset": "nosuch", "model": {}, "train": {}}),
    changed("finished", evaluation={"words": 900}),
]


@pytest.mark.parametrize("line", NO_EVENTS, ids=range(len(NO_EVENTS)))
def test_a_line_without_an_event_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_json_line(line)


@settings(deadline=None, max_examples=300, derandomize=True)
@given(st.data())
def test_hostile_bytes_are_refused_or_an_event(data: st.DataObject) -> None:
    line = bytearray(
        to_json_line(EVENTS[data.draw(st.sampled_from([*EVENTS]))]).encode("utf-8", "replace")
    )
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(line) - 1))
        line[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=5))
    try:
        event = from_json_line(bytes(line))
    except ValueError:
        return
    assert from_json_line(to_json_line(event)).event == event.event
