"""A training to do, without torch: what can be wrong with it is told before torch is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.config import RunConfig
from rnnlm_tui.store.run_state import TextOrigin
from rnnlm_tui.text.corpus import split_held_out
from rnnlm_tui.text.prepare import PreparedText
from rnnlm_tui.training.checkpoint import RunState


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """A run to do: under `name`, into `folder`.

    `origin` says where the corpus can be read again. `state` is that of a run to go on with,
    `weights` are those to start from; both may be None.
    """

    name: str
    folder: Path
    config: RunConfig
    prepared: PreparedText
    origin: TextOrigin
    state: RunState | None = None
    weights: dict[str, NDArray[np.float32]] | None = None

    def split_lines(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The lines of the corpus that it trains on, and those that it holds out."""
        train = self.config.train
        return split_held_out(self.prepared.corpus.lines, train.held_out, train.seed)
