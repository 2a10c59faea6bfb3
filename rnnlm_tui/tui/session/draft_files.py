"""The files of what is being written, one for each app that is open. No textual here."""

from __future__ import annotations

from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from rnnlm_tui.tui.session.text_files import make_private, put_in_place

if TYPE_CHECKING:
    from filelock import BaseFileLock


class DraftFiles:
    """draft.txt, draft-2.txt, ... in a folder. A process holds the lock beside its file until it
    ends, however it ends; the file of one that is gone is for the next to adopt."""

    def __init__(self, folder: Path, stem: str = "draft", largest: int = -1) -> None:
        """`stem` is how the files' names begin; no more than `largest` characters of a file are
        read, all of it where that is -1."""
        self._folder, self._stem, self._largest = folder, stem, largest
        self._own: Path | None = None
        self._locks: dict[Path, BaseFileLock] = {}

    def left(self) -> list[tuple[Path, str]]:
        """The files of processes that are gone, with the texts in them, the newest last. This
        process holds them from now on."""
        found = []
        for path in self._folder.glob(f"{self._stem}*.txt"):
            with suppress(OSError):  # one that another has adopted since, or that cannot be held
                if path.stat().st_size and self._hold(path):
                    with path.open(encoding="utf-8", errors="replace") as file:
                        text = file.read(self._largest)
                    found.append((path.stat().st_mtime_ns, path, text))
        return [(path, text) for _, path, text in sorted(found)]

    def adopt(self, path: Path) -> None:
        """Goes on with a file that was left."""
        self._own = path

    def discard(self, path: Path) -> None:
        """Deletes a file that was left. Raises OSError."""
        path.unlink(missing_ok=True)
        self._locks.pop(path).release()

    def keep(self, text: str) -> None:
        """Puts this text into this process's file. Raises OSError."""
        if self._own is None:
            make_private(self._folder)
            self._own = next(filter(self._is_free, map(self._numbered, count(1))))
        put_in_place(self._own, text, private=True)

    def remove(self) -> None:
        """Deletes this process's file, whose name it keeps. Raises OSError."""
        if self._own is not None:
            self._own.unlink(missing_ok=True)

    def _numbered(self, number: int) -> Path:
        return self._folder / f"{self._stem}{'' if number == 1 else f'-{number}'}.txt"

    def _is_free(self, path: Path) -> bool:
        """Whether this process may write there, and holds it from now on. A text of another that
        has ended meanwhile stays for the next start."""
        if not self._hold(path):
            return False
        if not path.exists() or not path.stat().st_size:
            return True
        self._locks.pop(path).release()
        return False

    def _hold(self, path: Path) -> bool:
        """Whether this process has the file's lock now. Raises OSError."""
        from filelock import FileLock, Timeout  # 11 ms, which an app without drafts need not wait

        # One for the process: an app that is started after another in it goes on with its line.
        lock = FileLock(path.with_suffix(".lock"), 0, thread_local=False, is_singleton=True)
        try:
            lock.acquire()
        except Timeout:
            return False
        self._locks[path] = lock
        return True
