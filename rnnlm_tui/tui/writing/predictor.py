"""Asks models for suggestions, in a thread. Does not import textual."""

from __future__ import annotations

import asyncio
import ctypes
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from rnnlm_tui.text.reading import count_words

if TYPE_CHECKING:
    from rnnlm_tui.lm.contexts import Contexts
    from rnnlm_tui.store.library import OpenedModel
    from rnnlm_tui.suggesting.accepting import Suggestion
    from rnnlm_tui.suggesting.suggest import Suggestions
    from rnnlm_tui.text.tokenizer import Insertion

CANDIDATES = 10
"""The most words in the list."""
READ_FIRST = 200
"""Words above the line that are read before the first suggestions in a text that was opened: 200
take 40 ms, and 3,000 take 600."""


def return_freed_memory() -> None:
    """Returns freed memory to the system, which glibc keeps for each thread: 40 of the 88 MB that
    opening `english` takes."""
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)


@dataclass(frozen=True, slots=True)
class Question:
    """Asks a model what comes at `cursor` in `line`. `above` are the lines above it."""

    opened_model: OpenedModel
    line: str
    cursor: int
    above: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """The suggestions of the model."""

    question: Question
    suggestions: Suggestions


class Predictor:
    """Asks the active model in a single thread, since only one call at a time may use the contexts
    of a model."""

    def __init__(self) -> None:
        self.opened_model: OpenedModel | None = None
        """The active model; None while none is loaded."""
        self.is_reading = False
        """True while the model reads the lines above. Meanwhile its suggestions follow from the
        last READ_FIRST words of these."""
        self._thread = ThreadPoolExecutor(1, "predictor")
        self._coming: asyncio.Future[Answer] | None = None
        self._readings = 0
        """How many calls of `read` were begun. Only the last one is wanted."""
        self._is_closed = False

    def question(self, line: str, cursor: int, above: tuple[str, ...]) -> Question | None:
        """Returns the question for a place in a text; None while no model is loaded."""
        if self.opened_model is None:
            return None
        above = last_lines(above) if self.is_reading else above
        return Question(self.opened_model, line, cursor, above)

    def ask(self, line: str, cursor: int, above: tuple[str, ...]) -> asyncio.Future[Answer] | None:
        """Returns the answer to come, or None if there is no model. Cancels an earlier answer that
        has not come.

        If the thread is free, the work begins at once: a quick answer is painted together with the
        letter that was typed.
        """
        if self._coming is not None:
            self._coming.cancel()
        question = self.question(line, cursor, above)
        if question is None or self._is_closed:
            return None
        loop = asyncio.get_running_loop()
        self._coming = loop.run_in_executor(self._thread, answer_to, question)
        return self._coming

    async def continuation(self, question: Question, unlike: str) -> list[Insertion | Suggestion]:
        """Returns words that continue the line of a question. If `unlike`, the text of an earlier
        continuation, is not "", the words are drawn by chance, so that they differ from it."""
        from rnnlm_tui.suggesting.generate import continue_typed

        model, contexts = question.opened_model.model, question.opened_model.contexts
        asked = (model, question.line, unlike, question.above, contexts)
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, continue_typed, *asked
        )

    async def read(
        self, opened_model: OpenedModel, earlier: Sequence[str], above: tuple[str, ...]
    ) -> None:
        """Lets a model read texts that were written `earlier`, and then the lines `above` the line
        being written. That takes seconds for many words, and is done in another thread."""
        self._readings += 1
        reading = self._readings

        def is_wanted() -> bool:
            return not self._is_closed and self._readings == reading

        lines = takewhile(lambda line: is_wanted(), earlier)
        contexts = await asyncio.to_thread(read_contexts, opened_model, lines, above)
        if is_wanted():
            opened_model.contexts = contexts
            await asyncio.to_thread(return_freed_memory)

    def close(self) -> None:
        """Ends the thread without waiting for it. Nothing can be asked any more."""
        self._is_closed = True
        self._thread.shutdown(wait=False, cancel_futures=True)


def last_lines(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the last lines: as many as it takes for READ_FIRST words."""
    words = 0
    for place in reversed(range(len(lines))):
        words += count_words(lines[place])
        if words >= READ_FIRST:
            return lines[place:]
    return lines


def answer_to(question: Question) -> Answer:
    # Imported after the first paint, since it imports numpy, which takes 0.14 s.
    from rnnlm_tui.suggesting.suggest import suggest

    suggestions = suggest(
        question.opened_model.model,
        question.line,
        question.cursor,
        CANDIDATES,
        question.above,
        question.opened_model.contexts,
    )
    return Answer(question, suggestions)


def read_contexts(
    opened_model: OpenedModel, earlier: Iterable[str], above: tuple[str, ...]
) -> Contexts:
    """Returns the contexts of a model that has read earlier texts and the lines `above`."""
    from rnnlm_tui.lm.contexts import Contexts  # imports numpy
    from rnnlm_tui.suggesting.suggest import encode_context

    contexts = Contexts(opened_model.model, opened_model.unwanted)
    contexts.read_earlier(earlier)
    contexts.state_after(encode_context(opened_model.model, above))
    return contexts
