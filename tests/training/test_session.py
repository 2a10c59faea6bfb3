"""A run's history: the events in its folder."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from unittest.mock import Mock

import pytest

from rnnlm_tui.errors import CorpusError, StorageError
from rnnlm_tui.events import (
    EpochEnded,
    Event,
    Failed,
    Finished,
    Preparing,
    Progress,
    Warned,
    from_json_line,
)
from rnnlm_tui.store.library import Library
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.request import TrainingRequest
from rnnlm_tui.training.session import HistoryFile, training_events
from tests.helpers.events import saved, started
from tests.helpers.models import put_saved_model


def record_all(folder: Path, *events: Event) -> list[Event]:
    """Writes the events to the folder's history; returns those that have passed."""
    return list(HistoryFile(folder).record(events))


def history(folder: Path) -> list[Event]:
    """The events in the history file."""
    raw = (folder / "history.jsonl").read_text(encoding="utf-8")
    assert raw.endswith("\n")
    return [from_json_line(line) for line in raw.split("\n")[:-1]]


def test_events_are_written_before_they_pass_progress_once_a_second(tmp_path: Path) -> None:
    steps = (Progress(i / 10, 1, 2, 1, 9, 1.0, 0.5, 10.0, i / 10, 1.0) for i in range(50))
    events: list[Event] = [
        started(),
        Warned(0.0, "two\nlines \u2028 and caf\u00e9"),
        *steps,
        saved(1),
    ]
    written, passed = list[Event](), list[Event]()
    for event in HistoryFile(tmp_path).record(events):
        if not isinstance(event, Progress) or event.time % 1 == 0:
            written.append(event)
        assert history(tmp_path) == written
        passed.append(event)
    assert passed == events and len(written) == 8


@pytest.mark.parametrize("half", [b"", b'{"v": 1, "event": "prog', b"\xe2\x82", b"\0" * 9])
def test_a_resumed_run_adds_to_its_history_without_what_is_half_written(
    tmp_path: Path, half: bytes
) -> None:
    before = record_all(tmp_path, started(), saved(1))
    with (tmp_path / "history.jsonl").open("ab") as file:
        file.write(half)
    after = record_all(tmp_path, started(epochs_done=1), saved(2, best=False))
    assert history(tmp_path) == [*before, *after]


def test_a_new_run_replaces_the_history_of_the_one_before_or_tells_why_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = HistoryFile(tmp_path)
    first.add(Preparing(50.0, "reading text", 1, 2, 1.0))
    events: list[Event] = [started(), Preparing(0.0, "n-grams", 1, 5, None), saved(1)]
    assert [*first.record(events)] == events == history(tmp_path)
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(os, "fsync", Mock(side_effect=full))
    with pytest.raises(StorageError, match=r"history\.jsonl: no space left"):
        record_all(tmp_path, started())
    *kept, failed = history(tmp_path)
    assert kept == events and isinstance(failed, Failed)


def test_a_run_that_fails_before_it_trains_says_so_in_its_history(
    library: Library, tmp_path: Path
) -> None:
    put_saved_model(library, "ngram")
    nothing = tmp_path / "nothing.txt"
    nothing.write_text("\n")
    request = TrainingRequest(name="ngram", preset="ngram", force=True, sources=(str(nothing),))
    with pytest.raises(CorpusError) as caught:
        [*training_events(library, request, Control())]
    failed = history(library.runs.folder("ngram"))[-1]
    assert isinstance(failed, Failed) and failed.message == caught.value.message


def test_a_run_that_is_stopped_while_it_reads_its_text_says_so_in_its_history(
    library: Library,
) -> None:
    put_saved_model(library, "ngram")  # without a model, the folder of the run is removed
    control = Control()
    control.stop()
    request = TrainingRequest(name="ngram", preset="ngram", force=True)
    events = [*training_events(library, request, control)]
    assert history(library.runs.folder("ngram")) == events


def test_a_run_is_stopped_while_the_network_of_its_parent_reads_the_new_words(
    library: Library, tmp_path: Path
) -> None:
    put_saved_model(library, "gru")
    text, control, shares = tmp_path / "text.txt", Control(), list[tuple[int, int]]()
    text.write_text("the clocks strike\n" * 200)  # 800 targets, in batches of 256

    def stop(event: Preparing) -> None:
        if event.phase == "new words":
            shares.append((event.done, event.of))
            control.stop()

    request = TrainingRequest(name="mine", start_from="gru", sources=(str(text),))
    (end,) = training_events(library, request, control, stop)
    assert isinstance(end, Finished) and (end.reason, end.best_epoch) == ("stopped", None)
    assert shares == [(0, 4)] and not library.runs.folder("mine").exists()


def test_a_resumed_run_that_is_stopped_before_it_trains_says_what_it_has_learned(
    library: Library, tmp_path: Path
) -> None:
    text, control = tmp_path / "text.txt", Control()
    text.write_text("the clocks strike\n" * 20)
    sizes = {"embedding_size": 4, "hidden_size": 4}
    request = TrainingRequest(
        name="mine", preset="gru", on="none", sources=(str(text),), settings=sizes
    )
    for event in training_events(library, request, control):
        if isinstance(event, EpochEnded):
            control.stop()
    control = Control()
    again = TrainingRequest(name="mine", resume=True)
    *_, end = training_events(library, again, control, on_prepared=lambda job: control.stop())
    assert isinstance(end, Finished) and (end.reason, end.best_epoch) == ("stopped", 1)
