"""Questions answered one at a time, of which the latest wins. No textual here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")


class LatestQuestion(Generic[Q, A]):
    """Answers one question at a time, off the event loop.

    A question asked meanwhile waits, and replaces the one that waited before. The answer to a
    question that a newer one has overtaken is not shown.
    """

    def __init__(self, answer: Callable[[Q], Awaitable[A]], show: Callable[[A], None]) -> None:
        """`answer` is called on the event loop and gives the work to wait for; `show` is called
        there with what comes of it."""
        self._answer, self._show = answer, show
        self._coming: asyncio.Future[A] | None = None
        self._is_asked = asyncio.Event()
        self.asked: Q | None = None
        """The question in work, None if there is none."""
        self.waiting: Q | None = None
        """The question that comes after it, None if there is none."""

    def ask(self, question: Q) -> None:
        """Replaces any pending question with this one. The work begins at once if none is going on,
        so that a quick answer is painted together with the key press that has asked."""
        if self._coming is None:
            self._begin(question)
        else:
            self.waiting = None if question == self.asked else question

    def _begin(self, question: Q) -> None:
        self.asked, self.waiting = question, None
        self._coming = asyncio.ensure_future(self._answer(question))
        self._is_asked.set()

    async def run(self) -> None:
        """Worker loop: shows the answers as they come. An error of the work ends it."""
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
