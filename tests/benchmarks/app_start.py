"""How long the terminal app takes to its first picture and to its first suggestion.

    python -m tests.benchmarks.app_start [--runs 20] [--texts 1000] [--model NAME]
        [--data-dir FOLDER]

Starts the installed app in a pseudo-terminal of 80x24 and measures from the start of its process
to the bytes that paint the header, and to those that paint the first row of suggestions. The first
run is not counted: it compiles, and reads the files from the disk.
"""

from __future__ import annotations

import argparse
import os
import statistics
from pathlib import Path

from tests.benchmarks.app_in_terminal import app, listed, own_folders, the_model, write_texts


def seconds_of_start(env: dict[str, str | None], name: str) -> tuple[float, float]:
    """Seconds to the first picture and to the first suggestion."""
    with app(env, name) as terminal:
        terminal.wait_for("Autocomplete")
        picture = terminal.chunks[-1].time
        terminal.wait_for(lambda: listed(terminal))
        return picture - terminal.started, terminal.chunks[-1].time - terminal.started


def main() -> None:
    """Prints a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--texts", type=int, default=0, help="of 400 words each")
    parser.add_argument("--model", help="the newest by default")
    parser.add_argument("--data-dir", type=Path)
    options = parser.parse_args()
    library, name = the_model(options.model, options.data_dir)
    line = "the tide had turned when we came to the sea"
    with own_folders(library, name) as env:
        write_texts(env, *([f"{number} {line}"] * 40 for number in range(options.texts)))
        seconds_of_start(env, name)
        runs = [seconds_of_start(env, name) for _ in range(options.runs)]
    print(f"{options.runs} starts with {name}; load of the machine {os.getloadavg()[0]:.1f}")
    for label, times in zip(("picture", "suggestion"), zip(*runs, strict=True), strict=True):
        print(
            f"first {label:11} median {statistics.median(times):.3f} s, slowest {max(times):.3f} s"
        )


if __name__ == "__main__":
    main()
