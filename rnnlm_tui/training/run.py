"""The training loop: a generator of events.

It knows nothing of what learns except the `Learner`, and nothing of who watches: the command line
and the terminal app are loops over its events.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any

from numpy.typing import NDArray

from rnnlm_tui.config import CausalTrainConfig, Config
from rnnlm_tui.evaluate import Evaluation, summarize, written_loss
from rnnlm_tui.event_types import (
    BaseSavings,
    EndFigures,
    EpochEnded,
    EpochFigures,
    Event,
    Finished,
    FinishReason,
    Metrics,
    Preparing,
    Progress,
    SampleText,
    Saved,
    Started,
    UpdateFigures,
    Warned,
)
from rnnlm_tui.formatting import cut_words
from rnnlm_tui.generate import continue_text, decoding_for, generate_words
from rnnlm_tui.lm.mixture import ComponentName, MixedModel
from rnnlm_tui.lm.model import Arrays, LanguageModel
from rnnlm_tui.lm.ngram import NgramModel
from rnnlm_tui.store.card import ENGLISH
from rnnlm_tui.store.model_file import load_model
from rnnlm_tui.store.run_files import Position
from rnnlm_tui.training.control import REPORT_EVERY_S, Control
from rnnlm_tui.training.estimate import ORDER, memory_bytes
from rnnlm_tui.training.job import Job
from rnnlm_tui.training.learner import Learner, Totals, count_ngrams
from rnnlm_tui.training.measure import fitted, mixed, mixture_of, scores
from rnnlm_tui.training.saving import Saver

SAMPLE_WORDS = 10
"""How many words continue the seed line."""
COUNTING, COMPARING = "n-grams", "comparing"
"""The phases in which n-grams are counted, and other models measured on the same lines."""
STEADINESS = 0.9
"""The weight of the last report in the average time of a step, which forgets in a second."""


class Run:
    """A training from its start, or from a saved state, to its end."""

    def __init__(
        self,
        job: Job,
        control: Control,
        learner: Learner,
        agree: Callable[[int], int] = int,
        is_first: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """With several processes each runs this, and `agree` adds up a number of each; only the
        first one saves and measures."""
        self._job, self._control, self._learner, self._clock = job, control, learner, clock
        self._agree, self._is_first = agree, is_first
        self._position, self._saver = job.facts.position, Saver(job)
        self._began = clock()
        self._ngrams: Arrays | None = None
        self._step_s = self._end_s = math.nan

    def events(self) -> Iterator[Event]:
        """Trains. The events end with `finished`, after the last save and the evaluation.

        Raises StorageError if the model cannot be saved, RankError if another process is gone.
        """
        job, position = self._job, self._position
        yield self._started()
        for warning in job.prepared.warnings:
            yield Warned(self._now(), warning)
        if self._is_first:
            if job.start.state is None:
                self._save_state()
            if job.config.is_mixed and job.config.preset != "ngram":
                yield from self._begin_with_ngrams()
        reason = self._reason_to_end()
        while reason is None:
            finite = yield from self._train_epoch()
            if not finite:
                reason = "diverged"
            elif position.step < self._learner.steps:
                self._save_state()
                reason = "stopped"
            else:
                yield from self._end_epoch()
                stopped = self._agree(self._control.stopped)
                reason = self._reason_to_end() or ("stopped" if stopped else None)
        if self._is_first:
            yield from self._finish(reason)

    def _now(self) -> float:
        """Seconds since the run began."""
        return self._clock() - self._began

    def _started(self) -> Started:
        job, prepared = self._job, self._job.prepared
        return Started(
            time=self._now(),
            name=job.name,
            preset=job.config.preset,
            config=job.config,
            seed=job.config.train.seed,
            corpus=prepared.card,
            total_words=prepared.vocabulary.total_words,
            window=prepared.window,
            examples=prepared.predictions,
            held_out_lines=len(prepared.held_out),
            parameters=self._saver.parameters(),
            memory_bytes=memory_bytes(job.config, prepared),
            epochs_done=self._position.epoch - 1,
            device=self._learner.device,
            threads=self._learner.threads or 1,
            versions=self._saver.versions,
        )

    def _begin_with_ngrams(self) -> Iterator[Event]:
        """Counts the n-grams that are mixed with the network: 0.6 s for a million words. They are
        the model until the first epoch ends, unless there is a model already."""
        job, arrays = self._job, dict[str, NDArray[Any]]()
        for length, level in enumerate(count_ngrams(job, ORDER), start=1):
            arrays |= level
            yield Preparing(self._now(), COUNTING, length, ORDER, None)
        self._ngrams = arrays
        if not job.path.exists() and job.replaces is None and not self._control.stopped:
            model = mixed(job, self._models(None, arrays))
            self._saver.save_model(None, 0, None, arrays, mixture_of(job, model))
            yield Saved(self._now(), 0, str(job.path), best=True)

    def _reason_to_end(self) -> FinishReason | None:
        """Why no further epoch is to be trained, or None if one is."""
        if self._position.epoch > self._job.config.epochs:
            return "completed"
        return "early_stop" if ends_early(self._job.config, self._position) else None

    def _train_epoch(self) -> Generator[Event, None, bool]:
        """Takes steps until the epoch ends or the run is stopped; returns whether all numbers are
        finite."""
        position, learner, control = self._position, self._learner, self._control
        epochs, steps = self._job.config.epochs, learner.steps
        learner.begin(position.epoch, position.step)
        reported, last = position.step, self._now()
        while position.step < steps and math.isfinite(position.nll):
            if self._agree(control.stopped):
                break
            done = position.epoch - 1 + (position.step + 0.5) / steps
            self._count(learner.step(done / epochs))
            now = self._now()
            if now - last >= REPORT_EVERY_S or control.paused:
                self._measure_speed(now - last, position.step - reported)
                yield self._progress((position.step - reported) / max(now - last, 1e-9))
                yield from control.wait_while_paused(self._now)
                reported, last = position.step, self._now()
        self._measure_speed(self._now() - last, position.step - reported)
        return bool(math.isfinite(position.nll) and learner.is_finite())

    def _count(self, totals: Totals) -> None:
        position = self._position
        position.step += 1
        position.nll += totals.nll
        position.penalty += totals.penalty
        position.hits += totals.hits
        position.predictions += totals.predictions

    def _measure_speed(self, seconds: float, steps: int) -> None:
        self._position.elapsed_s += seconds
        if steps:
            step_s = seconds / steps
            is_first = math.isnan(self._step_s)
            older = step_s if is_first else self._step_s
            self._step_s = STEADINESS * older + (1 - STEADINESS) * step_s

    def _seconds_left(self) -> float:
        """Estimated seconds of the steps and the ends of epochs that are left."""
        epochs = self._job.config.epochs - self._position.epoch + 1
        steps = epochs * self._learner.steps - self._position.step
        ends = 0.0 if math.isnan(self._end_s) else self._end_s
        return steps * self._step_s + epochs * ends

    def _progress(self, steps_per_s: float) -> Progress:
        position, config = self._position, self._job.config
        metrics = self._learner.train_metrics(position) if config.preset != "ngram" else Metrics()
        return Progress(
            time=self._now(),
            epoch=position.epoch,
            epochs=config.epochs,
            step=position.step,
            steps=self._learner.steps,
            loss=metrics.loss,
            accuracy=metrics.accuracy,
            examples_per_s=steps_per_s * position.predictions / max(1, position.step),
            elapsed_s=position.elapsed_s,
            eta_s=self._seconds_left(),
            threads=self._learner.threads,
        )

    def _end_epoch(self) -> Iterator[Event]:
        """Measures, saves the weights as the model if they are the best so far, and saves the state
        of the run."""
        position, learner, began = self._position, self._learner, self._now()
        epoch, is_best = position.epoch, False
        if self._is_first:
            train, held_out = learner.train_metrics(position), learner.held_out_metrics()
            loss = (held_out or train).loss
            assert loss is not None
            # Without held-out lines the last epoch is kept, as in the lesson.
            is_best = held_out is None or position.best_loss is None or loss < position.best_loss
            position.best_loss = loss if is_best else position.best_loss
        if self._agree(is_best):
            position.best_epoch = epoch
        position.epoch, position.step = epoch + 1, 0
        position.nll = position.penalty = 0.0
        position.hits = position.predictions = 0
        if not self._is_first:
            return
        network, ngrams = learner.network(), learner.ngrams() or self._ngrams
        models = self._models(network, ngrams)
        alone = next(iter(models.values()))
        text = self._sample(alone)
        position.elapsed_s += self._now() - began
        yield EpochEnded(self._now(), epoch, train, held_out, is_best, text, position.elapsed_s)
        saving = self._now()
        if is_best:
            mixture = None
            if self._job.config.is_mixed:
                mixture = mixture_of(self._job, mixed(self._job, models))
            figures = EpochFigures(epoch, train, held_out)
            self._saver.save_model(figures, epoch, network, ngrams, mixture)
        self._save_state()
        position.elapsed_s += self._now() - saving
        self._end_s = self._now() - began
        yield Saved(self._now(), epoch, str(self._job.path), is_best)

    def _models(
        self, network: Arrays | None, ngrams: Arrays | None
    ) -> dict[ComponentName, LanguageModel]:
        """These parts, as they predict once they are saved."""
        models, prepared = dict[ComponentName, LanguageModel](), self._job.prepared
        if network is not None:
            models["network"] = self._saver.as_saved(network)
        if ngrams is not None:
            models["ngrams"] = NgramModel(prepared.vocabulary, prepared.tokenizer, ngrams)
        return models

    def _sample(self, model: LanguageModel) -> SampleText:
        """The seed line and its likeliest continuation, with a slash between lines."""
        seed_line = self._control.seed_line
        left, decoding = decoding_for(model.tokenizer, SAMPLE_WORDS, temperature=0)
        lines = [seed_line]
        while words := generate_words(model, lines[-1], left, decoding, previous_lines=lines[:-1]):
            lines[-1] = continue_text(model.tokenizer, lines[-1], words)
            left -= len(words)
            if not decoding.as_prose:
                break
            lines.append("")
        text = " / ".join(filter(None, lines))
        return {"seed": cut_words(seed_line), "text": cut_words(text)}

    def _save_state(self) -> None:
        tensors = self._learner.tensors()  # all ranks give their rows
        if self._is_first and tensors:
            self._saver.save_state(self._position, tensors, self._control.seed_line)

    def _finish(self, reason: FinishReason) -> Iterator[Event]:
        """Measures the model that is kept, and ends. An update that is better replaces its model. A
        run that is over leaves no state."""
        job, card, figures, update = self._job, self._saver.saved(self._job.path), None, None
        is_over = reason in ("completed", "early_stop")
        if job.replaces is not None:
            # It is, if an earlier process replaced the model and was then killed.
            is_replaced = self._saver.saved(job.replaces) is not None
            update = UpdateFigures(replaced=is_replaced, old_loss=None, new_loss=None)
        if card is not None and (job.replaces is None or is_over):
            _, model = load_model(job.path, job.english)
            scored = scores(job, model, self._control)
            evaluation, new_loss = None, None
            if scored:
                evaluation, new_loss = summarize(scored), written_loss(scored)
            figures = yield from self._figures(evaluation)
            self._saver.save_evaluation(evaluation, figures.base if figures else None)
            if job.replaces is not None:
                update = yield from self._replace_if_better(figures, new_loss)
        if is_over:
            self._saver.end()
        yield Finished(
            time=self._now(),
            reason=reason,
            best_epoch=self._position.best_epoch if card else None,
            metrics=card.metrics or EpochFigures(0, Metrics(), None) if card else None,
            path=str(job.replaces or job.path),
            elapsed_s=self._position.elapsed_s,
            update=update,
            evaluation=figures,
        )

    def _figures(self, evaluation: Evaluation | None) -> Generator[Event, None, EndFigures | None]:
        """The main metrics of the model, and what the English alone saves on the same lines."""
        if evaluation is None:
            return None
        base = None
        if self._job.english is not None:
            yield Preparing(self._now(), COMPARING, 1, 2, None)
            alone = scores(self._job, self._job.english, self._control)
            saved = summarize(alone).keystroke_savings if alone else None
            base = None if saved is None else BaseSavings(ENGLISH, saved)
        return EndFigures(
            words=evaluation.words,
            keystroke_savings=evaluation.keystroke_savings,
            perplexity=evaluation.perplexity,
            base=base,
            before=None,
        )

    def _replace_if_better(
        self, figures: EndFigures | None, new_loss: float | None
    ) -> Generator[Event, None, UpdateFigures]:
        """Replaces the model of an update if the new one is better on the held-out lines, in nats
        per character as written, or if there are none. The weights of both are fitted to these."""
        job, old_loss = self._job, None
        assert job.replaces is not None
        if new_loss is not None:
            yield Preparing(self._now(), COMPARING, 2, 2, None)
            _, old = load_model(job.replaces, job.english)
            old = fitted(job, old) if isinstance(old, MixedModel) else old
            if scored := scores(job, old, self._control):
                old_loss = written_loss(scored)
                if figures is not None:
                    figures.before = summarize(scored).keystroke_savings
        is_better = old_loss is None or new_loss is None or new_loss < old_loss
        if is_better:
            self._saver.replace_model()
        return UpdateFigures(replaced=is_better, old_loss=old_loss, new_loss=new_loss)


def ends_early(config: Config, position: Position) -> bool:
    """Whether the held-out loss was not better for as many epochs as the settings allow."""
    train = config.train
    if not isinstance(train, CausalTrainConfig):
        return False
    return position.epoch > max(train.min_epochs, (position.best_epoch or 0) + train.patience)
