"""A training that is ready to run: what the plan has found out, and what a run starts from."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from rnnlm_tui.config import Config
from rnnlm_tui.lm.layers import load_network
from rnnlm_tui.lm.model import Arrays, LanguageModel
from rnnlm_tui.store.files import UPDATE
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.model_file import text_tensors
from rnnlm_tui.store.run_files import RunFacts, Tensors
from rnnlm_tui.store.trained_lines import TrainedLines
from rnnlm_tui.text.held_out import Excerpt, excerpts_of, sample_mask
from rnnlm_tui.text.prepare import Prepared

MAX_WORDS = 10_000
"""The most held-out words to evaluate: 10 to 30 seconds for a large network."""
ENOUGH_ENGLISH = 0.7
"""Least share of known words for a text to count as English. Measured: 0.94 to 0.98 for five
English texts, 0.66 for one that is half German, 0.52 to 0.59 for four French texts, 0.45 for
Spanish, 0.35 for Italian and 0.33 for German ones, 0 in other scripts."""
MAX_FITTED = 2_000
"""About the most held-out words that mixture weights are fitted to. A word takes half a millisecond
with the English."""


@dataclass(frozen=True, slots=True)
class Start:
    """A text that is ready for a run, and what the run starts from: nothing, the English, another
    model, or its own saved `state`.

    `network` are the weights by their names in a model's file; None for random ones. `lines` are
    those that the models before it were trained on.
    """

    config: Config
    prepared: Prepared
    network: Arrays | None = None
    lines: TrainedLines = field(default_factory=TrainedLines)
    state: Tensors | None = None


@dataclass(frozen=True)
class Job:
    """A training of a model of this library. `english` is mixed with what it learns."""

    name: str
    library: Library
    start: Start
    facts: RunFacts
    english: LanguageModel | None = None

    @property
    def model(self) -> Path:
        """The file of the model."""
        return self.library.path(self.name)

    @property
    def folder(self) -> Path:
        """Where the run saves its state."""
        return self.library.run_folder(self.name)

    @property
    def path(self) -> Path:
        """Where it saves its best epoch; an update then replaces the model, if it is better."""
        return self.folder / UPDATE if self.facts.is_update else self.model

    @property
    def config(self) -> Config:
        return self.start.config

    @property
    def prepared(self) -> Prepared:
        return self.start.prepared

    @property
    def tries_english(self) -> bool:
        """Whether the text is none in English, so that the mixture weights decide on that."""
        known = self.facts.known_to_base
        return known is not None and known < ENOUGH_ENGLISH

    @cached_property
    def held_out(self) -> list[Excerpt]:
        """The held-out lines where they stand in the text, or a sample of them. A model that is not
        mixed reads them one after the other, as its epochs are measured."""
        found = self.excerpts(MAX_WORDS)
        if self.config.is_mixed:
            return found
        return [Excerpt((), tuple(line for each in found for line in each.lines))]

    @cached_property
    def lines_to_fit(self) -> list[Excerpt]:
        """Those to which mixture weights are fitted."""
        return self.excerpts(MAX_FITTED)

    def excerpts(self, most_words: int) -> list[Excerpt]:
        """A sample of the held-out lines, where they stand in the text."""
        text, held_out = self.prepared.corpus, self.prepared.held_out_mask
        return excerpts_of(text, sample_mask(text, most_words, held_out))

    @cached_property
    def of_text(self) -> Tensors:
        """The tensors of the model that do not change while it trains."""
        prepared = self.prepared
        lines = self.start.lines.with_run(prepared.hashes, prepared.held_out_mask)
        return text_tensors(prepared.vocabulary, prepared.tokenizer.conventions, lines)

    def load_network(self, weights: Arrays) -> LanguageModel:
        """The network of these weights, ready to predict."""
        known = self.prepared
        return load_network(self.config, known.vocabulary, known.tokenizer, known.window, weights)
