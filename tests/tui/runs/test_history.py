"""The events in a history file that another process writes, damages or replaces by a pipe."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from rnnlm_tui.event_types import Event, Failed, Paused, Saved
from rnnlm_tui.tui.runs.follower import MAX_LINE, PIECE_BYTES, HistoryReader
from tests.helpers.events import ended, finished, progress, started
from tests.helpers.runs import lines_of

EVENTS: list[Event] = [
    started(),
    progress(1),
    ended(1, held_out=4.0, perplexity=54.6),
    Saved(1.0, 1, "models/poems", True),
    Paused(1.0, "requested"),
    finished("stopped", None),
    Failed(1.0, "corpus", "no such file", ""),
]


@pytest.fixture
def history(tmp_path: Path) -> Path:
    return tmp_path / "history.jsonl"


def add(history: Path, piece: bytes) -> None:
    with history.open("ab") as file:
        file.write(piece)


def test_events_in_pieces_of_any_size(history: Path) -> None:
    whole = lines_of(*EVENTS).encode()
    for size in (7, 100, len(whole)):
        history.unlink(missing_ok=True)
        reader, events = HistoryReader(history.parent), list[Event]()
        assert reader.read() == ([], 0.0), "there is no file yet"
        for place in range(0, len(whole), size):
            add(history, whole[place : place + size])
            events += reader.read()[0]
        assert events == EVENTS


def test_lines_that_hold_no_event_are_skipped(history: Path) -> None:
    good = lines_of(progress(1)).encode()
    add(history, b"rubbish\n\xff\xfe\n" + b"[" * 100_000 + b"\n" + good + b"\r\n\nmore\n" + good)
    assert HistoryReader(history.parent).read()[0] == [progress(1)] * 2


def test_a_line_without_end_is_skipped_and_takes_no_memory(history: Path) -> None:
    good = lines_of(progress(1)).encode()
    add(history, b"x" * (3 * MAX_LINE) + b"\n" + good)
    reader = HistoryReader(history.parent)
    assert list(reader.read_all()) == [progress(1)]
    assert reader.read()[0] == []


def test_no_more_than_a_piece_is_read_at_once(history: Path) -> None:
    line = lines_of(progress(1)).encode()
    add(history, line * (PIECE_BYTES // len(line) + 10))
    reader = HistoryReader(history.parent)
    assert len(reader.read()[0]) == PIECE_BYTES // len(line)
    assert len(reader.read()[0]) == 10


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes in folders")
def test_a_pipe_in_its_place_is_not_read(history: Path) -> None:
    os.mkfifo(history)
    assert HistoryReader(history.parent).read() == ([], 0.0)
