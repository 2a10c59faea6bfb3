"""The end of a training: measures the new model, compares it with others, and lets an update that
is better replace its model."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

from msgspec.structs import replace

from rnnlm_tui.errors import ModelError
from rnnlm_tui.events import (
    COMPARING,
    MEASURING,
    BaseSavings,
    Comparison,
    EpochFigures,
    Evaluation,
    Event,
    Finished,
    FinishReason,
    Metrics,
    Preparing,
    UpdateFigures,
)
from rnnlm_tui.lm.mixture import MixedModel
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.store.corpora import is_text_of
from rnnlm_tui.store.model_file import read_model
from rnnlm_tui.suggesting.evaluate import ScoredLine, suggestion_loss, summarize
from rnnlm_tui.text.reading import read_corpus
from rnnlm_tui.training import saving
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.job import Base, Job
from rnnlm_tui.training.measure import (
    compare_models,
    learned_words,
    score_held_out,
    with_fitted_weights,
)


class Ending:
    """The end of the run of a job."""

    def __init__(self, job: Job, control: Control, now: Callable[[], float]) -> None:
        """`now` gives the times of the events."""
        self._job, self._control, self._now = job, control, now
        self._scored_by_base = list[ScoredLine]()
        """The held-out lines as the base scores them, once they are measured."""

    def events(self, reason: FinishReason) -> Iterator[Event]:
        """Yields the last events of a run that ends for this reason. The state of a run that is
        over is removed. A stopped update keeps its state and is not measured."""
        job = self._job
        card = saving.saved_card(job, job.best_path)
        base = job.base if card is not None and card.base is not None else None
        is_over = reason in ("completed", "early_stop")
        evaluation: Evaluation | None = None
        update: UpdateFigures | None = None
        comparison: Comparison | None = None
        if job.is_update:
            # An earlier process may have replaced the model and then been killed.
            update = UpdateFigures(saving.saved_card(job, job.model_path) is not None)
        if card is not None and (is_over or not job.is_update):
            scored, evaluation = yield from self._measure(base)
            if job.is_update:
                update = yield from self._replace_if_better(scored)
                if self._control.stopped and not update.replaced:
                    reason, is_over = "stopped", False
            elif scored:
                comparison = yield from self._compare_with_model_in_use(card, scored)
        learned = None
        if base is not None and (update is None or update.replaced):
            learned = learned_words(job.prepared, base.model)
        if is_over:
            saving.clean_up(job)
        metrics = None
        if card is not None:
            # A model that has only n-grams yet, since no epoch has ended, has no metrics.
            metrics = card.metrics or EpochFigures(0, Metrics(), None)
        yield Finished(
            time=self._now(),
            reason=reason,
            best_epoch=job.position.best_epoch if card else None,
            metrics=metrics,
            path=str(job.model_path),
            elapsed_s=job.position.elapsed_s,
            update=update,
            evaluation=evaluation,
            learned=learned,
            comparison=comparison,
        )

    def _measure(
        self, base: Base | None
    ) -> Generator[Event, None, tuple[list[ScoredLine], Evaluation | None]]:
        """Measures the new model on the held-out lines, then the base alone, and saves the figures.
        Returns the scored lines and the figures."""
        job = self._job
        if len(job.prepared.held_out):
            yield Preparing(self._now(), MEASURING, done=0, of=1, eta_s=None)
        # No variable keeps the model, because saving its figures takes as much memory again.
        base_model = job.base and job.base.model
        scored = score_held_out(job, read_model(job.best_path, base_model)[1], self._control)
        evaluation = summarize(scored) if scored else None
        if evaluation is not None and base is not None:
            yield Preparing(self._now(), COMPARING, done=1, of=2, eta_s=None)
            self._scored_by_base = score_held_out(job, base.model, self._control)
            saved = summarize(self._scored_by_base).keystroke_savings
            if saved is not None:
                evaluation = replace(evaluation, base=BaseSavings(base.name, saved))
        saving.save_evaluation(job, evaluation)
        return scored, evaluation

    def _compare_with_model_in_use(
        self, card: ModelCard, scored: list[ScoredLine]
    ) -> Generator[Event, None, Comparison | None]:
        """Compares the new model with the model in use: the one that the app has named, or else the
        library's. `scored` are the held-out lines as the new model scores them. Returns None for a
        new model that the app never puts in use by itself."""
        job = self._job
        name = self._control.compare_with or job.library.in_use(lambda problem: None)
        is_of_sonnets = is_text_of(card, read_corpus([]))
        if name == job.name or is_of_sonnets or job.config.is_lesson or card.metrics is None:
            return None
        try:
            if job.base is not None and name == job.base.name:
                model, old = job.base.model, self._scored_by_base
            else:
                model, old = job.library.open(name).model, []
            if not old:
                yield Preparing(self._now(), COMPARING, done=2, of=2, eta_s=None)
                old = score_held_out(job, model, self._control)
            return compare_models(job, name, model, old, scored)
        except ModelError:  # it is damaged, or it was deleted or renamed meanwhile
            return None

    def _replace_if_better(self, new: list[ScoredLine]) -> Generator[Event, None, UpdateFigures]:
        """Replaces the old model if the update is better on the held-out lines, or if there are
        none. `new` are these lines as the updated model scores them. Both models are scored with
        mixture weights fitted to these lines. If the run is stopped before, the old one stays."""
        job = self._job
        old = list[ScoredLine]()
        new_loss = suggestion_loss(new)
        if new_loss is not None:
            yield Preparing(self._now(), COMPARING, done=2, of=2, eta_s=None)
            _, model = read_model(job.model_path, job.base and job.base.model)
            if isinstance(model, MixedModel):
                model = with_fitted_weights(job, model)
            old = score_held_out(job, model, self._control)
        if self._control.stopped:
            return UpdateFigures(False)
        old_loss, saved = suggestion_loss(old), summarize(old).keystroke_savings
        is_better = old_loss is None or new_loss is None or new_loss < old_loss
        if is_better:
            saving.replace_model(job)
        return UpdateFigures(is_better, old_loss, new_loss, saved)
