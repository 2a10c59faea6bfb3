"""A training killed at any instant leaves whole models, and resumes as if nothing had happened.

The killed process cannot catch the signal or clean up: it gets SIGKILL.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from rnnlm_tui.store.library import Library
from rnnlm_tui.store.model_file import open_stored
from tests.helpers.commands import command_line
from tests.helpers.models import (
    contents,
    make_model,
    models_of,
    put_state,
    random_weights,
    small_card,
)

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no SIGKILL, which no process can answer"
)

NAME = "killed"
EPOCHS = 40
SETTINGS = (
    "--preset=lesson",
    *("--epochs", str(EPOCHS), "--batch-size", "4", "--threads", "1", "--device", "cpu"),
    *("--embedding-size", "4", "--bidirectional-size", "4", "--recurrent-size", "4"),
    *("--held-out", "0.2", "--learning-rate", "0.01"),
)
LIMIT_S = 60.0
KILLS = [(0, 1.0), (1, 0.02), (10, 0.05), (20, 0.05)]
"""For each kill, the most lines to read and the most seconds to wait after them. One line is the
start, before anything is saved; an epoch gives two."""


Events: TypeAlias = list[dict[str, Any]]


def start(library: Library, *arguments: str) -> subprocess.Popen[str]:
    """A training in a new process, which is killed if it hangs."""
    options = ("--name", NAME, "--json", "--data-dir", str(library.folder.parent))
    process = subprocess.Popen(
        command_line("--train", *arguments, *options),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )
    limit = threading.Timer(LIMIT_S, process.kill)
    limit.daemon = True
    limit.start()
    return process


def read(process: subprocess.Popen[str], most: int = sys.maxsize) -> Events:
    """The next events, fewer if the run ends. A line that the kill cut short is left out."""
    assert process.stdout is not None
    lines = islice(process.stdout, most)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def losses(events: Events) -> dict[int, tuple[Any, Any]]:
    """The figures of the epochs that have ended."""
    ended = (event for event in events if event["event"] == "epoch")
    return {event["epoch"]: (event["train"], event["held_out"]) for event in ended}


def finish(process: subprocess.Popen[str]) -> dict[int, tuple[Any, Any]]:
    """The figures of the epochs of a run until its end."""
    with process:
        events = read(process)
        assert process.wait(timeout=LIMIT_S) == 0
    assert (events[-1]["event"], events[-1]["reason"]) == ("finished", "completed")
    return losses(events)


def same_tensors(one: dict[str, NDArray[Any]], two: dict[str, NDArray[Any]]) -> bool:
    """Whether both hold the same numbers to the last digit."""
    return one.keys() == two.keys() and all(np.array_equal(one[name], two[name]) for name in one)


def tensors_in(path: Path) -> dict[str, NDArray[Any]]:
    """The tensors of a saved model."""
    with open_stored(path) as stored:
        return stored.tensors()


@pytest.mark.slow
def test_a_run_killed_again_and_again_ends_like_one_that_was_not(
    corpus_file: Path, tmp_path: Path
) -> None:
    straight, library = Library(tmp_path / "straight"), Library(tmp_path / "killed")
    expected = finish(start(straight, str(corpus_file), *SETTINGS))
    assert list(expected) == list(range(1, EPOCHS + 1))
    rng = random.Random(2024)
    resume = library.run_folder(NAME) / "resume.safetensors"
    by_epoch: dict[int, tuple[Any, Any]] = {}
    went_on_from = []
    for most_lines, most_seconds in KILLS:
        how = ["--resume"] if resume.exists() else [str(corpus_file), *SETTINGS]
        with start(library, *how) as process:
            events = read(process, rng.randint(min(1, most_lines), most_lines))
            threading.Event().wait(rng.uniform(0, most_seconds))
            process.kill()
            events += read(process)
        assert process.returncode == -signal.SIGKILL, "it ended before it was killed"
        for entry in library.entries():
            assert (entry.name, entry.damaged, entry.trained_by) == (NAME, None, None)
            if entry.has_model:
                library.open(entry.name)
        went_on_from += [e["epochs_done"] for e in events if e["event"] == "started"]
        for epoch, figures in losses(events).items():
            # An epoch that was not saved is trained again, and must come out the same.
            assert by_epoch.setdefault(epoch, figures) == figures
    assert went_on_from == sorted(went_on_from)
    assert went_on_from[-1] > 1, "no kill came after a save"
    by_epoch |= finish(start(library, "--resume"))
    assert dict(sorted(by_epoch.items())) == expected
    (one, _), (two, _) = straight.open(NAME), library.open(NAME)
    assert (two.history, two.metrics) == (one.history, one.metrics)
    assert same_tensors(tensors_in(straight.path(NAME)), tensors_in(library.path(NAME)))
    folder = library.run_folder(NAME)
    assert set(contents(folder)) == {"history.jsonl", "origin.json"}
    assert {path.name for path in library.folder.iterdir()} == {".locks", f"{NAME}.safetensors"}
    lines = (folder / "history.jsonl").read_text(encoding="utf-8").splitlines()
    kept = [json.loads(line) for line in lines]
    assert {event["epoch"] for event in kept if event["event"] == "epoch"} == set(expected)


DO_AND_DIE = """
import itertools, os, shutil, signal, sys
from pathlib import Path
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.run_state import Position
from rnnlm_tui.training.checkpoint import CheckpointWriter, Checkpoint
from tests.helpers.models import random_weights, small_card, tensors_of

os.fsync = lambda handle: None  # a kill, unlike a power cut, loses nothing that was written
base, what = Path(sys.argv[1]), sys.argv[2]


def save(library):
    card = small_card(2)
    of_text = {name: t for name, t in tensors_of(card).items() if "network" not in name}
    checkpoints = CheckpointWriter(
        library.path("saved"), library.run_folder("saved"), card.created, lambda: of_text
    )
    checkpoints.save_model(card, {"network": random_weights(card, 2)})
    checkpoints.save_figures(small_card(3))
    checkpoints.save_state(Checkpoint(card.config, {}, Position(epoch=3), {}))


acts = {
    "save": save,
    "delete": lambda library: library.delete("saved"),
    "import": lambda library: library.import_(base / "model", "new"),
}
for number in itertools.count(1):
    folder = base / str(number)
    shutil.copytree(base / "before", folder)
    child = os.fork()
    if child == 0:
        left = [number]

        def die(event, arguments):
            steps = ("open", "os.rename", "os.remove", "os.rmdir")
            if event in steps and str(folder) in str(arguments):
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(die)
        acts[what](Library(folder))
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if status == 0:
        break
    assert os.WTERMSIG(status) == signal.SIGKILL, status
print(number)
"""


def killed_at_each_step(folder: Path, what: str) -> list[Library]:
    """The libraries left by processes that were killed before each opening, renaming and removing
    of a file in turn. The last one came to its end."""
    before = Library(folder / "before")
    card = make_model(before.path("saved"), epoch=1, seed=1)
    put_state(before.run_folder("saved"), 2, 9)
    (before.run_folder("saved") / "history.jsonl").write_text("a private sample")
    make_model(folder / "model", epoch=7)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DO_AND_DIE, str(folder), what],
        capture_output=True,
        encoding="utf-8",
        timeout=LIMIT_S,
        check=False,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    steps = int(done.stdout)
    assert steps > 4, "the hook must see the steps for this test to mean something"
    assert card.epochs_done == 1
    return [Library(folder / str(number)) for number in range(1, steps + 1)]


def test_a_save_killed_before_any_of_its_steps_leaves_the_old_model_or_the_new(
    tmp_path: Path,
) -> None:
    epochs, done = [], []
    for library in killed_at_each_step(tmp_path, "save"):
        card, _ = library.open("saved")
        assert card.metrics is not None
        epochs.append(card.metrics["epoch"])
        done.append(card.epochs_done)
        with open_stored(library.path("saved")) as stored:
            weights = dict(stored.weights("network"))
        assert same_tensors(weights, random_weights(small_card(), seed=epochs[-1]))
        # The next save replaces what the killed one left.
        make_model(library.path("saved"), epoch=5)
        assert [name for name in contents(library.folder) if "locks" not in name] == [
            "saved.safetensors"
        ]
    assert (epochs, done) == (sorted(epochs), sorted(done))
    assert (set(epochs), set(done)) == ({1, 2}, {1, 2, 3})


def test_a_deletion_killed_before_any_of_its_steps_can_be_repeated(tmp_path: Path) -> None:
    *killed, last = killed_at_each_step(tmp_path, "delete")
    for library in killed:
        if library.has("saved"):
            library.delete("saved")
        assert models_of(library) == {}, "something was left that nobody sees"
    assert models_of(last) == {}


def test_an_import_killed_before_any_of_its_steps_adds_a_whole_model_or_none(
    tmp_path: Path,
) -> None:
    *killed, last = killed_at_each_step(tmp_path, "import")
    for library in killed:
        assert [entry.damaged for entry in library.entries()] == [None] * len(library.names())
        if not library.has("new"):
            library.import_(tmp_path / "model", "new")
        assert library.open("new")[0].epochs_done == 7
        assert not [name for name in models_of(library) if name.endswith(".tmp")]
    assert last.names() == ["new", "saved"]
