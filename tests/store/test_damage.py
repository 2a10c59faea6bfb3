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

from rnnlm_tui.config import make_config
from rnnlm_tui.errors import ModelError, RnnlmError
from rnnlm_tui.store.card import FORMAT
from rnnlm_tui.store.files import RESUME, RUN
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.run_files import Position, read_facts, read_sources, write_state
from rnnlm_tui.store.tensors import LARGEST_WEIGHT
from rnnlm_tui.store.texts import find_text
from tests.helpers.models import (
    EVALUATION,
    HOSTILE,
    JSON_VALUES,
    WORDS,
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

KINDS_OF_EDIT = st.sampled_from(["put", "insert", "cut"])


@HOSTILE
@given(
    preset=st.sampled_from(["lesson", "ngram", "gru"]),
    edits=st.lists(st.tuples(st.floats(0, 1), KINDS_OF_EDIT, st.binary(max_size=9)), max_size=5),
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
    for raw in (with_card(changed(card_in(whole_model()))), tensor_file(changed(header), numbers)):
        with library_with(raw) as library:
            why_refused(library)
    with tempfile.TemporaryDirectory() as name:
        library, card = Library(Path(name)), make_model(Path(name) / "models" / "a.safetensors")
        folder = library.run_folder("a")
        run = changed({"sources": ["a.txt"], "encoding": None})
        put(folder, {RUN: json.dumps(run).encode()})
        with pytest.raises(RnnlmError):
            find_text("a", folder, card)
        write_state(folder, facts_of(make_config("gru", []), Position(epoch=2)), {})
        header, numbers = parsed_tensors((folder / RESUME).read_bytes())
        facts = json.dumps(changed(json.loads(numbers))).encode()
        header["run"] = {"dtype": "U8", "shape": [len(facts)], "data_offsets": [0, len(facts)]}
        put(folder, {RESUME: tensor_file(header, facts)})
        assert [run.name for run in library.runs()] == ["a"]
        assert [entry.damaged for entry in library.entries()] == [None]


def change_of(preset: str, **fields: object) -> bytes:
    """The model of a preset whose card has these fields."""
    raw = saved_model(preset)
    return with_card({**card_in(raw), **fields}, raw)


def array_with(preset: str, name: str, number: float, place: int | slice = -1) -> bytes:
    """The model of a preset with this number in a tensor."""

    def put_number(tensors: dict[str, Any]) -> None:
        tensors[name] = tensors[name].copy()
        tensors[name].flat[place] = number

    return with_tensors(put_number, saved_model(preset))


def without(name: str) -> bytes:
    """A model that lacks a tensor."""
    return with_tensors(lambda tensors: tensors.pop(name))


def with_words(*words: object) -> bytes:
    """A model with other words."""
    raw = np.frombuffer(json.dumps(words).encode(), np.uint8)
    return with_tensors(lambda tensors: tensors.update(vocabulary=raw))


def of_type(kind: str) -> bytes:
    """A model with numbers of another type."""
    header, numbers = parsed_tensors(whole_model())
    header["network.embedding"] |= {"dtype": kind, "shape": [42]}
    return tensor_file(header, numbers)


EMBEDDING, CHILDREN = "network.embedding", "ngrams.children.3"
WHOLE, TENSORS = "no whole file", "not those of its card"
REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "a pickle": (lambda: b"\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix", WHOLE),
    "cut short": (lambda: whole_model()[:-1], WHOLE),
    "no card": (lambda: tensor_file({"__metadata__": {}}, b""), "its header has no card"),
    "a card nested too deeply": (lambda: with_card_text("[" * 100_000), "its card is damaged"),
    "a later format": (lambda: change_of("gru", format=FORMAT + 1), f"format {FORMAT + 1}, this"),
    "no metrics": (lambda: change_of("lesson", metrics=None), "nothing to predict with"),
    "other figures": (lambda: change_of("gru", evaluation={**EVALUATION, "top1": 1.5}), "top1"),
    "other sizes": (lambda: change_of("gru", total_words=8), "its vocabulary has 181 words, not 4"),
    "other n-grams": (lambda: change_of("ngram", ngrams=[184, 2**40, 5]), TENSORS),
    "other parts": (lambda: change_of("ngram", mixture={"weights": {"base": 1}}), "components"),
    "an infinite weight": (lambda: array_with("lesson", EMBEDDING, math.inf), "finite"),
    "a missing tensor": (lambda: without(EMBEDDING), TENSORS),
    "no type of numpy": (lambda: of_type("BF16"), "of a type that no model"),
    "no order": (lambda: array_with("ngram", CHILDREN, -1, 1), "does not rise"),
    "no vocabulary": (lambda: without("vocabulary"), "vocabulary"),
    "a word twice": (lambda: with_words(*WORDS[:-1], WORDS[0]), "a word occurs twice"),
    "half a character": (lambda: with_words(*WORDS[:-1], "\ud800"), "its vocabulary is damaged"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_damaged_model_is_refused_with_its_reason(name: str) -> None:
    make, why = REFUSED[name]
    assert why in refusal(make())


def test_what_is_odd_but_whole_is_taken() -> None:
    odd = with_words("the", "\u7f8a", "\U0001f600", "a\u0301", "a b", "\x1b[31m")
    largest = array_with("lesson", "network.output.bias", LARGEST_WEIGHT * 0.99, slice(None))
    for raw in (odd, change_of("gru", mood=[]), largest):
        with library_with(raw) as library:
            assert why_refused(library) is None


@pytest.mark.parametrize("what", ["folder", "nowhere"])
def test_what_is_no_file_is_listed_as_damaged_and_can_be_deleted(what: str) -> None:
    if what != "folder" and sys.platform == "win32":
        pytest.skip("Windows has no links for everybody")
    with library_with(whole_model()) as library:
        path = library.path("victim")
        path.unlink()
        if what == "folder":
            path.mkdir()
        else:
            path.symlink_to(what)
        assert "cannot be read" in (why_refused(library) or "")
        library.delete("victim")
        assert library.names() == ["good"]


def test_a_damaged_state_is_an_error_and_damaged_sources_are_none(data_dir: Path) -> None:
    put(data_dir, {RESUME: b"x" * 100, RUN: b"x"})
    with pytest.raises(ModelError, match="no whole file"):
        read_facts(data_dir)
    assert read_sources(data_dir).sources == []
