"""A training by several processes that torchrun starts on this machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from rnnlm_tui.events import EpochEnded, Finished, Paused, Resumed, Saved, from_json_line
from rnnlm_tui.store.library import Library
from rnnlm_tui.training.ranks import RankError, explained_rank_errors
from tests.helpers import commands
from tests.helpers.commands import POSIX, VERSES, Command, order, running
from tests.helpers.events import epochs_of, loss_of

pytestmark = [pytest.mark.slow, POSIX]

ALL = ["--seed=3", "--threads=1", "--json", "--held-out=0.1", "--dropout=0"]
"""Each process draws its own dropout."""
GRU = [*ALL, "--preset=gru", "--embedding-size=12", "--hidden-size=8", "--mixture=off", "--on=none"]
STREAM = [*GRU, "--batch-size=5", "--bptt=6"]
LESSON = [*ALL, "--preset=lesson"] + [
    f"--{layer}-size=8" for layer in ("embedding", "bidirectional", "recurrent")
]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three programs load PyTorch at once, which takes two minutes where other tests run."""
    monkeypatch.setattr(commands, "PATIENCE_S", 300)


@pytest.fixture
def text(tmp_path: Path) -> str:
    """A text of 300 different lines."""
    words = VERSES.split()
    count = len(words)
    lines = (" ".join(words[(i * k + i // count) % count] for k in range(1, 9)) for i in range(300))
    path = tmp_path / "text.txt"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def torchrun(processes: int, *arguments: str) -> list[str]:
    """The command that trains in so many processes."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    if arguments[0] != "--no-python":
        arguments = ("-m", "rnnlm_tui", "--train", *arguments)
    return [*command, f"--nproc-per-node={processes}", *arguments]


def by_processes(count: int, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Runs so many processes to their end."""
    command = torchrun(count, *arguments)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done


def errors(done: subprocess.CompletedProcess[str]) -> set[str]:
    """The error messages of the command, without those of torchrun."""
    return {line for line in done.stderr.splitlines() if line.startswith("rnnlm-tui: ")}


def losses(output: str) -> list[float]:
    """The training and held-out losses of the epochs, in nats."""
    lines = [line for line in output.splitlines() if line.startswith("{")]
    epochs = epochs_of([from_json_line(line) for line in lines])
    return [loss for e in epochs for loss in (loss_of(e.train), loss_of(e.held_out))]


@pytest.mark.parametrize(("settings", "processes"), [(STREAM, 3), (LESSON, 2)])
def test_several_processes_learn_what_one_does(
    settings: list[str], processes: int, text: str, run: Command
) -> None:
    alone = losses(run("--train", text, *settings, "--epochs=1", "--name=one").stdout)
    together = losses(by_processes(processes, text, *settings, "--epochs=1", "--name=two").stdout)
    assert len(together) == 2 and together == pytest.approx(alone, abs=1e-4)


def test_several_processes_train_further_what_one_has_begun(text: str, run: Command) -> None:
    """A run from a model has the hashes of the lines that the model knows, which are uint64."""
    run("--train", text, *STREAM, "--epochs=1", "--name=one")
    settings = [*ALL[:-1], "--from=one", "--mixture=off", "--batch-size=5", "--epochs=1"]
    assert len(losses(by_processes(2, text, *settings, "--name=two").stdout)) == 2


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ("Invalid scalar type", "cannot exchange their data: RuntimeError: Invalid scalar type"),
        ("[/a/gloo/transport/tcp/pair.cc:537] Read error", "has ended or cannot be reached"),
    ],
)
def test_only_a_lost_connection_is_called_one(error: str, message: str) -> None:
    with pytest.raises(RankError, match=message), explained_rank_errors():
        raise RuntimeError(error)


def test_processes_that_cannot_read_the_same_text_say_so(text: str, tmp_path: Path) -> None:
    for rank in range(2):
        (tmp_path / f"text-{rank}").write_text(Path(text).read_text() + "the end\n" * rank)
    train = f"{sys.executable} -m rnnlm_tui --train {tmp_path}/text-$RANK --name=m"
    command = f"exec {train} {' '.join(STREAM)}"
    done = by_processes(2, "--no-python", "bash", "-c", command, code=1)
    assert errors(done) == {"rnnlm-tui: process 1 reads another text than process 0"}
    said = "rnnlm-tui: several processes cannot read the same standard input or pipe"
    assert errors(by_processes(2, "-", "--name=m", code=1)) == {said}


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_line_is_written_whole_so_that_those_of_several_processes_do_not_mix(
    stream: str, tmp_path: Path
) -> None:
    """Each write to this socket arrives as one message."""
    reader, writer = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with reader, writer:
        command = [sys.executable, "-m", "rnnlm_tui", "--train", str(tmp_path / "none"), "--json"]
        streams: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        streams[stream] = writer
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        subprocess.run(command, env=environment, check=False, **streams)
        line = reader.recv(10_000, socket.MSG_DONTWAIT)
    assert b"cannot read the corpus" in line and line.endswith(b"\n")


def test_a_run_of_two_processes_is_stopped_and_resumed_in_one(
    text: str, run: Command, data_dir: Path
) -> None:
    """It is stopped within an epoch, so that the hidden states of both processes are combined."""
    settings = [*STREAM, "--epochs=3"]
    whole = losses(run("--train", text, *settings, "--name=one").stdout)
    command = torchrun(2, text, *settings, "--name=two")
    with running(command=command, stderr=subprocess.STDOUT) as process:
        process.event(EpochEnded)
        process.process.send_signal(signal.SIGINT)
        assert process.event(Finished).reason == "stopped"
        process.end()
    run("--train", "--resume", "--name=two", "--threads=1")
    history = (data_dir / "runs" / "two" / "history.jsonl").read_text()
    assert losses(history) == pytest.approx(whole, abs=1e-4)


def test_a_paused_run_goes_on_and_a_process_that_dies_ends_the_others_and_can_be_resumed(
    text: str, run: Command, data_dir: Path
) -> None:
    """One process is paused by an order, and another one by a signal, as all are in the sleep of a
    laptop. What the others say of a death depends on who notices first: they themselves, or
    torchrun, which ends them."""
    control, settings = data_dir / "runs/m/control", [*GRU, "--batch-size=20", "--epochs=1000"]
    command = torchrun(2, text, *settings, "--name=m")
    with running(command=command, stderr=subprocess.STDOUT) as process:
        process.event(Saved)
        children = psutil.Process(process.process.pid).children()
        second = next(child for child in children if child.environ().get("RANK") == "1")
        order(control, "pause")
        process.event(Paused)
        second.suspend()
        order(control, "resume")
        process.event(Resumed)
        second.resume()
        process.event(Saved)
        order(control, "pause")
        process.event(Paused)
        second.kill()
        assert process.end() == 1
    history = map(from_json_line, (data_dir / "runs/m/history.jsonl").read_text().splitlines())
    last_saved = max(event.epoch for event in history if isinstance(event, Saved))
    epochs = f"--epochs={last_saved + 2}"
    resumed = run("--train", "--resume", "--name=m", "--json", "--threads=1", epochs)
    assert epochs_of(commands.events_of(resumed))[0].epoch > last_saved


def test_n_grams_are_counted_by_the_first_process(text: str, library: Library) -> None:
    done = by_processes(2, text, "--preset=ngram", "--name=m")
    assert done.stdout.count("m: ") == 1
    assert library.open("m").card.epochs_done == 1


def test_a_connection_waits_for_years_and_once_closed_leaves_no_thread_behind() -> None:
    """A pause may last for days. A thread that still frees a tensor while Python ends would end the
    process with SIGABRT."""
    program = """
import psutil
from rnnlm_tui.training.ranks import Ranks
import torch
threads = psutil.Process().num_threads
before = threads()
ranks = Ranks()
torch.optim.Adam([torch.zeros(1, requires_grad=True)])
connected = threads()
gloo = torch.distributed.group.WORLD._get_backend
waits = gloo(torch.device("cpu")).options._timeout.days > 365
del gloo
ranks.close()
print(connected > before, waits, threads() == before)
"""
    variables = {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": "0"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **variables},
    )
    assert done.stdout.split() == ["True"] * 3, done.stderr
