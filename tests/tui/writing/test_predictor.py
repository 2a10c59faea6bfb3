"""Questions to a model and its answers, without a screen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from rnnlm_tui.tui.writing.predictor import Answer, LoadedModel, Predictor, Question, answer_to
from tests.helpers.app import ScriptedModel, card_of
from tests.helpers.runs import until

PATIENCE_S = 10


def loaded(model: ScriptedModel) -> LoadedModel:
    return LoadedModel("sonnets", card_of(model), model)


@asynccontextmanager
async def running() -> AsyncIterator[tuple[Predictor, list[Answer]]]:
    """A running predictor, and its answers."""
    answers: list[Answer] = []
    predictor = Predictor(answers.append)
    task = asyncio.create_task(predictor.run())
    yield predictor, answers
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    predictor.close()


def test_an_answer_carries_its_question_and_counts_the_words() -> None:
    model = ScriptedModel()
    question = Question(loaded(model), "shall i c", 9)
    answer = answer_to(question)
    assert answer.question is question
    assert [c.word for c in answer.suggestions.candidates] == ["compare"]
    assert answer.suggestions.continuation == ("compare", "thee", "to")
    assert answer.suggestions.matching_words == 1
    everything = answer_to(Question(loaded(model), "shall ", 6))
    assert everything.suggestions.matching_words == len(model.vocabulary.words)
    assert 0 <= answer.took_s < PATIENCE_S


async def test_a_continuation_is_made_in_the_thread_that_answers_questions() -> None:
    """A model caches contexts, so it must not be asked from two threads at once."""
    model = ScriptedModel()
    who = loaded(model)
    async with running() as (predictor, answers):
        model.gate.clear()
        predictor.ask(Question(who, "shall ", 6))
        await until(lambda: model.asked)
        continuation = predictor.continuation(who, "shall", (), again=False)
        task = asyncio.create_task(continuation)
        await asyncio.sleep(0)
        assert len(model.asked) == 1, "it waits until the question is answered"
        model.gate.set()
        async with asyncio.timeout(PATIENCE_S):
            assert (await task)[0][:2] == ["i", "compare"]
        await until(lambda: answers)


async def test_nothing_is_asked_after_the_end() -> None:
    model = ScriptedModel()
    async with running() as (predictor, answers):
        predictor.close()
        predictor.ask(Question(loaded(model), "s", 1))
        await asyncio.sleep(0)
        assert not model.asked
        assert not answers
