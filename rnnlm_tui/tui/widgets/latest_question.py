"""Answers questions one at a time; the latest one wins. Does not import textual."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")


class LatestQuestion(Generic[Q, A]):
    """Answers one question at a time, off the event loop.

    A question asked in the meantime waits, and replaces any other that waits. An answer is not
    shown if a newer question is waiting.
    """

    def __init__(self, answer: Callable[[Q], Awaitable[A]], show: Callable[[A], None]) -> None:
        """Both are called on the event loop: `answer` returns the work to await, `show` gets its
        result."""
        self._answer, self._show = answer, show
        self._coming: asyncio.Future[A] | None = None
        self._is_asked = asyncio.Event()
        self.asked: Q | None = None
        """The question being answered, or None."""
        self.waiting: Q | None = None
        """The next question, or None."""

    def ask(self, question: Q) -> None:
        """Replaces any waiting question with this one. If no question is being answered, the work
        starts at once, so that a quick answer is painted together with the key press."""
        if self._coming is None:
            self._begin(question)
        else:
            self.waiting = None if question == self.asked else question

    def _begin(self, question: Q) -> None:
        self.asked, self.waiting = question, None
        self._coming = asyncio.ensure_future(self._answer(question))
        self._is_asked.set()

    async def run(self) -> None:
        """Worker loop: shows the answers as they come. An exception of the work ends it."""
        while True:
            await self._is_asked.wait()
            self._is_asked.clear()
            assert self._coming is not None
            answer = await self._coming
            self.asked = self._coming = None
            if self.waiting is not None:
                self._begin(self.waiting)
            else:
                self._show(answer)
