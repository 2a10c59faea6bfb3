"""A model's file: tensors, with its card in the header.

    vocabulary        the words in order of their ids, as a JSON list
    conventions       the conventions of its text, as a JSON object
    lines.known       hashes of the lines that the model and its ancestors were trained on
    lines.unseen      hashes of the lines that it held out
    network.*         the weights of the network, in 8 bits (the lesson's in float32)
    keys.directions   the directions in which the outputs of a wide projection vary most
    states.start      the state of a language's network before a text
    ngrams.*          the tables of the n-grams, in 8 bits

Nothing is executed, and nothing is used before it is checked. The file is open only while it is
read, since Windows cannot replace an open file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import numpy as np
from msgspec import Meta, json
from numpy.typing import NDArray

from rnnlm_tui.config import CausalConfig
from rnnlm_tui.errors import ModelError
from rnnlm_tui.lm.adaptive_softmax import TAIL
from rnnlm_tui.lm.causal import (
    DIRECTIONS,
    KEY_SIZE,
    PROJECTION,
    START,
    key_directions,
    state_shape,
)
from rnnlm_tui.lm.layers import load_network, shapes_of
from rnnlm_tui.lm.mixture import ComponentName, MixedModel
from rnnlm_tui.lm.model import Arrays, LanguageModel
from rnnlm_tui.lm.ngram import NgramModel, check_ngrams, ngram_shapes
from rnnlm_tui.store.card import ModelCard, parse_versioned
from rnnlm_tui.store.files import parse_json
from rnnlm_tui.store.names import built_in_names, built_in_path
from rnnlm_tui.store.tensors import (
    SCALE,
    dequantized,
    is_usable,
    open_tensors,
    quantized,
    write_tensors,
)
from rnnlm_tui.store.trained_lines import TrainedLines
from rnnlm_tui.text.tokenizer import Conventions
from rnnlm_tui.text.tokenizers import make_tokenizer
from rnnlm_tui.text.vocabulary import Vocabulary, special_tokens_of

CARD = "card"
"""The key of the card in the header's metadata. The next constants are names of tensors, or the
beginnings of names."""
VOCABULARY, CONVENTIONS = "vocabulary", "conventions"
KNOWN, UNSEEN = "lines.known", "lines.unseen"
NETWORK, KEYS, STATES, NGRAMS = "network.", "keys.", "states.", "ngrams."
TEXT_TENSORS = {VOCABULARY: "U8", CONVENTIONS: "U8", KNOWN: "U64", UNSEEN: "U64"}
"""The types of the tensors that every model has. These tensors are vectors of any length."""
Word: TypeAlias = Annotated[str, Meta(min_length=1)]
INSTALL_AGAIN = "install the program again"
"""The advice if a built-in model is damaged."""


class StoredModel:
    """An open model file. Its card is checked, and its tensors have the names, types and shapes
    that the card asks for. All methods raise ModelError."""

    def __init__(self, file: Any, card: ModelCard) -> None:
        self.card, self._file = card, file

    def tensors(self, prefix: str = "") -> dict[str, NDArray[Any]]:
        """Returns the tensors whose names begin with `prefix`, by the rest of their names."""
        file, names = self._file, self._file.keys()
        return {n.removeprefix(prefix): file.get_tensor(n) for n in names if n.startswith(prefix)}

    def vocabulary(self) -> Vocabulary:
        raw = self._file.get_tensor(VOCABULARY).tobytes()
        vocabulary = parse_vocabulary(raw, special_tokens_of(self.card.config))
        if len(vocabulary.words) != self.card.words_known:
            raise ModelError(
                f"its vocabulary has {len(vocabulary.words)} words, not {self.card.words_known}"
            )
        return vocabulary

    def most_frequent(self, size: int) -> str:
        """Returns the first `size` bytes of the stored vocabulary. The others are not read."""
        stored = self._file.get_slice(VOCABULARY)
        raw: bytes = stored[: min(size, *stored.get_shape())].tobytes()
        return raw.decode(errors="ignore")

    def conventions(self) -> Conventions:
        raw = self._file.get_tensor(CONVENTIONS).tobytes()
        return parse_json(raw, Conventions, f"its {CONVENTIONS}")

    def lines(self) -> TrainedLines:
        """Returns the lines that the model was trained on, without those of its base."""
        return TrainedLines(self._file.get_tensor(KNOWN), self._file.get_tensor(UNSEEN))

    def network(self, *, to_predict: bool = False) -> dict[str, NDArray[np.float32]]:
        """Returns the checked weights of the network in float32, by the names of `shapes_of`. With
        `to_predict` the TAIL, the embedding of rare words, stays in 8 bits, and DIRECTIONS and
        START are added if the file has them."""
        weights = dequantized(self.tensors(NETWORK), TAIL if to_predict else "")
        if to_predict:
            weights |= self.tensors(KEYS) | self.tensors(STATES)
        for name, weight in weights.items():
            if not is_usable(weight):
                raise ModelError(f"{NETWORK}{name} holds numbers that are not finite or too large")
        return weights

    def ngrams(self) -> Arrays:
        """Returns the checked tables of the n-grams."""
        arrays = self.tensors(NGRAMS)
        try:
            check_ngrams(arrays, self.card.total_words)
        except ValueError as error:
            raise ModelError(f"its n-grams are damaged: {error}") from error
        return arrays

    def model(self, base: LanguageModel | None = None) -> LanguageModel:
        """Returns the model, ready to predict. `base` is the model that it is built on, which is
        read from its file by default."""
        card = self.card
        vocabulary = self.vocabulary()
        tokenizer = make_tokenizer(card.config.tokenizer, self.conventions(), vocabulary)
        models = dict[ComponentName, LanguageModel]()
        if card.has_network:
            weights = self.network(to_predict=True)
            models["network"] = load_network(
                card.config, vocabulary, tokenizer, card.window, weights, card.blocked_words
            )
        if card.ngrams:
            models["ngrams"] = NgramModel(vocabulary, tokenizer, self.ngrams(), card.blocked_words)
        if card.mixture is None:
            return next(iter(models.values()))
        if card.base:
            models["base"] = base or read_base(card.base)
        return MixedModel(models, card.mixture.weights)


def _check_tensors(file: Any, card: ModelCard) -> None:
    """Raises ModelError unless the tensors in an open file have the names, types and shapes that
    the card asks for. Reads only the header."""
    names = file.keys()
    parts = {name: file.get_slice(name) for name in names}
    found = {name: (part.get_dtype(), tuple(part.get_shape())) for name, part in parts.items()}
    expected = dict[str, tuple[str, tuple[int, ...]]]()
    for name, kind in TEXT_TENSORS.items():
        _, shape = found.get(name, ("", ()))
        expected[name] = kind, shape[:1]  # a vector of any length
    if card.has_network:
        for name, shape in shapes_of(card.config, card.total_words).items():
            is_quantized = len(shape) == 2 and not card.config.is_lesson
            expected[NETWORK + name] = "I8" if is_quantized else "F32", shape
            if is_quantized:
                expected[NETWORK + name + SCALE] = "F32", shape[:1]
    if isinstance(config := card.config.model, CausalConfig):
        if KEYS + DIRECTIONS in found:
            expected[KEYS + DIRECTIONS] = "F32", (config.embedding_size, KEY_SIZE)
        if STATES + START in found:
            expected[STATES + START] = "F32", state_shape(card.config.cell, config)
    if card.ngrams:
        # The table of single words has a row for each id, padding included.
        tables = ngram_shapes([card.total_words, *card.ngrams[1:]])
        expected |= {NGRAMS + name: table for name, table in tables.items()}
    if found != expected:
        raise ModelError("its tensors are not those of its card")


def parse_vocabulary(raw: bytes, special_tokens: Sequence[str]) -> Vocabulary:
    """Parses the bytes of a stored vocabulary. Raises ModelError."""
    words = parse_json(raw, list[Word], f"its {VOCABULARY}")
    try:
        return Vocabulary(words, special_tokens)
    except ValueError as error:
        raise ModelError(f"its {VOCABULARY} is damaged: {error}") from error


def read_base(name: str) -> LanguageModel:
    """Reads the built-in model `name`, on which another model is built. Raises ModelError."""
    if name not in built_in_names():
        raise ModelError(
            f"it is built on {name}, which this version does not have",
            "install a version of the program that has it",
        )
    try:
        return read_model(built_in_path(name))[1]
    except ModelError as error:
        message = f"it is built on {name}, which is damaged: {error.message}"
        raise ModelError(message, INSTALL_AGAIN) from error


@contextmanager
def open_stored(path: Path) -> Iterator[StoredModel]:
    """Opens a model's file, and reads only its header. Raises ModelError."""
    with open_tensors(path) as file:
        raw = (file.metadata() or {}).get(CARD)
        if raw is None:
            raise ModelError("it is not a model of this program: its header has no card")
        card = parse_versioned(raw.encode(), ModelCard, "its card")
        _check_tensors(file, card)
        yield StoredModel(file, card)


def read_card(path: Path) -> ModelCard:
    """Reads and checks the card of a model's file. Raises ModelError."""
    with open_stored(path) as stored:
        return stored.card


def read_model(path: Path, base: LanguageModel | None = None) -> tuple[ModelCard, LanguageModel]:
    """Reads and checks a model's file. `base` is as in `StoredModel.model`. Raises ModelError."""
    with open_stored(path) as stored:
        return stored.card, stored.model(base)


def text_tensors(
    vocabulary: Vocabulary, conventions: Conventions, lines: TrainedLines
) -> dict[str, NDArray[Any]]:
    """Returns the tensors that every model has."""
    return {
        VOCABULARY: np.frombuffer(json.encode(vocabulary.words), np.uint8),
        CONVENTIONS: np.frombuffer(json.encode(conventions), np.uint8),
        KNOWN: lines.known,
        UNSEEN: lines.unseen,
    }


def write_model(
    path: Path,
    card: ModelCard,
    text: Arrays,
    network: Arrays | None = None,
    ngrams: Arrays | None = None,
) -> None:
    """Writes or replaces a model's file. `text` are the `text_tensors`, and `network` are the
    weights in float32. Raises StorageError."""
    weights = network or {}
    if not card.config.is_lesson:
        weights = quantized(weights)
    tensors = dict(text)
    # The directions are those of the projection in 8 bits, with which the model predicts.
    if PROJECTION in weights and weights[PROJECTION].shape[1] > KEY_SIZE:
        tensors[KEYS + DIRECTIONS] = key_directions(dequantized(weights)[PROJECTION])
    tensors |= {NETWORK + name: array for name, array in weights.items()}
    tensors |= {NGRAMS + name: array for name, array in (ngrams or {}).items()}
    write_stored(path, card, tensors)


def write_stored(path: Path, card: ModelCard, tensors: Arrays) -> None:
    """Writes or replaces a model's file, with tensors in their stored form. Raises StorageError."""
    write_tensors(path, tensors, {CARD: json.encode(card).decode()})


def change_card(path: Path, change: Callable[[ModelCard], ModelCard]) -> None:
    """Gives a saved model another card. The time of the file stays, since it tells when the weights
    were saved. The caller must hold the model's lock. Raises ModelError and StorageError."""
    with open_stored(path) as stored:
        card, tensors = change(stored.card), stored.tensors()
        saved = path.stat()
    write_stored(path, card, tensors)
    os.utime(path, ns=(saved.st_atime_ns, saved.st_mtime_ns))
