"""The modes that list and manage the models of the library."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict
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
from rnnlm_tui.evaluate import Evaluation
from rnnlm_tui.formatting import format_bytes, format_percent, format_perplexity, sanitize
from rnnlm_tui.store.evaluations import figures_of, read_evaluation
from rnnlm_tui.store.library import Entry, Library, Run, check_name, check_new_name

HEADERS: tuple[str, ...] = (
    *("name", "preset", "corpus", "words", "epochs"),
    *("perplexity", "top-1", "keys saved", "measured on", "size", "saved"),
)
CARD_FIELDS = (
    *("corpus", "total_words", "parameters", "epochs_done", "metrics"),
    *("ancestors", "mixture", "about", "created", "updated"),
)
CORPUS_WIDTH = 24


def models(request: ModelsRequest) -> int:
    """`--models`."""
    library = Library(request.data_dir)
    entries = [entry for entry in library.entries() if request.name in (None, entry.name)]
    if request.name is not None and not entries:
        raise library.unknown_model(request.name)
    evaluations = [
        read_evaluation(library.path(entry.name), entry.card) if entry.card else None
        for entry in entries
    ]
    listed = list(zip(entries, evaluations, strict=True))
    known = {entry.name for entry in entries}
    runs = library.runs() if request.name is None else []
    unfinished = [run for run in runs if run.resumable and run.name not in known]
    if request.as_json:
        models = [entry_json(*each) for each in listed]
        print_json({"models": models, "unfinished_runs": [run_json(run) for run in unfinished]})
    elif entries or unfinished:
        print_fitted(models_table(listed, unfinished))
    else:
        print("no models yet; train one: rnnlm-tui --train", file=sys.stderr)
    return 0


def entry_json(entry: Entry, evaluation: Evaluation | None = None) -> dict[str, Any]:
    """A model in the output of `--models --json`, with its metrics on the held-out lines."""
    return {
        "name": entry.name,
        "preset": entry.card.config.preset if entry.card else None,
        **{name: getattr(entry.card, name, None) for name in CARD_FIELDS},
        "evaluation": asdict(evaluation) if evaluation else None,
        "size_bytes": entry.size_bytes,
        "built_in": entry.built_in,
        "trained_by": entry.trained_by,
        "damaged": entry.damaged,
    }


def run_json(run: Run) -> dict[str, Any]:
    """A training without a model yet, in the output of `--models --json`."""
    return {
        "name": run.name,
        "preset": run.status.config.preset if run.status else None,
        "epochs_done": run.epochs_done,
        "epochs": run.epochs,
        "trained_by": run.holder,
    }


def models_table(
    listed: Iterable[tuple[Entry, Evaluation | None]], unfinished: Iterable[Run] = ()
) -> Iterator[str]:
    """The models as a table, and sentences on unfinished trainings."""
    models = list(listed)
    if models:
        yield from table([HEADERS, *(_row(entry, evaluation) for entry, evaluation in models)])
    for entry, _ in models:
        name = sanitize(entry.name)
        if entry.card is None:
            yield f"{name} is damaged: {sanitize(entry.damaged or '')}"
        elif entry.trained_by:
            yield f"{name} is being trained by {sanitize(entry.trained_by)}"
    cards = [entry.card for entry, _ in models if entry.card]
    if len(models) == 1 and cards and cards[0].mixed_of:
        yield f"{sanitize(models[0][0].name)} is a mixture: {sanitize(cards[0].mixed_of)}"
    if len(models) == 1 and cards and cards[0].about:
        yield sanitize(cards[0].about)
    for run in unfinished:
        if run.running:
            yield f"{run.name} is being trained by {sanitize(run.holder or '')}"
        else:
            total = f" of {run.epochs}" if run.epochs else ""
            done = f"{run.epochs_done or 0}{total} epochs done"
            yield (
                f"{run.name} is an unfinished training, {done}; resume it"
                f" (--train --resume --name {run.name}) or delete it (--delete {run.name})"
            )


def _row(entry: Entry, evaluation: Evaluation | None) -> tuple[str, ...]:
    name, size, card = sanitize(entry.name), format_bytes(entry.size_bytes), entry.card
    if card is None:
        return (name, "damaged", *[""] * (len(HEADERS) - 4), size, "")
    figures = figures_of(card, evaluation)
    corpus = sanitize(str(card.corpus.get("name", "")))
    return (
        name,
        card.config.preset,
        corpus if len(corpus) <= CORPUS_WIDTH else f"{corpus[: CORPUS_WIDTH - 3]}...",
        f"{card.words_known:,}",
        str(card.epochs_done),
        format_perplexity(figures.perplexity),
        format_percent(figures.top1),
        format_percent(evaluation.savings) if evaluation else "",
        "unseen lines" if figures.unseen else "its own lines",
        size,
        "built in" if entry.built_in else sanitize(card.updated[:16].replace("T", " ")),
    )


def rename(request: RenameRequest) -> int:
    """`--rename`."""
    Library(request.data_dir).rename(request.old, request.new)
    print(f"{request.old} is now {request.new}")
    return 0


def delete(request: DeleteRequest) -> int:
    """`--delete`: asks for confirmation on a terminal, requires --yes elsewhere."""
    name, library = request.name, Library(request.data_dir)
    if not library.has(name):
        raise library.unknown_model(name)
    if not request.is_confirmed:
        if not sys.stdin.isatty():
            raise UsageError(f"refusing to delete {name} without confirmation", "pass --yes")
        print(f"Delete the model {sanitize(name)}? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            print("nothing was deleted", file=sys.stderr)
            return 1
    library.delete(name)
    print(f"deleted {sanitize(name)}")
    return 0


def export(request: ExportRequest) -> int:
    """`--export`."""
    name = request.name
    target = Path(f"{check_name(name)}.zip" if request.target is None else request.target)
    if (request.target or "").endswith(("/", os.sep)) and not target.is_dir():
        raise StorageError(f"there is no folder {target}", "make it, or name a file")
    library = Library(request.data_dir)
    if request.target == "-":
        with tempfile.TemporaryDirectory() as folder:
            written = library.export(name, Path(folder) / "model.zip")
            sys.stdout.buffer.write(written.read_bytes())
        return 0
    written = library.export(name, target, replace=request.force)
    print(f"wrote {name} to {sanitize(str(written))}")
    return 0


def import_(request: ImportRequest) -> int:
    """`--import`."""
    source = Path(request.source)
    try:
        name = check_new_name(source.stem if request.name is None else request.name)
    except UsageError as error:
        hint = error.hint if request.name else f"name it with --name: {error.hint}"
        raise UsageError(error.message, hint) from error
    Library(request.data_dir).import_(source, name)
    print(f"{sanitize(str(source))} is now the model {name}")
    return 0
