"""Milliseconds of a recurrent layer's training step: ours, and PyTorch's own with the same weights.

    python -m tests.benchmarks.recurrent_layers [--repeats 40]

A step is the product with the inputs, the layer forward and backward, and the gradients of its
weights and its inputs, at the sizes that the presets have for a small, a middle and a large corpus.
Both sides take turns in one process, with one thread and with all; medians are printed. Our LSTM is
PyTorch's with the weights as our files have them, transposed and with other gates first, which
costs it 10 to 15 %.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from rnnlm_tui.training.recurrent_layers import LayerWeights, recurrent_layer

Step = Callable[[], Tensor]
SIZES = {
    "rnn": ((16, 16, 256), (32, 35, 256), (64, 35, 512)),
    "gru": ((16, 16, 256), (32, 35, 256), (64, 35, 512)),
    "lstm": ((16, 16, 256), (32, 35, 512), (64, 35, 512)),
}
"""Rows B, time steps T and units H of each preset's layer; its inputs have 256 numbers."""
EMBEDDING = 256
THEIRS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


def their_step(cell: str, x: Tensor, hidden: int) -> tuple[nn.Module, Step]:
    """PyTorch's layer, and its outputs [T, B, H]."""
    layer = THEIRS[cell](x.shape[2], hidden)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.uniform_(-0.05, 0.05)
        if cell == "gru":
            layer.bias_hh_l0[: 2 * hidden] = 0
        else:
            layer.bias_hh_l0.zero_()
    return layer, lambda: layer(x)[0]


def our_step(cell: str, x: Tensor, layer: nn.Module) -> tuple[list[Tensor], Step]:
    """Our weights, made of PyTorch's, and our outputs [T, B, H]."""
    own = {name: parameter.detach() for name, parameter in layer.named_parameters()}
    hidden = own["weight_hh_l0"].shape[1]
    shift = hidden if cell == "lstm" else 0  # PyTorch's gates are i, f, g, o and ours o, i, f, g
    kernel, recurrent = own["weight_ih_l0"].roll(shift, 0), own["weight_hh_l0"].roll(shift, 0)
    tensors = [kernel.mT.contiguous(), recurrent.mT.contiguous(), own["bias_ih_l0"].roll(shift, 0)]
    if cell == "gru":
        tensors.append(own["bias_hh_l0"][2 * hidden :].clone())
    weights = LayerWeights(*(tensor.requires_grad_() for tensor in tensors))
    start = (x.new_zeros(x.shape[1], hidden),) * (2 if cell == "lstm" else 1)
    return tensors, lambda: recurrent_layer(cell, x, weights, start)[0]


def milliseconds(step: Step, weights: list[Tensor], weighting: Tensor) -> float:
    """The time of one step forward and backward."""
    for weight in weights:
        weight.grad = None
    begin = time.perf_counter()
    torch.autograd.backward((step() * weighting).sum())
    return 1000 * (time.perf_counter() - begin)


def compare(cell: str, size: tuple[int, int, int], repeats: int) -> tuple[float, float]:
    """The medians of PyTorch's layer and of ours. Raises ValueError if they do not agree."""
    batch, length, hidden = size
    torch.manual_seed(0)
    x = torch.randn(length, batch, EMBEDDING, requires_grad=True)
    weighting = torch.randn(length, batch, hidden)
    layer, theirs = their_step(cell, x, hidden)
    own, ours = our_step(cell, x, layer)
    if not torch.allclose(theirs(), ours(), atol=1e-5):
        raise ValueError(f"the two {cell} layers do not agree")
    sides = ((theirs, [*layer.parameters(), x]), (ours, [*own, x]))
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats + 3):
        for (step, weights), found in zip(sides, times, strict=True):
            found.append(milliseconds(step, weights, weighting))
    return statistics.median(times[0][3:]), statistics.median(times[1][3:])


def main() -> int:
    """Prints a row for each layer and size."""
    parser = argparse.ArgumentParser(description="recurrent layers: PyTorch's and ours")
    parser.add_argument("--repeats", type=int, default=40)
    options = parser.parse_args()
    torch.set_flush_denormal(True)
    print(f"{'':5} {'B':>3} {'T':>3} {'H':>4} {'threads':>8} {'PyTorch ms':>11} {'ours ms':>8}")
    for threads in sorted({1, os.cpu_count() or 1}):
        torch.set_num_threads(threads)
        for cell, sizes in SIZES.items():
            for size in sizes:
                theirs, ours = compare(cell, size, options.repeats)
                batch, length, hidden = size
                print(
                    f"{cell:5} {batch:3} {length:3} {hidden:4} {threads:8} {theirs:11.2f}"
                    f" {ours:8.2f}  {theirs / ours:.2f} times as fast",
                    flush=True,
                )
    return 0


if __name__ == "__main__":
    sys.exit(main())
