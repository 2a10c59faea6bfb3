"""What a run leaves on disk: its model, its sources and its state."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnnlm_tui.errors import StorageError
from rnnlm_tui.event_types import EpochFigures, Metrics
from rnnlm_tui.store import files
from rnnlm_tui.store.files import RESUME, RUN
from rnnlm_tui.store.model_file import load_model, open_stored
from rnnlm_tui.store.run_files import read_sources, read_state
from rnnlm_tui.training.batches import WHOLE
from rnnlm_tui.training.job import Job
from rnnlm_tui.training.network_learner import network_and_batches
from rnnlm_tui.training.saving import Saver
from tests.helpers.models import contents, fail_for
from tests.helpers.training import small_job

FIGURES = EpochFigures(1, Metrics(loss=2.0), None)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return small_job("gru", tmp_path / "a", text="the cat sat\nthe dog sat\n" * 5, epochs=2)


def weights_of(job: Job) -> dict[str, np.ndarray]:
    """Its initial weights, by their names in a model's file."""
    network, _ = network_and_batches(job, WHOLE)
    return {name: weight.detach().numpy() for name, weight in network.weights().items()}


def save(job: Job) -> Saver:
    """Saves them as its model."""
    saver = Saver(job)
    saver.save_model(FIGURES, 1, weights_of(job), None, None)
    return saver


def test_a_save_that_fails_leaves_the_files_that_were_there(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saver, tensors = save(job), {"network.x": np.ones(2, np.float32)}
    saver.save_state(job.facts.position, tensors, "the cat")
    before = contents(tmp_path)
    monkeypatch.setattr(files, "write_file", fail_for("", errno.EROFS))
    saves: list[Callable[[], object]] = [
        lambda: saver.save_model(FIGURES, 2, weights_of(job), None, None),
        lambda: saver.save_evaluation(None, None),
        lambda: saver.save_state(job.facts.position, tensors, "the dog"),
    ]
    for each in saves:
        with pytest.raises(StorageError) as caught:
            each()
        assert os.strerror(errno.EROFS).lower() in caught.value.message
        assert contents(tmp_path) == before


def test_a_run_knows_its_own_model(job: Job) -> None:
    assert Saver(job).saved(job.path) is None
    save(job)
    other = small_job("gru", job.folder, text="the cat sat\n")
    assert Saver(other).saved(other.path) is None
    card = Saver(job).saved(job.path)
    assert card is not None and card.metrics == FIGURES
    job.path.write_bytes(b"{")
    assert Saver(job).saved(job.path) is None


@pytest.mark.parametrize("preset", ["lesson", "gru"])
def test_a_network_is_saved_in_8_bits_and_the_lesson_as_it_is(preset: str, tmp_path: Path) -> None:
    job = small_job(preset, tmp_path / "a")
    saver = save(job)
    with open_stored(job.path) as stored:
        tensors = {n: a for n, a in stored.tensors().items() if n.startswith("network.")}
    kinds = {array.dtype for array in tensors.values() if array.ndim > 1}
    assert kinds == {np.dtype(np.float32 if preset == "lesson" else np.int8)}
    # It is measured as it predicts once it is saved.
    expected = saver.as_saved(weights_of(job)).next_word_probabilities([1, 2])
    found = load_model(job.path)[1].next_word_probabilities([1, 2])
    np.testing.assert_array_equal(found, expected)


def test_the_state_is_what_a_run_goes_on_from(job: Job) -> None:
    tensors = {"network.x": np.ones(2, np.float32), "moment.x.exp_avg": np.zeros(2, np.float32)}
    position = job.facts.position
    position.epoch, position.step, position.nll, position.best_epoch = 2, 1, 0.1 + 0.2, 1
    Saver(job).save_state(position, tensors, "the dog")
    facts, found = read_state(job.folder)
    assert (facts.position, facts.seed_line, facts.config) == (position, "the dog", job.config)
    assert all(np.array_equal(found[name], tensor) for name, tensor in tensors.items())
    again = small_job("gru", job.folder, text="the cat sat\nthe dog sat\n" * 5, epochs=2)
    assert again.prepared.vocabulary.words == job.prepared.vocabulary.words
    Saver(again).end()
    assert not (job.folder / RESUME).exists()


def test_the_files_that_a_model_learned_are_stored_once_it_is_the_model(job: Job) -> None:
    save(job)
    assert read_sources(job.folder).sources == job.facts.sources
    new = job.path.with_name(".new.safetensors")
    update = replace(job, path=new, replaces=job.path)
    (job.folder / RUN).unlink()
    saver = save(update)
    assert not (job.folder / RUN).exists()
    before = new.read_bytes()
    saver.replace_model()
    assert job.path.read_bytes() == before and not new.exists()
    assert read_sources(job.folder).sources == job.facts.sources
