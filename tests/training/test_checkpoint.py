"""What a run leaves on disk: its model, its state and its history.

Nothing is trained here; the models are tiny, with random weights.
"""

from __future__ import annotations

import errno
import json
import math
import os
import struct
import sys
import tempfile
import threading
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
from rnnlm_tui.store.card import read_card
from rnnlm_tui.store.load import load_model
from rnnlm_tui.store.run_state import EpochTotals, GeneratorState, Position, TextOrigin
from rnnlm_tui.store.weights import write_tensors
from rnnlm_tui.training.checkpoint import (
    LAST_NUMBER,
    Checkpoints,
    RunState,
    load_state,
)
from tests.helpers.models import (
    HOSTILE,
    JSON_VALUES,
    WORDS,
    contents,
    epoch_figures,
    make_model,
    parsed_tensors,
    places,
    random_weights,
    small_card,
    tensor_file,
)


def fail_for(part: str, code: int = errno.ENOSPC) -> Callable[..., None]:
    """A `write_file` that writes the first bytes of a file whose name holds `part`, and fails."""
    real = files.write_file

    def write_file(path: Path, write: Callable[[Path], None]) -> None:
        def cut_short(temporary: Path) -> None:
            write(temporary)
            os.truncate(temporary, 5)
            raise OSError(code, os.strerror(code))

        real(path, cut_short if part in path.name else write)

    return write_file


# The model


@pytest.mark.parametrize("part", ["vocabulary", "weights", "model"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_save_that_fails_leaves_the_model_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str, code: int
) -> None:
    make_model(tmp_path, epoch=1)
    before = contents(tmp_path)
    monkeypatch.setattr(files, "write_file", fail_for(part, code))
    with pytest.raises(StorageError) as caught:
        make_model(tmp_path, epoch=2, seed=1)
    assert part in caught.value.message
    assert os.strerror(code).lower() in caught.value.message
    assert contents(tmp_path) == before
    assert load_model(tmp_path)[0].metrics["epoch"] == 1


@pytest.mark.parametrize("part", ["vocabulary", "weights", "model"])
def test_a_first_save_that_fails_leaves_no_model_and_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    monkeypatch.setattr(files, "write_file", fail_for(part))
    with pytest.raises(StorageError, match="no space left on device"):
        make_model(tmp_path)
    assert "model.json" not in contents(tmp_path)
    assert not [name for name in contents(tmp_path) if name.endswith(".tmp")]
    monkeypatch.undo()
    make_model(tmp_path)
    load_model(tmp_path)


def test_a_save_that_failed_is_made_up_for_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints, card = Checkpoints(tmp_path), small_card()
    with monkeypatch.context() as patch, pytest.raises(StorageError):
        patch.setattr(files, "write_file", fail_for("model"))
        checkpoints.save_model(card, WORDS, random_weights(card))
    assert checkpoints.fresh
    checkpoints.save_model(card, WORDS, random_weights(card))
    load_model(tmp_path)
    assert len(contents(tmp_path)) == 3


def test_a_new_run_replaces_words_and_weights_and_removes_the_old(tmp_path: Path) -> None:
    first = make_model(tmp_path)
    card = small_card(epoch=2, words=("other", "words"))
    weights = random_weights(card, seed=4)
    Checkpoints(tmp_path).save_model(card, ("other", "words"), weights)
    second, model = load_model(tmp_path)
    assert model.vocabulary.words == ("other", "words")
    assert {first.weights, first.vocabulary}.isdisjoint({second.weights, second.vocabulary})
    assert set(contents(tmp_path)) == {"model.json", second.weights, second.vocabulary}


def test_a_run_that_goes_on_keeps_its_words_and_its_date(tmp_path: Path) -> None:
    first = make_model(tmp_path)
    dated = json.loads((tmp_path / "model.json").read_bytes()) | {"created": "2001-02-03"}
    files.write_json(tmp_path / "model.json", dated)
    checkpoints = Checkpoints(tmp_path)
    checkpoints.fresh = False
    card = small_card(epoch=2)
    checkpoints.save_model(card, WORDS, random_weights(card, seed=1))
    second = read_card(tmp_path)
    assert (second.vocabulary, second.created) == (first.vocabulary, "2001-02-03")
    assert second.weights != first.weights
    assert checkpoints.metrics() == epoch_figures(2)
    checkpoints.save_model(replace(card, epochs_done=3), WORDS, None)
    third = read_card(tmp_path)
    assert (third.weights, third.metrics, third.epochs_done) == (second.weights, second.metrics, 3)
    kept = checkpoints.best_weights()
    assert all(np.array_equal(kept[k], w) for k, w in random_weights(card, seed=1).items())


def test_a_run_that_goes_on_makes_up_for_a_card_that_was_lost(tmp_path: Path) -> None:
    make_model(tmp_path)
    (tmp_path / "model.json").write_text("{")
    checkpoints = Checkpoints(tmp_path)
    checkpoints.fresh = False
    card = small_card(epoch=2)
    with pytest.raises(ModelError, match="gone or damaged"):
        checkpoints.save_model(card, WORDS, None)
    checkpoints.save_model(card, WORDS, random_weights(card))
    loaded, model = load_model(tmp_path)
    assert loaded.metrics["epoch"] == 2
    assert model.vocabulary.words == WORDS


@pytest.mark.parametrize(
    ("weights", "vocabulary"),
    [
        (LAST_NUMBER, 0),
        (1, LAST_NUMBER),
        (LAST_NUMBER, 1),
        (2, LAST_NUMBER),
        (6, 7),
        (LAST_NUMBER, LAST_NUMBER),
    ],
)
def test_new_files_never_take_the_names_of_those_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: int, vocabulary: int
) -> None:
    """An imported model may have any numbers, and there may be a stranger with a large one."""
    card = make_model(tmp_path)
    words_file = f"vocabulary-{vocabulary}.json" if vocabulary else "vocabulary.json"
    (tmp_path / card.vocabulary).rename(tmp_path / words_file)
    (tmp_path / card.weights).rename(tmp_path / f"weights-{weights}.safetensors")
    data = json.loads((tmp_path / "model.json").read_bytes())
    data |= {"vocabulary": words_file, "weights": f"weights-{weights}.safetensors"}
    files.write_json(tmp_path / "model.json", data)
    (tmp_path / f"weights-{LAST_NUMBER}0.safetensors").write_bytes(b"a stranger")
    before = contents(tmp_path)
    with monkeypatch.context() as patch, pytest.raises(StorageError):
        patch.setattr(files, "write_file", fail_for("model"))
        make_model(tmp_path, epoch=2, seed=1)
    assert contents(tmp_path) == before
    make_model(tmp_path, epoch=2, seed=1)
    assert load_model(tmp_path)[0].metrics["epoch"] == 2


def test_temporary_files_of_a_run_that_was_killed_are_removed(tmp_path: Path) -> None:
    make_model(tmp_path)
    for name in (".model.json.17.tmp", ".weights-2.safetensors.17.tmp", "weights-9.safetensors"):
        (tmp_path / name).write_bytes(b"half")
    (tmp_path / "notes.txt").write_text("the user's own")
    make_model(tmp_path, epoch=2)
    card = read_card(tmp_path)
    assert set(contents(tmp_path)) == {"model.json", "notes.txt", card.weights, card.vocabulary}


# The state


def state_of(epoch: int = 3, origin: TextOrigin | None = None) -> RunState:
    """The state of a run, in the middle of an epoch."""
    card = small_card()
    weights = random_weights(card, seed=3)
    generator = np.random.default_rng(5)
    generator.random(3)
    return RunState(
        config=card.config,
        corpus=origin or {"sources": ["verses.txt"], "sha256": "00", "encoding": None},
        position=Position(
            epoch=epoch,
            sums=EpochTotals(12.5, 0.25, 3, 8, 2),
            dropout=cast(GeneratorState, generator.bit_generator.state),
            updates=42,
            learning_rate=0.001,
            recoveries=1,
            elapsed_s=1.5,
            best_epoch=2,
            best_loss=2.25,
            history=[epoch_figures(1), epoch_figures(2)],
        ),
        weights=weights,
        moments={f"{name}.exp_avg": weight * np.float32(0.5) for name, weight in weights.items()},
    )


@cache
def saved_state() -> bytes:
    """The bytes of a whole resume.safetensors."""
    with tempfile.TemporaryDirectory() as name:
        Checkpoints(Path(name)).save_state(state_of())
        return (Path(name) / "resume.safetensors").read_bytes()


def state_in(raw: bytes) -> RunState | str:
    """The state in these bytes, or why they are refused."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "resume.safetensors").write_bytes(raw)
        try:
            return load_state(Path(name), "verses")
        except ModelError as error:
            assert error.hint or "not a file of tensors" in error.message
            return error.message


def refusal(raw: bytes) -> str:
    """Why the state in these bytes is refused."""
    answer = state_in(raw)
    assert isinstance(answer, str), "the state was taken as whole"
    return answer


def facts_of(raw: bytes) -> dict[str, Any]:
    """What a state says beside its tensors."""
    header, numbers = parsed_tensors(raw)
    begin, end = header["run"]["data_offsets"]
    facts: dict[str, Any] = json.loads(numbers[begin:end])
    return facts


def with_facts(facts: object) -> bytes:
    """A state that says something else."""
    raw = json.dumps(facts).encode()
    header, numbers = parsed_tensors(saved_state())
    begin, end = header["run"]["data_offsets"]
    for tensor in header.values():
        offsets = tensor["data_offsets"]
        tensor["data_offsets"] = [o + (len(raw) - end + begin) * (o >= end) for o in offsets]
    header["run"] |= {"shape": [len(raw)], "data_offsets": [begin, begin + len(raw)]}
    return tensor_file(header, numbers[:begin] + raw + numbers[end:])


def with_tensors(change: Callable[[dict[str, NDArray[Any]]], object]) -> bytes:
    """A state whose tensors are others."""
    state = state_of()
    tensors: dict[str, NDArray[Any]] = {f"weight.{k}": v for k, v in state.weights.items()}
    tensors |= {f"moment.{k}": v for k, v in state.moments.items()}
    tensors["run"] = np.frombuffer(json.dumps(facts_of(saved_state())).encode(), np.uint8)
    change(tensors)
    with tempfile.TemporaryDirectory() as name:
        write_tensors(Path(name) / "state", tensors)
        return (Path(name) / "state").read_bytes()


@pytest.mark.parametrize("origin", [None, {"words": list(WORDS), "window": 4}])
def test_a_state_comes_back_to_the_last_digit(tmp_path: Path, origin: TextOrigin | None) -> None:
    state = state_of(origin=origin)
    Checkpoints(tmp_path).save_state(state)
    again = load_state(tmp_path, "verses")
    assert (again.config, again.corpus) == (state.config, state.corpus)
    assert again.position == state.position
    for before, after in ((state.weights, again.weights), (state.moments, again.moments)):
        assert before.keys() == after.keys()
        assert all(np.array_equal(before[name], after[name]) for name in before)
    generators = [np.random.default_rng() for _ in range(2)]
    for generator, position in zip(generators, (state.position, again.position), strict=True):
        assert position.dropout is not None
        generator.bit_generator.state = position.dropout
    assert generators[0].random() == generators[1].random()


def test_the_helpers_make_whole_states() -> None:
    for raw in (with_facts(facts_of(saved_state())), with_tensors(lambda tensors: None)):
        answer = state_in(raw)
        assert isinstance(answer, RunState)
        assert answer.position == state_of().position


def test_the_path_of_a_corpus_may_be_no_unicode(tmp_path: Path) -> None:
    Checkpoints(tmp_path).save_state(state_of(origin={"sources": ["caf\udce9.txt"]}))
    assert load_state(tmp_path, "verses").corpus["sources"] == ["caf\udce9.txt"]


def test_a_state_that_cannot_be_saved_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save_state(state_of(epoch=3))
    before = contents(tmp_path)
    monkeypatch.setattr(files, "write_file", fail_for("resume"))
    with pytest.raises(StorageError, match=r"resume\.safetensors: no space left on device"):
        checkpoints.save_state(state_of(epoch=4))
    assert contents(tmp_path) == before


def test_no_state_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no run of verses to go on with"):
        load_state(tmp_path, "verses")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes with names")
def test_a_pipe_in_place_of_a_state_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "resume.safetensors")
    answers: list[str] = []

    def load() -> None:
        try:
            load_state(tmp_path, "verses")
        except ModelError as error:
            answers.append(error.message)

    reader = threading.Thread(target=load, daemon=True)
    reader.start()
    reader.join(20)
    assert "resume.safetensors is not a file" in "".join(answers)


def test_a_folder_in_place_of_a_state_is_refused(tmp_path: Path) -> None:
    (tmp_path / "resume.safetensors").mkdir()
    with pytest.raises(ModelError, match=r"resume\.safetensors is not a file"):
        load_state(tmp_path, "verses")


@pytest.mark.parametrize("name", ["config", "corpus", "position"])
@pytest.mark.parametrize("value", [None, True, 5, "x", [], [1], {"a": 1}])
def test_a_fact_of_the_wrong_type_is_refused(name: str, value: object) -> None:
    facts = facts_of(saved_state())
    if (name, value) == ("corpus", {"a": 1}):
        value = {"sources": 5}
    assert refusal(with_facts({**facts, name: value}))
    del facts[name]
    assert refusal(with_facts(facts))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("epoch", [0, -1, 1.0, "1", None, True, 2**70, []]),
        ("updates", [-1, 1.5, "1", None, 2**70]),
        ("recoveries", [-1, "x", None]),
        ("learning_rate", [0, -1.0, None, "1", 10**400, True]),
        ("elapsed_s", [None, "1", [], 10**400]),
        ("best_epoch", [0, "1", 1.0, 4, True]),
        ("best_loss", ["1", [], 10**400, True]),
        ("history", [None, {}, [1], [{}], [{"epoch": 1}], "x"]),
        ("sums", [None, [], 5]),
        ("dropout", [5, "x", {}, {"bit_generator": "MT19937"}, {"bit_generator": "PCG64"}, []]),
    ],
)
def test_a_position_that_makes_no_sense_is_refused(name: str, values: list[object]) -> None:
    for value in values:
        facts = facts_of(saved_state())
        facts["position"][name] = value
        assert refusal(with_facts(facts)), value


@pytest.mark.parametrize("name", ["nll", "penalty", "correct", "examples", "steps"])
@pytest.mark.parametrize("value", [None, "1", [], pytest.param(10**400, id="huge")])
def test_sums_that_make_no_sense_are_refused(name: str, value: object) -> None:
    facts = facts_of(saved_state())
    facts["position"]["sums"][name] = value
    assert refusal(with_facts(facts))


@pytest.mark.parametrize(
    "origin",
    [
        {"sources": "verses.txt"},
        {"sources": [5]},
        {"sha256": 5},
        {"encoding": ["utf-8"]},
        {"words": "the cat", "window": 4},
        {"words": ["the", "the"], "window": 4},
        {"words": [""], "window": 4},
        {"words": ["the"]},
        {"words": ["the"], "window": 0},
        {"words": ["the"], "window": "4"},
    ],
)
def test_an_origin_that_makes_no_sense_is_refused(origin: dict[str, Any]) -> None:
    facts = facts_of(saved_state())
    facts["corpus"] |= origin
    assert refusal(with_facts(facts))


@pytest.mark.parametrize(
    ("kind", "number"),
    # The square of a large gradient may be large; a weight may not.
    [("weight", math.nan), ("weight", 3e38), ("moment", math.nan), ("moment", math.inf)],
)
def test_tensors_that_are_not_finite_are_refused(kind: str, number: float) -> None:
    name = f"{kind}.embedding" + ".exp_avg" * (kind == "moment")

    def change(tensors: dict[str, NDArray[Any]]) -> None:
        tensors[name] = np.full_like(tensors[name], number)

    assert "usable" in refusal(with_tensors(change))


@pytest.mark.parametrize("dtype", [np.float64, np.int64, np.bool_])
def test_weights_of_another_type_are_refused(dtype: type) -> None:
    def change(tensors: dict[str, NDArray[Any]]) -> None:
        tensors["weight.embedding"] = tensors["weight.embedding"].astype(dtype)

    assert "float32" in refusal(with_tensors(change))


@pytest.mark.parametrize("dtype", ["BF16", "F8_E4M3", "F8_E5M2", "F8_E8M0", "XX"])
def test_types_that_numpy_lacks_are_refused(dtype: str) -> None:
    header, numbers = parsed_tensors(saved_state())
    header["run"]["dtype"] = dtype
    if dtype == "BF16":
        header["run"]["shape"] = [header["run"]["shape"][0] // 2]
        header["run"]["data_offsets"][1] &= ~1
    assert refusal(tensor_file(header, numbers))


def test_a_state_without_its_facts_is_refused() -> None:
    assert refusal(with_tensors(lambda tensors: tensors.pop("run")))


@pytest.mark.parametrize("length", [2**20 + 1, 2**40, 2**64 - 1])
def test_a_state_with_a_huge_header_is_refused(length: int) -> None:
    raw = struct.pack("<Q", length) + saved_state()[8:]
    assert "not a file of tensors" in refusal(raw)


@HOSTILE
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_state_cut_short_is_refused(share: float) -> None:
    assert refusal(saved_state()[: int(share * len(saved_state()))])


@HOSTILE
@given(raw=st.binary(max_size=300))
def test_a_state_of_random_bytes_is_refused(raw: bytes) -> None:
    assert refusal(raw)


@HOSTILE
@given(
    edits=st.lists(
        st.tuples(st.floats(0, 1), st.booleans(), st.binary(min_size=1, max_size=9)),
        min_size=1,
        max_size=5,
    ),
    in_header=st.booleans(),
)
def test_a_state_with_random_bytes_is_whole_or_refused(
    edits: list[tuple[float, bool, bytes]], in_header: bool
) -> None:
    raw = saved_state()
    end = 8 + int.from_bytes(raw[:8], "little") if in_header else len(raw)
    for share, insert, more in edits:
        place = int(share * end)
        raw = raw[:place] + more + raw[place + (0 if insert else len(more)) :]
    answer = state_in(raw)
    if isinstance(answer, RunState):
        assert {k: v.shape for k, v in answer.weights.items()} == {
            k: v.shape for k, v in state_of().weights.items()
        }
    else:
        assert "resume.safetensors" in answer or "verses" in answer


@HOSTILE
@given(value=JSON_VALUES, number=st.integers(0))
def test_a_state_with_random_json_in_its_facts_is_whole_or_refused(
    value: object, number: int
) -> None:
    facts = facts_of(saved_state())
    holders = places(facts)
    holder, key = holders[number % len(holders)]
    holder[key] = value
    answer = state_in(with_facts(facts))
    if isinstance(answer, RunState):
        assert answer.position.epoch >= 1
        with tempfile.TemporaryDirectory() as name:  # it can be saved again
            Checkpoints(Path(name)).save_state(answer)
            assert load_state(Path(name), "verses").position == answer.position
    else:
        assert "verses" in answer
