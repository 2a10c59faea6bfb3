"""Lines that one process appends to a file and another reads: events of a run, or orders to it."""

from __future__ import annotations

import os
from pathlib import Path

from rnnlm_tui.store.files import open_file

OWNER_PID = "_RNNLM_OWNER"
"""The environment variable with the process id of the owner of a training, whose end stops it."""
PIECE_BYTES = 1 << 16
"""About the number of bytes that are read at once. They hold some 250 events, which take 5 ms."""


class AppendedLines:
    """Reads the lines that were added to a file since the last call. A file that was replaced, or
    that is shorter than before, is read from its start. A missing file has no lines."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode = self._offset = 0

    def read(self) -> list[bytes]:
        """Returns the whole lines in the next piece of the file, or [] if there are no more."""
        try:
            with open_file(self._path) as file:
                status = os.fstat(file.fileno())
                if status.st_ino != self._inode or status.st_size < self._offset:
                    self._inode, self._offset = status.st_ino, 0
                file.seek(self._offset)
                lines = file.readlines(PIECE_BYTES)
        except OSError:  # it does not exist yet, or cannot be read at the moment
            return []
        if lines and not lines[-1].endswith(b"\n"):
            lines.pop()  # it is read once its end is written
        self._offset += sum(map(len, lines))
        return [line.removesuffix(b"\n") for line in lines]
