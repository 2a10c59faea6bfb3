"""The job: a training that is ready to run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rnnlm_tui.config import Config
from rnnlm_tui.lm.model import Arrays, LanguageModel
from rnnlm_tui.store.files import UPDATE
from rnnlm_tui.store.languages import LEAST_KNOWN
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.model_file import text_tensors
from rnnlm_tui.store.run_files import Position, RunFacts, Tensors
from rnnlm_tui.store.trained_lines import TrainedLines
from rnnlm_tui.text.encoded_lines import EncodedLines
from rnnlm_tui.text.held_out import Excerpt, excerpts_of, sample_mask
from rnnlm_tui.text.line_hashes import NO_WORDS
from rnnlm_tui.text.prepare import Prepared

MOST_EVALUATED = 10_000
"""The most held-out words, roughly, that a model is measured on. A large network takes 10 to 30
seconds for them."""
MOST_FITTED = 2_000
"""The most held-out words, roughly, to which mixture weights are fitted. With a base a word takes
half a millisecond."""


class Base(NamedTuple):
    """The built-in model that a new model is mixed with."""

    name: str
    model: LanguageModel


@dataclass(frozen=True, kw_only=True)
class Job:
    """A training of a model of this library, with all that its run needs.

    Attributes:
        facts: Its record, which is saved so that it can be resumed.
        base: The built-in model to mix with, or None.
        trained_lines: The lines that the parent was trained on.
        network: The weights of the parent that the network starts from, or None.
        new_words: The ids of the words that these weights do not know yet.
        state: The tensors of the run that is resumed, or None.
    """

    name: str
    library: Library
    facts: RunFacts
    prepared: Prepared
    base: Base | None = None
    trained_lines: TrainedLines = field(default_factory=TrainedLines)
    network: Arrays | None = None
    new_words: Sequence[int] = ()
    state: Tensors | None = None

    @property
    def config(self) -> Config:
        return self.facts.config

    @property
    def position(self) -> Position:
        """The progress of the run, which changes it."""
        return self.facts.position

    @property
    def is_update(self) -> bool:
        return self.facts.is_update

    @property
    def model_path(self) -> Path:
        """The file of the model."""
        return self.library.path(self.name)

    @property
    def folder(self) -> Path:
        """The folder of the run, with its state."""
        return self.library.runs.folder(self.name)

    @property
    def best_path(self) -> Path:
        """The file in which the best epoch is saved: the model's, or for an update a file in the
        folder of the run."""
        return self.folder / UPDATE if self.is_update else self.model_path

    @property
    def tries_base(self) -> bool:
        """True if the text is mostly not in the language of the base, which may then not help."""
        known = self.facts.known_to_base
        return known is not None and known < LEAST_KNOWN

    @cached_property
    def lines_to_measure(self) -> list[Excerpt]:
        """The held-out lines to measure on, or a sample of them, which is smaller for an update,
        since that is quick. A model that is not mixed reads no lines above them, as when the
        metrics of its epochs are measured."""
        found = self.lines_to_fit if self.is_update else self.excerpts(MOST_EVALUATED)
        if self.config.is_mixed:
            return found
        return [Excerpt((), tuple(line for each in found for line in each.lines))]

    @cached_property
    def lines_to_fit(self) -> list[Excerpt]:
        """A sample of the held-out lines to which mixture weights are fitted."""
        return self.excerpts(MOST_FITTED)

    def excerpts(self, most_words: int) -> list[Excerpt]:
        """Returns a sample of the held-out lines with about `most_words` words."""
        text, held_out = self.prepared.corpus, self.prepared.held_out_mask
        return excerpts_of(text, sample_mask(text, most_words, held_out))

    @cached_property
    def lines_to_learn(self) -> EncodedLines:
        """The training lines that a network learns. An update learns the new lines, and as many
        words of old lines, so that it does not forget these. Otherwise they are all lines."""
        prepared, known = self.prepared, self.trained_lines.known
        is_trained = ~prepared.held_out_mask
        is_new = is_trained & (prepared.hashes != NO_WORDS) & ~np.isin(prepared.hashes, known)
        if not (self.is_update and is_new.any()):
            return prepared.train
        new_words = prepared.train.chosen(is_new[is_trained]).words
        is_repeated = sample_mask(prepared.corpus, new_words, is_trained & ~is_new)
        return prepared.train.chosen((is_new | is_repeated)[is_trained])

    @cached_property
    def fixed_tensors(self) -> Tensors:
        """The tensors of the model's file that stay the same from epoch to epoch."""
        prepared = self.prepared
        lines = self.trained_lines.with_run(prepared.hashes, prepared.held_out_mask)
        return text_tensors(prepared.vocabulary, prepared.tokenizer.conventions, lines)
