"""What a run leaves on disk: its model and its state.

Nothing is trained here; the models are tiny, with random weights.
"""

from __future__ import annotations

import errno
import json
import math
import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rnnlm_tui.errors import ModelError, StorageError
from rnnlm_tui.store import files
from rnnlm_tui.store.model_file import load_model
from rnnlm_tui.store.run_state import FACTS, EpochTotals, GeneratorState, Position, TextOrigin
from rnnlm_tui.store.tensors import read_arrays, write_tensors
from rnnlm_tui.training.checkpoint import Checkpoint, CheckpointWriter, load_state
from tests.helpers.models import (
    HOSTILE,
    JSON_VALUES,
    WORDS,
    contents,
    epoch_figures,
    fail_for,
    make_model,
    places,
    random_weights,
    save_state,
    small_card,
    tensors_of,
)

# The model


def checkpoints_of(folder: Path, created: str = "2026-01-01") -> CheckpointWriter:
    """Those of a run that began then, in this folder, with a small model."""
    of_text = {name: t for name, t in tensors_of(small_card()).items() if "network" not in name}
    return CheckpointWriter(folder / "model", folder, created, lambda: of_text)


def test_a_save_that_fails_leaves_the_files_that_were_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints, card = checkpoints_of(tmp_path), small_card(epoch=2)
    make_model(tmp_path / "model", epoch=1)
    checkpoints.save_state(state_of(epoch=3))
    before = contents(tmp_path)
    monkeypatch.setattr(files, "write_file", fail_for("", errno.EROFS))
    saves: list[Callable[[], object]] = [
        lambda: checkpoints.save_model(card, {"network": random_weights(card, 1)}),
        lambda: checkpoints.save_figures(card),
        lambda: checkpoints.save_state(state_of(epoch=4)),
    ]
    for save in saves:
        with pytest.raises(StorageError) as caught:
            save()
        assert os.strerror(errno.EROFS).lower() in caught.value.message
        assert contents(tmp_path) == before
    assert load_model(tmp_path / "model")[0].epochs_done == 1


def test_a_run_knows_its_own_model(tmp_path: Path) -> None:
    own, other = checkpoints_of(tmp_path), checkpoints_of(tmp_path, created="2026-01-03")
    assert own.saved() is None and not own.has_older_model()
    card = make_model(tmp_path / "model")
    assert own.saved() == card and not own.has_older_model()
    assert other.saved() is None and other.has_older_model()
    (tmp_path / "model").write_bytes(b"{")
    assert own.saved() is None and not own.has_older_model()


def test_an_epoch_that_is_not_better_leaves_the_weights_with_their_figures(tmp_path: Path) -> None:
    checkpoints, card = checkpoints_of(tmp_path), small_card(epoch=2)
    checkpoints.save_model(card, {"network": random_weights(card, seed=1)})
    checkpoints.save_figures(replace(small_card(epoch=3), updated="later"))
    saved = checkpoints.saved()
    assert saved is not None and saved.metrics == epoch_figures(2)
    assert (saved.epochs_done, len(saved.history), saved.updated) == (3, 3, "later")
    kept = checkpoints.best_weights()
    assert all(np.array_equal(kept[k], w) for k, w in random_weights(card, seed=1).items())


def test_without_weights_to_keep_a_run_cannot_go_on(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("{")
    with pytest.raises(ModelError, match="gone or damaged"):
        checkpoints_of(tmp_path).save_figures(small_card(epoch=2))


# The state


def state_of(epoch: int = 3, origin: TextOrigin | None = None) -> Checkpoint:
    """The state of a run, in the middle of an epoch."""
    card = small_card()
    tensors = {f"weight.{name}": w for name, w in random_weights(card, seed=3).items()}
    tensors |= {f"moment.{name}": w for name, w in random_weights(card, seed=4).items()}
    generator = np.random.default_rng(5)
    generator.random(3)
    position = Position(
        epoch=epoch,
        sums=EpochTotals(12.5, 0.25, correct=3, words=7, examples=8, steps=2),
        dropout=cast(GeneratorState, generator.bit_generator.state),
        updates=42,
        learning_rate=0.001,
        recoveries=1,
        elapsed_s=1.5,
        best_epoch=2,
        best_loss=2.25,
        history=[epoch_figures(1), epoch_figures(2)],
    )
    origin = origin or {"sources": ["verses.txt"], "sha256": "00", "encoding": None}
    return Checkpoint(card.config, origin, position, tensors)


@cache
def saved_state() -> bytes:
    """The bytes of a whole resume.safetensors."""
    with tempfile.TemporaryDirectory() as name:
        save_state(Path(name), state_of())
        return (Path(name) / "resume.safetensors").read_bytes()


def changed(
    facts: Callable[[dict[str, Any]], object] = id,
    tensors: Callable[[dict[str, NDArray[Any]]], object] = id,
) -> bytes:
    """A saved state whose facts and tensors have been changed."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "resume.safetensors"
        path.write_bytes(saved_state())
        arrays = read_arrays(path)
        said = json.loads(arrays[FACTS].tobytes())
        facts(said)
        arrays[FACTS] = np.frombuffer(json.dumps(said).encode(), np.uint8)
        tensors(arrays)
        write_tensors(path, arrays)
        return path.read_bytes()


def state_in(raw: bytes) -> Checkpoint | str:
    """The state in these bytes, or why they are refused."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "resume.safetensors").write_bytes(raw)
        try:
            return load_state(Path(name), "verses")
        except ModelError as error:
            return error.message


@pytest.mark.parametrize(
    "origin", [None, {"words": list(WORDS), "window": 4}, {"sources": ["not unicode \udce9.txt"]}]
)
def test_a_state_comes_back_to_the_last_digit(tmp_path: Path, origin: TextOrigin | None) -> None:
    state = state_of(origin=origin)
    save_state(tmp_path, state)
    again = load_state(tmp_path, "verses")
    assert (again.config, again.corpus) == (state.config, state.corpus)
    assert again.position == state.position
    assert again.tensors.keys() == state.tensors.keys()
    assert all(np.array_equal(again.tensors[name], state.tensors[name]) for name in again.tensors)


def test_a_missing_state_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no training of verses is unfinished"):
        load_state(tmp_path, "verses")


@pytest.mark.parametrize(
    ("place", "values"),
    [
        (("config",), [None, [], {"a": 1}]),
        (("corpus",), [None, 5, {"sources": 5}]),
        (("position",), [None, 5, []]),
        (("position", "epoch"), [0, -1, 1.5, "1", True, 2**70]),
        (("position", "learning_rate"), [0, -1.0, None, 10**400]),
        (("position", "best_epoch"), [0, "1", 4]),
        (("position", "history"), [None, [1], [{"epoch": 1}]]),
        (("position", "sums", "steps"), [None, -1, 10**400]),
        (("position", "sums", "nll"), ["1", 10**400]),
        (("position", "dropout"), [5, {}, {"bit_generator": "MT19937"}]),
        (("corpus", "sources"), ["verses.txt", [5]]),
        (("corpus", "words"), ["the cat", ["the", "the"], [""], ["no window"]]),
    ],
)
def test_invalid_facts_are_refused(place: tuple[str, ...], values: list[object]) -> None:
    for value in values:

        def change(facts: dict[str, Any], value: object = value) -> None:
            for name in place[:-1]:
                facts = facts[name]
            facts[place[-1]] = value

        assert isinstance(state_in(changed(change)), str), value


@pytest.mark.parametrize(
    ("name", "number", "dtype"),
    # The square of a large gradient may be large; a weight may not.
    [
        ("weight.embedding", math.nan, np.float32),
        ("weight.embedding", 3e38, np.float32),
        ("moment.embedding", math.inf, np.float32),
        ("weight.embedding", 0, np.int32),
    ],
)
def test_tensors_of_other_numbers_are_refused(name: str, number: float, dtype: type) -> None:
    def change(tensors: dict[str, NDArray[Any]]) -> None:
        tensors[name] = np.full(tensors[name].shape, number, dtype)

    assert "float32" in str(state_in(changed(tensors=change)))


def test_a_state_without_its_facts_is_refused() -> None:
    assert isinstance(state_in(changed(tensors=lambda tensors: tensors.pop(FACTS))), str)


@HOSTILE
@given(
    edits=st.lists(
        st.tuples(st.floats(0, 1), st.booleans(), st.binary(min_size=1, max_size=9)), max_size=5
    ),
    in_header=st.booleans(),
    kept=st.floats(0, 1),
)
def test_a_state_with_random_bytes_is_whole_or_refused(
    edits: list[tuple[float, bool, bytes]], in_header: bool, kept: float
) -> None:
    raw = saved_state()
    end = 8 + int.from_bytes(raw[:8], "little") if in_header else len(raw)
    for share, insert, more in edits:
        place = int(share * end)
        raw = raw[:place] + more + raw[place + (0 if insert else len(more)) :]
    answer = state_in(raw[: int(kept * len(raw))] if len(edits) % 2 else raw)
    if isinstance(answer, Checkpoint):
        shapes = {name: tensor.shape for name, tensor in state_of().weights.items()}
        assert {name: tensor.shape for name, tensor in answer.weights.items()} == shapes
    else:
        assert "resume.safetensors" in answer or "verses" in answer


@HOSTILE
@given(value=JSON_VALUES, number=st.integers(0))
def test_a_state_with_random_json_in_its_facts_is_whole_or_refused(
    value: object, number: int
) -> None:
    def change(facts: dict[str, Any]) -> None:
        holders = places(facts)
        holder, key = holders[number % len(holders)]
        holder[key] = value

    answer = state_in(changed(change))
    if isinstance(answer, Checkpoint):
        with tempfile.TemporaryDirectory() as name:  # it can be saved again
            save_state(Path(name), answer)
            assert load_state(Path(name), "verses").position == answer.position
    else:
        assert "verses" in answer
