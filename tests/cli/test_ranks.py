"""A training by several processes that torchrun starts on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from rnnlm_tui.event_types import EpochEnded, Finished, Saved, from_json_line
from rnnlm_tui.store.library import Library
from rnnlm_tui.training.ranks import RankError, explained
from tests.helpers import commands
from tests.helpers.commands import POSIX, VERSES, Command, Run
from tests.helpers.events import epochs_of, loss_of

pytestmark = POSIX

GRU = [
    "--preset=gru",
    "--embedding-size=12",
    "--hidden-size=8",
    "--dropout=0",  # each process draws its own
    "--mixture=off",
    "--on=none",
]
SETTINGS = {
    "stream": [*GRU, "--batch-size=5", "--bptt=6"],
    "lesson": [
        "--preset=lesson",
        "--embedding-size=8",
        "--bidirectional-size=8",
        "--recurrent-size=8",
        "--dropout=0",
    ],
}
ALL = ["--seed=3", "--threads=1", "--json", "--held-out=0.1"]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three programs load PyTorch at once, which takes two minutes where other tests run."""
    monkeypatch.setattr(commands, "PATIENCE_S", 300)


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """A text of 300 different lines."""
    words = VERSES.split()
    count = len(words)
    lines = (" ".join(words[(i * k + i // count) % count] for k in range(1, 9)) for i in range(300))
    path = tmp_path / "text.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


def torchrun(processes: int, *arguments: str) -> list[str]:
    """The torchrun command that starts `processes` processes with these arguments."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return [*command, f"--nproc-per-node={processes}", *arguments]


def by_processes(count: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs `count` processes to their end."""
    command = torchrun(count, *arguments)
    return subprocess.run(command, capture_output=True, text=True, check=False)


def said(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The error messages of the command, without those of torchrun."""
    return [line for line in done.stderr.splitlines() if line.startswith("rnnlm-tui: ")]


@contextmanager
def started(command: list[str]) -> Iterator[Run]:
    """Runs a command whose output and errors are read as one stream of lines."""
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, encoding="utf-8", **pipes) as process:
        try:
            yield Run(process, "stdout")
        finally:
            with suppress(psutil.NoSuchProcess):
                for child in psutil.Process(process.pid).children(recursive=True):
                    child.kill()
            process.kill()


def process_of_rank(torchrun: int, rank: int) -> psutil.Process:
    """The process of this rank that the torchrun process with this id has started."""
    children = psutil.Process(torchrun).children()
    return next(child for child in children if child.environ().get("RANK") == str(rank))


def epochs_of_output(output: str) -> list[EpochEnded]:
    lines = [line for line in output.splitlines() if line.startswith("{")]
    return epochs_of([from_json_line(line) for line in lines])


def losses(epochs: list[EpochEnded]) -> list[float]:
    """The training and held-out losses, in nats."""
    return [loss for e in epochs for loss in (loss_of(e.train), loss_of(e.held_out))]


def train_command(text: Path, *arguments: str) -> list[str]:
    return ["--train", str(text), *ALL, *arguments]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "processes"), [("stream", 3), ("lesson", 2)])
def test_several_processes_learn_what_one_does(
    kind: str, processes: int, text: Path, run: Command
) -> None:
    arguments = train_command(text, *SETTINGS[kind], "--epochs=1")
    alone = epochs_of_output(run(*arguments, "--name=one").stdout)
    done = by_processes(processes, "-m", "rnnlm_tui", *arguments, "--name=two")
    assert done.returncode == 0, done.stderr
    together = epochs_of_output(done.stdout)
    assert len(losses(together)) == 2
    assert losses(together) == pytest.approx(losses(alone), abs=1e-4)
    assert together[0].train.accuracy == pytest.approx(alone[0].train.accuracy, abs=1e-3)


@pytest.mark.slow
def test_several_processes_train_further_what_one_has_begun(text: Path, run: Command) -> None:
    """A run from a model has the hashes of the lines that the model knows, which are uint64."""
    arguments = train_command(text, *SETTINGS["stream"], "--epochs=1")
    run(*arguments, "--name=one")
    settings = [*ALL, "--from=one", "--mixture=off", "--batch-size=5", "--epochs=1"]
    done = by_processes(2, "-m", "rnnlm_tui", "--train", str(text), *settings, "--name=two")
    assert done.returncode == 0, done.stderr
    assert len(losses(epochs_of_output(done.stdout))) == 2


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ("Invalid scalar type", "cannot exchange their data: RuntimeError: Invalid scalar type"),
        ("[/a/gloo/transport/tcp/pair.cc:537] Read error", "has ended or cannot be reached"),
    ],
)
def test_only_a_lost_connection_is_called_one(error: str, message: str) -> None:
    with pytest.raises(RankError, match=message), explained():
        raise RuntimeError(error)


@pytest.mark.slow
def test_processes_that_read_other_texts_say_so(text: Path, data_dir: Path) -> None:
    for rank in range(2):
        (text.parent / f"text-{rank}").write_text(text.read_text() + "the end\n" * rank)
    train = f"{sys.executable} -m rnnlm_tui --train {text.parent}/text-$RANK --name=m"
    settings = " ".join([*ALL, *SETTINGS["stream"]])
    done = by_processes(2, "--no-python", "bash", "-c", f"exec {train} {settings}")
    assert done.returncode == 1
    assert {*said(done)} == {"rnnlm-tui: process 1 reads another text than process 0"}


@pytest.mark.slow
def test_a_run_of_two_processes_is_stopped_and_resumed_in_one(
    text: Path, run: Command, data_dir: Path
) -> None:
    """It is stopped within an epoch, so that the hidden states of both processes are combined."""
    settings = [*SETTINGS["stream"], "--epochs=3"]
    whole = epochs_of_output(run(*train_command(text, *settings, "--name=one")).stdout)
    arguments = train_command(text, *settings, "--name=two")
    with started(torchrun(2, "-m", "rnnlm_tui", *arguments)) as process:
        process.event(EpochEnded)
        process.process.send_signal(signal.SIGINT)
        finished = process.event(Finished)
        process.end()
    assert finished.reason == "stopped"
    run("--train", "--resume", "--name=two", "--json", "--threads=1")
    history = (data_dir / "runs" / "two" / "history.jsonl").read_text()
    assert losses(epochs_of_output(history)) == pytest.approx(losses(whole), abs=1e-4)


@pytest.mark.slow
def test_a_process_that_dies_ends_the_others_and_the_run_can_be_resumed(
    text: Path, run: Command
) -> None:
    """What the others say depends on who notices first: they themselves, or torchrun, which ends
    them."""
    settings = [*GRU, "--batch-size=20", "--epochs=30", "--name=m"]
    with started(torchrun(2, "-m", "rnnlm_tui", *train_command(text, *settings))) as process:
        saved = process.event(Saved)
        process_of_rank(process.process.pid, 1).kill()
        assert process.end() == 1
    last = saved.epoch + 1
    resumed = run("--train", "--resume", "--name=m", "--json", "--threads=1", "--epochs=31")
    assert epochs_of_output(resumed.stdout)[0].epoch >= last


@pytest.mark.slow
def test_several_processes_cannot_read_the_same_standard_input() -> None:
    done = by_processes(2, "-m", "rnnlm_tui", "--train", "-", "--name=m")
    message = "rnnlm-tui: several processes cannot read the same standard input or pipe"
    assert {*said(done)} == {message}, done.stderr


@pytest.mark.slow
def test_n_grams_are_counted_by_the_first_process(text: Path, library: Library) -> None:
    done = by_processes(2, "-m", "rnnlm_tui", "--train", str(text), "--preset=ngram", "--name=m")
    assert done.returncode == 0 and done.stdout.count("m: keys saved") == 1, done.stderr
    assert library.open("m")[0].epochs_done == 1


def test_a_closed_connection_leaves_no_thread_behind() -> None:
    """One that still frees a tensor while Python ends would end the process with SIGABRT."""
    program = """
import psutil
from rnnlm_tui.training.ranks import Ranks
import torch
threads = psutil.Process().num_threads
before = threads()
ranks = Ranks()
torch.optim.Adam([torch.zeros(1, requires_grad=True)])
connected = threads()
ranks.close()
print(connected > before, threads() == before)
"""
    variables = {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": "0"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **variables},
    )
    assert done.stdout.split() == ["True", "True"], done.stderr
