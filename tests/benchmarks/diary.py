"""Measures what a model keeps and gains while its text grows.

    python -m tests.benchmarks.diary TEXT [--skip 0] [--words 1500] [--portions 10]

Trains a model on the first portion of a text, and updates it after each other one, each time by the
command. Prints for each portion the processor time, whether the update stayed, and two figures in
nats a character: that of the lines held out of the first portion, and that of the portion after
this one, which no model has seen, by the English, before this update and after it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rnnlm_tui import threads

threads.use_one_thread()  # before numpy loads

from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.model_file import open_stored
from rnnlm_tui.suggesting.evaluate import score, summarize
from rnnlm_tui.text.held_out import Excerpt
from rnnlm_tui.text.line_hashes import hash_lines
from tests.benchmarks.writers import lines_of

NAME = "diary"
LINES_ABOVE = 25


def main() -> None:
    """Prints a row for each portion."""
    parser = argparse.ArgumentParser(description="a model whose text grows")
    parser.add_argument("text", type=Path)
    parser.add_argument("--skip", type=int, default=0, help="words of the text before the diary")
    parser.add_argument("--words", type=int, default=1500, help="words of a portion")
    parser.add_argument("--portions", type=int, default=10)
    asked = parser.parse_args()
    parts = [*portions(lines_of(asked.text), asked.skip, asked.words)][: asked.portions + 1]
    folder = Path(tempfile.mkdtemp())
    library, diary = Library(folder / "data"), folder / "diary.txt"
    english = library.open("english").model
    print("portion  seconds  stayed  first one's held-out lines  next portion: English before now")
    first, kept, learned = list[str](), 0.0, list[str]()
    for number, following in enumerate(parts[1:], start=1):
        learned += parts[number - 1]
        diary.write_text("\n".join(learned), "utf-8")
        before = library.open(NAME).model if first else english
        seconds, stayed = train(library.data_dir, diary, is_first=not first)
        model = library.open(NAME).model
        if not first:
            with open_stored(library.path(NAME)) as stored:
                unseen = stored.lines().unseen
            hashes = hash_lines(learned, model.tokenizer).tolist()
            first = [line for line, each in zip(learned, hashes, strict=True) if each in unseen]
            kept = nats(english, first, [])
            print(f"{'the English':24} {kept:27.4f}")
        above = learned[-LINES_ABOVE:]
        after = " ".join(f"{nats(each, following, above):.4f}" for each in (english, before, model))
        kept = nats(model, first, [])
        print(f"{number:7} {seconds:8.0f} {stayed!s:>7} {kept:27.4f}  {after:>35}", flush=True)


def portions(lines: list[str], skipped: int, words: int) -> Iterator[list[str]]:
    """Yields portions of whole lines, each with so many words or a little more."""
    portion, count = list[str](), -skipped
    for line in lines:
        count += len(line.split())
        if count > 0:
            portion.append(line)
        if count >= words:
            yield portion
            portion, count = [], 0


def train(data: Path, text: Path, *, is_first: bool) -> tuple[float, bool]:
    """Trains or updates the model. Returns the processor seconds, and True if it was replaced."""
    what = (str(text), f"--name={NAME}") if is_first else (f"--update={NAME}",)
    command = (sys.executable, "-m", "rnnlm_tui", "--train", *what, "--json", "--threads=1")
    began = os.times()
    ran = subprocess.run(
        (*command, f"--data-dir={data}"), check=True, capture_output=True, text=True
    )
    ended = os.times()
    seconds = ended.children_user + ended.children_system
    seconds -= began.children_user + began.children_system
    update = json.loads(ran.stdout.splitlines()[-1])["update"]
    return seconds, update is None or update["replaced"]


def nats(model: LanguageModel, lines: list[str], above: list[str]) -> float:
    """The loss of lines below others, in nats a character."""
    found = summarize(score(model, [Excerpt(above, lines)], counts_keys=False))
    return found.nats_per_character or 0.0


if __name__ == "__main__":
    main()
