"""Measures a training step of each preset, alone and next to other programs, in milliseconds.

    python -m tests.benchmarks.training_step [--presets lesson rnn gru lstm] [--seconds 6] [--quiet]

Each preset trains next to each load: nothing else, one busy process, and as many of them as cores.
With --quiet there is only the first load. Each training runs with all threads, with one, and with
those that the program chooses. The measurement takes `--seconds` seconds after the first 25, and
leaves out the ends of epochs. All processes have the priority of a training, so the scheduler gives
each its share. The causal networks train on five copies of the sonnets, for longer epochs.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rnnlm_tui.events import Progress
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.threads import usable_cores
from tests.helpers.commands import running

PRESETS = ("lesson", "rnn", "gru", "lstm")
THREADS = {"all": usable_cores(), "one": 1, "chosen": None}
LOADS = {"nothing else": 0, "one busy process": 1, "as many as cores": usable_cores()}
"""The number of busy processes beside the training, by the name of the load."""
BUSY = """
from rnnlm_tui.threads import lower_priority
lower_priority()
while True:
    pass
"""
SETTLE_S = 25.0
"""The seconds before a measurement. A training chooses its threads anew every 20 seconds."""
COPIES = 5
"""The number of copies of the sonnets that a causal network trains on."""


def milliseconds(preset: str, threads: int | None, seconds: float) -> float:
    """Trains, and measures for a number of seconds. Returns the milliseconds of a step."""
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "sonnets.txt"
        text.write_text(bundled_corpus().read_text() * (1 if preset == "lesson" else COPIES))
        options = ["--preset", preset, "--epochs=100000", "--json", "--data-dir", folder]
        options += [f"--threads={threads}"] if threads else []
        if preset != "lesson":
            options += ["--on=none", "--mixture=off", "--patience=100000"]
        with running("--train", str(text), *options) as run:
            first = last = run.event(Progress)
            while last.time < first.time + SETTLE_S:
                last = run.event(Progress)
            spent, steps = 0.0, 0
            while spent < seconds:
                event = run.event(Progress)
                if event.epoch == last.epoch:
                    spent += event.time - last.time
                    steps += event.step - last.step
                last = event
        return 1000 * spent / steps


@contextmanager
def beside(processes: int) -> Iterator[None]:
    """Starts the processes of a load, and kills them at the end."""
    busy = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="a training step next to other programs")
    parser.add_argument("--presets", nargs="+", choices=PRESETS, default=PRESETS)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each figure")
    parser.add_argument("--quiet", action="store_true", help="next to nothing else only")
    options = parser.parse_args()
    print(f"milliseconds a step, {usable_cores()} cores, load average {os.getloadavg()[0]:.1f}")
    print(f"{'':25}" + "".join(f"{name:>9}" for name in THREADS))
    for preset in options.presets:
        for name, processes in list(LOADS.items())[: 1 if options.quiet else None]:
            with beside(processes):
                found = [milliseconds(preset, each, options.seconds) for each in THREADS.values()]
            print(f"{preset:7}{name:18}{''.join(f'{ms:9.1f}' for ms in found)}", flush=True)


if __name__ == "__main__":
    main()
