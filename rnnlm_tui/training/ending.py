"""The end of a training: the model is measured, compared, and replaced if an update is better."""

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


def is_update_better(old_loss: float | None, new_loss: float | None) -> bool:
    """Returns whether an update replaces its model: what it suggests is likelier on the held-out
    lines. Without such lines the losses are None, and it does, too."""
    return old_loss is None or new_loss is None or new_loss < old_loss


class Ending:
    """The end of the run of a job."""

    def __init__(self, job: Job, control: Control, now: Callable[[], float]) -> None:
        """`now` gives the times of the events."""
        self._job, self._control, self._now = job, control, now
        self._scored_by_base = list[ScoredLine]()
        """The held-out lines as the base scores them, once they are measured."""

    def events(self, reason: FinishReason) -> Iterator[Event]:
        """Measures the model that is kept, and yields the last events of a run that ends for this
        reason. An update that is better replaces its model. A run that is over leaves no state."""
        job, card = self._job, saving.saved_card(self._job, self._job.best_path)
        base = job.base if card is not None and card.base is not None else None
        is_over = reason in ("completed", "early_stop")
        evaluation: Evaluation | None = None
        update: UpdateFigures | None = None
        comparison: Comparison | None = None
        if job.is_update:
            # An earlier process may have replaced the model and then been killed.
            update = UpdateFigures(saving.saved_card(job, job.model_path) is not None)
        if card is not None and (update is None or is_over):
            if len(job.prepared.held_out):
                yield Preparing(self._now(), MEASURING, 0, 1, None)
            # The model goes when it is measured, because saving its figures takes as much memory.
            below = job.base and job.base.model
            scored = score_held_out(job, read_model(job.best_path, below)[1], self._control)
            if scored:
                evaluation = summarize(scored)
                if base is not None:
                    evaluation = yield from self._with_base(evaluation, base)
            saving.save_evaluation(job, evaluation)
            if update is not None:
                update = yield from self._replace_if_better(scored)
                if self._control.stopped and not update.replaced:
                    reason, is_over = "stopped", False
            elif scored:
                comparison = yield from self._with_model_in_use(card, scored)
        learned = None
        if base is not None and (update is None or update.replaced):
            learned = learned_words(job.prepared, base.model)
        if is_over:
            saving.remove_state(job)
        yield Finished(
            time=self._now(),
            reason=reason,
            best_epoch=job.position.best_epoch if card else None,
            metrics=card.metrics or EpochFigures(0, Metrics(), None) if card else None,
            path=str(job.model_path),
            elapsed_s=job.position.elapsed_s,
            update=update,
            evaluation=evaluation,
            learned=learned,
            comparison=comparison,
        )

    def _with_base(self, evaluation: Evaluation, base: Base) -> Generator[Event, None, Evaluation]:
        """Adds what the base alone saves on the same lines."""
        yield Preparing(self._now(), COMPARING, 1, 2, None)
        self._scored_by_base = score_held_out(self._job, base.model, self._control)
        saved = summarize(self._scored_by_base).keystroke_savings
        return replace(evaluation, base=None if saved is None else BaseSavings(base.name, saved))

    def _with_model_in_use(
        self, card: ModelCard, scored: list[ScoredLine]
    ) -> Generator[Event, None, Comparison | None]:
        """Compares the new model, which has this card and these scored lines, with the model in
        use: in the app if that has named one, else in the library. None if the app never uses the
        new model by itself."""
        job = self._job
        name = self._control.compare_with or job.library.in_use(lambda problem: None)
        is_of_sonnets = is_text_of(card, read_corpus([]))
        if name == job.name or is_of_sonnets or job.config.is_lesson or card.metrics is None:
            return None
        if job.base is not None and name == job.base.name:
            model, old = job.base.model, self._scored_by_base
        else:
            try:
                model, old = job.library.open(name).model, []
            except ModelError:  # the app tells what is wrong with it
                return None
        if not old:
            yield Preparing(self._now(), COMPARING, 2, 2, None)
            old = score_held_out(job, model, self._control)
        return compare_models(job, name, model, old, scored)

    def _replace_if_better(self, new: list[ScoredLine]) -> Generator[Event, None, UpdateFigures]:
        """Replaces the model of an update if the new one is better. `new` are the held-out lines as
        the new one scores them. The mixture weights of both models are fitted to these lines. If
        the run is stopped before both are measured, nothing is replaced."""
        job, old = self._job, list[ScoredLine]()
        new_loss = suggestion_loss(new)
        if new_loss is not None:
            yield Preparing(self._now(), COMPARING, 2, 2, None)
            _, model = read_model(job.model_path, job.base and job.base.model)
            model = with_fitted_weights(job, model) if isinstance(model, MixedModel) else model
            old = score_held_out(job, model, self._control)
        if self._control.stopped:
            return UpdateFigures(False)
        old_loss, saved = suggestion_loss(old), summarize(old).keystroke_savings
        is_better = is_update_better(old_loss, new_loss)
        if is_better:
            saving.replace_model(job)
        return UpdateFigures(is_better, old_loss, new_loss, saved)
