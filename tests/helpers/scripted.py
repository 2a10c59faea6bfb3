"""A model with scripted probabilities."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.lm.model import WindowModel
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.tokenizers import LessonTokenizer
from rnnlm_tui.text.vocabulary import Vocabulary

WORDS = ("the", "cat", "car", "sat", "dog", "a")


class ScriptedModel(WindowModel):
    """A model whose probabilities depend on the last word of the context: `after` has them by that
    word. After other words all words are equally likely. Answers wait while `gate` is cleared.
    `asked` has every context, oldest first."""

    def __init__(
        self,
        after: Mapping[str, Mapping[str, float]],
        window: int = 3,
        special_tokens: Sequence[str] = (),
        words: Sequence[str] = WORDS,
        tokenizer: Tokenizer | None = None,
    ) -> None:
        super().__init__(Vocabulary(words, special_tokens), tokenizer or LessonTokenizer())
        self.window = window
        self.asked: list[tuple[int, ...]] = []
        self.gate = threading.Event()
        self.gate.set()
        self._after = after

    @property
    def asked_words(self) -> list[tuple[str, ...]]:
        """The words of every context."""
        return [tuple(map(self.vocabulary.word, context)) for context in self.asked]

    def next_word_probabilities(self, context: Sequence[int]) -> NDArray[np.float32]:
        self.asked.append(tuple(context))
        assert self.gate.wait(20), "nobody opened the gate"
        vocabulary, total = self.vocabulary, self.vocabulary.total_words
        script = self._after.get(vocabulary.word(context[-1]) if context else "")
        if script is None:
            return np.full(total, 1 / total, np.float32)
        words = ("", *map(vocabulary.word, range(1, total)))
        return np.array([script.get(word, 0) for word in words], np.float32)
