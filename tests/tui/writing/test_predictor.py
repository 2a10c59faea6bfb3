"""Questions to a model and its answers, without a screen."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from rnnlm_tui.tui.writing.predictor import Answer, LoadedModel, Predictor, Question, answered
from tests.tui.helpers import ScriptedModel, card_of


def loaded_model(model: ScriptedModel) -> LoadedModel:
    return LoadedModel("sonnets", card_of(model), model)


@asynccontextmanager
async def running() -> AsyncIterator[tuple[Predictor, list[Answer]]]:
    """A predictor at work, and its answers."""
    answers: list[Answer] = []
    predictor = Predictor(answers.append)
    task = asyncio.create_task(predictor.run())
    yield predictor, answers
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    predictor.close()


async def until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


def test_an_answer_carries_its_question_and_counts_the_words() -> None:
    model = ScriptedModel()
    question = Question(loaded_model(model), "shall i c", 9, 5)
    answer = answered(question)
    assert answer.question is question
    assert [c.word for c in answer.suggestions.candidates] == ["compare"]
    assert answer.suggestions.continuation == ("compare", "thee", "to")
    assert answer.fitting == 1
    assert answered(Question(loaded_model(model), "shall ", 6, 5)).fitting == len(
        model.vocabulary.words
    )
    assert 0 <= answer.took_s < 10


async def test_the_latest_question_wins() -> None:
    model = ScriptedModel()
    who = loaded_model(model)
    async with running() as (predictor, answers):
        model.gate.clear()
        predictor.ask(Question(who, "s", 1, 5))
        await until(lambda: model.asked)
        for cursor in range(1, 6):
            predictor.ask(Question(who, "shall"[:cursor], cursor, 5))
        model.gate.set()
        await until(lambda: len(answers) == 2)
        assert [a.question.line for a in answers] == ["s", "shall"]
        predictor.ask(Question(who, "shall ", 6, 5))
        await until(lambda: len(answers) == 3)


async def test_one_question_asked_many_times_is_answered_once() -> None:
    who = loaded_model(ScriptedModel())
    async with running() as (predictor, answers):
        for _ in range(10):
            predictor.ask(Question(who, "shall ", 6, 5))
        await until(lambda: answers)
        await asyncio.sleep(0)
        assert len(answers) == 1


async def test_models_are_asked_in_one_thread() -> None:
    """A model remembers contexts, and is not to be asked from two threads at once."""
    async with running() as (predictor, _):
        names = await asyncio.gather(
            *(predictor.in_thread(lambda: threading.current_thread().name) for _ in range(5))
        )
        assert len(set(names)) == 1
        assert names[0] != threading.current_thread().name


async def test_nothing_is_asked_after_the_end() -> None:
    model = ScriptedModel()
    who = loaded_model(model)
    async with running() as (predictor, answers):
        model.gate.clear()
        predictor.ask(Question(who, "s", 1, 5))
        await until(lambda: model.asked)
        predictor.ask(Question(who, "sh", 2, 5))
        predictor.close()
        model.gate.set()
        await until(lambda: answers)
        predictor.ask(Question(who, "sha", 3, 5))
        assert [a.question.line for a in answers] == ["s"]


async def test_an_error_of_other_work_comes_to_who_asked_for_it() -> None:
    def broken() -> None:
        raise ValueError("broken")

    async with running() as (predictor, _):
        with pytest.raises(ValueError, match="broken"):
            await predictor.in_thread(broken)
