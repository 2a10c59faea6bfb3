"""Processes that train one network together, each on its share of the rows of every batch.

torchrun starts them with the same command line, on one machine or on several. They are called
ranks. Every rank runs the same program: it reads the same text, makes the same plan with the same
seed, and learns its rows of each batch; after every batch the gradients are averaged over all ranks
(Li et al. 2020), so all have the same weights. Rank 0 alone holds the lock, writes and prints.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch

# Its functions have the group of all processes as a default value. Loaded after the group is made,
# as an optimizer does, they hold it to the very end, and a thread of Gloo that still frees a tensor
# then ends the process with SIGABRT.
import torch.distributed.nn.functional
from torch import Tensor, distributed, nn

from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.training.batches import WHOLE, Shard
from rnnlm_tui.training.learner import Totals

LONGEST_WAIT = timedelta(hours=2)
"""How long ranks wait for one that is busy: rank 0 alone evaluates the model. A process that ends
is noticed at once."""
Rows = dict[str, Tensor]


class RankError(RnnlmError):
    """Another rank is gone, cannot be reached, or has failed."""

    kind = "rank"


@contextmanager
def explained() -> Iterator[None]:
    """Turns the errors of torch.distributed into a RankError."""
    try:
        yield
    except RuntimeError as error:
        cause, *_ = str(error).splitlines() or ["no reason is given"]
        raise RankError(
            f"another process of this training has ended or cannot be reached ({cause})",
            "the last epoch is saved: start the training again with {resume}",
        ) from error


class Alone:
    """A training by one process."""

    shard, local_rank, is_first = WHOLE, 0, True

    def agree(self, number: int) -> int:
        """The sum of the numbers of all ranks. Raises RankError."""
        return number

    def average(self, parameters: Iterable[nn.Parameter], totals: Totals) -> Totals:
        """Averages the gradients of all ranks over the predictions of the whole batch, and returns
        the totals of that. Raises RankError."""
        return totals

    def own_rows(self, rows: Rows) -> Rows:
        """The rows of this rank of whole batches."""
        return rows

    def all_rows(self, rows: Rows) -> Rows:
        """The reverse. Raises RankError."""
        return rows


class Ranks(Alone):
    """The connection of this process with the others that train with it."""

    def __init__(self) -> None:
        """Connects as torchrun's variables say. Raises RankError."""
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        with explained():
            distributed.init_process_group(backend, timeout=LONGEST_WAIT)
        self.shard = Shard(distributed.get_rank(), distributed.get_world_size())
        self.local_rank = int(os.environ.get("LOCAL_RANK", "0"))
        self.is_first = self.shard.rank == 0

    def close(self) -> None:
        distributed.destroy_process_group()

    def agree(self, number: int) -> int:
        total = torch.tensor([number])
        with explained():
            distributed.all_reduce(total)
        return int(total)

    def average(self, parameters: Iterable[nn.Parameter], totals: Totals) -> Totals:
        parts, learned = list[Tensor](), [*parameters]
        for parameter in learned:
            if parameter.grad is None:  # no target of this rank is in a tail of the softmax
                parameter.grad = torch.zeros_like(parameter)
            parts.append(parameter.grad.reshape(-1) * totals.predictions)
        # One message per step: one per gradient would cost as many round trips.
        buffer = torch.cat([*parts, parts[0].new_tensor([*totals])])
        with explained():
            distributed.all_reduce(buffer)
        *parts, sums = torch.split(buffer, [*map(len, parts), len(totals)])
        predictions, nll, _, hits = sums.tolist()
        for parameter, part in zip(learned, parts, strict=True):
            parameter.grad = (part / predictions).view_as(parameter)
        # The penalty is that of the weights, so it is the same in all ranks that have rows.
        return Totals(round(predictions), nll, totals.penalty, round(hits))

    def own_rows(self, rows: Rows) -> Rows:
        return {name: whole[self.shard.rows(len(whole))] for name, whole in rows.items()}

    def all_rows(self, rows: Rows) -> Rows:
        return {name: torch.cat(self._gathered(own)) for name, own in rows.items()}

    def _gathered(self, own: Tensor) -> list[Tensor]:
        """The tensors of all ranks, each with its own number of rows."""
        lengths = [torch.tensor([0]) for _ in range(self.shard.of)]
        with explained():
            distributed.all_gather(lengths, torch.tensor([len(own)]))
            padded = own.new_zeros(int(max(lengths)), *own.shape[1:])
            padded[: len(own)] = own
            parts = [torch.empty_like(padded) for _ in lengths]
            distributed.all_gather(parts, padded)
        return [part[: int(length)] for part, length in zip(parts, lengths, strict=True)]


ALONE = Alone()
