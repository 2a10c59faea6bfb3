"""Files that are damaged, hostile or of another program: told in a sentence, never a traceback.

The models here are made of random weights, or were trained once: nothing is trained.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rnnlm_tui.config import make_config
from rnnlm_tui.errors import ModelError, RnnlmError
from rnnlm_tui.store.card import FORMAT
from rnnlm_tui.store.files import RESUME, RUN
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.run_files import Position, read_facts, read_sources, write_state
from rnnlm_tui.store.tensors import LARGEST_WEIGHT
from rnnlm_tui.store.training_text import find_text
from tests.helpers.models import (
    EVALUATION,
    HOSTILE,
    JSON_VALUES,
    WORDS,
    card_data,
    card_in,
    contents,
    facts_of,
    library_with,
    make_model,
    parsed_tensors,
    places,
    put,
    refusal,
    saved_model,
    tensor_file,
    whole_model,
    why_refused,
    with_card,
    with_card_text,
    with_tensors,
)

Tensors = dict[str, NDArray[Any]]
HUGE = 10**400
STATE = facts_of(make_config("gru", []), Position(epoch=2))


# At random


@HOSTILE
@given(
    preset=st.sampled_from(["lesson", "ngram", "gru"]),
    edits=st.lists(
        st.tuples(
            st.floats(0, 1), st.sampled_from(["put", "insert", "cut"]), st.binary(max_size=9)
        ),
        max_size=5,
    ),
    in_header=st.booleans(),
    kept=st.floats(0, 1),
)
def test_random_bytes_never_do_more_than_spoil_the_model(
    preset: str, edits: list[tuple[float, str, bytes]], in_header: bool, kept: float
) -> None:
    """Neither in a file of the library nor in one that is imported."""
    raw = saved_model(preset)
    end = 8 + int.from_bytes(raw[:8], "little") if in_header else len(raw)
    for position, how, more in edits:
        place = int(position * end)
        rest = place + (0 if how == "insert" else len(more))
        raw = raw[:place] + (b"" if how == "cut" else more) + raw[rest:]
    raw = raw if len(edits) % 2 else raw[: int(kept * len(raw))]
    with library_with(raw) as library:
        refused = why_refused(library)
        assert refused is None or refused.startswith("the model victim cannot be used: ")
        before, victim = contents(library.folder), library.path("victim")
        if refused is None:
            library.import_(victim, "new")
            assert library.path("new").read_bytes() == raw
        else:
            with pytest.raises(ModelError, match="cannot import"):
                library.import_(victim, "new")
            after = contents(library.folder)
            assert {n: raw for n, raw in after.items() if ".locks" not in n} == before


@HOSTILE
@given(value=JSON_VALUES, number=st.integers(0))
def test_random_json_never_does_more_than_spoil_the_file(value: object, number: int) -> None:
    """In a card, a header, run.json and the state of a run."""

    def changed(data: dict[str, Any]) -> dict[str, Any]:
        holders = places(data)
        holder, key = holders[number % len(holders)]
        holder[key] = value
        return data

    header, numbers = parsed_tensors(whole_model())
    for raw in (with_card(changed(card_data())), tensor_file(changed(header), numbers)):
        with library_with(raw) as library:
            why_refused(library)
    with tempfile.TemporaryDirectory() as name:
        library, card = Library(Path(name)), make_model(Path(name) / "models" / "a.safetensors")
        folder = library.run_folder("a")
        run = changed({"sources": ["a.txt"], "encoding": None})
        put(folder, {RUN: json.dumps(run).encode()})
        with pytest.raises(RnnlmError):
            find_text("a", folder, card)
        write_state(folder, STATE, {})
        header, numbers = parsed_tensors((folder / RESUME).read_bytes())
        facts = json.dumps(changed(json.loads(numbers))).encode()
        header["run"] = {"dtype": "U8", "shape": [len(facts)], "data_offsets": [0, len(facts)]}
        put(folder, {RESUME: tensor_file(header, facts)})
        assert [run.name for run in library.runs()] == ["a"]
        assert [entry.damaged for entry in library.entries()] == [None]


# Card by card


def change_of(**fields: object) -> Callable[[], bytes]:
    """A model whose card has these fields."""
    return lambda: with_card({**card_data(), **fields})


def tensors_with(
    preset: str, name: str, change: Callable[[NDArray[Any]], NDArray[Any] | None]
) -> Callable[[], bytes]:
    """The model of a preset with one changed tensor, without it if the change returns None."""

    def changed(tensors: Tensors) -> None:
        found = change(tensors[name].copy() if name in tensors else np.zeros(3, np.float32))
        if found is None:
            del tensors[name]
        else:
            tensors[name] = found

    return lambda: with_tensors(changed, saved_model(preset))


def with_words(*words: object) -> Callable[[], bytes]:
    """A model with other words."""
    raw = np.frombuffer(json.dumps(words).encode(), np.uint8)
    return lambda: with_tensors(lambda tensors: tensors.update(vocabulary=raw))


def with_number(number: float, place: int = -1) -> Callable[[NDArray[Any]], NDArray[Any]]:
    def change(array: NDArray[Any]) -> NDArray[Any]:
        array.flat[place] = number
        return array

    return change


def ngram_card(**fields: object) -> Callable[[], bytes]:
    raw = saved_model("ngram")
    return lambda: with_card({**card_in(raw), **fields}, raw)


def header_with(**fields: object) -> Callable[[], bytes]:
    """A model whose header says something else of one tensor."""

    def changed() -> bytes:
        header, numbers = parsed_tensors(whole_model())
        header["network.embedding"] |= fields
        return tensor_file(header, numbers)

    return changed


CARD, DAMAGED, TENSORS = "its card is damaged", "no whole file", "not those of its card"
REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", DAMAGED),
    "text": (lambda: b"The cat sat on the mat.", DAMAGED),
    "a pickle": (lambda: b"\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix", DAMAGED),
    "cut short": (lambda: whole_model()[:-1], DAMAGED),
    "a huge header": (lambda: b"\xff" * 8 + whole_model()[8:], DAMAGED),
    "no card": (lambda: tensor_file({"__metadata__": {}}, b""), "its header has no card"),
    "a card that is no JSON": (lambda: with_card_text("{"), CARD),
    "a card nested too deeply": (lambda: with_card_text("[" * 100_000), CARD),
    "a later format": (change_of(format=FORMAT + 1), f"its card has format {FORMAT + 1}"),
    "a number out of range": (change_of(window=0), "window is out of range"),
    "a huge number": (change_of(epochs_done=HUGE), CARD),
    "no metrics": (change_of(metrics=None), "nothing to predict with"),
    "other figures": (change_of(evaluation={**EVALUATION, "top1": 1.5}), "top1"),
    "other sizes": (change_of(total_words=8), TENSORS),
    "n-grams that are not there": (ngram_card(ngrams=[184, 2**40, 5]), TENSORS),
    "weights of other parts": (ngram_card(mixture={"weights": {"base": 1}}), "of its components"),
    "an infinite weight": (
        tensors_with("lesson", "network.embedding", with_number(math.inf)),
        "not finite",
    ),
    "a weight that overflows": (
        tensors_with("lesson", "network.embedding", with_number(-3e38)),
        "too large",
    ),
    "a missing tensor": (tensors_with("gru", "network.embedding", lambda a: None), TENSORS),
    "one more tensor": (tensors_with("gru", "network.more", lambda a: a), TENSORS),
    "another type": (
        tensors_with("lesson", "network.embedding", lambda a: a.astype(np.float64)),
        "of a type that no model has",
    ),
    "another shape": (tensors_with("lesson", "network.embedding", lambda a: a.T.copy()), TENSORS),
    "a type that numpy lacks": (header_with(dtype="BF16", shape=[42]), "of a type that no model"),
    "children out of order": (
        tensors_with("ngram", "ngrams.children.3", with_number(-1, 1)),
        "children.3 does not rise",
    ),
    "a word that no id has": (
        tensors_with("ngram", "ngrams.word.3", with_number(60_000, 0)),
        "an id that no word has",
    ),
    "no vocabulary": (tensors_with("gru", "vocabulary", lambda a: None), "vocabulary"),
    "too few words": (with_words(*WORDS[:-1]), "its vocabulary has 5 words, not 6"),
    "a word twice": (with_words(*WORDS[:-1], WORDS[0]), "a word occurs twice"),
    "a number for a word": (with_words(*WORDS[:-1], 5), "its vocabulary is damaged"),
    "half a character": (with_words(*WORDS[:-1], "\ud800"), "its vocabulary is damaged"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_damaged_model_is_refused_with_its_reason(name: str) -> None:
    make, why = REFUSED[name]
    assert why in refusal(make())


def test_what_is_odd_but_whole_is_taken() -> None:
    odd = ("the", "\u7f8a", "\U0001f600", "a\u0301", "a b", "\x1b[31m")
    largest = tensors_with(
        "lesson", "network.output.bias", lambda a: np.full_like(a, LARGEST_WEIGHT * 0.99)
    )
    for make in (with_words(*odd), change_of(mood=[]), largest):
        with library_with(make()) as library:
            assert why_refused(library) is None


@pytest.mark.parametrize("what", ["folder", "itself", "nowhere"])
def test_what_is_no_file_is_listed_as_damaged_and_can_be_deleted(what: str) -> None:
    if what != "folder" and sys.platform == "win32":
        pytest.skip("Windows has no links for everybody")
    with library_with(whole_model()) as library:
        path = library.path("victim")
        path.unlink()
        if what == "folder":
            path.mkdir()
        else:
            path.symlink_to(path if what == "itself" else what)
        assert "cannot be read" in (why_refused(library) or "")
        library.delete("victim")
        assert library.names() == ["good"]


@pytest.mark.parametrize("raw", [b"", b"x" * 100, b"\x02\0\0\0\0\0\0\0{}", whole_model()])
def test_a_state_that_cannot_be_read_is_an_error(data_dir: Path, raw: bytes) -> None:
    put(data_dir, {RESUME: raw})
    with pytest.raises(ModelError, match="no whole file"):
        read_facts(data_dir)


@pytest.mark.parametrize(
    "raw", ["", "[]", "{}", '{"sources": "long.txt"}', '{"sources": [7]}', "[" * 100_000]
)
def test_damaged_sources_count_as_none(data_dir: Path, raw: str) -> None:
    put(data_dir, {RUN: raw.encode()})
    assert read_sources(data_dir).sources == []
