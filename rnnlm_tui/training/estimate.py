"""Estimates how long a run takes: not only its steps, but also what it measures and fits."""

from __future__ import annotations

from rnnlm_tui.config import Config, NetworkTrainConfig
from rnnlm_tui.lm.mixture import FEWEST_WORDS, MAX_FITTED, MixedModel
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.lm.ngram import COUNTING_S, NgramModel
from rnnlm_tui.lm.registry import ARCHITECTURES
from rnnlm_tui.lm.time_estimate import RunSeconds, fitting_seconds, measuring_seconds
from rnnlm_tui.text.prepare import PreparedText

MAX_WORDS, MAX_WORDS_IF_STOPPED = 10_000, 1_000
"""The most words to evaluate: 10 to 30 seconds for a large network, 1 to 3 if the run was stopped
and somebody waits for it."""
TRAIN_SAMPLE = 5_000
"""Training words, in lines spread over the text, that the metrics of n-grams are measured on."""
MAX_AT_FIRST = 1_000
"""Words that the n-grams with which a network's training begins are mixed and evaluated on: they
should predict within a second."""
ORDER = 5
"""The length of the n-grams that are mixed with a network."""
FORWARD = 0.4
"""The time of predicting a held-out word relative to learning a word."""


def run_seconds(config: Config, prepared: PreparedText, base_scores: int) -> RunSeconds:
    """The estimated seconds of a run. `base_scores` are the words that its base model scores for
    each place, as `scores_of` tells; 0 without one."""
    examples, held_out = prepared.examples.predictions, prepared.held_out_words
    architecture = ARCHITECTURES[config.preset](
        config, prepared.vocabulary.total_words, prepared.window
    )
    steps = architecture.training_seconds(examples)
    is_network = isinstance(config.train, NetworkTrainConfig)
    own = prepared.vocabulary.total_words if is_network else 0
    mixed = own + base_scores if config.is_mixed else own
    end = measuring_seconds(min(held_out, MAX_WORDS), mixed)
    if config.is_mixed:
        end += _fitting(held_out, MAX_FITTED, mixed)
        if base_scores:  # it is measured alone, too
            end += measuring_seconds(min(held_out, MAX_WORDS), base_scores)
    if not is_network:
        alone = min(prepared.words - held_out, TRAIN_SAMPLE)
        alone += min(held_out, MAX_WORDS) if config.is_mixed else 0
        return RunSeconds(0.0, steps, 0.0, end + measuring_seconds(alone, 0))
    each = FORWARD * steps / config.epochs * held_out / max(1, examples)
    if not config.is_mixed:
        return RunSeconds(0.0, steps, each, end)
    start = COUNTING_S * ORDER * examples
    start += measuring_seconds(min(held_out, MAX_AT_FIRST), base_scores)
    start += _fitting(held_out, MAX_AT_FIRST, base_scores)
    return RunSeconds(start, steps, each + _fitting(held_out, MAX_FITTED, mixed), end)


def _fitting(held_out: int, most_words: int, scores: int) -> float:
    return fitting_seconds(min(held_out, most_words), scores) if held_out >= FEWEST_WORDS else 0.0


def scores_of(model: LanguageModel | None) -> int:
    """The words that a base model scores for each place; n-grams score only those that they
    need."""
    if isinstance(model, MixedModel):
        return sum(map(scores_of, model.models.values()))
    return 0 if model is None or isinstance(model, NgramModel) else model.vocabulary.total_words
