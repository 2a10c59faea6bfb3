"""A text pasted to train on is kept until it is deleted."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing

import pytest
from textual import events
from textual.widgets import Input, RadioButton

from rnnlm_tui.session.database import KeptText, connect
from rnnlm_tui.session.tables import put_kept
from rnnlm_tui.tui.train import fields
from rnnlm_tui.tui.train.form import TrainForm
from tests.helpers.runs import Script
from tests.helpers.session import kept_texts
from tests.helpers.train_screen import Shown, shown

TEXT = "the cat sat\n\ton the [/b] mat, ünd\n"


async def restored(on: Shown) -> TrainForm:
    """The form, once it has read the stored text."""
    await on.until(lambda: area_of(on.form)._kept is not None)
    return on.form


def area_of(form: TrainForm) -> fields.PastedText:
    return form.query_one(fields.PastedText)


async def paste(on: Shown, text: str) -> None:
    """Chooses the pasted text as the source, and pastes."""
    on.form.query_one("#source-pasted", RadioButton).value = True
    await on.until(lambda: on.form.source == "pasted")
    area_of(on.form).focus()
    on.app.post_message(events.Paste(text))
    await on.until(lambda: text in area_of(on.form).text)


async def test_a_pasted_text_is_kept_until_it_is_deleted(script: Script) -> None:
    async with shown(script) as on:
        form = await restored(on)
        assert form.source == "bundled"
        await paste(on, TEXT)
        await on.pilot.press(*"and")
        # At once, and not at the end: the app may be killed.
        await on.until(lambda: kept_texts(script.data, "pasted") == [f"{TEXT}and"])

    async with shown(script) as on:
        form = await restored(on)
        await on.until(lambda: form.source == "pasted")
        assert area_of(form).text == f"{TEXT}and"
        await on.until(lambda: form.content.text == f"{TEXT}and")
        area_of(form).focus()
        area_of(form).select_all()
        await on.pilot.press("delete")
        await on.until(lambda: kept_texts(script.data, "pasted") == [])

    async with shown(script) as on:
        form = await restored(on)
        assert (form.source, area_of(form).text) == ("bundled", "")


async def test_another_source_that_was_chosen_meanwhile_stays(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(connect(script.data / "session" / "session.db")) as connection:
        put_kept(connection, "pasted", "gone", TEXT)  # by an app that has ended
    gate, adopt = threading.Event(), KeptText._adopt

    def adopt_slowly(kept: KeptText, connection: sqlite3.Connection) -> str:
        assert gate.wait(20)
        return adopt(kept, connection)

    monkeypatch.setattr(KeptText, "_adopt", adopt_slowly)
    async with shown(script) as on:
        on.form.query_one("#source-files", RadioButton).value = True
        await on.until(lambda: on.form.source == "files")
        gate.set()
        await on.until(lambda: on.form.content.text == TEXT)
        assert on.form.source == "files"


@pytest.mark.slow
async def test_no_more_than_the_largest_text_gets_in_however_it_comes(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fields, "MAX_PASTE", 20)
    async with shown(script) as on:
        form = await restored(on)
        await paste(on, "x" * 15)
        on.app.post_message(events.Paste("y" * 6))
        problem = "21 B is too much to paste: save it as a file and choose my files"
        await on.until(lambda: problem in (form.settings_problem or ""))
        assert area_of(form).text == "x" * 15
        form.query_one("#seed", Input).value = "the"
        await on.pilot.pause()
        assert form.settings_problem, "a change elsewhere is no answer to it"
        await on.pilot.press(*"zzzzz")
        await on.until(lambda: form.settings_problem is None)
        await on.pilot.press(*"zz")
        assert area_of(form).text == "x" * 15 + "z" * 5
        area_of(form).select_all()
        on.app.post_message(events.Paste("w" * 20))
        await on.until(lambda: area_of(form).text == "w" * 20)
