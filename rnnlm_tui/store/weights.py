"""Reads, checks and writes safetensors files: weights and training states."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from rnnlm_tui.errors import ModelError
from rnnlm_tui.lm.model import COMPACT_TYPES, DTYPES, Architecture
from rnnlm_tui.store import files
from rnnlm_tui.store.card import ModelCard, read_card

LARGEST_HEADER = 1 << 20
"""Bytes of a header. It names a few tensors; a larger one is hostile."""
LARGEST_WEIGHT = 1e12
"""Beyond it sums of products overflow float32. Trained weights are below 100."""
PLAIN_TYPES = {"F32", "I32", "U8", "U64"}


def largest_weights(architecture: Architecture[Any]) -> int:
    """Upper bound on the bytes of a weights file, header included."""
    specs = architecture.arrays().values()
    numbers = sum(DTYPES[spec.dtype].itemsize * math.prod(spec.shape) for spec in specs)
    return numbers + 8 + LARGEST_HEADER


def check_weights(folder: Path, card: ModelCard) -> None:
    """Checks names, types and shapes of the arrays of the model in `folder`, full or compact, and
    the lengths of the files. Raises ModelError."""
    for name, architecture in card.weight_files.items():
        with opened(folder / name) as file:
            _check_header(file, name, architecture)


def read_arrays(path: Path, only: str | None = None) -> dict[str, NDArray[Any]]:
    """All arrays of a safetensors file, or the one named `only`. Checks nothing but their types.
    Raises ModelError."""
    with opened(path) as file:
        names = [name for name in file.keys() if only in (None, name)]  # noqa: SIM118
        if not {file.get_slice(name).get_dtype() for name in names} <= PLAIN_TYPES:
            raise ModelError(f"{path.name} holds numbers of another type than float32")
        return {name: file.get_tensor(name) for name in names}


def read_weights(
    folder: Path, card: ModelCard, file_name: str | None = None, *, quickly: bool = False
) -> dict[str, NDArray[Any]]:
    """The checked weights of the model in `folder`, as the architecture's `arrays`.

    `file_name` is one of the card's `weight_files`, by default the model's own. With `quickly` a
    compact file may stay in a form that is only good for `load`. Raises ModelError.
    """
    file_name = file_name or card.weights
    architecture = card.weight_files[file_name]
    with opened(folder / file_name) as file:
        is_compact = _check_header(file, file_name, architecture)
        names = architecture.compact_arrays() if is_compact else architecture.arrays()
        read = {name: file.get_tensor(name) for name in names}
    try:
        arrays = read
        if is_compact:
            unpack = architecture.quickly_from_compact if quickly else architecture.from_compact
            arrays = dict(unpack(read))
        for name, array in arrays.items():
            if array.dtype == np.float32 and not is_usable(array):
                raise ValueError(f"{name} holds numbers that are not finite or too large")
        architecture.check_arrays(arrays)
    except ValueError as error:
        raise ModelError(f"{file_name}: {error}") from error
    return arrays


def is_usable(tensor: NDArray[np.float32]) -> bool:
    """Whether all numbers are finite and at most `LARGEST_WEIGHT`. Takes no memory and less time
    than isfinite().all(); min() and max() propagate a NaN, which fails both comparisons."""
    return tensor.size == 0 or bool(
        tensor.min() >= -LARGEST_WEIGHT and tensor.max() <= LARGEST_WEIGHT
    )


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Opens a safetensors file. Raises ModelError if it cannot be read, is truncated, or has a huge
    header."""
    try:
        with files.open_regular(path) as raw, files.reading(path):
            start = raw.read(8)
        if len(start) < 8 or int.from_bytes(start, "little") > LARGEST_HEADER:
            raise ModelError(f"{path.name} is not a file of tensors")
        with files.reading(path), safe_open(path, framework="numpy") as file:
            yield file
    except SafetensorError as error:
        raise ModelError(f"{path.name} is damaged: {error}") from error


def _check_header(file: Any, file_name: str, architecture: Architecture[Any]) -> bool:
    """Whether the file is compact, judging by its types. Raises ModelError if its arrays are not
    those of the architecture."""
    pieces = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
    is_compact = not COMPACT_TYPES.isdisjoint(piece.get_dtype() for piece in pieces.values())
    specs = architecture.compact_arrays() if is_compact else architecture.arrays()
    if pieces.keys() != specs.keys():
        raise ModelError(f"{file_name} holds other tensors than the model has")
    for name, (shape, dtype) in specs.items():
        if pieces[name].get_dtype() != dtype or tuple(pieces[name].get_shape()) != shape:
            raise ModelError(f"{file_name}: {name} is not {DTYPES[dtype]} of shape {shape}")
    return is_compact


def write_compact(folder: Path) -> None:
    """Rewrites the weights of the model in `folder` in the compact form of the built-in models.
    Raises ModelError and StorageError."""
    card = read_card(folder)
    for name, architecture in card.weight_files.items():
        write_tensors(folder / name, architecture.to_compact(read_weights(folder, card, name)))
    checksums = {name: files.checksum(folder / name) for name in card.files}
    files.write_json(folder / files.MODEL, replace(card, checksums=checksums).to_json())


def write_tensors(path: Path, tensors: Mapping[str, NDArray[Any]]) -> None:
    """Writes or replaces a safetensors file. Raises StorageError."""
    contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    files.write_file(path, lambda temporary: save_file(contiguous, temporary))
