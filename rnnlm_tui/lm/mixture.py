"""A mixture of models: the weighted sum of their distributions.

    p(w | context) = sum over components k of weight(k) * p_k(w | context)

The components are a network, n-grams, a base model, and a cache of recent words. The vocabulary is
the union: the words of the model itself, then those that only the base has, to which the other
components give probability 0. The cache is computed from the context and never saved.

Shapes: K components, U ids of the union, N words of a text, T words of a context, H hidden units.

Sources: E. Grave, A. Joulin and N. Usunier, "Improving neural language models with a continuous
cache", 2017; for n-grams alone R. Kuhn and R. De Mori, "A cache-based natural language model for
speech recognition", 1990; the weights by expectation-maximisation, F. Jelinek and R. Mercer, 1980.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.lm.causal import CausalModel, last_words, segments
from rnnlm_tui.lm.model import Array, LanguageModel, Passage, cache_distributions
from rnnlm_tui.text.excerpts import Excerpt, some_excerpts
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.tokenizers import make_tokenizer
from rnnlm_tui.text.vocabulary import END_ID, UNKNOWN_ID, Vocabulary

ComponentName: TypeAlias = Literal["network", "ngrams", "base", "cache"]
Weights: TypeAlias = Mapping[ComponentName, float]
"""The weight of each component; they sum to 1."""
NAMES: tuple[ComponentName, ...] = ("network", "ngrams", "base", "cache")
LABELS: Mapping[ComponentName, str] = MappingProxyType(
    {"network": "network", "ngrams": "n-grams", "base": "base model", "cache": "recent words"}
)

CACHE_WORDS = 2000
"""Words in the cache."""
MOST_CONTEXT, CONTEXT_STEP = 3000, 1000
"""A longer context is cut, so rarely that the cache stays full and states are mostly reused."""
SHARPNESS = 12.0
"""The factor of the cosine of two states in exp()."""
HALF_LIFE, HALF_LIFE_ALONE = 500, 100
"""The half-life of a word in the cache, in words, with and without a network. On held-out text of a
million words this lowers the perplexity of the mixture by 1 %."""
CACHES_AT_ONCE = 64
"""Positions whose states are compared with earlier ones together."""
FILLING_WORDS = 500
"""With fewer words in it, the weight of the cache is scaled down proportionally."""
PRIOR: Weights = MappingProxyType({"network": 0.5, "ngrams": 0.2, "base": 0.4, "cache": 0.05})
"""The default weights, normalized to a sum of 1, and the prior of fitted ones."""
PRIOR_WORDS = 20
"""The weight of the prior in fitting, as a number of words."""
FEWEST_WORDS, MOST_FITTED = 250, 2_000
"""Weights are not fitted to fewer held-out words, nor to many more than the second number. Fitted
to any 250 words of three texts they were better than the default ones on the rest, by 0.01 to 0.05
nats a word; fitted to 125 not always. A word takes half a millisecond with a large base."""
ITERATIONS = 50


class MixedModel(LanguageModel):
    """A mixture of language models."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        models: Mapping[ComponentName, LanguageModel],
        weights: Weights | None = None,
    ) -> None:
        """`models` must have a network or n-grams, or both with the same vocabulary; a `base` may
        have another one. This sets the `window` of those that use previous lines to
        MOST_CONTEXT. There is a cache if `weights`, by default the prior ones, have one. Weights of
        missing models are ignored."""
        names = [name for name in NAMES if name in models or name == "cache"]
        self.weights = normalized({n: w for n, w in (weights or PRIOR).items() if n in names})
        self.models = {name: models[name] for name in names if name in models}
        self.tokenizer, self.window = tokenizer, MOST_CONTEXT
        own = next(model for name, model in self.models.items() if name != "base")
        self.own_vocabulary = self.vocabulary = own.vocabulary
        self.excluded_ids = own.excluded_ids
        self._from_base: NDArray[np.int64] | None = None
        if "base" in models:
            self._add_words(models["base"])
        for model in self.models.values():
            if model.uses_previous_lines:
                model.window = MOST_CONTEXT
        network = models.get("network")
        self._network = None
        if isinstance(network, CausalModel) and network.uses_previous_lines:
            self._network = network
        used = any(model.uses_previous_lines for model in self.models.values())
        self.uses_previous_lines = used or "cache" in self.weights
        self._rows = np.zeros((len(self.weights), self.vocabulary.total_words), np.float32)
        self._cached = cache_distributions(self.vocabulary.total_words, self._probabilities)

    def _add_words(self, base: LanguageModel) -> None:
        """Extends the vocabulary by the words of the base, and builds the maps between their ids.
        Words that the base excludes stay excluded unless the model's own vocabulary has them."""
        own, others = self.own_vocabulary, base.vocabulary
        new = [word for word in others.words if word not in own]
        self.vocabulary = union = Vocabulary([*own.words, *new], own.special_tokens)
        self.tokenizer = make_tokenizer(self.tokenizer.name, self.tokenizer.conventions, union)
        specials = range(others.first_word_id)
        self._from_base = np.array([*specials, *union.ids(others.words)])
        never = self._from_base[[*base.excluded_ids]].tolist()
        self.excluded_ids += tuple(i for i in never if i >= own.total_words)
        self._to_base = [*specials, *others.ids(union.words).tolist()]

    def next_word_probabilities(self, context: Sequence[int]) -> Array:
        """The distribution [U] after `context`."""
        return self._cached(tuple(self._seen(context)))

    def read(self, passages: Sequence[Passage]) -> Iterator[Array]:
        for ids, known in segments(passages, MOST_CONTEXT, CONTEXT_STEP, self.vocabulary.begin_id):
            components = zip(*self._read_components(ids, known), strict=True)
            for length, found in enumerate(components, start=known):
                yield self._mixed(self._put(found), length)

    def _read_components(self, ids: Sequence[int], known: int) -> Iterator[Iterator[Array]]:
        """What each component predicts after the first `known` ids and after each later one."""
        own = self._own_ids(ids)
        for name in self.weights:
            if name == "cache":
                yield self._read_cache(ids, own, known)
            else:
                model = self.models[name]
                seen = [self._to_base[i] for i in ids] if name == "base" else own
                yield model.read(passages_of(model, seen, known))

    def _seen(self, context: Sequence[int]) -> Sequence[int]:
        return last_words(context, MOST_CONTEXT, CONTEXT_STEP, self.vocabulary.begin_id)

    def _probabilities(self, ids: tuple[int, ...]) -> Array:
        return self._mixed(self._component_rows(ids), len(ids))

    def _mixed(self, rows: Array, length: int) -> Array:
        """The weighted sum [U] of the distributions [K, U] after a context of this length."""
        weights = dict(self.weights)
        if "cache" in weights:
            cached = min(max(0, length - 1), CACHE_WORDS)
            weights["cache"] *= min(1.0, cached / FILLING_WORDS)
        vector = np.array(list(normalized(weights).values()), np.float32)
        return np.asarray(vector @ rows)

    def component_probabilities(self, context: Sequence[int]) -> Array:
        """The distribution of each component in the order of `weights` [K, U]. That of the cache is
        zero at the start of a text. The array is valid until the next call."""
        return self._component_rows(self._seen(context))

    def _component_rows(self, ids: Sequence[int]) -> Array:
        """The distributions [K, U] after `ids`."""
        return self._put(next(found) for found in self._read_components(ids, len(ids)))

    def _put(self, components: Iterable[Array]) -> Array:
        """Writes what each component predicts over its own ids into the rows [K, U]."""
        for row, found, name in zip(self._rows, components, self.weights, strict=True):
            if name == "base" and self._from_base is not None:
                row[self._from_base] = found
            else:
                row[: len(found)] = found
        return self._rows

    def _own_ids(self, ids: Sequence[int]) -> Sequence[int]:
        """The ids with words that only the base has replaced by the unknown word."""
        if self._from_base is None:
            return ids
        known = self.own_vocabulary.total_words
        return [i if i < known else UNKNOWN_ID for i in ids]

    def _read_cache(self, ids: Sequence[int], own: Sequence[int], known: int) -> Iterator[Array]:
        """Yields the distributions [U] of the cache after the first `known` ids and after each
        later one. They are zero while the cache is empty."""
        followers = np.array(ids[1:], np.int64)
        # What precedes the start of a line is predicted to end the line before.
        followers[followers == self.vocabulary.begin_id] = END_ID
        for length, scores in enumerate(self._cache_scores(own, known), start=known):
            found = np.bincount(
                followers[max(0, length - 1 - len(scores)) : max(0, length - 1)],
                scores,
                self.vocabulary.total_words,
            )
            yield np.asarray(found / (found.sum() or 1), np.float32)

    def _cache_scores(self, own: Sequence[int], known: int) -> Iterator[NDArray[Any]]:
        """The scores of the words in the cache after the first `known` ids and after each later
        one."""
        if self._network is None:
            faded = decay_weights(CACHE_WORDS, HALF_LIFE_ALONE)
            for length in range(known, len(own) + 1):
                yield faded[max(0, CACHE_WORDS + 1 - length) :]
            return
        oldest = max(0, known - 1 - CACHE_WORDS)
        directions = self._network.directions(own)[oldest:]  # [T, H]
        if known < len(own):  # the caller may ask the network for other contexts in between
            directions = directions.copy()
        faded = decay_weights(CACHE_WORDS, HALF_LIFE)
        for begin in range(known - 1 - oldest, len(directions), CACHES_AT_ONCE):
            states = directions[begin : begin + CACHES_AT_ONCE]
            low = max(0, begin - CACHE_WORDS)
            scores = np.exp(SHARPNESS * (states @ directions[low : begin + len(states)].T))
            for place, row in enumerate(scores, start=begin):
                recent = row[max(0, place - CACHE_WORDS) - low : place - low]
                yield recent * faded[len(faded) - len(recent) :]


@lru_cache
def decay_weights(words: int, half_life: int) -> NDArray[Any]:
    """Exponentially decaying weights of words, the oldest first."""
    return np.asarray(0.5 ** (np.arange(words)[::-1] / half_life), np.float32)


def passages_of(model: LanguageModel, ids: Sequence[int], known: int) -> list[Passage]:
    """The passages from which a model predicts after the first `known` ids and after each later
    one: a single one, or one per line if it uses no previous lines."""
    if model.uses_previous_lines:
        return [Passage(ids, known)]
    begin_id, before = model.vocabulary.begin_id, ids[:known]
    first = known - 1 - before[::-1].index(begin_id) if begin_id in before else 0
    ends = [*(i for i in range(known, len(ids)) if ids[i] == begin_id), len(ids)]
    lines = (Passage(ids[a:b], 1) for a, b in pairwise(ends))
    return [Passage(ids[first : ends[0]], known - first), *lines]


def normalized(weights: Weights) -> dict[ComponentName, float]:
    """The weights normalized to a sum of 1, in the order of `NAMES`."""
    total = sum(weights.values()) or 1.0
    return {name: weights[name] / total for name in NAMES if name in weights}


class Fit(NamedTuple):
    """The weights that fit all excerpts, and those that fit each half of them."""

    weights: dict[ComponentName, float]
    of_halves: tuple[dict[ComponentName, float], dict[ComponentName, float]]


def fit_weights(model: MixedModel, excerpts: Sequence[Excerpt], most_words: int) -> Fit | None:
    """The weights of the components that maximise the likelihood of the excerpts, or of a sample of
    about `most_words` words. None if they have fewer words than FEWEST_WORDS."""
    lines = (line for excerpt in excerpts for line in excerpt.lines)
    counts = accumulate(len(model.tokenizer.words(line)) for line in lines)
    if not any(count >= FEWEST_WORDS for count in counts):
        return None
    sample = some_excerpts(excerpts, most_words)
    halves = [[each for each in sample if each.half == number] for number in range(2)]
    found = [target_probabilities(model, half) for half in halves]
    prior = normalized({name: PRIOR[name] for name in model.weights})

    def fitted(probabilities: NDArray[np.float64]) -> dict[ComponentName, float]:
        weights = em_weights(probabilities, np.array(list(prior.values())))
        return dict(zip(prior, weights.tolist(), strict=True))

    return Fit(fitted(np.concatenate(found)), (fitted(found[0]), fitted(found[1])))


def cross_fitted(model: LanguageModel, fit: Fit | None) -> tuple[LanguageModel, LanguageModel]:
    """The models to measure each half of the excerpts with: their weights fit the other half, so
    that no line had a part in choosing the weights that it is measured with. A model that is not
    mixed, or whose weights were not fitted, measures both halves itself."""
    if fit is None or not isinstance(model, MixedModel):
        return model, model
    of_first, of_second = (MixedModel(model.tokenizer, model.models, w) for w in fit.of_halves)
    return of_second, of_first


def target_probabilities(model: MixedModel, excerpts: Iterable[Excerpt]) -> NDArray[np.float64]:
    """The probability of each word and end of line of the excerpts by each component [N, K].
    Unknown words are left out: a cache predicts them well, but they are never suggested."""
    begin = model.vocabulary.begin_id
    assert begin is not None
    found: list[NDArray[np.float64]] = []
    for above, lines, _ in excerpts:
        before, measured = (_ids_of_lines(model, begin, part) for part in (above, lines))
        # What precedes the start of a line is predicted to end the line before.
        targets = iter([*(END_ID if i == begin else i for i in measured[1:]), END_ID])
        whole = [Passage(before + measured, len(before) + 1)] if measured else []
        for ids, known in segments(whole, MOST_CONTEXT, CONTEXT_STEP, begin):
            for each in zip(*model._read_components(ids, known), strict=True):
                if (target := next(targets)) != UNKNOWN_ID:
                    found.append(model._put(each)[:, target].astype(np.float64))
    return np.array(found).reshape(-1, len(model.weights))


def _ids_of_lines(model: MixedModel, begin: int, lines: Iterable[str]) -> list[int]:
    """The ids of the lines that have words, each with the id that starts a line."""
    words = (model.vocabulary.encode(model.tokenizer.words(line)) for line in lines)
    return [i for of_line in words if of_line for i in (begin, *of_line)]


def em_weights(
    probabilities: NDArray[np.float64],
    prior: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The weights [K] that maximise the likelihood of a text, given the probability of its words by
    each component [N, K], with a `prior` [K] that counts as `PRIOR_WORDS` words."""
    weights, given = prior, probabilities[probabilities.sum(1) > 0]
    for _ in range(ITERATIONS):
        shares = weights * given  # [N, K]
        shares /= shares.sum(1, keepdims=True)
        counts = shares.sum(0) + PRIOR_WORDS * prior
        weights = counts / counts.sum()
    return weights
