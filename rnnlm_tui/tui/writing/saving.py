"""Asks in which file a text is to be saved."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from rnnlm_tui.paths import current_dir
from rnnlm_tui.session.text_file import ReadFile, digest_of
from rnnlm_tui.tui.writing.open_text import OpenText

if TYPE_CHECKING:
    from rnnlm_tui.tui.app import RnnlmApp

NOT_IN_A_NAME = r'[\\/:*?"<>|]'
"""Characters that some systems do not allow in the name of a file."""


@dataclass
class TextWanted(Message):
    """A text is to be opened: that of a file, or the one with this number, or a new one."""

    number: int | None = None
    file: ReadFile | None = None


@dataclass
class SaveWanted(Message):
    """The open text is to be saved to a file, in place of what that has."""

    path: str


async def ask_how_to_save(app: RnnlmApp, text: OpenText, problem: str = "") -> SaveWanted | None:
    """Asks for a file if the text has none or that cannot be written, and whether to replace one
    that has something else than the text had when it was saved. Returns None if the user cancels.
    `problem` is why the last file could not be written."""
    from rnnlm_tui.tui.widgets.dialogs import AskPath, path_problem

    file = text.text.file
    path = file.path if file else None
    if path is not None and not problem:
        found = await asyncio.to_thread(path_problem, path, for_new_file=True)
        problem = found or ""
    if problem:
        path = None
    proposed = re.sub(NOT_IN_A_NAME, "-", text.title.rstrip("….")) + ".txt"
    while True:
        if path is None:
            about = f"as a text file, a paragraph a line\na name alone goes to {current_dir()}"
            title = f"Save “{text.title}”"
            dialog = AskPath(title, about, proposed, for_new_file=True, problem=problem)
            if (chosen := await app.ask(dialog)) is None:
                return None
            path = str(Path(chosen).absolute())
        is_own = file is not None and file.path == path
        found = await asyncio.to_thread(digest_of, path)
        if found is None or (is_own and file is not None and found == file.digest):
            return SaveWanted(path)
        answer = await _ask_about_contents(app, path, is_own=is_own)
        if answer is None:
            return None
        if answer == "overwrite":
            return SaveWanted(path)
        proposed, path = path, None


async def _ask_about_contents(app: RnnlmApp, path: str, *, is_own: bool) -> str | None:
    from rnnlm_tui.tui.widgets.dialogs import Choice

    name = Path(path).name
    return await app.ask(
        Choice(
            f"{name} has changed" if is_own else f"{name} already exists",
            "Another program has changed it since it was saved." if is_own else path,
            (
                # The first row is what Enter takes: with it nothing is lost.
                ("another", "Another name", "the file stays as it is"),
                ("overwrite", "Overwrite", "it will have the lines of this text only"),
            ),
        )
    )
