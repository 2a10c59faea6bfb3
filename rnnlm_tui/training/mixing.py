"""The models that a run mixes: it counts n-grams, and fits mixture weights to held-out lines.

The lines are measured with mixture weights that were fitted to the other half of them. So no figure
and no decision is about lines that the weights were chosen for, all lines count, and the weights
that are saved are fitted to all of them.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass

from rnnlm_tui.config import Config, LineTextConfig, NgramConfig
from rnnlm_tui.event_types import Event, Preparing
from rnnlm_tui.lm.kneser_ney import Arrays
from rnnlm_tui.lm.mixture import MAX_FITTED, ComponentName, Fit, MixedModel, fit_mixture_weights
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.lm.ngram import NgramArchitecture, ngram_arrays, ngram_counts
from rnnlm_tui.store.card import Mixture, NgramSizes
from rnnlm_tui.training.estimate import ORDER
from rnnlm_tui.training.run import RunReport, TrainingRun

COUNTING = "n-grams"
"""The name of the phase that counts them."""


@dataclass(frozen=True, slots=True)
class TextNgrams:
    """The n-grams of a network's text, which predict until the first epoch ends and are then mixed
    with it."""

    arrays: Arrays
    model: LanguageModel
    described: NgramSizes


def count_ngrams(run: TrainingRun, report: RunReport) -> Generator[Event, None, TextNgrams]:
    """Counts the n-grams: 0.6 s for a million words. Reports progress for a large text."""
    prepared, train = run.prepared, run.config.train
    assert isinstance(train, LineTextConfig)
    arrays, began = Arrays(), report.time()
    is_large = prepared.kept is not None
    if is_large:
        yield Preparing(began, COUNTING, 0, ORDER, math.nan)
    for length, part in enumerate(ngram_arrays(prepared, ORDER, train.max_ngrams), start=1):
        arrays |= part
        if is_large:
            now = report.time()
            left = (now - began) * (ORDER - length) / length
            yield Preparing(now, COUNTING, length, ORDER, left)
    vocabulary, config = prepared.vocabulary, Config("ngram", NgramConfig(ORDER), train)
    architecture = NgramArchitecture(config, vocabulary.total_words, ORDER - 1)
    model = architecture.load_as_saved(vocabulary, prepared.tokenizer, arrays)
    return TextNgrams(arrays, model, {"order": ORDER, "sizes": [*ngram_counts(arrays)]})


def mix(
    run: TrainingRun,
    models: dict[ComponentName, LanguageModel],
    ngrams: NgramSizes | None = None,
    most_words: int = MAX_FITTED,
) -> tuple[MixedModel, Mixture, Fit | None]:
    """Mixes the models of a run with its base and a cache, with mixture weights fitted to its
    held-out lines, or the default ones if these are too few. Also returns the mixture for the card,
    and the fit to measure it with."""
    base = None
    if run.base is not None:
        models, base = {**models, "base": run.base.model}, run.base.named
    tokenizer = next(iter(models.values())).tokenizer
    model = MixedModel(tokenizer, models)
    if fit := fit_of(run, model, most_words):
        model = MixedModel(tokenizer, models, fit.mixture_weights)
    mixture: Mixture = {"weights": model.mixture_weights, "ngrams": ngrams, "base": base}
    return model, mixture, fit


def fit_of(run: TrainingRun, model: LanguageModel, most_words: int = MAX_FITTED) -> Fit | None:
    """How the weights of a mixed model fit the held-out lines of a run; None if these are too few,
    and for other models."""
    if not isinstance(model, MixedModel):
        return None
    return fit_mixture_weights(model, run.held_out_excerpts(), most_words)
