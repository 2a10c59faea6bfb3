"""Without colours, a glyph, a style or a frame says what a colour says elsewhere. Also the
terminal's own colours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich.style import Style
from textual.app import App
from textual.widgets import Button, DataTable, Input

from rnnlm_tui.events import Paused
from rnnlm_tui.store.library import Library
from rnnlm_tui.tui.app import RnnlmApp
from rnnlm_tui.tui.preferences import Preferences
from rnnlm_tui.tui.runs.child import TrainArguments
from rnnlm_tui.tui.widgets.dialogs import AskText, Choice, Confirm
from tests.helpers.app import has_row, press, running, scripted_app, sees, show_form, until, write
from tests.helpers.events import in_fifth_epoch
from tests.helpers.inside import Script as InsideScript
from tests.helpers.models import make_model
from tests.helpers.runs import Script


@pytest.fixture
def app(tmp_path: Path, script: Script, monkeypatch: pytest.MonkeyPatch) -> RnnlmApp:
    """The app with NO_COLOR set and a scripted summary of the text."""
    monkeypatch.setenv("NO_COLOR", "1")
    return scripted_app(tmp_path)


def style_of(app: App[Any], text: str, which: int = 0) -> Style:
    """The style of the first piece of text that holds this, or of another one, after checking that
    nothing on the screen has a colour."""
    strips = app.screen._compositor.render_strips()
    painted = [(segment.text, segment.style or Style()) for strip in strips for segment in strip]
    for _, style in painted:
        assert all(each is None or each.is_default for each in (style.color, style.bgcolor))
    return [style for shown, style in painted if text in shown][which]


async def test_the_form_shows_focus_choice_and_faults_and_a_run_its_series_and_best_epoch(
    app: RnnlmApp, script: Script
) -> None:
    async with running(app, size=(120, 40)) as pilot:
        form = await show_form(pilot)
        assert has_row(app, "●▌ Shakespeare's sonnets") and has_row(app, "○▌ what I wrote")
        assert not style_of(app, "my files").underline
        form.query_one("#sources").focus()
        await press(pilot, "down")
        await until(lambda: style_of(app, "my files").underline)
        assert style_of(app, " Train ").reverse
        form.query_one("#form-name", Input).focus()
        form.query_one("#form-settings", Input).value = "many"
        await sees(app, "▌Name")
        assert style_of(app, "Name").bold and not style_of(app, "Learn from").bold
        await until(lambda: style_of(app, " Train ").dim)
        assert not style_of(app, " Train ").reverse
        await app.train_screen.start(TrainArguments(("--name=poems",), "poems")).wait()
        script.write(*in_fifth_epoch())
        await sees(app, "step 2/4")
        await sees(app, "── train", "━━ held-out", "● best 2")
        await sees(app, " ^2 ", " 4.243 ")
        assert style_of(app, "^2").bold
        assert style_of(app, "figures of the network").bold, "the focus is in this table"
        assert style_of(app, "sat 3").italic, "the model wrote it"
        await until(lambda: style_of(app, "sat").bold)  # the likeliest next word
        assert style_of(app, "loss", 1).underline, "this figure is explained"
        script.write(Paused(10.0, "requested"))
        await sees(app, "‖ PAUSED")
        assert style_of(app, "PAUSED").reverse
        assert app.followed_runs.own is not None
        await app.followed_runs.own.close(detach=False)


async def test_words_of_the_writer_and_of_the_model_and_the_signs_of_numbers_differ(
    app: RnnlmApp, inside_script: InsideScript
) -> None:
    async with running(app) as pilot:
        await write(pilot, *"zzz shall i compare t")
        await sees(app, " 1 thee", " 2 the", " 3 this")
        assert not style_of(app, "shall i").italic
        assert style_of(app, "ee to").italic, "the ghost"
        assert style_of(app, "zzz", -1).underline and not style_of(app, "unknown:").underline
        await press(pilot, "down")
        await sees(app, "▸1 thee", " 2 the")
        await write(pilot, "ctrl+u", *"shall i ")
        await press(pilot, "f10")
        await sees(app, "[i]")
        await press(pilot, "down")
        await sees(app, "row0", "#≡-·▒█")
        assert style_of(app, "[i]").reverse
        await sees(app, "embedding  ")
        assert style_of(app, "embedding  ").underline
        assert has_row(app, "█ network   ▓ n-grams") and has_row(app, "shall x2  i x2")


def painted(app: App[Any], text: str) -> Style:
    """The style of the first piece of text that holds this."""
    strips = app.screen._compositor.render_strips()
    return next(s.style for strip in strips for s in strip if text in s.text) or Style()


def is_legible(app: App[Any], text: str) -> bool:
    """Returns whether text on a coloured background has a set colour. The terminal's default text
    colour may be that of the background."""
    style = painted(app, text)
    fore, back = style.color, style.bgcolor
    if style.reverse:
        fore, back = back, fore
    return back is None or back.is_default or not (fore is None or fore.is_default)


@pytest.mark.parametrize(
    ("theme", "size"),
    [
        ("ansi-dark", (80, 24)),
        pytest.param("ansi-light", (120, 40), marks=pytest.mark.slow),
    ],
)
async def test_fields_buttons_and_what_is_chosen_are_seen_in_the_terminals_own_colours(
    tmp_path: Path, script: Script, theme: str, size: tuple[int, int]
) -> None:
    app = scripted_app(tmp_path, preferences=Preferences(theme=theme))
    async with running(app, size=size) as pilot:
        form = await show_form(pilot)
        await until(lambda: painted(app, " Train ").reverse)
        assert (colour := painted(app, " Train ").color) and colour.is_default
        form.query_one("#form-settings", Input).value = "many"
        await until(lambda: app.train_screen.query_one("#train", Button).disabled)
        await pilot.pause()
        assert has_row(app, " Train ")
        app.push_screen(Choice("Which?", "", (("a", "The first", "explained"),)))
        await sees(app, "explained")
        await press(pilot, "up")
        await until(lambda: is_legible(app, "explained") and is_legible(app, "1 "))
        await press(pilot, "escape")
        app.push_screen(AskText("Which name?", "", "selected", check=lambda text: None))
        await sees(app, "selected")
        assert is_legible(app, "selected")
        await press(pilot, "escape", "f2", "ctrl+o")
        await sees(app, "a new text", "ctrl+n")
        marked, other = (painted(app, row).bgcolor for row in ("a new text", "open a file"))
        assert marked != other and is_legible(app, "a new text")


async def test_lists_and_dialogs_show_what_is_chosen_and_what_is_wrong(
    app: RnnlmApp, tmp_path: Path
) -> None:
    library = Library(tmp_path / "data")
    for name in ("letters", "poems"):
        make_model(library.path(name))
    library.use("poems")
    app.library = library
    async with running(app) as pilot:
        await until(lambda: app.opened_model is not None)
        await press(pilot, "f4")
        await until(lambda: app.models_screen.query(DataTable))
        table = app.models_screen.query_one(DataTable)
        await until(lambda: len(table.rows) == 2 and has_row(app, "poems"))
        table.move_cursor(row=table.get_row_index("letters"))
        await until(lambda: style_of(app, "letters").reverse)
        assert not style_of(app, "poems").reverse
        assert has_row(app, f"● {app.active_name} ")
        app.push_screen(Confirm("Really?", "It cannot be brought back."))
        for chosen, other in (("Cancel", "Delete"), ("Delete", "Cancel")):
            await sees(app, "Delete")
            await until(lambda chosen=chosen: style_of(app, chosen).underline)
            assert not style_of(app, other).underline
            await press(pilot, "down")
        await press(pilot, "escape")
        app.push_screen(AskText("How many?", "", "", check=lambda text: "a number"))
        await sees(app, "┏")
        await press(pilot, "x")
        await sees(app, "a number")
        assert style_of(app, "a number").bold
