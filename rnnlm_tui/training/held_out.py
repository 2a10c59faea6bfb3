"""Measures models on the held-out lines of a run, and fits mixture weights to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rnnlm_tui.errors import StorageError
from rnnlm_tui.evaluate import Evaluation, ScoredLine, score, summarize, written_loss
from rnnlm_tui.events import Event, Warned
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
MOST_FITTED = 2_000
"""Held-out words that the mixture weights are fitted to; each takes at most a millisecond."""


def evaluate_saved_model(run: TrainingRun, control: Control, report: RunReport) -> Iterator[Event]:
    """Evaluates the model in the run's folder on held-out lines and saves the result next to it.

    Raises ModelError if the model is damaged.
    """
    _, model = load_model(run.folder, lambda _: run.base)
    _, held_out = run.split_lines()
    most_words = MOST_WORDS_IF_STOPPED if control.stopped else MOST_WORDS
    yield from save_evaluation(run, evaluate_lines(model, held_out, control, most_words), report)


def save_evaluation(
    run: TrainingRun, evaluation: Evaluation | None, report: RunReport
) -> Iterator[Event]:
    """Saves the result next to the model. If that fails, it only warns: the model is saved."""
    try:
        if evaluation is not None:
            write_evaluation(run.folder, read_card(run.folder), evaluation)
    except StorageError as error:
        yield Warned(report.time(), error.message)


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
    return written_loss(score(model, lines, counts_keys=False))


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
