"""Measures the keys that the word lists of Onboard, a keyboard on the screen, save on texts.

    python -m tests.benchmarks.onboard de_DE.lm TEXT ... [--words 2000] [--model german]

The list is a file of Debian's package `onboard-data`: counts of words, and of some pairs. Here it
is mixed with the words written last, since Onboard learns from these, too. The writers, their keys,
and the spaces and quotes are those of a model of the same language.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from rnnlm_tui import threads

threads.use_one_thread()  # before numpy loads

import numpy as np

from rnnlm_tui.lm.mixture import MixedModel
from rnnlm_tui.lm.model import Array, WindowModel
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.tokenizers import make_tokenizer
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS, UNKNOWN_ID, Vocabulary
from tests.benchmarks.options import parse
from tests.benchmarks.writers import lines_of, show_keys, spread

UNKNOWN = 0.03
"""The probability of the words that the list does not have: their share in German texts."""
LEAST_OTHERS = 0.2
"""The least share of the words that follow a word in no pair of the list."""


class WordList(WindowModel):
    """Predicts a word from the word before it, if the list has pairs with that, or else by its
    frequency."""

    window = 1

    def __init__(self, path: Path, tokenizer: Tokenizer) -> None:
        counts = dict[str, int]()
        self._after = defaultdict[str, dict[str, int]](dict)
        for line in path.read_text("utf-8").split("\n"):
            match line.split(" "):
                case [count, word] if count.isdecimal() and word[0] != "<":
                    counts[word] = int(count)
                case [count, before, word] if count.isdecimal():
                    self._after[before][word] = int(count)
        words = sorted(counts, key=lambda word: -counts[word])
        vocabulary = Vocabulary(words, SPECIAL_TOKENS)
        conventions = tokenizer.conventions
        super().__init__(vocabulary, make_tokenizer(tokenizer.name, conventions, vocabulary))
        frequencies = np.array([counts[word] for word in words], np.float32)
        self._alone = np.zeros(vocabulary.total_words, np.float32)
        self._alone[vocabulary.first_word_id :] = (1 - UNKNOWN) * frequencies / frequencies.sum()
        self._alone[UNKNOWN_ID] = UNKNOWN
        self._counts = counts

    def next_word_probabilities(self, context: Sequence[int]) -> Array:
        word = self.vocabulary.word(context[-1]) if context else ""
        after = {w: n for w, n in self._after.get(word, {}).items() if w in self._counts}
        in_pairs = sum(after.values())
        times = max(self._counts.get(word, 1), in_pairs / (1 - LEAST_OTHERS))
        probabilities: Array = self._alone * np.float32(1 - in_pairs / times)
        for following, count in after.items():
            probabilities[self.vocabulary.encode([following])] += count / times
        return probabilities


def main() -> None:
    """Measures each text."""
    parser = argparse.ArgumentParser(description="the keys that Onboard's words save")
    parser.add_argument("list", type=Path)
    parser.add_argument("texts", nargs="+", type=Path)
    parser.add_argument("--words", type=int, default=2000, help="words measured of each text")
    asked, library = parse(parser)
    words = WordList(asked.list, library.open(asked.model).model.tokenizer)
    model = MixedModel({"ngrams": words}, {"ngrams": 0.8, "cache": 0.2})
    for text in asked.texts:
        show_keys(text.stem[:30], model, spread(lines_of(text), asked.words))


if __name__ == "__main__":
    main()
