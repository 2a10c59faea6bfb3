"""Estimates the memory of a training before it begins."""

from __future__ import annotations

from rnnlm_tui.config import CausalConfig, CausalTrainConfig, Config, NgramConfig
from rnnlm_tui.errors import CorpusError
from rnnlm_tui.formatting import format_bytes
from rnnlm_tui.lm.kneser_ney import sampling_step
from rnnlm_tui.lm.layers import parameters_of
from rnnlm_tui.text.prepare import Prepared

PROGRAM_BYTES = 330_000_000
"""The memory of the program with PyTorch. The lesson on the sonnets takes 519 MB in all."""
NGRAM_PROGRAM_BYTES = 45_000_000
"""The memory of the program without PyTorch. N-grams of the sonnets take 48 MB in all."""
BYTES_PER_WORD = 25
"""The memory per word of the text, and per word of the vocabulary."""
BYTES_PER_NGRAM = 30
"""The memory per n-gram in the text. A text has as many n-grams of each length as words."""
BLOCK_BYTES = 3 * (16 << 20)
"""The memory of a block of logits and of two arrays of the same size that are derived from it."""
BYTES_PER_NUMBER = 4
"""The size of a float32."""


def memory_bytes(config: Config, prepared: Prepared) -> int:
    """Returns the estimated memory of a training, in bytes."""
    words, total_words = prepared.predictions, prepared.vocabulary.total_words
    model, train = config.model, config.train
    text = BYTES_PER_WORD * (words + total_words)
    counted_words = words // sampling_step(words)
    if isinstance(model, NgramConfig):
        return NGRAM_PROGRAM_BYTES + text + BYTES_PER_NGRAM * model.order * counted_words
    if isinstance(model, CausalConfig) and isinstance(train, CausalTrainConfig):
        # Forward and backward. A unit of a layer has up to 16 numbers, for up to four gates.
        per_step = 2 * (16 * model.layers * model.hidden_size + model.embedding_size)
        units = BYTES_PER_NUMBER * train.batch_size * train.bptt * per_step
        ngrams = BYTES_PER_NGRAM * model.order * counted_words if config.is_mixed else 0
        arrays = units + BLOCK_BYTES + text + ngrams
    else:
        # The logits of a batch and three arrays that are derived from them.
        arrays = BYTES_PER_NUMBER * 4 * config.network_train.batch_size * total_words
    # Each parameter has eight numbers: the weight, its gradient, Adam's two moments, copies of the
    # weight and the moments while they are saved, and the initial weight.
    weights = BYTES_PER_NUMBER * 8 * parameters_of(config, total_words)
    return PROGRAM_BYTES + weights + arrays


def check_memory(config: Config, prepared: Prepared) -> None:
    """Raises CorpusError if a training does not fit into the free memory."""
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
