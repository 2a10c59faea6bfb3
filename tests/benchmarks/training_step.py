"""Milliseconds of a training step of each preset, alone and next to other programs.

    python -m tests.benchmarks.training_step [--presets lesson rnn gru lstm] [--seconds 6] [--quiet]

For each preset three trainings are started and pause: with all threads, with one, and with those
that the program chooses. Then they train in turn next to each load for `--seconds` seconds: nothing
else; a process that is busy; one that is busy 20 ms of each 100; as many busy ones as cores. With
--quiet only the first. The first second after a load has begun is left out, and so are the ends of
epochs. All processes have the priority of a training, so that the scheduler gives each its share.
The causal networks train on the sonnets five times over, for longer epochs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.threads import usable_cores

PRESETS = ("lesson", "rnn", "gru", "lstm")
THREADS = {"all": usable_cores(), "one": 1, "chosen": None}
LOADS = {
    "nothing else": (0, 0.0),
    "one busy process": (1, 0.0),
    "one busy a fifth of the time": (1, 0.08),
    "as many busy ones as cores": (usable_cores(), 0.0),
}
"""The processes of each load, and how many seconds they are idle after 20 ms each."""
BUSY = """
import sys, time
from rnnlm_tui.threads import lower_priority
lower_priority()
print("busy", flush=True)
while True:
    end = time.perf_counter() + 0.02
    while time.perf_counter() < end:
        pass
    time.sleep(float(sys.argv[1]))
"""
SETTLE_S, COPIES = 1.0, 5


class Training:
    """A training in a child process, paused except while its speed is measured."""

    def __init__(self, preset: str, text: Path, threads: int | None) -> None:
        name = f"{preset}-{threads}"
        command = [sys.executable, "-m", "rnnlm_tui", "--train", str(text), "--name", name]
        command += ["--data-dir", str(text.parent), "--preset", preset, "--epochs", "100000"]
        command += ["--json", "--control", "stdin", *([f"--threads={threads}"] if threads else [])]
        if preset != "lesson":
            command += ["--on=none", "--mixture=off", "--patience=100000"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self._reports: list[dict[str, Any]] = []
        threading.Thread(target=self._read, daemon=True).start()
        self._wait_for_reports(10)
        self._order("pause")

    def _read(self) -> None:
        assert self._process.stdout is not None
        events = map(json.loads, self._process.stdout)
        self._reports.extend(event for event in events if event["event"] == "progress")

    def _wait_for_reports(self, count: int) -> None:
        while len(self._reports) < count:
            if self._process.poll() is not None:
                raise SystemExit(f"the training has ended with {self._process.returncode}")
            time.sleep(0.05)

    def _order(self, order: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{order}\n")

    def milliseconds(self, seconds: float) -> float:
        """Trains for a number of seconds. Returns the milliseconds of a step."""
        self._order("resume")
        time.sleep(SETTLE_S)
        first = len(self._reports)
        time.sleep(seconds)
        self._wait_for_reports(first + 3)  # of which the first may be of a step before the pause
        self._order("pause")
        pairs = [(a, b) for a, b in pairwise(self._reports[first:]) if a["epoch"] == b["epoch"]]
        spent = sum(b["time"] - a["time"] for a, b in pairs)
        return float(1000 * spent / sum(b["step"] - a["step"] for a, b in pairs))

    def end(self) -> None:
        """Kills the process."""
        self._process.kill()
        self._process.communicate()


@contextmanager
def beside(processes: int, idle_s: float) -> Iterator[None]:
    """Starts the processes of a load, and kills them at the end."""
    command = [sys.executable, "-c", BUSY, str(idle_s)]
    busy = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(processes)]
    try:
        for process in busy:
            assert process.stdout is not None
            process.stdout.readline()
        yield
    finally:
        for process in busy:
            process.kill()
            process.communicate()


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="a training step next to other programs")
    parser.add_argument("--presets", nargs="+", choices=PRESETS, default=PRESETS)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each figure")
    parser.add_argument("--quiet", action="store_true", help="next to nothing else only")
    options = parser.parse_args()
    print(f"milliseconds a step, {usable_cores()} cores, load average {os.getloadavg()[0]:.1f}")
    print(f"{'':37}" + "".join(f"{name:>9}" for name in THREADS))
    sonnets = bundled_corpus().read_text(encoding="utf-8")
    for preset in options.presets:
        with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
            text = Path(folder) / "sonnets.txt"
            text.write_text(sonnets * (1 if preset == "lesson" else COPIES), "utf-8")
            trainings = [Training(preset, text, threads) for threads in THREADS.values()]
            for training in trainings:
                running.callback(training.end)
            for name, (processes, idle_s) in list(LOADS.items())[: 1 if options.quiet else None]:
                with beside(processes, idle_s):
                    found = [training.milliseconds(options.seconds) for training in trainings]
                print(f"{preset:7}{name:30}{''.join(f'{ms:9.1f}' for ms in found)}", flush=True)


if __name__ == "__main__":
    main()
