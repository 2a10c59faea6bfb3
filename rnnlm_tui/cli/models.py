"""The modes that list and manage the models of the library."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rnnlm_tui.cli.options import (
    DeleteRequest,
    ExportRequest,
    ImportRequest,
    ModelsRequest,
    RenameRequest,
)
from rnnlm_tui.cli.output import print_fitted, print_json, table
from rnnlm_tui.errors import StorageError, UsageError
from rnnlm_tui.formatting import (
    format_bytes,
    format_percent,
    sanitize,
    shorten,
)
from rnnlm_tui.results import accuracy_sentence
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.store.files import SUFFIX
from rnnlm_tui.store.library import Entry, Library, SavedRun, check_name, usable_name

HEADS = ("name", "preset", "keys saved", "words", "size", "saved", "corpus")
CORPUS_WIDTH = 18
CARD_FIELDS = (
    *("corpus", "total_words", "parameters", "epochs_done", "metrics"),
    *("ancestors", "mixture", "about", "created", "updated"),
)


def models(request: ModelsRequest) -> int:
    """`--models`."""
    library = Library(request.data_dir)
    entries = library.entries()
    models = [e for e in entries if e.has_model and request.name in (None, e.name)]
    if request.name is not None and not models:
        raise library.unknown_model(request.name)
    others = [entry.run for entry in entries if entry.run and not entry.has_model]
    unfinished = [run for run in others if run.resumable and request.name is None]
    if request.as_json:
        print_json(
            {
                "models": [entry_json(entry) for entry in models],
                "unfinished_runs": [run_json(run) for run in unfinished],
            }
        )
    elif models or unfinished:
        print_fitted(models_table(models, unfinished))
    else:
        print("no models yet; train one: rnnlm-tui --train", file=sys.stderr)
    return 0


def entry_json(entry: Entry) -> dict[str, Any]:
    """A model in the output of `--models --json`, with its metrics on the held-out lines."""
    return {
        "name": entry.name,
        "preset": entry.card.config.preset if entry.card else None,
        **{name: getattr(entry.card, name, None) for name in CARD_FIELDS},
        "evaluation": entry.evaluation,
        "size_bytes": entry.size_bytes,
        "built_in": entry.built_in,
        "trained_by": entry.trained_by,
        "damaged": entry.damaged,
    }


def run_json(run: SavedRun) -> dict[str, Any]:
    """A training without a model yet, in the output of `--models --json`."""
    return {
        "name": run.name,
        "preset": run.config.preset if run.config else None,
        "epochs_done": run.epochs_done,
        "epochs": run.epochs,
        "trained_by": str(run.trainer) if run.trainer else None,
    }


def models_table(models: Sequence[Entry], unfinished: Iterable[SavedRun] = ()) -> Iterator[str]:
    """The models as a table, and sentences on unfinished trainings."""
    if models:
        yield from table([HEADS, *map(_row, models)])
    for entry in models:
        name = sanitize(entry.name)
        if entry.card is None:
            yield f"{name} is damaged: {sanitize(entry.damaged or '')}"
        elif entry.trained_by:
            yield f"{name} is being trained by {sanitize(entry.trained_by)}"
    if len(models) == 1 and (card := models[0].card) is not None:
        yield from _about(sanitize(models[0].name), card)
    for run in unfinished:
        if run.trainer is not None:
            yield f"{run.name} is being trained by {sanitize(str(run.trainer))}"
        else:
            total = f" of {run.epochs}" if run.epochs else ""
            done = f"{run.epochs_done or 0}{total} epochs done"
            yield (
                f"{run.name} is an unfinished training, {done}; resume it"
                f" (--train --resume --name {run.name}) or delete it (--delete {run.name})"
            )


def _row(entry: Entry) -> tuple[str, ...]:
    name, size, card = sanitize(entry.name), format_bytes(entry.size_bytes), entry.card
    if card is None:
        return (name, "damaged", "", "", size, "", "")
    return (
        name,
        card.config.preset,
        format_percent(card.evaluation.keystroke_savings) if card.evaluation else "",
        f"{card.words_known:,}",
        size,
        "built in" if entry.built_in else sanitize(card.updated[:10]),
        shorten(card.corpus.name, CORPUS_WIDTH),
    )


def _about(name: str, card: ModelCard) -> Iterator[str]:
    """What else is known of a model, as sentences."""
    yield f"{name}: {accuracy_sentence(card)}"
    if card.mixture_text:
        yield f"{name} is a mixture: {sanitize(card.mixture_text)}"
    if card.about:
        yield sanitize(card.about)


def rename(request: RenameRequest) -> int:
    """`--rename`."""
    new = usable_name(request.new)
    Library(request.data_dir).rename(request.old, new)
    print(f"{request.old} is now {new}")
    return 0


def delete(request: DeleteRequest) -> int:
    """`--delete`: asks for confirmation on a terminal, requires --yes elsewhere."""
    name, library = request.name, Library(request.data_dir)
    if not library.has(name):
        raise library.unknown_model(name)
    library.check_own(name)
    if not request.is_confirmed:
        if not sys.stdin.isatty():
            message = f"refusing to delete {name} without confirmation"
            raise UsageError(message, "pass {yes}")
        print(f"Delete the model {sanitize(name)}? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            print("nothing was deleted", file=sys.stderr)
            return 1
    library.delete(name)
    print(f"deleted {sanitize(name)}")
    return 0


def export(request: ExportRequest) -> int:
    """`--export`."""
    name = check_name(request.name)
    target = Path(f"{name}{SUFFIX}" if request.target is None else request.target)
    if (request.target or "").endswith(("/", os.sep)) and not target.is_dir():
        raise StorageError(f"there is no folder {target}", "make it, or name a file")
    written = Library(request.data_dir).export(name, target, replace=request.force)
    print(f"wrote {name} to {sanitize(str(written))}")
    return 0


def import_(request: ImportRequest) -> int:
    """`--import`."""
    source = Path(request.source)
    name = check_name(usable_name(source.stem if request.name is None else request.name))
    Library(request.data_dir).import_(source, name)
    print(f"{sanitize(str(source))} is now the model {name}")
    return 0
