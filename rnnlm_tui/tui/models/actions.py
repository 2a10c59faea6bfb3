"""The actions on a model in the library. Each asks for what it needs, then works in a thread.

They run in workers of the Models screen. Each raises RnnlmError, and returns the name of the model
to select afterwards, or None.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rnnlm_tui.errors import RnnlmError, StorageError
from rnnlm_tui.formatting import format_bytes, plural
from rnnlm_tui.paths import current_dir
from rnnlm_tui.session.texts import lines_of_texts
from rnnlm_tui.store.files import SUFFIX
from rnnlm_tui.store.library import (
    Entry,
    free_name,
    is_name,
    new_name_problem,
    usable_name,
)
from rnnlm_tui.store.texts import not_learned, save_written, texts_folder
from rnnlm_tui.tui.runs.child import TrainArguments
from rnnlm_tui.tui.widgets.dialogs import AskPath, AskText, Choice, Confirm
from rnnlm_tui.tui.widgets.text_choice import choose_texts

if TYPE_CHECKING:
    from rnnlm_tui.tui.app import RnnlmApp

IMPORT = "The file of an exported model. It is checked before it is added."


async def _ask_name(app: RnnlmApp, title: str, value: str, text: str) -> str | None:
    check = partial(new_name_problem, app.library)
    answer = await app.ask(AskText(title, text, value, check=check))
    return None if answer is None else usable_name(answer)


async def update(app: RnnlmApp, name: str) -> None:
    """Trains the model on the current content of its files. If the user has written what it was not
    trained on, asks whether to add all of that or some texts."""
    added: tuple[str, ...] = ()
    if written := await _not_learned(app, name, None):
        answer = await app.ask(_question_of_update(name, written))
        if answer == "some":
            chosen = await choose_texts(app, app.session)
            written = [] if chosen is None else await _not_learned(app, name, chosen)
            answer = "with" if written else None
        if answer is None:
            return
        if answer == "with":
            folder = texts_folder(app.library)
            added = (str(await asyncio.to_thread(save_written, folder, name, written)),)
    app.start_training(TrainArguments.updating(name, added))


async def _not_learned(app: RnnlmApp, name: str, numbers: list[int] | None) -> list[str]:
    """Returns the lines of these texts, or of all, that the model was not trained on; none if the
    session database cannot be read."""
    try:
        lines = await app.session.read(partial(lines_of_texts, numbers=numbers))
    except StorageError as error:
        app.show_error_once(error)
        return []
    return await asyncio.to_thread(not_learned, app.library, name, lines)


def _question_of_update(name: str, written: Sequence[str]) -> Choice:
    lines = plural(len(written), "line")
    return Choice(
        f"Update {name}",
        "It is trained on the current content of its files, and replaced if the result is better.",
        (
            ("with", f"With your {lines} written here", "they become one of its files"),
            ("some", "With some of your texts", "choose which"),
            ("without", "Without", "only its files"),
        ),
    )


async def rename(app: RnnlmApp, old: str) -> str | None:
    """Asks for the new name."""

    def check(name: str) -> str | None:
        return None if name == old else new_name_problem(app.library, name)

    answer = await app.ask(AskText(f"Rename {old}", "", old, check=check))
    if answer is None or (new := usable_name(answer)) == old:
        return None
    await asyncio.to_thread(app.library.rename, old, new)
    app.notify_user(f"{old} is now {new}")
    app.name_changed(old, new)
    return new


async def export(app: RnnlmApp, name: str) -> None:
    """Asks for the file to write."""
    title, text = f"Export {name} to", "A copy of the model's file, which has no line of its text."
    path = str(current_dir() / f"{name}{SUFFIX}")
    while (chosen := await app.ask(AskPath(title, text, path, for_new_file=True))) is not None:
        path = chosen
        replace = await asyncio.to_thread(Path(path).exists)
        question = Confirm("Replace the file?", f"{path} already exists.", yes="Replace")
        if replace and not await app.ask(question):
            continue  # ask again, starting from this path
        write = partial(app.library.export, name, Path(path), replace=replace)
        target = await asyncio.to_thread(write)
        app.notify_user(f"{name} was written to {target}")
        return


async def import_(app: RnnlmApp) -> str | None:
    """Asks for the file of an exported model, and asks again if it cannot be imported."""
    path, problem = f"{current_dir()}/", ""
    while True:
        chosen = await app.ask(AskPath("Import a model", IMPORT, path, problem=problem))
        if chosen is None:
            return None
        path = chosen
        name = await _name_of_import(app, usable_name(Path(path).stem))
        if name is None:
            return None
        try:
            await asyncio.to_thread(app.library.import_, Path(path), name)
        except RnnlmError as error:
            problem = error.sentence()
            continue
        app.notify_user(f"{name} was imported")
        app.models_changed()
        return name


async def _name_of_import(app: RnnlmApp, stem: str) -> str | None:
    """Returns the stem of the file or, if it cannot be the name of a new model, asks for a name."""
    problem = await asyncio.to_thread(new_name_problem, app.library, stem)
    if problem is None:
        return stem
    proposed = stem if is_name(stem) else "model"
    free = await asyncio.to_thread(free_name, app.library, proposed)
    text = f"{problem[0].upper()}{problem[1:]}."
    return await _ask_name(app, f"Name of the model in {stem}", free, text)


async def delete(app: RnnlmApp, entry: Entry) -> None:
    """Asks whether to delete the model."""
    text = f"This frees {format_bytes(sum(entry.files.values()))} and cannot be undone."
    if entry.name == app.active_name:
        text += "\nIt is the active model."
    if await app.ask(Confirm(f"Delete {entry.name}?", text)):
        await asyncio.to_thread(app.library.delete, entry.name)
        app.notify_user(f"{entry.name} was deleted")
        app.name_changed(entry.name, new=None)
