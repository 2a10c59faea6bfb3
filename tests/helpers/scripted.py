"""A model with scripted probabilities."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.lm.model import LanguageModel, excluded_ids
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.tokenizers import LessonTokenizer
from rnnlm_tui.text.vocabulary import Vocabulary

WORDS = ("the", "cat", "car", "sat", "dog", "a")


class ContextModel(LanguageModel):
    """A model whose state is its context."""

    start: tuple[int, ...] = ()

    def advance(self, state: tuple[int, ...], ids: Sequence[int]) -> list[tuple[int, ...]]:
        return [(*state, *ids[: count + 1]) for count in range(len(ids))]

    def predict(self, states: Iterable[tuple[int, ...]]) -> Iterator[NDArray[np.float32]]:
        return map(self.next_word_probabilities, states)

    @abstractmethod
    def next_word_probabilities(self, context: Sequence[int]) -> NDArray[np.float32]: ...


class ScriptedModel(ContextModel):
    """A distribution for each last word of the context; uniform if there is none for it. Answers
    wait while `gate` is cleared. `asked` has every context."""

    def __init__(
        self,
        after: Mapping[str, Mapping[str, float]],
        window: int = 3,
        special_tokens: Sequence[str] = (),
        words: Sequence[str] = WORDS,
        tokenizer: Tokenizer | None = None,
    ) -> None:
        self.tokenizer = tokenizer or LessonTokenizer()
        self.vocabulary = Vocabulary(words, special_tokens)
        self.excluded_ids = excluded_ids(self.vocabulary, self.tokenizer)
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
        last = self.vocabulary.word(context[-1]) if context else ""
        script = self._after.get(last)
        if script is None:
            total = self.vocabulary.total_words
            return np.full(total, 1 / total, dtype=np.float32)
        ids = {
            word: i
            for i, word in enumerate(("", *self.vocabulary.special_tokens, *self.vocabulary.words))
        }
        probabilities = np.zeros(len(ids), dtype=np.float32)
        for word, probability in script.items():
            probabilities[ids[word]] = probability
        return probabilities
