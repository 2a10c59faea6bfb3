"""Milliseconds of a training step next to other programs: this program's, and tf.keras's.

    pip install -e '.[bench]'
    python -m tests.benchmarks.busy [--presets lesson rnn gru lstm] [--seconds 6] [--child]

For each preset four trainings are started and pause: with all threads, with one, with those that
the program chooses, and, of the lesson, in tf.keras. Then they train in turn next to each load for
`--seconds` seconds: nothing else; a process that is busy; one that is busy 20 ms of each 100; as
many busy ones as cores. The first second after a load has begun is left out, and so are the ends of
epochs. All processes have the priority of a training, so that the scheduler gives each its share.

The last column compares the chosen threads with the better of all threads and one thread next to
nothing else. With --child each process is in a session of its own, as the app starts a training.
The causal networks train on the sonnets five times over, for longer epochs.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.threads import lower_priority, usable_cores

PRESETS = ("lesson", "rnn", "gru", "lstm")
SETTLE_S = 1.0
REPORT_EVERY_S = 0.1
COPIES = 5
BUSY, BUSY_S, IDLE_S = "busy", 0.02, 0.08


class Load(NamedTuple):
    """Other programs: their number, the share of the time that each is busy, and the factor by
    which a step may become slower."""

    name: str
    processes: int
    part: str
    target: float


LOADS = (
    Load("nothing else", 0, "", 1.3),
    Load("one busy process", 1, "always", 1.3),
    Load("one busy a fifth of the time", 1, "fifth", 1.3),
    Load("as many busy ones as cores", usable_cores(), "always", 2.2),
)


class Report(NamedTuple):
    """A progress report: the steps since the start of the epoch, the time, and the threads."""

    epoch: int
    step: int
    time_s: float
    threads: int


class Training:
    """A training in a child process, paused except while its speed is measured."""

    def __init__(self, command: Sequence[str], *, is_keras: bool, own_session: bool) -> None:
        self._is_keras = is_keras
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
            start_new_session=own_session,
        )
        self._reports: list[Report] = []
        threading.Thread(target=self._read, daemon=True).start()
        self._wait_for_reports(10)
        self._let_train(False)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            event: dict[str, Any] = json.loads(line)
            if event["event"] == "progress":
                keys = ("epoch", "step", "time", "threads")
                self._reports.append(Report(*(event[key] for key in keys)))

    def _wait_for_reports(self, count: int) -> None:
        while len(self._reports) < count:
            if self._process.poll() is not None:
                raise SystemExit(f"the training has ended with {self._process.returncode}")
            time.sleep(0.05)

    def _let_train(self, go: bool) -> None:
        """Resumes or pauses it; tf.keras takes no orders, so it gets a signal."""
        if self._is_keras:
            self._process.send_signal(signal.SIGCONT if go else signal.SIGSTOP)
        else:
            assert self._process.stdin is not None
            self._process.stdin.write("resume\n" if go else "pause\n")

    def milliseconds(self, seconds: float) -> tuple[float, float]:
        """Trains for a number of seconds. Returns the milliseconds of a step and the mean
        threads."""
        self._let_train(True)
        time.sleep(SETTLE_S)
        first = len(self._reports)
        time.sleep(seconds)
        self._wait_for_reports(first + 3)  # of which the first may be of a step before the pause
        taken = self._reports[first:]
        self._let_train(False)
        pairs = [(a, b) for a, b in pairwise(taken) if a.epoch == b.epoch]
        spent = sum(b.time_s - a.time_s for a, b in pairs)
        return (
            1000 * spent / sum(b.step - a.step for a, b in pairs),
            statistics.mean(report.threads for report in taken),
        )

    def end(self) -> None:
        """Kills the process."""
        self._process.kill()
        self._process.communicate()


def our_command(preset: str, text: Path | None, folder: str, threads: int | None) -> list[str]:
    """The command that trains with this number of threads; None lets it choose."""
    command = [sys.executable, "-m", "rnnlm_tui", "--train", *([str(text)] if text else ())]
    command += ["--preset", preset, "--name", f"{preset}-{threads}", "--data-dir", folder]
    command += ["--epochs", "100000", "--json", "--control", "stdin"]
    command += [] if preset == "lesson" else ["--mixture", "off", "--patience", "100000"]
    return [*command, *(["--threads", str(threads)] if threads else ())]


def this_module(*arguments: str) -> list[str]:
    """The command that runs this module with other arguments."""
    return [sys.executable, "-m", "tests.benchmarks.busy", *arguments]


@contextmanager
def under(load: Load, own_session: bool) -> Iterator[None]:
    """Starts the processes of a load, and kills them at the end."""
    command = this_module("--part", load.part)
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=own_session)
        for _ in range(load.processes)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()
        yield
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def be_busy(part: str) -> None:
    """Computes forever, all of the time or a fifth of it."""
    lower_priority()
    print(BUSY, flush=True)
    while True:
        end = time.perf_counter() + BUSY_S
        while time.perf_counter() < end:
            pass
        if part == "fifth":
            time.sleep(IDLE_S)


def train_in_keras() -> None:
    """Trains in tf.keras forever, and reports its steps as this program does."""
    lower_priority()
    from tests.benchmarks.lesson_epoch import lesson_in_keras

    cores = usable_cores()
    model, features, targets = lesson_in_keras(cores)
    import tf_keras as keras

    class Reporter(keras.callbacks.Callback):  # type: ignore[misc]
        _supports_tf_logs = True
        epoch, reported = 0, 0.0

        def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
            self.epoch = epoch

        def on_train_batch_end(self, batch: int, logs: object = None) -> None:
            now = time.perf_counter()
            if now - self.reported >= REPORT_EVERY_S:
                self.reported = now
                event = {"event": "progress", "epoch": self.epoch, "step": batch + 1}
                print(json.dumps({**event, "time": now, "threads": cores}), flush=True)

    model.fit(features, targets, batch_size=32, epochs=10**6, verbose=0, callbacks=[Reporter()])


def compare(preset: str, seconds: float, own_session: bool, has_keras: bool) -> None:
    """Prints the rows of a preset."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        text = None
        if preset != "lesson":
            text = Path(folder) / "sonnets.txt"
            text.write_text(bundled_corpus().read_text(encoding="utf-8") * COPIES, "utf-8")
        commands = {
            name: our_command(preset, text, folder, threads)
            for name, threads in (("all", usable_cores()), ("one", 1), ("chosen", None))
        }
        if has_keras and preset == "lesson":
            commands["keras"] = this_module("--part", "keras")
        trainings = {}
        for name, command in commands.items():
            training = Training(command, is_keras=name == "keras", own_session=own_session)
            trainings[name] = training
            running.callback(training.end)
        quiet = 0.0
        for load in LOADS:
            with under(load, own_session):
                found = {name: t.milliseconds(seconds) for name, t in trainings.items()}
            quiet = quiet or min(found["all"][0], found["one"][0])
            print(row(preset, load, found, quiet), flush=True)


def row(preset: str, load: Load, found: dict[str, tuple[float, float]], quiet: float) -> str:
    """A row of the table."""
    times = "".join(
        f"{found[name][0]:9.1f}" if name in found else f"{'-':>9}"
        for name in ("all", "one", "chosen", "keras")
    )
    chosen, threads = found["chosen"]
    against = f"{chosen / found['keras'][0]:9.2f}" if "keras" in found else f"{'-':>9}"
    ratio = f"{chosen / quiet:7.2f} (at most {load.target})"
    return f"{preset:7}{load.name:30}{times}{threads:9.1f}{against}{ratio}"


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="a training step next to other programs")
    parser.add_argument("--presets", nargs="+", choices=PRESETS, default=PRESETS)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each figure")
    parser.add_argument("--child", action="store_true", help="as the app starts a training")
    parser.add_argument("--part", choices=("always", "fifth", "keras"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part == "keras":
        train_in_keras()
    elif options.part:
        be_busy(options.part)
    has_keras = importlib.util.find_spec("tf_keras") is not None
    if not has_keras:
        print("tf.keras is not installed: pip install -e '.[bench]'", file=sys.stderr)
    print(f"milliseconds a step, {usable_cores()} cores, load average {os.getloadavg()[0]:.1f}")
    heads = ("all", "one", "chosen", "tf.keras", "threads", "/ keras")
    print(f"{'':37}" + "".join(f"{head:>9}" for head in heads) + "   chosen / better, quiet")
    for preset in options.presets:
        compare(preset, options.seconds, options.child, has_keras)
    return 0


if __name__ == "__main__":
    sys.exit(main())
