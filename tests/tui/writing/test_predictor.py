"""Questions to a model, and its answers, without a screen."""

from __future__ import annotations

import asyncio

from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS
from rnnlm_tui.tui.writing.predictor import (
    Predictor,
    Question,
    answer_to,
)
from tests.helpers.app import opened_model, scripted_model, until
from tests.helpers.commands import PATIENCE_S
from tests.helpers.scripted import ScriptedModel


async def test_earlier_texts_are_read_beside_the_questions() -> None:
    words = ("shall", "i", "see")
    model = ScriptedModel({}, 10, SPECIAL_TOKENS, words)
    who, predictor = opened_model("sonnets", model), Predictor()
    question = Question(who, "shall zi", 8)
    assert answer_to(question).suggestions.candidates == ()
    await predictor.read(who, ["when shall zillah", "i see"], ("a line above",))
    assert [c.word for c in answer_to(question).suggestions.candidates] == ["zillah"]
    predictor.close()
    await predictor.read(who, ["zita shall"], ())  # not wanted: the app is being closed
    assert [c.word for c in answer_to(question).suggestions.candidates] == ["zillah"]


async def test_one_question_is_in_work_and_then_the_latest() -> None:
    """A model caches contexts, so it must not be asked from two threads at once, not even for a
    continuation."""
    model = scripted_model()
    who, predictor = opened_model("sonnets", model), Predictor()
    model.gate.clear()
    predictor.opened_model = who
    asked = [predictor.ask(line, len(line), ()) for line in ("shall ", "a ", "the ")]
    answers = [answer for answer in asked if answer is not None]
    continuation = asyncio.create_task(predictor.continuation(Question(who, "when ", 5), ""))
    await until(lambda: model.asked)
    await asyncio.sleep(0)
    assert model.asked_words == [("<s>", "shall")]
    model.gate.set()
    async with asyncio.timeout(PATIENCE_S):
        assert (await answers[2]).question.line == "the "
        assert [piece.text for piece in await continuation][:2] == ["i", " compare"]
    assert [answer.cancelled() for answer in answers] == [True, True, False]
    assert ("<s>", "a") not in model.asked_words
    predictor.close()
