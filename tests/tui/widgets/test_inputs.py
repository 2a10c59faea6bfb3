"""Input fields: foreign text is made printable before it is painted, and paths are completed."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from rnnlm_tui.tui.train.fields import FilesInput
from rnnlm_tui.tui.widgets import inputs
from rnnlm_tui.tui.widgets.inputs import (
    PathInput,
    SafeInput,
    completions,
    sanitize_lines,
)
from tests.helpers.app import check_layout, picture, post_keys, press, running, until
from tests.helpers.commands import POSIX
from tests.helpers.host import HostApp

HOSTILE = "a\x1b[31mb\x9b\a\x00\ud800\u202e[/b]"
SHOWN = "a\ufffd[31mb\ufffd\ufffd\ufffd\ufffd\ufffd[/b]"


async def test_what_is_in_a_field_put_there_or_pasted_is_made_printable() -> None:
    app = HostApp(partial(SafeInput, HOSTILE, select_on_focus=False))
    async with running(app):
        line = app.query_one(SafeInput)
        assert line.value == SHOWN and SHOWN in picture(app)
        line.value = ""
        line.focus()
        app.post_message(events.Paste(f"{HOSTILE}\n{HOSTILE}"))
        await until(lambda: line.value == SHOWN)
        check_layout(app)


async def test_keys_that_move_and_delete_are_not_overtaken_by_letters() -> None:
    app = HostApp(partial(SafeInput, "130"))
    async with running(app):
        line = app.query_one(SafeInput)
        line.focus()
        post_keys(app, "backspace", "backspace", *"24", "left", "7")
        await until(lambda: line.value == "274")


def test_lines_keep_their_ends_and_tabs() -> None:
    for text, shown in (
        ("", ""),
        ("a", "a"),
        ("\n", "\n"),
        ("so\u00adft\u200b\t\ufeff", "soft\t"),
        ("a\n\nb\n", "a\n\nb\n"),
        ("a\r\nb\rc\x0cd\u2028e", "a\nb\nc\nd\ne"),
        ("\ta\tb", "\ta\tb"),
        ("a\x1bb\x7f", "a\ufffdb\ufffd"),
        ("e\u0301 \u7269 \u05d0\u200d", "e\u0301 \u7269 \u05d0\u200d"),
    ):
        assert sanitize_lines(text) == shown


# Paths


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two folders and a few files."""
    folder = tmp_path / "texts"
    for name in ("poems", "prose"):
        (folder / name).mkdir(parents=True)
    for name in ("poems.txt", "letters.txt", ".hidden"):
        (folder / name).write_text("x")
    return folder


@asynccontextmanager
async def typed(
    text: str, field: type[PathInput] = PathInput
) -> AsyncIterator[tuple[Pilot[None], PathInput]]:
    """A focused path field with this text, before another field."""
    app = HostApp(partial(field, select_on_focus=False), partial(Input, id="after"))
    async with running(app, size=(120, 12)) as pilot:
        path = app.query_one(PathInput)
        path.focus()
        path.value = text
        yield pilot, path


async def suggested(pilot: Pilot[None], path: PathInput, shown: str) -> None:
    """Waits until the path field shows this suggestion."""
    await until(lambda: path.render_line(0).text.strip() == shown)


def names(text: str) -> list[str]:
    """The last part of each path that continues `text`."""
    return [path[text.rfind("/") + 1 :] for path in completions(text)]


def test_entries_that_continue_a_path_have_folders_first(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for text, found in (
        ("", "poems/ prose/ letters.txt poems.txt"),
        ("p", "poems/ prose/ poems.txt"),
        ("le", "letters.txt"),
        (".", ".hidden"),
        ("letters.txt", ""),  # it is complete
        ("x", ""),
        ("nowhere/at/all", ""),
        ("a\0b/c", ""),
    ):
        assert names(f"{folder}/{text}") == found.split()
        monkeypatch.chdir(folder)
        assert not text or names(text) == found.split()
        monkeypatch.setenv("HOME", str(folder))
        monkeypatch.setenv("USERPROFILE", str(folder))
        assert names(f"~/{text}") == found.split()


@POSIX
def test_names_that_cannot_be_shown_are_left_out(folder: Path) -> None:
    for name in (b"w\xff", b"w\x1b[31m", b"w\n", "w\u7269".encode(), b"w[red]"):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_text("x")
    (folder / "wlink").symlink_to("nowhere")
    assert names(f"{folder}/w") == ["w[red]", "wlink", "w\u7269"]


async def test_tab_completes_what_is_shown_and_then_moves_the_focus(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of several files the last one."""
    monkeypatch.chdir(folder)
    async with typed(f"{folder}/p") as (pilot, path):
        await suggested(pilot, path, f"{folder}/poems/")
        await press(pilot, "tab")
        assert path.value == f"{folder}/poems/" and path.has_focus
        await until(lambda: not path.completed)
        await press(pilot, "tab")
        assert pilot.app.query_one("#after").has_focus
    async with typed("", FilesInput) as (pilot, path):
        for ends in (";", "; ", " ;  "):
            path.value = f"a.txt{ends}le"
            await suggested(pilot, path, f"a.txt{ends}letters.txt")
            await press(pilot, "tab")
            assert path.value == f"a.txt{ends}letters.txt"


async def test_the_completion_is_seen_again_in_a_field_that_is_left_and_chosen_again(
    folder: Path,
) -> None:
    """Tab accepts it, so it must not be hidden."""
    async with typed(f"{folder}/le") as (pilot, path):
        await suggested(pilot, path, f"{folder}/letters.txt")
        pilot.app.query_one("#after").focus()
        await suggested(pilot, path, f"{folder}/le")
        path.focus()
        await suggested(pilot, path, f"{folder}/letters.txt")


async def test_the_completion_of_an_older_text_is_dropped(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def slow(text: str) -> tuple[str, ...]:
        if text.endswith("/le"):
            asked.set()
            assert go_on.wait(20)
        return completions(text)

    monkeypatch.setattr(inputs, "completions", slow)
    async with typed(f"{folder}/le") as (pilot, path):
        await until(asked.is_set)
        path.value = f"{folder}/pr"
        await suggested(pilot, path, f"{folder}/prose/")
        go_on.set()
        await pilot.app.workers.wait_for_complete()
        assert path.completed == f"{folder}/prose/"
