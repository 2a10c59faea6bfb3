"""The facts on the card of a model or an unfinished run. Does not import textual."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlm_tui.config import PRESETS
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
    saved_keys,
    training_figures,
)
from rnnlm_tui.store.library import Entry

ACTIVE, TRAINING, DAMAGED, UNFINISHED = "●", "◆", "!", "○"
"""The marks of the active model, a model in training, one that cannot be used, and a run that has
not saved a model. Each is explained next to it or below the list."""
Line = tuple[str, str]
"""A label, which may be empty, and a text."""


def mark(entry: Entry) -> str:
    """Returns the mark of its state; "" for a model that can be used."""
    if entry.trained_by is not None:
        return TRAINING
    if entry.damaged is not None:
        return DAMAGED
    return "" if entry.has_model else UNFINISHED


def state(entry: Entry) -> str:
    """Returns its state in a word or two; "" for a model of the user that can be used."""
    words = {TRAINING: "training", DAMAGED: "damaged", UNFINISHED: "unfinished"}
    return words.get(mark(entry), "built in" if entry.built_in else "")


def overview(entry: Entry) -> Iterator[Line]:
    """Describes the model, or says why it cannot be used."""
    run = entry.run
    if entry.trained_by is not None:
        yield "trained by", sanitize(entry.trained_by)
    if entry.damaged is not None:
        yield "reason", sanitize(entry.damaged)
        yield "to do", "delete it, or train a model with this name again"
    elif not entry.has_model:
        yield "epochs", f"{run.epochs_done:,} done" if run and run.epochs_done else "none saved yet"
        if entry.trained_by is None:
            yield "to do", "resume it, or delete it"
    if entry.card is not None:
        yield from _card_lines(entry.card)
        if run is not None and run.resumable and run.trainer is None:
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


def quality(entry: Entry, card: ModelCard) -> Iterator[Line]:
    """Returns the quality of the model on unseen lines, and on those it was trained on."""
    evaluation, best = entry.evaluation, figures_of(card, entry.evaluation)
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


def on_disk(entry: Entry) -> Iterator[Line]:
    """Yields the files, their folder, dates, and the versions that wrote them."""
    for name, size in entry.files.items():
        yield format_bytes(size), sanitize(name)
    yield format_bytes(entry.size_bytes), "in all"
    yield "folder", sanitize(str(entry.folder))
    if (card := entry.card) is not None:
        yield "created", sanitize(local_time(card.created))
        yield "saved", sanitize(local_time(card.updated))
        versions = ", ".join(f"{name} {version}" for name, version in card.versions.items())
        yield "versions", sanitize(versions)
