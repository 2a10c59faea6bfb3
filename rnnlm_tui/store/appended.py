"""Lines that one process appends to a file and another process reads. They are the events of a run,
or the orders to it."""

from __future__ import annotations

import os
from pathlib import Path

from rnnlm_tui.store.files import open_file

OWNER_PID = "_RNNLM_OWNER"
"""The environment variable with the process id of the owner of a training, whose end stops it."""
PIECE_BYTES = 1 << 16
"""The number of bytes that are read at once. They hold some 250 events, which take 5 ms to read."""
LONGEST_BYTES = 1 << 20
"""The longest line, in bytes. A longer one is skipped, since each call would read all of it."""


class AppendedLines:
    """Reads the lines that were added to a file since the last call. A file that was replaced, or
    that is shorter than before, is read from its start. A missing file has no lines."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode = self._offset = 0
        self._in_long_line = False
        """True within a line that is skipped."""

    def read(self) -> list[bytes]:
        """Returns the whole lines in the next piece of the file, or [] if there are no more."""
        lines = list[bytes]()
        try:
            with open_file(self._path) as file:
                status = os.fstat(file.fileno())
                if status.st_ino != self._inode or status.st_size < self._offset:
                    self._inode, self._offset, self._in_long_line = status.st_ino, 0, False
                while not lines:
                    file.seek(self._offset)
                    piece = file.read(PIECE_BYTES)
                    if b"\n" not in piece:
                        piece += file.read(LONGEST_BYTES)
                    end = piece.rfind(b"\n") + 1
                    if not end and len(piece) <= LONGEST_BYTES:
                        break  # the beginning of a line, which is read once its end is written
                    self._offset += end or len(piece)
                    lines = piece[:end].split(b"\n")[:-1]
                    if self._in_long_line:
                        del lines[:1]  # its end
                    self._in_long_line = not end  # after more than LONGEST_BYTES
        except OSError:  # it does not exist yet, or cannot be read at the moment
            return []
        return lines
