"""The actions on a model in the library. Each asks for what it needs, then works in a thread.

They run in workers of the Models screen. Each raises RnnlmError, and returns the name of the model
to select afterwards, or None.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

import msgspec

from rnnlm_tui.errors import RnnlmError, StorageError
from rnnlm_tui.event_types import Evaluation
from rnnlm_tui.formatting import format_bytes, plural
from rnnlm_tui.paths import current_dir
from rnnlm_tui.results import savings_sentence
from rnnlm_tui.session.database import SessionDatabase
from rnnlm_tui.session.texts import lines_of_texts
from rnnlm_tui.store.files import SUFFIX
from rnnlm_tui.store.library import (
    Entry,
    Library,
    free_name,
    is_name,
    new_name_problem,
    usable_name,
)
from rnnlm_tui.store.texts import has_changed, not_learned, save_written, texts_folder
from rnnlm_tui.tui.runs.child import TrainArguments, run_headless
from rnnlm_tui.tui.widgets.dialogs import AskPath, AskText, Choice, Confirm
from rnnlm_tui.tui.widgets.host import Host
from rnnlm_tui.tui.widgets.text_choice import choose_texts

IMPORT = "The file of an exported model. It is checked before it is added."


class ModelsHost(Host, Protocol):
    """The interface of the app for the Models screen."""

    @property
    def session(self) -> SessionDatabase:
        """What survives a restart."""

    def start_trainings(self, *requests: TrainArguments) -> None:
        """Shows the Train screen and starts these trainings one after the other."""


async def _ask_name(host: Host, title: str, value: str, text: str) -> str | None:
    check = partial(new_name_problem, host.library)
    answer = await host.ask(AskText(title, text, value, check=check))
    return None if answer is None else usable_name(answer)


async def measure(host: Host, name: str) -> None:
    """Evaluates the model on the lines held out of its training, in a child process, which stores
    the figures with the model."""
    host.notify_user(f"measuring {name} ...")
    folder = host.library.data_dir
    answer = await run_headless(("--evaluate", f"--model={name}", "--json", f"--data-dir={folder}"))
    (measured,) = json.loads(answer)["models"]
    host.notify_user(f"{name}: {savings_sentence(msgspec.convert(measured, Evaluation))}")
    host.models_changed()


async def update(host: ModelsHost, name: str) -> None:
    """Trains the model on the current content of its files. If the user has written what it was not
    trained on, asks whether to add all of that or some texts."""
    added: tuple[str, ...] = ()
    if written := await _not_learned(host, name, None):
        answer = await host.ask(_question_of_update(name, written))
        if answer == "some":
            chosen = await choose_texts(host, host.session)
            written = [] if chosen is None else await _not_learned(host, name, chosen)
            answer = "with" if written else None
        if answer is None:
            return
        if answer == "with":
            folder = texts_folder(host.library)
            added = (str(await asyncio.to_thread(save_written, folder, name, written)),)
    host.start_trainings(TrainArguments.updating(name, added))


async def update_all(host: ModelsHost) -> None:
    """Trains all models whose files have changed on their current content."""
    names = await asyncio.to_thread(_changed, host.library)
    if names:
        host.start_trainings(*(TrainArguments.updating(name, ()) for name in names))
        host.notify_user(f"files have changed: {', '.join(names)}")
    else:
        host.notify_user("the files of no model have changed")


def _changed(library: Library) -> list[str]:
    """Returns the names of the user's models whose files have changed. Reads the files."""
    return [
        entry.name
        for entry in library.entries()
        if entry.card is not None and not entry.built_in and entry.trained_by is None
        if has_changed(library.run_folder(entry.name), entry.card)
    ]


async def _not_learned(host: ModelsHost, name: str, numbers: list[int] | None) -> list[str]:
    """Returns the lines of these texts, or of all, that the model was not trained on; none if the
    session database cannot be read."""
    try:
        lines = await host.session.read(partial(lines_of_texts, numbers=numbers))
    except StorageError as error:
        host.show_error_once(error)
        return []
    return await asyncio.to_thread(not_learned, host.library, name, lines)


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


async def rename(host: Host, old: str) -> str | None:
    """Asks for the new name."""

    def check(name: str) -> str | None:
        return None if name == old else new_name_problem(host.library, name)

    answer = await host.ask(AskText(f"Rename {old}", "", old, check=check))
    if answer is None or (new := usable_name(answer)) == old:
        return None
    await asyncio.to_thread(host.library.rename, old, new)
    host.notify_user(f"{old} is now {new}")
    host.name_changed(old, new)
    return new


async def export(host: Host, name: str) -> None:
    """Asks for the file to write."""
    title, text = f"Export {name} to", "A copy of the model's file, which has no line of its text."
    path = str(current_dir() / f"{name}{SUFFIX}")
    while (chosen := await host.ask(AskPath(title, text, path, for_new_file=True))) is not None:
        path = chosen
        replace = await asyncio.to_thread(Path(path).exists)
        question = Confirm("Replace the file?", f"{path} already exists.", yes="Replace")
        if replace and not await host.ask(question):
            continue  # ask again, starting from this path
        write = partial(host.library.export, name, Path(path), replace=replace)
        target = await asyncio.to_thread(write)
        host.notify_user(f"{name} was written to {target}")
        return


async def import_(host: Host) -> str | None:
    """Asks for the file of an exported model, and asks again if it cannot be imported."""
    path, problem = f"{current_dir()}/", ""
    while True:
        chosen = await host.ask(AskPath("Import a model", IMPORT, path, problem=problem))
        if chosen is None:
            return None
        path = chosen
        name = await _name_of_import(host, usable_name(Path(path).stem))
        if name is None:
            return None
        try:
            await asyncio.to_thread(host.library.import_, Path(path), name)
        except RnnlmError as error:
            problem = error.sentence()
            continue
        host.notify_user(f"{name} was imported")
        host.models_changed()
        return name


async def _name_of_import(host: Host, stem: str) -> str | None:
    """Returns the stem of the file or, if it cannot be the name of a new model, asks for a name."""
    problem = await asyncio.to_thread(new_name_problem, host.library, stem)
    if problem is None:
        return stem
    proposed = stem if is_name(stem) else "model"
    free = await asyncio.to_thread(free_name, host.library, proposed)
    text = f"{problem[0].upper()}{problem[1:]}."
    return await _ask_name(host, f"Name of the model in {stem}", free, text)


async def delete(host: Host, entry: Entry) -> None:
    """Asks whether to delete the model."""
    text = f"This frees {format_bytes(sum(entry.files.values()))} and cannot be undone."
    if entry.name == host.active_name:
        text += "\nIt is the active model."
    if await host.ask(Confirm(f"Delete {entry.name}?", text)):
        await asyncio.to_thread(host.library.delete, entry.name)
        host.notify_user(f"{entry.name} was deleted")
        host.name_changed(entry.name, new=None)
