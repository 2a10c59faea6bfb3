"""What the run of a network saves: its best epoch, mixed with n-grams, and its state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import numpy as np

from rnnlm_tui.event_types import EpochFigures, Event, Saved, Warned
from rnnlm_tui.lm.mixture import ComponentName
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.store.card import Mixture, ModelCard
from rnnlm_tui.store.run_state import Position, TextOrigin
from rnnlm_tui.training.checkpoint import Checkpoint, Tensors, part_of
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.estimate import MAX_AT_FIRST
from rnnlm_tui.training.evaluation import evaluate_held_out, loss_of_update
from rnnlm_tui.training.mixing import TextNgrams, count_ngrams, mix
from rnnlm_tui.training.run import RunReport, TrainingRun

OLDER_MODEL_STAYS = (
    "stopped before the end of the first epoch: the previous model is kept, and the new one can"
    " be resumed"
)


class RunSaver:
    """Saves the run of a network: the n-grams of its text until an epoch ends, then its best epoch
    mixed with them, and the state to resume from."""

    def __init__(
        self, run: TrainingRun, position: Position, control: Control, report: RunReport
    ) -> None:
        self._run, self._position, self._control, self._report = run, position, control, report
        self._ngrams: TextNgrams | None = None
        self.checkpoints = run.checkpoints()

    def save_ngrams(self) -> Iterator[Event]:
        """Counts the n-grams that are mixed with the network. They are saved as the model, which
        has no network until the first epoch ends, unless there is a model already: that of an
        earlier run, or of this one if it was resumed. Measured on a few words."""
        run = self._run
        self._ngrams = ngrams = yield from count_ngrams(run, self._report)
        if self.checkpoints.saved() or self.checkpoints.has_older_model():
            return
        alone: dict[ComponentName, LanguageModel] = {"ngrams": ngrams.model}
        model, mixture, fit = mix(run, alone, ngrams.described, MAX_AT_FIRST)
        evaluation = evaluate_held_out(run, model, self._control, MAX_AT_FIRST, fit)
        if self._control.stopped:
            return
        card = replace(self._report.card([], None, 0, mixture=mixture), evaluation=evaluation)
        self.checkpoints.save_model(card, {"ngrams": ngrams.arrays})
        yield Saved(self._report.time(), 0, str(run.path), best=True)

    def compare(self, model: LanguageModel, loss: float | None) -> tuple[bool, Mixture | None]:
        """Whether the epoch that ends with this network is to be kept: it is the best so far and,
        in an update, better than the model to replace. Also returns its mixture for the card, if
        the run mixes. `loss` is that of the held-out lines; without any the last epoch is kept, as
        in the lesson."""
        position, mixture, fit = self._position, None, None
        if not (loss is None or position.best_loss is None or loss < position.best_loss):
            return False, None
        if self._ngrams is not None:
            ngrams = self._ngrams
            both: dict[ComponentName, LanguageModel] = {"network": model, "ngrams": ngrams.model}
            model, mixture, fit = mix(self._run, both, ngrams.described)
        if not self._run.is_update:
            return True, mixture
        new_loss = loss_of_update(self._run, model, fit)
        is_last = position.epoch == self._run.config.epochs
        is_better = self._run.is_better(new_loss, is_last=is_last)
        if is_better:
            position.new_loss = new_loss
        elif position.best_epoch is None:
            losses = [each for each in (position.new_loss, new_loss) if each is not None]
            position.new_loss = min(losses, default=None)
        return is_better, mixture

    def save_model(
        self, metrics: EpochFigures, weights: Tensors, mixture: Mixture | None = None
    ) -> None:
        """Saves the weights as the model, with its mixture."""
        parts: dict[ComponentName, Tensors] = {"network": weights}
        if self._ngrams is not None:
            parts["ngrams"] = self._ngrams.arrays
        self.checkpoints.save_model(self._card(metrics, mixture), parts)

    def save_figures(self, metrics: EpochFigures) -> None:
        """Stores the figures of an epoch that is not kept with the model."""
        self.checkpoints.save_figures(self._card(metrics))

    def _card(self, metrics: EpochFigures, mixture: Mixture | None = None) -> ModelCard:
        history, done = self._position.history, self._position.epoch - 1
        return self._report.card(history, metrics, done, mixture=mixture)

    def save_within_epoch(self, train: dict[str, float], tensors: Tensors) -> Iterator[Event]:
        """Saves a run that is stopped in the middle of an epoch, with the metrics so far.

        Its weights become the model only if no epoch has ended yet, there are no n-grams, and there
        is no model of an earlier run.
        """
        position, has_older_model = self._position, self.checkpoints.has_older_model()
        is_first = position.best_epoch is None
        has_model = self._ngrams is not None or has_older_model
        is_kept = is_first and position.updates > 0 and not has_model
        if is_kept:
            metrics = {"epoch": position.epoch, "train": train, "held_out": None}
            stopped_at = {**metrics, "steps": position.sums.steps}
            self.save_model(cast(EpochFigures, stopped_at), part_of(tensors, "weight."))
        elif is_first and has_older_model:
            yield Warned(self._report.time(), OLDER_MODEL_STAYS)
        self.save_state(tensors)
        yield Saved(self._report.time(), position.epoch, str(self._run.path), is_kept)

    def save_state(self, tensors: Tensors) -> None:
        self.checkpoints.save_state(self.state(tensors))

    def state(self, tensors: Tensors) -> Checkpoint:
        """The state of the run, with the tensors of the learner."""
        run = self._run
        if run.ancestors or run.origin.get("base"):
            held_out = run.prepared.held_out_mask.astype(np.uint8)
            lines: Tensors = {"lines.ancestors": run.ancestor_lines, "lines.held_out": held_out}
            tensors = tensors | lines
        origin: TextOrigin = {**run.origin, "seed_line": self._control.seed_line}
        return Checkpoint(run.config, origin, self._position, tensors)
