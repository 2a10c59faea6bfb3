"""Who works on which name: no two processes write one model; which trainings run, which can be
resumed, and how one is asked to stop."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from rnnlm_tui.errors import ModelError, StorageError
from rnnlm_tui.store import locks
from rnnlm_tui.store.files import RESUME
from rnnlm_tui.store.library import Library
from tests.helpers.commands import PATIENCE_S, POSIX
from tests.helpers.models import contents, held_elsewhere, models_of, put, put_state


def test_a_name_in_use_is_refused_and_its_trainer_named(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "PATIENCE_S", 0)
    before = models_of(library)
    uses: list[Callable[[], object]] = [
        lambda: library.lock("one").__enter__(),
        lambda: library.rename("one", "three"),
        lambda: library.delete("one"),
    ]
    with held_elsewhere(library, "one") as process:
        for use in uses:
            with pytest.raises(ModelError, match=f"one is held by process {process.pid}, since"):
                use()
        listed = {entry.name: entry.trained_by for entry in library.entries()}
        assert (listed["one"] or "").startswith(f"process {process.pid}, since 20")
        assert listed["two"] is None
        library.open("one")  # reading needs no lock
        with library.lock("three"), pytest.raises(ModelError, match="three is held"):
            library.rename("two", "three")
    assert models_of(library) == before


def test_looking_for_the_trainer_does_not_make_a_run_fail(library: Library) -> None:
    """Looking takes the lock for an instant; a run that starts then must only wait."""
    stop = threading.Event()
    note = library.folder / ".locks" / "one.json"
    with library.lock("one"):
        left = note.read_bytes()

    def look() -> None:
        while not stop.is_set():
            library.runs.trainer("one")

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        for _ in range(20):
            note.write_bytes(left)  # as by a run that was killed
            with library.lock("one"):
                pass
    finally:
        stop.set()
        watcher.join()
    assert library.runs.trainer("one") is None


def test_runs_are_those_that_train_or_can_be_resumed(library: Library) -> None:
    assert library.runs.all() == []
    put_state(library.runs.folder("one"), 2, epochs=7)
    put(library.runs.folder("begun"), {RESUME: b"x", "history.jsonl": b"{}\n"})
    put(library.runs.folder("failed"), {"history.jsonl": b"{}\n"})
    put(library.data_dir / "runs" / "no name", {RESUME: b"x"})
    before = contents(library.data_dir)
    begun, one = library.runs.all()
    assert contents(library.data_dir) == before
    assert (begun.name, begun.epochs_done, begun.epochs) == ("begun", None, None)
    assert (one.name, one.epochs_done, one.epochs, one.is_unfinished) == ("one", 1, 7, True)
    with library.lock("begun", trains=False), library.lock("short", trains=False):
        assert library.runs.all() == [begun, one], "an operation of an instant is no training"
    with library.lock("fresh"), held_elsewhere(library, "two") as process:
        fresh, two = (run for run in library.runs.all() if run.trainer)
        assert (fresh.name, fresh.resumable, fresh.is_unfinished) == ("fresh", False, False)
        assert two.name == "two"
        assert two.trainer is not None and two.trainer.pid == process.pid
        process.kill()
        process.wait(timeout=PATIENCE_S)
        assert not library.runs.get("two").trainer
        assert not (library.folder / ".locks" / "two.json").exists()


def test_the_newest_run_is_one_that_no_process_trains(library: Library) -> None:
    put_state(library.runs.folder("one"), 2, epochs=7)
    put(library.runs.folder("begun"), {RESUME: b"x", "history.jsonl": b"{}\n"})
    os.utime(library.runs.folder("one") / RESUME, (1000, 1000))
    with library.lock("begun"):
        assert library.runs.newest() == "one"
        (library.folder / ".locks" / "begun.json").write_bytes(b'{"pid": 0')  # half a note
        assert library.runs.newest() == "begun"


@POSIX
def test_a_data_folder_that_cannot_be_written_is_named(data_dir: Path) -> None:
    data_dir.write_text("a file")
    with pytest.raises(StorageError, match=r"cannot write to .*models"):
        Library(data_dir).lock("one").__enter__()
