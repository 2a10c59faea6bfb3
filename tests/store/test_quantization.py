"""Weights as 8-bit integers."""

from __future__ import annotations

import numpy as np

from rnnlm_tui.store.tensors import expanded, quantized


def test_a_number_is_off_by_half_a_step_of_its_row_at_most() -> None:
    rng = np.random.default_rng(0)
    rows = (rng.normal(size=(50, 20)) * rng.uniform(0, 9, (50, 1))).astype(np.float32)
    rows[3], rows[4, 0] = 0, 127.0
    stored = quantized({"kernel": rows, "bias": np.arange(3, dtype=np.float32)})
    assert stored["kernel"].dtype == np.int8
    again = expanded(stored)
    assert again.keys() == {"kernel", "bias"}
    steps = np.abs(rows).max(1, keepdims=True) / 127
    assert np.all(np.abs(again["kernel"] - rows) <= steps / 2 + 1e-6)
    assert not again["kernel"][3].any() and again["kernel"][4, 0] == 127
    assert again["bias"].tolist() == [0, 1, 2]
