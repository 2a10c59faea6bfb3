"""Prunes an n-gram model to its most important n-grams.

The importance of an n-gram is the relative entropy between the full model and the model without it:
the frequency of its context times the divergence of the two distributions after it. An n-gram is
at least as important as any longer one that it begins, so the kept n-grams form a trie.

Pruning a longer n-gram shifts its occurrences to the shorter one: they all add to its count, while
a kept n-gram adds one. Then discounts and shares are estimated again.

Sources: A. Stolcke, "Entropy-based pruning of backoff language models", 1998, with the frequency of
a context in place of its Kneser-Ney estimate, as advised by C. Chelba and others, "Study on
interaction between entropy pruning and Kneser-Ney smoothing", 2010; for the counts V. Siivola,
T. Hirsimaki and S. Virpioja, "On growing and pruning Kneser-Ney smoothed n-gram models", 2007.
Levels, nodes and shapes are those of `counting`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.lm.counting import NgramLevel, counts_below
from rnnlm_tui.lm.kneser_ney import Arrays, estimate, trie_arrays, unigram_probabilities
from rnnlm_tui.text.vocabulary import Vocabulary

Mask = NDArray[np.bool_]
TINY = 1e-12
"""Lower bound of probabilities in logarithms."""


def pruned_arrays(
    levels: Sequence[NgramLevel], vocabulary: Vocabulary, most: int
) -> Iterator[Arrays]:
    """Yields the arrays of the `NgramModel` of the `most` important n-grams of two or more words,
    one level at a time."""
    kept = _largest(importances(levels, vocabulary), levels, most)
    levels = _recounted(levels, kept)
    yield {"probability.1": unigram_probabilities(levels[0], vocabulary)}
    new_nodes = np.arange(len(levels[0].words), dtype=np.int32)
    above = np.ones(len(new_nodes), bool)
    for k, (level, mask) in enumerate(zip(levels[1:], kept[1:], strict=True), start=2):
        part = estimate(level, len(above))
        # The shares of pruned n-grams go to the shorter context.
        freed = np.bincount(level.parents[~mask], part.discounted[~mask], len(above))
        backoff = np.minimum(part.backoff + freed, 1).astype(np.float32)[above]
        parents = new_nodes[level.parents[mask]]
        yield trie_arrays(k, parents, level.words[mask], part.discounted[mask], backoff)
        new_nodes = (np.cumsum(mask) - 1).astype(np.int32)
        above = mask


def importances(levels: Sequence[NgramLevel], vocabulary: Vocabulary) -> list[NDArray[np.float32]]:
    """The importance of each n-gram of the levels from 2 on, in nats per word of the text."""
    shorter = unigram_probabilities(levels[0], vocabulary)
    words = levels[0].occurrences.sum()
    found = []
    for above, level in pairwise(levels):
        contexts, part = level.parents, estimate(level, len(above.words))
        # p(w | h) and p(w | h without its first word) of each n-gram h w.
        low = np.maximum(shorter[level.shorter], TINY)
        p = part.discounted + part.backoff[contexts] * low
        # The probability of all words without an n-gram after h, by the shorter context and by h.
        unlisted = np.maximum(1 - np.bincount(contexts, low, len(above.words)), TINY)
        left = part.backoff * unlisted
        backoff = (left[contexts] + p) / (unlisted[contexts] + low)
        rise = np.log(backoff / np.maximum(part.backoff, TINY)[contexts])
        change = p * np.log(np.maximum(p, TINY) / (backoff * low)) - left[contexts] * rise
        found.append((above.occurrences[contexts] / words * change).astype(np.float32))
        shorter = p.astype(np.float32)
    return found


def _largest(
    found: list[NDArray[np.float32]], levels: Sequence[NgramLevel], most: int
) -> list[Mask]:
    """Masks of the `most` important n-grams of each level; all unigrams are kept. Ties go to the
    shorter n-gram, so none loses its parent."""
    for above, importance, level in zip(found[-2::-1], found[:0:-1], levels[:1:-1], strict=True):
        np.maximum.at(above, level.parents, importance)
    together = np.concatenate(found)
    best = np.argsort(-together, kind="stable")[:most]
    mask = np.zeros(len(together), bool)
    mask[best] = True
    ends = np.cumsum([len(importance) for importance in found])[:-1]
    return [np.ones(len(levels[0].words), bool), *np.split(mask, ends)]


def _recounted(levels: Sequence[NgramLevel], kept: Sequence[Mask]) -> list[NgramLevel]:
    """The levels with the counts of the pruned model."""
    longer = replace(levels[-1], last=None)
    found = [longer]
    for level, mask in zip(levels[-2::-1], kept[:0:-1], strict=True):
        counts = counts_below(longer, np.where(mask, 1, longer.counts), level)
        longer = replace(level, counts=counts, last=None)
        found.insert(0, longer)
    return found
