"""The training steps of an epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import cast

import numpy as np

from rnnlm_tui.config import Config
from rnnlm_tui.event_types import Event, Progress
from rnnlm_tui.store.run_state import GeneratorState, Position
from rnnlm_tui.training.control import REPORT_EVERY_S, Control
from rnnlm_tui.training.estimate import RunSeconds
from rnnlm_tui.training.learner import Learner, perplexity
from rnnlm_tui.training.networks import BatchLoss
from rnnlm_tui.training.time_left import TimeLeft


class EpochSteps:
    """Takes the steps of an epoch, counts their figures and reports its progress."""

    def __init__(
        self,
        config: Config,
        learner: Learner,
        position: Position,
        control: Control,
        now: Callable[[], float],
        estimated: RunSeconds,
    ) -> None:
        """Counts in `position`. `now` gives the times of the events; `estimated` is the time left
        until steps were measured."""
        self._config, self._learner, self._position = config, learner, position
        self._control, self._now = control, now
        self._steps = learner.batches.steps
        of_step = estimated.steps / (config.epochs * self._steps)
        self.time_left = TimeLeft(of_step, estimated.each_epoch, estimated.end)

    @property
    def are_done(self) -> bool:
        """Whether the epoch is over."""
        return self._position.sums.steps == self._steps

    def train(self) -> Iterator[Event]:
        """Takes steps until the epoch ends, the loss is not finite, or the run is stopped."""
        position, sums, now = self._position, self._position.sums, self._now
        dropout = np.random.default_rng((self._config.train.seed, position.epoch, 1))
        if position.dropout is not None:
            dropout.bit_generator.state = position.dropout
        self._learner.begin_steps()
        batches = self._learner.batches.epoch(position.epoch, sums.steps)
        last, losses = now(), list[BatchLoss]()
        while not self._should_stop() and (batch := next(batches, None)):
            fraction = (position.epoch - 1 + sums.steps / self._steps) / self._config.epochs
            began = now()
            loss = self._learner.step(*batch, dropout, fraction)
            ended = now()
            self._learner.adapt_threads(ended - began, loss.predictions)
            losses.append(loss)
            position.updates += 1
            sums.steps += 1
            sums.examples += loss.predictions
            sums.words += loss.words
            if ended - last >= REPORT_EVERY_S or self._control.paused:
                self._count(losses, ended - last)
                predictions = sum(each.predictions for each in losses)
                yield self._progress(predictions / max(ended - last, 1e-9))
                yield from self._control.wait_while_paused(now)
                last, losses = now(), []
        self._count(losses, now() - last)
        self._learner.end_steps(is_early=not self.are_done)
        if not self.are_done:
            position.dropout = cast(GeneratorState, dict(dropout.bit_generator.state))

    def _should_stop(self) -> bool:
        is_finite = math.isfinite(self._position.sums.nll)
        return self._learner.should_stop(self._control.stopped or not is_finite)

    def _count(self, losses: list[BatchLoss], seconds: float) -> None:
        """Adds the steps since the last report to the sums. One by one, so that a resumed run
        reports the same figures to the last digit."""
        sums = self._position.sums
        for loss in losses:
            sums.nll += loss.nll_sum.item()
            sums.penalty += loss.penalty.item()
            sums.correct += int(loss.hits.item())
        self._position.elapsed_s += seconds
        self.time_left.add_steps(seconds, len(losses))

    def metrics(self) -> dict[str, float]:
        """Means of the epoch so far: loss per example, accuracy per word, penalty per step."""
        sums = self._position.sums
        loss = sums.nll / max(1, sums.examples)
        return {
            "loss": loss,
            "penalty": sums.penalty / max(1, sums.steps),
            "accuracy": sums.correct / max(1, sums.words),
            "perplexity": perplexity(loss),
        }

    def seconds_left(self) -> float:
        """Estimated seconds to the end of the run."""
        epochs = self._config.epochs - self._position.epoch + 1
        return self.time_left.seconds(epochs * self._steps - self._position.sums.steps, epochs)

    def _progress(self, examples_per_s: float) -> Progress:
        position, metrics = self._position, self.metrics()
        return Progress(
            time=self._now(),
            epoch=position.epoch,
            epochs=self._config.epochs,
            step=position.sums.steps,
            steps=self._steps,
            loss=metrics["loss"],
            accuracy=metrics["accuracy"],
            examples_per_s=examples_per_s,
            elapsed_s=position.elapsed_s,
            eta_s=self.seconds_left(),
            threads=self._learner.threads,
        )
