"""The text that is pasted to train on is kept until it is cleared, however the app ends."""

from __future__ import annotations

import stat
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import RadioButton, TextArea

from rnnlm_tui.errors import StorageError
from rnnlm_tui.tui.app import RnnlmApp
from rnnlm_tui.tui.session.pasted_files import PastedFiles
from rnnlm_tui.tui.train import pasted_text
from rnnlm_tui.tui.train.form import TrainForm
from tests.helpers.app import app_of, press, scripted_app, toasts, wait_until

TEXT = "the cat sat\n\ton the [/b] mat, ünd\n"


def files_in(folder: Path) -> dict[str, str]:
    """The texts that are kept in a folder."""
    return {path.name: path.read_text("utf-8") for path in folder.glob("pasted*.txt")}


# The files


def test_a_text_comes_back_and_an_empty_one_has_no_file(tmp_path: Path) -> None:
    files = PastedFiles(tmp_path / "session", 100)
    assert files.restore() == ""
    files.keep(TEXT)
    assert files_in(tmp_path / "session") == {"pasted.txt": TEXT}
    assert PastedFiles(tmp_path / "session", 100).restore() == TEXT
    files.keep("")
    assert files_in(tmp_path / "session") == {}
    files.keep("again")
    assert files_in(tmp_path / "session") == {"pasted.txt": "again"}


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    PastedFiles(tmp_path / "session", 100).keep(TEXT)
    assert stat.S_IMODE((tmp_path / "session").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "session" / "pasted.txt").stat().st_mode) == 0o600


def test_no_more_is_read_than_the_form_takes(tmp_path: Path) -> None:
    PastedFiles(tmp_path, 100).keep("x" * 101)
    assert PastedFiles(tmp_path, 100).restore() == "x" * 100


def test_a_text_that_was_left_and_not_adopted_stays(tmp_path: Path) -> None:
    PastedFiles(tmp_path, 100).keep("old")
    later = PastedFiles(tmp_path, 100)
    assert later.restore() == "old"
    later.keep("new")
    assert files_in(tmp_path) == {"pasted.txt": "old", "pasted-2.txt": "new"}


def test_a_text_that_was_adopted_is_replaced(tmp_path: Path) -> None:
    PastedFiles(tmp_path, 100).keep("old")
    later = PastedFiles(tmp_path, 100)
    later.restore()
    later.adopt()
    later.keep("new")
    assert files_in(tmp_path) == {"pasted.txt": "new"}


def test_a_folder_that_cannot_be_written_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "session").write_text("no folder")
    with pytest.raises(StorageError, match="could not save the pasted text"):
        PastedFiles(tmp_path / "session", 100).keep(TEXT)


# The form


def folder_of(app: RnnlmApp) -> Path:
    return app.library.folder.parent / "session"


async def to_the_form(pilot: Pilot[Any]) -> TrainForm:
    """Shows the Train screen's form, and waits until it has read what was kept."""
    await press(pilot, "f3")
    await wait_until(pilot, lambda: app_of(pilot).train_screen.query("#pasted"))
    form = app_of(pilot).train_screen.query_one(TrainForm)
    await wait_until(pilot, lambda: area_of(form)._keeper is not None)
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


async def test_a_pasted_text_stands_in_the_form_again(tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    async with app.run_test() as pilot:
        form = await to_the_form(pilot)
        assert form.source == "bundled"
        await paste(pilot, form, TEXT)
        await press(pilot, *"and")
        # At once, and not at the end: the app may be killed.
        await wait_until(pilot, lambda: files_in(folder_of(app)) == {"pasted.txt": f"{TEXT}and"})

    app = scripted_app(tmp_path)
    async with app.run_test() as pilot:
        form = await to_the_form(pilot)
        await wait_until(pilot, lambda: form.source == "pasted")
        assert area_of(form).text == f"{TEXT}and"
        await wait_until(pilot, lambda: form.plan.text == f"{TEXT}and")
        area_of(form).focus()
        area_of(form).select_all()
        await press(pilot, "delete")
        await wait_until(pilot, lambda: files_in(folder_of(app)) == {})

    app = scripted_app(tmp_path)
    async with app.run_test() as pilot:
        form = await to_the_form(pilot)
        assert (form.source, area_of(form).text) == ("bundled", "")


async def test_what_was_typed_last_is_kept_when_the_app_is_left(tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    async with app.run_test() as pilot:
        form = await to_the_form(pilot)
        await paste(pilot, form, TEXT)
        area_of(form).insert("last words")
        await wait_until(pilot, lambda: form.plan.text.endswith("last words"))
    assert files_in(folder_of(app)) == {"pasted.txt": f"{TEXT}last words"}


async def test_another_source_that_was_chosen_meanwhile_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    PastedFiles(tmp_path / "data" / "session", 100).keep(TEXT)
    read, may_read = PastedFiles.restore, threading.Event()

    def read_late(files: PastedFiles) -> str:
        assert may_read.wait(20)
        return read(files)

    monkeypatch.setattr(PastedFiles, "restore", read_late)
    app = scripted_app(tmp_path)
    async with app.run_test() as pilot:
        app.show_mode("train")
        await wait_until(pilot, lambda: app.train_screen.query("#source-files"))
        form = app.train_screen.query_one(TrainForm)
        form.fill("poems.txt")
        await wait_until(pilot, lambda: form.source == "files")
        may_read.set()
        await wait_until(pilot, lambda: form.plan.text == TEXT)
        assert form.source == "files"


async def test_no_more_than_the_largest_text_gets_in_however_it_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pasted_text, "LARGEST_PASTE", 20)
    app = scripted_app(tmp_path)
    async with app.run_test() as pilot:
        form = await to_the_form(pilot)
        await paste(pilot, form, "x" * 15)
        pilot.app.post_message(events.Paste("y" * 6))
        await wait_until(pilot, lambda: "too much to paste" in (form.settings_problem or ""))
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


async def test_a_text_that_cannot_be_kept_is_told_of_once_and_stays(tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    async with app.run_test(notifications=True) as pilot:
        form = await to_the_form(pilot)
        area = form.query_one(TextArea)
        keeper = area_of(form)._keeper
        assert keeper is not None

        def full(text: str) -> None:
            raise StorageError("the disk is full")

        keeper._write = full
        area.text = TEXT
        await wait_until(pilot, lambda: toasts(app))
        area.text = TEXT * 2
        await pilot.pause()
        assert toasts(app) == ["the disk is full"]
        assert area.text == TEXT * 2
