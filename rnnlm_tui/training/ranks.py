"""Processes that train one network together: each takes its share of the rows of every batch.

torchrun starts them, on one machine or on several. They are called ranks: rank 0 decides, saves and
reports as in a training by one process, and tells the others what to do. Each has the whole
network; after every batch the gradients are averaged over all ranks (Li et al. 2020), so all have
the same weights.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed, nn

from rnnlm_tui.errors import RnnlmError, Sentence
from rnnlm_tui.lm.model import Arrays
from rnnlm_tui.training.batches import Shard
from rnnlm_tui.training.checkpoint import Tensors
from rnnlm_tui.training.networks import BatchLoss

LONGEST_WAIT = timedelta(hours=2)
"""How long ranks wait for one that is busy: rank 0 alone reads the text and evaluates the model. A
process that ends is noticed at once."""
NAME_OF_RUN, REPORTED = "rnnlm-tui/name", "rnnlm-tui/reported"
PREPARE, LEARN, END = "prepare", "learn", "end"
"""What rank 0 tells the others: read the text, train the rest of an epoch, exit."""

_STORES: Any = distributed  # its type stubs lack the stores and the errors
CONNECTION_ERRORS = (_STORES.DistNetworkError, _STORES.DistStoreError)
LOST_CONNECTION = re.compile("gloo.transport|ncclRemoteError")
"""What the RuntimeError says where gloo or NCCL has lost a connection: gloo names the file of its
code that found it."""


class RankError(RnnlmError):
    """Another rank is gone, cannot be reached, or has failed."""

    kind = "rank"


@contextmanager
def explained() -> Iterator[None]:
    """Turns the errors of torch.distributed into a RankError: that another process is gone, or else
    what the error says."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, CONNECTION_ERRORS) and not LOST_CONNECTION.search(str(error)):
            cause, *_ = str(error).splitlines() or ["no reason is given"]
            message = f"the processes of this training cannot exchange their data: {cause}"
            raise RankError(message) from error
        raise RankError(
            "another process of this training has ended or cannot be reached",
            Sentence("the last epoch is saved: start the training again with {resume}"),
        ) from error


class Ranks:
    """The connection of this process with the others that train with it."""

    def __init__(self) -> None:
        """Connects as torchrun's variables say. Raises RankError."""
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        self.shard = Shard(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
        address = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        with explained():
            # torchrun's own store outlives its processes: it has the addresses of dead ones, so
            # each restart has its own prefix.
            self._store = _STORES.TCPStore(*address, is_master=False, timeout=LONGEST_WAIT)
            distributed.init_process_group(
                backend,
                store=_STORES.PrefixStore(f"rnnlm-tui/{restarts()}", self._store),
                rank=self.shard.rank,
                world_size=self.shard.of,
                timeout=LONGEST_WAIT,
            )
        self.local_rank = int(os.environ.get("LOCAL_RANK", "0"))
        """The number of this process on its machine."""
        self.others_wait = True
        """Whether the other ranks wait for a message from rank 0; while all train they do not."""
        self._has_ended = False
        self._buffer = torch.empty(0)

    def close(self) -> None:
        """Disconnects. Rank 0 first tells the others to exit, if they wait for a message."""
        with suppress(RankError), explained():
            if self.shard.rank == 0 and self.others_wait:
                self.send(END)
            if self._has_ended:
                distributed.barrier()  # a rank that exits early looks like a failure to the others
        distributed.destroy_process_group()

    def send(self, message: str, arrays: Arrays | None = None) -> None:
        """Sends a message from rank 0 to all others. Raises RankError."""
        self.others_wait, self._has_ended = message != LEARN, message == END
        arrays = arrays or {}
        shapes = {name: (array.shape, array.dtype.name) for name, array in arrays.items()}
        raw = np.frombuffer(json.dumps([message, shapes]).encode(), np.uint8)
        with explained():
            distributed.broadcast(torch.tensor([len(raw)]), 0)
            for array in (raw, *arrays.values()):
                distributed.broadcast(_bytes_of(np.array(array)), 0)

    def receive(self) -> tuple[str, Tensors]:
        """Waits for the next message from rank 0. Raises RankError."""
        with explained():
            length = torch.empty(1, dtype=torch.int64)
            distributed.broadcast(length, 0)
            raw = torch.empty(int(length), dtype=torch.uint8)
            distributed.broadcast(raw, 0)
            message, shapes = json.loads(raw.numpy().tobytes())
            arrays = {name: np.empty(shape, kind) for name, (shape, kind) in shapes.items()}
            for array in arrays.values():
                distributed.broadcast(_bytes_of(array), 0)
        self._has_ended = message == END
        return message, arrays

    def gather(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Returns the answers of all ranks, in order; all must call this. Raises RankError."""
        raw = torch.tensor(list(json.dumps(answer).encode()), dtype=torch.uint8)
        return [json.loads(part.numpy().tobytes()) for part in self._gather_rows(raw)]

    def join_rows(self, rows: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Joins the rows of all ranks to whole batches. Raises RankError."""
        return {name: torch.cat(self._gather_rows(own)) for name, own in rows.items()}

    def _gather_rows(self, own: Tensor) -> list[Tensor]:
        """The tensors of all ranks, each with its own number of rows."""
        with explained():
            lengths = self._all_gather(torch.tensor([len(own)]))
            padded = own.new_zeros(int(max(lengths)), *own.shape[1:])
            padded[: len(own)] = own
            each = zip(self._all_gather(padded), lengths, strict=True)
            return [part[: int(length)] for part, length in each]

    def _all_gather(self, tensor: Tensor) -> list[Tensor]:
        parts = [torch.empty_like(tensor) for _ in range(self.shard.of)]
        distributed.all_gather(parts, tensor)
        return parts

    def average(
        self, parameters: Iterable[nn.Parameter], loss: BatchLoss, stop: bool, is_counted: bool
    ) -> tuple[BatchLoss, bool]:
        """Averages the gradients of all ranks over the predictions of the whole batch.

        Returns the loss of the whole batch, and whether any rank asks to `stop`. A rank whose rows
        are not counted adds nothing. Raises RankError.
        """
        gradients = [(p, p.grad if p.grad is not None else torch.zeros_like(p)) for p in parameters]
        weight = loss.predictions if is_counted else 0
        sums = weight * float(loss.penalty), float(loss.nll_sum), float(loss.hits), loss.words
        own = [stop, weight, *(each if is_counted else 0 for each in sums)]
        sizes = [*(gradient.numel() for _, gradient in gradients), len(own)]
        if len(self._buffer) != sum(sizes):
            self._buffer = gradients[0][1].new_empty(sum(sizes))
        # One message per step: one per gradient would cost as many round trips.
        *parts, totals = torch.split(self._buffer, sizes)
        for part, (_, gradient) in zip(parts, gradients, strict=True):
            part.copy_(gradient.reshape(-1)).mul_(weight)
        totals.copy_(totals.new_tensor(own))
        with explained():
            distributed.all_reduce(self._buffer)
        stops, predictions, penalty, nll, hits, words = totals.tolist()
        for part, (parameter, gradient) in zip(parts, gradients, strict=True):
            parameter.grad = gradient.copy_(part.view_as(gradient)).div_(predictions)
        whole = replace(
            loss,
            nll_sum=torch.tensor(nll),
            penalty=torch.tensor(penalty / predictions),
            hits=torch.tensor(round(hits)),
            predictions=round(predictions),
            words=round(words),
        )
        return whole, stops > 0

    def keep_name(self, name: str) -> None:
        """Stores the name of the run for the processes that torchrun starts after a failure. Raises
        RankError."""
        with explained():
            self._store.set(NAME_OF_RUN, name)

    def kept_name(self) -> str | None:
        """The name that the processes before the restart stored. Raises RankError."""
        with explained():
            is_kept = self._store.check([NAME_OF_RUN])
            return str(self._store.get(NAME_OF_RUN).decode()) if is_kept else None

    def claims_the_report(self) -> bool:
        """Whether this rank is the first to ask, so that only one reports that another is gone."""
        try:
            with explained():
                return int(self._store.add(f"{REPORTED}-{restarts()}", 1)) == 1
        except RankError:
            return True


def _bytes_of(array: NDArray[Any]) -> Tensor:
    """A view of an array as bytes: gloo sends few types, and no uint16 or uint64."""
    return torch.from_numpy(array.reshape(-1).view(np.uint8))


def restarts() -> int:
    """How many times torchrun has restarted these processes."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))
