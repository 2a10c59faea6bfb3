"""Which lines a model was trained on, by hashes of their words, so that it is told which lines of
any text it has seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from rnnlm_tui.text.held_out import Mask, hold_out
from rnnlm_tui.text.line_hashes import NO_WORDS, Hashes, hash_lines, no_hashes
from rnnlm_tui.text.tokenizer import Tokenizer

LONG_LINE = 4
"""Lines of fewer words may occur in any text."""
EVERY = 16
"""The English that ships has the hashes of one of so many lines, 0.1 MB."""
LONG_LINE_OF_ENGLISH, CHANCE = 8, 0.05
"""The English has learned a text if it knows more than this share of the lines of so many words."""
OF_ENGLISH = "this text is part of what the English has learned: its figures are too good"


@dataclass(frozen=True, slots=True)
class TrainedLines:
    """The sorted hashes of the lines that a model or an ancestor was trained on, and of the lines
    that it held out of its text and was not trained on either."""

    known: Hashes = field(default_factory=no_hashes)
    unseen: Hashes = field(default_factory=no_hashes)

    def held_out_of(self, hashes: Hashes) -> Mask:
        """Which of the lines with these hashes [L] the model held out."""
        held_out: Mask = np.isin(hashes, self.unseen)
        return held_out

    def hold_out_again(self, hashes: Hashes, fraction: float, seed: int) -> Mask:
        """Which lines [L] of a text to hold out, given their hashes: those held out before, and
        about a `fraction` of the new ones. None is a line that the model was trained on."""
        may_be = (hashes != NO_WORDS) & ~np.isin(hashes, self.known)
        before: Mask = self.held_out_of(hashes) & may_be
        return before | hold_out(may_be & ~before, fraction, seed)

    def with_run(self, hashes: Hashes, held_out: Mask) -> TrainedLines:
        """The lines after a training on those with these hashes [L], except `held_out` [L]."""
        train, unseen = hashes[~held_out], hashes[held_out]
        known: Hashes = np.union1d(train[train != NO_WORDS], self.known)
        return TrainedLines(known, np.setdiff1d(unseen[unseen != NO_WORDS], known))


def count_seen(lines: Iterable[str], tokenizer: Tokenizer, seen: Hashes) -> int:
    """The number of `lines` whose words are among those with the hashes `seen`, excluding short
    lines."""
    return int(np.isin(_hashes_of_long(lines, tokenizer, LONG_LINE), seen).sum())


def is_of_english(lines: Iterable[str], tokenizer: Tokenizer, learned: Hashes) -> bool:
    """Whether these lines are of a text that the English has learned, of whose lines `learned` are
    the `thinned` hashes."""
    sampled = thinned(_hashes_of_long(lines, tokenizer, LONG_LINE_OF_ENGLISH))
    return bool(np.isin(sampled, learned).sum() > CHANCE * len(sampled))


def thinned(hashes: Hashes) -> Hashes:
    """One of `EVERY` hashes, the same in any text."""
    few: Hashes = hashes[hashes % EVERY == 0]
    return few


def _hashes_of_long(lines: Iterable[str], tokenizer: Tokenizer, fewest: int) -> Hashes:
    """The hashes of the lines with so many words or more."""
    long = (line for line in lines if tokenizer.line_key(line).count(" ") >= fewest - 1)
    return hash_lines(long, tokenizer)
