"""How long a command takes from start to exit, and a request to one that keeps running.

    python -m tests.benchmarks.command_start [--runs 20] [--models shakespeare english]

Prints the median and the slowest of many runs of `--help` and of `--suggest` by each model, in turn
with an interpreter that does nothing, or imports what a suggestion cannot do without, and the ratio
to it. Then the requests to one `--suggest --json`, a line
typed key by key.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time

PROGRAM = "import sys; from rnnlm_tui.cli.main import main; sys.exit(main())"
"""What the command `rnnlm-tui` runs."""
BARE = "pass"
BARE_NUMPY = "import argparse, json, numpy"
LINE = "shall i compare thee to a summer's day "


def commands_of(models: list[str]) -> dict[str, tuple[list[str], str]]:
    """The commands by name, each with the name of the command to compare it with."""
    program = [sys.executable, "-c", PROGRAM]
    found = {
        BARE: ([sys.executable, "-c", BARE], BARE),
        BARE_NUMPY: ([sys.executable, "-c", BARE_NUMPY], BARE_NUMPY),
        "--help": ([*program, "--help"], BARE),
    }
    for name in models:
        asked = [*program, "--suggest", LINE, "--json", "--model", name]
        found[f"--suggest by {name}"] = asked, BARE_NUMPY
    return found


def command_seconds(command: list[str]) -> float:
    """Wall time of one run of the command. Raises CalledProcessError if it fails."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def request_seconds(model: str, runs: int) -> list[float]:
    """Wall times of requests to one process, without its start."""
    times = []
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "--suggest", "--json", "--model", model],
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
    """Prints a line for each command."""
    parser = argparse.ArgumentParser(description="how long --help, --suggest and a request take")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--models", nargs="+", default=["shakespeare", "english"])
    options = parser.parse_args()
    commands = commands_of(options.models)
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(options.runs):
        for name, (command, _) in commands.items():
            times[name].append(command_seconds(command))
    against = {name: bare for name, (_, bare) in commands.items() if bare != name}
    for name in options.models:
        times[f"a request to {name}"] = request_seconds(name, options.runs)
    for name, seconds in times.items():
        middle = statistics.median(seconds)
        slowest = statistics.quantiles(seconds, n=20)[-1]
        row = f"{name:26} median {1000 * middle:7.2f} ms, 95th percentile {1000 * slowest:7.2f} ms"
        if bare := against.get(name):
            row += f", {middle / statistics.median(times[bare]):.2f} times {bare}"
        print(row)


if __name__ == "__main__":
    main()
