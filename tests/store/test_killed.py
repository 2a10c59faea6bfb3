"""A training killed at any instant leaves whole models, and goes on as if nothing had happened.

Nothing here can be caught or tidied up by the process that is killed: it gets SIGKILL.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

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


class Run:
    """A training in a process of its own, its events read as they come."""

    def __init__(self, *arguments: str) -> None:
        self.events: list[dict[str, Any]] = []
        self._process = subprocess.Popen(
            command_line("--train", *arguments, "--name", NAME, "--json"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        # A run that hangs ends here, and the test with it.
        self._limit = threading.Timer(LIMIT_S, self._process.kill)
        self._limit.start()

    def read(self, most: int) -> None:
        """Takes in that many events, fewer where the run ends."""
        assert self._process.stdout is not None
        for _ in range(most):
            line = self._process.stdout.readline()
            if not line.endswith("\n"):  # the end, or a line cut short by the kill
                return
            self.events.append(json.loads(line))

    def kill(self) -> bool:
        """Kills the run; False where it has ended by itself before."""
        self._process.send_signal(signal.SIGKILL)
        return self.wait() == -signal.SIGKILL

    def wait(self) -> int:
        """Takes in what is left, and returns the exit code."""
        self.read(sys.maxsize)
        errors = self._process.communicate(timeout=LIMIT_S)[1]
        assert self._limit.is_alive(), "the run has taken too long"
        self._limit.cancel()
        self._limit.join()
        assert "Traceback" not in errors, errors
        return self._process.returncode

    def losses(self) -> dict[int, tuple[Any, Any]]:
        """The figures of the epochs that the run has ended."""
        return {
            event["epoch"]: (event["train"], event["held_out"])
            for event in self.events
            if event["event"] == "epoch"
        }


def finished(run: Run) -> Run:
    """The run, once it has come to its end."""
    assert run.wait() == 0
    assert run.events[-1]["event"] == "finished"
    assert run.events[-1]["reason"] == "completed"
    return run


def check_whole(library: Library) -> None:
    """Everything that is listed is whole, can be opened, and is held by nobody."""
    for entry in library.entries():
        assert (entry.name, entry.damaged, entry.trained_by) == (NAME, None, None)
        card, model = library.open(entry.name)
        assert model.next_word_probabilities([1]).sum() == pytest.approx(1, abs=1e-4)
        assert card.metrics["epoch"] <= card.epochs_done
    assert library.holder(NAME) is None


def same_tensors(one: dict[str, NDArray[np.float32]], two: dict[str, NDArray[np.float32]]) -> bool:
    """Whether both hold the same numbers to the last digit."""
    return one.keys() == two.keys() and all(np.array_equal(one[name], two[name]) for name in one)


@pytest.mark.slow
def test_a_run_killed_again_and_again_ends_like_one_that_never_was(
    corpus_file: Path, tmp_path: Path
) -> None:
    straight, library = Library(tmp_path / "straight"), Library(tmp_path / "killed")
    reference = Run(str(corpus_file), *SETTINGS, "--data-dir", str(tmp_path / "straight"))
    expected = finished(reference).losses()
    assert list(expected) == list(range(1, EPOCHS + 1))

    rng = random.Random(2024)
    resume = library.path(NAME) / "resume.safetensors"
    losses: dict[int, tuple[Any, Any]] = {}
    killed, went_on_from = 0, []

    def begun() -> Run:
        how = ["--resume"] if resume.exists() else [str(corpus_file), *SETTINGS]
        return Run(*how, "--data-dir", str(tmp_path / "killed"))

    for most_lines, most_seconds in KILLS:
        run = begun()
        run.read(rng.randint(min(1, most_lines), most_lines))
        threading.Event().wait(rng.uniform(0, most_seconds))
        killed += run.kill()
        check_whole(library)
        went_on_from += [e["epochs_done"] for e in run.events if e["event"] == "started"]
        for epoch, figures in run.losses().items():
            # An epoch that was not saved is trained again, and must come out the same.
            assert losses.setdefault(epoch, figures) == figures
    assert killed == len(KILLS), "the run is too short: it ended before it could be killed"
    assert went_on_from == sorted(went_on_from)
    assert went_on_from[-1] > 1, "no kill came after a save"
    last = finished(begun())
    losses |= last.losses()

    assert dict(sorted(losses.items())) == expected
    (one, _), (two, _) = straight.open(NAME), library.open(NAME)
    assert two.history == one.history
    assert two.metrics == one.metrics
    tensors = [
        read_weights(lib.path(NAME), card) for lib, card in ((straight, one), (library, two))
    ]
    assert same_tensors(*tensors)
    states: list[RunState] = [load_state(lib.path(NAME), NAME) for lib in (straight, library)]
    assert same_tensors(states[0].tensors, states[1].tensors)
    assert states[0].position.updates == states[1].position.updates

    names = set(contents(library.path(NAME)))
    assert names == {
        "evaluation.json",
        "history.jsonl",
        "model.json",
        "origin.json",
        "resume.safetensors",
        *two.files,
    }
    lines = (library.path(NAME) / "history.jsonl").read_text(encoding="utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    assert {e["epoch"] for e in events if e["event"] == "epoch"} == set(expected)


SAVE_AND_DIE = """
import itertools, os, shutil, signal, sys
from pathlib import Path
import numpy as np
from rnnlm_tui.store.trained_lines import TrainedLines, no_hashes
from rnnlm_tui.training.checkpoint import Checkpoints
from tests.helpers.models import WORDS, random_weights, small_card
from tests.training.test_checkpoint import state_of

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
        checkpoints.save_state(state_of(epoch=3))
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
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    steps = int(done.stdout)
    assert steps > 10, "the hook must see the steps of a save for this test to mean something"
    epochs = []
    for number in range(1, steps + 1):
        library = Library(tmp_path / str(number))
        card, model = library.open("saved")
        (entry,) = library.entries()
        assert entry.damaged is None
        epoch = card.metrics["epoch"]
        epochs.append(epoch)
        words = WORDS[::-1] if (kind, epoch) == ("fresh", 2) else WORDS
        assert model.vocabulary.words == words
        weights = read_weights(library.path("saved"), card)
        assert same_tensors(weights, random_weights(small_card(), seed=epoch))
        # The next save tidies up what the killed one left.
        make_model(library.path("saved"), epoch=5)
        left = set(contents(library.path("saved"))) - {"resume.safetensors"}
        assert len(left) == 3, left
    assert epochs == sorted(epochs)
    assert set(epochs) == {1, 2}
