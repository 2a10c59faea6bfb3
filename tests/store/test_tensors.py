"""The tensors of a model: damaged and hostile ones are refused."""

from __future__ import annotations

import math
import struct
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rnnlm_tui.errors import ModelError
from rnnlm_tui.generate import generate_words
from rnnlm_tui.store.model_file import load_model
from rnnlm_tui.store.tensors import LARGEST_WEIGHT
from rnnlm_tui.suggest import suggest
from tests.helpers.models import (
    HOSTILE,
    library_with,
    parsed_tensors,
    random_weights,
    refusal,
    saved_model,
    small_card,
    tensor_file,
    whole_model,
    why_refused,
    with_tensors,
)

Tensors: TypeAlias = dict[str, NDArray[Any]]
SMALL = random_weights(small_card())


def with_network(change: Callable[[Tensors], object]) -> bytes:
    """The file of a whole model, the weights of its network changed."""

    def change_network(tensors: Tensors) -> None:
        network = {name: array.copy() for name, array in SMALL.items()}
        change(network)
        for name in [name for name in tensors if name.startswith("network.")]:
            del tensors[name]
        tensors.update({f"network.{name}": array for name, array in network.items()})

    return with_tensors(change_network)


def test_the_largest_weights_that_are_taken_still_give_probabilities() -> None:
    def change(tensors: Tensors) -> None:
        for tensor in tensors.values():
            tensor[:] = np.where(tensor < 0, -1, 1) * np.float32(LARGEST_WEIGHT * 0.99)

    with library_with(with_network(change)) as library:
        assert why_refused(library) is None


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 3e38, -3e38])
def test_a_number_that_is_not_finite_or_overflows_is_refused(number: float) -> None:
    for name in ("embedding", "output.bias"):

        def change(tensors: Tensors, name: str = name) -> None:
            tensors[name].flat[-1] = number

        assert f"{name} holds numbers that are not finite" in refusal(with_network(change))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda t: t["embedding"].flat.__setitem__([0, 1], [math.inf, -math.inf]), "not finite"),
        (lambda t: t.pop("hidden.bias"), "other tensors"),
        (lambda t: t.update({"more": np.zeros(1, np.float32)}), "other tensors"),
        *(
            (lambda t, kind=kind: t.update(embedding=t["embedding"].astype(kind)), "float32")
            for kind in (np.float64, np.float16, np.int64, np.int32, np.bool_)
        ),
        *(
            (lambda t, shape=shape: t.update(embedding=np.zeros(shape, np.float32)), "embedding")
            for shape in ((), (0,), (21,), (3, 7), (1, 7, 3), (7, 3, 1), (7, 4))
        ),
    ],
)
def test_other_tensors_than_those_of_the_model_are_refused(
    change: Callable[[Tensors], object], why: str
) -> None:
    assert why in refusal(with_network(change))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("dtype", name) for name in ("BF16", "F8_E4M3", "F4", "XX", 5)),
        *(("shape", shape) for shape in ([2**63], [2**62, 4], [-7, -3], [2**40, 0], [7.0, 3])),
        *(("shape", shape) for shape in ("x", None, [[7, 3]], [10**30])),
    ],
)
def test_an_absurd_header_is_refused(field: str, value: object) -> None:
    header, numbers = parsed_tensors(whole_model())
    header["network.embedding"][field] = value
    assert refusal(tensor_file(header, numbers))


@pytest.mark.parametrize("length", [2**26 + 1, 2**31, 2**40, 2**63, 2**64 - 1])
def test_a_huge_header_and_a_longer_file_are_refused(length: int) -> None:
    raw = whole_model()
    assert "not a file of tensors" in refusal(struct.pack("<Q", length) + raw[8:])
    assert refusal(raw + bytes(4))


@pytest.mark.parametrize("metadata", [{}, {"x": "y"}, {"card": ""}])
def test_a_file_of_another_program_is_refused(metadata: dict[str, str]) -> None:
    header, numbers = parsed_tensors(whole_model())
    assert "card" in refusal(tensor_file({**header, "__metadata__": metadata}, numbers))


# The tables of an n-gram model


def ngrams_with(change: Callable[[Tensors], object]) -> bytes:
    """The file of an n-gram model with changed tables."""

    def change_tables(tensors: Tensors) -> None:
        tables = {n.removeprefix("ngrams."): t for n, t in tensors.items() if "ngrams." in n}
        tables = {name: table.copy() for name, table in tables.items()}
        change(tables)
        tensors.update({f"ngrams.{name}": table for name, table in tables.items()})

    return with_tensors(change_tables, saved_model("ngram"))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda a: a["children.3"].__setitem__((0, 1), 99), "children.3 are not as many"),
        (lambda a: a["word.3"].__setitem__((0, 0), 255), "word.3 holds an id that no word"),
        (lambda a: a.update({"word.3": a["word.3"][0]}), "word.3 is not uint8 of shape"),
        (lambda a: a.update({"word.3": a["word.3"].astype(np.int32)}), "is not uint8"),
        (lambda a: a.update({"backoff.1": a["probability.1"]}), "holds other tensors"),
    ],
)
def test_invalid_tables_are_refused(change: Callable[[Tensors], object], why: str) -> None:
    assert why in refusal(ngrams_with(change))


@HOSTILE
@given(place=st.integers(0, 1 << 20), value=st.integers(0, 255))
def test_any_changed_byte_of_the_tables_is_refused_or_gives_numbers(place: int, value: int) -> None:
    raw = bytearray(saved_model("ngram"))
    raw[place % len(raw)] = value
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "ngram"
        path.write_bytes(raw)
        with suppress(ModelError):
            _, model = load_model(path)
            answer = suggest(model, "shall the ")
            assert all(math.isfinite(each.probability) for each in answer.candidates)
            assert len(generate_words(model, "shall the", 5)) == 5
