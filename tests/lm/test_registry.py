"""The kinds of causal networks: what their training takes, and their defaults by corpus."""

from __future__ import annotations

import math
from typing import Any

import pytest

from rnnlm_tui.config import PRESETS, RunConfig, make_run_config
from rnnlm_tui.errors import UsageError
from rnnlm_tui.lm import causal_family
from rnnlm_tui.lm.causal_family import causal_train
from rnnlm_tui.lm.registry import FAMILIES
from rnnlm_tui.lm.time_estimate import Step

CELLS = ("rnn", "gru", "lstm")
every_cell = pytest.mark.parametrize("cell", CELLS)


def config(cell: str, **settings: Any) -> RunConfig:
    return make_run_config(cell, [settings])


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> list[Step]:
    """The steps that are timed; each takes half a second."""
    asked: list[Step] = []

    def seconds(step: Step, threads: int | None) -> float:
        asked.append(step)
        return 0.5

    monkeypatch.setattr(causal_family, "step_seconds", seconds)
    return asked


@every_cell
def test_the_time_is_that_of_a_step_times_all_steps(cell: str, timed: list[Step]) -> None:
    chosen = config(cell, batch_size=20, bptt=10, epochs=3, embedding_size=30, hidden_size=40)
    assert FAMILIES[cell].training_seconds(chosen, 500, 256, 2001) == 3 * 11 * 0.5
    (step,) = timed
    assert (step.rows, step.inputs, step.outputs, step.time_steps) == (200, 30, 500, 10)
    assert step.parameters == FAMILIES[cell].parameters(chosen.model, 500)


def test_more_gates_and_layers_take_longer(timed: list[Step]) -> None:
    for cell in CELLS:
        FAMILIES[cell].training_seconds(config(cell), 500, 256, 2000)
    units = [step.cells[0][1] for step in timed]
    assert units == sorted(set(units))
    FAMILIES["gru"].training_seconds(config("gru", layers=3), 500, 256, 2000)
    assert len(timed[-1].cells) == 3


def test_a_text_shorter_than_the_streams_is_one_step_an_epoch(timed: list[Step]) -> None:
    chosen = config("gru", batch_size=32, bptt=35, epochs=2)
    assert FAMILIES["gru"].training_seconds(chosen, 20, 256, 40) == 2 * 2 * 0.5
    assert timed[0].rows == 35


@every_cell
def test_memory_grows_with_all_that_takes_it(cell: str) -> None:
    family = FAMILIES[cell]

    def needed(total_words: int = 10_000, examples: int = 900_000, **settings: Any) -> int:
        return family.training_bytes(config(cell, **settings), total_words, 256, examples)

    usual = needed()
    more = (
        needed(total_words=20_000),
        needed(examples=2_000_000),
        needed(layers=2),
        needed(hidden_size=512),
        needed(batch_size=64),
        needed(bptt=70),
    )
    assert all(other > usual for other in more)
    assert usual < 1 << 30
    # The scores of a batch never are in memory together.
    wide = needed(batch_size=256, bptt=256, hidden_size=8, embedding_size=8)
    assert wide < 256 * 256 * 10_000 * 4


@every_cell
def test_the_defaults_follow_from_the_size_of_the_corpus(cell: str) -> None:
    small, middle, large = (make_run_config(cell, [], words) for words in (17_700, 930_000, 10**8))
    assert make_run_config(cell, []) == small
    assert causal_train(middle).bptt > causal_train(small).bptt
    assert small != middle != large
    given = make_run_config(cell, [{"bptt": 7, "dropout": 0.11}], 930_000)
    assert causal_train(given).bptt == 7
    assert given.model.dropout == 0.11  # type: ignore[union-attr]
    assert RunConfig.from_json(middle.to_json()) == middle


def test_every_scale_holds_settings_of_its_preset_and_covers_all_corpora() -> None:
    for preset in PRESETS.values():
        for scale in preset.scales:
            make_run_config(preset.name, [scale.settings])
        sizes = [scale.most_words for scale in preset.scales]
        assert sizes == sorted(sizes)
        assert not sizes or math.isinf(sizes[-1])
    assert PRESETS["lesson"].scale_of(10) is None
    with pytest.raises(UsageError, match="no setting 'bptt'"):
        make_run_config("lesson", [{"bptt": 3}])


def test_the_settings_of_another_preset_are_no_causal_training() -> None:
    with pytest.raises(TypeError, match="lesson"):
        causal_train(make_run_config("lesson", []))
