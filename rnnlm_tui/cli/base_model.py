"""`--on`: the base model of a new model, by default the built-in English."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from rnnlm_tui.cli.inputs import OpenedModel, open_model
from rnnlm_tui.config import LineTextConfig, RunConfig
from rnnlm_tui.errors import UsageError
from rnnlm_tui.store.card import base_of, read_card
from rnnlm_tui.store.library import ENGLISH, Library
from rnnlm_tui.store.load import read_vocabulary
from rnnlm_tui.store.run_state import RunOrigin
from rnnlm_tui.text.prepare import PreparedLines, PreparedText
from rnnlm_tui.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from rnnlm_tui.training.run import TrainingRun

NO_BASE = "none"
ENOUGH_ENGLISH = 0.7
"""Least share of known words for a text to count as English. Measured: 0.94 to 0.98 for four
English texts, 0.45 for a Spanish and 0.32 for a German one, 0 in other scripts."""


def on_english(library: Library, prepared: PreparedText, config: RunConfig) -> tuple[bool, str]:
    """Whether a model of this text is built on the built-in English by default, and a sentence
    saying why, which is empty if that is impossible."""
    if not (config.is_mixed and library.is_built_in(ENGLISH)):
        return False, ""
    folder = library.path(ENGLISH)
    card = read_card(folder)
    if card.tokenizer != config.tokenizer:
        return False, ""
    share = share_known(prepared, read_vocabulary(folder, card))
    what = f"{share:.0%} of its words are English"
    if share < ENOUGH_ENGLISH:
        return False, f"it has no base model ({what}, too few for {ENGLISH})"
    return True, f"its base model is {ENGLISH} ({what}) (--on none: no base model)"


def share_known(prepared: PreparedText, vocabulary: Vocabulary) -> float:
    """The share of the words of a text, without punctuation and numbers, in a vocabulary."""
    words = prepared.vocabulary.words
    assert isinstance(prepared, PreparedLines)
    counts = prepared.examples.word_counts(prepared.vocabulary.total_words)
    counts = counts[prepared.vocabulary.first_word_id :]
    is_word = np.array([word[:1].isalpha() for word in words], dtype=bool)
    known = np.array([word in vocabulary or word.lower() in vocabulary for word in words])
    return float(counts[is_word & known].sum() / max(1, counts[is_word].sum()))


def base_of_update(source: OpenedModel, library: Library) -> str:
    """The name of the base model of an update: the same as before, if it still exists."""
    base = source.card.mixture and source.card.mixture["base"]
    return base["name"] if base and base["name"] in library.names() else NO_BASE


def built_on(library: Library, run: TrainingRun, asked: str | None) -> TrainingRun:
    """The run with the base model `asked` for, or the default one. Raises UsageError if they do not
    fit together, ModelError if there is no such model."""
    name = asked
    if asked is None:
        is_on, note = on_english(library, run.prepared, run.config)
        notes = (*run.prepared.notes, *filter(None, [note]))
        run = dataclasses.replace(run, prepared=dataclasses.replace(run.prepared, notes=notes))
        name = ENGLISH if is_on else None
    if name in (None, NO_BASE):
        return run
    if not run.config.is_mixed:
        is_off = isinstance(run.config.train, LineTextConfig)
        what = "--mixture off" if is_off else run.config.preset
        raise UsageError(f"a model of {what} has no base model", "leave --on out")
    base = open_model(library, name)
    if base.card.tokenizer != run.config.tokenizer:
        raise UsageError(
            f"{base.name} uses the tokenizer {base.card.tokenizer}, this model"
            f" {run.config.tokenizer}",
            f"give --tokenizer {base.card.tokenizer}, or --on {NO_BASE}",
        )
    if base.name == run.name:
        raise UsageError(f"{run.name} cannot be built on itself", "take another --name")
    origin: RunOrigin = {**run.origin, "base": base_of(base.name, base.card)}
    return dataclasses.replace(run, base=base.model, origin=origin)
