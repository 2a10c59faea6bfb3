"""Saves a run: its best epoch as the model, and its state, to resume from.

The caller holds the lock of the run's name. All functions that write raise StorageError. What was
saved before stays whole then.
"""

from __future__ import annotations

import platform
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from rnnlm_tui._version import __version__
from rnnlm_tui.errors import ModelError, StorageError
from rnnlm_tui.events import EpochFigures, Evaluation
from rnnlm_tui.lm.mixture import MixedModel
from rnnlm_tui.lm.ngram import ngram_counts
from rnnlm_tui.store import files
from rnnlm_tui.store.card import Mixture, ModelCard
from rnnlm_tui.store.files import RESUME
from rnnlm_tui.store.model_file import change_card, read_card, text_tensors, write_model
from rnnlm_tui.store.run_files import HELD_OUT, Tensors, write_sources, write_state
from rnnlm_tui.training.job import Job
from rnnlm_tui.training.learner import Parts


def versions_of(job: Job) -> dict[str, str]:
    """Returns the versions of the program, of Python, and of the libraries that compute."""
    found = {
        "rnnlm_tui": __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
    return found | {"torch": version("torch")} if job.config.has_network else found


def save_model(
    job: Job, metrics: EpochFigures | None, parts: Parts, mixed: MixedModel | None
) -> None:
    """Writes the model with these parts, and with the mixture weights of `mixed`. `metrics` are
    None if the parts are only n-grams that a network will join."""
    prepared, ngrams = job.prepared, parts.get("ngrams")
    base = left_out = None
    language = ""
    if mixed is not None and job.base is not None:
        if "base" in mixed.models:
            base, language = job.base.name, read_card(job.library.path(job.base.name)).language
        else:
            left_out = job.base.name
    card = ModelCard(
        config=job.config,
        total_words=prepared.vocabulary.total_words,
        window=prepared.window,
        corpus=prepared.corpus_facts,
        metrics=metrics,
        epochs_done=metrics.epoch if metrics else 0,
        created=job.facts.created,
        updated=utc_now(),
        versions=versions_of(job),
        ngrams=[*ngram_counts(ngrams)] if ngrams else [],
        ancestors=job.facts.ancestors,
        blocked_words=job.facts.blocked_words,
        language=language,
        mixture=Mixture(dict(mixed.mixture_weights), base, left_out) if mixed else None,
    )
    files.make_folder(job.best_path.parent)
    write_model(job.best_path, card, job.fixed_tensors, parts.get("network"), ngrams)
    if not job.is_update:
        _save_sources(job)


def _save_sources(job: Job) -> None:
    with suppress(StorageError):  # the model does not depend on it
        write_sources(job.folder, job.facts.sources, job.facts.encoding)


def saved_card(job: Job, path: Path) -> ModelCard | None:
    """Returns the card of the model at a path, or None if this run has not saved it."""
    with suppress(ModelError):
        card = read_card(path)
        return card if card.created == job.facts.created else None
    return None


def save_evaluation(job: Job, evaluation: Evaluation | None) -> None:
    """Adds the figures, and the number of trained epochs, to the card of the saved model."""
    done = job.position.epoch - 1
    change_card(job.best_path, lambda card: replace(card, evaluation=evaluation, epochs_done=done))


def replace_model(job: Job) -> None:
    """Replaces the old model by the finished update."""
    files.replace(job.best_path, job.model_path)
    _save_sources(job)


def save_state(job: Job, state: Tensors, seed_line: str) -> None:
    """Writes the state of a learner and the rest that the run is resumed from."""
    prepared = job.prepared
    text = text_tensors(prepared.vocabulary, prepared.tokenizer.conventions, job.trained_lines)
    held_out = {HELD_OUT: prepared.held_out_mask.astype(np.uint8)}
    facts = replace(job.facts, seed_line=seed_line)
    write_state(job.folder, facts, {**state, **text, **held_out})


def clean_up(job: Job) -> None:
    """Removes the files that only an unfinished run needs. Of an update, that includes the new
    model: it has replaced the old one, or it is no better and is thrown away."""
    files.remove(job.folder / RESUME)
    if job.is_update:
        files.remove(job.best_path)


def utc_now() -> str:
    """Returns the present time in UTC, in ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
