"""Pictures of the screens, compared with those in __snapshots__.

After a visible change, run with --snapshot-update and look at the new pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Collapsible, DataTable, Input

from rnnlm_tui.session import tables
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.locks import Trainer
from rnnlm_tui.tui import app as app_module
from rnnlm_tui.tui.preferences import Preferences
from tests.helpers.app import (
    answered,
    app_of,
    picture,
    press,
    scripted_app,
    show_form,
    until,
    write,
)
from tests.helpers.events import ended, in_fifth_epoch
from tests.helpers.inside import Script as InsideScript
from tests.helpers.models import change_card_json, make_model, put
from tests.helpers.runs import Script, lines_of, trained_elsewhere

Compare = Callable[..., bool]


@pytest.fixture(autouse=True)
def still_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run takes no time, lines are sent on the same day, and nothing is told of trainings, for
    which a second may be over."""
    monkeypatch.setattr(app_module, "NOTIFY_AFTER_S", 1000.0)
    noon = datetime(2020, 11, 27, 12).timestamp()
    monkeypatch.setattr(tables, "time", SimpleNamespace(time=lambda: noon))


async def _write_two_lines(pilot: Pilot[None]) -> None:
    """A line that was sent, and another being written, with a word accepted."""
    view = app_of(pilot).autocomplete.page
    await write(pilot, *"when i")
    await press(pilot, "enter")
    await until(lambda: len(view.lines) == 1)
    await write(pilot, *"shall")
    await write(pilot, "tab")
    await write(pilot, *"comp")


def test_autocomplete_light(snap_compare: Compare, tmp_path: Path) -> None:
    """In a light theme: the header with its tabs and the model; the page with a day and a line; the
    line being written, with "are thee to" as its ghost, unlike typed text; one ranked word with its
    share and the digit that takes it; and one row of keys."""
    app = scripted_app(tmp_path, preferences=Preferences(theme="rnnlm-light"))
    assert snap_compare(app, run_before=_write_two_lines)


def test_autocomplete_wide(snap_compare: Compare, tmp_path: Path) -> None:
    """The same in dark, in a column of 100 cells in the middle: five words in one row, of which the
    third is chosen and is the ghost in the line."""

    async def choose(pilot: Pilot[None]) -> None:
        await _write_two_lines(pilot)
        await write(pilot, "tab")
        await press(pilot, "down", "down", "down")

    app = scripted_app(tmp_path)
    assert snap_compare(app, run_before=choose, terminal_size=(150, 40))


@pytest.mark.usefixtures("script")
def test_train_form_with_faults(snap_compare: Compare, tmp_path: Path) -> None:
    """The sonnets chosen by a full dot; a bar before the row with the focus; settings that are
    wrong, with their label reversed and a sentence that begins with an exclamation mark; the button
    is dimmed."""

    async def spoil(pilot: Pilot[Any]) -> None:
        await answered(pilot)
        form = await show_form(pilot)
        form.query_one("#more", Collapsible).collapsed = False
        settings = form.query_one("#form-settings", Input)
        settings.cursor_blink = False
        settings.value = "many"
        settings.focus()
        await until(lambda: settings.has_focus and len(form.query("Field.-wrong")) == 1)

    assert snap_compare(scripted_app(tmp_path), run_before=spoil)


def test_train_run(
    snap_compare: Compare, tmp_path: Path, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run of another process in its fifth of twenty epochs: two bars, the lines of both losses
    with the best epoch marked, the epochs as a table, the line continued after each, the notes."""

    async def watch(pilot: Pilot[Any]) -> None:
        app = app_of(pilot)
        await answered(pilot)
        app.watch_run("poems")
        await until(lambda: "step 2/4" in picture(app))
        await until(lambda: "held-out 5.60" in picture(app))
        await until(lambda: "is kept" in picture(app))
        await until(lambda: "22% of poems" in picture(app))

    monkeypatch.setattr(Trainer, "__str__", lambda trainer: "7")
    with trained_elsewhere(script, *in_fifth_epoch(), name="poems"):
        app = scripted_app(tmp_path)
        assert snap_compare(app, run_before=watch, terminal_size=(120, 40))


def test_models(snap_compare: Compare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table of four: two models, of which one suggests, a damaged one, and a run that has saved
    no model yet. One row is selected: the curve of its training below, its card beside it, and the
    keys say what can be done with it."""
    monkeypatch.chdir(tmp_path)  # the card shows the folder
    app, library = scripted_app(tmp_path), Library(Path("data"))
    make_model(library.path("sonnets"), seed=1)
    make_model(library.path("letters"), epoch=3, seed=2)
    library.use("letters")
    put(library.folder, {"broken.safetensors": b"{}"})
    put(library.runs.folder("begun"), {"resume.safetensors": b"x" * 100})
    history = lines_of(*(ended(epoch, 7 - epoch, 7 - epoch / 2) for epoch in (1, 2, 3)))
    put(library.runs.folder("letters"), {"history.jsonl": history.encode()})
    for name, date in (("sonnets", "2025-01-02"), ("letters", "2025-03-04")):
        noon = datetime.fromisoformat(f"{date}T12:00").astimezone()  # of the machine's time zone
        change_card_json(library, name, partial(dict.update, updated=noon.isoformat()))
    app.library = library

    async def show(pilot: Pilot[Any]) -> None:
        await until(lambda: app.opened_model is not None)
        await press(pilot, "f4")
        await until(lambda: app.models_screen.query(DataTable))
        table = app.models_screen.query_one(DataTable)
        await until(lambda: len(table.rows) == 4)
        table.move_cursor(row=table.get_row_index("letters"))
        await until(lambda: "epoch 3 is kept" in picture(app))
        await until(lambda: "held-out" in picture(app))

    assert snap_compare(app, run_before=show, terminal_size=(120, 36))


def test_inside(snap_compare: Compare, tmp_path: Path, inside_script: InsideScript) -> None:
    """The line with brackets round its last word. At the left the stages under the names of two
    parts, the embedding chosen and the gates folded away; at the right its sentence, rows of cells
    that differ by glyph and by colour for numbers below and above 0, and the legend. Below it the
    words that matter for the first suggestion, that the last word is unknown, and a bar for each
    suggestion that is split by part."""

    async def look(pilot: Pilot[Any]) -> None:
        await answered(pilot)
        app_of(pilot).autocomplete.editor.set_text("shall i zzz ")
        await press(pilot, "f10")
        await until(lambda: "words: 3" in picture(pilot.app))
        await press(pilot, "down")
        await until(lambda: "embedding: 4 x 6" in picture(pilot.app))

    assert snap_compare(scripted_app(tmp_path), run_before=look, terminal_size=(100, 30))
