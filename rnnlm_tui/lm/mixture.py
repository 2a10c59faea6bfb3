"""Several models mixed into one: a weighted sum of their distributions.

    p(w | context) = sum over components k of weight(k) * p_k(w | context)

The components are a network, n-grams, a base model, and a cache of the last words. The vocabulary
is the union: the words of the model itself, then those of the base that it lacks, to which the
model's own components give 0. The cache is made from the context given and keeps nothing of its
own, so nothing of it is ever saved.

Shapes: K components, U ids of the union, N words of a text, T words of a context, H hidden units.

Sources: E. Grave, A. Joulin and N. Usunier, "Improving neural language models with a continuous
cache", 2017; for n-grams alone R. Kuhn and R. De Mori, "A cache-based natural language model for
speech recognition", 1990; the weights by expectation-maximisation, F. Jelinek and R. Mercer, 1980.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.lm.causal import CausalModel, last_words, remember_distributions, stretches
from rnnlm_tui.lm.model import LanguageModel, Passage
from rnnlm_tui.text.tokenizer import Tokenizer, make_tokenizer
from rnnlm_tui.text.vocabulary import END_ID, UNKNOWN_ID, Vocabulary

Array = NDArray[np.float32]
ComponentName: TypeAlias = Literal["network", "ngrams", "base", "cache"]
Weights: TypeAlias = Mapping[ComponentName, float]
"""The weight of each component; they sum to 1."""
NAMES: tuple[ComponentName, ...] = ("network", "ngrams", "base", "cache")
LABELS: Mapping[ComponentName, str] = MappingProxyType(
    {"network": "network", "ngrams": "n-grams", "base": "base model", "cache": "recent words"}
)

CACHE_WORDS = 2000
"""The last words that the cache holds."""
MOST_CONTEXT, CONTEXT_STEP = 3000, 1000
"""A context is cut so seldom that the cache is always full and states are mostly kept."""
FLATNESS = 12.0
"""The cosine of two states is multiplied by this before exp()."""
HALF_AFTER, HALF_AFTER_ALONE = 500, 100
"""After so many words a word of the cache counts half, with and without a network. On held-out text
of a million words that lowers the perplexity of the mixture by 1 %."""
CACHES_AT_ONCE = 64
"""Places whose states are compared with those before at once."""
FILLING_WORDS = 500
"""With fewer words the cache has a smaller weight, in proportion."""
PRIOR: Weights = MappingProxyType({"network": 0.5, "ngrams": 0.2, "base": 0.4, "cache": 0.05})
"""The weights of the components, scaled to a sum of 1, if there is no text to fit them to."""
PRIOR_WORDS = 20
"""So many words' worth of the prior is added to the words that weights are fitted to."""
ITERATIONS = 50


class MixedModel:
    """A language model made of others."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        models: Mapping[ComponentName, LanguageModel],
        weights: Weights | None = None,
    ) -> None:
        """`models` by the names of components, at least a network or n-grams, of one vocabulary;
        with a `base`, of any other. `weights` are those of the models and of the cache, without
        which there is none; the prior ones by default. Weights of missing models are left out."""
        names = [name for name in NAMES if name in models or name == "cache"]
        self.weights = scaled({n: w for n, w in (weights or PRIOR).items() if n in names})
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
        total_words = self.vocabulary.total_words
        self._remembered = remember_distributions(total_words, self._probabilities)

    def _add_words(self, base: LanguageModel) -> None:
        """Makes the vocabulary the union with that of the base, and the tables between the two.
        What the base never suggests stays so unless it is a word of the own text."""
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
        return self._remembered(tuple(self._seen(context)))

    def read(self, passages: Sequence[Passage]) -> Iterator[Array]:
        for ids, known in stretches(passages, MOST_CONTEXT, CONTEXT_STEP, self.vocabulary.begin_id):
            components = zip(*self._read_components(ids, known), strict=True)
            for length, found in enumerate(components, start=known):
                for row, part, name in zip(self._rows, found, self.weights, strict=True):
                    self._put(row, part, name)
                yield self._mixed(self._rows, min(length - 1, CACHE_WORDS))

    def _read_components(self, ids: list[int], known: int) -> Iterator[Iterator[Array]]:
        """What each component predicts after the first `known` words, and after each later one."""
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
        rows, cached = self._components(ids)
        return self._mixed(rows, cached)

    def _mixed(self, rows: Array, cached: int) -> Array:
        """The sum [U] of what the components predict [K, U], with so many words in the cache."""
        weights = dict(self.weights)
        if "cache" in weights:
            weights["cache"] *= min(1.0, max(0, cached) / FILLING_WORDS)
        vector = np.array(list(scaled(weights).values()), np.float32)
        return np.asarray(vector @ rows)

    def _put(self, row: Array, found: Array, name: ComponentName) -> None:
        """Writes what a component predicts for its own ids into a row [U] of the union."""
        if name == "base" and self._from_base is not None:
            row[self._from_base] = found
        else:
            row[: len(found)] = found

    def component_probabilities(self, context: Sequence[int]) -> Array:
        """What each component, in the order of `weights`, gives to each id: [K, U]. The cache gives
        nothing at the begin of a text. The array is the model's own until the next call."""
        return self._components(self._seen(context))[0]

    def _components(self, ids: Sequence[int]) -> tuple[Array, int]:
        """The distributions [K, U] after `ids`, and the words in the cache."""
        own, cached = self._own_ids(ids), 0
        for row, name in zip(self._rows, self.weights, strict=True):
            if name == "cache":
                cached = min(len(ids) - 1, CACHE_WORDS)
                found = self._cache(ids, own)
            else:
                seen = [self._to_base[i] for i in ids] if name == "base" else own
                found = self._ask(self.models[name], seen)
            self._put(row, found, name)
        return self._rows, max(0, cached)

    def _own_ids(self, ids: Sequence[int]) -> Sequence[int]:
        """The ids without the words of the base, which are unknown to the other components."""
        if self._from_base is None:
            return ids
        known = self.own_vocabulary.total_words
        return [i if i < known else UNKNOWN_ID for i in ids]

    def _ask(self, model: LanguageModel, ids: Sequence[int]) -> Array:
        """What the model predicts; one that uses no previous lines gets the last line alone."""
        if not model.uses_previous_lines and (begin := model.vocabulary.begin_id) in ids:
            ids = ids[len(ids) - 1 - ids[::-1].index(begin) :]
        return model.next_word_probabilities(ids)

    def _cache(self, ids: Sequence[int], own: Sequence[int]) -> Array:
        """The distribution [U] of the cache, zeros if it is empty."""
        return next(self._read_cache(ids, own, len(ids)))

    def _read_cache(self, ids: Sequence[int], own: Sequence[int], known: int) -> Iterator[Array]:
        """The same after the first `known` of these ids, and after each later one."""
        followers = np.array(ids[1:], np.int64)
        # A begin follows the end of the line before it.
        followers[followers == self.vocabulary.begin_id] = END_ID
        for length, scores in enumerate(self._cache_scores(own, known), start=known):
            found = np.bincount(
                followers[max(0, length - 1 - len(scores)) : max(0, length - 1)],
                scores,
                self.vocabulary.total_words,
            )
            yield np.asarray(found / (found.sum() or 1), np.float32)

    def _cache_scores(self, own: Sequence[int], known: int) -> Iterator[NDArray[Any]]:
        """How much each of the last words counts after the first `known` ids, and after each later
        one."""
        if self._network is None:
            faded = fading(CACHE_WORDS, HALF_AFTER_ALONE)
            for length in range(known, len(own) + 1):
                yield faded[max(0, CACHE_WORDS + 1 - length) :]
            return
        oldest = max(0, known - 1 - CACHE_WORDS)
        directions = self._network.directions(own)[oldest:]  # [T, H]
        if known < len(own):  # the network may be asked for other contexts in between
            directions = directions.copy()
        faded = fading(CACHE_WORDS, HALF_AFTER)
        for begin in range(known - 1 - oldest, len(directions), CACHES_AT_ONCE):
            states = directions[begin : begin + CACHES_AT_ONCE]
            low = max(0, begin - CACHE_WORDS)
            scores = np.exp(FLATNESS * (states @ directions[low : begin + len(states)].T))
            for place, row in enumerate(scores, start=begin):
                recent = row[max(0, place - CACHE_WORDS) - low : place - low]
                yield recent * faded[len(faded) - len(recent) :]


@lru_cache
def fading(words: int, half_after: int) -> NDArray[Any]:
    """How much each of so many words counts, the oldest first."""
    return np.asarray(0.5 ** (np.arange(words)[::-1] / half_after), np.float32)


def passages_of(model: LanguageModel, ids: Sequence[int], known: int) -> list[Passage]:
    """What a model reads to predict after the first `known` ids and after each later one: all of
    them, or each line alone if it uses no previous lines."""
    if model.uses_previous_lines:
        return [Passage(ids[:known], ids[known:])]
    begins = [i for i, word in enumerate(ids) if word == model.vocabulary.begin_id]
    first = max((i for i in begins if i < known), default=0)
    ends = [*(i for i in begins if i >= known), len(ids)]
    lines = (Passage(ids[a : a + 1], ids[a + 1 : b]) for a, b in pairwise(ends))
    return [Passage(ids[first:known], ids[known : ends[0]]), *lines]


def scaled(weights: Weights) -> dict[ComponentName, float]:
    """The weights with a sum of 1, in the order of `NAMES`."""
    total = sum(weights.values()) or 1.0
    return {name: weights[name] / total for name in NAMES if name in weights}


def fit_weights(
    model: MixedModel, lines: Iterable[str], most_words: int
) -> dict[ComponentName, float]:
    """The weights of the model's components with which these lines are most likely, by at most so
    many of their words and ends."""
    found = target_probabilities(model, lines, most_words)
    prior = scaled({name: PRIOR[name] for name in model.weights})
    weights = em_weights(found, np.array(list(prior.values())))
    return dict(zip(prior, weights.tolist(), strict=True))


def target_probabilities(
    model: MixedModel, lines: Iterable[str], most_words: int
) -> NDArray[np.float64]:
    """What each component gives to each word and end of line: [N, K]. Unknown words are left out:
    a cache is good at them, and they are never suggested."""
    begin, vocabulary = model.vocabulary.begin_id, model.vocabulary
    assert begin is not None
    found: list[Any] = []
    context: list[int] = []
    for line in lines:
        words = vocabulary.encode(model.tokenizer.words(line))
        context = [*context, begin] if model.uses_previous_lines else [begin]
        for target in [*words, END_ID] if words else ():
            if len(found) == most_words:
                return np.array(found)
            if target != UNKNOWN_ID:
                found.append(model.component_probabilities(context)[:, target].astype(np.float64))
            if target != END_ID:
                context.append(target)
        if not words:
            context.pop()
    return np.array(found).reshape(-1, len(model.weights))


def em_weights(
    probabilities: NDArray[np.float64], prior: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The weights [K] of the mixture that makes a text most likely, from what each component gives
    to each of its words [N, K], with `PRIOR_WORDS` words of `prior` [K] besides."""
    weights, given = prior, probabilities[probabilities.sum(1) > 0]
    for _ in range(ITERATIONS):
        shares = weights * given  # [N, K]
        shares /= shares.sum(1, keepdims=True)
        counts = shares.sum(0) + PRIOR_WORDS * prior
        weights = counts / counts.sum()
    return weights
