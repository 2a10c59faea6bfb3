"""The files of one model: what is written stays whole, and nothing damaged or hostile is believed.

The models here are made of random weights: nothing is trained.
"""

from __future__ import annotations

import copy
import errno
import json
import math
import os
import struct
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rnnlm_tui.cli import models
from rnnlm_tui.errors import ModelError, StorageError
from rnnlm_tui.store import files
from rnnlm_tui.store.card import FORMAT, MIGRATIONS, parse_card, read_card
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.load import load_model
from rnnlm_tui.store.weights import LARGEST_WEIGHT, read_weights, write_tensors
from rnnlm_tui.suggest import suggest
from rnnlm_tui.training.checkpoint import Checkpoints
from tests.helpers.models import (
    HOSTILE,
    JSON_VALUES,
    WORDS,
    contents,
    make_model,
    parsed_tensors,
    places,
    probabilities,
    put,
    random_weights,
    small_card,
    tensor_file,
    whole_model,
)

on_posix = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has neither pipes with names nor limits on files"
)


@contextmanager
def library_with(files: dict[str, bytes]) -> Iterator[Library]:
    """A library of a whole model, `good`, and one of these files, `victim`."""
    with tempfile.TemporaryDirectory() as folder:
        library = Library(Path(folder))
        put(library.folder / "good", whole_model())
        put(library.folder / "victim", files)
        yield library


def why_refused(library: Library) -> str | None:
    """Why the model `victim` cannot be used, or None where it works as a model must.

    Fails where it raises anything but ModelError, changes a file, or takes others with it.
    """
    before = contents(library.folder)
    entries = {entry.name: entry for entry in library.entries()}
    assert entries["good"].damaged is None
    # What is listed is shown, and a hostile card must not break the showing.
    assert len(list(models.models_table((e, None) for e in entries.values()))) >= 2
    for entry in entries.values():
        json.dumps(models.entry_json(entry))
    refused = None
    try:
        card, model = library.open("victim")
    except ModelError as error:
        refused = error.message
    else:
        assert entries["victim"].damaged is None
        for row in probabilities(model):
            assert len(row) == card.total_words
            assert sum(row) == pytest.approx(1, abs=1e-4)
        assert suggest(model, "the cat ").candidates
    library.open("good")
    after = {name: raw for name, raw in contents(library.folder).items() if ".locks" not in name}
    assert after == before
    return refused


def refusal(files: dict[str, bytes]) -> str:
    """Why a model of these files is refused."""
    with library_with(files) as library:
        refused = why_refused(library)
    assert refused is not None, "the model was taken as whole"
    return refused


def card_data() -> dict[str, Any]:
    """The parsed model.json of a whole model."""
    data: dict[str, Any] = json.loads(whole_model()["model.json"])
    return data


def with_card(data: object) -> dict[str, bytes]:
    """The files of a whole model but for its card."""
    return {**whole_model(), "model.json": json.dumps(data).encode()}


def with_words(words: object) -> dict[str, bytes]:
    """The files of a whole model but for its words."""
    return {**whole_model(), "vocabulary.json": json.dumps({"words": words}).encode()}


def with_weights(raw: bytes) -> dict[str, bytes]:
    """The files of a whole model but for its weights."""
    return {**whole_model(), "weights-1.safetensors": raw}


def with_tensors(change: Callable[[dict[str, NDArray[Any]]], object]) -> dict[str, bytes]:
    """The files of a whole model, its tensors changed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tensors: dict[str, NDArray[Any]] = dict(random_weights(small_card()))
        change(tensors)
        write_tensors(folder / "w", tensors)
        return with_weights((folder / "w").read_bytes())


# Writing


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "file"
    files.write_bytes(path, b"old")
    files.write_bytes(path, b"new")
    assert contents(tmp_path) == {"file": b"new"}


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT])
def test_a_write_that_fails_half_way_leaves_the_old_file(tmp_path: Path, code: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(temporary: Path) -> None:
        temporary.write_bytes(b"ne")
        raise OSError(code, os.strerror(code))

    with pytest.raises(StorageError) as caught:
        files.write_file(path, fail)
    assert str(path) in caught.value.message
    assert os.strerror(code).lower() in caught.value.message
    assert contents(tmp_path) == {"file": b"old"}


def test_a_write_to_a_folder_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        files.write_bytes(tmp_path / "gone" / "file", b"new")
    assert caught.value.hint == f"make the folder {tmp_path / 'gone'} first"


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, ModelError("changed")])
def test_whatever_ends_a_write_leaves_no_temporary_file(
    tmp_path: Path, error: BaseException | type[BaseException]
) -> None:
    def fail(temporary: Path) -> None:
        temporary.write_bytes(b"ne")
        raise error

    with pytest.raises(error if isinstance(error, type) else type(error)):
        files.write_file(tmp_path / "file", fail)
    assert contents(tmp_path) == {}


def test_a_flush_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StorageError, match="no space left on device"):
        files.write_bytes(path, b"new")
    assert contents(tmp_path) == {"file": b"old"}


@on_posix
def test_a_folder_that_cannot_be_flushed_does_not_fail_a_save(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def refuse_folders(handle: int) -> None:
        if os.path.isdir(f"/dev/fd/{handle}"):  # noqa: PTH112
            raise OSError(errno.EINVAL, "Invalid argument")
        real(handle)

    monkeypatch.setattr(os, "fsync", refuse_folders)
    files.write_bytes(tmp_path / "file", b"new")
    assert contents(tmp_path) == {"file": b"new"}


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "file"
    with pytest.raises(StorageError, match="no such file or directory") as caught:
        files.write_bytes(path, b"new")
    assert str(path) in caught.value.message


@on_posix
@pytest.mark.parametrize("failing", ["tensors", "json"])
def test_the_systems_own_limit_leaves_the_old_file(tmp_path: Path, failing: str) -> None:
    """The kernel itself refuses to write on, in the middle of a file."""
    import resource

    path = tmp_path / "file"
    path.write_bytes(b"old")
    big = np.zeros(100_000, np.float32)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(StorageError, match=r"(?i)could not save .*file too large"):
            if failing == "tensors":
                write_tensors(path, {"a": big})
            else:
                files.write_json(path, big.tolist())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert contents(tmp_path) == {"file": b"old"}


def test_json_holds_bytes_of_a_path_that_are_no_unicode(tmp_path: Path) -> None:
    files.write_json(tmp_path / "a.json", {"path": "caf\udce9", "word": "café"})
    assert "café".encode() in (tmp_path / "a.json").read_bytes()
    assert files.read_json(tmp_path / "a.json") == {"path": "caf\udce9", "word": "café"}


# Cards


def test_a_card_survives_its_json(tmp_path: Path) -> None:
    card = make_model(tmp_path, epoch=3)
    assert parse_card(json.loads(json.dumps(card.to_json()))) == card
    assert card.metrics["epoch"] == 3
    assert [entry["epoch"] for entry in card.history] == [1, 2, 3]


def test_a_newer_format_is_refused_with_both_versions_named() -> None:
    why = refusal(with_card({**card_data(), "format": FORMAT + 7}))
    assert f"format {FORMAT + 7}" in why
    assert f"format {FORMAT}" in why.replace(f"format {FORMAT + 7}", "")


@pytest.mark.parametrize("version", [0, -1, -(10**30)])
def test_a_format_that_never_was_is_refused(version: int) -> None:
    assert "never was" in refusal(with_card({**card_data(), "format": version}))


def test_older_formats_are_migrated_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    data = card_data()
    data["format"] = FORMAT - 2
    data["size_of_window"] = data.pop("window")
    data["renamed"] = data.pop("corpus")

    def second_last(card: dict[str, Any]) -> dict[str, Any]:
        assert "renamed" in card
        return {**card, "window": card["size_of_window"], "format": FORMAT - 1}

    def last(card: dict[str, Any]) -> dict[str, Any]:
        assert card["window"] == 4, "the older format comes first"
        return {**card, "corpus": card["renamed"]}

    monkeypatch.setitem(MIGRATIONS, FORMAT - 2, second_last)
    monkeypatch.setitem(MIGRATIONS, FORMAT - 1, last)
    assert parse_card(data) == parse_card(card_data())


def format_1(data: dict[str, Any]) -> dict[str, Any]:
    """The same card as the program wrote it at format 1."""
    older = {**copy.deepcopy(data), "format": 1}
    del older["sizes"], older["config"]["train"]["min_count"]
    return older


def test_a_model_of_format_1_is_read_as_it_was(tmp_path: Path) -> None:
    make_model(tmp_path)
    expected, words = card_data(), json.loads((tmp_path / "vocabulary.json").read_text())["words"]
    (tmp_path / "model.json").write_text(json.dumps(format_1(expected)))
    (tmp_path / "vocabulary.json").write_text(json.dumps({"words": words}))
    card, model = load_model(tmp_path)
    assert card == parse_card(expected)
    assert (card.config.train.min_count, card.sizes) == (1, [])
    assert (model.vocabulary.words, model.vocabulary.special_tokens) == (WORDS, ())


@pytest.mark.parametrize("path", ["config", "config.train"])
def test_a_card_of_format_1_without_its_settings_is_refused(path: str) -> None:
    data = format_1(card_data())
    *outer, last = path.split(".")
    del (data[outer[0]] if outer else data)[last]
    assert "not a card of format 1" in refusal(with_card(data))


def test_a_damaged_card_of_an_older_format_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MIGRATIONS, FORMAT - 1, lambda card: {**card, "window": card["gone"] + 1})
    with pytest.raises(ModelError, match=f"format {FORMAT - 1}"):
        parse_card({**card_data(), "format": FORMAT - 1})


@pytest.mark.parametrize("name", sorted([*card_data(), "config.model", "config.train"]))
def test_a_missing_field_is_refused(name: str) -> None:
    data = card_data()
    *outer, last = name.split(".")
    place = data
    for key in outer:
        place = place[key]
    del place[last]
    if name == "preset":  # a convenience for readers; the config's own counts
        parse_card(data)
    else:
        assert refusal(with_card(data))


def test_every_setting_must_be_there() -> None:
    for part in ("model", "train"):
        for name in card_data()["config"][part]:
            data = card_data()
            del data["config"][part][name]
            with pytest.raises(ModelError, match=name):
                parse_card(data)


WRONG: tuple[object, ...] = (None, True, "x", 1.5, [], {}, -5, 10**4000)
RIGHT = {
    **{"history": [], "corpus": {}, "versions": {}, "metrics": {}, "created": "x", "updated": "x"},
    "sizes": [],
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param(name, value, id=f"{name}-{str(value)[:20]}")
        for name in card_data()
        for value in WRONG
        if name != "preset" and value != RIGHT.get(name, card_data)
    ],
)
def test_a_field_of_the_wrong_type_or_range_is_refused(name: str, value: object) -> None:
    assert refusal(with_card({**card_data(), name: value}))


@pytest.mark.parametrize(("name", "value"), RIGHT.items())
def test_what_is_only_shown_may_be_anything_of_its_type(name: str, value: object) -> None:
    with library_with(with_card({**card_data(), name: value})) as library:
        assert why_refused(library) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("window", 0),
        ("window", 1025),
        ("window", 4.0),
        ("total_words", 0),
        ("total_words", 1),
        ("total_words", 6),
        ("total_words", 8),
        ("total_words", 2**40),
        ("parameters", 0),
        ("epochs_done", -1),
        ("tokenizer", "other"),
        ("weights", "../../x"),
        ("weights", "/etc/passwd"),
        ("weights", "weights-1.safetensors/../../good/weights-1.safetensors"),
        ("weights", "weights-.safetensors"),
        ("weights", "weights-1.safetensors\n"),
        ("weights", "weights-1234567890.safetensors"),
        ("weights", "weights-\u0663.safetensors"),
        ("weights", "resume.safetensors"),
        ("vocabulary", "../good/vocabulary.json"),
        ("vocabulary", "model.json"),
        ("vocabulary", "vocabulary.json\x00"),
        ("metrics", {"train": 5}),
        ("metrics", {"epoch": 1, "train": {"loss": "x", "accuracy": 0.5}}),
        ("metrics", {"epoch": 1, "train": {"loss": 10**400, "accuracy": 0.5}}),
        ("metrics", {"epoch": 1, "train": {"loss": 1.0, "accuracy": None}}),
        ("metrics", {"epoch": 1, "train": {"loss": 1.0, "accuracy": 0.5}, "held_out": 3}),
        ("metrics", {"epoch": 0, "train": {"loss": 1.0, "accuracy": 0.5}}),
        ("history", [None]),
        ("history", [{}]),
        ("history", [{"epoch": 1, "train": {"loss": 1.0}}]),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(name: str, value: object) -> None:
    assert refusal(with_card({**card_data(), name: value}))


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("model", "embedding_size", 4096),
        ("model", "embedding_size", 2**62),
        ("model", "embedding_size", 0),
        ("model", "embedding_size", None),
        ("model", "dropout", 1),
        ("model", "dropout", []),
        ("model", "unheard_of", 1),
        ("train", "device", ["cpu"]),
        ("train", "epochs", "many"),
        pytest.param("train", "epochs", 10**400, id="huge"),
    ],
)
def test_settings_that_make_no_sense_are_refused(part: str, name: str, value: object) -> None:
    data = card_data()
    data["config"][part][name] = value
    assert refusal(with_card(data))


@pytest.mark.parametrize(
    "raw", [b"", b"null", b"[]", b'"x"', b"{", b"\xff\xfe{}", b"\xef\xbb\xbf{}"]
)
def test_a_card_that_is_no_card_is_refused(raw: bytes) -> None:
    assert "model.json" in refusal({**whole_model(), "model.json": raw})


@pytest.mark.parametrize("constant", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
def test_numbers_that_are_not_finite_are_refused(constant: bytes) -> None:
    raw = whole_model()["model.json"].replace(b"2.5", constant)
    assert constant in raw
    assert refusal({**whole_model(), "model.json": raw})


@pytest.mark.parametrize("depth", [40, 400, 900, 100_000])
@pytest.mark.parametrize("place", ["corpus", "metrics", "config", "versions"])
def test_deep_nesting_is_refused(depth: int, place: str) -> None:
    data = json.dumps({**card_data(), place: "HERE"}).replace('"HERE"', "[" * depth + "]" * depth)
    files = {**whole_model(), "model.json": data.encode()}
    assert "model.json" in refusal(files)
    nested = ('{"a":' * depth + "1" + "}" * depth).encode()
    assert "vocabulary.json" in refusal({**whole_model(), "vocabulary.json": nested})


def test_a_card_larger_than_a_card_can_be_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LARGEST_JSON", len(whole_model()["model.json"]) - 1)
    with library_with(whole_model()) as library, pytest.raises(ModelError, match="larger than"):
        library.open("victim")


# Words


@pytest.mark.parametrize(
    "words",
    [
        None,
        "the cat",
        {"the": 1},
        list(WORDS[:-1]),
        [*WORDS, "more"],
        [*WORDS[:-1], WORDS[0]],
        [*WORDS[:-1], ""],
        [*WORDS[:-1], 5],
        [*WORDS[:-1], None],
        [*WORDS[:-1], ["dog"]],
        [*WORDS[:-1], "\ud800"],
        [*WORDS[:-2], "\ud83d", "\ude00"],
    ],
)
def test_words_that_are_none_are_refused(words: object) -> None:
    assert "vocabulary.json" in refusal(with_words(words))


def test_words_of_any_script_are_taken() -> None:
    files = with_words(["the", "\u7f8a", "\U0001f600", "a\u0301", "a b", "\x1b[31m"])
    with library_with(files) as library:
        assert why_refused(library) is None


# Weights


@pytest.mark.parametrize("dtype", [np.float64, np.int64, np.int32, np.bool_])
def test_weights_of_another_type_are_refused(dtype: type) -> None:
    def change(tensors: dict[str, NDArray[Any]]) -> None:
        tensors["embedding"] = tensors["embedding"].astype(dtype)

    assert "float32" in refusal(with_tensors(change))


def test_weights_of_half_the_precision_are_read_as_whole_ones() -> None:
    def halve(tensors: dict[str, NDArray[Any]]) -> None:
        tensors.update({name: array.astype(np.float16) for name, array in tensors.items()})

    whole = random_weights(small_card())
    with library_with(with_tensors(halve)) as library:
        assert why_refused(library) is None
        folder = library.path("victim")
        read = read_weights(folder, read_card(folder))
    for name, array in read.items():
        assert array.dtype == np.float32
        assert array == pytest.approx(whole[name], rel=2**-11, abs=1e-7)


@pytest.mark.parametrize("name", ["BF16", "F8_E4M3", "F4", "XX", 5])
def test_weights_of_a_type_that_numpy_lacks_are_refused(name: object) -> None:
    header, numbers = parsed_tensors(whole_model()["weights-1.safetensors"])
    for tensor in header.values():
        tensor["dtype"] = name
        size = math.prod(tensor["shape"])
        begin = tensor["data_offsets"][0]
        tensor["data_offsets"] = [begin, begin + size]
    assert refusal(with_weights(tensor_file(header, numbers)))


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 3e38, -3e38])
@pytest.mark.parametrize("name", sorted(random_weights(small_card())))
def test_a_number_that_is_not_finite_or_overflows_is_refused(name: str, number: float) -> None:
    def change(tensors: dict[str, NDArray[Any]]) -> None:
        tensors[name].flat[-1] = number

    assert name in refusal(with_tensors(change))


def test_infinities_that_cancel_out_are_refused() -> None:
    def change(tensors: dict[str, NDArray[Any]]) -> None:
        tensors["embedding"][0, :2] = [math.inf, -math.inf]

    assert "not finite" in refusal(with_tensors(change))


def test_the_largest_weights_that_are_taken_still_give_probabilities() -> None:
    def change(tensors: dict[str, NDArray[Any]]) -> None:
        for tensor in tensors.values():
            tensor[:] = np.where(tensor < 0, -1, 1) * np.float32(LARGEST_WEIGHT * 0.99)

    with library_with(with_tensors(change)) as library:
        assert why_refused(library) is None


def test_a_missing_or_a_further_tensor_is_refused() -> None:
    assert "other tensors" in refusal(with_tensors(lambda tensors: tensors.pop("hidden.bias")))
    more = {"more": np.zeros(1, np.float32)}
    assert "other tensors" in refusal(with_tensors(lambda tensors: tensors.update(more)))


@pytest.mark.parametrize("shape", [(), (0,), (21,), (3, 7), (1, 7, 3), (7, 3, 1), (7, 4)])
def test_a_tensor_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    def change(tensors: dict[str, NDArray[Any]]) -> None:
        tensors["embedding"] = np.zeros(shape, np.float32)

    assert "embedding" in refusal(with_tensors(change))


@pytest.mark.parametrize(
    "shape", [[2**63], [2**62, 4], [-7, -3], [2**40, 0], [7.0, 3], "x", None, [[7, 3]], [10**30]]
)
def test_an_absurd_shape_in_the_header_is_refused(shape: object) -> None:
    header, numbers = parsed_tensors(whole_model()["weights-1.safetensors"])
    header["embedding"]["shape"] = shape
    assert refusal(with_weights(tensor_file(header, numbers)))


@pytest.mark.parametrize("length", [2**20 + 1, 2**31, 2**40, 2**63, 2**64 - 1])
def test_a_header_that_claims_to_be_huge_is_refused(length: int) -> None:
    raw = whole_model()["weights-1.safetensors"]
    assert "not a file of tensors" in refusal(with_weights(struct.pack("<Q", length) + raw[8:]))


def test_a_header_that_is_huge_is_refused() -> None:
    header, numbers = parsed_tensors(whole_model()["weights-1.safetensors"])
    header["__metadata__"] = {"x": "y" * (1 << 20)}
    assert "not a file of tensors" in refusal(with_weights(tensor_file(header, numbers)))


def test_a_file_longer_than_its_tensors_is_refused() -> None:
    raw = whole_model()["weights-1.safetensors"]
    assert refusal(with_weights(raw + b"\0\0\0\0"))


# What stands in the place of a file


@pytest.mark.parametrize("name", sorted(whole_model()))
def test_a_missing_file_is_refused(name: str) -> None:
    files = {other: raw for other, raw in whole_model().items() if other != name}
    if name == "model.json":
        with library_with(files) as library:
            assert library.names() == ["good"]
            with pytest.raises(ModelError, match="no model victim"):
                library.open("victim")
    else:
        assert name in refusal(files)


@pytest.mark.parametrize("name", sorted(whole_model()))
def test_a_folder_in_place_of_a_file_is_refused(name: str) -> None:
    with library_with(whole_model()) as library:
        (library.folder / "victim" / name).unlink()
        (library.folder / "victim" / name).mkdir()
        assert name in (why_refused(library) or "")


@on_posix
@pytest.mark.parametrize("name", sorted(whole_model()))
@pytest.mark.parametrize("target", ["itself", "nowhere", "/dev/null"])
def test_a_link_to_what_is_no_file_is_refused(name: str, target: str) -> None:
    with library_with(whole_model()) as library:
        path = library.folder / "victim" / name
        path.unlink()
        path.symlink_to(path if target == "itself" else target)
        assert name in (why_refused(library) or "")


@on_posix
@pytest.mark.parametrize("name", sorted(whole_model()))
def test_a_pipe_in_place_of_a_file_is_refused_and_not_waited_for(name: str) -> None:
    with library_with(whole_model()) as library:
        path = library.folder / "victim" / name
        path.unlink()
        os.mkfifo(path)
        answers: list[str | None] = []
        reader = threading.Thread(target=lambda: answers.append(why_refused(library)), daemon=True)
        reader.start()
        reader.join(20)
        with suppress(OSError):  # lets a reader that waits come to its end
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        assert answers == [f"the model victim cannot be used: {name} is not a file"]


@on_posix
def test_a_model_that_is_a_link_to_itself_is_listed_as_damaged_and_can_be_deleted() -> None:
    with library_with(whole_model()) as library:
        loop = library.folder / "loop"
        loop.symlink_to(loop)
        damaged = {entry.name: entry.damaged for entry in library.entries()}
        assert list(damaged) == ["good", "loop", "victim"]
        assert "symbolic links" in (damaged["loop"] or "")
        library.delete("loop")
        assert library.names() == ["good", "victim"]
        assert not [path.name for path in library.folder.glob(".deleted-*")]


@on_posix
def test_a_model_on_another_disk_can_be_linked_to(tmp_path: Path) -> None:
    with library_with({}) as library:
        make_model(tmp_path / "elsewhere")
        (library.folder / "victim").rmdir()
        (library.folder / "victim").symlink_to(tmp_path / "elsewhere")
        assert why_refused(library) is None
        library.delete("victim")
        assert library.names() == ["good"]
        load_model(tmp_path / "elsewhere")


# Damage at random

FILES = st.sampled_from(sorted(whole_model()))


@HOSTILE
@given(name=FILES, share=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_short_is_refused(name: str, share: float) -> None:
    raw = whole_model()[name]
    assert name.split("-", maxsplit=1)[0] in refusal(
        {**whole_model(), name: raw[: int(share * len(raw))]}
    )


@HOSTILE
@given(
    name=FILES,
    edits=st.lists(
        st.tuples(
            st.floats(0, 1), st.sampled_from(["put", "insert", "cut"]), st.binary(max_size=9)
        ),
        min_size=1,
        max_size=5,
    ),
)
def test_random_bytes_never_do_more_than_spoil_the_model(
    name: str, edits: list[tuple[float, str, bytes]]
) -> None:
    raw = whole_model()[name]
    for share, how, more in edits:
        place = int(share * len(raw))
        kept = place + (0 if how == "insert" else len(more))
        raw = raw[:place] + (b"" if how == "cut" else more) + raw[kept:]
    with library_with({**whole_model(), name: raw}) as library:
        refused = why_refused(library)
    assert refused is None or "victim" in refused


@HOSTILE
@given(name=FILES, raw=st.binary(max_size=200))
def test_a_file_of_random_bytes_is_refused(name: str, raw: bytes) -> None:
    assert refusal({**whole_model(), name: raw})


@HOSTILE
@given(value=JSON_VALUES, number=st.integers(0))
def test_random_json_in_any_place_of_the_card_never_does_more_than_spoil_the_model(
    value: object, number: int
) -> None:
    data = card_data()
    holders = places(data)
    holder, key = holders[number % len(holders)]
    holder[key] = value
    with library_with(with_card(data)) as library:
        refused = why_refused(library)
    assert refused is None or "model.json" in refused or "vocabulary" in refused


@HOSTILE
@given(value=JSON_VALUES)
def test_random_json_in_place_of_a_file_is_refused(value: object) -> None:
    raw = json.dumps(value).encode()
    assert refusal({**whole_model(), "model.json": raw})
    assert refusal({**whole_model(), "vocabulary.json": raw})


@HOSTILE
@given(value=JSON_VALUES, number=st.integers(0))
def test_random_json_in_the_header_of_the_weights_is_refused(value: object, number: int) -> None:
    header, numbers = parsed_tensors(whole_model()["weights-1.safetensors"])
    before = copy.deepcopy(header)
    holders = places(header)
    holder, key = holders[number % len(holders)]
    holder[key] = value
    files = with_weights(tensor_file(header, numbers))
    with library_with(files) as library:
        refused = why_refused(library)
    assert (refused is None) == (header == before)


# Reading while a training saves


def test_a_reader_always_gets_a_whole_model_while_a_training_saves(tmp_path: Path) -> None:
    """Each save says its number three times: in the card, in the words and in the weights."""
    library = Library(tmp_path)
    folder = library.path("busy")
    folder.mkdir(parents=True)
    saves = 60

    def save(number: int) -> None:
        card = small_card(number)
        weights = {name: np.zeros_like(w) for name, w in random_weights(card).items()}
        weights["output.bias"][1 + number % len(WORDS)] = 50
        words = (*WORDS[:-1], f"word{number}")
        Checkpoints(folder).save_model(card, words, weights)

    save(1)
    failures: list[BaseException] = []

    def save_often() -> None:
        try:
            for number in range(2, saves + 1):
                save(number)
        except BaseException as error:  # noqa: BLE001 - it is raised again below
            failures.append(error)

    trainer = threading.Thread(target=save_often)
    trainer.start()
    seen = set()
    while trainer.is_alive():
        card, model = library.open("busy")
        number = card.metrics["epoch"]
        seen.add(number)
        assert model.vocabulary.words[-1] == f"word{number}"
        assert model.next_word_probabilities([]).argmax() == 1 + number % len(WORDS)
        (entry,) = library.entries()
        assert entry.damaged is None
    trainer.join()
    assert failures == []
    assert len(seen) > 2, "the reader must meet more than one save for this test to mean something"
    assert library.open("busy")[0].metrics["epoch"] == saves
    assert len(contents(folder)) == 3
