"""Matrices as 8-bit integers with a scale for each row, as all networks are stored but the lesson.

A number is rounded to a multiple of its row's scale, 1/127 of the largest number of the row, so
that it is off by half of that at most.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rnnlm_tui.lm.model import Arrays, ArraySpec

SCALE = ".scale"
"""Follows the name of a matrix in that of its scales."""
LARGEST = 127


def quantized_specs(specs: Mapping[str, ArraySpec]) -> dict[str, ArraySpec]:
    """The arrays of quantized weights: int8 matrices [R, C] and their scales [R]; vectors stay in
    float32."""
    quantized = dict[str, ArraySpec]()
    for name, (shape, dtype) in specs.items():
        if len(shape) == 2:
            quantized[name] = ArraySpec(shape, "I8")
            quantized[name + SCALE] = ArraySpec(shape[:1])
        else:
            quantized[name] = ArraySpec(shape, dtype)
    return quantized


def quantize(arrays: Arrays) -> Arrays:
    """Weights in the form of `quantized_specs`."""
    quantized = dict(arrays)
    for name, array in arrays.items():
        if array.ndim == 2:
            scale = np.abs(array).max(1, initial=0).astype(np.float32) / LARGEST
            whole = np.rint(array / np.maximum(scale, np.finfo(np.float32).tiny)[:, None])
            quantized[name], quantized[name + SCALE] = whole.astype(np.int8), scale
    return quantized


def dequantize(small: Arrays) -> Arrays:
    """The reverse of `quantize`, in float32."""
    return {
        name: array * small[name + SCALE][:, None] if array.dtype == np.int8 else array
        for name, array in small.items()
        if not name.endswith(SCALE)
    }
