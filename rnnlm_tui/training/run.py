"""The training loop: a generator of events.

What learns is a `Learner`. Who watches is unknown here: the command line and the terminal app are
loops over its events.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator

from msgspec.structs import replace

from rnnlm_tui.config import CausalConfig, CausalTrainConfig, Config
from rnnlm_tui.errors import ModelError
from rnnlm_tui.events import (
    COMPARING,
    MEASURING,
    BaseSavings,
    ByWriter,
    Comparison,
    EpochEnded,
    EpochFigures,
    Evaluation,
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
from rnnlm_tui.lm.layers import parameters_of
from rnnlm_tui.lm.mixture import MixedModel
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.store.card import ENGLISH, ModelCard
from rnnlm_tui.store.corpora import is_text_of
from rnnlm_tui.store.model_file import load_model
from rnnlm_tui.store.run_files import Position, Tensors, Totals
from rnnlm_tui.store.tensors import is_usable
from rnnlm_tui.suggesting.evaluate import ScoredLine, score, summarize
from rnnlm_tui.suggesting.generate import continue_text, generate_words
from rnnlm_tui.text.reading import read_corpus
from rnnlm_tui.training import saving
from rnnlm_tui.training.control import REPORT_EVERY_S, Control
from rnnlm_tui.training.estimate import memory_bytes
from rnnlm_tui.training.job import Job
from rnnlm_tui.training.learner import Learner, Parts, count_ngrams
from rnnlm_tui.training.measure import (
    compared,
    learned_words,
    mixed,
    models_of,
    perplexity,
    score_held_out,
    with_fitted_weights,
)
from rnnlm_tui.wording.results import ENOUGH_WORDS

SAMPLE_WORDS = 10
"""How many words continue the seed line."""
REST_PER_MEASURE = 20
"""The keys saved so far are measured in a twentieth of the time that the run has trained."""
SAVE_EVERY_S = 600.0
"""How often the state is saved within an epoch, so that a machine that goes down costs minutes of a
training of hours."""
COUNTING = "n-grams"
"""The phase in which n-grams are counted."""


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
        self._position, self._began = job.position, clock()
        self._ngrams: Parts = {}
        """The n-grams that are mixed with a network."""
        self._of_english = list[ScoredLine]()
        """The held-out lines as the English scores them, once they are measured."""
        self._measured_s, self._needed_s = 0.0, 0.0
        """How long the keys saved so far were measured, and what that needs at least once."""

    def events(self) -> Iterator[Event]:
        """Trains. The events end with `finished`, after the last save and the evaluation.

        Raises StorageError if the model cannot be saved, RankError if another process is gone.
        """
        job, position = self._job, self._position
        yield self._started()
        for warning in job.prepared.warnings:
            yield Warned(self._now(), warning)
        if self._is_first:
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
        if self._is_first:
            yield from self._finish(reason)

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
        """Counts the n-grams that are mixed with the network: 0.6 s for a million words. They are
        the model until the first epoch ends, unless there is a model already."""
        job, arrays = self._job, Tensors()
        assert isinstance(job.config.model, CausalConfig)
        order = job.config.model.order
        for length, level in enumerate(count_ngrams(job, order), start=1):
            arrays |= level
            yield Preparing(self._now(), COUNTING, length, order, None)
        self._ngrams = {"ngrams": arrays}
        if not job.path.exists() and not job.is_update and not self._control.stopped:
            saving.save_model(job, None, self._ngrams, mixed(job, models_of(job, self._ngrams)))
            yield Saved(self._now(), 0, str(job.path), best=True)

    def _reason_to_end(self) -> FinishReason | None:
        """Why no further epoch is to be trained, or None if one is."""
        if self._position.epoch > self._job.config.epochs:
            return "completed"
        return "early_stop" if ends_early(self._job.config, self._position) else None

    def _train_epoch(self) -> Iterator[Event]:
        """Takes steps until the epoch ends, the run is stopped, or the loss is not finite."""
        position, learner, control = self._position, self._learner, self._control
        totals, epochs = position.totals, self._job.config.epochs
        learner.begin(position.epoch, position.step)
        last, before, saved = self._now(), totals.predictions, self._now()
        while position.step < learner.steps and math.isfinite(totals.nll):
            if self._agree(control.stopped):
                break
            done = position.epoch - 1 + (position.step + 0.5) / learner.steps
            learner.step(done / epochs, totals)
            position.step += 1
            if self._agree(self._is_first and self._now() - saved >= SAVE_EVERY_S):
                position.elapsed_s += self._now() - last
                self._save_state()
                last, before, saved = self._now(), totals.predictions, self._now()
            spent = self._now() - last
            if spent >= REPORT_EVERY_S or control.paused:
                position.elapsed_s += spent
                yield self._progress((totals.predictions - before) / max(spent, 1e-9))
                yield from control.wait_while_paused(self._now)
                last, before = self._now(), totals.predictions
        position.elapsed_s += self._now() - last

    def _progress(self, examples_per_s: float) -> Progress:
        position, steps, epochs = self._position, self._learner.steps, self._job.config.epochs
        metrics, done = self._train_metrics(), position.epoch - 1 + position.step / steps
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
            eta_s=position.elapsed_s * (epochs - done) / done,
            threads=self._learner.threads,
        )

    def _train_metrics(self) -> Metrics:
        """Means of the epoch so far: loss per prediction, penalty per step. The lesson counts hits,
        n-grams have no figures."""
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
        """Measures, saves these parts as the model if they are the best so far, and saves the state
        of the run."""
        job, position, began = self._job, self._position, self._now()
        train, held_out, is_best, epoch = self._train_metrics(), None, False, position.epoch
        if self._is_first:
            held_out = self._learner.held_out_metrics()
            loss, best = held_out.loss if held_out else None, position.best_loss
            # Without held-out lines the last epoch is kept, as in the lesson.
            is_best = loss is None or best is None or loss < best
            position.best_loss = loss if is_best else best
        if self._agree(is_best):
            position.best_epoch = epoch
        position.epoch, position.step, position.totals = epoch + 1, 0, Totals()
        if not self._is_first:
            return
        models = models_of(job, parts)
        alone = next(iter(models.values()))
        text = self._sample(alone)
        mixture = mixed(job, models) if is_best and job.config.is_mixed else None
        savings = self._savings_so_far(mixture or alone) if is_best else None
        position.elapsed_s += self._now() - began
        elapsed_s = position.elapsed_s
        yield EpochEnded(self._now(), epoch, train, held_out, is_best, text, elapsed_s, savings)
        began = self._now()
        if is_best:
            saving.save_model(job, EpochFigures(epoch, train, held_out), parts, mixture)
        self._save_state()
        position.elapsed_s += self._now() - began
        yield Saved(self._now(), epoch, str(job.path), is_best)

    def _sample(self, model: LanguageModel) -> SampleText:
        """The seed line and its likeliest continuation, with a slash between lines."""
        seed_line = self._control.seed_line
        left, lines = SAMPLE_WORDS, [seed_line]
        while words := generate_words(model, lines[-1], left, 0, previous_lines=lines[:-1]):
            lines[-1] = continue_text(model.tokenizer, lines[-1], words)
            left -= len(words)
            if not model.tokenizer.writes_text:
                break
            lines.append("")
        text = " / ".join(filter(None, lines))
        return {"seed": cut_words(seed_line), "text": cut_words(text)}

    def _savings_so_far(self, model: LanguageModel) -> ByWriter[float] | None:
        """The shares of keys that a model saves on some of the held-out lines. None if they have
        too few words to tell, if it takes more than a twentieth of the time, and after the last
        epoch, when all of them are measured."""
        job, began, found = self._job, self._now(), list[ScoredLine]()
        budget = self._position.elapsed_s / REST_PER_MEASURE - self._measured_s
        is_over = self._reason_to_end() is not None
        if is_over or budget < self._needed_s or job.prepared.held_out_words < ENOUGH_WORDS:
            return None

        def is_late() -> bool:
            return self._now() - began > budget or self._control.stopped

        for above, lines in job.excerpts(ENOUGH_WORDS):
            found += score(model, lines, above, is_over=is_late)
        spent, was_late = self._now() - began, is_late()
        self._measured_s += spent
        self._needed_s = 2 * spent if was_late else spent
        return None if was_late else summarize(found).keystroke_savings

    def _save_state(self) -> None:
        tensors = self._learner.tensors()  # all ranks give their rows
        if self._is_first and tensors:
            saving.save_state(self._job, tensors, self._control.seed_line)

    def _finish(self, reason: FinishReason) -> Iterator[Event]:
        """Measures the model that is kept, and ends. An update that is better replaces its model. A
        run that is over leaves no state."""
        job, evaluation, update, comparison = self._job, None, None, None
        card, is_over = saving.saved_card(job, job.path), reason in ("completed", "early_stop")
        if job.is_update:
            # An earlier process may have replaced the model and then been killed.
            update = UpdateFigures(saving.saved_card(job, job.model) is not None)
        if card is not None and (update is None or is_over):
            if len(job.prepared.held_out):
                yield Preparing(self._now(), MEASURING, 0, 1, None)
            card, model = load_model(job.path, job.english)
            scored = score_held_out(job, model, self._control)
            if scored:
                evaluation = summarize(scored)
                if card.base is not None and job.english is not None:
                    evaluation = yield from self._with_base(evaluation, job.english)
            saving.save_evaluation(job, evaluation)
            if update is not None:
                update = yield from self._replace_if_better(evaluation)
                if self._control.stopped and not update.replaced:
                    reason, is_over = "stopped", False
            elif scored:
                comparison = yield from self._with_model_in_use(card, scored)
        learned = None
        if card is not None and card.base is not None and (update is None or update.replaced):
            learned = learned_words(job.prepared, job.english) if job.english else None
        if is_over:
            saving.remove_state(job)
        yield Finished(
            time=self._now(),
            reason=reason,
            best_epoch=self._position.best_epoch if card else None,
            metrics=card.metrics or EpochFigures(0, Metrics(), None) if card else None,
            path=str(job.model),
            elapsed_s=self._position.elapsed_s,
            update=update,
            evaluation=evaluation,
            learned=learned,
            comparison=comparison,
        )

    def _with_base(
        self, evaluation: Evaluation, english: LanguageModel
    ) -> Generator[Event, None, Evaluation]:
        """Adds what the English alone saves on the same lines."""
        yield Preparing(self._now(), COMPARING, 1, 2, None)
        self._of_english = score_held_out(self._job, english, self._control) or []
        saved = summarize(self._of_english).keystroke_savings
        return replace(evaluation, base=None if saved is None else BaseSavings(ENGLISH, saved))

    def _with_model_in_use(
        self, card: ModelCard, scored: list[ScoredLine]
    ) -> Generator[Event, None, Comparison | None]:
        """Compares the model, of this card and with these lines, with the one in use: that of the
        app which has started the training, if it says so. None for a model that is never used by
        itself."""
        job = self._job
        name = self._control.compared or job.library.in_use(lambda problem: None)
        is_of_sonnets = is_text_of(card, read_corpus([]))
        if name == job.name or is_of_sonnets or job.config.is_lesson or card.metrics is None:
            return None
        if name == ENGLISH and job.english is not None:
            model, old = job.english, self._of_english
        else:
            try:
                model, old = job.library.open(name)[1], []
            except ModelError:  # the app says so
                return None
        if not old:
            yield Preparing(self._now(), COMPARING, 2, 2, None)
            old = score_held_out(job, model, self._control) or []
        return compared(job, name, model, old, scored)

    def _replace_if_better(
        self, evaluation: Evaluation | None
    ) -> Generator[Event, None, UpdateFigures]:
        """Replaces the model of an update if the new one is better on the held-out lines, in nats
        per character, or if there are none. The weights of both are fitted to these. If it is
        stopped before that is known, nothing is replaced."""
        job, scored = self._job, None
        new_loss = evaluation.nats_per_character if evaluation else None
        if new_loss is not None:
            yield Preparing(self._now(), COMPARING, 2, 2, None)
            _, old = load_model(job.model, job.english)
            old = with_fitted_weights(job, old) if isinstance(old, MixedModel) else old
            scored = score_held_out(job, old, self._control)
        if self._control.stopped:
            return UpdateFigures(False)
        before = summarize(scored or ())
        old_loss, saved = before.nats_per_character, before.keystroke_savings
        is_better = old_loss is None or new_loss is None or new_loss < old_loss
        if is_better:
            saving.replace_model(job)
        return UpdateFigures(is_better, old_loss, new_loss, saved)


def ends_early(config: Config, position: Position) -> bool:
    """Whether the held-out loss was not better for as many epochs as the settings allow."""
    train = config.train
    if not isinstance(train, CausalTrainConfig):
        return False
    return position.epoch > (position.best_epoch or 0) + train.patience
