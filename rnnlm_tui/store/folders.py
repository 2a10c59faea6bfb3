"""Moves, stages and deletes the folders of a library, so that a model is always whole or gone."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rnnlm_tui.errors import StorageError, os_reason

STALE_S = 3600
"""Age after which an unfinished import or copy counts as killed."""


def move(source: Path, target: Path) -> None:
    """Renames a folder. Raises StorageError."""
    try:
        source.rename(target)
    except OSError as error:
        raise StorageError(f"could not make {target}: {os_reason(error)}") from error


def discard(folder: Path) -> None:
    """Deletes a model's folder. It is renamed first, so that it is gone at once or still whole.
    Raises StorageError."""
    move(folder, folder.parent / f".deleted-{os.urandom(16).hex()}")
    _sweep(folder.parent)


@contextmanager
def staging(library: Path, purpose: str) -> Iterator[Path]:
    """Yields a new folder next to the models, to be filled and moved into place. Whatever is left
    of it is removed at the end. Raises StorageError."""
    import shutil
    import tempfile

    _sweep(library)
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{purpose}-", dir=library))
    except OSError as error:
        raise StorageError(f"cannot write to {library}: {os_reason(error)}") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(library: Path) -> None:
    """Removes deleted folders, and the leftovers of imports and copies that were killed."""
    import shutil

    graves = list(library.glob(".deleted-*"))
    for staged in (*library.glob(".import-*"), *library.glob(".duplicate-*")):
        with suppress(OSError):
            if time.time() - staged.lstat().st_mtime > STALE_S:
                graves.append(staged)
    for grave in graves:
        if grave.is_symlink():
            grave.unlink(missing_ok=True)
        else:
            shutil.rmtree(grave, ignore_errors=True)


def is_there(path: Path) -> bool:
    """Whether something is at `path`, even a broken link or a file in an unreadable folder."""
    try:
        path.lstat()
    except OSError as error:
        return not isinstance(error, FileNotFoundError | NotADirectoryError)
    return True


def sizes_of_files(folder: Path) -> dict[str, int]:
    """The bytes of each file in a folder, by name. A training may replace some at any time."""
    sizes: dict[str, int] = {}
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            with suppress(OSError):
                if entry.is_file(follow_symlinks=False):
                    sizes[entry.name] = entry.stat(follow_symlinks=False).st_size
    return sizes
