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
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.store.languages import model_for_code
from rnnlm_tui.store.library import Entry
from rnnlm_tui.store.run_files import read_epochs
from rnnlm_tui.wording.savings import ENOUGH_WORDS, both_shares
from rnnlm_tui.wording.trainings import trained_part

LIST_HEADS = ("name", "language", "preset", "keys saved", "learned from", "saved")
"""The heads of the list of models."""
KEYS_NOTE = (
    "keys saved: of 100, reading the list and looking at the cursor, each model on unseen lines of"
    " its own text"
)
UNLIKE = "≠"
"""The mark of keys saved on another text than that of the selected model."""
UNLIKE_NOTE = f"{UNLIKE} on another text: not comparable"
SHARE_BAR = 10
"""Columns of the bar of a share."""
Fact = tuple[str, str]
"""A label, which may be empty, and a text. A heading has no text."""


def state_of(entry: Entry) -> str:
    """Returns the state of a model in a word or two, such as "training" or "resume 3/50", with the
    epochs that are done. Returns "" for a model of one's own that is ready."""
    if entry.trained_by is not None:
        return "training"
    if entry.damaged is not None:
        return "damaged"
    if (run := entry.run) is not None:
        return f"resume {run.epochs_done or 0}/{run.epochs}" if run.epochs else "resume"
    return "built in" if entry.built_in else ""


def list_row(entry: Entry) -> tuple[str, ...]:
    """Returns the row of a model in the list, below LIST_HEADS. The last column has the state, or
    else the date."""
    card, described = entry.card, entry.card or entry.run
    config = described.config if described else None
    return (
        entry.name,
        language_of(card) if card else "",
        config.preset if config else "",
        keys_saved(entry),
        card.corpus.name if card else "",
        state_of(entry) or (local_time(card.updated)[:10] if card else ""),
    )


def language_of(card: ModelCard) -> str:
    """Returns what people call the language of a model, such as "German"; its ISO 639 code if no
    built-in model has that language, "" if it is not known."""
    name = model_for_code(card.language)
    return name.capitalize() if name else card.language


def keys_saved(entry: Entry, selected: Entry | None = None) -> str:
    """Returns the percentages of keys that a model saves for a writer who reads the list and for
    one who looks at the cursor. They are left out if they were measured on too few words, and
    marked with UNLIKE if the selected model was measured on another text."""
    measured = entry.evaluation
    if measured is None or entry.card is None:
        return ""
    if measured.words < ENOUGH_WORDS:
        return "few words"
    if measured.keystroke_savings is None:
        return ""
    saved = both_shares(measured.keystroke_savings)
    other = selected.card if selected else None
    is_unlike = other is not None and other.corpus.sha256 != entry.card.corpus.sha256
    return f"{UNLIKE} {saved}" if is_unlike else saved


def deletion_sentence(entry: Entry) -> str:
    """Says what is lost if a model is deleted: the text that it learned, and the time of its
    training, if known. Reads the history of the run, so the app calls it in a thread."""
    card, run = entry.card, entry.run
    if card is not None:
        corpus, epochs = card.corpus, read_epochs(entry.folder)
        size = f"{plural(corpus.lines, 'line')}, {plural(corpus.words, 'word')}"
        took = f" in {format_duration(epochs[-1].elapsed_s, roughly=True)}" if epochs else ""
        return f"It learned {shorten(corpus.name)} ({size}){took}."
    if run is None or entry.damaged is not None:
        return "It is damaged."
    return f"It is a training with {plural(run.epochs_done or 0, 'epoch')} done."


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
    on_disk = f"{format_bytes(sum(entry.file_sizes.values()))}, in {entry.path.parent}"
    if card is not None:
        yield from card_facts(card, on_disk)
    else:
        yield "on disk", on_disk


def card_facts(card: ModelCard, on_disk: str = "") -> Iterator[Fact]:
    """Yields how good a model is, what it is, and where it comes from. `on_disk` tells the size and
    the place of its files, if it has any."""
    corpus = card.corpus
    yield "how good", ""
    yield from _how_good(card)
    yield from _figures(card)
    yield "what it is", ""
    if language := language_of(card):
        yield "language", language
    yield "preset", f"{card.config.preset}: {PRESETS[card.config.preset].summary}"
    if card.mixture_text:
        yield "mixture", card.mixture_text
    yield "vocabulary", plural(card.words_known, "word")
    yield "window", window_text(card.config.model, card.window)
    layers = layers_of(card.config, card.total_words, card.window, card.ngrams)
    parts = [
        f"{layer.parameters:,} {layer.type if card.config.has_network else f'of {layer.name}'}"
        for layer in layers
        if layer.parameters
    ]
    _, parameters_or_ngrams = table_heads(card.config)
    yield parameters_or_ngrams, f"{card.parameters:,} = {' + '.join(parts)}"
    yield "where from", ""
    yield "corpus", f"{corpus.name}: {plural(corpus.lines, 'line')}, {plural(corpus.words, 'word')}"
    for ancestor in reversed(card.ancestors):
        yield "ancestor", f"{ancestor.name}, of {ancestor.corpus.name}"
    if card.config.has_network:
        kept = f"epoch {card.metrics.epoch:,} is kept" if card.metrics else "only n-grams yet"
        yield "epochs", f"{card.epochs_done:,} of {card.config.epochs:,} done, {kept}"
    yield "saved", local_time(card.updated)
    if on_disk:
        yield "on disk", on_disk
    if card.about:
        yield "licence", card.about


def window_text(config: ModelConfig, window: int) -> str:
    """Says which words before the next one a model reads."""
    is_causal = isinstance(config, CausalConfig)
    return "all words before" if is_causal else f"the last {plural(window, 'word')}"


def _how_good(card: ModelCard) -> Iterator[Fact]:
    """Yields how many keys a model saves, how many its base saves alone on the same lines, and
    how often the model is right."""
    evaluation = card.evaluation
    if not card.holds_out:
        yield "measured on", "no lines: it has learned all of them"
        return
    if evaluation is None:
        yield "measured on", "nothing yet of the lines that it has not learned"
        return
    has_enough = evaluation.words >= ENOUGH_WORDS
    too_few = f": too few to tell how many keys it saves, that takes {ENOUGH_WORDS}"
    words = f"{plural(evaluation.words, 'word')} that it has not learned"
    yield "measured on", words if has_enough else words + too_few
    savings = [("keys saved", evaluation.keystroke_savings)]
    if (base := evaluation.base) is not None:
        savings.append((f"{base.name.capitalize()} alone", base.keystroke_savings))
    for label, saved in savings:
        if saved is not None and has_enough:
            yield label, f"{_share_bar(saved.attentive)}  reading the list"
            yield "", f"{_share_bar(saved.at_cursor)}  looking at the cursor"
    if evaluation.top1 is not None and evaluation.top5 is not None:
        yield "next word", f"{_share_bar(evaluation.top1)}  is the first suggested"
        yield "", f"{_share_bar(evaluation.top5)}  is among the first five"


def _share_bar(share: float) -> str:
    """Draws a share from 0 to 1 as a bar with its percentage. A share below 0 has no bar."""
    halves = round(2 * SHARE_BAR * max(0, min(1, share)))
    bar = "━" * (halves // 2) + "╸" * (halves % 2)
    return f"{bar:─<{SHARE_BAR}} {share:4.0%}"


def _figures(card: ModelCard) -> Iterator[Fact]:
    """Yields the perplexity of a model on held-out lines, and the figures of its kept epoch. In a
    mixture, the latter measure its network alone.

    A network that does not start from the base of its model knows only the words of its text. It
    counts all others as one, the unknown word, which is easy to predict. Its perplexity is
    therefore lower than that of the mixture, and a note says that they are not comparable.
    """
    part = trained_part(card.config)
    kept, evaluation = card.metrics, card.evaluation
    is_mixed = card.mixture is not None
    if evaluation is not None and evaluation.perplexity is not None:
        number = format_perplexity(evaluation.perplexity)
        yield "perplexity", f"{number}: as unsure as among that many words"
    if kept is None:
        return
    held_out, train = kept.held_out, kept.train
    if held_out is not None and evaluation is None:
        yield part, f"{_scores(held_out.perplexity, held_out.top1)} on held-out lines"
    elif held_out is not None and is_mixed:
        starts_from_base = card.base in {ancestor.name for ancestor in card.ancestors}
        knows_fewer = card.base and not starts_from_base
        note = " (it knows fewer words: not comparable)" if knows_fewer else ""
        yield part, _scores(held_out.perplexity, held_out.top1, note)
    if train.perplexity is not None:  # n-grams have none
        scores = _scores(train.perplexity, train.accuracy)
        yield ("", f"training lines: {scores}") if is_mixed else ("training lines", scores)


def _scores(perplexity: float | None, hit_rate: float | None, note: str = "") -> str:
    hits = "" if hit_rate is None else f", next word right {format_percent(hit_rate)}"
    return f"perplexity {format_perplexity(perplexity)}{note}{hits}"
