"""A training killed at any instant leaves whole models, and resumes as if nothing had happened.

The killed process cannot catch the signal or clean up: it gets SIGKILL.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from rnnlm_tui.store.files import HISTORY, RESUME, RUN_JSON
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.model_file import open_stored
from rnnlm_tui.store.run_files import read_facts
from tests.helpers.commands import command_line, printed
from tests.helpers.models import contents, models_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform == "win32", reason="Windows has no SIGKILL, which no process can answer"
    ),
]

NAME, LIMIT_S = "killed", 180.0
SETTINGS = (
    *("--preset=lesson", "--epochs=16", "--batch-size=4", "--threads=1", "--device=cpu"),
    *("--embedding-size=4", "--bidirectional-size=4", "--recurrent-size=4"),
    *("--held-out=0.2", "--learning-rate=0.01"),
)
KILLS = [(0, 0.5), (1, 0.01), (7, 0.03), (12, 0.04)]
"""For each kill, the lines to read and the seconds to wait after them. One line is the start,
before anything is saved; an epoch gives two."""
Events: TypeAlias = list[dict[str, Any]]


def trained(
    library: Library, *arguments: str, lines: int | None = None, seconds: float = 0
) -> Events:
    """The events of a training in a new process, which is killed so many seconds after so many
    lines, if any are given."""
    options = ("--name", NAME, "--json", "--data-dir", str(library.data_dir))
    command = command_line("--train", *arguments, *options)
    return [json.loads(line) for line in printed(command, lines, seconds)]


def figures(events: Events) -> dict[int, tuple[Any, Any]]:
    """The figures of the epochs that have ended."""
    return {e["epoch"]: (e["train"], e["held_out"]) for e in events if e["event"] == "epoch"}


@pytest.mark.slow
def test_a_run_killed_again_and_again_ends_like_one_that_was_not(
    corpus_file: Path, tmp_path: Path
) -> None:
    straight, library = Library(tmp_path / "straight"), Library(tmp_path / "killed")
    expected = figures(trained(straight, str(corpus_file), *SETTINGS))
    epochs, epochs_done = set[int](), 0
    for lines, seconds in (*KILLS, (None, 0)):
        how = ["--resume"] if library.runs.can_resume(NAME) else [str(corpus_file), *SETTINGS]
        events = trained(library, *how, lines=lines, seconds=seconds)
        for entry in library.entries():
            assert (entry.name, entry.damaged, entry.trained_by) == (NAME, None, None)
            if entry.has_model:
                library.open(entry.name)
        before, epochs_done = epochs_done, max([0, *(e.get("epochs_done", 0) for e in events)])
        assert before <= epochs_done or not events
        for epoch, found in figures(events).items():
            assert found == expected[epoch]
            epochs.add(epoch)
    assert epochs_done > 1, "no kill came after a save"
    assert epochs == expected.keys()
    weights = list[list[Any]]()
    for each in (straight, library):
        with open_stored(each.path(NAME)) as stored:
            weights.append([weight.tolist() for weight in stored.network().values()])
    assert weights[0] == weights[1]
    assert set(contents(library.runs.folder(NAME))) == {HISTORY, RUN_JSON}
    assert {path.name for path in library.folder.iterdir()} == {".locks", f"{NAME}.safetensors"}
    kept = (library.runs.folder(NAME) / HISTORY).read_text(encoding="utf-8").splitlines()
    assert figures([json.loads(line) for line in kept]).keys() == expected.keys()


ACTS = """
import itertools, json, os, shutil, signal, sys
from pathlib import Path
import numpy as np
from dataclasses import replace
from msgspec import structs
from rnnlm_tui.events import EpochFigures, Metrics
from rnnlm_tui.lm.layers import shapes_of
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.run_files import Position
from rnnlm_tui.training import saving
from tests.helpers.training import small_job

os.fsync = lambda handle: None  # a kill, unlike a power cut, loses nothing that was written
base = Path(sys.argv[1])
job = small_job("lesson", base / "job")
shapes = shapes_of(job.config, job.prepared.vocabulary.total_words)


def save(library, epoch=2, update=False):
    library.runs.folder("saved").mkdir(parents=True, exist_ok=True)
    position = Position(epoch=epoch + 1)
    facts = structs.replace(job.facts, position=position, is_update=update)
    saved = replace(job, name="saved", library=library, facts=facts)
    weights = {name: np.full(shape, epoch, np.float32) for name, shape in shapes.items()}
    saving.save_model(saved, EpochFigures(epoch, Metrics(), None), {"network": weights}, None)
    saving.save_state(saved, weights, "")
    if epoch > 1:
        saving.save_evaluation(saved, None)
    if update:
        saving.replace_model(saved)
        saving.clean_up(saved)


acts = {
    "save": save,
    "update": lambda library: save(library, update=True),
    "delete": lambda library: library.delete("saved"),
    "import": lambda library: library.import_(base / "model", "new"),
    "export": lambda library: library.export("saved", library.data_dir / "copy", replace=True),
    "rename": lambda library: library.rename("saved", "new"),
}
save(Library(base / "before"), 1)
shutil.copy(Library(base / "before").path("saved"), base / "model")
(base / "before" / "copy").write_text("of another program")
steps = {}
for act, run in acts.items():
    for number in itertools.count(1):
        folder = base / act / str(number)
        shutil.copytree(base / "before", folder)
        child = os.fork()
        if child == 0:
            left = iter(range(number - 1))

            def die(event, arguments):
                kinds = ("open", "os.rename", "os.remove", "os.rmdir")
                if event in kinds and str(folder) in str(arguments) and next(left, None) is None:
                    os.kill(os.getpid(), signal.SIGKILL)

            sys.addaudithook(die)
            run(Library(folder))
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        if status == 0:
            steps[act] = number
            break
        assert os.WTERMSIG(status) == signal.SIGKILL, status
print(json.dumps(steps))
"""


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Library]]:
    """For each act, the libraries left by processes that were killed before each opening, renaming
    and removing of a file in turn. The last process came to its end."""
    folder = tmp_path_factory.mktemp("acts")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ACTS, str(folder)],
        capture_output=True,
        encoding="utf-8",
        timeout=LIMIT_S,
        check=False,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    steps: dict[str, int] = json.loads(done.stdout)
    return {act: [Library(folder / act / str(1 + n)) for n in range(steps[act])] for act in steps}


def again(library: Library, act: str) -> None:
    """Does what was interrupted, unless all of it was done."""
    if act in ("save", "update", "delete"):
        library.delete("saved")
    elif act == "export":
        library.export("saved", library.data_dir / "copy", replace=True)
    elif act == "import" and not library.has("new"):
        library.import_(library.path("saved"), "new")
    elif act == "rename" and library.has("saved"):
        if library.has("new"):  # the run is renamed before its model, and takes the name
            library.delete("new")
        library.rename("saved", "new")


@pytest.mark.parametrize(
    ("act", "epochs", "left"),
    [
        ("save", {1, 2}, []),
        ("update", {1, 2}, []),
        ("delete", {1}, []),
        ("import", {1}, ["new", "saved"]),
        ("export", {1}, ["saved"]),
        ("rename", {1}, ["new"]),
    ],
)
def test_a_kill_leaves_whole_models_and_what_it_interrupts_can_be_done_again(
    act: str, epochs: set[int], left: list[str], killed: dict[str, list[Library]]
) -> None:
    """All weights of a model are the number of its epoch: it is the old one or the new one."""
    assert len(killed[act]) > 4, "the hook must see the steps for this test to mean something"
    found = list[int]()
    for library in killed[act]:
        for name in library.names():
            card = library.open(name).card
            assert card.metrics is not None
            with open_stored(library.path(name)) as stored:
                weights = {number for w in stored.network().values() for number in w.flat}
            assert weights == {card.metrics.epoch}
            found.append(card.metrics.epoch)
        model = library.data_dir.parents[1] / "model"
        copy = (library.data_dir / "copy").read_bytes()
        assert copy in (b"of another program", model.read_bytes())
        if act in ("save", "update") and library.runs.all():
            assert read_facts(library.runs.folder("saved")).position.epoch in (2, 3)
        if act != "delete" or library.names():
            again(library, act)
        assert library.names() == left
        whole = {"copy", *(f"models/{name}.safetensors" for name in left)}
        whole |= {f"runs/{name}/{file}" for name in left for file in (RESUME, RUN_JSON)}
        assert {*models_of(library)} <= whole, "something was left that nobody sees"
    assert found == sorted(found) and {*found} == epochs
