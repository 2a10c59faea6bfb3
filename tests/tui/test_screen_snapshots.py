"""Pictures of the Train and the Models screen, compared with those in __snapshots__.

Run with --snapshot-update after a change of looks, and look at the new ones.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from textual.pilot import Pilot

from rnnlm_tui.store.library import Library
from rnnlm_tui.tui.app import RnnlmApp
from rnnlm_tui.tui.models.table import ModelTable
from rnnlm_tui.tui.runs import follower
from rnnlm_tui.tui.runs.child import TrainingRequest
from rnnlm_tui.tui.train import run_pane
from rnnlm_tui.tui.train.form import TrainForm
from rnnlm_tui.tui.train.run_view import RunHead
from tests.helpers.app import answered, app_of, press, scripted_app, wait_until
from tests.helpers.events import in_fifth_epoch
from tests.helpers.models import change_card, make_model, put
from tests.helpers.runs import Script

Compare = Callable[..., bool]


@pytest.fixture
def app(tmp_path: Path, script: Script, monkeypatch: pytest.MonkeyPatch) -> RnnlmApp:
    """The app, with a training and an answer about the text that are scripted, and a clock that
    stands still."""
    clock = SimpleNamespace(monotonic=lambda: 1000.0, time=time.time)
    monkeypatch.setattr(follower, "time", clock)
    monkeypatch.setattr(run_pane, "time", clock)
    return scripted_app(tmp_path)


async def _show_form(pilot: Pilot[Any]) -> TrainForm:
    await answered(pilot)
    await press(pilot, "f3")
    await wait_until(pilot, lambda: app_of(pilot).train_screen.query("#form"))
    form = app_of(pilot).train_screen.query_one(TrainForm)
    await wait_until(pilot, lambda: form.problem is None)
    return form


def test_train_form(snap_compare: Compare, app: RnnlmApp) -> None:
    """The source of the text with the focus, "sonnets" chosen by a full dot; preset, epochs,
    held out, name and line below one another; what it would cost, and the way on."""

    async def show(pilot: Pilot[Any]) -> None:
        await _show_form(pilot)

    assert snap_compare(app, run_before=show)


def test_train_form_with_faults(snap_compare: Compare, app: RnnlmApp) -> None:
    """A setting and a name that will not do, each with a sentence below it that begins with an
    exclamation mark; the button is dimmed."""

    async def spoil(pilot: Pilot[Any]) -> None:
        form = await _show_form(pilot)
        form.query_one("#setting-epochs").value = "many"  # type: ignore[attr-defined]
        form.query_one("#name").value = "no/name"  # type: ignore[attr-defined]
        form.query_one("#setting-epochs").focus()
        await wait_until(pilot, lambda: len(form.query(".-wrong")) == 2)

    assert snap_compare(app, run_before=spoil)


def test_train_run(snap_compare: Compare, app: RnnlmApp, script: Script) -> None:
    """A run in its fifth of twenty epochs: two bars, the curves of both losses with the best
    epoch marked, the epochs as a table, the line continued after each, and the notes."""

    async def train(pilot: Pilot[Any]) -> None:
        await _show_form(pilot)
        await app.train_screen.run_pane.begin(TrainingRequest(("--name=poems",), "poems"))
        script.write(*in_fifth_epoch())
        head = app.train_screen.query_one(RunHead)
        await wait_until(pilot, lambda: "step 2/4" in head.render().plain)
        await pilot.pause(0.2)
        app._refresh_header()

    assert snap_compare(app, run_before=train, terminal_size=(120, 40))


def test_models(snap_compare: Compare, app: RnnlmApp, tmp_path: Path) -> None:
    """A table of four: two models, of which one suggests, a damaged one, and a run that has saved
    no model yet; the row in hand is one of them, and the keys say what can be done with it."""
    library = Library(tmp_path / "data")
    make_model(library.path("sonnets"), seed=1)
    make_model(library.path("letters"), epoch=3, seed=2)
    put(library.path("broken"), {"model.json": b"{}"})
    put(library.path("begun"), {"resume.safetensors": b"x" * 100})
    for name, date in (("sonnets", "2025-01-02"), ("letters", "2025-03-04")):
        change_card(library, name, partial(dict.update, updated=f"{date}T12:00:00Z"))
    app.library = library

    async def show(pilot: Pilot[Any]) -> None:
        await wait_until(pilot, lambda: app.loaded_model is not None)
        await press(pilot, "f4")
        await wait_until(pilot, lambda: app.models_screen.query(ModelTable))
        table = app.models_screen.query_one(ModelTable)
        await wait_until(pilot, lambda: len(table.rows) == 4)
        table.move_cursor(row=table.get_row_index("letters"))
        await wait_until(pilot, lambda: table.selected == "letters")

    assert snap_compare(app, run_before=show)
