"""Batches: every target once, each after the words before it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlm_tui.text.encoded_lines import EncodedLines
from rnnlm_tui.training.batches import (
    Batch,
    BpttBatches,
    PrefixBatches,
    stream_batches,
)
from rnnlm_tui.training.network_learner import network_and_batches
from rnnlm_tui.training.ranks import rows_of
from tests.helpers.models import HOSTILE
from tests.helpers.training import small_job

UNKNOWN, BEGIN, END = 1, 2, 3
LINES = [[4, 5, 6], [7], [8, 9], [10, 11, 12, 13]]
TARGETS = [4, 5, 6, END, 7, END, 8, 9, END, 10, 11, 12, 13, END]
READ = [BEGIN, 4, 5, 6, BEGIN, 7, BEGIN, 8, 9, BEGIN, 10, 11, 12, 13]
TEXT = "\n".join(f"a b c word{i} a b" for i in range(40))
lines_of_text = st.lists(
    st.lists(st.integers(4, 30), min_size=1, max_size=9), min_size=1, max_size=12
)


def encoded(lines: list[list[int]]) -> EncodedLines:
    tokens = np.array([i for line in lines for i in line], np.int32)
    return EncodedLines(tokens, np.array([len(line) for line in lines]))


def pairs_in(batches: Iterable[Batch]) -> list[tuple[int, int]]:
    """The inputs with their targets, without padding."""
    return [
        pair
        for read, answers in batches
        for pair in zip(read.ravel().tolist(), answers.ravel().tolist(), strict=True)
        if pair[1]
    ]


def test_streams_lie_side_by_side_and_go_on_from_batch_to_batch() -> None:
    batches = list(stream_batches(encoded(LINES), streams=3, steps=2))
    assert [answers.shape for _, answers in batches] == [(3, 2), (3, 2), (3, 1)]
    rows = np.concatenate([answers for _, answers in batches], axis=1).tolist()
    assert rows == [TARGETS[:5], TARGETS[5:10], [*TARGETS[10:], 0]]
    rows = np.concatenate([read for read, _ in batches], axis=1).tolist()
    assert rows == [READ[:5], READ[5:10], [*READ[10:], 0]]


@HOSTILE
@given(lines_of_text, st.integers(1, 7), st.integers(1, 9), st.data())
def test_every_target_is_in_one_place_of_an_epoch(
    lines: list[list[int]], streams: int, steps: int, data: st.DataObject
) -> None:
    stream = encoded(lines)
    everything = [pair for line in lines for pair in zip([BEGIN, *line], [*line, END], strict=True)]
    rotation = data.draw(st.sampled_from(stream.starts.tolist()))
    streamed = stream_batches(stream, streams, steps, rotation)
    assert sorted(pairs_in(streamed)) == sorted(everything)


def made(
    preset: str, folder: Path, text: str = TEXT, **settings: Any
) -> PrefixBatches | BpttBatches:
    job = small_job(preset, folder / "run", text, **{"batch_size": 7, **settings})
    return network_and_batches(job)[1]


@pytest.mark.parametrize(
    ("preset", "size", "last"), [("lesson", 32, 8), ("lesson", 33, 2), ("gru", 7, 7)]
)
def test_an_epoch_can_be_resumed(preset: str, size: int, last: int, tmp_path: Path) -> None:
    batches = made(preset, tmp_path, batch_size=size)
    whole = [np.column_stack(batch) for batch in batches.epoch(4)]
    assert len(whole) == batches.steps
    assert len(whole[-1]) == last
    for first in (0, 2, batches.steps - 1):
        rest = [np.column_stack(batch) for batch in batches.epoch(4, first)]
        assert all(map(np.array_equal, rest, whole[first:]))
        assert len(rest) == len(whole) - first
    assert not np.array_equal(whole[0], np.column_stack(next(batches.epoch(5))))


@pytest.mark.parametrize("total", range(1, 9))
def test_processes_share_all_rows_of_a_batch_and_the_first_one_always_has_some(total: int) -> None:
    shares = [[*range(total)[rows_of(rank, 3, total)]] for rank in range(3)]
    assert shares[0] and [*chain(*shares)] == [*range(total)]
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize(("unk_rate", "min_count", "share"), [(0.5, 1, 0.5), (0, 1, 0), (0, 2, 1)])
def test_words_that_occur_once_are_unknown_now_and_then(
    unk_rate: float, min_count: int, share: float, tmp_path: Path
) -> None:
    """If the text has unknown words as it is, it is not changed."""
    batches = made("gru", tmp_path, unk_rate=unk_rate, min_count=min_count)
    epochs = [[UNKNOWN in pair[:1] for pair in pairs_in(batches.epoch(n))] for n in range(1, 51)]
    # 40 words in 50 epochs: four standard deviations.
    assert np.sum(epochs) / 50 == pytest.approx(40 * share, abs=4 * (40 / 4 / 50) ** 0.5)


def test_a_short_text_has_fewer_streams_than_asked_for(tmp_path: Path) -> None:
    batches = made("gru", tmp_path, "a b c d e f g h i", batch_size=32, bptt=4)
    assert [answers.shape for _, answers in batches.epoch(1)] == [(2, 4), (2, 1)]
    batches = made("gru", tmp_path, "a b", batch_size=32, bptt=4)
    assert [answers.shape for _, answers in batches.epoch(1)] == [(1, 3)]
