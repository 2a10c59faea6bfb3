"""Questions to a model, its answers, and what of them is copied, without a screen."""

from __future__ import annotations

import asyncio
from pathlib import Path

from msgspec import structs

from rnnlm_tui.config import make_config
from rnnlm_tui.session.tables import Copied
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.run_files import write_sources
from rnnlm_tui.text.reading import read_text
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS
from rnnlm_tui.tui.writing.predictor import (
    LoadedModel,
    Predictor,
    Question,
    answer_to,
    copied_words,
)
from tests.helpers.app import card_of, scripted_model
from tests.helpers.runs import until
from tests.helpers.scripted import ScriptedModel

TEXT = """\
the cat sat on the mat and sang a song to the pale moon over the hill
so it was that a dog came by
the owl saw it all
b c d e f g h
x
e f g h i y
"""


def loaded(model: ScriptedModel) -> LoadedModel:
    return LoadedModel("sonnets", card_of(model), model, Library(Path("none")))


async def test_earlier_texts_are_read_beside_the_questions() -> None:
    words = ("shall", "i", "see")
    model = ScriptedModel({}, 10, SPECIAL_TOKENS, words)
    who, predictor = loaded(model), Predictor()
    question = Question(who, "shall zi", 8)
    assert answer_to(question).suggestions.candidates == ()
    await predictor.read_earlier(who, ["when shall zillah", "i see"], ("a line above",))
    assert [c.word for c in answer_to(question).suggestions.candidates] == ["zillah"]
    predictor.close()
    await predictor.read_earlier(who, ["zita shall"], ())  # not wanted: the app is being closed
    assert [c.word for c in answer_to(question).suggestions.candidates] == ["zillah"]


async def test_one_question_is_in_work_and_then_the_latest() -> None:
    """A model caches contexts, so it must not be asked from two threads at once, not even for a
    continuation."""
    model = scripted_model()
    who, predictor = loaded(model), Predictor()
    model.gate.clear()
    answers = [
        predictor.answer(Question(who, line, len(line))) for line in ("shall ", "a ", "the ")
    ]
    continuation = asyncio.create_task(predictor.continuation(who, "when", (), again=False))
    await until(lambda: model.asked)
    await asyncio.sleep(0)
    assert model.asked_words == [("shall",)]
    model.gate.set()
    async with asyncio.timeout(10):
        assert (await answers[2]).question.line == "the "
        assert (await continuation)[:2] == ["i", "compare"]
    assert [answer.cancelled() for answer in answers] == [True, True, False]
    assert ("a",) not in model.asked_words
    predictor.close()


def trained_on_text(folder: Path, preset: str = "lesson") -> LoadedModel:
    """A model that was trained on TEXT according to its files."""
    path, model, library = folder / "lines.txt", scripted_model(), Library(folder)
    path.write_text(TEXT)
    library.run_folder("m").mkdir(parents=True)
    write_sources(library.run_folder("m"), [str(path)], None)
    card: ModelCard = card_of(model)
    corpus = structs.replace(card.corpus, sha256=read_text([path]).sha256)
    config, ngrams = make_config(preset, []), [8, 9] if preset == "ngram" else card.ngrams
    card = structs.replace(card, corpus=corpus, config=config, ngrams=ngrams)
    return LoadedModel("m", card, model, library)


def test_copied_words_are_found_from_the_line_on(tmp_path: Path) -> None:
    model = trained_on_text(tmp_path)
    for line, continuation, copied in (
        ("oh", "the cat sat on the owl", [Copied(0, 5, 1)]),
        ("Oh, THE CAT", "sat on the day", [Copied(0, 3, 1)]),  # begins in the line
        ("the cat sat on the", "moon", []),  # the line alone
        ("mat", "over the hill so it was", [Copied(0, 6, 1)]),  # over two lines
        ("oh", "cat sat on the mat x a dog came by the", [Copied(0, 5, 1), Copied(6, 5, 2)]),
    ):
        assert [*copied_words(model, line, continuation.split())] == copied, continuation


def test_short_runs_of_words_in_an_ngram_model_are_not_copies(tmp_path: Path) -> None:
    model, words = trained_on_text(tmp_path, "ngram"), TEXT.split()[:10]
    assert copied_words(model, "oh", words[:5]) == ()
    assert copied_words(model, "oh", words) == (Copied(0, 10, 1),)
    (tmp_path / "lines.txt").unlink()
    del model.copies
    assert copied_words(model, "oh", words) == (), "the text is gone"
