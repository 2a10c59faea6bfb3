"""Models compared side by side, for the line that is being written."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import OptionList

from rnnlm_tui.errors import ModelError
from rnnlm_tui.tui.writing.comparison import Comparison
from rnnlm_tui.tui.writing.predictor import Question
from tests.helpers.app import (
    ScriptedLibrary,
    ScriptedModel,
    answered,
    chain,
    check_layout,
    in_order,
    toasts,
    wait_until,
)
from tests.helpers.writing_screen import Desk, desk, questions

__all__ = ["questions"]

WIDE = (120, 40)


def three_models() -> dict[str, ScriptedModel]:
    return {
        "sonnets": ScriptedModel(),
        "poems": ScriptedModel(chain("shall", "we", "go")),
        "letters": ScriptedModel(chain("shall", "you", "stay")),
    }


async def choose(it: Desk, name: str) -> None:
    """By F9, and the row of this model."""
    await it.press("f9")
    await it.until(lambda: it.app.screen.query(OptionList))
    rows = it.app.screen.query_one(OptionList)
    await it.until(lambda: rows.has_focus and rows.highlighted is not None)
    rows.highlighted = next(
        place for place, row in enumerate(rows._options) if name in str(row.prompt)
    )
    await it.press("enter")
    await it.until(lambda: not it.app.screen.is_modal)


async def test_the_words_of_two_other_models_stand_beside(tmp_path: Path) -> None:
    async with desk(tmp_path, three_models(), WIDE) as it:
        await choose(it, "poems")
        await choose(it, "letters")
        await it.write(*"shall ")
        await it.until(lambda: any(in_order(row, "▸  i", "▸  we", "▸  you") for row in it.rows))
        assert any(in_order(row, "sonnets", "poems", "letters") for row in it.rows)
        check_layout(it.app)
        await choose(it, "✓ poems")
        await it.until(lambda: not any("poems" in row for row in it.rows))
        await it.until(lambda: any(in_order(row, "▸  i", "▸  you") for row in it.rows))


async def test_in_a_narrow_window_nobody_else_is_asked(
    tmp_path: Path, questions: list[Question]
) -> None:
    async with desk(tmp_path, three_models()) as it:
        await choose(it, "poems")
        await it.write(*"shall ")
        assert not questions[-1].compared
        await it.pilot.resize_terminal(*WIDE)
        await it.until(lambda: any(in_order(row, "▸  i", "▸  we") for row in it.rows))
        assert [other.name for other in questions[-1].compared] == ["poems"]


async def test_a_model_that_suggests_does_not_stand_beside_itself(tmp_path: Path) -> None:
    async with desk(tmp_path, three_models(), WIDE) as it:
        await choose(it, "poems")
        it.app.use_model("poems")
        await it.until(lambda: it.app.active_name == "poems")
        await it.write(*"shall ")
        assert not any(in_order(row, "▸  we", "▸  we") for row in it.rows)
        it.app.use_model("sonnets")
        await it.until(lambda: any(in_order(row, "▸  i", "▸  we") for row in it.rows))


async def test_a_model_that_is_deleted_stands_there_no_longer(tmp_path: Path) -> None:
    async with desk(tmp_path, three_models(), WIDE) as it:
        await choose(it, "poems")
        await it.until(lambda: any(in_order(row, "sonnets", "poems") for row in it.rows))
        it.app.deleted("poems")
        await it.until(lambda: any("NEXT WORD" in row for row in it.rows))


async def test_with_one_model_there_is_nothing_to_compare(tmp_path: Path) -> None:
    async with desk(tmp_path, size=WIDE) as it:
        await it.press("f9")
        await it.until(lambda: any("no other model" in toast for toast in toasts(it.app)))


async def test_a_model_that_is_saved_is_asked_anew(tmp_path: Path) -> None:
    library = ScriptedLibrary(tmp_path, three_models())
    beside = Comparison(lambda: library)
    await beside.toggle("poems")
    (before,) = beside.without("sonnets")
    library.models["poems"] = fresh = ScriptedModel()
    await beside.renew("poems")
    (after,) = beside.without("sonnets")
    assert after.model is fresh
    assert before.model is not fresh
    await beside.renew("letters")
    assert beside.names == ("poems",), "only those that stand beside"
    del library.models["poems"]
    await beside.renew("poems")
    assert not beside.names
    with pytest.raises(ModelError):
        await beside.toggle("poems")


async def test_the_third_takes_the_place_of_the_first(tmp_path: Path) -> None:
    library = ScriptedLibrary(tmp_path, three_models())
    beside = Comparison(lambda: library)
    for name in three_models():
        await beside.toggle(name)
    assert beside.names == ("poems", "letters")


class CarryingModel(ScriptedModel):
    """A model to which the lines above matter."""

    uses_previous_lines = True


async def test_a_model_that_carries_lines_is_given_those_above(tmp_path: Path) -> None:
    model = CarryingModel()
    async with desk(tmp_path, {"m": model}) as it:
        await it.send("when i", 2)
        await it.send("shall i", 4)
        assert ("when", "i", "shall", "i") in model.asked, "for the continuation"
        await it.write(*"to the ")
        assert model.asked[-1][:6] == ("when", "i", "shall", "i", "to", "the")
        await answered(it.pilot)
        await it.press("ctrl+r")
        await it.until(lambda: len(it.transcript) == 5)
        assert model.asked.count(("when", "i", "shall", "i")) >= 2, "not the line above itself"
        await wait_until(it.pilot, lambda: it.line == "to the ")
