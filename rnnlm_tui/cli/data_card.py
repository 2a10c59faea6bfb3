"""The data card: what to know about a text before training on it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from rnnlm_tui.config import Config, preset_named
from rnnlm_tui.errors import flag_of
from rnnlm_tui.formatting import plural, sanitize
from rnnlm_tui.results import words_read
from rnnlm_tui.text.corpus import Corpus
from rnnlm_tui.text.prepare import PreparedLines, PreparedPrefixes, PreparedText
from rnnlm_tui.text.vocabulary import UNKNOWN


def data_card(prepared: PreparedText, config: Config) -> Iterator[str]:
    """What to know about a corpus before training on it."""
    vocabulary = prepared.vocabulary
    window = prepared.window
    kept, special_tokens = len(vocabulary.words), vocabulary.special_tokens
    yield f"corpus         {sanitize(prepared.corpus.name)}"
    yield f"preset         {config.preset}: {preset_named(config.preset).summary}"
    yield f"lines          {prepared.corpus.line_count:,}"
    yield from (f"               {note}" for note in prepared.notes)
    if prepared.held_out_lines:
        pairs = prepared.held_out.predictions
        yield f"held out       {plural(prepared.held_out_lines, 'line')}, {plural(pairs, 'pair')}"
    else:
        yield "held out       none, so its quality on unseen lines cannot be measured"
    trained = " in the lines to train on" if prepared.held_out_lines else ""
    words, different = prepared.corpus.words, prepared.distinct_words
    yield f"words          {words:,}; {different:,} different{trained}"
    if kept < prepared.distinct_words:
        fate = f"learned as {UNKNOWN}" if special_tokens else "left out of the lines"
        yield f"vocabulary     {kept:,} words are kept; the others are {fate}"
    if isinstance(prepared, PreparedLines) and prepared.held_out_lines:
        share = prepared.held_out_unknown / prepared.held_out.words
        yield f"unknown        {share:.1%} of the words held out"
    others = f"the padding, {', '.join(special_tokens)}" if special_tokens else "the padding"
    yield f"total words    {vocabulary.total_words:,} (with {others})"
    yield f"longest line   {plural(prepared.longest_line, 'word')}"
    is_capped = isinstance(prepared, PreparedPrefixes) and window + 1 < prepared.longest_line
    yield f"window         {words_read(config.model, window)}{', capped' if is_capped else ''}"
    ends = ", with the ends of the lines" if special_tokens else ""
    yield f"pairs          {prepared.examples.predictions:,}{ends}"
    yield from _chosen_settings(prepared.corpus, config)


def _chosen_settings(corpus: Corpus, config: Config) -> Iterator[str]:
    """The settings whose defaults depend on the size of the corpus, with their values."""
    preset = preset_named(config.preset)
    scale = preset.scale_of(corpus.words)
    if scale is None:
        return
    yield f"for a corpus of this size ({scale.name}), unless a flag says otherwise:"
    names = dict.fromkeys(name for each in preset.scales for name in each.settings)
    for part in (config.model, config.train):
        own = dataclasses.asdict(part).items()
        values = {name: value for name, value in own if name in names and value is not None}
        yield "  " + ", ".join(f"{flag_of(name)} {value}" for name, value in values.items())
