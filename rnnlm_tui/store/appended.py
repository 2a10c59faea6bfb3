"""Lines that one process appends to a file and another one reads: the events of a run, and the
orders to it."""

from __future__ import annotations

import os
from pathlib import Path

OWNER = "_RNNLM_OWNER"
"""The environment variable that tells a training the number of the process which owns it."""
PIECE_BYTES = 1 << 16
"""Bytes read at once. Their events, some 250, take 5 ms."""


class AppendedLines:
    """Reads the lines that were added to a file since the last call.

    A file that was replaced, or has become shorter, is read from its start. One that is not there
    has no lines.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode = self._place = 0

    def read(self) -> list[bytes]:
        """Returns the whole lines in the next piece of the file, none only at its end."""
        try:
            with self._path.open("rb") as file:
                status = os.fstat(file.fileno())
                if status.st_ino != self._inode or status.st_size < self._place:
                    self._inode, self._place = status.st_ino, 0
                file.seek(self._place)
                piece = file.read(PIECE_BYTES)
                while b"\n" not in piece and (more := file.read(PIECE_BYTES)):
                    piece += more
        except OSError:  # does not exist yet, or cannot be read at the moment
            return []
        *lines, rest = piece.split(b"\n")
        self._place += len(piece) - len(rest)  # half a line may be cut off by who goes on
        return lines
