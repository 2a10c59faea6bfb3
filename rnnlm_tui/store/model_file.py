"""A model's file: tensors, with its card in the header.

    vocabulary        the words in order of their ids, as a JSON list
    conventions       how its text is written, as a JSON object
    lines.known       hashes of the lines that the model and its ancestors were trained on
    lines.unseen      hashes of the lines of its text that it held out
    network.*         the weights of the network, in 8 bits but for the lesson's
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

from rnnlm_tui.errors import ModelError
from rnnlm_tui.lm.kinds import load_network, shapes_of
from rnnlm_tui.lm.mixture import ComponentName, MixedModel
from rnnlm_tui.lm.model import Arrays, LanguageModel
from rnnlm_tui.lm.ngram import NgramModel, check_ngrams, ngram_counts
from rnnlm_tui.paths import built_in_models
from rnnlm_tui.store.card import ENGLISH, ModelCard, parse_formatted
from rnnlm_tui.store.files import SUFFIX, parse_json
from rnnlm_tui.store.tensors import (
    SCALE,
    expanded,
    is_usable,
    open_tensors,
    quantized,
    write_tensors,
)
from rnnlm_tui.store.trained_lines import TrainedLines
from rnnlm_tui.text.tokenizer import Conventions
from rnnlm_tui.text.tokenizers import make_tokenizer
from rnnlm_tui.text.vocabulary import Vocabulary, special_tokens_of

CARD, VOCABULARY, CONVENTIONS = "card", "vocabulary", "conventions"
"""The entry of the header's metadata with the card, and the tensors with JSON."""
KNOWN, UNSEEN = "lines.known", "lines.unseen"
NETWORK, NGRAMS = "network.", "ngrams."
OTHER_TENSORS = "its tensors are not those of its card"
Word: TypeAlias = Annotated[str, Meta(min_length=1)]


class StoredModel:
    """An open model file, whose card is checked. All methods raise ModelError."""

    def __init__(self, file: Any, card: ModelCard) -> None:
        self.card, self._file = card, file

    def _tensor(self, name: str) -> NDArray[Any]:
        try:
            tensor: NDArray[Any] = self._file.get_tensor(name)
        except (TypeError, AttributeError) as error:  # numpy lacks some types of the format
            raise ModelError(f"{name} is of a type that no model has") from error
        return tensor

    def tensors(self, prefix: str = "") -> dict[str, NDArray[Any]]:
        """The tensors whose names begin with `prefix`, by the rest of their names."""
        names = [name for name in self._file.keys() if name.startswith(prefix)]  # noqa: SIM118
        return {name.removeprefix(prefix): self._tensor(name) for name in names}

    def vocabulary(self) -> Vocabulary:
        raw = self._tensor(VOCABULARY).tobytes()
        vocabulary = parse_vocabulary(raw, special_tokens_of(self.card.config.preset))
        if len(vocabulary.words) != self.card.words_known:
            raise ModelError(
                f"its vocabulary has {len(vocabulary.words)} words, not {self.card.words_known}"
            )
        return vocabulary

    def conventions(self) -> Conventions:
        return parse_json(self._tensor(CONVENTIONS).tobytes(), Conventions, f"its {CONVENTIONS}")

    def lines(self) -> TrainedLines:
        """The lines that the model was trained on, apart from those of the English."""
        return TrainedLines(self._tensor(KNOWN), self._tensor(UNSEEN))

    def network(self) -> dict[str, NDArray[np.float32]]:
        """The checked weights of the network, by the names of `shapes_of`."""
        stored = self.tensors(NETWORK)
        if {name: (w.shape, w.dtype.name) for name, w in stored.items()} != _network_of(self.card):
            raise ModelError(OTHER_TENSORS)
        weights = expanded(stored)
        for name, weight in weights.items():
            if not is_usable(weight):
                raise ModelError(f"{NETWORK}{name} holds numbers that are not finite or too large")
        return weights

    def ngrams(self) -> Arrays:
        """The checked tables of the n-grams."""
        arrays = self.tensors(NGRAMS)
        try:
            check_ngrams(arrays, self.card.total_words)
        except ValueError as error:
            raise ModelError(f"its n-grams are damaged: {error}") from error
        if [*ngram_counts(arrays)] != [self.card.total_words - 1, *self.card.ngrams[1:]]:
            raise ModelError(OTHER_TENSORS)
        return arrays

    def load(self, english: LanguageModel | None = None) -> LanguageModel:
        """The model, ready to predict. `english` is the English if it is loaded already."""
        card, vocabulary = self.card, self.vocabulary()
        tokenizer = make_tokenizer(card.tokenizer, self.conventions(), vocabulary)
        models = dict[ComponentName, LanguageModel]()
        if card.has_network:
            known = vocabulary, tokenizer, card.window
            models["network"] = load_network(card.config, *known, self.network())
        if card.ngrams:
            models["ngrams"] = NgramModel(vocabulary, tokenizer, self.ngrams())
        own = next(iter(models.values()))
        own.excluded_ids += tuple(
            vocabulary.encode(w for w in card.blocked_words if w in vocabulary)
        )
        if card.mixture is None:
            return own
        if card.base:
            models["base"] = english or load_english()
        return MixedModel(tokenizer, models, card.mixture.weights)


def _network_of(card: ModelCard) -> dict[str, tuple[tuple[int, ...], str]]:
    """The shapes and types of the tensors of the network."""
    tensors = dict[str, tuple[tuple[int, ...], str]]()
    for name, shape in shapes_of(card.config, card.total_words).items():
        if len(shape) == 2 and card.config.preset != "lesson":
            tensors |= {name: (shape, "int8"), name + SCALE: (shape[:1], "float32")}
        else:
            tensors[name] = (shape, "float32")
    return tensors


def parse_vocabulary(raw: bytes, special_tokens: Sequence[str]) -> Vocabulary:
    """The vocabulary in a tensor. Raises ModelError."""
    words = parse_json(raw, list[Word], f"its {VOCABULARY}")
    try:
        return Vocabulary(words, special_tokens)
    except ValueError as error:
        raise ModelError(f"its {VOCABULARY} is damaged: {error}") from error


def english_path() -> Path:
    """The file of the English that ships."""
    return built_in_models() / f"{ENGLISH}{SUFFIX}"


def load_english() -> LanguageModel:
    """The English that ships. Raises ModelError if it is not whole."""
    try:
        return load_model(english_path())[1]
    except ModelError as error:
        message = f"the {ENGLISH} that it is built on is not whole: {error.message}"
        raise ModelError(message, "install the program again") from error


@contextmanager
def open_stored(path: Path) -> Iterator[StoredModel]:
    """Opens a model's file, of which only the header is read. Raises ModelError."""
    with open_tensors(path) as file:
        card = (file.metadata() or {}).get(CARD)
        if card is None:
            raise ModelError("it is not a model of this program: its header has no card")
        yield StoredModel(file, parse_formatted(card.encode(), ModelCard, "its card"))


def read_card(path: Path) -> ModelCard:
    """The checked card of a model's file. Raises ModelError."""
    with open_stored(path) as stored:
        return stored.card


def load_model(path: Path, english: LanguageModel | None = None) -> tuple[ModelCard, LanguageModel]:
    """The card and the checked model in a file. `english` is the English if it is loaded already.
    Raises ModelError."""
    with open_stored(path) as stored:
        return stored.card, stored.load(english)


def text_tensors(
    vocabulary: Vocabulary, conventions: Conventions, lines: TrainedLines
) -> dict[str, NDArray[Any]]:
    """The tensors that every model has."""
    return {
        VOCABULARY: np.frombuffer(json.encode(vocabulary.words), np.uint8),
        CONVENTIONS: np.frombuffer(json.encode(conventions), np.uint8),
        KNOWN: lines.known,
        UNSEEN: lines.unseen,
    }


def write_model(
    path: Path,
    card: ModelCard,
    of_text: Arrays,
    network: Arrays | None = None,
    ngrams: Arrays | None = None,
) -> None:
    """Writes or replaces a model's file. `of_text` are the `text_tensors`, `network` the weights in
    float32. Raises StorageError."""
    weights = network or {}
    if card.config.preset != "lesson":
        weights = quantized(weights)
    tensors = dict(of_text)
    tensors |= {NETWORK + name: array for name, array in weights.items()}
    tensors |= {NGRAMS + name: array for name, array in (ngrams or {}).items()}
    write_stored(path, card, tensors)


def write_stored(path: Path, card: ModelCard, tensors: Arrays) -> None:
    """Writes or replaces a model's file, of tensors as they are stored. Raises StorageError."""
    write_tensors(path, tensors, {CARD: json.encode(card).decode()})


def change_card(path: Path, change: Callable[[ModelCard], ModelCard]) -> None:
    """Gives a saved model another card. The file keeps its time, which says when its weights were
    saved. The caller holds the model's lock. Raises ModelError and StorageError."""
    with open_stored(path) as stored:
        card, tensors = change(stored.card), stored.tensors()
        saved = path.stat()
    write_stored(path, card, tensors)
    os.utime(path, ns=(saved.st_atime_ns, saved.st_mtime_ns))
