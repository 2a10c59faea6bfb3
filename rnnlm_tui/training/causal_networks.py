"""Causal networks: every word of a line predicted from the words before it, in one pass.

Shapes: B batch, T time steps, N words to predict, G gates, E embedding, H hidden, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

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
    mask for all time steps of a batch (Gal and Ghahramani 2016).

    A batch starts from the last state of the batch before it.

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
        self._layers = [
            {k.partition(".")[2]: w for k, w in self._weights.items() if f"layer{number}." in k}
            for number in range(1, config.layers + 1)
        ]
        self._softmax = TiedSoftmax(self._weights)
        initial = initial_weights(shapes, rng, embedding_limit=0.1, gates=CELLS[cell].gates)
        for name, weight in initial.items():
            if cell == "lstm" and name.startswith("layer") and name.endswith("bias"):
                weight.reshape(4, -1)[2] = 1  # the forget gate (Jozefowicz et al. 2015)
        self.load_weights(initial)

    def loss(self, x: Tensor, target: Tensor, dropout: np.random.Generator | None) -> BatchLoss:
        """The loss of predicting `target` [B, T] from `x` [B, T]; padding is no target."""
        rows, wanted = self._rows(x, target, dropout)
        nll = self._softmax.loss(rows, wanted)
        none = torch.zeros_like(nll)  # no penalty, and hits are not counted
        return batch_loss(nll, len(wanted), none, none)

    @torch.no_grad()
    def logits(self, x: Tensor, target: Tensor) -> Iterator[Logits]:
        """The logits of the words and ends of lines, in blocks. As in `loss`, the state is passed
        from batch to batch."""
        rows, wanted = self._rows(x, target, None)
        for part in row_blocks(len(rows), len(self._weights["output.bias"])):
            logits = self._softmax.logits(rows[part])
            yield logits, wanted[part], torch.ones_like(wanted[part], dtype=torch.bool)

    @torch.no_grad()
    def embed_new_words(self, words: Tensor, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Gives new words the embeddings of what they are used like: the mean of what the network
        expects where they stand in these batches, as `loss` takes them."""
        embedding, first = self._softmax.new_word_embedding
        sums, counts = torch.zeros_like(embedding), embedding.new_zeros(len(embedding), 1)
        for x, target in batches:
            rows, wanted = self._rows(x, target, None)
            is_new = torch.isin(wanted, words)
            places = wanted[is_new] - first
            sums.index_add_(0, places, self._softmax.expected_embeddings(rows[is_new]))
            counts += torch.bincount(places, minlength=len(embedding))[:, None]
        self.hidden_state = []
        embedding.copy_(torch.where(counts > 0, sums / counts, embedding))

    def _rows(
        self, x: Tensor, target: Tensor, dropout: np.random.Generator | None
    ) -> tuple[Tensor, Tensor]:
        """The inputs of the output layer [N, E] and their targets [N], without padding."""
        batch, length = x.shape
        flat = self._softmax.embed(x.T.reshape(-1))  # [T * B, E]
        embedded, rate = flat.view(length, batch, -1), self.config.dropout
        sequence = apply_dropout(embedded, embedded[:1], dropout, rate)  # [T, B, E]
        zeros = map(flat.new_zeros, self.hidden_shapes(batch))
        starts, ends = iter(self.hidden_state or zeros), list[Tensor]()
        for weights in self._layers:
            start = [*islice(starts, CELLS[self.cell].parts)]
            sequence, end = recurrent_layer(self.cell, sequence, weights, start)
            ends += end
            sequence = apply_dropout(sequence, sequence[:1], dropout, rate)  # [T, B, H]
        self.hidden_state = ends
        rows = sequence.flatten(0, 1)  # [T * B, H]
        if "projection.kernel" in self._weights:
            rows = (rows @ self._weights["projection.kernel"]).float()  # [T * B, E]
        wanted = target.T.reshape(-1)  # [T * B], in the order of the rows
        real = wanted != PADDING
        return (rows, wanted) if bool(real.all()) else (rows[real], wanted[real])

    def hidden_shapes(self, rows: int) -> list[torch.Size]:
        shape = torch.Size((rows, self.config.hidden_size))
        return [shape] * CELLS[self.cell].parts * len(self._layers)

    def weights(self) -> dict[str, Tensor]:
        return {name: tensor.detach() for name, tensor in self._weights.items()}
