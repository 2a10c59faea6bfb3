"""The actions on a model of the library. Each asks for what it needs, and works in a thread.

They run in workers of the Models screen, and raise RnnlmError. The screen selects the model whose
name an action returns.
"""

from __future__ import annotations

import asyncio
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rnnlm_tui.errors import ModelError, StorageError
from rnnlm_tui.formatting import plural
from rnnlm_tui.paths import current_dir
from rnnlm_tui.session.texts import lines_of_texts
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.store.corpora import current_text, is_text_of, not_learned
from rnnlm_tui.store.files import SUFFIX
from rnnlm_tui.store.library import Entry
from rnnlm_tui.store.names import model_name_of, tidy_name
from rnnlm_tui.tui.runs.actions import OTHER_TEXT, may_update
from rnnlm_tui.tui.runs.child import TrainArguments, written_arguments
from rnnlm_tui.tui.widgets.dialogs import AskPath, AskText, Choice, Confirm
from rnnlm_tui.tui.widgets.text_choice import choose_texts
from rnnlm_tui.wording.model_rows import deletion_sentence

if TYPE_CHECKING:
    from rnnlm_tui.tui.app import RnnlmApp


async def update(app: RnnlmApp, name: str, folder: Path, card: ModelCard) -> None:
    """Trains a model on the current content of its files. If the user has written lines in the app
    that are new to it, asks whether to add them. If nothing is new, only says so."""
    text = await asyncio.to_thread(current_text, name, folder, card, OTHER_TEXT)
    is_learned = is_text_of(card, text)
    try:
        lines = await app.session.read(partial(lines_of_texts, numbers=None))
    except StorageError as error:  # the files may have changed all the same
        app.show_error_once(error)
        lines = []
    new_lines = len(await asyncio.to_thread(not_learned, app.library, name, lines))
    if is_learned and not new_lines:
        app.notify_user(f"{name} has learned its text already, and you wrote nothing new")
        return
    written: tuple[str, ...] = ()
    if new_lines:
        match await app.ask(_question_of_update(name, new_lines, is_learned)):
            case None:
                return
            case "with":
                written = written_arguments()
            case "some":
                if not (chosen := await choose_texts(app)):
                    return
                written = written_arguments(chosen)
    if await may_update(app, name):
        app.start_training(TrainArguments.updating(name, written))


def _question_of_update(name: str, new_lines: int, is_learned: bool) -> Choice:
    lines = plural(new_lines, "line")
    options = [
        ("with", f"With your {lines} written here", "what you wrote becomes one of its files"),
        ("some", "With some of your texts", "choose which"),
    ]
    if not is_learned:
        options.append(("without", "Without", "only its files, which have changed"))
    about = "It is trained on its files, and replaced if the result is better."
    return Choice(f"Update {name}", about, options)


async def rename(app: RnnlmApp, old: str) -> str | None:
    """Asks for a new name of a model, and renames it."""
    check = app.library.new_name_problem
    answer = await app.ask(AskText(f"Rename {old}", "", old, check=check))
    if answer is None:
        return None
    new = tidy_name(answer)
    await asyncio.to_thread(app.library.rename, old, new)
    app.notify_user(f"{old} is now {new}")
    app.name_changed(old, new)
    return new


async def export(app: RnnlmApp, name: str) -> None:
    """Asks for a new file, and exports a model to it."""
    title, text = f"Export {name} to", "A copy of the model's file. It does not contain the text."
    path = str(current_dir() / f"{name}{SUFFIX}")

    def check(path: str) -> str | None:
        return "there is such a file" if os.path.lexists(path) else None

    ask = AskPath(title, text, path, for_new_file=True, check=check)
    if (chosen := await app.ask(ask)) is not None:
        written = await asyncio.to_thread(app.library.export, name, Path(chosen))
        app.notify_user(f"{name} was written to {written}")


async def import_(app: RnnlmApp) -> str | None:
    """Asks for a file, and imports the model in it. The model gets the name of the file, or a free
    name like it."""
    about = "The file of an exported model. It is checked before it is added."
    proposed, problem = f"{current_dir()}/", ""
    while True:
        path = await app.ask(AskPath("Import a model", about, proposed, problem=problem))
        if path is None:
            return None
        name = await asyncio.to_thread(app.library.free_name, model_name_of(Path(path).stem))
        try:
            await asyncio.to_thread(app.library.import_, Path(path), name)
        except ModelError as error:
            proposed, problem = path, error.message
        else:
            app.notify_user(f"{name} was imported")
            return name


async def delete(app: RnnlmApp, entry: Entry) -> None:
    """Asks whether to delete a model, saying what is lost, and deletes it for good."""
    name, lost = entry.name, await asyncio.to_thread(deletion_sentence, entry)
    if await app.ask(Confirm(f"Delete {name}?", f"{lost} It cannot be brought back.")):
        await asyncio.to_thread(app.library.delete, name)
        app.notify_user(f"deleted {name}")
        app.name_changed(name, new=None)
