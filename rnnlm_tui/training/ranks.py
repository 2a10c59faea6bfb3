"""Ranks: processes that train one network together, each on its share of the rows of every batch.

torchrun starts them with the same command line, on one machine or on several. Every rank reads the
same text, makes the same plan with the same seed, and learns its rows of each batch. After every
batch the gradients are averaged over all ranks (Li et al. 2020), so all have the same weights.
Rank 0 alone holds the lock, writes and prints.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import torch

# This module is loaded before the group of all processes is made. Its functions have the group as a
# default value: loaded later, as by an optimizer, they would hold the group to the very end, and a
# thread of Gloo that still frees a tensor would end the process with SIGABRT.
import torch.distributed.nn.functional
from torch import Tensor, distributed, nn

from rnnlm_tui.errors import RnnlmError

LONGEST_WAIT = timedelta(days=3650)
"""Time that ranks wait for one another. In effect it has no limit: a rank may be paused, or the
machine asleep, for days. If a process ends, its connections close, which the others notice at
once."""
LOST_CONNECTION = re.compile("gloo.transport|ncclRemoteError|DistNetworkError|DistStoreError")
"""Pattern in the name or the message of an error that tells of a lost connection. Gloo names the
file of its code that noticed it."""
Rows = Sequence[Tensor]
"""Arrays of a batch, each with one row for each of its examples."""


class RankError(RnnlmError):
    """Another rank is gone, cannot be reached, or has failed."""

    kind = "rank"


@contextmanager
def explained_rank_errors() -> Iterator[None]:
    """Turns the errors of torch.distributed into a RankError."""
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
    """The rows of a batch of `total` that a rank learns. They are consecutive, and all ranks have
    about as many. If there are fewer rows than ranks, some ranks have none, but never the first."""
    return slice(-(-total * rank // of), -(-total * (rank + 1) // of))


class Alone:
    """A training by one process."""

    rank, local_rank, is_first = 0, 0, True

    def sum_over_ranks(self, number: int) -> int:
        """The sum of the numbers of all ranks; a bool counts as 0 or 1. Raises RankError."""
        return number

    def check_same_text(self, text: str) -> None:
        """Raises RankError if another rank has a text with another hash than this `text`."""

    def average_gradients(self, parameters: Iterable[nn.Parameter], sums: Tensor) -> Tensor:
        """Averages the gradients of all ranks over the predictions of the whole batch. `sums` [4]
        are the figures of the rows of this rank; returns those of the whole batch. Raises
        RankError."""
        return sums

    def own_rows(self, rows: Rows) -> Rows:
        """The part of the rows of a whole batch that this rank learns."""
        return rows

    def all_rows(self, rows: Rows) -> Rows:
        """The rows of the whole batch, joined from those of all ranks. Raises RankError."""
        return rows


class Ranks(Alone):
    """The connection of this process with the others that train with it."""

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

    def check_same_text(self, text: str) -> None:
        texts = [""] * self._of
        with explained_rank_errors():
            distributed.all_gather_object(texts, text)
        for rank, other in enumerate(texts):
            if other != texts[0]:
                raise RankError(
                    f"process {rank} reads another text than process 0",
                    "give all of them copies of the same files",
                )

    def average_gradients(self, parameters: Iterable[nn.Parameter], sums: Tensor) -> Tensor:
        parts, learned = list[Tensor](), [*parameters]
        for parameter in learned:
            if parameter.grad is None:  # no target of this rank is in a tail of the softmax
                parameter.grad = torch.zeros_like(parameter)
            parts.append(parameter.grad.reshape(-1) * sums[0])
        # One message per step: one per gradient would cost as many round trips.
        buffer = torch.cat([*parts, sums])
        with explained_rank_errors():
            distributed.all_reduce(buffer)
        *parts, total = torch.split(buffer, [*map(len, parts), len(sums)])
        for parameter, part in zip(learned, parts, strict=True):
            parameter.grad = (part / total[0]).view_as(parameter)
        total[2] = sums[2]  # the penalty is that of the weights, which all ranks have
        return total

    def own_rows(self, rows: Rows) -> Rows:
        return [whole[rows_of_rank(self.rank, self._of, len(whole))] for whole in rows]

    def all_rows(self, rows: Rows) -> Rows:
        parts: list[Rows] = [()] * self._of
        with explained_rank_errors():
            distributed.all_gather_object(parts, [own.cpu() for own in rows])
        # A rank that never has rows has no states.
        return [torch.cat(of_ranks) for of_ranks in zip(*filter(None, parts), strict=True)]


ALONE = Alone()
