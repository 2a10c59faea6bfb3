"""What ctrl+z undoes, ctrl+y does again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest
from textual import events

from rnnlm_tui.paths import NEVER_SUGGEST, config_dir
from rnnlm_tui.tui.preferences import Preferences
from tests.helpers.app import answered
from tests.helpers.writing_screen import AppDesk, desk, open_list


class Undoable(NamedTuple):
    """Keys that do something, how the screen is after them and after an undo, and the key that does
    it again. `<>` pastes lines."""

    keys: str
    after: str
    undone: str
    redo: str = "ctrl+y"


UNDOABLE = {
    "letters": Undoable("sh", "> sh", "> "),
    "a word of the ghost": Undoable("shall {tab}", "> shall i ", "> shall "),
    "all of the ghost": Undoable("shall {right}", "> shall i compare thee to ", "> shall "),
    "a word of the list": Undoable("i compare {alt+3}", "> i compare this ", "> i compare "),
    "the second word": Undoable("i compare {shift+tab}", "> i compare the ", "> i compare "),
    "a word that a digit takes": Undoable("i c1", "> i compare ", "> i c1"),
    "a word deleted": Undoable("so vast{ctrl+w}", "> so ", "> so vast"),
    "a line deleted": Undoable("so vast{ctrl+u}", "> ", "> so vast"),
    "a new line": Undoable("so{ctrl+j}", "> so\n", "> so"),
    "a paste": Undoable("so <vast>", "> so vast", "> so "),
    "a paste of lines": Undoable("so <vast\na\nb>", "so vast/a > b", "> so "),
    "a line kept": Undoable("so{enter}", "so > ", "so > so, edited"),
    "a line changed": Undoable("so{enter}{up}!{enter}", "so! > ", "so! > so!, edited"),
    "a line emptied": Undoable("a{enter}b{enter}{up}{up}{ctrl+u}{enter}", "b > ", "a/b > "),
    "an edit left": Undoable("a{enter}so{f6}{e}b{escape}", "a > so", "a > ab, edited"),
    "a line removed": Undoable("a{enter}b{enter}so{f6}{up}{d}", "b > so", "a/b > so"),
    "the last line removed": Undoable("a{enter}so{f6}{d}", "> so", "a > so"),
    "a word never suggested": Undoable("i {down}{delete}", "> i  never compare", "> i "),
    "a text deleted": Undoable("a{enter}{ctrl+o}{ctrl+d}", "a >  gone", "a > ", "ctrl+d"),
}


def state(it: AppDesk) -> str:
    """The page, what is written, and what is not suggested."""
    never = config_dir() / NEVER_SUGGEST
    noted = never.read_text().split() if never.is_file() else []
    edited = ", edited" if it.screen.open_text.edited is not None else ""
    gone = " gone" if it.screen.open_text.is_deleted else ""
    words = "".join(f" never {word}" for word in noted)
    return f"{'/'.join(it.page)} > {it.line}{edited}{words}{gone}".lstrip()


async def do(it: AppDesk, keys: str) -> None:
    """Presses keys and pastes, each after the answer to what was before it."""
    for part in re.findall(r"\{.*?\}|<[^>]*>|[^{<]+", keys):
        if part == "{ctrl+o}":
            await open_list(it)
        elif part.startswith("<"):
            it.app.post_message(events.Paste(part.strip("<>")))
        else:
            await it.follow(part)
            await answered(it.pilot)


@pytest.mark.parametrize(
    "what",
    [
        *[*UNDOABLE][::2],
        *(pytest.param(what, marks=pytest.mark.slow) for what in [*UNDOABLE][1::2]),
    ],
)
async def test_what_is_undone_is_redone(what: str, tmp_path: Path) -> None:
    row = UNDOABLE[what]
    async with desk(tmp_path, preferences=Preferences(digits="inside words")) as it:
        await do(it, row.keys)
        await it.until(lambda: state(it) == row.after)
        for _ in range(2):
            await it.press("ctrl+z")
            await it.until(lambda: state(it) == row.undone)
            await it.press(row.redo)
            await it.until(lambda: state(it) == row.after)


async def test_all_that_was_done_is_undone_in_order_and_redone(tmp_path: Path) -> None:
    steps = ("a {down}{delete}", "b", "<x\ny\nz>", "{f6}{up}{d}{escape}", " c", "{tab}")
    async with desk(tmp_path) as it:
        states = [state(it)]
        for keys in steps:
            await do(it, keys)
            await it.until(lambda: state(it) != states[-1])
            states.append(state(it))
        for key, wanted in (("ctrl+z", states[::-1]), ("ctrl+y", states), ("ctrl+z", states[::-1])):
            passed = [state(it)]
            while passed[-1] != wanted[-1]:
                await it.press(key)
                await it.until(lambda: state(it) != passed[-1])  # noqa: B023
                passed.append(state(it))
            assert [each for each in passed if each in states] == wanted
