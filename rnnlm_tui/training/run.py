"""The training loop: a generator of events, which drives a `Learner`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator

from rnnlm_tui.config import CausalConfig, CausalTrainConfig
from rnnlm_tui.events import (
    ByWriter,
    EpochEnded,
    EpochFigures,
    Event,
    FinishReason,
    Metrics,
    NextWord,
    Preparing,
    Progress,
    SampleText,
    Saved,
    Started,
    Warned,
)
from rnnlm_tui.formatting import cut_words
from rnnlm_tui.lm.layers import parameters_of
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.store.run_files import Tensors, Totals
from rnnlm_tui.store.tensors import is_usable
from rnnlm_tui.suggesting.evaluate import score, summarize
from rnnlm_tui.suggesting.generate import continue_text, generate_words
from rnnlm_tui.suggesting.suggest import suggest
from rnnlm_tui.training import saving
from rnnlm_tui.training.alone import ALONE, Alone
from rnnlm_tui.training.control import REPORT_EVERY_S, Control
from rnnlm_tui.training.ending import Ending
from rnnlm_tui.training.estimate import memory_bytes
from rnnlm_tui.training.job import Job
from rnnlm_tui.training.learner import Learner, Parts, count_ngrams
from rnnlm_tui.training.measure import make_models, mix_models, perplexity
from rnnlm_tui.wording.savings import ENOUGH_WORDS

SEED_LINE_CONTINUES = 10
"""The most words that continue the seed line after an epoch."""
MEASURED_SHARE = 1 / 20
"""The largest share of a training's time in which the keys saved are measured between epochs."""
SAVE_EVERY_S = 600.0
"""Seconds between two saves of the state within an epoch. If the machine goes down, a training of
hours loses minutes."""
COUNTING = "n-grams"
"""The phase in which n-grams are counted before the first epoch."""


class Run:
    """A training from its start, or from a saved state, to its end."""

    def __init__(
        self,
        job: Job,
        control: Control,
        learner: Learner,
        ranks: Alone = ALONE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Each rank has a run. Only the first one saves and measures. `clock` returns seconds."""
        self._job, self._control, self._learner, self._ranks = job, control, learner, ranks
        self._clock, self._began = clock, clock()
        self._position = job.position
        self._ngrams: Parts = {}
        """The n-grams that are mixed with a network."""
        self._measured_s = 0.0
        """Seconds that `_savings_so_far` has spent."""
        self._next_measurement_s = 0.0
        """Seconds that its next measurement is expected to take, at least."""

    def events(self) -> Iterator[Event]:
        """Trains and yields events. The last one is `Finished`, after the last save.

        Raises StorageError if the model cannot be saved, and RankError if another rank is gone.
        """
        job, position = self._job, self._position
        yield self._started()
        for warning in job.prepared.warnings:
            yield Warned(self._now(), warning)
        if self._ranks.is_first:
            if job.state is None:
                self._save_state()
            if job.config.is_mixed and job.config.has_network:
                yield from self._begin_with_ngrams()
        reason = self._reason_to_end()
        while reason is None:
            yield from self._train_epoch()
            learned = self._learner.parts()
            weights = learned.get("network", {}).values()
            if not (math.isfinite(position.totals.nll) and all(map(is_usable, weights))):
                reason = "diverged"
            elif position.step < self._learner.steps:
                self._save_state()
                reason = "stopped"
            else:
                yield from self._end_epoch({**learned, **self._ngrams})
                reason = self._reason_to_end()
        if self._ranks.is_first:
            yield from Ending(job, self._control, self._now).events(reason)

    def _now(self) -> float:
        """Seconds since the run began."""
        return self._clock() - self._began

    def _started(self) -> Started:
        job, prepared = self._job, self._job.prepared
        total_words = prepared.vocabulary.total_words
        return Started(
            time=self._now(),
            name=job.name,
            preset=job.config.preset,
            config=job.config,
            seed=job.config.train.seed,
            corpus=prepared.corpus_facts,
            total_words=total_words,
            window=prepared.window,
            examples=prepared.predictions,
            held_out_lines=len(prepared.held_out),
            parameters=parameters_of(job.config, total_words),
            memory_bytes=memory_bytes(job.config, prepared),
            epochs_done=self._position.epoch - 1,
            device=self._learner.device,
            threads=self._learner.threads or 1,
            versions=saving.versions_of(job),
            is_update=job.is_update,
        )

    def _begin_with_ngrams(self) -> Iterator[Event]:
        """Counts the n-grams that are mixed with the network, a million words in 0.6 s. A new model
        consists of them until its first epoch ends."""
        job, arrays = self._job, Tensors()
        assert isinstance(job.config.model, CausalConfig)
        order = job.config.model.order
        for length, level in enumerate(count_ngrams(job, order), start=1):
            arrays |= level
            yield Preparing(self._now(), COUNTING, length, order, None)
        self._ngrams = {"ngrams": arrays}
        if not job.best_path.exists() and not job.is_update and not self._control.stopped:
            mixture = mix_models(job, make_models(job, self._ngrams))
            saving.save_model(job, None, self._ngrams, mixture)
            yield Saved(self._now(), 0, str(job.best_path), best=True)

    def _reason_to_end(self) -> FinishReason | None:
        """Returns the reason to train no further epoch, or None. A causal network stops early once
        its held-out loss has not become better for `patience` epochs."""
        position, train = self._position, self._job.config.train
        if position.epoch > self._job.config.epochs:
            return "completed"
        if not isinstance(train, CausalTrainConfig):
            return None
        last = (position.best_epoch or 0) + train.patience
        return "early_stop" if position.epoch > last else None

    def _train_epoch(self) -> Iterator[Event]:
        """Takes steps until the epoch ends, the run is stopped, or the loss is not finite. All
        ranks stop and save after the same step."""
        position, learner, control = self._position, self._learner, self._control
        totals = position.totals
        learner.begin()
        saved_s = reported_s = self._now()
        reported_predictions = totals.predictions
        while position.step < learner.steps and math.isfinite(totals.nll):
            if self._ranks.sum_over_ranks(control.stopped):
                break
            learner.step()
            is_due = self._ranks.is_first and self._now() - saved_s >= SAVE_EVERY_S
            if self._ranks.sum_over_ranks(is_due):
                self._save_state()
                saved_s = self._now()
            spent = self._now() - reported_s
            if spent >= REPORT_EVERY_S or control.paused:
                position.elapsed_s += spent
                predictions = totals.predictions - reported_predictions
                yield self._progress(predictions / max(spent, 1e-9))
                yield from control.wait_while_paused(self._now)
                reported_s, reported_predictions = self._now(), totals.predictions
        position.elapsed_s += self._now() - reported_s

    def _progress(self, examples_per_s: float) -> Progress:
        position, steps = self._position, self._learner.steps
        epochs = self._job.config.epochs
        epochs_done = position.epoch - 1 + position.step / steps
        metrics = self._train_metrics()
        return Progress(
            time=self._now(),
            epoch=position.epoch,
            epochs=epochs,
            step=position.step,
            steps=steps,
            loss=metrics.loss,
            accuracy=metrics.accuracy,
            examples_per_s=examples_per_s,
            elapsed_s=position.elapsed_s,
            eta_s=position.elapsed_s * (epochs - epochs_done) / epochs_done,
            threads=self._learner.threads,
        )

    def _train_metrics(self) -> Metrics:
        """Returns the means of the epoch so far: the loss of a prediction and the penalty of a
        step. Only the lesson counts hits, and n-grams have no figures."""
        config, totals = self._job.config, self._position.totals
        if not config.has_network:
            return Metrics()
        predictions = max(1, totals.predictions)
        loss = totals.nll / predictions
        return Metrics(
            loss=loss,
            penalty=totals.penalty / max(1, self._position.step),
            accuracy=totals.hits / predictions if config.is_lesson else None,
            perplexity=perplexity(loss),
        )

    def _end_epoch(self, parts: Parts) -> Iterator[Event]:
        """Measures the parts that were learned. Saves them as the model if they are the best so
        far, and saves the state of the run. Only the first rank does so; the others learn whether
        it was the best epoch, which decides when to stop."""
        job, began = self._job, self._now()
        position, epoch = self._position, self._position.epoch
        train, held_out = self._train_metrics(), None
        is_best = False
        if self._ranks.is_first:
            held_out = self._learner.held_out_metrics()
            loss, best_loss = held_out.loss if held_out else None, position.best_loss
            # Without held-out lines each epoch counts as the best, so that the last one is kept.
            is_best = loss is None or best_loss is None or loss < best_loss
            if is_best:
                position.best_loss = loss
        if self._ranks.sum_over_ranks(is_best):
            position.best_epoch = epoch
        position.epoch, position.step, position.totals = epoch + 1, 0, Totals()
        if not self._ranks.is_first:
            return
        models = make_models(job, parts)
        unmixed = next(iter(models.values()))  # the network, or the n-grams without one
        sample = self._sample(unmixed)
        mixture = mix_models(job, models) if is_best and job.config.is_mixed else None
        savings = self._savings_so_far(mixture or unmixed) if is_best else None
        position.elapsed_s += self._now() - began
        elapsed_s = position.elapsed_s
        yield EpochEnded(self._now(), epoch, train, held_out, is_best, sample, elapsed_s, savings)
        began = self._now()
        if is_best:
            saving.save_model(job, EpochFigures(epoch, train, held_out), parts, mixture)
        self._save_state()
        position.elapsed_s += self._now() - began
        yield Saved(self._now(), epoch, str(job.best_path), is_best)

    def _sample(self, model: LanguageModel) -> SampleText:
        """Returns the seed line with its likeliest next words and its likeliest continuation. Lines
        of the continuation are separated by slashes."""
        seed_line = self._control.seed_line
        lines, words_left = [seed_line], SEED_LINE_CONTINUES
        while words := generate_words(model, lines[-1], words_left, 0, above=lines[:-1]):
            lines[-1] = continue_text(model.tokenizer, lines[-1], words)
            words_left -= len(words)
            if not model.tokenizer.writes_text:
                break
            lines.append("")
        text = " / ".join(filter(None, lines))
        found = suggest(model, f"{seed_line} ", looks_ahead=False).candidates
        return {
            "seed": cut_words(seed_line),
            "text": cut_words(text),
            "next": [NextWord(cut_words(word.word), min(1.0, word.probability)) for word in found],
        }

    def _savings_so_far(self, model: LanguageModel) -> ByWriter[float] | None:
        """Returns the shares of keys that a model saves on some of the held-out lines. Returns None
        if these have too few words, if the measurement would take more than MEASURED_SHARE of the
        time, and after the last epoch, when more lines are measured."""
        job, began = self._job, self._now()
        left_s = self._position.elapsed_s * MEASURED_SHARE - self._measured_s
        if self._reason_to_end() is not None or left_s < self._next_measurement_s:
            return None
        if job.prepared.held_out_words < ENOUGH_WORDS:
            return None

        def is_late() -> bool:
            return self._now() - began > left_s or self._control.stopped

        found = [*score(model, job.excerpts(ENOUGH_WORDS), should_stop=is_late)]
        spent, was_late = self._now() - began, is_late()
        self._measured_s += spent
        self._next_measurement_s = 2 * spent if was_late else spent
        return None if was_late else summarize(found).keystroke_savings

    def _save_state(self) -> None:
        state = self._learner.state()  # within an epoch, all ranks have to call it
        if self._ranks.is_first and state:
            saving.save_state(self._job, state, self._control.seed_line)
