"""Weights as 8-bit integers."""

from __future__ import annotations

import numpy as np

from rnnlm_tui.lm.model import DTYPES, ArraySpec
from rnnlm_tui.lm.quantization import dequantize, quantize, quantized_specs


def test_a_number_is_off_by_half_a_step_of_its_row_at_most() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(50, 20)).astype(np.float32) * rng.uniform(0, 9, (50, 1))
    rows[3], rows[4, 0] = 0, 127.0
    arrays = {"kernel": rows.astype(np.float32), "bias": np.arange(3, dtype=np.float32)}
    small = quantize(arrays)
    specs = {name: ArraySpec(array.shape) for name, array in arrays.items()}
    for name, (shape, dtype) in quantized_specs(specs).items():
        assert small[name].shape == shape and small[name].dtype == DTYPES[dtype]
    again = dequantize(small)
    assert again.keys() == arrays.keys()
    assert all(array.dtype == np.float32 for array in again.values())
    steps = np.abs(rows).max(1, keepdims=True) / 127
    assert np.all(np.abs(again["kernel"] - arrays["kernel"]) <= steps / 2 + 1e-6)
    assert not again["kernel"][3].any() and again["kernel"][4, 0] == 127
    assert again["bias"].tolist() == [0, 1, 2]
