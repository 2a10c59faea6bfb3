"""A training to run, its events and its card.

No torch, so that errors in it are found before torch is loaded.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui._version import __version__
from rnnlm_tui.config import Config
from rnnlm_tui.event_types import EpochFigures, Started, UpdateFigures, Warned
from rnnlm_tui.formatting import cut_words
from rnnlm_tui.generate import continue_text, decoding_for, generate_words
from rnnlm_tui.lm.model import Architecture, Arrays, LanguageModel
from rnnlm_tui.lm.registry import ARCHITECTURES
from rnnlm_tui.store.card import MAX_ANCESTORS, MAX_EPOCHS, Ancestor, Mixture, ModelCard
from rnnlm_tui.store.model_file import BaseModel, text_tensors
from rnnlm_tui.store.run_state import TextOrigin
from rnnlm_tui.store.trained_lines import TrainedLines, trained_lines_of, trained_lines_of_hashes
from rnnlm_tui.text.corpus import split_lines
from rnnlm_tui.text.excerpts import Excerpt, excerpts_of
from rnnlm_tui.text.overlap import Hashes, no_hashes
from rnnlm_tui.text.prepare import PreparedText
from rnnlm_tui.training.checkpoint import Checkpoint, CheckpointWriter, now
from rnnlm_tui.training.estimate import RunSeconds, logits_of, run_seconds, training_bytes

SAMPLE_WORDS = 10
"""How many words continue the seed line."""


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """A run, new or resumed, that saves its model at `path` and its state in `folder`.

    `origin` says where the corpus can be read again. `state` is the state to resume from, `weights`
    are those to start from; both may be None. `ancestor_lines` are the hashes of the lines that its
    ancestors, the models it started from, were trained on. `base` is the model that it is mixed
    with, as `origin` names it. `replaces` is the model that an update replaces, None once it has.
    """

    name: str
    path: Path
    folder: Path
    config: Config
    prepared: PreparedText
    origin: TextOrigin
    state: Checkpoint | None = None
    weights: dict[str, NDArray[np.float32]] | None = None
    ancestor_lines: Hashes = field(default_factory=no_hashes)
    base: BaseModel | None = None
    replaces: LanguageModel | None = None

    @property
    def ancestors(self) -> list[Ancestor]:
        """The models that the run started from, oldest first."""
        return self.origin.get("ancestors", [])

    @property
    def created(self) -> str:
        """When the run began, by which its model is known."""
        return self.origin.get("created", "")

    @property
    def base_model(self) -> LanguageModel | None:
        """The model that it is mixed with."""
        return self.base.model if self.base else None

    @property
    def is_update(self) -> bool:
        """Whether the run replaces the model that it started from, if the new one is better."""
        return "old_loss" in self.origin

    def is_better(self, new_loss: float | None, *, is_last: bool) -> bool:
        """Whether an update with this loss is better than the model to replace. Without held-out
        lines, only the last epoch is."""
        old_loss = self.origin.get("old_loss")
        if old_loss is None or new_loss is None:
            return is_last
        return new_loss < old_loss

    def checkpoints(self) -> CheckpointWriter:
        """What writes the files of the run."""
        return CheckpointWriter(self.path, self.folder, self.created, self._tensors_of_text)

    def _tensors_of_text(self) -> Arrays:
        """The tensors of the model that do not change while it trains: those of its text and those
        of its base."""
        vocabulary, tokenizer = self.prepared.vocabulary, self.prepared.tokenizer
        of_text = text_tensors(vocabulary.words, tokenizer.conventions, self.trained_lines())
        return {**of_text, **(self.base.tensors if self.base else {})}

    def trained_lines(self) -> TrainedLines:
        """The lines that the run and its ancestors train on."""
        prepared = self.prepared
        if prepared.kept is not None:
            return trained_lines_of_hashes(
                *prepared.kept.hashes, prepared.held_out_mask, self.ancestor_lines
            )
        return trained_lines_of(
            prepared.corpus.lines, prepared.held_out_mask, prepared.tokenizer, self.ancestor_lines
        )

    def split_lines(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The training lines and the held-out lines; samples of them for a large corpus."""
        if (kept := self.prepared.kept) is not None:
            return kept.train, tuple(chain.from_iterable(each.lines for each in kept.held_out))
        return split_lines(self.prepared.corpus.lines, self.prepared.held_out_mask)

    def held_out_excerpts(self) -> Sequence[Excerpt]:
        """The held-out lines where they stand in the text; a sample of them for a large corpus."""
        if self.prepared.kept is not None:
            return self.prepared.kept.held_out
        return [*excerpts_of(self.prepared.corpus.lines, self.prepared.held_out_mask)]


class RunReport:
    """Builds the events and the card of one run. `versions` are those of the libraries that it
    computes with, besides numpy."""

    def __init__(
        self,
        run: TrainingRun,
        clock: Callable[[], float] = time.monotonic,
        versions: Mapping[str, str] | None = None,
    ) -> None:
        self._run, self._clock = run, clock
        self._began = clock()
        self._architecture = self._architecture_with(sizes=())
        self._versions = {
            "rnnlm_tui": __version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
            **(versions or {}),
        }

    def _architecture_with(self, sizes: Sequence[int]) -> Architecture[Any]:
        config, prepared = self._run.config, self._run.prepared
        kind, total_words = ARCHITECTURES[config.preset], prepared.vocabulary.total_words
        return kind(config, total_words, prepared.window, sizes)

    def time(self) -> float:
        """Seconds since the run began."""
        return self._clock() - self._began

    def started(
        self, estimated_s: float, *, epochs_done: int = 0, device: str = "cpu", threads: int = 1
    ) -> Started:
        """The event that begins the run."""
        config, prepared = self._run.config, self._run.prepared
        total_words, examples = prepared.vocabulary.total_words, prepared.examples.predictions
        return Started(
            time=self.time(),
            name=self._run.name,
            preset=config.preset,
            config=config.to_json(),
            seed=config.train.seed,
            corpus=prepared.card,
            total_words=total_words,
            window=prepared.window,
            examples=examples,
            held_out_lines=prepared.held_out_lines,
            parameters=self._architecture.parameters,
            memory_bytes=training_bytes(self._architecture, examples),
            estimated_s=estimated_s,
            epochs_done=epochs_done,
            device=device,
            threads=threads,
            versions=self._versions,
        )

    def warnings(self) -> Iterator[Warned]:
        """An event for each warning about the text."""
        for message in self._run.prepared.warnings:
            yield Warned(self.time(), message)

    def estimate(self) -> RunSeconds:
        """Estimated seconds of the parts of the run."""
        base_logits = logits_of(self._run.base_model)
        return run_seconds(self._run.config, self._run.prepared, base_logits)

    def card(
        self,
        history: Sequence[EpochFigures],
        metrics: EpochFigures | None,
        epochs_done: int,
        sizes: Sequence[int] = (),
        mixture: Mixture | None = None,
    ) -> ModelCard:
        """The card of the model."""
        config, prepared, base = self._run.config, self._run.prepared, self._run.base
        return ModelCard(
            config=config,
            tokenizer=config.tokenizer,
            total_words=prepared.vocabulary.total_words,
            window=prepared.window,
            parameters=self._architecture_with(sizes).parameters,
            corpus=prepared.card,
            metrics=metrics,
            epochs_done=epochs_done,
            created=self._run.created,
            updated=now(),
            versions=self._versions,
            history=[*history][-MAX_EPOCHS:],
            sizes=list(sizes),
            ancestors=self._run.ancestors[-MAX_ANCESTORS:],
            blocked_words=self._run.origin.get("blocked_words", []),
            mixture=mixture,
            base=base.card if base and mixture else None,
        )

    def update(self, new_loss: float | None, *, replaced: bool) -> UpdateFigures | None:
        """The result of an update; None if the run is not an update."""
        if not self._run.is_update:
            return None
        return {
            "replaced": replaced,
            "old_loss": self._run.origin.get("old_loss"),
            "new_loss": new_loss,
        }

    def model(self, weights: Mapping[str, NDArray[Any]]) -> LanguageModel:
        """The model with these weights, which predicts as it will once it is saved."""
        prepared = self._run.prepared
        return self._architecture.load_as_saved(prepared.vocabulary, prepared.tokenizer, weights)


def sample(model: LanguageModel, seed_line: str) -> dict[str, str]:
    """The seed line and its likeliest continuation, with a slash between lines."""
    left, decoding = decoding_for(model.tokenizer, SAMPLE_WORDS, temperature=0)
    lines = [seed_line]
    while words := generate_words(model, lines[-1], left, decoding, previous_lines=lines[:-1]):
        lines[-1] = continue_text(model.tokenizer, lines[-1], words)
        left -= len(words)
        if not decoding.may_end:
            break
        lines.append("")
    text = " / ".join(filter(None, lines))
    return {"seed": cut_words(seed_line), "text": cut_words(text)}
