"""Lines that one process appends to a file and another one reads: the events of a run, and the
orders to it."""

from __future__ import annotations

import os
from pathlib import Path

from rnnlm_tui.store.files import open_file

OWNER = "_RNNLM_OWNER"
"""The environment variable that tells a training the number of the process which owns it."""
PIECE_BYTES = 1 << 16
"""Bytes read at once. Their events, some 250, take 5 ms."""
LONGEST_BYTES = 1 << 20
"""The longest line, in bytes. A longer one is skipped: as long as it has no end, it would be read
again at each look."""


class AppendedLines:
    """Reads the lines that were added to a file since the last call.

    A file that was replaced, or has become shorter, is read from its start. One that is not there
    has no lines.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode = self._place = 0
        self._skips = False
        """Whether the start of the line at this place was skipped."""

    def read(self) -> list[bytes]:
        """Returns the whole lines in the next piece of the file, none only at its end."""
        lines = list[bytes]()
        try:
            with open_file(self._path) as file:
                status = os.fstat(file.fileno())
                if status.st_ino != self._inode or status.st_size < self._place:
                    self._inode, self._place, self._skips = status.st_ino, 0, False
                while not lines:
                    file.seek(self._place)
                    piece = file.read(PIECE_BYTES)
                    if b"\n" not in piece:
                        piece += file.read(LONGEST_BYTES)
                    *lines, rest = piece.split(b"\n")
                    if not lines and len(piece) <= LONGEST_BYTES:
                        break  # half a line may be cut off by who goes on
                    has_end = bool(lines)
                    self._place += len(piece) - len(rest) * has_end
                    lines = lines[self._skips :]
                    self._skips = not has_end
        except OSError:  # does not exist yet, or cannot be read at the moment
            return []
        return lines
