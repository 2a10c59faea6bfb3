"""Trains n-gram models as generators of events. No torch.

The training of an n-gram model is one epoch, with one step for each length of n-grams. The training
of a network begins with n-grams, too.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any, cast

from rnnlm_tui.config import LineTextConfig, NgramConfig
from rnnlm_tui.evaluate import Evaluation
from rnnlm_tui.event_types import (
    EndFigures,
    EpochEnded,
    EpochFigures,
    Event,
    Finished,
    Progress,
    Saved,
)
from rnnlm_tui.lm.kneser_ney import Arrays
from rnnlm_tui.lm.ngram import ngram_arrays, ngram_counts
from rnnlm_tui.text.prepare import PreparedLines
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.estimate import TRAIN_SAMPLE
from rnnlm_tui.training.evaluation import (
    evaluate_held_out,
    evaluate_lines,
    loss_of_update,
    save_evaluation,
)
from rnnlm_tui.training.mixing import mix
from rnnlm_tui.training.run import RunReport, TrainingRun, sample


def train(run: TrainingRun, control: Control) -> Iterator[Event]:
    """Yields the events of this run."""
    return NgramTrainer(run, control).events()


class NgramTrainer:
    """One run, from its start to its end. A run that is stopped saves nothing."""

    def __init__(
        self, run: TrainingRun, control: Control, clock: Callable[[], float] = time.monotonic
    ) -> None:
        assert isinstance(run.prepared, PreparedLines) and isinstance(run.config.model, NgramConfig)
        self._run, self._control = run, control
        self._prepared, self._order = run.prepared, run.config.model.order
        self._checkpoints = run.checkpoints()
        self._report = RunReport(run, clock)
        self._estimated = self._report.estimate()
        self._paused_s = 0.0
        self._arrays: Arrays = {}
        self._new_loss: float | None = None
        self._evaluation: EndFigures | None = None

    def events(self) -> Iterator[Event]:
        """Counts and estimates. The events end with `finished`, after the save.

        Raises StorageError if the model cannot be saved.
        """
        yield self._report.started(self._estimated.total(1))
        yield from self._report.warnings()
        yield from self._estimate()
        metrics = None if self._control.stopped else (yield from self._measure_and_save())
        yield Finished(
            time=self._report.time(),
            reason="stopped" if self._control.stopped and not metrics else "completed",
            best_epoch=1 if metrics else None,
            metrics=dict(metrics or {}),
            path=str(self._run.path),
            elapsed_s=self._elapsed_s(),
            update=self._report.update(self._new_loss, replaced=bool(metrics)),
            evaluation=self._evaluation,
        )

    def _estimate(self) -> Iterator[Event]:
        """Fills the arrays, one length of n-grams per step, until done or stopped."""
        train = self._run.config.train
        assert isinstance(train, LineTextConfig)
        parts = ngram_arrays(self._prepared, self._order, train.max_ngrams)
        for k, arrays in enumerate(parts, start=1):
            self._arrays |= arrays
            yield self._progress(k)
            self._paused_s += yield from self._control.wait_while_paused(self._report.time)
            if self._control.stopped:
                return

    def _measure_and_save(self) -> Generator[Event, None, EpochFigures | None]:
        """Evaluates and saves the model; returns its metrics, or None if it is not saved."""
        model = self._report.model(self._arrays)
        run, control = self._run, self._control
        on_trained = evaluate_lines(model, run.split_lines()[0], control, TRAIN_SAMPLE)
        on_held_out = evaluate_held_out(run, model, control)
        mixed, mixture, fit, of_mixture = model, None, None, on_held_out
        if run.config.is_mixed:
            mixed, mixture, fit = mix(run, {"ngrams": model})
            of_mixture = evaluate_held_out(run, mixed, control, fit=fit)
        if run.is_update and not control.stopped:
            self._new_loss = loss_of_update(run, mixed, fit)
        is_better = not run.is_update or run.is_better(self._new_loss, is_last=True)
        if on_trained is None or control.stopped or not is_better:
            return None
        train = _figures(on_trained, accuracy=on_trained.top1, penalty=0.0)
        held_out: dict[str, Any] | None = None
        if on_held_out is not None:
            held_out = _figures(on_held_out, top1=on_held_out.top1, top5=on_held_out.top5)
        text = sample(model, self._control.seed_line)
        yield EpochEnded(self._report.time(), 1, train, held_out, True, text, self._elapsed_s())
        metrics = cast(EpochFigures, {"epoch": 1, "train": train, "held_out": held_out})
        card = self._report.card(
            [metrics], metrics, epochs_done=1, sizes=ngram_counts(self._arrays), mixture=mixture
        )
        self._checkpoints.save_model(card, {"ngrams": self._arrays})
        self._checkpoints.drop_state()
        yield Saved(self._report.time(), 1, str(self._run.path), best=True)
        self._evaluation = yield from save_evaluation(
            self._run, of_mixture, self._control, self._report
        )
        return metrics

    def _progress(self, step: int) -> Progress:
        elapsed = self._elapsed_s()
        return Progress(
            time=self._report.time(),
            epoch=1,
            epochs=1,
            step=step,
            steps=self._order,
            loss=math.nan,
            accuracy=math.nan,
            examples_per_s=self._prepared.examples.predictions * step / max(elapsed, 1e-9),
            elapsed_s=elapsed,
            eta_s=elapsed / step * (self._order - step) + self._estimated.end,
        )

    def _elapsed_s(self) -> float:
        return self._report.time() - self._paused_s


def _figures(measured: Evaluation, **hits: Any) -> dict[str, Any]:
    """The metrics of some lines, as in a card."""
    return {"loss": measured.loss, "perplexity": measured.perplexity, **hits}
