"""From a request to a job: the settings, the names, the texts, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from rnnlm_tui.cli.modes import split
from rnnlm_tui.cli.options import TrainRequest
from rnnlm_tui.cli.parser import make_request
from rnnlm_tui.cli.train import training_request
from rnnlm_tui.config import Config, make_config
from rnnlm_tui.errors import RnnlmError, UsageError
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.run_files import read_facts, write_sources
from rnnlm_tui.training.job import Job
from rnnlm_tui.training.plan import TrainingRequest, plan, resolve_settings
from tests.helpers.models import put_saved_model
from tests.helpers.training import no_report, run, run_stopped_at

SMALL: dict[str, Any] = {"embedding_size": 4, "hidden_size": 4, "threads": 1, "mixture": "off"}
LEARNED = "".join(bundled_corpus().read_text().splitlines(keepends=True)[:40])
"""The text of the saved models."""


def config_of(*arguments: str, source: str | None = None) -> Config:
    """The settings that a command line gives."""
    request = make_request(*split(["--train", *arguments]))
    assert isinstance(request, TrainRequest)
    return make_config(*resolve_settings(training_request(request), source))


def made(library: Library, *sources: Path, **request: Any) -> Job:
    """The job of a request, whose folder exists."""
    if sources:
        request["sources"] = tuple(map(str, sources))
    job = plan(library, TrainingRequest(**request)).prepare(no_report)
    job.folder.mkdir(parents=True, exist_ok=True)
    return job


# Settings


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


def test_the_preset_comes_from_flag_source_environment_file_or_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert config_of().preset == "lesson"
    assert (config_of("diary.txt").preset, config_of("diary.txt").train.held_out) == ("gru", 0.1)
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


def test_a_flag_of_another_preset_is_refused_and_a_variable_or_machine_setting_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(UsageError) as refused:
        config_of("diary.txt", "--bidirectional-size=4")
    assert refused.value.message == "the preset gru has no setting bidirectional_size"
    assert refused.value.hint == "presets that have it: lesson"
    for variable in ("RNNLM_THREADS", "RNNLM_EPOCHS", "RNNLM_HIDDEN_SIZE"):
        monkeypatch.setenv(variable, "1")
    assert config_of("--preset=ngram", "--threads=1", "--device=cpu").preset == "ngram"


# Names and texts


def test_a_name_is_made_from_text_and_preset(library: Library, corpus_file: Path) -> None:
    job = made(library, corpus_file, preset="ngram")
    assert (job.name, job.path) == ("verses-ngram", library.path("verses-ngram"))
    assert (job.facts.sources, job.facts.seed_line) == ([str(corpus_file)], "The cat sat on")
    put_saved_model(library, "ngram")
    library.rename("ngram", "verses-ngram")
    assert made(library, corpus_file, preset="ngram").name == "verses-ngram-2"
    assert made(library, preset="lesson").name == "sonnets-lesson"


def test_an_update_reads_the_models_files_and_those_that_are_added(
    library: Library, tmp_path: Path
) -> None:
    put_saved_model(library, "ngram")
    old, new = tmp_path / "old.txt", tmp_path / "new.txt"
    old.write_text(LEARNED)
    new.write_text("the clock of thine own bright eyes")
    library.run_folder("ngram").mkdir(parents=True)
    write_sources(library.run_folder("ngram"), [str(old)], None)
    job = made(library, update="ngram", added=(str(new), str(new)))
    assert job.facts.sources == [str(old), str(new)] and job.facts.is_update
    assert (job.name, job.replaces) == ("ngram", library.path("ngram"))
    assert job.path == library.path_of_update("ngram") != job.replaces


# What is refused


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        ({"update": "ngram", "name": "other"}, "trains and replaces ngram itself"),
        ({"update": "nobody"}, "there is no model nobody"),
        ({"update": "ngram"}, "the file that ngram was trained on is not known here"),
        ({"update": "ngram", "sources": ("TEXT",)}, "has learned this text already"),
        ({"update": "gru", "sources": ("TEXT",), "preset": "rnn"}, "gru is of the preset gru"),
        ({"update": "lesson", "sources": ("OTHER",)}, "keeps to the text it has learned"),
        ({"sources": ("TEXT",), "added": ("OTHER",)}, "add is for update"),
        ({"sources": ("TEXT",), "name": "gru"}, "the name gru is taken"),
        ({"sources": ("TEXT",), "name": "../up"}, "cannot be a model's name"),
        ({"sources": ("TEXT",), "base": "gru"}, "on is 'gru'"),
        ({"sources": ("TEXT",), "base": "english"}, "there is no model english"),
        ({"preset": "lesson", "base": "english"}, "of the preset lesson is not built on another"),
        ({"base": "english", "preset": "gru", "settings": {"mixture": "off"}}, "mixture off"),
        ({"resume": True}, "no training is unfinished"),
        ({"resume": True, "name": "gru"}, "no training of gru is unfinished"),
        ({"resume": True, "force": True}, "continues a run with its own settings"),
    ],
)
def test_a_training_that_cannot_be_is_refused(
    request_: dict[str, Any], why: str, library: Library, tmp_path: Path
) -> None:
    for preset in ("lesson", "gru", "ngram"):
        put_saved_model(library, preset)
    texts = {"TEXT": LEARNED, "OTHER": LEARNED + "the clock\n"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    for kind in ("sources", "added"):
        if kind in request_:
            named = (str(tmp_path / n) if n in texts else n for n in request_[kind])
            request_ = {**request_, kind: tuple(named)}
    with pytest.raises(RnnlmError, match=re.escape(why)):
        made(library, **request_)


@pytest.fixture
def begun(library: Library, corpus_file: Path) -> Job:
    """A gru that was stopped in its second epoch."""
    job = made(library, corpus_file, name="m", preset="gru", settings={**SMALL, "epochs": 3})
    run_stopped_at(job, 2, 1)
    return job


def test_a_resumed_run_keeps_its_settings_but_those_of_the_request(
    begun: Job, library: Library, corpus_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RNNLM_EPOCHS", "9")
    assert made(library, resume=True).config == begun.config
    job = made(library, resume=True, settings={"epochs": "4", "learning_rate": 0.25})
    assert (job.config.epochs, job.config.network_train.learning_rate) == (4, 0.25)
    assert (job.name, job.facts.sources) == ("m", [str(corpus_file)])
    moved = corpus_file.rename(corpus_file.with_name("moved.txt"))
    job = made(library, moved, resume=True)
    run_stopped_at(job, 3, 1)
    assert read_facts(job.folder).sources == [str(moved)]
    [*run(made(library, resume=True))]
    assert not library.can_resume("m")


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        ({"settings": {"seed": 2}}, "seed cannot be changed"),
        ({"settings": {"epochs": 1}}, "has done 1 epoch of 1"),
        ({"preset": "rnn"}, "preset cannot be changed"),
        ({"sources": ("OTHER",)}, "is not the text that the training of m started with"),
    ],
)
def test_what_a_run_is_made_of_cannot_change(
    request_: dict[str, Any], why: str, begun: Job, library: Library, corpus_file: Path
) -> None:
    if "sources" in request_:
        other = corpus_file.with_name("other.txt")
        other.write_text("another text\nof two lines\n")
        request_ = {"sources": (str(other),)}
    with pytest.raises(RnnlmError, match=re.escape(why)):
        made(library, resume=True, name="m", **request_)


def test_an_unfinished_run_is_neither_replaced_nor_taken_as_a_model(
    begun: Job, library: Library, corpus_file: Path
) -> None:
    library.path("m").unlink()
    with pytest.raises(RnnlmError, match="a training of m was started and not finished"):
        made(library, corpus_file, name="m")
    assert made(library, corpus_file, name="m", force=True).facts.position.epoch == 1
