"""`--on`: the base model of a new model, by default the built-in English.

It is chosen before the text is prepared: lines that it was trained on are not held out.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from rnnlm_tui.config import Config, LineTextConfig
from rnnlm_tui.errors import ModelError, Sentence, UsageError
from rnnlm_tui.store.card import ENGLISH, MAX_BASES
from rnnlm_tui.store.library import Library, OpenedModel
from rnnlm_tui.store.model_file import (
    BaseModel,
    base_model,
    open_stored,
    own_base,
    read_card,
)
from rnnlm_tui.store.run_state import TextOrigin
from rnnlm_tui.store.trained_lines import hold_out_unseen
from rnnlm_tui.text.corpus import Corpus, hold_out, join_paragraphs, sample_of
from rnnlm_tui.text.overlap import Hashes, no_hashes
from rnnlm_tui.text.streams import Mask, written_lines
from rnnlm_tui.text.tokenizer import Conventions, Tokenizer
from rnnlm_tui.text.tokenizers import make_tokenizer
from rnnlm_tui.text.vocabulary import Vocabulary
from rnnlm_tui.training.run import TrainingRun

NO_BASE = "none"
ENOUGH_ENGLISH = 0.7
"""Least share of known words for a text to count as English. Measured: 0.94 to 0.98 for four
English texts, 0.45 for a Spanish and 0.32 for a German one, 0 in other scripts."""
SAMPLED_WORDS = 20_000
"""Words of a text that are looked up to tell whether it is English."""


@dataclass(frozen=True, slots=True)
class ChosenBase:
    """The base model of a run. `open` loads it, and is None if the run has none. `known` are the
    hashes of the lines that it was trained on. `notes` are sentences for the data card."""

    open: Callable[[], BaseModel | None] | None = None
    known: Hashes = field(default_factory=no_hashes)
    notes: tuple[str, ...] = ()

    def held_out(self, corpus: Corpus, config: Config) -> Mask | None:
        """Which lines [L] of the text of a new model to hold out; None if they are those that the
        settings choose, since the base knows no line."""
        if not len(self.known):
            return None
        lines, train = join_paragraphs(corpus, config.lines).lines, config.train
        tokenizer = make_tokenizer(config.tokenizer, Conventions())
        held_out = hold_out_unseen(lines, tokenizer, train.held_out, train.seed, self.known)
        usual = hold_out(written_lines(lines), train.held_out, train.seed)
        return None if np.array_equal(held_out, usual) else held_out


def choose_base(
    library: Library, corpus: Corpus, config: Config, asked: str | None, name: str | None = None
) -> ChosenBase:
    """The base model `asked` for by a run, or the default one. `name` is that of the run's model,
    None if it has none yet. Raises UsageError if they do not fit together, ModelError if there is
    no such model."""
    if asked is None:
        is_on, note = should_use_english(library, corpus, config)
        notes = tuple(filter(None, [note]))
        return _known_to(library, ENGLISH, notes) if is_on else ChosenBase(notes=notes)
    if asked == NO_BASE:
        return ChosenBase()
    if not config.is_mixed:
        is_off = isinstance(config.train, LineTextConfig)
        what = Sentence("{mixture} off") if is_off else f"the preset {config.preset}"
        raise UsageError(
            Sentence("a model of {what} has no base model", what=what),
            Sentence("leave {on} out"),
            field="on",
        )
    tokenizer = read_card(library.path(asked)).tokenizer
    if tokenizer != config.tokenizer:
        raise UsageError(
            f"{asked} uses the tokenizer {tokenizer}, this model {config.tokenizer}",
            Sentence("give {tokenizer} {its}, or {on} {none}", its=tokenizer, none=NO_BASE),
            field="on",
        )
    if asked == name:
        raise UsageError(f"{name} cannot be built on itself", Sentence("take another {on}"))
    return _known_to(library, asked)


def _known_to(library: Library, name: str, notes: tuple[str, ...] = ()) -> ChosenBase:
    """The base model of this name, with the lines that it was trained on. Raises ModelError, and
    UsageError if it is built on too many others."""
    path = library.path(name)
    with open_stored(path) as stored:
        if stored.card.bases >= MAX_BASES:
            message = f"{name} is built on {MAX_BASES} other models"
            raise UsageError(message, Sentence("take another {on}"), field="on")
        return ChosenBase(partial(base_model, path, name), stored.lines_seen(), notes)


def should_use_english(library: Library, corpus: Corpus, config: Config) -> tuple[bool, str]:
    """Whether a model of this text is built on the built-in English by default, and a sentence
    saying why, which is empty if that is impossible."""
    if not (config.is_mixed and library.is_built_in(ENGLISH)):
        return False, ""
    with open_stored(library.path(ENGLISH)) as english:
        if english.card.tokenizer != config.tokenizer:
            return False, ""
        vocabulary = english.vocabulary()
        tokenizer = make_tokenizer(config.tokenizer, english.conventions(), vocabulary)
    lines = sample_of(join_paragraphs(corpus, config.lines).lines, SAMPLED_WORDS)
    fraction = known_fraction(lines, tokenizer, vocabulary)
    what = f"{fraction:.0%} of its words are English"
    if fraction < ENOUGH_ENGLISH:
        return False, f"it has no base model ({what}, too few for {ENGLISH})"
    return True, f"its base model is {ENGLISH} ({what})"


def known_fraction(lines: Iterable[str], tokenizer: Tokenizer, vocabulary: Vocabulary) -> float:
    """The fraction of the words of a text, without punctuation and numbers, in a vocabulary."""
    counts = Counter(word for line in lines for word in tokenizer.words(line) if word[:1].isalpha())
    known = sum(
        count for word, count in counts.items() if word in vocabulary or word.lower() in vocabulary
    )
    return known / max(1, counts.total())


def base_of_update(source: OpenedModel, library: Library) -> ChosenBase:
    """The base model of an update: that of the model itself. Raises ModelError."""
    with open_stored(source.path) as stored:
        if stored.base is not None:
            return ChosenBase(partial(own_base, source.path), stored.base.lines_seen())
        named = stored.card.base_named
    return _known_to(library, ENGLISH) if named and library.is_built_in(ENGLISH) else ChosenBase()


def base_of_resumed(
    library: Library, name: str, origin: TextOrigin
) -> tuple[BaseModel | None, str]:
    """The base model of a run that is resumed: that in the saved model of its name, or else the one
    in the library; and a warning if both are gone. Raises ModelError."""
    if (base := origin.get("base")) is None:
        return None, ""
    with suppress(ModelError):
        path = library.path(name)
        if read_card(path).base_named == base and (own := own_base(path)):
            return own, ""
    with suppress(ModelError):
        path = library.path(base["name"])
        is_shipped = base["name"] == ENGLISH and library.is_built_in(ENGLISH)
        if is_shipped or read_card(path).created == base["created"]:
            return base_model(path, base["name"]), ""
    return None, f"{base['name']} is gone or was trained again: {name} continues without it"


def with_base(run: TrainingRun, chosen: ChosenBase) -> TrainingRun:
    """The run with its base model. Raises ModelError if that cannot be used."""
    prepared = dataclasses.replace(run.prepared, notes=(*run.prepared.notes, *chosen.notes))
    base = chosen.open() if chosen.open else None
    origin = run.origin
    if base is not None:
        origin = {**origin, "base": base.named}
    return dataclasses.replace(run, prepared=prepared, base=base, origin=origin)
