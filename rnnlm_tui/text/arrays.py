"""Arrays too large for memory: written in pieces, then memory-mapped."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from rnnlm_tui.errors import Sentence, StorageError, os_reason
from rnnlm_tui.formatting import format_bytes

SLICE = 1 << 22
"""Elements of a mapped array that are processed at once."""


class ArrayWriter:
    """Appends to a one-dimensional array in a file, or in memory if there is no path."""

    def __init__(self, path: Path | None, dtype: DTypeLike) -> None:
        """Raises StorageError if the file cannot be created."""
        self._path, self._dtype, self._pieces = path, np.dtype(dtype), list[NDArray[Any]]()
        self._length = 0
        try:
            if path is not None:  # unlinked, so that an old file that is still mapped stays intact
                path.unlink(missing_ok=True)
            self._file = path.open("wb") if path is not None else None
        except OSError as error:
            raise self._failed(error) from error

    def append(self, piece: NDArray[Any]) -> None:
        """Adds the elements of an array. Raises StorageError, for example if the disk is full."""
        self._length += len(piece)
        piece = piece.astype(self._dtype, copy=False)
        if self._file is None:
            self._pieces.append(piece)
            return
        try:
            self._file.write(np.ascontiguousarray(piece).data)
        except OSError as error:
            self.discard()
            raise self._failed(error) from error

    def finish(self) -> NDArray[Any]:
        """The whole array, read-only if it is in a file. Raises StorageError."""
        if self._file is None and len(self._pieces) == 1:
            return self._pieces[0]
        if self._file is None:
            return np.concatenate([np.empty(0, self._dtype), *self._pieces])
        try:
            self._file.close()
        except OSError as error:
            raise self._failed(error) from error
        assert self._path is not None
        return map_array(self._path, self._dtype, self._length)

    def discard(self) -> None:
        """Removes the file. On Windows this does nothing while it is mapped."""
        if self._file is not None and self._path is not None:
            with suppress(OSError):
                self._file.close()
                self._path.unlink(missing_ok=True)

    def _failed(self, error: OSError) -> StorageError:
        return StorageError(
            f"could not write {self._path}: {os_reason(error)}",
            Sentence("free some space, or name another folder with {data_dir}"),
        )


def map_array(path: Path, dtype: DTypeLike, length: int) -> NDArray[Any]:
    """Maps the array in a file. Raises OSError, or ValueError if its length is wrong."""
    if length == 0:
        return np.empty(0, dtype)
    if path.stat().st_size != length * np.dtype(dtype).itemsize:
        raise ValueError(f"{path} does not hold {length} numbers")
    return np.memmap(path, dtype, mode="r", shape=(length,)).view(np.ndarray)


def scratch_array(path: Path, dtype: DTypeLike, length: int) -> NDArray[Any]:
    """A writable array of zeros in a file. Raises StorageError if there is no space."""
    writer = ArrayWriter(path, dtype)
    zeros = np.zeros(min(length, SLICE), dtype)
    for low in range(0, length, SLICE):  # a sparse file would run out of space later
        writer.append(zeros[: min(SLICE, length - low)])
    writer.finish()
    return np.memmap(path, dtype, mode="r+", shape=(length,)).view(np.ndarray)


def slices(length: int) -> Iterator[slice]:
    """Slices that cover an array, of at most `SLICE` elements each."""
    return (slice(low, min(low + SLICE, length)) for low in range(0, length, SLICE))


def count_ids(ids: NDArray[Any], total: int) -> NDArray[np.int64]:
    """How often each id below `total` occurs [total]. Takes little memory for a mapped array."""
    counts = np.zeros(total, np.int64)
    for part in slices(len(ids)):
        counts += np.bincount(ids[part], minlength=total)
    return counts


def check_space(folder: Path, needed: int) -> None:
    """Raises StorageError if the disk of a folder has fewer than `needed` bytes free."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if needed > free:
        raise StorageError(
            f"the text as numbers takes {format_bytes(needed)} on the disk of {folder},"
            f" {format_bytes(free)} are free",
            Sentence("free some space, name another folder with {data_dir}, or give less text"),
        )
