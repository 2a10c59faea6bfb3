"""The stages of what a model computes for a line.

A stage has a name, a sentence on what it does, and its values with their labels, ready to draw. The
values come from the methods with which the models predict.

Shapes: N words of a line and its start, R rows and C columns of a stage, V vocabulary
(`total_words`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.lm.causal import CausalModel
from rnnlm_tui.lm.lesson import LessonModel
from rnnlm_tui.lm.model import Array, LanguageModel, State, largest
from rnnlm_tui.lm.ngram import NgramModel
from rnnlm_tui.text.vocabulary import BEGIN_ID, PADDING, UNKNOWN_ID, Vocabulary

TOP_WORDS = 10
"""The number of largest values over the vocabulary that are named."""
TOKENS = ("(padding)", "(unknown)", "(start of line)", "(end of line)")
"""The labels of padding and the special tokens, by id."""
FALLEN_OUT = "(fallen out)"
"""The label of a word before the window."""
SENTENCES = {
    "padded ids": "The network reads {rows} ids: the last ones of the line, after as many zeros as"
    " are missing, here {padding}.",
    "embedding": "Each id has a row of {width} learned numbers. Words that are used alike come to"
    " have similar rows, unless they are rare.",
    "forward states": "A recurrent layer of {width} tanh units reads these rows from the first to"
    " the last. Each state is made of the row and of the state before.",
    "backward states": "Another layer of {width} tanh units reads from the last row to the first,"
    " so that each state is made of the row and of all that follow.",
    "second layer": "The second recurrent layer reads both states of each word, from the first to"
    " the last (dropout is off: it is for training). Only its last state goes on: the whole line in"
    " {width} numbers.",
    "relu layer": "Each of {width:,} units is a weighted sum of these numbers; one below 0 becomes"
    " 0. {active:,} are active, {share:.0%}, and vote for words.",
    "reset gate": "How much of the state before goes into the candidate, from 0 to 1.",
    "input gate": "How much of the candidate is added to the cell, from 0 to 1.",
    "forget gate": "How much of the cell before is kept, from 0 to 1.",
    "candidate": "What the word would write into the memory, from -1 to 1.",
    "update gate": "How much of the state before is kept, from 0 to 1. The rest is the candidate.",
    "output gate": "How much of the cell shows in the state, from 0 to 1.",
    "cell": "The long memory after each word: forget x cell before + input x candidate.",
    "rnn states": "The memory after each word: tanh of a sum of its row and of the state before,"
    " both weighted.",
    "gru states": "The memory after each word: update x state before + (1 - update) x candidate.",
    "lstm states": "What the next layer reads after each word: output x tanh(cell).",
    "projection": "The last state is turned into {width} numbers, as many as an embedding has.",
    "lesson logits": "The votes: each of {width:,} ids has a score, a weighted sum of the active"
    " units.",
    "logits": "Each of {width:,} ids has a score: how well its embedding matches these numbers.",
}
"""A sentence on each stage of a network. A key such as `gru states` is for one kind of network."""
UNBOUNDED = ("padded ids", "embedding", "relu layer", "cell", "projection", "logits")
"""The stages whose values may be larger than 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """A step of the computation."""

    name: str
    sentence: str
    values: NDArray[Any]
    """Rows of numbers [R, C], or a single row of words or numbers [C]."""
    rows: tuple[str, ...] = ()
    """The names of the rows, or of the items of a single row if they belong to words."""
    columns: tuple[str, ...] = ()
    """The names of the columns; () if they are the units of a layer."""
    top: tuple[tuple[str, float], ...] = ()
    """The words with the largest numbers, of a single row over the vocabulary."""
    scale: float | None = None
    """The number that is drawn as the largest; None for the largest of the values."""


class LineIds(NamedTuple):
    """The words of a line, and the ids as which a model reads them."""

    words: tuple[str, ...]
    ids: tuple[int | None, ...]
    """The id of each word; None for a word that the model leaves out."""
    has_start: bool
    """True if the model reads the start of the line before the words."""

    @property
    def read(self) -> list[tuple[str, int]]:
        """The label and the id of everything that is read [N]."""
        start = [(TOKENS[BEGIN_ID], BEGIN_ID)] if self.has_start else []
        words = zip(self.words, self.ids, strict=True)
        return [*start, *((word, number) for word, number in words if number is not None)]

    def seen(self, window: int) -> list[bool]:
        """For each word, whether it is among the last `window` ids that are read."""
        left, seen = window, list[bool]()
        for number in reversed(self.ids):
            seen.append(number is not None and left > 0)
            if number is not None:
                left -= 1
        return seen[::-1]


def stages_of(
    model: LanguageModel,
    line: LineIds,
    states: Sequence[State],
    probabilities: Array,
    suggested: Sequence[tuple[str, int]],
) -> Iterator[Stage]:
    """Yields the stages of a model that reads `line` and then predicts `probabilities` [V].
    `states` are the states before the first id that is read and after each id. `suggested` are
    words with their ids; a word beyond the vocabulary has the probability 0."""
    yield _words_stage(model, line)
    unknown_id = model.vocabulary.unknown_id
    labels = tuple(
        f"{word} {TOKENS[UNKNOWN_ID]}" if number == unknown_id else word
        for word, number in line.read
    )
    ids = [number for _, number in line.read]
    yield Stage(
        "ids",
        "Each word becomes its number in the vocabulary, where frequent words come first.",
        np.array(ids, np.int64),
        labels,
    )
    fallen = max(0, len(ids) - model.window)
    labels, ids = labels[fallen:], ids[fallen:]
    name = "softmax"
    how = "exp of each score, divided by the sum of all of them:"
    match model:
        case LessonModel():
            rows = (TOKENS[PADDING],) * (model.window - len(ids)) + labels
            yield from _network_stages(model.activations(ids), "lesson", rows, model.vocabulary)
        case CausalModel():
            found = model.activations(states[-len(ids) - 1 :], ids)
            yield from _network_stages(found, model.cell, labels, model.vocabulary)
        case NgramModel():
            yield from _ngram_stages(model, states[-1], labels, suggested)
            name, how = "probabilities", "The last row, for"
    sentence = f"{how} the probability of each word of the vocabulary to be next; they sum to 1."
    yield over_vocabulary(name, sentence, model.vocabulary, probabilities)


def over_vocabulary(name: str, sentence: str, vocabulary: Vocabulary, values: Array) -> Stage:
    """A stage with a value for each id [V]."""
    return Stage(name, sentence, values, top=top_words(vocabulary, values))


def top_words(
    vocabulary: Vocabulary, values: Array, count: int = TOP_WORDS
) -> tuple[tuple[str, float], ...]:
    """The words and tokens with the largest values [V], the largest first. Zeros do not count."""
    not_zero = np.flatnonzero(values)
    ids = not_zero[largest(values[not_zero], count)].tolist()
    first = vocabulary.first_word_id
    return tuple((TOKENS[i] if i < first else vocabulary.word(i), float(values[i])) for i in ids)


def _words_stage(model: LanguageModel, line: LineIds) -> Stage:
    """The stage in which the line is split into words."""
    notes = list[str]()
    for number, is_seen in zip(line.ids, line.seen(model.window), strict=True):
        if number is None or number == model.vocabulary.unknown_id:
            notes.append(TOKENS[UNKNOWN_ID])
        else:
            notes.append("" if is_seen else FALLEN_OUT)
    labels = [f"{word} {note}".rstrip() for word, note in zip(line.words, notes, strict=True)]
    ways = {"lesson": ", in small letters and without marks", "whitespace": ""}
    way = ways.get(model.tokenizer.name, "; punctuation marks are words too")
    sentence = f"The line is split into words{way}."
    if not labels:
        sentence = "The line has no whole word yet."
    if TOKENS[UNKNOWN_ID] in notes:
        sentence += (
            " Those that are not in the vocabulary are left out."
            if model.vocabulary.unknown_id is None
            else " All that are not in the vocabulary are read as one and the same word."
        )
    if FALLEN_OUT in notes:
        sentence += f" Only the last {model.window} are seen; those before have fallen out."
    return Stage("words", sentence, np.array(labels, np.str_))


def _network_stages(
    found: Mapping[str, NDArray[Any]], kind: str, labels: tuple[str, ...], vocabulary: Vocabulary
) -> Iterator[Stage]:
    """Yields a stage for each layer of a network of this kind. `found` has the outputs of the
    layers by name, and `labels` the names of the ids that are read."""
    for name, values in found.items():
        layer = re.sub(r"^layer \d+ ", "", name)
        sentence = SENTENCES.get(f"{kind} {layer}") or SENTENCES[layer]
        active = np.count_nonzero(values)
        told = sentence.format(
            rows=len(labels),
            padding=labels.count(TOKENS[PADDING]),
            width=values.shape[-1],
            active=active,
            share=active / values.size,
        )
        yield Stage(
            name,
            told,
            values,
            labels if values.ndim == 2 or layer == "padded ids" else (),
            top=top_words(vocabulary, values) if layer == "logits" else (),
            scale=None if layer in UNBOUNDED else 1,
        )


def _ngram_stages(
    model: NgramModel,
    context: tuple[int, ...],
    labels: tuple[str, ...],
    suggested: Sequence[tuple[str, int]],
) -> Iterator[Stage]:
    """Yields the stages of an n-gram model after `context`."""
    total_words = model.vocabulary.total_words
    # A word beyond the vocabulary gets the 0 that is appended to the probabilities.
    columns = [min(number, total_words) for _, number in suggested]
    rows, values = list[str](), list[Array]()
    weights = list[float]()
    for length, weight, probabilities in model.interpolation(context):
        rows.append(" ".join(labels[len(labels) - length :]) if length else "(no word)")
        weights.append(weight)
        values.append(np.append(probabilities, np.float32(0))[columns])
    known = "It knows no context here"
    if len(rows) > 1:
        known = f"The longest context that it knows is {rows[-1]!r}"
    yield Stage(
        "n-grams",
        "The probability of each suggestion after no word, after the last one, the last two and so"
        f" on. {known}.",
        np.stack(values),
        tuple(rows),
        tuple(word for word, _ in suggested),
    )
    yield Stage(
        "back-off",
        "Each row is its own counts plus this weight times the row before. Contexts that are rare,"
        " or that many different words follow, have a large weight.",
        np.array(weights[1:], np.float32),
        tuple(rows[1:]),
    )
