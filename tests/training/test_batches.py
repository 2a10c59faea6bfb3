"""Batches of streams: every target once, each after the words before it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rnnlm_tui.config import CausalTrainConfig, make_config
from rnnlm_tui.lm.registry import prepare_corpus
from rnnlm_tui.text.examples import EncodedLines, insert_ends
from rnnlm_tui.text.prepare import PreparedLines
from rnnlm_tui.training.batches import (
    WHOLE,
    BpttBatches,
    Shard,
    stream_batches,
)
from tests.helpers.models import HOSTILE
from tests.helpers.texts import made_up_corpus

UNKNOWN, BEGIN, END = 1, 2, 3
LINES = [[4, 5, 6], [7], [8, 9], [10, 11, 12, 13]]
TARGETS = [4, 5, 6, END, 7, END, 8, 9, END, 10, 11, 12, 13, END]
READ = [BEGIN, 4, 5, 6, BEGIN, 7, BEGIN, 8, 9, BEGIN, 10, 11, 12, 13]
lines_of_text = st.lists(
    st.lists(st.integers(4, 30), min_size=1, max_size=9), min_size=1, max_size=12
)


def encoded(lines: list[list[int]]) -> EncodedLines:
    tokens = np.array([i for line in lines for i in line], np.int32)
    lengths = np.array([len(line) for line in lines])
    return EncodedLines(insert_ends(tokens, lengths), lengths)


def pairs_in(
    batches: Iterable[tuple[NDArray[np.int64], NDArray[np.int64]]],
) -> list[tuple[int, int]]:
    """The inputs with their targets, without padding."""
    return [
        pair
        for read, answers in batches
        for pair in zip(read.ravel().tolist(), answers.ravel().tolist(), strict=True)
        if pair[1]
    ]


def test_streams_lie_side_by_side_and_go_on_from_batch_to_batch() -> None:
    assert encoded(LINES).starts.tolist() == [0, 4, 6, 9]
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
    streamed = list(stream_batches(stream, streams, steps, rotation))
    assert sorted(pairs_in(streamed)) == sorted(everything)
    # From any batch on it is the same batches.
    for first in range(len(streamed)):
        rest = list(stream_batches(stream, streams, steps, rotation, first))
        assert pairs_in(rest) == pairs_in(streamed[first:])


def prepared(text: str, **settings: object) -> PreparedLines:
    config = make_config("gru", [{"held_out": 0}, settings])
    lines = prepare_corpus(made_up_corpus(text), config)
    assert isinstance(lines, PreparedLines)
    return lines


def batches_of(lines: PreparedLines, shard: Shard = WHOLE, **settings: object) -> BpttBatches:
    small = {"batch_size": 2, "bptt": 3, "unk_rate": 0.5}
    config = make_config("gru", [small, settings])
    train = config.train
    assert isinstance(train, CausalTrainConfig)
    return BpttBatches(lines, train, torch.device("cpu"), shard)


TEXT = "\n".join(f"a b c word{i} a b" for i in range(40))


def test_an_epoch_can_be_resumed_at_any_step() -> None:
    batches = batches_of(prepared(TEXT))
    whole = list(batches.epoch(4))
    assert len(whole) == batches.steps
    for (x, y), (again_x, again_y) in zip(whole[5:], batches.epoch(4, 5), strict=True):
        assert torch.equal(x, again_x)
        assert torch.equal(y, again_y)
    other = list(batches.epoch(5))
    assert any(
        not torch.equal(y, other_y) for (_, y), (_, other_y) in zip(whole, other, strict=True)
    )
    assert not list(batches.held_out())


def test_the_shards_of_several_processes_are_the_whole_batch() -> None:
    lines = prepared(TEXT)
    shards = [Shard(rank, 3) for rank in range(3)]
    parts = [batches_of(lines, s, batch_size=7) for s in shards]
    rows = zip(*(part.epoch(2) for part in parts), strict=True)
    whole = batches_of(lines, batch_size=7)
    for (x, y), each in zip(whole.epoch(2), rows, strict=True):
        assert {part.rows for part in parts} == {len(x)}
        for rank, (own_x, own_y) in enumerate(each):
            own = Shard(rank, 3).rows(len(x))
            assert torch.equal(own_x, x[own])
            assert torch.equal(own_y, y[own])


def test_words_that_occur_once_are_unknown_half_of_the_time() -> None:
    lines = prepared(TEXT)
    batches = batches_of(lines)
    unknown = [int((y == UNKNOWN).sum()) for epoch in range(1, 51) for _, y in batches.epoch(epoch)]
    # 40 words in 50 epochs, each with a chance of a half: four standard deviations.
    assert abs(sum(unknown) - 1000) < 4 * (2000 / 4) ** 0.5
    read = [int((x == UNKNOWN).sum()) for epoch in range(1, 51) for x, _ in batches.epoch(epoch)]
    assert sum(read) == sum(unknown)  # no such word ends a line
    common = lines.vocabulary.encode(["a"])[0]
    answered = torch.cat([y.flatten() for _, y in batches.epoch(1)])
    assert int((answered == common).sum()) == 80


def test_a_text_with_unknown_words_is_not_changed() -> None:
    batches = batches_of(prepared(TEXT, min_count=2))
    for epoch in range(1, 6):
        unknown = sum(int((y == UNKNOWN).sum()) for _, y in batches.epoch(epoch))
        assert unknown == 40


@pytest.mark.parametrize("total", [1, 2, 3, 7, 64])
def test_every_row_counts_once(total: int) -> None:
    rows = np.arange(total)
    shards = [Shard(rank, 3) for rank in range(3)]
    taken = [rows[shard.rows(total)] for shard in shards if shard.has_rows(total)]
    assert np.concatenate(taken).tolist() == rows.tolist()
    assert all(len(rows[shard.rows(total)]) > 0 for shard in shards)


def test_a_short_text_has_fewer_streams_than_asked_for() -> None:
    batches = batches_of(prepared("a b c d e f g h i"), batch_size=32, bptt=4)
    assert [tuple(y.shape) for _, y in batches.epoch(1)] == [(2, 4), (2, 1)]
    tiny = batches_of(prepared("a b"), batch_size=32, bptt=4)
    assert [tuple(y.shape) for _, y in tiny.epoch(1)] == [(1, 3)]


def test_held_out_lines_are_measured_once_and_as_they_are() -> None:
    lines = prepared(TEXT, held_out=0.25)
    batches = batches_of(lines)
    answered = torch.cat([y.flatten() for _, y in batches.held_out()])
    wanted = sorted(lines.held_out.targets.tolist())
    assert sorted(answered[answered != 0].tolist()) == wanted
    assert len(lines.held_out) == 10
