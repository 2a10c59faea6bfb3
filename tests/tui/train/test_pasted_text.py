"""A text pasted to train on is kept until it is deleted."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import RadioButton

from rnnlm_tui.tui.session.database import connect
from rnnlm_tui.tui.session.tables import put_text
from rnnlm_tui.tui.train import pasted_text
from rnnlm_tui.tui.train.form import TrainForm
from tests.helpers.app import app_of, press, scripted_app, wait_until
from tests.helpers.session import kept_texts

TEXT = "the cat sat\n\ton the [/b] mat, ünd\n"


def keep(folder: Path, text: str) -> None:
    """Stores a text as an app that has ended."""
    with closing(connect(folder / "data" / "session" / "session.db")) as connection:
        put_text(connection, "pasted", "gone", text)


async def to_the_form(pilot: Pilot[Any]) -> TrainForm:
    """Shows the form of the Train screen, and waits until it has read the stored text."""
    await press(pilot, "f3")
    await wait_until(pilot, lambda: app_of(pilot).train_screen.query("#pasted"))
    form = app_of(pilot).train_screen.query_one(TrainForm)
    await wait_until(pilot, lambda: area_of(form)._kept is not None)
    return form


def area_of(form: TrainForm) -> pasted_text.PastedText:
    return form.query_one(pasted_text.PastedText)


async def paste(pilot: Pilot[Any], form: TrainForm, text: str) -> None:
    """Chooses the pasted text as the source, and pastes."""
    form.query_one("#source-pasted", RadioButton).value = True
    await wait_until(pilot, lambda: form.source == "pasted")
    area_of(form).focus()
    pilot.app.post_message(events.Paste(text))
    await wait_until(pilot, lambda: text in area_of(form).text)


async def test_a_pasted_text_is_kept_until_it_is_deleted(tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    async with app.run_test() as pilot:
        form = await to_the_form(pilot)
        assert form.source == "bundled"
        await paste(pilot, form, TEXT)
        await press(pilot, *"and")
        # At once, and not at the end: the app may be killed.
        await wait_until(pilot, lambda: kept_texts(tmp_path / "data", "pasted") == [f"{TEXT}and"])

    app = scripted_app(tmp_path)
    async with app.run_test() as pilot:
        form = await to_the_form(pilot)
        await wait_until(pilot, lambda: form.source == "pasted")
        assert area_of(form).text == f"{TEXT}and"
        await wait_until(pilot, lambda: form.plan.text == f"{TEXT}and")
        area_of(form).focus()
        area_of(form).select_all()
        await press(pilot, "delete")
        await wait_until(pilot, lambda: kept_texts(tmp_path / "data", "pasted") == [])

    app = scripted_app(tmp_path)
    async with app.run_test() as pilot:
        form = await to_the_form(pilot)
        assert (form.source, area_of(form).text) == ("bundled", "")


async def test_another_source_that_was_chosen_meanwhile_stays(tmp_path: Path) -> None:
    keep(tmp_path, TEXT)
    gate = threading.Event()
    app = scripted_app(tmp_path)
    async with app.run_test() as pilot:
        app.session.write(lambda connection: gate.wait(20))  # a slow disk
        app.show_mode("train")
        await wait_until(pilot, lambda: app.train_screen.query("#source-files"))
        form = app.train_screen.query_one(TrainForm)
        form.query_one("#source-files", RadioButton).value = True
        await wait_until(pilot, lambda: form.source == "files")
        gate.set()
        await wait_until(pilot, lambda: form.plan.text == TEXT)
        assert form.source == "files"


async def test_no_more_than_the_largest_text_gets_in_however_it_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pasted_text, "MAX_PASTE", 20)
    app = scripted_app(tmp_path)
    async with app.run_test() as pilot:
        form = await to_the_form(pilot)
        await paste(pilot, form, "x" * 15)
        pilot.app.post_message(events.Paste("y" * 6))
        problem = "21 B is too much to paste: save it as a file and choose my files"
        await wait_until(pilot, lambda: problem in (form.settings_problem or ""))
        assert area_of(form).text == "x" * 15
        form.query_one("#seed").value = "the"  # type: ignore[attr-defined]
        await pilot.pause()
        assert form.settings_problem, "a change elsewhere is no answer to it"
        await press(pilot, *"zzzzz")
        await wait_until(pilot, lambda: form.settings_problem is None)
        await press(pilot, *"zz")
        assert area_of(form).text == "x" * 15 + "z" * 5
        area_of(form).select_all()
        pilot.app.post_message(events.Paste("w" * 20))
        await wait_until(pilot, lambda: area_of(form).text == "w" * 20)
