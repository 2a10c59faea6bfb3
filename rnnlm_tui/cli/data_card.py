"""The data card: what to know about a text before training on it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from msgspec import structs

from rnnlm_tui.config import Config, size_of
from rnnlm_tui.errors import flag_of
from rnnlm_tui.formatting import plural, sanitize
from rnnlm_tui.results import words_read
from rnnlm_tui.text.prepare import Prepared
from rnnlm_tui.text.reading import Text
from rnnlm_tui.text.vocabulary import UNKNOWN, UNKNOWN_ID


def data_card(prepared: Prepared, config: Config) -> Iterator[str]:
    """What to know about a corpus before training on it."""
    vocabulary = prepared.vocabulary
    window = prepared.window
    kept, special_tokens = len(vocabulary.words), vocabulary.special_tokens
    yield f"corpus         {sanitize(prepared.text.name)}"
    yield f"preset         {config.preset}: {config.summary}"
    yield f"lines          {prepared.text.lines:,}"
    yield from (f"               {note}" for note in prepared.notes)
    if held_out_lines := len(prepared.held_out):
        pairs = prepared.predictions_in(prepared.held_out)
        yield f"held out       {plural(held_out_lines, 'line')}, {plural(pairs, 'pair')}"
    else:
        yield "held out       none, so its quality on unseen lines cannot be measured"
    trained = " in the lines to train on" if held_out_lines else ""
    words, different = prepared.text.words, prepared.distinct_words
    yield f"words          {words:,}; {different:,} different{trained}"
    if kept < prepared.distinct_words:
        fate = f"learned as {UNKNOWN}" if special_tokens else "left out of the lines"
        yield f"vocabulary     {kept:,} words are kept; the others are {fate}"
    if not prepared.is_lesson and held_out_lines:
        unknown = np.count_nonzero(prepared.held_out.ids == UNKNOWN_ID)
        share = unknown / prepared.held_out.words
        yield f"unknown        {share:.1%} of the words held out"
    others = f"the padding, {', '.join(special_tokens)}" if special_tokens else "the padding"
    yield f"total words    {vocabulary.total_words:,} (with {others})"
    yield f"longest line   {plural(prepared.train.longest, 'word')}"
    is_capped = prepared.is_lesson and window + 1 < prepared.train.longest
    yield f"window         {words_read(config.model, window)}{', capped' if is_capped else ''}"
    ends = ", with the ends of the lines" if special_tokens else ""
    yield f"pairs          {prepared.predictions:,}{ends}"
    yield from _chosen_settings(prepared.text, config)


def _chosen_settings(corpus: Text, config: Config) -> Iterator[str]:
    """The settings whose defaults depend on the size of the corpus, with their values."""
    if not config.by_size:
        return
    yield f"for a corpus of this size ({size_of(corpus.words)}), unless a flag says otherwise:"
    names = dict.fromkeys(name for each in config.by_size.values() for name in each)
    for part in (config.model, config.train):
        own = structs.asdict(part).items()
        values = {name: value for name, value in own if name in names and value is not None}
        yield "  " + ", ".join(f"{flag_of(name)} {value}" for name, value in values.items())
