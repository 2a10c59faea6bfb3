"""The log of a training that the app has started: all that its process says beside its events."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO

from rnnlm_tui.formatting import sanitize

LARGEST = 1 << 20
"""Bytes. A larger log starts anew with the next run; one run writes some hundred bytes."""
HEADER = b"== "
TAIL = 1 << 16


class RunLog:
    """One file a name, to which every run of that name adds, each after a header line."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self, command: Sequence[str]) -> IO[bytes]:
        """The file, open for adding, with the header of a new run. Raises OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.exists() and self.path.stat().st_size > LARGEST:
            self.path.unlink()
        file = self.path.open("ab")  # O_APPEND: the child and the app both add to it
        date = datetime.now().astimezone().isoformat(timespec="seconds")
        header = sanitize(f"{date} {shlex.join(command)}")
        file.write(b"\n" * (file.tell() > 0) + HEADER + header.encode() + b"\n")
        file.flush()
        return file

    def add(self, line: str) -> None:
        """Adds a line of the app's own, where the file can be written."""
        with suppress(OSError), self.path.open("ab") as file:
            file.write(f"rnnlm-tui: {sanitize(line)}\n".encode())

    def tail(self, lines: int) -> list[str]:
        """The last lines of the last run, fewer where it has said less."""
        try:
            with self.path.open("rb") as file:
                file.seek(0, 2)
                file.seek(max(0, file.tell() - TAIL))
                said = file.read()
        except OSError:
            return []
        shown: list[str] = []
        for line in reversed(said.splitlines()):
            if line.startswith(HEADER) or len(shown) == lines:
                break
            if line.strip():
                shown.append(sanitize(line.decode("utf-8", "replace").expandtabs()))
        return shown[::-1]
