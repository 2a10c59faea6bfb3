"""Output layers: logits, softmax and loss in one `autograd.Function` each.

A backward pass sets the `grad` of its weight itself, to a buffer that it is given, and returns None
as the gradient. The buffer, 20 MB for the lesson, is reused, because a new array each step costs
page faults. So a step overwrites the gradient of the step before, and gradients of several batches
cannot be added up.

Shapes: N rows (words to predict), B batch, E embedding, H hidden, V vocabulary, P padded
vocabulary, S shards of it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

VOCABULARY_MULTIPLE = 48
"""The rows of the lesson's output layer are rounded up to a multiple of this. 2, 3, 4, 6, 8, 12 or
16 threads can share them evenly."""
HAS_ONEDNN: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
LOGITS_IN_MEMORY = 1 << 22
"""The most logits of the tied output layer that are in memory at a time: 16 MB."""


class SoftmaxCrossEntropy(torch.autograd.Function):
    """The lesson's output layer, with features in rows: [V, B].

    The rows of the weight are rounded up to P; the added ones stay zero.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, target: Tensor, buffer: Tensor
    ) -> tuple[Tensor, Tensor]:
        """`hidden` [H, B], `weight` and `buffer` [P, H], `bias` [V], `target` [B]
        -> the sum of the negative log-likelihoods (nats), the number of hits."""
        logits = output_logits(weight, hidden, bias)  # [P, B]
        peak = logits.amax(0)  # [B]
        wanted = logits.gather(0, target[None])[0]  # [B]
        exponentials = logits.sub_(peak).exp_()
        total = exponentials.sum(0)  # [B]
        ctx.save_for_backward(hidden, exponentials, total, target)
        ctx.weight, ctx.buffer, ctx.words = weight, buffer, len(bias)
        hits = (wanted >= peak).sum(dtype=total.dtype)
        ctx.mark_non_differentiable(hits)
        return (total.log() - (wanted - peak)).sum(), hits

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None, Tensor, None, None]:
        scale = grad_outputs[0]
        hidden, exponentials, total, target = ctx.saved_tensors
        grad_logits = exponentials.mul_(scale / total)  # [P, B]
        grad_logits[target, torch.arange(len(target), device=target.device)] -= scale
        shards = grad_logits.unflatten(0, (thread_shards(grad_logits), -1))  # [S, P / S, B]
        weight = ctx.weight.view(*shards.shape[:2], -1)  # [S, P / S, H]
        # This product is first, while the caches still hold some of the weight: it saves 0.35 ms.
        grad_hidden = torch.bmm(weight.mT, shards).sum(0)
        parts = grad_logits.unflatten(0, (VOCABULARY_MULTIPLE, -1))  # [48, P / 48, B]
        outer = hidden.T.expand(len(parts), -1, -1)
        torch.bmm(parts, outer, out=ctx.buffer.unflatten(0, parts.shape[:2]))
        ctx.weight.grad = ctx.buffer
        return grad_hidden, None, grad_logits[: ctx.words].sum(1), None, None


def output_logits(weight: Tensor, hidden: Tensor, bias: Tensor) -> Tensor:
    """`weight` [P, H], `hidden` [H, B], `bias` [V] -> [P, B], with -inf for the rows after V.

    Computed as a 1 x 1 convolution over the weight, 48 images of P / 48 pixels and H channels:
    oneDNN's kernel for that takes 2.0 ms with two threads and 3.8 with one, MKL's product 2.8 and
    5.6 (3216 x 1616, batch 32). With one thread PyTorch has oneDNN convolve 16 images or more only.
    """
    if weight.device.type == "cpu" and HAS_ONEDNN:
        pictures = weight.view(VOCABULARY_MULTIPLE, -1, 1, weight.shape[1]).permute(0, 3, 1, 2)
        filters = hidden.T.contiguous().view(hidden.shape[1], 1, 1, -1).permute(0, 3, 1, 2)
        logits = nn.functional.conv2d(pictures, filters).permute(0, 2, 3, 1).flatten(0, 2)  # [P, B]
    else:
        logits = weight @ hidden
    logits[: len(bias)] += bias[:, None]
    logits[len(bias) :] = -math.inf
    return logits


def thread_shards(like: Tensor) -> int:
    """Returns the number of shards of the vocabulary in the gradient of `hidden`, one per thread.

    MKL gives each thread some products of a batch. Adam and oneDNN split the rows of a weight among
    the threads in the same way, so each row stays with one thread. On cores with separate
    last-level caches the layer takes 9.2 ms a step in place of 10.4 ms.
    """
    threads = torch.get_num_threads() if like.device.type == "cpu" else 1
    return math.gcd(threads, VOCABULARY_MULTIPLE)


class TiedOutput(torch.autograd.Function):
    """The output layer whose weight is the embedding, one block of rows at a time.

    The gradients are computed in the forward pass, while the logits of the block are in the cache.
    The logits of a whole batch are never in memory. With autocast the products are in bfloat16.
    """

    @staticmethod
    def forward(
        ctx: Any, rows: Tensor, embedding: Tensor, bias: Tensor, target: Tensor, buffer: Tensor
    ) -> Tensor:
        """`rows` [N, E], `embedding` and `buffer` [V, E], `bias` [V], `target` [N]
        -> the sum of the negative log-likelihoods (nats)."""
        grad_rows, grad_bias = torch.empty_like(rows), torch.zeros_like(bias)
        buffer.zero_()
        nll_sum = rows.new_zeros(())
        for part in row_blocks(len(rows), len(bias)):
            logits = torch.addmm(bias, rows[part], embedding.T).float()
            wanted = target[part, None]
            score, peak = logits.gather(1, wanted)[:, 0], logits.amax(1)
            exponentials = logits.sub_(peak[:, None]).exp_()
            total = exponentials.sum(1)
            nll_sum += (total.log() + peak - score).sum()
            grad_logits = exponentials.div_(total[:, None])
            minus_one = grad_logits.new_full((1, 1), -1)
            grad_logits.scatter_add_(1, wanted, minus_one.expand(len(grad_logits), 1))
            grad_bias += grad_logits.sum(0)
            grad_rows[part] = torch.mm(grad_logits, embedding)
            if torch.is_autocast_enabled(rows.device.type):  # it leaves addmm_ in float32
                buffer += grad_logits.T @ rows[part]
            else:
                buffer.addmm_(grad_logits.T, rows[part])
        ctx.save_for_backward(grad_rows, grad_bias)
        ctx.embedding, ctx.buffer = embedding, buffer
        return nll_sum

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        scale = grad_outputs[0]
        grad_rows, grad_bias = ctx.saved_tensors
        ctx.embedding.grad = ctx.buffer.mul_(scale)
        return grad_rows.mul_(scale), None, grad_bias.mul_(scale), None, None


class TiedInput(torch.autograd.Function):
    """The embeddings of the input words. Their gradient is added to that of `TiedOutput`. The
    backward pass computes that first, since it begins at the output."""

    @staticmethod
    def forward(ctx: Any, embedding: Tensor, ids: Tensor) -> Tensor:
        """`embedding` [V, E], `ids` [N] -> [N, E]."""
        ctx.save_for_backward(ids)
        ctx.embedding = embedding
        return embedding.index_select(0, ids)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[None, None]:
        (ids,) = ctx.saved_tensors
        ctx.embedding.grad.index_add_(0, ids, grad_outputs[0])
        return None, None


def row_blocks(rows: int, words: int) -> list[slice]:
    """Cuts the rows of the tied output layer into equal blocks of at most LOGITS_IN_MEMORY."""
    blocks = max(1, -(-rows * words // LOGITS_IN_MEMORY))
    edges = np.linspace(0, rows, min(blocks, max(1, rows)) + 1).astype(int)
    return [slice(low, high) for low, high in itertools.pairwise(edges)]


class _Tail(NamedTuple):
    """The rare words of a large vocabulary. Their embedding is narrower than that of the head."""

    embedding: Tensor
    kernel: Tensor
    buffer: Tensor
    """The gradient of the embedding."""


class TiedSoftmax:
    """The embeddings and the output layer of a causal network, as `lm.adaptive_softmax` defines
    them: a head, and for a large vocabulary a tail, which is computed only for targets in it."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        """`weights` are those of the network, by the names of a saved model."""
        self._embedding, self._bias = weights["embedding"], weights["output.bias"]
        self._buffer = torch.zeros_like(self._embedding)
        self._head = len(self._embedding)
        """The number of words of the head. The row after them stands for the tail."""
        self._tail: _Tail | None = None
        if "tail1.kernel" in weights:
            embedding = weights["tail1.embedding"]
            self._head -= 1
            self._tail = _Tail(embedding, weights["tail1.kernel"], torch.zeros_like(embedding))

    @property
    def _biases(self) -> tuple[Tensor, Tensor]:
        """The biases of the head's rows and those of the tail."""
        head, tail = self._bias.tensor_split([len(self._embedding)])
        return head, tail

    def embed(self, ids: Tensor) -> Tensor:
        """`ids` [N] -> [N, E]."""
        rows = tied_input(self._embedding, ids.clamp(max=self._head))
        if self._tail is None:
            return rows
        places, tail_ids = self._in_tail(ids)
        narrow = tied_input(self._tail.embedding, tail_ids)
        return rows.index_add(0, places, (narrow @ self._tail.kernel.T).float())

    def loss(self, rows: Tensor, target: Tensor) -> Tensor:
        """`rows` [N, E], `target` [N], without padding -> the sum of the negative log-likelihoods
        (nats)."""
        bias, tail_bias = self._biases
        in_head = target.clamp(max=self._head)
        nll = tied_output(rows, self._embedding, bias, in_head, self._buffer)
        if self._tail is None:
            return nll
        places, tail_ids = self._in_tail(target)
        narrow = (rows.index_select(0, places) @ self._tail.kernel).float()
        embedding, buffer = self._tail.embedding, self._tail.buffer
        return nll + tied_output(narrow, embedding, tail_bias, tail_ids, buffer)

    @property
    def new_word_embedding(self) -> tuple[Tensor, int]:
        """The embedding that has the new words of a text, and the id of its first row. It is that
        of the tail if there is one."""
        return (self._embedding, 0) if self._tail is None else (self._tail.embedding, self._head)

    def expected_embeddings(self, rows: Tensor) -> Tensor:
        """`rows` [N, E] -> the mean embedding that the network expects at each row [N, E or
        narrower]: that of the rows of `new_word_embedding`, weighted by their probabilities."""
        bias, tail_bias = self._biases
        if self._tail is not None:
            rows, bias = rows @ self._tail.kernel, tail_bias
        embedding, _ = self.new_word_embedding
        return torch.addmm(bias, rows, embedding.T).softmax(1) @ embedding

    def logits(self, rows: Tensor) -> Tensor:
        """`rows` [N, E] -> the logits [N, V]."""
        bias, tail_bias = self._biases
        logits = torch.addmm(bias, rows, self._embedding.T)
        if self._tail is None:
            return logits
        logits = logits.log_softmax(1)
        narrow = rows @ self._tail.kernel
        tail = torch.addmm(tail_bias, narrow, self._tail.embedding.T).log_softmax(1)
        return torch.cat((logits[:, :-1], tail.add_(logits[:, -1:])), 1)

    def _in_tail(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the places in `ids` [N] of the words of the tail, and their rows in its
        embedding."""
        (places,) = torch.nonzero(ids >= self._head, as_tuple=True)
        return places, ids[places] - self._head


softmax_cross_entropy: Callable[..., tuple[Tensor, Tensor]] = SoftmaxCrossEntropy.apply
tied_output: Callable[..., Tensor] = TiedOutput.apply
tied_input: Callable[[Tensor, Tensor], Tensor] = TiedInput.apply
