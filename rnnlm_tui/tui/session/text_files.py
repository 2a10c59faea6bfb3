"""Small text files, written in one piece. No textual here."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from pathlib import Path


def make_private(folder: Path) -> None:
    """Makes a folder that other users cannot look into. Raises OSError."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)


def put_in_place(path: Path, text: str, *, private: bool = False) -> None:
    """Writes the file whole, or leaves what was there. Its folder must be there. No other user can
    read one that is `private`. Raises OSError.

    It is not flushed to the disk, which takes tens of milliseconds: it survives this program's
    end, though not the machine's.
    """
    temporary = path.with_name(f".{path.name[:40]}.{os.getpid()}.tmp")
    try:
        opener = partial(os.open, mode=0o600 if private else 0o666)
        with open(
            temporary, "w", encoding="utf-8", errors="replace", newline="\n", opener=opener
        ) as file:
            file.write(text)
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
