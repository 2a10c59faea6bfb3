"""What there is to say of a model in the library, as text for a screen. Knows no screen itself."""

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
from rnnlm_tui.store.evaluations import Figures, figures_of, read_evaluation, training_figures
from rnnlm_tui.store.library import Entry, Library, Run

ACTIVE, TRAINING, DAMAGED, UNFINISHED = "●", "◆", "!", "○"
"""The marks of a model that suggests now, one in training, one that cannot be used, and a run that
has saved no model yet. Each has its word beside it somewhere on the screen."""
PARAMETERS_WIDTH = 11
LONGEST_TEXT = 500
"""Characters shown of a text that a card holds: a hostile one may be millions long."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A model, or what an unfinished run left, as the library has it now. `entry` is None for a run
    that has saved no model, `run` is None where nothing trains it or could go on."""

    name: str
    folder: Path
    entry: Entry | None
    run: Run | None
    files: tuple[tuple[str, int], ...]
    evaluation: Evaluation | None = None
    """Its figures on the lines held out of its training, where they were taken."""

    @property
    def card(self) -> ModelCard | None:
        """The model's card, where it has one that can be read."""
        return self.entry.card if self.entry else None

    @property
    def damaged(self) -> str | None:
        """Why the model cannot be used."""
        return self.entry.damaged if self.entry else None

    @property
    def built_in(self) -> bool:
        """Whether it ships with the program."""
        return self.entry is not None and self.entry.built_in

    @property
    def is_training(self) -> bool:
        """Whether a process trains it now."""
        return self.run is not None and self.run.running

    @property
    def size_bytes(self) -> int:
        """The bytes of all its files."""
        return sum(size for _, size in self.files)

    @property
    def state(self) -> str:
        """In one word what there is to say of it; nothing for a model that is there to be used."""
        if self.is_training:
            return "training"
        if self.damaged is not None:
            return "damaged"
        if self.built_in:
            return "built in"
        return "" if self.entry else "unfinished"


def read_library(library: Library) -> list[Listed]:
    """Every model and every unfinished run, in the order of their names. Raises StorageError.

    Reads the files of all models, so it belongs into a thread.
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
    """The names and sizes of a folder's files. A training may replace one meanwhile."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            with suppress(OSError):
                if entry.is_file(follow_symlinks=False):
                    yield entry.name, entry.stat(follow_symlinks=False).st_size


def date_text(stamp: str, form: str = "%Y-%m-%d %H:%M") -> str:
    """A time of a card, which is in UTC, in the local zone; as it stands where it is no time."""
    return foreign(local_time(stamp, form))


def foreign(value: object) -> str:
    """Whatever a card holds, as text that can be shown."""
    return sanitize(str(value)[:LONGEST_TEXT])


def _count(value: object, what: str) -> str:
    return plural(value, what) if isinstance(value, int) else f"? {what}s"


Line = tuple[str, str]
"""What stands at the left of a card, and what is said of it."""


def facts(listed: Listed) -> Iterator[Line]:
    """What the card says before the layers."""
    if listed.run is not None and listed.run.running:
        yield "trained by", foreign(listed.run.holder or "another process")
    if listed.damaged is not None:
        yield "reason", foreign(listed.damaged)
        yield "to do", "delete it, or train a model under this name again"
    if listed.entry is None:
        yield from _unfinished_facts(listed)
    if listed.card is not None:
        yield from _card_facts(listed.card)
        if listed.run is not None and listed.run.resumable and not listed.run.running:
            yield "training", "can go on from the last epoch"


def _unfinished_facts(listed: Listed) -> Iterator[Line]:
    done = listed.run.epochs_done if listed.run else None
    yield "epochs", f"{done:,} done" if done else "none saved yet"
    if not listed.is_training:
        yield "to do", "go on with it, or delete it"


def _card_facts(card: ModelCard) -> Iterator[Line]:
    corpus = card.corpus
    yield "preset", f"{card.config.preset}: {PRESETS[card.config.preset].summary}"
    yield "corpus", foreign(corpus.get("name", "?"))
    yield "", f"{_count(corpus.get('lines'), 'line')}, {_count(corpus.get('words'), 'word')}"
    yield "", f"sha256 {foreign(corpus.get('sha256', '?'))[:12]}"
    yield "vocabulary", plural(card.words_known, "word")
    yield "window", f"the last {card.window} words"
    yield ARCHITECTURES[card.config.preset].table_heads[1], f"{card.parameters:,}"
    if not hasattr(card.config.train, "epochs"):
        return
    kept = card.metrics.get("epoch")
    of = f"{card.epochs_done:,} of {card.config.epochs:,} done"
    yield "epochs", f"{of}, epoch {kept:,} kept" if isinstance(kept, int) else of


def quality(card: ModelCard, evaluation: Evaluation | None = None) -> Iterator[Line]:
    """How good the model is, in plain words."""
    best, own = figures_of(card, evaluation), training_figures(card)
    if best is not None and best.unseen:
        yield from _measured("new lines", best)
        if evaluation is not None:
            saved = format_percent(evaluation.keystroke_savings)
            ghost = format_percent(evaluation.keystroke_savings_ghost)
            yield "", f"saves {saved} of keys, by the ghost alone {ghost}"
    else:
        yield "new lines", "not known: no lines were held out of its training"
    if own is not None:
        yield from _measured("own lines", own)


def _measured(label: str, figures: Figures) -> Iterator[Line]:
    yield label, f"perplexity {format_perplexity(figures.perplexity)}"
    hits = []
    if figures.top1 is not None:
        hits.append(f"first word right: {format_percent(figures.top1)}")
    if figures.top5 is not None:
        hits.append(f"among five: {format_percent(figures.top5)}")
    if hits:
        yield "", "; ".join(hits)


def layers(card: ModelCard, width: int) -> Iterator[Line]:
    """The layers with their parameters, and what they are where `width` has space for it."""
    table = card.architecture.layers()
    kinds = [f"  {layer.type}" for layer in table]
    if PARAMETERS_WIDTH + max(map(len, kinds)) > width:
        kinds = [""] * len(table)
    for layer, kind in zip(table, kinds, strict=True):
        yield layer.name, f"{layer.parameters:>{PARAMETERS_WIDTH},}{kind}"


def on_disk(listed: Listed) -> Iterator[Line]:
    """The files, where they are, since when, and made by what."""
    for name, size in listed.files:
        yield format_bytes(size), foreign(name)
    yield format_bytes(listed.size_bytes), "in all"
    yield "folder", foreign(listed.folder)
    if (card := listed.card) is not None:
        yield "created", date_text(card.created)
        yield "saved", date_text(card.updated)
        versions = (f"{foreign(k)} {foreign(v)}" for k, v in card.versions.items())
        yield "versions", ", ".join(versions)[:LONGEST_TEXT]
