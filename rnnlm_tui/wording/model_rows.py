"""A model as rows of text: its row in the list of models, and its card. The command line joins the
rows, the app lays them out."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlm_tui.config import PRESETS, CausalConfig, ModelConfig
from rnnlm_tui.formatting import (
    format_bytes,
    format_duration,
    format_percent,
    format_perplexity,
    local_time,
    plural,
    shorten,
)
from rnnlm_tui.lm.layers import layers_of, table_heads
from rnnlm_tui.store.card import ENGLISH, ModelCard
from rnnlm_tui.store.library import Entry
from rnnlm_tui.store.run_files import read_epochs
from rnnlm_tui.wording.savings import ENOUGH_WORDS, both_shares, savings_sentence
from rnnlm_tui.wording.trainings import trained_part

HEADS = ("name", "preset", "% of keys", "size", "saved")
"""The heads of the list of models."""
Fact = tuple[str, str]
"""A label, which may be empty, and a text. A heading has no text."""


def state(entry: Entry) -> str:
    """Returns the state of a model in a word or two, with the epochs of a run that can be resumed.
    Returns "" if there is nothing special about the model."""
    if entry.trained_by is not None:
        return "training"
    if entry.damaged is not None:
        return "damaged"
    if (run := entry.run) is not None:
        return f"resume {run.epochs_done or 0}/{run.epochs}" if run.epochs else "resume"
    return "built in" if entry.built_in else ""


def list_row(entry: Entry) -> tuple[str, ...]:
    """Returns the row of a model in the list, below HEADS.

    The keys saved are those of a writer who reads the list and of one who looks at the cursor. They
    are left out if they were measured on too few words. The state stands in place of the date.
    """
    card, measured = entry.card, entry.evaluation
    described = card or entry.run
    config = described.config if described else None
    saves = ""
    if measured is not None and measured.keystroke_savings is not None:
        saves = both_shares(measured.keystroke_savings)
    return (
        entry.name,
        config.preset if config else "",
        "few words" if measured and measured.words < ENOUGH_WORDS else saves,
        format_bytes(entry.size_bytes) if entry.has_model else "-",
        state(entry) or (local_time(card.updated)[:10] if card else ""),
    )


def deletion_sentence(entry: Entry) -> str:
    """Says what is lost if a model is deleted: the text that it learned, and the time of its
    training, if known. Reads the history of the run, so call it in a thread."""
    card, run = entry.card, entry.run
    if card is not None:
        corpus, epochs = card.corpus, read_epochs(entry.folder)
        size = f"{plural(corpus.lines, 'line')}, {plural(corpus.words, 'word')}"
        took = f" in {format_duration(epochs[-1].elapsed_s, roughly=True)}" if epochs else ""
        return f"It learned {shorten(corpus.name)} ({size}){took}."
    if run is None or entry.damaged is not None:
        return "It is damaged."
    return f"It is a training of which {plural(run.epochs_done or 0, 'epoch')} are done."


def card_rows(entry: Entry) -> Iterator[Fact]:
    """Describes a model, or says why it cannot be used and what to do about it."""
    card, run = entry.card, entry.run
    if entry.trained_by is not None:
        yield "trained by", entry.trained_by
    elif entry.damaged is not None:
        yield "reason", entry.damaged
        yield "to do", "delete it, or train a model with this name again"
    elif run is not None:
        done = f"{run.epochs_done or 0:,}{f' of {run.epochs:,}' if run.epochs else ''}"
        yield "training", f"was stopped after {done} epochs and can be resumed"
    if card is not None:
        yield from facts_of(card)
    yield "on disk", f"{format_bytes(sum(entry.files.values()))}, in {entry.path.parent}"
    if card is not None:
        yield "saved", local_time(card.updated)
        yield f"{table_heads(card.config)[0]}s", ""
        for layer in layers_of(card.config, card.total_words, card.window, card.ngrams):
            yield layer.name, f"{layer.type}, {layer.parameters:,}"


def facts_of(card: ModelCard) -> Iterator[Fact]:
    """Yields how good a model is, what it learned, and its sizes."""
    corpus = card.corpus
    yield "how good", _how_good(card)
    yield "preset", f"{card.config.preset}: {PRESETS[card.config.preset].summary}"
    yield "corpus", f"{corpus.name}: {plural(corpus.lines, 'line')}, {plural(corpus.words, 'word')}"
    for ancestor in reversed(card.ancestors):
        yield "ancestor", f"{ancestor.name}, of {ancestor.corpus.name}"
    if card.mixture_text:
        yield "mixture", card.mixture_text
    yield "vocabulary", plural(card.words_known, "word")
    yield "window", words_read(card.config.model, card.window)
    yield table_heads(card.config)[1], f"{card.parameters:,}"
    if hasattr(card.config.train, "epochs"):
        kept = f"epoch {card.metrics.epoch:,} is kept" if card.metrics else "only n-grams yet"
        yield "epochs", f"{card.epochs_done:,} of {card.config.epochs:,} done, {kept}"
    if card.about:
        yield "about", card.about
    yield from _figures(card)


def words_read(settings: ModelConfig, window: int) -> str:
    """Says which words before the next one a model with these settings reads."""
    is_causal = isinstance(settings, CausalConfig)
    return "all words before" if is_causal else f"the last {plural(window, 'word')}"


def _how_good(card: ModelCard) -> str:
    """Says how many keys a model saves and how often it is right, without a full stop."""
    if not card.holds_out:
        return "trained on all its lines: no figure for lines it never saw"
    if (found := card.evaluation) is None:
        return "not yet measured on the lines it never saw"
    hits = f"top word right {found.top1 or 0:.0%}, one of the top five {found.top5 or 0:.0%}"
    return "; ".join(part for part in (savings_sentence(found), hits) if part)


def _figures(card: ModelCard) -> Iterator[Fact]:
    """Yields the figures on held-out lines and on training lines, and for a mixture also those of
    its network alone. A network that does not start from the English knows fewer words. That alone
    lowers its perplexity, since all unknown words count as one, which is easy to predict."""
    alone, held_out = trained_part(card.config), "held-out lines"
    kept, whole = card.metrics, card.evaluation
    is_mixed = card.mixture is not None
    if whole is not None:
        yield held_out, _scores("mixture" if is_mixed else alone, whole.perplexity, whole.top1)
    if kept is not None and (found := kept.held_out) is not None and (is_mixed or whole is None):
        label = "" if whole is not None else held_out
        knows_fewer = card.base and ENGLISH not in {source.name for source in card.ancestors}
        note = " (it knows fewer words: not comparable)" if whole and knows_fewer else ""
        yield label, _scores(alone, found.perplexity, found.top1, note)
    if kept is not None and kept.train.perplexity is not None:  # n-grams have none
        yield "training lines", _scores(alone, kept.train.perplexity, kept.train.accuracy)


def _scores(part: str, perplexity: float | None, top1: float | None, note: str = "") -> str:
    hits = "" if top1 is None else f", top word right {format_percent(top1)}"
    return f"{part}: perplexity {format_perplexity(perplexity)}{note}{hits}"
