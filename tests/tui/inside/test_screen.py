"""The Inside screen: the line up to a word, the stages, typing, and bad input."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from rnnlm_tui.tui.inside import screen
from tests.helpers.app import (
    ScriptedLibrary,
    answered,
    chain,
    check_layout,
    has_row,
    press,
    rows_of,
    scripted_app,
    scripted_model,
    wait_until,
    write,
)
from tests.helpers.inside import Script, inside, inside_script

__all__ = ["inside_script"]


# The line


async def test_it_explains_the_line_that_is_written_up_to_any_word(
    tmp_path: Path, inside_script: Script
) -> None:
    async with inside(tmp_path, inside_script, "shall i ") as on:
        await on.sees("(start)", "shall", "[i]")
        await on.press("left")
        await on.explains("shall ")
        await on.press("left", "left", "left")
        await on.explains("")
        await on.sees("[(start)]", "shall")
        await on.press("right")
        await on.explains("shall ")
        await on.sees("[shall]")
        column = rows_of(on.app)[1].index(" i ") + 1
        await on.pilot.click("LineRow", offset=(column, 0))
        await on.explains("shall i ")
        await on.sees("[i]")


async def test_it_keeps_a_line_of_ones_own_until_something_is_written(
    tmp_path: Path, inside_script: Script
) -> None:
    async with inside(tmp_path, inside_script, "shall i") as on:
        await on.types("ctrl+u")
        await on.explains("")
        await on.press(*"to a", "enter")
        await on.sees("to", "[a]")
        await on.press("f2", "f10")
        await on.sees("to", "[a]")
        await on.press("left", "f2")
        await write(on.pilot, *" do")
        await on.press("ctrl+l")
        await on.sees("shall", "i", "[do]")
        await on.explains("shall i do")


async def test_a_line_of_ones_own_is_explained_while_it_is_typed(
    tmp_path: Path, inside_script: Script
) -> None:
    async with inside(tmp_path, inside_script, "first\nshall ") as on:
        assert inside_script.asked[0].above == ("first",)
        await on.types(*"to")
        await on.explains("shall to")
        await on.press("enter")
        await on.explains("shall to ")
        assert inside_script.asked[-1].above == (), "it has no lines above it"
        await on.sees("shall", "[to]")
        assert on.app.focused is on.app.screen.query_one("#stages")
        await on.types("ctrl+u")
        await on.explains("")
        await on.press("enter")
        await on.sees("No whole word stands before the cursor yet.")


async def test_without_a_line_the_last_one_that_was_sent_or_an_example_is_explained(
    tmp_path: Path, inside_script: Script
) -> None:
    async with inside(tmp_path, inside_script) as on:
        await on.explains(screen.EXAMPLE)
        await on.press("f2")
        on.app.autocomplete.editor.set_text("when i")
        await on.press("enter", "f10")
        await on.explains("when i ")


async def test_only_the_latest_question_is_answered(tmp_path: Path, inside_script: Script) -> None:
    async with inside(tmp_path, inside_script, "a b c d ") as on:
        inside_script.gate.clear()
        await on.press("left")
        await wait_until(on.pilot, lambda: len(inside_script.asked) == 2)
        await on.press("left", "left")
        inside_script.gate.set()
        await on.sees("[a]")
        await on.explains("a ")
        assert inside_script.lines == ["a b c d ", "a b c ", "a "]


async def test_nothing_is_explained_while_another_screen_is_shown(
    tmp_path: Path, inside_script: Script
) -> None:
    async with inside(tmp_path, inside_script, "shall ") as on:
        await on.press("f2")
        await write(on.pilot, *"i compare ")
        on.app.inside_screen.ask()
        await on.press("f10")
        await on.explains("shall i compare ")
        assert inside_script.lines == ["shall ", "shall i compare "]


# The stages


async def test_the_stages_of_each_part_are_listed_and_shown(
    tmp_path: Path, inside_script: Script
) -> None:
    async with inside(tmp_path, inside_script, "shall i ") as on:
        await on.sees("network 50%")
        await on.sees("n-grams 50%")
        await on.sees("words: 2")
        await on.press("down")
        await on.sees("embedding: 3 x 6")
        await on.sees("Each id selects its row. The row of")
        await on.sees("like: you 0.50.")
        await on.sees("row0 #≡-·▒█")
        await on.press("left")
        await on.sees("embedding: 2 x 6")
        await on.press("down", "down", "down")
        await on.sees("compare", "75.0%", "██████")
        await on.press("down", "down")
        await on.sees("after", "compare", "do")
        await on.sees("i  ", "50.0%", "25.0%")
        check_layout(on.app)


async def test_the_gates_are_folded_away_until_enter_or_a_click(
    tmp_path: Path, inside_script: Script
) -> None:
    async with inside(tmp_path, inside_script, "shall i ") as on:
        await on.press("down", "down")
        await on.sees("─ the cell ─")
        await on.sees("Enter or a click")
        assert not has_row(on.app, "update gate")
        await on.press("enter")
        await on.sees("▾ the cell")
        await on.press("down")
        await on.sees("update gate: 2 x 3")
        await on.press("left")
        await on.sees("update gate: 1 x 3")
        row = next(y for y, text in enumerate(rows_of(on.app)) if "▾ the cell" in text)
        await on.pilot.click(offset=(3, row))
        await on.sees("▸ the cell")
        assert not has_row(on.app, "update gate")


async def test_the_words_that_matter_and_what_each_part_adds_are_shown(
    tmp_path: Path, inside_script: Script
) -> None:
    async with inside(tmp_path, inside_script, "shall zzz ") as on:
        await on.sees('without a word, "compare" is █ less likely or ░ likelier')
        await on.sees("shall ██▌ -50%  zzz (unknown)")
        await on.sees('the next word, after "zzz", which the model does not know')
        await on.sees("█ network   ▓ n-grams")
        await on.sees("compare", "60%", "█▓")
        await on.press("left")
        await on.sees('the next word, after "shall", which was the 2nd guess (50%, 1.0 bits)')


async def test_a_half_typed_word_is_said_to_be_one(tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    async with app.run_test() as pilot:
        await write(pilot, *"shall i c")
        await press(pilot, "f10")
        await wait_until(
            pilot, lambda: has_row(app, 'words that begin with "c"; a space ends the word')
        )
        await press(pilot, "t")
        await wait_until(pilot, lambda: isinstance(app.focused, Input))
        await press(pilot, "enter")
        await wait_until(pilot, lambda: has_row(app, 'after "c", which the model does not know'))


# The model


async def test_the_picture_follows_the_active_model_and_each_epoch_of_its_training(
    tmp_path: Path, inside_script: Script
) -> None:
    models = {"sonnets": scripted_model(), "letters": scripted_model(chain("we", "go"))}
    async with inside(tmp_path, inside_script, "a ", models=models) as on:
        on.app.use_model("letters")
        await wait_until(on.pilot, lambda: len(inside_script.asked) == 2)
        assert inside_script.asked[-1].model is models["letters"]
        library = on.app.library
        assert isinstance(library, ScriptedLibrary)
        library.models["letters"] = after_an_epoch = scripted_model(chain("we", "stay"))
        on.app._model_loader.reload("letters")
        await wait_until(on.pilot, lambda: len(inside_script.asked) == 3)
        assert inside_script.asked[-1].model is after_an_epoch
        on.app.name_changed("letters", None)
        await wait_until(on.pilot, lambda: on.app.active_name == "sonnets")
        await wait_until(on.pilot, lambda: inside_script.asked[-1].model is models["sonnets"])


async def test_it_says_that_it_reads_the_model(tmp_path: Path, inside_script: Script) -> None:
    app = scripted_app(tmp_path)
    async with app.run_test() as pilot:
        await answered(pilot)
        inside_script.gate.clear()
        await press(pilot, "f10")
        await wait_until(pilot, lambda: has_row(app, "reading the model ..."))
        inside_script.gate.set()
        await wait_until(pilot, lambda: has_row(app, "compare"))


async def test_without_a_model_it_says_what_to_do(tmp_path: Path) -> None:
    app = scripted_app(tmp_path, {})
    async with app.run_test() as pilot:
        await wait_until(pilot, lambda: app.has_no_models)
        await press(pilot, "f10")
        await wait_until(pilot, lambda: has_row(app, "There is no model: F3 trains one."))
        await press(pilot, "left", "down", "enter", "tab", "right")
        check_layout(app)


# Any line and any window, explained by the engine itself


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("zzz qqq ", ("zzz (unknown)", "qqq (unknown)")),
        ("[/b] \x1b[2J shall ", ("shall",)),
        ("shall i compare thee to a " * 30, ("… ", "thee", "to", "[a]")),
        ("x" * 500, ("xxx…",)),
        ("shall i c", ("words that begin with", '"c"')),
        (" ", ("There is no whole word yet: these are guesses for the first word.",)),
        ("zzz", ("No word that the model knows begins with", '"zzz"')),
    ],
)
async def test_any_line_is_shown_or_a_sentence_says_why_not(
    tmp_path: Path, line: str, parts: tuple[str, ...]
) -> None:
    app = scripted_app(tmp_path)
    async with app.run_test() as pilot:
        await answered(pilot)
        await press(pilot, "f10")
        await wait_until(pilot, lambda: has_row(app, "[a]"))
        await press(pilot, "t")
        await wait_until(pilot, lambda: isinstance(app.focused, Input))
        app.inside_screen._typed.value = line
        await press(pilot, "escape")
        await wait_until(pilot, lambda: has_row(app, *parts))
        await press(pilot, "left", "down", "down", "right", "up", "tab", "down", "right")
        check_layout(app)


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 36), (59, 15)])
async def test_all_of_it_fits_in_any_window(
    tmp_path: Path, inside_script: Script, size: tuple[int, int]
) -> None:
    async with inside(tmp_path, inside_script, "shall i ", (120, 36)) as on:
        await on.press("down")
        await on.pilot.resize_terminal(*size)
        enlarge = "please enlarge" if size == (59, 15) else "stages"
        await on.sees(enlarge)
        check_layout(on.app)
        await on.pilot.resize_terminal(80, 24)
        await on.sees("row0 #≡-·▒█")
        await on.sees("←→ word", "t type a line")
