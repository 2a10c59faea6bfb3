"""Hashes of the lines that a model was trained on. They tell if it has seen a line of a text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from rnnlm_tui.text.held_out import Mask, hold_out
from rnnlm_tui.text.line_hashes import NO_WORDS, Hashes, hash_lines
from rnnlm_tui.text.tokenizer import Tokenizer

LONG_LINE = 4
"""The fewest words of a line that counts as seen. Shorter lines may occur in any text."""
THINNING = 16
"""A built-in language stores about one of this many hashes. They take 0.1 MB."""
LONG_LINE_OF_LANGUAGE = 8
"""The fewest words of a line that tells whether a built-in language has learned a text."""
LEARNED_SHARE = 0.05
"""A built-in language has learned a text if it knows a larger share of the lines of the text. A
smaller share may be chance."""
IS_BUILT_IN = "this text is part of what the built-in model has learned: its figures are too good"


def no_hashes() -> Hashes:
    return np.empty(0, dtype=np.uint64)


@dataclass(frozen=True, slots=True)
class TrainedLines:
    """The sorted hashes of the lines that a model or an ancestor was trained on (`known`), and of
    the lines of its text that it held out (`unseen`)."""

    known: Hashes = field(default_factory=no_hashes)
    unseen: Hashes = field(default_factory=no_hashes)

    def hold_out_again(self, hashes: Hashes, fraction: float, seed: int) -> Mask:
        """Returns True for each line [L] of a text to hold out, given the hashes of its lines [L].
        These are lines held out before, and about a `fraction` of the new ones. No line that the
        model was trained on is held out."""
        is_untrained = (hashes != NO_WORDS) & ~np.isin(hashes, self.known)
        before: Mask = np.isin(hashes, self.unseen) & is_untrained
        return before | hold_out(is_untrained & ~before, fraction, seed)

    def with_run(self, hashes: Hashes, held_out: Mask) -> TrainedLines:
        """Returns the lines after another training. Its text has lines with these `hashes` [L], and
        it held out the lines of the mask `held_out` [L]."""
        train, unseen = hashes[~held_out], hashes[held_out]
        known: Hashes = np.union1d(train[train != NO_WORDS], self.known)
        return TrainedLines(known, np.setdiff1d(unseen[unseen != NO_WORDS], known))


def count_seen(lines: Iterable[str], tokenizer: Tokenizer, seen: Hashes) -> int:
    """Returns the number of `lines` whose hashes are among `seen`. Short lines do not count."""
    return int(np.isin(_hashes_of_long(lines, tokenizer, LONG_LINE), seen).sum())


def language_has_learned(lines: Iterable[str], tokenizer: Tokenizer, learned: Hashes) -> bool:
    """Returns True if a built-in language has learned the text of these lines. `learned` are the
    `thinned` hashes of the lines that the language has learned."""
    sampled = thinned(_hashes_of_long(lines, tokenizer, LONG_LINE_OF_LANGUAGE))
    return bool(np.isin(sampled, learned).sum() > LEARNED_SHARE * len(sampled))


def thinned(hashes: Hashes) -> Hashes:
    """Returns about one of THINNING hashes. The value of a hash alone decides if it is kept."""
    few: Hashes = hashes[hashes % THINNING == 0]
    return few


def _hashes_of_long(lines: Iterable[str], tokenizer: Tokenizer, fewest: int) -> Hashes:
    """Returns the hashes of the lines with at least `fewest` words."""
    long = (line for line in lines if tokenizer.line_key(line).count(" ") >= fewest - 1)
    return hash_lines(long, tokenizer)
