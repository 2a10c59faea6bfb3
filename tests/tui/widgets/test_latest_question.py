"""One question is answered at a time, then the latest of those asked in the meantime."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from rnnlm_tui.tui.widgets.latest_question import LatestQuestion
from tests.helpers.runs import until


class Desk:
    """Questions whose answers come once `gate` is set."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.begun: list[str] = []
        self.shown: list[str] = []
        self.latest = LatestQuestion(self._answer, self.shown.append)

    async def _answer(self, question: str) -> str:
        self.begun.append(question)
        await self.gate.wait()
        if question == "broken":
            raise ValueError(question)
        return question.upper()


@pytest.fixture
async def it() -> AsyncIterator[Desk]:
    desk = Desk()
    work = asyncio.create_task(desk.latest.run())
    yield desk
    work.cancel()
    with suppress(asyncio.CancelledError):
        await work


async def test_the_latest_question_wins_and_answers_to_the_others_are_not_shown(it: Desk) -> None:
    it.latest.ask("a")
    await until(lambda: it.begun)
    it.latest.ask("b")
    it.latest.ask("c")
    assert (it.latest.asked, it.latest.waiting) == ("a", "c")
    it.gate.set()
    await until(lambda: it.shown)
    assert (it.begun, it.shown) == (["a", "c"], ["C"])
    it.latest.ask("d")
    await until(lambda: it.shown == ["C", "D"])
    assert it.latest.asked is None


async def test_a_question_asked_twice_is_answered_once(it: Desk) -> None:
    for question in ("a", "b", "a"):
        it.latest.ask(question)
    it.gate.set()
    await until(lambda: it.shown == ["A"])
    assert it.begun == ["a"]


async def test_an_error_ends_the_loop_and_a_cancelled_loop_cancels_the_work() -> None:
    desk = Desk()
    desk.gate.set()
    desk.latest.ask("broken")
    with pytest.raises(ValueError, match="broken"):
        await desk.latest.run()
    desk = Desk()
    work = asyncio.create_task(desk.latest.run())
    desk.latest.ask("a")
    await until(lambda: desk.begun)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert not desk.shown
