"""A model's folder: opened whole, or refused with a reason, whatever is in it.

The models here are made of random weights: nothing is trained.
"""

from __future__ import annotations

import copy
import json
import os
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlm_tui.errors import ModelError
from rnnlm_tui.store import files
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.load import load_model
from rnnlm_tui.text.vocabulary import LARGEST_VOCABULARY, SPECIAL_TOKENS, Vocabulary
from rnnlm_tui.training.checkpoint import Checkpoints
from tests.helpers.commands import POSIX
from tests.helpers.models import (
    HOSTILE,
    JSON_VALUES,
    OLDER_MODELS,
    UNREADABLE,
    WEIGHTS,
    WORDS,
    card_data,
    contents,
    library_with,
    parsed_tensors,
    places,
    random_weights,
    refusal,
    small_card,
    tensor_file,
    whole_model,
    why_refused,
    with_card,
    with_file,
)

# Words


def with_words(words: object) -> dict[str, bytes]:
    """The files of a model with other words."""
    return with_file("vocabulary.json", json.dumps({"words": words}).encode())


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


@pytest.mark.parametrize("special_tokens", [(), SPECIAL_TOKENS])
def test_the_largest_vocabulary_that_a_training_makes_can_be_read(
    special_tokens: tuple[str, ...],
) -> None:
    words = ["the", "caf\u00e9", 'a"b', "x\\y", "\x01", "\U0001f600"]
    raw = files.json_bytes({"specials": special_tokens, "words": words})
    more = len(raw) - Vocabulary(words, special_tokens).json_bytes()
    assert 0 < more <= files.LARGEST_JSON - LARGEST_VOCABULARY


# In the place of a file


@pytest.mark.parametrize("name", sorted(whole_model()))
@pytest.mark.parametrize("what", ["folder", "pipe", "itself", "nowhere", "/dev/null", UNREADABLE])
def test_special_files_are_refused_without_waiting(name: str, what: str) -> None:
    if what != "folder" and sys.platform == "win32":
        pytest.skip("Windows has neither pipes with names nor links for everybody")
    if what == UNREADABLE and sys.platform != "linux":
        pytest.skip("only Linux has a file that cannot be read")
    with library_with(whole_model()) as library:
        path = library.folder / "victim" / name
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
        assert [name in (answer or "") for answer in answers] == [True]


@pytest.mark.parametrize("name", ["vocabulary.json", "weights-1.safetensors"])
def test_a_missing_file_is_refused(name: str) -> None:
    assert name in refusal({other: raw for other, raw in whole_model().items() if other != name})


@POSIX
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


# Damage at random

FILES = st.sampled_from(sorted(whole_model()))


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
    with library_with(with_file(name, raw)) as library:
        refused = why_refused(library)
    assert refused is None or "victim" in refused


@HOSTILE
@given(
    name=FILES,
    share=st.floats(0, 1, exclude_max=True),
    raw=st.binary(max_size=200),
    value=JSON_VALUES,
    kind=st.integers(0, 2),
)
def test_a_file_cut_short_or_with_other_contents_is_refused(
    name: str, share: float, raw: bytes, value: object, kind: int
) -> None:
    whole = whole_model()[name]
    other = (whole[: int(share * len(whole))], raw, json.dumps(value).encode())[kind]
    assert name.split("-", maxsplit=1)[0] in refusal(with_file(name, other))


@HOSTILE
@given(value=JSON_VALUES, number=st.integers(0))
def test_random_json_in_a_card_or_a_header_never_does_more_than_spoil_the_model(
    value: object, number: int
) -> None:
    data = card_data()
    header, numbers = parsed_tensors(whole_model()["weights-1.safetensors"])
    before = copy.deepcopy(header)
    for changed in (data, header):
        holders = places(changed)
        holder, key = holders[number % len(holders)]
        holder[key] = value
    with library_with(with_card(data)) as library:
        refused = why_refused(library)
    assert refused is None or "model.json" in refused or "vocabulary" in refused
    with library_with(with_file(WEIGHTS, tensor_file(header, numbers))) as library:
        assert (why_refused(library) is None) == (header == before)


# Reading while a training saves


def test_a_reader_always_gets_a_whole_model_while_a_training_saves(tmp_path: Path) -> None:
    """Each save says its number three times: in the card, in the words and in the weights."""
    library = Library(tmp_path)
    folder = library.path("busy")
    folder.mkdir(parents=True)

    def save(number: int) -> None:
        card = small_card(number)
        weights = {name: np.zeros_like(w) for name, w in random_weights(card).items()}
        weights["output.bias"][1 + number % len(WORDS)] = 50
        Checkpoints(folder).save_model(card, (*WORDS[:-1], f"word{number}"), weights)

    def save_often() -> None:
        for number in range(2, 61):
            save(number)

    save(1)
    seen = set()
    with ThreadPoolExecutor(1) as pool:
        saving = pool.submit(save_often)
        while not saving.done():
            card, model = library.open("busy")
            number = card.metrics["epoch"]
            seen.add(number)
            assert model.vocabulary.words[-1] == f"word{number}"
            assert model.next_word_probabilities([]).argmax() == 1 + number % len(WORDS)
            assert library.entries()[0].damaged is None
        saving.result()
    assert len(seen) > 2, "the reader must meet more than one save for this test to mean something"
    assert library.open("busy")[0].metrics["epoch"] == 60
    assert len(contents(folder)) == 3
