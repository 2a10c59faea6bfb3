"""The n-grams that matter most: a model of at most so many, and its estimates.

What an n-gram is worth is the relative entropy between the whole model and the one without it:
how often its context occurs, times the divergence of the two distributions after it. An n-gram is
worth as much as the best longer one that it begins, so the n-grams kept are a trie.

Without a longer n-gram a shorter one has to speak for its places in the text. So it counts them
all, where one that is kept counts once, before the discounts and the shares are estimated anew.

Sources: A. Stolcke, "Entropy-based pruning of backoff language models", 1998, for the worth, with
how often a context occurs instead of its Kneser-Ney estimate, as C. Chelba and others advise,
"Study on interaction between entropy pruning and Kneser-Ney smoothing", 2010; V. Siivola,
T. Hirsimaki and S. Virpioja, "On growing and pruning Kneser-Ney smoothed n-gram models", 2007, for
the counts. Levels, nodes and shapes as in `counting`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.lm.counting import NgramLevel, counts_below
from rnnlm_tui.lm.kneser_ney import (
    Arrays,
    estimate,
    trie_arrays,
    unigram_probabilities,
)
from rnnlm_tui.text.vocabulary import Vocabulary

Mask = NDArray[np.bool_]
TINY = 1e-12
"""Taken for a probability of 0, whose logarithm is needed."""


def pruned_arrays(
    levels: Sequence[NgramLevel], vocabulary: Vocabulary, most: int
) -> Iterator[Arrays]:
    """The arrays of the model of the `most` n-grams of two words and more that matter most, as
    `NgramModel` reads them, one level at a time."""
    kept = _largest(worths(levels, vocabulary), levels, most)
    levels = _recounted(levels, kept)
    yield {"probability.1": unigram_probabilities(levels[0], vocabulary)}
    new_nodes = np.arange(len(levels[0].words), dtype=np.int32)
    above = np.ones(len(new_nodes), bool)
    for k, (level, mask) in enumerate(zip(levels[1:], kept[1:], strict=True), start=2):
        part = estimate(level, len(above))
        # What the n-grams left out had is for the shorter context to share.
        freed = np.bincount(level.parents[~mask], part.discounted[~mask], len(above))
        backoff = np.minimum(part.backoff + freed, 1).astype(np.float32)[above]
        parents = new_nodes[level.parents[mask]]
        yield trie_arrays(k, parents, level.words[mask], part.discounted[mask], backoff)
        new_nodes = (np.cumsum(mask) - 1).astype(np.int32)
        above = mask


def worths(levels: Sequence[NgramLevel], vocabulary: Vocabulary) -> list[NDArray[np.float32]]:
    """What each n-gram of each level from 2 on is worth, in nats a word of the text."""
    shorter = unigram_probabilities(levels[0], vocabulary)
    words = levels[0].occurrences.sum()
    found = []
    for above, level in pairwise(levels):
        contexts, part = level.parents, estimate(level, len(above.words))
        # p(w | h) and p(w | h without its first word) of each n-gram h w.
        low = np.maximum(shorter[level.shorter], TINY)
        p = part.discounted + part.backoff[contexts] * low
        # The probability of all words that have no n-gram after h, by h and by the shorter context.
        unlisted = np.maximum(1 - np.bincount(contexts, low, len(above.words)), TINY)
        left = part.backoff * unlisted
        backoff = (left[contexts] + p) / (unlisted[contexts] + low)
        rise = np.log(backoff / np.maximum(part.backoff, TINY)[contexts])
        change = p * np.log(np.maximum(p, TINY) / (backoff * low)) - left[contexts] * rise
        found.append((above.occurrences[contexts] / words * change).astype(np.float32))
        shorter = p.astype(np.float32)
    return found


def _largest(
    worths: list[NDArray[np.float32]], levels: Sequence[NgramLevel], most: int
) -> list[Mask]:
    """Which n-grams of each level are kept; all words are. Of equals the shorter ones are, so none
    is without its parent."""
    for above, worth, level in zip(worths[-2::-1], worths[:0:-1], levels[:1:-1], strict=True):
        np.maximum.at(above, level.parents, worth)
    together = np.concatenate(worths)
    best = np.argsort(-together, kind="stable")[:most]
    mask = np.zeros(len(together), bool)
    mask[best] = True
    ends = np.cumsum([len(worth) for worth in worths])[:-1]
    return [np.ones(len(levels[0].words), bool), *np.split(mask, ends)]


def _recounted(levels: Sequence[NgramLevel], kept: Sequence[Mask]) -> list[NgramLevel]:
    """The levels with the counts of a model of the n-grams kept."""
    longer = replace(levels[-1], last=None)
    found = [longer]
    for level, mask in zip(levels[-2::-1], kept[:0:-1], strict=True):
        counts = counts_below(longer, np.where(mask, 1, longer.counts), level)
        longer = replace(level, counts=counts, last=None)
        found.insert(0, longer)
    return found
