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
from rnnlm_tui.text.held_out import Excerpt
from rnnlm_tui.text.letters import is_code
from rnnlm_tui.text.line_hashes import hash_lines
from rnnlm_tui.text.prepare import Prepared
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.job import Job
from rnnlm_tui.training.learner import Parts

SEVERAL_TIMES = 3
"""The fewest occurrences in a text of a word that counts as learned."""
NAMED_WORDS = 2
"""The most learned words that are named."""
WORDS_IF_STOPPED = 1_000
"""The number of words after which the measurement ends if the run was stopped, since somebody
waits. They take 1 to 3 seconds."""
LONGEST_IF_STOPPED = 10_000
"""The most characters of a line that is measured after the run was stopped."""


def make_models(job: Job, parts: Parts) -> dict[ComponentName, LanguageModel]:
    """Returns the models of these parts. The weights of a network are those that its file will
    have: in 8 bits, but for the lesson's."""
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
    """Returns the mixture of these models with a cache of recent words, and with the base of the
    job if that helps. The mixture weights are fitted to the held-out lines, or are the default ones
    if these are too few.

    A base that the user has asked for stays. Another one stays if its fitted weight is large
    enough. Without fitted weights it stays if the text is in its language.
    """
    if job.base is not None:
        with_base = MixedModel({**models, "base": job.base.model})
        weights = fit_mixture_weights(with_base, job.lines_to_fit)
        if job.facts.known_to_base is None:
            base_stays = True
        elif weights is None:
            base_stays = not job.tries_base
        else:
            base_stays = weights["base"] >= LEAST_BASE_WEIGHT
        if base_stays:
            return MixedModel(with_base.models, weights)
    return with_fitted_weights(job, MixedModel(models))


def with_fitted_weights(job: Job, model: MixedModel) -> MixedModel:
    """Returns the model with mixture weights that are fitted to the held-out lines of a job, or as
    it is if these are too few."""
    weights = fit_mixture_weights(model, job.lines_to_fit)
    return MixedModel(model.models, weights) if weights else model


def score_held_out(job: Job, model: LanguageModel, control: Control) -> list[ScoredLine]:
    """Scores the held-out lines of a job. Scores only a few if the run was stopped before. Returns
    [] if they have no words, or if the run is stopped meanwhile."""
    was_stopped = control.stopped
    found, words = list[ScoredLine](), 0

    def is_over() -> bool:
        return control.stopped and not was_stopped

    longest = LONGEST_IF_STOPPED if was_stopped else math.inf
    for above, lines in job.lines_to_measure:
        chosen = [line for line in lines if len(line) <= longest]
        for line in score(model, [Excerpt(above, chosen)], should_stop=is_over):
            found.append(line)
            words += len(line.words)
        if is_over():
            return []
        if was_stopped and words >= WORDS_IF_STOPPED:
            break
    return found if words else []


def learned_words(prepared: Prepared, base: LanguageModel) -> LearnedWords:
    """Returns the words that occur several times in a text and that the base does not know.
    Capitalized words that mostly follow each other, such as "Anna Schmidt", count as one name."""
    vocabulary, known = prepared.vocabulary, base.vocabulary
    lines = prepared.train
    counts = lines.word_counts(vocabulary.total_words)
    is_new = counts >= SEVERAL_TIMES
    for number in np.flatnonzero(is_new).tolist():
        word = vocabulary.word(number)
        is_new[number] = not (is_code(word) or word in known or word.lower() in known)
    is_pair = is_new[lines.ids[:-1]] & is_new[lines.ids[1:]]
    is_pair[lines.starts[1:-1] - 1] = False  # the last word of a line and the first of the next
    ones, twos = lines.ids[:-1][is_pair].tolist(), lines.ids[1:][is_pair].tolist()
    after = {  # the next word of a name, by id
        one: two
        for (one, two), count in Counter(zip(ones, twos, strict=True)).items()
        if 2 * count > max(counts[one], counts[two])
        and vocabulary.word(one)[0].isupper()
        and vocabulary.word(two)[0].isupper()
    }
    names = list[str]()
    firsts = {*np.flatnonzero(is_new).tolist()} - {*after.values()}
    for number in sorted(firsts, key=lambda number: (-counts[number], number)):
        ids = [number]
        while (next_id := after.get(ids[-1])) is not None:
            ids.append(next_id)
        names.append(" ".join(map(vocabulary.word, ids)))
    return LearnedWords([shorten(name) for name in names[:NAMED_WORDS]], len(names))


def compare_models(
    job: Job, name: str, model: LanguageModel, old: Sequence[ScoredLine], new: Sequence[ScoredLine]
) -> Comparison | None:
    """Compares the new model with the one in use, which has this name and is `model`.

    `old` are the held-out lines as the model in use scores them, and `new` as the new one does.
    Lines that the model in use was trained on do not count. Returns None if no line counts.
    """
    with open_stored(job.library.path(name)) as stored:
        known = stored.lines().known
    is_seen = np.isin(hash_lines((line.text for line in old), model.tokenizer), known)
    # One may have scored more lines: after a stop each model scores lines until they have enough
    # words, and the two split lines into words by different rules.
    lines = [
        (before, after)
        for before, after, seen in zip(old, new, is_seen, strict=False)
        if before.words and after.words and not seen
    ]
    if not lines:
        return None
    return Comparison(name, *(summarize(each) for each in zip(*lines, strict=True)))


def perplexity(loss: float) -> float:
    """Returns exp(loss), with the loss in nats. It is infinite if that is too large for a float."""
    return math.exp(loss) if loss < 709 else math.inf
