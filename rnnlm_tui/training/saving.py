"""What a run saves: its best epoch as the model, and the state that it resumes from."""

from __future__ import annotations

import platform
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from rnnlm_tui._version import __version__
from rnnlm_tui.errors import ModelError, StorageError, os_reason
from rnnlm_tui.evaluate import Evaluation
from rnnlm_tui.event_types import BaseSavings, EpochFigures
from rnnlm_tui.lm.kinds import parameters_of
from rnnlm_tui.lm.model import Arrays, LanguageModel
from rnnlm_tui.lm.ngram import ngram_counts
from rnnlm_tui.store import files
from rnnlm_tui.store.card import Mixture, ModelCard
from rnnlm_tui.store.files import RESUME
from rnnlm_tui.store.model_file import change_card, read_card, text_tensors, write_model
from rnnlm_tui.store.run_files import HELD_OUT, Position, Tensors, write_sources, write_state
from rnnlm_tui.store.tensors import expanded, quantized
from rnnlm_tui.training.job import Job


class Saver:
    """Writes the files of one run. The caller holds the lock of its name. All methods raise
    StorageError, which leaves what was saved before intact."""

    def __init__(self, job: Job) -> None:
        self._job = job

    @cached_property
    def versions(self) -> dict[str, str]:
        """The versions of the program and of the libraries that it computes with."""
        found = {
            "rnnlm_tui": __version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        }
        is_network = self._job.config.preset != "ngram"
        return found | ({"torch": version("torch")} if is_network else {})

    def parameters(self) -> int:
        """The number of weights of the network; 0 for n-grams, which are counted only later."""
        return parameters_of(self._job.config, self._job.prepared.vocabulary.total_words)

    def as_saved(self, network: Arrays) -> LanguageModel:
        """The network of these weights as it predicts once it is saved."""
        is_exact = self._job.config.preset == "lesson"
        return self._job.load_network(network if is_exact else expanded(quantized(network)))

    def save_model(
        self,
        metrics: EpochFigures | None,
        epochs_done: int,
        network: Arrays | None,
        ngrams: Arrays | None,
        mixture: Mixture | None,
    ) -> None:
        """Replaces the model by one of these parts."""
        job, prepared, facts = self._job, self._job.prepared, self._job.facts
        card = ModelCard(
            config=job.config,
            total_words=prepared.vocabulary.total_words,
            window=prepared.window,
            corpus=prepared.card,
            metrics=metrics,
            epochs_done=epochs_done,
            created=facts.created,
            updated=now(),
            versions=self.versions,
            ngrams=[*ngram_counts(ngrams)] if ngrams else [],
            ancestors=facts.ancestors,
            blocked_words=facts.blocked_words,
            mixture=mixture,
        )
        files.make_folder(job.path.parent)
        write_model(job.path, card, job.of_text, network, ngrams)
        if job.replaces is None:
            self._save_sources()

    def _save_sources(self) -> None:
        with suppress(StorageError):  # the model does not depend on it
            facts = self._job.facts
            write_sources(self._job.folder, facts.sources, facts.encoding)

    def saved(self, path: Path) -> ModelCard | None:
        """The card of the model that this run has saved at a path; None if it has not."""
        with suppress(ModelError):
            card = read_card(path)
            return card if card.created == self._job.facts.created else None
        return None

    def save_evaluation(
        self, evaluation: Evaluation | None, base_alone: BaseSavings | None
    ) -> None:
        """Adds what was measured to the card of the saved model."""
        epochs_done = self._job.facts.position.epoch - 1
        change_card(
            self._job.path,
            lambda card: replace(
                card, evaluation=evaluation, base_alone=base_alone, epochs_done=epochs_done
            ),
        )

    def replace_model(self) -> None:
        """Makes the finished update the model of its name."""
        job = self._job
        assert job.replaces is not None
        try:
            files.replace(job.path, job.replaces)
        except OSError as error:
            raise StorageError(f"could not save {job.replaces}: {os_reason(error)}") from error
        self._save_sources()

    def save_state(self, position: Position, tensors: Tensors, seed_line: str) -> None:
        """Writes what the run is resumed from."""
        job, prepared = self._job, self._job.prepared
        of_text = text_tensors(prepared.vocabulary, prepared.tokenizer.conventions, job.start.lines)
        mask = {HELD_OUT: prepared.held_out_mask.astype(np.uint8)}
        facts = replace(job.facts, position=position, seed_line=seed_line)
        write_state(job.folder, facts, {**tensors, **of_text, **mask})

    def end(self) -> None:
        """Removes what only an unfinished run needs."""
        files.remove(self._job.folder / RESUME)
        if self._job.replaces is not None:
            files.remove(self._job.path)


def now() -> str:
    """The present time in UTC, as a card has it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
