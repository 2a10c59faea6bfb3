"""Explains what a model does with the line being typed.

A model has one part, or several if it is a mixture. Each part has its stages, from words to
probabilities (`lm.stages`). Beside them stand what each part contributes to each suggestion, how
much each word of the line does for it, and how surprising the words of the line were.

Shapes: S suggestions, V vocabulary (`total_words`).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from rnnlm_tui.accepting import Suggestion
from rnnlm_tui.evaluate import ScoredWord, score_word
from rnnlm_tui.lm.causal import CausalModel
from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.lm.lesson import LessonModel
from rnnlm_tui.lm.mixture import LABELS, MixedModel
from rnnlm_tui.lm.model import Array, LanguageModel, State
from rnnlm_tui.lm.ngram import NgramModel
from rnnlm_tui.lm.stages import Line, Stage, over_vocabulary, stages_of, top_words
from rnnlm_tui.suggest import Typed, encode_context, list_words

MOST_WORDS = 256
"""Words and start of a line that are explained, in a line of any length: those nearest the
cursor."""
MOST_LEFT_OUT = 16
"""Words that are left out one by one: those nearest the cursor."""
NEIGHBOURS = 5
OTHER_PARTS = MappingProxyType(
    {
        "base": "Another model, which learned another text; explain it by its own name. Here is"
        " the probability that it gives each word to be next.",
        "cache": "Words that were used not long ago are used again, the latest ones most, and more"
        " so those before which the network was in a state like the present one.",
    }
)
"""What the parts of a mixture do that have no stages of their own."""
ONLY_ZEROS = "The network reads only zeros, which never happened in its training."
NO_RECENT_WORDS = "No word was used yet that could be used again."


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A part of a model. `weight` is its share of the mixture, 1 for the only part.
    `probabilities` [S] are those that it gives to the suggestions."""

    name: str
    weight: float
    probabilities: Array
    stages: tuple[Stage, ...]

    @property
    def contributions(self) -> Array:
        """What this part contributes to the probability of each suggestion [S]. Those of all parts
        sum to the probabilities of the model."""
        return np.asarray(self.weight * self.probabilities, np.float32)


@dataclass(frozen=True, slots=True)
class LineWord:
    """A word of the line.

    `seen` says whether the model predicts from it: it is read, if only as an unknown word, and has
    not fallen out of the window. `probability` and `rank` are those of `ScoredWord`, after the
    words before it. `influence` says for each suggestion how much its probability falls if this
    word is left out; None for words far from the cursor.
    """

    word: str
    known: bool
    seen: bool
    probability: float | None
    rank: int | None
    influence: tuple[float, ...] | None

    @property
    def bits(self) -> float | None:
        """The surprisal: -log2 of the probability. None if the model does not predict the word."""
        return None if self.probability is None else -math.log2(self.probability)


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """What a model does with the text before the cursor.

    `words` are its whole words without the first ones of a very long line, whose number is
    `earlier`; `prefix` is the beginning of the word being typed. `suggestions` are those of
    `suggest`, with their shares among all words that fit. `probabilities` [S] are those that the
    model gives them among all words, to one that it does not know that of the unknown word.
    `notes` say of what there is nothing to show.
    """

    prefix: str
    words: tuple[LineWord, ...]
    earlier: int
    suggestions: tuple[Suggestion, ...]
    probabilities: Array
    parts: tuple[Part, ...]
    notes: tuple[str, ...]


def explain(
    model: LanguageModel,
    line: str,
    cursor: int | None = None,
    previous_lines: Sequence[str] = (),
    contexts: Contexts | None = None,
) -> Explanation:
    """Explains what `model` does with `line` up to `cursor` (None is the end of the line), and why
    it suggests what it does. The arguments are those of `suggest`."""
    cursor = len(line) if cursor is None else max(0, min(cursor, len(line)))
    tokenizer = model.tokenizer.in_style_of(line[:cursor], previous_lines)
    typed = Typed.of(line[:cursor], tokenizer)
    contexts = contexts or Contexts(model)
    read = _Read(contexts, typed.words, previous_lines)
    scores, probabilities = read.scores()
    listed = list_words(
        contexts, tokenizer, typed, line[cursor:], previous_lines, probabilities
    ).candidates
    words = [each.word for each in listed]
    ids = model.vocabulary.ids(words).tolist()
    falls = read.falls(probabilities, ids)
    line_words = tuple(
        LineWord(score.word, score.is_known, is_seen, score.probability, score.rank, fall)
        for score, is_seen, fall in zip(scores, read.seen(), falls, strict=True)
    )
    suggested = [*zip(words, ids, strict=True)]
    return Explanation(
        prefix=typed.prefix,
        words=line_words,
        earlier=len(typed.words) - len(line_words),
        suggestions=listed,
        probabilities=probabilities[ids],
        parts=tuple(_parts(model, read, probabilities, suggested)),
        notes=tuple(_notes(model, typed.prefix, line_words, listed)),
    )


def neighbours(
    model: LanguageModel, word: str, count: int = NEIGHBOURS
) -> tuple[tuple[str, float], ...]:
    """The words whose embeddings are most like that of `word`, with the cosine. Empty if the
    model has no network, or its network does not know the word."""
    network = model.models.get("network") if isinstance(model, MixedModel) else model
    if not isinstance(network, LessonModel | CausalModel) or word not in network.vocabulary:
        return ()
    vocabulary, number = network.vocabulary, network.vocabulary.ranks[word]
    similarities = network.similarities(number)
    similarities[[number, *vocabulary.excluded_ids]] = -np.inf
    return top_words(vocabulary, similarities, min(count, len(vocabulary.words) - 1))


class _Read:
    """The line as the model reads it."""

    def __init__(
        self, contexts: Contexts, words: Sequence[str], previous_lines: Sequence[str]
    ) -> None:
        self._model = model = contexts.model
        vocabulary = model.vocabulary
        self._context = encode_context(model, words, previous_lines)
        self._has_begin = vocabulary.begin_id is not None
        of_line = len(vocabulary.encode(words)) + self._has_begin
        self._first = len(self._context) - min(MOST_WORDS, of_line)
        """The place in the context of the first id that is explained."""
        self._has_start = self._has_begin and of_line <= MOST_WORDS
        before = contexts.state_after(self._context[: self._first])
        self.states: list[State] = [before, *model.read(before, self._context[self._first :])]
        """The states before each explained id, and after all of them."""
        self._words, self._ids, self._places = list[str](), list[int | None](), list[int]()
        """The explained words, their ids (None for one that is left out), and the places of their
        ids in the context; one that is left out has the place of the next."""
        place = len(self._context) - of_line + self._has_begin
        for word in words:
            ids = vocabulary.encode([word])
            if place >= self._first:
                self._words.append(word)
                self._ids.append(ids[0] if ids else None)
                self._places.append(place)
            place += len(ids)
        self._far = max(0, len(self._words) - MOST_LEFT_OUT)
        """The number of words too far from the cursor to be left out."""
        without = [
            model.state_after(self.states[place - self._first], self._context[place + 1 :])
            for place, number in zip(self._places[self._far :], self._ids[self._far :], strict=True)
            if number is not None
        ]
        self._distributions = model.predict([*self.states, *without])
        """Those in the `states`, then those without each word: all together, which is faster."""

    def line(self, own_ids: Callable[[Sequence[int]], Sequence[int]] | None = None) -> Line:
        """The explained words with their ids, or with the `own_ids` of a part of a mixture, which
        reads all words."""
        ids: Sequence[int | None] = self._ids
        if own_ids is not None:
            ids = own_ids([number for number in self._ids if number is not None])
        return Line(tuple(self._words), tuple(ids), self._has_start)

    def seen(self) -> list[bool]:
        """For each word whether the model predicts from it."""
        begin = len(self._context) - self._model.window
        places = zip(self._places, self._ids, strict=True)
        return [place >= begin and number is not None for place, number in places]

    def scores(self) -> tuple[list[ScoredWord], Array]:
        """The scores of the words, and the distribution [V] after the last of them."""
        words_at = defaultdict[int, list[str]](list)
        for place, word in zip(self._places, self._words, strict=True):
            words_at[place].append(word)
        scores, probabilities = list[ScoredWord](), np.empty(0, np.float32)
        for place in range(self._first, len(self._context) + 1):
            probabilities, has_context = next(self._distributions), self._has_begin or place > 0
            for word in words_at[place]:
                scores.append(score_word(self._model, probabilities, word, has_context=has_context))
        return scores, probabilities

    def falls(self, probabilities: Array, ids: Sequence[int]) -> Iterator[tuple[float, ...] | None]:
        """Yields for each word how much the `probabilities` [V] of these ids fall without it; None
        for words far from the cursor. To be called after `scores`."""
        yield from [None] * self._far
        for number in self._ids[self._far :]:
            without = probabilities if number is None else next(self._distributions)
            yield tuple((probabilities[ids] - without[ids]).tolist())


def _parts(
    model: LanguageModel,
    read: _Read,
    probabilities: Array,
    suggested: Sequence[tuple[str, int]],
) -> Iterator[Part]:
    """The parts of the model. `probabilities` [V] are those of the next word, `suggested` are words
    and their ids."""
    last, ids = read.states[-1], [number for _, number in suggested]
    if not isinstance(model, MixedModel):
        name = LABELS["ngrams" if isinstance(model, NgramModel) else "network"]
        stages = stages_of(model, read.line(), read.states, probabilities, suggested)
        yield Part(name, 1.0, probabilities[ids], tuple(stages))
        return
    (components,) = model.predict_components([last])
    weights = model.weights_in(last).items()
    for number, ((name, weight), row) in enumerate(zip(weights, components, strict=True)):
        if name in OTHER_PARTS:
            sentence, shown = (OTHER_PARTS[name], row) if row.any() else (NO_RECENT_WORDS, row[:0])
            stages = iter([over_vocabulary("probabilities", sentence, model.vocabulary, shown)])
        else:
            part, states = model.models[name], [state.models[number] for state in read.states]
            own = row[: part.vocabulary.total_words]
            stages = stages_of(part, read.line(model.own_ids), states, own, suggested)
        yield Part(LABELS[name], weight, row[ids], tuple(stages))


def _notes(
    model: LanguageModel,
    prefix: str,
    words: Sequence[LineWord],
    suggestions: Sequence[Suggestion],
) -> Iterator[str]:
    knows_none = not any(word.known for word in words)
    if not words:
        yield "There is no whole word yet" + (
            ": these are guesses for the first word." if suggestions else "."
        )
    elif knows_none:
        yield "The model knows none of the words of the line."
    if knows_none and isinstance(model, LessonModel):
        yield ONLY_ZEROS
    if not suggestions:
        fits = f'begins with "{prefix}"' if prefix else "fits here"
        yield f"No word that the model knows {fits}, so nothing is suggested."
