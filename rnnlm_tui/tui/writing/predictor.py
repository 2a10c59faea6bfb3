"""Asks models for suggestions, off the event loop. Does not import textual."""

from __future__ import annotations

import asyncio
import ctypes
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, takewhile
from typing import TYPE_CHECKING

from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.text.reading import WITHOUT_SPACES, lacks_spaces

if TYPE_CHECKING:
    from rnnlm_tui.lm.contexts import Contexts
    from rnnlm_tui.lm.model import LanguageModel
    from rnnlm_tui.store.card import ModelCard
    from rnnlm_tui.store.library import Library
    from rnnlm_tui.suggesting.accepting import Suggestion
    from rnnlm_tui.suggesting.suggest import Suggestions
    from rnnlm_tui.text.tokenizer import Insertion

CANDIDATES = 10
RECENT, COUNTED_LETTERS, HALF = 30, 4, 0.5
"""A text counts as English if the English knows half of its last 30 words. Those of four letters or
more count: short ones such as `la` and `die` are known in any language. So no 30 words of four
English texts are taken for another language, and 84 to 100 % of those in French, German, Spanish
and Italian ones are."""
NOT_ENGLISH = "these words are not English: F3 learns yours, F4 lists models"


@dataclass(eq=False)
class LoadedModel:
    """A model in memory, and when it was saved: the modification time in nanoseconds. `unwanted`
    returns the words that it is not to suggest. `contexts` are replaced by those that have read
    earlier texts."""

    name: str
    card: ModelCard
    model: LanguageModel
    saved_ns: int | None = None
    unwanted: Callable[[], frozenset[str]] = frozenset

    @cached_property
    def contexts(self) -> Contexts:
        """What the model has read lately."""
        from rnnlm_tui.lm.contexts import Contexts  # imports numpy

        return Contexts(self.model, self.unwanted)


def load_model(library: Library, name: str) -> LoadedModel:
    """Loads a model and returns freed memory to the system. Raises RnnlmError.

    With glibc, that is 40 of the 88 MB that loading the built-in English model takes.
    """
    saved_ns = when_saved(library, name)  # read first, so that no later save is missed
    loaded = LoadedModel(name, *library.open(name), saved_ns, library.unwanted.words)
    return_freed_memory()
    return loaded


def when_saved(library: Library, name: str) -> int | None:
    """The modification time of a model in nanoseconds; None if there is no such model."""
    with suppress(OSError, RnnlmError):
        return library.path(name).stat().st_mtime_ns
    return None


def return_freed_memory() -> None:
    """Returns freed memory to the system, which glibc keeps for each thread."""
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)


@dataclass(frozen=True, slots=True)
class Question:
    """Asks a model what comes at `cursor` in `line`. `previous_lines` are the lines above, the
    nearest last."""

    loaded_model: LoadedModel
    line: str
    cursor: int
    previous_lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """The suggestions of the model, and a `note` if the text is in a language that it does not
    know."""

    question: Question
    suggestions: Suggestions
    note: str = ""


class Predictor:
    """Asks models in a single thread of its own, since only one at a time may use their
    contexts."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "predictor")
        self._coming: asyncio.Future[Answer] | None = None
        self._readings = 0
        """How often earlier texts were read: only the last reading is wanted."""
        self.is_closed = False

    def answer(self, question: Question) -> asyncio.Future[Answer]:
        """Returns the answer to come, and cancels an earlier one that has not come.

        The work starts at once if the thread is free, so that a quick answer is painted together
        with the key press.
        """
        if self._coming is not None:
            self._coming.cancel()
        coming = asyncio.get_running_loop().run_in_executor(self._thread, answer_to, question)
        self._coming = coming
        return coming

    async def continuation(self, question: Question, unlike: str) -> list[Insertion | Suggestion]:
        """Returns how to insert the words that continue the line of a question. With `unlike`, the
        text of an earlier continuation, they are drawn by chance, so that they differ from it."""
        from rnnlm_tui.suggesting.generate import continue_typed

        model, contexts = question.loaded_model.model, question.loaded_model.contexts
        asked = (model, question.line, unlike, question.previous_lines, contexts)
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, continue_typed, *asked
        )

    async def read_earlier(
        self, loaded_model: LoadedModel, earlier: Sequence[str], above: tuple[str, ...]
    ) -> None:
        """Lets a model read texts that were written earlier, and the lines `above` the one being
        written below them. It takes seconds for many words, and is done in another thread."""
        self._readings += 1
        reading = self._readings

        def is_wanted(line: str = "") -> bool:
            return not self.is_closed and self._readings == reading

        lines = takewhile(is_wanted, earlier)
        contexts = await asyncio.to_thread(read_below, loaded_model, lines, above)
        if is_wanted():
            loaded_model.contexts = contexts
            await asyncio.to_thread(return_freed_memory)

    def close(self) -> None:
        """Ends the thread without waiting for it. Nothing can be asked any more."""
        self.is_closed = True
        self._thread.shutdown(wait=False, cancel_futures=True)


def answer_to(question: Question) -> Answer:
    from rnnlm_tui.suggesting.suggest import (
        suggest,  # imports numpy: 0.14 s, not before the first paint
    )

    suggestions = suggest(
        question.loaded_model.model,
        question.line,
        question.cursor,
        CANDIDATES,
        question.previous_lines,
        question.loaded_model.contexts,
    )
    return Answer(question, suggestions, note_on_language(question))


def note_on_language(question: Question) -> str:
    """Says that the last words up to the cursor are not English, if the model is built on that, or
    that their script has no spaces; "" if there is nothing to say."""
    from rnnlm_tui.store.card import ENGLISH

    loaded, line = question.loaded_model, question.line[: question.cursor]
    if lacks_spaces("".join((*question.previous_lines[-1:], line))[-RECENT:]):
        return WITHOUT_SPACES
    tokenizer, words = loaded.model.tokenizer, list[str]()
    if ENGLISH not in (loaded.name, loaded.card.base):
        return ""
    newest_first = chain(
        (tokenizer.split_typed(line)[0],),
        map(tokenizer.words_above, reversed(question.previous_lines)),
    )
    for of_line in newest_first:
        words[:0] = [word for word in of_line if word[0].isalpha()]
        if len(words) >= RECENT:
            break
    long = [word for word in words[-RECENT:] if len(word) >= COUNTED_LETTERS]
    is_english = len(words) < RECENT or not long
    return "" if is_english or loaded.model.vocabulary.share_known(long) >= HALF else NOT_ENGLISH


def read_below(
    loaded_model: LoadedModel, earlier: Iterable[str], above: tuple[str, ...]
) -> Contexts:
    """Returns what a model predicts below earlier texts and the lines `above`."""
    from rnnlm_tui.lm.contexts import Contexts  # imports numpy
    from rnnlm_tui.suggesting.suggest import encode_context

    contexts = Contexts(loaded_model.model, loaded_model.unwanted)
    contexts.read_earlier(earlier)
    contexts.state_after(encode_context(loaded_model.model, [], above))
    return contexts
