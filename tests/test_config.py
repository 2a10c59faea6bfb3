"""Settings: their ranges and their round trips."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from rnnlm_tui.config import (
    PRESETS,
    Config,
    LessonConfig,
    Range,
    all_settings,
    check_setting,
    make_config,
    settings_from_environment,
    settings_from_toml,
    settings_of,
)
from rnnlm_tui.errors import UsageError

SETTINGS = all_settings()


@pytest.mark.parametrize(
    ("bounds", "inside", "outside", "words"),
    [
        (Range(1, 64), [1, 2.5, 64], [0.999, 64.001], "1 or more and at most 64"),
        (Range(0, 1, open_low=True), [1e-300, 1], [0, -1], "above 0 and at most 1"),
        (Range(0, 1, open_high=True), [0, 0.999], [1], "0 or more and below 1"),
        (Range(2), [2, 1e300], [1], "2 or more"),
    ],
)
def test_a_range_holds_its_ends_unless_they_are_open(
    bounds: Range, inside: list[float], outside: list[float], words: str
) -> None:
    assert all(value in bounds for value in inside)
    assert not any(value in bounds for value in [*outside, math.nan, math.inf, -math.inf])
    assert str(bounds) == words


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_takes_its_default_and_the_ends_of_its_range(name: str) -> None:
    spec, bounds = SETTINGS[name], SETTINGS[name].metadata["bounds"]
    assert check_setting(spec, spec.default) == spec.default
    if bounds is None:
        return
    for end, is_open in ((bounds.low, bounds.open_low), (bounds.high, bounds.open_high)):
        if not is_open:
            checked = check_setting(spec, str(end))
            assert checked == end
            assert isinstance(checked, int if spec.metadata["kind"] == "int" else float)
    outside = [bounds.low - 1, 2 * bounds.high + 1, *([bounds.low] if bounds.open_low else [])]
    for beyond in outside:
        with pytest.raises(UsageError) as refused:
            check_setting(spec, beyond)
        assert f"{name} is" in refused.value.message
        assert str(bounds) in refused.value.hint


@pytest.mark.parametrize("value", [True, False, "1.5", 1.5, [], {}, "0x10", None])
def test_a_whole_number_is_nothing_else(value: object) -> None:
    with pytest.raises(UsageError, match="epochs is"):
        check_setting(SETTINGS["epochs"], value)


def test_no_two_presets_give_one_setting_two_ranges() -> None:
    for preset in PRESETS.values():
        for name, spec in settings_of(preset).items():
            assert spec.metadata["bounds"] == SETTINGS[name].metadata["bounds"]


def test_later_layers_override_earlier_ones() -> None:
    config = make_config("lesson", [{"epochs": 5, "dropout": 0.5}, {"epochs": "7"}])
    assert config.model == LessonConfig(dropout=0.5)
    assert (config.epochs, config.network_train.batch_size) == (7, 32)


@pytest.mark.parametrize(
    ("preset", "settings", "message", "hint"),
    [
        ("lesson", {"epoch": 5}, "no setting epoch", "did you mean epochs?"),
        ("lesson", {"bptt": 3}, "no setting bptt", "presets that have it: rnn, gru, lstm"),
        ("lesson", {"device": "tpu"}, "'tpu'", "it must be auto or cpu or cuda or mps"),
        ("nosuch", {}, "'nosuch'", "lesson"),
        (None, {}, "None", "lesson"),
    ],
)
def test_what_there_is_not_is_refused_with_what_there_is(
    preset: Any, settings: dict[str, Any], message: str, hint: str
) -> None:
    with pytest.raises(UsageError) as refused:
        make_config(preset, [settings])
    assert message in refused.value.message
    assert hint in refused.value.hint


def test_the_lessons_preset_has_the_lessons_figures() -> None:
    lesson = make_config("lesson", [])
    sizes, train = lesson.model, lesson.network_train
    assert isinstance(sizes, LessonConfig)
    assert (sizes.embedding_size, sizes.bidirectional_size) == (100, 150)
    assert (sizes.recurrent_size, sizes.dropout, sizes.l2) == (100, 0.2, 0.01)
    assert (train.epochs, train.batch_size, train.learning_rate) == (130, 32, 1e-3)
    assert (lesson.train.held_out, lesson.train.min_count, lesson.tokenizer) == (0, 1, "lesson")


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data["train"].pop("epochs"),
        lambda data: data["train"].update(epochs=0),
        lambda data: data["model"].update(surprise=1),
        lambda data: data.update(preset="nosuch"),
    ],
)
def test_json_without_valid_settings_is_refused(change: Any) -> None:
    data = make_config("lesson", []).to_json()
    change(data)
    with pytest.raises(UsageError):
        Config.from_json(data)


def test_settings_survive_json_and_toml(tmp_path: Path) -> None:
    wanted = make_config("lesson", [{"threads": 3, "max_vocabulary": 50, "l2": 0.5}])
    assert Config.from_json(json.loads(json.dumps(wanted.to_json()))) == wanted
    settings = {**wanted.to_json()["model"], **wanted.to_json()["train"]}
    file = tmp_path / "run.toml"
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in settings.items()]
    file.write_text('preset = "lesson"\n' + "".join(lines))
    read = settings_from_toml(file)
    assert make_config(read.pop("preset"), [read]) == wanted


def test_the_environment_gives_settings_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RNNLM_EPOCHS", "7")
    monkeypatch.setenv("RNNLM_SEED", "")
    monkeypatch.setenv("RNNLM_SOMETHING_ELSE", "1")
    assert settings_from_environment() == {"epochs": "7"}


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_the_defaults_follow_from_the_size_of_the_corpus(cell: str) -> None:
    small, middle, large = (make_config(cell, [], words) for words in (17_700, 930_000, 10**8))
    assert make_config(cell, []) == small
    assert middle.train.bptt > small.train.bptt  # type: ignore[attr-defined]
    assert small != middle != large
    given = make_config(cell, [{"bptt": 7, "dropout": 0.11}], 930_000)
    assert given.train.bptt == 7  # type: ignore[attr-defined]
    assert given.model.dropout == 0.11  # type: ignore[union-attr]
    assert Config.from_json(middle.to_json()) == middle


def test_every_scale_holds_settings_of_its_preset_and_covers_all_corpora() -> None:
    for preset in PRESETS.values():
        for scale in preset.scales:
            make_config(preset.name, [scale.settings])
        sizes = [scale.most_words for scale in preset.scales]
        assert sizes == sorted(sizes)
        assert not sizes or math.isinf(sizes[-1])
    assert PRESETS["lesson"].scale_of(10) is None
