"""Files that another program writes: lines that are appended, and what is no file at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from rnnlm_tui.session.text_file import digest_of
from rnnlm_tui.store import locks
from rnnlm_tui.store.appended import PIECE_BYTES, AppendedLines
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.run_files import read_epochs, read_sources
from rnnlm_tui.training.control import Control
from rnnlm_tui.tui.preferences import SettingsFile


def test_a_line_is_read_whole_when_its_end_has_come(tmp_path: Path) -> None:
    path = tmp_path / "control"
    lines, line = AppendedLines(path), b"x" * 10 * PIECE_BYTES
    path.write_bytes(b"one\n" + line)
    assert lines.read() == [b"one"]
    assert lines.read() == []
    path.write_bytes(path.read_bytes() + b"\ntwo\n")
    found = [*lines.read(), *lines.read()]
    assert found == [line, b"two"]


def test_half_a_line_that_is_cut_off_is_no_part_of_the_next_one(tmp_path: Path) -> None:
    """A resumed training cuts it off the history of a killed one."""
    path = tmp_path / "history"
    path.write_bytes(b"one\nha")
    lines = AppendedLines(path)
    assert lines.read() == [b"one"]
    path.write_bytes(b"one\ntwo\n")
    assert lines.read() == [b"two"]


def test_all_orders_are_obeyed_at_one_look(tmp_path: Path) -> None:
    path = tmp_path / "control"
    path.write_text("sample " + "a word " * 100_000 + "\nstop\n")
    control = Control()
    control.obey(AppendedLines(path))
    assert control.stopped
    assert control.seed_line.endswith("a word") and len(control.seed_line) < 10_000


READERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "control": ("control", lambda path: AppendedLines(path).read()),
    "history": ("history.jsonl", lambda path: read_epochs(path.parent)),
    "run": ("run.json", lambda path: read_sources(path.parent)),
    "note of a training": ("m.json", lambda path: locks.trainer(path.parent, "m")),
    "in use": ("in-use", lambda path: Library(path.parent).in_use(lambda problem: None)),
    "settings": ("settings.json", lambda path: SettingsFile(path.parent)),
    "file of a text": ("text.txt", lambda path: digest_of(str(path))),
    "model": ("models/m.safetensors", lambda path: Library(path.parents[1]).entries()),
}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such pipes")
@pytest.mark.parametrize(("name", "read"), READERS.values(), ids=READERS)
def test_a_pipe_in_place_of_a_file_keeps_nobody_waiting(
    tmp_path: Path, name: str, read: Callable[[Path], object]
) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    os.mkfifo(tmp_path / name)  # type: ignore[attr-defined,unused-ignore]

    def try_to_read() -> None:
        try:
            read(tmp_path / name)
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    errors = list[Exception]()
    thread = Thread(target=try_to_read, daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
    assert not errors
