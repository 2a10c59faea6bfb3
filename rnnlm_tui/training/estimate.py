"""Estimates the memory of a training, and how long a run takes on the CPU of this machine: not only
its steps, but also what it measures and fits.

The time of a step is that of its multiplications at the speed of a small product, measured with
numpy, plus the overhead of small operations. Right within a factor of two on a quiet machine.
"""

from __future__ import annotations

import math
import os
import time
from typing import Any, NamedTuple

import numpy as np

from rnnlm_tui.config import (
    CausalConfig,
    CausalTrainConfig,
    Config,
    LessonConfig,
    NetworkTrainConfig,
    NgramConfig,
)
from rnnlm_tui.lm.adaptive_softmax import softmax_shapes
from rnnlm_tui.lm.cells import CELLS
from rnnlm_tui.lm.mixture import FEWEST_WORDS, MAX_FITTED, MixedModel
from rnnlm_tui.lm.model import Architecture, LanguageModel
from rnnlm_tui.lm.ngram import NgramModel, leaves_out
from rnnlm_tui.lm.registry import ARCHITECTURES
from rnnlm_tui.text.prepare import PreparedText

MAX_WORDS, MAX_WORDS_IF_STOPPED = 10_000, 1_000
"""The most words to evaluate: 10 to 30 seconds for a large network, 1 to 3 if the run was stopped
and somebody waits for it."""
TRAIN_SAMPLE = 5_000
"""Training words, in lines spread over the text, that the metrics of n-grams are measured on."""
MAX_AT_FIRST = 1_000
"""Words that the n-grams with which a network's training begins are mixed and evaluated on: they
should predict within a second."""
ORDER = 5
"""The length of the n-grams that are mixed with a network."""

PROGRAM_BYTES, NGRAM_PROGRAM_BYTES = 330_000_000, 45_000_000
"""Memory of the program with PyTorch and without. The lesson on the sonnets takes 519 MB in all,
n-grams of them 48 MB."""
BYTES_PER_WORD, MAX_IN_MEMORY = 60, 4_000_000
"""Memory per word of the text, as part of a line and as numbers, and about the words of the largest
text that is held in memory."""
BYTES_PER_SEQUENCE, BYTES_IF_LEFT_OUT = 30, 6
"""Memory per word and length of n-grams, and if n-grams that occur once are left out: 259 MB in all
for a million words, where 225 MB were measured, since not all n-grams of 5 words are distinct."""
BLOCK_BYTES = 3 * (16 << 20)
"""Memory for a block of logits and the arrays derived from it."""

COUNTING_S = 0.3e-6
"""Seconds to count a word, per length of n-grams."""
FORWARD = 0.4
"""The time of predicting a held-out word relative to learning a word."""
FORWARD_AND_BACKWARD = 3
"""Products of a training step: outputs, gradients of inputs, gradients of weights."""
OPTIMIZER = 90
"""Multiplications that take as long as Adam's memory-bound update of one parameter."""
TAIL_WORDS = (0.15, 0.01)
"""About the fraction of running English words in each tail of the adaptive softmax or a later
one."""
THREADS_POWER = 0.8
"""n threads are n ** 0.8 times as fast as one; 1.74 was measured for 2."""
CELL_STEP_S = 120e-6
"""Overhead of a time step of a recurrent layer, forward and backward."""
STEP_S = 1e-3
"""Other overhead of a training step."""
REFERENCE = 46.6e9
"""Multiplications per second of the machine on which the following was measured."""
MEASURED_WORD_S, MEASURED_LOGIT_S = 0.25e-3, 32e-9
"""Seconds to evaluate a word with its keys, and more for each logit of a network or a base model:
0.25 ms for n-grams, 1.2 ms for a mixture with 30,000 words of a base."""
FITTED_WORD_S, FITTED_LOGIT_S = 0.04e-3, 17e-9
"""The same to fit mixture weights to a word: 0.04 ms and 0.55 ms."""
TRIES = 12
SIDE = 64
"""Rows and columns of the product that measures the speed, small enough to be computed by one
thread."""


class RunSeconds(NamedTuple):
    """Estimated seconds of the parts of a run: before its steps, its steps, after each of its
    epochs, and after the last one."""

    start: float
    steps: float
    each_epoch: float
    end: float

    def total(self, epochs: int) -> float:
        """The seconds of the whole run."""
        return self.start + self.steps + epochs * self.each_epoch + self.end


def run_seconds(config: Config, prepared: PreparedText, base_logits: int) -> RunSeconds:
    """The estimated seconds of a run. `base_logits` are those of its base model for each place, as
    `logits_of` tells; 0 without one."""
    examples, held_out = prepared.examples.predictions, prepared.held_out_words
    architecture = ARCHITECTURES[config.preset](
        config, prepared.vocabulary.total_words, prepared.window
    )
    steps = step_seconds(architecture, examples)
    is_network = isinstance(config.train, NetworkTrainConfig)
    own = prepared.vocabulary.total_words if is_network else 0
    mixed = own + base_logits if config.is_mixed else own
    end = _measuring(min(held_out, MAX_WORDS), mixed)
    if config.is_mixed:
        end += _fitting(held_out, MAX_FITTED, mixed)
        if base_logits:  # it is measured alone, too
            end += _measuring(min(held_out, MAX_WORDS), base_logits)
    if not is_network:
        alone = min(prepared.tokens - held_out, TRAIN_SAMPLE)
        alone += min(held_out, MAX_WORDS) if config.is_mixed else 0
        return RunSeconds(0.0, steps, 0.0, end + _measuring(alone, 0))
    each = FORWARD * steps / config.epochs * held_out / max(1, examples)
    if not config.is_mixed:
        return RunSeconds(0.0, steps, each, end)
    start = COUNTING_S * ORDER * examples
    start += _measuring(min(held_out, MAX_AT_FIRST), base_logits)
    start += _fitting(held_out, MAX_AT_FIRST, base_logits)
    return RunSeconds(start, steps, each + _fitting(held_out, MAX_FITTED, mixed), end)


def step_seconds(architecture: Architecture[Any], examples: int) -> float:
    """The seconds of the steps of all epochs, though the training may stop early."""
    config, count, parameters = architecture.config, architecture.count, architecture.parameters
    if isinstance(config.model, NgramConfig):
        return COUNTING_S * config.model.order * examples
    recipe = config.network_train
    if isinstance(config.model, LessonConfig):
        # The dense layers once per example, the recurrent layers once per time step.
        rows, cell_steps = max(1, min(recipe.batch_size, examples)), 2 * architecture.window
        dense = count("hidden.kernel") + count("output.kernel")
        recurrent = parameters - dense - count("embedding")
        multiplications = float(dense + architecture.window * recurrent)
    else:
        # Each weight once per word: the embedding as output layer, a tail only for its words.
        assert isinstance(recipe, CausalTrainConfig)
        rows = max(1, min(recipe.batch_size, examples // recipe.bptt)) * recipe.bptt
        cell_steps = recipe.bptt * config.model.layers
        layers = parameters - count("embedding") - count("tail")
        multiplications = layers + _softmax_multiplications(config.model, architecture.total_words)
    cores = os.cpu_count() or 1
    speed = multiplications_per_second() * min(recipe.threads or cores, cores) ** THREADS_POWER
    products = FORWARD_AND_BACKWARD * rows * multiplications + OPTIMIZER * parameters
    steps = recipe.epochs * math.ceil(examples / rows)
    return float(steps * (products / speed + CELL_STEP_S * cell_steps + STEP_S))


def _softmax_multiplications(model: CausalConfig, total_words: int) -> float:
    """The expected multiplications of the output layer per word."""
    total = 0.0
    for name, (rows, columns) in softmax_shapes(model, total_words).items():
        number = int(name[4:].partition(".")[0]) if name.startswith("tail") else 0
        total += rows * columns * (TAIL_WORDS[number - 1] if number else 1)
    return total


def training_bytes(architecture: Architecture[Any], examples: int) -> int:
    """The memory of a training with so many predictions per epoch."""
    config, total_words = architecture.config, architecture.total_words
    text = BYTES_PER_WORD * min(examples, MAX_IN_MEMORY)
    if isinstance(config.model, NgramConfig):
        of_vocabulary = BYTES_PER_WORD * total_words
        counting = _counting_bytes(examples, config.model.order)
        return NGRAM_PROGRAM_BYTES + text + of_vocabulary + counting
    recipe = config.network_train
    if isinstance(config.model, LessonConfig):
        # The logits of a batch with the arrays derived from them.
        arrays = 4 * 4 * recipe.batch_size * total_words
    else:
        # The units of all time steps of a batch, forward and backward.
        assert isinstance(recipe, CausalTrainConfig)
        gates = CELLS[config.preset].gates
        units = config.model.layers * config.model.hidden_size * (3 * gates + 4)
        units += config.model.embedding_size
        arrays = 4 * 2 * recipe.batch_size * recipe.bptt * units + BLOCK_BYTES + text
        arrays += _counting_bytes(examples, ORDER) if config.is_mixed else 0
    # Weights, gradients, Adam's two moments, copies of the weights and moments while saving, and
    # the initial weights.
    return PROGRAM_BYTES + 4 * 8 * architecture.parameters + arrays


def _counting_bytes(examples: int, order: int) -> int:
    """Memory for at most one n-gram of each length per word."""
    return order * (BYTES_IF_LEFT_OUT if leaves_out(examples) else BYTES_PER_SEQUENCE) * examples


def _measuring(words: int, logits: int) -> float:
    """Seconds to evaluate so many words, for each of which networks and a base model compute so
    many logits."""
    seconds = words * (MEASURED_WORD_S + MEASURED_LOGIT_S * logits)
    return seconds * REFERENCE / multiplications_per_second()


def _fitting(held_out: int, most_words: int, logits: int) -> float:
    """The same to fit the weights of a mixture."""
    if held_out < FEWEST_WORDS:
        return 0.0
    seconds = min(held_out, most_words) * (FITTED_WORD_S + FITTED_LOGIT_S * logits)
    return seconds * REFERENCE / multiplications_per_second()


def multiplications_per_second() -> float:
    """Multiplications per second of one thread in a float32 matrix product. Takes about 1 ms."""
    left, right = (np.full((SIDE, SIDE), 0.01, np.float32) for _ in range(2))
    best = math.inf
    for _ in range(TRIES):  # other programs can only slow it down
        begin = time.perf_counter()
        np.matmul(left, right)
        best = min(best, time.perf_counter() - begin)
    return float(SIDE**3 / max(best, 1e-9))


def logits_of(model: LanguageModel | None) -> int:
    """The logits that a base model computes for each place; n-grams look up only the words that
    they need."""
    if isinstance(model, MixedModel):
        return sum(map(logits_of, model.models.values()))
    return 0 if model is None or isinstance(model, NgramModel) else model.vocabulary.total_words
