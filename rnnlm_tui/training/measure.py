"""Mixes the models of a run as they will suggest, and measures the mixture on held-out lines."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from rnnlm_tui.events import Comparison, LearnedWords
from rnnlm_tui.formatting import shorten
from rnnlm_tui.lm.adaptive_softmax import TAIL
from rnnlm_tui.lm.layers import load_network
from rnnlm_tui.lm.mixture import ComponentName, MixedModel, fit_mixture_weights
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.lm.ngram import NgramModel
from rnnlm_tui.store.card import LEAST_BASE_WEIGHT
from rnnlm_tui.store.model_file import open_stored
from rnnlm_tui.store.tensors import dequantized, quantized
from rnnlm_tui.suggesting.evaluate import ScoredLine, score, summarize
from rnnlm_tui.text.letters import is_code
from rnnlm_tui.text.line_hashes import hash_lines
from rnnlm_tui.text.prepare import Prepared
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.job import Job
from rnnlm_tui.training.learner import Parts

SEVERAL_TIMES = 3
"""Least uses in a text of a word that counts as learned."""
NAMED_WORDS = 2
"""Most learned words that are named."""
WORDS_IF_STOPPED = 1_000
"""Most words to measure on if the run was stopped and somebody waits: 1 to 3 seconds."""
LONGEST_IF_STOPPED = 10_000
"""Most characters of a line that is measured then."""


def make_models(job: Job, parts: Parts) -> dict[ComponentName, LanguageModel]:
    """The models of these parts, with the weights as they are saved: in 8 bits, except for the
    lesson's."""
    models, prepared = dict[ComponentName, LanguageModel](), job.prepared
    if (network := parts.get("network")) is not None:
        saved = network if job.config.is_lesson else dequantized(quantized(network), TAIL)
        models["network"] = load_network(
            job.config, prepared.vocabulary, prepared.tokenizer, prepared.window, saved
        )
    if (ngrams := parts.get("ngrams")) is not None:
        models["ngrams"] = NgramModel(prepared.vocabulary, prepared.tokenizer, ngrams)
    return models


def mix_models(job: Job, models: Mapping[ComponentName, LanguageModel]) -> MixedModel:
    """Mixes these models with a cache of recent words, and with the base of the job, if any. The
    mixture weights are fitted to the held-out lines, or the default ones if these are too few.

    The base stays if it was asked for. Otherwise it is left out if its weight is small, and also
    if the weights cannot be fitted and the text is in another language.
    """
    tokenizer = job.prepared.tokenizer
    if job.base is not None:
        whole = MixedModel(tokenizer, {**models, "base": job.base.model})
        weights = fit_mixture_weights(whole, job.lines_to_fit)
        if weights is None and not job.tries_base:
            return whole
        is_asked = job.known_to_base is None
        if weights is not None and (is_asked or weights["base"] >= LEAST_BASE_WEIGHT):
            return MixedModel(tokenizer, whole.models, weights)
    return with_fitted_weights(job, MixedModel(tokenizer, models))


def with_fitted_weights(job: Job, model: MixedModel) -> MixedModel:
    """The model with mixture weights that are fitted to the held-out lines of a run."""
    weights = fit_mixture_weights(model, job.lines_to_fit)
    return MixedModel(model.tokenizer, model.models, weights) if weights else model


def score_held_out(job: Job, model: LanguageModel, control: Control) -> list[ScoredLine]:
    """Scores the held-out lines, each after the lines above it; only a few if the run was stopped.
    Empty if they have no words, or if the run is stopped meanwhile."""
    was_stopped = control.stopped
    found, words = list[ScoredLine](), 0

    def is_over() -> bool:
        return control.stopped and not was_stopped

    longest = LONGEST_IF_STOPPED if was_stopped else math.inf
    for above, lines in job.lines_to_measure:
        chosen = [line for line in lines if len(line) <= longest]
        for line in score(model, chosen, above, should_stop=is_over):
            found.append(line)
            words += len(line.words)
        if is_over():
            return []
        if was_stopped and words >= WORDS_IF_STOPPED:
            break
    return found if words else []


def learned_words(prepared: Prepared, base: LanguageModel) -> LearnedWords:
    """The words that a model of this text knows and its base does not. Two of them that mostly
    follow each other are one name."""
    vocabulary, known = prepared.vocabulary, base.vocabulary
    lines = prepared.train
    counts = lines.word_counts(vocabulary.total_words)
    is_new = counts >= SEVERAL_TIMES
    for number in np.flatnonzero(is_new).tolist():
        word = vocabulary.word(number)
        is_new[number] = not (is_code(word) or word in known or word.lower() in known)
    is_pair = is_new[lines.ids[:-1]] & is_new[lines.ids[1:]]
    is_pair[lines.starts[1:-1] - 1] = False  # the two words stand in different lines
    ones, twos = lines.ids[:-1][is_pair].tolist(), lines.ids[1:][is_pair].tolist()
    after = {
        one: two
        for (one, two), count in Counter(zip(ones, twos, strict=True)).items()
        if 2 * count > max(counts[one], counts[two])
        and vocabulary.word(one)[0].isupper()
        and vocabulary.word(two)[0].isupper()
    }
    names = list[str]()
    firsts = {*np.flatnonzero(is_new).tolist()} - {*after.values()}
    for number in sorted(firsts, key=lambda number: (-counts[number], number)):
        name = [number]
        while (following := after.get(name[-1])) is not None:
            name.append(following)
        names.append(" ".join(map(vocabulary.word, name)))
    return LearnedWords([shorten(name) for name in names[:NAMED_WORDS]], len(names))


def compare_models(
    job: Job, name: str, model: LanguageModel, old: Sequence[ScoredLine], new: Sequence[ScoredLine]
) -> Comparison | None:
    """Compares the model in use, which is `model` and has this name, with the new one. `old` and
    `new` are the same lines as each of the two scores them. Lines that the model in use was trained
    on do not count. None if no line counts."""
    with open_stored(job.library.path(name)) as stored:
        known = stored.lines().known
    is_seen = np.isin(hash_lines((line.text for line in old), model.tokenizer), known)
    # If the run was stopped, each model has scored lines until they had enough words, which it
    # counts by its own rules: one may have more lines than the other.
    lines = [
        (before, after)
        for before, after, seen in zip(old, new, is_seen, strict=False)
        if before.words and after.words and not seen
    ]
    if not lines:
        return None
    return Comparison(name, *(summarize(each) for each in zip(*lines, strict=True)))


def perplexity(loss: float) -> float:
    """exp(loss in nats); infinite if that is too large for a float."""
    return math.exp(loss) if loss < 709 else math.inf
