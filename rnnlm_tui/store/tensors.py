"""Reads, checks and writes files of tensors, in the format safetensors."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from rnnlm_tui.errors import ModelError, StorageError
from rnnlm_tui.lm.model import DTYPES, ArraySpec
from rnnlm_tui.store import files

LARGEST_HEADER = 64 << 20
"""Bytes of a header: the card, with the figures of its epochs, and the places of the tensors."""
LARGEST_WEIGHT = 1e12
"""Beyond it sums of products overflow float32. Trained weights are below 100."""
PLAIN_TYPES = {"F32", "I32", "U8", "U64"}
NAMES_OF_TYPES = {dtype: name for name, dtype in DTYPES.items()}


@contextmanager
def open_tensors(path: Path, label: str = "") -> Iterator[Any]:
    """Opens a safetensors file, of which only the header is read. `label` names it in errors, by
    default its own name. Raises ModelError if it cannot be read, is truncated, or has a huge
    header."""
    label = label or path.name
    try:
        with files.open_regular(path) as raw, files.model_errors(path):
            start = raw.read(8)
        if len(start) < 8 or int.from_bytes(start, "little") > LARGEST_HEADER:
            raise ModelError(f"{label} is not a file of tensors")
        with files.model_errors(path), safe_open(path, framework="numpy") as file:
            yield file
    except SafetensorError as error:
        raise ModelError(f"{label} is damaged: {error}") from error


def specs_of(file: Any) -> dict[str, ArraySpec]:
    pieces = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
    return {
        n: ArraySpec(tuple(piece.get_shape()), piece.get_dtype()) for n, piece in pieces.items()
    }


def read_arrays(path: Path, only: str | None = None) -> dict[str, NDArray[Any]]:
    """All arrays of a safetensors file, or the one named `only`. Checks nothing but their types.
    Raises ModelError."""
    with open_tensors(path) as file:
        specs = {name: spec for name, spec in specs_of(file).items() if only in (None, name)}
        if not {spec.dtype for spec in specs.values()} <= PLAIN_TYPES:
            raise ModelError(f"{path.name} holds numbers of another type than float32")
        return {name: file.get_tensor(name) for name in specs}


def is_usable(tensor: NDArray[np.float32]) -> bool:
    """Whether all numbers are finite and at most `LARGEST_WEIGHT`. Takes no memory and less time
    than isfinite().all(); min() and max() propagate a NaN, which fails both comparisons."""
    return tensor.size == 0 or bool(
        tensor.min() >= -LARGEST_WEIGHT and tensor.max() <= LARGEST_WEIGHT
    )


def write_tensors(
    path: Path, tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str] | None = None
) -> None:
    """Writes or replaces a safetensors file, without a copy of the tensors in memory. Raises
    StorageError."""
    # As the library does: the largest types first, so that each tensor is aligned.
    ordered = sorted(tensors.items(), key=lambda item: (-item[1].itemsize, item[0]))
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    end = 0
    for name, tensor in ordered:
        begin, end = end, end + tensor.nbytes
        kind, shape = NAMES_OF_TYPES[tensor.dtype], list(tensor.shape)
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [begin, end]}
    raw = json.dumps(header).encode()
    raw += b" " * (-len(raw) % 8)
    if len(raw) > LARGEST_HEADER:
        raise StorageError(f"could not save {path}: its header is too large")

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            file.write(len(raw).to_bytes(8, "little") + raw)
            for _, tensor in ordered:
                file.write(np.ascontiguousarray(tensor).reshape(-1).view(np.uint8).data)

    files.write_file(path, write)
