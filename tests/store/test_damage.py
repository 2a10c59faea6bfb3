"""Files that are damaged, hostile or of another program: told in a sentence, never a traceback.

Nothing is trained here: the models were trained once.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import numpy

from rnnlm_tui.cli import models
from rnnlm_tui.config import LONGEST_CONTEXT
from rnnlm_tui.errors import ModelError, RnnlmError
from rnnlm_tui.events import json_text
from rnnlm_tui.store.card import FORMAT
from rnnlm_tui.store.corpora import find_text
from rnnlm_tui.store.files import RESUME, RUN_JSON
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.run_files import read_facts, read_sources
from rnnlm_tui.store.tensors import LARGEST_WEIGHT
from rnnlm_tui.suggesting.suggest import suggest
from tests.helpers.models import (
    SAME_EXAMPLES,
    make_model,
    models_of,
    parsed_tensors,
    put,
    put_state,
    remade,
    renamed,
    saved_model,
    tensor_file,
)

KINDS_OF_EDIT = st.sampled_from(["put", "insert", "cut"])
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats()
    | st.sampled_from(["", "../../x", "lesson", 10**400, -0.0, "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=8,
)


@contextmanager
def library_with(raw: bytes) -> Iterator[Library]:
    """A library of a whole model, `good`, and one of these bytes, `victim`."""
    with tempfile.TemporaryDirectory() as folder:
        library, good = Library(Path(folder)), saved_model("ngram")
        put(library.folder, {"good.safetensors": good, "victim.safetensors": raw})
        yield library


def why_refused(library: Library) -> str:
    """Why the model `victim` cannot be used, or "" if it works. Fails if it raises anything but
    ModelError, changes a file, or affects another model."""
    before, refused = models_of(library), ""
    entries = {entry.name: entry for entry in library.entries()}
    assert entries["good"].damaged is None
    # A hostile card must not break the list.
    assert len(list(models.models_table([*entries.values()], "victim"))) >= 2
    for entry in entries.values():
        json_text(models.entry_json(entry, "victim"))
    try:
        opened = library.open("victim")
        card, model = opened.card, opened.model
    except ModelError as error:
        refused = error.message
        assert refused.startswith("the model victim cannot be used: ")
    else:
        assert entries["victim"].damaged is None
        for context in ([], [1], [1, 2, 3, 4, 5, 6]):
            row = model.next_word_probabilities(context)
            assert len(row) == card.total_words and sum(row) == pytest.approx(1, abs=1e-4)
        assert suggest(model, "the world ").candidates
    library.open("good")
    assert models_of(library) == before
    return refused


def with_random_json(data: Any, value: object, number: int) -> Any:
    """Parsed JSON with a value in place of the one of this number, wherever that is."""
    places, rest = list[tuple[Any, Any]](), [data]
    for holder in rest:
        keys = range(len(holder)) if isinstance(holder, list) else [*holder]
        places += [(holder, key) for key in keys]
        rest += [holder[key] for key in keys if isinstance(holder[key], list | dict)]
    holder, key = places[number % len(places)]
    holder[key] = value
    return data


@SAME_EXAMPLES
@given(
    preset=st.sampled_from(["lesson", "ngram", "gru"]),
    edits=st.lists(st.tuples(st.floats(0, 1), KINDS_OF_EDIT, st.binary(max_size=9)), max_size=5),
    in_header=st.booleans(),
    kept=st.floats(0, 1),
    value=JSON_VALUES,
    number=st.integers(0),
)
def test_no_damage_does_more_than_spoil_the_model(
    preset: str, edits: list[tuple[float, str, bytes]], in_header: bool, kept: float,
    value: object, number: int,
) -> None:  # fmt: skip
    """Random bytes, a part of the file, random JSON in its header and in its card: neither in a
    file of the library nor in one that is imported."""
    whole = raw = saved_model(preset)
    end = 8 + int.from_bytes(raw[:8], "little") if in_header else len(raw)
    for position, how, more in edits:
        place = int(position * end)
        rest = place + (0 if how == "insert" else len(more))
        raw = raw[:place] + (b"" if how == "cut" else more) + raw[rest:]
    header, numbers = parsed_tensors(whole)
    spoiled = tensor_file(with_random_json(header, value, number), numbers)
    header, _ = parsed_tensors(whole)
    card = with_random_json(json.loads(header["__metadata__"]["card"]), value, number)
    header["__metadata__"] = {"card": json.dumps(card)}
    for damaged in (raw, whole[: int(kept * len(whole))], spoiled, tensor_file(header, numbers)):
        with library_with(damaged) as library:
            refused, victim = why_refused(library), library.path("victim")
            before = models_of(library)
            if not refused:
                library.import_(victim, "new")
                assert library.path("new").read_bytes() == damaged
            else:
                with pytest.raises(ModelError, match="cannot import"):
                    library.import_(victim, "new")
                assert models_of(library) == before


@SAME_EXAMPLES
@given(value=JSON_VALUES, number=st.integers(0), raw=st.binary(max_size=99))
def test_no_damage_of_a_run_spoils_its_model(value: object, number: int, raw: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        library, card = Library(Path(name)), make_model(Path(name) / "models" / "a.safetensors")
        folder = library.runs.folder("a")
        run = with_random_json({"sources": ["a.txt"], "encoding": None}, value, number)
        put(folder, {RUN_JSON: json.dumps(run).encode()})
        with pytest.raises(RnnlmError):
            find_text("a", folder, card)
        put_state(folder, 2, epochs=3)
        header, numbers = parsed_tensors((folder / RESUME).read_bytes())
        facts = json.dumps(with_random_json(json.loads(numbers), value, number)).encode()
        header["run"] = {"dtype": "U8", "shape": [len(facts)], "data_offsets": [0, len(facts)]}
        for state in (tensor_file(header, facts), raw):
            put(folder, {RESUME: state})
            assert [run.name for run in library.runs.all()] == ["a"]
            assert [entry.damaged for entry in library.entries()] == [None]
        with pytest.raises(ModelError, match="not a complete file"):
            read_facts(folder)
        put(folder, {RUN_JSON: raw})
        assert read_sources(folder).sources == []


def with_card(preset: str, **fields: object) -> bytes:
    """The model of a preset whose card has these fields."""
    return remade(preset, lambda card, tensors: card.update(fields))


def with_number(preset: str, name: str, number: float, place: int | slice = -1) -> bytes:
    """The model of a preset with this number in a tensor."""

    def put_number(card: object, tensors: dict[str, Any]) -> None:
        tensors[name] = tensors[name].copy()
        tensors[name].flat[place] = number

    return remade(preset, put_number)


def with_words(change: Callable[[list[str]], object]) -> bytes:
    """A model with other words."""
    words = json.loads(numpy.load(saved_model("lesson"))["vocabulary"].tobytes())
    change(words)
    raw = np.frombuffer(json.dumps(words).encode(), np.uint8)
    return remade("lesson", lambda card, tensors: tensors.update(vocabulary=raw))


def of_no_type() -> bytes:
    """A model with numbers that numpy does not know."""
    header, numbers = parsed_tensors(saved_model("lesson"))
    size = np.diff(header["network.embedding"]["data_offsets"]).tolist()
    header["network.embedding"] |= {"dtype": "BF16", "shape": [size[0] // 2]}
    return tensor_file(header, numbers)


EMBEDDING, TABLE = "network.embedding", "ngrams.word.3"
WHOLE, TENSORS = "not a complete file", "not those of its card"
REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "a pickle": (lambda: b"\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix", WHOLE),
    "cut short": (lambda: saved_model("gru")[:-1], WHOLE),
    "no card": (lambda: tensor_file({"__metadata__": {}}, b""), "its header has no card"),
    "a card nested too deeply": (
        lambda: tensor_file({"__metadata__": {"card": "[" * 100_000}}, b""),
        "its card is damaged",
    ),
    "a later format": (lambda: with_card("gru", format=FORMAT + 1), f"format {FORMAT + 1}, this"),
    "a window without end": (lambda: with_card("lesson", window=LONGEST_CONTEXT + 1), "damaged"),
    "no metrics": (lambda: with_card("lesson", metrics=None), "nothing to predict with"),
    "other sizes": (lambda: with_card("gru", total_words=8), TENSORS),
    "other n-grams": (lambda: with_card("ngram", ngrams=[184, 2**40, 5]), TENSORS),
    "other parts": (lambda: with_card("ngram", mixture={"weights": {"base": 1}}), "components"),
    "an infinite weight": (lambda: with_number("lesson", EMBEDDING, math.inf), "finite"),
    "an infinite scale": (lambda: with_number("gru", f"{EMBEDDING}.scale", math.inf), "finite"),
    "a missing tensor": (lambda: remade("gru", lambda _, tensors: tensors.pop(EMBEDDING)), TENSORS),
    "no type of numpy": (of_no_type, WHOLE),
    "another name of a table": (lambda: renamed("ngram", TABLE), TENSORS),
    "another name of weights": (lambda: renamed("gru", EMBEDDING), TENSORS),
    "another name of its words": (lambda: renamed("gru", "vocabulary"), TENSORS),
    "a tensor that no model has": (
        lambda: remade("gru", lambda _, tensors: tensors.update(x=tensors[EMBEDDING])),
        TENSORS,
    ),
    "fewer words": (lambda: with_words(lambda words: words.pop()), "has 180 words, not 181"),
    "a table that is no vector": (
        lambda: remade(
            "ngram", lambda _, tensors: tensors.update({TABLE: tensors[TABLE][:, None]})
        ),
        TENSORS,
    ),
    "no order": (lambda: with_number("ngram", "ngrams.children.3", -1, 1), "does not rise"),
    "a word twice": (lambda: with_words(lambda words: words.__setitem__(1, words[0])), "twice"),
    "half a character": (
        lambda: with_words(lambda words: words.__setitem__(1, "\ud800")),
        "its vocabulary is damaged",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_damaged_model_is_refused_with_its_reason(name: str) -> None:
    make, why = REFUSED[name]
    with library_with(make()) as library:
        assert why in why_refused(library)


def test_what_is_odd_but_whole_is_taken() -> None:
    odd = ["\u7f8a", "\U0001f600", "a\u0301", "a b", "\x1b[31m"]
    of_words = with_words(lambda words: words.__setitem__(slice(5), odd))
    largest = with_number("lesson", "network.output.bias", LARGEST_WEIGHT * 0.99, slice(None))
    for raw in (of_words, with_card("gru", mood=[]), largest):
        with library_with(raw) as library:
            assert not why_refused(library)


@pytest.mark.parametrize("what", ["folder", "nowhere"])
def test_what_is_no_file_is_listed_as_damaged_and_can_be_deleted(what: str) -> None:
    if what != "folder" and sys.platform == "win32":
        pytest.skip("Windows has no links for everybody")
    with library_with(b"") as library:
        path = library.path("victim")
        path.unlink()
        if what == "folder":
            path.mkdir()
        else:
            path.symlink_to(what)
        assert "cannot be read" in why_refused(library)
        library.delete("victim")
        assert library.names() == ["good"]
