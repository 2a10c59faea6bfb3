"""A mixture of models: the weighted sum of their distributions.

    p(w | context) = sum over components k of mixture_weight(k) * p_k(w | context)

The components are a network, n-grams, a base model, and a cache of recent words. The vocabulary is
the union: the words of the model itself, then those that only the base has, to which the other
components give probability 0. The cache is computed from the text and never saved.

Shapes: K components, U ids of the union, N words of a text.

Source: the mixture weights by expectation-maximisation, F. Jelinek and R. Mercer, 1980.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, repeat
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.lm.causal import CausalModel
from rnnlm_tui.lm.model import MAX_WORDS, READ_AT_ONCE, Array, LanguageModel, State, in_batches
from rnnlm_tui.lm.recent_words import Recent, RecentWords
from rnnlm_tui.text.excerpts import Excerpt, some_excerpts
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.tokenizers import make_tokenizer
from rnnlm_tui.text.vocabulary import END_ID, UNKNOWN_ID, Vocabulary

ComponentName: TypeAlias = Literal["network", "ngrams", "base", "cache"]
MixtureWeights: TypeAlias = Mapping[ComponentName, float]
"""The weight of each component; they sum to 1."""
NAMES: tuple[ComponentName, ...] = ("network", "ngrams", "base", "cache")
LABELS: Mapping[ComponentName, str] = MappingProxyType(
    {"network": "network", "ngrams": "n-grams", "base": "base model", "cache": "recent words"}
)

AT_ONCE = 128
"""States after which the components predict together."""
PRIOR: MixtureWeights = MappingProxyType(
    {"network": 0.5, "ngrams": 0.2, "base": 0.4, "cache": 0.05}
)
"""The default mixture weights before they are normalized, and the prior of fitted ones."""
PRIOR_WORDS = 20
"""The weight of the prior in fitting, as a number of words."""
ADAPTED_TO, FITTED_WORDS = 500, 100
"""The last written words that the weights are adapted to, and the weight of the fitted ones beside
them, as a number of words. On prose this saves 0.001 to 0.006 nats a word, on pages that repeat
themselves 0.2; with 1,000 and 2,000 words it is the same."""
FEWEST_WORDS, MAX_FITTED = 250, 2_000
"""Mixture weights are not fitted to fewer held-out words, nor to many more than the second number.
Fitted to any 250 words of three texts they were better than the default ones on the rest, by 0.01
to 0.05 nats a word; fitted to 125 not always. A word takes half a millisecond with a large base."""
ITERATIONS = 50


class MixedState(NamedTuple):
    """The states of the models, and of the cache."""

    models: tuple[State, ...]
    recent: Recent


class MixedModel(LanguageModel):
    """A mixture of language models."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        models: Mapping[ComponentName, LanguageModel],
        mixture_weights: MixtureWeights = PRIOR,
    ) -> None:
        """`models` must have a network or n-grams, or both with the same vocabulary; a `base` may
        have another one. There is a cache if it has a mixture weight; those of missing models
        are ignored."""
        self.models = {name: models[name] for name in NAMES if name in models}
        self._has_cache = "cache" in mixture_weights
        present = {name: mixture_weights.get(name, 0.0) for name in self.models}
        if self._has_cache:
            present["cache"] = mixture_weights["cache"]
        self.mixture_weights = normalize(present)
        self.tokenizer, self.window = tokenizer, MAX_WORDS
        own = next(model for name, model in self.models.items() if name != "base")
        self.own_vocabulary = self.vocabulary = own.vocabulary
        self.excluded_ids = own.excluded_ids
        self._from_base: NDArray[np.int64] | None = None
        if "base" in models:
            self._add_words(models["base"])
        self.uses_previous_lines = self._has_cache or any(
            model.uses_previous_lines for model in self.models.values()
        )
        network = models.get("network")
        self._network = network if isinstance(network, CausalModel) else None
        key_size = self._network.key_size if self._network else 0
        self._cache = RecentWords(self.vocabulary.total_words, key_size)
        starts = tuple(model.start for model in self.models.values())
        self.start = MixedState(starts, self._cache.start)

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

    def start_below(self, ids: Sequence[int]) -> MixedState:
        """The state before a text below others, of which the cache remembers these ids."""
        start: MixedState = self.start
        if not self._has_cache:
            return start
        recent, own_ids = Recent(), self.own_ids(ids)
        last: State = self._network.start if self._network else None
        for begin in range(0, len(ids), READ_AT_ONCE):  # the other parts are not read
            read = slice(begin, begin + READ_AT_ONCE)
            queries = np.empty((len(ids[read]), 0), np.float32)
            if self._network:
                states = self._network.advance(last, own_ids[read])
                last, queries = states[-1], self._network.keys(states)
            recent = self._cache.advance(recent, ids[read], queries)[-1]
        return MixedState(start.models, recent._replace(query=None))

    def advance(self, state: MixedState, ids: Sequence[int]) -> list[MixedState]:
        if not ids:
            return []
        own_ids = self.own_ids(ids)
        columns = [
            model.advance(part, [self._to_base[i] for i in ids] if name == "base" else own_ids)
            for (name, model), part in zip(self.models.items(), state.models, strict=True)
        ]
        recents: Iterable[Recent] = repeat(state.recent, len(ids))
        if self._has_cache:
            queries = np.empty((len(ids), 0), np.float32)
            if self._network:
                queries = self._network.keys(columns[0])
            recents = self._cache.advance(state.recent, ids, queries)
        parts = zip(*columns, strict=True)
        return [MixedState(*both) for both in zip(parts, recents, strict=True)]

    def predict(self, states: Iterable[MixedState]) -> Iterator[Array]:
        for batch in in_batches(states, AT_ONCE):
            for state, components in zip(batch, self.predict_components(batch), strict=True):
                vector = np.array(list(self.weights_in(state).values()), np.float32)
                yield np.asarray(vector @ components)

    def weights_in(self, state: MixedState) -> dict[ComponentName, float]:
        """The weight of each component in a state, that of the cache by the words in it."""
        weights = dict(self.mixture_weights)
        if self._has_cache:
            weights["cache"] *= state.recent.fullness
        return normalize(weights)

    def contributions(
        self, state: MixedState, number: int, probability: float
    ) -> dict[ComponentName, float]:
        """What each component contributes to the `probability` of an id after a state. The largest
        model is not asked, which would take as long as a prediction: it contributes the rest."""
        largest: ComponentName = "base" if "base" in self.models else next(iter(self.models))
        predicted: dict[ComponentName, Iterator[Array]] = {
            name: model.predict([part])
            for (name, model), part in zip(self.models.items(), state.models, strict=True)
            if name != largest
        }
        if self._has_cache:
            predicted["cache"] = self._cache.predict([state.recent])
        weights, found = self.weights_in(state), dict[ComponentName, float]()
        for name, (row,) in predicted.items():
            found[name] = weights[name] * float(row[number]) if number < len(row) else 0.0
        return {largest: max(0.0, probability - sum(found.values())), **found}

    def predict_components(self, states: Sequence[MixedState]) -> Iterator[Array]:
        """Yields the distribution of each component after each state [K, U], in the order of
        `mixture_weights`. That of the cache is zero at the start of a text. An array is valid until
        the next one."""
        columns = [
            model.predict([state.models[number] for state in states])
            for number, model in enumerate(self.models.values())
        ]
        if self._has_cache:
            columns.append(self._cache.predict([state.recent for state in states]))
        rows = np.zeros((len(columns), self.vocabulary.total_words), np.float32)
        for distributions in zip(*columns, strict=True):
            for row, probabilities, name in zip(
                rows, distributions, self.mixture_weights, strict=True
            ):
                if name == "base" and self._from_base is not None:
                    row[self._from_base] = probabilities
                else:
                    row[: len(probabilities)] = probabilities
            yield rows

    def own_ids(self, ids: Sequence[int]) -> Sequence[int]:
        """The ids with words that only the base has replaced by the unknown word."""
        if self._from_base is None:
            return ids
        own_words = self.own_vocabulary.total_words
        return [i if i < own_words else UNKNOWN_ID for i in ids]


def normalize(mixture_weights: MixtureWeights) -> dict[ComponentName, float]:
    """Mixture weights divided by their sum, in the order of `NAMES`."""
    total = sum(mixture_weights.values()) or 1.0
    return {name: mixture_weights[name] / total for name in NAMES if name in mixture_weights}


class Fit(NamedTuple):
    """The mixture weights that fit all excerpts, and those that fit each half of them."""

    mixture_weights: dict[ComponentName, float]
    of_halves: tuple[dict[ComponentName, float], dict[ComponentName, float]]


def fit_mixture_weights(
    model: MixedModel, excerpts: Sequence[Excerpt], most_words: int
) -> Fit | None:
    """The mixture weights that maximise the likelihood of the excerpts, or of a sample of about
    `most_words` words. None if they have fewer words than FEWEST_WORDS."""
    lines = (line for excerpt in excerpts for line in excerpt.lines)
    counts = accumulate(len(model.tokenizer.words(line)) for line in lines)
    if not any(count >= FEWEST_WORDS for count in counts):
        return None
    sample = some_excerpts(excerpts, most_words)
    halves = [[each for each in sample if each.half == number] for number in range(2)]
    first, second = (targets_of_excerpts(model, half) for half in halves)
    prior = normalize({name: PRIOR[name] for name in model.mixture_weights})

    def fit(targets: Targets) -> dict[ComponentName, float]:
        vector = em_mixture_weights(targets, np.array(list(prior.values())))
        return dict(zip(prior, vector.tolist(), strict=True))

    return Fit(fit(joined(first, second)), (fit(first), fit(second)))


def cross_fit(model: LanguageModel, fit: Fit | None) -> tuple[LanguageModel, LanguageModel]:
    """The models to measure each half of the excerpts with: their mixture weights fit the other
    half, so that no line had a part in choosing those that it is measured with. A model that is not
    mixed or was not fitted measures both halves itself."""
    if fit is None or not isinstance(model, MixedModel):
        return model, model
    of_first, of_second = (
        MixedModel(model.tokenizer, model.models, half) for half in fit.of_halves
    )
    return of_second, of_first


class Targets(NamedTuple):
    """The words and ends of lines of a text that the components predict: the `probabilities` that
    each component gives them [N, K], and the `shares` of the weights that each has there [N, K]:
    1, but for a cache that is not full."""

    probabilities: NDArray[np.float64]
    shares: NDArray[np.float64]


def joined(*targets: Targets) -> Targets:
    return Targets(*(np.concatenate(arrays) for arrays in zip(*targets, strict=True)))


def targets_of(model: MixedModel, states: Iterable[MixedState], targets: Iterable[int]) -> Targets:
    """The probabilities of these `targets`, each after its state, by each component. Unknown words
    are left out: a cache predicts them well, but they are never suggested."""
    ids, names = iter(targets), list(model.mixture_weights)
    probabilities, shares = list[Array](), list[list[float]]()
    for batch in in_batches(states, AT_ONCE):
        for state, rows in zip(batch, model.predict_components(batch), strict=True):
            if (target := next(ids)) != UNKNOWN_ID:
                probabilities.append(rows[:, target].copy())
                fullness = state.recent.fullness
                shares.append([fullness if name == "cache" else 1.0 for name in names])
    shape = -1, len(names)
    return Targets(
        np.array(probabilities, np.float64).reshape(shape), np.array(shares).reshape(shape)
    )


def targets_of_excerpts(model: MixedModel, excerpts: Iterable[Excerpt]) -> Targets:
    """The words and ends of lines of the excerpts."""
    begin = model.vocabulary.begin_id
    assert begin is not None
    found = [targets_of(model, (), ())]
    for above, lines, _ in excerpts:
        before, measured = (_ids_of_lines(model, begin, part) for part in (above, lines))
        # What precedes the start of a line is predicted to end the line before.
        targets = [*(END_ID if i == begin else i for i in measured[1:]), END_ID]
        states = model.read(model.state_after(model.start, before), measured)
        found.append(targets_of(model, states, targets))
    return joined(*found)


def _ids_of_lines(model: MixedModel, begin: int, lines: Iterable[str]) -> list[int]:
    """The ids of the lines that have words, each with the id that starts a line."""
    words = (model.vocabulary.encode(model.tokenizer.words(line)) for line in lines)
    return [i for of_line in words if of_line for i in (begin, *of_line)]


def em_mixture_weights(
    targets: Targets, prior: NDArray[np.float64], prior_words: float = PRIOR_WORDS
) -> NDArray[np.float64]:
    """The mixture weights [K] that maximise the likelihood of the targets, with a `prior` [K] that
    counts as `prior_words` words. The words that a component accounts for are divided by those for
    which it had its weight."""
    predicted = targets.probabilities.sum(1) > 0
    probabilities, shares = targets.probabilities[predicted], targets.shares[predicted]
    mixture_weights = prior
    for _ in range(ITERATIONS):
        responsibilities = mixture_weights * shares * probabilities  # [N, K]
        responsibilities /= responsibilities.sum(1, keepdims=True)
        counts = responsibilities.sum(0) + prior_words * prior
        mixture_weights = counts / (shares.sum(0) + prior_words)
        mixture_weights = mixture_weights / mixture_weights.sum()
    return mixture_weights


class Adapting:
    """Adapts the mixture weights of a model to what is written: of `model`, a copy, they change."""

    def __init__(self, model: MixedModel) -> None:
        self.model = copy.copy(model)
        self._fitted = np.array([*model.mixture_weights.values()])
        self._last = targets_of(model, (), ())

    def learn(self, states: Sequence[MixedState], targets: Sequence[int]) -> None:
        """Adapts the weights to these words and the end of their line, each after its state."""
        last = joined(self._last, targets_of(self.model, states, targets))
        self._last = Targets(*(array[-ADAPTED_TO:] for array in last))
        adapted = em_mixture_weights(self._last, self._fitted, FITTED_WORDS)
        names = self.model.mixture_weights
        self.model.mixture_weights = dict(zip(names, adapted.tolist(), strict=True))
