"""A run's history: the events in its folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnlm_tui.errors import StorageError
from rnnlm_tui.event_types import (
    Event,
    Failed,
    Preparing,
    Progress,
    Saved,
    Warned,
    from_json_line,
)
from rnnlm_tui.store import files
from rnnlm_tui.training.history import record
from tests.helpers.events import saved, started
from tests.helpers.models import fail_for


def progress(time: float) -> Progress:
    """A progress event."""
    return Progress(time, 1, 2, 1, 9, 1.0, 0.5, 10.0, time, 1.0)


def record_all(folder: Path, *events: Event) -> list[Event]:
    """Writes the events to the folder's history; returns those that have passed."""
    return list(record(events, folder))


def history(folder: Path) -> list[Event]:
    """The events in the history file."""
    raw = (folder / "history.jsonl").read_text(encoding="utf-8")
    assert raw.endswith("\n")
    return [from_json_line(line) for line in raw.split("\n")[:-1]]


def test_events_pass_and_are_written_before_they_do(tmp_path: Path) -> None:
    events: list[Event] = [started(), Warned(1.0, "two\nlines \u2028 and caf\u00e9"), saved(1)]
    for number, event in enumerate(record(events, tmp_path), start=1):
        assert event == events[number - 1]
        assert history(tmp_path) == events[:number]


def test_all_progress_passes_and_at_most_one_a_second_is_written(tmp_path: Path) -> None:
    events: list[Event] = [started(), *(progress(tenth / 10) for tenth in range(50))]
    assert record_all(tmp_path, *events) == events
    written = [event.time for event in history(tmp_path) if isinstance(event, Progress)]
    assert written == [0.0, 1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize("half", [b'{"v": 1, "event": "prog', b"\xe2\x82", b"\0" * 9])
def test_a_last_line_that_is_half_written_is_cut_off(tmp_path: Path, half: bytes) -> None:
    before = record_all(tmp_path, started(), saved(1))
    with (tmp_path / "history.jsonl").open("ab") as file:
        file.write(half)
    record_all(tmp_path, started(epochs_done=1), saved(2, best=False))
    assert history(tmp_path) == [*before, started(epochs_done=1), saved(2, best=False)]


def test_a_resumed_run_adds_to_its_history_and_a_new_one_begins_its_own(tmp_path: Path) -> None:
    first: list[Event] = [Preparing(0.0, "reading text", 1, 2, 1.0), started(), saved(1)]
    record_all(tmp_path, *first)
    assert history(tmp_path) == first[1:]
    second: list[Event] = [started(1), saved(2), saved(3, best=False)]
    record_all(tmp_path, *second)
    assert history(tmp_path) == first[1:] + second
    record_all(tmp_path, started())
    assert history(tmp_path) == [started()]


def test_a_history_keeps_path_bytes_that_are_not_unicode(tmp_path: Path) -> None:
    events: list[Event] = [started(), Saved(1.0, 1, "/caf\udce9/verses", True)]
    assert record_all(tmp_path, *events) == events
    assert history(tmp_path) == events


def test_the_history_of_an_earlier_run_stays_whole_where_it_cannot_be_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older: list[Event] = [started(), saved(1)]
    record_all(tmp_path, *older)
    monkeypatch.setattr(files, "write_file", fail_for("history"))
    with pytest.raises(StorageError, match=r"history\.jsonl: no space left"):
        record_all(tmp_path, started(), saved(1))
    *kept, failed = history(tmp_path)
    assert kept == older
    assert isinstance(failed, Failed)
