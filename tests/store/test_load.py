"""A model's folder: opened whole, or refused with a reason, whatever is in it.

The models here are made of random weights: nothing is trained.
"""

from __future__ import annotations

import copy
import json
import os
import shutil
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlm_tui.errors import ModelError
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.load import load_model
from rnnlm_tui.training.checkpoint import Checkpoints
from tests.helpers.models import (
    HOSTILE,
    JSON_VALUES,
    OLDER_MODELS,
    WORDS,
    card_data,
    contents,
    library_with,
    make_model,
    on_posix,
    parsed_tensors,
    places,
    random_weights,
    refusal,
    small_card,
    tensor_file,
    whole_model,
    why_refused,
    with_card,
    with_weights,
    with_words,
)

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


@pytest.mark.parametrize("special_tokens", [None, [], ["<s>"], ["</s>", "<s>", "<unk>"], "abc"])
def test_other_special_tokens_than_the_presets_are_refused(
    tmp_path: Path, special_tokens: object
) -> None:
    shutil.copytree(OLDER_MODELS / "ngram", tmp_path / "ngram")
    path = tmp_path / "ngram" / "vocabulary.json"
    data = json.loads(path.read_bytes())
    path.write_text(json.dumps({**data, "specials": special_tokens}))
    with pytest.raises(ModelError, match=r"vocabulary\.json .*special"):
        load_model(tmp_path / "ngram")
    path.write_text(json.dumps({**data, "words": ["<unk>", *data["words"][1:]]}))
    with pytest.raises(ModelError, match="twice"):
        load_model(tmp_path / "ngram")


def test_words_of_any_script_are_taken() -> None:
    files = with_words(["the", "\u7f8a", "\U0001f600", "a\u0301", "a b", "\x1b[31m"])
    with library_with(files) as library:
        assert why_refused(library) is None


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
