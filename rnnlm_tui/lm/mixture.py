"""A mixture of models: the weighted sum of their distributions.

    p(w | context) = sum over components k of mixture_weight(k) * p_k(w | context)

The components are a network, n-grams, a base model, and a cache of recent words. The vocabulary is
a union. The words of the network and the n-grams come first, and then the words that only the base
has. The network and the n-grams give the latter a probability of 0. The cache is computed from the
text and never saved.

Shapes: K components, the last of which is the cache; U ids of the union, N words of a text.

Source: the mixture weights by expectation-maximisation, F. Jelinek and R. Mercer, 1980.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import compress
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.lm.causal import CausalModel
from rnnlm_tui.lm.model import READ_AT_ONCE, Array, LanguageModel, State, in_batches
from rnnlm_tui.lm.recent_words import Recent, RecentWords
from rnnlm_tui.text.held_out import Excerpt
from rnnlm_tui.text.tokenizers import make_tokenizer
from rnnlm_tui.text.vocabulary import BEGIN_ID, END_ID, UNKNOWN_ID, Vocabulary

ComponentName: TypeAlias = Literal["network", "ngrams", "base", "cache"]
MixtureWeights: TypeAlias = Mapping[ComponentName, float]
"""The weight of each component; they sum to 1."""
LABELS: Mapping[ComponentName, str] = MappingProxyType(
    {"network": "network", "ngrams": "n-grams", "base": "base model", "cache": "recent words"}
)

PRIOR: MixtureWeights = MappingProxyType(
    {"network": 0.5, "ngrams": 0.2, "base": 0.4, "cache": 0.05}
)
"""The default mixture weights before they are normalized, in the order of the components. A fit
starts from them and treats them as PRIOR_WORDS words."""
BESIDE_BASE: MixtureWeights = MappingProxyType({**PRIOR, "ngrams": 0.03, "cache": 0.1})
"""The default mixture weights of a network and a base together, to which the n-grams of a short
text add little. On four of five texts they cost 0.05 to 0.10 nats a word less than PRIOR, and on
the fifth, 2,000 words of licences, 0.01 more. On 2,000 words of letters, too few to fit weights, a
model with them costs as much as `english` alone, and one with PRIOR 0.10 nats a word more."""
PRIOR_WORDS = 20
"""The weight of the prior in a fit, as a number of words."""
FEWEST_FITTED = 250
"""The fewest held-out words and ends of lines to which mixture weights are fitted. On three texts
all weights fitted to 250 words were 0.01 to 0.05 nats a word better on the rest than the default
weights. Some fitted to 125 words were worse."""
ITERATIONS = 50
"""The steps of expectation-maximisation."""


class MixedState(NamedTuple):
    """The state of a mixture."""

    models: tuple[State, ...]
    """The state of each component but the cache."""
    recent: Recent
    """The state of the cache."""


class MixedModel(LanguageModel):
    """A mixture of language models and a cache."""

    uses_lines_above = True

    def __init__(
        self,
        models: Mapping[ComponentName, LanguageModel],
        mixture_weights: MixtureWeights | None = None,
    ) -> None:
        """`models` must have a network or n-grams. If it has both, their vocabularies and their
        blocked words must be the same. Those of the `base` may differ. Mixture weights of missing
        models are ignored. By default all are those of `default_weights`."""
        self.models = {name: models[name] for name in PRIOR if name in models}
        names: tuple[ComponentName, ...] = (*self.models, "cache")
        self.mixture_weights = default_weights(names)
        if mixture_weights is not None:
            self.mixture_weights = normalize({n: mixture_weights.get(n, 0.0) for n in names})
        self._own = own = next(iter(self.models.values()))  # the network, or else the n-grams
        super().__init__(own.vocabulary, own.tokenizer)
        self.blocked_ids = own.blocked_ids
        self._places: dict[ComponentName, slice | NDArray[np.int64]] = dict.fromkeys(
            names, slice(own.vocabulary.total_words)
        )
        """For each component, the places of its ids among the U ids of the union."""
        self._places["cache"] = slice(None)
        if "base" in models:
            self._places["base"] = self._add_words(models["base"])
        self.cache = RecentWords(
            self.vocabulary.total_words, own if isinstance(own, CausalModel) else None
        )
        starts = tuple(model.start for model in self.models.values())
        self.start = MixedState(starts, self.cache.start)

    def _add_words(self, base: LanguageModel) -> NDArray[np.int64]:
        """Extends the vocabulary by the words of the base. Returns for each id of the base its id
        in the union. A blocked word of the base stays blocked unless the own vocabulary has it."""
        own, of_base = self._own.vocabulary, base.vocabulary
        word_ids = own.ids(of_base.words)
        is_new = word_ids == UNKNOWN_ID
        if is_new.any():
            words = [*own.words, *compress(of_base.words, is_new)]
            self.vocabulary = union = Vocabulary(words, own.special_tokens)
            self.tokenizer = make_tokenizer(self.tokenizer.name, self.tokenizer.conventions, union)
            word_ids[is_new] = range(own.total_words, union.total_words)
        union_ids: NDArray[np.int64] = np.append(np.arange(of_base.first_word_id), word_ids)
        # For each id of the union its id in the base.
        self._to_base = np.full(self.vocabulary.total_words, UNKNOWN_ID)
        self._to_base[union_ids] = np.arange(of_base.total_words)
        blocked = union_ids[[*base.blocked_ids]].tolist()
        self.blocked_ids += tuple(word_id for word_id in blocked if word_id >= own.total_words)
        return union_ids

    def start_below(self, ids: Iterable[int]) -> MixedState:
        """Returns the state before a text. The cache remembers the `ids` of earlier texts."""
        recent, state = self.cache.start, self._own.start
        for batch in in_batches(ids, READ_AT_ONCE):
            states = self._own.advance(state, self.own_ids(batch))
            state = states[-1]
            recent = self.cache.advance(recent, batch, states)[-1]
        # No key of the earlier texts is that of the first word of the text.
        return MixedState(self.start.models, recent._replace(query=None))

    def advance(self, state: MixedState, ids: Sequence[int]) -> list[MixedState]:
        own_ids = self.own_ids(ids)
        columns = [
            model.advance(part, self._to_base[[*ids]].tolist() if name == "base" else own_ids)
            for (name, model), part in zip(self.models.items(), state.models, strict=True)
        ]
        own_states, *_ = columns
        recents = self.cache.advance(state.recent, ids, own_states)
        models = zip(*columns, strict=True)
        return [MixedState(*both) for both in zip(models, recents, strict=True)]

    def predict(self, states: Iterable[MixedState], *, bounds: bool = False) -> Iterator[Array]:
        for batch in in_batches(states, READ_AT_ONCE):
            rows = self.predict_components(batch, bounds=bounds)
            for state, components in zip(batch, rows, strict=True):
                vector = np.array(list(self.weights_in(state).values()), np.float32)
                yield np.asarray(vector @ components)

    def weights_in(self, state: MixedState) -> dict[ComponentName, float]:
        """Returns the weight of each component in a state. A cache with more words weighs more."""
        weights = dict(self.mixture_weights)
        weights["cache"] *= state.recent.fullness
        return normalize(weights)

    @cached_property
    def in_tail(self) -> NDArray[np.bool_]:
        in_tail = np.zeros(self.vocabulary.total_words, np.bool_)
        for name, model in self.models.items():
            in_tail[self._places[name]] |= model.in_tail
        return in_tail

    def predict_components(
        self, states: Sequence[MixedState], *, bounds: bool = False
    ) -> Iterator[Array]:
        """Yields the distributions of the components [K, U] after each state, in the order of
        `mixture_weights`. While the cache is empty, its row is 0. An array is valid until the next
        one is yielded."""
        columns = [
            model.predict([state.models[number] for state in states], bounds=bounds)
            for number, model in enumerate(self.models.values())
        ]
        columns.append(self.cache.predict([state.recent for state in states]))
        rows = np.zeros((len(columns), self.vocabulary.total_words), np.float32)
        for distributions in zip(*columns, strict=True):
            for row, place, values in zip(rows, self._places.values(), distributions, strict=True):
                row[place] = values
            yield rows

    def own_ids(self, ids: Sequence[int]) -> Sequence[int]:
        """Returns the ids. Words that only the base has are replaced by the unknown word."""
        total_words = self._own.vocabulary.total_words
        return [word_id if word_id < total_words else UNKNOWN_ID for word_id in ids]


def normalize(mixture_weights: MixtureWeights) -> dict[ComponentName, float]:
    """Returns the mixture weights divided by their sum, in the order of the components."""
    total = sum(mixture_weights.values()) or 1.0
    return {name: mixture_weights[name] / total for name in PRIOR if name in mixture_weights}


def default_weights(names: Collection[ComponentName]) -> dict[ComponentName, float]:
    """The mixture weights of these components if none are fitted."""
    weights = BESIDE_BASE if "network" in names and "base" in names else PRIOR
    return normalize({name: weights[name] for name in names})


def fit_mixture_weights(
    model: MixedModel, excerpts: Iterable[Excerpt]
) -> dict[ComponentName, float] | None:
    """Returns the mixture weights that maximise the likelihood of the excerpts, or None if these
    have fewer words than FEWEST_FITTED."""
    prior = default_weights(model.mixture_weights)
    probabilities, fullness = probabilities_in(model, excerpts)
    if len(probabilities) < FEWEST_FITTED:
        return None
    vector = em_mixture_weights(probabilities, fullness, np.array([*prior.values()]))
    return dict(zip(prior, vector.tolist(), strict=True))


def probabilities_in(
    model: MixedModel, excerpts: Iterable[Excerpt]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the probability that each component gives each word and end of line of the excerpts
    [N, K], and the fullness of the cache there [N]. Unknown words are left out, because they are
    never suggested and a cache predicts them well."""

    def encode(lines: Iterable[str]) -> list[int]:
        ids = (model.vocabulary.encode(model.tokenizer.words(line)) for line in lines)
        return [word_id for of_line in ids if of_line for word_id in (BEGIN_ID, *of_line)]

    found, fullness = list[list[float]](), list[float]()
    for above, lines in excerpts:
        ids = encode(lines)
        states = [*model.read(model.state_after(model.start, encode(above)), ids)]
        # After each id the model predicts the next one, and the end of a line before a start.
        next_ids = [*ids, BEGIN_ID][1:]
        targets = (END_ID if word_id == BEGIN_ID else word_id for word_id in next_ids)
        components = model.predict_components(states)
        for state, target, rows in zip(states, targets, components, strict=True):
            if target != UNKNOWN_ID:
                found.append(rows[:, target].tolist())
                fullness.append(state.recent.fullness)
    return np.reshape(found, (-1, len(model.mixture_weights))), np.array(fullness)


def em_mixture_weights(
    probabilities: NDArray[np.float64], fullness: NDArray[np.float64], prior: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Returns the mixture weights [K] that maximise the likelihood of N words.

    `probabilities` [N, K] and `fullness` [N] are those of `probabilities_in`. The `prior` [K]
    counts as PRIOR_WORDS words. A weight is the expected number of words that come from the
    component, divided by the number of all words. For the cache a word counts less while the cache
    is not full. A word to which all components give 0 does not count.
    """
    is_possible = probabilities.any(1)
    probabilities = probabilities[is_possible]
    # A component has its whole weight at each word, but a cache only the share of its fullness.
    shares = np.ones_like(probabilities)
    shares[:, -1] = fullness[is_possible]
    mixture_weights = prior
    for _ in range(ITERATIONS):
        responsibilities = mixture_weights * shares * probabilities  # [N, K]
        responsibilities /= responsibilities.sum(1, keepdims=True)
        counts = responsibilities.sum(0) + PRIOR_WORDS * prior
        mixture_weights = counts / (shares.sum(0) + PRIOR_WORDS)
        mixture_weights = mixture_weights / mixture_weights.sum()
    return mixture_weights
