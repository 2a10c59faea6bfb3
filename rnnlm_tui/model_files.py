"""A model's folder: what stands in it, how it is checked, and how it is written.

    model.json              what the model is, and the name of its weights
    vocabulary.json         its words in the order of their ids
    weights-<n>.safetensors its weights, as they were saved the n-th time
    history.jsonl           the events of its training
    resume.safetensors      the state of its training

Every file is written to a temporary name, flushed and put in place, model.json last, which names
the weights and the vocabulary (vocabulary-<n>.json where a training replaces a model): a reader
sees the old model or the new one, never a mixture. Nothing in it is ever executed, and nothing is
believed before it is checked.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from rnnlm_tui.config import RunConfig
from rnnlm_tui.errors import ModelError, StorageError, UsageError, reason
from rnnlm_tui.events import json_safe
from rnnlm_tui.lm.families import FAMILIES
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.text.tokenizer import TOKENIZERS
from rnnlm_tui.text.vocabulary import Vocabulary

T = TypeVar("T")
FORMAT = 1
MODEL, HISTORY, RESUME = "model.json", "history.jsonl", "resume.safetensors"
WEIGHTS = re.compile(r"weights-\d{1,9}\.safetensors")
VOCABULARIES = re.compile(r"vocabulary(-\d{1,9})?\.json")
LARGEST_JSON = 64 << 20
LARGEST_HEADER = 1 << 20
"""A safetensors header names a few tensors; a larger one is hostile."""

MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""For each older format, the function that turns its model.json into the next format's."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What model.json says. `metrics` are those of the epoch whose weights are kept, `history` one
    entry an epoch; times are ISO 8601 in UTC."""

    config: RunConfig
    tokenizer: str
    total_words: int
    window: int
    parameters: int
    vocabulary: str
    weights: str
    corpus: dict[str, Any]
    metrics: dict[str, Any]
    epochs_done: int
    created: str
    updated: str
    versions: dict[str, str] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The contents of model.json."""
        return {"format": FORMAT, "preset": self.config.preset, **asdict(self)}


CARD_TYPES: Mapping[str, type] = {
    "tokenizer": str,
    "total_words": int,
    "window": int,
    "parameters": int,
    "vocabulary": str,
    "weights": str,
    "corpus": dict,
    "metrics": dict,
    "epochs_done": int,
    "created": str,
    "updated": str,
    "versions": dict,
    "history": list,
}


def parse_card(data: Any) -> ModelCard:
    """The card in the parsed contents of a model.json. Raises ModelError for anything else."""
    if not isinstance(data, dict) or type(data.get("format")) is not int:
        raise ModelError("model.json is not a model's card")
    version = data["format"]
    if version > FORMAT:
        raise ModelError(
            f"the model has format {version}, this program reads up to format {FORMAT}",
            "update the program",
        )
    while version < FORMAT:
        if version not in MIGRATIONS:
            raise ModelError(f"the model has format {version}, which never was")
        data = MIGRATIONS[version](data)
        version += 1
    for name, kind in CARD_TYPES.items():
        if type(data.get(name)) is not kind:
            raise ModelError(f"model.json: {name} is missing or of the wrong type")
    for name, allowed in (("weights", WEIGHTS), ("vocabulary", VOCABULARIES)):
        if not allowed.fullmatch(data[name]):
            raise ModelError(f"model.json: the name of the {name} is not allowed")
    if data["tokenizer"] not in TOKENIZERS:
        raise ModelError("model.json: an unknown tokenizer")
    if not 1 <= data["window"] <= 1024:
        raise ModelError("model.json: the window is out of range")
    try:
        config = RunConfig.from_json(data.get("config"))
    except UsageError as error:
        raise ModelError(f"model.json: {error.message}") from error
    return ModelCard(config=config, **{name: data[name] for name in CARD_TYPES})


def read_vocabulary(folder: Path, card: ModelCard) -> Vocabulary:
    """The words of the model in `folder`, checked. Raises ModelError."""
    data = read_json(folder / card.vocabulary)
    words = data.get("words") if isinstance(data, dict) else None
    if not isinstance(words, list) or not all(isinstance(word, str) and word for word in words):
        raise ModelError("vocabulary.json is not a list of words")
    if len(words) + 1 != card.total_words:
        raise ModelError(f"vocabulary.json holds {len(words)} words, not {card.total_words - 1}")
    try:
        "".join(words).encode()
        return Vocabulary(words)
    except (UnicodeEncodeError, ValueError) as error:
        raise ModelError(f"vocabulary.json: {error}") from error


def expected_shapes(card: ModelCard) -> dict[str, tuple[int, ...]]:
    """The weights that a model with this card has."""
    return FAMILIES[card.config.preset].shapes(card.config.model, card.total_words)


def largest_tensors(card: ModelCard) -> int:
    """The bytes that the weights of a model with this card can take, header included."""
    return 4 * sum(map(math.prod, expected_shapes(card).values())) + 8 + LARGEST_HEADER


def parse_json(raw: bytes, label: str) -> Any:
    """Parsed JSON, NaN and Infinity refused. Raises ModelError."""

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not allowed")

    try:
        return json.loads(raw.decode(), parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{label} is not valid JSON") from error


def read_json(path: Path) -> Any:
    """The parsed contents of a JSON file of a model. Raises ModelError."""
    try:
        if path.stat().st_size > LARGEST_JSON:
            raise ModelError(f"{path.name} is larger than {LARGEST_JSON >> 20} MiB")
        return parse_json(path.read_bytes(), path.name)
    except OSError as error:
        raise ModelError(f"cannot read {path.name}: {reason(error)}") from error


def read_card(folder: Path) -> ModelCard:
    """The card of the model in `folder`, checked. Raises ModelError."""
    return parse_card(read_json(folder / MODEL))


def check_tensors(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Checks the header of a safetensors file: just the tensors of `shapes`, all float32, and the
    file as long as it must be. Raises ModelError."""
    with _opened(path) as file:
        _check_header(file, path, shapes)


def read_tensors(
    path: Path, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, NDArray[np.float32]]:
    """The tensors of a safetensors file, checked as in `check_tensors`, and finite.

    Raises ModelError.
    """
    with _opened(path) as file:
        _check_header(file, path, shapes)
        tensors = {name: file.get_tensor(name) for name in shapes}
    for name, tensor in tensors.items():
        # A sum is finite only where every number is (or it overflows, which is as bad); it takes a
        # quarter of the time of isfinite().all() and no memory.
        with np.errstate(over="ignore", invalid="ignore"):
            if not math.isfinite(float(tensor.sum(dtype=np.float32))):
                raise ModelError(f"{path.name}: {name} holds numbers that are not finite")
    return tensors


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    check_header_size(path)
    try:
        with safe_open(path, framework="numpy") as file:
            yield file
    except OSError as error:
        raise ModelError(f"cannot read {path.name}: {reason(error)}") from error
    except SafetensorError as error:
        raise ModelError(f"{path.name} is damaged: {error}") from error


def _check_header(file: Any, path: Path, shapes: Mapping[str, tuple[int, ...]]) -> None:
    if set(file.keys()) != set(shapes):
        raise ModelError(f"{path.name} holds other tensors than the model has")
    for name, shape in shapes.items():
        piece = file.get_slice(name)
        if piece.get_dtype() != "F32" or tuple(piece.get_shape()) != shape:
            raise ModelError(f"{path.name}: {name} is not float32 of shape {shape}")


def check_header_size(path: Path) -> None:
    """Raises ModelError for a safetensors file that is cut short or has a huge header."""
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise ModelError(f"cannot read {path.name}: {reason(error)}") from error
    if len(start) < 8 or int.from_bytes(start, "little") > LARGEST_HEADER:
        raise ModelError(f"{path.name} is not a file of tensors")


def check_model(folder: Path) -> ModelCard:
    """The card of the model in `folder`, all but the numbers in its tensors checked.

    Raises ModelError.
    """

    def check(card: ModelCard) -> ModelCard:
        read_vocabulary(folder, card)
        check_tensors(folder / card.weights, expected_shapes(card))
        return card

    return _with_card(folder, check)


def load_model(folder: Path) -> tuple[ModelCard, LanguageModel]:
    """The model in `folder`, checked and ready to predict. Raises ModelError."""

    def load(card: ModelCard) -> tuple[ModelCard, LanguageModel]:
        vocabulary = read_vocabulary(folder, card)
        weights = read_tensors(folder / card.weights, expected_shapes(card))
        family, tokenizer = FAMILIES[card.config.preset], TOKENIZERS[card.tokenizer]
        return card, family.load(card.config.model, vocabulary, tokenizer, card.window, weights)

    return _with_card(folder, load)


def _with_card(folder: Path, use: Callable[[ModelCard], T]) -> T:
    """Calls `use` with the card, again where a training has put a new card in place meanwhile: the
    weights that the older one names may be gone by then."""
    card = read_card(folder)
    while True:
        try:
            return use(card)
        except ModelError:
            newer = read_card(folder)
            if newer == card:
                raise
            card = newer


def write_file(path: Path, write: Callable[[Path], None]) -> None:
    """Calls `write` with a temporary path beside `path`, flushes it to the disk, and puts it in
    place. Raises StorageError; what was at `path` stays whole then."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        _flush_folder(path.parent)
    except (OSError, SafetensorError) as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        why = reason(error) if isinstance(error, OSError) else str(error)
        raise StorageError(
            f"could not save {path}: {why}", "what was saved before is still there"
        ) from error


def _flush_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open a folder, and has no need to
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, data: Any) -> None:
    """Writes JSON in place of `path`. Raises StorageError."""
    text = json.dumps(json_safe(data), ensure_ascii=False, allow_nan=False, indent=1)
    write_file(path, lambda temporary: _write_bytes(temporary, text.encode()))


def _write_bytes(path: Path, raw: bytes) -> None:
    path.write_bytes(raw)


def write_tensors(path: Path, tensors: Mapping[str, NDArray[Any]]) -> None:
    """Writes a safetensors file in place of `path`. Raises StorageError."""
    contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    write_file(path, lambda temporary: save_file(contiguous, temporary))


def remove_leftovers(folder: Path, card: ModelCard) -> None:
    """Deletes what no longer belongs to the model: older weights and words, and temporary files of
    a run that was killed. The caller holds the model's lock."""
    with suppress(OSError):
        for path in folder.iterdir():
            versioned = WEIGHTS.fullmatch(path.name) or VOCABULARIES.fullmatch(path.name)
            old = versioned and path.name not in (card.weights, card.vocabulary)
            if old or (path.name.startswith(".") and path.name.endswith(".tmp")):
                path.unlink(missing_ok=True)
