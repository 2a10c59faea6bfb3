"""Output layers: logits, softmax and loss in one `autograd.Function` each.

A weight's gradient, 20 MB for the lesson, is written to a buffer that is reused and becomes its
`grad`, because a new array each step costs page faults. So gradients of batches cannot be summed.

Shapes: N rows (words to predict), B batch, E embedding, H hidden, V vocabulary, P the same padded,
S shards.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS
from rnnlm_tui.training.networks import add_product, product

VOCABULARY_MULTIPLE = 48
"""The lesson's output rows are rounded up to a multiple of this, which 2, 3, 4, 6, 8, 12 or 16
threads divide evenly."""
HAS_ONEDNN: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
ROWS_AT_ONCE = 1 << 22
"""Logits of the tied output layer in memory at a time: 16 MB, whatever the batch size."""
FIRST_WORD = 1 + len(SPECIAL_TOKENS)
"""The id after those of padding and the special tokens."""


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
        hits = (wanted >= peak).sum()
        ctx.mark_non_differentiable(hits)
        return (total.log() - (wanted - peak)).sum(), hits

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None, Tensor, None, None]:
        scale = grad_outputs[0]
        hidden, exponentials, total, target = ctx.saved_tensors
        grad = exponentials.mul_(scale / total)  # [P, B]
        grad[target, torch.arange(len(target), device=target.device)] -= scale
        shards = grad.unflatten(0, (thread_shards(grad), -1))  # [S, P / S, B]
        weight, buffer = (x.view(*shards.shape[:2], -1) for x in (ctx.weight, ctx.buffer))
        # First, while the caches still hold some of the weight: 0.35 ms a step less.
        grad_hidden = torch.bmm(weight.mT, shards).sum(0)
        torch.bmm(shards, hidden.T.expand(len(shards), -1, -1), out=buffer)
        ctx.weight.grad = ctx.buffer
        return grad_hidden, None, grad[: ctx.words].sum(1), None, None


def output_logits(weight: Tensor, hidden: Tensor, bias: Tensor) -> Tensor:
    """`weight` [P, H], `hidden` [H, B], `bias` [V] -> [P, B], with -inf for the rows after V.

    Computed as a 1 x 1 convolution over the weight, an image of P pixels and H channels: oneDNN's
    kernel for that takes 2.0 ms, MKL's product 2.6 (3216 x 1616, batch 32, 2 cores).
    """
    if weight.device.type == "cpu" and HAS_ONEDNN:
        picture = weight.view(1, len(weight), 1, -1).permute(0, 3, 1, 2)  # [1, H, P, 1]
        filters = hidden.T.contiguous().view(hidden.shape[1], 1, 1, -1).permute(0, 3, 1, 2)
        logits = nn.functional.conv2d(picture, filters)[0, :, :, 0].T  # [P, B]
    else:
        logits = weight @ hidden
    logits[: len(bias)] += bias[:, None]
    logits[len(bias) :] = -math.inf
    return logits


def thread_shards(like: Tensor) -> int:
    """Number of vocabulary shards for the output products, one per thread.

    Then the same thread reads, updates and reads a row again: Adam and oneDNN split the rows that
    way, and MKL does for a batch of products. On cores with separate last-level caches the layer
    takes 9.2 ms a step instead of 10.4 ms.
    """
    threads = torch.get_num_threads() if like.device.type == "cpu" else 1
    return math.gcd(threads, VOCABULARY_MULTIPLE)


class TiedOutput(torch.autograd.Function):
    """The output layer whose weight is the embedding, one block of rows at a time.

    The gradients are computed in the forward pass, while the logits of the block are in the cache,
    so the logits of a whole batch are never in memory at once.
    """

    @staticmethod
    def forward(
        ctx: Any,
        rows: Tensor,
        embedding: Tensor,
        bias: Tensor,
        target: Tensor,
        buffer: Tensor,
        words: slice,
        precision: torch.dtype,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """`rows` [N, E], `embedding` and `buffer` [V, E], `bias` [V], `target` [N]; `words` are the
        rows of the embedding that are words, not special tokens; `precision` is that of the
        products -> the sum of the negative log-likelihoods (nats), the log-likelihoods [N], and how
        far the score of the likeliest word is above that of the target [N]."""
        of_rows, of_bias = torch.empty_like(rows), torch.zeros_like(bias)
        buffer.zero_()
        low_rows, low_embedding = rows.to(precision), embedding.to(precision)
        likelihoods, behind = rows.new_empty(2, len(rows)).unbind()
        for part in row_blocks(len(rows), len(bias)):
            logits = product(low_rows[part], low_embedding.T, bias)
            wanted = target[part, None]
            score, peak = logits.gather(1, wanted)[:, 0], logits[:, words].amax(1)
            torch.sub(peak, score, out=behind[part])
            for others in (logits[:, : words.start], logits[:, words.stop :]):
                peak = torch.maximum(peak, others.amax(1)) if others.shape[1] else peak
            exponentials = logits.sub_(peak[:, None]).exp_()
            total = exponentials.sum(1)
            torch.sub(score - peak, total.log(), out=likelihoods[part])
            grad = exponentials.div_(total[:, None])  # of the logits
            grad.scatter_add_(1, wanted, grad.new_full((1, 1), -1).expand(len(grad), 1))
            of_bias += grad.sum(0)
            grad = grad.to(precision)
            of_rows[part] = torch.mm(grad, low_embedding)
            add_product(buffer, grad.T, low_rows[part])
        ctx.save_for_backward(of_rows, of_bias)
        ctx.embedding, ctx.buffer = embedding, buffer
        ctx.mark_non_differentiable(likelihoods, behind)
        return -likelihoods.sum(), likelihoods, behind

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        scale = grad_outputs[0]
        of_rows, of_bias = ctx.saved_tensors
        ctx.embedding.grad = ctx.buffer.mul_(scale)
        return of_rows.mul_(scale), None, of_bias.mul_(scale), None, None, None, None


class TiedInput(torch.autograd.Function):
    """The embeddings of the input words. Their gradient is added to that of `TiedOutput`, which the
    backward pass always computes first."""

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
    """Cuts the rows of the tied output layer into equal blocks that fit in memory."""
    blocks = max(1, -(-rows * words // ROWS_AT_ONCE))
    edges = np.linspace(0, rows, min(blocks, max(1, rows)) + 1).astype(int)
    return [slice(low, high) for low, high in itertools.pairwise(edges)]


class TiedSoftmax(nn.Module):
    """The embeddings and the output layer of a causal network, as `lm.adaptive_softmax` defines
    them: a head and K tails. A tail is computed only for targets that are in it."""

    def __init__(
        self, weights: Mapping[str, nn.Parameter], precision: torch.dtype = torch.float32
    ) -> None:
        """`weights` are those of the network, which registers them; `precision` is that of the
        products in training."""
        super().__init__()
        self._precision = precision
        self._weights = dict(weights)  # in a dictionary, so they are not registered again
        embeddings = [w for name, w in weights.items() if name.endswith("embedding")]
        for number, embedding in enumerate(embeddings):
            self.register_buffer(f"gradient{number}", torch.zeros_like(embedding), persistent=False)
        self._rows = [len(embedding) for embedding in embeddings]
        self._tails = range(1, len(embeddings))
        self._begins = [self._rows[0] - len(self._tails)]
        """The id of the first word of each tail, then the size of the vocabulary."""
        for number in self._tails:
            self._begins.append(self._begins[-1] + self._rows[number])

    def embed(self, ids: Tensor) -> Tensor:
        """`ids` [N] -> [N, E]."""
        head, places = self._split(ids)
        rows = tied_input(self._weights["embedding"], head)
        for number, (place, own) in enumerate(places, start=1):
            narrow = tied_input(self._weights[f"tail{number}.embedding"], own)
            rows = rows.index_add(0, place, narrow @ self._weights[f"tail{number}.kernel"].T)
        return rows

    def loss(self, rows: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """`rows` [N, E], `target` [N], without padding -> the sum of the negative log-likelihoods
        (nats), and the number of hits: targets that are likelier than all other words. A word of a
        tail is not compared with those of other tails."""
        head, places = self._split(target)
        biases = torch.split(self._weights["output.bias"], self._rows)
        words = slice(FIRST_WORD, self._begins[0])
        inputs = (self._weights["embedding"], biases[0], head, self.get_buffer("gradient0"))
        nll, likelihoods, behind = tied_output(rows, *inputs, words, self._precision)
        hits = ((behind <= 0) & (head >= FIRST_WORD) & (head < self._begins[0])).sum()
        for number, (place, own) in enumerate(places, start=1):
            narrow = rows.index_select(0, place) @ self._weights[f"tail{number}.kernel"]
            embedding = self._weights[f"tail{number}.embedding"]
            inputs = (embedding, biases[number], own, self.get_buffer(f"gradient{number}"))
            of_tail, likelihoods, of_words = tied_output(
                narrow, *inputs, slice(0, len(embedding)), self._precision
            )
            nll = nll + of_tail
            hits += ((of_words <= 0) & (behind[place] <= likelihoods)).sum()
        return nll, hits

    def logits(self, rows: Tensor) -> Tensor:
        """`rows` [N, E] -> the logits [N, V]."""
        head, *tails = torch.split(self._weights["output.bias"], self._rows)
        head = torch.addmm(head, rows, self._weights["embedding"].T)
        if not tails:
            return head
        head = head.log_softmax(1)
        parts = [head[:, : self._begins[0]]]
        for number, bias in enumerate(tails, start=1):
            narrow = rows @ self._weights[f"tail{number}.kernel"]
            logits = torch.addmm(bias, narrow, self._weights[f"tail{number}.embedding"].T)
            token = self._begins[0] + number - 1
            parts.append(logits.log_softmax(1).add_(head[:, token, None]))
        return torch.cat(parts, 1)

    def _split(self, ids: Tensor) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        """Returns `ids` [N] as rows of the head, in which each tail is one token; and for each tail
        the places of its words in `ids` and their rows in its embedding."""
        head, places = ids, []
        for number in self._tails:
            low, high = self._begins[number - 1 : number + 1]
            inside = (ids >= low) & (ids < high)
            head = head.masked_fill(inside, self._begins[0] + number - 1)
            place = inside.nonzero()[:, 0]
            places.append((place, ids[place] - low))
        return head, places


softmax_cross_entropy: Callable[..., tuple[Tensor, Tensor]] = SoftmaxCrossEntropy.apply
tied_output: Callable[..., tuple[Tensor, Tensor, Tensor]] = TiedOutput.apply
tied_input: Callable[[Tensor, Tensor], Tensor] = TiedInput.apply
