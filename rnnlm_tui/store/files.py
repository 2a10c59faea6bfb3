"""A model's folder: what stands in it, how it is checked, and how it is written.

    model.json              what the model is, and the name of its weights
    vocabulary.json         its words in the order of their ids
    weights-<n>.safetensors its weights, as they were saved the n-th time
    history.jsonl           the events of its training
    resume.safetensors      the state of its training
    evaluation.json         its figures on the lines that the training held out
    origin.json             the files that it was trained on, for this machine alone

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
import stat
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from rnnlm_tui.config import RunConfig
from rnnlm_tui.errors import ModelError, StorageError, UsageError, os_reason
from rnnlm_tui.events import json_safe
from rnnlm_tui.lm.family import DTYPES, ArraySpec
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.lm.registry import FAMILIES
from rnnlm_tui.text.tokenizer import TOKENIZERS
from rnnlm_tui.text.vocabulary import Vocabulary

T = TypeVar("T")
FORMAT = 2
WINDOWS_TRIES = 20
MODEL, HISTORY, RESUME = "model.json", "history.jsonl", "resume.safetensors"
EVALUATION, ORIGIN = "evaluation.json", "origin.json"
WEIGHTS = re.compile(r"weights-([0-9]{1,9})\.safetensors")
VOCABULARIES = re.compile(r"vocabulary(?:-([0-9]{1,9}))?\.json")
AS_ESCAPES = "backslashreplace"
"""How JSON is encoded: a path may hold bytes that are not UTF-8, which Python has as lone
surrogates; what this puts in their place is JSON's own escape for them."""
LARGEST_JSON = 64 << 20
LARGEST_HEADER = 1 << 20
"""A safetensors header names a few tensors; a larger one is hostile."""
DEEPEST_JSON = 32
"""What is nested more deeply would exhaust the stack of whoever copies or prints it."""
LARGEST_WEIGHT = 1e12
"""Beyond it the sums of products in a network overflow float32; a trained weight is below 100."""
HALVES = {"F32": "F16"}
"""The type that may stand for another in a file, to halve it: weights are rounded by 2^-11 of
themselves at most."""


def with_min_count(config: dict[str, Any]) -> dict[str, Any]:
    """A run's settings of format 1, which kept every word, in those of format 2."""
    return {**config, "train": {**config["train"], "min_count": 1}}


def _from_format_1(data: dict[str, Any]) -> dict[str, Any]:
    """Format 1 knew the lesson's network alone: no further sizes, no rarest words left out."""
    return {**data, "format": 2, "sizes": [], "config": with_min_count(data["config"])}


MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_format_1}
"""For each older format, the function that turns its model.json into the next format's."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What model.json says. `metrics` are those of the epoch whose weights are kept, `history` one
    entry an epoch; times are ISO 8601 in UTC. `sizes` are those of its family."""

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
    sizes: list[int] = field(default_factory=list)

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
    "sizes": list,
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
        try:
            data = MIGRATIONS[version](data)
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            raise ModelError(f"model.json is not a card of format {version}") from error
        version += 1
    for name, kind in CARD_TYPES.items():
        if type(data.get(name)) is not kind:
            raise ModelError(f"model.json: {name} is missing or of the wrong type")
    for name, allowed in (("weights", WEIGHTS), ("vocabulary", VOCABULARIES)):
        if not allowed.fullmatch(data[name]):
            raise ModelError(f"model.json: the name of the {name} is not allowed")
    if data["tokenizer"] not in TOKENIZERS:
        raise ModelError("model.json: an unknown tokenizer")
    _check_numbers(data)
    try:
        config = RunConfig.from_json(data.get("config"))
    except UsageError as error:
        raise ModelError(f"model.json: {error.message}") from error
    card = ModelCard(config=config, **{name: data[name] for name in CARD_TYPES})
    _check_sizes(card)
    return card


def _check_sizes(card: ModelCard) -> None:
    """Checks what the size of the weights follows from. Raises ModelError."""
    family, sizes = FAMILIES[card.config.preset], card.config.model
    if card.window < family.smallest_window:
        raise ModelError("model.json: window is out of range")
    if not all(type(size) is int for size in card.sizes):
        raise ModelError("model.json: sizes are not numbers")
    try:
        family.check_sizes(sizes, card.total_words, card.sizes)
    except ValueError as error:
        raise ModelError(f"model.json: {error}") from error
    if card.parameters != family.parameters(sizes, card.total_words, card.sizes):
        raise ModelError(f"model.json: the number of parameters is not that of its {family.name}")


def _check_numbers(data: dict[str, Any]) -> None:
    """Checks what is counted and measured on a card. Raises ModelError."""
    for name, low, high in (
        ("window", 0, 1024),
        ("total_words", 2, LARGEST_JSON),
        ("epochs_done", 0, LARGEST_JSON),
    ):
        if not low <= data[name] <= high:
            raise ModelError(f"model.json: {name} is out of range")
    measured = [*data["history"], *([data["metrics"]] if data["metrics"] else [])]
    if not all(map(is_epoch, measured)):
        raise ModelError("model.json: the figures of an epoch are missing or make no sense")


def is_epoch(figures: object) -> bool:
    """Whether these are the figures of an epoch: its number, its `train` and `held_out` parts."""
    if not isinstance(figures, dict) or type(figures.get("epoch")) is not int:
        return False
    train, held_out = figures.get("train"), figures.get("held_out")
    if not isinstance(train, dict) or not isinstance(held_out, dict | None):
        return False
    # A perplexity that is too large for a float is null in JSON.
    optional = [*train.values(), *(held_out or {}).values()]
    return (
        1 <= figures["epoch"] <= LARGEST_JSON
        and all(_is_number(train.get(name)) for name in ("loss", "accuracy"))
        and all(value is None or _is_number(value) for value in optional)
    )


def _is_number(value: object) -> bool:
    """Whether this is a number that a float can hold."""
    return type(value) in (int, float) and abs(value) <= sys.float_info.max  # type: ignore[arg-type]


def read_vocabulary(folder: Path, card: ModelCard) -> Vocabulary:
    """The words of the model in `folder`, checked. Raises ModelError."""
    data = read_json(folder / card.vocabulary)
    words = data.get("words") if isinstance(data, dict) else None
    special_tokens = FAMILIES[card.config.preset].special_tokens
    expected = card.total_words - 1 - len(special_tokens)
    if isinstance(words, list) and len(words) != expected:
        raise ModelError(f"{card.vocabulary} holds {len(words)} words, not {expected}")
    # Format 1 had none, and did not say so.
    if isinstance(data, dict) and data.get("specials", []) != [*special_tokens]:
        raise ModelError(f"{card.vocabulary} has other specials than the preset")
    try:
        return parse_words(words, special_tokens)
    except ModelError as error:
        raise ModelError(f"{card.vocabulary}: {error.message}") from error


def parse_words(words: object, special_tokens: Sequence[str] = ()) -> Vocabulary:
    """The vocabulary of the words in parsed JSON. Raises ModelError for what are no words."""
    if not isinstance(words, list) or not all(isinstance(word, str) and word for word in words):
        raise ModelError("it is not a list of words")
    try:
        "".join(words).encode()  # JSON can spell half a character, which nothing can print
        return Vocabulary(words, special_tokens)
    except UnicodeEncodeError as error:
        raise ModelError("a word is not valid Unicode") from error
    except ValueError as error:
        raise ModelError(str(error)) from error


def expected_arrays(card: ModelCard) -> dict[str, ArraySpec]:
    """The arrays of the weights file of a model with this card."""
    family = FAMILIES[card.config.preset]
    return family.arrays(card.config.model, card.total_words, card.sizes)


def largest_tensors(card: ModelCard) -> int:
    """The bytes that the weights of a model with this card can take, header included."""
    specs = expected_arrays(card).values()
    numbers = sum(DTYPES[spec.dtype].itemsize * math.prod(spec.shape) for spec in specs)
    return numbers + 8 + LARGEST_HEADER


def parse_json(raw: bytes, label: str) -> Any:
    """Parsed JSON; NaN, Infinity and deep nesting are refused. Raises ModelError."""

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not allowed")

    try:
        data = json.loads(raw.decode(), parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{label} is not valid JSON") from error
    level = [data]
    for _ in range(DEEPEST_JSON):
        level = [item for parent in level for item in _items(parent) if type(item) in (dict, list)]
        if not level:
            return data
    raise ModelError(f"{label} is nested too deeply")


def _items(parent: Any) -> Iterable[Any]:
    """What stands in a JSON value, one level down."""
    if isinstance(parent, dict):
        return parent.values()
    return parent if isinstance(parent, list) else ()


def read_json(path: Path) -> Any:
    """The parsed contents of a JSON file of a model. Raises ModelError."""
    try:
        if _file_size(path) > LARGEST_JSON:
            raise ModelError(f"{path.name} is larger than {LARGEST_JSON >> 20} MiB")
        return parse_json(path.read_bytes(), path.name)
    except OSError as error:
        raise ModelError(f"cannot read {path.name}: {os_reason(error)}") from error


def _file_size(path: Path) -> int:
    """The size of a file. Raises ModelError for what is no file: reading a pipe may never end."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ModelError(f"{path.name} is not a file")
    return status.st_size


def read_card(folder: Path) -> ModelCard:
    """The card of the model in `folder`, checked. Raises ModelError."""
    return parse_card(read_json(folder / MODEL))


def check_tensors(path: Path, specs: Mapping[str, ArraySpec]) -> None:
    """Checks the header of a safetensors file: just the arrays of `specs`, or those at half their
    precision, and the file as long as it must be. Raises ModelError."""
    with opened(path) as file:
        _check_header(file, path, specs)


def read_tensors(path: Path, specs: Mapping[str, ArraySpec]) -> dict[str, NDArray[Any]]:
    """The arrays of a safetensors file, checked as in `check_tensors`, and of usable numbers.

    Raises ModelError.
    """
    with opened(path) as file:
        _check_header(file, path, specs)
        tensors = {
            name: file.get_tensor(name).astype(DTYPES[spec.dtype], copy=False)
            for name, spec in specs.items()
        }
    for name, tensor in tensors.items():
        if tensor.dtype == np.float32 and not is_usable(tensor):
            raise ModelError(f"{path.name}: {name} holds numbers that are not finite or too large")
    return tensors


def read_weights(folder: Path, card: ModelCard) -> dict[str, NDArray[Any]]:
    """The weights of the model in `folder`, checked. Raises ModelError."""
    arrays = read_tensors(folder / card.weights, expected_arrays(card))
    try:
        FAMILIES[card.config.preset].check_arrays(card.config.model, arrays)
    except ValueError as error:
        raise ModelError(f"{card.weights}: {error}") from error
    return arrays


def is_usable(tensor: NDArray[np.float32]) -> bool:
    """Whether all numbers are finite and no larger than `LARGEST_WEIGHT`. Takes no memory, and less
    time than isfinite().all(); a NaN passes through min() and max() and fails both comparisons."""
    return tensor.size == 0 or bool(
        tensor.min() >= -LARGEST_WEIGHT and tensor.max() <= LARGEST_WEIGHT
    )


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A safetensors file. Raises ModelError for one that cannot be read."""
    check_header_size(path)
    try:
        with safe_open(path, framework="numpy") as file:
            yield file
    except OSError as error:
        raise ModelError(f"cannot read {path.name}: {os_reason(error)}") from error
    except SafetensorError as error:
        raise ModelError(f"{path.name} is damaged: {error}") from error


def _check_header(file: Any, path: Path, specs: Mapping[str, ArraySpec]) -> None:
    if set(file.keys()) != set(specs):
        raise ModelError(f"{path.name} holds other tensors than the model has")
    for name, (shape, dtype) in specs.items():
        piece = file.get_slice(name)
        if piece.get_dtype() not in (dtype, HALVES.get(dtype)) or tuple(piece.get_shape()) != shape:
            raise ModelError(f"{path.name}: {name} is not {DTYPES[dtype]} of shape {shape}")


def check_header_size(path: Path) -> None:
    """Raises ModelError for a safetensors file that is cut short or has a huge header."""
    try:
        _file_size(path)
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise ModelError(f"cannot read {path.name}: {os_reason(error)}") from error
    if len(start) < 8 or int.from_bytes(start, "little") > LARGEST_HEADER:
        raise ModelError(f"{path.name} is not a file of tensors")


def check_model(folder: Path) -> ModelCard:
    """The card of the model in `folder`, all but the numbers in its tensors checked.

    Raises ModelError.
    """

    def check(card: ModelCard) -> ModelCard:
        read_vocabulary(folder, card)
        check_tensors(folder / card.weights, expected_arrays(card))
        return card

    return with_card(folder, check)


def load_model(folder: Path) -> tuple[ModelCard, LanguageModel]:
    """The model in `folder`, checked and ready to predict. Raises ModelError."""

    def load(card: ModelCard) -> tuple[ModelCard, LanguageModel]:
        vocabulary = read_vocabulary(folder, card)
        weights = read_weights(folder, card)
        family, tokenizer = FAMILIES[card.config.preset], TOKENIZERS[card.tokenizer]
        return card, family.load(card.config.model, vocabulary, tokenizer, card.window, weights)

    return with_card(folder, load)


def with_card(folder: Path, use: Callable[[ModelCard], T]) -> T:
    """Calls `use` with the card, again where a training has put a new card in place meanwhile: the
    weights that the older one names may be gone by then, and `use` raises ModelError."""
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
    place. Raises StorageError; what was at `path` stays whole then. Whatever `write` raises, the
    temporary file is gone."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        _replace(temporary, path)
        _flush_folder(path.parent)
    except (OSError, SafetensorError) as error:
        why = os_reason(error) if isinstance(error, OSError) else str(error)
        hint = "what was saved before is still there"
        if isinstance(error, FileNotFoundError) and not path.parent.exists():
            hint = f"make the folder {path.parent} first"
        raise StorageError(f"could not save {path}: {why}", hint) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _replace(source: Path, target: Path) -> None:
    """Puts a file in place of another. On Windows that fails while somebody reads the other, as a
    listing does for an instant, so it is tried for a second."""
    tries = WINDOWS_TRIES if os.name == "nt" else 1
    for left in reversed(range(tries)):
        try:
            source.replace(target)
            return
        except PermissionError:
            if left == 0:
                raise
            time.sleep(1 / WINDOWS_TRIES)


def _flush_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open a folder, and has no need to
        return
    # Some file systems cannot flush a folder. The file is in place all the same.
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_json(path: Path, data: Any) -> None:
    """Writes JSON in place of `path`. Raises StorageError."""
    write_bytes(path, json_bytes(data))


def json_bytes(data: Any) -> bytes:
    """JSON as the files of a model have it."""
    text = json.dumps(json_safe(data), ensure_ascii=False, allow_nan=False, indent=1)
    return text.encode(errors=AS_ESCAPES)


def write_bytes(path: Path, raw: bytes) -> None:
    """Puts these bytes in place of `path`. Raises StorageError."""

    def write(temporary: Path) -> None:
        temporary.write_bytes(raw)

    write_file(path, write)


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
