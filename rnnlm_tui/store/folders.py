"""Moves, stages and deletes the folders of a library, so that a model is always whole or gone."""

from __future__ import annotations

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
    import uuid

    move(folder, folder.parent / f".deleted-{uuid.uuid4().hex}")
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


def size_of(folder: Path) -> int:
    """The bytes of the files in a folder, which a training may delete at the same time."""
    total = 0
    with suppress(OSError):
        for path in folder.iterdir():
            with suppress(OSError):
                total += path.lstat().st_size if path.is_file() else 0
    return total
