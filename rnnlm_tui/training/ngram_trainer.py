"""The training of an n-gram model as a generator of events. No torch.

The training is one epoch, with one step for each length of n-grams.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any, cast

from rnnlm_tui.config import LineTextConfig, NgramConfig
from rnnlm_tui.events import EpochEnded, EpochFigures, Event, Finished, Progress, Saved
from rnnlm_tui.lm.kneser_ney import Arrays
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.lm.ngram import ngram_arrays, ngram_counts
from rnnlm_tui.text.prepare import PreparedLines
from rnnlm_tui.training.checkpoint import Checkpoints
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.evaluation import evaluate_lines, loss_of_update, save_evaluation
from rnnlm_tui.training.mixing import mix
from rnnlm_tui.training.run import TrainingRun
from rnnlm_tui.training.run_report import RunReport, sample

TRAIN_SAMPLE = 5_000
"""Training words, in lines spread over the text, that the training metrics are measured on."""


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
        self._checkpoints = Checkpoints(run.folder, run.trained_lines, run.ancestors)
        self._report = RunReport(run, clock)
        self._paused_s = 0.0
        self._arrays: Arrays = {}
        self._new_loss: float | None = None

    def events(self) -> Iterator[Event]:
        """Counts and estimates. The events end with `finished`, after the save.

        Raises StorageError if the model cannot be saved.
        """
        yield self._report.started(self._report.estimate_s())
        yield from self._report.warnings()
        yield from self._estimate()
        metrics = None if self._control.stopped else (yield from self._measure_and_save())
        yield Finished(
            time=self._report.time(),
            reason="stopped" if self._control.stopped and not metrics else "completed",
            best_epoch=1 if metrics else None,
            metrics=dict(metrics or {}),
            path=str(self._run.folder),
            elapsed_s=self._elapsed_s(),
            update=self._report.update(self._new_loss, replaced=bool(metrics)),
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
        trained_on, held_out = self._run.split_lines()
        on_trained = evaluate_lines(model, trained_on, self._control, TRAIN_SAMPLE)
        on_held_out = evaluate_lines(model, held_out, self._control)
        mixed, mixture, of_mixture = model, None, on_held_out
        if self._run.config.is_mixed:
            mixed, mixture = mix(self._run, {"ngrams": model})
            of_mixture = evaluate_lines(mixed, held_out, self._control)
        if on_trained is None or self._control.stopped or not self._is_to_be_saved(mixed):
            return None
        train: dict[str, Any] = {"loss": on_trained.loss, "perplexity": on_trained.perplexity}
        train |= {"penalty": 0.0, "accuracy": on_trained.top1}
        held: dict[str, Any] | None = None
        if on_held_out is not None:
            held = {"loss": on_held_out.loss, "perplexity": on_held_out.perplexity}
            held |= {"top1": on_held_out.top1, "top5": on_held_out.top5}
        text = sample(model, self._control.seed_line)
        yield EpochEnded(self._report.time(), 1, train, held, True, text, self._elapsed_s())
        metrics = cast(EpochFigures, {"epoch": 1, "train": train, "held_out": held})
        card = self._report.card(
            [metrics], metrics, epochs_done=1, sizes=ngram_counts(self._arrays), mixture=mixture
        )
        self._checkpoints.save_model(card, self._prepared.vocabulary.words, self._arrays)
        self._checkpoints.drop_state()
        yield Saved(self._report.time(), 1, str(self._run.folder), best=True)
        yield from save_evaluation(self._run, of_mixture, self._report)
        return metrics

    def _is_to_be_saved(self, model: LanguageModel) -> bool:
        """Whether to save the model: always, or for an update only if it is better."""
        if not self._run.is_update:
            return True
        self._new_loss = loss_of_update(self._run, model)
        return self._run.is_better(self._new_loss, is_last=True)

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
            eta_s=elapsed / step * (self._order - step),
        )

    def _elapsed_s(self) -> float:
        return self._report.time() - self._paused_s
