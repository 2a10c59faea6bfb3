"""Saves the open text to a file, and says at the end of the app where it is kept."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING

from rnnlm_tui._version import APP_NAME
from rnnlm_tui.errors import RnnlmError, StorageError
from rnnlm_tui.paths import current_dir
from rnnlm_tui.session import texts
from rnnlm_tui.session.tables import SavedPart
from rnnlm_tui.session.text_file import digest_of, read_text_file
from rnnlm_tui.tui.writing.open_text import Copy, OpenText

if TYPE_CHECKING:
    from rnnlm_tui.tui.app import RnnlmApp

NOT_IN_A_NAME = r'[\\/:*?"<>|]'
"""Characters that some systems do not allow in the name of a file."""


class Saving:
    """Saves the text that is open in the app."""

    def __init__(self, app: RnnlmApp, text: OpenText) -> None:
        self._app, self._text = app, text
        self._last_saved: tuple[str, list[str]] = ("", [])
        """The path of the file that was saved last, and its lines."""
        self._lock = asyncio.Lock()
        """Lets texts be saved one after the other."""

    async def save(self, copy: Copy) -> str:
        """Saves all of a text, with its draft, to its file, or to another one, for which it asks
        until one can be written. Returns the path, or "" if the user cancels."""
        async with self._lock:
            is_stored, problem = await self.is_stored(), ""
            while (path := await self._ask_for_file(copy, problem)) is not None:
                try:
                    await self._text.save(copy, path, is_stored=is_stored)
                except RnnlmError as error:
                    problem = error.message
                    continue
                self._last_saved = (path, copy.lines)
                self._app.notify_user(f"saved to {path}")
                return path
            return ""

    @property
    def is_busy(self) -> bool:
        """True while a text is being saved."""
        return self._lock.locked()

    async def finish(self) -> None:
        """Waits until no text is being saved any more. For workers only, since saving may ask."""
        async with self._lock:
            pass

    async def store(self) -> None:
        """Waits until all of the text is stored. After a read or a write has failed, stores it
        again and reads it. Raises StorageError."""
        database = self._text.database
        await database.read(lambda connection: None)  # waits for writes, which may fail
        if database.problem is not None:
            await self._text.store_again()
            await self._text.check_stored()
            database.problem = None

    async def is_stored(self) -> bool:
        """Does what `store` does, and returns whether it succeeds. Shows why not, but once."""
        try:
            await self.store()
        except StorageError as error:
            self._app.show_error_once(error)
        return self._text.database.problem is None

    async def is_file_changed(self) -> bool:
        """Returns whether another program has changed the file of the text."""
        async with self._lock:
            if (file := self._text.text.file) is None:
                return False
            now = await asyncio.to_thread(digest_of, file.path)
            return bool(now) and now != file.digest  # it may be gone (None) or not be readable ("")

    async def farewell(self) -> str | None:
        """Returns what to print when the app is closed: which text was kept, how to continue it,
        and which files do not have all of their texts. Returns None if the text is not stored."""
        self._text.keep_draft()  # the message of the last change may still be coming
        is_kept = bool(self._text.lines) and not self._text.is_deleted
        try:
            if is_kept:
                await self._text.check_stored()
            unsaved = await self._text.database.read(texts.unsaved_files)
        except StorageError:
            path, saved = self._last_saved
            if self._text.lines == saved:
                return f"Saved to: {path}" if path else ""
            return None
        kept = [f"Kept: “{self._text.title}”", f"To continue: {APP_NAME}"] if is_kept else []
        save = self._app.shown_key("autocomplete.save", "f5")
        older = (f"Older than its text: {path} ({save} saves it)" for path in unsaved)
        return "\n".join([*kept, *older])

    async def quit_unstored(self) -> str | None:
        """Asks what to do with a text that is not stored. Returns what to print when the app is
        closed, or None if the app is to stay open. For workers only."""
        from rnnlm_tui.tui.widgets.dialogs import Choice

        problem = self._text.database.problem
        about = problem.message if problem else ""
        rows = (
            ("save", "Save it to a file", "all lines, and what you are writing"),
            ("quit", "Quit", "the text is lost"),
        )
        title = f"“{self._text.title}” is not stored"
        answer = await self._app.ask(Choice(title, about, rows, "Stay in the app"))
        if answer == "quit":
            return f"Not kept: “{self._text.title}”"
        path = await self.save(self._text.copy()) if answer == "save" else ""
        return f"Saved to: {path}" if path else None

    async def _ask_for_file(self, copy: Copy, problem: str) -> str | None:
        """Returns the path of the file to write, or None if the user cancels or reads the file.

        Asks for a file if the text has none, or if there is a `problem` with it. Asks whether to
        overwrite a file that another program has written. Raises RnnlmError if the file cannot be
        read.
        """
        from rnnlm_tui.tui.widgets.dialogs import AskPath, Choice, path_problem

        file = copy.text.file
        path = file.path if file and not problem else ""
        if path:
            found = await asyncio.to_thread(path_problem, path, for_new_file=True)
            problem = found or ""
        proposed = re.sub(NOT_IN_A_NAME, "-", copy.title.rstrip("….,")) + ".txt"
        while True:
            if not path or problem:
                about = f"as a text file, a paragraph a line\na name alone goes to {current_dir()}"
                title = f"Save “{copy.title}”"
                dialog = AskPath(title, about, proposed, for_new_file=True, problem=problem)
                if (chosen := await self._app.ask(dialog)) is None:
                    return None
                path, problem = str(Path(chosen).absolute()), ""
            own = file if file and file.path == path else None
            found = await asyncio.to_thread(digest_of, path)
            if found is None or (own and found == own.digest):
                return path
            name = Path(path).name
            # The first row is what Enter takes: with it nothing is lost.
            rows = [
                ("another", "Another name", "the file stays as it is"),
                ("overwrite", "Overwrite", "it will have the lines of this text only"),
            ]
            if own and own.saved != SavedPart.NOTHING:
                rows.insert(0, ("read", "Read it", "the text gets the lines that it has now"))
            answer = await self._app.ask(
                Choice(
                    f"{name} has changed" if own else f"{name} already exists",
                    "Another program has changed it since it was saved." if own else path,
                    rows,
                )
            )
            if answer == "read" and own:
                read = await asyncio.to_thread(read_text_file, Path(path), own.encoding)
                self._app.autocomplete.open_file(read)
            if answer != "another":
                return path if answer == "overwrite" else None
            proposed, path = path, ""
