"""Measures models on the held-out lines of a run, and fits mixture weights to them."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence

from rnnlm_tui.errors import StorageError
from rnnlm_tui.evaluate import Evaluation, ScoredLine, score, summarize, written_loss
from rnnlm_tui.events import EndFigures, Event, Preparing, Warned
from rnnlm_tui.lm.mixture import ComponentName, MixedModel, fit_weights
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.store.card import Mixture, NgramFile, read_card
from rnnlm_tui.store.evaluations import write_evaluation
from rnnlm_tui.store.load import load_model
from rnnlm_tui.text.corpus import some_lines
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.run import RunReport, TrainingRun

MOST_WORDS, MOST_WORDS_IF_STOPPED = 10_000, 1_000
"""The most words to evaluate: 10 to 30 seconds for a large network, 1 to 3 if the run was stopped
and somebody waits for it."""
MOST_COMPARED = 4_000
"""Words on which an update is compared with the model that it replaces; takes some seconds."""
COMPARING = "comparing"
"""The name of the phase in which other models are measured on the same lines."""
MOST_FITTED = 2_000
"""Held-out words that the mixture weights are fitted to; each takes at most a millisecond."""


def evaluate_saved_model(
    run: TrainingRun, control: Control, report: RunReport
) -> Generator[Event, None, EndFigures | None]:
    """Evaluates the model in the run's folder on held-out lines and saves the result next to it.

    Raises ModelError if the model is damaged.
    """
    _, model = load_model(run.folder, lambda _: run.base)
    most_words = MOST_WORDS_IF_STOPPED if control.stopped else MOST_WORDS
    lines = some_lines(run.split_lines()[1], most_words)
    evaluation = evaluate_lines(model, lines, control)
    return (yield from save_evaluation(run, evaluation, lines, control, report))


def save_evaluation(
    run: TrainingRun,
    evaluation: Evaluation | None,
    lines: Sequence[str],
    control: Control,
    report: RunReport,
) -> Generator[Event, None, EndFigures | None]:
    """Saves the evaluation of the model on these lines next to it. If that fails, it only warns:
    the model is saved. Returns its main metrics, with those that they are compared with; None
    without an evaluation."""
    if evaluation is None:
        return None
    figures = EndFigures(
        words=evaluation.words,
        keystroke_savings=evaluation.savings,
        perplexity=evaluation.perplexity,
        base=None,
        before=None,
    )
    try:
        write_evaluation(run.folder, read_card(run.folder), evaluation)
        yield from _compare(run, figures, lines, control, report)
        if figures["base"] is not None:
            write_evaluation(run.folder, read_card(run.folder), evaluation, figures["base"])
    except StorageError as error:
        yield Warned(report.time(), error.message)
    return figures


def _compare(
    run: TrainingRun,
    figures: EndFigures,
    lines: Sequence[str],
    control: Control,
    report: RunReport,
) -> Iterator[Event]:
    """Adds the shares of keys that the base alone and the model before an update save on the lines
    that the model was measured on; stops if the run is stopped meanwhile."""
    was_stopped, base = control.stopped, run.origin.get("base")
    models = {"base": run.base, "before": run.replaces}
    others = [(name, model) for name, model in models.items() if model is not None]
    for number, (name, model) in enumerate(others, start=1):
        yield Preparing(report.time(), COMPARING, number, 1 + len(others), math.nan)
        if control.stopped and not was_stopped:
            return
        found = evaluate_lines(model, lines, control)
        if found is None or found.savings is None:
            return
        if name == "before":
            figures["before"] = found.savings
        elif base is not None:
            figures["base"] = {"name": base["name"], "keystroke_savings": found.savings}


def evaluate_lines(
    model: LanguageModel, lines: Sequence[str], control: Control, most_words: int = MOST_WORDS
) -> Evaluation | None:
    """Evaluates the model on the lines, or on a sample of at most `most_words` words. Returns None
    if there are no words, or if the run is stopped meanwhile."""
    was_stopped, scored = control.stopped, list[ScoredLine]()
    for line in score(model, some_lines(lines, most_words)):
        scored.append(line)
        if control.stopped and not was_stopped:
            return None
    return summarize(scored) if any(line.words for line in scored) else None


def loss_of_update(run: TrainingRun, model: LanguageModel) -> float | None:
    """The loss of a model on the held-out lines, in nats per character as written; None without
    such lines. Compares an update with the model that it replaces."""
    lines = some_lines(run.split_lines()[1], MOST_COMPARED)
    return written_loss(score(model, lines, writes=False))


def mix(
    run: TrainingRun,
    models: dict[ComponentName, LanguageModel],
    ngrams: NgramFile | None = None,
    most_words: int = MOST_FITTED,
) -> tuple[MixedModel, Mixture]:
    """Mixes the models of a run with its base and a cache, with weights fitted to its held-out
    lines. Also returns the mixture for the card."""
    base = None
    if run.base is not None:
        models, base = {**models, "base": run.base}, run.origin.get("base")
    tokenizer = next(iter(models.values())).tokenizer
    lines = some_lines(run.split_lines()[1], most_words)
    weights = fit_weights(MixedModel(tokenizer, models), lines, most_words)
    mixture: Mixture = {"weights": weights, "ngrams": ngrams, "base": base}
    return MixedModel(tokenizer, models, weights), mixture
