"""Causal recurrent networks: the architecture, and inference with numpy.

Shapes: G gates, E embedding, H hidden, V vocabulary (`total_words`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from rnnlm_tui.config import CausalConfig, CausalTrainConfig, RunConfig
from rnnlm_tui.lm.adaptive_softmax import AdaptiveSoftmax, multiplications, softmax_shapes
from rnnlm_tui.lm.cells import CELLS, RecurrentLayers
from rnnlm_tui.lm.model import (
    PROGRAM_BYTES,
    Architecture,
    Array,
    Arrays,
    ArraySpec,
    LanguageModel,
    Layer,
    Passage,
    Weights,
    cache_distributions,
    excluded_ids,
)
from rnnlm_tui.lm.ngram import MOST_IN_MEMORY, counting_bytes
from rnnlm_tui.lm.quantization import dequantize, quantize, quantized_specs
from rnnlm_tui.lm.state_cache import StateCache
from rnnlm_tui.lm.time_estimate import training_seconds
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS, Vocabulary

WINDOW = 256
"""The context window in words. Hidden states are kept, so a longer one would only cost memory."""
BLOCK_BYTES = 3 * (16 << 20)
"""Memory for a block of scores and the arrays derived from it while training."""
TEXT_BYTES = 60
"""Memory per word of the text, as part of a line and as numbers."""
FADED_WORDS = 500
"""Words after which a state hardly depends on those before."""
READ_BYTES = 32 << 20
"""Bytes of the states of sequences read as one batch."""
ROWS_AT_ONCE = 128
"""Distributions computed together: for 10,000 words and 256 units that takes 0.04 ms each, and
0.4 ms one by one."""
SCORES_AT_ONCE = 1 << 21
"""Most scores computed together, for large vocabularies."""


def causal_shapes(cell: str, config: CausalConfig, total_words: int) -> dict[str, tuple[int, ...]]:
    """The shapes of the weights of a causal network, by name.

    Kernels are [in, out]; that of the output layer is the tied embedding. The gates of a kernel are
    concatenated: r, z, n for a GRU, o, i, f, g for an LSTM.
    """
    embedding, hidden = config.embedding_size, config.hidden_size
    wide = CELLS[cell].gates * hidden
    shapes = softmax_shapes(config, total_words)
    rows = sum(shape[0] for name, shape in shapes.items() if name.endswith("embedding"))
    for number in range(1, config.layers + 1):
        inputs = embedding if number == 1 else hidden
        shapes |= {
            f"layer{number}.kernel": (inputs, wide),
            f"layer{number}.recurrent_kernel": (hidden, wide),
            f"layer{number}.bias": (wide,),
        }
        if cell == "gru":
            shapes[f"layer{number}.candidate_bias"] = (hidden,)
    if hidden != embedding:
        shapes["projection.kernel"] = (hidden, embedding)
    return shapes | {"output.bias": (rows,)}


def last_words(context: Sequence[int], most: int, step: int, begin_id: int | None) -> Sequence[int]:
    """The end of a context, of at most `most` words.

    It begins at a multiple of `step` words or at the next start of a line, so that the cached
    states of a network stay valid for about `step` more words.
    """
    begin = window_start(context, len(context), most, step, begin_id)
    return context[begin:] if begin else context


def window_start(
    ids: Sequence[int], length: int, most: int, step: int, begin_id: int | None
) -> int:
    """The position at which `last_words` of the first `length` ids begins."""
    excess = length - most
    if excess <= 0:
        return 0
    cut = -(-excess // step) * step
    try:
        return ids.index(begin_id, cut, length)
    except ValueError:
        return cut


def segments(
    passages: Iterable[Passage], most: int, step: int, begin_id: int | None
) -> Iterator[Passage]:
    """Cuts passages into shorter ones for a model that sees the `last_words` of a context: what it
    sees after any word of a passage is the beginning of such a segment."""
    for ids, given in passages:
        begin, known = window_start(ids, given, most, step, begin_id), given
        for length in range(given + 1, len(ids) + 1):
            after = window_start(ids, length, most, step, begin_id)
            if after != begin:
                yield Passage(ids[begin : length - 1], known - begin)
                begin, known = after, length
        yield Passage(ids[begin:], known - begin)


def common_prefix_length(one: list[int], other: list[int]) -> int:
    """The length of the common prefix of two lists."""
    same, most = 0, min(len(one), len(other))
    if one[:most] == other[:most]:  # the usual case
        return most
    while same < most - 1:  # bisection; slices compare 50 times as fast as single ids
        middle = (same + most) // 2
        same, most = (middle, most) if one[same:middle] == other[same:middle] else (same, middle)
    return same


class CausalModel(LanguageModel):
    """An `rnn`, `gru` or `lstm`, which predicts from all words of its window.

    The states after each word of the last context are kept, so another word takes one step, and one
    word less takes none.
    """

    def __init__(
        self,
        cell: str,
        config: CausalConfig,
        vocabulary: Vocabulary,
        tokenizer: Tokenizer,
        window: int,
        weights: Weights,
    ) -> None:
        """`weights` are named as in `causal_shapes` and checked."""
        self.vocabulary = vocabulary
        self.tokenizer = tokenizer
        self.window = window
        self.uses_previous_lines = config.context == "stream"
        self.excluded_ids = excluded_ids(vocabulary, tokenizer)
        self._softmax = AdaptiveSoftmax(weights)
        self._projection = weights.get("projection.kernel")
        self._layers = RecurrentLayers(cell, config.layers, weights)
        self._state_cache = StateCache(self._layers.start, WINDOW)
        self._ahead: StateCache | None = None
        """What `read` is reading, further than it has yielded yet. It must not be cut."""
        self._cached = cache_distributions(vocabulary.total_words, self._probabilities)

    def next_word_probabilities(self, context: Sequence[int]) -> Array:
        """The distribution [V] after `context`."""
        return self._cached(tuple(self._seen(context)))

    def read(self, passages: Sequence[Passage]) -> Iterator[Array]:
        """Reads several segments as one batch, or long ones one by one, each from the states of
        the one before."""
        outer = self._ahead  # `read` may be entered again in between
        parts = [*segments(passages, self.window, self._step, self.vocabulary.begin_id)]
        try:
            if len(parts) == 1 or self.window >= FADED_WORDS:
                for ids, known in parts:
                    self._follow(ids)
                    self._ahead = self._state_cache
                    # A copy, since the caller may ask for other contexts in between.
                    yield from self._distributions(self._state_cache.states()[known:, -1, 0].copy())
            else:
                for group in _groups(parts, READ_BYTES // self._layers.start.nbytes):
                    yield from self._read_together(group)
        finally:
            self._state_cache, self._ahead = self._ahead or self._state_cache, outer

    def _read_together(self, parts: Sequence[Passage]) -> Iterator[Array]:
        """Yields the distributions after the words of segments, which are read as one batch."""
        sequences, start = [part.ids for part in parts], self._layers.start
        states, places = self._layers.states(sequences, self._softmax.embed, start)
        outputs = np.concatenate(
            [
                states[place[known - 1 :], -1, 0]
                for (_, known), place in zip(parts, places, strict=True)
            ]
        )
        rows = self._distributions(outputs)
        for (ids, known), place in zip(parts, places, strict=True):
            self._ahead = StateCache(start, len(ids))
            self._ahead.extend(ids, states[place])
            for _ in range(known, len(ids) + 1):
                yield next(rows)

    def directions(self, context: Sequence[int]) -> Array:
        """The last layer's outputs after each word of `context` within the window, as unit vectors
        [T, H]. The array is valid until the next call of the model."""
        self._follow(self._seen(context))
        return self._state_cache.directions()

    @property
    def _step(self) -> int:
        return max(1, self.window // 2)

    def _seen(self, context: Sequence[int]) -> Sequence[int]:
        return last_words(context, self.window, self._step, self.vocabulary.begin_id)

    def _probabilities(self, ids: tuple[int, ...]) -> Array:
        """The distribution [V] after these ids."""
        self._follow(ids)
        return next(self._distributions(self._state_cache.states()[-1:, -1, 0]))

    def _distributions(self, outputs: Array) -> Iterator[Array]:
        """The distributions [V] for outputs [N, H] of the last layer, many computed together."""
        at_once = max(1, min(ROWS_AT_ONCE, SCORES_AT_ONCE // self.vocabulary.total_words))
        for begin in range(0, len(outputs), at_once):
            rows = outputs[begin : begin + at_once]
            if self._projection is not None:
                rows = rows @ self._projection  # [N, E]
            yield from self._softmax.probabilities(rows)

    def _follow(self, context: Sequence[int]) -> None:
        """Computes the states after each of these ids, reusing known ones."""
        ids = list(context)
        cache, same = self._nearest(ids)
        if cache is self._ahead and same < len(cache.ids):
            cache = cache.copy(same)  # `read` may still need the rest
        cache.cut(same)
        if new := ids[same:]:
            start = cache.states()[-1]
            states, _ = self._layers.states([new], self._softmax.embed, start)
            cache.extend(new, states)
        self._state_cache = cache

    def _nearest(self, ids: list[int]) -> tuple[StateCache, int]:
        """The cache with the longest common prefix with `ids`, and its length. If that is short,
        but dropping the first words of a cache makes the rest a long prefix, these are dropped:
        states hardly depend on words that far back."""
        caches = (self._state_cache, self._ahead) if self._ahead else (self._state_cache,)
        lengths = [common_prefix_length(cache.ids, ids) for cache in caches]
        same = max(lengths)
        if same < FADED_WORDS <= len(ids):
            for cache in caches:
                begin = overlap_start(cache.ids, ids)
                if begin is not None:
                    cache.drop(begin)
                    return cache, len(cache.ids)
        return caches[lengths.index(same)], same


def overlap_start(path: Sequence[int], ids: Sequence[int]) -> int | None:
    """Where the part of a path begins that is a prefix of `ids`; None if that part is shorter than
    `FADED_WORDS`."""
    for begin, word in enumerate(path):
        rest = len(path) - begin
        if rest < FADED_WORDS:
            break
        if word == ids[0] and path[begin:] == ids[:rest]:
            return begin
    return None


def _groups(parts: Sequence[Passage], words: int) -> Iterator[list[Passage]]:
    """Groups of segments with at most `words` words each, but at least one segment."""
    group, left = list[Passage](), words
    for part in parts:
        if group and len(part.ids) > left:
            yield group
            group, left = [], words
        group.append(part)
        left -= len(part.ids)
    if group:
        yield group


class CausalArchitecture(Architecture[CausalConfig]):
    """Networks whose recurrent layers are named by the preset."""

    trainer = "rnnlm_tui.training.trainer"
    special_tokens = SPECIAL_TOKENS

    @staticmethod
    def window_for(config: RunConfig, longest_line: int) -> int:
        """The same for every corpus."""
        return WINDOW

    def arrays(self) -> dict[str, ArraySpec]:
        shapes = causal_shapes(self.config.preset, self.model, self.total_words)
        return {name: ArraySpec(shape) for name, shape in shapes.items()}

    def compact_arrays(self) -> dict[str, ArraySpec]:
        return quantized_specs(self.arrays())

    def to_compact(self, arrays: Arrays) -> Arrays:
        return quantize(arrays)

    def from_compact(self, small: Arrays) -> Arrays:
        return dequantize(small)

    @property
    def _recipe(self) -> CausalTrainConfig:
        assert isinstance(self.config.train, CausalTrainConfig)
        return self.config.train

    def layers(self) -> tuple[Layer, ...]:
        """The layer table. The number of time steps is None in the shapes, since it is
        arbitrary."""
        model, cell, count = self.model, self.config.preset, self.count
        embedding, hidden = (None, None, model.embedding_size), (None, None, model.hidden_size)
        rows = [Layer("embedding", "Embedding", embedding, count("embedding") + count("tail"))]
        for number in range(1, model.layers + 1):
            name = f"layer{number}"
            rows.append(Layer(name, CELLS[cell].layer_type, hidden, count(f"{name}.")))
        rows.append(Layer("dropout", "Dropout", hidden, 0))
        if projection := count("projection."):
            rows.append(Layer("projection", "Dense", embedding, projection))
        output = (None, None, self.total_words)
        name = "adaptive softmax" if count("tail") else "softmax"
        rows.append(Layer("output", f"Dense (tied, {name})", output, count("output.")))
        return tuple(rows)

    def load(self, vocabulary: Vocabulary, tokenizer: Tokenizer, arrays: Arrays) -> CausalModel:
        cell, window = self.config.preset, self.window
        return CausalModel(cell, self.model, vocabulary, tokenizer, window, arrays)

    def training_bytes(self, examples: int) -> int:
        """Weights, gradients, AdamW's two moments, copies of the weights and moments while saving,
        and the initial weights; the units of all time steps of a batch, forward and backward; a
        block of scores; and the text."""
        recipe, model = self._recipe, self.model
        gates = CELLS[self.config.preset].gates
        units = model.embedding_size + model.layers * model.hidden_size * (3 * gates + 4)
        batch = 2 * recipe.batch_size * recipe.bptt * units
        text = TEXT_BYTES * min(examples, MOST_IN_MEMORY)
        if recipe.mixture == "on":
            text += counting_bytes(examples)
        return 4 * (8 * self.parameters + batch) + BLOCK_BYTES + text + PROGRAM_BYTES

    def training_seconds(self, examples: int) -> float:
        """Each weight once per word: the embedding as output layer, a tail only for its words.
        Counts all epochs, though the training may stop early."""
        recipe = self._recipe
        streams = max(1, min(recipe.batch_size, examples // recipe.bptt))
        rows = streams * recipe.bptt
        output = softmax_shapes(self.model, self.total_words)
        of_layers = self.parameters - self.count("embedding") - self.count("tail")
        return training_seconds(
            steps=recipe.epochs * math.ceil(examples / rows),
            multiplications=rows * (of_layers + round(multiplications(output))),
            parameters=self.parameters,
            cell_steps=recipe.bptt * self.model.layers,
            threads=recipe.threads,
        )
