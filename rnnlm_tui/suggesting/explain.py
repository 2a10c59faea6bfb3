"""Explains what a model does with the line being typed.

A mixture has several parts, and every other model has one. A part has stages, which lead from words
to probabilities (`lm.stages`). An explanation also gives three kinds of figures: the contribution
of each part to each suggestion, the influence of each word of the line on each suggestion, and the
surprisal of each word.

Shapes: S suggestions, V vocabulary (`total_words`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from itertools import chain
from typing import NamedTuple

import numpy as np

from rnnlm_tui.formatting import plural
from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.lm.lesson import LessonModel
from rnnlm_tui.lm.mixture import LABELS, MixedModel
from rnnlm_tui.lm.model import SMALLEST_FLOAT, Array, LanguageModel, NetworkModel, State
from rnnlm_tui.lm.ngram import NgramModel
from rnnlm_tui.lm.page_words import OnPage
from rnnlm_tui.lm.stages import (
    TOKEN_LABELS,
    TOP_WORDS,
    LineIds,
    Stage,
    compared,
    stages_of,
    top_words,
)
from rnnlm_tui.notebook import heat, table
from rnnlm_tui.suggesting.accepting import Suggestion
from rnnlm_tui.suggesting.evaluate import score_word
from rnnlm_tui.suggesting.suggest import Typed, encode_context, suggest
from rnnlm_tui.text.vocabulary import UNKNOWN_ID

MOST_WORDS = 256
"""The most words of a line that are explained. Words nearest the cursor are taken."""
MOST_LEFT_OUT = 16
"""The most words whose influence is computed. Words nearest the cursor are taken, and the model
predicts once without each of them."""
NEIGHBOURS = 5
"""The most words with a similar embedding that are named."""
SENTENCES_WITHOUT_STAGES = {
    "base": "The built-in model that this one is built on, which can be explained by its own name."
    " Here is the probability that it gives each word to be next.",
    "cache": "Words that were used not long ago are used again. The latest ones are likelier, and"
    " so are words before which the network was in a state like the present one.",
}
"""The sentences on the base and the cache, the parts of a mixture without stages of their own."""
LESSON = "lesson's network"
"""The name of the only part of the lesson's model."""
ONLY_ZEROS = "The network reads only zeros, which it never read in its training."
NO_RECENT_WORDS = "No word was used yet that could be used again."
AFTER_NAME = (
    "These words followed the name before the cursor earlier. They take {share:.1%} of the"
    " probability from all other words."
)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A part of a model.

    Attributes:
        weight: Its weight in the mixture. It is 1 if the model has no other part.
        probabilities: The probability that the part gives to each suggestion [S].
    """

    name: str
    weight: float
    probabilities: Array
    stages: tuple[Stage, ...] = field(repr=False)

    @property
    def contributions(self) -> Array:
        """The contribution of the part to the probability of each suggestion [S]. The contributions
        of all parts sum to the probabilities of the model."""
        return np.asarray(self.weight * self.probabilities, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class LineWord:
    """A word of the line.

    Attributes:
        known: True if the word is in the vocabulary.
        seen: True if the model predicts from the word: the word is in the window and has an id,
            which may be the id of the unknown word.
        probability, rank: The fields of its `ScoredWord`.
        influence: The loss of probability of each suggestion [S] when this word is left out. None
            for words far from the cursor.
    """

    word: str
    known: bool
    seen: bool
    probability: float | None
    rank: int | None
    influence: Array | None

    @property
    def bits(self) -> float | None:
        """The surprisal: -log2 of the probability. None if the model does not predict the word."""
        return None if self.probability is None else -math.log2(self.probability)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Explanation:
    """The explanation of what a model does with a line.

    Attributes:
        prefix: The beginning of the word being typed, or "".
        words: The last whole words of the line, at most MOST_WORDS.
        earlier: The number of words of the line before `words`.
        suggestions: The candidates of `suggest`.
        probabilities: The probability of each suggestion among all words [S]. The new words of the
            page, which the vocabulary does not have, share that of the unknown word.
        parts: The parts of the model.
        neighbours: Maps the last known word to its `neighbours`. Empty if it has none.
        notes: Sentences on what cannot be shown.
    """

    prefix: str
    words: tuple[LineWord, ...]
    earlier: int
    suggestions: tuple[Suggestion, ...]
    probabilities: Array
    parts: tuple[Part, ...]
    neighbours: Mapping[str, tuple[tuple[str, float], ...]]
    notes: tuple[str, ...]

    @property
    def parts_and_mixture(self) -> tuple[Part, ...]:
        """The parts. If there are several, their mixture follows as one more part."""
        if len(self.parts) == 1:
            return self.parts
        weighted = " + ".join(f"{part.weight:.2g} {part.name}" for part in self.parts)
        summed = Stage(
            "weighted sum",
            "The probability that each part gives a suggestion, times the weight of the part. The"
            " sums decide what is suggested.",
            np.stack([*(part.contributions for part in self.parts), self.probabilities]),
            (*(part.name for part in self.parts), "sum"),
            tuple(listed.word for listed in self.suggestions),
            layer="Mixture",
            formula=f"p = {weighted}",
            parameters=len(self.parts),
        )
        return (*self.parts, Part("mixture", 1.0, self.probabilities, (summed,)))

    def __repr__(self) -> str:
        first = f", suggests {self.suggestions[0].word!r}" if self.suggestions else ""
        parts = plural(len(self.parts), "part")
        return f"<Explanation of {plural(len(self.words), 'word')}{first}: {parts}>"

    def _repr_html_(self) -> str:
        """Draws the words of the line, the suggestions, and the contribution of each part."""
        figures = [self.probabilities, *(part.contributions for part in self.parts)]
        highest = float(self.probabilities.max(initial=SMALLEST_FLOAT))
        rows = (
            [escape(each.word), *(heat(f"{share:.1%}", share / highest) for share in of_word)]
            for each, of_word in zip(self.suggestions, zip(*figures, strict=True), strict=True)
        )
        listed = f'words that begin with "{self.prefix}"' if self.prefix else "the next word"
        heads = ["", "probability", *(escape(part.name) for part in self.parts)]
        suggestions = table(f"{listed}, of all words", rows, heads)
        return self._influences_in_html() + suggestions + escape(" ".join(self.notes))

    def _influences_in_html(self) -> str:
        """Draws the words of the line, coloured by their influence on the first suggestion."""
        if not self.suggestions or not self.words:
            return ""
        first = self.suggestions[0].word
        probability = float(self.probabilities[0]) or SMALLEST_FLOAT
        title = f"which words made {first!r} likely (blue) or less likely (orange)"
        words = (
            heat(word.word, 0 if word.influence is None else word.influence[0] / probability)
            for word in self.words
        )
        return f"<b>{escape(title)}</b><div>{' '.join(words)}</div>"


def explain(
    model: LanguageModel,
    line: str,
    above: Sequence[str] = (),
    contexts: Contexts | None = None,
) -> Explanation:
    """Explains what `model` does with `line`. The arguments are the same as in `suggest`."""
    contexts = contexts or Contexts(model)
    answer = suggest(model, line, above=above, contexts=contexts)
    typed = Typed.of(line, model.tokenizer)
    words, prefix = typed.words, typed.prefix
    on_page = contexts.on_page((*above, typed.start))
    page = _Page.of(on_page, model, [each.word for each in answer.candidates])
    reading = _read_line(contexts, words, above, page)
    known = [each.word for each in reading.words if each.known and any(map(str.isalnum, each.word))]
    similar = neighbours(model, known[-1]) if known else ()
    return Explanation(
        prefix=prefix,
        words=reading.words,
        earlier=len(words) - len(reading.words),
        suggestions=answer.candidates,
        probabilities=page.probabilities(reading.probabilities),
        parts=_with_page([*_parts(model, reading, page)], page),
        neighbours={known[-1]: similar} if similar else {},
        notes=tuple(_notes(model, prefix, reading.words, answer.candidates)),
    )


def beside_untrained(found: Explanation, untrained: LessonModel) -> dict[str, Stage]:
    """Returns stages by name that compare the lesson's network with itself before its training.
    `found` is an explanation by the trained network, and `untrained` is the network before."""
    stages = {stage.name: stage for stage in found.parts[0].stages}
    ids = stages["ids"].values.tolist()
    values_before = untrained.activations(ids)
    values_before["softmax"] = untrained.next_word_probabilities(ids)
    return {
        name: compared(stage, values_before[name], untrained.vocabulary)
        for name, stage in stages.items()
        if stage.values.dtype.kind == "f"
    }


def neighbours(model: LanguageModel, word: str) -> tuple[tuple[str, float], ...]:
    """Returns the words whose embeddings are most similar to that of `word`, each with the cosine
    similarity. Returns () if the model has no network, or if its network does not know the word."""
    network = model.models.get("network") if isinstance(model, MixedModel) else model
    if not isinstance(network, NetworkModel) or word not in network.vocabulary:
        return ()
    vocabulary, word_id = network.vocabulary, network.vocabulary.id_by_word[word]
    similarities = network.similarities(word_id)
    similarities[: vocabulary.first_word_id] = -np.inf
    similarities[word_id] = -np.inf
    return top_words(vocabulary, similarities, min(NEIGHBOURS, len(vocabulary.words) - 1))


class _Page(NamedTuple):
    """What the text adds to the predictions of the model, as in the list of `suggest`."""

    suggested: Sequence[tuple[str, int]]
    """The suggestions, each with its id. A new word of the page is the unknown word here."""
    shares: Array
    """The share of the probability of its id that each suggestion has [S]: 1, or less for a new
    word."""
    following: Array
    """The probability of each suggestion to follow the name at the cursor [S]."""
    all_following: Mapping[str, float]
    """The same for all words that followed this name before."""

    @classmethod
    def of(cls, page: OnPage, model: LanguageModel, words: Sequence[str]) -> _Page:
        vocabulary, unknown = model.vocabulary, TOKEN_LABELS[UNKNOWN_ID]
        labels = (word if word in vocabulary else unknown for word in words)
        shares = [1 if word in vocabulary else page.new.get(word, 0) for word in words]
        following = [page.following.get(word, 0) for word in words]
        return cls(
            [*zip(labels, vocabulary.ids(words).tolist(), strict=True)],
            np.array(shares, np.float32),
            np.array(following, np.float32),
            page.following,
        )

    @property
    def ids(self) -> list[int]:
        return [word_id for _, word_id in self.suggested]

    @property
    def taken(self) -> float:
        """The probability of all words that followed the name."""
        return sum(self.all_following.values())

    def probabilities(self, distribution: Array, *, has_name: bool = True) -> Array:
        """Returns the probabilities of the suggestions [S] from the `distribution` of the model
        [V]. `has_name` is False if the name is left out."""
        of_model = self.shares * distribution[self.ids]
        return (1 - self.taken) * of_model + self.following if has_name else of_model


class _Reading(NamedTuple):
    """The states and predictions of a model that has read the last words of a line."""

    line: LineIds
    words: tuple[LineWord, ...]
    states: list[State]
    """The state before the first id of `line`, and the state after each id."""
    probabilities: Array
    """The distribution [V] of the next word."""


def _read_line(
    contexts: Contexts, words: Sequence[str], above: Sequence[str], page: _Page
) -> _Reading:
    """Reads a line of `words`."""
    model, last_words = contexts.model, words[-MOST_WORDS:]
    ids_before = encode_context(model, above)
    ids_before += model.vocabulary.encode(words[: len(words) - len(last_words)])
    ids = [model.vocabulary.encode([word]) for word in last_words]  # [] for a word without an id
    has_start = model.vocabulary.begin_id is not None and len(last_words) == len(words)
    line = LineIds(tuple(last_words), tuple(each[0] if each else None for each in ids), has_start)
    before_word = [[*ids_before, *chain(*ids[:place])] for place in range(len(ids) + 1)]
    left_out = range(max(0, len(ids) - MOST_LEFT_OUT), len(ids))
    without_word = [[*before_word[place], *chain(*ids[place + 1 :])] for place in left_out]
    states = [contexts.state_after(context) for context in (*before_word, *without_word)]
    # One call for all contexts is faster. Its distributions are consumed in the same order: before
    # each word, after the last word, and without each word that is left out.
    distributions = model.predict(states)
    scores = [
        score_word(model, next(distributions), word, has_context=bool(context))
        for word, context in zip(last_words, before_word[:-1], strict=True)
    ]
    probabilities = next(distributions)
    influences: list[Array | None] = [None] * (len(last_words) - len(left_out))
    with_all = page.probabilities(probabilities)
    influences += [
        with_all - page.probabilities(other, has_name=place < len(ids) - 1)
        for place, other in zip(left_out, distributions, strict=True)
    ]
    line_words = (
        LineWord(score.word, score.is_known, seen, score.probability, score.rank, influence)
        for score, seen, influence in zip(scores, line.seen(model.window), influences, strict=True)
    )
    line_states = states[: len(before_word)]
    if has_start:  # `ids_before` ends with the start-of-line token, the first id of `line`
        line_states.insert(0, contexts.state_after(ids_before[:-1]))
    return _Reading(line, tuple(line_words), line_states, probabilities)


def _parts(model: LanguageModel, reading: _Reading, page: _Page) -> Iterator[Part]:
    """Yields the parts of the model, without what the page adds."""
    line, states, probabilities = reading.line, reading.states, reading.probabilities
    suggested, ids = page.suggested, page.ids
    if not isinstance(model, MixedModel):
        name = LABELS["ngrams" if isinstance(model, NgramModel) else "network"]
        if isinstance(model, LessonModel):
            name = LESSON
        stages = [*stages_of(model, line, states, probabilities, suggested)]
        yield Part(name, 1.0, probabilities[ids], tuple(stages))
        return
    (components,) = model.predict_components(states[-1:])
    weights = model.weights_in(states[-1]).items()
    own_ids = model.own_ids([word_id for word_id in line.ids if word_id is not None])
    own_line = line._replace(ids=tuple(own_ids))
    for place, ((name, weight), row) in enumerate(zip(weights, components, strict=True)):
        if name in SENTENCES_WITHOUT_STAGES:
            sentence, shown = SENTENCES_WITHOUT_STAGES[name], row
            if not row.any():  # the cache is empty
                sentence, shown = NO_RECENT_WORDS, row[:0]
            formula = model.cache.formula if name == "cache" else ""
            top = top_words(model.vocabulary, shown)
            stages = [Stage("probabilities", sentence, shown, top=top, formula=formula)]
        else:
            part = model.models[name]
            part_states = [state.models[place] for state in states]
            part_row = row[: part.vocabulary.total_words]
            stages = [*stages_of(part, own_line, part_states, part_row, suggested)]
        yield Part(LABELS[name], weight, row[ids], tuple(stages))


def _with_page(parts: list[Part], page: _Page) -> tuple[Part, ...]:
    """Returns the parts with what the page adds. The words that followed a name belong to the
    recent words."""
    taken, recent = page.taken, LABELS["cache"]
    parts = [
        replace(
            part, weight=(1 - taken) * part.weight, probabilities=page.shares * part.probabilities
        )
        for part in parts
    ]
    if taken:
        if parts[-1].name != recent:  # the model is no mixture
            parts.append(Part(recent, 0.0, np.zeros_like(page.shares), ()))
        cache = parts.pop()
        weight = cache.weight + taken
        following = sorted(page.all_following.items(), key=lambda item: -item[1])
        stage = Stage(
            "after the name",
            AFTER_NAME.format(share=taken),
            np.array([probability for _, probability in following], np.float32),
            top=tuple(following[:TOP_WORDS]),
        )
        probabilities = (cache.contributions + page.following) / weight
        parts.append(Part(recent, weight, probabilities, (*cache.stages, stage)))
    return tuple(parts)


def _notes(
    model: LanguageModel, prefix: str, words: Sequence[LineWord], suggestions: Sequence[Suggestion]
) -> Iterator[str]:
    """Yields sentences on what cannot be shown."""
    knows_none = not any(word.known for word in words)
    if not words:
        guesses = ": these are guesses for the first word." if suggestions else "."
        yield f"There is no whole word yet{guesses}"
    elif knows_none:
        yield "The model knows none of the words of the line."
    if knows_none and isinstance(model, LessonModel):
        yield ONLY_ZEROS
    if not suggestions:
        fits = f'begins with "{prefix}"' if prefix else "fits here"
        yield f"No word that the model knows {fits}, so nothing is suggested."
