"""Causal networks: every word of a line predicted from the words before it, in one pass.

Shapes: B batch, T time steps, N words to predict, G gates, E embedding, H hidden, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import Tensor, nn

from rnnlm_tui.config import CausalConfig
from rnnlm_tui.lm.causal import CELLS, causal_shapes
from rnnlm_tui.lm.layers import initial_weights
from rnnlm_tui.text.vocabulary import PADDING
from rnnlm_tui.training.networks import BatchLoss, Logits, Network, apply_dropout, batch_loss
from rnnlm_tui.training.output_layers import TiedSoftmax, row_blocks
from rnnlm_tui.training.recurrent_layers import recurrent_layer


class CausalNetwork(Network):
    """Embedding, recurrent layers of one kind, and an output layer tied to the embedding.

    Dropout is applied to the embeddings, between the layers and before the output layer, with one
    mask for all time steps of a batch (Gal and Ghahramani 2016). A batch starts from the last
    hidden state of the batch before it.

    Sources: Press and Wolf 2017 and Inan et al. 2017 (tied embeddings), Merity et al. 2018.
    """

    def __init__(
        self, cell: str, config: CausalConfig, total_words: int, rng: np.random.Generator
    ) -> None:
        super().__init__()
        self.cell, self.config = cell, config
        shapes = causal_shapes(cell, config, total_words)
        self._weights = {name: nn.Parameter(torch.zeros(shape)) for name, shape in shapes.items()}
        for name, parameter in self._weights.items():
            self.register_parameter(name.replace(".", "_"), parameter)
        prefixes = [f"layer{number}." for number in range(1, config.layers + 1)]
        self._layers = [
            {name.removeprefix(p): w for name, w in self._weights.items() if name.startswith(p)}
            for p in prefixes
        ]
        self._softmax = TiedSoftmax(self._weights)
        initial = initial_weights(shapes, rng, embedding_limit=0.1, gates=CELLS[cell].gates)
        for name, weight in initial.items():
            if cell == "lstm" and name.startswith("layer") and name.endswith("bias"):
                # Of the gates o, i, f, g the forget gate begins open (Jozefowicz et al. 2015).
                weight.reshape(4, -1)[2] = 1
        self.load_weights(initial)

    def loss(self, x: Tensor, target: Tensor, dropout: np.random.Generator | None) -> BatchLoss:
        """Returns the loss of predicting `target` [B, T] from `x` [B, T]. Padding is no target."""
        rows, wanted = self._rows(x, target, dropout)
        nll = self._softmax.loss(rows, wanted)
        zero = torch.zeros_like(nll)  # there is no penalty, and hits are not counted
        return batch_loss(nll, len(wanted), zero, zero)

    @torch.no_grad()
    def logits(self, x: Tensor, target: Tensor) -> Iterator[Logits]:
        """Yields the logits of the words and ends of lines, in blocks. As in `loss`, the hidden
        state is passed from batch to batch."""
        rows, wanted = self._rows(x, target, None)
        for part in row_blocks(len(rows), len(self._weights["output.bias"])):
            logits = self._softmax.logits(rows[part])
            yield logits, wanted[part], torch.ones_like(wanted[part], dtype=torch.bool)

    @torch.no_grad()
    def embed_new_words(self, words: Tensor, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Sets the embedding of each new word, of the ids `words` [K], to the mean of those that
        the network expects where the word stands in the batches. So a new word resembles words that
        are used like it. A batch has the `x` and the `target` of `loss`."""
        embedding, first_id = self._softmax.new_word_embedding
        sums, counts = torch.zeros_like(embedding), embedding.new_zeros(len(embedding), 1)
        for x, target in batches:
            rows, wanted = self._rows(x, target, None)
            is_new = torch.isin(wanted, words)
            new = wanted[is_new] - first_id  # rows of the embedding
            sums.index_add_(0, new, self._softmax.expected_embeddings(rows[is_new]))
            counts += torch.bincount(new, minlength=len(embedding))[:, None]
        self.hidden_state = []
        embedding.copy_(torch.where(counts > 0, sums / counts, embedding))

    def _rows(
        self, x: Tensor, target: Tensor, dropout: np.random.Generator | None
    ) -> tuple[Tensor, Tensor]:
        """Returns the inputs of the output layer [N, E] and their targets [N], without padding.
        Replaces the hidden state."""
        batch, length = x.shape
        flat = self._softmax.embed(x.T.reshape(-1))  # [T * B, E]
        embedded, rate = flat.view(length, batch, -1), self.config.dropout
        sequence = apply_dropout(embedded, embedded[:1], dropout, rate)  # [T, B, E]
        state = self.hidden_state or [*map(flat.new_zeros, self.hidden_shapes(batch))]
        parts = CELLS[self.cell].parts  # tensors of the state of a layer
        self.hidden_state = []
        for number, weights in enumerate(self._layers):
            start = state[number * parts : (number + 1) * parts]
            sequence, end = recurrent_layer(self.cell, sequence, weights, start)
            self.hidden_state += end
            sequence = apply_dropout(sequence, sequence[:1], dropout, rate)  # [T, B, H]
        rows = sequence.flatten(0, 1)  # [T * B, H]
        if "projection.kernel" in self._weights:
            rows = (rows @ self._weights["projection.kernel"]).float()  # [T * B, E]
        wanted = target.T.reshape(-1)  # [T * B], in the order of the rows
        is_target = wanted != PADDING
        if bool(is_target.all()):
            return rows, wanted
        return rows[is_target], wanted[is_target]

    def hidden_shapes(self, rows: int) -> list[torch.Size]:
        shape = torch.Size((rows, self.config.hidden_size))
        return [shape] * CELLS[self.cell].parts * len(self._layers)

    def weights(self) -> dict[str, Tensor]:
        return {name: tensor.detach() for name, tensor in self._weights.items()}
