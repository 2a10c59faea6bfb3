"""The stages of what a model computes for a line.

A stage has a name, a sentence on what it does, and values with labels, ready to draw. The values
come from the methods with which the models predict.

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

from rnnlm_tui.lm.adaptive_softmax import TAIL_SCALES
from rnnlm_tui.lm.causal import CausalModel
from rnnlm_tui.lm.lesson import LessonModel
from rnnlm_tui.lm.model import Array, LanguageModel, NetworkModel, State, largest
from rnnlm_tui.lm.ngram import NgramModel
from rnnlm_tui.text.vocabulary import BEGIN_ID, PADDING, UNKNOWN_ID, Vocabulary

TOP_WORDS = 10
"""The number of words that a stage over the vocabulary names, those with the largest values."""
TOKEN_LABELS = ("(padding)", "(unknown)", "(start of line)", "(end of line)")
"""The labels of padding and the special tokens, by id."""
COMPARED = ("untrained", "trained")
"""The labels of the two networks that `compared` shows."""
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
    "hidden": "Each of {width:,} units is a weighted sum of these numbers, or 0 if the sum is below"
    " 0. {active:,} units are active, {share:.0%}, and vote for words.",
    "reset gate": "How much of the state before goes into the candidate, from 0 to 1.",
    "input gate": "How much of the candidate is added to the cell, from 0 to 1.",
    "forget gate": "How much of the cell before is kept, from 0 to 1.",
    "candidate": "What the word would write into the memory, from -1 to 1.",
    "update gate": "How much of the state before is kept, from 0 to 1. The rest is the candidate.",
    "output gate": "How much of the cell shows in the state, from 0 to 1.",
    "cell": "The long memory after each word: what was kept of it, and what was added.",
    "rnn": "The memory after each word, computed from the row of the word and the memory before.",
    "gru": "The memory after each word: part of the memory before is kept, the rest is new.",
    "lstm": "What the next layer reads after each word: a part of the long memory.",
    "projection": "The last state is turned into {width} numbers, as many as an embedding has.",
    "lesson logits": "The votes: each of {width:,} ids has a score, a weighted sum of the active"
    " units.",
    "logits": "Each of {width:,} ids has a score: how well its embedding matches these numbers. The"
    " embedding E is counted at the first layer, so only b is counted here.",
}
"""A sentence on each stage of a network. A key such as `lesson logits` is for one kind alone."""
WEIGHTED = "W x_t + U h_(t-1) + b"
"""The weighted sum of the input and the state before, in a recurrent layer."""
LAYERS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "padded ids": ("pad_sequences", "", ()),
    "embedding": ("Embedding", "x_t = E[id_t]", ("embedding", "tail1.")),
    "bidirectional": (
        "Bidirectional(SimpleRNN)", f"h_t = tanh({WEIGHTED})", ("forward.", "backward."),
    ),
    "recurrent": ("SimpleRNN", f"h_t = tanh({WEIGHTED})", ("recurrent.",)),
    "hidden": ("Dense (relu)", "a = max(0, W h + b)", ("hidden.",)),
    "rnn": ("SimpleRNN", f"h_t = tanh({WEIGHTED})", ("layer#.",)),
    "gru": ("GRU", "h_t = z h_(t-1) + (1 - z) n", ("layer#.",)),
    "reset gate": ("GRU", f"r = sigmoid({WEIGHTED})", ()),
    "update gate": ("GRU", f"z = sigmoid({WEIGHTED})", ()),
    "gru candidate": ("GRU", "n = tanh(W x_t + b + r (U h_(t-1) + c))", ()),
    "lstm": ("LSTM", "h_t = o tanh(c_t)", ("layer#.",)),
    "input gate": ("LSTM", f"i = sigmoid({WEIGHTED})", ()),
    "forget gate": ("LSTM", f"f = sigmoid({WEIGHTED})", ()),
    "lstm candidate": ("LSTM", f"g = tanh({WEIGHTED})", ()),
    "output gate": ("LSTM", f"o = sigmoid({WEIGHTED})", ()),
    "cell": ("LSTM", "c_t = f c_(t-1) + i g", ()),
    "projection": ("Dense", "y = W h_t", ("projection.",)),
    "lesson logits": ("Dense (softmax)", "z = W a + b", ("output.",)),
    "logits": ("Dense (tied, softmax)", "z = E y + b", ("output.",)),
}  # fmt: skip
"""For each stage the name of its layer as in Keras, its formula, and the prefixes of the names of
its weights. # stands for the number of the layer. The weights of a recurrent layer are counted at
its state, and not at its gates, candidate and cell."""
ADAPTIVE = {
    "embedding": ("Embedding", "x_t = E[id_t]; rare: E[r] + K e[id_t]"),
    "logits": (
        "Dense (tied, adaptive softmax)",
        "z = E y + b; rare: z[r] + log softmax(e K'y + b)",
    ),
}
"""The layers and formulas with an adaptive softmax. Rare words share the row E[r], and each has a
row of its own in e."""
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
"""For a stage of the lesson's network, a figure of its values, and a sentence that gives the figure
before and after the training. The entry "" is for all other stages."""
KNESER_NEY = "Kneser-Ney"
"""The layer of n-grams. Keras has no name for it."""
STEP_NAME = re.compile(r"(\w+ gate|candidate|cell)( \d+)?")
"""The name of a step of a recurrent layer. The stage of the layer itself stands before it."""
UNBOUNDED = ("padded ids", "embedding", "hidden", "cell", "projection", "logits")
"""The stages whose values may be larger than 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """A step of the computation."""

    name: str
    sentence: str
    values: NDArray[Any]
    """Rows of numbers [R, C], or a single row of words or numbers [C]."""
    rows: tuple[str, ...] = ()
    """The labels of the rows. A single row with a number for each word has the words here."""
    columns: tuple[str, ...] = ()
    """The labels of the columns; () if they are the units of a layer."""
    top: tuple[tuple[str, float], ...] = ()
    """The words with the largest numbers, if a single row has a number for each id."""
    scale: float | None = None
    """The number that is drawn at full strength; None for the largest of the values."""
    groups: tuple[str, ...] = ()
    """The labels of groups of columns. All groups have the same size."""
    layer: str = ""
    """The layer that computes the stage, named as in Keras where it can be."""
    formula: str = ""
    parameters: int = 0
    """The number of weights of this layer, or of its n-grams."""


class LineIds(NamedTuple):
    """The words of a line, and the ids that a model reads for them."""

    words: tuple[str, ...]
    ids: tuple[int | None, ...]
    """The id of each word; None for a word that the model leaves out."""
    has_start: bool
    """True if the model reads the start of the line before the words."""

    @property
    def labelled_ids(self) -> list[tuple[str, int]]:
        """The ids that the model reads, each with its label [N]."""
        start = [(TOKEN_LABELS[BEGIN_ID], BEGIN_ID)] if self.has_start else []
        words = zip(self.words, self.ids, strict=True)
        return [*start, *((word, word_id) for word, word_id in words if word_id is not None)]

    def seen(self, window: int) -> list[bool]:
        """Returns True for each word whose id is among the last `window` ids of the line."""
        left, seen = window, list[bool]()
        for word_id in reversed(self.ids):
            seen.append(word_id is not None and left > 0)
            if word_id is not None:
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
    `states` has the state before the first id of the line and the state after each id. `suggested`
    has words with their ids. A word beyond the vocabulary has the probability 0."""
    layer = "Tokenizer" if model.tokenizer.name == "lesson" else ""
    yield _words_stage(model, line, layer)
    unknown_id = model.vocabulary.unknown_id
    labels = tuple(
        f"{word} {TOKEN_LABELS[UNKNOWN_ID]}" if word_id == unknown_id else word
        for word, word_id in line.labelled_ids
    )
    ids = [word_id for _, word_id in line.labelled_ids]
    yield Stage(
        "ids",
        "Each word becomes its number in the vocabulary, where frequent words come first.",
        np.array(ids, np.int64),
        labels,
        layer=layer,
    )
    before_window = max(0, len(ids) - model.window)
    labels, ids = labels[before_window:], ids[before_window:]
    meaning = "the probability that each word of the vocabulary is next. The sum is 1."
    if isinstance(model, NgramModel):
        yield from _ngram_stages(model, states[-1], labels, suggested)
        sentence = f"The last row, for all words: {meaning}"
        name, layer, formula = "probabilities", KNESER_NEY, ""
    else:
        stages = list[Stage]()
        if isinstance(model, LessonModel):
            labels = (TOKEN_LABELS[PADDING],) * (model.window - len(ids)) + labels
            stages += _network_stages(model, model.activations(ids), "lesson", labels)
        elif isinstance(model, CausalModel):
            outputs = model.activations(states[-len(ids) - 1 :], ids)
            stages += _network_stages(model, outputs, model.cell, labels)
        yield from stages
        sentence = f"exp of each score, divided by the sum of all of them: {meaning}"
        name, formula = "softmax", "p = exp(z) / sum of exp(z)"
        layer = stages[-1].layer if stages else ""
    top = top_words(model.vocabulary, probabilities)
    yield Stage(name, sentence, probabilities, top=top, layer=layer, formula=formula)


def compared(stage: Stage, before: NDArray[Any], vocabulary: Vocabulary) -> Stage:
    """Returns a stage of the lesson's network with the values `before` the training beside its own.
    A stage over the vocabulary keeps the five largest values of each."""
    after = stage.values
    figure, template = COMPARISONS.get(stage.name, COMPARISONS[""])
    sentence = template.format(figure(before), figure(after))
    if stage.top:
        ids = [*dict.fromkeys((*largest(before, 5).tolist(), *largest(after, 5).tolist()))]
        return replace(
            stage,
            sentence=sentence,
            values=np.stack((before[ids], after[ids]), axis=1),
            rows=tuple(_word(vocabulary, word_id) for word_id in ids),
            columns=COMPARED,
            top=(),
        )
    return replace(
        stage,
        sentence=sentence,
        values=np.concatenate((before, after), axis=-1),
        groups=tuple(
            f"{each} {group}".rstrip() for each in COMPARED for group in stage.groups or ("",)
        ),
    )


def top_words(
    vocabulary: Vocabulary, values: Array, count: int = TOP_WORDS
) -> tuple[tuple[str, float], ...]:
    """Returns the words and tokens with the largest `values` [V], the largest first, without 0."""
    not_zero = np.flatnonzero(values)
    ids = not_zero[largest(values[not_zero], count)].tolist()
    return tuple((_word(vocabulary, word_id), float(values[word_id])) for word_id in ids)


def _word(vocabulary: Vocabulary, word_id: int) -> str:
    return TOKEN_LABELS[word_id] if word_id < vocabulary.first_word_id else vocabulary.word(word_id)


def _words_stage(model: LanguageModel, line: LineIds, layer: str) -> Stage:
    notes = list[str]()
    for word_id, is_seen in zip(line.ids, line.seen(model.window), strict=True):
        if word_id is None or word_id == model.vocabulary.unknown_id:
            notes.append(TOKEN_LABELS[UNKNOWN_ID])
        else:
            notes.append("" if is_seen else FALLEN_OUT)
    labels = [f"{word} {note}".rstrip() for word, note in zip(line.words, notes, strict=True)]
    ways = {"lesson": ", in small letters and without marks", "whitespace": ""}
    way = ways.get(model.tokenizer.name, "; punctuation marks are words too")
    sentence = f"The line is split into words{way}."
    if not labels:
        sentence = "The line has no whole word yet."
    if TOKEN_LABELS[UNKNOWN_ID] in notes:
        sentence += (
            " Words outside the vocabulary are left out."
            if model.vocabulary.unknown_id is None
            else " All words outside the vocabulary are read as one and the same word."
        )
    if FALLEN_OUT in notes:
        sentence += f" Only the last {model.window} words are seen; the others have fallen out."
    return Stage("words", sentence, np.array(labels, np.str_), layer=layer)


def _network_stages(
    model: NetworkModel, outputs: Mapping[str, NDArray[Any]], kind: str, labels: tuple[str, ...]
) -> Iterator[Stage]:
    """Yields a stage for each of the `outputs`, which `activations` returns. `kind` is "lesson" or
    the cell of the network. `labels` are those of the ids that the network reads."""
    adaptive = ADAPTIVE if "tail1.kernel" in model.weights else {}
    for name, values in outputs.items():
        layer = name.rstrip(" 0123456789")  # `reset gate` for `reset gate 2`
        number = name[len(layer) + 1 :] or "1"
        template = SENTENCES.get(f"{kind} {layer}") or SENTENCES[layer]
        title, formula, prefixes = LAYERS.get(f"{kind} {layer}") or LAYERS[layer]
        title, formula = adaptive.get(layer, (title, formula))
        prefixes = tuple(prefix.replace("#", number) for prefix in prefixes)
        active = np.count_nonzero(values)
        sentence = template.format(
            rows=len(labels),
            padding=labels.count(TOKEN_LABELS[PADDING]),
            width=values.shape[-1],
            half=values.shape[-1] // 2,
            active=active,
            share=active / values.size,
        )
        yield Stage(
            name,
            sentence,
            values,
            labels if values.ndim == 2 or layer == "padded ids" else (),
            top=top_words(model.vocabulary, values) if layer == "logits" else (),
            scale=None if layer in UNBOUNDED else 1,
            groups=("forward", "backward") if layer == "bidirectional" else (),
            layer=title,
            formula=formula,
            parameters=sum(
                w.size
                for key, w in model.weights.items()
                if key.startswith(prefixes) and key != TAIL_SCALES
            ),
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
    columns = [min(word_id, total_words) for _, word_id in suggested]
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
        "The probability of each suggestion after no word, after the last word, after the last two"
        f" words and so on. {known}.",
        np.stack(values),
        tuple(rows),
        tuple(word for word, _ in suggested),
        layer=KNESER_NEY,
        formula="p(w | a b) = share(w | a b) + weight(a b) p(w | b)",
        parameters=sum(model.counts),
    )
    yield Stage(
        "back-off",
        "A row is the shares of its context plus this weight times the row before. The weight is"
        " large for a rare context, and for one that many different words follow.",
        np.array(weights[1:], np.float32),
        tuple(rows[1:]),
        layer=KNESER_NEY,
    )
