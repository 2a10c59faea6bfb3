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
    Warned,
    from_json_line,
)
from rnnlm_tui.store import files
from rnnlm_tui.training.session import History
from tests.helpers.events import saved, started
from tests.helpers.models import fail_for


def record_all(folder: Path, *events: Event) -> list[Event]:
    """Writes the events to the folder's history; returns those that have passed."""
    return list(History(folder).record(events))


def history(folder: Path) -> list[Event]:
    """The events in the history file."""
    raw = (folder / "history.jsonl").read_text(encoding="utf-8")
    assert raw.endswith("\n")
    return [from_json_line(line) for line in raw.split("\n")[:-1]]


def test_events_pass_and_are_written_before_they_do(tmp_path: Path) -> None:
    events: list[Event] = [started(), Warned(1.0, "two\nlines \u2028 and caf\u00e9"), saved(1)]
    for number, _ in enumerate(History(tmp_path).record(events), start=1):
        assert history(tmp_path) == events[:number]
    assert number == 3


def test_all_progress_passes_and_at_most_one_a_second_is_written(tmp_path: Path) -> None:
    steps = (Progress(i / 10, 1, 2, 1, 9, 1.0, 0.5, 10.0, i / 10, 1.0) for i in range(50))
    events: list[Event] = [started(), *steps]
    assert record_all(tmp_path, *events) == events
    written = [event.time for event in history(tmp_path) if isinstance(event, Progress)]
    assert written == [0.0, 1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize("half", [b"", b'{"v": 1, "event": "prog', b"\xe2\x82", b"\0" * 9])
def test_a_resumed_run_adds_to_its_history_without_what_is_half_written(
    tmp_path: Path, half: bytes
) -> None:
    before = record_all(tmp_path, started(), saved(1))
    with (tmp_path / "history.jsonl").open("ab") as file:
        file.write(half)
    after = record_all(tmp_path, started(epochs_done=1), saved(2, best=False))
    assert history(tmp_path) == [*before, *after]


def test_a_new_run_replaces_the_history_of_the_one_before(tmp_path: Path) -> None:
    first = History(tmp_path)
    first.add(Preparing(50.0, "reading text", 1, 2, 1.0))
    events: list[Event] = [started(), Preparing(0.0, "n-grams", 1, 5, None), saved(1)]
    assert [*first.record(events)] == events == history(tmp_path)
    record_all(tmp_path, started())
    assert history(tmp_path) == [started()]


def test_a_history_stays_whole_where_it_cannot_be_replaced_and_tells_the_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = record_all(tmp_path, started(), saved(1))
    monkeypatch.setattr(files, "write_file", fail_for("history"))
    with pytest.raises(StorageError, match=r"history\.jsonl: no space left"):
        record_all(tmp_path, started(), saved(1))
    *kept, failed = history(tmp_path)
    assert kept == older
    assert isinstance(failed, Failed)
