"""Evaluates models on the held-out lines of a run."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from rnnlm_tui.errors import StorageError
from rnnlm_tui.evaluate import Evaluation, ScoredLine, score, summarize, written_loss
from rnnlm_tui.event_types import EndFigures, Event, Preparing, Warned
from rnnlm_tui.lm.mixture import Fit, cross_fit
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.store.model_file import change_card, load_model
from rnnlm_tui.text.corpus import some_lines
from rnnlm_tui.text.excerpts import some_excerpts
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.estimate import MAX_WORDS, MAX_WORDS_IF_STOPPED
from rnnlm_tui.training.mixing import fit_of
from rnnlm_tui.training.run import RunReport, TrainingRun

MAX_COMPARED = 4_000
"""Words on which an update is compared with the model that it replaces; takes some seconds."""
COMPARING = "comparing"
"""The name of the phase in which other models are measured on the same lines."""


def evaluate_saved_model(
    run: TrainingRun, control: Control, report: RunReport
) -> Generator[Event, None, EndFigures | None]:
    """Evaluates the model that the run has saved on held-out lines, and stores the result with it.

    Raises ModelError if the model is damaged.
    """
    _, model = load_model(run.path, run.base_model)
    most_words = MAX_WORDS_IF_STOPPED if control.stopped else MAX_WORDS
    fit = fit_of(run, model)
    evaluation = evaluate_held_out(run, model, control, most_words, fit)
    return (yield from save_evaluation(run, evaluation, control, report, most_words))


def save_evaluation(
    run: TrainingRun,
    evaluation: Evaluation | None,
    control: Control,
    report: RunReport,
    most_words: int = MAX_WORDS,
) -> Generator[Event, None, EndFigures | None]:
    """Stores the evaluation of the model on its held-out lines with it. If that fails, it only
    warns: the model is saved. Returns its main metrics, with those that they are compared with;
    None without an evaluation. `most_words` is the size of the sample that was measured."""
    if evaluation is None:
        return None
    figures = EndFigures(
        words=evaluation.words,
        keystroke_savings=evaluation.keystroke_savings,
        perplexity=evaluation.perplexity,
        base=None,
        before=None,
    )
    try:
        change_card(run.path, partial(replace, evaluation=evaluation))
        yield from _compare(run, figures, control, report, most_words)
        if figures["base"] is not None:
            change_card(run.path, partial(replace, base_alone=figures["base"]))
    except StorageError as error:
        yield Warned(report.time(), error.message)
    return figures


def _compare(
    run: TrainingRun,
    figures: EndFigures,
    control: Control,
    report: RunReport,
    most_words: int,
) -> Iterator[Event]:
    """Adds the shares of keys that the base alone and the model before an update save on the lines
    that the model was measured on; stops if the run is stopped meanwhile. The weights of the old
    model are fitted as those of the new one, to be judged alike; the base is measured as it is."""
    was_stopped, base = control.stopped, run.base
    models = {"base": run.base_model, "before": run.replaces}
    others = [(name, model) for name, model in models.items() if model is not None]
    for number, (name, model) in enumerate(others, start=1):
        yield Preparing(report.time(), COMPARING, number, 1 + len(others), math.nan)
        if control.stopped and not was_stopped:
            return
        fit = fit_of(run, model) if name == "before" else None
        evaluation = evaluate_held_out(run, model, control, most_words, fit)
        if evaluation is None or evaluation.keystroke_savings is None:
            return
        if name == "before":
            figures["before"] = evaluation.keystroke_savings
        elif base is not None:
            savings = evaluation.keystroke_savings
            figures["base"] = {"name": base.named["name"], "keystroke_savings": savings}


def evaluate_lines(
    model: LanguageModel, lines: Sequence[str], control: Control, most_words: int = MAX_WORDS
) -> Evaluation | None:
    """Evaluates the model on the lines, or on a sample of at most `most_words` words. Returns None
    if there are no words, or if the run is stopped meanwhile."""
    return _evaluation(score(model, some_lines(lines, most_words)), control)


def evaluate_held_out(
    run: TrainingRun,
    model: LanguageModel,
    control: Control,
    most_words: int = MAX_WORDS,
    fit: Fit | None = None,
) -> Evaluation | None:
    """The same for the held-out lines of a run. `fit` is how the weights of a mixed model were
    fitted to them, None if they were not."""
    return _evaluation(_scores(run, model, most_words, fit), control)


def _evaluation(scores: Iterable[ScoredLine], control: Control) -> Evaluation | None:
    was_stopped, scored = control.stopped, list[ScoredLine]()
    for line in scores:
        scored.append(line)
        if control.stopped and not was_stopped:
            return None
    return summarize(scored) if any(line.words for line in scored) else None


def _scores(
    run: TrainingRun,
    model: LanguageModel,
    most_words: int,
    fit: Fit | None,
    *,
    counts_keys: bool = True,
) -> Iterator[ScoredLine]:
    """Scores the held-out lines of a run, or a sample of about `most_words` words. `counts_keys`
    as for `score`.

    In a run that mixes models they are read where they stand in the text. A network that is not
    mixed reads them one after the other, as when its epochs are measured.
    """
    if not run.config.is_mixed:
        yield from score(
            model, some_lines(run.split_lines()[1], most_words), counts_keys=counts_keys
        )
        return
    models = cross_fit(model, fit)
    for above, lines, half in some_excerpts(run.held_out_excerpts(), most_words):
        yield from score(models[half], lines, above, counts_keys=counts_keys)


def loss_of_update(run: TrainingRun, model: LanguageModel, fit: Fit | None = None) -> float | None:
    """The loss of a model on the held-out lines, in nats per character as written; None without
    such lines. Compares an update with the model that it replaces: the weights of both are fitted
    to other lines than they are measured on. `fit` is that of a mixed model if it is known."""
    fit = fit or fit_of(run, model)
    return written_loss(_scores(run, model, MAX_COMPARED, fit, counts_keys=False))
