"""The layers of a model with their output shapes and parameters, as Keras's `model.summary()` has
them; for an n-gram model the lengths of its n-grams."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rnnlm_tui.config import CausalConfig, LessonConfig
from rnnlm_tui.lm.model import Architecture

CELL_TYPES = {"rnn": "SimpleRNN", "gru": "GRU", "lstm": "LSTM"}


@dataclass(frozen=True, slots=True)
class Layer:
    """A row of the table. In `output_shape` the batch is None, as in Keras, and so are the time
    steps if their number is arbitrary."""

    name: str
    type: str
    output_shape: tuple[int | None, ...]
    parameters: int


def table_heads(preset: str) -> tuple[str, str]:
    """The headers of the columns of names and of parameters."""
    return ("length", "n-grams") if preset == "ngram" else ("layer", "parameters")


def layers_of(architecture: Architecture[Any]) -> Iterator[Layer]:
    model = architecture.config.model
    if isinstance(model, LessonConfig):
        return _lesson_layers(architecture, model)
    if isinstance(model, CausalConfig):
        return _causal_layers(architecture, model)
    return (
        Layer(f"{k} word{'s' * (k > 1)}", "Kneser-Ney", (None, architecture.total_words), count)
        for k, count in enumerate(architecture.sizes, start=1)
    )


def _lesson_layers(architecture: Architecture[Any], model: LessonConfig) -> Iterator[Layer]:
    total_words, window, count = architecture.total_words, architecture.window, architecture.count
    states = (None, window, 2 * model.bidirectional_size)
    cells = count("forward.") + count("backward.")
    yield Layer("embedding", "Embedding", (None, window, model.embedding_size), count("embedding"))
    yield Layer("bidirectional", "Bidirectional(SimpleRNN)", states, cells)
    yield Layer("dropout", "Dropout", states, 0)
    yield Layer("recurrent", "SimpleRNN", (None, model.recurrent_size), count("recurrent."))
    yield Layer("hidden", "Dense (relu)", (None, total_words // 2), count("hidden."))
    yield Layer("output", "Dense (softmax)", (None, total_words), count("output."))


def _causal_layers(architecture: Architecture[Any], model: CausalConfig) -> Iterator[Layer]:
    count, cell = architecture.count, CELL_TYPES[architecture.config.preset]
    embedding, hidden = (None, None, model.embedding_size), (None, None, model.hidden_size)
    yield Layer("embedding", "Embedding", embedding, count("embedding") + count("tail"))
    for number in range(1, model.layers + 1):
        yield Layer(f"layer{number}", cell, hidden, count(f"layer{number}."))
    yield Layer("dropout", "Dropout", hidden, 0)
    if projection := count("projection."):
        yield Layer("projection", "Dense", embedding, projection)
    softmax = "adaptive softmax" if count("tail") else "softmax"
    output = (None, None, architecture.total_words)
    yield Layer("output", f"Dense (tied, {softmax})", output, count("output."))
