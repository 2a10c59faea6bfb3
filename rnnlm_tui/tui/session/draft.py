"""The line being written, kept in its file while it is written. No textual here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from rnnlm_tui.errors import StorageError


class DraftKeeper:
    """Writes in a thread of its own: a file takes 0.1 to 3 ms, and many disks longer, in which
    nothing would be painted. The thread begins at once, and a line that comes while it writes
    replaces the one that waited before."""

    def __init__(
        self, write: Callable[[str], None], failed: Callable[[StorageError], None]
    ) -> None:
        """`write` puts a line into the file, in the thread; `failed` is told on the event loop
        when that raises StorageError."""
        self._write = write
        self._failed = failed
        self._line = ""
        self._is_kept = True
        self._writing: asyncio.Future[None] | None = None
        self._thread = ThreadPoolExecutor(1, "draft")

    def keep(self, line: str) -> None:
        """Writes this line, and no earlier one any more."""
        self._line, self._is_kept = line, False
        if self._writing is None:
            self._begin()

    def _begin(self) -> None:
        self._is_kept = True
        loop = asyncio.get_running_loop()
        self._writing = loop.run_in_executor(self._thread, self._write, self._line)
        self._writing.add_done_callback(self._written)

    def _written(self, done: asyncio.Future[None]) -> None:
        self._writing = None
        try:
            done.result()
        except StorageError as error:
            self._failed(error)
        if not self._is_kept:
            self._begin()

    def close(self) -> None:
        """Writes what is not written yet, and ends the thread. Raises StorageError."""
        self._thread.shutdown()
        if not self._is_kept:
            self._is_kept = True
            self._write(self._line)
