"""Reads the events in a model's history file while a training writes it."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from rnnlm_tui.events import Event, from_json_line

PIECE_BYTES = 1 << 20
"""Bytes read at once."""
MAX_LINE = 1 << 20
"""Bytes. The longest event, an epoch whose seed line is a whole paragraph, has a few kilobytes."""


class HistoryReader:
    """Reads the events that were added since the last call.

    Lines that are not events are skipped: the file may be damaged or from a later version.
    """

    def __init__(self, folder: Path) -> None:
        from rnnlm_tui.store.files import HISTORY  # imports numpy

        self._path = folder / HISTORY
        self._inode: int | None = None
        self._restart()

    def _restart(self) -> None:
        self._place = 0
        self._rest = b""
        self._in_long_line = False

    def read(self) -> tuple[list[Event], float]:
        """Returns the events in the next piece of the file, and the seconds since the last write.

        At the end of the file there are no events. A training that drops earlier runs replaces the
        file by a shorter one, which is read from its start.
        """
        try:
            if not stat.S_ISREG(self._path.stat().st_mode):
                return [], 0.0
            with self._path.open("rb") as file:
                status = os.fstat(file.fileno())
                if status.st_ino != self._inode or status.st_size < self._place:
                    self._inode = status.st_ino
                    self._restart()
                file.seek(self._place)
                piece = file.read(PIECE_BYTES)
        except OSError:  # does not exist yet, or cannot be read at the moment
            return [], 0.0
        self._place += len(piece)
        return list(self._events(piece)), max(0.0, time.time() - status.st_mtime)

    def read_all(self) -> Iterator[Event]:
        """Yields all events up to the end of the file."""
        while True:
            place = self._place
            yield from self.read()[0]
            if self._place == place:
                return

    def _events(self, piece: bytes) -> Iterator[Event]:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            if self._in_long_line:
                self._in_long_line = False
                continue
            with suppress(ValueError):
                yield from_json_line(line)
        if len(self._rest) > MAX_LINE:
            self._rest, self._in_long_line = b"", True
