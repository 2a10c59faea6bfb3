"""The parts of a network's training: batches, the optimizer, the learning rate."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import nn

from rnnlm_tui.config import CausalTrainConfig, LessonTrainConfig
from rnnlm_tui.errors import ModelError
from rnnlm_tui.text.encoded_lines import EncodedLines
from rnnlm_tui.training.batches import Batch, stream_batches
from rnnlm_tui.training.network_learner import NetworkLearner, network_and_batches
from rnnlm_tui.training.optimizers import make_optimizer, rate_factor
from rnnlm_tui.training.ranks import rows_of_rank
from tests.helpers.models import SAME_EXAMPLES
from tests.helpers.training import run_stopped_at, small_job

UNKNOWN, BEGIN, END = 1, 2, 3
LINES = [[4, 5, 6], [7], [8, 9], [10, 11, 12, 13]]
TARGETS = [4, 5, 6, END, 7, END, 8, 9, END, 10, 11, 12, 13, END]
READ = [BEGIN, 4, 5, 6, BEGIN, 7, BEGIN, 8, 9, BEGIN, 10, 11, 12, 13]
TEXT = "\n".join(f"a b c word{i} a b" for i in range(40))


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


@SAME_EXAMPLES
@given(
    st.lists(st.lists(st.integers(4, 30), min_size=1, max_size=9), min_size=1, max_size=12),
    *(st.integers(1, 7), st.integers(1, 9), st.integers(0)),
)
def test_every_target_is_in_one_place_of_an_epoch(
    lines: list[list[int]], streams: int, steps: int, first_line: int
) -> None:
    stream = encoded(lines)
    everything = [pair for line in lines for pair in zip([BEGIN, *line], [*line, END], strict=True)]
    rotation = int(stream.starts[first_line % len(stream.starts)])
    streamed = stream_batches(stream, streams, steps, rotation)
    assert sorted(pairs_in(streamed)) == sorted(everything)


def made(preset: str, folder: Path, text: str = TEXT, **settings: Any) -> Any:
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
    shares = [[*range(total)[rows_of_rank(rank, 3, total)]] for rank in range(3)]
    assert shares[0] and [*chain(*shares)] == [*range(total)]
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize(("unk_rate", "known", "share"), [(0.5, 43, 0.5), (0, 43, 0), (0, 3, 1)])
def test_words_that_occur_once_are_unknown_now_and_then(
    unk_rate: float, known: int, share: float, tmp_path: Path
) -> None:
    """If the text has unknown words as it is, it is not changed."""
    batches = made("gru", tmp_path, unk_rate=unk_rate, max_vocabulary=known)
    epochs = [[UNKNOWN in pair[:1] for pair in pairs_in(batches.epoch(n))] for n in range(1, 51)]
    # 40 words in 50 epochs: four standard deviations.
    assert np.sum(epochs) / 50 == pytest.approx(40 * share, abs=4 * (40 / 4 / 50) ** 0.5)


@pytest.mark.parametrize(
    ("text", "shapes"), [("a b c d e f g h i", [(2, 4), (2, 1)]), ("a b", [(1, 3)])]
)
def test_a_short_text_has_fewer_streams_than_asked_for(
    text: str, shapes: list[tuple[int, int]], tmp_path: Path
) -> None:
    batches = made("gru", tmp_path, text, batch_size=32, bptt=4)
    assert [answers.shape for _, answers in batches.epoch(1)] == shapes


@pytest.mark.parametrize(("kind", "gradient", "step"), [("adamw", 0.0, 0.0), ("sgd", 3.0, 0.3)])
def test_the_optimizers_of_a_causal_network_decay_all_but_biases(
    kind: Any, gradient: float, step: float
) -> None:
    """Plain steps are as large as the gradient."""
    layer = nn.Linear(5, 4)
    before = {name: tensor.detach().clone() for name, tensor in layer.named_parameters()}
    settings = CausalTrainConfig(optimizer=kind, learning_rate=0.1, weight_decay=0.5)
    optimizer = make_optimizer(settings, layer)
    for parameter in layer.parameters():
        parameter.grad = torch.full_like(parameter, gradient)
    optimizer.step()
    for name, tensor in layer.named_parameters():
        expected = before[name] * (1.0 if name == "bias" else 0.95) - step
        torch.testing.assert_close(tensor.detach(), expected, rtol=1e-6, atol=1e-7)


def test_the_rate_of_a_causal_network_rises_and_falls() -> None:
    settings = CausalTrainConfig(warmup=0.25)
    factors = [rate_factor(settings, step / 40) for step in range(41)]
    assert [a < b for a, b in pairwise(factors)] == [True] * 10 + [False] * 30
    assert factors[10] > 0.85
    assert factors[40] == pytest.approx(0, abs=1e-12)
    assert rate_factor(CausalTrainConfig(warmup=0), 0) == rate_factor(LessonTrainConfig(), 0.5) == 1


def test_gradients_are_clipped(tmp_path: Path) -> None:
    learner = NetworkLearner(small_job("gru", tmp_path / "run", grad_clip=0.125))
    learner.begin()
    learner.step()
    norms = [p.grad.norm() for p in learner._network.parameters() if p.grad is not None]
    assert float(torch.stack(norms).norm()) == pytest.approx(0.125, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("moment.embedding.exp_avg", np.zeros((1, 5), np.float32)),
        ("network.layer1.bias", np.zeros(20, np.int32)),
        ("carried.001", None),
        ("carried.002", np.zeros((3, 5), np.float32)),
        ("carried.001", np.zeros((3, 4), np.float32)),
    ],
)
def test_the_state_of_another_network_is_refused(
    tmp_path: Path, name: str, array: NDArray[Any] | None
) -> None:
    run_stopped_at(small_job("lstm", tmp_path / "a", epochs=2), 1, 2)
    job = small_job("lstm", tmp_path / "a", epochs=2)
    NetworkLearner(job)
    state = {name: array} if array is not None else {}
    state = {n: a for n, a in (job.state or {}).items() if n != name} | state
    with pytest.raises(ModelError, match="another network"):
        NetworkLearner(replace(job, state=state))
