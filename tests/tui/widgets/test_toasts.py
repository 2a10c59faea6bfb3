"""Toasts never cover a dialog's buttons, what is typed, or the field in hand."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from textual.geometry import Region
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Collapsible
from textual.widgets._toast import Toast

from rnnlm_tui.tui.app import RnnlmApp
from rnnlm_tui.tui.train.form import TrainForm
from rnnlm_tui.tui.widgets.dialogs import AskPath, AskText, Choice, Confirm, Dialog
from rnnlm_tui.tui.widgets.terminal import TOAST_S
from tests.helpers.app import answered, picture, press, scripted_app, wait_until

MESSAGES = ("short", "a message of some length, which takes three lines of a toast or so " * 2)
DIALOGS: list[Callable[[], Dialog[Any]]] = [
    lambda: Confirm("Delete it?", "It cannot be brought back."),
    lambda: Choice("Which?", "One of:", [(c, f"Take {c}", f"because of {c}") for c in "abc"]),
    lambda: AskText("A text", "of one line", "", check=lambda text: "it is wrong"),
    lambda: AskPath("A file", "to read", "/"),
]


@pytest.fixture(autouse=True)
def lasting_toasts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Toasts stay for longer than a test takes."""
    monkeypatch.setitem(TOAST_S, "error", 600)


def toasts_seen(app: RnnlmApp) -> list[Region]:
    """Where toasts are drawn now."""
    drawn = app.screen._compositor.visible_widgets
    toasts = [place for widget, place in drawn.items() if isinstance(widget, Toast)]
    seen = [region.intersection(clip) for region, clip in toasts]
    return [region for region in seen if region.area]


def covered(app: RnnlmApp, widget: Widget) -> bool:
    return any(region.overlaps(widget.region) for region in toasts_seen(app))


def is_clear(app: RnnlmApp, field: Widget) -> bool:
    """Whether the field has the focus, and no toast lies over it."""
    return app.screen.focused is field and bool(field.region.area) and not covered(app, field)


async def notify_user(pilot: Pilot[Any], app: RnnlmApp) -> None:
    """Shows three toasts, and waits until they are drawn."""
    for message in (*MESSAGES, MESSAGES[0]):
        app.notify_user(message, "error")
    await wait_until(pilot, lambda: len(app.screen.query(Toast)) == 3)
    await pilot.pause(0.05)


@pytest.mark.parametrize("size", [(80, 24), (60, 16), (120, 40)])
@pytest.mark.parametrize("make", DIALOGS)
async def test_a_dialog_is_never_covered(
    make: Callable[[], Dialog[Any]], size: tuple[int, int], tmp_path: Path
) -> None:
    app = scripted_app(tmp_path)
    async with app.run_test(size=size, notifications=True) as pilot:
        await answered(pilot)
        dialog = make()
        app.push_screen(dialog)
        await wait_until(pilot, lambda: app.screen is dialog and dialog.focused is not None)
        await notify_user(pilot, app)
        await wait_until(pilot, lambda: not covered(app, dialog.query_one(".dialog-box")))
        if size[1] >= 24:
            assert "short" in picture(app), "it is told all the same"
        await press(pilot, *"x/")  # which brings a problem, or another list of entries
        await pilot.pause(0.05)
        await wait_until(pilot, lambda: not covered(app, dialog.query_one(".dialog-box")))


@pytest.mark.parametrize("size", [(80, 24), (60, 16), (120, 40)])
async def test_the_field_in_hand_is_never_covered(size: tuple[int, int], tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    async with app.run_test(size=size, notifications=True) as pilot:
        await answered(pilot)
        await press(pilot, "f3")
        await wait_until(pilot, lambda: app.train_screen.query("#form"))
        form = app.train_screen.query_one(TrainForm)
        form.query_one(Collapsible).collapsed = False
        await wait_until(pilot, lambda: len(form.query("#more-settings Input")) > 3)
        await notify_user(pilot, app)
        fields = [field for field in app.screen.focus_chain if form in field.ancestors]
        assert len(fields) > 8
        for field in fields:
            field.focus()
            await wait_until(pilot, partial(is_clear, app, field))
            assert toasts_seen(app)


@pytest.mark.parametrize("size", [(80, 24), (60, 16)])
async def test_the_line_being_written_is_never_covered(
    size: tuple[int, int], tmp_path: Path
) -> None:
    app = scripted_app(tmp_path)
    async with app.run_test(size=size, notifications=True) as pilot:
        await answered(pilot)
        await notify_user(pilot, app)
        assert toasts_seen(app)
        assert not covered(app, app.autocomplete.editor)
