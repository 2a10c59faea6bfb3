"""The keys that the English that ships saves on texts that it never saw, and what a text of one's
own adds to it:

    python -m tests.benchmarks.english keys TEXT ... [--words 20000] [--model english]
    python -m tests.benchmarks.english own TEXT --sizes 5000 30000 [--words 10000] [--train OPTIONS]

`keys` plays a writer with the keys of the app on a sample of each text. `own` trains on the first
words of TEXT, as `--train` does by default or with the OPTIONS, such as "--from none", and measures
that model and the English on the lines of TEXT after the largest size.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rnnlm_tui import threads

threads.use_one_thread()  # before numpy loads

from rnnlm_tui.evaluate import score, summarize, written_loss
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.store.card import ENGLISH
from rnnlm_tui.store.library import Library
from rnnlm_tui.text.excerpts import Excerpt, spread_excerpts


def main() -> None:
    parser = argparse.ArgumentParser(description="the keys that the English that ships saves")
    parser.add_argument("what", choices=("keys", "own"))
    parser.add_argument("texts", nargs="+", type=Path)
    parser.add_argument("--words", type=int, default=20_000, help="words measured of each text")
    parser.add_argument("--model", default=ENGLISH)
    parser.add_argument("--sizes", type=int, nargs="+", default=[5_000, 30_000])
    parser.add_argument("--train", default="", help="more options of the training")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        if asked.what == "own":
            compare_own(Path(temporary), asked)
            return
        model = Library(Path(temporary)).open(asked.model)[1]
        for text in asked.texts:
            show(text.stem[:30], model, spread_excerpts(lines_of(text), asked.words))


def compare_own(folder: Path, asked: argparse.Namespace) -> None:
    """Prints a row for the English, and one for each size of one's own text."""
    library, lines = Library(folder), lines_of(asked.texts[0])
    later = lines[lines_with(lines, max(asked.sizes)) :]
    excerpts = spread_excerpts(later, asked.words)
    show("the English alone", library.open(ENGLISH)[1], excerpts)
    for size in asked.sizes:
        own, name = folder / f"own-{size}.txt", f"own-{size}"
        own.write_text("\n".join(lines[: lines_with(lines, size)]), "utf-8")
        options = ["--name", name, "--data-dir", str(folder), "--quiet", *shlex.split(asked.train)]
        command, began = [sys.executable, "-m", "rnnlm_tui", "--train", str(own)], time.monotonic()
        subprocess.run([*command, *options], check=True)
        minutes = (time.monotonic() - began) / 60
        label = f"{size:,} words in {minutes:.1f} min {asked.train}"
        show(label, library.open(name)[1], excerpts)


def lines_of(text: Path) -> list[str]:
    """The lines that have more than white space."""
    return [line for line in text.read_text("utf-8").split("\n") if line.strip()]


def lines_with(lines: list[str], words: int) -> int:
    """The number of the first lines with so many words."""
    count = 0
    for number, line in enumerate(lines, start=1):
        count += len(line.split())
        if count >= words:
            return number
    raise SystemExit(f"the text has fewer than {words:,} words")


def show(label: str, model: LanguageModel, excerpts: Sequence[Excerpt]) -> None:
    """Prints what the model does on the lines of the excerpts, each below those before it."""
    lines = [line for each in excerpts for line in score(model, each.lines, each.above)]
    found = summarize(lines)
    low, high = found.savings_interval or (0, 0)
    print(
        f"{label:50} {found.keystroke_savings or 0:6.1%} of keys ({low:.1%}-{high:.1%}),", end=" "
    )
    print(f"{written_loss(lines) or 0:.4f} nats a character, {found.words:,} words", flush=True)


if __name__ == "__main__":
    main()
