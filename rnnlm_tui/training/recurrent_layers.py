"""Recurrent layers as one `autograd.Function` each.

The product with the inputs is made for all time steps at once before, and the gradient of the
recurrent kernel in one product over all time steps after, so that a time step is one product and a
few passes over [B, H]. What a gate's gradient is multiplied by is computed for all time steps at
once too: the backward pass of a GRU is three operations a time step.

Shapes: T time steps, B batch, H hidden, G gates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

State = tuple[Tensor, ...]
"""What a layer carries on: h [B, H], and for an LSTM its cell [B, H]."""


class TanhLayer(torch.autograd.Function):
    """h_t = tanh(x_t + h_{t-1} U)."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, kernel: Tensor, start: Tensor) -> Tensor:
        """`inputs` [T, B, H] with the bias in, `kernel` [H, H], `start` [B, H] -> h [T, B, H]."""
        states = torch.empty_like(inputs)
        before = start
        for given, after in zip(inputs.unbind(), states.unbind(), strict=True):
            before = torch.addmm(given, before, kernel, out=after).tanh_()
        ctx.save_for_backward(states, kernel, start)
        return states

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor, None]:
        (grad,) = grad_outputs
        states, kernel, start = ctx.saved_tensors
        slopes = 1 - states.square()
        before_tanh = torch.empty_like(states)
        rows, given, slope = before_tanh.unbind(), grad.unbind(), slopes.unbind()
        back = kernel.T
        torch.mul(given[-1], slope[-1], out=rows[-1])
        for t in range(len(rows) - 2, -1, -1):
            torch.addmm(given[t], rows[t + 1], back, out=rows[t]).mul_(slope[t])
        return before_tanh, _kernel_gradient(states, start, before_tanh), None


class GruLayer(torch.autograd.Function):
    """r, z = sigmoid(x + h U); n = tanh(x + r (h U + b)); h' = n + z (h - n).

    Source: Cho et al. 2014, with the reset gate after the product, as cuDNN, PyTorch and Keras
    (`reset_after`) have it, so that a time step is one product.
    """

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, kernel: Tensor, bias: Tensor, start: Tensor) -> Tensor:
        """`inputs` [T, B, 3 H] (r, z, n) with the bias in, `kernel` [H, 3 H], `bias` [H] of n's
        product, `start` [B, H] -> h [T, B, H]."""
        length, batch, _ = inputs.shape
        hidden = len(kernel)
        states = inputs.new_empty(length, batch, hidden)
        products = torch.empty_like(inputs)  # h U + b, and r and z in place of theirs
        candidates = torch.empty_like(states)
        wide_bias = torch.cat((bias.new_zeros(2 * hidden), bias))
        gates_in, n_in = inputs[:, :, : 2 * hidden].unbind(), inputs[:, :, 2 * hidden :].unbind()
        rows, gates = products.unbind(), products[:, :, : 2 * hidden].unbind()
        r, z, n = (part.unbind() for part in torch.split(products, hidden, 2))
        new, after = candidates.unbind(), states.unbind()
        before = start
        for t in range(length):
            torch.addmm(wide_bias, before, kernel, out=rows[t])
            gates[t].add_(gates_in[t]).sigmoid_()
            torch.addcmul(n_in[t], r[t], n[t], out=new[t]).tanh_()
            before = torch.lerp(new[t], before, z[t], out=after[t])
        ctx.save_for_backward(states, products, candidates, kernel, start)
        return states

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        (grad,) = grad_outputs
        states, products, candidates, kernel, start = ctx.saved_tensors
        r, z, product = torch.split(products, states.shape[2], 2)  # [T, B, H] each
        earlier = torch.cat((start[None], states[:-1]))
        # The gradient of h times these is that of n before its tanh, and of r, z and the product.
        to_candidate = (1 - z) * (1 - candidates.square())
        factors = torch.stack(
            (
                to_candidate * product * r * (1 - r),
                (earlier - candidates) * z * (1 - z),
                to_candidate * r,
            ),
            2,
        )  # [T, B, 3, H]
        of_product = torch.empty_like(factors)
        of_state = grad.contiguous().clone()
        wide, rows = of_product.unbind(), of_product.flatten(2).unbind()
        total, total_wide = of_state.unbind(), of_state[:, :, None].unbind()
        factor, keep, back = factors.unbind(), z.unbind(), kernel.T
        for t in range(len(total) - 1, -1, -1):
            torch.mul(total_wide[t], factor[t], out=wide[t])
            if t:
                total[t - 1].addcmul_(total[t], keep[t]).addmm_(rows[t], back)
        of_product = of_product.flatten(2)
        of_kernel = _kernel_gradient(states, start, of_product)
        of_bias = of_product[:, :, 2 * len(kernel) :].sum((0, 1))
        of_inputs = of_product  # r's and z's are the same
        of_inputs[:, :, 2 * len(kernel) :] = of_state.mul_(to_candidate)
        return of_inputs, of_kernel, of_bias, None


class LstmLayer(torch.autograd.Function):
    """o, i, f = sigmoid, g = tanh of x + h U; c' = f c + i g; h' = o tanh(c').

    Source: Hochreiter and Schmidhuber 1997 with the forget gate of Gers et al. 2000. The order of
    the gates lets three be squashed, and three get their gradient, in one operation each.
    """

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, kernel: Tensor, start: Tensor, start_cell: Tensor
    ) -> tuple[Tensor, Tensor]:
        """`inputs` [T, B, 4 H] (o, i, f, g) with the bias in, `kernel` [H, 4 H], `start` and
        `start_cell` [B, H] -> h and c [T, B, H]."""
        length, batch, _ = inputs.shape
        hidden = len(kernel)
        states, cells = inputs.new_empty(2, length, batch, hidden).unbind()
        gates = torch.empty_like(inputs)
        rows, given = gates.unbind(), inputs.unbind()
        squashed = gates[:, :, : 3 * hidden].unbind()
        o, i, f, g = (part.unbind() for part in torch.split(gates, hidden, 2))
        after, after_cell = states.unbind(), cells.unbind()
        before, cell = start, start_cell
        for t in range(length):
            torch.addmm(given[t], before, kernel, out=rows[t])
            squashed[t].sigmoid_()
            g[t].tanh_()
            cell = torch.mul(f[t], cell, out=after_cell[t]).addcmul_(i[t], g[t])
            before = torch.tanh(cell, out=after[t]).mul_(o[t])
        ctx.save_for_backward(states, cells, gates, kernel, start, start_cell)
        ctx.mark_non_differentiable(cells)
        return states, cells

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor, None, None]:
        grad = grad_outputs[0]
        states, cells, gates, kernel, start, start_cell = ctx.saved_tensors
        hidden = len(kernel)
        o, i, f, g = torch.split(gates, hidden, 2)  # [T, B, H] each
        squashed = cells.tanh()
        to_cell = o * (1 - squashed.square())
        to_output = squashed * o * (1 - o)
        earlier = torch.cat((start_cell[None], cells[:-1]))
        factors = torch.stack((g * i * (1 - i), earlier * f * (1 - f), i * (1 - g.square())), 2)
        of_gates = torch.empty_like(gates)
        rows, of_o = of_gates.unbind(), of_gates[:, :, :hidden].unbind()
        of_others = of_gates.view(*cells.shape[:2], 4, hidden)[:, :, 1:].unbind()
        total = grad.contiguous().clone().unbind()
        coefficients = (to_output, to_cell, factors, f)
        out_factor, cell_factor, factor, forget = (x.unbind() for x in coefficients)
        of_cell, back = torch.zeros_like(start), kernel.T
        for t in range(len(rows) - 1, -1, -1):
            torch.mul(total[t], out_factor[t], out=of_o[t])
            of_cell.addcmul_(total[t], cell_factor[t])
            torch.mul(of_cell[:, None], factor[t], out=of_others[t])
            of_cell.mul_(forget[t])
            if t:
                total[t - 1].addmm_(rows[t], back)
        return of_gates, _kernel_gradient(states, start, of_gates), None, None


def _kernel_gradient(states: Tensor, start: Tensor, of_product: Tensor) -> Tensor:
    """The gradient of U where `of_product` [T, B, G H] is that of h U: [H, G H]."""
    later = of_product[1:].flatten(0, 1)
    return torch.addmm(start.T @ of_product[0], states[:-1].flatten(0, 1).T, later)


tanh_layer: Callable[[Tensor, Tensor, Tensor], Tensor] = TanhLayer.apply
gru_layer: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor] = GruLayer.apply
lstm_layer: Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]] = LstmLayer.apply
