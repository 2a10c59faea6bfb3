"""How long a whole command takes, from its start to its exit, and a request to one that stays.

    python -m tests.benchmarks.command_start [--runs 20] [--model NAME]

Prints the median and the slowest of many runs of `--help` and of `--suggest`, in turn, and of the
requests to one `--suggest --json`, a line typed key by key.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time

COMMAND = [sys.executable, "-m", "rnnlm_tui"]
LINE = "shall i compare thee to a summer's day "


def command_seconds(arguments: list[str]) -> float:
    """Wall time of one run of the command. Raises CalledProcessError if it fails."""
    start = time.perf_counter()
    subprocess.run([*COMMAND, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def request_seconds(arguments: list[str], runs: int) -> list[float]:
    """Wall times of requests to one process, without its start."""
    times = []
    with subprocess.Popen(
        [*COMMAND, "--suggest", "--json", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        for number in range(runs):
            for end in range(len(LINE)):
                start = time.perf_counter()
                request = {"text": LINE, "cursor": end, "above": [f"line {number}"]}
                print(json.dumps(request), file=process.stdin)
                assert "suggestions" in process.stdout.readline()
                times.append(time.perf_counter() - start)
        process.stdin.close()
    return times[len(LINE) :]


def main() -> None:
    """Prints a line a command."""
    parser = argparse.ArgumentParser(description="how long --help, --suggest and a request take")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--model", help="the newest by default")
    options = parser.parse_args()
    asked = ["--model", options.model] if options.model else []
    commands = {"--help": ["--help"], "--suggest": ["--suggest", LINE, "--json", *asked]}
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(options.runs):
        for name, arguments in commands.items():
            times[name].append(command_seconds(arguments))
    times["a request"] = request_seconds(asked, options.runs)
    for name, seconds in times.items():
        middle = 1000 * statistics.median(seconds)
        slowest = 1000 * statistics.quantiles(seconds, n=20)[-1]
        print(f"{name:10} median {middle:7.2f} ms, 95th percentile {slowest:7.2f} ms")


if __name__ == "__main__":
    main()
