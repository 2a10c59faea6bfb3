"""Explains what a model does with the line being typed.

A model has one part, or several if it is a mixture. Each part has its stages, from words to
probabilities (`lm.stages`). Beside them stand what each part contributes to each suggestion, how
much each word of the line does for it, and how surprising the words of the line were.

Shapes: S suggestions, V vocabulary (`total_words`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import chain
from typing import NamedTuple

import numpy as np

from rnnlm_tui.formatting import plural
from rnnlm_tui.lm.causal import CausalModel
from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.lm.lesson import LessonModel
from rnnlm_tui.lm.mixture import LABELS, MixedModel
from rnnlm_tui.lm.model import TINY, Array, LanguageModel, State
from rnnlm_tui.lm.ngram import NgramModel
from rnnlm_tui.lm.stages import LineIds, Stage, over_vocabulary, stages_of, top_words
from rnnlm_tui.notebook import heat, table
from rnnlm_tui.suggesting.accepting import Suggestion
from rnnlm_tui.suggesting.evaluate import score_word
from rnnlm_tui.suggesting.suggest import encode_context, suggest

MOST_WORDS = 256
"""Words that are explained, in a line of any length: those nearest the cursor."""
MOST_LEFT_OUT = 16
"""Words that are left out one by one: those nearest the cursor."""
NEIGHBOURS = 5
OTHER_PARTS = {
    "base": "The English that ships; by its own name it is explained, too. Here is the probability"
    " that it gives each word to be next.",
    "cache": "Words that were used not long ago are used again, the latest ones most, and more so"
    " those before which the network was in a state like the present one.",
}
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
    stages: tuple[Stage, ...] = field(repr=False)

    @property
    def contributions(self) -> Array:
        """What this part contributes to the probability of each suggestion [S]. Those of all parts
        sum to the probabilities of the model."""
        return np.asarray(self.weight * self.probabilities, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class LineWord:
    """A word of the line.

    `seen` says whether the model predicts from it: it is read, if only as an unknown word, and has
    not fallen out of the window. `probability` and `rank` are those of `ScoredWord`, after the
    words before it. `influence` [S] says for each suggestion how much its probability falls if this
    word is left out; None for words far from the cursor.
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
    """What a model does with a line.

    `words` are its whole words without the first ones of a very long line, whose number is
    `earlier`; `prefix` is the beginning of the word being typed. `suggestions` are those of
    `suggest`, with their shares among all words that fit. `probabilities` [S] are those that the
    model gives them among all words, to one that it does not know that of the unknown word.
    `neighbours` are those of the last known word of the line, by that word, if it has any.
    `notes` say of what there is nothing to show.
    """

    prefix: str
    words: tuple[LineWord, ...]
    earlier: int
    suggestions: tuple[Suggestion, ...]
    probabilities: Array
    parts: tuple[Part, ...]
    neighbours: Mapping[str, tuple[tuple[str, float], ...]]
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        first = f", suggests {self.suggestions[0].word!r}" if self.suggestions else ""
        parts = plural(len(self.parts), "part")
        return f"<Explanation of {plural(len(self.words), 'word')}{first}: {parts}>"

    def _repr_html_(self) -> str:
        """The words of the line, the suggestions, and what each part contributes to them."""
        strip, highest = "", float(self.probabilities.max(initial=TINY))
        if self.suggestions and self.words:
            first, whole = self.suggestions[0].word, float(self.probabilities[0]) or TINY
            title = f"without a word, {first!r} is less likely (blue) or likelier (orange)"
            falls = (
                (word.word, 0 if word.influence is None else word.influence[0])
                for word in self.words
            )
            words = " ".join(heat(word, fall / whole) for word, fall in falls)
            strip = f"<b>{escape(title)}</b><div>{words}</div>"
        figures = [self.probabilities, *(part.contributions for part in self.parts)]
        rows = (
            [escape(each.word), *(heat(f"{share:.1%}", share / highest) for share in of_word)]
            for each, of_word in zip(self.suggestions, zip(*figures, strict=True), strict=True)
        )
        what = f'words that begin with "{self.prefix}"' if self.prefix else "the next word"
        heads = ["", "probability", *(escape(part.name) for part in self.parts)]
        return strip + table(f"{what}, of all words", rows, heads) + escape(" ".join(self.notes))


def explain(
    model: LanguageModel,
    line: str,
    previous_lines: Sequence[str] = (),
    contexts: Contexts | None = None,
) -> Explanation:
    """Explains what `model` does with `line`, and why it suggests what it does. The arguments are
    those of `suggest`."""
    contexts = contexts or Contexts(model)
    answer = suggest(model, line, previous_lines=previous_lines, contexts=contexts)
    words, prefix = model.tokenizer.split_typed(line)
    names = [each.word for each in answer.candidates]
    listed = model.vocabulary.ids(names).tolist()
    read = _read(contexts, words, previous_lines, listed)
    known = [each.word for each in read.words if each.known and any(map(str.isalnum, each.word))]
    alike = {word: those for word in known[-1:] if (those := neighbours(model, word))}
    return Explanation(
        prefix=prefix,
        words=read.words,
        earlier=len(words) - len(read.words),
        suggestions=answer.candidates,
        probabilities=read.probabilities[listed],
        parts=tuple(_parts(model, read, [*zip(names, listed, strict=True)])),
        neighbours=alike,
        notes=tuple(_notes(model, prefix, read.words, answer.candidates)),
    )


def neighbours(model: LanguageModel, word: str) -> tuple[tuple[str, float], ...]:
    """The words whose embeddings are most like that of `word`, with the cosine. Empty if the
    model has no network, or its network does not know the word."""
    network = model.models.get("network") if isinstance(model, MixedModel) else model
    if not isinstance(network, LessonModel | CausalModel) or word not in network.vocabulary:
        return ()
    vocabulary, number = network.vocabulary, network.vocabulary.ranks[word]
    similarities = network.similarities(number)
    similarities[: vocabulary.first_word_id] = -np.inf
    similarities[number] = -np.inf
    return top_words(vocabulary, similarities, min(NEIGHBOURS, len(vocabulary.words) - 1))


class _Read(NamedTuple):
    """The last words of a line as a model reads them: `states` are those before the first id of
    `line` and after each, and `probabilities` [V] those of the next word."""

    line: LineIds
    words: tuple[LineWord, ...]
    states: list[State]
    probabilities: Array


def _read(
    contexts: Contexts, words: Sequence[str], previous_lines: Sequence[str], listed: Sequence[int]
) -> _Read:
    """Reads a line of these words. `listed` are the ids of the suggestions."""
    model, last = contexts.model, words[-MOST_WORDS:]
    ids = [model.vocabulary.encode([word]) for word in last]  # none for one that is left out
    has_start = model.vocabulary.begin_id is not None and len(last) == len(words)
    line = LineIds(tuple(last), tuple(next(iter(each), None) for each in ids), has_start)
    above = encode_context(model, words[: len(words) - len(last)], previous_lines)
    read = [[*above, *chain(*ids[:place])] for place in range(len(ids) + 1)]
    near = range(max(0, len(ids) - MOST_LEFT_OUT), len(ids))
    without = [[*read[place], *chain(*ids[place + 1 :])] for place in near]
    states = [contexts.state_after(context) for context in (*read, *without)]
    distributions = model.predict(states)  # all together, which is faster
    scores = [
        score_word(model, next(distributions), word, has_context=bool(context))
        for word, context in zip(last, read[:-1], strict=True)
    ]
    probabilities = next(distributions)
    falls: list[Array | None] = [None] * (len(last) - len(near))
    falls += [probabilities[listed] - other[listed] for other in distributions]
    shown = (
        LineWord(score.word, score.is_known, seen, score.probability, score.rank, fall)
        for score, seen, fall in zip(scores, line.seen(model.window), falls, strict=True)
    )
    before = [contexts.state_after(above[:-1])] * has_start
    return _Read(line, tuple(shown), before + states[: len(read)], probabilities)


def _parts(
    model: LanguageModel, read: _Read, suggested: Sequence[tuple[str, int]]
) -> Iterator[Part]:
    """The parts of the model. `suggested` are words and their ids."""
    last, ids = read.states[-1], [number for _, number in suggested]
    if not isinstance(model, MixedModel):
        name = LABELS["ngrams" if isinstance(model, NgramModel) else "network"]
        stages = stages_of(model, read.line, read.states, read.probabilities, suggested)
        yield Part(name, 1.0, read.probabilities[ids], tuple(stages))
        return
    (components,) = model.predict_components([last])
    weights = model.weights_in(last).items()
    own_ids = model.own_ids([number for number in read.line.ids if number is not None])
    own_line = read.line._replace(ids=tuple(own_ids))
    for number, ((name, weight), row) in enumerate(zip(weights, components, strict=True)):
        if name in OTHER_PARTS:
            sentence, shown = (OTHER_PARTS[name], row) if row.any() else (NO_RECENT_WORDS, row[:0])
            stages = iter([over_vocabulary("probabilities", sentence, model.vocabulary, shown)])
        else:
            part, states = model.models[name], [state.models[number] for state in read.states]
            own = row[: part.vocabulary.total_words]
            stages = stages_of(part, own_line, states, own, suggested)
        yield Part(LABELS[name], weight, row[ids], tuple(stages))


def _notes(
    model: LanguageModel,
    prefix: str,
    words: Sequence[LineWord],
    suggestions: Sequence[Suggestion],
) -> Iterator[str]:
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
