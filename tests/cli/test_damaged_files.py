"""Damaged files of a model and of its run: every mode answers, or refuses with a sentence."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from rnnlm_tui.store.files import RUN as SOURCES
from rnnlm_tui.store.model_file import CARD
from rnnlm_tui.store.run_files import FACTS
from tests.cli.conftest import TEXT, trained
from tests.helpers.commands import Command, refused
from tests.helpers.models import (
    card_in,
    contents,
    parsed_tensors,
    places,
    with_card,
    with_tensors,
)
from tests.helpers.training import stopped_after

GRU = ("--preset=gru", "--embedding-size=4", "--hidden-size=4", "--threads=1", "--batch-size=4")
MODEL, RUN = "models/gru.safetensors", "runs/gru"
FILES = (MODEL, *(f"{RUN}/{name}" for name in ("history.jsonl", SOURCES, "resume.safetensors")))
HOSTILE_VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 1e308, 10**40, float("nan"), [], {}, [[]], [None], {"a": 1}),
    *("", "x", "a\0b", "\ud800", "../..", "a" * 5000, "hex", "-", "/"),
)
DAMAGES = ("bytes", "cut", *["values"] * 6, "unreadable")
"""How each file is damaged."""
MODES: tuple[tuple[str, ...], ...] = (
    ("--models", "--json"),
    ("--generate", "the", "--words=3", "--model=gru"),
    ("--evaluate", "--model=gru"),
    ("--train", "--resume", "--name=gru", "--epochs=2", "--quiet"),
    ("--train", "--update=gru", "--epochs=1", "--quiet", "--add"),
)


@pytest.fixture(scope="session")
def gru_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the model `gru` and its run; its text is next to the folder. Do not change
    it."""
    corpus = tmp_path_factory.mktemp("gru") / "verses.txt"
    corpus.write_text(TEXT)
    with stopped_after(1):
        trained(corpus, *GRU, "--epochs=2", "--name=gru", "--held-out=0.2")
    return corpus.parent / "data"


@pytest.fixture
def gru(gru_data: Path, data_dir: Path, run: Command) -> Path:
    """This test's own data folder, with a copy of `gru` in it, with metrics."""
    shutil.copytree(gru_data, data_dir)
    run("--evaluate", "--model=gru")
    assert {name for name, raw in contents(data_dir).items() if raw and "locks" not in name} == {
        *FILES
    }
    return data_dir


def hostile(random: Random, data: Any) -> Any:
    """The parsed JSON with another value in one of its places, or without it."""
    holder, key = random.choice(places(data))
    if random.random() < 0.2:
        del holder[key]
    else:
        holder[key] = random.choice(HOSTILE_VALUES)
    return data


def hostile_tensors(random: Random, raw: bytes) -> bytes:
    """The safetensors file with another value in its card or in the facts of a run, or with a
    tensor of another shape, type or value."""
    if CARD in parsed_tensors(raw)[0].get("__metadata__", {}):
        if random.random() < 0.5:
            return with_card(hostile(random, card_in(raw)), raw)
        return with_tensors(lambda tensors: change_one(random, tensors), raw)
    tensors = load(raw)
    change_one(random, tensors)
    return save({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()})


def change_one(random: Random, tensors: dict[str, Any]) -> None:
    name = FACTS if FACTS in tensors and random.random() < 0.6 else random.choice(sorted(tensors))
    tensor = tensors[name]
    changes: tuple[Callable[[], Any], ...] = (
        lambda: tensor[None],
        lambda: tensor.ravel()[:-1],
        lambda: tensor.astype(random.choice([np.float64, np.int32, np.uint8, np.uint64])),
        lambda: np.full_like(tensor, np.nan if tensor.dtype.kind == "f" else 200),
    )
    if name == FACTS:
        facts = hostile(random, json.loads(tensor.tobytes()))
        tensors[name] = np.frombuffer(json.dumps(facts).encode(), np.uint8)
    else:
        tensors[name] = np.ascontiguousarray(random.choice(changes)())


def with_other_bytes(random: Random, raw: bytes) -> bytes:
    place = random.randrange(len(raw))
    return raw[:place] + random.randbytes(random.randint(1, 9)) + raw[place + 1 :]


def with_other_values(random: Random, name: str, raw: bytes) -> bytes:
    if name.endswith(".safetensors"):
        return hostile_tensors(random, raw)
    lines = raw.splitlines() if name.endswith(".jsonl") else [raw]
    number = random.randrange(len(lines))
    lines[number] = json.dumps(hostile(random, json.loads(lines[number]))).encode()
    return b"\n".join(lines)


def damage(random: Random, path: Path, kind: str) -> None:
    """Damages a file."""
    raw = path.read_bytes()
    match kind:
        case "unreadable":
            path.unlink()
            path.mkdir()
        case "bytes":
            path.write_bytes(with_other_bytes(random, raw))
        case "cut":
            path.write_bytes(raw[: random.randrange(len(raw))])
        case _:
            path.write_bytes(with_other_values(random, path.name, raw))


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_never_more_than_a_sentence(
    run: Command, gru: Path, tmp_path: Path, name: str
) -> None:
    added = tmp_path / "added.txt"
    added.write_text("a bird sat in the hay\nthe new dog sang a song\n" * 3)
    whole = tmp_path / "whole"
    gru.rename(whole)
    random = Random(name)
    for kind in DAMAGES:
        shutil.copytree(whole, gru)
        damage(random, gru / name, kind)
        for mode in MODES:
            more = (str(added),) if mode[-1] == "--add" else ()
            done = run(*mode, *more, code=None)
            assert done.returncode in (0, 1, 2, 3), done.stderr
            assert "cannot write" not in done.stderr
            if done.returncode:
                refused(done)
        shutil.rmtree(gru)


def test_a_model_that_cannot_be_looked_at_ends_no_others_answers(
    run: Command, gru: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = Path.stat

    def forbid(path: Path, **options: bool) -> os.stat_result:
        if path.name == "locked.safetensors":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return look(path, **options)

    shutil.copyfile(gru / MODEL, gru / MODEL.replace("gru", "locked"))
    monkeypatch.setattr(Path, "stat", forbid)
    asked = [json.dumps({"text": "the ", "model": name}) for name in ("locked", "gru")]
    done = run("--suggest", "--json", "--model=gru", stdin="\n".join(asked))
    assert [json.loads(line)["model"] for line in done.stdout.splitlines()] == ["locked", "gru"]
