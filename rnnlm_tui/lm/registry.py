"""The kinds of models, by preset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from rnnlm_tui.config import LessonConfig, RunConfig
from rnnlm_tui.lm.causal_family import CausalFamily
from rnnlm_tui.lm.family import Arrays, ArraySpec, Family
from rnnlm_tui.lm.lesson import LessonModel, lesson_layers, lesson_shapes
from rnnlm_tui.lm.model import LanguageModel, Layer
from rnnlm_tui.lm.ngram_family import NgramFamily
from rnnlm_tui.lm.time_estimate import lesson_training_seconds
from rnnlm_tui.text.corpus import Corpus
from rnnlm_tui.text.prefixes import PreparedCorpus, prepare
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.vocabulary import Vocabulary

PROGRAM_BYTES = 330_000_000
"""What the program and PyTorch take by themselves: 519 MB in all were measured on the sonnets."""


class LessonFamily(Family[LessonConfig]):
    """The lesson's network."""

    trainer = "rnnlm_tui.training.trainer"

    def arrays(
        self, config: LessonConfig, total_words: int, sizes: Sequence[int] = ()
    ) -> dict[str, ArraySpec]:
        """See `Family`."""
        shapes = lesson_shapes(config, total_words)
        return {name: ArraySpec(shape) for name, shape in shapes.items()}

    def layers(
        self, config: LessonConfig, total_words: int, window: int, sizes: Sequence[int] = ()
    ) -> tuple[Layer, ...]:
        """See `Family`."""
        return lesson_layers(config, total_words, window)

    def load(
        self,
        config: LessonConfig,
        vocabulary: Vocabulary,
        tokenizer: Tokenizer,
        window: int,
        arrays: Arrays,
    ) -> LanguageModel:
        """See `Family`."""
        return LessonModel(config, vocabulary, tokenizer, window, arrays)

    def prepare(
        self,
        corpus: Corpus,
        tokenizer: Tokenizer,
        config: RunConfig,
        known: tuple[Vocabulary, int] | None = None,
    ) -> PreparedCorpus:
        """See `Family`."""
        assert isinstance(config.model, LessonConfig)
        vocabulary, window = known or (None, None)
        return prepare(
            corpus,
            tokenizer,
            max_window=config.model.max_window,
            max_vocabulary=config.train.max_vocabulary,
            min_count=config.train.min_count,
            held_out=config.train.held_out,
            seed=config.train.seed,
            vocabulary=vocabulary,
            window=window,
        )

    def training_bytes(
        self, config: RunConfig, total_words: int, window: int, examples: int
    ) -> int:
        """In float32: weights, gradients and Adam's two means, and the copies of three of them
        while they are saved, and of the initial weights; and the scores of a batch with what is
        made of them."""
        assert isinstance(config.model, LessonConfig)
        parameters = self.parameters(config.model, total_words)
        batch_size = config.network_train.batch_size
        return 4 * (8 * parameters + 4 * batch_size * total_words) + PROGRAM_BYTES

    def training_seconds(
        self, config: RunConfig, total_words: int, window: int, examples: int
    ) -> float:
        """See `Family`."""
        return lesson_training_seconds(config, total_words, window, examples)


FAMILIES: Mapping[str, Family[Any]] = MappingProxyType(
    {
        "lesson": LessonFamily(),
        "ngram": NgramFamily(),
        **{cell: CausalFamily(cell) for cell in ("rnn", "gru", "lstm")},
    }
)
