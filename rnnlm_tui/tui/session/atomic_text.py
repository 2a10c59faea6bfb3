"""Text files that are written whole or not at all. No textual here."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from pathlib import Path


def write_text(path: Path, text: str, *, private: bool = False) -> None:
    """Writes the file whole, or leaves the one that was there. Its folder must exist. No other user
    can read one that is `private`. Raises OSError.

    It is not flushed to the disk, which takes tens of milliseconds: it survives the end of the
    program, but perhaps not the machine's.
    """
    temporary = path.with_name(f".{path.name[:40]}.{os.getpid()}.tmp")
    opener = partial(os.open, mode=0o600 if private else 0o666)
    try:
        with open(
            temporary, "w", encoding="utf-8", errors="replace", newline="\n", opener=opener
        ) as file:
            file.write(text)
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
