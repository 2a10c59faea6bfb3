"""Which trainings run, which can be resumed, and how one is asked to stop."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from rnnlm_tui.errors import ModelError
from rnnlm_tui.store.files import RESUME
from rnnlm_tui.store.library import Library, SavedRun
from tests.helpers.commands import PATIENCE_S, POSIX, dead_process
from tests.helpers.models import contents, held_elsewhere, put, put_state

HERE = socket.gethostname()


def resumable(name: str, epochs_done: int | None, epochs: int | None = None) -> SavedRun:
    """The entry of a run that has ended and can be resumed."""
    return SavedRun(name, None, True, epochs_done, epochs)


def note_of(library: Library, name: str) -> Path:
    """Where the holder of a name leaves its note."""
    return library.folder / ".locks" / f"{name}.json"


@contextmanager
def noted(library: Library, name: str, **facts: Any) -> Iterator[None]:
    """Holds the name in this process, with these facts in the note."""
    with library.lock(name):
        note = json.loads(note_of(library, name).read_text())
        note_of(library, name).write_text(json.dumps({**note, **facts}))
        yield


def never_kill(pid: int, number: int) -> None:
    """Replaces os.kill in tests that must kill nothing; signal 0 only asks if a process exists."""
    if number != 0:
        raise AssertionError(f"signal {number} for process {pid}")


# What is listed


def test_a_model_is_listed_as_a_run_only_if_it_can_be_resumed(library: Library) -> None:
    assert library.runs() == []
    put(library.run_folder("one"), {"resume.safetensors": b"not looked into"})
    put(library.run_folder("begun"), {"resume.safetensors": b"x", "history.jsonl": b"{}\n"})
    put(library.run_folder("failed"), {"history.jsonl": b"{}\n"})
    put(library.data_dir / "runs" / "no name", {"resume.safetensors": b"x"})
    before = contents(library.data_dir)
    assert library.runs() == [resumable("begun", None), resumable("one", 3, 130)]
    assert contents(library.data_dir) == before
    library.path("one").write_bytes(b"{")
    assert library.runs() == [resumable("begun", None), resumable("one", None)]


def test_the_run_to_resume_is_the_newest_that_is_unfinished(library: Library) -> None:
    for age, name in enumerate(("trains", "begun", "old")):
        put_state(library.run_folder(name), 2, epochs=3)
        os.utime(library.run_folder(name) / RESUME, (1000 - age, 1000 - age))
    with library.lock("trains"):
        assert library.newest_run() == "begun"
    for name in ("trains", "begun", "old"):
        (library.run_folder(name) / RESUME).unlink()
    with pytest.raises(ModelError, match="no training is unfinished"):
        library.newest_run()


def test_a_training_elsewhere_is_listed_with_and_without_a_model(library: Library) -> None:
    with library.lock("fresh"), held_elsewhere(library, "two") as process:
        fresh, two = library.runs()
        assert fresh.name == "fresh"
        assert fresh.trainer is not None and fresh.trainer.on_this_host
        assert (fresh.resumable, fresh.epochs_done) == (False, None)
        assert (two.name, two.epochs_done) == ("two", 1)
        who = rf"process {process.pid} on {HERE}, since \d{{4}}-\d\d-\d\d \d\d:\d\d"
        assert re.fullmatch(who, str(two.trainer))
    assert library.runs() == []


def test_a_short_task_is_not_listed_as_a_run(library: Library) -> None:
    put(library.run_folder("two"), {"resume.safetensors": b"x"})
    with library.lock("one", "rename"), library.lock("two", ""):
        assert library.runs() == [resumable("two", 1, 130)]
        assert [entry.trained_by for entry in library.entries()] == [None, None]
        assert f"process {os.getpid()} on" in (library.holder("one") or "")
        with pytest.raises(ModelError, match="no training named one"):
            library.stop_run("one")


def test_a_training_that_was_killed_is_not_running(library: Library) -> None:
    with held_elsewhere(library, "one") as process:
        process.kill()
        process.wait(timeout=PATIENCE_S)
        put(library.run_folder("one"), {"resume.safetensors": b"x"})
        assert note_of(library, "one").exists()
        assert library.holder("one") is None
        assert library.runs() == [resumable("one", 3, 130)]
        with pytest.raises(ModelError, match="no training named one"):
            library.stop_run("one")


def test_the_note_of_a_killed_training_is_not_taken_for_the_next_holders(
    library: Library,
) -> None:
    """The next holder gets the lock a moment before it writes its note."""
    with noted(library, "one", pid=dead_process()):
        assert library.holder("one") == "another process"
        assert library.runs() == []


@pytest.mark.parametrize(
    "note",
    [b"", b"[]", b"\xff", b"[" * 100_000]
    + [json.dumps({"pid": pid}).encode() for pid in (0, -1, 1 << 40, True, "1", None, 1.5)],
)
def test_an_invalid_note_means_an_unknown_process_and_no_run(
    library: Library, note: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "kill", never_kill)
    with library.lock("one"):
        facts = json.loads(note_of(library, "one").read_text())
        if note.startswith(b"{"):
            note = json.dumps({**facts, **json.loads(note)}).encode()
        note_of(library, "one").write_bytes(note)
        assert library.runs() == []
        assert library.holder("one") == "another process"
        with pytest.raises(ModelError, match="no training named one"):
            library.stop_run("one")


def test_a_training_on_another_machine_is_listed_and_cannot_be_stopped_here(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "kill", never_kill)
    with noted(library, "one", pid=dead_process(), host="elsewhere"):
        (run,) = library.runs()
        assert run.trainer is not None and not run.trainer.on_this_host
        with pytest.raises(ModelError, match=r"another machine .*on elsewhere, since"):
            library.stop_run("one")


# Stopping


@POSIX
def test_the_number_of_a_killed_training_may_be_another_processs_by_now(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    ) as stranger:
        monkeypatch.setattr(os, "kill", never_kill)
        why = f"process {stranger.pid} does not train one"
        with noted(library, "one", pid=stranger.pid), pytest.raises(ModelError, match=why):
            library.stop_run("one")
        assert stranger.poll() is None
        assert stranger.stdin is not None
        stranger.stdin.close()
        assert stranger.wait(timeout=PATIENCE_S) == 0


@POSIX
@pytest.mark.parametrize(
    ("error", "why"),
    [
        (psutil.NoSuchProcess(1), "the training of one has ended"),
        (psutil.AccessDenied(1), "the training of one is another user's"),
    ],
)
def test_a_process_that_cannot_be_asked_is_reported(
    library: Library, error: psutil.Error, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: psutil.Process) -> None:
        raise error

    monkeypatch.setattr(psutil.Process, "open_files", refuse)
    monkeypatch.setattr(os, "kill", never_kill)
    with library.lock("one"), pytest.raises(ModelError, match=why):
        library.stop_run("one")


def test_windows_reports_that_it_cannot(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnnlm_tui.store.locks.sys.platform", "win32")
    monkeypatch.setattr(os, "kill", never_kill)
    with library.lock("one"), pytest.raises(ModelError, match="Windows cannot ask the training"):
        library.stop_run("one")
