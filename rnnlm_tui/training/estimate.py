"""Estimates the memory that a training takes before it begins."""

from __future__ import annotations

from rnnlm_tui.config import CausalConfig, CausalTrainConfig, Config, NgramConfig
from rnnlm_tui.errors import CorpusError
from rnnlm_tui.formatting import format_bytes
from rnnlm_tui.lm.kneser_ney import sampling_step
from rnnlm_tui.lm.layers import parameters_of
from rnnlm_tui.text.prepare import Prepared

PROGRAM_BYTES = 330_000_000
"""Memory of the program with PyTorch. The lesson on the sonnets takes 519 MB in all."""
NGRAM_PROGRAM_BYTES = 45_000_000
"""Memory of the program without PyTorch. N-grams of the sonnets take 48 MB in all."""
BYTES_PER_WORD = 25
"""Memory per word of the text."""
BYTES_PER_NGRAM = 30
"""Memory per counted word and length of n-grams."""
BLOCK_BYTES = 3 * (16 << 20)
"""Memory for a block of logits and the arrays derived from it."""


def memory_bytes(config: Config, prepared: Prepared) -> int:
    """The memory of a training, in bytes."""
    words, total_words = prepared.predictions, prepared.vocabulary.total_words
    counted = words // sampling_step(words)
    model, recipe = config.model, config.train
    text = BYTES_PER_WORD * (words + total_words)
    if isinstance(model, NgramConfig):
        return NGRAM_PROGRAM_BYTES + text + BYTES_PER_NGRAM * model.order * counted
    if isinstance(model, CausalConfig) and isinstance(recipe, CausalTrainConfig):
        # The units of all time steps of a batch, forward and backward, of up to four gates. A
        # number has 4 bytes.
        units = 16 * model.layers * model.hidden_size + model.embedding_size
        arrays = 4 * 2 * recipe.batch_size * recipe.bptt * units + BLOCK_BYTES + text
        arrays += BYTES_PER_NGRAM * model.order * counted if config.is_mixed else 0
    else:
        # The logits of a batch and three arrays derived from them, 4 bytes a number.
        arrays = 4 * 4 * config.network_train.batch_size * total_words
    # Weights, gradients, Adam's two moments, copies of the weights and moments while saving, and
    # the initial weights: eight numbers of 4 bytes for each parameter.
    return PROGRAM_BYTES + 4 * 8 * parameters_of(config, total_words) + arrays


def check_memory(config: Config, prepared: Prepared) -> None:
    """Raises CorpusError if the training does not fit into the free memory."""
    import psutil

    needed, free = memory_bytes(config, prepared), psutil.virtual_memory().available
    if needed > free:
        words = len(prepared.vocabulary.words)
        raise CorpusError(
            f"{prepared.corpus.name} has {words:,} different words: the preset {config.preset}"
            f" needs {format_bytes(needed)} of memory to train on them,"
            f" {format_bytes(free)} are free",
            "keep the most frequent words by a smaller {max_vocabulary}, or take a preset whose"
            " size grows less with the vocabulary",
        )
