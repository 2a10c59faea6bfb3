"""The settings of a run: which source wins, what a preset accepts, how mistakes are reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnlm_tui.cli.modes import split
from rnnlm_tui.cli.options import TrainRequest
from rnnlm_tui.cli.parser import make_request
from rnnlm_tui.cli.train import training_request
from rnnlm_tui.config import Config, make_config
from rnnlm_tui.errors import UsageError
from rnnlm_tui.training.plan import resolve_settings


def config_of(*arguments: str, source: str | None = None) -> Config:
    """The settings that a command line gives."""
    request = make_request(*split(["--train", *arguments]))
    assert isinstance(request, TrainRequest)
    return make_config(*resolve_settings(training_request(request), source))


def test_flags_go_before_the_environment_before_toml_before_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "run.toml"
    file.write_text("epochs = 3\nbatch_size = 4\nseed = 5\n")
    monkeypatch.setenv("RNNLM_EPOCHS", "30")
    monkeypatch.setenv("RNNLM_BATCH_SIZE", "40")
    config = config_of("--config", str(file), "--epochs", "300")
    assert (config.epochs, config.network_train.batch_size) == (300, 40)
    assert (config.train.seed, config.train.held_out) == (5, 0.0)


def test_the_default_preset_is_the_lesson_for_the_sonnets_and_gru_for_a_text_of_ones_own() -> None:
    assert config_of().preset == "lesson"
    own = config_of("diary.txt")
    assert (own.preset, own.train.held_out) == ("gru", 0.1)


def test_the_preset_comes_from_flag_source_environment_or_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run.toml").write_text('preset = "rnn"')
    from_file = ["--config", str(tmp_path / "run.toml")]
    assert config_of(*from_file).preset == "rnn"
    monkeypatch.setenv("RNNLM_PRESET", "lstm")
    assert config_of(*from_file).preset == "lstm"
    assert config_of(*from_file, "--preset", "ngram").preset == "ngram"
    assert config_of(*from_file, source="gru").preset == "gru"
    monkeypatch.setenv("RNNLM_PRESET", "LESSON")
    with pytest.raises(UsageError, match="no preset is called 'LESSON'"):
        config_of()


def test_an_error_names_the_variable_that_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RNNLM_EPOCHS", "many")
    with pytest.raises(UsageError, match=r"epochs is 'many' \(from RNNLM_EPOCHS\)"):
        config_of()


def test_a_flag_of_another_preset_is_refused_with_the_presets_that_have_it() -> None:
    with pytest.raises(UsageError) as refused:
        config_of("diary.txt", "--bidirectional-size=4")
    assert refused.value.message == "the preset gru has no setting bidirectional_size"
    assert refused.value.hint == "presets that have it: lesson"


@pytest.mark.parametrize("variable", ["RNNLM_THREADS", "RNNLM_EPOCHS", "RNNLM_HIDDEN_SIZE"])
def test_a_variable_that_a_preset_does_not_have_is_left_out(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "1")
    assert config_of("--preset=ngram").preset == "ngram"


def test_where_to_compute_does_not_matter_to_a_preset_without_a_network() -> None:
    assert config_of("--preset=ngram", "--threads=1", "--device=cpu").preset == "ngram"
    with pytest.raises(UsageError, match="no setting epochs"):
        config_of("--preset=ngram", "--epochs=1")


def test_a_mistyped_variable_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RNNLM_EPOCH", "3")
    config_of()
    assert capsys.readouterr().err == (
        "warning: RNNLM_EPOCH is not a setting; did you mean RNNLM_EPOCHS?\n"
    )
