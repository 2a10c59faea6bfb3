"""A model's file: tensors, with its card in the header.

    vocabulary        the words in order of their ids, as a JSON list
    conventions       how its text is written, as a JSON object
    lines.known       hashes of the lines that the model and its ancestors were trained on
    lines.held_out    the held-out lines of its text
    lines.unseen      hashes of these
    network.*         the weights of the network, in 8 bits but for the lesson's
    ngrams.*          the tables of the n-grams, in 8 bits
    base.*            all tensors of the model that it is built on, if that is one of the user's own

Nothing is executed, and nothing is used before it is checked. The file is open only while it is
read, since Windows cannot replace an open file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from rnnlm_tui.errors import ModelError
from rnnlm_tui.lm.mixture import ComponentName, MixedModel
from rnnlm_tui.lm.model import DTYPES, Arrays, ArraySpec, LanguageModel
from rnnlm_tui.lm.registry import ARCHITECTURES
from rnnlm_tui.paths import built_in_models
from rnnlm_tui.store.card import ENGLISH, Base, ModelCard, parse_card
from rnnlm_tui.store.files import AS_ESCAPES, SUFFIX, convert_json, parse_json
from rnnlm_tui.store.tensors import is_usable, open_tensors, specs_of, write_tensors
from rnnlm_tui.store.trained_lines import TrainedLines
from rnnlm_tui.text.overlap import Hashes, no_hashes
from rnnlm_tui.text.tokenizer import Conventions
from rnnlm_tui.text.tokenizers import make_tokenizer
from rnnlm_tui.text.vocabulary import LARGEST_VOCABULARY, Vocabulary

CARD = "card"
"""The entry of the header's metadata with the card."""
VOCABULARY, CONVENTIONS, BASE = "vocabulary", "conventions", "base."
LINES = ("lines.known", "lines.held_out", "lines.unseen")
"""The tensors of `TrainedLines`, in the order of its fields."""
OF_TEXT = {
    VOCABULARY: "U8",
    CONVENTIONS: "U8",
    **dict(zip(LINES, ("U64", "I32", "U64"), strict=True)),
}
"""The tensors of every model, with their types. Each has one dimension."""
Word: TypeAlias = Annotated[str, Meta(min_length=1)]


class StoredModel:
    """An open model file, or the base model within one. The card and the header are checked. All
    methods raise ModelError."""

    def __init__(
        self, file: Any, card: ModelCard, specs: Mapping[str, ArraySpec], prefix: str = ""
    ) -> None:
        """`specs` are those of the tensors whose names begin with `prefix`, by the rest of their
        names."""
        self.card, self._specs = card, specs
        self._file, self._prefix = file, prefix
        self.base: StoredModel | None = None
        """The base model within the file."""
        if card.base is not None:
            of_base = {n.removeprefix(BASE): s for n, s in specs.items() if n.startswith(BASE)}
            self.base = StoredModel(file, card.base, of_base, prefix + BASE)
        self._check()

    def _check(self) -> None:
        expected = dict[str, ArraySpec]()
        for name, kind in OF_TEXT.items():
            length = self._specs[name].shape[:1] if name in self._specs else ()
            expected[name] = ArraySpec(length or (0,), kind)
            if kind == "U8" and sum(length) > LARGEST_VOCABULARY:
                raise ModelError(f"{name} is larger than {LARGEST_VOCABULARY >> 20} MiB")
        for part, architecture in self.card.parts.items():
            specs = architecture.compact_arrays()
            expected |= {f"{part}.{name}": spec for name, spec in specs.items()}
        if self.base is not None:  # which has been checked
            expected |= {f"{BASE}{name}": spec for name, spec in self.base._specs.items()}
        if self._specs.keys() != expected.keys():
            raise ModelError("it holds other tensors than the model has")
        for name, (shape, kind) in expected.items():
            if self._specs[name] != (shape, kind):
                raise ModelError(f"{name} is not {DTYPES[kind]} of shape {shape}")

    def _tensor(self, name: str) -> NDArray[Any]:
        tensor: NDArray[Any] = self._file.get_tensor(self._prefix + name)
        return tensor

    def tensors(self) -> dict[str, NDArray[Any]]:
        return {name: self._tensor(name) for name in self._specs}

    def vocabulary(self) -> Vocabulary:
        raw, label = self._tensor(VOCABULARY).tobytes(), f"its {VOCABULARY}"
        try:
            words = msgspec.json.decode(raw, type=list[Word])  # 30,000 words: 2 ms instead of 5
        except (msgspec.MsgspecError, RecursionError, ValueError):
            words = convert_json(parse_json(raw, label), list[Word], label)
        if len(words) != self.card.words_known:
            raise ModelError(f"{label} has {len(words)} words, not {self.card.words_known}")
        try:
            return checked_vocabulary(words, ARCHITECTURES[self.card.config.preset].special_tokens)
        except ValueError as error:
            raise ModelError(f"{label}: {error}") from error

    def conventions(self) -> Conventions:
        label = f"its {CONVENTIONS}"
        return convert_json(
            parse_json(self._tensor(CONVENTIONS).tobytes(), label), Conventions, label
        )

    def lines(self) -> TrainedLines:
        """The lines that the model was trained on, apart from those of its base."""
        arrays = [self._tensor(name) for name in LINES]
        for name, array in zip(LINES, arrays, strict=True):
            if (array[1:] <= array[:-1]).any() or (array[:1] < 0).any():
                raise ModelError(f"{name} is damaged: its numbers do not rise")
        return TrainedLines(*arrays)

    def lines_seen(self) -> Hashes:
        """The sorted hashes of the lines that the model and its base were trained on."""
        own, base = self.lines().trained_hashes, no_hashes()
        if self.base is not None:
            base = self.base.lines_seen()
        elif self.card.base_named and (path := installed_english()):
            with suppress(ModelError), open_stored(path) as english:
                base = english.lines().trained_hashes
        return np.union1d(own, base)

    def weights(self, part: ComponentName) -> Arrays:
        """The checked arrays of a part, ready for its architecture's `load`."""
        architecture = self.card.parts[part]
        names = architecture.compact_arrays()
        try:
            arrays = architecture.from_compact({n: self._tensor(f"{part}.{n}") for n in names})
            for name, array in arrays.items():
                if array.dtype == np.float32 and not is_usable(array):
                    raise ValueError(f"{name} holds numbers that are not finite or too large")
            architecture.check_arrays(arrays)
        except ValueError as error:
            raise ModelError(f"{part}: {error}") from error
        return arrays

    def load(self, base: LanguageModel | None = None) -> LanguageModel:
        """The model, ready to predict. `base` is its base model if that is loaded already."""
        card, vocabulary = self.card, self.vocabulary()
        tokenizer = make_tokenizer(card.tokenizer, self.conventions(), vocabulary)
        models: dict[ComponentName, LanguageModel] = {
            name: part.load(vocabulary, tokenizer, self.weights(name))
            for name, part in card.parts.items()
        }
        own = next(iter(models.values()))
        own.excluded_ids += tuple(
            vocabulary.encode(filter(vocabulary.__contains__, card.blocked_words))
        )
        if card.mixture is None:
            return own
        base = base or self._load_base()
        if base and base.tokenizer.name == tokenizer.name and base.vocabulary.special_tokens:
            models["base"] = base
        return MixedModel(tokenizer, models, card.mixture["weights"])

    def _load_base(self) -> LanguageModel | None:
        """The base model; None if there is none, or if it ships and is not installed."""
        if self.base is not None:
            return self.base.load()
        if self.card.base_named and (path := installed_english()):
            with suppress(ModelError), open_stored(path) as english:
                return None if english.card.base_named else english.load()
        return None


def checked_vocabulary(words: Sequence[str], special_tokens: Sequence[str]) -> Vocabulary:
    """The vocabulary of words from a file. Raises ValueError if a word occurs twice or is not valid
    Unicode: JSON can spell a lone surrogate, which cannot be printed."""
    try:
        "".join(words).encode()
    except UnicodeEncodeError as error:
        raise ValueError("a word is not valid Unicode") from error
    return Vocabulary(words, special_tokens)


def installed_english() -> Path | None:
    """The file of the English that ships; None if it is not installed."""
    path = built_in_models() / f"{ENGLISH}{SUFFIX}"
    return path if os.path.lexists(path) else None


@contextmanager
def open_stored(path: Path, label: str = "") -> Iterator[StoredModel]:
    """Opens a model's file, of which only the header is read and checked. `label` names it in
    errors, by default its own name. Raises ModelError."""
    with open_tensors(path, label) as file:
        card = (file.metadata() or {}).get(CARD)
        if card is None:
            raise ModelError("it is not a model of this program: its header has no card")
        yield StoredModel(file, parse_card(card.encode()), specs_of(file))


def read_card(path: Path) -> ModelCard:
    """The checked card of a model's file. Raises ModelError."""
    with open_stored(path) as stored:
        return stored.card


def load_model(path: Path, base: LanguageModel | None = None) -> tuple[ModelCard, LanguageModel]:
    """The card and the checked model in a file. `base` is its base model if that is loaded already.
    Raises ModelError."""
    with open_stored(path) as stored:
        return stored.card, stored.load(base)


def check_model(path: Path, label: str) -> None:
    """Checks all of a model's file, which `label` names in errors. Raises ModelError."""
    with open_stored(path, label) as stored:
        stored.load()
        part: StoredModel | None = stored
        while part is not None:
            part.lines()
            part = part.base


def missing_base(card: ModelCard, model: LanguageModel) -> str | None:
    """A sentence saying that the model was opened without its base model; None if it was not."""
    base = card.base_named
    if not base or (isinstance(model, MixedModel) and "base" in model.models):
        return None
    return f"its base {base['name']} is not installed: it predicts without it"


def text_tensors(
    words: Sequence[str], conventions: Conventions, lines: TrainedLines
) -> dict[str, NDArray[Any]]:
    """The tensors that every model has."""
    return {
        VOCABULARY: _bytes_of(words),
        CONVENTIONS: _bytes_of(msgspec.to_builtins(conventions)),
        **dict(zip(LINES, astuple(lines), strict=True)),
    }


def _bytes_of(data: object) -> NDArray[np.uint8]:
    raw = json.dumps(data, ensure_ascii=False).encode(errors=AS_ESCAPES)
    return np.frombuffer(raw, np.uint8)


def write_model(path: Path, card: ModelCard, tensors: Mapping[str, NDArray[Any]]) -> None:
    """Writes or replaces a model's file. Raises StorageError."""
    write_tensors(path, tensors, {CARD: card.to_json()})


def change_card(path: Path, change: Callable[[ModelCard], ModelCard]) -> None:
    """Gives a saved model another card. The file keeps its time, which says when its weights were
    saved. The caller holds the model's lock. Raises ModelError and StorageError."""
    with open_stored(path) as stored:
        card, tensors = change(stored.card), stored.tensors()
        saved = path.stat()
    write_model(path, card, tensors)
    with suppress(OSError):
        os.utime(path, ns=(saved.st_atime_ns, saved.st_mtime_ns))


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A model that another one is built on. `card` and `tensors` go into the file of that one; the
    English that ships has none, since it is only named."""

    named: Base
    model: LanguageModel
    card: ModelCard | None = None
    tensors: Mapping[str, NDArray[Any]] = field(default_factory=dict)


def base_model(path: Path, name: str) -> BaseModel:
    """The model `name` in a file, to build another one on it. Raises ModelError."""
    with open_stored(path) as stored:
        return _base_of(stored, {"name": name, "created": stored.card.created}, path)


def own_base(path: Path) -> BaseModel | None:
    """The base of the model in a file; None if it has none, or if that is not installed. Raises
    ModelError."""
    with open_stored(path) as stored:
        if (named := stored.card.base_named) is None:
            return None
        if stored.base is not None:
            return _base_of(stored.base, named)
    english = installed_english()
    return base_model(english, ENGLISH) if english else None


def _base_of(stored: StoredModel, named: Base, path: Path | None = None) -> BaseModel:
    model = stored.load()
    if path is not None and path == installed_english():
        return BaseModel(named, model)
    tensors = {f"{BASE}{name}": tensor for name, tensor in stored.tensors().items()}
    return BaseModel(named, model, stored.card, tensors)
