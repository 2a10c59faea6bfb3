"""The kinds of causal networks: `rnn`, `gru` and `lstm`."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rnnlm_tui.config import CausalConfig, CausalTrainConfig, RunConfig
from rnnlm_tui.lm.causal import GATES, CausalModel, causal_layers, causal_shapes
from rnnlm_tui.lm.family import Arrays, ArraySpec, Family
from rnnlm_tui.lm.model import LanguageModel, Layer
from rnnlm_tui.lm.time_estimate import Step, step_seconds
from rnnlm_tui.text.corpus import Corpus
from rnnlm_tui.text.encoded import PreparedLines, prepare_lines
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS, Vocabulary

WINDOW = 256
"""The words of a context that a model sees: its states are kept, so more would cost but memory."""
PROGRAM_BYTES = 330_000_000
"""What the program and PyTorch take by themselves."""
BLOCK_BYTES = 3 * (16 << 20)
"""The scores of some rows with what is made of them."""
TEXT_BYTES = 60
"""What a word of the text takes as a line, and as numbers."""


class CausalFamily(Family[CausalConfig]):
    """Networks of one kind of recurrent layer."""

    trainer = "rnnlm_tui.training.trainer"
    special_tokens = SPECIAL_TOKENS

    def __init__(self, cell: str) -> None:
        """`cell` is rnn, gru or lstm."""
        self.cell = cell

    def arrays(
        self, config: CausalConfig, total_words: int, sizes: Sequence[int] = ()
    ) -> dict[str, ArraySpec]:
        """See `Family`."""
        shapes = causal_shapes(self.cell, config, total_words)
        return {name: ArraySpec(shape) for name, shape in shapes.items()}

    def layers(
        self, config: CausalConfig, total_words: int, window: int, sizes: Sequence[int] = ()
    ) -> tuple[Layer, ...]:
        """See `Family`."""
        return causal_layers(self.cell, config, total_words)

    def load(
        self,
        config: CausalConfig,
        vocabulary: Vocabulary,
        tokenizer: Tokenizer,
        window: int,
        arrays: Arrays,
    ) -> LanguageModel:
        """See `Family`."""
        return CausalModel(self.cell, config, vocabulary, tokenizer, window, arrays)

    def prepare(
        self,
        corpus: Corpus,
        tokenizer: Tokenizer,
        config: RunConfig,
        known: tuple[Vocabulary, int] | None = None,
    ) -> PreparedLines:
        """See `Family`."""
        return prepare_lines(
            corpus,
            tokenizer,
            window=known[1] if known else WINDOW,
            max_vocabulary=config.train.max_vocabulary,
            min_count=config.train.min_count,
            held_out=config.train.held_out,
            seed=config.train.seed,
            vocabulary=known[0] if known else None,
        )

    def training_bytes(
        self, config: RunConfig, total_words: int, window: int, examples: int
    ) -> int:
        """In float32: weights, gradients and AdamW's two means, and the copies of three of them
        while they are saved, and of the initial weights; the layers' units at all time steps of a
        batch, forward and backward; the scores of some rows; and the text."""
        assert isinstance(config.model, CausalConfig)
        recipe = causal_train(config)
        model = config.model
        units = model.embedding_size + model.layers * model.hidden_size * (3 * GATES[self.cell] + 4)
        batch = 2 * recipe.batch_size * recipe.bptt * units
        parameters = self.parameters(model, total_words)
        return 4 * (8 * parameters + batch) + BLOCK_BYTES + TEXT_BYTES * examples + PROGRAM_BYTES

    def training_seconds(
        self, config: RunConfig, total_words: int, window: int, examples: int
    ) -> float:
        """See `Family`. Early stops are not foreseen."""
        assert isinstance(config.model, CausalConfig)
        recipe = causal_train(config)
        model, gates = config.model, GATES[self.cell]
        streams = max(1, min(recipe.batch_size, examples // recipe.bptt))
        rows = streams * recipe.bptt
        # A layer's product with its input counts as one with its state, all steps at once.
        cells = ((streams, round(model.hidden_size * math.sqrt(2 * gates))),) * model.layers
        step = Step(
            rows=rows,
            inputs=model.embedding_size,
            outputs=total_words,
            parameters=self.parameters(model, total_words),
            time_steps=recipe.bptt,
            cells=cells,
        )
        steps = recipe.epochs * math.ceil(examples / rows)
        return steps * step_seconds(step, recipe.threads)


def causal_train(config: RunConfig) -> CausalTrainConfig:
    """How a causal network is trained. Raises TypeError for another preset."""
    if not isinstance(config.train, CausalTrainConfig):
        raise TypeError(f"the preset {config.preset} is no causal network")
    return config.train
