"""How long a whole command takes, from its start to its exit.

    python -m tests.benchmarks.command_start [--runs 20] [--model NAME]

Prints the median and the slowest of many runs of `--help` and of `--suggest`, in turn.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time


def seconds_of(arguments: list[str]) -> float:
    """Wall time of one run of the command. Raises CalledProcessError where it fails."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "rnnlm_tui", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Prints a line a command."""
    parser = argparse.ArgumentParser(description="how long --help and --suggest take")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--model", help="the newest by default")
    options = parser.parse_args()
    asked = ["--model", options.model] if options.model else []
    commands = {
        "--help": ["--help"],
        "--suggest": ["--suggest", "shall i compare thee to ", "--json", *asked],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(options.runs):
        for name, arguments in commands.items():
            times[name].append(seconds_of(arguments))
    for name, seconds in times.items():
        middle = statistics.median(seconds)
        print(f"{name:10} median {middle:.3f} s ({1 / middle:.1f} a second),", end=" ")
        print(f"slowest {max(seconds):.3f} s")


if __name__ == "__main__":
    main()
