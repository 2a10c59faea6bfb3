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
from rnnlm_tui.store.card import Ancestor
from rnnlm_tui.store.files import UPDATE
from rnnlm_tui.store.languages import LEAST_KNOWN
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.model_file import text_tensors
from rnnlm_tui.store.run_files import Position, Tensors
from rnnlm_tui.store.trained_lines import TrainedLines
from rnnlm_tui.text.encoded_lines import EncodedLines
from rnnlm_tui.text.held_out import Excerpt, excerpts_of, sample_mask
from rnnlm_tui.text.line_hashes import NO_WORDS
from rnnlm_tui.text.prepare import Prepared

MOST_EVALUATED = 10_000
"""Most held-out words that a model is evaluated on: 10 to 30 seconds for a large network."""
MOST_FITTED = 2_000
"""The held-out words that mixture weights are fitted to, about this many at most. A word takes half
a millisecond with a base."""


class Base(NamedTuple):
    """The built-in model that a training is built on."""

    name: str
    model: LanguageModel


@dataclass(frozen=True, kw_only=True)
class Job:
    """A training of a model of this library, with all that its run needs.

    `created` is when it began, and identifies its model. `sources` and `encoding` say where the
    text is. `seed_line` is continued after each epoch until another line is ordered. An update
    replaces the model of this name at the end, if it is better.

    A training that starts from a model has its weights as `network`, the ids of the words that are
    new to them as `new_words`, and the model's `trained_lines`, `ancestors` and `blocked_words`.
    `base` is mixed with what is learned; `known_to_base` is the share of the text's words that are
    common in its language, None if the mixture always keeps it. A training that is resumed has a
    `state`, the tensors of its run, and a `position`.
    """

    name: str
    library: Library
    config: Config
    prepared: Prepared
    created: str
    sources: list[str]
    encoding: str | None = None
    seed_line: str = ""
    is_update: bool = False
    network: Arrays | None = None
    new_words: Sequence[int] = ()
    trained_lines: TrainedLines = field(default_factory=TrainedLines)
    ancestors: list[Ancestor] = field(default_factory=list)
    blocked_words: list[str] = field(default_factory=list)
    base: Base | None = None
    known_to_base: float | None = None
    state: Tensors | None = None
    position: Position = field(default_factory=Position)

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
        """The file of the best epoch: that of the model, or for an update one beside the state."""
        return self.folder / UPDATE if self.is_update else self.model_path

    @property
    def tries_base(self) -> bool:
        """True if the text is hardly in the language of the base, so that this stays only for its
        weight in the mixture."""
        return self.known_to_base is not None and self.known_to_base < LEAST_KNOWN

    @cached_property
    def lines_to_measure(self) -> list[Excerpt]:
        """The held-out lines to evaluate on, or a sample of them, each with the lines above it. An
        update is quick, so it has a smaller sample. For a model that is not mixed they are one
        excerpt, as in the metrics of its epochs."""
        found = self.lines_to_fit if self.is_update else self.excerpts(MOST_EVALUATED)
        if self.config.is_mixed:
            return found
        return [Excerpt((), tuple(line for each in found for line in each.lines))]

    @cached_property
    def lines_to_fit(self) -> list[Excerpt]:
        """The held-out lines that mixture weights are fitted to."""
        return self.excerpts(MOST_FITTED)

    def excerpts(self, most_words: int) -> list[Excerpt]:
        """A sample of the held-out lines with about so many words, each with the lines above it."""
        text, held_out = self.prepared.corpus, self.prepared.held_out_mask
        return excerpts_of(text, sample_mask(text, most_words, held_out))

    @cached_property
    def lines_to_learn(self) -> EncodedLines:
        """The training lines that a network learns: all, or in an update with new lines these and
        about as many words of the others, so that it does not forget."""
        prepared, known = self.prepared, self.trained_lines.known
        is_trained = ~prepared.held_out_mask
        is_new = is_trained & (prepared.hashes != NO_WORDS) & ~np.isin(prepared.hashes, known)
        if not (self.is_update and is_new.any()):
            return prepared.train
        words = prepared.train.chosen(is_new[is_trained]).words
        is_old = sample_mask(prepared.corpus, words, is_trained & ~is_new)
        return prepared.train.chosen((is_new | is_old)[is_trained])

    @cached_property
    def fixed_tensors(self) -> Tensors:
        """The tensors of the model that do not change while it trains."""
        prepared = self.prepared
        lines = self.trained_lines.with_run(prepared.hashes, prepared.held_out_mask)
        return text_tensors(prepared.vocabulary, prepared.tokenizer.conventions, lines)
