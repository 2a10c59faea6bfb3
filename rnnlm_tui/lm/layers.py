"""The layers of a model: the shapes of its weights and their initial values, and the table of its
layers.

The table has the columns of Keras's `model.summary()`. An n-gram model has a row for each length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.config import CausalConfig, Config, LessonConfig
from rnnlm_tui.formatting import plural
from rnnlm_tui.lm.causal import CELLS, CausalModel, causal_shapes
from rnnlm_tui.lm.lesson import LessonModel, lesson_shapes
from rnnlm_tui.lm.model import Array, LanguageModel, Weights
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.vocabulary import Vocabulary


def shapes_of(config: Config, total_words: int) -> dict[str, tuple[int, ...]]:
    """Returns the shapes of the weights of a network by name. An n-gram model has no weights."""
    match config.model:
        case LessonConfig() as sizes:
            return lesson_shapes(sizes, total_words)
        case CausalConfig() as sizes:
            return causal_shapes(config.cell, sizes, total_words)
    return {}


def initial_weights(
    shapes: Mapping[str, Sequence[int]],
    rng: np.random.Generator,
    *,
    embedding_limit: float = 0.05,
    gates: int = 1,
) -> dict[str, Array]:
    """Returns initial weights as Keras draws them. Kernels are Glorot uniform (Glorot and Bengio
    2010) and recurrent kernels orthogonal (Saxe et al. 2014). Embeddings are uniform and biases 0.
    In a `layer<number>`, the kernels of the `gates` are drawn one by one and stand side by side."""

    def kernel(name: str, inputs: int, units: int) -> NDArray[np.float64]:
        if name.endswith("recurrent_kernel"):
            q, r = np.linalg.qr(rng.standard_normal((inputs, units)))
            return np.asarray(q * np.sign(np.diag(r)))
        limit = np.sqrt(6 / (inputs + units))
        return rng.uniform(-limit, limit, (inputs, units))

    weights = {}
    for name, shape in shapes.items():
        if name.endswith("embedding"):
            values = rng.uniform(-embedding_limit, embedding_limit, shape)
        elif name.endswith("bias"):
            values = np.zeros(shape)
        else:
            blocks = gates if name.startswith("layer") else 1
            units = shape[1] // blocks
            values = np.concatenate([kernel(name, shape[0], units) for _ in range(blocks)], axis=1)
        weights[name] = values.astype(np.float32)
    return weights


def untrained(model: LessonModel, config: Config) -> LessonModel:
    """Returns the lesson's network as it was before its training: the seed gives its weights."""
    shapes = shapes_of(config, model.vocabulary.total_words)
    weights = initial_weights(shapes, np.random.default_rng(config.train.seed))
    return LessonModel(model.vocabulary, model.tokenizer, model.window, weights)


def load_network(
    config: Config,
    vocabulary: Vocabulary,
    tokenizer: Tokenizer,
    window: int,
    weights: Weights,
    blocked_words: Iterable[str] = (),
) -> LanguageModel:
    """Returns the network with `weights` of the shapes of `shapes_of`. Only the lesson's network
    needs the `window`. The `blocked_words` are never suggested."""
    if isinstance(config.model, LessonConfig):
        return LessonModel(vocabulary, tokenizer, window, weights, blocked_words)
    assert isinstance(config.model, CausalConfig)
    return CausalModel(config.cell, config.model, vocabulary, tokenizer, weights, blocked_words)


def parameters_of(config: Config, total_words: int, ngrams: Sequence[int] = ()) -> int:
    """Returns the number of weights of a network, or the number of n-grams of an n-gram model.
    `ngrams` are the numbers of n-grams of each length."""
    if not config.has_network:
        return sum(ngrams)
    return sum(map(prod, shapes_of(config, total_words).values()))


@dataclass(frozen=True, slots=True)
class Layer:
    """A row of the table of layers."""

    name: str
    type: str
    output_shape: tuple[int | None, ...]
    """The shape as in Keras. None stands for any size: of a batch, or of the time steps."""
    parameters: int


def table_heads(config: Config) -> tuple[str, str]:
    """Returns the headers of the columns of names and of parameters."""
    return ("layer", "parameters") if config.has_network else ("length", "n-grams")


def layers_of(
    config: Config, total_words: int, window: int, ngrams: Sequence[int] = ()
) -> Iterator[Layer]:
    """Yields the layers of a model. `ngrams` are the numbers of n-grams of each length."""
    settings, shapes = config.model, shapes_of(config, total_words)

    def count(prefix: str) -> int:
        return sum(prod(shape) for name, shape in shapes.items() if name.startswith(prefix))

    if isinstance(settings, LessonConfig):
        states = (None, window, 2 * settings.bidirectional_size)
        cells = count("forward.") + count("backward.")
        embedding = settings.embedding_size
        yield Layer("embedding", "Embedding", (None, window, embedding), count("embedding"))
        yield Layer("bidirectional", "Bidirectional(SimpleRNN)", states, cells)
        yield Layer("dropout", "Dropout", states, 0)
        yield Layer("recurrent", "SimpleRNN", (None, settings.recurrent_size), count("recurrent."))
        yield Layer("hidden", "Dense (relu)", (None, total_words // 2), count("hidden."))
        yield Layer("output", "Dense (softmax)", (None, total_words), count("output."))
    elif isinstance(settings, CausalConfig):
        size, hidden = (None, None, settings.embedding_size), (None, None, settings.hidden_size)
        cell = CELLS[config.cell].layer_type
        softmax = "adaptive softmax" if count("tail") else "softmax"
        yield Layer("embedding", "Embedding", size, count("embedding") + count("tail"))
        for number in range(1, settings.layers + 1):
            yield Layer(f"layer{number}", cell, hidden, count(f"layer{number}."))
        yield Layer("dropout", "Dropout", hidden, 0)
        projection = count("projection.")
        if projection:
            yield Layer("projection", "Dense", size, projection)
        output = (None, None, total_words)
        yield Layer("output", f"Dense (tied, {softmax})", output, count("output."))
    else:
        for k, number in enumerate(ngrams, start=1):
            length = plural(k, "word")
            yield Layer(length, "Kneser-Ney", (None, total_words), number)
