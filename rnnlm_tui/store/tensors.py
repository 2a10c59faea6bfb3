"""Reads, checks and writes files of tensors, in the format safetensors.

A model's matrices are stored as 8-bit integers with a scale for each row, 1/127 of its largest
number, so that a number is off by half of that at most.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from rnnlm_tui.errors import ModelError, os_reason
from rnnlm_tui.lm.model import Arrays
from rnnlm_tui.store import files

NAMES_OF_TYPES: Mapping[np.dtype[Any], str] = MappingProxyType(
    {
        np.dtype("float32"): "F32",
        np.dtype("int32"): "I32",
        np.dtype("uint16"): "U16",
        np.dtype("uint32"): "U32",
        np.dtype("int8"): "I8",
        np.dtype("uint8"): "U8",
        np.dtype("uint64"): "U64",
    }
)
"""The types of tensors and their names in safetensors. numpy lacks some others of the format."""
LARGEST_WEIGHT = 1e12
"""Beyond it sums of products overflow float32. Trained weights are below 100."""
SCALE, LARGEST = ".scale", 127
Specs = dict[str, tuple[tuple[int, ...], str]]
"""The shape and the type of each tensor of a file."""


@contextmanager
def open_tensors(path: Path) -> Iterator[Any]:
    """Opens a safetensors file, of which only the header is read. Raises ModelError."""
    try:
        with safe_open(path, framework="numpy") as file:
            yield file
    except OSError as error:
        raise ModelError(f"it cannot be read: {os_reason(error)}") from error
    except SafetensorError as error:
        raise ModelError(f"it is no whole file of this program: {error}") from error


def specs_of(file: Any) -> Specs:
    """What an open file holds. Raises ModelError for a type that no tensor of this program has."""
    pieces = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
    specs = {name: (tuple(p.get_shape()), p.get_dtype()) for name, p in pieces.items()}
    if not {kind for _, kind in specs.values()} <= {*NAMES_OF_TYPES.values()}:
        raise ModelError("it holds numbers of a type that no model has")
    return specs


def quantized(weights: Arrays) -> dict[str, NDArray[Any]]:
    """Weights as they are stored: int8 matrices [R, C] and their scales [R]; vectors stay in
    float32."""
    found: dict[str, NDArray[Any]] = dict(weights)
    for name, array in weights.items():
        if array.ndim == 2:
            scale = np.abs(array).max(1, initial=0).astype(np.float32) / LARGEST
            whole = np.rint(array / np.maximum(scale, np.finfo(np.float32).tiny)[:, None])
            found[name], found[name + SCALE] = whole.astype(np.int8), scale
    return found


def expanded(stored: Arrays) -> dict[str, NDArray[Any]]:
    """The reverse of `quantized`, in float32."""
    return {
        name: array * stored[name + SCALE][:, None] if array.dtype == np.int8 else array
        for name, array in stored.items()
        if not name.endswith(SCALE)
    }


def is_usable(tensor: NDArray[np.float32]) -> bool:
    """Whether all numbers are finite and at most `LARGEST_WEIGHT`. Takes no memory and less time
    than isfinite().all(); min() and max() propagate a NaN, which fails both comparisons."""
    return tensor.size == 0 or bool(
        tensor.min() >= -LARGEST_WEIGHT and tensor.max() <= LARGEST_WEIGHT
    )


def write_tensors(path: Path, tensors: Arrays, metadata: Mapping[str, str]) -> None:
    """Writes or replaces a safetensors file, without a copy of the tensors in memory. Raises
    StorageError."""
    # As the library does: the largest types first, so that each tensor is aligned.
    ordered = sorted(tensors.items(), key=lambda item: (-item[1].itemsize, item[0]))
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    end = 0
    for name, tensor in ordered:
        begin, end = end, end + tensor.nbytes
        kind, shape = NAMES_OF_TYPES[tensor.dtype], list(tensor.shape)
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [begin, end]}
    raw = json.dumps(header).encode()
    raw += b" " * (-len(raw) % 8)

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            file.write(len(raw).to_bytes(8, "little") + raw)
            for _, tensor in ordered:
                file.write(np.ascontiguousarray(tensor).reshape(-1).view(np.uint8).data)

    files.write_file(path, write)
