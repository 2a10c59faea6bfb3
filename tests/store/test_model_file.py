"""A model's file: opened whole, or refused with a reason, whatever is in it.

The models here are made of random weights: nothing is trained.
"""

from __future__ import annotations

import copy
import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors import safe_open

from rnnlm_tui.errors import ModelError
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.model_file import (
    change_card,
    open_stored,
    read_card,
    text_tensors,
    write_model,
)
from rnnlm_tui.store.trained_lines import TrainedLines
from rnnlm_tui.text.overlap import no_hashes
from rnnlm_tui.text.tokenizer import Conventions
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS, Vocabulary
from tests.helpers.commands import POSIX
from tests.helpers.models import (
    HOSTILE,
    JSON_VALUES,
    UNREADABLE,
    WORDS,
    card_data,
    contents,
    library_with,
    make_model,
    parsed_tensors,
    places,
    random_weights,
    refusal,
    saved_model,
    small_card,
    tensor_file,
    tensors_of,
    whole_model,
    why_refused,
    with_card,
    with_tensors,
)


def test_any_program_can_read_the_file(tmp_path: Path) -> None:
    """By the library that defines the format."""
    card = make_model(tmp_path / "model", epoch=2)
    with safe_open(tmp_path / "model", framework="numpy") as file:
        said = json.loads(file.metadata()["card"])
        assert (said["corpus"]["name"], said["epochs_done"]) == ("verses", 2)
        assert tuple(json.loads(file.get_tensor("vocabulary").tobytes())) == WORDS
        for name, array in random_weights(card).items():
            assert np.array_equal(file.get_tensor(f"network.{name}"), array)


def test_another_card_leaves_the_tensors_and_the_time_of_the_save(tmp_path: Path) -> None:
    path = tmp_path / "model"
    make_model(path)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    with open_stored(path) as stored:
        before = stored.tensors()
    change_card(path, lambda card: replace(card, about="measured"))
    assert read_card(path).about == "measured"
    with open_stored(path) as stored:
        after = stored.tensors()
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert path.stat().st_mtime == 1_000_000_000


def test_a_file_is_not_open_after_it_was_read(tmp_path: Path) -> None:
    """Windows cannot replace an open file."""
    psutil = pytest.importorskip("psutil")
    library = Library(tmp_path)
    make_model(library.path("one"))
    card, model = library.open("one")
    read_card(library.path("one"))
    library.entries()
    names = {Path(file.path).name for file in psutil.Process().open_files()}
    mapped = {Path(each.path).name for each in psutil.Process().memory_maps()}
    assert "one.safetensors" not in names | mapped
    assert model.vocabulary.words == WORDS and card.total_words == 7


# Words


def with_words(words: object) -> bytes:
    """The file of a model with other words."""

    def change(tensors: dict[str, NDArray[Any]]) -> None:
        tensors["vocabulary"] = np.frombuffer(json.dumps(words).encode(), np.uint8)

    return with_tensors(change)


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
def test_invalid_words_are_refused(words: object) -> None:
    assert "vocabulary" in refusal(with_words(words))


def test_a_word_that_is_a_special_token_is_refused() -> None:
    def change(tensors: dict[str, NDArray[Any]]) -> None:
        words = json.loads(tensors["vocabulary"].tobytes())
        raw = json.dumps(["<unk>", *words[1:]]).encode()
        tensors["vocabulary"] = np.frombuffer(raw, np.uint8)

    assert "twice" in refusal(with_tensors(change, saved_model("ngram")))


def test_words_of_any_script_are_taken() -> None:
    raw = with_words(["the", "\u7f8a", "\U0001f600", "a\u0301", "a b", "\x1b[31m"])
    with library_with(raw) as library:
        assert why_refused(library) is None


def test_the_largest_vocabulary_that_a_training_makes_can_be_read() -> None:
    words = ["the", "caf\u00e9", 'a"b', "x\\y", "\x01", "\U0001f600"]
    lines = TrainedLines(no_hashes(), np.zeros(0, np.int32), no_hashes())
    size = text_tensors(words, Conventions(), lines)["vocabulary"].nbytes
    assert size <= Vocabulary(words, SPECIAL_TOKENS).json_bytes()


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("lines.known", np.array([2, 1], np.uint64), "its numbers do not rise"),
        ("lines.known", np.array([1, 1], np.uint64), "its numbers do not rise"),
        ("lines.known", np.array([[1]], np.uint64), "is not uint64 of shape"),
        ("lines.known", np.array([1], np.float32), "is not uint64 of shape"),
        ("lines.held_out", np.array([-1, 2], np.int32), "its numbers do not rise"),
        ("lines.unseen", np.array([2, 1], np.uint64), "its numbers do not rise"),
        ("lines.more", np.array([1], np.uint64), "other tensors"),
    ],
)
def test_damaged_lines_are_refused(
    name: str, value: NDArray[Any], why: str, tmp_path: Path
) -> None:
    path = tmp_path / "model"
    path.write_bytes(with_tensors(lambda tensors: tensors.update({name: value})))
    with pytest.raises(ModelError, match=why), open_stored(path) as stored:
        stored.lines()


def test_a_vocabulary_too_large_to_be_one_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnnlm_tui.store.model_file.LARGEST_VOCABULARY", 1000)
    assert "vocabulary is larger than" in refusal(with_words(["a" * 1000, *WORDS[1:]]))


# A base within the file


def built_on(path: Path, base: bytes, depth: int = 1) -> None:
    """Writes a model that has the model in these bytes as its base, and that again, and so on."""
    folder = path.parent
    (folder / "base").write_bytes(base)
    with open_stored(folder / "base") as stored:
        card, tensors = stored.card, stored.tensors()
    named = {"name": "friend", "created": card.created}
    for _ in range(depth):
        weights = {"network": 0.5, "base": 0.5}
        mixture: Any = {"weights": weights, "ngrams": None, "base": named}
        whole = replace(card, base=card, mixture=mixture)
        tensors = {**tensors, **{f"base.{name}": array for name, array in tensors.items()}}
        card = whole
    write_model(path, card, tensors)


def test_a_model_may_be_built_on_eight_others_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / "model"
    built_on(path, saved_model("gru"), depth=8)
    assert read_card(path).bases == 8
    built_on(path, saved_model("gru"), depth=9)
    with pytest.raises(ModelError, match="built on more than 8 models"):
        read_card(path)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda t: t.pop("base.lines.known"), "other tensors"),
        (lambda t: t.update({"base.base.vocabulary": t["vocabulary"]}), "other tensors"),
        (lambda t: t["base.network.embedding.scale"].fill(np.nan), "not finite"),
        (lambda t: t.update({"base.network.embedding": np.zeros(3, np.float32)}), "not int8"),
    ],
)
def test_a_damaged_base_is_refused(tmp_path: Path, change: Any, why: str) -> None:
    path = tmp_path / "model"
    built_on(path, saved_model("gru"))
    assert why in refusal(with_tensors(change, path.read_bytes()))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda c: c["mixture"].update(base=None), "does not name"),
        (lambda c: c.update(base=None), "does not have the base model that it names"),
        (lambda c: c["base"].update(window="x"), "window"),
        (lambda c: c["mixture"]["weights"].pop("base"), "not those of its components"),
    ],
)
def test_a_base_that_the_card_contradicts_is_refused(tmp_path: Path, change: Any, why: str) -> None:
    path = tmp_path / "model"
    built_on(path, saved_model("gru"))
    card = read_card(path).to_json()
    data = json.loads(card)
    change(data)
    assert why in refusal(with_card(data, path.read_bytes()))


# In the place of a file


@pytest.mark.parametrize("what", ["folder", "pipe", "itself", "nowhere", "/dev/null", UNREADABLE])
def test_special_files_are_refused_without_waiting(what: str) -> None:
    if what != "folder" and sys.platform == "win32":
        pytest.skip("Windows has neither pipes with names nor links for everybody")
    if what == UNREADABLE and sys.platform != "linux":
        pytest.skip("only Linux has a file that cannot be read")
    with library_with(whole_model()) as library:
        path = library.path("victim")
        path.unlink()
        if what == "folder":
            path.mkdir()
        elif what == "pipe":
            os.mkfifo(path)
        else:
            path.symlink_to(path if what == "itself" else what)
        answers: list[str | None] = []
        reader = threading.Thread(target=lambda: answers.append(why_refused(library)), daemon=True)
        reader.start()
        reader.join(20)
        assert ["victim.safetensors" in (answer or "") for answer in answers] == [True]


@POSIX
def test_a_link_to_itself_is_listed_as_damaged_and_can_be_deleted() -> None:
    with library_with(whole_model()) as library:
        loop = library.path("loop")
        loop.symlink_to(loop)
        damaged = {entry.name: entry.damaged for entry in library.entries()}
        assert list(damaged) == ["good", "loop", "victim"]
        assert "symbolic links" in (damaged["loop"] or "")
        library.delete("loop")
        assert library.names() == ["good", "victim"]


# Damage at random


@HOSTILE
@given(
    fraction=st.floats(0, 1, exclude_max=True),
    raw=st.binary(max_size=200),
    value=JSON_VALUES,
    kind=st.integers(0, 2),
)
def test_a_file_cut_short_or_with_other_contents_is_refused(
    fraction: float, raw: bytes, value: object, kind: int
) -> None:
    whole = whole_model()
    other = (whole[: int(fraction * len(whole))], raw, json.dumps(value).encode())[kind]
    assert "victim.safetensors" in refusal(other)


@HOSTILE
@given(value=JSON_VALUES, number=st.integers(0))
def test_random_json_in_a_card_or_a_header_never_does_more_than_spoil_the_model(
    value: object, number: int
) -> None:
    data = card_data()
    header, numbers = parsed_tensors(whole_model())
    before = copy.deepcopy(header)
    for changed in (data, header):
        holders = places(changed)
        holder, key = holders[number % len(holders)]
        holder[key] = value
    with library_with(with_card(data)) as library:
        refused = why_refused(library)
    assert refused is None or "its card" in refused or "tensors" in refused or "not " in refused
    with library_with(tensor_file(header, numbers)) as library:
        assert (why_refused(library) is None) == (header == before)


# Reading while a training saves


def test_a_reader_always_gets_a_whole_model_while_a_training_saves(tmp_path: Path) -> None:
    """Each save says its number three times: in the card, in the words and in the weights."""
    library = Library(tmp_path)
    library.folder.mkdir()

    def save(number: int) -> None:
        card, words = small_card(number), (*WORDS[:-1], f"word{number}")
        tensors = {name: np.zeros_like(w) for name, w in tensors_of(card).items()}
        tensors |= {k: v for k, v in tensors_of(card, words).items() if "network" not in k}
        tensors["network.output.bias"][1 + number % len(WORDS)] = 50
        write_model(library.path("busy"), card, tensors)

    def save_often() -> None:
        for number in range(2, 61):
            save(number)

    save(1)
    seen = set()
    with ThreadPoolExecutor(1) as pool:
        saving = pool.submit(save_often)
        while not saving.done():
            card, model = library.open("busy")
            number = card.epochs_done
            seen.add(number)
            assert model.vocabulary.words[-1] == f"word{number}"
            assert model.next_word_probabilities([]).argmax() == 1 + number % len(WORDS)
            assert library.entries()[0].damaged is None
        saving.result()
    assert len(seen) > 2, "the reader must meet more than one save for this test to mean something"
    assert library.open("busy")[0].epochs_done == 60
    assert set(contents(library.folder)) == {"busy.safetensors"}
