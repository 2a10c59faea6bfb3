"""Measures the keys that a model saves on texts that it never saw, by default the English.

    python -m tests.benchmarks.writers keys TEXT ... [--words 20000] [--model NAME]
        [--data-dir FOLDER]
    python -m tests.benchmarks.writers gain TEXT ... --model NAME [--words 3000]
    python -m tests.benchmarks.writers ghosts TEXT ... [--words 3000]

`keys` plays three writers with the keys of the app on a sample of each text: one reads the list
after every key, one reads it at times, and one looks only at the cursor. `gain` plays them
with the model and with the English alone. `ghosts` plays the writer at the cursor with other rules:
the ghost is shown from another probability on, or the second word is not shown behind it. It also
prints how often the first word of a ghost is wrong.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args
from unittest.mock import patch

from rnnlm_tui import threads

threads.use_one_thread()  # before numpy loads

import numpy as np

from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.store.model_file import read_base
from rnnlm_tui.suggesting import accepting, evaluate
from rnnlm_tui.suggesting.accepting import Accept, Writer
from rnnlm_tui.suggesting.evaluate import score, summarize
from rnnlm_tui.suggesting.suggest import Typed, apply_insertion, lists_for
from rnnlm_tui.suggesting.typist import Spot, Typist
from rnnlm_tui.text.held_out import LONG_EXCERPT_WORDS, Excerpt, excerpts_of, sample_mask
from tests.benchmarks.options import parse

GHOST_RULES = ((0.15, False), (0.15, True), (accepting.GHOST_FROM, True), (0.0, True))
"""The rules compared: the lowest probability of the first word at which the ghost is shown, and
True if the second word is shown behind it."""
SAMPLES = 1000
"""The samples of lines from which the interval of a gain is computed."""


def main() -> None:
    """Measures each text."""
    parser = argparse.ArgumentParser(description="the keys that a model saves")
    parser.set_defaults(model="english")
    parser.add_argument("what", choices=("keys", "gain", "ghosts"))
    parser.add_argument("texts", nargs="+", type=Path)
    parser.add_argument("--words", type=int, default=20_000, help="words measured of each text")
    asked, library = parse(parser)
    model = library.open(asked.model).model
    show = {"keys": show_keys, "gain": show_gain, "ghosts": show_ghosts}[asked.what]
    for text in asked.texts:
        show(text.stem[:30], model, spread(lines_of(text), asked.words))


def lines_of(text: Path) -> list[str]:
    """The lines that have more than white space."""
    return [line for line in text.read_text("utf-8").split("\n") if line.strip()]


def spread(lines: list[str], words: int) -> list[Excerpt]:
    """Excerpts with this number of words in all, spread over a text."""
    return excerpts_of(
        lines, sample_mask(lines, words, excerpt_words=LONG_EXCERPT_WORDS), LONG_EXCERPT_WORDS
    )


def show_keys(label: str, model: LanguageModel, excerpts: Sequence[Excerpt]) -> None:
    """Prints the keys that three writers save, and the nats a character."""
    found = summarize(score(model, excerpts))
    saved, intervals = found.keystroke_savings, found.savings_intervals
    assert saved is not None
    for writer in get_args(Writer):
        low, high = getattr(intervals, writer, (0.0, 0.0))
        interval = f"±{(high - low) / 2:.1%}"
        print(f"{label:30} {writer:9} {getattr(saved, writer):6.1%} of keys {interval}")
    print(f"{label:30} {found.nats_per_character or 0:.4f} nats a character", end="")
    print(f", {found.words:,} words", flush=True)


def show_gain(label: str, model: LanguageModel, excerpts: Sequence[Excerpt]) -> None:
    """Prints how many more keys of 100 three writers save than with the English alone, with 95 %
    intervals."""
    base, own = (score(scorer, excerpts) for scorer in (read_base("english"), model))
    pairs = [
        (before.keys, after.keys, len(after.text) + 1)
        for before, after in zip(base, own, strict=True)
        if before.keys and after.keys
    ]
    characters = np.array([count for *_, count in pairs])
    samples = np.random.default_rng(0).integers(0, len(pairs), (SAMPLES, len(pairs)))
    for writer in get_args(Writer):
        fewer = np.array([getattr(old, writer) - getattr(new, writer) for old, new, _ in pairs])
        gains = 100 * fewer[samples].sum(1) / characters[samples].sum(1)
        low, high = np.quantile(gains, (0.025, 0.975))
        gain = 100 * fewer.sum() / characters.sum()
        print(f"{label:30} {writer:9} {gain:+5.2f} points ({low:.2f} to {high:.2f})", flush=True)


class GhostCounter(Typist):
    """Counts the places at which a ghost is shown, and those at which its first word is wrong.
    Without `has_second` the second word is not shown behind it."""

    has_second = True
    shown = wrong = 0

    def _accepts_at(self, typed: Typed) -> Iterator[tuple[Accept, Spot]]:
        ways = [*super()._accepts_at(typed)]
        lists = lists_for(typed, self._above, self._contexts, self._predict)
        first = next(iter(lists.listed(typed)), None)
        if (
            first
            and not first.corrects
            and accepting.is_ghost_likely(first.probability, typed.prefix)
        ):
            GhostCounter.shown += 1
            GhostCounter.wrong += not self._text.startswith(apply_insertion(typed.before, first))
        return (each for each in ways if self.has_second or each[0].keys != ("shift+tab",))


def show_ghosts(label: str, model: LanguageModel, excerpts: Sequence[Excerpt]) -> None:
    """Prints the keys that a writer at the cursor saves with each rule."""
    for threshold, has_second in GHOST_RULES:
        GhostCounter.has_second = has_second
        GhostCounter.shown = GhostCounter.wrong = 0
        with (
            patch.object(accepting, "GHOST_FROM", threshold),
            patch.object(evaluate, "Typist", GhostCounter),
        ):
            found = summarize(score(model, excerpts))
        saved = found.keystroke_savings
        assert saved is not None
        second = "with" if has_second else "without"
        print(f"{label:30} from {threshold:.2f}, {second:7} the second word: {saved.at_cursor:.1%}")
        share = GhostCounter.wrong / GhostCounter.shown
        in_100 = 100 * GhostCounter.wrong / found.characters
        print(f"{'':30} wrong {share:.0%} of ghosts, {in_100:.1f} in 100 characters", flush=True)


if __name__ == "__main__":
    main()
