"""Words a second of a training by one process and by two, each with one thread.

    python -m tests.benchmarks.ranks [--preset gru] [--text FILE] [--seconds 20] [--processes 1 2]

Trains the network alone on the text, by default the sonnets, and stops after so many seconds; each
number of processes twice, in turn. The median of what the training itself reports is printed.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from rnnlm_tui.event_types import Progress, from_json_line
from rnnlm_tui.paths import bundled_corpus

SKIPPED_S = 3.0
"""At the start steps take longer."""


def words_per_second(processes: int, seconds: float, *arguments: str) -> float:
    """The median speed of a training by this number of processes."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    train = ["-m", "rnnlm_tui", "--train", *arguments, "--name=benchmark", "--json"]
    speeds, first = list[float](), None
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [*torchrun, f"--nproc-per-node={processes}", *train, "--data-dir", folder],
            encoding="utf-8",
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            event = from_json_line(line)
            if not isinstance(event, Progress):
                continue
            first = first or time.monotonic()
            since = time.monotonic() - first
            if since > SKIPPED_S:
                speeds.append(event.examples_per_s)
            if since > seconds:
                break
        process.send_signal(signal.SIGINT)
        process.communicate()
    return statistics.median(speeds)


def main() -> None:
    """Prints the words a second."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--preset", default="gru")
    parser.add_argument("--text", default=str(bundled_corpus()))
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    options, more = parser.parse_known_args()
    settings = [options.text, f"--preset={options.preset}", "--epochs=1000", *more]
    if options.preset != "lesson":
        settings += ["--mixture=off", "--on=none", "--patience=1000"]
    found: dict[int, list[float]] = {count: [] for count in options.processes}
    for count in options.processes * 2:
        found[count].append(words_per_second(count, options.seconds, *settings, "--threads=1"))
    alone = statistics.mean(found[options.processes[0]])
    for count, speeds in found.items():
        each = " and ".join(f"{speed:,.0f}" for speed in speeds)
        ratio = statistics.mean(speeds) / alone
        print(f"{options.preset}, {count} processes: {each} words/s, {ratio:.2f} times")


if __name__ == "__main__":
    main()
