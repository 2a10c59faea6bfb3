"""The stages of what a model computes for a line.

A stage has a name, a sentence on what it does, and its values with their labels, ready to draw. The
values come from the methods with which the models predict.

Shapes: N words of a line and its start, R rows and C columns of a stage, V vocabulary
(`total_words`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.lm.causal import CausalModel
from rnnlm_tui.lm.lesson import LessonModel
from rnnlm_tui.lm.model import Array, LanguageModel, NetworkModel, State, largest
from rnnlm_tui.lm.ngram import NgramModel
from rnnlm_tui.text.vocabulary import BEGIN_ID, PADDING, UNKNOWN_ID, Vocabulary

TOP_WORDS = 10
"""The number of largest values over the vocabulary that are named."""
TOKENS = ("(padding)", "(unknown)", "(start of line)", "(end of line)")
"""The labels of padding and the special tokens, by id."""
BOTH = ("untrained", "trained")
"""The names of two networks that are compared."""
FALLEN_OUT = "(fallen out)"
"""The label of a word before the window."""
SENTENCES = {
    "padded ids": "The network reads {rows} ids: the last ones of the line, after as many zeros as"
    " are missing, here {padding}.",
    "embedding": "Each id has a row of {width} learned numbers. Words that are used alike come to"
    " have similar rows, unless they are rare.",
    "bidirectional": "Each word now knows the words before it, which {half} units have read"
    " forward, and those after it, which {half} have read backward.",
    "recurrent": "A second layer reads both halves of each word, from the first to the last. Only"
    " its last state goes on: the whole line in {width} numbers.",
    "hidden": "Each of {width:,} units is a weighted sum of these numbers; one below 0 becomes 0."
    " {active:,} are active, {share:.0%}, and vote for words.",
    "reset gate": "How much of the state before goes into the candidate, from 0 to 1.",
    "input gate": "How much of the candidate is added to the cell, from 0 to 1.",
    "forget gate": "How much of the cell before is kept, from 0 to 1.",
    "candidate": "What the word would write into the memory, from -1 to 1.",
    "update gate": "How much of the state before is kept, from 0 to 1. The rest is the candidate.",
    "output gate": "How much of the cell shows in the state, from 0 to 1.",
    "cell": "The long memory after each word: what is kept of it, and what is added.",
    "rnn": "The memory after each word, made of its row and of the memory before.",
    "gru": "The memory after each word: part of the memory before is kept, the rest is new.",
    "lstm": "What the next layer reads after each word: a part of the long memory.",
    "projection": "The last state is turned into {width} numbers, as many as an embedding has.",
    "lesson logits": "The votes: each of {width:,} ids has a score, a weighted sum of the active"
    " units.",
    "logits": "Each of {width:,} ids has a score: how well its embedding matches these numbers. E"
    " is that of the first layer, so only b is counted here.",
}
"""A sentence on each stage of a network. A key such as `lesson logits` is for one kind of it."""
INPUTS = "W x_t + U h_(t-1) + b"
LAYERS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "padded ids": ("pad_sequences", "", ()),
    "embedding": ("Embedding", "x_t = E[id_t]", ("embedding", "tail1.")),
    "bidirectional": (
        "Bidirectional(SimpleRNN)", f"h_t = tanh({INPUTS})", ("forward.", "backward."),
    ),
    "recurrent": ("SimpleRNN", f"h_t = tanh({INPUTS})", ("recurrent.",)),
    "hidden": ("Dense (relu)", "a = max(0, W h + b)", ("hidden.",)),
    "rnn": ("SimpleRNN", f"h_t = tanh({INPUTS})", ("layer#.",)),
    "gru": ("GRU", "h_t = z h_(t-1) + (1 - z) n", ("layer#.",)),
    "reset gate": ("GRU", f"r = sigmoid({INPUTS})", ()),
    "update gate": ("GRU", f"z = sigmoid({INPUTS})", ()),
    "gru candidate": ("GRU", "n = tanh(W x_t + b + r (U h_(t-1) + c))", ()),
    "lstm": ("LSTM", "h_t = o tanh(c_t)", ("layer#.",)),
    "input gate": ("LSTM", f"i = sigmoid({INPUTS})", ()),
    "forget gate": ("LSTM", f"f = sigmoid({INPUTS})", ()),
    "lstm candidate": ("LSTM", f"g = tanh({INPUTS})", ()),
    "output gate": ("LSTM", f"o = sigmoid({INPUTS})", ()),
    "cell": ("LSTM", "c_t = f c_(t-1) + i g", ()),
    "projection": ("Dense", "y = W h_t", ("projection.",)),
    "lesson logits": ("Dense (softmax)", "z = W a + b", ("output.",)),
    "logits": ("Dense (tied, softmax)", "z = E y + b", ("output.",)),
}  # fmt: skip
"""The layer that computes a stage, named as in Keras, its formula, and the beginnings of the names
of its weights, where # stands for its number. The steps of a layer share the weights of it."""
ADAPTIVE = {
    "embedding": ("Embedding", "x_t = E[id_t]; rare: E[r] + K e[id_t]"),
    "logits": (
        "Dense (tied, adaptive softmax)",
        "z = E y + b; rare: z[r] + log softmax(e K'y + b)",
    ),
}
"""The same for layers in which rare words share row r of E, and have smaller rows e."""
COMPARISONS: dict[str, tuple[Callable[[NDArray[Any]], Any], str]] = {
    "hidden": (np.count_nonzero, "Untrained, {:,} units are active. Trained, {:,}."),
    "logits": (
        np.ptp,
        "Untrained, all scores are alike: they differ by {:.1f} at most. Trained, by {:.1f}.",
    ),
    "softmax": (
        np.max,
        "Untrained, all words are about equally likely, {:.2%} at most. Trained, the likeliest has"
        " {:.1%}.",
    ),
    "": (
        lambda values: np.abs(values).mean(),
        "Untrained, these numbers are random and small: {:.2f} from 0 on average. Training moved"
        " them apart: {:.2f}.",
    ),
}
"""A figure of a stage of the lesson's network, and what it says before and after the training."""
SMOOTHED = "Kneser-Ney"
"""The name of what n-grams compute, which is no layer of Keras."""
STEP = re.compile(r"(\w+ gate|candidate|cell)( \d+)?")
"""The names of the steps of a recurrent layer, which stand after it."""
UNBOUNDED = ("padded ids", "embedding", "hidden", "cell", "projection", "logits")
"""The kinds of stages whose values may be larger than 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """A step of the computation. The `layer` that does it is named as in Keras if that has it. The
    `parameters` are the learned numbers of this layer: weights, or n-grams."""

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
    groups: tuple[str, ...] = ()
    """The names of parts of equal size that the columns have, such as two directions."""
    layer: str = ""
    formula: str = ""
    parameters: int = 0


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
    layer = "Tokenizer" if model.tokenizer.name == "lesson" else ""
    yield _words_stage(model, line, layer)
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
        layer=layer,
    )
    fallen = max(0, len(ids) - model.window)
    labels, ids = labels[fallen:], ids[fallen:]
    name, formula = "softmax", "p = exp(z) / sum of exp(z)"
    how = "exp of each score, divided by the sum of all of them:"
    match model:
        case LessonModel():
            rows = (TOKENS[PADDING],) * (model.window - len(ids)) + labels
            for stage in _network_stages(model, model.activations(ids), "lesson", rows):
                layer = stage.layer
                yield stage
        case CausalModel():
            found = model.activations(states[-len(ids) - 1 :], ids)
            for stage in _network_stages(model, found, model.cell, labels):
                layer = stage.layer
                yield stage
        case NgramModel():
            yield from _ngram_stages(model, states[-1], labels, suggested)
            name, layer, formula = "probabilities", SMOOTHED, ""
            how = "The last row, for all words:"
    sentence = f"{how} the probability of each word of the vocabulary to be next; they sum to 1."
    yield over_vocabulary(name, sentence, model.vocabulary, probabilities, layer, formula)


def compared(stage: Stage, before: NDArray[Any], vocabulary: Vocabulary) -> Stage:
    """A stage of the lesson's network with its values `before` the training beside those after."""
    after = stage.values
    size, told = COMPARISONS.get(stage.name, COMPARISONS[""])
    sentence = told.format(size(before), size(after))
    if stage.top:
        ids = {number: None for each in (before, after) for number in largest(each, 5).tolist()}
        return replace(
            stage,
            sentence=sentence,
            values=np.stack((before[[*ids]], after[[*ids]]), axis=1),
            rows=tuple(_word(vocabulary, number) for number in ids),
            columns=BOTH,
            top=(),
        )
    return replace(
        stage,
        sentence=sentence,
        values=np.concatenate((before, after), axis=-1),
        groups=tuple(
            f"{each} {group}".rstrip() for each in BOTH for group in stage.groups or ("",)
        ),
    )


def over_vocabulary(
    name: str, sentence: str, vocabulary: Vocabulary, values: Array, layer: str, formula: str
) -> Stage:
    """A stage with a value for each id [V]."""
    top = top_words(vocabulary, values)
    return Stage(name, sentence, values, top=top, layer=layer, formula=formula)


def top_words(
    vocabulary: Vocabulary, values: Array, count: int = TOP_WORDS
) -> tuple[tuple[str, float], ...]:
    """The words and tokens with the largest values [V], the largest first. Zeros do not count."""
    not_zero = np.flatnonzero(values)
    ids = not_zero[largest(values[not_zero], count)].tolist()
    return tuple((_word(vocabulary, i), float(values[i])) for i in ids)


def _word(vocabulary: Vocabulary, number: int) -> str:
    """The word or token with this id."""
    return TOKENS[number] if number < vocabulary.first_word_id else vocabulary.word(number)


def _words_stage(model: LanguageModel, line: LineIds, layer: str) -> Stage:
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
    return Stage("words", sentence, np.array(labels, np.str_), layer=layer)


def _network_stages(
    model: NetworkModel, found: Mapping[str, NDArray[Any]], cell: str, labels: tuple[str, ...]
) -> Iterator[Stage]:
    """Yields a stage for each layer of a network of this kind. `found` has the outputs of the
    layers by name, and `labels` the names of the ids that are read."""
    adaptive = ADAPTIVE if "tail1.kernel" in model.weights else {}
    for name, values in found.items():
        layer, _, number = name.rpartition(" ") if name[-1].isdigit() else (name, "", "1")
        sentence = SENTENCES.get(f"{cell} {layer}") or SENTENCES[layer]
        title, formula, begins = LAYERS.get(f"{cell} {layer}") or LAYERS[layer]
        title, formula = adaptive.get(layer, (title, formula))
        weights = tuple(begin.replace("#", number) for begin in begins)
        active = np.count_nonzero(values)
        told = sentence.format(
            rows=len(labels),
            padding=labels.count(TOKENS[PADDING]),
            width=values.shape[-1],
            half=values.shape[-1] // 2,
            active=active,
            share=active / values.size,
        )
        yield Stage(
            name,
            told,
            values,
            labels if values.ndim == 2 or layer == "padded ids" else (),
            top=top_words(model.vocabulary, values) if layer == "logits" else (),
            scale=None if layer in UNBOUNDED else 1,
            groups=("forward", "backward") if layer == "bidirectional" else (),
            layer=title,
            formula=formula,
            parameters=sum(w.size for n, w in model.weights.items() if n.startswith(weights)),
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
        layer=SMOOTHED,
        formula="p(w | a b) = share(w | a b) + weight(a b) p(w | b)",
        parameters=sum(model.counts),
    )
    yield Stage(
        "back-off",
        "Each row is its own shares plus this weight times the row before. Contexts that are rare,"
        " or that many different words follow, have a large weight.",
        np.array(weights[1:], np.float32),
        tuple(rows[1:]),
        layer=SMOOTHED,
    )
