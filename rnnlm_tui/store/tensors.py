"""Reads, checks and writes files of tensors, in the format safetensors.

A model's matrices are stored as 8-bit integers with a scale for each row, 1/127 of its largest
number. A stored number is off by half the scale at most.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from rnnlm_tui.errors import ModelError, os_reason
from rnnlm_tui.lm.model import SMALLEST_FLOAT, Arrays
from rnnlm_tui.store import files

LARGEST_WEIGHT = 1e12
"""The largest weight, positive or negative, that is accepted. Sums of products of larger weights
overflow float32. Trained weights are below 100."""
SCALE = ".scale"
"""The ending of the name of the scales of a matrix."""
LARGEST_INT8 = 127
TYPES = frozenset(("F32", "I8", "I32", "U8", "U16", "U32", "U64"))
"""The types of tensors in the files of this program. numpy lacks some other types of the format."""


@contextmanager
def open_tensors(path: Path) -> Iterator[Any]:
    """Opens a safetensors file, of which only the header is read. Raises ModelError."""
    try:
        # `open_file` says why a file cannot be read, and refuses a pipe; `safe_open` does neither.
        with files.open_file(path), safe_open(path, framework="numpy") as file:
            names = file.keys()  # the file cannot be iterated over
            if not {file.get_slice(name).get_dtype() for name in names} <= TYPES:
                raise SafetensorError("a tensor of another type")
            yield file
    except OSError as error:
        hint = f"see who may read {path}" if isinstance(error, PermissionError) else ""
        raise ModelError(f"it cannot be read: {os_reason(error)}", hint) from error
    except SafetensorError as error:
        raise ModelError("it is not a complete file of this program") from error


def quantized(weights: Arrays) -> dict[str, NDArray[Any]]:
    """Returns weights as they are stored: matrices [R, C] in int8 with scales [R], vectors in
    float32."""
    found: dict[str, NDArray[Any]] = dict(weights)
    for name, array in weights.items():
        if array.ndim == 2:
            scales = np.abs(array).max(1, initial=0).astype(np.float32) / LARGEST_INT8
            whole = np.rint(array / np.maximum(scales, SMALLEST_FLOAT)[:, None])
            found[name], found[name + SCALE] = whole.astype(np.int8), scales
    return found


def dequantized(stored: Arrays, kept: str = "") -> dict[str, NDArray[Any]]:
    """Returns in float32 what `quantized` stored. The matrix named `kept` stays in 8 bits, with its
    scales. Damaged scales may give numbers that are not finite."""
    weights = dict[str, NDArray[Any]]()
    with np.errstate(over="ignore", invalid="ignore"):
        for name, array in stored.items():
            if array.dtype == np.int8 and name != kept:
                weights[name] = array * stored[name + SCALE][:, None]
            elif not name.endswith(SCALE) or name == kept + SCALE:
                weights[name] = array
    return weights


def is_usable(weight: NDArray[np.floating[Any]]) -> bool:
    """Returns True if all numbers are finite and not too large. `isfinite().all()` would take more
    memory and time. min() and max() propagate a NaN, which fails the comparisons."""
    low, high = weight.min(initial=0), weight.max(initial=0)
    return bool(-LARGEST_WEIGHT <= low <= high <= LARGEST_WEIGHT)


def write_tensors(path: Path, tensors: Arrays, metadata: Mapping[str, str]) -> None:
    """Writes or replaces a safetensors file without copying the tensors. Raises StorageError."""
    # The largest types come first, as in the library, so that each tensor is aligned.
    ordered = sorted(tensors.items(), key=lambda item: (-item[1].itemsize, item[0]))
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    end = 0
    for name, tensor in ordered:
        begin, end = end, end + tensor.nbytes
        kind = f"{tensor.dtype.kind}{8 * tensor.itemsize}".upper()  # such as U16
        header[name] = {"dtype": kind, "shape": tensor.shape, "data_offsets": [begin, end]}
    raw = json.dumps(header).encode()
    raw += b" " * (-len(raw) % 8)

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            file.write(len(raw).to_bytes(8, "little") + raw)
            for _, tensor in ordered:
                file.write(np.ascontiguousarray(tensor).reshape(-1).view(np.uint8).data)

    files.write_file(path, write)
