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
    expanded,
    sanitize_lines,
)
from tests.helpers.app import check_layout, picture, wait_until
from tests.helpers.commands import POSIX
from tests.helpers.host import HostApp

HOSTILE = "a\x1b[31mb\x9b\a\x00\ud800\u202e[/b]"
SHOWN = "a\ufffd[31mb\ufffd\ufffd\ufffd\ufffd\ufffd[/b]"


async def test_what_is_in_a_field_put_there_or_pasted_is_made_printable() -> None:
    app = HostApp(partial(SafeInput, HOSTILE, select_on_focus=False))
    async with app.run_test() as pilot:
        line = app.query_one(SafeInput)
        assert line.value == SHOWN and SHOWN in picture(app)
        line.value = ""
        line.focus()
        app.post_message(events.Paste(f"{HOSTILE}\n{HOSTILE}"))
        await wait_until(pilot, lambda: line.value == SHOWN)
        check_layout(app)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("a", "a"),
        ("\n", "\n"),
        ("a\n\nb\n", "a\n\nb\n"),
        ("a\r\nb\rc\x0cd\u2028e", "a\nb\nc\nd\ne"),
        ("\ta\tb", "\ta\tb"),
        ("a\x1bb\x7f", "a\ufffdb\ufffd"),
        ("e\u0301 \u7269 \u05d0\u200d", "e\u0301 \u7269 \u05d0\u200d"),
    ],
)
def test_lines_keep_their_ends_and_tabs(text: str, shown: str) -> None:
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
async def typed(text: str) -> AsyncIterator[tuple[Pilot[None], PathInput]]:
    """A focused path field with this text, before another field."""
    app = HostApp(partial(PathInput, select_on_focus=False), partial(Input, id="after"))
    async with app.run_test(size=(120, 12)) as pilot:
        path = app.query_one(PathInput)
        path.focus()
        path.value = text
        yield pilot, path


async def suggested(pilot: Pilot[None], path: PathInput, shown: str) -> None:
    """Waits until the path field shows this suggestion."""
    await wait_until(pilot, lambda: path.render_line(0).text.strip() == shown)


def names(text: str) -> list[str]:
    """The last part of each path that continues `text`."""
    return [path[text.rfind("/") + 1 :] for path in completions(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "poems/ prose/ letters.txt poems.txt"),
        ("p", "poems/ prose/ poems.txt"),
        ("le", "letters.txt"),
        (".", ".hidden"),
        ("letters.txt", ""),  # it is complete
        ("x", ""),
        ("nowhere/at/all", ""),
        ("a\0b/c", ""),
    ],
)
def test_entries_that_continue_a_path_have_folders_first(
    folder: Path, monkeypatch: pytest.MonkeyPatch, text: str, found: str
) -> None:
    assert names(f"{folder}/{text}") == found.split()
    monkeypatch.chdir(folder)
    assert not text or names(text) == found.split()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    assert names(f"~/{text}") == found.split()


def test_a_home_is_completed_and_written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "home")
    monkeypatch.setenv("USERPROFILE", "home")
    assert completions("~") == ("~/",)
    assert expanded("~/a") == "home/a"
    assert expanded("~nobody-of-this-name/a") == "~nobody-of-this-name/a"
    assert completions("~nobody-of-this-name/a") == ()


@POSIX
def test_names_that_cannot_be_shown_are_left_out(folder: Path) -> None:
    for name in (b"w\xff", b"w\x1b[31m", b"w\n", "w\u7269".encode(), b"w[red]"):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_text("x")
    (folder / "wlink").symlink_to("nowhere")
    assert names(f"{folder}/w") == ["w[red]", "wlink", "w\u7269"]


async def test_tab_completes_what_is_shown_and_then_moves_the_focus(folder: Path) -> None:
    async with typed(f"{folder}/p") as (pilot, path):
        await suggested(pilot, path, f"{folder}/poems/")
        await pilot.press("down")
        await suggested(pilot, path, f"{folder}/prose/")
        await pilot.press("up", "up")
        await suggested(pilot, path, f"{folder}/poems.txt")
        await pilot.press("tab")
        assert path.value == f"{folder}/poems.txt" and path.has_focus
        await wait_until(pilot, lambda: not path.matches)
        await pilot.press("tab")
        assert pilot.app.query_one("#after").has_focus


async def test_of_several_files_tab_completes_the_last(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    many = partial(FilesInput, select_on_focus=False)
    app = HostApp(many, partial(Input, id="after"))
    async with app.run_test(size=(120, 12)) as pilot:
        path = app.query_one(FilesInput)
        path.focus()
        for ends in (";", "; ", " ;  "):
            path.value = f"a.txt{ends}le"
            done = f"a.txt{ends}letters.txt"
            await suggested(pilot, path, done)
            await pilot.press("tab")
            assert path.value == done
            assert path.has_focus
        path.value = "a.txt; "
        await pilot.press("tab")
        assert app.query_one("#after").has_focus, "there is nothing to complete"


async def test_matches_of_an_older_text_are_dropped(
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
        await wait_until(pilot, asked.is_set)
        path.value = f"{folder}/pr"
        await suggested(pilot, path, f"{folder}/prose/")
        go_on.set()
        await pilot.app.workers.wait_for_complete()
        assert path.matches == (f"{folder}/prose/",)
        for event in (asked, go_on):
            event.clear()
        path.value = f"{folder}/le"
        await wait_until(pilot, asked.is_set)
        assert not path.matches, "while they are looked up"
        go_on.set()
