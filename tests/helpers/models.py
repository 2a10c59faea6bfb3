"""Small models made by hand, changes of their files, and locks held by another process."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import settings
from safetensors import numpy

from rnnlm_tui.config import make_config
from rnnlm_tui.events import CorpusFacts, EpochFigures, Metrics
from rnnlm_tui.lm.layers import shapes_of
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.model_file import open_stored, text_tensors, write_model
from rnnlm_tui.store.run_files import Position, RunFacts, write_state
from rnnlm_tui.store.trained_lines import TrainedLines
from rnnlm_tui.text.line_hashes import hash_lines
from rnnlm_tui.text.tokenizer import Conventions
from rnnlm_tui.text.vocabulary import Vocabulary
from tests.helpers.networks import normal_weights

SAVED_MODELS = Path(__file__).parents[1] / "store" / "models"
WORDS = ("the", "cat", "sat", "on", "mat", "dog")
SAME_EXAMPLES = settings(deadline=None, max_examples=60, derandomize=True)


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
    shapes = shapes_of(card.config, card.total_words)
    write_model(path, card, of_text, normal_weights(shapes, seed=seed))
    return card


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of every file and folder below a folder, by path. A folder has b""."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
        for path in folder.rglob("*")
    }


def models_of(library: Library) -> dict[str, bytes]:
    """The bytes of all files of models and runs by path, without empty files and locks."""
    files = contents(library.data_dir)
    return {name: raw for name, raw in files.items() if ".locks" not in name and raw}


def put(folder: Path, files: dict[str, bytes]) -> None:
    """Writes these files, by name, into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, raw in files.items():
        (folder / name).write_bytes(raw)


def parsed_tensors(raw: bytes) -> tuple[dict[str, Any], bytes]:
    """Splits a safetensors file into its header and the bytes of its numbers."""
    length = int.from_bytes(raw[:8], "little")
    header: dict[str, Any] = json.loads(raw[8 : 8 + length])
    return header, raw[8 + length :]


def tensor_file(header: object, numbers: bytes) -> bytes:
    """A safetensors file with any header, valid or not."""
    encoded = json.dumps(header).encode()
    return struct.pack("<Q", len(encoded)) + encoded + numbers


def put_state(folder: Path, epoch: int, epochs: int, *, sources: Sequence[str] = ()) -> None:
    """Saves the state of a run of the lesson, without weights, in its folder. It learns the files
    `sources`."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = RunFacts(
        config=make_config("lesson", [{"epochs": epochs}]),
        created="2026-01-01",
        sources=[*sources],
        encoding=None,
        sha256="00",
        seed_line="the cat",
        window=4,
        position=Position(epoch=epoch),
    )
    write_state(folder, facts, {})


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
    """The file of the model that `put_saved_model` adds."""
    return (SAVED_MODELS / f"{preset}.safetensors").read_bytes()


def remade(preset: str, change: Callable[[Any, Any], object]) -> bytes:
    """The saved model of a preset, after `change` has changed its card and its tensors."""
    raw = saved_model(preset)
    card, tensors = json.loads(parsed_tensors(raw)[0]["__metadata__"]["card"]), numpy.load(raw)
    change(card, tensors)
    return numpy.save(tensors, metadata={"card": json.dumps(card)})


def renamed(preset: str, name: str) -> bytes:
    """The saved model of a preset, in which the tensor `name` has another name."""
    return remade(preset, lambda _, tensors: tensors.update({f"{name}x": tensors.pop(name)}))


def held_out_lines(library: Library, name: str, lines: Iterable[str]) -> tuple[str, ...]:
    """The lines that a model has held out, among the lines of its text."""
    lines = tuple(lines)
    with open_stored(library.path(name)) as stored:
        tokenizer = library.open(name).model.tokenizer
        return (*compress(lines, np.isin(hash_lines(lines, tokenizer), stored.lines().unseen)),)


def change_card_json(library: Library, name: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Changes the card of a model as JSON, also to an invalid one."""
    path = library.path(name)
    header, numbers = parsed_tensors(path.read_bytes())
    card = json.loads(header["__metadata__"]["card"])
    change(card)
    path.write_bytes(tensor_file(header | {"__metadata__": {"card": json.dumps(card)}}, numbers))
