"""Measures the time of a command from start to exit, and of a request to a running command.

    python -m tests.benchmarks.command_start [--runs 20] [--models shakespeare english]

Prints the median and the 95th percentile of many runs, in turn:

- an interpreter that does nothing, and one that imports what every suggestion needs;
- `--help`, and `--suggest` by each model;
- requests to one `--suggest --json` by each model, for a line typed key by key;
- suggestions in this process, at every key and only after a space. After a space the context is new
  to the model, which must run once for the next word and once for each word that it looks ahead.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time

from rnnlm_tui import threads

threads.use_one_thread()  # as the app and the command line do, before numpy loads

from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.paths import data_dir
from rnnlm_tui.store.library import Library
from rnnlm_tui.suggesting.accepting import LISTED
from rnnlm_tui.suggesting.suggest import suggest

BARE, BARE_NUMPY = "pass", "import argparse, json, numpy"
PROGRAM = "import sys; from rnnlm_tui.cli.main import main; sys.exit(main())"
"""The program of the command `rnnlm-tui`."""
LINE = "shall i compare thee to a summer's day "


def python(program: str, *arguments: str) -> list[str]:
    """The command that runs a Python program."""
    return [sys.executable, "-c", program, *arguments]


def command_seconds(command: list[str]) -> float:
    """The wall time of one run of the command. Raises CalledProcessError if it fails."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def request_seconds(model: str, runs: int) -> list[float]:
    """The wall times of requests to one process, without its start and the first line."""
    times = []
    with subprocess.Popen(
        python(PROGRAM, "--suggest", "--json", "--model", model),
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


def suggestion_seconds(name: str, runs: int) -> tuple[list[float], list[float]]:
    """The times of suggestions as the app asks for them, at every key and after a space."""
    model = Library(data_dir()).open(name).model
    contexts, of_all, of_new = Contexts(model), list[float](), list[float]()
    for number in range(runs):
        above = [f"line {number}"]
        for end in range(1, len(LINE) + 1):
            start = time.perf_counter()
            suggest(model, LINE[:end], None, LISTED, above, contexts)
            of_all.append(time.perf_counter() - start)
            of_new += of_all[-1:] if LINE[end - 1] == " " else []
    return of_all, of_new


def main() -> None:
    """Prints a line for each command."""
    parser = argparse.ArgumentParser(description="how long --help, --suggest and a request take")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--models", nargs="+", default=["shakespeare", "english"])
    options = parser.parse_args()
    commands = {BARE: python(BARE), BARE_NUMPY: python(BARE_NUMPY)}
    commands["--help"] = python(PROGRAM, "--help")
    for name in options.models:
        asked = ("--suggest", LINE, "--json", "--model", name)
        commands[f"--suggest by {name}"] = python(PROGRAM, *asked)
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(options.runs):
        for name, command in commands.items():
            times[name].append(command_seconds(command))
    for name in options.models:
        times[f"a request to {name}"] = request_seconds(name, options.runs)
        alone, after_space = suggestion_seconds(name, options.runs)
        times |= {f"suggestions of {name}": alone, f"{name} after a space": after_space}
    for name, seconds in times.items():
        middle, slowest = statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1]
        print(f"{name:30} median {1000 * middle:7.2f} ms, 95th percentile {1000 * slowest:7.2f} ms")


if __name__ == "__main__":
    main()
