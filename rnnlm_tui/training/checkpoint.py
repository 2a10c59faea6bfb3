"""A run's files: the state that it resumes from exactly, and the model that it saves."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.config import NetworkTrainConfig, RunConfig
from rnnlm_tui.errors import ModelError, StorageError, os_reason
from rnnlm_tui.events import EpochFigures
from rnnlm_tui.lm.registry import ARCHITECTURES
from rnnlm_tui.store import files
from rnnlm_tui.store.card import MOST_ANCESTORS, Ancestor, ModelCard, NgramFile, read_card
from rnnlm_tui.store.files import MODEL, RESUME
from rnnlm_tui.store.run_state import FACTS, Position, RunOrigin, decode_facts, encode_facts
from rnnlm_tui.store.training_text import TrainedLines, write_trained_lines
from rnnlm_tui.store.weights import is_usable, read_arrays, read_weights, write_tensors
from rnnlm_tui.text.overlap import Hashes, no_hashes
from rnnlm_tui.text.streams import Mask

NUMBER = re.compile(r"-([0-9]{1,9})\.")
LAST_NUMBER = 999_999_999
"""The largest that the names of weights and vocabularies can hold."""


@dataclass(frozen=True, slots=True)
class RunState:
    """The content of resume.safetensors: the settings, where the corpus was read from, the
    position, and the tensors. These are the weights (`weight.` and the name in a saved model), the
    optimizer's moments (`moment.` and the parameter), and the hidden state (`carried.`), which is
    empty between epochs. A run that started from a model or has a base model also has the hashes of
    its ancestors' lines (`lines.ancestors`), and which lines [L] are held out
    (`lines.held_out`)."""

    config: RunConfig
    corpus: RunOrigin
    position: Position
    tensors: dict[str, NDArray[Any]]

    @property
    def weights(self) -> dict[str, NDArray[np.float32]]:
        """The weights by their names in a saved model."""
        return part_of(self.tensors, "weight.")

    @property
    def ancestor_lines(self) -> Hashes:
        """The hashes of the lines that the ancestors were trained on."""
        return self.tensors.get("lines.ancestors", no_hashes())

    @property
    def held_out(self) -> Mask | None:
        """Which lines are held out, or None if the settings decide that."""
        mask = self.tensors.get("lines.held_out")
        return None if mask is None else mask != 0


def arrays_of(state: RunState) -> dict[str, NDArray[Any]]:
    """The whole state as arrays."""
    facts = encode_facts(state.config, state.corpus, state.position)
    return {**state.tensors, FACTS: facts}


def state_of(arrays: Mapping[str, NDArray[Any]]) -> RunState:
    """The reverse of `arrays_of`. Raises ModelError."""
    tensors = dict(arrays)
    return RunState(*decode_facts(tensors.pop(FACTS, None)), tensors)


def part_of(tensors: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    """The tensors whose names begin with `prefix`, by the rest of their names."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


class Checkpoints:
    """Writes the folder of one model during its training. The caller holds the model's lock."""

    def __init__(
        self,
        folder: Path,
        trained_lines: Callable[[], TrainedLines] | None = None,
        ancestors: Sequence[Ancestor] = (),
    ) -> None:
        """`trained_lines` returns what the run trains on; `ancestors` are the models that it
        started from, oldest first."""
        self.folder = folder
        self._trained_lines, self._ancestors = trained_lines, [*ancestors][-MOST_ANCESTORS:]
        self.fresh = True
        """True until this run has saved its own model."""

    def save_model(
        self,
        card: ModelCard,
        words: tuple[str, ...],
        weights: Mapping[str, NDArray[Any]] | None,
        ngrams: Mapping[str, NDArray[Any]] | None = None,
    ) -> None:
        """Replaces the model in the folder: writes words and weights under new names, then the
        card.

        `ngrams` are those that are mixed with a network; they are written once per run. Without
        `weights` the saved ones are kept with their metrics and mixture, and only the rest of the
        card is new. Raises StorageError, which leaves the saved model intact; ModelError if there
        are no weights to keep.
        """
        previous = self._previous_card()
        try:
            self._put_in_place(card, words, weights, ngrams, previous)
        finally:
            in_place = self._previous_card()
            if in_place is not None:
                files.remove_leftovers(self.folder, in_place.files)

    def _put_in_place(
        self,
        card: ModelCard,
        words: tuple[str, ...],
        weights: Mapping[str, NDArray[Any]] | None,
        ngrams: Mapping[str, NDArray[Any]] | None,
        previous: ModelCard | None,
    ) -> None:
        number = _next_number(previous)
        if card.mixture and card.mixture["ngrams"] and ngrams is not None:
            file = None if self.fresh else _ngram_file(previous)
            if file is None:
                file = f"ngrams-{number}.safetensors"
                write_tensors(self.folder / file, ngrams)
            described: NgramFile = {**card.mixture["ngrams"], "file": file}
            card = replace(card, mixture={**card.mixture, "ngrams": described})
        if self.fresh or previous is None:
            vocabulary = "vocabulary.json" if previous is None else f"vocabulary-{number}.json"
            special_tokens = ARCHITECTURES[card.config.preset].special_tokens
            files.write_json(self.folder / vocabulary, {"specials": special_tokens, "words": words})
            card = replace(card, vocabulary=vocabulary, created=now(), ancestors=self._ancestors)
            if self._trained_lines is not None:
                lines = f"lines-{number}.safetensors"
                write_trained_lines(self.folder / lines, self._trained_lines())
                card = replace(card, lines=lines)
        else:
            kept = ("vocabulary", "lines", "created", "ancestors")
            card = replace(card, **{name: getattr(previous, name) for name in kept})
        if weights is not None:
            card = replace(card, weights=f"weights-{number}.safetensors")
            write_tensors(self.folder / card.weights, weights)
        elif previous is not None:
            kept_with_weights = ("weights", "metrics", "mixture")
            card = replace(card, **{name: getattr(previous, name) for name in kept_with_weights})
        else:
            raise ModelError(
                f"the model in {self.folder} is gone or damaged, and with it the best epoch",
                "train it again with --force",
            )
        checksums = {name: files.checksum(self.folder / name) for name in card.files}
        card = replace(card, updated=now(), checksums=checksums)
        files.write_json(self.folder / MODEL, card.to_json())
        self.fresh = False

    def _previous_card(self) -> ModelCard | None:
        try:
            return read_card(self.folder)
        except ModelError:
            return None

    def has_older_model(self) -> bool:
        """Whether the model in the folder is that of an earlier run. The n-grams that a network's
        training begins with do not count."""
        return self.fresh and not self.has_first_ngrams() and self._previous_card() is not None

    def has_first_ngrams(self) -> bool:
        """Whether the model in the folder is the n-grams that a network's training begins with."""
        card = self._previous_card()
        return card is not None and card.config.preset == "ngram" and card.epochs_done == 0

    def best_weights(self) -> dict[str, NDArray[Any]]:
        """The weights of the model that this run has saved."""
        card = read_card(self.folder)
        return read_weights(self.folder, card)

    def metrics(self) -> EpochFigures | None:
        """The metrics of the model that this run has saved, or None."""
        card = None if self.fresh else self._previous_card()
        return card.metrics if card else None

    def drop_state(self) -> None:
        """Removes resume.safetensors, if there is one. Raises StorageError."""
        try:
            (self.folder / RESUME).unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(
                f"could not remove {self.folder / RESUME}: {os_reason(error)}"
            ) from error

    def save_state(self, state: RunState) -> None:
        """Writes resume.safetensors. Raises StorageError."""
        write_tensors(self.folder / RESUME, arrays_of(state))


def _ngram_file(card: ModelCard | None) -> str | None:
    ngrams = card and card.mixture and card.mixture["ngrams"]
    return ngrams["file"] if ngrams else None


def _next_number(previous: ModelCard | None) -> int:
    """A number for the names of new files that no file of the previous card has."""
    if previous is None:
        return 1
    found = (NUMBER.search(name) for name in previous.files)
    used = {int(number[1]) if number else 0 for number in found}
    following = max(used) + 1
    return following if following <= LAST_NUMBER else min({1, 2, 3} - used)


def now() -> str:
    """The present time in UTC, as a card has it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def load_state(folder: Path, name: str) -> RunState:
    """The state of the run in `folder`. Raises ModelError if there is none to resume from."""
    path = folder / RESUME
    if not path.exists():
        raise ModelError(f"there is no run of {name} to resume", "train it without --resume")
    try:
        state = state_of(read_arrays(path))
        _check_numbers(state)
    except (ModelError, ValueError) as error:
        raise ModelError(
            f"the state of the run of {name} is damaged: {error}", "train it again with --force"
        ) from error
    return state


def _check_numbers(state: RunState) -> None:
    """Raises ValueError for numbers that this program never saves."""
    if isinstance(state.config.train, NetworkTrainConfig) and state.position.learning_rate <= 0:
        raise ValueError("the learning rate is not above 0")
    for name, tensor in state.tensors.items():
        if name.startswith("lines."):
            continue
        is_sound = is_usable(tensor) if name.startswith("weight.") else np.isfinite(tensor).all()
        if tensor.dtype != np.float32 or not is_sound:
            raise ValueError(f"{name} does not hold usable float32 numbers")
