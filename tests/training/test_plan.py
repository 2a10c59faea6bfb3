"""From a request to a job: the settings, the names, the texts, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from rnnlm_tui.cli.modes import split_command_line
from rnnlm_tui.cli.parser import parse
from rnnlm_tui.cli.train import training_request
from rnnlm_tui.config import Config, make_config
from rnnlm_tui.errors import CorpusError, RnnlmError, UsageError
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.run_files import read_facts
from rnnlm_tui.training.estimate import check_memory, memory_bytes
from rnnlm_tui.training.job import Job
from rnnlm_tui.training.plan import plan
from tests.helpers.models import put_saved_model
from tests.helpers.training import made, run, run_stopped_at, small_job

SMALL: dict[str, Any] = {"embedding_size": 4, "hidden_size": 4, "threads": 1, "mixture": "off"}


def config_of(library: Library, *arguments: str) -> Config:
    """The settings that a command line gives for a small text."""
    request = parse(*split_command_line(["--train", *arguments]))
    return plan(library, training_request(request)).config(0)


# Settings


@pytest.mark.parametrize(
    ("arguments", "toml", "expected"),
    [
        ("", "", {"preset": "lesson", "held_out": 0.0}),
        ("diary.txt", "", {"preset": "gru", "held_out": 0.1}),
        ("", "epochs = 3\nseed = 5\ntop = 3", {"epochs": 3, "seed": 5}),
        ("--epochs=300", "epochs = 3", {"epochs": 300}),
        ("", 'preset = "rnn"', {"preset": "rnn"}),
        ("--preset=gru", 'preset = "rnn"', {"preset": "gru"}),
        ("--from=gru", 'preset = "rnn"', "gru is of the preset gru"),
        ("", 'preset = "LESSON"', "preset is 'LESSON' (in "),
        ("", 'epochs = "many"', "epochs is 'many' (in "),
        ("a.txt --bidirectional-size=4", "", "gru has no setting bidirectional_size"),
    ],
)
def test_flags_go_before_a_file_before_the_defaults(
    arguments: str, toml: str, expected: dict[str, Any] | str, library: Library, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Variables of the environment are no settings."""
    put_saved_model(library, "gru")
    monkeypatch.setenv("RNNLM_EPOCHS", "30")
    (tmp_path / "run.toml").write_text(toml)
    given = (*arguments.split(), "--config", str(tmp_path / "run.toml"))
    if isinstance(expected, str):
        with pytest.raises(UsageError, match=re.escape(expected)):
            config_of(library, *given)
    else:
        found = config_of(library, *given)
        assert expected.items() <= {**found.settings, "preset": found.preset}.items()


# What is refused


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        ({"update": "ngram", "name": "other"}, "name does not go with update"),
        ({"update": "nobody"}, "there is no model nobody"),
        ({"update": "ngram"}, "the file that ngram was trained on is not known here"),
        ({"sources": (), "add": ()}, "add is for update"),
        ({"sources": (), "on": "gru"}, "no built-in model is called gru"),
        ({"sources": (), "on": "english"}, "no built-in model is called english"),
        ({"resume": True, "name": "gru"}, "no training of gru is unfinished"),
        ({"resume": True, "force": True}, "force does not go with resume"),
    ],
)
def test_a_training_that_cannot_be_is_refused(
    request_: dict[str, Any], why: str, library: Library, corpus_file: Path
) -> None:
    for preset in ("gru", "ngram"):
        put_saved_model(library, preset)
    for kind in request_.keys() & {"sources", "add"}:
        request_ = {**request_, kind: (str(corpus_file),)}
    with pytest.raises(RnnlmError, match=re.escape(why)):
        made(library, **request_)


# A run that is resumed


@pytest.fixture
def begun(library: Library, corpus_file: Path) -> Job:
    """A gru that was stopped in its second epoch."""
    settings = {**SMALL, "epochs": 3, "held_out": 0.3, "max_vocabulary": 9}
    job = made(library, corpus_file, name="m", preset="gru", settings=settings)
    run_stopped_at(job, 2, 1)
    return job


def test_a_resumed_run_keeps_its_settings_words_and_held_out_lines(
    begun: Job, library: Library, corpus_file: Path
) -> None:
    again = made(library, resume=True)
    assert again.config == begun.config
    assert again.prepared.vocabulary.words == begun.prepared.vocabulary.words
    assert [*again.prepared.held_out_mask] == [*begun.prepared.held_out_mask]
    job = made(library, resume=True, settings={"epochs": "4", "learning_rate": 0.25})
    assert (job.config.epochs, job.config.network_train.learning_rate) == (4, 0.25)
    assert (job.name, job.facts.sources) == ("m", [str(corpus_file)])
    assert job.facts.created == begun.facts.created
    moved = corpus_file.rename(corpus_file.with_name("moved.txt"))
    for how in ({"resume": True}, {"update": "m", "force": True}):
        with pytest.raises(RnnlmError, match="no such file") as caught:
            made(library, **how)
        assert "if it was moved: rnnlm-tui --train " in caught.value.hint
    job = made(library, moved, resume=True)
    run_stopped_at(job, 3, 1)
    assert read_facts(job.folder).sources == [str(moved)]
    [*run(made(library, resume=True))]
    assert not library.runs.can_resume("m")


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        ({"settings": {"seed": 2}}, "seed does not go with resume"),
        ({"preset": "rnn"}, "preset does not go with resume"),
        ({"sources": ()}, "is not the text that the training of m started with"),
        ({"resume": False}, "the name m is taken"),
    ],
)
def test_what_a_run_is_made_of_cannot_change(
    request_: dict[str, Any], why: str, begun: Job, library: Library, corpus_file: Path
) -> None:
    other = corpus_file.with_name("other.txt")
    other.write_text("another text\nof two lines\n")
    if "sources" in request_:
        request_ = {"sources": (str(other),)}
    begun.best_path.unlink()  # the state alone takes the name, too
    with pytest.raises(RnnlmError, match=re.escape(why)):
        made(library, **{"resume": True, "name": "m", **request_})
    assert made(library, other, name="m", force=True).position.epoch == 1


def test_an_update_loses_a_training_that_could_be_resumed_only_if_it_is_told_to(
    begun: Job, library: Library
) -> None:
    with pytest.raises(RnnlmError, match="the training of m stopped at epoch 1 of 3; after an"):
        made(library, update="m", settings={"epochs": 1})
    assert made(library, update="m", force=True, settings={"epochs": 1}).is_update


def test_a_run_of_a_folder_is_not_resumed_with_other_notes(
    library: Library, corpus_file: Path
) -> None:
    (folder := corpus_file.with_name("notes")).mkdir()
    corpus_file.rename(folder / "a.md")
    job = made(library, folder, name="m", preset="gru", settings={**SMALL, "epochs": 2})
    run_stopped_at(job, 2, 1)
    assert made(library, resume=True).facts.sources == [str(folder)]
    (folder / "b.md").write_text("one more note\n")
    refused = r"notes/ \(2 files\) is not the text that the training"
    for sources, own in (((), ""), ((folder,), " FILE")):
        with pytest.raises(RnnlmError, match=refused) as caught:
            made(library, *sources, resume=True)
        assert caught.value.hint.endswith(f"--train --update m{own} --force")
    assert made(library, update="m", force=True).is_update
    with pytest.raises(RnnlmError, match="no such file") as caught:
        made(library, update="m", force=True, add=("none.txt",))
    assert not caught.value.hint


def test_a_run_without_an_epoch_whose_text_has_changed_is_begun_anew(
    library: Library, corpus_file: Path
) -> None:
    settings = {**SMALL, "mixture": "on"}  # its n-grams are saved
    run_stopped_at(made(library, corpus_file, name="m", preset="gru", settings=settings), 1, 1)
    corpus_file.write_text("another text\nof two lines\n")
    with pytest.raises(RnnlmError, match="is not the text that") as caught:
        made(library, resume=True)
    assert caught.value.hint.endswith("--train FILE --name m --force")
    with pytest.raises(RnnlmError, match="has not finished its first epoch"):
        made(library, update="m", force=True)


def test_the_memory_is_that_of_the_network_and_few_bytes_a_word() -> None:
    """The lesson on the sonnets takes 519 MB in all, measured."""

    def memory(preset: str, total_words: int, predictions: int, **settings: str) -> int:
        known = SimpleNamespace(total_words=total_words)
        text: Any = SimpleNamespace(vocabulary=known, predictions=predictions)
        return memory_bytes(make_config(preset, [settings]), text)

    assert memory("lesson", 3227, 15_484) == pytest.approx(519e6, rel=0.2)
    per_word = (memory("gru", 20, 100_000_000, mixture="off") - memory("gru", 20, 0)) / 100e6
    assert per_word <= 25


def test_a_training_that_does_not_fit_into_the_free_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = small_job("gru", tmp_path / "a")
    check_memory(job.config, job.prepared)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1_000))
    with pytest.raises(CorpusError, match=r"different words: the preset gru needs .* are free"):
        check_memory(job.config, job.prepared)
