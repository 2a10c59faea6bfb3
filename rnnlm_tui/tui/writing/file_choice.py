"""Asks in which file a text is to be saved."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING

from rnnlm_tui.paths import current_dir
from rnnlm_tui.session.text_file import digest_of
from rnnlm_tui.tui.writing.open_text import OpenText

if TYPE_CHECKING:
    from rnnlm_tui.tui.app import RnnlmApp

NOT_IN_A_NAME = r'[\\/:*?"<>|]'
"""Characters that some systems do not allow in the name of a file."""


async def ask_for_file(app: RnnlmApp, text: OpenText, problem: str = "") -> str | None:
    """Asks for a file if the text has none or that cannot be written, and whether to replace one
    that has something else than the text had when it was saved. Returns its path, None if the user
    cancels. `problem` is why the last file could not be written."""
    from rnnlm_tui.tui.widgets.dialogs import AskPath, Choice, path_problem

    file = text.text.file
    path = file.path if file and not problem else ""
    if path:
        found = await asyncio.to_thread(path_problem, path, for_new_file=True)
        problem = found or ""
    proposed = re.sub(NOT_IN_A_NAME, "-", text.title.rstrip("….")) + ".txt"
    while True:
        if not path or problem:
            about = f"as a text file, a paragraph a line\na name alone goes to {current_dir()}"
            title = f"Save “{text.title}”"
            dialog = AskPath(title, about, proposed, for_new_file=True, problem=problem)
            if (chosen := await app.ask(dialog)) is None:
                return None
            path, problem = str(Path(chosen).absolute()), ""
        own = file if file and file.path == path else None
        found = await asyncio.to_thread(digest_of, path)
        if found is None or (own and found == own.digest):
            return path
        name = Path(path).name
        answer = await app.ask(
            Choice(
                f"{name} has changed" if own else f"{name} already exists",
                "Another program has changed it since it was saved." if own else path,
                (
                    # The first row is what Enter takes: with it nothing is lost.
                    ("another", "Another name", "the file stays as it is"),
                    ("overwrite", "Overwrite", "it will have the lines of this text only"),
                ),
            )
        )
        if answer != "another":
            return path if answer == "overwrite" else None
        proposed, path = path, ""
