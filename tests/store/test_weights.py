"""The weights of a model: damaged and hostile ones are refused."""

from __future__ import annotations

import math
import re
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from rnnlm_tui.errors import ModelError
from rnnlm_tui.generate import generate_words
from rnnlm_tui.store.card import read_card
from rnnlm_tui.store.load import load_model
from rnnlm_tui.store.weights import LARGEST_WEIGHT, read_weights, write_compact, write_tensors
from rnnlm_tui.suggest import suggest
from tests.helpers.models import (
    HOSTILE,
    OLDER_MODELS,
    WEIGHTS,
    library_with,
    parsed_tensors,
    random_weights,
    refusal,
    small_card,
    tensor_file,
    whole_model,
    why_refused,
    with_file,
)

Tensors: TypeAlias = dict[str, NDArray[Any]]
SMALL = random_weights(small_card())


def with_tensors(change: Callable[[Tensors], object]) -> dict[str, bytes]:
    """The files of a whole model, its tensors changed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tensors: Tensors = {name: array.copy() for name, array in SMALL.items()}
        change(tensors)
        write_tensors(folder / "w", tensors)
        return with_file(WEIGHTS, (folder / "w").read_bytes())


@pytest.mark.parametrize("name", [WEIGHTS, "vocabulary.json"])
def test_a_flipped_bit_is_noticed(name: str) -> None:
    raw = bytearray(whole_model()[name])
    raw[-9] ^= 1
    changed = {**whole_model(), name: bytes(raw)}
    assert f"{name} has changed since it was saved" in refusal(changed)


def test_weights_of_half_the_precision_are_read_as_whole_ones() -> None:
    def halve(tensors: Tensors) -> None:
        tensors.update({name: array.astype(np.float16) for name, array in tensors.items()})

    with library_with(with_tensors(halve)) as library:
        assert why_refused(library) is None
        folder = library.path("victim")
        read = read_weights(folder, read_card(folder))
    for name, array in read.items():
        assert array.dtype == np.float32
        assert array == pytest.approx(SMALL[name], rel=2**-11, abs=1e-7)


def test_the_largest_weights_that_are_taken_still_give_probabilities() -> None:
    def change(tensors: Tensors) -> None:
        for tensor in tensors.values():
            tensor[:] = np.where(tensor < 0, -1, 1) * np.float32(LARGEST_WEIGHT * 0.99)

    with library_with(with_tensors(change)) as library:
        assert why_refused(library) is None


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 3e38, -3e38])
def test_a_number_that_is_not_finite_or_overflows_is_refused(number: float) -> None:
    for name in ("embedding", "output.bias"):

        def change(tensors: Tensors, name: str = name) -> None:
            tensors[name].flat[-1] = number

        assert f"{name} holds numbers that are not finite" in refusal(with_tensors(change))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda t: t["embedding"].flat.__setitem__([0, 1], [math.inf, -math.inf]), "not finite"),
        (lambda t: t.pop("hidden.bias"), "other tensors"),
        (lambda t: t.update({"more": np.zeros(1, np.float32)}), "other tensors"),
        *(
            (lambda t, kind=kind: t.update(embedding=t["embedding"].astype(kind)), "float32")
            for kind in (np.float64, np.int64, np.int32, np.bool_)
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
    assert why in refusal(with_tensors(change))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("dtype", name) for name in ("BF16", "F8_E4M3", "F4", "XX", 5)),
        *(("shape", shape) for shape in ([2**63], [2**62, 4], [-7, -3], [2**40, 0], [7.0, 3])),
        *(("shape", shape) for shape in ("x", None, [[7, 3]], [10**30])),
    ],
)
def test_an_absurd_header_is_refused(field: str, value: object) -> None:
    header, numbers = parsed_tensors(whole_model()[WEIGHTS])
    header["embedding"][field] = value
    assert refusal(with_file(WEIGHTS, tensor_file(header, numbers)))


@pytest.mark.parametrize("length", [2**20 + 1, 2**31, 2**40, 2**63, 2**64 - 1])
def test_a_huge_header_and_a_longer_file_are_refused(length: int) -> None:
    raw = whole_model()[WEIGHTS]
    claims = with_file(WEIGHTS, struct.pack("<Q", length) + raw[8:])
    assert "not a file of tensors" in refusal(claims)
    header, numbers = parsed_tensors(raw)
    header["__metadata__"] = {"x": "y" * (1 << 20)}
    assert "not a file of tensors" in refusal(with_file(WEIGHTS, tensor_file(header, numbers)))
    assert refusal(with_file(WEIGHTS, raw + bytes(4)))


# The tables of an n-gram model


@contextmanager
def older_ngrams(*, small: bool = False) -> Iterator[Path]:
    """The folder of an n-gram model of an older format, which has no checksums."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "ngram"
        shutil.copytree(OLDER_MODELS / "ngram", folder)
        if small:
            card = read_card(folder)
            arrays = card.architecture.to_compact(read_weights(folder, card))
            write_tensors(folder / card.weights, arrays)
        yield folder


@pytest.mark.parametrize(
    ("small", "change", "why"),
    [
        (False, lambda a: a["word.3"].__setitem__(0, 10_000), "word.3 holds an id that no word"),
        (False, lambda a: a["children.3"].__setitem__(1, 2**31 - 1), "children.3 does not rise"),
        (False, lambda a: a["backoff.1"].__setitem__(0, np.nan), "not finite or too large"),
        (False, lambda a: a["probability.2"].__setitem__(0, 2), "has values that are not"),
        (False, lambda a: a.update({"word.3": a["word.3"].astype(np.float32)}), "is not int32"),
        (False, lambda a: a.update({"word.3": a["word.3"][:-1]}), "word.3 is not int32 of shape"),
        (False, lambda a: a.update({"word.9": a["word.3"]}), "holds other tensors"),
        (True, lambda a: a["children.3"].__setitem__((0, 1), 99), "children.3 are not as many"),
        (True, lambda a: a["word.3"].__setitem__((0, 0), 255), "word.3 holds an id that no word"),
        (True, lambda a: a.update({"word.3": a["word.3"][0]}), "word.3 is not uint8 of shape"),
        (True, lambda a: a.update({"word.3": a["word.3"].astype(np.int32)}), "is not uint8"),
        (True, lambda a: a.update({"backoff.1": a["probability.1"]}), "holds other tensors"),
    ],
)
def test_invalid_tables_are_refused(
    small: bool, change: Callable[[Tensors], object], why: str
) -> None:
    with older_ngrams(small=small) as folder:
        arrays = load_file(folder / WEIGHTS)
        change(arrays)
        save_file(arrays, folder / WEIGHTS)
        with pytest.raises(ModelError, match=re.escape(why)):
            load_model(folder)


def test_a_small_n_gram_model_is_nearly_the_same_and_still_sums_to_one() -> None:
    with older_ngrams() as folder:
        models, sizes = [], []
        for _ in range(3):
            card, model = load_model(folder)
            models.append(model)
            sizes.append((folder / card.weights).stat().st_size)
            write_compact(folder)
        assert sizes[1] == sizes[2] < sizes[0] / 3
        total = card.total_words
        contexts = [[i, j] for i in range(1, total, 7) for j in range(1, total, 5)]
        for context in contexts:
            whole, small, again = (model.next_word_probabilities(context) for model in models)
            assert float(small.sum(dtype=np.float64)) == pytest.approx(1, abs=1e-5)
            assert small == pytest.approx(whole, rel=0.1, abs=1e-3)
            assert again == pytest.approx(small, rel=0.1, abs=1e-3)
        raw = bytearray((folder / card.weights).read_bytes())
        raw[-1] ^= 1
        (folder / card.weights).write_bytes(raw)
        with pytest.raises(ModelError, match="its checksum is wrong"):
            load_model(folder)


@HOSTILE
@given(place=st.integers(0, 1 << 20), value=st.integers(0, 255), small=st.booleans())
def test_any_changed_byte_of_the_tables_is_refused_or_gives_numbers(
    place: int, value: int, small: bool
) -> None:
    with older_ngrams(small=small) as folder:
        path = folder / WEIGHTS
        raw = bytearray(path.read_bytes())
        raw[place % len(raw)] = value
        path.write_bytes(raw)
        with suppress(ModelError):
            _, model = load_model(folder)
            answer = suggest(model, "shall the ")
            assert all(math.isfinite(each.probability) for each in answer.candidates)
            assert len(generate_words(model, "shall the", 5)) == 5
