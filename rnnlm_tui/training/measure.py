"""How good the model of a run is: mixed as it will suggest, and measured on held-out lines."""

from __future__ import annotations

import math
from collections.abc import Mapping

from rnnlm_tui.evaluate import ScoredLine, score
from rnnlm_tui.lm.mixture import ComponentName, MixedModel, fit_mixture_weights
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.lm.ngram import NgramModel
from rnnlm_tui.store.card import LEAST_OF_BASE
from rnnlm_tui.store.tensors import expanded, quantized
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.job import Job
from rnnlm_tui.training.learner import Parts

WORDS_IF_STOPPED = 1_000
"""The most words to measure if the run was stopped and somebody waits for it: 1 to 3 seconds."""


def models_of(job: Job, parts: Parts) -> dict[ComponentName, LanguageModel]:
    """These parts, as they predict once they are saved."""
    models, prepared = dict[ComponentName, LanguageModel](), job.prepared
    if (network := parts.get("network")) is not None:
        is_exact = job.config.preset == "lesson"
        models["network"] = job.load_network(network if is_exact else expanded(quantized(network)))
    if (ngrams := parts.get("ngrams")) is not None:
        models["ngrams"] = NgramModel(prepared.vocabulary, prepared.tokenizer, ngrams)
    return models


def mixed(job: Job, models: Mapping[ComponentName, LanguageModel]) -> MixedModel:
    """These models mixed with a cache, and with the English if the run is built on it; with
    mixture weights fitted to its held-out lines, or the default ones if these are too few. The
    English is left out if its weight is small; if it cannot be fitted, from other languages. It
    stays if it was asked for."""
    tokenizer = job.prepared.tokenizer
    if job.english is not None:
        whole = MixedModel(tokenizer, {**models, "base": job.english})
        weights = fit_mixture_weights(whole, job.lines_to_fit)
        if weights is None and not job.tries_english:
            return whole
        is_asked = job.facts.known_to_base is None
        if weights is not None and (is_asked or weights["base"] >= LEAST_OF_BASE):
            return MixedModel(tokenizer, whole.models, weights)
    return fitted(job, MixedModel(tokenizer, models))


def fitted(job: Job, model: MixedModel) -> MixedModel:
    """The model with mixture weights that are fitted to the held-out lines of a run."""
    weights = fit_mixture_weights(model, job.lines_to_fit)
    return MixedModel(model.tokenizer, model.models, weights) if weights else model


def scores(job: Job, model: LanguageModel, control: Control) -> list[ScoredLine] | None:
    """The held-out lines, each scored where it stands in the text, or a few of them if the run was
    stopped. None if there are no words, or if it is stopped meanwhile."""
    was_stopped, found, words = control.stopped, list[ScoredLine](), 0
    for above, lines in job.held_out:
        for line in score(model, lines, above):
            found.append(line)
            words += len(line.words)
            if control.stopped and not was_stopped:
                return None
        if was_stopped and words >= WORDS_IF_STOPPED:
            break
    return found if words else None


def perplexity(loss: float) -> float:
    """exp(loss in nats); infinite if that is too large for a float."""
    return math.exp(loss) if loss < 709 else math.inf
