"""A training in one process. The module `ranks`, which loads PyTorch, is for several processes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor, nn

Rows: TypeAlias = "Sequence[Tensor]"
"""Tensors with one row for each example of a batch."""


class Alone:
    """The only process of a training, and the interface of `Ranks`. `Ranks` raises RankError."""

    rank, local_rank, is_first = 0, 0, True

    def sum_over_ranks(self, number: int) -> int:
        """Returns the sum of the numbers that all ranks pass. A bool counts as 0 or 1."""
        return number

    def check_same_text(self, sha256: str) -> None:
        """Raises an error unless all ranks pass the same hash of their text."""

    def average_gradients(self, parameters: Iterable[nn.Parameter], sums: Tensor) -> Tensor:
        """Replaces the gradients by their mean over all predictions of the batch. `sums` [4] are
        the sums over the rows of this rank, in the order of `Totals`. Returns those over the whole
        batch."""
        return sums

    def own_rows(self, rows: Rows) -> Rows:
        """Returns the rows of this rank, given those of a whole batch."""
        return rows

    def all_rows(self, rows: Rows) -> Rows:
        """Returns the rows of a whole batch, given those of this rank."""
        return rows


ALONE = Alone()
