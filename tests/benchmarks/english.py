"""The keys that a model saves on texts that it never saw, by default the English that ships.

    python -m tests.benchmarks.english keys TEXT ... [--words 20000] [--model NAME]
        [--data-dir FOLDER]

Plays three writers with the keys of the app on a sample of each text: one who reads the list after
every key, one who reads it at times, and one who looks at the cursor alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from rnnlm_tui import threads

threads.use_one_thread()  # before numpy loads

from rnnlm_tui.accepting import Writer
from rnnlm_tui.evaluate import score, summarize
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.store.card import ENGLISH
from rnnlm_tui.text.held_out import LONG_EXCERPT, Excerpt, excerpts_of, sampled
from tests.benchmarks.options import parse


def main() -> None:
    """Prints what three writers save in each text."""
    parser = argparse.ArgumentParser(description="the keys that a model saves")
    parser.set_defaults(model=ENGLISH)
    parser.add_argument("what", choices=("keys",))
    parser.add_argument("texts", nargs="+", type=Path)
    parser.add_argument("--words", type=int, default=20_000, help="words measured of each text")
    asked, library = parse(parser)
    model = library.open(asked.model)[1]
    for text in asked.texts:
        show(text.stem[:30], model, spread(lines_of(text), asked.words))


def lines_of(text: Path) -> list[str]:
    """The lines that have more than white space."""
    return [line for line in text.read_text("utf-8").split("\n") if line.strip()]


def spread(lines: list[str], words: int) -> list[Excerpt]:
    """Excerpts of so many words, spread over a text."""
    return excerpts_of(lines, sampled(lines, words, each=LONG_EXCERPT), LONG_EXCERPT)


def show(label: str, model: LanguageModel, excerpts: Sequence[Excerpt]) -> None:
    """Prints what the model does on the lines of the excerpts, each below those before it."""
    lines = [line for each in excerpts for line in score(model, each.lines, each.above)]
    found = summarize(lines)
    saved, intervals = found.keystroke_savings, found.savings_intervals
    assert saved is not None
    for writer in get_args(Writer):
        low, high = getattr(intervals, writer, (0.0, 0.0))
        interval = f"±{(high - low) / 2:.1%}"
        print(f"{label:30} {writer:9} {getattr(saved, writer):6.1%} of keys {interval}")
    print(f"{label:30} {found.nats_per_character or 0:.4f} nats a character", end="")
    print(f", {found.words:,} words", flush=True)


if __name__ == "__main__":
    main()
