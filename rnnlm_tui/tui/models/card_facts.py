"""Lists the models and unfinished runs of the library, and the facts for the card of each. Does not
import textual."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rnnlm_tui.config import PRESETS
from rnnlm_tui.evaluate import Evaluation
from rnnlm_tui.formatting import (
    format_bytes,
    format_percent,
    format_perplexity,
    local_time,
    plural,
    sanitize,
)
from rnnlm_tui.lm.registry import ARCHITECTURES
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.store.evaluations import (
    Figures,
    figures_of,
    holds_out,
    read_evaluation,
    saved_keys,
    training_figures,
)
from rnnlm_tui.store.library import Entry, Library, Run

ACTIVE, TRAINING, DAMAGED, UNFINISHED = "●", "◆", "!", "○"
"""The marks of the active model, a model in training, one that cannot be used, and a run that has
not saved a model. Each is explained next to it or below the list."""
Line = tuple[str, str]
"""A label, which may be empty, and a text."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A model or an unfinished run. `entry` is None for a run that has not saved a model, `run` is
    None if there is no running or unfinished training."""

    name: str
    folder: Path
    entry: Entry | None
    run: Run | None
    files: tuple[tuple[str, int], ...]
    """Names and sizes in bytes."""
    evaluation: Evaluation | None = None
    """Its figures on the lines held out of its training, if they were measured."""

    @property
    def card(self) -> ModelCard | None:
        """The model's card, if it can be read."""
        return self.entry.card if self.entry else None

    @property
    def damaged(self) -> str | None:
        """Why the model cannot be used."""
        return self.entry.damaged if self.entry else None

    @property
    def is_training(self) -> bool:
        return self.run is not None and self.run.running

    @property
    def size_bytes(self) -> int:
        return sum(size for _, size in self.files)

    @property
    def mark(self) -> str:
        """The mark of its state; "" for a model that can be used."""
        if self.is_training:
            return TRAINING
        if self.damaged is not None:
            return DAMAGED
        return "" if self.entry else UNFINISHED

    @property
    def state(self) -> str:
        """Its state in a word or two; "" for a model of the user that can be used."""
        words = {TRAINING: "training", DAMAGED: "damaged", UNFINISHED: "unfinished"}
        return words.get(self.mark, "built in" if self.entry and self.entry.built_in else "")


def read_library(library: Library) -> list[Listed]:
    """Returns all models and unfinished runs, sorted by name. Raises StorageError.

    Reads the files of all models, so call it in a thread.
    """
    entries = {entry.name: entry for entry in library.entries()}
    runs = {run.name: run for run in library.runs()}

    def listed(name: str) -> Listed:
        folder = library.path(name) if library.is_built_in(name) else library.folder / name
        entry, files = entries.get(name), tuple(_files(folder))
        card = entry.card if entry else None
        evaluation = read_evaluation(folder, card) if card else None
        return Listed(name, folder, entry, runs.get(name), files, evaluation)

    return [listed(name) for name in sorted(entries.keys() | runs.keys())]


def _files(folder: Path) -> Iterator[tuple[str, int]]:
    """Yields the names and sizes of a folder's files. A training may replace some at any time."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            with suppress(OSError):
                if entry.is_file(follow_symlinks=False):
                    yield entry.name, entry.stat(follow_symlinks=False).st_size


def overview(listed: Listed) -> Iterator[Line]:
    """Describes the model, or says why it cannot be used."""
    if listed.is_training and listed.run is not None:
        yield "trained by", sanitize(listed.run.holder or "another process")
    if listed.damaged is not None:
        yield "reason", sanitize(listed.damaged)
        yield "to do", "delete it, or train a model with this name again"
    elif listed.entry is None:
        done = listed.run.epochs_done if listed.run else None
        yield "epochs", f"{done:,} done" if done else "none saved yet"
        if not listed.is_training:
            yield "to do", "resume it, or delete it"
    if listed.card is not None:
        yield from _card_lines(listed.card)
        if listed.run is not None and listed.run.resumable and not listed.is_training:
            yield "training", "can be resumed after the last epoch"


def _card_lines(card: ModelCard) -> Iterator[Line]:
    corpus = card.corpus
    yield "preset", f"{card.config.preset}: {PRESETS[card.config.preset].summary}"
    yield "corpus", sanitize(corpus["name"])
    yield "", f"{plural(corpus['lines'], 'line')}, {plural(corpus['words'], 'word')}"
    if card.about:
        yield "about", sanitize(card.about)
    for ancestor in reversed(card.ancestors):
        yield "ancestor", sanitize(f"{ancestor['name']}, of {ancestor['corpus']['name']}")
    if card.mixed_of:
        yield "mixture", sanitize(card.mixed_of)
    yield "vocabulary", plural(card.words_known, "word")
    yield "window", f"the last {card.window} words"
    yield ARCHITECTURES[card.config.preset].table_heads[1], f"{card.parameters:,}"
    if hasattr(card.config.train, "epochs"):
        kept = f"epoch {card.metrics['epoch']:,} is kept"
        yield "epochs", f"{card.epochs_done:,} of {card.config.epochs:,} done, {kept}"


def quality(listed: Listed, card: ModelCard) -> Iterator[Line]:
    """Returns the quality of the model on unseen lines, and on those it was trained on."""
    evaluation, best = listed.evaluation, figures_of(card, listed.evaluation)
    if best.unseen:
        yield from _figures("unseen lines", best)
    else:
        yield "unseen lines", "not known: no lines were held out of its training"
    if evaluation is not None:
        yield "", f"saves {saved_keys(evaluation)}"
    elif holds_out(card):
        yield "", "keys saved: not measured yet (m measures them)"
    yield from _figures("its own text", training_figures(card))


def _figures(label: str, figures: Figures) -> Iterator[Line]:
    yield label, f"perplexity {format_perplexity(figures.perplexity)}"
    shares = (("top word right", figures.top1), ("top five", figures.top5))
    if hits := [f"{what}: {format_percent(share)}" for what, share in shares if share is not None]:
        yield "", "; ".join(hits)


def layers(card: ModelCard) -> Iterator[tuple[str, str, str]]:
    """Yields the layers of the model: name, number of parameters, type."""
    for layer in card.architecture.layers():
        yield layer.name, f"{layer.parameters:>9,}", layer.type


def on_disk(listed: Listed) -> Iterator[Line]:
    """Yields the files, their folder, dates, and the versions that wrote them."""
    for name, size in listed.files:
        yield format_bytes(size), sanitize(name)
    yield format_bytes(listed.size_bytes), "in all"
    yield "folder", sanitize(str(listed.folder))
    if (card := listed.card) is not None:
        yield "created", sanitize(local_time(card.created))
        yield "saved", sanitize(local_time(card.updated))
        versions = ", ".join(f"{name} {version}" for name, version in card.versions.items())
        yield "versions", sanitize(versions)
