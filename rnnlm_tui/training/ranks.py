"""Ranks: processes that train one network together, each on its share of the rows of every batch.

torchrun starts them with the same command line, on one machine or on several. Every rank reads the
same text, makes the same plan with the same seed, and learns its rows of each batch. After every
batch the gradients are averaged over all ranks (Li et al. 2020), so all have the same weights. Only
the first rank, 0, holds the lock, writes and prints.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch

# This import has to come before the group of all processes is made. After it, as an optimizer would
# import it, functions of the module keep the group as a default value until the process exits, and
# the exit fails with SIGABRT while a thread of Gloo still frees a tensor.
import torch.distributed.nn.functional
from torch import Tensor, distributed, nn

from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.training.alone import Alone, Rows

LONGEST_WAIT = timedelta(days=3650)
"""The time that ranks wait for one another, in effect without limit. A rank may be paused, or its
machine asleep, for days. If a process ends, its connections close, and the others notice at once.
"""
LOST_CONNECTION = re.compile("gloo.transport|ncclRemoteError|DistNetworkError|DistStoreError")
"""Matches the name or the message of an error that tells of a lost connection. Gloo's message names
its source file `gloo/transport`."""


class RankError(RnnlmError):
    """Another rank is gone, cannot be reached, or has failed."""

    kind = "rank"


@contextmanager
def explained_rank_errors() -> Iterator[None]:
    """Turns an error of torch.distributed into a RankError."""
    try:
        yield
    except RuntimeError as error:
        said = f"{type(error).__name__}: {error}"
        if not LOST_CONNECTION.search(said):
            cause = said.splitlines()[0]
            message = f"the processes of this training cannot exchange their data: {cause}"
            raise RankError(message) from error
        raise RankError(
            "another process of this training has ended or cannot be reached",
            "the last epoch is saved: start the training again with {resume}",
        ) from error


def rows_of_rank(rank: int, of: int, total: int) -> slice:
    """Returns the rows that a rank learns, of a batch with `total` rows and `of` ranks. They are
    consecutive, and all ranks have about as many. If there are fewer rows than ranks, some ranks
    have none, but never the first."""
    return slice(-(-total * rank // of), -(-total * (rank + 1) // of))


class Ranks(Alone):
    """The connection of this process with the other ranks."""

    def __init__(self) -> None:
        """Connects as torchrun's variables say. Raises RankError."""
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        with explained_rank_errors():
            distributed.init_process_group(backend, timeout=LONGEST_WAIT)
        self.rank, self._of = distributed.get_rank(), distributed.get_world_size()
        self.local_rank = int(os.environ.get("LOCAL_RANK", "0"))
        self.is_first = self.rank == 0

    def close(self) -> None:
        distributed.destroy_process_group()

    def sum_over_ranks(self, number: int) -> int:
        total = torch.tensor([number])
        with explained_rank_errors():
            distributed.all_reduce(total)
        return int(total)

    def check_same_text(self, sha256: str) -> None:
        hashes = [""] * self._of
        with explained_rank_errors():
            distributed.all_gather_object(hashes, sha256)
        for rank, other in enumerate(hashes):
            if other != hashes[0]:
                raise RankError(
                    f"process {rank} reads another text than process 0",
                    "give all of them copies of the same files",
                )

    def average_gradients(self, parameters: Iterable[nn.Parameter], sums: Tensor) -> Tensor:
        learned, parts = [*parameters], list[Tensor]()
        for parameter in learned:
            if parameter.grad is None:  # this rank has no target in the tail of the softmax
                parameter.grad = torch.zeros_like(parameter)
            parts.append(parameter.grad.reshape(-1) * sums[0])  # the predictions of this rank
        # The gradients are one message, since each message costs a round trip.
        buffer = torch.cat([*parts, sums])
        with explained_rank_errors():
            distributed.all_reduce(buffer)
        *parts, total = torch.split(buffer, [*map(len, parts), len(sums)])
        for parameter, part in zip(learned, parts, strict=True):
            parameter.grad = (part / total[0]).view_as(parameter)
        total[2] = sums[2]  # the penalty of the weights, which are the same for all ranks
        return total

    def own_rows(self, rows: Rows) -> Rows:
        return [whole[rows_of_rank(self.rank, self._of, len(whole))] for whole in rows]

    def all_rows(self, rows: Rows) -> Rows:
        parts: list[Rows] = [()] * self._of
        with explained_rank_errors():
            distributed.all_gather_object(parts, [own.cpu() for own in rows])
        with_rows = filter(None, parts)  # a rank without rows has no hidden state
        return [torch.cat(of_ranks) for of_ranks in zip(*with_rows, strict=True)]
