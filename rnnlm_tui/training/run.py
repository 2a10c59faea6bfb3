"""A training to run. No torch, so that errors in it are found before torch is loaded."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.config import RunConfig
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.store.card import Ancestor
from rnnlm_tui.store.run_state import TextOrigin
from rnnlm_tui.store.trained_lines import TrainedLines, trained_on, trained_on_hashes
from rnnlm_tui.text.corpus import split_lines
from rnnlm_tui.text.overlap import Hashes, no_hashes
from rnnlm_tui.text.prepare import PreparedText
from rnnlm_tui.training.checkpoint import RunState


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """A run, new or resumed, that saves its model in `folder`.

    `origin` says where the corpus can be read again. `state` is the state to resume from, `weights`
    are those to start from; both may be None. `ancestor_lines` are the hashes of the lines that its
    ancestors, the models it started from, were trained on. `base` is the model that it is mixed
    with, as `origin` names it.
    """

    name: str
    folder: Path
    config: RunConfig
    prepared: PreparedText
    origin: TextOrigin
    state: RunState | None = None
    weights: dict[str, NDArray[np.float32]] | None = None
    ancestor_lines: Hashes = field(default_factory=no_hashes)
    base: LanguageModel | None = None

    @property
    def ancestors(self) -> list[Ancestor]:
        """The models that the run started from, oldest first."""
        return self.origin.get("ancestors", [])

    @property
    def is_update(self) -> bool:
        """Whether the run replaces the model that it started from, if the new one is better."""
        return "old_loss" in self.origin

    def is_better(self, new_loss: float | None, *, is_last: bool) -> bool:
        """Whether an update with this loss is better than the model to replace. Without held-out
        lines, only the last epoch is."""
        old_loss = self.origin.get("old_loss")
        if old_loss is None or new_loss is None:
            return is_last
        return new_loss < old_loss

    def trained_lines(self) -> TrainedLines:
        """The lines that the run and its ancestors train on."""
        prepared = self.prepared
        if prepared.kept is not None:
            return trained_on_hashes(
                *prepared.kept.hashes, prepared.held_out_mask, self.ancestor_lines
            )
        return trained_on(
            prepared.corpus.lines, prepared.held_out_mask, prepared.tokenizer, self.ancestor_lines
        )

    def split_lines(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The training lines and the held-out lines; samples of them for a large corpus."""
        if self.prepared.kept is not None:
            return self.prepared.kept.lines
        return split_lines(self.prepared.corpus.lines, self.prepared.held_out_mask)
