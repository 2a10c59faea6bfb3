"""Questions to a model and its answers, off the event loop. No textual here."""

from __future__ import annotations

import asyncio
import ctypes
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from rnnlm_tui.tui.widgets.latest_question import LatestQuestion

if TYPE_CHECKING:
    from rnnlm_tui.lm.model import LanguageModel
    from rnnlm_tui.store.card import ModelCard
    from rnnlm_tui.store.library import Library
    from rnnlm_tui.suggest import Suggestions

CANDIDATES = 10
TEMPERATURE, TOP_K = 0.7, 40
"""How freely a line is continued once more."""


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model in memory, under its name."""

    name: str
    card: ModelCard
    model: LanguageModel

    @property
    def kind(self) -> str:
        """The preset, and for a network the epoch whose weights are kept."""
        config = self.card.config
        if not hasattr(config.train, "epochs"):
            return config.preset
        return f"{config.preset}, epoch {self.card.metrics.get('epoch', self.card.epochs_done)}"


def load(library: Library, name: str) -> LoadedModel:
    """Opens a model, and gives memory back that only this took: with glibc, 40 of the 88 MB of the
    English that ships. Raises RnnlmError."""
    loaded = LoadedModel(name, *library.open(name))
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)
    return loaded


@dataclass(frozen=True, slots=True)
class Question:
    """What comes at `cursor` of `line`, according to a model and to those `compared` with it?
    `previous_lines` are the lines above, the nearest last."""

    loaded_model: LoadedModel
    line: str
    cursor: int
    previous_lines: tuple[str, ...] = ()
    compared: tuple[LoadedModel, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """`took_s` is the time in the model, `compared` are the suggestions of the compared models."""

    question: Question
    suggestions: Suggestions
    took_s: float
    compared: tuple[Suggestions, ...] = ()


class Predictor:
    """Asks models in a thread of its own, the only one that does: a model remembers contexts, and
    two threads at once would mix them up."""

    def __init__(self, show: Callable[[Answer], None]) -> None:
        """`show` is called on the event loop with each answer that no newer question overtakes."""
        self._thread = ThreadPoolExecutor(1, "predictor")
        self._latest = LatestQuestion(self._answer, show)
        self._is_closed = False
        self.run = self._latest.run

    def _answer(self, question: Question) -> asyncio.Future[Answer]:
        return asyncio.get_running_loop().run_in_executor(self._thread, answer_to, question)

    def ask(self, question: Question) -> None:
        """Replaces any pending question with this one."""
        if not self._is_closed:
            self._latest.ask(question)

    async def continuation(
        self, loaded_model: LoadedModel, line: str, above: tuple[str, ...], *, again: bool
    ) -> tuple[list[str], bool]:
        """The words that continue a line below the lines `above`, and whether they were drawn by
        chance. `again`: they are to be others than before, so always drawn."""
        from rnnlm_tui.suggest import decoding_for, generate_words

        count, decoding = decoding_for(loaded_model.model.tokenizer)
        if again and decoding.temperature == 0:
            count, decoding = decoding_for(loaded_model.model.tokenizer, count, TEMPERATURE, TOP_K)
        model = loaded_model.model
        work = partial(generate_words, model, line, count, decoding, previous_lines=above)
        words = await asyncio.get_running_loop().run_in_executor(self._thread, work)
        return words, decoding.temperature > 0

    def close(self) -> None:
        """Ends the thread without waiting for it, and answers no more questions."""
        self._is_closed = True
        self._thread.shutdown(wait=False, cancel_futures=True)


def answer_to(question: Question) -> Answer:
    from rnnlm_tui.suggest import suggest  # numpy: 0.14 s that the first paint does not need

    def suggestions_of(loaded_model: LoadedModel) -> Suggestions:
        line, cursor, above = question.line, question.cursor, question.previous_lines
        return suggest(loaded_model.model, line, cursor, CANDIDATES, above)

    began = time.perf_counter()
    found = suggestions_of(question.loaded_model)
    took = time.perf_counter() - began
    return Answer(question, found, took, tuple(map(suggestions_of, question.compared)))
