"""Where the golden data are, and how to read those of the lesson's network."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.config import LessonConfig
from rnnlm_tui.lm.lesson import lesson_shapes

GOLDEN = Path(os.environ.get("RNNLM_GOLDEN") or Path(__file__).parents[1] / "golden")
"""The folder of golden data. RNNLM_GOLDEN names another one of the same form."""
Saved = dict[str, NDArray[Any]]


def load_golden(name: str) -> Saved:
    """The arrays of a golden file."""
    with np.load(GOLDEN / name) as file:
        return dict(file)


def keras_sizes(saved: Saved) -> tuple[LessonConfig, int]:
    """The sizes of the golden network, without dropout, and the number of its ids."""
    ids, embedding = saved["init/embedding/embeddings:0"].shape
    forward = saved["init/bidirectional/forward_simple_rnn/simple_rnn_cell/kernel:0"]
    recurrent = saved["init/simple_rnn_1/simple_rnn_cell/kernel:0"]
    return LessonConfig(embedding, forward.shape[1], recurrent.shape[1], dropout=0), ids


def keras_weights(saved: Saved, point: str) -> Saved:
    """The golden weights at `point` (init, final) under the names of a saved model."""
    cell = "simple_rnn/simple_rnn_cell"
    layers = {
        "forward": f"bidirectional/forward_{cell}",
        "backward": f"bidirectional/backward_{cell}",
        "recurrent": "simple_rnn_1/simple_rnn_cell",
        "hidden": "dense",
        "output": "dense_1",
    }
    weights = {"embedding": saved[f"{point}/embedding/embeddings:0"]}
    for name in lesson_shapes(*keras_sizes(saved)):
        layer, _, kind = name.partition(".")
        if kind:
            weights[name] = saved[f"{point}/{layers[layer]}/{kind}:0"]
    return weights
