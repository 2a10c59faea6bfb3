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
from rnnlm_tui.store.weights import read_weights
from rnnlm_tui.training.checkpoint import RunState, load_state
from tests.helpers.commands import command_line
from tests.helpers.models import WORDS, contents, make_model, random_weights, small_card

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


def same_tensors(one: dict[str, NDArray[np.float32]], two: dict[str, NDArray[np.float32]]) -> bool:
    """Whether both hold the same numbers to the last digit."""
    return one.keys() == two.keys() and all(np.array_equal(one[name], two[name]) for name in one)


@pytest.mark.slow
def test_a_run_killed_again_and_again_ends_like_one_that_was_not(
    corpus_file: Path, tmp_path: Path
) -> None:
    straight, library = Library(tmp_path / "straight"), Library(tmp_path / "killed")
    expected = finish(start(straight, str(corpus_file), *SETTINGS))
    assert list(expected) == list(range(1, EPOCHS + 1))
    rng = random.Random(2024)
    resume = library.path(NAME) / "resume.safetensors"
    found: dict[int, tuple[Any, Any]] = {}
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
            assert found.setdefault(epoch, figures) == figures
    assert went_on_from == sorted(went_on_from)
    assert went_on_from[-1] > 1, "no kill came after a save"
    found |= finish(start(library, "--resume"))
    assert dict(sorted(found.items())) == expected
    (one, _), (two, _) = straight.open(NAME), library.open(NAME)
    assert (two.history, two.metrics) == (one.history, one.metrics)
    folders = straight.path(NAME), library.path(NAME)
    assert same_tensors(read_weights(folders[0], one), read_weights(folders[1], two))
    states: list[RunState] = [load_state(folder, NAME) for folder in folders]
    assert same_tensors(states[0].tensors, states[1].tensors)
    assert states[0].position.updates == states[1].position.updates
    more = {"evaluation.json", "history.jsonl", "model.json", "origin.json", "resume.safetensors"}
    assert set(contents(folders[1])) == {*more, *two.files}
    lines = (folders[1] / "history.jsonl").read_text(encoding="utf-8").splitlines()
    kept = [json.loads(line) for line in lines]
    assert {event["epoch"] for event in kept if event["event"] == "epoch"} == set(expected)


SAVE_AND_DIE = """
import itertools, os, shutil, signal, sys
from pathlib import Path
import numpy as np
from rnnlm_tui.store.run_state import Position
from rnnlm_tui.store.training_text import TrainedLines, no_hashes
from rnnlm_tui.training.checkpoint import Checkpoints, RunState
from tests.helpers.models import WORDS, random_weights, small_card

os.fsync = lambda handle: None  # a kill, unlike a power cut, loses nothing that was written
base, fresh = Path(sys.argv[1]), sys.argv[2] == "fresh"
for number in itertools.count(1):
    folder = base / str(number) / "models" / "saved"
    shutil.copytree(base / "before", folder)
    child = os.fork()
    if child == 0:
        left = [number]

        def die(event, arguments):
            if event in ("open", "os.rename", "os.remove") and str(folder) in str(arguments):
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(die)
        lines = TrainedLines(no_hashes(), np.zeros(0, np.int32))
        checkpoints, card = Checkpoints(folder, lambda: lines), small_card(2)
        checkpoints.fresh = fresh
        checkpoints.save_model(card, WORDS[::-1] if fresh else WORDS, random_weights(card, 2))
        checkpoints.save_state(RunState(card.config, {}, Position(epoch=3), {}))
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if status == 0:
        break
    assert os.WTERMSIG(status) == signal.SIGKILL, status
print(number)
"""


@pytest.mark.parametrize("kind", ["fresh", "going-on"])
def test_a_save_killed_before_any_of_its_steps_leaves_the_old_model_or_the_new(
    tmp_path: Path, kind: str
) -> None:
    """Killed before each opening, renaming and removing of a file in turn."""
    make_model(tmp_path / "before", epoch=1, seed=1)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SAVE_AND_DIE, str(tmp_path), kind],
        capture_output=True,
        encoding="utf-8",
        timeout=LIMIT_S,
        check=False,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    steps = int(done.stdout)
    assert steps > 10, "the hook must see the steps of a save for this test to mean something"
    epochs = []
    for number in range(1, steps + 1):
        library = Library(tmp_path / str(number))
        card, model = library.open("saved")
        epoch = card.metrics["epoch"]
        epochs.append(epoch)
        assert model.vocabulary.words == (WORDS[::-1] if (kind, epoch) == ("fresh", 2) else WORDS)
        weights = read_weights(library.path("saved"), card)
        assert same_tensors(weights, random_weights(small_card(), seed=epoch))
        # The next save tidies up what the killed one left.
        make_model(library.path("saved"), epoch=5)
        left = set(contents(library.path("saved"))) - {"resume.safetensors"}
        assert len(left) == 3, left
    assert epochs == sorted(epochs)
    assert set(epochs) == {1, 2}
