"""The Inside screen: the line up to a word, the stages, typing, and bad input."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from textual.widgets import Input

from rnnlm_tui.store.library import Library
from rnnlm_tui.tui.widgets import terminal
from tests.helpers.app import (
    ScriptedLibrary,
    answered,
    chain,
    check_layout,
    has_row,
    post_keys,
    press,
    running,
    scripted_app,
    scripted_model,
    sees,
    until,
    write,
)
from tests.helpers.events import saved
from tests.helpers.inside import Script, inside
from tests.helpers.models import make_model
from tests.helpers.networks import small_network
from tests.helpers.writing_screen import desk

SCRIPTS: dict[str, tuple[str, list[tuple[str, str | None, tuple[str, ...]]]]] = {
    "it explains the line that is written up to any word": ("shall i ", [
        ("", "shall i ", ("(start)", "shall", "[i]")),
        ("left", "shall ", ("[shall]",)),
        ("left left left", "", ("[(start)]", "shall")),
        ("right", "shall ", ('the next word; "shall" was guess number 2 (50%',)),
        ("right", "shall i ", ("━ network   ━ n-grams",)),
        ("", None, ("compare", "60%", "━━")),
    ]),
    "the first letter of a line of one's own replaces the other line": ("shall i", [
        ("t t o space a", "to a", ("Enter explain  Esc done",)),
        ("enter", "to a ", ("to", "[a]")),
        ("f2 f10", "to a ", ("to", "[a]")),
        ("left f2 space d o ctrl+l", "shall i do", ("shall", "i", "[do]")),
        ("t end ! escape", "shall i do!", ("[do!]",)),
        ("t backspace", "", ("No whole word stands before the cursor yet.",)),
    ]),
    "a new line on the Autocomplete screen ends the typing": ("shall i ", [
        ("t a space b f2 space d o f10", "shall i  do", ("shall", "[do]")),
    ]),
    "the stages of each part are listed and shown": ("shall i ", [
        ("", None, (" network  ", "50%")),
        ("", None, (" n-grams  ", "50%")),
        ("", None, ("   weighted sum", "3x2")),
        ("", None, ("words: 2",)),
        ("down", None, ("embedding: 3 x 6",)),
        ("", None, ("Embedding   75,300 parameters",)),
        ("", None, ("like: you 0.50.",)),
        ("", None, ("-0.5", "0.5   6 of 6 units")),
        ("left", "shall ", ("embedding: 2 x 6",)),
        ("down down", "shall ", ("compare", "75.0%", "━━━━━━")),
        ("down down", "shall ", ("(no word)", "10.0%", "20.0%")),
        ("down", "shall ", ("Mixture   2 parameters",)),
        ("", None, ("p = 0.5 network + 0.5 n-grams",)),
        ("", None, ("sum", "60.0%", "20.0%")),
    ]),
    "the steps of a layer are folded away until enter": ("shall i ", [
        ("down down", None, ("─ gru: 2 x 3 ─",)),
        ("", None, ("↑↓ stage  Enter steps  ←→ word  t type a line",)),
        ("enter", None, ("- gru",)),
        ("down", None, ("update gate: 2 x 3",)),
        ("left", "shall ", ("update gate: 1 x 3",)),
        ("up enter", None, ("+ gru",)),
    ]),
}  # fmt: skip
"""The line that is written, and what keys show: the line that is explained, and parts of a row."""


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=list(SCRIPTS))
async def test_keys_show(
    tmp_path: Path,
    inside_script: Script,
    script: tuple[str, list[tuple[str, str | None, tuple[str, ...]]]],
) -> None:
    line, steps = script
    async with inside(tmp_path, inside_script, line) as on:
        for keys, explained, parts in steps:
            for key in keys.split():
                await on.press(" " if key == "space" else key)
                if key == "t" and not isinstance(on.app.focused, Input):
                    await until(lambda: isinstance(on.app.focused, Input))
            if explained is not None:
                await on.explains(explained)
            await on.sees(*parts)
        on.check_layout()


async def test_the_mouse_chooses_words_and_unfolds_the_cell(
    tmp_path: Path, inside_script: Script
) -> None:
    async with inside(tmp_path, inside_script, "first\nshall i ") as on:
        assert inside_script.asked[0].above == ("first",)
        await on.pilot.click("LineRow", offset=(on.rows[1].index(" shall ") + 1, 0))
        await on.explains("shall ")
        for before, after in ("+-", "-+"):
            row = next(y for y, text in enumerate(on.rows) if f"{before} gru" in text)
            await on.pilot.click(offset=(3, row))
            await on.sees(f"{after} gru")
            assert on.has("update gate") is (after == "-")


async def test_the_name_of_a_part_stands_above_its_first_stage(
    tmp_path: Path, inside_script: Script
) -> None:
    async with inside(tmp_path, inside_script, "shall i ", size=(80, 16)) as on:
        await on.press("up")
        await on.sees("p = 0.5 network")
        assert not on.has("network    ", "50%"), "the list is scrolled"
        await on.press("down")
        await on.sees("network    ", "50%")


async def test_u_shows_the_lesson_s_network_untrained_beside_the_trained_one(
    tmp_path: Path,
) -> None:
    app, library = scripted_app(tmp_path), Library(tmp_path / "data")
    make_model(library.path("verses"))
    library.use("verses")
    app.library = library
    async with running(app, size=(140, 30)) as pilot:
        await until(lambda: app.opened_model is not None)
        app.autocomplete.editor.set_text("the cat ")
        await press(pilot, "f10")
        await sees(app, "words: 2")
        await press(pilot, *["down"] * 4)
        await until(lambda: has_row(app, "Bidirectional(", "24 parameters"))
        await press(pilot, "u")
        await sees(app, "untrained f", "trained b")
        assert has_row(app, "bidirectional: 4 x 4") and has_row(app, "Untrained, these numbers")
        await press(pilot, "u")
        await until(lambda: not has_row(app, "untrained f", "trained b"))
        assert not has_row(app, "Untrained, these numbers")


async def test_only_the_latest_question_is_answered(tmp_path: Path, inside_script: Script) -> None:
    async with inside(tmp_path, inside_script, "a b c d ") as on:
        inside_script.gate.clear()
        await on.press("left")
        await until(lambda: len(inside_script.asked) == 2)
        await on.press("left", "left")
        inside_script.gate.set()
        await on.sees("[a]")
        await on.explains("a ")
        assert inside_script.lines == ["a b c d ", "a b c ", "a "]
        await on.press("f2")
        await write(on.pilot, *"x ")
        on.app.inside_screen.ask()
        await on.press("f10")
        await on.explains("a b c d x ")
        assert len(inside_script.asked) == 4, "nothing is explained while another screen is shown"


async def test_a_line_typed_in_a_burst_is_explained(tmp_path: Path, inside_script: Script) -> None:
    async with inside(tmp_path, inside_script, "shall i ") as on:
        post_keys(on.app, *"tut to", "enter", "left")
        await on.sees("ut", "[to]")
        post_keys(on.app, *"t t", "escape")
        await on.explains(" t")


async def test_words_of_earlier_texts_are_explained_as_they_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "IDLE_S", 0.05)
    async with desk(tmp_path) as it:
        await it.send("we met zillah", 1)
        await it.press("f10")
        await it.sees("─ stages ─")
        await it.press("f2", "ctrl+n")
        await until(lambda: not it.page)
        await it.write("z")
        await it.sees("1 zillah")
        await it.press("f10")
        await it.sees("zillah", "<0.1%")


# The model


async def test_the_picture_follows_the_active_model_and_each_epoch_of_its_training(
    tmp_path: Path, inside_script: Script
) -> None:
    """Without a line the last one is explained, or one of the model's own."""
    models = {"sonnets": scripted_model(), "letters": scripted_model(chain("we", "go"))}
    async with inside(tmp_path, inside_script, models=models) as on:

        async def asks(model: object) -> None:
            asked = inside_script.asked
            await until(lambda: asked and asked[-1].model is model)

        await on.sees("an example: ", "(start)", "Shall", "i", "compare")
        on.app.use_model("letters")
        await asks(models["letters"])
        await on.sees("(start)", "We", "go")
        library = on.app.library
        assert isinstance(library, ScriptedLibrary)
        library.models["letters"] = after_an_epoch = scripted_model(chain("we", "stay"))
        on.app.run_saved(cast(Any, SimpleNamespace(name="letters", is_own=False)), saved(1))
        await asks(after_an_epoch)
        library.use("sonnets")
        on.app.name_changed("letters", None)
        await asks(models["sonnets"])
        await on.press("f2")
        on.app.autocomplete.editor.set_text("when i")
        await on.press("enter", "f10")
        await on.explains("when i ")
        assert not on.has("an example")


async def test_no_figures_of_an_earlier_line_stand_below_a_new_one(
    tmp_path: Path, inside_script: Script
) -> None:
    async with inside(tmp_path, inside_script, "shall i ") as on:
        await on.press("down")
        await on.sees("─ embedding: 3 x 6 ─")
        inside_script.gate.clear()
        await on.press("f2")
        await on.press(*"do ", "f10")
        await on.sees("reading the line ...")
        await until(lambda: not on.has("compare"))
        assert not on.has("3 x 6")
        await on.press("up", "down")
        assert not on.has("3 x 6")
        inside_script.gate.set()
        await on.sees("─ embedding: 4 x 6 ─")
        await on.sees("compare")


async def test_it_says_that_it_reads_the_model(tmp_path: Path, inside_script: Script) -> None:
    app = scripted_app(tmp_path)
    async with running(app) as pilot:
        await answered(pilot)
        inside_script.gate.clear()
        await press(pilot, "f10")
        await sees(app, "reading the model ...")
        assert not has_row(app, "stages"), "nothing is shown that is empty"
        inside_script.gate.set()
        await sees(app, "compare")
        await until(lambda: app.focused is app.screen.query_one("#stages"))


# Any line and any window, explained by the engine itself


async def test_any_line_is_shown_or_a_sentence_says_why_not(tmp_path: Path) -> None:
    app = scripted_app(tmp_path, {"m": small_network(scripted_model().vocabulary)})
    async with running(app) as pilot:
        await answered(pilot)
        await press(pilot, "f10")
        await sees(app, "─ stages ─")
        for line, parts in (
            ("[/b] \x1b[2J shall ", ("shall",)),
            ("shall i compare thee to a " * 30, ("… ", "thee  to ", " a ")),
            ("x" * 500, ("xxx…",)),
            ("shall i c", ('"c…": share of all words',)),
            (" ", ("There is no whole word yet: these are guesses for the first word.",)),
            ("zzz", ("No word that the model knows begins with", '"zzz"')),
        ):
            await press(pilot, "t")
            await until(lambda: isinstance(app.focused, Input))
            app.inside_screen.query_one("#typed", Input).value = line
            await press(pilot, "escape")
            await sees(app, *parts)
            await press(pilot, "left", "down", "down", "right", "up", "tab", "down", "right")
            check_layout(app)
            app.set_focus(app.screen.query_one("#stages"))


async def test_all_of_it_fits_in_any_window(tmp_path: Path, inside_script: Script) -> None:
    async with inside(tmp_path, inside_script, "shall i ", (120, 36)) as on:
        for size, shown in (
            ((60, 16), "stages"),
            ((59, 15), "please enlarge"),
            ((80, 24), "which words made"),
            ((120, 36), "rnnlm-tui"),
        ):
            await on.resize(*size)
            await on.sees(shown)
            on.check_layout()
