"""Small models made by hand, hostile values for their files, and locks held elsewhere."""

from __future__ import annotations

import errno
import json
import os
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rnnlm_tui.cli import models
from rnnlm_tui.config import Config, make_config
from rnnlm_tui.errors import ModelError
from rnnlm_tui.event_types import CorpusFacts, EpochFigures, Metrics, json_text
from rnnlm_tui.lm.kinds import KINDS
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.store import files
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.model_file import open_stored, text_tensors, write_model
from rnnlm_tui.store.run_files import Position, RunFacts, write_state
from rnnlm_tui.store.trained_lines import TrainedLines
from rnnlm_tui.suggest import suggest
from rnnlm_tui.text.held_out import Mask
from rnnlm_tui.text.overlap import hash_lines
from rnnlm_tui.text.tokenizer import Conventions
from rnnlm_tui.text.vocabulary import Vocabulary
from tests.helpers.networks import normal_weights

SAVED_MODELS = Path(__file__).parents[1] / "store" / "models"
EVALUATION: dict[str, Any] = {
    "lines": 3, "words": 20, "predicted": 15, "loss": 4.5, "perplexity": None,
    "oov_share": 0.1, "top1": 0.15, "top5": 0.25, "characters": 120, "keys": 95,
    "keystroke_savings": 0.212, "savings_interval": [0.2, 0.22],
}  # fmt: skip
"""The metrics of a model on its held-out lines, as on its card."""
WORDS = ("the", "cat", "sat", "on", "mat", "dog")
CONTEXTS: tuple[list[int], ...] = ([], [1], [1, 2, 3, 4, 5, 6])
HOSTILE = settings(deadline=None, max_examples=60, derandomize=True)


def random_weights(card: ModelCard, seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """Weights that fit the card."""
    return normal_weights(
        KINDS[card.config.preset].shapes(card.config, card.total_words), seed=seed
    )


def make_model(path: Path, epoch: int = 1, seed: int = 0) -> ModelCard:
    """Saves a small model in this file and returns its card."""
    sizes = {"embedding_size": 3, "bidirectional_size": 2, "recurrent_size": 2}
    train = Metrics(loss=2.5, penalty=0.1, accuracy=0.25, perplexity=12.2)
    card = ModelCard(
        config=make_config("lesson", [sizes]),
        total_words=len(WORDS) + 1,
        window=4,
        corpus=CorpusFacts("verses", "00", lines=6, words=40),
        metrics=EpochFigures(epoch, train, held_out=None),
        epochs_done=epoch,
        created="2026-01-01",
        updated="2026-01-02",
        versions={"rnnlm_tui": "0"},
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    of_text = text_tensors(Vocabulary(WORDS), Conventions(), TrainedLines())
    write_model(path, card, of_text, random_weights(card, seed))
    return card


def fail_for(part: str, code: int = errno.ENOSPC) -> Callable[..., None]:
    """A `write_file` that writes the first bytes of a file whose name holds `part`, and fails."""
    real = files.write_file

    def write_file(path: Path, write: Callable[[Path], None]) -> None:
        def cut_short(temporary: Path) -> None:
            write(temporary)
            os.truncate(temporary, 5)
            raise OSError(code, os.strerror(code))

        real(path, cut_short if part in path.name else write)

    return write_file


@cache
def whole_model() -> bytes:
    """The file of a whole model."""
    with tempfile.TemporaryDirectory() as folder:
        make_model(Path(folder) / "model")
        return (Path(folder) / "model").read_bytes()


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of every file in a folder and below it, by path; a folder has none."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
        for path in folder.rglob("*")
    }


def models_of(library: Library) -> dict[str, bytes]:
    """All files of models and runs, but not the locks."""
    files = contents(library.data_dir)
    return {name: raw for name, raw in files.items() if ".locks" not in name and raw}


def put(folder: Path, files: dict[str, bytes]) -> None:
    """Writes these files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, raw in files.items():
        (folder / name).write_bytes(raw)


def probabilities(model: LanguageModel) -> list[list[float]]:
    """What the model predicts after a few contexts."""
    return [model.next_word_probabilities(context).tolist() for context in CONTEXTS]


@contextmanager
def library_with(raw: bytes) -> Iterator[Library]:
    """A library of a whole model, `good`, and one of these bytes, `victim`."""
    with tempfile.TemporaryDirectory() as folder:
        library = Library(Path(folder))
        put(library.folder, {"good.safetensors": whole_model(), "victim.safetensors": raw})
        yield library


def why_refused(library: Library) -> str | None:
    """Why the model `victim` cannot be used, or None if it works.

    Fails if it raises anything but ModelError, changes a file, or affects another model.
    """
    before = contents(library.folder)
    entries = {entry.name: entry for entry in library.entries()}
    assert entries["good"].damaged is None
    # A hostile card must not break the list.
    assert len(list(models.models_table([*entries.values()]))) >= 2
    for entry in entries.values():
        json_text(models.entry_json(entry))
    refused = None
    try:
        card, model = library.open("victim")
    except ModelError as error:
        refused = error.message
    else:
        assert entries["victim"].damaged is None
        for row in probabilities(model):
            assert len(row) == card.total_words
            assert sum(row) == pytest.approx(1, abs=1e-4)
        assert suggest(model, "the cat ").candidates
    library.open("good")
    after = {name: raw for name, raw in contents(library.folder).items() if ".locks" not in name}
    assert after == before
    return refused


def refusal(raw: bytes) -> str:
    """Why a model of these bytes is refused."""
    with library_with(raw) as library:
        refused = why_refused(library)
    assert refused is not None, "the model was taken as whole"
    return refused


def card_in(raw: bytes) -> dict[str, Any]:
    """The parsed card in the bytes of a model's file."""
    data: dict[str, Any] = json.loads(parsed_tensors(raw)[0]["__metadata__"]["card"])
    return data


def with_card(data: object, raw: bytes | None = None) -> bytes:
    """The bytes of a model's file, by default those of a whole one, with another card."""
    return with_card_text(json.dumps(data), raw)


def with_card_text(card: str, raw: bytes | None = None) -> bytes:
    """The same with any text in place of the card."""
    header, numbers = parsed_tensors(raw or whole_model())
    return tensor_file({**header, "__metadata__": {"card": card}}, numbers)


def with_tensors(change: Callable[[dict[str, Any]], object], raw: bytes | None = None) -> bytes:
    """The bytes of a model's file, by default those of a whole one, with changed tensors."""
    raw = raw or whole_model()
    tensors = safetensors.numpy.load(raw)
    change(tensors)
    card = json.dumps(card_in(raw))
    return safetensors.numpy.save(tensors, metadata={"card": card})


def parsed_tensors(raw: bytes) -> tuple[dict[str, Any], bytes]:
    """The header of a safetensors file, and the numbers."""
    length = int.from_bytes(raw[:8], "little")
    header: dict[str, Any] = json.loads(raw[8 : 8 + length])
    return header, raw[8 + length :]


def tensor_file(header: object, numbers: bytes) -> bytes:
    """A safetensors file of any header."""
    encoded = json.dumps(header).encode()
    return struct.pack("<Q", len(encoded)) + encoded + numbers


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**40), 10**40)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["../../x", "weights-2.safetensors", "lesson", 10**400, -0.0, "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=8,
)


def places(data: object) -> list[tuple[Any, Any]]:
    """Every place in parsed JSON, as its container and its key or index."""
    keys: list[Any] = []
    if isinstance(data, dict):
        keys = list(data)
    elif isinstance(data, list):
        keys = list(range(len(data)))
    held = [(data, key) for key in keys]
    return held + [place for key in keys for place in places(data[key])]  # type: ignore[index]


def put_state(folder: Path, epoch: int, epochs: int) -> None:
    """Saves the state of a run of the lesson, without weights, in its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    config = make_config("lesson", [{"epochs": epochs}])
    write_state(folder, facts_of(config, Position(epoch=epoch)), {})


def facts_of(config: Config, position: Position) -> RunFacts:
    """The facts of a run of the sonnets."""
    return RunFacts(
        config=config,
        created="2026-01-01",
        sources=[],
        encoding=None,
        sha256="00",
        seed_line="the cat",
        window=4,
        position=position,
    )


HOLDER = """
import sys
from pathlib import Path
from rnnlm_tui.store.library import Library
with Library(Path(sys.argv[1])).lock(sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_elsewhere(library: Library, name: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock of this name."""
    command = [sys.executable, "-c", HOLDER, str(library.folder.parent), name]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate(timeout=20)


def put_saved_model(library: Library, preset: str) -> None:
    """Adds the model that was trained with a preset, under the preset's name: a network of 4 units,
    trained on the first 40 lines of the sonnets, of which a tenth were held out."""
    put(library.folder, {f"{preset}.safetensors": saved_model(preset)})


def saved_model(preset: str) -> bytes:
    """The file of that model."""
    return (SAVED_MODELS / f"{preset}.safetensors").read_bytes()


def held_out_lines(library: Library, name: str, lines: Iterable[str]) -> tuple[str, ...]:
    """Those of the lines of a model's text that it has held out."""
    lines = tuple(lines)
    return (*compress(lines, held_out_mask_of(library, name, lines)),)


def held_out_mask_of(library: Library, name: str, lines: Iterable[str]) -> Mask:
    """Which of the lines of its text a model has held out."""
    with open_stored(library.path(name)) as stored:
        tokenizer = library.open(name)[1].tokenizer
        return stored.lines().held_out_of(hash_lines(lines, tokenizer))


def change_card(library: Library, name: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Changes what a model's card says."""
    path = library.path(name)
    data = card_in(path.read_bytes())
    change(data)
    path.write_bytes(with_card(data, path.read_bytes()))
