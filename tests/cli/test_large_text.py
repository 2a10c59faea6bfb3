"""What is seen of a large text while it is read, and a stop then."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from rnnlm_tui.event_types import Event, Preparing, from_json_line
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.store.library import Library
from rnnlm_tui.text import prepare, reading
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.session import History
from tests.helpers.commands import Command, events_of
from tests.helpers.events import end_of

LINES = bundled_corpus().read_text().splitlines()
SIZES = ("--embedding-size=4", "--hidden-size=4", "--threads=1", "--device=cpu", "--epochs=1")
GRU = ("--preset=gru", *SIZES, "--held-out=0.2")


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    path = tmp_path / "diary.txt"
    path.write_text("\n".join(LINES[:160]) + "\n")
    return path


def phases_of(events: Iterable[Event]) -> set[str]:
    return {event.phase for event in events if isinstance(event, Preparing)}


def test_its_phases_are_in_the_history_that_the_app_follows(
    run: Command, library: Library, diary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "REPORTED_EACH", 500)
    monkeypatch.setattr(prepare, "REPORTED_LINES", 50)
    seen = set[str]()
    path = library.run_folder("followed") / "history.jsonl"

    def look(self: Any, event: Event) -> None:
        add(self, event)
        if isinstance(event, Preparing):
            seen.update(path.read_text().splitlines())

    add = History.add
    monkeypatch.setattr(History, "add", look)
    done = run("--train", str(diary), *GRU, "--name=followed", "--json")
    assert phases_of(events_of(done)) == {"reading text", "encoding words", "n-grams"}
    assert "reading text" in phases_of(map(from_json_line, seen))


def test_a_stop_while_it_is_read_leaves_nothing(
    run: Command, library: Library, diary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "REPORTED_EACH", 500)
    controls = list[Control]()

    class Remembered(Control):
        def __init__(self, seed_line: str = "") -> None:
            super().__init__(seed_line)
            controls.append(self)

    def stopping(text: str) -> int:
        controls[0].stop()
        return len(text.split())

    monkeypatch.setattr("rnnlm_tui.cli.train.Control", Remembered)
    monkeypatch.setattr(reading, "count_words", stopping)
    done = run("--train", str(diary), *GRU, "--name=stopped", "--json")
    end = end_of(events_of(done))
    assert (end.reason, end.metrics) == ("stopped", None)
    assert not library.run_folder("stopped").exists() and not library.has("stopped")
