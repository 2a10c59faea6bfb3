"""The modes that list, show and manage the models of the library."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rnnlm_tui._version import APP_NAME
from rnnlm_tui.cli.history import check_files, write_files
from rnnlm_tui.cli.options import CommandLine
from rnnlm_tui.cli.output import fact_lines, print_json, print_wrapped, table_lines
from rnnlm_tui.errors import StorageError, UsageError, print_warning
from rnnlm_tui.formatting import sanitize, shorten
from rnnlm_tui.store.files import SUFFIX
from rnnlm_tui.store.languages import model_of_locale
from rnnlm_tui.store.library import Entry, Library
from rnnlm_tui.store.names import check_name, is_name, model_name_of, tidy_name
from rnnlm_tui.store.saved_runs import SavedRun
from rnnlm_tui.wording.model_rows import (
    KEYS_NOTE,
    LIST_HEADS,
    card_rows,
    deletion_sentence,
    list_row,
    state_of,
)

LONGEST_TEXT_NAME = 24
"""Most characters of the name of a text in the list of models."""
CARD_FIELDS = (
    "corpus", "total_words", "parameters", "epochs_done", "metrics",
    "ancestors", "mixture", "about", "language", "created", "updated",
)  # fmt: skip
"""The fields of a card in the output of `--models --json`."""


def show_models(command: CommandLine) -> int:
    """`--models`."""
    library = Library(command.data_dir)
    name = command.operand
    history_files = [*filter(None, (command.csv, command.plot))]
    check_files(command)
    if name is None and history_files:
        raise UsageError("{csv} and {plot} need a name", f"{APP_NAME} --models NAME --csv FILE")
    entries = library.entries()
    in_use = library.in_use(print_warning)
    if name is not None:
        entries = [entry for entry in entries if entry.name == name]
        if not entries:
            raise library.unknown_model(name)
        write_files(command, library, name)
    if command.json:
        models = [entry for entry in entries if entry.has_model]
        runs = [entry.run for entry in entries if entry.run and not entry.has_model]
        print_json(
            {
                "models": [entry_json(entry, in_use) for entry in models],
                "unfinished_runs": [run_json(run) for run in runs if run.resumable],
            }
        )
    elif history_files:
        print(f"wrote the history of {name} to {sanitize(' and '.join(history_files))}")
    elif name is not None:
        print_wrapped(card_lines(entries[0], in_use))
    elif entries:
        print_wrapped(models_table(entries, in_use))
    else:
        print("no models yet; train one: rnnlm-tui --train", file=sys.stderr)
    return 0


def entry_json(entry: Entry, in_use: str) -> dict[str, Any]:
    """Returns a model for `--models --json`, with its metrics on the held-out lines."""
    return {
        "name": entry.name,
        "preset": entry.card.config.preset if entry.card else None,
        **{name: getattr(entry.card, name, None) for name in CARD_FIELDS},
        "evaluation": entry.evaluation,
        "size_bytes": entry.size_bytes,
        "built_in": entry.built_in,
        "in_use": entry.name == in_use,
        "trained_by": entry.trained_by,
        "damaged": entry.damaged,
    }


def run_json(run: SavedRun) -> dict[str, Any]:
    """Returns a training without a model for `--models --json`."""
    return {
        "name": run.name,
        "preset": run.config.preset if run.config else None,
        "epochs_done": run.epochs_done,
        "epochs": run.epochs,
        "trained_by": str(run.trainer) if run.trainer else None,
    }


def models_table(entries: Sequence[Entry], in_use: str) -> Iterator[str]:
    """Yields a table of the models and of the runs without a model, then notes on some of them."""
    rows = [
        (sanitize(name), *facts, shorten(text, LONGEST_TEXT_NAME), sanitize(saved))
        for name, *facts, text, saved in map(list_row, entries)
    ]
    yield from table_lines([LIST_HEADS, *rows])
    if any(entry.evaluation for entry in entries):
        yield f"{KEYS_NOTE}: compare models of the same text only"
    for entry in entries:
        name, run = sanitize(entry.name), entry.run
        if entry.trained_by is not None:
            yield f"{name} is being trained by {sanitize(entry.trained_by)}"
        elif entry.damaged is not None:
            yield f"{name} is damaged: {sanitize(entry.damaged)}"
        elif run is not None:
            of_all = f" of {run.epochs}" if run.epochs else ""
            or_delete = "" if entry.has_model else f" or delete it (--delete {name})"
            yield (
                f"{name} is unfinished, {run.epochs_done or 0}{of_all} epochs done;"
                f" resume it (--train --resume --name {name}){or_delete}"
            )
        if entry.name == in_use:
            yield f"{name} is in use"


def card_lines(entry: Entry, in_use: str) -> Iterator[str]:
    """Yields the card of a model, as the app shows it."""
    states = [state_of(entry), "in use" if entry.name == in_use else ""]
    yield "   ".join((sanitize(entry.name), *filter(None, states)))
    yield from fact_lines(card_rows(entry))


def use_model(command: CommandLine) -> int:
    """`--use`."""
    name = command.operands[0]
    library = Library(command.data_dir)
    library.open(name)
    library.use(name)
    if command.json:
        print_json({"in_use": name})
    else:
        print(f"{name} is in use")
    return 0


def rename_model(command: CommandLine) -> int:
    """`--rename`."""
    old, new = command.operands[0], tidy_name(command.operands[1])
    Library(command.data_dir).rename(old, new)
    print(f"{old} is now {new}")
    return 0


def delete_model(command: CommandLine) -> int:
    """`--delete`. Asks for confirmation, unless --yes is given."""
    name = command.operands[0]
    library = Library(command.data_dir)
    entry = next((entry for entry in library.entries() if entry.name == name), None)
    if entry is None:
        raise library.unknown_model(name)
    library.check_own(name)
    if not command.yes:
        question = f"Delete {sanitize(name)}? {deletion_sentence(entry)} [y/N] "
        print(question, end="", file=sys.stderr, flush=True)
        if not (answer := sys.stdin.readline()):
            print(file=sys.stderr)
            raise UsageError(f"{name} is not deleted without a confirmation", "pass {yes}")
        if answer.strip().lower() not in ("y", "yes"):
            print("nothing was deleted", file=sys.stderr)
            return 1
    was_in_use = library.is_in_use(name)
    library.delete(name)
    print(f"deleted {sanitize(name)}{f'; {model_of_locale()} is in use now' if was_in_use else ''}")
    return 0


def export_model(command: CommandLine) -> int:
    """`--export`."""
    name = check_name(command.operands[0])
    target = command.operands[1] if len(command.operands) > 1 else f"{name}{SUFFIX}"
    path = Path(target)
    if target.endswith(("/", os.sep)) and not path.is_dir():
        raise StorageError(f"there is no folder {path}", f"make the folder {path} first")
    exported = Library(command.data_dir).export(name, path, replace=command.force)
    print(f"wrote {name} to {sanitize(str(exported))}")
    return 0


def import_model(command: CommandLine) -> int:
    """`--import`."""
    source = Path(command.operands[0])
    name = tidy_name(source.stem if command.name is None else command.name)
    if command.name is None and not is_name(name):  # such as `poems (1)`, a second download
        name = model_name_of(source.stem)
    check_name(name)
    Library(command.data_dir).import_(source, name)
    print(f"{sanitize(str(source))} is now the model {name}")
    return 0
