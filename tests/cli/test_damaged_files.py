"""Damaged files of a model and of its run: every mode answers, or refuses with a sentence."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

import pytest

from rnnlm_tui.store.files import RUN as SOURCES
from tests.cli.conftest import TEXT, trained
from tests.helpers.commands import Command, refused
from tests.helpers.models import contents
from tests.helpers.training import stopped_after

GRU = ("--preset=gru", "--embedding-size=4", "--hidden-size=4", "--threads=1", "--batch-size=4")
MODEL, RUN = "models/gru.safetensors", "runs/gru"
FILES = (MODEL, *(f"{RUN}/{name}" for name in ("history.jsonl", SOURCES, "resume.safetensors")))
DAMAGES = ("bytes", "bytes", "cut", "cut", "unreadable")
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


def damage(random: Random, path: Path, kind: str) -> None:
    """Damages a file."""
    raw = path.read_bytes()
    match kind:
        case "unreadable":
            path.unlink()
            path.mkdir()
        case "bytes":
            place = random.randrange(len(raw))
            path.write_bytes(
                raw[:place] + random.randbytes(random.randint(1, 9)) + raw[place + 1 :]
            )
        case _:
            path.write_bytes(raw[: random.randrange(len(raw))])


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
