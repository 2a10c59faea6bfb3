"""Models compared with the active one, and models that use the lines above."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import OptionList

from rnnlm_tui.lm.mixture import ComponentName, MixedModel
from rnnlm_tui.origin import Origin
from rnnlm_tui.store.library import Library
from rnnlm_tui.text.tokenizers import TOKENIZERS
from rnnlm_tui.tui.writing.predictor import Question
from rnnlm_tui.tui.writing.side_pane import SidePane, models_to_compare, origin_words
from tests.helpers.app import ScriptedLibrary, chain, check_layout, in_order, scripted_model
from tests.helpers.models import make_model, put_state
from tests.helpers.ngrams import ngram_model
from tests.helpers.scripted import ScriptedModel
from tests.helpers.writing_screen import AppDesk, desk, questions

__all__ = ["questions"]

WIDE, WIDER = (120, 40), (145, 40)


def three_models() -> dict[str, ScriptedModel]:
    return {
        "sonnets": scripted_model(),
        "poems": scripted_model(chain("shall", "we", "go")),
        "letters": scripted_model(chain("shall", "you", "stay")),
    }


async def choose(it: AppDesk, name: str) -> None:
    """Presses F9 and chooses the row of this model."""
    await it.press("f9")
    await it.until(lambda: it.app.screen.query(OptionList))
    rows = it.app.screen.query_one(OptionList)
    await it.until(lambda: it.app.screen.is_mounted and rows.has_focus and rows.highlighted == 0)
    labels = [str(rows.get_option_at_index(i).prompt) for i in range(rows.option_count)]
    rows.highlighted = next(i for i, label in enumerate(labels) if name in label)
    await it.press("enter")
    await it.until(lambda: not it.app.screen.is_modal)


async def until_a_row_has(it: AppDesk, *parts: str) -> None:
    await it.until(lambda: any(in_order(row, *parts) for row in it.rows))


async def test_two_other_models_are_shown_next_to_the_active_one(tmp_path: Path) -> None:
    async with desk(tmp_path, three_models(), WIDER) as it:
        await choose(it, "poems")
        await choose(it, "letters")
        await it.write(*"shall ")
        await until_a_row_has(it, " 1 i ", "   we ", "   you ")
        await until_a_row_has(it, "sonnets", "poems", "letters")
        check_layout(it.app)
        await choose(it, "✓ poems")
        await it.until(lambda: not any("poems" in row for row in it.rows))
        await until_a_row_has(it, " 1 i ", "   you ")
        it.app.use_model("letters")
        await it.until(lambda: not any(" 1 i " in row for row in it.rows))
        assert not any(in_order(row, " 1 you ", "   you ") for row in it.rows), "not with itself"
        it.app.use_model("sonnets")
        await until_a_row_has(it, " 1 i ", "   you ")
        it.app.name_changed("letters", None)
        await it.until(lambda: not it.screen.query(SidePane).filter(".-compared-1, .-compared-2"))


@pytest.mark.parametrize("height", [24, 36])
async def test_compared_models_leave_76_cells_for_the_prose(height: int, tmp_path: Path) -> None:
    async with desk(tmp_path, three_models(), (120, height)) as it:
        await choose(it, "poems")
        await choose(it, "letters")
        await it.write(*"shall ")
        await it.until(
            lambda: in_order("\n".join(it.rows), "sonnets", " 1 i ", "poems", "   we ", "letters")
        )
        await until_a_row_has(it, "   you ")
        check_layout(it.app)
        assert it.screen.page.size.width >= 76
        await it.pilot.resize_terminal(*WIDER)
        await until_a_row_has(it, " 1 i ", "   we ", "   you ")
        assert it.screen.page.size.width >= 76


async def test_the_pane_says_where_the_first_word_comes_from(tmp_path: Path) -> None:
    lines = ("we leave the room", "we leave the room", "they leave the house")
    model = MixedModel(
        TOKENIZERS["whitespace"], {"ngrams": ngram_model(lines)}, {"ngrams": 0.75, "cache": 0.25}
    )
    async with desk(tmp_path, {"diary": model, "sonnets": scripted_model()}, WIDE) as it:
        await it.write(*"we leave the ")
        await until_a_row_has(it, "100% phrases 'we leave the'")
        it.app.use_model("sonnets")
        await it.until(lambda: not any("phrases" in row for row in it.rows))


def test_the_origin_is_cut_to_the_width_the_largest_shares_first() -> None:
    shares: tuple[tuple[ComponentName, float], ...] = (
        ("network", 0.62), ("ngrams", 0.21), ("base", 0.13), ("cache", 0.04)
    )  # fmt: skip
    origin = Origin(shares, ("leave", "the"))
    whole = "62% network, 21% phrases 'leave the', 13% english, 4% recent words"
    assert origin_words(origin, "english", 80) == whole
    assert origin_words(origin, "english", 20) == "62% network, 21% phrases 'leave the'"
    assert origin_words(origin, "english", 12) == "62% network"
    assert origin_words(origin, "english", 3) == ""
    assert "13% base model" in origin_words(origin, "", 80)


async def test_in_a_narrow_window_no_other_model_is_asked(
    tmp_path: Path, questions: list[Question]
) -> None:
    async with desk(tmp_path, three_models()) as it:
        await choose(it, "poems")
        await it.write(*"shall ")
        assert not questions[-1].compared
        await it.pilot.resize_terminal(*WIDE)
        await until_a_row_has(it, "   we ")
        assert [other.name for other in questions[-1].compared] == ["poems"]


async def test_with_one_model_there_is_nothing_to_compare(tmp_path: Path) -> None:
    async with desk(tmp_path, size=WIDE) as it:
        await it.press("f9")
        await it.until(lambda: it.tells("no other model"))


async def test_a_model_that_is_saved_is_loaded_again(tmp_path: Path) -> None:
    models = three_models() | {"tales": scripted_model()}
    async with desk(tmp_path, models, WIDE) as it:

        def compared() -> list[str]:
            return [other.name for other in it.screen.pane.compared]

        library = it.app.library
        assert isinstance(library, ScriptedLibrary)
        for name in ("tales", "poems", "letters"):
            await choose(it, name)
            await it.until(lambda name=name: name in compared())
        assert compared() == ["poems", "letters"], "the third takes the place of the first"
        library.models["poems"] = fresh = scripted_model()
        for name in ("tales", "poems"):
            it.screen.pane.reload_compared(name)
        await it.until(lambda: it.screen.pane.compared[0].model is fresh)
        assert compared() == ["poems", "letters"], "only those that are compared"
        del library.models["poems"]
        it.screen.pane.reload_compared("poems")
        await it.until(lambda: compared() == ["letters"])
        open_model = library.open
        library.open = lambda name: open_model("gone")  # type: ignore[method-assign]
        await choose(it, "tales")
        await it.until(lambda: it.tells("there is no model gone"))
        assert compared() == ["letters"]


async def test_a_model_that_uses_the_lines_above_is_given_them(tmp_path: Path) -> None:
    model = scripted_model()
    model.uses_previous_lines = True
    async with desk(tmp_path, {"m": model}) as it:
        await it.send("when i", 2)
        await it.send("shall i", 4)
        assert ("when", "i", "shall", "i") in model.asked_words, "for the continuation"
        await it.write(*"to the ")
        assert model.asked_words[-1][:6] == ("when", "i", "shall", "i", "to", "the")
        asked_before = len(model.asked_words)
        await it.press("ctrl+r")
        await it.until(lambda: len(it.page) == 5)
        contexts = model.asked_words[asked_before:]
        assert not any(context[4:6] == ("shall", "i") for context in contexts), "not the line twice"


def test_the_models_to_compare_say_what_they_are(data_dir: Path) -> None:
    library = Library(data_dir)
    for name in ("one", "three", "two"):
        make_model(library.path(name))
    put_state(library.run_folder("unsaved"), epoch=0, epochs=9)  # a run without a model
    assert models_to_compare(library, "two", ("three",)) == [
        ("one", "one", "lesson of verses"),
        ("three", "✓ three", "lesson of verses"),
    ]
