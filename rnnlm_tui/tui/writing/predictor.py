"""Questions to a model and its answers: off the event loop, one at a time, the latest wins."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rnnlm_tui.lm.model import LanguageModel
    from rnnlm_tui.store.card import ModelCard
    from rnnlm_tui.suggest import Suggestions

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model that suggests, under its name."""

    name: str
    card: ModelCard
    model: LanguageModel

    @property
    def kind(self) -> str:
        """The preset, and the epoch whose weights are kept where it had several."""
        config = self.card.config
        if not hasattr(config.train, "epochs"):
            return config.preset
        return f"{config.preset}, epoch {self.card.metrics.get('epoch', self.card.epochs_done)}"


@dataclass(frozen=True, slots=True)
class Question:
    """What comes at `cursor` of `line`, according to `loaded_model`, and to the models `beside` it.

    `earlier` are the lines above, the last one nearest, for a model that carries lines.
    """

    loaded_model: LoadedModel
    line: str
    cursor: int
    k: int
    earlier: tuple[str, ...] = ()
    beside: tuple[LoadedModel, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer carries its question. `fitting` counts the words that begin with what is typed,
    `took_s` is the time in the model, `beside` has what the models beside it say."""

    question: Question
    suggestions: Suggestions
    fitting: int
    took_s: float
    beside: tuple[Suggestions, ...] = ()


class Predictor:
    """Asks models in one thread of its own: a model remembers contexts and is not to be asked from
    two threads at once.

    A question asked while another is answered waits, and replaces the one that waited before.
    """

    def __init__(self, show: Callable[[Answer], None]) -> None:
        """`show` is called on the event loop with each answer."""
        self._show = show
        self._wanted: Question | None = None
        self._asked: Question | None = None
        self._coming: asyncio.Future[Answer] | None = None
        self._is_asked = asyncio.Event()
        self._is_closed = False
        self._thread = ThreadPoolExecutor(1, "predictor")

    def ask(self, question: Question) -> None:
        """Wants an answer to this, and to no earlier question any more. Where none is in work, the
        thread begins at once, so that a quick answer comes before the picture of the key press and
        is painted with it."""
        if self._is_closed:
            return
        if self._coming is None:
            self._begin(question)
        else:
            self._wanted = None if same(question, self._asked) else question

    def _begin(self, question: Question) -> None:
        work = partial(answered, question)
        self._asked = question
        self._coming = asyncio.get_running_loop().run_in_executor(self._thread, work)
        self._is_asked.set()

    async def run(self) -> None:
        """Answers for ever."""
        while True:
            await self._is_asked.wait()
            self._is_asked.clear()
            assert self._coming is not None
            answer = await self._coming
            self._coming, question, self._wanted = None, self._wanted, None
            if question is not None and not self._is_closed:
                self._begin(question)
            self._show(answer)

    async def in_thread(self, work: Callable[[], T]) -> T:
        """The result of `work`, which asks a model something else."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def close(self) -> None:
        """Ends the thread; what it is at is dropped, and what is asked from now on."""
        self._is_closed = True
        self._thread.shutdown(wait=False, cancel_futures=True)


def same(one: Question, other: Question | None) -> bool:
    """Whether both ask the same of the same model."""
    return (
        other is not None
        and (one.loaded_model, *one.beside) == (other.loaded_model, *other.beside)
        and (one.line, one.cursor, one.k) == (other.line, other.cursor, other.k)
        and one.earlier == other.earlier
    )


def answered(question: Question) -> Answer:
    """Asks the model."""
    from rnnlm_tui.suggest import suggest  # numpy: 0.14 s that the first picture does not need

    began = time.perf_counter()

    def asked(loaded_model: LoadedModel) -> Suggestions:
        line, cursor, k = question.line, question.cursor, question.k
        return suggest(loaded_model.model, line, cursor, k, question.earlier)

    found = asked(question.loaded_model)
    words = question.loaded_model.model.vocabulary
    fitting = len(words.ids_with_prefix(found.prefix)) if found.prefix else len(words.words)
    took = time.perf_counter() - began
    return Answer(question, found, fitting, took, tuple(map(asked, question.beside)))
