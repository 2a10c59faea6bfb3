"""Settings: their ranges and their round trips."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta

from rnnlm_tui.config import (
    ALL_SETTINGS,
    TRAINING_TYPES,
    Config,
    LessonConfig,
    check_value,
    help_of,
    make_config,
    settings_from_toml,
    split_annotation,
)
from rnnlm_tui.errors import UsageError

WHOLE = Annotated[int, Meta(ge=1, le=64)]
OPEN = Annotated[float, Meta(gt=0, lt=1), "help"]


@pytest.mark.parametrize(
    ("kind", "good", "bad", "rule"),
    [
        (
            WHOLE,
            {1: 1, "64": 64, 5.0: 5},
            [0, 65, "1.5", 1.5, True, None, [], {}, "0x10", 10**400],
            "a whole number, 1 or more and at most 64",
        ),
        (
            OPEN,
            {"0.5": 0.5, ".5": 0.5, "1e-300": 1e-300},
            [0, 1, math.nan, "inf", -math.inf, "", "x", ".", False],
            "a number, above 0 and below 1",
        ),
        (Annotated[int, Meta(ge=2_000)], {9_999: 9_999}, [1], "a whole number, 2,000 or more"),
        (Annotated[WHOLE | None, "help"], {None: None, "3": 3}, [0], "1 or more and at most 64"),
        (ALL_SETTINGS["lines"].type, {"each": "each"}, ["all", 5], "auto or paragraphs or each"),
        (str, {"5": "5"}, [5], "text in quotes"),
    ],
)
def test_a_value_is_converted_to_its_type_or_refused_with_what_it_may_be(
    kind: Any, good: dict[object, object], bad: list[object], rule: str
) -> None:
    for given, value in good.items():
        assert repr(check_value(given, "epochs", kind)) == repr(value)
    for given in bad:
        with pytest.raises(UsageError, match="epochs is ") as refused:
            check_value(given, "epochs", kind)
        assert refused.value.hint.endswith(rule) and refused.value.field == "epochs"


@pytest.mark.parametrize("name", ALL_SETTINGS)
def test_every_setting_takes_its_default_and_has_help_and_a_range(name: str) -> None:
    spec = ALL_SETTINGS[name]
    assert check_value(spec.default, name, spec.type) == spec.default
    base, bounds = split_annotation(spec.type)
    assert " " in help_of(spec)
    assert bounds is not None if base in (int, float) else spec.default in base.__args__


@pytest.mark.parametrize(
    ("preset", "settings", "message", "hint"),
    [
        ("lesson", {"epoch": 5}, "no setting epoch", "did you mean epochs?"),
        ("lesson", {"bptt": 3}, "no setting bptt", "presets that have it: rnn, gru, lstm"),
        ("lesson", {"device": "tpu"}, "'tpu'", "it must be auto or cpu or cuda or mps"),
        ("nosuch", {}, "'nosuch'", "lesson"),
    ],
)
def test_what_there_is_not_is_refused_with_what_there_is(
    preset: str, settings: dict[str, Any], message: str, hint: str
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
    assert (train.held_out, train.max_vocabulary, lesson.tokenizer) == (0, None, "lesson")


def test_settings_survive_json_and_toml(tmp_path: Path) -> None:
    wanted = make_config("lesson", [{"threads": 3, "max_vocabulary": 50, "l2": 0.5}])
    assert msgspec.json.decode(msgspec.json.encode(wanted), type=Config) == wanted
    file = tmp_path / "run.toml"
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in wanted.settings.items()]
    file.write_text('preset = "lesson"\n' + "".join(lines))
    read = settings_from_toml(file, TRAINING_TYPES)
    assert make_config(read.pop("preset"), [read]) == wanted
    older = msgspec.to_builtins(make_config("gru", []))
    del older["train"]["warmup"]  # a setting that a later program has
    assert msgspec.convert(older, Config) == make_config("gru", [])


@pytest.mark.parametrize("preset", ["rnn", "gru", "lstm"])
def test_the_defaults_follow_from_the_size_of_the_corpus(preset: str) -> None:
    small, middle, large = (make_config(preset, [], words) for words in (17_700, 930_000, 10**8))
    assert make_config(preset, []) == small != middle != large
    given = make_config(preset, [{"bptt": 7, "dropout": 0.11}], 930_000)
    assert given.settings == middle.settings | {"bptt": 7, "dropout": 0.11}
